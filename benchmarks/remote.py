"""The other side of `clock.Remote`: jobs that need a process with settings of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable

import scipy.fft

import ltisys as lti
from benchmarks.clock import lasting, timed
from benchmarks.signals import decay, definition, error, noise, positions

Answers = Callable[[str], float]


def mkl(frames: str, taps: str) -> Answers:
    """P1's convolution with the FFTs of MKL set as scipy's, as a user sets them."""
    from mkl_fft.interfaces import scipy_fft

    scipy.fft.set_global_backend(scipy_fft)
    x, h = noise(int(frames)), decay(int(taps))
    run = timed(lambda: lti.convolve(x, h))

    def answer(question: str) -> float:
        if question == "run":
            return run()
        at = positions(x.size + h.size - 1)
        return error(lti.convolve(x, h), definition(x, h, at), at)

    return answer


def direct(frames: str, least_s: str) -> Answers:
    """Seconds of the direct method on one thread, BLAS included; the question is the taps."""
    x = noise(int(frames))

    def answer(question: str) -> float:
        h = decay(int(question))
        work = lasting(lambda: lti.convolve(x, h, method="direct", workers=1), float(least_s))
        return work()

    return answer


JOBS: dict[str, Callable[..., Answers]] = {"direct": direct, "mkl": mkl}


def main() -> None:
    """Answer every line of standard input with one number."""
    answer = JOBS[sys.argv[1]](*sys.argv[2:])
    for line in sys.stdin:
        print(answer(line.strip()), flush=True)


if __name__ == "__main__":
    main()
