"""Frequency responses as drawn: the numbers of the lines, the limits, comparisons, odd systems."""

import math
from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from pictures import crowded, lines, readable, texts, ticks
from scipy import signal

import ltisys as lti
from ltisys.plotting import COLOURS
from ltisys.response_plots import plot_response

RATES = (44_100.0, 48_000.0, 96_000.0)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def butter(fs: float | None = 48_000.0, cutoff: float = 1000.0, kind: str = "low") -> lti.IIR:
    return lti.IIR(signal.butter(4, cutoff, kind, fs=fs or 1.0, output="sos"), fs=fs)


def kaiser(fs: float = 48_000.0, cutoff: float = 4000.0) -> lti.FIR:
    """A linear-phase low-pass, its stopband 80 dB down from `cutoff` + 200 Hz on."""
    taps, beta = signal.kaiserord(80, 400 / (fs / 2))
    taps |= 1
    h = signal.firwin(taps, cutoff, window=("kaiser", beta), fs=fs)
    return lti.FIR(h, fs=fs, latency=(taps - 1) // 2)


def drawn(axes: Any, panel: int = 0, label: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The only line of a panel, or that with a label."""
    found = lines(axes[panel])
    if label is None:
        assert len(found) == 1
        return next(iter(found.values()))
    return found[label]


SYSTEMS = {
    "taps": lambda fs: lti.FIR([0.25, 0.5, 0.25], fs=fs),
    "FIR": kaiser,
    "long FIR": lambda fs: lti.FIR(0.99 ** np.arange(3000.0), fs=fs),
    "IIR": butter,
    "high-pass": lambda fs: butter(fs, 80.0, "high"),
    "low cutoff": lambda fs: butter(fs, 0.0005 * fs),
    "high cutoff": lambda fs: butter(fs, 0.499 * fs),
    "series": lambda fs: butter(fs) >> kaiser(fs),
    "sum": lambda fs: butter(fs) + 0.5 * lti.delay(40, fs=fs),
    "loop": lambda fs: lti.feedback(lti.gain(1), 0.5 * lti.delay(9)) >> lti.delay(1, fs=fs),
}


@pytest.mark.parametrize("fs", RATES)
@pytest.mark.parametrize("name", SYSTEMS)
def test_the_lines_are_the_response(name: str, fs: float) -> None:
    system = SYSTEMS[name](fs)
    axes = plot_response(system)
    freqs, level = drawn(axes)
    _, response = system.frequency_response(freqs)
    loud = np.abs(response) > 1e-6 * np.abs(response).max()
    np.testing.assert_allclose(level[loud], 20 * np.log10(np.abs(response[loud])), atol=1e-6)
    assert np.all(np.diff(freqs) >= 0)
    np.testing.assert_allclose(freqs[[0, -1]], [axes[0].get_xlim()[0], fs / 2], rtol=1e-9)
    freqs, degrees = drawn(axes, 1)
    kept = np.isfinite(degrees)
    wanted = np.angle(system.frequency_response(freqs[kept])[1], deg=True)
    wanted += 360 * freqs[kept] / fs * system.latency
    off = np.remainder(degrees[kept] - wanted + 180, 360) - 180
    assert np.abs(off).max() < 1e-3


@pytest.mark.parametrize("fs", RATES)
def test_linear_phase_is_flat_without_its_latency(fs: float) -> None:
    system = kaiser(fs)
    axes = plot_response(system)
    freqs, degrees = drawn(axes, 1)
    kept = np.isfinite(degrees) & (freqs < 3800)
    np.testing.assert_allclose(degrees[kept], 0, atol=1e-6)
    freqs, delay = drawn(axes, 2)
    kept = np.isfinite(delay)
    np.testing.assert_allclose(delay[kept], 1e3 * system.latency / fs, rtol=1e-6)
    assert axes[1].get_ylabel() == "phase in degrees"
    assert axes[2].get_ylabel() == "group delay in ms"
    # nothing is said of the phase of what nobody hears
    assert freqs[kept].max() < 4400


def test_phases_begin_at_0_hz() -> None:
    """Of band-passes alike those of their shapes, however many turns are below the picture."""
    for center in (31.5, 1000.0):
        edges = [center / 2**0.5, center * 2**0.5]
        sos = signal.butter(4, edges, "bandpass", fs=48_000, output="sos")
        freqs, degrees = drawn(plot_response(lti.IIR(sos, fs=48_000)), 1)
        kept = np.isfinite(degrees)
        # eight poles turn the phase from 360 degrees to -360: by a whole turn less each
        assert abs(degrees[kept][np.argmin(np.abs(freqs[kept] - center))] + 360) < 2


def test_phase_and_delay_of_one_pole() -> None:
    a = 0.9
    axes = plot_response(lti.IIR.from_ba([1 - a], [1, -a]))
    cycles, degrees = drawn(axes, 1)
    w = 2 * np.pi * cycles
    np.testing.assert_allclose(degrees, -np.rad2deg(np.angle(1 - a * np.exp(-1j * w))), atol=1e-9)
    cycles, delay = drawn(axes, 2)
    wanted = a * (np.cos(w) - a) / (1 - 2 * a * np.cos(w) + a * a)
    np.testing.assert_allclose(delay, wanted, atol=1e-9)
    assert axes[2].get_ylabel() == "group delay in frames"


def test_the_group_delay_is_that_of_scipy() -> None:
    system = butter()
    freqs, delay = drawn(plot_response(system), 2)
    kept = np.isfinite(delay)
    b, a = signal.butter(4, 1000, fs=48_000)
    with np.errstate(all="ignore"):
        _, wanted = signal.group_delay((b, a), freqs[kept], fs=48_000)
    np.testing.assert_allclose(delay[kept], wanted / 48, atol=1e-4)


@pytest.mark.parametrize("radius", [0.5, 0.99, 0.9999])
def test_notches_are_drawn_to_their_bottom(radius: float) -> None:
    """However long the response is, with zeros between all even spacings."""
    zero = np.exp(2j * np.pi * 1234.5678 / 48_000)
    pole = radius * zero
    system = lti.IIR.from_zpk([zero, zero.conj()], [pole, pole.conj()], 1.0, fs=48_000)
    freqs, level = drawn(plot_response(system))
    assert level.min() < -150
    assert abs(freqs[np.argmin(level)] - 1234.5678) < 1e-6


def test_an_elliptic_filter_is_seen_with_all_its_notches() -> None:
    system = lti.IIR(signal.ellip(6, 0.5, 60, 1000, fs=48_000, output="sos"), fs=48_000)
    axes = plot_response(system)
    freqs, level = drawn(axes)
    for zero in system.zeros[system.zeros.imag > 1e-6]:
        near = np.abs(freqs - np.angle(zero) * 24_000 / np.pi) < 1
        assert level[near].min() < -150
    assert -95 <= axes[0].get_ylim()[0] <= -80


# --- axes -----------------------------------------------------------------------------------------


def test_frequencies_run_from_20_hz_to_half_the_rate() -> None:
    for ax in plot_response(kaiser()):
        assert ax.get_xscale() == "log"
        assert ax.get_xlim() == (20.0, 24_000.0)
    shown = ["20", "50", "100", "200", "500", "1k", "2k", "5k", "10k", "20k"]
    assert list(ticks(ax.xaxis).values()) == shown
    assert ax.get_xlabel() == "frequency in Hz"
    low, high = plot_response(kaiser())[0].get_ylim()
    assert -115 <= low <= -100
    assert 0 < high <= 5


def test_without_a_rate_frequencies_are_cycles_a_frame() -> None:
    axes = plot_response([1 / 8] * 8)
    assert axes[0].get_xscale() == "linear"
    assert axes[0].get_xlim() == (0.0, 0.5)
    assert axes[2].get_xlabel() == "frequency in cycles a frame"
    assert plot_response([1 / 8] * 8, fs=48_000)[0].get_xlim() == (20.0, 24_000.0)


def test_a_linear_axis_starts_at_0() -> None:
    axes = plot_response(kaiser(), scale="linear")
    assert axes[0].get_xscale() == "linear"
    assert axes[0].get_xlim() == (0.0, 24_000.0)
    assert "5k" in ticks(axes[2].xaxis).values()


@pytest.mark.parametrize(
    "system",
    [
        lti.IIR.from_ba([1, -1], [1, -0.9995], fs=48_000),
        butter(cutoff=5.0),
        butter(cutoff=4.0, kind="high"),
    ],
)
def test_a_band_that_ends_below_20_hz_is_seen(system: lti.IIR) -> None:
    axes = plot_response(system)
    assert axes[0].get_xlim()[0] == 2.0
    freqs, level = drawn(axes)
    assert level[freqs < 20].max() - level[freqs < 20].min() > 3


def test_slow_systems_have_their_own_decades() -> None:
    assert plot_response(lti.FIR([0.5, 0.5], fs=100.0))[0].get_xlim() == (0.05, 50.0)


# --- several --------------------------------------------------------------------------------------


def test_several_systems_are_compared_on_the_same_axes() -> None:
    axes = plot_response({"four": butter(), "high": butter(kind="high"), "taps": [0.5, 0.5]})
    for ax in axes:
        assert list(lines(ax)) == ["four", "high", "taps"]
    first, second, third = axes[0].lines
    assert len({line.get_color() for line in axes[0].lines}) == 3
    assert first.get_color() == COLOURS[0] == axes[2].lines[0].get_color()
    # later lines are thinner, so that one on another is seen
    assert first.get_linewidth() > second.get_linewidth() > third.get_linewidth()
    [legend] = axes[0].figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["four", "high", "taps"]
    freqs, level = drawn(axes, 0, "taps")  # without a rate it takes the others'
    np.testing.assert_allclose(level, 20 * np.log10(np.cos(np.pi * freqs / 48_000)), atol=0.01)


def test_a_list_has_labels_of_its_own_or_ours() -> None:
    assert list(lines(plot_response([butter(), kaiser()])[0])) == ["system 0", "system 1"]
    axes = plot_response([butter(), kaiser()], labels=["a", "b$"])
    assert list(lines(axes[0])) == ["a", r"b\$"]
    assert list(lines(plot_response(butter(), labels="one")[0])) == ["one"]


def test_the_bands_of_a_bank_are_compared() -> None:
    bank = lti.octave_bank(fs=48_000)
    axes = plot_response(bank)
    assert list(lines(axes[0])) == [band.label for band in bank]
    for band, (freqs, level) in zip(bank, lines(axes[0]).values(), strict=True):
        assert abs(freqs[np.argmax(level)] / band.center_hz - 1) < 0.45


def test_each_rate_ends_at_its_own_half() -> None:
    axes = plot_response({"slow": butter(8000.0), "fast": butter(96_000.0)})
    assert drawn(axes, 0, "slow")[0].max() == 4000
    assert drawn(axes, 0, "fast")[0].max() == 48_000
    assert axes[0].get_xlim() == (20.0, 48_000.0)


def test_channels_have_lines_of_their_own() -> None:
    axes = plot_response(lti.FIR([[1.0, 0.0], [0.5, 0.5]], fs=8000))
    assert list(lines(axes[0])) == ["channel 0", "channel 1"]
    np.testing.assert_allclose(drawn(axes, 0, "channel 0")[1], 0, atol=1e-12)
    matrix = lti.FIR(np.eye(2)[:, :, None] * [1.0, 0.5], fs=8000)
    assert list(lines(plot_response(matrix)[0])) == ["0 to 0", "1 to 0", "0 to 1", "1 to 1"]


def test_of_many_rows_the_loudest_are_drawn() -> None:
    h = np.arange(1.0, 13.0)[:, None] * [1.0, 0.5]
    axes = plot_response(lti.FIR(h))
    assert list(lines(axes[0])) == [f"channel {c}" for c in range(4, 12)]
    assert axes[0].figure.legends[0].get_title().get_text() == "the loudest of 12"


def test_of_many_systems_none_is_left_out() -> None:
    bank = [butter(cutoff=100.0 * 2**k) for k in range(7)] * 2
    axes = plot_response(bank)
    assert list(lines(axes[0])) == [f"system {i}" for i in range(14)]
    assert not crowded(axes[0].figure)


# --- where it is drawn ----------------------------------------------------------------------------


def test_one_axes_takes_the_magnitude() -> None:
    _, ax = plt.subplots()
    assert plot_response([butter(), kaiser()], ax, labels=["a", "b"]) is ax
    assert ax.get_xlabel() == "frequency in Hz"
    assert ax.get_ylabel() == "level in dB"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
    assert len(plt.get_fignums()) == 1


def test_what_is_drawn_later_has_other_colours() -> None:
    _, ax = plt.subplots()
    plot_response(butter(), ax)
    plot_response(kaiser(), ax)
    assert [line.get_color() for line in ax.lines] == list(COLOURS[:2])


def test_dense_lines_are_thin() -> None:
    assert plot_response(room())[0].lines[0].get_linewidth() < 1
    for system in (butter(), kaiser(), lti.FIR([1.0])):
        for ax in plot_response(system):
            assert ax.lines[0].get_linewidth() == pytest.approx(1.5)


def test_three_axes_take_it_all() -> None:
    _, grid = plt.subplots(1, 3)
    assert list(plot_response(butter(), grid)) == list(grid)
    assert len(plt.get_fignums()) == 1
    for ax in (3, "abc", plt.subplots(2)[1]):
        with pytest.raises(TypeError, match=r"must be a sequence of one or three Axes$"):
            plot_response(butter(), ax)


# --- long responses -------------------------------------------------------------------------------


def room(frames: int = 48_000, channels: int | None = None) -> lti.FIR:
    n = np.arange(frames)
    return lti.FIR(lti.noise(frames, channels=channels) * 10 ** (-3 * n / frames), fs=48_000)


def test_long_responses_lose_no_peak_and_have_few_points() -> None:
    system = room()
    freqs, level = drawn(plot_response(system))
    assert freqs.size <= 3000
    grid, response = system.frequency_response(frames=8 * system.taps)
    heard = np.abs(response[grid >= 20])
    assert abs(level.max() - 20 * np.log10(heard.max())) < 0.05
    for low, high in ((100, 110), (5000, 5500)):
        here = np.abs(response[(grid > low) & (grid < high)]).max()
        assert abs(level[(freqs > low) & (freqs < high)].max() - 20 * np.log10(here)) < 1.5


def test_smoothing_keeps_the_power() -> None:
    flat = plot_response(lti.FIR([0.5], fs=48_000), smoothing_octaves=1 / 3)
    np.testing.assert_allclose(drawn(flat)[1], 20 * math.log10(0.5), atol=1e-9)
    system = room()
    freqs, level = drawn(plot_response(system, smoothing_octaves=1.0))
    # noise of power sum(h**2), whose mean over an octave around f has 2 f T / sqrt(2) free values
    wanted = 10 * np.log10(np.sum(system.h**2))
    assert np.abs(level[(freqs > 1000) & (freqs < 10_000)] - wanted).max() < 1.0
    # within the octave around it, a delay has the same delay
    late = plot_response(lti.delay(480, fs=48_000), smoothing_octaves=1 / 6)
    np.testing.assert_allclose(drawn(late, 2)[1], 10.0, rtol=1e-9)


def test_a_long_delay_is_unwrapped() -> None:
    freqs, degrees = drawn(plot_response(lti.delay(5000, fs=48_000)), 1)
    np.testing.assert_allclose(degrees, -360 * freqs * 5000 / 48_000, rtol=1e-6)


# --- odd systems ----------------------------------------------------------------------------------


def test_an_unstable_system_is_dotted_and_says_so() -> None:
    bad = lti.IIR.from_ba([1], [1, -1.5, 1.1], fs=8000)
    axes = plot_response([bad, butter(8000.0)], labels=["bad", "good"])
    assert [line.get_linestyle() for line in axes[0].lines] == [":", "-"]
    assert list(lines(axes[0])) == ["bad, unstable", "good"]


def test_silence_is_said() -> None:
    axes = plot_response(lti.gain(0))
    assert texts(axes[0]) == ["silence"]
    assert np.isnan(drawn(axes, 1)[1]).all()


def test_a_complex_response_has_both_sides() -> None:
    h = np.exp(2j * np.pi * 0.1 * np.arange(30)) / 30
    axes = plot_response(lti.FIR(h))
    cycles, level = drawn(axes)
    assert axes[0].get_xlim() == (-0.5, 0.5)
    assert abs(cycles[np.argmax(level)] - 0.1) < 1e-3


def test_a_pole_on_the_circle_is_drawn() -> None:
    axes = plot_response(lti.IIR.from_ba([1], [1, -1]))  # at 0 cycles a frame
    assert np.isfinite(axes[0].get_ylim()).all()
    axes[0].figure.canvas.draw()


def small() -> Any:
    return plt.subplots(figsize=(5, 3), layout="constrained")[1]


PICTURES = {
    "one": lambda: plot_response(kaiser()),
    "three": lambda: plot_response({"Butterworth": butter(), "a longer name": kaiser(), "x": [1]}),
    "room": lambda: plot_response(room(channels=2)),
    "cycles": lambda: plot_response(lti.FIR([1.0] * 8)),
    "small": lambda: plot_response([butter(), kaiser()], small()),
}


@pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES)
def test_it_can_be_read_in_light_and_dark(draw: Any) -> None:
    readable(draw)


def test_it_shows_nothing_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plt, "show", lambda *_, **__: pytest.fail("it calls show"))
    h = np.array([1.0, 0.5])
    axes = plot_response(h)
    assert h.tolist() == [1.0, 0.5]
    assert not crowded(axes[0].figure)
