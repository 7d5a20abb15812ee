"""one sound file into another: read, compute, measure, write, report, in constant memory"""

from __future__ import annotations

import abc
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from typing import Any, get_args

import numpy as np

from ltisys import _checks, levels, reach, spectra
from ltisys._types import Array, Normalize, PathLike
from ltisys.audio import Source, default_subtype, format_for, writable_subtype
from ltisys.errors import AudioFileError, MismatchError
from ltisys.meters import LoudnessMeter
from ltisys.recording import Sink

__all__ = ["BLOCK", "FileReport", "Job", "path_name"]

BLOCK = 1 << 17
"""Frames decoded at once."""
LEVELS: dict[str, float | None] = {"peak": -1.0, "rms": None, "lufs": -23.0}
"""Where `normalize` brings the answer unless told: room for the converter behind the loudest
sample, the level of the input, the loudness of EBU R 128."""
UNHEARD_DB = -180.0
"""A tail of less energy is counted as lost, but not worth a word."""
FEW_SAMPLES = 1 << 12
"""Samples squared and summed at once in single precision, to some 1e-7 of the energy."""


@dataclass(frozen=True)
class FileReport:
    """Say what was made of a file: nothing is changed, cut or clipped without a number here."""

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
        if self.lost_tail_db > UNHEARD_DB:
            parts.append(f"tail cut ({self.lost_tail_db:.1f} dB of the energy)")
        if self.resampled_from:
            parts.append(f"response resampled from {self.resampled_from:g} Hz")
        parts.append(f"{self.seconds:.2f} s, {self.realtime_factor:,.0f}x real time")
        return ", ".join(parts)


@dataclass
class _Measures:
    """What a pass over the answer measures."""

    peak: float = 0.0
    frames: int = 0
    energy: float = 0.0
    tail_energy: float = 0.0
    input_frames: int = 0
    input_energy: float = 0.0
    loudness: LoudnessMeter | None = None


class Job(abc.ABC):
    """Hold a checked and planned job: an input file, an output, what is between; `run` does it.

    A subclass sets `outputs`, `method`, `tail_frames` and `resampled_from`, adds to `guarded` the
    files that must not be the output, and answers blocks.
    """

    outputs: int
    method: str
    tail_frames: int
    """Frames that the answer sounds on after the input ends."""
    resampled_from: float | None = None

    def __init__(
        self,
        source: PathLike,
        out: PathLike,
        *,
        gain_db: float,
        normalize: str | None,
        tail: bool,
        subtype: str | None,
        overwrite: bool,
        in_place: bool,
    ) -> None:
        self.gain = levels.amplitude(_checks.number("gain_db", gain_db))
        self.target = None if normalize is None else _target(normalize)
        self.source, self.out, self.tail = source, out, tail
        self.overwrite = overwrite or in_place
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
            raise self._empty()
        self.guarded: list[PathLike] = [] if in_place else [source]
        # the sound is computed with more precision than the output can hold
        wide = self.subtype in ("PCM_32", "DOUBLE")
        self.dtype = np.dtype(np.float64 if wide else np.float32)

    @abc.abstractmethod
    def answers(self, blocks: Iterator[Array]) -> Iterator[tuple[int, Array]]:
        """Yield pairs of a number of input frames and the answer (outputs, n), in `dtype`.

        The tail comes at the end, with pairs of no input. An answer is good until the pair after
        the next, and may be written to.
        """

    @abc.abstractmethod
    def worst_gain(self) -> float:
        """Return the loudest that any input of full scale can come out, before `gain`."""

    @property
    @abc.abstractmethod
    def taps(self) -> int | None:
        """Frames of the response, None if it never ends."""

    @property
    @abc.abstractmethod
    def plan(self) -> object:
        """How it is computed; prints itself."""

    @property
    def expected(self) -> int | None:
        """Count the frames of the output, None where the input does not say its length."""
        if self.frames is None:
            return None
        return int(self.frames + (self.tail_frames if self.tail else 0))

    def describe(self) -> dict[str, Any]:
        """Return what `run` would do, without doing it."""
        return {
            "source": path_name(self.source),
            "path": path_name(self.out),
            "frames": self.expected,
            "fs": self.fs,
            "channels": self.outputs,
            "format": self.format,
            "subtype": self.subtype,
            "taps": self.taps,
            "resampled_from": self.resampled_from,
            "worst_case_gain_db": float(levels.db(self.worst_gain() * self.gain)),
            "method": self.method,
            "plan": str(self.plan),
        }

    def run(self, *, progress: bool = False) -> FileReport:
        """Do the work and report it; on any error the output is as it was before."""
        began = time.perf_counter()
        spectra.settle_allocator()
        passes = 1 if self.target is None else 2
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
            if self.target is not None:
                # measured in one pass, applied in another: it needs no memory and no second file
                gain *= self._correction(*self.target, self._measured(1.0, None, bar))
            measures = self._measured(gain, sink.write, bar)
        total = measures.energy + measures.tail_energy
        lost = np.sqrt(measures.tail_energy / total) if measures.tail_energy > 0 else 0.0
        seconds = time.perf_counter() - began
        return FileReport(
            path=path_name(self.out),
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
            method=self.method,
            seconds=seconds,
            realtime_factor=sink.frames / self.fs / max(seconds, 1e-9),
        )

    def _correction(self, kind: str, level: float | None, measures: _Measures) -> float:
        """Return the gain that brings the measured answer to the level asked for."""
        if measures.loudness is not None:
            assert level is not None
            if measures.loudness.blocks == 0:
                raise MismatchError(
                    f"{path_name(self.source)} becomes {measures.frames / self.fs:.3g} s of sound, "
                    f"and loudness takes 0.4 s at least; use normalize='peak' or 'rms'"
                )
            now = measures.loudness.integrated_lufs
            return levels.amplitude(level - now) if np.isfinite(now) else 1.0
        if kind == "peak":
            assert level is not None
            return levels.amplitude(level) / measures.peak if measures.peak > 0 else 1.0
        wet = measures.energy / max(1, measures.frames * self.outputs)
        if level is not None:
            return levels.amplitude(level) / float(np.sqrt(wet)) if wet > 0 else 1.0
        dry = measures.input_energy / max(1, measures.input_frames * self.inputs)
        return float(np.sqrt(dry / wet)) if wet > 0 and dry > 0 else 1.0

    def _measured(
        self, gain: float, write: Callable[[Array], None] | None, bar: Callable[[int], object]
    ) -> _Measures:
        """Compute the whole answer, write it if asked, and measure it.

        One thread reads and looks for NaN, all cores compute, one thread measures and writes.
        """
        measures = _Measures()
        kind = "" if self.target is None or write is not None else self.target[0]
        if kind == "lufs":
            measures.loudness = LoudnessMeter(fs=self.fs, channels=self.outputs)
        weigh = kind == "rms" or not self.tail

        def heard(blocks: Iterator[Array]) -> Iterator[Array]:
            for x in blocks:
                _finite(path_name(self.source), x, measures.input_frames)
                measures.input_frames += x.shape[1]
                measures.input_energy += _energy(x) if kind == "rms" else 0.0
                yield x

        def made(y: Array, arrived: int) -> None:
            if gain != 1.0:
                with np.errstate(over="ignore", invalid="ignore"):  # the sink refuses infinities
                    y *= self.dtype.type(gain)
            if not self.tail:
                kept = max(0, min(y.shape[1], arrived - measures.frames))
                measures.tail_energy += _energy(y[:, kept:])
                y = y[:, :kept]
            measures.frames += y.shape[1]
            measures.energy += _energy(y) if weigh else 0.0
            if measures.loudness is not None:
                measures.loudness.push(y)
            if write is not None:
                write(y)
            else:
                measures.peak = max(measures.peak, levels.peak(y))

        with Source(self.source) as sound, ThreadPoolExecutor(1) as writer:
            arrived = 0
            writing: Future[None] | None = None
            for read, y in self.answers(heard(sound.blocks(BLOCK, dtype=self.dtype.name))):
                arrived += read
                if writing is not None:
                    writing.result()
                writing = writer.submit(made, y, arrived)
                bar(read)
            if writing is not None:
                writing.result()
        if measures.input_frames == 0:
            raise self._empty()
        return measures

    def _empty(self) -> AudioFileError:
        return AudioFileError(f"{path_name(self.source)} holds no frames: there is nothing to do")


# --- parts ----------------------------------------------------------------------------------------


def path_name(path: PathLike) -> str:
    """Return a path as messages show it."""
    return os.fsdecode(path)


def _target(normalize: str) -> tuple[str, float | None]:
    """Return what `normalize` goes by, and the level in dB, None for that of the input."""
    kind, colon, level = str(normalize).partition(":")
    try:
        if kind not in get_args(Normalize):
            raise ValueError
        return kind, _checks.number("normalize", level) if colon else LEVELS[kind]
    except (TypeError, ValueError):
        raise ValueError(
            f"normalize={normalize!r} must be 'peak', 'rms' or 'lufs', alone or with a level in "
            f"dB behind a colon, such as 'lufs:-23'"
        ) from None


def _finite(name: str, block: Array, position: int) -> None:
    """Raise if a block of input is not finite, with the frame of the first bad sample."""
    if not reach.all_finite(block):
        bad = np.flatnonzero(~np.isfinite(block).all(axis=0))
        raise MismatchError(
            f"{name} holds NaN or infinite samples, the first at frame {position + int(bad[0])}; "
            f"mend or cut them first"
        )


def _energy(x: Array) -> float:
    """Return the sum of squares, in double precision but for short runs of single ones."""
    energy = 0.0
    with np.errstate(over="ignore"):
        for row in x:
            for first in range(0, row.size, FEW_SAMPLES):
                piece = row[first : first + FEW_SAMPLES]
                some = float(np.dot(piece, piece))
                if not 1e-30 < some < 1e30:  # squares beyond single precision, or silence
                    some = float(np.square(piece, dtype=np.float64).sum())
                energy += some
    return energy


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
