"""the magnitudes of a system without its phase: a symmetric FIR, late by half its length"""

from __future__ import annotations

import numpy as np

from ltisys import _checks, levels, spectra
from ltisys.fir import FIR
from ltisys.systems import System

__all__ = ["linear_phase"]

LEAST_POINTS, MOST_POINTS = 1 << 12, 1 << 22
"""Of the grid that magnitudes are sampled on; a quarter of it holds half the response."""


def linear_phase(system: System, *, attenuation_db: float = 80) -> FIR:
    """Return a FIR with the magnitudes of a system and linear phase: every frequency equally late.

    Use it for equalisers that must not shift one frequency against another, where being late is
    no matter. Its response rings ahead of the sound as much as behind it. A system that changes
    the phase only, an all-pass, becomes nothing but a delay.

    Parameters
    ----------
    system : System
        Stable; its magnitudes without sharp edges. First-order filters and notches have one where
        their magnitude touches zero: ``|f - f0|``.
    attenuation_db : float
        How far below the system's greatest magnitude all errors stay.

    Returns
    -------
    FIR
        Symmetric, of odd length, in float64; its `latency` is half its length.

    Raises
    ------
    ValueError
        For a system that is not stable, or whose magnitudes have edges that would take more than
        two million taps.

    Notes
    -----
    With the magnitudes ``A(f) = |H(f)|`` the response around frame 0 is
    ``h[n] = integral A(f) cos(2 pi f n) df``, by a transform of a grid so fine that it decays
    within half of it. What is left out of it changes no magnitude by more than
    ``2 sum_(n > K) |h[n]|``; K is the least for which that is below the limit.

    References
    ----------
    L. R. Rabiner and B. Gold, "Theory and Application of Digital Signal Processing", 1975,
    section 3.17: frequency sampling.

    Examples
    --------
    >>> import ltisys as lti
    >>> bell = lti.peaking(1000, gain_db=6, q=1.4, fs=48000)
    >>> straight = lti.linear_phase(bell)
    >>> straight.taps == 2 * straight.latency + 1
    True
    >>> _, there = straight.frequency_response([1000.0])
    >>> lti.levels.db(there).round(2)
    array([6.])
    """
    attenuation_db = _checks.number("attenuation_db", attenuation_db, above=0, most=160)
    if not system.stable:
        raise ValueError(f"the system must be stable; {system.endless()}")
    points = spectra.good_size(max(LEAST_POINTS, system.taps or 0))
    while True:
        _, response = system.frequency_response(frames=points)
        size = np.abs(response[..., : points // 2 + 1])
        half = spectra.inverse_real(size.copy(), points)[..., : points // 2]
        # every magnitude is wrong by no more than what is cut, and what the grid folds into it:
        # twice what lies beyond the grid, which for edges, 1 / n^2, is as much as in its last half
        after = 2 * np.cumsum(np.abs(half[..., ::-1]), axis=-1)[..., ::-1]
        error = (after + 2 * after[..., points // 4, None]).reshape(-1, half.shape[-1]).max(axis=0)
        limit = levels.amplitude(-attenuation_db) * float(size.max())
        if error[points // 4] <= limit:
            kept = half[..., : max(1, int(np.argmax(error <= limit)))]
            break
        points *= 2
        if points > MOST_POINTS:
            most = float(levels.db(size.max() / error[points // 8]))
            raise ValueError(
                f"attenuation_db={attenuation_db:g} must be <= {max(0, int(most))} for {system!r}: "
                f"its magnitudes have an edge, as those of notches and first-order filters have; "
                f"take another filter, or lower attenuation_db (--attenuation-db)"
            )
    return FIR(
        np.concatenate([kept[..., :0:-1], kept], axis=-1), fs=system.fs, latency=kept.shape[-1] - 1
    )
