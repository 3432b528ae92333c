"""Routes. The complete permission table in tests/api walks them: a route without a row there fails."""

from __future__ import annotations

from django.urls import path, register_converter

from monitor.api.pseudonyms import PseudonymConverter
from monitor.api.schema import SchemaView
from monitor.api.views.activity import ActivityView
from monitor.api.views.alerts import AlertHistoryView, AlertSiteView, AlertsView, AlertTriageView, AlertView
from monitor.api.views.audit import (
    AuditAccountView,
    AuditCheckpointView,
    AuditConsistencyView,
    AuditEntriesView,
    AuditExportView,
    AuditExposureView,
    AuditInclusionView,
    AuditWarningsView,
)
from monitor.api.views.exports import (
    ActivityCSVView,
    ActivityFGBView,
    ActivityGeoJSONView,
    ActivityGPKGView,
    ActivityKMLView,
)
from monitor.api.views.health import HealthView, ReadyView
from monitor.api.views.inspections import (
    InspectionAcceptView,
    InspectionCloseView,
    InspectionFindingsView,
    InspectionSiteView,
    InspectionsView,
    InspectionView,
)
from monitor.api.views.me import MeView
from monitor.api.views.models import ModelActivateView, ModelsView
from monitor.api.views.regions import RegionSummaryView, RegionsView
from monitor.api.views.releases import CertificateView, ReleasesView
from monitor.api.views.rights import (
    AccessRequestApproveView,
    AccessRequestRefuseView,
    AccessRequestsView,
    AccessRequestView,
    GrantRevokeView,
    GrantsView,
    PostureView,
    QuotaReleaseView,
)
from monitor.api.views.scenes import ScenesView, SceneView
from monitor.api.views.tiles import TileView

register_converter(PseudonymConverter, "pseudonym")

urlpatterns = [
    path("healthz", HealthView.as_view()),
    path("readyz", ReadyView.as_view()),
    path("api/v1/schema", SchemaView.as_view()),
    path("api/v1/me", MeView.as_view()),
    path("api/v1/activity", ActivityView.as_view()),
    path("api/v1/alerts", AlertsView.as_view()),
    path("api/v1/alerts/<uuid:alert_id>", AlertView.as_view()),
    path("api/v1/alerts/<uuid:alert_id>/history", AlertHistoryView.as_view()),
    path("api/v1/alerts/<uuid:alert_id>/site", AlertSiteView.as_view()),
    path("api/v1/alerts/<uuid:alert_id>/triage", AlertTriageView.as_view()),
    path("api/v1/inspections", InspectionsView.as_view()),
    path("api/v1/inspections/<uuid:inspection_id>", InspectionView.as_view()),
    path("api/v1/inspections/<uuid:inspection_id>/accept", InspectionAcceptView.as_view()),
    path("api/v1/inspections/<uuid:inspection_id>/site", InspectionSiteView.as_view()),
    path("api/v1/inspections/<uuid:inspection_id>/findings", InspectionFindingsView.as_view()),
    path("api/v1/inspections/<uuid:inspection_id>/close", InspectionCloseView.as_view()),
    path("api/v1/scenes", ScenesView.as_view()),
    path("api/v1/scenes/<uuid:scene_id>", SceneView.as_view()),
    path("api/v1/models", ModelsView.as_view()),
    path("api/v1/models/<uuid:model_id>/activate", ModelActivateView.as_view()),
    path("api/v1/releases", ReleasesView.as_view()),
    path("api/v1/releases/<uuid:release_id>/certificate", CertificateView.as_view()),
    path("api/v1/regions/<uuid:region_id>/posture", PostureView.as_view()),
    path("api/v1/access-requests", AccessRequestsView.as_view()),
    path("api/v1/access-requests/<uuid:request_id>", AccessRequestView.as_view()),
    path("api/v1/access-requests/<uuid:request_id>/approve", AccessRequestApproveView.as_view()),
    path("api/v1/access-requests/<uuid:request_id>/refuse", AccessRequestRefuseView.as_view()),
    path("api/v1/grants", GrantsView.as_view()),
    path("api/v1/grants/<uuid:grant_id>/revoke", GrantRevokeView.as_view()),
    path("api/v1/quotas/<str:username>/release", QuotaReleaseView.as_view()),
    path("api/v1/audit/entries", AuditEntriesView.as_view()),
    path("api/v1/audit/exposure", AuditExposureView.as_view()),
    path("api/v1/audit/accounts/<pseudonym:actor>", AuditAccountView.as_view()),
    path("api/v1/audit/warnings", AuditWarningsView.as_view()),
    path("api/v1/audit/checkpoint", AuditCheckpointView.as_view()),
    path("api/v1/audit/proof/inclusion", AuditInclusionView.as_view()),
    path("api/v1/audit/proof/consistency", AuditConsistencyView.as_view()),
    path("api/v1/audit/export", AuditExportView.as_view()),
    path("api/v1/regions", RegionsView.as_view()),
    path("api/v1/regions/<uuid:region_id>/summary", RegionSummaryView.as_view()),
    path("tiles/activity/<int:z>/<int:x>/<int:y>.mvt", TileView.as_view()),
    path("export/activity.geojson", ActivityGeoJSONView.as_view()),
    path("export/activity.csv", ActivityCSVView.as_view()),
    path("export/activity.gpkg", ActivityGPKGView.as_view()),
    path("export/activity.kml", ActivityKMLView.as_view()),
    path("export/activity.fgb", ActivityFGBView.as_view()),
]
