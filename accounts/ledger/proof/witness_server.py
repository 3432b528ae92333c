"""A witness as a small HTTP server: `POST /add-checkpoint`, one remembered checkpoint per log, one key.

Runs on another machine than the log, in other hands: `python -m accounts.ledger.proof.witness_server --help`, or
`manage.py witness`. Needs only this package and `cryptography`. Read it together with witness.py: that is all of it.
"""

from __future__ import annotations

import argparse
import hashlib
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from accounts.ledger.proof.checkpoint import TreeHead
from accounts.ledger.proof.files import locked
from accounts.ledger.proof.keyfile import KeyUnusable, read_keys
from accounts.ledger.proof.memory import read_memory, write_memory
from accounts.ledger.proof.note import COSIGNATURE, NoteRefused, SigningKey, VerifierKey, read_verifier_key
from accounts.ledger.proof.witness import Verdict, judge, parse_submission

MAX_BODY = 100_000
TIMEOUT_S = 20
"""Seconds for a sign of life of whoever asks."""
TOTAL_S = 30
"""Seconds for a whole request: one that came letter by letter would hold a thread for as long as its sender likes."""
MEND = (
    "Nothing is signed: restore the newest file of this name from a backup, or the checkpoint that this witness signed last,"
    " from an export of the log or from its auditors. Never start without it: a witness that forgets has seen nothing."
)


class MemoryDamaged(RuntimeError):
    """What was signed last cannot be told, or is less than what was signed. Nothing is signed until a person has looked."""


class Witness:
    """Remembers, on disk, the newest checkpoint that it signed of each log, and signs only what continues it."""

    def __init__(
        self,
        key: SigningKey,
        logs: Sequence[VerifierKey],
        state: Path,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """logs: public keys, several of one name while a log changes keys. state: folder. Raises MemoryDamaged, OSError."""
        self.key = key
        self._logs: dict[str, list[VerifierKey]] = {}
        for log in logs:
            self._logs.setdefault(log.name, []).append(log)
        self._files: Mapping[str, Path] = {
            name: state / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.checkpoint"
            for name in self._logs
        }
        self._state = state
        self._clock = clock
        self._signed_s = 0
        self._signed: dict[str, TreeHead] = {}
        self._lock = threading.Lock()
        self._read()  # what cannot be read is told at the start, not at the first submission

    def _read(self) -> dict[str, TreeHead]:
        """What was signed last, by origin. Raises MemoryDamaged, OSError."""
        found = {}
        for name, file in self._files.items():
            try:
                head = read_memory(file)
            except NoteRefused:
                raise MemoryDamaged(f"{file.name} in the state folder is damaged. {MEND}") from None
            signed = self._signed.get(name)
            if signed and (
                head is None or head.size < signed.size or (head.size == signed.size and head != signed)
            ):
                raise MemoryDamaged(
                    f"{file.name} in the state folder says less than this process has signed. {MEND}"
                )
            if head is not None and head.origin != name:
                raise MemoryDamaged(
                    f"{file.name} in the state folder is that of another log, damaged. {MEND}"
                )
            if head is not None:
                found[name] = head
        return found

    def add_checkpoint(self, body: str) -> Verdict:
        """The answer to a submission. What it signs is on disk before it is told. Raises MemoryDamaged, OSError."""
        # comparing and remembering are one step, or two submissions could pass each other: of threads, and of a second
        # process that somebody started on the same folder
        with self._lock, locked(self._state):
            # a clock that is set back makes no signature older
            time_s = max(int(self._clock()), self._signed_s)
            verdict = judge(body, self._logs, self._read(), self.key, time_s)
            if verdict.remember is not None:
                write_memory(self._files[verdict.remember.origin], parse_submission(body).checkpoint)
                self._signed_s = time_s
                self._signed[verdict.remember.origin] = verdict.remember
            return verdict


def make_server(witness: Witness, host: str, port: int) -> ThreadingHTTPServer:
    """A server that is bound and not yet serving. Raises OSError."""

    class Handler(BaseHTTPRequestHandler):
        """One connection."""

        protocol_version = "HTTP/1.1"
        timeout = TIMEOUT_S

        def handle(self) -> None:
            """One request, and nothing more is heard after TOTAL_S: what came until then is answered."""
            timer = threading.Timer(TOTAL_S, _stop_hearing, [self.connection])
            timer.daemon = True
            timer.start()
            try:
                super().handle()
            finally:
                timer.cancel()

        def do_POST(self) -> None:
            """The one thing that can be asked."""
            length = self.headers.get("Content-Length", "")
            is_number = length.isascii() and length.isdigit()
            # from some thousands of digits on they are no number to Python
            is_fit = is_number and len(length) <= len(str(MAX_BODY)) and int(length) <= MAX_BODY
            if self.path != "/add-checkpoint" or not is_fit:
                self._answer(
                    Verdict(404 if self.path != "/add-checkpoint" else 400, "POST /add-checkpoint\n")
                )
                return
            try:
                content = self.rfile.read(int(length))
            except TimeoutError:
                content = b""
            if len(content) < int(length):
                self._answer(Verdict(408, "The body did not come in time.\n"))
                return
            try:
                body = content.decode("utf-8")
            except UnicodeDecodeError:
                self._answer(Verdict(400, "The body is not UTF-8.\n"))
                return
            try:
                verdict = witness.add_checkpoint(body)
            except MemoryDamaged as error:
                self.log_message("%s", error)
                verdict = Verdict(500, "The witness's memory is damaged, so it signs nothing.\n")
            except OSError:
                verdict = Verdict(
                    500, "The witness cannot remember anything at the moment, so it signs nothing.\n"
                )
            self._answer(verdict)

        def _answer(self, verdict: Verdict) -> None:
            content = verdict.body.encode()
            kind = "text/x.tlog.size" if verdict.status == 409 else "text/plain; charset=utf-8"
            self.send_response(verdict.status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Connection", "close")  # or TOTAL_S would be for many requests
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            """One line for each request; what is no visible letter in it as its code: it goes to a terminal."""
            line = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in format % args)
            sys.stderr.write(f"{self.log_date_time_string()} {line}\n")

    return ThreadingHTTPServer((host, port), Handler)


def _stop_hearing(connected: socket.socket) -> None:
    with suppress(OSError):  # closed at this moment
        connected.shutdown(socket.SHUT_RD)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What a witness must be told."""
    parser.add_argument(
        "--key-file", type=Path, required=True, help="the witness's own key: make_ledger_key --witness"
    )
    parser.add_argument(
        "--log", action="append", required=True, help="the public key of a log; repeat for more"
    )
    parser.add_argument(
        "--state", type=Path, required=True, help="folder for what was signed last; keep it for ever"
    )
    parser.add_argument("--listen", default="127.0.0.1:8090", help="address and port (default: %(default)s)")


def serve(asked: argparse.Namespace) -> None:
    """Serve until interrupted. Raises KeyUnusable, MemoryDamaged, NoteRefused, OSError, ValueError."""
    key = read_keys(asked.key_file, COSIGNATURE)[0]
    asked.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    witness = Witness(key, [read_verifier_key(text) for text in asked.log], asked.state)
    host, _, port = asked.listen.rpartition(":")
    if not (host and port.isascii() and port.isdigit() and int(port) < 65536):
        raise ValueError(f"{asked.listen!r} is no address with a port; write it as 0.0.0.0:8090")
    with make_server(witness, host, int(port)) as server:
        sys.stderr.write(f"witness {key.verifier} listens on {host}:{server.server_port}\n")
        server.serve_forever()


def main() -> int:
    """The command line; exit code 1 where the witness cannot start."""
    parser = argparse.ArgumentParser(description="Sign checkpoints that continue what was signed before.")
    add_arguments(parser)
    try:
        serve(parser.parse_args())
    except KeyboardInterrupt:
        return 0
    except (KeyUnusable, MemoryDamaged, NoteRefused, OSError, ValueError) as error:
        sys.stderr.write(f"the witness cannot start: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
