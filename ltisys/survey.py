"""what is in a sound file: levels, direct sound, decay"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ltisys import levels
from ltisys._types import Array, PathLike
from ltisys.audio import Source
from ltisys.errors import AudioFileError
from ltisys.meters import LoudnessMeter

__all__ = ["Survey", "sketch_file", "survey_file"]

BLOCK = 1 << 17
LONGEST_RESPONSE_S = 60.0
"""A longer file is no response: its direct sound and decay are not looked for."""
COLUMNS = 4096
"""A longer file is drawn as the lowest and the highest sample of so many stretches."""


@dataclass(frozen=True)
class Survey:
    """Say what a sound file holds."""

    path: str
    format: str
    subtype: str
    fs: float
    channels: int
    frames: int
    length_s: float
    peak_db: float
    rms_db: float
    bad_samples: int
    """Samples that are NaN or infinite; they count in no level."""
    direct_sound_s: float | None
    """Where the sound first comes within 20 dB of its peak; None for files over a minute."""
    decay_time_s: float | None
    """Estimated reverberation time over all frequencies; None where there is no such decay."""
    loudness_lufs: float | None = None
    """Integrated loudness; None where it was not asked for, or in less than 0.4 s."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values; infinities become None, which JSON can hold."""
        return {
            name: None if isinstance(value, float) and not np.isfinite(value) else value
            for name, value in asdict(self).items()
        }

    def __str__(self) -> str:
        rows = [
            ("format", f"{self.format} {self.subtype}"),
            ("rate", f"{self.fs:g} Hz"),
            ("channels", f"{self.channels}"),
            ("length", f"{self.length_s:.3f} s ({self.frames:,} frames)"),
            ("peak", f"{self.peak_db:.2f} dBFS"),
            ("RMS", f"{self.rms_db:.2f} dBFS"),
        ]
        if self.loudness_lufs is not None:
            rows.append(("loudness", f"{self.loudness_lufs:.2f} LUFS"))
        if self.bad_samples:
            rows.append(("NaN or inf", f"{self.bad_samples:,} samples"))
        if self.direct_sound_s is not None:
            rows.append(("direct sound", f"{1e3 * self.direct_sound_s:.2f} ms"))
            decay = "none" if self.decay_time_s is None else f"{self.decay_time_s:.2f} s to -60 dB"
            rows.append(("decay", decay))
        return "\n".join([self.path, *(f"  {name:<14}{value}" for name, value in rows)])


def survey_file(path: PathLike, *, loudness: bool = False) -> Survey:
    """Measure a sound file in constant memory; a short one as a response too.

    Parameters
    ----------
    path : path
        Any file `read` reads.
    loudness : bool
        Measure the integrated loudness, which takes longer than all the rest.

    Returns
    -------
    Survey

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError, AudioFileError
        As `read`.
    """
    peak = energy = 0.0
    bad = frames = 0
    kept: list[Array] = []
    with Source(path) as sound:
        meter = LoudnessMeter(fs=sound.fs, channels=sound.channels) if loudness else None
        for block in sound.blocks(BLOCK):
            frames += block.shape[1]
            good = np.isfinite(block)
            if not good.all():
                bad += int(block.size - good.sum())
                block = np.where(good, block, np.float32(0))
            peak = max(peak, levels.peak(block))
            energy += float(np.square(block, dtype=np.float64).sum())
            if meter is not None:
                meter.push(block)
            if frames <= LONGEST_RESPONSE_S * sound.fs:
                kept.append(block)
        fs, channels = sound.fs, sound.channels
        form, subtype = sound.format, sound.subtype
    direct = decay = None
    if 0 < frames <= LONGEST_RESPONSE_S * fs and peak > 0:
        response = np.concatenate(kept, axis=1)
        direct = levels.onset(response) / fs
        decay = levels.decay_time(response, fs=fs)
    return Survey(
        path=os.fsdecode(path),
        format=form,
        subtype=subtype,
        fs=fs,
        channels=channels,
        frames=frames,
        length_s=frames / fs,
        peak_db=float(levels.db(peak)),
        rms_db=float(levels.db(np.sqrt(energy / max(1, frames * channels)))),
        bad_samples=bad,
        direct_sound_s=direct,
        decay_time_s=decay,
        loudness_lufs=meter.integrated_lufs if meter is not None and meter.blocks else None,
    )


def sketch_file(path: PathLike) -> tuple[Array, float]:
    """Return a sound and its rate as a picture needs them, in constant memory.

    Parameters
    ----------
    path : path
        Any file `read` reads.

    Returns
    -------
    x : ndarray, shape (channels, frames)
        The sound itself, 0 for NaN and infinities; of more than a minute the lowest and the
        highest sample of 4096 stretches, in turn.
    fs : float
        Frames of x a second.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError, AudioFileError
        As `read`, and for a file that holds no frames.
    """
    with Source(path) as sound:
        frames = sound.frames
        if frames is None:  # it does not say: count
            frames = sum(block.shape[1] for block in sound.blocks(BLOCK))
        if frames == 0:
            raise AudioFileError(f"{os.fsdecode(path)} holds no frames: there is nothing to draw")
        whole = frames <= LONGEST_RESPONSE_S * sound.fs
        # stretches of whole frames, the last one shorter
        step = 1 if whole else -(-frames // COLUMNS)
        kept = []
        for block in sound.blocks(step * max(1, BLOCK // step)):
            block = np.where(np.isfinite(block), block, np.float32(0))
            if not whole:
                starts = np.arange(0, block.shape[1], step)
                ends = [f.reduceat(block, starts, axis=1) for f in (np.minimum, np.maximum)]
                block = np.stack(ends, axis=-1).reshape(sound.channels, -1)
            kept.append(block)
        fs = sound.fs if whole else 2 * sound.fs / step
    return np.concatenate(kept, axis=1), fs
