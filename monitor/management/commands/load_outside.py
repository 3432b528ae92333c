"""`manage.py load_outside`: load what another system has published, fuse it with our cells, say how many met."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.ledger.connection import LedgerUnavailable
from monitor.field.outside import OutsideRefused
from monitor.field.systems import SYSTEMS
from monitor.management.console import print_answer
from monitor.services.outside import load_outside


class Command(BaseCommand):
    """Exit codes: 0 loaded; 1 the file cannot be used or the ledger not be written, with the cause."""

    help = "Load alerts of another system (API answer, CSV, raster, polygons) beside our cells; counts come back, no place."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which file of which system."""
        parser.add_argument("file", type=Path, help=".json, .csv, a raster or a vector file")
        parser.add_argument("--system", required=True, choices=sorted(SYSTEMS), help="who published it")
        parser.add_argument("--date-field", metavar="FIELD", help="of polygons: which field holds the date")
        parser.add_argument(
            "--delivery", metavar="NAME", help="take the place of what was loaded under this name before"
        )
        parser.add_argument(
            "--issued", type=date.fromisoformat, metavar="DATE", help="of the delivery; today unless told"
        )
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read, keep, fuse, count."""
        try:
            loaded = load_outside(
                options["file"],
                options["system"],
                timezone.now().date(),
                options["date_field"],
                options["delivery"],
                options["issued"],
            )
        except (LedgerUnavailable, OutsideRefused) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"The file cannot be read: {error.strerror}.") from error
        print_answer(asdict(loaded), options["json"])
