"""WAV headers out of a pipe: every size that programs state, every chunk they put before."""

import io
import shutil
import struct
import subprocess

import numpy as np
import pytest
from sounds import sentence

from ltisys.errors import AudioFileError
from ltisys.wav_headers import WavHeader, read_header

GUID = bytes.fromhex("000000001000800000aa00389b71")


def chunk(name: bytes, data: bytes, size: int | None = None) -> bytes:
    stated = struct.pack("<I", len(data) if size is None else size)
    return name + stated + data + b"\0" * (len(data) % 2)


def form(
    tag: int = 1, channels: int = 2, fs: int = 48000, bits: int = 16, more: bytes = b""
) -> bytes:
    frame = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, fs, fs * frame, frame, bits) + more)


def extension(tag: int, bits: int = 24, mask: int = 3, guid: bytes = GUID) -> bytes:
    return struct.pack("<HHIH", 22, bits, mask, tag) + guid


def riff(*parts: bytes, whole: int | None = None, magic: bytes = b"RIFF") -> bytes:
    body = b"WAVE" + b"".join(parts)
    return magic + struct.pack("<I", len(body) if whole is None else whole) + body


def header_of(data: bytes) -> WavHeader:
    """Read it, and see that the very next byte is the first of the sound."""
    file = io.BytesIO(data)
    header = read_header(file.read)
    assert data[file.tell() - 8 : file.tell() - 4] == b"data"
    return header


SOUND = bytes(range(100))


def test_the_plain_header() -> None:
    assert header_of(riff(form(), chunk(b"data", SOUND))) == WavHeader(
        fs=48000, channels=2, bits=16, floating=False, size=100, behind=0
    )


@pytest.mark.parametrize(
    ("tag", "bits", "samples"),
    [(1, 16, "s16le"), (1, 24, "s24le"), (1, 32, "s32le"), (3, 32, "f32le"), (3, 64, "f64le")],
)
@pytest.mark.parametrize("extensible", [False, True])
def test_the_samples(tag: int, bits: int, samples: str, extensible: bool) -> None:
    shown = form(tag, bits=bits)
    if extensible:
        shown = form(0xFFFE, bits=bits, more=extension(tag, bits, mask=0x33))
    header = header_of(riff(shown, chunk(b"data", SOUND)))
    assert header.samples == samples
    assert (header.extensible, header.mask) == (extensible, 0x33 if extensible else 0)
    again = header_of(header.to_bytes())
    assert again == WavHeader(48000, 2, bits, tag == 3, extensible, header.mask)
    assert len(header.to_bytes()) == (68 if extensible else 44)


def test_other_chunks_are_skipped() -> None:
    parts = (
        chunk(b"JUNK", bytes(200_000)),
        chunk(b"odd ", b"abc"),
        form(more=b"\0\0"),
        chunk(b"LIST", b"INFO"),
        chunk(b"bext", bytes(603)),
    )
    behind = chunk(b"id3 ", b"abcde")
    header = header_of(riff(*parts, chunk(b"data", SOUND), behind))
    assert (header.size, header.behind) == (100, len(behind))


ENDLESS = (0x7FFFEFFF, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFF000, 0xFFFFFFFF)


@pytest.mark.parametrize(
    ("whole", "size"),
    [
        *((size, size) for size in ENDLESS),
        *((size + 36, size) for size in ENDLESS[:1]),
        (0, 0),
        (36, 0),  # written before the sound was
        (0xFFFFFFFF, 0),
        (0, 100),
        (136, 1000),  # more than there is room for
    ],
)
def test_sizes_that_mean_to_the_end(whole: int, size: int) -> None:
    header = header_of(riff(form(), chunk(b"data", SOUND, size), whole=whole))
    assert (header.size, header.behind) == (None, None)


@pytest.mark.parametrize(
    ("whole", "size", "wanted"),
    [
        (136, 100, (100, 0)),
        (0xFFFFFFFF, 100, (100, None)),
        (128, 100, (100, 0)),  # eight bytes forgotten
        (50, 0, (0, 14)),  # empty, with a chunk behind
        (3_000_000_036, 3_000_000_000, (3_000_000_000, 0)),
    ],
)
def test_sizes_that_are_meant(whole: int, size: int, wanted: tuple) -> None:
    header = header_of(riff(form(), chunk(b"data", SOUND, size), whole=whole))
    assert (header.size, header.behind) == wanted


@pytest.mark.parametrize(
    ("whole", "long", "size", "wanted"),
    [
        (10_000_000_072, 10_000_000_000, 0xFFFFFFFF, (10_000_000_000, 0)),
        (0, 0, 0xFFFFFFFF, (None, None)),  # ffmpeg into a pipe
        (2**64 - 1, 2**64 - 1, 0xFFFFFFFF, (None, None)),
        (172, 0, 100, (100, 0)),
    ],
)
def test_rf64(whole: int, long: int, size: int, wanted: tuple) -> None:
    wide = chunk(b"ds64", struct.pack("<QQQI", whole, long, 0, 0))
    data = riff(wide, form(), chunk(b"data", SOUND, size), whole=0xFFFFFFFF, magic=b"RF64")
    header = header_of(data)
    assert (header.size, header.behind) == wanted


DATA = chunk(b"data", SOUND)
BAD = [
    (b"", "the input is no WAV: it is empty; decode it first, e.g. with ffmpeg -i - -f wav -"),
    (b"OggS" + bytes(90), "the input is no WAV: it starts with b'OggS\\x00'; decode it first"),
    (b"RIFF\0\0\0\0AVI " + DATA, "the input is no WAV: it starts with b'RIFF\\x00'"),
    (riff(form()), "the input ends before its sound begins: it was cut off"),
    (riff(form())[:30], "the input ends before its sound begins: it was cut off"),
    (riff(chunk(b"JUNK", b"", 1 << 31)), "the input ends before its sound begins"),
    (riff(DATA), "the input is a damaged WAV: its sound begins before its format"),
    (riff(chunk(b"fmt ", bytes(14)), DATA), "the input is a damaged WAV: its sound begins before"),
    (riff(b"\0\0\0\0\0\0\0\0"), "the input is a damaged WAV: b'\\x00\\x00\\x00\\x00' at byte 12"),
    (riff(form(bits=8), DATA), "the input is a WAV of 8-bit PCM; a pipe takes 16, 24 or 32-bit"),
    (riff(form(3, bits=16), DATA), "the input is a WAV of 16-bit floats; a pipe takes"),
    (riff(form(85, bits=16), DATA), "the input is a WAV of codec 85; a pipe takes"),
    (riff(form(channels=0), DATA), "the input is a damaged WAV: 0 channels of 16 bits in frames"),
    (riff(form(fs=0), DATA), "the input is a damaged WAV: 2 channels of 16 bits in frames of 4"),
    (riff(form(0xFFFE), DATA), "the input is a WAV of an unknown extensible format"),
    (
        riff(form(0xFFFE, more=extension(1, guid=bytes(14))), DATA),
        "the input is a WAV of an unknown extensible format",
    ),
]


@pytest.mark.parametrize(("data", "words"), BAD, ids=[words[13:60] for _, words in BAD])
def test_what_cannot_be_read_is_said(data: bytes, words: str) -> None:
    with pytest.raises(AudioFileError) as caught:
        read_header(io.BytesIO(data).read)
    assert sentence(caught).startswith(words)


def test_any_bytes_give_a_header_or_a_sentence() -> None:
    rng = np.random.default_rng(3)
    whole = riff(chunk(b"LIST", b"abc"), form(0xFFFE, bits=24, more=extension(1)), DATA)
    for trial in range(3000):
        data = bytearray(whole)
        for at in rng.integers(0, 90, rng.integers(1, 6)):
            data[at] = rng.integers(256)
        data = data[: rng.integers(len(data))] if trial % 3 == 0 else data
        try:
            header = read_header(io.BytesIO(bytes(data)).read)
        except AudioFileError:
            continue
        assert header.channels >= 1
        assert header.fs >= 1


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not here")
@pytest.mark.parametrize("options", ["", "-rf64 always"])
@pytest.mark.parametrize("bits", ["s16le", "s24le", "s32le", "f32le", "f64le"])
def test_what_ffmpeg_writes_to_a_pipe(bits: str, options: str) -> None:
    line = (
        f"ffmpeg -loglevel error -f lavfi -i sine=d=0.01:r=44100 -c:a pcm_{bits} {options} -f wav -"
    )
    made = subprocess.run(line.split(), stdout=subprocess.PIPE, check=True).stdout
    header = header_of(made)
    assert (header.fs, header.channels, header.samples) == (44100, 1, bits)
    assert header.size is None


@pytest.mark.skipif(shutil.which("sox") is None, reason="sox is not here")
@pytest.mark.parametrize("bits", ["-b 16", "-b 24", "-e float -b 32"])
def test_what_sox_writes_to_a_pipe(bits: str) -> None:
    line = f"sox -n -r 44100 {bits} -t wav - synth 0.01 sine 440"
    made = subprocess.run(line.split(), capture_output=True, check=True).stdout
    header = header_of(made)
    assert (header.fs, header.channels) == (44100, 1)
    assert header.size in (None, 441 * header.bits // 8)
