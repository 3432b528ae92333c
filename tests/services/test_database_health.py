"""A kept connection is not asked for its health, and one that has ended is found out all the same (config/postgis)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from config.databases import read_database
from tests.roles import read_rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def kept() -> Iterator[BaseDatabaseWrapper]:
    """A connection as a web process keeps it from one request to the next."""
    other = connection.copy()
    other.ensure_connection()
    yield other
    other.close()


def pid_of(kept: BaseDatabaseWrapper) -> int:
    """Of its session in the server."""
    with kept.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def end_session(pid: int) -> None:
    """As a server does that stops, restarts or is told to."""
    assert read_rows("SELECT pg_terminate_backend(%s, 20000)", pid) == [(True,)]


def test_a_connection_that_stands_is_asked_nothing(kept: BaseDatabaseWrapper) -> None:
    last = "SELECT state_change, query FROM pg_stat_activity WHERE pid = %s"
    pid = pid_of(kept)
    before = read_rows(last, pid)
    assert kept.is_usable()
    # a transaction is told once what others do, unless it asks anew
    read_rows("SELECT pg_stat_clear_snapshot()")
    assert read_rows(last, pid) == before


def test_a_session_that_ended_is_not_usable(kept: BaseDatabaseWrapper) -> None:
    end_session(pid_of(kept))
    assert not kept.is_usable()


def test_the_next_request_gets_a_connection_of_its_own(kept: BaseDatabaseWrapper) -> None:
    ended = pid_of(kept)
    end_session(ended)
    kept.close_if_unusable_or_obsolete()  # Django does before each request
    assert pid_of(kept) != ended


def test_a_word_that_nobody_asked_for_ends_nothing(kept: BaseDatabaseWrapper) -> None:
    """A notification waits to be read: the connection is asked, and stands."""
    with kept.cursor() as cursor:
        cursor.execute("LISTEN health")
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("NOTIFY health")
    other.close()
    pid = pid_of(kept)
    assert kept.is_usable()
    assert pid_of(kept) == pid


def test_a_connection_that_was_closed_here_is_not_usable(kept: BaseDatabaseWrapper) -> None:
    assert kept.connection is not None
    kept.connection.close()
    assert not kept.is_usable()


def test_the_server_takes_the_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", read_database("web")["OPTIONS"])
    bounded = connection.copy()
    try:
        with bounded.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone() == ("5min",)
    finally:
        bounded.close()
