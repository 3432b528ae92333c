"""`manage.py read_archived_exposure ALERT FILE... --by AUDITOR`: who has seen a site in archived months, and no place."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.db import Error, connections

from accounts.ledger.connection import LedgerUnavailable
from accounts.ledger.proof.keyfile import KeyUnusable
from accounts.ledger.proof.note import NoteRefused, read_verifier_key
from accounts.models import User
from monitor.services.archived_exposure import ArchivedExposure, QuestionRefused, ask_archives

INCOMPLETE = 3


def read_moment(text: str) -> datetime:
    """A date or a time (ISO 8601); without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date or time; write it as 2026-03-01") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


class Command(BaseCommand):
    """Exit codes: 0 answered from all archives; 1 not, and why; 2 wrong usage; 3 answered, but archives were not given."""

    help = (
        "Who has seen the site of an alert in archived months, and no place: from the files of the archives and the cells"
        " that stayed sealed in the database. Only the owner may; it is an entry of the ledger."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Of which alert, from which files, for whom."""
        parser.add_argument("alert", metavar="ALERT", type=UUID, help="id of the alert")
        parser.add_argument("file", metavar="FILE", nargs="+", type=Path, help="all archives of that time")
        parser.add_argument(
            "--by", required=True, metavar="AUDITOR", help="user name of the auditor who asks"
        )
        parser.add_argument("--since", type=read_moment, help="from when; left out: from the beginning")
        parser.add_argument(
            "--until", type=read_moment, help="before when; left out: to the last archived month"
        )
        parser.add_argument(
            "--key", action="append", default=[], help="a public key of the log, kept elsewhere"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """The rows that the service gives for later months."""
        if connections["default"].settings_dict["USER"] != "penumbra_owner":
            raise CommandError(
                "Only the owner of the tables can compare sealed cells. Set PENUMBRA_DB_ROLE=owner and its password:"
                ' eval "$(python3 -m config.local env --instance live --role owner)"'
            )
        by = User.objects.filter(username=options["by"]).first()
        if by is None:
            raise CommandError("There is no account of the name that --by gives.")
        try:
            trusted = [read_verifier_key(text) for text in options["key"]]
            found = ask_archives(
                options["alert"], options["file"], by, options["since"], options["until"], trusted
            )
        except (QuestionRefused, NoteRefused, KeyUnusable, LedgerUnavailable) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename} could not be read ({error.strerror}).") from error
        except (Error, psycopg.Error) as error:
            raise CommandError(f"The database did not answer ({type(error).__name__}).") from error
        self._tell(found, options["json"])
        if found.missing:
            sys.exit(INCOMPLETE)

    def _tell(self, found: ArchivedExposure, as_json: bool) -> None:
        rows = [
            {("shown" if name == "how" else name): value for name, value in asdict(row).items()}
            for row in found.rows
        ]
        missing = [str(archive) for archive in found.missing]
        if as_json:
            told = {"items": rows, "until": found.until, "not_looked_at": missing}
            self.stdout.write(json.dumps(told, cls=DjangoJSONEncoder))
            return
        for row in rows:
            self.stdout.write("  ".join("-" if value is None else str(value) for value in row.values()))
        self.stdout.write(
            f"{len(rows)} rows, before {found.until:%Y-%m-%d}; for later ask the service with `since`"
        )
        for archive in missing:
            self.stdout.write(f"  not looked at: {archive}")
