"""The sealer as a lasting process: seal what is new every second, show it to witnesses, come back after every failure.

Only a log that contradicts itself ends it: then a person must look before anything more is signed.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path

import psycopg

from accounts.ledger.certificates import sign_waiting
from accounts.ledger.connection import LedgerUnavailable
from accounts.ledger.key_changes import KeyChange, find_key_change
from accounts.ledger.proof.memory import read_memory, write_memory
from accounts.ledger.proof.note import NoteRefused, SigningKey
from accounts.ledger.sealing import Connection, LedgerBroken, Sealer, read_newest
from accounts.ledger.witnessing import Publisher

logger = logging.getLogger(__name__)
FAILED_WAIT_S = 2.0
MONTHS_S = 3600.0
"""Seconds between two looks at whether the coming months have their tables."""


@dataclass(frozen=True, slots=True)
class SealingProcess:
    """All that the process needs. connect: opens a connection as penumbra_sealer. memory: file of what was signed last.
    recording: the entries of a change of keys, around the change. accepts_new_key: as `accepts_new` of `find_key_change`."""

    connect: Callable[[], Connection]
    keys: Sequence[SigningKey]
    memory: Path
    publisher: Publisher
    every_s: float
    recording: Callable[[KeyChange], AbstractContextManager[None]]
    accepts_new_key: bool = False

    def seal_all(self) -> int | None:
        """Seal until nothing is new; how many checkpoints were signed. None where another sealer is at work.

        Raises LedgerBroken, LedgerUnavailable, psycopg.Error, OSError.
        """
        with closing(self.connect()) as connection:
            sealer = self._begin(connection)
            if sealer is None:
                return None
            make_months(connection)
            sign_waiting(connection, self.keys)
            return self._seal_new(sealer)

    def publish(self) -> int:
        """Show the newest checkpoint to the witnesses; how many took it. Raises psycopg.Error."""
        with closing(self.connect()) as connection:
            return self.publisher.publish(connection)

    def run(self, stop: threading.Event) -> None:
        """Seal and publish until `stop` is set. Raises LedgerBroken, after which nobody should start it again unseen."""
        showing = threading.Thread(target=self._publish_for_ever, args=[stop], name="witnesses", daemon=True)
        showing.start()
        while not stop.is_set():
            try:
                self._run_on_one_connection(stop)
            except (psycopg.Error, OSError, LedgerUnavailable) as error:
                # the text of an error can hold what a statement held
                logger.error("sealing failed (%s); it goes on", type(error).__name__)
                stop.wait(FAILED_WAIT_S)
        showing.join(timeout=10)

    def _run_on_one_connection(self, stop: threading.Event) -> None:
        with closing(self.connect()) as connection:
            sealer = self._begin(connection)
            if sealer is None:
                stop.wait(self.every_s)
                return
            logger.info("sealing as %s", self.keys[0].name)
            looked = float("-inf")
            while not stop.is_set():
                began = time.monotonic()
                if began - looked >= MONTHS_S:
                    make_months(connection)
                    looked = began
                self._seal_new(sealer)
                sign_waiting(connection, self.keys)
                stop.wait(max(0.0, self.every_s - (time.monotonic() - began)))

    def _begin(self, connection: Connection) -> Sealer | None:
        sealer = Sealer(connection, self.keys)
        if not sealer.take_lock():
            return None
        try:
            sealer.check_memory(read_memory(self.memory))
        except NoteRefused as error:
            raise LedgerBroken(
                f"The file of what was signed last is damaged: {error} See docs/operations.md, 'The sealer has stopped'."
            ) from error
        change = find_key_change(read_newest(connection), self.keys, self.accepts_new_key)
        with self.recording(change):
            sealer.register_keys()
        return sealer

    def _seal_new(self, sealer: Sealer) -> int:
        count = 0
        while sealed := sealer.seal_new():
            # after the commit: what is remembered is never ahead of the database
            write_memory(self.memory, sealed[-1].note)
            count += len(sealed)
        return count

    def _publish_for_ever(self, stop: threading.Event) -> None:
        while not stop.wait(1.0):
            try:
                with closing(self.connect()) as connection:
                    while not stop.wait(1.0):
                        self.publisher.publish(connection)
            except Exception as error:  # noqa: BLE001 - this thread is not begun again
                logger.error("showing checkpoints failed (%s); it goes on", type(error).__name__)
                stop.wait(FAILED_WAIT_S)


def make_months(connection: Connection) -> None:
    """Give this month and the two that follow their tables. Where that fails, lines go to the table of others meanwhile."""
    try:
        connection.execute("SELECT ledger.make_months()")
    except psycopg.OperationalError as error:
        logger.warning("no tables for the coming months (%s); it is tried again", type(error).__name__)
