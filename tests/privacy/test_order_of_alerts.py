"""In which order alerts are raised says nothing of where their sites lie (LC-04).

Alerts are listed by the time at which they were raised, to regulators also where posture leaves them no cells, and their
entries stand in the ledger by time, which auditors read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from accounts.ledger.keyed import keyed_reference
from monitor.models import Alert, AlertMove
from monitor.services.alerts import raise_alerts
from tests.builders import cell_at, make_model, put_cells
from tests.cast import make_cast
from tests.roles import as_role, read_rows

SITES = 12
ROW, COL = cell_at(20.105, 2.105)
PLACED = (
    "SELECT meant.alert_id FROM vault.alert_site meant JOIN vault.site_cell member USING (site_id)"
    " ORDER BY member.row"
)
ENTERED = "SELECT object_refs FROM ledger.entry WHERE action = 'alert.raised' ORDER BY at DESC LIMIT %s"


@pytest.fixture
def placed(db: None) -> list[Any]:
    """Ids of alerts whose sites lie one above the other, from south to north."""
    model = make_model(make_cast().anna.user)
    with as_role("penumbra_worker"):
        raise_alerts([put_cells(model, [(ROW + 2 * number, COL) for number in range(SITES)], "active")])
    return [alert for (alert,) in read_rows(PLACED)]


def is_in_order(listed: Iterable[Any], placed: Sequence[Any]) -> bool:
    """Whether one list tells the other. By chance that happens once in 12!/2 times."""
    told = list(listed)
    assert sorted(told) == sorted(placed)
    assert len(told) == SITES
    return told in (list(placed), list(reversed(placed)))


def test_alerts_are_not_listed_in_the_order_of_their_places(placed: list[Any]) -> None:
    assert not is_in_order(Alert.objects.order_by("raised_at").values_list("id", flat=True), placed)


def test_moves_of_alerts_are_not_made_in_the_order_of_their_places(placed: list[Any]) -> None:
    assert not is_in_order(AlertMove.objects.order_by("moved_at").values_list("alert_id", flat=True), placed)


def test_entries_of_alerts_do_not_stand_in_the_order_of_their_places(placed: list[Any]) -> None:
    entered = [references[0] for (references,) in read_rows(ENTERED, SITES)]
    assert not is_in_order(entered, [keyed_reference(alert) for alert in placed])
