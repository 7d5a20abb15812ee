"""Gain and delay: exact where they can be, and as near as they say where not"""

import re
from typing import Any

import numpy as np
import pytest

import ltisys as lti

# --- gain -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("g", [0, 1, -2.5, 1e-12, 1e12, np.float32(0.1), np.int16(3), 1 - 2j])
def test_gain_is_one_tap(g: Any) -> None:
    system = lti.gain(g)
    assert isinstance(system, lti.FIR)
    assert system.h.shape == (1,)
    assert system.h[0] == g
    assert system.fs is None
    assert system.taps == 1
    assert system.latency == 0


@pytest.mark.parametrize(("db", "g"), [(0, 1.0), (20, 10.0), (-20, 0.1), (-6, 0.5011872336272722)])
def test_gain_in_decibels(db: float, g: float) -> None:
    assert lti.gain(db=db).h[0] == pytest.approx(g, rel=1e-15)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: lti.gain(), TypeError, "give either g or db; got g=None, db=None"),
        (lambda: lti.gain(1, db=2), TypeError, "give either g or db; got g=1, db=2"),
        (lambda: lti.gain(db="loud"), TypeError, "db='loud' must be a finite number"),
        (lambda: lti.gain(db=np.inf), ValueError, "db=inf must be a finite number"),
        (lambda: lti.delay(-1), ValueError, "frames=-1 must be an integer >= 0"),
        (lambda: lti.delay(-0.5), ValueError, "frames=-0.5 must be a finite number >= 0"),
        (lambda: lti.delay(np.nan), ValueError, "frames=nan must be a finite number >= 0"),
        (lambda: lti.delay(np.inf), ValueError, "frames=inf must be a finite number >= 0"),
        (lambda: lti.delay("long"), TypeError, "frames='long' must be a finite number >= 0"),
        (lambda: lti.delay(1, fs=-1), ValueError, "fs=-1 must be a finite number > 0 in Hz"),
    ],
)
def test_errors(call: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(sentence)}$"):
        call()


# --- delay ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("frames", [0, 1, 2, 3.0, np.int64(7), np.float32(11), 48_000])
def test_whole_frames_are_exact(frames: Any) -> None:
    system = lti.delay(frames, fs=48_000)
    assert system.fs == 48_000
    assert system.taps == int(frames) + 1
    assert system.lead == int(frames)
    x = np.random.default_rng(0).standard_normal((2, 50)).astype(np.float32)
    y = system(x)
    assert y.dtype == np.float32
    assert np.array_equal(y[:, int(frames) :], x)
    assert not y[:, : int(frames)].any()


EDGES = (0.2, 0.3, 0.4, 0.45)
# the worst error in dB from 0 up to so many parts of the sample rate, as the docstring has it
TABLE = {
    0.5: (2, (-14, -7, -3, -1)),
    2.5: (6, (-36, -18, -6, -2)),
    8.5: (18, (-56, -54, -51, -13)),
    16.5: (34, (-102, -98, -92, -21)),
    32.5: (65, (-103, -101, -98, -92)),
}


def worst(frames: float) -> list[float]:
    """Measure |H(f) - exp(-2 pi i f frames)|, in dB, at its largest from 0 up to each edge."""
    cycles = np.linspace(0, 0.45, 901)
    response = lti.delay(frames).frequency_response(cycles)[1]
    error = np.abs(response - np.exp(-2j * np.pi * cycles * frames))
    return [float(20 * np.log10(error[cycles <= edge + 1e-9].max())) for edge in EDGES]


@pytest.mark.parametrize("frames", TABLE)
def test_parts_of_a_frame_are_as_near_as_the_table_says(frames: float) -> None:
    taps, limits = TABLE[frames]
    assert lti.delay(frames).taps == taps
    for measured, limit in zip(worst(frames), limits, strict=True):
        assert limit - 1 - 1e-9 <= measured <= limit + 1e-9
    written = " ".join((lti.delay.__doc__ or "").split())
    assert " ".join(map(str, (frames, taps, *limits))) in written


@pytest.mark.parametrize("whole", [0, 2, 7, 8, 16, 31, 100])
def test_half_a_frame_is_the_worst_part(whole: int) -> None:
    half = worst(whole + 0.5)
    for part in (1e-6, 0.1, 0.25, 0.4, 0.6, 0.9, 1 - 1e-6):
        assert all(np.array(worst(whole + part)) <= np.array(half) + 0.3)


@pytest.mark.parametrize("frames", [0.5, 3.25, 8.1, 40.25, 1000.75])
def test_a_delayed_tone_is_the_tone_delayed(frames: float) -> None:
    n = np.arange(3000)
    y = lti.delay(frames)(np.cos(2 * np.pi * 0.01 * n))
    want = np.cos(2 * np.pi * 0.01 * (np.arange(len(y)) - frames))
    middle = slice(1100, 2900)
    assert np.abs(y - want)[middle].max() < 10 ** (worst(frames)[0] / 20)


@pytest.mark.parametrize("frames", [1e-9, 0.5, 2.3, 7.999, 8.001, 55.5, 500.1])
def test_a_constant_stays_a_constant(frames: float) -> None:
    h = lti.delay(frames).h
    assert h.sum() == pytest.approx(1.0, abs=4e-15)
    assert np.isfinite(h).all()
    assert h.dtype == np.float64


def test_halves_of_a_delay_make_the_whole() -> None:
    twice = lti.delay(40.5) >> lti.delay(40.5)
    cycles = np.linspace(0, 0.4, 101)
    gap = twice.frequency_response(cycles)[1] - lti.delay(81).frequency_response(cycles)[1]
    assert np.abs(gap).max() < 2.1 * 10 ** (-98 / 20)
