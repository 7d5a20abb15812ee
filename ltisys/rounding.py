"""how far rounding alone can take two answers apart: the tolerance of every comparison"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ltisys._types import Array
from ltisys.black_box import BlackBox, Unanswered
from ltisys.levels import amplitude

__all__ = ["Rounding", "measure", "noise_floor", "residue"]

UNITS = {"float16": 2.0**-11, "float32": 2.0**-24, "float64": 2.0**-53}
SENSITIVITY = 16.0
"""Times the largest change that a perturbation of one unit was seen to make."""
RESCALED = {"float64": (1, 11, 101, 1001, 10_007), "float32": (1, 3, 7, 11, 17)}
"""Units by which an input is scaled: it rounds every value anew, and changes none by 3e-6."""
LONG = 16
"""Times as many frames as usual, at which the growth of rounding is measured."""
WORST = 1e-3
"""A system whose rounding comes closer to its answer than this is told to depart."""
NOISE = 8.0
"""Times the largest difference seen between answers to one input."""

Floor = Callable[[float], float]


def no_noise(peak: float) -> float:
    """Return the noise of a system that answers alike every time."""
    return 0.0


@dataclass(frozen=True)
class Rounding:
    """The tolerance: ``limit = max(8 u (4 + log2 frames), 16 s) * scale``.

    u is the unit roundoff of the arithmetic found in the answers; s the largest change of the
    answer, relative to `scale`, that a change of the input by a few units in the last place makes
    (which tells how a recursion, or a sum of large terms, amplifies rounding); `scale` the
    largest of the answers compared and of ``||h|| ||x||``, which bounds the error of an FFT
    (as in law 4). The first part never exceeds -60 dB in sum with the second. Departures within
    `NOISE` times the spread of repeated answers are not told from noise.

    Attributes
    ----------
    precision : str
        "float64", "float32" or "float16".
    sensitivity : float
        The s above.
    gains : tuple of float
        ``||h||`` of the response measured, over 1, 2, 4, ... frames: responses may grow.
    by_hand : float or None
        A departure relative to the output that the user tolerates, in place of all this.
    measured : int
        Frames of the longest input for which s was measured: that of an integrator grows.
    """

    precision: str = "float64"
    sensitivity: float = 0.0
    gains: tuple[float, ...] = (0.0,)
    by_hand: float | None = None
    measured: int = 0
    noise: Floor = no_noise

    @property
    def unit(self) -> float:
        """Unit roundoff."""
        return UNITS[self.precision]

    def relative(self, frames: int) -> float:
        """Return the tolerance relative to the scale of a comparison."""
        if self.by_hand is not None:
            return self.by_hand
        derived = 8 * self.unit * (4 + math.log2(max(frames, 1)))
        return min(max(derived, SENSITIVITY * self.sensitivity), max(WORST, derived))

    def scale(self, outputs: float, inputs: float, frames: int) -> float:
        """Return what rounding is relative to: the answers, or ``||h|| ||x||`` where larger."""
        gain = self.gains[min(max(frames - 1, 0).bit_length(), len(self.gains) - 1)]
        return max(outputs, gain * inputs)

    def limit(self, outputs: float, inputs: float, frames: int, peak: float) -> float:
        """Return the largest departure that may be rounding.

        Parameters
        ----------
        outputs : float
            Peak of the answers compared.
        inputs : float
            Norm of the inputs.
        frames : int
            Their length.
        peak : float
            Peak of the inputs, which says what noise to expect.
        """
        if self.by_hand is not None:
            return self.by_hand * outputs
        reach = self.scale(outputs, inputs, frames)
        # below the smallest normal numbers, rounding is no longer relative
        least = {"float16": 2.0**-24, "float32": 2.0**-149, "float64": 5e-324}[self.precision]
        return self.relative(frames) * reach + 8 * least + NOISE * self.noise(peak)


def measure(
    box: BlackBox,
    frames: int,
    gains: tuple[float, ...],
    *,
    tone: float,
    tolerance_db: float | None,
    noise: Floor,
) -> Rounding:
    """Find the arithmetic of a system and how it amplifies rounding.

    Noise, constants, and a tone of the angular frequency `tone`, where the response is largest:
    a recursion amplifies the rounding of loud answers most, and those of a low-pass are slow.
    """
    by_hand = None if tolerance_db is None else amplitude(tolerance_db)
    rng = np.random.default_rng(3)
    long = box.frames(frames if box.cost(frames) > 5e-3 else LONG * frames)
    usual = box.frames(frames)
    precision = _precision(box, rng.standard_normal((box.inputs, usual)) / 3)
    sensitivity = 0.0
    shapes = [(rng.standard_normal(n) / 3, n) for n in (usual, long)]
    shapes += [(np.full(n, level), n) for n, level in ((usual, 0.3), (long, 0.7))]
    shapes += [(0.9 * np.cos(tone * np.arange(n)), n) for n in (usual, long)]
    for shape, n in shapes:
        x = np.tile(shape, (box.inputs, 1))
        if precision == "float32":
            x = x.astype(np.float32).astype(np.float64)
        unit = UNITS[precision]
        step = np.where(rng.random(x.shape) < 0.5, -1.0, 1.0) * 2 * unit
        try:
            still = box(x)
            moved = [(box(x * (1 + step)), 1.0)]
            # what a recursion amplifies inside shows when all values are rounded anew
            moved += [
                (box(x * c), c) for c in (1 + 2 * k * unit for k in RESCALED.get(precision, (1,)))
            ]
        except Unanswered:
            continue
        gain = gains[min(n.bit_length(), len(gains) - 1)]
        scale = max(float(np.abs(still).max()), gain * float(np.linalg.norm(x)))
        for y, c in moved:
            if y.shape == still.shape and scale > 0:
                apart = max(float(np.abs(y - c * still).max()) - NOISE * noise(1.0), 0.0)
                sensitivity = max(sensitivity, apart / scale)
    return Rounding(precision, sensitivity, gains, by_hand, long, noise)


def _precision(box: BlackBox, x: Array) -> str:
    """Return the arithmetic: of its answers, or of what it makes of its input."""
    if box.result_dtype == np.float16:
        return "float16"
    try:
        y = box(x)
        single = np.array_equal(box(x.astype(np.float32).astype(np.float64)), y)
    except Unanswered:
        return "float64"
    return "float32" if single or _is_single(y) else "float64"


def _is_single(y: Array) -> bool:
    """Whether every value is one that single precision holds, and not for want of values."""
    kind = np.complex64 if y.dtype.kind == "c" else np.float32
    with np.errstate(over="ignore"):
        return bool(y.any() and np.array_equal(y.astype(kind), y))


def residue(box: BlackBox, frames: int) -> Floor:
    """Return what a loud input leaves behind in a system that silence is to empty."""
    silent = np.zeros((box.inputs, box.frames(frames)))
    try:
        before = box(silent)
        box.raw(silent + amplitude(40.0))
        after = box(silent)
    except Unanswered:
        return no_noise
    left = float(np.abs(after - before).max()) if after.shape == before.shape else 0.0
    return lambda peak: left


def noise_floor(box: BlackBox, frames: int) -> Floor:
    """Return how far answers to one input lie apart, as a function of the input's peak."""
    rng = np.random.default_rng(4)
    x = rng.uniform(-1, 1, (box.inputs, box.frames(frames)))
    peaks, spreads = [], []
    for level_db in (-120.0, -80.0, -40.0, 0.0, 40.0):
        given = x * amplitude(level_db)
        answers = []
        for _ in range(16 if box.cost(frames) < 1e-3 else 6):
            try:
                answers.append(box(given))
            except Unanswered:
                continue
        if len(answers) > 1 and len({a.shape for a in answers}) == 1:
            peaks.append(amplitude(level_db))
            spreads.append(float(np.abs(np.stack(answers) - answers[0]).max()))

    def floor(peak: float) -> float:
        # the noise of the next level above: noise in proportion to the input grows up to there
        at = int(np.searchsorted(peaks, peak * (1 - 1e-9)))
        return max(spreads[: at + 1], default=0.0)

    return floor
