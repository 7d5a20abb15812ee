"""Every misuse of a stream: the call, the exception, the whole sentence"""

import re

import numpy as np
import pytest
from test_errors import rows

import ltisys as lti

# As in test_errors: each call stands at the margin; below it, indented, what it raises.
TABLE = """
# making one

lti.FIR([1]).stream(block_size=0)
    ValueError: block_size=0 must be an integer >= 1
lti.FIR([1]).stream(block_size=-64)
    ValueError: block_size=-64 must be an integer >= 1
lti.FIR([1]).stream(block_size=1.5)
    TypeError: block_size=1.5 must be an integer >= 1
lti.FIR([1]).stream(block_size=64.0)
    TypeError: block_size=64.0 must be an integer >= 1
lti.FIR([1]).stream(block_size=True)
    TypeError: block_size=True must be an integer >= 1
lti.FIR([1]).stream(block_size="64")
    TypeError: block_size='64' must be an integer >= 1
lti.FIR([1]).stream(channels=0)
    ValueError: channels=0 must be an integer >= 1
lti.FIR([1]).stream(channels=2.0)
    TypeError: channels=2.0 must be an integer >= 1
lti.FIR([1]).stream(channels=None)
    TypeError: channels=None must be an integer >= 1
lti.FIR([1]).stream(dtype="int16")
    ValueError: dtype='int16' must be one of 'float32', 'float64'
lti.FIR([1]).stream(dtype="float16")
    ValueError: dtype='float16' must be one of 'float32', 'float64'
lti.FIR([1]).stream(dtype="complex64")
    ValueError: dtype='complex64' must be one of 'float32', 'float64'
lti.FIR([1]).stream(dtype="spam")
    ValueError: dtype='spam' must be one of 'float32', 'float64'
lti.FIR([1]).stream(dtype=None)
    ValueError: dtype=None must be one of 'float32', 'float64'
lti.FIR([1]).stream(dtype=int)
    ValueError: dtype=<class 'int'> must be one of 'float32', 'float64'
lti.FIR([1, 1j]).stream()
    TypeError: h is complex, and streams are real; stream the systems of its real and of its
        imaginary part
lti.FIR(np.ones((2, 9))).stream(channels=3)
    MismatchError: x has 3 channels but h has 2: channels=3, h.shape=(2, 9); h must be (taps,),
        (1, taps) or (3, taps)
lti.FIR(np.ones((2, 2, 9))).stream()
    MismatchError: x has 1 channel but h takes 2: channels=1, h.shape=(2, 2, 9); h must be (taps,)
        or (outputs, 1, taps)
lti.Stream([1.0])
    TypeError: list is no system: it cannot be streamed
lti.Stream(None, block_size=64)
    TypeError: NoneType is no system: it cannot be streamed

# pushing

lti.FIR([1]).stream(channels=2).push(np.ones(10))
    MismatchError: x has 1 channel but the stream takes 2: x.shape=(10,); push blocks of shape
        (2, frames)
lti.FIR([1]).stream(channels=2).push([])
    MismatchError: x has 1 channel but the stream takes 2: x.shape=(0,); push blocks of shape
        (2, frames)
lti.FIR([1]).stream(channels=2).push(np.ones((1, 10)))
    MismatchError: x has 1 channel but the stream takes 2: x.shape=(1, 10); push blocks of shape
        (2, frames)
lti.FIR([1]).stream(channels=2).push(np.ones((10, 2)))
    MismatchError: x has 10 channels but the stream takes 2: x.shape=(10, 2); push blocks of shape
        (2, frames)
lti.FIR([1]).stream().push(np.ones((2, 10)))
    MismatchError: x has 2 channels but the stream takes 1: x.shape=(2, 10); push blocks of shape
        (1, frames)
lti.FIR([1]).stream().push(np.ones((1, 1, 10)))
    MismatchError: x has 3 axes: x.shape=(1, 1, 10); push blocks of shape (1, frames)
lti.FIR([1]).stream().push(1.0)
    ValueError: x=1.0 must have at least one axis: (..., frames)
lti.FIR([1]).stream().push([1, 2])
    TypeError: x has dtype int64 but the stream takes float32; scale it to floats first
lti.FIR([1]).stream(dtype="float64").push(np.ones(3, np.int16))
    TypeError: x has dtype int16 but the stream takes float64; scale it to floats first
lti.FIR([1]).stream().push([True])
    TypeError: x has dtype bool but the stream takes float32; scale it to floats first
lti.FIR([1]).stream().push([1j])
    TypeError: x has dtype complex128 but the stream takes float32; take its real part
lti.FIR([1]).stream().push(np.ones(3), out=[0.0, 0.0, 0.0])
    TypeError: out must be an array; got list
lti.FIR([1]).stream().push(np.ones(3), out=np.zeros(3))
    ValueError: out must be an array of shape (3,) and dtype float32; got (3,) and float64
lti.FIR([1]).stream().push(np.ones(3), out=np.zeros(3, ">f4"))
    ValueError: out must be an array of shape (3,) and dtype float32; got (3,) and >f4
lti.FIR([1]).stream().push(np.ones(3), out=np.zeros(4, "f4"))
    ValueError: out must be an array of shape (3,) and dtype float32; got (4,) and float32
lti.FIR([1]).stream().push(np.ones(3), out=np.zeros((1, 3), "f4"))
    ValueError: out must be an array of shape (3,) and dtype float32; got (1, 3) and float32
lti.FIR([1]).stream().push(np.ones((1, 3)), out=np.zeros(3, "f4"))
    ValueError: out must be an array of shape (1, 3) and dtype float32; got (3,) and float32
lti.FIR(np.ones((2, 9))).stream().push(np.ones(3), out=np.zeros(3, "f4"))
    ValueError: out must be an array of shape (2, 3) and dtype float32; got (3,) and float32
lti.FIR([1]).stream().push(np.ones(3), out=np.broadcast_to(np.float32(0), 3))
    ValueError: out must be writeable; got a read-only array
lti.FIR([1, 2]).stream().flush(out=np.zeros(2, "f4"))
    ValueError: out must be an array of shape (1,) and dtype float32; got (2,) and float32

# swapping

lti.FIR([1]).stream().swap(lti.FIR(np.ones((2, 9))))
    MismatchError: the stream has 1 output but the system gives 2 for 1 channel; make a new stream
        for it
lti.FIR([1]).stream().prepare(lti.FIR(np.ones((2, 9))))
    MismatchError: the stream has 1 output but the system gives 2 for 1 channel; make a new stream
        for it
lti.FIR([1]).stream(channels=2).swap(lti.FIR(np.ones((1, 2, 9))))
    MismatchError: the stream has 2 outputs but the system gives 1 for 2 channels; make a new stream
        for it
lti.FIR([1]).stream(channels=2).swap(lti.FIR(np.ones((2, 3, 9))))
    MismatchError: x has 2 channels but h takes 3: channels=2, h.shape=(2, 3, 9); h must be (taps,)
        or (outputs, 2, taps)
lti.FIR([1], fs=48000).stream().swap(lti.FIR([1], fs=44100))
    MismatchError: fs differs: stream 48000 Hz, system 44100 Hz; resample one first, e.g.
        system.resample(48000)
lti.FIR([1]).stream().swap(lti.FIR([1]), fade_s=-0.1)
    ValueError: fade_s=-0.1 must be a finite number >= 0
lti.FIR([1]).stream().swap(lti.FIR([1]), fade_s=np.nan)
    ValueError: fade_s=nan must be a finite number >= 0
lti.FIR([1]).stream().swap(lti.FIR([1]), fade_s=None)
    TypeError: fade_s=None must be a finite number >= 0
lti.FIR([1]).stream().swap([1.0])
    TypeError: list is no system: it cannot be streamed
lti.FIR([1]).stream().prepare(np.ones(3))
    TypeError: ndarray is no system: it cannot be streamed
lti.FIR([1]).stream().swap(lti.FIR([1j]))
    TypeError: h is complex, and streams are real; stream the systems of its real and of its
        imaginary part
lti.FIR([1]).stream().swap(lti.FIR([1]).stream(block_size=64).prepare(lti.FIR([1])))
    MismatchError: the system was prepared for a stream of other channels, block_size or dtype;
        prepare it with this stream
lti.FIR([1]).stream().swap(lti.FIR([1]).stream(dtype="float64").prepare(lti.FIR([1])))
    MismatchError: the system was prepared for a stream of other channels, block_size or dtype;
        prepare it with this stream

# blocks

list(lti.stream_blocks([1.0], [[1.0]]))
    TypeError: list is no system: it cannot be streamed
list(lti.stream_blocks(lti.FIR([1]), [[1, 2]]))
    TypeError: x has dtype int64 but the stream takes float64; scale it to floats first
list(lti.stream_blocks(lti.FIR([1]), [["a"]]))
    TypeError: block must hold numbers; got dtype <U1
list(lti.stream_blocks(lti.FIR([1]), [[[1.0], [2.0]], [[1.0]]]))
    MismatchError: x has 1 channel but the stream takes 2: x.shape=(1, 1); push blocks of shape
        (2, frames)
list(lti.stream_blocks(lti.FIR(np.ones((2, 2, 9))), [np.ones((3, 9))]))
    MismatchError: x has 3 channels but h takes 2: channels=3, h.shape=(2, 2, 9); h must be (taps,)
        or (outputs, 3, taps)
list(lti.stream_blocks(lti.FIR([1]), [[1.0]], block_size=0))
    ValueError: block_size=0 must be an integer >= 1

# plans and costs

lti.plan(frames=1, taps=10, method="partitioned", block_size=0)
    ValueError: block_size=0 must be an integer >= 1
lti.plan(frames=1, taps=10, method="partitioned", block_size=1.5)
    TypeError: block_size=1.5 must be an integer >= 1
lti.plan(frames=1, taps=10, method="partitioned", block_size=64, dtype="complex64")
    ValueError: dtype='complex64' must be one of 'float32', 'float64' for a stream
lti.calibrate(seconds=0)
    ValueError: seconds=0 must be a finite number > 0
lti.calibrate(seconds="long")
    TypeError: seconds='long' must be a finite number > 0
"""

CALLS = rows(TABLE)


@pytest.mark.parametrize(("call", "wanted"), CALLS, ids=[call for call, _ in CALLS])
def test_sentence(call: str, wanted: str, monkeypatch: pytest.MonkeyPatch, tmp_path: str) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises((ValueError, TypeError)) as caught:
        eval(call, {"lti": lti, "np": np})
    assert f"{type(caught.value).__name__}: {caught.value}" == wanted


def test_the_table_is_whole() -> None:
    assert len(CALLS) == 64
    for _, wanted in CALLS:
        assert wanted.startswith(("ValueError: ", "TypeError: ", "MismatchError: "))


@pytest.mark.parametrize("value", [["a"], [None], [object()], [b"x"]])
def test_what_is_no_number_is_told_so(value: object) -> None:
    with pytest.raises(TypeError, match=r"^x must hold numbers; got dtype"):
        lti.FIR([1.0]).stream().push(value)


def test_a_flushed_stream_says_what_to_do() -> None:
    stream = lti.FIR([1.0, 2.0]).stream()
    stream.push([1.0])
    stream.flush()
    for call, doing in (
        (lambda: stream.push([1.0]), "pushing again"),
        (lambda: stream.push("not even a block"), "pushing again"),
        (lambda: stream.flush(), "flushing again"),
        (lambda: stream.swap(lti.FIR([1.0])), "swapping"),
    ):
        sentence = f"stream is flushed; call reset() before {doing}"
        with pytest.raises(lti.StreamError, match=f"^{re.escape(sentence)}$"):
            call()
    stream.reset()
    assert stream.push([1.0]).tolist() == [1.0]


def test_stream_errors_are_errors_of_the_package() -> None:
    assert issubclass(lti.StreamError, lti.LtisysError)
    assert issubclass(lti.StreamError, RuntimeError)
    assert lti.StreamError.exit_code == 65


def test_streams_have_no_attributes_to_set() -> None:
    stream = lti.FIR([1.0]).stream()
    for name in ("system", "plan", "position", "latency", "tail"):
        with pytest.raises(AttributeError):
            setattr(stream, name, 1)
