"""Streams of bytes: the offline answer in blocks of any size, whatever way the bytes come."""

import io
import os
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sounds import noise, sentence

import ltisys as lti
from ltisys.errors import AudioFileError, MismatchError
from ltisys.pipes import PipeReport, convolve_pipe
from ltisys.quantiser import codes
from ltisys.raw_samples import SAMPLES
from ltisys.wav_headers import WavHeader, read_header

FS = 48000
ROOM = lti.FIR(noise(300, 2, seed=1) * 0.4, fs=FS)
FORMATS = tuple(SAMPLES)
BLOCKS = (1, 7, 64, 256, 5000)


def packed(x: np.ndarray, format: str) -> bytes:
    """(channels, frames) as raw samples, by other means than ltisys."""
    if format[0] == "f":
        return x.T.astype(f"<f{int(format[1:3]) // 8}").tobytes()
    bits = int(format[1:3])
    whole = np.rint(x.T.astype(float) * 2 ** (bits - 1)).astype(int).reshape(-1)
    return b"".join(int(code).to_bytes(bits // 8, "little", signed=True) for code in whole)


def unpacked(data: bytes, format: str, channels: int) -> np.ndarray:
    """Raw samples as float64 (channels, frames); codes as they are."""
    size = int(format[1:3]) // 8
    if format[0] == "f":
        return np.frombuffer(data, f"<f{size}").reshape(-1, channels).T.astype(float)
    each = [data[at : at + size] for at in range(0, len(data), size)]
    numbers = [int.from_bytes(word, "little", signed=True) for word in each]
    return np.array(numbers, dtype=np.int64).reshape(-1, channels).T


def streamed(data: bytes, ir, format: str = "f32le", **options) -> tuple[bytes, PipeReport]:
    out = io.BytesIO()
    report = convolve_pipe(
        io.BytesIO(data), ir, out, **({"format": format, "block_size": 64} | options)
    )
    return out.getvalue(), report


def far(x: np.ndarray, h: np.ndarray, dtype) -> float:
    """Bound the distance of any output from the exact answer: 20 u L ||x|| ||h||, as oracle's.

    The partitions of a response add up, by Cauchy and Schwarz, to its norm; one u is for the
    rounding of the response itself, so L has one more.
    """
    bits = np.log2(4 * (x.shape[-1] + h.shape[-1])) + 1
    return 20 * np.finfo(dtype).eps / 2 * bits * np.linalg.norm(x) * np.linalg.norm(h)


# --- what comes out -------------------------------------------------------------------------------


@pytest.mark.parametrize("block_size", BLOCKS)
@pytest.mark.parametrize("format", FORMATS)
def test_it_is_the_offline_answer(format: str, block_size: int) -> None:
    x = noise(1000, 2)
    data = packed(x, format)
    got, report = streamed(data, ROOM, format, block_size=block_size)
    bits = 0 if format[0] == "f" else int(format[1:3])
    taken = unpacked(data, format, 2) / (2.0 ** (bits - 1) if bits else 1)
    wanted = lti.FIR(ROOM.h.astype(float))(taken)
    y = unpacked(got, format, 2)
    assert y.shape == wanted.shape == (2, 1299)
    work = np.float64 if format in ("s32le", "f64le") else np.float32
    error = far(taken, ROOM.h, work)
    if bits:
        full = 2.0 ** (bits - 1)
        exact, clipped = codes(wanted, bits)
        assert np.abs(y - exact).max() <= 1 + error * full
        # float32 errs by some 1e-8 here, which carries one of 16 bits past a half now and then
        assert bits != 16 or (y == exact).mean() > 0.99
        floats, _ = streamed(packed(taken, f"f{8 * work().itemsize}le"), ROOM,
                             f"f{8 * work().itemsize}le", block_size=block_size)  # fmt: skip
        floats = unpacked(floats, f"f{8 * work().itemsize}le", 2).astype(work)
        assert np.array_equal(y, codes(floats, bits)[0])
        assert report.clipped == clipped == 0
    else:
        assert np.abs(y - wanted).max() <= error
    assert (report.frames_in, report.frames, report.tail_cut, report.late) == (1000, 1299, 0, 0)
    assert (report.fs, report.inputs, report.channels, report.format) == (FS, 2, 2, format)
    assert report.peak_db == pytest.approx(20 * np.log10(np.abs(wanted).max()), abs=1e-3)
    assert report.lost == ()


@pytest.mark.parametrize("format", FORMATS)
def test_what_passes_through_unchanged_is_the_same_bytes(format: str) -> None:
    x = noise(500, 3)
    x[0, :4] = [1 - 2**-15, -1.0, 0, 2**-15]
    data = packed(x, format)
    one = lti.FIR([1.0])
    assert streamed(data, one, format, channels=3)[0] == data
    got, report = streamed(data, ROOM, format, channels=1, mix=0.0, tail=False)
    assert np.array_equal(unpacked(got, format, 2)[0], unpacked(data, format, 1)[0])
    assert report.channels == 2


ROUTES = {  # channels of the response and of the input
    "one for all": (1, 2),
    "channel by channel": (2, 2),
    "mono spread": (2, 1),
    "mono": (1, 1),
    "true stereo": (4, 2),
    "mono into true stereo": (4, 1),
    "four by four": (4, 4),
}


@pytest.mark.parametrize("mix", [1.0, 0.3])
@pytest.mark.parametrize("route", ROUTES)
def test_channels_mix_predelay_and_gain_are_those_of_files(
    tmp_path: Path, route: str, mix: float
) -> None:
    rows, channels = ROUTES[route]
    soundfile.write(tmp_path / "h.wav", noise(200, rows, seed=2).T, FS, subtype="FLOAT")
    soundfile.write(tmp_path / "x.wav", noise(900, channels).T, FS, subtype="FLOAT")
    options = {"mix": mix, "predelay_s": 0.002, "gain_db": -4.5}
    lti.convolve_file(tmp_path / "x.wav", tmp_path / "h.wav", tmp_path / "y.wav", **options)
    wanted = lti.read(tmp_path / "y.wav")[0]
    data = packed(lti.read(tmp_path / "x.wav")[0], "f32le")
    got, report = streamed(data, tmp_path / "h.wav", channels=channels, **options)
    y = unpacked(got, "f32le", wanted.shape[0])
    assert y.shape == wanted.shape
    assert np.abs(y - wanted).max() < 1e-6
    assert report.channels == wanted.shape[0]


def test_a_matrix_of_any_size() -> None:
    x = noise(100, 3)
    matrix = lti.FIR(np.arange(1.0, 7.0).reshape(2, 3, 1) / 10)
    y = unpacked(streamed(packed(x, "f32le"), matrix, channels=3)[0], "f32le", 2)
    assert np.allclose(y, matrix.h[:, :, 0] @ x, atol=1e-6)
    y = unpacked(streamed(packed(x[:1], "f32le"), matrix, channels=1)[0], "f32le", 2)
    assert np.allclose(y, matrix.h[:, :, 0].sum(axis=1)[:, None] * x[:1], atol=1e-6)


@pytest.mark.parametrize("predelay_s", [0.0, 0.001, 0.02])
def test_a_resampled_response_is_late_by_what_it_rings_ahead(
    tmp_path: Path, predelay_s: float
) -> None:
    h = np.zeros(200)
    h[0], h[150] = 1.0, 0.5
    soundfile.write(tmp_path / "h.wav", h, 44100, subtype="FLOAT")
    soundfile.write(tmp_path / "x.wav", noise(900, 1).T, FS, subtype="FLOAT")
    options = {"mix": 0.5, "predelay_s": predelay_s, "resample": True}
    lti.convolve_file(tmp_path / "x.wav", tmp_path / "h.wav", tmp_path / "y.wav", **options)
    wanted = lti.read(tmp_path / "y.wav")[0]
    data = packed(noise(900, 1), "f32le")
    got, report = streamed(data, tmp_path / "h.wav", fs=FS, channels=1, **options)
    y = unpacked(got, "f32le", 1)
    rings = lti.FIR.from_file(tmp_path / "h.wav", fs=FS).latency
    assert report.late == max(0, rings - round(predelay_s * FS))
    assert (report.late > 0) == (predelay_s < 0.02)
    assert y.shape[1] == wanted.shape[1] + report.late
    assert np.abs(y[:, report.late :] - wanted).max() < 1e-6
    assert report.resampled_from == 44100
    assert ("frames late" in str(report)) == (report.late > 0)


def test_without_a_tail_it_ends_with_the_input() -> None:
    data = packed(noise(1000, 2), "f32le")
    whole, _ = streamed(data, ROOM)
    cut, report = streamed(data, ROOM, tail=False)
    assert cut == whole[: len(data)]
    assert (report.frames, report.tail_cut) == (1000, 299)
    assert "tail of 299 frames cut" in str(report)


@pytest.mark.parametrize("format", FORMATS)
def test_no_frames_give_no_frames(format: str) -> None:
    got, report = streamed(b"", ROOM, format)
    assert (got, report.frames, report.lost) == (b"", 0, ())
    assert str(report) == (
        f"0 frames in, 0 out (0.00 s at 48000 Hz), 2 channels, {format}, peak -inf dBFS"
    )


def test_clipped_frames_are_counted() -> None:
    x = np.full((2, 10), 0.5)
    x[1, :3] = 0.9
    got, report = streamed(packed(x, "s16le"), lti.FIR([1.0]), "s16le", gain_db=3.0)
    assert report.clipped == 3
    assert unpacked(got, "s16le", 2)[1, :3].tolist() == [32767] * 3
    assert "3 frames CLIPPED (lower --gain-db)" in str(report)
    assert streamed(packed(x, "f32le"), lti.FIR([1.0]), gain_db=3.0)[1].clipped == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_bad_sample_is_counted_and_gone_after_the_response(bad: float) -> None:
    x = noise(1000, 2)
    clean = unpacked(streamed(packed(x, "f32le"), ROOM)[0], "f32le", 2)
    x[1, 400] = bad
    got, report = streamed(packed(x, "f32le"), ROOM)
    y = unpacked(got, "f32le", 2)
    assert (report.bad_samples, report.spoilt) == (1, 300)
    spoilt = ~np.isfinite(y)
    assert not spoilt[0].any()
    assert np.flatnonzero(spoilt[1]).tolist() == list(range(400, 700))
    assert np.abs((y - clean)[~spoilt]).max() <= far(noise(1000, 2), ROOM.h, np.float32)
    assert np.isfinite(report.peak_db)
    assert "1 samples came NaN or infinite, 300 frames went so" in str(report)


def test_an_answer_beyond_the_floats_has_no_codes() -> None:
    data = packed(np.full((1, 9), 0.9), "s16le")
    with pytest.raises(MismatchError) as caught:
        streamed(data, lti.FIR([3e38, 3e38]), "s16le", channels=1)
    assert "lower gain_db (--gain-db)" in sentence(caught)


# --- how the bytes come ---------------------------------------------------------------------------


class Slow(io.RawIOBase):
    """A source that gives a few bytes at a time, and a sink that takes as few."""

    def __init__(self, data: bytes = b"", most: int = 1) -> None:
        self.file, self.most = io.BytesIO(data), most

    def readinto(self, buffer) -> int:
        return self.file.readinto(memoryview(buffer)[: self.most])

    def write(self, data) -> int:
        return self.file.write(bytes(data[: self.most]))


@pytest.mark.parametrize("most", [1, 5, 1000])
@pytest.mark.parametrize("format", ["s24le", "wav"])
def test_a_few_bytes_at_a_time(format: str, most: int) -> None:
    data = packed(noise(150, 2), "s24le")
    if format == "wav":
        data = WavHeader(FS, 2, 24, False).to_bytes() + data
    wanted, _ = streamed(data, ROOM, format)
    out = Slow(most=most)
    convolve_pipe(Slow(data, most), ROOM, out, format=format, block_size=64)
    assert out.file.getvalue() == wanted


def test_pipes_that_may_not_wait_are_waited_for() -> None:
    data = packed(noise(20_000, 2), "f32le")
    wanted, _ = streamed(data, ROOM, block_size=4096)
    ends = [os.pipe(), os.pipe()]
    for descriptor in (ends[0][0], ends[1][1]):
        os.set_blocking(descriptor, False)

    def feed() -> None:
        with open(ends[0][1], "wb") as file:
            file.write(data)

    def work() -> None:
        with open(ends[0][0], "rb", 0) as source, open(ends[1][1], "wb", 0) as out:
            convolve_pipe(source, ROOM, out, format="f32le", block_size=4096)

    threads = [threading.Thread(target=feed), threading.Thread(target=work)]
    for thread in threads:
        thread.start()
    with open(ends[1][0], "rb") as file:
        got = file.read()
    for thread in threads:
        thread.join()
    assert got == wanted


@pytest.mark.parametrize("rest", [1, 3, 5])
def test_a_torn_frame_is_told_after_everything_else(rest: int) -> None:
    data = packed(noise(150, 2), "s24le")
    wanted, _ = streamed(data, ROOM, "s24le")
    got, report = streamed(data + b"\1" * rest, ROOM, "s24le")
    assert got == wanted
    assert report.lost == (
        f"the input ended inside a frame: {rest} of its 6 bytes came and were dropped; "
        f"all before it was answered",
    )
    assert streamed(b"\1" * rest, ROOM, "s24le")[0] == b""


# --- what is refused ------------------------------------------------------------------------------


def wav(x: np.ndarray, fs: int = FS, subtype: str = "PCM_16", format: str = "WAV") -> bytes:
    """A WAV by soundfile, which is given codes: of floats it would not round to the nearest."""
    file = io.BytesIO()
    if subtype.startswith("PCM"):
        bits = int(subtype[4:])
        x = np.rint(x * 2.0 ** (bits - 1)).astype(np.int32) << (32 - bits)
    soundfile.write(file, x.T, fs, subtype=subtype, format=format)
    return file.getvalue()


REFUSED = [
    ({"format": "mp3"}, ValueError, "format='mp3' must be one of 'f32le', 'f64le', 's16le', "),
    ({"block_size": 0}, ValueError, "block_size=0 must be an integer >= 1"),
    ({"channels": 0}, ValueError, "channels=0 must be an integer >= 1"),
    ({"channels": 65}, MismatchError, "the input has 65 channels; ltisys takes at most 64"),
    (
        {"channels": 3},
        MismatchError,
        "the input has 3 channels but the response has 2; it must have 1, 3",
    ),
    ({"fs": 0}, ValueError, "fs=0 must be a finite number > 0 in Hz"),
    (
        {"fs": 44100},
        MismatchError,
        "fs differs: the input 44100 Hz, FIR(2 channels, 300 taps, 0.00625 s at 48000 Hz) "
        "48000 Hz; pass resample=True (--resample) to resample the response",
    ),
    ({"mix": 1.5}, ValueError, "mix=1.5 must be a finite number >= 0 and <= 1"),
    ({"predelay_s": -1}, ValueError, "predelay_s=-1 must be a finite number >= 0 in seconds"),
    ({"gain_db": 1e6}, ValueError, "gain_db=1e+06 lifts the response beyond float32; lower it"),
    ({"gain_db": 900.0}, ValueError, "gain_db=900 lifts the response beyond float32; lower it"),
    (
        {"ir": lti.FIR([1.0]), "predelay_s": 1},
        ValueError,
        "predelay_s=1.0 takes a rate; give fs= as well",
    ),
    (
        {"ir": lti.FIR(np.ones((3, 2, 4))), "mix": 0.5},
        MismatchError,
        "the input has 2 channels but the answer has 3: the dry sound cannot be mixed in; use mi",
    ),
    (
        {"format": "wav", "fs": 44100},
        MismatchError,
        "fs=44100 contradicts the header of the WAV, which says 48000; leave it out",
    ),
    (
        {"format": "wav", "channels": 1},
        MismatchError,
        "channels=1 contradicts the header of the WAV, which says 2; leave it out",
    ),
]


@pytest.mark.parametrize(("options", "kind", "words"), REFUSED, ids=lambda value: str(value)[:40])
def test_what_does_not_fit_is_refused(options: dict, kind: type, words: str) -> None:
    out = io.BytesIO()
    given = {"ir": ROOM, "format": "f32le", "block_size": 64} | options
    with pytest.raises(kind) as caught:
        convolve_pipe(io.BytesIO(wav(noise(10))), given.pop("ir"), out, **given)
    assert type(caught.value) is kind
    assert sentence(caught).startswith(words)
    assert out.getvalue() == b""


# --- WAV ------------------------------------------------------------------------------------------

SUBTYPES = {
    "PCM_16": "s16le",
    "PCM_24": "s24le",
    "PCM_32": "s32le",
    "FLOAT": "f32le",
    "DOUBLE": "f64le",
}


@pytest.mark.parametrize("format", ["WAV", "WAVEX", "RF64"])
@pytest.mark.parametrize("subtype", SUBTYPES)
def test_a_wav_comes_out_as_it_went_in(tmp_path: Path, subtype: str, format: str) -> None:
    x = noise(777, 2)
    data = wav(x, 44100, subtype, format)
    got, report = streamed(data, lti.FIR(ROOM.h), "wav")
    samples = SUBTYPES[subtype]
    raw, _ = streamed(packed(x, samples), lti.FIR(ROOM.h), samples)
    assert report.format == samples
    assert got.endswith(raw)
    head = read_header(io.BytesIO(got).read)
    assert (head.fs, head.channels, head.samples) == (44100, 2, samples)
    assert (head.size, head.extensible) == (None, read_header(io.BytesIO(data).read).extensible)
    assert head.extensible == (format != "WAV")
    (tmp_path / "y.wav").write_bytes(got)
    y, fs = soundfile.read(tmp_path / "y.wav")  # libsndfile takes it, to the end
    assert (y.shape, fs, soundfile.info(tmp_path / "y.wav").subtype) == ((1076, 2), 44100, subtype)
    assert lti.read(tmp_path / "y.wav")[0].shape == (2, 1076)


def test_a_wav_without_a_frame_is_a_header() -> None:
    data = wav(noise(0, 2))
    got, report = streamed(data, ROOM, "wav")
    assert got == WavHeader(FS, 2, 16, False).to_bytes()
    assert (report.frames, report.lost) == (0, ())


def test_a_mono_wav_becomes_stereo() -> None:
    got, report = streamed(wav(noise(100, 1), format="WAVEX"), ROOM, "wav", mix=0.5)
    head = read_header(io.BytesIO(got).read)
    assert (head.channels, head.mask, report.inputs, report.channels) == (2, 0, 1, 2)
    assert "1 -> 2 channels" in str(report)


def test_a_wav_that_breaks_off_is_told_and_answered() -> None:
    data = wav(noise(100, 2))
    got, report = streamed(data[: 44 + 4 * 60 + 1], ROOM, "wav")
    assert report.frames == 60 + 299
    torn, short = report.lost
    assert torn.startswith("the input ended inside a frame: 1 of its 4 bytes came")
    assert short == (
        "the input was cut off: 60 of the 100 frames that its header states came, and were answered"
    )
    assert got == streamed(data[: 44 + 4 * 60], ROOM, "wav")[0]


def test_what_follows_the_sound_is_no_sound() -> None:
    data = bytearray(wav(noise(100, 2)))
    alone, _ = streamed(bytes(data), ROOM, "wav")
    data += b"LIST\x06\0\0\0abcdef"
    data[4:8] = (len(data) - 8).to_bytes(4, "little")
    got, report = streamed(bytes(data), ROOM, "wav")
    assert (got, report.lost) == (alone, ())
    source = io.BytesIO(bytes(data) * 2)  # cat a.wav b.wav |
    report = convolve_pipe(source, ROOM, io.BytesIO(), format="wav", block_size=64)
    assert source.read() == b""
    assert report.lost == (f"{len(data)} bytes came behind the WAV and were not taken for sound",)


def test_a_header_that_cannot_be_read_writes_nothing() -> None:
    out = io.BytesIO()
    with pytest.raises(AudioFileError) as caught:
        convolve_pipe(io.BytesIO(b"fLaC1234"), ROOM, out, format="wav", block_size=64)
    assert sentence(caught).startswith("the input is no WAV: it starts with b'fLaC1'; decode it")
    assert out.getvalue() == b""
