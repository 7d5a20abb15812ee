"""`lti.check`: what it takes, what it tells, how it counts, and that nothing makes it fall"""

import json
import random
import warnings
from typing import Any

import numpy as np
import pytest
from scipy import signal

import ltisys as lti
from ltisys.black_box import BlackBox
from ltisys.properties import DEMANDED, LTI

NAMES = {
    *("additive", "homogeneous", "linear", "time-invariant", "causal", "memoryless", "stable"),
    *("deterministic", "stateless", "pure", "lti"),
}
SOS = signal.butter(4, 0.2, output="sos")


def lowpass(x: Any) -> Any:
    return signal.sosfilt(SOS, x)


def clip(x: Any) -> Any:
    return np.clip(x, -0.9, 0.9)


# --- what a report holds --------------------------------------------------------------------------


def test_all_verdicts_of_an_honest_system() -> None:
    report = lti.check(lowpass)
    assert set(report) == NAMES
    assert report
    assert report.demanded == DEMANDED
    for name in NAMES - {"memoryless"}:
        assert report[name].holds is True, name
        assert report[name].counterexample is None
        assert report[name].departure_db < -250
    assert report["memoryless"].holds is False
    assert report["linear"].detail.startswith("no counterexample in ")
    assert "is linear" not in str(report)
    h = lowpass(lti.impulse(200))
    assert report.impulse_response is not None
    assert report.impulse_response.shape == (report.memory + 1,)
    np.testing.assert_array_equal(report.impulse_response, h[: report.memory + 1])
    assert (report.latency, report.lookahead, report.period) == (0, 0, None)


def test_memoryless_counts_where_it_is_asked_for() -> None:
    assert not lti.check(lowpass, properties=["memoryless"])
    assert lti.check(lambda x: -3 * x, properties=["memoryless", "pure"])


def test_only_what_is_asked_is_told() -> None:
    report = lti.check(clip, properties="time-invariant", trials=20)
    assert list(report) == ["time-invariant"]
    assert report
    with pytest.raises(KeyError, match="'linear' was not checked; the verdicts are"):
        report["linear"]


@pytest.mark.parametrize("frames", [1, 5, 48_000])
def test_latency_memory_and_tail(frames: int) -> None:
    report = lti.check(lti.delay(frames), trials=9)
    assert report
    assert (report.latency, report.memory) == (frames, frames)


def test_a_delay_that_keeps_the_length() -> None:
    late = 100_000
    report = lti.check(lambda x: np.r_[np.zeros(late), x][: len(x)], trials=9)
    assert report
    assert (report.latency, report.memory) == (late, late)
    assert report["memoryless"].holds is False


def test_a_memory_longer_than_the_trials_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ltisys.acquaintance.reach_of", lambda *arguments: 600)
    report = lti.check(lambda x: np.r_[np.zeros(50_000), x][: len(x)], trials=9)
    assert report["memoryless"].holds is False
    assert report.memory == 50_000


def test_a_centred_window_looks_ahead() -> None:
    h = np.array([1.0, 2.0, 3.0, 2.0, 1.0, 0.5, 0.25])
    report = lti.check(lambda x: signal.fftconvolve(x, h, "same"))
    assert [v.name for v in report.failures] == ["causal"]
    assert (report.lookahead, report.memory, report.latency) == (3, 3, -3)
    np.testing.assert_allclose(report.impulse_response, h, atol=1e-14)
    case = report["causal"].counterexample
    assert case is not None
    assert case.inputs[0].shape[-1] <= 4


def test_inputs_and_outputs_give_a_matrix_of_responses() -> None:
    h = np.random.default_rng(0).standard_normal((3, 2, 5))
    report = lti.check(lti.FIR(h), inputs=2)
    assert report
    assert (report.inputs, report.outputs) == (2, 3)
    np.testing.assert_allclose(report.impulse_response, h, atol=1e-14)


def test_one_input_and_two_outputs() -> None:
    h = np.array([[1.0, 0.5], [0.0, 2.0]])
    report = lti.check(lambda x: np.stack([np.convolve(x, row) for row in h]))
    assert report
    np.testing.assert_array_equal(report.impulse_response, h)


def test_crosstalk_that_multiplies_is_caught_in_two_channels_only() -> None:
    report = lti.check(lambda x: x * (1 + 1e-4 * x[::-1]), inputs=2)
    assert report["additive"].holds is False
    case = report["additive"].counterexample
    assert case is not None
    assert case.inputs[0].shape == (2, 1)


def test_streams_in_every_form() -> None:
    room = lti.FIR(np.random.default_rng(1).standard_normal(300))
    for system in (
        room,
        lambda: room.stream(block_size=64, dtype="float64"),
        room.stream(dtype="float64"),
    ):
        report = lti.check(system, trials=12)
        assert report, report
        np.testing.assert_allclose(report.impulse_response, room.h, atol=1e-12)
    assert lti.check(lambda: room.stream(), trials=12).precision == "float32"


def test_the_rate_is_the_systems_own() -> None:
    report = lti.check(lti.FIR([0.0] * 48 + [1.0], fs=48000), trials=9)
    assert report.fs == 48000
    assert "48 frames (1 ms)" in str(report)


# --- counterexamples ------------------------------------------------------------------------------


def test_the_smallest_cases() -> None:
    square = lti.check(lambda x: x**2)["additive"].counterexample
    assert square is not None
    assert [x.tolist() for x in square.inputs] == [[1.0], [1.0]]
    assert (square.got.tolist(), square.want.tolist()) == ([4.0], [2.0])
    case = lti.check(clip)["additive"].counterexample
    assert case is not None
    assert 0.9 < sum(case.inputs).max() <= 1.0
    assert case.inputs[0].shape == (1,)
    median = lti.check(lambda x: signal.medfilt(x, 3))["linear"].counterexample
    assert median is not None
    assert median.inputs[0].size <= 3


def test_the_same_seed_finds_the_same() -> None:
    one, same, other = (lti.check(np.tanh, seed=seed).to_dict() for seed in (3, 3, 4))
    assert one["verdicts"] == same["verdicts"]
    assert one["verdicts"]["linear"]["curve"] != other["verdicts"]["linear"]["curve"]


def test_levels_at_which_it_departs() -> None:
    report = lti.check(clip)
    assert "at peaks of +0 dBFS and louder" in report["homogeneous"].detail
    curve = dict(report["homogeneous"].curve)
    assert curve[-40.0] < -250
    assert curve[40.0] > -10
    quiet = lti.check(lambda x: np.where(np.abs(x) < 1e-5, 0, x))
    assert dict(quiet["homogeneous"].curve)[-100.0] > -10


def test_affine_with_its_offset() -> None:
    report = lti.check(lambda x: 3 * x + 0.25)
    assert "its answer to silence is 0.25" in " ".join(report.notes)
    assert {v.name for v in report.failures} == {"additive", "homogeneous", "linear", "lti"}


def test_over_complex_numbers() -> None:
    for system in (np.real, np.conj):
        report = lti.check(system)
        assert report["additive"].holds is True
        assert report["homogeneous"].holds is False
    h = np.array([1.0, 0.5])

    def by_complex_spectra(x: Any) -> Any:
        n = len(x) + 1
        return np.fft.ifft(np.fft.fft(x, n) * np.fft.fft(h, n)).real

    report = lti.check(by_complex_spectra)
    assert report
    assert "judged over the real numbers" in " ".join(report.notes)
    assert lti.check(lambda x: signal.lfilter([1.0], [1.0, -0.5j], x))


def test_periods() -> None:
    hold = lti.check(lambda x: np.repeat(x[::4], 4)[: len(x)])
    assert hold.period == 4
    stride = lti.check(lambda x: np.convolve(x, [0.5, 0.5])[::3])
    assert stride.period == 3
    assert "answers 1 frame for 3" in stride.notes
    switch = lti.check(lambda x: x * np.where(np.arange(len(x)) // 10_000 % 2, 0.5, 1))
    assert switch.period == 20_000


def test_growth_is_told() -> None:
    integrator = lti.check(np.cumsum)
    assert [v.name for v in integrator.failures] == ["stable"]
    assert "grows by 1 a frame" in integrator["stable"].detail
    case = integrator["stable"].counterexample
    assert case is not None
    assert np.abs(case.inputs[0]).max() <= 1
    assert case.got > case.want
    unstable = lti.check(lambda x: signal.lfilter([1], [1, -1.01], x))
    assert "doubles every 70 frames" in unstable["stable"].detail
    assert lti.check(lambda x: signal.lfilter([1], [1, -0.999999], x))["stable"].holds is True


# --- tolerance ------------------------------------------------------------------------------------


def test_tolerance_by_hand() -> None:
    def faint(x: Any) -> Any:
        return x + 1e-9 * x**3

    assert not lti.check(faint)
    report = lti.check(faint, tolerance_db=-80)
    assert report
    assert report["linear"].grade == "within -80 dB"
    assert "are tolerated" in str(report)


def test_single_precision_is_seen_and_graded() -> None:
    def single(x: Any) -> Any:
        return signal.sosfilt(SOS.astype(np.float32), x.astype(np.float32))

    for system in (single, lambda x: single(x).astype(np.float64)):
        report = lti.check(system)
        assert report, report
        assert report.precision == "float32"
        assert report["linear"].grade == "to float32 rounding"
    assert lti.check(lambda x: -2 * x)["linear"].grade == "exact"


# --- nothing makes it fall ------------------------------------------------------------------------


def broken(x: Any) -> Any:
    raise RuntimeError("no licence\nfound")


@pytest.mark.parametrize(
    ("system", "reason"),
    [
        (broken, "it raises RuntimeError: no licence found"),
        (lambda x: None, "it answers None"),
        (lambda x: "sound", "it answers dtype <U5, not numbers"),
        (lambda x: 1.0, "it answers shape ()"),
        (lambda x: x[:0], "it answers no frames"),
        (lambda x: x.reshape(-1, 1), "512 channels"),
        (lambda x: x * np.nan, "it answers NaN"),
        (lambda x: {"a": x}, "not numbers"),
        (lambda: 5, "which has no push"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_judged(system: Any, reason: str) -> None:
    report = lti.check(system)
    assert not report
    assert report["linear"].holds is None
    assert reason in report["linear"].detail
    assert report["linear"].grade == "not judged"
    assert report.unjudged
    assert str(report)
    json.dumps(report.to_dict())


def test_a_system_that_ends_the_program_does_not() -> None:
    report = lti.check(lambda x: exit(3))
    assert "it raises SystemExit" in report["linear"].detail


def test_warnings_of_the_system_are_its_own_affair() -> None:
    def complains(x: Any) -> Any:
        warnings.warn("deprecated", DeprecationWarning, stacklevel=2)
        return 2 * x

    assert lti.check(complains)


def test_one_length_only() -> None:
    def layer(x: Any) -> Any:
        if x.shape != (256,):
            raise ValueError("256 frames, please")
        return x * 0.5

    report = lti.check(layer, frames=256)
    assert report, report
    report = lti.check(lambda x: layer(x) * np.hanning(256), frames=256)
    assert [v.name for v in report.failures] == ["time-invariant", "lti"]


def test_a_least_length() -> None:
    report = lti.check(lambda x: np.convolve(x, np.ones(700), "valid"))
    assert report["linear"].holds is True
    assert report["time-invariant"].holds is True
    report = lti.check(lambda x: np.convolve(x, np.ones(701), "same"))
    assert [v.name for v in report.failures] == ["causal"]
    assert report.lookahead == 350


def test_nothing_of_the_callers_is_touched() -> None:
    np_state = np.random.get_state()[1].copy()  # noqa: NPY002  # it must stay
    state = random.getstate()
    lti.check(np.tanh, trials=5)
    np.testing.assert_array_equal(np.random.get_state()[1], np_state)  # noqa: NPY002
    assert random.getstate() == state


def test_a_system_that_writes_on_its_input() -> None:
    def in_place(x: Any) -> Any:
        x *= 0.5
        return x

    report = lti.check(in_place)
    assert [v.name for v in report.failures] == ["pure"]
    case = report["pure"].counterexample
    assert case is not None
    assert case.inputs[0].shape == (1,)
    assert eval(case.reproduce, {"system": in_place, "np": np}) == [-0.5]


def test_a_state_that_leaks_does_not_spoil_the_laws() -> None:
    class Leak:
        state = 0.0

        def __call__(self, x: Any) -> Any:
            y, state = signal.lfilter([0.1], [1, -0.9], x, zi=[self.state])
            self.state = state[0]
            return y

    leak = Leak()
    report = lti.check(leak)
    assert {v.name for v in report.failures} == {"stateless", "lti"}
    assert not report.unjudged
    assert np.isrealobj(leak.state)
    assert "of silence were sent before each" in report.notes[0]


def test_a_slow_system_gets_fewer_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BlackBox, "cost", lambda self, frames: 0.1)
    report = lti.check(lowpass)
    assert report
    assert report.trials < 10
    assert report.calls < 400  # 100 ms each: under a minute
    assert "instead of 100" in " ".join(report.notes)
    failing = lti.check(clip)
    assert failing["linear"].holds is False


def test_assert_lti() -> None:
    lti.assert_lti(lambda x: np.convolve(x, [1, 2], "same"))  # causal or not
    lti.assert_lti(np.cumsum)  # stable or not
    with pytest.raises(AssertionError, match="counterexamples found: not linear, additive"):
        lti.assert_lti(clip)
    assert set(LTI) < NAMES


# --- how it shows ---------------------------------------------------------------------------------


def test_the_words_of_a_report() -> None:
    report = lti.check(clip)
    text = str(report)
    assert "FAILS" in text
    assert "system(a + b) should equal system(a) + system(b)" in text
    assert "a = [0.5], b = [0.5]: got [0.9], want [1]" in text
    assert repr(report) == f"<CheckReport {report.headline()}>"
    html = report._repr_html_()
    assert html.startswith("<div>")
    assert "counterexamples found" in html
    found = report.to_dict()
    assert found["verdicts"]["linear"]["holds"] is False
    assert json.loads(json.dumps(found))["verdicts"]["linear"]["counterexample"]["got"] == [0.9]
    assert json.loads(json.dumps(lti.check(lambda x: 2 * x).to_dict()))["holds"] is True


def test_html_escapes_what_the_system_says() -> None:
    def evil(x: Any) -> Any:
        raise ValueError("<script>alert(1)</script>")

    assert "<script>" not in lti.check(evil)._repr_html_()
