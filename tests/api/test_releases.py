"""`/api/v1/releases`: what was published and when, for partners and auditors; never what is in it."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from monitor.services.releases import publish_release
from tests.api.answers import assert_problem, ledger_of, outcomes_of
from tests.api.conftest import EASTERN_SITE, WESTERN_SITE, WebClient
from tests.builders import put_cells
from tests.cast import Cast

URL = "/api/v1/releases"


@pytest.mark.parametrize(("name", "rows"), [("pia", 1), ("paul", 1), ("mallory", 0), ("aldo", 1)])
def test_a_batch_says_when_and_under_which_policy_and_counts_the_rows_that_the_viewer_receives(
    web: WebClient, cast: Cast, model: UUID, name: str, rows: int
) -> None:
    put_cells(model, EASTERN_SITE)
    published = publish_release(date(2026, 11, 20))
    answer = web.as_(cast.everybody()[name]).get(URL)
    (batch,) = answer.json()["items"]
    assert batch.keys() == {"id", "published_at", "policy_version", "digest", "rows"}
    assert (batch["id"], batch["rows"]) == (str(published.batch), rows)
    assert [(line.action, line.outcome, line.quantity) for line in ledger_of(answer)] == [
        ("read.releases", "answered", 1)
    ]


def test_a_batch_looks_the_same_to_a_partner_whatever_happens_in_a_region_they_do_not_receive(
    web: WebClient, cast: Cast, model: UUID
) -> None:
    put_cells(model, EASTERN_SITE)
    publish_release(date(2026, 11, 20))
    put_cells(model, WESTERN_SITE)
    publish_release(date(2026, 11, 20))
    with_west, without = web.as_(cast.pia).get(URL).json()["items"]
    assert (with_west["digest"], with_west["rows"]) == (without["digest"], without["rows"])
    with_west, without = web.as_(cast.paul).get(URL).json()["items"]
    assert (with_west["rows"], without["rows"]) == (2, 1)
    assert with_west["digest"] != without["digest"]


@pytest.mark.parametrize("name", ["rosa", "ines", "anna", "adam", "finn"])
def test_other_roles_are_refused_and_it_is_recorded(web: WebClient, cast: Cast, name: str) -> None:
    answer = web.as_(cast.everybody()[name]).get(URL)
    assert_problem(answer, 403, "not-permitted")
    assert outcomes_of(answer) == [("refuse.releases", "refused")]


def test_pages_of_releases_follow_each_other_newest_first(web: WebClient, cast: Cast, model: UUID) -> None:
    made = []
    for day in (1, 2, 3):
        put_cells(model, EASTERN_SITE, observed_on=date(2026, 5 + day, 15))
        made.append(str(publish_release(date(2026, 7 + day, 1)).batch))
    client, url, seen = web.as_(cast.pia), f"{URL}?limit=2", []
    while url:
        body = client.get(url).json()
        seen += [item["id"] for item in body["items"]]
        url = body["next"]
    assert seen == made[::-1]


@pytest.mark.parametrize("query", ["limit=0", "cursor=x", "period=2026-09", "region=x"])
def test_what_is_not_understood_is_400(web: WebClient, cast: Cast, query: str) -> None:
    assert_problem(web.as_(cast.pia).get(f"{URL}?{query}"), 400)
