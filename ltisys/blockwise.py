"""a long input block by block: the same answer however it is read, in constant memory"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ltisys._types import Array
from ltisys.convolution import Kernels
from ltisys.planner import Plan

__all__ = ["answers", "chunk_size"]

LEAST_CHUNK = 1 << 18
"""Frames convolved at once at the least, so that every thread has work."""


def chunk_size(plan: Plan, frames: int | None) -> int:
    """Return how many frames to compute at once: pairs of the plan's blocks, or everything."""
    step = plan.block_size * 2 if plan.nfft else LEAST_CHUNK
    chunk = -(-LEAST_CHUNK // step) * step
    return chunk if frames is None else min(chunk, frames + plan.taps - 1)


def answers(
    blocks: Iterator[Array],
    kernels: Kernels,
    plan: Plan,
    *,
    inputs: int,
    chunk: int,
    dry: float = 0.0,
    lead: int = 0,
    finite: bool = False,
) -> Iterator[tuple[int, Array]]:
    """Yield pairs of a number of input frames and the answer (outputs, n), the tail at the end.

    The input is taken as followed by zeros for as long as anything sounds. Every chunk is computed
    alike, from as many frames before it as the response is long, so the result depends neither on
    the sizes of `blocks` nor on the workers. An answer is good until the pair after the next.

    Parameters
    ----------
    blocks : iterator of ndarray, shape (inputs, any)
        The input; read one chunk ahead, on a thread of its own.
    kernels, plan
        The responses and how to convolve them; not a plan of one whole transform.
    inputs : int
        Input channels.
    chunk : int
        Frames computed at once, see `chunk_size`.
    dry : float
        Gain of the input mixed into the answer, where both have the same channels or the input
        has one.
    lead : int
        Frames at the start of the response that precede time 0: as many are dropped from the
        answer, and the dry sound stays in place.
    finite : bool
        No block holds NaN or infinities.
    """
    history = plan.taps - 1
    # one window is computed from while the other is read into; one answer is used while the
    # other is computed: no memory is asked for on the way
    windows = np.zeros((2, inputs, history + chunk), dtype=plan.dtype)
    outs = np.empty((2, kernels.outputs, chunk), dtype=plan.dtype)
    source = _Reader(blocks)
    early = lead  # frames before time 0 still to be dropped
    left = None  # frames of the answer still to come, known when the input has ended
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(source.fill, windows[0, :, history:])
        for turn in itertools.cycle((0, 1)):
            n = coming.result()
            window, after = windows[turn], windows[1 - turn]
            after[:, :history] = window[:, chunk:]
            coming = thread.submit(source.fill, after[:, history:])
            if n < chunk and left is None:
                left = n + history
            y = kernels.run(window, plan, history, chunk, out=outs[turn], finite=finite)
            if dry:
                y += window[:, history - lead : history - lead + chunk] * y.dtype.type(dry)
            if left is not None:
                y = y[:, :left]
                left -= chunk
            now = min(early, y.shape[1])
            yield n, y[:, now:]
            early -= now
            if left is not None and left <= 0:
                return


class _Reader:
    """Copy blocks of any size into places of another size."""

    def __init__(self, blocks: Iterator[Array]) -> None:
        self._blocks = blocks
        self._rest: Array | None = None

    def fill(self, place: Array) -> int:
        """Copy the next frames into place (channels, n), and zeros when they end; count them."""
        filled = 0
        while filled < place.shape[1]:
            block = next(self._blocks, None) if self._rest is None else self._rest
            if block is None:
                place[:, filled:] = 0
                break
            n = min(block.shape[1], place.shape[1] - filled)
            place[:, filled : filled + n] = block[:, :n]
            self._rest = block[:, n:] if n < block.shape[1] else None
            filled += n
        return filled
