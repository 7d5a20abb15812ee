"""a picture of a plan: its blocks or partitions, and what is computed when"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ltisys.planner import Plan
from ltisys.plotting import COLOURS, LEGEND, QUIET, grid, one_axes, say, whole_numbers

__all__ = ["plot_plan"]

WIDTH, ROW, REST = 7.5, 0.42, 1.6  # inches: of a picture, of a row, of title and axis
MOST_BLOCKS = 6
MOST_EDGES = 40
"""More partitions than this in a row are drawn as one bar."""
GREY: dict[str, Any] = {"facecolor": QUIET, "alpha": 0.45}
EMPTY: dict[str, Any] = {"facecolor": "none", "edgecolor": QUIET, "hatch": "////", "linewidth": 0}
STYLES: dict[str, dict[str, Any]] = {
    "input is collected": GREY,
    "its answer is computed": {"facecolor": COLOURS[1]},
    "the answer sounds": {"facecolor": COLOURS[0]},
    "read again": GREY,
    "new frames": {"facecolor": COLOURS[0]},
    "added to the next block": {"facecolor": COLOURS[1]},
    "tail": {"facecolor": COLOURS[1]},
    "zeros": EMPTY,
}


@dataclass
class _Row:
    """One line of a schedule: its name, bars (start, stop, kind), and edges inside them."""

    name: str
    bars: Sequence[tuple[float, float, str]]
    edges: list[float] = field(default_factory=list)


def plot_plan(plan: Plan, ax: Any = None) -> Any:
    """Draw the schedule of a plan: which frames each transform takes, and when its answer sounds.

    Parameters
    ----------
    plan : Plan
        Of `plan`, or a stream's `Stream.plan`.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Axes
        Of a stream's plan, against the frames since the first one of an input: how long each
        partition collects input, how long it has to compute, and when the answer sounds. The
        frames are linear up to one block, logarithmic from there on. Of the other methods, the
        frames that the first blocks take and give.

    Raises
    ------
    TypeError
        If `plan` is no Plan, or `ax` no Axes.

    Notes
    -----
    A partition of S taps from tap O on answers the input of frames 0 to S from frame O on, so its
    transforms have the time between S and O; all products but the first can be done before.

    References
    ----------
    W. Gardner, "Efficient convolution without input-output delay", J. Audio Eng. Soc. 43(3), 1995,
    section 3.

    Examples
    --------
    >>> import ltisys as lti
    >>> plan = lti.plan(frames=480_000, taps=24_000, method="overlap-save")
    >>> ax = lti.plot_plan(plan)
    >>> ax.get_xlabel()
    'frame'
    """
    if not isinstance(plan, Plan):
        raise TypeError(f"plan={plan!r} must be a Plan; lti.plan() and stream.plan are")
    streamed = bool(plan.table) or plan.method == "partitioned"
    rows = _partitions(plan) if streamed else _blocks(plan)
    ax = one_axes(ax, (WIDTH, REST + ROW * max(len(rows), 2)))
    ax.set_title(_title(plan), fontsize="medium", loc="left", pad=22 if rows else None)
    if not rows:
        say(ax, plan.why)
        return ax
    seen: dict[str, Any] = {}
    for place, row in enumerate(rows):
        for start, stop, kind in row.bars:
            seen[kind] = ax.broken_barh(
                [(start, stop - start)], (place - 0.32, 0.64), **STYLES[kind]
            )
            if start == stop:  # at once
                ax.plot([start] * 2, [place - 0.42, place + 0.42], color=COLOURS[1], linewidth=3)
        for edge in row.edges:
            ax.plot([edge] * 2, [place - 0.32, place + 0.32], color=QUIET, linewidth=0.7)
    ax.set_yticks(range(len(rows)), [row.name for row in rows])
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    last = max(stop for row in rows for _, stop, _ in row.bars)
    if streamed and last > 4 * plan.block_size:
        _stretched(ax, plan.block_size, last)
    else:
        whole_numbers(ax)
    ax.set_xlim(0, last)
    ax.set_xlabel("frames since the first one of the input" if streamed else "frame")
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    grid(ax)
    ax.grid(axis="y", visible=False)
    ax.set_axisbelow(True)
    kinds = [kind for kind in STYLES if kind in seen]
    ax.legend(
        [seen[kind] for kind in kinds],
        kinds,
        **LEGEND | {"ncols": 4, "loc": "lower left", "bbox_to_anchor": (0.0, 1.0)},
    )
    return ax


def _title(plan: Plan) -> str:
    taps = f"{plan.taps:,} tap{'s' if plan.taps > 1 else ''}"
    if plan.table:
        return f"{plan.method}: blocks of {plan.block_size:,} frames x {taps}"
    if plan.method == "recursive":
        return f"{plan.method}: blocks of {plan.block_size:,} frames"
    return f"{plan.method}: {plan.frames:,} frames x {taps}"


# --- partitions of a response ---------------------------------------------------------------------


def _partitions(plan: Plan, place: str = "") -> list[_Row]:
    """Return a row for each size of partition: when its input is there, and its answer sounds."""
    rows = []
    for number, part in enumerate(plan.series, 1):
        rows += _partitions(part, f"{number}: ")
    start = 0
    for group, (size, count) in enumerate(() if plan.series else plan.partitions):
        end = start + size * count
        name = f"{place}{size:,}" + (f" x {count:,}" if count > 1 else "")
        bars: list[tuple[float, float, str]] = [(start, end + size, "the answer sounds")]
        if group == 0:  # the head: it answers a block as soon as that is there
            taps = min(end, plan.taps)
            bars = [(0, end if plan.head == "fft" else taps, "the answer sounds")]
            if plan.head == "fft":
                name += ", transformed"
            else:
                how = "one matrix" if plan.head == "direct" else "as they are"
                name = f"{place}{taps:,} tap{'s' if taps > 1 else ''}, {how}"
        else:
            bars.insert(0, (size, start, "its answer is computed"))
            bars.insert(0, (0, size, "input is collected"))
        edges: list[float] = [start + size * k for k in range(1, count) if count <= MOST_EDGES]
        rows.append(_Row(name, bars, edges if plan.head == "fft" or group else []))
        start = end
    return rows


def _stretched(ax: Any, block: int, last: float) -> None:
    """Make the horizontal axis linear up to a block and logarithmic from there."""
    from matplotlib.ticker import FixedLocator, NullLocator

    ax.set_xscale("symlog", linthresh=block, base=2)
    ticks = [0.0, float(block)]
    step = 2 if last / block < 2**7 else 4
    while ticks[-1] * step <= last:
        ticks.append(ticks[-1] * step)
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_minor_locator(NullLocator())


# --- blocks of a signal ---------------------------------------------------------------------------


def _blocks(plan: Plan) -> list[_Row]:
    """Return a row for each of the first blocks: the frames that it takes, and gives."""
    outputs, over = plan.frames + plan.taps - 1, plan.taps - 1
    if plan.method == "direct":
        return [_Row("sums of products", [(0, outputs, "new frames")])]
    if plan.method == "fft":
        whole = [(0, plan.frames, "new frames"), (plan.frames, outputs, "tail")]
        return [_Row("one transform", [*whole, (outputs, max(plan.nfft, outputs), "zeros")])]
    if plan.method not in ("overlap-add", "overlap-save"):
        return []
    adding = plan.method == "overlap-add"
    hop, span = plan.block_size, plan.frames if adding else outputs
    count = -(-span // hop)
    rows = []
    for block in range(min(count, MOST_BLOCKS)):
        start, stop = block * hop, min((block + 1) * hop, span)
        other = (stop, stop + over, "added to the next block")
        if not adding:
            other = (start - over, start, "read again")
        bars = [(start, stop, "new frames"), other]
        rows.append(_Row(f"block {block}", [bar for bar in sorted(bars) if bar[0] < bar[1]]))
    if count > MOST_BLOCKS:
        rows[-1].name += f" of {count:,}"
    return rows
