"""what varies with time: the period after which a system repeats, its rate, its edges"""

from __future__ import annotations

import time
from fractions import Fraction
from itertools import pairwise

import numpy as np

from ltisys import excitation
from ltisys._types import Array
from ltisys.black_box import BlackBox, Unanswered
from ltisys.laws import LONG_SHIFTS
from ltisys.rounding import Rounding

__all__ = ["Variation", "rate_of"]

PHASE = 1e-9
"""Relative: sines of large phases, such as modulate, repeat no better than this."""
SCANNED = 1024
"""Shifts up to here are tried one by one."""


def rate_of(box: BlackBox, frames: int) -> Fraction:
    """Return the frames answered for each frame asked, as lengths grow."""
    if box.fixed is not None:
        return Fraction(1)
    n, step = box.frames(frames), 5040
    try:
        answered = [box.raw(np.zeros((box.inputs, n + k * step))).shape[-1] for k in range(3)]
    except Unanswered:
        return Fraction(1)
    rates = {Fraction(b - a, step).limit_denominator(1024) for a, b in pairwise(answered)}
    rate = rates.pop()
    # answers as long as the next power of two, or always alike, have no rate
    return rate if rate > 0 and not rates else Fraction(1)


class Variation:
    """Asks a system that is not time-invariant how it varies, within a budget of seconds."""

    def __init__(
        self, box: BlackBox, rounding: Rounding, rate: Fraction, longest: int, seconds: float
    ) -> None:
        self.box, self.rounding, self.rate, self.longest = box, rounding, rate, longest
        self.deadline = time.perf_counter() + seconds
        rng = np.random.default_rng(8)
        self.signals = [
            excitation.draw(rng, "noise", box.inputs, max(n, box.least), -20.0)
            for n in (97, 257, 600)
        ]
        self.answers: dict[int, Array] = {}

    def alike(self, which: int, shift: int, *, padding: int = 0) -> bool:
        """Whether one of the signals, delayed by `shift`, has the delayed answer."""
        a = self.signals[which]
        if padding:
            a = np.pad(a, ((0, 0), (padding, padding + shift)))
        key = which + 10 * padding * (1 + shift)
        if key not in self.answers:
            self.answers[key] = self.box(a)
        still = self.answers[key]
        if padding:  # inside a window of silence
            moved = self.box(np.roll(a, shift, axis=-1))
        else:
            moved = self.box(np.pad(a, ((0, 0), (shift, 0))))
        out = int(shift * self.rate)
        frames = min(still.shape[-1], moved.shape[-1] - out)
        if frames < 1:
            return False
        apart = float(np.abs(moved[..., out : out + frames] - still[..., :frames]).max())
        top = max(float(np.abs(moved).max()), float(np.abs(still).max()))
        peak = float(np.abs(a).max())
        limit = self.rounding.limit(top, float(np.linalg.norm(a)), moved.shape[-1], peak)
        return apart <= max(limit, PHASE * top)

    def invariant_by(self, period: int) -> bool:
        """Whether shifts by multiples of a period, near and far, leave the answer as it is."""
        if (period * self.rate).denominator != 1:
            return False
        far = [s for s in LONG_SHIFTS if s + 600 < self.longest]
        shifts = {period, 2 * period, 3 * period, *(-(-s // period) * period for s in far)}
        try:
            return all(self.alike(which, shift) for which in range(3) for shift in sorted(shifts))
        except Unanswered:
            return False

    def period(self, memory: int | None) -> int | None:
        """Return the smallest period found, None if there is none within what was tried."""
        if self.box.fixed is not None:
            return None
        for period in range(2, SCANNED + 1):
            if (period * self.rate).denominator != 1:
                continue
            try:
                if self.alike(0, period) and self.invariant_by(period):
                    return period
            except Unanswered:
                return None
            if time.perf_counter() > self.deadline:
                break
        return self._long_period(memory)

    def _long_period(self, memory: int | None) -> int | None:
        """Look for a period in the answers to an impulse every so many frames."""
        if memory is None or memory > 4096 or self.rate != 1 or self.longest < 4 * SCANNED:
            return None
        every = max(16, 1 << int(memory + 1).bit_length())
        rows = self.longest // every
        x = np.zeros((self.box.inputs, rows * every))
        x[..., ::every] = 0.1
        try:
            y = self.box(x)
        except Unanswered:
            return None
        if y.shape[-1] < rows * every:
            return None
        table = y[0, : rows * every].reshape(rows, every)[1:]
        top = float(np.abs(table).max())
        limit = max(self.rounding.limit(top, 0.1, every, 0.1), PHASE * top)
        first = np.abs(table - table[0]).max(axis=1) <= limit
        for apart in np.flatnonzero(first)[1:]:
            apart = int(apart)
            if 4 * apart > 3 * len(table):
                break
            if np.abs(table[apart:] - table[:-apart]).max() <= limit:
                return self._smallest(apart * every)
        return None

    def _smallest(self, period: int) -> int | None:
        """Divide a multiple of the period by its prime factors while it stays one."""
        if not self._repeats(period):
            return None
        for prime in _primes_of(period):
            while period % prime == 0 and self._repeats(period // prime):
                period //= prime
        return period

    def _repeats(self, period: int) -> bool:
        """Whether delays by a long period leave the answer as it is, while shorter ones do not."""
        try:
            return all(
                self.alike(which, k * period)
                for which in range(3)
                for k in (1, 2, 3)
                if k * period < self.longest
            ) and self._all_along(period)
        except Unanswered:
            return False

    def _all_along(self, period: int) -> bool:
        """Compare noise as long as the period with the same noise one period later."""
        rng = np.random.default_rng(9)
        a = excitation.draw(rng, "noise", self.box.inputs, min(period, self.longest), -20.0)
        still, moved = self.box(a), self.box(np.pad(a, ((0, 0), (period, 0))))
        frames = min(still.shape[-1], moved.shape[-1] - period)
        apart = float(np.abs(moved[..., period : period + frames] - still[..., :frames]).max())
        top = float(np.abs(still).max())
        limit = self.rounding.limit(top, float(np.linalg.norm(a)), frames, 0.1)
        return apart <= max(limit, PHASE * top)

    def only_edges(self) -> bool:
        """Whether it is invariant where silence surrounds the signal: only its edges differ."""
        if self.box.fixed is not None:
            return False
        shifts = [s for s in (1, 7, 64, 4093, 10_007, 44_100, 65_521) if s < self.longest - 5000]
        try:
            return all(self.alike(which, s, padding=4096) for which in (0, 2) for s in shifts)
        except Unanswered:
            return False


def _primes_of(n: int) -> list[int]:
    found, p = [], 2
    while p * p <= n:
        if n % p == 0:
            found.append(p)
            while n % p == 0:
                n //= p
        p += 1
    return [*found, n] if n > 1 else found
