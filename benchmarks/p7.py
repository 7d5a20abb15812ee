"""P7: how long `lti.check` takes to judge a plain callable, all properties, 100 trials.

The systems are lambdas around calls of scipy and numpy at 48 kHz, checked with the default
settings and taking turns; times are medians. `calls` is how often the check called the system,
and `in it` the time of a run that it spent there. `worst` is the largest departure of any
property, relative to the output: rounding, for these systems have no counterexample.

Another table has systems that take 10 and 100 ms a call, which are checked by fewer trials;
`trials` is how many were made of a hundred.

Goals: a plain callable is judged in at most 0.5 s (those of 4096 taps, whose own calls take longer,
have no goal); one that takes 100 ms a call in under a minute.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np
import scipy.fft
import scipy.signal

import ltisys as lti
from benchmarks.clock import Timer, interleave
from benchmarks.signals import Array, decay
from benchmarks.table import Options, Report, at_most, progress
from ltisys.verdicts import CheckReport

FS = 48_000
GOAL_S = 0.5
SLOW_GOAL_S = 60.0
PAUSES_S = (0.01, 0.1)
LONG = ("oaconvolve, 4096 taps", "rfft, product, irfft, 4096 taps")

System = Callable[[Array], Array]


class Timed:
    """A system that remembers how long its calls took."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.seconds = 0.0

    def __call__(self, x: Array) -> Array:
        start = time.perf_counter()
        y = self.system(x)
        self.seconds += time.perf_counter() - start
        return y


def plain() -> dict[str, System]:
    """Return the systems that a plain callable stands for."""

    def sosfilt(order: int) -> System:
        sos = scipy.signal.butter(order, 1000, fs=FS, output="sos")
        return lambda x: scipy.signal.sosfilt(sos, x)

    short, long = scipy.signal.firwin(129, 4000, fs=FS), decay(4096, dtype="float64")

    def by_fft(x: Array) -> Array:
        size = scipy.fft.next_fast_len(x.size + long.size - 1, real=True)
        product = scipy.fft.rfft(x, size) * scipy.fft.rfft(long, size)
        return scipy.fft.irfft(product, size)[: x.size + long.size - 1]

    return {
        **{f"sosfilt, Butterworth of order {n}": sosfilt(n) for n in (2, 4, 8, 16)},
        "lfilter, 129 taps": lambda x: scipy.signal.lfilter(short, 1, x),
        "np.convolve, 129 taps": lambda x: np.convolve(x, short),
        LONG[0]: lambda x: scipy.signal.oaconvolve(x, long),
        LONG[1]: by_fft,
    }


def measure(options: Options) -> Report:
    """Time the check of every system."""
    report = Report(__doc__ or "")
    systems = plain()
    found = {}

    def checking(name: str) -> Timer:
        def run() -> float:
            start = time.perf_counter()
            found[name] = lti.check(systems[name], fs=FS)
            return time.perf_counter() - start

        return run

    progress("plain callables")
    samples = interleave({name: checking(name) for name in systems}, options.rounds(11, quick=1))
    rows = []
    for name, sample in samples.items():
        inside = Timed(systems[name])
        lti.check(inside, fs=FS)
        rows.append(
            [
                name,
                f"{1e3 * sample.median:.0f}",
                f"{1e3 * inside.seconds:.0f}",
                str(found[name].calls),
                worst(found[name]),
                found[name].precision,
                holds(found[name]),
                "" if name in LONG else f"<= {1e3 * GOAL_S:.0f}",
                "" if name in LONG else at_most(sample.median, GOAL_S),
            ]
        )
    header = (
        "system",
        "ms",
        "in it",
        "calls",
        "worst",
        "precision",
        "held",
        "goal (ms)",
        "verdict",
    )
    report.add("Plain callables", header, rows)
    report.add("Slow callables", *slow(systems, options))
    report.details(samples, "ms")
    return report


def slow(
    systems: Mapping[str, System], options: Options
) -> tuple[tuple[str, ...], list[list[str]]]:
    """Check systems that wait before they answer, once each."""
    name, system = next(iter(systems.items()))
    rows = []
    for pause_s in PAUSES_S[:1] if options.quick else PAUSES_S:
        progress(f"{1e3 * pause_s:.0f} ms a call")

        def waits(x: Array, pause_s: float = pause_s) -> Array:
            time.sleep(pause_s)
            return system(x)

        start = time.perf_counter()
        report = lti.check(waits, fs=FS)
        seconds = time.perf_counter() - start
        rows.append(
            [
                f"{name}, {1e3 * pause_s:.0f} ms a call",
                f"{seconds:.1f}",
                str(report.calls),
                str(report["linear"].trials),
                worst(report),
                holds(report),
                f"<= {SLOW_GOAL_S:.0f}",
                at_most(seconds, SLOW_GOAL_S),
            ]
        )
    return ("system", "s", "calls", "trials", "worst", "held", "goal (s)", "verdict"), rows


def worst(report: CheckReport) -> str:
    """Return the largest departure of the properties that were demanded."""
    departures = [report[name].departure_db for name in report.demanded]
    largest = max((d for d in departures if not np.isnan(d)), default=-np.inf)
    return "none" if largest == -np.inf else f"{largest:.0f} dB"


def holds(report: CheckReport) -> str:
    """Return how many of the properties that were demanded had no counterexample."""
    held = sum(report[name].holds is True for name in report.demanded)
    return f"{held} of {len(report.demanded)}"
