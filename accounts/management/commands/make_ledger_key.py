"""`manage.py make_ledger_key NAME`: the key that signs the ledger's checkpoints, made once; or one that takes over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.ledger.proof.files import locked
from accounts.ledger.proof.keyfile import KeyUnusable, read_keys, write_keys
from accounts.ledger.proof.note import COSIGNATURE, ED25519, NoteRefused, SigningKey, make_key


class Command(BaseCommand):
    """Make a key file, or add to or take from it. Prints public keys only. Exit 1 where that fails."""

    help = "Make the log's signing key where there is none, and print the public key; or let a new key take over."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """NAME, the file, and what to do with keys that are there."""
        parser.add_argument(
            "name", metavar="NAME", help="the log's name, such as penumbra.example.org/ledger"
        )
        parser.add_argument("--file", type=Path, default=None, help="default: PENUMBRA_LEDGER_KEY_FILE")
        parser.add_argument(
            "--witness", action="store_true", help="a key for `manage.py witness`; --file is needed"
        )
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "--add", action="store_true", help="a new key that signs beside the old ones from now on"
        )
        what.add_argument("--drop-old", action="store_true", help="let only the newest key sign from now on")

    def handle(self, *args: Any, **options: Any) -> None:
        """A key that exists is never overwritten."""
        if options["witness"] and options["file"] is None:
            raise CommandError("A witness keeps its own key: say where with --file.")
        file: Path = options["file"] or settings.LEDGER_KEY_FILE
        kind = COSIGNATURE if options["witness"] else ED25519
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with locked(file.parent):  # of two at once, the second finds the key of the first
                keys = self._change(file, options, kind)
        except (KeyUnusable, NoteRefused) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(
                f"{file} could not be written ({error.strerror}): nothing was changed."
            ) from error
        for key in keys:
            self.stdout.write(str(key.verifier))

    def _change(self, file: Path, options: dict[str, Any], kind: int) -> list[SigningKey]:
        if not file.exists():
            keys = [make_key(options["name"], kind)]
            write_keys(file, keys)
            return keys
        keys = read_keys(file, kind)
        if keys[0].name != options["name"]:
            raise CommandError(f"The key file is that of {keys[0].name}. A log keeps its name for ever.")
        if options["add"]:
            keys = [*keys, make_key(options["name"], kind)]
            write_keys(file, keys)
        elif options["drop_old"]:
            keys = keys[-1:]
            write_keys(file, keys)
        return keys
