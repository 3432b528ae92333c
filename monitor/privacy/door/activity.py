"""The one question: where is activity? Answered as sharply as the viewer's rule allows, and no sharper.

Exact roles get cells of their regions from the vault with a ticket; partners get published blocks. There is no third
way, and no role gets both (LC-42).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from uuid import UUID

from accounts.ledger.entry import ReadingPage, Reads, TicketScope
from accounts.ledger.keyed import keyed_question
from accounts.roles import Role
from accounts.viewer import Viewer
from monitor.errors import NotYours
from monitor.field.states import CellState
from monitor.grid import COLS, ROWS, Box, Level, decimal_deg
from monitor.privacy.certificate import period_text
from monitor.privacy.door.cursors import CursorUnusable, open_cursor, seal_cursor
from monitor.privacy.door.disclosure import disclose
from monitor.privacy.door.sight import reader_of, rule_for_blocks
from monitor.privacy.policy import ACTIVITY_RULES, POLICY_VERSION, Rule
from monitor.privacy.released import ExactCells, Provenance, ReleasedBlock, ReleasedBlocks
from monitor.releases.batches import KEPT_BATCHES, BlockRow, list_batches, shape_line
from monitor.releases.blocks import BlockFilter, read_lines_of
from monitor.vault.tickets import CellFilter, read_activity_with_ticket

WHOLE_EARTH = Box(0, 0, ROWS, COLS)
DEFAULT_STATES = (CellState.SUSPECTED, CellState.ACTIVE)
DEFAULT_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class ExactAsk:
    """What an exact role may ask. box: L0 cells. cursor: where the page before ended."""

    region: UUID | None = None
    box: Box | None = None
    states: Sequence[CellState] = DEFAULT_STATES
    mine_class: str | None = None
    min_probability: float | None = None
    since: date | None = None
    limit: int = DEFAULT_LIMIT
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class CoarseAsk:
    """What a coarse role may ask, or an exact role of what it sees in blocks only. box: any box; it is snapped outward to
    whole blocks before it touches a row."""

    region: UUID | None = None
    box: Box | None = None
    period: date | None = None
    level: Level | None = None
    limit: int = DEFAULT_LIMIT
    cursor: str | None = None


def rule_for_activity(viewer: Viewer) -> Rule:
    """The viewer's rule. Raises NotYours for a role that may not ask."""
    rule = ACTIVITY_RULES.get(viewer.role)
    if rule is None:
        raise NotYours("Your role sees no activity.")
    return rule


def read_exact_activity(
    viewer: Viewer, ask: ExactAsk, regions: Sequence[UUID], endpoint: str
) -> tuple[ExactCells, str]:
    """One page of exact cells in the regions of the viewer's mandate, and the receipt of its ledger entry.

    regions: of `list_asked_regions` for this question; the vault opens those that are held and open when it reads. Raises
    NotYours, CursorUnusable, LedgerUnavailable, VaultSealed. Asking for a region outside the mandate and for one that does
    not exist are both answered with no cells (P8).
    """
    rule = rule_for_activity(viewer)
    if not rule.is_exact:
        raise NotYours("Your role sees released blocks only.")
    bound_to = _bound_to(
        viewer, ask.region, ask.box, sorted(ask.states), ask.mine_class, ask.min_probability, ask.since
    )
    after = _read_cell_cursor(ask.cursor, bound_to)
    scope = TicketScope(viewer.user_id, Reads.ACTIVITY, regions)
    with disclose(viewer, "read.activity", endpoint, rule=rule, regions=regions, scope=scope) as disclosure:
        wanted = CellFilter(
            ask.box or WHOLE_EARTH,
            [state.value for state in ask.states],
            ask.mine_class,
            ask.min_probability,
            ask.since,
        )
        page = read_activity_with_ticket(disclosure.ticket, wanted, after, ask.limit)
        disclosure.quantity = len(page.numbers)
        disclosure.cells = page.numbers
        disclosure.answer = page.features.encode()
        if page.more or ask.cursor is not None:
            disclosure.page = ReadingPage(keyed_question(bound_to), is_continued=ask.cursor is not None)
    cursor = seal_cursor([page.numbers[-1]], bound_to) if page.more else None
    return ExactCells(
        provenance_of(rule), page.features, len(page.numbers), cursor
    ), disclosure.ticket.receipt


def read_released_activity(viewer: Viewer, ask: CoarseAsk, endpoint: str) -> tuple[ReleasedBlocks, str]:
    """One page of published blocks of the regions that the viewer receives, and the receipt of its ledger entry.

    Everything here is a function of the release tables (P1). Raises NotYours, CursorUnusable, LedgerUnavailable.
    """
    rule, regions = rule_for_blocks(viewer, ask.region)
    level = max(rule.level, ask.level or rule.level)
    box = ask.box.snapped_outward(level) if ask.box else None
    bound_to = _bound_to(viewer, ask.region, box, ask.period, level)
    batch_id, after = _read_block_cursor(ask.cursor, bound_to)
    with disclose(viewer, "read.activity", endpoint, rule=rule, regions=regions) as disclosure:
        kept = {batch.id: batch for batch in list_batches(KEPT_BATCHES)}
        if batch_id is None:
            batch_id = next(iter(kept), None)
        elif batch_id not in kept:
            raise CursorUnusable
        lines: list[str] = []
        if batch_id is not None:
            wanted = BlockFilter(level, box, ask.period, after)
            reader = None if viewer.role is Role.PUBLIC else reader_of(viewer)
            lines = read_lines_of(kept[batch_id], regions, wanted, ask.limit + 1, reader)
        page, more = lines[: ask.limit], len(lines) > ask.limit
        disclosure.quantity = len(page)
        disclosure.answer = "\n".join(page).encode()
    cursor = None
    if more:
        last = shape_line(page[-1])
        position = [str(batch_id), last.period.isoformat(), int(last.level), last.row, last.col]
        cursor = seal_cursor(position, bound_to)
    blocks = ReleasedBlocks(
        provenance_of(rule, level),
        batch_id,
        bounds_text(box) if box else None,
        [_shape_line(line) for line in page],
        cursor,
    )
    return blocks, disclosure.ticket.receipt


def provenance_of(rule: Rule, level: Level | None = None) -> Provenance:
    """What an answer under this rule says of itself (P9)."""
    applied = rule.level if level is None else level
    return Provenance(applied.deg_text, applied.name, rule.name, POLICY_VERSION, not rule.is_exact)


@lru_cache(maxsize=16_384)
def shape_block(row: BlockRow) -> ReleasedBlock:
    """A published row as what may leave. Kept, because files and pages of one batch tell the same rows to everybody (P5)."""
    n, south, west = (
        row.level.span,
        row.row * row.level.span - ROWS // 2,
        row.col * row.level.span - COLS // 2,
    )
    bounds = (decimal_deg(west), decimal_deg(south), decimal_deg(west + n), decimal_deg(south + n))
    period, part = period_text(row.edition, row.period), "whole" if row.is_whole else "rest"
    return ReleasedBlock(
        row.level.name, row.row, row.col, bounds, period, row.band, row.trend, row.observed, part
    )


@lru_cache(maxsize=16_384)
def _shape_line(line: str) -> ReleasedBlock:
    """`shape_block` of a row as the table has it in one text, found without taking it apart again."""
    return shape_block(shape_line(line))


def bounds_text(box: Box) -> tuple[str, str, str, str]:
    """West, south, east, north of a box of cells, exact decimals in degrees."""
    return (
        decimal_deg(box.col_from - COLS // 2),
        decimal_deg(box.row_from - ROWS // 2),
        decimal_deg(box.col_to - COLS // 2),
        decimal_deg(box.row_to - ROWS // 2),
    )


def _bound_to(viewer: Viewer, *question: object) -> str:
    return hashlib.sha256(
        repr((str(viewer.user_id), viewer.role, POLICY_VERSION, question)).encode()
    ).hexdigest()


def _read_cell_cursor(cursor: str | None, bound_to: str) -> int:
    if cursor is None:
        return -1
    match open_cursor(cursor, bound_to):
        case [int(number)]:
            return number
    raise CursorUnusable


def _read_block_cursor(
    cursor: str | None, bound_to: str
) -> tuple[UUID | None, tuple[date, int, int, int] | None]:
    if cursor is None:
        return None, None
    match open_cursor(cursor, bound_to):
        case [str(batch), str(period), int(level), int(row), int(col)]:
            return UUID(batch), (date.fromisoformat(period), level, row, col)
    raise CursorUnusable
