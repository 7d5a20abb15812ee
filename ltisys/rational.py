"""systems as ratios of polynomials, where these are short: for loops, poles and scipy"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ltisys._types import Array
from ltisys.compositions import Parallel, Series
from ltisys.fir import FIR
from ltisys.iir import IIR
from ltisys.systems import System

__all__ = ["MOST_COEFFICIENTS", "polynomials", "to_dlti"]

MOST_COEFFICIENTS = 64
"""Longer polynomials are not made: roots of so many coefficients mean little."""


def polynomials(system: System) -> tuple[Array, Array] | None:
    """Return b and a of ``sum b[k] z^-k / sum a[k] z^-k``; None for channels, or long ones."""
    found: tuple[Array, Array] | None = None
    if isinstance(system, FIR):
        if system.h.ndim == 1 and system.h.dtype.kind != "c":
            found = system.h.astype(np.float64), np.ones(1)
    elif isinstance(system, IIR):
        b, a = np.ones(1), np.ones(1)
        for section in system.sos:
            b, a = np.convolve(b, section[:3]), np.convolve(a, section[3:])
        found = _trimmed(b), _trimmed(a)
    elif isinstance(system, Series | Parallel):
        found = np.ones(1), np.ones(1)
        if isinstance(system, Parallel):
            found = np.zeros(1), np.ones(1)
        for part in system.parts:
            one = polynomials(part)
            if one is None or found is None:
                return None
            b, a = one
            if isinstance(system, Parallel):
                left, right = np.convolve(found[0], a), np.convolve(b, found[1])
                total = np.zeros(max(left.size, right.size))
                total[: left.size] += left
                total[: right.size] += right
                found = total, np.convolve(found[1], a)
            else:
                found = np.convolve(found[0], b), np.convolve(found[1], a)
    if found is None or max(found[0].size, found[1].size) > MOST_COEFFICIENTS:
        return None
    return found


def _trimmed(polynomial: Array) -> Array:
    trimmed = np.trim_zeros(polynomial, "b")
    return trimmed if trimmed.size else np.zeros(1)


def to_dlti(system: System) -> Any:
    """Return a system as a `scipy.signal.dlti`: sections by their roots, others by polynomials."""
    import scipy.signal

    dlti: Any = scipy.signal.dlti  # it makes a subclass of its own

    from ltisys import sections

    dt = 1.0 if system.fs is None else 1.0 / system.fs
    if isinstance(system, IIR):
        return dlti(*sections.to_zpk(system.sos), dt=dt)
    plain = isinstance(system, FIR) and system.h.ndim == 1
    found = (system.h, np.ones(1)) if plain and isinstance(system, FIR) else polynomials(system)
    if found is None:
        raise ValueError(
            f"{system!r} has several channels, or polynomials of more than {MOST_COEFFICIENTS} "
            f"coefficients; take its parts, or to_fir()"
        )
    b, a = found
    size = max(b.size, a.size)  # z^-1 into z: both of one degree
    b = np.trim_zeros(np.pad(b, (0, size - b.size)), "f")
    a = np.pad(a, (0, size - a.size))
    if b.size and abs(b[0]) < 1e-13 * np.abs(b).max():  # which scipy would drop
        return dlti(np.roots(b), np.roots(a), b[0], dt=dt)
    with warnings.catch_warnings():  # of a numerator that is 0
        warnings.simplefilter("ignore")
        return dlti(b if b.size else np.zeros(1), a, dt=dt)
