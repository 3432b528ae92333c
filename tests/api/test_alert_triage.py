"""`POST /api/v1/alerts/{id}/triage`: confirm an alert or dismiss it with a reason, once, on the record."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from monitor.models import Alert, Inspection
from tests.api.answers import assert_problem, outcomes_of, outward_of
from tests.api.conftest import WebClient
from tests.builders import make_alert
from tests.cast import Cast

CONFIRM = {"decision": "confirm"}
DISMISS = {"decision": "dismiss", "reason": "river_bank"}


def triage(web: WebClient, alert_id: UUID, body: Any, **headers: str) -> Any:
    """Post a decision about an alert."""
    return web.post_json(f"/api/v1/alerts/{alert_id}/triage", body, **headers)


def moves_of(alert: Alert) -> list[tuple[str, str, str | None]]:
    """Status, reason and mover of each step."""
    return list(alert.moves.values_list("status", "reason", "moved_by__username"))


def test_a_confirmed_alert_is_triaged_and_its_history_says_by_whom(
    web: WebClient, cast: Cast, alert: Alert
) -> None:
    answer = triage(web.as_(cast.rosa), alert.id, CONFIRM)
    assert (answer.status_code, answer.json()["status"]) == (200, "triaged")
    assert moves_of(alert) == [("raised", "", None), ("triaged", "", "rosa")]
    assert outcomes_of(answer) == [("alert.triaged", "done"), ("read.alert", "answered")]


def test_a_dismissed_alert_keeps_its_reason_and_makes_room_for_the_next_one(
    web: WebClient, cast: Cast, alert: Alert
) -> None:
    answer = triage(web.as_(cast.rosa), alert.id, DISMISS)
    assert (answer.json()["status"], answer.json()["dismissal"]) == ("dismissed", "river_bank")
    assert moves_of(alert)[-1] == ("dismissed", "river_bank", "rosa")
    with connection.cursor() as cursor:
        cursor.execute("SELECT is_open FROM vault.alert_site WHERE alert_id = %s", [alert.id])
        assert cursor.fetchone() == (False,)


def test_a_triaged_alert_can_still_be_dismissed(web: WebClient, cast: Cast, alert: Alert) -> None:
    client = web.as_(cast.rosa)
    assert (
        triage(client, alert.id, CONFIRM).status_code == triage(client, alert.id, DISMISS).status_code == 200
    )


@pytest.mark.parametrize("status", ["triaged", "assigned", "visited", "closed"])
def test_an_alert_that_is_past_it_cannot_be_confirmed(web: WebClient, cast: Cast, status: str) -> None:
    alert = make_alert(cast.east, [], status)
    answer = triage(web.as_(cast.rosa), alert.id, CONFIRM)
    assert_problem(answer, 409, "not-now")
    assert outcomes_of(answer) == [("alert.triaged", "failed")]
    alert.refresh_from_db()
    assert (alert.status, len(moves_of(alert))) == (status, 1)


@pytest.mark.parametrize("status", ["assigned", "visited", "closed"])
def test_an_alert_that_is_past_it_cannot_be_dismissed(web: WebClient, cast: Cast, status: str) -> None:
    alert = make_alert(cast.east, [], status)
    assert_problem(triage(web.as_(cast.rosa), alert.id, DISMISS), 409, "not-now")


def test_an_alert_that_somebody_inspects_stays_assigned(
    web: WebClient, cast: Cast, inspection: Inspection
) -> None:
    for body in (CONFIRM, DISMISS):
        assert_problem(triage(web.as_(cast.rosa), inspection.alert_id, body), 409, "not-now")
    inspection.alert.refresh_from_db()
    assert inspection.alert.status == "assigned"


def test_a_hidden_alert_is_triaged_exactly_like_one_that_does_not_exist(
    web: WebClient, cast: Cast, western_alert: Alert
) -> None:
    client = web.as_(cast.rosa)
    hidden, absent = triage(client, western_alert.id, CONFIRM), triage(client, uuid4(), CONFIRM)
    assert_problem(hidden, 404, "not-found")
    assert outward_of(hidden) == outward_of(absent)
    assert outcomes_of(hidden) == outcomes_of(absent) == [("refuse.alerttriage", "refused")]
    western_alert.refresh_from_db()
    assert western_alert.status == "raised"


def test_a_repeated_post_with_the_same_key_gets_the_first_answer_and_moves_once(
    web: WebClient, cast: Cast, alert: Alert
) -> None:
    client = web.as_(cast.rosa)
    first = triage(client, alert.id, CONFIRM, HTTP_IDEMPOTENCY_KEY="a")
    again = triage(client, alert.id, CONFIRM, HTTP_IDEMPOTENCY_KEY="a")
    assert outward_of(again) == outward_of(first)
    assert len(moves_of(alert)) == 2


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "confirm",
        None,
        7,
        {"decision": "perhaps"},
        {"decision": "dismiss"},
        {"decision": "dismiss", "reason": "bored"},
        {"decision": "confirm", "reason": "cloud"},
        {"decision": "confirm", "note": "by the bridge"},
        {"decision": ["confirm"]},
        {"decision": {}},
        {"decision": None},
        {"decision": True},
        {"decision": "confirm\x00"},
    ],
)
def test_what_is_no_decision_is_400_and_changes_nothing(
    web: WebClient, cast: Cast, alert: Alert, body: Any
) -> None:
    answer = triage(web.as_(cast.rosa), alert.id, body)
    assert_problem(answer, 400)
    alert.refresh_from_db()
    assert (alert.status, outcomes_of(answer)) == ("raised", [])
