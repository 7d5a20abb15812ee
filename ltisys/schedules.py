"""partitions of a response for streaming without latency: the cheapest, by a shortest path

A stream cuts the response into partitions: a few small ones first, then larger and larger ones,
because a large transform costs less a tap. A partition of size S needs S frames of input before it
can be transformed, so it may start no earlier than S frames into the response; what lies before
must be covered by smaller ones, and the very first taps, needed at once, by the head: a product
with a matrix, or a transform of the block itself.

Every choice of partitions is a path through (taps covered, size of the last partition); another of
the same size costs a product of spectra, the first of a larger size its transforms as well. The
shortest path is the cheapest stream. To search it A* is enough: the rest of the response costs at
least what the cheapest product of spectra a tap would.

References
----------
G. Garcia, "Optimal filter partition for efficient convolution with short input/output delay", AES
113th Convention, 2002. F. Wefers, "Partitioned convolution algorithms for real-time auralization",
2014, chapter 6. W. Gardner, "Efficient convolution without input-output delay", J. AES 43(3), 1995.
"""

from __future__ import annotations

import functools
import heapq
import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from ltisys import spectra
from ltisys.costs import Costs

__all__ = [
    "DIRECT",
    "FFT",
    "Problem",
    "Schedule",
    "budget",
    "cheapest",
    "cost",
    "heads",
    "slack",
    "uniform",
    "usable",
]

DIRECT, FFT = "direct", "fft"
MOST_PRODUCTS = 1 << 19
"""Multiply-adds of one matrix product: from 2**20 on BLAS wakes its threads, which then wait for
a core that is not free (blocks of 31 ms were seen where 0.5 ms is usual)."""
MOST_COLUMNS = 32
"""Outputs a direct head computes from one window: with 16 to 64 the product is fastest."""
CALL = 0.9  # of the time for the smallest size, that is: nothing but the call
OWN_US = 1.5  # gathering rows for paths that are not one a channel
BUDGET_US = 30.0
"""Work of one partition size that a block may always have at once; longer blocks have more."""
BUDGET = 1.0
"""And so many microseconds for each frame of a block, 5 % of its duration at 48 kHz."""
STEP_US = 60.0
"""A single transform may always take so long, and with longer blocks STEP times the budget."""
STEP = 2.0
SIZES = tuple(1 << k for k in range(5, 19))


@dataclass(frozen=True)
class Problem:
    """What a schedule is for."""

    taps: int
    block_size: int
    inputs: int = 1
    outputs: int = 1
    paths: int = 1
    shared: bool = False
    """Every channel has the same response."""
    dtype: str = "float32"


@dataclass(frozen=True)
class Schedule:
    """Partitions (size, count) in the order of the response, and what they cost."""

    head: str
    """``"direct"``: the first partitions are one matrix; ``"fft"``: they are transformed."""
    partitions: tuple[tuple[int, int], ...]
    cost: float
    """Microseconds a block, in the mean."""
    worst: float
    """Microseconds of a block in which every size has work to do."""
    operations: float
    """Floating-point operations a frame."""

    @property
    def offsets(self) -> tuple[int, ...]:
        """The tap at which each group of partitions starts."""
        starts = [0]
        for size, count in self.partitions[:-1]:
            starts.append(starts[-1] + size * count)
        return tuple(starts)


# --- what the parts cost, microseconds a block ----------------------------------------------------


def _transforms_us(size: int, problem: Problem, costs: Costs) -> float:
    """Return what the transforms of one job of a size take."""
    half = spectra.partition_nfft(size) / 2
    return (
        _rows_us("forward", half, problem.inputs, costs)
        + _rows_us("inverse", half, problem.outputs, costs)
        + costs.job
    )


def _rows_us(part: str, size: float, rows: int, costs: Costs) -> float:
    """Return what several rows in one call take: the call itself is paid once."""
    one = costs.of(part, size)
    return one + (rows - 1) * max(one - CALL * costs.of(part, 1), 0.0)


def _product_us(size: int, problem: Problem, costs: Costs) -> float:
    return _rows_us("multiply", spectra.partition_nfft(size) / 2, problem.paths, costs)


def head_products(count: int, block: int) -> int:
    """Return the multiply-adds of a direct head of `count` blocks, for one path and block."""
    many = columns(block)
    return (count * block + many - 1) * (-(-block // many) * many)


def _head_us(count: int, problem: Problem, costs: Costs) -> float:
    """Return what a direct head of `count` blocks takes."""
    block = problem.block_size
    own = 0.0 if problem.inputs == problem.outputs == problem.paths else OWN_US
    return costs.of_head(head_products(count, block) * problem.paths, block) + own


def columns(block: int) -> int:
    """Return how many neighbouring outputs a direct head computes from one window."""
    return min(MOST_COLUMNS, 1 << (block.bit_length() - 1))


def budget(block_size: int) -> float:
    """Return the microseconds of work that one size of partition may add to a block."""
    return max(BUDGET_US, BUDGET * block_size)


def slack(size: int, problem: Problem, costs: Costs) -> int:
    """Return how many frames beyond its size a partition must start into the response.

    The transforms and the product with the newest input can begin when that input is complete, and
    have the slack to finish in; all other products can be done before. Where a size is no multiple
    of the block, its input is complete inside a block, which must not need the answer yet.
    """
    block = problem.block_size
    urgent = _transforms_us(size, problem, costs) + _product_us(size, problem, costs)
    blocks = (
        math.ceil(urgent / budget(problem.block_size)) if urgent > budget(problem.block_size) else 0
    )
    aligned = 0 if size % block == 0 else block - 1
    return max(aligned, min(blocks * block, size))


def usable(problem: Problem, costs: Costs) -> tuple[int, ...]:
    """Return the sizes whose single transforms are short enough not to be felt."""
    most = max(STEP_US, STEP * BUDGET * problem.block_size)
    sizes = [s for s in SIZES if s >= problem.block_size]
    fit = [s for s in sizes if max(costs.of("forward", s), costs.of("inverse", s)) <= most]
    return tuple(fit or sizes[:1])


def heads(problem: Problem) -> Iterator[tuple[str, int]]:
    """Yield every head: its kind and its count of blocks; of one transformed block at least one."""
    block = problem.block_size
    whole = -(-problem.taps // block)
    counts = {whole, *(m << k for k in range(13) for m in (1, 3))}
    for count in sorted(counts):
        work = head_products(count, block)
        if problem.shared or problem.paths > problem.outputs:  # rows or inputs in one product
            work *= problem.inputs
        if count <= whole and (work <= MOST_PRODUCTS or count * block <= MOST_COLUMNS):
            yield DIRECT, count
    yield FFT, 1


def cost(
    head: str, partitions: tuple[tuple[int, int], ...], problem: Problem, costs: Costs
) -> float:
    """Return microseconds a block of any schedule, whether the best or not."""
    total = costs.push
    for place, (size, count) in enumerate(partitions):
        if place == 0 and head == DIRECT:
            total += _head_us(count, problem, costs)
            continue
        job = _transforms_us(size, problem, costs) + count * _product_us(size, problem, costs)
        total += job * problem.block_size / size
    return total


def uniform(problem: Problem, costs: Costs) -> float:
    """Return microseconds a block of equal partitions, as most convolvers have them."""
    count = -(-problem.taps // problem.block_size)
    return cost(FFT, ((problem.block_size, count),), problem, costs)


# --- the shortest path ----------------------------------------------------------------------------


def cheapest(problem: Problem, costs: Costs, sizes: Collection[int] | None = None) -> Schedule:
    """Return the cheapest schedule.

    Parameters
    ----------
    problem, costs
        What for, and on which machine.
    sizes : collection of int, optional
        Only these sizes of partitions; by default all that `usable` allows.
    """
    return _cheapest(problem, costs, None if sizes is None else tuple(sorted(sizes)))


@functools.lru_cache(maxsize=256)
def _cheapest(problem: Problem, costs: Costs, only: tuple[int, ...] | None) -> Schedule:
    block, taps = problem.block_size, problem.taps
    sizes = usable(problem, costs) if only is None else only
    again = {
        s: _product_us(s, problem, costs) * block / s for s in sorted({block, *sizes})
    }  # another partition of a size
    first = {
        s: _transforms_us(s, problem, costs) * block / s + again[s] for s in again
    }  # its first
    need = {s: s + slack(s, problem, costs) for s in sizes}
    largest = max(sizes, default=0)
    each_tap = min((again[s] / s for s in again), default=0.0)

    # (estimate of the whole, cost so far, taps covered, last size, index in `trail`)
    queue: list[tuple[float, float, int, int, int]] = []
    trail: list[tuple[int, int, int]] = []  # (previous index, size, count) of each step
    best: dict[tuple[int, int], float] = {}

    def reach(spent: float, covered: int, size: int, step: tuple[int, int, int]) -> None:
        covered = min(covered, taps) if covered >= taps else covered
        if spent < best.get((covered, size), math.inf):
            best[covered, size] = spent
            trail.append(step)
            estimate = spent + (taps - covered) * each_tap
            heapq.heappush(queue, (estimate, spent, covered, size, len(trail) - 1))

    kinds: list[str] = []
    for kind, count in heads(problem):
        kinds.append(kind)
        spent = costs.push
        spent += _head_us(count, problem, costs) if kind == DIRECT else first[block]
        # the sizes 0 and -1 tell that only larger ones can follow a head, or its own kind
        size = 0 if kind == DIRECT else -1
        reach(spent, count * block, size, (-1, block, count if kind == DIRECT else -count))
    while queue:
        _, spent, covered, size, index = heapq.heappop(queue)
        if spent > best[covered, size]:
            continue
        if covered >= taps:
            return _told(index, trail, spent, problem, costs)
        if size != 0:
            same = block if size == -1 else size
            # where nothing larger can follow, all that is left at once
            count = 1 if same < largest else -(-(taps - covered) // same)
            reach(spent + count * again[same], covered + count * same, size, (index, same, count))
        for larger in sizes:
            if larger > (block if size == -1 else size) and covered >= need[larger]:
                reach(spent + first[larger], covered + larger, larger, (index, larger, 1))
    raise AssertionError("a transformed head can always be repeated")


def _told(
    index: int, trail: list[tuple[int, int, int]], spent: float, problem: Problem, costs: Costs
) -> Schedule:
    """Follow the trail back and return it as a schedule."""
    steps: list[tuple[int, int]] = []
    head = DIRECT
    while index >= 0:
        index, size, count = trail[index]
        if count < 0:  # only the step of a transformed head
            head, count = FFT, -count
        if steps and steps[-1][0] == size and not (index < 0 and head == DIRECT):
            steps[-1] = (size, steps[-1][1] + count)
        else:
            steps.append((size, count))
    partitions = tuple(reversed(steps))
    schedule = Schedule(head, partitions, spent, 0.0, _operations(head, partitions, problem))
    return replace(schedule, worst=_worst(schedule, problem, costs))


def _operations(head: str, partitions: tuple[tuple[int, int], ...], problem: Problem) -> float:
    """Count real additions and multiplications a frame: 2.5 n log2 n for a real transform."""
    total = 0.0
    for place, (size, count) in enumerate(partitions):
        if place == 0 and head == DIRECT:
            total += 2.0 * size * count * problem.paths
            continue
        n = 2 * size
        total += (problem.inputs + problem.outputs) * 2.5 * n * math.log2(n) / size
        total += 8.0 * problem.paths * count * (size + 1) / size
    return total


def _worst(schedule: Schedule, problem: Problem, costs: Costs) -> float:
    """Return microseconds of a block in which each size has its largest piece of work."""
    total = costs.push
    for place, (size, count) in enumerate(schedule.partitions):
        if place == 0 and schedule.head == DIRECT:
            total += _head_us(count, problem, costs)
            continue
        job = _transforms_us(size, problem, costs) + count * _product_us(size, problem, costs)
        single = max(costs.of("forward", size), costs.of("inverse", size)) + costs.job
        mean = job * problem.block_size / size
        most = max(single, mean, budget(problem.block_size))
        total += job if place == 0 else min(job, most)
    return total
