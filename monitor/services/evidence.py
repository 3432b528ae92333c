"""Take in what other systems published: keep it, fold it into states and sites, raise alerts. Runs as the worker.

Evidence alone raises nothing: it confirms what a look of ours suspected, or is kept and counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import uuid4

from django.db import transaction

from accounts.ledger.entry import Entry
from accounts.ledger.writer import recorded
from monitor.field.outside import Published
from monitor.field.sites import Cell
from monitor.services.alerts import raise_alerts_at
from monitor.vault.outside import Delivery, Met, count_met, replace_delivery, take_settled
from monitor.vault.scores import lock_scoring
from monitor.vault.states import renew_states_at


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What came of a delivery.

    is_new: it was taken in; else this issue, or a later one, stood already. looked_at: of the cells that it tells of, or
    told of before, those that we have looked at. raised: alerts. met: how all evidence and our cells meet now.
    """

    is_new: bool
    looked_at: int
    raised: int
    met: Met


def take_in(
    system: str,
    records: Sequence[Published],
    today: date,
    name: str | None = None,
    issued_on: date | None = None,
) -> TakenIn:
    """Keep what a system says and fold it in, all in one transaction.

    name: of the delivery. What an earlier issue of the same name said and this one does not is taken back. Without a name it
    only adds, and the same again changes nothing. issued_on: today unless told; the later of two issues stands.

    Raises LedgerUnavailable, as `recorded` does.
    """
    digest = _digest(records)
    delivery = Delivery(system, name or digest, issued_on or today, digest)
    with recorded(Entry(None, "evidence.load", "load_outside", uuid4())), transaction.atomic():
        lock_scoring()
        told = replace_delivery(delivery, records)
        looked_at, raised = _fold_in((told or set()) | take_settled(today), today)
        return TakenIn(told is not None, looked_at, raised, count_met(today))


def take_in_settled(today: date) -> int:
    """Fold in what has come to stand since the last time; how many cells that we have looked at. For the clock."""
    with transaction.atomic():
        lock_scoring()
        return _fold_in(take_settled(today), today)[0]


def _fold_in(cells: Collection[Cell], today: date) -> tuple[int, int]:
    """How many of the cells we have looked at, and how many alerts were raised."""
    if not cells:
        return 0, 0
    return renew_states_at(cells, today), len(raise_alerts_at(cells))


def _digest(records: Sequence[Published]) -> str:
    """The same for the same content, whatever file it came in."""
    lines = (
        f"{each.row} {each.col} {each.theme} {each.observed_on} {each.trust} {each.alerts}"
        for each in records
    )
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
