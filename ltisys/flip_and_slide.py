"""the flip-and-slide picture of convolution, still or moving"""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np

from ltisys import _checks
from ltisys._types import Array
from ltisys.convolution import convolve
from ltisys.plotting import (
    COLOURS,
    LEGEND,
    MOST_STEMS,
    QUIET,
    drawable,
    end_of,
    extremes,
    grid,
    one_axes,
    several_axes,
    whole_numbers,
)
from ltisys.scales import minus, time_axis
from ltisys.systems import System

__all__ = ["animate_convolution", "plot_convolution"]

SIZE, PANELS_SIZE, MOVING_SIZE = (7.5, 3.0), (7.5, 6.0), (6.4, 4.8)  # inches
PANELS: dict[str, Any] = {"nrows": 3, "ncols": 1, "sharex": True}
INPUT, KERNEL, PRODUCT, OUTPUT = COLOURS[0], COLOURS[1], COLOURS[2], COLOURS[4]
ALIKE = 3.0
"""Kernels that are so many times larger or smaller than the input are drawn at another scale."""
MOST_STEPS = 36
"""Of an animation of lines, each a picture of about 35 kB; stems go frame by frame."""
STEP_MS, DPI = 120, 72


def plot_convolution(
    x: Any, h: Any, ax: Any = None, *, at: int | None = None, fs: float | None = None
) -> Any:
    """Draw convolution as flip and slide: the input, the flipped kernel over it, their products.

    Parameters
    ----------
    x : array_like, shape (frames,)
        Input, real.
    h : array_like, shape (taps,), or System
        Kernel, real; of a system its impulse response, until it stays 100 dB below its peak.
    ax : Axes, or sequence of three Axes, optional
        One takes the input and the flipped kernel only. By default a new figure of three.
    at : int, optional
        Frame n of the output whose sum is shown, ``0 <= at < frames + taps - 1``; by default the
        middle one.
    fs : float, optional
        Rate in Hz; then long signals are drawn against time, by default against frames.

    Returns
    -------
    ndarray of three Axes, or the Axes given
        ``x[k]`` with ``h[n - k]``; their products; the output, pale where n has not come yet. Up to
        48 frames as stems. A kernel of quite another size is drawn at a scale that the legend says.

    Raises
    ------
    ValueError, TypeError
        For signals that are not real or have several rows, an `at` outside, another `ax`.
    MismatchError
        For NaN or infinities, and if a system has another rate than `fs`.

    Notes
    -----
    ``y[n] = sum_k x[k] h[n - k]``: the kernel is flipped, slid to n, multiplied, and added up.

    Examples
    --------
    >>> import ltisys as lti
    >>> both, products, output = lti.plot_convolution([0.0, 1.0, 1.0, 0.0], [0.5, 0.5], at=2)
    >>> products.get_title(loc="right")
    'sum: y[2] = 1'
    """
    own = _Signals(x, h, fs)
    if at is None:
        at = (own.y.size - 1) // 2
    at = _checks.integer("at", at, least=0)
    if at >= own.y.size:
        raise ValueError(
            f"at={at} must be an integer < frames + taps - 1; got frames={own.x.size}, "
            f"taps={own.h.size}"
        )
    if ax is not None and hasattr(ax, "transAxes"):
        one = one_axes(ax, SIZE)
        _Picture(np.array([one], dtype=object), own).slide(at)
        one.set_xlabel(own.label)
        return one
    axes = several_axes(ax, 3, "one or three", PANELS_SIZE, **PANELS)
    _Picture(axes, own).slide(at)
    return axes


def animate_convolution(x: Any, h: Any, *, fs: float | None = None) -> Any:
    """Return the picture of `plot_convolution` in motion, for a notebook.

    Parameters
    ----------
    x : array_like, shape (frames,)
        Input, real.
    h : array_like, shape (taps,), or System
        Kernel, real; of a system its impulse response, until it stays 100 dB below its peak.
    fs : float, optional
        Rate in Hz; then long signals are drawn against time, by default against frames.

    Returns
    -------
    matplotlib.animation.FuncAnimation
        As the last line of a cell it shows itself, with buttons. ``to_jshtml()`` gives the page,
        1 to 2 MB; ``save`` writes a film. Every frame of stems; of lines 36 positions,
        evenly spaced. Its `figure` is not
        known to pyplot.

    Raises
    ------
    ValueError, TypeError
        For signals that are not real or have several rows.
    MismatchError
        For NaN or infinities, and if a system has another rate than `fs`.

    Examples
    --------
    >>> import ltisys as lti
    >>> moving = lti.animate_convolution([1.0, 2.0], [1.0, 0.5])
    >>> moving.to_jshtml().count("data:image/png")
    3
    """
    import matplotlib as mpl
    from matplotlib.animation import FuncAnimation
    from matplotlib.backend_bases import FigureCanvasBase
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    class Sliding(FuncAnimation):
        """An animation that a notebook shows without being told how."""

        figure: Figure

        def _repr_html_(self) -> str:
            return str(self.to_jshtml())

    own = _Signals(x, h, fs)
    figure = Figure(figsize=MOVING_SIZE, dpi=DPI, layout="constrained")
    picture = _Picture(figure.subplots(**PANELS), own)
    for a in picture.axes:
        a.spines[["top", "right"]].set_visible(False)
    picture.slide(own.y.size - 1)
    FigureCanvasAgg(figure).print_figure(io.BytesIO())  # which lays it out
    with mpl.rc_context({"figure.autolayout": False, "figure.constrained_layout.use": False}):
        figure.set_layout_engine(None)  # once is enough
    FigureCanvasBase(figure)  # draws nothing but what is asked for
    count = own.y.size if own.stems else MOST_STEPS
    places = np.unique(np.rint(np.linspace(0, own.y.size - 1, count)).astype(int))
    moving = Sliding(figure, picture.slide, frames=places.tolist(), interval=STEP_MS, blit=False)
    moving.figure = figure
    return moving


class _Signals:
    """An input, a kernel and their convolution, with the axis that they are drawn against."""

    def __init__(self, x: Any, h: Any, fs: float | None) -> None:
        if isinstance(h, System):
            fs = _checks.same_rate(fs, h.fs, names=("argument", "system"))
            if h.extent is None:
                raise ValueError(f"h must die away, but {h.endless()}")
            h = h.impulse_response()
            h = h[..., : end_of(list(h.reshape(-1, h.shape[-1])))]
        if fs is not None:
            fs = _checks.number("fs", fs, above=0, unit=" in Hz")
        self.x, self.h = _row("x", x), _row("h", h)
        self.y = convolve(self.x, self.h)
        self.stems = self.y.size <= MOST_STEMS
        """Whether frames are told apart."""
        self.frame, unit = time_axis(self.y.size, None if self.stems else fs)
        self.label = "frame" if unit == "frames" else f"time in {unit}"
        top, size = np.abs(self.x).max(), np.abs(self.h).max()
        ratio = float(top / size) if top and size else 1.0
        self.scale = 1.0 if 1 / ALIKE <= ratio <= ALIKE else _round_number(ratio)
        """By how much the kernel is drawn larger."""


def _row(name: str, value: Any) -> Array:
    """Return a signal as one row of floats."""
    row = _checks.nonempty(name, _checks.numeric(name, value))
    if row.ndim > 1 or row.dtype.kind == "c":
        kind = "complex" if row.dtype.kind == "c" else "real"
        raise ValueError(
            f"{name} must be real, of shape (frames,); got {kind}, {name}.shape={row.shape}; "
            f"draw one row, or part, at a time"
        )
    return drawable(_checks.finite(name, row.astype(np.float64)))


def _round_number(value: float) -> float:
    """Return the nearest of 1, 2, 5, 10 ... below a value."""
    power = 10.0 ** math.floor(math.log10(value))
    return float(max(m for m in (1, 2, 5) if m * power <= value * (1 + 1e-9)) * power)


class _Picture:
    """The artists of the picture, which `slide` moves to a position."""

    def __init__(self, axes: Array, own: _Signals) -> None:
        self.axes, self.own = axes, own
        x, h, y = own.x, own.h, own.y
        top = axes[0]
        self.input = _Signal(top, INPUT, own, "x[k]")
        self.input.show(0, x)
        name = "h[n \N{MINUS SIGN} k]"
        if own.scale != 1:
            name += f" \N{MULTIPLICATION SIGN} {own.scale:g}"
        self.kernel = _Signal(top, KERNEL, own, name, wide=True, filled=True)
        drawn = h * own.scale
        _limits(top, own, [x.min(), x.max(), drawn.min(), drawn.max()])
        top.set_ylabel("input, kernel")
        place = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "ncols": 2}
        top.legend(**LEGEND | place)
        self.several = len(axes) > 1
        if not self.several:
            return
        self.products = _Signal(axes[1], PRODUCT, own, "_products", filled=True)
        corners = np.outer([x.min(), x.max()], [h.min(), h.max()])
        _limits(axes[1], own, [corners.min(), corners.max()])
        axes[1].set_ylabel("products")
        self.to_come = _Signal(axes[2], QUIET, own, "_to come", alpha=0.5)
        self.to_come.show(0, y)
        self.output = _Signal(axes[2], OUTPUT, own, "_output")
        (self.now,) = axes[2].plot([], [], "o", color=PRODUCT, markersize=8, zorder=5, label="_now")
        _limits(axes[2], own, [y.min(), y.max()])
        axes[2].set_ylabel("output")
        axes[2].set_xlabel(own.label)

    def slide(self, n: int) -> None:
        """Move the kernel to frame n of the output."""
        own = self.own
        taps = own.h.size
        place = f"n = {n:,}"
        if own.frame != 1:
            place += f", {n * own.frame:.3g} {own.label.removeprefix('time in ')}"
        self.axes[0].set_title(place, loc="right", fontsize="medium")
        self.kernel.show(n - taps + 1, own.h[::-1] * own.scale)
        if not self.several:
            return
        first, last = max(0, n - taps + 1), min(own.x.size - 1, n)
        products = own.x[first : last + 1] * own.h[n - last : n - first + 1][::-1]
        self.products.show(first, products)
        total = minus(f"{own.y[n] + 0.0:.3g}")
        self.axes[1].set_title(f"sum: y[{n}] = {total}", loc="right", fontsize="medium")
        self.output.show(0, own.y[: n + 1])
        self.now.set_data([n * own.frame], [own.y[n]])


class _Signal:
    """One signal in a panel: stems if frames are told apart, else a line."""

    def __init__(
        self,
        ax: Any,
        colour: str,
        own: _Signals,
        label: str,
        *,
        wide: bool = False,
        filled: bool = False,
        alpha: float = 1.0,
    ) -> None:
        from matplotlib.collections import LineCollection, PolyCollection

        self.own = own
        style: dict[str, Any] = {"color": colour, "alpha": alpha, "label": label}
        self.stems = self.area = None
        if own.stems:
            # the kernel stands behind the input, wider, so that both are seen
            width = 5.0 if wide else 1.6
            self.stems = LineCollection([], colors=colour, linewidths=width, alpha=alpha * 0.7)
            self.stems.set_zorder(2 if wide else 3)
            ax.add_collection(self.stems, autolim=False)
            self.mark = "s" if wide else "o"
            (self.line,) = ax.plot(
                [], [], self.mark, markersize=7 if wide else 5, zorder=2 if wide else 3, **style
            )
        else:
            if filled:
                self.area = PolyCollection([], facecolors=colour, alpha=0.35, linewidths=0)
                ax.add_collection(self.area, autolim=False)
            (self.line,) = ax.plot([], [], linewidth=1.4, zorder=2 if wide else 3, **style)

    def show(self, first: int, values: Array) -> None:
        """Show values from a frame on."""
        time = (first + np.arange(values.size)) * self.own.frame
        time, values = extremes(time, values)
        self.line.set_data(time, values)
        if self.stems is not None:
            self.stems.set_segments([[(t, 0.0), (t, v)] for t, v in zip(time, values, strict=True)])
        if self.area is not None:
            outline = np.stack([time, values], axis=1)
            ends = np.array([[time[-1], 0.0], [time[0], 0.0]]) if time.size else np.empty((0, 2))
            self.area.set_verts([np.concatenate([outline, ends])])


def _limits(ax: Any, own: _Signals, values: list[float]) -> None:
    """Give a panel its limits, from before the kernel enters until it has left, and a zero line."""
    room = 0.75 if own.stems else 0.01 * own.y.size
    first, last = -(own.h.size - 1) - room, own.y.size - 1 + room
    ax.set_xlim(first * own.frame, last * own.frame)
    if own.stems:
        whole_numbers(ax)
    low, high = min(*values, 0.0), max(*values, 0.0)
    span = (high - low) or 1.0
    ax.set_ylim(low - 0.1 * span, high + 0.1 * span)
    ax.axhline(0, color=QUIET, linewidth=0.8, zorder=1)
    grid(ax)
