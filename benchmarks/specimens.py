"""Honest systems drawn by a seed, and weak violators, to count the errors of checks with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.signal

import ltisys as lti
from benchmarks.signals import Array

FS = 48_000

System = Callable[[Array], Array]
Rng = np.random.Generator


def honest(seed: int) -> tuple[str, System | Any]:
    """Return the kind of an honest system, drawn by a seed, and the system."""
    rng = np.random.default_rng(seed)
    kinds = list(HONEST)
    kind = kinds[seed % len(kinds)]
    return kind, HONEST[kind](rng)


def _fir(rng: Rng) -> System:
    h = rng.standard_normal(int(10 ** rng.uniform(0, 3.3))) * 10 ** rng.uniform(-9, 9)
    return lambda x: np.convolve(x, h)


def _iir(rng: Rng) -> System:
    low = 10 ** rng.uniform(1.5, 3.5)
    band = rng.choice(["lowpass", "highpass", "bandpass", "bandstop"])
    edges = low if band in ("lowpass", "highpass") else [low, low * rng.uniform(1.5, 5)]
    order = int(rng.integers(1, 9))
    sos = scipy.signal.ellip(order, 1, 60, edges, band, fs=FS, output="sos")
    return lambda x: scipy.signal.sosfilt(sos, x)


def _resonator(rng: Rng) -> System:
    r, angle = 1 - 10 ** rng.uniform(-4, -1), rng.uniform(0.01, 3.1)
    a = [1, -2 * r * np.cos(angle), r * r]
    return lambda x: scipy.signal.lfilter([1.0], a, x)


def _delay(rng: Rng) -> System:
    frames, gain = int(10 ** rng.uniform(0, 5)), rng.uniform(-2, 2)
    return lambda x: gain * np.concatenate([np.zeros(frames), x])


def _by_fft(rng: Rng) -> System:
    taps = int(rng.integers(1, 20_000))
    h = rng.standard_normal(taps) * np.exp(-7 * np.arange(taps) / taps)
    return lambda x: scipy.signal.oaconvolve(x, h)


def _single(rng: Rng) -> System:
    h = rng.standard_normal(int(rng.integers(1, 300))).astype(np.float32)
    return lambda x: scipy.signal.fftconvolve(x.astype(np.float32), h)


def _single_recursive(rng: Rng) -> System:
    order, edge = int(rng.integers(1, 7)), 10 ** rng.uniform(2, 4)
    sos = scipy.signal.butter(order, edge, fs=FS, output="sos").astype(np.float32)
    return lambda x: scipy.signal.sosfilt(sos, x.astype(np.float32))


def _comb(rng: Rng) -> System:
    a = np.zeros(int(rng.integers(2, 60)))
    a[0], a[-1] = 1.0, rng.choice([-1, 1]) * rng.uniform(0.1, 0.99)
    return lambda x: scipy.signal.lfilter([1.0], a, x)


def _truncated(rng: Rng) -> System:
    h = rng.standard_normal(int(rng.integers(1, 500)))
    return lambda x: np.convolve(x, h)[: x.size]


def _engine(rng: Rng) -> Any:
    method = str(rng.choice(["direct", "fft", "overlap-add", "overlap-save", "partitioned"]))
    h = rng.standard_normal(int(10 ** rng.uniform(0, 2.5)))
    return lambda x: lti.convolve(x, h, method=method)


def _system(rng: Rng) -> Any:
    return lti.FIR(rng.standard_normal(int(10 ** rng.uniform(0, 3.5))), fs=FS)


def _stream(rng: Rng) -> Any:
    system = _system(rng)
    block_size = int(rng.choice([16, 64, 100, 256]))
    return lambda: system.stream(block_size=block_size)


HONEST: dict[str, Callable[[Rng], Any]] = {
    "FIR of 1 to 2 000 taps, gains of 1e-9 to 1e9": _fir,
    "elliptic IIR of order 1 to 16": _iir,
    "resonator of a Q up to 15 000": _resonator,
    "delay of up to 100 000 frames": _delay,
    "oaconvolve of up to 20 000 taps": _by_fft,
    "FIR by FFT in single precision": _single,
    "Butterworth in single precision": _single_recursive,
    "comb of up to 58 frames": _comb,
    "FIR, cut to the length of the input": _truncated,
    "our engines, up to 316 taps": _engine,
    "our systems, up to 3 200 taps": _system,
    "our streams, up to 3 200 taps": _stream,
}


def violators() -> dict[str, tuple[Callable[[int], System], tuple[str, ...]]]:
    """Return weak violators: how each is made for a seed, and what it must be caught at."""
    sos = scipy.signal.butter(2, 2000, fs=FS, output="sos")

    def filtered(x: Array) -> Array:
        return scipy.signal.sosfilt(sos, x)

    def gate(x: Array) -> Array:
        return np.where(np.abs(x) < 1e-4, 0.0, x)

    def tremolo(x: Array) -> Array:
        return x * (1 + 1e-3 * np.sin(2 * np.pi * 0.1 / FS * np.arange(x.size)))

    def switch(x: Array) -> Array:
        return x * np.where(np.arange(x.size) % 10_000 < 5_000, 1.0, 0.99)

    def early(x: Array) -> Array:
        y = filtered(x)
        y[:-64] += 1e-4 * x[64:]
        return y

    def noisy(seed: int) -> System:
        rng = np.random.default_rng(seed + 10_000)
        return lambda x: filtered(x) + 1e-7 * rng.standard_normal(x.size)

    def leaking(seed: int) -> System:
        state = np.zeros((sos.shape[0], 2))

        def system(x: Array) -> Array:
            y, end = scipy.signal.sosfilt(sos, x, zi=1e-4 * state)
            state[:] = end
            return y

        return system

    def every_second(x: Array) -> Array:
        y = filtered(x)
        y[::2] *= 0.999
        return y

    linear, varying = ("linear", "lti"), ("time-invariant", "lti")
    return {
        "a cube of 1e-6": (lambda _: lambda x: filtered(x) + 1e-6 * x**3, linear),
        "a square of 1e-8": (lambda _: lambda x: filtered(x) + 1e-8 * x * x, linear),
        "a clip at 0.9": (lambda _: lambda x: np.clip(filtered(x), -0.9, 0.9), linear),
        "24 bits": (lambda _: lambda x: np.round(filtered(x) * 2**23) / 2**23, linear),
        "a gate at -80 dBFS": (lambda _: gate, linear),
        "an offset of 1e-9": (lambda _: lambda x: filtered(x) + 1e-9, linear),
        "a tremolo of 0.1 Hz by 0.001": (lambda _: tremolo, varying),
        "a gain that changes by 1 % every 5 000 frames": (lambda _: switch, varying),
        "every second frame 0.1 % quieter": (lambda _: every_second, varying),
        "a look ahead by 64 frames at -80 dB": (lambda _: early, ("causal",)),
        "noise at -140 dBFS": (noisy, ("deterministic",)),
        "a state that leaks at -80 dB": (leaking, ("stateless",)),
    }
