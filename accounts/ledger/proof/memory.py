"""The one checkpoint that must not be forgotten (pure but for a file): what was signed last, written so that it survives.

The sealer keeps it beside its key, a witness keeps one per log. Whoever signs compares with it first.
"""

from __future__ import annotations

import os
from pathlib import Path

from accounts.ledger.proof.checkpoint import TreeHead, read_head
from accounts.ledger.proof.note import NoteRefused, parse_note


def read_memory(path: Path) -> TreeHead | None:
    """The head of the remembered checkpoint; None where there was never one. Raises NoteRefused for other text, OSError."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise NoteRefused("This is no text.") from error
    return read_head(parse_note(text))


def write_memory(path: Path, note: str) -> None:
    """Replace the remembered checkpoint, whole or not at all, and not before the disk has it. Raises OSError."""
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("w", encoding="utf-8") as stream:
        stream.write(note)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
