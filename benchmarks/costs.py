"""Costs: what the parts of a stream take, and how well plans made from them foretell a stream.

The first tables are what `lti.calibrate()` measures: transforms of a partition and back, one
product of spectra added to a sum, and direct heads. `ltisys/costs.json` holds such a table, made by
`lti.calibrate(path="ltisys/costs.json", seconds=8)` in a quieter hour of the same machine: every
plan uses it until the user measures one.

The last table is the regret: for each block and response, stereo, several schedules run for some
seconds of sound, the cheapest by the table and others (equal partitions, larger and fewer sizes).
What the chosen one takes over the fastest of them, less one, is the regret of the plan; what it
takes over its own estimate tells how far the table is to be believed.

Goal, of our own: a median regret of at most 5 %, none over 25 %.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import replace

import numpy as np

from benchmarks.signals import decay, noise
from benchmarks.table import Options, Report, at_most, progress
from ltisys import costs, planner, schedules
from ltisys.partitions import Response
from ltisys.planner import Plan
from ltisys.voices import Voice

FS = 48_000
BLOCKS = (64, 256, 1024)
SECONDS = (0.25, 1.0, 4.0, 10.0)
PATHS = ((0, 0, 0), (1, 1, 1))
MEDIAN_GOAL, WORST_GOAL = 0.05, 0.25


def measure(options: Options) -> Report:
    """Measure the parts, then schedules made of them."""
    report = Report(__doc__ or "")
    progress("parts")
    table = costs.measure(0.2 if options.quick else 20.0)
    _parts(report, table)
    _regret(report, options)
    return report


def _parts(report: Report, table: dict[str, object]) -> None:
    for precision in ("single", "double"):
        rows = table[precision]
        assert isinstance(rows, dict)
        header = ("partition", "forward", "inverse", "product")
        report.add(
            f"Parts, {precision} precision, us a row",
            header,
            [
                [
                    f"{1 << int(k):,}",
                    *(f"{rows[p][k]:.4g}" for p in ("forward", "inverse")),
                    f"{rows['multiply'][k]:.3g}",
                ]
                for k in rows["forward"]
            ],
        )
        blocks = list(rows["head"])
        longest = max(blocks, key=lambda b: len(rows["head"][b]))
        report.add(
            f"Direct heads, {precision} precision, us a block, by multiply-adds",
            ("multiply-adds", *(f"block {1 << int(b)}" for b in blocks)),
            [
                [
                    f"2^{k}",
                    *(f"{rows['head'][b][k]:.3g}" if k in rows["head"][b] else "" for b in blocks),
                ]
                for k in rows["head"][longest]
            ],
        )


def _regret(report: Report, options: Options) -> None:
    blocks, seconds = (BLOCKS[:1], SECONDS[:1]) if options.quick else (BLOCKS, SECONDS)
    rows, regrets = [], []
    for block in blocks:
        for length in seconds:
            progress(f"{block} frames, {length} s")
            taps = round(length * FS)
            plans = _plans(schedules.Problem(taps, block, 2, 2, 2))
            h = np.stack([decay(taps), decay(taps)])
            x = np.stack([noise(1 << 16), noise(1 << 16)])
            took = _took(plans, h, x, options.rounds(5))
            best = min(took)
            regrets.append(took[0] / best - 1)
            for place, (plan, us) in enumerate(zip(plans, took, strict=True)):
                pieces = " ".join(f"{size}x{count}" for size, count in plan.partitions)
                rows.append(
                    [
                        f"{block}" if place == 0 else "",
                        f"{length:g} s" if place == 0 else "",
                        f"{plan.head} {pieces}",
                        f"{plan.cost:.0f}",
                        f"{us:.0f}",
                        f"{us / plan.cost:.2f}",
                        f"{100 * (took[0] / best - 1):.0f} %" if place == 0 else "",
                    ]
                )
    header = ("block", "response", "schedule (chosen first)", "estimated us", "took us")
    report.add("Regret", (*header, "took / estimated", "regret"), rows)
    median, worst = statistics.median(regrets), max(regrets)
    report.add(
        "Goals",
        ("what", "regret", "verdict"),
        [
            ["median", f"{100 * median:.1f} %", at_most(median, MEDIAN_GOAL)],
            ["worst", f"{100 * worst:.1f} %", at_most(worst, WORST_GOAL)],
        ],
    )


def _plans(problem: schedules.Problem) -> list[Plan]:
    """Return the plan chosen, and others worth a try, each different."""
    plans = [planner.choose_stream(problem)]
    table = costs.current()
    sizes = schedules.usable(problem, table)
    tries = [sizes[:top] for top in range(2, len(sizes))] + [sizes[low:] for low in range(1, 4)]
    tries += [sizes[::2], sizes[1::2]]
    for only in tries:
        plan = planner.choose_stream(problem, None, tuple(only)) if only else plans[0]
        if plan.cost < 2 * plans[0].cost and all(plan.partitions != p.partitions for p in plans):
            plans.append(plan)
    return plans[:1] + sorted(plans[1:], key=lambda p: p.cost)[:5]


def _took(plans: list[Plan], h: np.ndarray, x: np.ndarray, rounds: int) -> list[float]:
    """Return microseconds a block of each plan, medians of `rounds` runs in turn.

    Only what the plan speaks of: a call of `push` costs the same for all, `Costs.push`.
    """
    voices = []
    for plan in plans:
        response = Response(h, PATHS, 2, 2, replace(plan, channels=2))
        tape = response.tape()
        voices.append(Voice(response, tape, response.analyses(tape, {})))
    runs: list[list[float]] = [[] for _ in plans]
    block = plans[0].block_size
    count = -(-max(plans[0].taps, FS) // block)
    for turn in range(rounds + 1):  # the first fills the partitions
        for voice, took in zip(voices, runs, strict=True):
            begin = time.perf_counter()
            for k in range(count):
                _block(voice, x[:, k * block % FS :][:, :block])
            if turn:
                took.append((time.perf_counter() - begin) / count * 1e6)
    push = costs.current().push
    return [statistics.median(took) + push for took in runs]


def _block(voice: Voice, x: np.ndarray) -> None:
    """Answer one block, cut where the rings end."""
    tape, first = voice.tape, 0
    while first < x.shape[1]:
        start = tape.position
        n = min(x.shape[1] - first, tape.room(), voice.free(start) - start)
        tape.write(x[:, first : first + n])
        tape.until = [tape.position] * 2
        tape.loud_until = tape.position
        voice.answer(n)
        first += n
