"""Sections over long blocks: the recursion written out, in long doubles, whatever the cuts"""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from ltisys.state_space import AT_ONCE, LONG, PIECE, LongBlocks, long_blocks

Rows = NDArray[np.float64]
EXACT = np.finfo(np.longdouble).eps < 1e-18  # where long doubles are longer than doubles


def butter(order: int, cutoff: object, kind: str = "lowpass", fs: float = 48_000) -> Rows:
    return np.asarray(signal.butter(order, cutoff, kind, fs=fs, output="sos"))


CASES = {
    "highpass 80": butter(2, 80, "highpass"),
    "highpass 5": butter(2, 5, "highpass"),
    "highpass 1 at 192 kHz": butter(2, 1, "highpass", fs=192_000),
    "lowpass 5": butter(2, 5),
    "lowpass 20 of order 8 at 96 kHz": butter(8, 20, fs=96_000),
    "lowpass 12000": butter(2, 12_000),
    "lowpass 23990": butter(3, 23_990),
    "bandpass": butter(4, [50, 60], "bandpass"),
    "order 16": butter(16, 5000),
    "order 41": butter(41, 3000),
    "order 1": butter(1, 100),
    "fir": np.array([[0.5, -0.25, 0.125, 1.0, 0.0, 0.0]]),
    "gain": np.array([[-3.0, 0.0, 0.0, 1.0, 0.0, 0.0]]),
    "delay": np.array([[0.0, 0.0, 1.0, 1.0, 0.0, 0.0]]),
    "real poles": np.array([[1.0, 0.3, 0.0, 1.0, -1.4, 0.48]]),
    "two alike": np.array([[1.0, 0.0, 0.0, 1.0, -1.8, 0.81]]),
    "poles by fs / 2": np.array([[1.0, 0.0, 0.0, 1.0, 1.99, 0.991]]),
}


def definition(sos: Rows, x: Rows, state: Rows) -> tuple[Rows, Rows]:
    """Transposed direct form II, frame by frame, in long doubles."""
    z = state.astype(np.longdouble)
    y = np.empty(x.size, np.longdouble)
    for n, value in enumerate(x.astype(np.longdouble)):
        now = value
        for s, (b0, b1, b2, _, a1, a2) in enumerate(sos.astype(np.longdouble)):
            before, now = now, b0 * now + z[s, 0]
            z[s, 0] = b1 * before - a1 * now + z[s, 1]
            z[s, 1] = b2 * before - a2 * now
        y[n] = now
    return y, z


def made(sos: Rows) -> LongBlocks:
    blocks = long_blocks(sos)
    assert blocks is not None
    return blocks


def run(sos: Rows, x: Rows, cuts: tuple[int, ...] = ()) -> tuple[Rows, Rows]:
    """Answer x in blocks that begin at the cuts."""
    y, state = np.full(x.shape, np.nan), np.zeros((len(sos), 2))
    for first, last in pairwise((0, *cuts, x.size)):
        made(sos).answer(x[first:last], state, y[first:last])
    return y, state


@pytest.mark.skipif(not EXACT, reason="long doubles are doubles here")
@pytest.mark.parametrize("name", CASES)
def test_it_is_the_definition(name: str) -> None:
    sos = CASES[name]
    x = 1.0 + np.random.default_rng(0).standard_normal(6000)
    wanted, state_wanted = definition(sos, x, np.zeros((len(sos), 2)))
    y, state = run(sos, x)
    assert y.shape == wanted.shape
    # each state is heard as loud as it is, so its rounding adds up over the pieces that it lasts,
    # and so does that of the sections behind it: 10 000 times what one rounding is
    bound = 1e4 * 2.0**-53 * np.abs(wanted).max()
    assert np.abs(y - wanted).max() <= bound
    assert np.abs(state - state_wanted).max() <= 1e4 * 2.0**-53 * np.abs(state_wanted).max()


@pytest.mark.skipif(not EXACT, reason="long doubles are doubles here")
@pytest.mark.parametrize("name", ["highpass 5", "highpass 1 at 192 kHz", "lowpass 5", "bandpass"])
def test_it_rounds_less_than_sosfilt(name: str) -> None:
    sos = CASES[name]
    x = 1.0 + np.random.default_rng(0).standard_normal(20_000)
    wanted = definition(sos, x, np.zeros((len(sos), 2)))[0]
    assert np.abs(run(sos, x)[0] - wanted).max() < np.abs(signal.sosfilt(sos, x) - wanted).max() / 5


SIZES = (0, 1, 2, 3, PIECE - 1, PIECE, PIECE + 1, 97, 1023, 1024, 1025, LONG - 1, LONG, LONG + 1)


@pytest.mark.parametrize("size", [*SIZES, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE + 45])
@pytest.mark.parametrize("name", ["highpass 80", "order 16", "order 41", "order 1"])
def test_any_size(name: str, size: int) -> None:
    sos = CASES[name]
    x = np.random.default_rng(size).standard_normal(size)
    y, state = run(sos, x)
    wanted, zi = signal.sosfilt(sos, x, zi=np.zeros((len(sos), 2))) if size else (x, 0 * state)
    assert y.shape == (size,)
    assert np.abs(y - wanted).max(initial=0) <= 1e-11 * np.abs(wanted).max(initial=1)
    assert np.abs(state - zi).max() <= 1e-11 * max(1, np.abs(zi).max())


@pytest.mark.parametrize(
    "cuts",
    [
        (1, 2, 3, 50, 81),
        (PIECE, 2 * PIECE, 1000),
        (AT_ONCE, AT_ONCE + 1, 2 * AT_ONCE),
        (40_000, 40_000, 120_001),
        tuple(range(997, 150_000, 997)),
    ],
)
@pytest.mark.parametrize("name", ["highpass 5", "order 16"])
def test_any_cuts(name: str, cuts: tuple[int, ...]) -> None:
    sos = CASES[name]
    x = np.random.default_rng(1).standard_normal(150_000)
    whole, end = run(sos, x)
    cut, cut_end = run(sos, x, cuts)
    # at a cut the state takes the form of sosfilt's, whose rounding is heard as that one's is
    assert np.abs(cut - whole).max() <= 2e-11 * np.abs(whole).max()
    assert np.abs(cut_end - end).max() <= 2e-11 * np.abs(end).max()


@pytest.mark.parametrize("name", ["highpass 5", "order 16", "order 1"])
def test_sosfilt_goes_on_from_its_state_and_it_from_sosfilts(name: str) -> None:
    sos = CASES[name]
    x = np.random.default_rng(2).standard_normal(60_000)
    wanted = signal.sosfilt(sos, x)
    y, state = np.empty(60_000), np.zeros((len(sos), 2))
    made(sos).answer(x[:20_001], state, y[:20_001])
    y[20_001:20_100], state = signal.sosfilt(sos, x[20_001:20_100], zi=state)
    made(sos).answer(x[20_100:], state, y[20_100:])
    assert np.abs(y - wanted).max() <= 1e-11 * np.abs(wanted).max()


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", ">f4"])
@pytest.mark.parametrize("out", ["float32", "float64"])
def test_dtypes_and_strides(dtype: str, out: str) -> None:
    sos = CASES["highpass 80"]
    x = (1000 * np.random.default_rng(3).standard_normal((20_000, 2))).astype(dtype)[:, 1]
    kept = x.copy()
    y = np.full((20_000, 3), np.nan, out)[:, 1]
    made(sos).answer(x, np.zeros((1, 2)), y)
    wanted = signal.sosfilt(sos, x.astype(float)).astype(out)
    assert np.abs(y - wanted).max() <= np.finfo(out).eps * np.abs(wanted).max() * 300
    assert np.array_equal(x, kept)


@pytest.mark.parametrize("at", [0, 1, 31, 32, 5000, AT_ONCE - 1, AT_ONCE, AT_ONCE + 77])
def test_silence_before_sound_is_exact(at: int) -> None:
    for name in ("highpass 80", "order 16"):
        x = np.zeros(2 * AT_ONCE)
        x[at] = 1.0
        y, _ = run(CASES[name], x)
        assert not y[:at].any()
        assert y[at] != 0


def test_a_tail_fades_to_nothing_and_no_number_is_subnormal() -> None:
    sos = CASES["order 16"]
    x = np.zeros(4 * AT_ONCE)
    x[:100] = 1.0
    y, state = run(sos, x)
    tiny = np.finfo(float).tiny
    assert not ((np.abs(y) > 0) & (np.abs(y) < tiny)).any()
    assert not y[-AT_ONCE:].any()
    assert not state.any()
    blocks = made(sos)
    for matrix in (
        blocks.answer_of,
        blocks.state_of,
        *(m for group in blocks.groups for m in group[1:]),
    ):
        assert not ((np.abs(matrix) > 0) & (np.abs(matrix) < tiny)).any()


@pytest.mark.parametrize(
    "row",
    [
        [1, 0, 0, 1, -1, 0],
        [1, 0, 0, 1, 0, 1],
        [1, 0, 0, 1, -2.1, 1.1],
        [1, 0, 0, 1, 2, 1],
        [1, 0, 0, 1, 0.5, -1.5],
    ],
)
def test_none_for_what_is_not_stable(row: list[float]) -> None:
    assert long_blocks(np.array([row])) is None
    assert long_blocks(np.concatenate([CASES["order 16"], [row]])) is None


def test_matrices_are_kept() -> None:
    assert long_blocks(CASES["order 16"]) is long_blocks(CASES["order 16"].copy())


def test_the_forms_are_each_others_inverse() -> None:
    for name, sos in CASES.items():
        blocks = made(sos)
        # relative to what adds up: one of the two may be much larger than the other
        sizes = np.abs(blocks.into) @ np.abs(blocks.out_of)
        assert np.all(np.abs(blocks.into @ blocks.out_of - np.eye(2)) <= 1e-15 * sizes), name
        for group in blocks.groups:
            assert group[0] * blocks.states <= 80 or group[0] == 2
