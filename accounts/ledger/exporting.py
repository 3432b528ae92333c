"""The log as lines for whoever checks it elsewhere: checkpoints, then every leaf with its bytes as they are stored.

Reads in steps, with little memory whatever the size. What was signed never changes, so no snapshot is needed.
Must not import Django. Holds no place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from accounts.ledger.archived import find_archive, find_end, list_archives
from accounts.ledger.proof.export import write_checkpoint_line, write_leaf_line, write_start_line
from accounts.ledger.proof.note import Note, VerifierKey, parse_note, parse_signature, read_verifier_key
from accounts.ledger.sealing import BATCH, Connection, LedgerBroken, read_newest

_CHECKPOINTS = """
    SELECT c.size, c.note, c.edge, array_remove(array_agg(s.line ORDER BY s.witness), NULL)
    FROM ledger.checkpoint c LEFT JOIN ledger.cosignature s USING (size)
    WHERE c.size > %s AND c.size <= %s GROUP BY c.size ORDER BY c.size LIMIT %s
"""
_LEAVES = """
    SELECT l.index, coalesce(e.body, c.body) FROM ledger.leaf l
    LEFT JOIN ledger.entry e ON l.kind = 'entry' AND e.id = l.entry_id
    LEFT JOIN ledger.completion c ON l.kind = 'completion' AND c.entry_id = l.entry_id
    WHERE l.index >= %s AND l.index < %s ORDER BY l.index
"""
FETCHED = 1000


class NoSuchStart(LookupError):
    """An export begins at 0 or at the size of a checkpoint, and not among lines that were archived."""


def list_log_keys(connection: Connection) -> list[VerifierKey]:
    """The public keys that the log says to have signed with."""
    rows = connection.execute("SELECT verifier FROM ledger.log_key ORDER BY since, verifier").fetchall()
    return [read_verifier_key(text) for (text,) in rows]


def export_lines(connection: Connection, start: int | None = None, end: int | None = None) -> Iterator[bytes]:
    """The lines of an export from leaf `start` to before `end`. Raises NoSuchStart, LedgerBroken.

    start: left out, the first line that was not archived. end: the size of a checkpoint; left out, of the newest.
    """
    newest = read_newest(connection)
    size = end if end is not None else newest.head.size if newest else 0
    origin = newest.head.origin if newest else ""
    first = find_start(connection, start)
    yield write_start_line(origin, list_log_keys(connection), first, _read_edge(connection, first))
    yield from _write_checkpoints(connection, first, size)
    yield from _write_leaves(connection, first, size)


def find_start(connection: Connection, start: int | None) -> int:
    """Where an export begins: at `start`, or at the first line that was not archived. Raises NoSuchStart."""
    if start is None:
        return find_end(connection)
    if archive := find_archive(list_archives(connection), start):
        raise NoSuchStart(
            f"The lines from {start} on were archived: {archive}. Begin at {find_end(connection)}, or leave `start` out."
        )
    return start


def _read_edge(connection: Connection, start: int) -> list[bytes]:
    if start == 0:
        return []
    row = connection.execute("SELECT edge FROM ledger.checkpoint WHERE size = %s", [start]).fetchone()
    if row is None:
        raise NoSuchStart(
            "An export begins at 0 or at the size of a checkpoint. Leave `start` out, or see the checkpoints."
        )
    return [bytes(hashed) for hashed in row[0]]


def _write_checkpoints(connection: Connection, start: int, newest: int) -> Iterator[bytes]:
    """Every checkpoint that a witness has signed, the newest, and of the others enough to tell a damage to its batch."""
    written, passed = start, None
    for size, text, edge, cosignatures in _read_checkpoints(connection, start, newest):
        if passed is not None and size - written > BATCH:
            yield passed[1]
            written = passed[0]
        line = write_checkpoint_line(_join(text, cosignatures), [bytes(hashed) for hashed in edge])
        if cosignatures or size in (start, newest):
            yield line
            written, passed = size, None
        else:
            passed = (size, line)


def _read_checkpoints(connection: Connection, start: int, newest: int) -> Iterator[tuple[Any, ...]]:
    after = start - 1
    while rows := connection.execute(_CHECKPOINTS, [after, newest, FETCHED]).fetchall():
        yield from rows
        after = rows[-1][0]


def _join(text: str, cosignatures: Sequence[str]) -> str:
    note = parse_note(text)
    return str(
        Note(note.text, [*note.signatures, *(parse_signature(line.rstrip("\n")) for line in cosignatures)])
    )


def _write_leaves(connection: Connection, start: int, size: int) -> Iterator[bytes]:
    for first in range(start, size, FETCHED):
        rows = connection.execute(_LEAVES, [first, min(first + FETCHED, size)]).fetchall()
        for index, body in rows:
            if body is None:
                raise LedgerBroken(f"The line of leaf {index} is missing from the database.")
            yield write_leaf_line(bytes(body), index)
