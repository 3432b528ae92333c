"""`manage.py train_model --labels FILE`: train on the scenes of the vault, judge honestly, perhaps activate."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.ledger.connection import LedgerUnavailable
from monitor.detection.cells import NoLabelledCells
from monitor.detection.figures import JudgedCells
from monitor.detection.folds import FoldsNotPossible
from monitor.detection.heads import MODELS, Recipe, TrainingRefused
from monitor.detection.report import write_report
from monitor.detection.windows import PatchesNotDrawn
from monitor.errors import NotNow
from monitor.imagery.sensors import PROFILES
from monitor.management.arguments import (
    add_patch_arguments,
    check_writable,
    load_labels,
    read_block_deg,
    read_seed,
    read_share,
)
from monitor.management.commands.activate_model import find_analyst
from monitor.management.console import print_answer, show_progress
from monitor.management.headline import read_headline
from monitor.management.pages import write_page
from monitor.management.refused import add_causes
from monitor.services.detections import model_path
from monitor.services.labels import gather_labels, import_labels
from monitor.services.trained_models import activate_model
from monitor.services.training import (
    ModelDiffers,
    ModelNotKept,
    NothingToTrainOn,
    Preparation,
    train_on_vault,
)

REFUSALS = (
    NothingToTrainOn,
    NoLabelledCells,
    TrainingRefused,
    FoldsNotPossible,
    PatchesNotDrawn,
    ModelNotKept,
    ModelDiffers,
    LedgerUnavailable,
)


class Command(BaseCommand):
    """Exit codes: 0 done; 1 the labels or scenes do not allow it, with the cause."""

    help = "Train a model on the scenes in the vault and the labels of a CSV file. A person activates it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Labels, how to train, who activates."""
        parser.add_argument(
            "--labels", required=True, type=Path, help="CSV with cell_row, cell_col, label, ..."
        )
        parser.add_argument("--sensor", default="sentinel-2", choices=sorted(PROFILES), help="(sentinel-2)")
        add_patch_arguments(parser)
        parser.add_argument("--seed", type=read_seed, default=0, help="of the patches and folds (0)")
        parser.add_argument(
            "--block-deg",
            type=read_block_deg,
            help="side of the blocks held back together (chosen by the labels)",
        )
        parser.add_argument(
            "--min-valid-share",
            type=read_share,
            help="share of a cell that must be seen (what most labelled cells show)",
        )
        parser.add_argument(
            "--estimator", default=MODELS[0], choices=MODELS, help=f"what the heads are made of ({MODELS[0]})"
        )
        parser.add_argument("--page", type=Path, help="write the report as a page with plots")
        parser.add_argument(
            "--activate-by", metavar="USER", help="the analyst who lets the model act from now on"
        )
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read labels, train, keep, perhaps activate, report."""
        analyst = find_analyst(options["activate_by"]) if options["activate_by"] else None
        how = Preparation(
            options["sensor"],
            options["patches"],
            options["seed"],
            options["min_valid_share"],
            Recipe(
                block_deg=options["block_deg"],
                seed=options["seed"],
                model=options["estimator"],
                pair_sizes=options["pair_sizes"],
                pair_drawing=options["drawing"],
            ),
            options["patch_sizes"],
            options["drawing"],
        )
        check_writable(options["page"])
        judged: list[JudgedCells] = []
        causes: Counter[str] = Counter()
        labels = load_labels(options["labels"])
        try:
            with show_progress() as progress:
                import_labels(labels, "train_model")
                trained = train_on_vault(
                    gather_labels(labels),
                    how,
                    timezone.now(),
                    progress,
                    watch=judged.append,
                    causes=causes,
                )
        except REFUSALS as error:
            raise CommandError(add_causes(error, causes)) from error
        if options["page"]:
            write_page(options["page"], trained.report, judged)
        if analyst is not None:
            try:
                activate_model(analyst, trained.model_id, "train_model")
            except (LedgerUnavailable, NotNow) as error:
                raise CommandError(f"{error} The model is kept as {trained.model_id}.") from error
        answer = {
            "model": str(trained.model_id),
            "file": model_path(trained.sha256).name,
            "sha256": trained.sha256,
            "reused": trained.reused,
            "activated_by": analyst.username if analyst else None,
            "refused": trained.refused,
            "headline": read_headline(trained.report),
        }
        if options["json"]:
            answer["report"] = trained.report
        else:
            del answer["headline"]
            self.stdout.write(write_report(trained.report))
        print_answer(answer, options["json"])
