"""filters that belong together: Linkwitz-Riley crossover, fractions of octaves with their class"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import overload

import numpy as np

from ltisys import _checks, analogue, sections
from ltisys._types import Array
from ltisys.iir import IIR

__all__ = ["Band", "OctaveBank", "crossover", "octave_bank"]

# --- crossover ----------------------------------------------------------------------------------


def crossover(cutoff_hz: float, *, fs: float, order: int = 4) -> tuple[IIR, IIR]:
    """Return a Linkwitz-Riley pair: what lies below a frequency and above, which add up flat.

    The sum has the level of the input at every frequency and turns its phase as an all-pass does;
    both are in phase everywhere and -6.02 dB at the cutoff.

    Parameters
    ----------
    cutoff_hz : float
        Where the two meet, between 0 and fs / 2.
    fs : float
        Frames a second.
    order : int
        Even; the slopes fall by 6 dB an octave for each: 4 is the usual 24 dB.

    Returns
    -------
    low, high : IIR
        ``low + high`` is the all-pass. For the orders 2, 6, 10 and so on the high one is turned
        upside down, for without that they would cancel at the cutoff.

    Raises
    ------
    ValueError, TypeError
        For a frequency outside 0 to fs / 2, an odd order, or one whose sections in double
        precision would not add up; then with the largest that would.

    Notes
    -----
    Two Butterworth filters of half the order m in a row. With the Butterworth polynomial B,
    ``(1 + (-1)^m s^(2 m)) / B(s)^2 = B(-s) / B(s)``, an all-pass; the bilinear transform keeps it
    one. Measured: the sum is within 0.01 dB of 0 dB.

    References
    ----------
    S. Linkwitz, "Active crossover networks for noncoincident drivers", J. Audio Eng. Soc. 24,
    1976.

    Examples
    --------
    >>> import ltisys as lti
    >>> low, high = lti.crossover(2000, fs=48000)
    >>> f, h = (low + high).frequency_response([20, 2000, 20_000])
    >>> lti.levels.db(abs(h)).round(6) + 0.0
    array([0., 0., 0.])
    """
    order = _checks.integer("order", order, least=2)
    fs = _checks.number("fs", fs, above=0, unit=" in Hz")
    cutoff_hz = analogue.frequency("cutoff_hz", cutoff_hz, fs)
    if order % 2:
        raise ValueError(
            f"order={order} must be even: two filters of half the order; "
            f"take {order - 1 if order > 2 else 2} or {order + 1}"
        )
    made, why = _halves(order // 2, cutoff_hz, fs)
    if made is None:
        best = analogue.largest(lambda m: _halves(m, cutoff_hz, fs)[0] is not None, order // 2)
        if best == 0:
            raise ValueError(
                f"cutoff_hz={cutoff_hz:g} is too close to 0 or fs / 2 for double precision at "
                f"fs={fs:g}: sections of order {order} {why}; lower fs or move it"
            )
        why = _halves(best + 1, cutoff_hz, fs)[1]
        raise ValueError(
            f"order={order} must be <= {2 * best} at {cutoff_hz:g} Hz and fs={fs:g}: sections "
            f"of order {2 * best + 2} {why}"
        )
    return IIR(made[0], fs=fs), IIR(made[1], fs=fs)


def _halves(m: int, cutoff_hz: float, fs: float) -> tuple[tuple[Array, Array] | None, str]:
    """Return both sections of two Butterworth filters of order m, or None and what is wrong."""
    pair = []
    omega = 2.0 ** (np.arange(-24, 25) / 12 * min(12.0, 20.0 / m))
    freqs_hz = np.arctan(omega * math.tan(math.pi * cutoff_hz / fs)) * (fs / math.pi)
    total = np.zeros(omega.shape, dtype=np.complex128)
    kinds: tuple[tuple[analogue.Kind, Array], ...] = (("lowpass", omega), ("highpass", 1 / omega))
    for kind, side in kinds:
        once, why = analogue.tried(analogue.Request("butter", m, kind, (cutoff_hz,), fs))
        if once is None:
            return None, why
        twice = np.concatenate([once, once])
        if kind == "highpass" and m % 2:
            twice[-1, :3] *= -1
        why = analogue.departure(twice, freqs_hz, 1 / (1 + side ** (2 * m)), fs)
        if why:
            return None, why
        pair.append(twice)
        total += sections.evaluate(twice, freqs_hz / fs)
    worst_db = float(np.abs(20 * np.log10(np.abs(total))).max())
    if not worst_db <= analogue.WITHIN_DB:
        return None, f"add up to {worst_db:.2g} dB instead of 0 dB"
    return (pair[0], pair[1]), ""


# --- fractions of octaves -----------------------------------------------------------------------

G = 10**0.3
"""The octave of IEC 61260-1:2014, formula 1: a thousandth short of 2, so that ten thirds are 10."""
REFERENCE_HZ = 1000.0
MOST_FRACTION = 24
RENARD = ("1", "1.25", "1.6", "2", "2.5", "3.15", "4", "5", "6.3", "8")
"""Nominal frequencies of third octaves (ISO 266: the series R 10); every third is an octave's."""

# IEC 61260-1:2014, table 1: exponents of G of the normalized frequencies f / f_m of an octave, and
# the limits there on the relative attenuation in dB, class 1 and 2. Within the band the least is
# the same throughout, beyond it there is no greatest.
LEAST_INSIDE_DB = {1: -0.4, 2: -0.6}
GREATEST_INSIDE_DB = (
    (0.0, 0.4, 0.6), (1 / 8, 0.5, 0.7), (1 / 4, 0.7, 0.9), (3 / 8, 1.4, 1.7), (1 / 2, 5.3, 5.8),
)  # fmt: skip
LEAST_OUTSIDE_DB = (
    (1 / 2, 1.2, 0.8), (1.0, 16.6, 15.6), (2.0, 40.5, 39.5), (3.0, 60.0, 54.0), (4.0, 70.0, 60.0),
)  # fmt: skip


@dataclass(frozen=True)
class Band:
    """One band of a bank, with the verdict on its filter.

    Attributes
    ----------
    label : str
        The nominal frequency in Hz, as bands are called: "31.5", "1000", "12500".
    center_hz : float
        The exact mid-band frequency.
    low_hz, high_hz : float
        The band edges, where the level is -3.01 dB.
    system : IIR
        The filter.
    iec_class : int or None
        1 or 2: the better of the classes of IEC 61260-1:2014 whose limits on the relative
        attenuation (table 1) the filter keeps from 0 Hz to fs / 2; None if it keeps neither.
    margin_db : float
        What is left to the nearest limit of class 1; negative where it is passed.
    """

    label: str
    center_hz: float
    low_hz: float
    high_hz: float
    system: IIR = field(repr=False)
    iec_class: int | None
    margin_db: float


@dataclass(frozen=True)
class OctaveBank(Sequence[Band]):
    """Bands of a fraction of an octave, the lowest first; a sequence of `Band`.

    Attributes
    ----------
    bands : tuple of Band
        What the sequence holds.
    fraction : int
        Bands in an octave.
    fs : float
        Frames a second.
    """

    bands: tuple[Band, ...]
    fraction: int
    fs: float

    @property
    def iec_class(self) -> int | None:
        """The class that all bands keep: 1, 2, or None."""
        classes = [band.iec_class for band in self.bands]
        return None if None in classes else max(c for c in classes if c is not None)

    def __len__(self) -> int:
        return len(self.bands)

    @overload
    def __getitem__(self, index: int) -> Band: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Band, ...]: ...

    def __getitem__(self, index: int | slice) -> Band | tuple[Band, ...]:
        return self.bands[index]

    def __iter__(self) -> Iterator[Band]:
        return iter(self.bands)

    def __repr__(self) -> str:
        kind = "octave" if self.fraction == 1 else f"1/{self.fraction}-octave"
        count = f"{len(self)} {kind} band{'s' if len(self) > 1 else ''}"
        verdict = "no class" if self.iec_class is None else f"class {self.iec_class}"
        return (
            f"OctaveBank({count}, {self[0].label} to {self[-1].label} Hz, {self.fs:g} Hz, "
            f"{verdict} of IEC 61260-1:2014)"
        )

    def __str__(self) -> str:
        lines = [repr(self), f"{'band':>8}{'from Hz':>12}{'to Hz':>12}  class  margin to class 1"]
        lines += [
            f"{b.label:>8}{b.low_hz:>12.2f}{b.high_hz:>12.2f}  {b.iec_class or 'none':>5}"
            f"{b.margin_db:>16.2f} dB"
            for b in self
        ]
        return "\n".join(lines)


def octave_bank(
    *,
    fs: float,
    fraction: int = 1,
    low_hz: float = 20.0,
    high_hz: float | None = None,
    order: int = 4,
) -> OctaveBank:
    """Return the filters of octaves or their fractions after IEC 61260-1, each with its class.

    Parameters
    ----------
    fs : float
        Frames a second.
    fraction : int
        Bands in an octave, 1 to 24: 1 for octaves, 3 for third octaves.
    low_hz, high_hz : float
        The bands whose nominal frequencies lie between these, both included. None for `high_hz`
        takes those up to 20 kHz that end below fs / 2.
    order : int
        Of the Butterworth prototypes; the filters have twice as many poles. 3 keeps class 1 far
        from fs / 2, 4 also close to it; more separates bands further and rings longer.

    Returns
    -------
    OctaveBank
        A sequence of `Band` (``center_hz``, ``low_hz``, ``high_hz``, ``system``, ``iec_class``);
        printed, it is a table.

    Raises
    ------
    ValueError, TypeError
        For limits between which there is no band, or a `high_hz` whose band ends beyond fs / 2;
        then with the highest possible.

    Notes
    -----
    Mid-band frequencies are ``1000 G^(x / b)`` for an odd fraction b and
    ``1000 G^((2 x + 1) / (2 b))`` for an even one, edges ``G^(+-1 / (2 b))`` from there,
    ``G = 10^0.3``. Labels are the nominal frequencies, rounded as annex E of the standard does.
    The edges are exact; between them and fs / 2 the bilinear transform makes the upper slope
    steeper and the lower one shallower, which costs class where a band ends close to fs / 2.

    Each filter is measured as it is shipped, at more than a thousand frequencies from 0 Hz to
    fs / 2 and at every breakpoint of table 1, moved for fractions by formula 9; above fs / 2 there
    is nothing to measure. The verdict is on relative attenuation (5.10) alone: the converter in
    front of it, and what else the standard asks of an instrument, are not judged.

    References
    ----------
    IEC 61260-1:2014, Octave-band and fractional-octave-band filters, part 1, 5.2 to 5.10.

    Examples
    --------
    >>> import ltisys as lti
    >>> bank = lti.octave_bank(fs=48000, low_hz=63, high_hz=4000)
    >>> [band.label for band in bank]
    ['63', '125', '250', '500', '1000', '2000', '4000']
    >>> bank.iec_class
    1
    """
    fs = _checks.number("fs", fs, above=0, unit=" in Hz")
    order = _checks.integer("order", order, least=1)
    b = _checks.integer("fraction", fraction, least=1)
    if b > MOST_FRACTION:
        raise ValueError(f"fraction={b} must be an integer from 1 to {MOST_FRACTION}")
    low_hz = _checks.number("low_hz", low_hz, above=0, unit=" in Hz")
    top_hz = 20000.0 if high_hz is None else _checks.number("high_hz", high_hz, unit=" in Hz")
    bands: list[tuple[str, float, tuple[float, float]]] = []
    first = math.floor(b * math.log(low_hz / REFERENCE_HZ, G)) - 2
    for x in itertools.count(first):
        center_hz = REFERENCE_HZ * G ** ((x + (0.5 if b % 2 == 0 else 0)) / b)
        label = _label(center_hz, x, b)
        if float(label) < low_hz:
            continue
        edges = _edges(center_hz, b)
        if float(label) > top_hz:
            break
        if edges[1] >= fs / 2:
            if high_hz is None:
                break
            possible = f" must be <= {bands[-1][0]} in Hz" if bands else " leaves no band"
            raise ValueError(
                f"high_hz={high_hz!r}{possible} at fs={fs:g}: the band at {label} Hz ends at "
                f"{edges[1]:.0f} Hz, beyond fs / 2; None takes those that fit"
            )
        bands.append((label, center_hz, edges))
    if not bands:
        raise ValueError(
            f"low_hz={low_hz:g} and high_hz={high_hz!r} hold no band of 1/{b} octave that ends "
            f"below fs / 2; got fs={fs:g}"
        )
    made = []
    for label, center_hz, edges in bands:
        sos = _band_pass(order, label, center_hz, b, fs)
        margins = {c: _margin_db(sos, center_hz, b, c, fs) for c in (1, 2)}
        iec_class = next((c for c in (1, 2) if margins[c] >= 0), None)
        made.append(Band(label, center_hz, *edges, IIR(sos, fs=fs), iec_class, margins[1]))
    return OctaveBank(tuple(made), b, fs)


def _edges(center_hz: float, b: int) -> tuple[float, float]:
    return center_hz * G ** (-0.5 / b), center_hz * G ** (0.5 / b)


def _band_pass(order: int, label: str, center_hz: float, b: int, fs: float) -> Array:
    """Return the sections of one band, or raise with what would be possible."""

    def request(center_hz: float) -> analogue.Request:
        return analogue.Request("butter", order, "bandpass", _edges(center_hz, b), fs)

    sos, why = analogue.tried(request(center_hz))
    if sos is not None:
        return sos
    best, beyond = analogue.limit(request(center_hz))
    if best:
        raise ValueError(
            f"order={order} must be <= {best} for the band at {label} Hz and fs={fs:g}: {beyond}"
        )
    least_hz = analogue.nearest(
        lambda f: analogue.tried(request(f))[0] is not None, center_hz, fs / 8
    )
    raise ValueError(
        f"low_hz must be >= {least_hz:.2g} in Hz for order={order} and fs={fs:g}; got a band at "
        f"{label} Hz, whose sections {why}"
    )


def _label(center_hz: float, x: int, b: int) -> str:
    """Return the nominal frequency of a band.

    Octaves and thirds have those of ISO 266; others are rounded to three digits if the first is
    1 to 4 and to two from 5 on (IEC 61260-1:2014, annex E).
    """
    if b in (1, 3):
        decade, step = divmod(x * 3 // b + 30, 10)
        nominal = float(RENARD[step]) * 10.0**decade
    else:
        exponent = math.floor(math.log10(center_hz))
        digits = 2 if center_hz / 10.0**exponent < 5 else 1
        nominal = round(center_hz, digits - exponent)
    return f"{nominal:.10g}"


def _breakpoint(exponent: float, b: int) -> float:
    """Return where a breakpoint ``G^exponent`` of octaves lies for 1/b octaves (formula 9)."""
    return float(1 + (G ** (0.5 / b) - 1) / (G**0.5 - 1) * (G**exponent - 1))


def _margin_db(sos: Array, center_hz: float, b: int, iec_class: int, fs: float) -> float:
    """Return what is left to the nearest limit of a class, negative where one is passed."""
    inside, outside = (
        np.array([(math.log(_breakpoint(row[0], b)), row[iec_class]) for row in table]).T
        for table in (GREATEST_INSIDE_DB, LEAST_OUTSIDE_DB)
    )
    edge = inside[0, -1]
    # by the distance from the centre, in logarithms of frequency: the band, the slopes, and on
    # to a ratio of 1000, where the attenuation of a Butterworth only grows
    steps = np.concatenate(
        [
            np.linspace(0, edge, 101)[:-1],
            np.linspace(edge, outside[0, -1], 400),
            np.linspace(outside[0, -1], math.log(1000.0), 100),
            inside[0],
            outside[0],
        ]
    )
    steps = np.concatenate([-steps, steps])
    steps = steps[center_hz * np.exp(steps) <= fs / 2]
    freqs_hz = np.concatenate([center_hz * np.exp(steps), [0.0, fs / 2]])
    steps = np.concatenate([np.abs(steps), [np.inf, np.inf]])
    level = np.abs(sections.evaluate(sos, freqs_hz / fs))
    attenuation_db = -20 * np.log10(np.maximum(level, 1e-30))
    # the limits run straight over the logarithm of frequency between breakpoints (formula 11); on
    # an edge both sides hold
    least = np.where(
        steps > edge, np.interp(steps, outside[0], outside[1]), LEAST_INSIDE_DB[iec_class]
    )
    greatest = np.where(steps > edge, np.inf, np.interp(steps, inside[0], inside[1]))
    on_edge = np.abs(steps - edge) < 1e-12
    least[on_edge], greatest[on_edge] = outside[1, 0], inside[1, -1]
    return float(min((attenuation_db - least).min(), (greatest - attenuation_db).min()))
