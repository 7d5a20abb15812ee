"""frequency weightings: A and C after IEC 61672-1, K after ITU-R BS.1770"""

from __future__ import annotations

import math

import numpy as np

from ltisys import _checks, analogue, sections
from ltisys._types import Array
from ltisys.iir import IIR

__all__ = ["a_weighting", "c_weighting", "k_weighting"]

# --- A and C ------------------------------------------------------------------------------------

# IEC 61672-1:2013, annex E: the poles follow from the reference frequency f_r, the -3 dB points
# f_l and f_h of C, and the pole f_a that A adds
F_R, F_L, F_H, F_A = 1000.0, 10**1.5, 10**3.9, 10**2.45
_D = math.sqrt(0.5)
_B = (F_R**2 + F_L**2 * F_H**2 / F_R**2 - _D * (F_L**2 + F_H**2)) / (1 - _D)
_C = F_L**2 * F_H**2
F_1 = math.sqrt((-_B - math.sqrt(_B**2 - 4 * _C)) / 2)  # 20.6 Hz
F_2 = (3 - math.sqrt(5)) / 2 * F_A  # 107.7 Hz
F_3 = (3 + math.sqrt(5)) / 2 * F_A  # 737.9 Hz
F_4 = math.sqrt((-_B + math.sqrt(_B**2 - 4 * _C)) / 2)  # 12194 Hz

MATCHED = 0.9
"""The top of the band below which the digital magnitude is matched, in parts of fs / 2."""
ZEROS = 4
"""As many zeros match the magnitude. Worst departure, 10 Hz to 20 kHz at 44.1 kHz: 0.32 dB with
2, 0.16 dB with 3, 0.09 dB with 4."""
MOST_DB = 0.2
"""A filter that departs by more from its curve is not given out."""


def a_weighting(*, fs: float) -> IIR:
    """Return the A weighting of sound level meters: what is heard at low levels, roughly.

    Parameters
    ----------
    fs : float
        Frames a second, more than 2500.

    Returns
    -------
    IIR
        0 dB at 1 kHz.

    Raises
    ------
    ValueError, TypeError
        For a rate of 2500 Hz or less, or too high for double precision.

    Notes
    -----
    ``|H| = g f4^2 f^4 / ((f^2 + f1^2) sqrt((f^2 + f2^2) (f^2 + f3^2)) (f^2 + f4^2))`` with f1 to
    f4 = 20.6, 107.7, 737.9 and 12194 Hz. The poles are matched (``exp(-2 pi f / fs)``), with the
    zeros at 0 Hz; the magnitude that is then missing is given by four more zeros, exactly at five
    frequencies up to 0.9 of fs / 2; the bilinear transform of the same poles would fall too early,
    at 44.1 kHz by 3.5 dB at 12.5 kHz and 8.2 dB at 16 kHz. From 10 Hz to 20 kHz the departure from
    the formula is at most 0.09 dB at 44.1 kHz, 0.06 dB at 48 kHz and 0.01 dB at 96 kHz, where
    class 1 leaves 0.7 dB and more; at any rate it is at most 0.1 dB below 0.9 of fs / 2. The
    standard asks for no phase.

    References
    ----------
    IEC 61672-1:2013, Sound level meters, part 1, 5.5 and annex E.
    M. Vicanek, "Matched second order digital filters", 2016: the matching, for more zeros here.

    Examples
    --------
    >>> import ltisys as lti
    >>> _, h = lti.a_weighting(fs=48000).frequency_response([100, 1000, 10_000])
    >>> lti.levels.db(abs(h)).round(1) + 0.0
    array([-19.1,   0. ,  -2.5])
    """
    return _matched((F_1, F_1, F_2, F_3), fs)


def c_weighting(*, fs: float) -> IIR:
    """Return the C weighting of sound level meters: flat, but for both ends of hearing.

    Parameters
    ----------
    fs : float
        Frames a second, more than 2500.

    Returns
    -------
    IIR
        0 dB at 1 kHz.

    Raises
    ------
    ValueError, TypeError
        For a rate of 2500 Hz or less, or too high for double precision.

    Notes
    -----
    ``|H| = g f4^2 f^2 / ((f^2 + f1^2) (f^2 + f4^2))``, matched as `a_weighting` is, with the same
    departures.

    References
    ----------
    IEC 61672-1:2013, Sound level meters, part 1, 5.5 and annex E.

    Examples
    --------
    >>> import ltisys as lti
    >>> _, h = lti.c_weighting(fs=48000).frequency_response([31.62, 1000, 10_000])
    >>> lti.levels.db(abs(h)).round(1) + 0.0
    array([-3. ,  0. , -4.4])
    """
    return _matched((F_1, F_1), fs)


def _curve(low: tuple[float, ...], f: Array) -> Array:
    """Return the magnitude of a weighting with such poles beside the two at f4, 1 at 1 kHz."""

    def magnitude(f: Array) -> Array:
        product = 1 / (f**2 + F_4**2)
        for pole in low:
            product = product * f / np.hypot(f, pole)
        return np.asarray(product)

    return np.asarray(magnitude(f) / magnitude(np.array(F_R)))


def _matched(low: tuple[float, ...], fs: float) -> IIR:
    """Return the weighting with zeros at 0 Hz for its low poles, and four that match the rest."""
    fs = _checks.number("fs", fs, above=2500, unit=" in Hz (0 dB at 1 kHz is what defines it)")
    fixed = [
        [1.0, -2.0, 1.0, 1.0, -sum(pair), math.prod(pair)]
        for pair in np.exp(-2 * np.pi / fs * np.reshape(low, (-1, 2)))
    ]
    p = math.exp(-2 * np.pi * F_4 / fs)
    fixed.append([1.0, 0.0, 0.0, 1.0, -2 * p, p * p])
    # |B|^2 is a polynomial of degree ZEROS in cos w. It is found from its values at the
    # Chebyshev points of the band, and B from its roots, the half of them inside the circle.
    k = np.arange(ZEROS + 1)
    w = MATCHED * np.pi * (1 - np.cos(np.pi * (k + 0.5) / (ZEROS + 1))) / 2
    done = np.abs(sections.evaluate(np.array(fixed), w / (2 * np.pi)))
    c = np.linalg.solve(np.cos(np.outer(w, k)), (_curve(low, w * fs / (2 * np.pi)) / done) ** 2)
    z = np.roots(np.concatenate([c[:0:-1] / 2, c[:1], c[1:] / 2]))
    z = z[np.argsort(np.abs(z))][:ZEROS]
    z = z[np.lexsort((z.real, np.abs(z.imag)))]  # conjugates, and two real ones, side by side
    rest = [np.poly(z[:2]).real, np.poly(z[2:]).real]
    fixed[-1][:3] = rest[0]
    sos = np.array([*fixed, [*rest[1], 1.0, 0.0, 0.0]])
    sos[-1, :3] /= np.abs(sections.evaluate(sos, np.array([F_R / fs])))[0]
    f = 1000 * 10 ** np.arange(-2, math.log10(MATCHED * fs / 2000), 0.05)
    error_db = 20 * np.log10(np.abs(sections.evaluate(sos, f / fs)) / _curve(low, f))
    noise_db = analogue.rounding_db(sos, f / fs)
    if not (np.abs(error_db).max() <= MOST_DB and noise_db <= analogue.NOISE_DB):
        raise ValueError(
            f"fs={fs:g} is too high for double precision: the pole at {F_1:.1f} Hz would leave "
            f"an error of {np.abs(error_db).max():.2g} dB and rounding errors of {noise_db:.0f} dB"
        )
    return IIR(analogue.scaled(sos, f / fs), fs=fs)


# --- K ------------------------------------------------------------------------------------------

# ITU-R BS.1770-4, annex 1, tables 1 and 2: the sections at 48 kHz
AT_48_KHZ = (
    (
        1.53512485958697,
        -2.69169618940638,
        1.19839281085285,
        1.0,
        -1.69065929318241,
        0.73248077421585,
    ),
    (1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621),
)
# De Man (2014), of which they are the bilinear transforms: frequency in Hz, Q; high gain of the
# shelf in dB, and the exponent that makes its gain at the frequency
SHELF_HZ, SHELF_Q, SHELF_DB, SHELF_MIDDLE = (
    1681.9744509555319, 0.7071752369554193, 3.99984385397, 0.499666774155,
)  # fmt: skip
PASS_HZ, PASS_Q = 38.13547087613982, 0.5003270373253953


def k_weighting(*, fs: float) -> IIR:
    """Return the K weighting of loudness meters: a shelf for the head, and a high-pass.

    Parameters
    ----------
    fs : float
        Frames a second, more than 3400.

    Returns
    -------
    IIR
        Two sections: at 48 kHz those of the recommendation, digit for digit.

    Raises
    ------
    ValueError, TypeError
        For a rate of 3400 Hz or less.

    Notes
    -----
    With ``K = tan(pi f0 / fs)``, ``d = 1 + K / Q + K^2``: the shelf has ``b = (V + U K / Q + K^2,
    2 (K^2 - V), V - U K / Q + K^2) / d``, ``V = 10^(G / 20)``, ``U = V^0.4997``, and both have
    ``a = (1, 2 (K^2 - 1) / d, (1 - K / Q + K^2) / d)``. At 48 kHz this gives the tables within
    1e-10, and at 44.1 kHz and above the response of 48 kHz within 0.01 dB up to 20 kHz (at 8 kHz
    within 0.3 dB: the shelf is squeezed below fs / 2). The high-pass is (1, -2, 1) at 48 kHz,
    0.04 dB above that of the bilinear transform, and is here so at all rates, for the
    recommendation asks for one response at all of them. Meters that keep (1, -2, 1) read 0.004 dB
    more at 44.1 kHz and 0.02 dB less at 96 kHz.

    References
    ----------
    ITU-R BS.1770-4, Algorithms to measure audio programme loudness and true-peak audio level,
    2015, annex 1, tables 1 and 2.
    B. De Man, "Evaluation of implementations of the EBU R128 loudness measurement", 145th AES
    Convention, 2018.

    Examples
    --------
    >>> import ltisys as lti
    >>> _, h = lti.k_weighting(fs=44100).frequency_response([997])
    >>> lti.levels.db(abs(h)).round(2)
    array([0.69])
    """
    fs = _checks.number("fs", fs, above=3400, unit=" in Hz (the shelf is at 1682 Hz)")
    return IIR(AT_48_KHZ if fs == 48000 else _derived(fs), fs=fs)


def _derived(fs: float) -> Array:
    """Return the two sections at any rate."""
    K = math.tan(math.pi * SHELF_HZ / fs)
    d = 1 + K / SHELF_Q + K * K
    V = 10 ** (SHELF_DB / 20)
    U = V**SHELF_MIDDLE
    shelf = (V + U * K / SHELF_Q + K * K, 2 * (K * K - V), V - U * K / SHELF_Q + K * K)
    shelf_a = (d, 2 * (K * K - 1), 1 - K / SHELF_Q + K * K)

    K = math.tan(math.pi * PASS_HZ / fs)
    K_48 = math.tan(math.pi * PASS_HZ / 48000)
    gain = 1 + K_48 / PASS_Q + K_48 * K_48
    high_pass_a = (1 + K / PASS_Q + K * K, 2 * (K * K - 1), 1 - K / PASS_Q + K * K)
    sos = np.array([[*shelf, *shelf_a], [gain, -2 * gain, gain, *high_pass_a]])
    return np.asarray(sos / sos[:, 3:4])
