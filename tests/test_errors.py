"""Every argument error: the call, the exception, the whole sentence"""

import numpy as np
import pytest

import ltisys as lti

# Each call stands at the margin; below it, indented, the exception and its sentence, which goes on
# in the lines below with the spaces between them made one.
TABLE = """
# convolve and correlate

lti.convolve([], [1])
    ValueError: x is empty: x.shape=(0,); give at least one frame
lti.convolve([1], np.ones((2, 0)))
    ValueError: h is empty: h.shape=(2, 0); give at least one frame
lti.convolve(1.0, [1])
    ValueError: x=1.0 must have at least one axis: (..., frames)
lti.convolve(["a"], [1])
    TypeError: x must hold numbers; got dtype <U1
lti.convolve([1], [None])
    TypeError: h must hold numbers; got dtype object
lti.convolve([1], [1], mode="ful")
    ValueError: mode='ful' must be one of 'full', 'same', 'valid'
lti.convolve([1], [1], method="ola")
    ValueError: method='ola' must be one of 'auto', 'direct', 'fft', 'overlap-add',
        'overlap-save', 'partitioned'
lti.convolve([1], [1], mode=None)
    ValueError: mode=None must be one of 'full', 'same', 'valid'
lti.convolve([1], [1], boundary="mirror", mode="same")
    ValueError: boundary='mirror' must be one of 'zero', 'reflect', 'nearest', 'wrap'
lti.convolve([1], [1], boundary="wrap")
    ValueError: boundary='wrap' applies to mode='same'; got mode='full'
lti.convolve([1], [1], axes=1)
    ValueError: axes=1 must be an axis of x; got x.shape=(1,)
lti.convolve([1], [1], axes=(0,))
    TypeError: axes=(0,) must be an integer
lti.convolve([1], [1], axes=0.5)
    TypeError: axes=0.5 must be an integer
lti.convolve([1], [1], workers=0)
    ValueError: workers=0 must be an integer >= 1
lti.convolve([1], [1], workers=True)
    TypeError: workers=True must be an integer >= 1
lti.convolve([1], [1], workers=1.5)
    TypeError: workers=1.5 must be an integer >= 1
lti.convolve(np.ones((480, 2)), [1])
    ValueError: x has 480 rows of 2 frames: x.shape=(480, 2); signals are (channels, frames); did
        you mean x.T? (x[None] convolves such rows all the same)
lti.convolve(np.ones((2, 9)), np.ones((3, 4)))
    ValueError: x has rows (2,) but h has (3,): x.shape=(2, 9), h.shape=(3, 4); h must be (taps,)
        or have leading axes that broadcast
lti.convolve([2**62], [2])
    ValueError: an integer answer may reach 9223372036854775808, beyond int64; convert x or h to
        float, or scale them down
lti.convolve([-2**63], [-1])
    ValueError: an integer answer may reach 9223372036854775808, beyond int64; convert x or h to
        float, or scale them down
lti.convolve(np.ones(3, "g"), [1.0], method="fft")
    TypeError: method='fft' has no long doubles; use method='direct'
lti.correlate([], [1])
    ValueError: x is empty: x.shape=(0,); give at least one frame
lti.correlate([1], [1], method="ola", normalize=True)
    ValueError: method='ola' must be one of 'auto', 'direct', 'fft', 'overlap-add',
        'overlap-save', 'partitioned'

# check

lti.check(5)
    TypeError: system=5 must be a callable x -> y, a System, a Stream, or a callable without
        arguments that returns a Stream
lti.check(np.abs, inputs=0)
    ValueError: inputs=0 must be an integer >= 1
lti.check(np.abs, frames=0)
    ValueError: frames=0 must be an integer >= 1
lti.check(np.abs, trials=1.5)
    TypeError: trials=1.5 must be an integer >= 1
lti.check(np.abs, seed=-1)
    ValueError: seed=-1 must be an integer >= 0
lti.check(np.abs, fs=0)
    ValueError: fs=0 must be a finite number > 0 in Hz
lti.check(np.abs, tolerance_db="loud")
    TypeError: tolerance_db='loud' must be a finite number in dB
lti.check(np.abs, properties=["linaer"])
    ValueError: properties holds 'linaer'; each must be one of 'linear', 'additive', 'homogeneous',
        'time-invariant', 'lti', 'causal', 'memoryless', 'stable', 'deterministic', 'stateless',
        'pure'
lti.check(np.abs, properties=[])
    ValueError: properties=() must name at least one property
lti.assert_lti(np.abs, properties="beautiful")
    ValueError: properties holds 'beautiful'; each must be one of 'linear', 'additive',
        'homogeneous', 'time-invariant', 'lti', 'causal', 'memoryless', 'stable', 'deterministic',
        'stateless', 'pure'

# plan

lti.plan(frames=0, taps=1)
    ValueError: frames=0 must be an integer >= 1
lti.plan(frames=1.5, taps=1)
    TypeError: frames=1.5 must be an integer >= 1
lti.plan(frames=1, taps=-2)
    ValueError: taps=-2 must be an integer >= 1
lti.plan(frames=1, taps=1, channels=0)
    ValueError: channels=0 must be an integer >= 1
lti.plan(frames=1, taps=1, dtype="int16")
    ValueError: dtype='int16' must be one of 'float32', 'float64', 'complex64', 'complex128'
lti.plan(frames=1, taps=1, dtype="spam")
    ValueError: dtype='spam' must be one of 'float32', 'float64', 'complex64', 'complex128'
lti.plan(frames=1, taps=1, dtype=None)
    ValueError: dtype=None must be one of 'float32', 'float64', 'complex64', 'complex128'
lti.plan(frames=1, taps=1, block_size=0)
    ValueError: block_size=0 must be an integer >= 1
lti.plan(frames=1, taps=1, workers=0)
    ValueError: workers=0 must be an integer >= 1
lti.plan(frames=1, taps=1, method="ola")
    ValueError: method='ola' must be one of 'auto', 'direct', 'fft', 'overlap-add',
        'overlap-save', 'partitioned'

# systems

lti.FIR([])
    ValueError: h is empty: h.shape=(0,); give at least one frame
lti.FIR(2.0)
    ValueError: h=2.0 must have at least one axis: (..., frames)
lti.FIR(["a"])
    TypeError: h must hold numbers; got dtype <U1
lti.FIR(np.ones((1, 2, 3, 4)))
    ValueError: h has 4 axes: h.shape=(1, 2, 3, 4); h must be (taps,), (channels, taps) or
        (outputs, inputs, taps)
lti.FIR(np.ones((480, 2)))
    ValueError: h has 480 channels: h.shape=(480, 2); signals are (channels, frames) with at most
        64 channels; did you mean h.T?
lti.FIR([1, np.nan, np.inf])
    MismatchError: h holds 2 samples that are NaN or infinite, the first at 1; mend or cut them
        first
lti.FIR([1], fs=0)
    ValueError: fs=0 must be a finite number > 0 in Hz
lti.FIR([1], fs="x")
    TypeError: fs='x' must be a finite number > 0 in Hz
lti.FIR([1], fs=np.nan)
    ValueError: fs=nan must be a finite number > 0 in Hz
lti.FIR([1], latency=-1)
    ValueError: latency=-1 must be an integer >= 0
lti.FIR([1])([])
    ValueError: x is empty: x.shape=(0,); give at least one frame
lti.FIR([1])(["a"])
    TypeError: x must hold numbers; got dtype <U1
lti.FIR([1])(np.ones((480, 2)))
    ValueError: x has 480 channels: x.shape=(480, 2); signals are (channels, frames) with at most
        64 channels; did you mean x.T?
lti.FIR([1])([1], method="ola")
    ValueError: method='ola' must be one of 'auto', 'direct', 'fft', 'overlap-add',
        'overlap-save', 'partitioned'
lti.FIR(np.ones((3, 512)))(np.ones((2, 48000)))
    MismatchError: x has 2 channels but h has 3: x.shape=(2, 48000), h.shape=(3, 512); h must be
        (taps,), (1, taps) or (2, taps)
lti.FIR(np.ones((2, 2, 5)))(np.ones((3, 9)))
    MismatchError: x has 3 channels but h takes 2: x.shape=(3, 9), h.shape=(2, 2, 5); h must be
        (taps,) or (outputs, 3, taps)
lti.FIR(np.ones((2, 2, 5)))(np.ones(9))
    MismatchError: x has 1 channel but h takes 2: x.shape=(9,), h.shape=(2, 2, 5); h must be
        (taps,) or (outputs, 1, taps)
lti.FIR([1], fs=44100) >> lti.FIR([1], fs=48000)
    MismatchError: fs differs: first 44100 Hz, second 48000 Hz; resample one first, e.g.
        second.resample(44100)
lti.FIR([1], fs=44100) + lti.FIR([1], fs=48000)
    MismatchError: fs differs: first 44100 Hz, second 48000 Hz; resample one first, e.g.
        second.resample(44100)
lti.FIR(np.ones((2, 3))) >> lti.FIR(np.ones((3, 3)))
    MismatchError: systems do not fit: the first has channels (2,), the second takes (3,)
lti.FIR([1]).resample(48000)
    ValueError: fs=None: a response without a rate cannot be resampled; give fs=
lti.FIR([1], fs=48000).resample(0)
    ValueError: fs=0 must be a finite number > 0 in Hz
lti.FIR([1], fs=48000).resample(48000.123)
    ValueError: fs=48000.123 must be to 48000.0 Hz as two integers up to 32768; resample by way of
        a common rate
lti.FIR([1, 2]).matrix()
    ValueError: h.shape=(2,) must be (4, taps): LL, LR, RL, RR
lti.FIR([1]).to_fir(floor_db=1)
    ValueError: floor_db=1 must be a finite number <= 0
lti.FIR([1]).impulse_response(0)
    ValueError: frames=0 must be an integer >= 1
lti.FIR([1]).frequency_response([1], frames=4)
    ValueError: frames=4 must be None where freqs_hz is given
lti.FIR([1, 2]).frequency_response(frames=1)
    ValueError: frames=1 must be an integer >= taps; got taps=2
lti.gain()
    TypeError: give either g or db; got g=None, db=None
lti.gain(1, db=1)
    TypeError: give either g or db; got g=1, db=1
lti.gain(db="loud")
    TypeError: db='loud' must be a finite number
lti.delay(-1)
    ValueError: frames=-1 must be an integer >= 0
lti.delay(0.5)
    TypeError: frames=0.5 must be an integer >= 0
lti.delay(1, fs=-1)
    ValueError: fs=-1 must be a finite number > 0 in Hz

# signals

lti.impulse(0)
    ValueError: frames=0 must be an integer >= 1
lti.impulse(2.0)
    TypeError: frames=2.0 must be an integer >= 1
lti.impulse(3, at=3)
    ValueError: at=3 must be an integer < frames; got frames=3
lti.impulse(3, at=-1)
    ValueError: at=-1 must be an integer >= 0
lti.step(3, at=3)
    ValueError: at=3 must be an integer < frames; got frames=3
lti.tone(1000, length_s=0, fs=48000)
    ValueError: length_s=0 must be a finite number > 0 in seconds
lti.tone(30000, length_s=1, fs=48000)
    ValueError: freq_hz=30000 must be a finite number >= 0 and <= 24000 (fs / 2) in Hz
lti.tone(1, length_s=1e-9, fs=48000)
    ValueError: length_s=1e-09 must be at least one frame at 48000 Hz
lti.tone(1, length_s=1, fs=0)
    ValueError: fs=0 must be a finite number > 0 in Hz
lti.noise(0)
    ValueError: frames=0 must be an integer >= 1
lti.noise(1, channels=0)
    ValueError: channels=0 must be an integer >= 1
lti.noise(1, color="brown")
    ValueError: color='brown' must be one of 'white', 'pink'
lti.noise(1, seed=-1)
    ValueError: seed=-1 must be an integer >= 0
lti.noise(1, seed=None)
    TypeError: seed=None must be an integer >= 0
lti.sweep(0, 10, length_s=1, fs=48000)
    ValueError: start_hz=0 must be a finite number > 0
lti.sweep(20, 10, length_s=1, fs=48000)
    ValueError: start_hz=20 must be < stop_hz; got stop_hz=10
lti.sweep(20, 30000, length_s=1, fs=48000)
    ValueError: stop_hz=30000 must be a finite number > 0 and <= 24000 (fs / 2) in Hz
lti.mls(1)
    ValueError: order=1 must be an integer >= 2
lti.mls(21)
    ValueError: order=21 must be an integer from 2 to 20
lti.mls(2.5)
    TypeError: order=2.5 must be an integer >= 2
"""


def rows(table: str) -> list[tuple[str, str]]:
    """Return (call, "Exception: sentence")."""
    found: list[tuple[str, str]] = []
    for line in table.splitlines():
        if line.startswith(("lti.", "list(")):
            found.append((line, ""))
        elif line.startswith(" "):
            found[-1] = (found[-1][0], f"{found[-1][1]} {line.strip()}".strip())
    return found


CALLS = rows(TABLE)


@pytest.mark.parametrize(("call", "wanted"), CALLS, ids=[call for call, _ in CALLS])
def test_sentence(call: str, wanted: str) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        eval(call, {"lti": lti, "np": np})
    assert f"{type(caught.value).__name__}: {caught.value}" == wanted


def test_the_table_is_whole() -> None:
    assert len(CALLS) == 97
    for _, wanted in CALLS:
        assert wanted.startswith(("ValueError: ", "TypeError: ", "MismatchError: "))


def test_the_first_bad_tap_is_told() -> None:
    with pytest.raises(lti.MismatchError, match=r"^h holds 2 samples .* the first at \(1, 0\);"):
        lti.FIR([[1.0, 2.0], [np.nan, np.inf]])


def test_the_tree_of_exceptions() -> None:
    for kind, parents, code in (
        (lti.LtisysError, (Exception,), 65),
        (lti.AudioFileError, (lti.LtisysError, OSError), 65),
        (lti.OutputError, (lti.AudioFileError,), 73),
        (lti.MismatchError, (lti.LtisysError, ValueError), 65),
    ):
        assert all(issubclass(kind, parent) for parent in parents)
        assert kind.exit_code == code
    with pytest.raises(AttributeError, match=r"^module 'ltisys' has no attribute 'spam'$"):
        lti.spam  # noqa: B018


@pytest.mark.parametrize("shape", [(9,), (2, 9), (9, 2), (64, 2)])
def test_orientation_is_never_guessed_for_few_channels(shape: tuple[int, ...]) -> None:
    assert lti.FIR([1.0])(np.ones(shape)).shape == shape
    assert lti.convolve(np.ones(shape), [1.0]).shape == shape
