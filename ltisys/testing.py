"""assertions and parametrisations for pytest

Each assertion runs `ltisys.check` and raises AssertionError with the report in it, the smallest
counterexample included. They need no pytest; `parametrize_with_lti_checks` does.
There is no pytest plugin: a decorator that is imported says more than a fixture from nowhere.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypedDict, Unpack

import numpy as np

from ltisys.black_box import BlackBox
from ltisys.examination import PROPERTIES
from ltisys.properties import assert_lti, check
from ltisys.verdicts import CheckReport

__all__ = [
    "assert_causal",
    "assert_linear",
    "assert_lti",
    "assert_stable",
    "assert_time_invariant",
    "parametrize_with_lti_checks",
    "real_only",
]

DEMANDED = tuple(name for name in PROPERTIES if name != "memoryless")

Reasons = Mapping[str, str]


class Settings(TypedDict, total=False):
    """What `ltisys.check` takes beside the system and the properties."""

    fs: float | None
    inputs: int
    frames: int | None
    trials: int
    seed: int
    tolerance_db: float | None


def assert_linear(system: Any, **settings: Unpack[Settings]) -> None:
    """Raise AssertionError unless no counterexample to linearity is found.

    Parameters
    ----------
    system : callable, System or Stream factory
        As `ltisys.check` takes it.
    **settings
        Any of ``fs``, ``inputs``, ``frames``, ``trials``, ``seed``, ``tolerance_db``, with the
        meaning and the defaults they have there.

    Raises
    ------
    AssertionError
        With the report, if there is a counterexample, or linearity could not be judged.

    Examples
    --------
    >>> from ltisys.testing import assert_linear
    >>> assert_linear(lambda x: 0.5 * x)
    >>> assert_linear(lambda x: np.clip(x, -0.9, 0.9))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    AssertionError: ...
    """
    _demand(check(system, properties=("linear",), **settings))


def assert_time_invariant(system: Any, **settings: Unpack[Settings]) -> None:
    """Raise AssertionError unless no counterexample to time invariance is found.

    Parameters
    ----------
    system, **settings
        As `assert_linear` takes them.

    Raises
    ------
    AssertionError
        With the report, if there is a counterexample, or it could not be judged.

    Examples
    --------
    >>> from ltisys.testing import assert_time_invariant
    >>> assert_time_invariant(lambda x: x**2)
    >>> assert_time_invariant(lambda x: x[::-1])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    AssertionError: ...
    """
    _demand(check(system, properties=("time-invariant",), **settings))


def assert_causal(system: Any, **settings: Unpack[Settings]) -> None:
    """Raise AssertionError unless no answer was found that depends on the future.

    Parameters
    ----------
    system, **settings
        As `assert_linear` takes them.

    Raises
    ------
    AssertionError
        With the report, if there is a counterexample, or it could not be judged.

    Examples
    --------
    >>> from ltisys.testing import assert_causal
    >>> assert_causal(lambda x: np.convolve(x, [1.0, 0.5]))
    >>> assert_causal(lambda x: np.convolve(x, [1.0, 1.0, 1.0], mode="same"))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    AssertionError: ...
    """
    _demand(check(system, properties=("causal",), **settings))


def assert_stable(system: Any, **settings: Unpack[Settings]) -> None:
    """Raise AssertionError unless no bounded input was found whose answer grows without bound.

    Parameters
    ----------
    system, **settings
        As `assert_linear` takes them.

    Raises
    ------
    AssertionError
        With the report, if there is a counterexample, or it could not be judged.

    Examples
    --------
    >>> from ltisys.testing import assert_stable
    >>> assert_stable(lambda x: np.convolve(x, [1.0, 0.5]))
    >>> assert_stable(np.cumsum)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    AssertionError: ...
    """
    _demand(check(system, properties=("stable",), **settings))


def parametrize_with_lti_checks(
    systems: Iterable[Any] | Mapping[str, Any],
    *,
    expected_failed_checks: Reasons | Callable[[Any], Reasons | None] | None = None,
    properties: Sequence[str] | None = None,
    **settings: Unpack[Settings],
) -> Any:
    """Parametrise a pytest test with every property of every system.

    Each pair of a system and a property is a test of its own, named after both, so that
    ``pytest -k time-invariant`` runs what it says. A system is checked once, when the first of its
    tests runs, and its tests share the report. It works as scikit-learn's
    ``parametrize_with_checks`` does. For one assertion on one system `assert_lti` is shorter.

    Parameters
    ----------
    systems : iterable of systems, or dict of str to system
        Each as `ltisys.check` takes it. The keys of a dict name the tests.
    expected_failed_checks : dict of str to str, or callable
        Properties that do not hold, each with the reason, for all systems; or a function from a
        system to such a dict, or to None. Their tests are marked as xfail, strictly: when one of
        them holds after all, its test fails, and the entry is to be removed.
    properties : sequence of str, optional
        By default all but "memoryless", as for `ltisys.check`.
    **settings
        As `assert_linear` takes them.

    Returns
    -------
    pytest.MarkDecorator
        For a test of the arguments ``system`` and ``check``, which calls ``check(system)``.

    Raises
    ------
    ValueError
        For a property that there is not.
    TypeError
        For a setting that there is not.
    ModuleNotFoundError
        Without pytest.

    Examples
    --------
    >>> from ltisys.testing import parametrize_with_lti_checks
    >>> def expected(system):
    ...     return {"causal": "the window is centred"} if system is smooth else None
    >>> def smooth(x):
    ...     return np.convolve(x, [0.25, 0.5, 0.25], mode="same")
    >>> @parametrize_with_lti_checks([smooth, np.negative], expected_failed_checks=expected)
    ... def test_systems(system, check):
    ...     check(system)
    """
    import pytest

    wanted = DEMANDED if properties is None else tuple(properties)
    if isinstance(properties, str):
        wanted = (properties,)
    _known("properties", wanted)
    inspect.signature(check).bind(None, **settings)  # a misspelt one is told here, not in each test
    named = systems.items() if isinstance(systems, Mapping) else _named(list(systems))
    cases = []
    for name, system in named:
        reasons = expected_failed_checks
        if callable(reasons):
            reasons = reasons(system)
        reasons = reasons or {}
        _known("expected_failed_checks", reasons)
        shared = _Shared(system, wanted, settings)
        for wish in wanted:
            marks = (
                [pytest.mark.xfail(reason=reasons[wish], raises=AssertionError, strict=True)]
                if wish in reasons
                else []
            )
            cases.append(
                pytest.param(system, _Check(wish, shared), id=f"{name}-{wish}", marks=marks)
            )
    return pytest.mark.parametrize(("system", "check"), cases)


def real_only(system: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the system without its complex side: complex input is refused with a TypeError.

    For a system that answers complex input, but is meant for real signals: it is then judged over
    the real numbers only.

    Parameters
    ----------
    system : callable
        From a signal to its answer.

    Returns
    -------
    callable
        Under the name of the system.

    Raises
    ------
    TypeError
        If the system cannot be called with a signal.

    Examples
    --------
    >>> from ltisys.testing import real_only
    >>> real_only(np.real)(np.ones(2))
    array([1., 1.])
    """
    if BlackBox(system).kind not in ("callable", "system"):
        raise TypeError(f"system={system!r} must be a callable x -> y, and no stream")

    def wrapped(x: Any) -> Any:
        if np.iscomplexobj(x):
            raise TypeError(f"x has dtype {np.asarray(x).dtype}; this system takes real signals")
        return system(x)

    # `updated=()`: the fields of a system are its own
    return functools.update_wrapper(wrapped, system, updated=())


# --- one report for many tests --------------------------------------------------------------------


class _Shared:
    """A system and its report, which is made when it is first asked for."""

    def __init__(self, system: Any, wanted: tuple[str, ...], settings: Settings) -> None:
        self.system, self.wanted, self.settings = system, wanted, settings

    @functools.cached_property
    def report(self) -> CheckReport:
        return self.judge(self.system)

    def judge(self, system: Any) -> CheckReport:
        return check(system, properties=self.wanted, **self.settings)


class _Check:
    """One property, to be asserted of a system."""

    def __init__(self, name: str, shared: _Shared) -> None:
        self.name, self.shared = name, shared

    def __repr__(self) -> str:
        return f"check({self.name!r})"

    def __call__(self, system: Any) -> None:
        """Raise AssertionError unless the property holds; another system is checked anew."""
        __tracebackhide__ = True
        shared = self.shared
        report = shared.report if system is shared.system else shared.judge(system)
        _demand(replace(report, demanded=(self.name,)))


def _demand(report: CheckReport) -> None:
    __tracebackhide__ = True
    if not report:
        raise AssertionError(str(report))


def _known(argument: str, names: Iterable[str]) -> None:
    for name in names:
        if name not in PROPERTIES:
            known = ", ".join(map(repr, PROPERTIES))
            raise ValueError(f"{argument} holds {name!r}; each must be one of {known}")


def _named(systems: list[Any]) -> list[tuple[str, Any]]:
    """Return each system with a name of its own, the same in every process (no addresses)."""
    names = [_name(system) for system in systems]
    counts = {name: names.count(name) for name in names}
    seen: dict[str, int] = {}
    named = []
    for name, system in zip(names, systems, strict=True):
        seen[name] = seen.get(name, 0) + 1
        named.append((f"{name}{seen[name]}" if counts[name] > 1 else name, system))
    return named


def _name(system: Any) -> str:
    while isinstance(system, functools.partial):
        system = system.func
    name = getattr(system, "__qualname__", None) or getattr(system, "__name__", None)
    if name is None:
        name = type(system).__name__
    return str(name).rpartition("<locals>.")[2].replace("<lambda>", "lambda")
