"""Gains against closed forms: the one-pole, the mean, the comb, resonances of any height"""

import math
from typing import Any

import numpy as np
import pytest
from scipy import signal

from ltisys import curves, gains
from ltisys.elements import delay, gain
from ltisys.fir import FIR
from ltisys.iir import IIR
from ltisys.loops import feedback

ALL = [gains.noise_gain, gains.worst_case_gain, gains.peak_gain, gains.minimal_length]


@pytest.mark.parametrize("fs", [None, 48_000.0])
@pytest.mark.parametrize("a", [0.5, -0.9, 0.9999])
@pytest.mark.parametrize("frames", [1, 50])
def test_a_pole_and_its_echoes(fs: float | None, a: float, frames: int) -> None:
    """h = a**n, each frame or each 50."""
    system = IIR.from_ba([1.0], [1.0, -a], fs=fs)
    if frames > 1:
        if a > 0.99:
            pytest.skip("a million frames tell no more")
        system = feedback(gain(1.0), -a * delay(frames, fs=fs))  # type: ignore[assignment]
    # the response is summed until it is 1e-9 of its peak
    assert gains.noise_gain(system) == pytest.approx(1 / (1 - a * a), rel=1e-12)
    assert gains.worst_case_gain(system) == pytest.approx(1 / (1 - abs(a)), rel=2e-9)
    assert gains.peak_gain(system) == pytest.approx(1 / (1 - abs(a)), rel=1e-9)
    for floor_db in (-20, -60, -120):
        # the energy from frame n on is a**(2 n) of the whole
        want = math.ceil(floor_db / 20 / math.log10(abs(a)) - 1e-9)
        got = gains.minimal_length(system, floor_db=floor_db)
        assert got == (want - 1) * frames + 1
        assert got <= system.to_fir(floor_db=floor_db).taps <= 1.001 * got + frames
    for ask in ALL:
        assert type(ask(system)) is (int if ask is gains.minimal_length else float)


def test_gains_of_taps() -> None:
    rng = np.random.default_rng(0)
    h = rng.standard_normal((3, 2, 40)).astype(np.float32)
    system = FIR(h)
    wide = h.astype(np.float64)
    np.testing.assert_allclose(gains.noise_gain(system), (wide**2).sum(-1), rtol=1e-14)
    np.testing.assert_allclose(gains.worst_case_gain(system), np.abs(wide).sum(-1), rtol=1e-14)
    peaks = np.abs(np.fft.rfft(wide, 1 << 16)).max(-1)
    got = gains.peak_gain(system)
    assert got.shape == (3, 2)
    assert (got >= peaks * (1 - 1e-12)).all()
    np.testing.assert_allclose(got, peaks, rtol=1e-5)  # (40 pi / 65536)**2 / 8 of it is missed
    lengths = gains.minimal_length(system, floor_db=-20)
    assert lengths.shape == (3, 2)
    assert lengths.dtype.kind == "i"
    for row in np.ndindex(3, 2):
        energy = np.cumsum(wide[row] ** 2)
        fewest = int(np.argmax(energy[-1] - energy <= 0.01 * energy[-1])) + 1
        assert lengths[row] == fewest
    assert gains.minimal_length(FIR([0.0, 0.0])) == 1
    assert gains.minimal_length(FIR([0.0, 1.0, 0.0])) == 2
    assert gains.minimal_length(FIR([1.0, 1e-20]), floor_db=-500) == 2
    assert gains.peak_gain(FIR([1.0, 1j])) == pytest.approx(2, rel=1e-12)


def test_the_worst_input_reaches_the_worst_case() -> None:
    system = IIR(signal.ellip(4, 1, 40, 0.2, output="sos"))
    h = system.impulse_response()
    x = np.sign(h[::-1])
    assert np.abs(system(x, tail=False)).max() == pytest.approx(gains.worst_case_gain(system))
    tone = np.cos(2 * np.pi * 0.05 * np.arange(5000))
    assert np.abs(system(tone, tail=False)[1000:]).max() <= gains.peak_gain(system) * (1 + 1e-9)


@pytest.mark.parametrize("away", [1e-2, 1e-6])
@pytest.mark.parametrize("at", [0.0, 0.3, np.pi])
def test_resonances_narrower_than_the_grid(away: float, at: float) -> None:
    r = 1 - away
    system = IIR.from_ba([1.0, 0.0, -1.0], [1.0, -2 * r * np.cos(at), r * r])
    if at in (0.0, np.pi):
        system = IIR.from_ba([1.0], [1.0, -r * np.cos(at)])
        assert gains.peak_gain(system) == pytest.approx(1 / away, rel=1e-9)
        return
    near = at + np.linspace(-2, 2, 100_001) * away
    want = np.abs(signal.freqz([1.0, 0, -1], [1.0, -2 * r * np.cos(at), r * r], near)[1]).max()
    # freqz cancels down to `away`; a point in 25 000 of the width is 2e-10 below the top
    assert gains.peak_gain(system) == pytest.approx(want, rel=1e-9 + 1e-15 / away)


def test_the_higher_of_two_peaks_may_look_the_lower() -> None:
    """Between the points looked at one peak rises more than the other."""

    def hills(cycles: np.ndarray) -> np.ndarray:
        return np.exp(-(((cycles - 0.1) / 0.02) ** 2)) + 1.2 * np.exp(
            -(((cycles - 0.325) / 0.02) ** 2)
        )

    coarse = np.arange(0, 0.5, 0.05)
    assert coarse[np.argmax(hills(coarse))] == pytest.approx(0.1)
    height, where = curves.extreme(hills, coarse, hills(coarse), 1)
    assert height == pytest.approx(1.2, rel=1e-9)
    assert where == pytest.approx(0.325, abs=1e-5)
    low, where = curves.extreme(lambda c: 2 - hills(c), coarse, 2 - hills(coarse), -1)
    assert low == pytest.approx(0.8, rel=1e-9)


def test_without_an_end() -> None:
    growing = IIR.from_ba([1.0], [1.0, -1.01])
    summing = IIR.from_ba([1.0], [1.0, -1.0])
    for system in (growing, summing, feedback(gain(1.0), -1.5 * delay(30))):
        for ask in ALL[:3]:
            assert ask(system) == math.inf
        with pytest.raises(ValueError, match="minimal_length needs a stable system, but it is"):
            gains.minimal_length(system)
    assert gains.noise_gain(growing >> FIR(np.ones((2, 9)))).tolist() == [math.inf, math.inf]


@pytest.mark.parametrize("ask", ALL)
def test_only_systems(ask: Any) -> None:
    with pytest.raises(TypeError, match="must be a System"):
        ask(np.ones(3))


def test_floors() -> None:
    with pytest.raises(ValueError, match=r"floor_db=1 must be a finite number <= 0 in dB"):
        gains.minimal_length(gain(1.0), floor_db=1)
    with pytest.raises(ValueError, match=r"floor_db=-170 must be a finite number >= -160"):
        gains.minimal_length(IIR.from_ba([1.0], [1.0, -0.5]), floor_db=-170)
