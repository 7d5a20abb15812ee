"""a system as a small table, a picture of its response and a player, for notebooks"""

from __future__ import annotations

import base64
import html
import io
import math
import wave
from collections.abc import Iterator

import numpy as np

from ltisys import curves, levels, quantiser, spectra
from ltisys._types import Array
from ltisys.iir import IIR
from ltisys.plotting import COLOURS, MOST_LINES, extremes, octave_mean, rows_of
from ltisys.scales import DB_STEPS, db_limits, hertz, hz_ticks, minus, seconds
from ltisys.systems import System

__all__ = ["card"]

CELL = 'style="text-align:left;padding:.1em 1em .1em 0"'
WIDTH, HEIGHT = 640, 220  # of the picture, in its own units
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 20, 34  # the margins of its lines
GAP = "\N{EM SPACE}"
COLUMNS = 400
"""Points of a line: more than a screen shows at this size."""
SHORT, MOST_WAY_DB = 4096, 2000.0
"""Longer responses whose line goes further, up and down, are drawn as means: nobody sees it."""
MEAN_OCTAVES = 1 / 12
LEAST_POINTS = 1 << 15
"""Of a transform: 1.5 Hz apart at 48 kHz, so that the line is smooth at 20 Hz."""
FLOOR_DB = -400.0
"""Drawn in place of -inf, far below every picture."""
AUDIBLE_HZ, AUDIO_FS = 20.0, 8000.0
MOST_FRAMES = 1 << 21
"""Of a response that sounds on for longer, no more is computed for a card."""
HEARD_S, MOST_S = 0.05, 10.0
"""What stays within 60 dB of its peak for less is a click, and a player no use; and the longest."""
MOST_BYTES = 1_350_000
"""Of samples in a card, which base64 makes a third more: a card stays below 2 MB."""
PEAK_DB = -1.0
"""The player's peak: converters overshoot between samples."""
END_DB, FADE_S = -90.0, 0.01
"""Where 16 bits end, and the fade of what is cut before."""


def card(system: System) -> str:
    """Return a system as HTML for a notebook: what it is, its response, a player.

    A table, the magnitude of its response as SVG in the colour of the text around it, and for
    responses that can be heard, at 8 kHz or more, at most 10 s of it as a sound, its peak brought
    to -1 dB by a gain that is said. Nothing is fetched, nothing runs. Below 2 MB.

    Parameters
    ----------
    system : System
        Of any kind.

    Returns
    -------
    str
        An element ``<div>``. Of an unstable system without a response and a player.

    Notes
    -----
    The response is computed to its end, 2**21 frames at the most. A magnitude that goes up and down
    more than can be seen, as a room's, is drawn as means of the power over 1/12 octave. The peak
    gain is read off a transform of at least twice as many points, between which a parabola is laid
    through the level: within 0.1 dB.

    Examples
    --------
    >>> import ltisys as lti
    >>> from ltisys.cards import card
    >>> "<svg" in card(lti.FIR([0.5, 0.5], fs=48000))
    True
    """
    if not system.stable:
        parts = [_table(dict(_facts(system, None)))]
    else:
        frames = MOST_FRAMES if system.extent is None else min(system.extent, MOST_FRAMES)
        seen = _Seen(system, system.impulse_response(frames))
        parts = [_table(dict(_facts(system, seen))), _picture(seen), _player(seen)]
    return f"<div><p><b>{html.escape(repr(system))}</b></p>{''.join(parts)}</div>"


class _Seen:
    """A system's response in time and over frequency, computed once."""

    def __init__(self, system: System, h: Array) -> None:
        self.system, self.h, self.fs = system, h, system.fs
        self.unit = "cycles a frame" if system.fs is None else "Hz"
        self.real = h.dtype.kind != "c"
        fs = system.fs or 1.0
        freqs: Array
        size: Array
        if not self.real:
            freqs = np.linspace(-0.5, 0.5, 2 * COLUMNS + 1) * fs
            size = np.abs(system.frequency_response(freqs)[1])
        else:
            # two points or more for each period of the finest ripple, and the notches themselves
            nfft = spectra.good_size(max(2 * h.shape[-1], LEAST_POINTS))
            freqs = np.arange(nfft // 2 + 1) * (fs / nfft)
            # of long ones single precision is enough, and twice as fast
            wide = np.float64 if h.shape[-1] <= SHORT else np.float32
            size = np.abs(spectra.forward_real(h.astype(wide, copy=False), nfft)).astype(np.float64)
            more = curves.landmarks(system) * fs
            if more.size:
                more = np.setdiff1d(more, freqs)
                found = np.abs(system.frequency_response(more)[1])
                order = np.argsort(np.concatenate([freqs, more]), kind="stable")
                freqs = np.concatenate([freqs, more])[order]
                size = np.concatenate([size, found], axis=-1)[..., order]
        self.freqs = freqs
        self.size = size.reshape(-1, freqs.size)

    @property
    def rough(self) -> bool:
        """Whether its line goes up and down more often than can be seen."""
        if self.h.shape[-1] <= SHORT:
            return False
        floor = 1e-6 * float(self.size.max()) or 1.0
        way = np.abs(np.diff(np.log10(np.maximum(self.size, floor), dtype=np.float32)))
        return bool(20 * way.sum(axis=-1).max() > MOST_WAY_DB)

    def peak(self) -> tuple[float, float]:
        """Return the largest magnitude of any row in dB, and its frequency."""
        row, k = np.unravel_index(int(np.argmax(self.size)), self.size.shape)
        with np.errstate(divide="ignore"):
            near = levels.db(self.size[row, max(k - 1, 0) : k + 2])
        if 0 < k < self.freqs.size - 1 and np.isfinite(near).all():
            sharp = near[0] - 2 * near[1] + near[2]
            off = 0.5 * (near[0] - near[2]) / sharp if sharp < 0 else 0.0
            where = self.freqs[k] + off * (self.freqs[k + 1] - self.freqs[k - 1]) / 2
            return float(near[1] - 0.25 * (near[0] - near[2]) * off), float(where)
        return float(levels.db(self.size[row, k])), float(self.freqs[k])


# --- the table ------------------------------------------------------------------------------------


def _table(facts: dict[str, str]) -> str:
    rows = "".join(
        f"<tr><td {CELL}>{html.escape(name)}</td><td {CELL}>{html.escape(value)}</td></tr>"
        for name, value in facts.items()
    )
    return f"<table>{rows}</table>"


def _facts(system: System, seen: _Seen | None) -> Iterator[tuple[str, str]]:
    """Yield what a system is, by name."""
    rows = system.rows
    kind = {"FIR": "finite impulse response", "IIR": "recursive"}.get(type(system).__name__)
    channels = "every channel alike"
    if len(rows) == 1:
        channels = f"{rows[0]} channel{'s' if rows[0] > 1 else ''}"
    elif len(rows) == 2:
        channels = f"{rows[0]} outputs x {rows[1]} inputs"
    yield "kind", f"{kind or type(system).__name__.lower()}, {channels}"
    yield "rate", "any" if system.fs is None else f"{system.fs:g} Hz"
    if system.taps is not None:
        yield "taps", _frames(system.taps, system.fs)
    if isinstance(system, IIR):
        yield "poles", _poles(system)
    yield "latency", _frames(system.latency, system.fs)
    if seen is None:
        yield "not stable", system.endless().removeprefix("it is not stable: ")
        return
    if system.tail is not None:
        yield "tail", _frames(system.tail, system.fs)
    elif system.extent is not None:
        yield "tail", f"for ever, 180 dB below its peak after {_frames(system.extent, system.fs)}"
    else:
        yield "tail", system.endless()
    if seen.h.any():
        yield "60 dB down after", _frames(levels.tail_end(seen.h), system.fs)
    top, where = seen.peak()
    flat = seen.h.shape[-1] == 1
    yield "peak gain", _level(top) + ("" if flat else f" at {_place(where, system.fs)}")
    total = np.abs(seen.h).sum(axis=-1, dtype=np.float64)
    worst = float((total.sum(axis=-1) if len(rows) == 2 else total).max())
    yield "worst-case gain", _level(float(levels.db(worst)))


def _frames(count: int, fs: float | None) -> str:
    """Return a length in frames, and in time where there is a rate."""
    told = f"{count:,} frame{'' if count == 1 else 's'}"
    return told if fs is None or not count else f"{told}, {seconds(count / fs)}"


def _level(level_db: float) -> str:
    if level_db == -math.inf:
        return "silence"
    return minus(f"{level_db:.1f}".replace("-0.0", "0.0")) + " dB"


def _poles(system: IIR) -> str:
    poles = system.poles
    if not poles.size:
        return "none but at 0"
    outermost = poles[np.argmax(np.abs(poles))]
    where = _place(abs(np.angle(outermost)) / (2 * np.pi) * (system.fs or 1.0), system.fs)
    return f"{poles.size:,}, the outermost of radius {abs(outermost):.6g} at {where}"


def _place(freq: float, fs: float | None) -> str:
    if fs is None:
        return f"{freq:.4g} cycles a frame"
    return (f"{freq:,.0f}" if freq >= 1000 else f"{freq:.4g}") + " Hz"


# --- the picture ----------------------------------------------------------------------------------


class _Paper:
    """Where frequencies and levels are on the picture."""

    def __init__(self, low: float, high: float, bottom: float, top: float, log: bool) -> None:
        self.low, self.high, self.bottom, self.top, self.log = low, high, bottom, top, log

    def across(self, freqs: Array | float) -> Array:
        """Return the places of frequencies."""
        scaled = np.log if self.log else np.asarray
        low, high = scaled(self.low), scaled(self.high)
        part = (scaled(np.asarray(freqs)) - low) / (high - low)
        return np.asarray(LEFT + part * (WIDTH - LEFT - RIGHT))

    def down(self, level: Array | float) -> Array:
        """Return the places of levels, those far outside nearer."""
        part = (self.top - np.asarray(level)) / (self.top - self.bottom)
        return np.asarray(TOP + np.clip(part, -1, 2) * (HEIGHT - TOP - BOTTOM))

    def ticks(self) -> str:
        """Return the lines and numbers of both axes."""
        if self.log:
            freqs = hz_ticks(self.low, self.high)
        else:
            step = 10.0 ** math.floor(math.log10(self.high))
            step = next(s for s in (step, step / 2, step / 5) if self.high / s >= 4)
            freqs = [k * step for k in range(math.ceil(self.low / step), int(self.high / step) + 1)]
        span = self.top - self.bottom
        step = next((s for s in DB_STEPS if span / s <= 6), span)
        first = math.ceil(self.bottom / step)
        places = [k * step for k in range(first, math.floor(self.top / step) + 1)]
        line = 'stroke="currentColor" stroke-opacity="0.2"'
        found = []
        for freq in freqs:
            x = f"{self.across(freq):.1f}"
            found.append(
                f'<path d="M{x} {TOP}V{HEIGHT - BOTTOM}" {line}/>'
                f'<text x="{x}" y="{HEIGHT - BOTTOM + 14}" text-anchor="middle">'
                f"{hertz(freq)}</text>"
            )
        for level in places:
            y = self.down(level)
            found.append(
                f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" {line}/>'
                f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">'
                f"{minus(f'{level:g}')}</text>"
            )
        return "".join(found)


def _picture(seen: _Seen) -> str:
    """Return the magnitude of the response as SVG, written by hand: it is small, and quick."""
    if not seen.h.any():
        return ""
    fs, log = seen.fs, seen.fs is not None and seen.real
    low, high = float(seen.freqs[0]), float(seen.freqs[-1])
    if fs is not None and log:
        low = AUDIBLE_HZ if fs >= AUDIO_FS else fs / 2000
    means = log and seen.rough
    names = list(rows_of(np.empty((*seen.system.rows, 0))))
    power = np.square(seen.size).mean(axis=-1)
    shown = sorted(np.argsort(-power, kind="stable")[:MOST_LINES].tolist())
    lines = [_line(seen.freqs, seen.size[row], low, high, means=means, log=log) for row in shown]
    paper = _Paper(low, high, *db_limits([level[level > FLOOR_DB] for _, level in lines]), log)
    drawn = []
    for i, (freqs, level) in enumerate(lines):
        few = extremes(freqs, level, log=log, columns=COLUMNS)
        places = zip(paper.across(few[0]), paper.down(few[1]), strict=True)
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        drawn.append(
            f'<polyline points="{points}" fill="none" stroke="{COLOURS[i]}" '
            f'stroke-width="{2.2 - i / len(lines):.1f}" stroke-linejoin="round"/>'
        )
    legend = ""
    if names != [""]:
        short = len(shown) > 4
        told = "".join(
            f'<tspan fill="{COLOURS[i]}">{GAP}{names[row].removeprefix("channel " * short)}</tspan>'
            for i, row in enumerate(shown)
        )
        if len(names) > len(shown):
            told = f"<tspan>the loudest of {len(names)}:</tspan>{told}"
        legend = f'<text x="{WIDTH - RIGHT}" y="12" text-anchor="end">{told}</text>'
    wide, tall = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    # a picture inside the picture cuts off what leaves it, and needs no id as a clip path would
    return (
        f'<svg role="img" aria-label="Magnitude of the response in dB" width="{WIDTH}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" style="max-width:100%;height:auto;display:block" '
        f'font-family="sans-serif" font-size="11" fill="currentColor">{paper.ticks()}'
        f'<text x="4" y="12">level in dB{", means over 1/12 octave" if means else ""}</text>'
        f"{legend}"
        f'<text x="{LEFT + wide // 2}" y="{HEIGHT - 5}" text-anchor="middle">'
        f"frequency in {seen.unit}</text>"
        f'<svg x="{LEFT}" y="{TOP}" width="{wide}" height="{tall}" '
        f'viewBox="{LEFT} {TOP} {wide} {tall}">{"".join(drawn)}</svg></svg>'
    )


def _line(
    freqs: Array, size: Array, low: float, high: float, *, means: bool, log: bool
) -> tuple[Array, Array]:
    """Return frequencies and levels of a line."""
    if means:
        at = np.geomspace(low, high, COLUMNS)
        power = octave_mean(freqs, np.square(size), MEAN_OCTAVES, at)
        return at, np.maximum(levels.db(np.sqrt(np.maximum(power, 0))), FLOOR_DB)
    if log:
        first = int(np.searchsorted(freqs, low, side="right"))
        size = np.append(np.interp(low, freqs, size), size[first:])
        freqs = np.append(low, freqs[first:])
    return freqs, np.maximum(levels.db(size), FLOOR_DB)


# --- the player -----------------------------------------------------------------------------------


def _player(seen: _Seen) -> str:
    """Return a player of the response, nothing where it cannot be heard as one."""
    fs, h = seen.fs, seen.h
    if fs is None or fs < AUDIO_FS or not seen.real or not h.any():
        return ""
    if levels.tail_end(h) - levels.onset(h) < HEARD_S * fs:
        return ""
    rows = h if h.ndim < 3 else h[:, 0]
    rows = np.atleast_2d(rows)
    channels = rows.shape[0]
    rows = rows[:2]
    peak = levels.peak(rows)
    if not peak:
        return ""
    end = levels.tail_end(rows, floor_db=END_DB)
    frames = min(end, int(MOST_S * fs), MOST_BYTES // (2 * rows.shape[0]))
    gain_db = PEAK_DB - float(levels.db(peak))
    sound = rows[:, :frames] * levels.amplitude(gain_db)
    cut = frames < end
    if cut:
        fade = round(FADE_S * fs)
        sound[:, -fade:] *= np.linspace(1, 0, fade)
    told = [f"{minus(f'{gain_db:+.1f}')} dB"]
    if h.ndim == 3 and h.shape[1] > 1:
        told.append("input 0")
    if channels > 2:
        told.append(f"channels 0 and 1 of {channels}")
    if cut:
        told.append(f"the first {seconds(frames / fs)} of {seconds(end / fs)}, faded out")
    data = base64.b64encode(_wav(sound, fs)).decode("ascii")
    return (
        f'<audio controls preload="metadata" src="data:audio/wav;base64,{data}"></audio>'
        f'<p style="margin:0"><small>the impulse response at {", ".join(told)}</small></p>'
    )


def _wav(sound: Array, fs: float) -> bytes:
    """Return a sound as a WAV file of 16 bits."""
    samples, _ = quantiser.codes(sound.astype(np.float64), 16)
    page = io.BytesIO()
    with wave.open(page, "wb") as file:
        file.setnchannels(sound.shape[0])
        file.setsampwidth(2)
        file.setframerate(round(fs))
        file.writeframes(np.ascontiguousarray(samples.T).astype("<i2").tobytes())
    return page.getvalue()
