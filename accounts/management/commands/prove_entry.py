"""`manage.py prove_entry ID`: a proof to keep that an entry is in the signed log, checked without the service."""

from __future__ import annotations

from contextlib import closing
from typing import Any
from uuid import UUID

import psycopg
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.ledger.archived import Archived
from accounts.ledger.log_connection import WrongRole, connect_to_log
from accounts.ledger.proofs import NotSealed, prove_line
from accounts.ledger.sealing import LedgerBroken


class Command(BaseCommand):
    """Print the proof. Exit 1 where the entry is not in the log."""

    help = "Print a proof that an entry is in the signed log, for docs/verify/penumbra_verify.py --proof."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Which line."""
        parser.add_argument("id", metavar="ID", type=UUID, help="the id of the entry")
        parser.add_argument("--completion", action="store_true", help="what came of the entry, not the entry")

    def handle(self, *args: Any, **options: Any) -> None:
        """The text is of the form c2sp.org/tlog-proof, with the entry in it."""
        try:
            with closing(connect_to_log()) as connection:
                proof = prove_line(
                    connection, options["id"], "completion" if options["completion"] else "entry"
                )
        except (WrongRole, NotSealed, Archived, LedgerBroken) as error:
            raise CommandError(str(error)) from error
        except psycopg.Error as error:
            raise CommandError(f"The ledger could not be read ({type(error).__name__}).") from error
        self.stdout.write(str(proof), ending="")
