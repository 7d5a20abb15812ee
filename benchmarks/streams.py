"""Players of P3: one contestant, one response, one block size, in a process of its own.

``python -m benchmarks.streams NAME SHAPE TAPS BLOCK PUSHES RESPONSE INPUT TIMES OUTPUT``

RESPONSE and INPUT are files of raw float32: a response of shape (taps,), (2, taps) or
(2, 2, taps), as SHAPE is mono, stereo or matrix; and the input as PUSHES blocks, of shape
(pushes, inputs, block), each block as contiguous as a sound card hands it over. The player first
prints ``{"baseline_kb": ...}``, its peak memory before the contestant is made. Then it answers
each line ``COUNT PERIOD_NS LIMIT_NS KEEP`` of standard input: it pushes COUNT blocks, going round
the input from its beginning, block n no earlier than n * PERIOD_NS after the first (0: as fast as
it can), and stops once LIMIT_NS have passed. The nanoseconds of every push go to TIMES as raw
int64; with KEEP = 1 the outputs go to OUTPUT, as many as were pushed; and it prints
``{"cpu_ns": ..., "peak_kb": ...}``, the CPU time of all its threads in that while, and its peak
memory so far. ``zita_driver.cc`` is another player.
"""

from __future__ import annotations

import contextlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from benchmarks.clock import ROOT, ProcessFailedError
from benchmarks.signals import Array

FS = 48_000
INPUTS = {"mono": 1, "stereo": 2, "matrix": 2}  # and as many outputs
SETTLE_S = 0.2  # OpenBLAS's threads spin for about 0.1 s before they first sleep

Push = Callable[[Array], Array]


# --- contestants ------------------------------------------------------------------------------


def ltisys(h: Array, block: int, channels: int) -> Push:
    import ltisys

    push: Push = ltisys.FIR(h, fs=FS).stream(block_size=block, channels=channels).push
    return push


def pedalboard(h: Array, block: int, channels: int) -> Push:
    from pedalboard import Convolution

    plugin = Convolution(h.reshape(channels, -1), 1.0, FS)
    return lambda x: plugin(x, FS, block, False)  # False: go on where the last block ended


CONTESTANTS = {"ltisys": ltisys, "pedalboard": pedalboard}


# --- in the player's process ------------------------------------------------------------------


def peak_kb() -> int:
    """The most resident memory so far; getrusage also counts what ran here before exec()."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak


def forget_peak() -> None:
    with contextlib.suppress(OSError):  # where that is not allowed, it stays
        Path("/proc/self/clear_refs").write_text("5\n", encoding="ascii")


def play(
    push: Push, blocks: Array, outputs: Array | None, count: int, period_ns: int, limit_ns: int
) -> tuple[array[int], int]:
    """Push blocks; return the nanoseconds of each push and the CPU time of all."""
    clock, around = time.perf_counter_ns, len(blocks)
    times = array("q")
    cpu = time.process_time_ns()
    begin = clock()
    for n in range(count):
        place = n % around
        x = blocks[place]
        if period_ns:
            wait_s = (begin + n * period_ns - clock()) * 1e-9
            if wait_s > 0:
                time.sleep(wait_s)
        start = clock()
        y = push(x)
        end = clock()
        times.append(end - start)
        if outputs is not None:
            outputs[place] = y
        if end - begin > limit_ns:
            break
    return times, time.process_time_ns() - cpu


def main() -> None:
    name, shape, *sizes = sys.argv[1:6]
    taps, block, pushes = map(int, sizes)
    response, source, times_path, output_path = sys.argv[6:10]
    make, channels = CONTESTANTS[name], INPUTS[shape]
    h = np.fromfile(response, dtype=np.float32)
    h = h.reshape((channels,) * {"mono": 0, "stereo": 1, "matrix": 2}[shape] + (taps,))
    blocks = np.fromfile(source, dtype=np.float32).reshape(pushes, channels, block)
    outputs = np.zeros_like(blocks)
    outputs.fill(1.0)  # now its pages are there
    if shape == "mono":  # frames alone, as the response is taps alone
        blocks, outputs = blocks[:, 0], outputs[:, 0]
    short = make(np.ascontiguousarray(h[..., : 4 * block]), block, channels)
    for x in blocks[:4]:
        short(x)  # so that imports and code are no part of the memory counted
    del short
    time.sleep(SETTLE_S)
    forget_peak()
    baseline = peak_kb()
    push = make(h, block, channels)
    print(json.dumps({"baseline_kb": baseline}), flush=True)
    for line in sys.stdin:
        count, period_ns, limit_ns, keep = map(int, line.split())
        times, cpu_ns = play(push, blocks, outputs if keep else None, count, period_ns, limit_ns)
        peak = peak_kb()
        with open(times_path, "wb") as file:
            times.tofile(file)
        if keep:
            outputs[: len(times)].tofile(output_path)
        print(json.dumps({"cpu_ns": cpu_ns, "peak_kb": peak}), flush=True)


# --- in the process that measures -------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """What is played, and where its files are."""

    shape: str
    taps: int
    block: int
    pushes: int
    folder: Path

    @property
    def block_us(self) -> float:
        """How long a block lasts."""
        return 1e6 * self.block / FS

    def words(self, name: str) -> list[str]:
        """The arguments of a player but its name, with files of that name to answer in."""
        sizes = [self.shape, *map(str, (self.taps, self.block, self.pushes))]
        files = ("response", "input", f"{name}.times", f"{name}.output")
        return [*sizes, *(str(self.folder / file) for file in files)]

    def write(self, h: Array, x: Array) -> None:
        """Write the files that players read; x has the shape (inputs, frames)."""
        np.ascontiguousarray(h).tofile(self.folder / "response")
        used = x[:, : self.pushes * self.block].reshape(len(x), self.pushes, self.block)
        np.ascontiguousarray(used.swapaxes(0, 1)).tofile(self.folder / "input")


@dataclass(frozen=True)
class Played:
    """One series of pushes."""

    times_us: Array
    cpu_us: float
    """Of all threads, by push."""
    peak_mb: float
    """Above what the process had before the contestant was made."""


class Player:
    """A contestant in a process of its own."""

    def __init__(self, name: str, program: Sequence[str], case: Case) -> None:
        self.case = case
        self._name = name
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115, closed by __exit__
        self._child = subprocess.Popen(
            [*program, *case.words(name)],
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        self._baseline_kb: int | None = None
        self.version = ""

    def play(
        self, count: int, *, limit_s: float, period_us: float = 0, keep: bool = False
    ) -> Played:
        """Push so many blocks, or as many as begin within the limit."""
        assert self._child.stdin is not None
        if self._baseline_kb is None:
            ready = self._answer()
            self._baseline_kb = ready["baseline_kb"]
            self.version = ready.get("version", "")
        question = f"{count} {round(1e3 * period_us)} {round(1e9 * limit_s)} {int(keep)}\n"
        with contextlib.suppress(BrokenPipeError):  # the answer tells
            self._child.stdin.write(question)
            self._child.stdin.flush()
        answer = self._answer()
        times = np.fromfile(self.case.folder / f"{self._name}.times", dtype=np.int64) / 1e3
        peak_mb = (answer["peak_kb"] - self._baseline_kb) * 1024 / 1e6
        return Played(times, answer["cpu_ns"] / 1e3 / times.size, peak_mb)

    def outputs(self) -> Array:
        """What was kept, of shape (outputs, frames)."""
        y = np.fromfile(self.case.folder / f"{self._name}.output", dtype=np.float32)
        channels = INPUTS[self.case.shape]
        return y.reshape(-1, channels, self.case.block).swapaxes(0, 1).reshape(channels, -1)

    def _answer(self) -> dict[str, Any]:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            code = self._child.wait()
            self._errors.seek(0)
            said = self._errors.read().decode(errors="replace").strip().splitlines()
            raise ProcessFailedError(said[-1] if said else f"exit code {code}")
        found: dict[str, Any] = json.loads(line)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._child.stdin.close()
        self._child.wait()
        self._child.stdout.close()
        self._errors.close()


if __name__ == "__main__":
    main()
