"""Butterworth, Chebyshev, elliptic and Bessel filters against their formulas, scipy and masks"""

import math
import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy import signal

import ltisys as lti
from ltisys import analogue, sections

EPS = 2.0**-52
RATES = (44_100, 48_000, 96_000)
FAMILIES = ("butterworth", "chebyshev", "chebyshev 2", "elliptic", "bessel")
SCIPY = dict(zip(FAMILIES, ("butter", "cheby1", "cheby2", "ellip", "bessel_mag"), strict=True))


def design(family: str, order: int, cutoff_hz: Any, **options: Any) -> lti.IIR:
    name, _, kind = family.partition(" ")
    extra: dict[str, Any] = {"type": 2, "attenuation_db": 40} if kind else {}
    system = getattr(lti, name)(order, cutoff_hz, **(extra | options))
    assert isinstance(system, lti.IIR)
    assert system.fs == options["fs"]
    assert system.sos.dtype == np.float64
    assert system.stable
    return system


def level_db(system: lti.IIR, freqs_hz: Any) -> np.ndarray:
    freqs, response = system.frequency_response(freqs_hz)
    assert response.shape == freqs.shape
    assert response.dtype == np.complex128
    with np.errstate(divide="ignore"):
        return 20 * np.log10(np.abs(response))


# --- the formulas ---------------------------------------------------------------------------------


def reverse_bessel(order: int, s: complex) -> complex:
    """t(s) = sum_k (2n - k)! / (2^(n - k) k! (n - k)!) s^k, its coefficients exact."""
    f = math.factorial
    c = [
        Fraction(f(2 * order - k), 2 ** (order - k) * f(k) * f(order - k)) for k in range(order + 1)
    ]
    return sum(complex(float(c[k] / c[0])) * s**k for k in range(order + 1))


def bessel_scale(order: int) -> float:
    """The frequency at which the delay-normalized filter is down to 1 / sqrt(2)."""
    low, high = 0.1, 4.0 * order
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if abs(reverse_bessel(order, 1j * middle)) ** 2 < 2 else (low, middle)
        )
    return low


def formula_db(family: str, order: int, W: np.ndarray) -> np.ndarray:
    """The level by the closed form, at analogue frequencies relative to the cutoff."""

    def chebyshev(x: np.ndarray) -> np.ndarray:
        return np.where(
            np.abs(x) <= 1,
            np.cos(order * np.arccos(np.clip(x, -1, 1))),
            np.cosh(order * np.arccosh(np.maximum(np.abs(x), 1))),
        )

    if family == "butterworth":
        power = W ** (2 * order)
    elif family == "chebyshev":
        power = (10**0.1 - 1) * chebyshev(W) ** 2
    elif family == "chebyshev 2":
        power = (10**4 - 1) / chebyshev(1 / W) ** 2
    else:
        scale = bessel_scale(order)
        power = np.array([abs(reverse_bessel(order, 1j * w * scale)) ** 2 for w in W]) - 1
    return -10 * np.log10(1 + power)


def warped(f: Any, fs: float) -> Any:
    return np.tan(np.pi * np.asarray(f) / fs)


@pytest.mark.parametrize("fs", RATES)
@pytest.mark.parametrize("order", [1, 2, 5, 12])
@pytest.mark.parametrize("family", [f for f in FAMILIES if f != "elliptic"])
def test_formula(family: str, order: int, fs: float) -> None:
    W = np.concatenate([[1.0], 2.0 ** np.arange(-5, 1.6, 0.25)])
    wanted = formula_db(family, order, W)
    for cutoff_hz in (1.0, 20.0, 1000.0, 0.25 * fs, 0.49 * fs):
        c = warped(cutoff_hz, fs)
        # a coefficient in error by eps moves a polynomial of about w^2 / Q, at the corner w, by
        # eps Q / w^2, at either end of the axis; Q is below 2 order^2 (Chebyshev, 1 dB ripple)
        near = min(cutoff_hz, fs / 2 - cutoff_hz) * 2 * np.pi / fs
        limit_db = 1e-9 + 8.7 * 4 * order * (2 * order**2) * EPS / near**2
        assert limit_db < 0.01 or cutoff_hz == 1.0
        for kind, w in (("lowpass", W * c), ("highpass", c / W)):
            system = design(family, order, cutoff_hz, fs=fs, kind=kind)
            assert system.sos.shape == ((order + 1) // 2, 6)
            got = level_db(system, np.arctan(w) * fs / np.pi)
            heard = wanted > -100
            assert np.abs(got - wanted)[heard].max() <= limit_db, (cutoff_hz, kind)
            assert (got[~heard] <= -99.9).all()


@pytest.mark.parametrize("fs", RATES)
@pytest.mark.parametrize("family", [f for f in FAMILIES if f != "elliptic"])
def test_bands_by_formula(family: str, fs: float) -> None:
    W = np.concatenate([[1.0], 2.0 ** np.arange(-5, 1.6, 0.25)])
    for order in (1, 3, 6):
        wanted = formula_db(family, order, W)
        for edges in ((20.0, 40.0), (900.0, 1100.0), (0.2 * fs, 0.4 * fs)):
            low, high = warped(edges, fs)
            for kind, w in (("bandpass", W), ("bandstop", 1 / W)):
                half = w * (high - low) / 2
                upper = half + np.hypot(half, np.sqrt(low * high))
                system = design(family, order, edges, fs=fs, kind=kind)
                assert system.sos.shape == (order, 6)
                for side in (upper, low * high / upper):
                    got = level_db(system, np.arctan(side) * fs / np.pi)
                    heard = wanted > -100
                    assert np.abs(got - wanted)[heard].max() <= 1e-4, (edges, kind, order)


@pytest.mark.parametrize("fs", RATES)
def test_elliptic_ripples_within_its_bounds(fs: float) -> None:
    for order in (2, 3, 5, 8):
        for ripple_db, attenuation_db in ((1.0, 80), (0.1, 60), (3.0, 40)):
            system = lti.elliptic(
                order, 1000, fs=fs, ripple_db=ripple_db, attenuation_db=attenuation_db
            )
            f = np.linspace(0, 1000, 2001)
            passed = level_db(system, f)
            assert -ripple_db - 1e-6 <= passed.min() < -0.9 * ripple_db
            assert -1e-3 * ripple_db < passed.max() <= 1e-6
            assert passed[-1] == pytest.approx(-ripple_db, abs=1e-6)
            # once it is stopped it stays so, and comes back to the bound between its zeros
            f = np.concatenate([np.linspace(1000, 6000, 20_001), np.linspace(6000, fs / 2, 5001)])
            beyond = level_db(system, f)
            first = int(np.argmax(beyond <= -attenuation_db))
            assert beyond[first] <= -attenuation_db
            assert beyond[first:].max() <= -attenuation_db + 1e-4
            if order > 2:
                assert (beyond[first + 1 :] > -attenuation_db - 1).sum() > 3


@pytest.mark.parametrize("family", FAMILIES)
def test_what_the_cutoff_means(family: str) -> None:
    wanted = {"chebyshev": -0.7, "chebyshev 2": -55, "elliptic": -0.7}.get(family, -3.0103)
    options = {"ripple_db": 0.7, "attenuation_db": 55} if family[0] in "ce" else {}
    for fs in RATES:
        for kind, cutoffs in (
            ("lowpass", (0.5, 30, 1000, 0.499 * fs)),
            ("highpass", (0.5, 30, 1000, 0.499 * fs)),
            ("bandpass", ((2, 3), (1000, 1001), (1000, 20_000))),
            ("bandstop", ((2, 3), (1000, 1001), (1000, 20_000))),
        ):
            for cutoff in cutoffs:
                for order in (1, 6):
                    system = design(family, order, cutoff, fs=fs, kind=kind, **options)
                    got = level_db(system, np.atleast_1d(cutoff))
                    assert np.abs(got - wanted).max() <= 0.01, (fs, kind, cutoff, order)


# --- peers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["lowpass", "highpass", "bandpass", "bandstop"])
@pytest.mark.parametrize("family", FAMILIES)
def test_scipy_has_the_same_response(family: str, kind: str) -> None:
    cutoff: Any = (700, 3000) if kind.startswith("band") else 1500
    for order in (1, 2, 5, 8):
        system = design(family, order, cutoff, fs=44_100, kind=kind)
        sos = signal.iirfilter(
            order,
            cutoff,
            1,
            40 if family == "chebyshev 2" else 80,
            kind,
            ftype=SCIPY[family],
            output="sos",
            fs=44_100,
        )
        f, got = system.frequency_response(np.linspace(0, 22_050, 500))
        _, wanted = signal.freqz_sos(sos, worN=f, fs=44_100)
        assert np.abs(got - wanted).max() <= 1e-9
        # only powers of two, and the factor of the whole, were moved between sections
        assert np.array_equal(system.sos[:, 3:], sos[:, 3:])


@pytest.mark.parametrize("name", ["butterworth", "chebyshev1", "chebyshev2", "elliptic"])
def test_pyfar_has_the_same_response(name: str) -> None:
    filters = pytest.importorskip("pyfar.dsp.filter")
    arguments = {
        "butterworth": (),
        "chebyshev1": (1.0,),
        "chebyshev2": (40.0,),
        "elliptic": (1.0, 80.0),
    }[name]
    family = {"chebyshev1": "chebyshev", "chebyshev2": "chebyshev 2"}.get(name, name)
    for kind, cutoff in (("lowpass", 1000.0), ("highpass", 300.0), ("bandpass", (500.0, 2000.0))):
        theirs = getattr(filters, name)(
            None, 6, *arguments, frequency=cutoff, btype=kind, sampling_rate=48_000
        )
        f, got = design(family, 6, cutoff, fs=48_000, kind=kind).frequency_response(
            np.linspace(1, 23_999, 200)
        )
        _, wanted = signal.freqz_sos(theirs.coefficients[0], worN=f, fs=48_000)
        assert np.abs(got - wanted).max() <= 1e-9


# --- as they are shipped --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fs", "cutoff_hz"), [(44_100, 12_000), (48_000, 400), (96_000, 3000), (96_000, 40_000)]
)
@pytest.mark.parametrize("family", FAMILIES)
def test_masks(family: str, fs: float, cutoff_hz: float) -> None:
    """Through the stream, in single precision: the levels of the formulas at 2.5 octaves."""
    edge = {"chebyshev": -1.0, "elliptic": -1.0, "chebyshev 2": -40.0}.get(family, -3.0103)
    system = design(family, 5, cutoff_hz, fs=fs)
    two_octaves = np.arctan(warped(cutoff_hz, fs) * np.array([0.25, 4.0])) * (fs / np.pi)
    least = {"butterworth": -1e-4, "chebyshev 2": -1e-3, "bessel": -0.2}.get(family, -1.0)
    most = {"chebyshev 2": -40.0, "bessel": -30.0, "elliptic": -80.0}.get(family, -60.0)
    report = lti.verify_response(
        system,
        [
            (0.0, float(two_octaves[0]), least - 1e-3, 1e-3),
            (cutoff_hz, cutoff_hz, edge - 0.01, edge + 0.01),
            (float(two_octaves[1]), fs / 2, None, most + 1e-3),
        ],
    )
    assert report, report


def test_no_section_is_loud_or_faint() -> None:
    """A float32 stream in short blocks answers as the whole does: no state fades to nothing."""
    for cutoff_hz in (0.5, 5.0):
        system = lti.butterworth(8, cutoff_hz, fs=48_000)
        f = np.geomspace(cutoff_hz / 10, 24_000, 2000) / 48_000
        passed = np.cumprod([np.abs(sections.evaluate(s[None], f)) for s in system.sos], axis=0)
        assert (passed.max(axis=1) < 2).all()
        assert (passed.max(axis=1) > 0.4).all()
    x = np.full(20_000, 1e-3, dtype=np.float32)
    whole = system(x, tail=False)
    stream = system.stream(block_size=64)
    blocks = [stream.push(x[i : i + 64]) for i in range(0, x.size, 64)]
    assert np.abs(np.concatenate(blocks, axis=-1).reshape(-1) - whole).max() <= 1e-9
    assert whole.max() > 1e-3


@pytest.mark.parametrize(
    ("family", "order", "kind", "edges", "fs"),
    [
        ("butterworth", 8, "lowpass", 1000, 48_000),
        ("butterworth", 100, "lowpass", 1000, 48_000),
        ("butterworth", 130, "highpass", 3000, 48_000),
        ("butterworth", 12, "lowpass", 10, 48_000),
        ("butterworth", 40, "bandpass", (1000, 2000), 48_000),
        ("chebyshev", 30, "highpass", 1000, 44_100),
        ("chebyshev 2", 200, "lowpass", 1000, 96_000),
        ("elliptic", 40, "lowpass", 4000, 48_000),
        ("elliptic", 20, "bandstop", (1000, 2000), 48_000),
        ("bessel", 40, "lowpass", 1000, 48_000),
    ],
)
def test_rounding_keeps_below_its_bound(
    family: str, order: int, kind: str, edges: Any, fs: float
) -> None:
    system = design(family, order, edges, fs=fs, kind=kind)
    low, high = np.min(edges), np.max(edges)
    f = np.geomspace(low / 8, min(8 * high, fs / 2), 400) / fs
    bound_db = analogue.rounding_db(system.sos, f)
    assert bound_db <= -90
    rng = np.random.default_rng(5)
    n = np.arange(60_000)
    for x in (
        np.sign(rng.standard_normal(n.size)),
        np.ones(n.size),
        np.sin(2 * np.pi * low / fs * n),
    ):
        y = signal.sosfilt(np.array(system.sos), x)
        exact = signal.sosfilt(system.sos.astype("g"), x.astype("g"))
        assert y.dtype == np.float64
        # the bound is for one sine and one rounding; some sqrt(frames) of either add up
        assert 20 * np.log10(float(np.abs(y - exact).max()) + 1e-300) <= bound_db + 20


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "kind", "cutoff"),
    [
        ("butterworth", "lowpass", 1000),
        ("chebyshev", "bandpass", (1000, 2000)),
        ("elliptic", "highpass", 20),
        ("bessel", "lowpass", 1000),
    ],
)
def test_order_500_names_the_largest_that_works(family: str, kind: str, cutoff: Any) -> None:
    with pytest.raises(ValueError, match=r"^order=500 must be <= \d+ for a ") as caught:
        design(family, 500, cutoff, fs=48_000, kind=kind)
    found = re.match(r"order=500 must be <= (\d+) ", str(caught.value))
    assert found is not None
    best = int(found[1])
    assert 20 <= best <= 256
    system = design(family, best, cutoff, fs=48_000, kind=kind)
    if family in ("butterworth", "bessel"):
        assert np.abs(level_db(system, np.atleast_1d(cutoff)) + 3.0103).max() <= 0.01
        # in the time domain as well, where every rounding counts
        h = system.impulse_response()
        w = 2 * np.pi * np.min(cutoff) / 48_000
        spectrum = np.abs(np.sum(h * np.exp(-1j * w * np.arange(h.size))))
        assert 20 * np.log10(spectrum) == pytest.approx(-3.0103, abs=0.01)
    with pytest.raises(ValueError, match=rf"^order={best + 1} must be <= {best} for a "):
        design(family, best + 1, cutoff, fs=48_000, kind=kind)


def test_a_measurement_that_fails_is_told() -> None:
    f, fs = np.array([100.0, 1000.0]), 48_000.0
    once = np.array([[1.0, 0, 0, 1.0, 0, 0]])
    assert analogue.departure(once, f, np.ones(2), fs) == ""
    for sos, wanted, why in (
        ([[1.0, 0, 0, 1.0, -1.0, 0]], 1.0, "have a pole at radius 1, on the unit circle or beyond"),
        ([[1.0, 0, 0, 1.0, -2.1, 1.1]], 1.0, "have a pole at radius 1.1, on the unit circle or"),
        ([[np.inf, 0, 0, 1.0, 0, 0]], 1.0, "leave double precision"),
        ([[0.5, 0, 0, 1.0, 0, 0]], 1.0, "give -6.021 dB at 100 Hz instead of 0 dB"),
        ([[1e-12, 0, 0, 1.0, 0, 0], [1e12, 0, 0, 1.0, 0, 0]], 1.0, ""),
    ):
        assert analogue.departure(np.array(sos), f, np.full(2, wanted), fs).startswith(why)
    # a notch of 0 at 1 kHz, and 240 dB of gain behind it to make up for it: noise
    deep = np.array([[1e-12, 0, 0, 1, 0, 0], [1, 0, 0, 1, 0, 0], [1e12, 0, 0, 1, 0, 0]])
    deep[0, :3] = 0, 0, 1e-12
    assert analogue.departure(deep, f, np.ones(2), fs) == ""
    steep = np.array([[1e-3, 0, 0, 1, -0.999, 0], [1e3, -999.0, 0, 1, 0, 0]])
    assert analogue.rounding_db(steep, f / fs) > analogue.rounding_db(once, f / fs) + 50


ERRORS = """
lti.butterworth(4, 24000, fs=48000)
    ValueError: cutoff_hz=24000 must be < 24000 (fs / 2) in Hz; frames at fs=48000 hold nothing
        above that
lti.butterworth(4, 30000.0, fs=48000)
    ValueError: cutoff_hz=30000.0 must be < 24000 (fs / 2) in Hz; frames at fs=48000 hold nothing
        above that
lti.butterworth(4, 0, fs=48000)
    ValueError: cutoff_hz=0 must be a finite number > 0 in Hz
lti.butterworth(4, float("nan"), fs=48000)
    ValueError: cutoff_hz=nan must be a finite number > 0 in Hz
lti.butterworth(4, "low", fs=48000)
    TypeError: cutoff_hz='low' must be a finite number > 0 in Hz
lti.butterworth(0, 100, fs=48000)
    ValueError: order=0 must be an integer >= 1
lti.butterworth(2.0, 100, fs=48000)
    TypeError: order=2.0 must be an integer >= 1
lti.butterworth(4, 100, fs=0)
    ValueError: fs=0 must be a finite number > 0 in Hz
lti.butterworth(4, 100, fs=48000, kind="low")
    ValueError: kind='low' must be one of 'lowpass', 'highpass', 'bandpass', 'bandstop'
lti.bessel(4, (2000, 1000), fs=48000, kind="bandpass")
    ValueError: cutoff_hz=(2000, 1000) must hold the lower edge first; did you mean (1000, 2000)?
lti.bessel(4, (1000, 1000), fs=48000, kind="bandstop")
    ValueError: cutoff_hz=(1000, 1000) must hold the lower edge first
lti.bessel(4, (1000, 24000), fs=48000, kind="bandstop")
    ValueError: cutoff_hz=24000 must be < 24000 (fs / 2) in Hz; frames at fs=48000 hold nothing
        above that
lti.butterworth(4, 1000, fs=48000, kind="bandpass")
    ValueError: cutoff_hz=1000 must be a pair (low, high) for kind='bandpass'; 'lowpass' and
        'highpass' take one frequency
lti.butterworth(4, (100, 200, 300), fs=48000, kind="bandstop")
    ValueError: cutoff_hz=(100, 200, 300) must be a pair (low, high) for kind='bandstop'; 'lowpass'
        and 'highpass' take one frequency
lti.butterworth(4, (100, 200), fs=48000)
    ValueError: cutoff_hz=(100, 200) must be one frequency for kind='lowpass'; 'bandpass' and
        'bandstop' take two
lti.chebyshev(4, 1000, fs=48000, type=3)
    ValueError: type=3 must be 1 (ripple in the passband) or 2 (in the stopband)
lti.chebyshev(4, 1000, fs=48000, type=True)
    ValueError: type=True must be 1 (ripple in the passband) or 2 (in the stopband)
lti.chebyshev(4, 1000, fs=48000, ripple_db=0)
    ValueError: ripple_db=0 must be a finite number > 0 in dB
lti.chebyshev(4, 1000, fs=48000, type=2, attenuation_db=0)
    ValueError: attenuation_db=0 must be a finite number > 0 in dB
lti.elliptic(4, 1000, fs=48000, attenuation_db=1)
    ValueError: attenuation_db=1 must be > ripple_db; got ripple_db=1
lti.butterworth(500, 1000, fs=48000)
    ValueError: order=500 must be <= 135 for a lowpass at 1000 Hz and fs=48000: sections of order
        136 may add rounding errors of -89 dB. For a steeper slope use a FIR, lti.lowpass
lti.chebyshev(10**9, 1000, fs=48000, type=2)
    ValueError: order=1000000000 must be <= 256 for a lowpass at 1000 Hz and fs=48000: recursive
        filters of more than 256 are not made. For a steeper slope use a FIR, lti.lowpass
lti.butterworth(4, 1e-9, fs=48000)
    ValueError: cutoff_hz=1e-09 is too close to 0, to fs / 2 or to its partner for double precision
        at fs=48000: sections of order 4 leave double precision; lower fs or move it
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


# --- they are linear and time-invariant -----------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        "butterworth(4, 1000, fs=48_000)",
        "chebyshev(3, 4000, fs=44_100, type=2, kind='highpass')",
        "elliptic(4, (2000, 8000), fs=48_000, kind='bandstop')",
        "bessel(6, (2000, 9000), fs=96_000, kind='bandpass')",
    ],
)
def test_check_finds_no_fault(call: str) -> None:
    report = lti.check(eval(f"lti.{call}"), trials=20)
    assert report, report
