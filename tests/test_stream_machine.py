"""Anything that may be done to a stream, in any order, against whole answers (a state machine)"""

import copy
import functools
import pickle
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import streams
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import ltisys as lti

LAYOUTS: tuple[tuple[tuple[int, ...], int], ...] = (((), 1), ((2,), 2), ((2, 2), 2), ((6,), 1))
BLOCKS = (1, 16, 63, 64, 100, 512)
FADES = (0, 1, 64, 500)
COPIES = (copy.copy, copy.deepcopy, lambda stream: pickle.loads(pickle.dumps(stream)))
KINDS = ("noise", "noise", "noise", "zeros", "impulse", "bad", "quiet", "loud")


@functools.cache
def systems(layout: int) -> list[lti.FIR]:
    """Make systems that fit each other: long, short, sparse, silent, in a row."""
    lead = LAYOUTS[layout][0]
    rng = np.random.default_rng(layout)
    own = [rng.standard_normal((*lead, taps)) for taps in (1, 30, 300, 1500)]
    few = np.zeros((*lead, 700))
    few[..., [0, 100, 699]] = 1.0
    silent = own[2].copy()
    silent[..., :200] = 0
    if lead:
        silent[-1] = 0
    # a response of as many outputs as inputs, or one for all, before a short one of the layout
    before = {(2, 2): (2, 2), (2,): (2,)}.get(lead, ())
    row = lti.FIR(rng.standard_normal((*before, 1200))) >> lti.FIR(rng.standard_normal((*lead, 9)))
    return [*(lti.FIR(h) for h in (*own, few, silent)), row]


class StreamMachine(RuleBasedStateMachine):
    """A stream, and a model that knows what must come out of it."""

    model: streams.Model
    flushed: bool

    @initialize(
        layout=st.integers(0, len(LAYOUTS) - 1),
        block=st.sampled_from(BLOCKS),
        dtype=st.sampled_from(["float32", "float64"]),
        first=st.integers(0, 6),
    )
    def begin(self, layout: int, block: int, dtype: str, first: int) -> None:
        self.systems = systems(layout)
        self.channels = LAYOUTS[layout][1]
        self.block = block
        system = self.systems[first]
        self.model = streams.Model(
            system.stream(block_size=block, channels=self.channels, dtype=dtype)
        )
        self.flushed = False

    def draw(self, kind: str, frames: int, seed: int) -> np.ndarray:
        x = np.random.default_rng(seed).standard_normal((self.channels, frames))
        x = x.astype(self.model.stream.dtype)
        at = seed % max(frames, 1)
        if kind == "zeros":
            x[:] = 0
        elif kind == "impulse":
            x[:, :at] = x[:, at + 1 :] = 0
        elif kind == "bad" and frames:
            x[seed % self.channels, at] = (np.nan, np.inf, -np.inf)[seed % 3]
        elif kind == "quiet":
            x *= x.dtype.type(1e-10)
        elif kind == "loud":
            x *= x.dtype.type(1e10)
        return x

    @precondition(lambda self: not self.flushed)
    @rule(
        kind=st.sampled_from(KINDS),
        frames=st.integers(0, 3) | st.integers(0, 700),
        blocks=st.booleans(),
        seed=st.integers(0, 999),
    )
    def push(self, kind: str, frames: int, blocks: bool, seed: int) -> None:
        self.model.push(self.draw(kind, self.block * (frames % 4) if blocks else frames, seed))

    @precondition(lambda self: not self.flushed)
    @rule(to=st.integers(0, 6), fade=st.sampled_from(FADES), ready=st.booleans())
    def swap(self, to: int, fade: int, ready: bool) -> None:
        if ready:
            self.model.stream.prepare(self.systems[to])
        self.model.swap(self.systems[to], fade)

    @rule(how=st.integers(0, 2), dirty=st.booleans())
    def go_on_with_a_copy(self, how: int, dirty: bool) -> None:
        old = self.model.stream
        self.model.stream = COPIES[how](old)
        if dirty and not self.flushed:
            old.push(np.full((self.channels, 2 * self.block + 1), np.nan))
            old.swap(self.systems[1], fade_s=0)
            old.flush()

    @precondition(lambda self: not self.flushed)
    @rule()
    def refuse(self) -> None:
        for bad in (np.ones((self.channels + 1, 3)), np.ones((self.channels, 3), int)):
            with pytest.raises((ValueError, TypeError)):
                self.model.stream.push(bad)
        with pytest.raises(ValueError, match=r"^the stream has|^x has"):
            self.model.stream.swap(lti.FIR(np.ones((9, 5))))

    @precondition(lambda self: not self.flushed)
    @rule()
    def flush(self) -> None:
        tail = self.model.tail
        self.model.flush()
        assert self.model.y[-1].shape[1] == tail
        self.model.check()
        self.flushed = True

    @precondition(lambda self: self.flushed)
    @rule()
    def refuse_when_flushed(self) -> None:
        for call in (
            lambda: self.model.stream.push(np.ones((self.channels, 3))),
            self.model.stream.flush,
            lambda: self.model.stream.swap(self.systems[0]),
        ):
            with pytest.raises(lti.StreamError):
                call()

    @rule()
    def reset(self) -> None:
        self.model.reset()
        self.flushed = False

    @invariant()
    def it_tells_the_truth(self) -> None:
        model: Any = getattr(self, "model", None)
        if model is None:
            return
        assert model.stream.position == model.position
        assert model.stream.system == model.parts[-1].system
        assert model.stream.latency == 0
        if not self.flushed:
            assert model.stream.tail == model.tail

    def teardown(self) -> None:
        if hasattr(self, "model"):
            if not self.flushed:
                self.model.flush()
            self.model.check()


FAST = {"deadline": None, "suppress_health_check": list(HealthCheck)}


def test_any_sequence_of_calls() -> None:
    run_state_machine_as_test(
        StreamMachine, settings=settings(max_examples=200, stateful_step_count=30, **FAST)
    )


@pytest.mark.slow
def test_many_long_sequences_of_calls() -> None:
    run_state_machine_as_test(
        StreamMachine, settings=settings(max_examples=1500, stateful_step_count=60, **FAST)
    )
