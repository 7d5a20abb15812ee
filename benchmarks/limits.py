"""What `lti.check` finds with its default settings: the limits of its detection, and its errors.

A limit is where a fault becomes too weak, too slow or too far away to be found. Each is looked
for by bisection on a logarithmic scale, to within 12 %, with several seeds: `surely` is the limit
of the worst seed, `at best` of the luckiest. Where the far end of the range tried is still found,
the table says so. Signals have levels from -120 to +40 dBFS; the sample rate is 48 kHz.

A false alarm is a counterexample to any property that an honest system has. The honest systems
are drawn at random, another one for each seed. A miss is a property that a weak violator lacks
and that the check, asked for it, does not refute. Behind a rate stands the greatest true one that
would give as few with a probability of 5 % (Clopper and Pearson, one-sided).

Goals: no false alarm, no miss.
"""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
import scipy.signal
import scipy.stats

import ltisys as lti
from benchmarks.signals import Array
from benchmarks.specimens import FS, HONEST, honest, violators
from benchmarks.table import Options, Report, progress
from ltisys.verdicts import CheckReport

WITHIN = 1.12  # a bisection ends when the limit is known up to this factor
SEEDS = 1000
LONGEST = 2**20  # frames

System = Callable[[Array], Array]
Rng = np.random.Generator


# --- limits -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """A fault of any size, and how its discovery shows.

    `easy` is a size that must be found, `hard` one that need not be.
    """

    name: str
    system: Callable[[float], System]
    found: Callable[[CheckReport, float], bool]
    easy: float
    hard: float
    unit: str = ""
    whole: bool = False


def refuted(name: str) -> Callable[[CheckReport, float], bool]:
    return lambda report, _: report[name].holds is False


def faults() -> list[Fault]:
    """Return every kind of fault whose limit is published."""

    def add(name: str, term: Callable[[Array], Array], asked: str, hard: float) -> Fault:
        return Fault(name, lambda c: lambda x: x + c * term(x), refuted(asked), 1.0, hard)

    def clip(at: float) -> System:
        return lambda x: np.clip(x, -at, at)

    def swing(depth: float, hz: float) -> System:
        return lambda x: x * (1 + depth * np.sin(2 * np.pi * hz / FS * np.arange(x.size)))

    def vibrato(hz: float) -> System:
        """Return a delay of 2.5 ms, a tenth of which an oscillator moves."""

        def system(x: Array) -> Array:
            n = np.arange(x.size)
            at = n - FS * 2.5e-3 * (1 + 0.1 * np.sin(2 * np.pi * hz / FS * n))
            return np.interp(at, np.arange(-1, x.size), np.concatenate([[0.0], x]))

        return system

    def echo(delay: float, gain: float) -> System:
        silence = np.zeros(int(delay))
        return lambda x: np.append(x, silence) + gain * np.append(silence, x)

    def early(ahead: float, gain: float) -> System:
        def system(x: Array) -> Array:
            y = x.copy()
            y[: -int(ahead)] += gain * x[int(ahead) :]
            return y

        return system

    def alternating(period: float) -> System:
        """Return a gain of 1 for half a period and of 0.9 for the other."""
        return lambda x: x * np.where(np.arange(x.size) % int(period) < int(period) // 2, 1.0, 0.9)

    def ringing(decay_s: float) -> System:
        r = 10 ** (-3 / (decay_s * FS))
        a = [1, -2 * r * np.cos(2 * np.pi * 1000 / FS), r * r]
        return lambda x: scipy.signal.lfilter([1.0], a, x)

    def growing(e_fold_s: float) -> System:
        r = np.exp(1 / (e_fold_s * FS))
        a = [1, -2 * r * np.cos(2 * np.pi * 1000 / FS), r * r]
        return lambda x: scipy.signal.lfilter([1.0], a, x)

    def noisy(c: float) -> System:
        rng = np.random.default_rng(0)
        return lambda x: x + c * rng.standard_normal(x.size)

    def leaking(c: float) -> System:
        kept = [0.0]

        def system(x: Array) -> Array:
            y = x.copy()
            y[0] += kept[0]
            kept[0] = c * float(x[-1])
            return y

        return system

    linear, varying = refuted("linear"), refuted("time-invariant")
    return [
        add("weakest cube: c in x + c x³", lambda x: x**3, "linear", 1e-25),
        add("weakest square: c in x + c x²", np.square, "linear", 1e-25),
        add("smallest offset: c in x + c", np.ones_like, "linear", 1e-25),
        Fault("highest clip", clip, linear, 0.9, 1e4, "full scale"),
        Fault("lowest clip", clip, linear, 0.9, 1e-30, "full scale"),
        Fault(
            "finest quantiser",
            lambda q: lambda x: q * np.round(x / q),
            linear,
            0.1,
            1e-30,
            "a step",
        ),
        Fault("slowest tremolo, depth 0.1", lambda hz: swing(0.1, hz), varying, 100.0, 1e-20, "Hz"),
        Fault(
            "slowest tremolo, depth 0.001", lambda hz: swing(1e-3, hz), varying, 100.0, 1e-20, "Hz"
        ),
        Fault("slowest vibrato, 0.25 ms", vibrato, varying, 10.0, 1e-20, "Hz"),
        Fault("weakest tremolo of 5 Hz: depth", lambda d: swing(d, 5.0), varying, 0.5, 1e-25),
        Fault(
            "longest period of a gain, told from none",
            alternating,
            varying,
            16,
            LONGEST,
            "frames",
            True,
        ),
        Fault(
            "longest period of a gain, measured",
            alternating,
            lambda report, period: report.period == int(period),
            16,
            LONGEST,
            "frames",
            True,
        ),
        Fault(
            "longest latency, measured",
            lambda d: lambda x: np.concatenate([np.zeros(int(d)), x]),
            lambda report, d: report.latency == int(d),
            16,
            LONGEST,
            "frames",
            True,
        ),
        Fault(
            "longest latency, measured, answer cut to the length of the input",
            lambda d: lambda x: np.concatenate([np.zeros(int(d)), x])[: x.size],
            lambda report, d: report.latency == int(d),
            16,
            LONGEST,
            "frames",
            True,
        ),
        Fault(
            "latest echo in the memory, gain 0.1",
            lambda d: echo(d, 0.1),
            lambda report, d: report.memory == int(d),
            16,
            LONGEST,
            "frames",
            True,
        ),
        Fault(
            "weakest echo after 100 frames",
            lambda g: echo(100, g),
            refuted("memoryless"),
            0.5,
            1e-25,
            "gain",
        ),
        Fault(
            "farthest look ahead, gain 0.1",
            lambda d: early(d, 0.1),
            refuted("causal"),
            16,
            LONGEST,
            "frames",
            True,
        ),
        Fault(
            "weakest look ahead by 100 frames",
            lambda g: early(100, g),
            refuted("causal"),
            0.5,
            1e-25,
            "gain",
        ),
        Fault(
            "slowest decay called stable, by 60 dB",
            ringing,
            lambda report, _: report["stable"].holds is True,
            0.01,
            1e6,
            "s",
        ),
        Fault(
            "slowest growth called unstable, by a factor of e",
            growing,
            refuted("stable"),
            0.001,
            1e9,
            "s",
        ),
        Fault("weakest noise", noisy, refuted("deterministic"), 0.1, 1e-25, "full scale"),
        Fault("weakest leak between calls", leaking, refuted("stateless"), 0.5, 1e-25, "gain"),
    ]


def limit(fault: Fault, seed: int, within: float) -> tuple[float | None, int]:
    """Return the hardest size that is found, None if the easy one is not, and the checks made."""
    checks = 0

    def found(size: float) -> bool:
        nonlocal checks
        checks += 1
        size = float(round(size)) if fault.whole else size
        with np.errstate(all="ignore"):
            report = lti.check(fault.system(size), fs=FS, seed=seed)
        return fault.found(report, size)

    easy, hard = fault.easy, fault.hard
    if not found(easy):
        return None, checks
    if found(hard):
        return hard, checks
    while max(easy, hard) / min(easy, hard) > within:
        middle = float(np.sqrt(easy * hard))
        if fault.whole and round(middle) in (round(easy), round(hard)):
            break
        easy, hard = (middle, hard) if found(middle) else (easy, middle)
    return (float(round(easy)) if fault.whole else easy), checks


def limit_of(place: int, seed: int, within: float) -> float | None:
    return limit(faults()[place], seed, within)[0]


def limits(report: Report, options: Options, pool: Executor) -> None:
    rows = []
    seeds = range(options.rounds(3))
    within = 1e3 if options.quick else WITHIN
    pending = [
        [pool.submit(limit_of, place, seed, within) for seed in seeds]
        for place in range(len(faults()))
    ]
    for fault, futures in zip(faults(), pending, strict=True):
        progress(fault.name)
        sizes = [future.result() for future in futures]
        upwards = fault.hard > fault.easy
        known = [size for size in sizes if size is not None]
        if len(known) < len(sizes):
            surely = f"not at {size_text(fault.easy, fault)}"
        else:
            surely = size_text((min if upwards else max)(known), fault)
        best = size_text((max if upwards else min)(known), fault) if known else ""
        all_of_it = "; all tried" if known and fault.hard in known else ""
        rows.append([fault.name, surely, best + all_of_it, fault.unit])
    report.add("Limits", ("what", "surely", "at best", "unit"), rows)


def size_text(size: float, fault: Fault) -> str:
    return f"{size:,.0f}".replace(",", " ") if fault.whole else f"{size:.2g}"


# --- false alarms and misses ------------------------------------------------------------------


def judge_honest(seed: int) -> tuple[str, list[str], bool]:
    """Check one honest system; return its kind, its false alarms, and whether a verdict lacked."""
    kind, system = honest(seed)
    checked = lti.check(system, fs=FS, seed=seed)
    return kind, [v.name for v in checked.failures], bool(checked.unjudged)


def judge_violator(seed: int) -> tuple[str, bool]:
    """Check one weak violator for what it lacks; return its name, and whether it was missed."""
    cases = violators()
    name = list(cases)[seed % len(cases)]
    make, lacks = cases[name]
    checked = lti.check(make(seed), fs=FS, seed=seed, properties=lacks)
    return name, any(verdict.holds is not False for verdict in checked.verdicts.values())


def rates(report: Report, options: Options, pool: Executor) -> None:
    """Count false alarms over honest systems, and misses over weak violators."""
    seeds = 24 if options.quick else SEEDS
    progress(f"{seeds} honest systems")
    count: Counter[str] = Counter()
    alarms: Counter[str] = Counter()
    unjudged: Counter[str] = Counter()
    for seed, (kind, wrong, lacking) in enumerate(
        pool.map(judge_honest, range(seeds), chunksize=4)
    ):
        count[kind] += 1
        alarms[kind] += bool(wrong)
        unjudged[kind] += lacking
        if wrong:
            report.notes.append(f"False alarm: {kind}, seed {seed}: {', '.join(wrong)}.")
    rows = [[kind, str(count[kind]), str(alarms[kind]), str(unjudged[kind]), ""] for kind in HONEST]
    total = alarms.total()
    rows.append(["all", str(seeds), str(total), str(unjudged.total()), rate(total, seeds)])
    header = ("honest systems", "checked", "false alarms", "with a ?", "rate (at most)")
    report.add("False alarms", header, rows)

    progress(f"{seeds} weak violators")
    missed: Counter[str] = Counter()
    checks: Counter[str] = Counter()
    for name, was_missed in pool.map(judge_violator, range(seeds), chunksize=4):
        checks[name] += 1
        missed[name] += was_missed
    rows = [
        [name, ", ".join(lacks), str(checks[name]), str(missed[name]), ""]
        for name, (_, lacks) in violators().items()
    ]
    total = missed.total()
    rows.append(["all", "", str(seeds), str(total), rate(total, seeds)])
    report.add("Misses", ("weak violators", "lack", "checked", "missed", "rate (at most)"), rows)


def rate(events: int, trials: int) -> str:
    """Return a rate, and the greatest true one that would give as few in one of twenty cases."""
    greatest = 1.0 if events == trials else scipy.stats.beta.ppf(0.95, events + 1, trials - events)
    return f"{100 * events / trials:.1f} % ({100 * greatest:.1f} %)"


def measure(options: Options) -> Report:
    """Look for every limit, then count errors."""
    report = Report(__doc__ or "")
    # nothing here is timed; two at once, each in a process of its own
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        rates(report, options, pool)
        limits(report, options, pool)
    return report
