"""the exception tree, drawn at the top

::

    Exception
    ├── ValueError, TypeError         a wrong argument: the caller can see it in the call
    └── LtisysError                   everything else that ltisys raises itself
        ├── AudioFileError (OSError)  a sound file that cannot be used as asked
        │   └── OutputError           an output that cannot be created
        ├── MismatchError (ValueError)  values that do not fit each other: rates, channels, NaN
        └── StreamError (RuntimeError)  a stream that cannot do this in its present state

A missing or unreadable input keeps Python's own ``FileNotFoundError``, ``IsADirectoryError`` or
``PermissionError``; a full disk keeps its ``OSError``. ``exit_code`` is what the command line
returns for each (the numbers of BSD's ``sysexits.h``).
"""

from __future__ import annotations

__all__ = ["AudioFileError", "LtisysError", "MismatchError", "OutputError", "StreamError"]


class LtisysError(Exception):
    """Root of the errors that are not a plain wrong argument."""

    exit_code = 65


class AudioFileError(LtisysError, OSError):
    """A sound file that cannot be read or written as asked."""


class OutputError(AudioFileError):
    """An output that cannot be created; what was there before is untouched."""

    exit_code = 73


class MismatchError(LtisysError, ValueError):
    """Two values that are each fine but do not fit each other, or sound that is not finite."""


class StreamError(LtisysError, RuntimeError):
    """A stream that cannot do what was asked in its present state."""
