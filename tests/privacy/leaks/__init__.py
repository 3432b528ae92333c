"""Leaky builds: ways in which somebody might one day break the promise, each put into the running code for one test.

The harness must catch every one; without that, "no leak found" would mean nothing. Some builds need a right that the
database does not give to the web role, or another function in it: those bring a statement, as a careless migration would.
"""

from tests.privacy.leaks.answers import ANSWER_LEAKS
from tests.privacy.leaks.audit import AUDIT_LEAKS
from tests.privacy.leaks.blocks import BLOCK_LEAKS
from tests.privacy.leaks.build import READ_THE_VAULT, LeakyBuild
from tests.privacy.leaks.exits import EXIT_LEAKS
from tests.privacy.leaks.order import ORDER_LEAKS
from tests.privacy.leaks.rights import RIGHT_LEAKS
from tests.privacy.leaks.side_doors import SIDE_DOOR_LEAKS

LEAKY_BUILDS: tuple[LeakyBuild, ...] = (
    *(*BLOCK_LEAKS, *ORDER_LEAKS, *ANSWER_LEAKS, *RIGHT_LEAKS),
    *(*EXIT_LEAKS, *AUDIT_LEAKS, *SIDE_DOOR_LEAKS),
)

__all__ = ["LEAKY_BUILDS", "READ_THE_VAULT", "LeakyBuild"]
