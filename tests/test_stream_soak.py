"""Hours of sound through one stream: memory stays, silence is silent, no frame is lost"""

import gc
import os
from pathlib import Path

import numpy as np
import pytest
import streams

import ltisys as lti

FS = 48_000
BLOCK = 1024
STATM = Path("/proc/self/statm")
PERIOD = 12 * FS // BLOCK  # pushes: 9 s of sound and 3 s of silence


def resident_bytes() -> int:
    """Return the memory that the process holds."""
    gc.collect()
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def soak(seconds: float, *, warm_up_s: float) -> int:
    """Stream so many seconds of stereo through 1 s; return by how many bytes memory has grown.

    Every twelve seconds there are some of silence, a few blocks of odd lengths, one bad sample
    and a swap, there and back again.
    """
    rng = np.random.default_rng(1)
    systems = [lti.FIR(rng.standard_normal((2, taps)) / 200, fs=FS) for taps in (FS, FS // 2)]
    stream = systems[0].stream(block_size=BLOCK, channels=2)
    sound = rng.standard_normal((8, 2, BLOCK)).astype(np.float32)
    silence = np.zeros((2, BLOCK), np.float32)
    out = np.empty((2, BLOCK), np.float32)
    spare = FS // BLOCK + 2  # pushes until the last sound is out
    begin = pushed = 0
    for k in range(int(seconds * FS / BLOCK)):
        phase = k % PERIOD
        silent = phase >= PERIOD * 3 // 4
        block = silence if silent else sound[k % 8]
        if phase == 50:
            block = block.copy()
            block[k % 2, 17] = np.nan
        if phase == 100:
            stream.swap(systems[k // PERIOD % 2])
        if phase == 150:  # two pieces of a block
            stream.push(block[:, :100], out=out[:, :100])
            stream.push(block[:, 100:], out=out[:, 100:])
        else:
            stream.push(block, out=out)
        pushed += BLOCK
        if phase >= PERIOD * 3 // 4 + spare:
            assert not out.any()
        elif not silent and not 50 <= phase <= 50 + spare and phase:
            assert out[:, -1].all()
            assert np.isfinite(out).all()
        if k == int(warm_up_s * FS / BLOCK):
            begin = resident_bytes()
    grown = resident_bytes() - begin
    assert stream.position == pushed
    check_like_new(stream)
    return grown


def check_like_new(stream: lti.Stream) -> None:
    """In the end it answers as a new one would, after all that."""
    stream.push(np.zeros((2, stream.tail + 1)))
    x = np.random.default_rng(2).standard_normal((2, 3 * BLOCK)).astype(np.float32)
    y = streams.run(stream, x, [BLOCK] * 3)
    streams.check(stream, np.asarray(stream.system.h), x, y)


needs_statm = pytest.mark.skipif(not STATM.exists(), reason="only Linux tells it in /proc")


@needs_statm
def test_a_minute_in_constant_memory() -> None:
    assert soak(60, warm_up_s=30) < 1 << 20


@needs_statm
@pytest.mark.slow
def test_ten_hours_in_constant_memory() -> None:
    assert soak(36_000, warm_up_s=120) < 1 << 20


@pytest.mark.parametrize("clock", [1 << 31, 1 << 32, 1 << 39])
def test_positions_beyond_32_bits(clock: int) -> None:
    """A stream that has run for months answers the same bits: its clock is set on in silence."""
    system = lti.FIR(np.random.default_rng(3).standard_normal(3000))
    plain, old = (system.stream(block_size=64, dtype="float64") for _ in range(2))
    old._tape.position = clock - (1 << 18)  # a multiple of every size of partition
    old._analyses = {}
    old._parts[0].answer = old._prepared.answer(old._tape, old._analyses)
    x = np.random.default_rng(4).standard_normal((1 << 18) + 10_000)
    x[1000 : 1 << 18] = 0
    want, y = (streams.run(each, x, [640] * 420) for each in (plain, old))
    assert np.array_equal(y, want)
    assert old._tape.position > clock
    assert want[-1000:].all()
