"""does a bounded input stay bounded: the sum of the response, its growth, the worst input"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from ltisys import spectra
from ltisys._types import Array
from ltisys.black_box import BlackBox, Unanswered
from ltisys.laws import written
from ltisys.levels import db
from ltisys.traits import Response

__all__ = ["Growth", "judge_answers", "judge_response", "resonance"]

STEADY = 1e-4
"""Windows of a response whose sums differ by less, as a ratio, neither grow nor decay."""
GROWS = 1.35
"""Peaks that grow by more each time the input is twice as long (noise into an integrator: 1.41)."""


@dataclass(frozen=True)
class Growth:
    """Whether bounded inputs have bounded answers, and why it is thought so."""

    holds: bool | None
    detail: str
    worst: Array | None = None  # an input within +-1 whose answer grows


def judge_response(box: BlackBox, response: Response, decayed: bool) -> Growth:
    """Judge a linear, time-invariant system by its response.

    It is stable if and only if the sum of ``|h|`` converges (Oppenheim and Schafer,
    "Discrete-Time Signal Processing", section 2.4); the worst input is ``sign(h[-n])``.
    """
    h = response.y[..., response.at :]
    every = np.abs(response.y).sum(axis=-1).sum(axis=-1)
    total = float(every.max(initial=0.0))
    if decayed:
        loudest = int(every.argmax())
        worst = _matched(response.y[loudest])
        try:
            top = float(np.abs(box(np.pad(worst, ((0, 0), (0, box.least))))).max())
        except Unanswered:
            top = total
        offset = float(np.abs(response.offset).max()) if response.offset is not None else 0.0
        if top > (total + offset) * 1.01 + 1e-300:
            return Growth(
                None, f"its worst input within ±1 reaches {top:.4g}, its response {total:.4g}"
            )
        return Growth(
            True,
            f"inputs within ±1 stay within ±{total:.4g} ({db(total):+.1f} dB), the sum of |h|",
        )
    size = np.abs(h).max(axis=(0, 1))
    frames = size.shape[-1]
    half = frames // 2
    # Hann windows: their sums do not depend on where in a period they fall
    window = np.hanning(half + 2)[1:-1]
    sums = [float((size[at : at + half] * window).sum()) for at in (0, half // 2, half)]
    worst = _worst_start(h, 32)
    if not sums[0] > 0 or not sums[1] > 0:
        return Growth(None, f"its response begins late and has not ended after {frames:,} frames")
    early, late = sums[1] / sums[0], sums[2] / sums[1]
    if late > 1 + STEADY:
        steady = abs(math.log(late) - math.log(early)) < 0.2 * abs(math.log(late))
        double = frames / 4 * math.log(2) / math.log(late)
        pace = f"doubles every {double:,.0f} frames" if steady else "keeps growing"
        return Growth(False, f"its response {pace}: {size.max():.3g} within {frames:,}", worst)
    if late > 1 - STEADY:
        return Growth(
            False,
            f"its response does not decay: the sum of |h| grows by {sums[2] / window.sum():.3g} "
            f"a frame, and is {total:.4g} after {frames:,}",
            worst,
        )
    octaves = size[half:].sum() / max(size[half // 2 : half].sum(), 1e-300)
    exponential = abs(math.log(late) - math.log(early)) < 0.1 * abs(math.log(late))
    if octaves < 0.9 or exponential:
        fall = -20 * math.log10(late) / (frames / 4) * 1000
        return Growth(
            True, f"its response decays by {fall:.3g} dB in 1 000 frames; sum of |h| {total:.4g}"
        )
    return Growth(None, f"its response decays too slowly to tell within {frames:,} frames")


def judge_answers(box: BlackBox, response: Response, longest: int) -> Growth:
    """Judge any system by the peaks of its answers to inputs within ±1, each twice as long."""
    rng = np.random.default_rng(7)
    n = box.frames(longest)
    h = response.y[..., response.at :] if response.at < response.y.shape[-1] else response.y
    tone = np.cos(resonance(h) * np.arange(n))
    inputs = {
        "a constant": np.ones(n),
        "alternating signs": np.where(np.arange(n) % 2, -1.0, 1.0),
        "noise": rng.uniform(-1, 1, n),
        "a tone": tone,
    }
    lengths = [n] if box.fixed is not None else [max(n >> k, box.least) for k in (3, 2, 1, 0)]
    top = 0.0
    refused = ""
    for name, signal in inputs.items():
        peaks = []
        for length in lengths:
            x = np.tile(signal[:length], (box.inputs, 1))
            try:
                y = box.raw(x)
            except Unanswered as error:
                refused = str(error)
                break
            if np.isnan(y).any() and not np.isinf(y).any():
                refused = "it answers NaN"
                break
            peaks.append(float(np.abs(y).max()))
        if peaks and not math.isfinite(peaks[-1]):
            return Growth(False, f"{name} within ±1 overflows within {n:,} frames", x[..., :32])
        if len(peaks) == 4 and all(b > GROWS * a > 0 for a, b in itertools.pairwise(peaks)):
            return Growth(
                False,
                f"its answer to {name} within ±1 keeps growing: {peaks[0]:.3g} in {lengths[0]:,} "
                f"frames, {peaks[-1]:.3g} in {n:,}",
                x[..., :32],
            )
        top = max([top, *peaks])
    if refused:
        return Growth(None, refused)
    return Growth(True, f"no answer beyond ±{top:.4g} to inputs within ±1, of {n:,} frames")


def line(x: Array, system: str) -> str:
    """Return the line of Python that shows the growth: the peak so far, less that at half time."""
    half = x.shape[-1] // 2
    return (
        f"np.abs({system}({written(x)})).max() - np.abs({system}({written(x[..., :half])})).max()"
    )


def _matched(h: Array) -> Array:
    """Return the input ``(inputs, frames)`` within ±1 that makes the last answer ``sum |h|``."""
    with np.errstate(invalid="ignore", divide="ignore"):
        phase = np.where(h == 0, 0, np.conj(h) / np.abs(h))
    return np.asarray(phase[:, ::-1].real if h.dtype.kind != "c" else phase[:, ::-1])


def _worst_start(h: Array, frames: int) -> Array:
    """Return the worst input of so many frames for the loudest output."""
    start = h[int(np.abs(h).sum(axis=(1, 2)).argmax())][:, :frames]
    heard = np.flatnonzero(np.abs(h).max(axis=(0, 1)))
    if heard.size and heard[0] > 0:  # a response that begins late: what follows its onset
        start = h[int(np.abs(h).sum(axis=(1, 2)).argmax())][:, heard[0] : heard[0] + frames]
    return _matched(start)


def resonance(h: Array) -> float:
    """Return the angular frequency, in radians a frame, at which the response is largest."""
    row = np.ascontiguousarray(h.real.reshape(-1, h.shape[-1])[0, :2048])
    nfft = spectra.good_size(max(row.shape[-1], 16))
    spectrum = np.abs(spectra.forward_real(row[None], nfft))[0]
    return float(2 * np.pi * spectrum.argmax() / nfft)
