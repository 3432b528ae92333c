"""Private keys on disk (pure but for a file): a file outside the repository, readable by its owner, one key a line.

The first key is the log's name. All keys of the file sign each checkpoint, so that a new key can take over from an old
one while both are believed. Must not import Django: a witness keeps its key in the same way.
"""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path

from accounts.ledger.proof.files import remove_partials, written_whole
from accounts.ledger.proof.note import NoteRefused, SigningKey, read_signing_key


class KeyUnusable(RuntimeError):
    """A key file is missing, open to others, or holds no key. Says the mend, never the key."""


def read_keys(path: Path, kind: int) -> list[SigningKey]:
    """The keys of a file. kind: what they must be. Raises KeyUnusable."""
    try:
        mode = path.stat().st_mode
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise KeyUnusable(
            f"The key file cannot be read ({type(error).__name__}). `manage.py make_ledger_key` makes one, with `--witness`"
            " for a witness."
        ) from error
    if stat.S_IMODE(mode) & 0o077:
        raise KeyUnusable(
            "The key file is open to others: chmod 600 it, and change the key if it may have been read."
        )
    try:
        keys = [read_signing_key(line) for line in lines if line.strip()]
    except NoteRefused as error:
        raise KeyUnusable(f"The key file holds something that is no key: {error}") from error
    if not keys or any(key.kind != kind or key.name != keys[0].name for key in keys):
        raise KeyUnusable("The key file holds no key, keys of several names, or a key of another kind.")
    return keys


def write_keys(path: Path, keys: Sequence[SigningKey]) -> None:
    """Write a key file, whole or not at all, for its owner only; nobody else may be writing it. Raises OSError."""
    remove_partials(path)  # a key that is dropped goes from these too
    with written_whole(path) as stream:
        stream.writelines(f"{key.write_secret()}\n".encode() for key in keys)
