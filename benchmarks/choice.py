"""Choice: what the automatic choice of a method costs against the best one in hindsight.

For a grid of problems every method is timed through `ltisys.convolve`, in turn, and the one that
``method="auto"`` picks is compared with the fastest: its regret is the time over the fastest,
less one. A method that the planner expects to take 20 times as long as the cheapest, and more
than 0.2 s, is not run.

Goals, of our own: a median regret of at most 5 %, none over 50 %.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass

import ltisys as lti
from benchmarks.clock import Timer, interleave, lasting
from benchmarks.signals import Array, decay, noise
from benchmarks.table import Options, Report, at_most, progress

METHODS = ("direct", "fft", "overlap-add", "overlap-save")
MEDIAN_GOAL, WORST_GOAL = 0.05, 0.5
HOPELESS, HOPELESS_US = 20, 2e5


@dataclass(frozen=True)
class Problem:
    """One convolution."""

    frames: int
    taps: int
    channels: int = 1
    dtype: str = "float32"

    def __str__(self) -> str:
        return f"{self.channels} x {self.frames:,} x {self.taps:,} {self.dtype}"

    def plan(self) -> lti.Plan:
        """Plan as `convolve` does, which takes the shorter of two rows as the response."""
        frames, taps = self.frames, self.taps
        if self.channels == 1 and taps > frames:
            frames, taps = taps, frames
        return lti.plan(frames=frames, taps=taps, channels=self.channels, dtype=self.dtype)


def grid(quick: bool) -> list[Problem]:
    """List the problems: every size in single precision, a part of them in the other dtypes."""
    if quick:
        return [Problem(64, 16), Problem(10_000, 100, 2), Problem(3_000, 700, 1, "complex64")]
    pairs = {
        64: (1, 16, 64, 1_000),
        1_000: (2, 16, 64, 300, 1_000),
        10_000: (1, 9, 64, 300, 2_000, 10_000, 100_000),
        100_000: (5, 32, 129, 600, 2_000, 20_000, 100_000),
        1_000_000: (16, 129, 2_000, 20_000, 96_000, 1_000_000),
        10_000_000: (2, 64, 512, 4_000, 96_000, 480_000, 1_000_000),
    }
    problems = [Problem(frames, taps) for frames, many in pairs.items() for taps in many]
    problems += [Problem(frames, taps, 2) for frames, taps in ((1_000, 64), (1_000_000, 20_000))]
    problems += [Problem(4_000, 500, 64), Problem(48_000, 96_000, 8), Problem(10_000, 16, 32)]
    problems += [Problem(10_000, 64, 1, "float64"), Problem(1_000_000, 2_000, 1, "float64")]
    problems += [Problem(1_000_000, 96_000, 2, "float64"), Problem(1_000, 300, 1, "float64")]
    problems += [Problem(10_000, 300, 1, "complex64"), Problem(1_000_000, 20_000, 1, "complex64")]
    return problems


def measure(options: Options) -> Report:
    """Measure the whole grid."""
    report = Report(__doc__ or "")
    least_s = 0.001 if options.quick else 0.02
    rows: list[list[str]] = []
    regrets: list[float] = []
    for problem in grid(options.quick):
        progress(str(problem))
        plan = problem.plan()
        x = noise(problem.frames, dtype=problem.dtype, channels=problem.channels)
        h = decay(problem.taps, dtype=problem.dtype)
        expected = {plan.method: plan.cost, **dict(plan.alternatives)}
        cheapest = min(expected.values())
        timers: dict[str, Timer] = {}
        for method in METHODS:
            hopeless = expected[method] > max(HOPELESS * cheapest, HOPELESS_US)
            if method == plan.method or not hopeless:
                timers[method] = _timer(x, h, method, least_s)
        samples = interleave(timers, options.rounds(5))
        times = {method: sample.median for method, sample in samples.items()}
        best = min(times, key=lambda method: times[method])
        regrets.append(times[plan.method] / times[best] - 1)
        cells = [f"{1e3 * times[m]:.4g}" if m in times else "" for m in METHODS]
        estimate = f"{plan.cost / 1e6 / times[plan.method]:.2f}"
        rows.append([str(problem), *cells, plan.method, best, f"{100 * regrets[-1]:.0f} %"])
        rows[-1].append(estimate)
    worst, middle = max(regrets), statistics.median(regrets)
    summary = [
        ["median", f"{100 * middle:.1f} %", "<= 5 %", at_most(middle, MEDIAN_GOAL)],
        ["worst", f"{100 * worst:.1f} %", "<= 50 %", at_most(worst, WORST_GOAL)],
    ]
    report.add("Regret", ("over the grid", "regret", "goal", "verdict"), summary)
    methods = [f"{method} ms" for method in METHODS]
    header = ("problem", *methods, "auto", "best", "regret", "estimate / measured")
    report.add("Problems: channels x frames x taps", header, rows)
    return report


def _timer(x: Array, h: Array, method: str, least_s: float) -> Timer:
    return lasting(lambda: lti.convolve(x, h, method=method), least_s)  # type: ignore[arg-type]
