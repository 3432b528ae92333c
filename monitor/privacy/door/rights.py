"""Read who may see how sharply: postures, access requests, grants, quotas. No place; each reading is an entry too."""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

from django.db.models import BooleanField, ExpressionWrapper, F, Model, Q, QuerySet
from django.utils import timezone

from accounts.roles import Role
from accounts.viewer import Viewer
from monitor.access.postures import find_posture, list_postures
from monitor.access.quotas import read_quota
from monitor.errors import NotThere
from monitor.grid import Level
from monitor.models import AccessGrant, AccessRequest, Region
from monitor.privacy.door.disclosure import disclose
from monitor.privacy.door.paging import read_page
from monitor.privacy.posture import APPROVALS, Posture
from monitor.privacy.released import (
    Page,
    PlacelessAccessRequest,
    PlacelessAllowance,
    PlacelessGrant,
    PlacelessPosture,
    PlacelessQuota,
)
from monitor.privacy.scope import is_still_held, list_region_ids, own_or_decided

AnyModel = TypeVar("AnyModel", bound=Model)


def read_posture(viewer: Viewer, region_id: UUID, endpoint: str) -> PlacelessPosture:
    """The posture of a region: of any for administrators and auditors, of the mandate for regulators. Raises NotThere."""
    with disclose(viewer, "read.posture", endpoint, regions=[region_id]) as disclosure:
        if viewer.role is Role.REGULATOR:
            is_theirs = region_id in list_region_ids(viewer)
        else:
            is_theirs = Region.objects.filter(id=region_id).exists()
        if not is_theirs:
            raise NotThere
        disclosure.quantity = 1
        now = find_posture(region_id)
    return PlacelessPosture(
        region_id,
        now.posture.value,
        now.changed_by,
        now.changed_at,
        now.asked.posture.value if now.asked else None,
        now.asked.asked_by_name if now.asked else None,
        now.asked.asked_at if now.asked else None,
    )


def list_access_requests(
    viewer: Viewer, status: str | None, limit: int, cursor: str | None, endpoint: str
) -> Page:
    """Requests of one's own and those that one may decide, newest first."""
    wishes = _requests_of(viewer)
    if status is not None:
        wishes = wishes.filter(status=status)
    with disclose(viewer, "read.access_requests", endpoint) as disclosure:
        rows, following = read_page(wishes, "asked_at", limit, cursor, f"requests {viewer.user_id} {status}")
        disclosure.quantity = len(rows)
    return Page([_request(row) for row in rows], following)


def read_access_request(viewer: Viewer, request_id: UUID, endpoint: str) -> PlacelessAccessRequest:
    """One request of one's own, or one that one may decide. Raises NotThere (P8)."""
    with disclose(viewer, "read.access_request", endpoint, objects=[request_id]) as disclosure:
        wish = _requests_of(viewer).filter(id=request_id).first()
        if wish is None:
            raise NotThere
        disclosure.quantity = 1
    return _request(wish)


def list_grants(
    viewer: Viewer, is_in_force: bool | None, limit: int, cursor: str | None, endpoint: str
) -> Page:
    """Grants of one's own and those that one may revoke, newest first. is_in_force: only those that are, or are not."""
    grants = _grants_of(viewer)
    if is_in_force is not None:
        grants = grants.filter(_in_force()) if is_in_force else grants.exclude(_in_force())
    with disclose(viewer, "read.grants", endpoint) as disclosure:
        rows, following = read_page(
            grants, "granted_at", limit, cursor, f"grants {viewer.user_id} {is_in_force}"
        )
        disclosure.quantity = len(rows)
    return Page([_grant(row) for row in rows], following)


def read_grant(viewer: Viewer, grant_id: UUID, endpoint: str) -> PlacelessGrant:
    """One grant of one's own, or one that one may revoke. Raises NotThere (P8)."""
    with disclose(viewer, "read.grant", endpoint, objects=[grant_id]) as disclosure:
        grant = _grants_of(viewer).filter(id=grant_id).first()
        if grant is None:
            raise NotThere
        disclosure.quantity = 1
    return _grant(grant)


def count_open_grants(viewer: Viewer) -> int:
    """How many grants of the viewer's own are in force."""
    return AccessGrant.objects.filter(_in_force(), holder_id=viewer.user_id, role=viewer.role.value).count()


def describe_quota(user_id: UUID, username: str) -> PlacelessQuota:
    """An account's quota of today."""
    quota = read_quota(user_id)
    return PlacelessQuota(
        username, quota.allowed, quota.used, quota.left, f"/api/v1/quotas/{username}/release"
    )


def describe_allowance(user_id: UUID, username: str) -> PlacelessAllowance:
    """What an account may be shown today, for somebody else."""
    return PlacelessAllowance(username, read_quota(user_id).allowed)


def _requests_of(viewer: Viewer) -> QuerySet[AccessRequest]:
    rows = AccessRequest.objects.select_related("asked_by", "refused_by", "outcome").prefetch_related(
        "yeses__approver"
    )
    return rows.filter(own_or_decided(viewer, "asked_by_id"))


def _grants_of(viewer: Viewer) -> QuerySet[AccessGrant]:
    rows = AccessGrant.objects.select_related("holder", "revoked_by").annotate(
        in_force=ExpressionWrapper(_in_force(), output_field=BooleanField())
    )
    return rows.prefetch_related("request__yeses__approver").filter(own_or_decided(viewer, "holder_id"))


def _in_force() -> Q:
    """As `access.granted` has it."""
    many = Q(approvals__gte=APPROVALS[Posture.SEALED])
    sealed = [region_id for region_id, posture in list_postures().items() if posture is Posture.SEALED]
    return (
        Q(revoked_at=None, expires_at__gt=timezone.now(), holder__is_active=True, holder__role=F("role"))
        & (many | ~Q(region_id__in=sealed))
        & is_still_held()
    )


def _request(wish: AccessRequest) -> PlacelessAccessRequest:
    return PlacelessAccessRequest(
        id=wish.id,
        asked_by=wish.asked_by.username,
        role=wish.role,
        region=wish.region_id,
        level=Level(wish.level).name,
        purpose=wish.purpose,
        reason=wish.reason,
        until=wish.until,
        asked_at=wish.asked_at,
        status=wish.status,
        approved_by=_names(wish),
        refused_by=wish.refused_by.username if wish.refused_by else None,
        grant=wish.outcome.id if hasattr(wish, "outcome") else None,
    )


def _grant(grant: AccessGrant) -> PlacelessGrant:
    """grant: of `_grants_of`, which says whether it is in force."""
    return PlacelessGrant(
        id=grant.id,
        request=grant.request_id,
        holder=grant.holder.username,
        role=grant.role,
        region=grant.region_id,
        level=Level(grant.level).name,
        approved_by=_names(grant.request),
        granted_at=grant.granted_at,
        expires_at=grant.expires_at,
        revoked_at=grant.revoked_at,
        revoked_by=grant.revoked_by.username if grant.revoked_by else None,
        in_force=vars(grant)["in_force"],
    )


def _names(wish: AccessRequest) -> list[str]:
    return sorted(yes.approver.username for yes in wish.yeses.all())
