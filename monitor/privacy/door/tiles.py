"""Activity as vector tiles: exact cells or published blocks, by the rule of `activity` and the posture of the regions.

Nothing is kept: a tile is drawn each time from rows that the statement that reads them lets this viewer see now (P7). An
empty tile is the same whether nothing is there or nothing may be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

from accounts.ledger.entry import ReadingPage, Reads, TicketScope
from accounts.ledger.keyed import keyed_question
from accounts.viewer import Viewer
from monitor.errors import NotThere, NotYours, QuotaSpent
from monitor.field.states import CellState
from monitor.grid import Level
from monitor.privacy.certificate import period_text
from monitor.privacy.door.activity import DEFAULT_STATES, provenance_of, rule_for_activity
from monitor.privacy.door.disclosure import disclose
from monitor.privacy.door.sight import list_exact_regions, reader_of, rule_for_blocks
from monitor.privacy.policy import POLICY_VERSION, Rule
from monitor.privacy.released import Provenance
from monitor.privacy.released_files import Tile
from monitor.releases.batches import BlockRow, list_batches
from monitor.releases.blocks import find_newest_period, read_blocks
from monitor.tiles import Square, TileAddress, Value, encode_tile
from monitor.vault.tickets import CellFilter, ChunkShape, read_activity_chunk_with_ticket

MAX_CELLS = 100_000
"""More than any tile of the least zoom holds."""
MAX_BLOCKS = 100_000
TOLD_OF_A_TILE = 1
"""The quantity of every tile of cells, also of one with none: the tile. Maps ask for tiles in an order that is known, so
numbers of one after the other would draw auditors a map; which cells they were is sealed, and counted over the hour."""


@dataclass(frozen=True, slots=True)
class ExactTileAsk:
    """Which tile of cells."""

    address: TileAddress
    region: UUID | None = None
    states: Sequence[CellState] = DEFAULT_STATES
    mine_class: str | None = None
    min_probability: float | None = None
    since: date | None = None


@dataclass(frozen=True, slots=True)
class CoarseTileAsk:
    """Which tile of blocks. period: by default the newest month that the viewer sees."""

    address: TileAddress
    region: UUID | None = None
    period: date | None = None
    level: Level | None = None


def read_exact_tile(viewer: Viewer, ask: ExactTileAsk, endpoint: str) -> tuple[Tile, str]:
    """One tile of exact cells, and the receipt of its ledger entry.

    Raises NotYours, LedgerUnavailable, VaultSealed; QuotaSpent where the day's quota ends in it, because a tile cannot say
    that it is incomplete; NotThere for a zoom at which there is no tile of cells and for a tile off the earth.
    """
    rule = rule_for_activity(viewer)
    if not rule.is_exact:
        raise NotYours("Your role sees released blocks only.")
    if not ask.address.is_on_earth(Level.L0):
        raise NotThere
    regions = list_exact_regions(viewer, ask.region)
    scope = TicketScope(viewer.user_id, Reads.ACTIVITY, regions)
    with disclose(viewer, "read.activity", endpoint, rule=rule, regions=regions, scope=scope) as disclosure:
        states = [state.value for state in ask.states]
        wanted = CellFilter(ask.address.box, states, ask.mine_class, ask.min_probability, ask.since)
        chunk = read_activity_chunk_with_ticket(
            disclosure.ticket, ChunkShape.LINES, wanted, -1, MAX_CELLS, rule.name, POLICY_VERSION
        )
        if chunk.more:
            raise QuotaSpent
        about = _about(provenance_of(rule))
        lines = chunk.content.decode().splitlines()
        content = encode_tile(ask.address, [(Level.L0, _cell(line.split(","), about)) for line in lines])
        disclosure.quantity, disclosure.cells = TOLD_OF_A_TILE, chunk.numbers
        # the entry's id, so that neither the same tile nor an empty one is recognised in another entry
        disclosure.answer = disclosure.ticket.entry_id.bytes + content
        disclosure.page = _page_of_map(viewer)
    return Tile(provenance_of(rule), content), disclosure.ticket.receipt


def _page_of_map(viewer: Viewer) -> ReadingPage:
    """That a tile is a part of what somebody looks at in this hour: maps ask for tiles in an order that is known."""
    looked_at = f"{viewer.user_id} {viewer.role} {datetime.now(UTC):%Y-%m-%d %H}"
    return ReadingPage(keyed_question(looked_at), is_continued=True)


def read_released_tile(viewer: Viewer, ask: CoarseTileAsk, endpoint: str) -> tuple[Tile, str]:
    """One tile of published blocks, and the receipt of its ledger entry. A function of the release tables (P1).

    Raises NotYours, LedgerUnavailable; NotThere for a zoom beyond the level and for a tile off the earth.
    """
    rule, regions = rule_for_blocks(viewer, ask.region)
    level = max(rule.level, ask.level or rule.level)
    if not ask.address.is_on_earth(level):
        raise NotThere
    with disclose(viewer, "read.activity", endpoint, rule=rule, regions=regions) as disclosure:
        rows = _read_rows(viewer, regions, level, ask)
        squares = [(row.level, Square(row.row, row.col, _block(row, rule))) for row in rows]
        content = encode_tile(ask.address, squares)
        disclosure.quantity, disclosure.answer = len(rows), content
    return Tile(provenance_of(rule, level), content), disclosure.ticket.receipt


def _read_rows(
    viewer: Viewer, regions: Sequence[UUID], level: Level, ask: CoarseTileAsk
) -> Sequence[BlockRow]:
    """The blocks that touch the tile, of the month asked for or of the newest that the viewer sees of these regions."""
    batch = next(iter(list_batches(1)), None)
    if batch is None:
        return []
    period = ask.period or find_newest_period(batch.id, regions, level, reader_of(viewer))
    if period is None:
        return []
    box = ask.address.box.snapped_outward(level)
    return read_blocks(batch.id, regions, level, box, period, None, MAX_BLOCKS, reader_of(viewer))


def _about(provenance: Provenance) -> dict[str, Value]:
    return {
        "level": provenance.level,
        "precision_deg": float(provenance.precision_deg),
        "rule": provenance.rule,
        "policy_version": provenance.policy_version,
        "generalised": provenance.generalised,
    }


def _block(row: BlockRow, rule: Rule) -> dict[str, Value]:
    values: dict[str, Value] = {
        "row": row.row,
        "col": row.col,
        "period": period_text(row.edition, row.period),
        "band": row.band.value,
        "trend": row.trend.value,
        "observed": row.observed.value,
        "part": "whole" if row.is_whole else "rest",
    }
    return values | _about(provenance_of(rule, row.level))


def _cell(line: Sequence[str], about: dict[str, Value]) -> Square:
    row, col, state, mine_class, probability = line[4:9]
    values: dict[str, Value] = {"row": int(row), "col": int(col), "state": state, "class": mine_class}
    if probability:
        values["probability"] = float(probability)
    values |= {"observed_on": line[11]}
    # a tile has no nulls and no lists
    values |= {
        name: text for name, text in (("confidence", line[13]), ("public_elsewhere", line[14])) if text
    }
    return Square(int(row), int(col), values | about)
