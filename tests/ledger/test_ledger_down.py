"""No entry, no answer: where the ledger cannot be written, every question is 503, nothing is read and nothing changes.

The failures are real: a wrong password, a locked table, a right taken away; at the entry and at the completion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection

from accounts.ledger.connection import close_ledger_connections
from monitor.models import Alert, Finding, Inspection, Scene
from monitor.services.releases import publish_release
from tests.api.answers import assert_problem
from tests.api.conftest import WebClient
from tests.builders import make_stac_item
from tests.cast import Cast
from tests.ledger.conftest import Connection

Failure = Callable[[Connection, LazySettings], AbstractContextManager[None]]
PLACES = (b"20.1", b"2.1", b"coordinates", b"Feature", b"row", b"band")


@pytest.fixture(autouse=True)
def _impatient(settings: LazySettings) -> Iterator[None]:
    """Requests wait for the ledger for one second; connections do not outlive the test."""
    settings.LEDGER_TIMEOUT_S = 1
    close_ledger_connections()
    yield
    close_ledger_connections()


@contextmanager
def wrong_password(owner: Connection, settings: LazySettings) -> Iterator[None]:
    """The writer cannot sign in."""
    settings.LEDGER_PASSWORD = "not the password"
    close_ledger_connections()
    yield


@contextmanager
def locked_entries(owner: Connection, settings: LazySettings) -> Iterator[None]:
    """Somebody holds the table of entries."""
    with owner.transaction():
        owner.execute("LOCK TABLE ledger.entry IN EXCLUSIVE MODE")
        yield


@contextmanager
def locked_completions(owner: Connection, settings: LazySettings) -> Iterator[None]:
    """Somebody holds the table of completions: entries can be opened and not completed."""
    with owner.transaction():
        owner.execute("LOCK TABLE ledger.completion IN EXCLUSIVE MODE")
        yield


@contextmanager
def refused_insert(owner: Connection, settings: LazySettings) -> Iterator[None]:
    """The writer has lost its rights."""
    owner.execute("REVOKE USAGE ON SCHEMA ledger FROM penumbra_ledger")
    try:
        yield
    finally:
        owner.execute("GRANT USAGE ON SCHEMA ledger TO penumbra_ledger")


BEFORE = [wrong_password, locked_entries, refused_insert]


def assert_told_nothing(answer: Any) -> None:
    """503, as a problem, without a place or a receipt."""
    problem = assert_problem(answer, 503, "ledger-unavailable")
    assert "Access-Receipt" not in answer
    assert not [place for place in PLACES if place in answer.content]
    assert "password" not in problem["detail"]


def count_spent() -> int:
    """Tickets that the vault has taken."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM vault.spent_ticket")
        return int(cursor.fetchone()[0])


@pytest.fixture
def questions(web: WebClient, cast: Cast, inspection: Inspection) -> list[tuple[WebClient, str]]:
    """Every address that tells anything, with somebody who may ask there."""
    alert = f"/api/v1/alerts/{inspection.alert_id}"
    publish_release(date(2026, 11, 20))
    return [
        (web.as_(person), url)
        for person, url in (
            (cast.rosa, "/api/v1/activity"),
            (cast.anna, "/api/v1/activity?state=active"),
            (cast.pia, "/api/v1/activity"),
            (cast.rosa, f"{alert}/site"),
            (cast.ines, f"/api/v1/inspections/{inspection.id}/site"),
            (cast.rosa, "/api/v1/alerts"),
            (cast.rosa, alert),
            (cast.rosa, f"{alert}/history"),
            (cast.ines, "/api/v1/inspections"),
            (cast.ines, f"/api/v1/inspections/{inspection.id}"),
            (cast.rosa, f"/api/v1/inspections/{inspection.id}/findings"),
            (cast.finn, "/api/v1/scenes"),
            (cast.anna, "/api/v1/models"),
            (cast.pia, "/api/v1/releases"),
            (cast.aldo, "/api/v1/audit/entries"),
        )
    ]


@pytest.mark.parametrize("failure", [wrong_password, refused_insert])
def test_without_an_entry_no_question_is_answered_and_the_vault_is_not_asked(
    questions: list[tuple[WebClient, str]], owner: Connection, settings: LazySettings, failure: Failure
) -> None:
    assert [client.get(url).status_code for client, url in questions] == [200] * len(questions)
    spent = count_spent()
    # signing in is tried for a second by each question, so the slow failure is shown where places are
    asked = questions[:5] if failure is wrong_password else questions
    with failure(owner, settings):
        for client, url in asked:
            assert_told_nothing(client.get(url))
    assert count_spent() == spent


@pytest.mark.parametrize("index", range(5))
def test_a_locked_ledger_is_waited_for_a_second_and_no_longer(
    questions: list[tuple[WebClient, str]], owner: Connection, settings: LazySettings, index: int
) -> None:
    client, url = questions[index]
    spent = count_spent()
    with locked_entries(owner, settings):
        assert_told_nothing(client.get(url))
    assert count_spent() == spent
    assert client.get(url).status_code == 200


@pytest.mark.parametrize("index", range(5))
def test_an_answer_whose_completion_cannot_be_written_is_not_sent(
    questions: list[tuple[WebClient, str]], owner: Connection, settings: LazySettings, index: int
) -> None:
    client, url = questions[index]
    with locked_completions(owner, settings):
        answer = client.get(url)
        assert_told_nothing(answer)
    entry = owner.execute(
        "SELECT c.entry_id FROM ledger.entry e LEFT JOIN ledger.completion c ON c.entry_id = e.id WHERE e.request_id = %s",
        [answer["X-Request-Id"]],
    ).fetchall()
    assert entry == [(None,)]  # it counts as full disclosure


def test_a_refusal_that_cannot_be_recorded_is_503_too(
    web: WebClient, cast: Cast, alert: Alert, owner: Connection, settings: LazySettings
) -> None:
    with refused_insert(owner, settings):
        assert_told_nothing(web.as_(cast.otis).get(f"/api/v1/alerts/{alert.id}/site"))
        assert_told_nothing(web.as_(cast.pia).get(f"/api/v1/alerts/{alert.id}/site"))


def test_without_an_entry_nothing_is_changed(
    web: WebClient,
    cast: Cast,
    inspection: Inspection,
    western_alert: Alert,
    owner: Connection,
    settings: LazySettings,
) -> None:
    report = {"id": str(inspection.id), "kind": "active", "observed_on": "2026-01-01"}
    with refused_insert(owner, settings):
        for person, url, body in (
            (cast.otis, f"/api/v1/alerts/{western_alert.id}/triage", {"decision": "confirm"}),
            (cast.ines, f"/api/v1/inspections/{inspection.id}/close", {}),
            (cast.ines, f"/api/v1/inspections/{inspection.id}/findings", report),
        ):
            assert_told_nothing(web.as_(person).post_json(url, body))
    inspection.refresh_from_db()
    western_alert.refresh_from_db()
    assert (inspection.status, western_alert.status) == ("accepted", "raised")
    assert not Finding.objects.exists()


def test_a_change_that_the_ledger_cannot_complete_is_said_to_be_made(
    web: WebClient, cast: Cast, western_alert: Alert, owner: Connection, settings: LazySettings
) -> None:
    triage = f"/api/v1/alerts/{western_alert.id}/triage"
    with locked_completions(owner, settings):
        answer = web.as_(cast.otis).post_json(triage, {"decision": "confirm"})
    assert "This was done" in assert_problem(answer, 503, "ledger-unavailable")["detail"]
    western_alert.refresh_from_db()
    assert western_alert.status == "triaged"
    left = owner.execute(
        "SELECT e.action, c.outcome FROM ledger.entry e LEFT JOIN ledger.completion c ON c.entry_id = e.id"
        " WHERE e.request_id = %s",
        [answer["X-Request-Id"]],
    ).fetchall()
    assert left == [("alert.triaged", None)]


def test_who_somebody_is_and_signs_of_life_need_no_ledger(
    web: WebClient, cast: Cast, owner: Connection, settings: LazySettings
) -> None:
    with refused_insert(owner, settings):
        assert web.as_(cast.rosa).get("/api/v1/me").status_code == 200
        assert web.get("/healthz").status_code == 200


def test_a_scene_that_was_taken_in_can_be_handed_in_again_when_the_ledger_is_back(
    web: WebClient, cast: Cast, owner: Connection, settings: LazySettings
) -> None:
    client, item = web.as_(cast.finn), make_stac_item()
    with refused_insert(owner, settings):
        assert_told_nothing(client.post_json("/api/v1/scenes", item))
    assert client.post_json("/api/v1/scenes", item).status_code == 202
    assert Scene.objects.count() == 1
