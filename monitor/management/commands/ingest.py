"""`manage.py ingest CATALOG`: hand in every item of a static STAC catalogue; the workers do the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from monitor.imagery.catalog import walk_items
from monitor.management.arguments import read_count
from monitor.management.console import print_answer, show_progress
from monitor.services.ingestion import WaitedInVain, receive_catalog, summarise_scenes, wait_for_scenes


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
        parser.add_argument("--wait", action="store_true", help="wait until no scene of it is due any more")
        parser.add_argument(
            "--timeout", type=read_count, default=3600, help="seconds to wait without any change (3600)"
        )
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Receive, ring, perhaps wait, report."""
        path = Path(options["catalog"]).absolute()
        if not path.is_file():
            raise CommandError(
                f"{options['catalog']}: there is no such file. Give the catalogue's catalog.json."
            )
        with show_progress() as progress:
            items = list(walk_items(path))
            if not items:
                raise CommandError(f"{options['catalog']}: no STAC item is in it or linked from it.")
            received = receive_catalog(
                items, path.parent, lambda done, total: progress("receive items", done, total)
            )
            if options["wait"]:
                try:
                    wait_for_scenes(
                        received.scenes,
                        options["timeout"],
                        lambda done, total: progress("scenes read", done, total),
                    )
                except WaitedInVain as error:
                    raise CommandError(str(error)) from error
        answer = {
            "items": len(items),
            "received": len(received.scenes),
            "new": received.new,
            "refused_at_the_desk": received.refused,
            **summarise_scenes(received.scenes),
        }
        print_answer(answer, options["json"])
        if not received.scenes:
            raise CommandError("No item of this catalogue could be received; the causes stand above.")
