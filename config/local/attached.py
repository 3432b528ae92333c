"""Room: config.local. What `manage.py` takes up when it is called by hand: the environment that `up` gave its worker.

Commands about the sealed ledger take up that of the sealer. Both are kept under var/, readable by the owner only. Nothing is
taken up where the caller names a server of their own.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path

from .report import EXIT_USAGE

FILE = "var/environment.json"
SEALER_FILE = "var/environment-sealer.json"
SEALER_COMMANDS = {"export_ledger", "make_ledger_key", "prove_entry", "seal_ledger", "verify_ledger"}
INTERPRETER = "var/venv/bin/python"


def remember(root: Path, environment: Mapping[str, str], name: str = FILE) -> None:
    """Keep a process's environment, whole or not at all."""
    file = root / name
    partial = file.with_suffix(".partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        json.dump(dict(environment), stream)
    partial.replace(file)


def attach(root: Path, environment: MutableMapping[str, str], command: str = "") -> None:
    """Take up what was remembered, unless DATABASE_URL is set; a variable that the caller has set stays as it is.

    command: the first word after `manage.py`.
    """
    file = root / (SEALER_FILE if command in SEALER_COMMANDS else FILE)
    if "DATABASE_URL" in environment or not file.exists():
        return
    for name, value in json.loads(file.read_text()).items():
        environment.setdefault(name, value)


def refuse_unreadable(words: Sequence[str]) -> None:
    """End with code 2 where a word of the command is no text: neither the database nor an answer could take it."""
    for place, word in enumerate(words, 1):
        try:
            word.encode()
        except UnicodeEncodeError:
            print(
                f"manage.py: error: word {place} of the command is no text in UTF-8; write it, or name the file, so.",
                file=sys.stderr,
            )
            raise SystemExit(EXIT_USAGE) from None


def change_interpreter(root: Path) -> None:
    """Go on in the project's own environment where this interpreter has no Django. Returns only where it has."""
    try:
        import django  # noqa: F401
    except ModuleNotFoundError:
        own = root / INTERPRETER
        if not own.exists():
            raise SystemExit("Penumbra is not installed yet: run `make up` first.") from None
        os.execv(own, [str(own), *sys.argv])  # noqa: S606 - the same words, in the project's interpreter
