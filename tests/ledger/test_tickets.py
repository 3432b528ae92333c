"""Tickets: the vault opens for a committed entry, once, soon, for what it says and for what the holder may see now (P6, P7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone
from psycopg import errors

from accounts.ledger.entry import Entry, Reads, Ticket, TicketScope
from accounts.ledger.writer import open_entry
from accounts.models import User
from monitor.errors import VaultSealed
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
from tests.cast import Cast, Person
from tests.ledger.conftest import Connection, connect

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
    entry = Entry(None, "read.test", "/test", uuid4())
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
    entry_id, key = uuid4(), uuid4()
    database.execute(
        "INSERT INTO ledger.entry (id, nonce, role, action, endpoint, request_id) VALUES"
        " (%s, decode(repeat('00', 16), 'hex'), 'regulator', 'read.test', '/', %s)",
        [entry_id, uuid4()],
    )
    database.execute(
        "INSERT INTO ledger.ticket (entry_id, key, opened_at, user_id, reads, regions) VALUES"
        " (%s, %s, clock_timestamp() - %s, %s, 'activity', %s)",
        [entry_id, key, age, person.user.id, [region]],
    )
    return Ticket(entry_id, key)


# --- the key -------------------------------------------------------------------------------------------------------------


def test_a_ticket_opens_what_it_says(cast: Cast, alert: Alert, inspection: Inspection, western_alert: Alert) -> None:
    assert read_activity(open_ticket(cast.rosa, Reads.ACTIVITY, cast.east)) == EASTERN
    assert read_alert(open_ticket(cast.rosa, Reads.ALERT_SITE, object_id=alert.id), alert) == EASTERN
    ticket = open_ticket(cast.ines, Reads.INSPECTION_SITE, object_id=inspection.id)
    assert read_inspection(ticket, inspection) == EASTERN


def test_without_a_ticket_nothing_opens(cast: Cast, alert: Alert, inspection: Inspection) -> None:
    for ticket in (Ticket(uuid4(), uuid4()), Ticket(uuid4(), None), Ticket(uuid4(), UUID(int=0))):
        with pytest.raises(VaultSealed):
            read_activity(ticket)
        with pytest.raises(VaultSealed):
            read_alert(ticket, alert)
        with pytest.raises(VaultSealed):
            read_inspection(ticket, inspection)


def test_an_entry_without_a_ticket_opens_nothing(cast: Cast, alert: Alert) -> None:
    ticket = open_entry(Entry(None, "read.test", "/test", uuid4()))
    with pytest.raises(VaultSealed):
        read_activity(Ticket(ticket.entry_id, ticket.entry_id))


def test_the_receipt_of_an_answer_is_not_the_key_of_its_ticket(cast: Cast, alert: Alert) -> None:
    ticket = open_ticket(cast.rosa, Reads.ACTIVITY, cast.east)
    with pytest.raises(VaultSealed):
        read_activity(Ticket(ticket.entry_id, ticket.entry_id))
    assert str(ticket.key) not in repr(ticket)


def test_a_ticket_opens_once(cast: Cast, alert: Alert) -> None:
    ticket = open_ticket(cast.rosa, Reads.ACTIVITY, cast.east)
    assert read_activity(ticket) == EASTERN
    for _ in range(2):
        with pytest.raises(VaultSealed):
            read_activity(ticket)


def test_a_ticket_that_found_nothing_is_spent_too(cast: Cast, alert: Alert, western_alert: Alert) -> None:
    ticket = open_ticket(cast.rosa, Reads.ALERT_SITE, object_id=alert.id)
    assert read_alert(ticket, western_alert) is None
    with pytest.raises(VaultSealed):
        read_alert(ticket, alert)


def test_of_two_readings_at_once_one_gets_the_ticket(cast: Cast, owner: Connection) -> None:
    ticket = open_ticket(cast.rosa, Reads.ACTIVITY, cast.east)
    spend = "SELECT vault.spend_ticket(%s, 'activity')"
    with connect() as second:
        second.execute("SET lock_timeout = '100ms'")
        with owner.transaction():
            owner.execute(spend, [ticket.key])
            with pytest.raises(errors.LockNotAvailable):
                second.execute(spend, [ticket.key])
        with pytest.raises(errors.InsufficientPrivilege, match="no such ticket"):
            second.execute(spend, [ticket.key])
    owner.execute("DELETE FROM vault.spent_ticket WHERE entry_id = %s", [ticket.entry_id])


@pytest.mark.parametrize(("seconds", "opens"), [(0, True), (55, True), (60, False), (61, False), (86_400, False)])
def test_a_ticket_is_good_for_sixty_seconds(
    cast: Cast, alert: Alert, owner: Connection, seconds: int, opens: bool
) -> None:
    ticket = write_ticket(owner, cast.rosa, cast.east, timedelta(seconds=seconds))
    if opens:
        assert read_activity(ticket) == EASTERN
    else:
        with pytest.raises(VaultSealed):
            read_activity(ticket)


def _insert_here(cast: Cast) -> Ticket:
    with connection.cursor() as cursor:
        return write_ticket(cursor.cursor.connection, cast.rosa, cast.east, timedelta())


def test_a_ticket_that_is_not_committed_opens_nothing(cast: Cast, alert: Alert) -> None:
    ticket = _insert_here(cast)
    with pytest.raises(VaultSealed):
        read_activity(ticket)


def test_a_ticket_in_a_savepoint_opens_nothing_although_later_transactions_are_over(cast: Cast, alert: Alert) -> None:
    with transaction.atomic():
        ticket = _insert_here(cast)
    for _ in range(3):
        open_ticket(cast.otis, Reads.ACTIVITY)
    with pytest.raises(VaultSealed):
        read_activity(ticket)


@pytest.mark.parametrize("reads", [Reads.ALERT_SITE, Reads.INSPECTION_SITE])
def test_a_ticket_for_something_else_opens_no_activity(cast: Cast, alert: Alert, reads: Reads) -> None:
    with pytest.raises(VaultSealed):
        read_activity(open_ticket(cast.rosa, reads, cast.east, object_id=alert.id))


@pytest.mark.parametrize("reads", [Reads.ACTIVITY, Reads.INSPECTION_SITE])
def test_a_ticket_for_something_else_opens_no_alert(cast: Cast, alert: Alert, reads: Reads) -> None:
    with pytest.raises(VaultSealed):
        read_alert(open_ticket(cast.rosa, reads, cast.east, object_id=alert.id), alert)


@pytest.mark.parametrize("reads", [Reads.ACTIVITY, Reads.ALERT_SITE])
def test_a_ticket_for_something_else_opens_no_inspection(cast: Cast, inspection: Inspection, reads: Reads) -> None:
    with pytest.raises(VaultSealed):
        read_inspection(open_ticket(cast.ines, reads, object_id=inspection.id), inspection)


def test_a_ticket_for_no_object_opens_no_object(cast: Cast, alert: Alert, inspection: Inspection) -> None:
    assert read_alert(open_ticket(cast.rosa, Reads.ALERT_SITE, cast.east), alert) is None
    assert read_inspection(open_ticket(cast.ines, Reads.INSPECTION_SITE), inspection) is None


# --- the rights of the holder, now -----------------------------------------------------------------------------------------


def test_a_ticket_wider_than_the_mandate_opens_the_mandate_only(
    cast: Cast, alert: Alert, western_alert: Alert
) -> None:
    assert read_activity(open_ticket(cast.rosa, Reads.ACTIVITY, cast.east, cast.west)) == EASTERN
    assert read_activity(open_ticket(cast.otis, Reads.ACTIVITY, cast.east, cast.west)) == WESTERN
    assert sorted(read_activity(open_ticket(cast.anna, Reads.ACTIVITY, cast.east, cast.west))) == sorted(EASTERN + WESTERN)


def test_a_ticket_narrower_than_the_mandate_opens_what_it_names(
    cast: Cast, alert: Alert, western_alert: Alert
) -> None:
    assert read_activity(open_ticket(cast.anna, Reads.ACTIVITY, cast.west)) == WESTERN
    assert read_activity(open_ticket(cast.anna, Reads.ACTIVITY)) == []


def test_a_ticket_for_the_alert_of_another_region_opens_nothing(cast: Cast, western_alert: Alert) -> None:
    ticket = open_ticket(cast.rosa, Reads.ALERT_SITE, cast.east, cast.west, object_id=western_alert.id)
    assert read_alert(ticket, western_alert) is None


def _revoke(user: User) -> None:
    user.regionuserpermission_set.all().delete()
    user.inspectionuserpermission_set.all().delete()


def _close(user: User) -> None:
    User.objects.filter(id=user.id).update(is_active=False)


def _demote(user: User) -> None:
    User.objects.filter(id=user.id).update(role="partner", is_superuser=True)


@pytest.mark.parametrize("change", [_revoke, _close, _demote])
def test_what_is_taken_away_after_the_ticket_was_opened_is_not_read(
    cast: Cast, alert: Alert, inspection: Inspection, change: Callable[[User], None]
) -> None:
    activity = open_ticket(cast.rosa, Reads.ACTIVITY, cast.east)
    site = open_ticket(cast.rosa, Reads.ALERT_SITE, cast.east, object_id=alert.id)
    visit = open_ticket(cast.ines, Reads.INSPECTION_SITE, object_id=inspection.id)
    change(cast.rosa.user)
    change(cast.ines.user)
    assert read_activity(activity) == []
    assert read_alert(site, alert) is None
    assert read_inspection(visit, inspection) is None


@pytest.mark.parametrize("name", ["ines", "ivo", "pia", "paul", "aldo", "adam", "finn", "mallory"])
def test_a_ticket_gives_no_role_more_than_its_own(cast: Cast, alert: Alert, western_alert: Alert, name: str) -> None:
    person = cast.everybody()[name]
    assert read_activity(open_ticket(person, Reads.ACTIVITY, cast.east, cast.west)) == []
    assert read_alert(open_ticket(person, Reads.ALERT_SITE, object_id=alert.id), alert) is None


def test_an_analysts_ticket_opens_no_site(cast: Cast, alert: Alert) -> None:
    assert read_alert(open_ticket(cast.anna, Reads.ALERT_SITE, cast.east, object_id=alert.id), alert) is None


@pytest.mark.parametrize("name", ["rosa", "ivo", "adam", "anna"])
def test_the_ticket_of_another_person_opens_no_inspection(cast: Cast, inspection: Inspection, name: str) -> None:
    ticket = open_ticket(cast.everybody()[name], Reads.INSPECTION_SITE, object_id=inspection.id)
    assert read_inspection(ticket, inspection) is None


@pytest.mark.parametrize(
    "change",
    [
        {"status": "assigned"},
        {"status": "closed"},
        {"status": "expired"},
        {"opens_at": timezone.now() + timedelta(hours=1)},
        {"opens_at": timezone.now() - timedelta(hours=2), "expires_at": timezone.now() - timedelta(hours=1)},
    ],
)
def test_an_inspection_that_ends_after_the_ticket_was_opened_is_not_read(
    cast: Cast, inspection: Inspection, change: dict[str, object]
) -> None:
    ticket = open_ticket(cast.ines, Reads.INSPECTION_SITE, object_id=inspection.id)
    Inspection.objects.update(**change)
    assert read_inspection(ticket, inspection) is None


# --- around the gate -------------------------------------------------------------------------------------------------------


def test_the_web_role_cannot_go_round_the_gate(owner: Connection) -> None:
    owner.execute("SET ROLE penumbra_web")
    tables = ["cell_state", "score", "site", "site_cell", "alert_site", "label", "item", "region_run", "spent_ticket"]
    for statement in (
        *(f"SELECT * FROM vault.{table}" for table in tables),
        *(f"DELETE FROM vault.{table}" for table in tables),
        "INSERT INTO vault.spent_ticket (entry_id) VALUES (gen_random_uuid())",
        "SELECT vault.spend_ticket(gen_random_uuid(), 'activity')",
        "SELECT vault.held_regions(gen_random_uuid(), '{regulator}')",
        "SELECT vault.living_site(gen_random_uuid())",
        "SELECT vault.cell_feature(NULL)",
        "SELECT vault.is_committed('1')",
        "CREATE FUNCTION vault.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "CREATE TABLE public.monitor_inspection2 (id integer)",
    ):
        with pytest.raises(errors.InsufficientPrivilege):
            owner.execute(statement)
