"""The project's documents as the house tests see them: prose, code blocks, code spans, links and tables.

Reads Markdown files and nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_FENCE = re.compile(r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ (?P<title>.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Document:
    """One Markdown file. name: its path from the root of the project."""

    name: str

    @property
    def path(self) -> Path:
        """Where it lies."""
        return ROOT / self.name

    @cached_property
    def text(self) -> str:
        """All of it."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def prose(self) -> str:
        """Without code blocks."""
        return _FENCE.sub("", self.text)

    def blocks(self, kind: str) -> list[str]:
        """The code blocks of one kind (`sh`, `json`, or the empty word)."""
        return [match["text"] for match in _FENCE.finditer(self.text) if match["kind"] == kind]

    @cached_property
    def spans(self) -> list[str]:
        """What stands between backticks in the prose."""
        return _SPAN.findall(self.prose)

    @cached_property
    def commands(self) -> list[str]:
        """Whatever may be typed into a shell: spans, and the lines of shell blocks."""
        lines = [line for kind in ("sh", "") for block in self.blocks(kind) for line in block.splitlines()]
        return [*self.spans, *lines]

    @cached_property
    def links(self) -> list[str]:
        """Targets of links that lead nowhere outside the project."""
        return [match["target"] for match in _LINK.finditer(self.prose) if "://" not in match["target"]]

    @cached_property
    def anchors(self) -> set[str]:
        """What a link into this document may name after its `#`."""
        titles = (match["title"] for match in _HEADING.finditer(self.prose))
        return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}

    def rows(self, *head: str) -> list[list[str]]:
        """The cells of the tables whose head begins with these words; backticks around a whole cell are taken off."""
        found: list[list[str]] = []
        inside = False
        for line in self.prose.splitlines():
            cells = (
                [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
            )
            if not cells:
                inside = False
            elif tuple(cells[: len(head)]) == head:
                inside = True
            elif inside and not set(line) <= set("|-: "):
                found.append([re.sub(r"^`([^`]+)`$", r"\1", cell) for cell in cells])
        return found


def list_documents() -> list[Document]:
    """Every Markdown file of the project, by name."""
    names = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "docker").rglob("*.md")]
    return [Document(str(path.relative_to(ROOT))) for path in sorted(names)]
