"""Completions that are written a moment after their answer: of answers from the release tables, and of no others.

Their entries were committed before anything was read, and an entry without a completion counts as full disclosure. So one
that carries no cell may wait a little: one thread of the process writes all that wait in one statement (decision 0042). What
cannot be written is kept and tried again; once too many wait, or one for too long, answers wait for the ledger as before.
"""

from __future__ import annotations

import atexit
import logging
import os
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from threading import Condition, Lock, Thread

import psycopg
from django.conf import settings

from accounts.ledger.connection import (
    LedgerConnection,
    LedgerUnavailable,
    Place,
    Prepared,
    find_place,
    ledger_connection,
)
from accounts.ledger.entry import Outcome, Ticket
from accounts.ledger.keyed import keyed_digest
from accounts.ledger.writer import complete_entry

logger = logging.getLogger(__name__)

MAX_WAITING = 1_000
"""Of one process. With so many, an answer waits for its own completion."""
AT_ONCE = 250
"""In one statement; so many are not kept waiting for others."""
RETRY_S = 0.25
"""Between two attempts while the ledger cannot be written."""
_EMPTY = '""'
_UNFIT = (psycopg.IntegrityError, psycopg.DataError)
"""Errors that say that a line is none. All others say that the ledger cannot be written."""
_WRITE_COMPLETIONS = Prepared(
    b"completions",
    b"INSERT INTO ledger.completion (entry_id, outcome, quantity, answer_digest, cells_digest)"
    b" SELECT *, '' FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::text[])",
)


@dataclass(slots=True)
class _Completion:
    """One that waits. since: by the monotonic clock. is_tried: an attempt failed, perhaps only its acknowledgement.
    is_over: it is written, or was found to be none."""

    entry_id: str
    outcome: str
    quantity: int
    digest: str
    since: float
    is_tried: bool = False
    is_over: bool = False


def complete_later(ticket: Ticket, outcome: Outcome, quantity: int = 0, answer: bytes = b"") -> None:
    """Say what came of an entry whose answer holds no cell: how many blocks left, and the answer's keyed digest.

    It is written within `LEDGER_COMPLETIONS_WAIT_MS` and the time of a statement, or before this returns where those before
    it could not be. Raises LedgerUnavailable only then; the answer must not be sent.
    """
    if settings.LEDGER_COMPLETIONS_WAIT_MS:
        digest = keyed_digest(answer) if answer else ""
        waiting = _Completion(str(ticket.entry_id), outcome.value, quantity, digest, time.monotonic())
        if _find_queue(find_place()).add(waiting):
            return
    complete_entry(ticket, outcome, quantity, answer)


@atexit.register
def write_waiting() -> None:
    """Write what waits in this process: before it ends, or before its database is dropped. What cannot be written within
    `LEDGER_TIMEOUT_S` goes on waiting, and is told."""
    own = os.getpid()
    for queue in [queue for key, queue in _QUEUES.items() if key[0] == own]:
        until = time.monotonic() + settings.LEDGER_TIMEOUT_S
        while not queue.write():
            if time.monotonic() > until:
                logger.error("%s; entries without one count as full disclosure", queue)
                break
            time.sleep(RETRY_S)


class _Queue:
    """The completions that wait in one process for one database. Any thread adds; one thread writes, and so does whoever
    ends the process."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._waiting: deque[_Completion] = deque()
        self._changed = Condition()
        self._writing = Lock()
        self._writer: Thread | None = None

    def __str__(self) -> str:
        return f"{len(self._waiting)} completions wait"

    def add(self, completion: _Completion) -> bool:
        """Whether it was taken. It is not where the ledger does not keep up: too many wait, or one for too long."""
        with self._changed:
            waiting = self._waiting
            late = bool(waiting) and time.monotonic() - waiting[0].since > settings.LEDGER_TIMEOUT_S
            if late or len(waiting) >= MAX_WAITING:
                return False
            if self._writer is None or not self._writer.is_alive():
                self._writer = Thread(target=self._write_without_end, name="completions", daemon=True)
                self._writer.start()
            waiting.append(completion)
            # the writer sleeps while nothing waits, and then until it is time or there are many
            if len(waiting) in {1, AT_ONCE}:
                self._changed.notify()
        return True

    def write(self) -> bool:
        """Write all that wait; False where the ledger cannot be written, and the rest goes on waiting."""
        with self._writing:
            while batch := self._first():
                try:
                    self._write_batch([each for each in batch if not each.is_over])
                except LedgerUnavailable:
                    for each in batch:
                        each.is_tried = True
                    return False
                with self._changed:
                    for _ in batch:
                        self._waiting.popleft()
                    self._changed.notify()
        return True

    def _write_without_end(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                wait_s = settings.LEDGER_COMPLETIONS_WAIT_MS / 1000
                # until it is time, there are many, or somebody else has written them
                self._changed.wait_for(lambda: not 0 < len(self._waiting) < AT_ONCE, wait_s)
            if not self.write():
                time.sleep(RETRY_S)

    def _first(self) -> list[_Completion]:
        with self._changed:
            return list(islice(self._waiting, AT_ONCE))

    def _write_batch(self, batch: Sequence[_Completion]) -> None:
        """All in one statement, or each by itself where one of them is none. Raises LedgerUnavailable."""
        with ledger_connection(self._place) as connection:
            try:
                _insert(connection, batch)
            except _UNFIT:
                for each in batch:
                    _write_alone(connection, each)


def _write_alone(connection: LedgerConnection, completion: _Completion) -> None:
    """Write it, or tell that it is none: then its entry stays open."""
    try:
        _insert(connection, [completion])
    except _UNFIT as error:
        # an attempt whose acknowledgement was lost has written it
        if not (completion.is_tried and isinstance(error, psycopg.errors.UniqueViolation)):
            kind = type(error).__qualname__
            logger.error("the completion of entry %s was refused: %s", completion.entry_id, kind)
    completion.is_over = True


def _insert(connection: LedgerConnection, completions: Sequence[_Completion]) -> None:
    """In one statement, which the database commits as a whole."""
    rows = ((each.entry_id, each.outcome, str(each.quantity), each.digest) for each in completions)
    connection.run(_WRITE_COMPLETIONS, [_write_list(column) for column in zip(*rows, strict=True)])


def _write_list(column: Sequence[str]) -> str:
    """The literal of an array. Ids, words, numbers and hex digits need no quotes; nothing does."""
    return f"{{{','.join(value or _EMPTY for value in column)}}}"


def _find_queue(place: Place) -> _Queue:
    key = os.getpid(), *place
    return _QUEUES.get(key) or _QUEUES.setdefault(key, _Queue(place))


_QUEUES: dict[tuple[int, str, str, str], _Queue] = {}
"""By process (what waits in a parent is the parent's to write) and database."""
