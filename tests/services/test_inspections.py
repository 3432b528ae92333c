"""Inspections: given by another person, taken on by the inspector alone, open for a window and shut at once."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from monitor.errors import NotNow, NotThere, NotYours
from monitor.field.lifecycle import InspectionStatus
from monitor.models import Alert, Inspection, InspectionUserPermission
from monitor.privacy.door.sites import read_inspection_site
from monitor.services.inspections import (
    accept_inspection,
    assign_inspection,
    close_expired_inspections,
    close_inspection,
)
from tests.builders import cell_at, make_alert, put_cells, viewer_of
from tests.cast import Cast, Person
from tests.privacy.canaries import find_canaries, write_canaries
from tests.roles import as_role, read_rows

SITE = [cell_at(20.105, 2.105), cell_at(20.115, 2.105)]
HERE = "/api/v1/inspections"


@pytest.fixture
def alert(cast: Cast, model: UUID) -> Alert:
    """A raised alert in the east."""
    put_cells(model, SITE)
    return make_alert(cast.east, SITE)


def assign(cast: Cast, alert: Alert, inspector: str = "ines", by: Person | None = None) -> Inspection:
    """An inspection for the coming week."""
    now = timezone.now()
    with as_role("penumbra_web"):
        identifier = assign_inspection(
            viewer_of(by or cast.rosa), alert.id, inspector, now, now + timedelta(days=7), HERE
        )
    return Inspection.objects.get(id=identifier)


def accept(person: Person, inspection: Inspection | UUID) -> None:
    """The person takes it on."""
    with as_role("penumbra_web"):
        accept_inspection(
            viewer_of(person), inspection if isinstance(inspection, UUID) else inspection.id, HERE
        )


def close(person: Person, inspection: Inspection | UUID) -> None:
    """The person ends it."""
    with as_role("penumbra_web"):
        close_inspection(
            viewer_of(person), inspection if isinstance(inspection, UUID) else inspection.id, HERE
        )


def sees_the_site(person: Person, inspection: Inspection) -> bool:
    """True where the vault opens the place to this person now, asked as the web role."""
    try:
        with as_role("penumbra_web"), transaction.atomic():
            cells, _ = read_inspection_site(viewer_of(person), inspection.id, HERE)
    except NotThere:
        return False
    assert cells.count == len(SITE)
    return True


def test_a_regulator_gives_an_alert_to_an_inspector(cast: Cast, alert: Alert) -> None:
    inspection = assign(cast, alert)
    alert.refresh_from_db()
    assert (inspection.status, inspection.inspector, inspection.assigned_by) == (
        "assigned",
        cast.ines.user,
        cast.rosa.user,
    )
    assert alert.status == "assigned"
    assert InspectionUserPermission.objects.get().user == cast.ines.user


@pytest.mark.parametrize("name", ["rosa", "otis", "pia", "anna", "adam", "nobody", "", "INES"])
def test_only_an_inspector_can_be_named(cast: Cast, alert: Alert, name: str) -> None:
    with pytest.raises(NotYours, match="Nobody of this name"):
        assign(cast, alert, name)
    alert.refresh_from_db()
    assert (alert.status, Inspection.objects.count()) == ("raised", 0)


def test_a_closed_account_is_not_assigned(cast: Cast, alert: Alert) -> None:
    User.objects.filter(username="ines").update(is_active=False)
    with pytest.raises(NotYours):
        assign(cast, alert)


def test_nobody_assigns_to_themselves_not_even_in_the_database(cast: Cast, alert: Alert) -> None:
    now = timezone.now()
    with pytest.raises(IntegrityError, match="inspection_is_never_self_assigned"), transaction.atomic():
        Inspection.objects.create(
            alert=alert,
            inspector=cast.ines.user,
            assigned_by=cast.ines.user,
            opens_at=now,
            expires_at=now + timedelta(days=1),
        )


@pytest.mark.parametrize("name", ["otis", "pia", "ines", "aldo", "anna", "adam", "mallory"])
def test_only_a_regulator_of_the_region_assigns(cast: Cast, alert: Alert, name: str) -> None:
    with pytest.raises(NotThere):
        assign(cast, alert, "ivo", by=cast.everybody()[name])


def test_an_alert_has_one_open_inspection(cast: Cast, alert: Alert) -> None:
    assign(cast, alert)
    with pytest.raises(NotNow, match="open inspection already"):
        assign(cast, alert, "ivo")
    with pytest.raises(IntegrityError, match="one_open_inspection_an_alert"), transaction.atomic():
        Inspection.objects.create(
            alert=alert,
            inspector=cast.ivo.user,
            assigned_by=cast.rosa.user,
            opens_at=timezone.now(),
            expires_at=timezone.now() + timedelta(days=1),
        )


def test_a_dismissed_alert_is_not_assigned(cast: Cast, model: UUID) -> None:
    put_cells(model, SITE)
    alert = make_alert(cast.east, SITE)
    Alert.objects.filter(id=alert.id).update(status="dismissed", dismissal="cloud")
    with pytest.raises(NotNow):
        assign(cast, alert)


def test_only_the_named_inspector_can_accept(cast: Cast, alert: Alert) -> None:
    inspection = assign(cast, alert)
    for name in ("ivo", "rosa", "otis", "pia", "aldo", "anna", "adam", "mallory"):
        with pytest.raises(NotThere):
            accept(cast.everybody()[name], inspection)
    accept(cast.ines, inspection)
    inspection.refresh_from_db()
    assert inspection.status == "accepted"
    with pytest.raises(NotNow):
        accept(cast.ines, inspection)


def test_an_inspection_that_does_not_exist_looks_like_somebody_elses(cast: Cast, alert: Alert) -> None:
    inspection = assign(cast, alert)
    for identifier in (inspection.id, uuid4()):
        with pytest.raises(NotThere):
            accept(cast.ivo, identifier)
        with pytest.raises(NotThere):
            close(cast.ivo, identifier)


@pytest.mark.parametrize("status", list(InspectionStatus))
def test_an_inspection_is_accepted_from_assigned_and_ended_while_it_is_open(
    cast: Cast, alert: Alert, status: InspectionStatus
) -> None:
    inspection = assign(cast, alert)
    for act, possible in (
        (accept, status is InspectionStatus.ASSIGNED),
        (close, status.is_open),
    ):
        Inspection.objects.update(status=status.value)
        with nullcontext() if possible else pytest.raises(NotNow, match="accepted or has ended"):
            act(cast.ines, inspection)


def test_after_the_window_nothing_can_be_accepted(cast: Cast, alert: Alert) -> None:
    inspection = assign(cast, alert)
    Inspection.objects.update(opens_at=timezone.now() - timedelta(days=2), expires_at=timezone.now())
    with pytest.raises(NotNow, match="window"):
        accept(cast.ines, inspection)


def test_the_place_opens_with_acceptance_and_to_nobody_else(cast: Cast, alert: Alert) -> None:
    inspection = assign(cast, alert)
    assert not sees_the_site(cast.ines, inspection)
    accept(cast.ines, inspection)
    assert sees_the_site(cast.ines, inspection)
    for name in ("ivo", "rosa", "otis", "pia", "aldo", "anna", "adam", "finn", "mallory"):
        assert not sees_the_site(cast.everybody()[name], inspection)


@pytest.mark.parametrize(("opens_in", "expires_in"), [(60, 120), (-120, -60), (-120, 0)])
def test_outside_its_window_the_place_is_shut(
    cast: Cast, alert: Alert, opens_in: int, expires_in: int
) -> None:
    inspection = assign(cast, alert)
    accept(cast.ines, inspection)
    now = timezone.now()
    Inspection.objects.update(
        opens_at=now + timedelta(seconds=opens_in), expires_at=now + timedelta(seconds=expires_in)
    )
    assert not sees_the_site(cast.ines, inspection)


def test_closing_shuts_the_place_at_once(cast: Cast, alert: Alert) -> None:
    inspection = assign(cast, alert)
    accept(cast.ines, inspection)
    close(cast.rosa, inspection)
    assert not sees_the_site(cast.ines, inspection)
    assert not InspectionUserPermission.objects.exists()


def test_taking_the_permission_closing_the_account_or_changing_the_role_shuts_the_place(
    cast: Cast, alert: Alert
) -> None:
    inspection = assign(cast, alert)
    accept(cast.ines, inspection)
    for mend, spoil in (
        ({"is_active": True}, {"is_active": False}),
        ({"role": "inspector"}, {"role": "regulator"}),
    ):
        User.objects.filter(username="ines").update(**spoil)
        assert not sees_the_site(cast.ines, inspection)
        User.objects.filter(username="ines").update(**mend)
        assert sees_the_site(cast.ines, inspection)
    InspectionUserPermission.objects.all().delete()
    assert not sees_the_site(cast.ines, inspection)


def test_an_alert_that_was_not_visited_goes_back_to_the_queue(cast: Cast, alert: Alert) -> None:
    inspection = assign(cast, alert)
    close(cast.ines, inspection)
    alert.refresh_from_db()
    inspection.refresh_from_db()
    assert (alert.status, inspection.status) == ("triaged", "closed")
    assert inspection.closed_at is not None
    assign(cast, alert, "ivo")


def test_an_alert_that_was_visited_is_closed_and_makes_room_for_the_next(cast: Cast, alert: Alert) -> None:
    inspection = assign(cast, alert)
    accept(cast.ines, inspection)
    Alert.objects.filter(id=alert.id).update(status="visited")
    close(cast.ines, inspection)
    alert.refresh_from_db()
    assert alert.status == "closed"
    assert read_rows("SELECT is_open FROM vault.alert_site WHERE alert_id = %s", alert.id) == [(False,)]


def test_an_inspection_is_closed_once_and_by_those_concerned(cast: Cast, alert: Alert) -> None:
    inspection = assign(cast, alert)
    for name in ("ivo", "otis", "pia", "aldo", "anna", "adam"):
        with pytest.raises(NotThere):
            close(cast.everybody()[name], inspection)
    close(cast.ines, inspection)
    with pytest.raises(NotNow):
        close(cast.ines, inspection)


def test_inspections_expire_by_the_clock_and_only_those_whose_window_has_passed(
    cast: Cast, alert: Alert, model: UUID
) -> None:
    far = [cell_at(20.305, 2.305)]
    put_cells(model, far)
    passed, running = assign(cast, alert), assign(cast, make_alert(cast.east, far), "ivo")
    accept(cast.ines, passed)
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    Inspection.objects.filter(id=passed.id).update(opens_at=moment - timedelta(days=1), expires_at=moment)
    assert close_expired_inspections(moment - timedelta(microseconds=1)) == 0
    assert close_expired_inspections(moment) == 1
    assert close_expired_inspections(moment) == 0
    passed.refresh_from_db()
    running.refresh_from_db()
    alert.refresh_from_db()
    assert (passed.status, running.status, alert.status) == ("expired", "assigned", "triaged")
    assert not sees_the_site(cast.ines, passed)
    assert list(InspectionUserPermission.objects.values_list("user__username", flat=True)) == ["ivo"]


def test_every_step_is_on_record_and_none_names_a_place(cast: Cast, alert: Alert) -> None:
    inspection = assign(cast, alert)
    accept(cast.ines, inspection)
    close(cast.ines, inspection)
    entries = read_rows(
        "SELECT e.action, c.outcome, row_to_json(e)::text FROM ledger.entry e JOIN ledger.completion c"
        " ON c.entry_id = e.id WHERE e.actor = ANY(%s) ORDER BY e.at",
        [cast.rosa.user.pseudonym, cast.ines.user.pseudonym],
    )
    assert [row[:2] for row in entries] == [
        ("inspection.assign", "done"),
        ("inspection.accept", "done"),
        ("inspection.close", "done"),
    ]
    for *_, entry in entries:
        assert not [told for told in (str(alert.id), str(inspection.id), "ines", "rosa") if told in entry]
    canaries = [canary for cell in SITE for canary in write_canaries(*cell)]
    assert find_canaries(canaries, "ledger", [entry.encode() for *_, entry in entries]) == []
