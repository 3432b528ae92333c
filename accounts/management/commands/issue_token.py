"""`manage.py issue_token USER`: print a new token once."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from accounts.tokens import issue_token


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
            raise CommandError(f"No active account is called {options['user']!r}. `manage.py seed_demo` makes some.")
        secret = issue_token(user, options["label"])
        if options["json"]:
            self.stdout.write(json.dumps({"user": user.username, "role": user.role, "token": secret}))
        else:
            self.stdout.write(secret)
