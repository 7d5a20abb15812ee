"""Every engine passes the conformance suite; long signals, threads and backends change nothing"""

import threading
from typing import Any

import conformance
import numpy as np
import oracle
import pytest
import scipy.fft
import scipy.signal
from conformance import FLOATS, GRID, KINDS, Recorder

import ltisys as lti
from ltisys import planner, reach, spectra
from ltisys.convolution import _pairs
from ltisys.engines import ENGINES, direct

METHODS = sorted(ENGINES)
TRANSFORMS = [method for method in METHODS if method != "direct"]


# --- the suite, and its size: 4 engines make 44 000 cases ---------------------------------------


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("method", METHODS)
def test_values(method: str, dtype: str) -> None:
    sizes = 81 if dtype.startswith("float") else 41
    assert conformance.check_values(method, dtype) == 23 * sizes


@pytest.mark.parametrize("method", METHODS)
def test_dtypes(method: str) -> None:
    assert conformance.check_dtypes(method) == 19 * 81


@pytest.mark.parametrize("method", METHODS)
def test_layouts(method: str) -> None:
    assert conformance.check_layouts(method) == 4 * 2 * 11


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
@pytest.mark.parametrize("method", METHODS)
def test_protocol(method: str, dtype: str) -> None:
    blocks = 3 if method.startswith("overlap") else 1
    sizes = 81 if dtype.startswith("float") else 41
    assert conformance.check_protocol(method, dtype) == sizes * 8 * 2 * blocks


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_matrix_products_at_every_size(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The direct method sums small problems otherwise; here none is small, and all are cut up."""
    for name, value in (("SMALL", 0), ("DIRECT_TAPS", 0), ("MOST_TAPS", 50), ("STRIP", 64)):
        assert getattr(direct, name) > value
        monkeypatch.setattr(direct, name, value)
    assert conformance.check_values("direct", dtype) > 900


def test_every_kind_of_value_is_what_it_says() -> None:
    """So that no kind quietly becomes another, e.g. a scale of 1e-12 that rounds to silence."""
    made = {k: conformance.made(k, 129, 97, "float32", "float32")[:2] for k in KINDS}
    tiny = np.finfo(np.float32).smallest_normal
    assert len({(x.tobytes(), h.tobytes()) for x, h in made.values()}) == len(KINDS)
    assert 0 < np.abs(made["subnormal x"][0]).max() < tiny
    assert 0 < np.abs(made["subnormal h"][1]).min() < tiny
    assert np.count_nonzero(made["gap in x"][0] == 0) > 64
    assert np.isnan(made["a NaN in silence"][0]).sum() == 1
    assert {int(np.isinf(r).sum()) for r in made["an Inf in both"]} == {1}
    assert (1, 1) in GRID
    assert (129, 65) in GRID


# --- the oracle itself --------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_oracle_is_within_two_roundings_of_exact(dtype: str) -> None:
    x, h, y, _ = conformance.made("signs", 63, 65, dtype, dtype)
    exact = oracle.exact(oracle.fractions(x), oracle.fractions(h))
    size = np.convolve(np.abs(x), np.abs(h))
    errors = [abs(float(a - b)) for a, b in zip(exact, oracle.fractions(y), strict=True)]
    # each product rounds once to double (a product of floats not at all), their sum once
    assert (errors <= 2 * 2.0**-53 * size).all()


# --- long signals -------------------------------------------------------------------------------

FRAMES, TAPS, LOUD_FROM = 300_000, 5_000, 200_000


def quiet_then_loud() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return x with 200 000 frames at -180 dB before the loud rest, h, and x * h in double.

    The reference convolves both passages apart, so the loud one's rounding stays out of the
    quiet one's answer, where it has nothing to say.
    """
    rng = np.random.default_rng(5)
    x = rng.standard_normal(FRAMES).astype(np.float32)
    x[:LOUD_FROM] *= np.float32(1e-9)
    h = (rng.standard_normal(TAPS) * np.exp(-np.arange(TAPS) / 1000)).astype(np.float32)
    quiet, loud = (scipy.signal.oaconvolve(p.astype(float), h.astype(float)) for p in parts(x))
    return x, h, np.r_[quiet, np.zeros(FRAMES - LOUD_FROM)] + np.r_[np.zeros(LOUD_FROM), loud]


def parts(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return x[:LOUD_FROM], x[LOUD_FROM:]


@pytest.mark.parametrize("method", TRANSFORMS)
def test_long_signal_obeys_the_bound_of_its_blocks(method: str) -> None:
    x, h, want = quiet_then_loud()
    y = lti.convolve(x, h, method=method)
    assert y.shape == want.shape
    assert y.dtype == np.float32
    plan = planner.choose(FRAMES, TAPS, 1, y.dtype, method, None, None, TAPS)
    limit = oracle.of_transforms(x, h, plan, 0, y.size)
    # the reference: the same bound in double, of one block per passage at the most
    norms = [float(np.linalg.norm(part)) for part in parts(x)]
    double = oracle.TRANSFORM * 2.0**-53 * 20 * float(np.linalg.norm(h))
    slack = np.where(np.arange(y.size) < LOUD_FROM, norms[0], sum(norms)) * double
    assert (np.abs(y - want) <= limit + slack).all()


@pytest.mark.parametrize("method", ["overlap-save", "overlap-add", "direct"])
def test_quiet_passage_keeps_its_own_precision(method: str) -> None:
    x, h, want = quiet_then_loud()
    y = lti.convolve(x, h, method=method)
    plan = planner.choose(FRAMES, TAPS, 1, y.dtype, method, None, None, TAPS)
    # all but the last pair of blocks before the loud passage hold quiet frames only
    end = LOUD_FROM - (2 * plan.block_size + TAPS if plan.nfft else 0)
    assert end > LOUD_FROM // 2
    quiet = float(np.linalg.norm(x[:end])) * float(np.linalg.norm(h))
    error = np.abs(y - want)[:end].max()
    # one block's norm is at most the passage's; what a transform of everything would give is
    # the loud passage's norm instead, 1e9 times larger
    bits = np.log2(max(plan.nfft, 2))
    assert error <= oracle.TRANSFORM * 2.0**-24 * bits * quiet
    assert error < 1e-5 * np.abs(want[:end]).max()


@pytest.mark.parametrize("method", METHODS)
def test_bad_samples_in_a_long_signal_spoil_their_taps_only(method: str) -> None:
    rng = np.random.default_rng(6)
    x = rng.standard_normal((2, 100_000)).astype(np.float32)
    h = rng.standard_normal(500).astype(np.float32)
    clean = lti.convolve(x, h, method=method)
    x[0, [7, 50_000, 99_999]] = np.nan, np.inf, -np.inf
    y = lti.convolve(x, h, method=method)
    spoilt = np.zeros(y.shape, dtype=bool)
    for n in (7, 50_000, 99_999):
        spoilt[0, n : n + 500] = True
    assert np.array_equal(np.isnan(y), spoilt)
    assert np.isfinite(y[~spoilt]).all()
    assert np.array_equal(y[1], clean[1])
    away = np.r_[40_000:49_000, 60_000:90_000]
    plan = planner.choose(100_000, 500, 2, y.dtype, method, None, None, 500)
    x[~np.isfinite(x)] = 0
    limit = oracle.bound(x[0], h, plan, 0, y.shape[1])
    assert (np.abs(y - clean)[0, away] <= 2 * limit[away]).all()


@pytest.mark.parametrize("zeros", [0.2, 0.99])
@pytest.mark.parametrize("method", TRANSFORMS)
def test_silence_with_scattered_zeros_is_exact_and_quick(method: str, zeros: float) -> None:
    """Both signals of many runs: pairs of runs would be 10**8, too many to add up one by one."""
    rng = np.random.default_rng(7)
    x, h = (np.where(rng.random(n) < zeros, 0, rng.standard_normal(n)) for n in (120_000, 10_000))
    x[40_000:90_000] = 0
    y = lti.convolve(x, h, method=method)
    pairs = scipy.signal.oaconvolve((x != 0) * 1.0, (h != 0) * 1.0)
    silent = pairs < 0.5  # counts are integers, good to 1e-9
    assert silent[50_000:90_000].all()
    assert not y[silent].any()
    assert y[~silent].all()


@pytest.mark.parametrize("method", TRANSFORMS)
def test_silence_between_clicks_and_echoes_is_exact_and_quick(method: str) -> None:
    """Hundreds of gaps by hundreds of echoes: each gap would have to pass every echo."""
    x, h = np.zeros(150_000), np.zeros(100_000)
    x[::601] = 1.0
    h[::997] = np.random.default_rng(8).standard_normal(h[::997].size)
    y = lti.convolve(x, h, method=method)
    silent = scipy.signal.oaconvolve((x != 0) * 1.0, (h != 0) * 1.0) < 0.5
    assert silent.any()
    assert not y[silent].any()
    assert y[~silent].all()


@pytest.mark.parametrize("most", [0, 2, 256])
def test_the_outputs_that_nothing_reaches(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However soon the search gives up and counts, it finds them all and no others."""
    monkeypatch.setattr(reach, "MOST_STEPS", most)
    rng = np.random.default_rng(9)
    for _ in range(150):
        x, h = (np.where(rng.random(n) < rng.random(), 0, 1.0) for n in rng.integers(1, 400, 2))
        start = int(rng.integers(0, 5))
        pairs = np.convolve(x, h)[start:]
        mask = reach.silent_outputs(x, h, start, pairs.size, _pairs)
        np.testing.assert_array_equal(pairs == 0, False if mask is None else mask)


# --- transforms in two passes -------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("least", [spectra.SPLIT_FROM, 600_001])
def test_split_transforms_convolve(least: int, dtype: str) -> None:
    nfft = spectra.good_size(least)
    assert spectra.split(nfft) is not None
    rng = np.random.default_rng(8)
    rows = rng.standard_normal((2, nfft)) + 1j * rng.standard_normal((2, nfft))
    h = rng.standard_normal(nfft) + 1j * rng.standard_normal(nfft)
    rows, h = rows.astype(dtype), (h / nfft).astype(dtype)
    wide = np.result_type(dtype, np.clongdouble)
    want = scipy.fft.ifft(scipy.fft.fft(rows.astype(wide)) * scipy.fft.fft(h.astype(wide))) * nfft
    got = spectra.inverse(spectra.forward(rows.copy()) * spectra.forward(h.copy()))
    assert got.shape == want.shape
    assert got.dtype == dtype
    norms = np.linalg.norm(rows, axis=1, keepdims=True) * np.linalg.norm(h) * nfft
    # once for ours, once for the reference where a long double is no longer than a double
    limit = 2 * oracle.TRANSFORM * oracle.roundoff(dtype) * np.log2(nfft) * norms
    assert (np.abs(got - want) <= limit).all()


@pytest.mark.parametrize("least", [spectra.SPLIT_FROM, 1 << 20, 3_000_000])
def test_good_sizes_of_two_passes(least: int) -> None:
    nfft = spectra.good_size(least)
    sides = spectra.split(nfft)
    assert sides is not None
    assert sides[0] * sides[1] == nfft >= least
    assert sides[0] <= sides[1] <= 4 * sides[0]
    assert nfft < 1.05 * least


# --- threads ------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [(), (3,)])
@pytest.mark.parametrize("method", METHODS)
def test_any_number_of_workers_gives_the_same_bits(method: str, rows: tuple[int, ...]) -> None:
    rng = np.random.default_rng(9)
    x = rng.standard_normal((*rows, 300_000)).astype(np.float32)
    h = rng.standard_normal((*rows, 700)).astype(np.float32)
    one = lti.convolve(x, h, method=method, workers=1)
    for workers in (2, 3):
        assert np.array_equal(one, lti.convolve(x, h, method=method, workers=workers))


@pytest.mark.parametrize("method", METHODS)
def test_workers_share_the_outputs_of_a_matrix(method: str) -> None:
    rng = np.random.default_rng(10)
    x = rng.standard_normal((2, 200_000)).astype(np.float32)
    h = rng.standard_normal((4, 300)).astype(np.float32)
    paths = ((0, 0, 0), (0, 1, 1), (1, 0, 2), (1, 1, 3))
    answers = []
    for workers in (1, 2, 3):
        plan = lti.plan(frames=200_000, taps=300, channels=2, method=method, workers=workers)
        out = np.full((2, 200_299), np.nan, dtype=np.float32)
        ENGINES[method].run(x, ENGINES[method].prepare(h, plan), paths, plan, 0, out)
        answers.append(out)
    assert np.array_equal(answers[0], answers[1])
    assert np.array_equal(answers[0], answers[2])


def test_an_error_in_a_thread_is_raised_and_stops_the_rest() -> None:
    done = []

    def begin() -> Any:
        def work(task: int) -> None:
            if task == 3:
                raise KeyboardInterrupt
            done.append(task)

        return work

    with pytest.raises(KeyboardInterrupt):
        spectra.parallel(begin, range(10_000_000), 2)
    assert len(done) < 9_999_999


# --- backends -----------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("method", TRANSFORMS)
def test_backends_of_scipy_fft_are_used_in_every_thread(method: str, workers: int) -> None:
    x = np.random.default_rng(11).standard_normal((16, 100_000)).astype(np.float32)
    recorder = Recorder()
    with scipy.fft.set_backend(recorder):
        assert spectra.active_backend() == "Recorder"
        lti.convolve(x, np.ones(300, np.float32), method=method, workers=workers)
    real = method in ("fft", "partitioned")
    assert set(recorder.calls) == ({"rfft", "irfft"} if real else {"fft", "ifft"})
    assert recorder.dtypes <= {"float32", "complex64"}, "float32 is not to be widened"
    if workers == 1:
        assert recorder.threads == {threading.get_ident()}
    else:
        assert recorder.threads - {threading.get_ident()}
    assert spectra.active_backend() != "Recorder"
