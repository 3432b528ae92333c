"""Leaky builds of order, pages, cursors and ids."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest

from accounts.viewer import Viewer
from monitor.privacy.door import activity, certificates, placeless
from monitor.privacy.released import Page, ReleasedBlock, ReleasedBlocks
from monitor.releases.batches import BatchRow, list_batches
from monitor.releases.parts import Part, read_part
from monitor.releases.sight import Rights
from tests.privacy.leaks.build import (
    READ_THE_VAULT,
    LeakyBuild,
    ask_of_block,
    ask_vault,
    change_blocks,
    change_released,
    change_response,
)


def _order_by_exact_score(patch: pytest.MonkeyPatch) -> None:
    change_blocks(
        patch, lambda blocks, _: sorted(blocks, key=lambda b: -(ask_of_block("max(probability)", b) or 0))
    )


def _order_by_distance(patch: pytest.MonkeyPatch) -> None:
    """Nearest cell first, as seen from the corner of the box."""

    def measure(block: ReleasedBlock, ask: activity.CoarseAsk) -> float:
        corner = (ask.box.row_from, ask.box.col_from) if ask.box else (9200, 20000)
        nearest = ask_of_block(f"min((row - {corner[0]}) ^ 2 + (col - {corner[1]}) ^ 2)", block)
        return float(nearest if nearest is not None else 1e9)

    change_blocks(patch, lambda blocks, ask: sorted(blocks, key=lambda block: measure(block, ask)))


def _order_as_stored(patch: pytest.MonkeyPatch) -> None:
    """In the order in which cells came in: whose row of the table is first."""
    change_blocks(
        patch, lambda blocks, _: sorted(blocks, key=lambda b: str(ask_of_block("min(ctid)", b, "true") or ""))
    )


def _put_scores_in_cursors(patch: pytest.MonkeyPatch) -> None:
    """The cursor is the sorted-by value in base64, as libraries make it."""

    def reveal(page: ReleasedBlocks, ask: activity.CoarseAsk) -> ReleasedBlocks:
        if page.next_cursor is None:
            return page
        best = float(ask_of_block("max(probability)", page.blocks[-1]) or 0)
        return dataclasses.replace(
            page, next_cursor=base64.urlsafe_b64encode(f"p={best:.4f}".encode()).decode()
        )

    change_released(patch, reveal)


def _end_pages_by_cells(patch: pytest.MonkeyPatch) -> None:
    """A page holds so many cells, not so many blocks."""

    def cut(blocks: Sequence[ReleasedBlock], ask: activity.CoarseAsk) -> list[ReleasedBlock]:
        kept, cells = [], 0
        for block in blocks:
            cells += ask_of_block("count(*)", block) or 0
            if cells > 40:
                break
            kept.append(block)
        return kept

    change_blocks(patch, cut)


def _number_the_alerts(patch: pytest.MonkeyPatch) -> None:
    """Alerts carry the number of their site, counted over all regions: gaps are what others have."""
    honest = placeless.list_alerts

    def list_numbered(viewer: Viewer, *args: Any) -> Page:
        page = honest(viewer, *args)
        statement = (
            "SELECT age - (SELECT min(age) FROM vault.site) FROM vault.site JOIN vault.alert_site ON site_id = id"
            " WHERE alert_id = %s"
        )
        items = [
            dataclasses.replace(item, dismissal=f"no. {ask_vault(statement, item.id)}")  # type: ignore[type-var,attr-defined]
            for item in page.items
        ]
        return Page(items, page.next_cursor)

    patch.setattr("monitor.api.views.alerts.list_alerts", list_numbered)


def _digest_the_whole_batch(patch: pytest.MonkeyPatch) -> None:
    def list_whole(rights: Rights, limit: int, before: datetime | None = None) -> list[BatchRow]:
        return list_batches(limit, before)

    patch.setattr(certificates, "list_batches_of", list_whole)


def _certify_the_whole_batch(patch: pytest.MonkeyPatch) -> None:
    def read(batch: BatchRow, rights: Rights) -> Part:
        return dataclasses.replace(read_part(batch, rights), digest=batch.digest)

    patch.setattr(certificates, "read_part", read)


def _count_in_the_head(patch: pytest.MonkeyPatch) -> None:
    """`Content-Range` counts exact rows, for HEAD too."""

    def count(view: Any, answer: Any) -> None:
        if view.endpoint.endswith("/activity") and answer.status_code == 200:
            total = ask_vault("SELECT count(*) FROM vault.cell_state WHERE state = 'active'")
            answer["Content-Range"] = json.dumps(f"items 0-9/{total}")

    change_response(patch, count)


ORDER_LEAKS = (
    LeakyBuild(
        "blocks come nearest first", "LC-03", "inside", "pia", _order_by_distance, READ_THE_VAULT, "activity"
    ),
    LeakyBuild(
        "blocks come by exact score",
        "LC-04",
        "inside",
        "paul",
        _order_by_exact_score,
        READ_THE_VAULT,
        "activity",
    ),
    LeakyBuild(
        "blocks come as they were stored",
        "LC-04",
        "inside",
        "pia",
        _order_as_stored,
        READ_THE_VAULT,
        "activity",
    ),
    LeakyBuild(
        "a cursor carries a score",
        "LC-05",
        "inside",
        "paul",
        _put_scores_in_cursors,
        READ_THE_VAULT,
        "activity",
        focus="pages",
    ),
    LeakyBuild(
        "a page ends by exact cells",
        "LC-06",
        "inside",
        "pia",
        _end_pages_by_cells,
        READ_THE_VAULT,
        "activity",
    ),
    LeakyBuild(
        "alerts are numbered over all regions",
        "LC-07",
        "elsewhere",
        "rosa",
        _number_the_alerts,
        READ_THE_VAULT,
        focus="lists",
    ),
    LeakyBuild(
        "a head counts exact rows", "LC-09", "inside", "paul", _count_in_the_head, READ_THE_VAULT, "activity"
    ),
    LeakyBuild(
        "a digest covers rows of others",
        "LC-09",
        "elsewhere",
        "pia",
        _digest_the_whole_batch,
        exit="releases",
    ),
    LeakyBuild(
        "a certificate covers rows of others",
        "LC-41",
        "elsewhere",
        "pia",
        _certify_the_whole_batch,
        exit="certificate",
        focus="known by id",
    ),
)
