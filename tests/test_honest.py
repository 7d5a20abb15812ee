"""No alarm at hundreds of honest systems: linear, time-invariant, and not one counterexample"""

import numpy as np
import pytest
from honest import FAMILIES, Honest, systems

import ltisys as lti

SYSTEMS = systems()
SAMPLE = SYSTEMS[::8]
"""For the fast tier: every eighth of each family, so that all kinds are there."""


def named(some: tuple[Honest, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("honest", some, ids=[system.name for system in some])


def alarms(honest: Honest, report: lti.CheckReport) -> list[str]:
    """What the report holds against an honest system, in words."""
    expected = dict.fromkeys(report, True)
    expected |= {"causal": honest.causal, "memoryless": honest.memoryless}
    return [
        f"{name}: {report[name].holds}; {report[name].detail}"
        for name, holds in expected.items()
        if report[name].holds is not holds
    ]


def judge(honest: Honest, trials: int) -> None:
    report = lti.check(honest.system, inputs=honest.inputs, trials=trials)
    assert not alarms(honest, report), f"{alarms(honest, report)}\n{report}"
    assert bool(report) is honest.causal


def test_the_list_itself() -> None:
    assert len(SYSTEMS) >= 300
    assert len({system.name for system in SYSTEMS}) == len(SYSTEMS)
    assert len(SAMPLE) >= 60
    assert len(FAMILIES) == 12


@named(SAMPLE)
def test_no_alarm(honest: Honest) -> None:
    judge(honest, trials=30)


@pytest.mark.slow
@named(SYSTEMS)
def test_no_alarm_by_default(honest: Honest) -> None:
    judge(honest, trials=100)


KNOWN = tuple(system for system in SYSTEMS if system.h is not None and len(system.h) <= 1500)


@named(KNOWN[::9])
def test_what_is_measured(honest: Honest) -> None:
    """The response, latency and memory of filters whose taps are known."""
    h, report = honest.h, lti.check(honest.system, trials=10)
    assert h is not None
    response = report.impulse_response
    assert response is not None
    assert response.shape[-1] >= len(h)
    assert np.abs(response[: len(h)] - h).max() <= 1e-12 * np.linalg.norm(h)
    assert np.abs(response[len(h) :]).max(initial=0) <= 1e-12 * np.linalg.norm(h)
    assert report.latency == 0
    assert report.lookahead == 0
    assert report.memory == len(h) - 1
    assert report.period is None
