"""an output file that is absent, the old one, or complete"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Sequence
from typing import BinaryIO

from ltisys._types import PathLike
from ltisys.errors import OutputError

__all__ = ["Replacement"]


class Replacement:
    """A temporary file beside `path`, which becomes it: `begin`, then `commit`, then `discard`.

    Parameters
    ----------
    path : path-like
        A link is followed: the file it points to is replaced.
    overwrite : bool
        Replace a file that is there.
    sources : sequence of path-like
        Files that must not be the output.

    Raises
    ------
    OutputError
        For what cannot be created.
    """

    def __init__(self, path: PathLike, overwrite: bool, sources: Sequence[PathLike] = ()) -> None:
        self.path = os.fsdecode(os.fspath(path))
        self.target = os.path.realpath(self.path)
        self.folder = os.path.dirname(self.target)
        self.mode = self._check(overwrite, sources)

    def _check(self, overwrite: bool, sources: Sequence[PathLike]) -> int | None:
        """Return the permission bits of the file to replace, if there is one."""
        if not os.path.isdir(self.folder):
            raise OutputError(f"cannot create {self.path}: there is no folder {self.folder}")
        try:
            status = os.stat(self.target)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise OutputError(f"cannot create {self.path}: {error.strerror}") from error
        if stat.S_ISDIR(status.st_mode):
            raise OutputError(f"cannot create {self.path}: it is a folder")
        if not stat.S_ISREG(status.st_mode):
            raise OutputError(f"cannot create {self.path}: it is a pipe, a socket or a device")
        for source in sources:
            if os.path.exists(source) and os.path.samefile(source, self.target):
                raise OutputError(
                    f"{self.path} is the same file as the input {os.fsdecode(os.fspath(source))}; "
                    f"write to another name"
                )
        if not overwrite:
            raise OutputError(
                f"{self.path} exists already; pass overwrite=True (--overwrite) to replace it"
            )
        return stat.S_IMODE(status.st_mode)

    def begin(self) -> None:
        """Create the temporary file, open for reading and writing as `file`."""
        name = os.path.basename(self.target)
        # a name of 255 bytes leaves no room for more
        name = os.fsdecode(os.fsencode(name)[:200])
        unique = f"{os.getpid()}-{secrets.token_hex(4)}"
        self.temporary = os.path.join(self.folder, f".{name}.{unique}.ltisys-tmp")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
        flags |= getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        try:
            # so that the operating system says what is wrong: libsndfile knows "System error."
            self.file: BinaryIO = os.fdopen(
                os.open(self.temporary, flags, 0o666), "r+b", buffering=0
            )
        except OSError as error:
            raise OutputError(f"cannot create {self.path}: {error.strerror}") from error
        if self.mode is not None:
            os.chmod(self.temporary, self.mode)

    def failure(self, reason: str) -> OSError:
        """Return what went wrong on the disk: ask it for more, for libsndfile does not say."""
        try:
            self.file.seek(0, os.SEEK_END)
            for _ in range(4):  # a write that partly fits is no error, the next one is
                self.file.write(bytes(1 << 16))
            os.fsync(self.file.fileno())
        except OSError as why:
            failure = OSError(f"{self.path}: {why.strerror}")
            failure.errno = why.errno
            return failure
        return OutputError(f"{self.path} cannot be written: {reason}")

    def commit(self) -> None:
        """Put the file on the disk and give it its name."""
        os.fsync(self.file.fileno())
        self.file.close()
        try:
            os.replace(self.temporary, self.target)
        except OSError as error:
            raise OutputError(f"cannot create {self.path}: {error.strerror}") from error
        if os.name == "posix":  # the new name outlives a power cut, too
            with contextlib.suppress(OSError):
                folder = os.open(self.folder, os.O_RDONLY)
                try:
                    os.fsync(folder)
                finally:
                    os.close(folder)

    def discard(self) -> None:
        """Close the file, and remove it if it has not become the output."""
        self.file.close()
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.temporary)
