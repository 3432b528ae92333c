"""`manage.py try_features`: labels judged on features that others computed, with the same honest report; nothing is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from monitor.detection.cells import NoLabelledCells
from monitor.detection.featuretable import read_feature_table, scan_feature_table
from monitor.detection.figures import JudgedCells
from monitor.detection.folds import FoldsNotPossible
from monitor.detection.heads import MODELS, Recipe, TrainingRefused
from monitor.detection.labels import CellLabel, number_labels
from monitor.detection.report import write_report
from monitor.detection.tablecells import TableScore, evaluate_table, fit_table, gather_table, score_table
from monitor.detection.tablehead import FeaturesRefused
from monitor.management.arguments import check_writable, load_labels, read_block_deg, read_seed
from monitor.management.console import StageProgress, print_answer, show_progress
from monitor.management.headline import read_headline
from monitor.management.pages import write_page
from monitor.management.tables import write_table

REFUSALS = (FeaturesRefused, NoLabelledCells, TrainingRefused, FoldsNotPossible)


class Command(BaseCommand):
    """Exit codes: 0 judged; 1 the table or labels do not allow it, with the cause."""

    help = (
        "Cross-validate a recipe on labels and a table of features computed elsewhere, such as MOSAIKS. Nothing is kept: a "
        "model of such features cannot score scenes."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """On what, how, what to write."""
        parser.add_argument("--features", required=True, type=Path, help="CSV with lat, lon, X_0, X_1, ...")
        parser.add_argument(
            "--labels", required=True, type=Path, help="CSV with cell_row, cell_col, label, ..."
        )
        parser.add_argument("--estimator", default=MODELS[0], choices=MODELS, help=f"({MODELS[0]})")
        parser.add_argument("--block-deg", type=read_block_deg, help="side of the blocks held back together")
        parser.add_argument("--seed", type=read_seed, default=0, help="of the folds (0)")
        parser.add_argument("--page", type=Path, help="write the report as a page with plots (no cell on it)")
        parser.add_argument(
            "--scores", type=Path, help="write a CSV row for every cell of the table (exact places!)"
        )
        parser.add_argument(
            "--json", action="store_true", help="print one line of JSON with the whole report"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Read the labelled cells, judge, perhaps fit to all and score every cell of the table."""
        check_writable(options["page"])
        check_writable(options["scores"])
        labels = load_labels(options["labels"])
        recipe = Recipe(block_deg=options["block_deg"], seed=options["seed"], model=options["estimator"])
        judged: list[JudgedCells] = []
        try:
            with show_progress() as progress:
                report = _judge(options["features"], labels, recipe, progress, judged, options["scores"])
        except REFUSALS as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"A file cannot be read or written: {error.strerror}.") from error
        if options["page"]:
            write_page(options["page"], report, judged)
        answer: dict[str, Any] = {"features": report["features"], "headline": read_headline(report)}
        if options["json"]:
            answer["report"] = report
        else:
            del answer["headline"]
            self.stdout.write(write_report(report))
        print_answer(answer, options["json"])


def _judge(
    path: Path,
    labels: tuple[CellLabel, ...],
    recipe: Recipe,
    progress: StageProgress,
    judged: list[JudgedCells],
    scores: Path | None,
) -> dict[str, Any]:
    """The report; the cells as cross-validation judged them are added to `judged`, scores are written to their file."""
    table = read_feature_table(
        path, number_labels(labels), lambda done, size: progress("read features", done, size)
    )
    report = evaluate_table(labels, table, recipe, watch=judged.append)
    if scores is not None:
        head = fit_table(gather_table(labels, table), recipe)
        portions = scan_feature_table(path, progress=lambda done, size: progress("score cells", done, size))
        write_table(scores, TableScore._fields, score_table(portions, head))
    return report
