"""`manage.py grant_agreement PARTNER REGION --by USER`: on which terms a partner receives a region."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.ledger.connection import LedgerUnavailable
from accounts.models import User
from monitor.grid import Level
from monitor.management.console import print_answer
from monitor.models import Region
from monitor.services.agreements import AgreementRefused, end_agreement, make_agreement


class Command(BaseCommand):
    """Exit codes: 0 recorded; 1 not, or the ledger cannot say so, and which."""

    help = "Record an agreement: a partner receives a region's releases, at L2, or at L1 where that was agreed in writing."

    def add_arguments(self, parser: CommandParser) -> None:
        """Who, what, on which terms, and who says so."""
        parser.add_argument("partner", metavar="PARTNER", help="user name of an account of role partner")
        parser.add_argument("region", metavar="REGION", help="name of a region")
        parser.add_argument(
            "--by",
            required=True,
            metavar="USER",
            help="who agrees: an administrator, or a regulator of the region",
        )
        parser.add_argument("--level", choices=["L1", "L2", "L3"], default="L2", help="how sharp (L2)")
        parser.add_argument("--second", metavar="USER", help="L1: who else agrees")
        parser.add_argument("--reference", default="", help="L1: which written agreement")
        parser.add_argument(
            "--until", type=date.fromisoformat, help="L1: the first day on which it no longer holds"
        )
        parser.add_argument("--end", action="store_true", help="end the agreement instead")
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Record and report."""
        by, partner = _find_person(options["by"]), _find_person(options["partner"])
        second = _find_person(options["second"]) if options["second"] else None
        region = Region.objects.filter(name=options["region"]).first()
        if region is None:
            raise CommandError(f"No region is called {options['region']!r}.")
        until = datetime.combine(options["until"], time(), UTC) if options["until"] else None
        answer: dict[str, Any] = {"partner": partner.username, "region": region.name, "ended": options["end"]}
        try:
            if options["end"]:
                end_agreement(by, partner, region)
            else:
                agreement = make_agreement(
                    by,
                    partner,
                    region,
                    Level[options["level"]],
                    seconded_by=second,
                    reference=options["reference"],
                    until=until,
                )
                answer |= {"agreement": str(agreement), "level": options["level"], "until": until}
        except (AgreementRefused, LedgerUnavailable) as error:
            raise CommandError(str(error)) from error
        print_answer(answer, options["json"])


def _find_person(username: str) -> User:
    person = User.objects.filter(username=username).first()
    if person is None:
        raise CommandError(f"No account is called {username!r}.")
    return person
