"""what every system can do: answer a signal, answer it block by block, tell its response"""

from __future__ import annotations

import abc
import functools
import numbers
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import numpy as np

from ltisys import _checks, spectra
from ltisys._types import Array, Method
from ltisys.reach import spoilt_outputs
from ltisys.streaming import Stream

if TYPE_CHECKING:
    from ltisys.fir import FIR
    from ltisys.machines import Machine

__all__ = ["System"]

SILENT_DB = -180.0
"""A response that never ends is taken to its last frame within this of its peak."""
MOST_EXTENT = 1 << 25
"""Frames (12 minutes at 48 kHz) beyond which a tail is not computed unasked."""

_LONG = f"sounds on for more than {MOST_EXTENT:,} frames"


class System(abc.ABC):
    """A linear, time-invariant system: what happens to a signal. A frozen value.

    ``a >> b`` is b behind a, ``a + b`` and ``a - b`` stand side by side, ``0.5 * a`` and ``-a``
    are the same at another level. Two systems are equal if they are made of equal numbers.
    """

    def __init__(self, fs: float | None = None) -> None:
        self._fs = None if fs is None else _checks.number("fs", fs, above=0, unit=" in Hz")
        self._streams: dict[Any, Any] = {}

    # --- what it is ---------------------------------------------------------------------------

    @property
    def fs(self) -> float | None:
        """Frames a second, None if it suits any rate."""
        return self._fs

    @property
    @abc.abstractmethod
    def taps(self) -> int | None:
        """Frames of the impulse response, None if it never ends."""

    @property
    @abc.abstractmethod
    def latency(self) -> int:
        """Frames by which the answer is late on purpose: what precedes time 0 of the response."""

    @property
    @abc.abstractmethod
    def rows(self) -> tuple[int, ...]:
        """Shape of the response but for its last axis: (), (channels,) or (outputs, inputs)."""

    @property
    def tail(self) -> int | None:
        """Frames still sounding after the input ends, None if for ever."""
        return None if self.taps is None else self.taps - 1

    @functools.cached_property
    def extent(self) -> int | None:
        """Frames of the response that count: all taps, or until it stays 180 dB below its peak.

        None if it is not stable, or that takes more than 2**25 frames.
        """
        return self._sinks()

    @property
    def stable(self) -> bool:
        """Whether every bounded input has a bounded answer."""
        return True

    @property
    @abc.abstractmethod
    def lead(self) -> int:
        """Frames of silence at the start of the response."""

    @abc.abstractmethod
    def _sinks(self) -> int | None:
        """Return the frame from which on the response stays 180 dB below its peak."""

    def endless(self) -> str:
        """Return why the tail has no end to compute to."""
        if not self.stable:
            return "it is not stable"
        return f"it {_LONG}"

    @abc.abstractmethod
    def _value(self) -> Hashable:
        """Return all that the system is made of."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, System):
            return NotImplemented
        return type(self) is type(other) and bool(self._value() == other._value())

    def __hash__(self) -> int:
        return hash((type(self), self._value()))

    def __deepcopy__(self, memo: dict[int, Any]) -> System:
        return self  # it never changes

    def _repr_html_(self) -> str:
        from ltisys.cards import card

        return card(self)

    # --- what it does -------------------------------------------------------------------------

    def __call__(self, x: Any, *, tail: bool = True, method: Method = "auto") -> Array:
        """Return the answer to a signal.

        Parameters
        ----------
        x : array_like, shape (..., frames) or (..., channels, frames)
            Signal; a response of one channel takes any leading axes.
        tail : bool
            True for the whole answer, ``frames + extent - 1``; False for as many frames as x.
        method : str
            Recursion for "auto" and "direct"; the others convolve with the impulse response.

        Returns
        -------
        ndarray
            In the precision of x: float32 stays float32, though inside it is double.

        Raises
        ------
        ValueError
            For an empty signal, channels that do not fit, an unknown method; for the tail of a
            system that is not stable.
        """
        _checks.choice("method", method, Method)
        x = _checks.nonempty("x", _checks.numeric("x", x))
        _checks.channels_last_guard("x", x)
        frames = x.shape[-1]
        if tail:
            frames += self._end("tail=True needs an end", "pass tail=False") - 1
        if method not in ("auto", "direct"):
            from ltisys.fir import FIR

            h = self.impulse_response(frames if self.extent is None else self.extent)
            return FIR(h, fs=self.fs)(x, method=method)[..., :frames]
        if x.dtype.kind == "c":
            real = self._contained(np.ascontiguousarray(x.real), frames)
            return np.asarray(real + 1j * self._contained(np.ascontiguousarray(x.imag), frames))
        if x.dtype.kind != "f" or x.dtype.itemsize > 8:
            x = x.astype(np.float64)
        return self._contained(x, frames)

    def _end(self, need: str, instead: str) -> int:
        """Return the extent, or raise saying why there is none."""
        if self.extent is None:
            raise ValueError(f"{need}, but {self.endless()}; {instead}")
        return self.extent

    def _contained(self, x: Array, frames: int) -> Array:
        """Answer real x; what hears a NaN or an infinity is NaN, and nothing else."""
        bad = ~np.isfinite(x)
        if not bad.any():
            return self._answer(x, frames)
        y = self._answer(np.where(bad, 0, x), frames)
        taps = frames if self.extent is None else self.extent
        if not self.rows:
            for place in np.ndindex(x.shape[:-1]):
                y[place][spoilt_outputs(bad[place], taps, 0, frames)] = np.nan
            return y
        channels = 1 if x.ndim == 1 else x.shape[-2]
        batches = y.reshape(-1, *y.shape[-2:])
        for batch, flags in zip(batches, bad.reshape(-1, channels, x.shape[-1]), strict=True):
            for o, i in np.argwhere(self.paths(channels)):
                batch[o, spoilt_outputs(flags[i], taps, 0, frames)] = np.nan
        return y

    def _answer(self, x: Array, frames: int) -> Array:
        """Return the first `frames` frames of the answer to real, finite x and silence after it."""
        from ltisys.machines import run

        dtype = spectra.precision_for(x.dtype)
        if not self.rows:
            rows = x.reshape(1, -1, x.shape[-1])
            outer: tuple[int, ...] = x.shape[:-1]
        else:
            channels = 1 if x.ndim == 1 else x.shape[-2]
            rows = x.reshape(-1, channels, x.shape[-1])
            outer = (*(() if x.ndim == 1 else x.shape[:-2]), self.outputs_of(channels))
        outputs = self.outputs_of(rows.shape[1])
        y = np.empty((rows.shape[0], outputs, frames), dtype=dtype)
        step = self._step(frames)
        for answered, heard in zip(y, rows, strict=True):
            run(self.machine(rows.shape[1], step, dtype), heard, answered, step)
        return y.reshape(*outer, frames)

    def _step(self, frames: int) -> int:
        """Return how many frames to answer at once where all are there."""
        return int(min(frames, 1 << 14))

    def impulse_response(self, frames: int | None = None) -> Array:
        """Return the answer to an impulse.

        Parameters
        ----------
        frames : int, optional
            How many; by default all taps, or until it stays 180 dB below its peak.

        Returns
        -------
        ndarray, shape (frames,), (channels, frames) or (outputs, inputs, frames)

        Raises
        ------
        ValueError
            If `frames` is left out and the response does not sink.
        """
        if frames is None:
            frames = self._end("the response needs an end", "give frames=")
        frames = _checks.integer("frames", frames, least=1)
        if len(self.rows) < 2:
            impulse = np.zeros(min(frames, 1))
            impulse[0] = 1.0
            return self._answer(impulse, frames)
        impulses = np.zeros((self.rows[1], self.rows[1], 1))
        np.einsum("iik->ik", impulses)[:] = 1.0
        return np.ascontiguousarray(self._answer(impulses, frames).swapaxes(0, 1))

    def frequency_response(
        self, freqs_hz: Any = None, *, frames: int | None = None
    ) -> tuple[Array, Array]:
        """Return frequencies and the complex response at each.

        Parameters
        ----------
        freqs_hz : array_like, optional
            Frequencies in Hz (in cycles a frame when `fs` is None); by default a grid from 0 to
            fs / 2.
        frames : int, optional
            The grid has as many points as a transform of this length; by default 4096.

        Returns
        -------
        freqs_hz : ndarray, shape (freqs,)
        response : ndarray, shape (..., freqs), complex128
            Infinite or NaN at a pole.

        Raises
        ------
        ValueError
            If both arguments are given.
        """
        fs = 1.0 if self.fs is None else self.fs
        if freqs_hz is None:
            size = 4096 if frames is None else _checks.integer("frames", frames, least=1)
            freqs = np.arange(size // 2 + 1) * (fs / size)
        elif frames is not None:
            raise ValueError(f"frames={frames} must be None where freqs_hz is given")
        else:
            freqs = np.atleast_1d(np.asarray(freqs_hz, dtype=np.float64))
        return freqs, self._response_at(freqs / fs)

    @abc.abstractmethod
    def _response_at(self, cycles: Array) -> Array:
        """Return the response (*rows, freqs) at frequencies in cycles a frame."""

    # --- in a stream --------------------------------------------------------------------------

    @property
    def prepared(self) -> dict[Any, Any]:
        """What streams have made of it: those alike share it."""
        return self._streams

    @abc.abstractmethod
    def outputs_of(self, channels: int) -> int:
        """Return how many channels an input of `channels` becomes; raise if it does not fit."""

    @abc.abstractmethod
    def paths(self, channels: int) -> Array:
        """Return which output hears which input of `channels`: bools (outputs, channels)."""

    @abc.abstractmethod
    def machine(self, channels: int, block_size: int, dtype: np.dtype[Any]) -> Machine:
        """Return its state at rest: `channels`, about `block_size` frames a block, in `dtype`."""

    def stream(
        self, *, block_size: int | None = None, channels: int = 1, dtype: str = "float32"
    ) -> Stream:
        """Return a stream: the answer block by block, without latency.

        Parameters
        ----------
        block_size : int, optional
            Frames a push, usually: any number may come, this one costs least. By default 256.
        channels : int
            Channels of the input.
        dtype : {"float32", "float64"}
            Of the answer.

        Returns
        -------
        Stream

        Raises
        ------
        ValueError, TypeError
            For channels that do not fit, a complex response, other dtypes.

        Examples
        --------
        >>> import ltisys as lti
        >>> stream = lti.FIR([0.5, 0.5]).stream(block_size=64, dtype="float64")
        >>> stream.push([1.0, 0.0, 0.0])
        array([0.5, 0.5, 0. ])
        """
        return Stream(self, block_size=block_size, channels=channels, dtype=dtype)

    # --- made into others ---------------------------------------------------------------------

    @abc.abstractmethod
    def earlier(self, frames: int) -> System:
        """Return it without `frames` frames of the silence that its response begins with."""

    def to_fir(self, *, floor_db: float = -120) -> FIR:
        """Return its response as a FIR, cut where what follows holds little energy.

        Parameters
        ----------
        floor_db : float
            Energy of what is cut, at most, relative to the whole response, in any of its rows;
            -160 or more.

        Returns
        -------
        FIR
            Its ``cut_db`` tells the energy of what was cut, in dB: the error for white noise.

        Raises
        ------
        ValueError
            If the system is not stable, or sounds on for longer than 2**25 frames.
        """
        from ltisys.fir import FIR

        floor_db = _checks.number("floor_db", floor_db, least=-160, most=0)
        instead = "take frames of impulse_response(frames)"
        frames = max(2, self._end("to_fir needs an end", instead))
        floor = 10 ** (floor_db / 10)
        while True:
            h = self.impulse_response(frames)
            energy = np.square(h).reshape(-1, frames)
            after = np.cumsum(energy[:, ::-1], axis=1)[:, ::-1]  # from each frame on
            whole = np.maximum(after[:, :1], np.finfo(float).tiny)
            after = after / whole
            # what lies beyond is no more than the second half, as it falls by 3 dB in as many
            # frames; where it falls slowly, little in every frame is much together
            beyond = float(after[:, frames // 2].max())
            if beyond < floor / 10:
                break
            if frames >= MOST_EXTENT:
                raise ValueError(f"to_fir needs an end, but it {_LONG}; {instead}")
            frames = min(2 * frames, MOST_EXTENT)
        kept = np.flatnonzero((after + beyond > floor).any(axis=0))
        taps = int(kept[-1]) + 1 if kept.size else 1
        cut = float(after[:, taps].max()) + beyond if taps < frames else beyond
        return FIR._cut(h[..., :taps], self.fs, self.latency, cut)

    def resample(self, fs: float) -> System:
        """Return the same response at another rate, as a FIR cut at -150 dB.

        Parameters
        ----------
        fs : float
            New rate in Hz.

        Returns
        -------
        System
            Itself where the rate is the same.

        Raises
        ------
        ValueError
            If it has no rate, or is not stable.
        """
        if self.fs is not None and self.fs == _checks.number("fs", fs, above=0, unit=" in Hz"):
            return self
        return self.to_fir(floor_db=-150).resample(fs)

    def to_dlti(self) -> Any:
        """Return it as a `scipy.signal.dlti`.

        Returns
        -------
        scipy.signal.dlti
            With ``dt = 1 / fs``, or 1 without a rate.

        Raises
        ------
        ValueError
            For several channels, and where it has no short polynomials.
        """
        from ltisys.rational import to_dlti

        return to_dlti(self)

    # --- algebra ------------------------------------------------------------------------------

    def __rshift__(self, other: Any) -> System:
        from ltisys.algebra import series

        return series(self, other) if isinstance(other, System) else NotImplemented

    def __add__(self, other: Any) -> System:
        from ltisys.algebra import parallel

        return parallel(self, other) if isinstance(other, System) else NotImplemented

    def __sub__(self, other: Any) -> System:
        return self + -other if isinstance(other, System) else NotImplemented

    def __neg__(self) -> System:
        return self * -1.0

    def __mul__(self, factor: Any) -> System:
        from ltisys.algebra import scaled

        if not isinstance(factor, numbers.Complex) or isinstance(factor, bool):
            return NotImplemented
        return scaled(self, complex(factor))

    __rmul__ = __mul__
