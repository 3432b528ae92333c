"""Which way a question about activity goes under posture: exact cells, or published blocks instead of them.

For an exact role the regions of a mandate are either seen in cells or, where they are guarded or sealed and no grant
opens them, in blocks: never both (LC-42). What is read is decided again by the statement that reads it (P7).
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from accounts.roles import Role
from accounts.viewer import Viewer
from monitor.access.sharpness import find_sharpness
from monitor.errors import NotYours
from monitor.grid import Level
from monitor.privacy.policy import ACTIVITY_RULES, Reach, Rule
from monitor.releases.sight import Reader

GUARDED_RULES = {
    level: Rule(name, Reach.RELEASE, level)
    for level, name in (
        (Level.L1, "guarded-blocks"),
        (Level.L2, "granted-blocks"),
        (Level.L3, "sealed-blocks"),
    )
}
"""Rules of exact roles where posture leaves them no cells, by the finest level that is left."""


def reader_of(viewer: Viewer) -> Reader:
    """Whose rights decide about published blocks, and the token that must be good when they are read."""
    return Reader(viewer.user_id, viewer.credential.token_id if viewer.credential else None)


def sees_blocks_only(viewer: Viewer, region: UUID | None) -> bool:
    """True where an exact role gets blocks: the region asked for, or else every region held, is no longer exact."""
    return list_asked_regions(viewer, region) is None


def list_asked_regions(viewer: Viewer, region: UUID | None) -> list[UUID] | None:
    """Of which regions an exact role asks for cells, in order of id: those of its mandate, or the one it names of them. None
    where it gets blocks instead.

    Some of several can be shut: they are asked for, and nothing is told of them (`list_exact_regions` leaves them out).
    """
    levels = find_sharpness(viewer)
    asked = levels.get(region, Level.L0) if region else min(levels.values(), default=Level.L0)
    return None if asked > Level.L0 else sorted(held for held in levels if region in (None, held))


def list_exact_regions(viewer: Viewer, region: UUID | None) -> list[UUID]:
    """The regions of an exact role's mandate, or the one asked for of them, that are seen in cells now.

    For an answer in several parts, which ends where one of these is taken away.
    """
    return [
        held for held, level in find_sharpness(viewer).items() if region in (None, held) and level is Level.L0
    ]


def rule_for_blocks(viewer: Viewer, region: UUID | None) -> tuple[Rule, Sequence[UUID]]:
    """The rule under which somebody reads published blocks, and of which regions.

    Raises NotYours for a role that asks nothing of activity, and for an exact role that sees these regions exactly.
    """
    rule = ACTIVITY_RULES.get(viewer.role)
    if rule is None:
        raise NotYours("Your role sees no activity.")
    if viewer.role is Role.PUBLIC:
        return rule, []
    levels = find_sharpness(viewer)
    held = [held for held in levels if region in (None, held)]
    if not rule.is_exact:
        # a grant can be finer than the role's own rule, a posture coarser
        finest = min((levels[each] for each in held), default=rule.level)
        return Rule(rule.name, rule.reach, finest), held
    blurred = [each for each in held if levels[each] > Level.L0]
    if not blurred:
        raise NotYours("Your role sees exact cells only: a coarse view beside it would be a sliver.")
    return GUARDED_RULES[min(levels[each] for each in blurred)], blurred
