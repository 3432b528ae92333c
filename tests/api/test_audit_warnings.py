"""`/api/v1/audit/warnings`: accounts that read as if to harvest, by day and sign, and no place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from accounts.ledger.keyed import digest_cells
from accounts.roles import Role
from monitor.privacy import harvest
from tests.api.answers import assert_problem, ledger_of
from tests.api.conftest import WebClient
from tests.builders import OPEN_CHANGES, cell_at, leave_entry_open, put_cells
from tests.cast import Cast, Person, hire
from tests.ledger.conftest import connect

URL = "/api/v1/audit/warnings"
FIELDS = {
    *(
        "actor",
        "role",
        "day",
        "sign",
        "answers",
        "at_night",
        "fresh",
        "seen",
        "seen_in_all",
        "allowed",
        "unfinished",
    ),
    *("stopped", "first_at", "last_at"),
}


@pytest.fixture
def began(db: None) -> str:
    """The ledger is never rolled back: what other tests wrote is older than this."""
    return timezone.now().isoformat()


@pytest.fixture
def cells(model: UUID) -> list[tuple[int, int]]:
    """Twelve cells in a row in the east."""
    cells = [cell_at(20.005 + number / 100, 2.005) for number in range(12)]
    put_cells(model, cells)
    return cells


def ask(web: WebClient, cast: Cast, **query: Any) -> list[dict[str, Any]]:
    """What Aldo is told."""
    answer = web.as_(cast.aldo).get(URL, query)
    assert answer.status_code == 200, answer.content
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def read_boxes(web: WebClient, cast: Cast, numbers: range) -> None:
    """Rosa goes along the row, box by box."""
    for number in numbers:
        west = 20 + number / 100
        answer = web.as_(cast.rosa).get(f"/api/v1/activity?bbox={west + 0.002},2.002,{west + 0.008},2.008")
        assert len(answer.json()["features"]) == 1


def test_boxes_beside_each_other_are_tiling(
    web: WebClient, cast: Cast, cells: list[tuple[int, int]], began: str
) -> None:
    read_boxes(web, cast, range(9))
    assert ask(web, cast, since=began, night_from=3, night_to=3) == []
    read_boxes(web, cast, range(9, 11))
    (item,) = ask(web, cast, since=began, night_from=3, night_to=3)
    assert item.keys() == FIELDS
    assert (item["actor"], item["sign"]) == (str(cast.rosa.user.pseudonym), "tiling")
    assert (item["answers"], item["seen"], item["role"]) == (11, 11, "regulator")
    assert item["fresh"] == 11
    for _ in range(3):
        read_boxes(web, cast, range(3))  # read again: that takes nothing away
    (item,) = ask(web, cast, since=began, night_from=3, night_to=3)
    assert (item["sign"], item["answers"], item["fresh"]) == ("tiling", 20, 11)


def test_boxes_that_only_grow_are_not(
    web: WebClient, cast: Cast, cells: list[tuple[int, int]], began: str
) -> None:
    """Each brings one cell more, and all those of before again."""
    for number in range(1, 13):
        box = f"20.002,2.002,{20 + number / 100 - 0.002},2.008"
        assert len(web.as_(cast.rosa).get(f"/api/v1/activity?bbox={box}").json()["features"]) == number
    assert ask(web, cast, since=began, night_from=3, night_to=3) == []


@pytest.mark.parametrize(("before", "is_fresh"), [(1, True), (2, False)])
def test_an_answer_is_fresh_where_nine_cells_in_ten_are_new(
    web: WebClient,
    cast: Cast,
    cells: list[tuple[int, int]],
    began: str,
    monkeypatch: pytest.MonkeyPatch,
    before: int,
    is_fresh: bool,
) -> None:
    monkeypatch.setattr(harvest, "TILING_ANSWERS", 2)
    for number in (before, 10):
        web.as_(cast.rosa).get(f"/api/v1/activity?limit={number}")
    told = ask(web, cast, since=began, night_from=3, night_to=3)
    assert [(item["sign"], item["fresh"], item["seen"]) for item in told] == [("tiling", 2, 10)] * is_fresh


def test_the_same_question_again_and_again_is_not(
    web: WebClient, cast: Cast, cells: list[tuple[int, int]], began: str
) -> None:
    for _ in range(12):
        web.as_(cast.rosa).get("/api/v1/activity")
    assert ask(web, cast, since=began, night_from=3, night_to=3) == []


def test_which_hours_are_night_is_for_the_auditor_to_say(
    web: WebClient, cast: Cast, cells: list[tuple[int, int]], began: str
) -> None:
    for _ in range(5):
        web.as_(cast.rosa).get("/api/v1/activity")
    hour = timezone.now().hour
    night, day = (hour - 1) % 24, (hour + 2) % 24
    (item,) = ask(web, cast, since=began, night_from=night, night_to=day)
    assert (item["sign"], item["at_night"]) == ("odd-hours", 5)
    assert ask(web, cast, since=began, night_from=day, night_to=night) == []


def test_open_readings_are_counted_and_open_changes_are_not(
    web: WebClient, cast: Cast, cells: list[tuple[int, int]], began: str
) -> None:
    for action, level in (*OPEN_CHANGES, ("read.activity", 0)):
        leave_entry_open(cast.rosa, action, level, [cast.east])
    read_boxes(web, cast, range(11))
    (item,) = ask(web, cast, since=began, night_from=3, night_to=3)
    assert (item["sign"], item["answers"], item["unfinished"]) == ("tiling", 11, 1)


def test_a_spent_quota_is_the_edge_of_it(
    web: WebClient, cast: Cast, cells: list[tuple[int, int]], began: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harvest, "QUOTA_EDGE", 12 / 20_000)
    web.as_(cast.rosa).get("/api/v1/activity")
    signs = {item["sign"]: item for item in ask(web, cast, since=began, night_from=3, night_to=3)}
    assert signs["quota-edge"]["seen"] == 12
    assert signs["quota-edge"]["allowed"] == 20_000


def test_many_cells_are_many_beside_others_in_the_same_role(
    web: WebClient, cast: Cast, cells: list[tuple[int, int]], began: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harvest, "MANY_MIN", 10)
    peer = hire("peer", Role.REGULATOR, cast.east)
    web.as_(peer).get("/api/v1/activity?bbox=20.002,2.002,20.018,2.008")
    web.as_(cast.rosa).get("/api/v1/activity")
    (item,) = ask(web, cast, since=began, night_from=3, night_to=3)
    assert (item["actor"], item["sign"], item["seen"]) == (str(cast.rosa.user.pseudonym), "many-cells", 12)


def write_readings(person: Person, days: Sequence[datetime], cells: Sequence[Sequence[int]]) -> None:
    """Exact answers of days that are over: on each day one, with these cells."""
    with connect() as owner:
        for day, shown in zip(days, cells, strict=True):
            entry = uuid4()
            owner.execute(
                "INSERT INTO ledger.entry (id, nonce, actor, role, action, endpoint, level, request_id, at)"
                " VALUES (%s, %s, %s, 'regulator', 'read.activity', '/', 0, %s, %s)",
                [entry, entry.bytes, person.user.pseudonym, uuid4(), day],
            )
            owner.execute(
                "INSERT INTO ledger.completion (entry_id, outcome, quantity, answer_digest, cells_digest)"
                " VALUES (%s, 'answered', %s, '', %s)",
                [entry, len(shown), digest_cells(entry, list(shown))],
            )
            owner.execute(
                "INSERT INTO ledger.disclosure (entry_id, cells) VALUES (%s, %s)", [entry, list(shown)]
            )


def test_a_little_each_day_is_much_over_time(web: WebClient, cast: Cast) -> None:
    first = timezone.now() - timedelta(days=90)
    days = [first + timedelta(days=number) for number in range(8)]
    peer = hire("peer", Role.REGULATOR, cast.east)
    write_readings(cast.rosa, days, [range(40 * number, 40 * number + 50) for number in range(8)])
    write_readings(peer, days, [range(50)] * 8)
    asked: dict[str, Any] = {"since": days[0].isoformat(), "night_from": 3, "night_to": 3}
    (item,) = ask(web, cast, until=(days[7] + timedelta(hours=1)).isoformat(), **asked)
    assert (item["actor"], item["sign"]) == (str(cast.rosa.user.pseudonym), "many-over-time")
    # forty of each day are new, and ten were shown the day before
    assert (item["day"], item["seen"], item["seen_in_all"]) == (days[7].date().isoformat(), 50, 330)
    # of four days it is less than 200
    assert ask(web, cast, until=days[4].isoformat(), **asked) == []


def test_the_question_is_bounded_in_time_and_far_ends_are_taken(
    web: WebClient, cast: Cast, began: str
) -> None:
    later = (timezone.now() + timedelta(days=1)).isoformat()
    assert ask(web, cast, since=later) == []
    assert ask(web, cast, until="0001-01-01T00:00:00Z") == []
    assert ask(web, cast, since=began, until="9999-12-31T00:00:00Z") == []


def test_the_question_is_an_entry_itself(web: WebClient, cast: Cast) -> None:
    (line,) = ledger_of(web.as_(cast.aldo).get(URL))
    assert (line.action, line.outcome, line.level) == ("read.warnings", "answered", None)


@pytest.mark.parametrize("name", ["rosa", "pia", "adam", "mallory"])
def test_nobody_but_an_auditor_asks(web: WebClient, cast: Cast, name: str) -> None:
    assert_problem(web.as_(cast.everybody()[name]).get(URL), 403, "not-permitted")
