"""Writers for the crash test, as a process of their own: `python -m tests.ledger.writing FILE THREADS`.

Each thread writes entries and completions without end; what the ledger has acknowledged is noted in FILE, one line each,
before the next is begun, and a moment is waited, so that the sealer keeps up on a slow machine. To be killed at any moment:
of sixteen writers there are always some inside a transaction.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import django

PAUSE_S = 0.05


def write_without_end(file: int) -> None:
    """Entry, note, completion, note; a refusal is what a client would see as 503."""
    from accounts.ledger.connection import LedgerUnavailable
    from accounts.ledger.entry import Entry, Outcome
    from accounts.ledger.writer import complete_entry, open_entry

    while True:
        with suppress(LedgerUnavailable):  # what was refused is not noted, so it need not be found
            ticket = open_entry(Entry(None, "read.activity", "/test", uuid4()))
            os.write(file, f"entry {ticket.entry_id} {ticket.leaf.hex()}\n".encode())
            complete_entry(ticket, Outcome.ANSWERED, 1)
            os.write(file, f"completion {ticket.entry_id} -\n".encode())
        time.sleep(PAUSE_S)


def main(path: Path, threads: int) -> None:
    """Write until killed."""
    django.setup()
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for _ in range(threads):
        threading.Thread(target=write_without_end, args=[file], daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
