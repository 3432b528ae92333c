"""What a leaky build is, and the tools with which one is made: looks into the vault that a careless author would take."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Literal

import pytest
from django.db import connection

from accounts.viewer import Viewer
from monitor.api.view import DoorView
from monitor.grid import Level
from monitor.privacy.door import activity
from monitor.privacy.released import ReleasedBlock, ReleasedBlocks

READ_THE_VAULT = "GRANT SELECT ON vault.cell_state, vault.score, vault.site, vault.alert_site TO penumbra_web"
Net = Literal["bytes", "work", "vault", "canaries"]


@dataclasses.dataclass(frozen=True)
class LeakyBuild:
    """One broken variant. channel: of the leak list. pair, viewer: where it must be caught. statement: SQL it brings.

    net: what must catch it: differing answers (`bytes`), differing statements (`work`), a reading or writing that opened
    the vault (`vault`), or an exact place in a side door (`canaries`; then `pair` is the sink that tells it).
    exit: the name of the exit that it breaks, or empty where it breaks none in particular. publishes: it is a batch that is
    broken, so one is published with it. focus: the kind of question
    that is asked most, for speed: the full run finds it without.
    """

    name: str
    channel: str
    pair: str
    viewer: str | None
    break_code: Callable[[pytest.MonkeyPatch], None]
    statement: str | None = None
    exit: str = ""
    net: Net = "bytes"
    publishes: bool = False
    focus: str = ""


def ask_vault(statement: str, *values: Any) -> Any:
    """The one value of a statement that a careless author sends."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row = cursor.fetchone()
        return None if row is None else row[0]


def ask_of_block(expression: str, block: ReleasedBlock, condition: str = "state = 'active'") -> Any:
    """An aggregate over the cells that a block holds at present."""
    span = Level[block.level].span
    return ask_vault(
        f"SELECT {expression} FROM vault.cell_state WHERE {condition} AND row / %s = %s AND col / %s = %s",
        span,
        block.row,
        span,
        block.col,
    )


def change_released(
    patch: pytest.MonkeyPatch, change: Callable[[ReleasedBlocks, activity.CoarseAsk], ReleasedBlocks]
) -> None:
    """Change what partners are answered about activity."""
    honest = activity.read_released_activity

    def read(viewer: Viewer, ask: activity.CoarseAsk, endpoint: str) -> tuple[ReleasedBlocks, str]:
        released, receipt = honest(viewer, ask, endpoint)
        return change(released, ask), receipt

    patch.setattr("monitor.api.views.activity.read_released_activity", read)


def change_blocks(
    patch: pytest.MonkeyPatch,
    change: Callable[[Sequence[ReleasedBlock], activity.CoarseAsk], Sequence[ReleasedBlock]],
) -> None:
    """Change the blocks that partners are answered."""
    change_released(patch, lambda page, ask: dataclasses.replace(page, blocks=change(page.blocks, ask)))


def say_of_block(patch: pytest.MonkeyPatch, say: Callable[[ReleasedBlock], object]) -> None:
    """Let every block say one thing more, in the place of its month."""
    change_blocks(
        patch,
        lambda blocks, _: [
            dataclasses.replace(block, period=f"{block.period} {say(block)}") for block in blocks
        ],
    )


def change_response(patch: pytest.MonkeyPatch, change: Callable[[DoorView, Any], None]) -> None:
    """Change every answer after it was made."""
    honest = DoorView.finalize_response

    def finalize(self: DoorView, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = honest(self, request, response, *args, **kwargs)
        change(self, answer)
        return answer

    patch.setattr(DoorView, "finalize_response", finalize)


def leave_code_alone(patch: pytest.MonkeyPatch) -> None:
    """The fault is in the database."""
