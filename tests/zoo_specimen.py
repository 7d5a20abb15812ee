"""A specimen of the zoo: a system that breaks something, and the verdicts it must get"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

NOTHING: Mapping[str, Any] = {}

LAWS = ("additive", "homogeneous", "time-invariant", "causal", "memoryless")
CONDUCT = ("stable", "deterministic", "stateless", "pure")
PROPERTIES = (*LAWS, *CONDUCT, "linear", "lti")
STATIC = "additive homogeneous"
"""What a curve breaks: y[n] = g(x[n])."""
DYNAMIC = "additive homogeneous memoryless"
"""What a curve with memory breaks."""
RANDOM = "additive homogeneous time-invariant causal memoryless"
"""What cannot be judged of a system that answers the same question differently each time."""


def every(*holds: bool | None) -> bool | None:
    """False where one is broken, else None where one could not be judged."""
    return False if False in holds else None if None in holds else True


@dataclasses.dataclass(frozen=True)
class Specimen:
    """A system with the exact verdicts it must get; what no set names must hold.

    `linear` and `lti` follow from the rest. `spared` names what the definitions leave open, with
    the reason beside the specimen. `traits` are `latency`, `lookahead`, `memory`, `period`.
    """

    name: str
    make: Callable[[], Callable[..., Any]]
    fails: frozenset[str]
    unjudged: frozenset[str]
    spared: frozenset[str]
    inputs: int
    says: str
    traits: Mapping[str, int | None]
    small: Mapping[str, int]

    @property
    def verdicts(self) -> dict[str, bool | None]:
        """Each property's verdict, those spared left out."""
        holds: dict[str, bool | None] = {
            name: False if name in self.fails else None if name in self.unjudged else True
            for name in (*LAWS, *CONDUCT)
        }
        holds["linear"] = every(holds["additive"], holds["homogeneous"])
        holds["lti"] = every(
            *(holds[name] for name in ("linear", "time-invariant", "deterministic", "stateless"))
        )
        return {name: holds[name] for name in PROPERTIES if name not in self.spared}

    @property
    def repeats(self) -> bool:
        """Whether a counterexample shows itself again on a fresh copy."""
        return not {"deterministic", "stateless"} & (self.fails | self.unjudged | self.spared)

    @property
    def frames(self) -> dict[str, int]:
        """Most frames of the smallest counterexample to a law: one for curves without memory."""
        broken = {name for name, holds in self.verdicts.items() if holds is False}
        curve = not {"memoryless", "time-invariant"} & (self.fails | self.unjudged | self.spared)
        return {law: 1 for law in ("additive", "homogeneous") if curve and law in broken} | dict(
            self.small
        )


def born(
    name: str,
    make: Callable[[], Callable[..., Any]],
    fails: str = "",
    *,
    unjudged: str = "",
    spared: str = "",
    inputs: int = 1,
    says: str = "",
    traits: Mapping[str, int | None] = NOTHING,
    small: Mapping[str, int] = NOTHING,
) -> Specimen:
    """A specimen of a system with a life of its own: `make` gives a fresh one."""
    sets = [frozenset(names.split()) for names in (fails, unjudged, spared)]
    for names in sets:
        assert names <= set(PROPERTIES), f"{name}: {sorted(names - set(PROPERTIES))}"
    return Specimen(name, make, *sets, inputs, says, traits, small)


def kept(name: str, system: Callable[..., Any], fails: str = "", **options: Any) -> Specimen:
    """A specimen of a system without state, which needs no fresh copy."""
    return born(name, lambda: system, fails, **options)
