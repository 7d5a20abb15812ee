"""the definition, exact for integers; the published oracle"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ltisys import spectra
from ltisys._types import Array
from ltisys.engines.base import Path, load
from ltisys.planner import DIRECT_TAPS, Plan

__all__ = ["Direct"]

BLOCK = 64  # outputs a row of the matrix product: least time for 16 to 512 taps, see `_blocks`
ROWS = 512  # rows a matrix product: its windows stay in cache
MOST_TAPS = 1024  # a longer response is summed in pieces, so the Toeplitz matrix stays in cache
SMALL = 1 << 16  # multiply-adds below which building the matrix costs more than it saves


class Direct:
    """Sum h[t] x[n - t] for every output, with no transform.

    Integers and long doubles go through `numpy.convolve`, whose sums are exact modulo 2**64 for
    integers. Floats go through matrix products: 64 outputs at a time are a Toeplitz matrix of the
    response times a window of the signal, which is where BLAS is several times faster than one
    dot product an output. A response of a few non-zero taps is a few shifted sums.
    """

    def prepare(self, h: Array, plan: Plan) -> Array:
        """Keep the responses as they are."""
        return h

    def run(
        self, x: Array, prepared: Array, paths: tuple[Path, ...], plan: Plan, start: int, out: Array
    ) -> None:
        """Fill `out`, path by path, each cut into runs of outputs for the threads."""
        out[...] = 0
        step = ROWS * BLOCK
        tasks = [
            (path, first, min(first + step, out.shape[1]))
            for path in paths
            for first in range(0, out.shape[1], step)
        ]
        if len(paths) > len({path[0] for path in paths}):
            # outputs with several inputs: threads may share an output only range by range
            tasks.sort(key=lambda task: (task[1], task[0]))
            runs = [
                [task for task in tasks if task[1] == first]
                for first in range(0, out.shape[1], step)
            ]
        else:
            runs = [[task] for task in tasks]

        def begin():  # type: ignore[no-untyped-def]  # a closure handed straight to `parallel`
            def work(run: list[tuple[Path, int, int]]) -> None:
                for (o, i, k), first, last in run:
                    _add(out[o, first:last], x[i], prepared[k], start + first)

            return work

        spectra.parallel(begin, runs, plan.workers)


def _add(out: Array, x: Array, h: Array, start: int) -> None:
    """Add outputs start .. start + len(out) of x * h to out."""
    length, taps = out.shape[0], h.shape[0]
    present = np.flatnonzero(h)
    if present.size <= DIRECT_TAPS:
        window = np.empty(length, dtype=x.dtype)
        for t in present:
            load(window, x, start - int(t))
            out += h[t] * window
        return
    if x.dtype not in (np.float32, np.float64, np.complex64, np.complex128) or (
        length * taps < SMALL
    ):
        window = np.empty(length + taps - 1, dtype=x.dtype)
        load(window, x, start - taps + 1)
        out += np.convolve(window, h, mode="valid")
        return
    for first in range(0, taps, MOST_TAPS):
        _blocks(out, x, h[first : first + MOST_TAPS], start - first)


def _blocks(out: Array, x: Array, h: Array, start: int) -> None:
    """Add a convolution as a product of windows (rows, width) and a Toeplitz matrix.

    Row r holds x[start + 64 r - taps + 1 ...]; column j of the matrix holds h reversed, j rows
    down, so row r times column j is output 64 r + j.
    """
    length, taps = out.shape[0], h.shape[0]
    width = BLOCK + taps - 1
    rows = -(-length // BLOCK)
    padded = np.zeros(2 * width - 1, dtype=h.dtype)
    padded[BLOCK - 1 : width] = h[::-1]
    size = h.itemsize
    toeplitz = as_strided(padded[BLOCK - 1 :], (width, BLOCK), (size, -size), writeable=False)
    window = np.empty(rows * BLOCK + taps - 1, dtype=x.dtype)
    load(window, x, start - taps + 1)
    view = as_strided(window, (rows, width), (BLOCK * size, size), writeable=False)
    product = np.ascontiguousarray(view) @ np.ascontiguousarray(toeplitz)
    out += product.reshape(-1)[:length]
