"""convolve_file: the answer of convolve, on disk, aligned, reported, and nothing else changed."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

import ltisys as lti
from ltisys._types import Array
from ltisys.audio import shipped_sound
from ltisys.files import FileJob

RNG = np.random.default_rng(11)
FS = 8000
LSB = 2.0**-15  # of 16 bits: a rounded sample is off by at most half of it
U = 2.0**-24


def sound(path: Path, x: Array, fs: int = FS, subtype: str = "PCM_16") -> Path:
    """Write (channels, frames) without ltisys."""
    soundfile.write(path, x.T, fs, subtype=subtype)
    return path


def loaded(path: Path) -> Array:
    return soundfile.read(path, always_2d=True)[0].T


@pytest.fixture
def dry(tmp_path: Path) -> Path:
    return sound(tmp_path / "dry.wav", RNG.uniform(-0.25, 0.25, (2, 5000)))


@pytest.fixture
def room(tmp_path: Path) -> Path:
    decay = RNG.standard_normal((2, 700)) * np.exp(-np.arange(700) / 100) * 0.1
    return sound(tmp_path / "room.wav", decay, subtype="FLOAT")


def definition(x: Array, h: Array) -> Array:
    """What the file must hold: float64, by definition, for the channel rules of the docstring."""
    if h.shape[0] == 4:
        left, right = x if x.shape[0] == 2 else (x[0], x[0])
        return np.stack([np.convolve(left, h[o]) + np.convolve(right, h[2 + o]) for o in range(2)])
    rows = max(x.shape[0], h.shape[0])
    return np.stack([np.convolve(x[o % x.shape[0]], h[o % h.shape[0]]) for o in range(rows)])


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("responses", [1, 2, 4])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_channels(tmp_path: Path, channels: int, responses: int, subtype: str) -> None:
    x = sound(tmp_path / "x.wav", RNG.uniform(-0.2, 0.2, (channels, 3001)), subtype=subtype)
    h = sound(tmp_path / "h.wav", RNG.uniform(-0.02, 0.02, (responses, 501)), subtype="FLOAT")
    report = lti.convolve_file(x, h, tmp_path / "y.wav")
    y, want = loaded(tmp_path / "y.wav"), definition(loaded(x), loaded(h))
    assert y.shape == want.shape
    assert soundfile.info(tmp_path / "y.wav").subtype == subtype == report.subtype
    step = {"PCM_16": 2.0**-15, "PCM_24": 2.0**-23, "FLOAT": 0.0}[subtype]
    bound = step / 2 + 20 * U * 14 * np.linalg.norm(loaded(x)) * np.linalg.norm(loaded(h))
    assert np.abs(y - want).max() <= bound
    assert (report.frames, report.channels, report.fs) == (want.shape[1], want.shape[0], FS)
    assert report.clipped == 0
    assert report.peak_db == pytest.approx(20 * np.log10(np.abs(want).max()), abs=1e-3)


def test_a_file_of_many_chunks_is_the_whole_answer(tmp_path: Path) -> None:
    x = sound(tmp_path / "x.wav", RNG.uniform(-0.1, 0.1, (1, 700_001)), 48000, "FLOAT")
    h = sound(tmp_path / "h.wav", RNG.standard_normal((1, 3000)) * 0.01, 48000, "FLOAT")
    lti.convolve_file(x, h, tmp_path / "y.wav")
    want = lti.convolve(loaded(x), loaded(h)[0], method="overlap-save")
    y = loaded(tmp_path / "y.wav")
    assert y.shape == want.shape
    assert np.abs(y - want).max() < 1e-5 * np.abs(want).max()


def test_dry_alone_is_the_input_to_the_bit(tmp_path: Path, dry: Path, room: Path) -> None:
    lti.convolve_file(dry, room, tmp_path / "y.wav", mix=0, tail=False)
    codes = [soundfile.read(path, dtype="int16")[0] for path in (dry, tmp_path / "y.wav")]
    assert np.array_equal(*codes)


@pytest.mark.parametrize("predelay_s", [0.0, 0.01, 0.1234])
def test_mix_and_predelay(tmp_path: Path, dry: Path, room: Path, predelay_s: float) -> None:
    lti.convolve_file(dry, room, tmp_path / "y.wav", mix=0.3, predelay_s=predelay_s, gain_db=-6)
    x, wet = loaded(dry), definition(loaded(dry), loaded(room))
    late = round(predelay_s * FS)
    want = np.zeros((2, wet.shape[1] + late))
    want[:, late:] += 0.3 * wet
    want[:, : x.shape[1]] += 0.7 * x
    y = loaded(tmp_path / "y.wav")
    assert y.shape == want.shape
    assert np.abs(y - want * 10 ** (-6 / 20)).max() <= LSB / 2 + 1e-6


def test_a_cut_tail_is_told(tmp_path: Path, dry: Path, room: Path) -> None:
    whole = lti.convolve_file(dry, room, tmp_path / "whole.wav", subtype="FLOAT")
    cut = lti.convolve_file(dry, room, tmp_path / "cut.wav", subtype="FLOAT", tail=False)
    y = loaded(tmp_path / "whole.wav")
    assert cut.frames == 5000
    assert np.array_equal(loaded(tmp_path / "cut.wav"), y[:, :5000])
    lost = (y[:, 5000:] ** 2).sum() / (y**2).sum()
    assert cut.lost_tail_db == pytest.approx(10 * np.log10(lost), abs=1e-3)
    assert whole.lost_tail_db == -np.inf


def test_clipped_frames_are_counted_and_told(tmp_path: Path, dry: Path, room: Path) -> None:
    report = lti.convolve_file(dry, room, tmp_path / "y.wav", gain_db=20)
    free = lti.convolve_file(dry, room, tmp_path / "f.wav", gain_db=20, subtype="FLOAT")
    over = (np.rint(loaded(tmp_path / "f.wav") * 2**15) > 2**15 - 1) | (
        np.rint(loaded(tmp_path / "f.wav") * 2**15) < -(2**15)
    )
    assert report.clipped == over.any(axis=0).sum() > 0
    assert f"{report.clipped:,} frames CLIPPED" in str(report)
    assert free.clipped == 0


def test_normalize(tmp_path: Path, dry: Path, room: Path) -> None:
    peak = lti.convolve_file(dry, room, tmp_path / "p.wav", normalize="peak", subtype="FLOAT")
    assert np.abs(loaded(tmp_path / "p.wav")).max() == pytest.approx(10 ** (-1 / 20), rel=1e-6)
    assert peak.peak_db == pytest.approx(-1, abs=1e-5)
    same = lti.convolve_file(dry, room, tmp_path / "r.wav", normalize="rms", subtype="FLOAT")
    levels = [np.sqrt(np.mean(loaded(path) ** 2)) for path in (dry, tmp_path / "r.wav")]
    assert levels[0] == pytest.approx(levels[1], rel=1e-6)
    assert same.gain_db != 0
    silent = sound(tmp_path / "s.wav", np.zeros((1, 100)))
    assert lti.convolve_file(silent, room, tmp_path / "q.wav", normalize="peak").gain_db == 0


def test_a_resampled_response_keeps_its_place_and_level(tmp_path: Path) -> None:
    noise = RNG.uniform(-0.2, 0.2, (1, 4000))
    noise[:, :300] = 0  # room for what rings ahead, which a file cannot hold before its frame 0
    x = sound(tmp_path / "x.wav", noise, 48000, "FLOAT")
    h = np.zeros((1, 882))
    h[0, 0] = 1.0  # a direct sound at frame 0: the resampler rings ahead of it
    h[0, 441] = 0.5  # and an echo after 10 ms
    response = sound(tmp_path / "h.wav", h, 44100, "FLOAT")
    report = lti.convolve_file(x, response, tmp_path / "y.wav", resample=True)
    assert report.resampled_from == 44100
    assert "resampled from 44100 Hz" in str(report)
    # up to 0.92 of 22.05 kHz the answer is the input plus its echo, at their level
    wanted = np.pad(loaded(x)[0], (0, 960))
    wanted[480 : 480 + 4000] += 0.5 * loaded(x)[0]
    y = loaded(tmp_path / "y.wav")[0]
    n = 8192
    low = np.arange(n // 2 + 1) < 0.92 * 22050 / 48000 * n
    got, want = np.fft.rfft(y, n)[low], np.fft.rfft(wanted, n)[low]
    # -140 dB of the resampler, and the rounding of the transforms in single precision
    bound = 1e-7 + 20 * U * 14 * np.sqrt(n) / 10
    assert np.linalg.norm(got - want) < bound * np.linalg.norm(want)


def test_the_same_job_gives_the_same_bytes(tmp_path: Path, dry: Path, room: Path) -> None:
    for subtype in ("PCM_16", "FLOAT"):
        for name in ("a.wav", "b.wav"):
            lti.convolve_file(dry, room, tmp_path / name, subtype=subtype, overwrite=True)
        assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_tags_are_copied(tmp_path: Path, room: Path) -> None:
    with soundfile.SoundFile(tmp_path / "x.flac", "w", FS, 1) as file:
        file.title, file.artist = "Ein Satz", "eine Stimme"
        file.write(np.ones(100) * 0.1)
    lti.convolve_file(tmp_path / "x.flac", room, tmp_path / "y.flac")
    with soundfile.SoundFile(tmp_path / "y.flac") as file:
        assert (file.title, file.artist) == ("Ein Satz", "eine Stimme")


def test_in_place(tmp_path: Path, dry: Path, room: Path) -> None:
    lti.convolve_file(dry, room, tmp_path / "y.wav")
    with pytest.raises(lti.OutputError):
        lti.convolve_file(dry, room, dry, overwrite=True)
    lti.convolve_file(dry, room, dry, in_place=True)
    assert dry.read_bytes() == (tmp_path / "y.wav").read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["dry.wav", "room.wav", "y.wav"]


def test_a_system_serves_as_response(tmp_path: Path, dry: Path) -> None:
    report = lti.convolve_file(dry, lti.delay(3) * 0.5, tmp_path / "y.wav", subtype="FLOAT")
    want = np.pad(0.5 * loaded(dry), ((0, 0), (3, 0)))
    assert np.array_equal(loaded(tmp_path / "y.wav"), want)
    assert report.frames == 5003
    with pytest.raises(lti.MismatchError, match="fs differs"):
        lti.convolve_file(dry, lti.delay(3, fs=FS + 1), tmp_path / "z.wav")


def test_wide_formats_are_computed_wide(tmp_path: Path, dry: Path, room: Path) -> None:
    lti.convolve_file(dry, room, tmp_path / "y.wav", subtype="DOUBLE")
    want = definition(loaded(dry), loaded(room))
    assert np.abs(loaded(tmp_path / "y.wav") - want).max() < 1e-13


def test_a_dry_run_writes_nothing(tmp_path: Path, dry: Path, room: Path) -> None:
    told = FileJob(dry, room, tmp_path / "y.wav", gain_db=6).describe()
    assert sorted(os.listdir(tmp_path)) == ["dry.wav", "room.wav"]
    worst = np.abs(loaded(room)).sum(axis=1).max() * 10 ** (6 / 20)
    assert told["worst_case_gain_db"] == pytest.approx(20 * np.log10(worst), abs=1e-4)
    assert (told["frames"], told["channels"], told["taps"]) == (5699, 2, 700)


def test_shipped_sounds_are_found() -> None:
    assert shipped_sound("responses/hall.flac").is_file()
    with pytest.raises(FileNotFoundError, match=r"^no sound named 'no\.wav' comes with ltisys$"):
        shipped_sound("no.wav")
