"""Loops: echoes, combs and networks of delays, what is stable among them, what is refused"""

import copy
import pickle
import re
from typing import Any

import numpy as np
import pytest
import scipy.signal
import streams
from models import Chain, Loop, Rows, Sections, Taps, answer
from recursive import CASES

import ltisys as lti
from ltisys.errors import MismatchError, StreamError
from ltisys.loops import Feedback


def noise(*shape: int, seed: int = 0) -> Rows:
    return np.random.default_rng([13, seed, *shape]).standard_normal(shape)


def echo(frames: int, g: float) -> lti.System:
    """Repeat a sound every so many frames, each time times g."""
    return lti.feedback(lti.gain(1), -g * lti.delay(frames))


def heard(system: lti.System, frames: int) -> Rows:
    """The largest magnitude of any row of the response, frame by frame."""
    return np.asarray(np.abs(system.impulse_response(frames)).reshape(-1, frames).max(axis=0))


def sinks(system: lti.System, frames: int) -> int:
    size = heard(system, frames)
    return int(np.flatnonzero(size >= 1e-9 * size.max())[-1]) + 1


# --- what it answers ----------------------------------------------------------------------------


@pytest.mark.parametrize("frames", [1, 2, 31, 32, 33, 100, 4800])
@pytest.mark.parametrize("g", [0.5, -0.9])
def test_an_echo_is_a_geometric_series(frames: int, g: float) -> None:
    system = echo(frames, g)
    h = system.impulse_response(10 * frames)
    want = np.zeros(10 * frames)
    want[::frames] = g ** np.arange(10)
    # a long one multiplies and adds, a short one went through the roots of its polynomial
    assert np.abs(h - want).max() <= (1e-15 if isinstance(system, Feedback) else 1e-10)
    end = system.extent
    assert end == int(np.log(1e-9) / np.log(abs(g))) * frames + 1
    assert system.stable


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("block", [3, 99, 100, 101, 200, 201, 5000])
def test_blocks_around_the_delay_of_the_loop(block: int, dtype: str) -> None:
    """Nothing depends on where blocks end: the delays cut them anyway. To the bit."""
    damped = lti.IIR(scipy.signal.butter(2, 0.3, output="sos"))
    system = lti.feedback(lti.gain(1), -0.7 * lti.delay(100) >> damped)
    x = noise(2, 1500).astype(dtype)
    want = system(x)
    stream = system.stream(block_size=block, channels=2, dtype=dtype)
    lengths = [block] * (1500 // block)
    y = streams.run(stream, x, [0, *lengths])
    assert y.shape == want.shape
    assert np.array_equal(y, want)


def test_one_minus_is_for_the_feedback_that_adds() -> None:
    """forward / (1 + forward back): a positive path back is subtracted."""
    h = lti.feedback(lti.delay(40), lti.gain(0.5)).impulse_response(200)
    assert h[[40, 80, 120, 160]].tolist() == [1.0, -0.5, 0.25, -0.125]
    assert np.count_nonzero(h) == 4
    alone = lti.feedback(0.5 * lti.delay(40)).impulse_response(200)
    assert alone[[40, 80, 120]].tolist() == [0.5, -0.25, 0.125]


def network(lines: int, g: float, seed: int = 0) -> tuple[lti.System, Rows, Rows]:
    rng = np.random.default_rng([17, seed])
    delays = rng.integers(100, 400, lines)
    matrix = g * np.linalg.qr(rng.standard_normal((lines, lines)))[0]
    h = np.zeros((lines, delays.max() + 1))
    h[np.arange(lines), delays] = 1
    loop = lti.feedback(lti.FIR(h), lti.FIR(-matrix[:, :, None]))
    ends = lti.FIR(np.ones((lines, 1, 1))), lti.FIR(np.ones((1, lines, 1)) / lines)
    return ends[0] >> loop >> ends[1], delays, matrix


@pytest.mark.parametrize("lines", [2, 8, 16])
def test_a_network_of_delays_frame_by_frame(lines: int) -> None:
    """Jot and Chaigne 1991: s_i[n] = x[n] + sum_j A_ij s_j[n - m_j], the mean of the delayed."""
    system, delays, matrix = network(lines, 0.7)
    x = noise(1000)
    held = np.zeros((lines, 1000 + 400))
    want = np.zeros(1000)
    for n in range(1000):
        late = held[np.arange(lines), n - delays + 400]
        want[n] = late.mean()
        held[:, n + 400] = x[n] + matrix @ late
    y = system(x, tail=False)
    assert y.shape == (1, 1000)  # a matrix of one output
    assert np.abs(y[0] - want).max() < 1e-12
    stream = system.stream(block_size=64, dtype="float64")
    blocks = [stream.push(b) for b in streams.cuts(x, [1, 63, 64, 200] * 9)]
    assert np.abs(np.concatenate(blocks) - want).max() < 1e-12
    assert sinks(system, 2 * (system.extent or 0)) == system.extent


def test_loops_inside_loops_frame_by_frame() -> None:
    """Three deep, delays before and behind, recursions inside: against the model."""
    sos = scipy.signal.butter(2, 0.2, output="sos")
    inner = lti.feedback(lti.delay(3) >> lti.IIR(sos), 0.4 * lti.delay(30))
    model = Loop(Chain(late(3), Sections(sos)), Taps([*[0.0] * 30, 0.4]))
    middle = lti.feedback(inner, -0.3 * lti.delay(34))
    model = Loop(model, Taps([*[0.0] * 34, -0.3]))
    outer = lti.feedback(lti.FIR([0.5, 0.2]) >> middle, 0.1 * lti.delay(36) >> inner)
    within = Loop(Chain(late(3), Sections(sos)), Taps([*[0.0] * 30, 0.4]))
    model = Loop(Chain(Taps([0.5, 0.2]), model), Chain(late(36), Taps([0.1]), within))
    x = noise(300)
    assert np.abs(outer(x, tail=False) - answer(model, x[None])[0]).max() < 1e-13
    assert outer.lead == 3
    assert sinks(outer, 3 * (outer.extent or 0)) == outer.extent


def late(frames: int) -> Taps:
    return Taps(np.eye(1, frames + 1, frames)[0])


@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize(("cutoff", "frames"), [(0.4, 1), (0.1, 5), (0.02, 5), (0.003, 31)])
def test_short_loops_with_filters_inside(order: int, cutoff: float, frames: int) -> None:
    """A recursion where that is as good, to -200 dB; blocks of few frames where it is not."""
    sos = scipy.signal.butter(order, 2 * cutoff, output="sos")
    system = lti.feedback(lti.gain(1), -0.5 * lti.delay(frames) >> lti.IIR(sos))
    x = noise(200)
    want = answer(Loop(Taps([1.0]), Chain(late(frames), Taps([-0.5]), Sections(sos))), x[None])[0]
    assert np.abs(system(x, tail=False) - want).max() < 1e-10
    assert system.stable


def test_short_loops_are_recursions() -> None:
    sections = lti.IIR([[1, 0, 0, 1, -0.5, 0.1]])
    assert isinstance(echo(3, 0.5), lti.IIR)
    assert isinstance(lti.feedback(sections, 0.3 * lti.delay(2)), lti.IIR)
    assert isinstance(lti.feedback(sections + lti.delay(3), 0.3 * lti.delay(1)), lti.IIR)
    assert isinstance(echo(500, 0.5), Feedback)
    channels = lti.feedback(lti.gain(1), lti.FIR([[0.0, 0.5], [0.0, 0.2]]))
    assert isinstance(channels, Feedback)
    assert channels.impulse_response(3).tolist() == [[1.0, -0.5, 0.25], [1.0, -0.2, 0.2 * 0.2]]


# --- channels -----------------------------------------------------------------------------------


def test_rows_of_loops() -> None:
    three = lti.FIR(np.pad(0.1 * noise(3, 20), ((0, 0), (40, 0))))
    square = lti.FIR(np.pad(0.1 * noise(2, 2, 20), ((0, 0), (0, 0), (40, 0))))
    tall, wide = lti.FIR(0.3 * noise(3, 1, 1)), lti.FIR(0.3 * noise(1, 3, 1))
    alone = lti.gain(0.5)
    for forward, back, rows in (
        (alone, three, (3,)),
        (three, alone, (3,)),
        (three, three, (3,)),
        (alone, square, (2, 2)),
        (square, alone, (2, 2)),
        (square, square, (2, 2)),
        (tall, lti.delay(50) >> wide, (3, 1)),
        (wide, tall >> lti.delay(50), (1, 3)),
        (lti.FIR(np.ones((1, 1))), lti.delay(40), ()),
    ):
        system = lti.feedback(forward, back)
        assert system.rows in (rows, (1,)), (forward, back)
        h = system.impulse_response(200)
        assert h.shape == (*system.rows, 200)
        cycles = np.array([0.01, 0.123, 0.4])
        f, b = (p.frequency_response(cycles)[1] for p in (forward, back))
        for k in range(3):
            there, again = (np.asarray(v[..., k]) for v in (f, b))
            if len(rows) == 2:
                there, again = _matrix(there, *rows), _matrix(again, *rows[::-1])
                want = np.linalg.solve(np.eye(rows[0]) + there @ again, there)
            else:
                want = there / (1 + there * again)
            assert np.allclose(system.frequency_response(cycles)[1][..., k], want, rtol=1e-12)


def _matrix(v: Rows, outputs: int, inputs: int) -> Rows:
    return v if v.ndim == 2 else v * np.eye(outputs, inputs)


def test_one_channel_spreads_to_those_of_the_loop() -> None:
    system = lti.feedback(lti.gain(1), lti.FIR(np.pad(noise(3, 2) / 4, ((0, 0), (40, 0)))))
    x = noise(500)
    y = system(x)
    assert y.shape == (3, 500 + (system.extent or 0) - 1)
    assert np.array_equal(y, system(np.stack([x] * 3)))
    stream = system.stream(block_size=50, dtype="float64")
    assert np.array_equal(streams.run(stream, x, [50] * 10), y)


def test_what_is_bad_in_one_line_is_soon_in_all() -> None:
    case = CASES["crossed, short"]
    assert case.system.paths(2).all()
    apart = lti.feedback(lti.gain(1), lti.FIR(np.eye(2)[:, :, None] * np.eye(1, 50, 49)))
    assert np.array_equal(apart.paths(2), np.eye(2, dtype=bool))
    one_way = np.zeros((2, 2, 50))
    one_way[0, 1, 49] = 0.5
    crossed = lti.feedback(lti.gain(1), lti.FIR(one_way))
    assert crossed.paths(2).tolist() == [[True, True], [False, True]]
    x = noise(2, 300)
    x[1, 100] = np.nan
    assert np.isnan(crossed(x)).any(axis=1).all()
    assert np.isnan(crossed(x[::-1].copy())).any(axis=1).tolist() == [True, False]


# --- what decays and what does not --------------------------------------------------------------

FAR = 0.9 * lti.delay(8292) - 0.9 * lti.delay(100)
"""Its gain is 0 at every multiple of 1 / 8192 cycles a frame, and 1.8 between them."""

STABLE: dict[str, lti.System] = {
    "weak": echo(100, 0.5),
    "for long": echo(100, 0.97),
    "round an integrator": lti.feedback(lti.IIR.from_ba([1e-3], [1, -1]), lti.delay(100)),
    "holds what would grow": lti.feedback(lti.IIR.from_ba([1e-2], [1, -1.001]), lti.delay(50)),
    "a late echo": lti.feedback(lti.gain(1), 0.01 * lti.delay(100) + 0.3 * lti.delay(5000)),
    "a room": lti.feedback(lti.gain(1), lti.delay(60) >> lti.FIR(noise(3000) / 400)),
    "a network": network(8, 0.95)[0],
    "twelve lines, one long": lti.feedback(
        lti.FIR(np.eye(12)[:, :, None] * np.eye(1, 41, 40)),
        lti.FIR(-np.diag([0.1] * 10 + [0.8, 0.1])[:, :, None]),
    ),
}


@pytest.mark.parametrize("name", STABLE)
def test_a_loop_that_decays(name: str) -> None:
    system = STABLE[name]
    assert system.stable
    assert not repr(system).endswith("UNSTABLE)")
    end = system.extent
    assert end is not None
    true = sinks(system, 3 * end + 10_000)
    if system.rows:  # seen in one run for all inputs: about
        assert 0.97 * true - 50 <= end <= 1.05 * true + 50
    else:
        assert end == true


UNSTABLE: dict[str, lti.System] = {
    "grows": echo(300, 1.1),
    "grows slowly": echo(300, 1.001),
    "stays": echo(300, 1.0),
    "stays, upside down": echo(300, -1.0),
    "between the lines": lti.feedback(lti.gain(1), FAR),
    "a room": lti.feedback(lti.gain(1), lti.delay(60) >> lti.FIR(noise(3000) / 40)),
    "a network that loses nothing": network(4, 1.0)[0],
    "a network that gains": network(4, 1.01)[0],
    "round an integrator, too strong": lti.feedback(lti.IIR.from_ba([0.1], [1, -1]), lti.delay(99)),
}


@pytest.mark.parametrize("name", UNSTABLE)
def test_a_loop_that_does_not_decay(name: str) -> None:
    system = UNSTABLE[name]
    assert not system.stable
    assert system.extent is None
    assert "UNSTABLE" in repr(system)
    for call, instead in (
        (lambda: system(np.ones(10)), "pass tail=False"),
        (system.to_fir, "take frames of impulse_response"),
        (system.impulse_response, "give frames="),
    ):
        with pytest.raises(ValueError, match=f"not stable: .*decay.*; {re.escape(instead)}"):
            call()
    x = noise(500)
    y = system(x, tail=False)
    stream = system.stream(dtype="float64")
    assert np.abs(stream.push(x) - y).max() <= 1e-12 * np.abs(y).max()
    assert stream.tail is None
    with pytest.raises(StreamError, match="the tail has no end, "):
        stream.flush()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_loop_grows_beyond_all_bounds_without_a_warning(dtype: str) -> None:
    y = echo(40, 1.5)(np.ones(90_000, dtype), tail=False)
    assert y.dtype == dtype
    assert not np.isfinite(y[-1])


def test_what_is_behind_or_beside_a_loop_that_grows_is_refused_with_the_reason() -> None:
    grows = echo(300, 1.1)
    for system in (grows >> lti.FIR(noise(50)), lti.gain(1) + grows, 2 * grows):
        assert not system.stable
        assert "UNSTABLE" in repr(system)
        with pytest.raises(
            ValueError, match=r"in its part Feedback, it is not stable: what goes ro"
        ):
            system([1.0])


def test_a_network_is_made_ready_soon_and_in_little_space() -> None:
    """Only the course of its response is watched: not 64 rows of it."""
    system, *_ = network(8, 0.97)
    assert (system.extent or 0) > 100_000
    loop = system.parts[1]  # type: ignore[attr-defined]
    assert loop.rows == (8, 8)
    probe = loop.__dict__.get("_probe")
    assert probe is None or probe.size.ndim == 1


# --- made earlier -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n, c in CASES.items() if c.system.lead > 0])
def test_earlier_takes_away_silence_alone(name: str) -> None:
    system = CASES[name].system
    lead = system.lead
    h = system.impulse_response(300)
    for frames in {1, lead // 2, lead}:
        moved = system.earlier(frames)
        assert moved.rows == system.rows
        if h.any():
            assert moved.lead == lead - frames
        gap = np.abs(moved.impulse_response(300 - frames) - h[..., frames:]).max()
        assert gap <= 1e-15 * np.abs(h).max()


# --- a value ------------------------------------------------------------------------------------


def test_equal_loops() -> None:
    system = echo(300, 0.5)
    ways = (
        copy.copy,
        copy.deepcopy,
        lambda s: pickle.loads(pickle.dumps(s)),
        lambda _: echo(300, 0.5),
    )
    for way in ways:
        twin = way(system)
        assert twin == system
        assert hash(twin) == hash(system)
        assert repr(twin) == repr(system)
        assert twin.extent == system.extent
    for other in (echo(301, 0.5), echo(300, 0.4), lti.gain(1), echo(300, 0.5) >> lti.gain(1)):
        assert other != system
    assert repr(system) == "feedback(FIR(1 tap), FIR(301 taps))"


def test_rates_of_loops() -> None:
    system = lti.feedback(lti.gain(1), 0.5 * lti.delay(300, fs=48_000))
    assert system.fs == 48_000
    cycles = system.frequency_response([0.0, 24_000.0])[1]
    assert cycles == pytest.approx([1 / 1.5, 1 / 1.5])
    with pytest.raises(MismatchError, match="fs differs: first 44100 Hz, second 48000 Hz"):
        lti.feedback(lti.delay(1, fs=44_100), lti.delay(300, fs=48_000))
    with pytest.raises(MismatchError, match="fs differs"):
        system >> lti.delay(1, fs=44_100)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (
            lambda: lti.feedback(lti.gain(1)),
            ValueError,
            "the loop has no delay: forward and back both answer at once; put lti.delay(1) into "
            "one of them",
        ),
        (
            lambda: lti.feedback(lti.IIR([[1, 0, 0, 1, -0.5, 0]]), lti.FIR([0.5, 0.5])),
            ValueError,
            "the loop has no delay",
        ),
        (lambda: lti.feedback(3), TypeError, "forward=3 must be a System"),
        (lambda: lti.feedback(lti.gain(1), 0.5), TypeError, "back=0.5 must be a System"),
        (
            lambda: lti.feedback(lti.FIR(np.ones((2, 1, 10))), lti.delay(1)),
            MismatchError,
            "systems do not fit: the first has channels (2,), the second takes (1,)",
        ),
        (
            lambda: lti.feedback(lti.FIR(np.ones((2, 2, 9))), lti.FIR(np.eye(3)) >> lti.delay(1)),
            MismatchError,
            "systems do not fit",
        ),
    ],
)
def test_refused(call: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(sentence)}"):
        call()
