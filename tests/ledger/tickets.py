"""How tests open tickets and read the vault with them, as the web role."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID, uuid4

from django.db import connection, transaction

from accounts.ledger.entry import Entry, Reads, Ticket, TicketScope
from accounts.ledger.writer import open_entry
from accounts.tokens import find_token
from monitor.field.states import CellState
from monitor.grid import COLS, ROWS, Box, cell_number
from monitor.models import Alert, Inspection
from monitor.vault.tickets import (
    CellFilter,
    read_activity_with_ticket,
    read_alert_site_with_ticket,
    read_inspection_site_with_ticket,
)
from tests.api.conftest import EASTERN_SITE, WESTERN_SITE
from tests.builders import viewer_of
from tests.cast import Person
from tests.ledger.conftest import Connection

EASTERN = [cell_number(*cell) for cell in EASTERN_SITE]
WESTERN = [cell_number(*cell) for cell in WESTERN_SITE]
ANYTHING = CellFilter(Box(0, 0, ROWS, COLS), [state.value for state in CellState])


@contextmanager
def as_web() -> Iterator[None]:
    """The rights of the web role; what it did is undone where it fails."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET ROLE penumbra_web")
        yield
        cursor.execute("RESET ROLE")


def open_ticket(person: Person, reads: Reads, *regions: UUID, object_id: UUID | None = None) -> Ticket:
    """A committed entry with a ticket, as the door opens it."""
    entry = Entry(viewer_of(person), "read.test", "/test", uuid4())
    return open_entry(entry, TicketScope(person.user.id, reads, regions, object_id))


def read_activity(ticket: Ticket) -> list[int]:
    """The cells that the vault returns for a ticket."""
    with as_web():
        return list(read_activity_with_ticket(ticket, ANYTHING, -1, 100).numbers)


def read_alert(ticket: Ticket, alert: Alert) -> list[int] | None:
    """The cells of an alert's site that the vault returns for a ticket."""
    with as_web():
        page = read_alert_site_with_ticket(ticket, alert.id)
    return list(page.numbers) if page else None


def read_inspection(ticket: Ticket, inspection: Inspection) -> list[int] | None:
    """The cells of an inspection's site that the vault returns for a ticket."""
    with as_web():
        page = read_inspection_site_with_ticket(ticket, inspection.id)
    return list(page.numbers) if page else None


def write_ticket(database: Connection, person: Person, region: UUID, age: timedelta) -> Ticket:
    """A ticket of some age, written as only the owner could."""
    entry_id, key, token = uuid4(), uuid4(), find_token(person.token)
    database.execute(
        "INSERT INTO ledger.entry (id, nonce, role, action, endpoint, request_id) VALUES"
        " (%s, decode(repeat('00', 16), 'hex'), 'regulator', 'read.test', '/', %s)",
        [entry_id, uuid4()],
    )
    database.execute(
        "INSERT INTO ledger.ticket (entry_id, key, opened_at, user_id, reads, regions, token_id) VALUES"
        " (%s, %s, clock_timestamp() - %s, %s, 'activity', %s, %s)",
        [entry_id, key, age, person.user.id, [region], token and token.id],
    )
    return Ticket(entry_id, key, bearer=person.token.encode().hex())
