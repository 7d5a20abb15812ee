"""does it answer alike: whatever was asked before, and without touching its input"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ltisys import excitation
from ltisys._types import Array
from ltisys.black_box import BlackBox, Unanswered
from ltisys.laws import Case, Relation, Sides, written
from ltisys.levels import amplitude, peak

__all__ = ["Again", "Repeated", "SameHistory", "Steadiness", "Unchanged", "examine"]

SILENCES = (1024, 16_384)
"""Frames of silence that may empty a system."""


class Repeated(Relation):
    """Asked again, after itself and after another input, it answers the same."""

    name: ClassVar[str] = "stateless"
    sentence = "system(a) should be the same whatever was asked before: here a, then b"

    def sides(self, box: BlackBox, case: Case) -> Sides:
        """Return f(a) after f(b), and f(a) before."""
        a, b = case.inputs
        want = box(a)
        box(b)
        got = box(a)
        return _cut(got, want)

    def line(self, case: Case, system: str) -> str:
        """Return the line of Python."""
        a, b = (written(x) for x in case.inputs)
        return f"(lambda want: ({system}({b}), {system}({a}) - want)[1])({system}({a}))"


class Again(Repeated):
    """Asked again at once, it answers the same."""

    sentence = "system(a) should be the same when it is asked again"

    def sides(self, box: BlackBox, case: Case) -> Sides:
        """Return f(a) asked again, and f(a)."""
        want = box(case.inputs[0])
        return _cut(box(case.inputs[0]), want)

    def line(self, case: Case, system: str) -> str:
        """Return the line of Python."""
        a = written(case.inputs[0])
        return f"-{system}({a}) + {system}({a})"


class SameHistory(Relation):
    """After silence it answers the same each time."""

    name: ClassVar[str] = "deterministic"
    sentence = "system(a) should be the same each time after silence"

    def __init__(self, silence: int) -> None:
        self.silence = silence

    def sides(self, box: BlackBox, case: Case) -> Sides:
        """Return two answers, each after silence."""
        answers = []
        for _ in range(2):
            box(np.zeros((box.inputs, box.frames(self.silence))))
            answers.append(box(case.inputs[0]))
        return _cut(answers[1], answers[0])

    def line(self, case: Case, system: str) -> str:
        """Return the line of Python."""
        rows = case.inputs[0].shape[0]
        zeros = f"np.zeros({self.silence if rows == 1 else (rows, self.silence)})"
        after = f"({system}({zeros}), {system}({written(case.inputs[0])}))[1]"
        return f"-{after} + {after}"


class Unchanged(Relation):
    """It leaves its input as it was."""

    name: ClassVar[str] = "pure"
    sentence = "a should be after system(a) what it was before"

    def sides(self, box: BlackBox, case: Case) -> Sides:
        """Return the input after the call, and before."""
        a = case.inputs[0]
        after = box.left(a)
        return Sides(after.astype(a.dtype), a, max(peak(after), peak(a)), a.shape[-1])

    def line(self, case: Case, system: str) -> str:
        """Return the line of Python."""
        a = written(case.inputs[0])
        return f"(lambda a: ({system}(a), a)[1])({a}) - {a}"


def _cut(got: Array, want: Array) -> Sides:
    frames = min(got.shape[-1], want.shape[-1])
    outputs = max(peak(got), peak(want))
    return Sides(got[..., :frames], want[..., :frames], outputs, frames)


@dataclass(frozen=True)
class Steadiness:
    """What was found: None where every input was refused.

    `silence` is the number of frames of silence after which a system with a state answers as
    if it were new; `global_random` names the generator that it draws from.
    """

    deterministic: bool | None
    stateless: bool | None
    departure: float = 0.0
    silence: int = 0
    global_random: str = ""
    failure: tuple[Relation, Case, Sides] | None = None


def examine(box: BlackBox, frames: int, first: tuple[Array, Array]) -> Steadiness:
    """Ask the same again: at once, after other inputs, after silence.

    `first` is the first input the system ever got from us, and its answer.
    """
    rng = np.random.default_rng(5)
    worst, failing = 0.0, None
    before = _global_random()
    n = box.frames(frames)
    loud = excitation.draw(rng, "noise", box.inputs, n, 0.0)
    quiet = loud * amplitude(-100.0)
    other = excitation.draw(rng, "gaussian", box.inputs, n, 40.0)
    asked: list[tuple[Relation, Case]] = []
    for x in (loud, quiet):
        asked += [(Again(), Case((x,))), (Repeated(), Case((x, other)))]
    judged = 0
    for law, case in asked:
        try:
            sides = law.sides(box, case)
            box(other[..., : box.frames(n // 3)])  # another length between
        except Unanswered:
            continue
        judged += 1
        apart = _apart(box, sides)
        if apart > worst:
            worst, failing = apart, (law, case, sides)
    try:
        sides = _cut(box(first[0]), first[1])
        if np.isfinite(first[1]).all() and _apart(box, sides) > worst:
            worst, failing = _apart(box, sides), (Again(), Case((first[0],)), sides)
    except Unanswered:
        pass
    after = _global_random()
    drawn = next((name for name, state in after.items() if state != before[name]), "")
    if not judged:
        return Steadiness(None, None, global_random=drawn)
    if worst == 0.0:
        return Steadiness(True, True, global_random=drawn)
    for silence in SILENCES:
        history = SameHistory(silence)
        try:
            same = [history.sides(box, Case((x,))) for x in (loud, quiet)]
            box(other)
            box(np.zeros((box.inputs, box.frames(silence))))
            emptied = _cut(box(loud), same[0].want)
        except Unanswered:
            continue
        if not any(_apart(box, sides) for sides in (*same, emptied)):
            return Steadiness(True, False, worst, box.frames(silence), drawn, failing)
    return Steadiness(False, False, worst, 0, drawn, failing)


def _global_random() -> dict[str, bytes]:
    """Return the states of the generators that everybody shares."""
    state: Any = np.random.get_state()  # noqa: NPY002  # it is what we look for
    numpy_state = state[1].tobytes() + int(state[2]).to_bytes(4, "little")
    return {"np.random": numpy_state, "random": repr(random.getstate()).encode()}


def _apart(box: BlackBox, sides: Sides) -> float:
    """Return how far answers are apart relative to their peak; 0 within rounding.

    Threads that add in another order each time make differences of a few units.
    """
    if not sides.got.size or sides.outputs == 0:
        return 0.0
    single = box.result_dtype is not None and box.result_dtype.itemsize <= 4
    apart = float(np.abs(sides.got - sides.want).max()) / sides.outputs
    return apart if apart > (1e-5 if single else 1e-12) else 0.0
