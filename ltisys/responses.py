"""impulse responses as arrays of every shape: in series, in parallel, at a frequency"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ltisys._types import Array
from ltisys.convolution import convolve
from ltisys.errors import MismatchError

__all__ = ["evaluate", "parallel", "series"]


def _diagonal(h: Array, size: int) -> Array:
    """Return (taps,) or (channels, taps) as a matrix (size, size, taps) with it on the diagonal."""
    square = np.zeros((size, size, h.shape[-1]), dtype=h.dtype)
    square[np.arange(size), np.arange(size)] = h
    return square


def series(first: Array, second: Array, product: Callable[..., Any] = convolve) -> Array:
    """Return the response of `second` behind `first`: of taps, or with np.multiply of spectra."""
    if first.ndim < 3 and second.ndim < 3:
        _fit(first.shape[:-1], second.shape[:-1])
        return np.asarray(product(first, second))
    if first.ndim == 1 or second.ndim == 1:
        return np.asarray(product(first, second))
    if first.ndim == 2:  # channel i of the first feeds column i of the second
        _fit(first.shape[:1], second.shape[1:2], spread=first.shape[0] == 1)
        return np.asarray(product(first[None], second))
    if second.ndim == 2:
        _fit(first.shape[:1], second.shape[:1])
        return np.asarray(product(first, second[:, None]))
    _fit(first.shape[:1], second.shape[1:2], spread=False)
    # y[o] = sum_m second[o, m] * first[m, i]
    each = product(first[None], second[:, :, None])
    return np.asarray(each.sum(axis=1))


def parallel(first: Array, second: Array) -> Array:
    """Return the sum of two responses, the shorter one padded with zeros."""
    if (first.ndim == 3) != (second.ndim == 3):
        size = (first if first.ndim == 3 else second).shape[0]
        square, other = (first, second) if first.ndim == 3 else (second, first)
        if square.shape[1] != size or (other.ndim == 2 and other.shape[0] not in (1, size)):
            _fit(square.shape[:2], other.shape[:-1], spread=False)
        if first.ndim < 3:
            first = _diagonal(first, size)
        else:
            second = _diagonal(second, size)
    _fit(first.shape[:-1], second.shape[:-1], spread=first.ndim < 3)
    rows = np.broadcast_shapes(first.shape[:-1], second.shape[:-1])
    taps = max(first.shape[-1], second.shape[-1])
    total = np.zeros((*rows, taps), dtype=np.result_type(first, second))
    total[..., : first.shape[-1]] += first
    total[..., : second.shape[-1]] += second
    return total


def _fit(first: tuple[int, ...], second: tuple[int, ...], *, spread: bool = True) -> None:
    """Refuse counts of channels that differ, unless one may `spread` or suits any number."""
    anything = spread and (not first or not second or 1 in (first[0], second[0]))
    if first != second and not anything:
        raise MismatchError(
            f"systems do not fit: the first has channels {first}, the second takes {second}"
        )


def evaluate(h: Array, cycles: Array) -> Array:
    """Return sum_n h[n] exp(-2 pi i cycles n): (..., taps) at (freqs,), by blocks of taps.

    Inside a block a matrix product, between blocks powers of the block's phase.
    """
    block = 256
    blocks = -(-h.shape[-1] // block)
    padded = np.zeros((*h.shape[:-1], blocks * block), dtype=np.complex128)
    padded[..., : h.shape[-1]] = h
    padded = padded.reshape(*h.shape[:-1], blocks, block)
    response = np.empty((*h.shape[:-1], cycles.size), dtype=np.complex128)
    for first in range(0, cycles.size, 1024):
        part = cycles[first : first + 1024]
        inside = np.exp(-2j * np.pi * np.outer(np.arange(block), part))
        between = np.exp(-2j * np.pi * np.outer(np.arange(blocks) * block, part))
        response[..., first : first + 1024] = ((padded @ inside) * between).sum(axis=-2)
    return response
