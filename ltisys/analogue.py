"""analogue prototypes as digital sections: designed, scaled, measured before they are shipped

What the modules of recursive designs share. `tried` makes the sections of a `Request` and holds
them against their prototype; `designed` also says what would be possible where that fails.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from ltisys import _checks, sections
from ltisys._types import Array

__all__ = [
    "Family",
    "Kind",
    "Request",
    "cutoffs",
    "departure",
    "designed",
    "frequency",
    "largest",
    "limit",
    "nearest",
    "rounding_db",
    "scaled",
    "tried",
]

Family = Literal["butter", "cheby1", "cheby2", "ellip", "bessel"]
Kind = Literal["lowpass", "highpass", "bandpass", "bandstop"]

WITHIN_DB = 0.01
"""Sections may depart from their prototype by so much."""
UNHEARD_DB = -100.0
"""Levels of the prototype below this are not compared in decibels; they need only stay as low."""
NOISE_DB = -90.0
"""Rounding may add so much to a full-scale answer: 0.0003 dB. Measured, it is 10 to 100 dB less."""
MOST_ORDER = 256
"""No order beyond is tried: it takes a second to design, and few families get that far."""


@dataclass(frozen=True)
class Request:
    """What is asked of a recursive filter."""

    family: Family
    order: int
    kind: Kind
    edges_hz: tuple[float, ...]
    fs: float
    ripple_db: float = 1.0
    attenuation_db: float = 80.0


# --- arguments ----------------------------------------------------------------------------------


def frequency(name: str, value: Any, fs: float) -> float:
    """Return a frequency strictly between 0 and fs / 2, or raise naming the bounds."""
    result = _checks.number(name, value, above=0, unit=" in Hz")
    if result >= fs / 2:
        raise ValueError(
            f"{name}={value!r} must be < {fs / 2:g} (fs / 2) in Hz; frames at fs={fs:g} hold "
            f"nothing above that"
        )
    return result


def cutoffs(cutoff_hz: Any, kind: Kind, fs: float) -> tuple[float, ...]:
    """Return one edge, or the two of a band, checked."""
    _checks.choice("kind", kind, Kind)
    pair = np.ndim(cutoff_hz) > 0
    if kind in ("lowpass", "highpass"):
        if pair:
            raise ValueError(
                f"cutoff_hz={cutoff_hz!r} must be one frequency for kind={kind!r}; "
                f"'bandpass' and 'bandstop' take two"
            )
        return (frequency("cutoff_hz", cutoff_hz, fs),)
    if not pair or np.shape(cutoff_hz) != (2,):
        raise ValueError(
            f"cutoff_hz={cutoff_hz!r} must be a pair (low, high) for kind={kind!r}; "
            f"'lowpass' and 'highpass' take one frequency"
        )
    low, high = (frequency("cutoff_hz", value, fs) for value in cutoff_hz)
    if low >= high:
        better = f"; did you mean ({high:g}, {low:g})?" if low > high else ""
        raise ValueError(f"cutoff_hz=({low:g}, {high:g}) must hold the lower edge first{better}")
    return low, high


# --- design -------------------------------------------------------------------------------------


def designed(request: Request) -> Array:
    """Return the sections of a request, or raise with the largest order whose sections keep to it.

    Raises
    ------
    ValueError
        If the sections in double precision would not be what was asked.
    """
    sos, why = tried(request)
    if sos is not None:
        return sos
    best, beyond = limit(request)
    edges = ", ".join(f"{edge:.10g}" for edge in request.edges_hz)
    if best == 0:
        raise ValueError(
            f"cutoff_hz={edges} is too close to 0, to fs / 2 or to its partner for double "
            f"precision at fs={request.fs:g}: sections of order {request.order} {why}; lower fs "
            f"or move it"
        )
    raise ValueError(
        f"order={request.order} must be <= {best} for a {request.kind} at {edges} Hz and "
        f"fs={request.fs:g}: {beyond}. For a steeper slope use a FIR, lti.{request.kind}"
    )


def limit(request: Request) -> tuple[int, str]:
    """Return the largest order below that of a request that works, or 0, and why no larger one."""
    best = largest(lambda n: tried(replace(request, order=n))[0] is not None, request.order)
    if best == MOST_ORDER:
        return best, f"recursive filters of more than {MOST_ORDER} are not made"
    return best, f"sections of order {best + 1} {tried(replace(request, order=best + 1))[1]}"


def largest(works: Callable[[int], bool], beyond: int) -> int:
    """Return an order below `beyond` that works while the next one does not; 0 if 1 does not.

    By bisection, so orders further up that happen to work are not looked for; nor are those above
    MOST_ORDER.
    """
    low, high = 0, min(beyond, MOST_ORDER + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if works(middle) else (low, middle)
    return low


def nearest(works: Callable[[float], bool], bad: float, good: float) -> float:
    """Return a number on the way from `good` to `bad`, near the last that works.

    Both are positive. It is found by bisection in octaves and lies twice as far on the good side,
    for close to the end of double precision it is chance which numbers work.
    """
    ends = bad, good
    while not 0.99 < bad / good < 1.01:
        middle = math.sqrt(bad) * math.sqrt(good)
        bad, good = (bad, middle) if works(middle) else (middle, good)
    return max(good / 2, ends[1]) if ends[0] > ends[1] else min(2 * good, ends[1])


def tried(request: Request) -> tuple[Array | None, str]:
    """Return sections that were measured and found right, or None and what is wrong with them."""
    from scipy.signal import iirfilter, zpk2sos

    if request.order > MOST_ORDER:
        return None, "are not made"
    edges = request.edges_hz
    z: Any
    p: Any
    ftype: Any = "bessel_mag" if request.family == "bessel" else request.family
    try:
        with np.errstate(all="ignore"):
            # k is the product of thousands of numbers for a high order, and over- or underflows
            # long before the roots lose anything: the level is set in `scaled`
            z, p, _ = iirfilter(
                request.order,
                edges if len(edges) > 1 else edges[0],
                rp=request.ripple_db,
                rs=request.attenuation_db,
                btype=request.kind,
                ftype=ftype,
                output="zpk",
                fs=request.fs,
            )
            sos = np.asarray(zpk2sos(z, p, 1.0))
            omega = _grid(request.order)
            wanted = _magnitude(request, omega)
            freqs_hz = _places(request, omega)
            cycles = freqs_hz / request.fs
            sos = scaled(sos, cycles)
            # the first frequency is the middle of the passband: 0 Hz, fs / 2 or the centre
            sos[-1, :3] *= wanted[0] / np.abs(sections.evaluate(sos, cycles[:1]))[0]
            why = departure(sos, freqs_hz, wanted, request.fs)
    except Exception:  # scipy's own word for roots that it did not find
        return None, "cannot be computed"
    return (None, why) if why else (sos, "")


def scaled(sos: Array, cycles: Array) -> Array:
    """Return sections whose partial products all peak near 1 at the frequencies given.

    scipy gives the first section the whole gain, which is 1e-36 for 0.5 Hz of order 8. Steps by
    powers of two change no other digit. (L. Jackson, "On the interaction of roundoff noise and
    dynamic range in digital filters", Bell System Technical Journal 49, 1970: scaling in L-inf.)
    """
    sos = sos.copy()
    above, below = _sizes(sos, cycles)
    so_far = np.zeros(above.shape[1])  # in octaves of magnitude
    for section, size in zip(sos, np.log2(above) - np.log2(below), strict=True):
        so_far += size
        step = -np.round(so_far.max())
        section[:3] *= 2.0**step
        so_far += step
    return sos


def _sizes(sos: Array, cycles: Array) -> tuple[Array, Array]:
    """Return the magnitudes (sections, freqs) of numerators and denominators, at poles as well.

    What is 0 counts as 1e-30, for the sum of infinities of both signs is nothing.
    """
    angle = np.concatenate([2 * np.pi * cycles, np.abs(np.angle(sections.poles(sos)))])
    powers = np.exp(-1j * angle * np.arange(3)[:, None])
    above, below = np.abs(sos[:, :3] @ powers), np.abs(sos[:, 3:] @ powers)
    return np.maximum(above, 1e-30), np.maximum(below, 1e-30)


# --- measurement --------------------------------------------------------------------------------


def departure(sos: Array, freqs_hz: Array, wanted: Array, fs: float) -> str:
    """Return how sections fail to be what is wanted, "" if they do not.

    Parameters
    ----------
    sos : ndarray, shape (sections, 6)
        As they are shipped.
    freqs_hz, wanted : ndarray, shape (freqs,)
        Magnitudes there; what is below -100 dB needs only stay as low.
    fs : float
        Frames a second.
    """
    if not np.isfinite(sos).all():
        return "leave double precision"
    radius = float(np.abs(sections.poles(sos)).max(initial=0.0))
    if not radius < sections.INSIDE:
        return f"have a pole at radius {radius:.12g}, on the unit circle or beyond"
    magnitude = np.abs(sections.evaluate(sos, freqs_hz / fs))
    floor = 10 ** (UNHEARD_DB / 20)
    error_db = 20 * np.abs(np.log10(np.maximum(magnitude, floor) / np.maximum(wanted, floor)))
    worst = int(np.argmax(np.nan_to_num(error_db, nan=np.inf)))
    if not error_db[worst] <= WITHIN_DB:
        got, due = 20 * np.log10(np.array([magnitude[worst], wanted[worst]]))
        return f"give {got:.4g} dB at {freqs_hz[worst]:.6g} Hz instead of {due:.4g} dB"
    noise_db = rounding_db(sos, freqs_hz / fs)
    if not noise_db <= NOISE_DB:
        return f"may add rounding errors of {noise_db:.0f} dB"
    return ""


def rounding_db(sos: Array, cycles: Array) -> float:
    """Return a bound on what rounding inside a cascade adds, relative to a full-scale answer.

    Each section rounds its state, as loud as the loudest sine it can be fed, within eps. The
    error circulates as the state does: through the section's poles, then all sections behind.
    """
    above, below = _sizes(sos, cycles)
    size = np.log2(above) - np.log2(below)  # in octaves
    passed = np.cumsum(size, axis=0)
    behind = np.cumsum(size[::-1], axis=0)[::-1] - size
    level = passed.max(axis=1)  # the loudest sine behind each section
    worst = np.max((behind - np.log2(below)).max(axis=1) + level) - passed[-1].max()
    return float(20 * np.log10(2) * (worst - 52))  # eps is 2**-52


def _grid(order: int) -> Array:
    """Return where a prototype is compared: 0 first, its cutoff 1, and the slope."""
    # beyond an attenuation of 120 dB a slope of 6 dB an octave and order has nothing to show
    far = min(6.0, 20.0 / order)
    slope = 2.0 ** (np.arange(-24, 25) / 24 * far)
    return np.concatenate([[0.0, 1.0], slope, 2.0 ** np.arange(-8.0, 0.0)])


def _magnitude(request: Request, omega: Array) -> Array:
    """Return the response of the analogue lowpass prototype, the definition of what is asked."""
    from scipy import signal

    order, ripple_db, attenuation_db = request.order, request.ripple_db, request.attenuation_db
    families: dict[Family, Any] = {
        "butter": (signal.buttap, order),
        "cheby1": (signal.cheb1ap, order, ripple_db),
        "cheby2": (signal.cheb2ap, order, attenuation_db),
        "ellip": (signal.ellipap, order, ripple_db, attenuation_db),
        "bessel": (signal.besselap, order, "mag"),
    }
    function, *arguments = families[request.family]
    z, p, k = function(*arguments)
    s = 1j * omega
    octaves = np.log2(float(k)) * np.ones(omega.shape)
    for roots, sign in ((z, 1), (p, -1)):
        octaves += sign * np.log2(np.abs(s[:, None] - roots[None])).sum(axis=1)
    magnitude = 2.0**octaves
    magnitude[omega == 1] = 10 ** (-_edge_db(request) / 20)  # whatever scipy makes of it
    return np.asarray(magnitude)


def _edge_db(request: Request) -> float:
    """Return the attenuation that defines the cutoff."""
    if request.family in ("cheby1", "ellip"):
        return request.ripple_db
    return request.attenuation_db if request.family == "cheby2" else 10 * math.log10(2)


def _places(request: Request, omega: Array) -> Array:
    """Return the frequencies in Hz at which the digital filter does what the prototype does.

    The bilinear transform puts ``w = tan(pi f / fs)``; a lowpass of cutoff c has ``omega = w / c``,
    a highpass ``c / w``, a band-pass ``(w^2 - l h) / (w (h - l))``, a band-stop its reciprocal.
    """
    warped = [math.tan(math.pi * edge / request.fs) for edge in request.edges_hz]
    if request.kind in ("highpass", "bandstop"):
        with np.errstate(divide="ignore"):
            omega = 1 / omega
    if len(warped) == 1:
        w = warped[0] * omega
    else:
        low, high = warped
        half = omega * (high - low) / 2
        # every other point is taken on the lower slope, the mirror image of the upper
        upper = half + np.hypot(half, math.sqrt(low * high))
        w = np.where(np.arange(omega.size) % 2 == 0, upper, low * high / upper)
    return np.asarray(np.arctan(w) * (request.fs / math.pi))
