"""argument checks: the only place that words an argument error"""

from __future__ import annotations

import math
import operator
from typing import Any, TypeVar, get_args

import numpy as np

from ltisys._types import Array
from ltisys.errors import MismatchError

__all__ = [
    "MOST_CHANNELS",
    "channels_last_guard",
    "choice",
    "finite",
    "float_dtype",
    "integer",
    "nonempty",
    "number",
    "numeric",
    "place",
    "same_rate",
    "stream_block",
]

T = TypeVar("T")

MOST_CHANNELS = 64
"""More rows than this in a 2-D signal are taken for frames by mistake, not for channels."""


def integer(name: str, value: object, *, least: int | None = None) -> int:
    """Return `value` as an int, or raise naming the bound; bools and floats are refused."""
    wanted = "an integer" if least is None else f"an integer >= {least}"
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        result = operator.index(value)  # type: ignore[arg-type]  # the TypeError is the check
    except TypeError:
        raise TypeError(f"{name}={value!r} must be {wanted}") from None
    if least is not None and result < least:
        raise ValueError(f"{name}={result} must be {wanted}")
    return result


def number(
    name: str,
    value: object,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    unit: str = "",
) -> float:
    """Return `value` as a finite float inside the stated bounds, or raise naming them."""
    bounds = []
    if least is not None:
        bounds.append(f">= {least:g}")
    if above is not None:
        bounds.append(f"> {above:g}")
    if most is not None:
        bounds.append(f"<= {most:g}")
    wanted = "a finite number" + (" " + " and ".join(bounds) if bounds else "") + unit
    try:
        result = float(value)  # type: ignore[arg-type]  # the TypeError is the check
    except (TypeError, ValueError):
        raise TypeError(f"{name}={value!r} must be {wanted}") from None
    if (
        not math.isfinite(result)
        or (least is not None and result < least)
        or (above is not None and result <= above)
        or (most is not None and result > most)
    ):
        raise ValueError(f"{name}={value!r} must be {wanted}")
    return result


def choice(name: str, value: T, literal: Any) -> T:
    """Return `value` if the Literal alias holds it, or raise with every choice."""
    allowed = get_args(literal)
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name}={value!r} must be one of {', '.join(map(repr, allowed))}")
    return value


def numeric(name: str, value: object) -> Array:
    """Return `value` as a native-endian numeric array with at least one axis."""
    array = np.asarray(value)
    if array.dtype.kind not in "biufc":
        raise TypeError(f"{name} must hold numbers; got dtype {array.dtype}")
    if array.ndim == 0:
        raise ValueError(f"{name}={value!r} must have at least one axis: (..., frames)")
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return array


def nonempty(name: str, array: Array) -> Array:
    """Raise unless every axis of `array` holds something."""
    if array.size == 0:
        raise ValueError(f"{name} is empty: {name}.shape={array.shape}; give at least one frame")
    return array


def channels_last_guard(name: str, array: Array) -> Array:
    """Refuse a 2-D signal of more than 64 channels: it is (frames, channels) by mistake."""
    if array.ndim == 2 and array.shape[0] > MOST_CHANNELS:
        raise ValueError(
            f"{name} has {array.shape[0]} channels: {name}.shape={array.shape}; signals are "
            f"(channels, frames) with at most {MOST_CHANNELS} channels; did you mean {name}.T?"
        )
    return array


def finite(name: str, array: Array) -> Array:
    """Raise if any sample is NaN or infinite, with how many and where the first one is."""
    bad = ~np.isfinite(array)
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        where = first[0] if len(first) == 1 else first
        raise MismatchError(
            f"{name} holds {int(bad.sum())} samples that are NaN or infinite, the first at "
            f"{where}; mend or cut them first"
        )
    return array


def same_rate(
    a: float | None, b: float | None, *, names: tuple[str, str] = ("signal", "response")
) -> float | None:
    """Return the rate two things share; None adapts, two different ones raise."""
    if a is None or b is None or a == b:
        return b if a is None else a
    raise MismatchError(
        f"fs differs: {names[0]} {a:g} Hz, {names[1]} {b:g} Hz; resample one first, "
        f"e.g. {names[1]}.resample({a:g})"
    )


def float_dtype(name: str, value: object) -> np.dtype[Any]:
    """Return float32 or float64 as a dtype, or raise."""
    for dtype in (np.dtype(np.float32), np.dtype(np.float64)):
        if value is not None and (value is dtype.type or str(value) == dtype.name):
            return dtype
    raise ValueError(f"{name}={value!r} must be one of 'float32', 'float64'")


def stream_block(name: str, value: object, dtype: np.dtype[Any]) -> Array:
    """Return a block as an array of a stream's dtype; only floats, and empty lists, are taken."""
    array = numeric(name, value)
    if array.dtype.kind != "f" and array.size:
        advice = "take its real part" if array.dtype.kind == "c" else "scale it to floats first"
        raise TypeError(f"{name} has dtype {array.dtype} but the stream takes {dtype}; {advice}")
    with np.errstate(over="ignore", invalid="ignore"):  # infinities are the stream's business
        return array.astype(dtype)


def place(name: str, array: object, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Raise unless `array` can be written an answer of this shape and dtype."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} must be an array; got {type(array).__name__}")
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(
            f"{name} must be an array of shape {shape} and dtype {dtype}; got {array.shape} and "
            f"{array.dtype}"
        )
    if not array.flags.writeable:
        raise ValueError(f"{name} must be writeable; got a read-only array")
