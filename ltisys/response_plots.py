"""pictures of frequency responses: magnitude, phase, group delay, of one system or several"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ltisys import _checks, curves, levels, spectra
from ltisys._types import Array
from ltisys.curves import Curve
from ltisys.fir import FIR
from ltisys.plotting import (
    COLOURS,
    MOST_LINES,
    QUIET,
    Named,
    extremes,
    grid,
    named,
    octave_mean,
    one_axes,
    plain,
    rows_of,
    several_axes,
    systems_legend,
)
from ltisys.scales import Scale, db_axis, db_limits, hz_axis, steps
from ltisys.systems import System

__all__ = ["plot_response"]

SIZE = (7.5, 4.0)
PANELS: dict[str, Any] = {"nrows": 3, "ncols": 1, "sharex": True}
PANELS |= {"gridspec_kw": {"height_ratios": (1.5, 1, 1)}}
PANELS_SIZE = (7.5, 7.2)

POINTS = 2000
"""Frequencies of a line: with three decades every 0.35 %."""
FINE_TAPS = 1000
"""Longer responses have more detail than eight points a frame: they are drawn by a transform."""
FINE_POINTS, MOST_POINTS = 1 << 16, 1 << 22
"""A phase of so many points is unwrapped with care; more points are never drawn."""
DENSE, THIN = 0.02, 0.8
"""A line is thin where most of its steps take more than this of the height."""
AUDIBLE_HZ = 20.0
AUDIO_FS = 8000.0
FLOOR_DB = -400.0
"""Drawn in place of -inf, far below every picture."""
SEEN_DB, HEARD_DB = 60.0, 40.0
"""What is further below the top has no phase and no delay in a picture, or sets none's limits."""
PHASE_STEPS = (15, 30, 45, 90, 180, 360, *(360 * m * 10**k for k in range(6) for m in (2, 5, 10)))


def plot_response(
    system: Any,
    ax: Any = None,
    *,
    labels: Sequence[str] | str | None = None,
    fs: float | None = None,
    scale: Scale = "log",
    smoothing_octaves: float | None = None,
) -> Any:
    """Draw magnitude, phase and group delay against frequency, of one system or several.

    Parameters
    ----------
    system : System, array_like, or a sequence or mapping of them
        One system or an array of taps; ``[a, b]`` or ``{"label": a, "other": b}`` to compare.
    ax : Axes, or sequence of three Axes, optional
        One takes the magnitude only. By default a new figure of three.
    labels : sequence of str, optional
        A name for each system.
    fs : float, optional
        Rate in Hz of what has none; systems without a rate take that of the others.
    scale : {"log", "linear"}
        Of the frequencies. Without a rate they are in cycles a frame and linear.
    smoothing_octaves : float, optional
        Draw the mean power over so many octaves, as 1/6 for rooms, and the delay's mean, weighted
        by the power; the phase stays as it is.

    Returns
    -------
    ndarray of three Axes, or the Axes given
        Magnitude in dB; phase unwrapped, in degrees; group delay in ms, or frames without a rate.
        The delay of `latency` frames is taken out of the phase, and stays in the group delay.

    Raises
    ------
    ValueError, TypeError
        For labels that are not as many as systems, an unknown scale, another `ax`.
    MismatchError
        If a system has another rate than `fs`.

    Notes
    -----
    Long responses are drawn as the extremes in 1500 columns, which no eye can tell from the whole
    line. The levels run from the top to 20 dB below the highest lobe of a stopband. Phase and delay
    are left out where the level is more than 60 dB below the top.

    Examples
    --------
    >>> import ltisys as lti
    >>> mean = lti.FIR([0.25, 0.5, 0.25], fs=48000)
    >>> magnitude, phase, delay = lti.plot_response(mean)
    >>> magnitude.get_ylabel(), delay.get_ylabel()
    ('level in dB', 'group delay in ms')
    """
    systems = named(system, labels, fs)
    _checks.choice("scale", scale, Scale)
    if smoothing_octaves is not None:
        smoothing_octaves = _checks.number("smoothing_octaves", smoothing_octaves, above=0)
    own = ax is None
    single = not own and hasattr(ax, "transAxes")
    axes = (
        np.array([one_axes(ax, SIZE)], dtype=object)
        if single
        else several_axes(ax, 3, "one or three", PANELS_SIZE, **PANELS)
    )
    rated = systems[0].fs is not None
    log = scale == "log" and rated
    low = min(_lowest(one.system, one.fs) for one in systems if one.fs) if log else 0.0
    found = [
        curve
        for one in systems
        for curve in _curves(one, low, single=single, smoothing_octaves=smoothing_octaves)
    ]
    hidden = len(found) - MOST_LINES
    if hidden > 0 and len(systems) == 1:
        loudest = sorted(found, key=lambda curve: -curve.mean)[:MOST_LINES]
        found = [curve for curve in found if curve in loudest]
    limits = db_limits([curve.level[curve.level > FLOOR_DB] for curve in found])
    first = len(axes[0].lines)  # what is there already has had the colours before
    for i, curve in enumerate(found):
        late = (i + 1) / len(found)
        style = {
            "color": COLOURS[(first + i) % len(COLOURS)],
            "linewidth": 2.8 - 1.3 * late,
            "linestyle": "-" if curve.stable else ":",
            "label": plain(curve.label),
            "zorder": 2 + late,
        }
        curve.draw(axes, log, limits, style)
    low = low or min(curve.freqs[0] for curve in found)
    high = max(curve.freqs[-1] for curve in found)
    for a in axes:
        hz_axis(a.xaxis, low, high, "log" if log else "linear", "Hz" if rated else "cycles a frame")
        grid(a)
    db_axis(axes[0].yaxis, *limits, "level in dB")
    if all(curve.silent for curve in found):
        axes[0].text(0.5, 0.5, "silence", transform=axes[0].transAxes, ha="center", color=QUIET)
    if not single:
        for a in axes[:2]:
            a.xaxis.label.set_visible(False)
        _side_axes(axes[1:], found, log, "ms" if rated else "frames")
    if any(curve.label for curve in found):
        several = len(systems) > 1
        title = f"the loudest of {hidden + MOST_LINES}" if hidden > 0 and not several else None
        systems_legend(axes[0], own, title)
    return axes[0] if single else axes


@dataclass(eq=False)
class _Curve:
    """One row of a system at many frequencies."""

    label: str
    freqs: Array
    level: Array
    phase: Array
    """In degrees, without the delay of `latency`."""
    delay: Array
    stable: bool

    @property
    def mean(self) -> float:
        """The mean power."""
        return float(np.mean(10 ** (self.level / 10)))

    @property
    def silent(self) -> bool:
        """Whether there is no response at all."""
        return bool(self.level.max() <= FLOOR_DB)

    def heard(self, depth_db: float) -> Array:
        """Return which frequencies are no further below the top."""
        return np.asarray(self.level >= self.level.max() - depth_db)

    def draw(
        self, axes: Array, log: bool, limits: tuple[float, float], style: dict[str, Any]
    ) -> None:
        """Draw its level, and phase and delay where it is heard."""
        seen = self.heard(SEEN_DB) & (not self.silent)
        sides = (np.where(seen, part, np.nan) for part in (self.phase, self.delay))
        freqs, level = extremes(self.freqs, self.level, log=log)
        far = np.abs(np.diff(np.clip(level, *limits))) > DENSE * (limits[1] - limits[0])
        if far.mean() > 0.5:
            style = style | {"linewidth": THIN}
        axes[0].plot(freqs, level, **style)
        for ax, values in zip(axes[1:], sides, strict=False):
            ax.plot(*extremes(self.freqs, values, log=log), **style)


def _curves(
    one: Named, low_hz: float, *, single: bool, smoothing_octaves: float | None
) -> Iterator[_Curve]:
    """Yield a curve for each row of a system, from a frequency up; from 0 if evenly spaced."""
    system, fs = one.system, one.fs or 1.0
    cycles, whole = _sampled(system, low_hz / fs)
    names = rows_of(np.empty((*system.rows, 0)))
    seen = slice(int(np.searchsorted(cycles, low_hz / fs)) if low_hz else 0, None)
    for name, row in zip(names, np.ndindex(system.rows), strict=True):
        size = np.abs(whole.value[row])
        phase = delay = np.zeros(cycles.size)
        if not single:
            phase = _phase(system, row, cycles, whole) + 2 * np.pi * cycles * system.latency
            delay = whole.delay[row]
        if smoothing_octaves is not None:
            power = octave_mean(cycles, np.square(size), smoothing_octaves)
            weighted = np.nan_to_num(delay) * np.square(size)
            with np.errstate(divide="ignore", invalid="ignore"):
                delay = octave_mean(cycles, weighted, smoothing_octaves) / power
            size = np.sqrt(np.maximum(power, 0))
        label = ", ".join(filter(None, (one.label, name, "" if system.stable else "unstable")))
        yield _Curve(
            label,
            freqs=(cycles * fs)[seen],
            level=np.clip(levels.db(size), FLOOR_DB, -FLOOR_DB)[seen],
            phase=np.rad2deg(phase)[seen],
            delay=(delay * (1e3 / fs if one.fs else 1.0))[seen],
            stable=system.stable,
        )


def _sampled(system: System, low: float) -> tuple[Array, Curve]:
    """Return the frequencies that a picture needs, in cycles a frame, and the response there.

    Spaced in octaves from `low` up, evenly if that is 0, and closer where the response asks. Some
    below `low` too, from 0, where the phase begins.
    """
    if isinstance(system, FIR) and system.h.dtype.kind == "c":
        cycles = np.linspace(-0.5, 0.5, POINTS)
        return cycles, curves.curve(system, cycles)
    extent = system.extent or MOST_POINTS
    more = np.append(curves.landmarks(system), low)
    if not FINE_TAPS < extent < MOST_POINTS:
        few = min(extent, FINE_TAPS)
        even = np.arange(4 * few + 1) / (8 * few)
        wanted = np.geomspace(low, 0.5, POINTS) if low else np.linspace(0, 0.5, POINTS)
        cycles = np.unique(np.concatenate([wanted, even, more]))
        return cycles, curves.curve(system, cycles)
    # eight points for each period of the finest ripple, four of long ones, and 32 below the lowest
    # frequency
    points = max(min(8 * extent, MOST_POINTS // 4), min(4 * extent, MOST_POINTS), extent)
    points = max(points, math.ceil(32 / low) if low else 0)
    nfft = spectra.good_size(points)
    even = np.arange(nfft // 2 + 1) / nfft
    more = np.setdiff1d(more, even)
    both = np.concatenate([even, more])
    order = np.argsort(both)
    found = curves.curve(system, even, nfft), curves.curve(system, more)

    def joined(name: str) -> Array:
        parts = [getattr(curve, name) for curve in found]
        return np.concatenate(parts, axis=-1)[..., order]

    return both[order], Curve(joined("value"), joined("ramp"), joined("doubt"))


def _phase(system: System, row: tuple[int, ...], cycles: Array, whole: Curve) -> Array:
    """Return the phase in radians, unwrapped, NaN where there is no response."""
    result = np.full(cycles.shape, np.nan)
    heard = ~whole.silent[row] & np.isfinite(whole.value[row])
    if not heard.any():
        return result
    if cycles.size <= FINE_POINTS and cycles[0] >= 0:
        found = curves.unwrapped(system, row, (cycles, whole))
        result[heard] = found.radians[np.searchsorted(found.cycles, cycles[heard])]
        return result
    # so many points stand close enough that no step turns by more than half a circle, but for
    # the delay of the whole
    value, ramp = whole.value[row][heard], whole.ramp[row][heard]
    power = np.square(np.abs(value) / np.abs(value).max())
    center = float((power * (ramp / value).real).sum() / power.sum())
    late = 2 * np.pi * center * cycles[heard]
    result[heard] = np.unwrap(np.angle(value * np.exp(1j * late))) - late
    return result


def _lowest(system: System, fs: float) -> float:
    """Return the lowest frequency of a picture: 20 Hz, or lower if there a passband ends."""
    low = AUDIBLE_HZ if fs >= AUDIO_FS else fs / 2000
    ratio = (system.fs or 1.0) / fs
    for _ in range(3):
        freqs = np.concatenate([[low, low / 10], np.geomspace(low, fs / 2.001, 50)])
        response = system.frequency_response(freqs * ratio)[1]
        levels_db = np.clip(levels.db(response), FLOOR_DB, -FLOOR_DB)
        here, below, top = levels_db[..., 0], levels_db[..., 1], levels_db.max()
        if not np.any((np.abs(here - below) > 3) & (np.maximum(here, below) > top - 6)):
            break
        low /= 10
    return low


def _side_axes(axes: Array, found: list[_Curve], log: bool, unit: str) -> None:
    """Give the axes of phase and delay limits by what is heard, and their labels."""
    phases = [(curve.freqs, curve.phase, curve.heard(HEARD_DB)) for curve in found]
    delays = [(curve.freqs, curve.delay, curve.heard(HEARD_DB)) for curve in found]
    axes[0].set_ylim(*_span(phases, log, 90.0, 0))
    steps(axes[0].yaxis, PHASE_STEPS, 5)
    axes[0].yaxis.set_major_formatter(
        lambda value, _: f"{value:,.0f}".replace("-", "\N{MINUS SIGN}")
    )
    axes[0].set_ylabel("phase in degrees")
    axes[1].set_ylim(*_span(delays, log, 1.0, 1))
    axes[1].set_ylabel(f"group delay in {unit}")


def _span(
    parts: list[tuple[Array, Array, Array]], log: bool, least: float, spared: float
) -> tuple[float, float]:
    """Return limits for what counts, with room around it, but for peaks of `spared` percent."""
    found = []
    for freqs, values, counts in parts:
        log = log and freqs[0] > 0
        even = np.geomspace if log else np.linspace
        at = np.searchsorted(freqs, even(freqs[0], freqs[-1], POINTS)).clip(0, freqs.size - 1)
        found.append(values[at][counts[at] & np.isfinite(values[at])])
    together = np.concatenate(found)
    if not together.size:
        return -least / 2, least / 2
    low, high = np.percentile(together, [spared, 100 - spared])
    if together.max() - together.min() <= 3 * (high - low):
        low, high = together.min(), together.max()
    room = 0.12 * max(high - low, least)
    middle, half = (low + high) / 2, max((high - low) / 2, least / 2)
    return float(middle - half - room), float(middle + half + room)
