"""What commands take: numbers within their bounds, and files that can be read. Whatever is wrong is said before any work.

The readers of numbers are for `type=` of an argument; `find_catalog`, `check_writable` and `load_labels` raise CommandError
themselves.
"""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path

from django.core.management.base import CommandError

from monitor.detection.featurizer import PATCH_SIZES, PATCHES
from monitor.detection.labels import CellLabel, LabelsRefused, read_numbered_labels
from monitor.detection.pairs import PATCH_SIZES as PAIR_SIZES
from monitor.detection.patches import DRAWINGS, EMPIRICAL, share_patches
from monitor.detection.windows import PatchesNotDrawn
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


def read_sizes(text: str) -> tuple[int, ...]:
    """Sizes of patches, divided by commas: `4,6`."""
    parts = text.split(",")
    if not all(part.strip().isdecimal() for part in parts):
        raise ArgumentTypeError("give whole numbers divided by commas, such as 4,6")
    sizes = tuple(int(part) for part in parts)
    try:
        share_patches(len(sizes), sizes)
    except PatchesNotDrawn as error:
        raise ArgumentTypeError(str(error)) from error
    return sizes


def add_catalog_arguments(parser: ArgumentParser) -> None:
    """What is judged: scenes and labels."""
    parser.add_argument("--catalog", required=True, type=Path, help="catalog.json of the scenes")
    parser.add_argument("--labels", required=True, type=Path, help="CSV with cell_row, cell_col, label, ...")


def find_catalog(path: Path) -> Path:
    """The catalogue's file, absolute. Raises CommandError where there is none."""
    if not path.is_file():
        raise CommandError(f"{path}: there is no such file. Give the catalogue's catalog.json.")
    return path.absolute()


def check_writable(path: Path | None) -> None:
    """Say before any work that no file can be written there. Raises CommandError."""
    if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
        raise CommandError(f"{path}: no file can be written there. Give a file in a folder that exists.")


def add_patch_arguments(parser: ArgumentParser) -> None:
    """How patches are drawn, of scenes and of pairs."""
    told = ",".join(map(str, PATCH_SIZES))
    parser.add_argument("--patches", type=read_count, default=PATCHES, help=f"random patches ({PATCHES})")
    parser.add_argument(
        "--patch-sizes",
        type=read_sizes,
        default=PATCH_SIZES,
        help=f"pixels along a side, several divided by commas: the patches are shared among them ({told})",
    )
    parser.add_argument(
        "--pair-sizes",
        type=read_sizes,
        default=PAIR_SIZES,
        help=f"the same for patches of pairs, in parts of a cell ({','.join(map(str, PAIR_SIZES))})",
    )
    parser.add_argument(
        "--drawing",
        default=EMPIRICAL,
        choices=DRAWINGS,
        help=f"windows of the scenes, whitened, or normal numbers ({EMPIRICAL})",
    )


def read_odds(text: str) -> float:
    """A number within 0 and 1."""
    share = read_number(text)
    if not 0 < share < 1:
        raise ArgumentTypeError("give a share above 0 and below 1, such as 0.01")
    return share


def read_share(text: str) -> float:
    """A number from 0 to 1."""
    share = read_number(text)
    if not 0 <= share <= 1:
        raise ArgumentTypeError("give a share from 0 to 1")
    return share


def read_block_deg(text: str) -> float:
    """The side of a block in degrees: a whole number of cells, at least one, at most ten degrees."""
    cells = read_number(text) * CELLS_PER_DEG
    if not 1 <= cells <= 10 * CELLS_PER_DEG or abs(cells - round(cells)) > 1e-6:
        raise ArgumentTypeError("give a multiple of 0.01 degree, at most 10")
    return round(cells) / CELLS_PER_DEG


def load_labels(path: Path) -> tuple[CellLabel, ...]:
    """The labels of a CSV file. Raises CommandError, whatever is wrong with it."""
    return tuple(label for _, label in load_numbered_labels(path))


def load_numbered_labels(path: Path) -> tuple[tuple[int, CellLabel], ...]:
    """The labels of a CSV file, each with its line. Raises CommandError, whatever is wrong with it."""
    try:
        return read_numbered_labels(path)
    except LabelsRefused as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"The labels cannot be read: {error.strerror}.") from error


def read_number(text: str) -> float:
    """A number such as 0.05 or 1e-3. Python would read `0_5` as 5."""
    try:
        if "_" in text or not text.isascii():
            raise ValueError
        return float(text)
    except ValueError:
        raise ArgumentTypeError("give a number, such as 0.05") from None
