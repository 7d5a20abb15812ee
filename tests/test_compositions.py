"""Systems in series, in parallel and scaled: their answers, rows, values"""

import numpy as np
import pytest
from models import Rows
from recursive import CASES, EVERY, FRAMES, Case

import ltisys as lti

# --- series, parallel, gain (2) -----------------------------------------------------------------

PARTS: dict[str, lti.System] = {
    "IIR": CASES["Butterworth 3"].system,
    "short FIR": lti.FIR([0.5, -1.0, 0.25]),
    "FIR": lti.FIR(np.random.default_rng(3).standard_normal(100) / 10),
    "rows": lti.FIR(np.random.default_rng(4).standard_normal((2, 30)) / 5),
    "one row": lti.FIR(np.random.default_rng(5).standard_normal((1, 30)) / 5),
    "square": lti.FIR(np.random.default_rng(6).standard_normal((2, 2, 30)) / 7),
    "series": CASES["far late, sections"].system,
    "parallel": CASES["sections and a gain"].system,
    "loop": CASES["damped comb"].system,
    "row loop": lti.feedback(lti.gain(1), lti.FIR(np.array([[0] * 40 + [0.5], [0] * 40 + [0.3]]))),
}


def strength(system: lti.System) -> float:
    """The most a peak can become: the largest sum of |h|, over the outputs."""
    h = np.abs(system.impulse_response()).sum(axis=-1)
    return float(h.sum(axis=-1).max() if h.ndim == 2 else h.max())


X = np.random.default_rng(9).standard_normal((3, 2, 400))


@pytest.mark.parametrize("second", PARTS)
@pytest.mark.parametrize("first", PARTS)
def test_series_and_parallel(first: str, second: str) -> None:
    """As many frames as x, so that nothing is cut between the two.

    These lose three digits at most, to poles at 0.05 fs: 1e-12 of what the answer can reach.
    """
    a, b = PARTS[first], PARTS[second]
    for x in (X, X[0], X[0, 0]):
        if x.ndim == 1 and "square" in (first, second):
            continue  # mono into a matrix
        limit = 1e-12 * np.abs(x).max()
        want = b(a(x, tail=False), tail=False)
        y = (a >> b)(x, tail=False)
        assert y.shape == want.shape
        assert np.abs(y - want).max() <= limit * strength(a) * strength(b)
        for system, sign in ((a + b, 1), (a - b, -1)):
            want = a(x, tail=False) + sign * b(x, tail=False)
            y = system(x, tail=False)
            assert y.shape == want.shape
            assert np.abs(y - want).max() <= limit * (strength(a) + strength(b))


@pytest.mark.parametrize("second", PARTS)
@pytest.mark.parametrize("first", PARTS)
def test_the_whole_answers_agree_to_180_dB(first: str, second: str) -> None:
    """With tails: what one of the two lacks lies 180 dB under what it can reach, summed up."""
    a, b, x = PARTS[first], PARTS[second], X[0]
    limit = 2e-9 * np.abs(x).sum()
    for made, want, most in (
        (a >> b, b(a(x)), strength(a) * strength(b)),
        (a + b, _padded_sum(a(x), b(x)), strength(a) + strength(b)),
    ):
        size = max(made(x).shape[-1], want.shape[-1])
        y, want = (np.pad(v, ((0, 0), (0, size - v.shape[-1]))) for v in (made(x), want))
        assert np.abs(y - want).max() <= limit * most


def _padded_sum(a: Rows, b: Rows) -> Rows:
    size = max(a.shape[-1], b.shape[-1])
    return sum(np.pad(v, ((0, 0), (0, size - v.shape[-1]))) for v in (a, b))


@EVERY
def test_gain(case: Case) -> None:
    x = case.given("float64")
    want = np.atleast_2d(case.system(x, tail=False))
    for factor in (2, -0.5, np.float64(3.0), np.float32(0.25)):
        for scaled in (factor * case.system, case.system * factor):
            y = np.atleast_2d(scaled(x, tail=False))
            limit = abs(factor) * (2 * case.bound("float64")[:, :FRAMES] + 1e-15 * np.abs(want))
            assert (np.abs(y - factor * want) <= limit).all()
    y = np.atleast_2d((-case.system)(x, tail=False))
    assert (np.abs(y + want) <= 2 * case.bound("float64")[:, :FRAMES]).all()
