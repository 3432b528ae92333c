"""`manage.py train_model --labels FILE`: train on the scenes of the vault, judge honestly, perhaps activate."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.ledger.connection import LedgerUnavailable
from accounts.models import User
from accounts.roles import Role
from accounts.viewer import Viewer
from monitor.detection.cells import NoLabelledCells
from monitor.detection.featurizer import PATCHES
from monitor.detection.folds import FoldsNotPossible
from monitor.detection.heads import Recipe, TrainingRefused
from monitor.detection.patches import PatchesNotDrawn
from monitor.detection.report import write_report
from monitor.imagery.sensors import PROFILES
from monitor.management.arguments import load_labels, read_block_deg, read_count, read_seed, read_share
from monitor.management.console import print_answer, show_progress
from monitor.management.headline import read_headline
from monitor.services.detections import model_path
from monitor.services.labels import gather_labels, import_labels
from monitor.services.trained_models import activate_model
from monitor.services.training import NothingToTrainOn, Preparation, train_on_vault

REFUSALS = (
    NothingToTrainOn,
    NoLabelledCells,
    TrainingRefused,
    FoldsNotPossible,
    PatchesNotDrawn,
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
        parser.add_argument(
            "--patches", type=read_count, default=PATCHES, help=f"random patches to draw ({PATCHES})"
        )
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
            "--activate-by", metavar="USER", help="the analyst who lets the model act from now on"
        )
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read labels, train, keep, perhaps activate, report."""
        analyst = self._find_analyst(options["activate_by"]) if options["activate_by"] else None
        how = Preparation(
            options["sensor"],
            options["patches"],
            options["seed"],
            options["min_valid_share"],
            Recipe(block_deg=options["block_deg"], seed=options["seed"]),
        )
        labels = load_labels(options["labels"])
        try:
            with show_progress() as progress:
                import_labels(labels)
                trained = train_on_vault(gather_labels(labels), how, timezone.now(), progress)
            if analyst is not None:
                activate_model(analyst, trained.model_id, "train_model")
        except REFUSALS as error:
            raise CommandError(str(error)) from error
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

    @staticmethod
    def _find_analyst(name: str) -> Viewer:
        user = User.objects.filter(username=name, role=Role.ANALYST.value, is_active=True).first()
        if user is None:
            raise CommandError(f"No active analyst is called {name!r}; only an analyst activates a model.")
        return Viewer(
            user.id, user.pseudonym, user.username, user.organisation_id, Role.ANALYST, None, uuid4()
        )
