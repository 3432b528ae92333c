"""Which rows a viewer may see: the one place that asks guardian anything. How sharply is the rule table's business.

guardian's wide defaults are switched off here and reached from nowhere else: superusers do not pass, global
permissions do not count, groups are not used, a closed account has nothing.
"""

from __future__ import annotations

from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from guardian.shortcuts import assign_perm, get_objects_for_user

from accounts.models import User
from accounts.roles import Role
from accounts.viewer import Viewer
from monitor.models import Agreement, Inspection, Region, RegionUserPermission

_PERMISSION = {Role.REGULATOR: Region.MANDATE, Role.ANALYST: Region.MANDATE, Role.PARTNER: Region.RECEIVE}


def list_regions(viewer: Viewer) -> list[Region]:
    """The regions that count for the viewer's role, by name: the mandate, or what a partner receives; else none."""
    codename = _PERMISSION.get(viewer.role)
    user = User.objects.filter(id=viewer.user_id, is_active=True).first()
    if codename is None or user is None:
        return []
    held = get_objects_for_user(
        user,
        f"monitor.{codename}",
        klass=Region,
        use_groups=False,
        with_superuser=False,
        accept_global_perms=False,
    )
    return list(held.defer("boundary").order_by("name"))


def list_region_ids(viewer: Viewer) -> list[UUID]:
    """Ids of `list_regions`, in the order of ids, by one statement: it stands before every reading."""
    if viewer.role not in _PERMISSION:
        return []
    held = RegionUserPermission.objects.filter(
        user_id=viewer.user_id, user__is_active=True, permission__codename=_PERMISSION[viewer.role]
    )
    return list(held.order_by("content_object_id").values_list("content_object_id", flat=True))


def decides_about(viewer: Viewer, region_id: UUID) -> bool:
    """True where the viewer decides about a region's posture and grants: administrators, regulators in their mandate."""
    if viewer.role is Role.ADMINISTRATOR:
        return Region.objects.filter(id=region_id).exists()
    return viewer.role is Role.REGULATOR and region_id in list_region_ids(viewer)


def own_or_decided(viewer: Viewer, own: str) -> Q:
    """The rows with a `region` that are the viewer's own by the field `own`, or about whose region the viewer decides."""
    if viewer.role is Role.ADMINISTRATOR:
        return Q()
    mine = Q(**{own: viewer.user_id})
    return mine | Q(region_id__in=list_region_ids(viewer)) if viewer.role is Role.REGULATOR else mine


def oneself_or_decided_readers(viewer: Viewer) -> Q:
    """The accounts that read exact cells in a region about which the viewer decides, and the viewer's own.

    One condition of one statement: whether somebody else of a name exists must not show in the time of an answer (P8).
    """
    if viewer.role is Role.ADMINISTRATOR:
        return Q()
    regions = list_region_ids(viewer) if viewer.role is Role.REGULATOR else []
    mandates = RegionUserPermission.objects.filter(
        content_object_id__in=regions, permission__codename=Region.MANDATE
    )
    visits = Inspection.objects.filter(
        alert__region_id__in=regions,
        status__in=["assigned", "accepted"],
        expires_at__gt=timezone.now(),
    )
    return (
        Q(id=viewer.user_id) | Q(id__in=mandates.values("user_id")) | Q(id__in=visits.values("inspector_id"))
    )


def is_still_held() -> Q:
    """The grants whose holder holds their region in the role that they are for. An inspector holds none."""
    held = RegionUserPermission.objects.filter(
        user_id=OuterRef("holder_id"), content_object_id=OuterRef("region_id")
    )
    kept = Q(role=Role.INSPECTOR)
    for role, codename in _PERMISSION.items():
        kept |= Q(role=role) & Q(Exists(held.filter(permission__codename=codename)))
    return kept


def holds_region(user: User, region: Region) -> bool:
    """Whether an account holds anything on a region, a closed one too."""
    return RegionUserPermission.objects.filter(user=user, content_object=region).exists()


def grant_region(user: User, region: Region) -> None:
    """Give an account what its role can hold on a region. Raises ValueError for a role that holds nothing on regions."""
    codename = _PERMISSION.get(Role(user.role))
    if codename is None:
        raise ValueError(f"A {user.role} holds nothing on a region.")
    assign_perm(f"monitor.{codename}", user, region)


def withdraw_region(user: User, region: Region) -> None:
    """Take away what an account holds on a region, with the terms of its agreement, at once (P7)."""
    RegionUserPermission.objects.filter(user=user, content_object=region).delete()
    Agreement.objects.filter(user=user, region=region).delete()
