"""the last frames of an input and their spectra, kept for a convolution block by block"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ltisys import spectra
from ltisys._types import Array

__all__ = ["Analysis", "Tape", "flush_level"]

LONG_AGO = -(1 << 62)


def flush_level(dtype: np.dtype[Any]) -> float:
    """Return the level below which a sample counts as silence: tiny * 2**24, -615 dB in single.

    Subnormal numbers are 20 to 40 times slower than others, and products with them become
    subnormal long before the samples do.
    """
    return float(np.finfo(dtype).tiny) * 2.0**24


class Tape:
    """Keep the last `size` frames of every input; windows of up to `window` lie in one piece.

    A ring whose first `window` frames are written a second time behind its end.
    """

    def __init__(self, inputs: int, size: int, window: int, dtype: np.dtype[Any]) -> None:
        self.size = size
        self.longest = window
        self.frames = np.zeros((inputs, size + window), dtype=dtype)
        self._views: dict[int, Array] = {}
        self.position = 0
        self.until = [LONG_AGO] * inputs
        """The frame after the last one that may not be silent, for each input."""
        self.loud_until = LONG_AGO
        """The frame after the last block that was far from silent."""

    def room(self) -> int:
        """Count the frames that can be written at once."""
        return self.size - self.position % self.size

    def write(self, x: Array) -> None:
        """Append frames (inputs, n <= room())."""
        n = x.shape[1]
        place = self.position % self.size
        self.frames[:, place : place + n] = x
        if place < self.longest:
            m = min(n, self.longest - place)
            self.frames[:, self.size + place : self.size + place + m] = x[:, :m]
        self.position += n

    def window(self, end: int, length: int) -> Array:
        """Return the frames end - length .. end, a view."""
        place = end % self.size
        if place < length:
            place += self.size
        return self.frames[:, place - length : place]

    def windows(self, first: int, length: int, count: int, step: int) -> Array:
        """Return `count` windows from frame `first` on, each `step` after the last: a copy."""
        last = (count - 1) * step
        place = (first + length + last) % self.size
        if place < length + last:
            place += self.size
        place -= length + last
        if length not in self._views:
            self._views[length] = sliding_window_view(self.frames, length, axis=1)
        return self._views[length][:, place : place + last + 1 : step].copy()

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_views": {}}  # a copy of a view would hold every window

    def grow(self, size: int, window: int) -> None:
        """Keep more frames from now on; what is no longer kept counts as silence."""
        if size <= self.size and window <= self.longest:
            return
        more = Tape(
            self.frames.shape[0],
            max(size, self.size),
            max(window, self.longest),
            self.frames.dtype,
        )
        kept = min(self.size, self.position)
        more.position = self.position - kept
        while more.position < self.position:
            n = min(self.position - more.position, more.room(), self.longest)
            more.write(self.window(more.position + n, n))
        self.size, self.longest, self.frames = more.size, more.longest, more.frames
        self._views = {}


class Analysis:
    """Keep the spectra of the last `depth` windows of 2 size frames, one every `size` frames."""

    def __init__(self, size: int, depth: int, tape: Tape) -> None:
        self.size = size
        self.nfft = spectra.partition_nfft(size)
        self.tape = tape
        self.inputs, dtype = tape.frames.shape[0], spectra.complex_for(tape.frames.dtype)
        self.transforms = spectra.RealTransform(self.nfft, tape.frames.dtype)
        self.ring = np.zeros((depth, self.inputs, self.transforms.bins), dtype=dtype)
        self.peaks = [0.0] * depth
        """No bin of a spectrum is larger; not looked for, and infinite, where the input is loud."""
        self.done = tape.position // size * size
        """The frame up to which all windows are transformed."""
        self.part = 0
        """How many inputs of the next one are."""

    @property
    def depth(self) -> int:
        """How many spectra are kept."""
        return len(self.peaks)

    def slot(self, t: int) -> int:
        """Return where the spectrum of the window that ends at t is kept."""
        return t // self.size % len(self.peaks)

    def transform(self, t: int, stop: int) -> None:
        """Transform the window that ends at t for the inputs up to `stop`, unless that was done."""
        if t <= self.done or stop <= self.part:
            return
        first, slot = self.part, self.slot(t)
        if first == 0:
            self.peaks[slot] = 0.0
        begin = t - 2 * self.size
        if max(self.tape.until[first:stop]) > begin:
            x = self.tape.window(t, 2 * self.size)[first:stop]
            peak = np.inf if self.tape.loud_until > begin else _sum_bound(x)
            if peak > 0.0:
                self.transforms.forward(x, self.ring[slot, first:stop])
            else:
                self.ring[slot, first:stop] = 0
            self.peaks[slot] = max(self.peaks[slot], peak)
        else:
            self.ring[slot, first:stop] = 0
        self.part = stop
        if stop == self.inputs:
            self.done, self.part = t, 0

    def deepen(self, depth: int) -> None:
        """Keep `depth` spectra from now on; older ones are made from what the tape still holds."""
        if depth <= self.depth:
            return
        ring, peaks, done, part = self.ring, self.peaks, self.done, self.part
        kept = [done + self.size] * (part > 0)
        kept += [done - k * self.size for k in range(len(ring) - (part > 0))]
        places = [self.slot(t) for t in kept]
        self.ring = np.zeros((depth, *ring.shape[1:]), dtype=ring.dtype)
        self.peaks = [0.0] * depth
        self.fill(min(kept) - self.size)
        for t, place in zip(kept, places, strict=True):
            self.ring[self.slot(t)] = ring[place]
            self.peaks[self.slot(t)] = peaks[place]
        self.done, self.part = done, part

    def fill(self, end: int) -> None:
        """Transform all windows the tape still holds, up to the one that ends at `end`."""
        oldest = self.tape.position - self.tape.size + 2 * self.size
        first = max(end - (self.depth - 1) * self.size, -(-oldest // self.size) * self.size, 0)
        self.part = 0
        for t in range(first, end + 1, self.size):
            self.done = t - self.size
            self.transform(t, self.inputs)
        self.done = end


def _sum_bound(x: Array) -> float:
    """Return a bound of sum |x| of every row."""
    return int(x.shape[1]) * float(np.abs(x).max())
