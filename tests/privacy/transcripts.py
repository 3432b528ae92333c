"""Put scripts to a world as one viewer and write down every byte that comes back; compare two such transcripts.

What is left out of the comparison, and why (nothing else is):

- `X-Request-Id`, and `Access-Receipt` but for its presence: random, made anew for each request;
- ids that were made by a write of the same script (`id` or `grant` of its answer, if it was not asked for): random;
- moments between the first question and now: the clock of the run. A world is built before, with fixed moments;
- cursors of pages that end in such an id or moment: they are sealed over it (their length is compared);
- in what an auditor reads, ids of entries and moments: random and of the clock.

Beside the bytes, the work is compared: how many statements were sent to the database, and how many rows each returned.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any
from urllib.parse import quote

from django.db import transaction

from tests.privacy.acts import Act
from tests.privacy.asking import count_vault_scans, counted, send
from tests.privacy.questions import API, Question, Script, Step
from tests.privacy.worlds import World

PAGES = 4
"""So many further pages are followed."""
SHOWN = 200
"""Characters around the first difference."""
_HEADERS = {"X-Request-Id": None, "Access-Receipt": "<receipt>"}
_OF_ENTRIES = {
    **dict.fromkeys(["id", "request_id"], "<id>"),
    **dict.fromkeys(["at", "completed_at", "first_at", "last_at", "since", "until"], "<moment>"),
}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
_CURSOR = re.compile(r"cursor=([A-Za-z0-9_-]+)")


@dataclass(frozen=True)
class Exchange:
    """A question and what came back, without what is random. kind: of its script. operation: method and route.

    work: verb and rows of each statement. vault_scans: how often a table or index of the vault was opened meanwhile; not
    compared, because exact roles may differ in it, but it must be nought for whoever reads and may read nothing exact.
    """

    kind: str
    question: str
    method: str
    path: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    work: tuple[tuple[str, int], ...] = ()
    vault_scans: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Difference:
    """Two answers to one question."""

    one: Exchange | None
    other: Exchange | None

    @property
    def kind(self) -> str:
        """Of the script."""
        return (self.one or self.other).kind  # type: ignore[union-attr]

    @property
    def parts(self) -> list[str]:
        """In what they differ: `status`, `headers`, `body`, `work`, or `presence`."""
        if self.one is None or self.other is None:
            return ["presence"]
        names = ("question", "status", "headers", "body", "work")
        return [name for name in names if getattr(self.one, name) != getattr(self.other, name)]

    def __str__(self) -> str:
        if self.one is None or self.other is None:
            return f"asked in one world only: {(self.one or self.other).question}"  # type: ignore[union-attr]
        lines = [self.one.question]
        for name in self.parts:
            here, there = repr(getattr(self.one, name)), repr(getattr(self.other, name))
            same = max(_length_of_same(here, there) - 60, 0)
            lines += [
                f"  {name}: ...{here[same : same + SHOWN]}",
                f"  {' ' * len(name)}  ...{there[same : same + SHOWN]}",
            ]
        return "\n".join(lines)


def _length_of_same(here: str, there: str) -> int:
    pairs = enumerate(zip(here, there, strict=False))
    return next((number for number, (a, b) in pairs if a != b), min(len(here), len(there)))


def compare(one: Sequence[Exchange], other: Sequence[Exchange]) -> list[Difference]:
    """All exchanges in which the two transcripts differ."""
    return [Difference(here, there) for here, there in zip_longest(one, other) if here != there]


def write_transcript(
    world: World, name: str | None, scripts: Sequence[Script], first: Sequence[Step] = ()
) -> list[Exchange]:
    """Ask everything as the person of that name, or as nobody. Whatever a script changes is undone after it.

    first: what happens before each script; what the viewer asks then is not compared.
    """
    transcript: list[Exchange] = []
    for script in scripts:
        before = transaction.savepoint()
        transcript += _Conversation(world, name, script).hold(first)
        transaction.savepoint_rollback(before)
    return transcript


class _Conversation:
    """One script, asked by one viewer."""

    def __init__(self, world: World, viewer: str | None, script: Script) -> None:
        self.world, self.viewer, self.script = world, viewer, script
        self.made: list[str] = []
        self.scans = 0
        self.known = {
            "since": _write_moment(world.began),
            "paged": _write_moment(world.paged or world.began),
            "next": "",
            "etag": '"0"',
        }

    def hold(self, first: Sequence[Step]) -> Iterator[Exchange]:
        for step in first:
            if isinstance(step, Act):
                step.do(self.world, self.viewer)
            else:
                answer = send(self.world, self.viewer, step, self._fill(step.url), self._fill)
                self.known["next"] = _next_page(answer) or self.known["next"]
        self.scans = count_vault_scans()
        for step in self.script.steps:
            if isinstance(step, Act):
                step.do(self.world, self.viewer)
            elif step.asker is not None:
                send(self.world, step.asker, step, self._fill(step.url), self._fill)  # not compared
            else:
                yield from self._ask(step)
                continue
            self.scans = count_vault_scans()

    def _ask(self, question: Question) -> Iterator[Exchange]:
        url, label = self._fill(question.url), str(question)
        for _ in range(1 + (PAGES if question.follow else 0)):
            if not url:
                return
            before = self.scans
            with counted() as work:
                answer = send(self.world, self.viewer, question, url, self._fill)
            self.scans = count_vault_scans()
            yield self._note(label, question, answer, tuple(work), self.scans - before)
            following = _next_page(answer)
            self.known |= {"next": following or "", "etag": answer.get("ETag", self.known["etag"])}
            if question.method != "GET" or following is None:
                return
            url, label = following, f"{label} -> next"

    def _fill(self, text: str) -> str:
        for name, value in (self.known | {"made": self.made[-1] if self.made else ""}).items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def _note(
        self, label: str, question: Question, answer: Any, work: tuple[tuple[str, int], ...], scans: int
    ) -> Exchange:
        if question.method == "POST" and answer.status_code in {200, 201, 202}:
            asked = self._fill(question.url) + self._fill(question.body or "")
            self.made += [made for made in _list_made(answer) if made not in asked and made not in self.made]
        body = answer.content
        if question.path.startswith(f"{API}/audit/") and body and _is_json(answer):
            body = _without_entries(body)
        headers = {name: _HEADERS.get(name, value) for name, value in answer.items()}
        return Exchange(
            self.script.kind,
            label,
            question.method,
            question.path,
            answer.status_code,
            tuple(sorted((name, self._steady(v)) for name, v in headers.items() if v is not None)),
            self._steady(body.decode("latin-1")).encode("latin-1"),
            work,
            scans,
        )

    def _steady(self, text: str) -> str:
        """The text without what is random or of the clock of this run."""
        steady = text
        for number, made in enumerate(self.made):
            steady = steady.replace(made, f"<made {number}>")
        for name in ("since", "paged"):
            steady = steady.replace(self.known[name], f"<{name}>").replace(
                quote(self.known[name]), f"<{name}>"
            )
        steady = _MOMENT.sub(self._hide_present, steady)
        return _CURSOR.sub(_hide_cursor, steady) if steady != text else text

    def _hide_present(self, match: re.Match[str]) -> str:
        moment = datetime.fromisoformat(match[0].replace("Z", "+00:00"))
        return "<now>" if self.world.began <= moment <= datetime.now(UTC) else match[0]


def _write_moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _list_made(answer: Any) -> list[str]:
    """What a write has made: its own id and that of the grant that it led to."""
    body = json.loads(answer.content)
    return [str(body[name]) for name in ("grant", "id") if body.get(name)]


def _hide_cursor(match: re.Match[str]) -> str:
    return f"cursor=<{len(match[1])} characters>"


def _is_json(answer: Any) -> bool:
    return answer.status_code == 200 and "json" in answer.get("Content-Type", "")


def _without_entries(body: bytes) -> bytes:
    """What an auditor reads without ids of entries and moments, which differ between any two runs of one world."""
    page = _mark(json.loads(body))
    if page.get("next") is not None:
        page["next"] = re.sub(r"cursor=[^&]+", "cursor=<sealed over a moment>", page["next"])
    return json.dumps(page).encode()


def _mark(value: Any) -> Any:
    if isinstance(value, list):
        return [_mark(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _OF_ENTRIES[name] if name in _OF_ENTRIES and inner is not None else _mark(inner)
        for name, inner in value.items()
    }


def _next_page(answer: Any) -> str | None:
    if not answer.content or not _is_json(answer):
        return None
    page = json.loads(answer.content)
    return page.get("next") if isinstance(page, dict) else None
