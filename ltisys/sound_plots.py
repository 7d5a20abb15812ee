"""pictures of sound: waveform, decay, spectrogram"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ltisys import _checks, levels, spectra
from ltisys._types import Array
from ltisys.plotting import (
    COLOURS,
    COLUMNS,
    LEGEND,
    MOST_LINES,
    QUIET,
    drawable,
    extremes,
    grid,
    named,
    one_axes,
    pieces,
    plain,
    rows_of,
)
from ltisys.scales import Scale, db_axis, hz_axis, seconds, time_axis
from ltisys.systems import System

__all__ = ["plot_decay", "plot_spectrogram", "plot_waveform"]

WIDTH, HEIGHT, LANE = 7.5, 3.2, 1.5  # inches: of a picture, of one with one channel, of a lane
DECAY = (7.5, 4.2)
MOST_FRAMES = 1 << 21
"""Of a response that sounds on for longer, no more is computed for a picture."""
DEPTH_DB, HEADROOM_DB = 75.0, 3.0
"""Of a decay: what a reverberation time is about, and a little more."""
WINDOW_S = 0.04
"""Of a spectrogram: 25 Hz apart, and a syllable is told from the next."""
MOST_COLUMNS, BANDS = 1000, 320
"""Of a spectrogram, at the most: about as many as a page has dots."""
PIECE = 1 << 22
"""Samples transformed at once, about."""
FEWEST_COLUMNS = 300
LOWEST_HZ = 20.0


def _sound(x: Any, fs: float | None) -> tuple[Array, float | None]:
    """Return a sound, or a system's response, as an array of one or two axes, and its rate."""
    if isinstance(x, System):
        fs = _checks.same_rate(fs, x.fs, names=("argument", "system"))
        x = _response(x, "x")
        x = x.reshape(-1, x.shape[-1]) if x.ndim > 2 else x
    x = _checks.nonempty("x", _checks.numeric("x", x))
    if x.ndim > 2 or x.dtype.kind == "c":
        raise ValueError(
            f"x must be a real sound, (frames,) or (channels, frames); got {x.dtype}, "
            f"x.shape={x.shape}"
        )
    _checks.channels_last_guard("x", x)
    if fs is not None:
        fs = _checks.number("fs", fs, above=0, unit=" in Hz")
    return drawable(x.astype(np.float64)), fs


def _response(system: System, name: str) -> Array:
    if not system.stable:
        raise ValueError(f"{name} must die away, but {system.endless()}")
    frames = MOST_FRAMES if system.extent is None else min(system.extent, MOST_FRAMES)
    return system.impulse_response(frames)


# --- waveform -------------------------------------------------------------------------------------


def plot_waveform(x: Any, ax: Any = None, *, fs: float | None = None) -> Any:
    """Draw a sound against time, a lane for each channel.

    Parameters
    ----------
    x : array_like or System
        Sound, shape (frames,) or (channels, frames); of a system its impulse response.
    ax : Axes, optional
        Where to draw; by default a new figure.
    fs : float, optional
        Rate in Hz; without it time is in frames.

    Returns
    -------
    Axes
        Amplitude against time. Of several channels the first is at the top; lane c is drawn around
        ``-2 p c``, p the peak of all channels.

    Raises
    ------
    ValueError, TypeError
        For an empty, a complex, or a sound of more than two axes, another `ax`.
    MismatchError
        If a system has another rate than `fs`.

    Notes
    -----
    Long sounds are drawn as the extremes in 1500 columns, and darker their RMS: as many frames as
    a column has. NaN and infinities are gaps.

    Examples
    --------
    >>> import ltisys as lti
    >>> ax = lti.plot_waveform(lti.tone(440, length_s=0.5, fs=48000), fs=48000)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('time in ms', 'amplitude')
    """
    sound, fs = _sound(x, fs)
    rows = np.atleast_2d(sound)
    channels, frames = rows.shape
    ax = one_axes(ax, (WIDTH, max(HEIGHT, LANE * channels)))
    size = float(np.nanmax(np.abs(rows), initial=0.0)) or 1.0
    frame, unit = time_axis(frames, fs)
    time = np.arange(frames) * frame
    for c, row in enumerate(rows):
        middle = -2 * size * c
        ax.axhline(middle, color=QUIET, linewidth=0.8, zorder=0)
        _draw_lane(ax, time, row, middle, COLOURS[c % len(COLOURS)])
    ax.set_xlim(0, max(time[-1], frame))
    if channels == 1:
        ax.set_ylim(-1.08 * size, 1.08 * size)
        ax.set_ylabel("amplitude")
    else:
        ticks = [size * (shift - 2 * c) for c in range(channels) for shift in (0.75, 0, -0.75)]
        shown = f"{0.75 * size:.2g}"
        ax.set_yticks(ticks, [shown, "0", f"\N{MINUS SIGN}{shown}"] * channels, fontsize="small")
        ax.set_ylim(-2 * size * (channels - 0.5) * 1.02, 1.04 * size)
        for c in range(channels):
            ax.text(
                1.01, -2 * size * c, f"channel {c}", transform=ax.get_yaxis_transform(),
                color=COLOURS[c % len(COLOURS)], rotation=-90, va="center", fontsize="small",
            )  # fmt: skip
        ax.set_ylabel("amplitude")
    ax.set_xlabel(f"time in {unit}")
    grid(ax)
    return ax


def _draw_lane(ax: Any, time: Array, row: Array, middle: float, colour: str) -> None:
    """Draw one channel around a level: a line, or where it is long its extremes and its RMS."""
    if row.size <= 2 * COLUMNS:
        ax.plot(time, row + middle, color=colour, linewidth=1.1)
        return
    starts = pieces(time)
    low, high = np.fmin.reduceat(row, starts), np.fmax.reduceat(row, starts)
    counts = np.diff(np.append(starts, row.size))
    rms = np.sqrt(np.add.reduceat(np.square(np.nan_to_num(row)), starts) / counts)
    at = time[starts + counts // 2]
    ax.fill_between(at, middle + low, middle + high, color=colour, alpha=0.5, linewidth=0.3)
    ax.fill_between(at, middle - rms, middle + rms, color=colour, linewidth=0)


# --- decay ----------------------------------------------------------------------------------------


def plot_decay(
    ir: Any, ax: Any = None, *, labels: Sequence[str] | str | None = None, fs: float | None = None
) -> Any:
    """Draw how responses decay: Schroeder's curve in dB, and the line that gives their RT60.

    Parameters
    ----------
    ir : System, array_like, or a sequence or mapping of them
        One system or an array of taps; ``[a, b]`` or ``{"label": a, "other": b}`` to compare.
    ax : Axes, optional
        Where to draw; by default a new figure.
    labels : sequence of str, optional
        A name for each response.
    fs : float, optional
        Rate in Hz of what has none; without one time is in frames.

    Returns
    -------
    Axes
        Level in dB against time from the direct sound. Each curve has a dashed line fitted to it,
        and its reverberation time in the legend. Under a single one, faint, the response itself.

    Raises
    ------
    ValueError, TypeError
        For labels that are not as many as responses, another `ax`, an unstable system.
    MismatchError
        If a system has another rate than `fs`.

    Notes
    -----
    The curve at t is the energy that is still to come, ``sum_(n >= t) h[n]**2``, relative to all
    of it. The line is fitted between -5 and -35 dB (-25 dB if the curve falls no deeper), as by
    `ltisys.levels.decay_time`; without such a decay there is none.

    References
    ----------
    M. Schroeder, "New method of measuring reverberation time", JASA 37, 1965.
    ISO 3382-1:2009, section 5.3.3.

    Examples
    --------
    >>> import ltisys as lti
    >>> ax = lti.plot_decay(10 ** (-3 * np.arange(48000) / 24000), fs=48000)
    >>> ax.get_legend().get_texts()[0].get_text()
    'RT60 500 ms'
    """
    systems = named(ir, labels, fs)
    found = [
        _Decay(", ".join(filter(None, (one.label, name))), row, one.fs)
        for one in systems
        for name, row in rows_of(np.abs(_response(one.system, "ir"))).items()
    ]
    hidden = len(found) - MOST_LINES if len(systems) == 1 else 0
    found = found[: len(found) - max(hidden, 0)]
    ax = one_axes(ax, DECAY)
    rate = systems[0].fs
    last = max(curve.end / (curve.fs or 1.0) for curve in found)
    second, unit = time_axis(last * (rate or 1.0), rate)
    second *= rate or 1.0  # how long it is on the axis
    for i, curve in enumerate(found):
        style = {"color": COLOURS[i % len(COLOURS)], "zorder": 3 - i / len(found)}
        frame = second / (curve.fs or 1.0)
        px, py = extremes(np.arange(curve.level.size) * frame, curve.level)
        ax.plot(px, py, linewidth=2.2 - i / len(found), label=plain(curve.told), **style)
        if curve.rt60 is not None:
            down = np.array([0.0, -DEPTH_DB])
            across = (down - curve.start) * curve.rt60 * second / -60
            ax.plot(across, down, "--", linewidth=1.1, alpha=0.8, **style)
        if len(found) == 1:
            size = np.maximum(levels.db(curve.row / (curve.row.max() or 1.0)), -400.0)
            px, py = extremes(np.arange(size.size) * frame, size)
            ax.plot(px, py, color=QUIET, linewidth=0.6, alpha=0.45, zorder=1)
    ax.axhline(-60, color=QUIET, linestyle=":", linewidth=1, zorder=1)
    ax.set_xlim(0, last * second * 1.02)
    db_axis(ax.yaxis, -DEPTH_DB, HEADROOM_DB, "level in dB")
    ax.set_xlabel(f"time in {unit}")
    grid(ax)
    title = f"the first {MOST_LINES} of {hidden + MOST_LINES}" if hidden > 0 else None
    ax.legend(loc="upper right", title=title, **LEGEND)
    return ax


class _Decay:
    """The decay of one row from the direct sound on."""

    def __init__(self, label: str, row: Array, fs: float | None) -> None:
        self.fs = fs
        self.row = row[levels.onset(row) :]
        remaining = np.cumsum(np.square(self.row, dtype=np.float64)[::-1])[::-1]
        level = levels.db(np.sqrt(remaining / (remaining[0] or 1.0)))
        self.level: Array = np.maximum(level, -400.0)
        deep = np.flatnonzero(self.level < -DEPTH_DB)
        self.end = int(deep[0]) + 1 if deep.size else self.level.size
        """Frames until it leaves the picture."""
        self.rt60 = levels.decay_time(row, fs=fs or 1.0)
        """In seconds, or frames; None where there is no decay to fit."""
        self.start = 0.0
        """The level of the line at time 0."""
        told = "no decay to fit"
        if self.rt60 is not None:
            told = f"RT60 {seconds(self.rt60) if fs else f'{self.rt60:,.0f} frames'}"
            for lowest in (-35.0, -25.0):  # the line whose slope it is
                fit = np.flatnonzero((self.level <= -5.0) & (self.level >= lowest))
                slope, self.start = map(float, np.polyfit(fit, self.level[fit], 1))
                if math.isclose(-60 / slope / (fs or 1.0), self.rt60, rel_tol=1e-6):
                    break
        self.told = ": ".join(filter(None, (label, told)))


# --- spectrogram ----------------------------------------------------------------------------------


def plot_spectrogram(
    x: Any,
    ax: Any = None,
    *,
    fs: float | None = None,
    nfft: int | None = None,
    range_db: float = 80,
    scale: Scale = "log",
) -> Any:
    """Draw the level of a sound over time and frequency.

    Parameters
    ----------
    x : array_like or System
        Sound, shape (frames,) or (channels, frames), whose mean power is drawn; of a system its
        impulse response.
    ax : Axes, optional
        Where to draw; by default a new figure.
    fs : float, optional
        Rate in Hz; without it time is in frames, and frequency in cycles a frame.
    nfft : int, optional
        Frames a window; by default about 40 ms, or 1024 frames.
    range_db : float
        Levels so far below the loudest are drawn; the rest is as dark as silence.
    scale : {"log", "linear"}
        Of the frequencies. Without a rate they are linear.

    Returns
    -------
    Axes
        With a colour bar in dB, 0 dB being a sine of amplitude 1.

    Raises
    ------
    ValueError, TypeError
        For an empty, a complex, or a sound of more than two axes, a range of 0 dB, an unknown
        scale, another `ax`.
    MismatchError
        If a system has another rate than `fs`.

    Notes
    -----
    Hann windows that overlap by three quarters or more. Where a picture has fewer columns or rows
    than there are windows and frequencies, each shows the loudest of its own, so that no click and
    no tone is lost. NaN and infinities are silence.

    References
    ----------
    G. Heinzel, A. Ruediger and R. Schilling, "Spectrum and spectral density estimation by the
    Discrete Fourier transform (DFT)", 2002, section 9: the scale of a windowed spectrum.

    Examples
    --------
    >>> import ltisys as lti
    >>> ax = lti.plot_spectrogram(lti.sweep(50, 5000, length_s=1.0, fs=16000), fs=16000)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('time in s', 'frequency in Hz')
    """
    sound, fs = _sound(x, fs)
    rows = np.nan_to_num(np.atleast_2d(sound))
    frames = rows.shape[1]
    _checks.choice("scale", scale, Scale)
    range_db = _checks.number("range_db", range_db, above=0, unit=" in dB")
    if nfft is None:
        wanted = 1024 if fs is None else WINDOW_S * fs
        nfft = min(1 << max(4, round(math.log2(wanted))), max(16, frames))
    nfft = _checks.integer("nfft", nfft, least=2)
    ax = one_axes(ax, DECAY)
    log = scale == "log" and fs is not None
    power, hop = _power(rows, nfft, log)
    high = fs / 2 if fs else 0.5
    spacing = high / (power.shape[0] - 1)
    low = 0.0
    if log:
        low = LOWEST_HZ if high >= 200 * LOWEST_HZ else high / 1000
    edges, bands = _bands(power, spacing, low, high, log)
    level = 10 * np.log10(np.maximum(bands, 1e-40))
    frame, unit = time_axis(frames, fs)
    times = (np.arange(power.shape[1] + 1) - 0.5) * hop * frame
    top = max(float(level.max()), -390.0)
    mesh = ax.pcolormesh(
        times, edges, level, cmap="magma", vmin=top - range_db, vmax=top, rasterized=True
    )
    hz_axis(ax.yaxis, low, high, "log" if log else "linear", "Hz" if fs else "cycles a frame")
    ax.set_xlim(0, frames * frame)
    ax.set_xlabel(f"time in {unit}")
    bar = ax.get_figure().colorbar(mesh, ax=ax, pad=0.02)
    db_axis(bar.ax.yaxis, top - range_db, top, "level in dB")
    bar.outline.set_visible(False)
    return ax


def _power(rows: Array, nfft: int, fine: bool) -> tuple[Array, float]:
    """Return the mean power of all channels, (frequencies, columns), and the frames a column.

    Column c shows the sound around frame ``c hop``. A sine of amplitude 1 has power 1. A `fine` one
    has more frequencies, between those of the window.
    """
    channels, frames = rows.shape
    hop = max(1, min(nfft // 4, frames // FEWEST_COLUMNS))
    windows = -(-frames // hop) + 1
    each = -(-windows // MOST_COLUMNS)  # windows of which a column is the loudest
    columns = -(-windows // each)
    points = 2 * (nfft // 2) * (4 if fine and each <= 4 else 1)
    turn = 2 * np.pi * (np.arange(nfft) + 0.5) / nfft
    window = 0.5 - 0.5 * np.cos(turn)
    window *= 2 / window.sum()
    padded = np.pad(rows, ((0, 0), (nfft // 2, max(0, nfft + hop * each * columns - frames))))
    views = np.lib.stride_tricks.sliding_window_view(padded, nfft, axis=-1)[:, ::hop]
    power = np.empty((columns, points // 2 + 1))
    step = max(1, PIECE // (points * each * channels))
    for first in range(0, columns, step):
        last = min(first + step, columns)
        piece = views[:, first * each : last * each] * window
        square = np.square(np.abs(spectra.forward_real(piece, points))).mean(axis=0)
        power[first:last] = square.reshape(last - first, each, -1).max(axis=1)
    power[:, [0, -1]] /= 4  # 0 Hz and fs / 2 have no mirror image
    return power.T, float(hop * each)


def _bands(power: Array, spacing: float, low: float, high: float, log: bool) -> tuple[Array, Array]:
    """Return the edges of the rows of a picture, and each row's power: the loudest in its band."""
    count = power.shape[0]
    if not log and count <= 2 * BANDS:
        edges = (np.arange(count + 1) - 0.5) * spacing
        return np.clip(edges, low, high), power
    even = np.geomspace if log else np.linspace
    edges = even(low, high, BANDS + 1)
    first = np.clip(np.rint(edges[:-1] / spacing).astype(int), 0, count - 1)
    last = np.clip(np.rint(edges[1:] / spacing).astype(int), first + 1, count)
    return edges, np.array([power[a:b].max(axis=0) for a, b in zip(first, last, strict=True)])
