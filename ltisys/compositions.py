"""systems one behind the other and side by side, where no single one is as exact"""

from __future__ import annotations

import functools
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from ltisys import _checks, responses
from ltisys._types import Array
from ltisys.fir import FIR
from ltisys.machines import InParallel, InSeries, Machine
from ltisys.systems import MOST_EXTENT, SILENT_DB, System

__all__ = ["Composed", "Parallel", "Series", "flat"]


class Composed(System):
    """What is made of other systems; made by ``>>``, ``+`` and `feedback`."""

    def __init__(self, parts: Sequence[System]) -> None:
        fs = None
        for part in parts:
            fs = _checks.same_rate(fs, part.fs, names=("first", "second"))
            if isinstance(part, FIR) and part.h.dtype.kind == "c":
                raise TypeError(
                    f"{part!r} is complex: it cannot stand beside a recursive system; take the "
                    f"systems of its real and of its imaginary part"
                )
        super().__init__(fs)
        self._parts = tuple(parts)

    @property
    def parts(self) -> tuple[System, ...]:
        """The systems that it is made of."""
        return self._parts

    @property
    def taps(self) -> int | None:
        """None: the response never ends."""
        return None

    @property
    def stable(self) -> bool:
        """Whether all parts are stable."""
        return all(part.stable for part in self._parts)

    def endless(self) -> str:
        """Return why the tail has no end to compute to."""
        for part in self._parts:
            if part.extent is None:
                return f"in its part {type(part).__name__}, {part.endless()}"
        return super().endless()

    def _sinks(self) -> int | None:
        """Return the frame from which on the measured response stays below a level."""
        longest = self._longest()
        if longest is None or longest > MOST_EXTENT:
            return None
        # Beyond the longest way through all parts there is what lies below 180 dB in each of them:
        # more than that of the whole where their peaks cancel.
        frames = min(2 * longest, MOST_EXTENT)
        while True:
            h = self.impulse_response(frames)
            size = np.abs(h).reshape(-1, frames).max(axis=0)
            loud = np.flatnonzero(size >= 10 ** (SILENT_DB / 20) * size.max())
            end = int(loud[-1]) + 1 if size.any() else 1
            if end <= max(longest, 3 * frames // 4):
                return end
            if frames >= MOST_EXTENT:
                return None
            frames = min(2 * frames, MOST_EXTENT)

    def _longest(self) -> int | None:
        """Return how many frames of the response there can be, None if there is no end."""
        lengths = [part.extent for part in self._parts]
        return None if None in lengths else sum(n for n in lengths if n is not None)

    def _value(self) -> Hashable:
        return self._parts

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._parts,)


class Series(Composed):
    """Systems one behind the other; ``a >> b`` makes it."""

    @property
    def latency(self) -> int:
        """Frames by which the answer is late on purpose, all together."""
        return sum(part.latency for part in self._parts)

    @functools.cached_property
    def rows(self) -> tuple[int, ...]:
        """Shape of the response but for its last axis."""
        return functools.reduce(_rows_in_series, (part.rows for part in self._parts))

    @property
    def lead(self) -> int:
        """Frames of silence at the start of the response."""
        return sum(part.lead for part in self._parts)

    def outputs_of(self, channels: int) -> int:
        """Return how many channels an input of `channels` becomes."""
        for part in self._parts:
            channels = part.outputs_of(channels)
        return channels

    def paths(self, channels: int) -> Array:
        """Return which output hears which input of `channels`."""
        heard = np.eye(channels, dtype=bool)
        for part in self._parts:
            heard = part.paths(heard.shape[0]) @ heard
        return heard

    def machine(self, channels: int, block_size: int, dtype: np.dtype[Any]) -> Machine:
        """Return its state at rest: `channels`, about `block_size` frames a block, in `dtype`."""
        machines = []
        for part in self._parts:
            machines.append(part.machine(channels, block_size, dtype))
            channels = part.outputs_of(channels)
        return InSeries(machines)

    def _response_at(self, cycles: Array) -> Array:
        parts = [part._response_at(cycles) for part in self._parts]
        return functools.reduce(lambda a, b: responses.series(a, b, np.multiply), parts)

    def earlier(self, frames: int) -> System:
        """Return it without `frames` frames of the silence that its response begins with."""
        parts = []
        for part in self._parts:
            now = min(frames, part.lead)
            parts.append(part.earlier(now) if now else part)
            frames -= now
        return Series(parts)

    def __repr__(self) -> str:
        return " >> ".join(_inside(part) for part in self._parts)


class Parallel(Composed):
    """Systems side by side, their answers added up; ``a + b`` makes it."""

    @property
    def latency(self) -> int:
        """The least frames by which any of the answers is late on purpose."""
        return min(part.latency for part in self._parts)

    @functools.cached_property
    def rows(self) -> tuple[int, ...]:
        """Shape of the response but for its last axis."""
        return functools.reduce(_rows_in_parallel, (part.rows for part in self._parts))

    @property
    def lead(self) -> int:
        """Frames of silence at the start of the response."""
        return min(part.lead for part in self._parts)

    def _longest(self) -> int | None:
        lengths = [part.extent for part in self._parts]
        return None if None in lengths else max(n for n in lengths if n is not None)

    def outputs_of(self, channels: int) -> int:
        """Return how many channels an input of `channels` becomes."""
        return max(part.outputs_of(channels) for part in self._parts)

    def paths(self, channels: int) -> Array:
        """Return which output hears which input of `channels`."""
        heard = [part.paths(channels) for part in self._parts]
        outputs = max(h.shape[0] for h in heard)
        return np.asarray(sum(np.broadcast_to(h, (outputs, channels)) for h in heard), dtype=bool)

    def machine(self, channels: int, block_size: int, dtype: np.dtype[Any]) -> Machine:
        """Return its state at rest: `channels`, about `block_size` frames a block, in `dtype`."""
        return InParallel([part.machine(channels, block_size, dtype) for part in self._parts])

    def _response_at(self, cycles: Array) -> Array:
        parts = [part._response_at(cycles) for part in self._parts]
        return functools.reduce(responses.parallel, parts)

    def earlier(self, frames: int) -> System:
        """Return it without `frames` frames of the silence that its response begins with."""
        return Parallel([part.earlier(frames) for part in self._parts])

    def __repr__(self) -> str:
        return " + ".join(_inside(part) for part in self._parts)


def flat(system: System) -> System:
    """Return a system of rows (1,), which filters every channel alike, as one of rows ()."""
    if isinstance(system, FIR) and system.rows == (1,):
        return FIR(system.h[0], fs=system.fs, latency=system.latency)
    return system


def _inside(part: System) -> str:
    return f"({part!r})" if isinstance(part, Series | Parallel) else repr(part)


def _rows_in_series(first: tuple[int, ...], second: tuple[int, ...]) -> tuple[int, ...]:
    a, b = np.zeros((*first, 1)), np.zeros((*second, 1))
    return responses.series(a, b, np.multiply).shape[:-1]


def _rows_in_parallel(first: tuple[int, ...], second: tuple[int, ...]) -> tuple[int, ...]:
    return responses.parallel(np.zeros((*first, 1)), np.zeros((*second, 1))).shape[:-1]
