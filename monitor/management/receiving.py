"""What commands that hand in scenes share: their options, the work itself, and the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from monitor.imagery.catalog import CatalogItem, count_repeated_ids
from monitor.management.arguments import read_count
from monitor.management.console import StageProgress, print_answer
from monitor.services.ingestion import WaitedInVain, receive_catalog, summarise_scenes, wait_for_scenes


def add_waiting(parser: CommandParser) -> None:
    """How long to wait for the workers, and how to answer."""
    parser.add_argument("--wait", action="store_true", help="wait until no scene of it is due any more")
    parser.add_argument(
        "--timeout", type=read_count, default=3600, help="seconds to wait without any change (3600)"
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON")


def hand_in(
    items: Sequence[CatalogItem],
    folder: Path | None,
    options: Mapping[str, Any],
    progress: StageProgress,
    **more: object,
) -> None:
    """Receive, ring, perhaps wait, print. more: figures that the answer tells too. Raises CommandError."""
    received = receive_catalog(items, folder, lambda done, total: progress("receive items", done, total))
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
        "repeated_ids": count_repeated_ids(items),
        **more,
        "received": len(received.scenes),
        "new": received.new,
        "refused_at_the_desk": received.refused,
        **summarise_scenes(received.scenes),
    }
    print_answer(answer, options["json"])
    if not received.scenes:
        raise CommandError("No item could be received; the causes stand above.")
