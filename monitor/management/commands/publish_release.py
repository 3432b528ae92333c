"""`manage.py publish_release`: publish a batch now, as the clock does every week."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.ledger.connection import LedgerUnavailable
from monitor.management.console import print_answer
from monitor.privacy.ground import GroundSpoilt
from monitor.services.releases import publish_release


class Command(BaseCommand):
    """Exit codes: 0 published; 1 not: the batch could tell too much, or the ledger cannot be written. Words say which."""

    help = "Publish a release: every calendar month that has ended, as bands of coarse blocks, in one batch."

    def add_arguments(self, parser: CommandParser) -> None:
        """How to print."""
        parser.add_argument(
            "--if-changed",
            action="store_true",
            help="publish nothing where the last batch says the same; a new one then tells readers of change elsewhere",
        )
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Publish and report."""
        try:
            published = publish_release(timezone.now().date(), only_changes=options["if_changed"])
        except (GroundSpoilt, LedgerUnavailable) as error:
            raise CommandError(str(error)) from error
        answer = {
            "batch": str(published.batch),
            "new": published.is_new,
            "blocks": published.blocks,
            "periods": published.periods,
            "promoted_to_parent": published.promoted,
        }
        print_answer(answer, options["json"])
