"""`/api/v1/me`: who the viewer is to the system."""

from __future__ import annotations

from rest_framework.request import Request

from accounts.roles import ACCOUNT_ROLES
from monitor.api.asks import NothingAsk
from monitor.api.describe import describe
from monitor.api.shapes import ViewerShape
from monitor.api.view import DoorView
from monitor.privacy.door.viewers import describe_viewer
from monitor.privacy.released import PlacelessViewer


class MeView(DoorView):
    """Role, regions, levels, limits."""

    roles = {"GET": frozenset(ACCOUNT_ROLES)}
    endpoint = "/api/v1/me"

    @describe("me", ViewerShape)
    def get(self, request: Request) -> PlacelessViewer:
        """The viewer."""
        self.read_query(NothingAsk)
        return describe_viewer(self.viewer)
