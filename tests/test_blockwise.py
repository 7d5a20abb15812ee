"""A long input by blocks is the whole answer, whatever the blocks."""

from collections.abc import Iterator

import numpy as np
import pytest

import ltisys as lti
from ltisys._types import Array
from ltisys.blockwise import answers, chunk_size
from ltisys.convolution import Kernels
from ltisys.planner import Plan

RNG = np.random.default_rng(3)
U = np.finfo(np.float64).eps / 2


def cut(x: Array, sizes: list[int]) -> Iterator[Array]:
    """Yield x in blocks of these sizes, the last ones repeated until it ends."""
    at = 0
    for size in sizes:
        yield x[:, at : at + size].copy()
        at += size
    while at < x.shape[1]:
        yield x[:, at : at + sizes[-1]].copy()
        at += sizes[-1]


def gathered(x: Array, kernels: Kernels, plan: Plan, sizes: list[int], chunk: int, **more: float):
    heard, made = 0, []
    pairs = answers(cut(x, sizes), kernels, plan, inputs=x.shape[0], chunk=chunk, **more)
    for frames, answer in pairs:
        heard += frames
        made.append(answer.copy())
    assert heard == x.shape[1]
    return np.concatenate(made, axis=1)


@pytest.mark.parametrize("method", ["direct", "overlap-add", "overlap-save"])
@pytest.mark.parametrize("taps", [1, 2, 97, 1000])
@pytest.mark.parametrize("frames", [1, 96, 500, 512, 513, 3001])
def test_blocks_are_the_whole(method: str, taps: int, frames: int) -> None:
    x, h = RNG.standard_normal((2, frames)), RNG.standard_normal((2, taps))
    kernels = Kernels(h, ((0, 0, 0), (1, 1, 1)))
    plan = kernels.plan(frames, np.dtype(np.float64), method)  # type: ignore[arg-type]
    want = lti.convolve(x, h, method="direct")
    bound = 20 * U * max(1.0, np.log2(max(plan.nfft, 2))) * np.linalg.norm(x) * np.linalg.norm(h)
    bound += 2 * (taps + 1) * U * np.abs(x).sum(axis=1).max() * np.abs(h).max()
    first = None
    for sizes in ([frames], [1], [7], [0, 3, 0, 64]):
        y = gathered(x, kernels, plan, sizes, chunk=512)
        assert y.shape == want.shape
        assert np.abs(y - want).max() <= bound
        first = y if first is None else first
        assert np.array_equal(y, first)  # the same bits however it was read


def test_the_dry_sound_stays_in_place_beside_a_response_with_a_lead() -> None:
    x = RNG.standard_normal((1, 700))
    h = np.zeros((1, 40))
    h[0, 25] = 0.5  # time 0 of the response
    kernels = Kernels(h, ((0, 0, 0),))
    plan = kernels.plan(700, np.dtype(np.float64), "direct")
    y = gathered(x, kernels, plan, [100], chunk=64, dry=1.0, lead=25)
    assert y.shape == (1, 700 + 39 - 25)
    want = np.zeros_like(y)
    want[:, :700] = 1.5 * x
    assert np.array_equal(y, want)


def test_a_lead_longer_than_a_chunk() -> None:
    x = RNG.standard_normal((1, 50))
    h = np.zeros((1, 200))
    h[0, 150] = 1.0
    kernels = Kernels(h, ((0, 0, 0),))
    plan = kernels.plan(50, np.dtype(np.float64), "direct")
    y = gathered(x, kernels, plan, [50], chunk=32, lead=150)
    assert np.array_equal(y[:, :50], x)
    assert y.shape == (1, 50 + 199 - 150)


def test_an_error_while_reading_is_raised() -> None:
    def broken() -> Iterator[Array]:
        yield np.ones((1, 10))
        raise OSError("the disk is gone")

    kernels = Kernels(np.ones((1, 3)), ((0, 0, 0),))
    plan = kernels.plan(100, np.dtype(np.float64), "direct")
    with pytest.raises(OSError, match="the disk is gone"):
        list(answers(broken(), kernels, plan, inputs=1, chunk=8))


def test_chunks_hold_whole_pairs_of_blocks_and_no_more_than_needed() -> None:
    plan = lti.plan(frames=10_000_000, taps=100_000, method="overlap-save")
    chunk = chunk_size(plan, None)
    assert chunk % (2 * plan.block_size) == 0
    assert chunk >= 1 << 18
    assert chunk_size(plan, 1000) == 1000 + 100_000 - 1
