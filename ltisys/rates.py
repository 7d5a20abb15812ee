"""changes of sample rate by a Kaiser-windowed sinc, pre-ringing kept"""

from __future__ import annotations

import functools
from fractions import Fraction
from typing import Any

import numpy as np

from ltisys._types import Array

__all__ = ["resampled"]

ATTENUATION_DB = 150.0
"""Ripple and aliasing of the prototype, below what 24 bits can hold."""
PASSBAND = 0.92
"""The part of the lower Nyquist frequency that passes untouched; the rest is the slope."""
NEGLIGIBLE = 10 ** (-ATTENUATION_DB / 10)
MOST_TERMS = 1 << 15


@functools.lru_cache(maxsize=8)
def _prototype(up: int, down: int) -> Array:
    """Design the low-pass at `up` times the old rate, of odd length.

    The slope runs from PASSBAND to 1 of the lower Nyquist frequency, so nothing aliases.

    References
    ----------
    J. Kaiser, "Nonrecursive digital filter design using the I0-sinh window function", 1974:
    ``beta = 0.1102 (A - 8.7)`` and ``taps = (A - 7.95) / (2.285 width) + 1``.
    """
    widest = max(up, down)
    beta = 0.1102 * (ATTENUATION_DB - 8.7)
    width = np.pi * (1 - PASSBAND) / widest
    half = int(np.ceil((ATTENUATION_DB - 7.95) / (2.285 * width) / 2))
    n = np.arange(-half, half + 1)
    cutoff = (1 + PASSBAND) / 2 / widest
    h = cutoff * np.sinc(cutoff * n) * np.kaiser(n.size, beta)
    return np.asarray(h * (up / h.sum()))


def resampled(h: Array, old: float, new: float) -> tuple[Array, int]:
    """Return (..., taps) at another rate, amplitudes kept, and the frames that precede time 0.

    A band-limited response has ringing before its first frame. Where that holds more than
    -150 dB of the energy it is kept, and its length returned; elsewhere it is cut and 0 returned.

    Raises
    ------
    ValueError
        If the rates have no ratio of integers up to 32768 within 1e-12.
    """
    ratio = Fraction(new / old).limit_denominator(MOST_TERMS)
    if abs(float(ratio) * old / new - 1) > 1e-12 or ratio == 0:
        raise ValueError(
            f"fs={new!r} must be to {old!r} Hz as two integers up to {MOST_TERMS}; "
            f"resample by way of a common rate"
        )
    if ratio == 1:
        return h.copy(), 0
    from scipy.signal import resample_poly

    up, down = ratio.numerator, ratio.denominator
    window: Any = _prototype(up, down)
    reach = -(-(window.size // 2) // up)  # old frames the filter reaches to either side
    lead = -(-reach // down) * down  # a whole number of frames at both rates
    padding = [(0, 0)] * (h.ndim - 1) + [(lead, reach)]
    wide = np.pad(h.astype(np.result_type(h.dtype, np.float64)), padding)
    # resample_poly scales the window by `up` itself
    y = resample_poly(wide, up, down, axis=-1, window=window / up)
    before = lead * up // down
    energy = np.abs(y) ** 2
    if energy[..., :before].sum() <= NEGLIGIBLE * energy.sum():
        return y[..., before:].astype(h.dtype), 0
    return y.astype(h.dtype), before
