"""Showing each checkpoint to witnesses elsewhere: folders that keep a copy, and HTTP witnesses that sign it.

What a witness cannot be told now it is told later: sealing never waits for one. Must not import Django.
"""

from __future__ import annotations

import http.client
import logging
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psycopg

from accounts.ledger.proof.checkpoint import DECIMAL, TreeHead, read_cosignatures, read_head
from accounts.ledger.proof.memory import read_memory, write_memory
from accounts.ledger.proof.note import (
    COSIGNATURE,
    DASH,
    Note,
    NoteRefused,
    VerifierKey,
    parse_note,
    parse_signature,
    read_verifier_key,
)
from accounts.ledger.proof.paths import ProofBroken, verify_consistency
from accounts.ledger.proof.witness import Submission
from accounts.ledger.proofs import prove_consistency
from accounts.ledger.sealing import Connection, read_newest

logger = logging.getLogger(__name__)
TIMEOUT_S = 5
"""Seconds for a sign of life of a witness."""
TOTAL_S = 15
"""Seconds for its whole answer: one that comes letter by letter would keep the others from being shown anything."""
MAX_ANSWER = 100_000


class WitnessRefused(RuntimeError):
    """A witness did not take a checkpoint: it is away, it answers nonsense, or it has seen another past."""


class WitnessUnusable(ValueError):
    """The setting names no witness."""


class Witness(Protocol):
    """Somebody elsewhere who is shown checkpoints."""

    @property
    def name(self) -> str:
        """What logs call it."""

    def show(self, connection: Connection, note: Note) -> None:
        """Show it a checkpoint. Raises WitnessRefused, OSError."""


@dataclass(frozen=True, slots=True)
class FolderWitness:
    """A folder, best on a disk or share that the service's administrators cannot clear; each checkpoint is one file."""

    folder: Path

    @property
    def name(self) -> str:
        """How logs call it: never by its path."""
        return "folder"

    def show(self, connection: Connection, note: Note) -> None:
        """Write the checkpoint under its size, if it continues the greatest that is there; none that is there is changed.

        Raises WitnessRefused where it does not, and where that one cannot be read; OSError.
        """
        head = read_head(note)
        file = self.folder / f"{head.size:015d}.checkpoint"
        newest = max(self.folder.glob("[0-9]*.checkpoint"), default=None)
        try:
            kept = read_memory(newest) if newest else None
        except NoteRefused as error:
            raise WitnessRefused(f"its newest file is damaged: {error}") from error
        if kept is None:
            write_memory(file, str(note))
        elif kept != head:
            _check_continues(connection, kept, head)
            write_memory(file, str(note))


def _check_continues(connection: Connection, kept: TreeHead, head: TreeHead) -> None:
    if kept.origin != head.origin:
        raise WitnessRefused(f"it keeps the log {kept.origin}: give this one a folder of its own")
    if kept.size > head.size:
        raise WitnessRefused(f"it has size {kept.size} and this log has {head.size}: the log was taken back")
    if kept.size == head.size:
        raise WitnessRefused("it has another checkpoint of this size: the log was taken back, or forked")
    try:
        proof = prove_consistency(connection, kept.size, head.size)
        verify_consistency(kept.size, head.size, kept.root, head.root, proof)
    except ProofBroken as error:
        raise WitnessRefused(
            f"the log does not continue the size {kept.size} that it has: {error}"
        ) from error


@dataclass(frozen=True, slots=True)
class HttpWitness:
    """A server that speaks C2SP tlog-witness, such as `manage.py witness`."""

    url: str
    key: VerifierKey

    @property
    def name(self) -> str:
        """The name of its key."""
        return self.key.name

    def show(self, connection: Connection, note: Note) -> None:
        """Have it signed and keep the signature. Raises WitnessRefused."""
        head = read_head(note)
        row = connection.execute(
            "SELECT coalesce(max(size), 0) FROM ledger.cosignature WHERE witness = %s", [self.name]
        ).fetchone()
        known = int(row[0]) if row else 0
        if known == head.size:
            return
        status, answer = self._send(connection, known, head, note)
        if status == 409 and DECIMAL.fullmatch(answer.strip()):
            known = int(answer)
            if known > head.size:
                raise WitnessRefused(
                    f"it has signed size {known} and this log has {head.size}: the log was taken back"
                )
            status, answer = self._send(connection, known, head, note)
        if status != 200:
            raise WitnessRefused(f"it answered {status}: {answer[:200].strip()}")
        connection.execute(
            "INSERT INTO ledger.cosignature (size, witness, line) SELECT %(size)s, %(witness)s, %(line)s WHERE NOT EXISTS"
            " (SELECT FROM ledger.cosignature WHERE size = %(size)s AND witness = %(witness)s)",
            {"size": head.size, "witness": self.name, "line": self._find_line(note, answer)},
        )

    def _send(self, connection: Connection, known: int, head: TreeHead, note: Note) -> tuple[int, str]:
        proof = prove_consistency(connection, known, head.size) if known < head.size else []
        body = str(Submission(known, proof, str(note))).encode()
        request = urllib.request.Request(  # noqa: S310 - parse_witness takes http and https only
            f"{self.url.rstrip('/')}/add-checkpoint", body, {"Content-Type": "text/plain; charset=utf-8"}
        )
        try:
            with _OPENER.open(request, timeout=TIMEOUT_S) as answer:
                return int(answer.status), answer.read(MAX_ANSWER).decode("utf-8", "replace")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(MAX_ANSWER).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:  # what urllib raises, and what it lets through
            raise WitnessRefused(f"it cannot be reached ({type(error).__name__})") from error

    def _find_line(self, note: Note, answer: str) -> str:
        try:
            for line in answer.splitlines():
                signature = parse_signature(line) if line.startswith(DASH) else None
                if signature and read_cosignatures(Note(note.text, [signature]), [self.key]):
                    return str(signature)
        except NoteRefused as error:
            raise WitnessRefused(str(error)) from error
        raise WitnessRefused("its answer holds no signature of its key")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A witness is where it was said to be."""

    def redirect_request(self, *args: object) -> None:
        """Follow nothing."""


class _Bounded(http.client.HTTPConnection):
    """A connection that is cut after TOTAL_S, whatever comes over it."""

    def connect(self) -> None:
        """As any other, and the end is set: through a handle of its own, because TLS takes this one over."""
        super().connect()
        timer = threading.Timer(TOTAL_S, _cut, [self.sock.dup()])
        timer.daemon = True
        timer.start()


class _BoundedTLS(http.client.HTTPSConnection, _Bounded):
    """The same with TLS: in this order the end is set before its first word, so that a handshake is bounded too."""


def _cut(connected: socket.socket) -> None:
    with connected, suppress(OSError):  # most often it was closed long ago
        connected.shutdown(socket.SHUT_RDWR)


class _BoundedHandler(urllib.request.HTTPHandler):
    """Opens `_Bounded`."""

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """As any other."""
        return self.do_open(_Bounded, req)


class _BoundedTLSHandler(urllib.request.HTTPSHandler):
    """Opens `_BoundedTLS`."""

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """As any other."""
        return self.do_open(_BoundedTLS, req)


_OPENER = urllib.request.build_opener(_NoRedirect, _BoundedHandler, _BoundedTLSHandler)


def parse_witness(word: str) -> Witness:
    """A witness from an absolute folder, or from `URL#name+id+base64`. Raises WitnessUnusable."""
    if word.startswith(("http://", "https://")):
        url, _, encoded = word.partition("#")
        try:
            key = read_verifier_key(encoded)
        except NoteRefused as error:
            raise WitnessUnusable(f"An HTTP witness is given as URL#name+id+base64: {error}") from error
        if key.kind != COSIGNATURE:
            raise WitnessUnusable("The key after the # is that of a log, not of a witness.")
        return HttpWitness(url, key)
    folder = Path(word)
    if not folder.is_absolute():
        raise WitnessUnusable("A witness is an absolute folder, or an address with the witness's key.")
    return FolderWitness(folder)


class Publisher:
    """Shows the newest checkpoint to each witness, again after a while, and says when one was not reached."""

    def __init__(
        self, witnesses: Sequence[Witness], every_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """every_s: seconds between two showings to one witness."""
        self._due = dict.fromkeys(range(len(witnesses)), 0.0)
        self._witnesses = witnesses
        self._every_s = every_s
        self._clock = clock

    def publish(self, connection: Connection) -> int:
        """Show the newest checkpoint to those that are due; how many took it. A witness that refuses is only told of."""
        newest = read_newest(connection)
        taken = 0
        for number, witness in enumerate(self._witnesses):
            if newest is None or self._clock() < self._due[number]:
                continue
            self._due[number] = self._clock() + self._every_s
            try:
                witness.show(connection, parse_note(newest.note))
                taken += 1
            except psycopg.Error:
                raise
            except Exception as error:  # noqa: BLE001 - whatever one witness does, the others are shown what there is
                cause = error if isinstance(error, WitnessRefused) else type(error).__name__
                logger.error(
                    "witness %s did not take the checkpoint of size %d: %s",
                    witness.name,
                    newest.head.size,
                    cause,
                )
        return taken
