"""Leaky builds of what a block says and of which blocks are there: places, counts, scores, dates, names, the present."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import date
from random import Random
from typing import Any

import numpy as np
import pytest

from monitor.grid import cell_bounds, decimal_deg
from monitor.privacy.coarsen import choose_activity_band
from monitor.privacy.door import activity
from monitor.privacy.released import ReleasedBlock, ReleasedBlocks
from monitor.services import releases
from monitor.vault.blocks import MonthCounts, number_month
from tests.privacy.leaks.build import (
    READ_THE_VAULT,
    LeakyBuild,
    ask_of_block,
    ask_vault,
    change_blocks,
    change_released,
    say_of_block,
)


def _filter_by_exact_cells(patch: pytest.MonkeyPatch) -> None:
    """The box is laid over exact cells, not over blocks."""

    def is_inside(block: ReleasedBlock, ask: activity.CoarseAsk) -> bool:
        if ask.box is None:
            return True
        box = ask.box
        inside = (
            f"row >= {box.row_from} AND row < {box.row_to} AND col >= {box.col_from} AND col < {box.col_to}"
        )
        return bool(ask_of_block("count(*)", block, f"state = 'active' AND {inside}"))

    change_blocks(patch, lambda blocks, ask: [block for block in blocks if is_inside(block, ask)])


def _fit_the_box(patch: pytest.MonkeyPatch) -> None:
    """`applied_bbox` is the extent of what is really there."""

    def fit(page: ReleasedBlocks, ask: activity.CoarseAsk) -> ReleasedBlocks:
        west = ask_vault("SELECT coalesce(min(col), 18000) FROM vault.cell_state WHERE state = 'active'")
        return dataclasses.replace(page, applied_bbox=(decimal_deg(west - 18_000), "2", "20.4", "2.4"))

    change_released(patch, fit)


def _centre_on_the_cells(patch: pytest.MonkeyPatch) -> None:
    """A block is drawn around the mean of its cells."""
    say_of_block(patch, lambda block: ask_of_block("round(avg(row), 1) || ' ' || round(avg(col), 1)", block))


def _keep_near_cells(patch: pytest.MonkeyPatch) -> None:
    """Only blocks that have a cell within a kilometre or so of the middle of the box."""

    def is_near(block: ReleasedBlock, ask: activity.CoarseAsk) -> bool:
        if ask.box is None:
            return True
        row, col = (ask.box.row_from + ask.box.row_to) / 2, (ask.box.col_from + ask.box.col_to) / 2
        near = f"abs(row - {row}) + abs(col - {col}) < 3 AND state = 'active'"
        return bool(ask_of_block("count(*)", block, near))

    change_blocks(patch, lambda blocks, ask: [block for block in blocks if is_near(block, ask)])


def _say(expression: str, condition: str = "state = 'active'") -> Callable[[pytest.MonkeyPatch], None]:
    """A block that says an aggregate over its cells."""
    return lambda patch: say_of_block(patch, lambda block: ask_of_block(expression, block, condition))


def _read_the_river(patch: pytest.MonkeyPatch) -> None:
    """A covariate of the best cell: its distance to a river that everybody has a map of."""

    def read(block: ReleasedBlock) -> str:
        number = ask_of_block("max(row * 36000 + col)", block)
        west, south, _, _ = cell_bounds(*divmod(number or 0, 36_000))
        return f"{abs(2 * west - 3 * south):.3f} km to the river"

    say_of_block(patch, read)


def _name_what_is_cut(patch: pytest.MonkeyPatch) -> None:
    """An area is named that begins in the middle of the block, where most of its cells are."""

    def name(block: ReleasedBlock) -> str:
        return "Ubila Territory" if (ask_of_block("avg(mod(col, 20))", block) or 0) > 9.5 else ""

    say_of_block(patch, name)


def _clip_to_the_area(patch: pytest.MonkeyPatch) -> None:
    """A block on the edge of the agreed area is shown only where most of its cells lie on the agreed side."""

    def is_agreed(block: ReleasedBlock) -> bool:
        return bool((ask_of_block("avg(mod(row, 20))", block) or 0) > 9.5)

    change_blocks(patch, lambda blocks, _: [block for block in blocks if is_agreed(block)])


def _read_the_present(patch: pytest.MonkeyPatch) -> None:
    """The band is of what is believed now, not of the published batch."""

    def band(block: ReleasedBlock) -> ReleasedBlock:
        return dataclasses.replace(block, band=choose_activity_band(ask_of_block("count(*)", block), 400))

    change_blocks(patch, lambda blocks, _: [band(block) for block in blocks])


def _publish_the_present(patch: pytest.MonkeyPatch) -> None:
    """A batch takes in the month that has not ended."""
    summarise, gather = releases.__dict__["summarise_blocks"], releases._gather_periods

    def next_month(today: date) -> date:
        return date(today.year, today.month + 1, 1)

    patch.setattr(
        releases,
        "summarise_blocks",
        lambda *asked: summarise(*asked[:-2], next_month(asked[-2]), asked[-1]),
    )
    patch.setattr(
        releases, "_gather_periods", lambda level, months, today: gather(level, months, next_month(today))
    )


def _publish_what_others_tell(patch: pytest.MonkeyPatch) -> None:
    """A batch counts the cells that other systems have told of as well: their map says which they may be."""
    honest = releases.__dict__["summarise_blocks"]

    def summarise(*asked: Any) -> tuple[list[MonthCounts], list[MonthCounts]]:
        months, news = honest(*asked)
        return [dataclasses.replace(month, step=month.step + count_told(month)) for month in months], news

    def count_told(month: MonthCounts) -> Any:
        cells = zip(month.rows, month.cols, strict=True)
        return np.array([ask_vault(TOLD_IN_BLOCK, int(row), int(col)) for row, col in cells])

    patch.setattr(releases, "summarise_blocks", summarise)


TOLD_IN_BLOCK = (
    "SELECT count(*) FROM vault.cell_state WHERE public_elsewhere <> '' AND row / 10 = %s AND col / 10 = %s"
)


def _settle_each_for_itself(patch: pytest.MonkeyPatch) -> None:
    """A coarser edition counts cells, whatever its finer one could tell of them."""
    geographies: list[Any] = []
    counted: list[Any] = []
    renew, settle = releases.__dict__["renew_geography"], releases.__dict__["settle_cells"]

    def keep_geography() -> Any:
        geographies.append(renew())
        return geographies[-1]

    def keep_months(edition: Any, figures: Any, *months: Any) -> Any:
        counted[:] = months
        return settle(edition, figures, *months)

    def settle_alone(figures: Any, _: Any, months: Any, __: Any, told: Any) -> Any:
        geography = geographies[-1]
        (level,) = (each for each, known in geography.map.editions.items() if known is figures)
        return settle(geography.editions[level], figures, months, counted[1], told)

    patch.setattr(releases, "renew_geography", keep_geography)
    patch.setattr(releases, "settle_cells", keep_months)
    patch.setattr(releases, "settle_sums", settle_alone)


def _let_one_look_be_enough(patch: pytest.MonkeyPatch) -> None:
    """A cell that was looked at once counts as seen, though nothing in it could be confirmed."""
    honest = releases.__dict__["summarise_blocks"]

    def see(months: list[MonthCounts]) -> list[MonthCounts]:
        return [
            dataclasses.replace(
                month,
                enough=np.full_like(month.enough, number_month(month.month)),
                enough_before=month.before,
            )
            for month in months
        ]

    patch.setattr(releases, "summarise_blocks", lambda *asked: tuple(map(see, honest(*asked))))


def _forget_what_was_told(patch: pytest.MonkeyPatch) -> None:
    """A batch is made as if there had been none before, so that a late picture of few cells moves a month by itself."""
    honest = releases.__dict__["read_told"]
    patch.setattr(releases, "read_told", lambda models, names: honest([], names))


def _compare_with_the_present(patch: pytest.MonkeyPatch) -> None:
    """The trend is drawn from what is not published yet."""
    say_of_block(patch, lambda block: "up" if (ask_of_block("count(*)", block) or 0) > 20 else "down")


def _mark_withdrawn(patch: pytest.MonkeyPatch) -> None:
    """A block says how many cells were active once and are no more."""
    say_of_block(patch, lambda block: f"{ask_of_block('count(*)', block, _WITHDRAWN)} withdrawn")


_WITHDRAWN = (
    "state = 'quiet' AND EXISTS (SELECT FROM vault.score s WHERE s.row = cell_state.row AND s.col = cell_state.col"
    " AND s.state_after = 'active')"
)


def _add_noise(patch: pytest.MonkeyPatch) -> None:
    """A noisy count, drawn anew for each answer: its mean is the count."""
    say_of_block(patch, lambda block: (ask_of_block("count(*)", block) or 0) + Random().choice([-1, 0, 1]))


def _shift_by_organisation(patch: pytest.MonkeyPatch) -> None:
    """Everybody gets another shift of the centre: several together get the centre."""

    def shift(block: ReleasedBlock) -> str:
        middle = float(ask_of_block("avg(col)", block) or 0)
        return f"{middle + 3:.1f}"

    say_of_block(patch, shift)


def _answer_more_where_more_is(patch: pytest.MonkeyPatch) -> None:
    """An inner list that is emptied before it leaves, but for its commas."""
    say_of_block(patch, lambda block: "," * (ask_of_block("count(*)", block) or 0))


def _leave_out_the_unseen(patch: pytest.MonkeyPatch) -> None:
    """No block where the clouds left too few cells: where the clouds were is known."""
    change_blocks(
        patch,
        lambda blocks, _: [
            b for b in blocks if (ask_of_block("count(*)", b, "observed_on > '2026-11-09'") or 0) > 150
        ],
    )


def _inside(
    name: str,
    channel: str,
    break_code: Callable[[pytest.MonkeyPatch], None],
    viewer: str = "pia",
    focus: str = "",
) -> LeakyBuild:
    return LeakyBuild(name, channel, "inside", viewer, break_code, READ_THE_VAULT, "activity", focus=focus)


FROM_THE_START = "DELETE FROM vault.told"
"""Before a batch of a build that would have been broken from the first batch on, and has not told anything honestly."""

BLOCK_LEAKS = (
    _inside("a box filters exact cells", "LC-01", _filter_by_exact_cells, focus="activity"),
    _inside("a circle finds exact cells", "LC-02", _keep_near_cells, "paul", focus="activity"),
    _inside(
        "a block has an id made of its cells",
        "LC-08",
        _say("left(md5(string_agg(row || ' ' || col, ',')), 8)"),
    ),
    _inside("a block says how many cells it has", "LC-09", _say("count(*)"), "paul"),
    _inside("the applied box fits the exact cells", "LC-10", _fit_the_box),
    _inside("a block says the centre of its cells", "LC-11", _centre_on_the_cells, "paul"),
    _inside("a block says its last day", "LC-16", _say("max(observed_on)", "true"), focus="activity"),
    _inside(
        "a block says on how many days it was seen", "LC-17", _say("count(DISTINCT observed_on)", "true")
    ),
    _inside("a block says its greatest probability", "LC-18", _say("max(probability)"), "paul"),
    _inside("a block says how far the river is", "LC-19", _read_the_river),
    _inside(
        "a block says how many of its cells others told of",
        "LC-19",
        _say("count(*)", "public_elsewhere <> ''"),
        "paul",
        focus="activity",
    ),
    _inside("a block names a territory it only touches", "LC-20", _name_what_is_cut),
    _inside("blocks are clipped by exact cells", "LC-21", _clip_to_the_area, "paul"),
    _inside("an answer is longer where more is", "LC-25", _answer_more_where_more_is),
    _inside("the band is of the present", "LC-38", _read_the_present),
    _inside("noise is drawn anew", "LC-39", _add_noise, "paul"),
    _inside("each partner gets another shift", "LC-41", _shift_by_organisation),
    _inside("withdrawn cells are counted", "LC-43", _mark_withdrawn, "paul"),
    _inside("the trend is drawn from the present", "LC-57", _compare_with_the_present),
    _inside("no block where clouds were", "LC-58", _leave_out_the_unseen, "paul"),
    LeakyBuild(
        "a batch counts what other systems tell",
        "LC-19",
        "inside",
        "pia",
        _publish_what_others_tell,
        FROM_THE_START,
        publishes=True,
        focus="activity",
    ),
    LeakyBuild(
        "a coarser edition settles for itself",
        "LC-40",
        "inside",
        "pia",
        _settle_each_for_itself,
        FROM_THE_START,
        publishes=True,
        focus="activity",
    ),
    LeakyBuild(
        "one look is enough to be seen",
        "LC-58",
        "inside",
        "pia",
        _let_one_look_be_enough,
        FROM_THE_START,
        publishes=True,
        focus="activity",
    ),
    LeakyBuild(
        "a late picture is told at once",
        "LC-38",
        "inside",
        "pia",
        _forget_what_was_told,
        publishes=True,
        focus="activity",
    ),
    LeakyBuild(
        "a batch takes in the present month", "LC-38", "inside", "pia", _publish_the_present, publishes=True
    ),
    LeakyBuild(
        "a block of L1 says in how many quarters its cells lie",
        "LC-40",
        "finer",
        "pia agreed",
        _say("count(DISTINCT (row / 5, col / 5))"),
        READ_THE_VAULT,
    ),
    _inside(
        "a block says in how many finer ones its cells lie",
        "LC-40",
        _say("count(DISTINCT (row / 10, col / 10))"),
        "paul",
    ),
)
