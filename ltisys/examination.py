"""one check of one system: the trials of every law, the worst departure, the smallest failure"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ltisys import diagnoses, excitation, growth
from ltisys._types import Array
from ltisys.acquaintance import Acquaintance, first_input
from ltisys.black_box import Unanswered
from ltisys.exhibits import Showcase
from ltisys.laws import (
    Additive,
    Case,
    Causal,
    Homogeneous,
    Law,
    Memoryless,
    Predicted,
    TimeInvariant,
    compare,
)
from ltisys.steadiness import SameHistory, Unchanged, examine
from ltisys.traits import reach_of
from ltisys.trials import Findings, Trials
from ltisys.variation import Variation
from ltisys.verdicts import Counterexample, Verdict, level

__all__ = ["Examination", "PROPERTIES"]

PROPERTIES = (
    "linear",
    "additive",
    "homogeneous",
    "time-invariant",
    "lti",
    "causal",
    "memoryless",
    "stable",
    "deterministic",
    "stateless",
    "pure",
)
PERIOD_S = 2.0
"""Seconds that a search for a period may take."""
LONG_CASE = 16
"""Frames: a longer case against "lti" gives way to one against linearity or time invariance."""


class Examination:
    """Asks a system everything, and keeps what it learns."""

    def __init__(self, known: Acquaintance, asked: Sequence[str]) -> None:
        self.known, self.asked = known, asked
        self.box, self.rounding, self.usual = known.box, known.rounding, known.usual
        self.steadiness, self.traits = known.steadiness, known.traits
        self.period: int | None = None
        self.notes = list(known.notes)
        self.findings: dict[str, Findings] = {}
        self.verdicts: dict[str, Verdict] = {}

    # --- the course of a check --------------------------------------------------------------------

    def run(self) -> dict[str, Verdict]:
        """Return the verdicts asked for, in the order of `PROPERTIES`."""
        self._judge_laws()
        self._judge_steadiness()
        self._combine()
        if "stable" in self.asked:
            self.verdicts["stable"] = self._stable()
        self._diagnose()
        if self.traits.lookahead is None and self.traits.latency:
            self.traits = replace(self.traits, latency=None)  # it depends on the input's length
        self._shrink()
        return {name: self.verdicts[name] for name in PROPERTIES if name in self.asked}

    def _judge_laws(self) -> None:
        wanted = set(self.asked)
        if "lti" in wanted:
            wanted |= {"linear", "time-invariant"}
        if "linear" in wanted or "stable" in wanted:
            wanted |= {"additive", "homogeneous"}
        if "stable" in wanted:
            wanted.add("time-invariant")
        laws: list[Law] = []
        if "additive" in wanted:
            laws.append(Additive())
        if "homogeneous" in wanted:
            laws.append(Homogeneous())
        if "time-invariant" in wanted:
            laws.append(TimeInvariant(max(self.known.longest - self.usual, 1)))
        if "causal" in wanted or "time-invariant" in wanted:
            laws.append(Causal())
        if "memoryless" in wanted:
            laws.append(Memoryless())
        if "lti" in wanted and self.steadiness.deterministic is not False and self.known.rate == 1:
            laws.append(self._predicted())
        longest = self.known.longest
        if self.traits.cut:  # it may grow, and its rounding too
            longest = min(longest, self.known.response.frames, self.rounding.measured)
        if self.traits.lookahead is None:
            longest = min(longest, max(self.known.response.at, self.usual))
        trials = Trials(
            self.box,
            self.rounding,
            seed=self.known.seed,
            usual=self.usual,
            extended=min(self.known.extended, longest),
            longest=longest,
        )
        for law in laws:
            self.findings[law.name] = trials.of(law, self.known.trials)
        if "memoryless" in self.findings:
            self._remember(self.findings["memoryless"])
        if {"additive", "homogeneous"} <= set(self.findings):
            self._judge_complex(trials)
        for name, found in self.findings.items():
            self.verdicts[name] = self._verdict(name, found)

    def _remember(self, found: Findings) -> None:
        """Show a memory or a look-ahead longer than the trials."""
        late, early = self.traits.latency or 0, self.traits.lookahead or 0
        if found.failing or self.known.rate != 1 or not (late or early):
            return
        n = self.box.frames(max(late, early) + 1)
        a = np.zeros((self.box.inputs, n))
        a[..., early] = 1.0
        with contextlib.suppress(Unanswered):
            case = Case((a, np.zeros_like(a)))
            found.add(compare(found.law, self.box, self.rounding, case))

    def _predicted(self) -> Predicted:
        at, ahead = self.known.response.at, self.traits.lookahead
        early = 0 if ahead is None else max(at - ahead, 0)
        h, offset = self.known.response.y[..., early:], self.known.response.offset
        if offset is not None:  # the answer to an impulse as it came
            h = h + offset[:, None, early : early + h.shape[-1]]
        return Predicted(h, at - early, self.traits.cut or offset is not None)

    def _judge_complex(self, trials: Trials) -> None:
        """Try complex numbers, where it is linear over the real ones and takes them."""
        both = [self.findings["additive"], self.findings["homogeneous"]]
        if any(found.failing or not found.trials for found in both):
            return
        if not self.steadiness.stateless:  # its state would be complex from then on
            return
        rng = np.random.default_rng((self.known.seed, 1))
        z = excitation.draw(rng, "noise", self.box.inputs, self.usual, 0.0) * (1 + 0.5j)
        y = self.box.takes_complex(z)
        if y is None:
            return
        if not y.imag.any() and (self.traits.memory != 0 or self.traits.lookahead != 0):
            self.notes.append("takes complex input but answers real: judged over the real numbers")
            return
        for found, law in zip(both, (Additive(True), Homogeneous(True)), strict=True):
            over = trials.of(law, max(self.known.trials // 4, 6))
            found.trials += over.trials
            if over.failing:
                found.law, found.failing = law, over.failing
                found.worst_db, found.broken = over.worst_db, over.broken
                self.notes.append(f"{found.law.name} over real numbers, not over complex ones")

    # --- verdicts ---------------------------------------------------------------------------------

    def _verdict(self, name: str, found: Findings) -> Verdict:
        """Return the verdict that the trials of a law give, its case not yet shrunk."""
        refused = sum(found.refused.values())
        reason = found.refused.most_common(1)[0][0] if refused else ""
        if found.failing:
            worst = level(found.worst_db)
            grade = "fails" if found.worst_db > -20 else f"departs by {worst}"
            where = diagnoses.levels_of(found.points(), found.broken.__contains__)
            detail = f"departs by {worst}" + (f", {where}" if where else "")
            return Verdict(name, False, found.worst_db, detail, found.trials, grade, None,
                           found.points())  # fmt: skip
        if not found.trials:
            return Verdict(name, None, detail=f"not judged: {reason or 'nothing was compared'}")
        exact = found.worst_db == -math.inf
        if self.rounding.by_hand is not None and not exact:
            grade = f"within {level(20 * math.log10(self.rounding.by_hand))}"
        else:
            grade = "exact" if exact else f"to {self.rounding.precision} rounding"
        trials = f"no counterexample in {found.trials} trials"
        said = "exact" if exact else f"worst departure {level(found.worst_db)}"
        verdict = Verdict(name, True, found.worst_db, f"{trials}; {said}", found.trials, grade,
                          None, found.points())  # fmt: skip
        if refused:
            total = refused + found.trials
            detail = f"not judged: {reason} (in {refused} of {total} trials)"
            return replace(verdict, holds=None, detail=detail, grade="not judged")
        if self.steadiness.deterministic is False:
            detail = f"not judged: answers to one input differ by {self._spread()}"
            return replace(verdict, holds=None, detail=detail, grade="not judged")
        return verdict

    def _spread(self) -> str:
        return level(20 * math.log10(max(self.steadiness.departure, 1e-300)))

    def _judge_steadiness(self) -> None:
        """Judge deterministic, stateless, pure; once more after all the trials."""
        box, found = self.box, self.steadiness
        if found.deterministic and found.stateless:
            first = first_input(box, self.known.seed, self.usual)
            late = examine(box, self.usual, (first, box.raw(first)))
            if late.stateless is False:
                found = self.steadiness = late
        for name, holds in (
            ("deterministic", found.deterministic),
            ("stateless", found.stateless),
        ):
            if name not in self.asked and name != "stateless":
                continue
            if holds is None:
                self.verdicts[name] = Verdict(name, None, detail="not judged: it never answers")
            elif holds:
                said = "the same answers again, after other inputs and after silence"
                self.verdicts[name] = Verdict(name, True, -math.inf, said, 9, "exact")
            else:
                said = f"answers to one input differ by {self._spread()}"
                said += " from call to call" if name == "deterministic" else ", by what was asked"
                db = 20 * math.log10(max(found.departure, 1e-300))
                grade = "fails" if db > -20 else f"departs by {level(db)}"
                self.verdicts[name] = Verdict(name, False, db, said, 9, grade)
        if box.changed is None:
            said = f"no input was changed in {box.calls} calls"
            self.verdicts["pure"] = Verdict("pure", True, -math.inf, said, box.calls, "exact")
        else:
            said = "it writes on its input"
            self.verdicts["pure"] = Verdict("pure", False, 0.0, said, box.calls, "fails")

    def _combine(self) -> None:
        """Make linear of additive and homogeneous, and lti of everything it needs."""
        if {"additive", "homogeneous"} <= set(self.verdicts):
            parts = [self.verdicts["additive"], self.verdicts["homogeneous"]]
            self.verdicts["linear"] = _worst("linear", parts)
        if "lti" in self.asked:
            own = self.verdicts.get("lti", Verdict("lti", None))
            needs = [self.verdicts[n] for n in ("linear", "time-invariant", "stateless")]
            if own.holds is not False and any(v.holds is False for v in needs):
                first = next(v for v in needs if v.holds is False)
                detail = f"not {first.name}: {first.detail}"
                self.verdicts["lti"] = replace(first, name="lti", detail=detail)
            elif own.holds is not False and any(v.holds is None for v in needs):
                first = next(v for v in needs if v.holds is None)
                self.verdicts["lti"] = replace(
                    own, holds=None, detail=first.detail, grade="not judged"
                )
            self.verdicts.setdefault("lti", own)

    def _holds(self, name: str) -> bool:
        return name in self.verdicts and self.verdicts[name].holds is True

    def _stable(self) -> Verdict:
        box = self.box
        whole = self.traits.lookahead is None  # what comes before time 0 may grow as well
        if self._holds("linear") and self._holds("time-invariant") and not whole:
            found = growth.judge_response(box, self.known.response, self.traits.memory is not None)
        else:
            longest = self.known.frames or reach_of(0.03, box, self.usual, 2**17)
            found = growth.judge_answers(box, self.known.response, longest)
        if found.holds is None:
            return Verdict("stable", None, detail=f"not judged: {found.detail}")
        if found.holds:
            return Verdict("stable", True, -math.inf, found.detail, 1, "exact")
        case = Showcase(self.box, self.rounding).growing(found.worst)
        return Verdict("stable", False, 0.0, found.detail, 1, "fails", case)

    # --- what it is called, and the smallest case -------------------------------------------------

    def _diagnose(self) -> None:
        """Name what fails; find the period, the look-ahead."""
        box, rounding, frames = self.box, self.rounding, self.usual
        memoryless = self.verdicts.get("memoryless")
        nothing = self.traits.memory == self.traits.lookahead == 0
        if nothing and memoryless is not None and memoryless.holds is False:
            # it remembers what was not changed to measure it
            self.traits = replace(self.traits, memory=None)
        causal = self.findings.get("causal")
        if causal is not None and causal.failing:
            ahead = self.traits.lookahead
            if ahead is not None and causal.reach > ahead:
                ahead = None if causal.reaches_start else causal.reach
                self.traits = replace(self.traits, lookahead=ahead)
            if self.known.rate != 1:
                said = f"{self._rate_in_words()}: by frame numbers it answers ahead of its input"
            elif ahead is None:
                said = "uses the whole input"
            else:
                said = f"looks {ahead} frame{'s' * (ahead != 1)} ahead"
            self.verdicts["causal"] = replace(
                self.verdicts["causal"], detail=f"{said}; {self.verdicts['causal'].detail}"
            )
        if self.steadiness.deterministic is False:
            return
        linear = self.verdicts.get("linear")
        if linear is not None and linear.holds is False:
            note = diagnoses.affine(box, rounding, self.known.response, frames)
            if note:
                self.notes.append(note)
            if self._holds("homogeneous") and diagnoses.positive_only(box, rounding, frames):
                self.notes.append("homogeneous for positive factors only: f(-a) is not -f(a)")
            loud = diagnoses.by_level(box, rounding, frames)
            if loud is not None:
                self.notes.append("depends on the level of the whole input")
                self._not_invariant_by_level(loud)
        invariant = self.verdicts.get("time-invariant")
        whole = "depends on the level of the whole input" in self.notes
        if invariant is not None and invariant.holds is False and not whole:
            self._diagnose_variation()

    def _not_invariant_by_level(self, loud: Array) -> None:
        """Show that a delay which pushes the loud end out of the window changes the rest."""
        law = TimeInvariant()
        case = Case((loud,), {"shift": max(loud.shape[-1] // 8, 1), "window": True})
        try:
            outcome = compare(law, self.box, self.rounding, case)
        except Unanswered:
            return
        if outcome.fails and "time-invariant" in self.findings:
            found = self.findings["time-invariant"]
            if not found.failing:
                found.add(outcome)
                verdict = self._verdict("time-invariant", found)
                detail = f"depends on the level of the whole input; {verdict.detail}"
                self.verdicts["time-invariant"] = replace(verdict, detail=detail)

    def _rate_in_words(self) -> str:
        frames = "frame" if self.known.rate.numerator == 1 else "frames"
        return f"answers {self.known.rate.numerator} {frames} for {self.known.rate.denominator}"

    def _diagnose_variation(self) -> None:
        box, rounding = self.box, self.rounding
        said = []
        vary = Variation(box, rounding, self.known.rate, self.known.longest, PERIOD_S)
        if self.known.rate != 1:
            said.append(self._rate_in_words())
        if diagnoses.reverses(box, rounding):
            said.append("reverses time")
            self.traits = replace(self.traits, memory=None, latency=None)
        elif self.findings["causal"].failing and diagnoses.circular(box, rounding, self.traits):
            said.append("circular: what passes the end of the input comes back at its start")
        elif diagnoses.by_length(box, rounding, self.usual):
            said.append("depends on the length of the input")
        elif vary.only_edges():
            said.append("varies at the edges only: there it makes up the signal beyond them")
        else:
            self.period = vary.period(self.traits.memory)
            if self.period is not None:
                said.append(f"invariant by multiples of {self.period:,} frames only")
        self.notes += said
        if said:
            verdict = self.verdicts["time-invariant"]
            self.verdicts["time-invariant"] = replace(
                verdict, detail=f"{'; '.join(said)}; {verdict.detail}"
            )

    def _shrink(self) -> None:
        """Give every failed verdict its smallest case, its own or that of what it is made of."""
        show = Showcase(self.box, self.rounding)
        borrowed = {"additive", "homogeneous", "time-invariant"}
        wanted = {*self.asked, *(borrowed if {"linear", "lti"} & set(self.asked) else ())}
        for name, found in self.findings.items():
            if found.failing and name in wanted and self.verdicts[name].holds is False:
                self._give(name, show.smallest(found.law, found.failing[0]))
        if self.steadiness.failure is not None:
            law, case, sides = self.steadiness.failure
            self._give("stateless", show.unsteady(law, case, sides))
            if self.steadiness.deterministic is False:
                self._give("deterministic", show.unsteady(SameHistory(64), Case(case.inputs[:1])))
        if self.box.changed is not None:
            self._give("pure", show.unsteady(Unchanged(), Case((self.box.changed,))))
        self._borrow("linear", "additive", "homogeneous")
        self._borrow("lti", "linear", "time-invariant", "stateless")

    def _give(self, name: str, case: Counterexample | None) -> None:
        if name in self.verdicts and self.verdicts[name].holds is False:
            self.verdicts[name] = replace(self.verdicts[name], counterexample=case)

    def _borrow(self, name: str, *parts: str) -> None:
        """Show the case of a part, unless there is a short one of its own."""
        if name not in self.verdicts:
            return
        own = self.verdicts[name].counterexample
        if own is None or own.inputs[0].shape[-1] > LONG_CASE:
            cases = [self.verdicts[part].counterexample for part in parts if part in self.verdicts]
            self._give(name, next((case for case in cases if case is not None), own))

    def impulse_response(self) -> Array:
        """Return the response as the report shows it."""
        taps = self.traits.taps
        if self.box.inputs == 1:
            taps = taps[:, 0]
            return taps[0] if self.box.flat else taps
        return taps


def _worst(name: str, parts: Sequence[Verdict]) -> Verdict:
    """Return the verdict of a property that holds if all its parts do."""
    for holds in (False, None):
        bad = [v for v in parts if v.holds is holds]
        if bad:
            said = f"not {bad[0].name}: {bad[0].detail}" if holds is False else bad[0].detail
            return replace(bad[0], name=name, detail=said)
    worst = max(parts, key=lambda v: v.departure_db)
    trials = sum(v.trials for v in parts)
    said = (
        "exact"
        if worst.departure_db == -math.inf
        else (f"worst departure {level(worst.departure_db)}")
    )
    return replace(
        worst, name=name, trials=trials, detail=f"no counterexample in {trials} trials; {said}"
    )
