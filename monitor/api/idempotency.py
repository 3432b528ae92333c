"""A POST with an Idempotency-Key is done once; the same key again gets the first answer.

Kept per account in one row whose unique constraint is the last line. Answers of POST hold no place.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from monitor.api.problems import KeyReused
from monitor.api.rendering import ReleasedResponse
from monitor.services.requests import KeptAnswer, digest_request, find_answer, keep_answer, one_at_a_time

MAX_KEY = 100


def answer_once(
    user_id: UUID, request: Request, make_response: Callable[[], ReleasedResponse]
) -> ReleasedResponse:
    """The first answer to this key, or a new one that is kept if it is a success.

    Raises KeyReused, ValidationError, NotNow where the first is still being made.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return make_response()
    if not (0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable() and " " not in key):
        raise ValidationError(
            {"Idempotency-Key": [f"Use 1 to {MAX_KEY} printable ASCII characters, no space."]}
        )
    digest = digest_request(request.method or "", request.path, request.data)
    with one_at_a_time(user_id, key):
        kept = find_answer(user_id, key)
        if kept is not None:
            if kept.digest != digest:
                raise KeyReused
            return _rebuild(kept)
        response = make_response()
        if response.status_code < 400:
            location = response.get("Location", "")
            keep_answer(
                user_id, key, KeptAnswer(digest, response.status_code, response.content.decode(), location)
            )
        return response


def _rebuild(kept: KeptAnswer) -> ReleasedResponse:
    response = ReleasedResponse(kept.body, status=kept.status, content_type="application/json")
    if kept.location:
        response["Location"] = kept.location
    return response
