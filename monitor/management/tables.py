"""Tables of exact places as CSV files: whole or not at all, readable by their owner only."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from django.core.management.base import CommandError


def check_table(path: Path | None) -> None:
    """Say before any work that a table cannot be written there. Raises CommandError."""
    if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
        raise CommandError(f"{path}: no file can be written there. Give a file in a folder that exists.")


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table; None becomes an empty field. Raises OSError, and what `rows` raises."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        with os.fdopen(
            os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", newline=""
        ) as stream:
            table = csv.writer(stream)
            table.writerow(columns)
            for row in rows:
                table.writerow("" if value is None else value for value in row)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)  # half a table of exact places serves nobody
        raise
