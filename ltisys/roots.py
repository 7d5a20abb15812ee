"""poles and zeros of any system, how many zeros lie outside the circle, what phase that makes"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from ltisys import curves, polynomials, sections
from ltisys._types import Array
from ltisys.compositions import Composed, Parallel, Series
from ltisys.elements import gain
from ltisys.errors import MismatchError
from ltisys.fir import FIR
from ltisys.iir import IIR
from ltisys.loops import Feedback
from ltisys.rational import MOST_COEFFICIENTS
from ltisys.systems import System

__all__ = ["MOST_ROOTS", "entry", "phase_type", "poles", "zeros"]

MOST_ROOTS = 1000
"""Roots are not looked for in longer polynomials: 1000 take two seconds, by their cube."""
FLATNESS = 1e-6
"""An all-pass passes all frequencies alike to this much (-120 dB)."""
ON_CIRCLE, ON_CIRCLE_SINGLE = 1e-6, 1e-3
"""Zeros so near to the circle count as on it, where taps are in double and in single precision:
rounding moves the zeros of a deep stop band in and out."""
FARTHEST = 2e-3
"""Where several zeros fall together, they count as on it at most so far away."""

Fraction = tuple[Array, "Counter[tuple[float, ...]]"]
"""A polynomial in z^-1 over the product of others, each as often as it is counted."""


# --- one of the rows ------------------------------------------------------------------------------


def entry(system: System, row: tuple[int, ...]) -> System:
    """Return the system between one input and one output, itself where it has one row.

    Raises
    ------
    MismatchError
        For a row of a composition that mixes several matrices.
    """
    if isinstance(system, FIR):
        h = system.h[row] if system.h.ndim > 1 else system.h
        return FIR(h, fs=system.fs, latency=system.latency)
    if not row or not isinstance(system, Composed):
        return system
    parts = [_part(part, row) for part in system.parts]
    if len(row) == 2:
        matrices = [i for i, part in enumerate(system.parts) if len(part.rows) == 2]
        if isinstance(system, Feedback) or (isinstance(system, Series) and len(matrices) > 1):
            raise MismatchError(
                f"{system!r} mixes matrices of responses: its entries have no poles and zeros of "
                f"their own here; take those of its parts"
            )
        if isinstance(system, Series):  # what is before the matrix hears the input
            output, input_ = row
            parts = [
                _part(part, row if i in matrices else (input_ if i < matrices[0] else output,))
                for i, part in enumerate(system.parts)
            ]
        elif row[0] != row[1]:  # the rows beside the matrix go straight through
            parts = [part if i in matrices else gain(0.0) for i, part in enumerate(parts)]
    return Feedback((parts[0], parts[1])) if isinstance(system, Feedback) else type(system)(parts)


def _part(part: System, row: tuple[int, ...]) -> System:
    """Return the entry of a part with as many axes as it has, or one for all."""
    own = row[: len(part.rows)]
    return entry(part, tuple(0 if n == 1 else k for k, n in zip(own, part.rows, strict=True)))


# --- roots --------------------------------------------------------------------------------------


def zeros(system: System) -> Array:
    """Return the zeros of a system of one row, those at 0 left out."""
    if isinstance(system, FIR):
        return _in_order(_roots(system.h))
    if isinstance(system, IIR):
        return _in_order(system.zeros)
    if isinstance(system, Series):
        return _in_order(np.concatenate([zeros(part) for part in system.parts]))
    return _in_order(_roots(_fraction(system)[0]))


def poles(system: System) -> Array:
    """Return the poles of a system of one row, those at 0 left out."""
    if isinstance(system, FIR):
        return np.zeros(0, dtype=np.complex128)
    if isinstance(system, IIR):
        return _in_order(system.poles)
    if isinstance(system, Series):
        return _in_order(np.concatenate([poles(part) for part in system.parts]))
    below = _fraction(system)[1].elements()
    found = [np.zeros(0, dtype=np.complex128), *(_roots(np.array(part)) for part in below)]
    return _in_order(np.concatenate(found))


def _in_order(roots: Array) -> Array:
    """Return roots by their frequency, conjugates side by side."""
    return np.asarray(roots[np.lexsort((-roots.imag, np.abs(np.angle(roots))))])


def _roots(polynomial: Array) -> Array:
    """Return the roots in z of a polynomial in z^-1, those at 0 left out."""
    trimmed = _core(polynomial)[0].astype(np.result_type(polynomial.dtype, np.float64))
    if trimmed.size - 1 > MOST_ROOTS:
        raise ValueError(
            f"a response of {trimmed.size:,} taps has {trimmed.size - 1:,} zeros, and more than "
            f"{MOST_ROOTS:,} are not looked for; cut it, or ask its phase_type, which needs none"
        )
    if trimmed.size <= 3 and trimmed.dtype.kind == "f":  # exact where two fall together
        return sections.zeros(np.concatenate([trimmed, np.zeros(6 - trimmed.size)])[None])
    if trimmed.dtype.kind == "f" and trimmed.size <= polynomials.POLISHED + 1:
        return polynomials.roots(trimmed)
    return np.asarray(np.roots(trimmed), dtype=np.complex128)


def _core(h: Array) -> tuple[Array, int]:
    """Return taps without what is nothing but rounding at both ends, and how many at the start.

    A first tap of 1e-17 would be a zero far outside the circle.
    """
    heard = np.flatnonzero(np.abs(h) > np.finfo(float).eps * np.abs(h).max(initial=0.0))
    return (h[heard[0] : heard[-1] + 1], int(heard[0])) if heard.size else (h[:0], 0)


def _fraction(system: System) -> Fraction:
    """Return a system as one polynomial over others, or raise where they would be long."""
    above: Array
    if isinstance(system, FIR):
        above, below = system.h, Counter[tuple[float, ...]]()
    elif isinstance(system, IIR):
        above, below = np.ones(1), _denominators(system)
        for section in system.sos:
            above = np.convolve(above, section[:3])
    else:
        assert isinstance(system, Composed)
        parts = [_fraction(part) for part in system.parts]
        if isinstance(system, Series):
            above, below = np.ones(1), Counter()
            for part in parts:
                above, below = np.convolve(above, part[0]), below + part[1]
        elif isinstance(system, Parallel):
            below = parts[0][1]
            for part in parts:
                below = below | part[1]  # what they share stays once
            above = _sum([np.convolve(b, _product(below - a)) for b, a in parts])
        else:  # F / (1 + F B) = f b' / (f' b' + f b)
            (f, under_f), (b, under_b) = parts
            one, other = _product(under_f), _product(under_b)
            above = np.convolve(f, other)
            below = Counter([tuple(_sum([np.convolve(one, other), np.convolve(f, b)]).tolist())])
    degree = max(above.size, sum(len(part) - 1 for part in below.elements()) + 1)
    if degree > MOST_COEFFICIENTS and not isinstance(system, FIR):
        raise ValueError(
            f"{system!r} makes a polynomial of {degree:,} coefficients, and the roots of more than "
            f"{MOST_COEFFICIENTS} mean little; take the poles and zeros of its parts"
        )
    return above, below


def _denominators(system: IIR) -> Counter[tuple[float, ...]]:
    trimmed = (tuple(np.trim_zeros(a, "b").tolist()) for a in system.sos[:, 3:])
    return Counter(a for a in trimmed if len(a) > 1)


def _product(factors: Counter[tuple[float, ...]]) -> Array:
    product = np.ones(1)
    for factor in factors.elements():
        product = np.convolve(product, np.array(factor))
    return product


def _sum(polynomials: list[Array]) -> Array:
    total = np.zeros(max(one.size for one in polynomials))
    for one in polynomials:
        total[: one.size] += one
    return total


# --- where the zeros are --------------------------------------------------------------------------


@dataclass(frozen=True)
class Count:
    """How many zeros lie outside the circle: for certain, at most, and of how many if known."""

    outside: int
    outside_or_on: int
    of: int | None
    unclear: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(
            self.outside + other.outside,
            self.outside_or_on + other.outside_or_on,
            None if self.of is None or other.of is None else self.of + other.of,
            self.unclear + other.unclear,
        )


def _count(system: System, near: float) -> Count:
    """Count the zeros of a stable system of one row outside the circle.

    The phase of a stable system falls from 0 to fs / 2 by pi for each zero outside (argument
    principle), so that no root need be found. It is measured on circles a little larger and
    smaller than 1, with zeros on the circle clearly inside and outside.
    """
    if isinstance(system, IIR):
        size = np.abs(system.zeros)
        return Count(int((size > 1 + near).sum()), int((size > 1 - near).sum()), size.size)
    if isinstance(system, Series):
        total = Count(0, 0, 0)
        for part in system.parts:
            total += _count(part, near)
        return total
    if not isinstance(system, FIR):
        try:
            system = FIR(_fraction(system)[0])
        except ValueError:  # long: its phase alone
            outside, unclear = _around(system, near, 1)
            return Count(outside - system.lead, outside - system.lead, None, unclear)
    h = _core(system.h)[0]
    if h.size <= 3:
        size = np.abs(_roots(h))
        return Count(int((size > 1 + near).sum()), int((size > 1 - near).sum()), size.size)
    (least, a), (most, b) = (_around(FIR(h), near, sign) for sign in (1, -1))
    return Count(least, most, h.size - 1, max(a, b))


def _around(system: System, near: float, sign: int) -> tuple[int, int]:
    """Return by how many half turns the phase falls beside the circle, and its unclear steps.

    As far from the circle as it takes for zeros there to be heard: several that fall together are
    spread by rounding.
    """
    while True:
        beside = _on_circle(system, 1 + sign * near)
        phase = curves.unwrapped(beside, (), curves.dense(beside))
        near *= 10
        if not phase.silent or near > FARTHEST:
            break
    if phase.radians.size < 2:
        return 0, 0
    return round((phase.radians[0] - phase.radians[-1]) / np.pi), phase.unclear


def _on_circle(system: System, radius: float) -> System:
    """Return the system whose response at z is that of this one at z times a radius."""
    if isinstance(system, FIR):
        h = system.h.astype(np.float64)
        return FIR(h * radius ** -np.arange(h.shape[-1], dtype=np.float64))
    if isinstance(system, IIR):
        return IIR(system.sos * np.tile(radius ** -np.arange(3.0), 2))
    assert isinstance(system, Composed)
    parts = [_on_circle(part, radius) for part in system.parts]
    return Feedback((parts[0], parts[1])) if isinstance(system, Feedback) else type(system)(parts)


def phase_type(system: System) -> str:
    """Return what the phase of a system of one row is called; `analysis.phase_type` says more."""
    if not system.stable:
        return "unstable"
    taps = _taps(system)
    if taps is not None:
        if taps.dtype.kind == "c":
            raise ValueError("h is complex: its phase has none of these names; take its real part")
        linear = _linear(_core(taps)[0])
        if linear is not None:
            return linear
    size = np.abs(curves.dense(system)[1].value)
    if size.max() - size.min() <= FLATNESS * size.max():
        return "all-pass"
    count = _count(system, ON_CIRCLE_SINGLE if _single(system) else ON_CIRCLE)
    if count.outside - count.unclear > 0 and (
        count.of is None or count.outside_or_on + count.unclear < count.of
    ):
        return "mixed phase" if count.of is not None else "not minimum phase"
    if count.unclear:
        raise ValueError(
            f"{system!r} has zeros so near to the circle that its phase cannot be told; cut it "
            f"with to_fir or name its parts"
        )
    if count.outside == 0:
        lead = _core(system.h)[1] if isinstance(system, FIR) else system.lead
        late = f", behind a delay of {lead:,} frame{'s' if lead > 1 else ''}" if lead else ""
        return f"minimum phase{late}"
    return "maximum phase"


def _taps(system: System) -> Array | None:
    """Return the taps of a system without poles, None for another."""
    if isinstance(system, FIR):
        return system.h
    if isinstance(system, IIR) and not system.poles.size:
        return _fraction(system)[0]
    return None


def _linear(h: Array) -> str | None:
    """Return the type of a response that mirrors itself, without the silence around it, or None."""
    if not h.size:
        return "silent"
    kinds = {1: ("I", "II"), -1: ("III", "IV")}.get(curves.mirrored(h))
    return None if kinds is None else f"linear phase, type {kinds[1 - h.size % 2]}"


def _single(system: System) -> bool:
    """Whether a part is in single precision."""
    if isinstance(system, Composed):
        return any(_single(part) for part in system.parts)
    return isinstance(system, FIR) and system.h.dtype == np.float32
