"""Tickets: the vault opens for a committed entry, once, within a minute, for the kind of reading that it says (P6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from psycopg import errors

from accounts.ledger.entry import Entry, Reads, Ticket
from accounts.ledger.writer import open_entry
from monitor.errors import VaultSealed
from monitor.models import Alert, Inspection
from tests.builders import viewer_of
from tests.cast import Cast
from tests.ledger.conftest import Connection
from tests.ledger.tickets import (
    EASTERN,
    open_ticket,
    read_activity,
    read_alert,
    read_inspection,
    write_ticket,
)


def test_a_ticket_opens_what_it_says(
    cast: Cast, alert: Alert, inspection: Inspection, western_alert: Alert
) -> None:
    assert read_activity(open_ticket(cast.rosa, Reads.ACTIVITY, cast.east)) == EASTERN
    assert read_alert(open_ticket(cast.rosa, Reads.ALERT_SITE, object_id=alert.id), alert) == EASTERN
    ticket = open_ticket(cast.ines, Reads.INSPECTION_SITE, object_id=inspection.id)
    assert read_inspection(ticket, inspection) == EASTERN


def test_without_a_ticket_nothing_opens(cast: Cast, alert: Alert, inspection: Inspection) -> None:
    for key in (uuid4(), None, UUID(int=0)):
        ticket = Ticket(uuid4(), key, bearer=cast.rosa.token.encode().hex())
        with pytest.raises(VaultSealed):
            read_activity(ticket)
        with pytest.raises(VaultSealed):
            read_alert(ticket, alert)
        with pytest.raises(VaultSealed):
            read_inspection(ticket, inspection)


def test_an_entry_without_a_ticket_opens_nothing(cast: Cast, alert: Alert) -> None:
    ticket = open_entry(Entry(viewer_of(cast.rosa), "read.test", "/test", uuid4()))
    with pytest.raises(VaultSealed):
        read_activity(Ticket(ticket.entry_id, ticket.entry_id, bearer=cast.rosa.token.encode().hex()))


def test_the_id_of_an_entry_is_not_the_key_of_its_ticket(cast: Cast, alert: Alert) -> None:
    ticket = open_ticket(cast.rosa, Reads.ACTIVITY, cast.east)
    with pytest.raises(VaultSealed):
        read_activity(replace(ticket, key=ticket.entry_id))
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


@pytest.mark.parametrize(
    ("seconds", "opens"), [(0, True), (55, True), (60, False), (61, False), (86_400, False)]
)
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


def test_a_ticket_in_a_savepoint_opens_nothing_although_later_transactions_are_over(
    cast: Cast, alert: Alert
) -> None:
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
def test_a_ticket_for_something_else_opens_no_inspection(
    cast: Cast, inspection: Inspection, reads: Reads
) -> None:
    with pytest.raises(VaultSealed):
        read_inspection(open_ticket(cast.ines, reads, object_id=inspection.id), inspection)


def test_a_ticket_for_no_object_opens_no_object(cast: Cast, alert: Alert, inspection: Inspection) -> None:
    assert read_alert(open_ticket(cast.rosa, Reads.ALERT_SITE, cast.east), alert) is None
    assert read_inspection(open_ticket(cast.ines, Reads.INSPECTION_SITE), inspection) is None


def test_the_web_role_cannot_go_round_the_gate(owner: Connection) -> None:
    owner.execute("SET ROLE penumbra_web")
    tables = [
        "cell_state",
        "score",
        "site",
        "site_cell",
        "alert_site",
        "label",
        "item",
        "region_run",
        "spent_ticket",
        "delivery",
        "evidence",
        "evidence_clock",
        "confirmed_cell",
    ]
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
