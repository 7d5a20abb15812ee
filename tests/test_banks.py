"""Crossovers that sum flat, and octave bands against the masks of IEC 61260-1:2014"""

import itertools
import re
from typing import Any

import numpy as np
import pytest
from scipy import signal

import ltisys as lti
from ltisys import banks

RATES = (44_100, 48_000, 96_000)
G = 10**0.3


def response(system: lti.System, freqs_hz: Any) -> np.ndarray:
    freqs, found = system.frequency_response(freqs_hz)
    assert found.shape == freqs.shape
    assert found.dtype == np.complex128
    return found


def db(values: Any) -> np.ndarray:
    return 20 * np.log10(np.maximum(np.abs(values), 1e-20))


# --- crossover ------------------------------------------------------------------------------------


@pytest.mark.parametrize("fs", RATES)
@pytest.mark.parametrize("order", [2, 4, 6, 8, 12, 24])
def test_crossover_sums_flat(order: int, fs: float) -> None:
    for cutoff_hz in (1.0, 80.0, 2000.0, 0.25 * fs, 0.49 * fs):
        pair = lti.crossover(cutoff_hz, fs=fs, order=order)
        assert isinstance(pair, tuple)
        low, high = pair
        for system in pair:
            assert isinstance(system, lti.IIR)
            assert system.fs == fs
            assert system.stable
            assert system.poles.size == order
        f = np.concatenate([[0, cutoff_hz, fs / 2], np.geomspace(cutoff_hz / 100, fs / 2, 500)])
        below, above = response(low, f), response(high, f)
        # the coefficients err by eps, against polynomials of w^2 at the cutoff w
        near = 2 * np.pi * min(cutoff_hz, fs / 2 - cutoff_hz) / fs
        limit = 1e-11 + 8 * order**2 * 2.0**-52 / near**2
        assert np.abs(db(below + above)).max() <= limit, cutoff_hz
        assert np.abs(np.abs(below) + np.abs(above) - 1).max() <= limit  # in phase throughout
        ends = [db(below)[0], db(below)[1], db(above)[1], db(above)[2]]
        assert ends == pytest.approx([0, -6.0206, -6.0206, 0], abs=1e-4)
        assert db(below)[2] < -200
        assert db(above)[0] < -200
        # the closed form: 1 / (1 + W^order)
        W = np.tan(np.pi * f[3:] / fs) / np.tan(np.pi * cutoff_hz / fs)
        wanted = 1 / (1 + np.minimum(W, 1e10) ** order)
        heard = wanted > 1e-5
        assert np.abs(np.abs(below[3:]) / wanted - 1)[heard].max() <= limit


def test_the_sum_is_the_allpass_of_the_butterworth_poles() -> None:
    for order in (2, 4, 6, 8):
        low, high = lti.crossover(1500, fs=48_000, order=order)
        p = lti.butterworth(order // 2, 1500, fs=48_000).poles
        f = np.linspace(0, 24_000, 300)
        z = np.exp(2j * np.pi * f / 48_000)
        # B(-s) / B(s) of the bilinear transform: 1 at 0 Hz, zeros at the poles' reciprocals
        wanted = np.prod([(1 / z - q) / (1 - q / z) for q in p], axis=0)
        assert np.abs(response(low + high, f) - wanted).max() <= 1e-10


def test_crossover_as_shipped() -> None:
    for fs in RATES:
        low, high = lti.crossover(1000, fs=fs)
        assert lti.verify_response(low + high, [(0, fs / 2, -1e-3, 1e-3)])
        assert lti.verify_response(low, [(0, 250, -0.1, 0), (4000, fs / 2, None, -48)])
        assert lti.verify_response(high, [(0, 250, None, -48), (4000, fs / 2, -0.1, 0)])
        # an all-pass keeps the energy of what goes in, tail included
        x = lti.noise(4000)
        assert np.sum((low + high)(x) ** 2) == pytest.approx(np.sum(x**2), rel=1e-9)


def test_pyfar_has_the_same_crossover() -> None:
    filters = pytest.importorskip("pyfar.dsp.filter")
    f = np.linspace(1, 23_999, 300)
    for order in (2, 4, 8):
        theirs = filters.crossover(None, order, 1200, sampling_rate=48_000)
        pair = lti.crossover(1200, fs=48_000, order=order)
        for system, sos in zip(pair, theirs.coefficients, strict=True):
            _, wanted = signal.freqz_sos(sos, f, fs=48_000)
            assert np.abs(np.abs(response(system, f)) - np.abs(wanted)).max() <= 1e-9


# --- octaves: frequencies -------------------------------------------------------------------------


def test_octaves_and_thirds_have_the_nominal_frequencies() -> None:
    bank = lti.octave_bank(fs=48_000)
    assert len(bank) == 10
    assert " ".join(b.label for b in bank) == "31.5 63 125 250 500 1000 2000 4000 8000 16000"
    bank = lti.octave_bank(fs=48_000, fraction=3, low_hz=10)
    assert " ".join(b.label for b in bank) == (
        "10 12.5 16 20 25 31.5 40 50 63 80 100 125 160 200 250 315 400 500 630 800 1000 1250 1600 "
        "2000 2500 3150 4000 5000 6300 8000 10000 12500 16000 20000"
    )
    for n, band in enumerate(bank):
        assert band.center_hz == pytest.approx(10 ** ((n + 10) / 10), rel=1e-13)
        assert band.low_hz == pytest.approx(band.center_hz / 10**0.05, rel=1e-13)
        assert band.high_hz == pytest.approx(band.center_hz * 10**0.05, rel=1e-13)
        assert abs(float(band.label) / band.center_hz - 1) < 0.02


@pytest.mark.parametrize("fraction", [1, 2, 3, 6, 12, 24])
def test_bands_tile_the_axis(fraction: int) -> None:
    bank = lti.octave_bank(fs=96_000, fraction=fraction, low_hz=500, high_hz=2000)
    assert bank.fraction == fraction
    assert bank.fs == 96_000
    assert len({band.label for band in bank}) == len(bank)
    for before, band in itertools.pairwise(bank):
        assert band.low_hz == pytest.approx(before.high_hz, rel=1e-13)
    for band in bank:
        assert 500 <= float(band.label) <= 2000
        assert band.high_hz / band.low_hz == pytest.approx(G ** (1 / fraction), rel=1e-13)
        # 1000 Hz is a mid-band frequency for odd fractions and an edge for even ones
        anchor = band.center_hz if fraction % 2 else band.low_hz
        x = np.log(anchor / 1000) / np.log(G) * fraction
        assert x == pytest.approx(round(x), abs=1e-9)


def test_a_bank_is_a_sequence_with_a_table() -> None:
    bank = lti.octave_bank(fs=48_000, low_hz=125, high_hz=1000)
    assert isinstance(bank, banks.OctaveBank)
    assert [b.label for b in bank] == ["125", "250", "500", "1000"]
    assert bank[-1].label == "1000"
    assert bank[1:3] == bank.bands[1:3]
    low, *_ = bank
    assert low.system.sos.shape == (4, 6)
    assert low in bank
    assert repr(bank) == (
        "OctaveBank(4 octave bands, 125 to 1000 Hz, 48000 Hz, class 1 of IEC 61260-1:2014)"
    )
    lines = str(bank).splitlines()
    assert len(lines) == 6
    assert lines[2].split() == ["125", "89.13", "177.83", "1", "0.40", "dB"]
    assert bank == lti.octave_bank(fs=48_000, low_hz=125, high_hz=1000)
    thirds = lti.octave_bank(fs=8000, fraction=3, low_hz=1000, high_hz=1000)
    assert repr(thirds).startswith("OctaveBank(1 1/3-octave band, 1000 to 1000 Hz, 8000 Hz, class")


# --- octaves: classes -----------------------------------------------------------------------------

# IEC 61260-1:2014, table 1, as printed: exponent of G, then least and greatest attenuation
TABLE = {
    1: [
        (0, -0.4, 0.4), (1 / 8, -0.4, 0.5), (1 / 4, -0.4, 0.7), (3 / 8, -0.4, 1.4),
        (0.5 - 1e-9, -0.4, 5.3), (0.5 + 1e-9, 1.2, np.inf), (1, 16.6, np.inf), (2, 40.5, np.inf),
        (3, 60, np.inf), (4, 70, np.inf), (9, 70, np.inf),
    ],
    2: [
        (0, -0.6, 0.6), (1 / 8, -0.6, 0.7), (1 / 4, -0.6, 0.9), (3 / 8, -0.6, 1.7),
        (0.5 - 1e-9, -0.6, 5.8), (0.5 + 1e-9, 0.8, np.inf), (1, 15.6, np.inf), (2, 39.5, np.inf),
        (3, 54, np.inf), (4, 60, np.inf), (9, 60, np.inf),
    ],
}  # fmt: skip


def keeps(band: Any, fraction: int, iec_class: int, fs: float) -> bool:
    """Whether a band keeps table 1, looked at much more closely than the bank does."""
    exponent, least, greatest = np.array(TABLE[iec_class]).T
    scale = (G ** (0.5 / fraction) - 1) / (G**0.5 - 1)
    places = np.log(1 + scale * (G**exponent - 1))
    f = np.geomspace(band.center_hz / 2000, fs / 2, 20_000)
    f = np.append(f, np.geomspace(band.low_hz * 0.98, band.high_hz * 1.02, 4000))
    f = f[f <= fs / 2]
    distance = np.abs(np.log(f / band.center_hz))
    attenuation = -db(response(band.system, f))
    low = np.interp(distance, places, least)
    high = np.interp(distance, places, np.where(np.isinf(greatest), 1e9, greatest))
    high[distance > places[4]] = np.inf
    return bool(((attenuation >= low) & (attenuation <= high)).all())


@pytest.mark.parametrize("fs", [44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("fraction", [1, 3])
def test_class_1_up_to_the_last_band_that_fits(fraction: int, fs: float) -> None:
    bank = lti.octave_bank(fs=fs, fraction=fraction)
    top = {1: {44_100: "8000"}, 3: {44_100: "16000"}}[fraction].get(
        int(fs), {1: "16000", 3: "20000"}[fraction]
    )
    assert bank[-1].label == top
    assert bank.iec_class == 1
    for band in bank:
        assert band.iec_class == 1
        assert 0 <= band.margin_db <= 0.4
        assert keeps(band, fraction, 1, fs), band
        assert band.system.stable
        edges = db(response(band.system, [band.low_hz, band.center_hz, band.high_hz]))
        assert edges[[0, 2]] == pytest.approx([-3.0103] * 2, abs=1e-4)
        assert -0.4 <= edges[1] <= 1e-9


@pytest.mark.parametrize(
    ("fs", "fraction", "order"),
    [(44_100, 1, 3), (44_800, 1, 3), (48_000, 1, 3), (48_000, 3, 3), (48_000, 3, 2), (48_000, 1, 1),
     (44_800, 3, 4), (45_000, 3, 4), (44_777, 1, 2), (96_000, 6, 3), (48_000, 12, 3)],
)  # fmt: skip
def test_verdicts_are_honest_near_half_the_rate(fs: float, fraction: int, order: int) -> None:
    bank = lti.octave_bank(fs=fs, fraction=fraction, order=order, low_hz=1000)
    for band in bank:
        margin = abs(band.margin_db)
        if margin > 1e-3:  # a closer look may decide what is as close as this
            assert keeps(band, fraction, 1, fs) == (band.iec_class == 1), band
        if band.iec_class != 1:
            assert keeps(band, fraction, 2, fs) == (band.iec_class == 2), band
    verdicts = [band.iec_class for band in bank]
    assert bank.iec_class == (None if None in verdicts else max(v for v in verdicts if v))


def test_all_three_verdicts_occur() -> None:
    found = {band.iec_class for band in lti.octave_bank(fs=48_000, fraction=3, order=3)}
    assert found == {1, 2, None}
    bank = lti.octave_bank(fs=48_000, fraction=3, order=3)
    assert bank.iec_class is None
    assert "no class of IEC" in repr(bank)
    assert " none " in str(bank)
    assert lti.octave_bank(fs=48_000, order=1, high_hz=2000).iec_class is None


def test_very_low_bands_at_high_rates() -> None:
    fs = 192_000
    bank = lti.octave_bank(fs=fs, fraction=3, low_hz=1, high_hz=20)
    assert [b.label for b in bank][:3] == ["1", "1.25", "1.6"]
    assert bank.iec_class == 1
    for band in bank:
        # the formula of the Butterworth band-pass, in warped frequencies
        w = np.tan(np.pi / fs * band.center_hz * 10.0 ** np.linspace(-0.4, 0.4, 161))
        low, high = np.tan(np.pi / fs * np.array([band.low_hz, band.high_hz]))
        wanted = -10 * np.log10(1 + ((w**2 - low * high) / (w * (high - low))) ** 8)
        got = db(response(band.system, np.arctan(w) * fs / np.pi))
        assert np.abs(got - wanted).max() <= 0.01


def test_power_of_white_noise_is_found_in_its_bands() -> None:
    x = lti.noise(1 << 17, seed=2)
    for band in lti.octave_bank(fs=48_000, low_hz=250):
        # a Butterworth of order n passes (pi / 2 n) / sin(pi / 2 n) of its width, 1.026 for 4, as
        # far as the transform leaves its shape alone; the mean of B T values errs by 1 / sqrt(B T)
        share = (band.high_hz - band.low_hz) / 24_000
        power = np.mean(band.system(x, tail=False) ** 2)
        spread = 1 / np.sqrt((band.high_hz - band.low_hz) * x.size / 48_000)
        assert power / share == pytest.approx(1.026, abs=5 * spread + 0.05)


def test_pyfar_has_the_same_bands_and_verdict() -> None:
    filters = pytest.importorskip("pyfar.dsp.filter")
    for fraction in (1, 3):
        limits = (63.0, 4000.0)
        bank = lti.octave_bank(
            fs=44_100, fraction=fraction, low_hz=limits[0], high_hz=limits[1], order=6
        )
        theirs = filters.fractional_octave_bands(
            None, fraction, sampling_rate=44_100, frequency_range=limits, order=6
        )
        assert len(theirs.coefficients) == len(bank)
        for band, sos in zip(bank, theirs.coefficients, strict=True):
            f = band.center_hz * 10.0 ** np.linspace(-0.5, 0.5, 101)
            f = f[f < 22_000]
            _, wanted = signal.freqz_sos(sos, f, fs=44_100)
            assert np.abs(response(band.system, f) - wanted).max() <= 1e-6
        assert bank.iec_class == 1
        assert filters.check_fractional_octave_band_filter_tolerance(
            theirs, fraction, limits, 1, n_samples=1 << 16
        )


def test_band_as_shipped() -> None:
    for fs in RATES:
        band = lti.octave_bank(fs=fs, low_hz=1000, high_hz=1000)[0]
        c = band.center_hz
        mask = [
            (0, c * G**-3, None, -60),
            (c * G**-0.25, c * G**0.25, -0.7, 0.4),
            (c * G, c * G**2, None, -16.6),
            (c * G**3, fs / 2, None, -60),
        ]
        assert lti.verify_response(band.system, mask)


# --- both -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        "crossover(2000, fs=48_000)[0]",
        "crossover(2000, fs=48_000)[1]",
        "crossover(3000, fs=44_100, order=2)[1]",
        "octave_bank(fs=48_000, low_hz=4000, high_hz=4000)[0].system",
    ],
)
def test_check_finds_no_fault(call: str) -> None:
    report = lti.check(eval(f"lti.{call}"), trials=20)
    assert report, report


ERRORS = """
lti.crossover(1000, fs=48000, order=3)
    ValueError: order=3 must be even: two filters of half the order; take 2 or 4
lti.crossover(1000, fs=48000, order=1)
    ValueError: order=1 must be an integer >= 2
lti.crossover(24000, fs=48000)
    ValueError: cutoff_hz=24000 must be < 24000 (fs / 2) in Hz; frames at fs=48000 hold nothing
        above that
lti.crossover(0, fs=48000)
    ValueError: cutoff_hz=0 must be a finite number > 0 in Hz
lti.crossover(1000, fs=48000, order=500)
    ValueError: order=500 must be <= 270 at 1000 Hz and fs=48000: sections of order 272 may add
        rounding errors of -89 dB
lti.crossover(1e-9, fs=192000)
    ValueError: cutoff_hz=1e-09 is too close to 0 or fs / 2 for double precision at fs=192000:
        sections of order 4 leave double precision; lower fs or move it
lti.octave_bank(fs=44100, high_hz=16000)
    ValueError: high_hz=16000 must be <= 8000 in Hz at fs=44100: the band at 16000 Hz ends at 22387
        Hz, beyond fs / 2; None takes those that fit
lti.octave_bank(fs=8000, low_hz=4000, high_hz=8000)
    ValueError: high_hz=8000 leaves no band at fs=8000: the band at 4000 Hz ends at 5623 Hz, beyond
        fs / 2; None takes those that fit
lti.octave_bank(fs=48000, low_hz=1000, high_hz=500)
    ValueError: low_hz=1000 and high_hz=500 hold no band of 1/1 octave that ends below fs / 2; got
        fs=48000
lti.octave_bank(fs=48000, low_hz=0)
    ValueError: low_hz=0 must be a finite number > 0 in Hz
lti.octave_bank(fs=48000, fraction=25)
    ValueError: fraction=25 must be an integer from 1 to 24
lti.octave_bank(fs=48000, fraction=1.5)
    TypeError: fraction=1.5 must be an integer >= 1
lti.octave_bank(fs=48000, low_hz=1000, order=300)
    ValueError: order=300 must be <= 87 for the band at 1000 Hz and fs=48000: sections of order 88
        may add rounding errors of -89 dB
lti.octave_bank(fs=192000, low_hz=1e-9)
    ValueError: low_hz must be >= 0.44 in Hz for order=4 and fs=192000; got a band at 1e-09 Hz,
        whose sections have a pole at radius 1, on the unit circle or beyond
"""


def rows(table: str) -> list[tuple[str, str]]:
    """Return (call, "Exception: sentence")."""
    parts = re.split(r"^(?=lti\.)", table, flags=re.MULTILINE)[1:]
    return [(p.partition("\n")[0], " ".join(p.partition("\n")[2].split())) for p in parts]


@pytest.mark.parametrize(("call", "wanted"), rows(ERRORS))
def test_sentence(call: str, wanted: str) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        eval(call, {"lti": lti})
    assert f"{type(caught.value).__name__}: {caught.value}" == wanted
