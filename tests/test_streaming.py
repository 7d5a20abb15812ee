"""Streaming is convolution: every kind of plan, shape, precision, block size and split"""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
import streams
from stream_cases import BLOCKS, DTYPES, POOL, SHAPES, Case, case, imagine

import ltisys as lti
from ltisys import planner

Rows = np.ndarray


def noise(*shape: int, seed: int = 0) -> Rows:
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


# --- every kind of plan ---------------------------------------------------------------------------


def test_the_pool_has_every_kind() -> None:
    cases = [case(number) for number in range(POOL)]
    kinds = {each.kind for each in cases}
    assert kinds >= {(head, sizes) for head in ("direct", "fft") for sizes in (1, 2, 3)}
    assert {sizes for _, sizes in kinds} == {1, 2, 3, 4}
    assert any(each.stream.plan.method == "direct" for each in cases)
    groups = [g for each in cases for part in each.stream._prepared.responses for g in part.groups]
    assert sum(any(g.due) for g in groups) > 10  # work is put off
    assert any(due < 0 for g in groups for due in g.due)  # or begun before the input is complete
    assert any(not all(g.peaks) for g in groups)  # partitions of silence


def hold(each: Case, lengths: list[int]) -> None:
    """Stream a case cut up as told, in a stream that has been used before."""
    each.stream.reset()
    y = streams.run(each.stream, each.x, lengths)
    assert y.shape == each.want.shape
    assert y.dtype == each.stream.dtype
    error = np.abs(y - each.want)
    assert (error <= each.limit).all(), (lengths, float((error / each.limit).max()))


@pytest.mark.parametrize("number", range(POOL))
def test_any_split_is_convolution(number: int) -> None:
    """Law 1, in 1 020 random splits."""
    each, rng = case(number), np.random.default_rng([2, number])
    for _ in range(17):
        hold(each, streams.splits(rng, each.x.shape[1], each.stream.block_size))


@pytest.mark.slow
@pytest.mark.parametrize("number", range(POOL))
def test_any_of_many_splits_is_convolution(number: int) -> None:
    """Law 1, in 20 040 random splits."""
    each, rng = case(number), np.random.default_rng([3, number])
    for _ in range(334):
        hold(each, streams.splits(rng, each.x.shape[1], each.stream.block_size))


# --- every size, shape and precision --------------------------------------------------------------


def stream_of(h: Rows, x: Rows, block: int) -> lti.Stream:
    return lti.FIR(h).stream(block_size=block, channels=len(x), dtype=x.dtype.name)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("block", [1, 3, 64])
def test_sizes_about_the_block(block: int, dtype: str) -> None:
    sizes = sorted({1, 2, 3, block, block + 1, 2 * block, 2 * block + 1, 97} | {max(1, block - 1)})
    for frames, taps in itertools.product(sizes, sizes):
        x = noise(1, frames, seed=1).astype(dtype)
        h = noise(taps, seed=2).astype(dtype)
        stream = stream_of(h, x, block)
        for lengths in ([frames], [1] * frames, [0, 2, 3, 5, 7, 11, 13, 17], [block] * frames):
            stream.reset()
            streams.check(stream, h, x, streams.run(stream, x, lengths), (frames, taps, lengths))


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("block", BLOCKS)
def test_shapes_and_blocks(block: int, name: str) -> None:
    lead, channels = SHAPES[name]
    for dtype, taps in zip((*DTYPES, "float32"), (5, 100, 1700), strict=True):
        h = noise(*lead, taps, seed=3).astype(dtype)
        x = noise(channels, 5 * min(block, 100) + taps // 3, seed=4).astype(dtype)
        stream = stream_of(h, x, block)
        lengths = streams.splits(np.random.default_rng([block, taps]), x.shape[1], block)
        streams.check(stream, h, x, streams.run(stream, x, lengths), (dtype, taps))


@pytest.mark.parametrize("block", [521, 4096, 1 << 15])
def test_blocks_above_the_response(block: int) -> None:
    for taps in (1, 9, 100, 500):
        h, x = noise(taps, seed=5).astype("f4"), noise(1, block + 77, seed=6).astype("f4")
        stream = stream_of(h, x, block)
        streams.check(stream, h, x, streams.run(stream, x, [block - 1, 1, 5]), taps)


@pytest.mark.parametrize("outputs", [(3, 1), (1, 3), (3, 3)])
def test_one_path_in_a_matrix_of_silence(outputs: tuple[int, int]) -> None:
    for o, i in np.ndindex(outputs):
        h = np.zeros((*outputs, 900), "f4")
        h[o, i] = noise(900, seed=7)
        x = noise(outputs[1], 500, seed=8).astype("f4")
        stream = stream_of(h, x, 64)
        y = streams.run(stream, x, [64] * 8)
        streams.check(stream, h, x, y, (o, i))
        assert not np.delete(y, o, axis=0).any()


@pytest.mark.parametrize("lead", [(), (2,), (2, 2)])
def test_a_silent_system_is_silent(lead: tuple[int, ...]) -> None:
    channels = 2 if lead else 1
    stream = lti.FIR(np.zeros((*lead, 300))).stream(block_size=64, channels=channels)
    y = streams.run(stream, noise(channels, 400).astype("f4"), [64] * 6)
    assert y.shape == (channels, 699)
    assert not y.any()


def test_ten_seconds_and_sixty_four_channels() -> None:
    """The largest that there is to be, each in its way."""
    h, x = noise(2, 480_000, seed=30).astype("f4"), noise(2, 70_000, seed=31).astype("f4")
    stream = stream_of(h, x, 64)
    assert len(stream.plan.partitions) > 2
    streams.check(stream, h, x, streams.run(stream, x, [64] * 1000))
    h, x = noise(64, 400, seed=32).astype("f4"), noise(64, 500, seed=33).astype("f4")
    for channels in (64, 1):
        stream = stream_of(h, x[:channels], 64)
        streams.check(stream, h, x[:channels], streams.run(stream, x[:channels], [64] * 7))
    square = noise(8, 8, 700, seed=34).astype("f4")
    stream = stream_of(square, x[:8], 64)
    streams.check(stream, square, x[:8], streams.run(stream, x[:8], [64] * 7))


def test_precision_is_the_stream_s_whatever_comes() -> None:
    """The response is rounded once, and so is the input."""
    h = noise(800, seed=9)
    for dtype, x in itertools.product(DTYPES, (noise(1, 500), noise(1, 500).astype("f4"))):
        stream = lti.FIR(h).stream(block_size=64, dtype=dtype)
        y = streams.run(stream, x, [64] * 8)
        streams.check(stream, h, x.astype(dtype), y, dtype)


# --- each tap, each phase -------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(8))
def test_an_impulse_at_each_phase_of_a_block(number: int) -> None:
    """The answer is the response, later: zeros before it, behind it, and where it has any."""
    rng = np.random.default_rng([4, number])
    h = noise(1300, seed=number).astype("f4")
    with pytest.MonkeyPatch.context() as patch:
        imagine(patch, rng, head=1e5 if number % 2 else None, alert=number > 3)
        stream = lti.FIR(h).stream(block_size=(16, 24)[number // 2 % 2])
    for at in (*range(stream.block_size + 1), 127, 128, 511, 512, 1023, 1024, 4096):
        x = np.zeros((1, at + 9), "f4")
        x[0, at] = 1.0
        stream.reset()
        y = streams.run(stream, x, [stream.block_size] * (at // stream.block_size))
        streams.check(stream, h, x, y, at)
        assert not y[0, :at].any()
        assert not y[0, at + h.size :].any()


def edges(plan: lti.Plan) -> Iterator[int]:
    """Yield the first and the last tap of every partition."""
    start = 0
    for size, count in plan.partitions:
        for first in range(start, start + size * count, size):
            yield first
            yield first + size - 1
        start += size * count


@pytest.mark.parametrize("number", range(4))
def test_the_first_and_the_last_tap_of_every_partition(number: int) -> None:
    """One by one, with a little in the head, so that it is no sparse response."""
    rng = np.random.default_rng([5, number])
    block, taps = 32, 1500
    x = noise(1, 2000, seed=10).astype("f4")
    with pytest.MonkeyPatch.context() as patch:
        imagine(patch, rng, head=1e5 if number % 2 else 1e-1, alert=number > 1)
        plan = lti.FIR(noise(taps)).stream(block_size=block).plan
        found = sorted({tap for tap in edges(plan) if tap < taps} | {taps - 1})
        assert len(found) > 8
        for tap in found:
            h = np.zeros(taps, "f4")
            h[: planner.DIRECT_TAPS + 1] = 1e-3
            h[tap] = 1.0
            stream = lti.FIR(h).stream(block_size=block)
            assert stream.plan.partitions == plan.partitions
            streams.check(stream, h, x, streams.run(stream, x, [block] * 40), tap)


def test_rows_are_independent() -> None:
    h, x = noise(3, 1000, seed=11).astype("f4"), noise(3, 700, seed=12).astype("f4")
    stream = stream_of(h, x, 64)
    y = streams.run(stream, x, [64] * 10)
    limit = streams.bound(stream._prepared, x)
    for i in range(3):
        alone = stream_of(h[i], x[[i]], 64)
        own = streams.run(alone, x[i], [64] * 10)
        assert (np.abs(y[i] - own) <= limit[i] + streams.bound(alone._prepared, x[[i]])).all()


# --- compositions ---------------------------------------------------------------------------------


def composed(system: lti.FIR, channels: int, dtype: str = "float64") -> lti.Stream:
    """Stream a system made of others, and hold it against its own whole response."""
    x = noise(channels, 900, seed=13).astype(dtype)
    stream = system.stream(block_size=64, channels=channels, dtype=dtype)
    y = streams.run(stream, x, [64, 0, 63, 1, 128, 300, 7])
    streams.check(stream, system.h, x, y, system)
    return stream


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_long_mono_response_stays_before_many_short_ones(dtype: str) -> None:
    """Merged, they would be ten long ones."""
    system = lti.FIR(noise(20_000, seed=14)) >> lti.FIR(noise(10, 40, seed=15))
    stream = composed(system, 1, dtype)
    assert [plan.taps for plan in stream.plan.series] == [20_000, 40]
    assert stream.plan.taps == system.taps == 20_039
    assert stream.plan.cost == pytest.approx(sum(plan.cost for plan in stream.plan.series))
    assert "in a row" in stream.plan.why
    assert stream.tail == 20_038


def test_short_ones_in_a_row_are_merged() -> None:
    a, b = lti.FIR(noise(30, seed=16)), lti.FIR(noise(40, seed=17))
    stream = composed(a >> b, 1)
    assert stream.plan.series == ()
    assert (stream.plan.taps, stream.tail) == (69, 68)


@pytest.mark.parametrize("dtype", DTYPES)
def test_chains_of_three_and_within_a_matrix(dtype: str) -> None:
    long, short = lti.FIR(noise(9000, seed=18)), lti.FIR(noise(8, 30, seed=19))
    composed((lti.gain(0.5) >> long) >> short, 1, dtype)
    composed(long >> (short >> lti.FIR(noise(20, seed=20))), 1, dtype)
    composed(lti.FIR(noise(1, 2, 3000, seed=21)) >> lti.FIR(noise(6, 1, 25, seed=22)), 2, dtype)
    composed(lti.FIR(noise(4, 1, 25, seed=23)) >> lti.FIR(noise(1, 4, 3000, seed=24)), 1, dtype)


def test_parallel_gain_and_delay() -> None:
    a, b = lti.FIR(noise(2, 700, seed=25)), lti.FIR(noise(2, 1100, seed=26))
    for system in (a + b, a - b, 0.25 * a, -a, a >> lti.delay(500), lti.delay(500) >> b):
        composed(system, 2)
        composed(system, 1)
    for system in (lti.delay(0), lti.delay(1), lti.delay(5000), lti.gain(3.0), lti.gain(db=-6)):
        composed(system, 1)
    x = noise(2, 300, seed=27)
    late = lti.delay(100).stream(channels=2, dtype="float64")
    assert np.array_equal(streams.run(late, x, [64] * 4), np.pad(x, ((0, 0), (100, 0))))


# --- stream_blocks --------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 2])
def test_stream_blocks_is_the_whole_answer(channels: int, dtype: str) -> None:
    h = noise(channels, 700, seed=28).astype(dtype)
    x = noise(channels, 1500, seed=29).astype(dtype)
    for lengths in ([100] * 14, [0, 1, 700], [1500]):
        blocks = list(streams.cuts(x, lengths))
        answers = list(lti.stream_blocks(lti.FIR(h), blocks))
        assert [a.shape[1] for a in answers] == [*(b.shape[1] for b in blocks), 699]
        stream = stream_of(h, x, max(1, lengths[0]))
        streams.check(stream, h, x, np.concatenate(answers, axis=1), lengths)


def test_stream_blocks_of_flat_blocks_and_odd_ends() -> None:
    system = lti.FIR([1.0, 2.0])
    answers = lti.stream_blocks(system, [[1.0], [0.0, 1.0]])
    assert [y.tolist() for y in answers] == [[1.0], [2.0, 1.0], [2.0]]
    assert list(lti.stream_blocks(system, [])) == []
    assert [y.tolist() for y in lti.stream_blocks(lti.FIR([2.0]), [[1.0]])] == [[2.0]]
    assert [y.tolist() for y in lti.stream_blocks(system, [[]])] == [[], [0.0]]
    (first, tail) = lti.stream_blocks(system, [np.ones(3, "f4")], block_size=1 << 12)
    assert (first.dtype, tail.dtype) == (np.float32, np.float32)


def test_stream_blocks_takes_one_block_at_a_time() -> None:
    taken = []

    def blocks() -> Iterator[Rows]:
        for k in range(3):
            taken.append(k)
            yield np.full(4, float(k))

    answers = lti.stream_blocks(lti.FIR([1.0, 1.0]), blocks())
    assert taken == []
    next(answers)
    assert taken == [0]
    next(answers)
    assert taken == [0, 1]
    assert len(list(answers)) == 2
