"""`/api/v1/alerts`: the regulator's list, one alert, its history, its site, and what is decided about it."""

from __future__ import annotations

from uuid import UUID

from rest_framework.request import Request

from accounts.roles import Role
from monitor.api.asks import AlertsAsk, NothingAsk, TriageAsk
from monitor.api.describe import describe
from monitor.api.rendering import ReleasedResponse
from monitor.api.shapes import ActivityShape, AlertShape, MoveShape
from monitor.api.view import Answer, DoorView
from monitor.field.lifecycle import DismissalReason
from monitor.privacy.door.placeless import list_alerts, read_alert, read_alert_history
from monitor.privacy.door.sites import read_alert_site
from monitor.privacy.released import Page, PlacelessAlert
from monitor.services.alerts import triage_alert

REGULATORS = frozenset({Role.REGULATOR})


class AlertsView(DoorView):
    """Alerts of the regions of the mandate."""

    roles = {"GET": REGULATORS}
    endpoint = "/api/v1/alerts"

    @describe("alerts", AlertShape, query=AlertsAsk, page=True)
    def get(self, request: Request) -> Page:
        """Newest first."""
        ask = self.read_query(AlertsAsk)
        return list_alerts(
            self.viewer, ask.get("region"), ask.get("status"), ask["limit"], ask.get("cursor"), self.endpoint
        )


class AlertView(DoorView):
    """One alert."""

    roles = {"GET": REGULATORS}
    endpoint = "/api/v1/alerts/{id}"

    @describe("alert", AlertShape, also=(404,))
    def get(self, request: Request, alert_id: UUID) -> PlacelessAlert:
        """The alert: region, kind, confidence, status."""
        self.read_query(NothingAsk)
        return read_alert(self.viewer, alert_id, self.endpoint)


class AlertHistoryView(DoorView):
    """The life of one alert."""

    roles = {"GET": REGULATORS}
    endpoint = "/api/v1/alerts/{id}/history"

    @describe("alert_history", MoveShape, also=(404,), page=True)
    def get(self, request: Request, alert_id: UUID) -> Page:
        """Oldest first."""
        self.read_query(NothingAsk)
        return read_alert_history(self.viewer, alert_id, self.endpoint)


class AlertSiteView(DoorView):
    """The exact cells that one alert means."""

    roles = {"GET": REGULATORS}
    exact_roles = REGULATORS
    endpoint = "/api/v1/alerts/{id}/site"

    @describe("alert_site", ActivityShape, also=(404,), geojson=True, purpose="always")
    def get(self, request: Request, alert_id: UUID) -> Answer:
        """Cells of 0.01 degree, as GeoJSON."""
        self.read_query(NothingAsk)
        cells, receipt = read_alert_site(self.viewer, alert_id, self.endpoint)
        return Answer(cells, receipt=receipt)


class AlertTriageView(DoorView):
    """Confirm an alert for the queue, or dismiss it."""

    roles = {"POST": REGULATORS}
    endpoint = "/api/v1/alerts/{id}/triage"

    @describe("alert_triage", AlertShape, body=TriageAsk, also=(404, 409))
    def post(self, request: Request, alert_id: UUID) -> ReleasedResponse:
        """The alert as it is afterwards."""
        ask = self.read_body(TriageAsk)
        reason = DismissalReason(ask["reason"]) if "reason" in ask else None

        def triage() -> PlacelessAlert:
            triage_alert(self.viewer, alert_id, reason, self.endpoint)
            return read_alert(self.viewer, alert_id, self.endpoint)

        return self.once(request, triage)
