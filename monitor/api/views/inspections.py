"""`/api/v1/inspections`: assign, accept, open the site, report findings, close."""

from __future__ import annotations

from uuid import UUID

from rest_framework.request import Request

from accounts.roles import Role
from monitor.api.asks import AssignAsk, FindingAsk, InspectionsAsk, NothingAsk
from monitor.api.describe import describe
from monitor.api.rendering import ReleasedResponse
from monitor.api.shapes import ActivityShape, FindingShape, InspectionShape
from monitor.api.view import Answer, DoorView
from monitor.field.lifecycle import FindingKind, PeopleBand, Response
from monitor.privacy.door.placeless import list_findings, list_inspections, read_inspection
from monitor.privacy.door.sites import read_inspection_site
from monitor.privacy.released import Page, PlacelessFinding, PlacelessInspection
from monitor.services.findings import Report, receive_finding
from monitor.services.inspections import accept_inspection, assign_inspection, close_inspection

INSPECTORS = frozenset({Role.INSPECTOR})
REGULATORS = frozenset({Role.REGULATOR})


class InspectionsView(DoorView):
    """Inspections of one's own (inspector) or of the regions of the mandate (regulator)."""

    roles = {"GET": INSPECTORS | REGULATORS, "POST": REGULATORS}
    endpoint = "/api/v1/inspections"

    @describe("inspections", InspectionShape, query=InspectionsAsk, page=True)
    def get(self, request: Request) -> Page:
        """Newest first."""
        ask = self.read_query(InspectionsAsk)
        return list_inspections(
            self.viewer, ask.get("status"), ask["limit"], ask.get("cursor"), self.endpoint
        )

    @describe("inspection_assign", InspectionShape, body=AssignAsk, status=201, also=(404, 409))
    def post(self, request: Request) -> ReleasedResponse:
        """Assign an alert to an inspector, who is never oneself, for a window of time."""
        ask = self.read_body(AssignAsk)

        def assign() -> Answer:
            inspection_id = assign_inspection(
                self.viewer, ask["alert"], ask["inspector"], ask["opens_at"], ask["expires_at"], self.endpoint
            )
            shape = read_inspection(self.viewer, inspection_id, self.endpoint)
            return Answer(shape, status=201, location=f"{self.endpoint}/{inspection_id}")

        return self.once(request, assign)


class InspectionView(DoorView):
    """One inspection."""

    roles = {"GET": INSPECTORS | REGULATORS}
    endpoint = "/api/v1/inspections/{id}"

    @describe("inspection", InspectionShape, also=(404,))
    def get(self, request: Request, inspection_id: UUID) -> PlacelessInspection:
        """Who, when, how far."""
        self.read_query(NothingAsk)
        return read_inspection(self.viewer, inspection_id, self.endpoint)


class InspectionAcceptView(DoorView):
    """The inspector takes it on."""

    roles = {"POST": INSPECTORS}
    endpoint = "/api/v1/inspections/{id}/accept"

    @describe("inspection_accept", InspectionShape, body=NothingAsk, also=(404, 409))
    def post(self, request: Request, inspection_id: UUID) -> ReleasedResponse:
        """From now until the end of the window the site can be opened."""
        self.read_body(NothingAsk)

        def accept() -> PlacelessInspection:
            accept_inspection(self.viewer, inspection_id, self.endpoint)
            return read_inspection(self.viewer, inspection_id, self.endpoint)

        return self.once(request, accept)


class InspectionSiteView(DoorView):
    """The exact cells to visit."""

    roles = {"GET": INSPECTORS}
    exact_roles = INSPECTORS
    endpoint = "/api/v1/inspections/{id}/site"

    @describe("inspection_site", ActivityShape, also=(404,), geojson=True, purpose="always")
    def get(self, request: Request, inspection_id: UUID) -> Answer:
        """Cells of 0.01 degree while the inspection is accepted, open and within its window; then nothing."""
        self.read_query(NothingAsk)
        cells, receipt = read_inspection_site(self.viewer, inspection_id, self.endpoint)
        return Answer(cells, receipt=receipt)


class InspectionFindingsView(DoorView):
    """What was found."""

    roles = {"GET": INSPECTORS | REGULATORS, "POST": INSPECTORS}
    endpoint = "/api/v1/inspections/{id}/findings"

    @describe("inspection_findings", FindingShape, also=(404,), page=True)
    def get(self, request: Request, inspection_id: UUID) -> Page:
        """Oldest first; for the inspector and for regulators of the region."""
        self.read_query(NothingAsk)
        return list_findings(self.viewer, inspection_id, self.endpoint)

    @describe("inspection_finding", FindingShape, body=FindingAsk, status=201, also=(200, 404, 409))
    def post(self, request: Request, inspection_id: UUID) -> ReleasedResponse:
        """Hand in a finding; the same id again is the same finding (200 instead of 201)."""
        ask = self.read_body(FindingAsk)
        report = Report(
            id=ask["id"],
            kind=FindingKind(ask["kind"]),
            observed_on=ask["observed_on"],
            people=PeopleBand(ask["people"]),
            response=Response(ask["response"]),
            mercury=ask["mercury"],
            child_labour=ask["child_labour"],
            armed_presence=ask["armed_presence"],
        )

        def receive() -> Answer:
            is_new = receive_finding(self.viewer, inspection_id, report, self.endpoint)
            shape = PlacelessFinding(
                report.id,
                inspection_id,
                report.kind.value,
                report.observed_on,
                report.people.value,
                report.response.value,
                report.mercury,
                report.child_labour,
                report.armed_presence,
            )
            return Answer(shape, status=201 if is_new else 200)

        return self.once(request, receive)


class InspectionCloseView(DoorView):
    """The end of an inspection."""

    roles = {"POST": INSPECTORS | REGULATORS}
    endpoint = "/api/v1/inspections/{id}/close"

    @describe("inspection_close", InspectionShape, body=NothingAsk, also=(404, 409))
    def post(self, request: Request, inspection_id: UUID) -> ReleasedResponse:
        """Shut the site at once; by the inspector or a regulator of the region."""
        self.read_body(NothingAsk)

        def close() -> PlacelessInspection:
            close_inspection(self.viewer, inspection_id, self.endpoint)
            return read_inspection(self.viewer, inspection_id, self.endpoint)

        return self.once(request, close)
