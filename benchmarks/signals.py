"""The signals and responses that are measured with, and the definition they are checked by."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def noise(
    frames: int, *, channels: int | None = None, dtype: str = "float32", seed: int = 1
) -> Array:
    """White noise of unit variance."""
    rng = np.random.default_rng(seed)
    shape = (frames,) if channels is None else (channels, frames)
    if np.dtype(dtype).kind == "c":
        return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(dtype)
    return rng.standard_normal(shape, dtype=np.dtype(dtype).type)


def decay(
    taps: int, *, channels: int | None = None, dtype: str = "float32", seed: int = 2
) -> Array:
    """Noise that falls by 60 dB over its length, of unit energy in each channel."""
    shape = np.exp(-np.log(1e3) * np.arange(taps) / taps)
    h = noise(taps, channels=channels, dtype=dtype, seed=seed) * shape
    return np.asarray(h / np.linalg.norm(h, axis=-1, keepdims=True)).astype(dtype)


def positions(frames: int, count: int = 256) -> Array:
    """Frames drawn over the whole length, both ends among them."""
    drawn = np.random.default_rng(3).integers(0, frames, count)
    return np.unique(np.concatenate([drawn, [0, frames - 1]]))


def definition(x: Array, h: Array, at: Array) -> Array:
    """The sums sum_k h[k] x[n - k] at frames `at`, term by term in double precision."""
    backward = h[::-1].astype(np.result_type(h, np.float64))
    result = np.empty(at.size, dtype=np.result_type(x, backward))
    for place, n in enumerate(at):
        first, last = max(0, n - h.size + 1), min(n + 1, x.size)
        window = x[first:last]
        begin = first - (n - h.size + 1)
        result[place] = window @ backward[begin : begin + window.size]
    return result


def error(y: Array, want: Array, at: Array) -> float:
    """The worst departure at frames `at`, relative to the largest true value among them."""
    return float(np.max(np.abs(y[at] - want)) / np.max(np.abs(want)))


def fitted_error(y: Array, want: Array) -> tuple[float, float]:
    """The gain that fits y best to `want`, and the worst departure once it is taken out."""
    y = np.asarray(y, dtype=np.float64)
    gain = float(y @ want / (want @ want))
    return gain, float(np.max(np.abs(y / gain - want)) / np.max(np.abs(want)))
