"""Write the sealed log as JSON Lines, while it is read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from monitor.api.files.writing import Parts, ReleasedStream
from monitor.api.rendering import ReleasedResponse
from monitor.privacy.released_audit import LogLines

JSON_LINES = "application/x-ndjson"
LINES_A_PART = 256


def write_log(shape: LogLines, is_head: bool) -> ReleasedResponse | ReleasedStream:
    """The answer with its headers. is_head: without a body; what was read for it is given back."""
    response: ReleasedResponse | ReleasedStream
    if is_head:
        shape.lines.close()
        response = ReleasedResponse(b"")
    else:
        response = ReleasedStream(Parts(_join(shape.lines), shape.lines.close))
    response["Content-Type"] = JSON_LINES
    response["Content-Disposition"] = 'attachment; filename="ledger.jsonl"'
    return response


def _join(lines: Iterator[bytes]) -> Iterator[bytes]:
    while part := b"".join(islice(lines, LINES_A_PART)):
        yield part
