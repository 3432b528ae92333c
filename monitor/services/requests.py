"""Remember the first answer to a key, so that a client that repeats a POST after a lost connection changes nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import DatabaseError, connection

from accounts.ledger.keyed import keyed_digest
from monitor.errors import NotNow
from monitor.models import HandledRequest

PATIENCE_S = 10.0
"""So long a repeated request waits for the answer to the first one."""
_PAUSE_S = 0.05
KEPT_FOR = timedelta(days=7)
"""So long a first answer is kept at least; the clock lets go of older ones every hour."""


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


@contextmanager
def one_at_a_time(user_id: UUID, key: str) -> Iterator[None]:
    """Let one request with a key of an account be answered at a time; a repeat that overtakes the first waits for it.

    The lock belongs to the connection, so it is gone with a process that dies. Raises NotNow after PATIENCE_S.
    """
    name = f"{user_id} {key}"
    latest = time.monotonic() + PATIENCE_S
    while not _lock("pg_try_advisory_lock", name):
        if time.monotonic() > latest:
            raise NotNow("The first request with this key is still being answered. Send it again later.")
        time.sleep(_PAUSE_S)
    try:
        yield
    finally:
        try:
            _lock("pg_advisory_unlock", name)
        except DatabaseError:  # the lock goes with its connection, which would be kept for the next request
            connection.close()


def _lock(function: str, name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtextextended(%s, 0))", [name])
        return bool(cursor.fetchone()[0])


def find_answer(user_id: UUID, key: str) -> KeptAnswer | None:
    """The answer kept for a key of an account, or None."""
    row = HandledRequest.objects.filter(user_id=user_id, key=key).first()
    return KeptAnswer(row.request_digest, row.status, row.body, row.location) if row else None


def keep_answer(user_id: UUID, key: str, answer: KeptAnswer) -> None:
    """Keep the first answer to a key."""
    row = HandledRequest(
        user_id=user_id,
        key=key,
        request_digest=answer.digest,
        status=answer.status,
        body=answer.body,
        location=answer.location,
    )
    HandledRequest.objects.bulk_create([row], ignore_conflicts=True)


def forget_answers(now: datetime) -> int:
    """Delete the answers that are older than KEPT_FOR; how many. The same request with such a key is a new one then."""
    return HandledRequest.objects.filter(handled_at__lt=now - KEPT_FOR).delete()[0]
