"""Questions that somebody who wants the miners' places thinks of, beyond what the OpenAPI document offers.

Unknown parameters from all field names and lookups; all verbs; headers; odd addresses; and, for each role, more of what it
may ask at all, so that answers are compared and not refusals only.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from accounts.roles import Role
from monitor.grid import cell_bounds
from tests.privacy.layouts import identify
from tests.privacy.questions import API, LOOKUPS, SOON, Bait, Question
from tests.privacy.values import draw_text, write_bbox, write_tile

VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "SEARCH")
HEADERS = (
    *(
        {"accept": kind}
        for kind in ("text/html", "text/csv, application/json;q=0.1", "application/vnd.mapbox-vector-tile")
    ),
    *(
        {"accept": kind}
        for kind in ("application/geopackage+sqlite3", "*/*;q=0", "application/schema+json", "image/png")
    ),
    {"accept-encoding": "gzip, br"},
    {"accept-encoding": "identity;q=0"},
    {"accept-language": "fr"},
    {"if-none-match": '"0"'},
    {"if-none-match": "*"},
    {"if-none-match": "{etag}"},
    {"if-match": '"0"'},
    {"if-modified-since": "Thu, 01 Oct 2026 00:00:00 GMT"},
    {"if-unmodified-since": "Thu, 01 Oct 2026 00:00:00 GMT"},
    {"range": "bytes=0-10"},
    {"range": "items=0-1"},
    {"prefer": "count=exact"},
    {"origin": "https://elsewhere.example.org"},
    {"x-http-method-override": "DELETE"},
    {"x-forwarded-for": "10.0.0.1", "x-forwarded-host": "localhost"},
    {"x-original-url": f"{API}/activity"},
    {"host": "elsewhere.example.org"},
    {"cookie": "sessionid=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
    {"access-purpose": ""},
    {"access-purpose": "curiosity"},
    {"access-purpose": "inspection-planning; at 20.07 2.13"},
    {"authorization": "Token pen_unknown"},
    {"authorization": ""},
    {"cache-control": "max-stale=3600, only-if-cached"},
)


def _ask_exit(draw: random.Random, bait: Bait) -> Question:
    """A file, a tile or a summary: as `_ask_activity` asks, and tiles of every zoom around hidden cells."""
    kind, pairs = draw.randrange(10), {}
    if draw.random() < 0.3:
        pairs["period"] = draw.choice(["2026-08", "2026-09", "2026-10", "2026-11", "2025-01", "2026-13"])
    if kind < 5:
        if draw.random() < 0.5:
            pairs["bbox"] = write_bbox(draw, bait)
        path = f"/export/activity.{draw.choice(['geojson', 'csv', 'gpkg', 'kml', 'fgb', 'shp', 'xlsx'])}"
    elif kind < 9:
        path = f"/tiles/activity/{write_tile(draw, bait)}.mvt"
    else:
        path = f"{API}/regions/{draw.choice(bait.others)}/summary"
    if kind < 9 and draw.random() < 0.3:
        pairs["level"] = draw.choice(["L0", "L1", "L2", "L3"])
    if draw.random() < 0.1:
        pairs[draw.choice(["state", "min_probability", "limit", "cursor", "layer"])] = "1"
    return Question(draw.choice(["GET", "GET", "GET", "HEAD"]), path, urlencode(pairs))


def _ask_activity(draw: random.Random, bait: Bait) -> Question:
    pairs = {}
    if draw.random() < 0.7:
        pairs["bbox"] = write_bbox(draw, bait)
    if draw.random() < 0.3:
        pairs["period"] = draw.choice(["2026-08", "2026-09", "2026-10", "2026-11", "2025-01", "2026-13"])
    if draw.random() < 0.3:
        pairs["level"] = draw.choice(["L0", "L1", "L2", "L3", "L4", "0"])
    if draw.random() < 0.5:
        pairs["limit"] = draw.choice(["1", "2", "3", "7", "10000", "10001", "0", "-1", "x"])
    if draw.random() < 0.15:
        name = draw.choice(["state", "class", "min_probability", "since", "region", "area", "cursor"])
        pairs[name] = draw.choice(["active", "artisanal", "0.5", "2026-09-15", str(bait.others[0]), "AAAA"])
    return Question(draw.choice(["GET", "GET", "GET", "HEAD"]), f"{API}/activity", urlencode(pairs))


def _ask_unknown(draw: random.Random, bait: Bait) -> Question:
    names = [draw.choice(bait.words) + draw.choice(LOOKUPS) for _ in range(draw.choice([1, 1, 2]))]
    path = draw.choice(
        [
            "activity",
            "activity",
            "alerts",
            "inspections",
            "releases",
            "me",
            "audit/entries",
            "scenes",
            "models",
        ]
    )
    pairs = [(name, draw_text(draw, bait)) for name in names]
    if path == "audit/entries":
        pairs.append(("since", "{since}"))
    return Question("GET", f"{API}/{path}", urlencode(pairs, safe="{}"))


def _paths_of_one(draw: random.Random, bait: Bait) -> str:
    nothing = draw.choice(bait.others)
    alert, inspection = draw.choice([*bait.alerts, nothing]), draw.choice([*bait.inspections, nothing])
    paths = [
        *(f"alerts/{alert}{end}" for end in ("", "/site", "/history", ".json", "/", "/cells", "/tile")),
        *(f"inspections/{inspection}{end}" for end in ("", "/site", "/findings", "/packet", "/photos")),
        *(f"alerts/{inspection}/site", f"inspections/{alert}/site", f"alerts/{str(alert).upper()}"),
        *(
            f"{noun}/{nothing}"
            for noun in ("scenes", "releases", "models", "regions", "users", "sites", "cells")
        ),
        *(
            "sites",
            "regions",
            "areas",
            "tiles/9/283/252",
            "admin/",
            "graphql",
            "search",
            "activity.csv",
            ".env",
        ),
    ]
    return f"{API}/{draw.choice(paths)}"


def _ask_one(draw: random.Random, bait: Bait) -> Question:
    return Question(draw.choice(["GET", "GET", "HEAD"]), _paths_of_one(draw, bait))


def _ask_with_verb(draw: random.Random, bait: Bait) -> Question:
    nouns = ("activity", "alerts", "inspections", "releases", "me", "scenes", "schema")
    path = draw.choice([*(f"{API}/{noun}" for noun in nouns), _paths_of_one(draw, bait)])
    return Question(draw.choice(VERBS), path, body="{}")


def _ask_with_header(draw: random.Random, bait: Bait) -> Question:
    nouns = ("activity", "activity", "releases", "inspections", "alerts", "me", "schema")
    path = draw.choice([*(f"{API}/{noun}" for noun in nouns), _paths_of_one(draw, bait)])
    headers = draw.choice(HEADERS) | (draw.choice(HEADERS) if draw.random() < 0.2 else {})
    return Question("GET", path, headers=headers)


def _ask_post(draw: random.Random, bait: Bait) -> Question:
    """Writes that must be refused: by role, because the object is somebody else's, or because the body is wrong."""
    alert = draw.choice([*bait.alerts, bait.others[-1]])
    inspection = draw.choice([*bait.inspections, bait.others[-1]])
    west, south, east, north = cell_bounds(*draw.choice(bait.cells))
    ring = [[west, south], [east, south], [east, north], [west, south]]
    square = {"type": "Polygon", "coordinates": [ring]}
    finding = {
        "id": str(draw.choice([*bait.findings, identify("a finding")])),
        "kind": "active",
        "observed_on": "2026-09-15",
    }
    window = {"alert": str(alert), "inspector": draw.choice(["nobody", "ivo", "wim"]), "expires_at": SOON}
    bodies = {
        f"{API}/alerts/{alert}/triage": {"decision": "confirm", "geometry": square},
        f"{API}/alerts/{alert}/site": square,
        f"{API}/inspections": window,
        f"{API}/inspections/{inspection}/accept": {},
        f"{API}/inspections/{inspection}/findings": finding,
        f"{API}/inspections/{inspection}/close": {},
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
        *("s", "s?status=closed", "s?status=accepted", "s?limit=1"),
        *(f"s/{inspection}{end}" for end in ("", "/site", "/findings")),
    ]
    path, _, query = f"{API}/inspection{draw.choice(ends)}".partition("?")
    return Question("GET", path, query)


def _ask_list(draw: random.Random, bait: Bait) -> Question:
    pairs = {"limit": draw.choice(["1", "2", "10000"])} if draw.random() < 0.6 else {}
    path = draw.choice(["alerts", "inspections", "releases", "releases"])
    if path != "releases" and draw.random() < 0.4:
        pairs["status"] = draw.choice(["raised", "assigned", "accepted", "closed", "unknown"])
    if path == "alerts" and draw.random() < 0.4:
        pairs["region"] = str(draw.choice(bait.others))
    return Question("GET", f"{API}/{path}", urlencode(pairs))


Maker = Callable[[random.Random, Bait], Question]
ATTEMPTS: Mapping[str, tuple[Maker, int]] = {
    "activity": (_ask_activity, 6),
    "exits": (_ask_exit, 5),
    "unknown parameters": (_ask_unknown, 3),
    "lists": (_ask_list, 3),
    "one object": (_ask_one, 4),
    "verbs": (_ask_with_verb, 2),
    "headers": (_ask_with_header, 3),
    "writes": (_ask_post, 2),
    "the ledger": (_ask_audit, 1),
}
"""Kinds of attempts with their weights."""
OWN: Mapping[Role | None, tuple[Maker, ...]] = {
    Role.PARTNER: (_ask_activity, _ask_activity, _ask_exit, _ask_list),
    Role.AUDITOR: (_ask_audit,),
    Role.INSPECTOR: (_ask_inspection,),
    Role.REGULATOR: (_ask_one, _ask_list, _ask_activity, _ask_exit, _ask_inspection),
    Role.ANALYST: (_ask_activity,),
}
"""What each role may ask at all."""
