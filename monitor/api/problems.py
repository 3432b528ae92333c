"""Problem details (RFC 9457) for every error, from wherever it comes. No problem says what exists and is hidden (P8)."""

from __future__ import annotations

import json
import logging
import math
from datetime import timedelta
from typing import Any

from django.core.exceptions import DisallowedHost, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from redis.exceptions import RedisError
from rest_framework import exceptions
from rest_framework.response import Response

from accounts.ledger.archived import Archived, PeriodArchived
from accounts.ledger.connection import LedgerUnavailable
from accounts.ledger.exporting import NoSuchStart
from accounts.ledger.proofs import NotSealed
from accounts.ledger.sealing import LedgerBroken
from accounts.purpose import PurposeUnknown
from monitor.errors import (
    NotNow,
    NotThere,
    NotYours,
    QuotaSpent,
    StreamCut,
    TooMany,
    VaultSealed,
    describe_fault,
)
from monitor.imagery.refusal import SceneRefused
from monitor.privacy.door.cursors import CursorUnusable

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
TITLES = {
    400: "The request is not understood",
    401: "Who asks is not known",
    403: "Not for this role",
    404: "Nothing here",
    405: "Method not allowed",
    406: "No such format",
    409: "Not now",
    411: "Length required",
    413: "Too large",
    415: "Content type not taken",
    422: "The scene is refused",
    429: "Too many requests",
    500: "A fault of ours",
    503: "Not available now",
}


class Problem(HttpResponse):
    """A problem document (RFC 9457) as an HTTP answer."""


class PurposeRequired(exceptions.APIException):
    """The answer can be exact, so the ledger must know what for."""

    status_code = 400
    default_code = "purpose-required"
    default_detail = "Say why: send the header 'Access-Purpose: <code>[; text]'."


class KeyReused(exceptions.APIException):
    """An Idempotency-Key was used for another request before."""

    status_code = 409
    default_code = "idempotency-key-reused"
    default_detail = "This Idempotency-Key belongs to another request. Use a new one for each."


def make_problem(status: int, detail: str, code: str, **more: Any) -> Problem:
    """A problem document. code: stable, for programs; detail: for people, without values of what was sent."""
    body = {
        "type": f"urn:penumbra:problem:{code}",
        "title": TITLES.get(status, "Not done"),
        "status": status,
        "detail": detail,
        "code": code,
        **more,
    }
    response = Problem(json.dumps(body), status=status, content_type=CONTENT_TYPE)
    response["Cache-Control"] = "private, no-store"
    return response


def answer_exception(error: Exception, context: dict[str, Any]) -> Response | HttpResponse | None:
    """DRF's exception handler. An error it does not know is logged without its text and answered with a bare 500."""
    match error:
        # a file whose right ended before a byte was sent
        case NotThere() | StreamCut() | exceptions.NotFound():
            return make_problem(404, str(NotThere()), "not-found")
        case NotNow():
            return make_problem(409, str(error), "not-now")
        case NotYours():
            return make_problem(403, str(error), "not-permitted")
        case QuotaSpent():
            return _answer_quota_spent(error)
        case TooMany():
            return make_problem(400, str(error), "too-many")
        case SceneRefused():
            return make_problem(
                422, error.detail, error.cause.value.replace("_", "-"), cause=error.cause.value
            )
        case CursorUnusable():
            # a page that is not there: somebody else's looks like one that never was (P8)
            return make_problem(404, str(error), "cursor-unusable")
        case PurposeUnknown():
            return make_problem(400, str(error), "purpose-unknown")
        case NotSealed():
            return make_problem(404, str(error), "not-sealed")
        case Archived():
            return make_problem(404, str(error), "archived")
        case PeriodArchived():
            return make_problem(400, str(error), "period-archived")
        case NoSuchStart():
            return make_problem(400, str(error), "no-such-start")
        case LedgerBroken():
            return make_problem(503, str(error), "ledger-broken")
        case LedgerUnavailable():
            return make_problem(503, str(error), "ledger-unavailable")
        case VaultSealed():
            return make_problem(503, "The vault did not open. Ask again.", "vault-sealed")
        case OperationalError() | InterfaceError():
            return make_problem(503, "The database does not answer. Ask again.", "database-unavailable")
        case RedisError():
            return make_problem(
                503, "Requests cannot be counted at the moment, so none is answered.", "limits-unavailable"
            )
        case SuspiciousOperation():
            return answer_bad_request(None, error)
        case exceptions.ValidationError():
            return make_problem(400, "Some values are not right.", "invalid", errors=_flatten(error.detail))
        case exceptions.APIException():
            return _answer_api_exception(error)
    log.error("unexpected %s", describe_fault(error))
    return make_problem(500, "Something went wrong on our side. It has been noted.", "fault")


def _answer_quota_spent(error: QuotaSpent) -> HttpResponse:
    """429 until the next day begins (UTC): how long that is depends on the clock and on nothing that is stored (LC-55)."""
    now = timezone.now()
    tomorrow = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    response = make_problem(429, str(error), "quota-spent")
    response["Retry-After"] = str(math.ceil((tomorrow - now).total_seconds()))
    return response


def answer_bad_request(request: HttpRequest | None, exception: Exception) -> HttpResponse:
    """Django's handler400: what was refused before a view was found."""
    if isinstance(exception, RequestDataTooBig):
        return make_problem(413, "The body is larger than 2 MiB.", "body-too-large")
    reason = (
        "The request's host is not served here." if isinstance(exception, DisallowedHost) else "Malformed."
    )
    return make_problem(400, reason, "bad-request")


def answer_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    return make_problem(404, str(NotThere()), "not-found")


def answer_failure(request: HttpRequest) -> HttpResponse:
    """Django's handler500."""
    return make_problem(500, "Something went wrong on our side. It has been noted.", "fault")


def _answer_api_exception(error: exceptions.APIException) -> HttpResponse:
    code = str(getattr(error.detail, "code", error.default_code)).replace("_", "-")
    response = make_problem(error.status_code, str(error.detail), code)
    wait = getattr(error, "wait", None)  # of Throttled
    if wait is not None:
        response["Retry-After"] = str(max(1, math.ceil(wait)))
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        response["WWW-Authenticate"] = 'Token realm="penumbra"'
    return response


def _flatten(detail: Any, path: str = "") -> list[dict[str, str]]:
    """Validation errors as a list of {field, detail}."""
    if isinstance(detail, dict):
        return [
            row
            for key, value in detail.items()
            for row in _flatten(value, f"{path}.{key}" if path else str(key))
        ]
    if isinstance(detail, list):
        return [row for value in detail for row in _flatten(value, path)]
    return [{"field": path, "detail": str(detail)}]
