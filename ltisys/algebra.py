"""what >>, + and * make of any two systems: one where that is as exact, else a composition"""

from __future__ import annotations

import numpy as np

from ltisys import _checks
from ltisys._types import Array
from ltisys.compositions import Parallel, Series, flat
from ltisys.elements import gain
from ltisys.fir import FIR
from ltisys.iir import IIR
from ltisys.systems import System

__all__ = ["parallel", "scaled", "series"]

SECTION = 3
"""Taps that are the numerator of one section."""


def series(first: System, second: System) -> System:
    """Return `second` behind `first`: finite with finite is finite, sections join sections."""
    fs = _checks.same_rate(first.fs, second.fs, names=("first", "second"))
    if isinstance(first, FIR) and isinstance(second, FIR):
        return first >> second
    a, b = _as_sections(first), _as_sections(second)
    if a is not None and b is not None:
        return IIR(_joined(a, b), fs=fs)
    parts = (*_parts(flat(first), Series), *_parts(flat(second), Series))
    made = Series(parts)
    _ = made.rows  # channels that do not fit are refused now
    return made


def _as_sections(system: System) -> Array | None:
    """Return the sections of a recursive system, or of one that is a numerator alone."""
    if isinstance(system, IIR):
        return system.sos
    if not isinstance(system, FIR) or system.latency:
        return None
    if system.h.ndim > 1 or system.h.dtype.kind == "c" or system.taps > SECTION:
        return None
    section = np.zeros((1, 6))
    section[0, : system.taps], section[0, 3] = system.h, 1.0
    return section


def _joined(a: Array, b: Array) -> Array:
    """Return sections in a row; a bare factor goes into its neighbour."""
    if not a[:, [1, 2, 4, 5]].any() and len(a) == 1:
        a, b = b, a
    if not b[:, [1, 2, 4, 5]].any() and len(b) == 1:
        a = a.copy()
        a[0, :3] *= b[0, 0]
        return a
    return np.concatenate([a, b])


def _parts(system: System, kind: type[Series] | type[Parallel]) -> tuple[System, ...]:
    return system.parts if isinstance(system, kind) else (system,)


def parallel(first: System, second: System) -> System:
    """Return two systems side by side, their answers added up."""
    _checks.same_rate(first.fs, second.fs, names=("first", "second"))
    if isinstance(first, FIR) and isinstance(second, FIR):
        return first + second
    made = Parallel((*_parts(flat(first), Parallel), *_parts(flat(second), Parallel)))
    _ = made.rows
    return made


def scaled(system: System, factor: complex) -> System:
    """Return a system with its answers multiplied by a number."""
    if isinstance(system, FIR):
        return system * factor
    number = factor if factor.imag else factor.real
    if isinstance(system, Parallel):
        return Parallel([scaled(part, number) for part in system.parts])
    return series(system, gain(number))
