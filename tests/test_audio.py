"""Reading sound files: every hazard has a test that fails without its remedy."""

import os
import re
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from sounds import EXTENSIONS, made, noise, sentence

from ltisys import audio
from ltisys.audio import Source, describe, read
from ltisys.errors import AudioFileError
from ltisys.recording import write


class TestRead:
    @pytest.mark.parametrize("channels", [1, 2, 5])
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
    def test_the_same_floats_as_soundfile(self, tmp_path, channels, dtype, subtype):
        path = made(tmp_path / "a.wav", 997, channels, subtype=subtype)
        x, fs = read(path, dtype=dtype)
        assert x.shape == (channels, 997)
        assert x.dtype == dtype
        assert x.flags.c_contiguous
        assert x.flags.writeable
        assert type(fs) is int
        assert fs == 48000
        assert np.array_equal(x, sf.read(path, dtype=dtype, always_2d=True)[0].T)

    @pytest.mark.parametrize(
        ("subtype", "dtype", "unit"),
        [("PCM_16", "int16", 1), ("PCM_16", "int32", 1 << 16), ("PCM_24", "int32", 1 << 8)],
    )
    def test_codes(self, tmp_path, subtype, dtype, unit):
        path = tmp_path / "a.wav"
        wanted = np.arange(-500, 500, dtype=dtype).reshape(2, 500) * np.dtype(dtype).type(unit)
        sf.write(path, wanted.T, 8000, subtype=subtype)
        x, _ = read(path, dtype=dtype)
        assert x.shape == (2, 500)
        assert x.dtype == dtype
        assert np.array_equal(x, wanted)

    def test_codes_that_would_lose_bits(self, tmp_path):
        path = made(tmp_path / "a.wav", subtype="PCM_24")
        with pytest.raises(ValueError, match="dtype") as caught:
            read(path, dtype="int16")
        assert sentence(caught) == (
            f"dtype='int16' cannot hold the PCM_24 of {path}; use 'float32'"
        )
        with pytest.raises(ValueError, match="cannot hold the FLOAT"):
            read(made(tmp_path / "b.wav", subtype="FLOAT"), dtype="int32")
        with pytest.raises(ValueError, match="dtype='int8' must be one of 'float32', "):
            read(path, dtype="int8")

    @pytest.mark.parametrize("extension", EXTENSIONS)
    @pytest.mark.parametrize("size", [1000, 1, 2999, 3000, 3001, 777])
    def test_blocks_are_the_whole(self, tmp_path, extension, size):
        if size == 1 and extension in ("ogg", "opus", "mp3", "flac"):
            size = 2
        path = tmp_path / f"a.{extension}"
        write(path, noise(3000), 48000)
        whole, _ = read(path)
        assert whole.shape == (2, 3000)
        with Source(path) as source:
            for _ in range(2):  # a second pass starts again
                blocks = list(source.blocks(size))
                assert all(b.flags.c_contiguous and b.dtype == np.float32 for b in blocks)
                assert all(b.shape == (2, size) for b in blocks[:-1])
                assert np.array_equal(np.concatenate(blocks, axis=1), whole)
                assert source.read_frames == 3000

    def test_blocks_are_fresh(self, tmp_path):
        with Source(made(tmp_path / "a.wav")) as source:
            blocks = list(source.blocks(1000))
            kept = blocks[1].copy()
            blocks[0][:] = np.nan
            blocks[2][:] = np.nan
            assert np.array_equal(blocks[1], kept)

    def test_a_second_pass_after_half_a_pass(self, tmp_path):
        path = made(tmp_path / "a.flac")
        with Source(path) as source:
            next(source.blocks(1234))
            assert np.array_equal(np.concatenate(list(source.blocks(500)), axis=1), read(path)[0])

    def test_no_frames(self, tmp_path):
        x, fs = read(made(tmp_path / "a.wav", 0))
        assert x.shape == (2, 0)
        assert x.dtype == np.float32
        assert fs == 48000

    def test_what_the_header_says(self, tmp_path):
        path = tmp_path / "a.wav"
        with sf.SoundFile(path, "w", 44100, 2, "PCM_24") as f:
            f.title, f.artist, f.date = "Tïtle", "somebody", "2001"
            f.write(np.zeros((441, 2)))
        info = describe(path)
        assert (info.path, info.format, info.subtype) == (str(path), "WAV", "PCM_24")
        assert (info.fs, info.channels, info.frames, info.length_s) == (44100, 2, 441, 0.01)
        assert info.bytes == os.path.getsize(path)
        assert info.tags == {"title": "Tïtle", "artist": "somebody", "date": "2001"}

    @pytest.mark.parametrize("extension", EXTENSIONS)
    def test_formats(self, tmp_path, extension):
        path = tmp_path / f"a.{extension}"
        report = write(path, noise(2000), 48000)
        assert audio.format_for(path) == report.format == describe(path).format
        assert describe(path).frames == 2000

    def test_speech_codecs(self, tmp_path):
        x, _ = read(made(tmp_path / "a.wav", subtype="MS_ADPCM"))
        assert x.shape[1] >= 3000  # whole blocks

    def test_names_of_any_bytes(self, tmp_path):
        name = os.path.join(os.fsencode(tmp_path), b"caf\xe9 \xff.wav")
        x = noise(100)
        for path in (name, os.fsdecode(name)):
            report = write(path, x, 8000)
            assert report.path == os.fsdecode(name)
            assert read(path)[0].shape == (2, 100)
        assert os.listdir(os.fsencode(tmp_path)) == [b"caf\xe9 \xff.wav"]


class TestTruncation:
    @pytest.mark.parametrize("extension", ["wav", "rf64", "w64", "aiff", "au", "flac"])
    @pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
    def test_a_file_that_was_cut(self, tmp_path, extension, subtype):
        path = made(tmp_path / f"a.{extension}", 50_000, subtype=subtype)
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        assert describe(path).frames == 50_000
        with pytest.raises(AudioFileError) as caught:
            read(path)
        found = re.fullmatch(
            re.escape(str(path)) + r" holds (\d+) of 50000 frames: it was cut off; get it whole, "
            "or mend it with another program",
            sentence(caught),
        )
        assert found
        assert 20_000 < int(found[1]) < 25_100

    def test_one_byte_is_missing(self, tmp_path):
        path = made(tmp_path / "a.wav", 1000)
        path.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(AudioFileError, match="holds 999 of 1000 frames"):
            read(path)

    def test_it_is_known_before_the_work(self, tmp_path):
        path = made(tmp_path / "a.wav", 1000)
        path.write_bytes(path.read_bytes()[:-100])
        with Source(path) as source, pytest.raises(AudioFileError, match="holds 975 of 1000"):
            next(source.blocks(10))

    def test_a_cut_speech_codec(self, tmp_path):
        path = made(tmp_path / "a.wav", 50_000, subtype="IMA_ADPCM")
        path.write_bytes(path.read_bytes()[:20_000])
        with pytest.raises(AudioFileError, match="it was cut off"):
            read(path)

    def test_half_an_mp3(self, tmp_path):
        path = made(tmp_path / "a.mp3", 100_000)
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(AudioFileError, match=r"holds \d+ of 100000 frames"):
            read(path)

    @pytest.mark.parametrize(
        "size", [0, 0xFFFFFFFF, 0xFFFFFFFF - 36, 0x7FFFFFFF, 0x7FFFF000, 0x80000000, 0x7FFFF024]
    )
    @pytest.mark.parametrize("first", [0, 1])
    def test_a_wav_from_a_pipe_is_read_to_its_end(self, tmp_path, size, first):
        path = made(tmp_path / "a.wav", 1000)
        wanted, _ = read(path)
        data = bytearray(path.read_bytes())
        at = data.index(b"data")
        data[4:8] = data[at + 4 : at + 8] = struct.pack("<I", size)
        if first == 0:  # silence looks like the name of a chunk to isascii()
            data[at + 8 : at + 16] = bytes(8)
            wanted[:, :2] = 0
        path.write_bytes(data)
        x, _ = read(path)
        assert x.shape == (2, 1000)
        assert np.array_equal(x, wanted)
        with Source(path) as source:
            blocks = [*source.blocks(300), *source.blocks(300)]
        assert np.array_equal(np.concatenate(blocks, axis=1), np.tile(wanted, 2))

    def test_a_wav_beyond_4_gib(self, tmp_path):
        # libsndfile reads what is left of the size modulo 2**32, without a word
        path = made(tmp_path / "a.wav", 1000)
        os.truncate(path, (1 << 32) + 4044)  # a hole, which takes no room
        with pytest.raises(AudioFileError) as caught:
            read(path)
        assert sentence(caught) == (
            f"{path} holds more than the 4 GiB that its header can state; convert it to RF64 with "
            f"the program that wrote it"
        )

    def test_a_wav_of_no_frames_may_hold_other_chunks(self, tmp_path):
        path = made(tmp_path / "a.wav", 0)
        path.write_bytes(path.read_bytes() + b"note" + struct.pack("<I", 8) + b"\x01" * 8)
        assert read(path)[0].shape == (2, 0)

    def test_a_flac_of_unknown_length(self, tmp_path):
        path = made(tmp_path / "a.flac", 50_000)
        wanted, _ = read(path)
        data = bytearray(path.read_bytes())
        data[21] &= 0xF0
        data[22:26] = bytes(4)
        path.write_bytes(data)
        assert describe(path).frames is None
        assert describe(path).length_s is None
        x, _ = read(path)
        assert x.shape == (2, 50_000)
        assert np.array_equal(x, wanted)
        for size in (5000, 4096, 50_000, 777):
            with Source(path) as source:
                assert sum(b.shape[1] for b in source.blocks(size)) == 50_000

    def test_a_header_that_lies_costs_no_memory(self, tmp_path):
        path = made(tmp_path / "a.flac", 1000)
        data = bytearray(path.read_bytes())
        data[21] |= 0x0F
        data[22:26] = b"\xff" * 4  # 2**36 - 1 frames: 512 GiB
        path.write_bytes(data)
        assert describe(path).frames is None
        assert read(path)[0].shape == (2, 1000)

    def test_an_mp3_whose_length_is_guessed(self, tmp_path):
        # variable bit rate without the frame that states the length: a quarter is decoded
        path = tmp_path / "a.mp3"
        x = noise(480_000)
        x[:, 240_000:] *= 1e-4
        with sf.SoundFile(path, "w", 48000, 2, compression_level=0.5, bitrate_mode="VARIABLE") as f:
            f.write(x.T)
        assert read(path)[0].shape == (2, 480_000)
        data = path.read_bytes()
        second = data.index(data[:2], 4)
        path.write_bytes(data[second:])
        assert describe(path).frames is None
        with pytest.raises(AudioFileError) as caught:
            read(path)
        assert re.fullmatch(
            re.escape(str(path)) + r" states no length, and its decoder stopped \d+ bytes before "
            r"the end, after \d+ frames; decode it with another program first",
            sentence(caught),
        )

    @pytest.mark.parametrize("tag", [b"", b"ID3\x03\0\0\0\0\x02\0" + bytes(256)])
    def test_an_mp3_of_constant_rate_needs_no_length(self, tmp_path, tag):
        path = tmp_path / "a.mp3"
        with sf.SoundFile(path, "w", 48000, 2, compression_level=0.5, bitrate_mode="CONSTANT") as f:
            f.write(noise(100_000).T)
        data = path.read_bytes()
        path.write_bytes(tag + data[data.index(data[:2], 4) :] + b"TAG" + bytes(125))
        assert describe(path).frames is None
        assert read(path)[0].shape[1] >= 100_000


class TestRefused:
    @pytest.mark.parametrize(
        ("name", "content", "found"),
        [
            ("a.wav", b"hello world, this is text", "starts with b'hello'"),
            ("a.wav", b"", "is empty"),
            ("a.au", b"", "is empty"),  # libsndfile takes it for raw sound by its extension
            ("a.wav", b"RIF", "starts with b'RIF'"),
            ("a.wav", b"RIFF\x10\0\0\0AVI LIST", "starts with b'RIFF\\x10'"),
            ("a.voc", b"Creative Voice File\x1a", "starts with b'Creat'"),
            ("a.wav", b"FORM\0\0\0\0008SVX", "starts with b'FORM\\x00'"),
        ],
    )
    def test_no_sound_file(self, tmp_path, name, content, found):
        path = tmp_path / name
        path.write_bytes(content)
        for act in (read, describe):
            with pytest.raises(AudioFileError) as caught:
                act(path)
            assert sentence(caught) == f"{path} is not a sound file ltisys reads: it {found}"

    @pytest.mark.parametrize("extension", EXTENSIONS)
    def test_a_cut_header_is_one_error(self, tmp_path, extension):
        path = tmp_path / f"a.{extension}"
        write(path, noise(3000), 48000)
        whole = path.read_bytes()
        for length in (*range(1, 64, 3), 100):
            path.write_bytes(whole[:length])
            with pytest.raises(AudioFileError, match=re.escape(str(path))):
                read(path)

    def test_the_words_of_libsndfile(self, tmp_path):
        path = tmp_path / "a.wav"
        path.write_bytes(b"RIFF\x04\0\0\0WAVE")
        with pytest.raises(AudioFileError) as caught:
            read(path)
        assert sentence(caught) == (
            f"{path} cannot be decoded: Error in WAV file. No 'data' chunk marker"
        )
        path.write_bytes(b"\xff\xfb\x90\x64" + bytes(8))
        with pytest.raises(AudioFileError) as caught:
            read(path)
        assert sentence(caught) == f"{path} cannot be decoded: it holds no sound"

    def test_the_operating_system_speaks_first(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"No such file.*none\.wav"):
            read(tmp_path / "none.wav")
        with pytest.raises(IsADirectoryError) as caught:
            read(tmp_path)
        assert sentence(caught) == f"[Errno 21] Is a directory: '{tmp_path}'"
        (tmp_path / "a.wav").write_bytes(b"")
        with pytest.raises(NotADirectoryError):
            read(tmp_path / "a.wav" / "b.wav")

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
    def test_permission(self, tmp_path):
        path = made(tmp_path / "a.wav")
        path.chmod(0)
        with pytest.raises(PermissionError):
            read(path)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
    def test_a_pipe_is_not_waited_for(self, tmp_path):
        path = tmp_path / "a.wav"
        os.mkfifo(path)
        for path in (path, Path(os.devnull)):  # noqa: B020
            with pytest.raises(AudioFileError) as caught:
                read(path)
            assert sentence(caught) == (
                f"{path} is not a regular file but a pipe, a socket or a device; "
                f"copy the sound to a file first"
            )

    def test_nothing_stays_open(self, tmp_path):
        folder = "/proc/self/fd"
        if not os.path.isdir(folder):
            pytest.skip("no list of open files here")
        path = tmp_path / "a.wav"
        path.write_bytes(b"RIFF\x04\0\0\0WAVE")
        good = made(tmp_path / "b.wav")
        before = len(os.listdir(folder))
        for _ in range(5):
            with pytest.raises(AudioFileError):
                read(path)
            read(good)
            write(tmp_path / "c.wav", noise(10), 8000)
        assert len(os.listdir(folder)) == before
