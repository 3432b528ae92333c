"""`manage.py export_ledger FILE`: the whole log as JSON Lines, for docs/verify/penumbra_verify.py or as OCSF events."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.ledger.exporting import NoSuchStart, export_lines
from accounts.ledger.log_connection import WrongRole, connect_to_log
from accounts.ledger.ocsf import export_events
from accounts.ledger.proof.files import written_whole
from accounts.ledger.sealing import LedgerBroken

WRITERS = {"log": export_lines, "ocsf": export_events}


class Command(BaseCommand):
    """Write every sealed line of the ledger, with the checkpoints that vouch for it. Exit 1 where that fails."""

    help = "Write the sealed ledger as JSON Lines, to be checked with docs/verify/penumbra_verify.py."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """FILE and where to begin."""
        parser.add_argument("file", metavar="FILE", help="the file to write; - for the standard output")
        parser.add_argument(
            "--start",
            type=int,
            help="begin at this index, the size of a checkpoint; left out: at the first line that was not archived",
        )
        parser.add_argument(
            "--format",
            choices=sorted(WRITERS),
            default="log",
            help="log: to be verified; ocsf: events for those who gather records of many systems (docs/ocsf.md)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """A file appears whole or not at all."""
        try:
            with closing(connect_to_log()) as connection:
                lines = WRITERS[options["format"]](connection, options["start"])
                if options["file"] == "-":
                    sys.stdout.buffer.writelines(lines)
                    return
                with written_whole(Path(options["file"])) as stream:
                    stream.writelines(lines)
        except (WrongRole, NoSuchStart, LedgerBroken) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(
                f"Nothing was exported: {options['file']} could not be written ({error.strerror})."
            ) from error
        except psycopg.Error as error:
            raise CommandError(f"The ledger could not be exported ({type(error).__name__}).") from error
