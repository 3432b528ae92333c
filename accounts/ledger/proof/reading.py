"""Reading an export back (pure): is it whole, and is it what the log has signed? For whoever has just written one.

Says only whether and where it fails first; docs/verify/penumbra_verify.py, which shares no code with this, names every
damage.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from accounts.ledger.proof.checkpoint import TreeHead, open_checkpoint
from accounts.ledger.proof.note import NoteRefused, VerifierKey, decode_base64, encode_base64
from accounts.ledger.proof.tree import Frontier, TreeUnfit, fold, hash_leaf

_LEAF = re.compile(rb'\{"body":(\{.*\}),"hash":"([A-Za-z0-9+/]{43}=)","index":(0|[1-9][0-9]{0,17})\}\n')


class ExportUnsound(ValueError):
    """The lines are not those that the log's checkpoints sign, or not all of them."""


@dataclass(frozen=True, slots=True)
class ReadExport:
    """What a sound export holds: the lines from `start` to before `head.size`."""

    start: int
    head: TreeHead


def check_export(lines: Iterable[bytes], keys: Sequence[VerifierKey]) -> ReadExport:
    """Check every line of an export against its checkpoints, signed by one of `keys`. Raises ExportUnsound."""
    reading: _Reading | None = None
    for number, line in enumerate(lines, 1):
        try:
            if reading is None:
                reading = _Reading(line, keys)
            elif found := _LEAF.fullmatch(line):
                reading.take_leaf(found[1], found[2].decode(), int(found[3]))
            else:
                reading.take_checkpoint(line)
        except (NoteRefused, TreeUnfit, ValueError, KeyError, TypeError) as error:
            if isinstance(error, ExportUnsound):
                raise
            raise ExportUnsound(f"line {number} of the file is not as an export has it: {error}") from error
    if reading is None:
        raise ExportUnsound("the file is empty")
    return reading.finish()


class _Reading:
    """An export under way: the tree so far, and the checkpoints that it has not reached."""

    def __init__(self, line: bytes, keys: Sequence[VerifierKey]) -> None:
        told = json.loads(line)["export"]
        self.start = int(told["start"])
        self._frontier = Frontier(self.start, [decode_base64(text) for text in told["edge"]])
        self._keys = keys
        self._waiting: dict[int, tuple[TreeHead, list[bytes]]] = {}
        self._reached: TreeHead | None = None

    def take_checkpoint(self, line: bytes) -> None:
        """Checkpoints stand before the lines that they sign."""
        told = json.loads(line)
        head, _ = open_checkpoint(str(told["checkpoint"]), self._keys)
        if head.size < self._frontier.size:
            raise ExportUnsound(f"the checkpoint of size {head.size} stands after lines that it signs")
        self._waiting[head.size] = (head, [decode_base64(text) for text in told["edge"]])
        self._compare()

    def take_leaf(self, body: bytes, named: str, index: int) -> None:
        """The next line."""
        if index != self._frontier.size:
            raise ExportUnsound(f"line {index} stands where line {self._frontier.size} belongs")
        hashed = hash_leaf(body)
        if encode_base64(hashed) != named:
            raise ExportUnsound(f"line {index} does not have the hash that stands beside it")
        self._frontier.append(hashed)
        self._compare()

    def _compare(self) -> None:
        found = self._waiting.pop(self._frontier.size, None)
        if found is None:
            return
        head, edge = found
        if head.root != self._frontier.root() or fold(edge) != head.root:
            raise ExportUnsound(
                f"the lines up to {head.size - 1} are not those that the checkpoint of size {head.size} signs"
            )
        self._reached = head

    def finish(self) -> ReadExport:
        """The verdict: the last line is the last one that was signed."""
        if self._waiting:
            raise ExportUnsound(
                f"the file ends at line {self._frontier.size - 1}; its checkpoints sign {max(self._waiting)} lines"
            )
        if self._reached is None or self._reached.size != self._frontier.size:
            raise ExportUnsound("no checkpoint signs the last lines of the file")
        return ReadExport(self.start, self._reached)
