"""Hands for the tests of sealing: connections as the sealer, a seeded key, lines to seal, and the log as it is stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID, uuid4

from accounts.ledger.entry import Entry, Outcome, Ticket
from accounts.ledger.proof.checkpoint import open_checkpoint
from accounts.ledger.proof.tree import Frontier, hash_leaf
from accounts.ledger.sealing import LOCK, Sealed, Sealer
from accounts.ledger.writer import complete_entry, open_entry
from tests.ledger.conftest import Connection, connect
from tests.pure.ledger.test_note import LOG


@contextmanager
def sealing() -> Iterator[Sealer]:
    """A sealer with the lock, as the role that it has in production."""
    with connect() as connection:
        connection.execute("SET ROLE penumbra_sealer")
        sealer = Sealer(connection, [LOG])
        wait_for_lock(connection)
        assert sealer.take_lock()
        yield sealer


def wait_for_lock(connection: Connection) -> None:
    """Until the server has noticed that the last sealer's connection is closed."""
    connection.execute("SET lock_timeout = '20s'")
    connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
    connection.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def seal_all(sealer: Sealer) -> list[Sealed]:
    """Every checkpoint until nothing is new."""
    found = []
    while sealed := sealer.seal_new():
        found += sealed
    return found


def write_lines(count: int) -> list[Ticket]:
    """Entries with their completions, as the service writes them."""
    tickets = []
    for _ in range(count):
        ticket = open_entry(Entry(None, "read.activity", "/test", uuid4()))
        complete_entry(ticket, Outcome.ANSWERED, 1)
        tickets.append(ticket)
    return tickets


def find_places(owner: Connection, identifiers: Sequence[UUID]) -> dict[tuple[UUID, str], int]:
    """Where the lines of these entries stand in the log."""
    rows = owner.execute(
        "SELECT entry_id, kind, index FROM ledger.leaf WHERE entry_id = ANY(%s)", [list(identifiers)]
    ).fetchall()
    return {(entry_id, kind): index for entry_id, kind, index in rows}


def assert_sound(owner: Connection) -> int:
    """Every committed line has exactly one place, places have no gap, and all checkpoints recompute. Returns the size."""
    rows = owner.execute(
        "SELECT l.index, l.hash, coalesce(e.body, c.body) FROM ledger.leaf l"
        " LEFT JOIN ledger.entry e ON l.kind = 'entry' AND e.id = l.entry_id"
        " LEFT JOIN ledger.completion c ON l.kind = 'completion' AND c.entry_id = l.entry_id ORDER BY l.index"
    ).fetchall()
    lines = owner.execute(
        "SELECT (SELECT count(*) FROM ledger.entry) + (SELECT count(*) FROM ledger.completion)"
    ).fetchone()
    assert lines == (len(rows),)
    assert [index for index, _, _ in rows] == list(range(len(rows)))
    checkpoints: dict[int, str] = dict(owner.execute("SELECT size, note FROM ledger.checkpoint").fetchall())
    frontier = Frontier()
    for _, hashed, body in rows:
        assert hash_leaf(bytes(body)) == bytes(hashed)
        frontier.append(bytes(hashed))
        if frontier.size in checkpoints:
            head, _ = open_checkpoint(checkpoints.pop(frontier.size), [LOG.verifier])
            assert (head.size, head.root) == (frontier.size, frontier.root())
    assert checkpoints == {}
    return frontier.size
