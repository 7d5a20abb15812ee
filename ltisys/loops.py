"""feedback: echoes, combs, reverberators, block-wise inside the delay of their loop"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from ltisys import responses
from ltisys._types import Array
from ltisys.compositions import Composed, Parallel, Series, flat
from ltisys.elements import gain
from ltisys.errors import MismatchError
from ltisys.iir import IIR
from ltisys.machines import Loop, Machine
from ltisys.rational import polynomials
from ltisys.systems import MOST_EXTENT, SILENT_DB, System

__all__ = ["Feedback", "feedback"]

SHORT = 8
"""A loop this short is a recursion of few coefficients, if its polynomials are short."""
NARROW = 0.9
"""Sections with poles beyond this radius, multiplied out, would lose what makes them narrow."""
MOST_BLOCK = 1 << 13
"""Frames of a loop answered at once: its rows stay in cache."""


def feedback(forward: System, back: System | None = None) -> System:
    """Return ``forward / (1 + forward back)``: what comes back is subtracted from the input.

    Use it for echoes, combs and all-passes, and with matrices of responses for networks of delays.
    ``feedback(gain(1), -0.5 * delay(4800))`` repeats a sound every 4800 frames at half the level.

    Parameters
    ----------
    forward : System
        From where the loop closes to the answer.
    back : System, optional
        From the answer back to the input; by default the answer itself.

    Returns
    -------
    System
        An IIR where the loop is short and made of short polynomials, else a system that runs block
        by block inside the delay of the loop.

    Raises
    ------
    ValueError
        If the loop has no delay of at least one frame.
    MismatchError
        If rates or channels do not fit.

    Notes
    -----
    Blocks are as long as the loop's delay: in loops of few frames that are no short recursion
    every block costs some 10 microseconds. Inside it is double precision. A loop that is not
    stable is made, says so in its ``repr``, and has no tail.

    References
    ----------
    M. Schroeder, "Natural sounding artificial reverberation", J. Audio Eng. Soc. 10, 1962.
    J.-M. Jot and A. Chaigne, "Digital delay networks for designing artificial reverberators",
    90th AES Convention, 1991.

    Examples
    --------
    >>> import ltisys as lti
    >>> echo = lti.feedback(lti.gain(1), -0.5 * lti.delay(2))
    >>> echo.impulse_response(6)
    array([1.  , 0.  , 0.5 , 0.  , 0.25, 0.  ])
    """
    for name, system in (("forward", forward), ("back", back)):
        if not isinstance(system, System) and not (name == "back" and system is None):
            raise TypeError(f"{name}={system!r} must be a System")
    back = gain(1.0) if back is None else back
    delay = forward.lead + back.lead
    if delay < 1:
        raise ValueError(
            "the loop has no delay: forward and back both answer at once; put lti.delay(1) "
            "into one of them"
        )
    made = Feedback((flat(forward), flat(back)))
    made.closes()
    if delay <= SHORT:
        short = _recursion(forward, back, made.fs)
        if short is not None:
            return short
    return made


def _recursion(forward: System, back: System, fs: float | None) -> IIR | None:
    """Return the loop as one recursion, None where its polynomials are too long for that."""
    f, b = polynomials(forward), polynomials(back)
    if f is None or b is None:
        return None
    inside = [np.abs(np.roots(a)).max(initial=0.0) for _, a in (f, b)]
    if max(inside) > NARROW:
        return None
    numerator = np.convolve(f[0], b[1])
    around, through = np.convolve(f[1], b[1]), np.convolve(f[0], b[0])
    denominator = np.zeros(max(around.size, through.size))
    denominator[: around.size] += around
    denominator[: through.size] += through
    try:
        return IIR.from_ba(numerator, denominator, fs=fs)
    except ValueError:  # its roots do not give it back
        return None


def _most(system: System) -> float:
    """Return a bound on how much a system can strengthen any frequency, in any mixture of rows.

    The norm of a sum is at most the sum of the norms: of the taps, the parts, the rows.
    """
    if isinstance(system, Series):
        return math.prod(_most(part) for part in system.parts)
    if isinstance(system, Parallel):
        return math.fsum(_most(part) for part in system.parts)
    if system.extent is None:
        return math.inf
    h = system.impulse_response()
    if h.ndim < 3:
        return float(np.abs(h).sum(axis=-1).max())
    lags = h[..., h.any(axis=(0, 1))]
    if lags.shape[-1] > 64:
        lags = np.abs(lags).sum(axis=-1, keepdims=True)
    return float(np.linalg.norm(np.moveaxis(lags, -1, 0), 2, axis=(-2, -1)).sum())


class _Probe:
    """The course of a system's response: its largest output, frame by frame, as far as asked."""

    def __init__(self, system: Feedback) -> None:
        # one run for all inputs: an impulse in each, of sizes that cancel nowhere for long
        inputs = system.rows[-1] if len(system.rows) == 2 else 1
        self.first = 1 + 0.5 * np.cos(np.arange(inputs))[:, None]
        self.machine = system.machine(inputs, MOST_BLOCK, np.dtype(np.float64))
        self.size = np.zeros(0)

    def heard(self, frames: int) -> Array:
        """Return the largest magnitudes of the first frames; NaN and infinities are infinite."""
        pieces = [self.size]
        done = self.size.size
        while done < frames:
            n = min(MOST_BLOCK, frames - done)
            x = np.zeros((self.first.shape[0], n))
            if done == 0:
                x[:, :1] = self.first
            y = np.abs(self.machine.push(x)).max(axis=0)
            pieces.append(np.where(np.isfinite(y), y, np.inf))
            done += n
            if not np.isfinite(pieces[-1][-1]):
                pieces.append(np.full(frames - done, np.inf))
                break
        self.size = np.concatenate(pieces)
        return self.size


class Feedback(Composed):
    """A forward path with a path back around it; made by `feedback`."""

    def __init__(self, parts: tuple[System, ...]) -> None:
        super().__init__(parts)
        self.forward, self.back = parts

    @property
    def latency(self) -> int:
        """Frames by which the answer is late on purpose: those of the forward path."""
        return self.forward.latency

    @functools.cached_property
    def rows(self) -> tuple[int, ...]:
        """Shape of the response but for its last axis."""
        one = [np.zeros((*part.rows, 1)) for part in (self.forward, self.back)]
        through = responses.series(one[0], one[1], np.multiply)
        again = responses.series(through, one[0], np.multiply)
        return responses.parallel(one[0], again).shape[:-1]

    @property
    def lead(self) -> int:
        """Frames of silence at the start of the response."""
        return self.forward.lead

    @property
    def stable(self) -> bool:
        """Whether the response decays: as the loop's gain is below 1, or as it is seen to."""
        return self._course[0]

    def _sinks(self) -> int | None:
        return self._course[1]

    @functools.cached_property
    def _course(self) -> tuple[bool, int | None]:
        """Return whether the response decays, and the frame from which on it is 180 dB down.

        Its course is watched until it was quiet for as long as the loop remembers, twice. It grows
        if its peaks in three stretches, each twice as long as the last, do not fall.
        """
        weakens = _most(self.forward) * _most(self.back) < 1
        lengths = [part.extent for part in self.parts]
        known = None not in lengths
        memory = sum(n for n in lengths if n is not None)
        probe = _Probe(self)
        frames = max(4096, min(4 * memory, MOST_EXTENT))
        while True:
            size = probe.heard(frames)
            if not np.isfinite(size[-1]):
                return False, None
            loud = np.flatnonzero(size >= 10 ** (SILENT_DB / 20) * size.max())
            end = int(loud[-1]) + 1 if size.any() else 1
            # of a part that never ends, the loop's own decay must show: three quarters of silence
            if frames - end >= (2 * memory if known else 3 * frames // 4):
                return True, end
            peaks = [size[frames // a : frames // (a // 2)].max() for a in (8, 4, 2)]
            falls = not peaks[2] >= peaks[1] >= peaks[0] > 0
            if not (weakens or falls):
                return False, None
            if frames >= MOST_EXTENT:
                return weakens or falls, None
            frames = min(2 * frames, MOST_EXTENT)

    def endless(self) -> str:
        """Return why the tail has no end to compute to."""
        if not self.stable:
            return "it is not stable: what goes round the loop does not decay"
        return f"it sounds on for more than {MOST_EXTENT:,} frames"

    def __repr__(self) -> str:
        warning = "" if self.stable else "; UNSTABLE"
        return f"feedback({self.forward!r}, {self.back!r}{warning})"

    # --- what it does -------------------------------------------------------------------------

    def closes(self) -> None:
        """Raise if the loop does not give back as many channels as it begins with."""
        _ = self.rows
        there, again = self.forward.rows, self.back.rows
        known = [there[-1:], again[:1]]
        for rows in known:
            if rows:
                self._channels(rows[0])

    def _channels(self, channels: int) -> int:
        """Return the channels where the loop closes, for an input of so many."""
        again = self.back.outputs_of(self.forward.outputs_of(channels))
        if again != channels and channels == 1:
            channels, again = again, self.back.outputs_of(self.forward.outputs_of(again))
        if again != channels:
            raise MismatchError(
                f"the loop gives back {again} channels of {channels}; it must close on the "
                f"channels it begins with"
            )
        return channels

    def outputs_of(self, channels: int) -> int:
        """Return how many channels an input of `channels` becomes."""
        return self.forward.outputs_of(self._channels(channels))

    def paths(self, channels: int) -> Array:
        """Return which output hears which input of `channels`."""
        between = self._channels(channels)
        there = self.forward.paths(between)
        turn = self.back.paths(there.shape[0]) @ there
        heard = np.eye(between, dtype=bool)
        for _ in range(between):
            heard = heard | (turn @ heard)
        heard = there @ heard
        return np.asarray(heard.any(axis=1, keepdims=True) if channels < between else heard)

    def machine(self, channels: int, block_size: int, dtype: np.dtype[Any]) -> Machine:
        """Return its state at rest: `channels`, about `block_size` frames a block, in `dtype`."""
        between = self._channels(channels)
        outputs = self.forward.outputs_of(between)
        late, delay = self.forward.lead, self.forward.lead + self.back.lead
        block, wide = min(block_size, delay), np.dtype(np.float64)
        return Loop(
            self.forward.earlier(late).machine(between, block, wide),
            self.back.earlier(self.back.lead).machine(outputs, block, wide),
            late=late,
            delay=delay,
            between=between,
            outputs=outputs,
            dtype=dtype,
        )

    def _step(self, frames: int) -> int:
        delay = self.forward.lead + self.back.lead
        return int(min(frames, MOST_BLOCK, delay * max(1, MOST_BLOCK // delay)))

    def _square(self, response: Array) -> Array | None:
        """Return a response as a matrix (outputs, inputs, freqs), None if it spreads."""
        size = max((*self.rows, 1))
        if response.ndim == 3:
            return response
        if response.ndim == 2 and response.shape[0] not in (1, size):
            return None
        square = np.zeros((size, size, response.shape[-1]), dtype=complex)
        square[np.arange(size), np.arange(size)] = response
        return square

    def _response_at(self, cycles: Array) -> Array:
        there, again = (part._response_at(cycles) for part in self.parts)
        with np.errstate(divide="ignore", invalid="ignore"):
            if there.ndim < 3 and again.ndim < 3:
                return np.asarray(there / (1 + there * again))
        f, b = self._square(there), self._square(again)
        assert f is not None
        assert b is not None
        f, b = np.moveaxis(f, -1, 0), np.moveaxis(b, -1, 0)
        return np.moveaxis(np.linalg.solve(np.eye(f.shape[-2]) + f @ b, f), 0, -1)

    # --- made into others ---------------------------------------------------------------------

    def earlier(self, frames: int) -> System:
        """Return it without `frames` frames of the silence that its response begins with."""
        from ltisys.elements import delay

        return Feedback((self.forward.earlier(frames), delay(frames) >> self.back))
