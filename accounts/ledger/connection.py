"""The ledger's own connection: another role, autocommit, outside the request's transaction.

So a request that is rolled back keeps its record, and the role that writes entries can read nothing at all. Every answer
writes two lines, so its statements are prepared once and go straight through libpq (decision 0039).
"""

from __future__ import annotations

import os
import selectors
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import psycopg
from django.conf import settings
from django.db import connections
from psycopg import pq
from psycopg.errors import error_from_result
from psycopg_pool import ConnectionPool, PoolTimeout

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

    def run(self, statement: Prepared, values: Sequence[str | None]) -> str | None:
        """The first value of the first row, or None without one. values: as the database writes them, None for NULL.

        In autocommit, the statement is committed when this returns. Raises psycopg.Error.
        """
        if any(value is not None and "\x00" in value for value in values):
            # libpq would cut it off there
            raise psycopg.DataError("a text for the ledger holds a null character")
        if statement.name not in self._kept:
            self._check(self.pgconn.prepare(statement.name, statement.text))
            self._kept.add(statement.name)
        sent = [None if value is None else value.encode() for value in values]
        # None is NULL, which the declared type of the values forgets
        result = self._check(self.pgconn.exec_prepared(statement.name, cast("list[bytes]", sent)))
        told = result.get_value(0, 0) if result.ntuples else None
        return None if told is None else told.decode()

    def _check(self, result: pq.abc.PGresult) -> pq.abc.PGresult:
        if result.status not in _DONE:
            raise error_from_result(result, encoding=self.info.encoding)
        return result


class LedgerUnavailable(RuntimeError):
    """The ledger could not be written, so nothing may be disclosed. Try again; if it lasts, tell the administrator."""


@contextmanager
def ledger_connection() -> Iterator[LedgerConnection]:
    """A connection as `penumbra_ledger` in autocommit. Raises LedgerUnavailable for every failure of the database."""
    database = connections["default"].settings_dict
    try:
        with _find_pool(database["HOST"], database["PORT"], database["NAME"]).connection() as connection:
            yield connection
    except (psycopg.Error, PoolTimeout) as error:
        raise LedgerUnavailable(
            "The ledger cannot be written at the moment, so nothing is disclosed."
        ) from error


def check_alive(connection: LedgerConnection) -> None:
    """Raise OperationalError where the server has ended the connection. Asks the socket, not the server: two journeys an
    entry would be a third of an answer's time, and a server that is silently gone fails the statement itself."""
    with selectors.PollSelector() as watch:
        watch.register(connection.pgconn.socket, selectors.EVENT_READ)
        while watch.select(0):
            connection.pgconn.consume_input()


def close_ledger_connections() -> None:
    """Let all connections of this process go: before it ends, or before its database is dropped."""
    while _POOLS:
        _, pool = _POOLS.popitem()
        pool.close()


_POOLS: dict[tuple[int, str, str, str], ConnectionPool[LedgerConnection]] = {}
"""One pool per process (a forked child must not share sockets) and database."""


def _find_pool(host: str, port: str, name: str) -> ConnectionPool[LedgerConnection]:
    key = (os.getpid(), host, port, name)
    if key not in _POOLS:
        _POOLS[key] = _open_pool(host, port, name)
    return _POOLS[key]


def _open_pool(host: str, port: str, name: str) -> ConnectionPool[LedgerConnection]:
    timeout_ms = settings.LEDGER_TIMEOUT_S * 1000
    # an entry that was acknowledged is on disk, whatever the server's default is: a crash must not take back a record
    # of what was disclosed on the strength of it
    options = f"-c synchronous_commit=on -c statement_timeout={timeout_ms} -c lock_timeout={timeout_ms}"
    # each statement here goes by a key. On young tables or old statistics the check of a completion's entry was planned to
    # read all entries, and kept that plan, so that a line cost the more the more lines there were
    options += " -c enable_seqscan=off"
    return ConnectionPool(
        connection_class=LedgerConnection,
        kwargs={
            "host": host,
            "port": port or None,
            "dbname": name,
            "user": "penumbra_ledger",
            "password": settings.LEDGER_PASSWORD,
            "autocommit": True,
            "connect_timeout": settings.LEDGER_TIMEOUT_S,
            "application_name": "penumbra-ledger",
            "options": options,
        },
        min_size=0,
        max_size=4,
        timeout=settings.LEDGER_TIMEOUT_S,
        max_idle=60,
        check=check_alive,
        open=True,
        name="ledger",
    )
