"""FIR filters by frequency: low, high, band-pass and band-stop, linear or minimum phase"""

from __future__ import annotations

import math
from typing import Literal

from ltisys import _checks, tap_design
from ltisys.fir import FIR
from ltisys.tap_design import Task

__all__ = ["bandpass", "bandstop", "highpass", "lowpass"]

Phase = Literal["linear", "minimum"]


def lowpass(
    cutoff_hz: float,
    *,
    fs: float,
    transition_hz: float | None = None,
    attenuation_db: float = 80,
    phase: Phase = "linear",
) -> FIR:
    """Pass what is below a frequency and stop what is above it.

    Use it where the slope must be steep, the phase linear, or the attenuation certain; the tests
    are the mask in Notes, which every filter returned was measured against. For few operations
    a frame, or a cutoff far below fs, a recursive filter does with less: `lti.butterworth`.

    Parameters
    ----------
    cutoff_hz : float
        Middle of the slope, where the gain is one half (-6 dB), between 0 and fs / 2.
    fs : float
        Frames a second.
    transition_hz : float, optional
        Width of the slope, from the last frequency that passes to the first that is stopped,
        centred on the cutoff. The response grows in proportion to fs / transition_hz. None takes
        a quarter of `cutoff_hz` or of its distance to fs / 2, whichever is less.
    attenuation_db : float
        How far the stopband lies below 0 dB, 20 to 200; it also sets the ripple of the passband.
    phase : {"linear", "minimum"}
        Linear delays every frequency by `latency` frames and rings before and after a click.
        Minimum has the same magnitude within the mask, no latency, and rings only after a click.

    Returns
    -------
    FIR
        An odd number of taps, float64. Linear phase is symmetric, with
        ``latency = (taps - 1) // 2``; minimum phase has latency 0.

    Raises
    ------
    ValueError, TypeError
        For a cutoff or a slope that does not lie between 0 and fs / 2, an attenuation out of
        range, or a slope that would take more taps than are made (1 048 575; fewer for minimum
        phase): then with the slope that would fit.

    Notes
    -----
    With ``d = 10**(-attenuation_db / 20)`` the gain is within ``1 - d`` and ``1 + d`` where it
    passes, at most d where it stops, and at most 1 + d between them; at the cutoff it is one half,
    within 0.03 or d, whichever is more. At 80 dB that is a ripple of 0.0009 dB. This is measured on
    the taps, at 16 frequencies for each and at 64 next to the slopes, with a reserve of 0.04 dB
    for what lies between, and the response lengthened until it holds.

    The taps are a sinc under Kaiser's window, about ``(attenuation_db - 7.95) fs / (14.36
    transition_hz)`` of them; up to 511 taps the equiripple filter of Parks and McClellan is taken
    where it fits the same mask with fewer, by 9 % or so. `highpass` with the same arguments is its
    complement: the two add up to a delay, exactly.

    For the minimum phase, half the ripple is added to the magnitude, ``|H|**2 + (d / 2)**2``, which
    moves the zeros off the unit circle; the phase is then the Hilbert transform of the logarithm,
    by way of the cepstrum. What that leaves behind the last tap is less than d / 100. It costs a
    transform of 32 to 512 points for each tap: some seconds for 100 000 taps.

    References
    ----------
    J. Kaiser, "Nonrecursive digital filter design using the I0-sinh window function", Proc. IEEE
    Symp. Circuits and Systems, 1974.
    T. Parks and J. McClellan, "Chebyshev approximation for nonrecursive digital filters with linear
    phase", IEEE Trans. Circuit Theory 19, 1972.
    A. Oppenheim and R. Schafer, "Discrete-Time Signal Processing", 2010, section 13.5.

    Examples
    --------
    >>> import ltisys as lti
    >>> system = lti.lowpass(4000, fs=48000)
    >>> system.taps, system.latency
    (225, 112)
    >>> lti.lowpass(4000, fs=48000, phase="minimum").latency
    0
    """
    return _filter({"cutoff_hz": cutoff_hz}, fs, transition_hz, attenuation_db, phase)


def highpass(
    cutoff_hz: float,
    *,
    fs: float,
    transition_hz: float | None = None,
    attenuation_db: float = 80,
    phase: Phase = "linear",
) -> FIR:
    """Stop what is below a frequency and pass what is above it.

    Use it against rumble and offsets where the phase must be linear. A low cutoff takes a long
    response (80 Hz at 48 kHz: 0.25 s); where its delay or its ringing ahead of a click is heard,
    take ``phase="minimum"``, or a recursive filter such as `lti.butterworth`.

    Parameters
    ----------
    cutoff_hz : float
        Middle of the slope, where the gain is one half (-6 dB), between 0 and fs / 2.
    fs : float
        Frames a second.
    transition_hz : float, optional
        Width of the slope, centred on the cutoff; None takes a quarter of `cutoff_hz` or of its
        distance to fs / 2, whichever is less.
    attenuation_db : float
        How far the stopband lies below 0 dB, 20 to 200.
    phase : {"linear", "minimum"}
        Linear delays by `latency` frames, minimum by none.

    Returns
    -------
    FIR
        An odd number of taps, float64.

    Raises
    ------
    ValueError, TypeError
        As `lowpass` does.

    Notes
    -----
    The mask, the methods and their sources are those of `lowpass`. For linear phase the taps are
    an impulse in the middle less those of `lowpass`.

    Examples
    --------
    >>> import ltisys as lti
    >>> high = lti.highpass(1000, fs=48000)
    >>> whole = high + lti.lowpass(1000, fs=48000)
    >>> bool(np.allclose(whole.h, lti.impulse(high.taps, at=high.latency), atol=1e-15))
    True
    """
    return _filter(
        {"cutoff_hz": cutoff_hz}, fs, transition_hz, attenuation_db, phase, inverted=True
    )


def bandpass(
    low_hz: float,
    high_hz: float,
    *,
    fs: float,
    transition_hz: float | None = None,
    attenuation_db: float = 80,
    phase: Phase = "linear",
) -> FIR:
    """Pass what lies between two frequencies and stop the rest.

    Use it to single out a band with the same steep slope on both sides. Where the lower edge may
    be much gentler than the upper one needs to be, or the other way round, put a `highpass` and
    a `lowpass` in series: a response is as long as its steepest slope asks.

    Parameters
    ----------
    low_hz, high_hz : float
        Middles of the two slopes, where the gain is one half (-6 dB);
        ``0 < low_hz < high_hz < fs / 2``.
    fs : float
        Frames a second.
    transition_hz : float, optional
        Width of each slope, centred on its edge. None takes a quarter of `low_hz` or of the
        distance from `high_hz` to fs / 2, or an eighth of the width of the band, whichever is
        least.
    attenuation_db : float
        How far the stopbands lie below 0 dB, 20 to 200.
    phase : {"linear", "minimum"}
        Linear delays by `latency` frames, minimum by none.

    Returns
    -------
    FIR
        An odd number of taps, float64.

    Raises
    ------
    ValueError, TypeError
        As `lowpass` does, and for edges in the wrong order.

    Notes
    -----
    The mask, the methods and their sources are those of `lowpass`: the ripples of the two slopes
    together stay inside it.

    Examples
    --------
    >>> import ltisys as lti
    >>> lti.bandpass(300, 3400, fs=16000)
    FIR(1,077 taps, 0.0673 s at 16000 Hz)
    """
    edges = {"low_hz": low_hz, "high_hz": high_hz}
    return _filter(edges, fs, transition_hz, attenuation_db, phase)


def bandstop(
    low_hz: float,
    high_hz: float,
    *,
    fs: float,
    transition_hz: float | None = None,
    attenuation_db: float = 80,
    phase: Phase = "linear",
) -> FIR:
    """Stop what lies between two frequencies and pass the rest.

    Use it to take out a band. Against a single hum `lti.notch` is far shorter.

    Parameters
    ----------
    low_hz, high_hz : float
        Middles of the two slopes, where the gain is one half (-6 dB);
        ``0 < low_hz < high_hz < fs / 2``.
    fs : float
        Frames a second.
    transition_hz : float, optional
        Width of each slope, centred on its edge. None takes a quarter of `low_hz` or of the
        distance from `high_hz` to fs / 2, or an eighth of the width of the band, whichever is
        least.
    attenuation_db : float
        How far the stopband lies below 0 dB, 20 to 200.
    phase : {"linear", "minimum"}
        Linear delays by `latency` frames, minimum by none.

    Returns
    -------
    FIR
        An odd number of taps, float64.

    Raises
    ------
    ValueError, TypeError
        As `lowpass` does, and for edges in the wrong order.

    Notes
    -----
    The mask, the methods and their sources are those of `lowpass`. For linear phase the taps are
    an impulse in the middle less those of `bandpass`.

    Examples
    --------
    >>> import ltisys as lti
    >>> freqs_hz, response = lti.bandstop(900, 1100, fs=8000).frequency_response([500, 1000, 2000])
    >>> np.round(abs(response), 3)
    array([1., 0., 1.])
    """
    edges = {"low_hz": low_hz, "high_hz": high_hz}
    return _filter(edges, fs, transition_hz, attenuation_db, phase, inverted=True)


# --- what is asked for ----------------------------------------------------------------------------


def _filter(
    edges_hz: dict[str, float],
    fs: float,
    transition_hz: float | None,
    attenuation_db: float,
    phase: Phase,
    *,
    inverted: bool = False,
) -> FIR:
    """Check what is asked for, and make it."""
    fs = _checks.number("fs", fs, above=0, unit=" in Hz")
    edges = [_edge(name, value, fs) for name, value in edges_hz.items()]
    attenuation_db = _checks.number(
        "attenuation_db", attenuation_db, least=20, most=200, unit=" in dB"
    )
    minimum = _checks.choice("phase", phase, Phase) == "minimum"
    if minimum and attenuation_db > tap_design.MOST_MINIMUM_DB:
        raise ValueError(
            f"attenuation_db={attenuation_db:g} must be <= {tap_design.MOST_MINIMUM_DB} in dB "
            f"where phase='minimum'; phase='linear' takes up to 200"
        )
    slope_hz = _slope(transition_hz, list(edges_hz), edges, fs, attenuation_db, minimum)
    task = Task(tuple(edge / fs for edge in edges), slope_hz / fs, attenuation_db, inverted)
    if minimum:
        return FIR(tap_design.minimum_phase(task), fs=fs)
    h = tap_design.linear_phase(task, attenuation_db)
    return FIR(h, fs=fs, latency=h.size // 2)


def _edge(name: str, value: float, fs: float) -> float:
    """Return the middle of a slope, or raise unless it lies between 0 and fs / 2."""
    edge = _checks.number(name, value, above=0, unit=" in Hz")
    if edge >= fs / 2:
        raise ValueError(
            f"{name}={value!r} must be < {fs / 2:g} (fs / 2) in Hz; frames at fs={fs:g} hold "
            f"nothing above that"
        )
    return edge


def _slope(
    transition_hz: float | None,
    names: list[str],
    edges: list[float],
    fs: float,
    attenuation_db: float,
    minimum: bool,
) -> float:
    """Return the width of the slopes, or say why it cannot be and what can."""
    room = [
        (2 * edges[0], f"twice {names[0]}"),
        (fs - 2 * edges[-1], f"twice the distance from {names[-1]} to fs / 2"),
    ]
    if len(edges) == 2:
        low, high = edges
        if low >= high:
            raise ValueError(f"low_hz={low:g} must be < high_hz; got high_hz={high:g}")
        room.append((high - low, "the distance from low_hz to high_hz"))
    widest, what = min(room)
    if transition_hz is None:
        slope = widest / 8
        given = f"transition_hz=None (here {slope:g})"
    else:
        slope = _checks.number("transition_hz", transition_hz, least=0, unit=" in Hz")
        given = f"transition_hz={transition_hz!r}"
    if slope >= widest:
        raise ValueError(f"{given} must be < {widest:g} in Hz, {what}")
    most = tap_design.most_taps(attenuation_db, minimum=minimum)
    least = tap_design.least_slope(attenuation_db, most) * fs
    if slope >= least:
        return slope
    needs = "infinitely many taps"
    if slope > 0:
        needs = f"up to {tap_design.ample_taps(slope / fs, attenuation_db):,.0f} taps"
    advice, longest = "", tap_design.most_taps(attenuation_db, minimum=False)
    if least >= widest:
        advice = f"; this edge has room for less than {widest:g} Hz: move it, or lower fs first"
    elif minimum:
        advice = f"; phase='linear' may have {longest:,}"
    raise ValueError(
        f"{given} must be >= {_rounded_up(least):g} in Hz at fs={fs:g} and {attenuation_db:g} dB; "
        f"it needs {needs}, and at most {most:,} are made{advice}"
    )


def _rounded_up(x: float) -> float:
    """Return x to four digits, never less."""
    digit = 10.0 ** (math.floor(math.log10(x)) - 3)
    return math.ceil(x / digit) * digit
