"""A disk that is really full: no exit opens, nothing is written by half, and answers go on when there is room again.

The tables of the ledger lie on a file system of their own that is filled to the last byte; the error is the one that
PostgreSQL meets, not one that a test invents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from uuid import uuid4

import pytest

from accounts.ledger.connection import close_ledger_connections
from accounts.ledger.entry import Entry, Outcome, Reads, TicketScope
from accounts.ledger.writer import complete_entry, open_entry, record
from monitor.models import Inspection
from monitor.services.releases import publish_release
from tests.api.conftest import WebClient
from tests.cast import Cast
from tests.ledger.conftest import Connection
from tests.ledger.sealers import assert_sound, seal_all, sealing
from tests.ledger.small_disk import SmallDisk, tables_on_small_disk
from tests.ledger.test_exits_without_a_ledger import EXITS
from tests.ledger.test_ledger_down import assert_told_nothing, count_spent

TABLES = ("entry", "completion", "ticket", "disclosure")
EXACT = [each for each in EXITS if each[0] in {"rosa", "ines"}]
WHOLE = [each for each in EXACT if not each[1].startswith("/export")]
"""Exact answers that are sent in one piece, so that they wait for their completion. A file has an entry of its own before
the first of its pieces takes a ticket."""


def make_entry() -> Entry:
    """The smallest that there is."""
    return Entry(None, "a.b", "/", uuid4())


def make_exact_completion() -> None:
    """An answer with one cell."""
    complete_entry(open_entry(make_entry()), Outcome.ANSWERED, 1, cells=[1])


WRITES: dict[str, Callable[[], object]] = {
    "entry": lambda: open_entry(make_entry()),
    "ticket": lambda: open_entry(make_entry(), TicketScope(uuid4(), Reads.ACTIVITY)),
    "completion": lambda: record(make_entry(), Outcome.FAILED),
    "disclosure": make_exact_completion,
}
REFUSED = {"entry": EXITS, "ticket": EXACT, "completion": WHOLE, "disclosure": WHOLE}
"""Which exits need room in which table."""


@pytest.fixture
def disk(request: pytest.FixtureRequest, django_db_setup: None) -> Iterator[SmallDisk]:
    """A disk with one table of the ledger, made before the test's transaction begins and left after its end."""
    close_ledger_connections()
    with tables_on_small_disk([request.getfixturevalue("table")]) as small:
        yield small
        close_ledger_connections()


def count_rows(owner: Connection) -> dict[str, int]:
    """Rows of each table of the ledger that a question writes to."""
    names = (*TABLES, "entry_key", "completion_key")
    rows = [owner.execute(f"SELECT count(*) FROM ledger.{name}").fetchone() for name in names]
    return {name: row[0] for name, row in zip(names, rows, strict=True) if row}


@pytest.mark.parametrize("table", TABLES)
def test_on_a_full_disk_no_exit_opens_and_with_room_again_all_do(
    table: str,
    disk: SmallDisk,
    owner: Connection,
    web: WebClient,
    cast: Cast,
    inspection: Inspection,
) -> None:
    publish_release(date(2026, 11, 20))
    questions = [
        (
            web.as_(cast.everybody()[name]),
            path.format(alert=inspection.alert_id, inspection=inspection.id, region=cast.east),
        )
        for name, path in REFUSED[table]
    ]
    assert {client.get(url).status_code for client, url in questions} == {200}
    disk.fill(WRITES[table])
    before, spent = count_rows(owner), count_spent()
    for client, url in questions:
        assert_told_nothing(client.get(url))
    after = count_rows(owner)
    begun = {"entry": 0, "ticket": len(EXACT) - len(WHOLE)}.get(table, len(questions))
    assert after["entry"] - before["entry"] == after["entry_key"] - before["entry_key"] == begun
    assert after["completion"] - before["completion"] == after["completion_key"] - before["completion_key"]
    assert after["disclosure"] == before["disclosure"]
    if table in {"entry", "ticket"}:
        assert (after["ticket"], count_spent()) == (before["ticket"], spent)
    else:
        assert after["completion"] == before["completion"]  # what was begun counts as full disclosure
    disk.make_room()
    assert {client.get(url).status_code for client, url in questions} == {200}
    with sealing() as sealer:
        seal_all(sealer)
    assert_sound(owner)
