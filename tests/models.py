"""Models of systems that never end: what they must answer, and how far rounding may take them

They know nothing of blocks, sections joined or transforms: they step frame by frame, in whole
numbers of 2**-PLACES.
"""

import functools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import oracle

Rows = np.ndarray
Vector = list[int]

PLACES = 320
"""Binary places: nothing smaller than 1e-90 is told apart, a product errs by less."""


def whole(value: float) -> int:
    mantissa, exponent = math.frexp(value)
    return int(mantissa * 2**53) << PLACES >> 53 - exponent


def real(value: int) -> float:
    return value / 2**PLACES  # rounded once, however large the two are


# --- the definition -------------------------------------------------------------------------------
#
# A node is stepped in two movements, since a loop must know what comes back before it knows what
# goes in: `out` is the answer to a frame, `push` the same and remembers the frame.


class Node:
    """What a model is made of."""

    def start(self) -> "Node":
        """Return one at rest."""
        raise NotImplementedError

    def out(self, x: Vector) -> Vector:
        raise NotImplementedError

    def push(self, x: Vector) -> Vector:
        raise NotImplementedError

    def local(self, x: Rows, u: float) -> Rows:
        """Bound the error made here, for input x that is exact."""
        raise NotImplementedError


class Sections(Node):
    """y[n] = sum_k b[k] x[n - k] - sum_k a[k] y[n - k], section after section, channels alike."""

    def __init__(self, sos: Any) -> None:
        self.sos = np.atleast_2d(np.asarray(sos, dtype=float))
        exact = [[Fraction(float(c)) / Fraction(float(row[3])) for c in row] for row in self.sos]
        self.numbers = [[int(c * 2**PLACES) for c in row] for row in exact]
        self.past: dict[int, list[list[int]]] = {}

    def start(self) -> "Sections":
        return Sections(self.sos)

    @functools.cached_property
    def each(self) -> list[tuple["Sections", "Sections"]]:
        """Every section by itself, and what its own roundings run through: 1 / A."""
        return [(Sections(row), Sections([1, 0, 0, *row[3:]])) for row in self.sos]

    def step(self, x: Vector, remember: bool) -> Vector:
        answer = []
        for channel, value in enumerate(x):
            past = self.past.setdefault(channel, [[0] * 4 for _ in self.numbers])
            for place, (b0, b1, b2, _, a1, a2) in enumerate(self.numbers):
                x1, x2, y1, y2 = past[place]
                y = (b0 * value + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2) >> PLACES
                if remember:
                    past[place] = [value, x1, y, y1]
                value = y
            answer.append(value)
        return answer

    def out(self, x: Vector) -> Vector:
        return self.step(x, remember=False)

    def push(self, x: Vector) -> Vector:
        return self.step(x, remember=True)

    def local(self, x: Rows, u: float) -> Rows:
        """A section rounds each product, and each of its sums, five at most on any way out.

        Direct form II, transposed: every rounding is at most u times the sum M of the magnitudes
        of all terms, and what is rounded runs through 1 / A. Last the answer is rounded to u.
        """
        wide = oracle.roundoff(np.float64)
        error = np.zeros(x.shape)
        for section, around in self.each:
            y, row = answer(section, x), section.sos[0] / section.sos[0, 3]
            terms = 5 * wide * (delayed(x, row[:3]) + delayed(y, row[3:]))
            error, x = spread(section, error) + spread(around, terms), y
        return error + u * np.abs(x)


def delayed(x: Rows, factors: Rows) -> Rows:
    """Return sum_k |factors[k]| |x[n - k]|."""
    return np.abs(np.stack([np.convolve(np.abs(row), np.abs(factors))[: x.shape[1]] for row in x]))


class Taps(Node):
    """y[o] = sum_i sum_k h[o, i, k] x[i][n - k], h in any of the three shapes of a FIR."""

    def __init__(self, h: Any) -> None:
        self.h = np.asarray(h, dtype=float)
        self.past: list[Vector] = []
        rows = self.h.reshape(-1, self.h.shape[-1])
        self.rows = [[(k, whole(v)) for k, v in enumerate(row) if v] for row in rows.tolist()]

    def start(self) -> "Taps":
        return Taps(self.h)

    def wires(self, channels: int) -> list[list[tuple[int, int]]]:
        """Return for each output the inputs that it hears, and through which row."""
        if self.h.ndim == 1:
            return [[(i, 0)] for i in range(channels)]
        outputs = self.h.shape[0]
        if self.h.ndim == 2:
            return [[(o if channels > 1 else 0, o)] for o in range(outputs)]
        return [[(i, o * channels + i) for i in range(channels)] for o in range(outputs)]

    def push(self, x: Vector) -> Vector:
        self.past.append(x)
        y = self.sums(len(self.past) - 1, x)
        return y

    def out(self, x: Vector) -> Vector:
        return self.sums(len(self.past), x)

    def sums(self, now: int, x: Vector) -> Vector:
        y = []
        for wires in self.wires(len(x)):
            total = 0
            for i, row in wires:
                for k, factor in self.rows[row]:
                    if k <= now:
                        total += factor * (x[i] if k == 0 else self.past[now - k][i])
            y.append(total >> PLACES)
        return y

    def local(self, x: Rows, u: float) -> Rows:
        """Sums of products, or partitions: oracle.of_partitions with norms of everything."""
        taps, wires = self.h.shape[-1], self.wires(x.shape[0])
        rows = np.abs(self.h.reshape(-1, taps))
        error = np.zeros((len(wires), x.shape[1]))
        for o, heard in enumerate(wires):
            for i, k in heard:
                direct = 2 * (len(heard) * taps + 2) * np.convolve(np.abs(x[i]), rows[k])
                norms = np.linalg.norm(x[i]) * np.linalg.norm(rows[k])
                sound = (oracle.TRANSFORM * 17 + taps + len(heard)) * norms
                if np.count_nonzero(self.h) <= 4 * len(rows):  # echoes: no transform
                    sound = 0.0
                error[o] += u * (direct[: x.shape[1]] + sound)
        return error


class Chain(Node):
    """One behind the other."""

    def __init__(self, *parts: Node) -> None:
        self.parts = parts

    def start(self) -> "Chain":
        return Chain(*(part.start() for part in self.parts))

    def out(self, x: Vector) -> Vector:
        for part in self.parts:
            x = part.out(x)
        return x

    def push(self, x: Vector) -> Vector:
        for part in self.parts:
            x = part.push(x)
        return x

    def local(self, x: Rows, u: float) -> Rows:
        error = np.zeros(x.shape)
        for part in self.parts:
            error = part.local(x, u) + spread(part, error)
            x = answer(part, x)
        return error


class Sum(Node):
    """Side by side; one channel is added to all."""

    def __init__(self, *parts: Node) -> None:
        self.parts = parts

    def start(self) -> "Sum":
        return Sum(*(part.start() for part in self.parts))

    def out(self, x: Vector) -> Vector:
        return self.sums([part.out(x) for part in self.parts])

    def push(self, x: Vector) -> Vector:
        return self.sums([part.push(x) for part in self.parts])

    @staticmethod
    def sums(answers: list[Vector]) -> Vector:
        size = max(len(y) for y in answers)
        return [sum(y[o if len(y) > 1 else 0] for y in answers) for o in range(size)]

    def local(self, x: Rows, u: float) -> Rows:
        made: Any = sum(part.local(x, u) for part in self.parts)
        added: Any = sum(np.abs(answer(part, x)) for part in self.parts)
        return np.asarray(made + len(self.parts) * u * added)


class Loop(Node):
    """y = forward(x - back(y)): one of the two does not answer before the next frame."""

    def __init__(self, forward: Node, back: Node, *, channels: int = 1) -> None:
        self.forward, self.back, self.channels = forward, back, channels

    def start(self) -> "Loop":
        return Loop(self.forward.start(), self.back.start(), channels=self.channels)

    def step(self, x: Vector, remember: bool) -> Vector:
        x = x * max(1, self.channels // len(x))
        none = [0] * len(x)
        y = self.forward.out(none)  # all of it, if the forward path is the late one
        back = self.back.out(y)  # the part that does not depend on y, or all of it
        difference = [a - b for a, b in zip(x, back, strict=True)]
        y = self.forward.out(difference)
        if remember:
            self.forward.push(difference)
            self.back.push(y)
        return y

    def out(self, x: Vector) -> Vector:
        return self.step(x, remember=False)

    def push(self, x: Vector) -> Vector:
        return self.step(x, remember=True)

    def local(self, x: Rows, u: float) -> Rows:
        """Errors f of the forward path and b of the one back: y + e = F(x - B (y + e) - b) + f.

        So ``e = (1 + F B)^-1 (f - F b)``. Inside the loop it is double precision.
        """
        wide = oracle.roundoff(np.float64)
        x = np.repeat(x, max(1, self.channels // len(x)), axis=0)
        y = answer(self, x)
        difference = x - answer(self.back, y)
        made = self.forward.local(difference, wide) + 2 * wide * np.abs(y)
        again = self.back.local(y, wide) + 2 * wide * np.abs(difference)
        return spread(self.around, made + spread(self.forward, again)) + u * np.abs(y)

    @functools.cached_property
    def around(self) -> "Loop":
        """(1 + F B)^-1, which errors run through."""
        return Loop(Taps([1.0]), Chain(self.back, self.forward))


def answer(node: Node, x: Rows) -> Rows:
    """Return what a model answers to x (channels, frames): exact, then rounded once."""
    stepped = node.start()
    columns = [stepped.push([whole(v) for v in column]) for column in np.asarray(x).T.tolist()]
    return np.array([[real(v) for v in column] for column in columns]).reshape(x.shape[1], -1).T


@functools.cache
def impulses(node: Node, channels: int, frames: int) -> Rows:
    """Return the responses (outputs, channels, frames) of a model."""
    x = np.zeros((channels, channels, frames))
    x[np.arange(channels), np.arange(channels), 0] = 1.0
    return np.stack([answer(node, each) for each in x], axis=1)


def spread(node: Node, error: Rows) -> Rows:
    """Return the most that an error (channels, frames) becomes behind a node: |h| * |error|."""
    if not error.any():
        return np.zeros((impulses(node, len(error), 1).shape[0], error.shape[1]))
    h = np.abs(impulses(node, len(error), error.shape[1]))
    y = np.zeros((h.shape[0], error.shape[1]))
    for o in range(h.shape[0]):
        for i in range(h.shape[1]):
            y[o] += np.convolve(h[o, i], error[i])[: error.shape[1]]
    return y
