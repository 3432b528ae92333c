"""How a benchmark measures: in turns, so that whatever else the machine does falls on both; medians."""

from __future__ import annotations

import gc
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db import connection

ROUNDS = 15
BLAS_FETTERS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""Make OpenBLAS take the kernels of another processor: half the speed, for ours alone, as torch does not use it."""
WORK_ROUNDS = 150
PEER_WORK_ROUNDS = 10


@dataclass(frozen=True)
class Figure:
    """One line of the report. ours, peer: medians in `unit`. ratio: peer to ours for times, ours to peer for rates."""

    name: str
    ours: float
    peer: float
    ratio: float
    unit: str
    conditions: str

    def __str__(self) -> str:
        return f"{self.name:58} {self.ours:10.2f} {self.peer:10.2f} {self.unit:10} {self.ratio:8.2f} x"


def free_blas(module: str) -> None:
    """Start this program anew, as `python -m module`, where the environment fetters the BLAS; say so."""
    found = [f"{name}={os.environ.pop(name)}" for name in BLAS_FETTERS if name in os.environ]
    if found:
        print(f"taken out of the environment: {', '.join(found)}", flush=True)
        os.execv(sys.executable, [sys.executable, "-m", module, *sys.argv[1:]])  # noqa: S606 - this very program


def compare(
    name: str,
    ours: Callable[[], object],
    peer: Callable[[], object],
    conditions: str,
    rounds: int = ROUNDS,
    before: Callable[[], object] = lambda: None,
) -> Figure:
    """Median times of both, in milliseconds, measured in turns after one round that does not count.

    before: what must be done before each of ours and is not measured.
    """
    ours_ms, peer_ms = [], []
    for number in range(rounds + 1):
        before()
        taken = (_time(ours), _time(peer)) if number % 2 else tuple(reversed((_time(peer), _time(ours))))
        if number:
            ours_ms.append(taken[0])
            peer_ms.append(taken[1])
    ours_median, peer_median = statistics.median(ours_ms), statistics.median(peer_ms)
    said = f"median of {rounds}, in turns; {conditions}; {describe_machine()}"
    return Figure(
        name, round(ours_median, 3), round(peer_median, 3), round(peer_median / ours_median, 2), "ms", said
    )


def compare_work(
    name: str,
    ours: Callable[[], object],
    peer: Callable[[], object],
    conditions: str,
    before: Callable[[], object] = lambda: None,
    also: Callable[[], Sequence[int]] = tuple,
    peer_rounds: int = PEER_WORK_ROUNDS,
) -> Figure:
    """Processor time of both, in milliseconds a call: of this process and of its database session, and of the sessions
    that `also` names (process ids on this machine). Unlike the clock's time it hardly changes with what else runs."""
    here, there = _work(ours, WORK_ROUNDS, before, also), _work(peer, peer_rounds, lambda: None, also)
    said = (
        f"processor time, mean of {WORK_ROUNDS} and {peer_rounds} calls; {conditions}; {describe_machine()}"
    )
    return Figure(name, round(here, 3), round(there, 3), round(there / here, 2), "ms of CPU", said)


def _work(
    call: Callable[[], object], rounds: int, before: Callable[[], object], also: Callable[[], Sequence[int]]
) -> float:
    for _ in range(3):
        before()
        call()
    sessions = [connection.connection.info.backend_pid, *also()]
    spent_ms = -sum(map(session_ms, sessions))
    gc.collect()
    for _ in range(rounds):
        before()
        began = time.process_time()
        call()
        spent_ms += (time.process_time() - began) * 1000
    return (spent_ms + sum(map(session_ms, sessions))) / rounds


def session_ms(pid: int) -> float:
    """Processor time of a process so far, of which the kernel counts hundredths of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def describe_machine() -> str:
    """Cores, load and Python."""
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}"


def describe_durability() -> str:
    """Whether the database waits for its disk."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW fsync")
        return f"PostgreSQL with fsync {cursor.fetchone()[0]}"


def _time(work: Callable[[], object]) -> float:
    gc.collect()
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000
