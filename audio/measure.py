"""Measure the sounds of this folder, compare them with their targets and lay out the table.

Signals are arrays of shape (channels, frames); every function measures and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
from scipy import signal

Figures = dict[str, Any]  # a name with its unit, and a number; early_ms is a list in words


def load(path: Path) -> tuple[np.ndarray, int]:
    """Read a sound file as (channels, frames) and its sample rate."""
    x, fs = sf.read(path, always_2d=True)
    return x.T, fs


def to_db(ratio: float) -> float:
    """Return an amplitude ratio in decibels, not below -240."""
    return float(20 * np.log10(max(ratio, 1e-12)))


def wet(x: np.ndarray, h: np.ndarray) -> np.ndarray:
    """Convolve at 100 %; four channels are LL, LR, RL, RR, and a mono sound enters both inputs."""
    if len(h) == 4:
        return signal.fftconvolve(x[:, None], h.reshape(2, 2, -1), axes=-1).sum(axis=0)
    return signal.fftconvolve(x, h, axes=-1)


def wet_peak(dry: dict[str, np.ndarray], h: np.ndarray) -> float:
    """Return the largest sample that any of the dry sounds reaches when fully wet."""
    return max(float(np.abs(wet(x, h)).max()) for x in dry.values())


def wet_gain(x: np.ndarray, h: np.ndarray) -> float:
    """Return the ratio of RMS levels, wet to dry, with the energy of the tail counted in."""
    return float(np.sqrt((wet(x, h) ** 2).sum(axis=-1).mean() / (x**2).sum(axis=-1).mean()))


def octave(h: np.ndarray, centre_hz: float, fs: int) -> np.ndarray:
    """Filter an octave with a Butterworth band-pass of order 3."""
    edges_hz = centre_hz * np.sqrt([0.5, 2])
    return signal.sosfilt(signal.butter(3, edges_hz, "band", fs=fs, output="sos"), h)


def decay_line(h: np.ndarray, centre_hz: float, fs: int) -> tuple[float, float]:
    """Measure T30 of an octave in seconds, and how far the decay bends, in permille.

    Schroeder's backward integral over all channels, a line from -5 to -35 dB, 60 dB on that
    line; the bend is 1000 (1 - r^2) of the fit (ISO 3382-2, 2008, Annex B).
    """
    energy = (octave(h, centre_hz, fs) ** 2).sum(axis=0)[::-1].cumsum()[::-1]
    level_db = 10 * np.log10(energy / energy[0] + 1e-30)
    fit = np.flatnonzero((level_db < -5) & (level_db > -35))
    slope_db = np.polyfit(fit / fs, level_db[fit], 1)[0]
    return -60 / slope_db, 1000 * (1 - np.corrcoef(fit, level_db[fit])[0, 1] ** 2)


def clarity_db(h: np.ndarray, direct: int, fs: int) -> float:
    """Measure C80, early to late energy, as the mean of 500 Hz and 1 kHz (ISO 3382-1)."""
    split = direct + round(0.08 * fs)
    energies = [(octave(h, centre_hz, fs) ** 2).sum(axis=0) for centre_hz in (500, 1000)]
    return float(np.mean([10 * np.log10(e[:split].sum() / e[split:].sum()) for e in energies]))


def direct_sound(h: np.ndarray, drop_db: float = 3) -> int:
    """Find the first local peak, over all channels, within `drop_db` of the largest."""
    height = np.pad(np.abs(h).max(axis=0), 1)
    return int(signal.find_peaks(height, height=height.max() * 10 ** (-drop_db / 20))[0][0]) - 1


def reflections_ms(h: np.ndarray, direct: int, fs: int) -> np.ndarray:
    """Find the reflections of the first 80 ms that stand out, in ms after the direct sound.

    One stands within 20 dB of the direct sound, 6 dB above the RMS of the 10 ms around it, and
    at least 0.5 ms from the direct sound and from larger ones.
    """
    x = np.abs(h).max(axis=0)
    window = np.ones(round(0.01 * fs)) / round(0.01 * fs)
    around = np.sqrt(np.convolve(x**2, window, "same"))
    found, _ = signal.find_peaks(x, height=x[direct] / 10, distance=fs // 2000)
    found = found[x[found] > 2 * around[found]] - direct
    return 1000 * found[(found > fs // 2000) & (found < 0.08 * fs)] / fs


def onset_ms(h: np.ndarray, centre_hz: float, fs: int) -> float:
    """Measure when an octave, filtered without phase, first comes within 10 dB of its peak."""
    edges_hz = centre_hz * np.sqrt([0.5, 2])
    sos = signal.butter(3, edges_hz, "band", fs=fs, output="sos")
    energy = (signal.sosfiltfilt(sos, h) ** 2).sum(axis=0)
    return 1000 * float(np.argmax(energy > energy.max() / 10)) / fs


def band_edges_hz(h: np.ndarray, drop_db: float, fs: int) -> tuple[float, float]:
    """Find where the gain leaves `drop_db` below its mean power from 300 Hz to 3 kHz."""
    hz = np.fft.rfftfreq(2**17, 1 / fs)
    gain = np.abs(np.fft.rfft(h[0], 2**17))
    mean = np.sqrt((gain[(hz > 300) & (hz < 3000)] ** 2).mean())
    inside = hz[gain > mean * 10 ** (-drop_db / 20)]
    return float(inside[0]), float(inside[-1])


def likeness(h: np.ndarray, start: int, fs: int) -> float:
    """Measure how alike two channels are from `start`: the peak correlation over lags to 1 ms."""
    left, right = h[0, start:], h[1, start:]
    lags = signal.fftconvolve(left, right[::-1])
    near = lags[len(right) - 1 - fs // 1000 : len(right) + fs // 1000]
    return float(np.abs(near).max() / np.sqrt((left**2).sum() * (right**2).sum()))


def pitch_hz(x: np.ndarray, lowest_hz: float, highest_hz: float, fs: int) -> float:
    """Measure the strongest tone of a range: a parabola through the top of the spectrum."""
    nfft = 2**20
    level = np.log(np.abs(np.fft.rfft(x[0] * np.hanning(x.shape[1]), nfft)) + 1e-30)
    first = int(lowest_hz * nfft / fs)
    top = first + int(np.argmax(level[first : int(highest_hz * nfft / fs)]))
    a, b, c = level[top - 1 : top + 2]
    return (top + (a - c) / (2 * (a - 2 * b + c))) * fs / nfft


def dry_figures(x: np.ndarray, fs: int) -> Figures:
    """Measure a dry sound: RMS level, DC and its strongest tone from 80 to 200 Hz."""
    return {
        "rms_db": to_db(np.sqrt((x**2).mean())),
        "dc_db": to_db(np.abs(x.mean(axis=1)).max()),
        "pitch_hz": pitch_hz(x, 80, 200, fs),
    }


def filter_figures(h: np.ndarray, fs: int) -> Figures:
    """Measure a filter: its direct sound and where its gain has fallen 3 and 10 dB."""
    (low_3, high_3), (low_10, high_10) = band_edges_hz(h, 3, fs), band_edges_hz(h, 10, fs)
    return {
        "direct_ms": 1000 * direct_sound(h) / fs,
        "low_3db_hz": low_3,
        "high_3db_hz": high_3,
        "low_10db_hz": low_10,
        "high_10db_hz": high_10,
    }


def room_figures(h: np.ndarray, fs: int, drop_db: float = 3) -> Figures:
    """Measure a reverberation: decay low, mid and high, clarity, onset, and how it ends."""
    direct = direct_sound(h, drop_db)
    t30 = {hz: decay_line(h, hz, fs) for hz in (125, 250, 500, 1000, 4000)}
    reflections = reflections_ms(h, direct, fs)
    pairs = [h[[i, j]] for i in range(len(h)) for j in range(i)]
    return {
        "direct_ms": 1000 * direct / fs,
        "low_s": (t30[125][0] + t30[250][0]) / 2,
        "mid_s": (t30[500][0] + t30[1000][0]) / 2,
        "high_s": t30[4000][0],
        "bend_permille": max(t30[hz][1] for hz in (500, 1000, 4000)),
        "c80_db": clarity_db(h, direct, fs),
        "reflections": len(reflections),
        "early_ms": ", ".join(f"{ms:.1f}" for ms in reflections[:6]),
        "first_ms": reflections[0] if len(reflections) else np.nan,
        "likeness": max(likeness(pair, direct + round(0.08 * fs), fs) for pair in pairs),
        "end_db": to_db(np.abs(h[:, -fs // 100 :]).max() / np.abs(h).max()),
    }


def plate_figures(h: np.ndarray, fs: int) -> Figures:
    """Measure a plate: it has no direct sound, so its onset counts, and its waves disperse."""
    chirp_ms = onset_ms(h, 250, fs) - onset_ms(h, 4000, fs)
    return room_figures(h, fs, drop_db=20) | {"chirp_ms": chirp_ms}


def response_figures(h: np.ndarray, dry: dict[str, np.ndarray], fs: int) -> Figures:
    """Measure any response: DC against the largest gain, and the level of wet sounds."""
    gain = np.abs(np.fft.rfft(h))
    return {
        "dc_db": to_db(gain[:, 0].max() / gain.max()),
        "wet_peak_db": to_db(wet_peak(dry, h)),
        "speech_db": to_db(wet_gain(dry["sentence"], h)),
    }


# --- Catalogue ------------------------------------------------------------------------------

SENTENCE = "Every room answers in its own voice. Convolution lets us borrow that voice."
TOTAL_KB = 2800  # the most that all the files may weigh


@dataclass(frozen=True)
class Sound:
    """Name a file, say what it is and how it is made, and bound its figures."""

    path: str
    what: str
    how: str
    kind: str  # a key of MEASURES
    targets: dict[str, tuple[float, float]]


TAIL = {"likeness": (0, 0.3), "bend_permille": (0, 10), "end_db": (-240, -90)}
PEAK = {"peak_db": (-3.1, -2.9)}
SOUNDS = [
    Sound(
        "dry/sentence.flac",
        f'speech: "{SENTENCE}"',
        "eSpeak NG, voice en-gb, 155 words a minute",
        "dry",
        {"length_s": (4, 5), **PEAK},
    ),
    Sound(
        "dry/drums.flac",
        "two bars of kick, snare and hi-hat, 120 beats a minute",
        "gliding sine; membrane modes and noise; six square waves; no room",
        "dry",
        {"length_s": (4, 4), "channels": (2, 2), **PEAK},
    ),
    Sound(
        "dry/pluck.flac",
        "a plucked string, A2",
        "Karplus-Strong loop with tuning all-pass (Jaffe and Smith, 1983)",
        "dry",
        {"length_s": (3, 3), "pitch_hz": (109.94, 110.06), **PEAK},  # within a cent
    ),
    Sound(
        "dry/click.wav",
        "a click of 1 ms",
        "Ricker wavelet of 2.5 kHz",
        "dry",
        {"length_s": (0.05, 0.05), **PEAK},
    ),
    Sound(
        "responses/hall.flac",
        "a concert hall of 15 700 m3, audience seated, 12 m from the source",
        "image sources to 125 ms, then noise that decays by third octaves",
        "room",
        {"direct_ms": (0, 0), "first_ms": (19, 21), "c80_db": (-3, 3), **TAIL}
        | {"low_s": (2.3, 2.8), "mid_s": (2.05, 2.35), "high_s": (1.3, 1.7)},
    ),
    Sound(
        "responses/small_room.flac",
        "a living room of 50 m3, 2 m from the source",
        "image sources to 30 ms, then noise that decays by third octaves",
        "room",
        {"direct_ms": (0, 0), "first_ms": (1, 5), "c80_db": (10, 20), **TAIL}
        | {"low_s": (0.33, 0.45), "mid_s": (0.32, 0.38), "high_s": (0.25, 0.35)},
    ),
    Sound(
        "responses/plate.flac",
        "a plate reverberator: steel, 2 m x 1 m x 0.5 mm",
        "sum of its 23 000 bending modes, two pick-ups",
        "plate",
        {"direct_ms": (0, 3), "chirp_ms": (3, 15), **TAIL}
        | {"low_s": (2.2, 2.7), "mid_s": (1.8, 2.5), "high_s": (1.2, 1.6)},
    ),
    Sound(
        "responses/church.flac",
        "a church of 16 200 m3, true stereo (LL, LR, RL, RR), 8 m from two sources",
        "image sources to 127 ms, then noise that decays by third octaves",
        "room",
        {"channels": (4, 4), "direct_ms": (0, 0), "first_ms": (2, 30), "c80_db": (-6, 0)}
        | {"low_s": (4.2, 5), "mid_s": (3.7, 4.3), "high_s": (2.2, 2.8), **TAIL},
    ),
    Sound(
        "responses/telephone.wav",
        "a telephone line",
        "linear-phase FIR filter of 1025 taps by frequency sampling",
        "filter",
        {"direct_ms": (10.66, 10.67), "low_3db_hz": (290, 320), "high_3db_hz": (3350, 3450)}
        | {"low_10db_hz": (190, 260), "high_10db_hz": (3500, 3800)},
    ),
    Sound(
        "responses/cabinet.wav",
        "a guitar cabinet, one 12-inch loudspeaker in a closed box",
        "minimum-phase sections: box resonance 105 Hz, presence 2.7 kHz, low-pass 4.8 kHz",
        "filter",
        {"direct_ms": (0, 0.5), "low_3db_hz": (70, 100), "high_3db_hz": (4300, 5200)}
        | {"low_10db_hz": (50, 75), "high_10db_hz": (5000, 6000)},
    ),
]

# What any file of a kind must meet besides its own targets.
COMMON = {"fs_hz": (48000, 48000), "dc_db": (-240, -60)}
RESPONSE = {"wet_peak_db": (-30, 0), "speech_db": (-6, 1)}
MEASURES = {
    "dry": dry_figures,
    "room": room_figures,
    "plate": plate_figures,
    "filter": filter_figures,
}


def dry_sounds(folder: Path) -> dict[str, np.ndarray]:
    """Read the dry sounds, by name."""
    dry = [folder / sound.path for sound in SOUNDS if sound.kind == "dry"]
    return {path.stem: load(path)[0] for path in dry}


def absent(folder: Path) -> list[str]:
    """List the files of the catalogue that are not there."""
    return [sound.path for sound in SOUNDS if not (folder / sound.path).is_file()]


def all_figures(folder: Path) -> dict[str, Figures]:
    """Measure every file of the catalogue as it lies on the disk."""
    dry, figures = dry_sounds(folder), {}
    for sound in SOUNDS:
        path = folder / sound.path
        x, fs = load(path)
        figures[sound.path] = {
            "fs_hz": fs,
            "channels": len(x),
            "bits": int(sf.info(path).subtype.removeprefix("PCM_")),
            "length_s": x.shape[1] / fs,
            "peak_db": to_db(np.abs(x).max()),
            "size_kb": path.stat().st_size / 1000,
            **MEASURES[sound.kind](x, fs),
            **({} if sound.kind == "dry" else response_figures(x, dry, fs)),
        }
    return figures


def misses(figures: dict[str, Figures]) -> list[str]:
    """Say in one line each which figures lie outside their targets."""
    lines = []
    for sound in SOUNDS:
        targets = COMMON | ({} if sound.kind == "dry" else RESPONSE) | sound.targets
        for name, (low, high) in targets.items():
            value = figures[sound.path][name]
            if not low <= value <= high:
                lines.append(f"{sound.path}: {name}={value:.4g} must be from {low} to {high}")
    total_kb = sum(f["size_kb"] for f in figures.values())
    if total_kb > TOTAL_KB:
        lines.append(f"all files together have {total_kb:.0f} kB, more than {TOTAL_KB} kB")
    return lines


def rows(head: str, cells: list[list[str]]) -> str:
    """Lay out a table in Markdown; `head` holds the titles between bars."""
    rule = "|".join("---" for _ in head.split("|"))
    return "\n".join(f"| {' | '.join(row)} |" for row in [head.split("|"), rule.split("|"), *cells])


def table(figures: dict[str, Figures]) -> str:
    """Write README.md out of the measured figures."""
    files, reverbs, filters = [], [], []
    for sound in SOUNDS:
        f, name = figures[sound.path], f"`{sound.path}`"
        size = [f"{f['length_s']:.3f}", f"{f['peak_db']:.1f}", f"{f['size_kb']:.1f}"]
        form = [f"{f['fs_hz']}", f"{f['channels']}", f"{f['bits']}"]
        files.append([name, sound.what, sound.how, *form, *size, "CC0-1.0"])
        if sound.kind == "dry":
            continue
        level = [f"{f['wet_peak_db']:.1f}", f"{f['speech_db']:+.1f}"]
        direct = f"{f['direct_ms']:.2f}"
        if sound.kind == "filter":
            edges = [f"{f[f'low_{d}db_hz']:.0f} to {f[f'high_{d}db_hz']:.0f}" for d in (3, 10)]
            filters.append([name, direct, *edges, *level])
            continue
        t30 = [f"{f[band]:.2f}" for band in ("low_s", "mid_s", "high_s")]
        early = f"{f['reflections']}: {f['early_ms']}"
        if sound.kind == "plate":
            early = f"none; 250 Hz comes {f['chirp_ms']:.1f} ms after 4 kHz"
        alike = [f"{f['c80_db']:+.1f}", f"{f['bend_permille']:.1f}", f"{f['likeness']:.2f}"]
        reverbs.append([name, direct, *t30, early, *alike, *level])
    total_kb = sum(f["size_kb"] for f in figures.values())
    return README.format(
        total_kb=total_kb,
        files=rows("file|what|how|rate Hz|channels|bits|length s|peak dBFS|kB|licence", files),
        reverbs=rows(
            "file|direct ms|T30 low s|T30 mid s|T30 high s|early reflections, ms after the direct"
            "|C80 dB|bend permille|L/R likeness|loudest wet peak dBFS|speech dB",
            reverbs,
        ),
        filters=rows(
            "file|direct ms|-3 dB Hz|-10 dB Hz|loudest wet peak dBFS|speech dB",
            filters,
        ),
    )


README = """\
# Sounds

Dry sounds to try the package on, and responses to convolve them with. `make_audio.py` makes all
of them out of formulas and one seed, and this page out of what it measures in the files:

```
python audio/make_audio.py            # writes the sounds and this page
python audio/make_audio.py --check    # measures the files against their targets, writes nothing
```

All files are dedicated to the public domain, [CC0 1.0][cc0]. Together they have {total_kb:.0f} kB.

{files}

## What the responses do

- *direct*: the first peak within 3 dB of the largest, counted from the start of the file; within
  20 dB for the plate, which has an onset but no direct sound.
- *T30*: reverberation time from Schroeder's backward integral, by a line from -5 to -35 dB; low is
  the mean of the octaves at 125 and 250 Hz, mid of 500 Hz and 1 kHz, high is 4 kHz.
- *early reflections*: those of the first 80 ms that stand within 20 dB of the direct sound and
  6 dB above their surroundings: how many, and when the first ones come.
- *C80*: energy of the first 80 ms against the rest, mean of 500 Hz and 1 kHz.
- *bend*: how far the decay departs from a line; 0 to 5 permille is usual (ISO 3382-2,
  Annex B); the largest of 500 Hz, 1 kHz and 4 kHz is shown.
- *L/R likeness*: the largest correlation of two channels after 80 ms, over lags to 1 ms.
- *loudest wet peak*: what any dry sound above reaches at a mix of 100 %.
- *speech*: the RMS level of the wet sentence against the dry one, its tail counted in.

{reverbs}

The church is true stereo. Its channels are LL, LR, RL, RR: first the input, then the output; a
mono sound enters both inputs.

## What the filters do

Where the gain leaves -3 and -10 dB of its mean from 300 Hz to 3 kHz:

{filters}

[cc0]: https://creativecommons.org/publicdomain/zero/1.0/
"""
