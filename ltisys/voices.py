"""the answer of one response to an input on a tape, block by block, its work spread ahead"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ltisys._types import Array
from ltisys.errors import StreamError
from ltisys.partitions import Group, Response
from ltisys.tape import Analysis, Tape, flush_level

__all__ = ["Voice"]

AT_ONCE = 1 << 13
"""Products of spectra that are made in one call and then added up."""
DIRECT_PART = 16
"""Multiply-adds a point of a transform, up to which a part of a block is answered directly."""
LONG_AGO, NEVER = -(1 << 62), 1 << 62


class _Job:
    """The work of one group, which recurs every `size` frames."""

    def __init__(self, group: Group, place: int, analysis: Analysis, paths: int, t: int) -> None:
        self.group, self.place, self.analysis = group, place, analysis
        self.t = t
        """The end of the newest window it works on."""
        self.step = 0
        self.next = t + group.due[0]
        """The frame from which the next step is due."""
        self.wanted = t - group.size + group.offset
        """The frame whose output needs the answer."""
        self.sounds = False
        """Whether a product has been added to the sum."""
        *rows, bins = group.spectra.shape[1:]
        shape = (*rows, bins) if len(rows) > 1 else (paths, bins)
        self.sum = np.empty(shape, dtype=group.spectra.dtype)
        self.product = np.empty(shape, dtype=group.spectra.dtype)
        self.products: Array | None = None
        """Place for all products at once, where the cache holds them: fewer, longer calls."""
        count = len(group.peaks)
        if count > 1 and count * math.prod(shape) <= AT_ONCE:
            self.products = np.empty((count, *shape), dtype=group.spectra.dtype)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"group": None}  # the voice knows it by its place: copies share it

    def advance(self) -> None:
        """Go on to the next step, after the last one to the next window."""
        self.step += 1
        if self.step == len(self.group.steps):
            self.step, self.sounds = 0, False
            self.t += self.group.size
            self.wanted += self.group.size
        self.next = self.t + self.group.due[self.step]


class Voice:
    """Answer the input on a tape by one response."""

    def __init__(self, response: Response, tape: Tape, analyses: dict[int, Analysis]) -> None:
        self.response = response
        self.tape = tape
        plan = response.plan
        self.block = plan.block_size
        dtype = np.dtype(plan.dtype)
        paths = 1 if not response.paths else len(response.paths)
        far = max((g.offset for g in response.groups), default=0) + 2 * self.block
        far = max(far, 4096)  # a short ring would be wound round every few blocks
        self.ahead = np.zeros((response.outputs, 1 << (far - 1).bit_length()), dtype=dtype)
        self.ahead_until = LONG_AGO
        """The frame after the last one to which something was added ahead."""
        self.flush = flush_level(dtype)
        groups = response.groups
        self.head: _Job | None = None
        self.past: Array | None = None
        position = tape.position
        if response.first is not None:
            start = position // self.block * self.block + self.block
            self.head = _Job(groups[0], 0, analyses[groups[0].size], paths, start)
        self.jobs = []
        for place, group in enumerate(groups):
            if place == 0 and self.head is not None:
                continue
            # the oldest window whose answer is still wanted
            t = (position - group.offset) // group.size * group.size + group.size
            analysis = analyses[group.size]
            self.jobs.append(_Job(group, place, analysis, paths, t))
        self.wake = LONG_AGO
        self.wanted = position
        self.work(position)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for job in (*self.jobs, *([] if self.head is None else [self.head])):
            job.group = self.response.groups[job.place]
            if job.group.spectra.shape[-1] != job.sum.shape[-1]:
                raise StreamError("the stream was pickled where scipy.fft orders spectra otherwise")

    # --- the work that is not urgent --------------------------------------------------------------

    def work(self, position: int) -> None:
        """Do the steps that are due when all frames before `position` are on the tape."""
        wake = wanted = NEVER
        for job in self.jobs:
            while job.next <= position or job.wanted <= position:
                self._step(job)
                job.advance()
            if job.next < wake:
                wake = job.next
            if job.wanted < wanted:
                wanted = job.wanted
        self.wake, self.wanted = wake, wanted

    def _step(self, job: _Job) -> None:
        kind, first, stop = job.group.steps[job.step]
        if kind == "multiply":
            self._multiply(job, first, stop)
        elif kind == "transform":
            job.analysis.transform(job.t, stop)
        elif job.sounds:
            self._add_ahead(job, self._answer(job, first, stop), first, stop)

    def _multiply(self, job: _Job, first: int, stop: int) -> None:
        """Add the products of partitions first .. stop; what is silent costs nothing."""
        group, analysis, take = job.group, job.analysis, self.response.take
        dense = self.response.dense
        depth, newest = analysis.depth, job.t // group.size
        peaks, own = analysis.peaks, group.peaks
        if job.products is not None:
            # the spectra from the one for partition stop - 1 to the one for `first`, up to the
            # ring's end and then from its beginning
            oldest = (newest - stop + 1) % depth
            split = min(stop - first, depth - oldest)
            self._multiply_row(job, oldest, stop - split, stop)
            self._multiply_row(job, 0, first, stop - split)
            return
        for p in range(first, stop):
            slot = (newest - p) % depth
            if not own[p] or peaks[slot] * own[p] < self.flush:
                continue
            x, h = analysis.ring[slot], group.spectra[p]
            if take is not None and not dense:
                x = x[take]
            if job.sounds:
                np.multiply(x, h, out=job.product)
                np.add(job.sum, job.product, out=job.sum)
            else:
                np.multiply(x, h, out=job.sum)
                job.sounds = True

    def _multiply_row(self, job: _Job, slot: int, first: int, stop: int) -> None:
        """Add the products of partitions first .. stop with spectra that are neighbours."""
        group, products = job.group, job.products
        peaks = job.analysis.peaks[slot : slot + stop - first]
        if stop <= first or products is None:
            return
        loudest, most = max(peaks), max(group.peaks[first:stop])
        if not loudest or not most or loudest * most < self.flush:
            return
        x = job.analysis.ring[slot : slot + stop - first]
        if self.response.dense:
            x = x[:, None]
        elif self.response.take is not None:
            x = x[:, self.response.take]
        product = products[: stop - first]
        np.multiply(x, group.spectra[first:stop][::-1], out=product)
        if job.sounds:
            np.add.reduce(product, axis=0, out=job.product)
            np.add(job.sum, job.product, out=job.sum)
        else:
            np.add.reduce(product, axis=0, out=job.sum)
            job.sounds = True

    def _answer(self, job: _Job, first: int, stop: int) -> Array:
        """Return the sum as frames, for outputs first .. stop."""
        response, total = self.response, job.sum
        if response.dense:
            total = np.add.reduce(total[first:stop], axis=1)
        else:
            if response.sums is not None:
                total = np.add.reduceat(total, response.sums, axis=0)
            if response.rows is not None:
                total = total[[j for j, o in enumerate(response.rows) if first <= o < stop]]
            else:
                total = total[first:stop]
        size = job.group.size
        return job.analysis.transforms.inverse(total)[:, size : 2 * size]

    def _add_ahead(self, job: _Job, y: Array, first: int, stop: int) -> None:
        """Add an answer to the frames that are still to come."""
        size, length = job.group.size, self.ahead.shape[1]
        skip = max(self.tape.position - job.wanted, 0)  # frames that a late voice need not answer
        if skip:
            y = y[:, skip:]
        place = (job.wanted + skip) % length
        ahead = self.ahead
        if self.response.rows is not None:
            full = np.zeros((stop - first, y.shape[1]), dtype=y.dtype)
            full[[o - first for o in self.response.rows if first <= o < stop]] = y
            y = full
        n = min(y.shape[1], length - place)
        part = ahead[first:stop, place : place + n]
        np.add(part, y[:, :n], out=part)
        if n < y.shape[1]:
            ahead[first:stop, : y.shape[1] - n] += y[:, n:]
        self.ahead_until = max(self.ahead_until, job.wanted + size)

    # --- the block that is wanted now -------------------------------------------------------------

    def free(self, start: int) -> int:
        """Return the frame up to which blocks from `start` on can be answered whole."""
        length: int = self.ahead.shape[1]
        return min(self.wanted, start + length - start % length)

    def answer(self, n: int) -> Array:
        """Return the answer (outputs, n) to the last n frames on the tape, then work ahead."""
        end = self.tape.position
        start = end - n
        y: Array
        if self.response.matrix is not None:
            y = self._matrix_head(self.response.matrix, end, n)
        elif self.head is not None:
            y = self._transformed_head(self.head, start, n)
        else:
            y = self._sparse_head(end, n)
        if start < self.ahead_until:
            place = start % self.ahead.shape[1]
            coming = self.ahead[:, place : place + n]
            np.add(y, coming, out=y)
            coming[...] = 0
        if end >= self.wake:
            self.work(end)
        return y

    def _matrix_head(self, matrix: Array, end: int, n: int) -> Array:
        """Return what the first partitions answer: windows of the input times a matrix.

        Row a holds the window that ends `columns` frames after that of row a - 1: a product of
        two matrices, which the cache holds, instead of one with a matrix of every output.
        """
        response, tape = self.response, self.tape
        many = matrix.shape[2]
        inputs = response.inputs
        length = matrix.shape[1] // inputs if response.dense else matrix.shape[1]
        count = -(-n // many)
        first = end - count * many - length + many
        if max(tape.until) <= first:
            return np.zeros((response.outputs, n), dtype=matrix.dtype)
        w = tape.windows(first, length, count, many)
        y: Array
        if response.shared:
            y = np.matmul(w.reshape(inputs * count, length), matrix[0])
            y = y.reshape(inputs, count * many)
        elif response.dense:
            w = w.transpose(1, 0, 2).reshape(1, count, inputs * length)
            y = np.matmul(w, matrix).reshape(response.outputs, count * many)
        else:
            if response.take is not None:
                w = w[response.take]
            y = np.matmul(w, matrix).reshape(-1, count * many)
            if response.sums is not None or response.rows is not None:
                y = self._collected(y)
        return y if n == count * many else y[:, count * many - n :]

    def _sparse_head(self, end: int, n: int) -> Array:
        """Return the sum of shifted inputs."""
        response, tape = self.response, self.tape
        y: Array | None = None
        if max(tape.until) > end - n - response.taps:
            for t, taps in response.sparse:
                x = tape.window(end - t, n)
                if response.take is not None:
                    x = x[response.take]
                y = x * taps if y is None else y + x * taps
        if y is None:
            return np.zeros((response.outputs, n), dtype=tape.frames.dtype)
        return self._collected(y)

    def _collected(self, y: Array) -> Array:
        """Add the paths of each output up."""
        response = self.response
        if response.sums is not None:
            y = np.add.reduceat(y, response.sums, axis=0)
        if response.rows is None:
            return y
        out = np.zeros((response.outputs, y.shape[1]), dtype=y.dtype)
        out[response.rows] = y
        return out

    def _transformed_head(self, job: _Job, start: int, n: int) -> Array:
        """Answer by transforms: a whole block at once, part of one with the first taps directly."""
        size = job.group.size
        within = start % size
        job.t = start - within + size
        count = len(job.group.peaks)
        if n == size:
            job.analysis.transform(job.t, job.analysis.inputs)
            return self._sum_of(job, 0, count)
        if within == 0 or self.past is None:
            self.past = self._sum_of(job, 1, count)
        y = self.past[:, within : within + n].copy()
        if max(self.tape.until) > start + 1 - size:
            if n * self.response.taps > DIRECT_PART * job.analysis.nfft:
                np.add(y, self._part_of(job, within, n), out=y)
            else:
                np.add(y, self._convolved(start, n), out=y)
        if within + n == size:
            job.analysis.transform(job.t, job.analysis.inputs)
            self.past = None
        return y

    def _convolved(self, start: int, n: int) -> Array:
        """Return what the first partition answers to part of a block, by definition."""
        first = self.response.first
        assert first is not None
        w = self.tape.window(start + n, n + first.shape[1] - 1)
        parts = [
            np.convolve(w[i], first[0 if self.response.shared else j], mode="valid")
            for j, (_, i, _) in enumerate(self.response.paths)
        ]
        return self._collected(np.stack(parts))

    def _part_of(self, job: _Job, within: int, n: int) -> Array:
        """Return what the first partition answers to part of a block, by a transform."""
        size, analysis = job.group.size, job.analysis
        end = size + within + n
        x = np.zeros((analysis.inputs, 2 * size), dtype=self.ahead.dtype)
        x[:, :end] = self.tape.window(self.tape.position, end)
        spectrum = np.empty_like(analysis.ring[0])
        analysis.transforms.forward(x, spectrum)
        if self.response.take is not None and not self.response.dense:
            spectrum = spectrum[self.response.take]
        np.multiply(spectrum, job.group.spectra[0], out=job.sum)
        y = np.zeros((self.response.outputs, n), dtype=self.ahead.dtype)
        rows: Any = slice(None) if self.response.rows is None else self.response.rows
        y[rows] = self._answer(job, 0, self.response.outputs)[:, within : within + n]
        return y

    def _sum_of(self, job: _Job, first: int, stop: int) -> Array:
        """Return the answer of some partitions of the head at once."""
        job.sounds = False
        self._multiply(job, first, stop)
        y = np.zeros((self.response.outputs, job.group.size), dtype=self.ahead.dtype)
        if job.sounds:
            rows: Any = slice(None) if self.response.rows is None else self.response.rows
            y[rows] = self._answer(job, 0, self.response.outputs)
        return y
