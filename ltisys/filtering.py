"""a sound file filtered by any system into another, block by block, in constant memory"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ltisys import spectra
from ltisys._types import Array, PathLike
from ltisys.audio import Source
from ltisys.errors import MismatchError
from ltisys.files import FileJob
from ltisys.fir import FIR
from ltisys.jobs import BLOCK, FileReport, Job, path_name
from ltisys.machines import Machine
from ltisys.state_space import LONG
from ltisys.systems import System

__all__ = ["FilterJob", "filter_file", "filter_job"]

LONGEST_TAIL = 1 << 25
"""Frames of a cut tail that are measured where the response does not sink within as many."""


class FilterJob(Job):
    """Hold a checked job: an input file, a system that never ends, an output.

    The arguments are those of `filter_file`.
    """

    method = "recursive"

    def __init__(
        self,
        source: PathLike,
        system: System,
        out: PathLike,
        *,
        gain_db: float = 0.0,
        normalize: str | None = None,
        tail: bool = False,
        subtype: str | None = None,
        overwrite: bool = False,
        in_place: bool = False,
    ) -> None:
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
        if not system.stable:
            raise ValueError(f"the system must be stable; {system.endless()}")
        if tail and system.extent is None:
            raise ValueError(f"tail=True needs an end, but {system.endless()}; pass tail=False")
        self.system = system
        self.outputs = system.outputs_of(self.inputs)
        sounding = LONGEST_TAIL if system.extent is None else system.extent
        self.lead = system.latency
        self.tail_frames = max(0, sounding - 1 - self.lead)

    @property
    def plan(self) -> System:
        """The system itself."""
        return self.system

    @property
    def taps(self) -> None:
        """None: the response never ends."""

    def worst_gain(self) -> float:
        """Return the sum of all magnitudes that the loudest output hears."""
        h = np.abs(self.system.impulse_response(self.tail_frames + self.lead + 1)).sum(axis=-1)
        return float((h.sum(axis=-1) if h.ndim == 2 else h).max())

    def answers(self, blocks: Iterator[Array]) -> Iterator[tuple[int, Array]]:
        """Yield the answer to each block, then the tail in blocks.

        Channels that a system filters alike are shared out among the cores. All blocks but the
        last have BLOCK frames.
        """
        alike = not self.system.rows
        groups = min(self.inputs, spectra.cores()) if alike else 1
        shares = np.array_split(np.arange(self.inputs), groups)
        cuts = [slice(int(share[0]), int(share[-1]) + 1) for share in shares]
        machines = [self.system.machine(share.size, BLOCK, self.dtype) for share in shares]
        pairs = list(zip(machines, cuts, strict=True))
        early = self.lead
        pieces = self._pieces(blocks)
        with ThreadPoolExecutor(1 + groups) as pool:
            coming = pool.submit(next, pieces, None)
            while (piece := coming.result()) is not None:
                heard, wanted, x = piece
                coming = pool.submit(next, pieces, None)
                parts = [pool.submit(_quietly, machine, x[cut]) for machine, cut in pairs]
                y = np.concatenate([part.result()[:, :wanted] for part in parts])
                now = min(early, wanted)
                early -= now
                yield heard, y[:, now:]

    def _pieces(self, blocks: Iterator[Array]) -> Iterator[tuple[int, int, Array]]:
        """Yield frames heard, frames of the answer that are wanted, and a block of as many or more.

        Silence fills the last block up, and goes on for as long as the tail: long blocks are
        answered fast (`state_space`), and without scipy.signal, which takes a second to load.
        """
        left = self.tail_frames + self.lead
        for x in blocks:
            heard = x.shape[1]
            more = min(left, BLOCK - heard)
            left -= more
            if heard < BLOCK:
                x = np.pad(x, ((0, 0), (0, max(more, LONG - heard))))
            yield heard, heard + more, x
        while left > 0:
            more = min(left, BLOCK)
            left -= more
            yield 0, more, np.zeros((self.inputs, max(more, LONG)), dtype=self.dtype)


def _quietly(machine: Machine, x: Array) -> Array:
    """Answer a block; infinities are refused where they would be written."""
    with np.errstate(over="ignore", invalid="ignore"):
        return machine.push(x)


def filter_job(
    source: PathLike,
    system: System,
    out: PathLike,
    *,
    gain_db: float = 0.0,
    normalize: str | None = None,
    tail: bool = False,
    subtype: str | None = None,
    overwrite: bool = False,
    in_place: bool = False,
) -> Job:
    """Return the job that `filter_file` runs: a convolution where the response is finite."""
    if not isinstance(system, System):
        raise TypeError(f"system={system!r} must be a system, such as ltisys.lowpass(...) or FIR")
    with Source(source) as sound:
        fs = sound.fs
    if system.fs is not None and system.fs != fs:
        raise MismatchError(
            f"fs differs: {path_name(source)} {fs:g} Hz, {system!r} {system.fs:g} Hz; "
            f"design it with fs={fs:g}"
        )
    options: dict[str, Any] = {"gain_db": gain_db, "normalize": normalize, "tail": tail}
    options |= {"subtype": subtype, "overwrite": overwrite, "in_place": in_place}
    if isinstance(system, FIR):
        return FileJob(source, system, out, **options)
    return FilterJob(source, system, out, **options)


def filter_file(
    source: PathLike,
    system: System,
    out: PathLike,
    *,
    gain_db: float = 0.0,
    normalize: str | None = None,
    tail: bool = False,
    subtype: str | None = None,
    progress: bool = False,
    overwrite: bool = False,
    in_place: bool = False,
) -> FileReport:
    """Filter a sound file by a system into another file, in memory that does not grow.

    Use it for equalisers and other filters, recursive or not; `convolve_file` is for responses
    that are sound files themselves. The output is aligned with the input, what a linear-phase
    filter is late by being taken out, and as long. It appears whole or not at all.

    Parameters
    ----------
    source, out : path
        Input and output; the output's format follows its extension.
    system : System
        What filters, designed for the rate of the input: an IIR, a FIR, or what ``>>``, ``+`` and
        `feedback` make of them. One row filters every channel; several as in `convolve_file`.
    gain_db : float
        Gain of the result, after normalising.
    normalize : {"peak", "rms", "lufs"}, optional
        As in `convolve_file`, with a level behind a colon if wanted: ``"lufs:-16"``.
    tail : bool
        False ends with the input, and the report says how much energy that cut; True goes on for
        as long as the response, or until it stays below -180 dB, as an echo needs it.
    subtype : str, optional
        Such as ``"PCM_16"``, ``"PCM_24"``, ``"FLOAT"``; by default the input's where the format
        has it.

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
        For an argument out of range, and for a system that is not stable.

    Notes
    -----
    Recursive systems are computed in double precision and handed on in single, in double where the
    output holds more than 24 bits. Reading, filtering the channels and writing run beside each
    other. Of a response that takes more than 2**25 frames to sink, so many are measured for the
    report.

    Examples
    --------
    >>> import ltisys as lti
    >>> bell = lti.peaking(1000, gain_db=6, q=1.4, fs=48000)
    >>> lti.filter_file("voice.wav", bell, "warm.wav")  # doctest: +SKIP
    """
    job = filter_job(
        source,
        system,
        out,
        gain_db=gain_db,
        normalize=normalize,
        tail=tail,
        subtype=subtype,
        overwrite=overwrite,
        in_place=in_place,
    )
    return job.run(progress=progress)
