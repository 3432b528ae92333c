"""Who the viewer is to the system, and what is open for them now: what `me` tells. Carries no place, opens nothing."""

from __future__ import annotations

from django.conf import settings

from accounts.viewer import Viewer
from monitor.access.postures import list_postures
from monitor.access.sharpness import find_sharpness
from monitor.models import Inspection
from monitor.privacy.door.rights import count_open_grants, describe_quota
from monitor.privacy.policy import POLICY_VERSION, levels_of
from monitor.privacy.posture import READERS, Posture
from monitor.privacy.released import PlacelessRegion, PlacelessViewer
from monitor.privacy.scope import list_regions


def describe_viewer(viewer: Viewer) -> PlacelessViewer:
    """Who the viewer is to the system, and what is open for them."""
    return PlacelessViewer(
        viewer.username,
        viewer.role.value,
        viewer.organisation,
        name_regions(viewer),
        [level.name for level in levels_of(viewer.role)],
        POLICY_VERSION,
        settings.REQUESTS_PER_MINUTE,
        Inspection.objects.filter(inspector_id=viewer.user_id, status__in=["assigned", "accepted"]).count(),
        count_open_grants(viewer),
        describe_quota(viewer.user_id, viewer.username) if viewer.role in READERS else None,
    )


def name_regions(viewer: Viewer) -> list[PlacelessRegion]:
    """The viewer's regions by name, with posture and the finest level at which they see each now."""
    postures, sharpness = list_postures(), find_sharpness(viewer)
    return [
        PlacelessRegion(
            region.id, region.name, postures.get(region.id, Posture.OPEN).value, sharpness[region.id].name
        )
        for region in list_regions(viewer)
        if region.id in sharpness  # not one that was taken away between the two statements
    ]
