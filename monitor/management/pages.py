"""Pages of reports as files: readable by their owner only, whole or not at all. They hold no cell (`detection.page`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from accounts.ledger.proof.files import written_whole
from monitor.detection.blockmap import map_errors
from monitor.detection.figures import JudgedCells
from monitor.detection.page import render_page


def write_page(path: Path, report: Mapping[str, Any], judged: Sequence[JudgedCells]) -> None:
    """Write the page of a report, with a map of blocks where there are judged cells. Raises CommandError."""
    page = render_page(report, map_errors(judged[0]) if judged else ())
    try:
        with written_whole(path) as stream:
            stream.write(page.encode())
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
