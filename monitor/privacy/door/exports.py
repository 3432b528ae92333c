"""Activity as a file: the question of `activity` without pages, answered part by part while it is sent.

An exact file is read in chunks, each with an entry and a ticket of its own; the statement that reads a chunk checks the
holder's rights, so what is taken away ends the file before the next chunk (P7). Pages of blocks are decided by the
statement that reads them, and a file ends where the next page is decided otherwise than the first. The entry of the
whole file is committed first and completed with what left; until then it counts as full disclosure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from accounts.ledger.connection import LedgerUnavailable
from accounts.ledger.entry import Entry, Outcome, ReadingPage, Reads, Refusal, Ticket, TicketScope
from accounts.ledger.writer import complete_entry, open_entry, record
from accounts.viewer import Viewer
from monitor.errors import NotThere, NotYours, QuotaSpent, StreamCut, TooMany
from monitor.grid import Box, Level
from monitor.privacy.door.activity import (
    WHOLE_EARTH,
    CoarseAsk,
    ExactAsk,
    bounds_text,
    provenance_of,
    rule_for_activity,
    shape_block,
)
from monitor.privacy.door.disclosure import disclose
from monitor.privacy.door.sight import list_exact_regions, reader_of, rule_for_blocks
from monitor.privacy.policy import POLICY_VERSION, Rule
from monitor.privacy.released import ReleasedBlock
from monitor.privacy.released_files import ExactFile, FileFormat, ReadyFile, ReleasedFile, Stream
from monitor.releases.batches import KEPT_BATCHES, BatchRow, BlockRow, list_batches
from monitor.releases.blocks import BlockFilter, read_page_of
from monitor.releases.flatgeobuf import (
    cut_flatgeobuf,
    write_flatgeobuf_features,
    write_flatgeobuf_head,
    write_flatgeobuf_head_of_cells,
)
from monitor.releases.sight import read_rights
from monitor.vault.tickets import CellChunk, CellFilter, ChunkShape, read_activity_chunk_with_ticket

CHUNK_CELLS = 2_000
"""Cells of one chunk: so many may leave between two looks at the holder's rights."""
PAGE_BLOCKS = 2_000
MAX_IN_MEMORY = 100_000
"""Rows of a file that cannot be sent before it is whole (GeoPackage)."""
_SHAPES = {FileFormat.GEOJSON: ChunkShape.FEATURES, FileFormat.FGB: ChunkShape.FLATGEOBUF}


@dataclass(slots=True)
class _Tally:
    """What of a file has left so far."""

    quantity: int = 0
    digests: list[bytes] = field(default_factory=list)

    def add(self, quantity: int, content: bytes, file_format: FileFormat) -> None:
        """Count a part. Raises TooMany for a file that would be too long to be made whole."""
        self.quantity += quantity
        self.digests.append(hashlib.sha256(content).digest())
        if file_format is FileFormat.GPKG and self.quantity > MAX_IN_MEMORY:
            raise TooMany


def open_exact_file(
    viewer: Viewer, ask: ExactAsk, file_format: FileFormat, endpoint: str
) -> tuple[ExactFile | ReadyFile, str]:
    """Exact cells of the regions that the viewer sees exactly as a file, its first chunk read, and the receipt of the whole.

    Raises NotYours, LedgerUnavailable, VaultSealed, TooMany, QuotaSpent; NotThere where a right ended before the first
    chunk. The stream raises StreamCut where one ends later, the day's quota among them.
    """
    rule = rule_for_activity(viewer)
    if not rule.is_exact:
        raise NotYours("Your role sees released blocks only.")
    regions = list_exact_regions(viewer, ask.region)
    whole = open_entry(_entry(viewer, "export.activity", endpoint, rule, regions))
    cells = _Cells(viewer, ask, file_format, endpoint, rule, regions)
    try:
        stream = Stream(cells.read(whole))
    except StreamCut:
        raise NotThere from None
    kind = ReadyFile if file_format is FileFormat.FGB else ExactFile
    return kind(provenance_of(rule), file_format, stream), whole.receipt


def open_released_file(
    viewer: Viewer, ask: CoarseAsk, file_format: FileFormat, endpoint: str
) -> tuple[ReleasedFile | ReadyFile, str]:
    """Published blocks that the viewer sees as a file, and the receipt. A function of the release tables (P1).

    Raises NotYours, LedgerUnavailable, TooMany; NotThere where a right ended before the first page. The stream raises
    StreamCut where one ends later, or the batch is no longer kept.
    """
    standing = read_rights(reader_of(viewer)).text
    rule, regions = rule_for_blocks(viewer, ask.region)
    level = max(rule.level, ask.level or rule.level)
    box = ask.box.snapped_outward(level) if ask.box else None
    whole = open_entry(_entry(viewer, "export.activity", endpoint, rule, regions))
    batch = next(iter(list_batches(1)), None)
    blocks = _Blocks(viewer, batch, regions, level, box, ask.period, file_format, standing)
    provenance = provenance_of(rule, level)
    try:
        if file_format is FileFormat.FGB:
            features = Stream(_write_features(blocks.read(whole), rule))
            return ReadyFile(provenance, file_format, features), whole.receipt
        pages = Stream(_shape_pages(blocks.read(whole)))
    except StreamCut:
        raise NotThere from None
    released = ReleasedFile(
        provenance,
        file_format,
        batch.id if batch else None,
        batch.published_at if batch else None,
        bounds_text(box) if box else None,
        pages,
    )
    return released, whole.receipt


def _entry(viewer: Viewer, action: str, endpoint: str, rule: Rule, regions: Sequence[UUID]) -> Entry:
    return Entry(
        viewer, action, endpoint, viewer.request_id, int(rule.level), rule.name, POLICY_VERSION, regions
    )


@contextmanager
def _tallied(whole: Ticket) -> Iterator[_Tally]:
    """Complete the entry of a whole file with what left, however it ended: answered, refused (cut) or failed."""
    tally = _Tally()
    try:
        yield tally
    except BaseException as error:  # GeneratorExit among them: whoever reads has gone
        outcome = Outcome.REFUSED if isinstance(error, StreamCut | Refusal) else Outcome.FAILED
        # an entry that cannot be completed stays open, and that counts as full disclosure
        with suppress(LedgerUnavailable):
            complete_entry(whole, outcome, tally.quantity, b"".join(tally.digests))
        raise
    complete_entry(whole, Outcome.ANSWERED, tally.quantity, b"".join(tally.digests))


@dataclass(frozen=True, slots=True)
class _Cells:
    """The chunks of an exact file."""

    viewer: Viewer
    ask: ExactAsk
    file_format: FileFormat
    endpoint: str
    rule: Rule
    regions: Sequence[UUID]

    def read(self, whole: Ticket) -> Generator[bytes]:
        """The content of each, at least one, possibly empty. Raises what `open_exact_file` says."""
        is_flatgeobuf = self.file_format is FileFormat.FGB
        with _tallied(whole) as tally:
            head = write_flatgeobuf_head_of_cells() if is_flatgeobuf else b""
            after, more, sight = -1, True, None
            while more:
                chunk = self._read_chunk(after, sight, ReadingPage(whole.entry_id, is_continued=after >= 0))
                tally.add(len(chunk.numbers), chunk.content, self.file_format)
                yield head + (cut_flatgeobuf(chunk.content)[1] if is_flatgeobuf else chunk.content)
                head, more, sight = b"", chunk.more, chunk.sight
                after = chunk.numbers[-1] if chunk.numbers else after

    def _read_chunk(self, after: int, sight: str | None, page: ReadingPage) -> CellChunk:
        """One chunk, with an entry and a ticket of its own. sight: of the chunk before, None before the first. page: of the
        file, which is one reading.

        Raises StreamCut; QuotaSpent in its place while not a byte can have been sent.
        """
        ask, rule = self.ask, self.rule
        wanted = CellFilter(
            ask.box or WHOLE_EARTH,
            [state.value for state in ask.states],
            ask.mine_class,
            ask.min_probability,
            ask.since,
        )
        shape = _SHAPES.get(self.file_format, ChunkShape.LINES)
        scope = TicketScope(self.viewer.user_id, Reads.ACTIVITY, self.regions)
        try:
            with disclose(
                self.viewer, "read.activity", self.endpoint, rule=rule, regions=self.regions, scope=scope
            ) as disclosure:
                chunk = read_activity_chunk_with_ticket(
                    disclosure.ticket, shape, wanted, after, CHUNK_CELLS, rule.name, POLICY_VERSION
                )
                if chunk.sight is None or sight not in (None, chunk.sight):
                    raise NotThere
                disclosure.quantity, disclosure.cells = len(chunk.numbers), chunk.numbers
                disclosure.answer, disclosure.page = chunk.content, page
        except QuotaSpent:
            if sight is None or self.file_format is FileFormat.GPKG:
                raise
            _note_spent_quota(self.viewer, self.endpoint)
            raise StreamCut from None
        except NotThere:
            raise StreamCut from None
        return chunk


def _note_spent_quota(viewer: Viewer, endpoint: str) -> None:
    """What the base view does for a refusal that can still be answered: auditors look for spent quotas."""
    entry = Entry(viewer, "refuse.quota", endpoint, viewer.request_id, policy_version=POLICY_VERSION)
    # the file ends anyhow, and its entry stays open
    with suppress(LedgerUnavailable):
        record(entry, Outcome.REFUSED)


@dataclass(frozen=True, slots=True)
class _Blocks:
    """The pages of a file of blocks. standing: the word of the viewer's rights when the file was begun."""

    viewer: Viewer
    batch: BatchRow | None
    regions: Sequence[UUID]
    level: Level
    box: Box | None
    period: date | None
    file_format: FileFormat
    standing: str | None

    def read(self, whole: Ticket) -> Generator[list[BlockRow]]:
        """Each page, at least one, possibly empty. Raises StreamCut, TooMany."""
        with _tallied(whole) as tally:
            after, more = None, True
            while more:
                rows = self._read_page(after)
                self._check_kept()
                tally.add(len(rows), repr(rows).encode(), self.file_format)
                yield rows
                more = len(rows) == PAGE_BLOCKS
                if more:
                    after = (rows[-1].period, int(rows[-1].level), rows[-1].row, rows[-1].col)

    def _read_page(self, after: tuple[date, int, int, int] | None) -> list[BlockRow]:
        """Raises StreamCut where the rights that it is read with are others than those of the beginning, or none."""
        rows, word = list[BlockRow](), self.standing
        if self.batch is not None:
            wanted = BlockFilter(self.level, self.box, self.period, after)
            rows, word = read_page_of(self.batch, self.regions, wanted, PAGE_BLOCKS, reader_of(self.viewer))
        if word is None or word != self.standing:
            raise StreamCut
        return rows

    def _check_kept(self) -> None:
        """After a page: its rows were not taken away under it."""
        if self.batch is not None and self.batch.id not in {batch.id for batch in list_batches(KEPT_BATCHES)}:
            raise StreamCut


def _shape_pages(pages: Generator[list[BlockRow]]) -> Generator[Sequence[ReleasedBlock]]:
    with closing(pages):
        for page in pages:
            yield [shape_block(row) for row in page]


def _write_features(pages: Generator[list[BlockRow]], rule: Rule) -> Generator[bytes]:
    with closing(pages):
        head = write_flatgeobuf_head()
        for page in pages:
            yield head + write_flatgeobuf_features(page, rule.name, POLICY_VERSION)
            head = b""
