"""the name of a failure: affine, circular, reversed, by the whole input's level or length"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ltisys import excitation
from ltisys._types import Array
from ltisys.black_box import BlackBox, Unanswered
from ltisys.rounding import Rounding
from ltisys.traits import Response, Traits

__all__ = [
    "affine",
    "by_length",
    "by_level",
    "circular",
    "levels_of",
    "positive_only",
    "reverses",
]


def affine(box: BlackBox, rounding: Rounding, response: Response, frames: int) -> str | None:
    """Name a system that is linear but for its answer to silence."""
    if response.offset is None:
        return None

    def less_silence(x: Array) -> Array:
        y, silent = box(x), box(np.zeros(x.shape))
        shared = min(y.shape[-1], silent.shape[-1])
        return y[..., :shared] - silent[..., :shared]

    # without the allowance for what amplifies rounding, which a quantiser seems to do
    rounding = replace(rounding, sensitivity=min(rounding.sensitivity, 64 * rounding.unit))
    rng = np.random.default_rng(10)
    n = box.frames(min(frames, 256))
    try:
        for level_db in (0.0, -40.0, 20.0):
            a = excitation.draw(rng, "noise", box.inputs, n, level_db)
            b = excitation.draw(rng, "sparse", box.inputs, n, level_db)
            fa, fb = less_silence(a), less_silence(b)
            both = less_silence(a + 0.5 * b)
            top = max(*(float(np.abs(y).max()) for y in (fa, fb)), _top(response.offset))
            norm = float(np.linalg.norm(a) + np.linalg.norm(b))
            limit = 4 * rounding.limit(top, norm, n, float(np.abs(a).max()))
            if float(np.abs(both - fa - 0.5 * fb).max()) > limit:
                return None
    except (Unanswered, ValueError):
        return None
    offset = response.offset
    if np.ptp(offset.real) <= rounding.limit(_top(offset), 0.0, n, 0.0):
        value = f"{complex(offset.flat[0]).real:.6g}"
        return f"affine: linear but for an offset; its answer to silence is {value}"
    return f"affine: linear but for its answer to silence, which peaks at {_top(offset):.4g}"


def positive_only(box: BlackBox, rounding: Rounding, frames: int) -> bool:
    """Whether ``f(-a) = -f(a)`` fails."""
    rng = np.random.default_rng(11)
    a = excitation.draw(rng, "noise", box.inputs, box.frames(min(frames, 256)), -10.0)
    try:
        minus, plus = box(-a), box(a)
    except Unanswered:
        return False
    if minus.shape != plus.shape:
        return True
    limit = rounding.limit(_top(plus), float(np.linalg.norm(a)), a.shape[-1], 1.0)
    return float(np.abs(minus + plus).max()) > limit


def by_level(box: BlackBox, rounding: Rounding, frames: int) -> Array | None:
    """Find whether a loud end changes the level of what came long before; return such an input."""
    rng = np.random.default_rng(12)
    n = box.frames(max(min(frames, 512), 64))
    a = excitation.draw(rng, "noise", box.inputs, n, -20.0)
    loud = a.copy()
    loud[..., -max(n // 16, 1) :] = 8.0 * np.sign(rng.standard_normal())
    try:
        quiet, scaled = box(a), box(loud)
    except Unanswered:
        return None
    keep = min(quiet.shape[-1], scaled.shape[-1], n) // 2  # what was answered before the loud end
    quiet, scaled = quiet[..., :keep].ravel(), scaled[..., :keep].ravel()
    energy = float(np.vdot(quiet, quiet).real)
    if keep < 8 or energy == 0:
        return None
    ratio = np.vdot(quiet, scaled) / energy
    limit = rounding.limit(_top(quiet), float(np.linalg.norm(a)), n, 8.0)
    apart = float(np.abs(scaled - ratio * quiet).max())
    changed = float(np.abs(scaled - quiet).max())
    return loud if changed > 4 * limit and apart < 1e-3 * changed + limit else None


def by_length(box: BlackBox, rounding: Rounding, frames: int) -> bool:
    """Whether silence behind the input changes the answer far from the input's end."""
    if box.fixed is not None:
        return False
    rng = np.random.default_rng(13)
    n = box.frames(max(min(frames, 512), 64))
    a = excitation.draw(rng, "noise", box.inputs, n, -10.0)
    try:
        short, long = box(a), box(np.pad(a, ((0, 0), (0, n + 3))))
    except Unanswered:
        return False
    keep = slice(min(short.shape[-1], n) // 4, min(short.shape[-1], n) // 2)
    if short[..., keep].shape != long[..., keep].shape or short[..., keep].size == 0:
        return False
    limit = rounding.limit(_top(short), float(np.linalg.norm(a)), n, 1.0)
    return float(np.abs(short[..., keep] - long[..., keep]).max()) > 4 * limit


def circular(box: BlackBox, rounding: Rounding, traits: Traits) -> bool:
    """Whether what would come after the end of the answer comes at its start instead."""
    if traits.latency is None:
        return False
    early, h = traits.early, traits.taps
    later = h[..., early + 1 :]
    n = box.frames(max(2 * later.shape[-1] + 16, 64))
    if later.shape[-1] == 0:
        return False
    later = later[:, 0, : min(later.shape[-1], n // 2)]
    x = np.zeros((box.inputs, n))
    x[0, -1] = 1.0
    try:
        y = box(x)
    except Unanswered:
        return False
    top = float(np.abs(later).max())
    if top <= rounding.limit(top, 1.0, n, 1.0) or y.shape[-1] != n:
        return False
    limit = max(4 * rounding.limit(_top(h), 1.0, n, 1.0), 1e-6 * top)
    return float(np.abs(y[..., : later.shape[-1]] - later).max()) <= limit


def reverses(box: BlackBox, rounding: Rounding) -> bool:
    """Whether an impulse later in the input is answered earlier."""
    return all(_mirrors(box, box.frames(frames)) for frames in (64, 3001))


def _mirrors(box: BlackBox, n: int) -> bool:
    peaks = []
    for at in (n // 4, n // 2, 3 * n // 4):
        x = np.zeros((box.inputs, n))
        x[..., at] = 1.0
        try:
            y = np.abs(box(x)).max(axis=0)
        except Unanswered:
            return False
        if y.max() == 0:
            return False
        peaks.append(int(y.argmax()))
    return peaks[0] - peaks[1] == n // 2 - n // 4 and peaks[1] - peaks[2] == 3 * n // 4 - n // 2


def levels_of(curve: Sequence[tuple[float, float]], failing: Callable[[float], bool]) -> str:
    """Say at which levels a law is broken, where it is not at all of them."""
    broken = [level for level, _ in curve if failing(level)]
    kept = [level for level, _ in curve if not failing(level)]
    if not broken or not kept:
        return ""
    if min(broken) > max(kept):
        return f"at peaks of {min(broken):+.0f} dBFS and louder"
    if max(broken) < min(kept):
        return f"at peaks of {max(broken):+.0f} dBFS and quieter"
    return ""


def _top(y: Array) -> float:
    return float(np.abs(y).max(initial=0.0))
