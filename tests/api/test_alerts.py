"""`/api/v1/alerts`, `/{id}` and `/{id}/history`: what a regulator may know of the alerts of the mandate, without a place."""

from __future__ import annotations

from uuid import uuid4

import pytest

from monitor.models import Alert, AlertMove
from tests.api.answers import assert_problem, ledger_of, outcomes_of, outward_of
from tests.api.conftest import WebClient
from tests.builders import make_alert
from tests.cast import Cast

URL = "/api/v1/alerts"
FIELDS = {"id", "region", "kind", "mine_class", "confidence", "status", "dismissal", "raised_at"}


def test_a_regulator_lists_the_alerts_of_the_mandate_and_no_other(
    web: WebClient, cast: Cast, alert: Alert, western_alert: Alert
) -> None:
    answer = web.as_(cast.rosa).get(URL)
    assert answer.status_code == 200
    assert [item["id"] for item in answer.json()["items"]] == [str(alert.id)]
    assert [item["id"] for item in web.as_(cast.otis).get(URL).json()["items"]] == [str(western_alert.id)]


def test_an_alert_says_nothing_but_its_listed_fields(web: WebClient, cast: Cast, alert: Alert) -> None:
    client = web.as_(cast.rosa)
    for item in (client.get(URL).json()["items"][0], client.get(f"{URL}/{alert.id}").json()):
        assert item.keys() == FIELDS
        assert (item["region"], item["status"], item["dismissal"]) == (str(cast.east), "raised", "")


def test_alerts_without_a_place_need_no_purpose(web: WebClient, cast: Cast, alert: Alert) -> None:
    client = web.as_(cast.rosa)
    client.credentials(HTTP_AUTHORIZATION=cast.rosa.headers["authorization"])
    assert client.get(URL).status_code == client.get(f"{URL}/{alert.id}").status_code == 200


def test_listing_alerts_is_an_entry_that_counts_what_left(web: WebClient, cast: Cast, alert: Alert) -> None:
    (line,) = ledger_of(web.as_(cast.rosa).get(URL))
    assert (line.action, line.outcome, line.quantity, line.role) == (
        "read.alerts",
        "answered",
        1,
        "regulator",
    )
    assert (line.level, line.purpose) == (None, "inspection-planning")


def test_alerts_are_filtered_by_status_and_region(web: WebClient, cast: Cast, alert: Alert) -> None:
    client = web.as_(cast.rosa)
    assert len(client.get(URL, {"status": "raised", "region": str(cast.east)}).json()["items"]) == 1
    assert client.get(URL, {"status": "closed"}).json()["items"] == []


def test_a_region_of_somebody_else_lists_like_one_that_does_not_exist(
    web: WebClient, cast: Cast, alert: Alert, western_alert: Alert
) -> None:
    client = web.as_(cast.rosa)
    hidden = client.get(URL, {"region": str(cast.west)})
    absent = client.get(URL, {"region": str(uuid4())})
    assert outward_of(hidden) == outward_of(absent)
    assert hidden.json()["items"] == []


def test_pages_of_alerts_follow_each_other_newest_first_without_gap_or_overlap(
    web: WebClient, cast: Cast
) -> None:
    raised = [str(make_alert(cast.east, []).id) for _ in range(5)]
    client, url, pages = web.as_(cast.rosa), f"{URL}?limit=2&status=raised", []
    while url:
        body = client.get(url).json()
        pages.append([item["id"] for item in body["items"]])
        url = body["next"]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [identifier for page in pages for identifier in page] == raised[::-1]


def test_a_cursor_of_another_question_or_person_is_refused(web: WebClient, cast: Cast) -> None:
    for region in (cast.east, cast.west):
        for _ in range(2):
            make_alert(region, [])
    following = web.as_(cast.rosa).get(f"{URL}?limit=1").json()["next"]
    others = web.as_(cast.otis).get(following)
    assert_problem(others, 404, "cursor-unusable")
    assert_problem(web.as_(cast.rosa).get(f"{following}&status=raised"), 404, "cursor-unusable")
    assert outward_of(others) == outward_of(web.as_(cast.otis).get(f"{URL}?limit=1&cursor={'A' * 120}"))


@pytest.mark.parametrize("path", ["", "/history"])
def test_a_hidden_alert_looks_exactly_like_one_that_does_not_exist(
    web: WebClient, cast: Cast, western_alert: Alert, path: str
) -> None:
    client = web.as_(cast.rosa)
    hidden = client.get(f"{URL}/{western_alert.id}{path}")
    absent = client.get(f"{URL}/{uuid4()}{path}")
    assert_problem(hidden, 404, "not-found")
    assert outward_of(hidden) == outward_of(absent)
    assert ledger_of(hidden) == ledger_of(absent)


def test_a_hidden_alert_is_recorded_as_a_refusal(web: WebClient, cast: Cast, western_alert: Alert) -> None:
    answer = web.as_(cast.rosa).get(f"{URL}/{western_alert.id}")
    assert outcomes_of(answer) == [("read.alert", "refused")]


def test_a_role_without_business_here_is_recorded_as_a_refusal(
    web: WebClient, cast: Cast, alert: Alert
) -> None:
    answer = web.as_(cast.pia).get(f"{URL}/{alert.id}")
    assert_problem(answer, 403, "not-permitted")
    assert outcomes_of(answer) == [("refuse.alert", "refused")]


def test_a_superuser_is_shown_no_alert(web: WebClient, cast: Cast, alert: Alert) -> None:
    for person in (cast.adam, cast.mallory):
        for path in (URL, f"{URL}/{alert.id}", f"{URL}/{alert.id}/history", f"{URL}/{alert.id}/site"):
            assert web.as_(person).get(path).status_code == 403


def test_a_regulator_without_the_mandate_any_more_sees_nothing_at_once(
    web: WebClient, cast: Cast, alert: Alert
) -> None:
    assert web.as_(cast.rosa).get(f"{URL}/{alert.id}").status_code == 200
    cast.rosa.user.regionuserpermission_set.all().delete()
    assert_problem(web.as_(cast.rosa).get(f"{URL}/{alert.id}"), 404)
    assert web.as_(cast.rosa).get(URL).json()["items"] == []


def test_the_history_tells_who_moved_an_alert_and_when_oldest_first(
    web: WebClient, cast: Cast, alert: Alert
) -> None:
    AlertMove.objects.create(alert=alert, status="dismissed", reason="cloud", moved_by=cast.rosa.user)
    answer = web.as_(cast.rosa).get(f"{URL}/{alert.id}/history")
    moves = answer.json()["items"]
    assert [(move["status"], move["reason"], move["moved_by"]) for move in moves] == [
        ("raised", "", None),
        ("dismissed", "cloud", "rosa"),
    ]
    assert all(move.keys() == {"status", "reason", "moved_by", "moved_at"} for move in moves)
    assert [(line.action, line.quantity) for line in ledger_of(answer)] == [("read.alert_history", 2)]


@pytest.mark.parametrize(
    "query",
    [
        "nonsense=1",
        "region=east",
        "status=happy",
        "limit=0",
        "limit=10001",
        "limit=ten",
        "limit=1&limit=2",
        "cursor=abc",
        "cursor=%00",
        "bbox=20,2,21,3",
        "ordering=raised_at",
        "fields=site",
    ],
)
def test_what_is_not_understood_is_400(web: WebClient, cast: Cast, query: str) -> None:
    answer = web.as_(cast.rosa).get(f"{URL}?{query}")
    assert_problem(answer, 400)
    assert "answered" not in [outcome for _, outcome in outcomes_of(answer)]


@pytest.mark.parametrize("path", ["", "/history", "/site"])
def test_one_alert_takes_no_parameter(web: WebClient, cast: Cast, alert: Alert, path: str) -> None:
    assert_problem(web.as_(cast.rosa).get(f"{URL}/{alert.id}{path}?expand=cells"), 400, "invalid")


@pytest.mark.parametrize(
    "path", ["/17", "/not-an-id", "/%00", "/", "/../me", "/0123456789abcdef0123456789abcdef"]
)
def test_what_is_no_id_is_not_there(web: WebClient, cast: Cast, path: str) -> None:
    assert_problem(web.as_(cast.rosa).get(f"{URL}{path}"), 404, "not-found")
