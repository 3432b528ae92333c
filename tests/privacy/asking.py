"""Put one question to the running code as the web role, and measure the work that it makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from django.http import HttpResponse
from psycopg.pq import TransactionStatus
from rest_framework.test import APIClient

from monitor.errors import StreamCut
from tests.privacy.questions import Question
from tests.privacy.worlds import World

_VAULT_SCANS = """
    SELECT coalesce(sum(pg_stat_get_xact_numscans(oid)), 0) FROM pg_class
    WHERE relnamespace = 'vault'::regnamespace AND relkind IN ('r', 'i')
"""


class Asker(APIClient):
    """A client whose every request runs as the web role; faults are answers too."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__(raise_request_exception=False, SERVER_NAME="localhost")
        self.credentials(
            **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
        )

    def request(self, **kwargs: Any) -> Any:
        """One request. Its savepoint is let go at once: a thousand open ones would slow the database down."""
        before = transaction.savepoint()
        with connection.cursor() as cursor:
            cursor.execute("SET ROLE penumbra_web")
        answer: Any = super().request(**kwargs)
        if answer.streaming:
            answer = _read_stream(answer)
        if connection.connection.info.transaction_status == TransactionStatus.INERROR:
            transaction.savepoint_rollback(before)
        else:
            transaction.savepoint_commit(before)
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")
        return answer


def _read_stream(answer: Any) -> HttpResponse:
    """What is streamed, read to its end or to where it was cut; the client closes it there."""
    parts, end = list[bytes](), b""
    try:
        parts.extend(answer.streaming_content)
    except StreamCut:
        end = b"<cut>"
    return HttpResponse(b"".join(parts) + end, status=answer.status_code, headers=dict(answer.items()))


def send(
    world: World,
    name: str | None,
    question: Question,
    url: str,
    fill: Callable[[str], str] = str,
) -> Any:
    """Put one question as a person, or as nobody. fill: what stands for the marks of a question."""
    client = Asker(world.people[name].headers if name else {})
    body: Mapping[str, Any] = {}
    if question.body is not None:
        body = {"data": fill(question.body), "content_type": question.content_type}
    headers = {name: fill(value) for name, value in question.headers.items()}
    return client.generic(question.method, url, headers=headers, **body)


@contextmanager
def counted() -> Iterator[list[tuple[str, int]]]:
    """Verb and number of rows of every statement that the product sends meanwhile."""
    work: list[tuple[str, int]] = []

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        work.append((sql.split(None, 1)[0], context["cursor"].rowcount))
        return result

    with connection.execute_wrapper(count):
        yield work


def count_vault_scans() -> int:
    """How often tables and indexes of the vault were opened in this transaction so far."""
    with connection.cursor() as cursor:
        cursor.execute(_VAULT_SCANS)
        return int(cursor.fetchone()[0])
