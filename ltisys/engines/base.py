"""the protocol every engine obeys

An engine computes one thing, for a set of paths "output o hears input i through response k"::

    out[o, n] = sum over paths (o, i, k), over t, of  h[k, t] x[i, start + n - t]

with x zero outside its frames. A shared response, a response per channel, a mono input spread to
many outputs and a matrix (true stereo) are all sets of paths. `convolution.py` plans, contains
bad samples and keeps silence silent; an engine only computes, on finite numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np

from ltisys import spectra
from ltisys._types import Array, Path
from ltisys.planner import Plan

__all__ = ["Engine", "Group", "filtered", "groups", "lanes", "load", "response_spectra"]


class Engine(Protocol):
    """Compute convolutions by one algorithm."""

    def prepare(self, h: Array, plan: Plan) -> Array:
        """Return what `run` needs of the responses h (responses, taps), computed once."""
        ...

    def run(
        self, x: Array, prepared: Array, paths: tuple[Path, ...], plan: Plan, start: int, out: Array
    ) -> None:
        """Fill out (outputs, length) with outputs start .. start + length of x (inputs, frames)."""
        ...


class Group(NamedTuple):
    """Rows that depend on each other: every path among them, and no other."""

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    paths: tuple[Path, ...]


def groups(paths: tuple[Path, ...]) -> list[Group]:
    """Cut a set of paths into groups that share neither an input nor an output."""
    if len({p[0] for p in paths}) == len({p[1] for p in paths}) == len(paths):
        return [Group((i,), (o,), ((o, i, k),)) for o, i, k in paths]
    parent: dict[tuple[str, int], tuple[str, int]] = {}

    def root(node: tuple[str, int]) -> tuple[str, int]:
        while parent.setdefault(node, node) != node:
            node = parent[node]
        return node

    for o, i, _ in paths:
        parent[root(("in", i))] = root(("out", o))
    members: dict[tuple[str, int], list[Path]] = {}
    for path in paths:
        members.setdefault(root(("out", path[0])), []).append(path)
    return [
        Group(tuple(sorted({p[1] for p in m})), tuple(sorted({p[0] for p in m})), tuple(m))
        for m in members.values()
    ]


def load(place: Array, row: Array, start: int) -> None:
    """Copy row[start : start + len(place)] into place, zeros where the row has no frames."""
    length, frames = place.shape[-1], row.shape[-1]
    first, last = min(max(start, 0), frames), max(min(start + length, frames), 0)
    if first >= last:
        place[...] = 0
        return
    place[: first - start] = 0
    place[first - start : last - start] = row[first:last]
    place[last - start :] = 0


def lanes(rows: Array, real: bool) -> Iterator[Array]:
    """Yield the places of complex rows that hold a block each: two real ones, or a complex one.

    h is real, so the real part of a product of spectra belongs to the block that was in the real
    part, the imaginary part to the other.
    """
    if real:
        yield rows.real
        yield rows.imag
    else:
        yield rows


def response_spectra(h: Array, nfft: int) -> Array:
    """Transform responses (responses, taps) for blocks of nfft points; they carry the 1 / nfft."""
    padded = np.zeros((h.shape[0], nfft), dtype=spectra.complex_for(h.dtype))
    np.divide(h, nfft, out=padded[:, : h.shape[1]])
    return spectra.forward(padded)


def filtered(blocks: Array, prepared: Array, group: Group) -> Array:
    """Take blocks (inputs, rows, nfft) to outputs (outputs, rows, nfft), using up `blocks`.

    Silent blocks cost no transform.
    """
    if not (blocks[..., ::997].any() or blocks.any()):  # a glance is enough for sound
        return np.zeros((len(group.outputs), *blocks.shape[1:]), dtype=blocks.dtype)
    spectrum = spectra.forward(blocks)
    if len(group.paths) == 1:
        np.multiply(spectrum, prepared[group.paths[0][2]], out=spectrum)
        return spectra.inverse(spectrum)
    product = np.zeros((len(group.outputs), *blocks.shape[1:]), dtype=blocks.dtype)
    for o, i, k in group.paths:
        product[group.outputs.index(o)] += spectrum[group.inputs.index(i)] * prepared[k]
    return spectra.inverse(product)
