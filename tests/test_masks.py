"""Masks: what is measured through a stream is what the coefficients say, and nothing is missed"""

import json
import math
from typing import Any

import numpy as np
import pytest
from scipy import signal

import ltisys as lti
from ltisys import masks
from ltisys.elements import delay, gain
from ltisys.errors import MismatchError
from ltisys.fir import FIR
from ltisys.iir import IIR
from ltisys.loops import feedback
from ltisys.masks import BandReport, ResponseReport, verify_response

RATES = [None, 44_100.0, 48_000.0, 96_000.0]
U32 = 2.0**-24


def exact(h: np.ndarray, cycles: np.ndarray) -> np.ndarray:
    """|H| by definition, by blocks of frequencies."""
    n = np.arange(h.shape[-1])
    blocks = [np.exp(-2j * np.pi * np.outer(n, part)) for part in np.array_split(cycles, 64)]
    return np.concatenate([np.abs(h @ block) for block in blocks], axis=-1)


def db(x: Any) -> Any:
    return 20 * np.log10(x)


# --- against closed forms -------------------------------------------------------------------------


@pytest.mark.parametrize("fs", RATES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_mean_of_two_is_a_cosine(fs: float | None, dtype: str) -> None:
    top = 0.5 if fs is None else fs / 2
    low, high = 0.1 * top, 0.7 * top
    report = verify_response(FIR([0.5, 0.5], fs=fs), [(low, high, -8, 0)], dtype=dtype)
    (band,) = report.bands
    assert isinstance(report, ResponseReport)
    assert isinstance(band, BandReport)
    assert report
    assert (report.fs, report.dtype, report.block_size, report.frames) == (fs, dtype, 256, 2)
    # |H| = cos(pi f / fs) falls all the way: halves are exact in single precision too
    for level, freq, edge in (
        (band.highest_db, band.highest_hz, low),
        (band.lowest_db, band.lowest_hz, high),
    ):
        assert freq == pytest.approx(edge, rel=1e-12)
        assert level == pytest.approx(db(math.cos(math.pi / 2 * edge / top)), abs=1e-12)
    assert band.margin_db == pytest.approx(min(-band.highest_db, band.lowest_db + 8), abs=1e-12)
    assert band.unit == ("cycles a frame" if fs is None else "Hz")
    assert (band.lowest_row, band.highest_row) == ((), ())


@pytest.mark.parametrize("fs", RATES[1:])
@pytest.mark.parametrize("part", [0.0005, 0.02, 0.5, 0.97])  # of fs / 2
@pytest.mark.parametrize("order", [1, 4, 7])
def test_butterworth_keeps_the_mask_it_touches(fs: float, part: float, order: int) -> None:
    cutoff = part * fs / 2
    system = IIR(signal.butter(order, cutoff, fs=fs, output="sos"), fs=fs)
    half = 10 * math.log10(2)
    mask = [(0, cutoff, -half, 0), (cutoff, fs / 2, None, -half)]
    report = verify_response(system, mask)
    assert report, str(report)
    passed, stopped = report.bands
    # the response is summed in single precision and ends 180 dB down
    assert passed.lowest_db == pytest.approx(-half, abs=masks.TOUCH_DB)
    assert passed.highest_db == pytest.approx(0, abs=masks.TOUCH_DB)
    assert stopped.highest_db == pytest.approx(-half, abs=masks.TOUCH_DB)
    assert stopped.highest_hz == pytest.approx(cutoff)
    tighter = verify_response(system, [(0, cutoff, 0.001 - half, 0)])
    assert not tighter
    assert tighter.failures == tighter.bands
    assert tighter.margin_db == pytest.approx(-0.001, abs=masks.TOUCH_DB)


@pytest.mark.parametrize("frames", [1, 7, 480])
@pytest.mark.parametrize("g", [0.5, -0.9])
def test_a_comb_has_its_peaks_and_troughs(frames: int, g: float) -> None:
    comb = feedback(gain(1.0), -g * delay(frames))
    high, low = -db(1 - abs(g)), -db(1 + abs(g))
    report = verify_response(comb, [(0, 0.5, low, high)])
    assert report, str(report)
    (band,) = report.bands
    assert band.highest_db == pytest.approx(high, abs=masks.TOUCH_DB)
    assert band.lowest_db == pytest.approx(low, abs=masks.TOUCH_DB)
    assert not verify_response(comb, [(0, 0.5, low, high - 0.001)])
    assert not verify_response(comb, [(0, 0.5, low + 0.001, high)])


def test_series_and_sums_are_measured_too() -> None:
    fs = 48_000.0
    low, high = (IIR(signal.butter(2, 1000, kind, fs=fs, output="sos"), fs=fs)
                 for kind in ("lowpass", "highpass"))  # fmt: skip
    # Linkwitz-Riley of order 4: both halves twice, and their sum is an all-pass
    flat = (low >> low) + (high >> high)
    assert verify_response(flat, [(0, fs / 2, -1e-4, 1e-4)])
    assert verify_response(flat >> FIR([0.5, 0.5]), [(0, 6000, db(math.cos(math.pi / 8)), 0)])


# --- nothing is missed ----------------------------------------------------------------------------


@pytest.mark.parametrize("taps", [1, 2, 3, 17, 100, 401])
@pytest.mark.parametrize("seed", range(3))
def test_random_responses_are_bracketed(taps: int, seed: int) -> None:
    rng = np.random.default_rng([taps, seed])
    h = rng.standard_normal(taps) * np.exp(-np.arange(taps) * rng.uniform(0, 8) / taps)
    low, high = sorted(rng.uniform(0, 0.5, 2))
    levels = exact(h, np.linspace(low, high, 20_001))
    # its own levels as limits: then both are kept and the bound of what lies between is given
    peak, trough = db(levels.max()), db(levels.min())
    report = verify_response(FIR(h), [(low, high, trough - 1, peak + 1)], dtype="float64")
    (band,) = report.bands
    assert band.highest_db >= peak - 1e-9
    assert band.lowest_db <= trough + 1e-9
    assert 0 <= band.between_db < 0.1
    for level, freq in ((band.highest_db, band.highest_hz), (band.lowest_db, band.lowest_hz)):
        assert low <= freq <= high
        assert level == pytest.approx(float(db(exact(h, np.array([freq] * 64))[0])), abs=1e-9)


def test_the_bound_holds_where_nothing_is_looked_at_closely(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With few points and no zoom the truth still lies inside the bound, and uses much of it."""
    monkeypatch.setattr(masks, "CURVE", 0.02)
    monkeypatch.setattr(masks, "LEAST_POINTS", 16)
    monkeypatch.setattr("ltisys.curves.ZOOMS", 0)
    used = []
    for seed in range(8):
        h = np.random.default_rng(seed).standard_normal(60)
        levels = exact(h, np.linspace(0.1, 0.4, 10_001))
        mask = [(0.1, 0.4, -200, 200)]
        (band,) = verify_response(FIR(h), mask, dtype="float64").bands
        above, below = db(levels.max()) - band.highest_db, band.lowest_db - db(levels.min())
        assert max(above, below) <= band.between_db
        used.append(max(above, below) / band.between_db)
    assert max(used) > 0.05  # a bound a thousand times too large would be none


@pytest.mark.parametrize("radius", [0.9, 0.999, 0.9999])
def test_a_resonance_is_found_at_its_top(radius: float) -> None:
    fs, at = 48_000.0, 1234.5
    a = [1.0, -2 * radius * math.cos(2 * math.pi * at / fs), radius**2]
    near = at + np.linspace(-1, 1, 20_001) * fs * (1 - radius)
    top = np.abs(signal.freqz([1.0], a, near, fs=fs)[1]).max()
    system = IIR.from_ba([1.0], a, fs=fs)
    (band,) = verify_response(system, [(0, fs / 2, None, 200)], dtype="float64").bands
    assert band.highest_db == pytest.approx(db(top), abs=1e-6)
    assert band.highest_hz == pytest.approx(at, abs=0.5 * fs * (1 - radius))


def test_a_band_of_one_frequency() -> None:
    notch = IIR(signal.tf2sos(*signal.iirnotch(1000, 30, fs=48_000)), fs=48_000)
    report = verify_response(notch, [(1000, 1000, None, -120), (0, 0, -0.001, 0.001)])
    assert report, str(report)
    (band, _) = report.bands
    assert band.highest_hz == band.lowest_hz == 1000
    assert band.highest_db == band.lowest_db


# --- what is shipped ------------------------------------------------------------------------------


class Faulty(FIR):
    """A response whose stream forgets the tap at frame 700: a partition done wrong."""

    def stream(self, **settings: Any) -> Any:
        h = self.h.copy()
        h[..., 700] = 0
        return FIR(h, fs=self.fs).stream(**settings)


def test_a_fault_of_the_stream_is_seen() -> None:
    h = signal.firwin(1001, 4000, fs=48_000, window=("kaiser", 8))
    mask = [(0, 3800, -0.01, 0.01), (4300, 24_000, None, -75)]
    good = verify_response(FIR(h, fs=48_000), mask)
    assert good, str(good)
    # each tap is rounded, and the sums of the transforms, some log2 units
    limit = db(20 * U32 * math.log2(2048) * np.abs(h).sum())
    assert -200 < good.noise_floor_db < limit
    bad = verify_response(Faulty(h, fs=48_000), mask)
    assert not bad
    assert bad.noise_floor_db == pytest.approx(db(abs(h[700])), abs=0.1)
    assert len(bad.failures) == 1


def test_blocks_and_the_end_are_both_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    push, flush = lti.Stream.push, lti.Stream.flush

    def noted_push(stream: Any, block: Any) -> Any:
        calls.append("push")
        return push(stream, block)

    def noted_flush(stream: Any) -> Any:
        calls.append("flush")
        return flush(stream)

    monkeypatch.setattr(lti.Stream, "push", noted_push)
    monkeypatch.setattr(lti.Stream, "flush", noted_flush)
    verify_response(FIR(signal.firwin(1000, 0.5)), [(0, 0.1, -1, 1)], block_size=100)
    assert calls == ["push"] * 6 + ["flush"]  # the impulse, half of the response, the rest


@pytest.mark.parametrize("block_size", [None, 1, 100, 256, 4096])
def test_any_block_size_measures_the_same(block_size: int | None) -> None:
    h = signal.firwin(401, 0.2, fs=1.0) + 0.001
    want = db(exact(h, np.linspace(0, 0.15, 4001)).max())
    report = verify_response(FIR(h), [(0, 0.15, None, 3)], block_size=block_size)
    assert report.block_size == (block_size or 256)
    assert report.frames == 401
    assert report.bands[0].highest_db == pytest.approx(want, abs=1e-4)


def test_precision_shows_in_the_noise_floor() -> None:
    h = signal.firwin(801, 0.2, fs=1.0, window=("kaiser", 14))
    mask = [(0.22, 0.5, None, -130)]
    single, double = (verify_response(FIR(h), mask, dtype=d) for d in ("float32", "float64"))
    assert double.noise_floor_db < -280
    assert -170 < single.noise_floor_db < -120
    assert double.bands[0].highest_db == pytest.approx(
        db(exact(h, np.linspace(0.22, 0.3, 8001)).max()), abs=0.01
    )
    assert single.bands[0].highest_db > double.bands[0].highest_db


def test_the_worst_row_counts() -> None:
    h = np.zeros((3, 2, 5))
    h[..., 2] = 1.0
    h[2, 1, 2], h[1, 0, 2] = 2.0, 0.25
    (band,) = verify_response(FIR(h), [(0, 0.5, -1, 1)]).bands
    assert (band.highest_row, band.lowest_row) == ((2, 1), (1, 0))
    assert (band.highest_db, band.lowest_db) == (pytest.approx(db(2)), pytest.approx(db(0.25)))
    assert "in output 2 of input 1" in " ".join(band.cells())
    # a row for each channel, and one before a filter of all channels
    for system in (FIR(h[:, 1]), FIR(h[:, 1]) >> IIR.from_ba([0.5], [1.0, -0.5])):
        report = verify_response(system, [(0, 0.0, -1, 1)])
        assert report.bands[0].highest_row == (2,)
        assert report.bands[0].highest_db == pytest.approx(db(2), abs=1e-4)
        assert "in channel 2" in str(report)


def test_silence_is_minus_infinity() -> None:
    report = verify_response(FIR(np.zeros(5)), [(0, 0.5, None, -300)])
    assert report
    assert report.bands[0].highest_db == -math.inf
    assert report.noise_floor_db == -math.inf
    assert not verify_response(FIR(np.zeros(5)), [(0, 0.5, -300, None)])
    # a zero on the circle
    band = verify_response(FIR([1.0, 1.0]), [(0.5, 0.5, None, -300)]).bands[0]
    assert band.highest_db < -300


# --- the report -----------------------------------------------------------------------------------


@pytest.mark.parametrize("open_", [None, math.inf])
def test_open_limits(open_: float | None) -> None:
    below = None if open_ is None else -open_
    system = FIR([2.0])
    assert verify_response(system, [(0, 0.5, below, 7)])
    assert verify_response(system, [(0, 0.5, 6, open_)])
    assert not verify_response(system, [(0, 0.5, below, 6)])
    assert not verify_response(system, [(0, 0.5, 7, open_)])
    nothing = verify_response(system, [(0, 0.5, below, open_)])
    assert nothing
    assert nothing.margin_db == math.inf
    assert "no limits" in str(nothing)


def test_the_report_says_it_all() -> None:
    system = FIR([0.5, 0.5], fs=48_000)
    report = verify_response(system, [(0, 1000, -0.1, 0), (23_000, 24_000, None, -60)])
    text = str(report)
    assert text.splitlines()[0] == f"{system!r} leaves the mask in 1 of 2 bands"
    for words in ("0 to 1000 Hz", "-0.1 to 0 dB", "at most -60 dB", "holds", "FAILS", "float32"):
        assert words in text
        assert words in report._repr_html_()
    assert "leaves the mask" in repr(report)
    values = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert values["holds"] is False
    assert [band["holds"] for band in values["bands"]] == [True, False]
    assert values["bands"][1]["min_db"] is None
    assert values["bands"][1]["high_hz"] == 24_000
    kept = verify_response(system, [(0, 1000, -0.1, 0.5)])
    assert "keeps the mask, by 0.08138 dB" in str(kept)
    with pytest.raises(AttributeError):
        kept.fs = 1.0  # type: ignore[misc]


def test_nothing_passed_in_is_changed() -> None:
    h = signal.firwin(101, 0.2, fs=1.0)
    h.setflags(write=False)
    mask = [[0.0, 0.1, None, 1.0]]
    verify_response(FIR(h), mask)  # type: ignore[arg-type]
    assert mask == [[0.0, 0.1, None, 1.0]]


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        ([], r"mask=\[\] must hold at least one band"),
        ([(0, 1)], r"mask\[0\]=\(0, 1\) must be \(low_hz, high_hz, min_db, max_db\)"),
        ([3], r"mask\[0\]=\(3,\) must be"),
        ([(0, 1, 0, 1), (2, 1, 0, 1)], r"mask\[1\] low_hz=2 must be <= high_hz; got high_hz=1"),
        ([(0, 24_001, 0, 1)], r"mask\[0\] high_hz=24001 must be .* <= 24000 \(fs / 2\) in Hz"),
        ([(-1, 1, 0, 1)], r"mask\[0\] low_hz=-1 must be a finite number >= 0"),
        ([(0, 1, 1, 0)], r"mask\[0\] min_db=1 must be <= max_db; got max_db=0"),
        ([(0, 1, math.inf, None)], r"mask\[0\] min_db=inf must be .* or -inf or None"),
        ([(0, 1, None, -math.inf)], r"mask\[0\] max_db=-inf must be"),
        ([(0, 1, math.nan, 0)], r"mask\[0\] min_db=nan must be"),
    ],
)
def test_masks_that_make_no_sense(mask: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        verify_response(FIR([1.0], fs=48_000), mask)


def test_systems_that_cannot_be_measured() -> None:
    mask = [(0, 0.5, None, 0)]
    with pytest.raises(MismatchError, match="does not end; make it stable first"):
        verify_response(IIR.from_ba([1.0], [1.0, -1.1]), mask)
    with pytest.raises(MismatchError, match="does not end"):
        verify_response(feedback(gain(1.0), -1.0 * delay(100)), mask)
    with pytest.raises(TypeError, match=r"must be a System; wrap"):
        verify_response([1.0, 2.0], mask)  # type: ignore[arg-type]
    with pytest.raises((TypeError, ValueError), match="complex"):
        verify_response(FIR([1j]), mask)
    with pytest.raises(ValueError, match="dtype='float16' must be one of"):
        verify_response(FIR([1.0]), mask, dtype="float16")
    with pytest.raises(ValueError, match="block_size=0 must be an integer >= 1"):
        verify_response(FIR([1.0]), mask, block_size=0)


def test_it_is_public() -> None:
    assert lti.masks.verify_response is verify_response
