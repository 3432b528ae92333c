"""Put questions to a world as one viewer and write down every byte that comes back; compare two such transcripts.

Left out of the comparison, and nothing else: Date, the request's own id, the receipt (a random id; that there is one
is compared), and in what an auditor reads the ids and moments of entries, which are random and of the clock.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from tests.api.conftest import WebClient
from tests.privacy.questions import API, Question
from tests.privacy.worlds import World

PAGES = 4
"""So many further pages are followed."""
_RANDOM_HEADERS = {"Date": None, "X-Request-Id": None, "Access-Receipt": "<receipt>"}
_RANDOM_FIELDS = {"id": "<id>", "at": "<moment>", "completed_at": "<moment>", "request_id": "<id>"}


@dataclass(frozen=True)
class Exchange:
    """A question and what came back, without what is random."""

    question: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True)
class Difference:
    """Two answers to one question."""

    one: Exchange | None
    other: Exchange | None

    def __str__(self) -> str:
        if self.one is None or self.other is None:
            return f"asked in one world only: {(self.one or self.other or self).question}"  # type: ignore[union-attr]
        parts = [f"{self.one.question}"]
        for name in ("status", "headers", "body"):
            here, there = getattr(self.one, name), getattr(self.other, name)
            if here != there:
                parts.append(f"  {name}: {here!r:.300}\n  {' ' * len(name)}  {there!r:.300}")
        return "\n".join(parts)


def write_transcript(world: World, name: str | None, questions: Sequence[Question]) -> list[Exchange]:
    """Ask everything as the person of that name, or as nobody, and follow the pages."""
    person = world.cast.everybody()[name] if name else None
    client = WebClient().as_(person)
    transcript = []
    for question in questions:
        query = question.query.replace("{since}", world.began.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
        url, label = f"{question.path}?{query}" if query else question.path, str(question)
        for _ in range(1 + PAGES):
            answer = _send(client, question, url)
            transcript.append(_note(label, question.path, answer))
            following = _next_page(answer)
            if question.method != "GET" or following is None:
                break
            url, label = following, f"{label} -> next"
    return transcript


def compare(one: Sequence[Exchange], other: Sequence[Exchange]) -> list[Difference]:
    """All exchanges in which the two transcripts differ."""
    return [Difference(here, there) for here, there in zip_longest(one, other) if here != there]


def _send(client: WebClient, question: Question, url: str) -> Any:
    body: Mapping[str, Any] = {}
    if question.body is not None:
        body = {"data": question.body, "content_type": question.content_type}
    return client.generic(question.method, url, headers=question.headers, **body)


def _note(label: str, path: str, answer: Any) -> Exchange:
    headers = {name: _RANDOM_HEADERS.get(name, value) for name, value in answer.items()}
    body = answer.content
    if path == f"{API}/audit/entries" and answer.status_code == 200:
        body = _without_the_clock(body)
    return Exchange(
        label, answer.status_code, tuple(sorted((n, v) for n, v in headers.items() if v is not None)), body
    )


def _without_the_clock(body: bytes) -> bytes:
    """A page of ledger entries without ids and moments, which differ between any two runs of one world."""
    if not body:
        return body
    page = json.loads(body)
    for item in page["items"]:
        item.update({name: mark for name, mark in _RANDOM_FIELDS.items() if item[name] is not None})
    if page["next"] is not None:
        page["next"] = re.sub(r"(cursor|since)=[^&]+", r"\1=<moment>", page["next"])
    return json.dumps(page).encode()


def _next_page(answer: Any) -> str | None:
    if answer.status_code != 200 or not answer.content or "json" not in answer["Content-Type"]:
        return None
    following: str | None = json.loads(answer.content).get("next")
    return following
