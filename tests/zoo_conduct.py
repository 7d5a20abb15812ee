"""The misbehaved of the zoo: state, chance, faults, complex numbers, and rows that meddle"""

from typing import Any

import numpy as np
import scipy.signal
from zoo_curves import delayed, smooth
from zoo_specimen import RANDOM, STATIC, born, kept

Signal = np.ndarray[Any, Any]

# --- chance: nothing can be said of laws below the noise ---------------------------------------

CHANCE = "deterministic stateless"


class Noisy:
    """Some system, and noise from a generator of its own."""

    def __init__(self, system: Any, level: float) -> None:
        self.system, self.level, self.rng = system, level, np.random.default_rng(7)

    def __call__(self, x: Signal) -> Signal:
        y = self.system(x)
        return y + self.level * self.rng.standard_normal(len(y))


class Random:
    """A system that is handed a generator."""

    def __init__(self, system: Any) -> None:
        self.system, self.rng = system, np.random.default_rng(7)

    def __call__(self, x: Signal) -> Signal:
        return self.system(x, self.rng)


def global_noise(x: Signal) -> Signal:
    return x + 1e-3 * np.random.standard_normal(len(x))  # noqa: NPY002


def dithered(x: Signal, rng: np.random.Generator) -> Signal:
    return np.round(x * 32768 + rng.triangular(-1, 0, 1, len(x))) / 32768


def fixed_dither(x: Signal) -> Signal:
    """The same dither each time: chance in name only."""
    return dithered(x, np.random.default_rng(7))


def noisy(name: str, system: Any, level: float, fails: str = "", unjudged: str = RANDOM) -> Any:
    return born(name, lambda: Noisy(system, level), f"{CHANCE} {fails}", unjudged=unjudged)


def chancy(name: str, system: Any) -> Any:
    return born(name, lambda: Random(system), CHANCE, unjudged=RANDOM)


NOISE = (
    noisy("noise at -60 dB", lambda x: x, 1e-3),
    noisy("noise at -180 dB", lambda x: x, 1e-9),
    noisy("noise alone", lambda x: 0 * x, 1.0),
    noisy(
        "square in faint noise",
        lambda x: x**2,
        1e-9,
        STATIC,
        "time-invariant causal memoryless",
    ),
    noisy(
        "delay in faint noise",
        lambda x: delayed(x, 3),
        1e-9,
        "memoryless",
        "additive homogeneous time-invariant causal",
    ),
    born("noise from the global state", lambda: global_noise, CHANCE, unjudged=RANDOM),
    chancy("random dither", dithered),
    chancy("random gain", lambda x, rng: x * rng.uniform(0.5, 1.5)),
    chancy("random dropouts", lambda x, rng: x * (rng.random(len(x)) > 0.5)),
    kept("dither that repeats", fixed_dither, f"{STATIC} time-invariant"),
    kept(
        "clicks",
        lambda x: x + 0.1 * (np.arange(len(x)) % 100 == 50),
        f"{STATIC} time-invariant",
        traits={"period": 100},
        says="affine",
    ),
    kept(
        "hum",
        lambda x: x + 1e-3 * np.sin(2 * np.pi * np.arange(len(x)) / 960),
        f"{STATIC} time-invariant",
        says="affine",
    ),
)

# --- state between calls -----------------------------------------------------------------------


class Counter:
    """A gain that grows with each call."""

    calls = 0

    def __call__(self, x: Signal) -> Signal:
        self.calls += 1
        return x * self.calls


class CountingOffset(Counter):
    def __call__(self, x: Signal) -> Signal:
        self.calls += 1
        return x + 1e-3 * self.calls


class Toggle(Counter):
    """Every second call turns the sign."""

    def __call__(self, x: Signal) -> Signal:
        self.calls += 1
        return x * (-1) ** self.calls


class ColdStart(Counter):
    """The first call answers silence."""

    def __call__(self, x: Signal) -> Signal:
        self.calls += 1
        return x * (self.calls > 1)


class Leak:
    """A filter whose state outlives the call."""

    def __init__(self) -> None:
        self.zi = np.zeros(1)

    def __call__(self, x: Signal) -> Signal:
        y, self.zi = scipy.signal.lfilter([0.1], [1, -0.9], x, zi=self.zi)
        return y


class LastFrame:
    """The last frame of a call is heard at the start of the next."""

    last = 0.0

    def __call__(self, x: Signal) -> Signal:
        y = np.array(x, dtype=np.float64)
        y[0] += 0.5 * self.last
        self.last = float(x[-1])
        return y


class Gain:
    """An automatic gain that remembers how loud earlier calls were."""

    power = 0.0

    def __call__(self, x: Signal) -> Signal:
        self.power = 0.5 * self.power + 0.5 * float(np.mean(x * x))
        return x / np.sqrt(1 + self.power)


# What a system with state does to one call's input depends on the others: only that is sure.
STATE_SPARES = "additive homogeneous linear time-invariant causal memoryless"
STATE = (
    born("counter", Counter, CHANCE, unjudged=RANDOM, spared="stable"),
    # Whether its departures are far above its noise is a matter of how often it was called.
    born(
        "counting offset",
        CountingOffset,
        CHANCE,
        unjudged=RANDOM,
        spared="stable additive homogeneous linear",
    ),
    born("every second call inverted", Toggle, CHANCE, unjudged=RANDOM),
    born("cold start", ColdStart, "stateless", spared=f"{STATE_SPARES} deterministic"),
    born(
        "leak between calls", Leak, "stateless memoryless", spared=STATE_SPARES.rpartition(" ")[0]
    ),
    born("last frame leaks", LastFrame, "stateless", spared=STATE_SPARES),
    born("gain that remembers", Gain, "stateless", spared=f"{STATE_SPARES} deterministic"),
)

# --- hands on the input ------------------------------------------------------------------------


def halved_in_place(x: Signal) -> Signal:
    x *= 0.5
    return x


def erasing(x: Signal) -> Signal:
    y = smooth(x, 0.5)
    x[:] = 0
    return y


def marking(x: Signal) -> Signal:
    y = x.copy()
    x[-1] += 1
    return y


HANDS = (
    kept("in-place gain", halved_in_place, "pure"),
    kept("input erased", erasing, "pure memoryless"),
    kept("last frame of the input marked", marking, "pure"),
)

# --- faults: judged as such, never a crash -----------------------------------------------------

ANSWERS = f"{RANDOM} stable deterministic stateless"
"""All that is read off the answer."""


def nan_if_loud(x: Signal) -> Signal:
    return np.where(np.abs(x) > 3, np.nan, x)


def nan_on_silence(x: Signal) -> Signal:
    with np.errstate(invalid="ignore"):
        return x / np.sqrt(np.sum(x * x))


def real_root(x: Signal) -> Signal:
    with np.errstate(invalid="ignore"):
        return np.sqrt(x)


def logarithm(x: Signal) -> Signal:
    with np.errstate(divide="ignore"):
        return np.log10(np.abs(x))


def refuse(x: Signal) -> Signal:
    raise RuntimeError("out of order")


def refuse_loud(x: Signal) -> Signal:
    if np.max(np.abs(x)) > 3:
        raise ValueError("too loud")
    return x


def fault(name: str, system: Any, **options: Any) -> Any:
    options.setdefault("unjudged", ANSWERS)
    return kept(name, system, options.pop("fails", ""), **options)


# Whether what never answered well left its input alone is anybody's guess.
FAULTS = (
    fault("NaN maker", lambda x: x * np.nan, spared="pure"),
    fault("refusal", refuse, spared="pure"),
    fault("None", lambda x: None, spared="pure"),
    fault("a word", lambda x: "silence", spared="pure"),
    fault("a number", lambda x: float(np.sum(x)), spared="pure"),
    fault("three axes", lambda x: x[None, None, :], spared="pure"),
    fault("nothing", lambda x: x[:0], spared="pure"),
    fault(
        "NaN where loud",
        nan_if_loud,
        unjudged="additive homogeneous",
        spared="time-invariant causal memoryless stable deterministic stateless lti",
    ),
    fault(
        "refusal where loud",
        refuse_loud,
        unjudged="additive homogeneous",
        spared="time-invariant causal memoryless stable deterministic stateless lti",
    ),
    fault(
        "square root, NaN below zero",
        real_root,
        fails=STATIC,
        spared="time-invariant causal memoryless stable deterministic stateless",
        unjudged="",
    ),
    fault(
        "logarithm",
        logarithm,
        fails=STATIC,
        unjudged="",
        spared="time-invariant causal memoryless stable deterministic stateless",
    ),
    fault(
        "NaN on silence",
        nan_on_silence,
        fails=STATIC + " time-invariant causal memoryless",
        unjudged="",
        spared="stable deterministic stateless",
    ),
)

# --- complex numbers ---------------------------------------------------------------------------


def phase_quantiser(x: Signal) -> Signal:
    """Phases in steps of 45 degrees, which leaves real signals as they are."""
    step = np.pi / 4
    return np.abs(x) * np.exp(1j * step * np.round(np.angle(x) / step))


COMPLEX = (
    kept("complex conjugate", np.conj, "homogeneous", small={"homogeneous": 1}),
    kept("real part", np.real, "homogeneous", small={"homogeneous": 1}),
    kept("imaginary part", np.imag, "homogeneous", small={"homogeneous": 1}),
    kept("widely linear", lambda x: x + 0.25j * np.conj(x), "homogeneous"),
    kept(
        "conjugate, late",
        lambda x: np.conj(delayed(x, 2)),
        "homogeneous memoryless",
        traits={"latency": 2},
    ),
    kept("phase quantiser", phase_quantiser, STATIC, small={"additive": 1, "homogeneous": 1}),
)

# --- rows that meddle: (2, frames) in ----------------------------------------------------------


def rows(name: str, system: Any, fails: str, **options: Any) -> Any:
    return kept(name, system, fails, inputs=2, **options)


ROWS = (
    rows("product of rows", lambda x: x[0] * x[1], STATIC),
    rows("ducker", lambda x: np.stack((x[0] / (1 + np.abs(x[1])), x[1])), STATIC),
    rows("louder row", lambda x: np.where(np.abs(x[0]) > np.abs(x[1]), x[0], x[1]), "additive"),
    rows("larger row", lambda x: x.max(axis=0), "additive"),
    rows("second row clipped", lambda x: np.stack((x[0], np.clip(x[1], -0.9, 0.9))), STATIC),
    rows("linked limiter", lambda x: x / np.maximum(1, np.abs(x).max(axis=0)), STATIC),
    rows("length of the vector", lambda x: np.hypot(x[0], x[1]), "additive"),
    rows(
        "rows swapped every 50",
        lambda x: np.where(np.arange(x.shape[1]) // 50 % 2, x[::-1], x),
        "time-invariant",
        traits={"period": 100},
    ),
    rows(
        "panorama that moves",
        lambda x: x * np.stack((np.sin(0.01 * np.arange(x.shape[1])), np.ones(x.shape[1]))),
        "time-invariant",
    ),
    rows(
        "second row early",
        lambda x: np.stack((x[0], np.append(x[1, 1:], 0))),
        "causal memoryless",
        traits={"lookahead": 1, "memory": 0},
    ),
    rows("rows multiplied faintly", lambda x: x + 1e-4 * x[0] * x[1], STATIC),
)

# --- streams: a callable without arguments that gives a fresh one ------------------------------


class ShapedStream:
    """A soft clip, block by block."""

    def push(self, block: Signal) -> Signal:
        return np.tanh(block)

    def flush(self) -> Signal:
        return np.zeros(0)


class ModulatedStream:
    """A ring modulator that counts frames over all blocks."""

    position = 0

    def push(self, block: Signal) -> Signal:
        start, self.position = self.position, self.position + len(block)
        return block * np.cos(np.pi / 8 * np.arange(start, self.position))

    def flush(self) -> Signal:
        return np.zeros(0)


STREAMS = (
    born("stream that clips softly", lambda: ShapedStream, STATIC),
    born("stream that modulates", lambda: ModulatedStream, "time-invariant", traits={"period": 16}),
)

MISBEHAVED = NOISE + STATE + HANDS + FAULTS + COMPLEX + ROWS + STREAMS
