"""Poles, zeros and phase types against roots that are known"""

from typing import Any

import numpy as np
import pytest
from scipy import signal

from ltisys import analysis as an
from ltisys.elements import delay, gain
from ltisys.errors import MismatchError
from ltisys.fir import FIR
from ltisys.iir import IIR
from ltisys.loops import feedback
from ltisys.systems import System


def butter(order: int, cutoff: Any, fs: float = 48_000.0, kind: str = "lowpass") -> IIR:
    return IIR(signal.butter(order, cutoff, kind, fs=fs, output="sos"), fs=fs)


# --- poles and zeros ------------------------------------------------------------------------------


def same_roots(got: np.ndarray, want: Any, atol: float = 1e-9) -> None:
    want = np.asarray(want, dtype=complex)
    assert got.shape == want.shape
    assert got.dtype == np.complex128
    left = list(want)
    for root in got:
        nearest = min(left, key=lambda other: abs(other - root))
        assert abs(nearest - root) <= atol
        left.remove(nearest)


def test_roots_of_one_system() -> None:
    z, p, k = signal.ellip(6, 1, 60, 0.3, output="zpk")
    system = IIR.from_zpk(z, p, k)
    same_roots(an.poles(system), p)
    same_roots(an.zeros(system), z, 1e-7)
    h = np.random.default_rng(0).standard_normal(40)
    same_roots(an.zeros(FIR(np.r_[0, 0, h, 0])), np.roots(h))
    assert an.poles(FIR(h)).shape == (0,)
    same_roots(an.zeros(FIR([1.0, 2.0, 1.0])), [-1, -1], 0)
    assert an.zeros(FIR([3.0])).shape == (0,)
    assert an.zeros(FIR([0.0, 0.0])).shape == (0,)
    same_roots(an.zeros(FIR([1.0, -1j])), [1j])


@pytest.mark.parametrize(("taps", "beta"), [(101, 6), (301, 9)])
def test_zeros_of_a_window_design_lie_on_the_circle(taps: int, beta: float) -> None:
    """Taps of 1e-18 at its ends are no zeros at 1e18."""
    h = signal.firwin(taps, 0.31, window=("kaiser", beta))
    zeros = an.zeros(FIR(np.r_[1e-18, h, -1e-18]))
    assert zeros.shape == (taps - 1,)
    stop = zeros[np.abs(np.angle(zeros)) > 0.4 * np.pi]
    assert stop.size > 0.5 * taps
    np.testing.assert_allclose(np.abs(stop), 1, rtol=0, atol=1e-8)
    assert np.array_equal(np.sort_complex(zeros), np.sort_complex(zeros.conj()))


def test_roots_of_compositions() -> None:
    low, high = butter(2, 1000), butter(2, 1000, kind="highpass")
    h = np.random.default_rng(1).standard_normal(5)
    same_roots(an.poles(low >> FIR(h)), low.poles)
    same_roots(an.zeros(low >> FIR(h)), np.r_[low.zeros, np.roots(h)], 1e-7)
    # the halves of a Linkwitz-Riley crossover share their poles: an all-pass of the same order
    flat = (low >> low) + (high >> high)
    same_roots(an.poles(flat), np.r_[low.poles, low.poles], 1e-7)
    same_roots(an.zeros(flat), np.r_[low.poles, 1 / low.poles], 1e-4)
    # H = sum of what differs: (1 - z/2) + (1 + z/2) over (1 - z^2 / 4)
    total = IIR.from_ba([1.0], [1.0, 0.5]) + IIR.from_ba([1.0], [1.0, -0.5])
    same_roots(an.poles(total), [0.5, -0.5])
    assert an.zeros(total).shape == (0,)
    # y[n] = x[n] - g y[n - 40]
    comb = feedback(gain(1.0), 0.5 * delay(40))
    want = 0.5 ** (1 / 40) * np.exp(1j * np.pi * (2 * np.arange(40) + 1) / 40)
    same_roots(an.poles(comb), want)
    assert an.zeros(comb).shape == (0,)
    same_roots(an.poles(feedback(gain(1.0), 0.5 * delay(2)) >> low),
               np.r_[low.poles, 1j * np.sqrt(0.5), -1j * np.sqrt(0.5)])  # fmt: skip


def test_roots_of_rows() -> None:
    h = np.array([[[1.0, 0.5, 0.0], [1.0, 0.0, 0.25]], [[2.0, 0.0, 0.0], [0.0, 1.0, -3.0]]])
    got = an.zeros(FIR(h))
    assert got.shape == (2, 2, 2)
    assert got[0, 0, 0] == -0.5
    assert np.isnan(got[0, 0, 1])
    same_roots(got[0, 1], [0.5j, -0.5j])
    assert np.isnan(got[1, 0]).all()
    assert got[1, 1, 0] == 3
    low = butter(2, 1000)
    for before, behind in ((low, FIR(h)), (FIR(h), low), (FIR(h[0]), FIR(h) >> low)):
        system = before >> behind
        poles = an.poles(system)
        assert poles.shape == (2, 2, 2)
        for row in poles.reshape(4, 2):
            same_roots(row, low.poles)
    # channel i of the first feeds column i of the matrix
    got = an.zeros(FIR([[1.0, 0.75], [1.0, 0.125]]) >> (low >> FIR(h)))
    same_roots(got[1, 0][np.isfinite(got[1, 0])], [-1, -1, -0.75], 1e-7)
    same_roots(got[1, 1][np.isfinite(got[1, 1])], [-1, -1, -0.125, 3], 1e-7)
    # beside a matrix what has one row stands on its diagonal
    system = FIR(h) + low
    assert an.poles(system).shape == (2, 2, 2)
    assert np.isnan(an.poles(system)[0, 1]).all()
    same_roots(an.poles(system)[1, 1], low.poles)


# --- phase type -----------------------------------------------------------------------------------

LR = (butter(2, 1000) >> butter(2, 1000)) + (
    butter(2, 1000, kind="highpass") >> butter(2, 1000, kind="highpass")
)
INSIDE = np.poly([0.5, -0.3, 0.9, 0.2 + 0.6j, 0.2 - 0.6j])
SCHROEDER = -0.7 * gain(1.0) + 0.51 * (delay(1000) >> feedback(gain(1.0), -0.7 * delay(1000)))


@pytest.mark.parametrize(
    ("system", "want"),
    [
        (FIR([1.0, 2.0, 1.0]), "linear phase, type I"),
        (FIR([0.0, 1.0, 1.0, 0.0, 0.0]), "linear phase, type II"),
        (FIR([1.0, 0.0, -1.0]), "linear phase, type III"),
        (FIR([1.0, -1.0]), "linear phase, type IV"),
        (FIR(signal.firwin(501, 0.3).astype(np.float32)), "linear phase, type I"),
        (FIR(signal.firwin(30_001, 0.3)), "linear phase, type I"),
        (IIR([[1.0, 2, 1, 1, 0, 0], [1.0, 1, 0, 1, 0, 0]]), "linear phase, type II"),
        (gain(-2.0), "linear phase, type I"),
        (FIR(np.zeros(4)), "silent"),
        (FIR(INSIDE), "minimum phase"),
        (FIR(INSIDE[::-1]), "maximum phase"),
        (FIR(np.r_[INSIDE, 0.0, 0.0]), "minimum phase"),
        (FIR(np.r_[0.0, INSIDE]), "minimum phase, behind a delay of 1 frame"),
        (FIR(np.r_[np.zeros(7), INSIDE]), "minimum phase, behind a delay of 7 frames"),
        (FIR(np.convolve(INSIDE, [1.0, 2.0])), "mixed phase"),
        # zeros on the circle, alone, twice, four times
        (FIR(np.convolve(INSIDE, [1.0, 1.0])), "minimum phase"),
        (FIR(np.convolve(INSIDE, [1.0, 0.0, 2.0, 0.0, 1.0])), "minimum phase"),
        (FIR(np.convolve(INSIDE, [1.0, 4.0, 6.0, 4.0, 1.0])), "minimum phase"),
        (FIR(np.convolve(INSIDE[::-1], [1.0, 0.0, 2.0, 0.0, 1.0])), "maximum phase"),
        (FIR([1.0, 1.0001]), "maximum phase"),
        (FIR([1.0, 1.0 - 1e-4, 0.3]), "minimum phase"),
        (butter(6, 1000), "minimum phase"),
        (butter(6, 1000, kind="highpass"), "minimum phase"),
        (butter(3, 23_990), "minimum phase"),
        (IIR(signal.ellip(8, 1, 80, 0.01, output="sos")), "minimum phase"),
        (butter(4, 5) >> FIR(INSIDE), "minimum phase"),
        (butter(4, 5) >> FIR(INSIDE[::-1]), "maximum phase"),  # the other zeros are on the circle
        (IIR.from_ba([1.0, 0.1], [1.0, -0.9]) >> FIR(INSIDE[::-1]), "mixed phase"),
        (butter(4, 5) >> delay(3), "minimum phase, behind a delay of 3 frames"),
        (IIR.from_ba([1.0, 2.0], [1.0, -0.5]), "maximum phase"),
        (IIR.from_ba([-0.5, 1.0], [1.0, -0.5]), "all-pass"),
        (LR, "all-pass"),
        (SCHROEDER, "all-pass"),
        (LR >> butter(2, 50), "mixed phase"),
        (SCHROEDER >> butter(2, 50), "not minimum phase"),
        (feedback(gain(1.0), 0.5 * delay(480)), "minimum phase"),
        (IIR.from_ba([1.0], [1.0, -1.01]), "unstable"),
    ],
)
def test_phase_types(system: System, want: str) -> None:
    assert an.phase_type(system) == want


@pytest.mark.parametrize("taps", [4, 30, 200, 1500])
def test_zeros_outside_are_counted_by_the_phase(taps: int) -> None:
    """A response made minimum phase by its cepstrum, and one of its zeros turned out again."""
    rng = np.random.default_rng(taps)
    h = rng.standard_normal(taps) * 0.98 ** np.arange(taps)
    h[0] = 1.1 * np.abs(h[1:]).sum()  # Rouche: no zero outside
    assert an.phase_type(FIR(h)) == "minimum phase"
    assert an.phase_type(FIR(h.astype(np.float32))) == "minimum phase"
    assert an.phase_type(FIR(h[::-1])) == "maximum phase"
    assert an.phase_type(FIR(np.convolve(h, [1.0, 1.001]))) == "mixed phase"
    assert an.phase_type(FIR(np.convolve(h, [1.0, 0.999]))) == "minimum phase"


def test_phase_types_of_rows() -> None:
    got = an.phase_type(FIR([[1.0, 0.5, 0.0], [1.0, 2.0, 0.0], [1.0, 0.0, -1.0]]))
    assert got.shape == (3,)
    assert got.tolist() == ["minimum phase", "maximum phase", "linear phase, type III"]
    assert an.phase_type(FIR(np.ones((2, 1, 3)))).shape == (2, 1)


# --- errors -------------------------------------------------------------------------------------


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="h is complex: its phase has none of these names"):
        an.phase_type(FIR([1.0, 1j]))
    with pytest.raises(ValueError, match="1,100 taps has 1,099 zeros, and more than 1,000"):
        an.zeros(FIR(np.ones(1100)))
    long = butter(2, 1000) + FIR(np.random.default_rng(0).standard_normal(100))
    with pytest.raises(ValueError, match="makes a polynomial of 102 coefficients"):
        an.zeros(long)
    two = FIR(np.ones((2, 2, 2))) >> butter(2, 1000) >> FIR(np.ones((2, 2, 2)))
    with pytest.raises(MismatchError, match="mixes matrices of responses"):
        an.poles(two)
