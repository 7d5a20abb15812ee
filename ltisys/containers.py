"""sound formats: what each takes, and what the bytes of its files say"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from typing import Any, BinaryIO, Literal

from ltisys._types import PathLike
from ltisys.errors import OutputError

__all__ = [
    "BITS",
    "BYTES",
    "CHUNKED",
    "EXTENSIONS",
    "FLOATING",
    "FORMATS",
    "MOST_BYTES",
    "READABLE",
    "Streamed",
    "by_extension",
    "format_for",
    "guessed",
    "known",
    "limits",
    "name",
    "settle",
    "stated",
    "unstamp",
]

EXTENSIONS = {
    "WAV": ".wav .wave",
    "RF64": ".rf64",
    "W64": ".w64",
    "FLAC": ".flac",
    "AIFF": ".aiff .aif",
    "CAF": ".caf",
    "AU": ".au .snd",
    "OGG": ".ogg .oga .opus",
    "MP3": ".mp3",
}
FORMATS = {ext: form for form, exts in EXTENSIONS.items() for ext in exts.split()}
READABLE = {*EXTENSIONS, "WAVEX"}
# bytes a sample where every frame takes the same room, bits of the codes where there are codes
BYTES = {"PCM_S8": 1, "PCM_U8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}
BYTES |= {"ULAW": 1, "ALAW": 1}
BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
BITS |= {f"{codec}_{bits}": bits for codec in ("ALAC", "DWVW") for bits in (12, 16, 20, 24, 32)}
FLOATING = ("FLOAT", "DOUBLE", "VORBIS", "OPUS", "MPEG")

# The most channels, and the rates. What libsndfile 1.2.2 takes beyond these for Vorbis ends the
# interpreter (200 001 Hz, 256 channels), as does a write of 4 million frames at once.
MPEG_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
LIMITS: dict[str, tuple[int, Collection[int]]] = {
    "FLAC": (8, range(1, 655_351)),
    "ALAC": (8, range(1, 1 << 31)),
    "MPEG": (2, MPEG_RATES),
    "OPUS": (255, (8000, 12000, 16000, 24000, 48000)),
    "VORBIS": (255, range(1, 200_001)),
}
ANY: tuple[int, Collection[int]] = (1024, range(1, 1 << 31))


MOST_BYTES = (1 << 32) - (1 << 16)
"""Sound beyond this does not fit the 32-bit sizes of WAV, AIFF and AU, with room for tags."""


def limits(format: str, subtype: str) -> tuple[int, Collection[int]]:
    """Return the most channels a format takes, and its rates."""
    return LIMITS.get(format) or LIMITS.get(subtype.split("_")[0]) or ANY


def format_for(path: PathLike) -> str:
    """Return the format that the extension of `path` names."""
    extension = os.path.splitext(name(path))[1].lower()
    if extension not in FORMATS:
        raise OutputError(
            f"{name(path)} must end in one of {' '.join(sorted(FORMATS))}; got {extension!r}"
        )
    return FORMATS[extension]


def by_extension(path: PathLike) -> str | None:
    """Return the subtype that the extension of `path` names, if it names one."""
    return "OPUS" if name(path).lower().endswith(".opus") else None


def name(path: PathLike) -> str:
    """Return a path as a str that opens the same file, whatever bytes it is made of."""
    return os.fsdecode(os.fspath(path))


CHUNKED = (b"RIFF", b"RIFX", b"RF64", b"riff", b"FORM")


def known(head: bytes) -> bool:
    """Say whether the first bytes are those of a format that is decoded with confidence."""
    if head[:4] in (b"RIFF", b"RIFX", b"RF64"):
        return head[8:12] == b"WAVE"
    if head[:4] == b"FORM":
        return head[8:12] in (b"AIFF", b"AIFC")
    sync = len(head) > 1 and head[0] == 0xFF and head[1] >= 0xE0 and head[1] & 6 != 0
    return sync or head.startswith(
        (b"riff\x2e\x91\xcf\x11", b"fLaC", b"OggS", b"caff", b".snd", b"ID3")
    )


def chunks(file: BinaryIO, length: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, place and size of the chunks of a RIFF, RF64, W64 or AIFF file."""
    file.seek(0)
    magic = file.read(4)
    wide = magic == b"riff"
    order: Literal["big", "little"] = "big" if magic in (b"FORM", b"RIFX") else "little"
    at, head, align = (40, 24, 8) if wide else (12, 8, 2)
    for _ in range(4096):  # a file of zeros is not worth more
        file.seek(at)
        raw = file.read(head)
        if len(raw) < head or not raw[:4].isascii() or b"\0" in raw[:4]:
            return
        size = int.from_bytes(raw[16:], order) - head if wide else int.from_bytes(raw[4:], order)
        yield raw[:4], at + head, size
        at += head + size + -size % align


def stated(file: BinaryIO, length: int) -> tuple[int, int] | None:
    """Return where the sound begins and its bytes as the header states them, if it does.

    libsndfile takes what there is for what should be there. Programs that write to a pipe state
    a size near 2**31 or 2**32, or none, and mean "to the end".
    """
    file.seek(0)
    head = file.read(12)
    place = None
    if head[:4] == b".snd":
        place = int.from_bytes(head[4:8], "big"), int.from_bytes(head[8:12], "big")
    elif head[:4] in CHUNKED:
        long = None
        for word, at, size in chunks(file, length):
            if word == b"ds64":
                file.seek(at + 8)
                long = int.from_bytes(file.read(8), "little")
            elif word == b"SSND":
                place = at + 8, size - 8
            elif word == b"data":
                place = at, size if long is None or size != 0xFFFFFFFF else long
            if place:
                break
    if place is None:
        return None
    endless = any(low <= place[1] <= low + 0x1000 for low in (0x7FFFF000, 0xFFFFF000))
    return None if endless and sum(place) > length else place


def guessed(file: BinaryIO) -> bool:
    """Say whether this is an MP3 that does not state its length: then it is guessed."""
    file.seek(0)
    head = file.read(10)
    tagged = head[:3] == b"ID3"
    size = 0
    for byte in head[6:10] if tagged else b"":  # 7 bits each (ID3v2.4, section 6.2)
        size = size << 7 | byte
    file.seek(size)
    first = file.read(4096)
    return (tagged or head[:1] == b"\xff") and not any(
        mark in first for mark in (b"Xing", b"Info", b"VBRI", b"fLaC")
    )


class Streamed:
    """A WAV whose header states no sound, read as if it said "to the end"."""

    def __init__(self, file: BinaryIO, at: int) -> None:
        self.file, self.at = file, at
        self.seek, self.tell = file.seek, file.tell

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, with the size of the sound replaced by the largest."""
        start = self.file.tell()
        data = bytearray(self.file.read(len(buffer)))
        for i in range(max(start, self.at), min(start + len(data), self.at + 4)):
            data[i - start] = 0xFF
        buffer[: len(data)] = bytes(data)
        return len(data)


def unstamp(file: BinaryIO, length: int) -> None:
    """Clear what differs from run to run: times of peaks, serial numbers of Ogg streams.

    The checksum of an Ogg page (RFC 3533, section 6) is linear: it changes by the checksum of
    the change, four bytes and as many zeros as follow them in the page.
    """
    file.seek(0)
    head = file.read(18)
    if head[:4] in (b"RIFF", b"FORM"):
        for at in [at for word, at, _ in chunks(file, length) if word == b"PEAK"]:
            file.seek(at + 4)
            file.write(bytes(4))
    if head[:4] != b"OggS":
        return
    table = []
    for byte in range(256):
        crc = byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc >> 31 else 0)) & 0xFFFFFFFF
        table.append(crc)
    change = [0]
    for byte in head[14:18] + bytes(65_307):
        change.append((change[-1] << 8 & 0xFFFFFFFF) ^ table[change[-1] >> 24 ^ byte])
    at = 0
    while at < length:
        file.seek(at)
        page = bytearray(file.read(282))
        size = 27 + page[26] + sum(page[27 : 27 + page[26]])
        crc = int.from_bytes(page[22:26], "little") ^ change[size - 14]
        file.seek(at + 14)
        file.write(bytes(4) + page[18:22] + crc.to_bytes(4, "little"))
        at += size


def settle(file: BinaryIO, length: int) -> None:
    """Turn an RF64 that has stayed small into a WAV (EBU Tech 3306, section 3)."""
    place = stated(file, length)
    if place is not None:
        for at, word in ((0, b"RIFF"), (4, length - 8), (12, b"JUNK"), (place[0] - 4, place[1])):
            file.seek(at)
            file.write(word.to_bytes(4, "little") if isinstance(word, int) else word)
