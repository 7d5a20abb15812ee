"""FIR systems: shapes, algebra, rates, responses, and that nothing is computed twice"""

from pathlib import Path
from typing import Any

import numpy as np
import oracle
import pytest
import scipy.fft
import scipy.signal
from conformance import Recorder
from hypothesis import given
from hypothesis import strategies as st

import ltisys as lti

Shape = tuple[int, ...]


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def close(y: np.ndarray, want: np.ndarray, *factors: np.ndarray) -> None:
    """Check shape, then values to 20 u log2(4096) of the product of the factors' sums.

    The sum of magnitudes bounds every norm on the way, of whatever is convolved with whatever,
    and of up to four rows added up; both sides took up to two convolutions each.
    """
    assert y.shape == want.shape
    assert y.dtype == want.dtype
    size = float(np.prod([np.abs(f).sum() for f in factors]))
    limit = 4 * oracle.TRANSFORM * oracle.roundoff(y.dtype) * 12 * size
    assert np.abs(y - want).max() <= limit


# --- the three shapes ---------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["auto", "direct", "fft", "overlap-add", "overlap-save"])
@pytest.mark.parametrize("x_shape", [(90,), (1, 90), (2, 90), (5, 3, 90)])
def test_one_row_filters_every_channel_alike(x_shape: Shape, method: str) -> None:
    x, h = noise(*x_shape), noise(30)
    want = np.apply_along_axis(lambda row: np.convolve(row, h), -1, x)
    close(lti.FIR(h)(x, method=method), want, h, x)
    close(lti.FIR(h[None])(x, method=method), want, h, x)
    close(lti.FIR(h)(x, tail=False, method=method), want[..., :90], h, x)


@pytest.mark.parametrize("method", ["auto", "direct", "fft", "overlap-add", "overlap-save"])
def test_rows_filter_channel_by_channel_and_spread_mono(method: str) -> None:
    h = noise(3, 30)
    system = lti.FIR(h)
    x = noise(4, 3, 90)
    want = np.stack([[np.convolve(x[b, c], h[c]) for c in range(3)] for b in range(4)])
    close(system(x, method=method), want, h, x)
    close(system(x[1], method=method), want[1], h, x)
    for mono in (x[0, 0], x[0, :1], x[:1, :1]):
        spread = np.stack([np.convolve(x[0, 0], row) for row in h])
        want = spread if mono.ndim < 3 else spread[None]
        close(system(mono, method=method), want, h, x)


@pytest.mark.parametrize("method", ["auto", "direct", "fft", "overlap-add", "overlap-save"])
@pytest.mark.parametrize(("outputs", "inputs"), [(2, 2), (1, 2), (3, 1), (2, 3), (1, 1)])
def test_a_matrix_sums_over_its_inputs(outputs: int, inputs: int, method: str) -> None:
    h, x = noise(outputs, inputs, 30), noise(4, inputs, 90)
    want = np.zeros((4, outputs, 119))
    for b, o, i in np.ndindex(4, outputs, inputs):
        want[b, o] += np.convolve(x[b, i], h[o, i])
    close(lti.FIR(h)(x, method=method), want, h, x)
    close(lti.FIR(h)(x[2], tail=False, method=method), want[2, :, :90], h, x)
    if inputs == 1:
        close(lti.FIR(h)(x[2, 0], method=method), want[2], h, x)


def test_true_stereo_has_the_order_of_the_file() -> None:
    """LL, LR, RL, RR, the first letter the input."""
    file = np.diag([1.0, 2.0, 3.0, 4.0])
    system = lti.FIR(file, fs=48_000).matrix()
    assert system.h.shape == (2, 2, 4)
    y = system(np.array([[1.0], [10.0]]))
    assert y.tolist() == [[1, 0, 30, 0], [0, 2, 0, 40]]
    assert system.fs == 48_000


# --- values -------------------------------------------------------------------------------------


def test_a_system_is_a_value_of_its_own() -> None:
    h = noise(2, 9)
    system = lti.FIR(h, fs=48_000)
    h[:] = 0
    assert system.h.any()
    with pytest.raises(ValueError, match="read-only"):
        system.h[0] = 0
    for name in ("h", "fs", "taps", "latency", "tail"):
        with pytest.raises(AttributeError):
            setattr(system, name, 1)
    assert (system.taps, system.tail, system.latency, system.fs) == (9, 8, 0, 48_000)
    assert system.to_fir() is system


def test_equal_systems_are_equal_and_hash_alike() -> None:
    a = lti.FIR([1.0, 0.0, -2.0], fs=48_000)
    same = [
        lti.FIR(np.array([1, 0, -2]), fs=48_000.0),
        lti.FIR([1.0, -0.0, -2.0], fs=48_000),
        lti.FIR(np.array([1, 0, -2], np.float32), fs=48_000),
        lti.FIR(np.array([1, 0, -2], np.complex64), fs=48_000),
    ]
    for b in same:
        assert a == b
        assert hash(a) == hash(b)
    others = [
        lti.FIR([1.0, 0.0, -2.0]),
        lti.FIR([1.0, 0.0, -2.0], fs=44_100),
        lti.FIR([1.0, 0.0, -2.0, 0.0], fs=48_000),
        lti.FIR([[1.0, 0.0, -2.0]], fs=48_000),
        lti.FIR([1.0, 0.0, -2.0], fs=48_000, latency=1),
        [1.0, 0.0, -2.0],
    ]
    assert all(a != b for b in others)


@pytest.mark.parametrize(
    ("h", "fs", "text"),
    [
        ([1.0], None, "FIR(1 tap)"),
        (np.ones(1234), 48_000, "FIR(1,234 taps, 0.0257 s at 48000 Hz)"),
        (np.ones((2, 9)), None, "FIR(2 channels, 9 taps)"),
        (np.ones((2, 3, 9)), 44_100, "FIR(2 outputs x 3 inputs, 9 taps, 0.000204 s at 44100 Hz)"),
    ],
)
def test_repr_is_one_line(h: Any, fs: float | None, text: str) -> None:
    assert repr(lti.FIR(h, fs=fs)) == text


def test_impulse_response_is_the_answer_to_an_impulse() -> None:
    for shape in ((9,), (2, 9), (2, 1, 9)):
        system = lti.FIR(noise(*shape))
        answer = system.impulse_response()
        assert np.array_equal(answer, system.h)
        assert answer.flags.writeable
        want = system.h if len(shape) < 3 else system.h[:, 0]
        assert np.array_equal(system(lti.impulse(1)), want)
        longer, shorter = system.impulse_response(20), system.impulse_response(4)
        assert np.array_equal(longer[..., :9], system.h)
        assert not longer[..., 9:].any()
        assert np.array_equal(shorter, system.h[..., :4])


def test_gain_and_delay() -> None:
    x = noise(2, 50)
    assert np.array_equal(lti.gain(0.5)(x), 0.5 * x)
    assert np.array_equal(lti.gain(db=-20)(x), 0.1 * x)
    assert np.array_equal(lti.gain(-1)(x), -x)
    assert np.array_equal(lti.gain(1j)(x), 1j * x)
    for frames in (0, 1, 7, 1000):
        late = lti.delay(frames, fs=8000)
        assert (late.taps, late.fs) == (frames + 1, 8000)
        assert np.array_equal(late(x), np.pad(x, ((0, 0), (frames, 0))))


@pytest.mark.parametrize("method", ["auto", "direct", "fft", "overlap-add", "overlap-save"])
@pytest.mark.parametrize(
    ("h", "x", "y"),
    [("f8", "f4", "f4"), ("f4", "f8", "f8"), ("f4", "i2", "f8"), ("c8", "f4", "c8"),
     ("f8", "c8", "c8"), ("c16", "f8", "c16"), ("f8", "f2", "f8"), ("f8", ">f4", "f4")],
)  # fmt: skip
def test_answers_have_the_precision_of_the_signal(h: str, x: str, y: str, method: str) -> None:
    signal = noise(100).astype(x)
    before = signal.tobytes(), signal.dtype, signal.flags.writeable
    got = lti.FIR(noise(20).astype(h))(signal, method=method)
    assert got.dtype == np.dtype(y)
    assert before == (signal.tobytes(), signal.dtype, signal.flags.writeable)


# --- algebra ------------------------------------------------------------------------------------

# inputs and outputs of each shape of h; None for any number
SHAPES: list[Shape] = [(7,), (1, 5), (2, 6), (2, 2, 7), (1, 2, 4), (2, 1, 3), (3, 2, 5), (2, 3, 1)]


def answer(system: Any, x: np.ndarray) -> np.ndarray | None:
    """Return the answer, or None if x does not fit."""
    try:
        return np.asarray(system(x))
    except ValueError:
        return None


def joined(join: Any) -> lti.FIR | None:
    try:
        return join()
    except lti.MismatchError:
        return None


@given(
    first=st.sampled_from(SHAPES),
    second=st.sampled_from(SHAPES),
    channels=st.integers(1, 3),
    batch=st.sampled_from([(), (2,)]),
    dtype=st.sampled_from(["float32", "float64", "complex128"]),
)
def test_series(first: Shape, second: Shape, channels: int, batch: Shape, dtype: str) -> None:
    a, b = (lti.FIR(noise(*s, seed=i).astype(dtype)) for i, s in enumerate((first, second)))
    x = noise(*batch, channels, 40).astype(dtype)
    between = answer(a, x)
    want = None if between is None else answer(b, between)
    both = joined(lambda: a >> b)
    if both is None:
        assert want is None
        return
    assert both.taps == a.taps + b.taps - 1
    if want is not None and not spreads_into_matrix(first, second, channels):
        close(both(x), want, a.h, b.h, x)


def spreads_into_matrix(first: Shape, second: Shape, channels: int) -> bool:
    """A channel-by-channel system before a matrix is a matrix, which spreads no mono signal."""
    return len(first) == 2 and len(second) == 3 and first[0] > channels == 1


@given(
    first=st.sampled_from(SHAPES),
    second=st.sampled_from(SHAPES),
    channels=st.integers(1, 3),
    dtype=st.sampled_from(["float32", "float64", "complex128"]),
)
def test_parallel(first: Shape, second: Shape, channels: int, dtype: str) -> None:
    a, b = (lti.FIR(noise(*s, seed=i).astype(dtype)) for i, s in enumerate((first, second)))
    x = noise(channels, 40).astype(dtype)
    apart = [answer(a, x), answer(b, x)]
    for sign, both in ((1, joined(lambda: a + b)), (-1, joined(lambda: a - b))):
        if both is None or apart[0] is None or apart[1] is None:
            continue
        assert both.taps == max(a.taps, b.taps)
        frames = 40 + both.taps - 1
        rows = np.broadcast_shapes(apart[0].shape[:-1], apart[1].shape[:-1])
        want = np.zeros((*rows, frames), dtype=dtype)
        want[..., : apart[0].shape[-1]] += apart[0]
        want[..., : apart[1].shape[-1]] += sign * apart[1]
        close(both(x), want, np.r_[a.h.ravel(), b.h.ravel()], x)


def test_systems_that_fit_can_be_joined() -> None:
    """So that the laws above are not kept by refusing everything."""

    def size(join: Any) -> Shape | None:
        system = joined(join)
        return None if system is None else system.h.shape[:-1]

    series = {
        ((7,), (7,)): (), ((7,), (2, 6)): (2,), ((2, 6), (7,)): (2,), ((1, 5), (2, 6)): (2,),
        ((2, 6), (2, 6)): (2,), ((2, 6), (2, 2, 7)): (2, 2), ((7,), (2, 2, 7)): (2, 2),
        ((1, 5), (2, 2, 7)): (2, 2), ((2, 2, 7), (2, 6)): (2, 2), ((2, 2, 7), (1, 5)): (2, 2),
        ((2, 1, 3), (1, 2, 4)): (1, 1), ((1, 2, 4), (2, 1, 3)): (2, 2),
        ((1, 2, 4), (2, 6)): (2, 2), ((3, 2, 5), (2, 3, 1)): (2, 2), ((2, 3, 1), (3, 2, 5)): (3, 3),
        ((1, 2, 4), (2, 2, 7)): None, ((2, 2, 7), (2, 1, 3)): None, ((2, 6), (2, 1, 3)): None,
        ((3, 2, 5), (2, 6)): None,
    }  # fmt: skip
    for (a, b), shape in series.items():
        assert size(lambda: lti.FIR(noise(*a)) >> lti.FIR(noise(*b))) == shape, (a, b)  # noqa: B023
    parallel = {
        ((7,), (7,)): (), ((7,), (2, 6)): (2,), ((1, 5), (2, 6)): (2,), ((7,), (2, 2, 7)): (2, 2),
        ((2, 2, 7), (2, 6)): (2, 2), ((1, 5), (2, 2, 7)): (2, 2), ((3, 2, 5), (3, 2, 5)): (3, 2),
        ((1, 2, 4), (7,)): None, ((2, 2, 7), (1, 2, 4)): None, ((2, 1, 3), (2, 2, 7)): None,
        ((3, 2, 5), (2, 6)): None,
    }  # fmt: skip
    for (a, b), shape in parallel.items():
        assert size(lambda: lti.FIR(noise(*a)) + lti.FIR(noise(*b))) == shape, (a, b)  # noqa: B023


@pytest.mark.parametrize("factor", [2, -0.5, 0.1j, np.float32(0.1), np.float64(0.1), 0])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
def test_gain_is_a_factor_of_the_response(factor: Any, dtype: str) -> None:
    a = lti.FIR(noise(2, 9).astype(dtype), fs=8000)
    want = a.h * complex(factor)
    for system in (factor * a, a * factor):
        assert isinstance(system, lti.FIR)
        assert system.fs == 8000
        # one rounding of the factor, one of the product (two for a complex one)
        precision = oracle.roundoff(dtype)
        assert (np.abs(system.h - want) <= 4 * precision * np.abs(want)).all()
        single = dtype != "float64"
        assert system.h.dtype.name in (
            ("float32", "complex64") if single else ("float64", "complex128")
        )
    assert np.array_equal((-a).h, -a.h)


def test_algebra_of_rates_and_latencies() -> None:
    a, b, c = lti.FIR([1.0], fs=48_000, latency=2), lti.FIR([1.0, 2.0]), lti.FIR([3.0], latency=3)
    for system in (a >> b, b >> a, a + b, b - a, -a, 2 * a):
        assert system.fs == 48_000
    assert (a >> c).latency == 5
    assert (b >> b).fs is None
    for junk in ("x", None, [1.0], True, np.ones(3)):
        assert a.__mul__(junk) is NotImplemented or isinstance(junk, np.ndarray)
        assert a.__rshift__(junk) is NotImplemented
        assert a.__add__(junk) is NotImplemented
        assert a.__sub__(junk) is NotImplemented


# --- rates --------------------------------------------------------------------------------------

RATES = [(44_100, 48_000), (48_000, 44_100), (48_000, 96_000), (96_000, 44_100), (48_000, 16_000)]


def burst(fs: float, band: float, frames: int) -> np.ndarray:
    """Sample a Gaussian burst centred at 20 ms, 213 dB down beyond 0.91 of the Nyquist `band`."""
    t = np.arange(frames) / fs - 0.02
    return np.exp(-((2 * np.pi * 0.08 * band * t) ** 2) / 2) * np.cos(2 * np.pi * 0.35 * band * t)


@pytest.mark.parametrize(("old", "new"), RATES)
def test_resampling_is_good_to_140_db(old: float, new: float) -> None:
    band = min(old, new) / 2
    h = burst(old, band, round(0.06 * old))
    system = lti.FIR(h, fs=old).resample(new)
    assert (system.fs, system.latency) == (new, 0)
    # the sound of a system is h[n] fs: its response in continuous time, kept
    want = burst(new, band, system.taps) * old / new
    error_db = 20 * np.log10(np.abs(system.h - want).max() / np.abs(want).max())
    assert error_db <= -140
    freqs = np.linspace(0, 0.9 * band, 200)
    before, after = (s.frequency_response(freqs)[1] for s in (lti.FIR(h, fs=old), system))
    assert np.abs(after - before).max() <= 1e-7 * np.abs(before).max()


@pytest.mark.parametrize(("old", "new"), RATES)
def test_ringing_ahead_of_time_zero_is_kept_and_told(old: float, new: float) -> None:
    system = lti.FIR([1.0, 0.5], fs=old).resample(new)
    assert system.latency > 0
    freqs = np.linspace(0, 0.9 * min(old, new) / 2, 200)
    late = np.exp(-2j * np.pi * freqs / new * system.latency)
    want = (1 + 0.5 * np.exp(-2j * np.pi * freqs / old)) * late
    assert np.abs(system.frequency_response(freqs)[1] - want).max() <= 1e-7 * 1.5


def test_resampling_keeps_shape_precision_and_itself() -> None:
    system = lti.FIR(noise(2, 2, 500).astype(np.float32), fs=48_000)
    assert system.resample(48_000) is system
    half = system.resample(24_000)
    assert half.h.shape[:-1] == (2, 2)
    assert half.h.dtype == np.float32


# --- responses ----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1,), (300,), (5000,), (2, 100), (2, 3, 10)])
@pytest.mark.parametrize("fs", [None, 48_000.0])
def test_frequency_response(shape: Shape, fs: float | None) -> None:
    h = noise(*shape)
    rate = fs or 1.0
    system = lti.FIR(h, fs=fs)
    # an angle of up to 2 pi taps rounds four times
    limit = np.abs(h).sum() * 2 * np.pi * shape[-1] * 4 * 2.0**-53 + 1e-14 * np.abs(h).sum()
    for frames in (None, 8192):
        freqs, response = system.frequency_response(frames=frames)
        n = frames or max(4096, shape[-1])
        assert n <= 2 * (freqs.size - 1) + 1 < 1.1 * n + 2
        assert freqs[0] == 0
        assert freqs[-1] == pytest.approx(rate / 2)
        assert response.shape == (*shape[:-1], freqs.size)
        assert response.dtype == np.complex128
        where = np.array([0, 1, freqs.size // 3, freqs.size - 1])
        angles = np.exp(-2j * np.pi * np.outer(np.arange(shape[-1]), freqs[where] / rate))
        assert np.abs(response[..., where] - h @ angles).max() <= limit
    wanted = np.linspace(0, rate, 2001)
    freqs, response = system.frequency_response(wanted)
    assert np.array_equal(freqs, wanted)
    row = h.reshape(-1, shape[-1])[-1]
    _, peer = scipy.signal.freqz(row, worN=wanted, fs=rate)
    # freqz evaluates a polynomial of `taps` products, each good to two roundings
    peer_limit = limit + np.abs(h).sum() * 2 * shape[-1] * 2.0**-53 * 3
    assert np.abs(response.reshape(-1, 2001)[-1] - peer).max() <= peer_limit


def test_frequency_response_of_complex_taps_covers_the_circle() -> None:
    h = noise(50) + 1j * noise(50, seed=1)
    freqs, response = lti.FIR(h, fs=100).frequency_response(frames=128)
    assert np.allclose(freqs, np.arange(128) * 100 / 128, rtol=1e-15)
    assert np.abs(response - scipy.fft.fft(h, 128)).max() <= 1e-13 * np.abs(h).sum()


# --- files --------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_from_file(tmp_path: Path, channels: int) -> None:
    pytest.importorskip("ltisys.audio")
    soundfile = pytest.importorskip("soundfile")
    h = burst(48_000, 8000, 3000) * np.linspace(0.1, 0.5, channels)[:, None]
    path = tmp_path / "response.wav"
    soundfile.write(path, h.T, 48_000, subtype="FLOAT")
    system = lti.FIR.from_file(path)
    assert system.fs == 48_000
    assert system.h.shape == ((3000,) if channels == 1 else (channels, 3000))
    assert np.array_equal(system.h, np.squeeze(h.astype(np.float32)))
    other = lti.FIR.from_file(str(path), fs=44_100)
    assert other == system.resample(44_100)


# --- nothing is done twice ----------------------------------------------------------------------


def transforms(system: Any, x: np.ndarray, method: str) -> int:
    recorder = Recorder()
    with scipy.fft.set_backend(recorder):
        system(x, method=method)
    return sum(name in ("fft", "rfft") for name in recorder.calls)


@pytest.mark.parametrize("method", ["fft", "overlap-add", "overlap-save"])
def test_a_response_is_transformed_once_for_many_signals(method: str) -> None:
    system = lti.FIR(noise(2, 300))
    first, *later = [transforms(system, noise(2, 5000, seed=i), method) for i in range(4)]
    assert first == later[0] + 1
    assert len(set(later)) == 1


@pytest.mark.parametrize("method", ["overlap-add", "overlap-save"])
def test_signals_of_one_channel_and_of_many_share_the_spectra(method: str) -> None:
    system = lti.FIR(noise(300))
    transforms(system, noise(5000), method)
    first, *later = [transforms(system, noise(2, 5000, seed=i), method) for i in range(3)]
    assert later == [first, first]


@pytest.mark.parametrize("method", ["direct", "fft", "overlap-add", "overlap-save"])
def test_each_precision_has_spectra_of_its_own(method: str) -> None:
    system, x = lti.FIR(noise(300)), noise(5000)
    single = system(x.astype(np.float32), method=method)
    assert single.dtype == np.float32
    double = system(x, method=method)
    fresh = lti.FIR(noise(300))(x, method=method)
    assert np.array_equal(double, fresh)
    assert np.array_equal(single, lti.FIR(noise(300))(x.astype(np.float32), method=method))
    assert system(x + 1j, method=method).dtype == np.complex128
    for frames in (10, 100, 5000, 40_000, 7):
        assert np.array_equal(
            system(x[:frames], method=method), lti.FIR(noise(300))(x[:frames], method=method)
        )


def test_a_long_response_to_a_few_frames_is_quick_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shorter of the two serves as the response, whichever was called so."""
    from ltisys.engines import direct

    products = direct._products
    widths: list[int] = []

    def noted(x: np.ndarray, h: np.ndarray, start: int, length: int) -> np.ndarray:
        widths.append(h.shape[0])
        return products(x, h, start, length)

    monkeypatch.setattr(direct, "_products", noted)
    h = np.random.default_rng(0).standard_normal((2, 50_000))
    y = lti.FIR(h)(np.ones((2, 22)), method="direct")
    assert y.shape == (2, 50_021)
    assert set(widths) == {22}
