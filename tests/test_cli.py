"""The command line: exit codes, one-line errors, and nothing left behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ltisys.cli import main

ROOT = Path(__file__).resolve().parent.parent
FS = 8000
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}
LTISYS = [sys.executable, "-W", "error", "-m", "ltisys"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with sounds, good and bad; we stand in it."""
    rng = np.random.default_rng(5)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # main() runs inside the test process
    soundfile.write("dry.wav", rng.uniform(-0.2, 0.2, (4000, 2)), FS)
    soundfile.write("hall.wav", rng.uniform(-0.02, 0.02, (900, 2)), FS)
    soundfile.write("three.wav", np.ones((10, 3)) * 0.1, FS)
    soundfile.write("fast.wav", np.ones((10, 2)) * 0.1, 2 * FS)
    soundfile.write("nan.wav", np.array([0.5, np.nan, 0.1]), FS, subtype="FLOAT")
    soundfile.write("none.wav", np.zeros((0, 2)), FS)
    Path("text.wav").write_text("hello, I am no sound at all\n" * 20)
    Path("empty.wav").write_bytes(b"")
    Path("broken.wav").write_bytes(Path("dry.wav").read_bytes()[:-3000])
    Path("folder").mkdir()
    Path("link.wav").symlink_to("dry.wav")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    try:
        code = main(words)
    except SystemExit as stop:  # how argparse ends
        code = int(stop.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


BAD = [
    ("convolve no.wav hall.wav -o y.wav", 66, "ltisys: no.wav: No such file or directory"),
    ("convolve dry.wav no.wav -o y.wav", 66, "ltisys: no.wav: No such file or directory"),
    ("convolve folder hall.wav -o y.wav", 66, "ltisys: folder: Is a directory"),
    ("convolve text.wav hall.wav -o y.wav", 65, "text.wav is not a sound file"),
    ("convolve empty.wav hall.wav -o y.wav", 65, "empty.wav is not a sound file"),
    ("convolve broken.wav hall.wav -o y.wav", 65, "broken.wav holds"),
    ("convolve none.wav hall.wav -o y.wav", 65, "none.wav holds no frames"),
    ("convolve dry.wav none.wav -o y.wav", 65, "none.wav holds no frames"),
    (
        "convolve dry.wav three.wav -o y.wav",
        65,
        "ltisys: dry.wav has 2 channels but the response has 3; "
        "it must have 1, 2 or 4 (true stereo)",
    ),
    (
        "convolve dry.wav fast.wav -o y.wav",
        65,
        "ltisys: fs differs: dry.wav 8000 Hz, fast.wav 16000 Hz; "
        "pass resample=True (--resample) to resample the response",
    ),
    ("convolve dry.wav nan.wav -o y.wav", 65, "ltisys: nan.wav holds 1 samples that are NaN"),
    ("convolve nan.wav hall.wav -o y.wav", 65, "nan.wav holds NaN or infinite samples, the first"),
    ("convolve dry.wav hall.wav -o dry.wav", 73, "dry.wav"),
    ("convolve dry.wav hall.wav -o dry.wav --overwrite", 73, "dry.wav"),
    ("convolve dry.wav hall.wav -o link.wav --overwrite", 73, "link.wav"),
    ("convolve dry.wav hall.wav -o hall.wav --overwrite", 73, "hall.wav"),
    ("convolve dry.wav hall.wav -o three.wav", 73, "--overwrite"),
    ("convolve dry.wav hall.wav -o nowhere/y.wav", 73, "nowhere"),
    ("convolve dry.wav hall.wav -o folder", 73, "folder"),
    ("convolve dry.wav hall.wav -o y.xyz", 73, "y.xyz"),
    ("convolve dry.wav hall.wav -o y.wav --subtype PCM_99", 2, "subtype='PCM_99' must be one of"),
    (
        "convolve dry.wav hall.wav",
        2,
        "ltisys: say where the output goes: -o wet.wav, or --in-place",
    ),
    ("convolve dry.wav hall.wav -o y.wav --in-place", 2, "it takes no -o"),
    (
        "convolve dry.wav hall.wav -o y.wav --predelay-ms -1",
        2,
        "ltisys: predelay_s=-0.001 must be a finite number >= 0 in seconds",
    ),
    ("convolve dry.wav hall.wav -o y.wav --mix 2", 2, "mix=2.0 must be a finite number >= 0"),
    ("convolve dry.wav hall.wav -o y.wav --gain-db nan", 2, "gain_db=nan must be a finite number"),
    ("convolve dry.wav hall.wav -o y.wav --mix much", 2, "invalid float value: 'much'"),
    (
        "convolve dry.wav hall.wav -o y.wav --normalize loud",
        2,
        "ltisys: normalize='loud' must be 'peak', 'rms' or 'lufs', alone or with a level in dB "
        "behind a colon, such as 'lufs:-23'",
    ),
    ("plan --frames 1e7 --taps 96000 --method ola", 2, "invalid choice: 'ola'"),
    ("plan --frames 0 --taps 10", 2, "ltisys: frames=0 must be an integer >= 1"),
    ("plan --frames 1.5 --taps 10", 2, "invalid whole number value: '1.5'"),
    ("info no.wav", 66, "ltisys: no.wav: No such file or directory"),
    ("info text.wav", 65, "text.wav is not a sound file"),
    ("info dry.wav hall.wav --plot y.png", 2, "ltisys: --plot draws one file; got 2"),
    ("info dry.wav --plot y.wav", 2, "ltisys: --plot y.wav must end in .png, .svg, .pdf"),
    ("info dry.wav --plot nowhere/y.png", 73, "nowhere"),
    ("info none.wav --plot y.png", 65, "none.wav holds no frames: there is nothing to draw"),
    ("nonsense", 2, "invalid choice: 'nonsense'"),
    ("", 2, "required"),
]


@pytest.mark.parametrize(("line", "code", "sentence"), BAD, ids=[line for line, _, _ in BAD])
def test_bad_input_is_one_sentence_and_leaves_nothing(
    here: Path, capsys: pytest.CaptureFixture[str], line: str, code: int, sentence: str
) -> None:
    before = {p: p.read_bytes() for p in here.iterdir() if p.is_file()}
    got, out, err = run(capsys, *line.split())
    assert err.count("\n") == 1, err
    assert sentence in err
    assert (got, out) == (code, "")
    assert {p: p.read_bytes() for p in here.iterdir() if p.is_file()} == before
    assert sorted(here.iterdir()) == sorted([*before, here / "folder"])


def test_convolve_says_what_it_did(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "convolve", "dry.wav", "hall.wav", "-o", "y.wav")
    assert (code, err) == (0, "")
    assert out.startswith("y.wav: 0.61 s, 8000 Hz, 2 channels, WAV PCM_16, peak ")
    code, out, err = run(capsys, "convolve", "dry.wav", "hall.wav", "-o", "y.wav", "--overwrite",
                         "--json", "--gain-db", "40")  # fmt: skip
    report = json.loads(out)
    assert (code, report["frames"], report["channels"], report["gain_db"]) == (0, 4899, 2, 40.0)
    assert report["lost_tail_db"] is None
    assert report["clipped"] > 0
    assert f"{report['clipped']:,} frames clipped" in err
    code, out, err = run(capsys, "reverb", "dry.wav", "hall.wav", "-o", "z.wav", "--quiet")
    assert (code, out, err) == (0, "", "")
    wet, dry = soundfile.read("z.wav")[0], soundfile.read("dry.wav")[0]
    assert np.corrcoef(wet[:4000, 0], dry[:, 0])[0, 1] > 0.9  # mostly dry


def test_dry_run_writes_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(here.iterdir())
    code, out, _ = run(capsys, "convolve", "dry.wav", "hall.wav", "-o", "y.wav", "--dry-run")
    assert code == 0
    assert "worst_case_gain_db" in out
    assert "because" in out
    line = ["convolve", "dry.wav", "hall.wav", "-o", "y.wav", "--dry-run", "--json"]
    assert json.loads(run(capsys, *line)[1])["taps"] == 900
    assert sorted(here.iterdir()) == before


def test_in_place_and_resample(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["convolve", "dry.wav", "fast.wav", "--in-place", "--resample", "--subtype", "PCM_24"]
    assert run(capsys, *line)[0] == 0
    assert soundfile.info("dry.wav").subtype == "PCM_24"


def test_info(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fs = 8000
    decay = np.zeros(3 * fs)
    n = np.arange(3 * fs - 80)
    noise = np.random.default_rng(1).standard_normal(n.size)
    decay[80:] = 0.1 * noise * 10 ** (-3 * n / fs / 1.2)
    decay[80] = 0.9
    soundfile.write("room.wav", decay, fs, subtype="FLOAT")
    code, out, _ = run(capsys, "info", "room.wav")
    assert code == 0
    for row in ("WAV FLOAT", "8000 Hz", "3.000 s (24,000 frames)", "direct sound  10.00 ms"):
        assert row in out
    told = json.loads(run(capsys, "info", "room.wav", "--json")[1])
    assert told["decay_time_s"] == pytest.approx(1.2, rel=0.02)
    assert told["peak_db"] == pytest.approx(20 * np.log10(0.9), abs=1e-3)
    assert json.loads(run(capsys, "info", "nan.wav", "--json")[1])["bad_samples"] == 1
    assert json.loads(run(capsys, "info", "none.wav", "--json")[1])["peak_db"] is None
    assert len(json.loads(run(capsys, "info", "dry.wav", "hall.wav", "--json")[1])) == 2


def test_info_draws_and_measures_loudness(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fs = 8000
    tone = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(70 * fs) / fs)
    soundfile.write("long.wav", tone, fs, subtype="FLOAT")  # beyond a minute: drawn in stretches
    noise = np.random.default_rng(1).standard_normal(2 * fs)
    room = noise * 10 ** (-3 * np.arange(2 * fs) / fs)
    soundfile.write("room.wav", 0.1 * room, fs, subtype="FLOAT")
    for name in ("long.wav", "room.wav", "dry.wav"):
        for ending in ("png", "svg", "pdf"):
            code, out, err = run(capsys, "info", name, "--plot", f"y.{ending}")
            assert (code, err) == (0, "")
            assert "loudness" not in out
        starts = [Path(f"y.{ending}").read_bytes()[:5] for ending in ("png", "svg", "pdf")]
        assert starts == [b"\x89PNG\r", b"<?xml", b"%PDF-"]
    for kind in ("waveform", "decay", "spectrogram"):
        line = ["info", "room.wav", "--plot", f"{kind}.png", "--draw", kind]
        assert run(capsys, *line)[0] == 0
    assert len({Path(f"{kind}.png").read_bytes() for kind in ("decay", "waveform")}) == 2
    code, _, err = run(capsys, "info", "long.wav", "--plot", "no.png", "--draw", "spectrogram")
    assert (code, Path("no.png").exists()) == (2, False)
    assert "--draw spectrogram takes 60 s of sound at most; got 70 s" in err
    told = json.loads(run(capsys, "info", "long.wav", "--loudness", "--json")[1])
    # full scale at 1 kHz in one channel is -3.01 LUFS, but for the warped shelf at 8 kHz
    assert told["loudness_lufs"] == pytest.approx(-23.0, abs=0.3)
    assert "loudness      -23." in run(capsys, "info", "long.wav", "--loudness")[1]
    assert json.loads(run(capsys, "info", "none.wav", "--loudness", "--json")[1])[
        "loudness_lufs"
    ] is None  # fmt: skip


def test_plan_doctor_version(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "plan", "--frames", "1e7", "--taps", "96000")
    assert code == 0
    assert out.startswith("overlap-save: 10,000,000 frames x 96,000 taps")
    told = json.loads(run(capsys, "plan", "--frames", "1e7", "--taps", "96000", "--json")[1])
    assert told["method"] == "overlap-save"
    code, out, _ = run(capsys, "doctor")
    assert code == 0
    for name in ("numpy", "scipy", "fft", "cores", "WAV", "FLAC", "pedalboard"):
        assert name in out
    assert json.loads(run(capsys, "doctor", "--json")[1])["cores"] >= 1
    code, out, _ = run(capsys, "--version")
    assert (code, out.split()[0]) == (0, "ltisys")


def test_demo(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "demo")
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert str(here / "ltisys-demo.wav") in out
    wet, fs = soundfile.read("ltisys-demo.wav")
    assert wet.shape[1] == 2
    assert wet.shape[0] / fs > 6
    assert 0.05 < np.abs(wet).max() < 1


def test_debug_shows_the_traceback(here: Path) -> None:
    with pytest.raises(FileNotFoundError):
        main(["info", "no.wav", "--debug"])
    with pytest.raises(FileNotFoundError):
        main(["--debug", "info", "no.wav"])


# --- as processes -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def long_job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 20 minutes of stereo, which take seconds to convolve."""
    folder = tmp_path_factory.mktemp("long")
    rng = np.random.default_rng(0)
    block = rng.integers(-3000, 3000, (48000 * 10, 2), dtype=np.int16)
    with soundfile.SoundFile(folder / "dry.wav", "w", 48000, 2, "PCM_16") as file:
        for _ in range(120):
            file.write(block)
    soundfile.write(folder / "hall.wav", rng.standard_normal((96000, 2)) * 0.001, 48000)
    return folder


def started(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    """Start a job in a folder and wait until it writes."""
    job = subprocess.Popen(
        [*LTISYS, *words], cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and job.poll() is None:
        if any("tmp" in p.name and p.stat().st_size > 1 << 20 for p in folder.iterdir()):
            return job
        time.sleep(0.01)
    raise AssertionError(f"the job wrote nothing: {job.communicate()}")


@pytest.mark.parametrize(
    ("number", "code", "line"),
    [
        (signal.SIGINT, 130, "convolve dry.wav hall.wav -o wet.wav"),
        (signal.SIGTERM, 143, "convolve dry.wav hall.wav -o wet.wav"),
        (signal.SIGHUP, 129, "convolve dry.wav hall.wav -o wet.wav"),
        (signal.SIGINT, 130, "filter dry.wav -o wet.wav --peaking 1000:6:1.4 --highpass 80"),
    ],
)
def test_a_signal_half_way_leaves_nothing(
    long_job: Path, number: int, code: int, line: str
) -> None:
    job = started(long_job, *line.split())
    asked = time.monotonic()
    job.send_signal(number)
    _, err = job.communicate(timeout=30)
    assert time.monotonic() - asked < 2
    assert (job.returncode, err) == (code, b"")
    assert sorted(p.name for p in long_job.iterdir()) == ["dry.wav", "hall.wav"]


def test_a_closed_pipe_ends_quietly(here: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    job = subprocess.run(
        [*LTISYS, "info", "dry.wav"], env=ENVIRONMENT, stdout=write, stderr=subprocess.PIPE,
        check=False,
    )  # fmt: skip
    os.close(write)
    assert (job.returncode, job.stderr) == (141, b"")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    command = [str(mount), "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a tmpfs")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_leaves_nothing(small_disk: Path, long_job: Path) -> None:
    out = small_disk / "wet.wav"
    out.write_bytes(b"the old one")
    done = subprocess.run(
        [*LTISYS, "convolve", "dry.wav", "hall.wav", "-o", str(out), "--overwrite"],
        cwd=long_job, env=ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in (73, 74)
    assert done.stderr.count("\n") == 1
    assert "takes 230783996 bytes, but its disk has" in done.stderr
    assert out.read_bytes() == b"the old one"
    assert os.listdir(small_disk) == ["wet.wav"]


def test_a_folder_that_cannot_be_written_leaves_nothing(small_disk: Path, here: Path) -> None:
    """By a read-only file system, because root may write to any folder."""
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    done = subprocess.run(
        [*LTISYS, "convolve", "dry.wav", "hall.wav", "-o", str(small_disk / "wet.wav")],
        env=ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 73
    sentence = f"ltisys: cannot create {small_disk}/wet.wav: Read-only file system\n"
    assert done.stderr == sentence
    assert os.listdir(small_disk) == []


JOBS = {
    "convolve": "convolve {} hall.wav -o m.wav",
    "filter": "filter {} -o m.wav --highpass 80 --peaking 1000:6:1.4 --low-shelf 120:-3",
    "loudness": "filter {} -o m.wav --lowpass 4000 --normalize lufs:-16",
    "info": "info {} --loudness --json --plot m.wav.png",
}


def peak_memory_mb(folder: Path, line: str) -> float:
    """Run a job in a process and return its largest resident memory."""
    words = [*line.split(), *([] if line.startswith("info") else ["--quiet"])]
    code = (
        "import resource, sys; from ltisys.cli import main; "
        f"main({words!r}); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    # started by a small process: a child's peak begins at its parent's size
    starter = "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:]).returncode)"
    done = subprocess.run(
        [sys.executable, "-c", starter, sys.executable, "-c", code],
        cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for made in folder.glob("m.wav*"):
        made.unlink()
    return int(done.stdout.splitlines()[-1]) / 1024


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has other units elsewhere")
@pytest.mark.parametrize("job", JOBS)
def test_memory_does_not_grow_with_the_file(long_job: Path, job: str) -> None:
    x = soundfile.read(long_job / "dry.wav", frames=48000 * 120, dtype="int16")[0]
    soundfile.write(long_job / "part.wav", x, 48000)
    part = peak_memory_mb(long_job, JOBS[job].format("part.wav"))
    (long_job / "part.wav").unlink()
    whole = peak_memory_mb(long_job, JOBS[job].format("dry.wav"))
    assert whole < 200
    assert whole < 1.1 * part  # ten times the length
