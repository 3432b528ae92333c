"""The product's own source, read as text and as syntax trees. Not a test; needs nothing but the files."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("accounts", "config", "monitor", "tasks")


@cache
def list_modules(*packages: str) -> tuple[Path, ...]:
    """Python files of the packages (all of the product by default), Django's own migrations left out."""
    found = [path for package in packages or PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return tuple(path for path in found if path.parent.name != "migrations")


@cache
def parse(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def name_of(path: Path) -> str:
    """The path as people say it."""
    return str(path.relative_to(ROOT))


def list_calls(path: Path) -> Iterator[tuple[str, int]]:
    """What a file calls, by the last part of its name, with the line."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Attribute):
                yield called.attr, node.lineno
            elif isinstance(called, ast.Name):
                yield called.id, node.lineno
