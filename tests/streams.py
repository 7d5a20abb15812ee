"""What a stream must answer, by definition, and how far from it rounding may take it"""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import oracle
import scipy.signal

import ltisys as lti
from ltisys import costs, spectra
from ltisys.costs import Costs
from ltisys.prepared import Prepared

Rows = np.ndarray
Wires = list[tuple[int, int, Rows]]
"""(output, input, response) of every path."""


# --- the definition -------------------------------------------------------------------------------


def wires(h: Rows, channels: int) -> tuple[int, Wires]:
    """Return how many outputs a response has, and which hears what through which row."""
    if h.ndim == 1 or h.shape[:-1] == (1,):
        row = h.reshape(-1)
        return channels, [(i, i, row) for i in range(channels)]
    if h.ndim == 2:
        return len(h), [(o, o if channels > 1 else 0, row) for o, row in enumerate(h)]
    return len(h), [(o, i, h[o, i]) for o in range(len(h)) for i in range(channels)]


def definition(h: Rows, x: Rows) -> Rows:
    """Return the whole answer to x (channels, frames) in double precision."""
    outputs, paths = wires(h, len(x))
    y = np.zeros((outputs, x.shape[1] + h.shape[-1] - 1))
    if x.shape[1] == 0:
        return np.zeros((outputs, h.shape[-1] - 1))
    for o, i, row in paths:
        y[o] += convolved(x[i].astype(float), row.astype(float))
    return y


def convolved(x: Rows, h: Rows) -> Rows:
    """Return x * h, directly; long ones by overlap-add, which the bound below knows of."""
    if x.size * h.size <= 1 << 26:
        return np.convolve(x, h)
    return np.asarray(scipy.signal.oaconvolve(x, h))


def unreached(h: Rows, x: Rows, gap: int = 1) -> Rows:
    """Return which outputs no sample of x reaches; shorter gaps in x than `gap` count as sound."""
    sounding = np.abs(x) >= silence(x.dtype)
    for row in sounding:
        loud = np.flatnonzero(row)
        for a, b in itertools.pairwise(loud):
            if b - a - 1 < gap:
                row[a:b] = True
    return definition((h != 0).astype(float), sounding.astype(float)) < 0.5


def longest_run(h: Rows) -> int:
    """Return the longest stretch of taps without a zero, of any row."""
    edges = [np.diff(np.pad((row != 0).astype(int), 1)) for row in h.reshape(-1, h.shape[-1])]
    runs = [np.flatnonzero(e < 0) - np.flatnonzero(e > 0) for e in edges]
    return max((int(r.max()) for r in runs if r.size), default=0)


def silence(dtype: Any) -> float:
    """Return the level below which a stream takes a sample for silence: tiny * 2**24."""
    return float(np.finfo(dtype).tiny) * 2.0**24


def spoilt(h: Rows, bad: Rows) -> Rows:
    """Return which outputs hear a bad sample: `taps` from each one on, zero taps or not."""
    outputs, paths = wires(h, len(bad))
    y = np.zeros((outputs, bad.shape[1] + h.shape[-1] - 1), dtype=bool)
    for o, i, _ in paths:
        for at in np.flatnonzero(bad[i]):
            y[o, at : at + h.shape[-1]] = True
    return y


# --- the bound ------------------------------------------------------------------------------------
#
# u is the unit roundoff, s the level of silence, |x| and |h| magnitudes, * convolution.
#
# A sum of m products in any order errs by at most 2 (m + 1) u times the sum of their magnitudes
# (`oracle.of_direct`): that is a direct head of m taps for each input, a sparse response, and the
# part of a transformed head that a piece of a block asks for.
#
# A partition p of size S at tap o + p S meets the window of 2 S frames that ends at t, the multiple
# of S with t - S + o <= n < t + o, less p S. One product of spectra errs by 20 u L ||x_p|| ||h_p||
# (`oracle.TRANSFORM`, L = log2(nfft)). P products and the sum over I inputs add u for each term but
# one, relative to the sum of all |X_k H_k| / nfft <= ||x_p|| ||h_p||. So
#
#     sum over p, i of (20 L + P + I) u ||x_p|| ||h_p||.
#
# The parts, K groups and the head, are added up: K u (|x| * |h|), and rounding a double response
# to the stream's precision one u more. Silence: samples and taps below s count as zero, and so do
# products of spectra below s: s (||x||_1 + ||h||_1 + P I) for each path. What underflows is far
# below s. A response in a row with another hears the error of the one before through |h|.
# Last the definition's own error in double precision, 2 (taps + 1) u, or that of overlap-add.


def bound(prepared: Prepared, x: Rows) -> Rows:
    """Bound the error of every output of a system ready for streams, for x (channels, frames)."""
    size, error = np.abs(x).astype(float), np.zeros(x.shape)
    truth = 0.0
    for part in prepared.responses:
        h, paths, outputs, _, plan = part.made_of
        rows = [(o, i, np.abs(h[k]).astype(float)) for o, i, k in paths]
        own = of_part(rows, outputs, plan, size + error)
        heard = spread(rows, outputs, error)
        size, error = spread(rows, outputs, size), own + heard
        truth += 2 * (plan.taps + 1) + 4
    return error + np.asarray(truth * oracle.roundoff(np.float64) * size) + long_error(prepared, x)


def spread(rows: Wires, outputs: int, size: Rows) -> Rows:
    taps = rows[0][2].size
    y = np.zeros((outputs, size.shape[1] + taps - 1))
    for o, i, row in rows:
        y[o] += np.maximum(convolved(size[i], row), 0)
    return y


def long_error(prepared: Prepared, x: Rows) -> float:
    """Bound what transforms of up to 2**22 points in double precision add to the definition.

    They make the response of systems in a row, and answer in `convolved` and `spread` where
    a signal is long.
    """
    if x.shape[1] * prepared.taps <= 1 << 26 and len(prepared.responses) == 1:
        return 0.0
    norms = [np.linalg.norm(part.made_of[0].astype(float)) for part in prepared.responses]
    magnitude = float(np.prod(norms)) * float(np.linalg.norm(x)) * prepared.taps**0.5
    return 2 * oracle.TRANSFORM * oracle.roundoff(np.float64) * 22 * magnitude


def of_part(rows: Wires, outputs: int, plan: lti.Plan, size: Rows) -> Rows:
    """Bound the error of one response, of rows (output, input, |h|), for |x| = size."""
    u, s = oracle.roundoff(plan.dtype), silence(plan.dtype)
    taps, frames = plan.taps, size.shape[1] + plan.taps - 1
    inputs = max(sum(1 for o, _, _ in rows if o == out) for out in range(outputs))
    groups, head = plan.partitions, taps
    if plan.method != "direct":
        head = groups[0][0] * (groups[0][1] if plan.head == "direct" else 1)
    limit = (len(groups) + 1) * u * spread(rows, outputs, size)
    first = [(o, i, row[:head]) for o, i, row in rows]
    direct = 2 * (inputs * head + 1) * u * spread(first, outputs, size)
    limit[:, : direct.shape[1]] += direct
    count = sum(n for _, n in groups)
    for o, i, row in rows:
        limit[o] += s * (size[i].sum() + row.sum() + count * inputs)
    if plan.method == "direct":
        return limit
    start = 0
    for place, (partition, count) in enumerate(groups):
        if place > 0 or plan.head != "direct":
            bits = np.log2(spectra.good_size(2 * partition))
            factor = (oracle.TRANSFORM * bits + count + inputs) * u
            for o, i, row in rows:
                limit[o] += factor * _windows(size[i], row, start, partition, count, frames)
        start += partition * count
    return limit


def _windows(x: Rows, h: Rows, start: int, size: int, count: int, frames: int) -> Rows:
    """Return the sum over the partitions of ||x_p|| ||h_p|| for every output."""
    loudest = float(x.max(initial=0.0)) or 1.0  # so that no square leaves the range of a double
    blocks = -(-frames // size) + 2
    energy = _energies(x / loudest, size, blocks)
    window = np.sqrt(energy + np.concatenate([[0.0], energy[:-1]]))  # ends at size, 2 size, ...
    norms = np.sqrt(_energies(h[start:], size, count))
    sums = loudest * np.convolve(window, norms)
    place = (np.arange(frames) - start) // size
    return np.where(place >= 0, sums[np.maximum(place, 0)], 0.0)


def _energies(x: Rows, size: int, count: int) -> Rows:
    padded = np.zeros(size * count)
    padded[: min(x.size, padded.size)] = x[: padded.size]
    return np.square(padded).reshape(count, size).sum(axis=1)


# --- running one ----------------------------------------------------------------------------------


def cuts(x: Rows, lengths: Iterable[int]) -> Iterator[Rows]:
    """Cut x (..., frames) into blocks of these lengths, and what is left."""
    first = 0
    for n in lengths:
        if first >= x.shape[-1] and n:
            return
        yield x[..., first : first + n]
        first += n
    if first < x.shape[-1]:
        yield x[..., first:]


def run(stream: lti.Stream, x: Rows, lengths: Iterable[int] = ()) -> Rows:
    """Push x cut up, flush, and return everything joined."""
    return np.concatenate([*(stream.push(b) for b in cuts(x, lengths)), stream.flush()], axis=-1)


def check(stream: lti.Stream, h: Rows, x: Rows, y: Rows, about: object = "") -> None:
    """Hold what a stream answered to x (channels, frames), flushed, against the definition."""
    x, y = np.atleast_2d(x), np.atleast_2d(y)
    want = definition(h, x)
    assert y.shape == want.shape, about
    assert y.dtype == stream.dtype, about
    error, limit = np.abs(y - want), bound(stream._prepared, x)
    assert (error <= limit).all(), (about, float((error / np.maximum(limit, 1e-300)).max()))


MOST_PUSHES = 250  # of one signal: what is left then comes at once


def splits(rng: np.random.Generator, frames: int, block: int) -> Sequence[int]:
    """Draw lengths that add up to `frames`: of one of several tempers."""
    pools: tuple[tuple[int, ...], ...] = (
        (frames,),
        (block,),
        (0, 1, 2, 3),
        (block - 1, block, block + 1),
        (0, 1, block // 2, block, 2 * block, 3 * block + 1),
        (1, 7, 97, 4 * block, frames // 3),
    )
    lengths = rng.choice(pools[rng.integers(len(pools))], MOST_PUSHES).clip(0)
    ends = np.minimum(np.cumsum(lengths), frames)
    return [int(n) for n in np.diff(ends, prepend=0, append=frames)]


# --- a stream that is swapped, and what it must answer --------------------------------------------


@dataclasses.dataclass
class Part:
    """One system of a mixture: from frame `start` on it is faded in for `fade` frames."""

    system: lti.FIR
    prepared: Prepared
    start: int
    fade: int
    known_from: int
    """The first frame of input that the stream is sure to remember for it."""

    @property
    def h(self) -> Rows:
        return np.asarray(self.system.h)


class Model:
    """Drive a stream, keep all that goes in and comes out, and say what should have come."""

    def __init__(self, stream: lti.Stream) -> None:
        self.stream = stream
        self.begin()

    def begin(self) -> None:
        system = self.stream.system
        self.parts = [Part(system, self.stream._prepared, 0, 0, 0)]
        self.x: list[Rows] = [np.zeros((self.stream.channels, 0), self.stream.dtype)]
        self.y: list[Rows] = [np.zeros((self.stream.outputs, 0), self.stream.dtype)]
        self.known_from, self.longest = 0, system.taps

    @property
    def position(self) -> int:
        return sum(block.shape[1] for block in self.x)

    @property
    def tail(self) -> int:
        """How long something will sound: the last system, and those it has not yet replaced."""
        now, longest = self.position, 0
        for k, part in enumerate(self.parts):
            left = [newer.start + newer.fade - now for newer in self.parts[k + 1 :]]
            longest = max(longest, min([part.h.shape[-1] - 1, *left]))
        return longest

    def push(self, x: Rows) -> None:
        self.x.append(np.atleast_2d(x).copy())
        y = self.stream.push(x)
        flat = x.ndim == 1 and self.stream.outputs == 1
        assert y.shape == (x.shape[-1:] if flat else (self.stream.outputs, x.shape[-1]))
        assert y.dtype == self.stream.dtype
        self.y.append(np.atleast_2d(y).copy())
        assert self.stream.position == self.position

    def swap(self, system: lti.FIR, fade: int, fs: float = 48_000.0) -> None:
        self.stream.swap(system, fade_s=fade / fs)
        self.known_from = max(self.known_from, self.position - self.longest)
        self.longest = max(self.longest, system.taps)
        ready = self.stream._prepared
        self.parts.append(Part(system, ready, self.position, fade, self.known_from))

    def reset(self) -> None:
        self.check()
        self.stream.reset()
        self.begin()
        assert self.stream.position == 0

    def flush(self) -> None:
        self.y.append(np.atleast_2d(self.stream.flush()).copy())

    def check(self) -> None:
        """Hold all that came out against the definition."""
        x, y = np.concatenate(self.x, axis=1), np.concatenate(self.y, axis=1)
        bad = ~np.isfinite(x)
        clean = np.where(bad, 0, x)
        frames = y.shape[1]
        if frames == 0:
            return
        x, bad = (np.pad(a, ((0, 0), (0, frames - x.shape[1]))) for a in (clean, bad))
        want, limit, nan = (np.zeros(y.shape) for _ in range(3))
        sure = np.ones(frames, dtype=bool)
        for part in self.parts:
            own = definition(part.h, x)[:, :frames]
            own_limit = bound(part.prepared, x)[:, :frames]
            weight = np.ones(frames)
            n = np.arange(frames)
            if part.fade:
                weight = np.clip((n - part.start + 1) / part.fade, 0.0, 1.0)
            weight[: part.start] = 0
            # a weight in the stream's precision, a difference, a product, a sum: 4 u of both, and
            # the same once more for what is done here
            rounding = 8 * oracle.roundoff(y.dtype) * ((weight > 0) & (weight < 1))
            limit = np.where(weight < 1, limit, 0) + np.where(weight > 0, own_limit, 0)
            limit += rounding * (np.abs(want) + np.abs(own))
            want = np.where(weight < 1, want + weight * (own - want), own)
            nan = np.where(weight < 1, nan, 0) + (weight > 0) * spoilt(part.h, bad)[:, :frames]
            known = (n >= part.known_from + part.h.shape[-1] - 1) | (part.known_from <= 0)
            sure = np.where(weight < 1, sure, True) & (known | (weight == 0))
        nan = nan > 0
        assert np.array_equal(np.isnan(y[:, sure]), nan[:, sure])
        error = np.where(nan, 0, np.abs(np.where(nan, 0, y) - want))
        assert (error <= limit)[:, sure].all(), float((error / limit)[:, sure].max())


# --- other machines -------------------------------------------------------------------------------


def imagined(rng: np.random.Generator, **factors: float) -> Costs:
    """Return the costs of a machine that there is not, with parts dearer by these factors.

    Its plans are as right as any, and of every kind.
    """
    table = costs.current("float32")
    parts: dict[str, Any] = {"source": f"imagined, {rng.integers(1 << 62)}"}
    for field in dataclasses.fields(table):
        if field.name != "source":
            parts[field.name] = _bent(rng, getattr(table, field.name), factors.get(field.name, 1.0))
    return Costs(**parts)


def _bent(rng: np.random.Generator, entry: Any, factor: float) -> Any:
    if isinstance(entry, tuple):
        return tuple((place, _bent(rng, inner, factor)) for place, inner in entry)
    return entry * factor * float(np.exp(rng.normal(0.0, 0.7)))
