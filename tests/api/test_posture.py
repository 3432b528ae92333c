"""`/api/v1/regions/{id}/posture`: less precision takes one person and effect at once, more takes two."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from accounts.models import User
from accounts.roles import Role
from monitor.models import Alert, Region, RegionPosture
from monitor.privacy.scope import grant_region
from tests.api.answers import assert_problem, ledger_of, outcomes_of, outward_of
from tests.api.conftest import WebClient
from tests.cast import Cast, Person, hire
from tests.roles import read_rows


@pytest.fixture
def rita(cast: Cast) -> Person:
    """A second regulator of the east."""
    return hire("rita", Role.REGULATOR, cast.east)


def url_of(region: object) -> str:
    """Where the posture of a region stands."""
    return f"/api/v1/regions/{region}/posture"


def wish(web: WebClient, person: Person, region: object, posture: str, **headers: Any) -> Any:
    """Somebody wishes for a posture."""
    return web.as_(person).post(url_of(region), {"posture": posture}, format="json", **headers)


def posture_of(region: UUID) -> str:
    """As it stands."""
    row = RegionPosture.objects.filter(region_id=region).first()
    return row.posture if row else "open"


def rule_of(answer: Any) -> list[tuple[str, str]]:
    """Action and change of the entries behind an answer that changed something."""
    return read_rows(
        "SELECT action, rule FROM ledger.entry WHERE request_id = %s AND action LIKE 'posture.%%'",
        answer["X-Request-Id"],
    )


def test_a_region_is_open_until_somebody_says_otherwise(web: WebClient, cast: Cast) -> None:
    answer = web.as_(cast.rosa).get(url_of(cast.east))
    assert answer.json() == {
        "region": str(cast.east),
        "posture": "open",
        "changed_by": None,
        "changed_at": None,
        "asked": None,
        "asked_by": None,
        "asked_at": None,
    }
    assert outcomes_of(answer) == [("read.posture", "answered")]


@pytest.mark.parametrize("name", ["rosa", "adam"])
@pytest.mark.parametrize(("steps"), [["guarded"], ["sealed"], ["guarded", "sealed"]])
def test_one_person_lowers_and_it_holds_at_once(
    web: WebClient, cast: Cast, name: str, steps: list[str]
) -> None:
    before = "open"
    for posture in steps:
        answer = wish(web, cast.everybody()[name], cast.east, posture)
        body = answer.json()
        assert (answer.status_code, body["posture"], body["changed_by"]) == (200, posture, name)
        assert posture_of(cast.east) == posture
        assert rule_of(answer) == [("posture.lower", f"{before}-to-{posture}")]
        before = posture


def test_one_person_raises_nothing_however_often(web: WebClient, cast: Cast) -> None:
    wish(web, cast.rosa, cast.east, "sealed")
    for _ in range(3):
        answer = wish(web, cast.rosa, cast.east, "open")
        assert (answer.status_code, answer.json()["asked"], answer.json()["asked_by"]) == (
            202,
            "open",
            "rosa",
        )
        assert rule_of(answer) == [("posture.ask", "sealed-to-open")]
        assert posture_of(cast.east) == "sealed"


@pytest.mark.parametrize("second", ["adam", "rita"])
def test_two_people_raise(web: WebClient, cast: Cast, rita: Person, second: str) -> None:
    person = {"adam": cast.adam, "rita": rita}[second]
    wish(web, cast.rosa, cast.east, "sealed")
    wish(web, cast.rosa, cast.east, "guarded")
    answer = wish(web, person, cast.east, "guarded")
    assert answer.status_code == 200
    assert (answer.json()["posture"], answer.json()["changed_by"], answer.json()["asked"]) == (
        "guarded",
        second,
        None,
    )
    assert rule_of(answer) == [("posture.raise", "sealed-to-guarded")]
    assert posture_of(cast.east) == "guarded"


def test_the_second_person_must_wish_exactly_the_same(web: WebClient, cast: Cast, rita: Person) -> None:
    wish(web, cast.rosa, cast.east, "sealed")
    wish(web, cast.rosa, cast.east, "guarded")
    answer = wish(web, rita, cast.east, "open")
    assert (answer.status_code, answer.json()["asked"], answer.json()["asked_by"]) == (202, "open", "rita")
    assert posture_of(cast.east) == "sealed"
    assert wish(web, rita, cast.east, "guarded").status_code == 202
    assert wish(web, cast.rosa, cast.east, "guarded").status_code == 200


def test_lowering_and_staying_take_a_waiting_raise_off_the_table(
    web: WebClient, cast: Cast, rita: Person
) -> None:
    wish(web, cast.rosa, cast.east, "guarded")
    for step in ("guarded", "sealed"):
        wish(web, cast.rosa, cast.east, "open")
        answer = wish(web, rita, cast.east, step)
        assert (answer.status_code, answer.json()["posture"], answer.json()["asked"]) == (200, step, None)
    assert wish(web, rita, cast.east, "open").status_code == 202


def _close(cast: Cast) -> None:
    User.objects.filter(id=cast.rosa.user.id).update(is_active=False)


def _dismiss(cast: Cast) -> None:
    cast.rosa.user.regionuserpermission_set.all().delete()


def _demote(cast: Cast) -> None:
    User.objects.filter(id=cast.rosa.user.id).update(role="analyst")


def _grow_old(cast: Cast) -> None:
    RegionPosture.objects.update(asked_at=timezone.now() - timedelta(days=8))


@pytest.mark.parametrize("change", [_close, _dismiss, _demote, _grow_old])
def test_a_raise_needs_a_first_person_who_is_still_there(web: WebClient, cast: Cast, change: Any) -> None:
    wish(web, cast.rosa, cast.east, "sealed")
    wish(web, cast.rosa, cast.east, "open")
    change(cast)
    answer = wish(web, cast.adam, cast.east, "open")
    assert posture_of(cast.east) == "sealed"
    # where the service could not know, the database said that things are not as believed
    assert answer.status_code in {202, 409}


def test_a_region_of_somebody_else_answers_exactly_like_none(web: WebClient, cast: Cast) -> None:
    for ask in (
        lambda region: web.as_(cast.otis).get(url_of(region)),
        lambda region: wish(web, cast.otis, region, "sealed"),
    ):
        hidden, absent = ask(cast.east), ask(uuid4())
        assert_problem(hidden, 404, "not-found")
        assert outward_of(hidden) == outward_of(absent)
        assert outcomes_of(hidden) == outcomes_of(absent)
    assert posture_of(cast.east) == "open"


@pytest.mark.parametrize("name", ["ines", "pia", "anna", "finn", "mallory", "aldo"])
def test_nobody_else_changes_a_posture(web: WebClient, cast: Cast, name: str) -> None:
    assert_problem(wish(web, cast.everybody()[name], cast.east, "sealed"), 403, "not-permitted")
    assert posture_of(cast.east) == "open"


def test_an_auditor_and_an_administrator_read_every_posture(web: WebClient, cast: Cast) -> None:
    wish(web, cast.rosa, cast.east, "sealed")
    for person in (cast.aldo, cast.adam):
        assert web.as_(person).get(url_of(cast.east)).json()["posture"] == "sealed"
        assert_problem(web.as_(person).get(url_of(uuid4())), 404, "not-found")


@pytest.mark.parametrize(
    "body", [{}, {"posture": "shut"}, {"posture": None}, {"posture": "open", "force": True}]
)
def test_what_is_no_posture_is_400(web: WebClient, cast: Cast, body: dict[str, object]) -> None:
    assert_problem(web.as_(cast.rosa).post(url_of(cast.east), body, format="json"), 400, "invalid")


def test_the_same_key_again_is_no_second_wish(web: WebClient, cast: Cast) -> None:
    wish(web, cast.rosa, cast.east, "sealed")
    first = wish(web, cast.rosa, cast.east, "open", HTTP_IDEMPOTENCY_KEY="k")
    assert outward_of(wish(web, cast.rosa, cast.east, "open", HTTP_IDEMPOTENCY_KEY="k")) == outward_of(first)
    assert posture_of(cast.east) == "sealed"


def test_two_regulators_of_two_regions_do_not_second_each_other(web: WebClient, cast: Cast) -> None:
    """Otis holds the west; the mandate for the east that he is given later makes him entitled from then on."""
    wish(web, cast.rosa, cast.east, "sealed")
    wish(web, cast.rosa, cast.east, "open")
    assert wish(web, cast.otis, cast.east, "open").status_code == 404
    grant_region(cast.otis.user, Region.objects.get(id=cast.east))
    assert wish(web, cast.otis, cast.east, "open").status_code == 200


def test_what_is_sealed_is_closed_to_everybody_in_the_next_answer(
    web: WebClient, cast: Cast, alert: Alert, inspection: Any
) -> None:
    questions = {
        "rosa": "/api/v1/activity",
        "anna": f"/api/v1/activity?region={cast.east}",
        "ines": f"/api/v1/inspections/{inspection.id}/site",
    }
    for name, url in questions.items():
        assert web.as_(cast.everybody()[name]).get(url).json()["level"] == "L0"
    assert web.as_(cast.rosa).get(f"/api/v1/alerts/{alert.id}/site").status_code == 200
    wish(web, cast.adam, cast.east, "sealed")
    for name in ("rosa", "anna"):
        answer = web.as_(cast.everybody()[name]).get(questions[name])
        assert (answer.json()["level"], answer.json()["features"], answer.json()["rule"]) == (
            "L3",
            [],
            "sealed-blocks",
        )
        assert ledger_of(answer)[0].level == 3
    assert_problem(web.as_(cast.ines).get(questions["ines"]), 404, "not-found")
    assert_problem(web.as_(cast.rosa).get(f"/api/v1/alerts/{alert.id}/site"), 404, "not-found")
