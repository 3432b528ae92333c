"""`POST /api/v1/inspections/{id}/accept`: the inspector takes it on, and only that opens the place."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from monitor.models import Alert, Inspection
from tests.api.answers import assert_problem, outcomes_of, outward_of
from tests.api.conftest import WebClient
from tests.builders import make_inspection
from tests.cast import Cast


@pytest.fixture
def assigned(cast: Cast, alert: Alert) -> Inspection:
    """Rosa has given the eastern alert to Ines, who has not answered yet."""
    return make_inspection(alert, cast.ines.user, cast.rosa.user, "assigned")


def accept(web: WebClient, inspection: object, body: Any = None, **headers: str) -> Any:
    """Accept an inspection."""
    return web.post_json(f"/api/v1/inspections/{inspection}/accept", body or {}, **headers)


def test_the_assigned_inspector_accepts_and_the_place_opens(
    web: WebClient, cast: Cast, assigned: Inspection
) -> None:
    client, site = web.as_(cast.ines), f"/api/v1/inspections/{assigned.id}/site"
    assert_problem(client.get(site), 404, "not-found")
    answer = accept(client, assigned.id)
    assert (answer.status_code, answer.json()["status"]) == (200, "accepted")
    assert outcomes_of(answer) == [("inspection.accept", "done"), ("read.inspection", "answered")]
    assert client.get(site).status_code == 200


def test_accepting_needs_no_body(web: WebClient, cast: Cast, assigned: Inspection) -> None:
    assert web.as_(cast.ines).post(f"/api/v1/inspections/{assigned.id}/accept").status_code == 200


def test_an_inspection_of_somebody_else_is_accepted_exactly_like_none(
    web: WebClient, cast: Cast, assigned: Inspection
) -> None:
    client = web.as_(cast.ivo)
    hidden, absent = accept(client, assigned.id), accept(client, uuid4())
    assert_problem(hidden, 404, "not-found")
    assert outward_of(hidden) == outward_of(absent)
    assert outcomes_of(hidden) == outcomes_of(absent) == [("refuse.inspectionaccept", "refused")]
    assigned.refresh_from_db()
    assert assigned.status == "assigned"


@pytest.mark.parametrize("name", ["rosa", "pia", "aldo", "anna", "adam", "finn", "mallory"])
def test_nobody_but_an_inspector_accepts(web: WebClient, cast: Cast, assigned: Inspection, name: str) -> None:
    answer = accept(web.as_(cast.everybody()[name]), assigned.id)
    assert_problem(answer, 403, "not-permitted")
    assert outcomes_of(answer) == [("refuse.inspectionaccept", "refused")]


def test_an_inspection_is_accepted_once(web: WebClient, cast: Cast, assigned: Inspection) -> None:
    client = web.as_(cast.ines)
    assert accept(client, assigned.id).status_code == 200
    answer = accept(client, assigned.id)
    assert_problem(answer, 409, "not-now")
    assert outcomes_of(answer) == [("inspection.accept", "failed")]


def test_the_same_key_again_gets_the_first_answer(web: WebClient, cast: Cast, assigned: Inspection) -> None:
    client = web.as_(cast.ines)
    first = accept(client, assigned.id, HTTP_IDEMPOTENCY_KEY="take-it")
    assert outward_of(accept(client, assigned.id, HTTP_IDEMPOTENCY_KEY="take-it")) == outward_of(first)


def test_a_window_that_has_passed_cannot_be_accepted(
    web: WebClient, cast: Cast, assigned: Inspection
) -> None:
    now = timezone.now()
    Inspection.objects.update(opens_at=now - timedelta(days=2), expires_at=now - timedelta(seconds=1))
    assert_problem(accept(web.as_(cast.ines), assigned.id), 409, "not-now")


@pytest.mark.parametrize("status", ["closed", "expired"])
def test_what_has_ended_cannot_be_accepted(
    web: WebClient, cast: Cast, assigned: Inspection, status: str
) -> None:
    Inspection.objects.update(status=status)
    assert_problem(accept(web.as_(cast.ines), assigned.id), 409, "not-now")


@pytest.mark.parametrize("body", [{"status": "closed"}, [1], {"": 1}])
def test_accepting_says_nothing_else(web: WebClient, cast: Cast, assigned: Inspection, body: Any) -> None:
    assert_problem(accept(web.as_(cast.ines), assigned.id, body), 400, "invalid")


def test_accepting_takes_no_parameter(web: WebClient, cast: Cast, assigned: Inspection) -> None:
    answer = web.as_(cast.ines).post(
        f"/api/v1/inspections/{assigned.id}/accept?force=true", {}, format="json"
    )
    assert_problem(answer, 400, "invalid")
