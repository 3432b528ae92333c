"""How commands speak: progress on stderr, an answer on stdout, as a table for people or JSON for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column, Table


class StageProgress:
    """Progress of named stages, on stderr: bars on a terminal, a line per finished stage elsewhere."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._stages: dict[str, TaskID] = {}
        self._tenths: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Say how far a stage is."""
        if stage not in self._stages:
            self._stages[stage] = self._bars.add_task(stage, total=total)
        self._bars.update(self._stages[stage], completed=done, total=total)
        tenth = 10 * done // max(1, total)
        if not self._console.is_terminal and tenth > self._tenths.get(stage, 0):
            self._tenths[stage] = tenth
            print(f"   {stage}: {done} of {total}", file=sys.stderr, flush=True)


@contextmanager
def show_progress() -> Iterator[StageProgress]:
    """Progress for the length of a command."""
    with StageProgress() as progress:
        yield progress


def print_answer(answer: Mapping[str, Any], as_json: bool) -> None:
    """Print an answer: one line of JSON, or a table of its single values."""
    if as_json:
        print(json.dumps(answer, default=str))
        return
    table = Table(Column("figure", no_wrap=True), "value", show_edge=False)
    for name, value in _flatten(answer):
        table.add_row(name, value)
    Console().print(table)


def _flatten(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flatten(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _flatten(inner, path)
    else:
        yield path, f"{value:.3f}" if isinstance(value, float) else str(value)
