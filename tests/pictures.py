"""What the tests of pictures share: what is drawn where, and whether it can be read."""

from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

STYLES = ("default", "dark_background")


def lines(ax: Any) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The lines of a panel by their label."""
    return {str(line.get_label()): tuple(map(np.asarray, line.get_data())) for line in ax.lines}


def texts(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.texts]


def named(ax: Any) -> list[str]:
    """The labels in a panel's legend."""
    return [text.get_text() for text in ax.get_legend().get_texts()]


def ticks(axis: Any) -> dict[float, str]:
    """The labels of the major ticks inside the picture, by their places."""
    axis.axes.figure.canvas.draw()
    low, high = sorted(axis.get_view_interval())
    room = 1e-9 * (high - low)
    return {
        float(tick.get_loc()): tick.label1.get_text()
        for tick in axis.get_major_ticks()
        if low - room <= tick.get_loc() <= high + room
    }


def crowded(figure: Any) -> list[str]:
    """Every label that overlaps another or leaves the figure."""
    figure.canvas.draw()
    boxes = []
    for ax in figure.axes:
        parts = [*ax.texts, ax.title, ax._left_title, ax._right_title]
        parts += [ax.xaxis.label, ax.yaxis.label] * ax.axison
        for axis in (ax.xaxis, ax.yaxis) if ax.axison else ():
            low, high = sorted(axis.get_view_interval())
            parts += [t.label1 for t in axis.get_major_ticks() if low <= t.get_loc() <= high]
            parts += [t.label2 for t in axis.get_major_ticks() if low <= t.get_loc() <= high]
        parts = [p for p in parts if p.get_visible() and p.get_text().strip()]
        boxes += [(p.get_text(), p.get_window_extent()) for p in parts]
        if ax.get_legend() is not None:
            boxes.append(("legend", ax.get_legend().get_window_extent()))
    boxes += [("legend", legend.get_window_extent()) for legend in figure.legends]
    found = []
    for i, (name, box) in enumerate(boxes):
        inside = figure.bbox
        if not (inside.x0 <= box.x0 + 1 and box.x1 - 1 <= inside.x1):
            found.append(f"{name} is cut off")
        if not (inside.y0 <= box.y0 + 1 and box.y1 - 1 <= inside.y1):
            found.append(f"{name} is cut off")
        found += [f"{name} on {other}" for other, place in boxes[i + 1 :] if box.overlaps(place)]
    return found


def readable(draw: Callable[[], Any]) -> None:
    """Assert that a picture can be read in light and dark, and sets and shows nothing."""
    before = dict(plt.rcParams)
    for style in STYLES:
        with plt.style.context(style):
            drawn = np.ravel(np.asarray(draw(), dtype=object))[0]
            assert crowded(drawn.figure) == [], style
            plt.close("all")
    assert dict(plt.rcParams) == before
