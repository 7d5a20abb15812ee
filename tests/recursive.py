"""Systems that never end, of every kind, each with a model that says what they must answer"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import oracle
import pytest
import scipy.signal
from models import PLACES, Chain, Loop, Node, Rows, Sections, Sum, Taps, answer, spread

import ltisys as lti
from ltisys.state_space import LONG

FRAMES, HEARD = 151, 300
"""Frames of a case's signal, and of its answer that the model is asked for."""


@dataclasses.dataclass(frozen=True)
class Case:
    """A system, its model, the channels of its input, and whether roots were found on the way."""

    name: str
    make: Callable[[], tuple[lti.System, Node]]
    channels: int = 1
    roots: bool = False

    @functools.cached_property
    def made(self) -> tuple[lti.System, Node]:
        return self.make()

    @property
    def system(self) -> lti.System:
        return self.made[0]

    @property
    def model(self) -> Node:
        return self.made[1]

    @functools.cached_property
    def x(self) -> Rows:
        """Noise with a rest in it, (channels, FRAMES), in single precision."""
        rng = np.random.default_rng([7, *map(ord, self.name)])
        x = rng.standard_normal((self.channels, FRAMES))
        x[:, 50:80] = 0
        return x.astype(np.float32)

    @functools.cached_property
    def want(self) -> Rows:
        """The first HEARD frames of the answer to x, (outputs, HEARD)."""
        return answer(self.model, self.padded)

    @property
    def padded(self) -> Rows:
        return np.pad(self.x.astype(float), ((0, 0), (0, HEARD - FRAMES)))

    @property
    def extent(self) -> int:
        assert self.system.extent is not None
        return self.system.extent

    def given(self, dtype: str) -> Rows:
        """The signal as the system is called with it: flat where there is one channel."""
        x = self.x.astype(dtype)
        return x[0] if self.channels == 1 else x

    @functools.cache  # noqa: B019  # cases live as long as the tests
    def bound(self, dtype: str) -> Rows:
        """Bound the error of each of them, in a precision; the model's own is far below.

        Twice, for what an error makes of an error. What went through roots of polynomials is good
        to -180 dB of all that sounds.
        """
        u = oracle.roundoff(dtype)
        limit = 2 * self.model.local(self.padded, u)
        limit += 2 * len(limit) * np.finfo(dtype).tiny * 2.0**24  # what counts as silence
        limit += 2.0 ** (60 - PLACES)  # the model's own
        if self.roots:
            limit += 1e-9 * spread(self.model, np.abs(self.padded))
        return limit

    def near(self, y: Rows, dtype: str, extra: Any = 0.0, first: int = 0) -> None:
        """Hold an answer to the signal, from frame `first` on, against the model."""
        y = np.atleast_2d(y)
        now = slice(first, min(HEARD, first + y.shape[1]))
        y, want = y[:, : now.stop - first], self.want[:, now]
        assert y.shape == want.shape
        assert y.dtype == dtype
        error, limit = np.abs(y - want), self.bound(dtype)[:, now] + extra
        assert (error <= limit).all(), float((error / np.maximum(limit, 1e-300)).max())

    def apart(self, dtype: str, frames: int = 1) -> Any:
        """What two ways to one answer may differ by: nothing where it is sections in blocks."""
        if isinstance(self.system, lti.IIR) and frames < LONG:
            return 0.0
        return 2 * self.bound(dtype).max(axis=1, keepdims=True)


def sos_of(*design: Any, **named: Any) -> Rows:
    return np.asarray(scipy.signal.iirfilter(*design, output="sos", **named))


def butter(order: int, cutoff: float, btype: str = "low") -> Rows:
    """A Butterworth low-pass; `cutoff` in parts of the sample rate."""
    return np.asarray(scipy.signal.butter(order, 2 * np.array(cutoff), btype, output="sos"))


def resonator(radius: float, angle: float) -> Rows:
    return np.array([[1 - radius, 0, 0, 1, -2 * radius * np.cos(angle), radius**2]])


def allpass(radius: float, angle: float) -> Rows:
    a = [1, -2 * radius * np.cos(angle), radius**2]
    return np.array([[*a[::-1], *a]])


def noise(*shape: int, seed: int = 0) -> Rows:
    return np.random.default_rng([3, seed, *shape]).standard_normal(shape)


def taps_at(frames: int, **echoes: float) -> Rows:
    """Return taps that are zero but for t<frame>=value."""
    h = np.zeros(frames)
    for place, value in echoes.items():
        h[int(place[1:])] = value
    return h


def iir(sos: Any) -> tuple[lti.System, Node]:
    return lti.IIR(sos), Sections(sos)


def fir(h: Any) -> tuple[lti.System, Node]:
    return lti.FIR(h), Taps(h)


def hold(frames: int) -> tuple[lti.System, Node]:
    return lti.delay(frames), Taps(np.eye(1, frames + 1, frames)[0])


def gain(g: float) -> tuple[lti.System, Node]:
    return lti.gain(g), Taps([g])


Pair = tuple[lti.System, Node]


def chain(*parts: Pair) -> Pair:
    system = functools.reduce(lambda a, b: a >> b, [s for s, _ in parts])
    return system, Chain(*(node for _, node in parts))


def side(*parts: Pair) -> Pair:
    system = functools.reduce(lambda a, b: a + b, [s for s, _ in parts])
    return system, Sum(*(node for _, node in parts))


def loop(forward: Pair, back: Pair, channels: int = 1) -> Pair:
    return lti.feedback(forward[0], back[0]), Loop(forward[1], back[1], channels=channels)


def echo(frames: int, g: float) -> Pair:
    return loop(gain(1), chain(gain(-g), hold(frames)))


def schroeder(frames: int, g: float) -> Pair:
    """H = (-g + z^-D) / (1 - g z^-D)."""
    return chain(fir(taps_at(frames + 1, t0=-g, **{f"t{frames}": 1.0})), echo(frames, g))


def rotation(size: int) -> Rows:
    return np.asarray(np.linalg.qr(noise(size, size, seed=5))[0])


def network(delays: Sequence[int], g: float) -> Pair:
    """A feedback delay network: delays behind the point where the loop closes, a rotation back."""
    size = len(delays)
    lines = np.zeros((size, max(delays) + 1))
    lines[np.arange(size), delays] = 1.0
    back = fir(-g * rotation(size)[:, :, None])
    middle = loop(fir(lines), back, channels=size)
    return chain(fir(noise(size, 1, 1, seed=6)), middle, fir(noise(1, size, 1, seed=7)))


LOWPASS, HIGHPASS = butter(2, 0.1), butter(3, 0.05, "high")
ROOM = noise(60, seed=1) * 0.9 ** np.arange(60)


def _sections() -> list[Case]:
    def one(name: str, sos: Any, channels: int = 1) -> Case:
        return Case(name, lambda: iir(sos), channels)

    cases = [
        one("a gain", [[0.5, 0, 0, 1, 0, 0]]),
        one("silence", [[0.0, 0, 0, 1, -0.5, 0]]),
        one("one frame late", [[0, 1, 0, 1, 0, 0]]),
        one("five frames late", [[0, 0, 1, 1, 0, 0], [0, 0, 1, 1, 0, 0], [0, 1, 0, 1, 0, 0]]),
        one("late, then it leaks", [[0, 0, 2, 1, -0.9, 0]], 2),
        one("a leak", [[1, 0, 0, 1, -0.5, 0]], 3),
        one("a0 is -4", [[1, 2, 3, -4, 1, 0.5]]),
        one("zeros only", [[1, -2, 0.5, 1, 0, 0], [1, 1, 1, 1, 0, 0]]),
        one("DC blocker", [[1, -1, 0, 1, -0.995, 0]], 2),
        one("slow DC blocker", [[1, -1, 0, 1, -(1 - 1e-3), 0]]),
        one("all-pass", allpass(0.9, 0.5)),
        one("all-passes", np.concatenate([allpass(0.95, a) for a in (0.1, 1.0, 3.0)])),
        one("high Q", resonator(0.999, 0.3)),
        one("high Q by Nyquist", resonator(0.99, np.pi - 1e-2)),
        one("elliptic band-pass", sos_of(5, [0.2, 0.3], rp=1, rs=70, ftype="ellip"), 2),
        one("Chebyshev band-stop", sos_of(4, [0.1, 0.5], btype="bandstop", rs=60, ftype="cheby2")),
        one("gain of 1e-50 first, of 1e50 last", _lopsided()),
    ]
    cases += [one(f"Butterworth {n}", butter(n, 0.1), n % 3 + 1) for n in (1, 2, 3, 5, 8, 16)]
    low = ((2, 1e-3), (8, 2e-3), (12, 4e-3), (16, 4e-3))
    return cases + [one(f"Butterworth {n}, {f:g} fs", butter(n, f)) for n, f in low]


def _lopsided() -> Rows:
    sos = butter(4, 0.05)
    sos[0, :3] *= 1e-50
    sos[1, :3] *= 1e50
    return sos


def _made_of_roots() -> list[Case]:
    b, a = [0.0, 0.0, 0.5, -0.2, 0.1, 0.3, 0.4], [2.0, -1.0, 0.4, 0.1, -0.05]
    short = [lambda: echo(3, 0.5), lambda: echo(31, 0.7), lambda: schroeder(5, 0.6)]
    short += [lambda: loop(iir(LOWPASS), chain(hold(4), gain(0.6)))]
    cases = [Case(f"short loop {n}", make, n % 2 + 1, roots=True) for n, make in enumerate(short)]

    def of_ba() -> Pair:
        return lti.IIR.from_ba(b, a), Chain(Taps(b), Loop(Taps([0.5]), Taps([0.0, *a[1:]])))

    cases.append(Case("from b and a", of_ba, roots=True))
    return cases


def _compositions() -> list[Case]:
    wide, square = noise(3, 40, seed=2), noise(2, 2, 30, seed=3)
    return [
        Case("series of sections", lambda: chain(iir(LOWPASS), iir(HIGHPASS))),
        Case("few taps, sections", lambda: chain(fir([1, 0.5, -0.2]), iir(LOWPASS)), 2),
        Case("sections, taps", lambda: chain(iir(LOWPASS), fir(ROOM)), 2),
        Case("taps, sections", lambda: chain(fir(ROOM), iir(HIGHPASS))),
        Case("a row alone, sections", lambda: chain(fir(ROOM[:9]), iir(HIGHPASS)), 3),
        Case("sections, rows", lambda: chain(iir(LOWPASS), fir(wide)), 3),
        Case("sections, spread", lambda: chain(iir(LOWPASS), fir(wide))),
        Case("matrix, sections", lambda: chain(fir(square), iir(LOWPASS)), 2),
        Case("matrix, sections, matrix", lambda: chain(fir(square), iir(LOWPASS), fir(square)), 2),
        Case("far late, sections", lambda: chain(hold(200), iir(HIGHPASS), gain(-2))),
        Case("four in a row", lambda: chain(*[iir(LOWPASS), fir(ROOM)] * 2)),
        Case("sections and taps", lambda: side(iir(LOWPASS), fir(ROOM)), 2),
        Case("sections and a gain", lambda: side(iir(LOWPASS), gain(0.3))),
        Case("sections and rows", lambda: side(iir(LOWPASS), fir(wide)), 3),
        Case("sections, spread, and rows", lambda: side(iir(LOWPASS), fir(wide))),
        Case("sections and a matrix", lambda: side(iir(LOWPASS), fir(square)), 2),
        Case("difference", lambda: side(iir(LOWPASS), chain(iir(HIGHPASS), gain(-1)))),
        Case("sums in a row", lambda: chain(*[side(iir(LOWPASS), hold(7))] * 2)),
    ]


def _loops() -> list[Case]:
    damped = chain(iir(butter(1, 0.15)), gain(-0.6), hold(60))
    rows = np.zeros((3, 90))
    rows[[0, 1, 2], [40, 63, 89]] = 0.6, -0.5, 0.3
    matrix = np.zeros((2, 2, 4))
    matrix[:, :, 3] = 0.8 * rotation(2)
    inner = loop(fir([0.5]), chain(hold(33), gain(0.5)))
    dense = np.pad(0.2 * ROOM, (40, 0))
    return [
        Case("echo", lambda: echo(100, 0.5), 2),
        Case("comb", lambda: loop(hold(37), gain(0.7))),
        Case("late both ways", lambda: loop(hold(50), chain(hold(41), gain(-0.5)))),
        Case("Schroeder all-pass", lambda: schroeder(61, 0.5), 2),
        Case("damped comb", lambda: loop(gain(1), damped)),
        Case("forward sections", lambda: loop(iir(LOWPASS), chain(hold(35), gain(0.6)))),
        Case("all in front", lambda: loop(chain(hold(40), iir(LOWPASS)), gain(0.5))),
        Case("dense back", lambda: loop(gain(1), fir(dense)), 2),
        Case("taps before and behind", lambda: loop(fir(dense), fir(0.1 * ROOM[:5]))),
        Case("channel by channel", lambda: loop(gain(1), fir(rows), 3), 3),
        Case("channel by channel, spread", lambda: loop(gain(1), fir(rows), 3)),
        Case("crossed, short", lambda: loop(gain(1), fir(matrix), 2), 2),
        Case("network", lambda: network([33, 41, 57, 72], 0.7)),
        Case("loop in a loop", lambda: loop(inner, chain(hold(45), gain(-0.3)))),
        Case("loop behind a late loop", lambda: loop(chain(hold(9), inner), gain(0.4))),
        Case("loop, taps", lambda: chain(echo(50, 0.5), fir(ROOM))),
        Case("loops side by side", lambda: side(echo(50, 0.5), echo(71, -0.4), iir(LOWPASS)), 2),
        Case("two echoes, far apart", lambda: loop(gain(1), fir(taps_at(400, t40=0.1, t399=0.3)))),
        Case("nothing comes back", lambda: loop(gain(1), fir(np.zeros(50)))),
    ]


CASES = {case.name: case for case in [*_sections(), *_made_of_roots(), *_compositions(), *_loops()]}
EVERY = pytest.mark.parametrize("case", [pytest.param(c, id=name) for name, c in CASES.items()])
