"""`manage.py evaluate_model`: judge a saved model on a labelled catalogue, also one that was never ingested."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from monitor.detection.cells import NoLabelledCells
from monitor.detection.evaluate import evaluate_survey
from monitor.detection.figures import JudgedCells
from monitor.detection.model import ShareUnknown
from monitor.detection.modelfile import ModelRefused
from monitor.detection.refusals import count_causes
from monitor.detection.report import write_report
from monitor.detection.survey import SCORE_COLUMNS, list_scores, survey_catalog
from monitor.field.states import decide_state
from monitor.imagery.access import AssetAccess
from monitor.imagery.catalog import count_repeated_ids, walk_items
from monitor.management.arguments import (
    add_catalog_arguments,
    check_writable,
    find_catalog,
    load_labels,
    read_odds,
    read_share,
)
from monitor.management.console import print_answer, show_progress
from monitor.management.headline import read_headline
from monitor.management.pages import write_page
from monitor.management.refused import add_causes
from monitor.management.saved_models import load_named_model
from monitor.management.tables import write_table
from monitor.services.industrial import PolygonsRefused, read_industrial_mines
from monitor.services.labels import find_trained_cells


class Command(BaseCommand):
    """Exit codes: 0 judged; 1 the model, catalogue or labels do not allow it, with the cause."""

    help = "Judge a model on a labelled catalogue; nothing is stored and nothing is fitted."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which model, on what, what to write."""
        parser.add_argument(
            "--model", required=True, help="a model file, a model's id or sha256, or 'active'"
        )
        add_catalog_arguments(parser)
        parser.add_argument("--scores", type=Path, help="write a CSV row per cell and scene (exact places!)")
        parser.add_argument("--page", type=Path, help="write the report as a page with plots (no cell on it)")
        parser.add_argument(
            "--min-valid-share", type=read_share, help="share of a cell that must be seen (the model's own)"
        )
        parser.add_argument(
            "--share-of-mines",
            type=read_odds,
            help="say probabilities for ground where this share of the cells are mines (as among the labels it learnt)",
        )
        parser.add_argument(
            "--industrial",
            type=Path,
            help="polygons of industrial mines: break the figures down by distance to them (to labels of that class)",
        )
        parser.add_argument(
            "--json", action="store_true", help="print one line of JSON with the whole report"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Score every scene, judge, perhaps write the scores."""
        catalog = find_catalog(options["catalog"])
        check_writable(options["scores"])
        check_writable(options["page"])
        judged: list[JudgedCells] = []
        refused: dict[str, int] = {}
        try:
            model = load_named_model(options["model"], options["min_valid_share"])
            if options["share_of_mines"] is not None:
                model = model.expect_share(options["share_of_mines"])
            labels = load_labels(options["labels"])
            mines = options["industrial"]
            measure_km = None if mines is None else read_industrial_mines(mines).measure
            trained_on = find_trained_cells(model.facts["labels"]["digest"], labels)
            with show_progress() as progress:
                items = list(walk_items(catalog))
                survey = survey_catalog(
                    items,
                    model,
                    access=AssetAccess(roots=(catalog.parent,)),
                    progress=lambda done, total: progress("score scenes", done, total),
                )
                refused = count_causes(survey.refused)
                report = evaluate_survey(
                    survey, labels, model, watch=judged.append, trained_on=trained_on, measure_km=measure_km
                )
            if options["scores"]:
                write_table(options["scores"], SCORE_COLUMNS, map(astuple, list_scores(survey, decide_state)))
            if options["page"]:
                write_page(options["page"], report, judged)
        except (ModelRefused, NoLabelledCells, PolygonsRefused, ShareUnknown) as error:
            raise CommandError(add_causes(error, refused)) from error
        except OSError as error:
            raise CommandError(f"A file cannot be read or written: {error.strerror}.") from error
        answer: dict[str, Any] = {
            "scenes": len(survey.scenes),
            "refused": refused,
            "repeated_ids": count_repeated_ids(items),
            "judged_cells_in_training": report["judged_cells_in_training"],
            "headline": read_headline(report),
        }
        if options["json"]:
            answer["report"] = report
        else:
            del answer["headline"]
            self.stdout.write(write_report(report))
        print_answer(answer, options["json"])
