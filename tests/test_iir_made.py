"""Recursive systems out of coefficients, roots and scipy's systems, and back; their response"""

import re
import warnings
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import scipy.signal
from models import PLACES, Rows, real, whole

import ltisys as lti
from ltisys import sections

FS = 48_000.0
RATES = (44_100, 48_000, 96_000)


def butter(order: int, cutoff: float, **named: Any) -> Any:
    """A Butterworth filter; `cutoff` in parts of the sample rate."""
    return scipy.signal.butter(order, 2 * np.asarray(cutoff), **named)


def sos_of(order: int, cutoff: float) -> Rows:
    return np.asarray(butter(order, cutoff, output="sos"))


def noise(*shape: int, seed: int = 0) -> Rows:
    return np.random.default_rng([11, seed, *shape]).standard_normal(shape)


def recursion(b: Any, a: Any, frames: int) -> Rows:
    """Return the impulse response of a difference equation of these very floats, in integers."""
    past: list[int] = []
    b, a = [whole(float(v)) for v in b], [whole(float(v)) for v in a]
    for n in range(frames):
        total = (b[n] << PLACES) if n < len(b) else 0
        total -= sum(a[k] * past[n - k] for k in range(1, min(n, len(a) - 1) + 1))
        past.append(total // a[0])
    return np.array([real(v) for v in past])


# --- from the coefficients of a difference equation ---------------------------------------------

EQUATIONS: dict[str, tuple[Any, Any]] = {
    "a number": (2.0, 4.0),
    "a gain": ([3.0], [1.5]),
    "late": ([0.0, 0.0, 0.0, 1.0], [1.0, -0.9]),
    "late by seven": ([0.0] * 7 + [1.0, 0.3], [2.0, -0.9, 0.5, 0.1, -0.2]),
    "zeros behind": ([1.0, 0.5, 0.0, 0.0], [1.0, -0.5, 0.0, 0.0, 0.0]),
    "poles at 0 only": ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1.0]),
    "no input": ([0.0, 0.0], [1.0, -0.5]),
    "integers": ([1, 2], [2, -1, 0]),
    "a0 is negative": ([1.0, 0.2, 0.1, 0.5], [-2.0, 0.3, 0.1, 0.2, 0.4]),
    "a0 is tiny": ([1e-9, 0.0, 2e-9, 1e-9], [1e-9, -5e-10, 1e-10, 1e-11]),
    "more zeros than poles": (noise(9), [1.0, -0.5, 0.2]),
    "more poles than zeros": ([0.5], np.poly(0.8 * np.exp(2j * np.pi * np.arange(7) / 7)).real),
    "one pole, six times": ([1.0], np.poly([0.5] * 6)),
    "a pair, three times": ([1.0], np.poly([0.6 + 0.3j, 0.6 - 0.3j] * 3).real),
    "comb of order 20": ([1.0], [1.0] + [0.0] * 19 + [-0.9]),
    "elliptic": scipy.signal.ellip(7, 0.5, 60, 0.3),
    "band-pass": butter(5, [0.05, 0.1], btype="bandpass"),
}
DESIGNS = [(n, f) for n in (2, 4, 8, 12) for f in (0.25, 0.05, 0.01)] + [(20, 0.1), (16, 0.05)]
EQUATIONS |= {f"Butterworth {n}, {f}": butter(n, f) for n, f in DESIGNS if n < 8 or f > 0.01}


@pytest.mark.parametrize("name", EQUATIONS)
def test_from_ba_is_the_difference_equation(name: str) -> None:
    """Of the very floats given: their roots are found to the last digits, however ill they lie."""
    b, a = EQUATIONS[name]
    system = lti.IIR.from_ba(b, a, fs=FS)
    assert system.fs == FS
    h = recursion(np.atleast_1d(b), np.atleast_1d(a), 400)
    y = system.impulse_response(400)
    assert y.shape == h.shape
    limit = 1e-6 if "times" in name else 1e-12  # roots at one place are known to few digits
    assert np.abs(y - h).max() <= limit * np.abs(h).max()
    lead = np.flatnonzero(h)[0] if h.any() else 0
    assert not y[:lead].any()
    assert system.lead >= lead


def test_from_ba_does_better_than_the_equation_itself() -> None:
    """Where `lfilter` has lost everything the sections have lost four digits."""
    b, a = butter(10, 0.01)
    h = recursion(b, a, 1000)
    loud = np.abs(h).max()
    assert np.abs(scipy.signal.lfilter(b, a, np.eye(1, 1000)[0]) - h).max() > 1e-3 * loud
    assert np.abs(lti.IIR.from_ba(b, a).impulse_response(1000) - h).max() < 1e-11 * loud


def test_from_ba_tells_what_rounding_did_to_a_design() -> None:
    """The coefficients of a stable design, rounded to doubles, are those of an unstable one."""
    b, a = butter(8, 0.0025)
    h = recursion(b, a, 40_000)
    assert np.abs(h[30_000:]).max() > np.abs(h[20_000:30_000]).max()
    system = lti.IIR.from_ba(b, a)
    assert not system.stable
    assert np.abs(system.impulse_response(3000) - h[:3000]).max() < 1e-9 * np.abs(h[:3000]).max()


def test_what_cannot_be_split_into_sections_is_refused() -> None:
    off = "a of order 50 cannot be split into sections: their response would be off by a factor of"
    with pytest.raises(ValueError, match=f"^{off} .*; design it as sections, or zeros and poles$"):
        lti.IIR.from_ba(*butter(50, 0.05))
    rest = "make more than 512 coefficients; put delays apart (lti.delay), long numerators into"
    with pytest.raises(ValueError, match=re.escape(rest)):
        lti.IIR.from_ba([0.0] * 600 + [1.0], [1.0])


# --- from zeros, poles and a factor -------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2, 3, 5, 8, 16])
@pytest.mark.parametrize("btype", ["lowpass", "highpass", "bandpass", "bandstop"])
def test_from_zpk_takes_what_scipy_designs(order: int, btype: str) -> None:
    edges = 0.07 if btype.endswith("wpass") or btype == "highpass" else [0.07, 0.2]
    edges = 0.07 if btype in ("lowpass", "highpass") else [0.07, 0.2]
    designs = [butter(order, edges, btype=btype, output="zpk")]
    for ftype in ("cheby1", "cheby2", "ellip", "bessel"):
        each = scipy.signal.iirfilter(
            order, 2 * np.array(edges), 0.5, 70, btype=btype, ftype=ftype, output="zpk"
        )
        designs.append(each)
    cycles = np.linspace(0, 0.5, 200)
    for z, p, k in designs:
        system = lti.IIR.from_zpk(z, p, k)
        want = scipy.signal.freqz_zpk(z, p, k, worN=2 * np.pi * cycles)[1]
        assert np.abs(system.frequency_response(cycles)[1] - want).max() < 1e-9
        assert system.stable
        assert _same_roots(system.poles, p[p != 0]) < 1e-9
        assert _same_roots(system.zeros, z[z != 0]) < 1e-2  # 16 of them at one place


def _same_roots(found: Rows, want: Rows) -> float:
    """Pair roots, each with what is left and nearest, and return the largest distance."""
    left, worst = list(want), 0.0
    assert len(found) == len(left)
    for root in found:
        place = int(np.argmin(np.abs(np.array(left) - root)))
        worst = max(worst, abs(left.pop(place) - root))
    return worst


@pytest.mark.parametrize("late", [0, 1, 2, 3, 5, 8])
@pytest.mark.parametrize("poles", [[], [0.5], [0.5, -0.3], [0.5, 0.4 + 0.3j, 0.4 - 0.3j]])
def test_zeros_that_are_missing_are_delay(poles: list[complex], late: int) -> None:
    """k prod(z - z_i) / prod(z - p_i) z^-late, by the difference equation."""
    zeros = [-1.0, 0.7][: len(poles)]
    system = lti.IIR.from_zpk(zeros, [*poles, *[0.0] * late], 0.5)
    a = np.poly(poles).real if poles else np.ones(1)
    b = 0.5 * (np.poly(zeros) if zeros else np.ones(1))
    lead = late + len(poles) - len(zeros)
    h = recursion([0.0] * lead + list(b), a, 40)
    assert np.abs(system.impulse_response(40) - h).max() < 1e-15
    assert system.lead == lead
    assert not system.impulse_response(40)[:lead].any()


def test_conjugates_may_differ_by_rounding() -> None:
    z, p, k = butter(4, [0.05, 0.1], btype="bandpass", output="zpk")
    twice = np.concatenate([p, p])
    twice = twice * (1 + 3e-16 * noise(twice.size))
    system = lti.IIR.from_zpk(np.concatenate([z, z]), twice, k * k)
    want = lti.IIR.from_zpk(z, p, k)
    gap = system.frequency_response()[1] - (want >> want).frequency_response()[1]
    assert np.abs(gap).max() < 1e-10


# --- scipy's own systems ------------------------------------------------------------------------


def forms(dt: Any) -> dict[str, Any]:
    b, a = butter(3, 0.1)
    tf = scipy.signal.dlti(b, a, dt=dt)
    late = scipy.signal.dlti([1.0, 0.5], [1.0, -0.2, 0.3, 0.1], dt=dt)
    return {
        "polynomials": tf,
        "zeros and poles": scipy.signal.dlti(*butter(3, 0.1, output="zpk"), dt=dt),
        "states": tf.to_ss(),
        "late": late,
        "late states": late.to_ss(),
        "a gain": scipy.signal.dlti([2.0], [1.0], dt=dt),
        "a leak": scipy.signal.dlti([1.0, 0.0], [1.0, -0.5], dt=dt),
        "a high order": scipy.signal.dlti(*butter(8, 0.02), dt=dt),
    }


def simulated(system: Any, frames: int) -> Rows:
    with warnings.catch_warnings():  # scipy's own way to states is by polynomials
        warnings.simplefilter("ignore", scipy.signal.BadCoefficients)
        _, (h,) = scipy.signal.dimpulse(system, n=frames)
    return np.asarray(h[:, 0])


@pytest.mark.parametrize("form", forms(1.0))
@pytest.mark.parametrize("fs", [None, *RATES])
def test_from_dlti_and_back(form: str, fs: float | None) -> None:
    given = forms(True if fs is None else 1 / fs)[form]
    system = lti.IIR.from_dlti(given)
    assert system.fs == fs
    want = simulated(given, 200)
    tolerance = 1e-7 if form == "a high order" else 1e-12  # the order's, in scipy's simulation
    assert np.abs(system.impulse_response(200) - want).max() < tolerance
    w = np.linspace(0.01, 3.1, 50)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", scipy.signal.BadCoefficients)
        _, response = scipy.signal.dfreqresp(given.to_zpk(), w)
    ours = system.frequency_response(w / (2 * np.pi) * (fs or 1))[1]
    assert np.abs(ours - response).max() < tolerance
    back = system.to_dlti()
    assert isinstance(back, scipy.signal.dlti)
    assert back.dt == (1.0 if fs is None else 1 / fs)
    assert np.abs(simulated(back, 200) - want).max() < tolerance
    there = lti.IIR.from_dlti(back)
    assert np.abs(there.impulse_response(200) - system.impulse_response(200)).max() < tolerance


@pytest.mark.parametrize(
    "system",
    [
        lti.FIR(noise(9), fs=FS),
        lti.FIR([0.0, 0.0, 1.0]),
        lti.FIR([1e-15, 1.0, 2.0]),
        lti.delay(5),
        lti.gain(0.0),
        lti.IIR.from_ba([0.0, 0.0, 1.0], [1.0, -0.5]),
        lti.IIR.from_ba([1.0], [1.0, -0.5]) + lti.FIR(noise(5)),
        lti.IIR.from_ba([1.0], [1.0, -0.5]) >> lti.delay(9),
        lti.feedback(lti.gain(1), 0.5 * lti.delay(3)),
    ],
    ids=repr,
)
def test_to_dlti_of_what_has_short_polynomials(system: lti.System) -> None:
    gap = simulated(system.to_dlti(), 40) - system.impulse_response(40)
    assert np.abs(gap).max() < 1e-13


def test_to_dlti_refuses_the_rest() -> None:
    for system in (lti.FIR(noise(2, 5)), lti.feedback(lti.gain(1), 0.5 * lti.delay(500))):
        with pytest.raises(
            ValueError, match=r"has several channels, or .*; take its parts, or to_f"
        ):
            (lti.IIR(sos_of(2, 0.1)) >> system).to_dlti()


# --- poles and zeros ----------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2, 4, 7])
@pytest.mark.parametrize("cutoff", [1e-5, 1e-3, 0.1, 0.4, 0.4999])
def test_poles_and_zeros_are_those_of_scipy(order: int, cutoff: float) -> None:
    z, p, _ = butter(order, cutoff, output="zpk")
    system = lti.IIR(sos_of(order, cutoff))
    assert system.poles.dtype == system.zeros.dtype == np.complex128
    assert _same_roots(system.zeros, z) < 1e-7  # double ones: the root of a rounding
    # 1 - radius is what a decay is made of: relative to it, by the rounding of a1 and a2
    assert _same_roots(system.poles, p) < 4e-16 / min(cutoff, 0.5 - cutoff)
    slowest = 1 - np.abs(p).max()
    assert 1 - np.abs(system.poles).max() == pytest.approx(slowest, rel=1e-15 / slowest**1.5)


@pytest.mark.parametrize(
    ("row", "roots"),
    [
        ([1, 0, 0], []),
        ([0, 1, 0], []),
        ([0, 0, 1], []),
        ([1, -0.5, 0], [0.5]),
        ([0, 1, -0.5], [0.5]),
        ([1, 0, -0.25], [0.5, -0.5]),
        ([1, 0, 0.25], [0.5j, -0.5j]),
        ([2, -2, 0.5], [0.5, 0.5]),
        ([1, -1e8, 1], [1e8, 1e-8]),
        ([1, 1e8, 1], [-1e8, -1e-8]),
        ([0, 0, 0], []),
    ],
)
def test_roots_of_every_kind_of_row(row: list[float], roots: list[complex]) -> None:
    zeros = sections.zeros(np.array([[*row, 1, 0, 0]], dtype=float))
    assert zeros.shape == (len(roots),)
    assert np.allclose(np.sort_complex(zeros), np.sort_complex(np.array(roots)), rtol=1e-14)


def test_whole_products_of_roots_come_back() -> None:
    sos = np.concatenate([sos_of(5, 0.1), [[0, 0, 2.0, 1, -0.3, 0]]])
    z, p, k = sections.to_zpk(sos)
    system = lti.IIR(sos)
    again = lti.IIR.from_zpk(z, p, k)
    assert again.lead == system.lead
    assert np.abs(again.impulse_response(99) - system.impulse_response(99)).max() < 1e-14


# --- the response, also next to 0 Hz ------------------------------------------------------------


def exact_response(sos: Rows, cycles: float) -> complex:
    """Return the response where exp(-2 pi i cycles) is taken to 50 digits."""
    angle = Fraction(cycles) * PI_TWICE
    c, s = _cosine(angle), _sine(angle)
    total = [Fraction(1), Fraction(0)]
    for row in np.asarray(sos).tolist():
        above, below = (_polynomial(row[k : k + 3], c, s) for k in (0, 3))
        size = below[0] ** 2 + below[1] ** 2
        over = (
            (above[0] * below[0] + above[1] * below[1]) / size,
            (above[1] * below[0] - above[0] * below[1]) / size,
        )
        total = [
            _short(total[0] * over[0] - total[1] * over[1]),
            _short(total[0] * over[1] + total[1] * over[0]),
        ]
    return complex(float(total[0]), float(total[1]))


PI_TWICE = 2 * Fraction("3.14159265358979323846264338327950288419716939937510582097494459")


def _polynomial(row: list[float], c: Fraction, s: Fraction) -> tuple[Fraction, Fraction]:
    """c0 + c1 w + c2 w^2 at w = cos - i sin."""
    c0, c1, c2 = (Fraction(v) for v in row)
    return c0 + c1 * c + c2 * (c * c - s * s), -c1 * s - 2 * c2 * c * s


def _short(value: Fraction) -> Fraction:
    return Fraction(int(value * 2**400), 2**400)


def _sine(angle: Fraction, first: int = 1) -> Fraction:
    total, term = Fraction(0), angle if first else Fraction(1)
    k = first
    while abs(term) > Fraction(1, 2**220):
        total += term
        term = _short(-term * angle * angle / ((k + 1) * (k + 2)))
        k += 2
    return _short(total)


def _cosine(angle: Fraction) -> Fraction:
    return _sine(angle, first=0)


@pytest.mark.parametrize("cutoff", [1e-7, 1e-5, 1e-3, 0.1, 0.499])
@pytest.mark.parametrize("order", [1, 2, 8])
def test_the_response_is_right_to_the_last_digits(order: int, cutoff: float) -> None:
    """Of these very sections, from far below the cutoff to the Nyquist frequency."""
    for btype in ("lowpass", "highpass"):
        sos = np.asarray(butter(order, cutoff, btype=btype, output="sos"))
        cycles = np.array([cutoff / 100, cutoff / 3, cutoff, (cutoff + 0.5) / 2, 0.4999])
        response = lti.IIR(sos).frequency_response(cycles)[1]
        want = np.array([exact_response(sos, float(f)) for f in cycles])
        assert np.abs(response / want - 1).max() < 1e-14 * order
    # naive evaluation loses what cancels: at 1e-7 fs all there is
    if cutoff == 1e-7 and order > 1:
        naive = scipy.signal.freqz_sos(sos, worN=2 * np.pi * cycles)[1]
        assert np.abs(naive[:1] / want[:1] - 1).max() > 1e-6


def test_the_response_at_a_pole_is_infinite() -> None:
    system = lti.IIR.from_ba([1.0], [1.0, -1.0])
    response = system.frequency_response([0.0, 0.25, 0.5])[1]
    assert np.isinf(response[0]) or np.isnan(response[0])
    assert response[1:] == pytest.approx([1 / (1 + 1j), 0.5])


def test_grids() -> None:
    system = lti.IIR(sos_of(2, 0.1), fs=FS)
    freqs, response = system.frequency_response(frames=10)
    assert np.allclose(freqs, np.arange(6) * 4800)
    assert response.shape == (6,)
    assert system.frequency_response()[0].shape == (2049,)
    assert system.frequency_response(1000.0)[1].shape == (1,)
    with pytest.raises(ValueError, match=r"^frames=8 must be None where freqs_hz is given$"):
        system.frequency_response([1.0], frames=8)
