"""What happens across a border is not told by the alerts of a region, however near it is (P1, P3).

Two worlds differ only in the cells of the west. The alerts of the east, and how they moved, must be the same in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from monitor.field.lifecycle import AlertStatus, DismissalReason
from monitor.models import Alert
from monitor.services.alerts import lock_alert, move_alert, raise_alerts
from tests.builders import Cell, cell_at, make_model, put_cells
from tests.cast import Cast, make_cast
from tests.roles import as_role

ROW, BORDER = cell_at(20.005, 2.105)
EASTERN = [(ROW, BORDER), (ROW, BORDER + 1), (ROW, BORDER + 2)]
SECOND = [(ROW + 2, BORDER)]
BETWEEN = (ROW + 1, BORDER - 1)
"""A western cell that touches both."""
WESTERN = [(ROW, BORDER - 1 - number) for number in range(4)]


@pytest.fixture
def cast(db: None) -> Cast:
    """Everybody."""
    return make_cast()


@pytest.fixture
def model(cast: Cast) -> UUID:
    """An active model."""
    return make_model(cast.anna.user)


def see(model: UUID, *steps: Sequence[Cell], settled: bool = False, **believed: Any) -> None:
    """Each step is a scene that finds cells active. settled: alerts are dismissed after each. believed: what is believed of
    the cells in the west."""
    for cells in steps:
        scene_id = put_cells(model, cells)
        with connection.cursor() as cursor:
            for column, value in believed.items():
                cursor.execute(
                    f"UPDATE vault.cell_state SET {column} = %s WHERE col < %s",
                    [value, BORDER],
                )
        raise_alerts([scene_id])
        for alert in Alert.objects.filter(status="raised") if settled else ():
            move_alert(lock_alert(alert.id), AlertStatus.DISMISSED, None, DismissalReason.CLEARING)


def tell(model: UUID, region: UUID, *steps: Sequence[Cell], **more: Any) -> list[Any]:
    """Everything that the alerts of a region tell after these steps, but ids and times; the world is gone afterwards."""
    with transaction.atomic():
        with as_role("penumbra_worker"):
            see(model, *steps, **more)
        told = sorted(
            (
                alert.kind,
                alert.mine_class,
                alert.confidence,
                alert.status,
                alert.dismissal,
                list(alert.moves.order_by("moved_at").values_list("status", "reason")),
            )
            for alert in Alert.objects.filter(region=region)
        )
        transaction.set_rollback(True)
    return told


def test_growth_across_the_border_raises_no_alert(cast: Cast, model: UUID) -> None:
    quiet = tell(model, cast.east, EASTERN, EASTERN, settled=True)
    assert len(quiet) == 1
    assert tell(model, cast.east, [*EASTERN, WESTERN[0]], [*EASTERN, *WESTERN], settled=True) == quiet
    assert tell(model, cast.east, EASTERN, WESTERN, settled=True) == quiet
    assert tell(model, cast.west, EASTERN, WESTERN, settled=True) != []


def test_cells_across_the_border_make_no_alert_a_duplicate(cast: Cast, model: UUID) -> None:
    apart = tell(model, cast.east, EASTERN, SECOND)
    assert [status for _, _, _, status, _, _ in apart] == ["raised", "raised"]
    assert tell(model, cast.east, EASTERN, SECOND, [BETWEEN]) == apart
    assert tell(model, cast.east, [BETWEEN], [*EASTERN, *SECOND]) == apart
    joined = tell(model, cast.east, EASTERN, SECOND, [(ROW + 1, BORDER)])
    assert sorted(status for _, _, _, status, _, _ in joined) == ["dismissed", "raised"]


@pytest.mark.parametrize(
    "believed", [{"support": 9}, {"systems": 2}, {"mine_class": "industrial"}, {"state": "quiet"}]
)
def test_what_is_believed_across_the_border_colours_no_alert(
    cast: Cast, model: UUID, believed: dict[str, Any]
) -> None:
    plain = tell(model, cast.east, EASTERN)
    assert len(plain) == 1
    assert tell(model, cast.east, [*EASTERN, *WESTERN], **believed) == plain


def test_whether_a_region_has_the_greater_part_of_a_mine_is_not_told(cast: Cast, model: UUID) -> None:
    alone = tell(model, cast.east, EASTERN[:1])
    assert len(alone) == 1
    assert tell(model, cast.east, [*EASTERN[:1], *WESTERN]) == alone


def test_activity_across_the_border_is_no_moment_at_which_an_alert_is_raised(cast: Cast, model: UUID) -> None:
    with as_role("penumbra_worker"):
        see(model, EASTERN, [*EASTERN, (ROW, BORDER + 3), (ROW, BORDER + 4)])
        move_alert(lock_alert(Alert.objects.get().id), AlertStatus.DISMISSED, None, DismissalReason.CLEARING)
        see(model, WESTERN)
        assert Alert.objects.filter(region=cast.east).count() == 1
        see(model, EASTERN)
        assert Alert.objects.filter(region=cast.east).count() == 2
