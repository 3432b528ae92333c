"""The ledger's connections: used again, by one at a time, and replaced before anything is written on one that was ended."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from accounts.ledger.connection import (
    IDLE_FOR_S,
    LedgerUnavailable,
    close_ledger_connections,
    is_alive,
    ledger_connection,
)
from accounts.ledger.entry import Entry
from accounts.ledger.writer import open_entry
from tests.builders import make_viewer
from tests.cast import Cast
from tests.ledger.conftest import Connection
from tests.patience import PATIENCE_S


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
        assert is_alive(ours)
        ours.execute("SELECT 1")
        assert is_alive(ours)
        end_session(writer, ours.info.backend_pid)
        assert not is_alive(ours)
        ours.close()


def backend() -> int:
    """Which session of the server the next line would be written in."""
    with ledger_connection() as ours:
        return ours.info.backend_pid


def test_the_connection_used_last_is_used_again_and_nobody_shares_one() -> None:
    with ledger_connection() as first, ledger_connection() as second:
        pids = {first.info.backend_pid, second.info.backend_pid}
        assert len(pids) == 2
    assert backend() == backend() == first.info.backend_pid


def test_a_connection_that_is_left_within_a_transaction_is_used_by_nobody_after() -> None:
    with ledger_connection() as left:
        left.execute("BEGIN")
        pid = left.info.backend_pid
    assert left.closed
    assert backend() != pid


def test_a_connection_that_a_statement_has_failed_in_goes_on() -> None:
    pid = backend()
    with pytest.raises(LedgerUnavailable), ledger_connection() as ours:
        ours.execute("SELECT 1 / 0")
    assert backend() == pid


def test_a_connection_that_has_lain_for_long_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with ledger_connection() as ours:
        pid = ours.info.backend_pid
    monkeypatch.setattr(ours, "idle_since", ours.idle_since - IDLE_FOR_S - 1)
    assert backend() != pid
    assert ours.closed


def test_threads_at_the_same_time_write_each_on_a_connection_of_its_own(db: None) -> None:
    at_once = 4
    together = Barrier(at_once, timeout=PATIENCE_S)

    def hold() -> int:
        with ledger_connection() as ours:
            together.wait()
            return ours.info.backend_pid

    with ThreadPoolExecutor(at_once) as threads:
        pids = [one.result() for one in [threads.submit(hold) for _ in range(at_once)]]
    assert len(set(pids)) == at_once


def test_a_child_process_leaves_the_sockets_of_its_parent_alone(db: None) -> None:
    before = backend()
    child = os.fork()
    if child == 0:  # no way back into the tests from here
        code = 2
        try:
            close_ledger_connections()
            code = int(backend() == before)
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert backend() == before
