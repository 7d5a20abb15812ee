"""the case that a report shows: shrunk, as flat arrays, with its line of Python"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ltisys import growth
from ltisys._types import Array
from ltisys.black_box import BlackBox, Unanswered
from ltisys.laws import Case, Outcome, Predicted, PredictedAnew, Relation, Sides, compare
from ltisys.rounding import Rounding, no_noise
from ltisys.shrinking import shrink
from ltisys.verdicts import Counterexample

__all__ = ["Showcase"]

CALLS, SECONDS = 2000, 3.0
"""What the shrinking of one case may take."""


def _apart(sides: Sides) -> float:
    return float(np.abs(sides.got - sides.want).max(initial=0.0))


class Showcase:
    """Makes the counterexamples of one system."""

    def __init__(self, box: BlackBox, rounding: Rounding) -> None:
        self.box, self.rounding = box, rounding

    @property
    def system(self) -> str:
        """How a line of Python asks the system: so that answers can be subtracted."""
        if self.box.kind in ("factory", "stream"):
            return "lti.black_box.BlackBox(system).answer"
        if not self.box.array:
            return "(lambda x: np.asarray(system(x)))"
        kind = self.box.result_dtype.kind if self.box.result_dtype is not None else "f"
        return "1.0 * system" if kind in "bu" else "system"

    def smallest(self, law: Relation, outcome: Outcome) -> Counterexample | None:
        """Shrink a failure of a law; None if it does not show where all is measured anew."""
        if isinstance(law, Predicted):
            law = PredictedAnew(law.lookahead)
            try:
                outcome = compare(law, self.box, self.rounding, outcome.case)
            except Unanswered:
                return None
            if not outcome.fails:
                return None
        outcome = shrink(law, self.box, self.rounding, outcome, calls=CALLS, seconds=SECONDS)
        return self._shown(law, outcome)

    def unsteady(
        self, law: Relation, case: Case, seen: Sides | None = None
    ) -> Counterexample | None:
        """Shrink a failure to answer alike or to leave the input alone, as it is met in the wild.

        Without silence between calls, and with noise, which is what is shown. What shows only
        once, in a fresh system, is given as it was `seen`.
        """
        silence, self.box.silence = self.box.silence, 0
        rounding = replace(self.rounding, noise=no_noise)
        try:
            outcome = compare(law, self.box, rounding, case)
            if not outcome.fails:
                if seen is None:
                    return None
                return self._shown(law, Outcome(case, seen, _apart(seen), 0.0, 1.0))
            outcome = shrink(law, self.box, rounding, outcome, calls=CALLS // 5, seconds=1.0)
        except Unanswered:
            return None
        finally:
            self.box.silence = silence
        return self._shown(law, outcome)

    def growing(self, x: Array | None) -> Counterexample | None:
        """Show an input within ±1 whose answer grows."""
        if x is None or x.shape[-1] < 2:
            return None
        try:
            peaks = [float(np.abs(self.box(y)).max()) for y in (x, x[..., : x.shape[-1] // 2])]
        except Unanswered:
            peaks = [math.inf, 1.0]
        return Counterexample(
            "an input within ±1 should have an answer whose peak does not grow with its length",
            self._flat(x),
            {"frames": x.shape[-1]},
            np.array(peaks[:1]),
            np.array(peaks[1:]),
            0.0,
            growth.line(x, self.system),
        )

    def _shown(self, law: Relation, outcome: Outcome) -> Counterexample:
        sides = outcome.sides
        case = outcome.case.with_number("answered", sides.frames)
        numbers = {k: v for k, v in outcome.case.numbers.items() if k != "window"}
        window = ""
        if case.numbers.get("window"):
            numbers["window"], window = case.frames, ", inside a window"
        flat = self.box.flat
        return Counterexample(
            law.sentence + window,
            self._flat(*case.inputs),
            numbers,
            sides.got[0] if flat and len(sides.got) == 1 else sides.got,
            sides.want[0] if flat and len(sides.want) == 1 else sides.want,
            outcome.departure_db,
            law.line(case, self.system),
        )

    def _flat(self, *signals: Array) -> tuple[Array, ...]:
        return tuple(x[0] if self.box.inputs == 1 else x for x in signals)
