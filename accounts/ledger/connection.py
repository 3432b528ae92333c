"""The ledger's own connection: another role, autocommit, outside the request's transaction.

So a request that is rolled back keeps its record, and the role that writes entries can read nothing at all.
"""

from __future__ import annotations

import os
import selectors
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.conf import settings
from django.db import connections
from psycopg_pool import ConnectionPool, PoolTimeout

Connection = psycopg.Connection[tuple[Any, ...]]


class LedgerUnavailable(RuntimeError):
    """The ledger could not be written, so nothing may be disclosed. Try again; if it lasts, tell the administrator."""


@contextmanager
def ledger_connection() -> Iterator[Connection]:
    """A connection as `penumbra_ledger` in autocommit. Raises LedgerUnavailable for every failure of the database."""
    database = connections["default"].settings_dict
    try:
        with _find_pool(database["HOST"], database["PORT"], database["NAME"]).connection() as connection:
            yield connection
    except (psycopg.Error, PoolTimeout) as error:
        raise LedgerUnavailable(
            "The ledger cannot be written at the moment, so nothing is disclosed."
        ) from error


def check_alive(connection: Connection) -> None:
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


_POOLS: dict[tuple[int, str, str, str], ConnectionPool[Connection]] = {}
"""One pool per process (a forked child must not share sockets) and database."""


def _find_pool(host: str, port: str, name: str) -> ConnectionPool[Connection]:
    key = (os.getpid(), host, port, name)
    if key not in _POOLS:
        _POOLS[key] = _open_pool(host, port, name)
    return _POOLS[key]


def _open_pool(host: str, port: str, name: str) -> ConnectionPool[Connection]:
    timeout_ms = settings.LEDGER_TIMEOUT_S * 1000
    # an entry that was acknowledged is on disk, whatever the server's default is: a crash must not take back a record
    # of what was disclosed on the strength of it
    options = f"-c synchronous_commit=on -c statement_timeout={timeout_ms} -c lock_timeout={timeout_ms}"
    return ConnectionPool(
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
