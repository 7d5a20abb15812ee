"""Test signals against their closed forms"""

import numpy as np
import pytest
import scipy.fft

import ltisys as lti


def test_impulse_and_step() -> None:
    for frames, at in ((1, 0), (5, 0), (5, 4), (1000, 7)):
        impulse, step = lti.impulse(frames, at=at), lti.step(frames, at=at)
        for x in (impulse, step):
            assert x.shape == (frames,)
            assert x.dtype == np.float64
        assert np.flatnonzero(impulse).tolist() == [at]
        assert impulse[at] == 1
        assert step.tolist() == [0.0] * at + [1.0] * (frames - at)
    assert lti.impulse(3).tolist() == [1, 0, 0]
    assert np.array_equal(lti.convolve(lti.impulse(9, at=2), lti.step(3)), lti.step(11, at=2) * 1.0
                          - lti.step(11, at=5))  # fmt: skip


@pytest.mark.parametrize(("freq", "fs"), [(0, 8000), (1000, 48_000), (0.5, 2), (4000, 8000)])
def test_tone_is_a_sine_from_phase_zero(freq: float, fs: float) -> None:
    x = lti.tone(freq, length_s=12, fs=fs)
    assert x.shape == (round(12 * fs),)
    assert x.dtype == np.float64
    # sin(n w) obeys x[n + 1] + x[n - 1] = 2 cos(w) x[n]; each sample errs by the rounding of its
    # angle, at most 4 u n w, and there are four of them
    w = 2 * np.pi * freq / fs
    limit = 16 * 2.0**-53 * x.size * max(w, 1 / x.size) + 1e-15
    assert x[0] == 0
    assert x[1] == pytest.approx(np.sin(w), abs=1e-15)
    assert np.abs(x[2:] + x[:-2] - 2 * np.cos(w) * x[1:-1]).max() <= limit
    assert np.abs(x).max() <= 1


def test_lengths_are_rounded_to_whole_frames() -> None:
    assert lti.tone(1, length_s=0.1, fs=44_100).shape == (4410,)
    assert lti.tone(1, length_s=1 / 3, fs=44_100).shape == (14_700,)
    assert lti.sweep(1, 10, length_s=0.99996, fs=100).shape == (100,)


# --- noise --------------------------------------------------------------------------------------


@pytest.mark.parametrize("color", ["white", "pink"])
def test_noise_is_seeded_and_shaped(color: str) -> None:
    assert lti.noise(10, color=color).shape == (10,)
    assert lti.noise(10, channels=1, color=color).shape == (1, 10)
    x = lti.noise(1000, channels=3, color=color)
    assert x.shape == (3, 1000)
    assert x.dtype == np.float64
    assert np.array_equal(x, lti.noise(1000, channels=3, color=color, seed=0))
    assert not np.array_equal(x, lti.noise(1000, channels=3, color=color, seed=1))
    # rows are independent: their correlation has a standard deviation of about sqrt(1 / n) for
    # white noise; pink's power is in fewer bins, sum(1 / k)**2 / sum(1 / k**2) = 28 of them
    bins = 1000 if color == "white" else 28
    corner = np.abs(np.corrcoef(x) - np.eye(3)).max()
    assert corner < 5 / np.sqrt(bins)
    assert np.isfinite(lti.noise(1, color=color)).all()


def test_white_noise_is_gaussian_and_flat() -> None:
    n = 1 << 18
    x = lti.noise(n, seed=3)
    # standard errors of mean, variance and kurtosis of n normal numbers; five of them
    assert abs(x.mean()) < 5 / np.sqrt(n)
    assert abs(x.var() - 1) < 5 * np.sqrt(2 / n)
    assert abs((x**4).mean() - 3) < 5 * np.sqrt(96 / n)
    power = octaves(x)
    # an octave's mean of m exponential variables has a relative standard error of 1 / sqrt(m)
    m = 2.0 ** np.arange(6, 17)
    assert (np.abs(power - 1) < 5 / np.sqrt(m)).all()


def test_pink_noise_falls_three_decibels_an_octave() -> None:
    n = 1 << 18
    x = lti.noise(n, color="pink", seed=4)
    assert np.mean(x**2) == pytest.approx(1, rel=1e-12)
    assert abs(x.mean()) < 1e-12
    level_db = 10 * np.log10(octaves(x))
    octave, m = np.arange(6, 17), 2.0 ** np.arange(6, 17)
    slope = np.polyfit(octave, level_db, 1, w=np.sqrt(m))[0]
    # -10 log10(2) dB; each octave's level has a standard error of 4.34 / sqrt(m) dB
    weights = m / m.sum()
    spread = np.sqrt((weights * (octave - (weights * octave).sum()) ** 2).sum())
    assert abs(slope + 10 * np.log10(2)) < 5 * 4.34 / np.sqrt(m.sum()) / spread


def octaves(x: np.ndarray) -> np.ndarray:
    """Return the mean power a bin from 2**k up to 2**(k + 1), for k from 6 to 16."""
    power = np.abs(scipy.fft.rfft(x)) ** 2 / x.size
    return np.array([power[2**k : 2 ** (k + 1)].mean() for k in range(6, 17)])


# --- sweeps -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("low", "high"), [(20, 20_000), (100, 5000), (1, 24_000)])
def test_sweep_has_farinas_instantaneous_frequency(low: float, high: float) -> None:
    fs, length_s = 48_000, 4.0
    x = lti.sweep(low, high, length_s=length_s, fs=fs)
    assert x.shape == (192_000,)
    assert x.dtype == np.float64
    assert x[0] == 0
    assert np.abs(x).max() <= 1
    # the k-th zero crossing is where the phase is k pi:
    # 2 pi f1 L (exp(t / L) - 1) = k pi with L = T / ln(f2 / f1)
    rate = length_s / np.log(high / low)
    t = np.arange(x.size) / fs
    wanted = np.floor(2 * low * rate * np.expm1(t / rate))
    slow = low * np.exp(t / rate) < fs / 8  # crossings many frames apart, so none is missed
    crossings = np.r_[0, np.cumsum(np.signbit(x[1:]) != np.signbit(x[:-1]))]
    crossings -= crossings[1]
    assert (np.abs(crossings - wanted)[slow] <= 1).all()
    assert np.abs(crossings - wanted)[slow].mean() < 0.01
    # phase differences of the analytic phase give the last frequency
    last = 2 * np.pi * low * rate * np.expm1(t[-2:] / rate)
    assert np.diff(last)[0] * fs / 2 / np.pi == pytest.approx(high, rel=2 / fs / rate + 1e-6)
    assert x[-1] == pytest.approx(np.sin(last[-1]), abs=1e-8)


def test_sweep_spends_equal_time_on_every_octave() -> None:
    x = lti.sweep(100, 12_800, length_s=7.0, fs=48_000)
    # seven octaves in seven seconds: 100 * 2**t Hz, so 100 / ln(2) * 2**s whole cycles a second
    for second in range(6):
        piece = x[second * 48_000 : (second + 1) * 48_000]
        cycles = np.count_nonzero(np.diff(np.signbit(piece))) / 2
        assert abs(cycles - 100 / np.log(2) * 2**second) <= 1


# --- maximum-length sequences -------------------------------------------------------------------


@pytest.mark.parametrize("order", range(2, 17))
def test_mls_correlates_with_itself_as_an_impulse(order: int) -> None:
    x = lti.mls(order)
    n = 2**order - 1
    assert x.shape == (n,)
    assert x.dtype == np.float64
    assert set(x.tolist()) == {-1.0, 1.0}
    assert x.sum() in (-1, 1)
    spectrum = scipy.fft.fft(x)
    circular = scipy.fft.ifft(spectrum * spectrum.conj()).real
    # integers; the transforms err by 20 u log2(n) n < 1e-9
    assert np.rint(circular).tolist() == [n] + [-1] * (n - 1)
    assert np.abs(circular - np.rint(circular)).max() < 0.01


@pytest.mark.parametrize("order", range(17, 21))
def test_long_mls_visits_every_state_once(order: int) -> None:
    bits = (lti.mls(order) < 0).astype(np.int64)
    n = 2**order - 1
    around = np.r_[bits, bits[: order - 1]]
    states = sum(around[k : k + n] << k for k in range(order))
    assert np.array_equal(np.sort(states), np.arange(1, n + 1))
