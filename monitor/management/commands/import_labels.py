"""`manage.py import_labels`: keep the labels of a file in the vault; say which repeat or contradict each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.ledger.connection import LedgerUnavailable
from monitor.management.arguments import load_numbered_labels
from monitor.management.console import print_answer
from monitor.services.labels import Imported, import_labels

SHOWN = 20
"""Pairs of lines that are told to a person; a machine gets all."""


class Command(BaseCommand):
    """Exit codes: 0 kept; 1 the file cannot be used, with the line, or the ledger not be written."""

    help = "Keep labels in the vault, with where they come from; name the lines that repeat or contradict each other."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which file."""
        parser.add_argument("labels", type=Path, help="CSV with cell_row, cell_col, label, ...")
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read, keep, say what was found. Lines are named, never places."""
        numbered = load_numbered_labels(options["labels"])
        lines = [line for line, _ in numbered]
        try:
            imported = import_labels([label for _, label in numbered])
        except LedgerUnavailable as error:
            raise CommandError(str(error)) from error
        found = {
            "repeated": _name_lines(imported.agreement.repeated, lines),
            "contradicted": _name_lines(imported.agreement.contradicted, lines),
            "outweighed_by_visit": _name_lines(imported.agreement.outweighed, lines),
        }
        if not options["json"]:
            for what, pairs in found.items():
                for one, other in pairs[:SHOWN]:
                    self.stdout.write(f"{what.replace('_', ' ')}: lines {one} and {other}")
        print_answer(_sum_up(imported, len(lines)) | (found if options["json"] else {}), options["json"])


def _name_lines(pairs: Sequence[tuple[int, int]], lines: Sequence[int]) -> list[tuple[int, int]]:
    return [(lines[one], lines[other]) for one, other in pairs]


def _sum_up(imported: Imported, count: int) -> dict[str, Any]:
    return {
        "labels": count,
        "stored": imported.stored,
        "left_out": imported.agreement.left_out,
        "against_labels_from": imported.against_vault,
        "digest": imported.digest,
    }
