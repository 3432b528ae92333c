"""How a test reads an answer: what a stranger can tell apart, a problem document, cells, and what the ledger says of it."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from monitor.grid import cell_number

RECEIPT = re.compile(r"([A-Za-z0-9+/]{43}=); mmd=60")
PROBLEM_FIELDS = {"type", "title", "status", "detail", "code"}


@dataclass(frozen=True)
class Line:
    """One entry of the ledger with what came of it."""

    action: str
    outcome: str | None
    quantity: int | None
    level: int | None
    role: str
    purpose: str


def outward_of(answer: Any) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body as a stranger compares them; the request's own id is random and left out."""
    headers = {name: value for name, value in answer.items() if name != "X-Request-Id"}
    return answer.status_code, headers, answer.content


def assert_problem(answer: Any, status: int, code: str | None = None) -> dict[str, Any]:
    """The problem document of an answer, after checking that it is one (RFC 9457) and that nothing may cache it."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Cache-Control"] == "private, no-store"
    problem: dict[str, Any] = json.loads(answer.content)
    assert problem.keys() >= PROBLEM_FIELDS
    assert problem["status"] == status
    assert problem["type"] == f"urn:penumbra:problem:{problem['code']}"
    assert all(isinstance(problem[name], str) and problem[name] for name in PROBLEM_FIELDS - {"status"})
    if code is not None:
        assert problem["code"] == code
    return problem


def entry_of(answer: Any) -> UUID:
    """The entry whose bytes an answer's receipt is the hash of, after checking that it is of this very request."""
    found = RECEIPT.fullmatch(answer["Access-Receipt"])
    assert found, answer["Access-Receipt"]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, request_id::text FROM ledger.entry WHERE sha256('\\x00'::bytea || body) = %s",
            [b64decode(found[1])],
        )
        ((identifier, request_id),) = cursor.fetchall()
    assert request_id == answer["X-Request-Id"]
    return UUID(str(identifier))


def assert_carries_a_place(answer: Any) -> UUID:
    """The entry behind an exact answer, after checking what every answer with places says of itself (P9)."""
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "application/geo+json"
    assert answer["Cache-Control"] == "private, no-store"
    body = answer.json()
    assert body.keys() >= {"precision_deg", "level", "rule", "policy_version", "generalised"}
    return entry_of(answer)


def cells_of(answer: Any) -> list[int]:
    """The cell numbers that an exact answer tells."""
    return [cell_number(f["properties"]["row"], f["properties"]["col"]) for f in answer.json()["features"]]


def ledger_of(answer: Any) -> list[Line]:
    """What the ledger holds of the request behind an answer, in the order of writing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.action, c.outcome, c.quantity, e.level, e.role, e.purpose_code FROM ledger.entry e"
            " LEFT JOIN ledger.completion c ON c.entry_id = e.id WHERE e.request_id = %s ORDER BY e.at",
            [answer["X-Request-Id"]],
        )
        return [Line(*row) for row in cursor.fetchall()]


def outcomes_of(answer: Any) -> list[tuple[str, str | None]]:
    """Action and outcome of each entry of the request behind an answer."""
    return [(line.action, line.outcome) for line in ledger_of(answer)]
