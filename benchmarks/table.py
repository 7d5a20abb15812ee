"""Tables, verdicts, and the page that names the host and the versions."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.clock import Sample
from ltisys import spectra

PACKAGES = ("ltisys", "numpy", "scipy", "soundfile", "pedalboard", "mkl_fft", "mkl")


@dataclass(frozen=True)
class Options:
    """What the command line asked for."""

    quick: bool = False
    repeats: int | None = None

    def rounds(self, usual: int, quick: int = 1) -> int:
        return self.repeats or (quick if self.quick else usual)


@dataclass
class Report:
    """A page: what was measured (a yardstick's docstring), the tables, what was absent."""

    about: str
    tables: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)

    def add(self, heading: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self.tables.append((heading, render(header, rows)))

    def details(self, samples: Mapping[str, Sample], unit: str = "s") -> None:
        """Add the table of medians with the fastest and the slowest run."""
        scale = {"s": 1.0, "ms": 1e3, "us": 1e6}[unit]
        rows = [
            [name, *(f"{scale * t:.4g}" for t in (s.median, s.least, s.most)), str(len(s.seconds))]
            for name, s in samples.items()
        ]
        header = ("what", f"median ({unit})", "min", "max", "runs")
        self.add("Details", header, rows)

    def markdown(self, command: str, seconds: float) -> str:
        title, _, about = self.about.strip().partition("\n")
        parts = [f"# {title.rstrip('.')}", about.strip()]
        parts += [f"## {heading}\n\n{text}" for heading, text in self.tables]
        if self.notes:
            parts.append("## Notes\n\n" + "\n".join(f"- {note}" for note in self.notes))
        if self.absent:
            parts.append("## Absent\n\n" + "\n".join(f"- {name}" for name in self.absent))
        parts.append("## Host\n\n" + render(("", ""), host(command, seconds)))
        return "\n\n".join(parts) + "\n"


def render(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table with aligned columns, numbers to the right."""
    cells = [list(header), *(list(row) for row in rows)]
    widths = [max(3, *(len(row[i]) for row in cells)) for i in range(len(header))]
    right = [bool(rows) and all(_numeric(row[i]) for row in rows) for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        padded = [
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ]
        return "| " + " | ".join(padded) + " |"

    rule = ["-" * (w - 1) + (":" if r else "-") for w, r in zip(widths, right, strict=True)]
    return "\n".join([line(cells[0]), line(rule), *(line(row) for row in cells[1:])])


def _numeric(cell: str) -> bool:
    return re.fullmatch(r"([-+]?[\d.,]+(e[-+]?\d+)?( %)?|inf|nan)?", cell) is not None


def progress(text: str) -> None:
    """Say on stderr what is being measured."""
    print(text, file=sys.stderr, flush=True)


# --- verdicts ---------------------------------------------------------------------------------


def at_least(value: float, goal: float) -> str:
    return "reached" if value >= goal else f"missed by {100 * (1 - value / goal):.0f} %"


def at_most(value: float, goal: float) -> str:
    return "reached" if value <= goal else f"missed by {100 * (value / goal - 1):.0f} %"


# --- the host ---------------------------------------------------------------------------------


def host(command: str, seconds: float) -> list[list[str]]:
    """Describe the machine and the software, without names or paths of it."""
    rows = [
        ["processor", _processor()],
        ["cores used", str(spectra.cores())],
        ["caches", _caches()],
        ["memory", _memory()],
        ["system", f"{_system()}, {platform.machine()}"],
        ["Python", platform.python_version()],
    ]
    for package in PACKAGES:
        try:
            version = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            version = "absent"
        if package == "ltisys":
            version = __import__("ltisys").__version__
        rows.append([package, version])
    rows += [[name, tool_version(name) or "absent"] for name in ("ffmpeg", "sox")]
    today = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
    return [*rows, ["date", today], ["command", f"`{command}`"], ["took", f"{seconds:.0f} s"]]


def tool_version(name: str) -> str | None:
    """Return the version a program calls its own, or None where it is absent."""
    flag = {"ffmpeg": "-version"}.get(name, "--version")
    if shutil.which(name) is None:
        return None
    answer = subprocess.run([name, flag], capture_output=True, text=True, check=False)
    words = (answer.stdout or answer.stderr).split("\n")[0].split()
    numbered = [word for word in words if any(c.isdigit() for c in word)]
    return numbered[0] if numbered else "unknown"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    flags = next((line for line in lines if line.startswith("flags")), "").split()
    lanes = next((n for n in ("avx512f", "avx2", "avx") if n in flags), "")
    return f"{names[0] if names else platform.machine()}{', ' + lanes if lanes else ''}"


def _caches() -> str:
    found = []
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = (
            (index / name).read_text(encoding="utf-8").strip() for name in ("level", "type", "size")
        )
        if kind != "Instruction":
            found.append(f"L{level}{'d' if kind == 'Data' else ''} {size}")
    return ", ".join(found) or "unknown"


def _memory() -> str:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, AttributeError):
        return "unknown"
    return f"{size / 2**30:.0f} GiB"


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()
