"""test signals: impulse, step, tones, noise, sweeps, maximum-length sequences"""

from __future__ import annotations

import numpy as np

from ltisys import _checks, spectra
from ltisys._types import Array, Color

__all__ = ["impulse", "mls", "noise", "step", "sweep", "tone"]


def impulse(frames: int, *, at: int = 0) -> Array:
    """Return one frame of 1.0 at `at` among zeros: what an impulse response is the answer to.

    Parameters
    ----------
    frames : int
        Length.
    at : int
        Where, ``0 <= at < frames``.

    Returns
    -------
    ndarray, shape (frames,), float64

    Raises
    ------
    ValueError, TypeError
        For `frames` below one or `at` outside.

    Examples
    --------
    >>> import ltisys as lti
    >>> lti.impulse(4, at=1)
    array([0., 1., 0., 0.])
    """
    frames = _checks.integer("frames", frames, least=1)
    at = _checks.integer("at", at, least=0)
    if at >= frames:
        raise ValueError(f"at={at} must be an integer < frames; got frames={frames}")
    x = np.zeros(frames)
    x[at] = 1.0
    return x


def step(frames: int, *, at: int = 0) -> Array:
    """Return zeros up to `at` and ones from there on.

    Parameters
    ----------
    frames : int
        Length.
    at : int
        First frame of 1.0, ``0 <= at < frames``.

    Returns
    -------
    ndarray, shape (frames,), float64

    Raises
    ------
    ValueError, TypeError
        For `frames` below one or `at` outside.

    Examples
    --------
    >>> import ltisys as lti
    >>> lti.step(4, at=2)
    array([0., 0., 1., 1.])
    """
    return np.asarray(np.cumsum(impulse(frames, at=at)))


def tone(freq_hz: float, *, length_s: float, fs: float) -> Array:
    """Return a sine of amplitude 1 that starts at phase 0.

    Parameters
    ----------
    freq_hz : float
        Frequency, ``0 <= freq_hz <= fs / 2``.
    length_s, fs : float
        Seconds; frames a second.

    Returns
    -------
    ndarray, shape (round(length_s * fs),), float64

    Raises
    ------
    ValueError, TypeError
        For a frequency above fs / 2, a length of no frame.

    Examples
    --------
    >>> import ltisys as lti
    >>> lti.tone(1000, length_s=0.5, fs=48000).shape
    (24000,)
    """
    frames, fs = _length(length_s, fs)
    freq_hz = _checks.number("freq_hz", freq_hz, least=0, most=fs / 2, unit=" (fs / 2) in Hz")
    return np.asarray(np.sin(2 * np.pi * freq_hz / fs * np.arange(frames)))


def noise(
    frames: int, *, channels: int | None = None, color: Color = "white", seed: int = 0
) -> Array:
    """Return Gaussian noise of RMS 1, each channel of its own.

    Parameters
    ----------
    frames : int
        Length.
    channels : int, optional
        Rows; None gives one dimension.
    color : {"white", "pink"}
        Equal power a hertz, or an octave (``1 / f``, from one cycle in `frames` up).
    seed : int
        The same seed gives the same noise.

    Returns
    -------
    ndarray, shape (frames,) or (channels, frames), float64

    Raises
    ------
    ValueError, TypeError
        For counts below one, an unknown color.

    Examples
    --------
    >>> import ltisys as lti
    >>> lti.noise(1000, channels=2, color="pink").shape
    (2, 1000)
    """
    frames = _checks.integer("frames", frames, least=1)
    rows = 1 if channels is None else _checks.integer("channels", channels, least=1)
    _checks.choice("color", color, Color)
    x = np.random.default_rng(_checks.integer("seed", seed, least=0)).standard_normal(
        (rows, frames)
    )
    if color == "pink" and frames > 1:
        spectrum = spectra.forward_real(x, frames)
        spectrum[:, 0] = 0  # 1 / f has no value at 0 Hz
        spectrum[:, 1:] /= np.sqrt(np.arange(1, spectrum.shape[1]))
        x = spectra.inverse_real(spectrum, frames)
        x /= np.sqrt(np.mean(x**2, axis=-1, keepdims=True))
    return x[0] if channels is None else x


def sweep(start_hz: float, stop_hz: float, *, length_s: float, fs: float) -> Array:
    """Return an exponential sine sweep of amplitude 1: equal time for every octave.

    Parameters
    ----------
    start_hz, stop_hz : float
        First and last frequency, ``0 < start_hz < stop_hz <= fs / 2``.
    length_s, fs : float
        Seconds; frames a second.

    Returns
    -------
    ndarray, shape (round(length_s * fs),), float64

    Raises
    ------
    ValueError, TypeError
        For frequencies out of order or above fs / 2.

    Notes
    -----
    ``sin(2 pi f1 L (exp(t / L) - 1))`` with ``L = T / ln(f2 / f1)``.

    References
    ----------
    A. Farina, "Simultaneous measurement of impulse response and distortion with a swept-sine
    technique", 108th AES Convention, 2000, equation 3.

    Examples
    --------
    >>> import ltisys as lti
    >>> lti.sweep(20, 20_000, length_s=1.0, fs=48000).shape
    (48000,)
    """
    frames, fs = _length(length_s, fs)
    stop_hz = _checks.number("stop_hz", stop_hz, above=0, most=fs / 2, unit=" (fs / 2) in Hz")
    start_hz = _checks.number("start_hz", start_hz, above=0)
    if start_hz >= stop_hz:
        raise ValueError(f"start_hz={start_hz:g} must be < stop_hz; got stop_hz={stop_hz:g}")
    rate = (frames / fs) / np.log(stop_hz / start_hz)
    phase = 2 * np.pi * start_hz * rate * np.expm1(np.arange(frames) / fs / rate)
    return np.asarray(np.sin(phase))


# Tap positions of primitive polynomials x**order + ... + 1 over GF(2), which give the longest
# sequence (P. Alfke, "Efficient Shift Registers, LFSR Counters, and Long Pseudo-Random Sequence
# Generators", Xilinx XAPP 052, 1996, table 3). The tests run every register through its period.
_MLS_TAPS: dict[int, tuple[int, ...]] = {
    2: (2, 1),
    3: (3, 2),
    4: (4, 3),
    5: (5, 3),
    6: (6, 5),
    7: (7, 6),
    8: (8, 6, 5, 4),
    9: (9, 5),
    10: (10, 7),
    11: (11, 9),
    12: (12, 6, 4, 1),
    13: (13, 4, 3, 1),
    14: (14, 5, 3, 1),
    15: (15, 14),
    16: (16, 15, 13, 4),
    17: (17, 14),
    18: (18, 11),
    19: (19, 6, 2, 1),
    20: (20, 17),
}


def mls(order: int) -> Array:
    """Return a maximum-length sequence of +1 and -1, ``2**order - 1`` frames long.

    Its circular autocorrelation is ``2**order - 1`` at zero lag and -1 elsewhere.

    Parameters
    ----------
    order : int
        Bits of the shift register, 2 to 20.

    Returns
    -------
    ndarray, shape (2**order - 1,), float64

    Raises
    ------
    ValueError, TypeError
        For an order outside 2 to 20.

    References
    ----------
    D. Rife and J. Vanderkooy, "Transfer-function measurement with maximum-length sequences",
    J. Audio Eng. Soc. 37, 1989.

    Examples
    --------
    >>> import ltisys as lti
    >>> lti.mls(3)
    array([-1., -1., -1.,  1.,  1., -1.,  1.])
    """
    order = _checks.integer("order", order, least=2)
    if order not in _MLS_TAPS:
        raise ValueError(f"order={order} must be an integer from 2 to {max(_MLS_TAPS)}")
    bits = np.ones(2**order - 1, dtype=np.int8)
    delays = _MLS_TAPS[order]
    # bit n is the parity of the bits `delays` before it; runs as long as the shortest delay
    # depend on earlier bits only
    n, run = order, min(delays)
    while n < bits.shape[0]:
        end = min(n + run, bits.shape[0])
        bits[n:end] = sum(bits[n - d : end - d] for d in delays) & 1
        n = end
    return np.asarray(1.0 - 2.0 * bits)


def _length(length_s: float, fs: float) -> tuple[int, float]:
    """Return a length in frames and the rate, both checked."""
    fs = _checks.number("fs", fs, above=0, unit=" in Hz")
    length_s = _checks.number("length_s", length_s, above=0, unit=" in seconds")
    frames = round(length_s * fs)
    if frames < 1:
        raise ValueError(f"length_s={length_s:g} must be at least one frame at {fs:g} Hz")
    return frames, fs
