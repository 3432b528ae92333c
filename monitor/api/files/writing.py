"""Write a file of any format as an HTTP answer: streamed where the format allows, whole where not.

The name of a file says level and format and nothing else. What goes wrong on the way ends the connection, without the
text of an error in any log.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress

from django.http import StreamingHttpResponse

from monitor.api.files.csv import write_csv
from monitor.api.files.geojson import write_geojson
from monitor.api.files.geopackage import write_geopackage
from monitor.api.files.kml import write_kml
from monitor.api.rendering import ReleasedResponse
from monitor.errors import StreamCut, describe_fault
from monitor.privacy.released_files import ExactFile, File, FileFormat, ReadyFile, ReleasedFile

log = logging.getLogger(__name__)

MEDIA_TYPES = {
    FileFormat.GEOJSON: "application/geo+json",
    FileFormat.CSV: "text/csv; charset=utf-8",
    FileFormat.GPKG: "application/geopackage+sqlite3",
    FileFormat.KML: "application/vnd.google-earth.kml+xml",
    FileFormat.FGB: "application/flatgeobuf",
}
_STREAMED: dict[FileFormat, Callable[[ExactFile | ReleasedFile], Iterator[bytes]]] = {
    FileFormat.GEOJSON: write_geojson,
    FileFormat.CSV: write_csv,
    FileFormat.KML: write_kml,
}


CONNECTION = "gunicorn.socket"
"""Under which a request's META has the connection that it came by, where the web server tells."""
UNSENT_BYTES = 65_536
"""So much of a file may wait in this machine for a reader that is slow; its next part is read when there is room. By
itself the kernel takes in some megabytes, the whole of many files, and sends them after the right to them has ended (P7)."""


class ReleasedStream(StreamingHttpResponse):
    """An HTTP answer made from a released file, sent while it is read."""

    _connection: socket.socket | None = None

    def send_over(self, connection: socket.socket | None) -> None:
        """Let little wait in a connection over TCP until this answer is over. Answers that were read whole may wait there:
        for them a thread of the web server need not."""
        if connection is not None and connection.family in {socket.AF_INET, socket.AF_INET6}:
            self._connection = connection
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)

    def close(self) -> None:
        """The answer is over, or the client has gone."""
        super().close()
        if self._connection is not None:
            with suppress(OSError):  # it is closed
                self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, 0)


def write_file(shape: File, is_head: bool) -> ReleasedResponse | ReleasedStream:
    """The answer with its headers. is_head: without a body; what was read for it is given back."""
    source = shape.pages if isinstance(shape, ReleasedFile) else shape.chunks
    response: ReleasedResponse | ReleasedStream
    if is_head:
        source.close()
        response = ReleasedResponse(b"")
    elif isinstance(shape, ReadyFile):
        response = ReleasedStream(Parts(shape.chunks, source.close))
    elif shape.format is FileFormat.GPKG:
        try:
            response = ReleasedResponse(write_geopackage(shape))
        finally:
            source.close()
    else:
        response = ReleasedStream(Parts(_STREAMED[shape.format](shape), source.close))
    response["Content-Type"] = MEDIA_TYPES[shape.format]
    response["Content-Disposition"] = (
        f'attachment; filename="activity-{shape.provenance.level}.{shape.format.value}"'
    )
    return response


class Parts(Iterator[bytes]):
    """The parts of a body. Any failure on the way ends the answer as a cut one; what failed is logged without its text."""

    def __init__(self, parts: Iterator[bytes], close: Callable[[], None]) -> None:
        self._parts, self._close = parts, close

    def __next__(self) -> bytes:
        """The next part. Raises StreamCut."""
        try:
            return next(self._parts)
        except (StopIteration, StreamCut):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, its text stays here
            log.error("a file was cut: %s", describe_fault(error))
            raise StreamCut from None

    def close(self) -> None:
        """Django calls this when the answer is over, or the client has gone."""
        self._close()
