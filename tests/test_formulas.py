"""Filters by formula against closed forms, scipy, and what their docstrings promise"""

import math
import re
from typing import Any

import numpy as np
import pytest
from scipy import signal

import ltisys as lti

RATES = [44_100.0, 48_000.0, 96_000.0]
U = np.finfo(np.float64).eps


def gain(h: np.ndarray, cycles: Any) -> np.ndarray:
    """The response about the middle tap: real for symmetric h, imaginary for antisymmetric."""
    n = np.arange(h.size) - (h.size - 1) / 2
    return np.exp(-2j * np.pi * np.outer(cycles, n)) @ h


def plain(system: lti.FIR, taps: int, fs: float | None = None) -> None:
    assert isinstance(system, lti.FIR)
    assert system.h.shape == (taps,)
    assert system.h.dtype == np.float64
    assert system.fs == fs


# --- averages -------------------------------------------------------------------------------------


@pytest.mark.parametrize("taps", [1, 2, 3, 10, 101, 4096])
def test_the_mean_of_the_last_frames(taps: int) -> None:
    system = lti.moving_average(taps)
    plain(system, taps)
    assert system.latency == (taps - 1) // 2
    x = lti.noise(3 * taps)
    y = system(x, tail=False)
    wanted = [np.mean(np.r_[np.zeros(taps), x][n + 1 : n + 1 + taps]) for n in range(x.size)]
    assert np.abs(y - wanted).max() < 20 * U * np.log2(2 * x.size) * np.abs(x).max()
    # Dirichlet's kernel
    f = np.linspace(0.001, 0.5, 997)
    kernel = np.sin(np.pi * taps * f) / (taps * np.sin(np.pi * f))
    assert np.abs(gain(system.h, f) - kernel).max() < 4 * taps * U + 1e-15


def test_weights_are_relative_to_their_sum() -> None:
    system = lti.moving_average(3, weights=[1, 2, 5])
    plain(system, 3)
    assert system.h.tolist() == [0.125, 0.25, 0.625]
    assert system.latency == 0  # no symmetry, no one delay
    assert lti.moving_average(3, weights=np.array([2, 4, 10], dtype=np.int8)) == system
    assert lti.moving_average(3, weights=[-1, -2, -5]) == system
    binomial = lti.moving_average(5, weights=[1, 4, 6, 4, 1])
    assert (binomial.latency, binomial.h.sum()) == (2, 1)
    assert lti.moving_average(4, weights=[7] * 4) == lti.moving_average(4)
    assert lti.moving_average(2, weights=[1, -3]).h.tolist() == [-0.5, 1.5]
    assert lti.moving_average(2, weights=[1, 1j]).h.sum() == pytest.approx(1)
    huge = lti.moving_average(2, weights=[1e308, 1.5e308])
    assert huge.h.tolist() == pytest.approx([0.4, 0.6])
    w = np.array([3.0, 1.0])
    lti.moving_average(2, weights=w)
    assert w.tolist() == [3, 1]


# --- Gaussian -------------------------------------------------------------------------------------


@pytest.mark.parametrize("fs", RATES)
@pytest.mark.parametrize("frames", [0.5, 1.0, 2.0, 3.7, 48.0, 3000.0])
def test_the_gaussian_and_its_transform(frames: float, fs: float) -> None:
    system = lti.gaussian(frames / fs, fs=fs)
    plain(system, system.taps, fs)
    assert system.taps % 2 == 1
    assert system.latency == system.taps // 2
    assert np.array_equal(system.h, system.h[::-1])
    assert system.h.sum() == pytest.approx(1, abs=1e-14)
    n = np.arange(system.taps) - system.latency
    wanted = signal.windows.gaussian(system.taps, frames)
    assert system.h / system.h.max() == pytest.approx(wanted, rel=1e-12)
    # cut at -200 dB: the first tap is above it, the one before it would not be
    if frames >= 1:
        ends = 20 / math.log(10) * -0.5 * (np.array([n[0], n[0] - 1]) / frames) ** 2
        assert ends[0] >= -200 > ends[1]
    f = np.linspace(0, 0.5, 301)
    closed = np.exp(-2 * (np.pi * frames * f) ** 2)
    promised = 2 * math.exp(-((math.pi * frames) ** 2) / 2) + 1e-10
    assert np.abs(gain(system.h, f) - closed).max() <= promised
    if frames >= 1:  # its variance too
        assert np.sum(n**2 * system.h) == pytest.approx(frames**2, rel=1e-6)
    if frames >= 2:  # half power at 0.1325 / sigma
        (level,) = np.abs(system.frequency_response([0.1325 * fs / frames])[1]) ** 2
        assert level == pytest.approx(0.5, abs=1e-3)


def test_a_gaussian_of_gaussians_is_one_and_never_overshoots() -> None:
    a, b = (lti.gaussian(s / 1000, fs=48_000) for s in (3, 4))
    both, wanted = a >> b, lti.gaussian(5 / 1000, fs=48_000)
    aligned = np.zeros(both.taps)
    offset = both.latency - wanted.latency
    aligned[offset : offset + wanted.taps] = wanted.h
    # what was cut holds erfc(6.79 / sqrt(2)) = 1e-11 of the sum
    assert np.abs(both.h - aligned).sum() < 1e-9
    y = a(lti.step(4000), tail=False)
    assert (np.diff(y) > -1e-12).all()
    assert y.max() < 1 + 1e-12


def test_a_gaussian_far_below_a_frame_is_an_impulse() -> None:
    for sigma_s in (1e-9, 1e-300, 5e-324):
        assert lti.gaussian(sigma_s, fs=48_000).h.tolist() == [0, 1, 0]


# --- differentiator -------------------------------------------------------------------------------

LENGTHS = [*range(2, 40), 60, 61, 100, 101, 400, 401]


@pytest.mark.parametrize(
    ("taps", "wanted"),
    [
        (2, [1, -1]),
        (3, [1 / 2, 0, -1 / 2]),
        (4, [-1 / 24, 27 / 24, -27 / 24, 1 / 24]),
        (5, [-1 / 12, 8 / 12, 0, -8 / 12, 1 / 12]),
        (7, [1 / 60, -9 / 60, 45 / 60, 0, -45 / 60, 9 / 60, -1 / 60]),
        (6, [3 / 640, -25 / 384, 75 / 64, -75 / 64, 25 / 384, -3 / 640]),
    ],
)
def test_the_differences_of_the_tables(taps: int, wanted: list[float]) -> None:
    system = lti.differentiator(taps)
    plain(system, taps)
    assert system.latency == (taps - 1) // 2
    assert np.abs(system.h - wanted).max() < 4 * U


@pytest.mark.parametrize("taps", LENGTHS)
def test_the_gain_is_the_series_of_the_arcsine(taps: int) -> None:
    h = lti.differentiator(taps).h
    assert np.array_equal(h, -h[::-1])
    f = np.linspace(0.002, 0.5, 400)
    s = np.sin(np.pi * f)
    # odd: sin(w) sum_k (2^k k!)^2 / (2 k + 1)! s^(2 k); even: 2 sum_k (2k)! / (4^k k!^2 (2k+1)) ...
    total, term = np.zeros_like(f), np.sin(2 * np.pi * f) if taps % 2 else 2 * s
    for k in range(taps // 2):
        total += term
        step = (
            (2 * k + 2) / (2 * k + 3)
            if taps % 2
            else (2 * k + 1) ** 2 / ((2 * k + 2) * (2 * k + 3))
        )
        term = term * step * s**2
    found = gain(h, f)
    assert np.abs(found.real).max() < 1e-13
    assert np.abs(found.imag - total).max() < 1e-13
    # terms of one sign: the error grows with frequency, and is 0.1 % no earlier than promised
    error = 1 - found.imag / (2 * np.pi * f)
    assert (np.diff(error) > -1e-12).all()
    promised = 0.5 - 1.06 / math.sqrt(taps - 1)
    assert error[f <= promised].max(initial=0) <= 1e-3


@pytest.mark.parametrize("fs", RATES)
def test_the_derivative_of_a_sine_and_of_polynomials(fs: float) -> None:
    for taps in (15, 31):
        system = lti.differentiator(taps)
        freq = 0.1 * fs
        y = system(lti.tone(freq, length_s=0.01, fs=fs)) * fs
        n = np.arange(taps, 400)
        wanted = 2 * np.pi * freq * np.cos(2 * np.pi * freq * (n - system.latency) / fs)
        # the gain's error at 0.1 fs: the first term left out, ((2^m m!)^2 / (2 m + 1)!) s^2m
        m = taps // 2
        left = math.exp(2 * (m * math.log(2) + math.lgamma(m + 1)) - math.lgamma(2 * m + 2))
        bound = left * math.sin(0.1 * math.pi) ** (2 * m) * 1.2 + 1e-12
        assert np.abs(y[n] - wanted).max() < 2 * np.pi * freq * bound
    for taps in (2, 3, 4, 5, 8, 9):
        system, t = lti.differentiator(taps), np.arange(60.0)
        middle = t[taps - 1 :] - (taps - 1) / 2
        for degree in range(taps):
            # to the degree taps - 1 exact, to rounding of h against powers of 60
            y = system(t**degree, tail=False)[taps - 1 :]
            wanted = degree * middle ** max(degree - 1, 0)
            assert np.abs(y - wanted).max() <= 20 * U * np.abs(system.h).sum() * 60.0**degree


def test_the_table_of_bands_is_true() -> None:
    rows = re.findall(
        r"^    (\d+) +([\d.]+) +([\d.]+) +(\d+) +([\d.]+) +([\d.]+)$",
        lti.differentiator.__doc__ or "",
        re.M,
    )
    assert len(rows) == 5
    for row in rows:
        for taps, *edges in (row[:3], row[3:]):
            h = lti.differentiator(int(taps)).h
            for limit, edge in zip((1e-3, 1e-2), edges, strict=True):
                f = np.array([float(edge), float(edge) + 2e-4])
                error = 1 - gain(h, f).imag / (2 * np.pi * f)
                assert error[0] <= limit < error[1]


def test_a_long_differentiator_has_no_subnormal_taps() -> None:
    for taps in (20_000, 20_001):
        h = lti.differentiator(taps).h
        small = np.abs(h[h != 0]).min()
        assert small >= np.finfo(np.float64).tiny
        f = np.array([0.01, 0.3, 0.48])
        assert gain(h, f).imag == pytest.approx(2 * np.pi * f, rel=1e-9)


# --- Hilbert transformer --------------------------------------------------------------------------


@pytest.mark.parametrize("taps", [*range(18, 70), 100, 101, 255, 1000, 1001, 5761])
def test_hilbert_turns_by_a_quarter_within_a_thousandth(taps: int) -> None:
    system = lti.hilbert(taps)
    plain(system, taps)
    assert system.latency == (taps - 1) // 2
    assert np.array_equal(system.h, -system.h[::-1])
    edge = 2.4 / (taps - 1)
    f = np.linspace(edge, 0.5 - (edge if taps % 2 else 0), 40 * taps if taps < 300 else 300)
    found = gain(system.h, f)
    assert np.abs(found.real).max() < 1e-13
    assert np.abs(found.imag + 1).max() <= 1e-3


@pytest.mark.parametrize("taps", range(2, 18))
def test_short_hilbert_transformers_are_right_at_a_quarter_of_the_rate(taps: int) -> None:
    h = lti.hilbert(taps).h
    assert gain(h, [0.25]) == pytest.approx([-1j], abs=1e-14)
    f = np.linspace(0.15, 0.35, 100)
    if taps > 5:  # five are three with zeros at their ends
        assert np.abs(gain(h, f).imag + 1).max() < 0.1


def test_hilbert_against_scipy_and_closed_form() -> None:
    for freq in (0.02, 0.1, 0.3, 0.45):
        n = np.arange(4000)
        x = np.cos(2 * np.pi * freq * n + 0.3)
        system = lti.hilbert(201)
        y = system(x)[system.latency :][: n.size]
        inside = slice(250, -250)
        assert np.abs(y - np.sin(2 * np.pi * freq * n + 0.3))[inside].max() < 1e-3
        # scipy's is periodic: its ends reach in as 1 / n
        assert np.abs(y - np.imag(signal.hilbert(x)))[slice(1500, -1500)].max() < 2e-3
    assert lti.hilbert(3).h.tolist() == [-0.5, 0, 0.5]


# --- matched filter -------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["int16", "float32", "float64", "complex64", "complex128"])
def test_the_template_is_found_where_it_lies_with_its_factor(dtype: str) -> None:
    rng = np.random.default_rng(3)
    t = rng.integers(-1000, 1000, 200).astype(dtype)
    if np.dtype(dtype).kind == "c":
        t = (t * np.exp(0.7j * np.arange(200))).astype(dtype)
    before = t.copy()
    system = lti.matched_filter(t)
    wide = np.dtype("float64" if dtype == "int16" else dtype)
    assert system.h.shape == (200,)
    assert system.h.dtype == wide
    assert (system.latency, system.fs) == (199, None)
    x = np.zeros(1000, dtype=np.result_type(wide, np.float32))
    x[300:500] += (-3 * t.astype(wide)).astype(x.dtype)
    y = system(x)[system.latency :]
    u = float(np.finfo(wide).eps)
    assert int(np.abs(y).argmax()) == 300
    assert y[300] == pytest.approx(-3, abs=3 * 200 * u)
    assert np.array_equal(t, before)
    # correlation, as numpy has it
    wanted = (
        np.correlate(x.astype("c16"), t.astype("c16"), mode="full")[199:]
        / np.vdot(t, t.astype("c16")).real
    )
    assert np.abs(y - wanted).max() < 3 * 200 * u * 3


def test_no_other_filter_lifts_it_further_out_of_white_noise() -> None:
    t = lti.sweep(100, 2000, length_s=0.02, fs=8000)
    h = lti.matched_filter(t).h
    assert np.sqrt(np.sum(h**2)) == pytest.approx(1 / np.sqrt(np.sum(t**2)))
    rng = np.random.default_rng(1)
    for _ in range(50):
        other = h + 0.3 * np.abs(h).max() * rng.standard_normal(h.size)
        snr, best = (np.dot(g[::-1], t) ** 2 / np.sum(g**2) for g in (other, h))
        assert snr < best


def test_channels_and_scales() -> None:
    t = np.array([[1.0, 2.0, 0.0], [0.0, 0.0, -4.0]])
    system = lti.matched_filter(t)
    assert system.h.tolist() == [[0.0, 0.4, 0.2], [-0.25, 0.0, 0.0]]
    assert np.abs(system(t)[:, 2] - 1).max() < 4 * U
    for scale in (1e-200, 1e200):
        h = lti.matched_filter(t * scale).h * scale
        assert np.abs(h - system.h).max() < 4 * U


# --- errors ---------------------------------------------------------------------------------------

WRONG = {
    "moving_average(0)": "taps=0 must be an integer >= 1",
    "moving_average(2.5)": "taps=2.5 must be an integer >= 1",
    "moving_average(3, weights=[1, 2])": "weights has shape (2,) but taps=3; it must be (3,)",
    "moving_average(2, weights=[1, -1])": "weights must have a sum other than 0: they are taken "
    "relative to it; lti.FIR(weights) takes them as they are",
    "moving_average(3, weights=[0.1, 0.2, -0.1 - 0.2])": "weights must have a sum other than 0: "
    "they are taken relative to it; lti.FIR(weights) takes them as they are",
    "moving_average(1, weights=[0])": "weights must have a sum other than 0: they are taken "
    "relative to it; lti.FIR(weights) takes them as they are",
    "moving_average(1, weights=[np.nan])": "weights holds 1 samples that are NaN or infinite, the "
    "first at 0; mend or cut them first",
    "moving_average(1, weights=['a'])": "weights must hold numbers; got dtype <U1",
    "gaussian(0, fs=48_000)": "sigma_s=0 must be a finite number > 0 in seconds",
    "gaussian(1, fs=-1)": "fs=-1 must be a finite number > 0 in Hz",
    "gaussian(10, fs=48_000)": "sigma_s=10 must be <= 1.609 in seconds at fs=48000; it takes "
    "6,514,695 taps, and at most 1,048,576 are made",
    "differentiator(1)": "taps=1 must be an integer >= 2",
    "hilbert(1)": "taps=1 must be an integer >= 2",
    "hilbert('a')": "taps='a' must be an integer >= 2",
    "matched_filter([])": "template is empty: template.shape=(0,); give at least one frame",
    "matched_filter([0, 0])": "template must have a sample other than 0 in every channel",
    "matched_filter([[1, 2], [0, 0]])": "template must have a sample other than 0 in every channel",
    "matched_filter(np.ones((2, 2, 2)))": "template has 3 axes: template.shape=(2, 2, 2); it must "
    "be (taps,) or (channels, taps)",
    "matched_filter([1, np.inf])": "template holds 1 samples that are NaN or infinite, the first "
    "at 1; mend or cut them first",
    "matched_filter(np.ones((99, 2)))": "template has 99 channels: template.shape=(99, 2); signals "
    "are (channels, frames) with at most 64 channels; did you mean template.T?",
}


@pytest.mark.parametrize("call", WRONG)
def test_errors_say_what_would_do(call: str) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        eval(f"lti.{call}", {"lti": lti, "np": np})
    assert str(caught.value) == WRONG[call]


def test_the_longest_gaussian_is_made() -> None:
    assert lti.gaussian(1.609, fs=48_000).taps <= 1 << 20
