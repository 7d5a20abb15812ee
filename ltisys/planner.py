"""problem -> Plan: cost model, choice, reasons; pure, prints itself, runs nothing"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ltisys import _checks, costs, schedules, spectra
from ltisys._types import Method

__all__ = ["Plan", "choose", "choose_stream", "plan"]

# --- the machine, measured --------------------------------------------------------------------
# Nanoseconds a point, forward and inverse together, of single-precision complex transforms in
# batches of four rows on one thread. `python -m benchmarks transforms` prints the table; these
# are its medians on the machine named in benchmarks/results/transforms.md. Double precision
# takes DOUBLE times as long. Only ratios matter here: they choose sizes and methods.
TRANSFORM_NS = {8: 22.0, 9: 15.5, 10: 12.5, 11: 11.5, 12: 11.0, 13: 13.0, 14: 13.7, 15: 15.3}
TRANSFORM_NS |= {16: 15.8, 17: 17.6, 18: 25.0, 19: 26.0, 20: 26.0, 21: 28.0, 22: 30.0, 24: 36.0}
DOUBLE = 1.6
SINGLE_ROW = 2.4  # a batch of one or two rows leaves SIMD lanes empty
MOVE_NS = 6.0  # reading, packing, multiplying and writing back one point of a block
TAP_NS = 0.034  # one multiply-add of the direct method, single precision, in matrix products
OUTPUT_NS = 0.9  # copying one output's window for the direct method
CALL_US = {"direct": 45.0, "fft": 160.0, "overlap-add": 195.0, "overlap-save": 170.0}
CALL_US |= {"partitioned": 400.0}
THREAD_US = 220.0  # starting a pool and handing out work
CACHE_BYTES = 1 << 19  # a batch of blocks this large stays in a core's second-level cache
MOST_ROWS = 16
SHIFT_US = 4.0  # a block of one channel, delayed, scaled and added
DIRECT_TAPS = 8  # up to as many non-zero taps, shifted sums beat everything and are exact


@dataclass(frozen=True)
class Plan:
    """Say how one convolution will be computed; frozen, made by `plan`, run by the engines."""

    method: str
    """``"direct"``, ``"fft"``, ``"overlap-add"``, ``"overlap-save"`` or ``"partitioned"``; of a
    stream with a state, ``"recursive"``."""
    taps: int
    frames: int
    channels: int
    dtype: str
    """What is computed in: ``"float32"``, ``"float64"``, ``"complex64"`` or ``"complex128"``."""
    block_size: int
    """New frames a block (all of them where nothing is cut into blocks)."""
    nfft: int
    """Transform length, 0 for the direct method."""
    partitions: tuple[tuple[int, int], ...]
    """Pieces of the response as (size, count), from its first tap on."""
    latency: int
    """Frames that must have arrived, beyond the present one, before its output is computed."""
    workers: int
    rows: int
    """Blocks transformed at once: a batch that stays in cache."""
    cost: float
    """Estimated microseconds: for the whole problem, of a stream's plan for one block."""
    why: str
    alternatives: tuple[tuple[str, float], ...] = field(default=(), compare=False)
    """The other methods with their estimated microseconds, cheapest first."""
    head: str = ""
    """How a stream computes its first partitions: as one matrix, ``"direct"``, or ``"fft"``."""
    worst: float = 0.0
    """Estimated microseconds of a stream's block in which every size of partition has work."""
    operations: float = 0.0
    """Floating-point operations a frame, of a stream's plan."""
    table: str = field(default="", compare=False)
    """The table of costs that chose a stream's plan."""
    series: tuple[Plan, ...] = ()
    """The plans of responses that a stream runs one after the other."""

    def __str__(self) -> str:
        if self.table:
            return self._schedule()
        if self.method == "recursive":
            return f"recursive: blocks of {self.block_size:,}, {self.dtype}; {self.why}"
        blocks = -(-(self.frames + self.taps - 1) // self.block_size)
        channels = f"{self.channels} channel{'s' if self.channels > 1 else ''}"
        lines = [
            f"{self.method}: {self.frames:,} frames x {self.taps:,} taps, {channels}, {self.dtype}"
        ]
        if self.method == "partitioned":
            pieces = ", ".join(f"{size:,} x {count:,}" for size, count in self.partitions)
            lines.append(f"  partitions    {pieces}")
            lines.append(f"  blocks        {blocks:,} of {self.block_size:,} new frames")
        elif self.nfft:
            halves = spectra.split(self.nfft) if self.method != "fft" else None
            shape = f" as {halves[0]} x {halves[1]}" if halves else ""
            lines.append(
                f"  transforms    {self.nfft:,} points{shape}, {self.rows} at once, "
                f"{self.workers} thread{'s' if self.workers > 1 else ''}"
            )
            lines.append(f"  blocks        {blocks:,} of {self.block_size:,} new frames")
        lines.append(f"  estimated     {_duration(self.cost)}")
        if self.alternatives:
            others = ", ".join(
                f"{name} {_duration(cost)} ({cost / self.cost:.1f}x)"
                for name, cost in self.alternatives
            )
            lines.append(f"  instead of    {others}")
        lines.append(f"  because       {self.why}")
        return "\n".join(lines)

    def _schedule(self) -> str:
        """Return the plan of a stream as text."""
        channels = f"{self.channels} channel{'s' if self.channels > 1 else ''}"
        lines = [
            f"{self.method}: blocks of {self.block_size:,} frames x {self.taps:,} taps, "
            f"{channels}, {self.dtype}"
        ]
        for part in self.series:
            lines += ["  " + line for line in str(part).splitlines()[:-2]]
        start = 0
        for place, (size, count) in enumerate(() if self.series else self.partitions):
            what = f"{size:,} x {count:,}"
            if place == 0:
                how = {"direct": "as one matrix", "fft": "transformed"}.get(
                    self.head, "as they are"
                )
                lines.append(f"  head          {what} taps {how}")
            else:
                spare = start - size
                lines.append(
                    f"  partitions    {what} from tap {start:,}"
                    + (f", {spare:,} frames to spare" if spare else "")
                )
            start += size * count
        lines.append(
            f"  a block       {_duration(self.cost)} in the mean, {_duration(self.worst)} at the "
            f"most; {self.operations:,.0f} operations a frame"
        )
        for name, us in self.alternatives:
            lines.append(f"  instead of    {name}: {_duration(us)} ({us / self.cost:.1f}x)")
        lines.append(f"  costs         {self.table}")
        lines.append(f"  because       {self.why}")
        return "\n".join(lines)


def _duration(microseconds: float) -> str:
    for unit, scale in (("s", 1e6), ("ms", 1e3)):
        if microseconds >= scale:
            return f"{microseconds / scale:.3g} {unit}"
    return f"{microseconds:.3g} us"


# --- costs ------------------------------------------------------------------------------------


def transform_ns(nfft: int, rows: int = 4) -> float:
    """Estimate nanoseconds a point for one complex transform and its inverse, float32."""
    sizes = sorted(TRANSFORM_NS)
    cost = float(np.interp(math.log2(nfft), sizes, [TRANSFORM_NS[s] for s in sizes]))
    return cost if rows > 2 or spectra.split(nfft) else cost * SINGLE_ROW


@dataclass(frozen=True)
class _Shape:
    """What a cost depends on."""

    frames: int
    taps: int
    channels: int
    dtype: np.dtype[Any]

    @property
    def real(self) -> bool:
        return spectra.is_real(self.dtype)

    @property
    def factor(self) -> float:
        return DOUBLE if self.dtype in (np.float64, np.complex128) else 1.0

    @property
    def outputs(self) -> int:
        return self.frames + self.taps - 1


def _direct_us(shape: _Shape) -> float:
    macs = min(shape.taps, shape.frames) + 64
    each = (OUTPUT_NS + macs * TAP_NS) * shape.factor * (1 if shape.real else 4)
    return CALL_US["direct"] * shape.channels + shape.outputs * shape.channels * each / 1e3


def _fft_us(shape: _Shape) -> float:
    nfft = spectra.good_size(shape.outputs)
    rows = min(shape.channels, _rows(nfft, shape))
    each = transform_ns(nfft, rows) * (0.6 if shape.real else 1.0)
    if nfft > 1 << 18:  # a plain transform this long leaves the caches
        each *= 1.8
    return CALL_US["fft"] + (shape.channels * (each + MOVE_NS) + each) * shape.factor * nfft / 1e3


def _block_us(shape: _Shape, nfft: int, method: str) -> float:
    hop = nfft - shape.taps + 1
    span = shape.frames if method == "overlap-add" else shape.outputs
    transforms = -(-span // (hop * (2 if shape.real else 1)))
    each = transform_ns(nfft, min(transforms, _rows(nfft, shape))) + MOVE_NS
    if method == "overlap-add":
        each *= 1.1  # every output is read back and added to
    points = (shape.channels * transforms + 1) * nfft
    return CALL_US[method] + points * each * shape.factor / 1e3


@functools.lru_cache(maxsize=1024)
def _equal_partitions(shape: _Shape) -> tuple[int, float]:
    """Return the size of equal partitions that takes a whole signal fastest, and its cost.

    Nothing waits for a whole signal, so nothing is gained by small partitions ahead.
    """
    precision = np.empty(0, dtype=shape.dtype).real.dtype.name
    table = costs.current(precision)
    best = (0, math.inf)
    for power in range(8, 18):
        size = 1 << power
        us = schedules.uniform(schedules.Problem(shape.taps, size, dtype=precision), table)
        us *= -(-shape.outputs // size) * shape.channels * (1 if shape.real else 4)
        if us < best[1]:
            best = size, us
    return best[0], best[1] + CALL_US["partitioned"]


def _rows(nfft: int, shape: _Shape) -> int:
    """Return how many rows to transform at once: a batch in cache, in fours to fill SIMD lanes."""
    if spectra.split(nfft):
        return 1
    size = spectra.complex_for(shape.dtype).itemsize
    return int(np.clip(CACHE_BYTES // (nfft * size) // 4 * 4, 4, MOST_ROWS))


@functools.lru_cache(maxsize=1024)
def _best_nfft(shape: _Shape, method: str) -> int:
    """Return the shortest transform whose cost is within 3 % of the least, twice the taps or more.

    Shorter ones take less memory, keep errors closer, and share out better among threads.
    """
    least = max(256, 2 * shape.taps)
    most = max(least, 2 * shape.outputs)
    sizes = {
        spectra.good_size(round(least * step * 2**octave))
        for octave in range(6)
        for step in (1, 1.125, 1.25, 1.5, 1.75)
        if least * 2**octave <= most
    }
    sizes |= {1 << k for k in range(8, 19) if least <= 1 << k <= most}
    costs = {nfft: _block_us(shape, nfft, method) for nfft in sorted(sizes)}
    least_cost = min(costs.values())
    return next(nfft for nfft, cost in costs.items() if cost <= 1.03 * least_cost)


# --- the choice -------------------------------------------------------------------------------


def plan(
    *,
    frames: int,
    taps: int,
    channels: int = 1,
    dtype: str = "float32",
    method: Method = "auto",
    block_size: int | None = None,
    workers: int | None = None,
) -> Plan:
    """Choose how to convolve `frames` by `taps`, and say why; runs nothing.

    Use it to look before a long job, or to fix a method. `convolve` plans for itself.

    Parameters
    ----------
    frames, taps : int
        Lengths of the signal and of the response.
    channels : int
        Rows convolved alike.
    dtype : str
        ``"float32"``, ``"float64"``, ``"complex64"`` or ``"complex128"``.
    method : str
        ``"auto"`` takes the cheapest; a name takes that one.
    block_size : int, optional
        New frames a block of the block methods; by default the cheapest. With
        ``method="partitioned"``: the frames a call of a stream, whose plan is returned.
    workers : int, optional
        Threads; by default all cores for long work, one for short.

    Returns
    -------
    Plan
        Frozen; ``print(plan)`` explains it.

    Raises
    ------
    ValueError, TypeError
        For lengths below one, an unknown method or dtype.

    Notes
    -----
    The cost of a block method is ``ceil(outputs / (2 hop))`` complex transforms of `nfft`
    points there and back, ``hop = nfft - taps + 1``: two real blocks travel as the real and
    imaginary part of one. Constants were measured once, see `TRANSFORM_NS`.

    Examples
    --------
    >>> import ltisys as lti
    >>> lti.plan(frames=1000, taps=3).method
    'direct'
    >>> lti.plan(frames=28_800_000, taps=96_000).method
    'overlap-save'
    """
    frames = _checks.integer("frames", frames, least=1)
    taps = _checks.integer("taps", taps, least=1)
    channels = _checks.integer("channels", channels, least=1)
    _checks.choice("method", method, Method)
    if block_size is not None:
        block_size = _checks.integer("block_size", block_size, least=1)
    if workers is not None:
        workers = _checks.integer("workers", workers, least=1)
    try:
        kind = np.dtype(str(dtype))  # as text, for numpy reads None as float64
    except TypeError:
        kind = np.dtype(object)
    if kind not in (np.float32, np.float64, np.complex64, np.complex128):
        raise ValueError(
            f"dtype={dtype!r} must be one of 'float32', 'float64', 'complex64', 'complex128'"
        )
    if method == "partitioned" and block_size is not None:
        if kind.kind == "c":
            raise ValueError(f"dtype={dtype!r} must be one of 'float32', 'float64' for a stream")
        problem = schedules.Problem(
            taps, block_size, channels, channels, channels, False, kind.name
        )
        return choose_stream(problem)
    return choose(frames, taps, channels, kind, method, block_size, workers)


def choose_stream(
    problem: schedules.Problem,
    nonzero: int | None = None,
    sizes: tuple[int, ...] | None = None,
) -> Plan:
    """Choose the partitions of a stream; `nonzero` taps tell a sparse response.

    `sizes` are the only sizes of partitions to use.
    """
    table = costs.current(problem.dtype)
    shared: dict[str, Any] = {
        "taps": problem.taps,
        "frames": problem.block_size,
        "channels": problem.outputs,
        "dtype": problem.dtype,
        "block_size": problem.block_size,
        "latency": 0,
        "workers": 1,
        "rows": 1,
        "table": table.source,
    }
    if nonzero is not None and nonzero <= DIRECT_TAPS:
        us = table.push + SHIFT_US * max(nonzero, 1)
        return Plan(
            method="direct",
            nfft=0,
            partitions=((problem.taps, 1),),
            cost=us,
            worst=us,
            operations=2.0 * nonzero * problem.paths,
            why=f"only {nonzero} of the {problem.taps:,} taps are not zero",
            **shared,
        )
    found = schedules.cheapest(problem, table, sizes)
    uniform = schedules.uniform(problem, table)
    transformed = found.partitions[1 if found.head == schedules.DIRECT else 0 :]
    if not transformed:
        why = f"{problem.taps:,} multiply-adds an output cost less than a transform"
    else:
        why = "small partitions answer at once, large ones cost least a tap: the shortest path"
    return Plan(
        method="partitioned",
        nfft=max((spectra.partition_nfft(size) for size, _ in transformed), default=0),
        partitions=found.partitions,
        cost=found.cost,
        worst=found.worst,
        operations=found.operations,
        head=found.head,
        why=why,
        alternatives=(("equal partitions", uniform),) if uniform > found.cost else (),
        **shared,
    )


@functools.lru_cache(maxsize=1024)
def choose(
    frames: int,
    taps: int,
    channels: int,
    dtype: np.dtype[Any],
    method: Method = "auto",
    block_size: int | None = None,
    workers: int | None = None,
    nonzero: int | None = None,
) -> Plan:
    """Do what `plan` does for arguments already checked; `nonzero` taps tell a sparse response."""
    shape = _Shape(frames, taps, channels, dtype)
    sparse = nonzero is not None and nonzero <= DIRECT_TAPS
    sizes = {
        name: block_size + taps - 1 if block_size else _best_nfft(shape, name)
        for name in ("overlap-add", "overlap-save")
    }
    if block_size:
        sizes = {name: spectra.good_size(max(n, 2 * taps)) for name, n in sizes.items()}
    costs = {
        "direct": _direct_us(
            _Shape(frames, nonzero, channels, dtype) if sparse and nonzero else shape
        ),
        "fft": _fft_us(shape),
        **{name: _block_us(shape, nfft, name) for name, nfft in sizes.items()},
    }
    threads = workers if workers is not None else spectra.cores()
    size, stream_us = _equal_partitions(shape)
    # its rows run side by side, but one row runs on one thread
    alone = threads / min(threads, channels) if stream_us > 10 * THREAD_US else 1.0
    costs["partitioned"] = stream_us * alone
    ranked = sorted(costs, key=lambda name: costs[name])
    picked: str
    if method != "auto":
        picked, why = method, "you asked for it"
    elif sparse:
        picked, why = "direct", f"only {nonzero} of the {taps:,} taps are not zero"
    else:
        picked = ranked[0]
        why = _reason(picked, shape, costs, ranked)
    cost = costs[picked]
    if workers is None and cost < THREAD_US * 10:
        threads = 1
    if threads > 1:
        cost = cost / threads + THREAD_US
    nfft = {"direct": 0, "fft": spectra.good_size(shape.outputs)}.get(picked, sizes.get(picked, 0))
    hop = {"direct": shape.outputs, "fft": shape.outputs}.get(picked, nfft - taps + 1)
    if picked == "partitioned":
        threads = min(threads, channels)
        hop, nfft = size, 2 * size
    return Plan(
        method=picked,
        taps=taps,
        frames=frames,
        channels=channels,
        dtype=dtype.name,
        block_size=hop,
        nfft=nfft,
        partitions=((size, -(-taps // size)) if picked == "partitioned" else (taps, 1),),
        head=schedules.FFT if picked == "partitioned" else "",
        latency={"direct": 0, "partitioned": 0, "fft": frames - 1}.get(picked, hop - 1),
        workers=threads,
        rows=_rows(nfft, shape) if nfft else 1,
        cost=cost,
        why=why,
        alternatives=tuple(
            (name, costs[name] * cost / costs[picked]) for name in ranked if name != picked
        ),
    )


def _reason(picked: str, shape: _Shape, costs: dict[str, float], ranked: list[str]) -> str:
    """Say in a sentence why the cheapest method is the cheapest."""
    margin = costs[ranked[1]] / costs[picked]
    if picked == "direct":
        return f"{shape.taps:,} multiply-adds an output cost less than a transform"
    if picked == "fft":
        return f"one transform holds the whole answer; cutting it up would cost {margin:.1f}x"
    if picked == "partitioned":
        return f"transforms of all {shape.taps:,} taps at once would leave every cache"
    return (
        "blocks of a few times the response cost least a frame and keep rounding errors local; "
        f"the next best ({ranked[1]}) would cost {margin:.1f}x"
    )
