"""equaliser sections after Bristow-Johnson's cookbook: bells, shelves, notch, all-pass; DC blocker

Letters as in the source: ``A = 10^(gain_db / 40)``, ``w0 = 2 pi f0 / fs``,
``alpha = sin(w0) / (2 Q)``. Each section is the bilinear transform of an analogue H(s), s being
normalised to f0: exact at f0 and 0 Hz, and at fs / 2 what the analogue one is at infinity.

R. Bristow-Johnson, "Audio EQ Cookbook", W3C Working Group Note, 2021 (musicdsp.org, 1994 to 2005).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ltisys import _checks, analogue
from ltisys._types import Array
from ltisys.iir import IIR

__all__ = ["allpass", "dc_blocker", "high_shelf", "low_shelf", "notch", "peaking"]

MOST_DB = 200.0
"""No equaliser goes further up or down: it leaves a third of the 300 dB of double precision."""

Row = tuple[float, float, float]
Cookbook = Callable[[float, float], tuple[Row, Row]]
"""(cos w0, alpha) to b0 b1 b2 and a0 a1 a2."""
Transfer = Callable[[Array, float], Array]
"""(s, Q) to H(s)."""


def peaking(center_hz: float, *, gain_db: float, q: float, fs: float) -> IIR:
    """Return a bell: a gain around one frequency, 0 dB far from it.

    Parameters
    ----------
    center_hz : float
        Middle of the bell, between 0 and fs / 2.
    gain_db : float
        Gain there, -200 to 200.
    q : float
        center_hz over the width of the bell between the points of half the gain in dB; 1.4 is
        about an octave.
    fs : float
        Frames a second.

    Returns
    -------
    IIR
        One section. A gain of -g dB makes the inverse of g dB.

    Raises
    ------
    ValueError, TypeError
        For a frequency outside 0 to fs / 2, a q of 0, or what double precision cannot hold.

    Notes
    -----
    ``H(s) = (s^2 + s A / Q + 1) / (s^2 + s / (A Q) + 1)``. From about fs / 8 upwards the bell is
    narrower than an analogue one on its upper side, where fs / 2 stands for infinity.

    References
    ----------
    R. Bristow-Johnson, "Audio EQ Cookbook", W3C Working Group Note, 2021, peakingEQ.

    Examples
    --------
    >>> import ltisys as lti
    >>> bell = lti.peaking(1000, gain_db=6, q=1.4, fs=48000)
    >>> bool(abs(bell.frequency_response([1000])[1][0]).round(4) == round(10 ** (6 / 20), 4))
    True
    """
    A = _amplitude(gain_db)

    def cookbook(cos: float, alpha: float) -> tuple[Row, Row]:
        b = (1 + alpha * A, -2 * cos, 1 - alpha * A)
        a = (1 + alpha / A, -2 * cos, 1 - alpha / A)
        return b, a

    def transfer(s: Array, q: float) -> Array:
        return np.asarray((s * s + s * (A / q) + 1) / (s * s + s / (A * q) + 1))

    return _section("center_hz", center_hz, q, fs, cookbook, transfer)


def low_shelf(cutoff_hz: float, *, gain_db: float, fs: float, q: float = 2**-0.5) -> IIR:
    """Return a shelf: a gain below a frequency, 0 dB above it.

    Parameters
    ----------
    cutoff_hz : float
        Middle of the slope, where half the gain in dB is reached, between 0 and fs / 2.
    gain_db : float
        Gain at 0 Hz, -200 to 200.
    fs : float
        Frames a second.
    q : float
        Steepness of the slope: the default is the steepest without overshoot.

    Returns
    -------
    IIR
        One section. A gain of -g dB makes the inverse of g dB.

    Raises
    ------
    ValueError, TypeError
        For a frequency outside 0 to fs / 2, a q of 0, or what double precision cannot hold.

    Notes
    -----
    ``H(s) = A (s^2 + s sqrt(A) / Q + A) / (A s^2 + s sqrt(A) / Q + 1)``.

    References
    ----------
    R. Bristow-Johnson, "Audio EQ Cookbook", W3C Working Group Note, 2021, lowShelf.

    Examples
    --------
    >>> import ltisys as lti
    >>> thinner = lti.low_shelf(120, gain_db=-3, fs=48000)
    >>> lti.levels.db(abs(thinner.frequency_response([0, 120])[1])).round(6)
    array([-3. , -1.5])
    """
    A = _amplitude(gain_db)
    root = math.sqrt(A)

    def cookbook(cos: float, alpha: float) -> tuple[Row, Row]:
        b = (
            A * ((A + 1) - (A - 1) * cos + 2 * root * alpha),
            2 * A * ((A - 1) - (A + 1) * cos),
            A * ((A + 1) - (A - 1) * cos - 2 * root * alpha),
        )
        a = (
            (A + 1) + (A - 1) * cos + 2 * root * alpha,
            -2 * ((A - 1) + (A + 1) * cos),
            (A + 1) + (A - 1) * cos - 2 * root * alpha,
        )
        return b, a

    def transfer(s: Array, q: float) -> Array:
        return np.asarray(A * (s * s + s * (root / q) + A) / (A * s * s + s * (root / q) + 1))

    return _section("cutoff_hz", cutoff_hz, q, fs, cookbook, transfer)


def high_shelf(cutoff_hz: float, *, gain_db: float, fs: float, q: float = 2**-0.5) -> IIR:
    """Return a shelf: a gain above a frequency, 0 dB below it.

    Parameters
    ----------
    cutoff_hz : float
        Middle of the slope, where half the gain in dB is reached, between 0 and fs / 2.
    gain_db : float
        Gain at fs / 2, -200 to 200.
    fs : float
        Frames a second.
    q : float
        Steepness of the slope: the default is the steepest without overshoot.

    Returns
    -------
    IIR
        One section. A gain of -g dB makes the inverse of g dB.

    Raises
    ------
    ValueError, TypeError
        For a frequency outside 0 to fs / 2, a q of 0, or what double precision cannot hold.

    Notes
    -----
    ``H(s) = A (A s^2 + s sqrt(A) / Q + 1) / (s^2 + s sqrt(A) / Q + A)``.

    References
    ----------
    R. Bristow-Johnson, "Audio EQ Cookbook", W3C Working Group Note, 2021, highShelf.

    Examples
    --------
    >>> import ltisys as lti
    >>> brighter = lti.high_shelf(8000, gain_db=4, fs=48000)
    >>> lti.levels.db(abs(brighter.frequency_response([8000, 24000])[1])).round(6)
    array([2., 4.])
    """
    A = _amplitude(gain_db)
    root = math.sqrt(A)

    def cookbook(cos: float, alpha: float) -> tuple[Row, Row]:
        b = (
            A * ((A + 1) + (A - 1) * cos + 2 * root * alpha),
            -2 * A * ((A - 1) + (A + 1) * cos),
            A * ((A + 1) + (A - 1) * cos - 2 * root * alpha),
        )
        a = (
            (A + 1) - (A - 1) * cos + 2 * root * alpha,
            2 * ((A - 1) - (A + 1) * cos),
            (A + 1) - (A - 1) * cos - 2 * root * alpha,
        )
        return b, a

    def transfer(s: Array, q: float) -> Array:
        return np.asarray(A * (A * s * s + s * (root / q) + 1) / (s * s + s * (root / q) + A))

    return _section("cutoff_hz", cutoff_hz, q, fs, cookbook, transfer)


def notch(center_hz: float, *, q: float, fs: float) -> IIR:
    """Return a notch: nothing of one frequency, 0 dB far from it.

    Use it against hum; for a band of frequencies take `bandstop`.

    Parameters
    ----------
    center_hz : float
        What is removed, between 0 and fs / 2.
    q : float
        center_hz over the width between the points of -3 dB. A narrow notch rings long: for
        about q / center_hz seconds.
    fs : float
        Frames a second.

    Returns
    -------
    IIR
        One section.

    Raises
    ------
    ValueError, TypeError
        For a frequency outside 0 to fs / 2, a q of 0, or what double precision cannot hold.

    Notes
    -----
    ``H(s) = (s^2 + 1) / (s^2 + s / Q + 1)``.

    References
    ----------
    R. Bristow-Johnson, "Audio EQ Cookbook", W3C Working Group Note, 2021, notch.

    Examples
    --------
    >>> import ltisys as lti
    >>> hum = lti.notch(50, q=30, fs=48000)
    >>> bool(abs(hum.frequency_response([50])[1][0]) < 1e-6)
    True
    """

    def cookbook(cos: float, alpha: float) -> tuple[Row, Row]:
        return (1, -2 * cos, 1), (1 + alpha, -2 * cos, 1 - alpha)

    def transfer(s: Array, q: float) -> Array:
        return np.asarray((s * s + 1) / (s * s + s / q + 1))

    return _section("center_hz", center_hz, q, fs, cookbook, transfer)


def allpass(center_hz: float, *, q: float, fs: float) -> IIR:
    """Return an all-pass: 0 dB everywhere, its phase turning by 360 degrees around a frequency.

    Parameters
    ----------
    center_hz : float
        Where the phase is -180 degrees, between 0 and fs / 2.
    q : float
        How fast the phase turns there; the delay at center_hz is about 2 q / (pi center_hz)
        seconds.
    fs : float
        Frames a second.

    Returns
    -------
    IIR
        One section.

    Raises
    ------
    ValueError, TypeError
        For a frequency outside 0 to fs / 2, a q of 0, or what double precision cannot hold.

    Notes
    -----
    ``H(s) = (s^2 - s / Q + 1) / (s^2 + s / Q + 1)``. The numerator holds the coefficients of the
    denominator in reverse, digit for digit.

    References
    ----------
    R. Bristow-Johnson, "Audio EQ Cookbook", W3C Working Group Note, 2021, APF.

    Examples
    --------
    >>> import ltisys as lti
    >>> turn = lti.allpass(1000, q=1, fs=48000)
    >>> turn.frequency_response([1000])[1].real.round(9)
    array([-1.])
    """

    def cookbook(cos: float, alpha: float) -> tuple[Row, Row]:
        # divided by a0 here, so that rounding cannot tell b from a
        a = (1.0, -2 * cos / (1 + alpha), (1 - alpha) / (1 + alpha))
        return (a[2], a[1], a[0]), a

    def transfer(s: Array, q: float) -> Array:
        return np.asarray((s * s - s / q + 1) / (s * s + s / q + 1))

    return _section("center_hz", center_hz, q, fs, cookbook, transfer)


def dc_blocker(*, fs: float, cutoff_hz: float = 5.0) -> IIR:
    """Return a filter that removes a constant offset and passes all that is heard.

    Parameters
    ----------
    fs : float
        Frames a second.
    cutoff_hz : float
        Where the level is -3.01 dB, between 0 and fs / 2. From 5 Hz, 20 Hz loses 0.26 dB and an
        offset sinks by 60 dB in 0.22 s, ``1.1 / cutoff_hz``.

    Returns
    -------
    IIR
        One section, of first order.

    Raises
    ------
    ValueError, TypeError
        For a cutoff outside 0 to fs / 2, or lower than double precision can hold.

    Notes
    -----
    ``y[n] = g (x[n] - x[n - 1]) + R y[n - 1]`` with ``R = (1 - t) / (1 + t)``,
    ``g = 1 / (1 + t)``, ``t = tan(pi cutoff_hz / fs)``: the bilinear transform of s / (s + 1),
    exactly 0 at 0 Hz and 1 at fs / 2.

    References
    ----------
    J. O. Smith, Introduction to Digital Filters with Audio Applications, 2007, "DC Blocker".

    Examples
    --------
    >>> import ltisys as lti
    >>> offset = lti.dc_blocker(fs=48000)(lti.step(48000), tail=False)
    >>> bool(abs(offset[-1]) < 1e-12)
    True
    """
    fs = _checks.number("fs", fs, above=0, unit=" in Hz")
    cutoff_hz = analogue.frequency("cutoff_hz", cutoff_hz, fs)
    t = math.tan(math.pi * cutoff_hz / fs)
    g, R = 1 / (1 + t), (1 - t) / (1 + t)
    sos = np.array([[g, -g, 0.0, 1.0, -R, 0.0]])
    omega = 2.0 ** np.arange(-6.0, 7.0)
    why = analogue.departure(sos, np.arctan(omega * t) * fs / np.pi, omega / np.hypot(1, omega), fs)
    if why:
        raise ValueError(
            f"cutoff_hz={cutoff_hz:g} is too close to 0 or fs / 2 for double precision at "
            f"fs={fs:g}: sections {why}"
        )
    return IIR(sos, fs=fs)


# --- the common part ----------------------------------------------------------------------------


def _amplitude(gain_db: float) -> float:
    """Return the cookbook's A: half the gain in dB."""
    gain_db = _checks.number("gain_db", gain_db, least=-MOST_DB, most=MOST_DB, unit=" in dB")
    return float(10 ** (gain_db / 40))


def _section(
    name: str, given: float, q: float, fs: float, cookbook: Cookbook, transfer: Transfer
) -> IIR:
    """Return a section that was measured against its H(s), or raise with what would be possible."""
    fs = _checks.number("fs", fs, above=0, unit=" in Hz")
    f0 = analogue.frequency(name, given, fs)
    q = _checks.number("q", q, above=0)

    def tried(f0: float, q: float) -> tuple[Array, str]:
        w0 = 2 * math.pi * f0 / fs
        with np.errstate(all="ignore"):
            b, a = cookbook(math.cos(w0), math.sin(w0) / (2 * q))
            sos = np.array([[*b, *a]]) / a[0]
            # around f0, in steps of the width that q gives it, and far from it
            near = 2.0 ** np.arange(-4.0, 5.0) / q
            above = np.concatenate([np.hypot(1, near / 2) + near / 2, 2.0 ** np.arange(9.0)])
            omega = np.concatenate([above, 1 / above])
            freqs_hz = np.arctan(omega * math.tan(w0 / 2)) * (fs / math.pi)
            wanted = np.abs(transfer(1j * omega, q))
            return sos, analogue.departure(sos, freqs_hz, wanted, fs)

    sos, why = tried(f0, q)
    if not why:
        return IIR(sos, fs=fs)
    if not tried(f0, 1.0)[1]:
        bound = analogue.nearest(lambda q: not tried(f0, q)[1], q, 1.0)
        end = f"{'<=' if q > 1 else '>='} {bound:.2g} at {f0:g} Hz and fs={fs:g}"
        raise ValueError(f"q={q:g} must be {end}: sections {why}")
    # d hertz from the end of the axis that it is too close to
    low = f0 < fs / 4
    q = q if not tried(fs / 4, q)[1] else 1.0
    room = analogue.nearest(
        lambda d: not tried(d if low else fs / 2 - d, q)[1], f0 if low else fs / 2 - f0, fs / 4
    )
    end = f">= {room:.2g}" if low else f"<= {fs / 2:g} - {room:.2g}"
    raise ValueError(
        f"{name}={given!r} must be {end} in Hz at fs={fs:g} and q={q:g}: sections {why}"
    )
