"""`manage.py review_labels`: list the labels that models fitted elsewhere disagree with, for a person to look at again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from monitor.detection.cells import LabelledCells, NoLabelledCells, gather_cells
from monitor.detection.doubts import DEALS, Doubt, find_doubts
from monitor.detection.featurizer import PATCHES
from monitor.detection.folds import FoldsNotPossible
from monitor.detection.heads import MODELS, Recipe, TrainingRefused
from monitor.detection.labels import CLASSES
from monitor.detection.refusals import count_causes
from monitor.detection.survey import Refusal
from monitor.detection.windows import PatchesNotDrawn
from monitor.imagery.sensors import PROFILES
from monitor.management.arguments import (
    add_catalog_arguments,
    check_writable,
    find_catalog,
    load_labels,
    read_block_deg,
    read_count,
)
from monitor.management.console import print_answer, show_progress
from monitor.management.labelled import read_labelled_scenes
from monitor.management.refused import add_causes
from monitor.management.tables import write_table

COLUMNS = (
    *("cell_row", "cell_col", "label", "likely", "probability_of_label", "probability_of_likely"),
    *("kind", "source", "item_t1"),
)


class Command(BaseCommand):
    """Exit codes: 0 reviewed; 1 the catalogue or labels do not allow it, with the cause."""

    help = (
        "List the labels that models fitted to other blocks disagree with, the most doubtful first. "
        "Nothing is relabelled."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """On what, where to write."""
        add_catalog_arguments(parser)
        parser.add_argument("--list", required=True, type=Path, help="write the list as CSV (exact places!)")
        parser.add_argument("--sensor", default="sentinel-2", choices=sorted(PROFILES), help="(sentinel-2)")
        parser.add_argument("--estimator", default=MODELS[0], choices=MODELS, help=f"({MODELS[0]})")
        parser.add_argument("--patches", type=read_count, default=PATCHES, help=f"random patches ({PATCHES})")
        parser.add_argument("--block-deg", type=read_block_deg, help="side of the blocks held back together")
        parser.add_argument(
            "--deals", type=read_count, default=DEALS, help=f"deals of folds to average over ({DEALS})"
        )
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read the cells, cross-validate, write the list; places go into the file alone."""
        options["catalog"] = find_catalog(options["catalog"])
        check_writable(options["list"])
        labels = load_labels(options["labels"])
        recipe = Recipe(block_deg=options["block_deg"], model=options["estimator"])
        refused: list[Refusal] = []
        try:
            with show_progress() as progress:
                scenes, layout = read_labelled_scenes(
                    options["catalog"],
                    labels,
                    progress,
                    refused,
                    sensor=options["sensor"],
                    patches=options["patches"],
                    seed=recipe.seed,
                )
            cells = gather_cells(labels, scenes, layout=layout)
            doubts = find_doubts(cells, recipe, deals=options["deals"])
            write_table(options["list"], COLUMNS, (_write(cells, doubt) for doubt in doubts))
        except (NoLabelledCells, TrainingRefused, FoldsNotPossible, PatchesNotDrawn) as error:
            raise CommandError(add_causes(error, count_causes(refused))) from error
        except OSError as error:
            raise CommandError(f"A file cannot be read or written: {error.strerror}.") from error
        counted = Counter(f"{CLASSES[doubt.label]}, rather {CLASSES[doubt.likely]}" for doubt in doubts)
        answer = {"cells": len(cells), "in_doubt": len(doubts), "by_class": dict(counted)}
        print_answer(answer | {"refused": count_causes(refused)}, options["json"])


def _write(cells: LabelledCells, doubt: Doubt) -> tuple[object, ...]:
    label = cells.labels[doubt.place]
    return (
        *(label.row, label.col, CLASSES[doubt.label], CLASSES[doubt.likely]),
        *(round(doubt.own, 4), round(doubt.other, 4), label.kind, label.source, label.item),
    )
