"""Writing sound files where something is wrong: nothing is lost, and one sentence says why."""

import errno
import os
import re
import stat
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from sounds import EXTENSIONS, left_behind, made, noise, sentence, sunk

from ltisys import audio, recording
from ltisys.audio import Source, describe, read
from ltisys.errors import OutputError
from ltisys.recording import Sink, write


class TestErrors:
    @pytest.mark.parametrize(
        ("x", "fs", "options", "kind", "found"),
        [
            (
                np.zeros((100, 2)),
                48000,
                {},
                ValueError,
                (
                    "x has 100 channels: x.shape=(100, 2); signals are (channels, frames) with at "
                    "most 64 channels; did you mean x.T?"
                ),
            ),
            (
                np.zeros((1, 1, 5)),
                48000,
                {},
                ValueError,
                "x.shape=(1, 1, 5) must be (frames,) or (channels, frames)",
            ),
            (
                np.zeros(5, complex),
                48000,
                {},
                TypeError,
                "x must be float32, float64, int16 or int32; got complex128",
            ),
            (
                np.zeros(5, np.int64),
                48000,
                {},
                TypeError,
                "x must be float32, float64, int16 or int32; got int64",
            ),
            (["a"], 48000, {}, TypeError, "x must hold numbers; got dtype <U1"),
            (
                np.zeros(5),
                44100.5,
                {},
                ValueError,
                "fs=44100.5 must be a whole number of Hz in a sound file",
            ),
            (np.zeros(5), 0, {}, ValueError, "fs=0 must be a finite number > 0 in Hz"),
            (
                np.zeros(5),
                48000,
                {"subtype": "PCM_S8"},
                ValueError,
                (
                    "subtype='PCM_S8' must be one of 'PCM_16', 'PCM_24', 'PCM_32', 'PCM_U8', "
                    "'FLOAT', 'DOUBLE', 'ULAW', 'ALAW', 'IMA_ADPCM', 'MS_ADPCM', 'GSM610', "
                    "'G721_32', 'NMS_ADPCM_16', 'NMS_ADPCM_24', 'NMS_ADPCM_32', "
                    "'MPEG_LAYER_III' in WAV"
                ),
            ),
        ],
    )
    def test_arguments(self, tmp_path, x, fs, options, kind, found):
        with pytest.raises(kind) as caught:
            write(tmp_path / "a.wav", x, fs, **options)
        assert sentence(caught) == found
        assert os.listdir(tmp_path) == []

    def test_blocks_of_another_width(self, tmp_path):
        with pytest.raises(ValueError, match="shape") as caught:
            sunk(tmp_path / "a.wav", [noise(5, 1)])
        assert sentence(caught) == "x.shape=(1, 5) must be (2, n): (channels, frames)"

    def test_size_of_blocks(self, tmp_path):
        wanted = pytest.raises(ValueError, match="size=0 must be an integer >= 1")
        with Source(made(tmp_path / "a.wav")) as source, wanted:
            source.blocks(0)

    def test_targets(self, tmp_path):
        folder = tmp_path / "f.wav"
        folder.mkdir()
        there = made(tmp_path / "there.wav")
        missing = tmp_path / "none" / "a.wav"
        cases = [
            (folder, f"cannot create {folder}: it is a folder"),
            (missing, f"cannot create {missing}: there is no folder {missing.parent}"),
            (there / "a.wav", f"cannot create {there / 'a.wav'}: there is no folder {there}"),
            (
                there,
                f"{there} exists already; pass overwrite=True (--overwrite) to replace it",
            ),
        ]
        if hasattr(os, "mkfifo"):
            pipe = tmp_path / "pipe.wav"
            os.mkfifo(pipe)
            cases.append((pipe, f"cannot create {pipe}: it is a pipe, a socket or a device"))
        for path, found in cases:
            with pytest.raises(OutputError) as caught:
                Sink(path, fs=48000, channels=1)
            assert sentence(caught) == found

    def test_a_folder_that_may_not_be_written(self, tmp_path, monkeypatch):
        def refuse(path, *_):
            raise PermissionError(errno.EACCES, "Permission denied", path)

        monkeypatch.setattr(os, "open", refuse)
        path = tmp_path / "a.wav"
        with pytest.raises(OutputError) as caught, Sink(path, fs=48000, channels=1):
            pass
        assert sentence(caught) == f"cannot create {path}: Permission denied"
        assert isinstance(caught.value.__cause__, PermissionError)

    def test_the_output_is_the_input(self, tmp_path):
        source = made(tmp_path / "a.wav")
        before = source.read_bytes()
        (tmp_path / "soft.wav").symlink_to(source)
        os.link(source, tmp_path / "hard.wav")
        (tmp_path / "folder").symlink_to(tmp_path, target_is_directory=True)
        for name in ("a.wav", "soft.wav", "hard.wav", "folder/a.wav"):
            path = tmp_path / name
            with pytest.raises(OutputError) as caught:
                Sink(path, fs=48000, channels=1, overwrite=True, sources=[tmp_path / "x", source])
            assert sentence(caught) == (
                f"{path} is the same file as the input {source}; write to another name"
            )
        assert source.read_bytes() == before


class TestReplacing:
    @pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
    @pytest.mark.parametrize("extension", EXTENSIONS)
    def test_an_interruption_leaves_what_was_there(self, tmp_path, kind, extension):
        path = tmp_path / f"a.{extension}"
        path.write_bytes(b"precious")

        def blocks():
            yield noise(5000)
            assert len(left_behind(tmp_path)) == 1
            raise kind

        with pytest.raises(kind):
            sunk(path, blocks(), overwrite=True)
        assert path.read_bytes() == b"precious"
        assert os.listdir(tmp_path) == [path.name]

    def test_nothing_appears_before_the_end(self, tmp_path):
        path = tmp_path / "a.wav"
        with Sink(path, fs=48000, channels=2) as sink:
            sink.write(noise(5000))
            (name,) = os.listdir(tmp_path)
            assert re.fullmatch(rf"\.a\.wav\.{os.getpid()}-[0-9a-f]{{8}}\.ltisys-tmp", name)
        assert os.listdir(tmp_path) == ["a.wav"]
        assert (sink.frames, sink.clipped) == (5000, 0)

    @pytest.mark.skipif(os.name != "posix", reason="permission bits")
    @pytest.mark.parametrize("bits", [0o600, 0o640, 0o664])
    def test_permission_bits(self, tmp_path, bits):
        old = os.umask(0o027)
        try:
            write(tmp_path / "a.wav", noise(5), 8000)
            assert stat.S_IMODE(os.stat(tmp_path / "a.wav").st_mode) == 0o640
            (tmp_path / "a.wav").chmod(bits)
            write(tmp_path / "a.wav", noise(6), 8000)
        finally:
            os.umask(old)
        assert stat.S_IMODE(os.stat(tmp_path / "a.wav").st_mode) == bits
        assert read(tmp_path / "a.wav")[0].shape == (2, 6)

    def test_links_are_followed(self, tmp_path):
        (tmp_path / "real").mkdir()
        real, link = tmp_path / "real" / "a.wav", tmp_path / "link.wav"
        link.symlink_to(real)
        for n in (5, 6):  # to nothing yet, and to a file
            write(link, noise(n), 8000)
            assert link.is_symlink()
            assert read(real)[0].shape == (2, n)
        assert sorted(os.listdir(tmp_path)) == ["link.wav", "real"]

    def test_long_names(self, tmp_path):
        path = tmp_path / ("é" * 125 + ".wav")
        write(path, noise(5), 8000)
        assert os.listdir(tmp_path) == [path.name]

    def test_in_place(self, tmp_path):
        path = made(tmp_path / "a.wav", 200_000)
        wanted, _ = read(path)
        with Source(path) as source, Sink(path, fs=48000, channels=2, overwrite=True) as sink:
            for block in source.blocks(1000):
                sink.write(block[::-1])
        assert np.array_equal(read(path)[0], wanted[::-1])

    def test_a_relative_path(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        write("a.wav", noise(5), 8000)
        assert read("a.wav")[0].shape == (2, 5)

    def test_a_kill_leaves_the_old_file(self, tmp_path):
        path = tmp_path / "a.rf64"
        path.write_bytes(b"precious")
        code = (
            "import os, numpy as np; from ltisys.recording import Sink\n"
            f"with Sink({str(path)!r}, fs=48000, channels=1, overwrite=True) as s:\n"
            "    s.write(np.zeros((1, 99999)))\n    os._exit(9)"
        )
        root = Path(audio.__file__).parents[1]
        env = {**os.environ, "PYTHONPATH": str(root)}
        assert subprocess.run([sys.executable, "-c", code], env=env).returncode == 9
        assert path.read_bytes() == b"precious"


class TestBig:
    def test_a_wav_beyond_4_gib_becomes_rf64(self, tmp_path):
        frames = (1 << 32) // 4
        for n, form in ((frames, "RF64"), (frames // 2, "WAV"), (frames - (1 << 13), "RF64")):
            sink = Sink(tmp_path / "a.wav", fs=48000, channels=2, subtype="PCM_16", frames=n)
            assert sink.format == form

    def test_of_unknown_length_it_is_settled_at_the_end(self, tmp_path):
        x = noise(5000)
        with Sink(tmp_path / "a.wav", fs=48000, channels=2, subtype="FLOAT") as sink:
            sink.write(x)
        assert sink.format == "WAV"
        data = (tmp_path / "a.wav").read_bytes()
        assert data[:4] == b"RIFF"
        assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
        y, _ = read(tmp_path / "a.wav")
        assert y.shape == x.shape
        assert np.array_equal(y, x)
        assert sf.info(tmp_path / "a.wav").format in ("WAV", "WAVEX")

    def test_and_stays_rf64_where_it_must(self, tmp_path, monkeypatch):
        monkeypatch.setattr(recording, "MOST_BYTES", 10_000)
        with Sink(tmp_path / "a.wav", fs=48000, channels=2, subtype="PCM_16") as sink:
            sink.write(noise(5000))
        assert sink.format == describe(tmp_path / "a.wav").format == "RF64"
        assert read(tmp_path / "a.wav")[0].shape == (2, 5000)

    @pytest.mark.parametrize("extension", ["aiff", "au"])
    def test_others_refuse(self, tmp_path, extension):
        path = tmp_path / f"a.{extension}"
        with pytest.raises(OutputError) as caught:
            Sink(path, fs=48000, channels=2, subtype="PCM_16", frames=1 << 30)
        assert sentence(caught) == (
            f"{path}: {audio.format_for(path)} holds less than 4 GiB; use .wav with the number of "
            f"frames stated, .w64 or .caf"
        )

    def test_more_than_stated(self, tmp_path, monkeypatch):
        monkeypatch.setattr(recording, "MOST_BYTES", 10_000)
        with pytest.raises(OutputError, match="holds less than 4 GiB"):
            sunk(tmp_path / "a.wav", [noise(5000)], subtype="PCM_16", frames=5)
        assert os.listdir(tmp_path) == []

    def test_the_disk_is_too_small(self, tmp_path):
        path = tmp_path / "a.w64"
        with pytest.raises(OutputError) as caught:
            Sink(path, fs=48000, channels=1, subtype="DOUBLE", frames=1 << 57)
        assert re.fullmatch(
            re.escape(str(path)) + rf" takes {1 << 60} bytes, but its disk has \d+ left",
            sentence(caught),
        )
        assert caught.value.errno == errno.ENOSPC
        assert os.listdir(tmp_path) == []


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory):
    """A disk of 256 KiB."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root mounts a small disk")
    folder = tmp_path_factory.mktemp("small")
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    if done.returncode:
        pytest.skip("this root may not mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


class TestFullDisk:
    @pytest.mark.parametrize("extension", EXTENSIONS)
    def test_while_writing(self, small_disk, extension):
        path = small_disk / f"a.{extension}"
        path.write_bytes(b"precious")
        with pytest.raises(OSError, match="No space left") as caught:
            sunk(path, (noise(20_000, seed=k % 5) for k in range(2000)), overwrite=True)
        assert sentence(caught) == f"{path}: No space left on device"
        assert caught.value.errno == errno.ENOSPC
        assert os.listdir(small_disk) == [path.name]
        assert path.read_bytes() == b"precious"
        path.unlink()

    @pytest.mark.parametrize("extension", EXTENSIONS)
    def test_whenever_it_is_full_the_file_is_whole_or_absent(self, small_disk, tmp_path, extension):
        # the last bytes may not fit: some of them are written when the file is closed
        x = noise(20_000, 1)
        path = small_disk / f"a.{extension}"
        write(tmp_path / path.name, x, 48000)
        whole = (tmp_path / path.name).read_bytes()
        assert len(whole) < 200_000
        outcomes = set()
        for spare in (-40_000, -5000, -4096, -4095, -100, -1, 0, 4096, 8192, 12_288):
            room = (256 << 10) - max(0, len(whole) + spare) // 4096 * 4096
            (small_disk / "filler").write_bytes(bytes(room))
            try:
                write(path, x, 48000)
            except OSError as error:
                assert str(error) in (  # noqa: PT017
                    f"{path}: No space left on device",
                    (
                        f"{path} takes {len(x[0]) * 3} bytes, but its disk has "
                        f"{(256 << 10) - room} left"
                    ),
                )
                outcomes.add("absent")
                assert os.listdir(small_disk) == ["filler"]
            else:
                outcomes.add("whole")
                assert path.read_bytes() == whole
                path.unlink()
            (small_disk / "filler").unlink()
        assert outcomes == {"absent", "whole"}

    def test_an_error_that_is_not_the_disk(self, tmp_path, monkeypatch):
        def fail(self, data):
            raise sf.LibsndfileError(2)

        monkeypatch.setattr(audio.Handle, "write", fail)
        with pytest.raises(OutputError) as caught:
            write(tmp_path / "a.wav", noise(5), 8000)
        assert sentence(caught) == f"{tmp_path / 'a.wav'} cannot be written: System error"
        assert os.listdir(tmp_path) == []

    def test_a_file_that_came_out_short(self, tmp_path, monkeypatch):
        original = audio.Handle.write
        monkeypatch.setattr(audio.Handle, "write", lambda self, data: original(self, data[:-1]))
        with pytest.raises(OutputError) as caught:
            write(tmp_path / "a.wav", noise(5), 8000)
        assert sentence(caught) == (f"{tmp_path / 'a.wav'} cannot be written: it came out short")
        assert os.listdir(tmp_path) == []
