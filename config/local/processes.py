"""Room: config.local. Processes that outlive the command: started once, recognised again, stopped alone.

Each has a record in the instance's run/ folder. A process is ours only if its pid lives, began at the recorded
moment and still shows the recorded program; a re-used pid fails at least one of these.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .instance import Instance
from .report import Trouble, read_tail, say

POLL_S = 0.05
_LISTENS = "0A"  # the state of a listening socket in /proc/net/tcp
KEPT_READY_S = 15.0  # how long a process that runs already may take to answer before it is started again


@dataclass(frozen=True)
class Process:
    """What to run. `program`: a word that its command line shows. `grace_s`: time it is given to end before it is killed."""

    name: str
    command: Sequence[str]
    program: str
    env: Mapping[str, str]
    cwd: Path
    stop_signal: signal.Signals = signal.SIGTERM
    grace_s: float = 30.0
    state: Sequence[str] = ()  # what, beside the command, calls for a new start when it changes

    @property
    def fingerprint(self) -> str:
        """Changes when the process would have to be started again to take effect."""
        parts = [*self.command, str(self.cwd), *self.state]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@dataclass(frozen=True)
class Record:
    """A started process. `began`: its start in clock ticks since boot, from /proc."""

    name: str
    pid: int
    began: str
    program: str
    fingerprint: str
    stop_signal: int
    grace_s: float


def read_began(stat: str) -> str:
    """Start time (field 22) of a /proc/PID/stat line. The program name may itself hold blanks and brackets."""
    return stat.rpartition(")")[2].split()[19]


def is_alive(record: Record, proc: Path = Path("/proc")) -> bool:
    """Whether the recorded process, and not another one with its pid, is alive."""
    try:
        stat = (proc / str(record.pid) / "stat").read_text()
        shown = (proc / str(record.pid) / "cmdline").read_bytes().decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    is_zombie = stat.rpartition(")")[2].split()[0] == "Z"
    return not is_zombie and read_began(stat) == record.began and record.program in shown


def read_record(instance: Instance, name: str) -> Record | None:
    """The record of a process, whether or not it still lives; None if there is none."""
    file = instance.run / f"{name}.json"
    return Record(**json.loads(file.read_text())) if file.exists() else None


def listens(pid: int, port: int, proc: Path = Path("/proc")) -> bool:
    """Whether a process itself listens on a TCP port (IPv4): somebody else may be answering there."""
    rows = [line.split() for line in (proc / "net/tcp").read_text().splitlines()[1:]]
    heard = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(f":{port:04X}") and row[3] == _LISTENS}
    try:
        return any(os.readlink(file) in heard for file in (proc / str(pid) / "fd").iterdir())
    except (FileNotFoundError, ProcessLookupError):  # it ended, or let a file go meanwhile
        return False


def read_alive(instance: Instance) -> list[Record]:
    """Records of the processes of an instance that are alive."""
    records = (read_record(instance, file.stem) for file in sorted(instance.run.glob("*.json")))
    return [record for record in records if record is not None and is_alive(record)]


def keep_running(
    instance: Instance, process: Process, is_ready: Callable[[], bool], ready_s: float = 60.0
) -> bool:
    """Start a process unless the same one runs already, and wait until it is ready. True if it was started.

    One that runs with other settings is stopped first. `Trouble` if it ends or is not ready within `ready_s`.
    """
    record = read_record(instance, process.name)
    if record is not None and is_alive(record):
        is_same = record.fingerprint == process.fingerprint
        if is_same and _poll(is_ready, KEPT_READY_S, lambda: not is_alive(record)):
            say(f"   {process.name} runs (pid {record.pid})")
            return False
        reason = "does not answer" if is_same else "runs with other code or settings"
        say(f"   {process.name} {reason}: starting it again")
        stop(instance, record)
    child = _spawn(instance, process)

    def shows_and_is_ready() -> bool:
        # on a busy machine a child may not show its own command line yet
        spawned = read_record(instance, process.name)
        return spawned is not None and is_alive(spawned) and is_ready()

    _wait(instance, process, child, shows_and_is_ready, ready_s)
    say(f"   {process.name} started (pid {child.pid})")
    return True


def stop(instance: Instance, record: Record) -> bool:
    """End a process and forget it. True if it lived. One that does not end in its grace time is killed with its group."""
    lived = is_alive(record)
    if lived:
        os.kill(record.pid, record.stop_signal)
        deadline = time.monotonic() + record.grace_s
        while is_alive(record) and time.monotonic() < deadline:
            time.sleep(POLL_S)
        if is_alive(record):
            say(f"   {record.name} did not end in {record.grace_s:.0f} s: killed")
            os.killpg(record.pid, signal.SIGKILL)
    (instance.run / f"{record.name}.json").unlink(missing_ok=True)
    return lived


def stop_all(instance: Instance, order: Sequence[str]) -> int:
    """Stop the named processes of an instance, in this order, then any other on record. Returns how many lived."""
    others = [file.stem for file in sorted(instance.run.glob("*.json")) if file.stem not in order]
    stopped = 0
    for name in (*order, *others):
        record = read_record(instance, name)
        if record is not None and stop(instance, record):
            say(f"   {name} stopped (pid {record.pid})")
            stopped += 1
    return stopped


def _spawn(instance: Instance, process: Process) -> subprocess.Popen[bytes]:
    with (instance.log / f"{process.name}.log").open("ab") as log:
        child = subprocess.Popen(
            list(process.command),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=dict(process.env),
            cwd=process.cwd,
            start_new_session=True,
        )
    began = read_began(Path(f"/proc/{child.pid}/stat").read_text())
    record = Record(
        process.name,
        child.pid,
        began,
        process.program,
        process.fingerprint,
        process.stop_signal,
        process.grace_s,
    )
    (instance.run / f"{process.name}.json").write_text(json.dumps(record.__dict__))
    return child


def _wait(
    instance: Instance,
    process: Process,
    child: subprocess.Popen[bytes],
    is_ready: Callable[[], bool],
    ready_s: float,
) -> None:
    if _poll(is_ready, ready_s, lambda: child.poll() is not None):
        return
    log = instance.log / f"{process.name}.log"
    for line in read_tail(log):
        say(f"   | {line}")
    ended = child.poll() is not None
    cause = f"ended with code {child.returncode}" if ended else f"was not ready after {ready_s:.0f} s"
    raise Trouble(f"{process.name} {cause}", f"its log is {log}")


def _poll(is_ready: Callable[[], bool], seconds: float, has_ended: Callable[[], bool]) -> bool:
    """Ask until it is ready; False when it has ended, or after `seconds`."""
    deadline = time.monotonic() + seconds
    while not is_ready():
        if has_ended() or time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return not has_ended()
