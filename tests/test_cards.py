"""The card of a system: its table, its picture, its player, each compared with the system."""

import base64
import io
import math
import re
import subprocess
import sys
import wave
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import signal

import ltisys as lti
from ltisys.cards import HEIGHT, LEFT, MOST_S, PEAK_DB, RIGHT, TOP, WIDTH, card
from ltisys.plotting import COLOURS

FS = 48_000.0
RATES = (44_100.0, 48_000.0, 96_000.0)


def butter(fs: float | None = FS) -> lti.IIR:
    return lti.IIR(signal.butter(4, 1000, fs=fs or 1e5, output="sos"), fs=fs)


def room(
    length_s: float, channels: int | None = None, fs: float = FS, rt60_s: float = 0.5
) -> lti.FIR:
    n = np.arange(round(length_s * fs))
    h = lti.noise(n.size, channels=channels) * 10 ** (-3 * n / (rt60_s * fs))
    return lti.FIR(h.astype(np.float32), fs=fs)


def facts(page: str) -> dict[str, str]:
    """The table of a card."""
    rows = re.findall(r"<tr><td[^>]*>(.*?)</td><td[^>]*>(.*?)</td></tr>", page)
    return dict(rows)


def picture(page: str) -> ET.Element:
    [text] = re.findall(r"<svg role.*</svg></svg>", page, re.DOTALL)
    return ET.fromstring(text)


def curves(page: str) -> list[np.ndarray]:
    """The points of each line of the picture, as (x, y)."""
    found = picture(page).iter("polyline")
    return [
        np.array([p.split(",") for p in line.get("points", "").split()], float).T for line in found
    ]


def levels_of(page: str) -> dict[float, float]:
    """The places of the levels on the picture: y by dB."""
    marks = [t for t in picture(page).iter("text") if t.get("text-anchor") == "end" and t.text]
    found = {}
    for mark in marks:
        number = (mark.text or "").replace("\u2212", "-")
        if re.fullmatch(r"-?\d+", number):
            found[float(number)] = float(mark.get("y", "")) - 4
    return found


def sound(page: str) -> tuple[np.ndarray, float]:
    """The samples of the player, (channels, frames) in -1 .. 1, and their rate."""
    [text] = re.findall(r'src="data:audio/wav;base64,([^"]*)"', page)
    with wave.open(io.BytesIO(base64.b64decode(text))) as file:
        assert file.getsampwidth() == 2
        data = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return data.reshape(-1, file.getnchannels()).T / 32768, file.getframerate()


def caption(page: str) -> str:
    [text] = re.findall(r"<small>(.*?)</small>", page)
    return str(text)


# --- the table ------------------------------------------------------------------------------------


def test_a_fir_says_what_it_is() -> None:
    found = facts(card(lti.FIR([0.5, 0.5, 0.25], fs=1000, latency=1)))
    assert found["kind"] == "finite impulse response, every channel alike"
    assert found["rate"] == "1000 Hz"
    assert found["taps"] == "3 frames, 3.00 ms"
    assert found["latency"] == "1 frame, 1.00 ms"
    assert found["tail"] == "2 frames, 2.00 ms"
    assert found["peak gain"] == "1.9 dB at 0 Hz"
    assert found["worst-case gain"] == "1.9 dB"
    assert "poles" not in found


def test_a_recursive_system_says_what_it_is() -> None:
    found = facts(card(butter()))
    assert found["kind"] == "recursive, every channel alike"
    assert found["poles"].startswith("4, the outermost of radius 0.9")
    assert re.fullmatch(
        r"for ever, 180 dB below its peak after [\d,]+ frames, \d+\.\d+ ms", found["tail"]
    )
    assert "taps" not in found
    assert found["peak gain"].startswith("0.0 dB")
    h = butter().impulse_response()
    worst = 20 * math.log10(np.abs(h).sum())
    assert found["worst-case gain"] == f"{worst:.1f} dB"
    assert facts(card(lti.FIR([1.0])))["rate"] == "any"


@pytest.mark.parametrize("fs", RATES)
def test_the_peak_gain_is_that_of_analysis(fs: float) -> None:
    for system in (butter(fs), room(0.2, fs=fs), lti.FIR(lti.noise(999), fs=fs)):
        told = facts(card(system))["peak gain"].replace("\u2212", "-")
        assert abs(float(told.split()[0]) - 20 * math.log10(lti.peak_gain(system))) < 0.15


def test_several_channels_and_matrices() -> None:
    assert facts(card(room(0.1, channels=2)))["kind"] == "finite impulse response, 2 channels"
    matrix = lti.FIR([[[1.0, 0.5], [0.5, 0.0]], [[0.0, 0.25], [0.0, 0.25]]])
    found = facts(card(matrix))
    assert found["kind"] == "finite impulse response, 2 outputs x 2 inputs"
    # both inputs at their worst add up: 1 + 0.5 + 0.5
    assert found["worst-case gain"] == "6.0 dB"


def test_compositions_and_loops() -> None:
    found = facts(card(butter() >> lti.FIR(lti.noise(500), fs=FS)))
    assert found["kind"] == "series, every channel alike"
    found = facts(card(lti.feedback(lti.gain(1), 0.5 * lti.delay(100, fs=FS))))
    assert found["kind"] == "feedback, every channel alike"
    assert found["60 dB down after"].endswith(" ms")
    assert found["peak gain"].startswith("6.0 dB")


def test_an_unstable_system_says_so_and_draws_nothing() -> None:
    page = card(lti.IIR.from_ba([1], [1, -1.5, 1.1], fs=8000))
    assert facts(page)["not stable"].startswith("a pole of radius 1.04881 at ")
    assert "UNSTABLE" in page
    assert "<svg" not in page
    assert "<audio" not in page
    assert "peak gain" not in page


def test_silence_and_single_taps() -> None:
    found = facts(card(lti.gain(0)))
    assert (found["peak gain"], found["worst-case gain"]) == ("silence", "silence")
    assert "<svg" not in card(lti.gain(0))
    assert facts(card(lti.gain(db=-6)))["peak gain"] == "\u22126.0 dB"
    assert "<svg" in card(lti.gain(db=-6))


def test_it_is_html_and_fetches_nothing() -> None:
    class Tags(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            while self.open and self.open[-1] in ("path", "polyline") and self.open[-1] != tag:
                self.open.pop()
            assert self.open.pop() == tag

    for system in (butter(), room(1.0, 2), lti.FIR([1.0]), butter() + lti.gain(2)):
        page = card(system)
        parser = Tags()
        parser.feed(page)
        assert not parser.open
        assert not re.search(r"https?:|<script|<link|<style|\bid=", page)
        assert page.startswith("<div>")


def test_names_are_escaped() -> None:
    class Odd(lti.FIR):
        def __repr__(self) -> str:
            return "<b>&"

    assert "&lt;b&gt;&amp;" in card(Odd([1.0]))


def test_a_system_shows_itself() -> None:
    system = lti.FIR([0.5, 0.5], fs=FS)
    assert system._repr_html_() == card(system)


# --- the picture ----------------------------------------------------------------------------------


def places(page: str, low: float, high: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """The lines of the picture as frequencies (by logarithm) and levels."""
    marks = levels_of(page)
    (a, ya), (b, yb) = min(marks.items()), max(marks.items())
    found = []
    for x, y in curves(page):
        part = (x - LEFT) / (WIDTH - LEFT - RIGHT)
        found.append((low * (high / low) ** part, a + (y - ya) * (b - a) / (yb - ya)))
    return found


@pytest.mark.parametrize("fs", RATES)
@pytest.mark.parametrize("kind", ["fir", "iir", "series"])
def test_the_line_is_the_response(kind: str, fs: float) -> None:
    mean = lti.FIR([0.25, 0.5, 0.25], fs=fs)
    system = {"fir": mean, "iir": butter(fs), "series": butter(fs) >> mean}[kind]
    [(freqs, level)] = places(card(system), 20.0, fs / 2)
    response = system.frequency_response(freqs)[1]
    wanted = 20 * np.log10(np.maximum(np.abs(response), 1e-12))
    seen = wanted > -60
    assert freqs[0] == pytest.approx(20, rel=1e-3)
    assert freqs[-1] == pytest.approx(fs / 2, rel=1e-3)
    # a tenth of a unit across, and steep lines: 12 dB an octave of 50 units
    assert np.abs(level[seen] - wanted[seen]).max() < 0.5


def test_long_responses_are_means_that_keep_the_power() -> None:
    system = room(2.0, rt60_s=0.8)
    page = card(system)
    assert "means over 1/12 octave" in page
    [(freqs, level)] = places(page, 20.0, FS / 2)
    assert freqs.size <= 400
    power = np.sum(np.square(system.h, dtype=np.float64))
    high = freqs > 3000
    assert abs(np.mean(10 ** (level[high] / 10)) / power - 1) < 0.15
    assert "means" not in card(butter())


def test_long_smooth_responses_are_drawn_as_they_are() -> None:
    notch = lti.IIR(signal.tf2sos(*signal.iirnotch(50, 30, fs=FS)), fs=FS)
    page = card(notch)
    assert "means" not in page
    [(freqs, level)] = places(page, 20.0, FS / 2)
    assert level.min() < -60
    assert abs(freqs[np.argmin(level)] - 50) < 1


def test_the_picture_takes_the_ink_of_its_page() -> None:
    page = card(room(0.5, 2))
    root = picture(page)
    assert root.get("fill") == "currentColor"
    assert root.get("role") == "img"
    assert root.get("aria-label")
    colours = {e.get("stroke") for e in root.iter()} | {e.get("fill") for e in root.iter()}
    assert colours <= {None, "none", "currentColor", *COLOURS}
    assert [line.get("stroke") for line in root.iter("polyline")] == list(COLOURS[:2])
    assert "channel 0" in "".join(root.itertext())


def test_texts_stay_inside_and_apart() -> None:
    for system in (
        butter(),
        room(0.5, 2),
        lti.FIR(np.ones(8)),
        lti.FIR(lti.noise(99, channels=12)),
    ):
        found = []
        for text in picture(card(system)).iter("text"):
            wide = 5.6 * len("".join(text.itertext()))  # of a sans serif of 11 units, on average
            x, y = float(text.get("x", "")), float(text.get("y", ""))
            x -= {"end": wide, "middle": wide / 2}.get(text.get("text-anchor", ""), 0.0)
            assert x >= -2
            assert x + wide <= WIDTH + 4
            assert 8 <= y <= HEIGHT
            found.append((x, y, wide))
        for i, (x, y, wide) in enumerate(found):
            for other_x, other_y, other_wide in found[i + 1 :]:
                apart = abs(y - other_y) >= 10 or x >= other_x + other_wide or other_x >= x + wide
                assert apart


def test_without_a_rate_frequencies_are_cycles_a_frame() -> None:
    texts = "".join(picture(card(lti.FIR([0.5, 0.5]))).itertext())
    assert "frequency in cycles a frame" in texts
    assert "0.5" in texts


def test_a_complex_response_has_both_sides() -> None:
    h = np.exp(0.3j * np.arange(20))
    page = card(lti.FIR(h, fs=FS))
    assert "\u221220k" in "".join(picture(page).itertext())
    [(x, y)] = curves(page)
    want = LEFT + (WIDTH - LEFT - RIGHT) * (0.3 / (2 * np.pi) + 0.5)
    assert abs(x[np.argmin(y)] - want) < 2
    assert min(y) > TOP
    assert "<audio" not in page


# --- the player -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fs", RATES)
def test_the_player_has_the_response_at_the_gain_it_says(fs: float) -> None:
    system = room(1.0, 2, fs=fs)
    page = card(system)
    samples, rate = sound(page)
    assert rate == fs
    assert abs(20 * math.log10(np.abs(samples).max()) - PEAK_DB) < 0.01
    told = re.fullmatch(r"the impulse response at ([+\u2212]\d+\.\d) dB", caption(page))
    assert told
    gain_db = float(told[1].replace("\u2212", "-"))
    scale = 10 ** (PEAK_DB / 20) / np.abs(system.h).max()
    assert abs(20 * math.log10(scale) - gain_db) <= 0.051
    kept = samples.shape[-1]
    np.testing.assert_allclose(samples, system.h[:, :kept] * scale, atol=0.51 / 32768)
    # what is left out is below what 16 bits hold
    assert np.abs(system.h[:, kept:]).max() < 10 ** (-90 / 20) * np.abs(system.h).max()


@pytest.mark.parametrize(("length_s", "channels"), [(10.0, 2), (20.0, 2), (20.0, None), (12.0, 4)])
def test_it_is_never_longer_than_ten_seconds_or_larger_than_two_megabytes(
    length_s: float, channels: int | None
) -> None:
    page = card(room(length_s, channels, rt60_s=60.0))
    assert len(page) < 2_000_000
    samples, rate = sound(page)
    assert samples.shape[0] == ((channels and 2) or 1)
    assert 5 < samples.shape[1] / rate <= MOST_S
    told = re.search(r"the first (\S+) s of (\S+) s, faded out", caption(page))
    assert told
    assert float(told[1]) == pytest.approx(samples.shape[1] / rate, abs=0.006)
    assert float(told[2]) == pytest.approx(length_s, abs=0.06)
    assert np.abs(samples[:, -1]).max() == 0
    assert ("channels 0 and 1 of 4" in caption(page)) == (channels == 4)


def test_a_matrix_plays_its_first_input() -> None:
    h = np.zeros((2, 2, 6000))
    h[:, 0, ::500] = 0.5
    h[:, 1, ::500] = 5.0
    page = card(lti.FIR(h, fs=FS))
    samples, _ = sound(page)
    assert samples.shape[0] == 2
    assert "input 0" in caption(page)
    np.testing.assert_allclose(samples[:, 0], 10 ** (PEAK_DB / 20), atol=1 / 32768)


def test_a_recursive_reverb_is_heard() -> None:
    comb = lti.feedback(lti.gain(1), 0.7 * lti.delay(2400, fs=FS))
    samples, _ = sound(card(comb))
    np.testing.assert_allclose(samples[0, :7200:2400] / samples[0, 0], [1.0, -0.7, 0.49], atol=1e-4)


@pytest.mark.parametrize(
    "system",
    [
        lti.FIR(np.ones(6000)),  # at no rate
        lti.FIR(np.ones(6000), fs=7999),  # below what is sound
        lti.FIR(np.ones(2000), fs=FS),  # a click
        butter(),
        lti.FIR(np.eye(1, 48_000)[0], fs=FS),  # a click, and a second of silence
        lti.FIR(np.zeros(48_000), fs=FS),
        lti.FIR(np.ones(6000) * 1j, fs=FS),
    ],
    ids=["rate", "slow", "click", "filter", "silence after", "silence", "complex"],
)
def test_what_is_no_sound_has_no_player(system: lti.System) -> None:
    assert "<audio" not in card(system)


def test_nothing_heavy_is_loaded() -> None:
    code = (
        "import sys, numpy as np, ltisys as lti\n"
        "n = np.arange(24000)\n"
        "page = lti.FIR(np.sin(n) * 0.999**n, fs=48000)._repr_html_()\n"
        "assert '<audio' in page and '<svg' in page\n"
        "print([m for m in ('matplotlib', 'soundfile', 'scipy.signal') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(lti.__file__).parent.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


def test_the_system_is_left_alone() -> None:
    system = room(0.5, 2)
    kept = system.h.copy()
    card(system)
    np.testing.assert_array_equal(system.h, kept)
