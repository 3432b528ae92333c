"""`/api/v1/models`: trained models, and the person's act that lets one of them decide."""

from __future__ import annotations

from uuid import UUID

from rest_framework.request import Request

from accounts.roles import Role
from monitor.api.asks import NothingAsk, PageAsk
from monitor.api.describe import describe
from monitor.api.rendering import ReleasedResponse
from monitor.api.shapes import ModelShape
from monitor.api.view import DoorView
from monitor.privacy.door.placeless import list_trained_models, read_trained_model
from monitor.privacy.released import Page, PlacelessModel
from monitor.services.trained_models import activate_model

ANALYSTS = frozenset({Role.ANALYST})


class ModelsView(DoorView):
    """Trained models."""

    roles = {"GET": ANALYSTS}
    endpoint = "/api/v1/models"

    @describe("models", ModelShape, query=PageAsk, page=True)
    def get(self, request: Request) -> Page:
        """Newest first, with their figures."""
        ask = self.read_query(PageAsk)
        return list_trained_models(self.viewer, ask["limit"], ask.get("cursor"), self.endpoint)


class ModelActivateView(DoorView):
    """Let a model act."""

    roles = {"POST": ANALYSTS}
    endpoint = "/api/v1/models/{id}/activate"

    @describe("model_activate", ModelShape, body=NothingAsk, also=(404, 409))
    def post(self, request: Request, model_id: UUID) -> ReleasedResponse:
        """The model acts for its sensor from now on; every scene is scored again with it."""
        self.read_body(NothingAsk)

        def activate() -> PlacelessModel:
            activate_model(self.viewer, model_id, self.endpoint)
            return read_trained_model(self.viewer, model_id, self.endpoint)

        return self.once(request, activate)
