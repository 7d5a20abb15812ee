"""What a stream keeps between blocks: resets, copies, tails, silence, bad samples, scales"""

import copy
import pickle
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import streams
from stream_cases import DTYPES, POOL, case

import ltisys as lti

Rows = np.ndarray
NUMBERS = range(0, POOL, 3)  # of the pool: every block, shape, and kind of plan


def noise(*shape: int, seed: int = 0) -> Rows:
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def soiled(stream: lti.Stream, x: Rows, block: int) -> None:
    """Leave a stream in the middle of a block, hearing much, some of it not even a number."""
    loud = 1e6 * x[:, : 5 * block + block // 2 + 1]
    loud[0, -1] = np.nan
    stream.push(loud)


# --- reset ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", NUMBERS)
def test_reset_equals_a_fresh_stream(number: int) -> None:
    """Law 7, from a state in which everything holds something, to the bit."""
    each = case(number)
    stream, x = each.stream, each.x[:, :2000]
    lengths = streams.splits(np.random.default_rng([6, number]), x.shape[1], stream.block_size)
    stream.reset()
    fresh = streams.run(stream, x, lengths)
    for dirty in (
        lambda: None,  # flushed
        lambda: soiled(stream, x, stream.block_size),
        lambda: stream.push(x[:, :1]),
        lambda: (soiled(stream, x, stream.block_size), stream.flush()),
        stream.reset,
    ):
        dirty()
        stream.reset()
        assert stream.position == 0
        assert np.array_equal(streams.run(stream, x, lengths), fresh)
        stream.reset()


def test_reset_forgets_how_blocks_were_shaped() -> None:
    stream = lti.FIR([1.0, 1.0]).stream()
    stream.push(np.ones((1, 3), "f4"))
    stream.reset()
    assert stream.flush().shape == (1,)


# --- copies ---------------------------------------------------------------------------------------

COPIES: dict[str, Callable[[lti.Stream], lti.Stream]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda stream: pickle.loads(pickle.dumps(stream)),
}


@pytest.mark.parametrize("number", NUMBERS)
def test_copies_go_on_alike_and_by_themselves(number: int) -> None:
    """In the middle of the signal and of a block, to the bit, whatever happens to the others."""
    each = case(number)
    stream, x, block = each.stream, each.x, each.stream.block_size
    stream.reset()
    at = min(x.shape[1] // 2 // block * block + block // 2, x.shape[1])
    stream.push(x[:, :at])
    twins = {name: make(stream) for name, make in COPIES.items()}
    spoilt = copy.copy(stream)
    soiled(spoilt, x, block)
    spoilt.flush()
    rest = x[:, at:]
    want = streams.run(stream, rest, [block] * 40)
    assert (np.abs(want - each.want[:, at:]) <= each.limit[:, at:]).all()
    for name, twin in twins.items():
        assert twin.position == at, name
        assert twin.plan == stream.plan, name
        assert np.array_equal(streams.run(twin, rest, [block] * 40), want), name
        twin.reset()
        assert twin.push(x[:, :block]).shape == (stream.outputs, min(block, x.shape[1]))


@pytest.mark.parametrize("name", COPIES)
def test_copies_in_the_middle_of_a_fade_and_of_a_chain(name: str) -> None:
    a, b = lti.FIR(noise(900)), lti.FIR(noise(3000, seed=1)) >> lti.FIR(noise(6, 30, seed=2))
    for first, second in ((a >> lti.FIR(noise(6, 5, seed=3)), b), (b, a >> lti.FIR(noise(6, 1)))):
        stream = first.stream(block_size=64, dtype="float64")
        stream.push(noise(1000, seed=4))
        stream.swap(second, fade_s=500 / 48_000)
        stream.push(noise(100, seed=5))
        twin = COPIES[name](stream)
        x = noise(1500, seed=6)
        assert twin.tail == stream.tail
        assert twin.system == stream.system
        assert np.array_equal(streams.run(twin, x, [64] * 20), streams.run(stream, x, [64] * 20))


def test_copies_of_a_flushed_stream_are_flushed() -> None:
    stream = lti.FIR([1.0, 2.0]).stream()
    stream.flush()
    for make in COPIES.values():
        with pytest.raises(lti.StreamError):
            make(stream).push(np.ones(3))


def held(value: Any, seen: set[int]) -> Iterator[Rows]:
    """Yield every array that an object holds, however deep."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from held(inner, seen)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from held(inner, seen)
    elif type(value).__module__.startswith("ltisys"):
        names = [n for kind in type(value).__mro__ for n in getattr(kind, "__slots__", ())]
        yield from held([getattr(value, n) for n in names], seen)
        yield from held(getattr(value, "__dict__", {}), seen)


def test_streams_of_one_system_share_its_spectra_and_nothing_else() -> None:
    system = lti.FIR(noise(2, 60_000))
    first = system.stream(block_size=64, channels=2)
    first.push(noise(2, 999))
    response = first._prepared.responses[0]
    frozen = [a for a in held(response, set()) if not a.flags.writeable]
    assert sum(a.nbytes for a in frozen) > 3 * system.h.nbytes / 2  # the spectra among them
    others = [system.stream(block_size=64, channels=2), copy.copy(first), copy.deepcopy(first)]
    for second in others:
        assert second._prepared.responses[0] is response
        mine = [a for a in held(first, set()) if a.flags.writeable and a.size]
        arrays = list(held(second, set()))
        own_bytes = sum(a.nbytes for a in arrays if a.flags.writeable)
        assert own_bytes <= sum(a.nbytes for a in mine)  # no copy of what never changes
        for array in arrays:
            if array.flags.writeable:
                assert not any(np.may_share_memory(array, own) for own in mine)
            elif array.nbytes > 1 << 12:
                assert any(array is own for own in held(first, set())), array.shape


def test_streams_of_one_system_run_in_threads() -> None:
    system = lti.FIR(noise(2, 5000))
    xs = [noise(2, 6000, seed=seed) for seed in range(4)]
    want = [streams.run(system.stream(channels=2, block_size=64), x, [64] * 90) for x in xs]
    got: dict[int, Rows] = {}
    shared = [system.stream(channels=2, block_size=64) for _ in xs]

    def work(k: int) -> None:
        got[k] = streams.run(shared[k], xs[k], [64] * 90)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(xs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(got[k], want[k]) for k in range(len(xs)))


# --- what it tells, what it takes, where it puts it -----------------------------------------------


def test_what_a_stream_tells() -> None:
    system = lti.FIR(noise(2, 700), fs=48_000)
    stream = system.stream()
    assert (stream.block_size, stream.channels, stream.outputs, stream.latency) == (256, 1, 2, 0)
    assert stream.dtype == np.float32
    assert stream.system is system
    assert (stream.tail, stream.position) == (699, 0)
    assert (stream.plan.taps, stream.plan.block_size, stream.plan.dtype) == (700, 256, "float32")
    stream.push(np.ones(1000))
    stream.push(np.ones((1, 1)))
    stream.push([])
    assert stream.position == 1001
    assert "at frame 1,001" in repr(stream)
    assert stream.flush().shape == (2, 699)
    assert stream.position == 1001
    assert "flushed" in repr(stream)
    assert isinstance(stream, lti.Stream)


@pytest.mark.parametrize("dtype", DTYPES)
def test_any_block_that_holds_floats_is_taken_and_left_alone(dtype: str) -> None:
    h, x = noise(2, 300), noise(2, 400, seed=7).astype("f2")
    stream = lti.FIR(h).stream(block_size=64, channels=2, dtype=dtype)
    want = stream.push(x.astype(dtype))
    wide = np.zeros((4, 800), dtype)
    wide[::2, ::2] = x
    readonly = x.astype(dtype)
    readonly.setflags(write=False)
    unaligned = np.zeros(x.size * 8 + 1, np.uint8)[1:].view("f8").reshape(x.shape)
    unaligned[...] = x
    for block in (
        *(x, x.astype("f4"), x.astype("f8"), x.astype("g"), x.astype(">f4"), x.astype(">f8")),
        *(x.tolist(), tuple(map(tuple, x.tolist())), wide[::2, ::2], unaligned, readonly),
        *(np.asfortranarray(x.astype(dtype)), x.astype(dtype)[::-1, ::-1][::-1, ::-1]),
        *(x.astype(dtype).view(np.matrix), np.ma.masked_array(x.astype(dtype))),
    ):
        before = pickle.dumps(block)
        stream.reset()
        y = stream.push(block)
        assert y.dtype == dtype
        assert type(y) is np.ndarray
        assert np.array_equal(y, want)
        assert pickle.dumps(block) == before


@pytest.mark.parametrize("number", NUMBERS)
def test_out_takes_the_answer(number: int) -> None:
    each = case(number)
    stream, x, block = each.stream, each.x[:, :1500], each.stream.block_size
    stream.reset()
    lengths = streams.splits(np.random.default_rng([7, number]), x.shape[1], block)
    want = streams.run(stream, x, lengths)
    stream.reset()
    got = []
    for piece in streams.cuts(x, lengths):
        out = np.full((stream.outputs, piece.shape[1]), np.nan, stream.dtype)
        assert stream.push(piece, out=out) is out
        got.append(out)
    out = np.full((stream.tail, stream.outputs), np.nan, stream.dtype).T
    assert stream.flush(out=out) is out
    assert np.array_equal(np.concatenate([*got, out], axis=1), want)


@pytest.mark.parametrize("frames", [1, 64, 65, 1000])
@pytest.mark.parametrize("lead", [(), (2,), (2, 2)])
def test_out_may_be_the_input(lead: tuple[int, ...], frames: int) -> None:
    channels = 2 if lead else 1
    stream = lti.FIR(noise(*lead, 500)).stream(block_size=64, channels=channels)
    x = noise(channels, 2000, seed=8).astype("f4")
    want = [stream.push(b) for b in streams.cuts(x, [frames] * 10)]
    stream.reset()
    for piece, answer in zip(streams.cuts(x.copy(), [frames] * 10), want, strict=True):
        assert stream.push(piece, out=piece) is piece
        assert np.array_equal(piece, answer)


def test_answers_are_flat_where_the_input_is() -> None:
    mono, spread = lti.FIR([1.0, 1.0]).stream(), lti.FIR(np.ones((2, 2))).stream()
    assert mono.push(np.ones(3)).shape == (3,)
    assert mono.flush().shape == (1,)
    mono.reset()
    assert mono.push(np.ones((1, 3))).shape == (1, 3)
    assert mono.flush().shape == (1, 1)
    assert spread.push(np.ones(3)).shape == (2, 3)
    out = np.empty(3, "f4")
    mono.reset()
    assert mono.push(np.ones(3), out=out) is out
    assert out.tolist() == [1, 2, 2]


def test_answers_are_the_caller_s() -> None:
    """Neither answer nor input is read again: overwriting them changes nothing."""
    for taps in (3, 100, 3000):
        stream = lti.FIR(noise(taps)).stream(block_size=64, dtype="float64")
        x = noise(3000, seed=9)
        want = streams.run(stream, x, [64] * 40)
        stream.reset()
        got = []
        for piece in streams.cuts(x.copy(), [64] * 40):
            y = stream.push(piece)
            assert y.flags.writeable
            got.append(y.copy())
            y[...] = np.nan
            piece[...] = np.nan
        assert np.array_equal(np.concatenate([*got, stream.flush()]), want)


def test_a_refused_block_changes_nothing() -> None:
    stream = lti.FIR(noise(500)).stream(block_size=64)
    x = noise(1000, seed=10).astype("f4")
    want = streams.run(stream, x, [100] * 9)
    stream.reset()
    got = []
    for piece in streams.cuts(x, [100] * 9):
        for bad in (np.ones((2, 9)), [1, 2], [1j], 1.0, np.ones((1, 1, 3))):
            with pytest.raises((ValueError, TypeError)):
                stream.push(bad)
        with pytest.raises(ValueError, match=r"^out must"):
            stream.push(piece, out=np.zeros(3))
        with pytest.raises(ValueError, match=r"^the stream has 1 output"):
            stream.swap(lti.FIR(np.ones((2, 9))))
        got.append(stream.push(piece))
    assert np.array_equal(np.concatenate([*got, stream.flush()]), want)
