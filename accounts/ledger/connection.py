"""The ledger's own connection: another role, autocommit, outside the request's transaction.

So a request that is rolled back keeps its record, and the role that writes entries can read nothing at all. Every answer
writes two lines, so its statements are prepared once and go straight through libpq (decision 0039).
"""

from __future__ import annotations

import atexit
import os
import select
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import psycopg
from django.conf import settings
from django.db import connections
from psycopg import pq
from psycopg.errors import error_from_result

IDLE_FOR_S = 60
_DONE = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement of fixed text with `$1, $2, ...`. name: under which a connection keeps it, its own for each text."""

    name: bytes
    text: bytes


class LedgerConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that also runs prepared statements."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._kept: set[bytes] = set()
        self.idle_since = 0.0

    def run(self, statement: Prepared, values: Sequence[str | bytes | None]) -> str | None:
        """The first value of the first row, or None without one.

        values: as the database writes them, as text or, in bytes, in its binary form; None for NULL. In autocommit, the
        statement is committed when this returns. Raises psycopg.Error.
        """
        texts = [value.encode() if isinstance(value, str) else None for value in values]
        if b"\x00" in b"".join(filter(None, texts)):
            # libpq would cut it off there
            raise psycopg.DataError("a text for the ledger holds a null character")
        if statement.name not in self._kept:
            self._check(self.pgconn.prepare(statement.name, statement.text))
            self._kept.add(statement.name)
        sent = [
            value if isinstance(value, bytes) else text for value, text in zip(values, texts, strict=True)
        ]
        forms = [pq.Format.BINARY if isinstance(value, bytes) else pq.Format.TEXT for value in values]
        # None is NULL, which the declared type of the values forgets
        result = self._check(self.pgconn.exec_prepared(statement.name, cast("list[bytes]", sent), forms))
        told = result.get_value(0, 0) if result.ntuples else None
        return None if told is None else told.decode()

    def _check(self, result: pq.abc.PGresult) -> pq.abc.PGresult:
        if result.status not in _DONE:
            raise error_from_result(result, encoding=self.info.encoding)
        return result


class LedgerUnavailable(RuntimeError):
    """The ledger could not be written, so nothing may be disclosed. Try again; if it lasts, tell the administrator."""


Place = tuple[str, str, str]
"""Host, port and name of a database."""


def find_place() -> Place:
    """The database that this process speaks to."""
    database = connections["default"].settings_dict
    return database["HOST"], database["PORT"], database["NAME"]


@contextmanager
def ledger_connection(place: Place | None = None) -> Iterator[LedgerConnection]:
    """A connection as `penumbra_ledger` in autocommit. Raises LedgerUnavailable for every failure of the database.

    The connection that was used last is taken first, so that few stay in use; it goes back unless something in it is open.
    place: of the ledger, by default that of this process.
    """
    place = place or find_place()
    idle = _IDLE[os.getpid(), *place]
    try:
        connection = _take(idle) or _connect(*place)
        try:
            yield connection
        finally:
            if connection.pgconn.transaction_status == pq.TransactionStatus.IDLE:
                connection.idle_since = time.monotonic()
                idle.append(connection)
            else:
                connection.close()
    except psycopg.Error as error:
        raise LedgerUnavailable(
            "The ledger cannot be written at the moment, so nothing is disclosed."
        ) from error


def is_alive(connection: LedgerConnection) -> bool:
    """Whether the server has not ended the connection.

    Asks the socket, not the server: two journeys an entry would be a third of an answer's time. A server that is silently
    gone is noticed by the statement, within the bounds of `_connect`.
    """
    try:
        watch = select.poll()
        watch.register(connection.pgconn.socket, select.POLLIN)
        while watch.poll(0):
            connection.pgconn.consume_input()
    except psycopg.OperationalError:
        return False
    return True


@atexit.register
def close_ledger_connections() -> None:
    """Let all idle connections of this process go: before it ends, or before its database is dropped."""
    own = os.getpid()
    for key in [each for each in _IDLE if each[0] == own]:
        for connection in _IDLE.pop(key):
            connection.close()


_IDLE: defaultdict[tuple[int, str, str, str], deque[LedgerConnection]] = defaultdict(deque)
"""By process (a forked child must not share sockets) and database. As many as have been used at one time, so at most one for
each thread; putting in and taking out are one step each for all threads."""


def _take(idle: deque[LedgerConnection]) -> LedgerConnection | None:
    """The one used last that is still alive and has not lain so long that something on the way may have forgotten it."""
    while idle:
        try:
            connection = idle.pop()
        except IndexError:  # another thread was faster
            return None
        if time.monotonic() - connection.idle_since < IDLE_FOR_S and is_alive(connection):
            return connection
        connection.close()
    return None


def _connect(host: str, port: str, name: str) -> LedgerConnection:
    timeout_ms = settings.LEDGER_TIMEOUT_S * 1000
    # an entry that was acknowledged is on disk, whatever the server's default is: a crash must not take back a record
    # of what was disclosed on the strength of it
    options = f"-c synchronous_commit=on -c statement_timeout={timeout_ms} -c lock_timeout={timeout_ms}"
    # each statement here goes by a key. On young tables or old statistics the check of a completion's entry was planned to
    # read all entries, and kept that plan, so that a line cost the more the more lines there were
    options += " -c enable_seqscan=off"
    return LedgerConnection.connect(
        host=host,
        port=port or None,
        dbname=name,
        user="penumbra_ledger",
        password=settings.LEDGER_PASSWORD,
        autocommit=True,
        connect_timeout=settings.LEDGER_TIMEOUT_S,
        application_name="penumbra-ledger",
        # a server that is silently gone is given up about when one that is slow would be
        tcp_user_timeout=2 * timeout_ms,
        keepalives_idle=settings.LEDGER_TIMEOUT_S,
        keepalives_interval=1,
        keepalives_count=settings.LEDGER_TIMEOUT_S,
        options=options,
    )
