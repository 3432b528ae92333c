"""`/api/v1/audit/entries`: who asked what, how sharply and why, for an auditor; and never a place."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from accounts.ledger.keyed import keyed_reference
from monitor.models import Alert, Inspection
from tests.api.answers import assert_problem, entry_of, ledger_of, outcomes_of
from tests.api.conftest import EASTERN_SITE, WebClient
from tests.cast import Cast
from tests.chance import leave_chance_out

URL = "/api/v1/audit/entries"
FIELDS = {
    "id", "at", "actor", "organisation", "role", "purpose", "purpose_text", "action", "endpoint", "level", "rule",
    "policy_version", "regions", "objects", "request_id", "outcome", "completed_at", "quantity",
}  # fmt: skip


def read_all(web: WebClient, cast: Cast, **query: Any) -> list[dict[str, Any]]:
    """All entries that Aldo gets for a question, page by page."""
    client, rows = web.as_(cast.aldo), []
    answer = client.get(URL, query)
    while True:
        assert answer.status_code == 200, answer.content
        rows += answer.json()["items"]
        if answer.json()["next"] is None:
            return rows
        answer = client.get(answer.json()["next"])


def test_an_auditor_learns_who_asked_what_why_how_sharply_and_how_much_left(
    web: WebClient, cast: Cast, alert: Alert
) -> None:
    answer = web.as_(cast.rosa).get(f"/api/v1/alerts/{alert.id}/site")
    (entry,) = read_all(web, cast, actor=str(cast.rosa.user.pseudonym))
    assert entry.keys() == FIELDS
    assert (entry["id"], entry["action"], entry["endpoint"]) == (
        str(entry_of(answer)),
        "read.alert_site",
        "/api/v1/alerts/{id}/site",
    )
    assert (entry["role"], entry["purpose"], entry["purpose_text"]) == (
        "regulator",
        "inspection-planning",
        "week 7",
    )
    assert (entry["level"], entry["rule"], entry["quantity"]) == (0, "exact-site-in-mandate", 2)
    assert (entry["outcome"], entry["regions"]) == ("answered", [str(cast.east)])
    assert entry["objects"] == [keyed_reference(alert.id)]


def test_an_empty_list_says_whether_the_words_are_known_at_all(
    web: WebClient, cast: Cast, alert: Alert
) -> None:
    web.as_(cast.rosa).get(f"/api/v1/alerts/{alert.id}/site")
    web.as_(cast.pia).get("/api/v1/activity")
    rosa, later = str(cast.rosa.user.pseudonym), "2199-01-01"

    def ask(**query: Any) -> dict[str, Any]:
        answer: dict[str, Any] = web.as_(cast.aldo).get(URL, query).json()
        return answer

    nobody = str(uuid4())
    misspelt = ask(
        action="read.alert_sight", actor=nobody, organisation=nobody, region=nobody, role="regulator"
    )
    assert (misspelt["items"], misspelt["unheard_of"]) == ([], ["actor", "organisation", "action", "region"])
    # each is known, and nothing is found: it did not happen in that time
    quiet = ask(
        action="read.alert_site",
        actor=rosa,
        organisation=str(cast.pia.user.organisation_id),
        region=str(cast.east),
        since=later,
    )
    assert (quiet["items"], quiet["unheard_of"]) == ([], [])
    # known, but not of this person
    assert ask(action="read.alert_site", actor=str(cast.aldo.user.pseudonym))["unheard_of"] == []
    assert ask(action="read.alert_site")["unheard_of"] == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("entries?actor=rosa", "A name is none."),
        ("entries?region=Northmark", "A name is none."),
        ("entries?level=L0", "Write 0 for exact"),
        ("exposure?alert=Northmark", "A name is none."),
    ],
)
def test_who_writes_a_name_where_lines_have_an_id_is_told_so(
    web: WebClient, cast: Cast, query: str, said: str
) -> None:
    answer = web.as_(cast.aldo).get(f"/api/v1/audit/{query}")
    assert_problem(answer, 400, "invalid")
    assert said in answer.json()["errors"][0]["detail"]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    else:
        yield str(value)


def test_entries_hold_no_cell_no_coordinate_and_no_open_id(
    web: WebClient, cast: Cast, inspection: Inspection
) -> None:
    web.as_(cast.rosa).get("/api/v1/activity?bbox=20.1,2.1,20.12,2.11&min_probability=0.5")
    web.as_(cast.rosa).get(f"/api/v1/alerts/{inspection.alert_id}/site")
    web.as_(cast.ines).get(f"/api/v1/inspections/{inspection.id}/site")
    rows = [
        row
        for person in (cast.rosa, cast.ines)
        for row in read_all(web, cast, actor=str(person.user.pseudonym))
    ]
    assert len(rows) == 3
    numbers = {str(n) for row, col in EASTERN_SITE for n in (row, col, row * 36000 + col)}
    told = {text for row in rows for text in _texts(row)}
    assert not told & numbers
    assert not [
        text for text in map(leave_chance_out, told) if "20.1" in text or "2.1," in text or "bbox" in text
    ]
    assert not told & {str(inspection.alert_id), str(inspection.id), "rosa", "ines"}


def test_what_an_auditor_reads_is_an_entry_too(web: WebClient, cast: Cast) -> None:
    answer = web.as_(cast.aldo).get(URL)
    (line,) = ledger_of(answer)
    assert (line.action, line.outcome, line.role) == ("read.entries", "answered", "auditor")
    assert line.quantity == len(answer.json()["items"])


def test_a_refusal_can_be_found_by_its_outcome(web: WebClient, cast: Cast, alert: Alert) -> None:
    web.as_(cast.pia).get(f"/api/v1/alerts/{alert.id}/site")
    (entry,) = read_all(web, cast, actor=str(cast.pia.user.pseudonym), outcome="refused")
    assert (entry["action"], entry["organisation"]) == (
        "refuse.alertsite",
        str(cast.pia.user.organisation_id),
    )


def test_an_entry_without_completion_is_shown_as_open(web: WebClient, cast: Cast) -> None:
    actor = uuid4()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ledger.entry (id, nonce, actor, role, action, endpoint, request_id)"
            " VALUES (gen_random_uuid(), decode(repeat('00', 16), 'hex'), %s, 'regulator', 'read.activity', 'x', %s)",
            [actor, uuid4()],
        )
    (entry,) = read_all(web, cast, actor=str(actor), outcome="open")
    assert (entry["outcome"], entry["quantity"], entry["completed_at"]) == ("open", None, None)


def test_entries_are_filtered_by_each_word(web: WebClient, cast: Cast, alert: Alert) -> None:
    answer = web.as_(cast.rosa).get(f"/api/v1/alerts/{alert.id}/site")
    web.as_(cast.rosa).get("/api/v1/alerts?status=closed")
    actor = {"actor": str(cast.rosa.user.pseudonym)}
    site = str(entry_of(answer))
    at = next(row["at"] for row in read_all(web, cast, **actor) if row["id"] == site)

    def found(**query: str) -> list[str]:
        return [row["id"] for row in read_all(web, cast, **actor, **query)]

    assert found(action="read.alert_site") == [site]
    assert found(until=at) == []
    assert found(since=at)[-1] == site
    assert len(found(since=at)) == len(found(role="regulator")) == len(found(region=str(cast.east))) == 2
    assert found(purpose="inspection-planning", level="0") == [site]
    assert found(purpose="field-visit") == found(level="2") == found(organisation=str(uuid4())) == []
    assert found(region=str(cast.west)) == found(role="partner") == found(outcome="failed") == []


def test_pages_of_entries_follow_each_other_newest_first_without_gap_or_overlap(
    web: WebClient, cast: Cast
) -> None:
    for _ in range(5):
        web.as_(cast.rosa).get("/api/v1/alerts")
    actor = str(cast.rosa.user.pseudonym)
    whole, paged = read_all(web, cast, actor=actor), read_all(web, cast, actor=actor, limit=2)
    assert paged == whole
    assert len(whole) == 5
    times = [datetime.fromisoformat(row["at"]) for row in whole]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("name", ["rosa", "ines", "pia", "anna", "adam", "finn", "mallory"])
def test_nobody_but_an_auditor_reads_entries(web: WebClient, cast: Cast, name: str) -> None:
    answer = web.as_(cast.everybody()[name]).get(URL)
    assert_problem(answer, 403, "not-permitted")
    assert outcomes_of(answer) == [("refuse.auditentries", "refused")]


@pytest.mark.parametrize(
    "path",
    [
        "/activity",
        "/alerts",
        "/alerts/{alert}",
        "/alerts/{alert}/history",
        "/alerts/{alert}/site",
        "/inspections",
        "/inspections/{inspection}",
        "/inspections/{inspection}/site",
        "/scenes",
        "/models",
    ],
)
def test_an_auditor_sees_no_place_and_nothing_that_leads_to_one(
    web: WebClient, cast: Cast, inspection: Inspection, path: str
) -> None:
    url = "/api/v1" + path.format(alert=inspection.alert_id, inspection=inspection.id)
    assert_problem(web.as_(cast.aldo).get(url), 403, "not-permitted")


@pytest.mark.parametrize(
    "query",
    [
        "actor=rosa",
        "action=DROP",
        "action=read",
        "action=read.activity%0ax",
        "region=x",
        "since=yesterday",
        "since=%D9%A2%D9%A0%D9%A2%D9%A6-09-01T00:00:00Z",
        "until=9999",
        "outcome=ok",
        "role=" + "r" * 17,
        "limit=0",
        "cursor=x",
        "endpoint=/x",
        "object=1",
        "since=0001-01-01T00:00:00%2b23:59",
        "role=%00",
        "purpose=curiosity",
        "level=4",
        "organisation=x",
        "role=boss",
    ],
)
def test_what_is_not_understood_is_400(web: WebClient, cast: Cast, query: str) -> None:
    assert_problem(web.as_(cast.aldo).get(f"{URL}?{query}"), 400)


def test_an_unknown_actor_has_no_entries(web: WebClient, cast: Cast) -> None:
    assert read_all(web, cast, actor=str(UUID(int=0))) == []


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("outcome=denied", "outcome", "One of: open, answered, refused, failed, done."),
        ("role=boss", "role", "One of: regulator, inspector, partner, auditor"),
        ("purpose=curiosity", "purpose", "One of: inspection-planning"),
        ("action=read", "action", "such as read.activity"),
        ("since=2026-11-01T00:00:00+02:00", "since", "the + of a zone is written %2B"),
        ("since=2026-11-29&until=2026-11-20", "until", "later than `since`"),
    ],
)
def test_what_is_wrong_in_a_question_is_said_with_what_would_be_right(
    web: WebClient, cast: Cast, query: str, field: str, words: str
) -> None:
    problem = assert_problem(web.as_(cast.aldo).get(f"{URL}?{query}"), 400, "invalid")
    assert [error["field"] for error in problem["errors"]] == [field]
    assert words in problem["errors"][0]["detail"]


@pytest.mark.parametrize("path", ["entries?", "exposure?alert={alert}&", "accounts/{actor}?", "warnings?"])
def test_a_time_that_ends_before_it_begins_is_refused_rather_than_answered_with_nobody(
    web: WebClient, cast: Cast, alert: Alert, path: str
) -> None:
    url = f"/api/v1/audit/{path.format(alert=alert.id, actor=cast.rosa.user.pseudonym)}"
    client = web.as_(cast.aldo)
    for until in ("2026-11-20T00:00:00Z", "2026-11-29T00:00:00Z"):
        assert_problem(client.get(f"{url}since=2026-11-29T00:00:00Z&until={until}"), 400, "invalid")
    assert client.get(f"{url}since=2026-11-20&until=2026-11-29T00:00:00").status_code == 200


def test_lines_about_nobody_are_found_by_their_role(web: WebClient, cast: Cast) -> None:
    web.get("/api/v1/me", HTTP_AUTHORIZATION="Token pen_nothing")
    assert {row["role"] for row in read_all(web, cast, role="anonymous")} == {"anonymous"}
