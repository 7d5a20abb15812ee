"""every picture; matplotlib only here"""

from __future__ import annotations

import hashlib
import io
import math
import re
import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np

from ltisys._types import Array
from ltisys.verdicts import CheckReport, Counterexample, Verdict

__all__ = ["plot_report", "report_svg"]

SIZE = (13.5, 3.9)  # inches, of three panels side by side
COLOURS = ("#2f7ed8", "#d9822b", "#2a9d5c", "#a657c4", "#c7473f", "#3aa6a6", "#a08a1c", "#7a7f87")
"""Told apart by those who do not see all colours, dark enough on white, light enough on black."""
MARKERS = "osD^vPX*"
LEGEND: dict[str, Any] = {"fontsize": "small", "title_fontsize": "small", "frameon": False}
LEGEND |= {"handlelength": 1.6, "columnspacing": 1.0, "borderaxespad": 0.2, "labelspacing": 0.3}
PANELS: dict[str, Any] = {"nrows": 1, "ncols": 3, "gridspec_kw": {"wspace": 0.06}}
GOT, WANT = "#c7473f", "#2f7ed8"
QUIET = "#8a8f98"  # for lines that only help to read the others

MOST_STEMS = 48
"""More frames than this are drawn as a line: stems would touch."""
MOST_RESPONSES = 8
LARGEST = 1e300
SHOWN_DB = -100.0
"""A response is drawn until it stays below this, relative to its peak: the rest looks like 0."""


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
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=SIZE, layout="constrained", **PANELS)
    axes = np.asarray(ax, dtype=object).reshape(-1)
    if axes.size != 3 or not all(hasattr(a, "plot") and hasattr(a, "transAxes") for a in axes):
        raise TypeError(f"ax={ax!r} must be a sequence of three Axes")
    for a in axes:
        a.spines[["top", "right"]].set_visible(False)
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
    import matplotlib as mpl
    from matplotlib.figure import Figure

    ink = "#0a0b0c"  # a colour of no line, which becomes that of the text
    coloured = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    style: dict[Any, Any] = dict.fromkeys(coloured, ink)
    style |= {"svg.fonttype": "path", "svg.hashsalt": "ltisys"}
    with mpl.rc_context(style):
        figure = Figure(figsize=SIZE, layout="constrained")
        figure.patch.set_visible(False)
        axes = figure.subplots(**PANELS)
        for a in axes:
            a.patch.set_visible(False)
        plot_report(report, ax=axes)
        page = io.StringIO()
        nobody = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(page, format="svg", metadata=nobody)
    text = page.getvalue()
    text = text[text.index("<svg") :].replace(ink, "currentColor").strip()
    # a style sheet inside a page would rule all of it
    text = re.sub(r"<defs>\s*<style[^>]*>.*?</style>\s*</defs>", "", text, count=1)
    text = text.replace("<svg ", '<svg style="stroke-linejoin: round; stroke-linecap: butt" ', 1)
    own = "p" + hashlib.sha256(text.encode()).hexdigest()[:8]
    text = re.sub(r'\bid="', f'id="{own}-', text)
    text = re.sub(r'href="#', f'href="#{own}-', text)
    return re.sub(r"url\(#", f"url(#{own}-", text)


# --- departure against level ----------------------------------------------------------------------


def _draw_departures(ax: Any, report: CheckReport) -> None:
    ax.set_title("departure against level", fontsize="medium")
    curves = {name: _points(verdict) for name, verdict in report.verdicts.items()}
    curves = {name: points for name, points in curves.items() if points.size}
    if not curves:
        _say(ax, "no departure was measured")
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
            label=_plain(name),
            clip_on=False,
            zorder=3 + late,
        )
    if math.isfinite(report.tolerance_db):
        ax.axhline(report.tolerance_db, color=QUIET, linestyle="--", linewidth=1, label="tolerance")
    ax.set_yticks(list(places), list(places.values()))
    ax.set_ylim(min(places), max(*places, high))
    _legend(ax, columns=3)
    _whole_numbers(ax)
    ax.set_xlabel("level of the input in dBFS")
    ax.set_ylabel("departure in dB")
    ax.grid(color=QUIET, alpha=0.25, linewidth=0.6)


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
        _say(ax, "no counterexample")
        return
    verdict, names = found[0]
    case = verdict.counterexample
    assert case is not None
    ax.set_title("\n".join(map(_wrapped, (f"not {names}", case.law))), fontsize="medium")
    got, want, part = _one_row(case)
    frames = max(got.size, want.size)
    if not frames:
        _say(ax, "no frames")
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
        _whole_numbers(ax)
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
    _legend(ax, columns=2, title=most)


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
    return _drawable(most[1]), _drawable(most[2]), most[3]


# --- the impulse response -------------------------------------------------------------------------


def _draw_response(ax: Any, report: CheckReport) -> None:
    ax.set_title("impulse response", fontsize="medium")
    h = report.impulse_response
    if h is None or h.size == 0:
        _say(ax, "no impulse response was measured")
        return
    rows = {name: _drawable(row) for name, row in _responses(np.asarray(h)).items()}
    first = -(report.lookahead or 0)
    end = _end(list(rows.values()))
    end = max(end, min(h.shape[-1], 2 - first))  # time 0 and what follows it are always there
    frame_ms = 1.0 if report.fs is None else 1e3 / report.fs
    time = np.arange(first, first + end) * frame_ms
    loudest = sorted(rows, key=lambda name: -_energy(rows[name]))[:MOST_RESPONSES]
    shown = [name for name in rows if name in loudest]
    for i, name in enumerate(shown):
        # the quieter ones lie on the louder ones, and are thinner
        late = (loudest.index(name) + 1) / len(shown)
        style = {"color": COLOURS[i % len(COLOURS)], "zorder": 2 + late}
        row = rows[name][:end]
        if end <= MOST_STEMS and len(shown) <= 2:
            ax.vlines(time, 0, row, linewidth=1.5 + 4 * (1 - late), **style)
            ax.plot(time, row, "o", markersize=8 - 3 * late, label=name, **style)
        else:
            mark = "o" if end <= MOST_STEMS else ""
            width = 2.8 - 1.3 * late
            ax.plot(time, row, mark + "-", linewidth=width, markersize=4, label=name, **style)
    if end <= MOST_STEMS:
        ax.set_xlim((first - 0.75) * frame_ms, (first + end - 0.25) * frame_ms)
        if report.fs is None:
            _whole_numbers(ax)
    else:
        ax.margins(x=0.02)
    ax.axhline(0, color=QUIET, linewidth=0.8, zorder=0)
    if first < 0:
        ax.axvline(0, color=QUIET, linestyle=":", linewidth=1.2, zorder=0)
    ax.set_xlabel("time in frames" if report.fs is None else "time in ms")
    ax.set_ylabel("amplitude")
    if len(rows) > 1:
        hidden = len(rows) - len(shown)
        title = "input to output" if h.ndim == 3 else ""
        if hidden:
            title = f"{title}, the loudest of {len(rows)}".removeprefix(", ")
        _legend(ax, columns=2, title=title)


def _responses(h: Array) -> dict[str, Array]:
    """Return each response with its name; a complex one is two."""
    if h.ndim == 1:
        rows = {"response": h}
    elif h.ndim == 2:
        rows = {f"output {o}": row for o, row in enumerate(h)}
    else:
        rows = {f"{i} to {o}": row for o, matrix in enumerate(h) for i, row in enumerate(matrix)}
    if h.dtype.kind != "c":
        return rows
    parts = (("real", np.real), ("imaginary", np.imag))
    return {f"{name}, {word}": part(row) for name, row in rows.items() for word, part in parts}


def _end(rows: list[Array]) -> int:
    """Return the frames until every response stays below SHOWN_DB, with some room after them."""
    size = np.abs(np.nan_to_num(np.array(rows))).max(axis=0)
    loud = np.flatnonzero(size > size.max() * 10 ** (SHOWN_DB / 20))
    last = int(loud.max(initial=0)) + 1
    return min(int(size.size), last + max(last // 10, 1))


def _energy(row: Array) -> float:
    size = np.abs(np.nan_to_num(row))
    return float(np.linalg.norm(size / (size.max() or 1.0)) * size.max())  # its square overflows


# --- all panels -----------------------------------------------------------------------------------


def _say(ax: Any, sentence: str) -> None:
    """Write a sentence in the middle of a panel that has nothing to draw."""
    ax.text(0.5, 0.5, sentence, transform=ax.transAxes, ha="center", va="center", color=QUIET)
    ax.set_axis_off()


def _drawable(values: Array) -> Array:
    """Return values without infinities, and none so large that matplotlib's margins overflow."""
    kept = np.where(np.isfinite(values), values, np.nan)
    return np.clip(kept, -LARGEST, LARGEST)


def _whole_numbers(ax: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 4, 5, 10]))


def _legend(ax: Any, *, columns: int, title: str = "") -> None:
    """Add the legend at the top, and raise the ceiling so that it covers nothing."""
    rows = math.ceil(len(ax.get_legend_handles_labels()[0]) / columns) + bool(title)
    low, high = ax.get_ylim()
    ax.set_ylim(low, low + (high - low) / (1 - 0.05 - 0.075 * rows))
    ax.legend(loc="upper right", ncols=columns, title=title or None, **LEGEND)


def _wrapped(text: str) -> str:
    return "\n".join(map(_plain, textwrap.wrap(text, 50)))


def _plain(text: str) -> str:
    """Return a text as matplotlib can draw it: a dollar would begin mathematics."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text).replace("$", r"\$")
