"""Questions for the red team: generated from a seed, from the names of all fields, and from what both worlds hide.

Bait is what a good attacker would guess: places inside the blocks of either world, ids of either world. A question is
the same bytes in both worlds, but for `{since}`, which stands for the moment the world began (auditors need it: the
ledger is never rolled back, so without it they would read of the world before).
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode
from uuid import UUID

from django.apps import apps
from django.db import connection

from accounts.roles import Role
from monitor.grid import cell_bounds
from tests.privacy.layouts import Layout, identify

API = "/api/v1"
LOOKUPS = ("", "__gte", "__lt", "__in", "__contains", "__isnull", "__within", "__dwithin", "__range")
OTHER_WORDS = {
    *(
        "ordering",
        "order_by",
        "sort",
        "distance",
        "dist",
        "lat",
        "lon",
        "near",
        "point",
        "polygon",
        "geom",
        "within",
    ),
    *(
        "format",
        "fields",
        "expand",
        "include",
        "exclude",
        "search",
        "q",
        "page",
        "page_size",
        "offset",
        "count",
    ),
    *(
        "facets",
        "group_by",
        "bounds",
        "zoom",
        "id",
        "pk",
        "user",
        "role",
        "is_superuser",
        "debug",
        "callback",
    ),
}
CHILDREN = [f"9/{x}/{y}" for x in range(283, 286) for y in range(251, 255)]
"""The tiles of the greatest coarse zoom that cover the country: two or three blocks each."""
VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
HEADERS = (
    {"accept": "text/html"},
    {"accept": "text/csv, application/json;q=0.1"},
    {"accept": "application/geopackage+sqlite3"},
    {"accept-encoding": "gzip, br"},
    {"accept-language": "fr"},
    {"if-none-match": '"0"'},
    {"if-none-match": "*"},
    {"if-modified-since": "Mon, 01 Jan 2024 00:00:00 GMT"},
    {"range": "items=0-10"},
    {"prefer": "count=exact"},
    {"x-http-method-override": "DELETE"},
    {"x-forwarded-for": "127.0.0.1"},
    {"access-purpose": "field-visit; a look around"},
    {"access-purpose": "curiosity"},
    {"authorization": "Token pen_of_nobody"},
)


@dataclass(frozen=True)
class Question:
    """One request. query: as it stands in the URL."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None
    content_type: str = "application/json"

    def __str__(self) -> str:
        return f"{self.method} {self.path}?{self.query} {self.headers} {self.body or ''}"


@dataclass(frozen=True)
class Bait:
    """What somebody who wants the miners' places would try."""

    cells: Sequence[tuple[int, int]]
    alerts: Sequence[UUID]
    inspections: Sequence[UUID]
    others: Sequence[UUID]
    """Ids of regions, models, sites, people, and ids of nothing at all."""
    words: Sequence[str]


def gather_bait(layouts: Sequence[Layout]) -> Bait:
    """Everything that either world hides."""
    return Bait(
        cells=sorted({cell for layout in layouts for cell in layout.active_cells()}),
        alerts=sorted({alert for layout in layouts for alert in layout.sites}),
        inspections=[identify("inspection 0"), identify("inspection 1")],
        others=[
            identify(word)
            for word in ("Aruwe East", "Aruwe West", "model", "batch 0", "rosa", "nothing", "no one")
        ],
        words=sorted(list_field_names()),
    )


def list_field_names() -> set[str]:
    """Names of all fields of all models and of all columns of the vault and the release."""
    names = {
        f.name
        for label in ("monitor", "accounts")
        for model in apps.get_app_config(label).get_models()
        for f in model._meta.get_fields()
    }
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid"
            " WHERE attnum > 0 AND relnamespace IN ('vault'::regnamespace, 'release'::regnamespace)"
        )
        return names | {name for (name,) in cursor.fetchall()} | OTHER_WORDS


def write_questions(seed: int, bait: Bait, count: int, role: Role | None) -> list[Question]:
    """All that is known by its id, then `count` drawn questions; the same seed asks the same.

    Of the drawn ones a third is about what the role may ask at all.
    """
    draw = random.Random(f"questions {seed}")
    makers, weights = zip(*_MIXED.items(), strict=True)
    asked = _ask_everything_by_id(bait)
    for number in range(count):
        make = _OWN[role] if role in _OWN and number % 3 == 0 else draw.choices(makers, weights)[0]
        asked.append(make(draw, bait))
    return asked


def _ask_everything_by_id(bait: Bait) -> list[Question]:
    alerts = [f"alerts/{alert}{end}" for alert in bait.alerts for end in ("", "/site", "/history")]
    inspections = [
        f"inspections/{inspection}{end}" for inspection in bait.inspections for end in ("", "/site")
    ]
    releases = [f"releases/{identify(f'batch {number}')}/certificate" for number in (0, 1)]
    questions = [Question("GET", f"{API}/{path}") for path in (*alerts, *inspections, *releases)]
    # every exit once as it stands: what is drawn might miss one
    questions += [
        Question("GET", f"/export/activity.{name}") for name in ("geojson", "csv", "gpkg", "kml", "fgb")
    ]
    questions += [Question("GET", f"/tiles/activity/{tile}.mvt") for tile in CHILDREN]
    return questions + [Question("GET", f"{API}/regions/{other}/summary") for other in bait.others]


def write_bbox(draw: random.Random, bait: Bait) -> str:
    """A box around or beside a hidden cell: smaller than a cell, a block, a region, the earth, or no box at all."""
    west, south, east, north = cell_bounds(*draw.choice(bait.cells))
    kind = draw.randrange(7)
    if kind == 0:  # a point inside the cell
        return f"{west + 0.004},{south + 0.004},{west + 0.004},{south + 0.004}"
    if kind == 1:  # smaller than the cell
        return f"{west + 0.002},{south + 0.002},{east - 0.002},{north - 0.002}"
    if kind == 2:
        return f"{west},{south},{east},{north}"
    if kind == 3:  # one half of a bisection
        step = draw.choice([0.02, 0.05, 0.1])
        return f"{west - step * draw.random():.4f},{south - step:.4f},{east:.4f},{north + step * draw.random():.4f}"
    if kind == 4:
        return f"{west - 1},{south - 1},{east + 1},{north + 1}"
    if kind == 5:
        return draw.choice(["-180,-90,180,90", "19.6,2,20,2.4", "0,0,0,0", "20,2,20,2"])
    return draw.choice(
        ["20,2,19,3", "a,b,c,d", "20,2,20.4", "nan,2,20.4,2.4", "1e309,0,1,1", "20;2;20.4;2.4"]
    )


def _ask_activity(draw: random.Random, bait: Bait) -> Question:
    pairs = {}
    if draw.random() < 0.7:
        pairs["bbox"] = write_bbox(draw, bait)
    if draw.random() < 0.3:
        pairs["period"] = draw.choice(
            ["2026-08", "2026-09", "2026-10", "2026-11", "2025-01", "2026-13", "2026-09-15", "2026-Q3"]
        )
    if draw.random() < 0.3:
        pairs["level"] = draw.choice(["L0", "L1", "L2", "L3", "L4", "0"])
    if draw.random() < 0.5:
        pairs["limit"] = draw.choice(["1", "2", "3", "7", "10000", "10001", "0", "-1", "x"])
    if draw.random() < 0.15:
        pairs[draw.choice(["state", "class", "min_probability", "since", "region", "area", "cursor"])] = (
            draw.choice(["active", "artisanal", "0.5", "2026-09-15", str(bait.others[0]), "AAAA"])
        )
    return Question(draw.choice(["GET", "GET", "GET", "HEAD"]), f"{API}/activity", urlencode(pairs))


def _ask_exit(draw: random.Random, bait: Bait) -> Question:
    """A file, a tile or a summary: as `_ask_activity` asks, and tiles of every zoom around hidden cells."""
    kind = draw.randrange(10)
    pairs = {}
    if draw.random() < 0.3:
        pairs["period"] = draw.choice(["2026-08", "2026-09", "2026-10", "2026-11", "2025-01", "2026-13"])
    if kind < 6:
        if draw.random() < 0.5:
            pairs["bbox"] = write_bbox(draw, bait)
        path = (
            f"/export/activity.{draw.choice(['geojson', 'csv', 'gpkg', 'kml', 'fgb', 'shp', 'xlsx', 'tif'])}"
        )
    elif kind < 9:
        path = f"/tiles/activity/{write_tile(draw, bait)}.mvt"
    else:
        path = f"{API}/regions/{draw.choice(bait.others)}/summary"
    if kind < 9 and draw.random() < 0.3:
        pairs["level"] = draw.choice(["L0", "L1", "L2", "L3"])
    if draw.random() < 0.1:
        pairs[draw.choice(["state", "min_probability", "limit", "cursor", "layer"])] = draw.choice(
            ["active", "1"]
        )
    return Question(draw.choice(["GET", "GET", "GET", "HEAD"]), path, urlencode(pairs))


def write_tile(draw: random.Random, bait: Bait) -> str:
    """A tile of any zoom that holds a hidden cell, or its neighbour, or one that is nowhere."""
    row, col = draw.choice(bait.cells)
    zoom = draw.choice([0, 3, 5, 6, 7, 8, 8, 9, 9, 10, 12, 14, 15, 18])
    lat = math.radians((row + 0.5) / 100 - 90)
    x = int((col + 0.5) / 36000 * 2**zoom)
    y = int((0.5 - math.asinh(math.tan(lat)) / (2 * math.pi)) * 2**zoom)
    if draw.random() < 0.3:
        x, y = x + draw.choice([-1, 0, 1]), y + draw.choice([-1, 0, 1, 2**zoom])
    return f"{zoom}/{x}/{y}"


def _ask_unknown(draw: random.Random, bait: Bait) -> Question:
    name = draw.choice(bait.words) + draw.choice(LOOKUPS)
    row, col = draw.choice(bait.cells)
    value = draw.choice(
        [
            str(row),
            str(col),
            "0.5",
            "active",
            "true",
            "2026-09-15",
            str(draw.choice(bait.alerts)),
            "' OR 1=1--",
        ]
    )
    path = draw.choice(
        ["activity", "alerts", "inspections", "releases", "me", "audit/entries", "scenes", "models"]
    )
    return Question("GET", f"{API}/{path}", urlencode({name: value}))


def _ask_list(draw: random.Random, bait: Bait) -> Question:
    path = draw.choice(["alerts", "inspections", "releases", "me", "releases", "inspections"])
    pairs = {}
    if path != "me" and draw.random() < 0.6:
        pairs["limit"] = draw.choice(["1", "2", "10000"])
    if path in {"alerts", "inspections"} and draw.random() < 0.4:
        pairs["status"] = draw.choice(["raised", "assigned", "accepted", "closed", "unknown"])
    if path == "alerts" and draw.random() < 0.4:
        pairs["region"] = str(draw.choice(bait.others))
    return Question("GET", f"{API}/{path}", urlencode(pairs))


def _paths_of_one(draw: random.Random, bait: Bait) -> str:
    nothing = draw.choice(bait.others)
    alert, inspection = draw.choice([*bait.alerts, nothing]), draw.choice([*bait.inspections, nothing])
    return draw.choice(
        [
            f"{API}/alerts/{alert}",
            f"{API}/alerts/{alert}/site",
            f"{API}/alerts/{alert}/history",
            f"{API}/inspections/{inspection}",
            f"{API}/inspections/{inspection}/site",
            f"{API}/alerts/{inspection}/site",
            f"{API}/inspections/{alert}/site",
            f"{API}/scenes/{nothing}",
            f"{API}/releases/{nothing}",
            f"{API}/releases/{nothing}/certificate",
            f"{API}/releases/{identify('batch 1')}/certificate",
            f"{API}/alerts/{alert}.json",
            f"{API}/alerts/{str(alert).upper()}",
            f"{API}/alerts/{alert}/",
        ]
    )


def _ask_one(draw: random.Random, bait: Bait) -> Question:
    return Question(draw.choice(["GET", "GET", "HEAD"]), _paths_of_one(draw, bait))


def _ask_with_verb(draw: random.Random, bait: Bait) -> Question:
    path = draw.choice(
        [f"{API}/activity", f"{API}/alerts", f"{API}/releases", f"{API}/me", _paths_of_one(draw, bait)]
    )
    return Question(draw.choice(VERBS), path, body="{}")


def _ask_with_header(draw: random.Random, bait: Bait) -> Question:
    path = draw.choice(
        [f"{API}/activity", f"{API}/releases", f"{API}/inspections", _paths_of_one(draw, bait)]
    )
    return Question("GET", path, headers=draw.choice(HEADERS))


def _ask_post(draw: random.Random, bait: Bait) -> Question:
    """Writes that must be refused: by role, because the object is somebody else's, or because the body is wrong."""
    alert, inspection = draw.choice([*bait.alerts, bait.others[-1]]), bait.inspections[0]
    west, south, east, north = cell_bounds(*draw.choice(bait.cells))
    square = {
        "type": "Polygon",
        "coordinates": [[[west, south], [east, south], [east, north], [west, south]]],
    }
    bodies = {
        f"{API}/alerts/{alert}/triage": {"decision": "confirm", "geometry": square},
        f"{API}/alerts/{alert}/site": square,
        f"{API}/inspections": {
            "alert": str(alert),
            "inspector": "nobody",
            "expires_at": "2099-01-01T00:00:00Z",
        },
        f"{API}/inspections/{inspection}/accept": {},
        f"{API}/inspections/{inspection}/findings": {
            "id": str(identify("a finding of the red team")),
            "kind": "active",
            "observed_on": "2026-09-15",
        },
        f"{API}/inspections/{identify('nothing')}/close": {},
        f"{API}/activity": {"bbox": [west, south, east, north]},
        f"{API}/models/{identify('model')}/activate": {"force": True},
    }
    path, body = draw.choice(sorted(bodies.items()))
    headers = {"idempotency-key": "k" * draw.choice([1, 101])} if draw.random() < 0.2 else {}
    kind = draw.choice(["application/json"] * 4 + ["text/plain", "application/x-www-form-urlencoded"])
    return Question("POST", path, headers=headers, body=json.dumps(body), content_type=kind)


def _ask_audit(draw: random.Random, bait: Bait) -> Question:
    pairs = {"since": "{since}"}
    if draw.random() < 0.5:
        pairs["limit"] = draw.choice(["1", "5", "10000"])
    if draw.random() < 0.4:
        pairs["action"] = draw.choice(["read.activity", "read.alert_site", "refuse.alert", "release.publish"])
    if draw.random() < 0.3:
        pairs["outcome"] = draw.choice(["answered", "refused", "open", "done"])
    if draw.random() < 0.3:
        pairs["region"] = str(draw.choice(bait.others))
    if draw.random() < 0.3:
        pairs["role"] = draw.choice(["regulator", "partner", "anonymous"])
    return Question("GET", f"{API}/audit/entries", urlencode(pairs, safe="{}"))


def _ask_inspection(draw: random.Random, bait: Bait) -> Question:
    inspection = draw.choice([*bait.inspections, *bait.inspections, draw.choice(bait.others)])
    ends = [
        "s",
        "s?status=closed",
        "s?status=accepted",
        "s?limit=1",
        f"s/{inspection}",
        f"s/{inspection}/site",
    ]
    path, _, query = f"{API}/inspection{draw.choice(ends)}".partition("?")
    return Question("GET", path, query)


Maker = Callable[[random.Random, Bait], Question]
_MIXED: Mapping[Maker, int] = {
    _ask_activity: 5,
    _ask_exit: 5,
    _ask_unknown: 3,
    _ask_list: 3,
    _ask_one: 6,
    _ask_with_verb: 2,
    _ask_with_header: 2,
    _ask_post: 2,
    _ask_audit: 1,
}
_OWN: Mapping[Role | None, Maker] = {
    Role.PARTNER: _ask_activity,
    Role.AUDITOR: _ask_audit,
    Role.INSPECTOR: _ask_inspection,
    Role.REGULATOR: _ask_one,
    Role.ANALYST: _ask_activity,
}
