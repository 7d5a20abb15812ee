"""Writing sound files: what goes in comes out, in every format."""

import os

import numpy as np
import pytest
import soundfile as sf
from sounds import EXTENSIONS, LOSSLESS, PCM, noise, sentence, sunk

from ltisys import audio, recording
from ltisys.audio import describe, read
from ltisys.errors import MismatchError, OutputError
from ltisys.recording import Sink, write


class TestWrite:
    @pytest.mark.parametrize("channels", [1, 2, 5])
    @pytest.mark.parametrize("frames", [1, 2, 997, recording.PIECE + 1])
    @pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24"])
    def test_codes_are_rounded_not_floored(self, tmp_path, channels, frames, subtype):
        x = noise(frames, channels, seed=frames)
        report = write(tmp_path / "a.wav", x, 44100, subtype=subtype)
        y, fs = read(tmp_path / "a.wav", dtype="float64")
        assert y.shape == x.shape
        assert fs == 44100
        full = 2.0 ** (PCM[subtype] - 1)
        assert np.array_equal(y * full, np.rint(x.astype(np.float64) * full))
        assert (report.frames, report.channels, report.subtype) == (frames, channels, subtype)
        assert (report.fs, report.format, report.clipped) == (44100, "WAV", 0)
        assert report.path == str(tmp_path / "a.wav")
        assert report.peak_db == pytest.approx(20 * np.log10(float(np.abs(x).max())))

    @pytest.mark.parametrize("extension", LOSSLESS)
    @pytest.mark.parametrize("dtype", ["int16", "int32"])
    def test_integers_are_written_as_they_are(self, tmp_path, extension, dtype):
        info = np.iinfo(dtype)
        x = np.random.default_rng(1).integers(info.min, info.max, (2, 500), dtype, endpoint=True)
        x[0, :2] = info.min, info.max
        if extension == "flac" and dtype == "int32":
            x &= ~0xFF  # FLAC has 24 bits
        path = tmp_path / f"a.{extension}"
        report = write(path, x, 48000)
        y, _ = read(path, dtype=dtype)
        assert y.shape == x.shape
        assert y.dtype == x.dtype
        assert np.array_equal(y, x)
        assert report.clipped == 0
        assert report.peak_db == 0.0
        assert report.subtype == ("PCM_16" if dtype == "int16" else default(extension))

    @pytest.mark.parametrize("subtype", ["PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
    def test_int16_fits_wherever_there_is_room(self, tmp_path, subtype):
        x = np.arange(-32768, 32768, dtype=np.int16)
        write(tmp_path / "a.wav", x, 48000, subtype=subtype)
        y, _ = read(tmp_path / "a.wav", dtype="float64")
        assert y.shape == (1, 65536)
        assert np.array_equal(y[0] * 32768, x)

    def test_too_wide_integers_are_rounded(self, tmp_path):
        x = np.array([[0x7FFF, 0x8000, 0x8001, 0x18000, -0x8000]], dtype=np.int32)
        write(tmp_path / "a.wav", x, 48000, subtype="PCM_16")
        assert read(tmp_path / "a.wav", dtype="int16")[0].tolist() == [[0, 0, 1, 2, 0]]

    @pytest.mark.parametrize(("subtype", "dtype"), [("FLOAT", "f4"), ("DOUBLE", "f8")])
    def test_floats_are_not_touched(self, tmp_path, subtype, dtype):
        x = (np.random.default_rng(2).standard_normal((3, 500)) * 10).astype(dtype)
        report = write(tmp_path / "a.wav", x, 48000, subtype=subtype)
        y, _ = read(tmp_path / "a.wav", dtype=x.dtype.name)
        assert y.dtype == x.dtype
        assert np.array_equal(y, x)
        assert report.clipped == 0
        assert report.peak_db > 0

    def test_clipped_frames_are_counted(self, tmp_path):
        x = noise(1000)
        x[:, 10], x[0, 20], x[1, 30] = 1.5, -1.5, 1.0
        report = write(tmp_path / "a.wav", x, 48000)
        assert report.clipped == 2
        assert report.peak_db == pytest.approx(20 * np.log10(1.5))

    def test_silence(self, tmp_path):
        assert write(tmp_path / "a.wav", np.zeros(5), 48000).peak_db == -np.inf

    def test_one_row_and_lists(self, tmp_path):
        write(tmp_path / "a.wav", [0.5, -0.5], 8000.0, subtype="PCM_16")
        x, fs = read(tmp_path / "a.wav")
        assert x.tolist() == [[0.5, -0.5]]
        assert fs == 8000

    def test_inputs_stay_as_they_were(self, tmp_path):
        x = noise(1000) * 10
        before = x.tobytes()
        x.flags.writeable = False
        write(tmp_path / "a.wav", x.T[::2].T, 8000)
        assert x.tobytes() == before

    @pytest.mark.parametrize("extension", EXTENSIONS)
    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_what_is_not_finite_never_reaches_libsndfile(self, tmp_path, extension, bad):
        path = tmp_path / f"a.{extension}"
        x = noise(5000)
        x[1, 70] = bad
        with pytest.raises(MismatchError) as caught:
            write(path, x, 48000)
        assert sentence(caught) == (
            "x holds 1 samples that are NaN or infinite, the first at (1, 70); "
            "mend or cut them first"
        )
        with pytest.raises(MismatchError) as caught:
            sunk(path, [noise(100), x])
        assert sentence(caught) == (
            "the block at frame 100 holds 1 samples that are NaN or infinite, the first at "
            "(1, 70); mend or cut them first"
        )
        assert os.listdir(tmp_path) == []

    def test_doubles_beyond_float32(self, tmp_path):
        x = np.array([[0.0, 1e39]])
        with pytest.raises(MismatchError, match="NaN or infinite"):
            write(tmp_path / "a.wav", x, 48000, subtype="FLOAT")
        assert os.listdir(tmp_path) == []
        write(tmp_path / "a.wav", x, 48000, subtype="DOUBLE")
        assert read(tmp_path / "a.wav", dtype="float64")[0].tolist() == [[0.0, 1e39]]

    @pytest.mark.parametrize("extension", EXTENSIONS)
    def test_tags(self, tmp_path, extension):
        tags = {"title": "a hall", "artist": "nobody", "software": "ltisys"}
        path = tmp_path / f"a.{extension}"
        for _ in range(2):  # copied from file to file, they stay the same
            with Sink(path, fs=48000, channels=1, tags=tags, overwrite=True) as sink:
                sink.write(noise(2000, 1))
            tags = describe(path).tags
            if extension in ("w64", "au"):
                assert tags == {}
            else:
                assert (tags["title"], tags["artist"]) == ("a hall", "nobody")
                assert tags.get("software", "").count("libsndfile") <= 1

    @pytest.mark.parametrize("extension", EXTENSIONS)
    @pytest.mark.parametrize("subtype", [None, "FLOAT"])
    def test_the_same_bytes_in_any_blocks(self, tmp_path, extension, subtype):
        if subtype and extension in ("ogg", "opus", "mp3", "flac"):
            pytest.skip("has no floats")
        x = noise(150_000 if extension == "ogg" else 20_000)
        path = tmp_path / f"a.{extension}"
        options = {"fs": 48000, "channels": 2, "subtype": subtype, "frames": x.shape[1]}
        results = []
        for n in (x.shape[1], 777, recording.PIECE + 3):
            with Sink(path, overwrite=True, **options) as sink:
                for start in range(0, x.shape[1], n):
                    sink.write(x[:, start : start + n])
            results.append(path.read_bytes())
        assert results[0] == results[1] == results[2]
        assert read(path)[0].shape == x.shape  # the checksums of Ogg hold

    @pytest.mark.parametrize("extension", ["wav", "aiff"])
    def test_peaks_bear_no_date(self, tmp_path, extension):
        path = tmp_path / f"a.{extension}"
        write(path, noise(100), 48000, subtype="FLOAT")
        data = path.read_bytes()
        at = data.index(b"PEAK")
        assert data[at + 12 : at + 16] == bytes(4)
        sf.write(path, noise(100).T, 48000, subtype="FLOAT")
        assert path.read_bytes()[at + 12 : at + 16] != bytes(4)

    @pytest.mark.parametrize("extension", ["ogg", "opus"])
    def test_ogg_streams_bear_no_random_number(self, tmp_path, extension):
        write(tmp_path / f"a.{extension}", noise(100_000), 48000)
        data = (tmp_path / f"a.{extension}").read_bytes()
        at, pages = 0, 0
        while at < len(data):
            size = 27 + data[at + 26] + sum(data[at + 27 : at + 27 + data[at + 26]])
            page = data[at : at + size]
            assert page[:4] == b"OggS"
            assert page[14:18] == bytes(4)
            crc = 0  # RFC 3533, section 6, by definition
            for byte in page[:22] + bytes(4) + page[26:]:
                crc ^= byte << 24
                for _ in range(8):
                    crc = (crc << 1 ^ (0x04C11DB7 if crc >> 31 else 0)) & 0xFFFFFFFF
            assert crc == int.from_bytes(page[22:26], "little")
            at += size
            pages += 1
            if pages == 4:
                break


def default(extension):
    return "PCM_24" if extension == "flac" else "PCM_32"


class TestFormats:
    @pytest.mark.parametrize(
        ("name", "wanted"),
        [("a.wav", "WAV"), ("A.WAV", "WAV"), ("a.b.aif", "AIFF"), (b"\xff.flac", "FLAC")],
    )
    def test_by_extension(self, name, wanted):
        assert audio.format_for(name) == wanted

    @pytest.mark.parametrize("name", ["a.xyz", "a", "wav", ".wav"])
    def test_no_such_format(self, name):
        extension = ".xyz" if name == "a.xyz" else ""
        with pytest.raises(OutputError) as caught:
            audio.format_for(name)
        assert sentence(caught) == (
            f"{name} must end in one of .aif .aiff .au .caf .flac .mp3 .oga .ogg .opus .rf64 .snd "
            f".w64 .wav .wave; got {extension!r}"
        )

    @pytest.mark.parametrize(
        ("form", "dtype", "wanted"),
        [
            ("WAV", "float32", "PCM_24"),
            ("WAV", "float64", "PCM_24"),
            ("WAV", "int16", "PCM_16"),
            ("WAV", "int32", "PCM_32"),
            ("FLAC", "int32", "PCM_24"),
            ("AIFF", "float32", "PCM_24"),
            ("OGG", "int16", "VORBIS"),
            ("MP3", "float32", "MPEG_LAYER_III"),
        ],
    )
    def test_default_subtype(self, form, dtype, wanted):
        assert audio.default_subtype(form, dtype) == wanted

    @pytest.mark.parametrize(
        ("form", "subtype", "wanted"),
        [
            ("WAV", "PCM_24", True),
            ("WAV", "MS_ADPCM", False),
            ("WAV", "GSM610", False),
            ("WAV", "VORBIS", False),
            ("WAV", "ULAW", True),
            ("FLAC", "PCM_32", False),
            ("FLAC", "FLOAT", False),
            ("OGG", "OPUS", True),
            ("CAF", "ALAC_24", True),
        ],
    )
    def test_writable_subtype(self, form, subtype, wanted):
        assert audio.writable_subtype(form, subtype) is wanted

    @pytest.mark.parametrize(
        ("name", "fs", "channels", "found"),
        [
            (
                "a.flac",
                48000,
                9,
                (
                    "FLAC (PCM_24) takes at most 8 channels, at 1 to 655350 Hz; "
                    "got 9 channels at 48000 Hz"
                ),
            ),
            (
                "a.mp3",
                96000,
                2,
                (
                    "MP3 (MPEG_LAYER_III) takes at most 2 channels, at 8000, 11025, 12000, 16000, "
                    "22050, 24000, 32000, 44100, 48000 Hz; got 2 channels at 96000 Hz"
                ),
            ),
            (
                "a.ogg",
                200_001,
                2,
                (
                    "OGG (VORBIS) takes at most 255 channels, at 1 to 200000 Hz; "
                    "got 2 channels at 200001 Hz"
                ),
            ),
            (
                "a.opus",
                44100,
                2,
                (
                    "OGG (OPUS) takes at most 255 channels, at 8000, 12000, 16000, 24000, 48000 "
                    "Hz; got 2 channels at 44100 Hz"
                ),
            ),
            (
                "a.wav",
                48000,
                1025,
                (
                    "WAV (PCM_24) takes at most 1024 channels, at 1 to 2147483647 Hz; "
                    "got 1025 channels at 48000 Hz"
                ),
            ),
        ],
    )
    def test_limits(self, tmp_path, name, fs, channels, found):
        with pytest.raises(OutputError) as caught:
            Sink(tmp_path / name, fs=fs, channels=channels)
        assert sentence(caught) == f"{tmp_path / name}: {found}"
        assert os.listdir(tmp_path) == []

    def test_a_codec_with_limits_of_its_own(self, tmp_path):
        with pytest.raises(OutputError) as caught:
            write(tmp_path / "a.wav", noise(100, 3), 48000, subtype="MS_ADPCM")
        assert sentence(caught) == (
            f"{tmp_path / 'a.wav'} cannot be written: Format not recognised"
        )
        assert os.listdir(tmp_path) == []

    @pytest.mark.parametrize("extension", ["flac", "ogg", "opus", "mp3"])
    def test_without_a_frame(self, tmp_path, extension):
        path = tmp_path / f"a.{extension}"
        with pytest.raises(OutputError) as caught:
            write(path, np.zeros((2, 0)), 48000)
        assert sentence(caught) == (
            f"{path}: a {audio.format_for(path)} file without a frame cannot be opened; use .wav"
        )
        assert os.listdir(tmp_path) == []

    @pytest.mark.parametrize("extension", ["wav", "rf64", "w64", "aiff", "caf", "au"])
    def test_without_a_frame_where_that_is_fine(self, tmp_path, extension):
        path = tmp_path / f"a.{extension}"
        report = write(path, np.zeros((2, 0)), 48000)
        assert (report.frames, report.peak_db) == (0, -np.inf)
        assert read(path)[0].shape == (2, 0)

    def test_many_frames_at_once_into_vorbis(self, tmp_path):
        # 4 million frames in one write end the interpreter; a small copy of that would not, so
        # what is watched is the largest piece that libsndfile is given
        pieces = []

        class Watched(audio.Handle):
            def write(self, data):
                pieces.append(len(data))
                super().write(data)

        original, audio.Handle = audio.Handle, Watched
        try:
            write(tmp_path / "a.ogg", noise(3 * recording.PIECE + 5, 1), 48000)
        finally:
            audio.Handle = original
        assert pieces == [recording.PIECE] * 3 + [5]
