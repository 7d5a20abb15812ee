"""polynomials taken at their word: exact values, and the roots of the very coefficients"""

from __future__ import annotations

import functools

import numpy as np

from ltisys._types import Array

__all__ = ["exactly", "roots"]

POLISHED = 40
"""Roots of polynomials up to this order are improved; it takes a tenth of a second."""
TURNS = 200


def _whole(values: tuple[float, ...]) -> tuple[list[int], int]:
    """Return floats as integers over one power of two, exactly, and its exponent."""
    ratios = [value.as_integer_ratio() for value in values]
    exponent = max(below.bit_length() - 1 for _, below in ratios)
    return [above << (exponent - below.bit_length() + 1) for above, below in ratios], exponent


@functools.lru_cache(maxsize=64)
def _coefficients(polynomial: tuple[float, ...]) -> tuple[list[int], int]:
    return _whole(polynomial)


def exactly(polynomial: Array, z: complex, slope: bool = False) -> complex:
    """Return ``sum_k c[k] z^(n - k)`` at z, or its slope, computed exactly and rounded once.

    Near a root its terms cancel, in double precision to nothing.
    """
    whole, exponent = _coefficients(tuple(map(float, polynomial)))
    if slope:
        whole = [c * (len(whole) - 1 - k) for k, c in enumerate(whole[:-1])]
    (re, im), step = _whole((float(z.real), float(z.imag)))
    real, imag, scale = whole[0], 0, 0
    for c in whole[1:]:  # Horner's rule in integers
        real, imag = real * re - imag * im, real * im + imag * re
        scale += step
        real += c << scale
    below = 1 << (scale + exponent)
    return complex(real / below, imag / below)


def roots(polynomial: Array) -> Array:
    """Return the roots of ``sum_k c[k] z^(n - k)``, complex128; conjugates up to rounding.

    Those of the companion matrix are as wrong as its rounding makes them, which where roots lie
    close together is much. Up to order 40 they are improved to the roots of the very coefficients.

    References
    ----------
    O. Aberth, "Iteration methods for finding all zeros of a polynomial simultaneously",
    Mathematics of Computation 27, 1973.
    """
    if polynomial.size < 2:
        return np.zeros(0, dtype=np.complex128)
    found = np.roots(polynomial).astype(np.complex128)
    kept = found[found != 0]  # np.roots knows those at 0 exactly
    short = np.trim_zeros(polynomial, "b")
    if not 2 < short.size <= POLISHED + 1:
        return found
    # Off the axis of symmetry: a pair could not become two real roots, nor two of these a pair.
    apart = np.abs(kept[:, None] - kept) + np.where(np.eye(kept.size), np.inf, 0)
    best = kept + 1e-2 * apart.min(axis=1) * np.exp(1j * np.arange(1, kept.size + 1))
    kicks = [0] * best.size
    for _ in range(TURNS):
        moved = 0.0
        for i, z in enumerate(best):
            value = exactly(short, z)
            others = z - np.delete(best, i)
            near = np.abs(others).min() <= 1e-14 * abs(z)
            if near and kicks[i] < 4:  # two that have come to one root would stay there
                kicks[i] += 1
                best[i], moved = z * (1 + 1e-7 * np.exp(1j * i)), 1.0
                continue
            if value == 0 or not others.all():
                continue
            newton = value / (exactly(short, z, slope=True) or 1e-300)
            step = newton / (1 - newton * np.sum(1 / others))
            best[i] = z - step
            moved = max(moved, abs(step) / max(abs(z), 1e-300))
        if not moved > 1e-15:
            break
    if not np.isfinite(best).all():
        return found
    return np.concatenate([_mirrored(best), found[found == 0]])


def _mirrored(found: Array) -> Array:
    """Return roots as exact conjugates: each averaged with the mirror image that is nearest."""
    left, paired = list(found), []
    while left:
        root = left.pop()
        distances = [abs(root - other.conjugate()) for other in left]
        if not left or 2 * abs(root.imag) <= min(distances):
            paired.append(complex(root.real))
            continue
        other = left.pop(int(np.argmin(distances)))
        mean = (root + other.conjugate()) / 2
        paired += [mean, mean.conjugate()]
    return np.array(paired, dtype=np.complex128)
