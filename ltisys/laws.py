"""the laws a system may keep: a case, the two sides that should be equal, a line of code"""

from __future__ import annotations

import abc
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from ltisys import excitation
from ltisys._types import Array
from ltisys.black_box import BlackBox, TooShort
from ltisys.convolution import convolve
from ltisys.levels import amplitude, db
from ltisys.rounding import NOISE, Rounding

__all__ = [
    "Additive",
    "Case",
    "Causal",
    "Homogeneous",
    "Law",
    "Memoryless",
    "Outcome",
    "Predicted",
    "PredictedAnew",
    "Relation",
    "Sides",
    "TimeInvariant",
    "compare",
]

SHIFTS = (1, 2, 3, 5, 7, 13, 16, 31, 64, 97, 128, 256, 509, 1024)
LONG_SHIFTS = (2048, 4093, 10_007, 20_011, 44_100, 65_521, 96_001)
FACTORS = (2.0, 0.5, 3.0, 0.0, 10.0, 0.1, 1e3, 0.7, 1e-3, 1.25)
COMPLEX_FACTORS = (1j, -1.0, complex(math.cos(0.3), math.sin(0.3)), 2j)


@dataclass(frozen=True)
class Case:
    """Signals ``(inputs, frames)``, all of one shape, and the numbers that go with them."""

    inputs: tuple[Array, ...]
    numbers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def frames(self) -> int:
        """Frames of each signal."""
        return int(self.inputs[0].shape[-1])

    @property
    def peak(self) -> float:
        """The largest magnitude in any signal."""
        return max((float(np.abs(x).max(initial=0.0)) for x in self.inputs), default=0.0)

    def with_inputs(self, *inputs: Array) -> Case:
        """Return the case with other signals."""
        return replace(self, inputs=inputs)

    def with_number(self, name: str, value: Any) -> Case:
        """Return the case with one number changed."""
        return replace(self, numbers={**self.numbers, name: value})


@dataclass(frozen=True)
class Sides:
    """The two sides that should be equal, and the peak of all answers that they came from."""

    got: Array
    want: Array
    outputs: float
    frames: int  # of the answers, as far as they were compared


@dataclass(frozen=True)
class Outcome:
    """How far the sides of a case are apart, in itself and beside the tolerance."""

    case: Case
    sides: Sides
    departure: float
    limit: float
    scale: float

    @property
    def fails(self) -> bool:
        """Whether they are further apart than rounding."""
        return self.departure > self.limit

    @property
    def level_db(self) -> float:
        """The level of the trials, in dBFS, nearest to the loudest input of the case."""
        factor = max(1.0, abs(self.case.numbers.get("factor", 1.0)))
        peak_db = float(db(max(factor * self.case.peak, 1e-12)))
        return min(excitation.LEVELS_DB, key=lambda at: abs(at - peak_db))

    @property
    def departure_db(self) -> float:
        """The departure relative to the answers, in dB; of rounding, to what it is relative to.

        Where an answer is small because large terms cancel, its rounding is not.
        """
        scale = self.sides.outputs if self.fails else self.scale
        return float(db(self.departure / scale)) if self.departure else -math.inf


class Relation(abc.ABC):
    """Two sides made of answers, which should be equal."""

    name: ClassVar[str]
    sentence: ClassVar[str]

    @abc.abstractmethod
    def sides(self, box: BlackBox, case: Case) -> Sides:
        """Ask the system; return the two sides."""

    @abc.abstractmethod
    def line(self, case: Case, system: str) -> str:
        """Return the line of Python that computes ``got - want``."""

    def slack(self) -> float:
        """Return the factor on the tolerance, for laws that compare more than two answers."""
        return 1.0


class Law(Relation):
    """A relation that every system with some property obeys, tried on cases drawn by lot."""

    long_kinds: tuple[str, ...] = ()
    """Kinds of input that are tried once at the longest length, to find what varies slowly."""

    @abc.abstractmethod
    def draw(
        self, rng: np.random.Generator, box: BlackBox, kind: str, level_db: float, frames: int
    ) -> Case:
        """Return a case of so many frames, or of as many as the system takes."""


def compare(law: Relation, box: BlackBox, rounding: Rounding, case: Case) -> Outcome:
    """Ask for both sides of a case and measure how far apart they are."""
    sides = law.sides(box, case)
    departure = float(np.abs(sides.got - sides.want).max(initial=0.0))
    # by triangle inequality: the sides are made of answers to these inputs and to their sum
    norm = sum(_norm(x) for x in case.inputs)
    factor = max(1.0, abs(case.numbers.get("factor", 1.0)))
    norm, peak = factor * norm, factor * case.peak
    limit = law.slack() * rounding.limit(sides.outputs, norm, case.frames, peak)
    limit += (factor - 1) * NOISE * rounding.noise(case.peak)
    scale = rounding.scale(sides.outputs, norm, case.frames)
    return Outcome(case, sides, departure, limit, scale)


class Additive(Law):
    """Superposition: the answer to a sum is the sum of the answers."""

    name = "additive"
    sentence = "system(a + b) should equal system(a) + system(b)"

    def __init__(self, over_complex: bool = False) -> None:
        self.over_complex = over_complex
        self.long_kinds = () if over_complex else ("noise",)

    def draw(
        self, rng: np.random.Generator, box: BlackBox, kind: str, level_db: float, frames: int
    ) -> Case:
        """Return two signals: of one level, of two levels, or nearly opposite."""
        n = box.frames(frames)
        a = excitation.draw(rng, kind, box.inputs, n, level_db)
        how = rng.integers(4)
        if self.over_complex:
            b = excitation.draw(rng, kind, box.inputs, n, level_db)
            return Case((a + 0j, 1j * b) if how < 2 else (a + 1j * b, b - 0.5j * a))
        if how == 0:
            return Case((a, excitation.floats(a * -rng.choice((1.0, 0.5, 0.75)))))
        other = str(rng.choice(list(excitation.KINDS)))
        apart = 0.0 if how < 3 else float(rng.choice((-40.0, 40.0)))
        return Case((a, excitation.draw(rng, other, box.inputs, n, min(level_db + apart, 40.0))))

    def sides(self, box: BlackBox, case: Case) -> Sides:
        """Return f(a + b), and f(a) + f(b)."""
        a, b = case.inputs
        both, first, second = box(a + b), box(a), box(b)
        got, first, second = _alike(both, first, second)
        return Sides(got, first + second, _peak(both, first, second), got.shape[-1])

    def line(self, case: Case, system: str) -> str:
        """Return the line of Python."""
        a, b = (written(x) for x in case.inputs)
        return f"{system}({a} + {b}) - ({system}({a}) + {system}({b}))"


class Homogeneous(Law):
    """Scaling: the answer to a multiple is the multiple of the answer."""

    name = "homogeneous"
    sentence = "system(factor * a) should equal factor * system(a)"

    def __init__(self, over_complex: bool = False) -> None:
        self.over_complex = over_complex

    def draw(
        self, rng: np.random.Generator, box: BlackBox, kind: str, level_db: float, frames: int
    ) -> Case:
        """Return a signal and a factor."""
        n = box.frames(frames)
        a = excitation.draw(rng, kind, box.inputs, n, level_db)
        if self.over_complex:
            if rng.random() < 0.5:
                a = a + 1j * excitation.draw(rng, kind, box.inputs, n, level_db)
            return Case((a,), {"factor": COMPLEX_FACTORS[rng.integers(len(COMPLEX_FACTORS))]})
        factor = FACTORS[rng.integers(len(FACTORS))]
        if factor > 1 and level_db + db(factor) > max(excitation.LEVELS_DB):
            factor = 1 / factor
        return Case((a,), {"factor": factor})

    def sides(self, box: BlackBox, case: Case) -> Sides:
        """Return f(c a), and c f(a)."""
        (a,), c = case.inputs, case.numbers["factor"]
        got, once = _alike(box(c * a), box(a))
        return Sides(got, c * once, _peak(got, c * once), got.shape[-1])

    def line(self, case: Case, system: str) -> str:
        """Return the line of Python."""
        a, c = written(case.inputs[0]), case.numbers["factor"]
        return f"{system}({c!r} * {a}) - {c!r} * {system}({a})"


class TimeInvariant(Law):
    """Delay: the answer to a delayed signal is the delayed answer.

    Silence goes before the signal. Within a window of fixed length (``window``) the end of the
    signal is pushed out; without, the signal becomes longer. Only frames that both answers have
    are compared, so that answers may be shorter or longer than their input.
    """

    name = "time-invariant"
    sentence = "system(a delayed by shift) should equal system(a) delayed by shift"

    def __init__(self, longest: int = LONG_SHIFTS[-1]) -> None:
        self.shifts = [s for s in (*SHIFTS, *SHIFTS, *LONG_SHIFTS) if s <= longest]

    def draw(
        self, rng: np.random.Generator, box: BlackBox, kind: str, level_db: float, frames: int
    ) -> Case:
        """Return a signal and a shift."""
        n, shift = box.frames(frames), int(rng.choice(self.shifts))
        if box.fixed is not None or (rng.random() < 0.2 and n > 1):
            shift = 1 + shift % max(1, n // 2)
            a = excitation.draw(rng, kind, box.inputs, n, level_db)
            a[..., n - shift :] = 0  # so that nothing is pushed out
            if n > 1 and not a.any():
                a[..., 0] = amplitude(level_db)
            return Case((a,), {"shift": shift, "window": True})
        return Case((excitation.draw(rng, kind, box.inputs, n, level_db),), {"shift": shift})

    def sides(self, box: BlackBox, case: Case) -> Sides:
        """Return f(delayed a) from the shift on, and f(a)."""
        (a,), shift = case.inputs, case.numbers["shift"]
        later = np.pad(a, ((0, 0), (shift, 0)))
        if case.numbers.get("window"):
            later = later[..., : case.frames]
        moved, still = box(later), box(a)
        frames = min(moved.shape[-1] - shift, still.shape[-1])
        if frames < 1:
            raise TooShort("its answers are too short to compare after a shift")
        outputs = _peak(moved, still)
        moved = moved[..., shift : shift + frames]
        return Sides(moved, still[..., :frames], outputs, frames)

    def line(self, case: Case, system: str) -> str:
        """Return the line of Python."""
        a, shift = written(case.inputs[0]), case.numbers["shift"]
        frames = f"[..., :{case.frames - shift}]" if case.numbers.get("window") else ""
        zeros = f"np.zeros({(case.inputs[0].shape[0], shift)})"
        if case.inputs[0].shape[0] == 1:
            zeros = f"np.zeros({shift})"
        later = f"np.concatenate([{zeros}, {a}{frames}], axis=-1)"
        n = case.numbers["answered"]
        return f"{system}({later})[..., {shift}:{shift + n}] - {system}({a})[..., :{n}]"


class Causal(Law):
    """What comes later changes nothing that was answered before."""

    name = "causal"
    sentence = "system(a) and system(b) should be equal before frame, as a and b are"

    def draw(
        self, rng: np.random.Generator, box: BlackBox, kind: str, level_db: float, frames: int
    ) -> Case:
        """Return two signals that differ from a frame on."""
        n = max(box.frames(frames), 2)
        frame = int(rng.integers(1, n))
        a = excitation.draw(rng, kind, box.inputs, n, level_db)
        other = str(rng.choice(list(excitation.KINDS)))
        apart = float(rng.choice((-40.0, 0.0, 20.0)))
        b = excitation.draw(rng, other, box.inputs, n, level_db + apart)
        b[..., :frame] = a[..., :frame]
        return Case((a, b), {"frame": frame})

    def sides(self, box: BlackBox, case: Case) -> Sides:
        """Return f(b) and f(a) before the frame from which on a and b differ."""
        (a, b), frame = case.inputs, case.numbers["frame"]
        got, want = _shortest(box(b), box(a))
        outputs = _peak(got, want)
        got, want = got[..., :frame], want[..., :frame]
        return Sides(got, want, outputs, got.shape[-1])

    def line(self, case: Case, system: str) -> str:
        """Return the line of Python."""
        a, b = (written(x) for x in case.inputs)
        cut = f"[..., :{case.numbers['frame']}]"
        return f"{system}({b}){cut} - {system}({a}){cut}"


class Memoryless(Law):
    """A frame of the answer depends on the same frame of the input alone."""

    name = "memoryless"
    sentence = "system(a) and system(b) should be equal at the frames where a and b are"

    def draw(
        self, rng: np.random.Generator, box: BlackBox, kind: str, level_db: float, frames: int
    ) -> Case:
        """Return two signals that are equal at about half of the frames."""
        n = max(box.frames(frames), 2)
        a = excitation.draw(rng, kind, box.inputs, n, level_db)
        b = excitation.draw(rng, kind, box.inputs, n, level_db)
        kept = rng.random(n) < 0.5
        kept[rng.integers(n)] = True
        return Case((a, np.where(kept, a, b)))

    def sides(self, box: BlackBox, case: Case) -> Sides:
        """Return f(b) and f(a) at the frames where a and b are equal."""
        a, b = case.inputs
        got, want = _shortest(box(b), box(a))
        outputs = _peak(got, want)
        kept = np.flatnonzero((a == b).all(axis=0))
        kept = kept[kept < got.shape[-1]]
        return Sides(got[..., kept], want[..., kept], outputs, got.shape[-1])

    def line(self, case: Case, system: str) -> str:
        """Return the line of Python."""
        a, b = (written(x) for x in case.inputs)
        alike = (case.inputs[0] == case.inputs[1]).all(axis=0)
        kept = np.flatnonzero(alike[: case.numbers.get("answered")]).tolist()
        return f"({system}({b}) - {system}({a}))[..., {kept}]"


class Predicted(Law):
    """The answer is the convolution of the input with the answer to an impulse.

    Parameters
    ----------
    response : ndarray, shape (outputs, inputs, taps)
        Measured; its first frame is time ``-lookahead``.
    lookahead : int
        Frames of the response before time 0.
    cut : bool
        The response goes on beyond what was measured: only so many frames can be foretold.
    """

    name = "lti"
    sentence = "system(a) should equal a convolved with the answer to an impulse"
    long_kinds = ("noise", "sparse")

    def __init__(self, response: Array, lookahead: int, cut: bool) -> None:
        self.response, self.lookahead, self.cut = response, lookahead, cut

    def draw(
        self, rng: np.random.Generator, box: BlackBox, kind: str, level_db: float, frames: int
    ) -> Case:
        """Return a signal."""
        return Case((excitation.draw(rng, kind, box.inputs, box.frames(frames), level_db),))

    def sides(self, box: BlackBox, case: Case) -> Sides:
        """Return f(a), and the convolution."""
        (a,), early = case.inputs, self.lookahead
        got = box(a)
        frames = min(got.shape[-1], self.response.shape[-1] - early if self.cut else got.shape[-1])
        h = self.response[..., : early + frames]  # the rest may grow
        outputs, inputs, taps = h.shape
        full = np.zeros((outputs, max(case.frames + taps - 1, early + frames)), np.complex128)
        for i in range(inputs):
            full[..., : case.frames + taps - 1] += convolve(a[i], h[:, i])
        if h.dtype.kind != "c" and a.dtype.kind != "c":
            full = full.real
        want = full[..., early : early + frames]
        return Sides(got[..., :frames], want, _peak(got, want), frames)

    def line(self, case: Case, system: str) -> str:
        """Return the line of Python of the law that measures the response anew."""
        return PredictedAnew(self.lookahead).line(case, system)

    def slack(self) -> float:
        """Return 4: the response has rounding errors of its own, as the convolution has."""
        return 4.0


class PredictedAnew(Predicted):
    """The same, with the response measured in a window of the input's own length.

    What a case shows is then what its line of Python shows, whatever the system does to longer
    inputs.
    """

    def __init__(self, lookahead: int) -> None:
        self.lookahead = lookahead

    def sides(self, box: BlackBox, case: Case) -> Sides:
        """Return f(a), and the convolution."""
        (a,), early = case.inputs, self.lookahead
        got = box(a)
        frames = min(got.shape[-1], case.frames)
        want = np.zeros((got.shape[0], frames), np.complex128)
        for i in range(box.inputs):
            impulse = np.zeros((box.inputs, early + case.frames))
            impulse[i, early] = 1.0
            h = box(impulse)[..., : early + case.frames]
            row = convolve(a[i], h)[..., early : early + frames]
            want[..., : row.shape[-1]] += row
        if not want.imag.any():
            want = want.real
        got = got[..., :frames]
        return Sides(got, want, _peak(got, want), frames)

    def line(self, case: Case, system: str) -> str:
        """Return the line of Python."""
        x, n, early = written(case.inputs[0]), case.frames, self.lookahead
        rows, to = case.inputs[0].shape[0], early + case.numbers["answered"]
        cut, delay = f"[..., :{case.numbers['answered']}]", f"[..., {early}:{to}]"
        impulse = f"lti.impulse({early + n}, at={early})"
        if rows == 1:
            h = f"{system}({impulse})[..., :{early + n}]"
            return f"{system}({x}){cut} - lti.convolve({x}, {h}){delay}"
        h = f"{system}(np.eye({rows})[:, [i]] * {impulse})[..., :{early + n}]"
        convolved = f"sum(lti.convolve(x[i], {h}){delay} for i in range({rows}))"
        return f"(lambda x: {system}(x){cut} - {convolved})({x})"


def written(x: Array) -> str:
    """Return a signal as an expression of numpy, zeros at its ends written as such."""
    if x.shape[0] > 1:
        return f"np.array({[[_literal(v) for v in row] for row in x.tolist()]})".replace("'", "")
    values = x[0]
    where = np.flatnonzero(values)
    if where.size == 0 and values.size > 4:
        return f"np.zeros({values.size})"
    head = int(where[0]) if where.size else 0
    tail = int(values.size - 1 - where[-1]) if where.size else 0
    parts = []
    if values.size > 12 and (values == values[0]).all():
        return f"np.full({values.size}, {values[0].item()!r})"
    if head > 12:
        parts.append(f"np.zeros({head})")
        values = values[head:]
    if tail > 12:
        values = values[:-tail]
    middle = ", ".join(_literal(v) for v in values.tolist())
    parts.append(f"[{middle}]")
    if tail > 12:
        parts.append(f"np.zeros({tail})")
    return f"np.array([{middle}])" if len(parts) == 1 else f"np.concatenate([{', '.join(parts)}])"


def _literal(value: Any) -> str:
    return repr(value)


def _norm(x: Array) -> float:
    # not by BLAS, whose threads cost more than they save in a thousand short calls
    return math.sqrt(float(np.square(np.abs(x)).sum()))


def _peak(*answers: Array) -> float:
    return max(float(np.abs(y).max(initial=0.0)) for y in answers)


def _shortest(*answers: Array) -> list[Array]:
    frames = min(y.shape[-1] for y in answers)
    return [y[..., :frames] for y in answers]


def _alike(*answers: Array) -> list[Array]:
    """Return answers made as long as the longest with zeros, which is what signals end in."""
    frames = max(y.shape[-1] for y in answers)
    return [
        y if y.shape[-1] == frames else np.pad(y, ((0, 0), (0, frames - y.shape[-1])))
        for y in answers
    ]
