"""Loudness: the signals of EBU Tech 3341, the definition written out, pyloudnorm and ffmpeg."""

import math
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

import ltisys as lti
from ltisys import levels, meters, weightings
from ltisys._types import Array

Signal = NDArray[np.float64]
FS = 48000


def tones(*parts: tuple[float, float], fs: int = FS, channels: int = 2, hz: float = 1000) -> Signal:
    """Sines of one phase: (dBFS of the peak, seconds) one after the other, alike in channels."""
    frames = [round(seconds * fs) for _, seconds in parts]
    gains = [levels.amplitude(level) for level, _ in parts]
    envelope = np.repeat(gains, frames)
    row = envelope * np.sin(2 * np.pi * hz * np.arange(envelope.size) / fs)
    return np.tile(row, (channels, 1))


# --- EBU Tech 3341, table 1: minimum requirements, all within 0.1 LU ---------------------------

PROGRAMMES = {
    1: (((-23, 20),), -23),
    2: (((-33, 20),), -33),
    3: (((-36, 10), (-23, 60), (-36, 10)), -23),
    4: (((-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)), -23),
    5: (((-26, 20), (-20, 20.1), (-26, 20)), -23),
}


@pytest.mark.parametrize("fs", [44100, 48000, 96000])
@pytest.mark.parametrize("case", PROGRAMMES)
def test_tech_3341_integrated(case: int, fs: int) -> None:
    parts, wanted = PROGRAMMES[case]
    assert levels.loudness(tones(*parts, fs=fs), fs=fs) == pytest.approx(wanted, abs=0.1)


def test_tech_3341_case_6_weighs_channels() -> None:
    """Left, right, centre, and two at the sides, each with its own level."""
    x = tones((0, 20), channels=5) * [[levels.amplitude(db)] for db in (-28, -28, -24, -30, -30)]
    assert meters.loudness(x, fs=FS) == pytest.approx(-23, abs=0.1)
    with_bass = np.insert(x, 3, 1.0, axis=0)  # the fourth of six is the one of low frequencies
    assert meters.loudness(with_bass, fs=FS) == meters.loudness(x, fs=FS)


@pytest.mark.parametrize(
    ("parts", "times", "what", "after"),
    [
        (((-20, 1.34), (-30, 1.66)), 5, "short_term_lufs", 3.0),  # case 9
        (((-20, 0.18), (-30, 0.22)), 25, "momentary_lufs", 1.0),  # case 12
    ],
)
def test_tech_3341_what_moves_by_is_constant(
    parts: tuple[tuple[float, float], ...], times: int, what: str, after: float
) -> None:
    """A pattern as long as the window reads the same wherever the window stands."""
    x = tones(*(parts * times))
    meter = meters.LoudnessMeter(fs=FS, channels=2)
    seen = []
    for first in range(0, x.shape[1], FS // 100):
        meter.push(x[:, first : first + FS // 100])
        if meter.frames >= after * FS:
            seen.append(getattr(meter, what))
    assert len(seen) > 100
    assert max(seen) == pytest.approx(-23, abs=0.1)
    assert min(seen) == pytest.approx(-23, abs=0.1)


@pytest.mark.parametrize("case", range(20))
@pytest.mark.parametrize(
    ("what", "seconds", "step"), [("short_term_lufs", 3, 0.15), ("momentary_lufs", 0.4, 0.02)]
)
def test_tech_3341_cases_10_and_13_the_greatest(
    what: str, seconds: float, step: float, case: int
) -> None:
    """A burst as long as the window is read in full, wherever it begins."""
    x = tones((-300, step * case), (-23, seconds), (-300, 1))
    meter = meters.LoudnessMeter(fs=FS, channels=2)
    most = -math.inf
    for first in range(0, x.shape[1], FS // 100):
        meter.push(x[:, first : first + FS // 100])
        most = max(most, getattr(meter, what))
    assert most == pytest.approx(-23, abs=0.1)


# --- the definition ----------------------------------------------------------------------------


def definition(x: Signal, fs: int, weights: tuple[float, ...]) -> float:
    """BS.1770-4, annex 1, by lists of blocks."""
    y = weightings.k_weighting(fs=fs)(x, tail=False)
    starts = [round(step * fs / 10) for step in range(10 * x.shape[1] // fs + 1)]
    blocks = [
        sum(g * np.mean(row[a:b] ** 2) for g, row in zip(weights, y, strict=True))
        for a, b in zip(starts, starts[4:], strict=False)
    ]

    def level(z: float) -> float:
        return -0.691 + 10 * math.log10(z) if z > 0 else -math.inf

    above = [z for z in blocks if level(z) > -70]
    if not above:
        return -math.inf
    gate = level(sum(above) / len(above)) - 10
    loud = [z for z in above if level(z) > gate]
    return level(sum(loud) / len(loud))


def speech(fs: int, channels: int, seconds: float = 12.0, seed: int = 3) -> Signal:
    """Noise in syllables and pauses, with levels from -90 dBFS up."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * fs)
    level = np.repeat(rng.uniform(-90, -10, math.ceil(seconds * 3)), math.ceil(fs / 3))[:frames]
    return rng.standard_normal((channels, frames)) * 10 ** (level / 20)


@pytest.mark.parametrize(
    ("fs", "channels"),
    [*((8000, n) for n in range(1, 9)), (11025, 1), (44100, 2), (48000, 2), (96000, 1)],
)
def test_it_is_the_definition(fs: int, channels: int) -> None:
    x = speech(fs, channels, seconds=6.0)
    weights = {
        4: (1, 1, 1.41, 1.41),
        5: (1, 1, 1, 1.41, 1.41),
        6: (1, 1, 1, 0, 1.41, 1.41),
        8: (1, 1, 1, 0, 1, 1, 1.41, 1.41),
    }.get(channels, (1,) * channels)
    wanted = definition(x, fs, weights)
    # of some 50 blocks none lies in the bin of the gate, 0.01 LU wide: the results are the same
    assert meters.loudness(x, fs=fs) == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("sizes", [(1,), (480, 7), (4800,), (100_003,), (0, 1, 2, 3)])
def test_the_sizes_of_the_blocks_do_not_matter(sizes: tuple[int, ...]) -> None:
    x = speech(4000, 2, seconds=2.0)
    meter, other = (meters.LoudnessMeter(fs=4000, channels=2) for _ in range(2))
    meter.push(x)
    first = turn = 0
    while first < x.shape[1]:
        n = sizes[turn % len(sizes)]
        other.push(x[:, first : first + n])
        first, turn = first + n, turn + 1
    assert other.frames == meter.frames == x.shape[1]
    assert other.blocks == meter.blocks == 17
    for name in ("momentary_lufs", "short_term_lufs", "integrated_lufs"):
        # the sums of squares are of other stretches: rounding, 1e-12 of the energy
        assert getattr(other, name) == pytest.approx(getattr(meter, name), abs=1e-9)
    assert meter.short_term_lufs == -math.inf  # 2 s are too few
    assert meter.momentary_lufs > -100


def test_the_memory_is_constant() -> None:
    meter = meters.LoudnessMeter(fs=4000)
    rng = np.random.default_rng(0)
    for _ in range(300):
        meter.push(rng.standard_normal(4000) * 10 ** (rng.uniform(-120, 40) / 20))
    assert meter.blocks == 2997
    # one bin for each hundredth from -70 up to what is pushed here, however long it goes on
    assert len(meter._bins) < 100 * 120
    assert len(meter._last) == 300


def test_reset_forgets() -> None:
    meter = meters.LoudnessMeter(fs=FS)
    meter.push(speech(FS, 1, seconds=1.05)[0])
    meter.reset()
    assert (meter.frames, meter.blocks) == (0, 0)
    assert (meter.momentary_lufs, meter.short_term_lufs, meter.integrated_lufs) == (-math.inf,) * 3
    tone = lti.tone(997, length_s=4, fs=FS)
    meter.push(tone)
    assert meter.integrated_lufs == meters.loudness(tone, fs=FS)


def test_the_scale() -> None:
    """BS.1770-4: a sine of 997 Hz at full scale in one channel reads -3.01 LKFS."""
    tone = lti.tone(997, length_s=5, fs=FS)
    assert meters.loudness(tone, fs=FS) == pytest.approx(-3.01, abs=0.01)
    both = meters.loudness(np.stack([tone, tone]), fs=FS)
    assert both == pytest.approx(meters.loudness(tone, fs=FS) + 10 * np.log10(2), abs=1e-9)
    quiet = meters.loudness((0.1 * tone).astype(np.float32), fs=FS)
    assert quiet == pytest.approx(meters.loudness(tone, fs=FS) - 20, abs=1e-5)
    half = meters.LoudnessMeter(fs=FS, channels=2, weights=[0.25, 0])
    half.push(np.stack([tone, tone]))
    wanted = meters.loudness(tone, fs=FS) - 10 * np.log10(4)
    assert half.integrated_lufs == pytest.approx(wanted, abs=1e-9)


def test_silence_and_what_is_too_short() -> None:
    assert meters.loudness(np.zeros((2, FS)), fs=FS) == -math.inf
    assert meters.loudness(tones((-80, 2)), fs=FS) == -math.inf  # below the absolute gate
    assert meters.loudness(tones((-20, 0.4)), fs=FS) > -21
    with pytest.raises(
        ValueError,
        match=r"^x lasts 0\.3 s; loudness takes 0\.4 s at least, which is one gating block$",
    ):
        meters.loudness(tones((-20, 0.3)), fs=FS)


def test_bad_arguments() -> None:
    meter = meters.LoudnessMeter(fs=FS, channels=2)
    with pytest.raises(ValueError, match=r"^x\.shape=\(3, 9\) must be \(2, frames\)"):
        meter.push(np.ones((3, 9)))
    with pytest.raises(TypeError, match=r"^x is complex"):
        meter.push(np.ones((2, 9), dtype=complex))
    with pytest.raises(lti.MismatchError, match=r"^x holds 1 samples that are NaN"):
        meter.push([[1.0, np.nan], [1.0, 1.0]])
    with pytest.raises(ValueError, match=r"^weights=\[1\.0\] must be 2 numbers, one for each"):
        meters.LoudnessMeter(fs=FS, channels=2, weights=[1.0])
    with pytest.raises(ValueError, match=r"^weights=-1\.0 must be a finite number >= 0$"):
        meters.LoudnessMeter(fs=FS, channels=1, weights=[-1.0])
    with pytest.raises(ValueError, match=r"^fs=0 must be a finite number"):
        meters.LoudnessMeter(fs=0)


# --- peers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("fs", [44100, 48000, 96000])
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_pyloudnorm_agrees(fs: int, channels: int) -> None:
    pyloudnorm = pytest.importorskip("pyloudnorm")
    x = speech(fs, channels, seconds=6.0)
    peer = pyloudnorm.Meter(fs, filter_class="DeMan").integrated_loudness(x.T)
    # its high-pass has a gain of its own at every rate but 48 kHz: 0.004 dB and 0.022 dB
    bound = {44100: 0.006, 48000: 1e-6, 96000: 0.024}[fs]
    assert meters.loudness(x, fs=fs) == pytest.approx(peer, abs=bound)


def ffmpeg_says(path: Path) -> float:
    filters = "ebur128=metadata=1,ametadata=print:key=lavfi.r128.I:file=-"
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", str(path), "-af", filters]
    done = subprocess.run([*command, "-f", "null", "-"], capture_output=True, text=True, check=True)
    return float(re.findall(r"lavfi\.r128\.I=(\S+)", done.stdout)[-1])


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
@pytest.mark.parametrize("fs", [44100, 48000, 96000])
@pytest.mark.parametrize("channels", [1, 2])
def test_ffmpeg_agrees(tmp_path: Path, fs: int, channels: int) -> None:
    x: Array = speech(fs, channels, seconds=9.0) / 10
    soundfile.write(tmp_path / "x.wav", x.T, fs, subtype="FLOAT")
    # it prints hundredths, and sorts blocks into bins of 0.1 LU, of which it takes the middle
    assert meters.loudness(x, fs=fs) == pytest.approx(ffmpeg_says(tmp_path / "x.wav"), abs=0.1)
