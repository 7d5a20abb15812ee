"""a response in partitions: their spectra, and their work cut into steps spread over blocks

For partition p of size S and the input up to frame t, overlap-save says::

    y[t - S + o : t + o] += irfft(sum over p of rfft(x[t - 2 S : t]) at t - p S  *  H[p])[S:]

where the partitions of that size begin at tap o >= S. Everything but the newest product can be
done before frame t, and the sum is wanted at t - S + o: the work is cut into steps, each with the
frame from which it is due, so that no block has much of it. A helper thread for the sizes from 2048
up was tried instead: as good at the pace of a sound card, but with stereo blocks of 64 and 4 s it
took 2.4 ms for one push in a thousand when ahead of that pace, where steps take 0.4 ms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ltisys import costs, schedules, spectra
from ltisys._types import Array, Path
from ltisys.planner import Plan
from ltisys.tape import Analysis, Tape, flush_level

__all__ = ["Group", "Response", "is_shared"]

LEAST_TAPE = 4096
"""Frames: a shorter ring would be wound round every few blocks."""
STEP_SHARE = 0.5
"""Products are gathered into steps of at least so much of a block's budget."""


Work = tuple[tuple[tuple[str, int, int], ...], tuple[int, ...]]
"""Steps, and the frame from which each is due; see `Group`."""


@dataclass(frozen=True)
class Group:
    """Partitions of one size, in a row."""

    size: int
    offset: int
    """The tap at which they start."""
    spectra: Array
    """(count, paths or 1, bins), or (count, outputs, inputs, bins) where every input is heard."""
    peaks: tuple[float, ...]
    """No bin of a partition's spectra is larger."""
    steps: tuple[tuple[str, int, int], ...]
    """``("multiply", p, q)``, ``("transform", i, j)``, ``("inverse", o, p)``."""
    due: tuple[int, ...]
    """The frame after (or before) the end of the newest window from which each step is due."""
    depth: int
    """Spectra of the input that are needed."""


class Response:
    """Hold what a voice needs of responses (rows, taps) and their paths, for one plan.

    Made once, never changed, shared by every stream of a system.
    """

    def __init__(
        self,
        h: Array,
        paths: tuple[Path, ...],
        outputs: int,
        inputs: int,
        plan: Plan,
        work: tuple[Work, ...] = (),
    ) -> None:
        self.made_of = (h, paths, outputs, inputs, plan)
        self._work = work
        self.plan, self.outputs, self.inputs = plan, outputs, inputs
        dtype = np.dtype(plan.dtype)
        taps = h.astype(dtype)
        taps[np.abs(taps) < flush_level(dtype)] = 0
        sounding = [bool(row.any()) for row in taps]
        paths = tuple(sorted(p for p in paths if sounding[p[2]]))
        self.taps = int(h.shape[1])
        self.shared = is_shared(paths, inputs, outputs)
        self.paths = paths
        every = [(o, i) for o in range(outputs) for i in range(inputs)]
        self.dense = inputs > 1 and [p[:2] for p in paths] == every
        self.take, self.sums, self.rows = _wiring(paths, inputs, outputs)
        rows = taps[[0]] if not paths else taps[[k for _, _, k in paths]]
        if self.shared:
            rows = rows[:1]
        self.sparse: tuple[tuple[int, Array], ...] = ()
        self.matrix: Array | None = None
        self.first: Array | None = None
        self.groups: list[Group] = []
        block = plan.block_size
        if not paths:
            return
        if plan.method == "direct":
            places = np.flatnonzero(rows.any(axis=0))
            self.sparse = tuple((int(t), rows[:, t, None].copy()) for t in places)
            return
        start = 0
        for place, (size, count) in enumerate(plan.partitions):
            if place == 0 and plan.head == "direct":
                self.matrix = _toeplitz(
                    rows[:, : size * count], size * count, schedules.columns(block)
                )
                if self.dense:  # the inputs of an output side by side: added up by the product
                    self.matrix = self.matrix.reshape(outputs, -1, self.matrix.shape[2])
                self.matrix.setflags(write=False)
            else:
                group = self._group(rows, start, size, count)
                if place == 0:
                    self.first = np.ascontiguousarray(rows[:, :block])
                if place == 0 or any(group.peaks):
                    self.groups.append(group)
            start += size * count

    def __reduce__(self) -> tuple[Any, ...]:
        # a stream out of a pickle goes on with the same steps, whatever this machine would choose
        return Response, (*self.made_of, tuple((g.steps, g.due) for g in self.groups))

    def __deepcopy__(self, memo: dict[int, Any]) -> Response:
        return self

    @property
    def reserve(self) -> tuple[int, int]:
        """The frames a tape must keep for it, and the longest window it will ask for."""
        block = self.plan.block_size
        window = 2 * block
        if self.matrix is not None:
            size, count = self.plan.partitions[0]
            window += size * count + schedules.MOST_COLUMNS
        keep = max(self.taps + 2 * block, LEAST_TAPE)
        for group in self.groups:
            window = max(window, 2 * group.size)
            keep = max(keep, group.size + group.offset + 2 * block)
        return 1 << (max(keep, window) - 1).bit_length(), window

    def tape(self) -> Tape:
        """Return a new tape for its input."""
        return Tape(self.inputs, *self.reserve, np.dtype(self.plan.dtype))

    def analyses(self, tape: Tape, present: dict[int, Analysis]) -> dict[int, Analysis]:
        """Return `present` with the spectra it needs, made or deepened where they lack."""
        for group in self.groups:
            analysis = present.get(group.size)
            if analysis is None:
                analysis = present[group.size] = Analysis(group.size, group.depth, tape)
                if tape.position:
                    analysis.fill(analysis.done)
            else:
                analysis.deepen(group.depth)
        return present

    def _group(self, rows: Array, start: int, size: int, count: int) -> Group:
        """Transform `count` partitions of a size, from a tap on."""
        nfft = spectra.partition_nfft(size)
        count = max(1, min(count, -(-(rows.shape[1] - start) // size)))
        pieces = np.zeros((rows.shape[0], count * size), dtype=rows.dtype)
        part = rows[:, start : start + count * size]
        pieces[:, : part.shape[1]] = part
        cut = pieces.reshape(rows.shape[0], count, size).swapaxes(0, 1)
        peaks = tuple(float(v) for v in np.abs(cut).sum(axis=2).max(axis=1))
        transform = spectra.RealTransform(nfft, rows.dtype)
        shape = (count, rows.shape[0], transform.bins)
        made = np.zeros(shape, dtype=spectra.complex_for(rows.dtype))
        for p in range(count):
            if peaks[p]:
                transform.forward(np.ascontiguousarray(cut[p]), made[p])
        if self.dense:  # so that the inputs of an output are one axis
            made = made.reshape(count, self.outputs, self.inputs, -1)
        made.setflags(write=False)
        if len(self._work) > len(self.groups):
            steps, due = self._work[len(self.groups)]
        else:
            steps, due = self._steps(start, size, [p for p in range(1, count) if peaks[p]])
        depth = count + -(-start // size) + 2
        return Group(size, start, made, peaks, steps, due, depth)

    def _steps(self, offset: int, size: int, old: list[int]) -> Work:
        """Cut the work that recurs every `size` frames into steps, and say when each is due.

        All products but the newest (`old`) come first, the oldest ahead; then the transforms of
        the newest window, its product, and the way back. Each step is due in proportion to the
        work before it, from when the last answer was wanted to when the next one is.
        """
        plan, table = self.plan, costs.current(self.plan.dtype)
        block, budget = plan.block_size, schedules.budget(plan.block_size)
        product = max(1, len(self.paths)) * table.of("multiply", size)
        late: list[tuple[str, int, int]] = []
        late_us: list[float] = []
        for kind, rows, part in (
            ("transform", self.inputs, "forward"),
            ("multiply", 1, "multiply"),
            ("inverse", self.outputs, "inverse"),
        ):
            us = product if kind == "multiply" else table.of(part, size)
            at_once = max(1, int(budget / us))  # so many rows make one step
            for first in range(0, rows, at_once):
                late.append((kind, first, min(first + at_once, rows)))
                late_us.append(us * (late[-1][2] - first))
        early: list[tuple[str, int, int]] = []
        at_once = max(1, int(STEP_SHARE * budget / product))
        stop = old[-1] + 1 if old else 1
        while stop > 1:
            first = max(1, stop - at_once)
            early.append(("multiply", first, stop))
            stop = first
        early_us = [product * (stop - first) for _, first, stop in early]
        steps = (*early, *late)
        if offset == 0 or sum(early_us) + sum(late_us) <= budget:
            return steps, (0,) * len(steps)
        spread = min(offset - size, size)
        last = max(spread - block, 0)
        if spread < size:  # there is time before the newest window is complete
            # each size a block later than the one before: their windows end together
            due = _paced(early_us, spread - size, 0)
            due += _paced(late_us, min(len(self.groups) * block, last), last)
        else:
            due = _paced(early_us + late_us, 0, last)
        return steps, tuple(due)


def _paced(work: list[float], begin: int, end: int) -> list[int]:
    """Spread pieces of work over frames, each due in proportion to the work before it."""
    total, before, due = sum(work), 0.0, []
    for us in work:
        due.append(begin + int((end - begin) * before / total))
        before += us
    return due


def is_shared(paths: tuple[Path, ...], inputs: int, outputs: int) -> bool:
    """Say whether every channel is filtered by itself and alike."""
    alike = len({k for _, _, k in paths}) == 1 and inputs == outputs
    return alike and sorted(p[:2] for p in paths) == [(i, i) for i in range(inputs)]


def _wiring(
    paths: tuple[Path, ...], inputs: int, outputs: int
) -> tuple[Array | None, Array | None, Array | None]:
    """Return how rows reach the paths and leave them; None stands for one by one.

    Which input each path hears, where the paths of each output begin, and which outputs have any.
    """
    heard = [i for _, i, _ in paths]
    take = (
        None if heard in (list(range(inputs)), [0] * len(paths) if inputs == 1 else None) else heard
    )
    reached = sorted({o for o, _, _ in paths})
    starts = [next(j for j, p in enumerate(paths) if p[0] == o) for o in reached]
    sums = None if len(reached) == len(paths) else starts
    rows = None if reached == list(range(outputs)) else reached
    return tuple(None if v is None else np.array(v) for v in (take, sums, rows))  # type: ignore[return-value]


def _toeplitz(h: Array, taps: int, many: int) -> Array:
    """Return matrices T (rows, taps - 1 + many, many): a window times T is `many` outputs.

    ``y[n] = sum_t h[t] w[taps - 1 + n - t]``, so ``T[taps - 1 + n - t, n] = h[t]``.
    """
    matrix = np.zeros((h.shape[0], taps - 1 + many, many), dtype=h.dtype)
    padded = np.zeros((h.shape[0], taps), dtype=h.dtype)
    padded[:, : h.shape[1]] = h[:, :taps]
    for n in range(many):
        matrix[:, n : n + taps, n] = padded[:, ::-1]
    return matrix
