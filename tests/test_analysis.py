"""Delays, phase, band edges and steps against scipy, closed forms and definitions"""

import math
from typing import Any

import numpy as np
import pytest
from scipy import signal

from ltisys import analysis as an
from ltisys.elements import delay, gain
from ltisys.errors import MismatchError
from ltisys.fir import FIR
from ltisys.iir import IIR
from ltisys.loops import feedback
from ltisys.systems import System

RATES = [None, 44_100.0, 48_000.0, 96_000.0]


def butter(order: int, cutoff: Any, fs: float = 48_000.0, kind: str = "lowpass") -> IIR:
    return IIR(signal.butter(order, cutoff, kind, fs=fs, output="sos"), fs=fs)


def mixture(seed: int) -> list[System]:
    """Systems of every kind, made by chance."""
    rng = np.random.default_rng(seed)

    def taps(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape)

    def recursion() -> IIR:
        poles = rng.uniform(0.2, 0.95, 2) * np.exp(1j * rng.uniform(0.2, 3, 2))
        zeros = rng.uniform(0.2, 1.5, 2) * np.exp(1j * rng.uniform(0.2, 3, 2))
        return IIR.from_zpk(np.r_[zeros, zeros.conj()], np.r_[poles, poles.conj()], 0.5)

    weak = 0.3 / np.sqrt(2)
    return [
        FIR(taps(9)),
        FIR(taps(2, 30)),
        FIR(taps(2, 3, 5)),
        recursion(),
        recursion() >> FIR(taps(20)),
        FIR(taps(2, 2, 8)) >> recursion() >> FIR(taps(2, 2, 4)),
        recursion() + recursion(),
        recursion() + FIR(taps(2, 7)),
        feedback(gain(1.0), 0.5 * delay(40)) >> recursion(),
        feedback(FIR(weak * taps(2, 2, 1)) >> delay(50), FIR(weak * taps(2, 2, 2))),
        feedback(0.1 * FIR(taps(2, 4)), delay(60)),
    ]


def by_difference(system: System, freqs: np.ndarray) -> np.ndarray:
    """Group delay by its definition, from the phase a little above and below."""
    fs = 1.0 if system.fs is None else system.fs
    step = 1e-6 * fs
    above, below = (system.frequency_response(freqs + d)[1] for d in (step, -step))
    return np.asarray(-np.angle(above / below) / (2 * np.pi * 2 * step) * fs)


# --- group delay ----------------------------------------------------------------------------------


@pytest.mark.parametrize("fs", RATES)
def test_group_delay_of_closed_forms(fs: float | None) -> None:
    freqs = np.linspace(0, 0.5, 101) * (fs or 1)
    c = np.cos(np.linspace(0, np.pi, 101))
    for a in (0.5, -0.9, 0.9999):
        cases = {
            IIR.from_ba([1.0], [1.0, -a], fs=fs): (a * c - a * a) / (1 - 2 * a * c + a * a),
            IIR.from_ba([-a, 1.0], [1.0, -a], fs=fs): (1 - a * a) / (1 - 2 * a * c + a * a),
            FIR([1.0, -a], fs=fs): -(a * c - a * a) / (1 - 2 * a * c + a * a),
        }
        for system, want in cases.items():
            got_freqs, got = an.group_delay(system, freqs)
            assert got.shape == freqs.shape
            assert got.dtype == np.float64
            assert np.array_equal(got_freqs, freqs)
            # the formula itself cancels: 1 - 2 a c + a a is as small as (1 - a)**2
            np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    "system",
    [FIR(np.ones(5000)), FIR([1.0], fs=8000), butter(4, 100), FIR([1j, 1.0]),
     butter(2, 100) >> FIR(np.ones(9000))],
)  # fmt: skip
def test_frequencies_are_those_of_the_response(system: System) -> None:
    want, response = system.frequency_response()
    freqs, got = an.group_delay(system)
    np.testing.assert_allclose(freqs, want, rtol=1e-12)
    assert got.shape == response.shape


@pytest.mark.parametrize("taps", [1, 2, 3, 64, 1001])
@pytest.mark.parametrize("sign", [1, -1])
def test_what_mirrors_itself_is_late_by_its_half(taps: int, sign: int) -> None:
    half = np.random.default_rng(taps).standard_normal(taps)
    h = half + sign * half[::-1]
    if not h.any():
        pytest.skip("nothing is its own opposite")
    got = an.group_delay(FIR(h))[1]
    assert np.isfinite(got).mean() > 0.99
    np.testing.assert_allclose(got[np.isfinite(got)], (taps - 1) / 2, rtol=0, atol=1e-6 * taps)


@pytest.mark.parametrize("fs", [1.0, 48_000.0])
@pytest.mark.parametrize("seed", range(3))
def test_group_delay_as_scipy_has_it(fs: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    h = rng.standard_normal(50)
    freqs = np.sort(rng.uniform(0.01, 0.49, 30)) * fs
    want = signal.group_delay((h, [1.0]), freqs, fs=fs)[1]
    np.testing.assert_allclose(an.group_delay(FIR(h, fs=fs), freqs)[1], want, rtol=1e-9)
    b, a = signal.ellip(4, 1, 60, 0.2 * fs, fs=fs)
    want = signal.group_delay((b, a), freqs, fs=fs)[1]
    np.testing.assert_allclose(
        an.group_delay(IIR.from_ba(b, a, fs=fs), freqs)[1], want, rtol=1e-7, atol=1e-7
    )


@pytest.mark.parametrize("seed", range(3))
def test_group_delay_of_every_kind_is_the_slope_of_the_phase(seed: int) -> None:
    freqs = np.random.default_rng(seed).uniform(0.01, 0.49, 40)
    for system in mixture(seed):
        got = an.group_delay(system, freqs)[1]
        assert got.shape == (*system.rows, 40)
        # third derivatives times 1e-12, and the rounding of angles over 1e-6 cycles
        np.testing.assert_allclose(got, by_difference(system, freqs), rtol=1e-4, atol=1e-3)


def test_no_delay_where_nothing_comes_out() -> None:
    for h, at in (([1.0, 1.0], 0.5), ([1.0, 0.0, 1.0], 0.25), ([1.0, -1.0], 0.0), ([0.0], 0.3)):
        assert np.isnan(an.group_delay(FIR(h), [at])[1]).all()
    got = an.group_delay(butter(4, 1000), [0, 23_999, 24_000])[1]
    assert np.isfinite(got[:2]).all()
    assert np.isnan(got[2])
    # the same zero hidden in a sum
    assert np.isnan(an.group_delay(butter(2, 1000) - butter(2, 1000), [500])[1]).all()


@pytest.mark.parametrize("cutoff", [0.1, 20, 23_900])
def test_sections_near_the_circle_keep_their_digits(cutoff: float) -> None:
    """At 0 Hz a Butterworth's group delay is the sum over its poles of Re p / (1 - p)."""
    order = 8
    z, p, _ = signal.butter(order, cutoff, fs=48_000, output="zpk")
    want = float(np.sum(p / (1 - p)).real - np.sum(z / (1 - z)).real)
    got = an.group_delay(butter(order, cutoff), [0.0])[1][0]
    # poles are known to 1e-16 and as close to 1 as w = 2 pi cutoff / fs
    assert got == pytest.approx(want, rel=1e-13 / min(1, 2 * np.pi * cutoff / 48_000) ** 2)


# --- phase ----------------------------------------------------------------------------------------


def phase_by_roots(zeros: np.ndarray, poles: np.ndarray, cycles: np.ndarray) -> np.ndarray:
    """Return the phase relative to 0 Hz: each factor by its principal value, which never wraps."""
    w = np.exp(-2j * np.pi * cycles)

    def factor(root: complex) -> np.ndarray:
        if abs(root) <= 1 + 1e-9:  # on the circle: as if inside
            return np.angle(1 - root * w) - np.angle(1 - root)
        return np.angle(1 - 1 / (root * w)) - np.angle(1 - 1 / root) - 2 * np.pi * cycles

    total = np.zeros(cycles.size)
    for root in zeros:
        total += factor(root)
    for root in poles:
        total -= factor(root)
    return total


@pytest.mark.parametrize("taps", [2, 3, 10, 60])
@pytest.mark.parametrize("seed", range(4))
def test_phase_of_taps_by_their_zeros(taps: int, seed: int) -> None:
    rng = np.random.default_rng([taps, seed])
    h = rng.standard_normal(taps)
    cycles = rng.uniform(0, 0.5, 20)  # in no order, and far apart
    freqs, got = an.unwrapped_phase(FIR(h, fs=100.0), 100 * cycles)
    assert got.shape == freqs.shape == (20,)
    start = 0.0 if h.sum() > 0 else np.pi
    np.testing.assert_allclose(
        got, start + phase_by_roots(np.roots(h), np.zeros(0), cycles), atol=1e-6
    )


@pytest.mark.parametrize("seed", range(6))
def test_phase_of_sections_in_series_with_taps(seed: int) -> None:
    rng = np.random.default_rng(seed)
    z, p, k = signal.ellip(5, 1, 50, rng.uniform(0.05, 0.9), output="zpk")
    h = rng.standard_normal(30)
    system = IIR.from_zpk(z, p, k) >> delay(300) >> FIR(h)
    cycles = rng.uniform(0, 0.5, 20)
    want = phase_by_roots(np.r_[z, np.roots(h)], p, cycles) - 2 * np.pi * 300 * cycles
    want += 0.0 if h.sum() > 0 else np.pi
    got = an.unwrapped_phase(system, cycles)[1]
    # a zero on the circle may be passed before or behind by rounding: elliptic ones lie there
    near = np.abs(np.abs(np.angle(z))[:, None] / (2 * np.pi) - cycles).min(axis=0) < 1e-6
    np.testing.assert_allclose(got[~near], want[~near], atol=1e-6)


def test_phase_of_long_delays_and_few_frequencies() -> None:
    freqs, got = an.unwrapped_phase(delay(100_000, fs=48_000), [24_000, 0, 1])
    assert freqs.tolist() == [24_000, 0, 1]
    np.testing.assert_allclose(got / np.pi, [-100_000, 0, -100_000 / 24_000], rtol=1e-12)
    # 1 + 0.5 z^-999: the phase swings a thousand times around that of the late tap
    h = np.zeros(1000)
    h[0], h[999] = 0.5, 1.0
    got = an.unwrapped_phase(FIR(h), [0.0, 0.25, 0.5])[1]
    want = [np.angle(0.5 + np.exp(-2j * np.pi * 999 * f)) for f in (0, 0.25, 0.5)]
    want -= 2 * np.pi * np.round((np.array(want) + 2 * np.pi * 999 * np.array([0, 0.25, 0.5]))
                                 / (2 * np.pi))  # fmt: skip
    np.testing.assert_allclose(got, want, atol=1e-9)


def test_phase_jumps_up_at_zeros_on_the_circle() -> None:
    freqs = np.array([0.1, 0.25, 0.4])
    got = an.unwrapped_phase(FIR([1.0, 0.0, 1.0]), freqs)[1]
    np.testing.assert_allclose(got, [-0.2 * np.pi, np.nan, 0.2 * np.pi], atol=1e-12)
    # the same zero among sections, which do not mirror themselves
    got = an.unwrapped_phase(IIR([[1.0, 0, 1, 1, 0, 0.25]]), freqs)[1]
    want = phase_by_roots(np.zeros(0), np.array([0.5j, -0.5j]), freqs)
    want += np.array([-0.2 * np.pi, np.nan, 0.2 * np.pi])
    np.testing.assert_allclose(got, want, atol=1e-6)
    # starting at a zero, and from below 0
    np.testing.assert_allclose(
        an.unwrapped_phase(FIR([1.0, -1.0]), [0.0, 1e-9, 0.25])[1], [np.nan, np.pi / 2, np.pi / 4]
    )
    np.testing.assert_allclose(an.unwrapped_phase(FIR([-1.0, 0.0]), [0.0, 0.3])[1], [np.pi, np.pi])


@pytest.mark.parametrize("taps", [101, 102, 2001])
@pytest.mark.parametrize("cutoff", [0.02, 0.3])
def test_linear_phase_is_a_line_with_jumps(taps: int, cutoff: float) -> None:
    h = signal.firwin(taps, 2 * cutoff, window=("kaiser", 6))
    freqs, got = an.unwrapped_phase(FIR(h))
    off = (got + np.pi * (taps - 1) * freqs) / np.pi
    heard = np.isfinite(off)
    np.testing.assert_allclose(off[heard], np.round(off[heard]), atol=1e-9 * taps)
    assert (np.abs(off[freqs < 0.9 * cutoff]) < 1e-6).all()
    assert (np.diff(off[heard]) > -1e-6).all()
    # each of the zeros on the upper half of the circle is one jump
    zeros = an.zeros(FIR(h)) if taps < 500 else np.zeros(0)
    on = np.abs(np.abs(zeros) - 1) < 1e-6
    inside = (zeros.imag > 0) & (np.angle(zeros) < np.pi * 0.999)
    if taps < 500:
        assert round(off[heard][-1]) in (int((on & inside).sum()) + extra for extra in (-1, 0, 1))


def test_phase_of_a_room_ends_at_whole_turns() -> None:
    h = np.random.default_rng(0).standard_normal((2, 6000)) * np.exp(-np.arange(6000) / 900)
    freqs, got = an.unwrapped_phase(FIR(h))
    assert got.shape == (2, freqs.size)
    turns = (got[:, 0] - got[:, -1]) / np.pi
    np.testing.assert_allclose(turns, np.round(turns), atol=1e-6)
    np.testing.assert_allclose(
        np.exp(1j * got), (r := FIR(h).frequency_response()[1]) / np.abs(r), atol=1e-6
    )


@pytest.mark.parametrize("seed", range(2))
def test_unwrapped_phase_is_the_phase(seed: int) -> None:
    freqs = np.random.default_rng(seed).uniform(0, 0.5, 40)
    for system in mixture(seed):
        response = system.frequency_response(freqs)[1]
        got = an.unwrapped_phase(system, freqs)[1]
        assert got.shape == response.shape
        np.testing.assert_allclose(np.exp(1j * got), response / np.abs(response), atol=1e-6)


def test_phase_delay() -> None:
    freqs, got = an.phase_delay(FIR([1.0, 2.0, 1.0], fs=48_000), [0.0, 1000, 20_000])
    np.testing.assert_allclose(got, 1.0, atol=1e-12)
    a = 0.5
    freqs = np.array([0.0, 1e-4, 0.1, 0.37])
    w = 2 * np.pi * freqs
    with np.errstate(invalid="ignore"):
        want = np.arctan2(a * np.sin(w), 1 - a * np.cos(w)) / w
    want[0] = a / (1 - a)
    got = an.phase_delay(IIR.from_ba([1.0], [1.0, -a]), freqs)[1]
    np.testing.assert_allclose(got, want, rtol=1e-9)
    assert np.isnan(an.phase_delay(FIR([-1.0]), [0.0])[1]).all()
    assert np.isnan(an.phase_delay(FIR([1.0, -1.0]), [0.0])[1]).all()
    both = an.phase_delay(FIR([[1.0, 0.0], [0.0, 1.0]]), [0.0, 0.2])[1]
    np.testing.assert_allclose(both, [[0, 0], [1, 1]], atol=1e-12)


# --- band edges -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fs", RATES[1:])
@pytest.mark.parametrize("part", [0.0004, 0.1, 0.98])
@pytest.mark.parametrize("order", [1, 2, 9])
def test_butterworth_has_its_edge_at_the_cutoff(fs: float, part: float, order: int) -> None:
    cutoff = part * fs / 2
    for kind in ("lowpass", "highpass"):
        got = an.band_edges(butter(order, cutoff, fs, kind))
        assert got.shape == (1,)
        # where |H| falls by order / 2 of itself in an octave, and rounding is 1e-13 of it
        assert got[0] == pytest.approx(cutoff, rel=1e-9)
    if 0.01 < part < 0.9:
        got = an.band_edges(butter(order, [0.8 * cutoff, 1.25 * cutoff], fs, "bandpass"))
        np.testing.assert_allclose(got, [0.8 * cutoff, 1.25 * cutoff], rtol=1e-9)


def test_edges_of_closed_forms() -> None:
    # cos(pi f) falls by half at 1/3
    np.testing.assert_allclose(an.band_edges(FIR([0.5, 0.5]), drop_db=20 * math.log10(2)), [1 / 3])
    np.testing.assert_allclose(an.band_edges(FIR([0.5, 0.5])), [1 / 4])
    assert an.band_edges(gain(3.0)).shape == (0,)
    # a narrow resonance of its poles, far narrower than any grid
    r = 1 - 1e-7
    resonance = IIR.from_ba([1.0, 0.0, -1.0], [1.0, -2 * r * np.cos(1.0), r * r], fs=1.0)
    got = an.band_edges(resonance)
    assert got.shape == (2,)
    assert got[1] - got[0] == pytest.approx((1 - r) / np.pi, rel=1e-5)
    rows = an.band_edges(FIR([[0.5, 0.5], [1.0, 0.0], [0.5, -0.5]], fs=4.0))
    np.testing.assert_allclose(rows, [[1.0], [np.nan], [1.0]])


# --- steps ----------------------------------------------------------------------------------------


def test_step_responses() -> None:
    assert an.step_response(FIR(np.array([1, 2, 3], np.float32))).tolist() == [1, 3, 6]
    assert an.step_response(FIR(np.array([1, 2, 3], np.float32))).dtype == np.float64
    assert an.step_response(FIR([1.0, 2.0]), 4).tolist() == [1, 3, 3, 3]
    assert an.step_response(FIR(np.ones((2, 3, 4)))).shape == (2, 3, 4)
    a = 0.9
    got = an.step_response(IIR.from_ba([1 - a], [1.0, -a]))
    np.testing.assert_allclose(got, 1 - a ** np.arange(1, got.size + 1), rtol=0, atol=1e-14)
    assert got[-1] == pytest.approx(1, abs=1e-8)
    np.testing.assert_allclose(an.step_response(IIR.from_ba([1.0], [1.0, -2.0]), 4), [1, 3, 7, 15])
    for system in mixture(0):
        frames = 50
        h = system.impulse_response(frames)
        np.testing.assert_allclose(an.step_response(system, frames), np.cumsum(h, axis=-1))


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ask",
    [an.group_delay, an.unwrapped_phase, an.phase_delay, an.band_edges, an.poles, an.zeros,
     an.phase_type, an.step_response],
)  # fmt: skip
def test_only_systems(ask: Any) -> None:
    with pytest.raises(TypeError, match=r"system=\[1.0, 2.0\] must be a System"):
        ask([1.0, 2.0])


def test_what_is_refused() -> None:
    unstable = IIR.from_ba([1.0], [1.0, -1.01], fs=48_000)
    with pytest.raises(ValueError, match="band_edges needs a stable system, but it is not stable"):
        an.band_edges(unstable)
    with pytest.raises(ValueError, match=r"drop_db=0 must be a finite number > 0 in dB"):
        an.band_edges(gain(1.0), drop_db=0)
    with pytest.raises(ValueError, match=r"freqs_hz\[1\]=0.6 must be from 0 to fs / 2"):
        an.unwrapped_phase(gain(1.0), [0.1, 0.6])
    with pytest.raises(ValueError, match=r"freqs_hz\[0\]=-1 must be from 0"):
        an.phase_delay(gain(1.0), [-1])
    with pytest.raises(MismatchError, match="freqs_hz holds 1 samples that are NaN"):
        an.group_delay(gain(1.0), [math.nan])
    with pytest.raises(ValueError, match="h is complex: its phase has no beginning"):
        an.unwrapped_phase(FIR([1j]))
    with pytest.raises(ValueError, match="the response needs an end"):
        an.step_response(unstable)


def test_systems_that_are_not_stable_have_the_curve_of_their_formula() -> None:
    system = IIR.from_ba([1.0], [1.0, -2.0])
    np.testing.assert_allclose(an.group_delay(system, [0.5])[1], (-2 - 4) / (1 + 4 + 4))
