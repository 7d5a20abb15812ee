"""cache-sized batches of blocks, each padded with zeros, their tails added up"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ltisys import spectra
from ltisys._types import Array, Path
from ltisys.engines.base import Group, filtered, groups, lanes, load, response_spectra
from ltisys.planner import Plan

__all__ = ["OverlapAdd"]

Task = tuple[int, Group, int, int]


class OverlapAdd:
    """Convolve blocks of hop frames one by one and add the answers where they overlap.

    A block's answer is nfft = hop + taps - 1 frames long and hop >= taps - 1, so at most two
    blocks meet in a frame, and the sum does not depend on their order: any number of threads
    gives the same bits.

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
        """Fill `out`: each batch writes its own frames, the tails between batches follow."""
        real = spectra.is_real(x.dtype)
        hop, tail = plan.block_size, plan.taps - 1
        each = hop * (2 if real else 1)
        # from the first block that can reach `start`; blocks sit at multiples of hop, always
        begin_row = max(0, (start - tail) // each) if start > tail else 0
        end_row = min(-(-x.shape[1] // each), -(-(start + out.shape[1]) // each))
        tasks: list[Task] = []
        for group in groups(paths):
            many = max(1, plan.rows // len(group.inputs))
            tasks += [
                (len(tasks) + n, group, first, min(many, end_row - first))
                for n, first in enumerate(range(begin_row, end_row, many))
            ]
        out[...] = 0
        tails: list[tuple[int, int, Array]] = [(0, 0, out[0, :0])] * len(tasks)

        def begin() -> Callable[[Task], None]:
            def work(task: Task) -> None:
                number, group, first, count = task
                blocks = np.empty(
                    (len(group.inputs), count, plan.nfft), spectra.complex_for(x.dtype)
                )
                for rows, i in zip(blocks, group.inputs, strict=True):
                    _load_rows(rows, x[i], first * each, hop, real)
                answer = filtered(blocks, prepared, group)
                sums = np.zeros((len(group.outputs), count * each + tail), dtype=x.dtype)
                for rows, total in zip(answer, sums, strict=True):
                    _add_rows(rows, total, plan, real)
                position = first * each - start
                for o, total in zip(group.outputs, sums, strict=True):
                    _add_at(out[o], total[: count * each], position)
                tails[number] = (position + count * each, number, sums[:, count * each :])

            return work

        spectra.parallel(begin, tasks, plan.workers)
        for (_, group, _, _), (position, _, rest) in zip(tasks, tails, strict=True):
            for o, row in zip(group.outputs, rest, strict=True):
                _add_at(out[o], row, position)


def _load_rows(rows: Array, x: Array, position: int, hop: int, real: bool) -> None:
    rows[..., hop:] = 0
    for row in rows:
        for lane in lanes(row, real):
            load(lane[:hop], x, position)
            position += hop


def _add_rows(rows: Array, total: Array, plan: Plan, real: bool) -> None:
    position = 0
    answer = plan.block_size + plan.taps - 1
    for row in rows:
        for lane in lanes(row, real):
            total[position : position + answer] += lane[:answer]
            position += plan.block_size


def _add_at(out: Array, row: Array, position: int) -> None:
    """Add row to out from `position` on, which may lie outside."""
    first, last = max(0, position), min(out.shape[0], position + row.shape[0])
    if first < last:
        out[first:last] += row[first - position : last - position]
