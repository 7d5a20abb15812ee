"""silence and bad samples in the input of a stream, and the outputs that they reach"""

from __future__ import annotations

import bisect
import math
from typing import Any

import numpy as np

from ltisys import reach
from ltisys._types import Array
from ltisys.tape import Tape, flush_level

__all__ = ["Hearing", "Watch"]

Hearing = tuple[int, int, tuple[tuple[int, int], ...]]
"""(output, input, where its response is not zero: runs of taps)."""

LOUD = 1e-12
"""A block of larger samples than this makes no product subnormal."""
EVERY = 8
"""Loud blocks are searched for subnormal samples now and then, once one is found always."""
MOST_RUNS = 4096
"""Stretches of sound that are told apart; of more, the oldest count as one."""
LONG_AGO, FAR = -(1 << 62), 1 << 62


class Watch:
    """Follow an input block by block: where it sounds, and where it is not finite.

    Parameters
    ----------
    inputs : int
        How many.
    gap : int
        Zeros in a row, at the least, that count as silence: the longest run of non-zero taps, for
        a shorter gap leaves no output unreached. More than any block has frames.
    plain : bool
        Every response is one run of taps, longer than two blocks: the end of a sound inside a
        block silences nothing in that block.
    dtype : dtype
        Of the input.
    """

    def __init__(self, inputs: int, gap: int, plain: bool, dtype: np.dtype[Any]) -> None:
        self.gap, self.plain = gap, plain
        self.flush = flush_level(dtype)
        self.turn, self.found_tiny = 0, False
        self.sizes: Array = np.empty((0, 0), dtype=dtype)
        self.weights: Array = np.empty(0, dtype=dtype)
        self.firsts: list[list[int]] = [[] for _ in range(inputs)]
        self.ends: list[list[int]] = [[] for _ in range(inputs)]
        """First frame, and the one behind the last, of the sounds that may still be heard."""
        self.open = [False] * inputs
        """Whether the last block sounded to its end."""
        self.all_open = False
        self.last_bad = [LONG_AGO] * inputs
        self.bad_until = LONG_AGO
        self.bad: Array | None = None
        """Where the last block was not finite."""
        self.start = 0
        """Where the last block starts."""

    def look(self, x: Array, tape: Tape, block: int) -> tuple[Array, bool]:
        """Return the next block (inputs, n), mended, and whether sound began or ended with it.

        What is not finite, or too small to be told from silence, is zero in it.
        """
        start = self.start = tape.position
        if self.bad is not None:
            self._remember_bad(start)
        n = x.shape[1]
        end = start + n
        if self.found_tiny:  # before anything is computed with it
            x = self._without_tiny(x)
        sizes = self.sizes
        if sizes.shape != x.shape:
            sizes = self.sizes = np.empty(x.shape, dtype=x.dtype)
            self.weights = np.full(n, 1.0 / (2 * n), dtype=x.dtype)
        np.abs(x, out=sizes)
        # half the mean magnitude: unlike an energy it overflows only if a sample is infinite
        means = sizes.dot(self.weights).tolist()
        loud = min(means) > LOUD and sum(means) < math.inf  # which NaN is not, either
        self.turn += 1
        if not self.found_tiny and (not loud or self.turn % EVERY == 0):
            x = self._without_tiny(x)
        if loud and self.all_open and (self.plain or 0.0 not in x[:, -1].tolist()):
            # as nearly always: all inputs sound on
            tape.loud_until = end
            tape.until = [end] * len(means)
            return x, False
        changed = False
        for i, mean in enumerate(means):
            if not mean < math.inf:
                x = self._finite(x, i)
            row = x[i]
            loudest = float(np.abs(row).max())
            if loudest > LOUD:
                tape.loud_until = end
            if loudest > 0.0:
                tape.until[i] = end
            sounds = loudest > 0.0 and bool(self.plain or row[-1] != 0.0)
            if sounds != self.open[i] or (loudest > 0.0 and not sounds):
                changed = True
                self._note(i, sounds, row, tape.window(start, min(block, tape.longest))[i])
        self.all_open = all(self.open)
        if not self.all_open:
            # beyond what the tape keeps, a window may still hold it: there rounding would be heard
            self._forget(start - tape.size - 2 * tape.longest)
        return x, changed

    def _without_tiny(self, x: Array) -> Array:
        """Return x with zeros for what is too small to be told from them."""
        sizes = np.abs(x)
        tiny = (sizes < self.flush) & (sizes > 0)
        self.found_tiny = bool(tiny.any())
        return np.where(tiny, x.dtype.type(0), x) if self.found_tiny else x

    def _finite(self, x: Array, i: int) -> Array:
        """Return x with zeros for what is not finite in row i."""
        wrong = ~np.isfinite(x[i])
        if not wrong.any():
            return x
        if self.bad is None:
            self.bad = np.zeros(x.shape, dtype=bool)
        self.bad[i] = wrong
        x = x.copy()
        x[i][wrong] = 0
        return x

    def _remember_bad(self, start: int) -> None:
        """Keep only the last frame that was not finite, of a block that ended at `start`."""
        assert self.bad is not None
        first = start - self.bad.shape[1]
        for i in np.flatnonzero(self.bad.any(axis=1)).tolist():
            self.last_bad[i] = first + int(np.flatnonzero(self.bad[i])[-1])
        self.bad, self.bad_until = None, max(self.last_bad)

    def _note(self, i: int, sounds_on: bool, x: Array, before: Array) -> None:
        """Learn that input i begins or ceases to sound in the block x, or before it."""
        firsts, ends = self.firsts[i], self.ends[i]
        loud = np.flatnonzero(x)
        if self.open[i] and not loud.size:  # it ended with the block before
            ends[-1] = self.start - len(before) + int(np.flatnonzero(before)[-1]) + 1
        if loud.size:
            first = self.start + int(loud[0])
            if not ends or (not self.open[i] and first - ends[-1] >= self.gap):
                firsts.append(first)
                ends.append(FAR)
            ends[-1] = FAR if sounds_on else self.start + int(loud[-1]) + 1
            if len(ends) > MOST_RUNS:
                del firsts[1], ends[0]
        self.open[i] = sounds_on

    def _forget(self, end: int) -> None:
        """Drop the sounds that ended before frame `end`."""
        for firsts, ends in zip(self.firsts, self.ends, strict=True):
            over = bisect.bisect_right(ends, end)
            del firsts[:over], ends[:over]

    # --- what that means for the outputs --------------------------------------------------------

    def heard(self, hearings: tuple[Hearing, ...], outputs: int, now: int) -> tuple[int, int]:
        """Return frames from .. until which, as things are, no output is silent.

        For each output the stretch that lasts longest, of those from `now` on or the first.
        """
        spans: list[tuple[int, int] | None] = [None] * outputs
        for o, i, taps in hearings:
            # the last two sounds: where an earlier one is heard, `mute` finds out
            for first, end in zip(self.firsts[i][-2:], self.ends[i][-2:], strict=True):
                for b, e in (taps[0], taps[-1]) if taps else ():
                    span = (first + b, FAR if end == FAR else end + e - 1)
                    old = spans[o]
                    if old is None or _later(span, now) < _later(old, now):
                        spans[o] = span
        # where nothing was ever heard, or not for long, an output is silent by itself
        known = [span for span in spans if span is not None]
        return max((a for a, _ in known), default=now), min((b for _, b in known), default=FAR)

    def mute(self, y: Array, hearings: tuple[Hearing, ...]) -> None:
        """Set to zero what no sound reaches of the answer y (outputs, n) to the last block."""
        n = y.shape[1]
        silent = np.ones(y.shape, dtype=bool)
        for o, i, taps in hearings:
            firsts, ends = self.firsts[i], self.ends[i]
            for b, e in taps:
                # the sounds whose answer by these taps lasts into the block, and has begun
                old = bisect.bisect_right(ends, self.start - e + 1)
                new = bisect.bisect_left(firsts, self.start + n - b)
                for run in range(old, new):
                    low, high = firsts[run] + b - self.start, ends[run] + e - 1 - self.start
                    silent[o, max(low, 0) : min(high, n)] = False
        y[silent] = 0

    def spoilt_until(self, taps: int) -> int:
        """Return the frame from which a response hears nothing bad of earlier blocks."""
        return FAR if self.bad is not None else self.bad_until + taps

    def spoil(self, y: Array, hears: tuple[tuple[int, int], ...], taps: int) -> None:
        """Set to NaN what hears a sample that was not finite, of pairs (output, input)."""
        for o, i in hears:
            y[o, : max(0, self.last_bad[i] + taps - self.start)] = np.nan
            if self.bad is not None and self.bad[i].any():
                y[o, reach.spoilt_outputs(self.bad[i], taps, 0, y.shape[1])] = np.nan


def _later(span: tuple[int, int], now: int) -> tuple[int, int]:
    """Return what orders stretches: over or not, how soon they begin, how long they last."""
    first, until = span
    return (FAR, -until) if until <= now else (max(first, now), -until)
