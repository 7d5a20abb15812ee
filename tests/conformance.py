"""One suite that every engine passes: through `convolve`, and through the engines' protocol.

Each function takes the name of an engine, checks a family of generated cases, and returns how
many there were. Shapes and dtypes come before values; bounds come from `oracle`.
"""

import dataclasses
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import oracle

import ltisys as lti
from ltisys import planner
from ltisys._types import Path
from ltisys.engines import ENGINES

Rows = np.ndarray
Case = tuple[Rows, Rows]

# --- what is convolved --------------------------------------------------------------------------

B = 64  # outputs a row of the direct method, and the block asked of the block methods
SIZES = (1, 2, 3, B - 1, B, B + 1, 2 * B, 2 * B + 1, 97)
GRID = tuple((frames, taps) for frames in SIZES for taps in SIZES)


def random(*parts: int | str) -> np.random.Generator:
    """Return a generator seeded by what the numbers are for."""
    return np.random.default_rng([p if isinstance(p, int) else sum(map(ord, p)) for p in parts])


def draw(rng: np.random.Generator, frames: int, dtype: np.dtype) -> Rows:
    """Random signs times magnitudes from 0.5 to 1.5; whole numbers for integer dtypes."""
    if dtype.kind == "b":
        return rng.integers(0, 2, frames).astype(dtype)
    if dtype.kind in "iu":
        least = 0 if dtype.kind == "u" else -100
        return rng.integers(least, 101, frames).astype(dtype)
    row = rng.choice([-1.0, 1.0], frames) * rng.uniform(0.5, 1.5, frames)
    if dtype.kind == "c":
        row = row + 1j * rng.choice([-1.0, 1.0], frames) * rng.uniform(0.5, 1.5, frames)
    return row.astype(dtype)


def at(row: Rows, where: int, value: complex) -> Rows:
    row = row.copy()
    row[where] = value
    return row


def only(row: Rows, where: int) -> Rows:
    return at(np.zeros_like(row), where, row[where])


def thinned(row: Rows, rng: np.random.Generator) -> Rows:
    return np.where(rng.random(row.size) < 0.9, row.dtype.type(0), row)


def gap(row: Rows) -> Rows:
    row = row.copy()
    row[row.size // 5 : -(row.size // 5) or None] = 0
    return row


def subnormal(row: Rows) -> Rows:
    tiny = np.finfo(row.dtype).smallest_normal / 8
    return (row * tiny).astype(row.dtype)


Kind = Callable[[Rows, Rows, np.random.Generator], Case]
KINDS: dict[str, Kind] = {
    "signs": lambda x, h, _: (x, h),
    "first frame": lambda x, h, _: (only(x, 0), h),
    "last frame": lambda x, h, _: (only(x, -1), h),
    "first tap": lambda x, h, _: (x, only(h, 0)),
    "last tap": lambda x, h, _: (x, only(h, -1)),
    "quiet x": lambda x, h, _: (x * x.dtype.type(1e-12), h),
    "loud x": lambda x, h, _: (x * x.dtype.type(1e12), h),
    "both quiet": lambda x, h, _: (x * x.dtype.type(1e-12), h * h.dtype.type(1e-12)),
    "both loud": lambda x, h, _: (x * x.dtype.type(1e12), h * h.dtype.type(1e12)),
    "subnormal x": lambda x, h, _: (subnormal(x), h),
    "subnormal h": lambda x, h, _: (x, subnormal(h)),
    "silent x": lambda x, h, _: (x * 0, h),
    "silent h": lambda x, h, _: (x, h * 0),
    "gap in x": lambda x, h, _: (gap(x), h),
    "gap in both": lambda x, h, _: (gap(x), gap(h)),
    "sparse x": lambda x, h, rng: (thinned(x, rng), h),
    "sparse h": lambda x, h, rng: (x, thinned(h, rng)),
    "sparse both": lambda x, h, rng: (thinned(x, rng), thinned(h, rng)),
    "a NaN": lambda x, h, rng: (at(x, int(rng.integers(x.size)), np.nan), h),
    "an Inf": lambda x, h, rng: (at(x, int(rng.integers(x.size)), -np.inf), h),
    "a NaN in silence": lambda x, h, rng: (at(gap(x), x.size // 2, np.nan), h),
    "a NaN in h": lambda x, h, rng: (x, at(h, int(rng.integers(h.size)), np.nan)),
    "an Inf in both": lambda x, h, _: (at(x, -1, np.inf), at(h, 0, np.inf)),
}
FLOATS = ("float32", "float64", "complex64", "complex128")

# dtypes of x, of h, of the answer
DTYPES = (
    ("int16", "int16", "int64"),
    ("int64", "int64", "int64"),
    ("uint8", "uint8", "int64"),
    ("uint64", "int8", "int64"),
    ("bool", "bool", "int64"),
    ("bool", "int32", "int64"),
    (">i2", "int16", "int64"),
    ("float16", "float16", "float64"),
    ("float16", "float32", "float64"),
    ("int16", "float32", "float64"),
    ("float32", "bool", "float64"),
    ("float32", "float64", "float64"),
    (">f4", ">f4", "float32"),
    (">f8", "float64", "float64"),
    ("float32", "complex64", "complex64"),
    ("complex64", "float32", "complex64"),
    ("complex64", "float64", "complex128"),
    ("int64", "complex64", "complex128"),
    (">c16", "complex128", "complex128"),
)


@functools.cache
def made(kind: str, frames: int, taps: int, dtype_x: str, dtype_h: str) -> tuple[Rows, ...]:
    """Return x and h, read-only, the exact answer to their finite part, and a mask of the rest."""
    rng = random(kind, frames, taps, dtype_x, dtype_h)
    x, h = draw(rng, frames, np.dtype(dtype_x)), draw(rng, taps, np.dtype(dtype_h))
    x, h = KINDS[kind](x, h, rng)
    for row in (x, h):
        row.setflags(write=False)
    clean_x, clean_h = finite(x), finite(h)
    bad_x, bad_h = ~np.isfinite(x), ~np.isfinite(h)
    bad = np.convolve(bad_x, np.ones(taps)) + np.convolve(np.ones(frames), bad_h) > 0
    if np.result_type(x, h).kind in "biu":
        want = np.array(oracle.exact(x.tolist(), h.tolist()), dtype=np.int64)
    else:
        want = oracle.convolve(clean_x, clean_h)
    return x, h, want, bad


def finite(row: Rows) -> Rows:
    return np.where(np.isfinite(row), row, row.dtype.type(0))


# --- through convolve ---------------------------------------------------------------------------


def planned(x: Rows, h: Rows, dtype: np.dtype, method: str) -> lti.Plan:
    """Return the plan that `convolve` makes for one row: the shorter argument is the response."""
    x, h = (h, x) if h.size > x.size else (x, h)
    return planner.choose(x.size, h.size, 1, dtype, method, None, None, np.count_nonzero(finite(h)))


def check_row(method: str, kind: str, frames: int, taps: int, dtypes: tuple[str, ...]) -> None:
    dtype_x, dtype_h, dtype = dtypes
    x, h, want, bad = made(kind, frames, taps, dtype_x, dtype_h)
    before = x.tobytes(), h.tobytes()
    y = lti.convolve(x, h, method=method)
    about = f"{method}, {kind}, {frames} frames, {taps} taps, {dtypes}"
    assert y.shape == (frames + taps - 1,), about
    assert y.dtype == dtype, about
    assert (x.tobytes(), h.tobytes()) == before, about
    if y.dtype.kind == "i":
        assert np.array_equal(y, want), about
        return
    assert np.array_equal(~np.isfinite(y), bad), about
    assert np.isnan(y[bad]).all(), about
    x, h = finite(x), finite(h)
    assert not y[oracle.unreachable(x, h) & ~bad].any(), about
    long, short = (h, x) if h.size > x.size else (x, h)
    plan = planned(x, h, y.dtype, method)
    limit = oracle.bound(long, short, plan, 0, y.size)
    assert (np.abs(y - want) <= limit)[~bad].all(), about


def check_values(method: str, dtype: str) -> int:
    """Every kind of value on the grid of sizes, in one dtype."""
    for kind in KINDS:
        for frames, taps in sizes_for(dtype):
            check_row(method, kind, frames, taps, (dtype, dtype, dtype))
    return len(KINDS) * len(sizes_for(dtype))


def sizes_for(dtype: str) -> tuple[tuple[int, int], ...]:
    """Return the whole grid for reals, every other of its sizes for complex numbers."""
    return GRID if dtype.startswith("float") else GRID[::2]


def check_dtypes(method: str) -> int:
    """Every pair of dtypes on the whole grid of sizes."""
    for dtypes in DTYPES:
        for frames, taps in GRID:
            check_row(method, "signs", frames, taps, dtypes)
    return len(DTYPES) * len(GRID)


def layouts(rng: np.random.Generator, dtype: str, n: int) -> Iterator[tuple[str, Rows]]:
    """Yield (n, n) arrays that lie in memory in every way there is."""
    square = np.stack([draw(rng, n, np.dtype(dtype)) for _ in range(n)])
    yield "contiguous", square
    yield "Fortran order", np.asfortranarray(square)
    yield "transposed", square.T
    yield "every other frame", np.repeat(square, 2, axis=1)[:, ::2]
    yield "every other row", np.repeat(square, 2, axis=0)[::2]
    yield "backwards", square[:, ::-1]
    yield "both backwards", square[::-1, ::-1]
    yield "big-endian", square.astype(square.dtype.newbyteorder(">"))
    yield "unaligned", unaligned(square)
    readonly = square.copy()
    readonly.setflags(write=False)
    yield "read-only", readonly
    yield "broadcast", np.broadcast_to(square[0], (n, n))


def unaligned(array: Rows) -> Rows:
    raw = np.zeros(array.nbytes + 1, dtype=np.uint8)
    view = raw[1:].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


def check_layouts(method: str) -> int:
    """Memory layout changes no bit, and rows are rows: law 5, square arrays included."""
    count = 0
    for dtype in FLOATS:
        for n in (3, B):
            rng = random("layouts", n, dtype)
            responses = dict(layouts(rng, dtype, n))
            for name, x in layouts(rng, dtype, n):
                h = responses[name]
                before = [(a.tobytes(), a.dtype, a.strides, a.flags.writeable) for a in (x, h)]
                y = lti.convolve(x, h, method=method)
                after = [(a.tobytes(), a.dtype, a.strides, a.flags.writeable) for a in (x, h)]
                assert y.shape == (n, 2 * n - 1), name
                assert y.dtype == np.dtype(dtype), name
                assert before == after, name
                plain = [np.array(a, dtype=dtype, order="C") for a in (x, h)]
                assert np.array_equal(y, lti.convolve(*plain, method=method)), name
                check_independent(method, y, *plain)
                count += 1
    return count


def check_independent(method: str, y: Rows, x: Rows, h: Rows) -> None:
    for i, row in enumerate(y):
        plan = planner.choose(x.shape[1], h.shape[1], x.shape[0], y.dtype, method)
        one = planned(x[i], h[i], y.dtype, method)
        limit = sum(oracle.bound(x[i], h[i], p, 0, row.size) for p in (plan, one))
        assert (np.abs(row - lti.convolve(x[i], h[i], method=method)) <= limit).all()


# --- through the protocol -----------------------------------------------------------------------

PATHS: dict[str, tuple[int, int, tuple[Path, ...]]] = {  # inputs, responses, paths
    "one": (1, 1, ((0, 0, 0),)),
    "shared": (3, 1, ((0, 0, 0), (1, 1, 0), (2, 2, 0))),
    "per channel": (3, 3, ((0, 0, 0), (1, 1, 1), (2, 2, 2))),
    "crossed": (2, 2, ((0, 1, 0), (1, 0, 1))),
    "mono spread": (1, 3, ((0, 0, 0), (1, 0, 1), (2, 0, 2))),
    "mixed down": (3, 3, ((0, 0, 0), (0, 1, 1), (0, 2, 2))),
    "matrix": (2, 4, ((0, 0, 0), (0, 1, 1), (1, 0, 2), (1, 1, 3))),
    "sparse matrix": (3, 3, ((0, 0, 0), (0, 2, 1), (1, 1, 2), (2, 1, 0))),
}
BLOCKS = (1, 7, B)


def plans(method: str, frames: int, taps: int, dtype: str) -> Iterator[lti.Plan]:
    """Yield plans of small blocks, in batches of few rows, so that every seam is crossed."""
    sizes = BLOCKS if method.startswith("overlap") else (None,)
    for rows, size in enumerate(sizes, 1):
        plan = lti.plan(
            frames=frames, taps=taps, dtype=dtype, method=method, block_size=size, workers=1
        )
        yield dataclasses.replace(plan, rows=rows)


def windows(frames: int, taps: int, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    outputs = frames + taps - 1
    yield 0, outputs
    start = int(rng.integers(outputs))
    yield start, int(rng.integers(1, outputs - start + 1))


def check_protocol(method: str, dtype: str) -> int:
    """Every set of paths, on the grid, in arbitrary windows, into arrays full of NaN."""
    count = 0
    engine = ENGINES[method]
    for (frames, taps), (name, (inputs, responses, paths)) in (
        (size, item) for size in sizes_for(dtype) for item in PATHS.items()
    ):
        rng = random(name, frames, taps, dtype)
        x = np.stack([made_row(frames, i, dtype) for i in range(inputs)])
        h = np.stack([made_row(taps, 10 + k, dtype) for k in range(responses)])
        outputs = 1 + max(path[0] for path in paths)
        for plan in plans(method, frames, taps, dtype):
            prepared = engine.prepare(h, plan)
            for start, length in windows(frames, taps, rng):
                out = np.full((outputs, length), np.nan, dtype=dtype)
                engine.run(x, prepared, paths, plan, start, out)
                want, limit = np.zeros(out.shape, complex), np.zeros(out.shape)
                for o, i, k in paths:
                    want[o] += pair(frames, i, taps, 10 + k, dtype)[start : start + length]
                    limit[o] += oracle.bound(x[i], h[k], plan, start, length)
                about = f"{name}, {frames} frames, {taps} taps, {start} + {length}, {plan}"
                assert (np.abs(out - want) <= limit + joined(limit, paths, plan)).all(), about
                count += 1
    return count


def joined(limit: Rows, paths: tuple[Path, ...], plan: lti.Plan) -> Rows:
    """Bound the sums over the paths of an output: inside the bound, but for tiny problems.

    Each sum of an output's paths rounds once more, u of at most twice its terms' size; a path's
    bound is at least 4 u of that size (direct, one tap).
    """
    most = max(sum(path[0] == o for path in paths) for o in range(len(limit)))
    return limit * (most - 1) / 2


@functools.cache
def made_row(frames: int, seed: int, dtype: str) -> Rows:
    return draw(random("rows", frames, seed, dtype), frames, np.dtype(dtype))


@functools.cache
def pair(frames: int, i: int, taps: int, k: int, dtype: str) -> Rows:
    return oracle.convolve(made_row(frames, i, dtype), made_row(taps, k, dtype))


# --- the transforms that are called -------------------------------------------------------------


class Recorder:
    """A backend for `scipy.fft` that notes who calls and leaves the work to scipy."""

    __ua_domain__ = "numpy.scipy.fft"

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.threads: set[int] = set()
        self.dtypes: set[str] = set()

    def __ua_function__(self, method: Any, args: Any, kwargs: Any) -> Any:
        self.calls.append(method.__name__)
        self.threads.add(threading.get_ident())
        self.dtypes.add(args[0].dtype.name)
        return NotImplemented
