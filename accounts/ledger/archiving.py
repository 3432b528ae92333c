"""Archiving whole sealed months: write them to a file, check the file, and only then take the months from the tables.

The tree stays (leaves, subtrees, checkpoints), so proofs of later lines and consistency go on. Disclosed cells stay too:
they are places, and no file holds one. Runs as the owner of the tables. Must not import Django.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from hashlib import file_digest
from pathlib import Path

import psycopg
from psycopg import sql

from accounts.ledger.archived import Archive, ArchivedMonth, find_end
from accounts.ledger.exporting import export_lines
from accounts.ledger.proof.note import VerifierKey
from accounts.ledger.proof.reading import ExportUnsound, ReadExport, check_export
from accounts.ledger.sealing import Connection
from accounts.ledger.vouching import check_vouched

LOCK_TIMEOUT = "2s"
"""Writers wait as long at most while months are taken away; then the archive is given up instead."""
LOCK = 0x70656E6172636876
"""Number of the advisory lock of whoever archives ("penarchv" in ASCII): two at once would write one file, and the second
would remove that of the first."""
KINDS = ("entry", "completion")

_THIS_MONTH = "SELECT ledger.start_of_month(clock_timestamp())"
# lines that came when their month had no table; what came after its month was archived stays where it is
_OTHERS = """
    SELECT DISTINCT ledger.start_of_month(line.at) FROM (
        SELECT at FROM ledger.entry_other UNION ALL SELECT at FROM ledger.completion_other) AS line
    WHERE ledger.start_of_month(line.at) < %(before)s
        AND ledger.start_of_month(line.at) NOT IN (SELECT month FROM ledger.archived_month)
"""
_MONTHS = """
    SELECT to_date(right(part.relname, 7), 'YYYY_MM') AS month
    FROM pg_inherits i JOIN pg_class part ON part.oid = i.inhrelid
    WHERE i.inhparent = 'ledger.entry'::regclass AND part.relname ~ '^entry_[0-9]{4,}_[0-9]{2}$'
        AND to_date(right(part.relname, 7), 'YYYY_MM') < %(before)s
    ORDER BY month
"""
_COUNTED = """
    SELECT count(*), count(*) FILTER (WHERE l.index IS NULL), max(l.index)
    FROM ledger.{table} line LEFT JOIN ledger.leaf l ON l.entry_id = line.{key} AND l.kind = %(kind)s
"""
_SIZE = "SELECT min(size) FROM ledger.checkpoint WHERE size > greatest(%s::bigint, %s::bigint)"
_ROOT = "SELECT root FROM ledger.checkpoint WHERE size = %s"


class ArchiveRefused(RuntimeError):
    """These months cannot be archived, or not now. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to leave the tables, and the lines that the file must hold: from `start` to before `size`."""

    months: Sequence[ArchivedMonth]
    start: int
    size: int


def archive_months(
    connection: Connection,
    before: date,
    file: Path,
    keys: Sequence[VerifierKey],
    trusted: Sequence[VerifierKey] | None = None,
) -> tuple[Archive, Sequence[ArchivedMonth]]:
    """Archive every month before the month of `before` in `file`, which must not exist; what was archived.

    connection: in autocommit, as the owner. keys: all public keys of the log. trusted: those of them that were not read from
    the database, which must vouch for it; all, unless told. Raises ArchiveRefused, NotVouchedFor, ExportUnsound,
    LedgerBroken, OSError, psycopg.Error; then no line has left the tables, except where the text says it is not known.
    """
    with _alone(connection):
        return _archive(connection, before, file, keys, keys if trusted is None else trusted)


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Nobody else archives this ledger meanwhile. Raises ArchiveRefused; whoever dies lets go."""
    if connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone() != (True,):
        raise ArchiveRefused("Nothing was archived: another archive is being made at this moment.")
    try:
        yield
    finally:
        with suppress(psycopg.Error):  # a connection that broke has let go already
            connection.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def _archive(
    connection: Connection,
    before: date,
    file: Path,
    keys: Sequence[VerifierKey],
    trusted: Sequence[VerifierKey],
) -> tuple[Archive, Sequence[ArchivedMonth]]:
    if file.exists():
        raise ArchiveRefused(
            f"{file.name} exists. Choose another name; or, if an archive was interrupted and `verify_ledger` knows no"
            " archive of this name, remove it first."
        )
    plan = plan_archive(connection, before)
    check_vouched(connection, plan.size, trusted)
    partial = file.with_name(f"{file.name}.partial")
    try:
        archive = _write(connection, plan, partial, file.name, keys)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    _keep_name(file)
    with _removed_unless_done(file) as outcome, connection.transaction():
        _detach(connection, plan, archive)
        outcome.committing = True
    return archive, plan.months


def plan_archive(connection: Connection, before: date) -> Plan:
    """Which months would leave, and which lines the file would hold. Raises ArchiveRefused with the cause."""
    row = connection.execute(_THIS_MONTH).fetchone()
    if row is None or before > row[0]:
        raise ArchiveRefused(
            "The current month and later ones cannot be archived: lines are still written to them."
            f" --before {row[0]:%Y-%m} is the latest possible."
            if row
            else "The database does not say which month it is."
        )
    for (month,) in connection.execute(_OTHERS, {"before": before}).fetchall():
        connection.execute("SELECT ledger.make_month(%s)", [month])
    months, reached = [], -1
    for (month,) in connection.execute(_MONTHS, {"before": before}).fetchall():
        counts = {}
        for kind in KINDS:
            counts[kind], unsealed, last = _count(connection, kind, month)
            if unsealed:
                raise ArchiveRefused(
                    f"{month:%Y-%m} holds lines without a place in the log: {unsealed} of kind {kind}. Let the sealer run"
                    " (`manage.py seal_ledger`), then archive."
                )
            reached = max(reached, -1 if last is None else last)
        months.append(ArchivedMonth(month, counts["entry"], counts["completion"]))
    if reached < 0:
        raise ArchiveRefused(
            f"The tables hold no line from before {before:%Y-%m}: there is nothing to archive."
        )
    start = find_end(connection)
    size = connection.execute(_SIZE, [reached, start]).fetchone()
    if size is None or size[0] is None:
        raise ArchiveRefused(
            "No checkpoint signs the last of these lines yet. Let the sealer run, then archive."
        )
    return Plan(months, start, size[0])


def check_archive(file: Path, keys: Sequence[VerifierKey]) -> tuple[ReadExport, bytes]:
    """What a file holds, line by line against its checkpoints, and its SHA-256. Raises ExportUnsound, OSError."""
    with file.open("rb") as stream:
        found = check_export(stream, keys)
        stream.seek(0)
        return found, file_digest(stream, "sha256").digest()


def name_table(kind: str, month: date) -> str:
    """The table of a month, in schema `ledger`."""
    return f"{kind}_{month:%Y_%m}"


def _count(connection: Connection, kind: str, month: date) -> tuple[int, int, int | None]:
    """Lines of a month, how many of them have no place, and the last place."""
    counted = sql.SQL(_COUNTED).format(
        table=sql.Identifier(name_table(kind, month)),
        key=sql.Identifier("id" if kind == "entry" else "entry_id"),
    )
    row = connection.execute(counted, {"kind": kind}).fetchone()
    return row if row is not None else (0, 0, None)


def _write(
    connection: Connection, plan: Plan, partial: Path, name: str, keys: Sequence[VerifierKey]
) -> Archive:
    """The file under its passing name, on disk, and read back. It says who asked for what: nobody but its owner reads it."""
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    with partial.open("wb") as stream:
        stream.writelines(export_lines(connection, plan.start, plan.size))
        stream.flush()
        os.fsync(stream.fileno())
    found, digest = check_archive(partial, keys)
    root = connection.execute(_ROOT, [plan.size]).fetchone()
    if (
        (found.start, found.head.size) != (plan.start, plan.size)
        or root is None
        or root[0] != found.head.root
    ):
        raise ExportUnsound("the file that was written holds other lines than those that were to be archived")
    return Archive(plan.start, plan.size, name, digest)


def _keep_name(file: Path) -> None:
    """Make the file's name last too: what is on disk may still have none after a power cut."""
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _detach(connection: Connection, plan: Plan, archive: Archive) -> None:
    """Take the months from the tables, in the caller's transaction. Raises ArchiveRefused where a line came meanwhile."""
    connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
    # whoever has written and not committed is waited for; from here on nobody writes until the end
    connection.execute("LOCK TABLE ledger.entry, ledger.completion, ledger.archive IN ACCESS EXCLUSIVE MODE")
    if find_end(connection) != plan.start:
        raise ArchiveRefused("Somebody else has archived meanwhile: nothing was done here.")
    connection.execute(
        "INSERT INTO ledger.archive (size, start, name, digest) VALUES (%s, %s, %s, %s)",
        [archive.size, archive.start, archive.name, archive.digest],
    )
    for month in plan.months:
        for kind, expected in zip(KINDS, (month.entries, month.completions), strict=True):
            table = sql.Identifier(name_table(kind, month.month))
            found = connection.execute(sql.SQL("SELECT count(*) FROM ledger.{}").format(table)).fetchone()
            if found != (expected,):
                raise ArchiveRefused(
                    f"A line of {month.month:%Y-%m} came in meanwhile: nothing was done. Archive again."
                )
            parent, kept = sql.Identifier(kind), sql.Identifier(f"archived_{name_table(kind, month.month)}")
            connection.execute(
                sql.SQL("ALTER TABLE ledger.{} DETACH PARTITION ledger.{}").format(parent, table)
            )
            connection.execute(sql.SQL("ALTER TABLE ledger.{} RENAME TO {}").format(table, kept))
        connection.execute(
            "INSERT INTO ledger.archived_month (month, size, entries, completions) VALUES (%s, %s, %s, %s)",
            [month.month, archive.size, month.entries, month.completions],
        )


@dataclass(slots=True)
class _Outcome:
    committing: bool = False


@contextmanager
def _removed_unless_done(file: Path) -> Iterator[_Outcome]:
    """Without its months taken, the file would be taken for an archive. Kept where nobody knows whether they were."""
    outcome = _Outcome()
    try:
        yield outcome
    except psycopg.Error as error:
        if outcome.committing:
            raise ArchiveRefused(
                f"The connection broke at the last step: it is not known whether the months were taken. {file.name} is"
                " whole: keep it. `verify_ledger` says whether it is an archive of this ledger."
            ) from error
        file.unlink()
        raise
    except BaseException:
        if not outcome.committing:
            file.unlink()
        raise
