"""Levels against their closed forms"""

import numpy as np
import pytest

from ltisys import levels


def test_decibels_and_back() -> None:
    assert levels.db(1.0) == 0
    assert levels.db(10.0) == pytest.approx(20, rel=1e-15)
    assert levels.db(-0.001) == pytest.approx(-60, rel=1e-15)
    assert levels.db(3 + 4j) == pytest.approx(20 * np.log10(5), rel=1e-15)
    assert levels.db(0.0) == -np.inf
    assert levels.db(np.array([1.0, 0.0])).tolist() == [0.0, -np.inf]
    for level in (-180.0, -6.0, 0.0, 12.0):
        assert levels.db(levels.amplitude(level)) == pytest.approx(level, abs=1e-12)


@pytest.mark.parametrize(
    ("x", "peak", "rms"),
    [
        ([3.0, -4.0], 4.0, np.sqrt(12.5)),
        ([[1.0, 1.0], [-1.0, 1.0]], 1.0, 1.0),
        ([3 + 4j], 5.0, 5.0),
        ([], 0.0, 0.0),
        ([0.0], 0.0, 0.0),
    ],
)
def test_peak_and_rms(x: list[complex], peak: float, rms: float) -> None:
    assert levels.peak(np.array(x)) == peak
    assert levels.rms(np.array(x)) == pytest.approx(rms, rel=1e-15)


def test_peak_and_rms_of_other_dtypes() -> None:
    assert levels.peak(np.array([-128, 127], np.int8)) == 128
    assert levels.rms(np.full(1000, 1e-3, np.float32)) == pytest.approx(1e-3, rel=1e-6)
    assert np.isnan(levels.peak(np.array([1.0, np.nan])))
    x = np.sin(2 * np.pi * np.arange(480) / 48)
    assert levels.rms(x) == pytest.approx(np.sqrt(0.5), rel=1e-14)


def test_onset_is_the_first_frame_within_20_db_of_the_peak() -> None:
    ir = np.zeros((2, 100))
    ir[0, 30], ir[1, 20], ir[1, 10] = -1.0, 0.11, 0.09
    assert levels.onset(ir) == 20
    assert levels.onset(ir[0]) == 30
    assert levels.onset(ir, threshold_db=-30) == 10
    assert levels.onset(np.zeros(5)) == 0
    assert levels.onset(ir * 1e-9) == 20


def test_tail_end_is_where_the_response_sinks_below_the_floor() -> None:
    ir = 10 ** (-np.arange(1000) / 200)  # 0.1 dB a frame
    for floor_db in (-10.05, -60.05, -90.05):
        assert levels.tail_end(ir, floor_db=floor_db) == int(-floor_db * 10) + 1
    assert levels.tail_end(np.zeros(9)) == 0
    assert levels.tail_end(np.array([0.0, 1.0, 0.0])) == 2
    assert levels.tail_end(np.ones((2, 7))) == 7


@pytest.mark.parametrize("fs", [8000.0, 48_000.0])
@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.5, 10.0])
def test_decay_time_of_exponential_decays(seconds: float, fs: float) -> None:
    frames = round(1.5 * seconds * fs)
    envelope = 10 ** (-3 * np.arange(frames) / (seconds * fs))  # -60 dB after `seconds`
    assert levels.decay_time(envelope, fs=fs) == pytest.approx(seconds, rel=0.01)
    # a sign for every frame changes no energy; a second channel and a delay change no slope
    signs = np.random.default_rng(1).choice([-1.0, 1.0], (2, frames))
    late = np.pad(envelope * signs * [[1.0], [0.1]], ((0, 0), (500, 0)))
    assert levels.decay_time(late, fs=fs) == pytest.approx(seconds, rel=0.01)


def test_decay_time_of_noise_is_within_its_own_spread() -> None:
    fs, seconds = 48_000, 1.0
    noise = np.random.default_rng(2).standard_normal(2 * fs)
    ir = noise * 10 ** (-3 * np.arange(noise.size) / (seconds * fs))
    # the slope of an integrated decay over 30 dB, of half a second, of noise: the relative
    # standard error of the energy in one time constant (3500 frames) is sqrt(2 / 3500) = 2.4 %,
    # a tenth of a decibel in thirty
    assert levels.decay_time(ir, fs=fs) == pytest.approx(seconds, rel=5 * 0.1 / 30)


def test_decay_time_says_nothing_where_there_is_no_decay() -> None:
    assert levels.decay_time(np.array([1.0, 0.0, 0.0]), fs=48_000) is None
    assert levels.decay_time(np.zeros(1000), fs=48_000) is None
    assert levels.decay_time(np.ones(10), fs=48_000) is None
    fast = 10 ** (-np.arange(100) / 10)  # 2 dB a frame
    assert levels.decay_time(fast, fs=48_000) is None
