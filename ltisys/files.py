"""a sound file convolved with a response into another, in constant memory"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ltisys import _checks
from ltisys._types import Array, PathLike
from ltisys._types import Path as Route
from ltisys.blockwise import answers, chunk_size
from ltisys.convolution import Kernels
from ltisys.errors import MismatchError
from ltisys.fir import FIR
from ltisys.jobs import FileReport, Job, path_name
from ltisys.planner import Plan

__all__ = ["FileJob", "convolve_file"]

LONG = 1 << 24
"""Frames that a file of more than SHORT is planned for: all are cut alike, in the same memory."""
SHORT = 1 << 21
LONG_RESPONSE = 1 << 15
"""Responses from here on are taken in blocks of four times their length, which takes less memory
than the fastest blocks; `python -m benchmarks p2` shows how much."""


class FileJob(Job):
    """Hold a checked and planned convolution: an input file, a response, an output.

    The arguments are those of `convolve_file`.
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
        normalize: str | None = None,
        tail: bool = True,
        subtype: str | None = None,
        resample: bool = False,
        overwrite: bool = False,
        in_place: bool = False,
    ) -> None:
        self.mix = _checks.number("mix", mix, least=0, most=1)
        predelay_s = _checks.number("predelay_s", predelay_s, least=0, unit=" in seconds")
        super().__init__(
            source,
            out,
            gain_db=gain_db,
            normalize=normalize,
            tail=tail,
            subtype=subtype,
            overwrite=overwrite,
            in_place=in_place,
        )
        name = path_name(source)
        system = ir if isinstance(ir, FIR) else FIR.from_file(ir)
        if system.fs is not None and system.fs != self.fs:
            if not resample:
                response = repr(ir) if isinstance(ir, FIR) else path_name(ir)
                raise MismatchError(
                    f"fs differs: {name} {self.fs:g} Hz, {response} {system.fs:g} Hz; "
                    f"pass resample=True (--resample) to resample the response"
                )
            self.resampled_from = system.fs
            system = system.resample(self.fs)
        self.guarded += [] if isinstance(ir, FIR) else [ir]
        responses, paths, self.outputs = _routing(system.h, self.inputs, name)
        if self.mix < 1 and self.inputs not in (1, self.outputs):
            raise MismatchError(
                f"{name} has {self.inputs} channels but the answer has {self.outputs}: "
                f"the dry sound cannot be mixed in; use mix=1"
            )
        # what the resampler put ahead of time 0 makes the answer late; the pre-delay takes it up
        # first, the dry sound waits for the rest, and `answers` drops as many frames at the start
        predelay = round(predelay_s * self.fs)
        self.lead = max(0, system.latency - predelay)
        pad = max(0, predelay - system.latency)
        wet = np.zeros((responses.shape[0], pad + responses.shape[1]), dtype=self.dtype)
        wet[:, pad:] = responses * self.mix
        self.kernels = Kernels(wet, paths)
        self.tail_frames = self.taps - 1 - self.lead
        planned = self.frames if self.frames and self.frames < SHORT else LONG
        planned = max(planned, self.taps)  # with as many frames before them, if only zeros
        self._plan = self.kernels.plan(planned, self.dtype, "auto")
        if self._plan.method != "direct":  # a file goes by in pieces, not too large for the memory
            long = LONG_RESPONSE <= self.taps < planned // 8
            most = 4 * self.taps if long else None
            chosen = self.kernels.plan(planned, self.dtype, "overlap-save", block_size=most)
            self._plan = replace(
                chosen, why="a file goes by in blocks, not too large for the memory"
            )
        self.method = self._plan.method

    @property
    def plan(self) -> Plan:
        """How it is computed."""
        return self._plan

    @property
    def taps(self) -> int:
        """Frames of the response, the pre-delay included."""
        return int(self.kernels.h.shape[1])

    def worst_gain(self) -> float:
        """Return the sum of all magnitudes that the loudest output hears."""
        gains = np.full(self.outputs, 1 - self.mix)
        for o, _, k in self.kernels.paths:
            gains[o] += np.abs(self.kernels.h[k]).sum(dtype=np.float64)
        return float(gains.max())

    def answers(self, blocks: Iterator[Array]) -> Iterator[tuple[int, Array]]:
        """Yield the convolution of the blocks, by overlapping pieces."""
        return answers(
            blocks,
            self.kernels,
            self._plan,
            inputs=self.inputs,
            chunk=chunk_size(self._plan, self.frames),
            dry=1 - self.mix,
            lead=self.lead,
            finite=True,
        )


def convolve_file(
    source: PathLike,
    ir: PathLike | FIR,
    out: PathLike,
    *,
    mix: float = 1.0,
    predelay_s: float = 0.0,
    gain_db: float = 0.0,
    normalize: str | None = None,
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
    normalize : {"peak", "rms", "lufs"}, optional
        Bring the loudest sample to -1 dBFS, the RMS level to that of the input, or the integrated
        loudness (`levels.loudness`) to -23 LUFS; to another level when it follows a colon, as in
        ``"lufs:-16"`` or ``"peak:-3"``. The answer is computed twice, once to measure it; silence
        is left alone.
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
        For rates or channels that do not fit, for NaN or infinities, and for less than 0.4 s
        of sound where the loudness is asked for.
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
