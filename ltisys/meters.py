"""loudness in LUFS: momentary, short-term and integrated, block by block in constant memory"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np

from ltisys import _checks
from ltisys.weightings import k_weighting

__all__ = ["LoudnessMeter", "loudness"]

OFFSET_DB = -0.691
"""Takes out what K-weighting adds at 997 Hz: full scale in one channel reads -3.01 LUFS."""
STEPS = 100
"""Steps a second: as often the momentary and the short-term figures are told anew."""
HOP, MOMENTARY, SHORT_TERM = 10, 40, 300
"""Steps from one gating block to the next, in such a block of 400 ms, and in 3 s."""
ABSOLUTE_GATE, RELATIVE_GATE = -70.0, -10.0
BINS = 100
"""Bins a LU that gating blocks are kept in. A bin knows its number and its energy, so all that is
not settled by them is on which side of the relative gate the blocks of one single bin lie."""
WEIGHTS = {
    4: (1.0, 1.0, 1.41, 1.41),
    5: (1.0, 1.0, 1.0, 1.41, 1.41),
    6: (1.0, 1.0, 1.0, 0.0, 1.41, 1.41),
    8: (1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.41, 1.41),
}


class LoudnessMeter:
    """Measure loudness while it goes by, in memory that does not grow.

    Use `loudness` for a sound that is all there. The figures are those of ITU-R BS.1770-4 and of
    the "EBU mode" of EBU Tech 3341; before a figure has enough sound, and in silence, it is -inf.

    Parameters
    ----------
    fs : float
        Rate in Hz, more than 3400.
    channels : int
        Channels of the sound.
    weights : sequence of float, optional
        A factor for the energy of each channel. By default 1.41 for channels at the sides and
        behind up to 120 degrees, 0 for a channel of low frequencies, else 1, where 4 channels are
        L R Ls Rs, 5 are L R C Ls Rs, 6 are L R C LFE Ls Rs, and 8 are L R C LFE, two behind, two
        at the sides; 1 for other numbers of channels.

    Raises
    ------
    ValueError, TypeError
        For an argument out of range.

    Notes
    -----
    With z_i the mean square of channel i behind K-weighting over a block of 400 ms,

        l = -0.691 + 10 log10 sum_i G_i z_i .

    A gating block begins every 100 ms, the momentary and the short-term figure move every 10 ms.
    Integrated loudness is that of the mean z of all blocks above two gates: -70 LUFS, and 10 LU
    below the loudness of what is above the first. Blocks are sorted into bins of 0.01 LU to keep
    the memory constant, each with its energy; against a list of all blocks the result can differ
    only by the blocks of the one bin that holds the relative gate.

    References
    ----------
    Recommendation ITU-R BS.1770-4, "Algorithms to measure audio programme loudness and true-peak
    audio level", 2015, annex 1.
    EBU Tech 3341, "Loudness metering: 'EBU mode' metering", 2016.

    Examples
    --------
    >>> import ltisys as lti
    >>> meter = lti.LoudnessMeter(fs=48000)
    >>> meter.push(lti.tone(997, length_s=5, fs=48000))
    >>> round(meter.momentary_lufs, 2), round(meter.integrated_lufs, 2)
    (-3.01, -3.01)
    """

    def __init__(
        self, *, fs: float, channels: int = 1, weights: Sequence[float] | None = None
    ) -> None:
        self._weighting = k_weighting(fs=fs)
        self.fs = float(fs)
        """Rate in Hz."""
        self.channels = _checks.integer("channels", channels, least=1)
        """Channels of the sound."""
        if weights is None:
            weights = WEIGHTS.get(channels, (1.0,) * channels)
        self.weights = tuple(_checks.number("weights", weight, least=0) for weight in weights)
        """Factors of the channels' energies."""
        if len(self.weights) != channels:
            raise ValueError(
                f"weights={weights!r} must be {channels} number{'s' if channels > 1 else ''}, one "
                f"for each channel"
            )
        self.reset()

    def reset(self) -> None:
        """Forget all sound."""
        self._machine = self._weighting.machine(self.channels, 1 << 16, np.dtype(np.float64))
        self._last: deque[tuple[float, int]] = deque(maxlen=SHORT_TERM)
        self._energy = 0.0  # of the step under way
        self._steps = 0
        self._frames = 0
        self._bins: dict[int, list[float]] = {}

    @property
    def frames(self) -> int:
        """Frames pushed."""
        return self._frames

    @property
    def blocks(self) -> int:
        """Gating blocks of 400 ms so far, loud or silent."""
        return max(0, self._steps // HOP - MOMENTARY // HOP + 1)

    def push(self, x: Any) -> None:
        """Measure the next frames.

        Parameters
        ----------
        x : array_like, shape (channels, frames), or (frames,) where there is one channel
            Any number of frames; 1.0 is full scale.

        Raises
        ------
        ValueError, TypeError
            For another number of channels, or complex numbers.
        MismatchError
            For NaN and infinities.
        """
        rows = np.atleast_2d(_checks.numeric("x", x))
        if rows.ndim != 2 or rows.shape[0] != self.channels:
            raise ValueError(
                f"x.shape={np.shape(x)} must be ({self.channels}, frames): (channels, frames)"
            )
        if rows.dtype.kind == "c":
            raise TypeError("x is complex; loudness is that of real sound")
        if rows.shape[1] == 0:
            return
        y = self._machine.push(_checks.finite("x", rows))
        energies = np.asarray(self.weights) @ np.square(y)
        # the first step is under way, the last one stays so
        last = math.floor((self._frames + y.shape[1]) * STEPS / self.fs) + 1
        ends = [self._begin(step) - self._frames for step in range(self._steps + 1, last + 1)]
        ends = [end for end in ends if end <= y.shape[1]]
        starts = [0, *(end for end in ends if end < y.shape[1])]
        sums = np.add.reduceat(energies, starts).tolist()
        sums[0] += self._energy
        self._energy = 0.0 if len(sums) == len(ends) else sums.pop()
        self._frames += y.shape[1]
        for energy in sums:
            self._close(energy)

    def _begin(self, step: int) -> int:
        """Return the frame at which a step begins: hundredths of a second, where fs has them."""
        return round(step * self.fs / STEPS)

    def _close(self, energy: float) -> None:
        """Close a step, and with every tenth a gating block."""
        self._last.append((energy, self._begin(self._steps + 1) - self._begin(self._steps)))
        self._steps += 1
        if self._steps % HOP or self._steps < MOMENTARY:
            return
        mean = self._mean(MOMENTARY)
        level = _level(mean)
        if level > ABSOLUTE_GATE:
            held = self._bins.setdefault(math.floor(level * BINS), [0.0, 0.0])
            held[0] += 1
            held[1] += mean

    def _mean(self, steps: int) -> float:
        """Return the weighted mean square of the last steps, 0 before there are as many."""
        if len(self._last) < steps:
            return 0.0
        last = list(itertools.islice(self._last, len(self._last) - steps, None))
        return sum(energy for energy, _ in last) / sum(frames for _, frames in last)

    @property
    def momentary_lufs(self) -> float:
        """Loudness of the last 400 ms, told anew every 10 ms."""
        return _level(self._mean(MOMENTARY))

    @property
    def short_term_lufs(self) -> float:
        """Loudness of the last 3 s, told anew every 10 ms."""
        return _level(self._mean(SHORT_TERM))

    @property
    def integrated_lufs(self) -> float:
        """Loudness of all so far, but for what lies below the gates."""
        held = list(self._bins.values())
        gate = _level(_mean_of(held)) + RELATIVE_GATE
        return _level(_mean_of([(n, energy) for n, energy in held if _level(energy / n) > gate]))


def loudness(x: Any, *, fs: float) -> float:
    """Return the integrated loudness of a sound in LUFS, gated.

    Use it to bring sounds to one loudness, and `LoudnessMeter` for the course of it or for sound
    in blocks. Peaks say little of how loud a sound is, and RMS does not hear as we do.

    Parameters
    ----------
    x : array_like, shape (channels, frames) or (frames,)
        1.0 is full scale. What the channels weigh is told in `LoudnessMeter`.
    fs : float
        Rate in Hz, more than 3400.

    Returns
    -------
    float
        In LUFS; -inf where nothing is above -70 LUFS.

    Raises
    ------
    ValueError, TypeError
        For less than 0.4 s of sound, which is one gating block.
    MismatchError
        For NaN and infinities.

    Notes
    -----
    As `LoudnessMeter`. One channel alone is 3 LU softer than the same in two.

    References
    ----------
    Recommendation ITU-R BS.1770-4, 2015, annex 1.

    Examples
    --------
    >>> import ltisys as lti
    >>> tone = lti.tone(1000, length_s=20, fs=48000) * lti.levels.amplitude(-23)
    >>> round(lti.loudness(np.stack([tone, tone]), fs=48000), 1)
    -23.0
    """
    rows = np.atleast_2d(_checks.nonempty("x", _checks.numeric("x", x)))
    _checks.channels_last_guard("x", rows)
    meter = LoudnessMeter(fs=fs, channels=rows.shape[0])
    step = 1 << 16
    for first in range(0, rows.shape[1], step):
        meter.push(rows[:, first : first + step])
    if meter.blocks == 0:
        raise ValueError(
            f"x lasts {rows.shape[1] / meter.fs:.3g} s; loudness takes 0.4 s at least, which is "
            f"one gating block"
        )
    return meter.integrated_lufs


def _mean_of(held: Sequence[Any]) -> float:
    """Return the mean energy of bins of (blocks, energy), 0 for none."""
    blocks = sum(n for n, _ in held)
    return sum(energy for _, energy in held) / blocks if blocks else 0.0


def _level(mean_square: float) -> float:
    """Return the loudness of a weighted mean square."""
    return OFFSET_DB + 10 * math.log10(mean_square) if mean_square > 0 else -math.inf
