"""Room: config.local. What a person sees: lines of progress, and troubles that name a cause and a mend.

Everything goes to stderr, so that commands whose answer is on stdout (`env`) can be evaluated by a shell.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

HEARTBEAT_S = 5.0
TAIL_LINES = 15

EXIT_FAILED = 1  # a step failed
EXIT_USAGE = 2  # the command line, or a file named on it, is wrong
EXIT_MACHINE = 3  # something is missing on this machine and could not be brought


class Trouble(Exception):
    """A step cannot go on. Carries what happened, what to do about it, and the exit code."""

    def __init__(self, cause: str, mend: str, code: int = EXIT_FAILED) -> None:
        super().__init__(cause)
        self.cause = cause
        self.mend = mend
        self.code = code


def say(line: str) -> None:
    """One line of progress."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def stage(name: str, seconds: dict[str, float]) -> Iterator[None]:
    """Announce a stage and note how long it took in `seconds[name]`, also when it fails."""
    say(f"== {name}")
    begun = time.monotonic()
    try:
        yield
    finally:
        seconds[name] = round(time.monotonic() - begun, 2)
        say(f"   {name}: {seconds[name]:.1f} s")


def read_tail(log: Path, lines: int = TAIL_LINES) -> list[str]:
    """The last non-empty lines of a log; nothing if there is no log."""
    if not log.exists():
        return []
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - 16_384))
        text = stream.read().decode(errors="replace")
    return [line.rstrip() for line in text.splitlines() if line.strip()][-lines:]


def run(
    command: Sequence[str],
    *,
    log: Path,
    what: str,
    mend: str = "",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    code: int = EXIT_FAILED,
) -> None:
    """Run a command, its output into `log`, with a sign of life every few seconds.

    Raises `Trouble` on a non-zero exit, after showing the last lines of the log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    with log.open("ab") as sink, _start(command, sink, cwd, env, what, code) as process:
        if process.stdin is not None:
            process.stdin.write(stdin.encode())
            process.stdin.close()
        while (status := _wait(process)) is None:
            last = (read_tail(log, 1) or [""])[0]
            say(f"   ... {what}, {time.monotonic() - begun:.0f} s  {last[:90]}")
    if status != 0:
        for line in read_tail(log):
            say(f"   | {line}")
        raise Trouble(f"{what} failed (exit code {status})", mend or f"the whole output is in {log}", code)


def _wait(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(HEARTBEAT_S)
    except subprocess.TimeoutExpired:
        return None


def _start(
    command: Sequence[str],
    sink: IO[bytes],
    cwd: Path | None,
    env: Mapping[str, str] | None,
    what: str,
    code: int,
) -> subprocess.Popen[bytes]:
    pipe, joined = subprocess.PIPE, subprocess.STDOUT
    try:
        return subprocess.Popen(list(command), stdin=pipe, stdout=sink, stderr=joined, cwd=cwd, env=env)
    except FileNotFoundError as absent:
        raise Trouble(
            f"{what}: there is no program {command[0]}", "install it, or put it on PATH", code
        ) from absent


def read_output(
    command: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> str | None:
    """Stdout of a short command; None if it does not exist or fails."""
    try:
        answer = subprocess.run(list(command), capture_output=True, text=True, env=env, cwd=cwd, check=False)
    except (FileNotFoundError, PermissionError):
        return None
    return answer.stdout if answer.returncode == 0 else None
