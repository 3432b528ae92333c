"""`manage.py ingest CATALOG`: hand in every item of a static STAC catalogue; the workers do the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from monitor.imagery.catalog import walk_items
from monitor.management.console import show_progress
from monitor.management.receiving import add_waiting, hand_in


class Command(BaseCommand):
    """Exit codes: 0 done; 1 nothing could be received, or the workers did not finish in time."""

    help = (
        "Hand in every item of a static STAC catalogue. With --wait, watch the workers until all are scored."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """CATALOG and how long to wait."""
        parser.add_argument(
            "catalog", metavar="CATALOG", help="catalog.json, collection.json or an item, a local path"
        )
        add_waiting(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Walk, receive, ring, perhaps wait, report."""
        path = Path(options["catalog"]).absolute()
        if not path.is_file():
            raise CommandError(
                f"{options['catalog']}: there is no such file. Give the catalogue's catalog.json; an API on the"
                " network is searched by 'search_scenes'."
            )
        with show_progress() as progress:
            items = list(walk_items(path))
            if not items:
                raise CommandError(f"{options['catalog']}: no STAC item is in it or linked from it.")
            hand_in(items, path.parent, options, progress)
