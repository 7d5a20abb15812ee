"""sound files, in blocks; the only (frames, channels) in the package; soundfile only here"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, Self

import numpy as np
import soundfile as sf

from ltisys import _checks, containers
from ltisys._types import Array, PathLike
from ltisys.containers import (
    BITS,
    BYTES,
    CHUNKED,
    FLOATING,
    READABLE,
    Streamed,
    format_for,
    name,
)
from ltisys.errors import AudioFileError

__all__ = [
    "LIBSNDFILE",
    "SoundInfo",
    "Source",
    "default_subtype",
    "describe",
    "format_for",
    "read",
    "shipped_sound",
    "writable_subtype",
]

LIBSNDFILE = str(sf.__libsndfile_version__)
"""The version of the library that decodes and encodes."""

SoundFileError = sf.SoundFileError
available_subtypes = sf.available_subtypes
SampleType = Literal["float32", "float64", "int16", "int32"]

TAGS = (
    *("title", "artist", "album", "date", "comment", "copyright", "software"),
    *("tracknumber", "genre"),
)

PIECE = 1 << 16
"""Frames read at once by `read`."""

MOST_FRAMES_PER_BYTE = 1 << 14
"""No format packs more: FLAC, silent, has 65 535 frames in 14 bytes. A header is lying beyond."""


@dataclass(frozen=True)
class SoundInfo:
    """What the header of a sound file states; `frames` is None where it does not."""

    path: str
    format: str
    subtype: str
    fs: int
    channels: int
    frames: int | None
    length_s: float | None
    bytes: int
    tags: dict[str, str]


def read(path: PathLike, *, dtype: str = "float32") -> tuple[Array, int]:
    """Read a whole sound file; for long ones `Source` gives blocks.

    Parameters
    ----------
    path : path-like
        WAV, RF64, W64, AIFF, FLAC, OGG (Vorbis, Opus), MP3, CAF or AU.
    dtype : {"float32", "float64", "int16", "int32"}
        Floats are in -1 .. 1; integers are the codes, shifted up to fill the type.

    Returns
    -------
    x : ndarray, shape (channels, frames)
    fs : int
        Sample rate in Hz.

    Raises
    ------
    AudioFileError
        For what is no sound file, or holds fewer frames than its header states.
    FileNotFoundError, IsADirectoryError, PermissionError
        For what cannot be opened.

    Examples
    --------
    >>> import ltisys as lti
    >>> from ltisys.audio import shipped_sound
    >>> x, fs = lti.read(shipped_sound("dry/drums.flac"))
    >>> x.shape, x.dtype, fs
    ((2, 192000), dtype('float32'), 48000)
    """
    with Source(path) as source:
        blocks = list(source.blocks(PIECE, dtype=dtype))
        empty = np.empty((source.channels, 0), dtype=dtype)
        return np.concatenate(blocks, axis=1) if blocks else empty, source.fs


def describe(path: PathLike) -> SoundInfo:
    """Return what the header states, without reading the sound."""
    with Source(path) as s:
        length_s = None if s.frames is None else s.frames / s.fs
        head = (s.path, s.format, s.subtype, s.fs, s.channels, s.frames)
        return SoundInfo(*head, length_s, s.bytes, s.tags)


# --- libsndfile -------------------------------------------------------------------------------


def default_subtype(format: str, dtype: Any = "float32") -> str:
    """Return the subtype that keeps `dtype` best: PCM_16 for int16, PCM_24 for floats."""
    wanted = {"int16": "PCM_16", "int32": "PCM_32"}.get(np.dtype(dtype).name, "PCM_24")
    available = available_subtypes(format)
    for subtype in (wanted, "PCM_24"):
        if subtype in available:
            return subtype
    return str(sf.default_subtype(format))


def writable_subtype(format: str, subtype: str) -> bool:
    """Say whether a file of `format` should be given `subtype`: possible, and no speech codec."""
    good = subtype in BYTES or subtype in BITS or subtype.startswith(FLOATING)
    return good and subtype in available_subtypes(format)


def reason(error: Exception) -> str:
    """Return libsndfile's words without its prefixes."""
    text = str(getattr(error, "error_string", error)).strip()
    if text.startswith("File does not exist"):  # its words for an MP3 without a frame
        return "it holds no sound"
    return text.removeprefix("Error : ").rstrip(".") or type(error).__name__


class Handle(sf.SoundFile):  # type: ignore[misc]  # soundfile publishes no types
    """A SoundFile that never seeks of its own accord.

    It would after every block, which costs time and fails at the end of a FLAC of unknown length.
    """

    def seekable(self) -> bool:
        return False


def opened(file: BinaryIO | Streamed, path: str, mode: str = "r", **options: Any) -> Handle:
    """Open an open file: its name may be any bytes, and may have come to mean another file."""
    file.seek(0)
    if isinstance(file, Streamed):
        return Handle(file, mode)
    # libsndfile has its own table of descriptors on Windows
    where = file.fileno() if os.name == "posix" else path
    return Handle(where, mode, closefd=False, **options)


# --- reading ----------------------------------------------------------------------------------


def shipped_sound(name: str) -> Path:
    """Return the path of a sound that comes with ltisys, e.g. ``"responses/hall.flac"``.

    Raises
    ------
    FileNotFoundError
        If there is none of that name.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "sounds", package.parent / "audio"):  # installed; in a checkout
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f"no sound named {name!r} comes with ltisys")


class Source:
    """A sound file open for reading in blocks; one a thread.

    Use it in a ``with`` statement. Attributes: `path`, `format`, `subtype`, `fs`, `channels`,
    `frames` (what the header states, or None), `tags`, `bytes` (the size of the file) and
    `read_frames` so far.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError
        From the operating system.
    AudioFileError
        For anything but a sound file of a known format.
    """

    def __init__(self, path: PathLike) -> None:
        self.path = name(path)
        status = os.stat(path)  # before open(): opening a pipe waits for ever
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), self.path)
        if not stat.S_ISREG(status.st_mode):
            raise AudioFileError(
                f"{self.path} is not a regular file but a pipe, a socket or a device; "
                f"copy the sound to a file first"
            )
        self.bytes = status.st_size
        self.read_frames = 0
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115  # closed by close()
        try:
            self._begin()
        except BaseException:
            self._file.close()
            raise

    def _begin(self) -> None:
        head = self._file.read(12)
        if not containers.known(head):
            found = f"starts with {head[:5]!r}" if head else "is empty"
            raise AudioFileError(f"{self.path} is not a sound file ltisys reads: it {found}")
        # all that is read here is read first: the place in the file is shared with libsndfile
        stated = containers.stated(self._file, self.bytes)
        guessed = containers.guessed(self._file)
        if head[:4] == b"RIFF" and stated and self.bytes - sum(stated) >= containers.MOST_BYTES:
            raise AudioFileError(
                f"{self.path} holds more than the 4 GiB that its header can state; convert it to "
                f"RF64 with the program that wrote it"
            )
        file: Any = self._file
        if head[:4] == b"RIFF" and stated and stated[1] == 0 and stated[0] < self.bytes:
            self._file.seek(stated[0])
            after = self._file.read(8)
            fits = stated[0] + 8 + int.from_bytes(after[4:], "little") <= self.bytes
            if not (fits and after[:4].isascii() and b"\0" not in after[:4]):  # no other chunk
                file = Streamed(self._file, stated[0] - 4)
        try:
            self._handle = opened(file, self.path)
        except sf.SoundFileError as error:
            raise AudioFileError(f"{self.path} cannot be decoded: {reason(error)}") from error
        handle = self._handle
        if handle.format not in READABLE:
            raise AudioFileError(f"{self.path} is {handle.format}, which ltisys does not read")
        self.format = "WAV" if handle.format == "WAVEX" else str(handle.format)
        self.subtype = str(handle.subtype)
        self.fs, self.channels = int(handle.samplerate), int(handle.channels)
        words = handle.copy_metadata()
        self.tags: dict[str, str] = {tag: words[tag] for tag in TAGS if words.get(tag)}
        self._held = int(handle.frames)
        if self._held == 0 and stated is None and head[:4] in CHUNKED:
            raise AudioFileError(f"{self.path} cannot be decoded: it ends before its sound begins")
        self.frames: int | None = self._held
        if self._held > MOST_FRAMES_PER_BYTE * self.bytes or guessed:
            self.frames = None
        elif stated and sum(stated) > self.bytes:
            start, size = stated
            one = BYTES.get(self.subtype, 0) * self.channels
            self.frames = size // one if one else self._held * size // max(1, self.bytes - start)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; more than once is fine."""
        self._handle.close()
        self._file.close()

    def blocks(self, size: int, dtype: str = "float32") -> Iterator[Array]:
        """Yield the sound from its first frame to its real end, in fresh arrays.

        Parameters
        ----------
        size : int
            Frames a block; the last one may have fewer.
        dtype : {"float32", "float64", "int16", "int32"}
            As for `read`.

        Yields
        ------
        ndarray, shape (channels, size)
            C-contiguous.

        Raises
        ------
        AudioFileError
            Before the first block of a file that was cut off, as far as its size tells; else
            after the last one, if the header states more frames than there were.

        Notes
        -----
        PCM_16 and PCM_32 are read as they are and scaled here, 2.5x faster than by libsndfile
        and to the same floats; for other subtypes that gains nothing.
        """
        size = _checks.integer("size", size, least=1)
        bits = BITS.get(self.subtype, 64)
        if _checks.choice("dtype", dtype, SampleType).startswith("int") and bits > int(dtype[3:]):
            raise ValueError(
                f"dtype={dtype!r} cannot hold the {self.subtype} of {self.path}; use 'float32'"
            )
        return self._blocks(size, dtype)

    def _blocks(self, size: int, dtype: str) -> Iterator[Array]:
        if self.frames is not None and self.frames > self._held:
            raise self._short(self._held)
        if self.read_frames:
            self._handle.seek(0)
            self.read_frames = 0
        native = {"PCM_16": "int16", "PCM_32": "int32"}.get(self.subtype, dtype)
        native = native if dtype.startswith("float") else dtype
        scale = None if native == dtype else 0.5 ** (int(native[3:]) - 1)
        buffer = np.empty((size, self.channels), dtype=native)
        while n := self._fill(buffer):
            self.read_frames += n
            y = np.empty((self.channels, n), dtype=dtype)
            y[...] = buffer[:n].T
            if scale is not None:
                y *= scale
            yield y
        if self.frames is not None and self.read_frames < self.frames:
            raise self._short(self.read_frames)
        # the decoder stops at the length it has guessed, however much follows but tags
        rest = self.bytes - self._file.tell()
        if self.frames is None and self.format == "MP3" and rest > max(1 << 14, self.bytes >> 4):
            raise AudioFileError(
                f"{self.path} states no length, and its decoder stopped {rest} bytes before the "
                f"end, after {self.read_frames} frames; decode it with another program first"
            )

    def _fill(self, buffer: Array) -> int:
        """Read until the buffer is full or the sound ends."""
        n = 0
        while n < len(buffer):
            try:
                got = self._handle.buffer_read_into(buffer[n:], dtype=buffer.dtype.name)
            except sf.SoundFileError as error:
                at = self._handle.tell()  # what was good before the error is not counted for us
                if self.frames is not None and self.frames > at:
                    raise self._short(at) from error
                raise AudioFileError(
                    f"{self.path} cannot be decoded beyond frame {at}: {reason(error)}"
                ) from error
            if got == 0:
                break
            n += got
        return n

    def _short(self, held: int) -> AudioFileError:
        return AudioFileError(
            f"{self.path} holds {held} of {self.frames} frames: it was cut off; get it whole, or "
            f"mend it with another program"
        )
