"""Swapping systems while they sound: the formula of the fade, no click, no gap, no leftover"""

import copy
import itertools
import re
from typing import Any

import numpy as np
import oracle
import pytest
import streams

import ltisys as lti
from ltisys.streaming import Prepared

Rows = np.ndarray
FS = 48_000


def noise(*shape: int, seed: int = 0) -> Rows:
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def sparse(taps: int, *lead: int) -> Rows:
    h = np.zeros((*lead, taps))
    h[..., [0, taps // 3, taps - 1]] = [1.0, -0.5, 0.25]
    return h


SYSTEMS = {
    "short": lti.FIR(noise(40, seed=1)),
    "medium": lti.FIR(noise(700, seed=2)),
    "long": lti.FIR(noise(2500, seed=3)),
    "sparse": lti.FIR(sparse(900)),
    "one tap": lti.gain(0.5),
    "silent": lti.FIR(np.zeros(300)),
    "in a row": lti.FIR(noise(2000, seed=4)) >> lti.FIR(noise(50, seed=5)),
}
SPREAD = {  # from one channel to eight, where long ones in a row do not merge
    "by channel": lti.FIR(noise(8, 600, seed=6)),
    "in a row": lti.FIR(noise(9000, seed=7)) >> lti.FIR(noise(8, 40, seed=8)),
    "three in a row": lti.FIR(noise(3000, seed=9))
    >> (lti.FIR(noise(500, seed=10)) >> lti.FIR(noise(8, 20, seed=11))),
    "sparse": lti.FIR(sparse(3000, 8)),
    "some silent": lti.FIR(noise(8, 1, 800, seed=12) * (np.arange(8) % 3 == 1)[:, None, None]),
}
PAIRS = list(itertools.product(SYSTEMS, SYSTEMS))
SPREAD_PAIRS = list(itertools.product(SPREAD, SPREAD))


def faded(
    first: lti.FIR, second: lti.FIR, dtype: str, *, fade: int, before: int, block: int = 64
) -> streams.Model:
    """Swap after `before` frames, and hear on until all is over."""
    model = streams.Model(first.stream(block_size=block, dtype=dtype))
    x = noise(1, before + 1200, seed=13).astype(dtype)
    for piece in streams.cuts(x[:, :before], [100] * 1000):
        model.push(piece)
    model.swap(second, fade)
    for piece in streams.cuts(x[:, before:], [block, 1, block - 1, 5, 200]):
        model.push(piece)
    return model


# --- the formula ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_the_fade_is_that_of_the_whole_answers(first: str, second: str) -> None:
    """Both hear the past: y = (1 - g) A(x) + g B(x), g = (k + 1) / n."""
    taps = SYSTEMS[first].taps
    for fade, before in ((500, min(taps, 333)), (1, 64), (0, min(taps, 650))):
        for dtype in ("float32", "float64"):
            model = faded(SYSTEMS[first], SYSTEMS[second], dtype, fade=fade, before=before)
            model.flush()
            model.check()


@pytest.mark.parametrize(("first", "second"), SPREAD_PAIRS)
def test_the_fade_between_responses_in_a_row(first: str, second: str) -> None:
    model = faded(SPREAD[first], SPREAD[second], "float64", fade=700, before=550)
    model.flush()
    model.check()


def test_chains_are_chains() -> None:
    assert len(SPREAD["in a row"].stream(block_size=64).plan.series) == 2
    assert len(SPREAD["three in a row"].stream(block_size=64).plan.series) > 1


@pytest.mark.parametrize("block", [1, 16, 100, 512, 4096])
def test_fades_in_blocks_of_any_size(block: int) -> None:
    for first, second in (("medium", "long"), ("long", "medium"), ("medium", "sparse")):
        before = 300 if block == 1 else 690
        model = faded(
            SYSTEMS[first], SYSTEMS[second], "float32", fade=333, before=before, block=block
        )
        model.flush()
        model.check()


def test_a_matrix_fades_path_by_path() -> None:
    a, b = noise(2, 3, 900, seed=14), noise(2, 3, 400, seed=15)
    a[0, 1], b[1] = 0, 0
    for first, second in ((a, b), (b, a), (b, sparse(300, 2, 3))):
        model = streams.Model(lti.FIR(first).stream(block_size=64, channels=3))
        model.push(noise(3, 390, seed=16).astype("f4"))
        model.swap(lti.FIR(second), 250)
        model.push(noise(3, 1000, seed=17).astype("f4"))
        model.flush()
        model.check()


# --- how far back a newcomer hears ----------------------------------------------------------------


def test_a_longer_system_hears_as_far_back_as_the_longest_so_far() -> None:
    """All of it where what lies further back is silent; all from then on in any case."""
    short, long = SYSTEMS["medium"], SYSTEMS["long"]
    for silent_first in (True, False):
        model = streams.Model(short.stream(block_size=64, dtype="float64"))
        x = noise(1, 6000, seed=18)
        if silent_first:
            x[:, : 6000 - short.taps] = 0
        for piece in streams.cuts(x, [64] * 90):
            model.push(piece)
        model.swap(long, 100)
        if silent_first:
            model.parts[-1].known_from = 0
        for _ in range(60):
            model.push(noise(1, 64, seed=19))
        model.flush()
        model.check()


def test_the_longest_so_far_is_remembered_while_a_short_one_runs() -> None:
    model = streams.Model(SYSTEMS["long"].stream(block_size=64, dtype="float64"))
    model.push(noise(1, 3000, seed=20))
    for name in ("short", "one tap", "silent", "sparse", "short"):
        model.swap(SYSTEMS[name], 10)
        model.push(noise(1, 200, seed=21))
        model.push(np.zeros((1, 200)))
    model.swap(SYSTEMS["long"], 10)
    assert model.parts[-1].known_from <= model.position - SYSTEMS["long"].taps
    model.push(np.zeros((1, 100)))
    model.flush()
    model.check()


# --- when -----------------------------------------------------------------------------------------


def test_swap_before_anything_is_pushed() -> None:
    """The newcomer still rises, for both hear the silence before."""
    for fade in (0, 1, 500):
        model = streams.Model(SYSTEMS["medium"].stream(block_size=64))
        model.swap(SYSTEMS["long"], fade)
        model.push(noise(1, 1000, seed=22).astype("f4"))
        model.flush()
        model.check()


def test_swap_just_before_the_end() -> None:
    """The tail is as long as something sounds: the new one, or the old one to the fade's end."""
    for first, second, fade, tail in (
        ("long", "short", 10_000, 2499),
        ("long", "short", 1000, 1000),
        ("long", "short", 0, 39),
        ("long", "short", 7, 39),
        ("short", "long", 1000, 2499),
    ):
        model = streams.Model(SYSTEMS[first].stream(block_size=64))
        model.push(noise(1, 700, seed=23).astype("f4"))
        model.swap(SYSTEMS[second], fade)
        assert model.stream.tail == tail
        model.flush()
        model.check()
        assert model.y[-1].shape == (1, tail)
        whole = streams.definition(np.asarray(SYSTEMS[first].h), np.concatenate(model.x, axis=1))
        silent = fade <= tail or whole.shape[1] <= 700 + tail
        assert silent  # nothing that could be heard was left out


def test_swap_after_a_reset_and_reset_after_a_swap() -> None:
    x = noise(1, 2000, seed=24).astype("f4")
    first, second = SYSTEMS["medium"], SYSTEMS["long"]
    model = streams.Model(first.stream(block_size=64))
    model.push(x)
    model.reset()
    model.swap(second, 300)
    model.push(x)
    model.check()
    fresh = second.stream(block_size=64)
    want = streams.run(fresh, x, [64] * 30)
    for position in (0, 100):  # in the middle of the fade, and behind it
        model.stream.reset()
        model.stream.swap(first, fade_s=0.001)
        model.stream.push(x[:, :position])
        model.stream.swap(second, fade_s=0.001)
        model.stream.push(x[:, : position + 10])
        model.stream.reset()
        assert model.stream.system is second
        assert model.stream.tail == second.tail
        got = streams.run(model.stream, x, [64] * 30)
        assert (np.abs(got - want) <= 2 * streams.bound(fresh._prepared, x)).all()


def test_swaps_during_a_fade_mix_the_mixture_out() -> None:
    names = ["medium", "short", "long", "sparse", "in a row", "silent", "medium"]
    for fade, step in ((400, 100), (100, 100), (99, 100), (1000, 7), (64, 0)):
        model = streams.Model(SYSTEMS["long"].stream(block_size=64, dtype="float64"))
        model.push(noise(1, 500, seed=25))
        for name in names:
            model.swap(SYSTEMS[name], fade)
            model.push(noise(1, step, seed=26))
        for _ in range(20):
            model.push(noise(1, 64, seed=27))
        assert len(model.stream._parts) == 1  # and what was faded out is let go
        model.flush()
        model.check()


@pytest.mark.parametrize("at", [0, 1, 63, 64, 100, 1000])
def test_after_the_fade_it_is_a_stream_of_the_new_system(at: int) -> None:
    """Also its errors and its silence are: nothing of the old one is left."""
    first, second = SYSTEMS["medium"], SYSTEMS["short"]
    stream = first.stream(block_size=64)
    stream.push(noise(at, seed=28))
    stream.push([np.nan])
    stream.swap(second, fade_s=100 / FS)
    stream.push(np.zeros(100))
    assert stream.system is second
    assert stream.plan.taps == stream.tail + 1 == 40
    x = np.concatenate([np.zeros(100), [1.0], np.zeros(99)])
    y = stream.push(x)
    assert not y[:100].any()
    assert np.isfinite(y).all()
    limit = streams.bound(stream._prepared, x[None])[0, 100:140]
    assert (np.abs(y[100:140] - second.h) <= limit).all()


# --- no click, no change of level -----------------------------------------------------------------


def test_a_swap_to_itself_changes_nothing() -> None:
    """Equal weights of equal answers: rounding is all there is."""
    for name, system in SYSTEMS.items():
        x = noise(1, 2000, seed=29)
        plain = system.stream(block_size=64, dtype="float64")
        want = streams.run(plain, x, [64] * 30)
        swapped = system.stream(block_size=64, dtype="float64")
        got = [swapped.push(b) for b in streams.cuts(x[:, :640], [64] * 10)]
        swapped.swap(system, fade_s=500 / FS)
        swapped.swap(system, fade_s=700 / FS)
        got += [swapped.push(b) for b in streams.cuts(x[:, 640:], [64] * 30)]
        y = np.concatenate([*got, swapped.flush()], axis=1)
        limit = 4 * streams.bound(plain._prepared, x) + 16 * oracle.roundoff("f8") * np.abs(want)
        assert (np.abs(y - want) <= limit).all(), name


@pytest.mark.parametrize("fade", [480, 2400])
def test_a_steady_tone_goes_over_without_a_click(fade: int) -> None:
    """The second difference of the output never exceeds what a smooth crossing has.

    A tone of frequency w answered at level A has a second difference of at most w^2 A. In the fade
    y = a + g (b - a) and g rises by 1 / n a frame, so that of y is at most w^2 A + w^2 (A + B) +
    2 w (A + B) / n, and at both ends of the fade, where the slope of g jumps, (A + B) / n more.
    Levels are at most sum |h|. A cut from one to the other makes 1.7 where the phases are opposite.
    """
    w = 2 * np.pi * 440 / FS
    one, late = lti.gain(1.0), lti.delay(55)  # half a period
    smooth, long = lti.FIR(-np.hanning(31) / 16), lti.FIR(0.9 * np.eye(1, 3000, 2999)[0])
    tone = np.sin(w * np.arange(14_400))
    for first, second in ((one, late), (late, one), (one, smooth), (long, late), (smooth, long)):
        stream = first.stream(block_size=64, dtype="float64")
        y = [stream.push(t) for t in streams.cuts(tone[:7000], [64] * 109)]
        stream.swap(second, fade_s=fade / FS)
        y += [stream.push(t) for t in streams.cuts(tone[7000:], [64] * 200)]
        levels = [float(np.abs(system.h).sum()) for system in (first, second)]
        both = sum(levels)
        bound = w**2 * (levels[0] + both) + 2 * w * both / fade + both / fade
        steady = np.concatenate(y)[3000:]  # from where the tone is all there is
        assert np.abs(np.diff(steady, 2)).max() <= bound + 1e-9
    cut = np.concatenate([one(tone)[:7000], late(tone)[7000:]])
    assert np.abs(np.diff(cut[3000:14_000], 2)).max() > 1.5 > 50 * bound


def test_the_level_of_equal_answers_stays() -> None:
    """Equal gain, not equal power: the sum of two alike is neither louder nor softer."""
    stream = lti.gain(1.0).stream(dtype="float64")
    stream.swap(lti.FIR([1.0, 0.0]), fade_s=0.01)
    y = stream.push(np.ones(1000))
    assert np.abs(y - 1.0).max() <= 4 * oracle.roundoff("f8")


@pytest.mark.parametrize(
    ("old_fs", "new_fs", "fs"), [(None, None, 48_000), (8000, None, 8000), (None, 8000, 8000)]
)
def test_a_fade_in_seconds_is_reckoned_at_the_rate_of_the_systems(
    old_fs: float | None, new_fs: float | None, fs: float
) -> None:
    stream = lti.FIR([0.0], fs=old_fs).stream(dtype="float64")
    stream.swap(lti.FIR([1.0], fs=new_fs))
    n = round(0.05 * fs)
    y = stream.push(np.ones(n + 10))
    want = np.minimum((np.arange(n + 10) + 1) / n, 1.0)
    assert np.abs(y - want).max() <= 4 * oracle.roundoff("f8")


# --- prepared -------------------------------------------------------------------------------------


def test_what_was_prepared_is_swapped_in() -> None:
    first, second = SYSTEMS["medium"], SYSTEMS["long"]
    stream = first.stream(block_size=64)
    ready = stream.prepare(second)
    assert isinstance(ready, Prepared)
    assert ready.plan.taps == second.taps
    other = copy.copy(stream)
    x = noise(1, 3000, seed=30).astype("f4")
    stream.push(x[:, :500])
    other.push(x[:, :500])
    stream.swap(ready, fade_s=0.01)
    other.swap(second, fade_s=0.01)
    assert stream.system is second
    assert stream._prepared is other._prepared is ready
    assert np.array_equal(streams.run(stream, x, [64] * 50), streams.run(other, x, [64] * 50))


# --- what is refused ------------------------------------------------------------------------------

SQUARE = lti.FIR(np.ones((2, 2, 9)), fs=48_000)


@pytest.mark.parametrize(
    ("system", "fade_s", "error", "sentence"),
    [
        (lti.FIR(np.ones((1, 2, 9))), 0, lti.MismatchError,
         "the stream has 2 outputs but the system gives 1 for 2 channels; make a new stream for "
         "it"),
        (lti.FIR(np.ones((2, 3, 9))), 0, lti.MismatchError,
         "x has 2 channels but h takes 3: channels=2, h.shape=(2, 3, 9); h must be (taps,) or "
         "(outputs, 2, taps)"),
        (lti.FIR([1.0], fs=44_100), 0, lti.MismatchError,
         "fs differs: stream 48000 Hz, system 44100 Hz; resample one first, e.g. "
         "system.resample(48000)"),
        (SQUARE, -1, ValueError, "fade_s=-1 must be a finite number >= 0"),
        (SQUARE, np.inf, ValueError, "fade_s=inf must be a finite number >= 0"),
        (SQUARE, "long", TypeError, "fade_s='long' must be a finite number >= 0"),
        ([1.0], 0, TypeError, "list is no system: it cannot be streamed"),
        (lti.FIR([1j]), 0, TypeError,
         "h is complex, and streams are real; stream the systems of its real and of its imaginary "
         "part"),
        (lti.FIR([1.0]).stream(channels=2).prepare(lti.FIR([1.0])), 0, lti.MismatchError,
         "the system was prepared for a stream of other channels, block_size or dtype; prepare it "
         "with this stream"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_and_changes_nothing(
    system: Any, fade_s: Any, error: type[Exception], sentence: str
) -> None:
    stream = SQUARE.stream(channels=2, block_size=64)
    x = noise(2, 400, seed=31).astype("f4")
    want = streams.run(stream, x, [64] * 4)
    stream.reset()
    half = stream.push(x[:, :200])
    with pytest.raises(error, match=f"^{re.escape(sentence)}$"):
        stream.swap(system, fade_s=fade_s)
    assert stream.system is SQUARE
    assert stream.tail == 8
    rest = streams.run(stream, x[:, 200:], [64])
    limit = 2 * streams.bound(stream._prepared, x)
    assert (np.abs(np.concatenate([half, rest], axis=1) - want) <= limit).all()


def test_a_flushed_stream_is_not_swapped_and_a_rate_is_kept() -> None:
    stream = SQUARE.stream(channels=2)
    stream.flush()
    with pytest.raises(lti.StreamError, match=r"^stream is flushed; call reset\(\) before swap"):
        stream.swap(SQUARE)
    stream.reset()
    stream.swap(lti.FIR(np.ones((2, 3))))  # suits any rate, but the stream has had one
    with pytest.raises(lti.MismatchError, match=r"^fs differs: stream 48000 Hz, system 44100 Hz;"):
        stream.swap(lti.FIR(np.ones((2, 3)), fs=44_100))
