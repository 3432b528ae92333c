"""How a benchmark measures: in turns, so that whatever else the machine does falls on both; medians."""

from __future__ import annotations

import gc
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db import connection

ROUNDS = 15
WORK_ROUNDS = 150


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
        return f"{self.name:58} {self.ours:10.2f} {self.peer:10.2f} {self.unit:10} {self.ratio:8.1f} x"


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
    also: Sequence[int] = (),
) -> Figure:
    """Processor time of both, in milliseconds a call: of this process and of its database session, and of the sessions
    `also` (process ids on this machine). What else the machine does hardly changes it, other than the time on the clock."""
    here, there = _work(ours, WORK_ROUNDS, before, also), _work(peer, ROUNDS, lambda: None, also)
    said = f"processor time, mean of {WORK_ROUNDS} and {ROUNDS} calls; {conditions}; {describe_machine()}"
    return Figure(name, round(here, 3), round(there, 3), round(there / here, 2), "ms of CPU", said)


def _work(
    call: Callable[[], object], rounds: int, before: Callable[[], object], also: Sequence[int]
) -> float:
    for _ in range(3):
        before()
        call()
    sessions = [connection.connection.info.backend_pid, *also]
    spent_ms = -sum(map(_session_ms, sessions))
    gc.collect()
    for _ in range(rounds):
        before()
        began = time.process_time()
        call()
        spent_ms += (time.process_time() - began) * 1000
    return (spent_ms + sum(map(_session_ms, sessions))) / rounds


def _session_ms(pid: int) -> float:
    """Processor time of a process so far, of which the kernel counts hundredths of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def describe_machine() -> str:
    """Cores, load and Python."""
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}"


def _time(work: Callable[[], object]) -> float:
    gc.collect()
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000
