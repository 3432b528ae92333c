"""`/api/v1/regions/{id}/posture`, `/access-requests`, `/grants`, `/quotas`: who may see how sharply, for how long."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from rest_framework.request import Request

from accounts.purpose import PurposeCode
from accounts.roles import Role
from monitor.api.asks import NothingAsk
from monitor.api.describe import describe
from monitor.api.rendering import ReleasedResponse
from monitor.api.rights_asks import (
    AccessRequestAsk,
    AccessRequestsAsk,
    GrantsAsk,
    PostureAsk,
    QuotaReleaseAsk,
)
from monitor.api.rights_shapes import AccessRequestShape, AllowanceShape, GrantShape, PostureShape
from monitor.api.view import Answer, DoorView
from monitor.grid import Level
from monitor.privacy.door.rights import (
    describe_allowance,
    list_access_requests,
    list_grants,
    read_access_request,
    read_grant,
    read_posture,
)
from monitor.privacy.posture import BASE_LEVELS, Move, Posture
from monitor.privacy.released import Page, PlacelessAccessRequest, PlacelessAllowance, PlacelessGrant
from monitor.services.access import ask_access, decide_request, release_quota, revoke_grant
from monitor.services.postures import change_posture

DECIDERS = frozenset({Role.REGULATOR, Role.ADMINISTRATOR})
ASKERS = frozenset(BASE_LEVELS)


class PostureView(DoorView):
    """How open a region is."""

    roles = {"GET": DECIDERS | {Role.AUDITOR}, "POST": DECIDERS}
    endpoint = "/api/v1/regions/{id}/posture"

    @describe("posture", PostureShape, also=(404,))
    def get(self, request: Request, region_id: UUID) -> Answer:
        """The posture, and the raise that waits for a second person."""
        self.read_query(NothingAsk)
        return Answer(read_posture(self.viewer, region_id, self.endpoint))

    @describe("posture_change", PostureShape, body=PostureAsk, also=(202, 404, 409))
    def post(self, request: Request, region_id: UUID) -> ReleasedResponse:
        """Wish for a posture. Less precision takes effect with this answer. More precision is noted (202), and takes
        effect when somebody else wishes the same within seven days. The present posture withdraws what was noted."""
        wanted = Posture(self.read_body(PostureAsk)["posture"])

        def change() -> Answer:
            move = change_posture(self.viewer, region_id, wanted, self.endpoint)
            shape = read_posture(self.viewer, region_id, self.endpoint)
            return Answer(shape, status=202 if move is Move.ASK else 200)

        return self.once(request, change)


class AccessRequestsView(DoorView):
    """Requests for a finer level."""

    roles = {"GET": ASKERS | DECIDERS, "POST": ASKERS}
    endpoint = "/api/v1/access-requests"

    @describe("access_requests", AccessRequestShape, query=AccessRequestsAsk, page=True)
    def get(self, request: Request) -> Page:
        """One's own, and those that one may decide; newest first."""
        ask = self.read_query(AccessRequestsAsk)
        return list_access_requests(
            self.viewer, ask.get("status"), ask["limit"], ask.get("cursor"), self.endpoint
        )

    @describe("access_request_make", AccessRequestShape, body=AccessRequestAsk, status=201, also=(404, 409))
    def post(self, request: Request) -> ReleasedResponse:
        """Ask for a finer level on a region that one holds something on, with a purpose and an end."""
        ask = self.read_body(AccessRequestAsk)

        def make() -> Answer:
            request_id = ask_access(
                self.viewer,
                ask["region"],
                Level[ask["level"]],
                PurposeCode(ask["purpose"]),
                ask["reason"],
                ask["until"],
                self.endpoint,
            )
            shape = read_access_request(self.viewer, request_id, self.endpoint)
            return Answer(shape, status=201, location=f"{self.endpoint}/{request_id}")

        return self.once(request, make)


class AccessRequestView(DoorView):
    """One request."""

    roles = {"GET": ASKERS | DECIDERS}
    endpoint = "/api/v1/access-requests/{id}"

    @describe("access_request", AccessRequestShape, also=(404,))
    def get(self, request: Request, request_id: UUID) -> PlacelessAccessRequest:
        """Who asks for what, and how far it is."""
        self.read_query(NothingAsk)
        return read_access_request(self.viewer, request_id, self.endpoint)


class AccessRequestApproveView(DoorView):
    """Another person's yes."""

    roles = {"POST": DECIDERS}
    endpoint = "/api/v1/access-requests/{id}/approve"

    @describe("access_request_approve", AccessRequestShape, body=NothingAsk, also=(404, 409))
    def post(self, request: Request, request_id: UUID) -> ReleasedResponse:
        """Say yes to somebody else's request. One yes makes the grant; two, of different people, in a sealed region."""
        self.read_body(NothingAsk)

        def approve() -> PlacelessAccessRequest:
            decide_request(self.viewer, request_id, True, self.endpoint)
            return read_access_request(self.viewer, request_id, self.endpoint)

        return self.once(request, approve)


class AccessRequestRefuseView(DoorView):
    """Another person's no."""

    roles = {"POST": DECIDERS}
    endpoint = "/api/v1/access-requests/{id}/refuse"

    @describe("access_request_refuse", AccessRequestShape, body=NothingAsk, also=(404, 409))
    def post(self, request: Request, request_id: UUID) -> ReleasedResponse:
        """Say no to somebody else's request; one no is enough."""
        self.read_body(NothingAsk)

        def refuse() -> PlacelessAccessRequest:
            decide_request(self.viewer, request_id, False, self.endpoint)
            return read_access_request(self.viewer, request_id, self.endpoint)

        return self.once(request, refuse)


class GrantsView(DoorView):
    """Grants."""

    roles = {"GET": ASKERS | DECIDERS}
    endpoint = "/api/v1/grants"

    @describe("grants", GrantShape, query=GrantsAsk, page=True)
    def get(self, request: Request) -> Page:
        """One's own, and those that one may revoke; newest first."""
        ask = self.read_query(GrantsAsk)
        is_in_force = ask["in_force"] == "true" if "in_force" in ask else None
        return list_grants(self.viewer, is_in_force, ask["limit"], ask.get("cursor"), self.endpoint)


class GrantRevokeView(DoorView):
    """The end of a grant."""

    roles = {"POST": ASKERS | DECIDERS}
    endpoint = "/api/v1/grants/{id}/revoke"

    @describe("grant_revoke", GrantShape, body=NothingAsk, also=(404, 409))
    def post(self, request: Request, grant_id: UUID) -> ReleasedResponse:
        """End a grant with this answer: one's own, or one that one decides about."""
        self.read_body(NothingAsk)

        def revoke() -> PlacelessGrant:
            revoke_grant(self.viewer, grant_id, self.endpoint)
            return read_grant(self.viewer, grant_id, self.endpoint)

        return self.once(request, revoke)


class QuotaReleaseView(DoorView):
    """More exact cells for somebody today."""

    roles = {"POST": DECIDERS}
    endpoint = "/api/v1/quotas/{username}/release"

    @describe("quota_release", AllowanceShape, body=QuotaReleaseAsk, also=(404, 409))
    def post(self, request: Request, username: str) -> ReleasedResponse:
        """Let somebody else be shown more exact cells until midnight (UTC); one day's quota where `cells` is not said."""
        cells = self.read_body(QuotaReleaseAsk).get("cells", settings.CELLS_PER_DAY)

        def release() -> PlacelessAllowance:
            user_id = release_quota(self.viewer, username, cells, self.endpoint)
            return describe_allowance(user_id, username)

        return self.once(request, release)
