"""`manage.py search_scenes ADDRESS`: hand in the items that a STAC API finds; the workers do the rest."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from monitor.imagery.search import MOST_ITEMS, Query, SearchFailed
from monitor.management.arguments import read_count, read_number
from monitor.management.console import show_progress
from monitor.management.receiving import add_waiting, hand_in
from monitor.services.ingestion import find_scenes


class Command(BaseCommand):
    """Exit codes: 0 done; 1 nothing was found or received, or the workers did not finish in time."""

    help = (
        "Search a STAC API and hand in every item found. Its host, and the hosts of the files, must be named in"
        " PENUMBRA_IMAGERY_HOSTS. The box is told to that API and to nobody else."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """ADDRESS, what to look for, and how long to wait."""
        parser.add_argument("address", metavar="ADDRESS", help="the API's landing page, https://...")
        parser.add_argument(
            "--collection",
            action="append",
            default=[],
            metavar="ID",
            help="a collection to search; may be given several times (all)",
        )
        parser.add_argument(
            "--bbox",
            nargs=4,
            type=read_number,
            metavar=("WEST", "SOUTH", "EAST", "NORTH"),
            help="degrees; other people on this machine can see the words of a running command",
        )
        parser.add_argument(
            "--datetime", metavar="WHEN", help="a moment or an interval, such as 2024-03 or 2024-01/2024-06"
        )
        parser.add_argument(
            "--limit", type=read_count, default=MOST_ITEMS, help=f"items at most ({MOST_ITEMS})"
        )
        add_waiting(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Search, receive, ring, perhaps wait, report."""
        query = Query(
            options["address"],
            tuple(options["collection"]),
            tuple(options["bbox"]) if options["bbox"] else None,
            options["datetime"],
            options["limit"],
        )
        with show_progress() as progress:
            try:
                found = find_scenes(query, lambda count: progress("items found", count, count))
            except SearchFailed as error:
                raise CommandError(str(error)) from None
            if not found.items:
                raise CommandError("The API found no item. Check the collections, the box and the dates.")
            if found.matched is not None and not found.cut_off and found.matched > len(found.items):
                self.stderr.write(
                    f"WARNING: the API says that {found.matched} items match and gave {len(found.items)}. Search again, for "
                    "less time or a smaller box, to see whether some are missing."
                )
            hand_in(found.items, None, options, progress, matched=found.matched, cut_off=found.cut_off)
