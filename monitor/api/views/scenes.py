"""`/api/v1/scenes`: hand in a STAC item, follow its state. What is in the item stays in the vault."""

from __future__ import annotations

from uuid import UUID

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from accounts.roles import Role
from monitor.api.asks import NothingAsk, ScenesAsk
from monitor.api.describe import describe
from monitor.api.rendering import ReleasedResponse
from monitor.api.shapes import SceneShape
from monitor.api.view import Answer, DoorView
from monitor.privacy.door.placeless import list_scenes, read_scene
from monitor.privacy.released import Page, PlacelessScene
from monitor.services.scenes import hand_in_scene

WATCHERS = frozenset({Role.FEEDER, Role.ANALYST, Role.REGULATOR})
STAC_ITEM = {"type": "object", "description": "A STAC item (1.0 or 1.1) whose asset hrefs are absolute."}


class ScenesView(DoorView):
    """Scenes handed in."""

    roles = {"GET": WATCHERS, "POST": frozenset({Role.FEEDER})}
    endpoint = "/api/v1/scenes"

    @describe("scenes", SceneShape, query=ScenesAsk, page=True)
    def get(self, request: Request) -> Page:
        """Newest first: a feeder's own, or all for analysts and regulators."""
        ask = self.read_query(ScenesAsk)
        return list_scenes(self.viewer, ask.get("state"), ask["limit"], ask.get("cursor"), self.endpoint)

    @describe("scene_receive", SceneShape, body=STAC_ITEM, status=202, also=(422,))
    def post(self, request: Request) -> ReleasedResponse:
        """Hand in a STAC item. 202: it will be read; follow it under Location. The same item again is the same scene."""
        if not isinstance(request.data, dict):
            raise ValidationError({"body": ["Send one STAC item, a JSON object."]})

        def receive() -> Answer:
            scene_id = hand_in_scene(self.viewer, request.data, self.endpoint)
            shape = read_scene(self.viewer, scene_id, self.endpoint)
            return Answer(shape, status=202, location=f"{self.endpoint}/{scene_id}")

        return self.once(request, receive)


class SceneView(DoorView):
    """One scene."""

    roles = {"GET": WATCHERS}
    endpoint = "/api/v1/scenes/{id}"

    @describe("scene", SceneShape, also=(404,))
    def get(self, request: Request, scene_id: UUID) -> PlacelessScene:
        """Its state, progress, and the cause where it was refused."""
        self.read_query(NothingAsk)
        return read_scene(self.viewer, scene_id, self.endpoint)
