"""P1: convolve 28.8 M float32 frames, mono, in memory.

Ten minutes of sound at 48 kHz, white noise, convolved with decaying noise of 129, 2 048, 96 000
and 480 000 taps: `ltisys.convolve` as it comes, and on one thread; scipy's oaconvolve and
fftconvolve as they come, and oaconvolve with as many FFT workers as there are cores;
pedalboard.Convolution (JUCE) with its default blocks and with large ones. Two floors: the
transforms of the chosen plan alone, and the same blocks through scipy.fft.rfft and irfft alone.
One row is ltisys on MKL's transforms, in a process of its own. All run in turn, several times;
times are medians; `x ours` is the time over that of ltisys as it comes.

The error is the worst of some 256 outputs over the whole length, against the definition in
double precision, relative to the largest of them. pedalboard rescales every response, so its
error is what remains after the best gain.

Goals: 4 times faster than oaconvolve, 8 times faster than pedalboard, at most 1.3 times the
floor.
"""

from __future__ import annotations

import contextlib
import importlib.util
from typing import Any

import numpy as np
import scipy.fft
import scipy.signal

import ltisys as lti
from benchmarks.clock import Remote, Sample, Timer, interleave, timed
from benchmarks.floor import own_floor, scipy_floor
from benchmarks.signals import (
    Array,
    decay,
    definition,
    error,
    fitted_error,
    noise,
    positions,
)
from benchmarks.table import Options, Report, at_least, at_most, progress
from ltisys import spectra

FRAMES = 28_800_000
TAPS = (129, 2_048, 96_000, 480_000)
FS = 48_000
BUFFERS = {"": 8192, ", buffer_size=32768": 32768}  # frames a call; the first is its default

WRONG = 1e-4  # no rounding in single precision comes near it

OURS = "ltisys"
ONE = "ltisys, 1 thread"
MKL = "ltisys on MKL"
OA = "scipy oaconvolve"
FFT = "scipy fftconvolve"
BOARD = "pedalboard"
FLOOR = "floor: its transforms alone"
REAL_FLOOR = "floor: scipy rfft + irfft"


def measure(options: Options) -> Report:
    """Measure every response length."""
    report = Report(__doc__ or "")
    frames = 300_000 if options.quick else FRAMES
    x = noise(frames)
    rows: list[list[str]] = []
    samples: dict[str, Sample] = {}
    if not _present("pedalboard"):
        report.absent.append("pedalboard (`pip install pedalboard`)")
    if not _present("mkl_fft"):
        report.absent.append("mkl_fft (`pip install ltisys[mkl]`)")
    for taps in TAPS:
        progress(f"{taps} taps")
        h = decay(taps)
        found, errors, plan = _one(x, h, options.rounds(7))
        ours = found[OURS].median
        for name, sample in found.items():
            goal, verdict = _verdict(name, sample.median / ours)
            if not errors.get(name, 0.0) <= WRONG:
                verdict = f"wrong answer {verdict}".strip()
            wrong = f"{errors[name]:.1e}" if name in errors else ""
            time_s, ratio = f"{sample.median:.4f}", f"{sample.median / ours:.2f}"
            rows.append([f"{taps}", name, time_s, ratio, wrong, goal, verdict])
            samples[f"{taps} taps: {name}"] = sample
        report.notes.append(f"{taps} taps: {_summary(plan)}")
    header = ("taps", "what", "seconds", "x ours", "error", "goal", "verdict")
    report.add(f"{frames:,} frames, float32, mono", header, rows)
    report.details(samples)
    return report


def _present(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _summary(plan: lti.Plan) -> str:
    halves = spectra.split(plan.nfft) if plan.nfft else None
    shape = f" as {halves[0]} x {halves[1]}" if halves else ""
    return (
        f"{plan.method}, {plan.nfft:,} points{shape}, {plan.rows} at once, "
        f"{plan.block_size:,} new frames a block, {plan.workers} threads"
    )


def _verdict(name: str, ratio: float) -> tuple[str, str]:
    if name == OA:
        return ">= 4", at_least(ratio, 4)
    if name == BOARD:
        return ">= 8", at_least(ratio, 8)
    if name == FLOOR:  # ours / floor, the reciprocal of the column
        return "ours <= 1.3 floor", f"{at_most(1 / ratio, 1.3)} ({1 / ratio:.2f})"
    return "", ""


def _one(x: Array, h: Array, rounds: int) -> tuple[dict[str, Sample], dict[str, float], lti.Plan]:
    """Measure one response: the samples, the errors, the plan of ltisys."""
    workers = spectra.cores()

    def many_workers() -> Array:
        with scipy.fft.set_workers(workers):
            return np.asarray(scipy.signal.oaconvolve(x, h))

    calls: dict[str, Any] = {
        OURS: lambda: lti.convolve(x, h),
        ONE: lambda: lti.convolve(x, h, workers=1),
        OA: lambda: scipy.signal.oaconvolve(x, h),
        f"{OA}, {workers} workers": many_workers,
        FFT: lambda: scipy.signal.fftconvolve(x, h),
    }
    at = positions(x.size + h.size - 1)
    want = definition(x, h, at)
    errors = {name: error(call(), want, at) for name, call in calls.items()}
    if _present("pedalboard"):
        import pedalboard

        for suffix, size in BUFFERS.items():
            name = BOARD + suffix
            # one each: a plugin that once met large buffers keeps partitions of that size
            plugin = pedalboard.Convolution(h, 1.0, FS)
            calls[name] = lambda plugin=plugin, size=size: plugin(x, FS, buffer_size=size)
            within = at < x.size  # it gives as many frames as it takes
            errors[name] = fitted_error(calls[name]()[at[within]], want[within])[1]
    plan = lti.plan(frames=x.size, taps=h.size)
    blocks = plan if plan.nfft and plan.method != "fft" else _blocks_plan(x.size, h.size)
    calls[FLOOR] = own_floor(blocks)
    calls[REAL_FLOOR] = scipy_floor(blocks)
    timers: dict[str, Timer] = {name: timed(call) for name, call in calls.items()}
    with contextlib.ExitStack() as stack:
        if _present("mkl_fft"):
            remote = stack.enter_context(Remote("mkl", x.size, h.size))
            errors[MKL] = remote.ask("error")
            timers[MKL] = lambda: remote.ask("run")
        return interleave(timers, rounds), errors, plan


def _blocks_plan(frames: int, taps: int) -> lti.Plan:
    return lti.plan(frames=frames, taps=taps, method="overlap-save")
