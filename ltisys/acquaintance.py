"""what is learnt of a system before any law is tried: lengths, cost, state, rounding, response"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from ltisys import excitation
from ltisys._types import Array
from ltisys.black_box import BlackBox
from ltisys.growth import resonance
from ltisys.laws import LONG_SHIFTS
from ltisys.levels import db
from ltisys.rounding import (
    SENSITIVITY,
    WORST,
    Floor,
    Rounding,
    measure,
    no_noise,
    noise_floor,
    residue,
)
from ltisys.steadiness import Steadiness, examine
from ltisys.traits import Response, Traits, measure_response, measure_traits, reach_of
from ltisys.variation import rate_of

__all__ = ["Acquaintance", "first_input", "meet"]

USUAL = 512
"""Frames of most inputs."""
TRIALS_S = 6.0
"""Seconds that the trials of all laws may take; a slow system gets fewer of them."""
FEWEST = 6


@dataclass(frozen=True)
class Acquaintance:
    """What is known of a system.

    Attributes
    ----------
    box : BlackBox
    seed : int
        Of all inputs.
    frames : int or None
        The longest input allowed.
    usual, extended, longest : int
        Frames of most inputs; of some, long enough for all that the system remembers; of the few
        that look for what varies slowly.
    trials : int
        Of each law: those asked for, or as many as there is time for.
    steadiness : Steadiness
    rounding : Rounding
    response : Response
    traits : Traits
    rate : Fraction
        Frames answered for each frame asked.
    notes : tuple of str
        What to tell.
    """

    box: BlackBox
    seed: int
    frames: int | None
    usual: int
    extended: int
    longest: int
    trials: int
    steadiness: Steadiness
    rounding: Rounding
    response: Response
    traits: Traits
    rate: Fraction = Fraction(1)
    notes: tuple[str, ...] = field(default=())


def first_input(box: BlackBox, seed: int, frames: int) -> Array:
    """Return the first input that a system gets."""
    return excitation.draw(np.random.default_rng((seed, 0)), "noise", box.inputs, frames, -6.0)


def meet(
    box: BlackBox, *, frames: int | None, trials: int, seed: int, tolerance_db: float | None
) -> Acquaintance:
    """Ask a system for the first time; raise Unanswered if nothing can be learnt from it."""
    notes = []
    n = min(frames or USUAL, USUAL)
    first = first_input(box, seed, n)
    answer = box.meet(first)
    while n >= 16 and np.isinf(answer).any():  # it may overflow in time
        n //= 4
        first, answer = first[..., :n], box.meet(first[..., :n])
    usual = box.frames(n)
    steadiness = examine(box, usual, (first, answer))
    box.silence = steadiness.silence
    if box.silence:
        notes.append(
            f"remembers earlier calls; {box.silence:,} frames of silence were sent before each"
        )
    if steadiness.global_random:
        notes.append(f"draws from the global generator of {steadiness.global_random}")
    noise: Floor = no_noise
    if steadiness.deterministic is False:
        noise = noise_floor(box, usual)
    elif box.silence:
        noise = residue(box, usual)
    sounds = bool(np.abs(answer[..., :usual]).max() > 2 * noise(1.0))
    response = measure_response(box, frames, noise, sounds=sounds)
    rounding = measure(
        box,
        usual,
        response.gains,
        tone=resonance(response.y),
        tolerance_db=tolerance_db,
        noise=noise,
    )
    if rounding.by_hand is None and SENSITIVITY * rounding.sensitivity > WORST:
        notes.append(
            f"changes by {db(rounding.sensitivity):.0f} dB of its answer when its input changes by "
            f"units in the last place: it amplifies rounding, or has steps"
        )
    traits = measure_traits(box, response, rounding, usual)
    rate = rate_of(box, usual)
    if rate != 1:  # frames of the answer are not frames of the input
        traits = replace(traits, lookahead=None, memory=None, latency=None)
    extended, longest = _lengths(box, frames, usual, response, traits)
    # on average a trial asks twice, of six laws; one in seven at the extended length
    cost = box.cost(usual)
    seconds = trials * (12 * cost + 2 * box.cost(extended))
    if seconds > TRIALS_S:
        fewer = max(min(trials, FEWEST), int(trials * TRIALS_S / seconds))
        notes.append(
            f"slow, {1e3 * max(cost, seconds / trials / 14):.0f} ms a call: {fewer} trials of each "
            f"law instead of {trials}"
        )
        trials = fewer
    return Acquaintance(
        box, seed, frames, usual, extended, longest, trials, steadiness, rounding, response,
        traits, rate, tuple(notes),
    )  # fmt: skip


def _lengths(
    box: BlackBox, frames: int | None, usual: int, response: Response, traits: Traits
) -> tuple[int, int]:
    """Return the extended and the longest number of frames."""
    if box.fixed is not None:
        return box.fixed, box.fixed
    remembered = response.frames if traits.memory is None else traits.memory
    if frames is not None:
        return max(usual, min(usual + remembered, frames)), frames
    affordable = reach_of(0.05, box, usual, 2**17)
    longest = reach_of(0.02, box, usual, LONG_SHIFTS[-1] + 1024)
    return usual + min(remembered, affordable), longest
