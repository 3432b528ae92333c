"""What can be put to a world: questions, and scripts of questions and acts; the bait that fills them.

Bait is what a good attacker would guess: places inside the blocks of either world, ids of either world. A question is
the same bytes in both worlds, but for marks that the transcript fills: `{since}` (the moment the world was built: the
ledger is never rolled back, so without it an auditor would read of the world before), `{paged}` (a moment amid the pages of
another's reading), `{next}`, `{etag}`, `{made}`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.apps import apps
from django.db import connection

from tests.privacy.acts import Act
from tests.privacy.layouts import Layout, identify

API = "/api/v1"
SOON = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}T00:00:00Z"
"""When a window may end that opens now. One value for a whole run, so that both worlds are asked with the same bytes."""
LOOKUPS = (
    "",
    *(
        f"__{word}"
        for word in ("exact", "gte", "gt", "lte", "lt", "in", "contains", "icontains", "startswith")
    ),
    *(f"__{word}" for word in ("isnull", "range", "regex", "within", "dwithin", "distance_lt", "bboverlaps")),
    *(
        f"__{word}"
        for word in ("intersects", "year", "month", "day", "date", "id", "pk", "count", "row__gte")
    ),
)
"""Of Django's field lookups, also the geographic ones."""
_WORDS = """
    ordering order_by sort distance dist lat lon near point polygon geom within format fields expand include exclude
    search q page page_size offset count facets group_by bounds zoom id pk user role is_superuser debug callback
    srid crs geometry extent tile radius autocomplete only defer values annotate aggregate jsonp envelope depth
"""
ATTACK_WORDS = frozenset(_WORDS.split())
"""What libraries and other services call their parameters."""


@dataclass(frozen=True)
class Question:
    """One request. asker: where it is another person's, whose answer is not compared. follow: its further pages too."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    content_type: str = "application/json"
    asker: str | None = None
    follow: bool = True

    @property
    def url(self) -> str:
        """Path and query."""
        return f"{self.path}?{self.query}" if self.query else self.path

    def __str__(self) -> str:
        return f"{self.method} {self.url} {dict(self.headers) or ''} {self.body or ''}".strip()


Step = Question | Act


@dataclass(frozen=True)
class Script:
    """Questions and acts in their order. kind: under which it is counted."""

    kind: str
    steps: Sequence[Step]


@dataclass(frozen=True)
class Bait:
    """What somebody who wants the miners' places would try."""

    cells: Sequence[tuple[int, int]]
    alerts: Sequence[UUID]
    inspections: Sequence[UUID]
    findings: Sequence[UUID]
    wishes: Sequence[UUID]
    """Access requests and grants."""
    others: Sequence[UUID]
    """Ids of regions, models, batches, people, and ids of nothing at all."""
    words: Sequence[str]

    @property
    def ids(self) -> Sequence[UUID]:
        """All of them; the last is the id of nothing."""
        return [*self.alerts, *self.inspections, *self.findings, *self.wishes, *self.others]


def gather_bait(layouts: Sequence[Layout]) -> Bait:
    """Everything that either world hides."""
    visits = [visit for layout in layouts for visit in layout.visits]
    names = (
        "Aruwe East",
        "Aruwe West",
        "Aruwe Strip",
        "Aruwe Near Bank",
        "model",
        "batch 0",
        "batch 1",
        "batch 2",
        "rosa",
        "nothing",
    )
    return Bait(
        cells=sorted({cell for layout in layouts for cell in layout.active_cells()}),
        alerts=sorted({alert.id for layout in layouts for alert in layout.alerts}),
        inspections=sorted({visit.id for visit in visits}),
        findings=sorted({visit.finding for visit in visits}),
        wishes=sorted({i for layout in layouts for wish in layout.wishes for i in (wish.id, wish.grant)}),
        others=[identify(word) for word in names],
        words=sorted(list_field_names()),
    )


def list_field_names() -> set[str]:
    """Names of all fields of all models and of all columns of the vault, the ledger and the release."""
    names = {
        f.name
        for label in ("monitor", "accounts")
        for model in apps.get_app_config(label).get_models()
        for f in model._meta.get_fields()
    }
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid"
            " WHERE attnum > 0 AND relnamespace::regnamespace::text IN ('vault', 'release', 'ledger')"
        )
        return names | {name for (name,) in cursor.fetchall()} | ATTACK_WORDS
