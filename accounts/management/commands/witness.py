"""`manage.py witness`: a server that signs checkpoints of logs, if they continue what it signed before."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.ledger.proof.keyfile import KeyUnusable
from accounts.ledger.proof.note import NoteRefused
from accounts.ledger.proof.witness_server import MemoryDamaged, add_arguments, serve


class Command(BaseCommand):
    """Serve until interrupted. Asks no database. Exit 1 where it cannot start."""

    help = "Be a witness: sign checkpoints that continue what was signed before. Best on another machine than the log's."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """The words of the stand-alone server."""
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """As `python -m accounts.ledger.proof.witness_server`."""
        try:
            serve(Namespace(**options))
        except (KeyUnusable, MemoryDamaged, NoteRefused, OSError, ValueError) as error:
            raise CommandError(f"The witness cannot start: {error}") from error
        except KeyboardInterrupt:
            self.stderr.write("stopped")
