"""recursive filters from analogue prototypes: Butterworth, Chebyshev, elliptic, Bessel"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ltisys import _checks
from ltisys.analogue import Family, Kind, Request, cutoffs, designed
from ltisys.iir import IIR

__all__ = ["bessel", "butterworth", "chebyshev", "elliptic"]


def butterworth(
    order: int, cutoff_hz: float | Sequence[float], *, fs: float, kind: Kind = "lowpass"
) -> IIR:
    """Return a Butterworth filter: the flattest passband, -3.01 dB at the cutoff.

    The one to take without a reason for another. For a steeper slope of the same order take
    `elliptic`, for less ringing `bessel`, for a linear phase a FIR (`lowpass` and its kin).

    Parameters
    ----------
    order : int
        Order of the prototype; the slope falls by 6 dB an octave for each. Band-pass and
        band-stop have twice as many poles.
    cutoff_hz : float or pair of float
        Where the level is -3.01 dB; two, the lower first, for "bandpass" and "bandstop". Between
        0 and fs / 2.
    fs : float
        Frames a second.
    kind : {"lowpass", "highpass", "bandpass", "bandstop"}
        What passes: below, above, between, all but between.

    Returns
    -------
    IIR

    Raises
    ------
    ValueError, TypeError
        For a cutoff outside 0 to fs / 2, a pair in the wrong order, or an order whose sections
        in double precision would not be this filter; then with the largest that would.

    Notes
    -----
    ``|H|^2 = 1 / (1 + W^(2 order))``, where for the lowpass ``W = tan(pi f / fs) /
    tan(pi cutoff_hz / fs)``: the bilinear transform, exact at the cutoff, with the whole axis of
    analogue frequencies squeezed below fs / 2. Designed by `scipy.signal.iirfilter`, the gain
    spread over the sections so that none of them is loud or faint. What is returned was measured:
    its poles lie inside the unit circle, its level is within 0.01 dB of the formula, and a bound
    on its rounding errors is below -90 dB.

    References
    ----------
    S. Butterworth, "On the theory of filter amplifiers", Experimental Wireless 7, 1930.
    A. Oppenheim and R. Schafer, Discrete-Time Signal Processing, 3rd edition, 2010, section 7.2.

    Examples
    --------
    >>> import ltisys as lti
    >>> rumble = lti.butterworth(4, 80, fs=48000, kind="highpass")
    >>> rumble.sos.shape
    (2, 6)
    """
    return _filter("butter", order, cutoff_hz, fs, kind)


def chebyshev(
    order: int,
    cutoff_hz: float | Sequence[float],
    *,
    fs: float,
    kind: Kind = "lowpass",
    type: Literal[1, 2] = 1,
    ripple_db: float = 1.0,
    attenuation_db: float = 80,
) -> IIR:
    """Return a Chebyshev filter: steeper than Butterworth, for ripple on one side of the slope.

    Type 1 ripples where it passes; type 2 passes as flat as Butterworth and ripples where it
    stops.

    Parameters
    ----------
    order : int
        Order of the prototype; band-pass and band-stop have twice as many poles.
    cutoff_hz : float or pair of float
        Type 1: where the passband ends, at -ripple_db. Type 2: where the stopband begins, at
        -attenuation_db; so much earlier it begins to fall. Two, the lower first, for "bandpass"
        and "bandstop". Between 0 and fs / 2.
    fs : float
        Frames a second.
    kind : {"lowpass", "highpass", "bandpass", "bandstop"}
        What passes: below, above, between, all but between.
    type : {1, 2}
        Ripple in the passband, or in the stopband.
    ripple_db : float
        Of type 1: how far the passband dips below 0 dB.
    attenuation_db : float
        Of type 2: how far all of the stopband stays below 0 dB.

    Returns
    -------
    IIR

    Raises
    ------
    ValueError, TypeError
        For a cutoff outside 0 to fs / 2, a pair in the wrong order, another type, or an order
        whose sections in double precision would not be this filter; then with the largest that
        would.

    Notes
    -----
    With W as for `butterworth` and the Chebyshev polynomial T of the order,
    ``|H|^2 = 1 / (1 + e^2 T(W)^2)``, ``e^2 = 10^(ripple_db / 10) - 1``, for type 1 and
    ``|H|^2 = 1 / (1 + 1 / (e^2 T(1 / W)^2))``, ``e^2 = 1 / (10^(attenuation_db / 10) - 1)``, for
    type 2. An even order of type 1 starts at -ripple_db at 0 Hz. Measured as `butterworth` is.

    References
    ----------
    A. Oppenheim and R. Schafer, Discrete-Time Signal Processing, 3rd edition, 2010, appendix B.2.

    Examples
    --------
    >>> import ltisys as lti
    >>> lti.chebyshev(5, 3400, fs=8000, ripple_db=0.1).stable
    True
    """
    if isinstance(type, bool) or type not in (1, 2):
        raise ValueError(f"type={type!r} must be 1 (ripple in the passband) or 2 (in the stopband)")
    family: Family = "cheby1" if type == 1 else "cheby2"
    return _filter(family, order, cutoff_hz, fs, kind, ripple_db, attenuation_db)


def elliptic(
    order: int,
    cutoff_hz: float | Sequence[float],
    *,
    fs: float,
    kind: Kind = "lowpass",
    ripple_db: float = 1.0,
    attenuation_db: float = 80,
) -> IIR:
    """Return an elliptic (Cauer) filter: the steepest of its order, with ripple on both sides.

    Parameters
    ----------
    order : int
        Order of the prototype; band-pass and band-stop have twice as many poles.
    cutoff_hz : float or pair of float
        Where the passband ends, at -ripple_db; two, the lower first, for "bandpass" and
        "bandstop". Between 0 and fs / 2. Where the stopband begins follows from the rest.
    fs : float
        Frames a second.
    kind : {"lowpass", "highpass", "bandpass", "bandstop"}
        What passes: below, above, between, all but between.
    ripple_db : float
        How far the passband dips below 0 dB.
    attenuation_db : float
        How far all of the stopband stays below 0 dB, more than ripple_db.

    Returns
    -------
    IIR

    Raises
    ------
    ValueError, TypeError
        For a cutoff outside 0 to fs / 2, a pair in the wrong order, an attenuation no more than
        the ripple, or an order whose sections in double precision would not be this filter; then
        with the largest that would.

    Notes
    -----
    ``|H|^2 = 1 / (1 + e^2 R(W)^2)`` with the elliptic rational function R of the order and
    ``e^2 = 10^(ripple_db / 10) - 1``, W as for `butterworth`. Measured as `butterworth` is.

    References
    ----------
    A. Oppenheim and R. Schafer, Discrete-Time Signal Processing, 3rd edition, 2010, appendix B.3.

    Examples
    --------
    >>> import ltisys as lti
    >>> f, h = lti.elliptic(6, 1000, fs=48000).frequency_response([1000, 1500])
    >>> lti.levels.db(abs(h)).round(1)
    array([ -1. , -49.9])
    """
    return _filter("ellip", order, cutoff_hz, fs, kind, ripple_db, attenuation_db)


def bessel(
    order: int, cutoff_hz: float | Sequence[float], *, fs: float, kind: Kind = "lowpass"
) -> IIR:
    """Return a Bessel filter: hardly any ringing and overshoot, -3.01 dB at the cutoff.

    The analogue filter delays all that it passes alike. The digital one does so as far as the
    frequencies are small against fs / 2; close to it a FIR of linear phase is the one to take.

    Parameters
    ----------
    order : int
        Order of the prototype; band-pass and band-stop have twice as many poles.
    cutoff_hz : float or pair of float
        Where the level is -3.01 dB; two, the lower first, for "bandpass" and "bandstop". Between
        0 and fs / 2.
    fs : float
        Frames a second.
    kind : {"lowpass", "highpass", "bandpass", "bandstop"}
        What passes: below, above, between, all but between.

    Returns
    -------
    IIR

    Raises
    ------
    ValueError, TypeError
        For a cutoff outside 0 to fs / 2, a pair in the wrong order, or an order whose sections
        in double precision would not be this filter; then with the largest that would.

    Notes
    -----
    ``H = t(0) / t(j W w)`` with the reverse Bessel polynomial t of the order, w so that the level
    is -3.01 dB at W = 1, W as for `butterworth`. Measured as `butterworth` is.

    References
    ----------
    W. Thomson, "Delay networks having maximally flat frequency characteristics", Proceedings of
    the IEE 96, part III, 1949.

    Examples
    --------
    >>> import ltisys as lti
    >>> smooth = lti.bessel(4, 1000, fs=48000)
    >>> bool(abs(smooth(lti.step(1000), tail=False).max() - 1) < 0.01)
    True
    """
    return _filter("bessel", order, cutoff_hz, fs, kind)


def _filter(
    family: Family,
    order: int,
    cutoff_hz: float | Sequence[float],
    fs: float,
    kind: Kind,
    ripple_db: float = 1.0,
    attenuation_db: float = 80,
) -> IIR:
    """Return a filter, its arguments checked."""
    order = _checks.integer("order", order, least=1)
    fs = _checks.number("fs", fs, above=0, unit=" in Hz")
    ripple_db = _checks.number("ripple_db", ripple_db, above=0, unit=" in dB")
    attenuation_db = _checks.number("attenuation_db", attenuation_db, above=0, unit=" in dB")
    if family == "ellip" and attenuation_db <= ripple_db:
        raise ValueError(
            f"attenuation_db={attenuation_db:g} must be > ripple_db; got ripple_db={ripple_db:g}"
        )
    edges_hz = cutoffs(cutoff_hz, kind, fs)
    sos = designed(Request(family, order, kind, edges_hz, fs, ripple_db, attenuation_db))
    return IIR(sos, fs=fs)
