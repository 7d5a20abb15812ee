"""a response over frequency as a curve: its slope without differences, its phase, its extrema"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ltisys import responses, spectra
from ltisys._types import Array
from ltisys.compositions import Composed, Parallel, Series
from ltisys.fir import FIR
from ltisys.iir import IIR
from ltisys.loops import Feedback
from ltisys.systems import System

__all__ = [
    "Curve",
    "checked",
    "curve",
    "dense",
    "extreme",
    "landmarks",
    "mirrored",
    "peaks",
    "respond",
    "unwrapped",
]

LEAST_GRID, MOST_GRID, MOST_TRANSFORM = 1 << 13, 1 << 20, 1 << 22
"""Points around the circle that a response is looked at, and the most for recursive ones, which
are evaluated point by point, and for finite ones, which are transformed."""
DENSITY = 16
"""Points for each frame of the response, between those limits."""
NOISE = 32 * np.finfo(float).eps
"""Below this much of the magnitudes that were added up for it a response is only rounding."""
TURN, CHANGE = math.pi / 4, 0.5
"""Steps are halved where the phase departs by this angle from what its slope foretells, and where
the response changes by this much of itself: there a zero is near, and might be passed unseen."""
HALVINGS = 20
"""After so many a zero is on the circle for all that a picture shows."""
MOST_WORK = 1 << 28
"""Points times frames spent on halving."""
SYMMETRY = 1e-6
"""Taps mirror each other to this much of the largest (-120 dB)."""
CANDIDATES = 4
"""Local extrema that are looked at more closely, the largest ones."""
ZOOMS, ZOOM_POINTS = 6, 17
"""Each look closer takes so many points and keeps an eighth: 2 / 8**6 of a step in the end."""


@dataclass(frozen=True)
class Curve:
    """The response of a system at some frequencies, with its slope.

    Attributes
    ----------
    value : ndarray, shape (*rows, freqs), complex128
        ``H = sum_n h[n] exp(-i w n)``.
    ramp : ndarray, shape (*rows, freqs), complex128
        ``i dH/dw = sum_n n h[n] exp(-i w n)``.
    doubt : ndarray, shape (*rows, freqs)
        The magnitudes that were added up for `value`: its rounding error is some units of them.
    """

    value: Array
    ramp: Array
    doubt: Array

    @property
    def silent(self) -> Array:
        """Where the response is 0, or nothing but rounding."""
        return np.asarray(~(np.abs(self.value) > NOISE * self.doubt))

    @property
    def delay(self) -> Array:
        """The group delay in frames, ``Re(ramp / value)``, NaN where the response is 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.silent, np.nan, (self.ramp / self.value).real)


def curve(system: System, cycles: Array, nfft: int | None = None) -> Curve:
    """Return the curve of any system at frequencies in cycles a frame.

    By the rules of differentiation: of a product, a sum, a quotient, down to the taps and the
    sections. With `nfft` the frequencies are those of a transform of that length, which finite
    responses then are computed by.
    """
    if isinstance(system, FIR):
        return _of_taps(system.h, cycles, nfft)
    if isinstance(system, IIR):
        return _of_sections(system.sos, cycles)
    if not isinstance(system, Composed):
        raise TypeError(f"{system!r} must be made of FIR and IIR")
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        parts = [curve(part, cycles, nfft) for part in system.parts]
        if isinstance(system, Feedback):
            return _of_loop(parts[0], parts[1], max((*system.rows, 1)))
        join = {Series: _of_series, Parallel: _of_sum}[type(system)]
        result = parts[0]
        for part in parts[1:]:
            result = join(result, part)
    return result


def _of_taps(h: Array, cycles: Array, nfft: int | None) -> Curve:
    wide = h.astype(np.result_type(h.dtype, np.float64))
    both = np.stack([wide, wide * np.arange(h.shape[-1])])
    if nfft is not None and spectra.is_real(wide.dtype):
        value, ramp = spectra.forward_real(both, nfft)
    else:
        value, ramp = responses.evaluate(both, cycles)
    size = np.abs(wide).sum(axis=-1, keepdims=True)
    return Curve(value, ramp, np.broadcast_to(size, value.shape))


def _of_sections(sos: Array, cycles: Array) -> Curve:
    """Return the curve of sections, written around z = 1 or -1 as in `sections.evaluate`."""
    angle = 2 * np.pi * np.asarray(cycles, dtype=np.float64)
    near_one = np.cos(angle) >= 0
    half = np.where(near_one, angle, angle - np.pi) / 2
    sign = np.where(near_one, 1.0, -1.0)
    d = sign * -2j * np.sin(half) * np.exp(-1j * half)  # w = z^-1 = sign + d
    w = sign + d

    def polynomial(c: Array) -> Curve:
        c0, c1, c2 = (float(v) for v in c)
        at = np.where(near_one, math.fsum((c0, c1, c2)), math.fsum((c0, -c1, c2)))
        slope = c1 + 2 * c2 * sign
        size = np.abs(at) + np.abs(d) * (abs(c1) + 3 * abs(c2))
        return Curve(at + d * (slope + c2 * d), w * (slope + 2 * c2 * d), size)

    one = np.ones(angle.shape)
    result = Curve(one + 0j, 0j * one, one)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for section in sos:
            b, a = polynomial(section[:3]), polynomial(section[3:])
            value = b.value / a.value
            ramp = (b.ramp - value * a.ramp) / a.value
            # |db / a| + |value da / a|; coefficients of zeros on the circle are rounded too
            doubt = np.abs(section[:3]).sum() + b.doubt + np.abs(value) * a.doubt
            doubt = doubt / np.abs(a.value)
            result = _of_series(result, Curve(value, ramp, doubt))
    return result


def _of_series(first: Curve, second: Curve) -> Curve:
    def product(a: Array, b: Array) -> Array:
        return responses.series(a, b, np.multiply)

    value = product(first.value, second.value)
    ramp = product(first.ramp, second.value) + product(first.value, second.ramp)
    doubt = product(first.doubt, np.abs(second.value)) + product(np.abs(first.value), second.doubt)
    return Curve(value, ramp, doubt)


def _of_sum(first: Curve, second: Curve) -> Curve:
    return Curve(
        responses.parallel(first.value, second.value),
        responses.parallel(first.ramp, second.ramp),
        responses.parallel(first.doubt, second.doubt),
    )


def _of_loop(there: Curve, again: Curve, size: int) -> Curve:
    """Return the curve of ``(1 + F B) H = F``: its slope follows from that of both sides."""
    if there.value.ndim < 3 and again.value.ndim < 3:
        f, b = there.value, again.value
        one = 1 + f * b
        value = f / one
        ramp = (there.ramp - (there.ramp * b + f * again.ramp) * value) / one
        around = 1 + there.doubt * np.abs(b) + np.abs(f) * again.doubt
        return Curve(value, ramp, (there.doubt + around * np.abs(value)) / np.abs(one))

    def square(part: Array) -> Array:
        if part.ndim == 3:
            return np.moveaxis(part, -1, 0)
        matrix = np.zeros((part.shape[-1], size, size), dtype=part.dtype)
        matrix[:, np.arange(size), np.arange(size)] = np.broadcast_to(
            part, (size, part.shape[-1])
        ).T
        return matrix

    f, df, ef = (square(part) for part in (there.value, there.ramp, there.doubt))
    b, db, eb = (square(part) for part in (again.value, again.ramp, again.doubt))
    around = np.linalg.inv(np.eye(f.shape[-2]) + f @ b)
    value = around @ f
    ramp = around @ (df - (df @ b + f @ db) @ value)
    turn = np.eye(f.shape[-2]) + ef @ np.abs(b) + np.abs(f) @ eb
    doubt = np.abs(around) @ (ef + turn @ np.abs(value))
    value, ramp, doubt = (np.moveaxis(part, 0, -1) for part in (value, ramp, doubt))
    return Curve(value, ramp, doubt)


# --- where to look ------------------------------------------------------------------------------


def length(system: System) -> int:
    """Return about how many frames the response takes, however long it goes on."""
    return MOST_TRANSFORM if system.extent is None else system.extent


def grid(system: System) -> tuple[Array, int]:
    """Return frequencies that show all of a response, and the length of the transform they are of.

    From 0 to 0.5, or to 1 for complex taps. The places of poles and zeros are not among them.
    """
    most = MOST_TRANSFORM if isinstance(system, FIR) else MOST_GRID
    points = max(LEAST_GRID, min(DENSITY * length(system), most))
    if isinstance(system, FIR):
        points = max(points, 4 * system.taps)
    nfft = 2 * spectra.good_size(-(-points // 2))  # even: fs / 2 is one of them
    every = isinstance(system, FIR) and not spectra.is_real(system.h.dtype)
    return np.arange(nfft if every else nfft // 2 + 1) / nfft, nfft


def landmarks(system: System) -> Array:
    """Return frequencies near the poles and zeros of the recursive parts, in cycles a frame."""
    if isinstance(system, Composed):
        return np.concatenate([np.zeros(0), *(landmarks(part) for part in system.parts)])
    if not isinstance(system, IIR):
        return np.zeros(0)
    roots = np.concatenate([system.poles, system.zeros])
    away = np.concatenate([[0.0], 2.0 ** np.arange(-3, 7)])
    steps = np.abs(1 - np.abs(roots))[:, None] * np.concatenate([-away, away])
    near = ((np.abs(np.angle(roots))[:, None] + steps) / (2 * np.pi)).ravel()
    return np.asarray(near[(near >= 0) & (near <= 0.5)])


def dense(system: System, more: Array | None = None) -> tuple[Array, Curve]:
    """Return frequencies from 0 to 0.5 that show all of a response, in order, and its curve."""
    cycles, nfft = grid(system)
    marks = landmarks(system)
    more = marks if more is None else np.concatenate([marks, more])
    return _merged(cycles, curve(system, cycles, nfft), system, more)


def _merged(cycles: Array, known: Curve, system: System, more: Array) -> tuple[Array, Curve]:
    """Return a curve with more frequencies in it, in order, each once."""
    more = np.setdiff1d(more, cycles)
    if not more.size:
        return cycles, known
    added = curve(system, more)
    order = np.argsort(np.concatenate([cycles, more]), kind="stable")
    parts = [
        np.concatenate([a, b], axis=-1)[..., order]
        for a, b in zip(_arrays(known), _arrays(added), strict=True)
    ]
    return np.concatenate([cycles, more])[order], Curve(*parts)


def _arrays(part: Curve) -> tuple[Array, Array, Array]:
    return part.value, part.ramp, part.doubt


def extreme(
    answer: Callable[[Array], Array], cycles: Array, size: Array, sign: int
) -> tuple[float, float]:
    """Return the largest magnitude near the points given (the smallest for sign -1), and where.

    The largest local extrema are looked at again and again more closely by `answer`, which takes
    cycles and gives the complex response.
    """
    signed = sign * size
    rising = np.concatenate([[True], signed[1:] >= signed[:-1]])
    falling = np.concatenate([signed[:-1] >= signed[1:], [True]])
    peaks = np.flatnonzero(rising & falling)
    best = int(np.argmax(signed))
    found, where = float(signed[best]), float(cycles[best])
    at = peaks[np.argsort(signed[peaks])[-CANDIDATES:]]
    left, right = cycles[np.maximum(at - 1, 0)], cycles[np.minimum(at + 1, cycles.size - 1)]
    rows = np.arange(at.size)
    for _ in range(ZOOMS):
        near = np.linspace(left, right, ZOOM_POINTS, axis=-1)
        closer = sign * np.abs(answer(near.ravel())).reshape(near.shape)
        j = closer.argmax(axis=-1)
        best = int(closer[rows, j].argmax())
        if closer[best, j[best]] > found:
            found, where = float(closer[best, j[best]]), float(near[best, j[best]])
        left = near[rows, np.maximum(j - 1, 0)]
        right = near[rows, np.minimum(j + 1, ZOOM_POINTS - 1)]
    return sign * found, where


def checked(system: Any) -> System:
    """Return a system, or raise."""
    if not isinstance(system, System):
        raise TypeError(f"system={system!r} must be a System; wrap a response in lti.FIR")
    return system


def respond(system: System, cycles: Array) -> Array:
    """Return the response at frequencies in cycles a frame."""
    return system.frequency_response(cycles * (1.0 if system.fs is None else system.fs))[1]


def peaks(system: System, known: tuple[Array, Curve]) -> Array:
    """Return the largest magnitude of each row."""
    found = np.zeros(system.rows)
    for row in np.ndindex(system.rows):

        def near(cycles: Array, row: tuple[int, ...] = row) -> Array:
            return np.asarray(respond(system, cycles)[row])

        found[row] = extreme(near, known[0], np.abs(known[1].value[row]), 1)[0]
    return found


# --- phase --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Phase:
    """The phase of one row, unwrapped, in radians; steps that are unclear, points left out."""

    cycles: Array
    radians: Array
    unclear: int
    silent: int


def unwrapped(system: System, row: tuple[int, ...], known: tuple[Array, Curve]) -> Phase:
    """Return the phase of one row, unwrapped from 0 up, at the frequencies known and more.

    The delay of the energy's centre is taken off; then the phase of each step is what its slope at
    both ends foretells, to the multiple of 2 pi, and steps in which that is not clear are halved
    (Tribolet 1977). On its way through a zero on the circle it jumps up by pi.
    """
    if isinstance(system, FIR):
        h = np.asarray(system.h[row], dtype=np.float64)
        if mirrored(np.trim_zeros(h)):
            return _of_mirrored(h, row, known)
    cycles, whole = known
    value, ramp, silent = whole.value[row], whole.ramp[row], whole.silent[row]
    cycles, value, ramp = cycles[~silent], value[~silent], ramp[~silent]
    lost = int(silent.sum())
    if not cycles.size:
        return Phase(cycles, np.zeros(0), 0, lost)
    # weights far below the peak may underflow: the center is only to be near
    power = np.square(np.abs(value) / np.abs(value).max())
    center = float((power * (ramp / value).real).sum() / power.sum())
    work = MOST_WORK // max(1, length(system))
    for halving in range(HALVINGS + 1):
        step, turn, unclear = _steps(cycles, value, ramp, center)
        where = np.flatnonzero(unclear & (step > 2.0**-44))
        work -= where.size
        if halving == HALVINGS or not where.size or work < 0:
            break
        # not halves: a zero in the middle would be met in each of them
        between = cycles[where] + 0.45 * step[where]
        new = curve(system, between)
        heard = ~new.silent[row]
        lost += int((~heard).sum())
        at = where[heard] + 1
        cycles = np.insert(cycles, at, between[heard])
        value = np.insert(value, at, new.value[row][heard])
        ramp = np.insert(ramp, at, new.ramp[row][heard])
    # through a zero on the circle: up by pi, not down
    turn = np.where(unclear & (turn < -np.pi / 2), turn + 2 * np.pi, turn)
    start = float(np.angle(value[0] * np.exp(2j * np.pi * cycles[0] * center)))
    if start < -np.pi + 1e-9:
        start += 2 * np.pi
    residue = start + np.concatenate([[0.0], np.cumsum(turn)])
    return Phase(cycles, residue - 2 * np.pi * cycles * center, int(unclear.sum()), lost)


def _of_mirrored(h: Array, row: tuple[int, ...], known: tuple[Array, Curve]) -> Phase:
    """Return the phase of taps that mirror each other: a delay, jumps where the sign changes."""
    cycles, silent = known[0], known[1].silent[row]
    value, cycles = known[1].value[row][~silent], cycles[~silent]
    heard = np.flatnonzero(h)
    center = (int(heard[0]) + int(heard[-1])) / 2
    turned = value * np.exp(2j * np.pi * np.remainder(cycles * center, 1.0))
    even = mirrored(np.trim_zeros(h)) > 0
    negative = (turned.real if even else turned.imag) < 0
    jumps = np.cumsum(np.concatenate([[False], negative[1:] != negative[:-1]]))
    start = np.pi * negative[0] if even else np.pi * (0.5 - negative[0])
    return Phase(cycles, start + np.pi * jumps - 2 * np.pi * cycles * center, 0, int(silent.sum()))


def mirrored(h: Array) -> int:
    """Return 1 if taps are the same backwards, -1 if the same but for the sign, 0 if neither."""
    off = SYMMETRY * np.abs(h).max(initial=0.0)
    for sign in (1, -1):
        if h.size and np.abs(h - sign * h[::-1]).max() <= off:
            return sign
    return 0


def _steps(cycles: Array, value: Array, ramp: Array, center: float) -> tuple[Any, Any, Any]:
    """Return the width of each step, by how much the phase turns in it, and where that is unclear.

    Of the response without the delay `center`.
    """
    step = np.diff(cycles)
    slope = ramp / value - center  # i d(log H)/dw
    foretold = -np.pi * step * (slope[1:].real + slope[:-1].real)
    seen = np.angle(value[1:] * value[:-1].conj()) + 2 * np.pi * center * step
    off = np.remainder(seen - foretold + np.pi, 2 * np.pi) - np.pi
    change = 2 * np.pi * step * np.maximum(np.abs(slope[1:]), np.abs(slope[:-1]))
    return step, foretold + off, (np.abs(off) > TURN) | (change > CHANGE)
