"""`/api/v1/regions`: the viewer's regions, and for coarse roles what published blocks say of one together."""

from __future__ import annotations

from uuid import UUID

from rest_framework.request import Request

from monitor.api.asks import NothingAsk
from monitor.api.describe import describe
from monitor.api.exit_asks import SummaryAsk
from monitor.api.exit_shapes import SummaryShape
from monitor.api.shapes import PlacelessRegionShape
from monitor.api.view import Answer, DoorView
from monitor.privacy.door.regions import list_own_regions, summarise_region
from monitor.privacy.policy import ACCOUNT_ROLES_OF_ACTIVITY
from monitor.privacy.released import Page


class RegionsView(DoorView):
    """Regions of the mandate, or of the agreements."""

    roles = {"GET": ACCOUNT_ROLES_OF_ACTIVITY}
    endpoint = "/api/v1/regions"

    @describe("regions", PlacelessRegionShape, page=True)
    def get(self, request: Request) -> Page:
        """By name."""
        self.read_query(NothingAsk)
        return list_own_regions(self.viewer, self.endpoint)


class RegionSummaryView(DoorView):
    """One region in intervals."""

    roles = {"GET": ACCOUNT_ROLES_OF_ACTIVITY}
    endpoint = "/api/v1/regions/{id}/summary"

    @describe("region_summary", SummaryShape, query=SummaryAsk, also=(404,))
    def get(self, request: Request, region_id: UUID) -> Answer:
        """From published blocks alone, whole blocks, for one month: the newest where none is named."""
        ask = self.read_query(SummaryAsk)
        summary, receipt = summarise_region(self.viewer, region_id, ask.get("period"), self.endpoint)
        return Answer(summary, receipt=receipt)
