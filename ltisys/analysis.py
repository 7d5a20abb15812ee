"""what a system does to frequencies and time: delays, phase, band edges, poles and zeros, steps"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ltisys import _checks, curves, roots, spectra
from ltisys._types import Array
from ltisys.fir import FIR
from ltisys.systems import System

__all__ = [
    "band_edges",
    "group_delay",
    "phase_delay",
    "phase_type",
    "poles",
    "step_response",
    "unwrapped_phase",
    "zeros",
]

HALF_POWER_DB = 10 * math.log10(2)
BISECTIONS = 60
"""Of an edge between two frequencies: to the last digit."""


# --- over frequency -----------------------------------------------------------------------------


def group_delay(system: System, freqs_hz: Any = None) -> tuple[Array, Array]:
    """Return by how many frames a system delays the envelope of a sound at each frequency.

    Parameters
    ----------
    system : System
        Of any kind.
    freqs_hz : array_like, optional
        Frequencies in Hz (in cycles a frame when ``system.fs`` is None); by default those of
        ``system.frequency_response()``.

    Returns
    -------
    freqs_hz : ndarray, shape (freqs,)
    delay : ndarray, shape (..., freqs), float64
        In frames; divide by fs for seconds. NaN where the response is zero.

    Raises
    ------
    TypeError
        For what is no system.

    Notes
    -----
    ``-d arg H / dw = Re(i H' / H)``, with ``i H' = sum_n n h[n] exp(-i w n)`` for taps, and by the
    rules of differentiation for sections, series, sums and loops: nothing is unwrapped, and no
    difference taken. Of a system that is not stable it is the delay of its formula.

    References
    ----------
    J. Smith, Introduction to Digital Filters, W3K Publishing, 2007, section "Numerical Computation
    of Group Delay".

    Examples
    --------
    >>> import ltisys as lti
    >>> freqs, delay = lti.group_delay(lti.FIR([1.0, 2.0, 3.0, 2.0, 1.0], fs=48000), [0, 1000])
    >>> delay.round(9)
    array([2., 2.])
    """
    freqs, cycles, nfft = _frequencies(system, freqs_hz)
    return freqs, curves.curve(system, cycles, nfft).delay


def unwrapped_phase(system: System, freqs_hz: Any = None) -> tuple[Array, Array]:
    """Return the phase of a system's response, without jumps of 2 pi.

    However far apart the frequencies asked for: it is followed from 0 Hz up in steps of its own.

    Parameters
    ----------
    system : System
        A real one of any kind.
    freqs_hz : array_like, optional
        Frequencies from 0 to fs / 2 in Hz (in cycles a frame when ``system.fs`` is None); by
        default those of ``system.frequency_response()``.

    Returns
    -------
    freqs_hz : ndarray, shape (freqs,)
    phase : ndarray, shape (..., freqs), float64
        In radians, from 0 at 0 Hz, or pi where the response is negative there, or what it tends
        to. Where the response is zero it is NaN; from there on it is up by pi.

    Raises
    ------
    ValueError, TypeError
        For frequencies outside 0 to fs / 2, a complex response, what is no system.

    Notes
    -----
    Each step turns by what the group delay at its ends foretells, to the multiple of 2 pi; steps
    where that is not clear are halved. A zero within about 1e-6 of the distance between two
    frequencies looked at (16 for each frame of the response) counts as on the circle. In responses
    of more than some 10 000 taps that are no linear phase the halving ends sooner.

    References
    ----------
    J. Tribolet, "A new phase unwrapping algorithm", IEEE Trans. ASSP 25, 1977.

    Examples
    --------
    >>> import ltisys as lti
    >>> freqs, phase = lti.unwrapped_phase(lti.delay(1000, fs=48000), [0, 24_000])
    >>> (phase / np.pi).round(9)
    array([    0., -1000.])
    """
    if isinstance(system, FIR) and system.h.dtype.kind == "c":
        raise ValueError("h is complex: its phase has no beginning at 0 Hz; take its real part")
    freqs, cycles, _ = _frequencies(system, freqs_hz)
    bad = ~((cycles >= 0) & (cycles <= 0.5))
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        raise ValueError(f"freqs_hz[{at}]={freqs[at]:g} must be from 0 to fs / 2, where phase is")
    known = curves.dense(system, cycles)
    phase = np.full((*system.rows, cycles.size), np.nan)
    for row in np.ndindex(system.rows):
        found = curves.unwrapped(system, row, known)
        if found.cycles.size:
            place = np.minimum(np.searchsorted(found.cycles, cycles), found.cycles.size - 1)
            phase[row] = np.where(found.cycles[place] == cycles, found.radians[place], np.nan)
    return freqs, phase


def phase_delay(system: System, freqs_hz: Any = None) -> tuple[Array, Array]:
    """Return by how many frames a system delays a steady tone of each frequency.

    Parameters
    ----------
    system : System
        A real one of any kind.
    freqs_hz : array_like, optional
        As for `unwrapped_phase`.

    Returns
    -------
    freqs_hz : ndarray, shape (freqs,)
    delay : ndarray, shape (..., freqs), float64
        In frames, ``-phase / w``; at 0 Hz what it tends to, NaN where that is without bound: a
        system that inverts a slow signal, or stops it, has a phase there and no delay.

    Raises
    ------
    ValueError, TypeError
        As for `unwrapped_phase`.

    Examples
    --------
    >>> import ltisys as lti
    >>> lti.phase_delay(lti.FIR([0.5, 0.5]), [0.0, 0.25])[1]
    array([0.5, 0.5])
    """
    freqs, phase = unwrapped_phase(system, freqs_hz)
    _, cycles, _ = _frequencies(system, freqs)
    still = cycles == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        delay = -phase / (2 * np.pi * cycles)
    if still.any():
        start = curves.curve(system, np.zeros(1)).delay
        delay[..., still] = np.where(phase[..., still] == 0, start, np.nan)
    return freqs, delay


def band_edges(system: System, *, drop_db: float = HALF_POWER_DB) -> Array:
    """Return the frequencies where a response crosses a level below its peak.

    Parameters
    ----------
    system : System
        A stable one of any kind.
    drop_db : float
        How far below the peak; by default 3.01 dB, half the power.

    Returns
    -------
    ndarray, shape (..., edges)
        In Hz (in cycles a frame when ``system.fs`` is None), rising: one for a low-pass, two for a
        band-pass. Rows with fewer are filled up with NaN.

    Raises
    ------
    ValueError, TypeError
        For a drop that is not above 0, a system that is not stable, or is none.

    Notes
    -----
    The response is looked at 16 times for each of its frames, more closely near poles and zeros;
    what rises and falls between two of these frequencies is missed. Each edge is then bisected
    to double precision.

    Examples
    --------
    >>> import ltisys as lti
    >>> lti.band_edges(lti.IIR.from_ba([0.1], [1.0, -0.9], fs=48000)).round(3)
    array([805.641])
    """
    drop_db = _checks.number("drop_db", drop_db, above=0, unit=" in dB")
    if not curves.checked(system).stable:
        raise ValueError(f"band_edges needs a stable system, but {system.endless()}")
    cycles, whole = curves.dense(system)
    floors = curves.peaks(system, (cycles, whole)) * 10 ** (-drop_db / 20)

    def edges(row: tuple[int, ...]) -> Array:
        above = np.abs(whole.value[row]) >= floors[row]
        at = np.flatnonzero(above[1:] != above[:-1])
        left, right, starts = cycles[at], cycles[at + 1], above[at]
        for _ in range(BISECTIONS if at.size else 0):
            middle = (left + right) / 2
            same = (np.abs(curves.respond(system, middle)[row]) >= floors[row]) == starts
            left, right = np.where(same, middle, left), np.where(same, right, middle)
        return np.asarray((left + right) / 2 * (1.0 if system.fs is None else system.fs))

    return _each(system, edges, np.nan)


# --- poles, zeros, phase --------------------------------------------------------------------------


def poles(system: System) -> Array:
    """Return the poles of a system in the plane of z, those at 0 left out.

    Parameters
    ----------
    system : System
        Of any kind.

    Returns
    -------
    ndarray, shape (..., poles), complex128
        By frequency, conjugates side by side; none for a FIR. Rows with fewer end in NaN.

    Raises
    ------
    ValueError, TypeError
        For sums and loops whose polynomials have more than 64 coefficients, what is no system.
    MismatchError
        For loops of matrices.

    Notes
    -----
    A series has the poles of its parts, a sum too, those that parts share in equal sections once.
    Poles that zeros cancel are listed all the same. A loop is one polynomial, multiplied out in
    double precision: m poles that fall together are found within about ``1e-16**(1 / m)``.

    Examples
    --------
    >>> import ltisys as lti
    >>> lti.poles(lti.IIR.from_ba([1.0], [1.0, -1.0, 0.5]))
    array([0.5+0.5j, 0.5-0.5j])
    """
    curves.checked(system)
    return _each(system, lambda row: roots.poles(roots.entry(system, row)), complex(np.nan, np.nan))


def zeros(system: System) -> Array:
    """Return the zeros of a system in the plane of z, those at 0 left out.

    Parameters
    ----------
    system : System
        Of any kind.

    Returns
    -------
    ndarray, shape (..., zeros), complex128
        By frequency, conjugates side by side. Rows with fewer end in NaN.

    Raises
    ------
    ValueError, TypeError
        For more than 1000 taps, sums and loops whose polynomials have more than 64 coefficients,
        what is no system.
    MismatchError
        For several matrices in series, and loops of them.

    Notes
    -----
    Up to order 40 they are the zeros of the very coefficients, however they fall together. Beyond
    that they are eigenvalues of the companion matrix, and m that fall together are found within
    about ``1e-16**(1 / m)``. Taps at both ends that are rounding, below 2e-16 of the largest, count
    as 0.

    References
    ----------
    A. Edelman and H. Murakami, "Polynomial roots from companion matrix eigenvalues", Math. Comp.
    64, 1995.

    Examples
    --------
    >>> import ltisys as lti
    >>> lti.zeros(lti.FIR([1.0, -1.0, 0.5]))
    array([0.5+0.5j, 0.5-0.5j])
    """
    curves.checked(system)
    return _each(system, lambda row: roots.zeros(roots.entry(system, row)), complex(np.nan, np.nan))


def phase_type(system: System) -> Any:
    """Return what the phase of a system is called.

    Parameters
    ----------
    system : System
        A real one of any kind.

    Returns
    -------
    str, or ndarray of str with a shape of ``(channels,)`` or ``(outputs, inputs)``
        The first that is true of: "unstable"; "silent"; "linear phase, type I" (taps mirror each
        other, odd in number), "... II" (even), "... III" (opposite signs, odd), "... IV" (even);
        "all-pass"; "minimum phase" (no zero outside the circle), with ", behind a delay of 3
        frames" where silence precedes it; "maximum phase" (all zeros outside); "mixed phase"; and
        "not minimum phase" where a long loop or sum does not tell more.

    Raises
    ------
    ValueError, TypeError
        For a complex response, zeros too near to the circle to tell, what is no system.
    MismatchError
        For compositions of several matrices.

    Notes
    -----
    Symmetry and all-pass are judged to 1e-6. Zeros within 1e-6 of the circle (1e-3 where a response
    is in single precision, up to 2e-3 where several fall together and rounding spreads them) count
    as on it, which all types may have. Zeros outside are counted by the turns of the phase, without
    finding one.

    References
    ----------
    A. Oppenheim and R. Schafer, Discrete-Time Signal Processing, 3rd ed., 2010, sections 5.5 to
    5.7.

    Examples
    --------
    >>> import ltisys as lti
    >>> lti.phase_type(lti.FIR([1.0, 0.5]))
    'minimum phase'
    >>> lti.phase_type(lti.FIR([1.0, 0.0, -1.0]))
    'linear phase, type III'
    """
    curves.checked(system)
    names = [roots.phase_type(roots.entry(system, row)) for row in np.ndindex(system.rows)]
    return np.array(names).reshape(system.rows) if system.rows else names[0]


# --- over time ------------------------------------------------------------------------


def step_response(system: System, frames: int | None = None) -> Array:
    """Return the answer to a step from 0 to 1: the running sum of the impulse response.

    Parameters
    ----------
    system : System
        Of any kind.
    frames : int, optional
        How many; by default all taps, or until the impulse response stays 180 dB below its peak.

    Returns
    -------
    ndarray, shape (..., frames), float64 or complex128

    Raises
    ------
    ValueError, TypeError
        If `frames` is left out and the response does not sink, for what is no system.

    Examples
    --------
    >>> import ltisys as lti
    >>> lti.step_response(lti.FIR([0.5, 0.25, 0.25]))
    array([0.5 , 0.75, 1.  ])
    """
    h = curves.checked(system).impulse_response(frames)
    return np.asarray(np.cumsum(h, axis=-1, dtype=np.result_type(h.dtype, np.float64)))


# --- what they share ------------------------------------------------------------------------------


def _frequencies(system: System, freqs_hz: Any) -> tuple[Array, Array, int | None]:
    """Return frequencies in Hz, in cycles a frame, and their transform's length if they are one's.

    By default those of `System.frequency_response`.
    """
    fs = 1.0 if curves.checked(system).fs is None else system.fs
    assert fs is not None
    if freqs_hz is not None:
        freqs = _checks.finite("freqs_hz", np.atleast_1d(np.asarray(freqs_hz, dtype=np.float64)))
        return freqs, freqs / fs, None
    taps = system.taps if isinstance(system, FIR) else 1
    nfft = spectra.good_size(max(4096, taps or 1))
    if isinstance(system, FIR) and system.h.dtype.kind == "c":
        cycles = np.arange(nfft) / nfft
        return cycles * fs, cycles, None
    bins = np.arange(nfft // 2 + 1)
    return bins * (fs / nfft), bins / nfft, nfft


def _each(system: System, ask: Callable[[tuple[int, ...]], Array], fill: complex) -> Array:
    """Return what is asked of each row, rows with less filled up."""
    found = [ask(row) for row in np.ndindex(system.rows)]
    most = max(one.size for one in found)
    rows = [np.concatenate([one, np.full(most - one.size, fill)]) for one in found]
    return np.array(rows, dtype=found[0].dtype).reshape(*system.rows, most)
