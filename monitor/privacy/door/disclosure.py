"""One disclosure: its ledger entry before anything is read, its completion after, around whatever happens between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from accounts.ledger.completions import complete_later
from accounts.ledger.entry import Entry, Outcome, ReadingPage, Refusal, Ticket, TicketScope
from accounts.ledger.writer import complete_entry, open_entry
from accounts.viewer import Viewer
from monitor.errors import QuotaSpent
from monitor.privacy.policy import POLICY_VERSION, Rule


@dataclass(slots=True)
class Disclosure:
    """What is about to leave. The door fills in how much, which cells, of which page and the text, for the completion."""

    ticket: Ticket
    quantity: int = 0
    cells: Sequence[int] = field(default=())
    page: ReadingPage | None = None
    answer: bytes = b""


@contextmanager
def disclose(
    viewer: Viewer,
    action: str,
    endpoint: str,
    *,
    rule: Rule | None = None,
    regions: Sequence[UUID] = (),
    objects: Sequence[UUID] = (),
    scope: TicketScope | None = None,
) -> Iterator[Disclosure]:
    """Open the entry, let the caller read, complete the entry.

    Raises LedgerUnavailable before anything is read where the entry cannot be written, and after it where the
    completion cannot: the caller's answer is then lost, and the open entry counts as full disclosure. The completion of an
    answer that holds no exact cell is written a moment later, as long as the ledger keeps up.
    """
    entry = Entry(
        viewer,
        action,
        endpoint,
        viewer.request_id,
        level=int(rule.level) if rule else None,
        rule=rule.name if rule else "",
        policy_version=POLICY_VERSION,
        regions=regions,
        objects=objects,
    )
    disclosure = Disclosure(open_entry(entry, scope))
    try:
        yield disclosure
    except Refusal as refusal:
        complete_entry(disclosure.ticket, Outcome.REFUSED)
        # a spent quota is an entry of its own besides, so that auditors find it among the refusals
        refusal.is_recorded = not isinstance(refusal, QuotaSpent)
        raise
    except Exception:
        complete_entry(disclosure.ticket, Outcome.FAILED)
        raise
    if rule is None or rule.is_exact or scope is not None or disclosure.cells:
        complete_entry(
            disclosure.ticket,
            Outcome.ANSWERED,
            disclosure.quantity,
            disclosure.answer,
            disclosure.cells,
            disclosure.page,
        )
    else:
        complete_later(disclosure.ticket, Outcome.ANSWERED, disclosure.quantity, disclosure.answer)
