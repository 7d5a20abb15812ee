"""WAV headers on pipes: read without seeking, written without a length"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from ltisys.errors import AudioFileError

__all__ = ["WavHeader", "read_header"]

PCM, IEEE_FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
GUID = bytes.fromhex("000000001000800000aa00389b71")
"""What follows the two bytes of the tag in the subformat of WAVE_FORMAT_EXTENSIBLE."""
SAMPLES = {(PCM, 16), (PCM, 24), (PCM, 32), (IEEE_FLOAT, 32), (IEEE_FLOAT, 64)}
UNSTATED = 0xFFFFFFFF
SKIP = 1 << 16
"""Bytes of a chunk without sound read at once."""

Read = Callable[[int], bytes]
"""Return as many bytes as asked for, fewer only where the input ends."""


@dataclass(frozen=True)
class WavHeader:
    """What a WAV header says of the sound behind it."""

    fs: int
    channels: int
    bits: int
    """Of a sample as it is stored."""
    floating: bool
    extensible: bool = False
    mask: int = 0
    """Which loudspeakers the channels are for, in an extensible header."""
    size: int | None = None
    """Bytes of sound, None for "to the end"."""
    behind: int | None = None
    """Bytes of other chunks behind the sound, None where the header does not say."""

    @property
    def samples(self) -> str:
        """Name the samples as raw PCM is named: ``s16le`` or ``f32le``."""
        return f"{'f' if self.floating else 's'}{self.bits}le"

    def to_bytes(self) -> bytes:
        """Return a header for sound that goes on until it ends.

        Both sizes are 0xFFFFFFFF, as ffmpeg writes them to a pipe: nobody can know them before.
        """
        tag = IEEE_FLOAT if self.floating else PCM
        frame = self.channels * self.bits // 8
        shown = EXTENSIBLE if self.extensible else tag
        form = struct.pack(
            "<HHIIHH", shown, self.channels, self.fs, self.fs * frame, frame, self.bits
        )
        if self.extensible:
            form += struct.pack("<HHIH", 22, self.bits, self.mask, tag) + GUID
        parts = (b"RIFF", UNSTATED, b"WAVEfmt ", len(form), form, b"data", UNSTATED)
        return b"".join(p if isinstance(p, bytes) else struct.pack("<I", p) for p in parts)


def read_header(read: Read) -> WavHeader:
    """Read a WAV or RF64 header up to the first byte of sound; other chunks are skipped.

    Parameters
    ----------
    read : callable
        ``read(n)`` returns the next n bytes, fewer only where the input ends.

    Returns
    -------
    WavHeader

    Raises
    ------
    AudioFileError
        For anything but 16, 24 or 32-bit PCM or 32 or 64-bit floats in RIFF or RF64.

    Notes
    -----
    The sound goes on to the end of the input where its size is that of a program that could not
    know it: near 2**31 or 2**32, 0 with nothing else stated behind it, or beyond the size of the
    whole. The 64-bit sizes of RF64 are those of its ds64 chunk.

    References
    ----------
    EBU Tech 3306, "RF64: An extended File Format for Audio Data", 2009, section 3.
    Microsoft, "Multiple Channel Audio Data and WAVE Files", 2007: WAVE_FORMAT_EXTENSIBLE.
    """
    head = read(12)
    if head[:4] not in (b"RIFF", b"RF64") or head[8:12] != b"WAVE":
        found = f"it starts with {head[:5]!r}" if head else "it is empty"
        raise AudioFileError(
            f"the input is no WAV: {found}; decode it first, e.g. with ffmpeg -i - -f wav -, "
            f"or say which raw samples it holds"
        )
    whole = _number(head[4:8])
    at, long, form = 12, None, b""
    while True:
        raw = read(8)
        if len(raw) < 8:
            raise AudioFileError("the input ends before its sound begins: it was cut off")
        word, size = raw[:4], _number(raw[4:])
        at += 8
        if not word.isascii() or b"\0" in word:
            raise AudioFileError(
                f"the input is a damaged WAV: {word!r} at byte {at - 8} is no name"
            )
        if word == b"data":
            break
        held = read(min(size, 40)) if word in (b"fmt ", b"ds64") else b""
        if word == b"fmt ":
            form = held
        elif word == b"ds64":
            whole, long = _number(held[:8]), _number(held[8:16])
        _skip(read, size + size % 2 - len(held))
        at += size + size % 2
    if long is not None and size == UNSTATED:
        size = long
    return _header(form, *_extent(at, size, whole))


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "little")


def _skip(read: Read, size: int) -> None:
    while size > 0 and (got := len(read(min(size, SKIP)))):
        size -= got


def _unknown(size: int) -> bool:
    """Say whether a size is that of a program that could not know it: as large as it can be.

    sox states 0x7FFFF000, made a multiple of the frame; others up to 2**31, or near 2**32.
    """
    return size >= 1 << 62 or any(top - 0x2000 <= size <= top for top in (1 << 31, 1 << 32))


def _extent(at: int, size: int, whole: int) -> tuple[int | None, int | None]:
    """Return the bytes of sound and of the chunks behind it, None for what is not known.

    The sound begins at byte `at`, and is said to be of `size` bytes in a file of `whole` + 8.
    """
    end = whole + 8
    if _unknown(size) or (size == 0 and (end <= at or _unknown(whole))):
        return None, None
    if _unknown(whole):
        return size, None
    if at + size > end + 8:  # one of the two is wrong, so neither is to be relied on
        return None, None
    return size, max(0, end - at - size)  # some forget the eight bytes of the name and the size


def _header(form: bytes, size: int | None, behind: int | None) -> WavHeader:
    """Return the header of a fmt chunk."""
    if len(form) < 16:
        raise AudioFileError("the input is a damaged WAV: its sound begins before its format")
    tag, channels, fs, _, frame, bits = struct.unpack("<HHIIHH", form[:16])
    extensible = tag == EXTENSIBLE
    mask = 0
    if extensible:
        if len(form) < 40 or form[26:40] != GUID:
            raise AudioFileError("the input is a WAV of an unknown extensible format; decode it")
        mask, tag = _number(form[20:24]), _number(form[24:26])
    if (tag, bits) not in SAMPLES:
        kind = {PCM: f"{bits}-bit PCM", IEEE_FLOAT: f"{bits}-bit floats"}.get(tag, f"codec {tag}")
        raise AudioFileError(
            f"the input is a WAV of {kind}; a pipe takes 16, 24 or 32-bit PCM, 32 or 64-bit floats"
        )
    if channels < 1 or fs < 1 or frame != channels * bits // 8:
        raise AudioFileError(
            f"the input is a damaged WAV: {channels} channels of {bits} bits in frames of "
            f"{frame} bytes at {fs} Hz"
        )
    return WavHeader(fs, channels, bits, tag == IEEE_FLOAT, extensible, mask, size, behind)
