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
lti.delay(-0.5)
    ValueError: frames=-0.5 must be a finite number >= 0
lti.delay("a")
    TypeError: frames='a' must be a finite number >= 0
lti.delay(1, fs=-1)
    ValueError: fs=-1 must be a finite number > 0 in Hz

# recursive systems

lti.IIR([1.0, 0.0])
    ValueError: sos.shape=(2,) must be (sections, 6): b0 b1 b2 a0 a1 a2 in each row
lti.IIR([1.0, 0, 0, 0, 0, 0])
    ValueError: sos[0, 3]=0.0 must not be 0: it is a0, by which a section divides
lti.IIR([1j, 0, 0, 1, 0, 0])
    TypeError: sos is complex; a recursive system is real, give real sections
lti.IIR([np.nan, 0, 0, 1, 0, 0])
    MismatchError: sos holds 1 samples that are NaN or infinite, the first at (0, 0); mend or
        cut them first
lti.IIR.from_ba([1.0], [0.0, 1.0])
    ValueError: a[0]=0.0 must not be 0: it is what the present answer is divided by
lti.IIR.from_ba([1j], [1.0])
    TypeError: b is complex; a recursive system is real, give real coefficients
lti.IIR.from_ba(np.ones(600), [1.0, 0.5])
    ValueError: b and a of order 599 make more than 512 coefficients; put delays apart
        (lti.delay), long numerators into lti.FIR
lti.IIR.from_zpk([0.5], [], 1.0)
    ValueError: z holds 1 zeros and p 0 poles: more zeros than poles look into the future; add
        as many poles at 0 as the system shall be late
lti.IIR.from_zpk([], [0.5j], 1.0)
    ValueError: p holds complex roots without their conjugates: no real system has them
lti.IIR.from_dlti([1.0])
    TypeError: system=[1.0] must be a scipy.signal.dlti
lti.IIR.from_ba([1.0], [1.0, -1.0], fs=48000)([1.0])
    ValueError: tail=True needs an end, but it is not stable: a pole of radius 1 at 0 Hz; pass
        tail=False
lti.IIR.from_ba([1.0], [1.0, -1.01]).to_fir()
    ValueError: to_fir needs an end, but it is not stable: a pole of radius 1.01 at 0 cycles a
        frame; take frames of impulse_response(frames)
lti.IIR.from_ba([1.0], [1.0, -0.5]).to_fir(floor_db=-200)
    ValueError: floor_db=-200 must be a finite number >= -160 and <= 0
lti.IIR.from_ba([1.0], [1.0, -1.0]).impulse_response()
    ValueError: the response needs an end, but it is not stable: a pole of radius 1 at 0
        cycles a frame; give frames=
lti.IIR.from_ba([1.0], [1.0, -0.5]) >> lti.FIR(np.full(4, 1j))
    TypeError: FIR(4 taps) is complex: it cannot stand beside a recursive system; take the
        systems of its real and of its imaginary part
lti.IIR.from_ba([1.0], [1.0, -0.5], fs=48000) + lti.FIR([1.0], fs=44100)
    MismatchError: fs differs: first 48000 Hz, second 44100 Hz; resample one first, e.g.
        second.resample(48000)
lti.feedback(lti.gain(1))
    ValueError: the loop has no delay: forward and back both answer at once; put lti.delay(1)
        into one of them
lti.feedback(1.0, lti.delay(1))
    TypeError: forward=1.0 must be a System
lti.feedback(lti.FIR(np.ones((2, 1, 1))), lti.delay(1))
    MismatchError: systems do not fit: the first has channels (2,), the second takes (1,)
lti.feedback(lti.gain(1), -1.1 * lti.delay(100))([1.0])
    ValueError: tail=True needs an end, but it is not stable: what goes round the loop does
        not decay; pass tail=False

# masks and analysis

lti.verify_response([1.0], [(0, 0.5, None, 0)])
    TypeError: system=[1.0] must be a System; wrap a response in lti.FIR
lti.verify_response(lti.gain(1), [])
    ValueError: mask=[] must hold at least one band (low_hz, high_hz, min_db, max_db)
lti.verify_response(lti.gain(1), [(0, 0.5)])
    ValueError: mask[0]=(0, 0.5) must be (low_hz, high_hz, min_db, max_db)
lti.verify_response(lti.gain(1), [(0.2, 0.1, None, 0)])
    ValueError: mask[0] low_hz=0.2 must be <= high_hz; got high_hz=0.1
lti.verify_response(lti.FIR([1], fs=48000), [(0, 24001, None, 0)])
    ValueError: mask[0] high_hz=24001 must be a finite number >= 0 and <= 24000 (fs / 2) in Hz
lti.verify_response(lti.gain(1), [(0, 0.5, 1, 0)])
    ValueError: mask[0] min_db=1 must be <= max_db; got max_db=0
lti.verify_response(lti.gain(1), [(0, 0.5, np.inf, None)])
    ValueError: mask[0] min_db=inf must be a finite number in dB, or -inf or None for no limit
lti.verify_response(lti.gain(1), [(0, 0.5, None, 0)], dtype="float16")
    ValueError: dtype='float16' must be one of 'float32', 'float64'
lti.verify_response(lti.gain(1), [(0, 0.5, None, 0)], block_size=0)
    ValueError: block_size=0 must be an integer >= 1
lti.verify_response(lti.IIR.from_ba([1], [1, -1]), [(0, 0.5, None, 0)])
    MismatchError: IIR(1 section; UNSTABLE, a pole of radius 1 at 0 cycles a frame) cannot be
        measured: its response does not end; make it stable first
lti.group_delay([1.0])
    TypeError: system=[1.0] must be a System; wrap a response in lti.FIR
lti.group_delay(lti.gain(1), [np.nan])
    MismatchError: freqs_hz holds 1 samples that are NaN or infinite, the first at 0; mend or
        cut them first
lti.unwrapped_phase(lti.gain(1), [0.1, 0.6])
    ValueError: freqs_hz[1]=0.6 must be from 0 to fs / 2, where phase is
lti.unwrapped_phase(lti.gain(1j))
    ValueError: h is complex: its phase has no beginning at 0 Hz; take its real part
lti.phase_type(lti.FIR([1, 1j]))
    ValueError: h is complex: its phase has none of these names; take its real part
lti.zeros(lti.FIR(np.ones(1100)))
    ValueError: a response of 1,100 taps has 1,099 zeros, and more than 1,000 are not looked
        for; cut it, or ask its phase_type, which needs none
lti.zeros(lti.IIR.from_ba([1], [1, -0.5]) + lti.FIR(np.ones(100)))
    ValueError: IIR(1 section) + FIR(100 taps) makes a polynomial of 101 coefficients, and the
        roots of more than 64 mean little; take the poles and zeros of its parts
lti.poles(lti.FIR(np.ones((2, 2, 2))) >> lti.IIR.from_ba([1], [2]) >> lti.FIR(np.eye(2)[..., None]))
    MismatchError: FIR(2 outputs x 2 inputs, 2 taps) >> IIR(1 section) >> FIR(2 outputs x 2
        inputs, 1 tap) mixes matrices of responses: its entries have no poles and zeros of
        their own here; take those of its parts
lti.band_edges(lti.gain(1), drop_db=0)
    ValueError: drop_db=0 must be a finite number > 0 in dB
lti.band_edges(lti.IIR.from_ba([1], [1, -1]))
    ValueError: band_edges needs a stable system, but it is not stable: a pole of radius 1 at
        0 cycles a frame
lti.minimal_length(lti.gain(1), floor_db=1)
    ValueError: floor_db=1 must be a finite number <= 0 in dB
lti.minimal_length(lti.IIR.from_ba([1], [1, -0.5]), floor_db=-170)
    ValueError: floor_db=-170 must be a finite number >= -160 and <= 0 in dB
lti.minimal_length(lti.IIR.from_ba([1], [1, -1]))
    ValueError: minimal_length needs a stable system, but it is not stable: a pole of radius 1
        at 0 cycles a frame
lti.step_response(lti.IIR.from_ba([1], [1, -1]))
    ValueError: the response needs an end, but it is not stable: a pole of radius 1 at 0
        cycles a frame; give frames=

# pictures

lti.plot_response([1.0], 3)
    TypeError: ax=3 must be a sequence of one or three Axes
lti.plot_response([1.0], scale="mel")
    ValueError: scale='mel' must be one of 'log', 'linear'
lti.plot_response([1.0], smoothing_octaves=0)
    ValueError: smoothing_octaves=0 must be a finite number > 0
lti.plot_response([lti.gain(1), lti.gain(2)], labels=["a"])
    ValueError: labels=['a'] must be one label for each of the 2 systems
lti.plot_impulse_response({})
    ValueError: system={} must hold at least one system
lti.plot_step_response(lti.FIR([1.0], fs=8000), fs=44100)
    MismatchError: fs differs: argument 44100 Hz, system 8000 Hz; resample one first, e.g.
        system.resample(44100)
lti.plot_poles_zeros([1.0], 3)
    TypeError: ax=3 must be an Axes
lti.plot_plan(3)
    TypeError: plan=3 must be a Plan; lti.plan() and stream.plan are
lti.plot_waveform([1j])
    ValueError: x must be a real sound, (frames,) or (channels, frames); got complex128,
        x.shape=(1,)
lti.plot_spectrogram([1.0], range_db=0)
    ValueError: range_db=0 must be a finite number > 0 in dB
lti.plot_decay(lti.IIR.from_ba([1], [1, -2]))
    ValueError: ir must die away, but it is not stable: a pole of radius 2 at 0 cycles a frame
lti.plot_convolution([1.0, 2.0], [1.0], at=2)
    ValueError: at=2 must be an integer < frames + taps - 1; got frames=2, taps=1
lti.plot_convolution([1j], [1.0])
    ValueError: x must be real, of shape (frames,); got complex, x.shape=(1,); draw one row,
        or part, at a time

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
    assert len(CALLS) == 155
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
