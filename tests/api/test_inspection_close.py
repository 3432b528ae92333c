"""`POST /api/v1/inspections/{id}/close`: the end, by the inspector or a regulator of the region."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from monitor.models import Finding, Inspection, InspectionUserPermission
from tests.api.answers import assert_problem, outcomes_of, outward_of
from tests.api.conftest import WebClient
from tests.cast import Cast


def close(web: WebClient, inspection: object, body: Any = None, **headers: str) -> Any:
    """Close an inspection."""
    return web.post_json(f"/api/v1/inspections/{inspection}/close", body or {}, **headers)


@pytest.mark.parametrize("name", ["ines", "rosa"])
@pytest.mark.parametrize("status", ["assigned", "accepted"])
def test_it_is_closed_by_its_inspector_or_a_regulator_of_the_region(
    web: WebClient, cast: Cast, inspection: Inspection, name: str, status: str
) -> None:
    Inspection.objects.update(status=status)
    answer = close(web.as_(cast.everybody()[name]), inspection.id)
    assert (answer.status_code, answer.json()["status"]) == (200, "closed")
    assert outcomes_of(answer) == [("inspection.close", "done"), ("read.inspection", "answered")]
    assert not InspectionUserPermission.objects.exists()
    inspection.refresh_from_db()
    assert inspection.closed_at is not None


@pytest.mark.parametrize(("status", "then"), [("assigned", "triaged"), ("visited", "closed")])
def test_the_alert_ends_if_it_was_visited_and_goes_back_to_the_queue_if_not(
    web: WebClient, cast: Cast, inspection: Inspection, status: str, then: str
) -> None:
    type(inspection.alert).objects.update(status=status)
    close(web.as_(cast.ines), inspection.id)
    inspection.alert.refresh_from_db()
    assert inspection.alert.status == then


def test_after_the_close_the_alert_can_be_given_to_another(
    web: WebClient, cast: Cast, inspection: Inspection
) -> None:
    close(web.as_(cast.ines), inspection.id)
    body = {
        "alert": str(inspection.alert_id),
        "inspector": "ivo",
        "expires_at": inspection.expires_at.isoformat(),
    }
    assert web.as_(cast.rosa).post_json("/api/v1/inspections", body).status_code == 201


@pytest.mark.parametrize("name", ["otis", "ivo"])
def test_one_of_somebody_else_is_closed_exactly_like_none(
    web: WebClient, cast: Cast, inspection: Inspection, name: str
) -> None:
    client = web.as_(cast.everybody()[name])
    hidden, absent = close(client, inspection.id), close(client, uuid4())
    assert_problem(hidden, 404, "not-found")
    assert outward_of(hidden) == outward_of(absent)
    assert outcomes_of(hidden) == [("refuse.inspectionclose", "refused")]
    inspection.refresh_from_db()
    assert inspection.status == "accepted"


@pytest.mark.parametrize("name", ["pia", "aldo", "anna", "adam", "finn", "mallory"])
def test_no_other_role_closes(web: WebClient, cast: Cast, inspection: Inspection, name: str) -> None:
    assert_problem(close(web.as_(cast.everybody()[name]), inspection.id), 403, "not-permitted")


@pytest.mark.parametrize("status", ["closed", "expired"])
def test_what_has_ended_cannot_be_closed_again(
    web: WebClient, cast: Cast, inspection: Inspection, status: str
) -> None:
    Inspection.objects.update(status=status)
    answer = close(web.as_(cast.ines), inspection.id)
    assert_problem(answer, 409, "not-now")
    assert outcomes_of(answer) == [("inspection.close", "failed")]


def test_the_same_key_again_gets_the_first_answer(web: WebClient, cast: Cast, inspection: Inspection) -> None:
    client = web.as_(cast.ines)
    first = close(client, inspection.id, HTTP_IDEMPOTENCY_KEY="end")
    assert outward_of(close(client, inspection.id, HTTP_IDEMPOTENCY_KEY="end")) == outward_of(first)


@pytest.mark.parametrize("body", [{"reason": "done"}, [1], {"status": "expired"}])
def test_closing_says_nothing_else(web: WebClient, cast: Cast, inspection: Inspection, body: Any) -> None:
    assert_problem(close(web.as_(cast.ines), inspection.id, body), 400, "invalid")
    assert not Finding.objects.exists()
