"""Scripts of several steps: pages, batches and revocations between two pages, writes that are read back, replays.

Each is drawn from a seed and from bait, and asked by any viewer: what is not theirs to do is refused in both worlds.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import replace

from monitor.field.lifecycle import DismissalReason
from tests.privacy import acts
from tests.privacy.attempts import OWN
from tests.privacy.layouts import identify
from tests.privacy.questions import API, SOON, Bait, Question, Script, Step
from tests.privacy.values import write_bbox, write_tile
from tests.privacy.worlds import name_alert

NEXT = Question("GET", "{next}", follow=False)
OTHERS = ("rosa", "otis", "anna", "pia", "paul", "ivo")
"""Who asks in between: people with rights of their own."""


def _get(path: str, *, headers: Mapping[str, str] | None = None, asker: str | None = None) -> Question:
    return Question("GET", f"{API}/{path}", headers=headers or {}, asker=asker, follow=False)


def _post(path: str, body: object, key: str | None = None, asker: str | None = None) -> Question:
    headers = {"idempotency-key": key} if key else {}
    return Question("POST", f"{API}/{path}", headers=headers, body=json.dumps(body), asker=asker)


def _draw_list(draw: random.Random, bait: Bait) -> str:
    limit = draw.choice([1, 2, 3, 5])
    box = f"&bbox={write_bbox(draw, bait)}" if draw.random() < 0.3 else ""
    noun = draw.choice(["activity", "activity", "activity", "alerts", "releases", "inspections"])
    return f"{noun}?limit={limit}{box if noun == 'activity' else ''}"


def _turn_pages(draw: random.Random, bait: Bait) -> list[Step]:
    return [Question("GET", f"{API}/{_draw_list(draw, bait)}")]


def _interrupted(*interruptions: acts.Act) -> Callable[[random.Random, Bait], list[Step]]:
    """One or two pages, an act, and the next page; then the list from its beginning."""

    def write(draw: random.Random, bait: Bait) -> list[Step]:
        first = _get(_draw_list(draw, bait))
        pages: list[Step] = [NEXT] if draw.random() < 0.5 else []
        return [first, *pages, draw.choice(interruptions), NEXT, NEXT, first]

    return write


def _ask_twice(draw: random.Random, bait: Bait) -> list[Step]:
    """The same question before and after something hidden has changed, also on the condition that it has changed."""
    question = draw.choice(OWN[draw.choice(sorted(OWN, key=str))])(draw, bait)
    again = replace(
        question, headers={"if-none-match": "{etag}", "if-modified-since": "Thu, 19 Nov 2026 00:00:00 GMT"}
    )
    return [question, acts.ANOTHER_SCENE, question, again]


def _ask_after_others(draw: random.Random, bait: Bait) -> list[Step]:
    """The same address after other people were answered at it: a shared answer would show. Often one at which everybody is
    answered, each in their own way."""
    drawn = replace(draw.choice(OWN[draw.choice(sorted(OWN, key=str))])(draw, bait), follow=False)
    question = drawn if draw.random() < 0.7 else _get(f"activity?limit={draw.choice([1, 5, 50])}")
    others = [replace(question, asker=other) for other in draw.sample(OTHERS, 2)]
    return [*others, question, *others, question, _get("me")]


def _open_what_others_opened(draw: random.Random, bait: Bait) -> list[Step]:
    """Pages begun by another person; their cursor is of no use to anybody else."""
    first = _get(f"activity?limit={draw.choice([1, 2])}", asker=draw.choice(OTHERS))
    return [first, _get("activity?limit=1"), NEXT, replace(first, asker=None), NEXT]


def _assign_and_read(draw: random.Random, bait: Bait) -> list[Step]:
    """Triage, assign, replay, read back, accept, open, report, close."""
    alert, key = draw.choice(bait.alerts), f"key-{draw.randrange(3)}"
    window = {"alert": str(alert), "inspector": draw.choice(["ines", "ivo", "wim"]), "expires_at": SOON}
    assign = _post("inspections", window, key)
    return [
        _post(f"alerts/{alert}/triage", {"decision": "confirm"}, f"{key}-triage"),
        assign,
        assign,
        _post("inspections", window | {"inspector": "nobody"}, key),
        _get("inspections/{made}"),
        _get("inspections?limit=2"),
        NEXT,
        _get(f"alerts/{alert}/history"),
        _get("inspections/{made}/site"),
        _post("inspections/{made}/accept", {}),
        _post("inspections/{made}/close", {}, f"{key}-close"),
        _get("inspections/{made}"),
        _get("alerts?limit=3"),
    ]


def _report_finding(draw: random.Random, bait: Bait) -> list[Step]:
    """A finding under an id that is free, one's own, or another's; handed in twice, and then otherwise."""
    finding = draw.choice([*bait.findings, identify(f"new finding {draw.randrange(9)}")])
    path = f"inspections/{draw.choice(bait.inspections)}"
    body = {"id": str(finding), "kind": "active", "observed_on": "2026-09-15"}
    report = _post(f"{path}/findings", body, draw.choice([None, "finding-key"]))
    return [
        report,
        report,
        _post(f"{path}/findings", body | {"people": "11-50"}),
        _get(f"{path}/findings"),
        _get(path),
    ]


def _use_keys_of_others(draw: random.Random, bait: Bait) -> list[Step]:
    """An idempotency key that another person has used for the same request."""
    steps: list[Step] = []
    for number, alert in enumerate(draw.sample(bait.alerts, min(5, len(bait.alerts)))):
        body = {"decision": "dismiss", "reason": DismissalReason.CLOUD.value}
        triage = _post(f"alerts/{alert}/triage", body, f"shared-key-{number}")
        others = [replace(triage, asker=other) for other in ("rosa", "otis")]
        steps += [*others, triage, triage, _get(f"alerts/{alert}")]
    return steps


def _hand_in_a_scene(draw: random.Random, bait: Bait) -> list[Step]:
    item = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": f"scene {draw.randrange(5)}",
        "bbox": [20.07, 2.13, 20.09, 2.14],
        "geometry": None,
        "properties": {"constellation": "sentinel-2", "datetime": "2026-09-05T10:00:00Z"},
        "assets": {
            "image": {"href": "https://imagery.example.org/a.tif", "bands": [{"eo:common_name": "red"}]}
        },
        "links": [],
    }
    hand_in = _post("scenes", item, draw.choice([None, "scene-key"]))
    return [hand_in, hand_in, _get("scenes/{made}"), _get("scenes?limit=1"), NEXT]


def _ask_for_more(draw: random.Random, bait: Bait) -> list[Step]:
    """Ask for a finer level, read the request, approve it oneself, see it refused by another.

    Nobody grants it: at a finer level the worlds may differ.
    """
    region = draw.choice([identify("Aruwe East"), identify("Aruwe West"), identify("nothing")])
    level, other = draw.choice(["L0", "L1"]), draw.choice(["rosa", "otis", "adam"])
    wish = {"region": str(region), "level": level, "purpose": "incident-response", "until": SOON}
    return [
        draw.choice([acts.REGIONS_GUARDED, acts.REGIONS_SEALED, acts.GRANTS_ENDED]),
        _post("access-requests", wish, draw.choice([None, "wish-key"])),
        _post("access-requests", wish),
        _get("access-requests?limit=2"),
        _get("access-requests/{made}"),
        _post("access-requests/{made}/approve", {}),
        _post("access-requests/{made}/refuse", {}, asker=other),
        _get("access-requests/{made}"),
        _get("grants?limit=1"),
        _get("activity?limit=2"),
        NEXT,
        _get("me"),
    ]


def _decide_for_others(draw: random.Random, bait: Bait) -> list[Step]:
    """Approve, refuse and revoke what others asked for; see postures and quotas of others."""
    wish = draw.choice(bait.wishes or bait.others)
    region, name = draw.choice(bait.others[:3]), draw.choice(["rosa", "otis", "ivo", "wim", "anna", "nobody"])
    return [
        _get(f"access-requests/{wish}"),
        _post(f"access-requests/{wish}/{draw.choice(['approve', 'refuse'])}", {}),
        _post(f"grants/{wish}/revoke", {}),
        _get("grants"),
        _post(f"quotas/{name}/release", {"cells": 5}),
        _get(f"regions/{region}/posture"),
        _post(f"regions/{region}/posture", {"posture": draw.choice(["open", "guarded", "sealed"])}),
        _get("regions"),
        _get(f"regions/{region}/summary"),
    ]


def _read_files(draw: random.Random, bait: Bait) -> list[Step]:
    """The same file and tile before and after something happened."""
    name = draw.choice(["geojson", "csv", "gpkg", "kml", "fgb"])
    file = Question("GET", f"/export/activity.{name}")
    tile = Question("GET", f"/tiles/activity/{write_tile(draw, bait)}.mvt")
    act = draw.choice(
        [acts.ANOTHER_SCENE, acts.ANOTHER_BATCH, acts.REGIONS_GUARDED, acts.ONE_REGION_TAKEN_BACK]
    )
    return [file, tile, act, file, tile, replace(tile, asker=draw.choice(OTHERS)), tile]


def _see_alerts_raised(draw: random.Random, bait: Bait) -> list[Step]:
    """Alerts at a border, before they are raised and after."""
    listed = Question("GET", f"{API}/{draw.choice(['alerts', 'alerts?limit=3', 'alerts?status=raised'])}")
    raised = [
        _get(f"alerts/{name_alert(f'Aruwe {side}', number)}{end}")
        for side, number in (("East", 0), ("East", 1), ("West", 0))
        for end in ("", draw.choice(["/history", "/site"]))
    ]
    return [listed, acts.ALERTS_RAISED, listed, *raised]


def _audit_what_happened(draw: random.Random, bait: Bait) -> list[Step]:
    """Other people ask, and then somebody looks into the ledger."""
    alert = draw.choice(bait.alerts)
    paths = [f"alerts/{alert}/site", "activity?limit=3", "activity", f"alerts/{alert}", "me", "releases"]
    asked = [_get(draw.choice(paths), asker=draw.choice(OTHERS)) for _ in range(4)]
    return [*asked, Question("GET", f"{API}/audit/entries", "since={since}&limit=3")]


Writer = Callable[[random.Random, Bait], list[Step]]
SEQUENCES: Mapping[str, Writer] = {
    "pages": _turn_pages,
    "a batch between pages": _interrupted(acts.ANOTHER_BATCH, acts.TWO_BATCHES),
    "a revocation between pages": _interrupted(
        acts.REGIONS_TAKEN_BACK,
        acts.ONE_REGION_TAKEN_BACK,
        acts.TOKEN_REVOKED,
        acts.ACCOUNT_CLOSED,
        acts.INSPECTIONS_SHUT,
        acts.REGIONS_GUARDED,
        acts.REGIONS_SEALED,
    ),
    "a scene between pages": _interrupted(acts.ANOTHER_SCENE),
    "asked again": _ask_twice,
    "asked after others": _ask_after_others,
    "cursors of others": _open_what_others_opened,
    "assign and read": _assign_and_read,
    "report a finding": _report_finding,
    "keys of others": _use_keys_of_others,
    "hand in a scene": _hand_in_a_scene,
    "ask for more": _ask_for_more,
    "decide for others": _decide_for_others,
    "files again": _read_files,
    "alerts are raised": _see_alerts_raised,
    "audit what happened": _audit_what_happened,
}


def draw_sequence(draw: random.Random, bait: Bait) -> Script:
    """One script of several steps."""
    kind = draw.choice(sorted(SEQUENCES))
    return Script(kind, SEQUENCES[kind](draw, bait))
