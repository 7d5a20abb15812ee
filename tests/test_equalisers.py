"""Equaliser sections against the analogue ones they stand for, at many rates"""

import re
from typing import Any

import numpy as np
import pytest
from scipy import signal

import ltisys as lti

EPS = 2.0**-52
RATES = (44_100, 48_000, 96_000)


def response(system: lti.IIR, freqs_hz: Any) -> np.ndarray:
    freqs, found = system.frequency_response(freqs_hz)
    assert found.shape == freqs.shape
    assert found.dtype == np.complex128
    return found


def db(values: Any) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return 20 * np.log10(np.abs(values))


def limit_db(f0: float, q: float, fs: float, A: float = 1.0) -> float:
    """What rounding of the coefficients may do: eps against polynomials of w0^2 / Q.

    The quality of the poles is A times Q for a bell, and the coefficients of a shelf are A larger.
    """
    w0 = 2 * np.pi * min(f0, fs / 2 - f0) / fs
    return float(1e-9 + 8.7 * 16 * EPS * max(A, 1 / A) ** 2 * max(q, 1 / q, 1) / w0**2)


# --- the analogue sections of the cookbook --------------------------------------------------------


def bell(s: Any, A: float, q: float) -> Any:
    return (s**2 + s * A / q + 1) / (s**2 + s / (A * q) + 1)


def low_shelf(s: Any, A: float, q: float) -> Any:
    return A * (s**2 + A**0.5 / q * s + A) / (A * s**2 + A**0.5 / q * s + 1)


def high_shelf(s: Any, A: float, q: float) -> Any:
    return A * (A * s**2 + A**0.5 / q * s + 1) / (s**2 + A**0.5 / q * s + A)


def notch(s: Any, A: float, q: float) -> Any:
    return (s**2 + 1) / (s**2 + s / q + 1)


def allpass(s: Any, A: float, q: float) -> Any:
    return (s**2 - s / q + 1) / (s**2 + s / q + 1)


KINDS = {
    "peaking": bell,
    "low_shelf": low_shelf,
    "high_shelf": high_shelf,
    "notch": notch,
    "allpass": allpass,
}


def design(name: str, f0: float, gain_db: float, q: float, fs: float) -> lti.IIR:
    options = {"gain_db": gain_db} if name in ("peaking", "low_shelf", "high_shelf") else {}
    system = getattr(lti, name)(f0, q=q, fs=fs, **options)
    assert isinstance(system, lti.IIR)
    assert system.fs == fs
    assert system.sos.shape == (1, 6)
    assert system.sos.dtype == np.float64
    assert system.stable
    return system


@pytest.mark.parametrize("fs", RATES)
@pytest.mark.parametrize("name", KINDS)
def test_bilinear_transform_of_the_analogue_section(name: str, fs: float) -> None:
    omega = 2.0 ** np.arange(-6, 6.1, 0.25)
    for f0 in (1.0, 20.0, 997.0, 0.25 * fs, 0.49 * fs):
        for gain_db in (-24.0, -3.0, 0.0, 6.0, 40.0):
            for q in (0.1, 2**-0.5, 1.4, 30.0):
                system = design(name, f0, gain_db, q, fs)
                wanted = KINDS[name](1j * omega, 10 ** (gain_db / 40), q)
                f = np.arctan(omega * np.tan(np.pi * f0 / fs)) * fs / np.pi
                got = response(system, f)
                limit = limit_db(f0, q, fs, 10 ** (gain_db / 40)) / 8.7
                assert np.abs(got - wanted).max() <= limit * np.abs(wanted).max(), (f0, gain_db, q)


@pytest.mark.parametrize("fs", [8000, *RATES, 192_000])
def test_levels_that_define_them(fs: float) -> None:
    for f0 in (30.0, 1000.0, 0.3 * fs):
        for gain_db in (-12.0, 3.0, 15.0):
            q = 2.0
            system = lti.peaking(f0, gain_db=gain_db, q=q, fs=fs)
            # half the gain in dB where the warped frequency is c / s and c s, s - 1 / s = 1 / q
            s = 1 / (2 * q) + np.hypot(1 / (2 * q), 1)
            c = np.tan(np.pi * f0 / fs)
            edges = np.arctan(np.array([c / s, c * s])) * fs / np.pi
            assert db(response(system, [0, f0, fs / 2])) == pytest.approx([0, gain_db, 0], abs=1e-6)
            assert db(response(system, edges)) == pytest.approx([gain_db / 2] * 2, abs=1e-6)
            for shelf, ends in ((lti.low_shelf, (gain_db, 0)), (lti.high_shelf, (0, gain_db))):
                system = shelf(f0, gain_db=gain_db, fs=fs)
                found = db(response(system, [0, f0, fs / 2]))
                assert found == pytest.approx([ends[0], gain_db / 2, ends[1]], abs=1e-6)
                # without overshoot: it rises or falls all the way
                way = np.diff(db(response(system, np.linspace(0, fs / 2, 2000))))
                assert (way * np.sign(ends[1] - ends[0]) >= -1e-9).all()
        system = lti.notch(f0, q=q, fs=fs)
        assert db(response(system, [f0]))[0] < -120
        assert db(response(system, edges if f0 == 0.3 * fs else [0])) == pytest.approx(
            -3.0103 if f0 == 0.3 * fs else 0, abs=1e-4
        )
        assert db(response(system, [0, fs / 2])) == pytest.approx([0, 0], abs=1e-6)
        system = lti.allpass(f0, q=q, fs=fs)
        assert np.abs(db(response(system, np.linspace(0, fs / 2, 999)))).max() < 1e-6
        assert response(system, [f0])[0] == pytest.approx(-1, abs=1e-6)
        assert response(system, [0, fs / 2]) == pytest.approx([1, 1], abs=1e-6)
        assert system.sos[0, :3].tolist() == system.sos[0, :2:-1].tolist()


@pytest.mark.parametrize("shape", ["peaking", "low_shelf", "high_shelf"])
def test_opposite_gains_undo_each_other(shape: str) -> None:
    up, down = (design(shape, 700, gain, 1.2, 48_000) for gain in (9.0, -9.0))
    x = lti.noise(5000)
    assert np.abs(down(up(x, tail=False), tail=False) - x).max() <= 1e-10
    flat = design(shape, 700, 0.0, 1.2, 48_000)
    assert np.abs(flat(x, tail=False) - x).max() <= 1e-12


def test_delay_of_the_allpass() -> None:
    # group delay of the analogue section at its frequency, 4 q / w0, as far as w0 is small
    f0, q, fs = 100.0, 3.0, 48_000
    f = f0 + np.array([-0.01, 0.01])
    turn = np.diff(np.unwrap(np.angle(response(lti.allpass(f0, q=q, fs=fs), f))))[0]
    assert -turn / (2 * np.pi * 0.02) == pytest.approx(2 * q / (np.pi * f0), rel=1e-3)


# --- the DC blocker -------------------------------------------------------------------------------


@pytest.mark.parametrize("fs", [8000, *RATES, 192_000])
def test_dc_blocker(fs: float) -> None:
    for cutoff_hz in (0.01, 1.0, 5.0, 40.0, 0.4 * fs):
        system = lti.dc_blocker(fs=fs, cutoff_hz=cutoff_hz)
        assert system.sos.shape == (1, 6)
        assert system.stable
        found = response(system, [0, cutoff_hz, fs / 2])
        assert found[0] == 0  # digit for digit
        assert db(found[1:]) == pytest.approx([-10 * np.log10(2), 0], abs=1e-6)
    default = lti.dc_blocker(fs=fs)
    assert default == lti.dc_blocker(fs=fs, cutoff_hz=5)
    assert db(response(default, [20]))[0] == pytest.approx(-10 * np.log10(1 + 1 / 16), abs=1e-3)
    # an offset is gone: exp(-2 pi 5 t) is below -60 dB after ln(1000) / (10 pi) = 0.22 s
    left = default(np.ones(round(0.22 * fs) + 2), tail=False)
    assert np.abs(left[-1]) == pytest.approx(1e-3, rel=0.02)


# --- peers ----------------------------------------------------------------------------------------


def test_scipy_has_the_same_notch() -> None:
    for f0, q in ((50.0, 30.0), (1000.0, 2.0), (20_000.0, 5.0)):
        b, a = signal.iirnotch(f0, q, fs=48_000)
        f = np.linspace(0, 24_000, 300)
        # scipy sets the width in digital frequencies, the cookbook in those before the transform
        width = 2 * np.pi * f0 / 48_000
        alike = lti.notch(f0, q=np.sin(width) / 2 / np.tan(width / q / 2), fs=48_000)
        assert np.abs(response(alike, f) - signal.freqz(b, a, f, fs=48_000)[1]).max() <= 1e-9


def test_pyfar_has_the_same_bell_and_shelves() -> None:
    filters = pytest.importorskip("pyfar.dsp.filter")
    f = np.linspace(1, 23_999, 300)
    for gain_db in (-9.0, 4.0):
        # pyfar warps q, which the cookbook does not: at 20 Hz that comes to nothing
        theirs = filters.bell(None, 20, gain_db, 1.7, bell_type="III", sampling_rate=48_000)
        _, wanted = signal.freqz(*theirs.coefficients[0], f / 50, fs=48_000)
        found = response(lti.peaking(20, gain_db=gain_db, q=1.7, fs=48_000), f / 50)
        assert np.abs(db(found) - db(wanted)).max() <= 1e-5
        for ours, their in ((lti.low_shelf, "low_shelf"), (lti.high_shelf, "high_shelf")):
            shelf = getattr(filters, their)(
                None, 900, gain_db, 2, shelf_type="III", sampling_rate=48_000
            )
            _, wanted = signal.freqz(*shelf.coefficients[0], f, fs=48_000)
            found = response(ours(900, gain_db=gain_db, fs=48_000), f)
            assert np.abs(db(found) - db(wanted)).max() <= 1e-6


# --- as they are shipped --------------------------------------------------------------------------


@pytest.mark.parametrize("fs", RATES)
def test_masks(fs: float) -> None:
    nyquist = fs / 2
    for system, mask in (
        (
            lti.peaking(1000, gain_db=6, q=1.4, fs=fs),
            [(0, 100, -0.01, 0.1), (1000, 1000, 5.999, 6.001), (18_000, nyquist, -0.01, 0.05)],
        ),
        (lti.notch(1000, q=5, fs=fs), [(0, 500, -0.4, 0), (999.9, 1000.1, None, -50)]),
        (lti.low_shelf(300, gain_db=-9, fs=fs), [(0, 30, -9.001, -8.9), (9000, nyquist, -0.01, 0)]),
        (lti.high_shelf(3000, gain_db=9, fs=fs), [(0, 100, 0, 0.01), (nyquist, nyquist, 8.99, 9)]),
        (lti.allpass(5000, q=0.7, fs=fs), [(0, nyquist, -1e-3, 1e-3)]),
        (lti.dc_blocker(fs=fs, cutoff_hz=50), [(0, 0, None, -100), (1000, nyquist, -0.02, 0)]),
    ):
        report = lti.verify_response(system, mask)
        assert report, report


@pytest.mark.parametrize(
    "call",
    [
        "peaking(3000, gain_db=6, q=1.4, fs=48_000)",
        "low_shelf(4000, gain_db=-9, fs=44_100)",
        "high_shelf(4000, gain_db=9, fs=48_000)",
        "notch(5000, q=2, fs=48_000)",
        "allpass(5000, q=1, fs=96_000)",
        "dc_blocker(fs=8000, cutoff_hz=200)",
    ],
)
def test_check_finds_no_fault(call: str) -> None:
    report = lti.check(eval(f"lti.{call}"), trials=20)
    assert report, report


# --- what is refused ------------------------------------------------------------------------------

ERRORS = """
lti.peaking(24000, gain_db=6, q=1, fs=48000)
    ValueError: center_hz=24000 must be < 24000 (fs / 2) in Hz; frames at fs=48000 hold nothing
        above that
lti.peaking(0, gain_db=6, q=1, fs=48000)
    ValueError: center_hz=0 must be a finite number > 0 in Hz
lti.peaking(1000, gain_db=6, q=0, fs=48000)
    ValueError: q=0 must be a finite number > 0
lti.peaking(1000, gain_db=201, q=1, fs=48000)
    ValueError: gain_db=201 must be a finite number >= -200 and <= 200 in dB
lti.peaking(1000, gain_db="loud", q=1, fs=48000)
    TypeError: gain_db='loud' must be a finite number >= -200 and <= 200 in dB
lti.low_shelf(1000, gain_db=1, fs=0)
    ValueError: fs=0 must be a finite number > 0 in Hz
lti.high_shelf(-1, gain_db=1, fs=48000)
    ValueError: cutoff_hz=-1 must be a finite number > 0 in Hz
lti.notch(50, q=-1, fs=48000)
    ValueError: q=-1 must be a finite number > 0
lti.allpass("1k", q=1, fs=48000)
    TypeError: center_hz='1k' must be a finite number > 0 in Hz
lti.dc_blocker(fs=8)
    ValueError: cutoff_hz=5.0 must be < 4 (fs / 2) in Hz; frames at fs=8 hold nothing above that
lti.dc_blocker(fs=48000, cutoff_hz=1e-9)
    ValueError: cutoff_hz=1e-09 is too close to 0 or fs / 2 for double precision at fs=48000:
        sections may add rounding errors of -55 dB
"""


def rows(table: str) -> list[tuple[str, str]]:
    """Return (call, "Exception: sentence")."""
    parts = re.split(r"^(?=lti\.)", table, flags=re.MULTILINE)[1:]
    return [(p.partition("\n")[0], " ".join(p.partition("\n")[2].split())) for p in parts]


@pytest.mark.parametrize(("call", "wanted"), rows(ERRORS))
def test_sentence(call: str, wanted: str) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        eval(call, {"lti": lti})
    assert f"{type(caught.value).__name__}: {caught.value}" == wanted


@pytest.mark.parametrize("name", KINDS)
def test_beyond_double_precision_the_bound_is_named_and_works(name: str) -> None:
    fs = 192_000
    with pytest.raises(ValueError, match=r"^c\w+_hz=1e-05 must be >= ") as caught:
        design(name, 1e-5, 6.0, 1.0, fs)
    bound = float(str(caught.value).split(">= ")[1].split()[0])
    assert 1e-4 < bound < 10
    design(name, bound, 6.0, 1.0, fs)
    with pytest.raises(ValueError, match=r"^c\w+_hz=95999.99999 must be <= 96000 - ") as caught:
        design(name, 95_999.99999, 6.0, 1.0, fs)
    room = float(str(caught.value).split("96000 - ")[1].split()[0])
    design(name, 96_000 - room, 6.0, 1.0, fs)
    with pytest.raises(ValueError, match=r"^q=1e\+18 must be <= ") as caught:
        design(name, 1000.0, 6.0, 1e18, fs)
    bound = float(str(caught.value).split("<= ")[1].split()[0])
    assert 1e3 < bound < 1e12
    system = design(name, 1000.0, 6.0, bound, fs)
    if name == "peaking":
        assert db(response(system, [1000]))[0] == pytest.approx(6, abs=0.01)
