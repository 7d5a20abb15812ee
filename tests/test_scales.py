"""Axes: frequencies that can be read at any zoom, levels that show what matters, durations."""

import math
from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pytest
from pictures import ticks

from ltisys.scales import (
    DB_STEPS,
    db_axis,
    db_limits,
    hertz,
    hz_axis,
    hz_ticks,
    minus,
    seconds,
    steps,
    time_axis,
)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


# --- frequencies ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (20, 24_000, [20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000]),
        (20, 20_000, [20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000]),
        (0.2, 24_000, [1, 10, 100, 1000, 10_000]),
        (100, 800, [100, 150, 200, 300, 400, 500, 600, 700, 800]),
        (450, 2200, [500, 600, 700, 800, 900, 1000, 1500, 2000]),
        (3, 4, [3, 4]),
    ],
)
def test_frequencies_stand_at_round_numbers(low: float, high: float, wanted: list[float]) -> None:
    np.testing.assert_allclose(hz_ticks(low, high), wanted, rtol=1e-12)


def test_no_more_ticks_than_there_is_room_for() -> None:
    assert hz_ticks(20, 20_000, most=5) == [100, 1000, 10_000]
    for most in range(4, 20):
        for low in (0.1, 3, 20, 700):
            found = hz_ticks(low, 20_000, most)
            assert found == sorted(found)
            assert len(found) <= max(most, 6)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (20, "20"),
        (999, "999"),
        (1000, "1k"),
        (12_500, "12.5k"),
        (0.05, "0.05"),
        (2e6, "2M"),
        (0, "0"),
        (-1500, "\u22121.5k"),
    ],
)
def test_frequencies_are_short(value: float, text: str) -> None:
    assert hertz(value) == text


def test_a_frequency_axis_is_read_at_any_zoom() -> None:
    _, ax = plt.subplots(figsize=(7, 3))
    hz_axis(ax.xaxis, 20, 24_000, "log")
    assert ax.get_xscale() == "log"
    assert ax.get_xlim() == (20, 24_000)
    assert ax.get_xlabel() == "frequency in Hz"
    shown = ["20", "50", "100", "200", "500", "1k", "2k", "5k", "10k", "20k"]
    assert list(ticks(ax.xaxis).values()) == shown
    ax.set_xlim(900, 1100)
    assert list(ticks(ax.xaxis).values()) == ["900", "950", "1k", "1.05k", "1.1k"]
    ax.set_xlim(300, 3000)
    assert list(ticks(ax.xaxis).values()) == [
        "300",
        "400",
        "500",
        "600",
        "700",
        "800",
        "900",
        "1k",
        "1.5k",
        "2k",
        "3k",
    ]


def test_a_small_picture_has_fewer_frequencies() -> None:
    _, ax = plt.subplots(figsize=(2.5, 2))
    hz_axis(ax.xaxis, 20, 24_000, "log")
    assert list(ticks(ax.xaxis).values()) == ["100", "1k", "10k"]


def test_a_linear_axis_and_a_vertical_one() -> None:
    _, ax = plt.subplots()
    hz_axis(ax.xaxis, 0, 0.5, "linear", "cycles a frame")
    assert list(ticks(ax.xaxis).values()) == ["0", "0.1", "0.2", "0.3", "0.4", "0.5"]
    assert ax.get_xlabel() == "frequency in cycles a frame"
    hz_axis(ax.yaxis, 100, 10_000, "log")
    assert ax.get_yscale() == "log"
    assert list(ticks(ax.yaxis).values()) == ["100", "200", "500", "1k", "2k", "5k", "10k"]


# --- levels ---------------------------------------------------------------------------------------


def sinc(lobes_db: float) -> np.ndarray:
    """A passband at 0 dB and lobes of a stopband, the highest at `lobes_db`."""
    f = np.linspace(0, 1, 1001)
    lobes = lobes_db + 20 * np.log10(np.abs(np.sin(40 * np.pi * f)) + 1e-15)
    return np.where(f < 0.3, 0.0, np.minimum(lobes, lobes_db))


@pytest.mark.parametrize("lobes_db", [-40, -60, -80, -100, -120])
def test_a_stopband_is_seen_down_to_20_db_below_its_lobes(lobes_db: float) -> None:
    low, high = db_limits([sinc(lobes_db)])
    assert lobes_db - 33 <= low <= lobes_db - 20
    assert 0 < high <= 6


def test_what_no_one_hears_sets_no_limits() -> None:
    assert db_limits([sinc(-200)])[0] == -170
    fall = np.linspace(0, -300, 500)  # no lobes
    assert db_limits([fall])[0] == -90
    notch = np.zeros(500)
    notch[250] = -np.inf
    assert db_limits([notch]) == (-6.0, 6.0)
    notch[250] = -400.0
    assert db_limits([notch])[0] == -90


def test_small_ripple_is_not_magnified() -> None:
    assert db_limits([1e-12 * np.random.default_rng(0).standard_normal(100)]) == (-6.0, 6.0)
    assert db_limits([np.full(9, -60.2)]) == (-66.0, -54.0)
    peak = 6 * np.exp(-(np.linspace(-3, 3, 99) ** 2))
    low, high = db_limits([peak - 4])
    assert low <= -4
    assert high >= 2
    assert high - low == 12


def test_several_curves_are_all_seen() -> None:
    low, high = db_limits([sinc(-80), np.full(9, 14.0), np.full(3, -np.inf)])
    assert (low, high) == (-110, 15)
    assert db_limits([]) == db_limits([np.full(3, np.nan)]) == (-60.0, 6.0)


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (-100, 5, [-100, -80, -60, -40, -20, 0]),
        (-60, 5, [-60, -50, -40, -30, -20, -10, 0]),
        (-6, 6, [-6, -3, 0, 3, 6]),
        (-3, 9, [-3, 0, 3, 6, 9]),
        (-30, 6, [-30, -24, -18, -12, -6, 0, 6]),
    ],
)
def test_levels_stand_at_round_numbers(low: float, high: float, wanted: list[float]) -> None:
    _, ax = plt.subplots()
    db_axis(ax.yaxis, low, high, "level in dB")
    np.testing.assert_allclose(list(ticks(ax.yaxis)), wanted)
    assert ax.get_ylim() == (low, high)
    assert ax.get_ylabel() == "level in dB"


def test_steps_go_on_below_the_smallest() -> None:
    _, ax = plt.subplots()
    steps(ax.yaxis, DB_STEPS)
    ax.set_ylim(0, 0.5)
    found = list(ticks(ax.yaxis))
    assert 4 <= len(found) <= 8
    ax.set_ylim(0, 1e5)  # and above the largest
    assert 4 <= len(list(ticks(ax.yaxis))) <= 9


# --- durations and numbers ------------------------------------------------------------------------


def test_durations_have_three_digits_and_a_unit() -> None:
    told = {2.0: "2.00 s", 1.8249: "1.82 s", 0.9999: "1.00 s", 0.035: "35.0 ms", 12.34: "12.3 s"}
    told |= {125.0: "125 s", 0.299: "299 ms", 2.083e-5: "20.8 us", 0.0: "0.00 s"}
    for value, text in told.items():
        assert seconds(value) == text


def test_time_has_the_unit_that_suits_its_length() -> None:
    assert time_axis(100, None) == (1.0, "frames")
    assert time_axis(48_000, 48_000) == (1 / 48_000, "s")
    frame, unit = time_axis(47_000, 48_000)
    assert unit == "ms"
    assert math.isclose(frame, 1e3 / 48_000)


def test_a_minus_is_as_long_as_a_plus() -> None:
    assert minus("-3.5 dB") == "\u22123.5 dB"
