"""Filters: file to file, one hour of stereo at 48 kHz, PCM_16 WAV, through biquads.

Two jobs: a bell (1 kHz, -4 dB, Q 1.4), and a chain of five (high-pass 80 Hz, bells at 250 Hz,
1 kHz and 4 kHz, low shelf at 120 Hz), all after the same cookbook. Every contestant is a whole
process, from its start to its end, on the same input in a warm page cache: `ltisys.filter_file`,
the command `ltisys filter` (recursive, and with --linear-phase), ffmpeg's highpass, equalizer and
bass (as they come, which is 16-bit arithmetic for 16-bit files, and with precision=f64), sox's
effects of the same names (with --multi-threaded), and a read + scipy.signal.sosfilt + write of the
whole file. They run in turn, several times; times are medians, `x ours` is the time over that of
`ltisys.filter_file`. Peak memory is the greatest resident set the system reports for the process.

The errors are those of all frames of the first and the last minute against sosfilt in double
precision on the same input, in steps of 16 bits: rounding alone has a maximum of 0.5 and a root of
the mean square of 0.289. With --linear-phase the phase differs, so it has none.

Goals: as fast as ffmpeg with the same biquads, and as sox.
"""

from __future__ import annotations

import math
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.signal
import soundfile

from benchmarks.clock import Process, ProcessFailedError, Sample, interleave
from benchmarks.p2 import FS, HOUR, MINUTE, read_once, write_speech
from benchmarks.signals import Array
from benchmarks.table import Options, Report, at_least, progress

OURS = "ltisys filter_file"
Q = math.sqrt(0.5)


@dataclass(frozen=True)
class Band:
    """One biquad: a kind of the cookbook, its frequency, gain and Q."""

    kind: str
    hz: float
    gain_db: float
    q: float


BELL = (Band("equalizer", 1000, -4, 1.4),)
CHAIN = (
    Band("highpass", 80, 0, Q),
    Band("equalizer", 250, 3, 1.0),
    *BELL,
    Band("equalizer", 4000, 5, 2.0),
    Band("bass", 120, -3, Q),
)
JOBS = {"one bell": BELL, "a chain of five": CHAIN}


@dataclass(frozen=True)
class Contestant:
    """A command that turns one file into another."""

    name: str
    process: Process
    out: Path
    judged: bool = True


def measure(options: Options) -> Report:
    """Make the input and run both jobs."""
    report = Report(__doc__ or "")
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        seconds = 10 if options.quick else HOUR
        dry = folder / "dry.wav"
        progress("input")
        write_speech(dry, seconds)
        read_once(dry)
        samples: dict[str, Sample] = {}
        for job, bands in JOBS.items():
            progress(job)
            contestants = _contestants(folder, dry, bands, report)
            _rehearse(contestants, folder, dry, report)
            processes = {c.name: c.process for c in contestants}
            now = interleave(processes, options.rounds(5), warm_up=False)
            rows = [_row(c, now[c.name], now[OURS], dry, bands) for c in contestants]
            header = ("what", "seconds", "x ours", "peak MB", "max error", "RMS error", "goal", "")
            report.add(f"{job}, {seconds} s of stereo", header, rows)
            samples |= {f"{job}: {what}": sample for what, sample in now.items()}
            for contestant in contestants:
                contestant.out.unlink(missing_ok=True)
        report.details(samples)
    report.absent = list(dict.fromkeys(report.absent))
    return report


# --- contestants ------------------------------------------------------------------------------


def _contestants(
    folder: Path, dry: Path, bands: tuple[Band, ...], report: Report
) -> list[Contestant]:
    """List what is present; name the rest in the report."""
    found: list[Contestant] = []
    outs = iter(folder / f"wet-{number}.wav" for number in range(99))

    def enter(name: str, command: list[str], *, judged: bool = True) -> None:
        out = next(outs)
        words = [str(out) if word == "OUT" else word for word in command]
        found.append(Contestant(name, Process(words), out, judged))

    script = (
        "import sys, ltisys as lti; from ltisys.chains import chained, read_link; "
        "links = [read_link(*word.split('=')) for word in sys.argv[3:]]; "
        f"system = chained(links, fs={FS}, order=2); "
        "lti.filter_file(sys.argv[1], system, sys.argv[2], overwrite=True)"
    )
    links = [_link(band) for band in bands]
    enter(OURS, [sys.executable, "-c", script, str(dry), "OUT", *map("=".join, links)])
    options = [word for name, value in links for word in (f"--{name}", value)]
    command = [sys.executable, "-m", "ltisys", "filter", str(dry), "-o", "OUT", *options]
    command += ["--overwrite", "--quiet"]
    enter("ltisys filter (command)", command)
    enter("ltisys filter --linear-phase", [*command, "--linear-phase"], judged=False)
    if shutil.which("ffmpeg"):
        for name, more in (("ffmpeg", ""), ("ffmpeg, precision=f64", ":r=f64")):
            graph = ",".join(_ffmpeg(band) + more for band in bands)
            command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-i", str(dry)]
            enter(name, [*command, "-af", graph, "-c:a", "pcm_s16le", "OUT"])
    else:
        report.absent.append("ffmpeg")
    if shutil.which("sox"):
        words = [word for band in bands for word in _sox(band)]
        enter("sox", ["sox", "--multi-threaded", "-V1", "-D", str(dry), "OUT", *words])
    else:
        report.absent.append("sox")
    script = (
        "import sys, soundfile; from benchmarks.filters import JOBS, sections; "
        "from scipy.signal import sosfilt; x, fs = soundfile.read(sys.argv[1], dtype='float32'); "
        "y = sosfilt(sections(JOBS[sys.argv[3]]), x, axis=0); "
        "soundfile.write(sys.argv[2], y, fs, subtype='PCM_16')"
    )
    job = next(name for name, value in JOBS.items() if value == bands)
    enter("read + scipy sosfilt + write", [sys.executable, "-c", script, str(dry), "OUT", job])
    return found


def _link(band: Band) -> tuple[str, str]:
    """Return the option of `ltisys filter` and its value."""
    if band.kind == "highpass":
        return "highpass", f"{band.hz}"
    name = {"equalizer": "peaking", "bass": "low-shelf"}[band.kind]
    return name, f"{band.hz}:{band.gain_db}:{band.q}"


def _ffmpeg(band: Band) -> str:
    gain = "" if band.kind == "highpass" else f":g={band.gain_db}"
    # its shelves take sqrt(2 A) for the 2 sqrt(A) of the cookbook
    q = band.q / math.sqrt(2) if band.kind == "bass" else band.q
    return f"{band.kind}=f={band.hz}:t=q:w={q}{gain}"


def _sox(band: Band) -> list[str]:
    if band.kind == "highpass":
        return ["highpass", f"{band.hz}", f"{band.q}q"]
    if band.kind == "bass":
        return ["bass", f"{band.gain_db}", f"{band.hz}", f"{band.q}q"]
    return ["equalizer", f"{band.hz}", f"{band.q}q", f"{band.gain_db}"]


def _rehearse(contestants: list[Contestant], folder: Path, dry: Path, report: Report) -> None:
    """Run every contestant on a second of sound; drop those that fail."""
    short = folder / "short.wav"
    write_speech(short, 1)
    for contestant in list(contestants):
        words = [str(short) if word == str(dry) else word for word in contestant.process.command]
        try:
            Process(words)()
        except ProcessFailedError as failure:
            reason = str(failure).replace(str(folder), "FOLDER")
            report.absent.append(f"{contestant.name}: failed with `{reason}`")
            contestants.remove(contestant)


# --- the definition ---------------------------------------------------------------------------


def sections(bands: tuple[Band, ...]) -> Array:
    """Return the biquads of R. Bristow-Johnson's "Audio EQ Cookbook", written out."""
    rows = []
    for band in bands:
        w0 = 2 * math.pi * band.hz / FS
        alpha, c = math.sin(w0) / (2 * band.q), math.cos(w0)
        A = 10 ** (band.gain_db / 40)
        root = 2 * math.sqrt(A) * alpha
        if band.kind == "highpass":
            row = [(1 + c) / 2, -(1 + c), (1 + c) / 2, 1 + alpha, -2 * c, 1 - alpha]
        elif band.kind == "equalizer":
            row = [1 + alpha * A, -2 * c, 1 - alpha * A, 1 + alpha / A, -2 * c, 1 - alpha / A]
        else:
            row = [
                A * (A + 1 - (A - 1) * c + root),
                2 * A * (A - 1 - (A + 1) * c),
                A * (A + 1 - (A - 1) * c - root),
                A + 1 + (A - 1) * c + root,
                -2 * (A - 1 + (A + 1) * c),
                A + 1 + (A - 1) * c - root,
            ]
        rows.append(np.array(row) / row[3])
    return np.array(rows)


def _row(
    contestant: Contestant, sample: Sample, ours: Sample, dry: Path, bands: tuple[Band, ...]
) -> list[str]:
    ratio = sample.median / ours.median
    goal = verdict = ""
    if contestant.name in ("ffmpeg", "sox"):
        goal, verdict = ">= 1", at_least(ratio, 1.0)
    errors = ["", ""]
    if contestant.judged:
        errors = [f"{value:.3f}" for value in _errors(contestant.out, dry, bands)]
    times = [f"{sample.median:.2f}", f"{ratio:.2f}", f"{contestant.process.peak_mb:.0f}"]
    return [contestant.name, *times, *errors, goal, verdict]


def _errors(out: Path, dry: Path, bands: tuple[Band, ...]) -> tuple[float, float]:
    """Return the worst error and the root of their mean square, in steps of 16 bits."""
    sos = sections(bands)
    worst = energy = 0.0
    count = 0
    with soundfile.SoundFile(dry) as source, soundfile.SoundFile(out) as made:
        if made.frames != source.frames:
            return math.inf, math.inf
        for first in (0, max(0, source.frames - MINUTE * FS)):
            before = min(first, FS)  # a second, after which nothing of these filters sounds
            source.seek(first - before)
            x = source.read(before + MINUTE * FS, dtype="float64", always_2d=True)
            made.seek(first)
            y = made.read(MINUTE * FS, dtype="float64", always_2d=True)
            wanted = scipy.signal.sosfilt(sos, x, axis=0)[before:]
            steps = 32768 * (y - wanted)
            worst = max(worst, float(np.abs(steps).max()))
            energy += float(np.square(steps).sum())
            count += steps.size
    return worst, math.sqrt(energy / count)
