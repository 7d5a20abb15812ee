"""how a command ends: exit codes, signals, errors as one line"""

from __future__ import annotations

import os
import signal
import sys

__all__ = [
    "BAD_DATA",
    "CANNOT_CREATE",
    "COUNTEREXAMPLE",
    "IO_ERROR",
    "NO_INPUT",
    "STOPPED",
    "Stopped",
    "USAGE",
    "exit_code",
    "heed_signals",
    "sentence",
    "tell",
]

COUNTEREXAMPLE = 1
USAGE, BAD_DATA, NO_INPUT, CANNOT_CREATE, IO_ERROR = 2, 65, 66, 73, 74
STOPPED = 128  # plus the number of the signal


class Stopped(BaseException):
    """A signal asked the program to end; like KeyboardInterrupt, no `except Exception` meets it."""

    def __init__(self, number: int) -> None:
        self.number = number


def heed_signals() -> None:
    """Turn the signals that end a program into exceptions, so that nothing is left behind."""

    def stop(number: int, frame: object) -> None:
        for heeded in heard:  # a second one must not interrupt the tidying up
            signal.signal(heeded, signal.SIG_IGN)
        raise KeyboardInterrupt if number == signal.SIGINT else Stopped(number)

    names = ("SIGINT", "SIGTERM", "SIGHUP")
    heard = [getattr(signal, name) for name in names if hasattr(signal, name)]
    for number in heard:
        try:
            signal.signal(number, stop)
        except ValueError:  # not the main thread: whoever runs us there heeds the signals
            return


def tell(words: str) -> None:
    """Print a line on standard error, if it is open: print() would take the output instead."""
    if sys.stderr is not None:
        sys.stderr.write(f"ltisys: {words}\n")


def sentence(error: Exception) -> str:
    """Return an error as one line."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


def exit_code(error: Exception) -> int:
    """Return the number that says what kind of error it was."""
    from ltisys.errors import LtisysError

    if isinstance(error, LtisysError):
        return error.exit_code
    if isinstance(error, FileNotFoundError | IsADirectoryError | PermissionError):
        return NO_INPUT
    if isinstance(error, OSError):
        return IO_ERROR
    return USAGE if isinstance(error, ValueError | TypeError) else BAD_DATA
