"""Checking the stored log against itself and against what was signed, inside the database.

For whoever runs the service; an auditor checks an export with docs/verify/penumbra_verify.py, which trusts none of this.
Beyond that it sees what an export cannot show: columns that say something else than the sealed bytes, lines that have no
place, disclosed cells that were changed. Must not import Django.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import psycopg

from accounts.ledger.archived import ArchivedMonth, find_end, list_archived_months
from accounts.ledger.entry import MERGE_DELAY_S
from accounts.ledger.lines import CompletionColumns, EntryColumns
from accounts.ledger.proof.checkpoint import open_checkpoint
from accounts.ledger.proof.note import NoteRefused, VerifierKey
from accounts.ledger.proof.tree import Frontier, Node, fold, hash_leaf
from accounts.ledger.sealing import Connection

FETCHED = 1000
_LINES = f"""
    SELECT l.index, l.kind, l.entry_id, l.hash, ledger.start_of_month(coalesce(ek.at, ck.at)), e.body, c.body,
        {", ".join(f"e.{name.strip()}" for name in EntryColumns.COLUMNS.split(","))},
        {", ".join(f"c.{name.strip()}" for name in CompletionColumns.COLUMNS.split(","))}
    FROM ledger.leaf l
    LEFT JOIN ledger.entry e ON l.kind = 'entry' AND e.id = l.entry_id
    LEFT JOIN ledger.completion c ON l.kind = 'completion' AND c.entry_id = l.entry_id
    LEFT JOIN ledger.entry_key ek ON l.kind = 'entry' AND ek.id = l.entry_id
    LEFT JOIN ledger.completion_key ck ON l.kind = 'completion' AND ck.entry_id = l.entry_id
    ORDER BY l.index
"""  # noqa: S608 - names of columns, written in this package
_UNPLACED = """
    SELECT 'entry', e.id FROM ledger.entry e WHERE e.at < now() - %(late)s * interval '1 second'
        AND NOT EXISTS (SELECT FROM ledger.leaf l WHERE l.entry_id = e.id AND l.kind = 'entry')
    UNION ALL
    SELECT 'completion', c.entry_id FROM ledger.completion c WHERE c.at < now() - %(late)s * interval '1 second'
        AND NOT EXISTS (SELECT FROM ledger.leaf l WHERE l.entry_id = c.entry_id AND l.kind = 'completion')
    ORDER BY 1, 2
"""
_DISCLOSED = """
    SELECT l.index, entry_id, c.cells_digest, d.cells, c.entry_id IS NULL AND EXISTS (
            SELECT FROM ledger.completion_key k JOIN ledger.archived_month m ON m.month = ledger.start_of_month(k.at)
            WHERE k.entry_id = d.entry_id)
    FROM ledger.completion c FULL JOIN ledger.disclosure d USING (entry_id)
    LEFT JOIN (SELECT * FROM ledger.leaf WHERE kind = 'completion') l USING (entry_id)
    WHERE c.cells_digest <> '' OR d.entry_id IS NOT NULL
    ORDER BY l.index
"""
_ENTRY_WIDTH = len(EntryColumns.COLUMNS.split(","))


@dataclass(frozen=True, slots=True)
class Damage:
    """Something that is not as it was sealed. index: of the line in the log, where there is one."""

    kind: str
    text: str
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found, and how much was looked at."""

    damages: Sequence[Damage]
    lines: int
    checkpoints: int
    archived: Sequence[ArchivedMonth] = ()
    """Months whose lines are in files: of them, only hashes, subtrees and checkpoints were looked at."""


def check_log(
    connection: Connection,
    keys: Sequence[VerifierKey],
    digest_cells: Callable[[UUID, Sequence[int]], str] | None = None,
) -> Checked:
    """Look at every line, subtree and checkpoint in one snapshot.

    keys: the log's public keys to believe. digest_cells: how a completion's digest of its cells is made; None where this
    process may not read what was disclosed.
    """
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    with connection.transaction():
        check = _Check(connection, keys)
        damages = [*check.walk(), *check.find_unplaced(), *check.count_archived()]
        if digest_cells is not None:
            damages += check.compare_cells(digest_cells)
    return Checked(damages, check.frontier.size, check.checkpoints, check.archived)


class _Check:
    def __init__(self, connection: Connection, keys: Sequence[VerifierKey]) -> None:
        self._connection = connection
        self._keys = keys
        self.frontier = Frontier()
        self.checkpoints = 0
        self.archived = list_archived_months(connection)
        self._archived_end = find_end(connection)
        self._absent = {(month.month, kind): 0 for month in self.archived for kind in ("entry", "completion")}

    def walk(self) -> Iterator[Damage]:
        """Lines in their order, the tree above them, and each checkpoint when its size is reached."""
        heads = self._read_heads()
        nodes = self._read_nodes()
        with self._connection.cursor("lines") as cursor:
            cursor.itersize = FETCHED
            cursor.execute(_LINES)
            for index, kind, entry_id, hashed, month, entry_body, completion_body, *columns in cursor:
                if index != self.frontier.size:
                    yield Damage(
                        "deleted", f"places {self.frontier.size} to {index - 1} are empty", self.frontier.size
                    )
                    return
                body = entry_body or completion_body
                if body is None and index < self._archived_end and (month, kind) in self._absent:
                    self._absent[month, kind] += 1
                else:
                    yield from _check_line(index, kind, entry_id, bytes(hashed), body, columns)
                for node, right in self.frontier.append(bytes(hashed)).items():
                    if node.level and nodes.pop(node, None) != right:
                        yield Damage("changed", f"the subtree {tuple(node)} is not that of its leaves", index)
                if self.frontier.size in heads:
                    yield from self._check_head(*heads.pop(self.frontier.size))
        for size in sorted(heads):
            yield Damage(
                "truncated", f"a checkpoint of size {size} was signed; the log holds {self.frontier.size}"
            )
        for node in sorted(nodes):
            yield Damage("inserted", f"the subtree {tuple(node)} stands over no leaves")

    def _read_heads(self) -> dict[int, tuple[bytes, list[bytes], str]]:
        rows = self._connection.execute("SELECT size, root, edge, note FROM ledger.checkpoint").fetchall()
        return {size: (bytes(root), [bytes(each) for each in edge], note) for size, root, edge, note in rows}

    def _read_nodes(self) -> dict[Node, bytes]:
        rows = self._connection.execute("SELECT level, place, hash FROM ledger.node").fetchall()
        return {Node(level, place): bytes(hashed) for level, place, hashed in rows}

    def _check_head(self, root: bytes, edge: list[bytes], text: str) -> Iterator[Damage]:
        self.checkpoints += 1
        size = self.frontier.size
        if root != self.frontier.root() or edge != self.frontier.hashes() or fold(edge) != root:
            yield Damage(
                "changed", f"the stored head of size {size} is not that of the lines before it", size - 1
            )
        try:
            head, _ = open_checkpoint(text, self._keys)
        except NoteRefused as error:
            yield Damage("foreign-key", f"the checkpoint of size {size}: {error}", size - 1)
            return
        if (head.size, head.root) != (size, self.frontier.root()):
            yield Damage(
                "changed", f"the lines up to {size - 1} are not those that the checkpoint signs", size - 1
            )

    def find_unplaced(self) -> Iterator[Damage]:
        """Lines that should have a place by now: a receipt promises it within MERGE_DELAY_S seconds."""
        for kind, entry_id in self._connection.execute(_UNPLACED, {"late": MERGE_DELAY_S}).fetchall():
            yield Damage(
                "unsealed", f"the {kind} of {entry_id} has no place in the log: is the sealer running?"
            )

    def count_archived(self) -> Iterator[Damage]:
        """As many lines of each archived month are in no table as left it."""
        for month in self.archived:
            absent = self._absent[month.month, "entry"], self._absent[month.month, "completion"]
            if absent != (month.entries, month.completions):
                yield Damage(
                    "deleted" if sum(absent) > month.entries + month.completions else "changed",
                    f"{absent[0]} entries and {absent[1]} completions of {month.month:%Y-%m} are in no table; archived"
                    f" were {month.entries} and {month.completions}",
                )

    def compare_cells(self, digest_cells: Callable[[UUID, Sequence[int]], str]) -> Iterator[Damage]:
        """What the sealed part of the ledger says was disclosed, against the digest in the log. Tells no cell."""
        with self._connection.cursor("disclosed") as cursor:
            cursor.itersize = FETCHED
            cursor.execute(_DISCLOSED)
            for index, entry_id, digest, cells, is_archived in cursor:
                # the digest of an archived completion is in a file
                if not is_archived and not _is_sealed(digest, cells, partial(digest_cells, entry_id)):
                    yield Damage(
                        "changed",
                        f"the disclosed cells of entry {entry_id} are not those that were sealed",
                        index,
                    )


def _is_sealed(
    digest: str | None, cells: Sequence[object] | None, digest_cells: Callable[[Sequence[int]], str]
) -> bool:
    """Whether a completion's digest is that of these cells. digest: None where there is no completion, so nothing was
    disclosed. cells: None where the sealed part is gone; that of an empty tile of a map is there, and holds none."""
    if cells is None:
        return False
    numbers = [cell for cell in cells if isinstance(cell, int)]
    return digest is not None and len(numbers) == len(cells) and digest == digest_cells(numbers)


def _write_entry(*columns: Any) -> bytes:
    return EntryColumns(*columns).write_body()


def _write_completion(*columns: Any) -> bytes:
    return CompletionColumns(*columns).write_body()


def _check_line(
    index: int, kind: str, entry_id: UUID, hashed: bytes, body: bytes | None, columns: Sequence[object]
) -> Iterator[Damage]:
    if body is None:
        yield Damage("deleted", f"the {kind} of {entry_id} is missing from its table", index)
        return
    if hash_leaf(bytes(body)) != hashed:
        yield Damage("changed", f"the sealed bytes of the {kind} of {entry_id} were changed", index)
    of_entry, of_completion = columns[:_ENTRY_WIDTH], columns[_ENTRY_WIDTH:]
    told = _write_entry(*of_entry) if kind == "entry" else _write_completion(*of_completion)
    if told != bytes(body):
        yield Damage(
            "changed", f"a column of the {kind} of {entry_id} says something else than what was sealed", index
        )
