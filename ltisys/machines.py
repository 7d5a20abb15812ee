"""states of systems in a stream: rows in, as many frames out, block after block"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from ltisys._types import Array
from ltisys.spectra import settle_allocator
from ltisys.state_space import LONG, long_blocks
from ltisys.streaming import Stream

__all__ = [
    "DelayLine",
    "InParallel",
    "InSeries",
    "Loop",
    "Machine",
    "Partitioned",
    "Recursion",
    "Taps",
    "run",
]

WIDE = np.dtype(np.float64)
LEAST = 1e-200
"""A state below this, -4000 dB, is silence: far enough from the subnormals, which are 30 times as
slow, that it does not come to them within QUIET frames."""
QUIET = 512
"""Frames after which a state is looked at where much of the input is silence: it may have faded."""


class Machine(Protocol):
    """What remembers enough of its input to answer the next block."""

    def push(self, x: Array) -> Array:
        """Return the answer (outputs, n) to the next frames (inputs, n), in any real precision."""
        ...


class Recursion:
    """Second-order sections: scipy's sosfilt, its state, and silence where the state has faded.

    Long blocks of stable sections go by products of matrices, from and to the same state.
    """

    def __init__(self, sos: Array, channels: int, dtype: np.dtype[Any]) -> None:
        settle_allocator()
        self.sos = np.array(sos)  # sosfilt takes no read-only one
        # zeros among the coefficients are frames of silence, which products would round
        self.dense = bool(sos[:, 0].all() and (sos[:, 4] != 0).all())
        self.state = np.zeros((sos.shape[0], channels, 2))
        self.dtype = dtype

    def push(self, x: Array) -> Array:
        """Return the answer to the next frames."""
        if x.shape[1] == 0:
            return np.zeros(x.shape, dtype=self.dtype)
        n = x.shape[1]
        if n <= QUIET:
            return self._next(x)
        long = long_blocks(self.sos) if n >= LONG and self.dense else None
        if long is not None:
            y, state = np.empty(x.shape, dtype=self.dtype), self.state.copy()
            for row, own, out in zip(x, state.swapaxes(0, 1), y, strict=True):
                long.answer(row, own, out)
            self.state = state
            return y
        sounds = np.logical_or.reduceat(x.any(axis=0), np.arange(0, n, QUIET))
        if sounds.all():
            return self._next(x)
        y = np.empty(x.shape, dtype=self.dtype)
        edges = [0, *(np.flatnonzero(sounds[1:] & sounds[:-1] ^ True) + 1).tolist(), sounds.size]
        for a, b in itertools.pairwise(edges):  # sound at once, silence piece by piece
            piece = slice(a * QUIET, b * QUIET)
            y[:, piece] = self._next(x[:, piece])
        return y

    def _next(self, x: Array) -> Array:
        from scipy.signal import sosfilt

        if not x.any() and not self.state.any():
            return np.zeros(x.shape, dtype=self.dtype)
        with np.errstate(over="ignore", invalid="ignore"):  # a system that is not stable
            y, state = sosfilt(self.sos, x.astype(WIDE, copy=False), axis=-1, zi=self.state)
            # Subnormals would make a fading tail many times slower than sound. The level is that of
            # the state, not of the answer: sections may hold their gain, 1e-36, all in the first.
            state[np.abs(state) < LEAST] = 0.0
            self.state = state
            return np.asarray(y.astype(self.dtype, copy=False))


class Taps:
    """A response of a few taps: delayed rows times numbers.

    `echoes` is of (frames of delay, matrix (outputs, inputs)).
    """

    def __init__(
        self, echoes: Sequence[tuple[int, Array]], inputs: int, outputs: int, dtype: np.dtype[Any]
    ) -> None:
        self.echoes = [(lag, _few(matrix), matrix) for lag, matrix in echoes]
        self.inputs, self.outputs, self.dtype = inputs, outputs, dtype
        self.longest = max((lag for lag, _ in echoes), default=0)
        self.past = np.zeros((inputs, 2 * self.longest), dtype=dtype)
        self.end = self.longest  # of the frames heard; before it lie the last `longest`

    def push(self, x: Array) -> Array:
        """Return the answer to the next frames."""
        n = x.shape[1]
        y = np.zeros((self.outputs, n), dtype=self.dtype)
        heard, end = self._heard(x)
        for lag, few, matrix in self.echoes:
            now = heard[:, end - lag : end - lag + n]
            if few is None:
                y += matrix.astype(self.dtype, copy=False) @ now
            else:
                for o, i, factor in few:
                    y[o] += factor * now[i]
        return y

    def _heard(self, x: Array) -> tuple[Array, int]:
        """Return what was heard, x at its end, and where x begins."""
        n = x.shape[1]
        if not self.longest:
            return x.astype(self.dtype, copy=False), 0
        if self.end + n > self.past.shape[1]:  # the ring is full: keep what is still heard
            kept = self.past[:, self.end - self.longest : self.end].copy()
            if n > self.longest:
                self.past = np.zeros((self.inputs, 2 * self.longest + n), dtype=self.dtype)
            self.past[:, : self.longest] = kept
            self.end = self.longest
        begin = self.end
        self.past[:, begin : begin + n] = x
        self.end += n
        return self.past, begin


def _few(matrix: Array) -> list[tuple[int, int, float]] | None:
    """Return the entries that are not 0 as (output, input, factor), None if a product is faster."""
    places = np.argwhere(matrix)
    if len(places) > 4 and len(places) > 2 * max(matrix.shape):
        return None
    return [(int(o), int(i), float(matrix[o, i])) for o, i in places]


class Partitioned:
    """A long response: a stream of its own."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream

    def push(self, x: Array) -> Array:
        """Return the answer to the next frames."""
        return self.stream.push(x)


class InSeries:
    """One after the other."""

    def __init__(self, parts: Sequence[Machine]) -> None:
        self.parts = list(parts)

    def push(self, x: Array) -> Array:
        """Return the answer of the last."""
        for part in self.parts:
            x = part.push(x)
        return x


class InParallel:
    """Side by side, their answers added up; one channel is added to all."""

    def __init__(self, parts: Sequence[Machine]) -> None:
        self.parts = list(parts)

    def push(self, x: Array) -> Array:
        """Return the sum of the answers."""
        y = self.parts[0].push(x)
        for part in self.parts[1:]:
            y = y + part.push(x)
        return y


class DelayLine:
    """The last `frames` frames of rows: a ring, in which what is read makes room."""

    def __init__(self, rows: int, frames: int, dtype: np.dtype[Any]) -> None:
        self.ring = np.zeros((rows, frames), dtype=dtype)
        self.place = 0

    @property
    def room(self) -> int:
        """Frames until the ring's end: as many can be read, then written, in one piece."""
        return int(self.ring.shape[1] - self.place)

    def read(self, n: int) -> Array:
        """Return the n <= room frames that were written longest ago; `write` takes their place."""
        return self.ring[:, self.place : self.place + n]

    def write(self, x: Array) -> None:
        """Write the next frames."""
        n = x.shape[1]
        self.ring[:, self.place : self.place + n] = x
        self.place = (self.place + n) % self.ring.shape[1]

    def push(self, x: Array) -> Array:
        """Return x, delayed."""
        n = x.shape[1]
        if self.ring.shape[1] == 0:
            return x
        y = np.empty((self.ring.shape[0], n), dtype=self.ring.dtype)
        first = 0
        while first < n:
            m = min(n - first, self.room)
            y[:, first : first + m] = self.read(m)
            self.write(x[:, first : first + m])
            first += m
        return y


class Loop:
    """A forward path and a path back, subtracted from the input: block-wise inside the delay.

    With both paths begun at once, and the frames they are late kept apart,
    ``y = z^-d F (x - z^-(d + e) B F (..))``: the next d + e frames of what comes back are known.

    Parameters
    ----------
    forward, back : Machine
        Without the silence that their responses begin with.
    late, delay : int
        Frames of that silence in the forward path, and in the whole loop, at least 1.
    between, outputs : int
        Channels where the loop closes, and of the answer.
    dtype : dtype
        Of the answer; inside it is double precision.
    """

    def __init__(
        self,
        forward: Machine,
        back: Machine,
        *,
        late: int,
        delay: int,
        between: int,
        outputs: int,
        dtype: np.dtype[Any],
    ) -> None:
        self.forward, self.back, self.dtype = forward, back, dtype
        self.between, self.outputs = between, outputs
        self.returned = DelayLine(between, delay, WIDE)
        self.late = DelayLine(outputs, late, WIDE)

    def push(self, x: Array) -> Array:
        """Return the answer to the next frames."""
        n = x.shape[1]
        y = np.empty((self.outputs, n), dtype=WIDE)
        first = 0
        with np.errstate(over="ignore", invalid="ignore"):  # a loop that is not stable
            while first < n:
                m = min(n - first, self.returned.room)
                error = x[:, first : first + m] - self.returned.read(m)
                answer = self.forward.push(error)
                again = self.back.push(answer)
                if np.abs(again).min(initial=1.0) < LEAST:
                    again = np.where(np.abs(again) < LEAST, 0.0, again)
                self.returned.write(again)
                y[:, first : first + m] = answer
                first += m
            return np.asarray(self.late.push(y).astype(self.dtype, copy=False))


def run(machine: Machine, x: Array, y: Array, step: int) -> None:
    """Answer rows x (inputs, frames) into y (outputs, any), in pieces; beyond x is silence."""
    frames = x.shape[1]
    for first in range(0, y.shape[1], step):
        n = min(step, y.shape[1] - first)
        block = x[:, first : first + n]
        if first + n > frames:
            block = np.zeros((x.shape[0], n), dtype=x.dtype)
            block[:, : max(0, frames - first)] = x[:, first:]
        y[:, first : first + n] = machine.push(block)
