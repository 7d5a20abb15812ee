"""sound files written in blocks, whole or not at all"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, get_args

import numpy as np

from ltisys import _checks, audio, quantiser
from ltisys._types import Array, PathLike
from ltisys.audio import TAGS, Handle, SampleType, SoundFileError, opened, reason
from ltisys.containers import (
    BITS,
    BYTES,
    FLOATING,
    MOST_BYTES,
    by_extension,
    format_for,
    limits,
    name,
    settle,
    unstamp,
)
from ltisys.errors import OutputError
from ltisys.replacing import Replacement

__all__ = ["Sink", "WriteReport", "write"]

FLOAT32_MOST = float(np.finfo(np.float32).max)

PIECE = 1 << 16
"""Frames handed to libsndfile at once. Vorbis packs differently by it, so there it is exact."""


@dataclass(frozen=True)
class WriteReport:
    """What was written; `clipped` counts frames, `peak_db` is before clipping."""

    path: str
    format: str
    subtype: str
    fs: int
    channels: int
    frames: int
    peak_db: float
    clipped: int


def write(path: PathLike, x: Any, fs: float, *, subtype: str | None = None) -> WriteReport:
    """Write a sound file, or leave the one that is there: it is replaced when complete.

    Parameters
    ----------
    path : path-like
        Its extension is the format: .wav .flac .aiff .ogg .opus .mp3 .caf .au .w64 .rf64. A WAV
        beyond 4 GiB becomes RF64, which the report says.
    x : array_like, shape (frames,) or (channels, frames)
        Floats, 1.0 being full scale, or int16 or int32, written bit for bit where they fit.
    fs : float
        Sample rate in Hz, a whole number.
    subtype : str, optional
        As libsndfile calls it, ``"PCM_16"`` or ``"FLOAT"``; by default
        that of `audio.default_subtype`.

    Returns
    -------
    WriteReport
        With ``.clipped`` frames and ``.peak_db``. The level is never changed.

    Raises
    ------
    MismatchError
        For NaN or infinity.
    OutputError
        For what cannot be created, or what the format does not take.

    Examples
    --------
    >>> import os, tempfile
    >>> import ltisys as lti
    >>> path = os.path.join(tempfile.mkdtemp(), "noise.wav")
    >>> report = lti.write(path, 0.1 * lti.noise(48000, channels=2), 48000)
    >>> report.subtype, report.frames, report.clipped
    ('PCM_24', 48000, 0)
    """
    x = np.atleast_2d(_checks.numeric("x", x))
    if x.ndim > 2:
        raise ValueError(f"x.shape={x.shape} must be (frames,) or (channels, frames)")
    _checks.channels_last_guard("x", x)
    if x.dtype.kind == "f":
        _checks.finite("x", x)
    channels, frames = x.shape
    subtype = subtype or by_extension(path) or audio.default_subtype(format_for(path), x.dtype)
    options: dict[str, Any] = {"channels": channels, "frames": frames, "overwrite": True}
    with Sink(path, fs=fs, subtype=subtype, **options) as sink:
        sink.write(x)
    peak_db = 20 * math.log10(sink.peak) if sink.peak > 0 else -math.inf
    made = (sink.path, sink.format, sink.subtype, sink.fs, channels, sink.frames)
    return WriteReport(*made, peak_db, sink.clipped)


class Sink:
    """A sound file being written in blocks, which appears under its name when complete.

    Use it in a ``with`` statement; leaving that by an exception leaves what was there before.

    Parameters
    ----------
    path : path-like
        A link is followed: the file it points to is replaced.
    fs : float
        Sample rate in Hz, a whole number.
    channels : int
    format, subtype : str, optional
        By default what the extension says, and `audio.default_subtype`.
    tags : mapping, optional
        Title, artist and so on, as `Source.tags`; W64 and AU hold none.
    frames : int, optional
        How many are expected, to know early whether they fit the disk and WAV's 4 GiB.
    overwrite : bool
        Replace a file that is there.
    sources : sequence of path-like
        Files that must not be the output.

    Raises
    ------
    OutputError
        For what cannot be created, before anything is; OSError when the disk is full later on.

    Notes
    -----
    `format`, `subtype`, `fs`, `channels` as written, and so far: `frames`, `clipped` (frames),
    `peak` (1.0 is full scale). The same blocks give the same bytes, on any day.
    """

    def __init__(
        self,
        path: PathLike,
        *,
        fs: float,
        channels: int,
        format: str | None = None,
        subtype: str | None = None,
        tags: Mapping[str, str] | None = None,
        frames: int | None = None,
        overwrite: bool = False,
        sources: Sequence[PathLike] = (),
    ) -> None:
        self.path = name(path)
        self.fs = int(_checks.number("fs", fs, above=0, unit=" in Hz"))
        if self.fs != fs:
            raise ValueError(f"fs={fs!r} must be a whole number of Hz in a sound file")
        self.channels = _checks.integer("channels", channels, least=1)
        self.format = format or format_for(path)
        self.subtype = subtype or by_extension(path) or audio.default_subtype(self.format)
        self._check_format()
        self.tags = {} if self.format in ("W64", "AU") else dict(tags or {})
        self.frames = self.clipped = 0
        self.peak = 0.0
        self._out = Replacement(path, overwrite, sources)
        self._predict(frames)
        self._rest: Array | None = None
        self._handle: Handle | None = None

    def _check_format(self) -> None:
        subtypes = audio.available_subtypes(self.format)
        if self.subtype not in subtypes:
            raise ValueError(
                f"subtype={self.subtype!r} must be one of {', '.join(map(repr, subtypes))} "
                f"in {self.format}"
            )
        most, rates = limits(self.format, self.subtype)
        if self.channels > most or self.fs not in rates:
            hz = f"1 to {rates[-1]}" if isinstance(rates, range) else ", ".join(map(str, rates))
            raise OutputError(
                f"{self.path}: {self.format} ({self.subtype}) takes at most {most} channels, at "
                f"{hz} Hz; got {self.channels} channels at {self.fs} Hz"
            )

    def _predict(self, frames: int | None) -> None:
        """Choose RF64 where WAV is too small or may be, and see whether the disk has room."""
        size = BYTES.get(self.subtype, 0) * self.channels * (frames or 0)
        self._undecided = self.format == "WAV" and frames is None
        if self.format == "WAV" and self.subtype in BYTES and (frames is None or size > MOST_BYTES):
            self.format = "RF64"
        self._check_size(size)
        free = shutil.disk_usage(self._out.folder).free
        if size > free:
            full = OutputError(f"{self.path} takes {size} bytes, but its disk has {free} left")
            full.errno = errno.ENOSPC
            raise full

    def _check_size(self, size: int) -> None:
        if size > MOST_BYTES and self.format in ("WAV", "AIFF", "AU"):
            raise OutputError(
                f"{self.path}: {self.format} holds less than 4 GiB; use .wav with the number of "
                f"frames stated, .w64 or .caf"
            )

    def __enter__(self) -> Self:
        self._out.begin()
        try:
            head: dict[str, Any] = {"samplerate": self.fs, "channels": self.channels}
            head |= {"format": self.format, "subtype": self.subtype}
            self._handle = opened(self._out.file, self._out.temporary, "w", **head)
            for tag in TAGS:
                if word := self.tags.get(tag):
                    setattr(self._handle, tag, word)
        except SoundFileError as error:
            failure = self._failure(error)
            self._discard()
            raise failure from error
        except BaseException:
            self._discard()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._discard()

    def write(self, x: Array) -> None:
        """Write a block (channels, n) of float32, float64, int16 or int32; any n."""
        x = np.atleast_2d(_checks.numeric("x", x))
        if x.dtype.name not in get_args(SampleType):
            raise TypeError(f"x must be float32, float64, int16 or int32; got {x.dtype}")
        if x.ndim != 2 or x.shape[0] != self.channels:
            raise ValueError(f"x.shape={x.shape} must be ({self.channels}, n): (channels, frames)")
        total = self.frames + x.shape[1]
        self._check_size(total * self.channels * BYTES.get(self.subtype, 0))
        for start in range(0, x.shape[1], PIECE):
            piece = x[:, start : start + PIECE]
            self._measure(piece)
            self._pack(self._encoded(piece))
            self.frames += piece.shape[1]

    def _measure(self, x: Array) -> None:
        peak = max(float(x.max()), -float(x.min()))
        if x.dtype.kind == "i":
            peak /= 2.0 ** (8 * x.dtype.itemsize - 1)
        elif not peak <= FLOAT32_MOST:  # nor is it for NaN, which max() hands on
            with np.errstate(over="ignore"):
                narrow = x if self.subtype == "DOUBLE" else x.astype(np.float32)
            _checks.finite(f"the block at frame {self.frames}", narrow)
        self.peak = max(self.peak, peak)

    def _encoded(self, x: Array) -> Array:
        """Return what libsndfile writes without changing it: floats, or codes that fill a word."""
        width = 8 * x.dtype.itemsize
        integers = x.dtype.kind == "i"
        if self.subtype.startswith(FLOATING):
            if integers:
                x = x * 0.5 ** (width - 1)
            return x.astype(np.float64 if self.subtype == "DOUBLE" else np.float32, copy=False)
        bits = BITS.get(self.subtype, 16)
        word = np.dtype(np.int16 if bits <= 16 else np.int32)
        if integers and width <= bits:
            return x.astype(word) << (8 * word.itemsize - width)
        y, clipped = quantiser.codes(x * 0.5 ** (width - 1) if integers else x, bits)
        self.clipped += clipped
        return y << (8 * word.itemsize - bits) if bits % 16 else y

    def _pack(self, y: Array, last: bool = False) -> None:
        """Send a piece on; to Vorbis in pieces of one size, however the blocks were cut."""
        if self.subtype == "VORBIS":
            y = y if self._rest is None else np.concatenate([self._rest, y], axis=1)
            self._rest = y
            if y.shape[1] < PIECE and not last:
                return
            y, self._rest = y[:, :PIECE], y[:, PIECE:]
        assert self._handle is not None
        wanted = self._handle.frames + y.shape[1]
        try:
            self._handle.write(_interleaved(y))
        except (SoundFileError, AssertionError) as error:
            raise self._failure(error) from error
        if self._handle.frames != wanted:  # python -O takes soundfile's own check away
            raise self._failure(None)

    def _failure(self, error: Exception | None) -> OSError:
        return self._out.failure("it came out short" if error is None else reason(error))

    def _finish(self) -> None:
        """Complete the file, see that it is, and give it its name."""
        assert self._handle is not None
        if self.frames == 0 and self.format in ("FLAC", "OGG", "MP3"):
            raise OutputError(
                f"{self.path}: a {self.format} file without a frame cannot be opened; use .wav"
            )
        if self._rest is not None and self._rest.shape[1]:
            self._pack(self._rest[:, :0], last=True)
        try:
            self._handle.close()
            with opened(self._out.file, self._out.temporary) as made:
                # formats of fixed blocks come out longer
                whole = made.frames >= self.frames
                if self.frames and whole:
                    made.seek(self.frames - 1)
                    whole = len(made.read(1)) == 1
        except SoundFileError as error:
            raise self._failure(error) from error
        if not whole:
            raise self._failure(None)
        length = self._out.file.seek(0, os.SEEK_END)
        if self._undecided and self.format == "RF64" and length <= MOST_BYTES:
            settle(self._out.file, length)
            self.format = "WAV"
        unstamp(self._out.file, length)
        self._out.commit()

    def _discard(self) -> None:
        """Close everything, and remove the temporary file if it has not become the output."""
        with contextlib.suppress(SoundFileError):
            if self._handle is not None:
                self._handle.close()
        self._out.discard()


def _interleaved(x: Array) -> Array:
    """Return (channels, n) as (n, channels) in memory, faster than `ascontiguousarray` does."""
    frames = np.empty(x.shape[::-1], dtype=x.dtype)
    for channel, row in enumerate(x):
        frames[:, channel] = row
    return frames
