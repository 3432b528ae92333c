"""`/api/v1/audit/...` once months were archived: what is no longer in the tables is never passed over in silence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from accounts.ledger.entry import Entry
from accounts.ledger.writer import open_entry
from monitor.models import Alert
from tests.api.answers import assert_problem
from tests.api.conftest import WebClient
from tests.cast import Cast
from tests.ledger.sealers import seal_all, sealing

AUDIT = "/api/v1/audit"


@pytest.fixture
def archived(db: None) -> UUID:
    """The id of an entry in an archive; all months before this one were archived. Rolled back with the test."""
    open_entry(Entry(None, "read.test", "/test", uuid4()))
    with sealing() as sealer:
        size = seal_all(sealer)[-1].head.size
    identifier = uuid4()
    statements: list[tuple[str, list[Any]]] = [
        (
            "INSERT INTO ledger.leaf (index, kind, entry_id, hash) VALUES (%s, 'entry', %s, %s)",
            [size, identifier, bytes(32)],
        ),
        (
            "INSERT INTO ledger.checkpoint (size, root, edge, note, horizon, cluster) VALUES (%s, %s, '{}', '', '0', 0)",
            [size + 1, bytes(32)],
        ),
        (
            "INSERT INTO ledger.archive (size, start, name, digest) VALUES (%s, 0, 'old.jsonl', %s)",
            [size + 1, bytes(32)],
        ),
        (
            "INSERT INTO ledger.archived_month VALUES ((date_trunc('month', now()) - interval '1 month')::date, %s, 1, 0)",
            [size + 1],
        ),
    ]
    with connection.cursor() as cursor:
        for statement, values in statements:
            cursor.execute(statement, values)
    return identifier


@pytest.mark.parametrize("since", [None, timedelta(days=40)])
def test_a_question_that_reaches_into_archived_months_says_from_when_on_to_ask(
    web: WebClient, cast: Cast, alert: Alert, archived: UUID, since: timedelta | None
) -> None:
    begins = {"since": (datetime.now(UTC) - since).isoformat()} if since else {}
    account = f"accounts/{cast.rosa.user.pseudonym}"
    asked = {"exposure": {"alert": str(alert.id)}, account: {}, "warnings": {}}
    first = f"{datetime.now(UTC):%Y-%m}-01T00:00:00Z"
    for path, query in asked.items():
        answer = web.as_(cast.aldo).get(f"{AUDIT}/{path}", {**query, **begins})
        assert_problem(answer, 400, "period-archived")
        assert f"since={first}" in answer.json()["detail"]
        answer = web.as_(cast.aldo).get(f"{AUDIT}/{path}", {**query, "since": first})
        assert answer.status_code == 200, answer.content


@pytest.mark.parametrize("since", [None, timedelta(days=40)])
def test_the_list_of_entries_says_that_older_ones_are_in_archives(
    web: WebClient, cast: Cast, archived: UUID, since: timedelta | None
) -> None:
    client, first = web.as_(cast.aldo), f"{datetime.now(UTC):%Y-%m}-01T00:00:00Z"
    query = {"limit": "1"} | ({"since": (datetime.now(UTC) - since).isoformat()} if since else {})
    for _ in range(2):
        client.get(f"{AUDIT}/entries", {"limit": "1"})
    page = client.get(f"{AUDIT}/entries", query).json()
    assert (len(page["items"]), page["archived_before"]) == (1, first)
    assert client.get(page["next"]).json()["archived_before"] == first
    page = client.get(f"{AUDIT}/entries", {**query, "since": first}).json()
    assert (len(page["items"]), page["archived_before"]) == (1, None)


def test_a_word_that_may_stand_in_archives_is_not_told_as_one_that_no_line_ever_had(
    web: WebClient, cast: Cast, archived: UUID
) -> None:
    """Whatever time is asked about: lines of archived months are not looked at."""
    client, first = web.as_(cast.aldo), f"{datetime.now(UTC):%Y-%m}-01T00:00:00Z"
    client.get(f"{AUDIT}/entries")
    for action, told in (("read.nowhere", ["action"]), ("read.entries", [])):
        query = {"action": action, "since": first, "until": f"{first[:-1]}.000001Z"}
        page = client.get(f"{AUDIT}/entries", query).json()
        assert (page["items"], page["unheard_of"]) == ([], told)
        assert page["archived_before"] == (first if told else None)


def test_a_list_of_archived_months_alone_is_refused_rather_than_empty(
    web: WebClient, cast: Cast, archived: UUID
) -> None:
    first = f"{datetime.now(UTC):%Y-%m}-01T00:00:00Z"
    answer = web.as_(cast.aldo).get(f"{AUDIT}/entries", {"until": first})
    assert_problem(answer, 400, "period-archived")
    assert "files of archives: old.jsonl" in answer.json()["detail"]
    after = (datetime.fromisoformat(first) + timedelta(microseconds=1)).isoformat()
    assert web.as_(cast.aldo).get(f"{AUDIT}/entries", {"until": after}).status_code == 200


def test_without_archives_the_list_of_entries_names_none(web: WebClient, cast: Cast) -> None:
    assert web.as_(cast.aldo).get(f"{AUDIT}/entries").json()["archived_before"] is None


def test_the_proof_of_an_archived_entry_names_its_file(web: WebClient, cast: Cast, archived: UUID) -> None:
    answer = web.as_(cast.aldo).get(f"{AUDIT}/proof/inclusion", {"entry": str(archived)})
    assert_problem(answer, 404, "archived")
    assert "old.jsonl, lines 0 to" in answer.json()["detail"]


def test_an_export_cannot_begin_among_archived_lines(web: WebClient, cast: Cast, archived: UUID) -> None:
    for form in ("log", "ocsf"):
        answer = web.as_(cast.aldo).get(f"{AUDIT}/export", {"start": 0, "form": form})
        assert_problem(answer, 400, "no-such-start")
        assert "old.jsonl" in answer.json()["detail"]
