"""`manage.py issue_token USER`: print a new token once."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.ledger.connection import LedgerUnavailable
from accounts.models import Token, User
from accounts.tokens import issue_token

LABEL_LENGTH = Token._meta.get_field("label").max_length or 0


class Command(BaseCommand):
    """Issue a token for one account. It is printed once and cannot be read again."""

    help = "Issue a token for an account and print it once; only its hash is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        """USER and what the token is for."""
        parser.add_argument("user", metavar="USER", help="the account's user name")
        parser.add_argument("--label", default="command line", help="what the token is for, shown in lists")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit 1 where the account does not exist or is closed."""
        user = User.objects.filter(username=options["user"], is_active=True).first()
        if user is None:
            raise CommandError(
                f"No active account is called {options['user']!r}. `manage.py make_account` makes one."
            )
        if len(options["label"]) > LABEL_LENGTH:
            raise CommandError(f"The label is too long: at most {LABEL_LENGTH} characters.")
        try:
            secret = issue_token(user, options["label"])
        except LedgerUnavailable as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps({"user": user.username, "role": user.role, "token": secret}))
        else:
            self.stdout.write(secret)
