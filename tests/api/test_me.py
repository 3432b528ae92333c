"""`/api/v1/me`: who the viewer is to the system, and what is open for them."""

from __future__ import annotations

import pytest

from accounts.models import User
from monitor.models import Inspection
from tests.api.answers import assert_problem
from tests.api.conftest import WebClient
from tests.cast import Cast

URL = "/api/v1/me"


@pytest.mark.parametrize(
    ("name", "role", "regions", "levels"),
    [
        ("rosa", "regulator", ["Aruwe East"], ["L0"]),
        ("otis", "regulator", ["Aruwe West"], ["L0"]),
        ("ines", "inspector", [], ["L0"]),
        ("pia", "partner", ["Aruwe East"], ["L2"]),
        ("paul", "partner", ["Aruwe East", "Aruwe West"], ["L2"]),
        ("aldo", "auditor", [], []),
        ("anna", "analyst", ["Aruwe East", "Aruwe West"], ["L0"]),
        ("adam", "administrator", [], []),
        ("finn", "feeder", [], []),
        ("mallory", "partner", [], ["L2"]),
    ],
)
def test_everybody_learns_their_own_role_regions_and_levels(
    web: WebClient, cast: Cast, name: str, role: str, regions: list[str], levels: list[str]
) -> None:
    answer = web.as_(cast.everybody()[name]).get(URL)
    body = answer.json()
    assert answer.status_code == 200
    assert (body["username"], body["role"], body["levels"]) == (name, role, levels)
    assert [region["name"] for region in body["regions"]] == regions


def test_me_says_nothing_but_its_listed_fields(web: WebClient, cast: Cast) -> None:
    body = web.as_(cast.pia).get(URL).json()
    assert body.keys() == {
        "username",
        "role",
        "organisation",
        "regions",
        "levels",
        "policy_version",
        "requests_per_minute",
        "open_inspections",
        "open_grants",
        "quota",
    }
    assert body["organisation"] == str(cast.pia.user.organisation_id)
    assert all(region.keys() == {"id", "name", "posture", "level"} for region in body["regions"])


def test_an_inspector_counts_the_open_inspections(web: WebClient, cast: Cast, inspection: Inspection) -> None:
    assert web.as_(cast.ines).get(URL).json()["open_inspections"] == 1
    assert web.as_(cast.ivo).get(URL).json()["open_inspections"] == 0
    Inspection.objects.update(status="closed")
    assert web.as_(cast.ines).get(URL).json()["open_inspections"] == 0


def test_being_a_superuser_adds_no_region_and_no_level(web: WebClient, cast: Cast) -> None:
    before = web.as_(cast.aldo).get(URL).content
    User.objects.filter(username="aldo").update(is_superuser=True, is_staff=True)
    assert web.as_(cast.aldo).get(URL).content == before


def test_without_a_token_nobody_is_anybody(web: WebClient, cast: Cast) -> None:
    answer = web.get(URL)
    assert_problem(answer, 401, "not-authenticated")
    assert answer["WWW-Authenticate"] == 'Token realm="penumbra"'


def test_me_takes_no_parameter(web: WebClient, cast: Cast) -> None:
    problem = assert_problem(web.as_(cast.rosa).get(f"{URL}?user=otis"), 400, "invalid")
    assert problem["errors"] == [{"field": "user", "detail": "Unknown parameter."}]
