"""Remember the first answer to a key, so that a client that repeats a POST after a lost connection changes nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from uuid import UUID

from accounts.ledger.keyed import keyed_digest
from monitor.models import HandledRequest


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer given before. digest: keyed, of the request that it answered."""

    digest: str
    status: int
    body: str
    location: str = ""


def digest_request(method: str, path: str, data: object) -> str:
    """Keyed digest of what was asked, so that one key cannot stand for two requests."""
    return keyed_digest(json.dumps([method, path, data], sort_keys=True).encode())


def find_answer(user_id: UUID, key: str) -> KeptAnswer | None:
    """The answer kept for a key of an account, or None."""
    row = HandledRequest.objects.filter(user_id=user_id, key=key).first()
    return KeptAnswer(row.request_digest, row.status, row.body, row.location) if row else None


def keep_answer(user_id: UUID, key: str, answer: KeptAnswer) -> None:
    """Keep the first answer to a key; a second one at the same moment changes nothing."""
    row = HandledRequest(
        user_id=user_id,
        key=key,
        request_digest=answer.digest,
        status=answer.status,
        body=answer.body,
        location=answer.location,
    )
    HandledRequest.objects.bulk_create([row], ignore_conflicts=True)
