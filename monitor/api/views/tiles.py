"""`/tiles/activity/{z}/{x}/{y}.mvt`: activity as vector tiles, as sharp as the viewer's rule."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request

from monitor.api.describe import describe
from monitor.api.exit_asks import CoarseTileAsk, ExactTileAsk, GuardedTileAsk
from monitor.api.rendering import MVT
from monitor.api.view import Answer, DoorView
from monitor.grid import Level
from monitor.privacy.door import tiles
from monitor.privacy.door.activity import DEFAULT_STATES, rule_for_activity
from monitor.privacy.door.sight import sees_blocks_only
from monitor.privacy.policy import ACCOUNT_ROLES_OF_ACTIVITY, ACTIVITY_RULES
from monitor.tiles import TileAddress


class TileView(DoorView):
    """One tile: published blocks for partners, exact cells for regulators and analysts as far as posture leaves them."""

    roles = {"GET": ACCOUNT_ROLES_OF_ACTIVITY}
    exact_roles = frozenset(role for role, rule in ACTIVITY_RULES.items() if rule.is_exact)
    endpoint = "/tiles/activity/{z}/{x}/{y}.mvt"

    @describe(
        "tile",
        OpenApiTypes.BINARY,
        queries=(ExactTileAsk, CoarseTileAsk),
        kind=MVT,
        also=(404,),
        purpose="where exact",
    )
    def get(self, request: Request, z: int, x: int, y: int) -> Answer:
        """A Mapbox vector tile with the layer `activity`, or no bytes where there is nothing for the viewer. 404 for a
        zoom at which the viewer's squares would show nothing new."""
        address = TileAddress(z, x, y)
        if not rule_for_activity(self.viewer).is_exact:
            asked = self.read_query(CoarseTileAsk)
            level = Level[asked["level"]] if "level" in asked else None
            return self._released(tiles.CoarseTileAsk(address, None, asked.get("period"), level))
        if sees_blocks_only(self.viewer, self.named_region()):
            asked = self.read_query(GuardedTileAsk)
            return self._released(tiles.CoarseTileAsk(address, asked.get("region"), asked.get("period")))
        asked = self.read_query(ExactTileAsk)
        ask = tiles.ExactTileAsk(
            address,
            asked.get("region"),
            asked.get("state", DEFAULT_STATES),
            asked.get("class"),
            asked.get("min_probability"),
            asked.get("since"),
        )
        tile, receipt = tiles.read_exact_tile(self.viewer, ask, self.endpoint)
        return Answer(tile, receipt=receipt)

    def _released(self, ask: tiles.CoarseTileAsk) -> Answer:
        tile, receipt = tiles.read_released_tile(self.viewer, ask, self.endpoint)
        return Answer(tile, receipt=receipt)
