"""The FFT floor: the transforms of a plan alone, with nothing read, multiplied or written.

No block convolution can be faster than its own transforms, so the time over this floor is what
is left to gain without a faster FFT.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.fft

from benchmarks.signals import Array, noise
from ltisys import spectra
from ltisys.planner import Plan

STARTS_AT = 1e-30
REFILL_ABOVE = 1e25  # the inverse does not divide by nfft, so values grow at every round trip


class Batch:
    """Rows transformed there and back, over and over; refilled before their values overflow."""

    def __init__(self, rows: int, nfft: int, dtype: str) -> None:
        one = noise(nfft, dtype=dtype) * STARTS_AT
        self.fresh = np.broadcast_to(one, (rows, nfft))
        self.values: Array = self.fresh.copy()
        self.scale = STARTS_AT

    def step(self, rows: int | None = None) -> None:
        """Do one round trip through the transforms of ltisys."""
        if self.scale * self.fresh.shape[-1] > REFILL_ABOVE:
            self.values[...] = self.fresh
            self.scale = STARTS_AT
        spectra.inverse(spectra.forward(self.values[:rows]))
        self.scale *= self.fresh.shape[-1]


def row_count(plan: Plan) -> int:
    """Count the complex rows a block method transforms for one channel; two real blocks a row."""
    span = plan.frames if plan.method == "overlap-add" else plan.frames + plan.taps - 1
    lanes = 2 if spectra.is_real(np.dtype(plan.dtype)) else 1
    return -(-span // (plan.block_size * lanes))


def _batches(total: int, at_once: int) -> list[int]:
    return [min(at_once, total - first) for first in range(0, total, at_once)]


def own_floor(plan: Plan) -> Callable[[], None]:
    """Return a call that runs the plan's batches through `ltisys.spectra` alone, on its threads."""
    dtype = spectra.complex_for(np.dtype(plan.dtype)).name
    tasks = _batches(row_count(plan), plan.rows)
    ready = [Batch(plan.rows, plan.nfft, dtype) for _ in range(plan.workers)]

    def work() -> None:
        free = list(ready)
        spectra.parallel(lambda: free.pop().step, tasks, plan.workers)

    return work


def scipy_floor(plan: Plan) -> Callable[[], None]:
    """Return a call that runs the same real blocks through scipy.fft.rfft and irfft alone."""
    tasks = _batches(2 * row_count(plan), 2 * plan.rows)
    blocks = np.broadcast_to(noise(plan.nfft), (2 * plan.rows, plan.nfft)).copy()

    def step(rows: int) -> None:
        spectrum = scipy.fft.rfft(blocks[:rows], workers=1)
        scipy.fft.irfft(spectrum, plan.nfft, overwrite_x=True, workers=1)

    def work() -> None:
        spectra.parallel(lambda: step, tasks, plan.workers)

    return work
