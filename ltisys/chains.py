"""the chain of `ltisys filter`: each option a filter, in the order given"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ltisys.systems import System

__all__ = ["LINKS", "Link", "chained", "gain_db", "read_link"]

LINKS = {
    "lowpass": ("HZ", "let pass what lies below"),
    "highpass": ("HZ", "let pass what lies above"),
    "bandpass": ("LOW:HIGH", "let pass what lies between, in Hz"),
    "bandstop": ("LOW:HIGH", "stop what lies between, in Hz"),
    "peaking": ("HZ:DB:Q", "a bell of so many dB; the higher Q, the narrower"),
    "low-shelf": ("HZ:DB[:Q]", "so many dB below"),
    "high-shelf": ("HZ:DB[:Q]", "so many dB above"),
    "notch": ("HZ:Q", "stop one frequency; the higher Q, the narrower"),
    "allpass": ("HZ:Q", "turn the phase alone"),
    "dc-blocker": ("", "take out what stands still"),
    "gain-db": ("DB", "make louder, with a minus softer"),
}
"""Each option with the form of its value and what it does."""
EXAMPLES = {"HZ": "1000", "LOW:HIGH": "300:3400", "HZ:DB:Q": "1000:6:1.4", "HZ:Q": "50:30"}
EXAMPLES |= {"HZ:DB[:Q]": "120:-3", "DB": "-6"}


class Link(NamedTuple):
    """One filter of the chain: an option and its numbers."""

    name: str
    numbers: tuple[float, ...]

    def __str__(self) -> str:
        return " ".join([f"--{self.name}", ":".join(f"{n:g}" for n in self.numbers)]).strip()


def read_link(name: str, text: str) -> Link:
    """Read the value of an option, such as ``1000:6:1.4``, or raise ValueError with its form."""
    form = LINKS[name][0]
    most = form.count(":") + 1 if form else 0
    least = most - form.count("[")
    try:
        numbers = tuple(float(part) for part in text.split(":")) if text else ()
        if not least <= len(numbers) <= most or not all(map(math.isfinite, numbers)):
            raise ValueError
    except ValueError:
        raise ValueError(f"{text!r} must be {form}, such as {EXAMPLES[form]}") from None
    return Link(name, numbers)


def gain_db(chain: Sequence[Link]) -> float:
    """Return all gains of a chain together: they commute with every filter."""
    return sum(link.numbers[0] for link in chain if link.name == "gain-db")


def chained(
    chain: Sequence[Link],
    *,
    fs: float,
    order: int,
    straight: bool = False,
    attenuation_db: float = 80,
) -> System:
    """Return the filters of a chain in a row, but for the gains.

    Parameters
    ----------
    chain : sequence of Link
        In the order that the sound goes through them.
    fs : float
        Rate in Hz.
    order : int
        Of the Butterworth filters.
    straight : bool
        Return the magnitudes of them all together as one FIR of linear phase.
    attenuation_db : float
        How far below the greatest magnitude that FIR's errors stay.

    Raises
    ------
    ValueError, TypeError
        For what a filter cannot be, naming its option.
    """
    from ltisys.elements import gain

    if not chain:
        raise ValueError("say what to filter with, such as --highpass 80 --peaking 1000:6:1.4")
    system: System = gain(1.0)
    for link in chain:
        if link.name == "gain-db":
            continue
        if straight and link.name == "allpass":
            raise ValueError(
                f"{link} turns the phase alone, and --linear-phase leaves none to turn"
            )
        try:
            system = system >> _made(link, fs, order)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{link}: {error}") from error
    if straight:
        from ltisys.phases import linear_phase

        system = linear_phase(system, attenuation_db=attenuation_db)
    return system


def _made(link: Link, fs: float, order: int) -> Any:
    """Return the filter of one option."""
    from ltisys import equalisers
    from ltisys.prototypes import butterworth

    name: Any = link.name
    numbers = link.numbers
    if name in ("lowpass", "highpass"):
        return butterworth(order, numbers[0], fs=fs, kind=name)
    if name in ("bandpass", "bandstop"):
        return butterworth(order, numbers, fs=fs, kind=name)
    if name == "dc-blocker":
        return equalisers.dc_blocker(fs=fs)
    if name in ("notch", "allpass"):
        return getattr(equalisers, name)(numbers[0], q=numbers[1], fs=fs)
    q = {"q": numbers[2]} if len(numbers) == 3 else {}
    return getattr(equalisers, name.replace("-", "_"))(numbers[0], gain_db=numbers[1], fs=fs, **q)
