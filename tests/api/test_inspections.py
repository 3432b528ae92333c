"""`/api/v1/inspections` and `/{id}`: whose inspections somebody may list and read, without a place."""

from __future__ import annotations

from uuid import uuid4

import pytest

from monitor.models import Alert, Inspection
from tests.api.answers import assert_problem, ledger_of, outcomes_of, outward_of
from tests.api.conftest import WebClient
from tests.builders import make_alert, make_inspection
from tests.cast import Cast

URL = "/api/v1/inspections"
FIELDS = {"id", "alert", "region", "inspector", "status", "opens_at", "expires_at", "findings"}


@pytest.fixture
def western_inspection(cast: Cast, western_alert: Alert) -> Inspection:
    """Otis has given the western alert to Ivo, who has accepted it."""
    return make_inspection(western_alert, cast.ivo.user, cast.otis.user)


@pytest.mark.parametrize(
    ("name", "whose"), [("rosa", "east"), ("ines", "east"), ("otis", "west"), ("ivo", "west")]
)
def test_regulators_list_those_of_the_mandate_and_inspectors_their_own(
    web: WebClient, cast: Cast, inspection: Inspection, western_inspection: Inspection, name: str, whose: str
) -> None:
    answer = web.as_(cast.everybody()[name]).get(URL)
    expected = inspection if whose == "east" else western_inspection
    assert [item["id"] for item in answer.json()["items"]] == [str(expected.id)]
    assert [(line.action, line.outcome, line.quantity) for line in ledger_of(answer)] == [
        ("read.inspections", "answered", 1)
    ]


def test_an_inspection_says_nothing_but_its_listed_fields(
    web: WebClient, cast: Cast, inspection: Inspection
) -> None:
    item = web.as_(cast.ines).get(f"{URL}/{inspection.id}").json()
    assert item.keys() == FIELDS
    assert (item["alert"], item["inspector"], item["status"]) == (
        str(inspection.alert_id),
        "ines",
        "accepted",
    )
    assert web.as_(cast.ines).get(URL).json()["items"] == [item]


@pytest.mark.parametrize("name", ["otis", "ivo"])
def test_an_inspection_of_somebody_else_looks_exactly_like_none(
    web: WebClient, cast: Cast, inspection: Inspection, name: str
) -> None:
    client = web.as_(cast.everybody()[name])
    hidden, absent = client.get(f"{URL}/{inspection.id}"), client.get(f"{URL}/{uuid4()}")
    assert_problem(hidden, 404, "not-found")
    assert outward_of(hidden) == outward_of(absent)
    assert outcomes_of(hidden) == [("read.inspection", "refused")]
    assert client.get(URL).json()["items"] == []


@pytest.mark.parametrize("name", ["pia", "aldo", "anna", "adam", "finn", "mallory"])
def test_no_other_role_sees_an_inspection(
    web: WebClient, cast: Cast, inspection: Inspection, name: str
) -> None:
    client = web.as_(cast.everybody()[name])
    for url in (URL, f"{URL}/{inspection.id}"):
        answer = client.get(url)
        assert_problem(answer, 403, "not-permitted")
        assert [outcome for _, outcome in outcomes_of(answer)] == ["refused"]


def test_inspections_are_filtered_by_status(web: WebClient, cast: Cast, inspection: Inspection) -> None:
    client = web.as_(cast.ines)
    assert len(client.get(URL, {"status": "accepted"}).json()["items"]) == 1
    assert client.get(URL, {"status": "closed"}).json()["items"] == []


def test_pages_of_inspections_follow_each_other(web: WebClient, cast: Cast) -> None:
    made = {
        str(make_inspection(make_alert(cast.east, []), cast.ines.user, cast.rosa.user).id) for _ in range(3)
    }
    client, url, seen = web.as_(cast.ines), f"{URL}?limit=2", []
    while url:
        body = client.get(url).json()
        seen += [item["id"] for item in body["items"]]
        url = body["next"]
    assert len(seen) == 3
    assert set(seen) == made


@pytest.mark.parametrize(
    "query", ["inspector=ines", "status=open", "limit=-1", "cursor=x", "alert=1", "bbox=0,0,1,1"]
)
def test_what_is_not_understood_is_400(web: WebClient, cast: Cast, query: str) -> None:
    assert_problem(web.as_(cast.ines).get(f"{URL}?{query}"), 400)


def test_one_inspection_takes_no_parameter(web: WebClient, cast: Cast, inspection: Inspection) -> None:
    assert_problem(web.as_(cast.ines).get(f"{URL}/{inspection.id}?expand=site"), 400, "invalid")
