"""Outside evidence meets our looks: one site, confirmed or taken back, whatever came first; and nothing of it alone."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from monitor.field.lifecycle import AlertStatus
from monitor.field.outside import Published
from monitor.field.systems import SYSTEMS, Trust
from monitor.models import Alert
from monitor.services.alerts import lock_alert, move_alert, raise_alerts
from monitor.services.evidence import TakenIn, take_in, take_in_settled
from monitor.vault.scores import lock_scoring
from monitor.vault.states import renew_states
from tests.builders import Cell, cell_at, make_model, make_scene
from tests.cast import Cast
from tests.roles import read_rows

ROW, COL = cell_at(20.105, 2.105)
MINE = (ROW, COL)
BESIDE = (ROW, COL + 1)
AWAY = (ROW + 5, COL)
JANUARY = date(2026, 1, 10)
TODAY = date(2026, 9, 1)


def see(
    model: UUID, cells: list[Cell], day: date = JANUARY, mining: float = 0.9, today: date = TODAY
) -> list[UUID]:
    """A scene of one day saw these cells, as change; states, sites and alerts as the worker makes them."""
    scene = make_scene()
    lock_scoring()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO vault.score (row, col, scene_id, model_id, sensor, observed_from, observed_on, observed,"
            " has_reference, valid_share, p_none, p_artisanal, p_industrial, low, high)"
            " SELECT x.row, x.col, %s, m.id, m.sensor, %s, %s, true, true, 1, 1 - %s, %s, 0, 0.1, 0.95"
            " FROM unnest(%s::int[], %s::int[]) AS x (row, col), public.monitor_trainedmodel m WHERE m.id = %s",
            [scene, day, day, mining, mining, [row for row, _ in cells], [col for _, col in cells], model],
        )
    renew_states([scene], model, today)
    return raise_alerts([scene])


def said(cell: Cell, day: date = JANUARY, trust: Trust = Trust.HIGH, system: str = "radd") -> Published:
    """What a system published."""
    return Published(*cell, system, SYSTEMS[system].theme, day, trust, 3)


def tell(*records: Published, today: date = TODAY, **delivery: Any) -> TakenIn:
    """A delivery of what a system published."""
    return take_in(records[0].system if records else "radd", list(records), today, **delivery)


def states() -> dict[Cell, tuple[str, bool]]:
    """State of each cell, and whether an independent system agrees."""
    rows = read_rows("SELECT row, col, state, agreed FROM vault.cell_state")
    return {(row, col): (state, agreed) for row, col, state, agreed in rows}


def sites() -> list[list[Cell]]:
    """The cells of each site."""
    rows = read_rows(
        "SELECT array_agg(ARRAY[row, col] ORDER BY row, col) FROM vault.site_cell GROUP BY site_id"
    )
    return sorted([(row, col) for row, col in cells] for (cells,) in rows)


def test_a_look_of_ours_and_an_independent_system_make_a_site_and_an_alert(cast: Cast, model: UUID) -> None:
    assert see(model, [MINE]) == []
    taken = tell(said(MINE))
    assert (taken.is_new, taken.looked_at, taken.raised) == (True, 1, 1)
    assert states() == {MINE: ("active", True)}
    assert sites() == [[MINE]]
    assert Alert.objects.get().region_id == cast.east
    assert read_rows("SELECT first_seen_on FROM vault.site") == [(JANUARY + SYSTEMS["radd"].settles,)]


def test_evidence_alone_makes_no_state_no_site_and_no_alert(cast: Cast, model: UUID) -> None:
    see(model, [AWAY], mining=0.1)
    taken = tell(said(MINE), said(AWAY))
    assert (taken.looked_at, taken.raised, taken.met.alone) == (1, 0, 2)
    assert states() == {AWAY: ("quiet", False)}
    assert sites() == []


def test_what_is_confirmed_joins_the_site_beside_it_and_is_not_stacked(cast: Cast, model: UUID) -> None:
    see(model, [MINE])
    (alert,) = see(model, [MINE], JANUARY + timedelta(days=20))
    see(model, [BESIDE])
    for number, system in enumerate(("radd", "glad_l", "mapbiomas_alerta")):
        taken = tell(said(MINE, system=system), said(BESIDE, system=system))
        assert (taken.raised, taken.met.agreed) == (0, 2), number
    assert sites() == [[MINE, BESIDE]]
    assert Alert.objects.get().id == alert
    assert read_rows("SELECT count(*) FROM vault.site") == [(1,)]
    assert taken.met.confirmed == 1
    assert (taken.met.active, taken.met.public) == (2, 2)


def test_what_may_still_be_taken_back_counts_once_the_clock_says_so(cast: Cast, model: UUID) -> None:
    see(model, [MINE], today=JANUARY)
    settles = JANUARY + SYSTEMS["radd"].settles
    taken = tell(said(MINE), today=JANUARY + timedelta(days=5))
    assert (taken.met.provisional, taken.met.confirmed) == (1, 0)
    assert take_in_settled(settles - timedelta(days=1)) == 0
    assert states() == {MINE: ("suspected", False)}
    assert take_in_settled(settles) == 1
    assert states() == {MINE: ("active", True)}
    assert take_in_settled(settles) == 0  # once


def test_what_a_later_issue_does_not_repeat_is_taken_back(cast: Cast, model: UUID) -> None:
    see(model, [MINE, AWAY])
    tell(said(MINE), said(AWAY), name="east", issued_on=date(2026, 6, 1))
    assert len(sites()) == Alert.objects.filter(status="raised").count() == 2
    tell(said(AWAY), name="east", issued_on=date(2026, 7, 1))
    assert states() == {MINE: ("suspected", False), AWAY: ("active", True)}
    assert sites() == [[AWAY]]
    assert sorted(Alert.objects.values_list("status", "dismissal")) == [
        ("dismissed", "other"),
        ("raised", ""),
    ]


def test_an_earlier_issue_that_comes_late_changes_nothing(cast: Cast, model: UUID) -> None:
    see(model, [MINE])
    tell(said(AWAY), name="east", issued_on=date(2026, 7, 1))
    assert not tell(said(MINE), name="east", issued_on=date(2026, 6, 1)).is_new
    assert states() == {MINE: ("suspected", False)}
    assert tell(said(MINE), name="west", issued_on=date(2026, 6, 1)).is_new  # another delivery


def test_a_delivery_that_says_nothing_takes_everything_back(cast: Cast, model: UUID) -> None:
    see(model, [MINE])
    tell(said(MINE), name="east", issued_on=date(2026, 6, 1))
    tell(name="east", issued_on=date(2026, 6, 2))
    assert (states(), sites()) == ({MINE: ("suspected", False)}, [])


def test_a_site_that_somebody_is_on_the_way_to_keeps_what_was_taken_back(cast: Cast, model: UUID) -> None:
    see(model, [MINE])
    tell(said(MINE), name="east", issued_on=date(2026, 6, 1))
    move_alert(lock_alert(Alert.objects.get().id), AlertStatus.ASSIGNED, None)
    tell(name="east", issued_on=date(2026, 6, 2))
    assert sites() == [[MINE]]


def test_what_is_published_counts_our_own_looks_alone(cast: Cast, model: UUID) -> None:
    """Or whoever knows the alerts of others would see in which block one of them met a suspicion of ours."""
    see(model, [MINE])
    tell(said(MINE))
    assert states() == {MINE: ("active", True)}
    assert read_rows("SELECT state_after FROM vault.score") == [("suspected",)]


def test_an_alert_does_not_say_that_others_agree(cast: Cast, model: UUID) -> None:
    """It has no place, and those who read it may know where the others told of something."""
    see(model, [MINE])
    see(model, [AWAY], JANUARY)
    see(model, [AWAY], JANUARY + timedelta(days=9))
    tell(said(MINE))
    assert set(Alert.objects.values_list("confidence", flat=True)) == {"nominal"}


def test_a_new_look_hears_what_was_published_before(cast: Cast, model: UUID) -> None:
    tell(said(MINE))
    assert len(see(model, [MINE])) == 1
    assert states() == {MINE: ("active", True)}


def test_the_same_delivery_again_and_the_same_alert_in_two_files_are_once(cast: Cast, model: UUID) -> None:
    see(model, [MINE])
    assert tell(said(MINE)).is_new
    before = read_rows("SELECT count(*) FROM vault.evidence")
    assert not tell(said(MINE)).is_new
    assert read_rows("SELECT count(*) FROM vault.evidence") == before
    assert tell(said(MINE), said(AWAY)).is_new
    assert sites() == [[MINE]]


def told_elsewhere() -> dict[Cell, tuple[str, str | None]]:
    """What exact answers say of each cell: who else told of it, and how sure it is."""
    rows = read_rows("SELECT row, col, public_elsewhere, confidence FROM vault.cell_state")
    return {(row, col): (names, confidence) for row, col, names, confidence in rows}


def test_a_cell_knows_who_else_told_of_it_in_public_and_stands_by_it(cast: Cast, model: UUID) -> None:
    see(model, [MINE, BESIDE])
    see(model, [AWAY], mining=0.1)
    tell(said(MINE), said(AWAY), name="east", issued_on=date(2026, 6, 1))
    tell(said(MINE, system="glad_l"), said(AWAY, TODAY, system="glad_l"))
    tell(said(BESIDE, system="other_detector"))
    tell(said(BESIDE, system="viirs"))
    assert told_elsewhere() == {
        MINE: ("glad_l radd", "highest"),
        BESIDE: ("", None),
        AWAY: ("radd", None),
    }
    tell(name="east", issued_on=date(2026, 6, 2))
    assert told_elsewhere()[AWAY] == ("", None)
    take_in_settled(TODAY + SYSTEMS["glad_l"].settles)
    assert told_elsewhere()[AWAY] == ("glad_l", None)


def test_a_cell_that_only_a_retired_model_scored_keeps_its_state_and_is_told_of(
    cast: Cast, model: UUID
) -> None:
    see(model, [MINE])
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('role', 'none', true)")
        cursor.execute("UPDATE public.monitor_trainedmodel SET state = 'retired'")
        cursor.execute("SELECT set_config('role', 'penumbra_worker', true)")
    assert tell(said(MINE)).looked_at == 0
    assert states() == {MINE: ("suspected", False)}
    assert told_elsewhere() == {MINE: ("radd", None)}


@dataclass(frozen=True)
class Outcome:
    """What the vault holds in the end, without ids."""

    states: list[tuple[Any, ...]]
    afters: list[tuple[Any, ...]]
    confirmed: list[tuple[Any, ...]]
    evidence: list[tuple[Any, ...]]
    sites: list[list[Cell]]


def outcome() -> Outcome:
    """What there is now."""
    return Outcome(
        read_rows(
            "SELECT row, col, state, mine_class, probability, observed_on, support, systems, confidence, agreed,"
            " public_elsewhere FROM vault.cell_state ORDER BY row, col"
        ),
        read_rows(
            "SELECT row, col, sensor, observed_on, p_artisanal, state_after FROM vault.score ORDER BY 1, 2, 3, 4, 5"
        ),
        read_rows("SELECT * FROM vault.confirmed_cell ORDER BY row, col"),
        read_rows(
            "SELECT row, col, system, name, issued_on, theme, observed_on, trust, alerts FROM vault.evidence"
            " JOIN vault.delivery ON delivery.id = delivery_id ORDER BY 1, 2, 3, 4, 7"
        ),
        sites(),
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_year_of_looks_and_deliveries_gives_the_same_in_any_order_and_however_time_passes(
    cast: Cast, model: UUID, seed: int
) -> None:
    draw = random.Random(seed)
    landsat = make_model(cast.anna.user, "landsat")
    cells = [(ROW + row, COL + col) for row in range(4) for col in range(5)]
    systems = ["radd", "radd", "glad_l", "gfw_integrated", "mapbiomas_alerta", "other_detector"]
    deeds: list[Callable[[date], object]] = []
    for number in range(14):
        seen = draw.sample(cells, 4)
        day = JANUARY + timedelta(days=16 * number)
        mining = draw.choice([0.1, 0.9, 0.9])
        deeds.append(partial(_see_at, draw.choice([model, landsat]), seen, day, mining))
    for number in range(10):
        system = draw.choice(systems)
        records = [
            said(cell, JANUARY + timedelta(days=draw.randrange(200)), draw.choice(list(Trust)), system)
            for cell in draw.sample(cells, 8)
        ]
        name, issued = draw.choice(["one", "two", None]), JANUARY + timedelta(days=number)
        deeds.append(partial(_tell_at, system, records, name, issued))

    def replay(order: list[Callable[[date], object]], days: list[date]) -> Outcome:
        with transaction.atomic():
            for deed, day in zip(order, days, strict=True):
                deed(day)
            take_in_settled(TODAY)
            found = outcome()
            transaction.set_rollback(True)
        return found

    first = replay(deeds, [TODAY] * len(deeds))
    assert first.confirmed
    assert first.sites
    for _ in range(4):
        order = draw.sample(deeds, len(deeds))
        passing = sorted(JANUARY + timedelta(days=draw.randrange(230)) for _ in order)
        assert replay(order, passing) == first


def _see_at(model: UUID, cells: list[Cell], day: date, mining: float, today: date) -> None:
    see(model, cells, day, mining, today)


def _tell_at(system: str, records: list[Published], name: str | None, issued: date, today: date) -> None:
    take_in(system, list(records), today, name, issued)
