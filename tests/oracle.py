"""Convolution by definition, and how far each method may be from it"""

import math
from fractions import Fraction
from typing import Any

import numpy as np

from ltisys.planner import Plan

# --- the definition -----------------------------------------------------------------------------


def exact(x: Any, h: Any) -> list[Any]:
    """Return sum_k h[k] x[n - k] of Python's integers or fractions: no rounding at all."""
    y = [0 * x[0] * h[0]] * (len(x) + len(h) - 1)
    for i, a in enumerate(x):
        for k, b in enumerate(h):
            y[i + k] += a * b
    return y


def fractions(row: np.ndarray) -> list[Fraction]:
    return [Fraction(float(v)) for v in row]


def convolve(x: np.ndarray, h: np.ndarray) -> np.ndarray:
    """Return it for floats, each product rounded to double and their sum rounded once."""
    if "c" in (x.dtype.kind, h.dtype.kind):
        x, h = x.astype(complex), h.astype(complex)
        real = _sums([(x.real, h.real), (-x.imag, h.imag)])
        return real + 1j * _sums([(x.real, h.imag), (x.imag, h.real)])
    return _sums([(x.astype(float), h.astype(float))])


def _sums(pairs: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    frames, taps = len(pairs[0][0]), len(pairs[0][1])
    terms: list[list[float]] = [[] for _ in range(frames + taps - 1)]
    for x, h in pairs:
        for i, row in enumerate((x[:, None] * h).tolist()):
            for k, product in enumerate(row):
                terms[i + k].append(product)
    return np.array([math.fsum(products) for products in terms])


def unreachable(x: np.ndarray, h: np.ndarray) -> np.ndarray:
    """Return which outputs no non-zero sample reaches."""
    return np.convolve(x != 0, (h != 0).astype(np.int64)) == 0


# --- the bounds ---------------------------------------------------------------------------------
#
# u is the unit roundoff, L = log2(nfft). Higham, "Accuracy and Stability of Numerical
# Algorithms", 2nd ed., theorem 24.2: a transform of radix 2 errs by at most eta L relative to
# its norm, eta = mu + gamma_4 (sqrt(2) + mu), mu = u the error of the twiddles: 6.66 u a bit.
# His proof adds, pass by pass, the roundings of one pass; the same for the passes of pocketfft,
# with a complex product good to sqrt(5) u (Brent, Percival, Zimmermann 2007): a pass of radix p
# multiplies by a twiddle (sqrt(5) + 1), by a constant (sqrt(5) + 1, none for 2 and 4) and adds up
# p terms, (p + 2 sqrt(5) + 1) u for log2(p) bits: 4.24 u a bit for 2, 2.62 for 4, 5.35 for 3
# (the most), 4.51 for 5, 4.45 for 7, 4.76 for 11. So eta <= 5.35 u.
#
# y = F^-1 (X H). What an error e in the spectrum of x does to one output is, by Cauchy and
# Schwarz, at most ||e|| ||h||: eta L ||x|| ||h||. The same for h. The product errs by sqrt(5) u,
# the factor 1 / nfft by 2 u, each relative to sum_k |X_k H_k| / nfft <= ||x|| ||h||. The inverse:
# in each pass every output depends on every input through one path of weight 1, so its errors are
# at most eta L sum_k |X_k H_k| / nfft, the same once more (not ||y||, which may be sqrt(nfft)
# times larger). In all (3 * 5.35 L + 4.24) u = (16.1 L + 4.24) u <= 20 u L from L = 2 on; for
# nfft = 2 the one pass costs 3 * 4.24 + 4.24 = 17 < 20; for nfft = 1 only the product is left, so
# L is taken as 1. Transforms in two passes add a twist each, sqrt(5) u and an error of the twiddle
# of at most (its angle < 2 pi, rounded 4 times) 25 u: 3 * 27.3 = 82 u, and 16.1 L + 86 <= 20 L
# from L = 22 on; below, their sides hold a factor 4 each at 2.62 u a bit, which takes
# 3 * 4 * (5.35 - 2.62) = 33 off: 16.1 L + 53 <= 20 L from L = 13.6 on, and they begin at 18.6.
# A sum over the inputs of a matrix adds u for each input but the first, which the room left
# (from L = 4 on more than 11 u) holds up to 12 inputs.
TRANSFORM = 20.0


def roundoff(dtype: Any) -> float:
    return float(np.finfo(dtype).eps) / 2


def of_direct(x: np.ndarray, h: np.ndarray, dtype: Any) -> np.ndarray:
    """Bound a sum of m = min(frames, taps) products in any order.

    Higham, section 3.1: gamma_m = m u / (1 - m u) of the sum of the magnitudes, for complex
    numbers gamma_(m - 1) and sqrt(5) u more: at most 2 (m + 1) u while m u < 1/2. A product that
    underflows errs by half the smallest subnormal, in each of the four of a complex one.
    """
    m = min(len(x), len(h))
    size = np.convolve(np.abs(x).astype(float), np.abs(h).astype(float))
    return 2 * (m + 1) * roundoff(dtype) * size + 2 * m * least(dtype)


def least(dtype: Any) -> float:
    return float(np.finfo(dtype).smallest_subnormal)


def of_transforms(x: np.ndarray, h: np.ndarray, plan: Plan, start: int, length: int) -> np.ndarray:
    """Bound outputs start .. start + length: 20 u log2(nfft) ||x_block|| ||h||, by the block.

    A product that underflows errs by up to s, the smallest subnormal, for a complex one 2 s.
    Through L passes of nfft points and the two factors that follow, as above:
    ``2 L nfft s (nfft ||x||_1 + ||h||_1 + 2)``.
    """
    bits = max(1.0, math.log2(plan.nfft))
    wide_x, wide_h = np.abs(x).astype(float), np.abs(h).astype(float)
    norms = _block_norms(wide_x, plan, start, length)
    tiny = 2 * bits * plan.nfft * least(plan.dtype)
    underflow = tiny * (plan.nfft * wide_x.sum() + wide_h.sum() + 2)
    return TRANSFORM * roundoff(plan.dtype) * bits * norms * np.linalg.norm(wide_h) + underflow


def _block_norms(x: np.ndarray, plan: Plan, start: int, length: int) -> np.ndarray:
    """Return, for each output, the norm of the signal in the transforms it comes from.

    Two neighbouring real blocks are one transform, each of overlap-save with the taps - 1 frames
    before it; an output of overlap-add is the sum of up to two transforms.
    """
    if plan.method == "fft":
        return np.full(length, np.linalg.norm(x))
    each = plan.block_size * (1 if plan.dtype.startswith("complex") else 2)
    tail = plan.taps - 1
    outputs = np.arange(length)
    if plan.method == "overlap-save":
        first, hop = start + outputs // each * each, plan.block_size
        lanes = [_norms(x, first + at - tail, first + at + hop) for at in range(0, each, hop)]
        return np.sqrt(np.square(lanes).sum(axis=0))
    row = (start + outputs) // each
    own = _norms(x, row * each, (row + 1) * each)
    reached = (start + outputs) % each < tail
    return own + np.where(reached, _norms(x, (row - 1) * each, row * each), 0.0)


def _norms(x: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    pairs = dict.fromkeys(zip(first.tolist(), last.tolist(), strict=True))
    for a, b in pairs:
        pairs[a, b] = float(np.linalg.norm(np.abs(x[max(0, a) : max(0, b)]).astype(float)))
    return np.array([pairs[pair] for pair in zip(first.tolist(), last.tolist(), strict=True)])


def of_partitions(x: np.ndarray, h: np.ndarray, plan: Plan, start: int, length: int) -> np.ndarray:
    """Bound outputs start .. start + length: for every partition a bound as `of_transforms` has.

    Partition p of size S from tap o on answers output n from the two blocks of S frames that hold
    frame n - o and the ones before: none outside [n - o - 2 S, n - o + S]. Adding the spectra of P
    partitions, and then the answers of the sizes, adds at most 2 P u of their norms. The head is a
    sum as in `of_direct`. Samples, taps and products below ``tiny * 2**24`` count as zero. Complex
    signals and responses are up to four real ones.
    """
    u, times = roundoff(plan.dtype), 4 if plan.dtype.startswith("complex") else 1
    pieces = sum(count for _, count in plan.partitions)
    n = np.arange(start, start + length)
    limit = of_direct(x, h, plan.dtype)[start : start + length]
    offset = 0
    for place, (size, count) in enumerate(plan.partitions):
        for p in range(offset, offset + size * count, size):
            if place == 0 and plan.head == "direct":
                break
            block = n // size * size - p
            norms = _norms(x, block - 2 * size, block + 2 * size)
            gain = np.linalg.norm(np.abs(h[p : p + size]).astype(float))
            bits = math.log2(max(2, 4 * size))
            limit = limit + (TRANSFORM * bits + 2 * pieces) * u * norms * gain
        offset += size * count
    flushed = float(np.finfo(plan.dtype).tiny) * 2.0**24
    total = np.abs(x).astype(float).sum() + np.abs(h).astype(float).sum()
    return times * (limit + flushed * (total + pieces))


def bound(x: np.ndarray, h: np.ndarray, plan: Plan, start: int, length: int) -> np.ndarray:
    """Bound how far outputs may be from `convolve`, whose own error is the last term."""
    size = np.convolve(np.abs(x).astype(float), np.abs(h).astype(float))[start : start + length]
    mine = 4 * roundoff(np.float64) * size  # products, once each, and the sum; twice if complex
    if plan.method == "direct":
        return of_direct(x, h, plan.dtype)[start : start + length] + mine
    if plan.method == "partitioned":
        return of_partitions(x, h, plan, start, length) + mine
    return of_transforms(x, h, plan, start, length) + mine
