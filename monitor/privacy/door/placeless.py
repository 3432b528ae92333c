"""Read what has no place: alerts, inspections, scenes, models. Each reading is an entry too."""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Count, Model, QuerySet

from accounts.roles import Role
from accounts.viewer import Viewer
from monitor.errors import NotThere
from monitor.models import Alert, Finding, Inspection, Scene, TrainedModel
from monitor.privacy.door.disclosure import disclose
from monitor.privacy.door.paging import read_page
from monitor.privacy.released import (
    Page,
    PlacelessAlert,
    PlacelessFinding,
    PlacelessInspection,
    PlacelessModel,
    PlacelessMove,
    PlacelessScene,
)
from monitor.privacy.scope import list_region_ids

AnyModel = TypeVar("AnyModel", bound=Model)


def list_alerts(
    viewer: Viewer, region: UUID | None, status: str | None, limit: int, cursor: str | None, endpoint: str
) -> Page:
    """Alerts of the viewer's regions, newest first."""
    regions = [held for held in list_region_ids(viewer) if region in (None, held)]
    alerts = _alerts_of(viewer).filter(region_id__in=regions)
    if status is not None:
        alerts = alerts.filter(status=status)
    with disclose(viewer, "read.alerts", endpoint, regions=regions) as disclosure:
        rows, following = read_page(
            alerts, "raised_at", limit, cursor, f"alerts {viewer.user_id} {region} {status}"
        )
        disclosure.quantity = len(rows)
    return Page([_alert(row) for row in rows], following)


def read_alert(viewer: Viewer, alert_id: UUID, endpoint: str) -> PlacelessAlert:
    """One alert of the viewer's regions. Raises NotThere (P8)."""
    with disclose(viewer, "read.alert", endpoint, objects=[alert_id]) as disclosure:
        alert = _find(_alerts_of(viewer), alert_id)
        disclosure.quantity = 1
    return _alert(alert)


def read_alert_history(viewer: Viewer, alert_id: UUID, endpoint: str) -> Page:
    """The moves of one alert, oldest first. Raises NotThere (P8)."""
    with disclose(viewer, "read.alert_history", endpoint, objects=[alert_id]) as disclosure:
        alert = _find(_alerts_of(viewer), alert_id)
        moves = list(alert.moves.select_related("moved_by"))
        disclosure.quantity = len(moves)
    return Page(
        [
            PlacelessMove(
                move.status, move.reason, move.moved_by.username if move.moved_by else None, move.moved_at
            )
            for move in moves
        ]
    )


def list_inspections(
    viewer: Viewer, status: str | None, limit: int, cursor: str | None, endpoint: str
) -> Page:
    """Inspections of the viewer's own (inspector) or of the viewer's regions (regulator), newest first."""
    inspections = _inspections_of(viewer)
    if status is not None:
        inspections = inspections.filter(status=status)
    with disclose(viewer, "read.inspections", endpoint) as disclosure:
        rows, following = read_page(
            inspections, "assigned_at", limit, cursor, f"inspections {viewer.user_id} {viewer.role} {status}"
        )
        disclosure.quantity = len(rows)
    return Page([_inspection(row) for row in rows], following)


def read_inspection(viewer: Viewer, inspection_id: UUID, endpoint: str) -> PlacelessInspection:
    """One inspection. Raises NotThere (P8)."""
    with disclose(viewer, "read.inspection", endpoint, objects=[inspection_id]) as disclosure:
        inspection = _find(_inspections_of(viewer), inspection_id)
        disclosure.quantity = 1
    return _inspection(inspection)


def list_findings(viewer: Viewer, inspection_id: UUID, endpoint: str) -> Page:
    """What was found during one inspection, oldest first. Raises NotThere (P8)."""
    with disclose(viewer, "read.findings", endpoint, objects=[inspection_id]) as disclosure:
        inspection = _find(_inspections_of(viewer), inspection_id)
        findings = list(inspection.findings.order_by("received_at", "own_id"))
        disclosure.quantity = len(findings)
    return Page([_finding(finding) for finding in findings])


def list_scenes(viewer: Viewer, state: str | None, limit: int, cursor: str | None, endpoint: str) -> Page:
    """Scenes, newest first: a feeder's own, or all for an analyst or regulator, who see states only."""
    scenes = _scenes_of(viewer)
    if state is not None:
        scenes = scenes.filter(state=state)
    with disclose(viewer, "read.scenes", endpoint) as disclosure:
        rows, following = read_page(scenes, "received_at", limit, cursor, f"scenes {viewer.user_id} {state}")
        disclosure.quantity = len(rows)
    return Page([_scene(row) for row in rows], following)


def read_scene(viewer: Viewer, scene_id: UUID, endpoint: str) -> PlacelessScene:
    """One scene's state. Raises NotThere (P8)."""
    with disclose(viewer, "read.scene", endpoint, objects=[scene_id]) as disclosure:
        scene = _find(_scenes_of(viewer), scene_id)
        disclosure.quantity = 1
    return _scene(scene)


def list_trained_models(viewer: Viewer, limit: int, cursor: str | None, endpoint: str) -> Page:
    """Trained models with their figures, newest first."""
    models = TrainedModel.objects.select_related("activated_by")
    with disclose(viewer, "read.models", endpoint) as disclosure:
        rows, following = read_page(models, "trained_at", limit, cursor, f"models {viewer.user_id}")
        disclosure.quantity = len(rows)
    return Page([_model(row) for row in rows], following)


def read_trained_model(viewer: Viewer, model_id: UUID, endpoint: str) -> PlacelessModel:
    """One trained model. Raises NotThere."""
    with disclose(viewer, "read.model", endpoint, objects=[model_id]) as disclosure:
        model = _find(TrainedModel.objects.select_related("activated_by"), model_id)
        disclosure.quantity = 1
    return _model(model)


def _find(rows: QuerySet[AnyModel], identifier: UUID) -> AnyModel:
    found = rows.filter(pk=identifier).first()
    if found is None:
        raise NotThere
    return found


def _alerts_of(viewer: Viewer) -> QuerySet[Alert]:
    if viewer.role is Role.REGULATOR:
        return Alert.objects.filter(region_id__in=list_region_ids(viewer))
    return Alert.objects.none()


def _inspections_of(viewer: Viewer) -> QuerySet[Inspection]:
    inspections = Inspection.objects.select_related("alert", "inspector").annotate(reports=Count("findings"))
    if viewer.role is Role.INSPECTOR:
        return inspections.filter(inspector_id=viewer.user_id)
    if viewer.role is Role.REGULATOR:
        return inspections.filter(alert__region_id__in=list_region_ids(viewer))
    return inspections.none()


def _scenes_of(viewer: Viewer) -> QuerySet[Scene]:
    if viewer.role is Role.FEEDER:
        return Scene.objects.filter(received_by_id=viewer.user_id)
    if viewer.role in {Role.ANALYST, Role.REGULATOR}:
        return Scene.objects.all()
    return Scene.objects.none()


def _alert(alert: Alert) -> PlacelessAlert:
    return PlacelessAlert(
        alert.id,
        alert.region_id,
        alert.kind,
        alert.mine_class,
        alert.confidence,
        alert.status,
        alert.dismissal,
        alert.raised_at,
    )


def _inspection(inspection: Any) -> PlacelessInspection:
    return PlacelessInspection(
        inspection.id,
        inspection.alert_id,
        inspection.alert.region_id,
        inspection.inspector.username,
        inspection.status,
        inspection.opens_at,
        inspection.expires_at,
        inspection.reports,
    )


def _finding(finding: Finding) -> PlacelessFinding:
    return PlacelessFinding(
        finding.own_id,
        finding.inspection_id,
        finding.kind,
        finding.observed_on,
        finding.people,
        finding.response,
        finding.mercury,
        finding.child_labour,
        finding.armed_presence,
    )


def _scene(scene: Scene) -> PlacelessScene:
    return PlacelessScene(
        scene.id, scene.state, scene.sensor, scene.progress, scene.cause, scene.detail, scene.received_at
    )


def _model(model: TrainedModel) -> PlacelessModel:
    return PlacelessModel(
        model.id,
        model.state,
        model.sensor,
        model.sha256,
        model.metrics,
        model.trained_at,
        model.activated_by.username if model.activated_by else None,
        model.activated_at,
    )
