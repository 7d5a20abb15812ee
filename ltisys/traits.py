"""what answers to impulses and to changed frames tell: response, latency, look-ahead, memory"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ltisys import excitation
from ltisys._types import Array
from ltisys.black_box import BlackBox, Unanswered
from ltisys.rounding import NOISE, Floor, Rounding

__all__ = ["Response", "Traits", "measure_response", "measure_traits"]

BEFORE, AFTER = 256, 1024
"""Frames around the first impulse."""
LONGEST, LONGEST_SILENT = 2**17, 2**20
"""Frames after an impulse: while the answer goes on, and while there has been none."""
FARTHEST_BEFORE = 2**14
GROWN = 1e30
"""A response beyond it grows without bound; longer windows would overflow."""


@dataclass(frozen=True)
class Response:
    """Answers to unit impulses, less the answer to silence.

    Attributes
    ----------
    y : ndarray, shape (outputs, inputs, frames)
        Frame `at` is time 0.
    at : int
        Where the impulse was.
    frames : int
        Of the input.
    offset : ndarray or None, shape (outputs, frames)
        The answer to silence, None if it is silence.
    ended : bool
        A longer window was silent behind this one.
    """

    y: Array
    at: int
    frames: int
    offset: Array | None
    ended: bool = False

    @property
    def gains(self) -> tuple[float, ...]:
        """Norms of the largest row within 1, 2, 4, ... frames of the impulse."""
        found = []
        # of answers that are shorter than their input by far, all that there is
        reach = 1 if self.y.shape[-1] > self.at else self.frames
        while True:
            part = np.abs(self.y[..., max(self.at - reach, 0) : self.at + reach])
            top = float(part.max(initial=0.0))
            # scaled, because squares of growing responses would overflow
            norm = np.sqrt(((part / (top or 1.0)) ** 2).sum(axis=-1)).max(initial=0.0)
            found.append(top * float(norm))
            if reach >= self.y.shape[-1]:
                return tuple(found)
            reach *= 2


@dataclass(frozen=True)
class Traits:
    """Look-ahead and memory in frames, None if more than tested; the response between them.

    `taps` begin `early` frames before time 0; `cut` says that they go on beyond.
    """

    lookahead: int | None
    memory: int | None
    latency: int | None
    taps: Array
    early: int
    cut: bool


def reach_of(longest_s: float, box: BlackBox, frames: int, most: int) -> int:
    """Return the longest input that a call may have to take no more than so many seconds."""
    per_frame = max(box.cost(4 * frames) - box.cost(frames), 0.0) / (3 * frames)
    affordable = longest_s / per_frame if per_frame > 0 else most
    return int(min(most, max(affordable, frames)))


def measure_response(
    box: BlackBox, frames: int | None, noise: Floor, *, sounds: bool = False
) -> Response:
    """Send impulses, in a short window, and in the longest if more is heard there.

    `sounds` says that the system is known to answer at once, though perhaps not to impulses.
    """
    before, after = BEFORE, AFTER
    found: Response | None = None
    short: Response | None = None
    silent_limit, limit = LONGEST_SILENT, LONGEST
    if box.fixed is None:
        limit = reach_of(0.1, box, AFTER, LONGEST)
        silent_limit = max(limit, reach_of(0.5, box, AFTER, LONGEST_SILENT))
    if frames is not None:
        limit, silent_limit = min(limit, frames), min(silent_limit, frames)
        before, after = min(before, frames), min(after, frames)
    while True:
        if box.fixed is not None:
            before, after = box.fixed // 4, box.fixed - box.fixed // 4
        try:
            found = _impulses(box, before, after, noise)
        except Unanswered:
            if found is not None:  # it overflows in longer windows
                return found
            if min(before, after) < 8 or box.fixed is not None:  # no answer to an impulse
                n = box.frames(before + after)
                return Response(np.zeros((box.outputs or 1, box.inputs, n)), before, n, None)
            before, after, limit = before // 4, after // 4, after // 2
            continue
        if box.fixed is not None:
            return found
        # a look at -240 dB, or -100 dB in single precision, is enough to choose the window
        single = box.result_dtype is not None and box.result_dtype.itemsize <= 4
        y, shared = found.y, found.y.shape[-1]
        top = np.abs(y).max(initial=0.0)
        if top > GROWN:
            return found
        heard = np.abs(y).max(axis=(0, 1)) > max((1e-5 if single else 1e-12) * top, noise(1.0))
        where = np.flatnonzero(heard)
        if not where.size and not sounds and after < silent_limit:
            after = min(8 * after, silent_limit)
        elif where.size and where[0] == 0 and 0 < before < min(FARTHEST_BEFORE, limit):
            before = min(8 * before, FARTHEST_BEFORE, limit)
        elif after >= limit or shared > found.frames + limit:
            if short is not None and not _goes_on(short, found):
                return replace(short, ended=True)
            return found
        else:  # there may be an echo after a pause
            short, after = found, limit


def _goes_on(short: Response, long: Response) -> bool:
    """Whether more is heard in the longer window."""
    if short.at != long.at or short.offset is not None:
        return True
    y = np.abs(long.y).max(axis=(0, 1))
    frames = short.y.shape[-1]
    end = y[max(frames - 2, 0) :]
    return bool(end.max(initial=0.0) > 1e-15 * y.max(initial=0.0))


def _open(heard: Array, frames: int) -> bool:
    """Whether a response may go on: it ends in less silence than there was between its echoes."""
    pauses = np.diff(heard).max(initial=1)
    return bool(frames - 1 - heard[-1] < pauses)


def _impulses(box: BlackBox, before: int, after: int, noise: Floor) -> Response:
    """Send an impulse to every input, between `before` and `after` frames of silence."""
    n = box.frames(before + after)
    try:
        silent = box(np.zeros((box.inputs, n)))
    except Unanswered:  # what divides by its own level has no answer to silence
        silent = np.zeros((box.outputs or 1, 2 * n))
    rows = []
    for i in range(box.inputs):
        x = np.zeros((box.inputs, n))
        x[i, before] = 1.0
        rows.append(box(x))
    shared = min(row.shape[-1] for row in (*rows, silent))
    silent = silent[..., :shared]
    y = np.stack([row[..., :shared] - silent for row in rows], axis=1)
    offset = silent if np.abs(silent).max() > NOISE * noise(0.0) else None
    return Response(y, before, n, offset)


def measure_traits(box: BlackBox, response: Response, rounding: Rounding, frames: int) -> Traits:
    """Find how far before and after a frame of the input its effects are felt.

    From the impulses, and from noise in which frames are changed: of a median the impulse tells
    nothing.
    """
    y, at = response.y, response.at
    limit = rounding.limit(float(np.abs(y).max(initial=0.0)), 1.0, response.frames, 1.0)
    where = np.flatnonzero(np.abs(y).max(axis=(0, 1)) > limit)
    first, last = (int(where[0]), int(where[-1])) if where.size else (at, at)
    if where.size and last >= y.shape[-1] - 1:  # of one that may grow, the start by its own level
        near_y = np.abs(y[..., : at + AFTER])
        near_limit = rounding.limit(float(near_y.max(initial=0.0)), 1.0, AFTER, 1.0)
        near = np.flatnonzero(near_y.max(axis=(0, 1)) > near_limit)
        first = int(near[0]) if near.size else first
    latency = first - at if where.size else None
    early, late = heard = max(at - first, 0), max(last - at, 0)
    open_start = bool(where.size and first == 0 and at > 0)
    cut_off = not response.ended and y.shape[-1] <= response.frames + 1
    open_end = bool(where.size and cut_off and _open(where, y.shape[-1]))
    rng = np.random.default_rng(6)
    n = box.frames(min(max(BEFORE + AFTER, frames), 4096))
    place = n // 3
    for level_db, changed in ((0.0, 1), (-40.0, 1), (-80.0, 1), (0.0, 64), (-20.0, 64)):
        a = excitation.draw(rng, "noise", box.inputs, n, level_db)
        b = a.copy()
        # one frame, or many and louder: what follows the level of its input feels no single one
        begin = max(place - changed + 1, 0)
        b[..., begin : place + 1] *= -1.5 if changed == 1 else 8.0
        try:
            one, other = box(a), box(b)
        except Unanswered:
            continue
        shared = min(one.shape[-1], other.shape[-1])
        one, other = one[..., :shared], other[..., :shared]
        top = max(float(np.abs(one).max()), float(np.abs(other).max()))
        limit = rounding.limit(top, float(np.linalg.norm(a)), n, float(np.abs(a).max()))
        where = np.flatnonzero(np.abs(one - other).max(axis=0) > limit)
        if where.size:
            reach = begin - int(where[0])
            early, late = max(early, reach), max(late, int(where[-1]) - place)
            # an answer cut off by the window says no more than the impulse, if that saw further
            open_start = open_start or (reach > heard[0] and where[0] <= place // 8)
            to_end = where[-1] >= shared - 1 and shared <= n + 1
            open_end = open_end or (to_end and shared - 1 - place > heard[1])
    lookahead = None if open_start else early
    memory = None if open_end else late
    start = max(at - early, 0)
    taps = y[..., start : max(at + late + 1, start + 1)]
    return Traits(lookahead, memory, latency, taps, at - start, cut=memory is None)
