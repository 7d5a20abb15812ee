"""FIR filters by formula: averages, Gaussian, differentiator, Hilbert, matched filter"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ltisys import _checks, spectra
from ltisys.fir import FIR

__all__ = ["differentiator", "gaussian", "hilbert", "matched_filter", "moving_average"]

MOST_TAPS = 1 << 20
"""No Gaussian is longer: 22 s at 48 kHz."""
GAUSSIAN_END = math.sqrt(2 * math.log(1e10))
"""In sigmas, where a Gaussian has fallen by 200 dB."""
HILBERT_DB = 67.0
"""Of the windows for 64 to 67 dB, tried at 11 to 202 taps, the one whose ripples of 0.1 % end
nearest to 0 Hz."""


def moving_average(taps: int, *, weights: Any = None) -> FIR:
    """Return the mean of the last frames, each with its weight.

    Use it to smooth, or to see a trend. Its stopband is poor (-13 dB beside the first zero): to
    separate frequencies, `lti.lowpass` or `lti.gaussian` do better.

    Parameters
    ----------
    taps : int
        How many frames are averaged.
    weights : array_like, shape (taps,), optional
        Relative to their sum, the newest frame's first; None weights all alike.

    Returns
    -------
    FIR
        float64, for any rate; its taps sum to 1. Symmetric weights delay by (taps - 1) / 2, of
        which `latency` holds the whole frames; for others it is 0.

    Raises
    ------
    ValueError, TypeError
        For taps below one, weights that are not `taps` numbers, or that sum to 0.
    MismatchError
        If a weight is NaN or infinite.

    Notes
    -----
    Without weights ``|H(f)| = |sin(pi taps f) / (taps sin(pi f))|``, f in cycles a frame: zero at
    every whole multiple of ``1 / taps``.

    Examples
    --------
    >>> import ltisys as lti
    >>> lti.moving_average(4)([4.0, 8.0, 8.0, 4.0], tail=False)
    array([1., 3., 5., 6.])
    >>> lti.moving_average(3, weights=[1, 2, 1]).h
    array([0.25, 0.5 , 0.25])
    """
    taps = _checks.integer("taps", taps, least=1)
    if weights is None:
        return FIR(np.full(taps, 1 / taps), latency=(taps - 1) // 2)
    w = _checks.numeric("weights", weights)
    if w.shape != (taps,):
        raise ValueError(f"weights has shape {w.shape} but taps={taps}; it must be ({taps},)")
    _checks.finite("weights", w)
    w = w.astype(np.complex128 if w.dtype.kind == "c" else np.float64)
    # a power of two, which rounds nothing, so that no sum overflows
    w = w * 2.0 ** -np.clip(np.frexp(np.abs(w).max())[1], -1000, 1000)
    total = w.sum()
    # what remains of a sum that cancels is rounding
    if np.abs(total) <= taps * np.finfo(np.float64).eps * np.abs(w).sum():
        raise ValueError(
            "weights must have a sum other than 0: they are taken relative to it; lti.FIR(weights) "
            "takes them as they are"
        )
    symmetric = np.array_equal(w, w[::-1])
    return FIR(w / total, latency=(taps - 1) // 2 if symmetric else 0)


def gaussian(sigma_s: float, *, fs: float) -> FIR:
    """Return a Gaussian of sum 1: smoothing that never overshoots and never rings.

    Use it where the shape in time matters: envelopes, densities, diffusion. Its slope in
    frequency is gentle: -3 dB at ``0.1325 / sigma_s`` Hz, -12 dB at twice that.

    Parameters
    ----------
    sigma_s : float
        Standard deviation in seconds.
    fs : float
        Frames a second.

    Returns
    -------
    FIR
        An odd number of taps, symmetric, float64, with ``latency = (taps - 1) // 2``.

    Raises
    ------
    ValueError, TypeError
        For a sigma that is not positive, or takes more than 1 048 576 taps.

    Notes
    -----
    ``h[n] = exp(-n**2 / (2 s**2))`` over their sum, with ``s = sigma_s fs``, as far as it lies
    above -200 dB of its peak: 6.79 sigmas to each side. Its response is
    ``exp(-2 (pi s f)**2)``, f in cycles a frame, within ``2 exp(-(pi s)**2 / 2)`` + 1e-10: 1.5 %
    for a sigma of one frame, 6e-9 for two. Far below one frame it becomes an impulse.

    Examples
    --------
    >>> import ltisys as lti
    >>> system = lti.gaussian(0.001, fs=48000)
    >>> system.taps, system.latency
    (651, 325)
    """
    fs = _checks.number("fs", fs, above=0, unit=" in Hz")
    sigma_s = _checks.number("sigma_s", sigma_s, above=0, unit=" in seconds")
    most = (MOST_TAPS // 2 - 1) / GAUSSIAN_END / fs
    if sigma_s > most:
        digit = 10.0 ** (math.floor(math.log10(most)) - 3)
        raise ValueError(
            f"sigma_s={sigma_s:g} must be <= {math.floor(most / digit) * digit:g} in seconds at "
            f"fs={fs:g}; it takes {2 * GAUSSIAN_END * sigma_s * fs:,.0f} taps, and at most "
            f"{MOST_TAPS:,} are made"
        )
    half = max(1, math.floor(GAUSSIAN_END * sigma_s * fs))
    with np.errstate(over="ignore"):  # a sigma of next to no frames: exp(-inf) is the impulse
        h = np.exp(-0.5 * (np.arange(-half, half + 1) / (sigma_s * fs)) ** 2)
    return FIR(h / h.sum(), fs=fs, latency=half)


def differentiator(taps: int) -> FIR:
    """Return the derivative, a frame: the central difference of the highest order.

    It is exact for polynomials up to degree ``taps - 1`` and leaves no error at low frequencies,
    where a difference of two frames is often meant. Multiply by fs for the derivative a second.

    Parameters
    ----------
    taps : int
        2 or more. Odd lengths (type III) answer at whole frames and fall to zero at half the
        rate; even ones (type IV) answer half a frame beside them and reach further up.

    Returns
    -------
    FIR
        float64, for any rate, antisymmetric. It delays by (taps - 1) / 2, of which `latency` holds
        the whole frames.

    Raises
    ------
    ValueError, TypeError
        For fewer than two taps.

    Notes
    -----
    The gain falls short of ``w = 2 pi f`` by a share that grows with frequency: less than 0.1 % up
    to ``0.5 - 1.06 / sqrt(taps - 1)`` cycles a frame, or, in these bands:

    ======  ======  ======    ======  ======  ======
    odd     0.1 %   1 %       even    0.1 %   1 %
    ======  ======  ======    ======  ======  ======
    3       0.0123  0.0390    2       0.0246  0.0780
    5       0.0665  0.1197    4       0.1089  0.1967
    11      0.1848  0.2406    10      0.2488  0.3284
    31      0.3089  0.3475    30      0.3653  0.4184
    101     0.3944  0.4167    100     0.4339  0.4660
    ======  ======  ======    ======  ======  ======

    With ``taps = 2 m + 1``, k frames before and after the middle,
    ``c[k] = (-1)**(k + 1) m!**2 / (k (m - k)! (m + k)!)``; with ``taps = 2 m``, at k - 1/2 frames,
    ``c[k] = (-1)**(k - 1) (2 m - 1)!!**2 / (4**(m - 1) (m + k - 1)! (m - k)! (2 k - 1)**2)``. The
    gains are the first m terms of the series of ``arcsin(s) / sqrt(1 - s**2)`` and of
    ``2 arcsin(s)`` in ``s = sin(w / 2)``.

    References
    ----------
    B. Fornberg, "Generation of finite difference formulas on arbitrarily spaced grids", Math.
    Comp. 51, 1988, tables 1 and 2.
    B. Kumar and S. Dutta Roy, "Design of digital differentiators for low frequencies", Proc. IEEE
    76, 1988.

    Examples
    --------
    >>> import ltisys as lti
    >>> lti.differentiator(3).h
    array([ 0.5,  0. , -0.5])
    >>> lti.differentiator(3)([0.0, 1.0, 4.0, 9.0, 16.0])[2:5]
    array([2., 4., 6.])
    """
    taps = _checks.integer("taps", taps, least=2)
    m = taps // 2
    k = np.arange(1.0, m)
    if taps % 2:
        # c[1] = m / (m + 1), then the ratio of c[k + 1] to c[k]
        side = np.cumprod(np.concatenate([[m / (m + 1)], -k / (k + 1) * (m - k) / (m + k + 1)]))
        middle = [0.0]
    else:
        first = float(np.prod((2 * k + 1) ** 2 / (4 * k * (k + 1))))
        ratios = -((2 * k - 1) ** 2) / (2 * k + 1) ** 2 * (m - k) / (m + k)
        side, middle = np.cumprod(np.concatenate([[first], ratios])), []
    side[np.abs(side) < np.finfo(np.float64).tiny] = 0
    return FIR(np.concatenate([side[::-1], middle, -side]), latency=(taps - 1) // 2)


def hilbert(taps: int) -> FIR:
    """Return the Hilbert transformer: it turns every frequency by a quarter of a cycle, cos to sin.

    With the signal, delayed alike, as the real part and its answer as the imaginary one it makes
    the analytic signal: its magnitude is the envelope, its phase the instantaneous phase. Take odd
    taps for that, whose delay is whole frames.

    Parameters
    ----------
    taps : int
        2 or more. Odd lengths (type III) also fall to zero at half the rate; even ones (type IV)
        reach up to it.

    Returns
    -------
    FIR
        float64, for any rate, antisymmetric. It delays by (taps - 1) / 2, of which `latency` holds
        the whole frames.

    Raises
    ------
    ValueError, TypeError
        For fewer than two taps.

    Notes
    -----
    From 18 taps on the gain is within 0.1 % (0.009 dB) of 1 from ``2.4 / (taps - 1)`` cycles a
    frame up to half the rate, for odd taps as far below that: 20 Hz at 48 kHz takes 5761 taps.
    The phase is exact at every frequency. ``h[n] = (1 - cos(pi n)) / (pi n)``, n counted from the
    middle, under Kaiser's window for 67 dB. Shorter ones take a window of fewer dB, and a gain of 1
    at a quarter of the rate: three taps are -0.5, 0 and 0.5. Of lengths 4 k + 1 the first and the
    last tap are zero.

    References
    ----------
    A. Oppenheim and R. Schafer, "Discrete-Time Signal Processing", 2010, section 12.4.

    Examples
    --------
    >>> import ltisys as lti
    >>> system = lti.hilbert(255)
    >>> x = lti.tone(1000, length_s=0.1, fs=8000)
    >>> y = system(x)[system.latency :][: x.size]
    >>> np.round(np.hypot(x, y)[400:404], 3)
    array([1., 1., 1., 1.])
    """
    taps = _checks.integer("taps", taps, least=2)
    n = np.arange(taps) - (taps - 1) / 2
    h = np.zeros(taps)
    odd = np.flatnonzero(n % 2)  # 1 - cos(pi n) is 0 for even n, 2 for odd ones, 1 between frames
    h[odd] = (2.0 if taps % 2 else 1.0) / (np.pi * n[odd])
    # Kaiser's length, solved for the attenuation: half of the jump at 0 Hz takes an eighth of fs
    short_db = 7.95 + 2.285 * np.pi / 2 * (taps - 1)
    over = max(min(HILBERT_DB, short_db) - 21, 0.0)
    beta = 0.1102 * (over + 12.3) if over > 29 else 0.5842 * over**0.4 + 0.07886 * over
    h *= np.kaiser(taps, beta)
    if short_db < HILBERT_DB:
        h /= np.sum(h * np.sin(np.pi / 2 * n))
    return FIR(h, latency=(taps - 1) // 2)


def matched_filter(template: Any) -> FIR:
    """Return the filter that finds a known sound: its answer peaks where the template lies.

    The value there is the factor by which the template occurs, 1 for the template itself. In white
    noise no linear filter finds it better; in coloured noise, whiten both first.

    Parameters
    ----------
    template : array_like, shape (taps,) or (channels, taps)
        The sound; with channels each is looked for in its own.

    Returns
    -------
    FIR
        As many taps as the template, in its precision, with ``latency = taps - 1``: a template
        that begins at frame n peaks at frame n + latency of the answer.

    Raises
    ------
    ValueError, TypeError
        For an empty or a silent template, or more than two axes.
    MismatchError
        If a sample is NaN or infinite.

    Notes
    -----
    ``h[n] = conj(t[taps - 1 - n]) / sum |t|**2``: correlation with the template t over its energy,
    the least-squares estimate of its factor at every place. White noise of RMS s comes out at RMS
    ``s / sqrt(sum |t|**2)``.

    References
    ----------
    G. Turin, "An introduction to matched filters", IRE Trans. Information Theory 6, 1960.

    Examples
    --------
    >>> import ltisys as lti
    >>> system = lti.matched_filter([1.0, 2.0, -2.0])
    >>> y = system([0.0, 0.0, 3.0, 6.0, -6.0, 0.0])
    >>> int(y.argmax()) - system.latency, float(round(y.max(), 12))
    (2, 3.0)
    """
    t = _checks.nonempty("template", _checks.numeric("template", template))
    if t.ndim > 2:
        raise ValueError(
            f"template has {t.ndim} axes: template.shape={t.shape}; it must be (taps,) or "
            f"(channels, taps)"
        )
    _checks.channels_last_guard("template", t)
    _checks.finite("template", t)
    dtype = np.float64 if t.dtype.kind in "biu" else spectra.precision_for(t.dtype)
    wide = t.astype(np.result_type(t.dtype, np.float64))
    peak = np.abs(wide).max(axis=-1, keepdims=True)
    if (peak == 0).any():
        raise ValueError("template must have a sample other than 0 in every channel")
    unit = wide / peak  # so that the energy neither overflows nor vanishes
    energy = np.sum(np.abs(unit) ** 2, axis=-1, keepdims=True)
    with np.errstate(over="ignore"):  # FIR refuses what does not fit its precision
        h = (np.conj(unit[..., ::-1]) / energy / peak).astype(dtype)
    return FIR(h, latency=t.shape[-1] - 1)
