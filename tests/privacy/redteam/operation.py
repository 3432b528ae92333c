"""The whole run: controls on a small country at leaky servers, then all attackers on a large one at the honest server."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from tests.cast import Person
from tests.privacy.redteam.attackers import gather_attackers, gather_onlookers
from tests.privacy.redteam.campaign import Attacker
from tests.privacy.redteam.country import Plan
from tests.privacy.redteam.judging import Score, judge
from tests.privacy.redteam.serving import serve
from tests.privacy.redteam.theatre import Theatre, open_theatre
from tests.privacy.redteam.wire import HttpWire, Wire

PARTNER = "partner at L2"
ANONYMOUS = "anonymous"
CLOUDY = (0.35, 0.8)
"""The control of the temporal attacker lives on clouds."""
SAMPLED = 40
"""Blocks of the control country that attackers with hundreds of questions a block are tried on."""


@dataclass(frozen=True)
class Scale:
    """How large a run is. onlooked: blocks that accounts without a coarse view are tried on."""

    name: str
    main: Plan
    control: Plan
    timing_repeats: int
    onlooked: int
    threads: int = 4


FULL = Scale(
    "full",
    Plan("main", 1, 20.03, 1.07, 3.2, 2.6, 10, 1000, 0.7, 52),
    Plan("control", 2, 40.03, 1.07, 2.5, 2.3, 31, 115, 0.3, 30, CLOUDY),
    timing_repeats=4,
    onlooked=60,
)
QUICK = Scale(
    "quick",
    Plan("main", 1, 20.03, 1.07, 1.6, 1.2, 5, 200, 0.8, 10),
    Plan("control", 2, 40.03, 1.07, 2.1, 1.9, 26, 90, 0.3, 20, CLOUDY),
    timing_repeats=3,
    onlooked=12,
)


@dataclass
class Findings:
    """What the run found. trials: by role and attacker; controls: by attacker; requests: that were really sent."""

    scale: Scale
    hiding: dict[str, float] = field(default_factory=dict)
    outside: int = 0
    sites: int = 0
    batches: int = 0
    trials: dict[str, dict[str, Score]] = field(default_factory=dict)
    controls: dict[str, Score] = field(default_factory=dict)
    channels: dict[str, tuple[str, str]] = field(default_factory=dict)
    requests: int = 0
    seconds: float = 0.0


Say = Callable[[str], None]


def run_operation(scale: Scale, say: Say) -> Findings:
    """Everything, in order."""
    began = time.monotonic()
    findings = Findings(scale)
    attackers = gather_attackers(scale.timing_repeats)
    findings.channels = {attacker.name: (attacker.channel, attacker.control) for attacker in attackers}
    say(f"control country: {scale.control.sites} sites, {scale.control.weeks} batches, leaky servers")
    with open_theatre(scale.control, journal_leak="exact dates") as theatre:
        for attacker in attackers:
            _try_control(theatre, attacker, findings, say)
    say(f"country under attack: {scale.main.sites} sites, {scale.main.weeks} batches")
    with open_theatre(scale.main) as theatre:
        findings.hiding = theatre.hiding()
        findings.outside, findings.batches = theatre.outside, len(theatre.journal)
        findings.sites = sum(map(len, theatre.hidden))
        with serve(theatre.database) as port:
            wire = HttpWire(port)
            findings.trials[PARTNER] = _attack(theatre, wire, theatre.staff.swarm, attackers, findings, say)
            _leave_traces(theatre, wire)
            for role, person in theatre.staff.others.items():
                say(f"{role}:")
                findings.trials[role] = _attack(
                    theatre, wire, [person], gather_onlookers(), findings, say, scale.onlooked
                )
            say(f"{ANONYMOUS}:")
            findings.trials[ANONYMOUS] = _attack(
                theatre, wire, [], gather_onlookers(), findings, say, scale.onlooked
            )
    findings.seconds = time.monotonic() - began
    return findings


def _try_control(theatre: Theatre, attacker: Attacker, findings: Findings, say: Say) -> None:
    most = SAMPLED if attacker.asks_much else None
    with serve(theatre.database, attacker.control) as port:
        say(f"{attacker.control}:")
        scores = _attack(theatre, HttpWire(port), theatre.staff.swarm, [attacker], findings, say, most)
    findings.controls |= scores


def _attack(
    theatre: Theatre,
    wire: Wire,
    people: Sequence[Person],
    attackers: Sequence[Attacker],
    findings: Findings,
    say: Say,
    most: int | None = None,
) -> dict[str, Score]:
    campaign = theatre.campaign(wire, people, findings.scale.threads, most)
    hidden = [theatre.hidden[number] for number in theatre.choose_targets(most)]
    scores = {}
    for attacker in attackers:
        began = time.monotonic()
        trails = attacker.attack(campaign)
        scores[attacker.name] = judge(campaign.targets, hidden, trails)
        say(_tell(attacker.name, scores[attacker.name], time.monotonic() - began))
    findings.requests += campaign.desk.sent + campaign.colluding.sent
    return scores


def _leave_traces(theatre: Theatre, wire: HttpWire) -> None:
    """A regulator works, so that an auditor has something to read."""
    desk = theatre.desk(wire, [theatre.staff.mandated])
    draw = np.random.default_rng(11)
    desk.ask("/api/v1/activity?limit=500", 0)
    for k in draw.choice(len(theatre.alerts), size=min(40, len(theatre.alerts)), replace=False):
        desk.ask(f"/api/v1/alerts/{theatre.alerts[int(k)]}/site", 0)


def _tell(name: str, score: Score, seconds: float) -> str:
    interval = f"[{score.rho_low:.3f}, {score.rho_high:.3f}]"
    return f"  {name:<55} rho {score.rho:.3f} {interval:<16} lift {score.lift:6.2f}  rank {score.rank:.3f}  {seconds:5.0f} s"
