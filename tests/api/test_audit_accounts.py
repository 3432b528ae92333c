"""`/api/v1/audit/accounts/{id}`: what an account has seen, how much of each region, beside its peers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from accounts.roles import Role
from monitor.models import Alert
from tests.api.answers import assert_problem, ledger_of
from tests.api.conftest import EASTERN_SITE, WebClient
from tests.builders import OPEN_CHANGES, cell_at, leave_entry_open, put_cells
from tests.cast import Cast, Person, hire


def url_of(person: Person) -> str:
    """The address of a person's account."""
    return f"/api/v1/audit/accounts/{person.user.pseudonym}"


BEGAN = timezone.now().isoformat()


@pytest.fixture(autouse=True)
def _began(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger is never rolled back: what other tests wrote is older than this."""
    monkeypatch.setitem(globals(), "BEGAN", timezone.now().isoformat())


def read(web: WebClient, cast: Cast, person: Person, **query: Any) -> dict[str, Any]:
    """What Aldo is told of an account, since the test began."""
    answer = web.as_(cast.aldo).get(url_of(person), {"since": BEGAN, **query})
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def test_an_account_is_told_by_level_purpose_and_share_of_each_region(
    web: WebClient, cast: Cast, alert: Alert
) -> None:
    for _ in range(2):
        web.as_(cast.rosa).get(f"/api/v1/alerts/{alert.id}/site")
    web.as_(cast.rosa).get("/api/v1/activity")
    body = read(web, cast, cast.rosa)
    assert body.keys() == {"actor", "since", "until", "refusals", "readings", "shares"}
    (readings,) = body["readings"]
    assert (readings["role"], readings["level"], readings["purpose"]) == (
        "regulator",
        0,
        "inspection-planning",
    )
    assert (readings["answers"], readings["unfinished"]) == (3, 0)
    assert body["shares"] == [
        {
            "role": "regulator",
            "region": str(cast.east),
            "seen": len(EASTERN_SITE),
            "size": 1600,
            "peers": 0,
            "peers_median": None,
            "peers_most": None,
        }
    ]


def test_a_cell_that_was_shown_twice_is_counted_once(web: WebClient, cast: Cast, model: UUID) -> None:
    put_cells(model, [cell_at(20.005 + i / 100, 2.005) for i in range(7)])
    for box in ("20,2,20.03,2.01", "20.01,2,20.05,2.01"):
        web.as_(cast.rosa).get(f"/api/v1/activity?bbox={box}")
    (share,) = read(web, cast, cast.rosa)["shares"]
    assert share["seen"] == 5


def test_peers_are_others_who_saw_some_of_the_region_in_the_same_role(
    web: WebClient, cast: Cast, model: UUID
) -> None:
    put_cells(model, [cell_at(20.005 + i / 100, 2.005) for i in range(7)])
    for number, east in enumerate(("20.01", "20.02", "20.07")):
        peer = hire(f"peer{number}", Role.REGULATOR, cast.east)
        web.as_(peer).get(f"/api/v1/activity?bbox=20,2,{east},2.01")
    web.as_(cast.anna).get("/api/v1/activity")
    web.as_(cast.rosa).get("/api/v1/activity?bbox=20,2,20.05,2.01")
    (share,) = read(web, cast, cast.rosa)["shares"]
    assert (share["seen"], share["peers"], share["peers_median"], share["peers_most"]) == (5, 3, 2, 7)
    assert {each["role"] for each in read(web, cast, cast.anna)["shares"]} == {"analyst"}


def test_refusals_are_counted_and_show_nothing(web: WebClient, cast: Cast, alert: Alert) -> None:
    web.as_(cast.otis).get(f"/api/v1/alerts/{alert.id}/site")
    body = read(web, cast, cast.otis)
    assert (body["refusals"], body["readings"], body["shares"]) == (1, [], [])


@pytest.mark.parametrize(("action", "level"), OPEN_CHANGES)
def test_a_change_without_completion_is_no_answer(
    web: WebClient, cast: Cast, alert: Alert, action: str, level: int
) -> None:
    leave_entry_open(cast.rosa, action, level, [cast.east])
    assert read(web, cast, cast.rosa)["readings"] == []
    web.as_(cast.rosa).get(f"/api/v1/alerts/{alert.id}/site")
    (readings,) = read(web, cast, cast.rosa)["readings"]
    assert (readings["level"], readings["answers"], readings["unfinished"]) == (0, 1, 0)


def test_the_question_is_bounded_in_time(web: WebClient, cast: Cast, alert: Alert) -> None:
    web.as_(cast.rosa).get(f"/api/v1/alerts/{alert.id}/site")
    later = (timezone.now() + timedelta(seconds=5)).isoformat()
    assert read(web, cast, cast.rosa, since=later)["shares"] == []
    assert len(read(web, cast, cast.rosa, until=later)["shares"]) == 1


def test_the_question_is_an_entry_itself(web: WebClient, cast: Cast) -> None:
    (line,) = ledger_of(web.as_(cast.aldo).get(url_of(cast.rosa)))
    assert (line.action, line.outcome, line.level) == ("read.account", "answered", None)


def test_a_pseudonym_of_nobody_is_not_one_that_has_seen_nothing(web: WebClient, cast: Cast) -> None:
    assert_problem(web.as_(cast.aldo).get(f"/api/v1/audit/accounts/{uuid4()}"), 404, "not-found")
    assert read(web, cast, cast.otis)["readings"] == []


def test_a_pseudonym_in_capitals_is_the_same(web: WebClient, cast: Cast) -> None:
    since = {"since": BEGAN}
    asked = web.as_(cast.aldo)
    prefix, _, actor = url_of(cast.rosa).rpartition("/")
    assert asked.get(f"{prefix}/{actor.upper()}", since).json() == asked.get(url_of(cast.rosa), since).json()
    assert_problem(asked.get(f"{prefix}/{actor.replace('-', '')}"), 404, "not-found")


@pytest.mark.parametrize("name", ["rosa", "pia", "adam", "mallory"])
def test_nobody_but_an_auditor_asks(web: WebClient, cast: Cast, name: str) -> None:
    assert_problem(web.as_(cast.everybody()[name]).get(url_of(cast.rosa)), 403, "not-permitted")
