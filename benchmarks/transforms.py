"""Transforms: the measurements behind the constants of `ltisys.planner`.

Nanoseconds a point for a forward and an inverse complex transform together, through
`ltisys.spectra` on one thread: batches of four rows in complex64 (TRANSFORM_NS), one row
(SINGLE_ROW, the median ratio over the lengths that run in one pass), four rows in complex128
(DOUBLE, the median ratio). Lengths are those `spectra.good_size` gives for the powers of two; the
longer ones run in two passes, n1 x n2.

MOVE_NS is what an overlap-save takes over its transforms alone, a point, on one thread. TAP_NS and
OUTPUT_NS are the line through the direct method's nanoseconds an output, over taps + 64
multiply-adds, with BLAS on one thread. CALL_US is what a tiny problem takes beyond the work the
model counts for it; THREAD_US what two threads with nothing to do take. Medians of runs in turn.
No goal: the planner's values are right while the ratio stays near 1 on the machine they name, and
only ratios among them choose.
"""

from __future__ import annotations

import functools
import os
import statistics

import numpy as np

import ltisys as lti
from benchmarks.clock import Remote, Sample, Timer, interleave, lasting, timed
from benchmarks.floor import Batch, own_floor, row_count
from benchmarks.signals import decay, noise
from benchmarks.table import Options, Report, progress
from ltisys import planner, spectra
from ltisys.convolution import Kernels

SIZES = (*range(8, 23), 24)
MOST_OTHER = 20  # log2 of the longest transform measured with one row and in double precision
DIRECT_TAPS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "MKL", "OMP")}
FOUR, ONE, WIDE = "4 rows", "1 row", "4 rows complex128"

Constants = dict[str, tuple[float, float]]
"""Name: (measured, the planner's)."""


def measure(options: Options) -> Report:
    """Measure every constant."""
    lti.convolve(np.ones(100), np.ones(10), method="fft")  # as ever, the first call is special
    report = Report(__doc__ or "")
    samples: dict[str, Sample] = {}
    least_s = 0.001 if options.quick else 0.05
    measured, double, single = _transforms(report, samples, options, least_s)
    found: Constants = {
        "DOUBLE": (double, planner.DOUBLE),
        "SINGLE_ROW": (single, planner.SINGLE_ROW),
        "MOVE_NS": (_move(report, samples, options), planner.MOVE_NS),
    }
    tap, output = _direct(report, options, least_s)
    found |= {"TAP_NS": (tap, planner.TAP_NS), "OUTPUT_NS": (output, planner.OUTPUT_NS)}
    calls = _calls(samples, options, least_s)
    for name, value in calls.items():
        now = planner.THREAD_US if name == "THREAD_US" else planner.CALL_US[name]
        found[name if name == "THREAD_US" else f'CALL_US["{name}"]'] = (value, now)
    rows = [[name, f"{a:.3g}", f"{b:.3g}", f"{a / b:.2f}"] for name, (a, b) in found.items()]
    report.add("Constants", ("constant", "measured", "planner", "measured / planner"), rows)
    report.tables.append(("As planner.py holds them", _code(measured, found, calls)))
    report.details(samples, "us")
    return report


def _code(measured: dict[int, float], found: Constants, calls: dict[str, float]) -> str:
    table = ", ".join(f"{size}: {measured[size]:.1f}" for size in sorted(measured))
    lines = [f"TRANSFORM_NS = {{{table}}}"]
    for name in ("DOUBLE", "SINGLE_ROW", "MOVE_NS", "TAP_NS", "OUTPUT_NS"):
        lines.append(f"{name} = {found[name][0]:.2g}")
    methods = ", ".join(f'"{m}": {us:.1f}' for m, us in calls.items() if m != "THREAD_US")
    lines += [f"CALL_US = {{{methods}}}", f"THREAD_US = {calls['THREAD_US']:.0f}"]
    return "```python\n" + "\n".join(lines) + "\n```"


def _transforms(
    report: Report, samples: dict[str, Sample], options: Options, least_s: float
) -> tuple[dict[int, float], float, float]:
    """Add the table by length; return TRANSFORM_NS, DOUBLE and SINGLE_ROW."""
    rows: list[list[str]] = []
    measured: dict[int, float] = {}
    double: list[float] = []
    single: list[float] = []
    for size in (8, 12) if options.quick else SIZES:
        nfft = spectra.good_size(1 << size)
        progress(f"{nfft} points")
        timers: dict[str, Timer] = {FOUR: lasting(Batch(4, nfft, "complex64").step, least_s)}
        if size <= MOST_OTHER:
            timers[ONE] = lasting(Batch(1, nfft, "complex64").step, least_s)
            timers[WIDE] = lasting(Batch(4, nfft, "complex128").step, least_s)
        found = interleave(timers, options.rounds(7))
        each = {k: 1e9 * s.median / (nfft * (1 if k == ONE else 4)) for k, s in found.items()}
        measured[size] = each[FOUR]
        sides = spectra.split(nfft)
        if size <= MOST_OTHER:
            double.append(each[WIDE] / each[FOUR])
            if not sides:
                single.append(each[ONE] / each[FOUR])
        now = planner.transform_ns(nfft)
        shape = f" = {sides[0]} x {sides[1]}" if sides else ""
        cells = [f"{each[k]:.1f}" if k in each else "" for k in (FOUR, ONE, WIDE)]
        rows.append([f"{nfft}{shape}", *cells, f"{now:.1f}", f"{each[FOUR] / now:.2f}"])
        samples |= {f"{nfft} points, {k}": s for k, s in found.items()}
    header = ("points", FOUR, ONE, WIDE, "planner, 4 rows", "measured / planner")
    report.add("Nanoseconds a point, forward and inverse", header, rows)
    return measured, statistics.median(double), statistics.median(single)


def _move(report: Report, samples: dict[str, Sample], options: Options) -> float:
    """Return nanoseconds a point of an overlap-save beyond its transforms."""
    frames = 100_000 if options.quick else 4_000_000
    x = noise(frames)
    rows: list[list[str]] = []
    moves: list[float] = []
    for taps in (129, 2_048, 20_000, 96_000):
        progress(f"overlap-save, {taps} taps")
        h = decay(taps)
        plan = lti.plan(frames=frames, taps=taps, method="overlap-save", workers=1)
        kernels, outputs = Kernels(h[None], ((0, 0, 0),)), frames + taps - 1
        whole = f"overlap-save, {taps} taps"
        alone = f"{whole}: transforms alone"
        timers = {
            whole: timed(functools.partial(kernels.run, x[None], plan, 0, outputs)),
            alone: timed(own_floor(plan)),
        }
        found = interleave(timers, options.rounds(7))
        samples |= found
        points = row_count(plan) * plan.nfft
        both = [1e9 * found[name].median / points for name in (whole, alone)]
        moves.append(both[0] - both[1])
        rows.append([f"{taps}", f"{plan.nfft}", *(f"{ns:.1f}" for ns in both), f"{moves[-1]:.2f}"])
    header = ("taps", "points", "whole", "transforms alone", "difference")
    report.add("Nanoseconds a point, overlap-save on one thread", header, rows)
    return statistics.median(moves)


def _direct(report: Report, options: Options, least_s: float) -> tuple[float, float]:
    """Add the table of the direct method; return TAP_NS and OUTPUT_NS."""
    frames = 20_000 if options.quick else 1_000_000
    progress("direct method")
    with Remote("direct", frames, least_s, env={**os.environ, **ONE_THREAD}) as remote:
        timers: dict[str, Timer] = {
            str(taps): functools.partial(remote.ask, str(taps)) for taps in DIRECT_TAPS
        }
        found = interleave(timers, options.rounds(5), warm_up=False)
    macs = np.array(DIRECT_TAPS) + 64
    each = np.array([1e9 * found[str(t)].median / (frames + t - 1) for t in DIRECT_TAPS])
    # relative errors count: a plain fit would look at the longest responses alone
    tap, output = np.polyfit(macs, each, 1, w=1 / each)
    rows = []
    for taps, ns in zip(DIRECT_TAPS, each, strict=True):
        now = planner.OUTPUT_NS + (taps + 64) * planner.TAP_NS
        line = output + (taps + 64) * tap
        rows.append([str(taps), f"{ns:.2f}", f"{line:.2f}", f"{now:.2f}", f"{ns / now:.2f}"])
    header = ("taps", "measured", "line", "planner", "measured / planner")
    report.add("Nanoseconds an output, direct method on one thread", header, rows)
    return float(tap), float(output)


def _calls(samples: dict[str, Sample], options: Options, least_s: float) -> dict[str, float]:
    """Return CALL_US by method, and THREAD_US."""
    frames, taps = 64, 16
    x, h = noise(frames), decay(taps)
    timers: dict[str, Timer] = {}
    counted: dict[str, float] = {}
    for method, overhead in planner.CALL_US.items():
        plan = lti.plan(frames=frames, taps=taps, method=method, workers=1)  # type: ignore[arg-type]
        counted[method] = plan.cost - overhead

        def call(plan: lti.Plan = plan) -> None:
            Kernels(h[None], ((0, 0, 0),)).run(x[None], plan, 0, frames + taps - 1)

        timers[method] = lasting(call, least_s)

    def nothing(_: int) -> None:
        return None

    timers["THREAD_US"] = lasting(lambda: spectra.parallel(lambda: nothing, [0, 0], 2), least_s)
    found = interleave(timers, options.rounds(7))
    samples |= {f"tiny problem, {name}": sample for name, sample in found.items()}
    return {
        name: max(0.0, 1e6 * sample.median - counted.get(name, 0.0))
        for name, sample in found.items()
    }
