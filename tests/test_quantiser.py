"""Sample codes against Fractions, which round exactly."""

from fractions import Fraction

import numpy as np
import pytest

from ltisys import quantiser
from ltisys.errors import MismatchError
from ltisys.quantiser import codes

WIDTHS = (8, 12, 16, 20, 24, 32)


def by_definition(x, bits):
    """Codes and clipped frames of x (channels, frames), exactly."""
    full = 1 << (bits - 1)
    exact = [[round(Fraction(float(v)) * full) for v in row] for row in x]
    held = [[min(max(c, -full), full - 1) for c in row] for row in exact]
    clipped = sum(any(abs(c) > full for c in frame) for frame in zip(*exact, strict=True))
    return np.array(held, dtype=np.int64).reshape(np.shape(x)), clipped


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, ">f4", np.float16])
@pytest.mark.parametrize("scale", [1e-12, 1e-4, 0.3, 1.0, 1.2])
def test_the_definition(bits, dtype, scale):
    x = (np.random.default_rng(bits).uniform(-scale, scale, (2, 97))).astype(dtype)
    wanted, clipped = by_definition(x, bits)
    got, count = codes(x, bits)
    assert got.shape == x.shape
    assert got.dtype == (np.int16 if bits <= 16 else np.int32)
    assert np.array_equal(got, wanted)
    assert count == clipped


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_halves_go_to_the_even_code(bits, dtype):
    steps = np.arange(-5, 6)
    x = ((steps + 0.5) / 2.0 ** (bits - 1)).astype(dtype)  # exact: few digits, a power of two
    got, count = codes(x, bits)
    assert got.shape == x.shape
    assert got.tolist() == [round(Fraction(2 * int(s) + 1, 2)) for s in steps]
    assert count == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_code_of_16_and_8_bits_comes_back(dtype):
    for bits in (8, 16):
        every = np.arange(-(1 << (bits - 1)), 1 << (bits - 1))
        got, count = codes((every / 2.0 ** (bits - 1)).astype(dtype), bits)
        assert got.dtype == np.int16
        assert np.array_equal(got, every)
        assert count == 0


@pytest.mark.parametrize(("bits", "dtype"), [(24, np.float32), (24, np.float64), (32, np.float64)])
def test_codes_of_24_and_32_bits_come_back(bits, dtype):
    full = 1 << (bits - 1)
    some = np.random.default_rng(1).integers(-full, full, 50_000)
    edges = [-full, -full + 1, -1, 0, 1, full - 2, full - 1]
    every = np.concatenate([some, edges])
    got, count = codes((every / full).astype(dtype), bits)
    assert got.dtype == np.int32
    assert np.array_equal(got, every)
    assert count == 0


@pytest.mark.parametrize("bits", WIDTHS)
def test_full_scale_is_not_clipped_and_beyond_it_is(bits):
    full = 1 << (bits - 1)
    step = 1 / full
    x = np.array([1.0, 1 - step / 2, 1 + step / 4, -1.0, -1 - step / 4])
    got, count = codes(x, bits)
    assert got.tolist() == [full - 1, full - 1, full - 1, -full, -full]
    assert count == 0
    got, count = codes(np.array([1 + step, -1 - step, 7.0, -1e300, 3e38]), bits)
    assert got.tolist() == [full - 1, -full, full - 1, -full, full - 1]
    assert count == 5
    got, count = codes(np.array([3e38, -3e38, 0], dtype=np.float32), bits)  # overflows on the way
    assert got.tolist() == [full - 1, -full, 0]
    assert count == 2


def test_a_frame_is_counted_once():
    x = np.zeros((3, 10))
    x[:, 4], x[1, 7] = 2.0, -2.0
    assert codes(x, 16)[1] == 2


@pytest.mark.parametrize("frames", [0, 1, 2, 3, quantiser.PIECE - 1, quantiser.PIECE + 1])
@pytest.mark.parametrize("channels", [1, 2, 7])
def test_pieces_do_not_show(frames, channels):
    x = np.random.default_rng(frames).uniform(-1.1, 1.1, (channels, frames)).astype(np.float32)
    got, count = codes(x, 16)
    assert got.shape == x.shape
    assert got.dtype == np.int16
    y = np.rint(x.astype(np.float64) * 32768)
    assert np.array_equal(got, np.clip(y, -32768, 32767))
    assert count == int((np.abs(y) > 32768).any(axis=0).sum())


def test_one_row_or_none():
    assert codes(np.zeros(5), 16)[0].shape == (5,)
    assert codes(np.zeros((0, 5)), 16)[0].shape == (0, 5)


def test_no_offset():
    # rounding down would be half a step too low on average; the mean of n errors that are
    # uniform within +-1/2 has the deviation 1/sqrt(12 n)
    n = 100_000
    x = np.random.default_rng(2).uniform(-0.5, 0.5, n)
    error = codes(x, 16)[0] - x * 32768
    assert abs(error.mean()) < 6 / np.sqrt(12 * n)


def test_inputs_stay_as_they_were():
    x = np.array([[0.1, 2.0, -3.0]], dtype=np.float32)
    before = x.tobytes()
    x.flags.writeable = False
    codes(x, 16)
    assert x.tobytes() == before


class TestDither:
    def test_blocks_draw_the_same_noise(self):
        x = np.random.default_rng(3).uniform(-0.9, 0.9, (2, 1000)).astype(np.float32)
        whole = codes(x, 16, dither_rng=np.random.default_rng(4))[0]
        rng = np.random.default_rng(4)
        parts = [codes(x[:, a : a + 37], 16, dither_rng=rng)[0] for a in range(0, 1000, 37)]
        assert np.array_equal(np.concatenate(parts, axis=1), whole)

    @pytest.mark.parametrize("bits", [16, 24])
    def test_triangular(self, bits):
        # the error of non-subtractive triangular dither has no mean and a variance of 1/4 step
        # whatever the signal (Lipshitz et al., 1992); a sample variance of n values with
        # |error| <= 3/2 deviates by less than 1/sqrt(n)
        n = 200_000
        full = 2.0 ** (bits - 1)
        for level in (0.0, 0.25, 0.5):
            x = np.full(n, level / full)
            error = codes(x, bits, dither_rng=np.random.default_rng(5))[0] - level
            assert np.abs(error).max() <= 1.5
            assert abs(error.mean()) < 6 * 0.5 / np.sqrt(n)
            assert abs(error.var() - 0.25) < 6 / np.sqrt(n)

    def test_full_scale_is_not_clipped_by_dither(self):
        rng = np.random.default_rng(6)
        got, count = codes(np.array([1.0, -1.0] * 1000), 16, dither_rng=rng)
        assert got.max() == 32767
        assert got.min() == -32768
        assert count == 0
        assert codes(np.full(9, 1.001), 16, dither_rng=rng)[1] == 9


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_has_no_code(bad, dtype):
    x = np.zeros((2, 50), dtype=dtype)
    x[1, 30] = bad
    with pytest.raises(MismatchError) as caught:
        codes(x, 16)
    assert str(caught.value) == (
        "x holds 1 samples that are NaN or infinite, the first at (1, 30); mend or cut them first"
    )


@pytest.mark.parametrize(
    ("x", "bits", "kind", "sentence"),
    [
        ([0.0], 1, ValueError, "bits=1 must be an integer >= 2"),
        ([0.0], 33, ValueError, "bits=33 must be an integer from 2 to 32"),
        ([0.0], 16.0, TypeError, "bits=16.0 must be an integer >= 2"),
        (
            [1],
            16,
            TypeError,
            "x must hold real floats; got dtype int64; integers are codes already",
        ),
        (
            np.zeros((1, 1, 1)),
            16,
            ValueError,
            "x.shape=(1, 1, 1) must be (frames,) or (channels, frames)",
        ),
        (
            np.zeros((100, 2)),
            16,
            ValueError,
            (
                "x has 100 channels: x.shape=(100, 2); signals are (channels, frames) with at most "
                "64 channels; did you mean x.T?"
            ),
        ),
    ],
)
def test_errors(x, bits, kind, sentence):
    with pytest.raises(kind) as caught:
        codes(x, bits)
    assert str(caught.value) == sentence
