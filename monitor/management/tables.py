"""Tables of exact places as CSV files in UTF-8: whole or not at all, readable by their owner only."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from accounts.ledger.proof.files import written_whole


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table; None becomes an empty field. Raises OSError, and what `rows` raises; then nothing is left."""
    with written_whole(path) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
        table = csv.writer(text)
        table.writerow(columns)
        for row in rows:
            table.writerow("" if value is None else value for value in row)
        text.detach()  # or it would close the stream, which is not on disk yet
