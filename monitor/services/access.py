"""Access requests, grants and released quotas: who asks, who says yes, when it ends. Every step is on the ledger.

Whether somebody may is decided in the database, by their own token; here it is only recorded. Ends come by themselves:
the statement that reads compares a grant's end with the clock.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from django.db import transaction

from accounts.ledger.entry import Entry
from accounts.ledger.writer import recorded
from accounts.models import User
from accounts.purpose import PurposeCode
from accounts.viewer import Viewer
from monitor.access import acts
from monitor.errors import NotThere
from monitor.grid import Level
from monitor.models import AccessGrant, AccessRequest
from monitor.privacy.policy import POLICY_VERSION
from monitor.privacy.posture import READERS
from monitor.privacy.scope import oneself_or_decided_readers, own_or_decided


def ask_access(
    viewer: Viewer,
    region_id: UUID,
    level: Level,
    purpose: PurposeCode,
    reason: str,
    until: datetime,
    endpoint: str,
) -> UUID:
    """Ask for a finer level on a region until a time; the request's id.

    Raises NotThere for a region that the viewer holds nothing on, NotYours for a level that the role can never have,
    NotNow where it is no finer than now, too long, or where a request is waiting already.
    """
    request_id = uuid4()
    with recorded(_entry(viewer, "access.ask", endpoint, region_id, level, request_id)), transaction.atomic():
        acts.ask(viewer, request_id, region_id, level, purpose.value, reason, until)
    return request_id


def decide_request(viewer: Viewer, request_id: UUID, is_yes: bool, endpoint: str) -> None:
    """Approve or refuse another person's request; the last approval that it needs makes the grant.

    Raises NotThere, NotYours for one's own, NotNow where it is decided, has lapsed, or has this person's yes already.
    """
    wish = AccessRequest.objects.filter(own_or_decided(viewer, "asked_by_id"), id=request_id).first()
    if wish is None:
        raise NotThere
    action = "access.approve" if is_yes else "access.refuse"
    entry = _entry(viewer, action, endpoint, wish.region_id, Level(wish.level), request_id, wish.asked_by_id)
    with recorded(entry), transaction.atomic():
        acts.decide(viewer, request_id, is_yes)


def revoke_grant(viewer: Viewer, grant_id: UUID, endpoint: str) -> None:
    """End a grant at once, one's own or one that one decides about (P7). Raises NotThere, NotNow."""
    grant = AccessGrant.objects.filter(own_or_decided(viewer, "holder_id"), id=grant_id).first()
    if grant is None:
        raise NotThere
    entry = _entry(
        viewer, "grant.revoke", endpoint, grant.region_id, Level(grant.level), grant_id, grant.holder_id
    )
    with recorded(entry), transaction.atomic():
        acts.revoke_grant(viewer, grant_id)


def release_quota(viewer: Viewer, username: str, cells: int, endpoint: str) -> UUID:
    """Let somebody else be shown `cells` more exact cells today; the id of their account.

    Raises NotThere for nobody of that name whom the viewer decides about, NotYours for oneself, NotNow for too many.
    """
    readers = User.objects.filter(oneself_or_decided_readers(viewer), is_active=True, role__in=READERS)
    # an address can hold a null character, which no name does and PostgreSQL takes in no text
    holder = None if "\0" in username else readers.filter(username=username).first()
    if holder is None:
        raise NotThere
    entry = Entry(
        viewer,
        "quota.release",
        endpoint,
        viewer.request_id,
        policy_version=POLICY_VERSION,
        objects=[holder.id],
    )
    with recorded(entry), transaction.atomic():
        acts.release_quota(viewer, holder.id, cells)
    return holder.id


def _entry(
    viewer: Viewer, action: str, endpoint: str, region_id: UUID, level: Level, *objects: UUID
) -> Entry:
    return Entry(
        viewer,
        action,
        endpoint,
        viewer.request_id,
        level=int(level),
        policy_version=POLICY_VERSION,
        regions=[region_id],
        objects=objects,
    )
