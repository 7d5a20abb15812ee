"""raw PCM and WAV on pipes, block by block, in and out"""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np

from ltisys import _checks, levels, reach
from ltisys._types import Array, PathLike
from ltisys.elements import delay
from ltisys.errors import MismatchError
from ltisys.fir import FIR
from ltisys.raw_samples import SAMPLES, Samples
from ltisys.wav_headers import WavHeader, read_header

__all__ = ["Format", "PipeReport", "convolve_pipe"]

Format = Literal["f32le", "f64le", "s16le", "s24le", "s32le", "wav"]


class Readable(Protocol):
    """A file to read bytes from, opened without a buffer."""

    def fileno(self) -> int:
        """Return its descriptor."""

    def isatty(self) -> bool:
        """Say whether it is a terminal."""

    def readinto(self, buffer: Any, /) -> int | None:
        """Fill a buffer with what is there, waiting for a byte at least; 0 at the end."""


class Writable(Protocol):
    """A file to write bytes to, opened without a buffer."""

    def fileno(self) -> int:
        """Return its descriptor."""

    def isatty(self) -> bool:
        """Say whether it is a terminal."""

    def write(self, data: Any, /) -> int | None:
        """Write some bytes, and return how many."""


@dataclass(frozen=True)
class PipeReport:
    """Say what `convolve_pipe` did: nothing is late, cut, clipped or lost without a word here."""

    format: str
    """Of the samples; those of a WAV have the same names."""
    fs: float | None
    inputs: int
    channels: int
    frames_in: int
    frames: int
    """Frames written, the tail included."""
    tail_cut: int
    """Frames of the tail that were not asked for."""
    late: int
    """Frames by which everything is late, where a resampled response rings ahead of time 0."""
    resampled_from: float | None
    """Rate of the response where it was resampled, else None."""
    peak_db: float
    """Loudest sample before clipping, in dB of full scale."""
    clipped: int
    """Frames in which at least one channel left the range of the format."""
    bad_samples: int
    """Samples of the input that were NaN or infinite."""
    spoilt: int
    """Frames written of which at least one channel is NaN or infinite."""
    lost: tuple[str, ...]
    """A sentence for each thing that came incomplete or was not read."""

    def __str__(self) -> str:
        made = f"{self.frames:,} out"
        if self.fs is not None:
            made += f" ({self.frames / self.fs:.2f} s at {self.fs:g} Hz)"
        spread = "" if self.inputs == self.channels else f"{self.inputs} -> "
        parts = [
            f"{self.frames_in:,} frames in, {made}",
            f"{spread}{self.channels} channel{'s' if self.channels > 1 else ''}",
            self.format,
            f"peak {self.peak_db:.1f} dBFS",
        ]
        if self.clipped:
            parts.append(f"{self.clipped:,} frames CLIPPED (lower --gain-db)")
        if self.bad_samples or self.spoilt:
            parts.append(f"{self.bad_samples:,} samples came NaN or infinite")
            parts.append(f"{self.spoilt:,} frames went so")
        if self.tail_cut:
            parts.append(f"tail of {self.tail_cut:,} frames cut")
        if self.resampled_from is not None:
            parts.append(f"response resampled from {self.resampled_from:g} Hz")
        if self.late:
            parts.append(f"{self.late:,} frames late by what resampling puts ahead of time 0")
        return ", ".join(parts)


def convolve_pipe(
    source: Readable,
    ir: PathLike | FIR,
    out: Writable,
    *,
    format: Format,
    block_size: int,
    fs: float | None = None,
    channels: int | None = None,
    mix: float = 1.0,
    predelay_s: float = 0.0,
    gain_db: float = 0.0,
    tail: bool = True,
    resample: bool = False,
) -> PipeReport:
    """Convolve sound from one pipe into another, block by block, without latency.

    Each block is answered as soon as it is whole; the end of the input is answered however short
    it is. Use `convolve_file` for files: it is faster, and its output appears whole or not at all.

    Parameters
    ----------
    source, out : binary files
        Opened with ``buffering=0``.
    ir : path or FIR
        Response, its channels as for `convolve_file`: one serves every channel of the input; as
        many as the input filter channel by channel; two make a mono input stereo; four (LL, LR,
        RL, RR, the first letter the input) are true stereo for a stereo or a mono input.
    format : {"f32le", "f64le", "s16le", "s24le", "s32le", "wav"}
        Raw samples, interleaved, little endian; or a WAV, whose header says rate, channels and
        samples. The output is of the same kind.
    block_size : int
        Frames gathered before they are answered.
    fs : float, optional
        Rate of the input in Hz; by default the response's. The header of a WAV must agree.
    channels : int, optional
        Channels of the input, 2 by default. The header of a WAV must agree.
    mix, predelay_s, gain_db : float
        As for `convolve_file`.
    tail : bool
        False ends with the input.
    resample : bool
        Allow a response of another rate and resample it.

    Returns
    -------
    PipeReport
        What was done; `PipeReport.lost` has a sentence for each thing that came incomplete, after
        all before it has been written.

    Raises
    ------
    ValueError, TypeError
        For an argument out of range, or a terminal.
    FileNotFoundError, AudioFileError
        For a response or a WAV header that cannot be read.
    MismatchError
        For rates or channels that do not fit.
    BrokenPipeError
        When nobody reads `out` any more.

    Notes
    -----
    The whole is one response, streamed: with pre-delay p, rate fs, gain g and mix m,
    ``g (m z^-p h + (1 - m) z^-l)``. A resampled response may ring before time 0, by a number of
    frames that cannot be heard before the sound itself: the pre-delay takes them up, and where it
    is too short all, the dry sound too, is `late` by the rest, l. Otherwise l = 0.

    Computed in float32, in float64 where the samples hold more than 24 bits. What enters as NaN
    leaves as NaN in the floats that hear it, for as long as the response. No frames in give no
    frames out.

    Examples
    --------
    >>> import io
    >>> import ltisys as lti
    >>> out = io.BytesIO()
    >>> echo = lti.FIR([1.0, 0.0, 0.5])
    >>> dry = io.BytesIO(np.int16([8192, 0, 0, 0]).astype("<i2").tobytes())
    >>> print(convolve_pipe(dry, echo, out, format="s16le", block_size=64, channels=1))
    4 frames in, 6 out, 1 channel, s16le, peak -12.0 dBFS
    >>> np.frombuffer(out.getvalue(), "<i2")
    array([8192,    0, 4096,    0,    0,    0], dtype=int16)
    """
    _checks.choice("format", format, Format)
    block_size = _checks.integer("block_size", block_size, least=1)
    mix = _checks.number("mix", mix, least=0, most=1)
    predelay_s = _checks.number("predelay_s", predelay_s, least=0, unit=" in seconds")
    gain_db = _checks.number("gain_db", gain_db)
    _no_terminal(source, "the input", "pipe sound in")
    _no_terminal(out, "the output", "pipe it to a player or into a file")
    room = ir if isinstance(ir, FIR) else FIR.from_file(ir)
    inlet = _Inlet(source)
    header = read_header(inlet.read) if format == "wav" else None
    if header:
        _agree("fs", fs, header.fs)
        _agree("channels", channels, header.channels)
        fs, channels = header.fs, header.channels
    samples = SAMPLES[header.samples if header else format]
    inputs = _checks.integer("channels", 2 if channels is None else channels, least=1)
    if inputs > _checks.MOST_CHANNELS:
        raise MismatchError(
            f"the input has {inputs} channels; ltisys takes at most {_checks.MOST_CHANNELS}"
        )
    fs = room.fs if fs is None else _checks.number("fs", fs, above=0, unit=" in Hz")
    if fs is None and predelay_s:
        raise ValueError(f"predelay_s={predelay_s!r} takes a rate; give fs= as well")
    name = repr(ir) if isinstance(ir, FIR) else os.fsdecode(ir)
    resampled = _resampled(room, fs, name, resample)
    predelay = round(predelay_s * fs) if fs is not None else 0
    late = max(0, resampled.latency - predelay)
    wet = delay(max(0, predelay - resampled.latency)) >> _fitted(resampled, inputs)
    system = _mixed(wet, delay(late), mix, gain_db, samples.work)
    stream = system.stream(block_size=block_size, channels=inputs, dtype=samples.work.name)
    outlet = _Outlet(out, samples)
    if header:
        mask = header.mask if stream.outputs == inputs else 0
        outlet.send(replace(header, channels=stream.outputs, mask=mask).to_bytes())

    frame = samples.bytes * inputs
    torn = bad_samples = 0
    silence = np.zeros((inputs, block_size), dtype=samples.work)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is counted or refused
        for data in inlet.blocks(bytearray(block_size * frame), header.size if header else None):
            torn = len(data) % frame
            x = samples.decoded(data[: len(data) - torn], inputs)
            if not reach.all_finite(x):
                bad_samples += int(np.count_nonzero(~np.isfinite(x)))
            outlet.write(stream.push(x))
        frames_in = stream.position
        left = system.tail if frames_in else 0
        while tail and left:  # block by block, in time: `flush` would compute all before the first
            n = min(left, block_size - stream.position % block_size)
            outlet.write(stream.push(silence[:, :n]))
            left -= n
    return PipeReport(
        format=samples.name,
        fs=fs,
        inputs=inputs,
        channels=stream.outputs,
        frames_in=frames_in,
        frames=outlet.frames,
        tail_cut=left,
        late=late,
        resampled_from=None if resampled is room else room.fs,
        peak_db=float(levels.db(outlet.peak)),
        clipped=outlet.clipped,
        bad_samples=bad_samples,
        spoilt=outlet.spoilt,
        lost=tuple(_lost(inlet, header, frame, torn)),
    )


def _agree(name: str, given: float | None, stated: int) -> None:
    """Raise if an argument contradicts the header."""
    if given is not None and given != stated:
        raise MismatchError(
            f"{name}={given:g} contradicts the header of the WAV, which says {stated}; leave it out"
        )


def _lost(inlet: _Inlet, header: WavHeader | None, frame: int, torn: int) -> Iterator[str]:
    """Yield a sentence for all that came incomplete, or is still to come."""
    if torn:
        yield (
            f"the input ended inside a frame: {torn} of its {frame} bytes came and were dropped; "
            f"all before it was answered"
        )
    if header is None or header.size is None:
        return
    if inlet.sound < header.size:
        yield (
            f"the input was cut off: {inlet.sound // frame:,} of the {header.size // frame:,} "
            f"frames that its header states came, and were answered"
        )
    more = inlet.drained()  # nobody shall write to a pipe that is closed too early
    if header.behind is not None and more > header.behind + 1:  # a byte may make it even
        yield f"{more - header.behind:,} bytes came behind the WAV and were not taken for sound"


# --- the system -----------------------------------------------------------------------------------


def _resampled(room: FIR, fs: float | None, name: str, allowed: bool) -> FIR:
    """Return the response at the rate of the input, if that is allowed."""
    if fs is None or room.fs is None or fs == room.fs:
        return room
    if not allowed:
        raise MismatchError(
            f"fs differs: the input {fs:g} Hz, {name} {room.fs:g} Hz; "
            f"pass resample=True (--resample) to resample the response"
        )
    return room.resample(fs)


def _fitted(room: FIR, inputs: int) -> FIR:
    """Return the response as a system that takes so many channels."""
    rows = room.h.shape[:-1]
    if rows in ((), (1,), (inputs,)):
        return room
    if rows == (4,) and inputs in (1, 2):
        room = room.matrix()
    if room.h.ndim == 2 and inputs == 1:
        return room
    if room.h.ndim == 3 and room.h.shape[1] == inputs:
        return room
    if room.h.ndim == 3 and inputs == 1:  # a mono input is sent to all of them
        h = room.h.sum(axis=1, dtype=np.float64)
        return FIR(h, fs=room.fs, latency=room.latency)
    have = "x".join(map(str, rows))
    raise MismatchError(
        f"the input has {inputs} channel{'s' if inputs > 1 else ''} but the response has {have}; "
        f"it must have 1, {inputs}{' or 4 (true stereo)' if inputs == 2 else ''}"
    )


def _mixed(wet: FIR, dry: FIR, mix: float, gain_db: float, work: np.dtype[Any]) -> FIR:
    """Return ``g (m wet + (1 - m) dry)`` in the precision that it is computed in."""
    if mix < 1 and wet.h.ndim == 3 and wet.h.shape[0] != wet.h.shape[1]:
        raise MismatchError(
            f"the input has {wet.h.shape[1]} channels but the answer has {wet.h.shape[0]}: "
            f"the dry sound cannot be mixed in; use mix=1"
        )
    both = mix * wet + (1 - mix) * dry if mix < 1 else wet
    try:
        with np.errstate(over="raise"):
            h = levels.amplitude(gain_db) * both.h
            return FIR(h.astype(work), fs=both.fs, latency=both.latency)
    except ArithmeticError:
        raise ValueError(
            f"gain_db={gain_db:g} lifts the response beyond {work.name}; lower it"
        ) from None


# --- bytes ----------------------------------------------------------------------------------------


class _Inlet:
    """Bytes of a pipe, however few at a time they come."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self.sound = 0  # bytes that `blocks` has read

    def fill(self, place: memoryview) -> int:
        """Fill a place, unless the input ends before; return how many bytes came."""
        n = 0
        while n < len(place):
            try:
                got = self._source.readinto(place[n:])
            except OSError as error:
                error.filename = "the input"
                raise
            if got == 0:
                break
            if got is None:  # someone has told the pipe not to let us wait
                select.select([self._source], [], [])
            n += got or 0
        return n

    def read(self, n: int) -> bytes:
        """Return the next n bytes, fewer where the input ends."""
        place = bytearray(n)
        return bytes(place[: self.fill(memoryview(place))])

    def blocks(self, buffer: bytearray, size: int | None) -> Iterator[memoryview]:
        """Yield what comes until the end, or `size` bytes of it, each time in the same buffer."""
        place = memoryview(buffer)
        while True:
            wanted = len(place) if size is None else min(len(place), size - self.sound)
            got = self.fill(place[:wanted])
            self.sound += got
            if got:
                yield place[:got]
            if got < len(place):
                return

    def drained(self) -> int:
        """Read on to the end, so that nobody writes to a closed pipe, and count the bytes."""
        total = 0
        while got := len(self.read(1 << 16)):
            total += got
        return total


class _Outlet:
    """Samples on their way into a pipe, measured."""

    def __init__(self, out: Writable, samples: Samples) -> None:
        self._out, self._samples = out, samples
        self.frames = self.clipped = self.spoilt = 0
        self.peak = 0.0

    def write(self, y: Array) -> None:
        """Write a block of floats (channels, n) or (n,)."""
        y = np.atleast_2d(y)
        if reach.all_finite(y):
            self.peak = max(self.peak, levels.peak(y))
        else:
            bad = ~np.isfinite(y)
            if self._samples.bits:
                raise MismatchError(
                    f"the answer is beyond {self._samples.work.name} about frame {self.frames:,}; "
                    f"lower gain_db (--gain-db)"
                )
            self.peak = max(self.peak, levels.peak(y[~bad]))
            self.spoilt += int(bad.any(axis=0).sum())
        data, clipped = self._samples.encoded(y)
        self.clipped += clipped
        self.send(data)
        self.frames += y.shape[1]

    def send(self, data: Any) -> None:
        """Write bytes, all of them, at once."""
        left = memoryview(data)
        while left:
            try:
                n = self._out.write(left)
            except OSError as error:
                error.filename = "the output"
                raise
            if n is None:  # someone has told the pipe not to let us wait
                select.select([], [self._out], [])
            left = left[n or 0 :]


def _no_terminal(file: Any, name: str, instead: str) -> None:
    if file.isatty():
        raise ValueError(f"{name} is a terminal, and samples are no text; {instead}")
