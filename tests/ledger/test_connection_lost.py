"""A connection of the ledger that the server has ended is replaced before anything is written on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from psycopg import OperationalError

from accounts.ledger.connection import check_alive, close_ledger_connections, ledger_connection
from accounts.ledger.entry import Entry
from accounts.ledger.writer import open_entry
from tests.builders import make_viewer
from tests.cast import Cast
from tests.ledger.conftest import Connection


@pytest.fixture(autouse=True)
def _own_pool(db: None) -> Iterator[None]:
    close_ledger_connections()
    yield
    close_ledger_connections()


def end_session(writer: Connection, pid: int) -> None:
    """End another session of the ledger's role, and wait until it is gone."""
    writer.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


def test_an_entry_is_written_although_the_server_has_ended_the_session_of_the_one_before(
    cast: Cast, writer: Connection
) -> None:
    viewer = make_viewer(cast.rosa.user)
    for _ in range(2):
        ticket = open_entry(Entry(viewer, "read.test", "/test", viewer.request_id))
        with ledger_connection() as ours:
            pid = ours.info.backend_pid
        end_session(writer, pid)
    ticket = open_entry(Entry(viewer, "read.test", "/test", viewer.request_id))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ledger.entry WHERE id = %s", [ticket.entry_id])
        assert cursor.fetchone() == (1,)


def test_the_check_tells_a_lost_connection_from_a_good_one_without_a_journey(writer: Connection) -> None:
    with ledger_connection() as ours:
        check_alive(ours)
        ours.execute("SELECT 1")
        check_alive(ours)
        end_session(writer, ours.info.backend_pid)
        with pytest.raises(OperationalError):
            check_alive(ours)
        ours.close()
