"""`manage.py archive_ledger --before YYYY-MM FILE`: whole sealed months into a file, and out of the tables."""

from __future__ import annotations

import argparse
import json
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from accounts.ledger.archiving import ArchiveRefused, archive_months
from accounts.ledger.connection import LedgerUnavailable
from accounts.ledger.entry import Entry
from accounts.ledger.exporting import NoSuchStart, list_log_keys
from accounts.ledger.log_connection import WrongRole, connect_to_log, read_own_keys
from accounts.ledger.proof.keyfile import KeyUnusable
from accounts.ledger.proof.note import NoteRefused, read_verifier_key
from accounts.ledger.proof.reading import ExportUnsound
from accounts.ledger.sealing import LedgerBroken
from accounts.ledger.vouching import NotVouchedFor
from accounts.ledger.writer import recorded


def read_month(text: str) -> date:
    """The first day of a month written YYYY-MM."""
    try:
        return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no month; write it as 2026-03") from None


class Command(BaseCommand):
    """Write, check, then take the months from the tables. Exit 1 where nothing was archived; the cause is said."""

    help = (
        "Write whole sealed months of the ledger to a file that docs/verify/penumbra_verify.py checks, and take them from"
        " the tables once the file was checked. Only the owner may. Copy the file elsewhere before you drop the tables."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Which months, and where to."""
        parser.add_argument("file", metavar="FILE", type=Path, help="the file to write; it must not exist")
        parser.add_argument(
            "--before",
            metavar="YYYY-MM",
            type=read_month,
            required=True,
            help="all months before this one (UTC)",
        )
        parser.add_argument(
            "--key", action="append", default=[], help="a public key of the log, kept elsewhere"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """All of it or nothing."""
        if connections["default"].settings_dict["USER"] != "penumbra_owner":
            raise CommandError(
                "Only the owner of the tables can archive. Set PENUMBRA_DB_ROLE=owner and its password:"
                ' eval "$(python3 -m config.local env --instance live --role owner)"'
            )
        file: Path = options["file"]
        entry = Entry(None, "ledger.archive", "archive_ledger", uuid4())
        try:
            trusted = [read_verifier_key(text) for text in options["key"]] or read_own_keys()
            with closing(connect_to_log()) as connection:
                keys = [*trusted, *list_log_keys(connection)]
                with recorded(entry):
                    archive, months = archive_months(connection, options["before"], file, keys, trusted)
        except NotVouchedFor as error:
            raise CommandError(f"Nothing was archived. {error}") from error
        except (ArchiveRefused, WrongRole, NoSuchStart, LedgerBroken, KeyUnusable) as error:
            raise CommandError(str(error)) from error
        except NoteRefused as error:
            raise CommandError(f"Nothing was archived: {str(error).rstrip('.')} (--key).") from error
        except ExportUnsound as error:
            raise CommandError(f"Nothing was archived: {error}. See `manage.py verify_ledger`.") from error
        except LedgerUnavailable as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(
                f"Nothing was archived: {file} could not be written ({error.strerror})."
            ) from error
        except psycopg.Error as error:
            raise CommandError(f"Nothing was archived ({type(error).__name__}).") from error
        names = [f"{month.month:%Y-%m}" for month in months]
        if options["json"]:
            told = {"file": archive.name, "start": archive.start, "size": archive.size, "months": names}
            self.stdout.write(json.dumps({**told, "sha256": archive.digest.hex()}))
            return
        self.stdout.write(f"archived {', '.join(names)}: {archive}")
