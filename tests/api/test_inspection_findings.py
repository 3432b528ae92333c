"""`/api/v1/inspections/{id}/findings`: what an inspector reports, kept once per id, and who may read it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from monitor.models import Finding, Inspection
from tests.api.answers import assert_problem, ledger_of, outcomes_of, outward_of
from tests.api.conftest import WebClient
from tests.builders import make_alert, make_inspection
from tests.cast import Cast


def today() -> str:
    """The day as JSON writes it."""
    return timezone.now().date().isoformat()


def make_report(**more: Any) -> dict[str, Any]:
    """A finding as an inspector hands it in."""
    return {
        "id": str(uuid4()),
        "kind": "active",
        "observed_on": today(),
        "people": "11-50",
        "mercury": True,
    } | more


def hand_in(web: WebClient, inspection: Any, report: Any, **headers: str) -> Any:
    """Post a finding."""
    return web.post_json(f"/api/v1/inspections/{inspection}/findings", report, **headers)


def test_a_finding_is_received_and_the_alert_is_visited(
    web: WebClient, cast: Cast, inspection: Inspection
) -> None:
    report = make_report()
    answer = hand_in(web.as_(cast.ines), inspection.id, report)
    assert answer.status_code == 201
    assert answer.json() == report | {
        "inspection": str(inspection.id),
        "response": "none",
        "child_labour": False,
        "armed_presence": False,
    }
    assert outcomes_of(answer) == [("finding.receive", "done")]
    inspection.alert.refresh_from_db()
    assert inspection.alert.status == "visited"
    assert web.as_(cast.ines).get(f"/api/v1/inspections/{inspection.id}").json()["findings"] == 1


def test_the_same_finding_twice_is_one_finding(web: WebClient, cast: Cast, inspection: Inspection) -> None:
    client, report = web.as_(cast.ines), make_report()
    first, again = hand_in(client, inspection.id, report), hand_in(client, inspection.id, report)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.content == again.content
    assert Finding.objects.count() == 1
    assert inspection.alert.moves.filter(status="visited").count() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "inactive"},
        {"people": "none"},
        {"mercury": False},
        {"observed_on": "2026-01-01"},
        {"response": "enforcement"},
        {"child_labour": True},
        {"armed_presence": True},
    ],
)
def test_another_finding_under_the_same_id_is_refused_and_the_first_stays(
    web: WebClient, cast: Cast, inspection: Inspection, change: dict[str, Any]
) -> None:
    client, report = web.as_(cast.ines), make_report()
    hand_in(client, inspection.id, report)
    before = Finding.objects.values().get()
    assert_problem(hand_in(client, inspection.id, report | change), 409, "not-now")
    assert Finding.objects.values().get() == before


def test_an_id_that_another_inspection_used_is_free(
    web: WebClient, cast: Cast, inspection: Inspection
) -> None:
    other = make_inspection(make_alert(cast.east, []), cast.ivo.user, cast.rosa.user)
    report = make_report()
    assert hand_in(web.as_(cast.ivo), other.id, report).status_code == 201
    again = hand_in(web.as_(cast.ines), inspection.id, report)
    assert (again.status_code, again.json()["id"]) == (201, report["id"])
    assert Finding.objects.count() == 2
    (listed,) = web.as_(cast.ines).get(f"/api/v1/inspections/{inspection.id}/findings").json()["items"]
    assert (listed["id"], listed["inspection"]) == (report["id"], str(inspection.id))


def test_a_key_again_gets_the_first_answer(web: WebClient, cast: Cast, inspection: Inspection) -> None:
    client, report = web.as_(cast.ines), make_report()
    first = hand_in(client, inspection.id, report, HTTP_IDEMPOTENCY_KEY="f-1")
    again = hand_in(client, inspection.id, report, HTTP_IDEMPOTENCY_KEY="f-1")
    assert outward_of(again) == outward_of(first)
    other = hand_in(client, inspection.id, make_report(), HTTP_IDEMPOTENCY_KEY="f-1")
    assert_problem(other, 409, "idempotency-key-reused")
    assert Finding.objects.count() == 1


@pytest.mark.parametrize("kind", ["not_reachable", "unsafe"])
def test_somebody_who_was_not_there_has_visited_nothing(
    web: WebClient, cast: Cast, inspection: Inspection, kind: str
) -> None:
    assert hand_in(web.as_(cast.ines), inspection.id, make_report(kind=kind)).status_code == 201
    inspection.alert.refresh_from_db()
    assert inspection.alert.status == "assigned"


@pytest.mark.parametrize("status", ["assigned", "closed", "expired"])
def test_findings_are_taken_while_the_inspection_is_accepted_only(
    web: WebClient, cast: Cast, inspection: Inspection, status: str
) -> None:
    Inspection.objects.update(status=status)
    answer = hand_in(web.as_(cast.ines), inspection.id, make_report())
    assert_problem(answer, 409, "not-now")
    assert outcomes_of(answer) == [("finding.receive", "failed")]
    assert not Finding.objects.exists()


@pytest.mark.parametrize(("opens_in", "expires_in"), [(-2, -1), (1, 2)])
def test_findings_are_taken_within_the_window_only_whether_or_not_anybody_has_looked_at_the_clock(
    web: WebClient, cast: Cast, inspection: Inspection, opens_in: int, expires_in: int
) -> None:
    now, report = timezone.now(), make_report()
    Inspection.objects.update(
        opens_at=now + timedelta(hours=opens_in), expires_at=now + timedelta(hours=expires_in)
    )
    answer = hand_in(web.as_(cast.ines), inspection.id, report)
    assert_problem(answer, 409, "not-now")
    assert not Finding.objects.exists()
    inspection.alert.refresh_from_db()
    assert inspection.alert.status == "assigned"


def test_a_finding_that_was_received_in_time_is_the_same_finding_after_the_window(
    web: WebClient, cast: Cast, inspection: Inspection
) -> None:
    client, report = web.as_(cast.ines), make_report()
    assert hand_in(client, inspection.id, report).status_code == 201
    Inspection.objects.update(expires_at=timezone.now())
    assert hand_in(client, inspection.id, report).status_code == 200


def test_a_finding_for_an_inspection_of_somebody_else_ends_exactly_like_one_for_none(
    web: WebClient, cast: Cast, inspection: Inspection
) -> None:
    client, report = web.as_(cast.ivo), make_report()
    hidden, absent = hand_in(client, inspection.id, report), hand_in(client, uuid4(), report)
    assert_problem(hidden, 404, "not-found")
    assert outward_of(hidden) == outward_of(absent)
    assert outcomes_of(hidden) == [("refuse.inspectionfindings", "refused")]
    assert not Finding.objects.exists()


@pytest.mark.parametrize("name", ["rosa", "pia", "aldo", "anna", "adam", "finn", "mallory"])
def test_nobody_but_an_inspector_reports(
    web: WebClient, cast: Cast, inspection: Inspection, name: str
) -> None:
    assert_problem(
        hand_in(web.as_(cast.everybody()[name]), inspection.id, make_report()), 403, "not-permitted"
    )
    assert not Finding.objects.exists()


@pytest.mark.parametrize(
    "more",
    [
        {"id": None},
        {"id": 7},
        {"id": True},
        {"id": "7"},
        {"kind": "gold"},
        {"kind": []},
        {"kind": None},
        {"people": 12},
        {"observed_on": (timezone.now() + timedelta(days=3)).date().isoformat()},
        {"observed_on": "today"},
        {"observed_on": "٢٠٢٦-01-01"},
        {"observed_on": 20260101},
        {"mercury": "yes"},
        {"mercury": 1},
        {"mercury": None},
        {"mercury": {}},
        {"note": "by the bridge"},
        {"lat": 2.1, "lon": 20.1},
        {"photo": "data:image/jpeg;base64,AAAA"},
        {"response": "arrest"},
        {"inspection": str(uuid4())},
    ],
)
def test_what_is_no_finding_is_400_and_stores_nothing(
    web: WebClient, cast: Cast, inspection: Inspection, more: dict[str, Any]
) -> None:
    answer = hand_in(web.as_(cast.ines), inspection.id, make_report() | more)
    assert_problem(answer, 400, "invalid")
    assert not Finding.objects.exists()
    assert outcomes_of(answer) == []


@pytest.mark.parametrize("missing", ["id", "kind", "observed_on"])
def test_a_finding_is_whole_or_refused(
    web: WebClient, cast: Cast, inspection: Inspection, missing: str
) -> None:
    report = make_report()
    del report[missing]
    problem = assert_problem(hand_in(web.as_(cast.ines), inspection.id, report), 400, "invalid")
    assert [error["field"] for error in problem["errors"]] == [missing]


# --- reading ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ines", "rosa"])
def test_findings_are_read_by_the_inspector_and_by_regulators_of_the_region_oldest_first(
    web: WebClient, cast: Cast, inspection: Inspection, name: str
) -> None:
    reports = [make_report(), make_report(kind="inactive", response="safety_advice", armed_presence=True)]
    handed_in = [hand_in(web.as_(cast.ines), inspection.id, report).json() for report in reports]
    answer = web.as_(cast.everybody()[name]).get(f"/api/v1/inspections/{inspection.id}/findings")
    assert answer.json() == {"items": handed_in, "next": None}
    assert [(line.action, line.outcome, line.quantity) for line in ledger_of(answer)] == [
        ("read.findings", "answered", 2)
    ]


def test_findings_stay_readable_when_the_inspection_has_ended(
    web: WebClient, cast: Cast, inspection: Inspection
) -> None:
    hand_in(web.as_(cast.ines), inspection.id, make_report())
    Inspection.objects.update(status="closed")
    answer = web.as_(cast.rosa).get(f"/api/v1/inspections/{inspection.id}/findings")
    assert len(answer.json()["items"]) == 1


@pytest.mark.parametrize("name", ["otis", "ivo"])
def test_findings_of_somebody_elses_inspection_look_exactly_like_those_of_none(
    web: WebClient, cast: Cast, inspection: Inspection, name: str
) -> None:
    hand_in(web.as_(cast.ines), inspection.id, make_report())
    client = web.as_(cast.everybody()[name])
    hidden = client.get(f"/api/v1/inspections/{inspection.id}/findings")
    absent = client.get(f"/api/v1/inspections/{uuid4()}/findings")
    assert_problem(hidden, 404, "not-found")
    assert outward_of(hidden) == outward_of(absent)
    assert outcomes_of(hidden) == [("read.findings", "refused")]


def test_reading_findings_takes_no_parameter(web: WebClient, cast: Cast, inspection: Inspection) -> None:
    assert_problem(
        web.as_(cast.ines).get(f"/api/v1/inspections/{inspection.id}/findings?limit=1"), 400, "invalid"
    )
