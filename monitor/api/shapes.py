"""How each released shape is written: serializers that list their fields, so nothing leaves by being there.

They also describe the answers in the OpenAPI document.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from monitor.api.audit_shapes import AUDIT_SHAPES
from monitor.api.rights_shapes import LEVELS, POSTURES, RIGHTS_SHAPES, QuotaShape
from monitor.field.lifecycle import (
    AlertKind,
    AlertStatus,
    Confidence,
    DismissalReason,
    FindingKind,
    InspectionStatus,
    PeopleBand,
    Response,
)
from monitor.field.states import CellState
from monitor.privacy.coarsen import ActivityBand, ObservedBand, Trend
from monitor.privacy.released import (
    Leaving,
    PlacelessAlert,
    PlacelessEntry,
    PlacelessFinding,
    PlacelessInspection,
    PlacelessModel,
    PlacelessMove,
    PlacelessRegion,
    PlacelessScene,
    PlacelessViewer,
    ReleasedBatch,
    ReleasedCertificate,
)

ALERT_STATUSES = [status.value for status in AlertStatus]
INSPECTION_STATUSES = [status.value for status in InspectionStatus]
DISMISSAL_REASONS = [reason.value for reason in DismissalReason]
FINDING_KINDS = [kind.value for kind in FindingKind]


class PlacelessRegionShape(serializers.Serializer[Any]):
    """A region by id and name, its posture, and the finest level at which one sees it now."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    posture = serializers.ChoiceField(choices=POSTURES)
    level = serializers.ChoiceField(choices=LEVELS)


class ViewerShape(serializers.Serializer[Any]):
    """Who the viewer is to the system."""

    username = serializers.CharField()
    role = serializers.CharField()
    organisation = serializers.UUIDField(allow_null=True)
    regions = PlacelessRegionShape(many=True)
    levels = serializers.ListField(child=serializers.CharField())
    policy_version = serializers.CharField()
    requests_per_minute = serializers.IntegerField()
    open_inspections = serializers.IntegerField()
    open_grants = serializers.IntegerField()
    quota = QuotaShape(allow_null=True)


class AlertShape(serializers.Serializer[Any]):
    """An alert: no place."""

    id = serializers.UUIDField()
    region = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=[kind.value for kind in AlertKind])
    mine_class = serializers.CharField()
    confidence = serializers.ChoiceField(choices=[word.value for word in Confidence])
    status = serializers.ChoiceField(choices=ALERT_STATUSES)
    dismissal = serializers.ChoiceField(choices=["", *DISMISSAL_REASONS])
    raised_at = serializers.DateTimeField()


class MoveShape(serializers.Serializer[Any]):
    """One step in the life of an alert; `moved_by` is null where a machine moved it."""

    status = serializers.ChoiceField(choices=ALERT_STATUSES)
    reason = serializers.CharField(allow_blank=True)
    moved_by = serializers.CharField(allow_null=True)
    moved_at = serializers.DateTimeField()


class InspectionShape(serializers.Serializer[Any]):
    """An inspection: no place."""

    id = serializers.UUIDField()
    alert = serializers.UUIDField()
    region = serializers.UUIDField()
    inspector = serializers.CharField()
    status = serializers.ChoiceField(choices=INSPECTION_STATUSES)
    opens_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    findings = serializers.IntegerField()


class FindingShape(serializers.Serializer[Any]):
    """A finding as it was received."""

    id = serializers.UUIDField()
    inspection = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=FINDING_KINDS)
    observed_on = serializers.DateField()
    people = serializers.ChoiceField(choices=[band.value for band in PeopleBand])
    response = serializers.ChoiceField(choices=[response.value for response in Response])
    mercury = serializers.BooleanField()
    child_labour = serializers.BooleanField()
    armed_presence = serializers.BooleanField()


class SceneShape(serializers.Serializer[Any]):
    """A scene: how far it is, and the cause where it was refused."""

    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=["received", "claimed", "waiting", "scored", "refused"])
    sensor = serializers.CharField(allow_blank=True)
    progress = serializers.IntegerField()
    cause = serializers.CharField(allow_blank=True)
    detail = serializers.CharField(allow_blank=True)
    received_at = serializers.DateTimeField()


class ModelShape(serializers.Serializer[Any]):
    """A trained model and its figures."""

    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=["trained", "active", "retired"])
    sensor = serializers.CharField()
    sha256 = serializers.CharField()
    metrics = serializers.DictField()
    trained_at = serializers.DateTimeField()
    activated_by = serializers.CharField(allow_null=True)
    activated_at = serializers.DateTimeField(allow_null=True)


class BatchShape(serializers.Serializer[Any]):
    """A published batch."""

    id = serializers.UUIDField()
    published_at = serializers.DateTimeField()
    policy_version = serializers.CharField()
    digest = serializers.CharField(allow_null=True)
    rows = serializers.IntegerField(allow_null=True)


class CertificateShape(serializers.Serializer[Any]):
    """What a batch, or what the viewer receives of it, can tell at most; `signature` is null until it is signed."""

    release = serializers.UUIDField()
    published_at = serializers.DateTimeField()
    certificate = serializers.DictField()
    signature = serializers.CharField(allow_null=True)
    signature_format = serializers.CharField()


class EntryShape(serializers.Serializer[Any]):
    """A ledger entry: who, why, how sharply, how much; no place."""

    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    actor = serializers.UUIDField(allow_null=True)
    organisation = serializers.UUIDField(allow_null=True)
    role = serializers.CharField()
    purpose = serializers.CharField(allow_blank=True)
    purpose_text = serializers.CharField(allow_blank=True)
    action = serializers.CharField()
    endpoint = serializers.CharField()
    level = serializers.IntegerField(allow_null=True)
    rule = serializers.CharField(allow_blank=True)
    policy_version = serializers.CharField(allow_blank=True)
    regions = serializers.ListField(child=serializers.UUIDField())
    objects = serializers.ListField(child=serializers.CharField())
    request_id = serializers.UUIDField()
    outcome = serializers.CharField()
    completed_at = serializers.DateTimeField(allow_null=True)
    quantity = serializers.IntegerField(allow_null=True)


SHAPES: dict[type[Leaving], type[serializers.Serializer[Any]]] = {
    PlacelessViewer: ViewerShape,
    PlacelessAlert: AlertShape,
    PlacelessMove: MoveShape,
    PlacelessInspection: InspectionShape,
    PlacelessFinding: FindingShape,
    PlacelessScene: SceneShape,
    PlacelessModel: ModelShape,
    ReleasedBatch: BatchShape,
    ReleasedCertificate: CertificateShape,
    PlacelessEntry: EntryShape,
    **RIGHTS_SHAPES,
    **AUDIT_SHAPES,
    PlacelessRegion: PlacelessRegionShape,
}


class PolygonShape(serializers.Serializer[Any]):
    """The square of a cell or block, counter-clockwise, CRS84."""

    type = serializers.ChoiceField(choices=["Polygon"])
    coordinates = serializers.ListField(
        child=serializers.ListField(
            child=serializers.ListField(child=serializers.FloatField(), min_length=2, max_length=2)
        )
    )


class CellPropertiesShape(serializers.Serializer[Any]):
    """What is believed of one cell. Exact roles only."""

    row = serializers.IntegerField(required=False)
    col = serializers.IntegerField(required=False)
    state = serializers.ChoiceField(choices=[state.value for state in CellState], required=False)
    probability = serializers.FloatField(required=False, allow_null=True)
    interval = serializers.ListField(
        child=serializers.FloatField(allow_null=True), min_length=2, max_length=2, required=False
    )
    observed_on = serializers.DateField(required=False)
    valid_share = serializers.FloatField(required=False)
    confidence = serializers.ChoiceField(
        choices=[confidence.value for confidence in Confidence], required=False, allow_null=True
    )
    public_elsewhere = serializers.ListField(child=serializers.CharField(), required=False)
    level = serializers.CharField(required=False)
    period = serializers.CharField(required=False)
    band = serializers.ChoiceField(choices=[band.value for band in ActivityBand], required=False)
    trend = serializers.ChoiceField(choices=[trend.value for trend in Trend], required=False)
    observed = serializers.ChoiceField(choices=[band.value for band in ObservedBand], required=False)
    part = serializers.ChoiceField(choices=["whole", "rest"], required=False)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """`class` is a word of Python, so this field cannot be declared by name."""
        fields = super().get_fields()
        fields["class"] = serializers.ChoiceField(choices=["none", "artisanal", "industrial"], required=False)
        return fields


class CellFeatureShape(serializers.Serializer[Any]):
    """A square and what is known of it: a cell for exact roles, a published block for coarse ones."""

    type = serializers.ChoiceField(choices=["Feature"])
    geometry = PolygonShape()
    properties = CellPropertiesShape()


class ActivityShape(serializers.Serializer[Any]):
    """A GeoJSON FeatureCollection that says how sharp it is."""

    type = serializers.ChoiceField(choices=["FeatureCollection"])
    precision_deg = serializers.FloatField()
    level = serializers.ChoiceField(choices=["L0", "L1", "L2", "L3"])
    rule = serializers.CharField()
    policy_version = serializers.CharField()
    generalised = serializers.BooleanField()
    next = serializers.CharField(allow_null=True)
    release = serializers.UUIDField(allow_null=True, required=False)
    applied_bbox = serializers.ListField(
        child=serializers.FloatField(), allow_null=True, required=False, min_length=4, max_length=4
    )
    features = CellFeatureShape(many=True)


class FieldErrorShape(serializers.Serializer[Any]):
    """What is wrong with one parameter."""

    field = serializers.CharField(allow_blank=True)
    detail = serializers.CharField()


class ProblemShape(serializers.Serializer[Any]):
    """Problem details (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    cause = serializers.CharField(required=False)
    errors = serializers.ListField(child=FieldErrorShape(), required=False)  # type: ignore[assignment]
