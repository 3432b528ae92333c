"""What commands take: numbers within their bounds, and files that can be read. Whatever is wrong is said before any work.

The readers of numbers are for `type=` of an argument; `load_labels` raises CommandError itself.
"""

from __future__ import annotations

import csv
from argparse import ArgumentTypeError
from pathlib import Path

from django.core.management.base import CommandError

from monitor.detection.labels import CellLabel, LabelsRefused, read_labels
from monitor.grid import CELLS_PER_DEG


def read_count(text: str) -> int:
    """A whole number, at least one."""
    if not (text.isdecimal() and int(text) > 0):
        raise ArgumentTypeError("give a whole number, at least 1")
    return int(text)


def read_seed(text: str) -> int:
    """A whole number of 32 bits, not negative."""
    if not (text.isdecimal() and int(text) < 2**32):
        raise ArgumentTypeError("give a whole number from 0 to 4294967295")
    return int(text)


def read_share(text: str) -> float:
    """A number from 0 to 1."""
    share = _read_number(text)
    if not 0 <= share <= 1:
        raise ArgumentTypeError("give a share from 0 to 1")
    return share


def read_block_deg(text: str) -> float:
    """The side of a block in degrees: a whole number of cells, at least one, at most ten degrees."""
    cells = _read_number(text) * CELLS_PER_DEG
    if not 1 <= cells <= 10 * CELLS_PER_DEG or abs(cells - round(cells)) > 1e-6:
        raise ArgumentTypeError("give a multiple of 0.01 degree, at most 10")
    return round(cells) / CELLS_PER_DEG


def load_labels(path: Path) -> tuple[CellLabel, ...]:
    """The labels of a CSV file. Raises CommandError, whatever is wrong with it."""
    try:
        return read_labels(path)
    except LabelsRefused as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"The labels cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise CommandError("The labels cannot be read: the file is no CSV in UTF-8.") from error


def _read_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ArgumentTypeError("give a number") from None
