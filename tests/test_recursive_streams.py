"""Streams of recursive systems, compositions and loops: any split, copies, resets, swaps"""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import streams
from models import Rows
from recursive import CASES, EVERY, FRAMES, Case

import ltisys as lti
from ltisys.errors import StreamError

DTYPES = ("float32", "float64")
COPIES: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda thing: pickle.loads(pickle.dumps(thing)),
}
SOME = ("a leak", "Butterworth 5", "sections, rows", "sections and a matrix", "network", "echo")
some = pytest.mark.parametrize("case", [pytest.param(CASES[name], id=name) for name in SOME])

# --- what is streamed is what is answered at once (1) -------------------------------------------


def pushes(rng: np.random.Generator, frames: int, block: int) -> list[int]:
    """Draw lengths: none, one, primes, one less and one more than a block, several blocks."""
    pool = [0, 1, 2, 7, 13, 31, 97, block - 1, block, block + 1, 3 * block + 2]
    return [int(n) for n in rng.choice(pool, frames)]


@EVERY
@pytest.mark.parametrize("dtype", DTYPES)
def test_streaming_is_convolution_for_any_split(case: Case, dtype: str) -> None:
    system, x = case.system, case.x.astype(dtype)
    once = system(case.given(dtype))
    assert once.dtype == dtype
    assert once.shape[-1] == FRAMES + case.extent - 1
    once = np.atleast_2d(once)
    case.near(once, dtype)
    rng = np.random.default_rng(len(case.name))
    for block in (1, 64) if dtype == "float32" else (5, 256):
        stream = system.stream(block_size=block, channels=case.channels, dtype=dtype)
        y = np.concatenate(
            [stream.push(each) for each in streams.cuts(x, pushes(rng, FRAMES, block))], axis=1
        )
        assert y.shape == (stream.outputs, FRAMES)
        assert stream.tail == case.extent - 1
        if case.extent > 1000 and block < 64:  # its tail is long: once is enough
            case.near(y, dtype)
            continue
        y = np.concatenate([y, stream.flush()], axis=1)
        assert y.shape == once.shape
        assert y.dtype == dtype
        assert (np.abs(y - once) <= case.apart(dtype, y.shape[1])).all(), block


@EVERY
def test_the_end_is_as_a_longer_silence_would_have_it(case: Case) -> None:
    system, x = case.system, case.given("float64")
    frames = min(case.extent - 1, 3000)
    whole = system(x)[..., : FRAMES + frames]
    longer = system(np.pad(case.x.astype(float), ((0, 0), (0, frames))), tail=False)
    limit = case.apart("float64", FRAMES + case.extent)
    assert (np.abs(np.atleast_2d(whole) - longer) <= limit).all()
    gap = np.atleast_2d(system(x, tail=False) - whole[..., :FRAMES])
    assert (np.abs(gap) <= limit).all()


@EVERY
@pytest.mark.parametrize("way", COPIES)
def test_copies_of_streams_go_on_by_themselves(case: Case, way: str) -> None:
    x = case.x
    stream = case.system.stream(block_size=16, channels=case.channels)
    stream.push(x[:, :50])
    twin = COPIES[way](stream)
    mine = stream.push(x[:, 50:])
    stream.push(1e3 * x)  # the twin must not hear it
    its = np.concatenate([twin.push(x[:, 50:77]), twin.push(x[:, 77:])], axis=1)
    case.near(its, "float32", first=50)
    assert np.abs(mine - its).max(initial=0) <= np.max(case.apart("float32"))


@EVERY
def test_reset_equals_a_fresh_stream_from_any_state(case: Case) -> None:
    """Law 7, to the bit."""
    x = case.x
    stream = case.system.stream(block_size=32, channels=case.channels)
    lengths = [31, 1, 0, 64, 33]

    def heard() -> Rows:
        return np.concatenate([stream.push(b) for b in streams.cuts(x, lengths)], axis=1)

    fresh = heard()
    bad = 1e6 * x
    bad[0, 3] = np.nan
    bad[-1, 17] = np.inf
    dirt: list[Callable[[], Any]] = [lambda: None, lambda: stream.push(bad)]
    dirt += [lambda: stream.push(x[:, :1]), stream.reset]
    if case.extent < 30_000:
        dirt.append(stream.flush)
    for dirty in dirt:
        dirty()
        stream.reset()
        assert stream.position == 0
        assert np.array_equal(heard(), fresh)
    case.near(fresh, "float32")


@some
def test_after_its_end_a_stream_must_be_reset(case: Case) -> None:
    stream = case.system.stream(channels=case.channels)
    stream.push(case.x)
    stream.flush()
    for call in (lambda: stream.push(case.x), stream.flush):
        with pytest.raises(StreamError, match="stream is flushed"):
            call()
    stream.reset()
    case.near(stream.push(case.x), "float32")


# --- swapping (1) -------------------------------------------------------------------------------

SWAPPED = {
    "FIR": lti.FIR(np.random.default_rng(1).standard_normal(300) / 17),
    "IIR": CASES["Butterworth 5"].system,
    "series": CASES["taps, sections"].system,
    "parallel": CASES["sections and a gain"].system,
    "loop": CASES["damped comb"].system,
    "network": CASES["network"].system,
}


@pytest.mark.parametrize("second", SWAPPED)
@pytest.mark.parametrize("first", SWAPPED)
def test_a_swap_fades_and_what_comes_has_heard_all(first: str, second: str) -> None:
    """The mixture, weights that add up to 1; what comes has heard all that is remembered."""
    fade, before = 480, 3000
    x = np.random.default_rng(2).standard_normal(6000)
    stream = SWAPPED[first].stream(block_size=64, dtype="float64")
    remembered = stream._tape.size
    assert remembered > SWAPPED[first].extent
    heard = np.where(np.arange(6000) < before - remembered, 0, x)
    a, b = SWAPPED[first](x, tail=False), SWAPPED[second](heard, tail=False)
    y = [stream.push(block) for block in streams.cuts(x[:before], [64] * 99)]
    stream.swap(SWAPPED[second], fade_s=fade / 48_000)
    y += [stream.push(block) for block in streams.cuts(x[before:], [1, 63, 100, 64, 7] * 99)]
    weight = np.clip((np.arange(6000) - before + 1) / fade, 0, 1)
    want = a + weight * (b - a)
    assert np.abs(np.concatenate(y) - want).max() < 1e-11
    assert stream.system == SWAPPED[second]
    stream.reset()
    end = streams.run(stream, x[:500], [100] * 5)
    assert np.abs(end - SWAPPED[second](x[:500])).max() < 1e-11


def test_a_swap_does_not_click() -> None:
    """Steps of a slow tone through two filters stay as small in the fade as on either side."""
    t = np.sin(2 * np.pi * 50 * np.arange(48_000) / 48_000)
    for first, second in (("IIR", "damped comb"), ("damped comb", "IIR"), ("IIR", "FIR")):
        systems = {**SWAPPED, "damped comb": SWAPPED["loop"]}
        stream = systems[first].stream(dtype="float64")
        y = [stream.push(t[:24_000])]
        stream.swap(systems[second])
        y.append(stream.push(t[24_000:]))
        out = np.concatenate(y)
        steps = np.abs(np.diff(out))
        around = np.max(np.concatenate([steps[20_000:23_990], steps[40_000:]]))
        assert steps[23_990:40_000].max() < 1.05 * around + 2 / 2400  # the fade's own slope


def test_an_unstable_stream_has_no_end() -> None:
    stream = lti.IIR.from_ba([1.0], [1.0, -1.01]).stream(dtype="float64")
    assert np.allclose(stream.push(np.eye(1, 5)[0]), 1.01 ** np.arange(5), rtol=1e-15)
    assert stream.tail is None
    with pytest.raises(
        StreamError, match=r"the tail has no end, it is not stable: a pole of radiu"
    ):
        stream.flush()
    assert stream.push([0.0]) == pytest.approx(1.01**5)  # nothing happened to it
    stream.swap(SWAPPED["IIR"], fade_s=0)
    stream.push(np.zeros(8))
    assert np.isfinite(stream.flush()).all()
