"""Room: config.local. This checkout's passwords and keys: made once, kept in var/secrets.env for the owner's eyes only."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

PASSWORDS = tuple(f"PENUMBRA_DB_PASSWORD_{role}" for role in ("OWNER", "WEB", "WORKER", "LEDGER", "SEALER"))
KEYS = ("PENUMBRA_SECRET_KEY", "PENUMBRA_HASH_KEY")


def read_keys(file: Path) -> dict[str, str]:
    """Names and values of a file of NAME=value lines; nothing if there is no file."""
    if not file.exists():
        return {}
    return dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)


def make_keys(file: Path, given: Mapping[str, str]) -> dict[str, str]:
    """All keys: those of `given` (the caller's environment) first, then those of `file`; the missing ones are made.

    What is made is written to `file`. A given value is never written: it belongs to the caller.
    """
    known = read_keys(file)
    missing = {
        name: secrets.token_hex(32)
        for name in (*PASSWORDS, *KEYS)
        if name not in known and not given.get(name)
    }
    if missing:
        _write({**known, **missing}, file)
    return {name: given.get(name) or known.get(name) or missing[name] for name in (*PASSWORDS, *KEYS)}


def _write(values: Mapping[str, str], file: Path) -> None:
    partial = file.with_suffix(".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.writelines(f"{name}={value}\n" for name, value in values.items())
    partial.replace(file)
