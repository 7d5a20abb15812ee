"""pictures of what a check found: departures, a counterexample, the response"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np

from ltisys._types import Array
from ltisys.plotting import (
    COLOURS,
    MOST_STEMS,
    QUIET,
    draw_rows,
    drawable,
    end_of,
    grid,
    legend,
    plain,
    rows_of,
    say,
    several_axes,
    svg,
    whole_numbers,
)
from ltisys.verdicts import CheckReport, Counterexample, Verdict

__all__ = ["plot_report", "report_svg"]

SIZE = (13.5, 3.9)  # inches, of three panels side by side
PANELS: dict[str, Any] = {"nrows": 1, "ncols": 3, "gridspec_kw": {"wspace": 0.06}}
MARKERS = "osD^vPX*"
GOT, WANT = "#c7473f", "#2f7ed8"


def plot_report(report: CheckReport, ax: Any = None) -> Any:
    """Draw departure against level, a counterexample's two sides, and the impulse response.

    Parameters
    ----------
    report : CheckReport
        What `ltisys.check` returns.
    ax : sequence of three Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    ndarray of three Axes
        Of the departures in dB against the level in dBFS, a line for each property measured at
        several levels; of the two sides of the first counterexample; of the response.

    Raises
    ------
    TypeError
        If `ax` is no sequence of three Axes.

    Examples
    --------
    >>> import ltisys as lti
    >>> report = lti.check(lambda x: np.clip(x, -0.9, 0.9), trials=10)
    >>> departures, sides, response = lti.plot_report(report)
    >>> departures.get_xlabel()
    'level of the input in dBFS'
    """
    axes = several_axes(ax, 3, "three", SIZE, **PANELS)
    _draw_departures(axes[0], report)
    _draw_sides(axes[1], report)
    _draw_response(axes[2], report)
    return axes


def report_svg(report: CheckReport) -> str:
    """Return the pictures of `plot_report` as one SVG for a page, light or dark.

    Its ink has the colour of the text around it, its paper none; its ids are its own, so that
    several fit on a page. Equal reports give equal bytes. No pyplot figure is left behind.

    Parameters
    ----------
    report : CheckReport
        What `ltisys.check` returns.

    Returns
    -------
    str
        An element ``<svg>``.
    """
    return svg(lambda figure: plot_report(report, ax=figure.subplots(**PANELS)), SIZE)


# --- departure against level ----------------------------------------------------------------------


def _draw_departures(ax: Any, report: CheckReport) -> None:
    ax.set_title("departure against level", fontsize="medium")
    curves = {name: _points(verdict) for name, verdict in report.verdicts.items()}
    curves = {name: points for name, points in curves.items() if points.size}
    if not curves:
        say(ax, "no departure was measured")
        return
    finite = np.concatenate([points[1][np.isfinite(points[1])] for points in curves.values()])
    if math.isfinite(report.tolerance_db):
        finite = np.append(finite, report.tolerance_db)
    low, high = (finite.min(), max(finite.max(), 0.0)) if finite.size else (-300.0, 0.0)
    step = 20 if high - low < 150 else 50
    low = min(low, high - step)
    ticks = np.arange(step * math.floor(low / step), step * math.floor(high / step) + 1, step)
    places = {tick: f"{tick:.0f}".replace("-", "\N{MINUS SIGN}") for tick in ticks}
    none, beyond = ticks[0] - step, ticks[-1] + step
    values = np.concatenate([points[1] for points in curves.values()])
    places |= {none: "none"} if np.isneginf(values).any() else {}
    places |= {beyond: "inf"} if np.isposinf(values).any() else {}
    for i, (name, (levels, departures)) in enumerate(curves.items()):
        drawn = np.nan_to_num(departures, neginf=none, posinf=beyond)
        # lines that lie on each other stay visible: the later ones are thinner, with smaller marks
        late = (i + 1) / len(curves)
        demanded = name in report.demanded
        ax.plot(
            levels,
            drawn,
            color=COLOURS[i % len(COLOURS)],
            linestyle="-" if demanded else ":",
            linewidth=5 - 3.7 * late if demanded else 1,
            marker=MARKERS[i % len(MARKERS)],
            markersize=10 - 6 * late,
            label=plain(name),
            clip_on=False,
            zorder=3 + late,
        )
    if math.isfinite(report.tolerance_db):
        ax.axhline(report.tolerance_db, color=QUIET, linestyle="--", linewidth=1, label="tolerance")
    ax.set_yticks(list(places), list(places.values()))
    ax.set_ylim(min(places), max(*places, high))
    legend(ax, columns=3)
    whole_numbers(ax)
    ax.set_xlabel("level of the input in dBFS")
    ax.set_ylabel("departure in dB")
    grid(ax)


def _points(verdict: Verdict) -> Array:
    """Return a curve as (levels, departures), without what was not measured."""
    points = np.array(sorted(verdict.curve), dtype=np.float64).reshape(-1, 2).T
    kept: Array = points[:, np.isfinite(points[0]) & ~np.isnan(points[1])]
    return kept


# --- the two sides of a counterexample ------------------------------------------------------------


def _draw_sides(ax: Any, report: CheckReport) -> None:
    found = report.shown_counterexamples()
    if not found:
        ax.set_title("counterexample", fontsize="medium")
        say(ax, "no counterexample")
        return
    verdict, names = found[0]
    case = verdict.counterexample
    assert case is not None
    ax.set_title("\n".join(map(_wrapped, (f"not {names}", case.law))), fontsize="medium")
    got, want, part = _one_row(case)
    frames = max(got.size, want.size)
    if not frames:
        say(ax, "no frames")
        return
    if frames <= MOST_STEMS:
        # the wider side below: where both agree, one is seen inside the other
        for side, name, colour, marker, size, width in (
            (want, "want", WANT, "o", 11, 4.5),
            (got, "got", GOT, "D", 5, 1.5),
        ):
            time = np.arange(side.size)
            alpha = 0.55 if name == "want" else 1.0
            ax.vlines(time, 0, side, color=colour, linewidth=width, alpha=alpha)
            ax.plot(
                time, side, marker, color=colour, markersize=size, alpha=alpha, label=name,
                markeredgewidth=0,
            )  # fmt: skip
        ax.set_xlim(-0.75, frames - 0.25)
        whole_numbers(ax)
    else:
        ax.plot(want, color=WANT, linewidth=3.2, alpha=0.55, label="want")
        ax.plot(got, color=GOT, linewidth=1.1, label="got")
        ax.margins(x=0.02)
    ax.axhline(0, color=QUIET, linewidth=0.8, zorder=0)
    ax.set_xlabel("frame")
    ax.set_ylabel(part)
    frames = min(got.size, want.size)
    apart = np.abs(got[:frames] - want[:frames])
    most = f"up to {np.nanmax(apart):.3g} apart" if np.isfinite(apart).any() else ""
    legend(ax, columns=2, title=most)


def _one_row(case: Counterexample) -> tuple[Array, Array, str]:
    """Return the two sides of the channel, and of the part if complex, that differs most."""
    got, want = (np.atleast_2d(np.asarray(side)) for side in (case.got, case.want))
    parts: Mapping[str, Any] = {"answer": np.real}
    if "c" in (got.dtype.kind, want.dtype.kind):
        parts = {"answer, real part": np.real, "answer, imaginary part": np.imag}
    rows = min(len(got), len(want))
    most: tuple[float, Array, Array, str] | None = None
    for row in range(rows):
        for name, part in parts.items():
            a, b = (np.asarray(part(side[row]), np.float64) for side in (got, want))
            frames = min(a.size, b.size)
            with np.errstate(invalid="ignore", over="ignore"):
                apart = np.abs(a[:frames] - b[:frames])
            worst = float(np.nan_to_num(apart, nan=np.inf).max(initial=0.0))
            if most is None or worst > most[0]:
                channel = f" of channel {row}" if rows > 1 else ""
                most = worst, a, b, name.replace("answer", f"answer{channel}", 1)
    assert most is not None  # an answer has a channel
    return drawable(most[1]), drawable(most[2]), most[3]


# --- the impulse response -------------------------------------------------------------------------


def _draw_response(ax: Any, report: CheckReport) -> None:
    ax.set_title("impulse response", fontsize="medium")
    h = report.impulse_response
    if h is None or h.size == 0:
        say(ax, "no impulse response was measured")
        return
    found = rows_of(np.asarray(h), "response", "output")
    rows = {name: drawable(row) for name, row in found.items()}
    first = -(report.lookahead or 0)
    end = end_of(list(rows.values()))
    end = max(end, min(h.shape[-1], 2 - first))  # time 0 and what follows it are always there
    frame_ms = 1.0 if report.fs is None else 1e3 / report.fs
    time = np.arange(first, first + end) * frame_ms
    hidden = draw_rows(
        ax, {name: (time, row[:end]) for name, row in rows.items()}, stems=end <= MOST_STEMS
    )
    if end <= MOST_STEMS:
        ax.set_xlim((first - 0.75) * frame_ms, (first + end - 0.25) * frame_ms)
        if report.fs is None:
            whole_numbers(ax)
    else:
        ax.margins(x=0.02)
    ax.axhline(0, color=QUIET, linewidth=0.8, zorder=0)
    if first < 0:
        ax.axvline(0, color=QUIET, linestyle=":", linewidth=1.2, zorder=0)
    ax.set_xlabel("time in frames" if report.fs is None else "time in ms")
    ax.set_ylabel("amplitude")
    if len(rows) > 1:
        title = "input to output" if h.ndim == 3 else ""
        if hidden:
            title = f"{title}, the loudest of {len(rows)}".removeprefix(", ")
        legend(ax, columns=2, title=title)


# --- text -----------------------------------------------------------------------------------------


def _wrapped(text: str) -> str:
    return "\n".join(map(plain, textwrap.wrap(text, 50)))
