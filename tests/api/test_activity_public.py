"""`GET /api/v1/activity` without an account: nothing, unless the installation answers the public; then L3, late."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from django.conf import LazySettings

from monitor.grid import Level
from monitor.services.releases import publish_release
from tests.api.answers import assert_problem, entry_of
from tests.api.conftest import EASTERN_SITE, WESTERN_SITE, WebClient
from tests.builders import put_cells
from tests.cast import Cast
from tests.rights import set_posture
from tests.roles import read_rows

URL = "/api/v1/activity"


@pytest.fixture
def published(cast: Cast, model: UUID) -> UUID:
    """A batch on the day on which the second quarter is 90 days over. The third is not."""
    put_cells(model, EASTERN_SITE, observed_on=date(2026, 4, 2), around=Level.L3)
    put_cells(model, WESTERN_SITE, observed_on=date(2026, 5, 15), around=Level.L3)
    put_cells(model, EASTERN_SITE, observed_on=date(2026, 7, 15), around=Level.L3)
    return publish_release(date(2026, 9, 29)).batch


@pytest.fixture
def opened(settings: LazySettings) -> None:
    """The public is answered."""
    settings.PUBLIC_ACCESS = True


def rows_of(answer: Any) -> set[tuple[str, int, int, str]]:
    """Level, position and period of the blocks of an answer."""
    assert answer.status_code == 200, answer.content
    features = [feature["properties"] for feature in answer.json()["features"]]
    return {(f["level"], f["row"], f["col"], f["period"]) for f in features}


def test_the_public_is_not_answered_unless_an_installation_says_so(web: WebClient, published: UUID) -> None:
    assert_problem(web.as_(None).get(URL), 401, "not-authenticated")


@pytest.mark.usefixtures("opened")
def test_the_public_gets_whole_degrees_by_quarter_ninety_days_late(web: WebClient, published: UUID) -> None:
    answer = web.as_(None).get(URL)
    assert rows_of(answer) == {("L3", 92, 199, "2026-Q2"), ("L3", 92, 200, "2026-Q2")}
    body = answer.json()
    assert (body["level"], body["precision_deg"], body["rule"]) == ("L3", 1, "public-blocks")
    assert rows_of(web.as_(None).get(f"{URL}?period=2026-Q3")) == set()
    assert rows_of(web.as_(None).get(f"{URL}?period=2026-05")) == set()
    assert rows_of(web.as_(None).get(f"{URL}?level=L1")) == rows_of(answer)
    assert rows_of(web.as_(None).get(f"{URL}?bbox=20.1,2.1,20.2,2.2")) == {("L3", 92, 200, "2026-Q2")}


@pytest.mark.usefixtures("opened")
def test_the_day_before_it_gets_nothing_of_the_quarter(web: WebClient, cast: Cast, model: UUID) -> None:
    put_cells(model, EASTERN_SITE, observed_on=date(2026, 4, 2), around=Level.L3)
    publish_release(date(2026, 9, 28))
    assert rows_of(web.as_(None).get(URL)) == set()


@pytest.mark.usefixtures("opened")
def test_pages_of_the_public_follow_each_other(web: WebClient, published: UUID) -> None:
    first = web.as_(None).get(f"{URL}?limit=1")
    second = web.as_(None).get(first.json()["next"])
    assert rows_of(first) | rows_of(second) == {("L3", 92, 199, "2026-Q2"), ("L3", 92, 200, "2026-Q2")}
    assert second.json()["next"] is None


@pytest.mark.usefixtures("opened")
def test_a_seal_takes_nothing_from_the_public_because_it_sees_nothing_finer(
    web: WebClient, cast: Cast, published: UUID
) -> None:
    before = rows_of(web.as_(None).get(URL))
    set_posture(cast.east, "sealed")
    assert rows_of(web.as_(None).get(URL)) == before


@pytest.mark.usefixtures("opened")
def test_what_the_public_reads_is_an_entry_of_nobody(web: WebClient, published: UUID) -> None:
    answer = web.as_(None).get(URL)
    assert read_rows(
        "SELECT actor, role, action, level, rule, regions FROM ledger.entry WHERE id = %s", entry_of(answer)
    ) == [(None, "public", "read.activity", 3, "public-blocks", [])]


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize(
    "path", ["me", "releases", "alerts", "inspections", "scenes", "audit/entries", "grants"]
)
def test_nothing_else_is_open_to_the_public(web: WebClient, published: UUID, path: str) -> None:
    assert_problem(web.as_(None).get(f"/api/v1/{path}"), 401, "not-authenticated")


@pytest.mark.usefixtures("opened")
def test_a_wrong_token_is_not_the_public(web: WebClient, published: UUID) -> None:
    client = WebClient()
    client.credentials(HTTP_AUTHORIZATION="Token pen_wrong")
    assert_problem(client.get(URL), 401, "authentication-failed")


@pytest.mark.usefixtures("opened")
def test_the_public_has_a_limit_of_its_own(web: WebClient, published: UUID, settings: LazySettings) -> None:
    settings.PUBLIC_REQUESTS_PER_MINUTE = 2
    for _ in range(2):
        assert web.as_(None).get(URL).status_code == 200
    assert_problem(web.as_(None).get(URL), 429, "throttled")


@pytest.mark.usefixtures("opened")
def test_an_account_with_a_role_that_sees_nothing_does_not_become_the_public(
    web: WebClient, cast: Cast, published: UUID
) -> None:
    for person in (cast.aldo, cast.adam, cast.finn, cast.ines):
        assert_problem(web.as_(person).get(URL), 403, "not-permitted")
