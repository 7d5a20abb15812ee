"""inputs that find faults: kinds, levels and lengths, drawn by a seed"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ltisys._types import Array
from ltisys.levels import amplitude

__all__ = ["KINDS", "LEVELS_DB", "draw", "floats"]

LEVELS_DB = (0.0, -20.0, -60.0, 20.0, -100.0, -40.0, 40.0, -80.0, -120.0)
"""Peaks in dBFS, loud and quiet in turn, so that few trials see most of them."""

Rng = np.random.Generator


def _noise(rng: Rng, frames: int) -> Array:
    return np.asarray(rng.uniform(-1, 1, frames))


def _gaussian(rng: Rng, frames: int) -> Array:
    return rng.standard_normal(frames)


def _impulses(rng: Rng, frames: int) -> Array:
    x = np.zeros(frames)
    x[rng.integers(frames)] = rng.choice((-1.0, 1.0))
    return x


def _sparse(rng: Rng, frames: int) -> Array:
    return np.asarray(rng.standard_normal(frames) * (rng.random(frames) < 0.1))


def _tone(rng: Rng, frames: int) -> Array:
    return np.asarray(np.sin(rng.uniform(0.01, 3.1) * np.arange(frames) + rng.uniform(0, 6.28)))


def _two_tones(rng: Rng, frames: int) -> Array:
    return _tone(rng, frames) + _tone(rng, frames)


def _step(rng: Rng, frames: int) -> Array:
    x = np.zeros(frames)
    x[rng.integers(frames) :] = rng.choice((-1.0, 1.0))
    return x


def _bursts(rng: Rng, frames: int) -> Array:
    """Return noise, low-passed a little, whose level moves by 60 dB like that of speech."""
    x = rng.standard_normal(frames)
    x[1:] += 0.9 * x[:-1]
    knots = rng.uniform(-3, 0, max(2, frames // 64 + 2))
    return np.asarray(
        x * 10 ** np.interp(np.linspace(0, len(knots) - 1, frames), range(len(knots)), knots)
    )


def _signs(rng: Rng, frames: int) -> Array:
    return rng.choice((-1.0, 1.0), frames)


KINDS: dict[str, Callable[[Rng, int], Array]] = {
    "noise": _noise,
    "bursts": _bursts,
    "two tones": _two_tones,
    "sparse": _sparse,
    "step": _step,
    "gaussian": _gaussian,
    "tone": _tone,
    "impulse": _impulses,
    "signs": _signs,
}


def draw(rng: Rng, kind: str, inputs: int, frames: int, level_db: float) -> Array:
    """Return an input ``(inputs, frames)`` of a kind whose peak is at a level.

    Of several channels sometimes one alone sounds, so that crosstalk is asked for by itself.
    """
    make = KINDS[kind]
    x = np.stack([make(rng, frames) for _ in range(inputs)])
    if inputs > 1 and rng.random() < 0.4:
        x[np.arange(inputs) != rng.integers(inputs)] = 0
    peak = np.abs(x).max()
    if peak == 0:
        x[..., 0] = peak = 1.0
    # values that float32 holds exactly: a system in single precision then sees what it is given
    return floats(x * (amplitude(level_db) / peak))


def floats(x: Array) -> Array:
    """Return x rounded to single precision, kept in double."""
    return np.asarray(x.astype(np.complex64 if x.dtype.kind == "c" else np.float32), dtype=x.dtype)
