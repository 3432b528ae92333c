"""`/api/v1/releases`: what was published, when, under which policy."""

from __future__ import annotations

from rest_framework.request import Request

from accounts.roles import Role
from monitor.api.asks import PageAsk
from monitor.api.describe import describe
from monitor.api.shapes import BatchShape
from monitor.api.view import DoorView
from monitor.privacy.door.placeless import list_releases
from monitor.privacy.released import Page


class ReleasesView(DoorView):
    """Published batches."""

    roles = {"GET": frozenset({Role.PARTNER, Role.AUDITOR})}
    endpoint = "/api/v1/releases"

    @describe("releases", BatchShape, query=PageAsk, page=True)
    def get(self, request: Request) -> Page:
        """Newest first."""
        ask = self.read_query(PageAsk)
        return list_releases(self.viewer, ask["limit"], ask.get("cursor"), self.endpoint)
