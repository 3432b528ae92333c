"""`POST /api/v1/inspections`: an alert is given to an inspector by another person, for a window of time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from monitor.models import Alert, Inspection
from tests.api.answers import assert_problem, outcomes_of, outward_of
from tests.api.conftest import WebClient
from tests.builders import make_alert
from tests.cast import Cast, Person

URL = "/api/v1/inspections"


def in_days(days: float) -> str:
    """A moment as JSON writes it."""
    return (timezone.now() + timedelta(days=days)).isoformat()


def assign(web: WebClient, who: Person | None, alert: Any, inspector: Any = "ines", **more: Any) -> Any:
    """Ask for an inspection of an alert that ends in a week."""
    headers = {name: more.pop(name) for name in list(more) if name.startswith("HTTP_")}
    body = {"alert": str(alert), "inspector": inspector, "expires_at": in_days(7)} | more
    return web.as_(who).post_json(URL, body, **headers)


def test_a_regulator_gives_an_alert_to_an_inspector(web: WebClient, cast: Cast, alert: Alert) -> None:
    answer = assign(web, cast.rosa, alert.id)
    assert answer.status_code == 201
    body = answer.json()
    assert (body["alert"], body["inspector"], body["status"]) == (str(alert.id), "ines", "assigned")
    assert answer["Location"] == f"{URL}/{body['id']}"
    assert web.as_(cast.ines).get(answer["Location"]).json() == body
    assert outcomes_of(answer) == [("inspection.assign", "done"), ("read.inspection", "answered")]
    alert.refresh_from_db()
    assert alert.status == "assigned"


@pytest.mark.parametrize(
    "name",
    ["rosa", "otis", "pia", "aldo", "anna", "adam", "finn", "mallory", "nobody", "", "Ines", "ines\x00"],
)
def test_only_an_active_inspector_can_be_assigned_and_nobody_oneself(
    web: WebClient, cast: Cast, alert: Alert, name: str
) -> None:
    answer = assign(web, cast.rosa, alert.id, name)
    assert answer.status_code in {400, 403}
    assert not Inspection.objects.exists()
    alert.refresh_from_db()
    assert alert.status == "raised"


def test_all_names_that_cannot_be_assigned_look_the_same(web: WebClient, cast: Cast, alert: Alert) -> None:
    User.objects.filter(username="ivo").update(is_active=False)
    answers = [
        outward_of(assign(web, cast.rosa, alert.id, name)) for name in ("rosa", "pia", "ivo", "nobody")
    ]
    assert answers.count(answers[0]) == 4


def test_a_regulator_who_becomes_an_inspector_can_assign_nothing_to_anybody(
    web: WebClient, cast: Cast, alert: Alert
) -> None:
    User.objects.filter(username="rosa").update(role="inspector")
    for name in ("rosa", "ines"):
        assert_problem(assign(web, cast.rosa, alert.id, name), 403)


def test_the_database_itself_refuses_a_self_assigned_inspection(cast: Cast, alert: Alert) -> None:
    now = timezone.now()
    with pytest.raises(IntegrityError, match="never_self_assigned"), transaction.atomic():
        Inspection.objects.create(
            alert=alert,
            inspector=cast.ines.user,
            assigned_by=cast.ines.user,
            opens_at=now,
            expires_at=now + timedelta(1),
        )


@pytest.mark.parametrize("name", ["ines", "ivo", "pia", "aldo", "anna", "adam", "finn", "mallory"])
def test_only_a_regulator_assigns(web: WebClient, cast: Cast, alert: Alert, name: str) -> None:
    answer = assign(web, cast.everybody()[name], alert.id)
    assert_problem(answer, 403, "not-permitted")
    assert outcomes_of(answer) == [("refuse.inspections", "refused")]


def test_a_hidden_alert_is_assigned_exactly_like_one_that_does_not_exist(
    web: WebClient, cast: Cast, western_alert: Alert
) -> None:
    hidden, absent = assign(web, cast.rosa, western_alert.id), assign(web, cast.rosa, uuid4())
    assert_problem(hidden, 404, "not-found")
    assert outward_of(hidden) == outward_of(absent)
    assert outcomes_of(hidden) == [("refuse.inspections", "refused")]
    assert not Inspection.objects.exists()


def test_an_alert_has_one_open_inspection_at_a_time(web: WebClient, cast: Cast, alert: Alert) -> None:
    assert assign(web, cast.rosa, alert.id).status_code == 201
    answer = assign(web, cast.rosa, alert.id, "ivo")
    assert_problem(answer, 409, "not-now")
    assert outcomes_of(answer) == [("inspection.assign", "failed")]
    assert Inspection.objects.count() == 1


@pytest.mark.parametrize("status", ["visited", "closed"])
def test_an_alert_that_is_past_it_cannot_be_assigned(web: WebClient, cast: Cast, status: str) -> None:
    assert_problem(assign(web, cast.rosa, make_alert(cast.east, [], status).id), 409, "not-now")


def test_the_same_key_again_assigns_once_and_gets_the_first_answer(
    web: WebClient, cast: Cast, alert: Alert
) -> None:
    ends = in_days(7)
    first = assign(web, cast.rosa, alert.id, expires_at=ends, HTTP_IDEMPOTENCY_KEY="k")
    again = assign(web, cast.rosa, alert.id, expires_at=ends, HTTP_IDEMPOTENCY_KEY="k")
    assert first.status_code == 201
    assert outward_of(again) == outward_of(first)
    assert Inspection.objects.count() == 1
    assert_problem(
        assign(web, cast.rosa, alert.id, "ivo", expires_at=ends, HTTP_IDEMPOTENCY_KEY="k"),
        409,
        "idempotency-key-reused",
    )


@pytest.mark.parametrize(
    "more",
    [
        {"expires_at": in_days(-1)},
        {"expires_at": in_days(61)},
        {"expires_at": "tomorrow"},
        {"expires_at": None},
        {"opens_at": in_days(8)},
        {"opens_at": in_days(-60)},
        {"opens_at": 1, "expires_at": 2},
        {"inspector": None},
        {"inspector": ["ines"]},
        {"inspector": "i" * 151},
        {"inspector": {"name": "ines"}},
        {"alert": "7"},
        {"alert": None},
        {"alert": 7},
        {"alert": True},
        {"region": "east"},
        {"status": "accepted"},
        {"expires_at": "9999-12-31T23:59:59Z"},
        {"opens_at": "0001-01-01T00:00:00+23:59"},
        {"expires_at": "9999-12-31T23:59:59-23:59"},
    ],
)
def test_what_is_no_assignment_is_400_and_stores_nothing(
    web: WebClient, cast: Cast, alert: Alert, more: dict[str, Any]
) -> None:
    body = {"alert": str(alert.id), "inspector": "ines", "expires_at": in_days(7)} | more
    answer = web.as_(cast.rosa).post_json(URL, body)
    assert_problem(answer, 400, "invalid")
    assert outcomes_of(answer) == []
    assert not Inspection.objects.exists()
