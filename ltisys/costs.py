"""what transforms and multiply-adds cost on this machine: a table shipped, or one measured here"""

from __future__ import annotations

import functools
import json
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ltisys import _checks, spectra
from ltisys._types import Array
from ltisys.errors import OutputError
from ltisys.replacing import Replacement

__all__ = ["Costs", "calibrate", "current"]

SHIPPED = Path(__file__).with_name("costs.json")
FORMAT = 1
COLD_BYTES = 1 << 22
"""Read and written before a measurement, to empty the caches of a core."""
BLOCK_BYTES = 1 << 18
"""What other work between two blocks puts into the caches."""
BLOCKS = (0, 4, 6, 8, 10)
"""Blocks for which direct heads are measured, as powers of two."""
SIZES = range(4, 19)
"""Partition sizes measured, as powers of two."""
PRODUCTS = tuple(range(5, 24))
"""Multiply-adds of a direct head, as powers of two."""


Table = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Costs:
    """Microseconds of the parts that a block-wise convolution is made of, one precision.

    Tables are by the binary logarithm of a size; between two entries the logarithm of the cost is
    interpolated.
    """

    source: str
    """Where the table comes from."""
    forward: Table
    """A real row of twice the partition's size into its spectrum."""
    inverse: Table
    """And back."""
    multiply: Table
    """The product of two such spectra, added to a sum."""
    head: tuple[tuple[float, Table], ...]
    """The first taps as a product of matrices: for blocks of a size, by multiply-adds."""
    push: float
    """A call of `push` that does nothing else."""
    job: float
    """What the interpreter adds to each partition size, every time it comes."""

    def of(self, part: str, size: float) -> float:
        """Return the microseconds of a part at a size, e.g. ``of("forward", 1024)``."""
        table: Table = getattr(self, part)
        return _at(table, math.log2(max(size, 1.0)))

    def of_head(self, products: float, block: int) -> float:
        """Return the microseconds of a direct head with so many multiply-adds a block."""
        place = math.log2(block)
        blocks = [size for size, _ in self.head]
        us = [_at(table, math.log2(max(products, 1.0))) for _, table in self.head]
        return float(np.interp(place, blocks, us))


@functools.lru_cache(maxsize=4096)
def _at(table: Table, place: float) -> float:
    """Interpolate in a table; beyond its end grow in proportion to the size."""
    (first, least), (last, most) = table[0], table[-1]
    if place <= first:
        return least
    if place >= last:
        return float(most * 2.0 ** (place - last))
    xs = [x for x, _ in table]
    logs = [math.log(y) for _, y in table]
    return math.exp(float(np.interp(place, xs, logs)))


# --- where it is kept ---------------------------------------------------------------------------


def cache_folder() -> Path:
    """Return the folder where this platform keeps what programs can make again."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ltisys"


def current(dtype: str = "float32") -> Costs:
    """Return the costs that plans are made with: measured here if they were, else the shipped.

    Parameters
    ----------
    dtype : str
        ``"float32"`` or ``"float64"``.
    """
    return _load(str(cache_folder() / "costs.json"), _precision(dtype))


def _precision(dtype: str) -> str:
    return "single" if np.dtype(dtype) in (np.float32, np.complex64) else "double"


@functools.lru_cache(maxsize=8)
def _load(measured: str, precision: str) -> Costs:
    """Read a table; one that is damaged or of another version counts as absent."""
    try:
        text = Path(measured).read_text(encoding="utf-8")
        return _parsed(json.loads(text), precision, f"measured here, {measured}")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        shipped = json.loads(SHIPPED.read_text(encoding="utf-8"))
        return _parsed(shipped, precision, f"shipped, measured on {shipped['machine']}")


def _parsed(table: Mapping[str, Any], precision: str, source: str) -> Costs:
    if table["format"] != FORMAT:
        raise ValueError(f"format {table['format']}")
    own = table[precision]
    rows = {part: _row(own[part]) for part in ("forward", "inverse", "multiply")}
    head = tuple(sorted((float(k), _row(v)) for k, v in own["head"].items()))
    if len(head) < 2:
        raise ValueError("head is no table of costs")
    push, job = float(table["push"]), float(table["job"])
    if not (0 < push < 1e6 and 0 < job < 1e6):
        raise ValueError("push and job are no costs")
    return Costs(source=source, push=push, job=job, head=head, **rows)


def _row(table: Mapping[str, float]) -> Table:
    row = tuple(sorted((float(k), float(v)) for k, v in table.items()))
    if len(row) < 2 or not all(0 < us < 1e9 for _, us in row):
        raise ValueError(f"{table} is no table of costs")
    return row


# --- how it is measured -------------------------------------------------------------------------


def calibrate(*, path: Any = None, seconds: float = 6.0) -> Path:
    """Measure this machine, and let every later plan of a stream use what was found.

    Worth it once on a machine unlike the one of the shipped table, or with another FFT installed:
    plans stay right with any table, but cost least with their own. Nothing else should be busy.

    Parameters
    ----------
    path : path-like, optional
        Where to write; by default ``costs.json`` in the platform's cache folder, where plans
        look. Remove the file to go back to the shipped table.
    seconds : float
        About how long to measure.

    Returns
    -------
    pathlib.Path
        The file written.

    Raises
    ------
    ValueError, TypeError
        For `seconds` that are not above 0.
    OutputError
        If it cannot be created.

    Notes
    -----
    Each figure is the median of 3 to 400 calls, each with other data in the caches.

    Examples
    --------
    >>> import tempfile
    >>> import ltisys as lti
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     lti.calibrate(path=folder + "/costs.json", seconds=0.1).name
    'costs.json'
    """
    seconds = _checks.number("seconds", seconds, above=0)
    target = cache_folder() / "costs.json" if path is None else Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot create {target}: {error.strerror}") from error
    text = json.dumps(measure(seconds), indent=1) + "\n"
    file = Replacement(str(target), overwrite=True)
    file.begin()
    try:
        file.file.write(text.encode())
        file.commit()
    finally:
        file.discard()
    _load.cache_clear()
    return target


def measure(seconds: float = 6.0) -> dict[str, Any]:
    """Return a table of costs of this machine, as JSON holds it."""
    share = seconds / 9 / (2 * (3 * len(SIZES) + sum(BLOCKS) + 10 * len(BLOCKS)))
    table: dict[str, Any] = {
        "format": FORMAT,
        "machine": f"{_processor()}, numpy {np.__version__}, {spectra.active_backend()}",
        # what a stream took beyond its parts, on the machine of the shipped table
        "push": 12.0,
        "job": 25.0,
    }
    rng = np.random.default_rng(0)
    for precision, dtype in (("single", np.float32), ("double", np.float64)):
        rows: dict[str, Any] = {"forward": {}, "inverse": {}, "multiply": {}}
        for power in SIZES:
            for part, us in _partition(rng, 1 << power, np.dtype(dtype), share).items():
                rows[part][str(power)] = us
        rows["head"] = {
            str(block): {
                str(power): _head(rng, 1 << power, 1 << block, np.dtype(dtype), share)
                for power in PRODUCTS[: block + 10]
            }
            for block in BLOCKS
        }
        table[precision] = rows
    return table


def _partition(
    rng: np.random.Generator, size: int, dtype: np.dtype[Any], share: float
) -> dict[str, float]:
    """Measure the transforms of a partition and one product of spectra."""
    x = rng.standard_normal((1, 2 * size)).astype(dtype)
    transform = spectra.RealTransform(2 * size, dtype)
    spectrum = np.empty((1, transform.bins), dtype=spectra.complex_for(dtype))
    transform.forward(x, spectrum)
    place = np.empty_like(spectrum)
    count = 8
    ring = np.ascontiguousarray(np.broadcast_to(spectrum, (count, *spectrum.shape)))
    response = ring.copy()
    total, product = np.zeros_like(spectrum), np.empty_like(spectrum)

    def products() -> None:
        for p in range(count):
            np.multiply(ring[p], response[p], out=product)
            np.add(total, product, out=total)

    return {
        "forward": _cold_us(lambda: transform.forward(x, place), share),
        "inverse": _cold_us(lambda: transform.inverse(spectrum), share),
        "multiply": round(_cold_us(products, share) / count, 3),
    }


def _head(
    rng: np.random.Generator, products: int, block: int, dtype: np.dtype[Any], share: float
) -> float:
    """Measure a direct head: windows gathered, times a matrix, half the work in each channel."""
    columns = min(32, block)
    length = max(1, products // 2 // block)
    x = rng.standard_normal((2, length + block)).astype(dtype)
    matrices = rng.standard_normal((2, length, columns)).astype(dtype)
    shape = (2, block // columns, length)
    strides = (x.strides[0], columns * x.itemsize, x.itemsize)
    windows: Array = np.ndarray(shape, dtype, x.data, 0, strides)
    return _cold_us(lambda: np.matmul(windows.copy(), matrices), share, BLOCK_BYTES)


def _cold_us(work: Callable[[], object], share: float, other_bytes: int = COLD_BYTES) -> float:
    """Return the median microseconds of a call that finds other things in the caches.

    That is how a stream meets its larger partitions: many blocks apart.
    """
    other = np.zeros(other_bytes // 8)
    work()
    runs: list[float] = []
    end = time.perf_counter() + 9 * share
    while len(runs) < 3 or (time.perf_counter() < end and len(runs) < 400):
        other += 1.0
        start = time.perf_counter()
        work()
        runs.append(time.perf_counter() - start)
    return round(statistics.median(runs) * 1e6, 3)


def _processor() -> str:
    """Name the processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
