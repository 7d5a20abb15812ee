"""what every picture shares: where to draw, sizes, colours, lines of few points, SVG"""

from __future__ import annotations

import hashlib
import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ltisys import _checks
from ltisys._types import Array
from ltisys.fir import FIR
from ltisys.systems import System

__all__ = [
    "COLOURS",
    "COLUMNS",
    "LEGEND",
    "MOST_LINES",
    "MOST_STEMS",
    "Named",
    "QUIET",
    "draw_rows",
    "drawable",
    "end_of",
    "energy",
    "extremes",
    "grid",
    "legend",
    "named",
    "octave_mean",
    "one_axes",
    "pieces",
    "plain",
    "rows_of",
    "say",
    "several_axes",
    "svg",
    "systems_legend",
    "whole_numbers",
]

COLOURS = ("#3c82dc", "#d07d23", "#7734f6", "#3e7230", "#ff5a65", "#8c93b9", "#90556c", "#ad20a9")
"""Three times lighter or darker than a white page and a dark one, and apart for those too who do
not see red, green or blue: at least 19 in CIELAB (the tests reckon both)."""
QUIET = "#8a8f98"  # for lines that only help to read the others
LEGEND: dict[str, Any] = {"fontsize": "small", "title_fontsize": "small", "frameon": False}
LEGEND |= {"handlelength": 1.6, "columnspacing": 1.0, "borderaxespad": 0.2, "labelspacing": 0.3}

MOST_STEMS = 48
"""More frames than this are drawn as a line: stems would touch."""
MOST_LINES = 8
"""Of more rows than this the loudest are drawn."""
COLUMNS = 1500
"""A line is drawn by the extremes of so many columns: more than a page has dots."""
LARGEST = 1e300
SHOWN_DB = -100.0
"""A response is drawn until it stays below this, relative to its peak: the rest looks like 0."""

# --- where to draw --------------------------------------------------------------------------------


def one_axes(ax: Any, size: tuple[float, float]) -> Any:
    """Return the Axes given, or those of a new figure of a size in inches."""
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.subplots(figsize=size, layout="constrained")[1]
    if not _is_axes(ax):
        raise TypeError(f"ax={ax!r} must be an Axes")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def several_axes(ax: Any, count: int, word: str, size: tuple[float, float], **grid: Any) -> Array:
    """Return the Axes given as an array of `count` (in a `word`), or those of a new figure."""
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.subplots(figsize=size, layout="constrained", **grid)[1]
    axes = np.asarray(ax, dtype=object).reshape(-1)
    if axes.size != count or not all(map(_is_axes, axes)):
        raise TypeError(f"ax={ax!r} must be a sequence of {word} Axes")
    for a in axes:
        a.spines[["top", "right"]].set_visible(False)
    return axes


def _is_axes(ax: Any) -> bool:
    return hasattr(ax, "plot") and hasattr(ax, "transAxes")


# --- what to draw ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Named:
    """A system in a picture: its name, and the rate it is drawn at."""

    label: str
    system: System
    fs: float | None


def named(system: Any, labels: Any, fs: Any) -> list[Named]:
    """Return the systems of a picture with their labels and rates; None takes the others' rate.

    Raises
    ------
    TypeError, ValueError
        For labels that are not one text for each system, an empty sequence.
    MismatchError
        If a system has another rate than `fs`.
    """
    if fs is not None:
        fs = _checks.number("fs", fs, above=0, unit=" in Hz")
    names: list[str]
    if isinstance(system, Mapping):
        found, names = list(system.values()), [str(name) for name in system]
    elif isinstance(system, list | tuple) and any(isinstance(s, System) for s in system):
        found, names = list(system), [f"system {i}" for i in range(len(system))]
    elif isinstance(system, Sequence) and all(hasattr(s, "label") for s in system):
        found, names = [part.system for part in system], [str(part.label) for part in system]
    else:
        found, names = [system], [""]
    if not found:
        raise ValueError(f"system={system!r} must hold at least one system")
    if labels is not None:
        names = [labels] if isinstance(labels, str) else [str(label) for label in labels]
    if len(names) != len(found):
        raise ValueError(
            f"labels={labels!r} must be one label for each of the {len(found)} systems"
        )
    systems = [s if isinstance(s, System) else FIR(s) for s in found]
    rates = [_checks.same_rate(fs, s.fs, names=("argument", "system")) for s in systems]
    other = max((rate for rate in rates if rate is not None), default=None)
    return [
        Named(name, s, other if rate is None else rate)
        for name, s, rate in zip(names, systems, rates, strict=True)
    ]


def rows_of(h: Array, only: str = "", word: str = "channel") -> dict[str, Array]:
    """Return each row of a response or a sound with its name; a complex one is two."""
    if h.ndim == 1:
        rows = {only: h}
    elif h.ndim == 2:
        rows = {f"{word} {o}": row for o, row in enumerate(h)}
    else:
        rows = {f"{i} to {o}": row for o, matrix in enumerate(h) for i, row in enumerate(matrix)}
    if h.dtype.kind != "c":
        return rows
    parts = (("real", np.real), ("imaginary", np.imag))
    named = {(name, word): part(row) for name, row in rows.items() for word, part in parts}
    return {", ".join(filter(None, names)): row for names, row in named.items()}


def drawable(values: Array) -> Array:
    """Return values without infinities, and none so large that matplotlib's margins overflow."""
    kept = np.where(np.isfinite(values), values, np.nan).astype(np.float64)
    return np.clip(kept, -LARGEST, LARGEST)


def end_of(rows: list[Array], shown_db: float = SHOWN_DB) -> int:
    """Return the frames until every response stays below a level, with some room after them."""
    size = np.abs(np.nan_to_num(np.array(rows))).max(axis=0)
    loud = np.flatnonzero(size > size.max() * 10 ** (shown_db / 20))
    last = int(loud.max(initial=0)) + 1
    return min(int(size.size), last + max(last // 10, 1))


def energy(row: Array) -> float:
    """Return the norm of a row, whose square may overflow."""
    size = np.abs(np.nan_to_num(row))
    return float(np.linalg.norm(size / (size.max() or 1.0)) * size.max())


def draw_rows(
    ax: Any, rows: dict[str, tuple[Array, Array]], *, stems: bool, most: int = MOST_LINES
) -> int:
    """Draw the loudest rows, (time, values) by their label, and return how many are left out.

    As stems where asked for and there are at most two, as dots on a line if three or more, else as
    a line.
    """
    loudest = sorted(rows, key=lambda name: -energy(rows[name][1]))[:most]
    shown = [name for name in rows if name in loudest]
    for i, name in enumerate(shown):
        # the quieter ones lie on the louder ones, and are thinner
        late = (loudest.index(name) + 1) / len(shown)
        style = {"color": COLOURS[i % len(COLOURS)], "zorder": 2 + late}
        time, values = rows[name]
        if stems and len(shown) <= 2:
            ax.vlines(time, 0, values, linewidth=1.5 + 4 * (1 - late), **style)
            ax.plot(time, values, "o", markersize=8 - 3 * late, label=plain(name), **style)
        else:
            mark = "o" if stems else ""
            time, values = extremes(time, values)
            width = 2.8 - 1.3 * late
            ax.plot(
                time, values, mark + "-", linewidth=width, markersize=4, label=plain(name), **style
            )
    return len(rows) - len(shown)


def pieces(x: Array, log: bool = False, columns: int = COLUMNS) -> Array:
    """Return where each of about so many equal pieces of sorted x starts, none of them empty."""
    place = np.log(np.maximum(x, np.finfo(float).tiny)) if log else x
    edges = np.linspace(place[0], place[-1], columns + 1)[:-1]
    return np.unique(np.searchsorted(place, edges))


def extremes(x: Array, y: Array, *, log: bool = False, columns: int = COLUMNS) -> tuple[Any, Any]:
    """Return the points of a line where y is least and greatest in each of `columns` pieces.

    It looks the same as the whole line, and has few points, all of them points of the line. A piece
    that holds nothing but NaN is a gap.
    """
    if x.size <= 2 * columns:
        return x, y
    starts = pieces(x, log, columns)
    counts = np.diff(np.append(starts, x.size))
    kept = [starts[:1], np.array([x.size - 1])]
    for extreme in (np.fmin, np.fmax):
        found = np.flatnonzero(y == np.repeat(extreme.reduceat(y, starts), counts))
        first = np.searchsorted(found, starts)
        there = np.append(found, x.size)[first]
        kept.append(np.where(there < starts + counts, there, starts))
    places = np.unique(np.concatenate(kept))
    return x[places], y[places]


def octave_mean(freqs: Array, values: Array, octaves: float, at: Array | None = None) -> Array:
    """Return the mean of values within so many octaves around each frequency, or those of `at`."""
    steps = np.diff(freqs) * (values[1:] + values[:-1]) / 2
    total = np.concatenate([[0.0], np.cumsum(steps)])
    at = freqs if at is None else at
    low, high = (np.clip(at * 2 ** (s * octaves / 2), freqs[0], freqs[-1]) for s in (-1, 1))
    within = np.interp(high, freqs, total) - np.interp(low, freqs, total)
    width = high - low
    alone = np.interp(at, freqs, values)
    return np.asarray(np.where(width > 0, within / np.where(width > 0, width, 1), alone))


# --- every panel ----------------------------------------------------------------------------------


def say(ax: Any, sentence: str) -> None:
    """Write a sentence in the middle of a panel that has nothing to draw."""
    ax.text(0.5, 0.5, sentence, transform=ax.transAxes, ha="center", va="center", color=QUIET)
    ax.set_axis_off()


def grid(ax: Any) -> None:
    """Add lines that are seen on light and dark and disturb on neither."""
    ax.grid(color=QUIET, alpha=0.25, linewidth=0.6)


def whole_numbers(ax: Any) -> None:
    """Put the ticks of the horizontal axis on integers."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 4, 5, 10]))


def legend(ax: Any, *, columns: int, title: str = "") -> None:
    """Add the legend at the top, and raise the ceiling so that it covers nothing."""
    rows = math.ceil(len(ax.get_legend_handles_labels()[0]) / columns) + bool(title)
    low, high = ax.get_ylim()
    ax.set_ylim(low, low + (high - low) / (1 - 0.05 - 0.075 * rows))
    ax.legend(loc="upper right", ncols=columns, title=title or None, **LEGEND)


def systems_legend(ax: Any, own: bool, title: str | None = None) -> None:
    """Add a legend: above the panels of a figure of our `own`, else where it covers least."""
    if own:
        handles, names = ax.get_legend_handles_labels()
        style = LEGEND | {"ncols": min(len(names), 4 if len(names) <= 8 else 6), "title": title}
        ax.get_figure().legend(handles, names, loc="outside upper center", **style)
    else:
        ax.legend(loc="best", title=title, **LEGEND)


def plain(text: str) -> str:
    """Return a text as matplotlib can draw it: a dollar would begin mathematics."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text).replace("$", r"\$")


# --- pages ----------------------------------------------------------------------------------------


def svg(draw: Callable[[Any], object], size: tuple[float, float]) -> str:
    """Return what `draw` draws on a figure as SVG for a page, light or dark.

    Its ink has the colour of the text around it, its paper none; its ids are its own, so that
    several fit on a page. Equal pictures give equal bytes. No pyplot figure is left behind.

    Parameters
    ----------
    draw : callable
        Takes a Figure.
    size : (float, float)
        Inches.

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
        figure = Figure(figsize=size, layout="constrained")
        figure.patch.set_visible(False)
        draw(figure)
        for a in figure.axes:
            a.patch.set_visible(False)
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
