"""how loud a system can get: for noise, for tones, for the worst input; and how long it is"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ltisys import _checks, curves
from ltisys._types import Array
from ltisys.systems import System

__all__ = ["minimal_length", "noise_gain", "peak_gain", "worst_case_gain"]


def noise_gain(system: System) -> Any:
    """Return the power gain for white noise, ``sum |h[n]|**2``.

    Parameters
    ----------
    system : System
        Of any kind.

    Returns
    -------
    float, or ndarray with a shape of ``(channels,)`` or ``(outputs, inputs)``
        A ratio of powers; infinite for a system that is not stable.

    Raises
    ------
    ValueError, TypeError
        If the response sounds on for more than 2**25 frames, for what is no system.

    Notes
    -----
    Responses that never end are summed until they stay 180 dB below their peak.

    Examples
    --------
    >>> import ltisys as lti
    >>> lti.noise_gain(lti.FIR([0.5, 0.5]))
    0.5
    """
    return _summed(system, lambda size: np.square(size).sum(axis=-1))


def worst_case_gain(system: System) -> Any:
    """Return the largest peak that an input within -1 and 1 can make, ``sum |h[n]|``.

    Parameters
    ----------
    system : System
        Of any kind.

    Returns
    -------
    float, or ndarray with a shape of ``(channels,)`` or ``(outputs, inputs)``
        A ratio of amplitudes; infinite for a system that is not stable. Of a matrix, add up the
        inputs for the peak of an output.

    Raises
    ------
    ValueError, TypeError
        If the response sounds on for more than 2**25 frames, for what is no system.

    Notes
    -----
    Responses that never end are summed until they stay 180 dB below their peak.

    Examples
    --------
    >>> import ltisys as lti
    >>> lti.worst_case_gain(lti.FIR([1.0, -0.5]))
    1.5
    """
    return _summed(system, lambda size: size.sum(axis=-1))


def peak_gain(system: System) -> Any:
    """Return the largest gain of a steady tone of any frequency, ``max |H|``.

    Parameters
    ----------
    system : System
        Of any kind.

    Returns
    -------
    float, or ndarray with a shape of ``(channels,)`` or ``(outputs, inputs)``
        A ratio of amplitudes; infinite for a system that is not stable.

    Raises
    ------
    TypeError
        For what is no system.

    Notes
    -----
    The response is looked at 16 times for each of its frames, more closely near poles and zeros,
    and the four largest maxima again and again.

    Examples
    --------
    >>> import ltisys as lti
    >>> lti.peak_gain(lti.FIR([1.0, -0.5]))
    1.5
    """
    if not curves.checked(system).stable:
        return _plain(np.full(system.rows, math.inf))
    return _plain(curves.peaks(system, curves.dense(system)))


def minimal_length(system: System, *, floor_db: float = -120) -> Any:
    """Return the fewest frames, from the start, that hold all but a little of the energy.

    Parameters
    ----------
    system : System
        A stable one of any kind.
    floor_db : float
        Energy of what follows them, at most, relative to the whole; not below -160 for responses
        that never end; those `System.to_fir` cuts here, or a few frames later.

    Returns
    -------
    int, or ndarray with a shape of ``(channels,)`` or ``(outputs, inputs)``

    Raises
    ------
    ValueError, TypeError
        For a floor out of bounds, a response that does not sink, what is no system.

    Examples
    --------
    >>> import ltisys as lti
    >>> lti.minimal_length(lti.IIR.from_ba([1.0], [1.0, -0.5]), floor_db=-60)
    10
    """
    least = -160 if curves.checked(system).taps is None else None
    floor_db = _checks.number("floor_db", floor_db, least=least, most=0, unit=" in dB")
    if not system.stable:
        raise ValueError(f"minimal_length needs a stable system, but {system.endless()}")
    h = system.impulse_response()
    energy = np.square(np.abs(h), dtype=np.float64)
    after = np.cumsum(energy[..., ::-1], axis=-1)[..., ::-1]  # from each frame on
    kept = after > 10 ** (floor_db / 10) * after[..., :1]
    return _plain(np.maximum(1, kept.sum(axis=-1)))


def _summed(system: System, sums: Callable[[Array], Array]) -> Any:
    """Return a sum over the response of each row, infinite where that does not end."""
    if not curves.checked(system).stable:
        return _plain(np.full(system.rows, math.inf))
    return _plain(np.asarray(sums(np.abs(system.impulse_response()).astype(np.float64))))


def _plain(values: Array) -> Any:
    """Return one number as a Python number."""
    return values if values.ndim else values.item()
