"""Proofs from the stored tree: that a line is in the log, that one size of it continues another. Few rows each.

Must not import Django. Nothing here can hold a place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from accounts.ledger.archived import Archived, find_archive, list_archives
from accounts.ledger.proof.checkpoint import read_head
from accounts.ledger.proof.note import Note, parse_note, parse_signature
from accounts.ledger.proof.offline import OfflineProof
from accounts.ledger.proof.paths import (
    Range,
    list_consistency_ranges,
    list_inclusion_ranges,
    list_proof_nodes,
    make_proof,
)
from accounts.ledger.sealing import Connection, LedgerBroken, read_nodes

_LEAF = """
    SELECT l.index, coalesce(e.body, c.body) FROM ledger.leaf l
    LEFT JOIN ledger.entry e ON l.kind = 'entry' AND e.id = l.entry_id
    LEFT JOIN ledger.completion c ON l.kind = 'completion' AND c.entry_id = l.entry_id
"""
_BY_ENTRY = _LEAF + " WHERE l.entry_id = %s AND l.kind = %s"
_BY_HASH = _LEAF + " WHERE l.hash = %s ORDER BY l.index LIMIT 1"


class NotSealed(LookupError):
    """The line has no place in the log yet, or there is no such line, or no checkpoint reaches so far."""


def prove_inclusion(connection: Connection, index: int, size: int) -> list[bytes]:
    """The path from leaf `index` to the root of the tree of `size`. Raises TreeUnfit, LedgerBroken."""
    return _prove(connection, list_inclusion_ranges(index, size))


def prove_consistency(connection: Connection, old: int, new: int) -> list[bytes]:
    """The proof that the tree of size `old` is the beginning of that of `new`; empty from size 0. Raises TreeUnfit,
    LedgerBroken.
    """
    return _prove(connection, list_consistency_ranges(old, new)) if old else []


def prove_line(
    connection: Connection, entry_id: object, kind: str = "entry", size: int | None = None
) -> OfflineProof:
    """A proof to keep of one line (`entry` or `completion`) under the checkpoint of `size`, or the newest.

    Raises NotSealed, Archived, LedgerBroken.
    """
    return _prove_row(connection, connection.execute(_BY_ENTRY, [entry_id, kind]).fetchone(), size)


def prove_receipt(connection: Connection, leaf: bytes, size: int | None = None) -> OfflineProof:
    """The same for the line whose hash a receipt holds. Raises NotSealed, Archived, LedgerBroken."""
    return _prove_row(connection, connection.execute(_BY_HASH, [leaf]).fetchone(), size)


def _prove_row(connection: Connection, row: tuple[Any, ...] | None, size: int | None) -> OfflineProof:
    if row is None:
        raise NotSealed(
            "This line has no place in the log: it gets one within a minute, or there is no such line."
        )
    index, body = int(row[0]), row[1]
    if body is None:
        if archive := find_archive(list_archives(connection), index):
            raise Archived(index, archive)
        raise LedgerBroken(f"The line of leaf {index} is missing from the database.")
    checkpoint = read_signed(connection, size)
    reached = read_head(checkpoint).size
    if index >= reached:
        raise NotSealed("The checkpoint of this size does not reach to the line. Ask for a greater one.")
    return OfflineProof(bytes(body), index, prove_inclusion(connection, index, reached), str(checkpoint))


def read_signed(connection: Connection, size: int | None = None) -> Note:
    """A checkpoint with the cosignatures that witnesses gave for it: the newest, or that of `size`. Raises NotSealed."""
    row = connection.execute(
        "SELECT c.note, coalesce((SELECT array_agg(s.line ORDER BY s.witness) FROM ledger.cosignature s"
        " WHERE s.size = c.size), '{}') FROM ledger.checkpoint c"
        " WHERE %(size)s::bigint IS NULL OR c.size = %(size)s ORDER BY c.size DESC LIMIT 1",
        {"size": size},
    ).fetchone()
    if row is None:
        raise NotSealed("The log has no such checkpoint.")
    note = parse_note(row[0])
    return Note(note.text, [*note.signatures, *(parse_signature(line.rstrip("\n")) for line in row[1])])


def _prove(connection: Connection, ranges: Sequence[Range]) -> list[bytes]:
    nodes = read_nodes(connection, list_proof_nodes(ranges))
    try:
        return make_proof(ranges, nodes)
    except KeyError as missing:
        raise LedgerBroken("A subtree that every proof needs is missing from the stored log.") from missing
