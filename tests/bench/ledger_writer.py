"""Writers of the benchmark as a process of their own: `python -m tests.bench.ledger_writer THREADS SECONDS`.

Prints how many questions were written: an entry and its completion each, committed one after the other, as the service does.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import django


def write_until(end: float) -> int:
    """Entry, completion, entry, completion. How many pairs."""
    from accounts.ledger.entry import Entry, Outcome
    from accounts.ledger.writer import complete_entry, open_entry

    count = 0
    while time.monotonic() < end:
        complete_entry(open_entry(Entry(None, "read.activity", "/bench", uuid4())), Outcome.ANSWERED, 1)
        count += 1
    return count


def main(threads: int, seconds: float) -> None:
    """Warm up for half a second, then count."""
    django.setup()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(write_until, [time.monotonic() + 0.5] * threads))
        began = time.monotonic()
        count = sum(pool.map(write_until, [began + seconds] * threads))
        print(count / (time.monotonic() - began))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
