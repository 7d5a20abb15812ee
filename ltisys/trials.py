"""the trials of a law: kinds, levels and lengths in turn, and what they came to"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from ltisys import excitation
from ltisys.black_box import BlackBox, TooShort, Unanswered
from ltisys.laws import Causal, Law, Memoryless, Outcome, compare
from ltisys.rounding import Rounding

__all__ = ["Findings", "Trials"]

CLEAR = 100.0
"""Times the tolerance by which a failure is clear."""
KEPT = 8
"""Failures kept, the shortest, to begin shrinking from."""


@dataclass
class Findings:
    """What the trials of one law came to.

    Attributes
    ----------
    law : Law
    trials : int
        Comparisons made.
    worst_db : float
        The worst departure.
    curve : dict
        The worst departure at each level of the input in dBFS.
    broken : set
        Levels at which it failed.
    failing : list of Outcome
        The shortest failures.
    refused : Counter
        Why nothing was learnt from other trials.
    reach, reaches_start
        Of causality: the most frames before a change that changed; whether these were all.
    """

    law: Law
    trials: int = 0
    worst_db: float = -math.inf
    curve: dict[float, float] = field(default_factory=dict)
    broken: set[float] = field(default_factory=set)
    failing: list[Outcome] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    reach: int = 0
    reaches_start: bool = False

    def add(self, outcome: Outcome) -> None:
        """Take the outcome of a trial into account."""
        self.trials += 1
        level_db = outcome.level_db
        at = outcome.departure_db
        self.worst_db = max(self.worst_db, at)
        self.curve[level_db] = max(self.curve.get(level_db, -math.inf), at)
        if outcome.fails:
            self.broken.add(level_db)
            self.failing.append(outcome)
            # clear failures first, of those the shortest
            self.failing.sort(key=lambda o: (o.departure < CLEAR * o.limit, o.case.frames))
            del self.failing[KEPT:]

    def look_ahead(self, outcome: Outcome) -> None:
        """Note how far before the change of its input an answer changed."""
        apart = np.abs(outcome.sides.got - outcome.sides.want).max(axis=0)
        first = int(np.flatnonzero(apart > outcome.limit)[0])
        reach = outcome.case.numbers["frame"] - first
        if reach > self.reach:
            frame = outcome.case.numbers["frame"]
            self.reach, self.reaches_start = reach, frame > 16 and 2 * reach > frame

    def points(self) -> tuple[tuple[float, float], ...]:
        """Return the curve as pairs, from quiet to loud."""
        return tuple(sorted(self.curve.items()))


class Trials:
    """Runs trials, all drawn by one seed.

    Parameters
    ----------
    usual : int
        Frames of most inputs.
    extended : int
        Frames of some: as many as the system remembers, and some more.
    longest : int
        Frames of the few that look for what varies slowly.
    """

    def __init__(
        self,
        box: BlackBox,
        rounding: Rounding,
        *,
        seed: int,
        usual: int,
        extended: int,
        longest: int,
    ) -> None:
        self.box, self.rounding, self.seed = box, rounding, seed
        self.usual, self.extended, self.longest = usual, extended, longest

    def of(self, law: Law, count: int) -> Findings:
        """Run the trials of a law: all kinds at all levels in turn, lengths by lot."""
        found = Findings(law)
        rng = np.random.default_rng((self.seed, sum(map(ord, law.name))))
        kinds, levels = list(excitation.KINDS), excitation.LEVELS_DB
        for k in range(count):
            kind = kinds[(k + k // len(levels)) % len(kinds)]
            self._one(found, rng, kind, levels[k % len(levels)], self._length(rng))
            if isinstance(law, Memoryless) and len(found.failing) == KEPT:
                break  # nobody asks how far from memoryless a filter is
        if self.longest > 2 * self.usual:
            for kind in law.long_kinds:
                self._one(found, rng, kind, -6.0, self.longest)
        return found

    def _one(
        self, found: Findings, rng: np.random.Generator, kind: str, level_db: float, frames: int
    ) -> None:
        try:
            case = found.law.draw(rng, self.box, kind, level_db, frames)
            outcome = compare(found.law, self.box, self.rounding, case)
        except TooShort:
            return
        except Unanswered as error:
            found.refused[str(error)] += 1
            return
        found.add(outcome)
        if isinstance(found.law, Causal) and outcome.fails:
            found.look_ahead(outcome)

    def _length(self, rng: np.random.Generator) -> int:
        """Return a few frames, some, or as many as usual."""
        draw = rng.random()
        if draw < 0.2:
            return int(rng.integers(1, 9))
        if draw < 0.5:
            return int(rng.integers(9, max(self.usual // 4, 10)))
        return self.extended if draw > 0.85 else self.usual
