"""The one checkpoint that must not be forgotten (pure but for a file): what was signed last, written so that it survives.

The sealer keeps it beside its key, a witness keeps one per log. Whoever signs compares with it first.
"""

from __future__ import annotations

from pathlib import Path

from accounts.ledger.proof.checkpoint import TreeHead, read_head
from accounts.ledger.proof.files import written_whole
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
    with written_whole(path) as stream:
        stream.write(note.encode())
