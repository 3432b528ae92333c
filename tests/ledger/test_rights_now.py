"""A ticket is worth what its holder may see now, whatever it says and whenever it was opened (P7)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.ledger.entry import Reads
from accounts.models import User
from monitor.models import Alert, Inspection
from tests.cast import Cast
from tests.ledger.tickets import EASTERN, WESTERN, open_ticket, read_activity, read_alert, read_inspection


def test_a_ticket_wider_than_the_mandate_opens_the_mandate_only(
    cast: Cast, alert: Alert, western_alert: Alert
) -> None:
    assert read_activity(open_ticket(cast.rosa, Reads.ACTIVITY, cast.east, cast.west)) == EASTERN
    assert read_activity(open_ticket(cast.otis, Reads.ACTIVITY, cast.east, cast.west)) == WESTERN
    assert sorted(read_activity(open_ticket(cast.anna, Reads.ACTIVITY, cast.east, cast.west))) == sorted(
        EASTERN + WESTERN
    )


def test_a_ticket_narrower_than_the_mandate_opens_what_it_names(
    cast: Cast, alert: Alert, western_alert: Alert
) -> None:
    assert read_activity(open_ticket(cast.anna, Reads.ACTIVITY, cast.west)) == WESTERN
    assert read_activity(open_ticket(cast.anna, Reads.ACTIVITY)) == []


def test_a_ticket_for_the_alert_of_another_region_opens_nothing(cast: Cast, western_alert: Alert) -> None:
    ticket = open_ticket(cast.rosa, Reads.ALERT_SITE, cast.east, cast.west, object_id=western_alert.id)
    assert read_alert(ticket, western_alert) is None


def _revoke(user: User) -> None:
    user.regionuserpermission_set.all().delete()
    user.inspectionuserpermission_set.all().delete()


def _close(user: User) -> None:
    User.objects.filter(id=user.id).update(is_active=False)


def _demote(user: User) -> None:
    User.objects.filter(id=user.id).update(role="partner", is_superuser=True)


@pytest.mark.parametrize("change", [_revoke, _close, _demote])
def test_what_is_taken_away_after_the_ticket_was_opened_is_not_read(
    cast: Cast, alert: Alert, inspection: Inspection, change: Callable[[User], None]
) -> None:
    activity = open_ticket(cast.rosa, Reads.ACTIVITY, cast.east)
    site = open_ticket(cast.rosa, Reads.ALERT_SITE, cast.east, object_id=alert.id)
    visit = open_ticket(cast.ines, Reads.INSPECTION_SITE, object_id=inspection.id)
    change(cast.rosa.user)
    change(cast.ines.user)
    assert read_activity(activity) == []
    assert read_alert(site, alert) is None
    assert read_inspection(visit, inspection) is None


@pytest.mark.parametrize("name", ["ines", "ivo", "pia", "paul", "aldo", "adam", "finn", "mallory"])
def test_a_ticket_gives_no_role_more_than_its_own(
    cast: Cast, alert: Alert, western_alert: Alert, name: str
) -> None:
    person = cast.everybody()[name]
    assert read_activity(open_ticket(person, Reads.ACTIVITY, cast.east, cast.west)) == []
    assert read_alert(open_ticket(person, Reads.ALERT_SITE, object_id=alert.id), alert) is None


def test_an_analysts_ticket_opens_no_site(cast: Cast, alert: Alert) -> None:
    assert read_alert(open_ticket(cast.anna, Reads.ALERT_SITE, cast.east, object_id=alert.id), alert) is None


@pytest.mark.parametrize("name", ["rosa", "ivo", "adam", "anna"])
def test_the_ticket_of_another_person_opens_no_inspection(
    cast: Cast, inspection: Inspection, name: str
) -> None:
    ticket = open_ticket(cast.everybody()[name], Reads.INSPECTION_SITE, object_id=inspection.id)
    assert read_inspection(ticket, inspection) is None


@pytest.mark.parametrize(
    "change",
    [
        {"status": "assigned"},
        {"status": "closed"},
        {"status": "expired"},
        {"opens_at": timedelta(hours=1)},
        {"opens_at": -timedelta(hours=2), "expires_at": -timedelta(hours=1)},
    ],
)
def test_an_inspection_that_ends_after_the_ticket_was_opened_is_not_read(
    cast: Cast, inspection: Inspection, change: dict[str, str | timedelta]
) -> None:
    ticket = open_ticket(cast.ines, Reads.INSPECTION_SITE, object_id=inspection.id)
    now = timezone.now()  # not when the tests were collected: a long run would meet the hour
    Inspection.objects.update(
        **{field: now + value if isinstance(value, timedelta) else value for field, value in change.items()}
    )
    assert read_inspection(ticket, inspection) is None
