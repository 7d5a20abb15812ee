"""file in, file out, in constant memory"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ltisys import _checks, levels, reach
from ltisys._types import Array, Normalize, PathLike
from ltisys._types import Path as Route
from ltisys.audio import Source, default_subtype, format_for, writable_subtype
from ltisys.blockwise import answers, chunk_size
from ltisys.convolution import Kernels
from ltisys.errors import AudioFileError, MismatchError
from ltisys.fir import FIR
from ltisys.recording import Sink

__all__ = ["FileJob", "FileReport", "convolve_file"]

LONG = 1 << 24
"""Frames that a file of more than SHORT is planned for: all are cut alike, in the same memory."""
SHORT = 1 << 21
LONG_RESPONSE = 1 << 15
"""Responses from here on are taken in blocks of four times their length, which takes less memory
than the fastest blocks; `python -m benchmarks p2` shows how much."""
BLOCK = 1 << 17
"""Frames decoded at once."""
PEAK_DB = -1.0
"""Where ``normalize="peak"`` puts the loudest sample: room for the converter behind it."""


@dataclass(frozen=True)
class FileReport:
    """Say what `convolve_file` did: nothing is changed, cut or clipped without a number here."""

    path: str
    frames: int
    fs: float
    channels: int
    format: str
    subtype: str
    peak_db: float
    """Loudest sample before clipping, in dB of full scale."""
    clipped: int
    """Frames in which at least one channel left the range of the format."""
    gain_db: float
    """Gain applied to everything, normalising included."""
    lost_tail_db: float
    """Energy of a tail that was cut, relative to the whole answer; -inf where nothing was."""
    resampled_from: float | None
    """Rate of the response file where it was resampled, else None."""
    method: str
    seconds: float
    realtime_factor: float
    """Seconds of sound for each second of work."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values; infinities become None, which JSON can hold."""
        return {
            name: None if isinstance(value, float) and not np.isfinite(value) else value
            for name, value in asdict(self).items()
        }

    def __str__(self) -> str:
        channels = f"{self.channels} channel{'s' if self.channels > 1 else ''}"
        parts = [
            f"{self.path}: {self.frames / self.fs:.2f} s",
            f"{self.fs:g} Hz",
            channels,
            f"{self.format} {self.subtype}",
            f"peak {self.peak_db:.1f} dBFS",
        ]
        if self.gain_db:
            parts.append(f"gain {self.gain_db:+.2f} dB")
        if self.clipped:
            parts.append(f"{self.clipped:,} frames CLIPPED")
        if np.isfinite(self.lost_tail_db):
            parts.append(f"tail cut ({self.lost_tail_db:.1f} dB of the energy)")
        if self.resampled_from:
            parts.append(f"response resampled from {self.resampled_from:g} Hz")
        parts.append(f"{self.seconds:.2f} s, {self.realtime_factor:,.0f}x real time")
        return ", ".join(parts)


@dataclass
class _Meter:
    """What a pass over the answer measures."""

    peak: float = 0.0
    frames: int = 0
    energy: float = 0.0
    tail_energy: float = 0.0
    input_frames: int = 0
    input_energy: float = 0.0


class FileJob:
    """Hold a checked and planned job: an input file, a response, an output; `run` does it.

    The arguments are those of `convolve_file`; `in_place` allows the output to be the input.
    """

    def __init__(
        self,
        source: PathLike,
        ir: PathLike | FIR,
        out: PathLike,
        *,
        mix: float = 1.0,
        predelay_s: float = 0.0,
        gain_db: float = 0.0,
        normalize: Normalize | None = None,
        tail: bool = True,
        subtype: str | None = None,
        resample: bool = False,
        overwrite: bool = False,
        in_place: bool = False,
    ) -> None:
        self.mix = _checks.number("mix", mix, least=0, most=1)
        predelay_s = _checks.number("predelay_s", predelay_s, least=0, unit=" in seconds")
        self.gain = levels.amplitude(_checks.number("gain_db", gain_db))
        if normalize is not None:
            _checks.choice("normalize", normalize, Normalize)
        self.normalize, self.tail = normalize, tail
        self.source, self.out, self.overwrite = source, out, overwrite or in_place
        with Source(source) as sound:
            self.fs, self.inputs = sound.fs, sound.channels
            self.frames, self.tags = sound.frames, dict(sound.tags)
            self.format = format_for(out)
            self.subtype = subtype or (
                sound.subtype
                if writable_subtype(self.format, sound.subtype)
                else default_subtype(self.format)
            )
        if self.frames == 0:
            raise AudioFileError(f"{_name(source)} holds no frames: there is nothing to convolve")
        system = ir if isinstance(ir, FIR) else FIR.from_file(ir)
        self.resampled_from: float | None = None
        if system.fs is not None and system.fs != self.fs:
            if not resample:
                response = repr(ir) if isinstance(ir, FIR) else _name(ir)
                raise MismatchError(
                    f"fs differs: {_name(source)} {self.fs:g} Hz, {response} {system.fs:g} Hz; "
                    f"pass resample=True (--resample) to resample the response"
                )
            self.resampled_from = system.fs
            system = system.resample(self.fs)
        self.guarded = [] if in_place else [source]
        self.guarded += [] if isinstance(ir, FIR) else [ir]
        # the sound is computed with more precision than the output can hold
        wide = self.subtype in ("PCM_32", "DOUBLE")
        self.dtype = np.dtype(np.float64 if wide else np.float32)
        responses, paths, self.outputs = _routing(system.h, self.inputs, _name(source))
        if self.mix < 1 and self.inputs not in (1, self.outputs):
            raise MismatchError(
                f"{_name(source)} has {self.inputs} channels but the answer has {self.outputs}: "
                f"the dry sound cannot be mixed in; use mix=1"
            )
        # what the resampler put ahead of time 0 makes the answer late; the pre-delay takes it up
        # first, the dry sound waits for the rest, and `run` drops as many frames at the start
        predelay = round(predelay_s * self.fs)
        self.lead = max(0, system.latency - predelay)
        pad = max(0, predelay - system.latency)
        wet = np.zeros((responses.shape[0], pad + responses.shape[1]), dtype=self.dtype)
        wet[:, pad:] = responses * self.mix
        self.kernels = Kernels(wet, paths)
        self.taps = wet.shape[1]
        planned = self.frames if self.frames and self.frames < SHORT else LONG
        planned = max(planned, self.taps)  # with as many frames before them, if only zeros
        self.plan = self.kernels.plan(planned, self.dtype, "auto")
        if self.plan.method != "direct":  # a file goes by in pieces, not too large for the memory
            long = LONG_RESPONSE <= self.taps < planned // 8
            most = 4 * self.taps if long else None
            chosen = self.kernels.plan(planned, self.dtype, "overlap-save", block_size=most)
            self.plan = replace(
                chosen, why="a file goes by in blocks, not too large for the memory"
            )

    @property
    def tail_frames(self) -> int:
        """Count the frames the answer sounds on after the input ends."""
        return int(self.taps - 1 - self.lead)

    @property
    def expected(self) -> int | None:
        """Count the frames of the output, None where the input does not say its length."""
        if self.frames is None:
            return None
        return int(self.frames + (self.tail_frames if self.tail else 0))

    def describe(self) -> dict[str, Any]:
        """Return what `run` would do, without doing it."""
        gains = np.full(self.outputs, 1 - self.mix)
        for o, _, k in self.kernels.paths:
            gains[o] += np.abs(self.kernels.h[k]).sum(dtype=np.float64)
        return {
            "source": _name(self.source),
            "path": _name(self.out),
            "frames": self.expected,
            "fs": self.fs,
            "channels": self.outputs,
            "format": self.format,
            "subtype": self.subtype,
            "taps": self.taps,
            "resampled_from": self.resampled_from,
            # the loudest any input of full scale can come out: the sum of all magnitudes
            "worst_case_gain_db": float(levels.db(gains.max() * self.gain)),
            "method": self.plan.method,
            "plan": str(self.plan),
        }

    def run(self, *, progress: bool = False) -> FileReport:
        """Do the work and report it; on any error the output is as it was before."""
        began = time.perf_counter()
        passes = 1 if self.normalize is None else 2
        gain = self.gain
        with ExitStack() as stack:
            # opened before the work: an output that cannot be written is known at once
            sink = stack.enter_context(
                Sink(
                    self.out,
                    fs=self.fs,
                    channels=self.outputs,
                    format=self.format,
                    subtype=self.subtype,
                    tags=self.tags,
                    frames=self.expected,
                    overwrite=self.overwrite,
                    sources=self.guarded,
                )
            )
            bar = stack.enter_context(_progress_bar(progress, self.frames, passes, self.fs))
            if self.normalize is not None:
                # measured in one pass, applied in another: it needs no memory and no second file
                gain *= self._correction(self._measured(1.0, None, bar))
            meter = self._measured(gain, sink.write, bar)
        total = meter.energy + meter.tail_energy
        lost = np.sqrt(meter.tail_energy / total) if meter.tail_energy > 0 else 0.0
        seconds = time.perf_counter() - began
        return FileReport(
            path=_name(self.out),
            frames=sink.frames,
            fs=self.fs,
            channels=self.outputs,
            format=sink.format,
            subtype=sink.subtype,
            peak_db=float(levels.db(sink.peak)),
            clipped=sink.clipped,
            gain_db=float(levels.db(gain)),
            lost_tail_db=float(levels.db(lost)),
            resampled_from=self.resampled_from,
            method=self.plan.method,
            seconds=seconds,
            realtime_factor=sink.frames / self.fs / max(seconds, 1e-9),
        )

    def _correction(self, meter: _Meter) -> float:
        """Return the gain that brings the measured answer to the level asked for."""
        if self.normalize == "peak":
            return levels.amplitude(PEAK_DB) / meter.peak if meter.peak > 0 else 1.0
        wet = meter.energy / max(1, meter.frames * self.outputs)
        dry = meter.input_energy / max(1, meter.input_frames * self.inputs)
        return float(np.sqrt(dry / wet)) if wet > 0 and dry > 0 else 1.0

    def _measured(
        self, gain: float, write: Callable[[Array], None] | None, bar: Callable[[int], object]
    ) -> _Meter:
        """Compute the whole answer, write it if asked, and measure it.

        One thread reads and looks for NaN, all cores convolve, one thread measures and writes.
        """
        meter = _Meter()
        weigh = write is None or not self.tail

        def heard(blocks: Iterator[Array]) -> Iterator[Array]:
            for x in blocks:
                _finite(_name(self.source), x, meter.input_frames)
                meter.input_frames += x.shape[1]
                meter.input_energy += _energy(x) if weigh else 0.0
                yield x

        def made(y: Array, arrived: int) -> None:
            if gain != 1.0:
                y *= self.dtype.type(gain)
            if not self.tail:
                kept = max(0, min(y.shape[1], arrived - meter.frames))
                meter.tail_energy += _energy(y[:, kept:])
                y = y[:, :kept]
            meter.frames += y.shape[1]
            meter.energy += _energy(y) if weigh else 0.0
            if write is not None:
                write(y)
            else:
                meter.peak = max(meter.peak, levels.peak(y))

        with Source(self.source) as sound, ThreadPoolExecutor(1) as writer:
            pairs = answers(
                heard(sound.blocks(BLOCK, dtype=self.dtype.name)),
                self.kernels,
                self.plan,
                inputs=self.inputs,
                chunk=chunk_size(self.plan, self.frames),
                dry=1 - self.mix,
                lead=self.lead,
                finite=True,
            )
            arrived = 0
            writing: Future[None] | None = None
            for read, y in pairs:
                arrived += read
                if writing is not None:
                    writing.result()
                writing = writer.submit(made, y, arrived)
                bar(read)
            if writing is not None:
                writing.result()
        if meter.input_frames == 0:
            raise AudioFileError(f"{_name(self.source)} holds no frames: nothing to convolve")
        return meter


def convolve_file(
    source: PathLike,
    ir: PathLike | FIR,
    out: PathLike,
    *,
    mix: float = 1.0,
    predelay_s: float = 0.0,
    gain_db: float = 0.0,
    normalize: Normalize | None = None,
    tail: bool = True,
    subtype: str | None = None,
    resample: bool = False,
    progress: bool = False,
    overwrite: bool = False,
    in_place: bool = False,
) -> FileReport:
    """Convolve a sound file with a response into another file, in memory that does not grow.

    Reading, computing and writing run beside each other. The output appears whole or not at all.

    Parameters
    ----------
    source, out : path
        Input and output; the output's format follows its extension.
    ir : path or FIR
        Response. One channel serves every channel of the input; as many channels as the input
        filter channel by channel; two channels make a mono input stereo; four channels (LL, LR,
        RL, RR, the first letter the input) are true stereo for a stereo or a mono input, a mono
        one being sent to both inputs.
    mix : float
        0 is the dry sound alone, 1 the wet one: ``(1 - mix) dry + mix wet``.
    predelay_s : float
        Seconds by which the wet sound is later.
    gain_db : float
        Gain of the result, after normalising.
    normalize : {"peak", "rms"}, optional
        Bring the loudest sample to -1 dBFS, or the RMS level to that of the input. The answer is
        computed twice, once to measure it.
    tail : bool
        False ends with the input; the report says how much energy that cut.
    subtype : str, optional
        Such as ``"PCM_16"``, ``"PCM_24"``, ``"FLOAT"``; by default the input's where the format
        has it.
    resample : bool
        Allow a response of another rate and resample it.

    Other Parameters
    ----------------
    progress : bool
        Show a progress bar if standard error is a terminal.
    overwrite : bool
        Allow the output to exist.
    in_place : bool
        Allow the output to be the input.

    Returns
    -------
    FileReport
        What was done: frames, levels, clipped frames, lost tail, speed.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError
        For an input that cannot be opened.
    AudioFileError
        For an input that is no sound, or breaks off.
    OutputError
        For an output that exists, is the input, or cannot be created.
    MismatchError
        For rates or channels that do not fit, and for NaN or infinities.
    ValueError, TypeError
        For an argument out of range.

    Notes
    -----
    Computed in float32, in float64 where the output holds more than 24 bits; the accuracy is
    that of `convolve`.

    Examples
    --------
    >>> import ltisys as lti
    >>> lti.convolve_file("voice.wav", "hall.wav", "wet.wav", mix=0.3)  # doctest: +SKIP
    """
    job = FileJob(
        source,
        ir,
        out,
        mix=mix,
        predelay_s=predelay_s,
        gain_db=gain_db,
        normalize=normalize,
        tail=tail,
        subtype=subtype,
        resample=resample,
        overwrite=overwrite,
        in_place=in_place,
    )
    return job.run(progress=progress)


# --- parts ----------------------------------------------------------------------------------------


def _routing(h: Array, inputs: int, source: str) -> tuple[Array, tuple[Route, ...], int]:
    """Return the responses (responses, taps), the paths through them and the output channels."""
    responses = h.reshape(-1, h.shape[-1])
    if responses.shape[0] == 1:
        return responses, tuple((i, i, 0) for i in range(inputs)), inputs
    channels = h.shape[0]
    if h.ndim == 2 and channels == inputs:
        return responses, tuple((i, i, i) for i in range(inputs)), inputs
    if h.ndim == 2 and channels == 4 and inputs in (1, 2):
        last = inputs - 1
        return responses, tuple((o, min(i, last), 2 * i + o) for o in (0, 1) for i in (0, 1)), 2
    if h.ndim == 2 and inputs == 1:
        return responses, tuple((o, 0, o) for o in range(channels)), channels
    if h.ndim == 3 and inputs in (1, h.shape[1]):
        last = inputs - 1
        size = h.shape[1]
        pairs = [(o, i) for o in range(channels) for i in range(size)]
        return responses, tuple((o, min(i, last), o * size + i) for o, i in pairs), channels
    have = "x".join(map(str, h.shape[:-1]))
    raise MismatchError(
        f"{source} has {inputs} channel{'s' if inputs > 1 else ''} but the response has {have}; "
        f"it must have 1, {inputs}{' or 4 (true stereo)' if inputs == 2 else ''}"
    )


def _finite(name: str, block: Array, position: int) -> None:
    """Raise if a block of input is not finite, with the frame of the first bad sample."""
    if not reach.all_finite(block):
        bad = np.flatnonzero(~np.isfinite(block).all(axis=0))
        raise MismatchError(
            f"{name} holds NaN or infinite samples, the first at frame {position + int(bad[0])}; "
            f"mend or cut them first"
        )


def _energy(x: Array) -> float:
    """Return the sum of squares, in double precision, by pieces that stay in cache."""
    step = 1 << 14
    return sum(
        float(np.square(x[:, a : a + step], dtype=np.float64).sum())
        for a in range(0, x.shape[1], step)
    )


def _name(path: PathLike) -> str:
    return os.fsdecode(path)


def _progress_bar(
    wanted: bool, frames: int | None, passes: int, fs: float
) -> AbstractContextManager[Callable[[int], object]]:
    """Return a context that gives a function to report input frames to."""
    if not (wanted and sys.stderr.isatty()):
        return nullcontext(lambda n: None)

    @contextmanager
    def shown() -> Iterator[Callable[[int], object]]:
        from tqdm import tqdm

        total = None if frames is None else frames * passes / fs
        with tqdm(total=total, unit="s", unit_scale=True, file=sys.stderr, leave=False) as bar:
            yield lambda n: bar.update(n / fs)

    return shown()
