"""Publish a release: months of the vault become bands of blocks, in one batch, all or nothing.

Runs as the worker. What goes in is counted once, here; what comes out is bands. Corrections and withdrawals appear
with the next batch, which is complete in itself, so nothing is left behind that says what changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from uuid import UUID, uuid4

from accounts.ledger.entry import Entry
from accounts.ledger.writer import recorded
from monitor.grid import Level
from monitor.models import TrainedModel
from monitor.privacy.coarsen import (
    ActivityBand,
    choose_activity_band,
    choose_observed_band,
    compare_bands,
    count_effective_cells,
    is_safe_to_publish,
)
from monitor.privacy.policy import POLICY_VERSION
from monitor.releases.batches import BlockRow, digest_rows, list_batches, write_batch
from monitor.vault.blocks import count_plausible_cells, list_observed_months, summarise_blocks

PUBLISHED_LEVEL = Level.L2
Block = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Publication:
    """What a batch holds: ids and counts of blocks, which are public."""

    batch: UUID
    is_new: bool
    blocks: int
    periods: int
    promoted: int


def publish_release(today: date, only_changes: bool = False) -> Publication:
    """Publish every calendar month that ended before `today`'s month.

    only_changes: publish nothing where the newest batch has the same rows under the same policy. Raises
    LedgerUnavailable; then nothing is published.
    """
    models = list(TrainedModel.objects.filter(state="active").values_list("id", flat=True))
    months = list_observed_months(models, today) if models else []
    plausible = {level: count_plausible_cells(level) for level in (PUBLISHED_LEVEL, Level.L3)}
    rows = list(_block_rows(months, plausible, models))
    promoted = sum(row.level is not PUBLISHED_LEVEL for row in rows)
    for newest in list_batches(1) if only_changes else ():
        if (newest.digest, newest.policy_version) == (digest_rows(rows), POLICY_VERSION):
            return Publication(newest.id, False, len(rows), len(months), promoted)
    with recorded(Entry(None, "release.publish", "publish_release", uuid4(), policy_version=POLICY_VERSION)):
        batch = write_batch(rows, POLICY_VERSION)
    return Publication(batch, True, len(rows), len(months), promoted)


def choose_publishable_levels(plausible: dict[Block, int], parents: dict[Block, int]) -> dict[Block, Level | None]:
    """For each block of PUBLISHED_LEVEL: its own level, its parent's where it hides too little, or None (P3).

    Depends on public geography alone. Under the default prior every plausible cell weighs the same.
    """
    chosen: dict[Block, Level | None] = {}
    for block, cells in plausible.items():
        if _is_safe(cells):
            chosen[block] = PUBLISHED_LEVEL
        else:
            chosen[block] = Level.L3 if _is_safe(parents[parent_of(block)]) else None
    return chosen


def parent_of(block: Block) -> Block:
    """The L3 block that holds a block of PUBLISHED_LEVEL."""
    ratio = Level.L3.span // PUBLISHED_LEVEL.span
    return block[0] // ratio, block[1] // ratio


def _is_safe(cells: int) -> bool:
    return cells > 0 and is_safe_to_publish(count_effective_cells([1.0] * cells), 1 / cells)


def _block_rows(
    months: list[date], plausible: dict[Level, dict[Block, int]], models: list[UUID]
) -> Iterator[BlockRow]:
    chosen = choose_publishable_levels(plausible[PUBLISHED_LEVEL], plausible[Level.L3])
    wanted = {
        PUBLISHED_LEVEL: {block for block, level in chosen.items() if level is PUBLISHED_LEVEL},
        Level.L3: {parent_of(block) for block, level in chosen.items() if level is Level.L3},
    }
    for level, blocks in wanted.items():
        previous: dict[Block, ActivityBand] = {}
        for month in months if blocks else []:
            counts = summarise_blocks(level, month, models)
            for block in sorted(blocks & counts.keys()):
                observed, active = counts[block]
                band = choose_activity_band(active, plausible[level][block])
                yield BlockRow(
                    level,
                    *block,
                    month,
                    band,
                    compare_bands(previous.get(block), band),
                    choose_observed_band(observed, plausible[level][block]),
                )
                previous[block] = band
