"""Streams of silence, of samples that are no numbers, of subnormals, of the very loud and quiet"""

import time

import numpy as np
import pytest
import streams
from stream_cases import DTYPES, POOL, case

import ltisys as lti

Rows = np.ndarray
NUMBERS = range(1, POOL, 3)  # of the pool: every block, shape, and kind of plan


def noise(*shape: int, seed: int = 0) -> Rows:
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def lengths_for(number: int, frames: int, block: int) -> list[int]:
    return list(streams.splits(np.random.default_rng([8, number]), frames, block))


# --- silence is silent ----------------------------------------------------------------------------


def least_gap(h: Rows, block: int) -> int:
    """Return the zeros in a row that a stream promises to hear as silence."""
    return max(2 * block, streams.longest_run(h))


def silent(h: Rows, x: Rows, y: Rows, block: int) -> int:
    """Check that no output sounds that no sound reaches, and count those."""
    unreached = streams.unreached(h, x, least_gap(h, block))
    assert not y[unreached].any()
    return int(unreached.sum())


@pytest.mark.parametrize("number", NUMBERS)
def test_what_no_sound_reaches_is_exactly_zero(number: int) -> None:
    """Law 8, channel by channel: before, between, and behind three bursts, short and long."""
    each, rng = case(number), np.random.default_rng([9, number])
    stream, h, block = each.stream, each.h, each.stream.block_size
    gap = min(h.shape[-1], 1000) + least_gap(h, block) + 2 * block
    x = np.zeros((stream.channels, 4 * gap), stream.dtype)
    for row in x:
        for first in range(int(rng.integers(gap)), x.shape[1], int(1.5 * gap)):
            burst = row[first : first + int(rng.integers(1, 3 * block))]
            burst[:] = rng.standard_normal(burst.size)
    stream.reset()
    y = streams.run(stream, x, lengths_for(number, x.shape[1], block))
    streams.check(stream, h, x, y)
    assert silent(h, x, y, block) > gap // 2


@pytest.mark.parametrize("block", [16, 64, 256])
def test_silence_between_many_echoes(block: int) -> None:
    """Exact however many stretches of taps there are, or of sound."""
    echoes = np.zeros(8000)
    for first in range(0, 8000, 100):
        echoes[first : first + 20] = noise(20, seed=first)
    ends = np.zeros(20_000)
    ends[:10], ends[-10:] = noise(10, seed=1), noise(10, seed=2)
    click, clicks = np.zeros((1, 3000)), np.zeros((1, 60_000))
    click[0, 1234] = 1.1
    clicks[0, 7 :: 2 * block + 30] = 1.1
    for h, x in ((echoes, click), (ends, clicks)):
        stream = lti.FIR(h).stream(block_size=block, dtype="float64")
        y = streams.run(stream, x, [block] * (x.shape[1] // block))
        streams.check(stream, h, x, y)
        assert silent(h, x, y, block) > 1000


@pytest.mark.parametrize("dtype", DTYPES)
def test_all_kinds_of_silence(dtype: str) -> None:
    """Zeros of either sign, and what lies below tiny * 2**24; a sound goes on behind them."""
    frames = 78 * 64
    sound = noise(200, seed=3).astype(dtype)
    for taps in (3, 300, 3000):
        h = noise(taps, seed=4).astype(dtype)
        stream = lti.FIR(h).stream(block_size=64, dtype=dtype)
        want = streams.run(stream, np.concatenate([np.zeros(frames), sound]), [64] * 90)
        assert not want[:frames].any()
        quiet = (streams.silence(dtype) / 2 * np.sign(noise(frames, seed=5))).astype(dtype)
        for nothing in (np.full(frames, -0.0), quiet, quiet * dtype_tiny(dtype)):
            stream.reset()
            y = streams.run(stream, np.concatenate([nothing, sound]).astype(dtype), [64] * 90)
            assert np.array_equal(y, want)
            x = np.where(np.arange(frames) % 10 == 0, noise(frames, seed=6), nothing)
            stream.reset()
            streams.check(stream, h, x.astype(dtype), streams.run(stream, x, [64] * 90))


def dtype_tiny(dtype: str) -> float:
    """Return a factor that makes the level of silence subnormal."""
    return 2.0 ** -(40 if dtype == "float32" else 60)


def test_silence_in_one_channel_is_silent_beside_another() -> None:
    h = noise(2, 2, 2000, seed=6)
    h[0, 1] = h[1, 0] = 0
    x = noise(2, 5000, seed=7).astype("f4")
    x[0, 1000:] = 0
    x[1, :3500] = 0
    stream = lti.FIR(h).stream(block_size=64, channels=2)
    y = streams.run(stream, x, [64] * 78)
    streams.check(stream, h, x, y)
    assert not y[0, 3000:].any()
    assert not y[1, :3500].any()
    assert (y[0, :2999] != 0).all()
    assert (y[1, 3500:] != 0).all()


def test_silence_after_a_chain() -> None:
    system = lti.FIR(noise(9000, seed=8)) >> lti.FIR(noise(8, 60, seed=9))
    stream = system.stream(block_size=64)
    assert stream.plan.series
    x = np.zeros((1, 30_000), "f4")
    x[0, 5000:5100] = 1.0
    y = streams.run(stream, x, [64] * 500)
    assert not y[:, :5000].any()
    assert not y[:, 5100 + 9058 :].any()
    assert (y[:, 5000 : 5100 + 9058] != 0).all()


# --- samples that are no numbers ------------------------------------------------------------------


@pytest.mark.parametrize("number", NUMBERS)
def test_a_bad_sample_spoils_taps_outputs_of_its_own_channel(number: int) -> None:
    """Law 9: all the others are those of a run with zero in its place, to the bit."""
    each, rng = case(number), np.random.default_rng([10, number])
    stream, frames = each.stream, each.x.shape[1]
    lengths = lengths_for(number, frames, stream.block_size)
    for bad in ([np.nan], [np.inf, -np.inf], [np.nan, np.inf, np.nan]):
        x = each.x.copy()
        places = rng.integers(frames, size=len(bad))
        places[0] = rng.choice([0, frames - 1, places[0]])
        x[rng.integers(stream.channels), places] = bad
        wrong = ~np.isfinite(x)
        stream.reset()
        want = streams.run(stream, np.where(wrong, stream.dtype.type(0), x), lengths)
        stream.reset()
        y = streams.run(stream, x, lengths)
        spoilt = streams.spoilt(each.h, wrong)
        assert np.array_equal(np.isnan(y), spoilt)
        assert np.array_equal(y[~spoilt], want[~spoilt])
        assert np.array_equal(~np.isfinite(x), wrong)


@pytest.mark.parametrize("taps", [1, 3, 70, 900])
def test_nothing_but_bad_samples(taps: int) -> None:
    stream = lti.FIR(noise(taps)).stream(block_size=64)
    assert np.isnan(streams.run(stream, np.full(300, np.inf), [64] * 4)).all()
    stream.reset()
    x = np.concatenate([np.full(100, np.nan), np.zeros(3000)])
    y = streams.run(stream, x, [64] * 48)
    assert np.isnan(y[: 99 + taps]).all()
    assert not y[99 + taps :].any()


def test_a_bad_sample_is_gone_after_the_response_and_the_stream_goes_on() -> None:
    """And a reset forgets it at once."""
    h = noise(500)
    stream = lti.FIR(h).stream(block_size=64, dtype="float64")
    stream.push([np.nan])
    stream.reset()
    assert np.isfinite(stream.push(np.ones(100))).all()
    stream.push([np.inf])
    assert np.isnan(stream.push(np.ones(499))).all()
    assert np.isfinite(stream.push(np.ones(1))).all()


# --- subnormal, loud, quiet -----------------------------------------------------------------------


def seconds(stream: lti.Stream, x: Rows) -> float:
    """Return the least processor time of a few runs, which other processes do not lengthen."""
    runs = []
    for _ in range(5):
        stream.reset()
        begin = time.process_time()
        for first in range(0, x.size, 64):
            stream.push(x[first : first + 64])
        runs.append(time.process_time() - begin)
    return min(runs)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("taps", [5, 60, 5000])
def test_subnormal_input_is_silent_and_no_slower(taps: int, dtype: str) -> None:
    """Arithmetic with subnormal numbers is 20 to 40 times slower: a factor 8 tells it apart."""
    stream = lti.FIR(noise(taps)).stream(block_size=64, dtype=dtype)
    x = noise(64 * 300, seed=1).astype(dtype)
    tiny = x * np.finfo(dtype).tiny / 16
    assert np.abs(tiny).max() > 0
    assert not streams.run(stream, tiny, [64] * 300).any()
    fading = (x * np.exp2(np.linspace(0, np.log2(np.finfo(dtype).tiny) - 8, x.size))).astype(dtype)
    clicks = tiny.copy()
    clicks[::64] = 1.0
    usual = seconds(stream, x)
    for each in (tiny, fading, clicks):
        assert seconds(stream, each) < 8 * usual


@pytest.mark.parametrize("taps", [5, 100, 3000])
@pytest.mark.parametrize(
    ("dtype", "scale"),
    [("float32", s) for s in (1e12, 1e-12, 1e30, 1e-30)]
    + [("float64", s) for s in (1e12, 1e-12, 1e250, 1e-250)],
)
def test_scales(dtype: str, scale: float, taps: int) -> None:
    """No warning either: finite input of any size, and answers that are finite."""
    h = noise(taps, seed=2).astype(dtype)
    x = (scale * noise(1, 4000, seed=3)).astype(dtype)
    for block in (16, 521):
        stream = lti.FIR(h).stream(block_size=block, dtype=dtype)
        streams.check(stream, h, x, streams.run(stream, x, [block] * 50), block)


@pytest.mark.parametrize("taps", [5, 100, 3000])
def test_quiet_and_loud_passages_and_responses(taps: int) -> None:
    """Each block has its own bound: 240 dB between them does no harm."""
    for quiet, loud in ((1e-12, 1.0), (1e-12, 1e12)):
        level = np.repeat([loud, quiet, loud, quiet], 3000)
        x = (level * noise(1, level.size, seed=4)).astype("f4")
        for h_scale in (1.0, 1e-12):
            h = (h_scale * noise(taps, seed=5)).astype("f4")
            stream = lti.FIR(h).stream(block_size=64)
            y = streams.run(stream, x, [64] * 180)
            streams.check(stream, h, x, y, (quiet, loud, h_scale))


def test_input_beyond_single_precision_is_infinite_without_a_warning() -> None:
    stream = lti.FIR([1.0, 1.0]).stream()
    assert np.isnan(stream.push(np.array([1e300, 1.0]))).all()
    assert stream.push(np.array([2.0])) == 3.0
