"""The zoo, caught: each specimen gets its exact verdicts, and counterexamples that show it"""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from zoo import PROPERTIES, ZOO, Specimen

import ltisys as lti

LAWS = ("additive", "homogeneous", "linear", "time-invariant", "causal", "memoryless", "lti")
SHOWS = 1e-9
"""Counterexamples depart by more of their larger side: the faintest fault here is 1e-6 loud."""
NAMED = ("affine", "circular", "reverses time")
"""Notes that must appear where they are expected, and nowhere else."""
SLOW = (
    *("echo with feedback above one", "echo that never fades", "double integrator", "integrator"),
    *("analytic signal of scipy", "resampler by FFT", "a third of the rate and back"),
    *("decimator of scipy", "sigma-delta modulator", "backlash", "median of the last five"),
    *("line removed", "sum of everything", "largest of all", "leak between calls", "wow"),
    *("switch every 10 000 frames", "filter that forgets", "Doppler, passing by"),
    *("resonator of radius 1", "filter primed by the first frame"),
)
"""More than 3 s each, mostly with inputs of 131 072 frames: in the heavy tier."""


def wrong_verdicts(specimen: Specimen, report: lti.CheckReport) -> Iterator[str]:
    for name, holds in specimen.verdicts.items():
        if report[name].holds is not holds:
            yield f"{name}: {report[name].holds}, not {holds}: {report[name].detail}"


def wrong_traits(specimen: Specimen, report: lti.CheckReport) -> Iterator[str]:
    for name, value in specimen.traits.items():
        if getattr(report, name) != value:
            yield f"{name}: {getattr(report, name)}, not {value}"


def wrong_notes(specimen: Specimen, report: lti.CheckReport) -> Iterator[str]:
    notes = " ".join(report.notes)
    if specimen.says not in notes:
        yield f"no note of {specimen.says!r}"
    for word in NAMED:
        if specimen.repeats and word in notes and word not in specimen.says:
            yield f"a note of {word!r}"


def wrong_counterexamples(specimen: Specimen, report: lti.CheckReport) -> Iterator[str]:
    """Each law that fails has one; it is small, its line runs, and what it gives is no rounding."""
    for law in LAWS:
        found = report[law].counterexample
        if specimen.verdicts.get(law) is not False or report[law].holds is not False:
            continue
        if found is None:
            if law != "lti" and specimen.repeats:
                yield f"{law}: no counterexample"
            continue
        if specimen.repeats and not departure(found.got, found.want) > SHOWS:
            yield f"{law}: {found} is rounding"
        if max(x.shape[-1] for x in found.inputs) > specimen.frames.get(law, np.inf):
            yield f"{law}: {found} is not the smallest"
        if not specimen.repeats:
            continue
        scope = {"system": specimen.make(), "np": np, "lti": lti}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of scipy, for inputs as short as these
            apart = np.asarray(eval(found.reproduce, scope), dtype=np.complex128)
        shown = np.asarray(found.got) - found.want
        scale = max(np.abs(found.got).max(), np.abs(found.want).max())
        if not np.abs(apart.ravel() - shown.ravel()).max() <= 1e-12 * scale:
            yield f"{law}: the line gives {apart}, the report {shown}: {found}"
        if departs_by_definition(specimen, law, found) is False:
            yield f"{law}: by definition nothing departs in {found}"


def departs_by_definition(specimen: Specimen, law: str, found: Any) -> bool | None:
    """Whether the law fails with nothing of the checker in between; None if that takes more."""

    def f(x: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            y = np.asarray(specimen.make()(np.array(x)))
        return y.astype(np.result_type(y, np.float64))

    if "stream" in specimen.name:
        return None
    a, numbers = found.inputs[0], found.parameters
    if law == "additive":
        b = found.inputs[1]
        return departure(f(a + b), f(a) + f(b)) > SHOWS
    if law == "homogeneous":
        factor = numbers["factor"]
        return (
            bool(factor.imag or factor.real >= 0)
            and departure(f(factor * a), factor * f(a)) > SHOWS
        )
    if law == "time-invariant" and not numbers.get("window"):
        later = f(np.concatenate((np.zeros((*a.shape[:-1], numbers["shift"])), a), axis=-1))
        later, still = later[..., numbers["shift"] :], f(a)
        frames = min(later.shape[-1], still.shape[-1])
        return departure(later[..., :frames], still[..., :frames]) > SHOWS
    return None


def departure(got: Any, want: Any) -> float:
    """How far two answers are apart, relative to the larger."""
    scale = max(np.max(np.abs(got), initial=0.0), np.max(np.abs(want), initial=0.0))
    apart = np.max(np.abs(np.asarray(got) - want), initial=0.0)
    return float(apart / scale) if scale else 0.0


def test_the_zoo_itself() -> None:
    names = [specimen.name for specimen in ZOO]
    assert len(ZOO) >= 60
    assert len(set(names)) == len(ZOO)
    assert set(SLOW) <= set(names)
    for specimen in ZOO:
        judged = specimen.verdicts
        assert set(judged) | specimen.spared == set(PROPERTIES), specimen.name
        assert {False, None} & set(judged.values()), f"{specimen.name} breaks nothing"


@pytest.mark.parametrize(
    "specimen",
    [pytest.param(one, id=one.name, marks=[pytest.mark.slow] * (one.name in SLOW)) for one in ZOO],
)
def test_specimen(specimen: Specimen) -> None:
    report = lti.check(specimen.make(), inputs=specimen.inputs)
    wrong = [
        *wrong_verdicts(specimen, report),
        *wrong_traits(specimen, report),
        *wrong_notes(specimen, report),
        *wrong_counterexamples(specimen, report),
    ]
    assert not wrong, "\n".join((*wrong, str(report)))
