"""`manage.py verify_ledger`: is the stored log the one that was signed? For whoever runs the service."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.ledger.archived import Archive, list_archives
from accounts.ledger.checking import Checked, check_log
from accounts.ledger.comparing import compare_archive
from accounts.ledger.exporting import list_log_keys
from accounts.ledger.keyed import digest_cells
from accounts.ledger.log_connection import WrongRole, connect_to_log, read_own_keys
from accounts.ledger.proof.keyfile import KeyUnusable
from accounts.ledger.proof.note import NoteRefused, VerifierKey, read_verifier_key
from accounts.ledger.vouching import find_vouched

DAMAGED, UNDECIDED = 1, 3


class Command(BaseCommand):
    """Exit codes: 0 sound; 1 damaged, or not to be read; 2 wrong usage; 3 sound, but the newest checkpoint is signed by keys
    from the database only."""

    help = (
        "Check every line, subtree and checkpoint of the stored ledger. An auditor checks an export instead."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Keys, and how to print."""
        parser.add_argument(
            "--key", action="append", default=[], help="a public key of the log, kept elsewhere"
        )
        parser.add_argument(
            "--cells", action="store_true", help="also what was disclosed; only the owner may"
        )
        parser.add_argument(
            "--archive", action="append", default=[], type=Path, help="also this file of archived months"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """The verdict, with every damage by the index of its line."""
        try:
            trusted = [read_verifier_key(text) for text in options["key"]] or read_own_keys()
            with closing(connect_to_log()) as connection:
                # keys that signed once and were changed since stand in the database only
                keys = trusted if options["key"] else [*trusted, *list_log_keys(connection)]
                checked = check_log(connection, keys, digest_cells if options["cells"] else None)
                vouched = not checked.lines or find_vouched(connection, trusted) is not None
                archives = list_archives(connection)
                for file in options["archive"]:
                    more = compare_archive(connection, file, keys)
                    checked = replace(checked, damages=[*checked.damages, *more])
        except (WrongRole, NoteRefused, KeyUnusable) as error:
            raise CommandError(str(error)) from error
        except psycopg.errors.InsufficientPrivilege as error:
            raise CommandError(
                "This role may not read all that it was asked to check: --cells needs the owner."
            ) from error
        except OSError as error:
            raise CommandError(
                f"The archive {error.filename} could not be read ({error.strerror})."
            ) from error
        except psycopg.Error as error:
            raise CommandError(f"The ledger could not be read ({type(error).__name__}).") from error
        code = DAMAGED if checked.damages else 0 if vouched else UNDECIDED
        self._tell(checked, archives, keys, code, options["json"])
        if code:
            sys.exit(code)

    def _tell(
        self, checked: Checked, archives: list[Archive], keys: list[VerifierKey], code: int, as_json: bool
    ) -> None:
        months = [f"{month.month:%Y-%m}" for month in checked.archived]
        if as_json:
            told = {
                "code": code,
                "lines": checked.lines,
                "checkpoints": checked.checkpoints,
                "keys": [str(key) for key in keys],
                "damages": [asdict(damage) for damage in checked.damages],
                "archived": months,
                "archives": [str(archive) for archive in archives],
            }
            self.stdout.write(json.dumps(told))
            return
        word = "DAMAGED" if checked.damages else "SOUND"
        self.stdout.write(f"{word}: {checked.lines} lines, {checked.checkpoints} checkpoints")
        if months:
            self.stdout.write(f"  archived, so that only their hashes were looked at: {', '.join(months)}")
            for archive in archives:
                self.stdout.write(f"  in {archive}")
        for damage in checked.damages:
            where = "" if damage.index is None else f" at index {damage.index}"
            self.stdout.write(f"  {damage.kind}{where}: {damage.text}")
        if code == UNDECIDED:
            self.stdout.write(
                "  by keys from the database itself; compare them with those that you keep elsewhere:"
            )
            for key in keys:
                self.stdout.write(f"  {key}")
