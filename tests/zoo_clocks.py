"""The linear of the zoo that know what time it is, how long the input is, or what comes next"""

from typing import Any

import numpy as np
import scipy.ndimage
import scipy.signal
from zoo_curves import delayed, smooth
from zoo_specimen import kept

import ltisys as lti

Signal = np.ndarray[Any, Any]
FS = 48_000
CLOCK = "time-invariant"
CLOCK_AND_MEMORY = "time-invariant memoryless"
OUT_OF_TIME = "time-invariant causal memoryless"
AHEAD = "causal memoryless"
LENGTH = "causal memoryless"
"""Spared of what depends on the length of the input: its samples say nothing of that."""


def clock(x: Signal) -> Signal:
    return np.arange(len(x))


# --- gains that move: y[n] = g[n] x[n] ---------------------------------------------------------


def dropped(x: Signal, frame: int) -> Signal:
    return np.where(clock(x) == frame, 0, x)


GAINS = (
    kept(
        "ring modulator",
        lambda x: x * np.cos(2 * np.pi * 440 / FS * clock(x)),
        CLOCK,
        traits={"period": 1200},
    ),
    kept(
        "ring modulator at a quarter",
        lambda x: x * np.array([1, 0.5, -1, -0.5])[clock(x) % 4],
        CLOCK,
        traits={"period": 4},
    ),
    kept("tremolo", lambda x: x * (1 + 0.5 * np.sin(2 * np.pi * 5 / FS * clock(x))), CLOCK),
    kept("tremolo of 1e-5", lambda x: x * (1 + 1e-5 * np.sin(0.3 * clock(x))), CLOCK),
    kept("alternating sign", lambda x: x * (1 - 2 * (clock(x) % 2)), CLOCK, traits={"period": 2}),
    kept("gain by position", lambda x: x * (1 + 0.5 * np.sin(clock(x) ** 1.5)), CLOCK),
    kept("fade-in", lambda x: x * np.minimum(clock(x) / 1000, 1), CLOCK),
    kept("fade-out", lambda x: x * 0.999 ** clock(x), CLOCK),
    kept("mute after 1000 frames", lambda x: np.where(clock(x) < 1000, x, 0), CLOCK),
    kept("one frame dropped", lambda x: dropped(x, 777), CLOCK),
    kept("every tenth dropped", lambda x: x * (clock(x) % 10 != 9), CLOCK, traits={"period": 10}),
    kept("every fourth kept", lambda x: x * (clock(x) % 4 == 0), CLOCK, traits={"period": 4}),
    kept("switch every 10 000 frames", lambda x: x * (1 - (clock(x) // 10_000) % 2 / 2), CLOCK),
    kept("gain that grows", lambda x: x * clock(x), CLOCK + " stable"),
    kept(
        "window over everything", lambda x: x * np.hanning(len(x) + 2)[1:-1], CLOCK, spared=LENGTH
    ),
    kept("gain by length", lambda x: x / len(x), CLOCK, spared=LENGTH),
    kept("sign by length", lambda x: x * (-1) ** len(x), CLOCK, spared=LENGTH),
)

# --- delays that move --------------------------------------------------------------------------


def read_at(x: Signal, at: Signal) -> Signal:
    """x between its frames, by straight lines, and zero outside."""
    frames = np.arange(-1, len(x) + 1)
    return np.interp(at, frames, np.pad(x, 1), left=0, right=0)


def modulated(
    x: Signal, depth: float, rate_hz: float, *, dry: float = 0, base: float = 0
) -> Signal:
    wave = 1 + np.sin(2 * np.pi * rate_hz / FS * clock(x))
    return dry * x + read_at(x, clock(x) - base - depth * wave)


def passing_car(x: Signal) -> Signal:
    """From 5 m away, past at 1 m, at 30 m a second: the delay falls, then rises."""
    metres = np.hypot(1, 5 - 30 * clock(x) / FS)
    return read_at(x, clock(x) - FS * metres / 343) / metres


DELAYS = (
    kept("chorus", lambda x: modulated(x, 240, 1.1, dry=1, base=480), CLOCK_AND_MEMORY),
    kept("chorus of 0.1 Hz", lambda x: modulated(x, 240, 0.1, dry=1, base=480), CLOCK_AND_MEMORY),
    kept("flanger", lambda x: modulated(x, 30, 0.5, dry=0.7), CLOCK_AND_MEMORY),
    kept("wow", lambda x: modulated(x, 100, 0.5), CLOCK_AND_MEMORY),
    kept("flutter", lambda x: modulated(x, 0.5, 50), CLOCK_AND_MEMORY),
    kept("Doppler, passing by", passing_car, CLOCK_AND_MEMORY),
    kept("Doppler, receding", lambda x: read_at(x, 0.99 * clock(x)), CLOCK_AND_MEMORY),
    kept("Doppler, approaching", lambda x: read_at(x, 1.01 * clock(x)), OUT_OF_TIME),
)

# --- blocks and rates --------------------------------------------------------------------------


def held(x: Signal, frames: int) -> Signal:
    """Sample and hold."""
    return x[clock(x) - clock(x) % frames]


def blocks(x: Signal, frames: int) -> Signal:
    """(blocks, frames), the last one filled up with zeros."""
    return np.pad(x, (0, -len(x) % frames)).reshape(-1, frames)


def block_fft(x: Signal, frames: int = 256) -> Signal:
    """Convolution by FFT of each block, without overlap: every block's tail lands on its head."""
    h = np.hanning(34)[1:-1]
    spectra = np.fft.rfft(blocks(x, frames)) * np.fft.rfft(h, frames)
    return np.fft.irfft(spectra, frames).ravel()[: len(x)]


def overlap_add(x: Signal, frames: int = 128) -> Signal:
    """Windows of Hann, half overlapping, filtered without room for the tails."""
    hop = frames // 2
    padded = np.pad(x, (hop, hop + -len(x) % hop))
    pieces = np.lib.stride_tricks.sliding_window_view(padded, frames)[::hop]
    window = scipy.signal.windows.hann(frames, sym=False)
    spectra = np.fft.rfft(pieces * window) * np.fft.rfft(np.ones(20), frames)
    pieces, y = np.fft.irfft(spectra, frames), np.zeros(len(padded))
    for number, piece in enumerate(pieces):
        y[number * hop : number * hop + frames] += piece
    return y[hop : hop + len(x)]


def forgetful(x: Signal, frames: int = 512) -> Signal:
    """A recursive filter that starts anew with each block."""
    return smooth(blocks(x, frames), 0.9).ravel()[: len(x)]


def two_filters(x: Signal) -> Signal:
    """Even frames come from one filter, odd ones from another."""
    return np.where(clock(x) % 2, smooth(x, 0.5), delayed(x, 1))


def interpolated_decimator(x: Signal) -> Signal:
    """A third of the rate and back, with a low-pass that lets aliases through, tails and all."""
    h = np.hanning(14)[1:-1]
    return scipy.signal.upfirdn(h, scipy.signal.upfirdn(h, x, down=3), up=3)


def resampled_twice(x: Signal) -> Signal:
    """The same by scipy, whose intermediate signal is cut off on both sides."""
    low = scipy.signal.resample_poly(x, 1, 3)
    return scipy.signal.resample_poly(low, 3, 1)[: len(x)]


BLOCKS = (
    kept(
        "sample and hold",
        lambda x: held(x, 4),
        CLOCK_AND_MEMORY,
        traits={"period": 4, "memory": 3, "lookahead": 0},
    ),
    kept("block FFT without overlap", block_fft, OUT_OF_TIME, traits={"period": 256}),
    kept("overlap-add without room", overlap_add, OUT_OF_TIME, traits={"period": 64}),
    kept("filter that forgets", forgetful, CLOCK_AND_MEMORY, traits={"period": 512}),
    kept(
        "mean of each block",
        lambda x: np.repeat(blocks(x, 64).mean(axis=-1), 64)[: len(x)],
        OUT_OF_TIME,
        traits={"period": 64},
    ),
    kept(
        "blocks reversed",
        lambda x: blocks(x, 64)[:, ::-1].ravel()[: len(x)],
        OUT_OF_TIME,
        traits={"period": 64},
    ),
    kept(
        "neighbours swapped",
        lambda x: blocks(x, 2)[:, ::-1].ravel()[: len(x)],
        OUT_OF_TIME,
        traits={"period": 2, "lookahead": 1},
    ),
    kept("two filters in turn", two_filters, CLOCK_AND_MEMORY, traits={"period": 2}),
    kept(
        "decimator and interpolator by 3",
        interpolated_decimator,
        CLOCK_AND_MEMORY,
        traits={"period": 3, "lookahead": 0},
    ),
    kept("a third of the rate and back", resampled_twice, OUT_OF_TIME),
    kept(
        "filter that changes at 500",
        lambda x: np.where(clock(x) < 500, x, smooth(x)),
        CLOCK_AND_MEMORY,
    ),
    kept("every second frame", lambda x: x[::2], OUT_OF_TIME),
    kept("decimator of scipy", lambda x: scipy.signal.decimate(x, 2), OUT_OF_TIME),
    kept("zeros between", lambda x: np.kron(x, [1, 0]), CLOCK_AND_MEMORY),
    kept("frames doubled", lambda x: np.repeat(x, 2), CLOCK_AND_MEMORY),
    kept("time stretch", lambda x: read_at(x, np.arange(2 * len(x)) / 2), CLOCK_AND_MEMORY),
    kept("time squeeze", lambda x: read_at(x, np.arange(0, len(x), 1.25)), OUT_OF_TIME),
    # The sinc of an ideal low-pass sums to the logarithm of its length.
    kept(
        "resampler by FFT",
        lambda x: scipy.signal.resample(x, 2 * len(x)),
        OUT_OF_TIME,
        spared="stable",
    ),
)

# --- where the input ends ----------------------------------------------------------------------


def circular(x: Signal, h: Signal) -> Signal:
    """Convolution by FFTs as long as x, h folded into them."""
    folded = blocks(h, len(x)).sum(axis=0)
    return np.fft.ifft(np.fft.fft(x) * np.fft.fft(folded)).real


def primed(x: Signal) -> Signal:
    """A filter that believes the first frame to have lasted for ever."""
    b, a = [0.1], [1, -0.9]
    return scipy.signal.lfilter(b, a, x, zi=scipy.signal.lfilter_zi(b, a) * x[0])[0]


def gaussian_spectrum(x: Signal) -> Signal:
    weights = np.exp(-((np.fft.rfftfreq(len(x)) / 0.1) ** 2))
    return np.fft.irfft(np.fft.rfft(x) * weights, len(x))


EVERYTHING: dict[str, int | None] = {"lookahead": None}
ZERO_PHASE = scipy.signal.butter(2, 0.2)
THREE = np.array([0.25, 0.5, 0.25])
ENDS = (
    kept(
        "circular convolution",
        lambda x: circular(x, np.hanning(34)[1:-1]),
        OUT_OF_TIME,
        says="circular",
        traits=EVERYTHING,
    ),
    kept(
        "rolled by three", lambda x: np.roll(x, 3), OUT_OF_TIME, says="circular", traits=EVERYTHING
    ),
    kept("reversed", lambda x: x[::-1], OUT_OF_TIME, says="reverses time", traits=EVERYTHING),
    kept("Gaussian on the spectrum", gaussian_spectrum, OUT_OF_TIME, says="circular"),
    # Hilbert's kernel, 1 / n, sums to the logarithm of its length.
    kept("analytic signal of scipy", scipy.signal.hilbert, OUT_OF_TIME, spared="stable"),
    kept("filtfilt", lambda x: scipy.signal.filtfilt(*ZERO_PHASE, x), OUT_OF_TIME),
    kept("mean removed", lambda x: x - np.mean(x), OUT_OF_TIME, traits=EVERYTHING),
    kept("line removed", scipy.signal.detrend, OUT_OF_TIME, traits=EVERYTHING),
    kept("first frame latched", lambda x: np.full_like(x, x[0]), CLOCK_AND_MEMORY),
    kept("first frame removed", lambda x: x - x[0], CLOCK_AND_MEMORY),
    kept("filter primed by the first frame", primed, CLOCK_AND_MEMORY),
    kept("savgol_filter", lambda x: scipy.signal.savgol_filter(x, 5, 2), OUT_OF_TIME),
    kept("gradient", np.gradient, OUT_OF_TIME, traits={"lookahead": 1}),
    kept(
        "mean of nine, mirrored ends", lambda x: scipy.ndimage.uniform_filter1d(x, 9), OUT_OF_TIME
    ),
    kept(
        "Gaussian, ends held",
        lambda x: scipy.ndimage.gaussian_filter1d(x, 3, mode="nearest"),
        OUT_OF_TIME,
    ),
    kept(
        "three taps, wrapped",
        lambda x: lti.convolve(x, THREE, mode="same", boundary="wrap"),
        OUT_OF_TIME,
        says="circular",
    ),
    kept(
        "three taps, mirrored",
        lambda x: lti.convolve(x, [0.2, 0.5, 0.3], mode="same", boundary="reflect"),
        OUT_OF_TIME,
    ),
)

# --- invariant, but ahead of time --------------------------------------------------------------


def backwards(x: Signal, b: list[float], a: list[float]) -> Signal:
    return scipy.signal.lfilter(b, a, x[::-1])[::-1]


PROPHETS = (
    kept(
        "zero-phase filter",
        lambda x: scipy.ndimage.convolve1d(x, THREE, mode="constant"),
        AHEAD,
        traits={"lookahead": 1, "memory": 1, "latency": -1, "period": None},
        small={"causal": 2},
    ),
    kept(
        "centred window",
        lambda x: scipy.signal.convolve(x, np.ones(9) / 9, mode="same"),
        AHEAD,
        traits={"lookahead": 4, "memory": 4, "latency": -4},
        small={"causal": 5},
    ),
    kept(
        "one frame early",
        lambda x: np.append(x[1:], 0),
        AHEAD,
        traits={"lookahead": 1, "memory": 0, "latency": -1},
        small={"causal": 2},
    ),
    kept(
        "only where all taps overlap",
        lambda x: np.convolve(x, [1.0, -2.0, 1.0], "valid") if len(x) > 2 else x[:0],
        AHEAD,
        traits={"lookahead": 2, "memory": 0},
    ),
    kept("differences", np.diff, AHEAD, traits={"lookahead": 1, "memory": 0}, small={"causal": 2}),
    kept("backwards through a filter", lambda x: backwards(x, [1.0], [1.0, -0.9]), AHEAD),
    kept("backwards through a sum", lambda x: np.cumsum(x[::-1])[::-1], AHEAD + " stable"),
    kept(
        "Savitzky-Golay, zero ends",
        lambda x: scipy.signal.savgol_filter(x, 5, 2, mode="constant"),
        AHEAD,
    ),
)

# --- without bound -----------------------------------------------------------------------------


def recursive(b: list[float], a: list[float]) -> Any:
    return lambda x: scipy.signal.lfilter(b, a, x)


def comb(gain: float, frames: int = 100) -> Any:
    return recursive([1.0], [1.0, *[0.0] * (frames - 1), -gain])


def resonator(radius: float, angle: float = 0.7) -> Any:
    return recursive([1.0], [1.0, -2 * radius * np.cos(angle), radius**2])


ENDLESS = "stable memoryless"
UNBOUNDED = (
    kept("integrator", np.cumsum, ENDLESS, traits={"lookahead": 0, "memory": None, "latency": 0}),
    kept("double integrator", recursive([1.0], [1.0, -2.0, 1.0]), ENDLESS),
    kept("resonator of radius 1", resonator(1.0), ENDLESS, traits={"memory": None}),
    kept("unstable resonator", resonator(1.001), ENDLESS),
    # Beyond 14 500 frames it is infinite, and nothing can be said of anything.
    kept(
        "explosive resonator",
        resonator(1.05),
        ENDLESS,
        spared="additive homogeneous linear time-invariant causal deterministic stateless lti",
    ),
    kept("echo with feedback above one", comb(1.1), ENDLESS),
    kept("echo that never fades", comb(1.0), ENDLESS),
    # As a filter it has taps of 1 from and to eternity; on arrays it asks how far they go.
    kept(
        "sum of everything",
        lambda x: np.full(len(x), np.sum(x)),
        AHEAD + " stable",
        spared="time-invariant lti",
        traits={"lookahead": None},
    ),
)

TIMELY = GAINS + DELAYS + BLOCKS + ENDS + PROPHETS + UNBOUNDED
