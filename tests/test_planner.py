"""Plans: they cover the problem, take the cheapest method, obey orders and explain themselves"""

import dataclasses
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ltisys as lti
from ltisys import planner, spectra
from ltisys.engines import ENGINES

METHODS = sorted(ENGINES)
DTYPES = ("float32", "float64", "complex64", "complex128")
LENGTHS = st.one_of(st.integers(1, 300), st.integers(1, 10**7))


def check_covers(plan: lti.Plan) -> None:
    """Every method computes frames + taps - 1 outputs from what its plan says."""
    outputs = plan.frames + plan.taps - 1
    assert plan.method in METHODS
    assert plan.workers >= 1
    assert plan.rows >= 1
    assert plan.cost > 0
    covered = sum(size * count for size, count in plan.partitions)
    if plan.method == "partitioned":
        assert covered - plan.partitions[-1][0] < plan.taps <= covered
        assert plan.latency == 0
        return
    assert covered == plan.taps
    if plan.method == "direct":
        assert (plan.nfft, plan.latency) == (0, 0)
    elif plan.method == "fft":
        assert plan.nfft >= outputs
        assert plan.latency == plan.frames - 1
    else:
        assert plan.block_size + plan.taps - 1 <= plan.nfft
        assert plan.nfft >= 2 * plan.taps
        assert plan.latency == plan.block_size - 1
    if plan.nfft:
        assert spectra.good_size(plan.nfft) == plan.nfft


@given(
    frames=LENGTHS,
    taps=LENGTHS,
    channels=st.integers(1, 64),
    dtype=st.sampled_from(DTYPES),
    method=st.sampled_from([*METHODS, "auto"]),
    block_size=st.none() | st.integers(1, 10**6),
    workers=st.none() | st.integers(1, 64),
)
def test_every_plan_covers_its_problem(
    frames: int,
    taps: int,
    channels: int,
    dtype: str,
    method: str,
    block_size: int | None,
    workers: int | None,
) -> None:
    if method == "partitioned":
        block_size = None  # with one it is the plan of a stream: tests/test_schedules.py
    plan = lti.plan(
        frames=frames,
        taps=taps,
        channels=channels,
        dtype=dtype,
        method=method,
        block_size=block_size,
        workers=workers,
    )
    check_covers(plan)
    assert (plan.frames, plan.taps, plan.channels, plan.dtype) == (frames, taps, channels, dtype)
    if method != "auto":
        assert plan.method == method
        assert plan.why == "you asked for it"
    if block_size and plan.method.startswith("overlap"):
        # as asked, or as much more as makes the transform twice the response or a good length
        assert plan.block_size >= block_size
        assert plan.nfft == spectra.good_size(max(block_size + taps - 1, 2 * taps))
    if workers:
        most = channels if plan.method == "partitioned" else workers
        assert plan.workers == min(workers, most)


@pytest.mark.parametrize("frames", [1, 50, 1000, 48_000, 10**7])
@pytest.mark.parametrize("taps", [1, 9, 100, 5000, 96_000])
def test_auto_takes_the_cheapest(frames: int, taps: int) -> None:
    auto = lti.plan(frames=frames, taps=taps, workers=1)
    forced = {m: lti.plan(frames=frames, taps=taps, method=m, workers=1) for m in METHODS}
    assert auto.cost == min(plan.cost for plan in forced.values())
    names, costs = zip(*auto.alternatives, strict=True)
    assert {auto.method, *names} == set(METHODS)
    assert list(costs) == sorted(costs)
    assert dict(auto.alternatives) == pytest.approx({m: forced[m].cost for m in names}, rel=1e-12)
    same = dataclasses.replace(forced[auto.method], why=auto.why)
    assert same == auto


def test_the_choice_fits_the_problem() -> None:
    assert lti.plan(frames=1000, taps=3).method == "direct"
    assert lti.plan(frames=10, taps=10).method == "direct"
    for frames in (10**7, 28_800_000, 10**9):
        assert lti.plan(frames=frames, taps=96_000).method.startswith("overlap")
    assert lti.plan(frames=10**7, taps=96_000).nfft < 2**21


def test_few_taps_that_are_not_zero_are_summed() -> None:
    plan = planner.choose(10**6, 48_000, 1, np.dtype("float32"), nonzero=2)
    assert plan.method == "direct"
    assert plan.why == "only 2 of the 48,000 taps are not zero"
    assert planner.choose(10**6, 48_000, 1, np.dtype("float32"), nonzero=47_000).method != "direct"


def test_double_precision_costs_more_and_workers_cost_less() -> None:
    for method in METHODS:
        size = {"frames": 10**7, "taps": 10**4, "method": method}
        single = lti.plan(**size, workers=1)
        assert lti.plan(**size, workers=1, dtype="float64").cost > single.cost
        if method != "partitioned":  # one row runs on one thread
            assert lti.plan(**size, workers=4).cost < single.cost
    assert lti.plan(frames=100, taps=10).workers == 1


def test_plans_are_frozen_values() -> None:
    plan = lti.plan(frames=1000, taps=300)
    for field in dataclasses.fields(plan):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(plan, field.name, None)
    assert plan == lti.plan(frames=1000, taps=300)
    assert hash(plan) == hash(lti.plan(frames=1000, taps=300))
    wanted = {"method", "taps", "frames", "channels", "block_size", "nfft", "partitions"}
    wanted |= {"latency", "cost", "why"}
    assert wanted <= {field.name for field in dataclasses.fields(plan)}


@pytest.mark.parametrize("method", [*METHODS, "auto"])
@pytest.mark.parametrize(("frames", "taps"), [(1, 1), (1000, 20), (28_800_000, 96_000)])
def test_a_plan_prints_itself(method: str, frames: int, taps: int) -> None:
    plan = lti.plan(frames=frames, taps=taps, channels=2, method=method)
    text = str(plan)
    first, *rest = text.splitlines()
    assert first == f"{plan.method}: {frames:,} frames x {taps:,} taps, 2 channels, float32"
    words = [line.split()[0] for line in rest]
    transforms = ["transforms", "blocks"] if plan.nfft else []
    if plan.method == "partitioned":
        transforms = ["partitions", *transforms[1:]]
    assert words == [*transforms, "estimated", "instead", "because"]
    assert text.endswith(plan.why)
    for other in METHODS:
        assert other in text
    if plan.nfft and plan.method != "partitioned":
        assert f"{plan.nfft:,} points" in text
        assert f"of {plan.block_size:,} new frames" in text


@pytest.mark.parametrize("method", [*METHODS, "auto"])
@pytest.mark.parametrize(("frames", "taps"), [(10**12, 10**6), (10**9, 10**9), (10**15, 10)])
def test_huge_problems_are_planned_at_once_and_in_no_memory(
    method: str, frames: int, taps: int
) -> None:
    lti.plan(frames=1000, taps=100, method=method)  # tables are made once
    tracemalloc.start()
    # processor time, which other processes on the machine do not lengthen
    begin = time.process_time()
    plan = lti.plan(frames=frames, taps=taps, method=method, channels=3)
    took = time.process_time() - begin
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    check_covers(plan)
    assert took < 0.050
    assert most < 10 * 2**20
