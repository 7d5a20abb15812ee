"""a system made ready for a stream: its plan, and its spectra or its state"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from ltisys import costs, planner, reach, schedules
from ltisys._types import Array, Path
from ltisys.convolution import Kernels
from ltisys.errors import MismatchError
from ltisys.partitions import Response, is_shared
from ltisys.planner import Plan
from ltisys.tape import Analysis, Tape
from ltisys.voices import Voice
from ltisys.watch import Hearing

__all__ = ["Answer", "Chain", "NEVER", "Prepared", "Stage", "Stateful", "Streamable", "prepare"]

REUSE = 1.5
"""A swap keeps the stream's sizes of partitions unless its own would be so much cheaper."""
MOST_REMEMBERED = 1 << 15
"""Frames of input that are kept, at most, for a system with a state: what is swapped in has heard
them."""
MOST_PREPARED = 8
"""A system keeps what was prepared for so many kinds of stream."""


@dataclass(frozen=True)
class Stage:
    """Responses h (rows, taps) and their paths, and the stages in a row that they are made of."""

    h: Array
    paths: tuple[Path, ...]
    inputs: int
    outputs: int
    series: tuple[Stage, ...] = ()


class Streamable(Protocol):
    """What a stream needs of a system."""

    @property
    def fs(self) -> float | None:
        """Frames a second."""
        ...

    @property
    def prepared(self) -> dict[Any, Any]:
        """What was prepared of it before: streams of one system share it."""
        ...


class Answer(Protocol):
    """What answers the input on a tape."""

    def free(self, start: int) -> int:
        """Return the frame up to which blocks from `start` on can be answered whole."""
        ...

    def answer(self, n: int) -> Array:
        """Return the answer (outputs, n) to the last n frames on the tape."""
        ...


class Chain:
    """Answer by responses in a row, each behind a tape of its own."""

    def __init__(
        self, responses: Sequence[Response], tape: Tape, analyses: dict[int, Analysis]
    ) -> None:
        self.voices = [Voice(responses[0], tape, responses[0].analyses(tape, analyses))]
        self.tapes: list[Tape] = []
        earlier, heard = tape, tape.position
        for before, response in itertools.pairwise(responses):
            own = response.tape()
            own.position = heard
            if heard:
                _remember(own, before, earlier)
            self.voices.append(Voice(response, own, response.analyses(own, {})))
            self.tapes.append(own)
            earlier = own

    def free(self, start: int) -> int:
        """Return the frame up to which blocks from `start` on can be answered whole."""
        voices = [voice.free(start) for voice in self.voices]
        return min(*voices, *(start + tape.room() for tape in self.tapes))

    def answer(self, n: int) -> Array:
        """Return the answer (outputs, n) to the last n frames on the first tape."""
        y = self.voices[0].answer(n)
        for tape, voice in zip(self.tapes, self.voices[1:], strict=True):
            if y.any():
                tape.until = [tape.position + n] * y.shape[0]
            tape.write(y)
            y = voice.answer(n)
        return y


def _remember(tape: Tape, response: Response, before: Tape) -> None:
    """Fill a tape with what a response answered to the input on the tape before it."""
    h, paths, outputs, _, plan = response.made_of
    end = tape.position
    kept = min(before.size, end)
    x = np.concatenate(
        [before.window(end - kept + first + n, n) for first, n in _pieces(before, end, kept)],
        axis=1,
    )
    kernels = Kernels(h.astype(plan.dtype), paths)
    count = min(tape.size, kept)
    y = kernels.run(x, kernels.plan(kept, np.dtype(plan.dtype), "auto"), kept - count, count)
    tape.position = end - count
    for first, n in _pieces(tape, end, count):
        tape.write(y[:, first : first + n])
    tape.until = [end] * outputs


def _pieces(tape: Tape, end: int, count: int) -> list[tuple[int, int]]:
    """Cut the last `count` frames before `end` where the tape's ring ends and windows reach."""
    pieces, first = [], 0
    while first < count:
        n = min(count - first, tape.longest, tape.size - (end - count + first) % tape.size)
        pieces.append((first, n))
        first += n
    return pieces


# --- a system made ready --------------------------------------------------------------------------


@dataclass(frozen=True)
class Prepared:
    """A system made ready for streams of one kind; made by `Stream.prepare`, for `Stream.swap`."""

    system: Any
    plan: Plan
    channels: int
    outputs: int
    taps: int
    fs: float | None
    responses: tuple[Response, ...]
    hearings: tuple[Hearing, ...]
    """Where each output hears which input."""
    hears: tuple[tuple[int, int], ...]
    """(output, input) of every path, silent ones too."""

    @property
    def gap(self) -> int:
        """Zeros in a row that leave an output unreached: the longest run of taps, or two blocks."""
        longest = [max((e - b for b, e in runs), default=0) for _, _, runs in self.hearings]
        return max(min(longest, default=0), 2 * self.plan.block_size)

    @functools.cached_property
    def exact(self) -> bool:
        """Whether nothing is transformed: sums of zeros are zero."""
        return not any(response.groups for response in self.responses)

    @property
    def plain(self) -> bool:
        """Whether every response is one run of taps, longer than two blocks."""
        least = 2 * self.plan.block_size
        return all(
            len(runs) == 1 and runs[0][1] - runs[0][0] >= least for *_, runs in self.hearings
        )

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes of the partitions that hear the input itself."""
        return tuple(sorted({g.size for g in self.responses[0].groups}))

    @property
    def aligned(self) -> bool:
        """Whether a piece must not reach over the edge of a block."""
        return any(r.first is not None for r in self.responses)

    @property
    def reserve(self) -> tuple[int, int]:
        """Frames that the stream's tape must keep, and the longest window."""
        keep, window = self.responses[0].reserve
        whole = self.taps + 2 * self.plan.block_size
        return max(keep, 1 << (whole - 1).bit_length()), window

    def answer(self, tape: Tape, analyses: dict[int, Analysis]) -> Answer:
        """Begin to answer the input on a tape."""
        if len(self.responses) > 1:
            return Chain(self.responses, tape, analyses)
        first = self.responses[0]
        return Voice(first, tape, first.analyses(tape, analyses))


NEVER = 1 << 62
"""The taps of a response that does not sink."""


class Stateful(Prepared):
    """A system whose state goes from block to block, made ready: it hears the tape's last block."""

    @property
    def gap(self) -> int:
        """As few zeros in a row as any: its own machines know where silence reaches."""
        return 2 * self.plan.block_size

    @functools.cached_property
    def exact(self) -> bool:
        """Whether sums of zeros are zero: yes, or its parts see to it."""
        return True

    @property
    def plain(self) -> bool:
        """Whether every response is one run of taps: it asks for nothing else."""
        return True

    @property
    def sizes(self) -> tuple[int, ...]:
        """No partitions hear the input itself."""
        return ()

    @property
    def reserve(self) -> tuple[int, int]:
        """Frames that the stream's tape must keep, for what is swapped in to hear, and a block."""
        frames = min(self.taps, MOST_REMEMBERED) + 2 * self.plan.block_size
        return 1 << (frames - 1).bit_length(), self.plan.block_size

    def answer(self, tape: Tape, analyses: dict[int, Analysis]) -> Answer:
        """Begin to answer the input on a tape, from rest at the first frame that it remembers."""
        plan = self.plan
        state = State(
            self.system.machine(self.channels, plan.block_size, np.dtype(plan.dtype)), tape
        )
        count = min(tape.size, tape.position)
        for first, n in _pieces(tape, tape.position, count):
            state.machine.push(tape.window(tape.position - count + first + n, n))
        return state


class State:
    """Answer by a machine, whatever it remembers."""

    def __init__(self, machine: Any, tape: Tape) -> None:
        self.machine, self.tape = machine, tape

    def free(self, start: int) -> int:
        """Return the frame up to which blocks from `start` on can be answered whole."""
        return NEVER

    def answer(self, n: int) -> Array:
        """Return the answer (outputs, n) to the last n frames on the tape."""
        y: Array = self.machine.push(self.tape.window(self.tape.position, n))
        return y.astype(self.tape.frames.dtype, copy=False)


def _stateful(system: Any, channels: int, block_size: int, dtype: str) -> Stateful:
    outputs = system.outputs_of(channels)
    taps = NEVER if system.extent is None else system.extent
    heard = np.argwhere(system.paths(channels))
    plan = Plan(
        method="recursive",
        taps=taps,
        frames=block_size,
        channels=outputs,
        dtype=dtype,
        block_size=block_size,
        nfft=0,
        partitions=(),
        latency=0,
        workers=1,
        rows=outputs,
        cost=0.0,
        why="its response never ends: a state goes from block to block",
    )
    return Stateful(
        system=system,
        plan=plan,
        channels=channels,
        outputs=outputs,
        taps=taps,
        fs=system.fs,
        responses=(),
        hearings=(),
        hears=tuple((int(o), int(i)) for o, i in heard),
    )


def prepare(
    system: Streamable, channels: int, block_size: int, dtype: str, now: Prepared | None = None
) -> Prepared:
    """Plan a system for a stream and transform its response, or return what was made before.

    `now` is what the stream runs at present: its sizes of partitions are kept if they serve.
    """
    if not hasattr(system, "prepared"):
        raise TypeError(f"{type(system).__name__} is no system: it cannot be streamed")
    kept = () if now is None else now.sizes
    key = (channels, block_size, dtype, kept, costs.current(dtype).source)
    if key in system.prepared:
        return system.prepared[key]  # type: ignore[no-any-return]
    ready = _partitioned(system, channels, block_size, dtype, kept)
    if len(system.prepared) >= MOST_PREPARED:
        system.prepared.clear()
    system.prepared[key] = ready
    return ready


def _partitioned(
    system: Any, channels: int, block_size: int, dtype: str, kept: tuple[int, ...]
) -> Prepared:
    """Plan responses and transform them."""
    if not hasattr(system, "stage"):
        return _stateful(system, channels, block_size, dtype)
    whole = system.stage(channels)
    if whole.h.dtype.kind == "c":
        raise TypeError(
            "h is complex, and streams are real; stream the systems of its real and of its "
            "imaginary part"
        )
    if not np.isfinite(whole.h).all():
        raise MismatchError("h holds NaN or infinities; mend it first")
    stages, plans = _best(whole, block_size, dtype, kept)
    responses = tuple(
        Response(s.h, s.paths, s.outputs, s.inputs, p) for s, p in zip(stages, plans, strict=True)
    )
    taps = whole.h.shape[-1]
    runs = {k: reach.coarse_support(whole.h[k]) for k in {k for _, _, k in whole.paths}}
    return Prepared(
        system=system,
        plan=plans[0] if len(plans) == 1 else _joined(plans, taps, whole.outputs),
        channels=channels,
        outputs=whole.outputs,
        taps=taps,
        fs=system.fs,
        responses=responses,
        hearings=tuple((o, i, runs[k]) for o, i, k in whole.paths),
        hears=tuple(sorted({(o, i) for o, i, _ in whole.paths})),
    )


def _best(
    stage: Stage, block_size: int, dtype: str, kept: tuple[int, ...]
) -> tuple[list[Stage], list[Plan]]:
    """Return the stages to run in a row, one or more, and their plans: the cheapest way."""
    merged = _plan(stage, block_size, dtype, kept)
    if stage.series:
        parts = [_best(part, block_size, dtype, kept) for part in stage.series]
        stages, plans = [s for p in parts for s in p[0]], [q for p in parts for q in p[1]]
        if sum(q.cost for q in plans) < merged.cost:
            return stages, plans
        merged = replace(merged, why=f"{merged.why}; merged, as {len(stages)} in a row cost more")
    return [stage], [merged]


def _plan(stage: Stage, block_size: int, dtype: str, kept: tuple[int, ...]) -> Plan:
    """Plan one stage, with the sizes of partitions that the stream has if they serve."""
    sounding = [stage.h[k].any() for k in range(stage.h.shape[0])]
    paths = [p for p in stage.paths if sounding[p[2]]]
    shared = is_shared(tuple(paths), stage.inputs, stage.outputs)
    problem = schedules.Problem(
        taps=stage.h.shape[1],
        block_size=block_size,
        inputs=max(1, len({i for _, i, _ in paths})),
        outputs=max(1, len({o for o, _, _ in paths})),
        paths=max(1, len(paths)),
        shared=shared,
        dtype=dtype,
    )
    nonzero = int(np.count_nonzero(stage.h.any(axis=0)))
    own = planner.choose_stream(problem, nonzero)
    if kept and own.head:
        alike = planner.choose_stream(problem, nonzero, kept)
        if alike.cost <= REUSE * own.cost:
            return replace(alike, channels=stage.outputs)
    return replace(own, channels=stage.outputs)


def _joined(plans: list[Plan], taps: int, outputs: int) -> Plan:
    """Return one plan that speaks for several in a row."""
    longest = max(plans, key=lambda p: p.cost)
    return replace(
        longest,
        taps=taps,
        channels=outputs,
        cost=sum(p.cost for p in plans),
        worst=sum(p.worst for p in plans),
        operations=sum(p.operations for p in plans),
        series=tuple(plans),
        why=f"{len(plans)} responses in a row cost less than the one they make together",
    )
