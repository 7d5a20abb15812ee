"""second-order sections as arrays: from polynomials or roots, their response, where it sinks"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ltisys import _checks, polynomials
from ltisys._types import Array
from ltisys.state_space import long_blocks

__all__ = [
    "INSIDE",
    "checked",
    "earlier",
    "evaluate",
    "from_ba",
    "from_zpk",
    "lead",
    "poles",
    "sinks",
    "to_zpk",
    "zeros",
]

CLOSE = 1e-6
"""Sections must have the response of their polynomial within this, everywhere on the circle."""
POLISHED = 40
"""Roots of polynomials up to this order are improved until they are those of the very numbers."""
MOST_ORDER = 512
INSIDE = 1 - 1e-14
"""A pole beyond this radius is on the circle for all that double precision can tell."""


def checked(sos: Any) -> Array:
    """Return sections (sections, 6) as float64 with ``a0 = 1``, or raise saying what is wrong."""
    array = np.asarray(_checks.numeric("sos", sos))
    if array.dtype.kind == "c":
        raise TypeError("sos is complex; a recursive system is real, give real sections")
    if array.ndim == 1 and array.size == 6:
        array = array[None]
    if array.ndim != 2 or array.shape[-1] != 6 or array.shape[0] == 0:
        raise ValueError(
            f"sos.shape={array.shape} must be (sections, 6): b0 b1 b2 a0 a1 a2 in each row"
        )
    array = _checks.finite("sos", array.astype(np.float64))
    if not array[:, 3].all():
        bad = int(np.flatnonzero(array[:, 3] == 0)[0])
        raise ValueError(f"sos[{bad}, 3]=0.0 must not be 0: it is a0, by which a section divides")
    with np.errstate(over="ignore"):
        array /= array[:, 3:4]
    if not np.isfinite(array).all():
        raise ValueError("sos holds an a0 so small that its section divided by it is infinite")
    array.setflags(write=False)
    return array


def _row(name: str, value: Any) -> Array:
    row = _checks.nonempty(name, np.atleast_1d(_checks.numeric(name, np.atleast_1d(value))))
    if row.ndim != 1:
        raise ValueError(f"{name}.shape={row.shape} must be (coefficients,)")
    if row.dtype.kind == "c":
        raise TypeError(f"{name} is complex; a recursive system is real, give real coefficients")
    return _checks.finite(name, row.astype(np.float64))


def from_ba(b: Any, a: Any) -> Array:
    """Return sections of ``sum b[k] z^-k / sum a[k] z^-k``.

    Raises
    ------
    ValueError
        If ``a[0]`` is 0, or the roots found do not give the polynomials back.
    """
    b, a = _row("b", b), _row("a", a)
    if a[0] == 0:
        raise ValueError(f"a[0]={a[0]} must not be 0: it is what the present answer is divided by")
    b, a = b / a[0], np.trim_zeros(a / a[0], "b")
    if not b.any():
        return np.array([[0.0, 0, 0, 1, 0, 0]])
    late = int(np.flatnonzero(b)[0])
    b = np.trim_zeros(b)
    if max(b.size, a.size) - 1 + late > MOST_ORDER:
        raise ValueError(
            f"b and a of order {max(b.size, a.size) - 1 + late} make more than {MOST_ORDER} "
            f"coefficients; put delays apart (lti.delay), long numerators into lti.FIR"
        )
    if b.size <= 3 and a.size <= 3:
        sos = np.zeros((1, 6))
        sos[0, : b.size], sos[0, 3 : 3 + a.size] = b, a
    else:
        sos = _paired(polynomials.roots(b), polynomials.roots(a), float(b[0]))
        _same("b", b, sos[:, :3])
        _same("a", a, sos[:, 3:])
    return _delayed(sos, late)


def _same(name: str, polynomial: Array, sections: Array) -> None:
    """Refuse sections of another response than their polynomial has."""
    angles = np.linspace(0, np.pi, 33)
    near = np.abs(np.angle(_quadratics(sections)))  # there it is smallest, and most easily wrong
    turns = np.exp(1j * np.concatenate([angles, near]))
    wanted = np.array([polynomials.exactly(polynomial, turn) for turn in turns])
    got = turns ** (polynomial.size - 1 - 2 * len(sections))  # both in powers of 1 / z
    for section in sections:
        got *= [polynomials.exactly(section, turn) for turn in turns]
    # a denominator divides, and must be right where it is small; a numerator is 0 where it is
    scale = np.abs(wanted) if name == "a" else np.abs(wanted).max()
    worst = float((np.abs(got - wanted) / np.maximum(scale, np.finfo(float).tiny)).max())
    if not worst < CLOSE:
        raise ValueError(
            f"{name} of order {polynomial.size - 1} cannot be split into sections: their response "
            f"would be off by a factor of {worst:.1g}; design it as sections, or zeros and poles"
        )


def from_zpk(z: Any, p: Any, k: Any) -> Array:
    """Return sections of ``k prod(z - z_i) / prod(z - p_i)``; zeros that are missing are delay.

    Raises
    ------
    ValueError
        For more zeros than poles, and roots without their conjugates.
    """
    zeros_, poles_ = (
        _checks.finite(name, np.atleast_1d(np.asarray(roots)).astype(np.complex128).reshape(-1))
        for name, roots in (("z", z), ("p", p))
    )
    factor = _checks.number("k", k)
    if zeros_.size > poles_.size:
        raise ValueError(
            f"z holds {zeros_.size} zeros and p {poles_.size} poles: more zeros than poles look "
            f"into the future; add as many poles at 0 as the system shall be late"
        )
    if poles_.size > MOST_ORDER:
        raise ValueError(f"p holds {poles_.size} poles; at most {MOST_ORDER} make one system")
    late = poles_.size - zeros_.size
    return _delayed(_paired(zeros_, poles_, factor), late)


def _paired(z: Array, p: Array, k: float) -> Array:
    from scipy.signal import zpk2sos

    z, p = _conjugates("z", z), _conjugates("p", p)
    return np.asarray(zpk2sos(z, p, k), dtype=np.float64)


def _conjugates(name: str, roots: Array) -> Array:
    """Return the roots, each complex one with exactly its conjugate, or raise."""
    real = np.abs(roots.imag) <= 1e-10 * np.abs(roots)
    upper = roots[~real & (roots.imag > 0)]
    lower = list(roots[~real & (roots.imag < 0)].conj())
    for root in upper:
        nearest = min(lower, key=lambda other: abs(other - root), default=0.0)
        if not lower or abs(nearest - root) > 1e-8 * abs(root):
            break
        lower.remove(nearest)
    else:
        if not lower:
            return np.concatenate([roots[real].real, upper, upper.conj()])
    raise ValueError(
        f"{name} holds complex roots without their conjugates: no real system has them"
    )


def _delayed(sos: Array, frames: int) -> Array:
    """Return sections that answer so many frames later."""
    sos = sos.copy()
    for section in sos:
        while frames and section[2] == 0:
            section[1:3], section[0] = section[:2].copy(), 0.0
            frames -= 1
    if frames:
        late = np.zeros((-(-frames // 2), 6))
        late[:, 3] = 1.0
        late[:, 2] = 1.0
        if frames % 2:
            late[-1, 1:3] = 1.0, 0.0
        sos = np.concatenate([sos, late])
    return sos


def lead(sos: Array) -> int:
    """Count the frames before the first of the answer to an impulse."""
    frames = 0
    for b in sos[:, :3]:
        nonzero = np.flatnonzero(b)
        frames += int(nonzero[0]) if nonzero.size else 3
    return frames


def earlier(sos: Array, frames: int) -> Array:
    """Return sections that answer so many frames earlier, at most `lead`."""
    sos = sos.copy()
    for section in sos:
        while frames and section[0] == 0 and section[:3].any():
            section[:2], section[2] = section[1:3].copy(), 0.0
            frames -= 1
    return sos


def _quadratics(polynomials: Array) -> Array:
    """Return the roots in z of rows ``c0 z^2 + c1 z + c2``."""
    found: list[complex] = []
    for c0, c1, c2 in polynomials:
        if c0 == 0 and c1 == 0:
            continue
        if c0 == 0:
            found.append(complex(-c2 / c1))
            continue
        half, product = -c1 / c0 / 2, c2 / c0
        root = math.sqrt(abs(half * half - product))
        if half * half < product:
            found += [complex(half, root), complex(half, -root)]
        else:  # the larger one has no cancellation, the other follows from their product
            large = half + math.copysign(root, half)
            found += [complex(large), complex(product / large if large else 0.0)]
    return np.array(found, dtype=np.complex128)


def poles(sos: Array) -> Array:
    """Return the poles, those at 0 left out."""
    found = _quadratics(sos[:, 3:])
    return np.asarray(found[found != 0])


def zeros(sos: Array) -> Array:
    """Return the zeros, those at 0 and at infinity left out."""
    found = _quadratics(sos[:, :3])
    return np.asarray(found[found != 0])


def to_zpk(sos: Array) -> tuple[Array, Array, float]:
    """Return zeros and poles in z, those at 0 that both have left out, and the factor."""
    z, p = _quadratics(sos[:, :3]), _quadratics(sos[:, 3:])
    both = min(np.count_nonzero(z == 0), np.count_nonzero(p == 0))
    z, p = (np.concatenate([r[r != 0], r[r == 0][both:]]) for r in (z, p))
    factor = 1.0
    for b in sos[:, :3]:
        factor *= float(b[np.flatnonzero(b)[0]]) if b.any() else 0.0
    return z, p, factor


def evaluate(sos: Array, cycles: Array) -> Array:
    """Return the response at frequencies in cycles a frame, complex128.

    Each polynomial is written around z = 1 or z = -1, whichever is nearer: close to a cutoff of a
    few hertz its terms would cancel, ``1 - 1.9999 + 0.9999``.
    """
    cycles = np.asarray(cycles, dtype=np.float64)
    cycles = cycles - np.round(cycles)
    response = np.ones(cycles.shape, dtype=np.complex128)
    near_one = np.abs(cycles) <= 0.25
    # d = z^-1 -+ 1, without cancellation: exp(-ia) - 1 = -2i sin(a/2) exp(-ia/2)
    half = np.pi * np.where(near_one, cycles, cycles - np.copysign(0.5, cycles))
    turn = np.exp(-1j * half)
    d = np.where(near_one, 1, -1) * (-2j * np.sin(half) * turn)
    sign = np.where(near_one, 1.0, -1.0)

    def polynomial(c: Array) -> Array:
        c0, c1, c2 = (float(v) for v in c)
        # c(w) at w = s + d: c(s) + c'(s) d + c2 d^2
        one, minus = math.fsum((c0, c1, c2)), math.fsum((c0, -c1, c2))
        at = np.where(near_one, one, minus)
        slope = c1 + 2 * c2 * sign
        return np.asarray(at + d * (slope + c2 * d))

    for section in sos:
        with np.errstate(divide="ignore", invalid="ignore"):
            response *= polynomial(section[:3]) / polynomial(section[3:])
    return response


def sinks(sos: Array, floor_db: float, most: int) -> int | None:
    """Return the frame from which on the response stays below `floor_db` of its peak.

    None if it does not within `most` frames, or its poles do not lie inside the circle.
    """
    radius = float(np.abs(poles(sos)).max(initial=0.0))
    long = long_blocks(sos)
    if radius >= INSIDE or long is None:
        return None
    floor = 10 ** (floor_db / 20)
    slowest = math.log(floor) / math.log(radius) if radius > 0 else 0.0
    frames = int(min(most, max(256, 1.1 * slowest + 4 * sos.shape[0] + lead(sos))))
    impulse = np.zeros(frames)
    impulse[0] = 1.0
    state = np.zeros((sos.shape[0], 2))
    peak, last, done = 0.0, 0, 0
    # poles that lie together decay later than one of them would: go on until it is long quiet
    while True:
        h = np.empty(impulse.size)
        long.answer(impulse, state, h)
        size = np.abs(h)
        top = float(size.max(initial=0.0))
        if not math.isfinite(top):
            return None
        peak = max(peak, top)
        loud = np.flatnonzero(size >= floor * peak) if peak else np.zeros(0, int)
        last = done + int(loud[-1]) + 1 if loud.size else last
        done += frames
        if last <= 0.8 * done or not peak:
            return max(1, last)
        if done >= most:
            return None
        frames = min(max(256, done // 2), most - done)
        impulse = np.zeros(frames)
