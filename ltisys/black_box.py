"""any callable as a black box: its answers as arrays, what it does to its input, what it costs"""

from __future__ import annotations

import contextlib
import inspect
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ltisys import _checks
from ltisys._types import Array
from ltisys.streaming import Stream
from ltisys.systems import System

__all__ = ["BlackBox", "TooShort", "Unanswered"]

MOST_KERNEL = 2**17
"""Frames of an input beyond which an answer that does not grow with it is taken as it is."""


class Unanswered(Exception):
    """An answer that nothing can be learnt from; the text says why."""


class TooShort(Unanswered):
    """An answer too short for what was to be compared; it says nothing about the system."""


class BlackBox:
    """A system that can only be asked: signals are ``(inputs, frames)``, answers ``(outputs, n)``.

    Every call gets a copy of its input, so that a system that writes on it spoils nothing, and is
    found out. Errors, NaN and answers of other shapes raise `Unanswered`.

    Parameters
    ----------
    system : callable, System, Stream, or a callable without arguments that returns a Stream
    inputs : int
        With 1 the system gets ``(frames,)``, with more ``(inputs, frames)``.
    """

    def __init__(self, system: Any, inputs: int = 1) -> None:
        self.inputs = inputs
        self.outputs: int | None = None
        self.flat = True  # answers have one axis
        self.array = True  # they are arrays of numpy
        self.dtype: np.dtype[Any] = np.dtype(np.float64)  # of what it is given
        self.calls = 0
        self.seconds = 0.0
        self.changed: Array | None = None  # the first input that it wrote on
        self.written = np.zeros((inputs, 0))  # the last input, as it was left
        self.silence: int = 0  # frames of silence sent before every input, to empty it
        self.least = 1  # frames
        self.fixed: int | None = None  # the only number of frames it takes
        self.result_dtype: np.dtype[Any] | None = None
        self.name = _name(system)
        self.kind, self._call = _door(system)

    # --- asking ---------------------------------------------------------------------------------

    def __call__(self, x: Array) -> Array:
        """Return the answer to x as float64 or complex128, ``(outputs, frames)``, all finite."""
        if self.silence:
            frames = self.fixed or self.silence
            self.raw(np.zeros((self.inputs, frames), self.dtype))
        y = self.raw(x)
        if not np.isfinite(y).all():
            bad = y[~np.isfinite(y)]
            what = "NaN" if np.isnan(bad).any() else "infinite values"
            raise Unanswered(f"it answers {what} ({bad.size} of {y.size})")
        return y

    def left(self, x: Array) -> Array:
        """Return what a call leaves of its input."""
        self.raw(x)
        return self.written

    def raw(self, x: Array) -> Array:
        """Return the answer to x, NaN and infinities included."""
        dtype = self.dtype if x.dtype.kind != "c" else np.result_type(self.dtype, np.complex64)
        given = x.astype(dtype)  # a copy
        before = x if x.dtype == dtype else given.copy()
        self.calls += 1
        start = time.perf_counter()
        try:
            y = self._call(given[0] if self.inputs == 1 else given)
        except (Exception, SystemExit) as error:
            text = " ".join(str(error).split())
            raise Unanswered(f"it raises {type(error).__name__}: {text}"[:200]) from error
        finally:
            self.seconds += time.perf_counter() - start
        if not (given == before).all():
            self.changed = before.copy() if self.changed is None else self.changed
        self.written = given
        return self._shaped(y)

    def _shaped(self, answer: Any) -> Array:
        if answer is None:
            raise Unanswered("it answers None")
        try:
            y = np.asarray(answer)
        except Exception as error:  # an object of a kind that numpy cannot read
            raise Unanswered(f"it answers {type(answer).__name__}, no array") from error
        self.result_dtype, self.array = y.dtype, isinstance(answer, np.ndarray)
        if y.dtype.kind not in "biufc":
            raise Unanswered(f"it answers dtype {y.dtype}, not numbers")
        if y.ndim not in (1, 2):
            raise Unanswered(f"it answers shape {y.shape}; (frames,) or (outputs, frames) it may")
        flat = y.ndim == 1
        rows = 1 if flat else y.shape[0]
        if rows > _checks.MOST_CHANNELS:
            raise Unanswered(
                f"it answers shape {y.shape}: {rows} channels; signals are (channels, frames)"
            )
        if self.outputs is None:
            self.outputs, self.flat = rows, flat
        elif self.outputs != rows:
            raise Unanswered(f"it answers {rows} channels, and {self.outputs} before")
        if y.shape[-1] == 0:
            raise Unanswered("it answers no frames")
        return y.reshape(rows, -1).astype(np.complex128 if y.dtype.kind == "c" else np.float64)

    # --- what it takes --------------------------------------------------------------------------

    def answer(self, x: Any) -> Array:
        """Return the answer to x as it comes, a stream's in blocks: for lines of code."""
        return np.asarray(self._call(np.array(x, dtype=self.dtype)))

    def meet(self, x: Array) -> Array:
        """Ask for the first time; return the answer, or raise Unanswered.

        It learns the dtype (float64, or float32 for systems that insist), the fewest frames, and
        whether only one number of frames is taken. Where answers are as long as inputs but for a
        constant, lengths for which that fails are left out: ``np.convolve(x, h, "same")`` answers
        ``h.size`` frames to a shorter x.
        """
        frames = x.shape[-1]
        try:
            y = self.raw(x)
        except Unanswered as first:
            self.outputs = None
            self.dtype = np.dtype(np.float32)
            try:
                y = self.raw(x)
            except Unanswered:
                self.dtype, self.outputs = np.dtype(np.float64), None
                raise first from None
        if not any(map(self._answered, (frames - 1, frames // 2 + 1, 2 * frames + 1))):
            self.fixed = frames
            return y
        usual = frames
        while usual < MOST_KERNEL and self._answered(usual) == self._answered(usual + 64):
            usual *= 2  # the answer is as long as a kernel that is longer than the input
        excess = self._answered(usual) - usual
        grows = usual < MOST_KERNEL and self._answered(usual + 1) - usual - 1 == excess

        def takes(n: int) -> bool:
            answered = self._answered(n)
            return answered > 0 and (answered - n == excess or not grows)

        if not takes(1):
            low, high = 1, usual
            while high - low > 1:  # bisection: what takes n frames takes n + 1
                middle = (low + high) // 2
                low, high = (low, middle) if takes(middle) else (middle, high)
            self.least = high
        return y

    def _answered(self, frames: int) -> int:
        """Return the length of the answer to so many frames, 0 if there is none."""
        if frames < 1:
            return 0
        rng = np.random.default_rng(frames)
        try:
            return int(self.raw(rng.standard_normal((self.inputs, frames)) / 8).shape[-1])
        except Unanswered:
            return 0

    def takes_complex(self, x: Array) -> Array | None:
        """Return the answer to a complex input, None if it is refused or met with a warning."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                return self(x)
        except Unanswered:
            return None

    def cost(self, frames: int) -> float:
        """Return the seconds that a call takes, the fastest of three."""
        best = np.inf
        x = np.resize(np.random.default_rng(1).standard_normal(257), (self.inputs, frames))
        for _ in range(3):
            before = self.seconds
            with contextlib.suppress(Unanswered):
                self.raw(x)
            best = min(best, self.seconds - before)
            if best > 0.01:
                break
        return float(best)

    def frames(self, wanted: int) -> int:
        """Return the number of frames nearest to `wanted` that it takes."""
        return self.fixed if self.fixed is not None else max(wanted, self.least)


def _name(system: Any) -> str:
    name = getattr(system, "__qualname__", None) or getattr(system, "__name__", None)
    if name is None:
        return type(system).__name__
    return str(name).rpartition("<locals>.")[2].replace("<lambda>", "lambda")


def _door(system: Any) -> tuple[str, Callable[[Array], Any]]:
    """Return what kind of thing a system is, and a function that asks it."""
    if isinstance(system, System):
        return "system", system
    if isinstance(system, Stream):
        return "stream", lambda x: _streamed(_fresh(system), x)
    if not callable(system):
        raise TypeError(
            f"system={system!r} must be a callable x -> y, a System, a Stream, or a callable "
            f"without arguments that returns a Stream"
        )
    if _is_factory(system):
        return "factory", lambda x: _streamed(system(), x)
    return "callable", system


def _is_factory(system: Any) -> bool:
    """Whether a callable takes no argument, so that it can only make a stream."""
    try:
        signature = inspect.signature(system)
    except (TypeError, ValueError):  # numpy's ufuncs and other builtins have none
        return False
    try:
        signature.bind(0)
    except TypeError:
        try:
            signature.bind()
        except TypeError:
            return False
        return True
    return False


def _fresh(stream: Stream) -> Stream:
    stream.reset()
    return stream


def _streamed(stream: Any, x: Array) -> Array:
    """Return what a stream answers to x, in blocks of its own size, its tail included."""
    if not hasattr(stream, "push"):
        raise TypeError(f"the factory returns {type(stream).__name__}, which has no push")
    plan = getattr(stream, "plan", None)
    size = getattr(plan, "block_size", None) or 64
    answers = [np.array(stream.push(x[..., at : at + size])) for at in range(0, x.shape[-1], size)]
    if hasattr(stream, "flush"):
        answers.append(np.array(stream.flush()))
    return np.concatenate(answers, axis=-1)
