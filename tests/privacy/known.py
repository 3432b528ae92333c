"""Questions that need no drawing: all that is known by its id, every address, every word that an attacker would try."""

from __future__ import annotations

import json
import random

from accounts.roles import Role
from monitor.checks import list_patterns
from tests.privacy.layouts import identify
from tests.privacy.questions import API, ATTACK_WORDS, SOON, Bait, Question
from tests.privacy.values import write_tile


def list_everything_by_id(bait: Bait, role: Role | None) -> list[Question]:
    """Every alert, inspection and access request of either world, and what hangs on it; for auditors, who has seen what."""
    alerts = [f"alerts/{alert}{end}" for alert in bait.alerts for end in ("", "/site", "/history")]
    inspections = [
        f"inspections/{inspection}{end}"
        for inspection in bait.inspections
        for end in ("", "/site", "/findings")
    ]
    wishes = [f"access-requests/{wish}" for wish in bait.wishes]
    certificates = [f"releases/{identify(f'batch {number}')}/certificate" for number in (0, 1)]
    asked = [Question("GET", f"{API}/{path}") for path in (*alerts, *inspections, *wishes, *certificates)]
    return asked + (list_exposure(bait) if role is Role.AUDITOR else [])


def list_exposure(bait: Bait) -> list[Question]:
    """Who has seen each site, and what each person has seen, since the world was built, and before and since a moment amid
    the pages of somebody's reading: a page by itself would tell which sites lie south of which."""
    people = ("rosa", "otis", "ines", "ivo", "pia", "paul", "anna", "adam", "nobody")
    accounts = [f"{API}/audit/accounts/{identify(f'pseudonym of {name}')}" for name in people]
    times = ("since={since}", "since={since}&until={paged}", "since={paged}")
    return [
        *(
            Question("GET", f"{API}/audit/exposure", f"alert={each}&{time}")
            for each in bait.alerts
            for time in times
        ),
        *(Question("GET", account, time) for account in accounts for time in times),
        *(Question("GET", f"{API}/audit/warnings", time) for time in times),
    ]


def list_every_write(bait: Bait) -> list[Question]:
    """Findings under ids that may be taken, decisions about every alert of either world."""
    report = {"kind": "active", "observed_on": "2026-09-15"}
    findings = [
        Question(
            "POST", f"{API}/inspections/{inspection}/findings", body=json.dumps(report | {"id": str(finding)})
        )
        for inspection in bait.inspections
        for finding in bait.findings
    ]
    decisions = [
        Question("POST", f"{API}/{path}", body=json.dumps(body))
        for alert in bait.alerts
        for path, body in (
            (f"alerts/{alert}/triage", {"decision": "confirm"}),
            ("inspections", {"alert": str(alert), "inspector": "wim", "expires_at": SOON}),
        )
    ]
    return [*findings, *decisions]


def list_every_address(bait: Bait) -> list[Question]:
    """Every route as it stands, those that the document does not name too; with the tiles that cover the country."""
    routes = [str(pattern.pattern) for pattern in list_patterns()]
    plain = [f"/{route}" for route in routes if "<" not in route and "/audit/" not in route]
    audit = [f"/{route}" for route in routes if "<" not in route and "/audit/" in route]
    summaries = [
        f"{API}/regions/{region}/{end}" for region in bait.others[:4] for end in ("summary", "posture")
    ]
    tiles = [f"/tiles/activity/9/{x}/{y}.mvt" for x in range(283, 286) for y in range(251, 255)]
    draw = random.Random("tiles")  # of several zooms: generators of small seeds draw alike
    beyond = [f"/tiles/activity/{write_tile(draw, bait)}.mvt" for _ in range(16)]
    verbs = [
        Question(verb, f"{API}/{noun}")
        for verb in ("OPTIONS", "HEAD", "PUT")
        for noun in ("activity", "alerts")
    ]
    # the ledger is never rolled back: without its `since` another world would be read
    entries = [Question("GET", path, "since={since}") for path in audit]
    return [*(Question("GET", path) for path in (*plain, *summaries, *tiles, *beyond)), *entries, *verbs]


def list_every_word(bait: Bait) -> list[Question]:
    """Every word that an attacker would try as a parameter, alone."""
    value = str(bait.cells[0][0])
    return [Question("GET", f"{API}/activity", f"{word}={value}") for word in sorted(ATTACK_WORDS)]
