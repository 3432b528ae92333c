"""`manage.py make_account USER --role ROLE --by ADMINISTRATOR`: an account, on the record."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.deciders import NOBODY_LEFT, has_administrator
from accounts.ledger.connection import LedgerUnavailable
from accounts.models import User
from accounts.roles import ACCOUNT_ROLES, Role
from monitor.management.console import print_answer
from monitor.services.accounts import AccountRefused, close_account, make_account


class Command(BaseCommand):
    """Exit codes: 0 made or closed; 1 not, or the ledger cannot say so, and which."""

    help = "Make an account, or close one with --close; each is an entry of the ledger."

    def add_arguments(self, parser: CommandParser) -> None:
        """Who, as what, and who says so."""
        parser.add_argument("user", metavar="USER", help="its user name")
        parser.add_argument("--role", choices=[role.value for role in ACCOUNT_ROLES], help="its one role")
        parser.add_argument("--email", default="", help="where to reach this person")
        parser.add_argument("--organisation", help="the name of the organisation; made if it is not known")
        parser.add_argument("--by", metavar="USER", help="which administrator decides; none for the first")
        parser.add_argument("--close", action="store_true", help="close the account and revoke its tokens")
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make or close it, and report."""
        by = _find_person(options["by"]) if options["by"] else None
        answer: dict[str, Any] = {"user": options["user"], "closed": options["close"]}
        try:
            if options["close"]:
                if by is None:
                    raise CommandError("Say with --by which administrator decides.")
                close_account(_find_person(options["user"]), by)
            else:
                if options["role"] is None:
                    raise CommandError("Say with --role what the account is for.")
                role = Role(options["role"])
                made = make_account(options["user"], role, options["email"], options["organisation"], by)
                answer |= {"role": made.role}
        except (AccountRefused, LedgerUnavailable) as error:
            raise CommandError(str(error)) from error
        print_answer(answer, options["json"])
        if options["close"] and not has_administrator():
            self.stderr.write(NOBODY_LEFT)


def _find_person(username: str) -> User:
    person = User.objects.filter(username=username).first()
    if person is None:
        raise CommandError(f"No account is called {username!r}.")
    return person
