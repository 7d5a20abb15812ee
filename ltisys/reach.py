"""which outputs an input can reach: where silence stays exact and where a bad sample spreads"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ltisys._types import Array

__all__ = [
    "all_finite",
    "coarse_support",
    "silent_outputs",
    "spoilt_outputs",
    "support",
]

GLANCE = 64  # samples looked at beside a zero before it is taken for a gap
MOST_LOOKS = 1 << 26  # outputs x runs looked at one by one; beyond, by counting in whole
MOST_STEPS = (
    256  # runs passed one by one, over all gaps: 20 ms, what counting costs for 2**17 frames
)
FAR = 1 << 40  # before or behind any frame

Runs = tuple[Array, Array]
Count = Callable[[Array, Array, int, int], Array]
"""(sounding x, sounding h, start, length): how many pairs of sounding samples each output hears."""


def all_finite(x: Array) -> bool:
    """Say whether no sample is NaN or infinite, in one pass without a temporary array.

    A sum is finite only if every term is; should it overflow, each sample is looked at.
    """
    if x.dtype.kind not in "fc" or x.size == 0:
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(np.add.reduce(x, axis=None)):
            return True
    return bool(np.isfinite(x).all())


def support(x: Array) -> Runs:
    """Return where the runs of non-zero samples of a row begin and end (exclusive)."""
    sounding = np.zeros(x.shape[0] + 2, dtype=np.int8)
    np.not_equal(x, 0, out=sounding[1:-1], casting="unsafe")
    edges = np.flatnonzero(np.diff(sounding))
    return edges[::2], edges[1::2]


def _gaps(x: Array, least: int) -> Runs:
    """Return where the gaps of a row begin and end: `least` or more zeros, and what lies outside.

    Any such run holds one of every `least`-th sample, and goes on from there for at least half
    its length to one side: a few looks rule it out, also in sound with a zero here and there.
    """
    frames = x.shape[0]
    zeros = np.flatnonzero(x[least - 1 :: least] == 0) * least + least - 1
    steps = np.arange(1, min((least - 1) // 2, GLANCE) + 1)
    before, after = zeros[:, None] - steps, zeros[:, None] + steps
    goes_on = (x[np.maximum(before, 0)] == 0).all(axis=1)
    goes_on |= (x[np.minimum(after, frames - 1)] == 0).all(axis=1)
    found = zeros[goes_on]
    if found.size > MOST_STEPS:  # one by one would take longer than to look at every sample
        first, last = support(x)
        outer = np.concatenate([[-FAR], last]), np.concatenate([first, [FAR]])
        wide = outer[1] - outer[0] >= least
        return outer[0][wide], outer[1][wide]
    begins, ends = [-FAR], [_zeros_from(x)]
    for at in found:
        if at >= ends[-1]:
            begin, end = int(at) - _zeros_from(x[at::-1]) + 1, int(at) + _zeros_from(x[at:])
            if end - begin >= least and end < frames:
                begins.append(begin)
                ends.append(end)
    if ends[0] < frames:
        begins.append(frames - _zeros_from(x[::-1]))
        ends.append(FAR)
    else:
        ends[0] = FAR
    return np.array(begins), np.array(ends)


def _zeros_from(x: Array) -> int:
    """Count the zeros a row begins with."""
    first, step = 0, 256
    while first < x.shape[0]:
        sounding = np.flatnonzero(x[first : first + step])
        if sounding.size:
            return first + int(sounding[0])
        first, step = first + step, 2 * step
    return int(x.shape[0])


def silent_outputs(
    x: Array, h: Array, start: int, length: int, count: Count, runs: Runs | None = None
) -> Array | None:
    """Return a mask of the outputs start .. start + length that no non-zero input can reach.

    Output n is unreachable when x[n - t] h[t] is zero for every t. None stands for no such output.
    Exact, whatever the zeros inside x and h; `count` serves where both have too many runs of them.
    `runs` is `support` of h, for those who have it.

    The longest run of h must lie in a gap of x: that leaves few outputs. Where all of h lies in
    the gap they are silent; the others must pass every other run of h.
    """
    begins, ends = support(h) if runs is None else runs
    if begins.size == 0:
        return np.ones(length, dtype=bool)
    by_length = np.argsort(begins - ends, kind="stable")
    b, e = begins[by_length[0]], ends[by_length[0]]
    gaps = _gaps(x, int(e - b))
    first, last = gaps[0] + e - 1 - start, gaps[1] + b - start
    if not (np.maximum(first, 0) < np.minimum(last, length)).any():
        return None
    if begins.size > 2 and gaps[0].size > MOST_STEPS:
        return np.equal(count(x != 0, h != 0, start, length), 0)
    silent = np.zeros(length, dtype=bool)
    steps = 0
    for gap_begin, gap_end in zip(*gaps, strict=True):
        first = max(0, gap_begin + e - 1 - start)
        last = min(length, gap_end + b - start)
        if first >= last:
            continue
        # all of h lies in this gap from one output to another: no need to look
        surely = slice(
            min(max(first, gap_begin + ends[-1] - 1 - start), last),
            max(min(last, gap_end + begins[0] - start), first),
        )
        place = silent[first:last]
        place[...] = True
        open_ = np.arange(first, last)
        if surely.start < surely.stop:
            open_ = np.concatenate([open_[: surely.start - first], open_[surely.stop - first :]])
        # the first and the last run hear what lies around the gap: they settle nearly all
        for done, run in enumerate((0, begins.size - 1, *by_length[1:])):
            if open_.size == 0:
                break
            steps += done > 2
            looks = open_.size * (begins.size - done)
            if done > 2 and (looks > MOST_LOOKS or steps > MOST_STEPS):
                return np.equal(count(x != 0, h != 0, start, length), 0)
            hears = _hears(x, open_ + start, int(begins[run]), int(ends[run]))
            silent[open_[hears]] = False
            open_ = open_[~hears]
    return silent


def _hears(x: Array, n: Array, begin: int, end: int) -> Array:
    """Say for each of the rising outputs n whether x[n - end + 1 : n - begin + 1] is not silent."""
    low = int(np.clip(n[0] - end + 1, 0, x.shape[0]))
    high = int(np.clip(n[-1] - begin + 1, low, x.shape[0]))
    before = np.concatenate([[0], np.cumsum(x[low:high] != 0)])
    upto = before[np.clip(n - begin + 1 - low, 0, high - low)]
    return np.asarray(upto != before[np.clip(n - end + 1 - low, 0, high - low)])


def spoilt_outputs(bad: Array, other_length: int, start: int, length: int) -> Array:
    """Return a mask of the outputs that touch a bad sample: `other_length` from each one on."""
    steps = np.zeros(length + 1, dtype=np.int64)
    first = np.clip(np.flatnonzero(bad) - start, 0, length)
    last = np.clip(np.flatnonzero(bad) + other_length - start, 0, length)
    np.add.at(steps, first, 1)
    np.add.at(steps, last, -1)
    return np.asarray(np.cumsum(steps[:length]) > 0)


def coarse_support(row: Array, most: int = 256) -> tuple[tuple[int, int], ...]:
    """Return where a response is not zero, as at most so many runs: the closest are merged."""
    begins, ends = support(row)
    if begins.size > most:
        keep = np.sort(np.argsort(begins[1:] - ends[:-1])[-(most - 1) :])
        begins = np.concatenate([begins[:1], begins[1:][keep]])
        ends = np.concatenate([ends[:-1][keep], ends[-1:]])
    return tuple((int(b), int(e)) for b, e in zip(begins, ends, strict=True))
