"""is it linear, time-invariant, causal, stable? a report with the smallest counterexample"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from ltisys import _checks
from ltisys.acquaintance import meet
from ltisys.black_box import BlackBox, Unanswered
from ltisys.examination import PROPERTIES, Examination
from ltisys.systems import System
from ltisys.verdicts import CheckReport, Verdict

__all__ = ["assert_lti", "check"]

DEMANDED = tuple(name for name in PROPERTIES if name != "memoryless")
LTI = (
    "linear",
    "additive",
    "homogeneous",
    "time-invariant",
    "lti",
    "deterministic",
    "stateless",
)


def check(
    system: Any,
    *,
    fs: float | None = None,
    inputs: int = 1,
    frames: int | None = None,
    trials: int = 100,
    seed: int = 0,
    properties: Iterable[str] | None = None,
    tolerance_db: float | None = None,
) -> CheckReport:
    """Judge whether a system is linear, time-invariant, causal, stable and more, by asking it.

    Use it on anything that turns a signal into a signal: a lambda, a scipy call, a plugin, a
    layer of a network, a stream. A verdict says "no counterexample in 100 trials", never "is
    linear"; where a property fails, the smallest case found comes with a line of code that
    reproduces it. Not for proofs: a fault that shows only in inputs nobody tries stays unseen.

    Parameters
    ----------
    system : callable, System, Stream, or callable without arguments
        ``x -> y`` on ``(frames,)`` or, with several inputs, ``(inputs, frames)``; the answer
        ``(frames,)`` or ``(outputs, frames)``, of any length. A callable without arguments makes
        a fresh stream, whose ``push`` and ``flush`` are asked.
    fs : float, optional
        Frames a second, to say times in seconds; the system's own by default.
    inputs : int
        Channels of the input.
    frames : int, optional
        The longest input. By default most inputs have up to 512 frames, some up to 131 072 (and
        1 048 576 while nothing is answered).
    trials : int
        Comparisons for each law. A system slower than about 5 ms a call gets fewer.
    seed : int
        Of the inputs drawn.
    properties : iterable of str, optional
        Of "linear", "additive", "homogeneous", "time-invariant", "lti", "causal", "memoryless",
        "stable", "deterministic", "stateless", "pure". By default all are judged, and all but
        "memoryless" are demanded.
    tolerance_db : float, optional
        Departures from a law up to this level, relative to the answer, are let pass. By default
        the tolerance is that of rounding, see Notes.

    Returns
    -------
    CheckReport
        ``report["linear"].holds`` is True, False, or None where it could not be judged;
        ``bool(report)`` is True if every property demanded held.

    Raises
    ------
    ValueError, TypeError
        For a system that cannot be called, unknown properties, wrong counts. What the system
        raises is never raised: it is told in the report.

    Notes
    -----
    Signals are zero outside their arrays. *additive*: ``f(a + b) = f(a) + f(b)``. *homogeneous*:
    ``f(c a) = c f(a)`` for ``c >= 0``; that ``f(-a) = -f(a)`` fails is a failure of additivity.
    Over complex numbers both are judged where the system is linear over the real ones and takes
    complex input, unless it has memory and answers real: that computes a real system.
    *time-invariant*: silence before a signal delays the answer and does nothing else; answers may
    be cut off at the edges, but not made up there. *causal*: nothing in the past of an answer
    depends on the future of the input. *memoryless*: a frame of the answer depends on the same
    frame of the input. *stable*: bounded inputs have bounded answers. *deterministic*: the same
    answer each time after the same calls. *stateless*: whatever the calls before. *pure*: the
    input is left as it was. *lti*: foretold by convolution with the measured response.

    Two answers are equal if they are closer than ``max(8 u (4 + log2 frames), 16 s)`` times the
    larger of their peak and ``||h|| ||x||``: u is the unit roundoff of the arithmetic found, s
    how much the system amplifies a change of one unit in the last place, measured. At a noisy
    system only departures well above its noise count.

    Examples
    --------
    >>> import numpy as np
    >>> import ltisys as lti
    >>> report = lti.check(lambda x: np.clip(x, -0.9, 0.9))
    >>> report["time-invariant"].holds, report["linear"].holds
    (True, False)
    >>> case = report["additive"].counterexample
    >>> case.inputs, case.got, case.want
    ((array([0.5]), array([0.5])), array([0.9]), array([1.]))
    >>> bool(lti.check(lti.FIR([1.0, 0.5])))
    True
    """
    if fs is None and isinstance(system, System):
        fs = system.fs
    fs = None if fs is None else _checks.number("fs", fs, above=0, unit=" in Hz")
    inputs = _checks.integer("inputs", inputs, least=1)
    frames = None if frames is None else _checks.integer("frames", frames, least=1)
    trials = _checks.integer("trials", trials, least=1)
    seed = _checks.integer("seed", seed, least=0)
    if tolerance_db is not None:
        tolerance_db = _checks.number("tolerance_db", tolerance_db, unit=" in dB")
    asked = _asked(properties)
    start = time.perf_counter()
    # what the system warns of, or overflows in, is its own affair: the verdicts tell
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        box = BlackBox(system, inputs)
        try:
            known = meet(box, frames=frames, trials=trials, seed=seed, tolerance_db=tolerance_db)
        except Unanswered as error:
            return _unanswered(box, str(error), fs, seed, asked)
        examination = Examination(known, asked or PROPERTIES)
        verdicts = examination.run()
    return CheckReport(
        name=box.name,
        verdicts=verdicts,
        demanded=asked or DEMANDED,
        fs=fs,
        inputs=inputs,
        outputs=box.outputs or 0,
        impulse_response=examination.impulse_response(),
        latency=examination.traits.latency,
        lookahead=examination.traits.lookahead,
        memory=examination.traits.memory,
        period=examination.period,
        precision=known.rounding.precision,
        tolerance_db=20 * math.log10(known.rounding.relative(known.usual)),
        notes=tuple(examination.notes),
        trials=known.trials,
        calls=box.calls,
        seconds=time.perf_counter() - start,
        seed=seed,
        by_hand=tolerance_db is not None,
    )


def _unanswered(
    box: BlackBox, reason: str, fs: float | None, seed: int, asked: tuple[str, ...]
) -> CheckReport:
    """Return the report of a system from which nothing could be learnt."""
    return CheckReport(
        name=box.name,
        verdicts={
            name: Verdict(name, None, detail=f"not judged: {reason}")
            for name in PROPERTIES
            if not asked or name in asked
        },
        demanded=asked or DEMANDED,
        fs=fs,
        inputs=box.inputs,
        outputs=0,
        calls=box.calls,
        seconds=box.seconds,
        seed=seed,
    )


def assert_lti(
    system: Any,
    *,
    fs: float | None = None,
    inputs: int = 1,
    frames: int | None = None,
    trials: int = 100,
    seed: int = 0,
    properties: Iterable[str] | None = None,
    tolerance_db: float | None = None,
) -> None:
    """Raise AssertionError, with the report, unless a system behaves as linear, time-invariant.

    Parameters
    ----------
    system, fs, inputs, frames, trials, seed, tolerance_db
        As in `lti.check`.
    properties : iterable of str, optional
        What is demanded; by default "linear", "additive", "homogeneous", "time-invariant",
        "lti", "deterministic" and "stateless".

    Returns
    -------
    None
        If no counterexample was found.

    Raises
    ------
    AssertionError
        If one of them has a counterexample, or could not be judged.
    ValueError, TypeError
        As in `lti.check`.

    Examples
    --------
    >>> import ltisys as lti
    >>> lti.assert_lti(lambda x: 0.5 * x)
    >>> lti.assert_lti(lambda x: x**2)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: lambda: counterexamples found: not linear, additive, homogeneous, lti
    ...
    """
    __tracebackhide__ = True  # pytest shows the caller's line
    report = check(
        system,
        fs=fs,
        inputs=inputs,
        frames=frames,
        trials=trials,
        seed=seed,
        properties=LTI if properties is None else properties,
        tolerance_db=tolerance_db,
    )
    if not report:
        raise AssertionError(str(report))


def _asked(properties: Iterable[str] | None) -> tuple[str, ...]:
    """Return the properties asked for, checked, each once; none for all."""
    if properties is None:
        return ()
    names = (properties,) if isinstance(properties, str) else tuple(properties)
    for name in names:
        if name not in PROPERTIES:
            known = ", ".join(map(repr, PROPERTIES))
            raise ValueError(f"properties holds {name!r}; each must be one of {known}")
    if not names:
        raise ValueError("properties=() must name at least one property")
    return tuple(dict.fromkeys(names))
