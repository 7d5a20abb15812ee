"""FIR: a finite impulse response as a system, in three shapes, and its algebra"""

from __future__ import annotations

import functools
import numbers
import os
from collections.abc import Hashable
from typing import Any, overload

import numpy as np

from ltisys import _checks, levels, responses, spectra
from ltisys._types import Array, Method, Path, PathLike
from ltisys.convolution import Kernels
from ltisys.errors import AudioFileError, MismatchError
from ltisys.machines import Machine, Partitioned, Taps
from ltisys.prepared import Stage
from ltisys.systems import System

__all__ = ["FIR"]

MOST_ECHOES = 4
"""Responses with no more taps than this that are not 0 are answered tap by tap in a loop."""
MOST_PLANS = 8
"""Spectra of so many different plans are kept with a response."""


class FIR(System):
    """Hold a finite impulse response as a system.

    Use it for anything that has a response: rooms, cabinets, filters. It transforms the response
    once, however many signals it is called on.

    Parameters
    ----------
    h : array_like
        ``(taps,)`` filters every channel alike. ``(channels, taps)`` filters channel by channel
        and spreads a mono input to all of them. ``(outputs, inputs, taps)`` is a matrix,
        ``y[o] = sum_i h[o, i] * x[i]``: true stereo is (2, 2, taps).
    fs : float, optional
        Frames a second; None suits any rate.
    latency : int
        Frames of the response that precede time 0.

    Raises
    ------
    ValueError
        For an empty response, more than three axes, or more than 64 channels.
    MismatchError
        If a tap is NaN or infinite.

    Examples
    --------
    >>> import ltisys as lti
    >>> echo = lti.FIR([1.0, 0.0, 0.5])
    >>> echo([1.0, 2.0])
    array([1. , 2. , 0.5, 1. ])
    >>> (echo >> lti.delay(1)).taps
    4
    """

    def __init__(self, h: Any, *, fs: float | None = None, latency: int = 0) -> None:
        taps = _checks.nonempty("h", _checks.numeric("h", h))
        if taps.ndim > 3:
            raise ValueError(
                f"h has {taps.ndim} axes: h.shape={taps.shape}; h must be (taps,), "
                f"(channels, taps) or (outputs, inputs, taps)"
            )
        _checks.channels_last_guard("h", taps)
        if taps.dtype.kind in "biu":
            taps = taps.astype(np.float64)
        taps = np.array(taps, dtype=spectra.precision_for(taps.dtype))  # ours alone
        _checks.finite("h", taps)
        taps.setflags(write=False)
        self._h = taps
        super().__init__(fs)
        self._latency = _checks.integer("latency", latency, least=0)
        self._kernels: dict[tuple[Path, ...], Kernels] = {}
        self._prepared: dict[tuple[Any, ...], Array] = {}
        self._parts: tuple[FIR, ...] = ()  # the systems in series that made this one
        self._cut_energy = 0.0

    @classmethod
    def from_file(cls, path: PathLike, *, fs: float | None = None) -> FIR:
        """Read a response from a sound file, levels as they are.

        Parameters
        ----------
        path : path
            A file of one channel gives ``(taps,)``, of more ``(channels, taps)``. True stereo in
            four channels is made by ``lti.FIR.from_file(path).matrix()``.
        fs : float, optional
            Resample to this rate; by default the file's own.

        Returns
        -------
        FIR

        Raises
        ------
        FileNotFoundError, AudioFileError
            If there is no such file or it is no sound.
        MismatchError
            If it holds NaN or infinities.
        """
        from ltisys.audio import read

        x, rate = read(path)
        if x.shape[1] == 0:
            raise AudioFileError(f"{os.fsdecode(path)} holds no frames: it is no response")
        _checks.finite(os.fsdecode(path), x)
        system = cls(x[0] if x.shape[0] == 1 else x, fs=rate)
        return system if fs is None else system.resample(fs)

    # --- what it is ---------------------------------------------------------------------------

    @property
    def h(self) -> Array:
        """The impulse response, read-only: (taps,), (channels, taps) or (outputs, inputs, taps)."""
        return self._h

    @property
    def taps(self) -> int:
        """Frames of the impulse response."""
        return int(self._h.shape[-1])

    @property
    def latency(self) -> int:
        """Frames of the response that precede time 0: where resampling rings ahead."""
        return self._latency

    @property
    def tail(self) -> int:
        """Frames still sounding after the input ends."""
        return self.taps - 1

    @property
    def rows(self) -> tuple[int, ...]:
        """Shape of the response but for its last axis: (), (channels,) or (outputs, inputs)."""
        return self._h.shape[:-1]

    @functools.cached_property
    def lead(self) -> int:
        """Frames of silence at the start of the response: all, where it is nothing but silence."""
        heard = self._h.reshape(-1, self.taps).any(axis=0)
        return int(heard.argmax()) if heard.any() else self.taps

    @property
    def cut_db(self) -> float:
        """Energy of what `to_fir` cut from the system that this one stands for, -inf if nothing.

        In dB relative to its whole response: the error for white noise.
        """
        return float(levels.db(self._cut_energy) / 2)

    def _sinks(self) -> int:
        return self.taps

    def __repr__(self) -> str:
        shape = {
            1: "",
            2: f"{self._h.shape[0]} channels, ",
            3: f"{self._h.shape[0]} outputs x {self._h.shape[1 % self._h.ndim]} inputs, ",
        }[self._h.ndim]
        length = f"{self.taps:,} tap{'s' if self.taps > 1 else ''}"
        rate = "" if self._fs is None else f", {self.taps / self._fs:.3g} s at {self._fs:g} Hz"
        cut = f", cut at {self.cut_db:.1f} dB" if self._cut_energy else ""
        return f"FIR({shape}{length}{rate}{cut})"

    def _value(self) -> Hashable:
        # 0.0 == -0.0 but their bytes differ: adding zero makes them one
        return self._fs, self._latency, self._h.shape, (self._h + 0).astype("c16").tobytes()

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (self._h, self._fs, self._latency, self._parts, self._cut_energy)

    # --- what it does -------------------------------------------------------------------------

    def __call__(self, x: Any, *, tail: bool = True, method: Method = "auto") -> Array:
        """Return the answer to a signal.

        Parameters
        ----------
        x : array_like, shape (..., frames) or (..., channels, frames)
            Signal; a response of one channel takes any leading axes.
        tail : bool
            True for the whole answer, frames + taps - 1; False for as many frames as x.
        method : str
            As in `convolve`.

        Returns
        -------
        ndarray
            In the precision of x: float32 stays float32.

        Raises
        ------
        ValueError
            For an empty signal, channels that do not fit, an unknown method.

        Notes
        -----
        Accuracy and the treatment of silence and NaN are those of `convolve`.
        """
        _checks.choice("method", method, Method)
        x = _checks.nonempty("x", _checks.numeric("x", x))
        _checks.channels_last_guard("x", x)
        frames = x.shape[-1]
        x_rows, paths, rows = self._wiring(x)
        dtype = spectra.precision_for(x.dtype)
        if not spectra.is_real(self._h.dtype):
            dtype = spectra.complex_for(dtype)
        kernels = self._kernels_for(paths)
        plan = kernels.plan(frames, dtype, method)
        length = frames + (self.tail if tail else 0)
        return kernels.run(x_rows, plan, 0, length).reshape(*rows, length)

    def _kernels_for(self, paths: tuple[Path, ...]) -> Kernels:
        if paths not in self._kernels:
            if len(self._kernels) >= MOST_PLANS:
                self._kernels.clear()
            kernels = Kernels(self._h.reshape(-1, self.taps), paths)
            kernels.prepared = self._prepared
            self._kernels[paths] = kernels
        if len(self._prepared) > MOST_PLANS:
            self._prepared.clear()
        return self._kernels[paths]

    def _answer(self, x: Array, frames: int) -> Array:
        return self(x)[..., :frames]

    def _wiring(self, x: Array) -> tuple[Array, tuple[Path, ...], tuple[int, ...]]:
        """Return x as rows (inputs, frames), the paths through h, and the shape of the answer."""
        flat = x.reshape(-1, x.shape[-1])
        if self._h.ndim == 1 or self._h.shape[:-1] == (1,):
            return flat, tuple((i, i, 0) for i in range(flat.shape[0])), x.shape[:-1]
        channels = 1 if x.ndim == 1 else x.shape[-2]
        pairs = self._pairs(channels, f"x.shape={x.shape}")
        outputs = self._h.shape[0]
        paths = tuple(
            (b * outputs + o, b * channels + i, k)
            for b in range(flat.shape[0] // channels)
            for o, i, k in pairs
        )
        return flat, paths, (*(() if x.ndim == 1 else x.shape[:-2]), outputs)

    def _pairs(self, channels: int, what: str) -> list[Path]:
        """Return the paths of one signal of so many channels through a response of several rows."""
        outputs, inputs = self._h.shape[0], self._h.shape[-2]
        if self._h.ndim == 2 and channels in (1, outputs):
            return [(o, o if channels > 1 else 0, o) for o in range(outputs)]
        if self._h.ndim == 3 and channels == inputs:
            return [(o, i, o * inputs + i) for o in range(outputs) for i in range(inputs)]
        wanted = f"(taps,), (1, taps) or ({channels}, taps)"
        has = f"h has {outputs}"
        if self._h.ndim == 3:
            has, wanted = f"h takes {inputs}", f"(taps,) or (outputs, {channels}, taps)"
        raise MismatchError(
            f"x has {channels} channel{'s' if channels > 1 else ''} but {has}: "
            f"{what}, h.shape={self._h.shape}; h must be {wanted}"
        )

    # --- in a stream --------------------------------------------------------------------------

    def outputs_of(self, channels: int) -> int:
        """Return how many channels an input of `channels` becomes; raise if it does not fit."""
        return self.stage(channels).outputs

    def paths(self, channels: int) -> Array:
        """Return which output hears which input of `channels`."""
        stage = self.stage(channels)
        heard = np.zeros((stage.outputs, channels), dtype=bool)
        for o, i, k in stage.paths:
            heard[o, i] |= bool(stage.h[k].any())
        return heard

    def machine(self, channels: int, block_size: int, dtype: np.dtype[Any]) -> Machine:
        """Return its state at rest: `channels`, about `block_size` frames a block, in `dtype`."""
        stage = self.stage(channels)
        if stage.h.dtype.kind == "c":
            raise TypeError("h is complex, and streams are real; stream its parts one by one")
        places = np.flatnonzero(stage.h.any(axis=0))
        if self.taps > 1 and np.count_nonzero(stage.h) > MOST_ECHOES * stage.h.shape[0]:
            return Partitioned(
                self.stream(block_size=block_size, channels=channels, dtype=dtype.name)
            )
        echoes = []
        for lag in places.tolist():
            matrix = np.zeros((stage.outputs, channels))
            for o, i, k in stage.paths:
                matrix[o, i] += stage.h[k, lag]
            echoes.append((lag, matrix))
        return Taps(echoes, channels, stage.outputs, dtype)

    def stage(self, channels: int) -> Stage:
        """Return what it does to a stream of so many channels, for `Stream`."""
        h = self._h.reshape(-1, self.taps)
        if h.shape[0] == 1 and self._h.ndim < 3:
            paths, outputs = [(i, i, 0) for i in range(channels)], channels
        else:
            paths, outputs = self._pairs(channels, f"channels={channels}"), self._h.shape[0]
        series: tuple[Stage, ...] = ()
        if self._parts:
            first = self._parts[0].stage(channels)
            series = (first, self._parts[1].stage(first.outputs))
        return Stage(h, tuple(paths), channels, outputs, series)

    def impulse_response(self, frames: int | None = None) -> Array:
        """Return the answer to an impulse: a copy of h, cut or padded with zeros to `frames`."""
        frames = self.taps if frames is None else _checks.integer("frames", frames, least=1)
        response = np.zeros((*self._h.shape[:-1], frames), dtype=self._h.dtype)
        response[..., : self.taps] = self._h[..., :frames]
        return response

    def frequency_response(
        self, freqs_hz: Any = None, *, frames: int | None = None
    ) -> tuple[Array, Array]:
        """Return frequencies and the complex response at each.

        Parameters
        ----------
        freqs_hz : array_like, optional
            Frequencies in Hz (in cycles a frame when `fs` is None); by default a grid from 0 to
            fs / 2, for a complex response from 0 to just below fs.
        frames : int, optional
            Transform length of that grid; by default at least 4096 and the taps.

        Returns
        -------
        freqs_hz : ndarray, shape (freqs,)
        response : ndarray, shape (..., freqs), complex128

        Raises
        ------
        ValueError, TypeError
            For `frames` shorter than the response, or both arguments.

        Notes
        -----
        ``H(f) = sum_n h[n] exp(-2 pi i f n / fs)``.
        """
        fs = 1.0 if self._fs is None else self._fs
        wide = self._h.astype(np.result_type(self._h.dtype, np.float64))
        if freqs_hz is not None:
            if frames is not None:
                raise ValueError(f"frames={frames} must be None where freqs_hz is given")
            freqs = np.atleast_1d(np.asarray(freqs_hz, dtype=np.float64))
            return freqs, self._response_at(freqs / fs)
        if frames is None:
            frames = spectra.good_size(max(4096, self.taps))
        elif _checks.integer("frames", frames, least=1) < self.taps:
            raise ValueError(f"frames={frames} must be an integer >= taps; got taps={self.taps}")
        if spectra.is_real(wide.dtype):
            return np.arange(frames // 2 + 1) * (fs / frames), spectra.forward_real(wide, frames)
        grid = np.arange(frames) / frames
        return grid * fs, responses.evaluate(wide, grid)

    def _response_at(self, cycles: Array) -> Array:
        return responses.evaluate(self._h, cycles)

    # --- made into others -----------------------------------------------------------------------

    def resample(self, fs: float) -> FIR:
        """Return the same response at another rate, its gain in continuous time kept.

        Samples are scaled by old rate / new rate, so a signal resampled before or after comes
        out at the same level. Ripple and aliasing are below -140 dB up to 0.92 of the lower
        Nyquist frequency. Ringing ahead of time 0 is kept where it holds more than -150 dB of
        the energy: then `latency` says by how many frames the answer is late.

        Parameters
        ----------
        fs : float
            New rate in Hz.

        Returns
        -------
        FIR

        Raises
        ------
        ValueError
            If the response has no rate, or the rates have no ratio of integers up to 32768.

        References
        ----------
        J. Kaiser, "Nonrecursive digital filter design using the I0-sinh window function", 1974.

        Examples
        --------
        >>> import ltisys as lti
        >>> lti.FIR([0.0] * 500 + [1.0] + [0.0] * 500, fs=44100).resample(48000).fs
        48000.0
        """
        fs = _checks.number("fs", fs, above=0, unit=" in Hz")
        if self._fs is None:
            raise ValueError("fs=None: a response without a rate cannot be resampled; give fs=")
        if fs == self._fs:
            return self
        from ltisys.rates import resampled

        ratio = fs / self._fs
        wide = self._h.astype(np.result_type(self._h.dtype, np.float64))
        h, lead = resampled(wide, self._fs, fs)
        h = (h / ratio).astype(self._h.dtype)
        return FIR(h, fs=fs, latency=lead + round(self._latency * ratio))

    def matrix(self) -> FIR:
        """Return a four-channel response as true stereo (2, 2, taps).

        The channels of the file are LL, LR, RL, RR, the first letter the input, so
        ``h[o, i] = file[2 i + o]``.

        Raises
        ------
        ValueError
            If there are not four channels.
        """
        if self._h.ndim != 2 or self._h.shape[0] != 4:
            raise ValueError(f"h.shape={self._h.shape} must be (4, taps): LL, LR, RL, RR")
        square = self._h.reshape(2, 2, self.taps).transpose(1, 0, 2)
        return FIR(square, fs=self._fs, latency=self._latency)

    def to_fir(self, *, floor_db: float = -120) -> FIR:
        """Return itself: the response is finite already, nothing is cut."""
        _checks.number("floor_db", floor_db, most=0)
        return self

    @classmethod
    def _cut(cls, h: Array, fs: float | None, latency: int, energy: float) -> FIR:
        """Make one that stands for a longer response, and say what it lacks of its energy."""
        system = cls(h, fs=fs, latency=latency)
        system._cut_energy = energy
        return system

    def earlier(self, frames: int) -> FIR:
        """Return it without `frames` frames of the silence that its response begins with."""
        return FIR(self._h[..., min(frames, self.taps - 1) :], fs=self._fs)

    # --- algebra ------------------------------------------------------------------------------

    @overload
    def __rshift__(self, other: FIR) -> FIR: ...
    @overload
    def __rshift__(self, other: System) -> System: ...
    def __rshift__(self, other: Any) -> System:
        if not isinstance(other, FIR):
            return super().__rshift__(other)
        fs = _checks.same_rate(self._fs, other._fs, names=("first", "second"))
        system = FIR(
            responses.series(self._h, other._h), fs=fs, latency=self._latency + other._latency
        )
        system._parts = (self, other)
        return system

    @overload
    def __add__(self, other: FIR) -> FIR: ...
    @overload
    def __add__(self, other: System) -> System: ...
    def __add__(self, other: Any) -> System:
        if not isinstance(other, FIR):
            return super().__add__(other)
        fs = _checks.same_rate(self._fs, other._fs, names=("first", "second"))
        h = responses.parallel(self._h, other._h)
        return FIR(h, fs=fs, latency=min(self._latency, other._latency))

    @overload
    def __sub__(self, other: FIR) -> FIR: ...
    @overload
    def __sub__(self, other: System) -> System: ...
    def __sub__(self, other: Any) -> System:
        return self + -other if isinstance(other, System) else NotImplemented

    def __neg__(self) -> FIR:
        return FIR(-self._h, fs=self._fs, latency=self._latency)

    def __mul__(self, factor: Any) -> FIR:
        if not isinstance(factor, numbers.Complex) or isinstance(factor, bool):
            return NotImplemented
        number = complex(factor)  # a Python number: it leaves float32 alone
        h = self._h * (number if number.imag else number.real)
        return FIR(h, fs=self._fs, latency=self._latency)

    __rmul__ = __mul__


def _remade(
    h: Array, fs: float | None, latency: int, parts: tuple[FIR, ...], cut_energy: float
) -> FIR:
    """Make a FIR out of what a pickle holds."""
    system = FIR._cut(h, fs, latency, cut_energy)
    system._parts = parts
    return system
