"""Room: config.local. Pins requirements*.in into requirements*.txt, each direct dependency with its reason.

The pins are universal (one file for every platform and every Python from 3.11 on) and carry hashes. The uv that does
the work is the one of `environment.py`. Standard library only, like all of this package.
"""

from __future__ import annotations

import re
from pathlib import Path

from . import environment
from .report import Trouble, run, say

LOCKS = ("requirements", "requirements-dev")
OLDEST_PYTHON = "3.11"
_DIRECT = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)[^#]*#\s*(?P<reason>.+)$")
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(\[[^\]]*\])?==")


def normalise_name(name: str) -> str:
    """The one spelling of a distribution's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_reasons(requirements_in: str) -> dict[str, str]:
    """Normalised name of each direct dependency -> its one-line reason. A dependency without a reason is `Trouble`."""
    reasons: dict[str, str] = {}
    for line in requirements_in.splitlines():
        if not line.strip() or line.startswith(("#", "-")):
            continue
        match = _DIRECT.match(line)
        if match is None:
            raise Trouble(f"'{line.strip()}' has no reason", "add '# why it is here' to its line")
        reasons[normalise_name(match["name"])] = match["reason"].strip()
    return reasons


def insert_reasons(pinned: str, reasons: dict[str, str]) -> str:
    """The text of a compiled requirements file with a comment line above the pin of each direct dependency."""
    lines: list[str] = []
    for line in pinned.splitlines():
        match = _PIN.match(line)
        if match is not None and normalise_name(match["name"]) in reasons:
            lines.append(f"# direct: {reasons[normalise_name(match['name'])]}")
        lines.append(line)
    return "\n".join(lines) + "\n"


def lock(root: Path) -> int:
    """Compile both files; the exit code. Packages already pinned keep their version unless the .in file forbids it."""
    uv = environment.find_uv(root)
    if uv is None:
        raise Trouble(
            "uv could not be installed, and only uv pins for all platforms at once",
            "see var/log/environment.log",
        )
    for name in LOCKS:
        source, target = root / f"{name}.in", root / f"{name}.txt"
        options = ["--universal", "--fork-strategy", "fewest", "--generate-hashes", "--no-header"]
        run(
            [str(uv), "pip", "compile", *options, "-q", "-p", OLDEST_PYTHON, source.name, "-o", target.name],
            log=root / "var/log/lock.log",
            what=f"pinning {source.name}",
            cwd=root,
            env=environment.uv_environment(root),
        )
        pinned = insert_reasons(target.read_text(), read_reasons(source.read_text()))
        head = f"# Made by `make lock` from {source.name}; direct dependencies carry their reason.\n"
        target.write_text(head + pinned)
        say(f"{target.name}: {sum(1 for line in pinned.splitlines() if _PIN.match(line))} packages pinned")
    return 0
