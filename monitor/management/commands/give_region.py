"""`manage.py give_region USER REGION --by ADMINISTRATOR`: a mandate for a region, on the record."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.ledger.connection import LedgerUnavailable
from accounts.models import User
from monitor.management.console import print_answer
from monitor.models import Region
from monitor.services.accounts import AccountRefused, end_region, give_region


class Command(BaseCommand):
    """Exit codes: 0 given or ended; 1 not, or the ledger cannot say so, and which."""

    help = "Give a regulator or analyst the mandate for a region, or end it with --end; each is an entry of the ledger."

    def add_arguments(self, parser: CommandParser) -> None:
        """Who, where, and who says so."""
        parser.add_argument("user", metavar="USER", help="user name of a regulator or analyst")
        parser.add_argument("region", metavar="REGION", help="name of a region")
        parser.add_argument("--by", required=True, metavar="USER", help="which administrator decides")
        parser.add_argument("--end", action="store_true", help="take the region away instead, at once")
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Give or end it, and report."""
        people = {
            name: User.objects.filter(username=name).first() for name in (options["user"], options["by"])
        }
        user, by = people[options["user"]], people[options["by"]]
        region = Region.objects.filter(name=options["region"]).first()
        if user is None or by is None or region is None:
            raise CommandError("There is no such account or region: look at the spelling of the three names.")
        try:
            (end_region if options["end"] else give_region)(user, region, by)
        except (AccountRefused, LedgerUnavailable) as error:
            raise CommandError(str(error)) from error
        answer = {"user": user.username, "region": region.name, "ended": options["end"]}
        print_answer(answer, options["json"])
