"""A and C against the tolerances of IEC 61672-1:2013, K against the tables of BS.1770"""

import re
from typing import Any

import numpy as np
import pytest
from scipy import signal

import ltisys as lti
from ltisys import weightings

RATES = (44_100, 48_000, 96_000)

# IEC 61672-1:2013, table 3: nominal frequency, A and C in dB, class 1 acceptance limits
TABLE_3 = np.array([
    (10, -70.4, -14.3, 3.0, -np.inf), (12.5, -63.4, -11.2, 2.5, -np.inf),
    (16, -56.7, -8.5, 2.0, -4.0), (20, -50.5, -6.2, 2.0, -2.0), (25, -44.7, -4.4, 2.0, -1.5),
    (31.5, -39.4, -3.0, 1.5, -1.5), (40, -34.6, -2.0, 1.0, -1.0), (50, -30.2, -1.3, 1.0, -1.0),
    (63, -26.2, -0.8, 1.0, -1.0), (80, -22.5, -0.5, 1.0, -1.0), (100, -19.1, -0.3, 1.0, -1.0),
    (125, -16.1, -0.2, 1.0, -1.0), (160, -13.4, -0.1, 1.0, -1.0), (200, -10.9, 0.0, 1.0, -1.0),
    (250, -8.6, 0.0, 1.0, -1.0), (315, -6.6, 0.0, 1.0, -1.0), (400, -4.8, 0.0, 1.0, -1.0),
    (500, -3.2, 0.0, 1.0, -1.0), (630, -1.9, 0.0, 1.0, -1.0), (800, -0.8, 0.0, 1.0, -1.0),
    (1000, 0.0, 0.0, 0.7, -0.7), (1250, 0.6, 0.0, 1.0, -1.0), (1600, 1.0, -0.1, 1.0, -1.0),
    (2000, 1.2, -0.2, 1.0, -1.0), (2500, 1.3, -0.3, 1.0, -1.0), (3150, 1.2, -0.5, 1.0, -1.0),
    (4000, 1.0, -0.8, 1.0, -1.0), (5000, 0.5, -1.3, 1.5, -1.5), (6300, -0.1, -2.0, 1.5, -2.0),
    (8000, -1.1, -3.0, 1.5, -2.5), (10000, -2.5, -4.4, 2.0, -3.0),
    (12500, -4.3, -6.2, 2.0, -5.0), (16000, -6.6, -8.5, 2.5, -16.0),
    (20000, -9.3, -11.2, 3.0, -np.inf),
])  # fmt: skip
EXACT = 1000 * 10.0 ** (np.arange(-20, 14) / 10)
"""The frequencies that the nominal ones stand for."""


def response(system: lti.System, freqs_hz: Any) -> np.ndarray:
    freqs, found = system.frequency_response(freqs_hz)
    assert found.shape == freqs.shape
    assert found.dtype == np.complex128
    return found


def db(values: Any) -> np.ndarray:
    return 20 * np.log10(np.maximum(np.abs(values), 1e-20))


def curve_db(name: str, f: np.ndarray) -> np.ndarray:
    """IEC 61672-1:2013, annex E, with the rounded frequencies that everybody quotes."""
    f1, f2, f3, f4 = 20.598997, 107.65265, 737.86223, 12194.217
    h = f4**2 * f**2 / ((f**2 + f1**2) * (f**2 + f4**2))
    if name == "A":
        return 20 * np.log10(h * f**2 / np.sqrt((f**2 + f2**2) * (f**2 + f3**2))) + 2.0
    return 20 * np.log10(h) + 0.0619


DESIGNS = {"A": lti.a_weighting, "C": lti.c_weighting}


@pytest.mark.parametrize("name", DESIGNS)
def test_the_goal_is_the_table(name: str) -> None:
    column = {"A": 1, "C": 2}[name]
    # printed to a tenth of a decibel
    assert np.abs(curve_db(name, EXACT) - TABLE_3[:, column]).max() <= 0.0501
    assert np.abs(EXACT / TABLE_3[:, 0] - 1).max() < 0.02


@pytest.mark.parametrize("fs", [44_100, 48_000, 88_200, 96_000, 192_000])
@pytest.mark.parametrize("name", DESIGNS)
def test_class_1_from_10_hz_to_20_khz(name: str, fs: float) -> None:
    system = DESIGNS[name](fs=fs)
    assert isinstance(system, lti.IIR)
    assert system.fs == fs
    assert system.stable
    assert system.sos.shape == ({"A": 4, "C": 3}[name], 6)
    assert db(response(system, [1000]))[0] == pytest.approx(0, abs=1e-9)
    f = np.geomspace(10, 20_000, 4000)
    error = db(response(system, f)) - curve_db(name, f)
    # between two nominal frequencies the tighter of their limits: more than the standard asks
    after = np.clip(np.searchsorted(EXACT, f), 1, EXACT.size - 1)
    most = np.minimum(TABLE_3[after, 3], TABLE_3[after - 1, 3])
    least = np.maximum(TABLE_3[after, 4], TABLE_3[after - 1, 4])
    assert (error <= most).all()
    assert (error >= least).all()
    # and what the docstring promises
    worst = {44_100: 0.095, 48_000: 0.06}.get(int(fs), 0.01)
    assert np.abs(error).max() <= worst


@pytest.mark.parametrize("fs", [2600, 4000, 8000, 11_025, 16_000, 22_050, 32_000, 500_000, 1e6])
@pytest.mark.parametrize("name", DESIGNS)
def test_other_rates(name: str, fs: float) -> None:
    system = DESIGNS[name](fs=fs)
    assert system.stable
    f = np.geomspace(10, min(20_000, 0.9 * fs / 2), 1000)
    assert np.abs(db(response(system, f)) - curve_db(name, f)).max() <= 0.1
    assert db(response(system, [1000]))[0] == pytest.approx(0, abs=1e-9)
    assert response(system, [0])[0] == 0


def test_the_bilinear_transform_would_fall_too_early() -> None:
    """Why the match: the same poles by the usual transform are 3.5 dB low at 12.5 kHz already."""
    low = [weightings.F_1] * 2 + [weightings.F_2, weightings.F_3]
    p = -2 * np.pi * np.array([*low, weightings.F_4, weightings.F_4])
    sos = signal.zpk2sos(*signal.bilinear_zpk(np.zeros(4), p, 1.0, 44_100))
    f = EXACT[[-3, -2, 20]]
    found = db(signal.freqz_sos(sos, f, fs=44_100)[1])
    error = found[:2] - found[2] - curve_db("A", f[:2])
    assert error == pytest.approx([-3.46, -8.21], abs=0.01)
    matched = db(response(lti.a_weighting(fs=44_100), f[:2])) - curve_db("A", f[:2])
    assert np.abs(matched).max() < 0.07


def test_pyfar_has_the_same_curve() -> None:
    constants = pytest.importorskip("pyfar.constants")
    f = np.geomspace(10, 20_000, 100)
    for name, design in DESIGNS.items():
        wanted = constants.frequency_weighting_curve(name, f)
        assert np.abs(db(response(design(fs=96_000), f)) - wanted).max() <= 0.02


def test_weightings_as_shipped() -> None:
    for fs in RATES:
        mask: list[tuple[float, float, float | None, float]] = [(0, 0, None, -120)]
        for (_, a, _, most, least), f in zip(TABLE_3, EXACT, strict=True):
            if 100 < f < 18_000:
                mask.append((f, f, a + least, a + most))
        assert lti.verify_response(lti.a_weighting(fs=fs), mask)
        assert lti.verify_response(lti.c_weighting(fs=fs), [(100, 3000, -0.6, 0.1)])
        assert lti.verify_response(lti.k_weighting(fs=fs), [(997, 997, 0.68, 0.7)])


# --- K --------------------------------------------------------------------------------------------

# ITU-R BS.1770-4, annex 1, tables 1 and 2
SHELF = (1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241,
         0.73248077421585)  # fmt: skip
PASS = (1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621)


def test_k_at_48_khz_is_the_table_digit_for_digit() -> None:
    system = lti.k_weighting(fs=48_000)
    assert isinstance(system, lti.IIR)
    assert system.sos.tolist() == [list(SHELF), list(PASS)]
    assert system.fs == 48_000
    assert system == lti.k_weighting(fs=48_000.0)
    # -0.691 dB in the formula of loudness is what 997 Hz is raised by
    assert db(response(system, [997]))[0] == pytest.approx(0.691, abs=2e-3)


def test_k_is_derived_within_the_digits_of_the_table() -> None:
    assert np.abs(weightings._derived(48_000) - np.array([SHELF, PASS])).max() <= 1e-10


@pytest.mark.parametrize("fs", [8000, 16_000, 32_000, 44_100, 88_200, 96_000, 192_000, 384_000])
def test_k_has_one_response_at_all_rates(fs: float) -> None:
    system = lti.k_weighting(fs=fs)
    assert system.sos.shape == (2, 6)
    assert system.stable
    # the same analogue filters: compare where tan(pi f / fs) says that they meet, for each of the
    # two, which are exact at frequencies of their own
    for section, table, f0 in zip(
        system.sos,
        (SHELF, PASS),
        (weightings.SHELF_HZ, weightings.PASS_HZ),
        strict=True,
    ):
        w = np.tan(np.pi * f0 / fs) * 2.0 ** np.arange(-8, 3.1, 0.5)
        f = np.arctan(w) * fs / np.pi
        f_48 = np.arctan(w / np.tan(np.pi * f0 / fs) * np.tan(np.pi * f0 / 48_000)) * 48_000 / np.pi
        got = signal.freqz(section[:3], section[3:], f, fs=fs)[1]
        wanted = signal.freqz(table[:3], table[3:], f_48, fs=48_000)[1]
        assert np.abs(got - wanted).max() <= 1e-9
    # and so the same levels: the shelf is squeezed below fs / 2, by the square of f0 / fs
    f = np.geomspace(10, min(20_000, 0.45 * fs), 200)
    departure = np.abs(db(response(system, f)) - db(response(lti.k_weighting(fs=48_000), f)))
    assert departure.max() <= 0.3 * abs((8000 / fs) ** 2 - (8000 / 48_000) ** 2) + 1e-4


def test_pyloudnorm_has_the_same_k_weighting() -> None:
    iirfilter = pytest.importorskip("pyloudnorm.iirfilter")
    for fs in (44_100, 48_000, 96_000, 192_000):
        f = np.geomspace(20, 20_000, 100)
        wanted = np.zeros(f.shape)
        for kind, gain, q, f0 in (
            ("high_shelf_DeMan", weightings.SHELF_DB, weightings.SHELF_Q, weightings.SHELF_HZ),
            ("high_pass_DeMan", 0.0, weightings.PASS_Q, weightings.PASS_HZ),
        ):
            their = iirfilter.IIRfilter(gain, q, f0, fs, kind)
            wanted += db(signal.freqz(their.b, their.a, f, fs=fs)[1])
        # theirs keeps (1, -2, 1) at all rates, without the gain of the bilinear transform
        K, K_48 = (np.tan(np.pi * weightings.PASS_HZ / rate) for rate in (fs, 48_000))
        gain_db = db([1 + k / weightings.PASS_Q + k * k for k in (K_48, K)])
        found = db(response(lti.k_weighting(fs=fs), f))
        assert np.abs(found - wanted - (gain_db[0] - gain_db[1])).max() <= 1e-6
        assert abs(gain_db[0] - gain_db[1]) <= 0.035


# --- all ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("design", [lti.a_weighting, lti.c_weighting, lti.k_weighting])
def test_check_finds_no_fault(design: Any) -> None:
    report = lti.check(design(fs=8000), trials=20)
    assert report, report


ERRORS = """
lti.a_weighting(fs=2500)
    ValueError: fs=2500 must be a finite number > 2500 in Hz (0 dB at 1 kHz is what defines it)
lti.c_weighting(fs="48k")
    TypeError: fs='48k' must be a finite number > 2500 in Hz (0 dB at 1 kHz is what defines it)
lti.k_weighting(fs=3000)
    ValueError: fs=3000 must be a finite number > 3400 in Hz (the shelf is at 1682 Hz)
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


def test_a_rate_beyond_double_precision_is_refused() -> None:
    for design in DESIGNS.values():
        with pytest.raises(ValueError, match=r"^fs=1e\+10 is too high for double precision: "):
            design(fs=1e10)
