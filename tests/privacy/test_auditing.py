"""What auditors ask of disclosed cells takes a ticket of its own, and the sealed log tells two worlds apart by nothing."""

from __future__ import annotations

import json
import struct
from array import array
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.counting import find_counters
from accounts.ledger.entry import Entry, Reads, Ticket, TicketScope
from accounts.ledger.writer import open_entry
from accounts.models import User
from monitor.errors import VaultSealed
from monitor.models import Alert
from monitor.vault.exposure import count_cells_with_ticket, count_days_with_ticket, read_exposure_with_ticket
from tests.api.conftest import WebClient
from tests.builders import cell_at, make_alert, make_model, put_cells, viewer_of
from tests.cast import Cast, Person, make_cast
from tests.ledger.sealers import seal_all, sealing, write_lines
from tests.privacy.comparing import act, unhurried
from tests.privacy.layouts import Layout, lay_out
from tests.privacy.pairs import draw_pair
from tests.privacy.worlds import build_world
from tests.roles import as_role
from tests.tile_reader import read_tile

SITE = [cell_at(20.105, 2.105)]


@pytest.fixture
def cast(db: None) -> Cast:
    """Everybody."""
    return make_cast()


@pytest.fixture
def alert(cast: Cast) -> Alert:
    """An alert in the east."""
    put_cells(make_model(cast.anna.user), SITE)
    return make_alert(cast.east, SITE)


def open_ticket(person: Person, reads: Reads, object_id: UUID) -> Ticket:
    """A ticket as the door opens it."""
    viewer = viewer_of(person)
    scope = TicketScope(viewer.user_id, reads, object_id=object_id)
    return open_entry(Entry(viewer, "read.test", "/test", viewer.request_id), scope)


def ask_exposure(ticket: Ticket, alert: Alert) -> int:
    """How many rows the web role gets. Raises VaultSealed."""
    with as_role("penumbra_web"), transaction.atomic():
        return len(read_exposure_with_ticket(ticket, alert.id, alert.region_id, [], None, None))


def ask_account(ticket: Ticket, actor: UUID) -> int:
    """How many rows the web role gets. Raises VaultSealed."""
    with as_role("penumbra_web"), transaction.atomic():
        return len(count_cells_with_ticket(ticket, actor, None, None))


def ask_days(ticket: Ticket) -> int:
    """How many rows the web role gets. Raises VaultSealed."""
    now = timezone.now()
    with as_role("penumbra_web"), transaction.atomic():
        return len(
            count_days_with_ticket(ticket, now - timedelta(days=1), now + timedelta(hours=1), (20, 4), 0.9)
        )


def test_the_two_questions_take_a_ticket_once(cast: Cast, alert: Alert) -> None:
    WebClient().as_(cast.rosa).get(f"/api/v1/alerts/{alert.id}/site")
    actor = cast.rosa.user.pseudonym
    exposure = open_ticket(cast.aldo, Reads.EXPOSURE, alert.id)
    account = open_ticket(cast.aldo, Reads.ACCOUNT, actor)
    assert ask_exposure(exposure, alert) >= 1
    assert ask_account(account, actor) >= 1
    with pytest.raises(VaultSealed):
        ask_exposure(exposure, alert)
    with pytest.raises(VaultSealed):
        ask_account(account, actor)


def test_a_ticket_answers_about_its_own_object_and_question_only(cast: Cast, alert: Alert) -> None:
    other, actor = make_alert(cast.east, []), cast.rosa.user.pseudonym
    with pytest.raises(VaultSealed):
        ask_exposure(open_ticket(cast.aldo, Reads.EXPOSURE, other.id), alert)
    with pytest.raises(VaultSealed):
        ask_account(open_ticket(cast.aldo, Reads.ACCOUNT, cast.otis.user.pseudonym), actor)
    with pytest.raises(VaultSealed):
        ask_exposure(open_ticket(cast.aldo, Reads.ACCOUNT, alert.id), alert)
    with pytest.raises(VaultSealed):
        ask_exposure(open_ticket(cast.rosa, Reads.ALERT_SITE, alert.id), alert)


def lose_role(person: Person) -> None:
    """No auditor any more."""
    User.objects.filter(id=person.user.id).update(role="partner")


def lose_account(person: Person) -> None:
    """Closed."""
    User.objects.filter(id=person.user.id).update(is_active=False)


@pytest.mark.parametrize("lose", [lose_role, lose_account])
def test_whoever_is_no_auditor_any_more_is_told_nothing_rather_than_nobody(
    cast: Cast, alert: Alert, lose: Callable[[Person], None]
) -> None:
    tickets = open_ticket(cast.aldo, Reads.EXPOSURE, alert.id), open_ticket(cast.aldo, Reads.ACCOUNT, uuid4())
    lose(cast.aldo)
    with pytest.raises(VaultSealed):
        ask_exposure(tickets[0], alert)
    with pytest.raises(VaultSealed):
        ask_account(tickets[1], uuid4())


@pytest.mark.parametrize("name", ["rosa", "ines", "pia", "anna", "adam", "mallory"])
def test_nobody_elses_ticket_answers(cast: Cast, alert: Alert, name: str) -> None:
    with pytest.raises(VaultSealed):
        ask_exposure(open_ticket(cast.everybody()[name], Reads.EXPOSURE, alert.id), alert)


def test_a_revoked_token_ends_the_question(cast: Cast, alert: Alert, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over HTTP: the token is revoked after the entry is written and before the vault is asked."""
    honest = read_exposure_with_ticket

    def revoke(*args: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")
            cursor.execute(
                "UPDATE accounts_token SET revoked_at = %s WHERE user_id = %s",
                [timezone.now(), cast.aldo.user.id],
            )
            cursor.execute("SET ROLE penumbra_web")
        return honest(*args)

    monkeypatch.setattr("monitor.privacy.door.exposure.read_exposure_with_ticket", revoke)
    answer = WebClient().as_(cast.aldo).get(f"/api/v1/audit/exposure?alert={alert.id}")
    assert (answer.status_code, answer.json()["code"]) == (503, "vault-sealed")


@pytest.mark.parametrize("shows", ["debug_print_parse", "debug_print_rewritten", "debug_print_plan"])
def test_the_statements_in_the_vault_are_not_shown_to_whoever_asks(
    cast: Cast, alert: Alert, shows: str
) -> None:
    """Any role may have its statements printed, those inside a function too: with the cells of a site in them."""
    WebClient().as_(cast.rosa).get(f"/api/v1/alerts/{alert.id}/site")
    ((row, col),) = SITE
    number = " ".join(str(byte) for byte in array("b", struct.pack("<i", row * 36000 + col)))
    told: list[str] = []
    connection.connection.add_notice_handler(lambda said: told.append(said.message_detail or ""))
    with connection.cursor() as cursor:
        cursor.execute(f"SET {shows} = on; SET client_min_messages = log")
        cursor.execute("SELECT 1")
        assert any(told)
        told.clear()
    assert ask_exposure(open_ticket(cast.aldo, Reads.EXPOSURE, alert.id), alert) >= 1
    actor = cast.rosa.user.pseudonym
    assert ask_account(open_ticket(cast.aldo, Reads.ACCOUNT, actor), actor) >= 1
    assert ask_days(open_ticket(cast.aldo, Reads.HARVEST, cast.east)) >= 1
    assert not [text for text in told if number in " ".join(text.split())]


# --- two worlds in the sealed log ----------------------------------------------------------------------------


RANDOM = {"id", "entry", "nonce", "at", "request_id"}


def read_log(layout: Layout) -> list[dict[str, Any]]:
    """The lines that the log has of one world, without what is random or of the clock.

    Keyed digests stand for content that differs: each is replaced by the order in which it first appears, so that a log
    in which equal answers can be told apart from unequal ones would still differ.
    """
    find_counters().reset()
    before = transaction.savepoint()
    world = build_world(layout)
    start = seal()
    act(world)
    lines = read_told(world.cast.aldo, start)
    transaction.savepoint_rollback(before)
    return lines


def read_told(auditor: Person, start: int) -> list[dict[str, Any]]:
    """The lines from `start` on, as `read_log` has them."""
    seal()
    content = WebClient().as_(auditor).get(f"/api/v1/audit/export?start={start}").content
    seen: dict[str, int] = {}
    lines = []
    for line in map(json.loads, content.splitlines()):
        if body := line.get("body"):
            told = {name: value for name, value in body.items() if name not in RANDOM}
            for name in ("answer", "cells"):
                if told.get(name):
                    told[name] = seen.setdefault(told[name], len(seen))
            lines.append(told)
    return lines


def seal() -> int:
    """Give every line its place. Returns the size of the log."""
    write_lines(1)
    with sealing() as sealer:
        return seal_all(sealer)[-1].head.size


@pytest.mark.django_db
def test_the_sealed_log_of_two_worlds_says_the_same() -> None:
    pair = draw_pair("counted", 20261120)
    with unhurried():
        one, other = read_log(lay_out(pair.one)), read_log(lay_out(pair.other))
    assert {"read.alert_site", "read.activity"} <= {line.get("action") for line in one}
    assert one == other


# --- tiles, which maps ask for in an order that is known ------------------------------------------------------

TILES = ("12/2275/2024", "12/2276/2024", "12/2275/2023")
"""Beside each other and one above: what `IN_TILES` says lies in each."""
IN_TILES = (
    [cell_at(20.005, 2.055), cell_at(20.015, 2.055)],
    [cell_at(20.075, 2.055)],
    [cell_at(20.015, 2.155)],
)


def look_at_map(cast: Cast, cells: list[tuple[int, int]]) -> tuple[list[int], list[Any]]:
    """A regulator looks at all tiles while these are the active cells: features of each, and what an auditor is told."""
    find_counters().reset()
    before = transaction.savepoint()
    put_cells(make_model(cast.anna.user), cells)
    alert = make_alert(cast.east, cells)
    start, web, since = seal(), WebClient(), timezone.now().isoformat().replace("+00:00", "Z")
    shown = [len(read_tile(web.as_(cast.rosa).get(f"/tiles/activity/{tile}.mvt").content)) for tile in TILES]
    told = read_told(cast.aldo, start)
    asked = {"role": "regulator", "since": since}
    entries = web.as_(cast.aldo).get("/api/v1/audit/entries", asked).json()["items"]
    exposures = web.as_(cast.aldo).get(f"/api/v1/audit/exposure?alert={alert.id}").json()["items"]
    (exposed,) = [each for each in exposures if each["actor"] == str(cast.rosa.user.pseudonym)]
    is_whole = exposed["first_at"] <= entries[-1]["at"], entries[0]["at"] <= exposed["last_at"]
    transaction.savepoint_rollback(before)
    return shown, [told, [entry["quantity"] for entry in entries], is_whole]


def test_what_lies_in_which_tile_of_a_map_is_not_told(cast: Cast) -> None:
    first, second, third = IN_TILES
    looks = [look_at_map(cast, cells) for cells in (first, second + third, [first[0], *second])]
    assert [shown for shown, _ in looks] == [[2, 0, 0], [0, 1, 1], [1, 1, 0]]
    assert [told for _, told in looks] == [looks[0][1]] * 3
    assert looks[0][1][1:] == [[1, 1, 1], (True, True)]
