"""Regions: which ones the viewer holds, and what published blocks say of one of them together.

A summary is arithmetic over released rows (P1). It speaks of whole blocks, those that the agreement on the region covers,
not of the region's own outline: a figure for the part of a block inside a border would be a sliver (P4). It names a region
only to somebody whose agreement does. An exact role has one only where posture leaves it no cells of the region: beside
them it would be a second view (LC-42).
"""

from __future__ import annotations

from datetime import date
from uuid import UUID

from accounts.viewer import Viewer
from monitor.errors import NotThere
from monitor.grid import Level
from monitor.privacy.certificate import Quarter, period_text
from monitor.privacy.door.activity import provenance_of, rule_for_activity
from monitor.privacy.door.disclosure import disclose
from monitor.privacy.door.sight import reader_of, rule_for_blocks
from monitor.privacy.door.viewers import name_regions
from monitor.privacy.intervals import BandedBlock, plausible_range, sum_up, write_per_cent
from monitor.privacy.released import Page
from monitor.privacy.released_files import ReleasedSummary
from monitor.privacy.scope import list_regions
from monitor.releases.batches import BatchRow, BlockRow, list_batches, shape_line
from monitor.releases.blocks import BlockFilter, find_newest, read_shown
from monitor.releases.sight import Rights, read_with_rights

PAGE_BLOCKS = 2_000


def list_own_regions(viewer: Viewer, endpoint: str) -> Page:
    """The regions of the mandate or of the agreements, by name. All of them: nobody holds more than a page."""
    rule_for_activity(viewer)
    with disclose(viewer, "read.regions", endpoint) as disclosure:
        regions = name_regions(viewer)
        disclosure.quantity = len(regions)
    return Page(regions)


def summarise_region(
    viewer: Viewer, region_id: UUID, period: date | None, endpoint: str
) -> tuple[ReleasedSummary, str]:
    """What the published blocks of one region say of a month (the newest where none is named), and the receipt.

    Raises NotYours for an exact role, unless the region is its own and guarded or sealed; NotThere for a region that the
    viewer does not receive (P8), also where that, or their token, ended while it was read (P7); LedgerUnavailable.
    """
    rule, regions = rule_for_blocks(viewer, region_id)
    with disclose(
        viewer, "read.summary", endpoint, rule=rule, regions=regions, objects=[region_id]
    ) as disclosure:
        region = next((held for held in list_regions(viewer) if held.id == region_id), None)
        if region is None or region_id not in regions:
            raise NotThere
        batch = next(iter(list_batches(1)), None)
        period, rows = read_with_rights(
            reader_of(viewer),
            [region_id],
            lambda rights: _read_rows(batch, rights, region_id, rule.level, period),
        )
        told = sum_up([BandedBlock(row.band, row.observed, plausible_range(row.level)) for row in rows])
        summary = ReleasedSummary(
            # a sum has no rows to say it for themselves
            provenance_of(rule, min((row.level for row in rows), default=rule.level)),
            region.id,
            region.name,
            batch.id if batch else None,
            period_text(Level.L3 if isinstance(period, Quarter) else Level.L2, period) if period else None,
            len(rows),
            (int(told.cells.low), int(told.cells.high)),
            write_per_cent(told.share),
            write_per_cent(told.observed),
        )
        disclosure.quantity, disclosure.answer = len(rows), repr(summary).encode()
    return summary, disclosure.ticket.receipt


def _read_rows(
    batch: BatchRow | None, rights: Rights, region_id: UUID, level: Level, period: date | None
) -> tuple[date | None, list[BlockRow]]:
    """The month or quarter, and all its rows, under the same rights: a part of them would be another sum. Raises NotThere,
    RightsMoved."""
    if region_id not in rights.sight.levels:
        raise NotThere
    rows: list[BlockRow] = []
    if batch is None:
        return period, rows
    period = period or find_newest(batch, rights, level)
    after, more = None, period is not None
    while more:
        lines = read_shown(batch, rights, BlockFilter(level, None, period, after), PAGE_BLOCKS)
        rows += [shape_line(line) for line in lines]
        more = len(lines) == PAGE_BLOCKS
        if more:
            after = (rows[-1].period, int(rows[-1].level), rows[-1].row, rows[-1].col)
    return period, rows
