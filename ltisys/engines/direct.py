"""the definition, exact for integers; the published oracle"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ltisys import spectra
from ltisys._types import Array, Path
from ltisys.engines.base import load
from ltisys.planner import DIRECT_TAPS, Plan

__all__ = ["Direct"]

BLOCK = 32  # outputs a row of a matrix product: least time for 16 to 512 taps
STRIP = 1 << 17  # outputs a task
ROWS = 512  # rows copied and multiplied at once: they stay in cache
PRODUCT = 200_000  # multiply-adds of one product: below, BLAS starts no threads beside ours
MOST_TAPS = 1024  # a longer response is summed in pieces, so the Toeplitz matrix stays in cache
SMALL = 1 << 14  # multiply-adds below which building the matrix costs more than it saves

Task = tuple[list[Path], int, int]


class Direct:
    """Sum h[t] x[n - t] for every output, with no transform.

    Integers and long doubles go through `numpy.convolve`, whose sums are exact modulo 2**64 for
    integers. Floats go through matrix products: 32 outputs at a time are a window of the signal
    times a Toeplitz matrix of the response, which is where BLAS is several times faster than one
    dot product an output. A response of a few non-zero taps is a few shifted sums.
    """

    def prepare(self, h: Array, plan: Plan) -> Array:
        """Keep the responses as they are."""
        return h

    def run(
        self, x: Array, prepared: Array, paths: tuple[Path, ...], plan: Plan, start: int, out: Array
    ) -> None:
        """Fill `out`, each output cut into strips for the threads."""
        heard: dict[int, list[Path]] = {}
        for path in paths:
            heard.setdefault(path[0], []).append(path)
        length = out.shape[1]
        tasks: list[Task] = [
            (mine, first, min(first + STRIP, length))
            for mine in heard.values()
            for first in range(0, length, STRIP)
        ]

        def begin() -> Callable[[Task], None]:
            def work(task: Task) -> None:
                mine, first, last = task
                place = out[mine[0][0], first:last]
                place[...] = _answer(
                    x[mine[0][1]], prepared[mine[0][2]], start + first, last - first
                )
                for _, i, k in mine[1:]:
                    place += _answer(x[i], prepared[k], start + first, last - first)

            return work

        spectra.parallel(begin, tasks, plan.workers)


def _answer(x: Array, h: Array, start: int, length: int) -> Array:
    """Return outputs start .. start + length of x * h; the shorter of the two is the response."""
    if h.shape[0] > x.shape[0] and np.count_nonzero(h) > DIRECT_TAPS:
        x, h = h, x
    taps = h.shape[0]
    present = np.flatnonzero(h)
    if present.size <= DIRECT_TAPS:
        total = np.zeros(length, dtype=x.dtype)
        for t in present:
            total += h[t] * _window(x, start - int(t), length)
        return total
    if x.dtype not in (np.float32, np.float64, np.complex64, np.complex128) or (
        length * taps < SMALL
    ):
        return np.convolve(_window(x, start - taps + 1, length + taps - 1), h, mode="valid")
    total = _products(x, h[:MOST_TAPS], start, length)
    for first in range(MOST_TAPS, taps, MOST_TAPS):
        total += _products(x, h[first : first + MOST_TAPS], start - first, length)
    return total


def _window(x: Array, start: int, length: int) -> Array:
    """Return x[start : start + length], zeros where x has no frames; a view where it can be."""
    if start >= 0 and start + length <= x.shape[0]:
        return x[start : start + length]
    window = np.empty(length, dtype=x.dtype)
    load(window, x, start)
    return window


def _products(x: Array, h: Array, start: int, length: int) -> Array:
    """Convolve by products of windows (rows, width) and a Toeplitz matrix (width, 32).

    Row r holds x[start + 32 r - taps + 1 ...]; column j of the matrix holds h reversed, j rows
    down, so row r times column j is output 32 r + j.
    """
    taps, size = h.shape[0], h.itemsize
    width = BLOCK + taps - 1
    padded = np.zeros(2 * width, dtype=h.dtype)
    padded[BLOCK - 1 : width] = h[::-1]
    toeplitz = as_strided(padded[BLOCK - 1 :], (width, BLOCK), (size, -size), writeable=False)
    together = int(np.clip(PRODUCT // (width * BLOCK), 4, 32))  # rows a product
    products = -(-length // (BLOCK * together))
    window = _window(x, start - taps + 1, products * together * BLOCK + taps - 1)
    step = window.strides[0]
    shape = (products, together, width)
    strides = (together * BLOCK * step, BLOCK * step, step)
    windows = as_strided(window, shape, strides, writeable=False)
    toeplitz = np.ascontiguousarray(toeplitz)
    total = np.empty((products, together, BLOCK), dtype=h.dtype)
    scratch = np.empty((min(products, ROWS // together), together, width), dtype=h.dtype)
    for first in range(0, products, scratch.shape[0]):
        some = windows[first : first + scratch.shape[0]]
        rows = scratch[: some.shape[0]]
        np.copyto(rows, some)
        np.matmul(rows, toeplitz, out=total[first : first + some.shape[0]])
    return np.asarray(total.reshape(-1)[:length])
