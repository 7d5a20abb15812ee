"""the one FFT seam: real FFTs on the last axis, good sizes, dtype rules, workers

Every transform of the package goes through `scipy.fft`, so a backend the user installs there is
used, in our threads too. Each call asks for one worker: the threads are ours, one batch of rows
each, because a batch that stays in a core's cache is what makes a transform fast.
"""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any, TypeVar

import numpy as np
import scipy.fft

from ltisys._types import Array

uarray: Any  # the way to carry a backend into another thread; not among scipy's public names
try:
    uarray = importlib.import_module("scipy._lib.uarray")
except ImportError:  # a scipy that moved it: our threads then miss `set_backend`
    uarray = None

__all__ = [
    "RealTransform",
    "active_backend",
    "complex_for",
    "cores",
    "forward",
    "forward_real",
    "good_size",
    "inverse",
    "inverse_real",
    "is_real",
    "parallel",
    "partition_nfft",
    "precision_for",
    "settle_allocator",
    "split",
]

pocketfft: Any  # what scipy.fft calls in the end; see `RealTransform`
try:
    pocketfft = importlib.import_module("scipy.fft._pocketfft.pypocketfft")
except ImportError:  # a scipy that moved it
    pocketfft = None

Task = TypeVar("Task")

SPLIT_FROM = 200_000
"""Transforms from this length up run in two passes (`benchmarks/results/transforms.md`)."""


LANES_FROM = 8192
"""Single real rows from this length up run in two passes, to fill SIMD lanes."""


# --- dtypes -----------------------------------------------------------------------------------


def precision_for(*dtypes: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of a result: single only if all are single, complex if any is complex."""
    single = all(d in (np.float32, np.complex64) for d in dtypes)
    if any(d.kind == "c" for d in dtypes):
        return np.dtype(np.complex64 if single else np.complex128)
    return np.dtype(np.float32 if single else np.float64)


def is_real(dtype: np.dtype[Any]) -> bool:
    """Say whether a dtype has no imaginary part."""
    return dtype.kind != "c"


def complex_for(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the complex dtype of the same precision."""
    return np.result_type(dtype, np.complex64)


# --- sizes ------------------------------------------------------------------------------------


@functools.cache
def _sides() -> Array:
    """List the 5-smooth sides of a split transform; high powers of two alias in the caches."""
    sides = [
        2**a * 3**b * 5**c
        for a in range(2, 5)
        for b in range(8)
        for c in range(6)
        if 256 <= 2**a * 3**b * 5**c <= 8192
    ]
    return np.array(sorted(sides))


@functools.lru_cache(maxsize=512)
def good_size(least: int) -> int:
    """Return the smallest fast transform length >= `least`."""
    if least < SPLIT_FROM or least > 1 << 26:
        return int(scipy.fft.next_fast_len(least, real=True))  # no factors 7 and 11
    sides = _sides()
    products = np.outer(sides, sides)
    usable = (products >= least) & (sides[:, None] <= sides) & (sides <= 4 * sides[:, None])
    return int(products[usable].min())


@functools.lru_cache(maxsize=512)
def split(nfft: int) -> tuple[int, int] | None:
    """Return (n1, n2) with n1 n2 = nfft if a transform of `nfft` runs in two passes, or None."""
    if nfft < SPLIT_FROM:
        return None
    sides = _sides()
    pairs = [(int(a), nfft // int(a)) for a in sides if nfft % a == 0 and nfft // a in sides]
    return min(pairs, key=lambda pair: abs(pair[0] - pair[1]), default=None)


def partition_nfft(size: int) -> int:
    """Return the transform length for partitions of a size: twice it, or a little more."""
    return 2 * size if size & (size - 1) == 0 else good_size(2 * size)


# --- transforms -------------------------------------------------------------------------------


def forward_real(x: Array, nfft: int) -> Array:
    """Transform real rows (..., frames <= nfft), zero-padded: (..., nfft // 2 + 1)."""
    return np.asarray(scipy.fft.rfft(x, nfft, workers=1))


def inverse_real(spectra: Array, nfft: int) -> Array:
    """Undo `forward_real`; the argument is used up."""
    return np.asarray(scipy.fft.irfft(spectra, nfft, overwrite_x=True, workers=1))


class RealTransform:
    """Transform a few real rows of nfft points into given places and back, again and again.

    scipy.fft looks up its backend and checks its arguments for 8 us, in which a transform of 512
    points is done: unless a backend is set when this is made, it is passed by. Rows of a power of
    two from `LANES_FROM` points up are read as matrices (n1, n2) and transformed down the columns,
    twisted, and transformed along the rows, as `forward` does: a batch fills the SIMD lanes, which
    one row cannot. Their spectra are in another order, and hold a few bins twice: good for
    products, not for looking at.
    """

    def __init__(self, nfft: int, dtype: np.dtype[Any]) -> None:
        self.nfft, self.dtype = nfft, dtype
        self.direct = _pocketfft_answers() and active_backend() == "scipy (pocketfft)"
        self.sides: tuple[int, int] | None = None
        self.bins = nfft // 2 + 1
        if self.direct and nfft >= LANES_FROM and nfft & (nfft - 1) == 0:
            n1 = 1 << (nfft.bit_length() + 1) // 2
            self.sides = n1, nfft // n1
            self.bins = (n1 // 2 + 1) * (nfft // n1)

    def __reduce__(self) -> tuple[Any, ...]:
        return RealTransform, (self.nfft, self.dtype)

    def forward(self, x: Array, out: Array) -> None:
        """Transform rows x (rows, frames <= nfft), zero-padded, into out (rows, bins)."""
        if not self.direct:
            out[...] = forward_real(x, self.nfft)
            return
        if x.shape[1] < self.nfft:
            padded = np.zeros((x.shape[0], self.nfft), dtype=x.dtype)
            padded[:, : x.shape[1]] = x
            x = padded
        if self.sides is None:
            pocketfft.r2c(x, (1,), True, 0, out, 1)
            return
        n1, n2 = self.sides
        twist = _half_twiddles(n1, n2, out.dtype)[0]
        for row, place in zip(x, out, strict=True):
            columns = pocketfft.r2c(row.reshape(n1, n2), (0,), True, 0, None, 1)
            np.multiply(columns, twist, out=columns)
            pocketfft.c2c(columns, (1,), True, 0, place.reshape(n1 // 2 + 1, n2), 1)

    def inverse(self, spectra: Array) -> Array:
        """Return rows (rows, nfft); the argument may be used up."""
        if not self.direct:
            return inverse_real(spectra, self.nfft)
        if self.sides is None:
            return np.asarray(pocketfft.c2r(spectra, (1,), self.nfft, False, 2, None, 1))
        n1, n2 = self.sides
        untwist = _half_twiddles(n1, n2, spectra.dtype)[1]
        rows = np.empty((spectra.shape[0], self.nfft), dtype=self.dtype)
        for spectrum, place in zip(spectra, rows, strict=True):
            columns = pocketfft.c2c(spectrum.reshape(n1 // 2 + 1, n2), (1,), False, 0, None, 1)
            np.multiply(columns, untwist, out=columns)  # which also divides by nfft
            pocketfft.c2r(columns, (0,), n1, False, 0, place.reshape(n1, n2), 1)
        return rows


@functools.lru_cache(maxsize=32)
def _half_twiddles(n1: int, n2: int, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """Return the upper half of `_twiddles`, and its conjugate divided by n1 n2."""
    angles = np.outer(np.arange(n1 // 2 + 1), np.arange(n2)) * (-2j * np.pi / (n1 * n2))
    table = np.exp(angles)
    return table.astype(dtype), (table.conj() / (n1 * n2)).astype(dtype)


@functools.cache
def _pocketfft_answers() -> bool:
    """Say whether scipy's pocketfft is where it was, and answers as it did."""
    try:
        x = np.arange(12.0).reshape(2, 6)
        out = np.empty((2, 4), dtype=np.complex128)
        pocketfft.r2c(x, (1,), True, 0, out, 1)
        back = pocketfft.c2r(out, (1,), 6, False, 2, None, 1)
    except (AttributeError, TypeError, ValueError, RuntimeError):
        return False
    return bool(np.allclose(out, scipy.fft.rfft(x)) and np.allclose(back, x))


@functools.lru_cache(maxsize=4)
def _twiddles(n1: int, n2: int, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """Return exp(-2 pi i j k / n) of shape (n1, n2), and its conjugate.

    Row j = 32 a + b is the product of rows 32 a and b: one rounding of double precision instead
    of n1 n2 sines.
    """
    column = np.arange(n2) * (-2j * np.pi / (n1 * n2))
    fine = np.exp(np.arange(32)[:, None] * column)
    table = np.empty((n1, n2), dtype=dtype)
    for first in range(0, n1, 32):
        rows = table[first : first + 32]
        rows[...] = np.exp(first * column) * fine[: len(rows)]
    return table, table.conj()


def forward(rows: Array) -> Array:
    """Transform complex rows (..., nfft), overwriting them where the backend can; order is ours.

    Long rows are read as matrices (n1, n2): a transform down the columns, a twist, a transform
    along the rows. Each pass works on pieces that stay in cache and runs in the SIMD lanes of a
    batch. The result is a permutation of the spectrum, the same one for every row, which a
    product of spectra does not notice and `inverse` undoes.

    References
    ----------
    D. H. Bailey, "FFTs in external or hierarchical memory", J. Supercomputing 4, 1990: the
    four-step method, here without its transpositions.
    """
    sides = split(rows.shape[-1])
    if sides is None:
        return np.asarray(scipy.fft.fft(rows, overwrite_x=_in_place(rows), workers=1))
    twist, _ = _twiddles(*sides, rows.dtype)
    for i in np.ndindex(rows.shape[:-1]):
        matrix = rows[i].reshape(sides)
        columns = scipy.fft.fft(matrix, axis=0, overwrite_x=True, workers=1)
        np.multiply(columns, twist, out=columns)
        _keep(scipy.fft.fft(columns, axis=1, overwrite_x=True, workers=1), matrix)
    return rows


def inverse(spectra: Array) -> Array:
    """Undo `forward` times nfft: nothing is divided, the response's spectrum carries 1 / nfft."""
    sides = split(spectra.shape[-1])
    if sides is None:
        in_place = _in_place(spectra)
        return np.asarray(scipy.fft.ifft(spectra, norm="forward", overwrite_x=in_place, workers=1))
    _, untwist = _twiddles(*sides, spectra.dtype)
    for i in np.ndindex(spectra.shape[:-1]):
        matrix = spectra[i].reshape(sides)
        rows = scipy.fft.ifft(matrix, axis=1, norm="forward", overwrite_x=True, workers=1)
        np.multiply(rows, untwist, out=rows)
        _keep(scipy.fft.ifft(rows, axis=0, norm="forward", overwrite_x=True, workers=1), matrix)
    return spectra


def _in_place(rows: Array) -> bool:
    """Allow a transform to overwrite its argument, unless it is one row.

    mkl_fft 2.3 with MKL 2026.2 answers NaN for one row in place on processors with AVX-512.
    """
    return bool(rows.size > rows.shape[-1])


def _keep(result: Array, place: Array) -> None:
    """Copy a transform into its place unless the backend already left it there."""
    if not np.may_share_memory(result, place):
        place[...] = result


# --- workers ----------------------------------------------------------------------------------


def cores() -> int:
    """Count the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parallel(
    start: Callable[[], Callable[[Task], None]], tasks: Sequence[Task], workers: int
) -> None:
    """Run every task, on `workers` threads; `start()` gives each thread its own scratch.

    Transforms and array arithmetic release the interpreter lock, so threads are enough. The first
    exception (Ctrl-C too) stops the rest after their present task and is raised.
    """
    settle_allocator()
    workers = min(workers, len(tasks))
    if workers <= 1:
        work = start()
        for task in tasks:
            work(task)
        return
    queue = iter(tasks)
    state = None if uarray is None else uarray.get_state()
    stopped = False

    def run() -> None:
        with nullcontext() if uarray is None else uarray.set_state(state):
            work = start()
            for task in queue:  # a list's iterator hands out each task once, to whoever asks
                if stopped:
                    return
                work(task)

    with ThreadPoolExecutor(workers) as pool:
        try:
            for future in [pool.submit(run) for _ in range(workers)]:
                future.result()
        except BaseException:
            stopped = True
            raise


@functools.cache
def settle_allocator() -> None:
    """Free one large block, once: glibc then keeps what a transform frees for the next one.

    It raises its thresholds for giving memory back to the size of the largest block freed so far
    (mallopt(3), M_MMAP_THRESHOLD). Before, every transform of 16 384 points and more faults its
    scratch in anew: 28.8 M frames by 2 048 taps on one thread took 566 ms, after it 326 ms.
    """
    np.empty(8 << 20, dtype=np.uint8)  # never touched, so it costs nothing


def active_backend() -> str:
    """Name what answers `scipy.fft.fft` in this thread, e.g. ``"scipy (pocketfft)"``."""
    try:
        shared, local, *_ = uarray.get_state()._pickle()
        preferred = [entry[0] for entry in local.get("numpy.scipy.fft", ([], []))[1]]
        backend = preferred[-1] if preferred else shared["numpy.scipy.fft"][0][0]
    except (AttributeError, KeyError, TypeError, ValueError):  # a scipy that keeps it elsewhere
        return "unknown"
    name = str(getattr(backend, "__name__", type(backend).__name__))
    return "scipy (pocketfft)" if name == "_ScipyBackend" else name
