"""one transform of the whole signal"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ltisys import spectra
from ltisys._types import Array, Path
from ltisys.engines.base import Group, groups
from ltisys.planner import Plan

__all__ = ["WholeTransform"]


class WholeTransform:
    """Multiply the spectra of the whole signal and the response: Y = X H, n >= frames + taps - 1.

    Many short rows go through in batches that stay in cache.
    """

    def prepare(self, h: Array, plan: Plan) -> Array:
        """Return the spectra (responses, bins)."""
        if spectra.is_real(h.dtype):
            return spectra.forward_real(h, plan.nfft)
        padded = np.zeros((h.shape[0], plan.nfft), dtype=h.dtype)
        padded[:, : h.shape[1]] = h / plan.nfft
        return spectra.forward(padded)

    def run(
        self, x: Array, prepared: Array, paths: tuple[Path, ...], plan: Plan, start: int, out: Array
    ) -> None:
        """Fill `out`, as many groups of rows at once as stay in cache."""
        real = spectra.is_real(x.dtype)
        length = out.shape[1]
        batches: list[list[Group]] = [[]]
        for group in groups(paths):
            if batches[-1] and sum(len(g.inputs) for g in batches[-1]) >= plan.rows:
                batches.append([])
            batches[-1].append(group)

        def begin() -> Callable[[list[Group]], None]:
            def work(batch: list[Group]) -> None:
                inputs = [i for group in batch for i in group.inputs]
                outputs = [o for group in batch for o in group.outputs]
                if real:
                    spectrum = spectra.forward_real(x[inputs], plan.nfft)
                else:
                    padded = np.zeros((len(inputs), plan.nfft), dtype=x.dtype)
                    padded[:, : x.shape[1]] = x[inputs]
                    spectrum = spectra.forward(padded)
                product = _multiply(spectrum, prepared, batch, inputs, outputs)
                y = spectra.inverse_real(product, plan.nfft) if real else spectra.inverse(product)
                out[outputs] = y[:, start : start + length]

            return work

        spectra.parallel(begin, batches, plan.workers)


def _multiply(
    spectrum: Array, prepared: Array, batch: list[Group], inputs: list[int], outputs: list[int]
) -> Array:
    """Return the outputs' spectra: sums over each output's paths."""
    if len(inputs) == len(outputs) == sum(len(group.paths) for group in batch):
        kernels = [group.paths[0][2] for group in batch]
        if len(set(kernels)) == 1:
            kernels = kernels[:1]
        return np.multiply(spectrum, prepared[kernels], out=spectrum)
    row_of = {i: row for row, i in enumerate(inputs)}
    product = np.zeros((len(outputs), spectrum.shape[1]), dtype=spectrum.dtype)
    place_of = {o: row for row, o in enumerate(outputs)}
    for group in batch:
        for o, i, k in group.paths:
            product[place_of[o]] += spectrum[row_of[i]] * prepared[k]
    return product
