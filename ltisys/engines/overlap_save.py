"""cache-sized batches of blocks, each cut out of the input with the frames before it"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ltisys import spectra
from ltisys._types import Array, Path
from ltisys.engines.base import Group, filtered, groups, lanes, load, response_spectra
from ltisys.planner import Plan

__all__ = ["OverlapSave"]

Task = tuple[Group, int, int]


class OverlapSave:
    """Transform blocks of nfft frames that overlap by taps - 1, keep the hop frames that are right.

    A block holds hop = nfft - taps + 1 new frames behind the taps - 1 before them; the circular
    convolution is the linear one from frame taps - 1 on. Two neighbouring real blocks travel as
    one complex row. Rounding errors stay within those two blocks, so a quiet passage keeps its
    own precision beside a loud one.

    References
    ----------
    Oppenheim and Schafer, "Discrete-Time Signal Processing", 3rd ed., section 8.7.3.
    """

    def prepare(self, h: Array, plan: Plan) -> Array:
        """Return the spectra (responses, nfft)."""
        return response_spectra(h, plan.nfft)

    def run(
        self, x: Array, prepared: Array, paths: tuple[Path, ...], plan: Plan, start: int, out: Array
    ) -> None:
        """Fill `out`, a batch of neighbouring blocks at a time."""
        real = spectra.is_real(x.dtype)
        each = plan.block_size * (2 if real else 1)  # frames a row
        rows = -(-out.shape[1] // each)
        tasks: list[Task] = []
        for group in groups(paths):
            many = max(1, plan.rows // len(group.inputs))
            tasks += [(group, first, min(many, rows - first)) for first in range(0, rows, many)]

        def begin() -> Callable[[Task], None]:
            scratch: dict[int, Array] = {}

            def work(task: Task) -> None:
                group, first, count = task
                size = len(group.inputs)
                if size not in scratch:
                    shape = (size, max(1, plan.rows // size), plan.nfft)
                    scratch[size] = np.empty(shape, dtype=spectra.complex_for(x.dtype))
                blocks = scratch[size][:, :count]
                for row, i in zip(blocks, group.inputs, strict=True):
                    _load_rows(row, x[i], start + first * each - plan.taps + 1, plan, real)
                _save(filtered(blocks, prepared, group), group, out, first * each, plan, real)

            return work

        spectra.parallel(begin, tasks, plan.workers)


def _load_rows(rows: Array, x: Array, start: int, plan: Plan, real: bool) -> None:
    """Fill rows with blocks of x, `block_size` frames apart, from frame `start` on."""
    hop = plan.block_size
    each = 2 if real else 1
    if start >= 0 and start + (len(rows) * each - 1) * hop + plan.nfft <= x.shape[0]:
        step = x.strides[0]
        shape, strides = (len(rows), each, plan.nfft), (each * hop * step, hop * step, step)
        blocks = as_strided(x[start:], shape, strides, writeable=False)
        for lane, place in enumerate(lanes(rows, real)):
            place[...] = blocks[:, lane]
        return
    for row in rows:
        for place in lanes(row, real):
            load(place, x, start)
            start += hop


def _save(blocks: Array, group: Group, out: Array, first: int, plan: Plan, real: bool) -> None:
    """Copy what is right of blocks (outputs, rows, nfft) to out, from output `first` on."""
    hop = plan.block_size
    right = slice(plan.taps - 1, plan.taps - 1 + hop)
    each = 2 if real else 1
    for rows, o in zip(blocks, group.outputs, strict=True):
        places = out[o, first : first + len(rows) * each * hop]
        if places.shape[0] == len(rows) * each * hop:
            blocks_out = places.reshape(len(rows), each, hop)
            for lane, part in enumerate(lanes(rows, real)):
                blocks_out[:, lane] = part[:, right]
            continue
        position = 0
        for row in rows:
            for part in lanes(row, real):
                place = places[position : position + hop]
                place[...] = part[right][: place.shape[0]]
                position += hop
