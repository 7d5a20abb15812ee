"""Stream: push, flush, reset, swap"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ltisys import _checks
from ltisys._types import Array
from ltisys.errors import MismatchError, StreamError
from ltisys.planner import Plan
from ltisys.prepared import NEVER, Answer, Prepared, Streamable, prepare
from ltisys.tape import Analysis, Tape
from ltisys.watch import Watch

__all__ = ["Stream", "stream_blocks"]

BLOCK_SIZE = 256
"""Frames a push that a stream is made for, unless it is told."""
FADE_FS = 48_000.0
"""The rate a fade in seconds is reckoned at where no system says its own."""
LONG_AGO = -(1 << 62)


class _Part:
    """One system in the mixture: the last one asked for, or one that is being faded out."""

    def __init__(self, prepared: Prepared, answer: Answer, start: int, fade: int) -> None:
        self.prepared, self.answer = prepared, answer
        self.start, self.fade = start, fade
        self.heard = (NEVER, LONG_AGO)
        """Frames from .. until which no output is silent, as long as no sound begins or ends."""


class Stream:
    """The answer of a system while it happens: blocks in, blocks out, no latency.

    Made by ``system.stream()``. Joining what `push` and `flush` return gives ``system(x)``, however
    x is cut into blocks. Any number of frames may be pushed; `block_size` is the number that costs
    least. Copies (`copy.copy`, pickle) go on independently from the same state.

    Parameters
    ----------
    system : System
        What the input is answered by.
    block_size : int, optional
        Frames a push, usually; by default 256.
    channels : int
        Channels of the input.
    dtype : {"float32", "float64"}
        Of the answer, and of what is computed in.

    Raises
    ------
    ValueError, TypeError
        For channels that do not fit the system, a complex response, other dtypes.

    Notes
    -----
    An output is within ``20 u log2(nfft) sum_p ||x_p|| ||h_p||`` of the definition, the sum over
    the partitions, x_p the two windows of input that partition p meets, u the unit roundoff.
    Outputs that no sound reaches are exactly zero, apart from gaps in the input shorter than two
    blocks, and where more than 256 stretches of taps or 4096 of input are to be told apart. Samples
    below ``tiny * 2**24`` (-615 dB in single precision) count as zero. NaN and infinities make the
    `taps` outputs that hear them NaN, and nothing else.

    Examples
    --------
    >>> import ltisys as lti
    >>> stream = lti.FIR([1.0, 0.0, 0.5]).stream(dtype="float64")
    >>> stream.push([1.0, 2.0])
    array([1., 2.])
    >>> stream.flush()
    array([0.5, 1. ])
    """

    def __init__(
        self,
        system: Streamable,
        *,
        block_size: int | None = None,
        channels: int = 1,
        dtype: str = "float32",
    ) -> None:
        block = BLOCK_SIZE if block_size is None else block_size
        self.block_size = _checks.integer("block_size", block, least=1)
        """Frames a push that it is planned for."""
        self.channels = _checks.integer("channels", channels, least=1)
        """Channels of the input."""
        self.dtype = _checks.float_dtype("dtype", dtype)
        """Of the answer."""
        self._prepared = prepare(system, self.channels, self.block_size, self.dtype.name)
        self.outputs = self._prepared.outputs
        """Channels of the answer."""
        self._fs = self._prepared.fs
        self._start()

    def _start(self) -> None:
        """Be as new, with the system asked for last."""
        prepared = self._prepared
        size, window = prepared.reserve
        self._tape = Tape(self.channels, size, window, self.dtype)
        self._analyses: dict[int, Analysis] = {}
        self._watch = Watch(self.channels, prepared.gap, prepared.plain, self.dtype)
        self._flat: bool | None = None
        self._flushed = False
        self._position = 0
        answer = prepared.answer(self._tape, self._analyses)
        self._parts = [_Part(prepared, answer, 0, 0)]
        self._settle()

    def _settle(self) -> None:
        """Note what the parts ask of the pieces they are given."""
        self._free = LONG_AGO  # frames up to which a block needs no cutting
        self._aligned = any(part.prepared.aligned for part in self._parts)

    # --- what it is ---------------------------------------------------------------------------

    @property
    def system(self) -> Any:
        """The system asked for last."""
        return self._prepared.system

    @property
    def plan(self) -> Plan:
        """How it computes; ``print(stream.plan)`` shows the schedule."""
        return self._prepared.plan

    @property
    def position(self) -> int:
        """Frames pushed since the last reset."""
        return self._position

    @property
    def latency(self) -> int:
        """Frames by which the answer is late: none."""
        return 0

    @property
    def tail(self) -> int | None:
        """Frames that `flush` returns, None where the tail has no end."""
        now = self._tape.position
        longest = self._prepared.taps - 1
        for place, part in enumerate(self._parts[:-1]):
            left = min(newer.start + newer.fade for newer in self._parts[place + 1 :]) - now
            longest = max(longest, min(part.prepared.taps - 1, left))
        return None if longest >= NEVER - 1 else longest

    def __repr__(self) -> str:
        state = "flushed" if self._flushed else f"at frame {self._position:,}"
        return (
            f"Stream({self.system!r}, block_size={self.block_size}, channels={self.channels}, "
            f"dtype='{self.dtype}'; {state})"
        )

    # --- blocks in, blocks out ----------------------------------------------------------------

    def push(self, x: Any, *, out: Array | None = None) -> Array:
        """Return the answer to the next frames.

        Parameters
        ----------
        x : array_like, shape (channels, frames), or (frames,) where there is one channel
            The next frames, any number, 0 too. Real floats; other precisions are converted.
        out : ndarray, shape (outputs, frames), or (frames,) as x, optional
            Where to put the answer, in the stream's dtype; may be x itself.

        Returns
        -------
        ndarray, shape (outputs, frames), or (frames,)
            As many frames; flat if x is and the system has one output.

        Raises
        ------
        ValueError, TypeError
            For another number of channels, integers or complex numbers, an `out` that does not fit.
        StreamError
            After `flush`.
        """
        if self._flushed:
            raise StreamError("stream is flushed; call reset() before pushing again")
        rows = self._rows(x)
        n = rows.shape[1]
        if n <= self.block_size and out is None and self._tape.position + n <= self._free:
            y = self._piece(rows)  # as nearly always, nothing needs cutting
        else:
            y = self._answer(rows, None if out is None else self._place(n, out))
        self._position += n
        if out is not None:
            return out
        return y[0] if self._flat and self.outputs == 1 else y

    def flush(self, *, out: Array | None = None) -> Array:
        """Return the tail: what still sounds after the last frame pushed, taps - 1 frames.

        Parameters
        ----------
        out : ndarray, optional
            Where to put it, as in `push`.

        Returns
        -------
        ndarray, shape (outputs, tail), or (tail,) where the pushes were flat

        Raises
        ------
        StreamError
            If it was flushed before.
        """
        if self._flushed:
            raise StreamError("stream is flushed; call reset() before flushing again")
        n = self.tail
        if n is None:
            raise StreamError(f"the tail has no end, {self.system.endless()}; do not flush it")
        if self._flat is None:
            self._flat = self.channels == 1
        y = np.empty((self.outputs, n), dtype=self.dtype) if out is None else self._place(n, out)
        silence = np.zeros((self.channels, min(n, 1 << 14)), dtype=self.dtype)
        for first in range(0, n, 1 << 14):
            self._answer(silence[:, : n - first], y[:, first : first + (1 << 14)])
        self._flushed = True
        if out is not None:
            return out
        return y[0] if self._flat and self.outputs == 1 else y

    def reset(self) -> None:
        """Forget all input: be as a new stream of the system asked for last."""
        self._start()

    def _rows(self, x: Any) -> Array:
        """Return x as (channels, frames) in the stream's dtype."""
        if not (type(x) is np.ndarray and x.dtype == self.dtype):
            x = _checks.stream_block("x", x, self.dtype)
        flat = x.ndim == 1
        if flat and self.channels == 1:
            x = x[None]
        elif x.ndim != 2 or x.shape[0] != self.channels:
            channels = 1 if flat else x.shape[0]
            has = f"{channels} channel{'s' if channels != 1 else ''}"
            has = f"{has} but the stream takes {self.channels}" if x.ndim < 3 else f"{x.ndim} axes"
            raise MismatchError(
                f"x has {has}: x.shape={x.shape}; push blocks of shape ({self.channels}, frames)"
            )
        self._flat = flat
        rows: Array = x
        return rows

    def _place(self, n: int, out: Array) -> Array:
        """Return `out` as (outputs, n)."""
        shape = (n,) if self._flat and self.outputs == 1 else (self.outputs, n)
        _checks.place("out", out, shape, self.dtype)
        return out[None] if out.ndim == 1 else out

    def _answer(self, x: Array, y: Array | None) -> Array:
        """Answer rows (channels, n), in pieces that the tape and the parts have room for."""
        n = x.shape[1]
        first = 0
        while True:
            m = min(n - first, self._room(self._tape.position))
            piece = self._piece(x if m == n else x[:, first : first + m])
            if y is None:
                if m == n:
                    return piece
                y = np.empty((self.outputs, n), dtype=self.dtype)
            y[:, first : first + m] = piece
            first += m
            if first >= n:
                return y

    def _room(self, start: int) -> int:
        """Count the frames that can be answered at once, and remember up to where any block can."""
        tape = self._tape
        free = min(start + tape.room(), *[part.answer.free(start) for part in self._parts])
        block = self.block_size
        self._free = LONG_AGO if self._aligned else free
        return min(free - start, block - start % block if self._aligned else block)

    def _piece(self, x: Array) -> Array:
        """Answer one piece, in an array of its own."""
        tape, watch, n = self._tape, self._watch, x.shape[1]
        if n == 0:
            return np.zeros((self.outputs, 0), dtype=self.dtype)
        start = tape.position
        x, changed = watch.look(x, tape, self.block_size)
        tape.write(x)
        y: Array | None = None
        for part in self._parts:
            own = part.answer.answer(n)
            prepared = part.prepared
            if not prepared.exact:
                if changed or start + n > part.heard[1]:
                    part.heard = watch.heard(prepared.hearings, self.outputs, start)
                if not part.heard[0] <= start <= part.heard[1] - n:
                    watch.mute(own, prepared.hearings)
            if start < watch.spoilt_until(prepared.taps):
                watch.spoil(own, prepared.hears, prepared.taps)
            y = own if y is None else _mixed(y, own, part, start)
        assert y is not None
        if len(self._parts) > 1:
            self._leave(start + n)
        return y

    # --- another system -----------------------------------------------------------------------

    def prepare(self, system: Streamable) -> Prepared:
        """Transform the response of another system ahead of time, for `swap`.

        Parameters
        ----------
        system : System
            With the stream's channels, outputs and rate.

        Returns
        -------
        Prepared
            Good for this stream and others made alike.

        Raises
        ------
        MismatchError
            If it does not fit the stream.
        """
        now = self._prepared
        ready = prepare(system, self.channels, self.block_size, self.dtype.name, now)
        self._fit(ready)
        return ready

    def _fit(self, ready: Prepared) -> None:
        """Refuse a system of other outputs, channels, rate or precision."""
        _checks.same_rate(self._fs, ready.fs, names=("stream", "system"))
        if ready.outputs != self.outputs:
            raise MismatchError(
                f"the stream has {self.outputs} output{'s' if self.outputs > 1 else ''} but the "
                f"system gives {ready.outputs} for {self.channels} "
                f"channel{'s' if self.channels > 1 else ''}; make a new stream for it"
            )
        made = (ready.channels, ready.plan.block_size, ready.plan.dtype)
        if made != (self.channels, self.block_size, self.dtype.name):
            raise MismatchError(
                "the system was prepared for a stream of other channels, block_size or dtype; "
                "prepare it with this stream"
            )

    def swap(self, system: Streamable | Prepared, *, fade_s: float = 0.05) -> None:
        """Change to another system from the next frame on, without a click or a gap.

        The answers of both are mixed with weights that add up to one, while the new one's rises
        linearly. Both hear all past input, as far back as the stream remembers: the taps of the
        longest system it has had. Afterwards the stream is one of the new system. A swap during a
        fade mixes the mixture out.

        Parameters
        ----------
        system : System, or Prepared
            A `Prepared` saves transforming the response now.
        fade_s : float
            Length of the fade in seconds, at the rate of the systems (48 kHz if they have none);
            0 changes at once.

        Raises
        ------
        ValueError, TypeError
            For a negative fade, or what is no system.
        MismatchError
            If the system does not fit the stream.
        StreamError
            After `flush`.

        Notes
        -----
        The next block computes what would have been computed ahead: one answer of each size of
        partition; where the new system needs other sizes, also the spectra of the input it
        remembers. Until the end of the fade both systems are computed.
        """
        seconds = _checks.number("fade_s", fade_s, least=0)
        if self._flushed:
            raise StreamError("stream is flushed; call reset() before swapping")
        ready = system if isinstance(system, Prepared) else self.prepare(system)
        self._fit(ready)
        self._fs = self._fs or ready.fs
        self._tape.grow(*ready.reserve)
        self._watch.gap = min(self._watch.gap, ready.gap)
        self._watch.plain = self._watch.plain and ready.plain
        answer = ready.answer(self._tape, self._analyses)
        part = _Part(ready, answer, self._tape.position, round(seconds * (self._fs or FADE_FS)))
        self._parts.append(part)
        self._prepared = ready
        self._leave(self._tape.position)
        self._settle()

    def _leave(self, position: int) -> None:
        """Drop what has been faded out by frame `position`."""
        last = len(self._parts) - 1
        while last > 0 and self._parts[last].start + self._parts[last].fade > position:
            last -= 1
        if last > 0:
            self._parts = self._parts[last:]
            sizes = {size for part in self._parts for size in part.prepared.sizes}
            self._analyses = {s: a for s, a in self._analyses.items() if s in sizes}
            self._settle()

    # --- copies -------------------------------------------------------------------------------

    def __copy__(self) -> Stream:
        return copy.deepcopy(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Stream:
        twin = object.__new__(Stream)
        memo[id(self)] = twin
        # systems, plans and what was prepared never change: the copy shares them
        for part in self._parts:
            memo[id(part.prepared)] = part.prepared
        memo[id(self._prepared)] = self._prepared
        twin.__dict__.update({k: copy.deepcopy(v, memo) for k, v in self.__dict__.items()})
        return twin


def _mixed(y: Array, own: Array, part: _Part, start: int) -> Array:
    """Fade from y to the part's own answer."""
    n = y.shape[1]
    if start + n <= part.start or part.fade == 0:
        return own
    weight = (np.arange(start, start + n) - part.start + 1) / part.fade
    weight = np.minimum(weight, 1.0).astype(y.dtype)
    mixture: Array = y + weight * (own - y)
    done = weight >= 1.0
    if done.any():  # from then on nothing of the old may be heard, not even its NaN
        mixture[:, done] = own[:, done]
    return mixture


def stream_blocks(
    system: Any, blocks: Iterable[Any], *, block_size: int | None = None
) -> Iterator[Array]:
    """Answer an iterable of blocks one by one, with the tail at the end.

    Parameters
    ----------
    system : System
        What answers.
    blocks : iterable of array_like, shape (frames,) or (channels, frames)
        Of any lengths, all with the channels of the first, which also settles the precision.
    block_size : int, optional
        Frames a block, usually; by default those of the first block, at least 1.

    Returns
    -------
    iterator of ndarray
        As many frames as each block has, then the tail if there is one.

    Raises
    ------
    ValueError, TypeError, StreamError
        As `Stream.push`.

    Examples
    --------
    >>> import ltisys as lti
    >>> blocks = [[1.0, 0.0], [0.0]]
    >>> np.concatenate(list(lti.stream_blocks(lti.FIR([1.0, 2.0]), blocks)))
    array([1., 2., 0., 0.])
    """
    if not hasattr(system, "stream"):
        raise TypeError(f"{type(system).__name__} is no system: it cannot be streamed")
    stream: Stream | None = None
    for block in blocks:
        x = _checks.numeric("block", block)
        if stream is None:
            frames = max(1, x.shape[-1])
            stream = system.stream(
                block_size=min(frames, 1 << 16) if block_size is None else block_size,
                channels=1 if x.ndim == 1 else x.shape[0],
                dtype="float32" if x.dtype == np.float32 else "float64",
            )
        yield stream.push(x)
    if stream is not None and stream.tail != 0:
        yield stream.flush()
