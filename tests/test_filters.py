"""Filters by frequency: the mask, measured in many ways; phases; what cannot be made, and why"""

import math
from typing import Any

import numpy as np
import pytest
import scipy.fft
import scipy.signal
from scipy import signal

import ltisys as lti
from ltisys import tap_design
from ltisys.tap_design import Task

RATES = [44_100.0, 48_000.0, 96_000.0]
KINDS = ["lowpass", "highpass", "bandpass", "bandstop"]


def made(kind: str, edges: tuple[float, ...], **options: Any) -> lti.FIR:
    return getattr(lti, kind)(*edges, **options)


def bands(
    kind: str, edges: tuple[float, ...], transition: float, fs: float
) -> list[tuple[float, float, bool]]:
    """The bands between the slopes: (from, to, whether it passes)."""
    corners = [0.0, *(c for e in edges for c in (e - transition / 2, e + transition / 2)), fs / 2]
    passes = kind in ("lowpass", "bandstop")
    return [
        (corners[2 * i], corners[2 * i + 1], passes == (i % 2 == 0)) for i in range(len(edges) + 1)
    ]


def mask(kind: str, edges: tuple[float, ...], transition: float, fs: float, a: float) -> Any:
    """What the docstring promises, in decibels, the slopes included."""
    d = 10 ** (-a / 20)
    limits = {True: (20 * math.log10(1 - d), 20 * math.log10(1 + d)), False: (None, -a)}
    rows = [(low, high, *limits[p]) for low, high, p in bands(kind, edges, transition, fs)]
    return [*rows, (0, fs / 2, None, 20 * math.log10(1 + d))]


def worst_ripple(
    h: np.ndarray, kind: str, edges: tuple[float, ...], transition: float, fs: float
) -> float:
    """The largest departure from 1 or 0 at many frequencies a tap and at the corners."""
    nfft = scipy.fft.next_fast_len(max((128 if h.size < 9000 else 24) * h.size, 1 << 14), real=True)
    gain = np.abs(scipy.fft.rfft(h, nfft))
    freqs = np.arange(gain.size) * (fs / nfft)
    worst = gain.max() - 1
    for low, high, passes in bands(kind, edges, transition, fs):
        corners = signal.freqz(h, worN=np.array([low, high]), fs=fs)[1]
        inside = np.concatenate([gain[(freqs >= low) & (freqs <= high)], np.abs(corners)])
        worst = max(worst, np.abs(inside - passes).max())
    return float(worst)


# --- the mask -------------------------------------------------------------------------------------


@pytest.mark.parametrize("fs", RATES)
@pytest.mark.parametrize("phase", ["linear", "minimum"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_shipped_system_keeps_inside_the_mask(kind: str, phase: str, fs: float) -> None:
    edges, transition = ((1000.0,), 250.0) if kind.endswith("ss") else ((), 0)
    if kind.startswith("band"):
        edges, transition = (1000.0, 3000.0), 250.0
    system = made(kind, edges, fs=fs, phase=phase)
    assert isinstance(system, lti.FIR)
    assert system.fs == fs
    assert system.h.shape == (system.taps,)
    assert system.h.dtype == np.float64
    assert system.taps % 2 == 1
    assert system.latency == (system.taps // 2 if phase == "linear" else 0)
    assert lti.verify_response(system, mask(kind, edges, transition, fs, 80))
    assert worst_ripple(system.h, kind, edges, transition, fs) <= 1e-4
    assert (
        worst_ripple(system.h, kind, edges, transition * 0.7, fs) > 1e-3
    )  # no longer than need be


@pytest.mark.parametrize("fs", RATES)
@pytest.mark.parametrize(
    ("where", "kind"),
    [("20 Hz", "lowpass"), ("0.49 fs", "highpass"), ("0.49 fs", "lowpass"), ("fs / 4", "lowpass")],
)
def test_extreme_cutoffs(where: str, kind: str, fs: float) -> None:
    cutoff = {"20 Hz": 20.0, "0.49 fs": 0.49 * fs, "fs / 4": fs / 4}[where]
    transition = min(cutoff, fs / 2 - cutoff) / 4
    system = made(kind, (cutoff,), fs=fs)
    assert lti.verify_response(system, mask(kind, (cutoff,), transition, fs, 80))
    assert worst_ripple(system.h, kind, (cutoff,), transition, fs) <= 1e-4
    # a minimum phase, which takes a transform of 128 points a tap, with a slope as wide as it goes
    wide = 7.9 * transition
    other = {"lowpass": "highpass", "highpass": "lowpass"}[kind]
    low_latency = made(other, (cutoff,), fs=fs, transition_hz=wide, phase="minimum")
    assert worst_ripple(low_latency.h, other, (cutoff,), wide, fs) <= 1e-4


@pytest.mark.parametrize("phase", ["linear", "minimum"])
@pytest.mark.parametrize("attenuation", [20, 30, 40, 60, 100, 120, 140, 160, 200])
def test_every_attenuation(attenuation: float, phase: str) -> None:
    if phase == "minimum" and attenuation > 160:
        pytest.skip("refused, see the errors")
    for kind, edges in (("lowpass", (3000.0,)), ("bandstop", (2000.0, 9000.0))):
        system = made(
            kind, edges, fs=48_000, transition_hz=1500, attenuation_db=attenuation, phase=phase
        )
        # the transform itself errs by some units in the last place of the largest gain
        allowed = 10 ** (-attenuation / 20) + 1e-14
        assert worst_ripple(system.h, kind, edges, 1500, 48_000) <= allowed
    limits = mask(kind, edges, 1500, 48_000, attenuation)
    assert lti.verify_response(system, limits, dtype="float64")


def requests(count: int) -> list[tuple[str, tuple[float, ...], float, float, str]]:
    """Odd requests: edges anywhere, slopes of all widths that fit."""
    rng = np.random.default_rng(5)
    found = []
    while len(found) < count:
        kind = str(rng.choice(KINDS))
        edges = np.sort(rng.uniform(0.001, 0.499, 2 if kind.startswith("band") else 1))
        room = min(2 * edges[0], 1 - 2 * edges[-1], *np.diff(edges))
        slope = room * rng.choice([0.125, 0.5, 0.9, 0.999])
        attenuation = rng.uniform(20, 160)
        if attenuation / slope < 30_000:
            phase = str(rng.choice(["linear", "minimum"]))
            found.append((kind, tuple(map(float, edges)), float(slope), attenuation, phase))
    return found


@pytest.mark.parametrize("request_", requests(40), ids=lambda r: f"{r[0]} {r[3]:.0f} dB {r[4]}")
def test_edges_anywhere(request_: Any) -> None:
    kind, edges, slope, attenuation, phase = request_
    system = made(kind, edges, fs=1, transition_hz=slope, attenuation_db=attenuation, phase=phase)
    d = 10 ** (-attenuation / 20)
    assert worst_ripple(system.h, kind, edges, slope, 1.0) <= d
    halves = np.abs(system.frequency_response(edges)[1])
    assert np.abs(halves - 0.5).max() <= max(0.03, d)
    assert system.taps <= tap_design.ample_taps(slope, attenuation + 1) + 1


def test_the_slope_is_a_quarter_of_the_room_unless_told() -> None:
    same = [
        (lti.lowpass(1000, fs=8000), lti.lowpass(1000, fs=8000, transition_hz=250)),
        (lti.highpass(3000, fs=8000), lti.highpass(3000, fs=8000, transition_hz=250)),
        (lti.bandpass(400, 3000, fs=8000), lti.bandpass(400, 3000, fs=8000, transition_hz=100)),
        (lti.bandstop(900, 1700, fs=8000), lti.bandstop(900, 1700, fs=8000, transition_hz=100)),
        (lti.bandpass(2500, 3800, fs=8000), lti.bandpass(2500, 3800, fs=8000, transition_hz=50)),
    ]
    for by_default, told in same:
        assert by_default == told


# --- linear phase ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fs", RATES)
def test_linear_phase_is_symmetric_and_delays_by_its_latency(fs: float) -> None:
    for kind in KINDS:
        edges = (2000.0, 5000.0) if kind.startswith("band") else (2000.0,)
        system = made(kind, edges, fs=fs)
        assert np.array_equal(system.h, system.h[::-1])
        freq = {"lowpass": 700.0, "bandstop": 700.0}.get(kind, 3500.0)
        x = lti.tone(freq, length_s=0.1, fs=fs)
        settled = slice(system.taps, x.size)
        late = x[system.taps - system.latency : x.size - system.latency]
        assert np.abs(system(x)[settled] - late).max() <= 1e-4
        # the other one is earlier by far
        short = made(kind, edges, fs=fs, phase="minimum")
        middle = np.average(np.arange(short.taps), weights=short.h**2)
        assert middle < system.latency / 2


@pytest.mark.parametrize(("pair", "edges"), [(KINDS[:2], (1500.0,)), (KINDS[2:], (300.0, 2400.0))])
@pytest.mark.parametrize("attenuation", [40, 80, 150])
def test_complements_add_up_to_a_delay(pair: list[str], edges: Any, attenuation: float) -> None:
    one, other = (made(kind, edges, fs=8000, attenuation_db=attenuation) for kind in pair)
    assert one.taps == other.taps
    total = (one + other).h
    # exact but for the middle, where 1 was rounded twice
    assert np.flatnonzero(total).tolist() == [one.latency]
    assert total[one.latency] == pytest.approx(1, abs=2**-52)


@pytest.mark.parametrize("attenuation", [30, 60, 80, 120])
@pytest.mark.parametrize("edges", [(0.1,), (0.002,), (0.05, 0.2)])
def test_kaiser_is_scipys(attenuation: float, edges: tuple[float, ...]) -> None:
    slope = edges[0] / 4
    task = Task(edges, slope, attenuation, inverted=False)
    h = tap_design._windowed(task, attenuation)
    taps, beta = signal.kaiserord(attenuation, 2 * slope)
    assert taps <= h.size <= taps + 2
    wanted = signal.firwin(
        h.size, edges, window=("kaiser", beta), pass_zero=len(edges) == 1, scale=False, fs=1
    )
    # sin(2 pi f n) / (pi n) errs by a few ulp of its argument over n
    assert np.abs(h - wanted).max() < 1e-15


@pytest.mark.parametrize("edges", [(0.06,), (0.44,), (0.1, 0.2), (0.35, 0.42)])
@pytest.mark.parametrize("attenuation", [40, 80])
def test_the_equiripple_filter_alternates(edges: tuple[float, ...], attenuation: float) -> None:
    task = Task(edges, 0.03, attenuation, inverted=False)
    kaiser = tap_design._kaiser(task, attenuation)
    h = tap_design.linear_phase(task, attenuation)
    assert h.size < kaiser.size
    # Chebyshev: at least (taps + 1) / 2 + 1 extrema of equal size and alternating sign
    nfft = 64 * 4096
    turned = np.zeros(nfft)
    turned[: h.size // 2 + 1], turned[-(h.size // 2) :] = h[h.size // 2 :], h[: h.size // 2]
    gain = scipy.fft.rfft(turned).real
    errors = []
    for low, high, wanted in task.bands:
        error = gain[math.ceil(low * nfft) : math.floor(high * nfft) + 1] - wanted
        inner = np.flatnonzero(np.diff(np.sign(np.diff(error)))) + 1
        errors.append(error[np.unique([0, *inner, error.size - 1])])
    found = np.concatenate(errors)
    peak = np.abs(found).max()
    # the grid of the exchange is coarse for the ripples next to a slope: they stand out
    large = found[np.abs(found) > 0.9 * peak]
    assert np.count_nonzero(np.diff(np.sign(large))) + 1 >= (h.size + 1) // 2
    assert peak <= 10 ** (-attenuation / 20)


class Exchange:
    """Stands for `scipy.signal.remez` and does not find the filter."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.calls = answer, 0

    def __call__(self, taps: int, *_: Any, **__: Any) -> np.ndarray:
        self.calls += 1
        if self.answer is None:
            raise ValueError("Failure to converge at iteration 2")
        return np.resize(self.answer, taps)


@pytest.mark.parametrize("answer", [None, [np.nan], [0.0, 0.3]])
def test_an_exchange_that_fails_leaves_kaisers_filter(
    answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = Exchange(answer)
    monkeypatch.setattr(scipy.signal, "remez", exchange)
    system = lti.lowpass(4000, fs=48_000)
    assert 1 <= exchange.calls <= tap_design.MOST_TRIALS
    assert np.array_equal(system.h, tap_design._kaiser(Task((1 / 12,), 1 / 48, 80.0, False), 80.0))
    assert worst_ripple(system.h, "lowpass", (4000,), 1000, 48_000) <= 1e-4


def test_the_measurement_sees_a_ripple_between_two_points_and_on_a_slope() -> None:
    task = Task((0.1,), 0.05, 60.0, inverted=False)
    h = tap_design.linear_phase(task, 60.0)
    assert tap_design.excess_db(h, task, 60.0, centre=h.size // 2) <= 0
    n = np.arange(h.size) - h.size // 2
    # 2 cos(w n) / taps is a peak of height 1 at w: of 1.2e-3 in the stopband, of 0.6 on the slope
    for freq, height in ((0.2003, 1.2e-3), (0.1, 0.6), (0.02, -2e-3), (0.1, -0.6)):
        worse = h + height * 2 / h.size * np.cos(2 * np.pi * freq * n)
        assert tap_design.excess_db(worse, task, 60.0, centre=h.size // 2) > 0
    late = np.concatenate([[0.0], h])  # of no symmetry about its middle: the magnitude counts
    assert tap_design.excess_db(late, task, 60.0, centre=0) <= 0
    assert tap_design.excess_db(late, task, 60.0, centre=h.size // 2) > 0


# --- minimum phase --------------------------------------------------------------------------------


@pytest.mark.parametrize("attenuation", [40, 80, 120])
@pytest.mark.parametrize("kind", KINDS)
def test_minimum_phase_has_its_zeros_inside_the_circle(kind: str, attenuation: float) -> None:
    edges = (0.12, 0.3) if kind.startswith("band") else (0.12,)
    system = made(kind, edges, fs=1, transition_hz=0.1, attenuation_db=attenuation, phase="minimum")
    # roots of so few taps are good to about 1e-9: the lift keeps them 1e-3 and more inside
    assert np.abs(np.roots(system.h)).max() < 1 - 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_the_phase_of_a_minimum_phase_never_winds(kind: str) -> None:
    edges = (1000.0, 4000.0) if kind.startswith("band") else (1000.0,)
    system = made(kind, edges, fs=48_000, phase="minimum")
    linear = made(kind, edges, fs=48_000)
    # the argument principle: every zero outside the circle turns the phase by -2 pi in all
    for h, turns in ((system.h, 0), (linear.h, None)):
        phase = np.unwrap(np.angle(scipy.fft.rfft(h, 1 << 18)))
        outside = -(phase[-1] - phase[0]) / np.pi
        if turns is not None:
            assert round(outside) == turns
            assert phase[-1] - phase[0] == pytest.approx(0, abs=1e-6)
        else:
            assert outside > 10
    # and of all responses of one magnitude its energy comes first
    early = [np.cumsum(h**2) / np.sum(h**2) for h in (system.h, linear.h)]
    short = min(e.size for e in early)
    assert (early[0][:short] >= early[1][:short] - 1e-4).all()


@pytest.mark.parametrize(
    ("edges", "slope"), [((0.1,), 0.02), ((0.003,), 0.005), ((0.1, 0.3), 0.05)]
)
@pytest.mark.parametrize("inverted", [False, True])
def test_the_magnitude_is_that_of_the_linear_phase_lifted(
    edges: tuple[float, ...], slope: float, inverted: bool
) -> None:
    linear = tap_design.linear_phase(Task(edges, slope, 80.0, inverted), 80.0)
    lift = 0.5e-4
    h, rest = tap_design._factor(linear, lift, 512)
    assert h.shape == linear.shape
    assert rest < 1e-12
    nfft = 64 * 4096
    power = [np.abs(scipy.fft.rfft(x, nfft)) ** 2 for x in (linear, h)]
    # 4e-13 in the cepstrum, where the logarithm of the stopband holds 1e-8 of its rounding
    assert np.abs(power[1] - (power[0] + lift**2)).max() < 1e-11
    stop = power[0] < 1e-7
    assert np.abs(np.sqrt(power[1]) - np.hypot(np.sqrt(power[0]), lift))[stop].max() < 1e-9


@pytest.mark.parametrize(
    ("h", "wanted"),
    [
        ([1, -2.5, 1], [2, -2, 0.5]),  # zeros 2 and 1/2: the outer one reflected
        ([1, 0, -4.25, 0, 1], [4, 0, -2, 0, 0.25]),
        ([0, 0, 3.0, 0, 0], [3, 0, 0, 0, 0]),
    ],
)
def test_minimum_phase_in_closed_form(h: list[float], wanted: list[float]) -> None:
    found, rest = tap_design._factor(np.array(h, dtype=float), 0.0, 256)
    assert np.abs(found - wanted).max() < 1e-13
    assert rest < 1e-13


@pytest.mark.parametrize("kind", KINDS)
def test_minimum_phase_is_near_scipys(kind: str) -> None:
    inverted = kind in ("highpass", "bandstop")
    edges = (0.1, 0.3) if kind.startswith("band") else (0.1,)
    linear = tap_design.linear_phase(Task(edges, 0.04, 60.0, inverted), 60.0)
    wanted = signal.minimum_phase(linear, half=False, n_fft=1 << 17)
    # lifted by 0.1 % of the ripple; a share of that goes into the logarithm wherever it stops
    h, _ = tap_design._factor(linear, 1e-6, 1 << 15)
    assert np.abs(h - wanted).max() < 1e-3 * np.abs(wanted).sum()


# --- what cannot be made --------------------------------------------------------------------------

IMPOSSIBLE = {
    "lowpass(24_000, fs=48_000)": "cutoff_hz=24000 must be < 24000 (fs / 2) in Hz; frames at "
    "fs=48000 hold nothing above that",
    "bandpass(100, 30_000, fs=48_000)": "high_hz=30000 must be < 24000 (fs / 2) in Hz; frames at "
    "fs=48000 hold nothing above that",
    "highpass(0, fs=48_000)": "cutoff_hz=0 must be a finite number > 0 in Hz",
    "highpass('low', fs=48_000)": "cutoff_hz='low' must be a finite number > 0 in Hz",
    "highpass(10, fs=0)": "fs=0 must be a finite number > 0 in Hz",
    "lowpass(100, fs=48_000, attenuation_db=300)": "attenuation_db=300 must be a finite number "
    ">= 20 and <= 200 in dB",
    "lowpass(100, fs=48_000, attenuation_db=180, phase='minimum')": "attenuation_db=180 must be "
    "<= 160 in dB where phase='minimum'; phase='linear' takes up to 200",
    "lowpass(100, fs=48_000, phase='zero')": "phase='zero' must be one of 'linear', 'minimum'",
    "bandstop(200, 100, fs=48_000)": "low_hz=200 must be < high_hz; got high_hz=100",
    "bandpass(200, 200, fs=48_000)": "low_hz=200 must be < high_hz; got high_hz=200",
    "lowpass(100, fs=48_000, transition_hz=200)": "transition_hz=200 must be < 200 in Hz, twice "
    "cutoff_hz",
    "lowpass(23_900, fs=48_000, transition_hz=300)": "transition_hz=300 must be < 200 in Hz, twice "
    "the distance from cutoff_hz to fs / 2",
    "bandpass(1000, 1100, fs=48_000, transition_hz=100)": "transition_hz=100 must be < 100 in Hz, "
    "the distance from low_hz to high_hz",
    "lowpass(100, fs=48_000, transition_hz=-1)": "transition_hz=-1 must be a finite number >= 0 in "
    "Hz",
    "lowpass(100, fs=48_000, transition_hz=0)": "transition_hz=0 must be >= 0.2648 in Hz at "
    "fs=48000 and 80 dB; it needs infinitely many taps, and at most 1,048,576 are made",
    "lowpass(100, fs=48_000, transition_hz=0.1)": "transition_hz=0.1 must be >= 0.2648 in Hz at "
    "fs=48000 and 80 dB; it needs up to 2,776,611 taps, and at most 1,048,576 are made",
    "lowpass(9, fs=48_000, transition_hz=0.5, phase='minimum')": "transition_hz=0.5 must be >= "
    "1.06 in Hz at fs=48000 and 80 dB; it needs up to 555,324 taps, and at most 262,144 are made; "
    "phase='linear' may have 1,048,576",
    "highpass(0.001, fs=48_000)": "transition_hz=None (here 0.00025) must be >= 0.2648 in Hz at "
    "fs=48000 and 80 dB; it needs up to 1,110,643,792 taps, and at most 1,048,576 are made; this "
    "edge has room for less than 0.002 Hz: move it, or lower fs first",
}


@pytest.mark.parametrize("call", IMPOSSIBLE)
def test_what_cannot_be_made_is_told_with_what_can(call: str) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        eval(f"lti.{call}", {"lti": lti})
    assert str(caught.value) == IMPOSSIBLE[call]


@pytest.mark.parametrize("attenuation", [20, 40, 80, 140, 200])
def test_the_slope_offered_instead_can_be_made(
    attenuation: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tap_design, "MOST_TAPS", 1001)
    for edges in ((3000.0,), (250.0,), (800.0, 1500.0)):
        kind = "bandpass" if len(edges) == 2 else "lowpass"
        options: dict[str, Any] = {"fs": 16_000, "attenuation_db": attenuation}
        with pytest.raises(ValueError, match="must be >= ") as caught:
            made(kind, edges, transition_hz=1e-3, **options)
        least = float(str(caught.value).split(">= ")[1].split(" ")[0])
        assert made(kind, edges, transition_hz=least, **options).taps <= 1001


def test_what_is_designed_is_linear_and_time_invariant() -> None:
    system = lti.bandpass(1000, 3000, fs=48_000, transition_hz=900, phase="minimum")
    assert lti.check(system, trials=5)
