"""The page of a report: no cell on it, nothing that runs or loads, nothing unescaped."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.dom import minidom

import numpy as np
import pytest

from monitor.detection.blockmap import LEAST_CELLS, LEVEL, BlockErrors, map_errors
from monitor.detection.evaluate import evaluate_recipe
from monitor.detection.figures import JudgedCells
from monitor.detection.page import render_page
from monitor.detection.strata import list_strata
from monitor.grid import CELLS_PER_DEG, Level
from tests.pure.detection.invented import QUICK, make_cells


@pytest.fixture(scope="module")
def judged() -> list[JudgedCells]:
    return []


@pytest.fixture(scope="module")
def page(judged: list[JudgedCells]) -> str:
    cells = make_cells(industrial=True)
    odd = replace(cells.labels[0], kind="<script>alert('&')</script>")
    cells = replace(cells, labels=(odd, *cells.labels[1:]))
    report = evaluate_recipe(cells, QUICK, draws=10, watch=judged.append)
    return render_page(report, map_errors(judged[0]))


def test_the_page_has_its_plots_and_every_one_is_well_formed(page: str) -> None:
    for title in (
        "Mines found and false alarms",
        "Precision and recall",
        "Reliability: all cells",
        "Share called a mine, by kind",
        "AUC by reference",
        "Share of cells judged wrong",
        "a split at random would have shown",
        "right probabilities would show",
    ):
        assert title in page
    drawings = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(drawings) >= 6
    for drawing in drawings:
        minidom.parseString(drawing)  # noqa: S318 - our own drawing


def test_texts_of_labels_are_escaped_and_nothing_is_loaded_or_run(page: str) -> None:
    tags = set()

    class Collect(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.add(tag)
            assert not {"src", "href", "onload", "onclick"} & {name for name, _ in attrs}

    Collect().feed(page)
    assert not {"script", "img", "link", "iframe"} & tags
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in page


def test_places_on_the_page_are_blocks_that_everybody_may_see(page: str, judged: list[JudgedCells]) -> None:
    """Every title of the map is a count; south and west ends are whole degrees; no row or column is in the text."""
    assert max(Level) == LEVEL
    assert LEVEL.span == CELLS_PER_DEG
    for label in judged[0].labels:
        for exact in (str(label.row), str(label.col), f"{label.col / 100 - 180:.2f}"):
            assert not re.search(rf"(?<![\d.]){re.escape(exact)}(?![\d.])", page)


def test_errors_are_counted_by_block_and_few_cells_say_nothing(judged: list[JudgedCells], page: str) -> None:
    blocks = map_errors(judged[0])
    own = judged[0]
    for block in blocks:
        inside = np.array(
            [
                (label.row // 100 - 90, label.col // 100 - 180) == (block.south, block.west)
                for label in own.labels
            ]
        )
        if inside.sum() < LEAST_CELLS:
            assert block == BlockErrors(block.south, block.west, None, None)
        else:
            assert block.cells == inside.sum()
            assert block.wrong == pytest.approx(((own.score >= 0.5) != own.mining)[inside].mean())
    few = replace(own, labels=own.labels[:3], probabilities=own.probabilities[:3])
    assert all(block.wrong is None for block in map_errors(few))


def test_cells_are_told_apart_by_how_far_the_nearest_industrial_mine_is() -> None:
    cells = make_cells(4)
    places = [(9000, 20000, 2), (9000, 20000 + 0, 1), (9002, 20000, 0), (9000, 20030, 0)]
    labels = [
        replace(cells.labels[0], row=row, col=col, label=label, region="", mineral="")
        for row, col, label in places
    ]
    strata = list_strata(labels, ["s"] * 4, [True] * 4)
    assert strata == {"industrial mine": ["is one", "within 1 km", "1 to 5 km", "over 5 km"]}
    assert list_strata(labels[2:], ["s"] * 2, [True] * 2) == {}
