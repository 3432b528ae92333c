"""Build both worlds of a pair, let every viewer ask the same in each, and count what differs.

Three nets: bytes (status, headers, body), work (statements and rows), and the vault (whoever may read nothing exact must
not make the vault be opened by reading).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test import override_settings

from accounts.counting import find_counters
from monitor.grid import Level, block_of
from tests.privacy import acts
from tests.privacy.layouts import BLOCKS, Layout, lay_out
from tests.privacy.leaks import LEAKY_BUILDS, LeakyBuild
from tests.privacy.pairs import (
    KINDS,
    READERS_OF_NOTHING_EXACT,
    ROLES,
    TOTAL_WEIGHT,
    Pair,
    Viewer,
    draw_pair,
    name_person,
)
from tests.privacy.questions import API, Question, Script, Step, gather_bait
from tests.privacy.schema_questions import read_operations
from tests.privacy.scripts import write_scripts
from tests.privacy.transcripts import Difference, Exchange, compare, write_transcript
from tests.privacy.values import box_within
from tests.privacy.worlds import PUBLICATIONS, World, build_world, publish
from tests.roles import read_rows

ACTS = {
    "rosa": [Question("GET", f"{API}/activity"), Question("GET", f"{API}/alerts")],
    "pia": [Question("GET", f"{API}/activity"), Question("GET", f"{API}/releases")],
    "mallory": [Question("GET", f"{API}/activity"), Question("GET", f"{API}/alerts")],
    "adam": [Question("GET", f"{API}/activity")],
}
"""What others did before the auditor looks."""
COMPARING = (f"{API}/audit/exposure", f"{API}/audit/accounts/", f"{API}/audit/warnings")
"""What an auditor asks with a ticket: the vault compares cells for it and tells none (docs/decisions/0026)."""
_SECOND_PAGE = """
    SELECT at FROM ledger.entry WHERE actor = %s AND at >= %s AND action = 'read.activity' ORDER BY at OFFSET 1 LIMIT 1
"""
CONTROL_QUESTIONS = 120
QUESTIONS_A_BUILD = 60
SPARE = 6
"""Questions more for each viewer: a page that does not follow is a request less."""


@dataclass(frozen=True)
class Heard:
    """What one viewer was answered in one world, where the other differs, and which readings opened the vault."""

    transcript: Sequence[Exchange]
    differences: Sequence[Difference]
    openings: Sequence[Exchange]


@dataclass
class Tally:
    """Requests compared and differing, by viewer and by kind of question; how many were asked and answered (2xx)."""

    compared: Counter[tuple[str, str]] = field(default_factory=Counter)
    differing: Counter[tuple[str, str]] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    openings: int = 0
    faults: int = 0
    told: list[str] = field(default_factory=list)

    def add(self, viewer: Viewer, heard: Heard) -> None:
        """Count what one viewer heard."""
        name = viewer or "anonymous"
        self.compared.update((name, exchange.kind) for exchange in heard.transcript)
        self.differing.update((name, difference.kind) for difference in heard.differences)
        self.asked[name] += len(heard.transcript)
        self.answered[name] += sum(exchange.status < 300 for exchange in heard.transcript)
        self.openings += len(heard.openings)
        self.faults += sum(exchange.status >= 500 for exchange in heard.transcript)
        self.told += [f"{name}: {difference}" for difference in heard.differences]
        self.told += [f"{name} opened the vault: {exchange.question}" for exchange in heard.openings]
        self.told += [f"{name}: fault: {e.question}" for e in heard.transcript if e.status >= 500]

    def __iadd__(self, other: Tally) -> Tally:
        self.compared += other.compared
        self.differing += other.differing
        self.asked += other.asked
        self.answered += other.answered
        self.openings += other.openings
        self.faults += other.faults
        self.told += other.told
        return self

    @property
    def is_clean(self) -> bool:
        """True where nothing differs, no reading opened the vault and nothing failed."""
        return not (self.differing or self.openings or self.faults)


@contextmanager
def unhurried() -> Iterator[None]:
    """Whoever asks for a living is not stopped by the number of questions; counters are of this process alone; and what an
    auditor reads does not hang on whether a completion was written just before or just after."""
    with override_settings(
        REQUESTS_PER_MINUTE=10_000_000, LEDGER_COMPLETIONS_WAIT_MS=0, COUNTERS_URL="memory://"
    ):
        yield


def ask_in_both(pair: Pair, seed: int, counts: Mapping[Viewer, int], focus: str = "") -> dict[Viewer, Heard]:
    """Let each viewer ask about so many questions in both worlds. focus: a kind of which there is much."""
    layouts = [lay_out(pair.one), lay_out(pair.other)]
    bait, operations = gather_bait(layouts), read_operations()
    scripts = {
        viewer: write_scripts(seed, bait, count, ROLES.get(name_person(viewer)), operations, focus)
        for viewer, count in counts.items()
    }
    told = []
    for layout in layouts:
        with _standing(layout) as world:
            told.append(_ask(world, scripts))
    return {viewer: _listen(viewer, *(transcripts[viewer] for transcripts in told)) for viewer in counts}


def try_builds(kind: str, seed: int, builds: Sequence[LeakyBuild]) -> dict[str, Heard]:
    """What the viewer of each leaky build hears, by the build's name. Both worlds are built once for all of them."""
    pair = draw_pair(kind, seed)
    layouts = [lay_out(pair.one), lay_out(pair.other)]
    bait, operations = gather_bait(layouts), read_operations()
    told: dict[str, list[Sequence[Exchange]]] = {build.name: [] for build in builds}
    for layout in layouts:
        with _standing(layout) as world:
            for build in builds:
                role = ROLES.get(name_person(build.viewer))
                asked = write_scripts(seed, bait, QUESTIONS_A_BUILD, role, operations, build.focus)
                scripts = {build.viewer: asked}
                told[build.name].append(_ask_broken(world, build, scripts)[build.viewer])
    return {build.name: _listen(build.viewer, *told[build.name]) for build in builds}


def is_caught(build: LeakyBuild, heard: Heard) -> bool:
    """Whether the net that the build names holds something; another one does not count."""
    parts = {part for difference in heard.differences for part in difference.parts}
    held = {"bytes": bool(parts - {"work"}), "work": "work" in parts, "vault": bool(heard.openings)}
    return held[build.net]


def _listen(viewer: Viewer, one: Sequence[Exchange], other: Sequence[Exchange]) -> Heard:
    return Heard(one, compare(one, other), _openings(viewer, [*one, *other]))


def _openings(viewer: Viewer, transcript: Sequence[Exchange]) -> list[Exchange]:
    if viewer not in READERS_OF_NOTHING_EXACT:
        return []
    with_ticket = COMPARING if viewer == "aldo" else ()
    return [
        e
        for e in transcript
        if e.vault_scans and e.method in {"GET", "HEAD"} and not e.path.startswith(with_ticket)
    ]


@contextmanager
def _standing(layout: Layout) -> Iterator[World]:
    """A world, taken back at the end."""
    find_counters().reset()  # both worlds have the same ids: what is counted in one would be told in the other
    with _undone():
        world = build_world(layout)
        # what a process keeps from its first answer on
        first = [*ACTS["pia"], Question("GET", f"{API}/regions/{world.cast.east}/summary")]
        write_transcript(world, "pia", [Script("before", first)])
        for name, path in (("rosa", "me"), ("rosa", "regions"), ("pia", "regions")):
            write_transcript(world, name, [Script("before", [Question("GET", f"{API}/{path}")])])
        yield world


@contextmanager
def _undone() -> Iterator[None]:
    before = transaction.savepoint()
    yield
    transaction.savepoint_rollback(before)


def _ask(world: World, scripts: Mapping[Viewer, Sequence[Script]]) -> dict[Viewer, list[Exchange]]:
    """Let everybody ask."""
    if "aldo" in scripts:
        world = replace(world, paged=act(world))
    return {
        viewer: write_transcript(world, name_person(viewer), asked, _list_first(world, viewer))
        for viewer, asked in scripts.items()
    }


def _ask_broken(
    world: World, build: LeakyBuild, scripts: Mapping[Viewer, Sequence[Script]]
) -> dict[Viewer, list[Exchange]]:
    """Break the code as the build does, let its viewer ask, mend it."""
    with _undone(), pytest.MonkeyPatch.context() as patch:
        build.break_code(patch)
        find_counters().reset()
        with connection.cursor() as cursor:
            if build.statement is not None:
                cursor.execute(build.statement)
            cursor.execute("SELECT clock_timestamp()")
            began = cursor.fetchone()[0]
        if build.publishes:
            publish(PUBLICATIONS[-1] + timedelta(days=3), 9)
        return _ask(replace(world, began=began), scripts)


def _list_first(world: World, viewer: Viewer) -> list[Step]:
    """What those had seen who may see it no more: a page, sites; and then the right is taken back."""
    if viewer == "paul later":
        seen = [Question("GET", f"{API}/releases"), Question("GET", f"{API}/activity", "limit=1")]
        return [*seen, acts.WEST_TAKEN_BACK]
    if viewer in {"rosa later", "otis later"}:
        sites = [Question("GET", f"{API}/alerts/{alert.id}/site") for alert in world.layout.alerts[:2]]
        # Rosa had seen other cells in each world, and her count of different cells is hers: no page that may hold some twice
        first = [Question("GET", f"{API}/activity", "limit=1")] if viewer == "otis later" else []
        return [*sites, *first, acts.REGIONS_TAKEN_BACK]
    if viewer == "ivo later":
        sites = [Question("GET", f"{API}/inspections/{visit.id}/site") for visit in world.layout.visits]
        return [*sites, acts.INSPECTIONS_SHUT]
    if viewer in {"rosa sealed", "anna sealed", "rosa guarded", "anna guarded", "sela guarded"}:
        page = Question("GET", f"{API}/activity", "limit=1")
        shut = acts.REGIONS_SEALED if viewer.endswith("sealed") else acts.REGIONS_GUARDED
        return [page, acts.GRANTS_ENDED, shut]
    if viewer in {"pia agreed", "paul agreed"}:
        return [Question("GET", f"{API}/activity", "limit=1"), acts.L1_AGREED]
    return []


def act(world: World) -> datetime:
    """Give the auditor something to read; among it all of the east in two or three pages. Returns the moment of the second
    one."""
    eastern = [cell for cell in world.layout.active_cells() if block_of(*cell, Level.L2) in BLOCKS["east"]]
    in_pages = Question("GET", f"{API}/activity", f"limit={max(1, len(eastern) // 2)}")
    write_transcript(world, "rosa", [Script("before", [in_pages])])
    paged: datetime = read_rows(_SECOND_PAGE, world.cast.rosa.user.pseudonym, world.began)[0][0]
    for name, questions in ACTS.items():
        write_transcript(world, name, [Script("before", questions)])
    sites = [Question("GET", f"{API}/alerts/{alert.id}/site") for alert in world.layout.alerts]
    # an auditor may know of each answer whether a site was in it
    within = {cell for alert in world.layout.alerts for cell in alert.cells}
    beside = [cell for cell in eastern if cell not in within]
    cells = random.Random("boxes").sample(beside, min(3, len(beside)))
    boxes = [Question("GET", f"{API}/activity", f"bbox={box_within(*cell)}") for cell in cells]
    write_transcript(world, "rosa", [Script("before", [*sites, *boxes])])
    return paged


def compare_seed(seed: int, pairs: int, kinds: Sequence[str] = KINDS) -> Tally:
    """Compare the worlds of one seed with at least `pairs` requests over all kinds, or the share of some kinds."""
    tally = Tally()
    each = -(-pairs // TOTAL_WEIGHT) + SPARE
    with unhurried():
        for kind in kinds:
            pair = draw_pair(kind, seed)
            with _undone_at_the_end():
                heard = ask_in_both(
                    pair, seed, {viewer: each * weight for viewer, weight in pair.blind.items()}
                )
            for viewer, what in heard.items():
                tally.add(viewer, what)
    return tally


def find_blind_controls(seed: int, kinds: Sequence[str] = KINDS) -> tuple[int, list[str]]:
    """How many viewers must see a difference between the worlds of a seed, and which of them did not."""
    checked, blind = 0, list[str]()
    for kind in kinds:
        pair = draw_pair(kind, seed)
        with unhurried(), _undone_at_the_end():
            heard = ask_in_both(pair, seed, dict.fromkeys(pair.sharp, CONTROL_QUESTIONS), "known by id")
        checked += len(heard)
        blind += [
            f"{kind}, {seed}: {viewer} sees nothing" for viewer, what in heard.items() if not what.differences
        ]
    return checked, blind


def find_missed_builds(
    seeds: Sequence[int], kinds: Sequence[str] = KINDS, part: slice = slice(None)
) -> tuple[int, list[str]]:
    """How many leaky builds of answers there are, and which of them no pair of worlds of these seeds caught."""
    total, missed = 0, list[str]()
    for kind in kinds:
        left = [build for build in LEAKY_BUILDS if build.pair == kind][part]
        total += len(left)
        for seed in seeds:
            with unhurried(), _undone_at_the_end():
                heard = try_builds(kind, seed, left)
            left = [build for build in left if not is_caught(build, heard[build.name])]
            if not left:
                break
        missed += [build.name for build in left]
    return total, missed


@contextmanager
def _undone_at_the_end() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
