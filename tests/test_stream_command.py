"""`ltisys stream` as a process between others: pipes that end, break, wait or are none at all."""

import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sounds import noise

import ltisys as lti
from ltisys.arguments import FORMATS
from ltisys.cli import main
from ltisys.pipes import Format
from ltisys.wav_headers import read_header

ROOT = Path(__file__).resolve().parent.parent
SEARCH = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(SEARCH)}
STREAM = [sys.executable, "-W", "error", "-m", "ltisys", "stream"]
SHELL = shlex.join(STREAM)
FS = 48000
NONE = b""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a response of 500 taps; we stand in it."""
    monkeypatch.chdir(tmp_path)
    soundfile.write("hall.wav", noise(500, 2, seed=1).T / 4, FS, subtype="FLOAT")
    return tmp_path


def stream(*words: str, data: bytes = NONE) -> tuple[int, bytes, str]:
    done = subprocess.run(
        [*STREAM, *words], input=data, env=ENVIRONMENT, capture_output=True, check=False
    )
    return done.returncode, done.stdout, done.stderr.decode()


def shell(line: str) -> tuple[int, bytes, str]:
    """Run a line of bash in which STREAM stands for the command."""
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line.replace("STREAM", SHELL)],
        env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr.decode()


def floats(x: np.ndarray) -> bytes:
    return x.T.astype("<f4").tobytes()


def got(data: bytes, channels: int = 2) -> np.ndarray:
    return np.frombuffer(data, "<f4").reshape(-1, channels).T


def offline(x: np.ndarray) -> np.ndarray:
    return lti.FIR.from_file("hall.wav")(x.astype(float))


# --- the common case ------------------------------------------------------------------------------


def test_it_is_the_offline_answer_and_says_what_it_did(here: Path) -> None:
    x = noise(3000, 2)
    code, out, err = stream("hall.wav", data=floats(x))
    assert code == 0
    y, wanted = got(out), offline(x)
    assert y.shape == wanted.shape
    assert np.abs(y - wanted).max() < 1e-6
    assert re.fullmatch(
        r"ltisys: 3,000 frames in, 3,499 out \(0\.07 s at 48000 Hz\), 2 channels, f32le, "
        r"peak [+-]?\d+\.\d dBFS\n",
        err,
    )
    assert stream("hall.wav", "--quiet", "--no-tail", "--block-size", "256", data=floats(x)) == (
        0,
        out[: 3000 * 8],
        "",
    )
    words = ("--fs", "48000", "--channels", "1", "--format", "s16le", "--mix", "0", "--gain-db",
             "-6.0206", "--predelay-ms", "3", "--quiet", "--no-tail")  # fmt: skip
    codes = np.arange(-300, 300, dtype="<i2")
    code, out, err = stream("hall.wav", *words, data=codes.tobytes())
    assert (code, err) == (0, "")
    assert np.abs(np.frombuffer(out, "<i2").reshape(-1, 2) * 2 - codes[:, None]).max() <= 1


def test_every_block_is_answered_before_the_next_is_sent(here: Path) -> None:
    """Zero latency: two programs that wait for each other's blocks do not wait for ever."""
    size = 64
    x = noise(20 * size, 2)
    wanted = offline(x)
    with subprocess.Popen(
        [*STREAM, "hall.wav", "--block-size", str(size), "--quiet"],
        env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
    ) as job:  # fmt: skip
        assert job.stdin is not None
        assert job.stdout is not None
        for at in range(0, x.shape[1], size):
            job.stdin.write(floats(x[:, at : at + size]))
            data = NONE
            while len(data) < 8 * size:
                assert select.select([job.stdout], [], [], 60)[0], f"no answer to frame {at}"
                data += job.stdout.read(8 * size - len(data))
            assert np.abs(got(data) - wanted[:, at : at + size]).max() < 1e-6
        job.stdin.close()
        tail = NONE
        while data := job.stdout.read(1 << 16):
            tail += data
        assert np.abs(got(tail) - wanted[:, x.shape[1] :]).max() < 1e-6
    assert job.returncode == 0


def test_a_short_block_is_answered_when_the_input_ends(here: Path) -> None:
    x = noise(10, 2)
    _, out, _ = stream("hall.wav", "--block-size", "100000", data=floats(x))
    assert np.abs(got(out) - offline(x)).max() < 1e-6


def test_a_writer_of_single_bytes(here: Path) -> None:
    x = noise(30, 2)
    code = "import os, sys\nfor b in sys.stdin.buffer.read(): os.write(1, bytes([b]))"
    (here / "x.raw").write_bytes(floats(x))
    line = f"{shlex.quote(sys.executable)} -c {shlex.quote(code)} < x.raw | STREAM hall.wav --quiet"
    done, out, err = shell(line)
    assert (done, err) == (0, "")
    assert np.abs(got(out) - offline(x)).max() < 1e-6


def test_no_input_gives_no_output(here: Path) -> None:
    code, out, err = stream("hall.wav")
    assert (code, out) == (0, NONE)
    assert err.startswith("ltisys: 0 frames in, 0 out (0.00 s at 48000 Hz)")


def test_the_formats_are_those_of_pipes() -> None:
    assert Format.__args__ == FORMATS


# --- what goes wrong ------------------------------------------------------------------------------

BAD = [
    ("no.wav", 66, "ltisys: no.wav: No such file or directory"),
    ("junk.wav", 65, "ltisys: junk.wav is not a sound file ltisys reads"),
    ("hall.wav --fs 44100", 65, "ltisys: fs differs: the input 44100 Hz, hall.wav 48000 Hz; pass"),
    ("hall.wav --fs 0", 2, "ltisys: fs=0.0 must be a finite number > 0 in Hz"),
    ("hall.wav --channels 3", 65, "ltisys: the input has 3 channels but the response has 2; it "),
    ("hall.wav --block-size 0", 2, "ltisys: block_size=0 must be an integer >= 1"),
    ("hall.wav --mix 2", 2, "ltisys: mix=2.0 must be a finite number >= 0 and <= 1"),
    ("hall.wav --gain-db 1e5", 2, "ltisys: gain_db=100000 lifts the response beyond float32;"),
    ("hall.wav --format wav", 65, "ltisys: the input is no WAV: it starts with b'no so'; decode"),
    ("hall.wav --quiet", 65, "ltisys: the input ended inside a frame: 4 of its 8 bytes came"),
]


@pytest.mark.parametrize(("line", "code", "words"), BAD, ids=[line for line, _, _ in BAD])
def test_what_is_wrong_is_one_sentence(here: Path, line: str, code: int, words: str) -> None:
    (here / "junk.wav").write_bytes(b"junk")
    done, out, err = stream(*line.split(), data=b"no sound at all.....")
    assert (done, err.count("\n")) == (code, 1), err
    assert err.startswith(words)
    assert out == NONE or words.startswith("ltisys: the input ended")


def test_arguments_of_no_sense_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["hall.wav", "--format", "mp3"], ["hall.wav", "--block-size", "x"], []):
        with pytest.raises(SystemExit) as stop:
            main(["stream", *words])
        assert stop.value.code == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_a_torn_frame_is_told_after_everything_else(here: Path) -> None:
    x = noise(300, 2)
    whole = stream("hall.wav", data=floats(x))
    code, out, err = stream("hall.wav", data=floats(x) + b"123")
    assert (code, out) == (65, whole[1])
    report, torn = err.splitlines()
    assert report == whole[2].rstrip()
    assert torn == (
        "ltisys: the input ended inside a frame: 3 of its 8 bytes came and were dropped; "
        "all before it was answered"
    )


def test_nan_passes_and_is_counted(here: Path) -> None:
    x = noise(2000, 2)
    x[0, 100] = np.nan
    code, out, err = stream("hall.wav", data=floats(x))
    assert code == 0
    assert np.isnan(got(out)).sum() == 500
    assert "1 samples came NaN or infinite, 500 frames went so" in err


def test_clipped_frames_are_told(here: Path) -> None:
    data = np.full(200, 30000, dtype="<i2").tobytes()
    _, _, err = stream("hall.wav", "--format", "s16le", "--gain-db", "40", data=data)
    assert re.search(r", \d+ frames CLIPPED \(lower --gain-db\)\n", err)


def test_a_reader_that_leaves_ends_it_quietly(here: Path) -> None:
    code, out, err = shell("STREAM hall.wav < /dev/zero | head -c 1000")
    assert (code, len(out), err) == (141, 1000, "")


def test_a_full_disk_is_told(here: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    assert shell("STREAM hall.wav < /dev/zero > /dev/full") == (
        74,
        NONE,
        "ltisys: the output: No space left on device\n",
    )


def test_what_is_closed_is_told(here: Path) -> None:
    closed = (2, NONE, "ltisys: standard input or output is closed; pipe sound in, and out\n")
    assert shell("STREAM hall.wav <&-") == closed
    assert shell("STREAM hall.wav >&-") == closed
    # without a place for errors they must not come out among the samples
    (here / "x.raw").write_bytes(bytes(80))
    code, out, _ = shell("STREAM hall.wav < x.raw 2>&-")
    assert (code, len(out)) == (0, 509 * 8)
    assert shell("STREAM no.wav < x.raw 2>&-")[:2] == (66, NONE)


def test_a_terminal_is_refused(here: Path) -> None:
    pty = pytest.importorskip("pty")
    leader, terminal = pty.openpty()
    try:
        for name, where in (("input", {"stdin": terminal}), ("output", {"stdout": terminal})):
            pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL} | where
            done = subprocess.run(
                [*STREAM, "hall.wav"], env=ENVIRONMENT, stderr=subprocess.PIPE, check=False, **pipes
            )
            assert done.returncode == 2
            words = f"ltisys: the {name} is a terminal, and samples are no text; pipe "
            assert done.stderr.decode().startswith(words)
    finally:
        os.close(leader)
        os.close(terminal)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_it_while_it_waits(here: Path, number: int, code: int) -> None:
    with subprocess.Popen(
        [*STREAM, "hall.wav", "--block-size", "4"],
        env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        bufsize=0,
    ) as job:  # fmt: skip
        assert job.stdin is not None
        assert job.stdout is not None
        job.stdin.write(bytes(40))
        assert len(job.stdout.read(32)) == 32  # it is at work, and waits for the fifth block
        job.send_signal(number)
        assert job.wait(timeout=30) == code
        assert job.stderr is not None
        assert job.stderr.read() == NONE


# --- between other programs -----------------------------------------------------------------------

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not here")
needs_sox = pytest.mark.skipif(shutil.which("sox") is None, reason="sox is not here")


@needs_ffmpeg
@pytest.mark.parametrize("samples", ["s16le", "s24le", "s32le", "f32le", "f64le"])
def test_wav_between_two_ffmpegs(here: Path, samples: str) -> None:
    soundfile.write("x.wav", noise(3000, 2).T, FS, subtype="PCM_16")
    ffmpeg = "ffmpeg -loglevel error -nostdin"
    code, _, err = shell(
        f"{ffmpeg} -i x.wav -c:a pcm_{samples} -f wav - | STREAM hall.wav --format wav --mix 0.5 | "
        f"{ffmpeg} -i - -c:a copy y.wav"
    )
    assert code == 0, err
    assert f"3,000 frames in, 3,499 out (0.07 s at 48000 Hz), 2 channels, {samples}" in err
    y = soundfile.read("y.wav")[0].T
    options = {"mix": 0.5, "subtype": soundfile.info("y.wav").subtype}
    lti.convolve_file("x.wav", "hall.wav", "wanted.wav", **options)
    wanted = soundfile.read("wanted.wav")[0].T
    assert y.shape == wanted.shape
    assert np.abs(y - wanted).max() <= (1.01 / 2**15 if samples == "s16le" else 1e-6)


@needs_ffmpeg
@needs_sox
def test_raw_samples_from_sox_to_ffmpeg(here: Path) -> None:
    soundfile.write("x.wav", noise(3000, 1).T, FS, subtype="PCM_24")
    code, out, err = shell(
        "sox x.wav -t raw -e signed -b 24 - | "
        "STREAM hall.wav --channels 1 --format s24le --quiet | "
        "ffmpeg -loglevel error -f s24le -ar 48000 -ac 2 -i - -f f32le -"
    )
    assert (code, err) == (0, "")
    assert np.abs(got(out) - offline(soundfile.read("x.wav")[0][None])).max() < 1e-6


@needs_sox
@pytest.mark.parametrize("bits", ["-b 16", "-b 24", "-e float -b 32"])
def test_wav_between_two_soxes(here: Path, bits: str) -> None:
    soundfile.write("x.wav", noise(3000, 2).T, FS, subtype="FLOAT")
    code, _, err = shell(
        f"sox -D x.wav {bits} -t wav - | STREAM hall.wav --format wav --quiet | "
        f"sox -t wav --ignore-length - -t wav y.wav"
    )
    assert code == 0, err
    y = soundfile.read("y.wav")[0].T
    wanted = offline(soundfile.read("x.wav")[0].T)
    assert y.shape == wanted.shape
    # half a step of each sample of the input, through the response, and half a step of the output
    step = {"-b 16": 2.0**-15, "-b 24": 2.0**-23}.get(bits, 1e-6)
    most = np.abs(lti.FIR.from_file("hall.wav").h).sum(axis=1).max()
    assert np.abs(y - wanted).max() < step * (most + 1)


def test_the_pipes_of_the_readme_run(tmp_path: Path) -> None:
    """Each `ltisys stream` between two other programs, which are not all here, gets a second."""
    (tmp_path / "audio").symlink_to(ROOT / "audio")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = [line.partition("#")[0] for line in readme.splitlines() if "| ltisys stream " in line]
    assert len(lines) >= 2
    for line in lines:
        words = shlex.split(line.split("|")[1])[2:]
        format = words[words.index("--format") + 1] if "--format" in words else "f32le"
        x = noise(4800, 2)
        soundfile.write(tmp_path / "x.wav", x.T, FS)
        data = {"wav": (tmp_path / "x.wav").read_bytes(), "f32le": floats(x)}.get(
            format, bytes(4800 * 12)
        )
        done = subprocess.run(
            [*STREAM, *words], cwd=tmp_path, input=data, env=ENVIRONMENT, capture_output=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert len(done.stdout) > len(data)
        if format == "wav":
            file = iter([done.stdout[at : at + 1] for at in range(200)])
            header = read_header(lambda n, file=file: b"".join(next(file) for _ in range(n)))
            assert header.channels == 2
