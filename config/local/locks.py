"""Room: config.local. Locks between commands that run at once in one checkout; they end with their holder."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .report import EXIT_FAILED, Trouble, say


@contextmanager
def wait_for(file: Path, what: str) -> Iterator[None]:
    """Hold the lock alone; wait for whoever holds it, saying so."""
    with file.open("a") as stream:
        if not _take(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB):
            say(f"   waiting for another command that is {what}")
            fcntl.flock(stream.fileno(), fcntl.LOCK_EX)
        yield


@contextmanager
def refuse_second(file: Path, what: str) -> Iterator[None]:
    """Hold the lock alone, or raise `Trouble` if somebody holds it."""
    with file.open("a") as stream:
        if not _take(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB):
            raise Trouble(f"another command is {what} in this checkout", "wait for it to end", EXIT_FAILED)
        yield


class Sharing:
    """Use of something by several commands at once; the last one may put it away."""

    def __init__(self, file: Path) -> None:
        self._stream = file.open("a")
        fcntl.flock(self._stream.fileno(), fcntl.LOCK_SH)

    def is_last(self) -> bool:
        """Whether nobody else uses it. If so, nobody else can begin to before this command ends."""
        return _take(self._stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)

    def end(self) -> None:
        """Stop using it."""
        self._stream.close()


def _take(descriptor: int, mode: int) -> bool:
    try:
        fcntl.flock(descriptor, mode)
    except BlockingIOError:
        return False
    return True
