"""the smallest systems: gain, and delay by whole frames and by parts of one"""

from __future__ import annotations

import math
import operator

import numpy as np

from ltisys import _checks
from ltisys.fir import FIR

__all__ = ["delay", "gain"]

LOBES = 32
"""Frames on either side of a fractional delay's centre, where there are as many."""
BETA = 10.0
"""Of the Kaiser window: with 32 frames a side the error up to 0.45 fs stays below -92 dB."""
FEW = 8
"""Frames on a side up to which a polynomial through them is nearer than a sinc in a window."""


def gain(g: complex | None = None, *, db: float | None = None) -> FIR:
    """Return a system that multiplies by g, or by a level in decibels.

    Parameters
    ----------
    g : number, optional
        Factor.
    db : float, optional
        The same in decibels; give one of the two.

    Returns
    -------
    FIR
        One tap.

    Raises
    ------
    TypeError
        Unless exactly one is given.

    Examples
    --------
    >>> import ltisys as lti
    >>> lti.gain(db=-20)([1.0, 2.0])
    array([0.1, 0.2])
    """
    if (g is None) == (db is None):
        raise TypeError(f"give either g or db; got g={g!r}, db={db!r}")
    return FIR([g if g is not None else 10 ** (_checks.number("db", db) / 20)])


def delay(frames: float, *, fs: float | None = None) -> FIR:
    """Return a system that delays, by whole frames or by parts of one.

    Parameters
    ----------
    frames : float
        How many, 0 or more.
    fs : float, optional
        Rate of the system, in Hz.

    Returns
    -------
    FIR
        For whole frames, frames + 1 taps, all zero but the last: exact. Else a sinc around
        `frames` in a Kaiser window.

    Raises
    ------
    ValueError, TypeError
        For a negative delay, NaN or an infinity.

    Notes
    -----
    Worst error against the ideal ``exp(-2 pi i f frames / fs)`` from 0 Hz up, in dB; half a frame
    is the worst part of one. From 31.5 frames on it no longer changes. Close to the input there is
    no room for a longer sinc: put a whole delay in front where that does no harm.

    ======= ==== ====== ====== ====== =======
    frames  taps 0.2 fs 0.3 fs 0.4 fs 0.45 fs
    ======= ==== ====== ====== ====== =======
    0.5        2    -14     -7     -3      -1
    2.5        6    -36    -18     -6      -2
    8.5       18    -56    -54    -51     -13
    16.5      34   -102    -98    -92     -21
    32.5      65   -103   -101    -98     -92
    ======= ==== ====== ====== ====== =======

    References
    ----------
    T. Laakso, V. Valimaki, M. Karjalainen and U. Laine, "Splitting the unit delay", IEEE Signal
    Processing Magazine 13, 1996, section "Windowing".

    Examples
    --------
    >>> import ltisys as lti
    >>> lti.delay(2)([1.0, 2.0])
    array([0., 0., 1., 2.])
    >>> lti.delay(40.25, fs=48000).taps
    73
    """
    try:
        frames = operator.index(frames)  # type: ignore[arg-type]
    except TypeError:
        frames = _checks.number("frames", frames, least=0)
    whole = math.floor(frames)
    if whole == frames:
        whole = _checks.integer("frames", whole, least=0)
        h = np.zeros(whole + 1)
        h[whole] = 1.0
        return FIR(h, fs=fs)
    # as many frames before the centre as behind it
    lobes = min(LOBES, whole + 1)
    n = np.arange(whole - lobes + 1, whole + lobes + 1)
    away = n - frames
    h = np.zeros(whole + lobes + 1)
    if lobes <= FEW:  # Lagrange's polynomial: h[n] = prod (frames - m) / (n - m) over m != n
        for k in n:
            others = n[n != k]
            h[k] = np.prod((frames - others) / (k - others))
    else:
        window = np.i0(min(BETA, 0.6 * lobes) * np.sqrt(np.maximum(0, 1 - (away / lobes) ** 2)))
        h[n] = np.sinc(away) * window
        h /= h.sum()
    return FIR(h, fs=fs)
