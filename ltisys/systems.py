"""what every system can do: answer a signal, answer it block by block, tell its response"""

from __future__ import annotations

import abc
from typing import Any

from ltisys._types import Array, Method
from ltisys.prepared import Stage
from ltisys.streaming import Stream

__all__ = ["System"]


class System(abc.ABC):
    """A linear, time-invariant system: what happens to a signal. A frozen value."""

    @property
    @abc.abstractmethod
    def fs(self) -> float | None:
        """Frames a second, None if it suits any rate."""

    @property
    @abc.abstractmethod
    def taps(self) -> int | None:
        """Frames of the impulse response, None if it never ends."""

    @property
    @abc.abstractmethod
    def latency(self) -> int:
        """Frames by which the answer is late on purpose: what precedes time 0 of the response."""

    @property
    def tail(self) -> int | None:
        """Frames still sounding after the input ends, None if for ever."""
        return None if self.taps is None else self.taps - 1

    @abc.abstractmethod
    def __call__(self, x: Any, *, tail: bool = True, method: Method = "auto") -> Array:
        """Return the answer to x."""

    @abc.abstractmethod
    def impulse_response(self, frames: int | None = None) -> Array:
        """Return the answer to an impulse."""

    @property
    @abc.abstractmethod
    def prepared(self) -> dict[Any, Any]:
        """What streams have made of it: those alike share it."""

    @abc.abstractmethod
    def stage(self, channels: int) -> Stage:
        """Return what it does to a stream of so many channels, for `Stream`."""

    def stream(
        self, *, block_size: int | None = None, channels: int = 1, dtype: str = "float32"
    ) -> Stream:
        """Return a stream: the answer block by block, without latency.

        Parameters
        ----------
        block_size : int, optional
            Frames a push, usually: any number may come, this one costs least. By default 256.
        channels : int
            Channels of the input.
        dtype : {"float32", "float64"}
            Of the answer.

        Returns
        -------
        Stream

        Raises
        ------
        ValueError, TypeError
            For channels that do not fit, a complex response, other dtypes.

        Examples
        --------
        >>> import ltisys as lti
        >>> stream = lti.FIR([0.5, 0.5]).stream(block_size=64, dtype="float64")
        >>> stream.push([1.0, 0.0, 0.0])
        array([0.5, 0.5, 0. ])
        """
        return Stream(self, block_size=block_size, channels=channels, dtype=dtype)
