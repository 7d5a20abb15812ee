"""axes in Hz, dB and seconds: readable ticks, limits that show what matters"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from ltisys._types import Array

__all__ = [
    "DB_STEPS",
    "Scale",
    "db_axis",
    "db_limits",
    "hertz",
    "hz_axis",
    "hz_ticks",
    "minus",
    "seconds",
    "steps",
    "time_axis",
]

Scale = Literal["log", "linear"]

NEAR_DB = 30.0
"""What is further below the top is stopband: it sets no limit but by its lobes."""
DEEP_DB, DEEPEST_DB = 80.0, 160.0
"""The depth of a picture where a stopband has no lobes, and the depth of any."""

DB_STEPS = (1, 3, 6, 10, 20, 50, 100)


def minus(text: str) -> str:
    """Return a number with a minus as long as its plus, like all of matplotlib's."""
    return text.replace("-", "\N{MINUS SIGN}")


# --- frequencies ----------------------------------------------------------------------------------


def hertz(value: float) -> str:
    """Return a frequency as short as on a tick: 20, 500, 1k, 12.5k."""
    scale, unit = (1e6, "M") if abs(value) >= 1e6 else (1e3, "k") if abs(value) >= 1e3 else (1, "")
    return minus(f"{value / scale:.4g}{unit}")


LADDERS: tuple[tuple[float, ...], ...] = ((1,), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9))


def hz_ticks(low: float, high: float, most: int = 12) -> list[float]:
    """Return readable frequencies for a logarithmic axis: decades, 1-2-5, or finer ones.

    The coarsest ladder with four, but none of more than `most`.
    """
    first, last = math.floor(math.log10(low)), math.floor(math.log10(high))
    found: list[float] = []
    for ladder in LADDERS:
        decades = [10.0**k for k in range(first, last + 1)]
        ticks = [m * d for d in decades for m in ladder]
        ticks = [t for t in ticks if low * (1 - 1e-9) <= t <= high * (1 + 1e-9)]
        if len(ticks) > most and found:
            break
        found = ticks
        if len(ticks) >= 4:
            break
    return found


def hz_axis(axis: Any, low: float, high: float, scale: Scale, unit: str = "Hz") -> None:
    """Give an axis frequencies from low to high, with ticks that stay readable when zoomed."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

    which = axis.axis_name
    limits = getattr(axis.axes, f"set_{which}lim")
    getattr(axis.axes, f"set_{which}scale")(scale)
    limits(low, high)
    if scale == "log":
        axis.set_major_locator(_locators()[0]())
        axis.set_minor_formatter(NullFormatter())
    else:
        axis.set_major_locator(MaxNLocator(nbins="auto", steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: hertz(value)))
    axis.set_label_text(f"frequency in {unit}")


def steps(axis: Any, sizes: Sequence[float], most: int = 7) -> None:
    """Put an axis' ticks at multiples of the first size that gives no more than `most` steps."""
    axis.set_major_locator(_locators()[1](tuple(sizes), most))


@functools.cache
def _locators() -> tuple[Any, Any]:
    """Return classes of ticks that look at what an axis shows: frequencies, and steps."""
    from matplotlib.ticker import Locator, MaxNLocator

    class HzLocator(Locator):
        """Ticks of `hz_ticks`, as many as an axis has room for."""

        def __call__(self) -> Any:
            axis: Any = self.axis
            return self.tick_values(*sorted(axis.get_view_interval()))

        def tick_values(self, vmin: float, vmax: float) -> Any:
            if not 0 < vmin < vmax:
                return []
            ticks = hz_ticks(vmin, vmax, max(4, self._room()))
            if len(ticks) < 3:  # a view of less than half a decade
                fine = MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]).tick_values(vmin, vmax)
                ticks = [t for t in fine if vmin <= t <= vmax]
            return ticks

        def _room(self) -> int:
            """Return how many labels of three letters find room."""
            axis: Any = self.axis
            if getattr(axis, "axis_name", "y") != "x":
                return 12
            width = axis.axes.get_position().width * axis.axes.get_figure().bbox.width
            return int(width / axis.axes.get_figure().dpi * 72 / 26)

    class StepLocator(Locator):
        """Multiples of one of a few sizes."""

        def __init__(self, sizes: tuple[float, ...], most: int) -> None:
            self.sizes, self.most = sizes, most

        def __call__(self) -> Any:
            axis: Any = self.axis
            return self.tick_values(*sorted(axis.get_view_interval()))

        def tick_values(self, vmin: float, vmax: float) -> Any:
            span = vmax - vmin
            size = next((s for s in self.sizes if span / s <= self.most), 0)
            if not size or span < 2 * self.sizes[0]:
                return MaxNLocator(nbins=self.most, steps=[1, 2, 5, 10]).tick_values(vmin, vmax)
            return size * np.arange(math.ceil(vmin / size - 1e-9), vmax / size + 1e-9)

    return HzLocator, StepLocator


# --- levels ---------------------------------------------------------------------------------------


def db_limits(rows: list[Array]) -> tuple[float, float]:
    """Return the levels between which a picture of responses in dB should run.

    From a little above the top to where the lowest passband ends; where there is a stopband, to
    20 dB below its highest lobe, or 80 dB below the top if it has none; never beyond 160 dB.
    Notches and -inf do not count. At least 12 dB, so that rounding does not look like ripple.
    """
    finite = [row[np.isfinite(row)] for row in rows]
    finite = [row for row in finite if row.size]
    if not finite:
        return -60.0, 6.0
    top = max(float(row.max()) for row in finite)
    bottoms = []
    for row in finite:
        floor = float(row.min())
        if floor < top - NEAR_DB:
            inner = row[1:-1]
            lobes = inner[(inner > row[:-2]) & (inner >= row[2:]) & (inner < top - NEAR_DB)]
            deep = float(lobes.max()) - 20 if lobes.size else top - DEEP_DB
            floor = max(floor, deep, top - DEEPEST_DB)
        bottoms.append(floor)
    bottom = min(bottoms)
    if top - bottom < 12:
        middle = round((top + bottom) / 2)
        return middle - 6.0, middle + 6.0
    if top - bottom <= NEAR_DB:
        return 3 * math.floor(bottom / 3 - 0.34), 3 * math.ceil(top / 3 + 0.34)
    return 10 * math.floor((bottom - 3) / 10), 5 * math.ceil((top + 1) / 5)


def db_axis(axis: Any, low: float, high: float, label: str) -> None:
    """Give an axis decibels from low to high."""
    getattr(axis.axes, f"set_{axis.axis_name}lim")(low, high)
    steps(axis, DB_STEPS)
    axis.set_label_text(label)


# --- times ----------------------------------------------------------------------------------------


def time_axis(frames: float, fs: float | None) -> tuple[float, str]:
    """Return the length of a frame, and its unit, for an axis of so many: s, ms, or frames."""
    if fs is None:
        return 1.0, "frames"
    return (1.0 / fs, "s") if frames / fs >= 1 else (1e3 / fs, "ms")


def seconds(value: float) -> str:
    """Return a duration with its unit: 1.82 s, 35 ms, 20.8 us."""
    size = abs(value)
    scale, unit = (1, "s") if size >= 0.9995 or not size else (1e3, "ms")
    if 0 < size < 0.9995e-3:
        scale, unit = 1e6, "us"
    return f"{value * scale:#.3g}".rstrip(".") + f" {unit}"
