"""`/api/v1/alerts/{id}/site`: the exact cells of an alert, for a regulator of its region who says why."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from django.db import connection

from accounts.models import User
from monitor.grid import cell_number
from monitor.models import Alert, Inspection
from tests.api.answers import (
    assert_carries_a_place,
    assert_problem,
    cells_of,
    entry_of,
    ledger_of,
    outcomes_of,
    outward_of,
)
from tests.api.conftest import EASTERN_SITE, WebClient
from tests.builders import cell_at, make_alert, put_cells
from tests.cast import Cast
from tests.privacy.asking import count_vault_scans


def url_of(alert: Alert) -> str:
    """Where the site of an alert is asked for."""
    return f"/api/v1/alerts/{alert.id}/site"


def test_a_regulator_of_the_region_sees_the_exact_cells_of_the_site_and_none_beside_it(
    web: WebClient, cast: Cast, alert: Alert, model: UUID
) -> None:
    put_cells(model, [cell_at(20.205, 2.205)])
    answer = web.as_(cast.rosa).get(url_of(alert))
    assert_carries_a_place(answer)
    body = answer.json()
    assert [(f["properties"]["row"], f["properties"]["col"]) for f in body["features"]] == EASTERN_SITE
    assert body["features"][0]["geometry"]["coordinates"] == [
        [[20.1, 2.1], [20.11, 2.1], [20.11, 2.11], [20.1, 2.11], [20.1, 2.1]]
    ]
    assert (body["precision_deg"], body["level"], body["rule"]) == (0.01, "L0", "exact-site-in-mandate")
    assert (body["generalised"], body["next"]) == (False, None)


def test_the_entry_is_written_before_and_the_completion_counts_the_cells(
    web: WebClient, cast: Cast, alert: Alert
) -> None:
    answer = web.as_(cast.rosa).get(url_of(alert))
    (line,) = ledger_of(answer)
    assert (line.action, line.outcome, line.quantity, line.level) == ("read.alert_site", "answered", 2, 0)
    assert (line.role, line.purpose) == ("regulator", "inspection-planning")
    with connection.cursor() as cursor:
        cursor.execute("SELECT entry_id FROM vault.spent_ticket")
        assert cursor.fetchone()[0] == entry_of(answer)


def test_without_a_purpose_there_is_no_place(web: WebClient, cast: Cast, alert: Alert) -> None:
    client = web.as_(cast.rosa)
    client.credentials(HTTP_AUTHORIZATION=cast.rosa.headers["authorization"])
    answer = client.get(url_of(alert))
    assert_problem(answer, 400, "purpose-required")
    assert "Access-Receipt" not in answer


def test_the_site_of_another_region_looks_exactly_like_that_of_no_alert(
    web: WebClient, cast: Cast, alert: Alert
) -> None:
    client = web.as_(cast.otis)
    hidden = client.get(url_of(alert))
    absent = client.get(f"/api/v1/alerts/{uuid4()}/site")
    assert_problem(hidden, 404, "not-found")
    assert outward_of(hidden) == outward_of(absent)
    assert outcomes_of(hidden) == [("read.alert_site", "refused")]
    assert ledger_of(hidden) == ledger_of(absent)


def test_the_vault_is_not_opened_for_an_alert_out_of_the_mandate(
    web: WebClient, cast: Cast, alert: Alert
) -> None:
    before = count_vault_scans()
    assert_problem(web.as_(cast.otis).get(url_of(alert)), 404)
    assert count_vault_scans() == before
    assert web.as_(cast.rosa).get(url_of(alert)).status_code == 200
    assert count_vault_scans() > before


def test_the_next_question_after_losing_the_mandate_is_not_answered(
    web: WebClient, cast: Cast, alert: Alert
) -> None:
    client = web.as_(cast.rosa)
    assert client.get(url_of(alert)).status_code == 200
    cast.rosa.user.regionuserpermission_set.all().delete()
    assert_problem(client.get(url_of(alert)), 404)


def test_the_next_question_after_losing_the_role_is_not_answered(
    web: WebClient, cast: Cast, alert: Alert
) -> None:
    client = web.as_(cast.rosa)
    assert client.get(url_of(alert)).status_code == 200
    for role in ("partner", "auditor", "administrator", "analyst", "inspector", "feeder"):
        User.objects.filter(username="rosa").update(role=role, is_superuser=True)
        assert_problem(client.get(url_of(alert)), 403, "not-permitted")


def test_the_next_question_after_the_account_is_closed_is_not_answered(
    web: WebClient, cast: Cast, alert: Alert
) -> None:
    User.objects.filter(username="rosa").update(is_active=False)
    assert_problem(web.as_(cast.rosa).get(url_of(alert)), 401)


def test_the_inspector_of_an_alert_opens_the_place_through_the_inspection_only(
    web: WebClient, cast: Cast, alert: Alert, inspection: Inspection
) -> None:
    assert_problem(web.as_(cast.ines).get(url_of(alert)), 403)
    assert web.as_(cast.ines).get(f"/api/v1/inspections/{inspection.id}/site").status_code == 200


@pytest.mark.parametrize("name", ["pia", "paul", "aldo", "anna", "adam", "finn", "mallory", "ines", "ivo"])
def test_no_other_role_sees_a_site_and_each_refusal_is_recorded(
    web: WebClient, cast: Cast, alert: Alert, name: str
) -> None:
    answer = web.as_(cast.everybody()[name]).get(url_of(alert))
    assert_problem(answer, 403, "not-permitted")
    assert "Access-Receipt" not in answer
    assert outcomes_of(answer) == [("refuse.alertsite", "refused")]


def test_a_site_over_the_border_ends_at_the_border_for_each_regulator(
    web: WebClient, cast: Cast, model: UUID
) -> None:
    west, east = cell_at(19.995, 2.105), cell_at(20.005, 2.105)
    put_cells(model, [west, east])
    alert = make_alert(cast.east, [west, east])
    assert cells_of(web.as_(cast.rosa).get(url_of(alert))) == [cell_number(*east)]
    assert_problem(web.as_(cast.otis).get(url_of(alert)), 404)


def test_a_site_that_was_absorbed_shows_the_site_that_goes_on(
    web: WebClient, cast: Cast, alert: Alert, model: UUID
) -> None:
    more = cell_at(20.125, 2.105)
    put_cells(model, [more])
    whole = make_alert(cast.east, [more])
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE vault.site SET absorbed_into = (SELECT site_id FROM vault.alert_site WHERE alert_id = %s)"
            " WHERE id = (SELECT site_id FROM vault.alert_site WHERE alert_id = %s)",
            [whole.id, alert.id],
        )
    assert cells_of(web.as_(cast.rosa).get(url_of(alert))) == [cell_number(*more)]
