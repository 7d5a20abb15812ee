"""which outputs an input can reach: where silence stays exact and where a bad sample spreads"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ltisys._types import Array

__all__ = ["all_finite", "silent_outputs", "spoilt_outputs", "support"]

MOST_PAIRS = 1 << 20  # runs x runs that are added up one by one; beyond, by a convolution

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


def _has_gap(x: Array, least: int) -> bool:
    """Say whether a row has `least` or more zeros in a row.

    Any such run holds one of every `least`-th sample, so one look in `least` rules it out.
    """
    if x[least - 1 :: least].all():
        return False
    edges = np.concatenate([[0], np.column_stack(support(x)).ravel(), [x.shape[0]]])
    return bool((edges[1::2] - edges[::2] >= least).any())


def silent_outputs(
    x: Array, h: Array, start: int, length: int, count: Count, runs: Runs | None = None
) -> Array | None:
    """Return a mask of the outputs start .. start + length that no non-zero input can reach.

    Output n is unreachable when x[n - t] h[t] is zero for every t. None stands for no such output.
    Exact, whatever the zeros inside x and h; `count` serves where both have too many runs of them.
    `runs` is `support` of h, for those who have it.
    """
    runs = support(h) if runs is None else runs
    begins, ends = runs
    if begins.size == 0:
        return np.ones(length, dtype=bool)
    longest = int((ends - begins).max())
    taps, frames = h.shape[0], x.shape[0]
    if _has_gap(x, longest):
        return _silent(x, h, start, length, count, runs)
    # only outputs off the ends of x can be silent: those before frame taps - 1, which hear its
    # first frames and the zeros before them, and those from `frames` on, which hear its last ones
    edge = taps - 1
    head = min(max(edge - start, 0), length)
    rest = min(max(frames - start, head), length)
    skipped = max(0, frames - edge)
    # a response without zeros hears the first frame in all of the former, the last in the latter
    if longest == taps and start >= 0 and start + length <= frames + edge:
        head, rest = 0 if x[0] else head, length if x[-1] else rest
    if head == 0 and rest == length:
        return None
    mask = np.zeros(length, dtype=bool)
    mask[:head] = _silent(x[:edge], h, start, head, count, runs)
    mask[rest:] = _silent(x[skipped:], h, start + rest - skipped, length - rest, count, runs)
    return mask


def _silent(x: Array, h: Array, start: int, length: int, count: Count, runs: Runs) -> Array:
    """Do the same without shortcuts: add up the outputs that each pair of runs reaches."""
    (begins_x, ends_x), (begins_h, ends_h) = support(x), runs
    if begins_x.size * begins_h.size > MOST_PAIRS:
        return np.equal(count(x != 0, h != 0, start, length), 0)
    first = np.add.outer(begins_x, begins_h).ravel() - start
    last = np.add.outer(ends_x, ends_h).ravel() - 1 - start
    steps = np.bincount(np.clip(first, 0, length), minlength=length + 1)
    steps = steps - np.bincount(np.clip(last, 0, length), minlength=length + 1)
    return np.asarray(np.cumsum(steps[:length]) == 0)


def spoilt_outputs(bad: Array, other_length: int, start: int, length: int) -> Array:
    """Return a mask of the outputs that touch a bad sample: `other_length` from each one on."""
    steps = np.zeros(length + 1, dtype=np.int64)
    first = np.clip(np.flatnonzero(bad) - start, 0, length)
    last = np.clip(np.flatnonzero(bad) + other_length - start, 0, length)
    np.add.at(steps, first, 1)
    np.add.at(steps, last, -1)
    return np.asarray(np.cumsum(steps[:length]) > 0)
