"""Revocation is immediate (P7): whatever is taken away, no exact row is read after the commit that takes it away.

Real connections and real commits. A reader asks page after page over HTTP, as the web role; another connection revokes
in the middle.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier, Event
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.ledger.entry import Entry, Reads, Ticket, TicketScope
from accounts.ledger.writer import open_entry
from accounts.models import Token, User
from accounts.roles import Role
from accounts.tokens import find_token, revoke_tokens
from accounts.viewer import Credential, Viewer
from monitor.errors import QuotaSpent, VaultSealed
from monitor.field.states import CellState
from monitor.grid import COLS, ROWS, Box, cell_number
from monitor.models import AccessGrant, Inspection
from monitor.vault.tickets import (
    CellFilter,
    read_activity_with_ticket,
    read_alert_site_with_ticket,
    read_inspection_site_with_ticket,
)
from tests.cast import Person
from tests.patience import PATIENCE_S
from tests.privacy.committed import EASTERN, Committed, start
from tests.rights import give_grant, limit_quota, set_posture
from tests.roles import read_rows

Change = Callable[[Committed], Any]
ANYTHING = CellFilter(Box(0, 0, ROWS, COLS), [state.value for state in CellState])
WAITING = """SELECT count(*) FROM pg_locks held JOIN pg_stat_activity session ON session.pid = held.pid
    WHERE NOT held.granted AND session.datname = current_database()"""


def _take_permission(world: Committed) -> None:
    world.cast.rosa.user.regionuserpermission_set.all().delete()
    world.cast.ines.user.inspectionuserpermission_set.all().delete()


def _close_accounts(world: Committed) -> None:
    User.objects.filter(username__in=["rosa", "ines"]).update(is_active=False)


def _change_roles(world: Committed) -> None:
    User.objects.filter(username__in=["rosa", "ines"]).update(role="partner", is_superuser=True)


def _revoke_tokens(world: Committed) -> None:
    revoke_tokens(world.cast.rosa.user)
    revoke_tokens(world.cast.ines.user)


def _let_tokens_end(world: Committed) -> None:
    Token.objects.update(expires_at=timezone.now())


def _guard(world: Committed) -> None:
    set_posture(world.cast.east, "guarded")


def _seal(world: Committed) -> None:
    set_posture(world.cast.east, "sealed")


def _close_inspection(world: Committed) -> None:
    Inspection.objects.filter(id=world.inspection.id).update(status="closed")


def _let_window_pass(world: Committed) -> None:
    now = timezone.now()
    Inspection.objects.update(opens_at=now - timedelta(days=1), expires_at=now)


def _revoke_grants(world: Committed) -> None:
    AccessGrant.objects.update(revoked_at=timezone.now())


def _let_grants_end(world: Committed) -> None:
    AccessGrant.objects.update(expires_at=timezone.now())


OF_EVERYBODY = [_take_permission, _close_accounts, _change_roles, _revoke_tokens, _let_tokens_end, _seal]
OF_REGULATORS = [*OF_EVERYBODY, _guard]
OF_INSPECTORS = [*OF_EVERYBODY, _close_inspection, _let_window_pass]


def client_of(person: Person) -> APIClient:
    """A client with a person's token and purpose."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=person.headers["authorization"], HTTP_ACCESS_PURPOSE="field-visit")
    return client


def exact_cells(answer: Any) -> int:
    """How many exact cells an answer tells: none where it is a refusal, or told in blocks."""
    if answer.status_code != 200:
        return 0
    return sum("probability" in feature["properties"] for feature in answer.json()["features"])


def ticket_of(person: Person, reads: Reads, world: Committed, object_id: Any = None) -> Ticket:
    """A ticket as the door opens it for a request of this person."""
    token = find_token(person.token)
    assert token is not None
    user = person.user
    viewer = Viewer(
        user.id,
        user.pseudonym,
        user.username,
        None,
        Role(user.role),
        None,
        uuid4(),
        Credential(token.id, person.token.encode()),
    )
    scope = TicketScope(user.id, reads, [world.cast.east], object_id)
    return open_entry(Entry(viewer, "read.test", "/test", viewer.request_id), scope)


def read_pages(person: Person, url: str, between: Callable[[int], None]) -> list[int]:
    """Exact cells of each page, one cell a page; a refusal ends the pages, a site is asked for again and again."""
    client, found, following = client_of(person), [], url
    for number in range(8):
        between(number)
        answer = client.get(following)
        found.append(exact_cells(answer))
        if answer.status_code != 200:
            break
        following = answer.json()["next"] or following
    return found


@pytest.mark.parametrize("change", OF_REGULATORS)
def test_pages_of_activity_end_between_two_pages(committed: Committed, change: Change) -> None:
    _revoke_between_two_pages(committed, committed.cast.rosa, "/api/v1/activity?limit=1", change)


@pytest.mark.parametrize("change", OF_REGULATORS)
def test_the_site_of_an_alert_ends_between_two_readings(committed: Committed, change: Change) -> None:
    _revoke_between_two_pages(
        committed, committed.cast.rosa, f"/api/v1/alerts/{committed.alert.id}/site", change
    )


@pytest.mark.parametrize("change", OF_INSPECTORS)
def test_the_site_of_an_inspection_ends_between_two_readings(committed: Committed, change: Change) -> None:
    url = f"/api/v1/inspections/{committed.inspection.id}/site"
    _revoke_between_two_pages(committed, committed.cast.ines, url, change)


@pytest.mark.parametrize("change", [_revoke_grants, _let_grants_end, _take_permission, _close_accounts])
def test_what_a_grant_opened_ends_with_it(committed: Committed, change: Change) -> None:
    def give() -> None:
        set_posture(committed.cast.east, "sealed")
        give_grant(committed.cast.rosa, committed.cast.east, 0, committed.cast.otis, committed.cast.adam)

    with ThreadPoolExecutor(1) as pool:
        start(pool, give).result(PATIENCE_S)
    _revoke_between_two_pages(committed, committed.cast.rosa, "/api/v1/activity?limit=1", change)


def _revoke_between_two_pages(world: Committed, person: Person, url: str, change: Change) -> None:
    meet = Barrier(2)

    def between(number: int) -> None:
        if number == 3:
            meet.wait(PATIENCE_S)  # three pages are read
            meet.wait(PATIENCE_S)  # what is taken away is committed

    def revoke() -> None:
        meet.wait(PATIENCE_S)
        with transaction.atomic():
            change(world)
        meet.wait(PATIENCE_S)

    with ThreadPoolExecutor(2) as pool:
        pages = start(pool, lambda: read_pages(person, url, between), "web")
        start(pool, revoke).result(PATIENCE_S)
        found = pages.result(PATIENCE_S)
    assert all(found[:3]), "nothing was read before: the test would prove nothing"
    assert len(found) > 3
    assert not any(found[3:])


@pytest.mark.parametrize(
    "change", [_take_permission, _guard, _seal, _revoke_tokens, _close_accounts, _change_roles]
)
def test_a_reader_at_full_speed_reads_nothing_that_begins_after_the_commit(
    committed: Committed, change: Change
) -> None:
    """No meeting point: whatever the interleaving, a question that is put after the commit gets no cell."""
    is_over, readings = Event(), []

    def read() -> None:
        client = client_of(committed.cast.rosa)
        while not is_over.is_set():
            asked_at = monotonic()
            readings.append((asked_at, exact_cells(client.get("/api/v1/activity?limit=5"))))

    def revoke() -> float:
        while len(readings) < 5:
            assert not is_over.wait(0.005)
        with transaction.atomic():
            change(committed)
        committed_at = monotonic()
        while sum(asked_at > committed_at for asked_at, _ in list(readings)) < 5:
            assert not is_over.wait(0.005)
        is_over.set()
        return committed_at

    with ThreadPoolExecutor(3) as pool:
        readers = [start(pool, read, "web") for _ in range(2)]
        committed_at = start(pool, revoke).result(PATIENCE_S)
        for reader in readers:
            reader.result(PATIENCE_S)
    assert any(cells for asked_at, cells in readings if asked_at < committed_at)
    assert not any(cells for asked_at, cells in readings if asked_at > committed_at)


@pytest.mark.parametrize("change", OF_REGULATORS)
def test_a_stream_ends_at_its_next_chunk(committed: Committed, change: Change) -> None:
    """An export reads chunk by chunk, each with a ticket that was opened while the right was there."""

    def stream() -> list[int]:
        chunks, after = [], -1
        for number in range(4):
            ticket = ticket_of(committed.cast.rosa, Reads.ACTIVITY, committed)
            if number == 2:
                with ThreadPoolExecutor(1) as pool:
                    start(pool, lambda: change(committed)).result(PATIENCE_S)
            page = read_activity_with_ticket(ticket, ANYTHING, after, 2)
            chunks.append(len(page.numbers))
            after = page.numbers[-1] if page.numbers else after
            if number == 2:
                break
        return chunks

    with ThreadPoolExecutor(1) as pool:
        assert start(pool, stream, "web").result(PATIENCE_S) == [2, 2, 0]


@pytest.mark.parametrize("change", OF_INSPECTORS)
def test_a_ticket_of_before_opens_no_site_after(committed: Committed, change: Change) -> None:
    def read() -> list[object]:
        alert, inspection = committed.alert.id, committed.inspection.id
        site = ticket_of(committed.cast.rosa, Reads.ALERT_SITE, committed, alert)
        visit = ticket_of(committed.cast.ines, Reads.INSPECTION_SITE, committed, inspection)
        with ThreadPoolExecutor(1) as pool:
            start(pool, lambda: change(committed)).result(PATIENCE_S)
        pages: list[object] = [read_inspection_site_with_ticket(visit, inspection)]
        if change in OF_EVERYBODY:
            pages.append(read_alert_site_with_ticket(site, alert))
        return pages

    with ThreadPoolExecutor(1) as pool:
        assert set(start(pool, read, "web").result(PATIENCE_S)) == {None}


@pytest.mark.parametrize("isolation", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_snapshot_of_before_opens_nothing(committed: Committed, isolation: str) -> None:
    """Such a transaction would not see that something was taken away, so the vault does not open in one."""

    def read() -> None:
        ticket = ticket_of(committed.cast.rosa, Reads.ACTIVITY, committed)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}")
            read_activity_with_ticket(ticket, ANYTHING, -1, 5)

    with ThreadPoolExecutor(1) as pool, pytest.raises(VaultSealed):
        start(pool, read, "web").result(PATIENCE_S)


def test_readings_at_once_do_not_share_the_last_cells_of_a_quota(committed: Committed) -> None:
    numbers = sorted(cell_number(row, col) for row, col in EASTERN)
    starts = numbers[::2]  # two cells for each reader, of which nobody else reads any
    meet = Barrier(len(starts))
    with ThreadPoolExecutor(1) as pool:
        start(pool, lambda: limit_quota(5)).result(PATIENCE_S)

    def read(first: int) -> list[int]:
        ticket = ticket_of(committed.cast.rosa, Reads.ACTIVITY, committed)
        meet.wait(PATIENCE_S)
        try:
            return list(read_activity_with_ticket(ticket, ANYTHING, first - 1, 2).numbers)
        except QuotaSpent:
            return []

    with ThreadPoolExecutor(len(starts)) as pool:
        pages = [start(pool, partial(read, first), "web") for first in starts]
        told = {cell for page in pages for cell in page.result(PATIENCE_S)}
    assert len(told) == 5 < len(EASTERN)


def see_one_wait() -> None:
    """Return once a session of this database waits for another."""
    until = monotonic() + 20
    while read_rows(WAITING) == [(0,)]:
        assert monotonic() < until, "nobody waits"


@pytest.mark.parametrize("has_read", [False, True])
def test_a_page_that_another_overtakes_is_cut_by_what_is_left_then(
    committed: Committed, has_read: bool
) -> None:
    """The other has counted, and commits only once this one waits for it."""
    numbers = sorted(cell_number(row, col) for row, col in EASTERN)
    counted, waits = Event(), Event()

    def read(after: int, limit: int) -> list[int]:
        ticket = ticket_of(committed.cast.rosa, Reads.ACTIVITY, committed)
        return list(read_activity_with_ticket(ticket, ANYTHING, after, limit).numbers)

    def read_first() -> list[int]:
        with transaction.atomic():
            told = read(-1, 5)
            counted.set()
            assert waits.wait(PATIENCE_S)
        return told

    with ThreadPoolExecutor(3) as pool:
        if has_read:
            start(pool, partial(read, numbers[9], 1), "web").result(PATIENCE_S)
        start(pool, lambda: limit_quota(7 + has_read)).result(PATIENCE_S)
        first = start(pool, read_first, "web")
        assert counted.wait(PATIENCE_S)
        second = start(pool, partial(read, numbers[4], 5), "web")
        start(pool, see_one_wait).result(PATIENCE_S)
        waits.set()
        assert first.result(PATIENCE_S) == numbers[:5]
        assert second.result(PATIENCE_S) == numbers[5:7]
        used = start(pool, partial(read_rows, "SELECT used FROM vault.cells_read"))
        assert used.result(PATIENCE_S) == [(7 + has_read,)]


def test_a_page_that_waited_for_another_obeys_what_was_taken_away_meanwhile(committed: Committed) -> None:
    """The other counts, and takes it back: nothing has moved, and yet what was read before the wait may not leave."""
    counted, is_over = Event(), Event()

    def read(limit: int) -> int:
        ticket = ticket_of(committed.cast.rosa, Reads.ACTIVITY, committed)
        return len(read_activity_with_ticket(ticket, ANYTHING, -1, limit).numbers)

    def read_and_take_back() -> None:
        with transaction.atomic():
            assert read(5) == 5
            counted.set()
            assert is_over.wait(PATIENCE_S)
            transaction.set_rollback(True)

    with ThreadPoolExecutor(3) as pool:
        assert start(pool, partial(read, 1), "web").result(PATIENCE_S) == 1
        other = start(pool, read_and_take_back, "web")
        assert counted.wait(PATIENCE_S)
        waiting = start(pool, partial(read, 5), "web")
        start(pool, see_one_wait).result(PATIENCE_S)
        start(pool, partial(set_posture, committed.cast.east, "sealed")).result(PATIENCE_S)
        is_over.set()
        other.result(PATIENCE_S)
        assert waiting.result(PATIENCE_S) == 0


def test_a_page_that_was_counted_before_waits_for_no_other(committed: Committed) -> None:
    numbers = sorted(cell_number(row, col) for row, col in EASTERN)
    counted, told = Event(), Event()

    def read(after: int) -> list[int]:
        ticket = ticket_of(committed.cast.rosa, Reads.ACTIVITY, committed)
        return list(read_activity_with_ticket(ticket, ANYTHING, after, 5).numbers)

    def count_others() -> list[int]:
        with transaction.atomic():
            others = read(numbers[4])
            counted.set()
            assert told.wait(PATIENCE_S)
        return others

    with ThreadPoolExecutor(2) as pool:
        assert start(pool, partial(read, -1), "web").result(PATIENCE_S) == numbers[:5]
        others = start(pool, count_others, "web")
        assert counted.wait(PATIENCE_S)
        assert start(pool, partial(read, -1), "web").result(PATIENCE_S) == numbers[:5]
        told.set()
        assert others.result(PATIENCE_S) == numbers[5:10]


def test_of_two_readings_at_once_one_gets_the_ticket(committed: Committed) -> None:
    with ThreadPoolExecutor(1) as pool:
        opened = start(pool, lambda: ticket_of(committed.cast.rosa, Reads.ACTIVITY, committed), "web")
        ticket = opened.result(PATIENCE_S)
    meet = Barrier(2)

    def read() -> int:
        meet.wait(PATIENCE_S)
        try:
            return len(read_activity_with_ticket(ticket, ANYTHING, -1, 5).numbers)
        except VaultSealed:
            return 0

    with ThreadPoolExecutor(2) as pool:
        told = [start(pool, read, "web") for _ in range(2)]
        assert sorted(one.result(PATIENCE_S) for one in told) == [0, 5]
