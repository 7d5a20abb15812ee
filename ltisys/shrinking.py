"""the smallest case that still breaks a law: fewest frames, fewest sounds, simplest numbers"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ltisys._types import Array
from ltisys.black_box import BlackBox, Unanswered
from ltisys.laws import LONG_SHIFTS, SHIFTS, Case, Outcome, Relation, compare
from ltisys.rounding import Rounding

__all__ = ["shrink"]

MARGIN = 4.0
"""Times the tolerance by which a smaller case must fail, so that nobody takes it for rounding."""
SIMPLE = (1.0, -1.0, 0.5, 2.0, -0.5, -2.0, 3.0, -3.0)
DIGITS = (1, 2, 3)
ONE_BY_ONE = 24
"""Of more sounds than this, none is tried by itself."""


def shrink(
    law: Relation,
    box: BlackBox,
    rounding: Rounding,
    outcome: Outcome,
    *,
    calls: int,
    seconds: float,
) -> Outcome:
    """Return the smallest case found that fails as `outcome` does, within a budget.

    Greedy passes, from coarse to fine, until none helps: cut frames, shorten the shift, silence
    stretches, make signals equal, take simpler numbers, come down to just above a threshold.
    Every step is asked of the system anew. The idea is delta debugging (A. Zeller and R.
    Hildebrandt, "Simplifying and isolating failure-inducing input", IEEE Trans. Software
    Engineering 28, 2002), with the order of preference of property-based testing.
    """
    margin = MARGIN if outcome.departure > MARGIN**2 * outcome.limit else 1.0
    search = _Search(law, box, rounding, margin, calls, seconds)
    best = outcome
    for _ in range(6):
        before = best
        best = search.cut(best)
        best = search.first(best, _smaller_shifts(best.case))
        best = search.silence(best)
        best = search.first(best, _equal(best.case))
        best = search.simplify(best)
        best = search.first(best, _rounded(best.case))
        if best is before or search.spent:
            break
    best = search.threshold(best)
    return search.first(best, _rounded(best.case))


class _Search:
    """Tries cases within a budget of calls and seconds."""

    def __init__(
        self,
        law: Relation,
        box: BlackBox,
        rounding: Rounding,
        margin: float,
        calls: int,
        seconds: float,
    ) -> None:
        self.law, self.box, self.rounding = law, box, rounding
        # a faint failure cannot be asked to fail clearly
        self.margin = margin
        self.last_call = box.calls + calls
        self.deadline = time.perf_counter() + seconds

    @property
    def spent(self) -> bool:
        return self.box.calls >= self.last_call or time.perf_counter() > self.deadline

    def fails(self, case: Case) -> Outcome | None:
        """Return the outcome of a case if it fails clearly."""
        if self.spent or not _valid(case, self.box):
            return None
        try:
            outcome = compare(self.law, self.box, self.rounding, case)
        except Unanswered:
            return None
        return outcome if outcome.departure > self.margin * outcome.limit else None

    def first(self, best: Outcome, cases: Iterable[Case]) -> Outcome:
        """Return the first case that fails, the simplest being first; else the best so far."""
        return next((found for case in cases if (found := self.fails(case))), best)

    def cut(self, best: Outcome) -> Outcome:
        """Leave out frames: stretches of half the length, then of a quarter, to single frames."""
        size = best.case.frames
        while size > 1 and self.box.fixed is None and not self.spent:
            size = (size + 1) // 2
            stop = best.case.frames
            while stop > 0:
                start = max(stop - size, 0)
                found = None
                for case in _without(best.case, start, stop):
                    found = found or self.fails(case)
                best = found or best
                stop = start
            if size > 1 and best.case.frames > 64 * size:  # few would go: first silence them
                break
        return best

    def silence(self, best: Outcome) -> Outcome:
        """Silence what is not needed: in all signals at once, then in each."""
        size = _sounding(best.case).size
        while size > 1 and not self.spent:
            size = (size + 1) // 2
            where = _sounding(best.case)
            for stop in range(where.size, 0, -size):
                block = where[max(stop - size, 0) : stop]
                found = None
                for which in _subsets(len(best.case.inputs)):
                    found = found or self.fails(_silenced(best.case, which, block))
                best = found or best
            if size > 1 and where.size > 64 * size:
                break
        for i, x in enumerate(best.case.inputs):  # one channel alone
            for row in range(x.shape[0]) if x.shape[0] > 1 else ():
                best = self.fails(_with(best.case, i, np.s_[row], 0.0)) or best
        return best

    def simplify(self, best: Outcome) -> Outcome:
        """Take simple numbers: the factor, then all values at once, then one by one."""
        factor = best.case.numbers.get("factor")
        if factor is not None:
            simple = (1j,) if isinstance(factor, complex) else (2.0, 0.5, 0.0, 3.0)
            better = simple[: simple.index(factor)] if factor in simple else simple
            best = self.first(best, (best.case.with_number("factor", v) for v in better))
        values = np.concatenate([x[x != 0] for x in best.case.inputs])
        if not np.isin(values, SIMPLE).all():
            best = self.first(best, _all_simple(best.case))
        if values.size > ONE_BY_ONE:
            return best
        for i, x in enumerate(best.case.inputs):
            for place in np.argwhere(x != 0):
                at = tuple(place)
                now = best.case.inputs[i][at]
                better = SIMPLE[: SIMPLE.index(now)] if now in SIMPLE else SIMPLE
                best = self.first(best, (_with(best.case, i, at, v) for v in better))
        return best

    def threshold(self, best: Outcome) -> Outcome:
        """Where quieter inputs pass, come down to just above the level where they begin to fail."""

        def scaled(factor: float) -> Case:
            return best.case.with_inputs(*(x * factor for x in best.case.inputs))

        if best.case.peak == 0 or self.fails(scaled(0.25)) is not None:
            return best
        low, high, found = 0.25, 1.0, best
        for _ in range(12):
            middle = (low + high) / 2
            outcome = self.fails(scaled(middle))
            if outcome is None:
                low = middle
            else:
                high, found = middle, outcome
        for digits in DIGITS:  # the shortest number not far above the threshold
            unit = 10.0 ** (np.floor(np.log10(found.case.peak)) - digits + 1)
            up = np.ceil(found.case.peak / unit * (1 - 1e-12)) * unit
            if up <= 1.25 * found.case.peak:
                outcome = self.fails(scaled(up / best.case.peak))
                if outcome is not None:
                    return outcome
        return best


def _valid(case: Case, box: BlackBox) -> bool:
    n = case.frames
    if n < box.least or (box.fixed is not None and n != box.fixed):
        return False
    frame, shift = case.numbers.get("frame"), case.numbers.get("shift")
    if frame is not None and not 1 <= frame < n:
        return False
    return shift is None or (shift >= 1 and not (case.numbers.get("window") and shift >= n))


def _without(case: Case, start: int, stop: int) -> Iterator[Case]:
    """Yield the case without a stretch; in a window the shift may become shorter by as much."""
    smaller = case.with_inputs(*(np.delete(x, np.s_[start:stop], -1) for x in case.inputs))
    if smaller.frames < 1:
        return
    frame, shift = case.numbers.get("frame"), case.numbers.get("shift")
    if frame is not None:
        smaller = smaller.with_number("frame", frame - max(0, min(stop, frame) - start))
    if shift is not None and case.numbers.get("window"):
        yield smaller.with_number("shift", shift - (stop - start))
    yield smaller


def _smaller_shifts(case: Case) -> Iterator[Case]:
    shift = case.numbers.get("shift")
    if shift is None:
        return
    tried = {*range(1, 9), *SHIFTS, *LONG_SHIFTS, *(shift * k // 16 for k in range(1, 16))}
    smaller = sorted(n for n in tried if 1 <= n < shift)
    less = [shift - (1 << k) for k in reversed(range(shift.bit_length()))]
    for n in (*smaller, *(n for n in less if n >= 1)):
        yield case.with_number("shift", n)


def _sounding(case: Case) -> Array:
    """Return the frames at which any signal is not silent."""
    return np.flatnonzero(np.any([x.any(axis=0) for x in case.inputs], axis=0))


def _silenced(case: Case, which: tuple[int, ...], frames: Array) -> Case:
    signals = [x.copy() for x in case.inputs]
    for i in which:
        signals[i][..., frames] = 0
    return case.with_inputs(*signals)


def _subsets(count: int) -> list[tuple[int, ...]]:
    return [(0,)] if count == 1 else [(0, 1), (1,), (0,)]


def _equal(case: Case) -> Iterator[Case]:
    if len(case.inputs) == 2 and "frame" not in case.numbers:
        a, b = case.inputs
        if not np.array_equal(a, b) and np.count_nonzero(a) <= np.count_nonzero(b):
            yield case.with_inputs(a, a)


def _all_simple(case: Case) -> Iterator[Case]:
    yield case.with_inputs(*((x != 0) * 1.0 for x in case.inputs))
    yield case.with_inputs(*(np.sign(x.real) + 0 * x for x in case.inputs))
    if case.peak:
        yield case.with_inputs(*(x / case.peak for x in case.inputs))


def _with(case: Case, i: int, at: Any, value: float) -> Case:
    """Return the case with values of one signal changed, of both where they must stay equal."""
    changed = [x.copy() for x in case.inputs]
    old = case.inputs[i][at]
    changed[i][at] = value
    frame = case.numbers.get("frame")
    if frame is not None and isinstance(at, tuple) and at[-1] < frame:
        for x in changed:
            if x[at] == old:
                x[at] = value
    return case.with_inputs(*changed)


def _rounded(case: Case) -> Iterator[Case]:
    """Yield the case with numbers of fewer digits."""
    for digits in DIGITS:
        rounded = [_digits(x, digits) for x in case.inputs]
        if all(np.array_equal(y, x) for y, x in zip(rounded, case.inputs, strict=True)):
            return
        yield case.with_inputs(*rounded)


def _digits(x: Array, digits: int) -> Array:
    """Round every value to so many significant digits, to the number that is written so."""
    if x.dtype.kind == "c":
        return np.asarray(_digits(x.real, digits) + 1j * _digits(x.imag, digits))
    return np.asarray([[float(f"{v:.{digits}g}") for v in row] for row in x.tolist()])
