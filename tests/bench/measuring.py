"""How a benchmark measures: in turns, so that whatever else the machine does falls on both; medians."""

from __future__ import annotations

import gc
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 15


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


def describe_machine() -> str:
    """Cores, load and Python."""
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}"


def _time(work: Callable[[], object]) -> float:
    gc.collect()
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000
