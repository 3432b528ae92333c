"""The whole run: controls on a small country at leaky servers, then all attackers on a large one at the honest server."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from tests.cast import Person
from tests.privacy.redteam.attackers import gather_attackers, gather_onlookers, gather_readers
from tests.privacy.redteam.campaign import Attacker
from tests.privacy.redteam.country import Plan
from tests.privacy.redteam.judging import Score, judge
from tests.privacy.redteam.serving import serve
from tests.privacy.redteam.theatre import (
    AGREED,
    PARTNER,
    PUBLIC,
    Audience,
    Theatre,
    open_desk,
    open_theatre,
)
from tests.privacy.redteam.wire import HttpWire, Wire

ANONYMOUS = "nobody, with the block of L2"
CLOUDY = (0.35, 0.8)
"""The control of the temporal attacker lives on clouds."""
SAMPLED = 30
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


CONTROL = Plan("control", 2, 40.03, 1.07, 2.5, 2.3, 31, 115, 0.3, 30, CLOUDY)
FULL = Scale(
    "full",
    Plan("main", 1, 20.03, 1.07, 3.2, 2.6, 10, 1000, 0.7, 52),
    CONTROL,
    timing_repeats=4,
    onlooked=60,
)
QUICK = Scale(
    "quick", Plan("main", 1, 20.03, 1.07, 1.6, 1.2, 5, 200, 0.8, 10), CONTROL, timing_repeats=3, onlooked=12
)


@dataclass
class Findings:
    """What the run found. hiding: by role; trials: by role and attacker; controls: by attacker; requests: that were really
    sent."""

    scale: Scale
    hiding: dict[str, dict[str, float]] = field(default_factory=dict)
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
    with open_theatre(scale.control, leak="exact dates") as theatre:
        for attacker in attackers:
            _try_control(theatre, attacker, findings, say)
    say(f"country under attack: {scale.main.sites} sites, {scale.main.weeks} batches")
    with open_theatre(scale.main, with_others=True) as theatre:
        findings.hiding = {
            name: audience.hiding() for name, audience in theatre.audiences.items() if audience.targets
        }
        partners = theatre.audiences[PARTNER]
        findings.outside, findings.batches = partners.outside, len(partners.journal)
        findings.sites = sum(map(len, partners.hidden))
        with serve(theatre.database) as port:
            _attack_all(Field(theatre, HttpWire(port), findings, say), attackers)
    findings.seconds = time.monotonic() - began
    return findings


@dataclass(frozen=True)
class Field:
    """Where a trial takes place, and where its scores go."""

    theatre: Theatre
    wire: Wire
    findings: Findings
    say: Say


def _attack_all(field: Field, attackers: Sequence[Attacker]) -> None:
    """Everybody against the honest server: partners with everything, then others with what they can ask."""
    audiences, trials, most = field.theatre.audiences, field.findings.trials, field.findings.scale.onlooked
    partners = audiences[PARTNER]
    trials[PARTNER] = _attack(field, partners, attackers)
    for name in (AGREED, PUBLIC):
        if not audiences[name].targets:
            field.say(f"{name}: nothing is published for them yet, so there is nothing to attack")
            continue
        field.say(f"{name}:")
        trials[name] = _attack(field, audiences[name], gather_readers(), most)
    _leave_traces(field.theatre, field.wire)
    for role, people in [
        *((role, [person]) for role, person in field.theatre.staff.others.items()),
        (ANONYMOUS, []),
    ]:
        field.say(f"{role}:")
        trials[role] = _attack(field, partners, gather_onlookers(), most, people)


def _try_control(theatre: Theatre, attacker: Attacker, findings: Findings, say: Say) -> None:
    most = SAMPLED if attacker.asks_much else None
    with serve(theatre.database, attacker.control) as port:
        say(f"{attacker.control}:")
        field = Field(theatre, HttpWire(port), findings, say)
        findings.controls |= _attack(field, theatre.audiences[PARTNER], [attacker], most)


def _attack(
    field: Field,
    audience: Audience,
    attackers: Sequence[Attacker],
    most: int | None = None,
    people: Sequence[Person] | None = None,
) -> dict[str, Score]:
    """Scores of attackers against the blocks of an audience, by attacker. Who only reads asks about all blocks."""
    scores = {}
    for attacker in attackers:
        began = time.monotonic()
        asked = most if attacker.asks_much or people is not None else None
        campaign = field.theatre.campaign(field.wire, audience, field.findings.scale.threads, asked, people)
        trails = attacker.attack(campaign)
        hidden = [audience.hidden[number] for number in audience.choose_targets(asked)]
        scores[attacker.name] = judge(campaign.targets, hidden, trails)
        field.findings.requests += campaign.desk.sent + campaign.colluding.sent
        field.say(_tell(attacker.name, scores[attacker.name], time.monotonic() - began))
    return scores


def _leave_traces(theatre: Theatre, wire: Wire) -> None:
    """A regulator works, so that an auditor has something to read."""
    desk = open_desk(wire, [theatre.staff.mandated])
    draw = np.random.default_rng(11)
    desk.ask("/api/v1/activity?limit=500", 0)
    for k in draw.choice(len(theatre.alerts), size=min(40, len(theatre.alerts)), replace=False):
        desk.ask(f"/api/v1/alerts/{theatre.alerts[int(k)]}/site", 0)


def _tell(name: str, score: Score, seconds: float) -> str:
    interval = f"[{score.rho_low:.3f}, {score.rho_high:.3f}]"
    return f"  {name:<55} rho {score.rho:.3f} {interval:<16} lift {score.lift:6.2f}  rank {score.rank:.3f}  {seconds:5.0f} s"
