"""decibels, peaks, energy, loudness, where a tail sinks below a level"""

from __future__ import annotations

from typing import Any

import numpy as np

from ltisys._types import Array

__all__ = ["amplitude", "db", "decay_time", "loudness", "onset", "peak", "rms", "tail_end"]


def db(ratio: Any) -> Any:
    """Return an amplitude ratio in decibels, ``20 log10``; -inf for zero."""
    with np.errstate(divide="ignore"):
        return 20 * np.log10(np.abs(ratio))


def amplitude(level_db: float) -> float:
    """Return the amplitude ratio of a level in decibels."""
    return float(10 ** (level_db / 20))


def peak(x: Array) -> float:
    """Return the largest magnitude, 0 for no frames; NaN if any sample is NaN."""
    if x.size == 0:
        return 0.0
    if x.dtype.kind == "c":
        return float(np.abs(x).max())
    return max(abs(float(x.max())), abs(float(x.min())))


def rms(x: Array) -> float:
    """Return the root of the mean square, 0 for no frames."""
    return float(np.sqrt(np.mean(np.square(np.abs(x), dtype=np.float64)))) if x.size else 0.0


def loudness(x: Any, *, fs: float) -> float:
    """Return the integrated loudness in LUFS, gated: `ltisys.loudness`."""
    from ltisys import meters

    return meters.loudness(x, fs=fs)


def onset(ir: Array, *, threshold_db: float = -20.0) -> int:
    """Return the first frame within `threshold_db` of the peak of any channel: the direct sound.

    References
    ----------
    ISO 3382-1:2009, section 5.3.1: the start of a response is where it first rises 20 dB below
    its maximum.
    """
    envelope = np.abs(ir).reshape(-1, ir.shape[-1]).max(axis=0)
    top = envelope.max(initial=0.0)
    return int(np.argmax(envelope >= top * amplitude(threshold_db))) if top > 0 else 0


def tail_end(ir: Array, *, floor_db: float = -60.0) -> int:
    """Return the first frame from which on the response stays below `floor_db` of its peak."""
    envelope = np.abs(ir).reshape(-1, ir.shape[-1]).max(axis=0)
    loud = np.flatnonzero(envelope >= envelope.max(initial=0.0) * amplitude(floor_db))
    return int(loud[-1]) + 1 if loud.size and envelope.max() > 0 else 0


def decay_time(ir: Array, *, fs: float) -> float | None:
    """Estimate the reverberation time in seconds, over all frequencies and channels.

    Schroeder's backward integral from the onset on, a straight line through its levels from -5
    to -35 dB (to -25 dB if it falls no deeper), extrapolated to 60 dB. None where the response
    has no such decay: too short, or it falls faster than 30 frames can show.

    References
    ----------
    M. Schroeder, "New method of measuring reverberation time", JASA 37, 1965.
    ISO 3382-1:2009, section 5.3.3.
    """
    energy = np.square(np.abs(ir), dtype=np.float64).reshape(-1, ir.shape[-1]).sum(axis=0)
    energy = energy[onset(ir) :]
    remaining = np.cumsum(energy[::-1])[::-1]
    if remaining.size == 0 or remaining[0] <= 0:
        return None
    with np.errstate(divide="ignore"):
        level_db = 10 * np.log10(remaining / remaining[0])
    for lowest in (-35.0, -25.0):
        fit = np.flatnonzero((level_db <= -5.0) & (level_db >= lowest))
        # the curve of any finite response drops to nothing at its end: ask for 10 dB to spare
        if fit.size >= 30 and level_db[-2:].min() < lowest - 10:
            slope = float(np.polyfit(fit / fs, level_db[fit], 1)[0])
            return -60.0 / slope
    return None
