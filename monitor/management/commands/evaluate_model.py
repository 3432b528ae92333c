"""`manage.py evaluate_model`: judge a saved model on a labelled catalogue, also one that was never ingested."""

from __future__ import annotations

import csv
import os
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from monitor.detection.cells import NoLabelledCells
from monitor.detection.evaluate import evaluate_survey
from monitor.detection.model import MineModel
from monitor.detection.modelfile import ModelRefused, load_model
from monitor.detection.report import write_report
from monitor.detection.survey import SCORE_COLUMNS, Survey, list_scores, survey_catalog
from monitor.field.states import decide_state
from monitor.imagery.access import AssetAccess
from monitor.imagery.catalog import walk_items
from monitor.management.arguments import load_labels, read_share
from monitor.management.console import print_answer, show_progress
from monitor.management.headline import read_headline
from monitor.services.detections import model_path
from monitor.services.trained_models import find_model_file


class Command(BaseCommand):
    """Exit codes: 0 judged; 1 the model, catalogue or labels do not allow it, with the cause."""

    help = "Judge a model on a labelled catalogue; nothing is stored and nothing is fitted."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which model, on what, what to write."""
        parser.add_argument(
            "--model", required=True, help="a model file, a model's id or sha256, or 'active'"
        )
        parser.add_argument("--catalog", required=True, type=Path, help="catalog.json of the scenes to score")
        parser.add_argument(
            "--labels", required=True, type=Path, help="CSV with cell_row, cell_col, label, ..."
        )
        parser.add_argument("--scores", type=Path, help="write a CSV row per cell and scene (exact places!)")
        parser.add_argument(
            "--min-valid-share", type=read_share, help="share of a cell that must be seen (the model's own)"
        )
        parser.add_argument(
            "--json", action="store_true", help="print one line of JSON with the whole report"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Score every scene, judge, perhaps write the scores."""
        catalog: Path = options["catalog"].absolute()
        if not catalog.is_file():
            raise CommandError(
                f"{options['catalog']}: there is no such file. Give the catalogue's catalog.json."
            )
        if options["scores"] and (
            options["scores"].is_dir() or not options["scores"].absolute().parent.is_dir()
        ):
            raise CommandError(
                f"{options['scores']}: no file can be written there. Give a file in a folder that exists."
            )
        try:
            model = self._load(options["model"], options["min_valid_share"])
            labels = load_labels(options["labels"])
            with show_progress() as progress:
                survey = survey_catalog(
                    walk_items(catalog),
                    model,
                    access=AssetAccess(roots=(catalog.parent,)),
                    progress=lambda done, total: progress("score scenes", done, total),
                )
                report = evaluate_survey(survey, labels, model)
            if options["scores"]:
                write_scores(survey, options["scores"])
        except (ModelRefused, NoLabelledCells) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"A file cannot be read or written: {error.strerror}.") from error
        refused: dict[str, int] = {}
        for refusal in survey.refused:
            refused[refusal.cause.value] = refused.get(refusal.cause.value, 0) + 1
        answer: dict[str, Any] = {
            "scenes": len(survey.scenes),
            "refused": refused,
            "headline": read_headline(report),
        }
        if options["json"]:
            answer["report"] = report
        else:
            del answer["headline"]
            self.stdout.write(write_report(report))
        print_answer(answer, options["json"])

    @staticmethod
    def _load(name: str, min_valid_share: float | None) -> MineModel:
        path = Path(name)
        if not path.is_file():
            sha256 = find_model_file(name)
            if sha256 is None:
                raise CommandError(
                    f"{name!r} is neither a file nor a model of this installation, nor is one active."
                )
            path = model_path(sha256)
        model = load_model(path)
        return model if min_valid_share is None else replace(model, min_valid_share=min_valid_share)


def write_scores(survey: Survey, path: Path) -> None:
    """Write the scores as CSV, whole or not at all, readable by the owner only: they are exact places."""
    partial = path.with_name(f"{path.name}.partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(SCORE_COLUMNS)
        for row in list_scores(survey, decide_state):
            table.writerow("" if value is None else value for value in astuple(row))
    partial.replace(path)
