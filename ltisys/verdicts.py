"""what a check found: verdicts, the smallest counterexamples, a report that prints itself"""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ltisys._types import Array

__all__ = ["CheckReport", "Counterexample", "Verdict"]

SHOWN = 8
"""More frames than this of a counterexample are printed with their middle left out."""


@dataclass(frozen=True, eq=False)
class Counterexample:
    """The smallest case found in which a property fails.

    Attributes
    ----------
    law : str
        What should have been equal.
    inputs : tuple of ndarray
        The signals of the case, ``(frames,)`` or ``(inputs, frames)`` each.
    parameters : dict
        The numbers of the case: a factor, a shift, a frame.
    got, want : ndarray
        The two sides that should have been equal.
    departure_db : float
        How far apart they are, relative to the larger of them.
    reproduce : str
        One line of Python for ``got - want``, with ``system``, ``np`` and ``lti`` in scope.
    """

    law: str
    inputs: tuple[Array, ...]
    parameters: Mapping[str, Any]
    got: Array
    want: Array
    departure_db: float
    reproduce: str

    def __str__(self) -> str:
        case = ", ".join(
            f"{name} = {shown(value)}"
            for name, value in [*zip("ab", self.inputs, strict=False), *self.parameters.items()]
        )
        # as many digits as it takes to see the difference
        digits = 6
        if math.isfinite(self.departure_db):
            digits = min(max(6, math.ceil(-self.departure_db / 20) + 2), 17)
        sides = f"got {shown(self.got, digits)}, want {shown(self.want, digits)}"
        return f"{self.law}\n{case}: {sides}\n{self.reproduce}"

    def to_dict(self) -> dict[str, Any]:
        """Return the case as values that JSON can hold."""
        return {
            "law": self.law,
            "inputs": [plain(x) for x in self.inputs],
            "parameters": {name: plain(value) for name, value in self.parameters.items()},
            "got": plain(self.got),
            "want": plain(self.want),
            "departure_db": plain(self.departure_db),
            "reproduce": self.reproduce,
        }


@dataclass(frozen=True, eq=False)
class Verdict:
    """What the trials say of one property.

    Attributes
    ----------
    name : str
        The property.
    holds : bool or None
        True: no counterexample was found. False: one was. None: it could not be judged, for the
        reason in `detail`.
    departure_db : float
        The worst departure found, relative to the output; -inf for none, NaN if nothing was
        compared.
    detail : str
        The verdict in words.
    trials : int
        Comparisons made.
    grade : str
        "exact", "to float64 rounding", "to float32 rounding", "departs by -63 dB", "fails" (by
        more than -20 dB), or "not judged".
    counterexample : Counterexample or None
        The smallest one found.
    curve : tuple of (float, float)
        The worst departure in dB at each level of the input in dBFS.
    """

    name: str
    holds: bool | None
    departure_db: float = math.nan
    detail: str = ""
    trials: int = 0
    grade: str = "not judged"
    counterexample: Counterexample | None = None
    curve: tuple[tuple[float, float], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as values that JSON can hold."""
        return {
            "holds": self.holds,
            "departure_db": plain(self.departure_db),
            "detail": self.detail,
            "trials": self.trials,
            "grade": self.grade,
            "counterexample": self.counterexample and self.counterexample.to_dict(),
            "curve": [[plain(v) for v in point] for point in self.curve],
        }


@dataclass(frozen=True, eq=False, repr=False)
class CheckReport:
    """What `lti.check` found out about a system: a verdict for each property, and its response.

    ``report["linear"]`` is a `Verdict`; ``bool(report)`` says whether every property demanded
    held; ``print(report)`` is a table with the smallest counterexample of each failure, which a
    notebook shows as HTML.

    Attributes
    ----------
    name : str
        The system, as far as it has a name.
    verdicts : dict of str to Verdict
        In the order of the table.
    demanded : tuple of str
        The properties that `bool` asks for: those given in ``properties``, by default all but
        "memoryless", which hardly any useful system is.
    fs : float or None
        Frames a second.
    inputs, outputs : int
        Channels.
    impulse_response : ndarray or None
        Measured: ``(taps,)``, ``(outputs, taps)``, or ``(outputs, inputs, taps)`` for a system
        of several inputs; its first frame is time ``-lookahead``.
    latency : int or None
        Frames from an impulse to the first of its answer; negative if the answer comes first.
    lookahead : int or None
        Frames of the future that the answer uses; None for the whole input.
    memory : int or None
        Frames of the past that the answer uses, beyond rounding; None if more than were tested.
    period : int or None
        For a system that is time-invariant by multiples of so many frames only; None if it is
        time-invariant, or no period was found.
    precision : str
        The arithmetic found in the answers: "float64", "float32" or "float16".
    tolerance_db : float
        Departures below it, relative to gain and input, are rounding.
    notes : tuple of str
        What the system is, where it could be named.
    trials, calls, seconds, seed, by_hand
        Of each law; how often the system was called; how long it all took; of the inputs drawn;
        whether the tolerance was given.
    """

    name: str
    verdicts: Mapping[str, Verdict]
    demanded: tuple[str, ...]
    fs: float | None = None
    inputs: int = 1
    outputs: int = 1
    impulse_response: Array | None = None
    latency: int | None = None
    lookahead: int | None = None
    memory: int | None = None
    period: int | None = None
    precision: str = "float64"
    tolerance_db: float = math.nan
    notes: tuple[str, ...] = ()
    trials: int = 0
    calls: int = 0
    seconds: float = 0.0
    seed: int = 0
    by_hand: bool = False

    def __getitem__(self, name: str) -> Verdict:
        try:
            return self.verdicts[name]
        except KeyError:
            known = ", ".join(map(repr, self.verdicts))
            raise KeyError(f"{name!r} was not checked; the verdicts are {known}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.verdicts)

    def __len__(self) -> int:
        return len(self.verdicts)

    def __bool__(self) -> bool:
        return all(self.verdicts[name].holds is True for name in self.demanded)

    @property
    def failures(self) -> tuple[Verdict, ...]:
        """The demanded properties with a counterexample."""
        return tuple(v for v in self._demanded() if v.holds is False)

    @property
    def unjudged(self) -> tuple[Verdict, ...]:
        """The demanded properties that could not be judged."""
        return tuple(v for v in self._demanded() if v.holds is None)

    def _demanded(self) -> list[Verdict]:
        return [self.verdicts[name] for name in self.demanded]

    def answer(self, verdict: Verdict) -> str:
        """Return the word for a verdict's column: yes, no, NO where it was demanded, or ?."""
        if verdict.holds is None:
            return "?"
        if verdict.holds:
            return "holds"
        return "FAILS" if verdict.name in self.demanded else "no"

    def headline(self) -> str:
        """Return the report in one sentence."""
        if self.failures:
            names = ", ".join(v.name for v in self.failures)
            return f"{self.name}: counterexamples found: not {names}"
        if len(self.unjudged) == len(self.demanded) > 1:
            reason = self.unjudged[0].detail.removeprefix("not judged: ")
            return f"{self.name}: could not be judged: {reason}"
        if self.unjudged:
            names = ", ".join(v.name for v in self.unjudged)
            return f"{self.name}: no counterexample, but {names} could not be judged"
        return f"{self.name}: no counterexample to {', '.join(self.demanded)}"

    def facts(self) -> dict[str, str]:
        """Return what was measured, each as a short text."""
        if not self.outputs:
            return {"calls": f"{self.calls:,}"}
        facts = {"channels": f"{self.inputs} in, {self.outputs} out"}
        response = self.impulse_response
        if response is not None and response.size and np.abs(response).max() > 0:
            peak = float(np.abs(response).max())
            facts["response"] = f"{response.shape[-1]:,} frames, peak {peak:.4g}"
        if self.latency is not None:
            facts["latency"] = self._time(self.latency)
        if self.lookahead is None:
            facts["look-ahead"] = "the whole input"
        elif self.lookahead:
            facts["look-ahead"] = self._time(self.lookahead)
        facts["memory"] = "longer than tested" if self.memory is None else self._time(self.memory)
        if self.period is not None:
            facts["period"] = self._time(self.period)
        facts["arithmetic"] = f"{self.precision}; departures up to {self.tolerance_db:.0f} dB "
        facts["arithmetic"] += "are tolerated" if self.by_hand else "are rounding"
        facts["asked"] = f"{self.calls:,} calls in {self.seconds:.2g} s, seed {self.seed}"
        return facts

    def _time(self, frames: int) -> str:
        seconds = f" ({1e3 * frames / self.fs:.4g} ms)" if self.fs and frames else ""
        return f"{frames:,} frame{'' if abs(frames) == 1 else 's'}{seconds}"

    def __str__(self) -> str:
        rows = [
            (v.name, self.answer(v), v.detail.splitlines()[0] if v.detail else v.grade)
            for v in self.verdicts.values()
        ]
        width = max(len(name) for name, _, _ in rows)
        lines = [self.headline(), ""]
        lines += [f"  {name:<{width}}  {answer:<5}  {detail}" for name, answer, detail in rows]
        lines += [""] * bool(self.notes) + [f"  {note}" for note in self.notes]
        facts = self.facts()
        if facts:
            wide = max(map(len, facts))
            lines += ["", *(f"  {name:<{wide}}  {value}" for name, value in facts.items())]
        for verdict, names in self.shown_counterexamples():
            lines += ["", f"not {names}:"]
            lines += [f"    {line}" for line in str(verdict.counterexample).splitlines()]
        return "\n".join(lines)

    def shown_counterexamples(self) -> list[tuple[Verdict, str]]:
        """Return each different counterexample of the failures, with the properties it refutes."""
        found: dict[int, tuple[Verdict, list[str]]] = {}
        for verdict in self.failures:
            if verdict.counterexample is not None:
                key = id(verdict.counterexample)
                found.setdefault(key, (verdict, []))[1].append(verdict.name)
        return [(verdict, ", ".join(names)) for verdict, names in found.values()]

    def _repr_html_(self) -> str:
        colours = {"holds": "#1a7f37", "FAILS": "#c62828", "?": "#9a6700", "no": "#57606a"}
        cell = 'style="text-align:left;padding:.15em .8em .15em 0"'
        rows = "".join(
            f"<tr><td {cell}><b>{html.escape(v.name)}</b></td>"
            f'<td {cell}><b style="color:{colours[self.answer(v)]}">{self.answer(v)}</b></td>'
            f"<td {cell}>{html.escape(v.detail)}</td></tr>"
            for v in self.verdicts.values()
        )
        facts = "".join(
            f"<tr><td {cell}>{html.escape(name)}</td>"
            f"<td {cell} colspan=2>{html.escape(value)}</td></tr>"
            for name, value in self.facts().items()
        )
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        cases = "".join(
            f"<p><b>not {html.escape(names)}</b></p><pre>{html.escape(str(v.counterexample))}</pre>"
            for v, names in self.shown_counterexamples()
        )
        return (
            f"<div><p><b>{html.escape(self.headline())}</b></p><table>{rows}{facts}</table>"
            + (f"<ul>{notes}</ul>" if notes else "")
            + f"{cases}</div>"
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw departure against level, a counterexample's two sides, the impulse response.

        Parameters
        ----------
        ax : sequence of three Axes, optional
            By default a new figure.

        Returns
        -------
        ndarray of three Axes
        """
        from ltisys.check_plots import plot_report

        return plot_report(self, ax=ax)

    def to_svg(self) -> str:
        """Return the pictures of `plot` as one SVG, made without pyplot."""
        from ltisys.check_plots import report_svg

        return report_svg(self)

    def __repr__(self) -> str:
        return f"<CheckReport {self.headline()}>"

    def to_dict(self) -> dict[str, Any]:
        """Return the report as values that JSON can hold."""
        return {
            "name": self.name,
            "holds": bool(self),
            "demanded": list(self.demanded),
            "verdicts": {name: verdict.to_dict() for name, verdict in self.verdicts.items()},
            "notes": list(self.notes),
            "fs": self.fs,
            "inputs": self.inputs,
            "outputs": self.outputs,
            "latency": self.latency,
            "lookahead": self.lookahead,
            "memory": self.memory,
            "period": self.period,
            "precision": self.precision,
            "tolerance_db": plain(self.tolerance_db),
            "impulse_response": plain(self.impulse_response),
            "trials": self.trials,
            "calls": self.calls,
            "seconds": round(self.seconds, 3),
            "seed": self.seed,
        }


def level(departure_db: float) -> str:
    """Return a departure as a text: ``-308 dB``, or ``none``."""
    return "none" if departure_db == -math.inf else f"{round(departure_db) + 0} dB"


def shown(value: Any, digits: int = 6) -> str:
    """Return a number or an array as a short text, a long array without its middle."""
    if not isinstance(value, np.ndarray):
        return f"{value:.{digits}g}" if isinstance(value, float) else str(value)
    if value.ndim > 1:
        return "[" + ", ".join(shown(row, digits) for row in value) + "]"
    ends = value if value.size <= SHOWN else np.r_[value[: SHOWN // 2], value[-SHOWN // 2 :]]
    numbers = [f"{v:.{digits}g}" for v in ends.tolist()]
    if value.size > SHOWN:
        numbers.insert(SHOWN // 2, "...")
        return f"[{', '.join(numbers)}] ({value.size} frames)"
    return f"[{', '.join(numbers)}]"


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it: NaN and infinities as text, complex as [re, im]."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, np.ndarray):
        return [plain(v) for v in value]
    if isinstance(value, complex | np.complexfloating):
        return [plain(float(value.real)), plain(float(value.imag))]
    if isinstance(value, int | np.integer):
        return int(value)
    number = float(value)
    return number if math.isfinite(number) else str(number)
