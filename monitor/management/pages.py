"""Pages of reports as files: readable by their owner only, whole or not at all. They hold no cell (`detection.page`)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from monitor.detection.blockmap import map_errors
from monitor.detection.figures import JudgedCells
from monitor.detection.page import render_page


def check_page(path: Path | None) -> None:
    """Say before any work that a page cannot be written there. Raises CommandError."""
    if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
        raise CommandError(f"{path}: no file can be written there. Give a file in a folder that exists.")


def write_page(path: Path, report: Mapping[str, Any], judged: Sequence[JudgedCells]) -> None:
    """Write the page of a report, with a map of blocks where there are judged cells. Raises CommandError."""
    page = render_page(report, map_errors(judged[0]) if judged else ())
    partial = path.with_name(f"{path.name}.partial")
    try:
        with os.fdopen(
            os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
        ) as stream:
            stream.write(page)
        partial.replace(path)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
