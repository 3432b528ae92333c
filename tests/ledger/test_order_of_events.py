"""The order of events: an entry is committed before anything is read, outlives its request, and says what left."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.ledger.entry import Entry, Outcome
from accounts.ledger.keyed import keyed_digest
from accounts.ledger.writer import complete_entry, open_entry, recorded
from monitor.models import Alert, Inspection
from monitor.services.releases import publish_release
from tests.api.answers import assert_carries_a_place, assert_problem, cells_of, entry_of, outcomes_of
from tests.api.conftest import WebClient
from tests.builders import cell_at, make_alert, make_inspection, put_cells
from tests.cast import Cast, Person
from tests.ledger.conftest import Connection

LINES = (
    "SELECT e.action, c.outcome FROM ledger.entry e LEFT JOIN ledger.completion c ON c.entry_id = e.id"
    " WHERE e.request_id = %s ORDER BY e.at"
)


def test_a_request_that_is_rolled_back_keeps_its_record(
    web: WebClient, cast: Cast, alert: Alert, owner: Connection
) -> None:
    with transaction.atomic():
        read = web.as_(cast.rosa).get(f"/api/v1/alerts/{alert.id}/site")
        changed = web.as_(cast.rosa).post_json(f"/api/v1/alerts/{alert.id}/triage", {"decision": "confirm"})
        transaction.set_rollback(True)
    alert.refresh_from_db()
    assert alert.status == "raised"
    assert owner.execute(LINES, [read["X-Request-Id"]]).fetchall() == [("read.alert_site", "answered")]
    assert owner.execute(LINES, [changed["X-Request-Id"]]).fetchall()[0] == ("alert.triaged", "done")


def test_a_change_that_fails_keeps_its_record_and_says_so(
    web: WebClient, cast: Cast, inspection: Inspection, owner: Connection
) -> None:
    answer = web.as_(cast.rosa).post_json(
        f"/api/v1/alerts/{inspection.alert_id}/triage", {"decision": "confirm"}
    )
    assert answer.status_code == 409
    assert owner.execute(LINES, [answer["X-Request-Id"]]).fetchall() == [("alert.triaged", "failed")]


def test_a_reading_that_fails_keeps_its_record_and_tells_nothing(
    web: WebClient, cast: Cast, owner: Connection
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")
    with owner.transaction():
        owner.execute("LOCK TABLE release.batch IN ACCESS EXCLUSIVE MODE")
        answer = web.as_(cast.pia).get("/api/v1/activity")
    assert_problem(answer, 503, "database-unavailable")
    assert "Access-Receipt" not in answer
    assert owner.execute(LINES, [answer["X-Request-Id"]]).fetchall() == [("read.activity", "failed")]


def test_a_refusal_is_seen_from_another_connection_at_once(
    web: WebClient, cast: Cast, alert: Alert, owner: Connection
) -> None:
    answer = web.as_(cast.mallory).get(f"/api/v1/alerts/{alert.id}/site")
    assert owner.execute(LINES, [answer["X-Request-Id"]]).fetchall() == [("refuse.alertsite", "refused")]


def test_the_entry_is_committed_before_the_change_and_completed_after(db: None, owner: Connection) -> None:
    entry = Entry(None, "model.activate", "/test", uuid4())
    with recorded(entry):
        assert owner.execute(LINES, [entry.request_id]).fetchall() == [("model.activate", None)]
    assert owner.execute(LINES, [entry.request_id]).fetchall() == [("model.activate", "done")]


def test_the_time_of_an_entry_is_the_databases(db: None, owner: Connection) -> None:
    before = owner.execute("SELECT clock_timestamp()").fetchone()
    ticket = open_entry(Entry(None, "read.test", "/test", uuid4()))
    complete_entry(ticket, Outcome.ANSWERED)
    found = owner.execute(
        "SELECT e.at, c.at, clock_timestamp() FROM ledger.entry e JOIN ledger.completion c ON c.entry_id = e.id"
        " WHERE e.id = %s",
        [ticket.entry_id],
    ).fetchone()
    assert before is not None
    assert found is not None
    assert before[0] < found[0] < found[1] < found[2]


def test_the_answers_digest_is_keyed_and_each_entry_has_a_nonce_of_its_own(
    web: WebClient, cast: Cast, alert: Alert, owner: Connection
) -> None:
    answers = [web.as_(cast.rosa).get(f"/api/v1/alerts/{alert.id}/site") for _ in range(2)]
    rows = [
        owner.execute(
            "SELECT c.answer_digest, e.nonce FROM ledger.entry e JOIN ledger.completion c ON c.entry_id = e.id"
            " WHERE e.id = %s",
            [entry_of(answer)],
        ).fetchone()
        for answer in answers
    ]
    assert rows[0] is not None
    assert rows[1] is not None
    features = answers[0].content.partition(b'"features":[')[2].removesuffix(b"]}")
    assert rows[0][0] == rows[1][0] == keyed_digest(features)
    assert rows[0][1] != rows[1][1]


# --- reconciliation -----------------------------------------------------------------------------------------


def read_disclosed(owner: Connection, since: Any) -> dict[str, list[int]]:
    """The cells of every entry since a moment, by the entry's id."""
    found = owner.execute(
        "SELECT d.entry_id::text, d.cells FROM ledger.disclosure d JOIN ledger.entry e ON e.id = d.entry_id"
        " WHERE e.at >= %s",
        [since],
    ).fetchall()
    return dict(found)


def read_pages(web: WebClient, person: Person, url: str) -> dict[str, list[int]]:
    """The cells of every page of an answer, by entry."""
    client, received = web.as_(person), {}
    following: str | None = url
    while following:
        answer = client.get(following)
        received[str(assert_carries_a_place(answer))] = cells_of(answer)
        following = answer.json()["next"]
    return received


@pytest.fixture
def country(cast: Cast, model: UUID) -> dict[str, Any]:
    """Cells in both regions, some of them sites with alerts, and an inspection of one in the east."""
    east = [cell_at(20.005 + i / 100, 2.005 + j / 100) for i in range(4) for j in range(6)]
    west = [cell_at(19.605 + i / 100, 2.105) for i in range(5)]
    put_cells(model, east)
    put_cells(model, west, state="suspected")
    alert = make_alert(cast.east, east[3:9])
    return {
        "alert": alert,
        "western": make_alert(cast.west, west[:2]),
        "inspection": make_inspection(alert, cast.ines.user, cast.rosa.user),
    }


def test_what_clients_received_is_what_the_ledger_holds_cell_by_cell_and_both_ways(
    web: WebClient, cast: Cast, country: dict[str, Any], owner: Connection
) -> None:
    publish_release(date(2026, 11, 20))
    since = timezone.now() - timedelta(milliseconds=1)
    received: dict[str, list[int]] = {}
    for person, url in (
        (cast.rosa, "/api/v1/activity?limit=7"),
        (cast.otis, "/api/v1/activity"),
        (cast.anna, "/api/v1/activity?limit=10&state=suspected"),
        (cast.rosa, "/api/v1/activity?bbox=20.01,2.01,20.02,2.03"),
        (cast.rosa, f"/api/v1/alerts/{country['alert'].id}/site"),
        (cast.otis, f"/api/v1/alerts/{country['western'].id}/site"),
        (cast.ines, f"/api/v1/inspections/{country['inspection'].id}/site"),
    ):
        received |= read_pages(web, person, url)
    # what is refused, empty, coarse or placeless discloses no cell
    for person, url in (
        (cast.otis, f"/api/v1/alerts/{country['alert'].id}/site"),
        (cast.ivo, f"/api/v1/inspections/{country['inspection'].id}/site"),
        (cast.pia, "/api/v1/activity"),
        (cast.rosa, "/api/v1/activity?state=quiet"),
        (cast.rosa, "/api/v1/alerts"),
        (cast.aldo, "/api/v1/audit/entries"),
    ):
        assert web.as_(person).get(url).status_code in {200, 404}
    assert len(received) == 10
    assert read_disclosed(owner, since) == received


def test_every_answer_counts_what_left(
    web: WebClient, cast: Cast, country: dict[str, Any], owner: Connection
) -> None:
    publish_release(date(2026, 11, 20))
    for person, url in (
        (cast.rosa, "/api/v1/activity?limit=7"),
        (cast.rosa, "/api/v1/activity?state=quiet"),
        (cast.pia, "/api/v1/activity"),
        (cast.ines, f"/api/v1/inspections/{country['inspection'].id}/site"),
    ):
        answer = web.as_(person).get(url)
        assert outcomes_of(answer)[0][1] == "answered"
        counted = owner.execute(
            "SELECT quantity FROM ledger.completion WHERE entry_id = %s", [entry_of(answer)]
        ).fetchone()
        assert counted == (len(answer.json()["features"]),)


def test_what_left_of_the_published_is_digested_row_by_row(
    web: WebClient, cast: Cast, country: dict[str, Any], owner: Connection
) -> None:
    publish_release(date(2026, 11, 20))
    answers = [
        web.as_(cast.pia).get(url)
        for url in ("/api/v1/activity", "/api/v1/activity", f"/api/v1/regions/{cast.east}/summary")
    ]
    page, again, summary = (
        owner.execute(
            "SELECT answer_digest FROM ledger.completion WHERE entry_id = %s", [entry_of(answer)]
        ).fetchone()
        for answer in answers
    )
    rows = [feature["properties"] for feature in answers[0].json()["features"]]
    lines = []
    for row in rows:
        days = (date.fromisoformat(f"{row['period']}-01") - date(1970, 1, 1)).days
        place = f"2 {row['level'][1]} {row['row']} {row['col']} {days}"
        lines.append(
            f"{place} {row['band']} {row['trend']} {row['observed']} {str(row['part'] == 'whole').lower()}"
        )
    assert rows
    text = "\n".join(lines)
    assert page == again == (keyed_digest(text.encode()),)
    assert summary not in {page, ("",)}
