"""Read published blocks. Filters, order and pages run on coarse rows only (P1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import numpy as np

from monitor.grid import Box, Level
from monitor.privacy.certificate import Quarter, Rows
from monitor.privacy.hiding import EDITIONS, MaskArray
from monitor.privacy.shown import choose_shown
from monitor.releases.batches import (
    COLUMNS,
    EMPTY,
    BatchRow,
    BlockRow,
    digest_rows,
    find_batch,
    shape_line,
    shape_row,
)
from monitor.releases.geography import read_map
from monitor.releases.sight import Reader, Rights, read_still, read_with_rights

Position = tuple[date, int, int, int]
"""Where a page ended: period, level, row, col of its last block."""


@dataclass(frozen=True, slots=True)
class BlockFilter:
    """What is asked for. level: the finest level wanted; what is seen sharper is read at that level. box: L0 cells, already
    snapped outward to `level`; a block is in it where the two overlap. period: first day of a month, or a `Quarter`.
    after: where the page before ended."""

    level: Level
    box: Box | None = None
    period: date | None = None
    after: Position | None = None


def read_blocks(
    batch_id: UUID,
    regions: Sequence[UUID],
    level: Level,
    box: Box | None,
    period: date | None,
    after: Position | None,
    limit: int,
    reader: Reader | None,
) -> list[BlockRow]:
    """Up to `limit` blocks of a batch that somebody sees in these regions, in the order of period, level, row, col.

    reader: who asks, None for the public. Whether their token is good, whether they still hold the regions, and how sharply
    they see them by agreement, posture and grants, is asked again in the statement that reads (P7). The rest: `BlockFilter`.
    """
    batch = find_batch(batch_id)
    wanted = BlockFilter(level, box, period, after)
    lines = [] if batch is None else read_lines_of(batch, regions, wanted, limit, reader)
    return [shape_line(line) for line in lines]


def read_lines_of(
    batch: BatchRow, regions: Sequence[UUID], wanted: BlockFilter, limit: int, reader: Reader | None
) -> list[str]:
    """`read_blocks` of a batch that was looked up, each block as the text that `shape_line` takes."""
    return read_with_rights(reader, regions, lambda rights: read_shown(batch, rights, wanted, limit))


def read_page_of(
    batch: BatchRow, regions: Sequence[UUID], wanted: BlockFilter, limit: int, reader: Reader
) -> tuple[list[BlockRow], str | None]:
    """`read_blocks` of a batch that was looked up, and the word of the rights that it was read with (`Rights.text`): for an
    answer of several pages, which ends where the next is read with others."""
    lines, word = read_with_rights(
        reader, regions, lambda rights: (read_shown(batch, rights, wanted, limit), rights.text)
    )
    return [shape_line(line) for line in lines], word


def find_newest_period(
    batch_id: UUID, regions: Sequence[UUID], level: Level, reader: Reader | None
) -> date | None:
    """The newest month or quarter of which `read_blocks` would find a block, or None (P5)."""
    batch = find_batch(batch_id)
    if batch is None:
        return None
    return read_with_rights(reader, regions, lambda rights: find_newest(batch, rights, level))


def find_newest(batch: BatchRow, rights: Rights, level: Level) -> date | None:
    """`find_newest_period` with rights that were looked up before. Raises RightsMoved where they are others now."""
    shown = _mask_shown(batch, rights, level)
    if not shown:
        return None
    rows, values = _select_shown(batch, shown)
    newest = f"SELECT b.period, b.edition FROM ({rows}) b ORDER BY b.period DESC, b.edition LIMIT 1"  # noqa: S608
    for period, edition in read_still(newest, rights, values):
        return Quarter(period.year, period.month, 1) if edition == Level.L3 else period
    return None


def read_shown(batch: BatchRow, rights: Rights, wanted: BlockFilter, limit: int) -> list[str]:
    """`read_lines_of` with rights that were looked up before. Raises RightsMoved where they are others now."""
    shown = _mask_shown(batch, rights, wanted.level, wanted.box)
    period, after = wanted.period, wanted.after
    if period is not None:
        is_quarter = isinstance(period, Quarter)
        shown = {edition: mask for edition, mask in shown.items() if (edition is Level.L3) == is_quarter}
    conditions = [
        "b.batch_id = %(batch)s",
        "(b.period, b.level, b.row, b.col) > (%(p)s, %(l)s::int, %(r)s, %(c)s)",
    ]
    values: dict[str, Any] = {"batch": batch.id, "limit": limit}
    values |= dict(zip("plrc", after or (date.min, -1, -1, -1), strict=True))
    if period is not None:
        conditions.append("b.period = %(period)s")
        values["period"] = period
    order = "ORDER BY b.period, b.level, b.row, b.col LIMIT %(limit)s"
    # each edition in the order of its key: a page reads as many rows as it has, not all that are shown
    columns, where = "b.period, b.level, b.row, b.col, b.line", " AND ".join(conditions)
    parts = [
        f"(SELECT {columns} FROM release.block b WHERE b.edition = {int(edition)} AND {where}"  # noqa: S608
        f" AND get_bit(%(shown_{int(edition)})s, b.piece::bigint) = 1 {order})"
        for edition in shown
    ]
    values |= {f"shown_{int(edition)}": mask for edition, mask in shown.items()}
    if not parts:
        return []
    rows = " UNION ALL ".join(parts)
    # one value for all rows: taking a thousand rows of nine values apart would cost more than finding them
    found = read_still(
        "SELECT string_agg(page.line, chr(10) ORDER BY page.period, page.level, page.row, page.col)"  # noqa: S608
        f" FROM (SELECT b.* FROM ({rows}) b {order}) page",
        rights,
        values,
    )
    return found[0][0].split("\n") if found else []


def count_rows(batch: BatchRow, rights: Rights) -> tuple[Rows, str]:
    """How many rows of a batch somebody sees, by edition, period and level, and their digest. Raises RightsMoved."""
    shown = _mask_shown(batch, rights, Level.L1)
    if not shown:
        return {}, EMPTY
    rows, values = _select_shown(batch, shown)
    found = [shape_row(row) for row in read_still(rows, rights, values)]
    counts: dict[Level, dict[tuple[date, Level], int]] = {edition: {} for edition in shown}
    for row in found:
        kind = row.period, row.level
        counts[row.edition][kind] = counts[row.edition].get(kind, 0) + 1
    return counts, digest_rows(found)


def list_shown(
    batch: BatchRow, rights: Rights, level: Level, box: Box | None = None
) -> Mapping[Level, MaskArray]:
    """By edition, which pieces of a batch's geography somebody sees, in a box; of editions of which they see any."""
    if batch.geography_id is None:
        return {}
    ground = read_map(batch.geography_id)
    shown = choose_shown(ground, rights.sight.at_least(level))
    if rights.regions is not None:
        shown = {edition: mask & ground.touches(rights.regions, edition) for edition, mask in shown.items()}
    if box is not None:
        shown = {edition: mask & ground.editions[edition].overlaps(box) for edition, mask in shown.items()}
    return {edition: shown[edition] for edition in EDITIONS if shown[edition].any()}


def _mask_shown(batch: BatchRow, rights: Rights, level: Level, box: Box | None = None) -> dict[Level, bytes]:
    return {
        edition: np.packbits(mask, bitorder="little").tobytes()
        for edition, mask in list_shown(batch, rights, level, box).items()
    }


def _select_shown(batch: BatchRow, shown: Mapping[Level, bytes]) -> tuple[str, dict[str, Any]]:
    """All rows of a batch that are shown: the statement and its values."""
    parts = [
        f"SELECT {COLUMNS} FROM release.block b WHERE b.batch_id = %(batch)s AND b.edition = {int(edition)}"  # noqa: S608
        f" AND get_bit(%(shown_{int(edition)})s, b.piece::bigint) = 1"
        for edition in shown
    ]
    values = {f"shown_{int(edition)}": mask for edition, mask in shown.items()}
    return " UNION ALL ".join(parts), {"batch": batch.id, **values}
