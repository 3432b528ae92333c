"""Write the ledger: open an entry, complete it, record what is over at once. Each is one committed statement."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

from accounts.ledger.connection import LedgerUnavailable, Prepared, ledger_connection
from accounts.ledger.entry import Entry, Outcome, ReadingPage, Refusal, Ticket, TicketScope
from accounts.ledger.ids import make_entry_id
from accounts.ledger.keyed import digest_cells, keyed_digest, keyed_reference
from accounts.ledger.numbers import write_numbers
from accounts.roles import Role

_ENTRY = """
    INSERT INTO ledger.entry (id, nonce, actor, organisation, role, purpose_code, purpose_text, action, endpoint,
        level, rule, policy_version, regions, object_refs, request_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
    RETURNING current_setting('penumbra.leaf')
"""
"""Returns the hash of the line just written: all that its writer is told of it (migration 0010_lean_lines). It is asked for
once the row is inserted, so after the trigger has left it in the session."""
_TICKET = """WITH ticket AS (
        INSERT INTO ledger.ticket (entry_id, key, user_id, reads, regions, object_id, token_id)
        VALUES ($1, $16, $17, $18, $19, $20, $21)
    )
"""
_COMPLETION = """
    INSERT INTO ledger.completion (entry_id, outcome, quantity, answer_digest, cells_digest) VALUES ($1, $2, $3, $4, $5)
"""
_DISCLOSURE = """WITH disclosure AS (
        INSERT INTO ledger.disclosure (entry_id, cells, question, is_continued) VALUES ($1, $6, $7, $8)
    )
"""
_WRITE_ENTRY = Prepared(b"entry", _ENTRY.encode())
_WRITE_ENTRY_WITH_TICKET = Prepared(b"entry with ticket", (_TICKET + _ENTRY).encode())
_WRITE_COMPLETION = Prepared(b"completion", _COMPLETION.encode())
_WRITE_COMPLETION_WITH_CELLS = Prepared(b"completion with cells", (_DISCLOSURE + _COMPLETION).encode())


def open_entry(entry: Entry, scope: TicketScope | None = None) -> Ticket:
    """Commit an entry, with the right to read the vault where `scope` is given, and return its ticket.

    Raises LedgerUnavailable where the entry cannot be written; then nothing may be read (P6).
    """
    entry_id, key = make_entry_id(), None if scope is None else uuid4()
    values = _entry_values(entry_id, entry)
    if scope is not None:
        values += _ticket_values(str(key), entry, scope)
    with ledger_connection() as connection:
        leaf = connection.run(_WRITE_ENTRY if scope is None else _WRITE_ENTRY_WITH_TICKET, values)
    if leaf is None or len(leaf) != 64:
        raise LedgerUnavailable("The ledger does not say what it wrote, so nothing is disclosed.")
    credential = entry.viewer.credential if scope and entry.viewer else None
    return Ticket(entry_id, key, bytes.fromhex(leaf), credential.secret.hex() if credential else "")


def complete_entry(
    ticket: Ticket,
    outcome: Outcome,
    quantity: int = 0,
    answer: bytes = b"",
    cells: Iterable[int] = (),
    page: ReadingPage | None = None,
) -> None:
    """Say what came of an entry: how many cells, blocks or rows left, which (sealed), and the answer's keyed digest.

    cells: cell numbers of an exact answer. page: where they are not all that was asked for; it is sealed without a cell too,
    because among pages that are asked for in a known order, the empty ones say where nothing is. Raises LedgerUnavailable;
    then the answer must not be sent.
    """
    digest = keyed_digest(answer) if answer else ""
    values: list[str | bytes | None] = [str(ticket.entry_id), outcome.value, str(quantity), digest]
    # most come in order, which is sorted at once
    numbers = list(dict.fromkeys(sorted(cells)))
    discloses = bool(numbers) or page is not None
    if discloses:
        values += [digest_cells(ticket.entry_id, numbers), write_numbers(numbers), *_page_values(page)]
    else:
        values.append("")
    with ledger_connection() as connection:
        connection.run(_WRITE_COMPLETION_WITH_CELLS if discloses else _WRITE_COMPLETION, values)


def record(entry: Entry, outcome: Outcome) -> None:
    """Write an entry that is over at once: a refusal, or a change of rights that its transaction will commit."""
    complete_entry(open_entry(entry), outcome)


def _entry_values(entry_id: UUID, entry: Entry) -> list[str | None]:
    """Of `_ENTRY`, in order."""
    viewer = entry.viewer
    purpose = viewer.purpose if viewer else None
    return [
        str(entry_id),
        f"\\x{secrets.token_hex(16)}",
        _text_of(viewer.pseudonym if viewer and viewer.role is not Role.PUBLIC else None),
        _text_of(viewer.organisation if viewer else None),
        viewer.role.value if viewer else "anonymous",
        purpose.code.value if purpose else "",
        purpose.text if purpose else "",
        entry.action,
        entry.endpoint,
        _text_of(entry.level),
        entry.rule,
        entry.policy_version,
        _list_of(sorted(set(entry.regions))),
        _list_of(keyed_reference(identifier) for identifier in entry.objects),
        str(entry.request_id),
    ]


def _ticket_values(key: str, entry: Entry, scope: TicketScope) -> list[str | None]:
    """Of `_TICKET`, in order, from the sixteenth value on."""
    credential = entry.viewer.credential if entry.viewer else None
    return [
        key,
        str(scope.user_id),
        scope.reads.value,
        _list_of(scope.regions),
        _text_of(scope.object_id),
        # a ticket is worth nothing any more once the token behind the request is revoked (P7)
        _text_of(credential.token_id if credential else None),
    ]


def _page_values(page: ReadingPage | None) -> list[str | None]:
    return [None, "false"] if page is None else [str(page.question), str(page.is_continued)]


def _text_of(value: UUID | int | None) -> str | None:
    return None if value is None else str(value)


def _list_of(values: Iterable[UUID | str]) -> str:
    """The literal of an array of ids or of hex digits: nothing in them needs a quote."""
    return f"{{{','.join(map(str, values))}}}"


@contextmanager
def recorded(entry: Entry) -> Iterator[None]:
    """Record a change around its transaction: the entry before, what came of it after.

    Raises LedgerUnavailable before the change where the entry cannot be written; then nothing is changed. Where what came of
    it cannot be written, it raises one that says so: the change stands, and its entry stays open. So LedgerUnavailable alone
    does not say that nothing was done; its text does. Not for use within another: what the outer one undoes stands as done.
    """
    ticket = open_entry(entry)
    try:
        yield
    except Refusal as refusal:
        complete_entry(ticket, Outcome.REFUSED)
        refusal.is_recorded = True
        raise
    except Exception:
        complete_entry(ticket, Outcome.FAILED)
        raise
    try:
        complete_entry(ticket, Outcome.DONE)
    except LedgerUnavailable as error:
        # "nothing" would be believed, and the change asked for again
        raise LedgerUnavailable(
            "This was done, and the ledger cannot say so at the moment. Look at what it changed before you ask again."
        ) from error
