"""`manage.py compare_models`: two saved models on the same labelled catalogue, before and after."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from monitor.detection.cells import NoLabelledCells
from monitor.detection.compare import NothingInCommon, compare_judged, write_comparison
from monitor.detection.evaluate import judge_survey
from monitor.detection.figures import JudgedCells
from monitor.detection.labels import digest_labels
from monitor.detection.modelfile import ModelRefused
from monitor.detection.overlap import count_overlap, warn_of_overlap
from monitor.detection.refusals import count_causes
from monitor.detection.survey import survey_catalog
from monitor.imagery.access import AssetAccess
from monitor.imagery.catalog import walk_items
from monitor.management.arguments import add_catalog_arguments, find_catalog, load_labels
from monitor.management.console import print_answer, show_progress
from monitor.management.refused import add_causes
from monitor.management.saved_models import digest_named_model, load_named_model
from monitor.services.labels import find_trained_cells


class Command(BaseCommand):
    """Exit codes: 0 compared; 1 the models, catalogue or labels do not allow it, with the cause."""

    help = (
        "Compare two models on a labelled catalogue that neither was trained on; nothing is stored or fitted."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Which models, on what."""
        for name, which in (("--before", "acts now, say 'active'"), ("--after", "might take its place")):
            parser.add_argument(name, required=True, help=f"a file, id or sha256: the model that {which}")
        add_catalog_arguments(parser)
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Score every scene with both, compare on the cells that both could judge."""
        catalog = find_catalog(options["catalog"])
        labels = load_labels(options["labels"])
        judged: list[JudgedCells] = []
        warnings: list[str] = []
        refused: dict[str, dict[str, int]] = {}
        try:
            models = {name: load_named_model(options[name]) for name in ("before", "after")}
            digests = {name: model.facts["labels"]["digest"] for name, model in models.items()}
            if digest_named_model(options["before"]) == digest_named_model(options["after"]):
                warnings.append(
                    "Both are the same model, so there is no difference to find. Name another one."
                )
            trained_on = {name: find_trained_cells(digest, labels) for name, digest in digests.items()}
            for name, model in models.items():
                with show_progress() as progress:
                    survey = survey_catalog(
                        walk_items(catalog),
                        model,
                        access=AssetAccess(roots=(catalog.parent,)),
                        progress=partial(progress, f"score scenes, {name}"),
                    )
                refused[name] = count_causes(survey.refused)
                judged.append(judge_survey(survey, labels)[0])
                own, same_labels = judged[-1].labels, digests[name] == digest_labels(labels)
                overlap = count_overlap(own, trained_on[name], same_labels=same_labels)
                warnings += [
                    f"The model {name}: {text}"
                    for text in warn_of_overlap(overlap, len(own), same_labels=same_labels)
                ]
            comparison = compare_judged(*judged)
        except (ModelRefused, NoLabelledCells, NothingInCommon) as error:
            causes = {f"{cause} ({name})": n for name, own in refused.items() for cause, n in own.items()}
            raise CommandError(add_causes(error, causes)) from error
        except OSError as error:
            raise CommandError(f"A file cannot be read: {error.strerror}.") from error
        if not options["json"]:
            self.stdout.write(
                "".join(f"WARNING: {text}\n" for text in warnings) + write_comparison(comparison)
            )
        print_answer(comparison | {"warnings": warnings, "refused": refused}, options["json"])
