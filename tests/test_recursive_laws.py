"""Every law of the README, for recursive systems, compositions and loops of every kind"""

import copy
import time
from typing import Any

import numpy as np
import pytest
import streams
from models import Rows
from recursive import CASES, EVERY, FRAMES, HEARD, Case

import ltisys as lti
from ltisys.loops import Feedback

DTYPES = ("float32", "float64")
METHODS = ("auto", "direct", "fft", "overlap-add", "overlap-save", "partitioned")

# --- what it tells of itself (3) ----------------------------------------------------------------


@EVERY
def test_the_impulse_response_is_the_answer_to_an_impulse(case: Case) -> None:
    system = case.system
    h = system.impulse_response()
    assert h.shape == (*system.rows, case.extent)
    assert h.dtype == np.float64
    for frames in (1, 7, HEARD):
        short = system.impulse_response(frames)
        assert short.shape == (*system.rows, frames)
    n = min(HEARD, case.extent)
    if len(system.rows) == 2:
        for i in range(system.rows[1]):
            x = np.zeros((system.rows[1], n))
            x[i, 0] = 1
            answered = system(x, tail=False)
            assert np.abs(h[:, i, :n] - answered).max() <= 1e-13 * np.abs(h).max()
    else:
        answered = system(np.eye(1, n)[0], tail=False)
        assert np.abs(h[..., :n] - answered).max() <= 1e-13 * np.abs(h).max()


@EVERY
def test_the_extent_is_where_it_sinks_below_180_dB(case: Case) -> None:
    """Of loops of several inputs to 2 %: all are heard at once, with a weight each."""
    frames = min(3 * case.extent + 2000, 1 << 20)
    size = np.abs(case.system.impulse_response(frames)).reshape(-1, frames).max(axis=0)
    loud = np.flatnonzero(size >= 1e-9 * size.max()) if size.any() else np.zeros(1, int)
    several = isinstance(case.system, Feedback) and len(case.system.rows) == 2
    assert abs(case.extent - loud[-1] - 1) <= several * 0.02 * case.extent


@EVERY
def test_the_frequency_response_is_that_of_the_impulse_response(case: Case) -> None:
    cycles = np.array([0.0, 1e-4, 0.01, 0.1, 0.2, 0.25, 0.3333, 0.49, 0.5])
    freqs, response = case.system.frequency_response(cycles)
    assert np.array_equal(freqs, cycles)
    assert response.shape == (*case.system.rows, cycles.size)
    assert response.dtype == np.complex128
    h = case.system.impulse_response(2 * case.extent + 50)
    want = lti.FIR(h).frequency_response(cycles)[1]
    # from twice the extent on it lies 360 dB down, but for gains of poles that lie together
    limit = 1e-9 if case.roots else 1e-12
    assert np.abs(response - want).max() <= limit * np.abs(h).sum(axis=-1).max() + 1e-15


@EVERY
def test_lead_latency_and_the_rest(case: Case) -> None:
    system = case.system
    h = system.impulse_response(HEARD).reshape(-1, HEARD)
    sounding = np.flatnonzero((h != 0).any(axis=0))
    assert system.lead >= 0
    assert not h[:, : system.lead].any()
    if not case.roots and sounding.size:
        assert system.lead == sounding[0]
    assert system.latency == 0
    assert system.stable
    assert system.taps is None
    assert system.tail is None
    assert system.fs is None
    assert "UNSTABLE" not in repr(system)


# --- every method is the definition (4) -----------------------------------------------------------


@EVERY
@pytest.mark.parametrize("method", METHODS)
def test_every_method_agrees_with_the_definition(case: Case, method: Any) -> None:
    """Convolution lacks what lies beyond the extent, 180 dB down, and errs by its own bound."""
    system, x = case.system, case.given("float64")
    end = case.extent
    peak = np.abs(system.impulse_response()).max()
    norms = np.linalg.norm(x) * np.linalg.norm(system.impulse_response())
    extra = 0.0
    if method not in ("auto", "direct"):
        extra = 2e-9 * peak * np.abs(x).sum() + 20 * 2.0**-53 * 24 * norms
    case.near(system(x, method=method), "float64", extra)
    assert system(x, method=method).shape[-1] == FRAMES + end - 1
    y = system(x, method=method, tail=False)
    assert y.shape[-1] == FRAMES
    case.near(y, "float64", extra)


@pytest.mark.parametrize("name", ["Butterworth 5", "sections, rows", "echo"])
def test_an_unknown_method_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="method='ola' must be one of"):
        CASES[name].system([1.0], method="ola")  # type: ignore[arg-type]


# --- rows (5), inputs (6) -------------------------------------------------------------------------


@EVERY
def test_rows_are_independent(case: Case) -> None:
    system = case.system
    batch = np.stack([case.x, -2 * case.x[:, ::-1], 0 * case.x, 1e3 * case.x]).astype(float)
    y = system(batch, tail=False)
    outputs = system.outputs_of(case.channels)
    assert y.shape == (4, outputs, FRAMES)
    assert not y[2].any()
    bound = case.bound("float64").max()
    for each, x in zip(y, batch, strict=True):
        limit = 2e3 * bound if system.rows == () and not isinstance(system, lti.IIR) else 0
        assert np.abs(each - system(x, tail=False)).max() <= limit
    if not system.rows:
        alone = [system(row, tail=False) for row in batch.reshape(-1, FRAMES)]
        assert np.abs(y - np.reshape(alone, y.shape)).max() <= 2e3 * bound


def layouts(x: Rows) -> dict[str, Any]:
    wide = np.zeros((*x.shape, 2))
    wide[..., 0] = x
    frozen = x.copy()
    frozen.setflags(write=False)
    return {
        "big-endian double": x.astype(">f8"),
        "big-endian single": x.astype(">f4"),
        "non-contiguous": wide[..., 0],
        "backwards": np.ascontiguousarray(x[..., ::-1])[..., ::-1],
        "column-major": np.asfortranarray(x),
        "read-only": frozen,
        "half": x.astype(np.float16),
        "int16": (1000 * x).astype(np.int16),
        "int64": (1000 * x).astype(np.int64),
        "uint8": (10 * np.abs(x)).astype(np.uint8),
        "bool": x > 0,
        "long double": x.astype(np.longdouble),
        "single complex": (x + 1j * x[..., ::-1]).astype(np.complex64),
        "complex": x + 1j * x[..., ::-1],
        "long complex": (x + 1j * x[..., ::-1]).astype(np.clongdouble),
        "list": x.tolist(),
    }


@EVERY
def test_any_numbers_are_taken_and_none_is_changed(case: Case) -> None:
    system, x = case.system, case.x.astype(float)
    for what, given in layouts(x).items():
        before, flags = copy.deepcopy(given), getattr(given, "flags", None)
        kept = str(flags)
        y = system(given, tail=False)
        assert np.array_equal(np.asarray(given), np.asarray(before)), what
        assert np.asarray(given).dtype == np.asarray(before).dtype
        assert str(getattr(given, "flags", None)) == kept
        real = np.asarray(given).dtype.kind != "c"
        single = what in ("big-endian single", "single complex")
        dtype = np.dtype("f4" if single else "f8") if real else np.dtype("c8" if single else "c16")
        assert y.dtype == dtype, what
        assert y.dtype.isnative
        wide = np.asarray(given).astype(complex)
        want = system(wide.real.astype(float), tail=False)
        want = want + 1j * system(wide.imag.astype(float), tail=False)
        limit = case.bound("float32" if single else "float64").max() * 4e3
        assert np.abs(y - want).max() <= limit, what


@EVERY
def test_blocks_of_any_floats_are_taken_and_none_is_changed(case: Case) -> None:
    x = case.x
    kinds = ("big-endian double", "big-endian single", "non-contiguous", "read-only", "long double")
    for what in kinds:
        given = layouts(x)[what][..., :64]
        before = given.copy()
        stream = case.system.stream(block_size=64, channels=case.channels)
        case.near(stream.push(given), "float32")
        assert np.array_equal(given, before)
    out = np.full((case.system.outputs_of(case.channels), 64), np.nan, np.float32)
    stream = case.system.stream(block_size=64, channels=case.channels)
    assert stream.push(x[:, :64], out=out) is out
    case.near(out, "float32")
    if case.system.outputs_of(case.channels) == case.channels:
        stream.reset()
        place = x[:, :64].copy()
        stream.push(place, out=place)
        case.near(place, "float32")


@EVERY
def test_what_an_answer_returns_is_the_callers(case: Case) -> None:
    """Scribbling over any array handed out changes nothing later."""
    x = case.given("float64")
    first = case.system(x, tail=False)
    want = first.copy()
    h = case.system.impulse_response(50)
    first[...] = np.nan
    h[...] = np.nan
    assert np.array_equal(case.system(x, tail=False), want)
    stream = case.system.stream(block_size=16, channels=case.channels)
    y = []
    for block in streams.cuts(case.x, [16] * 4):
        mine = block.copy()
        answered = stream.push(mine)
        y.append(answered.copy())
        answered[...] = np.nan
        mine[...] = np.nan
    case.near(np.concatenate(y, axis=1), "float32")


# --- silence (8) ----------------------------------------------------------------------------------


@EVERY
def test_silence_is_silent_until_sound_reaches_it(case: Case) -> None:
    late = 90
    x = np.concatenate([np.zeros((case.channels, late), np.float32), case.x], axis=1)
    lead = late + case.system.lead
    paths = case.system.paths(case.channels)
    for method in METHODS:
        y = np.atleast_2d(case.system(x if len(x) > 1 else x[0], method=method))  # type: ignore[arg-type]
        assert not y[:, :lead].any(), method
        assert not y[~paths.any(axis=1)].any()
    stream = case.system.stream(block_size=32, channels=case.channels)
    y = np.concatenate([stream.push(b) for b in streams.cuts(x, [31, 1, 64])], axis=1)
    assert not y[:, :lead].any()
    for i in range(case.channels):  # one channel alone: what does not hear it is silent
        alone = np.zeros_like(x)
        alone[i] = x[i]
        y = case.system(alone if len(x) > 1 else alone[0])
        assert not np.atleast_2d(y)[~paths[:, i]].any()


@EVERY
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_tail_fades_to_silence_without_subnormals(case: Case, dtype: str) -> None:
    """A tail that sinks by 180 dB in `extent` frames is gone, 4000 dB down, 22 extents later.

    Single precision has no more than 900 dB. Twice as long, for poles that lie together.
    """
    turns = 45 if dtype == "float64" else 12
    frames = turns * case.extent + 4000
    block = 1024
    stream = case.system.stream(block_size=block, channels=case.channels, dtype=dtype)
    stream.push(case.x.astype(dtype))
    zeros = np.zeros((case.channels, block), dtype)
    tiny, subnormal, y = np.finfo(dtype).tiny, 0, zeros
    for _ in range(frames // block + 1):
        y = stream.push(zeros)
        subnormal += np.count_nonzero((np.abs(y) < tiny) & (y != 0))
    assert not y.any()
    if dtype == "float64":
        assert subnormal <= block * stream.outputs


@pytest.mark.slow  # timed: another program in the way would fail it
@pytest.mark.parametrize("name", ["Butterworth 8", "high Q", "echo", "network", "sections, taps"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_fading_tail_takes_no_longer_than_sound(name: str, dtype: str) -> None:
    """Arithmetic with subnormal numbers is 20 to 40 times slower: a factor 4 tells it apart."""
    case = CASES[name]
    stream = case.system.stream(block_size=256, channels=case.channels, dtype=dtype)
    x = np.random.default_rng(1).standard_normal((case.channels, 256)).astype(dtype)
    zeros = np.zeros_like(x)

    def took(block: Rows) -> float:
        start = time.perf_counter()
        stream.push(block)
        return time.perf_counter() - start

    sound = min(took(x) for _ in range(200))
    tail = [took(zeros) for _ in range(min(4000, 40 * case.extent // 256 + 50))]
    worst = max(min(tail[i : i + 25]) for i in range(0, len(tail) - 25, 25))
    assert worst < 4 * sound + 20e-6


def test_gaps_of_silence_hold_no_subnormals() -> None:
    """Arithmetic with them is 20 to 40 times slower: a state that fades counts as silence."""
    system = CASES["Butterworth 8"].system
    gaps = np.random.default_rng(1).standard_normal(1 << 18)
    gaps.reshape(-1, 1 << 14)[:, 1 << 13 :] = 0
    sparse = np.zeros(1 << 18)
    sparse[:: 1 << 14] = 1.0
    for x in (gaps, sparse):
        y = system(x, tail=False)
        assert not ((np.abs(y) < np.finfo(float).tiny) & (y != 0)).any()


# --- bad samples (9) ------------------------------------------------------------------------------


@EVERY
def test_a_bad_sample_spoils_what_hears_it_and_no_more(case: Case) -> None:
    bad = (np.nan, np.inf, -np.inf)[len(case.name) % 3]
    at, end = 40, case.extent
    channel = case.channels - 1
    hears = case.system.paths(case.channels)[:, channel]
    x = case.x.copy()
    x[channel, at] = 0
    clean = np.atleast_2d(case.system(x if len(x) > 1 else x[0]))
    x[channel, at] = bad
    nan = np.zeros(clean.shape, dtype=bool)
    nan[hears, at : at + end] = True
    want = np.where(nan, np.nan, clean)
    for method in ("auto", "fft"):
        y = np.atleast_2d(case.system(x if len(x) > 1 else x[0], method=method))  # type: ignore[arg-type]
        assert np.array_equal(np.isnan(y), nan), method
        if method == "auto":
            assert np.array_equal(y, want, equal_nan=True)
    stream = case.system.stream(block_size=16, channels=case.channels)
    y = np.concatenate([stream.push(b) for b in streams.cuts(x, [16] * 20)], axis=1)
    assert np.array_equal(np.isnan(y), nan[:, :FRAMES])
    error = np.abs(np.where(np.isnan(y), 0, y) - np.where(nan, 0, clean)[:, :FRAMES])
    assert (error <= case.apart("float32")).all()
    if end < 30_000:
        longer = np.concatenate(
            [stream.push(np.zeros((case.channels, 64), "f4")) for _ in range(end // 64 + 2)], axis=1
        )
        assert np.isfinite(longer[:, end:]).all()


def test_what_an_unstable_system_hears_it_never_forgets() -> None:
    system = lti.IIR.from_ba([1.0], [1.0, -1.5])
    y = system([1.0, np.nan, 1.0, 1.0], tail=False)
    assert np.array_equal(np.isnan(y), [False, True, True, True])
    stream = system.stream(dtype="float64")
    assert np.isnan(stream.push([np.nan, 0.0])).all()
    assert np.isnan(stream.push(np.zeros(1000))).all()
    stream.reset()
    assert stream.push([1.0, 0.0]).tolist() == [1.0, 1.5]


# --- levels (10) ----------------------------------------------------------------------------------


@EVERY
def test_the_level_of_the_answer_is_that_of_the_input(case: Case) -> None:
    """Times a power of two, every rounding is the same: not a bit differs from 1e-12 to 1e12."""
    x = case.given("float64")
    want = case.system(x, tail=False)
    for scale in (2.0**-40, 2.0**40):
        assert np.array_equal(case.system(scale * x, tail=False), scale * want)
    want = case.system(x.astype(np.float32), tail=False)
    for scale in (2.0**-40, 2.0**40):
        y = case.system((scale * x).astype(np.float32), tail=False)
        # apart from what counts as silence
        assert np.abs(y / scale - want).max() <= 2e-31 * 2.0**40 * 1e3


# --- told by the checks -------------------------------------------------------------------------

CHECKED = ("high Q by Nyquist", "Butterworth 8", "short loop 0", "taps, sections", "echo")
MONO = [name for name, case in CASES.items() if case.channels == 1]


def found_lti(name: str, system: Any) -> None:
    report = lti.check(system, trials=15)
    assert report, (name, report)
    assert report["causal"].holds
    assert report["stable"].holds


@pytest.mark.parametrize("name", CHECKED)
def test_checks_find_it_linear_and_time_invariant(name: str) -> None:
    found_lti(name, CASES[name].system)


@pytest.mark.slow
@pytest.mark.parametrize("name", MONO)
def test_checks_find_all_of_them_linear_and_time_invariant(name: str) -> None:
    system = CASES[name].system
    found_lti(name, system)
    found_lti(name, lambda x: system(x))
    found_lti(name, lambda x: _streamed(system, x))


def _streamed(system: lti.System, x: Rows) -> Rows:
    stream = system.stream(block_size=64, dtype="float64")
    return np.concatenate([stream.push(x), stream.flush()], axis=-1)


def test_checks_find_fault_with_a_clipped_one() -> None:
    system = CASES["Butterworth 3"].system
    assert not lti.check(lambda x: np.clip(system(x), -0.5, 0.5), trials=15)["linear"].holds
