"""Schedules of partitions: causal, whole, the cheapest there is, told in words; and their costs"""

import dataclasses
import functools
import pickle
from collections.abc import Iterator

import numpy as np
import pytest
import streams

import ltisys as lti
from ltisys import costs, schedules, spectra
from ltisys.costs import Costs
from ltisys.schedules import Problem, Schedule

TAPS = (1, 2, 9, 63, 64, 65, 100, 1000, 4097, 48_000, 96_001, 480_000, 1 << 20, 1 << 24)
BLOCKS = (1, 2, 3, 16, 63, 64, 65, 100, 256, 441, 1024, 4096, 1 << 16)
WIRES = ((1, 1, 1, True), (2, 2, 2, True), (2, 2, 4, False), (1, 8, 8, False), (6, 2, 12, False))
"""(inputs, outputs, paths, shared)."""

# --- whole and causal -----------------------------------------------------------------------------


def check_causal(found: Schedule, problem: Problem, table: Costs) -> None:
    """Every partition is transformed before it is wanted, and every tap is in one."""
    head, *rest = found.partitions
    assert found.head in ("direct", "fft")
    assert head[0] == problem.block_size
    assert all(count >= 1 for _, count in found.partitions)
    assert list(found.offsets) == sorted(found.offsets)
    sizes = [size for size, _ in rest]
    assert sizes == sorted(set(sizes))
    assert set(sizes) <= set(schedules.usable(problem, table))
    for (size, _), start in zip(rest, found.offsets[1:], strict=True):
        assert size >= problem.block_size
        assert start >= size + schedules.slack(size, problem, table)
    covered = sum(size * count for size, count in found.partitions)
    assert covered >= problem.taps
    size, count = found.partitions[-1]
    if rest or found.head == "fft":  # and none lies behind the response
        assert covered - size < problem.taps
    else:
        assert count <= -(-problem.taps // size)


def check_told(found: Schedule, problem: Problem, table: Costs) -> None:
    """The figures of a schedule are those of its partitions."""
    cost = schedules.cost(found.head, found.partitions, problem, table)
    assert found.cost == pytest.approx(cost, rel=1e-9)
    assert found.cost > 0
    assert found.worst >= found.cost * (1 - 1e-9)
    assert found.operations > 0
    assert found.cost <= schedules.uniform(problem, table) * (1 + 1e-9)


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_schedule_is_causal_and_whole(dtype: str, block: int) -> None:
    table = costs.current(dtype)
    for taps in TAPS:
        for inputs, outputs, paths, shared in WIRES:
            problem = Problem(taps, block, inputs, outputs, paths, shared, dtype)
            found = schedules.cheapest(problem, table)
            check_causal(found, problem, table)
            check_told(found, problem, table)


@pytest.mark.parametrize("seed", range(30))
def test_schedules_of_imagined_machines_are_causal_and_whole(seed: int) -> None:
    rng = np.random.default_rng([1, seed])
    table = streams.imagined(rng, head=np.exp(rng.uniform(-3, 6)), job=np.exp(rng.uniform(-4, 2)))
    for _ in range(10):
        taps = int(np.exp(rng.uniform(0, np.log(1 << 20))))
        problem = Problem(taps, int(rng.choice(BLOCKS)), *WIRES[rng.integers(len(WIRES))])
        found = schedules.cheapest(problem, table)
        check_causal(found, problem, table)
        check_told(found, problem, table)


@pytest.mark.parametrize("seed", range(10))
def test_only_the_sizes_allowed_are_used(seed: int) -> None:
    """As a swap asks for those that the stream has."""
    rng = np.random.default_rng([2, seed])
    table = costs.current()
    for _ in range(20):
        problem = Problem(int(rng.integers(1, 100_000)), int(rng.choice(BLOCKS)))
        allowed = {int(s) for s in rng.choice(schedules.SIZES, 3) if s >= problem.block_size}
        found = schedules.cheapest(problem, table, allowed)
        assert {size for size, _ in found.partitions[1:]} <= allowed
        check_told(found, problem, table)
        for (size, _), start in zip(found.partitions[1:], found.offsets[1:], strict=True):
            assert start >= size + schedules.slack(size, problem, table)


@pytest.mark.parametrize("size", schedules.SIZES)
@pytest.mark.parametrize("block", BLOCKS)
def test_slack_covers_the_alignment_and_is_bounded(block: int, size: int) -> None:
    problem = Problem(10**6, block, 2, 2, 4)
    slack = schedules.slack(size, problem, costs.current())
    assert 0 <= slack <= max(size, block)
    if size % block:  # the input is complete within a block, whose first output must not need it
        assert slack >= block - 1


# --- the cheapest ---------------------------------------------------------------------------------


def every(problem: Problem, table: Costs) -> Iterator[tuple[str, tuple[tuple[int, int], ...]]]:
    """Yield every schedule there is, by trying all counts of all sizes in rising order."""
    block, sizes = problem.block_size, schedules.usable(problem, table)

    def onward(
        partitions: tuple[tuple[int, int], ...], covered: int, least: int
    ) -> Iterator[tuple[tuple[int, int], ...]]:
        if covered >= problem.taps:
            yield partitions
            return
        for size in sizes:
            if size <= least or covered < size + schedules.slack(size, problem, table):
                continue
            for count in range(1, -(-(problem.taps - covered) // size) + 1):
                yield from onward((*partitions, (size, count)), covered + count * size, size)

    for head, count in schedules.heads(problem):
        if head == "direct":
            for found in onward(((block, count),), block * count, 0):
                yield head, found
        else:
            for more in range(1, -(-problem.taps // block) + 1):
                for found in onward(((block, more),), block * more, block):
                    yield head, found


@pytest.mark.parametrize("seed", range(60))
def test_the_cheapest_of_all_is_found(seed: int) -> None:
    """Against all of them, on machines of every kind."""
    rng = np.random.default_rng([3, seed])
    factors = {part: np.exp(rng.uniform(-3, 3)) for part in ("head", "multiply", "forward", "job")}
    table = streams.imagined(rng, **factors)
    block = int(rng.choice([1, 16, 30, 32, 40]))
    problem = Problem(int(rng.integers(1, 500)), block, *WIRES[rng.integers(len(WIRES))])
    found = schedules.cheapest(problem, table)
    all_ = {way: schedules.cost(*way, problem, table) for way in every(problem, table)}
    assert (found.head, found.partitions) in all_
    assert found.cost == pytest.approx(min(all_.values()), rel=1e-9)


def test_the_brute_force_tries_many() -> None:
    table = costs.current()
    assert sum(1 for _ in every(Problem(490, 32), table)) > 500


@functools.cache
def best(taps: int, block: int) -> Schedule:
    return schedules.cheapest(Problem(taps, block), costs.current())


def test_longer_responses_and_shorter_blocks_cost_more() -> None:
    for block in (16, 64, 256):
        found = [best(taps, block).cost for taps in (100, 1000, 10_000, 100_000)]
        assert found == sorted(found)
    frame = [best(48_000, block).cost / block for block in (16, 64, 256, 1024)]
    assert frame == sorted(frame, reverse=True)


# --- plans ----------------------------------------------------------------------------------------


def test_ten_seconds_at_64_frames() -> None:
    plan = lti.plan(frames=1, taps=480_000, channels=2, block_size=64, method="partitioned")
    assert plan.method == "partitioned"
    assert (plan.taps, plan.channels, plan.block_size) == (480_000, 2, 64)
    assert (plan.latency, plan.dtype, plan.workers) == (0, "float32", 1)
    assert plan.head in ("direct", "fft")
    assert len(plan.partitions) >= 3
    assert plan.partitions[0][0] == 64
    assert sum(size * count for size, count in plan.partitions) >= 480_000
    assert plan.nfft == spectra.good_size(2 * plan.partitions[-1][0])
    assert 0 < plan.cost <= plan.worst
    assert plan.cost < dict(plan.alternatives)["equal partitions"] / 10
    assert plan.operations < 2 * 480_000 / 100  # of a hundredth of the definition's
    assert plan.table == costs.current().source
    other = dataclasses.replace(plan)
    assert (other, hash(other)) == (plan, hash(plan))
    assert pickle.loads(pickle.dumps(plan)) == plan


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_stream_s_plan_is_the_one_that_is_told(dtype: str) -> None:
    h = np.random.default_rng(4).standard_normal((2, 2, 5000))
    for system, channels in ((lti.FIR(h[0]), 2), (lti.FIR(h), 2), (lti.FIR(h[0, 0]), 1)):
        plan = system.stream(block_size=64, channels=channels, dtype=dtype).plan
        assert (plan.taps, plan.dtype, plan.block_size) == (5000, dtype, 64)
        assert 0 < plan.cost <= plan.worst
        assert plan.operations > 0
    own = lti.FIR(h[0]).stream(block_size=64, channels=2, dtype=dtype).plan
    told = lti.plan(
        frames=1, taps=5000, channels=2, block_size=64, method="partitioned", dtype=dtype
    )
    assert own.partitions == told.partitions


@pytest.mark.parametrize(("taps", "block"), [(480_000, 64), (5000, 1024), (100, 256), (50, 1)])
def test_a_plan_shows_its_head_and_its_partitions(taps: int, block: int) -> None:
    plan = lti.plan(frames=1, taps=taps, channels=2, block_size=block, method="partitioned")
    first, *lines = str(plan).splitlines()
    wanted = f"partitioned: blocks of {block:,} frames x {taps:,} taps, 2 channels, float32"
    assert first == wanted
    words = [line.split()[0] for line in lines]
    groups = len(plan.partitions) - 1
    assert words[: 1 + groups] == ["head", *["partitions"] * groups]
    assert [word for word in words[1 + groups :] if word != "instead"] == ["a", "costs", "because"]
    start = 0
    for place, (size, count) in enumerate(plan.partitions):
        assert f"{size:,} x {count:,}" in lines[place]
        assert place == 0 or f"from tap {start:,}" in lines[place]
        start += size * count
    how = {"direct": "as one matrix", "fft": "transformed"}[plan.head]
    assert lines[0].endswith(f"taps {how}")
    assert costs.current().source in str(plan)
    assert str(plan).endswith(plan.why)


def test_plans_of_sparse_responses_and_of_several_in_a_row_show_themselves() -> None:
    few = lti.delay(1000).stream().plan
    assert (few.method, few.head, few.partitions) == ("direct", "", ((1001, 1),))
    assert "only 1 of the 1,001 taps are not zero" in str(few)
    assert 0 < few.cost <= few.worst
    rng = np.random.default_rng(5)
    system = lti.FIR(rng.standard_normal(20_000)) >> lti.FIR(rng.standard_normal((10, 30)))
    row = system.stream(block_size=64).plan
    assert len(row.series) == 2
    for part in row.series:
        assert f"{part.taps:,} taps" in str(row)
    assert str(row).count("head  ") == 2
    assert (row.worst, row.operations) == (
        pytest.approx(sum(part.worst for part in row.series)),
        pytest.approx(sum(part.operations for part in row.series)),
    )
