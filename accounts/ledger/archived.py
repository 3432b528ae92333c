"""What was archived: months whose lines are in files instead of tables, and which file holds which lines.

Read by whoever exports, proves or checks the log, so that a line that was archived is never called missing. Must not
import Django. Holds no place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from accounts.ledger.sealing import Connection


@dataclass(frozen=True, slots=True)
class Archive:
    """A file with the lines start <= index < size. name: of the file, without its folder; digest: SHA-256 of the file."""

    start: int
    size: int
    name: str
    digest: bytes

    def __str__(self) -> str:
        return f"{self.name}, lines {self.start} to {self.size - 1}, SHA-256 {self.digest.hex()}"


@dataclass(frozen=True, slots=True)
class ArchivedMonth:
    """A month (its first day) that is in no table any more, and how many lines of each kind it had."""

    month: date
    entries: int
    completions: int


class Archived(LookupError):
    """The line is in the log, and its bytes lie in an archive instead of the database."""

    def __init__(self, index: int, archive: Archive) -> None:
        super().__init__(
            f"The line has the index {index} and was archived: {archive}. Ask whoever runs the service for this file;"
            " docs/verify/penumbra_verify.py checks it."
        )


def list_archives(connection: Connection) -> list[Archive]:
    """Every archive, the oldest lines first. They follow upon each other from 0 on, without a gap."""
    rows = connection.execute(
        "SELECT start, size, name, digest FROM ledger.archive ORDER BY start"
    ).fetchall()
    return [Archive(start, size, name, bytes(digest)) for start, size, name, digest in rows]


def list_archived_months(connection: Connection) -> list[ArchivedMonth]:
    """Every month that is in no table any more, in order."""
    rows = connection.execute(
        "SELECT month, entries, completions FROM ledger.archived_month ORDER BY month"
    ).fetchall()
    return [ArchivedMonth(*row) for row in rows]


def find_end(connection: Connection) -> int:
    """The index after the last archived line; 0 where nothing was archived."""
    row = connection.execute("SELECT coalesce(max(size), 0) FROM ledger.archive").fetchone()
    return int(row[0]) if row else 0


class PeriodArchived(LookupError):
    """Some of the months that were asked about are in no table any more: an answer would say too little.

    until: where the archived months end. names: the files that hold them.
    """

    def __init__(self, until: datetime, names: Sequence[str] = ()) -> None:
        files = f" (files of archives: {', '.join(names)})" if names else ""
        super().__init__(
            f"Months before {until:%Y-%m} were archived, so the answer would leave out what happened in them. Ask with"
            f" since={until:%Y-%m-%d}T00:00:00Z or later, and look into the archives for what came before{files}."
        )


def find_archived(connection: Connection, since: datetime | None) -> datetime | None:
    """Where the archived months end (UTC), if a question from `since`, or without a beginning, reaches into them."""
    row = connection.execute(
        "SELECT (max(month) + interval '1 month')::date FROM ledger.archived_month"
    ).fetchone()
    if row is None or row[0] is None:
        return None
    until = datetime.combine(row[0], time.min, UTC)
    return until if since is None or since < until else None


def refuse_archived(connection: Connection, since: datetime | None) -> None:
    """Raise PeriodArchived where a question that begins at `since`, or without a beginning, reaches into archived months."""
    if until := find_archived(connection, since):
        raise PeriodArchived(until, [archive.name for archive in list_archives(connection)])


def find_archive(archives: Sequence[Archive], index: int) -> Archive | None:
    """The archive that holds a line."""
    return next((archive for archive in archives if archive.start <= index < archive.size), None)
