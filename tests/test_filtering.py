"""filter_file: the answer of the system, on disk, as long as its input, reported."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from scipy import signal

import ltisys as lti
from ltisys import levels, meters, spectra
from ltisys.filtering import filter_file, filter_job
from ltisys.phases import linear_phase

Signal = NDArray[np.float64]
FS = 48000
U = 2.0**-24  # float32 rounds by at most half of 2**-23
STEP = {"PCM_16": 2.0**-15, "PCM_24": 2.0**-23, "FLOAT": 0.0, "DOUBLE": 0.0}


def sound(path: Path, x: Signal, fs: int = FS, subtype: str = "PCM_16") -> Path:
    """Write (channels, frames) without ltisys."""
    soundfile.write(path, x.T, fs, subtype=subtype)
    return path


def loaded(path: Path) -> Signal:
    return soundfile.read(path, always_2d=True)[0].T


def noise(channels: int, frames: int, seed: int = 0) -> Signal:
    return np.random.default_rng(seed).uniform(-0.2, 0.2, (channels, frames))


def sections(fs: int = FS) -> Signal:
    """A high-pass, a resonance and a low-pass, as scipy makes them."""
    return np.concatenate(
        [
            signal.butter(2, 80, "highpass", fs=fs, output="sos"),
            signal.tf2sos(*signal.iirpeak(1000, 3, fs=fs)),
            signal.butter(4, 12_000 / 48_000 * fs, fs=fs, output="sos"),
        ]
    )


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("frames", [1, 1000, (1 << 17) - 1, 1 << 17, (1 << 17) + 1, 300_001])
def test_it_is_what_sosfilt_gives(tmp_path: Path, channels: int, frames: int) -> None:
    x = sound(tmp_path / "x.wav", noise(channels, frames))
    report = filter_file(x, lti.IIR(sections(), fs=FS), tmp_path / "y.wav")
    y, wanted = loaded(tmp_path / "y.wav"), signal.sosfilt(sections(), loaded(x))
    assert y.shape == wanted.shape == (channels, frames)
    assert (report.frames, report.channels, report.fs) == (frames, channels, FS)
    assert (report.method, report.subtype, report.clipped) == ("recursive", "PCM_16", 0)
    assert np.abs(y - wanted).max() <= STEP["PCM_16"] / 2 + U * np.abs(wanted).max()
    assert report.peak_db == pytest.approx(20 * np.log10(np.abs(wanted).max()), abs=1e-5)


@pytest.mark.parametrize("subtype", STEP)
@pytest.mark.parametrize("fs", [8000, 44100, 96000])
def test_subtypes_and_rates(tmp_path: Path, subtype: str, fs: int) -> None:
    x = sound(tmp_path / "x.wav", noise(2, 20_000), fs, subtype)
    report = filter_file(x, lti.IIR(sections(fs)), tmp_path / "y.wav")
    y, wanted = loaded(tmp_path / "y.wav"), signal.sosfilt(sections(fs), loaded(x))
    assert report.subtype == soundfile.info(tmp_path / "y.wav").subtype == subtype
    rounding = 1e-12 if subtype == "DOUBLE" else U  # of sosfilt itself
    assert np.abs(y - wanted).max() <= STEP[subtype] / 2 + rounding * np.abs(wanted).max()


def test_the_cores_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x = sound(tmp_path / "x.wav", noise(5, 200_000), subtype="FLOAT")
    for name, cores in (("a.wav", 1), ("b.wav", 2), ("c.wav", 64)):
        monkeypatch.setattr(spectra, "cores", lambda n=cores: n)
        filter_file(x, lti.IIR(sections(), fs=FS), tmp_path / name)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "c.wav").read_bytes()


# --- the tail and the latency -------------------------------------------------------------------


def test_the_tail_is_cut_and_told_or_kept(tmp_path: Path) -> None:
    x = sound(tmp_path / "x.wav", noise(2, 5000), subtype="FLOAT")
    system = lti.IIR.from_ba([1.0], [1.0, -0.999], fs=FS)
    cut = filter_file(x, system, tmp_path / "cut.wav")
    whole = filter_file(x, system, tmp_path / "whole.wav", tail=True)
    y = loaded(tmp_path / "whole.wav")
    assert y.shape == (2, 5000 + system.extent - 1)
    assert np.array_equal(loaded(tmp_path / "cut.wav"), y[:, :5000])
    lost = (y[:, 5000:] ** 2).sum() / (y**2).sum()
    assert cut.lost_tail_db == pytest.approx(10 * np.log10(lost), abs=1e-3)
    assert f"tail cut ({cut.lost_tail_db:.1f} dB of the energy)" in str(cut)
    assert whole.lost_tail_db == -np.inf
    # what nobody can hear is a number, and no word
    unheard = filter_file(x, lti.IIR.from_ba([1.0], [1.0, -1e-9]), tmp_path / "u.wav")
    assert -400 < unheard.lost_tail_db < -180
    assert "tail cut" not in str(unheard)


def test_an_echo_sounds_on_where_asked(tmp_path: Path) -> None:
    x = sound(tmp_path / "x.wav", noise(2, 3000), subtype="FLOAT")
    echo = lti.feedback(lti.gain(1), -0.5 * lti.delay(2400, fs=FS))
    report = filter_file(x, echo, tmp_path / "y.wav", tail=True)
    y = loaded(tmp_path / "y.wav")
    assert report.frames == y.shape[1] == 3000 + echo.extent - 1
    wanted = echo(loaded(x))
    assert np.abs(y - wanted).max() <= U * np.abs(wanted).max()
    assert np.abs(y[:, 3000:]).max() > 0.01


@pytest.mark.parametrize("tail", [False, True])
def test_linear_phase_is_aligned(tmp_path: Path, tail: bool) -> None:
    """The answer of a symmetric FIR stands where the input stands; before frame 0 is no file."""
    x = sound(tmp_path / "x.wav", noise(2, 200_000), subtype="FLOAT")
    straight = linear_phase(lti.IIR(sections(), fs=FS))
    filter_file(x, straight, tmp_path / "y.wav", tail=tail)
    y, late = loaded(tmp_path / "y.wav"), straight.latency
    wanted = lti.convolve(loaded(x), straight.h)[:, late:]
    assert y.shape[1] == 200_000 + (late if tail else 0)
    assert np.abs(y - wanted[:, : y.shape[1]]).max() < 1e-5


def test_the_latency_of_what_rings_on_is_taken_out_too(tmp_path: Path) -> None:
    x = sound(tmp_path / "x.wav", noise(2, 150_000), subtype="FLOAT")
    late = linear_phase(lti.IIR(sections(), fs=FS), attenuation_db=40)
    system = late >> lti.IIR.from_ba([1.0], [1.0, -0.9], fs=FS)
    assert system.taps is None
    assert system.latency == late.latency > 100
    filter_file(x, system, tmp_path / "y.wav")
    filter_file(x, system, tmp_path / "t.wav", tail=True)
    wanted = system(loaded(x))[:, late.latency :]
    y, t = loaded(tmp_path / "y.wav"), loaded(tmp_path / "t.wav")
    assert y.shape == (2, 150_000)
    assert t.shape == wanted.shape
    assert np.abs(t - wanted).max() < 1e-5
    assert np.array_equal(y, t[:, :150_000])


# --- systems ------------------------------------------------------------------------------------


def test_systems_of_several_rows(tmp_path: Path) -> None:
    leak = lti.IIR.from_ba([1.0], [1.0, -0.5], fs=FS)
    mono = sound(tmp_path / "mono.wav", noise(1, 9000), subtype="FLOAT")
    spread = lti.FIR([[1.0, 0.0], [0.0, -0.5]]) >> leak
    report = filter_file(mono, spread, tmp_path / "two.wav")
    wanted = spread(loaded(mono)[0], tail=False)
    assert report.channels == 2
    assert np.abs(loaded(tmp_path / "two.wav") - wanted).max() <= U * np.abs(wanted).max()
    stereo = sound(tmp_path / "stereo.wav", noise(2, 9000), subtype="FLOAT")
    crossed = lti.FIR([[[1.0], [0.5]], [[0.25], [1.0]]]) >> leak
    filter_file(stereo, crossed, tmp_path / "crossed.wav")
    wanted = crossed(loaded(stereo), tail=False)
    assert np.abs(loaded(tmp_path / "crossed.wav") - wanted).max() <= 2 * U * np.abs(wanted).max()
    three = lti.FIR(np.ones((3, 2))) >> leak
    with pytest.raises(lti.MismatchError):
        filter_file(stereo, three, tmp_path / "no.wav")


def test_a_finite_system_is_convolved(tmp_path: Path) -> None:
    x = sound(tmp_path / "x.wav", noise(2, 40_000), subtype="FLOAT")
    room = lti.FIR(noise(1, 5000, seed=1)[0] / 20, fs=FS)
    report = filter_file(x, room, tmp_path / "y.wav")
    same = lti.convolve_file(x, room, tmp_path / "z.wav", tail=False)
    assert report.method == same.method == "overlap-save"
    assert report.lost_tail_db == same.lost_tail_db > -60
    assert (tmp_path / "y.wav").read_bytes() == (tmp_path / "z.wav").read_bytes()


def test_subnormals_do_not_slow_it_down(tmp_path: Path) -> None:
    x = np.zeros((1, 1_000_000))
    x[0, 0] = 1e-3
    source = sound(tmp_path / "x.wav", x, subtype="FLOAT")
    system = lti.IIR.from_ba([1.0], [1.0, -0.99], fs=FS)
    filter_file(source, system, tmp_path / "y.wav")
    y = loaded(tmp_path / "y.wav")[0]
    tiny = np.finfo(np.float32).tiny
    assert not ((np.abs(y) > 0) & (np.abs(y) < tiny)).any() or y[-1] == 0


# --- levels -------------------------------------------------------------------------------------


def test_gain_and_clipping(tmp_path: Path) -> None:
    x = sound(tmp_path / "x.wav", noise(2, 9000))
    system = lti.IIR(sections(), fs=FS)
    report = filter_file(x, system, tmp_path / "y.wav", gain_db=40)
    free = filter_file(x, system, tmp_path / "f.wav", gain_db=40, subtype="FLOAT")
    wanted = 100 * signal.sosfilt(sections(), loaded(x))
    over = (np.rint(wanted * 2**15) > 2**15 - 1) | (np.rint(wanted * 2**15) < -(2**15))
    assert report.clipped == over.any(axis=0).sum() > 0
    assert (free.clipped, free.gain_db) == (0, 40)
    assert np.abs(loaded(tmp_path / "f.wav") - wanted).max() <= 2 * U * np.abs(wanted).max()


@pytest.mark.parametrize(
    ("normalize", "measure", "wanted"),
    [
        ("peak", lambda x: levels.db(levels.peak(x)), -1.0),
        ("peak:-6.5", lambda x: levels.db(levels.peak(x)), -6.5),
        ("rms:-30", lambda x: levels.db(levels.rms(x)), -30.0),
        ("lufs", lambda x: meters.loudness(x, fs=FS), -23.0),
        ("lufs:-14", lambda x: meters.loudness(x, fs=FS), -14.0),
        ("lufs:-35.5", lambda x: meters.loudness(x, fs=FS), -35.5),
    ],
)
@pytest.mark.parametrize("job", ["filter", "convolve"])
def test_normalize(tmp_path: Path, job: str, normalize: str, measure, wanted: float) -> None:
    x = sound(tmp_path / "x.wav", noise(2, 100_000), subtype="FLOAT")
    if job == "filter":
        made = filter_file(
            x, lti.IIR(sections()), tmp_path / "y.wav", normalize=normalize, subtype="FLOAT"
        )
    else:
        room = lti.FIR(noise(2, 5000, seed=1) / 20, fs=FS)
        made = lti.convolve_file(x, room, tmp_path / "y.wav", normalize=normalize, mix=0.5)
    y = loaded(tmp_path / "y.wav")
    # a sum of squares in pieces of 4096 in single precision: 1e-5 of the energy, 4e-5 dB
    assert measure(y) == pytest.approx(wanted, abs=1e-4)
    assert made.gain_db != 0
    louder = made.gain_db
    if job == "filter":
        more = filter_file(
            x, lti.IIR(sections()), tmp_path / "z.wav", normalize=normalize, gain_db=2,
            subtype="FLOAT",
        )  # fmt: skip
        assert more.gain_db == pytest.approx(louder + 2, abs=1e-9)


def test_rms_alone_is_that_of_the_input(tmp_path: Path) -> None:
    x = sound(tmp_path / "x.wav", noise(2, 100_000), subtype="FLOAT")
    filter_file(x, lti.IIR(sections()), tmp_path / "y.wav", normalize="rms")
    assert levels.rms(loaded(tmp_path / "y.wav")) == pytest.approx(levels.rms(loaded(x)), rel=1e-5)


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_squares_beyond_single_precision(tmp_path: Path, scale: float) -> None:
    x = sound(tmp_path / "x.wav", scale * noise(1, 20_000), subtype="FLOAT")
    filter_file(x, lti.IIR(sections()), tmp_path / "y.wav", normalize="rms:-20")
    assert levels.rms(loaded(tmp_path / "y.wav")) == pytest.approx(0.1, rel=1e-5)


@pytest.mark.parametrize("normalize", ["peak", "rms", "rms:-20", "lufs", "peak:-3", "lufs:-16"])
def test_silence_is_left_alone(tmp_path: Path, normalize: str) -> None:
    x = sound(tmp_path / "x.wav", np.zeros((2, 30_000)))
    report = filter_file(x, lti.IIR(sections()), tmp_path / "y.wav", normalize=normalize)
    assert report.gain_db == 0
    assert not loaded(tmp_path / "y.wav").any()


def test_too_short_for_loudness(tmp_path: Path) -> None:
    x = sound(tmp_path / "x.wav", noise(2, 12_000))
    with pytest.raises(
        lti.MismatchError,
        match=r"x\.wav becomes 0\.25 s of sound, and loudness takes 0\.4 s at least; use "
        r"normalize='peak' or 'rms'$",
    ):
        filter_file(x, lti.IIR(sections()), tmp_path / "y.wav", normalize="lufs")
    assert os.listdir(tmp_path) == ["x.wav"]


@pytest.mark.parametrize("normalize", ["loud", "peak:", "lufs:loud", "rms:nan", "", "LUFS", 3])
def test_levels_that_are_none(tmp_path: Path, normalize: object) -> None:
    x = sound(tmp_path / "x.wav", noise(2, 100))
    with pytest.raises(ValueError, match=r"^normalize=.* must be 'peak', 'rms' or 'lufs', alone "):
        filter_file(x, lti.IIR(sections()), tmp_path / "y.wav", normalize=normalize)


# --- guarantees ---------------------------------------------------------------------------------


def test_what_does_not_fit(tmp_path: Path) -> None:
    x = sound(tmp_path / "x.wav", noise(2, 100))
    with pytest.raises(
        lti.MismatchError,
        match=r"^fs differs: .*x\.wav 48000 Hz, IIR\(4 sections, 44100 Hz\) 44100 Hz; design it "
        r"with fs=48000$",
    ):
        filter_file(x, lti.IIR(sections(44100), fs=44100), tmp_path / "y.wav")
    with pytest.raises(TypeError, match=r"^system='hall\.wav' must be a system, such as"):
        filter_file(x, "hall.wav", tmp_path / "y.wav")
    unstable = lti.IIR.from_ba([1.0], [1.0, -1.5], fs=FS)
    with pytest.raises(ValueError, match=r"^the system must be stable; it is not stable: a pole"):
        filter_file(x, unstable, tmp_path / "y.wav")
    endless = lti.IIR.from_ba([1.0], [1.0, -(1 - 1e-8)], fs=FS)
    with pytest.raises(ValueError, match=r"^tail=True needs an end, but it sounds on for more"):
        filter_file(x, endless, tmp_path / "y.wav", tail=True)
    nan = sound(tmp_path / "nan.wav", np.array([[0.5, np.nan]]), subtype="FLOAT")
    with pytest.raises(lti.MismatchError, match=r"NaN or infinite samples, the first at frame 1"):
        filter_file(nan, lti.IIR(sections()), tmp_path / "y.wav")
    none = sound(tmp_path / "none.wav", np.zeros((2, 0)))
    with pytest.raises(lti.AudioFileError, match=r"none\.wav holds no frames: there is nothing"):
        filter_file(none, lti.IIR(sections()), tmp_path / "y.wav")
    with pytest.raises(FileNotFoundError):
        filter_file(tmp_path / "no.wav", lti.IIR(sections()), tmp_path / "y.wav")
    assert sorted(os.listdir(tmp_path)) == ["nan.wav", "none.wav", "x.wav"]


def test_what_overflows_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    x = sound(tmp_path / "x.wav", noise(1, 100), subtype="FLOAT")
    with pytest.raises(lti.MismatchError, match="NaN or infinite"):
        filter_file(x, lti.IIR(sections()), tmp_path / "y.wav", gain_db=900)
    loud = sound(tmp_path / "loud.wav", 1e39 * noise(1, 100), subtype="FLOAT")
    filter_file(loud, lti.IIR(sections()), tmp_path / "y.wav")
    (tmp_path / "y.wav").unlink()
    with pytest.raises(lti.MismatchError, match="NaN or infinite"):
        filter_file(loud, lti.IIR([[10.0, 0, 0, 1, 0, 0]]), tmp_path / "y.wav")
    assert sorted(os.listdir(tmp_path)) == ["loud.wav", "x.wav"]


def test_nothing_is_replaced_unasked(tmp_path: Path) -> None:
    x = sound(tmp_path / "x.wav", noise(2, 3000))
    system = lti.IIR(sections())
    filter_file(x, system, tmp_path / "y.wav")
    with pytest.raises(lti.OutputError, match="exists already"):
        filter_file(x, system, tmp_path / "y.wav")
    with pytest.raises(lti.OutputError, match="same file"):
        filter_file(x, system, x, overwrite=True)
    filter_file(x, system, x, in_place=True)
    assert x.read_bytes() == (tmp_path / "y.wav").read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["x.wav", "y.wav"]


def test_a_description_writes_nothing(tmp_path: Path) -> None:
    x = sound(tmp_path / "x.wav", noise(2, 3000))
    system = lti.IIR(sections(), fs=FS)
    told = filter_job(x, system, tmp_path / "y.wav", gain_db=6).describe()
    assert os.listdir(tmp_path) == ["x.wav"]
    worst = np.abs(system.impulse_response()).sum() * 10 ** (6 / 20)
    assert told["worst_case_gain_db"] == pytest.approx(20 * np.log10(worst), abs=1e-9)
    assert (told["frames"], told["channels"], told["taps"]) == (3000, 2, None)
    assert (told["method"], told["plan"]) == ("recursive", "IIR(4 sections, 48000 Hz)")
