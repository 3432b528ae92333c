"""Alerts: one for each site that appears or grows, never two, and every move on record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID, uuid4

import pytest
from django.db import connection

from accounts.ledger.connection import LedgerUnavailable
from monitor.errors import NotNow, NotThere
from monitor.field.lifecycle import AlertStatus, DismissalReason
from monitor.models import Alert, AlertMove
from monitor.services.alerts import GROWTH_CELLS, lock_alert, move_alert, raise_alerts, triage_alert
from monitor.services.regions import create_region
from monitor.vault.sites import link_alert
from tests.builders import Cell, cell_at, make_alert, make_viewer, put_cells
from tests.cast import Cast, make_box
from tests.roles import read_rows

ROW, COL = cell_at(20.105, 2.105)
BORDER = cell_at(20.005, 2.105)[1]
"""First column of the east."""


def strip(first: int, count: int, row: int = 0) -> list[Cell]:
    """`count` cells side by side."""
    return [(ROW + row, COL + number) for number in range(first, first + count)]


def eastern(count: int, row: int = 0) -> list[Cell]:
    """`count` cells side by side, the first of them at the border between east and west."""
    return [(ROW + row, BORDER + number) for number in range(count)]


def western(count: int, row: int = 0) -> list[Cell]:
    """The same on the other side."""
    return [(ROW + row, BORDER - 1 - number) for number in range(count)]


def read_site_cells() -> list[list[Cell]]:
    """The cells of each site."""
    rows = read_rows(
        "SELECT array_agg(ARRAY[row, col] ORDER BY row, col) FROM vault.site_cell GROUP BY site_id"
    )
    return sorted([(row, col) for row, col in cells] for (cells,) in rows)


def see(model: UUID, cells: Sequence[Cell], state: str = "active") -> list[Alert]:
    """A scene leaves these cells in a state; the alerts that this raises."""
    return list(Alert.objects.filter(id__in=raise_alerts([put_cells(model, cells, state)])))


def dismiss(alert: Alert) -> None:
    """Somebody decides that there is nothing."""
    move_alert(lock_alert(alert.id), AlertStatus.DISMISSED, None, DismissalReason.CLEARING)


def assign(alert: Alert) -> None:
    """Somebody is on the way."""
    move_alert(lock_alert(alert.id), AlertStatus.ASSIGNED, None)


def test_a_site_that_appears_is_alerted_once(cast: Cast, model: UUID) -> None:
    (alert,) = see(model, strip(0, 3))
    assert (alert.region_id, alert.kind, alert.status) == (cast.east, "appeared", "raised")
    assert (alert.mine_class, alert.confidence) == ("artisanal", "nominal")
    move = AlertMove.objects.get()
    assert (move.alert, move.status, move.moved_by) == (alert, "raised", None)
    assert see(model, strip(0, 3)) == []


def test_separate_sites_are_separate_alerts(model: UUID) -> None:
    assert len(see(model, [*strip(0, 2), *strip(5, 2), *strip(0, 2, row=5)])) == 3


@pytest.mark.parametrize("state", ["suspected", "quiet", "not_observed"])
def test_only_active_cells_make_a_site(model: UUID, state: str) -> None:
    assert see(model, strip(0, 3), state) == []


def test_cells_outside_every_region_belong_to_nobody(cast: Cast, model: UUID) -> None:
    assert see(model, [cell_at(25.0, 5.0), cell_at(25.01, 5.0)]) == []


def test_a_mine_across_a_border_is_a_site_and_an_alert_of_each_region(cast: Cast, model: UUID) -> None:
    alerts = see(model, [*western(2), *eastern(1)])
    assert {alert.region_id for alert in alerts} == {cast.east, cast.west}
    assert read_site_cells() == [sorted(western(2)), eastern(1)]


@pytest.mark.parametrize("order", [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])
def test_sites_end_at_the_border_in_whatever_order_their_cells_come(
    model: UUID, order: Sequence[int]
) -> None:
    parts = [western(2), eastern(2), western(1, row=1)]
    assert [len(see(model, parts[part])) for part in order].count(1) == 2
    assert read_site_cells() == sorted([sorted([*western(2), *western(1, row=1)]), eastern(2)])


@pytest.mark.parametrize("steps", [[[*eastern(2), *western(2)]], [eastern(2), western(2)]])
def test_a_site_that_is_older_than_its_border_is_parted_when_its_cells_are_seen(
    cast: Cast, model: UUID, steps: Sequence[Sequence[Cell]]
) -> None:
    put_cells(model, [*eastern(2), *western(2)])
    old = make_alert(cast.east, [*eastern(2), *western(2)])
    (other,) = (alert for cells in steps for alert in see(model, cells))
    old.refresh_from_db()
    assert (old.status, other.region_id, other.kind) == ("raised", cast.west, "appeared")
    assert read_site_cells() == [sorted(western(2)), eastern(2)]
    assert see(model, [*eastern(2), *western(2)]) == []


def test_a_cell_of_two_regions_belongs_to_the_smaller(cast: Cast, model: UUID) -> None:
    inner = create_region("Aruwe Inner East", make_box(20.0, 2.1, 20.02, 2.11))
    assert {alert.region_id for alert in see(model, eastern(4))} == {cast.east, inner}
    assert read_site_cells() == [eastern(4)[:2], eastern(4)[2:]]


def test_a_site_with_an_open_alert_is_not_alerted_again_however_it_grows(model: UUID) -> None:
    see(model, strip(0, 2))
    assert see(model, strip(0, 2 + 3 * GROWTH_CELLS)) == []


def test_a_site_that_grew_enough_since_its_last_alert_is_alerted_again(model: UUID) -> None:
    (first,) = see(model, strip(0, 2))
    dismiss(first)
    assert see(model, strip(0, 2 + GROWTH_CELLS - 1)) == []
    (second,) = see(model, strip(0, 2 + GROWTH_CELLS))
    assert second.kind == "grew"
    dismiss(second)
    assert see(model, strip(0, 2 + GROWTH_CELLS)) == []


def test_a_site_without_growth_is_not_alerted_again_after_its_dismissal(model: UUID) -> None:
    (alert,) = see(model, strip(0, 3))
    dismiss(alert)
    assert see(model, strip(0, 3)) == []


def test_when_sites_come_to_touch_the_younger_alert_is_a_duplicate(model: UUID) -> None:
    (old,) = see(model, strip(0, 2))
    (young,) = see(model, strip(3, 2))
    assert see(model, strip(2, 1)) == []
    old.refresh_from_db()
    young.refresh_from_db()
    assert (old.status, young.status, young.dismissal) == ("raised", "dismissed", "duplicate")
    move = AlertMove.objects.filter(alert=young).latest("moved_at")
    assert (move.status, move.reason, move.moved_by) == ("dismissed", "duplicate", None)
    assert read_rows("SELECT count(*) FROM vault.site WHERE absorbed_into IS NOT NULL") == [(1,)]


def test_an_alert_that_somebody_is_on_the_way_to_survives_the_merging_of_its_site(model: UUID) -> None:
    see(model, strip(0, 2))
    (young,) = see(model, strip(3, 2))
    assign(young)
    see(model, strip(2, 1))
    young.refresh_from_db()
    assert young.status == "assigned"


def test_a_place_that_somebody_is_on_the_way_to_is_not_alerted_again_under_another_site(model: UUID) -> None:
    (old,) = see(model, strip(0, 2))
    (young,) = see(model, strip(3, 2))
    dismiss(old)
    assign(young)
    assert see(model, strip(2, 1)) == []  # one site now, and it is being visited
    assert see(model, strip(0, 9)) == []


def test_merging_with_a_site_that_was_settled_raises_an_alert_for_what_is_new(model: UUID) -> None:
    (old,) = see(model, strip(0, 2))
    dismiss(old)
    (young,) = see(model, strip(3, 2))
    (grown,) = see(model, strip(2, 1))
    young.refresh_from_db()
    assert (young.dismissal, grown.kind, grown.status) == ("duplicate", "grew", "raised")


def find_out(cells: Sequence[Cell]) -> None:
    """Scenes that came late show that these cells were never active; their states are folded anew."""
    with connection.cursor() as cursor:
        for row, col in cells:
            cursor.execute(
                "UPDATE vault.score SET state_after = 'quiet' WHERE row = %(row)s AND col = %(col)s",
                {"row": row, "col": col},
            )
            cursor.execute(
                "UPDATE vault.cell_state SET state = 'quiet' WHERE row = %(row)s AND col = %(col)s",
                {"row": row, "col": col},
            )


def test_a_cell_that_was_never_active_after_all_leaves_its_site_which_may_fall_apart(model: UUID) -> None:
    (alert,) = see(model, strip(0, 5))
    find_out(strip(3, 1))
    (parted,) = see(model, strip(3, 1), "quiet")
    assert read_rows(
        "SELECT array_agg(col ORDER BY col) FROM vault.site_cell GROUP BY site_id ORDER BY 1"
    ) == [([COL, COL + 1, COL + 2],), ([COL + 4],)]
    alert.refresh_from_db()
    assert (alert.status, parted.kind) == ("raised", "appeared")


def test_an_alert_of_which_nothing_is_left_is_dismissed_by_the_machine_unless_somebody_is_on_the_way(
    model: UUID,
) -> None:
    gone, visited = see(model, [*strip(0, 2), *strip(5, 2)])
    assign(visited)
    find_out([*strip(0, 2), *strip(5, 2)])
    assert see(model, [*strip(0, 2), *strip(5, 2)], "quiet") == []
    gone.refresh_from_db()
    visited.refresh_from_db()
    assert (gone.status, gone.dismissal, visited.status) == ("dismissed", "other", "assigned")
    assert gone.moves.values_list("moved_by", flat=True).last() is None
    assert read_rows("SELECT count(*) FROM vault.site_cell") == [(2,)]


def test_a_site_that_was_active_once_and_is_quiet_now_is_alerted_when_it_is_active_again(model: UUID) -> None:
    scene_id = put_cells(model, strip(0, 2))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE vault.cell_state SET state = 'quiet'")
    assert raise_alerts([scene_id]) == []
    assert read_rows("SELECT count(*) FROM vault.site_cell") == [(2,)]
    (alert,) = see(model, strip(0, 2))
    assert alert.kind == "appeared"


@pytest.mark.parametrize(
    ("support", "systems", "confidence"),
    [
        (1, 1, "nominal"),
        (2, 1, "nominal"),
        (3, 1, "high"),
        (9, 1, "high"),
        (1, 2, "highest"),
        (3, 2, "highest"),
    ],
)
def test_confidence_follows_from_observations_and_independent_systems(
    model: UUID, support: int, systems: int, confidence: str
) -> None:
    scene_id = put_cells(model, strip(0, 1))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE vault.cell_state SET support = %s, systems = %s", [support, systems])
    raise_alerts([scene_id])
    assert Alert.objects.get().confidence == confidence


def test_the_database_itself_refuses_a_second_open_alert_on_a_site(cast: Cast, model: UUID) -> None:
    see(model, strip(0, 2))
    ((site_id,),) = read_rows("SELECT site_id FROM vault.alert_site")
    other = Alert.objects.create(
        region_id=cast.east, kind="grew", mine_class="artisanal", confidence="nominal"
    )
    assert link_alert(other.id, site_id) is False


def test_a_regulator_confirms_or_dismisses_with_a_reason_and_it_is_on_record(cast: Cast, model: UUID) -> None:
    one, other = see(model, [*strip(0, 2), *strip(5, 2)])
    viewer = make_viewer(cast.rosa.user)
    triage_alert(viewer, one.id, None, "/triage")
    triage_alert(viewer, other.id, DismissalReason.CLOUD, "/triage")
    one.refresh_from_db()
    other.refresh_from_db()
    assert (one.status, other.status, other.dismissal) == ("triaged", "dismissed", "cloud")
    assert other.moves.values_list("moved_by", flat=True).last() == cast.rosa.user.id
    assert read_rows(
        "SELECT e.action, c.outcome, e.actor FROM ledger.entry e JOIN ledger.completion c ON c.entry_id = e.id"
        " WHERE e.request_id = %s ORDER BY e.at",
        viewer.request_id,
    ) == [("alert.triaged", "done", viewer.pseudonym), ("alert.dismissed", "done", viewer.pseudonym)]


def test_an_alert_of_another_region_cannot_be_told_from_none(cast: Cast, model: UUID) -> None:
    (alert,) = see(model, strip(0, 2))
    for person in (cast.otis, cast.pia, cast.ines, cast.aldo, cast.adam, cast.mallory):
        for alert_id in (alert.id, uuid4()):
            with pytest.raises(NotThere):
                triage_alert(make_viewer(person.user), alert_id, None, "/triage")
    alert.refresh_from_db()
    assert alert.status == "raised"


def test_what_is_over_is_not_decided_again_and_the_attempt_is_on_record(cast: Cast, model: UUID) -> None:
    (alert,) = see(model, strip(0, 2))
    dismiss(alert)
    viewer = make_viewer(cast.rosa.user)
    with pytest.raises(NotNow, match="dismissed"):
        triage_alert(viewer, alert.id, None, "/triage")
    assert read_rows(
        "SELECT c.outcome FROM ledger.entry e JOIN ledger.completion c ON c.entry_id = e.id WHERE e.request_id = %s",
        viewer.request_id,
    ) == [("failed",)]


def test_without_a_ledger_nothing_is_decided(
    cast: Cast, model: UUID, lose_ledger: Callable[[], None]
) -> None:
    (alert,) = see(model, strip(0, 2))
    lose_ledger()
    with pytest.raises(LedgerUnavailable):
        triage_alert(make_viewer(cast.rosa.user), alert.id, None, "/triage")
    alert.refresh_from_db()
    assert alert.status == "raised"
