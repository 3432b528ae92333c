"""Names that are places (LC-08, LC-45): is any id, digest or word in any answer the name of a cell, plain or hashed?

Every text that an account can read is searched for each plausible cell of each block, in the usual spellings and hashes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from monitor.grid import COLS
from tests.privacy.redteam.campaign import ACTIVITY, Campaign, Guess, Trail, normalise
from tests.privacy.redteam.country import Cell, centre_of

READABLE = (
    f"{ACTIVITY}?limit=10000",
    "/api/v1/me",
    "/api/v1/releases?limit=1000",
    "/api/v1/alerts?limit=1000",
    "/api/v1/inspections?limit=1000",
    "/api/v1/scenes?limit=1000",
    "/api/v1/models?limit=1000",
    "/api/v1/regions?limit=1000",
    "/api/v1/access-requests?limit=1000",
    "/api/v1/grants?limit=1000",
    "/api/v1/audit/entries?limit=10000",
    "/api/v1/schema",
)
WORD = re.compile(rb"[0-9A-Za-z_+./-]{6,}")
HASHES = ("md5", "sha1", "sha256", "blake2b")


@dataclass(frozen=True)
class Names:
    """Every word of every answer against every spelling of every cell."""

    name: str = "names that are places"
    channel: str = "LC-08"
    control: str = "hashes of cells"
    asks_much: bool = False

    def attack(self, campaign: Campaign) -> list[Trail]:
        """A trail for each target: all ask the same questions."""
        purse = campaign.purse(0)
        words: set[str] = set()
        for url in READABLE:
            path, _, query = url.partition("?")
            reply = purse.ask(path, dict([query.split("=")]) if query else None)
            texts = [reply.body, *(value.encode() for _, value in reply.headers)]
            words |= {
                found.decode().lower().replace("-", "") for text in texts for found in WORD.findall(text)
            }
        trails = []
        for target in campaign.targets:
            named = [not words.isdisjoint(_spell((int(row), int(col)))) for row, col in target.cells]
            weights = target.prior * np.where(named, 1.0, 1e-6)
            trails.append([Guess(purse.spent, normalise(weights, target.prior))])
        return trails


def _spell(cell: Cell) -> Iterator[str]:
    """Usual names of a cell, in lower case without dashes, and their hashes, whole and by their first 32 digits."""
    row, col = cell
    lon, lat = centre_of(cell)
    spellings = [f"{row},{col}", f"{row}:{col}", f"{row}_{col}", f"{row}/{col}", f"{row * COLS + col}"]
    spellings += [f"{lon:.3f},{lat:.3f}", f"{lat:.3f},{lon:.3f}", f"({row}, {col})"]
    for text in spellings:
        yield text
        for name in HASHES:
            digest = hashlib.new(name, text.encode()).hexdigest()
            yield digest
            yield digest[:32]
