"""linear_phase: magnitudes within what was promised, symmetric, aligned, or a sentence why not"""

import numpy as np
import pytest
from scipy import signal

import ltisys as lti
from ltisys import equalisers, levels
from ltisys.phases import linear_phase

FS = 48000
# the grid where errors are looked for: finer than any that the design takes, and not a part of it
FREQS = np.geomspace(1, 23_999, 401)
FREQS = np.sort(np.concatenate([[0.0], FREQS, 24_000 - FREQS, [24_000.0]]))


def butter(order: int, cutoff: object, kind: str = "lowpass") -> lti.IIR:
    return lti.IIR(signal.butter(order, cutoff, kind, fs=FS, output="sos"), fs=FS)


SYSTEMS = {
    "highpass 80": butter(2, 80, "highpass"),
    "highpass 20": butter(4, 20, "highpass"),
    "highpass of order 3": butter(3, 300, "highpass"),
    "lowpass 12000": butter(2, 12000),
    "lowpass 23900": butter(2, 23_900),
    "bandpass": butter(2, [300, 3400], "bandpass"),
    "bandstop": butter(2, [300, 3400], "bandstop"),
    "bell": equalisers.peaking(1000, gain_db=12, q=4, fs=FS),
    "shelf": equalisers.low_shelf(120, gain_db=-6, fs=FS),
    "gain": lti.gain(-0.5),
    "fir": lti.FIR([0.5, 0.2, 0.1], fs=FS),
}
CHAIN = SYSTEMS["highpass 80"] >> SYSTEMS["bell"] >> SYSTEMS["shelf"] >> SYSTEMS["lowpass 12000"]


@pytest.mark.parametrize("attenuation_db", [40, 80, 120])
@pytest.mark.parametrize("name", [*SYSTEMS, "chain"])
def test_magnitudes_within_the_promise(name: str, attenuation_db: float) -> None:
    system = SYSTEMS.get(name, CHAIN)
    straight = linear_phase(system, attenuation_db=attenuation_db)
    assert straight.h.shape == (2 * straight.latency + 1,)
    assert straight.h.dtype == np.float64
    assert straight.fs == system.fs
    assert np.array_equal(straight.h, straight.h[::-1])
    freqs = FREQS if system.fs else FREQS / FS
    wanted = np.abs(system.frequency_response(freqs)[1])
    response = straight.frequency_response(freqs)[1]
    # without the delay by its latency the response is real: the magnitude, never turned over
    turns = np.exp(2j * np.pi * freqs / (system.fs or 1) * straight.latency)
    errors = np.abs(response * turns - wanted)
    assert errors.max() <= levels.amplitude(-attenuation_db) * wanted.max() + 1e-12
    if straight.taps > 9:  # and no longer than it must be: the bound is not idle
        assert errors.max() > levels.amplitude(-attenuation_db - 20) * wanted.max()


@pytest.mark.parametrize("fs", [44100, 48000, 96000])
def test_an_allpass_becomes_a_delay_of_nothing(fs: float) -> None:
    straight = linear_phase(equalisers.allpass(1000, q=0.7, fs=fs))
    assert straight.taps == 1
    assert straight.h[0] == pytest.approx(1, abs=1e-9)


def test_rows_keep_their_shape_and_one_length() -> None:
    system = lti.FIR([[1.0, 0.5, 0.0], [0.0, 0.0, 0.25]], fs=FS)
    straight = linear_phase(system)
    assert straight.h.shape == (2, straight.taps)
    _, wanted = system.frequency_response(FREQS)
    _, got = straight.frequency_response(FREQS)
    assert got.shape == wanted.shape == (2, FREQS.size)
    assert np.abs(np.abs(got) - np.abs(wanted)).max() <= 1e-4 * np.abs(wanted).max()


def test_edges_are_refused_with_what_can_be_had() -> None:
    notch = equalisers.notch(50, q=30, fs=FS)
    with pytest.raises(ValueError, match=r"^attenuation_db=80 must be <= 3\d for IIR.*an edge"):
        linear_phase(notch)
    coarse = linear_phase(notch, attenuation_db=30)
    assert abs(coarse.frequency_response([50.0])[1][0]) <= levels.amplitude(-30)
    with pytest.raises(ValueError, match=r"an edge"):
        linear_phase(butter(1, 10, "highpass"), attenuation_db=100)


def test_bad_arguments() -> None:
    unstable = lti.IIR.from_ba([1.0], [1.0, -1.5], fs=FS)
    with pytest.raises(ValueError, match=r"^the system must be stable; it is not stable: a pole"):
        linear_phase(unstable)
    with pytest.raises(ValueError, match=r"^attenuation_db=0 must be a finite number > 0 and"):
        linear_phase(CHAIN, attenuation_db=0)
