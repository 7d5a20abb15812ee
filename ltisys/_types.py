"""Literal aliases used both as hints and for validation"""

from __future__ import annotations

import os
from typing import Any, Literal

from numpy.typing import NDArray

__all__ = [
    "Array",
    "Boundary",
    "Color",
    "Method",
    "Mode",
    "Normalize",
    "Path",
    "PathLike",
]

Array = NDArray[Any]
Path = tuple[int, int, int]
"""(output, input, response): indices of rows; output hears input through response."""
PathLike = str | bytes | os.PathLike[str] | os.PathLike[bytes]

Method = Literal["auto", "direct", "fft", "overlap-add", "overlap-save", "partitioned"]
Mode = Literal["full", "same", "valid"]
Boundary = Literal["zero", "reflect", "nearest", "wrap"]
Color = Literal["white", "pink"]
Normalize = Literal["peak", "rms", "lufs"]
