"""What the ledger costs and how fast it is checked: writing, sealing, proving, verifying, and a question with and without.

The test servers run with fsync off, so that a figure tells of the work and not of a machine's disk; the conditions say it.
"""

from __future__ import annotations

import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection

from accounts.ledger.entry import Entry, Ticket, TicketScope
from accounts.ledger.log_connection import connect_to_log
from accounts.ledger.proof.note import ED25519, make_key
from accounts.ledger.proofs import prove_line
from accounts.ledger.sealing_process import SealingProcess
from accounts.ledger.witnessing import Publisher
from accounts.ledger.writer import complete_entry, open_entry
from monitor.privacy.door import disclosure
from tests.bench.country import Country
from tests.bench.measuring import Figure, compare, describe_machine
from tests.bench.serialising import answer_blocks, answer_cells
from tests.bench.serving import CLIENTS, SERVERS, bench_environment, serve
from tests.pure.ledger.invented_log import VERIFIER, make_log
from tests.pure.ledger.test_note import LOG
from tests.roles import as_role, read_rows

SECONDS = 5.0
SERVED_TURNS = 12
SERVED_REQUESTS = 32
"""Of each client in one turn: so many that the completions written after a turn's last answer weigh little in it."""
SETTLED_WITHIN_S = 30
PROCESSES, THREADS = 4, 4
PROOFS = 200
VERIFIED = 100_000
GOAL_VERIFIER = 50_000.0
_LAG = """
    SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM sealed.at - e.at) * 1000)
    FROM ledger.entry e JOIN ledger.leaf l ON l.entry_id = e.id AND l.kind = 'entry'
    CROSS JOIN LATERAL (
        SELECT c.sealed_at AS at FROM ledger.checkpoint c WHERE c.size > l.index ORDER BY c.size LIMIT 1) AS sealed
    WHERE e.endpoint = '/bench' AND e.at > %s
"""


def measure_ledger(country: Country) -> list[Figure]:
    """All figures of the ledger. ratio: to the goal where there is one, else to the figure beside it."""
    return [*_measure_writing(), _measure_verifier(), *_measure_overhead(country), *_measure_served(country)]


def _measure_writing() -> list[Figure]:
    """Questions a second with one writer and with sixteen, how long their entries wait for a place, and a proof's time."""
    with _sealing():
        began = read_rows("SELECT clock_timestamp()")[0][0]
        one = _run_writers(1, 1)
        many = _run_writers(PROCESSES, THREADS)
        time.sleep(3)
        ((lag,),) = read_rows(_LAG, began)
    said = f"{SECONDS:.0f} s, entry and completion each, {_durability()}; {describe_machine()}"
    writers = PROCESSES * THREADS
    return [
        Figure(
            "ledger: questions written, 16 writers (peer: 1)",
            round(many, 1),
            round(one, 1),
            round(many / one, 2),
            "1/s",
            f"{writers} writers in {PROCESSES} processes, sealer at work; {said}",
        ),
        Figure(
            "ledger: from commit to checkpoint, p95 (peer: promised)",
            round(float(lag), 1),
            60_000,
            round(60_000 / float(lag), 1),
            "ms",
            f"of all entries of the two runs before; {said}",
        ),
        _measure_proof(),
    ]


def _run_writers(processes: int, threads: int) -> float:
    words = [sys.executable, "-m", "tests.bench.ledger_writer", str(threads), str(SECONDS)]
    running = [
        subprocess.Popen(words, env=bench_environment(), stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    return sum(float(process.communicate()[0]) for process in running)


@contextmanager
def _sealing() -> Iterator[None]:
    """A sealer at work, with a key of its own."""
    with tempfile.TemporaryDirectory() as folder:
        key = make_key("bench.example/ledger", ED25519)
        stop = threading.Event()
        process = SealingProcess(connect_to_log, [key], Path(folder) / "memory", Publisher([], 60), 1)
        thread = threading.Thread(target=process.run, args=[stop])
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def _measure_proof() -> Figure:
    size: int = read_rows("SELECT count(*) FROM ledger.leaf")[0][0]
    chosen = random.Random(4).choices(range(size), k=PROOFS)
    rows = read_rows("SELECT entry_id, kind FROM ledger.leaf WHERE index = ANY (%s)", chosen)
    taken = []
    with closing(connect_to_log()) as log:
        for entry_id, kind in rows:
            began = time.perf_counter()
            prove_line(log, entry_id, kind)
            taken.append((time.perf_counter() - began) * 1000)
    middle, worst = statistics.median(taken), max(taken)
    said = f"{len(rows)} proofs in a log of {size} lines, peer: the slowest; {describe_machine()}"
    return Figure(
        "ledger: an inclusion proof",
        round(middle, 3),
        round(worst, 3),
        round(worst / middle, 2),
        "ms",
        said,
    )


def _measure_verifier() -> Figure:
    """The stand-alone verifier as a process, its start included."""
    with tempfile.TemporaryDirectory() as folder:
        export = Path(folder) / "ledger.jsonl"
        export.write_bytes(b"".join(make_log(VERIFIED).lines()))
        words = [sys.executable, str(VERIFIER), "--key", str(LOG.verifier), str(export)]
        by_clock, by_work = [], []
        for _ in range(5):
            began, spent = time.perf_counter(), _spent_by_children()
            subprocess.run(words, check=True, capture_output=True)
            by_clock.append(VERIFIED / (time.perf_counter() - began))
            by_work.append(VERIFIED / (_spent_by_children() - spent))
    rate = statistics.median(by_work)
    said = (
        f"by processor time, median of 5 runs over {VERIFIED} lines, a checkpoint every 256, process start included;"
        f" by the clock {statistics.median(by_clock):.0f}; {describe_machine()}"
    )
    return Figure(
        "ledger: lines verified (peer: the goal)",
        round(rate),
        GOAL_VERIFIER,
        round(rate / GOAL_VERIFIER, 2),
        "1/s",
        said,
    )


def _spent_by_children() -> float:
    """Processor time in seconds of all processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _measure_overhead(country: Country) -> list[Figure]:
    """A question without the ledger (ours) and with it (peer), in turns, in one process."""
    answers = {"cells": answer_cells(country, 1000), "blocks": answer_blocks(country, 1000)}
    figures = []
    for what, answer in answers.items():
        alone = WithoutLedger(answer)
        with as_role("penumbra_web"):
            figures.append(
                compare(
                    f"activity, 1000 {what}, without the ledger (peer: with it)",
                    alone.answer,
                    answer,
                    "question to bytes; without: its ticket was opened beforehand, no completion is written;"
                    f" ratio: time with to time without; {_durability()}",
                    rounds=60,
                    before=alone.open_ticket,
                )
            )
    return figures


class WithoutLedger:
    """A question whose entry was written beforehand, as the vault opens for nobody without one, and is not completed."""

    def __init__(self, answer: Callable[[], object]) -> None:
        self._answer = answer
        self._asked: list[tuple[Entry, TicketScope | None]] = []
        with _exchanged(self._note, complete_entry):
            answer()

    def _note(self, entry: Entry, scope: TicketScope | None = None) -> Ticket:
        self._asked.append((entry, scope))
        return open_entry(entry, scope)

    def open_ticket(self) -> None:
        """A new one: each opens once."""
        self._ticket = open_entry(*self._asked[0])

    def answer(self) -> object:
        """The question."""
        with _exchanged(lambda *_: self._ticket, lambda *_: None):
            return self._answer()


@contextmanager
def _exchanged(opening: Callable[..., Ticket], completing: Callable[..., None]) -> Iterator[None]:
    room = vars(disclosure)
    honest = {name: room[name] for name in ("open_entry", "complete_entry", "complete_later")}
    room.update(open_entry=opening, complete_entry=completing, complete_later=completing)
    try:
        yield
    finally:
        room.update(honest)


def _measure_served(country: Country) -> list[Figure]:
    """Pages of blocks over HTTP, from a server with the ledger (ours) and one without (peer), in turns."""
    open_before = _count_open()

    def settle() -> None:
        until = time.monotonic() + SETTLED_WITHIN_S
        while _count_open() > open_before:
            assert time.monotonic() < until, "completions of this benchmark were not written"
            time.sleep(0.02)

    connection.close()
    path = "/api/v1/activity?limit=1000"
    rates: dict[str, list[float]] = {"config.wsgi": [], "tests.bench.without_ledger": []}
    spent: dict[str, list[float]] = {name: [] for name in rates}
    with serve("config.settings") as ours, serve("config.settings", "tests.bench.without_ledger") as bare:
        for turn in range(SERVED_TURNS + 1):
            for name, server in zip(rates, (ours, bare), strict=True):
                rate, spent_ms = server.measure(path, country.partner, SERVED_REQUESTS, settle)
                if turn:
                    rates[name].append(rate)
                    spent[name].append(spent_ms)
    said = (
        f"median of {SERVED_TURNS} turns each, in turns; {CLIENTS} clients, {CLIENTS * SERVED_REQUESTS} requests a turn,"
        f" {SERVERS}; completions wait {settings.LEDGER_COMPLETIONS_WAIT_MS} ms; {_durability()}; {describe_machine()}"
    )
    faster, leaner = ([statistics.median(each) for each in both.values()] for both in (rates, spent))
    return [
        Figure(
            "1000 blocks over HTTP, with the ledger (peer: without)",
            round(faster[0], 2),
            round(faster[1], 2),
            round(faster[0] / faster[1], 3),
            "requests/s",
            said,
        ),
        Figure(
            "1000 blocks over HTTP, with the ledger, work (peer: without)",
            round(leaner[0], 3),
            round(leaner[1], 3),
            round(leaner[1] / leaner[0], 3),
            "ms of CPU",
            f"processor time of the server and its database sessions, a request; {said}",
        ),
    ]


def _count_open() -> int:
    """Entries without a completion, of which other benchmarks leave some."""
    found = read_rows(
        "SELECT (SELECT count(*) FROM ledger.entry_key) - (SELECT count(*) FROM ledger.completion_key)"
    )
    return int(found[0][0])


def _durability() -> str:
    return f"PostgreSQL with fsync {read_rows('SHOW fsync')[0][0]}"
