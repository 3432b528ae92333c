"""`/api/v1/inspections/{id}/site`: open to its inspector while accepted, permitted and in its window, no longer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from accounts.models import User
from monitor.grid import cell_number
from monitor.models import Alert, Inspection, InspectionUserPermission
from monitor.services.inspections import close_expired_inspections
from tests.api.answers import (
    assert_carries_a_place,
    assert_problem,
    cells_of,
    ledger_of,
    outcomes_of,
    outward_of,
)
from tests.api.conftest import EASTERN_SITE, WebClient
from tests.builders import cell_at, make_alert, make_inspection, put_cells
from tests.cast import Cast


def url_of(inspection: Inspection) -> str:
    """Where the site of an inspection is asked for."""
    return f"/api/v1/inspections/{inspection.id}/site"


def test_the_inspector_of_an_accepted_inspection_sees_its_site_and_nothing_else(
    web: WebClient, cast: Cast, inspection: Inspection, model: UUID
) -> None:
    put_cells(model, [cell_at(20.205, 2.205)])
    answer = web.as_(cast.ines).get(url_of(inspection))
    assert_carries_a_place(answer)
    assert cells_of(answer) == [cell_number(*cell) for cell in EASTERN_SITE]
    body = answer.json()
    assert (body["level"], body["rule"], body["generalised"]) == ("L0", "exact-site-of-inspection", False)
    (line,) = ledger_of(answer)
    assert (line.action, line.outcome, line.quantity, line.level) == (
        "read.inspection_site",
        "answered",
        2,
        0,
    )


def test_an_inspector_must_say_why(web: WebClient, cast: Cast, inspection: Inspection) -> None:
    client = web.as_(cast.ines)
    client.credentials(HTTP_AUTHORIZATION=cast.ines.headers["authorization"])
    assert_problem(client.get(url_of(inspection)), 400, "purpose-required")


def _close_by_the_inspector(web: WebClient, cast: Cast, inspection: Inspection) -> None:
    assert web.as_(cast.ines).post(f"/api/v1/inspections/{inspection.id}/close").status_code == 200


def _close_by_the_regulator(web: WebClient, cast: Cast, inspection: Inspection) -> None:
    assert web.as_(cast.rosa).post(f"/api/v1/inspections/{inspection.id}/close").status_code == 200


def _let_the_window_pass(web: WebClient, cast: Cast, inspection: Inspection) -> None:
    now = timezone.now()
    Inspection.objects.update(opens_at=now - timedelta(days=1), expires_at=now)


def _sweep_after_the_window(web: WebClient, cast: Cast, inspection: Inspection) -> None:
    assert close_expired_inspections(inspection.expires_at) == 1


def _take_the_permission_away(web: WebClient, cast: Cast, inspection: Inspection) -> None:
    InspectionUserPermission.objects.filter(user=cast.ines.user).delete()


def _change_the_role(web: WebClient, cast: Cast, inspection: Inspection) -> None:
    User.objects.filter(username="ines").update(role="feeder", is_superuser=True)


def _close_the_account(web: WebClient, cast: Cast, inspection: Inspection) -> None:
    User.objects.filter(username="ines").update(is_active=False)


def _give_it_to_another(web: WebClient, cast: Cast, inspection: Inspection) -> None:
    Inspection.objects.update(inspector=cast.ivo.user)


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (_close_by_the_inspector, 404),
        (_close_by_the_regulator, 404),
        (_let_the_window_pass, 404),
        (_sweep_after_the_window, 404),
        (_take_the_permission_away, 404),
        (_give_it_to_another, 404),
        (_change_the_role, 403),
        (_close_the_account, 401),
    ],
)
def test_the_first_question_after_the_end_is_not_answered(
    web: WebClient, cast: Cast, inspection: Inspection, end: Callable[..., None], status: int
) -> None:
    client = web.as_(cast.ines)
    assert client.get(url_of(inspection)).status_code == 200
    end(web, cast, inspection)
    answer = client.get(url_of(inspection))
    assert_problem(answer, status)
    assert "Access-Receipt" not in answer


@pytest.mark.parametrize("status", ["assigned", "closed", "expired"])
def test_an_inspection_that_is_not_accepted_shows_no_place(
    web: WebClient, cast: Cast, inspection: Inspection, status: str
) -> None:
    Inspection.objects.update(status=status)
    assert_problem(web.as_(cast.ines).get(url_of(inspection)), 404, "not-found")


def test_before_the_window_opens_there_is_no_place(
    web: WebClient, cast: Cast, inspection: Inspection
) -> None:
    Inspection.objects.update(opens_at=timezone.now() + timedelta(minutes=1))
    assert_problem(web.as_(cast.ines).get(url_of(inspection)), 404, "not-found")


def test_a_closed_one_of_ones_own_one_of_another_and_none_at_all_look_the_same(
    web: WebClient, cast: Cast, inspection: Inspection, western_alert: Alert
) -> None:
    another = make_inspection(western_alert, cast.ivo.user, cast.otis.user)
    Inspection.objects.filter(id=inspection.id).update(status="closed")
    client = web.as_(cast.ines)
    answers: list[Any] = [client.get(url_of(each)) for each in (inspection, another)]
    answers.append(client.get(f"/api/v1/inspections/{uuid4()}/site"))
    assert_problem(answers[0], 404, "not-found")
    assert outward_of(answers[0]) == outward_of(answers[1]) == outward_of(answers[2])
    for answer in answers:
        assert outcomes_of(answer) == [("read.inspection_site", "refused")]


@pytest.mark.parametrize("name", ["rosa", "otis", "pia", "aldo", "anna", "adam", "finn", "mallory"])
def test_no_other_role_opens_a_place_through_an_inspection(
    web: WebClient, cast: Cast, inspection: Inspection, name: str
) -> None:
    answer = web.as_(cast.everybody()[name]).get(url_of(inspection))
    assert_problem(answer, 403, "not-permitted")
    assert outcomes_of(answer) == [("refuse.inspectionsite", "refused")]


def test_a_site_over_the_border_is_shown_up_to_the_border(web: WebClient, cast: Cast, model: UUID) -> None:
    west, east = cell_at(19.995, 2.105), cell_at(20.005, 2.105)
    put_cells(model, [west, east])
    inspection = make_inspection(make_alert(cast.east, [west, east]), cast.ines.user, cast.rosa.user)
    assert cells_of(web.as_(cast.ines).get(url_of(inspection))) == [cell_number(*east)]
