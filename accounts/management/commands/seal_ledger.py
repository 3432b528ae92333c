"""`manage.py seal_ledger`: give every new line of the ledger its place and sign it. `--watch` goes on for ever."""

from __future__ import annotations

import signal
import threading
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.ledger.connection import LedgerUnavailable
from accounts.ledger.log_connection import WrongRole, make_sealing_process
from accounts.ledger.proof.keyfile import KeyUnusable
from accounts.ledger.sealing import LedgerBroken
from accounts.ledger.witnessing import WitnessUnusable


class Command(BaseCommand):
    """Seal what is new, show it to the witnesses. Exit 1 where that fails; the cause is said."""

    help = "Give every new line of the ledger its place in the log, sign the log's head, and show it to the witnesses."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Once or for ever."""
        how = parser.add_mutually_exclusive_group()
        how.add_argument(
            "--watch", action="store_true", help="go on until told to stop, as a lasting process"
        )
        how.add_argument(
            "--accept-new-key",
            action="store_true",
            help="once: the keys that signed are lost or given up, and those of the key file go on in their place",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """A second sealer waits (`--watch`) or says that another is at work."""
        try:
            process = make_sealing_process(options["accept_new_key"])
            if options["watch"]:
                stop = threading.Event()
                for number in (signal.SIGTERM, signal.SIGINT):
                    signal.signal(number, lambda *_: stop.set())
                process.run(stop)
                return
            count = process.seal_all()
            if count is None:
                self.stdout.write("Another sealer is at work: nothing to do here.")
                return
            self.stdout.write(f"{count} checkpoints signed, {process.publish()} witnesses shown the newest.")
        except (KeyUnusable, WitnessUnusable, WrongRole, LedgerBroken, LedgerUnavailable) as error:
            raise CommandError(str(error)) from error
        except (psycopg.Error, OSError) as error:
            raise CommandError(f"The ledger could not be sealed ({type(error).__name__}).") from error
