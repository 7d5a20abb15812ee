"""Waveforms, decays and spectrograms as drawn."""

import math
from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from pictures import lines, named, readable, texts, ticks

import ltisys as lti
from ltisys import levels
from ltisys.sound_plots import plot_decay, plot_spectrogram, plot_waveform

RATES = (44_100.0, 48_000.0, 96_000.0)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def decaying(rt60_s: float, fs: float, length_s: float = 2.0, seed: int = 0) -> np.ndarray:
    n = np.arange(round(length_s * fs))
    return np.asarray(lti.noise(n.size, seed=seed) * 10 ** (-3 * n / (rt60_s * fs)))


# --- waveforms ------------------------------------------------------------------------------------


def test_a_short_sound_is_a_line() -> None:
    x = lti.tone(440, length_s=0.01, fs=48_000)
    ax = plot_waveform(x, fs=48_000)
    [line] = [line for line in ax.lines if len(line.get_xdata()) > 2]
    np.testing.assert_allclose(line.get_xdata(), np.arange(x.size) / 48)
    np.testing.assert_array_equal(line.get_ydata(), x)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time in ms", "amplitude")
    low, high = ax.get_ylim()
    assert low == -high


def test_a_long_sound_is_its_extremes_and_its_rms() -> None:
    fs = 48_000
    x = 0.5 * lti.tone(1000, length_s=2.0, fs=fs)
    x[12_345] = 0.9
    ax = plot_waveform(x, fs=fs)
    outer, inner = ax.collections
    assert outer.get_paths()[0].vertices[:, 1].max() == 0.9
    assert abs(outer.get_paths()[0].vertices[:, 1].min() + 0.5) < 1e-3
    # a column of 64 frames holds 1.3 periods: its RMS is within a third of 0.5 / sqrt(2)
    heights = inner.get_paths()[0].vertices[:, 1]
    assert abs(np.median(heights[heights > 0]) - 0.5 / math.sqrt(2)) < 0.1
    assert ax.get_xlabel() == "time in s"
    assert ax.get_xlim()[0] == 0


def test_channels_have_lanes() -> None:
    x = np.array([[0.0, 0.5, 0.0], [0.25, 0.0, -0.5]])
    ax = plot_waveform(x)
    first, second = [line.get_ydata() for line in ax.lines if len(line.get_xdata()) == 3]
    np.testing.assert_array_equal(first, x[0])
    np.testing.assert_array_equal(second, x[1] - 2 * 0.5)
    assert texts(ax) == ["channel 0", "channel 1"]
    assert list(ticks(ax.yaxis).values()) == ["0.38", "0", "\u22120.38"] * 2
    assert ax.get_xlabel() == "time in frames"


def test_bad_samples_are_gaps() -> None:
    x = np.array([0.0, np.nan, 0.5, np.inf, 0.25])
    ax = plot_waveform(x)
    [line] = [line for line in ax.lines if len(line.get_xdata()) == 5]
    np.testing.assert_array_equal(line.get_ydata(), [0.0, np.nan, 0.5, np.nan, 0.25])
    long = lti.tone(100, length_s=1.0, fs=8000)
    long[2000:3000] = np.nan
    plot_waveform(long).figure.canvas.draw()
    plot_waveform(np.zeros(5)).figure.canvas.draw()
    plot_waveform(np.full(5000, np.nan)).figure.canvas.draw()


# --- decays ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("fs", RATES)
@pytest.mark.parametrize("rt60_s", [0.3, 1.0, 2.5])
def test_an_exponential_decay_is_a_straight_line(rt60_s: float, fs: float) -> None:
    n = np.arange(round(2 * rt60_s * fs))
    h = 10 ** (-3 * n / (rt60_s * fs))  # without noise: the curve is a line but for its end
    ax = plot_decay(h, fs=fs)
    curve, dashed = ax.lines[:2]
    time, level = map(np.asarray, curve.get_data())
    seen = level > -60
    unit = {"time in s": 1.0, "time in ms": 1e3}[ax.get_xlabel()]
    time = time / unit
    np.testing.assert_allclose(level[seen], -60 * time[seen] / rt60_s, atol=0.02)
    assert dashed.get_linestyle() == "--"
    (x0, x1), (y0, y1) = np.asarray(dashed.get_data()) / [[unit], [1]]
    assert abs((y1 - y0) / (x1 - x0) * rt60_s + 60) < 0.05
    assert abs(y0 - -60 * x0 / rt60_s) < 0.05
    [told] = named(ax)
    number, word = told.removeprefix("RT60 ").split()
    assert abs(float(number) * (1e-3 if word == "ms" else 1) / rt60_s - 1) < 0.01


def test_the_time_is_that_of_levels() -> None:
    h = decaying(0.8, 48_000)
    want = levels.decay_time(h, fs=48_000)
    assert want is not None
    assert named(plot_decay(h, fs=48_000)) == [f"RT60 {want * 1e3:.0f} ms"]


def test_the_line_goes_through_what_it_is_fitted_to() -> None:
    n = np.arange(96_000)
    bent = np.sqrt(10 ** (-6 * n / 24_000) + 1e-4 * 10 ** (-6 * n / 96_000))
    direct = 0.01 * 10 ** (-3 * n / 48_000)
    direct[0] = 1.0  # most of the energy: the curve falls at once, and the line starts below
    for h, start in ((bent, 0.0), (direct, -5.9)):
        curve, dashed = plot_decay(h, fs=48_000).lines[:2]
        time, level = map(np.asarray, curve.get_data())
        (x0, x1), (y0, y1) = dashed.get_data()
        slope = (y1 - y0) / (x1 - x0)
        fit = (level <= -5) & (level >= -35)
        fit[0] = False
        line = y0 + (time[fit] - x0) * slope
        assert abs(np.mean(level[fit] - line)) < 0.1
        assert np.abs(level[fit] - line).max() < 3
        assert abs(y0 - x0 * slope - start) < 1.0


def test_levels_run_to_what_matters() -> None:
    ax = plot_decay(decaying(0.5, 48_000), fs=48_000)
    assert ax.get_ylim() == (-75.0, 3.0)
    assert ax.get_ylabel() == "level in dB"
    assert "\u221260" in ticks(ax.yaxis).values()
    assert ax.get_xlabel() == "time in ms"
    assert plot_decay(decaying(1.5, 48_000), fs=48_000).get_xlabel() == "time in s"


def test_time_starts_at_the_direct_sound() -> None:
    h = np.concatenate([np.zeros(4800), decaying(0.5, 48_000)])
    late, early = (plot_decay(x, fs=48_000).lines[0].get_data() for x in (h, h[4800:]))
    np.testing.assert_allclose(late[1][:50], early[1][:50], atol=1e-6)


def test_several_are_compared_and_told_apart() -> None:
    rooms = {"hall": decaying(2.0, 48_000, 4.0), "booth": decaying(0.2, 48_000)}
    ax = plot_decay(rooms, fs=48_000)
    hall, booth = named(ax)
    assert hall.startswith("hall: RT60 ")
    assert booth.startswith("booth: RT60 ")
    stereo = plot_decay(lti.FIR(np.stack([decaying(0.4, 8000, seed=s) for s in (1, 2)]), fs=8000))
    assert [name.partition(":")[0] for name in named(stereo)] == ["channel 0", "channel 1"]


def test_without_a_decay_or_a_rate() -> None:
    assert named(plot_decay([1.0, 0.5, 0.2])) == ["no decay to fit"]
    ax = plot_decay(10 ** (-3 * np.arange(20_000) / 10_000))
    assert named(ax) == ["RT60 10,000 frames"]
    assert ax.get_xlabel() == "time in frames"
    plot_decay(np.zeros(100)).figure.canvas.draw()


def test_a_response_that_grows_is_refused() -> None:
    bad = lti.IIR.from_ba([1], [1, -1.5, 1.1], fs=8000)
    with pytest.raises(ValueError, match=r"^ir must die away, but it is not stable: a pole of"):
        plot_decay(bad)
    with pytest.raises(ValueError, match=r"^x must die away, but it is not stable"):
        plot_spectrogram(bad)


def test_a_reverb_of_loops_has_a_decay() -> None:
    comb = lti.feedback(lti.gain(1), 0.8 * lti.delay(1500, fs=48_000))
    [told] = named(plot_decay(comb))
    rt60 = 60 / (-20 * math.log10(0.8)) * 1500 / 48_000
    assert abs(float(told.split()[1]) * (1e-3 if "ms" in told else 1) / rt60 - 1) < 0.05


# --- spectrograms ---------------------------------------------------------------------------------


def mesh(ax: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The edges of columns and rows, and the levels between them."""
    [found] = ax.collections
    corners = found.get_coordinates()
    return corners[0, :, 0], corners[:, 0, 1], np.asarray(found.get_array())


@pytest.mark.parametrize("fs", RATES)
@pytest.mark.parametrize("scale", ["log", "linear"])
def test_a_sine_of_amplitude_1_reads_0_db_at_its_frequency(fs: float, scale: Any) -> None:
    freq = 32 * fs / 2048
    ax = plot_spectrogram(lti.tone(freq, length_s=1.0, fs=fs), fs=fs, nfft=2048, scale=scale)
    _, edges, level = mesh(ax)
    middle = level[:, level.shape[1] // 2]
    assert abs(middle.max()) < 0.01
    row = int(np.argmax(middle))
    spacing = fs / 2048
    assert edges[row] - spacing <= freq <= edges[row + 1] + spacing
    # far away there is nothing but the window's side lobes
    far = (edges[:-1] > 3 * freq) | (edges[1:] < freq / 3)
    assert middle[far].max() < -60


def test_the_amplitude_of_0_hz_and_of_half_the_rate() -> None:
    n = np.arange(8000)
    for x in (np.ones(8000), (-1.0) ** n):
        _, _, level = mesh(plot_spectrogram(x, fs=8000, nfft=256, scale="linear"))
        assert abs(level[:, level.shape[1] // 2].max()) < 0.01


def test_time_and_frequency_have_their_units() -> None:
    x = lti.sweep(50, 5000, length_s=1.5, fs=16_000)
    ax = plot_spectrogram(x, fs=16_000)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time in s", "frequency in Hz")
    assert ax.get_xlim() == (0.0, 1.5)
    assert ax.get_ylim() == (20.0, 8000.0)
    assert ax.get_yscale() == "log"
    assert list(ticks(ax.yaxis).values()) == ["20", "50", "100", "200", "500", "1k", "2k", "5k"]
    ax = plot_spectrogram(x)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time in frames", "frequency in cycles a frame")
    assert ax.get_ylim() == (0.0, 0.5)
    assert ax.get_yscale() == "linear"


def test_a_sweep_is_where_it_is() -> None:
    fs, start, stop = 16_000, 50, 5000
    ax = plot_spectrogram(lti.sweep(start, stop, length_s=2.0, fs=fs), fs=fs)
    times, edges, level = mesh(ax)
    for k in range(len(times) // 4, 3 * len(times) // 4, 20):
        t = (times[k] + times[k + 1]) / 2
        want = start * (stop / start) ** (t / 2.0)
        row = int(np.argmax(level[:, k]))
        # one window of 1/25 s holds 0.13 octave of the sweep
        assert 0.85 < edges[row] / want < 1.15


def test_the_colour_bar_runs_over_the_range_asked_for() -> None:
    x = 0.5 * lti.tone(1000, length_s=1.0, fs=8000)
    for range_db in (80, 40):
        ax = plot_spectrogram(x, fs=8000, range_db=range_db)
        bar = ax.figure.axes[1]
        assert bar.get_ylabel() == "level in dB"
        low, high = ax.collections[0].get_clim()
        assert high - low == range_db
        assert abs(high - 20 * math.log10(0.5)) < 0.1
        assert bar.get_ylim() == (low, high)


def test_a_click_in_a_long_sound_is_seen() -> None:
    x = np.zeros(48_000 * 60)
    x[1_234_567] = 1.0
    times, _, level = mesh(plot_spectrogram(x, fs=48_000))
    assert level.shape[1] <= 1000
    column = int(np.argmax(level.max(axis=0)))
    assert times[column] <= 1_234_567 / 48_000 + 0.05
    assert times[column + 1] >= 1_234_567 / 48_000 - 0.05
    loud = np.flatnonzero(level.max(axis=0) > level.max() - 1)
    assert loud.max() - loud.min() <= 2
    _, _, short = mesh(plot_spectrogram(x[1_200_000:1_260_000], fs=48_000))
    assert abs(level.max() - short.max()) < 0.5


def test_channels_are_averaged_and_systems_sound() -> None:
    x = lti.tone(1000, length_s=1.0, fs=8000)
    _, _, level = mesh(plot_spectrogram(np.stack([x, 0 * x]), fs=8000, nfft=256))
    assert abs(level.max() + 10 * math.log10(2)) < 0.1
    room = lti.FIR(decaying(0.5, 8000), fs=8000)
    np.testing.assert_array_equal(
        mesh(plot_spectrogram(room))[2], mesh(plot_spectrogram(room.h, fs=8000))[2]
    )


@pytest.mark.parametrize("x", [[1.0], [1.0, 0.5], np.zeros(5000), np.full(100, np.nan)], ids=len)
def test_odd_sounds_are_drawn_all_the_same(x: Any) -> None:
    for fs in (None, 8000, 48_000):
        plot_spectrogram(x, fs=fs).figure.canvas.draw()
        plot_spectrogram(x, fs=fs, scale="linear", nfft=7).figure.canvas.draw()


# --- all of them ----------------------------------------------------------------------------------


@pytest.mark.parametrize("draw", [plot_waveform, plot_decay, plot_spectrogram])
def test_it_draws_where_it_is_told(draw: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plt, "show", lambda *_, **__: pytest.fail("it calls show"))
    _, ax = plt.subplots()
    x = decaying(0.5, 8000)
    kept = x.copy()
    assert draw(x, ax, fs=8000) is ax
    np.testing.assert_array_equal(x, kept)
    assert len(plt.get_fignums()) == 1
    with pytest.raises(TypeError, match=r"^ax=3 must be an Axes$"):
        draw(x, 3)
    with pytest.raises(lti.MismatchError, match="fs differs: argument 44100 Hz, system 8000 Hz"):
        draw(lti.FIR(x, fs=8000), fs=44_100)


@pytest.mark.parametrize("draw", [plot_waveform, plot_spectrogram])
def test_what_is_no_sound_is_refused(draw: Any) -> None:
    with pytest.raises(ValueError, match=r"^x is empty"):
        draw([])
    with pytest.raises(ValueError, match=r"must be a real sound, .*; got complex128"):
        draw([1j])
    with pytest.raises(ValueError, match=r"must be a real sound"):
        draw(np.ones((2, 2, 2)))
    with pytest.raises(ValueError, match=r"did you mean x\.T\?"):
        draw(np.ones((5000, 2)))


def test_what_is_no_range_is_refused() -> None:
    for options in ({"range_db": 0}, {"scale": "mel"}, {"nfft": 1}, {"fs": 0}):
        with pytest.raises(ValueError, match=f"^{next(iter(options))}="):
            plot_spectrogram([1.0, 0.5], **options)


PICTURES = {
    "waveform": lambda: plot_waveform(decaying(0.5, 48_000), fs=48_000),
    "lanes": lambda: plot_waveform(lti.noise(100, channels=3)),
    "decay": lambda: plot_decay(decaying(0.5, 48_000), fs=48_000),
    "decays": lambda: plot_decay({"a": decaying(2.0, 8000, 4.0), "b": [1.0, 0.5]}, fs=8000),
    "log": lambda: plot_spectrogram(decaying(0.5, 48_000), fs=48_000),
    "linear": lambda: plot_spectrogram(decaying(0.5, 48_000), fs=48_000, scale="linear"),
    "cycles": lambda: plot_spectrogram(lti.noise(5000, color="pink")),
}


@pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES)
def test_it_can_be_read_in_light_and_dark(draw: Any) -> None:
    readable(draw)


def test_lines_have_no_labels_of_their_own() -> None:
    assert all(
        name.startswith("_") or "RT60" in name for name in lines(plot_decay(decaying(1, 8000)))
    )
