"""Room: config.local. What `up` prints at its end, on stdout: seconds, figures, where to look, a curl line per role.

Shows tokens, to the person who ran it; they also stand in var/demo.json, which only the owner may read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

NARROW = 12
"""Columns up to so many characters have their numbers to the right."""
# The question each role asks first, and whether the answer can be exact and so needs a purpose.
FIRST_QUESTION = {
    "regulator": ("activity?limit=5", "inspection-planning"),
    "analyst": ("activity?limit=5", "model-training"),
    "inspector": ("inspections", ""),
    "partner": ("activity?limit=5", ""),
    "auditor": ("audit/entries?limit=5", ""),
    "feeder": ("scenes", ""),
}


def show(report_file: Path, demo_file: Path) -> None:
    """Print the report, and the people of the invented country."""
    report = json.loads(report_file.read_text())
    print(
        "\n".join(
            write_table(
                ("stage", "seconds"), [(name, f"{value:.1f}") for name, value in report["seconds"].items()]
            )
        )
    )
    figures = [
        (name, path, text) for name, answer in report["stages"].items() for path, text in flatten(answer)
    ]
    print("\n".join(["", *write_table(("stage", "figure", "value"), figures)]))
    print(f"\nPenumbra answers at {report['url']}  (report: {report_file})")
    if demo_file.exists():
        print("\n".join(write_people(report["url"], json.loads(demo_file.read_text()))))
    print("`make down` stops it, `make up` finds it as it is, `make clean-var` forgets it.")


def flatten(answer: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The single values of a JSON answer with the path to each; lists by entry; file
    names and whole reports are left out."""
    if isinstance(answer, dict):
        for name, value in answer.items():
            if name not in {"catalog", "labels", "report"}:
                yield from flatten(value, f"{path}.{name}" if path else name)
    elif isinstance(answer, list):
        yield from ((path, str(entry)) for entry in answer)
    elif isinstance(answer, float):
        yield path, f"{answer:.4g}"
    else:
        yield path, str(answer)


def write_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Aligned columns; numbers to the right where a column is narrow."""
    if not rows:
        return []
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]

    def line(row: Sequence[str]) -> str:
        cells = [
            cell.rjust(width) if width <= NARROW and _is_number(cell) else cell.ljust(width)
            for cell, width in zip(row, widths, strict=True)
        ]
        return "  ".join(cells).rstrip()

    return [line(head), "  ".join("-" * width for width in widths), *(line(row) for row in rows)]


def write_people(url: str, demo: dict[str, Any]) -> list[str]:
    """Per role: who, with which token, and a line to paste."""
    lines: list[str] = []
    for role, person in demo.get("roles", {}).items():
        path, purpose = FIRST_QUESTION.get(role, ("me", ""))
        header = f" -H 'Access-Purpose: {purpose}'" if purpose else ""
        lines += [
            f"{role}: {person['user']}",
            f"  curl -s -H 'Authorization: Token {person['token']}'{header} '{url}/api/v1/{path}'",
        ]
    return lines


def _is_number(cell: str) -> bool:
    return cell.replace(".", "", 1).replace("-", "", 1).isdigit()
