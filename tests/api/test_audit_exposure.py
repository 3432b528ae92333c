"""`/api/v1/audit/exposure`: who has seen the site of an alert, how sharply, what for, when; and never the site."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.utils import timezone

from accounts.ledger.keyed import keyed_reference
from accounts.roles import Role
from monitor.grid import Level
from monitor.models import Alert, Inspection
from monitor.privacy.door import exports
from monitor.services.releases import publish_release
from tests.api.answers import assert_problem, ledger_of, outcomes_of
from tests.api.conftest import EASTERN_SITE, Border, WebClient
from tests.builders import OPEN_CHANGES, cell_at, leave_entry_open, make_alert, put_cells
from tests.cast import Cast, Person, hire
from tests.chance import leave_chance_out
from tests.tile_reader import read_tile

URL = "/api/v1/audit/exposure"
FIELDS = {"actor", "organisation", "role", "purpose", "level", "shown", "first_at", "last_at"}


BEGAN = timezone.now().isoformat()


@pytest.fixture(autouse=True)
def _began(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger is never rolled back: what other tests wrote is older than this."""
    monkeypatch.setitem(globals(), "BEGAN", timezone.now().isoformat())


def ask(web: WebClient, cast: Cast, alert: UUID, **query: Any) -> list[dict[str, Any]]:
    """What Aldo is told of an alert, since the test began."""
    answer = web.as_(cast.aldo).get(URL, {"alert": str(alert), "since": BEGAN, **query})
    assert answer.status_code == 200, answer.content
    assert answer.json()["next"] is None
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def told(items: list[dict[str, Any]]) -> list[tuple[str, int, str]]:
    """Who, how sharply, and how that is known."""
    return [(item["actor"], item["level"], item["shown"]) for item in items]


def name(person: Person) -> str:
    """The pseudonym of a person."""
    return str(person.user.pseudonym)


def leave_open(action: str, actor: UUID, regions: list[UUID], objects: list[UUID], level: int) -> None:
    """An entry whose answer was never completed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ledger.entry (id, nonce, actor, role, action, endpoint, level, regions, object_refs, request_id)"
            " VALUES (%s, decode(repeat('00', 16), 'hex'), %s, 'regulator', %s, 'x', %s, %s, %s, %s)",
            [uuid4(), actor, action, level, regions, [keyed_reference(each) for each in objects], uuid4()],
        )


def test_whoever_was_shown_a_cell_of_the_site_is_named_with_purpose_level_and_time(
    web: WebClient, cast: Cast, inspection: Inspection
) -> None:
    before = timezone.now()
    web.as_(cast.rosa).get(f"/api/v1/alerts/{inspection.alert_id}/site")
    web.as_(cast.rosa).get("/api/v1/activity?bbox=20.1,2.1,20.106,2.106")
    web.as_(cast.ines).get(f"/api/v1/inspections/{inspection.id}/site")
    rosa, ines = ask(web, cast, inspection.alert_id)
    assert rosa.keys() == FIELDS
    assert told([rosa, ines]) == [(name(cast.rosa), 0, "cells"), (name(cast.ines), 0, "cells")]
    assert (rosa["role"], rosa["purpose"]) == ("regulator", "inspection-planning")
    assert ines["role"] == "inspector"
    first, last = (datetime.fromisoformat(rosa[field]) for field in ("first_at", "last_at"))
    assert before - timedelta(seconds=1) < first < last < timezone.now() + timedelta(seconds=1)


def test_whoever_opened_a_site_of_which_nothing_is_left_is_named_all_the_same(
    web: WebClient, cast: Cast, inspection: Inspection
) -> None:
    """Another system took back what it had told, or an older scene came late: the alert has no cell any more."""
    web.as_(cast.rosa).get(f"/api/v1/alerts/{inspection.alert_id}/site")
    web.as_(cast.ines).get(f"/api/v1/inspections/{inspection.id}/site")
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM vault.site_cell WHERE site_id IN (SELECT site_id FROM vault.alert_site WHERE alert_id = %s)",
            [inspection.alert_id],
        )
        assert cursor.rowcount == len(EASTERN_SITE)
    between = timezone.now().isoformat()
    assert not web.as_(cast.rosa).get(f"/api/v1/alerts/{inspection.alert_id}/site").json().get("features")
    assert told(ask(web, cast, inspection.alert_id)) == [
        (name(cast.rosa), 0, "cells"),
        (name(cast.ines), 0, "cells"),
    ]
    assert ask(web, cast, inspection.alert_id, since=between) == []


def test_an_answer_beside_the_site_exposes_nothing(
    web: WebClient, cast: Cast, alert: Alert, model: UUID
) -> None:
    row, col = EASTERN_SITE[0]
    put_cells(model, [(row - 5, col - 5)])
    answer = web.as_(cast.rosa).get("/api/v1/activity?bbox=20.05,2.05,20.06,2.06")
    assert len(answer.json()["features"]) == 1
    assert ask(web, cast, alert.id) == []


def test_a_refused_question_exposes_nothing(web: WebClient, cast: Cast, alert: Alert) -> None:
    web.as_(cast.otis).get(f"/api/v1/alerts/{alert.id}/site")
    web.as_(cast.pia).get(f"/api/v1/alerts/{alert.id}/site")
    assert ask(web, cast, alert.id) == []


def test_published_blocks_of_the_alerts_region_count_at_their_level(
    web: WebClient, cast: Cast, alert: Alert
) -> None:
    publish_release(date(2026, 11, 20))
    since = timezone.now().isoformat()
    assert web.as_(cast.pia).get("/api/v1/activity").json()["features"]
    web.as_(cast.mallory).get("/api/v1/activity")
    (pia,) = ask(web, cast, alert.id, since=since)
    assert told([pia]) == [(name(cast.pia), 2, "blocks")]
    assert pia["organisation"] == str(cast.pia.user.organisation_id)


def test_blocks_of_a_region_beside_count_where_both_have_ground_in_one(
    web: WebClient, cast: Cast, border: Border
) -> None:
    """A block on the border is shown whole to whoever receives the region on one side: the site may lie on the other."""
    site = cell_at(21.115, 2.385)
    alert = make_alert(border.north, [site])
    south, west = (
        hire(name, Role.PARTNER, region) for name, region in (("sol", border.south), ("wim", cast.west))
    )
    for partner in (south, west):
        features = web.as_(partner).get("/api/v1/activity").json()["features"]
        squares = {(each["properties"]["row"], each["properties"]["col"]) for each in features}
        assert ((site[0] // Level.L2.span, site[1] // Level.L2.span) in squares) == (partner is south)
    assert told(ask(web, cast, alert.id)) == [(name(south), 2, "blocks")]


def test_blocks_count_wherever_the_site_lies_so_that_they_tell_nothing_of_it(
    web: WebClient, cast: Cast, alert: Alert, model: UUID
) -> None:
    """A box that holds another block of the region exposes the same as one that holds the site's own."""
    publish_release(date(2026, 11, 20))
    elsewhere = make_alert(cast.east, [(EASTERN_SITE[0][0] + 25, EASTERN_SITE[0][1] + 25)])
    web.as_(cast.pia).get("/api/v1/activity?bbox=20.1,2.1,20.11,2.11")
    assert told(ask(web, cast, alert.id)) == told(ask(web, cast, elsewhere.id))


def test_an_exact_answer_without_completion_counts_for_every_site_of_its_regions(
    web: WebClient, cast: Cast, inspection: Inspection, western_alert: Alert
) -> None:
    by_region, by_alert, by_inspection = uuid4(), uuid4(), uuid4()
    leave_open("read.activity", by_region, [cast.east], [], 0)
    leave_open("read.alert_site", by_alert, [], [inspection.alert_id], 0)
    leave_open("read.inspection_site", by_inspection, [], [inspection.id], 0)
    assert sorted(told(ask(web, cast, inspection.alert_id))) == sorted(
        (str(actor), 0, "unfinished") for actor in (by_region, by_alert, by_inspection)
    )
    assert ask(web, cast, western_alert.id) == []


@pytest.mark.parametrize(("action", "level"), OPEN_CHANGES)
def test_a_change_without_completion_shows_nobody_anything(
    web: WebClient, cast: Cast, inspection: Inspection, action: str, level: int
) -> None:
    """It has the level of what was asked for or granted: what came of it is not known, and no answer held a place."""
    leave_entry_open(cast.ines, action, level, [cast.east], [inspection.alert_id, inspection.id])
    assert ask(web, cast, inspection.alert_id) == []


def test_the_question_is_bounded_in_time(web: WebClient, cast: Cast, alert: Alert) -> None:
    before = timezone.now().isoformat()
    web.as_(cast.rosa).get(f"/api/v1/alerts/{alert.id}/site")
    (rosa,) = ask(web, cast, alert.id, since=before)
    at = rosa["first_at"]
    assert ask(web, cast, alert.id, until=at) == []
    assert told(ask(web, cast, alert.id, since=at)) == told([rosa])
    after = datetime.fromisoformat(at) + timedelta(microseconds=1)
    assert ask(web, cast, alert.id, since=after.isoformat()) == []


def test_the_answer_holds_no_cell_no_coordinate_and_no_id_of_an_entry(
    web: WebClient, cast: Cast, alert: Alert
) -> None:
    web.as_(cast.rosa).get(f"/api/v1/alerts/{alert.id}/site")
    answer = web.as_(cast.aldo).get(URL, {"alert": str(alert.id)})
    content = answer.content.decode()
    numbers = leave_chance_out(content)
    for row, col in EASTERN_SITE:
        assert not any(str(number) in numbers for number in (row, col, row * 36000 + col))
    assert "20.1" not in numbers
    with connection.cursor() as cursor:
        cursor.execute("SELECT id::text FROM ledger.entry ORDER BY at DESC LIMIT 10")
        assert not any(identifier in content for (identifier,) in cursor.fetchall())


def test_the_question_is_an_entry_itself(web: WebClient, cast: Cast, alert: Alert) -> None:
    answer = web.as_(cast.aldo).get(URL, {"alert": str(alert.id)})
    (line,) = ledger_of(answer)
    assert (line.action, line.outcome, line.role, line.level) == (
        "read.exposure",
        "answered",
        "auditor",
        None,
    )


def test_an_alert_that_does_not_exist_is_not_one_that_nobody_has_seen(web: WebClient, cast: Cast) -> None:
    answer = web.as_(cast.aldo).get(URL, {"alert": str(uuid4())})
    assert_problem(answer, 404, "not-found")
    assert outcomes_of(answer) == [("read.exposure", "refused")]


@pytest.mark.parametrize("name", ["rosa", "ines", "pia", "anna", "adam", "finn", "mallory"])
def test_nobody_but_an_auditor_asks(web: WebClient, cast: Cast, alert: Alert, name: str) -> None:
    answer = web.as_(cast.everybody()[name]).get(URL, {"alert": str(alert.id)})
    assert_problem(answer, 403, "not-permitted")


@pytest.mark.parametrize("query", ["", "alert=x", "alert=1", "cell=1", "bbox=20,2,21,3", "since=yesterday"])
def test_what_is_not_understood_is_400(web: WebClient, cast: Cast, alert: Alert, query: str) -> None:
    more = "" if "alert" in query or not query else f"alert={alert.id}&"
    assert_problem(web.as_(cast.aldo).get(f"{URL}?{more}{query}"), 400)


# --- pages ---------------------------------------------------------------------------------------------------


def read_in_pages(web: WebClient, reader: Person, query: str, pages: int | None = None) -> list[datetime]:
    """Read activity two cells a page, all of it or so many pages. The moments before, between and after the pages."""
    moments, page = [timezone.now()], f"/api/v1/activity?limit=2{query}"
    while page and pages != len(moments) - 1:
        answer = web.as_(reader).get(page)
        assert answer.status_code == 200, answer.content
        assert len(answer.json()["features"]) == 2
        moments.append(timezone.now())
        page = answer.json()["next"]
    return moments


@pytest.fixture
def alerts(cast: Cast, model: UUID) -> list[UUID]:
    """Four alerts of two cells each, one to the north of the other: a page each."""
    row, col = EASTERN_SITE[0]
    sites = [[(row + step, col), (row + step, col + 1)] for step in (0, 4, 8, 12)]
    for site in sites:
        put_cells(model, site)
    return [make_alert(cast.east, site).id for site in sites]


def test_an_auditor_is_told_of_a_reading_and_not_of_its_pages(
    web: WebClient, cast: Cast, alerts: list[UUID]
) -> None:
    """Pages go from south to north: by the moment of its page a site would tell which others lie south of it."""
    moments = read_in_pages(web, cast.rosa, "")
    assert len(moments) == 5
    windows: list[dict[str, str]] = [{}] + [
        {"since": since.isoformat(), "until": until.isoformat()} for since, until in pairwise(moments)
    ]
    for window in windows:
        first, *others = [ask(web, cast, alert, **window) for alert in alerts]
        assert told(first) == [(name(cast.rosa), 0, "cells")]
        assert others == [first] * 3
    (row,) = first
    assert moments[0] < datetime.fromisoformat(row["first_at"]) < moments[1]
    assert moments[3] < datetime.fromisoformat(row["last_at"]) < moments[4]
    pause = {
        "since": moments[1].isoformat(),
        "until": (moments[1] + timedelta(microseconds=1)).isoformat(),
    }
    assert [ask(web, cast, alert, **pause) for alert in alerts] == [[]] * 4


@pytest.mark.parametrize("file_format", ["csv", "geojson", "fgb", "gpkg"])
def test_an_auditor_is_told_of_a_file_and_not_of_its_chunks(
    web: WebClient, cast: Cast, alerts: list[UUID], file_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "CHUNK_CELLS", 2)
    assert web.as_(cast.rosa).get(f"/export/activity.{file_format}").content
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.at FROM ledger.entry e JOIN ledger.disclosure d ON d.entry_id = e.id WHERE e.actor = %s ORDER BY e.at",
            [cast.rosa.user.pseudonym],
        )
        moments = [at.isoformat() for (at,) in cursor.fetchall()]
    assert len(moments) == 4
    for window in ({}, {"until": moments[1]}, {"since": moments[3]}):
        first, *others = [ask(web, cast, alert, **window) for alert in alerts]
        assert told(first) == [(name(cast.rosa), 0, "cells")]
        assert others == [first] * 3


def tile_over(row: int, col: int, zoom: int = 12) -> str:
    """The address of the tile that holds the middle of a cell."""
    lon, lat = (col + 0.5) / 100 - 180, math.radians((row + 0.5) / 100 - 90)
    x, y = (lon + 180) / 360, (1 - math.asinh(math.tan(lat)) / math.pi) / 2
    return f"{zoom}/{int(x * 2**zoom)}/{int(y * 2**zoom)}"


def test_an_auditor_is_told_of_a_map_and_not_of_its_tiles(
    web: WebClient, cast: Cast, alerts: list[UUID]
) -> None:
    """Two tiles, one to the south of the other, and what each holds of the sites."""
    row, col = EASTERN_SITE[0]
    north = (row + 12, col)
    moments, shown = [timezone.now()], []
    for cell in (EASTERN_SITE[0], north):
        answer = web.as_(cast.rosa).get(f"/tiles/activity/{tile_over(*cell)}.mvt")
        moments.append(timezone.now())
        shown.append({(each.values["row"], each.values["col"]) for each in read_tile(answer.content)})
    assert (row, col) in shown[0] - shown[1]
    assert north in shown[1] - shown[0]
    for since, until in pairwise(moments):
        window = {"since": since.isoformat(), "until": until.isoformat()}
        south, north_most = (ask(web, cast, alert, **window) for alert in (alerts[0], alerts[3]))
        assert told(south) == [(name(cast.rosa), 0, "cells")]
        assert north_most == south


def test_a_page_that_was_not_asked_for_was_not_seen(web: WebClient, cast: Cast, alerts: list[UUID]) -> None:
    read_in_pages(web, cast.rosa, "", pages=2)
    assert [len(ask(web, cast, alert)) for alert in alerts] == [1, 1, 0, 0]


def test_a_reading_that_begins_anew_is_another_one(web: WebClient, cast: Cast, alerts: list[UUID]) -> None:
    before, *_ = read_in_pages(web, cast.rosa, "")
    between = timezone.now().isoformat()
    read_in_pages(web, cast.rosa, "", pages=1)
    assert [len(ask(web, cast, alert, since=between)) for alert in alerts] == [1, 0, 0, 0]
    assert [len(ask(web, cast, alert, since=before.isoformat(), until=between)) for alert in alerts] == [
        1
    ] * 4


def test_other_questions_and_other_people_are_other_readings(
    web: WebClient, cast: Cast, alerts: list[UUID]
) -> None:
    read_in_pages(web, cast.rosa, "", pages=1)
    between = timezone.now().isoformat()
    read_in_pages(web, cast.rosa, "&bbox=20,2,20.4,2.4", pages=1)
    read_in_pages(web, cast.anna, "", pages=1)
    (anna, rosa) = sorted(ask(web, cast, alerts[0], since=between), key=lambda row: str(row["role"]))
    assert told([anna, rosa]) == [(name(cast.anna), 0, "cells"), (name(cast.rosa), 0, "cells")]
    assert rosa["first_at"] == rosa["last_at"] > between
    assert anna["first_at"] == anna["last_at"] > between


def test_numbers_of_different_cells_do_not_tell_the_page_of_a_site(
    web: WebClient, cast: Cast, alerts: list[UUID]
) -> None:
    """Whoever opens a site after reading all in pages: together with which pages does it add nothing?"""
    moments = read_in_pages(web, cast.rosa, "")
    web.as_(cast.rosa).get(f"/api/v1/alerts/{alerts[1]}/site")
    seen = []
    for since in moments[:-1]:
        path = f"/api/v1/audit/accounts/{cast.rosa.user.pseudonym}"
        answer = web.as_(cast.aldo).get(path, {"since": since.isoformat()})
        seen.append([share["seen"] for share in answer.json()["shares"]])
    assert seen == [[8]] * 4
