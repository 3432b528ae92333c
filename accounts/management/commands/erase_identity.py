"""`manage.py erase_identity USER`: forget who somebody was, without breaking a proof of what they saw."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.deciders import NOBODY_LEFT, has_administrator
from accounts.erasure import ErasureRefused, erase_identity
from accounts.ledger.connection import LedgerUnavailable
from accounts.models import User


class Command(BaseCommand):
    """Cannot be undone, so the name is given twice. Exit 1 where it was not done or the ledger cannot say so, and which."""

    help = "Take name, address, tokens and pseudonym from an account and close it for ever. Cannot be undone."

    def add_arguments(self, parser: CommandParser) -> None:
        """USER, twice."""
        parser.add_argument("user", metavar="USER", help="the account's user name")
        parser.add_argument("--confirm", metavar="USER", required=True, help="the same name again")
        parser.add_argument("--by", metavar="USER", required=True, help="the administrator who decides it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Erase, or say why not."""
        if options["confirm"] != options["user"]:
            raise CommandError("The two names differ: nothing was erased.")
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError("There is no account of this name.")
        decider = User.objects.filter(username=options["by"]).first()
        if decider is None:
            raise CommandError("There is no account of the name after --by.")
        try:
            erase_identity(user, decider)
        except (ErasureRefused, LedgerUnavailable) as error:
            raise CommandError(str(error)) from error
        self.stdout.write("erased")
        if not has_administrator():
            self.stderr.write(NOBODY_LEFT)
