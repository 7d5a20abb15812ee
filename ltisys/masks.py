"""does a shipped system keep inside a mask: measured through its own blocks, with margins"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ltisys import _checks, curves, responses, spectra
from ltisys._types import Array
from ltisys.errors import MismatchError
from ltisys.systems import System

__all__ = ["BandReport", "ResponseReport", "verify_response"]

TOUCH_DB = 1e-4
"""A limit counts as kept within this much: what touches it, as 0 dB at 0 Hz, must not fail by the
rounding of a sum in single precision (190 of its units)."""
CURVE = 2.5e-4
"""The points looked at lie so close that between them the response departs from a straight line
by at most this much of the sum of its magnitudes."""
MOST_POINTS, LEAST_POINTS = 1 << 22, 1 << 16
"""Of the transform that looks at them; a longer one would not fit into memory three times."""
COMPARED = 257
"""Frequencies from 0 to fs / 2 at which the measured response is held against the coefficients."""


@dataclass(frozen=True)
class BandReport:
    """What was measured in one band of a mask, over all rows of the response.

    Attributes
    ----------
    low_hz, high_hz : float
        The band, its edges included; in cycles a frame where the system has no rate.
    min_db, max_db : float
        The limits; -inf and inf where there is none.
    lowest_db, highest_db : float
        The lowest and the highest level in the band.
    lowest_hz, highest_hz : float
        Where they are.
    lowest_row, highest_row : tuple of int
        In which row of the response: (), (channel,) or (output, input).
    between_db : float
        By how much the response may at most pass `highest_db`, or fall short of `lowest_db`,
        between the frequencies looked at; 0 where no limit is kept that this could break.
    unit : str
        "Hz", or "cycles a frame".
    """

    low_hz: float
    high_hz: float
    min_db: float
    max_db: float
    lowest_db: float
    lowest_hz: float
    highest_db: float
    highest_hz: float
    lowest_row: tuple[int, ...] = ()
    highest_row: tuple[int, ...] = ()
    between_db: float = 0.0
    unit: str = "Hz"

    @property
    def margin_db(self) -> float:
        """How far the response stays inside the nearer limit, negative outside, inf for none."""
        above = math.inf if self.max_db == math.inf else self.max_db - self.highest_db
        below = math.inf if self.min_db == -math.inf else self.lowest_db - self.min_db
        return min(above, below)

    @property
    def holds(self) -> bool:
        """Whether the response keeps inside, to `TOUCH_DB`."""
        return self.margin_db >= -TOUCH_DB

    def cells(self) -> tuple[str, ...]:
        """Return the row of the table: the band, what was asked, what was measured, the margin."""
        if self.min_db == -math.inf:
            asked = "anything" if self.max_db == math.inf else f"at most {self.max_db:.6g} dB"
        elif self.max_db == math.inf:
            asked = f"at least {self.min_db:.6g} dB"
        else:
            asked = f"{self.min_db:.6g} to {self.max_db:.6g} dB"
        margin = self.margin_db
        return (
            f"{self.low_hz:.6g} to {self.high_hz:.6g} {self.unit}",
            asked,
            _at(self.lowest_db, self.lowest_hz, self.lowest_row, self.unit),
            _at(self.highest_db, self.highest_hz, self.highest_row, self.unit),
            "" if margin == math.inf else f"{_level(margin)} dB",
            "holds" if self.holds else "FAILS",
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as values that JSON can hold; infinities become None."""
        values = {name: _plain(getattr(self, name)) for name in self.__dataclass_fields__}
        return values | {"margin_db": _plain(self.margin_db), "holds": self.holds}


@dataclass(frozen=True)
class ResponseReport:
    """What `lti.verify_response` measured: ``bool(report)`` says whether every band holds.

    ``print(report)`` is a table, which a notebook shows as HTML.

    Attributes
    ----------
    name : str
        The system.
    bands : tuple of BandReport
        In the order of the mask.
    fs : float or None
        Frames a second.
    dtype : str
        Of the stream measured.
    block_size : int
        Frames a push.
    frames : int
        Frames of the response measured.
    noise_floor_db : float
        The largest departure of the measured response from that of the coefficients, relative to
        the largest of that response: what rounding, and the end of a response that never ends, add.
    """

    name: str
    bands: tuple[BandReport, ...]
    fs: float | None
    dtype: str
    block_size: int
    frames: int
    noise_floor_db: float

    def __bool__(self) -> bool:
        return all(band.holds for band in self.bands)

    @property
    def failures(self) -> tuple[BandReport, ...]:
        """The bands that the response leaves."""
        return tuple(band for band in self.bands if not band.holds)

    @property
    def margin_db(self) -> float:
        """The smallest margin of all bands."""
        return min(band.margin_db for band in self.bands)

    def headline(self) -> str:
        """Return the report in one sentence."""
        count = len(self.bands)
        if self.failures:
            one = "the only band" if count == 1 else f"{len(self.failures)} of {count} bands"
            return f"{self.name} leaves the mask in {one}"
        if self.margin_db == math.inf:
            return f"{self.name}: the mask has no limits"
        return f"{self.name} keeps the mask, by {_level(self.margin_db)} dB"

    def measurement(self) -> str:
        """Return how it was measured, in one sentence."""
        between = max(band.between_db for band in self.bands)
        return (
            f"measured over {self.frames:,} frames of {self.dtype} in blocks of "
            f"{self.block_size:,}; noise floor {_level(self.noise_floor_db)} dB of the peak; "
            f"between the points looked at, at most {between:.2g} dB beyond"
        )

    def __str__(self) -> str:
        table = [HEADINGS, *(band.cells() for band in self.bands)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [
            "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in table
        ]
        return "\n".join(
            [self.headline(), "", *(f"  {line}" for line in lines), "", f"  {self.measurement()}"]
        )

    def __repr__(self) -> str:
        return f"<ResponseReport {self.headline()}>"

    def _repr_html_(self) -> str:
        cell = 'style="text-align:left;padding:.15em .8em .15em 0"'
        rows = ["".join(f"<th {cell}>{heading}</th>" for heading in HEADINGS)]
        for band in self.bands:
            *values, verdict = band.cells()
            colour = "#1a7f37" if band.holds else "#c62828"
            rows.append(
                "".join(f"<td {cell}>{html.escape(value)}</td>" for value in values)
                + f'<td {cell}><b style="color:{colour}">{verdict}</b></td>'
            )
        table = "".join(f"<tr>{row}</tr>" for row in rows)
        return (
            f"<div><p><b>{html.escape(self.headline())}</b></p><table>{table}</table>"
            f"<p>{html.escape(self.measurement())}</p></div>"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the report as values that JSON can hold."""
        values = {
            name: _plain(getattr(self, name))
            for name in self.__dataclass_fields__
            if name != "bands"
        }
        return values | {"holds": bool(self), "bands": [band.to_dict() for band in self.bands]}


HEADINGS = ("band", "asked", "lowest", "highest", "margin", "")


def verify_response(
    system: System,
    mask: Iterable[tuple[float, float, float | None, float | None]],
    *,
    dtype: str = "float32",
    block_size: int | None = None,
) -> ResponseReport:
    """Measure whether a system's magnitude keeps inside a mask, and by how much.

    What is measured is the system as it is shipped, an impulse sent through its stream in blocks,
    not the coefficients it was designed with. Use it in tests of filters, and to see what single
    precision leaves of a deep stop band.

    Parameters
    ----------
    system : System
        A stable one of any kind.
    mask : list of (low_hz, high_hz, min_db, max_db)
        Bands, their edges included, with the limits of the magnitude in each; None, -inf or inf
        leaves one open. Without a rate (`fs` None) frequencies are in cycles a frame, to 0.5.
    dtype : {"float32", "float64"}
        Of the stream.
    block_size : int, optional
        Frames a push; by default 256.

    Returns
    -------
    ResponseReport

    Raises
    ------
    ValueError, TypeError
        For an empty mask, edges out of order or above fs / 2, limits out of order, what is no
        system, a complex response.
    MismatchError
        For a system that is not stable, or rings so long that its response has no end here.

    Notes
    -----
    Of a response of several rows, each output's answer to each input is measured and the worst
    counts. The response h is transformed, padded with zeros, at frequencies so dense that it
    runs nearly straight between two of them: with s the step in radians and c the centre of h,

        |H(w) - chord(w)| <= s**2 / 8 max|G|,  G = sum_n (n - c)**2 h[n] exp(-i w n),

    over a step, and G is bounded likewise by its own second derivative and
    ``sum |n - c|**6 |h[n]|``. The chord lies between its ends, so this also bounds what may pass
    unseen: `BandReport.between_db`. The largest extrema are then looked at more closely by
    evaluating the sum itself. A limit touched counts as kept: 1e-4 dB are allowed for rounding.

    References
    ----------
    P. Davis, Interpolation and Approximation, Dover, 1975, theorem 3.1.1: the remainder of linear
    interpolation.

    Examples
    --------
    >>> import ltisys as lti
    >>> mean = lti.FIR([0.5, 0.5], fs=48000)
    >>> report = lti.verify_response(mean, [(0, 1000, -0.1, 0), (23_000, 24_000, None, -20)])
    >>> bool(report)
    True
    >>> round(report.bands[0].lowest_db, 4)
    -0.0186
    """
    fs = curves.checked(system).fs
    bands = _checked(mask, 1.0 if fs is None else fs, "cycles a frame" if fs is None else "Hz")
    float_dtype = _checks.float_dtype("dtype", dtype)
    if block_size is not None:
        block_size = _checks.integer("block_size", block_size, least=1)
    if not system.stable or system.extent is None:
        raise MismatchError(
            f"{system!r} cannot be measured: its response does not end; make it stable first"
        )
    h, block = measured(system, block_size, float_dtype.name)
    for row in np.ndindex(h.shape[:-1]):
        bands = _judged(bands, h[row], row, 1.0 if fs is None else fs)
    return ResponseReport(
        name=repr(system),
        bands=tuple(bands),
        fs=fs,
        dtype=float_dtype.name,
        block_size=block,
        frames=h.shape[-1],
        noise_floor_db=_departure(system, h, bands),
    )


def _checked(mask: Any, fs: float, unit: str) -> list[BandReport]:
    """Return the bands of a mask with nothing measured yet, or raise saying what is wrong."""
    rows = [tuple(band) if isinstance(band, Iterable) else (band,) for band in mask]
    if not rows:
        raise ValueError("mask=[] must hold at least one band (low_hz, high_hz, min_db, max_db)")
    bands = []
    for i, row in enumerate(rows):
        if len(row) != 4:
            raise ValueError(f"mask[{i}]={row!r} must be (low_hz, high_hz, min_db, max_db)")
        top = f" (fs / 2) in {unit}"
        low = _checks.number(f"mask[{i}] low_hz", row[0], least=0, most=fs / 2, unit=top)
        high = _checks.number(f"mask[{i}] high_hz", row[1], least=0, most=fs / 2, unit=top)
        if low > high:
            raise ValueError(f"mask[{i}] low_hz={low:g} must be <= high_hz; got high_hz={high:g}")
        least = -math.inf if row[2] is None else _limit(f"mask[{i}] min_db", row[2], -math.inf)
        most = math.inf if row[3] is None else _limit(f"mask[{i}] max_db", row[3], math.inf)
        if least > most:
            raise ValueError(f"mask[{i}] min_db={least:g} must be <= max_db; got max_db={most:g}")
        nothing = (math.inf, low, -math.inf, low)  # the lowest and the highest so far
        bands.append(BandReport(low, high, least, most, *nothing, unit=unit))
    return bands


def _limit(name: str, value: Any, open_end: float) -> float:
    """Return a level, finite or open at its own end."""
    if isinstance(value, int | float | np.number) and value == open_end:
        return open_end
    return _checks.number(name, value, unit=f" in dB, or {open_end} or None for no limit")


def measured(system: System, block_size: int | None, dtype: str) -> tuple[Array, int]:
    """Return the answer of a system's stream to an impulse, float64, and its frames a push.

    (frames,), (channels, frames) or (outputs, inputs, frames). Half of the response is pushed in
    blocks, the rest is flushed: both are what users hear.
    """
    rows = system.rows
    inputs = rows[1] if len(rows) == 2 else 1
    stream = system.stream(block_size=block_size, channels=inputs, dtype=dtype)
    block = stream.block_size
    shape = (block,) if inputs == 1 and len(rows) < 2 else (inputs, block)
    answers = []
    for i in range(inputs):
        stream.reset()
        x = np.zeros(shape, dtype=dtype)
        x[(i, 0) if x.ndim == 2 else 0] = 1.0
        parts = [stream.push(x)]
        x = np.zeros(shape, dtype=dtype)
        for _ in range((system.extent or 0) // 2 // block):
            parts.append(stream.push(x))
        parts.append(stream.flush())
        answers.append(np.concatenate([np.atleast_2d(part) for part in parts], axis=-1))
    h = np.stack(answers, axis=1).astype(np.float64)  # (outputs, inputs, frames)
    _checks.finite("the answer to an impulse", h)
    heard = np.flatnonzero(h.any(axis=(0, 1)))
    h = h[..., : int(heard[-1]) + 1 if heard.size else 1]
    return h.reshape(*rows, h.shape[-1]), block


def _judged(bands: list[BandReport], h: Array, row: tuple[int, ...], fs: float) -> list[BandReport]:
    """Return the bands with what one row of the response does in each."""
    n = np.arange(h.size)
    size = np.abs(h)
    energy = np.square(h)
    center = float(n @ energy / energy.sum()) if energy.any() else 0.0
    d2 = np.square(n - center)
    spread = float(size @ d2 / size.sum()) if size.any() else 0.0
    # s**2 / 8 spread <= CURVE
    points = 2 * math.pi / math.sqrt(8 * CURVE / spread) if spread else 0.0
    points = max(h.size, LEAST_POINTS, min(math.ceil(points), MOST_POINTS))
    nfft = spectra.good_size(points)
    weighted = np.stack([h, d2 * h, d2 * d2 * h])
    spectrum = spectra.forward_real(weighted, nfft)
    bend = (2 * math.pi / nfft) ** 2 / 8
    rest = bend * float(size @ d2**3)
    return [_in_band(band, weighted, spectrum, nfft, center, bend, rest, row, fs) for band in bands]


def _in_band(
    band: BandReport,
    weighted: Array,
    spectrum: Array,
    nfft: int,
    center: float,
    bend: float,
    rest: float,
    row: tuple[int, ...],
    fs: float,
) -> BandReport:
    """Return a band with the extrema of one row, if they are beyond those found so far."""
    low, high = band.low_hz / fs, band.high_hz / fs
    first, last = math.floor(low * nfft) + 1, math.ceil(high * nfft)
    edges = np.array([low, high])
    ends = responses.evaluate(weighted, edges)
    cycles = np.concatenate([edges[:1], np.arange(first, last) / nfft, edges[1:]])
    values, second, fourth = np.concatenate(
        [ends[:, :1], spectrum[:, first : max(first, last)], ends[:, 1:]], axis=1
    )
    size = np.abs(values)
    lowest, highest = (
        curves.extreme(lambda near: responses.evaluate(weighted[0], near), cycles, size, sign)
        for sign in (-1, 1)
    )

    # how far the response may run from the chord of each step
    g4 = np.maximum(np.abs(fourth[1:]), np.abs(fourth[:-1])) + rest
    g2 = np.maximum(np.abs(second[1:]), np.abs(second[:-1])) + bend * g4
    sag = bend * g2
    top = max(highest[0], float((np.maximum(size[1:], size[:-1]) + sag).max()))
    turned = values * np.exp(2j * np.pi * np.mod(cycles * center, 1.0))
    bottom = min(lowest[0], float((_nearest_to_zero(turned[:-1], turned[1:]) - sag).min()))
    over = 0.0
    if highest[0] > 0 and _db(highest[0]) - TOUCH_DB <= band.max_db < math.inf:
        over = _db(top) - _db(highest[0])
    if lowest[0] > 0 and _db(lowest[0]) + TOUCH_DB >= band.min_db > -math.inf:
        over = max(over, _db(lowest[0]) - _db(max(bottom, 0.0)))
    found = replace(band, between_db=max(band.between_db, over))
    if _db(lowest[0]) < found.lowest_db:
        level, freq_hz = _db(lowest[0]), lowest[1] * fs
        found = replace(found, lowest_db=level, lowest_hz=freq_hz, lowest_row=row)
    if _db(highest[0]) > found.highest_db:
        level, freq_hz = _db(highest[0]), highest[1] * fs
        found = replace(found, highest_db=level, highest_hz=freq_hz, highest_row=row)
    return found


def _nearest_to_zero(a: Array, b: Array) -> Array:
    """Return the distance from 0 of each straight line from a to b in the complex plane."""
    step = b - a
    length = np.square(np.abs(step))
    with np.errstate(invalid="ignore", divide="ignore"):
        along = np.where(length > 0, -(a * step.conj()).real / length, 0.0)
    return np.asarray(np.abs(a + np.clip(along, 0.0, 1.0) * step))


def _departure(system: System, h: Array, bands: list[BandReport]) -> float:
    """Return how far the measured response is from that of the coefficients, in dB of its peak."""
    fs = 1.0 if system.fs is None else system.fs
    edges = [edge for band in bands for edge in (band.low_hz, band.high_hz)]
    freqs = np.unique(np.concatenate([np.linspace(0, fs / 2, COMPARED), edges]))
    _, want = system.frequency_response(freqs)
    got = responses.evaluate(h, freqs / fs)
    peak = float(np.abs(want).max())
    return _db(float(np.abs(got - want).max()) / peak) if peak else -math.inf


def _db(size: float) -> float:
    return 20 * math.log10(size) if size > 0 else -math.inf


def _level(level_db: float) -> str:
    """Return a level with as many digits as matter."""
    return f"{level_db:.1f}" if abs(level_db) >= 10 else f"{level_db + 0:.4g}"


def _at(level_db: float, freq_hz: float, row: tuple[int, ...], unit: str) -> str:
    places = {0: "", 1: " in channel {}", 2: " in output {} of input {}"}[len(row)]
    where = f" at {freq_hz:.6g} {unit}" if unit == "Hz" else f" at {freq_hz:.6g}"
    return f"{_level(level_db)} dB{where}{places.format(*row)}"


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return list(value) if isinstance(value, tuple) else value
