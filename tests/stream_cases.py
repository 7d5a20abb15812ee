"""Systems to stream by every kind of plan, with what they must answer"""

import dataclasses
import functools

import numpy as np
import pytest
import streams

import ltisys as lti
from ltisys import costs, schedules

Rows = np.ndarray
BLOCKS = (1, 2, 3, 63, 64, 65, 97, 127, 256, 521)
SHAPES: dict[str, tuple[tuple[int, ...], int]] = {  # leading axes of h, channels of x
    "one": ((), 1),
    "alike": ((), 3),
    "alike, as a row": ((1,), 2),
    "by channel": ((3,), 3),
    "spread": ((3,), 1),
    "matrix": ((2, 2), 2),
    "mixed down": ((1, 3), 3),
    "spread by a matrix": ((3, 1), 1),
    "many to few": ((2, 3), 3),
}
DTYPES = ("float32", "float64")


@dataclasses.dataclass
class Case:
    """A system that streams by an imagined machine's plan, a signal, and what it must answer."""

    stream: lti.Stream
    h: Rows
    x: Rows
    want: Rows
    limit: Rows

    @property
    def kind(self) -> tuple[str, int]:
        plan = self.stream.plan
        return plan.head or plan.method, min(len(plan.partitions), 4)


POOL = 60


@functools.cache
def case(number: int) -> Case:
    """Make one of the pool: blocks, shapes and precisions in turn, all else by lot."""
    rng = np.random.default_rng([1, number])
    block = BLOCKS[number % len(BLOCKS)]
    lead, channels = list(SHAPES.values())[number % len(SHAPES)]
    dtype = DTYPES[number // 2 % 2]
    taps = int(np.exp(rng.uniform(np.log(200), np.log(max(800, min(3500, 70 * block))))))
    h = rng.standard_normal((*lead, taps))
    if number % 5 == 4:  # few taps, so that no transform is worth its while
        h *= np.isin(np.arange(taps), rng.integers(taps, size=rng.integers(1, 9)))
    elif number % 5 == 3:  # whole partitions of silence
        h *= np.repeat(rng.random(taps // 40 + 1) < 0.3, 40)[:taps]
    if len(lead) == 2 and number % 2:
        h[rng.integers(lead[0]), rng.integers(lead[1])] = 0
    if len(lead) == 2 and number % 7 == 1:
        h[rng.integers(lead[0])] = 0
    h = h.astype(dtype)
    frames = int(rng.integers(taps // 2, (1 + min(block, 2)) * taps))
    x = rng.standard_normal((channels, frames)).astype(dtype)
    with pytest.MonkeyPatch.context() as patch:
        imagine(patch, rng, head=None if number % 3 else 1e5, alert=number % 4 < 2)
        stream = lti.FIR(h).stream(block_size=block, channels=channels, dtype=dtype)
    want, limit = streams.definition(h, x), streams.bound(stream._prepared, x)
    return Case(stream, h, x, want, limit)


def imagine(
    patch: pytest.MonkeyPatch, rng: np.random.Generator, head: float | None, alert: bool
) -> None:
    """Plan for a machine that there is not, and cut the work into more steps if `alert`."""
    factors = {"head": np.exp(rng.uniform(-3, 4)) if head is None else head}
    factors |= {name: np.exp(rng.uniform(-5, 0)) for name in ("forward", "inverse", "job")}
    table = streams.imagined(rng, multiply=np.exp(rng.uniform(-1, 4)), **factors)
    patch.setattr(costs, "current", lambda _: table)
    if alert:
        patch.setattr(schedules, "BUDGET_US", 1.0)
        patch.setattr(schedules, "BUDGET", 0.02)
