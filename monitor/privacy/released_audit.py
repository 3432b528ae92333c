"""The shapes that auditors read beside entries (pure): who was shown a site, what an account was shown, the signed log.

They carry no place by construction: ids, words, times of people's acts, numbers of what people were shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from monitor.privacy.released import Leaving, Page
from monitor.privacy.released_files import Stream


@dataclass(frozen=True, slots=True)
class EntriesPage(Page):
    """A page of entries. archived_before: entries before it are in archives; None: not asked for. unheard_of: where nothing
    was found, the filters whose word or name no entry has at all."""

    archived_before: datetime | None = None
    unheard_of: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class PlacelessExposure(Leaving):
    """Somebody who was shown the site of an alert, or may have been. shown: `cells`, `unfinished` or `blocks`."""

    actor: UUID | None
    organisation: UUID | None
    role: str
    purpose: str
    level: int
    shown: str
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class PlacelessReadings:
    """Answers with places that an account got in one role, at one level, for one purpose."""

    role: str
    level: int
    purpose: str
    answers: int
    unfinished: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class PlacelessShare:
    """How many different exact cells of a region an account was shown (`seen`), of how many it has (`size`).

    peers: other accounts that were shown some of it in the same role; their median and greatest, or None.
    """

    role: str
    region: UUID
    seen: int
    size: int
    peers: int
    peers_median: int | None
    peers_most: int | None


@dataclass(frozen=True, slots=True)
class PlacelessAccount(Leaving):
    """What an account was shown between two moments."""

    actor: UUID
    since: datetime | None
    until: datetime | None
    refusals: int
    readings: Sequence[PlacelessReadings]
    shares: Sequence[PlacelessShare]


@dataclass(frozen=True, slots=True)
class PlacelessWarning(Leaving):
    """A day on which an account's exact readings looked like harvesting, or the last of many, and the numbers for it."""

    actor: UUID
    role: str
    day: date
    sign: str
    answers: int
    at_night: int
    fresh: int
    seen: int
    seen_in_all: int
    allowed: int
    unfinished: int
    stopped: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class PlacelessConsistency(Leaving):
    """That the log of size `new` begins with the log of size `old`: hashes in base64 (RFC 9162)."""

    old: int
    new: int
    hashes: Sequence[str]


@dataclass(frozen=True, slots=True)
class LogText(Leaving):
    """A signed checkpoint or a proof to keep, as text that is checked elsewhere."""

    text: str


@dataclass(frozen=True, slots=True)
class LogLines(Leaving):
    """The sealed log as JSON Lines, read while it leaves."""

    lines: Stream[bytes]
