"""`manage.py load_prior FILE`: say how plausible a mine is, cell by cell; releases hide places among plausible cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.ledger.connection import LedgerUnavailable
from monitor.management.console import print_answer, show_progress
from monitor.services.priors import PriorRefused, forget_prior, load_prior


class Command(BaseCommand):
    """Exit codes: 0 loaded; 1 the layer cannot be a prior, or the ledger could not be written."""

    help = (
        "Load a raster or vector layer as the plausibility prior of releases; it acts from the next batch on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """FILE, or none."""
        parser.add_argument(
            "file", nargs="?", metavar="FILE", help="a raster, or any vector layer that GDAL reads"
        )
        parser.add_argument(
            "--name", help="how certificates and reports call it (the file's name without its ending)"
        )
        parser.add_argument(
            "--field", help="vector: the field with the weights; without it every feature weighs 1"
        )
        parser.add_argument("--layer", type=int, default=0, help="vector: number of the layer, from 0")
        parser.add_argument(
            "--even", action="store_true", help="no layer: all cells of known regions alike (the default)"
        )
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Load and report."""
        if bool(options["file"]) == options["even"]:
            raise CommandError("Give a FILE, or --even.")
        try:
            if options["even"]:
                loaded = forget_prior()
            else:
                name = options["name"] or Path(options["file"]).stem
                with show_progress() as progress:
                    loaded = load_prior(options["file"], name, options["field"], options["layer"], progress)
        except (PriorRefused, LedgerUnavailable) as error:
            raise CommandError(str(error)) from error
        answer = {
            "prior": str(loaded.prior.id),
            "name": loaded.prior.name,
            "cells_with_weight": loaded.prior.cells,
            "cells_of_regions": loaded.known,
            "plausible_cells_of_regions": loaded.plausible,
            "digest": loaded.prior.digest,
        }
        print_answer(answer, options["json"])
