"""Leaky builds: ways in which somebody might one day break the promise, each put into the running code for one test.

The harness must catch every one; without that, "no leak found" would mean nothing. Some builds need a right that the
database does not give to the web role, or another function in it: those bring a statement, as a careless migration would.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from accounts.viewer import Viewer
from monitor.api.view import DoorView
from monitor.errors import NotYours
from monitor.models import Alert
from monitor.privacy.door import activity, certificates, placeless
from monitor.privacy.released import PlacelessAlert, ReleasedBlock, ReleasedBlocks
from monitor.releases.batches import BatchRow, list_batches
from monitor.releases.parts import Part, read_part
from monitor.releases.sight import Rights

READ_THE_VAULT = "GRANT SELECT ON vault.cell_state TO penumbra_web"
FORGET_THE_BORDER = """DO $$ BEGIN
    EXECUTE regexp_replace(
        pg_get_functiondef('vault.exact_alert_site'::regproc), 'AND EXISTS \\(.*HAVING', 'HAVING'
    );
END $$"""


@dataclasses.dataclass(frozen=True)
class LeakyBuild:
    """One broken variant. channel: of the leak list. pair, viewer: where it must be caught. statement: SQL it brings.

    exit: the name of the exit that it breaks (`monitor/privacy/exits.py`), or empty where it breaks none in particular.
    """

    name: str
    channel: str
    pair: str
    viewer: str | None
    break_code: Callable[[pytest.MonkeyPatch], None]
    statement: str | None = None
    exit: str = ""


def _rank_by_score(block: ReleasedBlock) -> float:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(max(probability), 0) FROM vault.cell_state"
            " WHERE state = 'active' AND row / 20 = %s AND col / 20 = %s",
            [block.row, block.col],
        )
        return -float(cursor.fetchone()[0])


def _holds_active_cell(block: ReleasedBlock, ask: activity.CoarseAsk) -> bool:
    if ask.box is None:
        return True
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM vault.cell_state WHERE state = 'active' AND row / 20 = %s AND col / 20 = %s"
            " AND row >= %s AND row < %s AND col >= %s AND col < %s)",
            [block.row, block.col, ask.box.row_from, ask.box.row_to, ask.box.col_from, ask.box.col_to],
        )
        return bool(cursor.fetchone()[0])


def _change_released(
    patch: pytest.MonkeyPatch,
    change: Callable[[Sequence[ReleasedBlock], activity.CoarseAsk], list[ReleasedBlock]],
) -> None:
    honest = activity.read_released_activity

    def read(viewer: Viewer, ask: activity.CoarseAsk, endpoint: str) -> tuple[ReleasedBlocks, UUID]:
        released, receipt = honest(viewer, ask, endpoint)
        return dataclasses.replace(released, blocks=change(released.blocks, ask)), receipt

    patch.setattr("monitor.api.views.activity.read_released_activity", read)


def _filter_by_exact_cells(patch: pytest.MonkeyPatch) -> None:
    _change_released(patch, lambda blocks, ask: [block for block in blocks if _holds_active_cell(block, ask)])


def _order_by_exact_score(patch: pytest.MonkeyPatch) -> None:
    _change_released(patch, lambda blocks, ask: sorted(blocks, key=_rank_by_score))


def _tag_with_exact_state(patch: pytest.MonkeyPatch) -> None:
    honest = DoorView.finalize_response

    def finalize(self: DoorView, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = honest(self, request, response, *args, **kwargs)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT md5(string_agg(row::text || col, ',' ORDER BY row, col)) FROM vault.cell_state"
            )
            answer["ETag"] = f'"{cursor.fetchone()[0]}"'
        return answer

    patch.setattr(DoorView, "finalize_response", finalize)


def _tell_hidden_from_absent(patch: pytest.MonkeyPatch) -> None:
    honest = placeless.read_alert

    def read(viewer: Viewer, alert_id: UUID, endpoint: str) -> PlacelessAlert:
        if (
            Alert.objects.filter(id=alert_id).exists()
            and not placeless._alerts_of(viewer).filter(id=alert_id).exists()
        ):
            raise NotYours("This alert belongs to another region.")
        return honest(viewer, alert_id, endpoint)

    patch.setattr("monitor.api.views.alerts.read_alert", read)


def _digest_the_whole_batch(patch: pytest.MonkeyPatch) -> None:
    def list_whole(rights: Rights, limit: int, before: datetime | None = None) -> list[BatchRow]:
        return list_batches(limit, before)

    patch.setattr(certificates, "list_batches_of", list_whole)


def _certify_the_whole_batch(patch: pytest.MonkeyPatch) -> None:
    def read(batch: BatchRow, rights: Rights) -> Part:
        return dataclasses.replace(read_part(batch, rights), digest=batch.digest)

    patch.setattr(certificates, "read_part", read)


def _leave_code_alone(patch: pytest.MonkeyPatch) -> None:
    """The fault is in the database."""


LEAKY_BUILDS = (
    LeakyBuild(
        "a box filters exact cells",
        "LC-01",
        "inside",
        "pia",
        _filter_by_exact_cells,
        READ_THE_VAULT,
        "activity",
    ),
    LeakyBuild(
        "blocks are ordered by exact score", "LC-04", "inside", "paul", _order_by_exact_score, READ_THE_VAULT
    ),
    LeakyBuild(
        "an entity tag changes with exact cells",
        "LC-22",
        "inside",
        None,
        _tag_with_exact_state,
        READ_THE_VAULT,
    ),
    LeakyBuild("hidden is 403 and absent 404", "LC-26", "elsewhere", "rosa", _tell_hidden_from_absent),
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
    ),
    LeakyBuild(
        "a site reaches over a border",
        "LC-42",
        "elsewhere",
        "rosa",
        _leave_code_alone,
        FORGET_THE_BORDER,
        "alert-site",
    ),
)
