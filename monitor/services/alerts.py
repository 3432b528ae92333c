"""Alerts: raised from what the vault says of its sites, triaged and dismissed by people. Every move is recorded."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from secrets import SystemRandom
from uuid import UUID, uuid4

from django.db import transaction

from accounts.ledger.entry import Entry, Outcome
from accounts.ledger.writer import record, recorded
from accounts.roles import Role
from accounts.viewer import Viewer
from monitor.errors import NotNow, NotThere
from monitor.field.lifecycle import (
    AlertKind,
    AlertStatus,
    DismissalReason,
    MoveNotAllowed,
    check_alert_move,
)
from monitor.field.sites import Cell
from monitor.models import Alert, AlertMove
from monitor.privacy.scope import list_region_ids
from monitor.vault.sites import (
    SiteNews,
    close_alert_site,
    has_open_alert,
    link_alert,
    list_alerts_of_nothing,
    list_open_alerts,
    mark_alerted,
    merge_sites,
    merge_sites_at,
)

GROWTH_CELLS = 2
"""A site that gained so many cells since its last alert, and has no open one, is alerted again."""


def raise_alerts(scene_ids: Sequence[UUID]) -> list[UUID]:
    """Merge the sites around these scenes and raise an alert for each that appeared or grew.

    Runs in the scoring transaction, under its lock. A site with an open alert is not alerted twice, and one where nothing is
    active now is not alerted. An alert whose site is gone, because a scene that came late shows that nothing was active, is
    dismissed.
    """
    return _raise_alerts(merge_sites(scene_ids))


def raise_alerts_at(cells: Collection[Cell]) -> list[UUID]:
    """The same around these cells, of which other systems said something new."""
    return _raise_alerts(merge_sites_at(cells))


def triage_alert(viewer: Viewer, alert_id: UUID, dismissal: DismissalReason | None, endpoint: str) -> None:
    """Confirm an alert for the queue, or dismiss it with a reason. Raises NotThere or NotNow."""
    then = AlertStatus.DISMISSED if dismissal else AlertStatus.TRIAGED
    region_id = find_region_of_alert(viewer, alert_id)
    entry = Entry(
        viewer, f"alert.{then.value}", endpoint, viewer.request_id, regions=[region_id], objects=[alert_id]
    )
    with recorded(entry), transaction.atomic():
        alert = lock_alert(alert_id)
        if alert.status == AlertStatus.ASSIGNED.value:
            # the move back to triaged belongs to the end of its inspection
            raise NotNow("Somebody is on the way to this alert. Close its inspection first.")
        move_alert(alert, then, viewer.user_id, dismissal)


def find_region_of_alert(viewer: Viewer, alert_id: UUID) -> UUID:
    """The region of an alert in a regulator's mandate. Raises NotThere, for every other role too (P8)."""
    if viewer.role is not Role.REGULATOR:
        raise NotThere
    region_id = (
        Alert.objects.filter(id=alert_id, region_id__in=list_region_ids(viewer))
        .values_list("region_id", flat=True)
        .first()
    )
    if region_id is None:
        raise NotThere
    return region_id


def lock_alert(alert_id: UUID) -> Alert:
    """The alert, locked until the transaction ends, so that two people cannot move it at once."""
    return Alert.objects.select_for_update().get(id=alert_id)


def move_alert(
    alert: Alert, then: AlertStatus, moved_by: UUID | None, dismissal: DismissalReason | None = None
) -> None:
    """Move a locked alert and write its history. Raises NotNow where the life cycle has no such move."""
    try:
        check_alert_move(AlertStatus(alert.status), then)
    except MoveNotAllowed as error:
        raise NotNow(str(error)) from error
    alert.status = then.value
    alert.dismissal = dismissal.value if dismissal else ""
    alert.save(update_fields=["status", "dismissal"])
    AlertMove.objects.create(alert=alert, status=then.value, reason=alert.dismissal, moved_by_id=moved_by)
    if not then.is_open:
        close_alert_site(alert.id)


def record_move(alert: Alert, then: AlertStatus) -> None:
    """Record a move that a machine makes. Written before the transaction commits: an entry too many, never one too few."""
    entry = Entry(
        None, f"alert.{then.value}", "machine", uuid4(), regions=[alert.region_id], objects=[alert.id]
    )
    record(entry, Outcome.DONE)


def _raise_alerts(sites: Sequence[SiteNews]) -> list[UUID]:
    raised = []
    # sites come in the order of their places, and alerts, their moves and their entries are listed by time: whoever may see
    # alerts but no cells, and every auditor, would read which lies south of which (LC-04)
    for news in SystemRandom().sample(sites, len(sites)):
        _dismiss_early(list_open_alerts(news.absorbed), DismissalReason.DUPLICATE)
        if (
            news.active
            and not has_open_alert(news.site_id)
            and (news.alerted == 0 or news.cells - news.alerted >= GROWTH_CELLS)
        ):
            raised.append(_raise_alert(news))
    _dismiss_early(list_alerts_of_nothing(), DismissalReason.OTHER)
    return raised


def _raise_alert(news: SiteNews) -> UUID:
    alert = Alert.objects.create(
        id=uuid4(),
        region_id=news.region_id,
        kind=(AlertKind.GREW if news.alerted else AlertKind.APPEARED).value,
        mine_class=news.mine_class,
        confidence=news.confidence.value,
    )
    AlertMove.objects.create(alert=alert, status=alert.status)
    link_alert(alert.id, news.site_id)
    mark_alerted(news.site_id, news.cells)
    record_move(alert, AlertStatus.RAISED)
    return alert.id


def _dismiss_early(alert_ids: Sequence[UUID], reason: DismissalReason) -> None:
    """Dismiss alerts that mean nothing of their own any more, unless somebody is already on the way."""
    for alert_id in alert_ids:
        alert = lock_alert(alert_id)
        if AlertStatus(alert.status) in {AlertStatus.RAISED, AlertStatus.TRIAGED}:
            move_alert(alert, AlertStatus.DISMISSED, None, reason)
            record_move(alert, AlertStatus.DISMISSED)
