"""Rows and constraints outside the vault: they know that something is suspicious, never where.

Every field says where it stands (`# where: none | coarse | exact`); a test reads it, and no field here is exact.
May not import the vault, the door or anything above.
"""

from monitor.models.access import AccessApproval, AccessGrant, AccessRequest, QuotaRelease, RegionPosture
from monitor.models.agreement import Agreement
from monitor.models.alert import Alert, AlertMove
from monitor.models.inspection import Finding, Inspection
from monitor.models.region import InspectionUserPermission, Region, RegionUserPermission
from monitor.models.request import HandledRequest
from monitor.models.scene import Scene
from monitor.models.trained_model import TrainedModel

__all__ = [
    "AccessApproval",
    "AccessGrant",
    "AccessRequest",
    "Agreement",
    "Alert",
    "AlertMove",
    "Finding",
    "HandledRequest",
    "Inspection",
    "InspectionUserPermission",
    "QuotaRelease",
    "Region",
    "RegionPosture",
    "RegionUserPermission",
    "Scene",
    "TrainedModel",
]
