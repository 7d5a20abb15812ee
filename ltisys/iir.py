"""IIR: a recursive system as second-order sections, its state, its poles"""

from __future__ import annotations

import functools
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ltisys import sections, spectra
from ltisys._types import Array
from ltisys.machines import Machine, Recursion, run
from ltisys.systems import MOST_EXTENT, SILENT_DB, System

__all__ = ["IIR"]

CHUNK = 1 << 16
"""Frames filtered at once: few enough to stay in cache, enough for `state_space`."""
THREADED = 1 << 16
"""Samples from which on channels are filtered on threads of their own."""


class IIR(System):
    """Hold a recursive system as a cascade of second-order sections.

    Use it for filters that sound on for ever, at the cost of a few multiplications a frame. It
    filters every channel alike. Sections keep their accuracy where the coefficients of a long
    polynomial would not.

    Parameters
    ----------
    sos : array_like, shape (sections, 6)
        Rows ``b0 b1 b2 a0 a1 a2`` of ``(b0 + b1 z^-1 + b2 z^-2) / (a0 + a1 z^-1 + a2 z^-2)``, as
        of `scipy.signal`.
    fs : float, optional
        Frames a second; None suits any rate.

    Raises
    ------
    ValueError, TypeError
        For another shape, complex coefficients, ``a0 = 0``.
    MismatchError
        If a coefficient is NaN or infinite.

    Notes
    -----
    Computed in double precision whatever the input, by `scipy.signal.sosfilt` (transposed direct
    form II, Oppenheim and Schafer, Discrete-Time Signal Processing, section 6.3.3), in blocks of
    16 384 frames and more by products of matrices, to less rounding. States below 1e-200 count as
    zero, so that a fading tail takes no longer than sound. NaN and infinities spoil as many frames
    as the response needs to sink below -180 dB.

    Examples
    --------
    >>> import ltisys as lti
    >>> leak = lti.IIR.from_ba([1.0], [1.0, -0.5])
    >>> leak([1.0, 0.0, 0.0], tail=False)
    array([1.  , 0.5 , 0.25])
    >>> (leak >> leak).sos.shape
    (2, 6)
    """

    def __init__(self, sos: Any, *, fs: float | None = None) -> None:
        super().__init__(fs)
        self._sos = sections.checked(sos)

    @classmethod
    def from_ba(cls, b: Any, a: Any, *, fs: float | None = None) -> IIR:
        """Make it of the polynomials of a difference equation.

        Parameters
        ----------
        b, a : array_like, shape (coefficients,)
            ``a[0] y[n] = sum_k b[k] x[n - k] - sum_(k >= 1) a[k] y[n - k]``.
        fs : float, optional
            Frames a second.

        Returns
        -------
        IIR

        Raises
        ------
        ValueError
            If ``a[0]`` is 0, or the roots of the polynomials do not give them back within 1e-6:
            high orders are better designed as sections.

        Examples
        --------
        >>> import ltisys as lti
        >>> lti.IIR.from_ba([0.0, 1.0], [1.0, -0.9]).impulse_response(3)
        array([0. , 1. , 0.9])
        """
        return cls(sections.from_ba(b, a), fs=fs)

    @classmethod
    def from_zpk(cls, z: Any, p: Any, k: float, *, fs: float | None = None) -> IIR:
        """Make it of zeros, poles and a factor: ``k prod(z - z_i) / prod(z - p_i)``.

        Parameters
        ----------
        z, p : array_like, shape (roots,)
            In the plane of z, complex ones with their conjugates. With fewer zeros than poles the
            answer is late by as many frames.
        k : float
            Factor.
        fs : float, optional
            Frames a second.

        Returns
        -------
        IIR

        Raises
        ------
        ValueError
            For more zeros than poles, or roots without their conjugates.

        Examples
        --------
        >>> import ltisys as lti
        >>> lti.IIR.from_zpk([0.0], [0.5], 1.0).impulse_response(3)
        array([1.  , 0.5 , 0.25])
        """
        return cls(sections.from_zpk(z, p, k), fs=fs)

    @classmethod
    def from_dlti(cls, system: Any) -> IIR:
        """Make it of a `scipy.signal.dlti` of one input and output, its ``dt`` being 1 / fs.

        Parameters
        ----------
        system : scipy.signal.dlti
            In any of its forms; a ``dt`` of True or None leaves the rate open.

        Returns
        -------
        IIR

        Raises
        ------
        ValueError, TypeError
            For what is no dlti, several inputs or outputs, or more zeros than poles.

        Examples
        --------
        >>> import ltisys as lti
        >>> from scipy.signal import dlti
        >>> lti.IIR.from_dlti(dlti([1.0, 0.0], [1.0, -0.5], dt=1 / 48000)).fs
        48000.0
        """
        from scipy.signal import dlti

        if not isinstance(system, dlti):
            raise TypeError(f"system={system!r} must be a scipy.signal.dlti")
        if (system.inputs, system.outputs) not in ((1, 1), (None, None)):
            raise ValueError(
                f"the dlti has {system.inputs} inputs and {system.outputs} outputs; "
                f"take one of each at a time"
            )
        fs = None if system.dt in (None, True) else 1.0 / float(system.dt)
        with warnings.catch_warnings():  # of coefficients that are 0, which are a delay
            warnings.simplefilter("ignore")
            form = system.to_zpk()
        return cls(sections.from_zpk(form.zeros, form.poles, float(np.real(form.gain))), fs=fs)

    # --- what it is ---------------------------------------------------------------------------

    @property
    def sos(self) -> Array:
        """The sections, (sections, 6), read-only, ``a0 = 1``."""
        return self._sos

    @property
    def taps(self) -> None:
        """None: the response never ends."""
        return None

    @property
    def latency(self) -> int:
        """Frames of the response that precede time 0: none."""
        return 0

    @property
    def rows(self) -> tuple[int, ...]:
        """Shape of the response but for its last axis: every channel is filtered alike."""
        return ()

    @functools.cached_property
    def poles(self) -> Array:
        """The poles in the plane of z, those at 0 left out, complex128."""
        return _frozen(sections.poles(self._sos))

    @functools.cached_property
    def zeros(self) -> Array:
        """The zeros in the plane of z, those at 0 left out, complex128."""
        return _frozen(sections.zeros(self._sos))

    @property
    def stable(self) -> bool:
        """Whether all poles lie inside the unit circle."""
        return bool(np.all(np.abs(self.poles) < sections.INSIDE))

    @functools.cached_property
    def lead(self) -> int:
        """Frames of silence at the start of the response."""
        return sections.lead(self._sos)

    def _sinks(self) -> int | None:
        return sections.sinks(self._sos, SILENT_DB, MOST_EXTENT)

    def endless(self) -> str:
        """Return why the tail has no end to compute to."""
        worst = self.poles[np.argmax(np.abs(self.poles))] if self.poles.size else 0j
        where = abs(np.angle(worst)) / (2 * np.pi) * (self._fs or 1.0)
        unit = "cycles a frame" if self._fs is None else "Hz"
        at = f"a pole of radius {_radius(abs(worst))} at {where:.6g} {unit}"
        if not self.stable:
            return f"it is not stable: {at}"
        return f"it sounds on for more than {MOST_EXTENT:,} frames: {at}"

    def __repr__(self) -> str:
        count = self._sos.shape[0]
        rate = "" if self._fs is None else f", {self._fs:g} Hz"
        warning = "" if self.stable else f"; UNSTABLE, {self.endless().partition(': ')[2]}"
        return f"IIR({count} section{'s' if count > 1 else ''}{rate}{warning})"

    def _value(self) -> tuple[Any, ...]:
        return self._fs, self._sos.shape, (self._sos + 0).tobytes()  # + 0: -0.0 equals 0.0

    def __reduce__(self) -> tuple[Any, ...]:
        return functools.partial(IIR, fs=self._fs), (self._sos,)

    # --- what it does -------------------------------------------------------------------------

    def _answer(self, x: Array, frames: int) -> Array:
        flat = x.reshape(-1, x.shape[-1])
        y = np.empty((flat.shape[0], frames), dtype=spectra.precision_for(x.dtype))
        some = 1 if y.size < THREADED else min(flat.shape[0], os.cpu_count() or 1)

        def filtered(rows: Array) -> None:
            low, high = int(rows[0]), int(rows[-1]) + 1
            machine = Recursion(self._sos, rows.size, y.dtype)
            run(machine, flat[low:high], y[low:high], CHUNK)

        parts = np.array_split(np.arange(flat.shape[0]), some)
        if len(parts) == 1:
            filtered(parts[0])
        else:  # the recursion runs outside the interpreter's lock
            with ThreadPoolExecutor(len(parts)) as pool:
                list(pool.map(filtered, parts))
        return y.reshape(*x.shape[:-1], frames)

    def paths(self, channels: int) -> Array:
        """Return which output hears which input of `channels`: each its own."""
        return np.eye(channels, dtype=bool)

    def outputs_of(self, channels: int) -> int:
        """Return how many channels an input of `channels` becomes: as many."""
        return channels

    def machine(self, channels: int, block_size: int, dtype: np.dtype[Any]) -> Machine:
        """Return its state at rest: `channels`, about `block_size` frames a block, in `dtype`."""
        return Recursion(self._sos, channels, dtype)

    def _response_at(self, cycles: Array) -> Array:
        return sections.evaluate(self._sos, cycles)

    # --- made into others ---------------------------------------------------------------------

    def earlier(self, frames: int) -> IIR:
        """Return it without `frames` frames of the silence that its response begins with."""
        return IIR(sections.earlier(self._sos, frames), fs=self._fs)


def _frozen(roots: Array) -> Array:
    roots.setflags(write=False)
    return roots


def _radius(radius: float) -> str:
    """Return a radius with as many digits as tell it from 1."""
    text = f"{radius:.6g}"
    if float(text) != 1 or radius == 1:
        return text
    return f"1 {'+' if radius > 1 else '-'} {abs(radius - 1):.2g}"
