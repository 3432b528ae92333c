"""The base view: who asks, may this role ask at all, the ask validated, and nothing out but what `released` names.

A handler returns a shape that is `Leaving`, alone or as an `Answer` with a receipt or a status. Anything else, a model,
a queryset, a dict, is refused with an error before a byte is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from redis.exceptions import RedisError
from rest_framework.exceptions import AuthenticationFailed, MethodNotAllowed, ValidationError
from rest_framework.request import Request
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from accounts.authentication import name_viewer
from accounts.ledger.connection import LedgerUnavailable
from accounts.ledger.entry import Entry, Outcome, Refusal
from accounts.ledger.signing_in import record_failed_signin
from accounts.ledger.writer import record
from accounts.roles import Role
from accounts.viewer import Viewer, make_public_viewer
from monitor.api.files.log import write_log
from monitor.api.files.writing import CONNECTION, ReleasedStream, write_file
from monitor.api.idempotency import answer_once
from monitor.api.middleware import REQUEST_ID
from monitor.api.problems import Problem, PurposeRequired
from monitor.api.rendering import ReleasedResponse, render
from monitor.errors import NotYours, QuotaSpent, StreamCut, TooMany
from monitor.privacy.policy import POLICY_VERSION
from monitor.privacy.released import Leaving
from monitor.privacy.released_audit import LogLines
from monitor.privacy.released_files import File


class UnreleasedShape(TypeError):
    """A view tried to answer with something that is not a released shape."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A shape with its HTTP status and, where it discloses, the receipt: the hash of its ledger entry."""

    shape: Leaving
    status: int = 200
    receipt: str | None = None
    location: str | None = None


class DoorView(APIView):
    """Base of every view. `roles` says, per method, who may ask; a method that is not in it does not exist."""

    # no OPTIONS: its metadata would list choices (LC-30)
    http_method_names = ["get", "head", "post"]
    roles: ClassVar[Mapping[str, frozenset[Role]]] = {}
    exact_roles: ClassVar[frozenset[Role]] = frozenset()
    """Roles whose answer here can be exact: they must say why."""
    endpoint: ClassVar[str] = ""
    """The URL template as the ledger names it."""

    viewer: Viewer

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, check the role and the purpose. Raises NotAuthenticated, NotYours, PurposeRequired."""
        request.get_host()  # raises DisallowedHost: nothing else here looks at the host
        super().initial(request, *args, **kwargs)
        method = (request.method or "").upper()
        if (asked := "GET" if method == "HEAD" else method) not in self.roles:
            raise MethodNotAllowed(method)
        user: object = request.user
        if user is None and settings.PUBLIC_ACCESS and Role.PUBLIC in self.roles[asked]:
            self.viewer = make_public_viewer(request.META[REQUEST_ID])
        else:
            self.viewer = name_viewer(
                user, request.auth, request.headers.get("Access-Purpose"), request.META[REQUEST_ID]
            )
        if self.viewer.role not in self.roles[asked]:
            raise NotYours("Your role has no business here.")
        if self.viewer.role in self.exact_roles and self.viewer.purpose is None:
            raise PurposeRequired
        if asked != "GET":
            self.refuse_query(request)

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """405 for a method without a handler."""
        raise MethodNotAllowed(request.method or "")

    def handle_exception(self, exc: Exception) -> Any:
        """Record a refusal for somebody who is known, and a token that opens nothing; then answer it."""
        viewer = getattr(self, "viewer", None)
        if isinstance(exc, AuthenticationFailed):
            try:
                record_failed_signin(self.endpoint, self.request.META[REQUEST_ID])
            except (LedgerUnavailable, RedisError) as failure:
                return super().handle_exception(failure)
        if viewer is not None and isinstance(exc, Refusal) and not exc.is_recorded:
            what = (
                "quota" if isinstance(exc, QuotaSpent) else type(self).__name__.removesuffix("View").lower()
            )
            action = f"refuse.{what}"
            try:
                record(
                    Entry(viewer, action, self.endpoint, viewer.request_id, policy_version=POLICY_VERSION),
                    Outcome.REFUSED,
                )
            except LedgerUnavailable as failure:
                return super().handle_exception(failure)
        return super().handle_exception(exc)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Turn a released shape into bytes. Raises UnreleasedShape for anything else that is no problem document."""
        if isinstance(response, Leaving):
            response = Answer(response)
        if isinstance(response, Answer) and isinstance(response.shape, File):
            response = self._to_file(request, response.shape, response.receipt)
        if isinstance(response, Answer) and isinstance(response.shape, LogLines):
            response = write_log(response.shape, request.method == "HEAD")
        if isinstance(response, Answer):
            response = self._to_http(request, response)
        if not isinstance(response, ReleasedResponse | ReleasedStream | Problem):
            raise UnreleasedShape(f"{type(self).__name__} answered with {type(response).__name__}.")
        if isinstance(response, ReleasedStream):
            response.send_over(request.META.get(CONNECTION))
        response["Cache-Control"] = "private, no-store"
        response["Vary"] = "Authorization"
        return super().finalize_response(request, response, *args, **kwargs)  # type: ignore[arg-type]

    def read_query(self, serializer: type[Serializer[Any]]) -> dict[str, Any]:
        """The validated query. Raises ValidationError for an unknown, repeated or wrong parameter."""
        query = self.request.query_params
        repeated = {name: ["Give this parameter once."] for name in query if len(query.getlist(name)) > 1}
        if repeated:
            raise ValidationError(repeated)
        return self._validate(serializer, query.dict())

    def read_body(self, serializer: type[Serializer[Any]]) -> dict[str, Any]:
        """The validated body. Raises ValidationError for an unknown or wrong field."""
        if not isinstance(self.request.data, dict):
            raise ValidationError({"body": ["Send a JSON object."]})
        return self._validate(serializer, self.request.data)

    def named_region(self) -> UUID | None:
        """The region that the question names, or None; a text that is no id is refused with all other parameters."""
        try:
            return UUID(self.request.query_params.get("region", ""))
        except ValueError:
            return None

    def refuse_query(self, request: Request) -> None:
        """No method but GET takes parameters."""
        if request.query_params:
            raise ValidationError({name: ["Unknown parameter."] for name in request.query_params})

    def once(self, request: Request, make_answer: Callable[[], Leaving | Answer]) -> ReleasedResponse:
        """Answer a POST, once per Idempotency-Key where the client sends one."""
        return answer_once(self.viewer.user_id, request, partial(self._answer_bytes, request, make_answer))

    def _answer_bytes(
        self, request: Request, make_answer: Callable[[], Leaving | Answer]
    ) -> ReleasedResponse:
        answer = make_answer()
        return self._to_http(request, answer if isinstance(answer, Answer) else Answer(answer))

    def _to_file(self, request: Request, shape: File, receipt: str | None) -> Any:
        try:
            response = write_file(shape, request.method == "HEAD")
        except (StreamCut, TooMany, QuotaSpent) as refusal:  # of a file that must be whole before it is sent
            return self.handle_exception(refusal)
        if receipt is not None:
            response["Access-Receipt"] = receipt
        return response

    def _to_http(self, request: Request, answer: Answer) -> ReleasedResponse:
        content_type, body = render(answer.shape, request)
        response = ReleasedResponse(body, status=answer.status, content_type=content_type)
        if answer.receipt is not None:
            response["Access-Receipt"] = answer.receipt
        if answer.location is not None:
            response["Location"] = answer.location
        return response

    @staticmethod
    def _validate(serializer: type[Serializer[Any]], data: dict[str, Any]) -> dict[str, Any]:
        asked = prepare(serializer)
        unknown = {name: ["Unknown parameter."] for name in data if name not in asked.fields}
        if unknown:
            raise ValidationError(unknown)
        return dict(asked.run_validation(data))


@cache
def prepare(serializer: type[Serializer[Any]]) -> Serializer[Any]:
    """One serializer for all questions of a kind: it keeps nothing of them, and its fields are copied once, not for each."""
    return serializer()
