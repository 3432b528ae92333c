"""The sealer: gives every committed line of the ledger its place in the log, once, and signs the log's new head.

Runs as `penumbra_sealer` on a connection of its own; an advisory lock lets only one at a time work. Leaves, subtrees and
signed checkpoints appear together, in one transaction, or not at all, so it may be killed anywhere.
Must not import Django.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from accounts.ledger.proof.checkpoint import TreeHead, sign_head
from accounts.ledger.proof.note import SigningKey
from accounts.ledger.proof.tree import Frontier, Node, hash_leaf, hash_range, list_nodes

Connection = psycopg.Connection[tuple[Any, ...]]
BATCH = 256
"""Lines under one checkpoint: as finely as an auditor can be told where a damage lies."""
FETCHED = 32 * BATCH
"""Lines that are sealed in one transaction at most: after a long pause they are not searched for again for each batch."""
LOCK = 0x70656E756D627261
"""Number of the advisory lock ("penumbra" in ASCII)."""

_LAST = "SELECT size, root, edge, horizon::text, cluster FROM ledger.checkpoint ORDER BY size DESC LIMIT 1"
_NOW = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text, system_identifier FROM pg_control_system()"
# By transaction, an entry before its completion: never by clock. Every line below the horizon has its place already; the
# anti-join leaves out those above it that have theirs.
_NEW_LINES = """
    SELECT line.xid::text, line.kind, line.entry_id, line.body FROM (
        SELECT e.xid, 'entry' AS kind, e.id AS entry_id, e.body, e.at FROM ledger.entry e
        WHERE e.xid >= %(horizon)s::xid8
            AND NOT EXISTS (SELECT FROM ledger.leaf l WHERE l.entry_id = e.id AND l.kind = 'entry')
        UNION ALL
        SELECT c.xid, 'completion', c.entry_id, c.body, c.at FROM ledger.completion c
        WHERE c.xid >= %(horizon)s::xid8
            AND NOT EXISTS (SELECT FROM ledger.leaf l WHERE l.entry_id = c.entry_id AND l.kind = 'completion')
    ) AS line
    ORDER BY line.xid, line.kind DESC, line.at, line.entry_id
    LIMIT %(limit)s
"""
_CHECKPOINT = """
    INSERT INTO ledger.checkpoint (size, root, edge, note, horizon, cluster)
    VALUES (%(size)s, %(root)s, %(edge)s, %(note)s, %(horizon)s::xid8, %(cluster)s)
"""


class LedgerBroken(RuntimeError):
    """The stored log contradicts itself or what was signed before. Nothing is signed until a person has looked."""


class Line(NamedTuple):
    """A committed line that has no place yet."""

    xid: int
    kind: str
    entry_id: UUID
    body: bytes


@dataclass(frozen=True, slots=True)
class Sealed:
    """The newest checkpoint: the head, and the hashes that make up its root."""

    head: TreeHead
    edge: Sequence[bytes]
    note: str


class Sealer:
    """One sealer at work on one connection. Not for several threads."""

    def __init__(self, connection: Connection, keys: Sequence[SigningKey]) -> None:
        """connection: in autocommit, as penumbra_sealer or the owner. keys: all sign; the first names the log."""
        self._connection = connection
        self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        self._keys = keys
        self._horizon: int | None = None

    def take_lock(self) -> bool:
        """Become the one sealer. False while another is; its lock falls with its connection."""
        row = self._connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone()
        return bool(row and row[0])

    def register_keys(self) -> None:
        """Note the public keys that sign from now on, for those who compare."""
        with self._connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO ledger.log_key (verifier) SELECT %s::text WHERE NOT EXISTS"
                " (SELECT FROM ledger.log_key WHERE verifier = %s)",
                [(str(key.verifier), str(key.verifier)) for key in self._keys],
            )

    def check_memory(self, remembered: TreeHead | None) -> None:
        """Raise LedgerBroken unless the stored log continues a head that was signed before.

        A database that was brought back from a backup is older than what the world has seen of it.
        """
        if remembered is None or remembered.size == 0:
            return
        stored = read_nodes(self._connection, list_nodes(0, remembered.size))
        try:
            root = hash_range(stored, 0, remembered.size)
        except KeyError:
            raise LedgerBroken(
                f"A checkpoint of size {remembered.size} was signed and the database holds less: it is older than what"
                " was signed. See docs/operations.md, 'The sealer has stopped'."
            ) from None
        if root != remembered.root or remembered.origin != self._keys[0].name:
            raise LedgerBroken(
                f"The database holds another log than the one whose checkpoint of size {remembered.size} was signed."
                " See docs/operations.md, 'The sealer has stopped'."
            )

    def seal_new(self) -> list[Sealed]:
        """Give up to FETCHED new lines their place, with a signed head after each batch; nothing where nothing is new.

        Raises LedgerBroken where the stored head does not fit its own hashes.
        """
        with self._connection.transaction():
            last = self._connection.execute(_LAST).fetchone()
            settled, cluster = self._read_now()
            # another cluster counts its transactions anew; a new sealer trusts nobody's count
            known = self._horizon is not None and last is not None and last[4] == cluster
            horizon = max(self._horizon or 0, int(last[3])) if known and last else 0
            lines = self._read_lines(horizon)
            reached = min(settled, lines[-1].xid) if len(lines) == FETCHED else settled
            frontier = _open_frontier(last)
            sealed = [
                self._seal(lines[first : first + BATCH], frontier, min(reached, lines[first].xid), cluster)
                for first in range(0, len(lines), BATCH)
            ]
        # only now is it certain; what was signed before a rollback has left nobody's hands
        self._horizon = reached
        return sealed

    def _read_now(self) -> tuple[int, int]:
        row = self._connection.execute(_NOW).fetchone()
        if row is None:
            raise LedgerBroken("PostgreSQL does not say which transactions are open.")
        return int(row[0]), int(row[1])

    def _read_lines(self, horizon: int) -> list[Line]:
        found = self._connection.execute(_NEW_LINES, {"horizon": str(horizon), "limit": FETCHED}).fetchall()
        return [Line(int(xid), kind, entry_id, bytes(body)) for xid, kind, entry_id, body in found]

    def _seal(self, lines: Sequence[Line], frontier: Frontier, horizon: int, cluster: int) -> Sealed:
        completed: dict[Node, bytes] = {}
        first = frontier.size
        for line in lines:
            completed |= frontier.append(hash_leaf(line.body))
        head = TreeHead(self._keys[0].name, frontier.size, frontier.root())
        note = str(sign_head(head, self._keys))
        with self._connection.cursor() as cursor:
            with cursor.copy("COPY ledger.leaf (index, kind, entry_id, hash) FROM STDIN") as copy:
                for index, line in enumerate(lines, first):
                    copy.write_row((index, line.kind, line.entry_id, completed[Node(0, index)]))
            with cursor.copy("COPY ledger.node (level, place, hash) FROM STDIN") as copy:
                for node, hashed in completed.items():
                    if node.level:
                        copy.write_row((node.level, node.place, hashed))
            cursor.execute(
                _CHECKPOINT,
                {
                    "size": head.size,
                    "root": head.root,
                    "edge": frontier.hashes(),
                    "note": note,
                    "horizon": str(horizon),
                    "cluster": cluster,
                },
            )
        return Sealed(head, frontier.hashes(), note)


def _open_frontier(last: tuple[Any, ...] | None) -> Frontier:
    if last is None:
        return Frontier()
    frontier = Frontier(last[0], [bytes(hashed) for hashed in last[2]])
    if frontier.root() != bytes(last[1]):
        raise LedgerBroken(
            "The newest stored checkpoint does not fit its own hashes: it was changed after sealing."
        )
    return frontier


def read_nodes(connection: Connection, wanted: Sequence[Node]) -> dict[Node, bytes]:
    """Stored subtrees by height and place, leaves included. What is not stored is not in the answer."""
    levels, places = [node.level for node in wanted], [node.place for node in wanted]
    rows = connection.execute(
        "SELECT n.level, n.place, n.hash FROM unnest(%(levels)s::int[], %(places)s::bigint[]) AS w (level, place)"
        " JOIN ledger.node n ON n.level = w.level AND n.place = w.place"
        " UNION ALL SELECT 0, l.index, l.hash FROM unnest(%(levels)s::int[], %(places)s::bigint[]) AS w (level, place)"
        " JOIN ledger.leaf l ON l.index = w.place WHERE w.level = 0",
        {"levels": levels, "places": places},
    ).fetchall()
    return {Node(level, place): bytes(hashed) for level, place, hashed in rows}


def read_newest(connection: Connection) -> Sealed | None:
    """The newest checkpoint; None in a log without a line."""
    row = connection.execute(
        "SELECT size, root, edge, note FROM ledger.checkpoint ORDER BY size DESC LIMIT 1"
    ).fetchone()
    if row is None:
        return None
    size, root, edge, note = row
    origin = note.partition("\n")[0]
    return Sealed(TreeHead(origin, size, bytes(root)), [bytes(hashed) for hashed in edge], note)
