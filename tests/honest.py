"""Honest systems: linear and time-invariant in hundreds of ways, no alarm may sound at any

`systems()` makes them all, the same ones each time. Each is linear, time-invariant, stable,
deterministic, stateless and pure; those that look ahead say so.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.fft
import scipy.ndimage
import scipy.signal
import scipy.sparse

import ltisys as lti

Signal = np.ndarray[Any, Any]
FS = 48_000
METHODS = ("auto", "direct", "fft", "overlap-add", "overlap-save", "partitioned")


@dataclasses.dataclass(frozen=True)
class Honest:
    """A system without fault: `causal` unless it looks ahead, `memoryless` if it is a gain."""

    name: str
    system: Callable[..., Any]
    inputs: int = 1
    causal: bool = True
    memoryless: bool = False
    h: Signal | None = None
    """The impulse response where it is finite and known, its first frame at time 0."""


def chance(*seed: int) -> np.random.Generator:
    return np.random.default_rng([44, *seed])


def taps(count: int, *seed: int) -> Signal:
    return chance(count, *seed).standard_normal(count)


def decay(count: int, *seed: int, rt60: float | None = None) -> Signal:
    """Noise that falls by 60 dB over its length, or over as many frames as told."""
    return taps(count, *seed) * 1e-3 ** (np.arange(count) / (rt60 or count))


def poles(order: int, most: float, *seed: int) -> tuple[Signal, Signal]:
    """(b, a) of a stable filter with its poles at random within the radius given."""
    rng = chance(order, 1, *seed)
    pairs = rng.uniform(0.2, most, order // 2) * np.exp(1j * rng.uniform(0.2, 2.9, order // 2))
    real = rng.uniform(-most, most, order % 2)
    return rng.standard_normal(order + 1), np.poly([*pairs, *pairs.conj(), *real]).real


def recursion(b: Any, a: Any) -> Callable[[Signal], Signal]:
    return lambda x: scipy.signal.lfilter(b, a, x)


def resonator(radius: float, angle: float) -> tuple[list[float], list[float]]:
    return [1 - radius], [1.0, -2 * radius * np.cos(angle), radius**2]


# --- each family yields its systems ------------------------------------------------------------


def fir() -> Iterator[Honest]:
    for count in (1, 2, 3, 4, 5, 8, 13, 16, 31, 64, 97, 128, 255, 512, 1000, 2048):
        h = taps(count, 2)
        flat = count == 1
        made = functools.partial(Honest, memoryless=flat)
        yield made(f"np.convolve, {count}", lambda x, h=h: np.convolve(x, h), h=h)
        yield made(f"lfilter, {count}", recursion(h, 1))
        yield made(f"fftconvolve, {count}", lambda x, h=h: scipy.signal.fftconvolve(x, h), h=h)
        yield made(f"oaconvolve, {count}", lambda x, h=h: scipy.signal.oaconvolve(x, h), h=h)
        yield made(f"FIR, {count}", lti.FIR(h), h=h)
    for count in (5, 150, 3000):
        h = taps(count, 3)
        for method in METHODS:
            yield Honest(
                f"convolve {method}, {count}",
                lambda x, h=h, method=method: lti.convolve(x, h, method=method),
                h=h,
            )
    h = taps(40, 4)
    yield Honest("upfirdn", lambda x: scipy.signal.upfirdn(h, x), h=h)
    yield Honest(
        "convolve1d", lambda x: scipy.ndimage.convolve1d(x, h, mode="constant"), causal=False
    )
    yield Honest("sosfilt of zeros only", sections(scipy.signal.tf2sos(taps(7, 5), [1])))
    yield Honest("differences, first kept", lambda x: np.diff(x, prepend=0))
    yield Honest("matrix of Toeplitz", lambda x: toeplitz(taps(30, 6), len(x)) @ x)
    yield Honest("windows that slide", lambda x: sliding(x, taps(25, 7)))
    yield Honest("sum of delayed copies", lambda x: 0.5 * np.pad(x, (0, 3)) - np.pad(x, (3, 0)))
    yield Honest("comb forwards", lambda x: np.pad(x, (0, 700)) + 0.7 * np.pad(x, (700, 0)))


def toeplitz(h: Signal, frames: int) -> Any:
    """The matrix of a convolution, sparse: as long as the input."""
    h = h[:frames]
    below = range(0, -len(h), -1)
    return scipy.sparse.diags_array(h, offsets=list(below), shape=(frames, frames))


def sliding(x: Signal, h: Signal) -> Signal:
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, len(h) - 1), len(h))
    return windows @ h[::-1]


def iir() -> Iterator[Honest]:
    for order in range(1, 9):
        for most in (0.5, 0.8, 0.95):
            yield Honest(f"poles to {most}, order {order}", recursion(*poles(order, most)))
    for order, cutoff in ((2, 0.01), (4, 0.02), (4, 0.2), (6, 0.1), (8, 0.15), (8, 0.5), (12, 0.4)):
        b, a = scipy.signal.butter(order, cutoff)
        yield Honest(f"butter({order}, {cutoff}) as one fraction", recursion(b, a))
        b, a = scipy.signal.ellip(order, 1, 60, cutoff)
        yield Honest(f"ellip({order}, {cutoff}) as one fraction", recursion(b, a))
    for order in (1, 2, 4, 8, 12, 20):
        for cutoff in (0.002, 0.05, 0.6):
            yield Honest(
                f"butter({order}, {cutoff}) in sections",
                sections(scipy.signal.butter(order, cutoff, output="sos")),
            )
    for kind in ("cheby1", "cheby2", "ellip"):
        for order in (3, 6, 9):
            design = functools.partial(
                scipy.signal.iirfilter, order, [0.1, 0.3], rp=0.5, rs=70, output="sos"
            )
            sos = design(ftype=kind, btype="bandpass" if order % 2 else "bandstop")
            yield Honest(f"{kind} of {order} bands", sections(sos))
    for radius in (0.9, 0.99, 0.999, 0.9995, 0.9999):
        for angle in (0.01, 0.3, 1.5, 3.0):
            yield Honest(f"radius {radius}, angle {angle}", recursion(*resonator(radius, angle)))
    for q in (30, 300, 3000):
        yield Honest(f"notch, Q {q}", recursion(*scipy.signal.iirnotch(0.1, q)))
        yield Honest(f"peak, Q {q}", recursion(*scipy.signal.iirpeak(0.1, q)))
    for pole in (0.5, -0.9, 0.995, 0.9995):
        yield Honest(f"one pole at {pole}", recursion([1.0], [1.0, -pole]))
        yield Honest(f"allpass at {pole}", recursion([-pole, 1.0], [1.0, -pole]))
    yield Honest("DC blocker", recursion([1.0, -1.0], [1.0, -0.995]))
    yield Honest("one pole in a loop", one_pole)


def sections(sos: Signal) -> Callable[[Signal], Signal]:
    return lambda x: scipy.signal.sosfilt(sos, x)


def one_pole(x: Signal) -> list[float]:
    y, held = [], 0.0
    for value in x.tolist():
        held += 0.2 * (value - held)
        y.append(held)
    return y


def gains() -> Iterator[Honest]:
    gain = functools.partial(Honest, memoryless=True)
    for level in (1e-9, 1e-6, 1e-3, 1.0, 3.0, 1e3, 1e6, 1e9):
        yield gain(f"gain {level:g}", lambda x, level=level: level * x)
        yield gain(f"gain {-level:g}, FIR", lti.gain(-level))
        h = level * taps(50, 8)
        yield Honest(f"50 taps times {level:g}", lambda x, h=h: np.convolve(x, h), h=h)
        b, a = poles(3, 0.9, 9)
        yield Honest(f"three poles times {level:g}", recursion(level * b, a))
        h = level * decay(1500, 10)
        yield Honest(
            f"1500 taps times {level:g}", lambda x, h=h: scipy.signal.oaconvolve(x, h), h=h
        )
    yield gain("the input itself", lambda x: x)
    yield gain("a copy", np.copy)
    yield gain("np.negative", np.negative)
    yield gain("silence", np.zeros_like)
    yield gain("a list", lambda x: (2 * x).tolist())
    yield gain("one row", lambda x: x[None] / 2)
    yield gain("read-only", read_only)
    yield gain("its own buffer", Buffer())
    yield gain("there and back by FFT", lambda x: np.fft.irfft(np.fft.rfft(x), len(x)))
    yield gain("there and back by short FFTs", there_and_back)


def read_only(x: Signal) -> Signal:
    y = x / 3
    y.setflags(write=False)
    return y


class Buffer:
    """Answers in the same array each time, which whoever wants to keep must copy."""

    def __init__(self) -> None:
        self.buffer = np.zeros(0)

    def __call__(self, x: Signal) -> Signal:
        if len(self.buffer) < len(x):
            self.buffer = np.zeros(2 * len(x))
        return np.multiply(x, 0.25, out=self.buffer[: len(x)])


def there_and_back(x: Signal) -> Signal:
    spectra = scipy.signal.stft(np.pad(x, (0, 128)), nperseg=64)[2]
    return scipy.signal.istft(spectra, nperseg=64)[1][: len(x)]


def delays() -> Iterator[Honest]:
    for frames in (1, 2, 10, 100, 1000, 3000, 10_000, 48_000, 480_000):
        yield Honest(f"delay of {frames}", lambda x, frames=frames: np.pad(x, (frames, 0)))
    for frames in (7, 700, 7000, 480_000):
        yield Honest(f"lti.delay({frames})", lti.delay(frames))
    for frames in (3, 500):
        yield Honest(
            f"delay of {frames}, tail cut",
            lambda x, frames=frames: np.pad(x, (frames, 0))[: len(x)],
        )
    echo = np.zeros(48_001)
    echo[[0, 20_000, 48_000]] = 1, 0.5, 0.25
    yield Honest("two echoes", lti.FIR(echo))


def rooms() -> Iterator[Honest]:
    for count in (600, 2400, 9600, 48_000):
        h = decay(count, 11)
        yield Honest(f"room of {count}, fftconvolve", lambda x, h=h: scipy.signal.fftconvolve(x, h))
        yield Honest(f"room of {count}, oaconvolve", lambda x, h=h: scipy.signal.oaconvolve(x, h))
        yield Honest(f"room of {count}, FIR", lti.FIR(h))
        late = np.append(np.zeros(count // 3), h)
        yield Honest(f"room of {count}, late", lambda x, h=late: lti.convolve(x, h))
    yield Honest("room of 9600, a second in all", lti.FIR(decay(48_000, 12, rt60=9600)))
    for frames in (20, 113, 1116):
        for gain in (0.3, -0.7, 0.9):
            a = [1.0, *[0.0] * (frames - 1), -gain]
            yield Honest(f"comb of {frames}, {gain}", recursion([1.0], a))
            yield Honest(f"Schroeder's allpass of {frames}, {gain}", recursion(a[::-1], a))
    yield Honest("Schroeder's reverb", schroeder)


def schroeder(x: Signal) -> Signal:
    y = sum(recursion([1.0], [1.0, *[0.0] * n, -0.8])(x) for n in (1115, 1187, 1276, 1355))
    for n in (224, 555):
        y = recursion([-0.5, *[0.0] * n, 1.0], [1.0, *[0.0] * n, -0.5])(y)
    return np.asarray(y)


def single() -> Iterator[Honest]:
    """Computed in single precision, answered in single or double."""

    def both(name: str, system: Callable[[Signal], Signal], **options: Any) -> Iterator[Honest]:
        def narrow(x: Signal) -> Signal:
            return np.asarray(system(x.astype(np.float32))).astype(np.float32)

        yield Honest(f"{name}, float32", narrow, **options)
        yield Honest(f"{name}, float32 inside", lambda x: narrow(x).astype(np.float64), **options)

    for count in (1, 2, 9, 60, 500, 4000):
        h = decay(count, 13).astype(np.float32)
        flat = {"memoryless": count == 1}
        yield from both(f"np.convolve, {count}", lambda x, h=h: np.convolve(x, h), **flat)
        yield from both(
            f"fftconvolve, {count}", lambda x, h=h: scipy.signal.fftconvolve(x, h), **flat
        )
        yield from both(f"lti.convolve, {count}", lambda x, h=h: lti.convolve(x, h), **flat)
    for order in (1, 2, 4):
        b, a = (c.astype(np.float32) for c in poles(order, 0.9, 14))
        yield from both(f"lfilter of order {order}", recursion(b, a))
    sos = scipy.signal.butter(6, 0.1, output="sos").astype(np.float32)
    yield from both("sosfilt", sections(sos))
    yield from both("radius 0.99", recursion(*(np.float32(c) for c in resonator(0.99, 0.4))))
    yield from both("gain", lambda x: x * np.float32(0.3), memoryless=True)
    yield from both("room", lti.FIR(decay(9600, 15).astype(np.float32)))


def spectral() -> Iterator[Honest]:
    for count in (6, 90, 1300):
        h = decay(count, 16)
        yield Honest(f"ifft, {count}", lambda x, h=h: by_ifft(x, h), h=h)
        yield Honest(f"irfft, {count}", lambda x, h=h: by_irfft(x, h), h=h)
        yield Honest(f"scipy.fft, {count}", lambda x, h=h: by_next_fast(x, h), h=h)


def by_ifft(x: Signal, h: Signal) -> Signal:
    n = len(x) + len(h) - 1
    return np.fft.ifft(np.fft.fft(x, n) * np.fft.fft(h, n)).real


def by_irfft(x: Signal, h: Signal) -> Signal:
    n = 1 << (len(x) + len(h)).bit_length()
    return np.fft.irfft(np.fft.rfft(x, n) * np.fft.rfft(h, n), n)


def by_next_fast(x: Signal, h: Signal) -> Signal:
    n = scipy.fft.next_fast_len(len(x) + len(h) - 1, real=True)
    return scipy.fft.irfft(scipy.fft.rfft(x, n) * scipy.fft.rfft(h, n), n)[: len(x)]


def in_the_plane() -> Iterator[Honest]:
    """Complex coefficients."""
    yield Honest("gain 1j", lambda x: 1j * x, memoryless=True)
    for count in (2, 17, 800):
        h = decay(count, 17) + 1j * decay(count, 18)
        yield Honest(f"np.convolve, {count} complex", lambda x, h=h: np.convolve(x, h), h=h)
        yield Honest(
            f"fftconvolve, {count} complex", lambda x, h=h: scipy.signal.fftconvolve(x, h), h=h
        )
        yield Honest(f"lti.convolve, {count} complex", lambda x, h=h: lti.convolve(x, h), h=h)
        yield Honest(f"FIR, {count} complex", lti.FIR(h), h=h)
    for radius in (0.7, 0.98):
        yield Honest(f"complex pole of {radius}", recursion([1.0], [1.0, -radius * np.exp(0.5j)]))
    n = np.arange(64)
    h = scipy.signal.firwin(64, 0.2) * np.exp(0.9j * n)
    yield Honest("band to one side", lambda x: np.convolve(x, h), h=h)


def ahead() -> Iterator[Honest]:
    """Without delay, and so with a view of the future."""
    early = functools.partial(Honest, causal=False)
    for count in (3, 5, 9):
        h = np.hanning(count + 2)[1:-1]
        yield early(f"np.convolve same, {count}", lambda x, h=h: np.convolve(x, h, "same"))
    for count in (3, 4, 21, 101, 301):
        h = scipy.signal.firwin(count, 0.3)
        yield early(f"linear phase, {count}", lambda x, h=h: scipy.signal.convolve(x, h, "same"))
        yield early(
            f"linear phase by FFT, {count}", lambda x, h=h: scipy.signal.fftconvolve(x, h, "same")
        )
        yield early(f"linear phase, lti, {count}", lambda x, h=h: centred(x, h))
        yield early(
            f"linear phase, ndimage, {count}",
            lambda x, h=h: scipy.ndimage.correlate1d(x, h, mode="constant"),
        )
    for sigma in (0.8, 5):
        yield early(
            f"Gaussian of {sigma}",
            lambda x, sigma=sigma: scipy.ndimage.gaussian_filter1d(x, sigma, mode="constant"),
        )
    yield early("Savitzky-Golay", lambda x: scipy.signal.savgol_filter(x, 7, 3, mode="constant"))
    yield early(
        "Savitzky-Golay slope", lambda x: scipy.signal.savgol_filter(x, 9, 2, 1, mode="constant")
    )
    yield early(
        "Hilbert's",
        lambda x: scipy.signal.convolve(
            x, scipy.signal.remez(31, [0.05, 0.45], [1], type="hilbert"), "same"
        ),
    )
    yield early(
        "difference, centred",
        lambda x: scipy.ndimage.correlate1d(x, [-0.5, 0, 0.5], mode="constant"),
    )


def centred(x: Signal, h: Signal) -> Signal:
    start = (len(h) - 1) // 2
    return lti.convolve(x, h)[start : start + len(x)]


def averages() -> Iterator[Honest]:
    for count in (2, 10, 441, 2000):
        yield Honest(f"mean of {count} by sums", lambda x, count=count: mean_by_sums(x, count))
        h = np.ones(count) / count
        yield Honest(f"mean of {count}", lambda x, h=h: np.convolve(x, h), h=h)


def mean_by_sums(x: Signal, count: int) -> Signal:
    sums = np.cumsum(np.pad(x, (count, 0)))
    return (sums[count:] - sums[:-count]) / count


def rows() -> Iterator[Honest]:
    """Several rows in, or several out."""
    for outputs, inputs in ((2, 2), (1, 2), (3, 2), (3, 3), (2, 3)):
        many = functools.partial(Honest, inputs=inputs)
        for count in (1, 30, 700):
            h = np.stack([decay(count, 19, o) for o in range(outputs * inputs)])
            system = lti.FIR(h.reshape(outputs, inputs, count))
            yield many(f"{outputs}x{inputs} FIRs of {count}", system, memoryless=count == 1)
        a = taps(outputs * inputs, 20).reshape(outputs, inputs)
        yield many(f"{outputs}x{inputs} gains", lambda x, a=a: a @ x, memoryless=True)
        b = poles(2, 0.9, 21)
        yield many(f"{outputs}x{inputs} recursions", lambda x, a=a, b=b: a @ recursion(*b)(x))
    pair = functools.partial(Honest, inputs=2)
    yield pair("row by row", lti.FIR(taps(80, 22).reshape(2, 40)))
    yield pair("rows alike", lti.FIR(taps(40, 23)))
    yield pair("rows swapped", lambda x: x[::-1], memoryless=True)
    yield pair("middle and side", lambda x: np.stack((x[0] + x[1], x[0] - x[1])), memoryless=True)
    yield pair("mean of rows", lambda x: x.mean(axis=0), memoryless=True)
    yield pair("second row ignored", lambda x: x[0] * 2, memoryless=True)
    yield pair(
        "crossfeed", lambda x: np.pad(x, [(0, 0), (0, 9)]) + 0.3 * np.pad(x[::-1], [(0, 0), (9, 0)])
    )
    yield pair(
        "second row a million times fainter",
        lambda x: np.stack((x[0], 1e-6 * x[1])),
        memoryless=True,
    )
    yield pair(
        "rows ahead",
        lambda x: scipy.ndimage.correlate1d(x, [1.0, 2, 1], mode="constant"),
        causal=False,
    )
    yield Honest("one row spread", lti.FIR(taps(60, 24).reshape(2, 30)))
    yield Honest("one row to three", lambda x: np.stack((x, 2 * x, -x)), memoryless=True)


def streams() -> Iterator[Honest]:
    for count in (1, 30, 1000, 9600):
        h = decay(count, 25)
        for size in (1, 64, 256, 1000) if count > 1 else (64,):
            system = lti.FIR(h)
            for dtype in ("float32", "float64"):
                make = functools.partial(system.stream, block_size=size, dtype=dtype)
                name = f"stream of {count}, blocks of {size}, {dtype}"
                yield Honest(name, make, memoryless=count == 1)
    pair = lti.FIR(decay(1200, 26).reshape(2, 2, 300))
    yield Honest("stream of a matrix", lambda: pair.stream(channels=2, dtype="float64"), inputs=2)
    yield Honest("stream of a delay", lambda: lti.delay(300).stream(dtype="float64"))
    series = lti.FIR(decay(40, 27)) >> lti.FIR(decay(900, 28)) >> lti.gain(0.1)
    yield Honest("stream of a series", lambda: series.stream(block_size=128))
    yield Honest("series", series)
    yield Honest("sum of systems", lti.FIR(decay(33, 29)) + 0.5 * lti.delay(100))


FAMILIES = (
    *(fir, iir, gains, delays, rooms, single, spectral),
    *(in_the_plane, ahead, averages, rows, streams),
)


@functools.cache
def systems() -> tuple[Honest, ...]:
    """All of them, family by family."""
    return tuple(system for family in FAMILIES for system in family())
