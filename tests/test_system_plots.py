"""Impulse and step responses, poles and zeros as drawn."""

from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from pictures import lines, named, readable, texts, ticks
from scipy import signal

import ltisys as lti
from ltisys.plotting import COLOURS, MOST_STEMS
from ltisys.system_plots import (
    UNSTABLE,
    UNSTABLE_FRAMES,
    plot_impulse_response,
    plot_poles_zeros,
    plot_step_response,
)

RATES = (44_100.0, 48_000.0, 96_000.0)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def butter(fs: float = 48_000.0) -> lti.IIR:
    return lti.IIR(signal.butter(4, 1000, fs=fs, output="sos"), fs=fs)


def unstable() -> lti.IIR:
    return lti.IIR.from_ba([1], [1, -1.5, 1.1], fs=8000)


def first(ax: Any) -> tuple[np.ndarray, np.ndarray]:
    return tuple(map(np.asarray, ax.lines[0].get_data()))


# --- impulse responses ----------------------------------------------------------------------------


def test_few_taps_are_stems() -> None:
    ax = plot_impulse_response([1.0, 0.5, -0.25])
    np.testing.assert_array_equal(first(ax), [[0, 1, 2], [1.0, 0.5, -0.25]])
    [stems] = ax.collections
    np.testing.assert_array_equal(
        [s[1] for s in stems.get_segments()], [[0, 1], [1, 0.5], [2, -0.25]]
    )
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time in frames", "amplitude")
    assert all(tick == int(tick) for tick in ticks(ax.xaxis))
    assert ax.get_legend() is None


@pytest.mark.parametrize("fs", RATES)
def test_a_recursive_response_is_drawn_until_it_is_60_db_down(fs: float) -> None:
    system = butter(fs)
    ax = plot_impulse_response(system)
    time, values = first(ax)
    frames = np.rint(time * fs / 1e3).astype(int)
    np.testing.assert_allclose(values, system.impulse_response()[frames], rtol=1e-12)
    h = np.abs(system.impulse_response())
    last = np.flatnonzero(h > 1e-3 * h.max())[-1]
    assert last <= frames[-1] <= 1.1 * last + 2
    assert not ax.collections
    assert ax.get_xlabel() == "time in ms"


def test_long_responses_are_in_seconds_and_keep_their_peaks() -> None:
    n = np.arange(96_000)
    h = lti.noise(96_000) * 10 ** (-1.5 * n / 96_000)
    ax = plot_impulse_response(lti.FIR(h, fs=48_000))
    time, values = first(ax)
    assert time.size <= 3002
    assert values.max() == h.max()
    assert values.min() == h.min()
    np.testing.assert_array_equal(values, h[np.rint(time * 48_000).astype(int)])
    assert ax.get_xlabel() == "time in s"


def test_the_latency_is_marked() -> None:
    ax = plot_impulse_response(lti.FIR([0.25, 0.5, 0.25], fs=1000, latency=1))
    [mark] = [line for line in ax.lines if line.get_linestyle() == ":"]
    assert set(mark.get_xdata()) == {1.0}
    assert not [x for x in plot_impulse_response([1.0]).lines if x.get_linestyle() == ":"]


def test_rates_share_the_axis_in_time() -> None:
    h = 0.9 ** np.arange(60.0)
    ax = plot_impulse_response({"slow": lti.FIR(h, fs=1000), "fast": lti.FIR(h, fs=2000)})
    drawn = lines(ax)
    np.testing.assert_allclose(drawn["slow"][0], np.arange(60.0))
    np.testing.assert_allclose(drawn["fast"][0], np.arange(60) / 2)
    assert named(ax) == ["slow", "fast"]
    # without a rate, it takes the others'
    ax = plot_impulse_response([lti.FIR(h), lti.FIR(h, fs=1000)])
    np.testing.assert_allclose(lines(ax)["system 0"][0], np.arange(60.0))


def test_rows_are_named() -> None:
    assert named(plot_impulse_response([[1.0, 0.5], [0.5, 1.0]])) == ["channel 0", "channel 1"]
    matrix = np.ones((2, 2, 3))
    assert named(plot_impulse_response(lti.FIR(matrix))) == ["0 to 0", "1 to 0", "0 to 1", "1 to 1"]
    ax = plot_impulse_response(lti.FIR(np.ones((12, 3)) * np.arange(12)[:, None]))
    assert named(ax) == [f"channel {c}" for c in range(4, 12)]
    assert ax.get_legend().get_title().get_text() == "the loudest of 12"
    assert named(plot_impulse_response([1.0 + 2.0j])) == ["real", "imaginary"]


def test_of_many_systems_none_is_left_out() -> None:
    systems = {f"{k}": lti.FIR([1.0, k]) for k in range(12)}
    assert named(plot_impulse_response(systems)) == list(systems)
    assert named(plot_step_response(systems)) == list(systems)


def test_of_an_unstable_system_the_beginning_is_drawn() -> None:
    for draw, wanted in (
        (plot_impulse_response, unstable().impulse_response(UNSTABLE_FRAMES)),
        (plot_step_response, np.cumsum(unstable().impulse_response(UNSTABLE_FRAMES))),
    ):
        ax = draw(unstable())
        np.testing.assert_allclose(first(ax)[1], wanted)
        assert named(ax) == ["unstable"]


def test_endless_and_silent_systems_are_drawn() -> None:
    integrator = lti.IIR.from_ba([1], [1, -1])
    plot_impulse_response(integrator).figure.canvas.draw()
    plot_impulse_response(lti.gain(0)).figure.canvas.draw()
    plot_step_response(lti.gain(0)).figure.canvas.draw()
    plot_step_response(integrator).figure.canvas.draw()


# --- step responses -------------------------------------------------------------------------------


def test_a_step_response_stays_where_it_ends() -> None:
    ax = plot_step_response([0.5, 0.25, 0.25])
    time, values = first(ax)
    np.testing.assert_array_equal(values, [0.5, 0.75, 1.0, 1.0])
    np.testing.assert_array_equal(time, np.arange(4))
    assert ax.get_ylabel() == "answer to a step of 1"


@pytest.mark.parametrize("fs", RATES)
def test_a_step_response_is_drawn_until_it_has_settled(fs: float) -> None:
    system = butter(fs)
    time, values = first(plot_step_response(system))
    answer = system(np.ones(4000), tail=False)
    frames = np.rint(time * fs / 1e3).astype(int)
    np.testing.assert_allclose(values, answer[frames], atol=1e-9)
    off = np.flatnonzero(np.abs(answer - 1) > 1e-3 * answer.max())[-1]
    assert off < frames[-1] <= 1.1 * off + 3


def test_the_first_to_settle_waits_for_the_others() -> None:
    ax = plot_step_response({"quick": lti.FIR([1.0], fs=48_000), "slow": butter()})
    quick, slow = lines(ax)["quick"], lines(ax)["slow"]
    assert quick[0][-1] >= slow[0][-1] - 1e-9
    np.testing.assert_array_equal(quick[1], 1.0)


# --- poles and zeros ------------------------------------------------------------------------------


def marks(ax: Any, marker: str) -> np.ndarray:
    """The places of all marks of a kind."""
    found = [line.get_xydata() @ [1, 1j] for line in ax.lines if line.get_marker() == marker]
    return np.concatenate([*found, np.zeros(0)])


def matched(found: np.ndarray, wanted: np.ndarray) -> bool:
    return found.size == wanted.size and all(np.abs(found - w).min() < 1e-9 for w in wanted)


def test_poles_are_crosses_and_zeros_are_rings() -> None:
    poles, zeros = [0.5 + 0.5j, 0.5 - 0.5j], [-0.9, 0.2]
    ax = plot_poles_zeros(lti.IIR.from_zpk(zeros, poles, 1.0))
    assert matched(marks(ax, "x"), np.array(poles))
    assert matched(marks(ax, "o"), np.array(zeros, complex))
    circle = ax.lines[0].get_xydata() @ [1, 1j]
    np.testing.assert_allclose(np.abs(circle), 1, rtol=1e-12)
    assert ax.get_aspect() == 1
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("real part of z", "imaginary part of z")


def test_several_roots_in_one_place_are_counted() -> None:
    ax = plot_poles_zeros(butter())
    assert marks(ax, "o").size == 1
    assert abs(marks(ax, "o")[0] + 1) < 1e-3
    assert "4" in texts(ax)
    assert "4" not in texts(plot_poles_zeros([1 / 8] * 8))


@pytest.mark.parametrize(
    ("fs", "wanted"),
    [
        (48_000.0, ["0 Hz", "6k", "12k", "18k", "24k"]),
        (8000.0, ["0 Hz", "1k", "2k", "3k", "4k"]),
        (None, ["0", "0.125", "0.25", "0.375", "0.5"]),
    ],
)
def test_frequencies_stand_around_the_circle(fs: float | None, wanted: list[str]) -> None:
    assert texts(plot_poles_zeros(lti.FIR([1.0, 0.5], fs=fs)))[:5] == wanted
    assert texts(plot_poles_zeros([1.0, 0.5], fs=fs))[:5] == wanted


def test_poles_outside_are_red() -> None:
    ax = plot_poles_zeros(unstable())
    [poles] = [line for line in ax.lines if line.get_marker() == "x"]
    assert poles.get_color() == UNSTABLE
    [poles] = [line for line in plot_poles_zeros(butter()).lines if line.get_marker() == "x"]
    assert poles.get_color() == COLOURS[0]


def test_what_is_far_away_is_told() -> None:
    ax = plot_poles_zeros([1.0, -40.0, 0.0])
    assert ax.get_title(loc="right") == "1 beyond the picture, |z| up to 40"
    assert ax.get_xlim()[1] < 1.5
    far = plot_poles_zeros([1.0, -1.8])  # but not too far
    assert far.get_title(loc="right") == ""
    assert far.get_xlim()[1] > 1.8


def test_systems_are_told_by_their_colours() -> None:
    ax = plot_poles_zeros({"a": butter(), "b": [1.0, 0.5]})
    assert named(ax) == ["a", "b"]
    assert {line.get_color() for line in ax.lines if line.get_marker() == "o"} == set(COLOURS[:2])


def test_channels_without_as_many_roots() -> None:
    ax = plot_poles_zeros([[1.0, 0.5, 0.0], [1.0, 0.0, -0.25]])
    assert matched(marks(ax, "o"), np.array([-0.5, 0.5 + 0j])) or marks(ax, "o").size == 2


# --- all of them ----------------------------------------------------------------------------------

DRAWS = (plot_impulse_response, plot_step_response, plot_poles_zeros)


@pytest.mark.parametrize("draw", DRAWS)
def test_it_draws_where_it_is_told(draw: Any) -> None:
    _, ax = plt.subplots()
    assert draw(butter(), ax) is ax
    assert draw(butter(), ax=ax) is ax
    assert len(plt.get_fignums()) == 1
    with pytest.raises(TypeError, match=r"^ax=3 must be an Axes$"):
        draw(butter(), 3)


@pytest.mark.parametrize("draw", DRAWS)
def test_wrong_labels_and_rates_are_refused(draw: Any) -> None:
    with pytest.raises(ValueError, match="must be one label for each of the 2 systems"):
        draw([butter(), butter()], labels=["one"])
    with pytest.raises(lti.MismatchError, match="fs differs: argument 44100 Hz, system 48000 Hz"):
        draw(butter(), fs=44_100)
    with pytest.raises(ValueError, match="must hold at least one system"):
        draw({})


@pytest.mark.parametrize("draw", DRAWS)
def test_nothing_is_shown_or_changed(draw: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plt, "show", lambda *_, **__: pytest.fail("it calls show"))
    h = np.array([1.0, 0.5], np.float32)
    draw(h)
    assert h.tolist() == [1.0, 0.5]


PICTURES = {
    "stems": lambda: plot_impulse_response({"a": lti.FIR([1, 0.5]), "b": lti.FIR([0.5] * 8)}),
    "lines": lambda: plot_impulse_response([butter(), lti.FIR([0.1] * MOST_STEMS * 2)]),
    "step": lambda: plot_step_response(butter()),
    "plane": lambda: plot_poles_zeros({"a": butter(), "b": unstable()}),
    "zeros": lambda: plot_poles_zeros(lti.FIR(signal.firwin(21, 0.25), fs=48_000)),
}


@pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES)
def test_it_can_be_read_in_light_and_dark(draw: Any) -> None:
    readable(draw)
