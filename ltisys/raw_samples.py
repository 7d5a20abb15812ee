"""samples as the bytes of raw PCM: codes of 16, 24 and 32 bits, floats"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ltisys import quantiser
from ltisys._types import Array

__all__ = ["SAMPLES", "Samples"]


@dataclass(frozen=True)
class Samples:
    """How samples are stored, and in which precision they are convolved."""

    name: str
    bytes: int
    bits: int
    """Of the codes; 0 for floats."""
    work: np.dtype[Any]

    @property
    def word(self) -> str:
        """Name the type they have in an array; 24 bits fill the upper ones of 32."""
        return f"<{'i' if self.bits else 'f'}{4 if self.bytes == 3 else self.bytes}"

    def decoded(self, data: memoryview, channels: int) -> Array:
        """Return whole frames as floats (channels, frames)."""
        if self.bytes == 3:
            words = np.zeros((len(data) // 3, 4), dtype=np.uint8)
            words[:, 1:] = np.frombuffer(data, dtype=np.uint8).reshape(-1, 3)
            stored = words.view(self.word)
        else:
            stored = np.frombuffer(data, dtype=self.word)
        x = np.empty((channels, stored.size // channels), dtype=self.work)
        x[...] = stored.reshape(-1, channels).T
        if self.bits:
            x *= x.dtype.type(0.5 ** (8 * stored.dtype.itemsize - 1))
        return x

    def encoded(self, y: Array) -> tuple[Array, int]:
        """Return floats (channels, frames) as bytes, and how many frames were clipped."""
        clipped = 0
        if self.bits:
            y, clipped = quantiser.codes(y, self.bits)
        stored = np.ascontiguousarray(y.T, dtype=self.word).reshape(-1, 1).view(np.uint8)
        return np.ascontiguousarray(stored[:, : self.bytes]).reshape(-1), clipped


SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
SAMPLES = {
    name: Samples(name, size, bits, work)
    for name, size, bits, work in (
        ("f32le", 4, 0, SINGLE),
        ("f64le", 8, 0, DOUBLE),
        ("s16le", 2, 16, SINGLE),
        ("s24le", 3, 24, SINGLE),
        ("s32le", 4, 32, DOUBLE),
    )
}
