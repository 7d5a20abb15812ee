"""`ltisys filter`: the chain in the order given, errors in one line, the promises of every job."""

import json
import signal as signals
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from scipy import signal

import ltisys as lti
from ltisys import equalisers, meters
from ltisys.chains import LINKS, Link, chained, gain_db, read_link
from ltisys.cli import main
from ltisys.phases import linear_phase
from ltisys.prototypes import butterworth

FS = 44100
U = 2.0**-24


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with sounds; we stand in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(signals, "signal", lambda *_: None)  # main() runs inside the test process
    rng = np.random.default_rng(5)
    soundfile.write("in.wav", rng.uniform(-0.2, 0.2, (30_000, 2)), FS, subtype="FLOAT")
    soundfile.write("in.flac", rng.uniform(-0.2, 0.2, (3000, 1)), FS)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], line: str) -> tuple[int, str, str]:
    try:
        code = main(line.split())
    except SystemExit as stop:
        code = int(stop.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


def loaded(name: str) -> NDArray[np.float64]:
    return soundfile.read(name, always_2d=True)[0].T


# --- what the options are -----------------------------------------------------------------------

MEANINGS = [
    ("--lowpass 4000", butterworth(2, 4000, fs=FS)),
    ("--highpass 80", butterworth(2, 80, fs=FS, kind="highpass")),
    ("--highpass 80 --order 5", butterworth(5, 80, fs=FS, kind="highpass")),
    ("--order 3 --bandpass 300:3400", butterworth(3, (300, 3400), fs=FS, kind="bandpass")),
    ("--bandstop 48:52", butterworth(2, (48, 52), fs=FS, kind="bandstop")),
    ("--peaking 1000:6:1.4", equalisers.peaking(1000, gain_db=6, q=1.4, fs=FS)),
    ("--peaking 1e3:-6.5:2", equalisers.peaking(1000, gain_db=-6.5, q=2, fs=FS)),
    ("--low-shelf 120:-3", equalisers.low_shelf(120, gain_db=-3, fs=FS)),
    ("--low-shelf 120:-3:0.5", equalisers.low_shelf(120, gain_db=-3, q=0.5, fs=FS)),
    ("--high-shelf 8000:2", equalisers.high_shelf(8000, gain_db=2, fs=FS)),
    ("--notch 50:30", equalisers.notch(50, q=30, fs=FS)),
    ("--allpass 900:0.7", equalisers.allpass(900, q=0.7, fs=FS)),
    ("--dc-blocker", equalisers.dc_blocker(fs=FS)),
    ("--gain-db -6", lti.gain(db=-6)),
    ("--gain-db -6 --gain-db 2", lti.gain(db=-4)),
    (
        "--lowpass 9000 --gain-db -2 --highpass 80 --peaking 1000:6:1.4",
        lti.gain(db=-2)
        >> butterworth(2, 9000, fs=FS)
        >> butterworth(2, 80, fs=FS, kind="highpass")
        >> equalisers.peaking(1000, gain_db=6, q=1.4, fs=FS),
    ),
]


@pytest.mark.parametrize(("options", "system"), MEANINGS, ids=[line for line, _ in MEANINGS])
def test_each_option_is_its_system(
    here: Path, capsys: pytest.CaptureFixture[str], options: str, system: lti.System
) -> None:
    code, out, err = run(capsys, f"filter in.wav -o y.wav {options}")
    assert (code, err) == (0, "")
    assert out.startswith("y.wav: 0.68 s, 44100 Hz, 2 channels, WAV FLOAT, peak ")
    y, wanted = loaded("y.wav"), system(loaded("in.wav"), tail=False)
    assert y.shape == (2, 30_000)
    # a section and its gain round where they are multiplied: double precision, then single
    assert np.abs(y - wanted).max() <= 2 * U * np.abs(wanted).max()


def test_no_option_is_left_out() -> None:
    for name in LINKS:
        assert any(f"--{name}" in line for line, _ in MEANINGS), name


def test_the_order_given_is_kept() -> None:
    """Whatever the order, the answer is the same; the order of rounding is the user's."""
    chain = [read_link("lowpass", "4000"), read_link("peaking", "100:3:1")]
    there, back = chained(chain, fs=FS, order=2), chained(chain[::-1], fs=FS, order=2)
    assert isinstance(there, lti.IIR)
    assert isinstance(back, lti.IIR)
    assert np.array_equal(there.sos, back.sos[::-1])
    assert not np.array_equal(there.sos, back.sos)
    gains = [Link("gain-db", (2.0,)), *chain, Link("gain-db", (-5.5,))]
    assert gain_db(gains) == -3.5
    assert chained(gains, fs=FS, order=2) == there


@pytest.mark.parametrize("attenuation_db", [60, 100])
def test_linear_phase(here: Path, capsys: pytest.CaptureFixture[str], attenuation_db: int) -> None:
    line = "--highpass 200 --peaking 1000:6:1.4 --low-shelf 300:-3 --gain-db -2"
    more = f"--linear-phase --attenuation-db {attenuation_db}"
    code, _, err = run(capsys, f"filter in.wav -o y.wav {line} {more}")
    assert (code, err) == (0, "")
    chain = (
        butterworth(2, 200, fs=FS, kind="highpass")
        >> equalisers.peaking(1000, gain_db=6, q=1.4, fs=FS)
        >> equalisers.low_shelf(300, gain_db=-3, fs=FS)
    )
    straight = linear_phase(chain, attenuation_db=attenuation_db)
    late = straight.latency
    wanted = 10 ** (-2 / 20) * signal.fftconvolve(loaded("in.wav"), straight.h[None])
    assert np.abs(loaded("y.wav") - wanted[:, late : late + 30_000]).max() < 1e-6
    # a symmetric answer to an impulse in the middle, and the magnitudes of the recursive chain
    x = np.zeros((60_001, 1))
    x[30_000] = 1.0
    soundfile.write("impulse.wav", x, FS, subtype="FLOAT")
    run(capsys, f"filter impulse.wav -o h.wav {line} {more}")
    h = loaded("h.wav")[0]
    assert np.abs(h - h[::-1]).max() < 1e-6
    _, response = (10 ** (-2 / 20) * chain).frequency_response(frames=60_001)
    error = np.abs(np.abs(np.fft.rfft(h)) - np.abs(response)).max()
    assert error <= 10 ** (-attenuation_db / 20) * np.abs(response).max() + 1e-5


# --- bad lines ----------------------------------------------------------------------------------

BAD = [
    ("in.wav -o y.wav", 2, "ltisys: say what to filter with, such as --highpass 80 --peaking"),
    ("no.wav -o y.wav --lowpass 100", 66, "ltisys: no.wav: No such file or directory"),
    ("in.wav --lowpass 100", 2, "ltisys: say where the output goes: -o "),
    ("in.wav -o y.wav --in-place --lowpass 100", 2, "it takes no -o"),
    ("in.wav -o in.wav --lowpass 100 --overwrite", 73, "in.wav is the same file as the input"),
    ("in.wav -o in.flac --lowpass 100", 73, "in.flac exists already; pass overwrite=True (--over"),
    ("in.wav -o y.wav --lowpass loud", 2, "argument --lowpass: 'loud' must be HZ, such as 1000"),
    ("in.wav -o y.wav --lowpass nan", 2, "argument --lowpass: 'nan' must be HZ, such as 1000"),
    ("in.wav -o y.wav --lowpass 1:2", 2, "argument --lowpass: '1:2' must be HZ, such as 1000"),
    ("in.wav -o y.wav --bandpass 300", 2, "'300' must be LOW:HIGH, such as 300:3400"),
    ("in.wav -o y.wav --peaking 1000:6", 2, "'1000:6' must be HZ:DB:Q, such as 1000:6:1.4"),
    ("in.wav -o y.wav --low-shelf 9", 2, "'9' must be HZ:DB[:Q], such as 120:-3"),
    ("in.wav -o y.wav --low-shelf 9:1:1:1", 2, "must be HZ:DB[:Q], such as 120:-3"),
    ("in.wav -o y.wav --notch 50", 2, "argument --notch: '50' must be HZ:Q, such as 50:30"),
    ("in.wav -o y.wav --gain-db much", 2, "argument --gain-db: 'much' must be DB, such as -6"),
    ("in.wav -o y.wav --lowpass 22050", 2, "ltisys: --lowpass 22050: cutoff_hz=22050"),
    ("in.wav -o y.wav --bandpass 300:90", 2, "ltisys: --bandpass 300:90: "),
    ("in.wav -o y.wav --peaking 1000:6:0", 2, "ltisys: --peaking 1000:6:0: q=0"),
    ("in.wav -o y.wav --lowpass 99 --order 0", 2, "ltisys: --lowpass 99: order=0 must be"),
    ("in.wav -o y.wav --lowpass 99 --order two", 2, "invalid whole number value: 'two'"),
    ("in.wav -o y.wav --allpass 99:1 --linear-phase", 2, "ltisys: --allpass 99:1 turns the phase"),
    ("in.wav -o y.wav --notch 50:30 --linear-phase", 2, "(--attenuation-db)"),
    ("in.wav -o y.wav --lowpass 99 --plot y.wav", 2, "--plot y.wav must end in .png, .svg, .pdf"),
    ("in.wav -o y.wav --lowpass 99 --plot nowhere/y.png", 73, "nowhere"),
    ("in.wav -o y.wav --lowpass 99 --normalize loud", 2, "normalize='loud' must be 'peak'"),
    ("in.flac -o y.wav --lowpass 99 --normalize lufs", 65, "loudness takes 0.4 s at least"),
]


@pytest.mark.parametrize(("line", "code", "sentence"), BAD, ids=[line for line, _, _ in BAD])
def test_bad_lines_are_one_sentence_and_leave_nothing(
    here: Path, capsys: pytest.CaptureFixture[str], line: str, code: int, sentence: str
) -> None:
    before = {p: p.read_bytes() for p in here.iterdir()}
    got, out, err = run(capsys, f"filter {line}")
    assert err.count("\n") == 1, err
    assert sentence in err
    assert (got, out) == (code, "")
    assert {p: p.read_bytes() for p in here.iterdir()} == before


# --- what it writes and says --------------------------------------------------------------------


def test_reports(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "filter in.wav -o y.wav --lowpass 40 --json")
    told = json.loads(out)
    assert (code, told["frames"], told["method"], told["gain_db"]) == (0, 30_000, "recursive", 0)
    assert -60 < told["lost_tail_db"] < -10  # of what rings at 40 Hz, and passes no other
    code, out, _ = run(capsys, "filter in.wav -o y.wav --lowpass 40 --overwrite --tail --json")
    assert json.loads(out)["frames"] > 30_000
    assert json.loads(out)["lost_tail_db"] is None
    assert run(capsys, "filter in.wav -o z.wav --lowpass 40 --quiet") == (0, "", "")
    code, out, err = run(capsys, "filter in.flac -o z.flac --gain-db 20 --lowpass 20000")
    assert code == 0
    assert "frames clipped at a peak of" in err
    assert soundfile.info("z.flac").subtype == "PCM_16"


def test_dry_run_writes_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(here.iterdir())
    line = "filter in.wav -o y.wav --lowpass 40 --gain-db 6 --dry-run --plot y.png"
    code, out, _ = run(capsys, line)
    assert code == 0
    assert "IIR(1 section, 44100 Hz)" in out
    told = json.loads(run(capsys, f"{line} --json")[1])
    worst = np.abs(butterworth(2, 40, fs=FS).impulse_response()).sum()
    assert told["worst_case_gain_db"] == pytest.approx(20 * np.log10(worst) + 6, abs=1e-9)
    assert sorted(here.iterdir()) == before


def test_in_place_subtype_and_loudness(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = "filter in.wav --in-place --subtype PCM_24 --highpass 80 --normalize lufs:-30"
    code, _, err = run(capsys, line)
    assert (code, err) == (0, "")
    assert soundfile.info("in.wav").subtype == "PCM_24"
    assert meters.loudness(loaded("in.wav"), fs=FS) == pytest.approx(-30, abs=1e-3)


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_plot(here: Path, capsys: pytest.CaptureFixture[str], ending: str) -> None:
    (here / f"y.{ending}").write_bytes(b"an old one")
    line = f"filter in.wav -o y.wav --highpass 80 --gain-db -3 --plot y.{ending}"
    code, _, err = run(capsys, line)
    assert (code, err) == (0, "")
    start = {"png": b"\x89PNG\r", "svg": b"<?xml", "pdf": b"%PDF-"}[ending]
    assert (here / f"y.{ending}").read_bytes().startswith(start)
    assert (here / "y.wav").exists()


def test_a_picture_of_a_job_that_fails_is_not_left(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write("nan.wav", np.array([0.5, np.nan]), FS, subtype="FLOAT")
    before = sorted(here.iterdir())
    assert run(capsys, "filter nan.wav -o y.wav --lowpass 99 --plot y.png")[0] == 65
    assert sorted(here.iterdir()) == before
