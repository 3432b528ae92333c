"""The rule table (pure): how sharp, how late, for which role. One table, one file, versioned; nothing else decides.

Sharpness follows from the role and from public geography, never from where the sites are (P3). A role that is not in
the table sees nothing. Changing a number means a new POLICY_VERSION; a level never gets finer later (P2, LC-57).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from accounts.roles import Role
from monitor.grid import Level

POLICY_VERSION = "2027-03"

K_EFF_MIN = 40
"""Least number of effective plausible cells of a released block."""
PRIOR_MAX = 0.10
"""Greatest plausibility of a single cell in a released block."""
SEEN_PER_CENT_MIN = 95
"""The band of a block moves once so many per cent of its plausible cells were observed since it could move before, so often
that they could have changed their state; that of a coarser block once finer ones with so many of its cells could move. When
it moves together with public pictures and their clouds would otherwise tell where in the block something changed (LC-17)."""
MONTHS_OF_PERIOD: Mapping[Level, int] = {Level.L1: 1, Level.L2: 1, Level.L3: 3}
"""Calendar months of one period of what is published for a level."""
PUBLISHED_AFTER_DAYS: Mapping[Level, int] = {Level.L1: 0, Level.L2: 0, Level.L3: 90}
"""Least number of days from a period's end to the batch that has it."""


class Reach(StrEnum):
    """Which rows a rule reaches."""

    MANDATE = "mandate"
    """Exact cells of the regions the viewer has the mandate for."""
    RELEASE = "release"
    """Released blocks of the regions the viewer receives."""
    INSPECTION = "inspection"
    """The site of an assigned, accepted, open inspection."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How sharply one role may see. name: as it stands in answers and in the ledger."""

    name: str
    reach: Reach
    level: Level

    @property
    def is_exact(self) -> bool:
        """True where a cell of L0 can leave; then a purpose is required and a ticket is needed."""
        return self.level is Level.L0


ACTIVITY_RULES: Mapping[Role, Rule] = {
    Role.REGULATOR: Rule("exact-in-mandate", Reach.MANDATE, Level.L0),
    Role.ANALYST: Rule("exact-in-mandate", Reach.MANDATE, Level.L0),
    Role.PARTNER: Rule("released-blocks", Reach.RELEASE, Level.L2),
    Role.PUBLIC: Rule("public-blocks", Reach.RELEASE, Level.L3),
}
"""Who may ask "where is activity?". Auditors, administrators, feeders and inspectors are not in it, nor is anybody
because of `is_superuser`. The public only where an installation allows it (PENUMBRA_PUBLIC_ACCESS)."""

ACCOUNT_ROLES_OF_ACTIVITY = frozenset(ACTIVITY_RULES) - {Role.PUBLIC}
"""Who gets files, tiles and summaries too: nobody without an account."""

FINEST_AGREED: Mapping[Role, Level] = {Role.PARTNER: Level.L1}
"""How sharp an agreement can make a role's view. A role that is not here has its rule's level."""
AGREED_DAYS_MAX = 732
"""An agreement on a sharper level ends by itself after so many days at most."""

SITE_RULES: Mapping[Role, Rule] = {
    Role.REGULATOR: Rule("exact-site-in-mandate", Reach.MANDATE, Level.L0),
    Role.INSPECTOR: Rule("exact-site-of-inspection", Reach.INSPECTION, Level.L0),
}
"""Who may open the site of an alert (regulator) or of an inspection (inspector)."""


def levels_of(role: Role) -> list[Level]:
    """The levels at which a role can see anything at all, finest first; empty for roles that see no place."""
    return sorted({rules[role].level for rules in (ACTIVITY_RULES, SITE_RULES) if role in rules})
