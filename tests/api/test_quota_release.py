"""`POST /api/v1/quotas/{username}/release`, and the quota of exact cells a day that it is about."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from monitor.models import Alert, Inspection
from tests.api.answers import assert_problem, cells_of, outcomes_of, outward_of
from tests.api.conftest import EASTERN_SITE, WebClient
from tests.builders import cell_at, put_cells
from tests.cast import Cast, Person
from tests.rights import limit_quota
from tests.roles import read_rows

ACTIVITY = "/api/v1/activity"
MORE = [cell_at(20.2 + k / 100 + 0.005, 2.305) for k in range(8)]
"""Eight more cells of the east, behind the site's two in the order of numbers."""


@pytest.fixture
def cells(cast: Cast, model: UUID, alert: Alert) -> list[tuple[int, int]]:
    """Ten active cells in the east."""
    put_cells(model, MORE)
    return [*EASTERN_SITE, *MORE]


def quota_of(web: WebClient, person: Person) -> tuple[int, int, int]:
    """Cells a day, used, left, as somebody reads their own."""
    quota = web.as_(person).get("/api/v1/me").json()["quota"]
    return quota["per_day"], quota["used"], quota["left"]


def release(web: WebClient, person: Person, username: str, cells: int | None = None) -> Any:
    """Somebody releases."""
    return web.as_(person).post(
        f"/api/v1/quotas/{username}/release", {} if cells is None else {"cells": cells}, format="json"
    )


def test_different_cells_count_and_the_same_ones_do_not_count_again(
    web: WebClient, cast: Cast, alert: Alert, cells: object
) -> None:
    client = web.as_(cast.rosa)
    assert quota_of(web, cast.rosa) == (20_000, 0, 20_000)
    for _ in range(2):
        client.get(f"/api/v1/alerts/{alert.id}/site")
        assert quota_of(web, cast.rosa) == (20_000, 2, 19_998)
    for _ in range(2):
        client.get(ACTIVITY)
        assert quota_of(web, cast.rosa) == (20_000, 10, 19_990)
    assert quota_of(web, cast.anna)[1] == 0


def test_what_was_counted_is_what_was_disclosed(web: WebClient, cast: Cast, cells: list[Any]) -> None:
    told = cells_of(web.as_(cast.rosa).get(f"{ACTIVITY}?limit=7"))
    (row,) = read_rows(
        "SELECT array(SELECT generate_series(lower(r), upper(r) - 1) FROM unnest(cells) r), used FROM vault.cells_read"
        " WHERE user_id = %s",
        cast.rosa.user.id,
    )
    assert (sorted(row[0]), row[1]) == (sorted(told), 7)


def test_a_page_ends_where_the_quota_ends_and_the_next_one_is_refused(
    web: WebClient, cast: Cast, cells: list[Any]
) -> None:
    limit_quota(6)
    client = web.as_(cast.rosa)
    first = client.get(ACTIVITY)
    assert len(cells_of(first)) == 6
    answer = client.get(first.json()["next"])
    problem = assert_problem(answer, 429, "quota-spent")
    assert "release" in problem["detail"]
    assert 0 < int(answer["Retry-After"]) <= 86_400
    assert outcomes_of(answer) == [("read.activity", "refused"), ("refuse.quota", "refused")]
    assert quota_of(web, cast.rosa) == (6, 6, 0)


def test_a_spent_quota_answers_the_same_whatever_lies_there(
    web: WebClient, cast: Cast, alert: Alert, western_alert: Alert, cells: Any
) -> None:
    """Or the refusal would tell, box by box, where the cells are that it refuses."""
    limit_quota(3)
    client = web.as_(cast.rosa)
    client.get(ACTIVITY)
    row, col = MORE[-1]
    full, empty, seen = (
        client.get(f"{ACTIVITY}?bbox={west},{south},{west},{south}")
        for west, south in (
            ((col - 18000) / 100 + 0.004, (row - 9000) / 100 + 0.004),
            (20.394, 2.004),
            (20.104, 2.104),
        )
    )
    for answer in (full, empty, seen):
        assert_problem(answer, 429, "quota-spent")
    body = {outward_of(answer)[2] for answer in (full, empty, seen)}
    assert len(body) == 1
    assert_problem(client.get(f"/api/v1/alerts/{alert.id}/site"), 429, "quota-spent")
    hidden, absent = (client.get(f"/api/v1/alerts/{which}/site") for which in (western_alert.id, cast.east))
    assert_problem(hidden, 404, "not-found")
    assert outward_of(hidden) == outward_of(absent)


@pytest.mark.parametrize("second", ["adam", "otis"])
def test_somebody_else_releases_more(web: WebClient, cast: Cast, cells: Any, second: str) -> None:
    """Otis shares the west with Anna; Adam is an administrator."""
    limit_quota(4)
    client = web.as_(cast.anna)
    following = client.get(ACTIVITY).json()["next"]
    assert_problem(client.get(following), 429, "quota-spent")
    answer = release(web, cast.everybody()[second], "anna", 3)
    # how many Anna was shown is not told: a count of cells, and of regions that Otis does not hold
    assert (answer.status_code, answer.json()) == (200, {"username": "anna", "per_day": 7})
    assert outcomes_of(answer) == [("quota.release", "done")]
    assert len(cells_of(client.get(following))) == 3
    assert_problem(client.get(following), 429, "quota-spent")


def test_nobody_releases_for_oneself(web: WebClient, cast: Cast, cells: Any) -> None:
    assert_problem(release(web, cast.rosa, "rosa", 5), 403, "not-permitted")
    assert quota_of(web, cast.rosa)[0] == 20_000


@pytest.mark.parametrize(
    ("name", "status"), [("ines", 403), ("pia", 403), ("anna", 403), ("aldo", 403), ("finn", 403)]
)
def test_nobody_else_releases(web: WebClient, cast: Cast, name: str, status: int) -> None:
    assert_problem(release(web, cast.everybody()[name], "rosa", 5), status)


def test_whoever_one_does_not_decide_about_answers_exactly_like_nobody(web: WebClient, cast: Cast) -> None:
    answers = [release(web, cast.rosa, name, 5) for name in ("nobody", "otis", "pia", "finn", "ines", "aldo")]
    for answer in answers:
        assert_problem(answer, 404, "not-found")
        assert outward_of(answer) == outward_of(answers[0])
        assert outcomes_of(answer) == outcomes_of(answers[0])


def test_a_name_that_no_database_takes_is_nobodys(web: WebClient, cast: Cast) -> None:
    for person in (cast.adam, cast.rosa):
        absent = outward_of(release(web, person, "nobody"))
        assert [outward_of(release(web, person, name)) for name in ("%00", "no%00body")] == [absent] * 2


def test_a_regulator_releases_for_the_inspector_of_an_open_inspection(
    web: WebClient, cast: Cast, inspection: Inspection
) -> None:
    limit_quota(1)
    url = f"/api/v1/inspections/{inspection.id}/site"
    # a site is shown whole, so it can take more than was left
    assert len(cells_of(web.as_(cast.ines).get(url))) == 2
    assert_problem(web.as_(cast.ines).get(url), 429, "quota-spent")
    assert_problem(release(web, cast.otis, "ines", 1), 404, "not-found")
    assert release(web, cast.rosa, "ines", 1).status_code == 200
    assert release(web, cast.adam, "ines", 1).status_code == 200
    assert len(cells_of(web.as_(cast.ines).get(url))) == 2


@pytest.mark.parametrize("cells", [0, -1, 20_001, "many", 1.5, None, "1_000", "+5"])
def test_a_day_at_most_is_released_at_a_time(web: WebClient, cast: Cast, cells: Any) -> None:
    answer = web.as_(cast.adam).post("/api/v1/quotas/rosa/release", {"cells": cells}, format="json")
    assert_problem(answer, 400, "invalid")


def test_without_a_number_one_day_is_released(web: WebClient, cast: Cast) -> None:
    assert release(web, cast.adam, "rosa").json()["per_day"] == 40_000


@pytest.mark.parametrize("name", ["pia", "mallory", "aldo", "adam", "finn"])
def test_whoever_sees_no_cell_has_no_quota(web: WebClient, cast: Cast, name: str) -> None:
    assert web.as_(cast.everybody()[name]).get("/api/v1/me").json()["quota"] is None


def test_the_quota_begins_anew_with_the_day(web: WebClient, cast: Cast, cells: Any) -> None:
    limit_quota(4)
    web.as_(cast.rosa).get(ACTIVITY)
    assert quota_of(web, cast.rosa) == (4, 4, 0)
    read_rows("UPDATE vault.cells_read SET day = day - %s RETURNING day", timedelta(days=1).days)
    assert quota_of(web, cast.rosa) == (4, 0, 4)


def test_no_header_tells_how_much_is_left(web: WebClient, cast: Cast, cells: Any) -> None:
    """Headers count requests at most; what hangs on rows stays in the body of `me` (LC-55)."""
    headers = dict(web.as_(cast.rosa).get(ACTIVITY).items())
    assert not {name for name in headers if "quota" in name.lower() or "limit" in name.lower()}
