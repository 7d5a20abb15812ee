"""block-wise with zero latency: uniform and non-uniform partitions"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ltisys import spectra
from ltisys._types import Array, Path
from ltisys.engines.base import Group, groups
from ltisys.partitions import Response
from ltisys.planner import Plan
from ltisys.voices import Voice

__all__ = ["Partitioned"]


class Partitioned:
    """Run a stream over the whole signal.

    Worth it where the response is so long that one transform of it leaves every cache. Complex
    signals and responses are sums of real ones.

    References
    ----------
    F. Wefers, "Partitioned convolution algorithms for real-time auralization", 2014, chapter 6.
    """

    def prepare(self, h: Array, plan: Plan) -> Array:
        """Return the responses themselves: which of them meet is known when they run."""
        return h

    def run(
        self, x: Array, prepared: Array, paths: tuple[Path, ...], plan: Plan, start: int, out: Array
    ) -> None:
        """Fill `out`, the groups of rows that depend on each other side by side on the threads."""
        real = replace(plan, dtype=np.empty(0, dtype=plan.dtype).real.dtype.name)

        def begin() -> Callable[[Group], None]:
            def work(group: Group) -> None:
                rows = x[list(group.inputs)]
                kernels = sorted({k for _, _, k in group.paths})
                h = prepared[kernels]
                local = tuple(
                    (group.outputs.index(o), group.inputs.index(i), kernels.index(k))
                    for o, i, k in group.paths
                )
                y = _answer(rows, h, local, len(group.outputs), real, start, out.shape[1])
                out[list(group.outputs)] = y

            return work

        spectra.parallel(begin, groups(paths), plan.workers)


def _answer(
    x: Array,
    h: Array,
    paths: tuple[Path, ...],
    outputs: int,
    plan: Plan,
    start: int,
    length: int,
) -> Array:
    """Return outputs start .. start + length: (outputs, length), complex ones as two real ones."""
    if spectra.is_real(x.dtype) and spectra.is_real(h.dtype):
        return _real_answer(x, h, paths, outputs, plan, start, length)
    xs = np.concatenate([x.real, x.imag]) if not spectra.is_real(x.dtype) else x
    hs = np.concatenate([h.real, h.imag, -h.imag]) if not spectra.is_real(h.dtype) else h
    inputs, many = len(x), len(h)
    split: list[Path] = []
    for o, i, k in paths:
        split.append((o, i, k))
        if len(hs) > many:
            split.append((outputs + o, i, many + k))
        if len(xs) > inputs:
            split.append((outputs + o, inputs + i, k))
        if len(hs) > many and len(xs) > inputs:
            split.append((o, inputs + i, 2 * many + k))
    y = _real_answer(xs, hs, tuple(split), 2 * outputs, plan, start, length)
    return np.asarray(y[:outputs] + 1j * y[outputs:], dtype=spectra.complex_for(y.dtype))


def _real_answer(
    x: Array,
    h: Array,
    paths: tuple[Path, ...],
    outputs: int,
    plan: Plan,
    start: int,
    length: int,
) -> Array:
    """Play the input to a voice, from the first frame that is heard, and keep what it answers."""
    response = Response(h, paths, outputs, x.shape[0], plan)
    tape = response.tape()
    voice = Voice(response, tape, response.analyses(tape, {}))
    y = np.empty((outputs, length), dtype=plan.dtype)
    position = max(0, start - plan.taps + 1)  # in the input, and in the answer
    silence = np.zeros((x.shape[0], plan.block_size), dtype=plan.dtype)
    while position < start + length:
        n = min(plan.block_size, start + length - position, tape.room())
        n = min(n, voice.free(tape.position) - tape.position)
        if response.first is not None:
            n = min(n, plan.block_size - tape.position % plan.block_size)
        block = x[:, position : position + n]
        if block.shape[1] < n:  # the input has ended
            block = np.concatenate([block, silence[:, : n - block.shape[1]]], axis=1)
        tape.write(block)
        for i in np.flatnonzero(block.any(axis=1)):
            tape.until[i] = tape.position
        if block.any():
            tape.loud_until = tape.position
        part = voice.answer(n)
        begin = position - start
        if begin + n > 0:
            y[:, max(begin, 0) : begin + n] = part[:, max(-begin, 0) :]
        position += n
    return y
