"""Assertions and parametrisations: what they demand, say, name, and expect to fail."""

import functools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ltisys as lti
from ltisys import testing
from ltisys.properties import check
from ltisys.verdicts import CheckReport

pytest_plugins = ["pytester"]  # runs pytest on small test modules

ROOT = Path(__file__).resolve().parent.parent
ASSERTIONS = [
    testing.assert_linear,
    testing.assert_time_invariant,
    testing.assert_causal,
    testing.assert_stable,
    testing.assert_lti,
]
QUICK: dict[str, Any] = {"trials": 8}


def half(x: np.ndarray) -> np.ndarray:
    return 0.5 * x


def backwards(x: np.ndarray) -> np.ndarray:
    return x[..., ::-1].copy()


def centred(x: np.ndarray) -> np.ndarray:
    return np.convolve(x, [0.25, 0.5, 0.25], mode="same")


class Gain:
    def __init__(self, gain: float) -> None:
        self.gain = gain

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.gain * x


# --- assertions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("demand", ASSERTIONS, ids=lambda demand: demand.__name__)
def test_an_honest_system_passes(demand: Callable[..., None]) -> None:
    assert demand(half, **QUICK) is None
    demand(lti.FIR([1.0, 0.5]), **QUICK)


@pytest.mark.parametrize(
    ("demand", "liar", "name"),
    [
        (testing.assert_linear, lambda x: np.clip(x, -0.9, 0.9), "linear"),
        (testing.assert_time_invariant, backwards, "time-invariant"),
        (testing.assert_causal, centred, "causal"),
        (testing.assert_stable, np.cumsum, "stable"),
        (testing.assert_lti, np.abs, "lti"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_liar_raises_the_report(demand: Callable[..., None], liar: Any, name: str) -> None:
    with pytest.raises(AssertionError) as caught:
        demand(liar, **QUICK)
    said = str(caught.value)
    assert "counterexamples found: not" in said.splitlines()[0]
    assert name in said.splitlines()[0]
    if demand is not testing.assert_lti:
        report = check(liar, properties=(name,), **QUICK)
        case = report[name].counterexample
        assert case is not None
        assert str(case).splitlines() == [line.strip() for line in said.splitlines()[-3:]]
        assert report[name].detail.splitlines()[0] in said


@pytest.mark.parametrize("demand", ASSERTIONS, ids=lambda demand: demand.__name__)
def test_what_cannot_be_judged_does_not_pass(demand: Callable[..., None]) -> None:
    with pytest.raises(AssertionError, match="could not be judged"):
        demand(lambda x: None, **QUICK)


@pytest.mark.parametrize("demand", ASSERTIONS[:-1], ids=lambda demand: demand.__name__)
def test_settings_are_handed_on(
    demand: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    def spy(system: Any, **settings: Any) -> CheckReport:
        seen.update(settings, system=system)
        return CheckReport("spied on", {}, ())

    monkeypatch.setattr(testing, "check", spy)
    settings = {"fs": 8e3, "inputs": 2, "frames": 99, "trials": 3, "seed": 5, "tolerance_db": -9.0}
    demand(half, **settings)
    name = demand.__name__.removeprefix("assert_").replace("_", "-")
    assert seen == settings | {"system": half, "properties": (name,)}
    demand(half)
    assert set(seen) == {*settings, "system", "properties"}


@pytest.mark.parametrize("demand", ASSERTIONS, ids=lambda demand: demand.__name__)
def test_a_setting_that_there_is_not_is_refused(demand: Callable[..., None]) -> None:
    with pytest.raises(TypeError, match="trails"):
        demand(half, trails=3)


def test_inputs_and_tolerance_have_their_meaning() -> None:
    testing.assert_linear(lambda x: x + 1e-4 * x**2, tolerance_db=-20.0, **QUICK, frames=64)
    testing.assert_linear(lambda x: x[0] - x[1], inputs=2, **QUICK)
    with pytest.raises(AssertionError):
        testing.assert_linear(lambda x: x[0] * x[1], inputs=2, **QUICK)


# --- over the real numbers only -------------------------------------------------------------------


def test_a_real_part_is_linear_over_the_real_numbers() -> None:
    with pytest.raises(AssertionError, match="not homogeneous"):
        testing.assert_linear(np.real, **QUICK)
    testing.assert_linear(testing.real_only(np.real), **QUICK)
    testing.assert_linear(testing.real_only(np.conj), **QUICK)


def test_real_only_keeps_name_and_answer_and_refuses_complex() -> None:
    wrapped = testing.real_only(half)
    assert wrapped.__name__ == "half"
    np.testing.assert_array_equal(wrapped(np.ones(3)), np.full(3, 0.5))
    for x in (np.ones(3) * 1j, np.complex64([1.0]), [1j]):
        with pytest.raises(TypeError) as caught:
            wrapped(x)
        dtype = np.asarray(x).dtype
        assert str(caught.value) == f"x has dtype {dtype}; this system takes real signals"
    system = lti.FIR([1.0, 0.5])
    before = vars(system).copy()
    np.testing.assert_array_equal(testing.real_only(system)(np.ones(1)), [1.0, 0.5])
    assert vars(system) == before


@pytest.mark.parametrize("system", [lambda: None, lti.FIR([1.0]).stream(), 3])
def test_real_only_takes_functions_of_a_signal(system: Any) -> None:
    with pytest.raises(TypeError, match="must be a callable x -> y"):
        testing.real_only(system)


# --- parametrisation ------------------------------------------------------------------------------


def cases(*args: Any, **options: Any) -> list[Any]:
    mark = testing.parametrize_with_lti_checks(*args, **options)
    assert mark.name == "parametrize"
    assert mark.args[0] == ("system", "check")
    return list(mark.args[1])


def test_each_property_of_each_system_is_a_test() -> None:
    found = cases([half, np.negative])
    assert len(found) == 20
    assert [case.values[0] for case in found] == [half] * 10 + [np.negative] * 10
    ids = [case.id for case in found]
    assert len(set(ids)) == 20
    assert "half-time-invariant" in ids
    assert "negative-pure" in ids
    assert "half-memoryless" not in ids
    assert repr(found[0].values[1]) == f"check({found[0].id.partition('-')[2]!r})"
    assert not any(case.marks for case in found)
    named = [case.id for case in cases([half], properties=["causal", "memoryless"])]
    assert named == ["half-causal", "half-memoryless"]
    assert [case.id for case in cases([half], properties="causal")] == ["half-causal"]


def test_names_tell_systems_apart_in_every_process() -> None:
    systems = [lambda x: x, lambda x: 2 * x, functools.partial(half), Gain(2), Gain(3),
               lti.FIR([1.0]), Gain(4).__call__, np.sin]  # fmt: skip
    ids = [case.id for case in cases(systems, properties=["linear"])]
    assert ids == [
        *("lambda1-linear", "lambda2-linear", "half-linear", "Gain1-linear", "Gain2-linear"),
        *("FIR-linear", "Gain.__call__-linear", "sin-linear"),
    ]
    ids = [case.id for case in cases({"soft": half, "loud": half}, properties=["linear"])]
    assert ids == ["soft-linear", "loud-linear"]


@pytest.mark.parametrize("many", [False, True], ids=["dict", "function"])
def test_expected_failures_are_marked(many: bool) -> None:
    reasons = {"causal": "it is centred", "memoryless": "not asked for"}

    def reasons_of(system: Any) -> dict[str, str] | None:
        return reasons if system is centred else None

    found = cases([centred, half], expected_failed_checks=reasons_of if many else reasons)
    marked = {case.id: list(case.marks) for case in found if case.marks}
    assert set(marked) == {"centred-causal"} | (set() if many else {"half-causal"})
    (mark,) = marked["centred-causal"]
    assert mark.name == "xfail"
    assert mark.kwargs == {"reason": "it is centred", "raises": AssertionError, "strict": True}


def test_what_there_is_not_is_told_before_any_test_runs() -> None:
    known = ", ".join(map(repr, testing.PROPERTIES))
    with pytest.raises(ValueError, match="properties") as caught:
        testing.parametrize_with_lti_checks([half], properties=["linaer"])
    assert str(caught.value) == f"properties holds 'linaer'; each must be one of {known}"
    with pytest.raises(ValueError, match=r"^expected_failed_checks holds 'casual'; each must be"):
        testing.parametrize_with_lti_checks([half], expected_failed_checks={"casual": "a slip"})
    with pytest.raises(TypeError, match="trails"):
        testing.parametrize_with_lti_checks([half], trails=3)


def test_a_system_is_checked_once_and_another_one_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def spy(system: Any, **settings: Any) -> CheckReport:
        seen.append((system, settings))
        return check(system, **settings)

    found = cases([half, backwards], properties=["linear", "causal"], **QUICK)
    monkeypatch.setattr(testing, "check", spy)
    assert seen == []
    verdicts = {}
    for case in found:
        system, demand = case.values
        try:
            demand(system)
            verdicts[case.id] = ""
        except AssertionError as error:
            verdicts[case.id] = str(error)
    assert seen == [(s, {"properties": ("linear", "causal"), **QUICK}) for s in (half, backwards)]
    said = verdicts.pop("backwards-causal")
    assert set(verdicts.values()) == {""}
    assert said.splitlines()[0] == "backwards: counterexamples found: not causal"
    found[0].values[1](np.negative)  # as a fixture may replace the system
    assert len(seen) == 3


TESTS = """
import numpy as np
from ltisys.testing import parametrize_with_lti_checks

def clip(x):
    return np.clip(x, -0.9, 0.9)

def expected(system):
    if system is clip:
        return {"linear": "it clips", "time-invariant": "wrongly expected"}

@parametrize_with_lti_checks(
    [clip, np.negative],
    expected_failed_checks=expected,
    properties=["linear", "homogeneous", "time-invariant"],
    trials=8,
)
def test_them(system, check):
    check(system)
"""


def test_pytest_runs_them(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TESTS)
    done = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:randomly", "-rA")
    # clip: not homogeneous, and time-invariant against what was expected
    done.assert_outcomes(passed=3, failed=2, xfailed=1)
    out = done.stdout.str()
    for line in (
        "PASSED test_pytest_runs_them.py::test_them[negative-linear]",
        "XFAIL test_pytest_runs_them.py::test_them[clip-linear] - it clips",
        "FAILED test_pytest_runs_them.py::test_them[clip-homogeneous]",
        "[XPASS(strict)] wrongly expected",
        "E AssertionError: clip: counterexamples found: not homogeneous",
    ):
        assert line in " ".join(out.split()) or line in out, out
    assert "def _demand" not in out  # the traceback ends in the test
    assert "check(system)" in out


# --- without pytest -------------------------------------------------------------------------------


def test_assertions_need_no_pytest() -> None:
    code = """
import sys
sys.modules["pytest"] = None  # as if it were not installed
from ltisys import testing
testing.assert_linear(lambda x: 2 * x, trials=2)
try:
    testing.parametrize_with_lti_checks([abs])
except ModuleNotFoundError as error:
    print(error.name)
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "pytest\n", "")
