"""Comparing a file of archived months with what the database knows of it. Must not import Django. Holds no place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from accounts.ledger.archived import list_archives
from accounts.ledger.archiving import check_archive
from accounts.ledger.checking import Damage
from accounts.ledger.proof.note import VerifierKey
from accounts.ledger.proof.reading import ExportUnsound
from accounts.ledger.sealing import Connection


def compare_archive(connection: Connection, file: Path, keys: Sequence[VerifierKey]) -> Iterator[Damage]:
    """What is wrong with an archive: its lines against its checkpoints, these against the stored ones, and its digest.

    keys: the log's public keys to believe. Raises OSError where the file cannot be read.
    """
    try:
        found, digest = check_archive(file, keys)
    except ExportUnsound as error:
        yield Damage("changed", f"the archive {file.name} is damaged: {error}")
        return
    row = connection.execute(
        "SELECT root FROM ledger.checkpoint WHERE size = %s", [found.head.size]
    ).fetchone()
    if row is None or row[0] != found.head.root:
        yield Damage(
            "forked", f"the archive {file.name} is of another log, or of another history of this one"
        )
        return
    known = {(archive.start, archive.size): archive for archive in list_archives(connection)}
    archive = known.get((found.start, found.head.size))
    if archive is None:
        yield Damage("inserted", f"{file.name} holds lines of this log, and is no archive that it knows of")
    elif archive.digest != digest:
        # its lines are the signed ones all the same: a checkpoint was left out, or a witness's line
        yield Damage("changed", f"the archive {file.name} is not, byte for byte, the file that was written")
