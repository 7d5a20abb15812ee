"""taps that fit a mask of bands: Kaiser's window, equiripple, minimum phase, all measured"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ltisys import levels, responses, spectra
from ltisys._types import Array

__all__ = [
    "MOST_MINIMUM_DB",
    "Task",
    "ample_taps",
    "excess_db",
    "least_slope",
    "linear_phase",
    "minimum_phase",
    "most_taps",
]

MOST_TAPS = 1 << 20
"""No filter is longer: 22 s at 48 kHz."""
MOST_EQUIRIPPLE = 511
"""From here on only Kaiser windows: the exchange takes over 20 ms a trial, and fails more often."""
MOST_TRIALS = 6
"""Of 245 exchanges tried, 210 fitted within so many trials, and 7 more within twelve."""
HALF = 0.03
"""An equiripple gain at the middle of a slope may be so far from one half (0.5 dB)."""

OVERSAMPLING = 16
"""Frequencies for each tap at which the response is measured; eight times more next to a slope."""
BETWEEN = math.cos(math.pi / 2 / OVERSAMPLING)
"""What a ripple between two points of that grid shows of its height at one of them, or more."""

MOST_MINIMUM_DB = 160
"""Below, the logarithm of a stopband holds the rounding of its transform: phases are lost in it."""
MOST_POINTS = 1 << 25
"""No cepstrum is tried at more points: it holds 256 MiB."""
LIFT = 0.5
"""Of the ripple, what is added to the magnitude, at right angles, before its minimum phase."""
REST = 0.01
"""Of the ripple, what may lie behind the last tap of a minimum phase."""
STEP_DB = 0.02
"""By so much at least a filter that misses its mask is asked for more."""


@dataclass(frozen=True)
class Task:
    """What the taps must do, all frequencies in cycles a frame."""

    edges: tuple[float, ...]
    """Middles of the slopes: one for low and high-pass, two for bands."""
    slope: float
    """Width of each slope, centred on its edge."""
    attenuation_db: float
    inverted: bool
    """High-pass and band-stop, the complements of low-pass and band-pass."""

    @property
    def bands(self) -> list[tuple[float, float, float]]:
        """Return (first, last, gain) of each band between the slopes."""
        corners = [0.0]
        for edge in self.edges:
            corners += [edge - self.slope / 2, edge + self.slope / 2]
        corners.append(0.5)
        first = float((len(self.edges) == 1) != self.inverted)
        return [
            (corners[2 * i], corners[2 * i + 1], abs(first - i % 2))
            for i in range(len(self.edges) + 1)
        ]


def excess_db(h: Array, task: Task, attenuation_db: float, *, centre: int) -> float:
    """Return by how many dB the worst ripple of h misses the mask; negative where it fits.

    A response that is symmetric about `centre` is measured with its sign, so that what fits does
    so as a complement too; for one that is not, 0 takes its magnitude.
    """
    nfft = spectra.good_size(max(OVERSAMPLING * h.size, 4096))
    if centre:
        turned = np.zeros(nfft)
        turned[: h.size - centre], turned[-centre:] = h[centre:], h[:centre]
        gain = spectra.forward_real(turned, nfft).real
    else:
        gain = np.abs(spectra.forward_real(h, nfft))
    worst = max(float(gain.max()) - 1, -float(gain.min()))  # on the slopes too
    for first, last, wanted in task.bands:
        inside = gain[math.ceil(first * nfft) : math.floor(last * nfft) + 1]
        worst = max(worst, float(np.abs(inside - wanted).max(initial=0.0)))
    if worst > BETWEEN * levels.amplitude(-attenuation_db):
        return float(levels.db(worst / BETWEEN)) + attenuation_db
    # next to a slope a deep stopband has ripples too sharp for that grid
    fine = np.linspace(0, 2.5 / h.size, 10 * OVERSAMPLING)
    for first, last, wanted in task.bands:
        sides = [first + fine] if first > 0 else []
        near = np.concatenate([*sides, last - fine] if last < 0.5 else sides)
        near = near[(near >= first) & (near <= last)]
        response = responses.evaluate(h, near)
        there = (response * np.exp(2j * np.pi * centre * near)).real if centre else abs(response)
        worst = max(worst, float(np.abs(there - wanted).max(initial=0.0)))
    return float(levels.db(worst / BETWEEN)) + attenuation_db


# --- how long -------------------------------------------------------------------------------------


def _kaiser_reach(attenuation_db: float) -> float:
    """Return (taps - 1) * slope of Kaiser's window, ``(A - 7.95) / (2.285 * 2 pi)``."""
    return (attenuation_db - 7.95) / (2.285 * 2 * math.pi)


def most_taps(attenuation_db: float, *, minimum: bool) -> int:
    """Return how many taps are made at most."""
    return MOST_POINTS // _points(attenuation_db) if minimum else MOST_TAPS


def ample_taps(slope: float, attenuation_db: float) -> float:
    """Return how many taps suffice for a slope, wherever its edges are.

    Kaiser's formula falls short where the ripples of two slopes meet, and of deep stopbands: over
    14 attenuations and some thousand edges by 10 dB at most up to 100 dB, then by up to 19.2 dB at
    200 dB.
    """
    return _kaiser_reach(attenuation_db + max(11, attenuation_db / 9)) / slope + 2


def least_slope(attenuation_db: float, taps: int) -> float:
    """Return the slope, in cycles a frame, for which so many taps suffice."""
    return (ample_taps(1.0, attenuation_db) - 2) / (taps - 2)


# --- linear phase ---------------------------------------------------------------------------------


def linear_phase(task: Task, attenuation_db: float) -> Array:
    """Return the shorter of Kaiser's filter and an equiripple one, both measured.

    High-pass and band-stop are made as their complements, which have the same ripples.
    """
    plain = replace(task, inverted=False)
    kaiser = _kaiser(plain, attenuation_db)
    equiripple = _equiripple(plain, attenuation_db, kaiser.size)
    h = kaiser if equiripple is None else equiripple
    return _complement(h) if task.inverted else h


def _complement(h: Array) -> Array:
    """Return the taps of 1 less the gain of h: high-pass for low-pass, band-stop for band-pass."""
    other = -h
    other[h.size // 2] += 1
    return np.asarray(other)


def _kaiser(task: Task, attenuation_db: float) -> Array:
    """Return sincs under Kaiser's window, lengthened until they fit."""
    margin_db = 0.0
    while True:
        h = _windowed(task, attenuation_db + margin_db)
        excess = excess_db(h, task, attenuation_db, centre=h.size // 2)
        if excess <= 0:
            return h
        margin_db += max(excess, STEP_DB)


def _windowed(task: Task, attenuation_db: float) -> Array:
    """Return the low-pass, or the difference of two, under Kaiser's window.

    References
    ----------
    J. Kaiser, "Nonrecursive digital filter design using the I0-sinh window function", Proc. IEEE
    Symp. Circuits and Systems, 1974, with the formulas for beta and the length.
    """
    half = math.ceil(_kaiser_reach(attenuation_db) / task.slope / 2)
    if attenuation_db > 50:
        beta = 0.1102 * (attenuation_db - 8.7)
    else:
        over = max(attenuation_db - 21, 0.0)
        beta = 0.5842 * over**0.4 + 0.07886 * over
    n = np.arange(1, half + 1)
    side, middle = np.zeros(half), 0.0
    for sign, edge in zip((1, -1), reversed(task.edges), strict=False):
        side += sign * np.sin(2 * np.pi * edge * n) / (np.pi * n)
        middle += sign * 2 * edge
    return np.asarray(np.concatenate([side[::-1], [middle], side]) * np.kaiser(2 * half + 1, beta))


def _equiripple(task: Task, attenuation_db: float, below: int) -> Array | None:
    """Return an equiripple filter of fewer taps than `below` that fits, or None.

    The length is Kaiser's estimate for the exchange, ``(A - 13) / (14.6 slope) + 1``, lengthened
    by what a measurement finds missing. The exchange fails to converge here and there, more often
    for high edges: those are designed as their mirror image about a quarter of the rate.

    References
    ----------
    T. Parks and J. McClellan, "Chebyshev approximation for nonrecursive digital filters with linear
    phase", IEEE Trans. Circuit Theory 19, 1972.
    """
    taps = max(math.ceil((attenuation_db - 13) / (14.6 * task.slope)), 3) | 1
    if taps >= min(below, MOST_EQUIRIPPLE + 1):
        return None
    from scipy.signal import remez

    mirrored = sum(task.edges) > 0.25 * len(task.edges)
    edges = tuple(sorted(0.5 - edge for edge in task.edges)) if mirrored else task.edges
    bands = Task(edges, task.slope, attenuation_db, inverted=False).bands
    corners = [corner for first, last, _ in bands for corner in (first, last)]
    gains = [gain for _, _, gain in bands]
    for _ in range(MOST_TRIALS):
        try:
            h = remez(taps, corners, gains, fs=1.0)
        except ValueError:  # it did not converge
            h = np.array([np.nan])
        excess = 0.0
        if np.isfinite(h).all():
            h = (h + h[::-1]) / 2
            if mirrored:  # about a quarter of the rate, where low-pass becomes high-pass
                h *= 1.0 - 2.0 * ((np.arange(h.size) - h.size // 2) & 1)
                h = h if len(edges) == 2 else _complement(h)
            excess = excess_db(h, task, attenuation_db, centre=h.size // 2)
            middles = np.abs(responses.evaluate(h, np.array(task.edges)))
            if excess <= 0 and np.abs(middles - 0.5).max() <= HALF:
                return np.asarray(h)
        taps += 2 * max(1, round(excess / (14.6 * task.slope) / 2))
        if taps >= min(below, MOST_EQUIRIPPLE + 1):
            break
    return None


# --- minimum phase --------------------------------------------------------------------------------


def _points(attenuation_db: float) -> int:
    """Return at how many points a tap the cepstrum is to be tried first.

    It decays as the zeros lie off the circle: nearer, the steeper the response is at its first one.
    """
    return 1 << math.ceil(math.log2(max(attenuation_db, 45.0) ** 2 / 64))


def minimum_phase(task: Task) -> Array:
    """Return taps of minimum phase whose magnitude fits the mask: that of a linear phase."""
    spare_db = float(levels.db(math.hypot(1, LIFT))) + 0.05
    points = _points(task.attenuation_db)
    while True:
        linear = linear_phase(task, task.attenuation_db + spare_db)
        ripple = levels.amplitude(-task.attenuation_db - spare_db)
        h, rest = _factor(linear, LIFT * ripple, points)
        if rest > REST * ripple:  # seen with equiripple bands of 100 taps at 140 dB
            points *= 2
            continue
        excess = excess_db(h, task, task.attenuation_db, centre=0)
        if excess <= 0:
            return h
        spare_db += max(excess, STEP_DB)


def _factor(h: Array, lift: float, points: int) -> tuple[Array, float]:
    """Return the minimum phase of ``|H|**2 + lift**2``, and the norm of what lies behind its taps.

    The spectral factor of a polynomial has its degree: nothing but the aliasing of the cepstrum
    lies behind the last tap.

    References
    ----------
    A. Oppenheim and R. Schafer, "Discrete-Time Signal Processing", 2010, section 13.5: the
    complex cepstrum of a minimum phase is causal, and its even part that of the magnitude.
    """
    nfft = spectra.good_size(points * h.size)
    power = np.abs(spectra.forward_real(h, nfft))
    power *= power
    power += lift**2
    cepstrum = spectra.inverse_real(0.5 * np.log(power, out=power) + 0j, nfft)
    cepstrum[1 : (nfft + 1) // 2] *= 2  # the negative times are folded onto the positive
    cepstrum[nfft // 2 + 1 :] = 0
    spectrum = spectra.forward_real(cepstrum, nfft)
    whole = spectra.inverse_real(np.exp(spectrum, out=spectrum), nfft)
    return whole[: h.size].copy(), float(np.linalg.norm(whole[h.size :]))
