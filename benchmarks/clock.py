"""Clocks: interleaved runs of functions, of whole processes, of work in another process.

A timer is a function that does its work once and returns the seconds it took. `interleave` runs
all timers in turn, round by round, so a drift of the machine hits all alike.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

Timer = Callable[[], float]
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Sample:
    """The seconds of several runs."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def least(self) -> float:
        return min(self.seconds)

    @property
    def most(self) -> float:
        return max(self.seconds)


def timed(work: Callable[[], object]) -> Timer:
    """Time one call."""

    def run() -> float:
        start = time.perf_counter()
        result = work()
        seconds = time.perf_counter() - start
        del result  # giving back its memory is not part of the work
        return seconds

    return run


def lasting(work: Callable[[], object], least_s: float) -> Timer:
    """Time a short call: the mean of as many calls as last `least_s`, counted at the first use."""
    number = 0

    def run() -> float:
        nonlocal number
        if not number:
            work()  # caches and imports
            number = max(1, int(least_s / max(timed(work)(), 1e-7)))
        start = time.perf_counter()
        for _ in range(number):
            work()
        return (time.perf_counter() - start) / number

    return run


def interleave(
    timers: Mapping[str, Timer], rounds: int, *, warm_up: bool = True
) -> dict[str, Sample]:
    """Run every timer once a round; a round before the first is not counted."""
    if warm_up:
        for timer in timers.values():
            timer()
    seconds: dict[str, list[float]] = {name: [] for name in timers}
    for _ in range(rounds):
        for name, timer in timers.items():
            seconds[name].append(timer())
    return {name: Sample(tuple(values)) for name, values in seconds.items()}


# --- whole processes --------------------------------------------------------------------------

# A process inherits the peak memory of the one that started it, so a small one starts it.
LAUNCH = """
import json, os, sys, time
quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
start = time.perf_counter()
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
status, usage = os.wait4(pid, 0)[1:]
seconds = time.perf_counter() - start
print(json.dumps([seconds, usage.ru_maxrss, os.waitstatus_to_exitcode(status)]))
"""


class ProcessFailedError(RuntimeError):
    """A command did not exit with 0; the message is its last line on stderr."""


class Process:
    """Time a whole process, from its start to its end, and keep its greatest peak memory."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = list(command)
        self.peak_mb = 0.0

    def __call__(self) -> float:
        launcher = [sys.executable, "-I", "-S", "-c", LAUNCH, *self.command]
        done = subprocess.run(
            launcher,
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
        )
        lines = done.stderr.strip().splitlines()
        if done.returncode:
            raise ProcessFailedError(lines[-1] if lines else f"exit code {done.returncode}")
        seconds, peak, code = json.loads(done.stdout)
        if code:
            raise ProcessFailedError(lines[-1] if lines else f"exit code {code}")
        scale = 1 if sys.platform == "darwin" else 1024  # ru_maxrss in bytes there, KiB elsewhere
        self.peak_mb = max(self.peak_mb, peak * scale / 1e6)
        return float(seconds)


class Remote:
    """Work in another process of its own settings, one answer at a time (`benchmarks.remote`)."""

    def __init__(self, job: str, *arguments: Any, env: Mapping[str, str] | None = None) -> None:
        command = [sys.executable, "-m", "benchmarks.remote", job, *map(str, arguments)]
        self._child = subprocess.Popen(
            command,
            cwd=ROOT,
            env=env,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def ask(self, question: str) -> float:
        """Send a question and wait for its number."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(question + "\n")
        self._child.stdin.flush()
        answer = self._child.stdout.readline()
        if not answer:
            raise ProcessFailedError(f"the process for {question!r} ended")
        return float(answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._child.stdin is not None
        self._child.stdin.close()
        self._child.wait()
