"""P2: file to file, one hour of stereo at 48 kHz, PCM_16 WAV, with a stereo response of 3 s.

Every contestant is a whole process, from its start to its end, on the same input in a warm page
cache: `ltisys.convolve_file`, the command `ltisys convolve`, ffmpeg's afir as it comes and with
its largest partitions (automatic gain off in both), sox's fir (which takes one mono list of
coefficients, so both channels hear the left response), a read + scipy.signal.oaconvolve + write,
and a chain of pedalboard's AudioFile and Convolution. They run in turn, several times; times are
medians, `x ours` is the time over that of `ltisys.convolve_file`. Peak memory is the greatest
resident set the system reports for the process. A second table holds the peak memory of ltisys
for a minute, an hour and ten hours of input.

The error is the worst of some 256 frames over the whole length, against the definition in double
precision, in steps of 16 bits (rounding alone is 0.5), after taking out the gain that fits best,
which is shown: a file written too quietly has lost precision that no gain brings back.

Goals: 1.5 times faster than ffmpeg; at most 200 MB, the same for a minute and for ten hours (at
most 10 % apart).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.signal
import soundfile

from benchmarks.clock import Process, ProcessFailedError, Sample, interleave
from benchmarks.signals import Array, decay, definition, fitted_error, positions
from benchmarks.table import Options, Report, at_least, at_most, progress

FS = 48_000
RESPONSE_S = 3
MINUTE, HOUR = 60, 3600
OURS = "ltisys convolve_file"
FFMPEG = "ffmpeg afir"
PEAK_MB = 200
LEAST_FREE_GB = 20  # ten hours in and out are 14 GB


def measure(options: Options) -> Report:
    """Make the inputs, measure the processes, then the memory of ltisys by length."""
    report = Report(__doc__ or "")
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        seconds = MINUTE if options.quick else HOUR
        dry, response = folder / "dry.wav", folder / "response.wav"
        h = decay(RESPONSE_S * FS, channels=2)
        soundfile.write(response, h.T, FS, subtype="FLOAT")
        np.savetxt(folder / "coefficients.txt", h[0].astype(np.float64))
        progress("input")
        write_speech(dry, seconds)
        contestants = _contestants(folder, dry, response, report)
        _rehearse(contestants, folder, report)
        read_once(dry)
        progress("processes")
        processes = {c.name: c.process for c in contestants}
        samples = interleave(processes, options.rounds(3), warm_up=False)
        ours = samples.get(OURS)
        rows = [_row(c, samples[c.name], ours, dry, h) for c in contestants]
        header = ("what", "seconds", "x ours", "peak MB", "gain dB", "error", "goal", "verdict")
        report.add(f"{seconds} s of stereo x {RESPONSE_S} s", header, rows)
        for contestant in contestants:
            contestant.out.unlink(missing_ok=True)
        if ours is not None:
            lengths = (2, 10, MINUTE) if options.quick else (MINUTE, HOUR, 10 * HOUR)
            _memory(report, folder, dry, response, lengths)
        report.details(samples)
    return report


# --- inputs -----------------------------------------------------------------------------------


def write_speech(path: Path, seconds: int) -> None:
    """Write stereo noise with the spectrum and the syllables of speech."""
    rng = np.random.default_rng(5)
    sos = scipy.signal.butter(1, (150, 900), "bandpass", fs=FS, output="sos")
    state = np.zeros((len(sos), 2, 2))
    with soundfile.SoundFile(path, "w", FS, 2, "PCM_16") as file:
        for second in range(0, seconds, 2):
            t = second + np.arange(min(2, seconds - second) * FS) / FS
            white = rng.standard_normal((2, t.size), dtype=np.float32)
            voice, state = scipy.signal.sosfilt(sos, white, zi=state)
            level = 0.15 * np.sin(np.pi * 4 * t) ** 2 * (np.sin(np.pi * 0.3 * t) > -0.8)
            file.write(np.clip(voice * level, -0.99, 0.99).T)
    sync(path)


def lengthen(path: Path, source: Path, times: int) -> None:
    """Write a file that holds the frames of another many times over."""
    info = soundfile.info(source)
    big = info.frames * times * info.channels * 2 >= 1 << 32
    with soundfile.SoundFile(
        path, "w", info.samplerate, info.channels, "PCM_16", format="RF64" if big else "WAV"
    ) as out:
        for _ in range(times):
            for block in soundfile.blocks(source, 1 << 20, dtype="int16"):
                out.write(block)
    sync(path)


def sync(path: Path) -> None:
    """Wait until a file is on the disk, so that no measurement pays for writing it."""
    with path.open("rb+") as written:
        os.fsync(written.fileno())


def read_once(path: Path) -> None:
    """Bring a file into the page cache."""
    with path.open("rb") as file:
        while file.read(1 << 24):
            pass


# --- contestants ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Contestant:
    """A command that turns one file into another."""

    name: str
    process: Process
    out: Path
    shared: bool = False
    """Whether both channels hear the left response."""


def ours_command(dry: Path, response: Path, out: Path) -> list[str]:
    call = "import sys, ltisys; ltisys.convolve_file(*sys.argv[1:], overwrite=True)"
    return [sys.executable, "-c", call, str(dry), str(response), str(out)]


def _contestants(folder: Path, dry: Path, response: Path, report: Report) -> list[Contestant]:
    """List what is present; name the rest in the report."""
    found: list[Contestant] = []

    def enter(name: str, command: list[str], out: Path, shared: bool = False) -> None:
        found.append(Contestant(name, Process(command), out, shared))

    def chain(name: str, out: Path) -> list[str]:
        program = [sys.executable, "-m", "benchmarks.file_chains", name]
        return [*program, str(dry), str(response), str(out)]

    outs = iter(folder / f"wet-{number}.wav" for number in range(99))
    out = next(outs)
    enter(OURS, ours_command(dry, response, out), out)
    out = next(outs)
    command = [sys.executable, "-m", "ltisys", "convolve", str(dry), str(response)]
    enter("ltisys convolve (command)", [*command, "-o", str(out), "--overwrite", "--quiet"], out)
    if shutil.which("ffmpeg"):
        gain = _no_gain()
        report.notes.append(f"ffmpeg's filter: `[0][1]afir=dry=1:wet=1{gain}`")
        for suffix, size in (("", ""), (", largest partitions", ":minp=32768:maxp=32768")):
            out = next(outs)
            graph = f"[0][1]afir=dry=1:wet=1{gain}{size}"
            command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-i", str(dry)]
            command += ["-i", str(response), "-filter_complex", graph, "-c:a", "pcm_s16le"]
            enter(FFMPEG + suffix, [*command, str(out)], out)
    else:
        report.absent.append("ffmpeg")
    if shutil.which("sox"):
        out = next(outs)
        command = ["sox", "--multi-threaded", "-V1", "-D", str(dry), str(out)]
        enter("sox fir", [*command, "fir", str(folder / "coefficients.txt")], out, True)
    else:
        report.absent.append("sox")
    out = next(outs)
    enter("read + scipy oaconvolve + write", chain("scipy", out), out)
    if importlib.util.find_spec("pedalboard"):
        out = next(outs)
        enter("pedalboard AudioFile + Convolution", chain("pedalboard", out), out)
    else:
        report.absent.append("pedalboard (`pip install pedalboard`)")
    return found


def _no_gain() -> str:
    """Return the option that switches afir's automatic gain off; its name changed with time."""
    asked = ["ffmpeg", "-hide_banner", "-h", "filter=afir"]
    text = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    return ":irnorm=-1" if "irnorm" in text else ":gtype=none" if "gtype" in text else ""


def _rehearse(contestants: list[Contestant], folder: Path, report: Report) -> None:
    """Run every contestant on a second of sound; drop those that fail."""
    short = folder / "short.wav"
    write_speech(short, 1)
    dry = str(folder / "dry.wav")
    for contestant in list(contestants):
        command = [str(short) if word == dry else word for word in contestant.process.command]
        try:
            Process(command)()
        except ProcessFailedError as failure:
            reason = str(failure).replace(str(folder), "FOLDER")
            report.absent.append(f"{contestant.name}: failed with `{reason}`")
            contestants.remove(contestant)


# --- results ----------------------------------------------------------------------------------


def _row(
    contestant: Contestant, sample: Sample, ours: Sample | None, dry: Path, h: Array
) -> list[str]:
    ratio = sample.median / ours.median if ours else float("nan")
    peak = contestant.process.peak_mb
    goal = verdict = ""
    if contestant.name == OURS:
        goal, verdict = f"<= {PEAK_MB} MB", at_most(peak, PEAK_MB)
    elif contestant.name == FFMPEG:
        goal, verdict = ">= 1.5", at_least(ratio, 1.5)
    gain, steps = _check(contestant, dry, h)
    times = [f"{sample.median:.2f}", f"{ratio:.2f}", f"{peak:.0f}"]
    gain_db = round(20 * np.log10(abs(gain)), 2) + 0.0  # no minus zero
    return [contestant.name, *times, f"{gain_db:.2f}", steps, goal, verdict]


def _check(contestant: Contestant, dry: Path, h: Array) -> tuple[float, str]:
    """Compare frames over the whole length with the definition: the gain, the error in steps.

    sox leaves out the first half of the response's length, so that place is tried too.
    """
    taps = h.shape[1]
    best: tuple[float, float] | None = None
    with soundfile.SoundFile(dry) as source, soundfile.SoundFile(contestant.out) as wet:
        for shift in (0, (taps - 1) // 2, taps // 2):
            at = positions(min(source.frames - shift, wet.frames))
            got, want = [], []
            for n in map(int, at):
                wet.seek(n)
                got.append(wet.read(1, dtype="float64", always_2d=True)[0])
                first = max(0, n + shift - taps + 1)
                source.seek(first)
                window = source.read(n + shift - first + 1, dtype="float64", always_2d=True).T
                last = np.array([window.shape[1] - 1])
                want.append(
                    [
                        definition(window[c], h[0 if contestant.shared else c], last)[0]
                        for c in range(2)
                    ]
                )
            true = np.ravel(want)
            gain, wrong = fitted_error(np.ravel(got), true)
            wrong *= float(np.max(np.abs(true))) * 32768
            if best is None or wrong < best[1]:
                best = gain, wrong
            if wrong < 2:
                break
    assert best is not None
    return best[0], f"{best[1]:.2f}"


def _memory(
    report: Report, folder: Path, dry: Path, response: Path, lengths: tuple[int, ...]
) -> None:
    """Add the table of ltisys' peak memory by the length of the input."""
    info = soundfile.info(dry)
    peaks: list[float] = []
    rows: list[list[str]] = []
    for seconds in lengths:
        source, out = folder / "long.wav", folder / "long-wet.wav"
        if seconds > HOUR and shutil.disk_usage(folder).free < LEAST_FREE_GB * 1e9:
            report.notes.append(f"{seconds} s was left out: less than {LEAST_FREE_GB} GB free")
            continue
        progress(f"memory for {seconds} s")
        whole, rest = divmod(seconds * FS, info.frames)
        if rest:
            write_speech(source, seconds)
        else:
            lengthen(source, dry, whole)
        process = Process(ours_command(source, response, out))
        took = process()
        peaks.append(process.peak_mb)
        spread = f"{max(peaks) / min(peaks):.2f}"
        verdicts = (at_most(process.peak_mb, PEAK_MB), at_most(max(peaks) / min(peaks), 1.1))
        rows.append([f"{seconds}", f"{took:.2f}", f"{process.peak_mb:.0f}", verdicts[0]])
        rows[-1] += [spread, verdicts[1]]
        source.unlink()
        out.unlink()
    header = ("seconds of input", "took s", "peak MB", "<= 200 MB", "most / least", "<= 1.1")
    report.add("Peak memory of ltisys by the length of the input", header, rows)
