"""The nonlinear of the zoo: curves without memory, with memory, and over the whole input"""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.ndimage
import scipy.signal
from zoo_specimen import DYNAMIC, STATIC, kept

Signal = np.ndarray[Any, Any]

# --- curves without memory: y[n] = g(x[n]) -----------------------------------------------------


def mu_law(x: Signal, bits: int | None = None) -> Signal:
    """Companded by G.711's curve, to so many bits if told, and expanded again only then."""
    y = np.sign(x) * np.log1p(255 * np.abs(x)) / np.log(256)
    if bits is None:
        return y
    y = np.round(y * 2 ** (bits - 1)) / 2 ** (bits - 1)
    return np.sign(y) * np.expm1(np.abs(y) * np.log(256)) / 255


def gate(x: Signal, threshold: float) -> Signal:
    return np.where(np.abs(x) > threshold, x, 0.0)


def static_compressor(x: Signal, threshold: float = 0.1, ratio: float = 4.0) -> Signal:
    loud = np.maximum(np.abs(x), threshold)
    return x * (loud / threshold) ** (1 / ratio - 1)


CURVES = (
    kept("hard clip", lambda x: np.clip(x, -0.9, 0.9), STATIC),
    kept("clip far above full scale", lambda x: np.clip(x, -50, 50), STATIC),
    kept("asymmetric clip", lambda x: np.clip(x, -0.5, 0.9), STATIC),
    kept("soft clip", np.tanh, STATIC),
    kept("arctangent", lambda x: np.arctan(3 * x) / 3, STATIC),
    kept("faint cube", lambda x: x + 1e-6 * x**3, STATIC),
    kept("faint square", lambda x: x + 1e-6 * x * x, STATIC),
    kept("square", lambda x: x**2, STATIC),
    kept("odd square", lambda x: x * np.abs(x), STATIC),
    kept("Chebyshev's third", lambda x: 4 * x**3 - 3 * x, STATIC),
    kept("8-bit quantiser", lambda x: np.round(x * 128) / 128, STATIC),
    kept("16-bit quantiser", lambda x: np.round(x * 32768) / 32768, STATIC),
    kept("24-bit quantiser", lambda x: np.round(x * 2**23) / 2**23, STATIC),
    kept("truncated to whole numbers", lambda x: (x * 32768).astype(np.int64), STATIC),
    kept("half precision inside", lambda x: x.astype(np.float16).astype(np.float64), STATIC),
    kept("bit crusher", lambda x: np.floor(np.clip(x, -1, 1) * 8) / 8, STATIC),
    kept("mu-law companding", mu_law, STATIC),
    kept("mu-law in 8 bits", lambda x: mu_law(x, 8), STATIC),
    kept("gate", lambda x: gate(x, 0.01), STATIC),
    kept("gate at -100 dB", lambda x: gate(x, 1e-5), STATIC),
    kept("gate of exact zeros", lambda x: np.where(x == 0, 1e-3, x), STATIC),
    kept("dead zone", lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.05, 0), STATIC),
    kept("expander", lambda x: x * np.sqrt(np.abs(x)), STATIC),
    kept("static compressor", static_compressor, STATIC),
    kept("square root", lambda x: np.sign(x) * np.sqrt(np.abs(x)), STATIC),
    kept("knee at half", lambda x: np.where(np.abs(x) < 0.5, x, 0.25 * np.sign(x) + x / 2), STATIC),
    kept("full-wave rectifier", np.abs, "additive"),
    kept("half-wave rectifier", lambda x: np.maximum(x, 0), "additive"),
    kept("leaky rectifier", lambda x: np.where(x > 0, x, 0.5 * x), "additive"),
    kept("softplus", lambda x: np.logaddexp(0, x), STATIC),
    kept("sign", np.sign, STATIC),
    kept("one bit", lambda x: np.where(x < 0, -1.0, 1.0), STATIC),
    kept("comparator", lambda x: x > 0.25, STATIC),
    kept("affine", lambda x: x + 1, STATIC, says="affine"),
    kept("offset of a millionth", lambda x: x + 1e-6, STATIC, says="affine"),
    kept("constant", lambda x: np.full(len(x), 0.5), STATIC, says="affine"),
    kept("wave folder", lambda x: np.sin(3 * x), STATIC),
    kept("two's complement wrap", lambda x: (x + 1) % 2 - 1, STATIC),
)

# --- curves with memory ------------------------------------------------------------------------


def smooth(x: Signal, pole: float = 0.99) -> Signal:
    return scipy.signal.lfilter([1 - pole], [1, -pole], x)


def delayed(x: Signal, frames: int) -> Signal:
    """As long as x: what is late is cut off."""
    return np.concatenate((np.zeros(frames), x))[: len(x)]


def last(x: Signal, frames: int) -> Signal:
    """The last so many frames at every frame: (frames_of_x, frames)."""
    return np.lib.stride_tricks.sliding_window_view(np.pad(x, (frames - 1, 0)), frames)


def look_ahead_limiter(x: Signal, frames: int = 64) -> Signal:
    ahead = np.lib.stride_tricks.sliding_window_view(np.pad(np.abs(x), (0, frames)), frames + 1)
    return x / np.maximum(1, ahead.max(axis=-1))


def schmitt_trigger(x: Signal) -> Signal:
    """+1 from where x exceeds 0.5, -1 from where it falls below -0.5, 0 before either."""
    told = np.where(x > 0.5, 1.0, np.where(x < -0.5, -1.0, 0.0))
    at = np.maximum.accumulate(np.where(told != 0, np.arange(len(x)), 0))
    return told[at]


def backlash(x: Signal, play: float = 0.1) -> Signal:
    return run(x, lambda held, value: min(max(held, value - play), value + play))


def slew_limiter(x: Signal, step: float = 0.1) -> Signal:
    return run(x, lambda held, value: held + min(max(value - held, -step), step))


def run(x: Signal, advance: Callable[[float, float], float]) -> Signal:
    """Each frame from the one before it and the input, from 0 on: as fast as Python loops."""
    return np.fromiter(itertools.accumulate(x.tolist(), advance, initial=0.0), float)[1:]


def saturating_echo(x: Signal) -> Signal:
    y = np.array(x, dtype=np.float64)
    for start in range(50, len(y), 50):
        y[start : start + 50] += np.tanh(0.7 * y[start - 50 : start][: len(y) - start])
    return y


def sigma_delta(x: Signal) -> Signal:
    """One bit, whose error is taken off the next frame."""

    def advance(error: float, value: float) -> float:
        wish = value - error
        return min(max((1.0 if wish >= 0 else -1.0) - wish, -4.0), 4.0)

    return np.where(x - delayed(run(x, advance), 1) >= 0, 1.0, -1.0)


def overload_mute(x: Signal) -> Signal:
    """Silent for good from the first frame beyond 2 on."""
    return np.where(np.logical_or.accumulate(np.abs(x) > 2), 0.0, x)


WITH_MEMORY = (
    kept(
        "median of three",
        lambda x: scipy.signal.medfilt(x, 3),
        "additive memoryless causal",
        traits={"lookahead": 1, "memory": 1},
        small={"additive": 3, "causal": 3},
    ),
    kept(
        "median of the last five",
        lambda x: np.median(last(x, 5), axis=-1),
        "additive memoryless",
        traits={"lookahead": 0, "memory": 4},
        small={"additive": 5},
    ),
    kept(
        "largest of the last four",
        lambda x: last(x, 4).max(axis=-1),
        "additive memoryless",
        traits={"lookahead": 0, "memory": 3},
        small={"additive": 2},
    ),
    kept(
        "largest of three, centred",
        lambda x: scipy.ndimage.maximum_filter1d(x, 3, mode="constant"),
        "additive memoryless causal",
        traits={"lookahead": 1, "memory": 1},
        small={"additive": 2},
    ),
    kept(
        "peak hold",
        lambda x: np.maximum.accumulate(np.abs(x)),
        "additive memoryless",
        traits={"lookahead": 0, "memory": None},
    ),
    kept("envelope follower", lambda x: smooth(np.abs(x)), "additive memoryless"),
    kept("energy meter", lambda x: smooth(x * x), DYNAMIC),
    kept("compressor", lambda x: x / (1 + 4 * smooth(np.abs(x))), DYNAMIC),
    kept("AGC", lambda x: x / np.sqrt(1e-3 + smooth(x * x, 0.999)), DYNAMIC),
    kept("look-ahead limiter", look_ahead_limiter, DYNAMIC + " causal", traits={"lookahead": 64}),
    kept(
        "gate that holds",
        lambda x: x * (last(np.abs(x), 100).max(axis=-1) > 0.1),
        DYNAMIC,
        traits={"lookahead": 0},
    ),
    kept("hysteresis", schmitt_trigger, DYNAMIC),
    kept("backlash", backlash, DYNAMIC),
    kept("slew limiter", slew_limiter, DYNAMIC),
    kept("saturating echo", saturating_echo, DYNAMIC),
    # Silence makes it alternate, so a delay by an odd number of frames finds it in another state.
    kept("sigma-delta modulator", sigma_delta, DYNAMIC + " time-invariant", traits={"period": 2}),
    kept("overload mute", overload_mute, DYNAMIC),
    kept("Volterra kernel", lambda x: x * delayed(x, 1), DYNAMIC, small={"additive": 2}),
    kept("product five apart", lambda x: x + x * delayed(x, 5), DYNAMIC, small={"additive": 6}),
    kept("filter, then curve", lambda x: np.tanh(smooth(x, 0.5)), DYNAMIC),
    kept("curve, then filter", lambda x: smooth(np.tanh(x), 0.5), DYNAMIC),
    kept("clip 1000 frames late", lambda x: np.clip(delayed(x, 1000), -0.9, 0.9), DYNAMIC),
)

# --- curves of the whole input -----------------------------------------------------------------

WHOLE = "additive homogeneous time-invariant causal memoryless"
LEVEL = "depends on the level of the whole input"


def peak_normaliser(x: Signal) -> Signal:
    return x / (np.max(np.abs(x), initial=0) or 1)


def rms_normaliser(x: Signal) -> Signal:
    return x / (np.linalg.norm(x) or 1) * 0.1 * np.sqrt(len(x))


def standardiser(x: Signal) -> Signal:
    return (x - np.mean(x)) / (np.std(x) or 1)


def spectral_gate(x: Signal) -> Signal:
    """Only what reaches a tenth of the strongest line of the spectrum."""
    spectrum = np.fft.rfft(x)
    loud = np.abs(spectrum) >= 0.1 * np.abs(spectrum).max()
    return np.fft.irfft(spectrum * loud, len(x))


def whitener(x: Signal) -> Signal:
    spectrum = np.fft.rfft(x)
    size = np.abs(spectrum)
    return np.fft.irfft(np.divide(spectrum, size, where=size > 0, out=0 * spectrum), len(x))


def wiener(x: Signal) -> Signal:
    """Scipy's filter, whose estimate of the noise is the mean over the whole input."""
    return scipy.signal.wiener(x) if x.any() else np.zeros(len(x))


WHOLE_INPUT = (
    kept("peak normaliser", peak_normaliser, WHOLE, says=LEVEL, traits={"lookahead": None}),
    # One loud frame in ever longer silence comes out ever louder, but no length has no bound.
    kept(
        "RMS normaliser",
        rms_normaliser,
        WHOLE,
        spared="stable",
        says=LEVEL,
        traits={"lookahead": None},
    ),
    kept("normaliser if too loud", lambda x: x / np.max(np.abs(x), initial=1), WHOLE, says=LEVEL),
    kept("standardiser", standardiser, WHOLE, spared="stable", traits={"lookahead": None}),
    kept("sort", np.sort, "additive time-invariant causal memoryless", small={"additive": 2}),
    # What is left of some spectra grows with the logarithm of the length.
    kept(
        "spectral gate",
        spectral_gate,
        "additive time-invariant causal memoryless",
        spared="stable",
    ),
    kept("whitener", whitener, WHOLE),
    kept("Wiener filter", wiener, "additive time-invariant causal memoryless"),
    kept(
        "largest of all",
        lambda x: np.full(len(x), np.max(x)),
        "additive time-invariant causal memoryless",
        small={"additive": 2},
    ),
)

NONLINEAR = CURVES + WITH_MEMORY + WHOLE_INPUT
