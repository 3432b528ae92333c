"""`manage.py issue_token USER`: print a new token once; or list the tokens of an account, or end them."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.deciders import has_administrator, is_administrator
from accounts.ledger.connection import LedgerUnavailable
from accounts.models import Token, User
from accounts.tokens import issue_token, revoke_tokens

LABEL_LENGTH = Token._meta.get_field("label").max_length or 0
LABEL = "command line"


class Command(BaseCommand):
    """Issue a token for one account, printed once; or list or revoke its tokens. Exit 1 where that was not done, or the
    ledger cannot say so, and which."""

    help = (
        "Issue a token for an account and print it once; only its hash is kept. Or list or revoke its tokens."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """USER, what the token is for, and what to do with those that are there."""
        parser.add_argument("user", metavar="USER", help="the account's user name")
        parser.add_argument("--label", help=f"what the token is for, shown by --list ({LABEL})")
        parser.add_argument(
            "--by",
            metavar="USER",
            help="which administrator decides to issue or revoke; the ledger names them",
        )
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--list", action="store_true", help="list the account's tokens instead")
        what.add_argument(
            "--revoke",
            action="store_true",
            help="revoke the account's tokens instead, at once: all, or those of one --label",
        )
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit 1 where the account does not exist, is closed, or has no token to revoke, and where nobody decides."""
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(
                f"No account is called {options['user']!r}. `manage.py make_account` makes one."
            )
        if options["label"] is not None and len(options["label"]) > LABEL_LENGTH:
            raise CommandError(f"The label is too long: at most {LABEL_LENGTH} characters.")
        by = None if options["by"] is None else _find_administrator(options["by"])
        if by is None and not options["list"] and has_administrator():
            raise CommandError("Say with --by which administrator decides: nothing was done.")
        try:
            if options["list"]:
                self._list(user, options)
            elif options["revoke"]:
                self._revoke(user, by, options)
            else:
                self._issue(user, by, options)
        except LedgerUnavailable as error:
            raise CommandError(str(error)) from error

    def _issue(self, user: User, by: User | None, options: dict[str, Any]) -> None:
        if not user.is_active:
            raise CommandError(f"The account {user.username!r} is closed.")
        secret = issue_token(user, LABEL if options["label"] is None else options["label"], by)
        if options["json"]:
            self.stdout.write(json.dumps({"user": user.username, "role": user.role, "token": secret}))
        else:
            self.stdout.write(secret)

    def _list(self, user: User, options: dict[str, Any]) -> None:
        tokens = Token.objects.filter(user=user).order_by("created_at")
        if options["label"] is not None:
            tokens = tokens.filter(label=options["label"])
        rows = [
            {
                "label": token.label,
                "issued": f"{token.created_at:%Y-%m-%d}",
                "expires": f"{token.expires_at:%Y-%m-%d}",
                "state": _name_state(token),
            }
            for token in tokens
        ]
        if options["json"]:
            self.stdout.write(json.dumps({"user": user.username, "tokens": rows}))
            return
        for row in rows:
            self.stdout.write("{state:8}issued {issued}  expires {expires}  {label}".format(**row))

    def _revoke(self, user: User, by: User | None, options: dict[str, Any]) -> None:
        revoked = revoke_tokens(user, options["label"], by)
        if not revoked:
            of_label = "" if options["label"] is None else f" with the label {options['label']!r}"
            raise CommandError(f"{user.username!r} has no usable token{of_label}: nothing was revoked.")
        self.stdout.write(
            json.dumps({"user": user.username, "revoked": revoked})
            if options["json"]
            else f"revoked: {revoked}"
        )


def _find_administrator(username: str) -> User:
    person = User.objects.filter(username=username).first()
    if person is None or not is_administrator(person):
        raise CommandError(f"--by {username!r}: no active administrator is called so.")
    return person


def _name_state(token: Token) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "usable" if token.expires_at > timezone.now() else "expired"
