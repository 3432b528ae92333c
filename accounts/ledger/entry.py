"""What one line of the ledger says (pure). No field can hold a place, a URL or the free text of an ask."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from accounts.viewer import Viewer

MERGE_DELAY_S = 60
"""Within so many seconds an entry has its place in the signed log, or something is wrong."""


class Outcome(StrEnum):
    """What came of an entry."""

    ANSWERED = "answered"
    REFUSED = "refused"
    FAILED = "failed"
    DONE = "done"


class Refusal(Exception):
    """Somebody was told no, which belongs on the ledger. is_recorded: it is there already."""

    is_recorded = False


class Reads(StrEnum):
    """What a ticket lets the vault read. EXPOSURE, ACCOUNT, HARVEST: for auditors, who get no cell."""

    ACTIVITY = "activity"
    ALERT_SITE = "alert_site"
    INSPECTION_SITE = "inspection_site"
    EXPOSURE = "exposure"
    ACCOUNT = "account"
    HARVEST = "harvest"


@dataclass(frozen=True, slots=True)
class Entry:
    """One question, refusal or change of rights, before it has happened.

    viewer: who, or None for somebody without an account. action: dotted word such as `read.activity`. endpoint: URL
    template. level: sharpness asked for (0 is exact), None where no place is involved. regions, objects: public ids;
    objects are stored as keyed references only.
    """

    viewer: Viewer | None
    action: str
    endpoint: str
    request_id: UUID
    level: int | None = None
    rule: str = ""
    policy_version: str = ""
    regions: Sequence[UUID] = ()
    objects: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True)
class TicketScope:
    """What the vault may read on the strength of an entry: a kind of reading, within regions or for one object."""

    user_id: UUID
    reads: Reads
    regions: Sequence[UUID] = ()
    object_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ReadingPage:
    """That an exact answer is one page of several, a chunk of a file, or a tile of a map.

    question: the same on all of them; of pages and tiles it stands for who asked what and cannot be read without the key, of
    chunks it is the entry of the file. is_continued: whether it goes on from one before.
    """

    question: UUID
    is_continued: bool


@dataclass(frozen=True, slots=True)
class Ticket:
    """A committed entry and, where it allows the vault to be read, the key that the vault accepts once, for 60 seconds.

    Only `open_entry` makes one. The key is never stored elsewhere, shown or logged. leaf: the hash under which the entry
    will stand in the log. bearer: the token of whoever asked, in hex, without which the vault does not believe the key.
    """

    entry_id: UUID
    key: UUID | None = field(default=None, repr=False)
    leaf: bytes = b""
    bearer: str = field(default="", repr=False)

    @property
    def receipt(self) -> str:
        """The header `Access-Receipt`: with it, whoever was answered can later demand to be shown the entry in the log."""
        return f"{b64encode(self.leaf).decode()}; mmd={MERGE_DELAY_S}"
