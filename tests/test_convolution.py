"""convolve and correlate: modes, axes, boundaries, integers, dtypes, scores, laws, peers"""

from typing import Any

import numpy as np
import oracle
import pytest
import scipy.ndimage
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import ltisys as lti
from ltisys import convolution, planner
from ltisys.engines import ENGINES

METHODS = sorted(ENGINES)
MODES = ("full", "same", "valid")
LENGTHS = [(1, 1), (1, 4), (4, 1), (5, 4), (4, 5), (9, 2), (2, 9), (8, 8), (300, 17), (17, 300)]


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def complex_noise(*shape: int, seed: int = 0) -> np.ndarray:
    return noise(*shape, seed=seed) + 1j * noise(*shape, seed=seed + 1)


def close(y: np.ndarray, want: np.ndarray, x: np.ndarray, h: np.ndarray) -> None:
    """Check shape, then values to the bounds of both: the peer's is taken to be no worse than ours.

    A transform of at most 4 (frames + taps) points of the whole signal has the largest bound.
    """
    assert y.shape == want.shape
    bits = np.log2(4 * (x.shape[-1] + h.shape[-1]))
    norms = np.sqrt((np.abs(x) ** 2).sum(-1).max() * (np.abs(h) ** 2).sum(-1).max())
    dtype = np.result_type(y.dtype, np.float32)
    assert np.abs(y - want).max() <= 2 * oracle.TRANSFORM * oracle.roundoff(dtype) * bits * norms


# --- modes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("frames", "taps"), LENGTHS)
@pytest.mark.parametrize("method", [*METHODS, "auto"])
def test_modes_of_convolve(method: str, frames: int, taps: int) -> None:
    for make in (noise, complex_noise):
        x, h = make(frames), make(taps, seed=5)
        full = np.convolve(x, h)
        close(lti.convolve(x, h, method=method), full, x, h)
        close(lti.convolve(x, h, mode="valid", method=method), np.convolve(x, h, "valid"), x, h)
        # numpy's "same" is as long as the longer one; ours, and scipy's, as x
        same = scipy.signal.convolve(x, h, "same", method="direct")
        close(lti.convolve(x, h, mode="same", method=method), same, x, h)
        start = (taps - 1) // 2
        close(same, full[start : start + frames], x, h)


@pytest.mark.parametrize(("frames", "taps"), LENGTHS)
@pytest.mark.parametrize("method", [*METHODS, "auto"])
def test_modes_of_correlate(method: str, frames: int, taps: int) -> None:
    x, h = complex_noise(frames), complex_noise(taps, seed=5)
    for mode in MODES:
        y = lti.correlate(x, h, mode=mode, method=method)
        close(y, scipy.signal.correlate(x, h, mode, method="direct"), x, h)
        if mode != "same":
            close(y, np.correlate(x, h, mode), x, h)


@pytest.mark.parametrize(("frames", "taps"), [(5, 3), (3, 5)])
def test_correlate_by_its_formula(frames: int, taps: int) -> None:
    x, h = complex_noise(frames), complex_noise(taps, seed=3)
    sums = [
        sum(x[n + k] * h[k].conj() for k in range(taps) if 0 <= n + k < frames)
        for n in range(1 - taps, frames)
    ]
    close(lti.correlate(x, h), np.array(sums), x, h)


# --- rows and axes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x_shape", "h_shape", "shape"),
    [
        ((7,), (3,), (9,)),
        ((7,), (2, 3), (2, 9)),
        ((2, 7), (3,), (2, 9)),
        ((2, 7), (1, 3), (2, 9)),
        ((1, 7), (4, 3), (4, 9)),
        ((2, 7), (2, 3), (2, 9)),
        ((5, 1, 7), (2, 3), (5, 2, 9)),
        ((5, 1, 7), (4, 1, 2, 3), (4, 5, 2, 9)),
        ((100, 17), (3,), (100, 19)),
    ],
)
@pytest.mark.parametrize("method", METHODS)
def test_rows_broadcast(method: str, x_shape: Any, h_shape: Any, shape: Any) -> None:
    x, h = noise(*x_shape), noise(*h_shape, seed=1)
    rows = np.broadcast_shapes(x_shape[:-1], h_shape[:-1])
    wide_x, wide_h = np.broadcast_to(x, (*rows, x_shape[-1])), np.broadcast_to(h, (*rows, 3))
    want = np.zeros(shape)
    for i in np.ndindex(rows):
        want[i] = np.convolve(wide_x[i], wide_h[i])
    close(lti.convolve(x, h, method=method), want, x, h)
    backward = lti.correlate(x, h, method=method)
    for i in np.ndindex(rows):
        want[i] = np.correlate(wide_x[i], wide_h[i], "full")
    close(backward, want, x, h)


@pytest.mark.parametrize("axis", [-3, -2, -1, 0, 1, 2])
@pytest.mark.parametrize("mode", MODES)
def test_axes_name_the_axis_of_time(mode: str, axis: int) -> None:
    x, h = noise(4, 5, 6), noise(3, seed=1)
    y = lti.convolve(x, h, axes=axis, mode=mode)
    want = np.apply_along_axis(lambda row: np.convolve(row, h, mode), axis, x)
    close(y, want, x, h)
    scores = lti.correlate(x, h, axes=axis, mode="valid", normalize=True)
    rows = np.moveaxis(x, axis, -1)
    last = lti.correlate(rows, h, mode="valid", normalize=True)
    assert np.array_equal(np.moveaxis(scores, axis, -1), last)


# --- boundaries ---------------------------------------------------------------------------------


@pytest.mark.parametrize("boundary", ["zero", "reflect", "nearest", "wrap"])
@pytest.mark.parametrize(("frames", "taps"), [(9, 3), (9, 4), (1, 1), (7, 1), (50, 8), (40, 33)])
@pytest.mark.parametrize("method", [*METHODS, "auto"])
def test_boundaries_are_those_of_ndimage(
    method: str, frames: int, taps: int, boundary: str
) -> None:
    x, h = noise(2, frames), noise(taps, seed=1)
    mode = "constant" if boundary == "zero" else boundary
    # ndimage centres a kernel of even length half a frame later than "same" does
    origin = -1 if taps % 2 == 0 else 0
    want = scipy.ndimage.convolve1d(x, h, axis=-1, mode=mode, origin=origin)
    y = lti.convolve(x, h, mode="same", boundary=boundary, method=method)
    close(y, want, x, h)
    origin = 0
    want = scipy.ndimage.correlate1d(x, h, axis=-1, mode=mode, origin=origin)
    y = lti.correlate(x, h, mode="same", boundary=boundary, method=method)
    close(y, want, x, h)


@pytest.mark.parametrize(
    ("boundary", "left", "right"),
    [("reflect", [2, 1], [4, 3]), ("nearest", [1, 1], [4, 4]), ("wrap", [3, 4], [1, 2])],
)
def test_boundaries_by_hand(boundary: str, left: list[int], right: list[int]) -> None:
    x, h = [1, 2, 3, 4], [1, 10, 100, 1000, 10_000]
    want = np.convolve([*left, *x, *right], h, "valid")
    y = lti.convolve(x, h, mode="same", boundary=boundary)
    assert y.dtype == np.int64
    assert y.tolist() == want.tolist()


@pytest.mark.parametrize("boundary", ["reflect", "nearest", "wrap"])
def test_boundaries_reach_around_more_than_once(boundary: str) -> None:
    pads = {"reflect": "symmetric", "nearest": "edge", "wrap": "wrap"}
    x, h = np.array([1, 2, 4]), np.arange(1, 12)
    want = np.convolve(np.pad(x, (5, 5), mode=pads[boundary]), h, "valid")
    assert lti.convolve(x, h, mode="same", boundary=boundary).tolist() == want.tolist()


# --- integers -----------------------------------------------------------------------------------

MOST = 2**63 - 1


@pytest.mark.parametrize("method", [*METHODS, "auto"])
@pytest.mark.parametrize(
    ("x", "h"),
    [
        (np.array([MOST, 0, MOST]), np.array([1])),
        (np.array([1]), np.array([-MOST, MOST, 1])),
        (np.array([MOST // 4, -(MOST // 4)] * 40), np.array([1, -1, 1])),
        (np.array([MOST // 300] * 300), np.array([1, -1] * 150)),
        (np.array([2**63 - 1, 5], dtype=np.uint64), np.array([1], dtype=np.uint64)),
        (np.array([2**53 + 1, 3]), np.array([1, 1])),
        (np.array([-(2**62), 1, 2**62 - 1]), np.array([0, 0, 0, 0, 0, -1])),
        (np.array([2**40 + 1] * 70), np.array([2**15 + 1] * 60)),
        (np.array([-(2**63), 7]), np.array([0, 0])),
        (np.array([2**64 - 1], dtype=np.uint64), np.array([0])),
        (np.array([True, True, False]), np.array([True] * 70)),
    ],
)
def test_integers_are_exact_up_to_the_last_one(method: str, x: np.ndarray, h: np.ndarray) -> None:
    y = lti.convolve(x, h, method=method)
    assert y.dtype == np.int64
    assert y.tolist() == oracle.exact([int(v) for v in x], [int(v) for v in h])


@pytest.mark.parametrize("method", [m for m in METHODS if m != "direct"])
def test_large_integers_are_exact_by_transforms(method: str) -> None:
    rng = np.random.default_rng(1)
    x, h = rng.integers(-(2**24), 2**24, (2, 3000)), rng.integers(-(2**23), 2**23, 1500)
    y = lti.convolve(x, h, method=method)
    assert np.array_equal(y, lti.convolve(x, h, method="direct"))
    assert y[0, :4].tolist() == oracle.exact(x[0, :4].tolist(), h[:4].tolist())[:4]


@given(
    x=st.lists(st.integers(-(2**31), 2**31), min_size=1, max_size=40),
    h=st.lists(st.integers(-(2**26), 2**26), min_size=1, max_size=30),
    method=st.sampled_from(METHODS),
)
def test_integers_are_exact(x: list[int], h: list[int], method: str) -> None:
    assert lti.convolve(x, h, method=method).tolist() == oracle.exact(x, h)


@given(
    values=st.lists(st.integers(-MOST - 1, MOST), min_size=1, max_size=9), bits=st.integers(2, 30)
)
def test_digits_are_small_and_add_up(values: list[int], bits: int) -> None:
    digits = convolution._digits(np.array(values, dtype=np.int64), bits)
    total = [sum(int(d[n]) << shift for shift, d in digits) for n in range(len(values))]
    assert [(t - v) % 2**64 for t, v in zip(total, values, strict=True)] == [0] * len(values)
    assert all(np.abs(d).max() <= 2 ** (bits - 1) for _, d in digits)


@pytest.mark.parametrize("frames", [1, 100, 10**6, 10**9])
@pytest.mark.parametrize("method", [m for m in METHODS if m != "direct"])
def test_digits_leave_the_rounding_error_below_a_half(method: str, frames: int) -> None:
    plan = planner.choose(frames, frames, 1, np.dtype(float), method)
    bits = convolution._digit_bits(plan)
    peak = 2.0 ** (bits - 1)
    if method == "partitioned":  # the terms of `oracle.of_partitions` for x and h of that peak
        first = plan.partitions[0][0]
        limit = 2 * (first + 1) * 2.0**-53 * peak * peak * first
        pieces = sum(count for _, count in plan.partitions)
        for size, count in plan.partitions:
            gains = count * peak * np.sqrt(4 * size) * peak * np.sqrt(size)
            limit += (oracle.TRANSFORM * np.log2(4 * size) + 2 * pieces) * 2.0**-53 * gains
        assert limit < 0.5
        return
    norms = peak * np.sqrt(2 * plan.nfft) * peak * np.sqrt(plan.taps)
    limit = oracle.TRANSFORM * 2.0**-53 * max(1, np.log2(plan.nfft)) * norms
    assert 2 * limit < 0.5  # twice: overlap-add adds two blocks


# --- dtypes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "h", "y"),
    [
        ("f4", "f4", "f4"), ("c8", "f4", "c8"), ("f4", "c8", "c8"), ("c8", "c8", "c8"),
        ("f8", "f4", "f8"), ("f4", "f8", "f8"), ("f8", "c8", "c16"), ("c16", "f4", "c16"),
        ("f2", "f2", "f8"), ("f2", "f4", "f8"), ("i2", "f4", "f8"), ("f4", "u1", "f8"),
        ("?", "f4", "f8"), ("i8", "c8", "c16"), ("i1", "u8", "i8"), ("?", "?", "i8"),
        (">f4", "<f4", "f4"), (">i4", "i2", "i8"), (">c8", "f4", "c8"), ("f2", "c8", "c16"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("taps", [2, 200])
def test_dtypes(x: str, h: str, y: str, taps: int) -> None:
    for mode in MODES:
        got = lti.convolve(np.ones(300, x), np.ones(taps, h), mode=mode)
        assert got.dtype == np.dtype(y)
        assert got.dtype.isnative
        assert lti.correlate(np.ones(300, x), np.ones(taps, h), mode=mode).dtype == np.dtype(y)
    score = lti.correlate(np.ones(300, x), np.ones(taps, h), normalize=True).dtype
    assert score == (np.dtype(y) if np.dtype(y).kind in "fc" else np.float64)


@pytest.mark.parametrize(("kind", "wide"), [("g", "g"), ("G", "G"), ("f4", "g"), ("c8", "G")])
def test_long_doubles_stay_long_by_definition(kind: str, wide: str) -> None:
    x = np.array([1, 2, 3], kind)
    h = np.array([1, 4 * np.finfo(np.longdouble).eps], "g")
    for method in ("direct", "auto"):
        y = lti.convolve(x, h, method=method)
        assert y.dtype == np.dtype(wide)
        assert y.shape == (4,)
        assert np.array_equal(y, np.convolve(x, h))
    assert y[1] - 2 == h[1]
    with pytest.raises(TypeError, match="has no long doubles; use method='direct'"):
        lti.convolve(x, h, method="fft")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("x", "h"), [([], [1.0]), ([1.0], []), (np.ones((0, 5)), [1.0])])
def test_nothing_is_refused(x: Any, h: Any, mode: str) -> None:
    for function in (lti.convolve, lti.correlate):
        with pytest.raises(ValueError, match="is empty"):
            function(x, h, mode=mode)


# --- normalised correlation ---------------------------------------------------------------------


@pytest.mark.parametrize("make", [noise, complex_noise])
@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize("method", [*METHODS, "auto"])
def test_a_perfect_match_scores_one_where_it_is(method: str, scale: float, make: Any) -> None:
    template = make(50)
    x = 0.1 * make(1000, seed=1) * scale
    x[400:450] = 3 * scale * template
    scores = lti.correlate(x, template, mode="valid", normalize=True, method=method)
    assert scores.shape == (951,)
    assert int(np.argmax(np.abs(scores))) == 400
    # score and norm err by the bound relative to the norm of all of x, which is at most 1.2
    # times that of the piece; three roundings follow
    assert abs(scores[400] - 1) <= 1.2 * oracle.TRANSFORM * 2.0**-53 * 11 + 200 * 2.0**-53
    assert (np.abs(scores) <= 1 + 1e-12).all()
    full = lti.correlate(x, -template, normalize=True, method=method)
    assert int(np.argmax(np.abs(full))) == 400 + 49
    assert full[449].real < -1 + 1e-12


def test_a_quiet_match_beside_a_loud_passage_scores_one() -> None:
    template = noise(50)
    x = np.zeros(1000)
    x[:200] = noise(200, seed=1)
    x[600:650] = 1e-6 * template
    scores = lti.correlate(x, template, mode="valid", normalize=True)
    # the loud passage is in the same transform: its norm is 1e6 * sqrt(200 / 50) times larger
    limit = 2e6 * 2 * oracle.TRANSFORM * 2.0**-53 * 11
    assert abs(scores[600] - 1) <= limit
    assert not scores[200:550].any()


def test_pieces_of_silence_score_zero_and_bad_ones_nan() -> None:
    template = noise(20)
    assert not lti.correlate(np.zeros(100), template, normalize=True).any()
    assert not lti.correlate(noise(100), np.zeros(5), normalize=True).any()
    x = noise(200)
    clean = lti.correlate(x, template, mode="valid", normalize=True)
    x[100] = np.nan
    scores = lti.correlate(x, template, mode="valid", normalize=True)
    assert np.flatnonzero(np.isnan(scores)).tolist() == list(range(81, 101))
    keep = ~np.isnan(scores)
    assert np.abs(scores - clean)[keep].max() <= 1e-12


def test_scores_of_rows() -> None:
    templates, x = noise(3, 20), noise(3, 100, seed=2)
    scores = lti.correlate(x.astype(np.float32), templates.astype(np.float32), normalize=True)
    assert scores.dtype == np.float32
    assert scores.shape == (3, 119)
    one = lti.correlate(x[1].astype("f4"), templates[1].astype("f4"), normalize=True)
    assert np.abs(scores[1] - one).max() <= 2.0**-23  # computed in double, rounded twice


# --- laws ---------------------------------------------------------------------------------------

ROWS = hnp.arrays(
    np.float64,
    st.integers(1, 80),
    elements=st.floats(-1e6, 1e6, allow_subnormal=False).filter(lambda v: v == 0 or abs(v) > 1e-6),
)
ANY = st.sampled_from(METHODS)


def room(*rows: np.ndarray) -> float:
    """Bound one convolution of rows, in one transform of at most 512 points for these sizes."""
    norms = np.prod([max(float(np.linalg.norm(row)), 1e-100) for row in rows])
    return float(oracle.TRANSFORM * 2.0**-53 * 9 * norms)


@given(x=ROWS, h=ROWS, method=ANY)
def test_full_convolution_is_commutative(x: np.ndarray, h: np.ndarray, method: str) -> None:
    one, other = lti.convolve(x, h, method=method), lti.convolve(h, x, method=method)
    # in double the direct bound, 2 (taps + 1) u |x| * |h|, may be larger than a transform's
    limit = 2 * np.maximum(room(x, h), oracle.of_direct(x, h, np.float64))
    assert (np.abs(one - other) <= limit).all()


@given(x=ROWS, h=ROWS, a=st.floats(-100, 100), method=ANY)
def test_convolution_is_linear(x: np.ndarray, h: np.ndarray, a: float, method: str) -> None:
    z = x[::-1] * 0.5
    one = lti.convolve(x + a * z, h, method=method)
    two = lti.convolve(x, h, method=method) + a * lti.convolve(z, h, method=method)
    size = np.abs(x) + abs(a) * np.abs(z)
    limit = 2 * np.maximum(room(size, h), oracle.of_direct(size, h, np.float64))
    # and the sums x + a z and y + a y themselves, two roundings each
    rounding = 4 * 2.0**-53 * np.convolve(size, np.abs(h)) + 1e-300
    assert (np.abs(one - two) <= limit + rounding).all()


@given(x=ROWS, h=ROWS, shift=st.integers(0, 70), method=ANY)
def test_convolution_commutes_with_shifts(
    x: np.ndarray, h: np.ndarray, shift: int, method: str
) -> None:
    late = np.r_[np.zeros(shift), x]
    one = lti.convolve(late, h, method=method)
    assert not one[:shift].any()
    limit = 2 * np.maximum(room(x, h), oracle.of_direct(x, h, np.float64))
    # a longer row: its direct sums have at most as many more terms, all zero
    assert (np.abs(one[shift:] - lti.convolve(x, h, method=method)) <= limit).all()


@given(x=ROWS, g=ROWS, h=ROWS, method=ANY)
def test_convolution_is_associative(
    x: np.ndarray, g: np.ndarray, h: np.ndarray, method: str
) -> None:
    one = lti.convolve(lti.convolve(x, g, method=method), h, method=method)
    two = lti.convolve(x, lti.convolve(g, h, method=method), method=method)
    # every error, the first convolution's too, is at most one bound of the sums of magnitudes:
    # |e * h| <= max |e| * sum |h|, and ||x * g|| <= ||x|| sum |g|
    sums = [float(np.abs(row).sum()) for row in (x, g, h)]
    terms = 2 * (min(x.size, g.size) + min(g.size, h.size) + 80 + 2) * 2.0**-53
    limit = (4 * oracle.TRANSFORM * 2.0**-53 * 9 + 2 * terms) * float(np.prod(sums)) + 1e-300
    assert np.abs(one - two).max() <= limit


@given(x=ROWS, h=ROWS, method=ANY)
def test_correlation_is_convolution_with_the_reverse(
    x: np.ndarray, h: np.ndarray, method: str
) -> None:
    z, w = x + 1j * x[::-1], h - 1j * h[::-1]
    for mode in MODES:
        one = lti.correlate(z, w, mode=mode, method=method)
        assert np.array_equal(one, lti.convolve(z, w[::-1].conj(), mode=mode, method=method))
    swapped = lti.correlate(w, z, method=method)[::-1].conj()
    limit = 2 * np.maximum(room(z, w), oracle.of_direct(z, w[::-1], np.float64))
    assert (np.abs(lti.correlate(z, w, method=method) - swapped) <= limit).all()


# --- peers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize(
    ("frames", "taps"), [(1000, 10), (5000, 5000), (50_000, 999), (99, 20_000)]
)
@pytest.mark.parametrize("method", [*METHODS, "auto"])
def test_oaconvolve_agrees(method: str, frames: int, taps: int, dtype: str) -> None:
    make = complex_noise if dtype.startswith("complex") else noise
    x, h = make(frames).astype(dtype), make(taps, seed=1).astype(dtype)
    y = lti.convolve(x, h, method=method)
    assert y.dtype == dtype
    close(y, scipy.signal.oaconvolve(x, h), x, h)
