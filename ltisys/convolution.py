"""convolve, correlate: validate, plan, run, trim"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ltisys import _checks, planner, reach, spectra
from ltisys._types import Array, Boundary, Method, Mode, Path
from ltisys.engines import ENGINES
from ltisys.planner import Plan

__all__ = ["Kernels", "convolve", "correlate"]

LOOKS_TRANSPOSED = 16
"""A signal of more than 64 rows of at most so many frames is refused as (frames, channels)."""

PAD = {"reflect": "symmetric", "nearest": "edge", "wrap": "wrap"}


class Kernels:
    """Hold responses (responses, taps), their paths, and what the engines made of them.

    One object used on many signals transforms its responses once for each plan it meets.
    """

    def __init__(self, h: Array, paths: tuple[Path, ...]) -> None:
        self.h = h
        # a bad tap spoils the outputs it touches; the rest is computed with zero in its place
        self.bad = None if reach.all_finite(h) else ~np.isfinite(h)
        self.clean = h if self.bad is None else np.where(self.bad, h.dtype.type(0), h)
        self.paths = paths
        counts = [np.count_nonzero(row) for row in self.clean]
        self.nonzero = max(counts)
        self.sounding = paths if all(counts) else tuple(p for p in paths if counts[p[2]])
        self.prepared: dict[tuple[Any, ...], Array] = {}

    @functools.cached_property
    def outputs(self) -> int:
        """Count the output rows."""
        return 1 + max(p[0] for p in self.paths)

    @functools.cached_property
    def runs(self) -> list[reach.Runs]:
        """Where each response is not zero."""
        return [reach.support(row) for row in self.clean]

    def plan(
        self,
        frames: int,
        dtype: np.dtype[Any],
        method: Method,
        workers: int | None = None,
        block_size: int | None = None,
    ) -> Plan:
        """Choose how to convolve `frames` of input, given which taps are zero."""
        taps, outputs = self.h.shape[1], self.outputs
        return planner.choose(
            frames, taps, outputs, dtype, method, block_size, workers, self.nonzero
        )

    def run(
        self,
        x: Array,
        plan: Plan,
        start: int,
        length: int,
        *,
        out: Array | None = None,
        finite: bool = False,
        rounded: bool = False,
    ) -> Array:
        """Return outputs start .. start + length of x (inputs, frames): (outputs, length).

        They are in `out` if given. `finite`: the caller has looked for NaN. Where the caller will
        round the answer to integers (`rounded`), silence needs no care.
        """
        dtype = np.dtype(plan.dtype)
        bad = None if finite or reach.all_finite(x) else ~np.isfinite(x)
        clean = x if bad is None else np.where(bad, x.dtype.type(0), x)
        out = np.empty((self.outputs, length), dtype=dtype) if out is None else out
        heard = {p[0] for p in self.sounding}
        if len(heard) < self.outputs:
            out[[o for o in range(self.outputs) if o not in heard]] = 0
        if self.sounding and length:
            engine = ENGINES[plan.method]
            key = (plan.method, plan.nfft, dtype)
            if key not in self.prepared:
                self.prepared[key] = engine.prepare(self.clean.astype(dtype, copy=False), plan)
            clean = clean.astype(dtype, copy=False)
            paths = self.sounding
            if len(heard) < self.outputs:  # an engine fills every row it is given
                place = {o: row for row, o in enumerate(sorted(heard))}
                part = np.empty((len(heard), length), dtype=dtype)
                paths = tuple((place[o], i, k) for o, i, k in paths)
                engine.run(clean, self.prepared[key], paths, plan, start, part)
                out[sorted(heard)] = part
            else:
                engine.run(clean, self.prepared[key], paths, plan, start, out)
            if plan.method != "direct" and not rounded:
                self._silence(clean, out, start)
        if bad is not None or self.bad is not None:
            self._spoil(bad, x.shape[1], out, start)
        return out

    def _silence(self, x: Array, out: Array, start: int) -> None:
        """Set the outputs to exact zeros that no non-zero input reaches."""
        masks: dict[int, Array | None] = {}
        for o, i, k in self.sounding:
            mask = reach.silent_outputs(
                x[i], self.clean[k], start, out.shape[1], _pairs, self.runs[k]
            )
            if o in masks and mask is not None:
                earlier = masks[o]
                mask = None if earlier is None else earlier & mask
            masks[o] = mask
        for o, mask in masks.items():
            if mask is not None:
                out[o][mask] = 0

    def _spoil(self, bad: Array | None, frames: int, out: Array, start: int) -> None:
        """Set to NaN the outputs that touch a bad sample of the signal or a bad tap."""
        nan = np.nan if out.dtype.kind == "f" else complex(np.nan, np.nan)
        for o, i, k in self.paths:
            if bad is not None and bad[i].any():
                spoilt = reach.spoilt_outputs(bad[i], self.h.shape[1], start, out.shape[1])
                out[o][spoilt] = nan
            if self.bad is not None and self.bad[k].any():
                spoilt = reach.spoilt_outputs(self.bad[k], frames, start, out.shape[1])
                out[o][spoilt] = nan


# --- the public functions ---------------------------------------------------------------------


def convolve(
    x: Any,
    h: Any,
    *,
    mode: Mode = "full",
    method: Method = "auto",
    axes: int = -1,
    boundary: Boundary = "zero",
    workers: int | None = None,
) -> Array:
    """Convolve a signal with a response: ``y[n] = sum_k h[k] x[n - k]``.

    The everyday function: it picks the fastest method, keeps float32, and is exact for integers.
    For the same response on many signals use `FIR`, which transforms it once; for files
    `convolve_file`, which needs no memory for them.

    Parameters
    ----------
    x : array_like, shape (..., frames)
        Signal. Leading axes are rows, each convolved on its own. More than 64 rows of at most 16
        frames are refused as a transposed sound.
    h : array_like, shape (taps,) or (..., taps)
        Response on its last axis; its leading axes broadcast against x's other ones.
    mode : {"full", "same", "valid"}
        ``"full"`` frames + taps - 1; ``"same"`` the frames of x, centred, whichever of the two
        is longer; ``"valid"`` the outputs that touch no edge, ``abs(frames - taps) + 1``.
    method : {"auto", "direct", "fft", "overlap-add", "overlap-save", "partitioned"}
        How; ``lti.plan(...)`` explains the choice of ``"auto"``.

    Other Parameters
    ----------------
    axes : int
        The axis of x that is time.
    boundary : {"zero", "reflect", "nearest", "wrap"}
        What lies beyond the ends, for ``mode="same"``: nothing; ``d c b a | a b c d | d c b a``;
        the last value; the other end.
    workers : int, optional
        Threads; by default all cores for long work, one for short.

    Returns
    -------
    ndarray, shape (..., length)
        float32 for float32 (complex64 likewise), int64 for integers and bools, else float64 or
        complex128.

    Raises
    ------
    ValueError
        For an empty argument, an unknown name, integers whose answer may not fit int64.
    TypeError
        For arrays that hold no numbers; for long doubles with any method but ``"direct"``.

    Notes
    -----
    With u the unit roundoff of the dtype, each block's error obeys
    ``|err| <= 20 u log2(nfft) ||x_block|| ||h||`` for the transform methods (two neighbouring
    real blocks count as one; where overlap-add adds blocks, and ``"partitioned"`` the answers of
    partitions, their errors add up) and
    ``|err| <= 2 (taps + 1) u sum |h[k] x[n - k]|`` for ``"direct"``; `tests/oracle.py` derives
    both. Outputs that no non-zero sample reaches are exactly zero; a NaN or an infinity makes
    the `taps` outputs that touch it NaN, in its own row, and no other.

    References
    ----------
    Oppenheim and Schafer, "Discrete-Time Signal Processing", 3rd ed., sections 2.3 and 8.7.
    N. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., section 24.1.

    Examples
    --------
    >>> import ltisys as lti
    >>> lti.convolve([1, 2, 3], [1, -1])
    array([ 1,  1,  1, -3])
    >>> lti.convolve(np.ones((2, 100)), [0.5, 0.5], mode="same").shape
    (2, 100)
    """
    x, h = _arguments(x, h, mode, method, axes, workers)
    _checks.choice("boundary", boundary, Boundary)
    if boundary != "zero" and mode != "same":
        raise ValueError(f"boundary={boundary!r} applies to mode='same'; got mode={mode!r}")
    axis = _axis(x, axes)
    rows = np.moveaxis(x, axis, -1)
    frames, taps = rows.shape[-1], h.shape[-1]
    if boundary != "zero":
        before = taps - 1 - (taps - 1) // 2
        padding = [(0, 0)] * (rows.ndim - 1) + [(before, (taps - 1) // 2)]
        rows = np.pad(rows, padding, mode=PAD[boundary])  # type: ignore[call-overload]
        start, length = taps - 1, frames
    else:
        start, length = _span(mode, frames, taps)
    y = _rows(rows, h, method, workers, start, length)
    return np.asarray(np.moveaxis(y, -1, axis - x.ndim))


def correlate(
    x: Any,
    h: Any,
    *,
    mode: Mode = "full",
    method: Method = "auto",
    axes: int = -1,
    boundary: Boundary = "zero",
    normalize: bool = False,
    workers: int | None = None,
) -> Array:
    """Correlate a signal with a template: ``c[n] = sum_k x[n + k] conj(h[k])``.

    Use it to find `h` in `x`. In the ``"full"`` answer index i stands for n = i - (taps - 1), in
    the ``"valid"`` one for n = i: the order of `numpy.correlate` and `scipy.signal.correlate`.

    Parameters
    ----------
    x : array_like, shape (..., frames)
        Signal.
    h : array_like, shape (taps,) or (..., taps)
        Template on its last axis; its leading axes broadcast against x's other ones.
    mode, method
        As in `convolve`.
    normalize : bool
        Divide by the norms of the template and of the piece of signal it covers, so that a
        perfect match scores 1. Pieces below the rounding error of their neighbourhood score 0.

    Other Parameters
    ----------------
    axes, boundary, workers
        As in `convolve`.

    Returns
    -------
    ndarray, shape (..., length)
        As `convolve`; with `normalize` never an integer.

    Raises
    ------
    ValueError, TypeError
        As `convolve`.

    Notes
    -----
    It is the convolution with the reversed, conjugated template, with its accuracy.

    Examples
    --------
    >>> import ltisys as lti
    >>> lti.correlate([0, 0, 1, 2, 0], [1, 2], mode="valid")
    array([0, 2, 5, 2])
    """
    x, h = _arguments(x, h, mode, method, axes, workers)
    if normalize:
        precision = spectra.precision_for(x.dtype, h.dtype)
        wide = np.result_type(precision, np.float64)
        x, h = x.astype(wide), h.astype(wide)
    backward = h[..., ::-1].conj()
    options: dict[str, Any] = {
        "mode": mode,
        "method": method,
        "axes": axes,
        "boundary": boundary,
        "workers": workers,
    }
    scores = convolve(x, backward, **options)
    if not normalize:
        return scores
    # sums of squares by the direct method: all terms are positive, so nothing cancels
    flat = np.ones(h.shape[-1])
    energy = convolve((x * x.conj()).real, flat, **(options | {"method": "direct"}))
    norm = np.sqrt(np.maximum(energy, 0.0))
    template = np.linalg.norm(h, axis=-1, keepdims=True)
    axis = _axis(x, axes) - x.ndim
    scale = np.moveaxis(np.moveaxis(norm, axis, -1) * template, -1, axis)
    loudest = np.fmax.reduce(norm, axis=axis, keepdims=True, initial=0.0)
    floor = 1e3 * np.finfo(np.float64).eps * loudest
    audible = ~((norm <= floor) | (scale == 0))  # pieces with a NaN stay NaN
    result = np.divide(scores, scale, out=np.zeros_like(scores), where=audible)
    return np.asarray(result.astype(precision, copy=False))


# --- their parts ------------------------------------------------------------------------------


def _arguments(
    x: Any, h: Any, mode: str, method: str, axes: object, workers: int | None
) -> tuple[Array, Array]:
    """Check what `convolve` and `correlate` share; return both as arrays."""
    _checks.choice("mode", mode, Mode)
    _checks.choice("method", method, Method)
    if workers is not None:
        _checks.integer("workers", workers, least=1)
    x = _checks.nonempty("x", _checks.numeric("x", x))
    h = _checks.nonempty("h", _checks.numeric("h", h))
    frames = x.shape[_axis(x, axes)]
    if x.ndim == 2 and x.shape[0] > _checks.MOST_CHANNELS and frames <= LOOKS_TRANSPOSED:
        raise ValueError(
            f"x has {x.shape[0]} rows of {frames} frames: x.shape={x.shape}; signals are "
            f"(channels, frames); did you mean x.T? (x[None] convolves such rows all the same)"
        )
    return x, h


def _axis(x: Array, axes: object) -> int:
    """Return the time axis as an index >= 0."""
    axis = _checks.integer("axes", axes)
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(f"axes={axis} must be an axis of x; got x.shape={x.shape}")
    return axis % x.ndim


def _span(mode: str, frames: int, taps: int) -> tuple[int, int]:
    """Return the first output and the number of outputs of a mode, counted in the full answer."""
    if mode == "same":
        return (taps - 1) // 2, frames
    if mode == "valid":
        return min(frames, taps) - 1, abs(frames - taps) + 1
    return 0, frames + taps - 1


def _rows(
    x: Array, h: Array, method: Method, workers: int | None, start: int, length: int
) -> Array:
    """Convolve the broadcast rows of two arrays on their last axes."""
    try:
        shape = np.broadcast_shapes(x.shape[:-1], h.shape[:-1])
    except ValueError:
        raise ValueError(
            f"x has rows {x.shape[:-1]} but h has {h.shape[:-1]}: x.shape={x.shape}, "
            f"h.shape={h.shape}; h must be (taps,) or have leading axes that broadcast"
        ) from None
    signals, responses = x.reshape(-1, x.shape[-1]), h.reshape(-1, h.shape[-1])
    paths = _paths(shape, x.shape[:-1], h.shape[:-1])
    if x.dtype.kind in "biu" and h.dtype.kind in "biu":
        y = _integers(signals, responses, paths, method, workers, start, length)
    elif np.longdouble in (x.dtype, h.dtype) or np.clongdouble in (x.dtype, h.dtype):
        y = _long_doubles(signals, responses, paths, method, start, length)
    else:
        dtype = spectra.precision_for(x.dtype, h.dtype)
        if spectra.is_real(h.dtype) != spectra.is_real(dtype):
            responses = responses.astype(dtype)
        kernels = Kernels(responses, paths)
        if len(paths) == len(signals) == len(responses) == 1 and h.shape[-1] > x.shape[-1]:
            # the shorter of the two is the better response, and the answer is the same
            signals, kernels = responses, Kernels(signals.astype(dtype, copy=False), paths)
        plan = kernels.plan(signals.shape[1], dtype, method, workers)
        y = kernels.run(signals, plan, start, length)
    return y.reshape(*shape, length)


@functools.lru_cache(maxsize=64)
def _paths(
    shape: tuple[int, ...], x_rows: tuple[int, ...], h_rows: tuple[int, ...]
) -> tuple[Path, ...]:
    """Return (output, input, response) for each row of the broadcast shape."""
    inputs = np.broadcast_to(np.arange(int(np.prod(x_rows))).reshape(x_rows), shape).ravel()
    kernels = np.broadcast_to(np.arange(int(np.prod(h_rows))).reshape(h_rows), shape).ravel()
    return tuple((o, int(i), int(k)) for o, (i, k) in enumerate(zip(inputs, kernels, strict=True)))


def _long_doubles(
    x: Array, h: Array, paths: tuple[Path, ...], method: str, start: int, length: int
) -> Array:
    """Convolve extended precision by definition: no transform has it."""
    if method not in ("auto", "direct"):
        raise TypeError(f"method={method!r} has no long doubles; use method='direct'")
    y = [np.convolve(x[i], h[k])[start : start + length] for _, i, k in paths]
    return np.stack(y)


def _integers(
    x: Array,
    h: Array,
    paths: tuple[Path, ...],
    method: Method,
    workers: int | None,
    start: int,
    length: int,
) -> Array:
    """Convolve integers exactly.

    The direct sums are exact. A transform in double precision is exact after rounding while its
    error stays below 1/2; both signals are cut into digits small enough for that, and the
    products of digits are added up modulo 2**64, where the answer, which fits, is itself.
    """
    for _, i, k in paths:
        bound = min(_peak(x[i]) * _sum(h[k]), _sum(x[i]) * _peak(h[k]))
        if bound >= 1 << 63:
            raise ValueError(
                f"an integer answer may reach {bound}, beyond int64; convert x or h to float, "
                f"or scale them down"
            )
    wide_x, wide_h = x.astype(np.int64), h.astype(np.int64)
    kernels = Kernels(wide_h, paths)
    double = np.dtype(np.float64)
    plan = kernels.plan(x.shape[1], double, method, workers)
    if plan.method == "direct":
        out = np.zeros((len(paths), length), dtype=np.int64)
        ENGINES["direct"].run(wide_x, wide_h, paths, plan, start, out)
        return out
    out = np.zeros((len(paths), length), dtype=np.int64)
    bits = _digit_bits(plan)
    for shift_h, digits_h in _digits(wide_h, bits):
        kernels = Kernels(digits_h, paths)
        for shift_x, digits_x in _digits(wide_x, bits):
            part = np.rint(kernels.run(digits_x, plan, start, length, rounded=True))
            out += part.astype(np.int64) << (shift_x + shift_h)
    return out


def _pairs(x: Array, h: Array, start: int, length: int) -> Array:
    """Count the pairs of True samples that each output hears: integers, so exact."""
    paths = ((0, 0, 0),)
    return np.asarray(_integers(x[None], h[None], paths, "auto", None, start, length)[0])


def _peak(row: Array) -> int:
    return max(abs(int(row.max())), abs(int(row.min())))


def _sum(row: Array) -> int:
    """Return sum |row| without overflow: exact in halves of 32 bits."""
    values = row.astype(np.int64) if row.dtype != np.uint64 else row
    if values.dtype == np.int64:
        values = np.where(
            values < 0, ~values.view(np.uint64) + np.uint64(1), values.view(np.uint64)
        )
    low, high = values & np.uint64(0xFFFFFFFF), values >> np.uint64(32)
    return int(low.sum(dtype=np.uint64)) + (int(high.sum(dtype=np.uint64)) << 32)


def _digit_bits(plan: Plan) -> int:
    """Return how many bits a digit may have for the rounded transform to be exact.

    Digits of b bits are at most 2**(b - 1), so the norms in ``|err| <= 20 u log2(nfft) ||x||
    ||h||`` are at most ``2**(b - 1) sqrt(2 nfft)`` (two blocks travel together) and
    ``2**(b - 1) sqrt(taps)``. Below 1/8, the two blocks that overlap-add adds up, each row with
    its own error, stay below 1/4. Partitions of size S add up theirs, with norms of 4 S and S
    digits, and part of a block, computed directly, errs by ``2 (S + 1) u`` of its sum.
    """
    u = 2.0**-53
    if plan.method == "partitioned":
        pieces = sum(count for _, count in plan.partitions)
        size = plan.partitions[0][0]
        terms = 2.0 * (size + 1) * size
        for size, count in plan.partitions:
            terms += (20 * np.log2(4 * size) + 2 * pieces) * count * 2 * size
    else:
        terms = 20 * max(1.0, np.log2(plan.nfft)) * np.sqrt(2.0 * plan.nfft * plan.taps)
    room = 0.5 / (u * terms)
    return max(2, int(np.floor(np.log2(room) / 2)))  # digits of one bit would be 0 and -1 only


def _digits(values: Array, bits: int) -> list[tuple[int, Array]]:
    """Cut integers into signed digits: values = sum of digit << shift, |digit| <= 2**(bits - 1)."""
    digits = []
    shift = 0
    rest = values.copy()
    while rest.any():
        digit = rest & ((1 << bits) - 1)
        digit -= (digit >> (bits - 1)) << bits
        digits.append((shift, digit.astype(np.float64)))
        rest = (rest - digit) >> bits
        shift += bits
    return digits or [(0, values.astype(np.float64))]
