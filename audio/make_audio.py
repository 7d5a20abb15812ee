"""Make every sound in this folder out of formulas and one seed.

    python audio/make_audio.py            write the sounds and the table in README.md
    python audio/make_audio.py --check    measure the files against their targets, write nothing

Signals are arrays of shape (channels, frames). Running it twice gives the same bytes.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import measure
import numpy as np
import soundfile as sf
from scipy import signal

HERE = Path(__file__).parent
SEED = 3382  # the ISO standard of room acoustic measurement
FS = 48000
SPEED_OF_SOUND = 343.0  # m/s in air at 20 degrees Celsius
OCTAVES_HZ = np.array([125, 250, 500, 1000, 2000, 4000, 8000, 16000])  # of the tables of RT60
THIRDS_HZ = 125 * 2 ** (np.arange(22) / 3)  # of the synthesis
LN_60DB = 3 * np.log(10)  # 6.91: an amplitude that falls 60 dB in T is exp(-LN_60DB t / T)
SCATTERED = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.45, 0.5)  # by a wall, of its reflected energy
WET_PEAK_DB = -1.0  # the most that any dry sound here may reach when fully wet


# --- Ground ---------------------------------------------------------------------------------


def seeded(name: str) -> np.random.Generator:
    """Return the random generator of one sound, so that no sound depends on another."""
    return np.random.default_rng([SEED, *name.encode()])


def peak_at(x: np.ndarray, peak_db: float) -> np.ndarray:
    """Scale `x` so that its largest sample is `peak_db` below full scale."""
    return x * (10 ** (peak_db / 20) / np.abs(x).max())


def time_s(length_s: float) -> np.ndarray:
    """Return the times of the frames in `length_s` seconds."""
    return np.arange(round(length_s * FS)) / FS


def fade_out(x: np.ndarray, length_s: float) -> np.ndarray:
    """Bring the last `length_s` seconds to zero along half a cosine."""
    fade = np.ones(x.shape[-1])
    frames = round(length_s * FS)
    fade[-frames:] = 0.5 + 0.5 * np.cos(np.pi * np.arange(1, frames + 1) / frames)
    return x * fade


def highpass(x: np.ndarray, cutoff_hz: float) -> np.ndarray:
    """Remove DC with a second-order Butterworth high-pass filter."""
    return signal.sosfilt(signal.butter(2, cutoff_hz, "high", fs=FS, output="sos"), x)


def at_thirds(octaves: tuple[float, ...]) -> np.ndarray:
    """Interpolate a table over OCTAVES_HZ to THIRDS_HZ, as a column."""
    return np.interp(np.log(THIRDS_HZ), np.log(OCTAVES_HZ), octaves)[:, None]


def split_bands(x: np.ndarray) -> np.ndarray:
    """Split into third octaves of zero phase that add up to `x` again.

    Neighbours overlap by cos^2 + sin^2 = 1 over the logarithm of frequency; the outermost
    bands take all that lies beyond them. `x` is (frames,) or (bands, frames).
    """
    nfft = 2 * x.shape[-1]
    third = 3 * np.log2(np.maximum(np.fft.rfftfreq(nfft, 1 / FS), 1) / THIRDS_HZ[0])
    distance = np.clip(third, 0, len(THIRDS_HZ) - 1) - np.arange(len(THIRDS_HZ))[:, None]
    mask = np.cos(np.pi / 2 * np.clip(distance, -1, 1)) ** 2
    return np.fft.irfft(mask * np.fft.rfft(x, nfft), nfft)[:, : x.shape[-1]]


# --- Dry sounds -----------------------------------------------------------------------------


def sentence() -> np.ndarray:
    """Let eSpeak NG speak the sentence, resample it to 48 kHz and trim its silence at -50 dB."""
    with tempfile.TemporaryDirectory() as folder:
        spoken = Path(folder) / "spoken.wav"
        voice = ["-v", "en-gb", "-s", "155", "-p", "40", "-w", str(spoken)]
        subprocess.run(["espeak-ng", *voice, measure.SENTENCE], check=True)
        x, fs = sf.read(spoken)
    x = highpass(signal.resample_poly(x, FS, fs), 50)
    sounding = np.flatnonzero(np.abs(x) > np.abs(x).max() * 10 ** (-50 / 20))
    margin = round(0.03 * FS)
    x = x[max(sounding[0] - margin, 0) : sounding[-1] + margin]
    return fade_out(peak_at(x, -3), 0.03)[None]


def kick(velocity: float) -> np.ndarray:
    """Strike a kick drum: a sine that glides from 170 to 48 Hz, with a 2 ms beater knock."""
    t = time_s(0.4)
    phase = 2 * np.pi * (48 * t + 122 * 0.03 * (1 - np.exp(-t / 0.03)))
    knock = 0.4 * np.sin(2 * np.pi * 1800 * t) * np.exp(-t / 0.002)
    return velocity * fade_out(np.sin(phase) * np.exp(-t / 0.11) + knock, 0.1)


def snare(velocity: float, rng: np.random.Generator) -> np.ndarray:
    """Strike a snare drum: two modes of a round membrane (1 : 1.59) and the noise of the wires.

    The ratio is that of the first zeros of the Bessel functions J1 and J0.
    """
    t = time_s(0.25)
    head = np.sin(2 * np.pi * 190 * t) + 0.6 * np.sin(2 * np.pi * 190 * 1.593 * t)
    wires = signal.butter(2, [1200, 9000], "band", fs=FS, output="sos")
    noise = signal.sosfilt(wires, rng.standard_normal(len(t)))
    return velocity * fade_out(
        0.4 * head * np.exp(-t / 0.04) + 0.4 * noise * np.exp(-t / 0.06), 0.1
    )


def hat(velocity: float, decay_s: float, rng: np.random.Generator) -> np.ndarray:
    """Strike a hi-hat: six square waves of no common pitch above 7 kHz.

    The six frequencies are those of the TR-808 circuit (Werner, Abel, Smith, "The TR-808
    Cymbal", ICMC 2014).
    """
    t = time_s(min(8 * decay_s, 0.24))
    pitches_hz = np.array([205.3, 304.4, 369.6, 522.7, 540.0, 800.0])[:, None]
    metal = np.sign(np.sin(2 * np.pi * (pitches_hz * t + rng.random((6, 1))))).sum(axis=0)
    ring = signal.sosfilt(signal.butter(4, 7000, "high", fs=FS, output="sos"), metal)
    return velocity * fade_out(ring * np.exp(-t / decay_s), 0.02)


def drums() -> np.ndarray:
    """Play two bars at 120 beats a minute, each drum panned with constant power."""
    rng = seeded("drums")
    step = FS // 8  # a sixteenth note
    x = np.zeros((2, 32 * step))

    def play(at: int, drum: np.ndarray, pan: float) -> None:
        late = 0 if at == 0 else rng.integers(0, FS // 400)  # a player is up to 2.5 ms late
        gain = np.array([[np.cos(pan * np.pi / 2)], [np.sin(pan * np.pi / 2)]])
        end = min(at * step + late + len(drum), x.shape[1])
        x[:, at * step + late : end] += gain * drum[: end - at * step - late]

    for at in range(0, 32, 2):
        decay_s = 0.06 if at in (14, 30) else 0.018  # the last off-beat of a bar is half open
        play(at, hat((0.16, 0.10)[at // 2 % 2] * rng.uniform(0.85, 1), decay_s, rng), 0.7)
    for at in (0, 7, 10, 16, 23, 26, 27):
        play(at, kick(rng.uniform(0.85, 1)), 0.5)
    for at, velocity in ((4, 0.9), (12, 1.0), (20, 0.9), (25, 0.25), (28, 1.0)):
        play(at, snare(velocity, rng), 0.42)
    return peak_at(fade_out(highpass(x, 25), 0.01), -3)


def pluck() -> np.ndarray:
    """Pluck the A string of a guitar (110 Hz), a fifth of its length from the bridge.

    The string is the loop 1 / (1 - rho H(z) C(z) z^-N) of Karplus and Strong with the two-point
    average H and the tuning all-pass C(z) = (a + z^-1) / (1 + a z^-1) of Jaffe and Smith,
    "Extensions of the Karplus-Strong Plucked-String Algorithm", CMJ 7(2), 1983; multiplied out
    it is one recursive filter, driven by one period of noise.
    """
    period = FS / 110.0
    blend, rho = 0.22, 0.995  # loss at high frequencies and at all frequencies
    loop_delay = period - blend
    whole = int(loop_delay - 0.3)
    a = (1 - (loop_delay - whole)) / (1 + (loop_delay - whole))
    noise = seeded("pluck").standard_normal(round(period))
    x = np.zeros(3 * FS)
    x[: len(noise)] = noise - noise.mean()
    x = signal.lfilter([0.4], [1, -0.6], x)  # a soft plectrum
    x[round(period / 5) :] -= x[: -round(period / 5)].copy()
    around = -rho * np.convolve([1 - blend, blend], [a, 1])
    string = signal.lfilter([1, a], np.concatenate([[1, a], np.zeros(whole - 2), around]), x)
    return fade_out(peak_at(highpass(string, 40), -3), 0.5)[None]


def click() -> np.ndarray:
    """Draw one Ricker wavelet of 2.5 kHz at 2 ms: (1 - 2 u^2) exp(-u^2), u = pi f t.

    It has no DC and is 1 ms long (N. Ricker, "The form and laws of propagation of seismic
    wavelets", Geophysics 18(1), 1953).
    """
    u = np.pi * 2500 * (time_s(0.05) - 0.002)
    return peak_at((1 - 2 * u**2) * np.exp(-(u**2)), -3)[None]


# --- Rooms ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Room:
    """Describe a shoebox: lengths in metres, x along the room, z up; RT60 at OCTAVES_HZ.

    The specular reflections give way to diffuse sound between the two times of `blend_s`,
    counted from the direct sound.
    """

    size_m: tuple[float, float, float]
    sources_m: tuple[tuple[float, float, float], ...]
    receiver_m: tuple[float, float, float]
    rt60_s: tuple[float, ...]
    floor_gain: float
    blend_s: tuple[float, float]
    length_s: float

    @property
    def volume_m3(self) -> float:
        """Return the volume V."""
        return float(np.prod(self.size_m))

    @property
    def wall_gain(self) -> np.ndarray:
        """Return the amplitude left in each band by one wall: Eyring's formula solved for it.

        A mean free path takes l / c with l = 4 V / S and costs exp(-LN_60DB l / (c T)).
        """
        x, y, z = self.size_m
        mean_path_m = 2 * self.volume_m3 / (x * y + y * z + z * x)
        return np.exp(-LN_60DB * mean_path_m / SPEED_OF_SOUND / at_thirds(self.rt60_s))

    @property
    def distance_m(self) -> float:
        """Return the distance of the first source."""
        return float(np.linalg.norm(np.subtract(self.sources_m[0], self.receiver_m)))


HALL = Room(
    size_m=(42, 22, 17),
    sources_m=((7, 7.4, 2.5),),
    receiver_m=(19, 7.2, 2.8),
    rt60_s=(2.7, 2.45, 2.25, 2.15, 1.95, 1.5, 0.95, 0.5),
    floor_gain=0.1,  # an audience on upholstered seats
    blend_s=(0.020, 0.125),  # until sqrt(V) in ms: the mixing time of Polack, 1993
    length_s=2.6,
)
SMALL_ROOM = Room(
    size_m=(4.9, 3.9, 2.6),
    sources_m=((1.1, 1.45, 1.2),),
    receiver_m=(2.9, 2.1, 1.45),
    rt60_s=(0.42, 0.39, 0.37, 0.35, 0.33, 0.30, 0.26, 0.22),
    floor_gain=0.5,  # a carpet
    blend_s=(0.001, 0.030),
    length_s=0.5,
)
CHURCH = Room(
    size_m=(45, 20, 18),
    sources_m=((10, 7, 2), (10, 12, 2)),
    receiver_m=(18, 9.5, 3),
    rt60_s=(4.8, 4.5, 4.2, 3.9, 3.3, 2.4, 1.3, 0.7),
    floor_gain=0.4,  # stone and wooden pews
    blend_s=(0.003, 0.127),
    length_s=4.5,
)


def images(room: Room, source_m: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mirror a source in all walls: positions, walls hit and how many of those were the floor.

    Image n of x in a room of length L stands at n L + x for even n and n L + L - x for odd n,
    after |n| walls (Allen and Berkley, "Image method for efficiently simulating small-room
    acoustics", JASA 65(4), 1979).
    """
    reach_m = room.distance_m + room.blend_s[1] * SPEED_OF_SOUND
    orders, coordinates = [], []
    for size, x in zip(room.size_m, source_m, strict=True):
        n = np.arange(-int(reach_m / size) - 2, int(reach_m / size) + 3)
        orders.append(n)
        coordinates.append(n * size + np.where(n % 2 == 0, x, size - x))
    n = np.stack(np.meshgrid(*orders, indexing="ij"), axis=-1).reshape(-1, 3)
    position = np.stack(np.meshgrid(*coordinates, indexing="ij"), axis=-1).reshape(-1, 3)
    on_floor = (np.abs(n[:, 2]) + (n[:, 2] < 0)) // 2
    return position, np.abs(n).sum(axis=1), on_floor


def microphones(room: Room) -> list[tuple[np.ndarray, np.ndarray]]:
    """Place the position and axis of an ORTF pair: cardioids 17 cm and 110 degrees apart."""
    ahead = np.mean(room.sources_m, axis=0) - room.receiver_m
    ahead = ahead * [1, 1, 0] / np.hypot(*ahead[:2])
    aside = np.array([-ahead[1], ahead[0], 0])  # to the left of someone who looks ahead
    turn = np.radians(55)
    return [
        (room.receiver_m + s * 0.085 * aside, np.cos(turn) * ahead + s * np.sin(turn) * aside)
        for s in (1, -1)
    ]


def room_path(room: Room, source: int, microphone: int, rng: np.random.Generator) -> np.ndarray:
    """Compute the path from a source to a microphone: mirror images, then diffuse sound.

    The distance r of the direct sound sets the level, 1. The diffuse energy of a cardioid per
    second is 4 pi c r^2 / (3 V) exp(-2 LN_60DB t / T), t from the moment of emission (Barron and
    Lee, "Energy relations in concert auditoriums I", JASA 84(2), 1988, with the 1/3 of a
    cardioid), the level to which the images tend too, so that the two meet without a step.
    """
    place_m, axis = microphones(room)[microphone]
    position, walls, on_floor = images(room, room.sources_m[source])
    toward = position - place_m
    path_m = np.linalg.norm(toward, axis=1)
    start_m = min(np.linalg.norm(room.sources_m - m[0], axis=1).min() for m in microphones(room))
    frame = np.rint((path_m - start_m) / SPEED_OF_SOUND * FS).astype(int)
    t = time_s(room.length_s)
    ramp = np.clip((t - room.blend_s[0]) / np.diff(room.blend_s), 0, 1)
    heard = frame <= room.blend_s[1] * FS

    gain = 0.5 * (1 + toward @ axis / path_m) * room.distance_m / path_m
    gain = gain * room.floor_gain**on_floor * room.wall_gain ** (walls - on_floor)
    gain = gain * np.sqrt(1 - at_thirds(SCATTERED)) ** walls
    specular = np.zeros((len(THIRDS_HZ), len(t)))
    np.add.at(specular, (slice(None), frame[heard]), gain[:, heard])

    density = 4 * np.pi * SPEED_OF_SOUND * room.distance_m**2 / (3 * room.volume_m3)
    emitted_s = t + start_m / SPEED_OF_SOUND
    decay = np.exp(-LN_60DB * emitted_s / at_thirds(room.rt60_s))
    diffuse = split_bands(rng.standard_normal(len(t))) * decay * np.sqrt(density / FS)
    blend = np.pi / 2 * ramp
    return (np.cos(blend) * split_bands(specular) + np.sin(blend) * diffuse).sum(axis=0)


def room_response(name: str, room: Room) -> np.ndarray:
    """Compute all paths of a room, in the order LL, LR, RL, RR (source, then microphone)."""
    rng = seeded(name)
    pairs = [(s, m) for s in range(len(room.sources_m)) for m in (0, 1)]
    h = np.stack([room_path(room, source, microphone, rng) for source, microphone in pairs])
    return fade_out(highpass(h, 20), 0.2 * room.length_s)


def plate() -> np.ndarray:
    """Ring all modes of a steel plate of 2 m x 1 m x 0.5 mm, driven once and felt at two places.

    Modes of a simply supported plate lie at f = (pi / 2) kappa (m^2 / a^2 + n^2 / b^2), kappa^2 =
    E h^2 / (12 rho (1 - nu^2)), with the shape sin(m pi x / a) sin(n pi y / b) (Fletcher and
    Rossing, "The Physics of Musical Instruments", section 3.5). Bending waves of high frequency
    travel faster, which makes the onset a falling chirp. Damping follows a table of RT60.
    """
    a, b, kappa = 2.0, 1.0, np.sqrt(2e11 * 0.0005**2 / (12 * 7860 * (1 - 0.3**2)))
    m, n = (g.ravel() for g in np.meshgrid(np.arange(1, 260), np.arange(1, 130), indexing="ij"))
    f = np.pi / 2 * kappa * ((m / a) ** 2 + (n / b) ** 2)
    m, n, f = (v[(f > 40) & (f < 18000)] for v in (m, n, f))
    rt60_s = np.interp(np.log(f), np.log(OCTAVES_HZ), (2.5, 2.5, 2.4, 2.2, 1.9, 1.4, 0.9, 0.5))

    def shape(x: float, y: float) -> np.ndarray:
        return np.sin(m * np.pi * x / a) * np.sin(n * np.pi * y / b)

    colour = np.minimum(1, f / 100) * (f / 1000) ** 0.25 * np.clip((18000 - f) / 6000, 0, 1)
    gain = colour * shape(1.07, 0.47) * np.stack([shape(0.43, 0.34), shape(1.63, 0.61)])
    pole = -LN_60DB / rt60_s + 2j * np.pi * f
    step = 512  # exp(pole t) with t = block start + time in block is a product of two matrices
    block = np.exp(np.outer(np.arange(round(2.5 * FS) // step) * step / FS, pole))
    within = np.exp(np.outer(pole, np.arange(step) / FS))
    h = np.stack([((block * g) @ within).real.ravel() for g in gain])
    return fade_out(highpass(h, 20), 0.5)


# --- Filters --------------------------------------------------------------------------------


def telephone() -> np.ndarray:
    """Design a linear-phase band-pass of 1025 taps: flat from 300 Hz to 3.4 kHz.

    The slopes are those of a line transformer (12 to 24 dB an octave) and of the filter before a
    sampler of 8 kHz, which must be silent above 4.6 kHz.
    """
    hz = np.array([0, 50, 100, 200, 300, 400, 3000, 3400, 3700, 4000, 4600, FS / 2])
    gain_db = np.array([-60, -45, -30, -12, -3, 0, 0, -3, -12, -25, -60, -60])
    grid = np.linspace(0, FS / 2, 2049)
    h = signal.firwin2(1025, grid, 10 ** (np.interp(grid, hz, gain_db) / 20), fs=FS)
    window = np.hamming(1025)
    return (h - window * (h.sum() / window.sum()))[None]  # no DC at all


def bell(centre_hz: float, gain_db: float, q: float) -> np.ndarray:
    """Return one peaking section (R. Bristow-Johnson, "Audio EQ Cookbook", peakingEQ)."""
    w, a = 2 * np.pi * centre_hz / FS, 10 ** (gain_db / 40)
    alpha = np.sin(w) / (2 * q)
    section = [1 + alpha * a, -2 * np.cos(w), 1 - alpha * a]
    section += [1 + alpha / a, -2 * np.cos(w), 1 - alpha / a]
    return np.array(section) / section[3]


def closed_box(resonance_hz: float, q: float) -> np.ndarray:
    """Return the high-pass section of a loudspeaker in a closed box.

    H(s) = s^2 / (s^2 + s w0 / Q + w0^2): R. Small, "Closed-Box Loudspeaker Systems I", JAES
    20(10), 1972; made digital by the bilinear transform with w0 kept in place.
    """
    w0 = 2 * FS * np.tan(np.pi * resonance_hz / FS)
    b, a = signal.bilinear([1, 0, 0], [1, w0 / q, w0**2], FS)
    return np.concatenate([b, a])


def cabinet() -> np.ndarray:
    """Play an impulse through a 12-inch guitar loudspeaker made of minimum-phase sections.

    The closed box resonates at 105 Hz, the cone has its presence peak at 2.7 kHz, some break-up
    around it, and gives up above 4.8 kHz at 36 dB an octave.
    """
    sections = [closed_box(105, 1.6), bell(400, -4, 0.8), bell(1150, -2, 3), bell(1600, 2, 4)]
    sections += [bell(2700, 6, 1.2), bell(3300, -3, 6), bell(4100, 3, 5)]
    lowpass = signal.butter(6, 4800, "low", fs=FS, output="sos")
    impulse = np.zeros((1, round(0.1 * FS)))
    impulse[0, 0] = 1
    return fade_out(signal.sosfilt(np.vstack([*sections, lowpass]), impulse), 0.04)


# --- Files ----------------------------------------------------------------------------------

DRY = {
    "dry/sentence.flac": sentence,
    "dry/drums.flac": drums,
    "dry/pluck.flac": pluck,
    "dry/click.wav": click,
}
RESPONSES = {
    "responses/hall.flac": lambda: room_response("hall", HALL),
    "responses/small_room.flac": lambda: room_response("small_room", SMALL_ROOM),
    "responses/plate.flac": plate,
    "responses/church.flac": lambda: room_response("church", CHURCH),
    "responses/telephone.wav": telephone,
    "responses/cabinet.wav": cabinet,
}


def store(path: str, x: np.ndarray, bits: int) -> None:
    """Round to 16 or 24 bits, without dither, and write the file."""
    full = 2 ** (bits - 1)
    if np.abs(x).max() >= 1:
        raise ValueError(f"{path} would clip: its peak is {np.abs(x).max():.3f}")
    whole = np.rint(x * full).astype(np.int32) << (32 - bits)
    (HERE / path).parent.mkdir(exist_ok=True)
    sf.write(HERE / path, whole.T, FS, subtype=f"PCM_{bits}")


def fit_level(h: np.ndarray, dry: dict[str, np.ndarray]) -> np.ndarray:
    """Scale a response so that the sentence keeps its RMS level, or less if a dry sound peaks."""
    loudest = 10 ** (WET_PEAK_DB / 20) / measure.wet_peak(dry, h)
    return h * min(loudest, 1 / measure.wet_gain(dry["sentence"], h))


def make() -> None:
    """Write all sounds, the dry ones first, for they set the level of the responses."""
    for path, recipe in DRY.items():
        if recipe is sentence and shutil.which("espeak-ng") is None:
            if not (HERE / path).exists():
                sys.exit(f"espeak-ng is not installed, and {path} cannot be made without it")
            print(f"espeak-ng is not installed: {path} is kept as it is", file=sys.stderr)
            continue
        store(path, recipe(), 16)
    dry = measure.dry_sounds(HERE)
    for path, recipe in RESPONSES.items():
        store(path, fit_level(recipe(), dry), 24)


def main() -> int:
    """Make the sounds and their table, unless only asked to check; return 1 if a target is missed.

    The files are measured as they lie on the disk.
    """
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="measure the files, write nothing")
    only_check = parser.parse_args().check
    if not only_check:
        make()
    if absent := measure.absent(HERE):
        print(f"missing: {', '.join(absent)}; run make_audio.py without --check", file=sys.stderr)
        return 1
    figures = measure.all_figures(HERE)
    if not only_check:
        (HERE / "README.md").write_text(measure.table(figures), encoding="utf-8")
    misses = measure.misses(figures)
    for miss in misses:
        print(miss, file=sys.stderr)
    if not misses:
        print(f"{len(figures)} sounds meet their targets")
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main())
