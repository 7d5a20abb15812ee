"""a long input block by block: the same answer however it is read, in constant memory"""

from __future__ import annotations

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
) -> Iterator[tuple[Array, Array]]:
    """Yield (input, answer) pairs, (inputs, n) and (outputs, m), the tail at the end.

    The input is taken as followed by zeros for as long as anything sounds. Every chunk is computed
    alike, from as many frames before it as the response is long, so the result depends neither on
    the sizes of `blocks` nor on the workers. The arrays are views, good until the next pair.

    Parameters
    ----------
    blocks : iterator of ndarray, shape (inputs, any)
        The input; read one block ahead, on a thread of its own.
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
    """
    history = plan.taps - 1
    window = np.zeros((inputs, history + chunk), dtype=plan.dtype)
    new = window[:, history:]
    early = lead  # frames before time 0 still to be dropped
    left = None  # frames of the answer still to come, known when the input has ended
    with _ReadAhead(blocks) as ahead:
        while left is None or left > 0:
            n = ahead.fill(new)
            if n < chunk:
                new[:, n:] = 0
                if left is None:
                    left = n + history
            y = kernels.run(window, plan, history, chunk)
            if dry:
                y += window[:, history - lead : history - lead + chunk] * y.dtype.type(dry)
            if left is not None:
                y = y[:, :left]
                left -= chunk
            now = min(early, y.shape[1])
            yield new[:, :n], y[:, now:]
            early -= now
            window[:, :history] = window[:, chunk:]


class _ReadAhead:
    """Read blocks on a thread of its own, one ahead of the one in use."""

    def __init__(self, blocks: Iterator[Array]) -> None:
        self._blocks = blocks
        self._rest: Array | None = None
        self._ended = False
        self._thread = ThreadPoolExecutor(1)

    def __enter__(self) -> _ReadAhead:
        self._next = self._thread.submit(next, self._blocks, None)
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()

    def fill(self, place: Array) -> int:
        """Copy the next frames into place (channels, n); fewer than n only at the end."""
        filled = 0
        while filled < place.shape[1] and not self._ended:
            if self._rest is None:
                self._rest = self._next.result()
                if self._rest is None:
                    self._ended = True
                    break
                self._next = self._thread.submit(next, self._blocks, None)
            n = min(self._rest.shape[1], place.shape[1] - filled)
            place[:, filled : filled + n] = self._rest[:, :n]
            self._rest = self._rest[:, n:] if n < self._rest.shape[1] else None
            filled += n
        return filled
