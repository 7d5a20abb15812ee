"""P3: streams, block by block, of 64 to 1024 frames, responses of 0.25 to 10 s at 48 kHz, float32.

White noise is pushed through decaying noise: mono; stereo, each channel with its own response;
true stereo, a matrix of 2 x 2 responses. `ltisys` is `system.stream(block_size=...).push`;
pedalboard is its Convolution (JUCE) with `reset=False`, which has no matrices; zita-convolver is
driven by a small C++ program that is compiled here, with partitions from the block to the
library's largest, in its synchronous mode, without real-time priority. All take turns, several
times, each in a process of its own, block after block as fast as they can, after a first series
that is not timed and whose outputs are checked. A series is four times as long as the response
and at least 2000 pushes, so the largest partitions are met several times; pedalboard, whose
partitions are all alike, is cut off after 0.3 s, so its error is that of a shorter series.

`mean` to `99.9 %` are of the time of one push as its caller sees it, in microseconds, each the
median of the series; `max` is the worst of all. `load` is the mean by the time a block lasts.
`CPU` is the time of all threads of the process by push; it is what to compare with zita, whose
helper threads compute larger partitions while its caller already has its answer, or waits for
them when it is ahead of real time as here. `MB` is the peak memory above that of the process with
the library loaded and the signals in memory. The error is the worst sample of the first series,
against scipy's fftconvolve in double precision, relative to the largest true one; pedalboard
rescales every response, so its error is what remains after the best gain.

Two more tables: blocks that come when a sound card would bring them, when caches and cores have
cooled down since the last one; and an hour of stereo in blocks of 64, without a pause. They count
the pushes that took longer than the block lasts.

Goals: in stereo blocks of 64, a mean of at least 1, 3, 12, 30 times below pedalboard's at 0.25,
1, 4, 10 s; at most twice zita's CPU time in blocks of 256 and more; 99.9 % of the pushes within
half the time that a block lasts.
"""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.signal

from benchmarks.clock import ProcessFailedError, Sample
from benchmarks.signals import Array, decay, fitted_error, noise
from benchmarks.streams import FS, INPUTS, Case, Played, Player
from benchmarks.table import Options, Report, at_least, at_most, progress

BLOCKS = (64, 128, 256, 512, 1024)
LENGTHS_S = (0.25, 1, 4, 10)
SHAPES = {"mono": "mono", "stereo": "stereo", "matrix": "true stereo (2 x 2)"}
LEAST_PUSHES = 2000

OURS = "ltisys"
BOARD = "pedalboard"
ZITA = "zita-convolver"

BOARD_GOALS = {0.25: 1, 1: 3, 4: 12, 10: 30}  # in stereo blocks of BOARD_BLOCK
BOARD_BLOCK = 64
ZITA_GOAL, ZITA_BLOCK = 2, 256
MOST_OF_BLOCK = 50  # per cent
WRONG = 1e-4  # no rounding in single precision comes near it

LIMITS_S = {BOARD: 0.3}
LONGEST_S = 30.0  # of a series of any other
PACED_S = 10
PACED_BLOCKS = (64, 256)
LONG_S = 4  # the response in real time and for an hour

Programs = dict[str, list[str]]
Kept = dict[tuple[str, int, float], dict[str, "Result"]]


@dataclass(frozen=True)
class Result:
    """All series of one contestant in one case."""

    series: tuple[Played, ...]
    error: float

    def at(self, percent: float) -> float:
        """The time that so many per cent of the pushes stay within, by series; the median."""
        return float(np.median([np.percentile(s.times_us, percent) for s in self.series]))

    @property
    def means(self) -> list[float]:
        return [float(s.times_us.mean()) for s in self.series]

    @property
    def mean(self) -> float:
        return float(np.median(self.means))

    @property
    def most(self) -> float:
        return max(float(s.times_us.max()) for s in self.series)

    @property
    def cpu(self) -> float:
        return float(np.median([s.cpu_us for s in self.series]))

    @property
    def peak_mb(self) -> float:
        return max(s.peak_mb for s in self.series)


def measure(options: Options) -> Report:
    """Measure every shape, response and block size; then in real time, and an hour."""
    report = Report(__doc__ or "")
    lengths = (0.02,) if options.quick else LENGTHS_S
    blocks = (64, 1024) if options.quick else BLOCKS
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        programs = _programs(folder, report)
        kept: Kept = {}
        for shape in SHAPES:
            for length_s in lengths:
                cases = [_case(shape, length_s, block, folder, options.quick) for block in blocks]
                h, x = _signals(cases)
                want = exact(h, x)
                for case in cases:
                    progress(f"{shape}, {length_s} s, blocks of {case.block}")
                    case.write(h, x)
                    found = _one(case, programs, want, options.rounds(5), report)
                    kept[shape, case.block, length_s] = found
        _summaries(report, kept)
        _paced(report, programs, folder, options.quick)
        _hour(report, programs, folder, options.quick)
        _tables(report, kept)
        _details(report, kept)
    return report


# --- contestants ------------------------------------------------------------------------------


def _programs(folder: Path, report: Report) -> Programs:
    """List the players that are present; name the rest in the report."""
    python = [sys.executable, "-m", "benchmarks.streams"]
    found = {OURS: [*python, "ltisys"]}
    if importlib.util.find_spec("pedalboard"):
        found[BOARD] = [*python, "pedalboard"]
    else:
        report.absent.append("pedalboard (`pip install pedalboard`)")
    driver = folder / "zita_driver"
    reason = _compile(Path(__file__).parent / "zita_driver.cc", driver)
    if reason:
        report.absent.append(f"{ZITA}: {reason}")
    else:
        found[ZITA] = [str(driver)]
    return found


def _compile(source: Path, program: Path) -> str:
    """Compile the driver; return why that cannot be done, or nothing."""
    if sys.platform != "linux":
        return "its driver is written for Linux"
    if shutil.which("g++") is None:
        return "there is no g++ to compile its driver"
    libraries = ("-lzita-convolver", "-lpthread")
    command = ["g++", "-O2", str(source), "-o", str(program), *libraries]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    words = (line for line in done.stderr.splitlines() if "error" in line or "cannot find" in line)
    said = next(words, f"exit code {done.returncode}").replace(str(source.parent) + "/", "")
    return f"its driver cannot be compiled: `{said}` (on Debian: libzita-convolver-dev)"


# --- one case ---------------------------------------------------------------------------------


def _case(shape: str, length_s: float, block: int, folder: Path, quick: bool) -> Case:
    taps = round(length_s * FS)
    pushes = max(50 if quick else LEAST_PUSHES, -(-4 * taps // block))
    return Case(shape, taps, block, pushes, folder)


def _signals(cases: list[Case]) -> tuple[Array, Array]:
    """The response, and a signal (inputs, frames) for the longest of the cases."""
    shape, taps = cases[0].shape, cases[0].taps
    channels = INPUTS[shape]
    x = noise(max(case.pushes * case.block for case in cases), channels=channels)
    if shape == "mono":
        return decay(taps), x
    if shape == "stereo":
        return decay(taps, channels=2), x
    return decay(taps, channels=4).reshape(2, 2, taps), x


def exact(h: Array, x: Array) -> Array:
    """As many frames of the convolution as x has, (outputs, frames), in double precision."""
    x = x.astype(np.float64)

    def convolve(h: Array, x: Array) -> Array:
        return np.asarray(scipy.signal.fftconvolve(x, h.astype(np.float64))[: x.size])

    if h.ndim == 3:
        return np.stack([sum(map(convolve, row, x), np.zeros(x.shape[1])) for row in h])
    return np.stack(list(map(convolve, np.atleast_2d(h), x)))


def _one(
    case: Case, programs: Programs, want: Array, rounds: int, report: Report
) -> dict[str, Result]:
    """Play one case: the first series is checked, the others are timed, in turn."""
    errors: dict[str, float] = {}
    series: dict[str, list[Played]] = {}
    with contextlib.ExitStack() as stack:
        players = {
            name: stack.enter_context(Player(name, program, case))
            for name, program in programs.items()
            if not (name == BOARD and case.shape == "matrix")
        }
        for number in range(rounds + 1):
            for name, player in list(players.items()):
                limit_s = LIMITS_S.get(name, LONGEST_S)
                try:
                    played = player.play(case.pushes, limit_s=limit_s, keep=number == 0)
                except ProcessFailedError as failure:
                    del players[name]
                    series.pop(name, None)
                    _failed(report, f"{name}, {SHAPES[case.shape]}", failure)
                    continue
                if number:
                    series.setdefault(name, []).append(played)
                else:
                    errors[name] = _error(player.outputs(), want, fit=name == BOARD)
                    _mention(report, name, player)
    return {name: Result(tuple(them), errors[name]) for name, them in series.items()}


def _error(y: Array, want: Array, *, fit: bool) -> float:
    want = want[:, : y.shape[1]]
    if fit:
        return fitted_error(y.ravel(), want.ravel())[1]
    return float(np.max(np.abs(y - want)) / np.max(np.abs(want)))


def _failed(report: Report, what: str, failure: ProcessFailedError) -> None:
    line = f"{what}: failed with `{failure}`"
    if line not in report.absent:
        report.absent.append(line)


def _mention(report: Report, name: str, player: Player) -> None:
    line = f"{name} {player.version}, its driver compiled with g++ -O2"
    if player.version and line not in report.notes:
        report.notes.append(line)


# --- the tables of all cases ------------------------------------------------------------------


def _summaries(report: Report, kept: Kept) -> None:
    """Add ltisys beside its goals, a table by shape."""
    header = (
        *("block", "response s", "mean us", "x pedalboard", "goal", "verdict"),
        *("CPU us", "x zita's CPU", "goal", "verdict", "99.9 % us", "% of block", "<= 50 %"),
    )
    for shape, words in SHAPES.items():
        rows = [
            _summary(shape, block, length_s, found)
            for (its, block, length_s), found in sorted(kept.items())
            if its == shape and OURS in found
        ]
        if rows:
            report.add(f"ltisys, {words}", header, rows)


def _details(report: Report, kept: Kept) -> None:
    """Add how far the series of the cases with goals lie apart."""
    details = {
        f"stereo, blocks of {block}, {length_s} s: {name}": Sample(
            tuple(1e-6 * mean for mean in result.means)
        )
        for (shape, block, length_s), found in sorted(kept.items())
        if shape == "stereo" and block == BOARD_BLOCK
        for name, result in found.items()
    }
    report.details(details, unit="us")


def _summary(shape: str, block: int, length_s: float, found: Mapping[str, Result]) -> list[str]:
    ours = found[OURS]
    row = [f"{block}", f"{length_s}", f"{ours.mean:.1f}"]
    if BOARD in found:
        ratio = found[BOARD].mean / ours.mean
        row.append(f"{ratio:.2f}")
        goal = BOARD_GOALS.get(length_s) if (shape, block) == ("stereo", BOARD_BLOCK) else None
        row += [f">= {goal}", at_least(ratio, goal)] if goal else ["", ""]
    else:
        row += ["cannot" if shape == "matrix" else "", "", ""]
    row.append(f"{ours.cpu:.1f}")
    if ZITA in found:
        ratio = ours.cpu / found[ZITA].cpu
        row.append(f"{ratio:.2f}")
        judged = block >= ZITA_BLOCK
        row += [f"<= {ZITA_GOAL}", at_most(ratio, ZITA_GOAL)] if judged else ["", ""]
    else:
        row += ["", "", ""]
    share = 100 * ours.at(99.9) / (1e6 * block / FS)
    return [*row, f"{ours.at(99.9):.0f}", f"{share:.1f}", at_most(share, MOST_OF_BLOCK)]


def _tables(report: Report, kept: Kept) -> None:
    """Add every figure, a table by shape and block size."""
    header = (
        *("response s", "what", "mean", "50 %", "99 %", "99.9 %", "max"),
        *("load %", "CPU", "MB", "error", "verdict"),
    )
    for shape, words in SHAPES.items():
        for block in sorted({block for its, block, _ in kept if its == shape}):
            rows = [
                [f"{length_s}", name, *_figures(result, block)]
                for (its, size, length_s), found in sorted(kept.items())
                if (its, size) == (shape, block)
                for name, result in found.items()
            ]
            lasts = f"which last {1e6 * block / FS:.0f} us"
            report.add(f"us a push, {words}, blocks of {block}, {lasts}", header, rows)


def _figures(result: Result, block: int) -> list[str]:
    times = [result.mean, *map(result.at, (50, 99, 99.9)), result.most]
    load = 100 * result.mean / (1e6 * block / FS)
    verdict = "" if result.error <= WRONG else "wrong answer"
    others = [f"{load:.2f}", f"{result.cpu:.1f}", f"{result.peak_mb:.1f}", f"{result.error:.1e}"]
    return [*(f"{t:.1f}" for t in times), *others, verdict]


# --- in real time, and for an hour ------------------------------------------------------------


def _paced(report: Report, programs: Programs, folder: Path, quick: bool) -> None:
    """Add the table of blocks that come when a sound card would bring them."""
    lasts_s, length_s = (0.2, 0.02) if quick else (PACED_S, LONG_S)
    rows = []
    for block in PACED_BLOCKS:
        case = _case("stereo", length_s, block, folder, quick)
        case.write(*_signals([case]))
        for name, program in programs.items():
            progress(f"in real time: {name}, blocks of {block}")
            count = round(lasts_s * FS / block)
            with Player(name, program, case) as player:
                try:
                    player.play(case.pushes // 4, limit_s=LIMITS_S.get(name, LONGEST_S))
                    played = player.play(count, limit_s=2 * lasts_s, period_us=case.block_us)
                except ProcessFailedError as failure:
                    _failed(report, f"{name}, in real time", failure)
                    continue
            rows.append([f"{block}", name, *_late(name, played, case)])
    header = ("block", "what", *LATE)
    report.add(f"{lasts_s} s in real time, stereo, response of {length_s} s", header, rows)


def _hour(report: Report, programs: Programs, folder: Path, quick: bool) -> None:
    """Add the table of an hour of sound, block after block as fast as they can."""
    minutes, minute, length_s = (2, 1, 0.02) if quick else (60, 60, LONG_S)
    case = _case("stereo", length_s, BOARD_BLOCK, folder, quick)
    case.write(*_signals([case]))
    count = minute * FS // case.block
    rows = []
    for name in (OURS, ZITA):
        if name in programs:
            progress(f"{minutes * minute} s: {name}")
            with Player(name, programs[name], case) as player:
                try:  # in pieces, so that the times kept add nothing to the memory
                    them = [player.play(count, limit_s=10 * minute) for _ in range(minutes)]
                except ProcessFailedError as failure:
                    _failed(report, f"{name}, {minutes * minute} s", failure)
                    continue
            times = np.concatenate([played.times_us for played in them])
            cpu_us = float(np.mean([played.cpu_us for played in them]))
            played = Played(times, cpu_us, them[-1].peak_mb)
            first_mb = them[0].peak_mb
            rows.append(
                [name, *_late(name, played, case), f"{first_mb:.1f}", f"{played.peak_mb:.1f}"]
            )
    words = f"stereo, blocks of {case.block}, response of {length_s} s"
    header = ("what", *LATE, f"MB after {minute} s", "MB at the end")
    report.add(f"{minutes * minute} s without a pause, {words}", header, rows)


LATE = (
    "pushes",
    "mean us",
    "CPU us",
    "99.9 %",
    "99.99 %",
    "max",
    "longer than the block",
    "99.9 % <= 50 %",
)


def _late(name: str, played: Played, case: Case) -> list[str]:
    times = played.times_us
    late = int(np.count_nonzero(times > case.block_us))
    spread = [*np.percentile(times, (99.9, 99.99)), times.max()]
    share = 100 * spread[0] / case.block_us
    goal = at_most(share, MOST_OF_BLOCK) if name == OURS else ""
    figures = [f"{times.size}", f"{times.mean():.1f}", f"{played.cpu_us:.1f}"]
    return [*figures, *(f"{t:.0f}" for t in spread), f"{late}", goal]
