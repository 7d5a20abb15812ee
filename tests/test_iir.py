"""Recursive systems: how long they sound, what is unstable, peers, values, what is refused"""

import copy
import pickle
import re
from typing import Any

import numpy as np
import pytest
import scipy.signal
from models import Rows, Sections, answer, impulses
from recursive import CASES

import ltisys as lti
from ltisys.errors import MismatchError

FS = 48_000.0
RATES = (44_100, 48_000, 96_000)


def butter(order: int, cutoff: float, **named: Any) -> Any:
    """A Butterworth filter; `cutoff` in parts of the sample rate."""
    return scipy.signal.butter(order, 2 * np.asarray(cutoff), **named)


def sos_of(order: int, cutoff: float) -> Rows:
    return np.asarray(butter(order, cutoff, output="sos"))


def noise(*shape: int, seed: int = 0) -> Rows:
    return np.random.default_rng([11, seed, *shape]).standard_normal(shape)


# --- how long it sounds -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sos",
    [
        [[1, -1, 0, 1, -(1 - 1e-4), 0]],
        [[1e-4, 0, 0, 1, -(1 - 1e-4), 0]],
        sos_of(2, 1e-5),
        sos_of(16, 5e-4),
        [[1 - 0.9999, 0, 0, 1, -2 * 0.9999 * np.cos(0.3), 0.9999**2]],
        [[1, 0, 0, 1, -1.998, 0.998001]],  # a double pole
    ],
    ids=["DC blocker", "leak", "2nd order, 1e-5 fs", "16th order", "resonator", "double pole"],
)
def test_the_extent_of_long_ones(sos: Any) -> None:
    system = lti.IIR(sos)
    end = system.extent
    assert end is not None
    h = np.abs(scipy.signal.sosfilt(np.array(sos, dtype=float), np.eye(1, 2 * end)[0]))
    assert end == np.flatnonzero(h >= 1e-9 * h.max())[-1] + 1
    assert system.impulse_response().shape == (end,)
    assert system(np.ones(10)).shape == (10 + end - 1,)


def test_too_long_a_tail_is_not_computed_unasked() -> None:
    system = lti.IIR.from_ba([1.0], [1.0, -(1 - 1e-7)])
    assert system.stable
    assert "UNSTABLE" not in repr(system)
    assert system.extent is None
    why = (
        "tail=True needs an end, but it sounds on for more than 33,554,432 frames: a pole of "
        "radius 1 - 1e-07 at 0 cycles a frame; pass tail=False"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(why)}$"):
        system([1.0])
    assert system([1.0, 0.0], tail=False)[1] == 1 - 1e-7


def rest_of(system: lti.System, taps: int, frames: int) -> float:
    h = np.square(system.impulse_response(frames))
    return float(10 * np.log10(h[taps:].sum() / h.sum()))


@pytest.mark.parametrize("floor_db", [-20, -60, -120, -160])
@pytest.mark.parametrize("radius", [0.9, 0.999, 1 - 1e-4])
@pytest.mark.parametrize("b", [[1.0, -1.0], [1.0]], ids=["DC blocker", "leak"])
def test_to_fir_says_what_it_cuts(b: list[float], radius: float, floor_db: float) -> None:
    system = lti.IIR.from_ba(b, [1.0, -radius], fs=FS)
    fir = system.to_fir(floor_db=floor_db)
    assert isinstance(fir, lti.FIR)
    assert fir.fs == FS
    assert np.abs(fir.h - system.impulse_response(fir.taps)).max() < 1e-12
    assert fir.cut_db <= floor_db
    true = rest_of(system, fir.taps, min(40 * (system.extent or 1), 1 << 22))
    assert true <= fir.cut_db + 1e-6 <= true + 0.45  # it adds a bound of what it did not hear
    if fir.taps > 1:  # and no longer than it must be
        assert rest_of(system, fir.taps - 1, 4 * (system.extent or 1)) > floor_db - 0.45


def test_to_fir_of_what_ends() -> None:
    system = lti.IIR([[1.0, 2.0, 3.0, 1, 0, 0]])
    fir = system.to_fir()
    assert fir.h.tolist() == [1.0, 2.0, 3.0]
    assert "cut" not in repr(fir)
    assert fir.cut_db == -np.inf
    assert lti.IIR([[0.0, 0, 0, 1, -0.5, 0]]).to_fir().h.tolist() == [0.0]
    for floor_db in (1.0, -161.0):
        with pytest.raises(
            ValueError, match=rf"^floor_db={floor_db} must be a finite number >= -1"
        ):
            system.to_fir(floor_db=floor_db)


# --- what is not stable -------------------------------------------------------------------------

UNSTABLE: dict[str, tuple[lti.System, str]] = {
    "grows": (lti.IIR.from_ba([1], [1, -1.01], fs=FS), "a pole of radius 1.01 at 0 Hz"),
    "grows and swings": (
        lti.IIR.from_ba([1], np.poly([1.1j, -1.1j]).real, fs=FS),
        "a pole of radius 1.1 at 12000 Hz",
    ),
    "adds up": (lti.IIR.from_ba([1], [1, -1]), "a pole of radius 1 at 0 cycles a frame"),
    "rings for ever": (
        lti.IIR.from_ba([1], [1, 0, 1]),
        "a pole of radius 1 at 0.25 cycles a frame",
    ),
    "alternates": (lti.IIR.from_ba([1], [1, 1], fs=FS), "a pole of radius 1 at 24000 Hz"),
    "by a hair": (
        lti.IIR.from_ba([1], [1, -(1 + 1e-9)]),
        "a pole of radius 1 + 1e-09 at 0 cycles a frame",
    ),
}


@pytest.mark.parametrize("name", UNSTABLE)
def test_an_unstable_system_says_so_and_answers_what_it_can(name: str) -> None:
    system, pole = UNSTABLE[name]
    assert not system.stable
    assert system.extent is None
    assert repr(system).endswith(f"; UNSTABLE, {pole})")
    for call, need, instead in (
        (lambda: system([1.0]), "tail=True needs an end", "pass tail=False"),
        (system.to_fir, "to_fir needs an end", "take frames of impulse_response(frames)"),
        (system.impulse_response, "the response needs an end", "give frames="),
    ):
        sentence = f"{need}, but it is not stable: {pole}; {instead}"
        with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
            call()
    h = system.impulse_response(50)
    want = impulses(Sections(system.sos), 1, 50)[0, 0]
    assert np.abs(h - want).max() <= 1e-13 * np.abs(want).max()
    x = noise(50)
    for method in ("auto", "direct", "fft", "overlap-add"):
        y = system(x, tail=False, method=method)
        assert np.abs(y - answer(Sections(system.sos), x[None])[0]).max() <= 1e-11 * np.abs(y).max()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_grows_beyond_all_bounds_without_a_warning(dtype: str) -> None:
    y = lti.IIR.from_ba([1], [1, -1.5])(np.ones(4000, dtype), tail=False)
    assert y.dtype == dtype
    assert not np.isfinite(y[-1])
    stream = lti.IIR.from_ba([1], [1, -1.5]).stream(dtype=dtype)
    for _ in range(20):
        stream.push(np.ones(256, dtype))


# --- as scipy and pyfar have it -----------------------------------------------------------------


@pytest.mark.parametrize("fs", RATES)
@pytest.mark.parametrize("hertz", [0.5, 20.0, 1000.0, 20_000.0])
@pytest.mark.parametrize("order", [1, 2, 4, 9, 16])
def test_as_sosfilt_to_the_bit(order: int, hertz: float, fs: int) -> None:
    sos = scipy.signal.butter(order, hertz, fs=fs, output="sos")
    x = noise(2, 3000)
    system = lti.IIR(sos, fs=fs)
    assert np.array_equal(system(x, tail=False), scipy.signal.sosfilt(sos, x))
    single = system(x.astype(np.float32), tail=False)
    assert single.dtype == np.float32
    wide = scipy.signal.sosfilt(sos, x.astype(np.float32).astype(float))
    assert np.array_equal(single, wide.astype(np.float32))
    stream = system.stream(block_size=64, channels=2)
    blocks = [stream.push(x[:, a : a + 64].astype(np.float32)) for a in range(0, 3000, 64)]
    assert np.array_equal(np.concatenate(blocks, axis=1), single)


def test_as_lfilter() -> None:
    b, a = butter(3, 0.1)
    x = noise(500)
    y = lti.IIR.from_ba(b, a)(x, tail=False)
    assert np.abs(y - scipy.signal.lfilter(b, a, x)).max() < 1e-13


@pytest.mark.parametrize("name", [n for n, c in CASES.items() if isinstance(c.system, lti.IIR)])
def test_long_blocks_are_as_short_ones(name: str) -> None:
    """At once they are matrix products: as silent before the sound, as causal, nearly as short."""
    system = CASES[name].system
    x = np.zeros(50_000)
    x[20_001:35_000] = noise(14_999)
    y = system(x, tail=False)
    stream = system.stream(block_size=2000, dtype="float64")
    short = np.concatenate([stream.push(x[n : n + 2000]) for n in range(0, 50_000, 2000)])
    assert np.abs(y - short).max() <= 1e-10 * np.abs(short).max()
    assert not y[: 20_001 + system.lead].any()
    if not system.poles.size:  # nothing but delays and sums
        assert np.array_equal(y, short)
    x[30_000] = 1e9
    assert np.array_equal(system(x, tail=False)[:30_000], y[:30_000])
    if system.extent and system.extent < 100:
        assert not y[-2000:].any()


def test_many_channels_on_threads_are_as_one() -> None:
    sos = sos_of(8, 0.05)
    x = noise(5, 60_000)
    system = lti.IIR(sos)
    y = system(x, tail=False)
    assert np.abs(y - scipy.signal.sosfilt(sos, x)).max() < 1e-11
    assert np.array_equal(y[3], system(x[3], tail=False))


def test_as_pyfar() -> None:
    pyfar = pytest.importorskip("pyfar")
    sos = sos_of(6, 0.05)
    x = noise(2, 4000)
    peer = pyfar.FilterSOS(sos[None], FS).process(pyfar.Signal(x, FS))
    assert np.abs(lti.IIR(sos, fs=FS)(x, tail=False) - peer.time).max() < 1e-14


# --- a value ------------------------------------------------------------------------------------


def test_what_is_given_is_neither_kept_nor_changed() -> None:
    given = np.array([[2.0, 4.0, 6.0, 2.0, 1.0, 0.5]])
    kept = given.copy()
    system = lti.IIR(given)
    assert np.array_equal(given, kept)
    assert given.flags.writeable
    given[:] = 9
    assert system.sos.tolist() == [[1.0, 2.0, 3.0, 1.0, 0.5, 0.25]]
    frozen = kept.copy()
    frozen.setflags(write=False)
    for layout in (frozen, kept.astype(">f8"), kept.astype(int).tolist(), kept[0], kept * 1.0):
        assert lti.IIR(layout).sos[0, 1] == 2.0
    for name in ("sos", "poles", "zeros"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(system, name)[0] = 2
    with pytest.raises(AttributeError):
        system.sos = kept  # type: ignore[misc]


def test_equal_if_made_of_equal_numbers() -> None:
    sos = sos_of(4, 0.1)
    system = lti.IIR(sos, fs=FS)
    others = [lti.IIR(sos), lti.IIR(sos[:1], fs=FS), lti.IIR(2 * sos, fs=FS) >> lti.gain(2)]
    for other in [*others, lti.FIR([1.0], fs=FS), 3, None]:
        assert system != other
    same = [lti.IIR(sos.copy(), fs=FS), lti.IIR(3 * sos, fs=48000), copy.copy(system)]
    for other in [*same, copy.deepcopy(system), pickle.loads(pickle.dumps(system)), 1 * system]:
        assert np.allclose(other.sos, system.sos, rtol=1e-15)
        if other is not same[1]:
            assert system == other
            assert hash(system) == hash(other)
            assert repr(system) == repr(other)
    minus = sos.copy()
    minus[0, 1] = 0.0
    plus = minus.copy()
    plus[0, 1] = -0.0
    assert lti.IIR(minus) == lti.IIR(plus)
    assert hash(lti.IIR(minus)) == hash(lti.IIR(plus))


def test_repr() -> None:
    assert repr(lti.IIR(sos_of(1, 0.1))) == "IIR(1 section)"
    assert repr(lti.IIR(sos_of(5, 0.1), fs=FS)) == "IIR(3 sections, 48000 Hz)"


def test_sections_join_sections() -> None:
    a, b = lti.IIR(sos_of(2, 0.1), fs=FS), lti.IIR(sos_of(3, 0.2))
    joined = a >> b
    assert isinstance(joined, lti.IIR)
    assert joined.fs == FS
    assert np.array_equal(joined.sos, np.concatenate([a.sos, b.sos]))
    for scaled in (a * 2, 2 * a, a >> lti.gain(2), lti.gain(2) >> a):
        assert isinstance(scaled, lti.IIR)
        assert scaled.sos.shape == a.sos.shape
        assert np.array_equal(scaled.sos[0, :3], 2 * a.sos[0, :3])
    assert isinstance(lti.FIR([1, 2, 3]) >> a, lti.IIR)
    assert not isinstance(lti.FIR([1, 2, 3, 4]) >> a, lti.IIR)
    assert (a - a).impulse_response(9).tolist() == [0.0] * 9
    with pytest.raises(MismatchError, match="fs differs: first 48000 Hz, second 44100 Hz"):
        a >> lti.IIR(sos_of(1, 0.1), fs=44_100)


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: lti.IIR([]), ValueError, "sos.shape=(0,) must be (sections, 6): b0 b1"),
        (
            lambda: lti.IIR([[1.0, 2.0]]),
            ValueError,
            "sos.shape=(1, 2) must be (sections, 6): b0 b1 b2 a0 a1 a2 in each row",
        ),
        (
            lambda: lti.IIR(np.ones((1, 1, 6))),
            ValueError,
            "sos.shape=(1, 1, 6) must be (sections, 6): b0 b1 b2 a0 a1 a2 in each row",
        ),
        (
            lambda: lti.IIR([[1, 0, 0, 1, 0, 0], [1, 0, 0, 0, 1, 0]]),
            ValueError,
            "sos[1, 3]=0.0 must not be 0: it is a0, by which a section divides",
        ),
        (
            lambda: lti.IIR([[1, 0, 0, 1, 1j, 0]]),
            TypeError,
            "sos is complex; a recursive system is real, give real sections",
        ),
        (
            lambda: lti.IIR([[1, 0, np.nan, 1, 0, 0]]),
            MismatchError,
            "sos holds 1 samples that are NaN or infinite, the first at (0, 2); mend or cut them",
        ),
        (
            lambda: lti.IIR([[1, 0, 0, 1e-310, 0, 0]]),
            ValueError,
            "sos holds an a0 so small that its section divided by it is infinite",
        ),
        (
            lambda: lti.IIR([[1, 0, 0, 1, 0, 0]], fs=0),
            ValueError,
            "fs=0 must be a finite number > 0 in Hz",
        ),
        (
            lambda: lti.IIR.from_ba([1], [0, 1]),
            ValueError,
            "a[0]=0.0 must not be 0: it is what the present answer is divided by",
        ),
        (
            lambda: lti.IIR.from_ba([[1, 2]], [1]),
            ValueError,
            "b.shape=(1, 2) must be (coefficients,)",
        ),
        (
            lambda: lti.IIR.from_ba([1], [1, 1j]),
            TypeError,
            "a is complex; a recursive system is real, give real coefficients",
        ),
        (
            lambda: lti.IIR.from_zpk([1, 2], [0.5], 1),
            ValueError,
            "z holds 2 zeros and p 1 poles: more zeros than poles look into the future; add as "
            "many poles at 0 as the system shall be late",
        ),
        (
            lambda: lti.IIR.from_zpk([], [0.5 + 0.1j], 1),
            ValueError,
            "p holds complex roots without their conjugates: no real system has them",
        ),
        (
            lambda: lti.IIR.from_zpk([0.5j, 0.4j], [0.5, 0.1], 1),
            ValueError,
            "z holds complex roots without their conjugates: no real system has them",
        ),
        (
            lambda: lti.IIR.from_zpk([], np.zeros(513), 1),
            ValueError,
            "p holds 513 poles; at most 512 make one system",
        ),
        (
            lambda: lti.IIR.from_dlti(scipy.signal.dlti(*[np.eye(2)] * 4, dt=1)),
            ValueError,
            "the dlti has 2 inputs and 2 outputs; take one of each at a time",
        ),
        (
            lambda: lti.IIR([[1, 0, 0, 1, 0, 0]])([]),
            ValueError,
            "x is empty: x.shape=(0,); give at least one frame",
        ),
        (
            lambda: lti.IIR([[1, 0, 0, 1, 0, 0]])(np.ones((65, 2))),
            ValueError,
            "x has 65 channels: x.shape=(65, 2); signals are (channels, frames) with at most 64",
        ),
        (
            lambda: lti.IIR([[1, 0, 0, 1, -0.5, 0]]) * 1j,
            TypeError,
            "FIR(1 tap) is complex: it cannot stand beside a recursive system; take the systems",
        ),
        (
            lambda: lti.IIR([[1, 0, 0, 1, 0, 0]]).impulse_response(0),
            ValueError,
            "frames=0 must be an integer >= 1",
        ),
    ],
)
def test_errors(call: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(sentence)}"):
        call()


def test_only_a_dlti_is_taken_for_one() -> None:
    with pytest.raises(TypeError, match=r"must be a scipy.signal.dlti$"):
        lti.IIR.from_dlti(([1], [1]))
    with pytest.raises(TypeError, match=r"must be a scipy.signal.dlti$"):
        lti.IIR.from_dlti(scipy.signal.lti([1], [1, 1]))
