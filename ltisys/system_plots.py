"""pictures of systems in time and in the plane: impulse and step response, poles and zeros"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ltisys import analysis
from ltisys._types import Array
from ltisys.plotting import (
    COLOURS,
    LEGEND,
    MOST_LINES,
    MOST_STEMS,
    QUIET,
    draw_rows,
    drawable,
    end_of,
    grid,
    named,
    one_axes,
    plain,
    rows_of,
    whole_numbers,
)
from ltisys.scales import hertz, time_axis
from ltisys.systems import System

__all__ = ["plot_impulse_response", "plot_poles_zeros", "plot_step_response"]

SIZE = (7.5, 4.0)
SQUARE = (5.6, 5.2)
SHOWN_DB = -60.0
"""An impulse response is drawn until it stays below this, relative to its peak: a thousandth."""
MOST_FRAMES = 1 << 21
"""Of a response that sounds on for longer, no more is computed for a picture."""
UNSTABLE_FRAMES = 48
"""Of a response that grows, so many are drawn: the later ones would hide the earlier."""
SETTLED = 1e-3
"""A step response is drawn until it stays so close to where it ends, relative to its peak."""
UNSTABLE = "#c7473f"
FURTHEST = 2.0
"""Poles and zeros beyond this radius are told, not drawn: they would make the circle small."""
SAME = 0.012
"""Roots closer than this are one mark with a number: a mark is as wide."""


def plot_impulse_response(
    system: Any,
    ax: Any = None,
    *,
    labels: Sequence[str] | str | None = None,
    fs: float | None = None,
) -> Any:
    """Draw the impulse response of one system or several, until it stays 60 dB below its peak.

    Parameters
    ----------
    system : System, array_like, or a sequence or mapping of them
        One system or an array of taps; ``[a, b]`` or ``{"label": a, "other": b}`` to compare.
    ax : Axes, optional
        Where to draw; by default a new figure.
    labels : sequence of str, optional
        A name for each system.
    fs : float, optional
        Rate in Hz of what has none.

    Returns
    -------
    Axes
        Amplitude against time in ms or s, in frames without a rate; a dotted line stands at the
        latency. Up to 48 frames as stems. Of a system with more than eight rows the loudest.

    Raises
    ------
    ValueError, TypeError
        For labels that are not as many as systems, another `ax`.
    MismatchError
        If a system has another rate than `fs`.

    Notes
    -----
    Long responses are drawn as the extremes in 1500 columns, which no eye can tell from the whole
    line. Of an unstable system the first 48 frames are drawn.

    Examples
    --------
    >>> import ltisys as lti
    >>> ax = lti.plot_impulse_response(lti.FIR([1.0, 0.5, 0.25], fs=8000))
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('time in ms', 'amplitude')
    """
    ax = _draw_times(ax, system, labels, fs, step=False)
    ax.set_ylabel("amplitude")
    return ax


def plot_step_response(
    system: Any,
    ax: Any = None,
    *,
    labels: Sequence[str] | str | None = None,
    fs: float | None = None,
) -> Any:
    """Draw the step response of one system or several, until it has settled.

    Parameters
    ----------
    system : System, array_like, or a sequence or mapping of them
        One system or an array of taps; ``[a, b]`` or ``{"label": a, "other": b}`` to compare.
    ax : Axes, optional
        Where to draw; by default a new figure.
    labels : sequence of str, optional
        A name for each system.
    fs : float, optional
        Rate in Hz of what has none.

    Returns
    -------
    Axes
        The answer to a step from 0 to 1, against time in ms or s, in frames without a rate.

    Raises
    ------
    ValueError, TypeError
        For labels that are not as many as systems, another `ax`.
    MismatchError
        If a system has another rate than `fs`.

    Notes
    -----
    Drawn until it stays within 0.001 of its peak from where it ends, and a tenth longer. Of an
    unstable system the first 48 frames.

    Examples
    --------
    >>> import ltisys as lti
    >>> ax = lti.plot_step_response(lti.FIR([0.5, 0.5]))
    >>> [float(y) for y in ax.lines[0].get_ydata()]
    [0.5, 1.0, 1.0]
    """
    ax = _draw_times(ax, system, labels, fs, step=True)
    ax.set_ylabel("answer to a step of 1")
    return ax


def _draw_times(ax: Any, system: Any, labels: Any, fs: float | None, *, step: bool) -> Any:
    """Draw responses against time and return the Axes."""
    systems = named(system, labels, fs)
    ax = one_axes(ax, SIZE)
    responses = []
    for one in systems:
        h = _response(one.system, step)
        tag = "" if one.system.stable else "unstable"
        for name, row in rows_of(h).items():
            label = ", ".join(filter(None, (one.label, name, tag)))
            responses.append((label, drawable(row), one))
    ends = {id(one): one for _, _, one in responses}
    longest = max(
        _end([row for _, row, of in responses if of is one], one.system, step) / (one.fs or 1)
        for one in ends.values()
    )
    rate = systems[0].fs
    frame, unit = time_axis(longest * (rate or 1), rate)
    rows: dict[str, tuple[Array, Array]] = {}
    most = 0
    for label, row, one in responses:
        own = one.fs or 1
        end = min(row.size, max(2, round(longest * own)))
        most = max(most, end)
        rows[label] = np.arange(end) * (frame * (rate or 1) / own), row[:end]
        if step and end == row.size and one.system.stable:  # it stays where it is
            after = max(1, round(longest * own) - end + 1, end // 10)
            more = np.arange(end, end + after) * (frame * (rate or 1) / own)
            rows[label] = np.append(rows[label][0], more), np.append(row, np.full(after, row[-1]))
    stems = most <= MOST_STEMS
    hidden = draw_rows(ax, rows, stems=stems, most=MOST_LINES if len(systems) == 1 else len(rows))
    last = max(float(time[-1]) for time, _ in rows.values())
    if stems:
        room = 0.75 * frame * (rate or 1) / max(one.fs or 1 for one in systems)
        ax.set_xlim(-room, last + room)
        if rate is None:
            whole_numbers(ax)
    else:
        ax.set_xlim(-0.02 * last, last * 1.02)
    ax.axhline(0, color=QUIET, linewidth=0.8, zorder=0)
    for one in ends.values():
        if one.system.latency:
            at = one.system.latency * frame * (rate or 1) / (one.fs or 1)
            ax.axvline(at, color=QUIET, linestyle=":", linewidth=1.2, zorder=0)
    ax.set_xlabel(f"time in {unit}")
    grid(ax)
    if any(rows):
        title = f"the loudest of {len(rows)}" if hidden else None
        ax.legend(loc="best", title=title, **LEGEND)
    return ax


def _response(system: System, step: bool) -> Array:
    """Return the response to draw from: all of it where that is not too long."""
    frames = system.extent
    if not system.stable:
        frames = UNSTABLE_FRAMES
    elif frames is None or frames > MOST_FRAMES:
        frames = MOST_FRAMES
    return analysis.step_response(system, frames) if step else system.impulse_response(frames)


def _end(rows: list[Array], system: System, step: bool) -> int:
    """Return how many frames of a system's rows are worth drawing."""
    frames = rows[0].size
    if not system.stable:
        return frames
    if not step:
        return end_of(rows, SHOWN_DB)
    every = np.array(rows)
    off = np.abs(every - every[:, -1:]).max(axis=0)
    moving = np.flatnonzero(off > SETTLED * np.abs(every).max())
    last = int(moving.max(initial=0)) + 2
    return min(frames, last + max(last // 10, 1))


# --- poles and zeros ------------------------------------------------------------------------------


def plot_poles_zeros(
    system: Any,
    ax: Any = None,
    *,
    labels: Sequence[str] | str | None = None,
    fs: float | None = None,
) -> Any:
    """Draw the poles and zeros of one system or several in the plane of z.

    Parameters
    ----------
    system : System, array_like, or a sequence or mapping of them
        One system or an array of taps; ``[a, b]`` or ``{"label": a, "other": b}`` to compare.
    ax : Axes, optional
        Where to draw; by default a new figure.
    labels : sequence of str, optional
        A name for each system.
    fs : float, optional
        Rate in Hz of what has none: it names the frequencies around the circle.

    Returns
    -------
    Axes
        Crosses are poles, rings zeros, with their number where several are one mark. Poles outside
        the circle are red. Those beyond a radius of 2 are told in a line of text.

    Raises
    ------
    ValueError, TypeError
        For labels that are not as many as systems, another `ax`, and systems whose polynomials are
        too long for roots to mean anything.
    MismatchError
        If a system has another rate than `fs`.

    Notes
    -----
    Those at 0 are left out: they are delay.

    Examples
    --------
    >>> import ltisys as lti
    >>> ax = lti.plot_poles_zeros(lti.FIR([1.0, 0.0, 1.0], fs=48000))
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('real part of z', 'imaginary part of z')
    """
    systems = named(system, labels, fs)
    roots = [(analysis.poles(one.system), analysis.zeros(one.system)) for one in systems]
    ax = one_axes(ax, SQUARE)
    around = np.exp(2j * np.pi * np.linspace(0, 1, 361))
    ax.plot(around.real, around.imag, color=QUIET, linewidth=1, zorder=1)
    ax.axhline(0, color=QUIET, linewidth=0.6, zorder=0)
    ax.axvline(0, color=QUIET, linewidth=0.6, zorder=0)
    rate = systems[0].fs
    for eighth in range(5):
        angle = eighth / 8
        name = hertz(angle * rate) + (" Hz" if eighth == 0 else "") if rate else f"{angle:g}"
        at = 1.08 * np.exp(2j * np.pi * angle)
        side = "left" if eighth < 3 else "right"
        at += 0.02 * (eighth == 2)  # beside the axis
        ax.text(at.real, at.imag, name, color=QUIET, fontsize="small", ha=side, va="bottom")
    beyond: list[complex] = []
    reach = 1.0
    for i, (one, pair) in enumerate(zip(systems, roots, strict=True)):
        colour = COLOURS[i % len(COLOURS)]
        for kind, found in zip(("poles", "zeros"), pair, strict=True):
            places, counts = _gathered(np.asarray(found).reshape(-1))
            near = np.abs(places) <= FURTHEST
            beyond += list(np.repeat(places[~near], counts[~near]))
            reach = max(reach, float(np.abs(places[near]).max(initial=0.0)))
            _mark(ax, kind, places[near], counts[near], colour)
        if one.label:
            ax.plot([], [], "s", color=colour, markersize=6, label=plain(one.label))
    if beyond:
        furthest = max(abs(root) for root in beyond)
        told = f"{len(beyond)} beyond the picture, |z| up to {furthest:.3g}"
        ax.set_title(told, fontsize="small", color=QUIET, loc="right")
    ax.set_aspect("equal")
    room = reach * 1.25
    ax.set_xlim(-room, room)
    ax.set_ylim(-room, room)
    ax.set_xlabel("real part of z")
    ax.set_ylabel("imaginary part of z")
    if any(one.label for one in systems):
        ax.legend(loc="upper right", **LEGEND)
    return ax


def _mark(ax: Any, kind: str, places: Array, counts: Array, colour: str) -> None:
    """Draw poles as crosses or zeros as rings, with how many where a mark stands for several."""
    for outside in (False, True) if kind == "poles" else (None,):
        chosen = (np.abs(places) >= 1) == outside if outside is not None else np.abs(places) >= 0
        if not chosen.any():
            continue
        ink = UNSTABLE if outside else colour
        marker = {"marker": "x"} if kind == "poles" else {"marker": "o", "markerfacecolor": "none"}
        ax.plot(
            places[chosen].real,
            places[chosen].imag,
            linestyle="",
            color=ink,
            markersize=8,
            markeredgewidth=1.8,
            zorder=3,
            **marker,
        )
    for place, count in zip(places, counts, strict=True):
        if count > 1:
            ax.annotate(
                str(count),
                (place.real, place.imag),
                xytext=(6, 5) if kind == "zeros" else (6, -11),
                textcoords="offset points",
                fontsize="small",
                color=colour,
            )


def _gathered(found: Array) -> tuple[Array, Array]:
    """Return places of roots and how many stand at each: those that look like one are one."""
    left = found[np.isfinite(found)]
    places, counts = [], []
    while left.size:
        same = np.abs(left - left[0]) < SAME
        places.append(left[same].mean())
        counts.append(int(same.sum()))
        left = left[~same]
    return np.array(places, dtype=np.complex128), np.array(counts, dtype=int)
