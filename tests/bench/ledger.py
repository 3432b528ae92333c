"""How fast the ledger is written, sealed, proved and verified. What it costs an answer: ledger_cost.py.

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
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from accounts.ledger.log_connection import connect_to_log, record_key_change
from accounts.ledger.proof.note import ED25519, make_key
from accounts.ledger.proofs import prove_line
from accounts.ledger.sealing_process import SealingProcess
from accounts.ledger.witnessing import Publisher
from tests.bench.measuring import Figure, describe_durability, describe_machine
from tests.bench.serving import bench_environment
from tests.pure.ledger.invented_log import VERIFIER, make_log
from tests.pure.ledger.test_note import LOG
from tests.roles import read_rows

SECONDS = 5.0
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


def measure_ledger() -> list[Figure]:
    """All figures of the ledger. ratio: to the goal where there is one, else to the figure beside it."""
    return [*_measure_writing(), _measure_verifier()]


def _measure_writing() -> list[Figure]:
    """Questions a second with one writer and with sixteen, how long their entries wait for a place, and a proof's time."""
    with _sealing():
        began = read_rows("SELECT clock_timestamp()")[0][0]
        one = _run_writers(1, 1)
        many = _run_writers(PROCESSES, THREADS)
        time.sleep(3)
        ((lag,),) = read_rows(_LAG, began)
    said = f"{SECONDS:.0f} s, entry and completion each, {describe_durability()}; {describe_machine()}"
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
        memory, nobody = Path(folder) / "memory", Publisher([], 60)
        process = SealingProcess(
            connect_to_log, [key], memory, nobody, 1, record_key_change, accepts_new_key=True
        )
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
