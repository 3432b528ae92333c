"""Publish a release: months of the vault become bands of blocks, in one batch, all or nothing.

Runs as the worker. What goes in is counted once, here; what comes out is bands. Corrections and withdrawals appear
with the next batch, which is complete in itself, so nothing is left behind that says what changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
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
class PublishedBlock:
    """One block of a release. position: row and column at `level`. counts: the blocks of PUBLISHED_LEVEL whose cells are
    counted in it; no cell is counted in two published blocks. plausible: how many plausible cells those have."""

    level: Level
    position: Block
    counts: tuple[Block, ...]
    plausible: int


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
    published = choose_published_blocks(count_plausible_cells(PUBLISHED_LEVEL))
    rows = list(_block_rows(months, published, models))
    promoted = sum(row.level is not PUBLISHED_LEVEL for row in rows)
    for newest in list_batches(1) if only_changes else ():
        if (newest.digest, newest.policy_version) == (digest_rows(rows), POLICY_VERSION):
            return Publication(newest.id, False, len(rows), len(months), promoted)
    with recorded(Entry(None, "release.publish", "publish_release", uuid4(), policy_version=POLICY_VERSION)):
        batch = write_batch(rows, POLICY_VERSION)
    return Publication(batch, True, len(rows), len(months), promoted)


def choose_published_blocks(plausible: Mapping[Block, int]) -> list[PublishedBlock]:
    """Which blocks are published and what each of them counts, from public geography alone (P3).

    plausible: cells by block of PUBLISHED_LEVEL; under the default prior every plausible cell weighs the same. A block
    that hides too little is counted in its parent. The parent counts no block that is published by itself: the
    difference would be a figure for the few cells left. Where those are too few even together, the smallest of the
    other blocks join them; where all of a parent's cells are too few, none of them is published.
    """
    families: dict[Block, list[Block]] = defaultdict(list)
    for block in sorted(plausible):
        families[parent_of(block)].append(block)
    published = []
    for parent, blocks in families.items():
        hidden = [block for block in blocks if not _is_safe(plausible[block])]
        alone = sorted(
            (block for block in blocks if _is_safe(plausible[block])), key=lambda block: plausible[block]
        )
        while hidden and alone and not _is_safe(sum(plausible[block] for block in hidden)):
            hidden.append(alone.pop(0))
        published += [
            PublishedBlock(PUBLISHED_LEVEL, block, (block,), plausible[block]) for block in sorted(alone)
        ]
        together = sum(plausible[block] for block in hidden)
        if _is_safe(together):
            published.append(PublishedBlock(Level.L3, parent, tuple(hidden), together))
    return published


def parent_of(block: Block) -> Block:
    """The L3 block that holds a block of PUBLISHED_LEVEL."""
    ratio = Level.L3.span // PUBLISHED_LEVEL.span
    return block[0] // ratio, block[1] // ratio


def _is_safe(cells: int) -> bool:
    return cells > 0 and is_safe_to_publish(count_effective_cells([1.0] * cells), 1 / cells)


def _block_rows(
    months: list[date], published: Sequence[PublishedBlock], models: list[UUID]
) -> Iterator[BlockRow]:
    previous: dict[PublishedBlock, ActivityBand] = {}
    for month in months:
        counts = summarise_blocks(PUBLISHED_LEVEL, month, models)
        for block in published:
            observed = sum(counts[part].observed for part in block.counts if part in counts)
            if not observed:
                continue
            active = sum(counts[part].active for part in block.counts if part in counts)
            band = choose_activity_band(active, block.plausible)
            yield BlockRow(
                block.level,
                *block.position,
                month,
                band,
                compare_bands(previous.get(block), band),
                choose_observed_band(observed, block.plausible),
            )
            previous[block] = band
