"""Room: config.local. The Python environment var/venv, made from requirements*.txt with every hash checked.

uv makes it in seconds; where uv cannot be had, pip makes the same. No other Python is ever downloaded.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import locks, unpacked
from .instance import Instance
from .report import EXIT_MACHINE, Trouble, read_output, run, say

OLDEST = (3, 11)
PINS = ("requirements.txt", "requirements-dev.txt")
STAMP = "penumbra-pins"
_NETWORK = "is the network reachable? The whole output is in var/log/environment.log"


def interpreter(root: Path) -> Path:
    """The environment's Python."""
    return root / "var/venv/bin/python"


def provide(root: Path) -> Path:
    """The environment, made anew when the pins or the Python changed; returns its interpreter."""
    Instance(root, "live").make_folders()
    with locks.wait_for(root / "var/environment.lock", "making the environment"):
        return _provide(root)


def _provide(root: Path) -> Path:
    stamp, state = root / "var/venv" / STAMP, read_pins(root)
    if (
        stamp.exists()
        and stamp.read_text() == state
        and read_output([str(interpreter(root)), "-c", ""]) is not None
    ):
        return interpreter(root)
    say(
        f"   making var/venv with Python {sys.version_info.major}.{sys.version_info.minor} from {' and '.join(PINS)}"
    )
    uv = find_uv(root)
    if uv is None or not _make_with_uv(root, uv):
        _make_with_pip(root)
    stamp.write_text(state)
    return interpreter(root)


def read_pins(root: Path) -> str:
    """A digest that changes with the pins or with the Python that runs this."""
    digest = hashlib.sha256(f"{os.path.realpath(sys.executable)} {sys.version}".encode())
    for name in PINS:
        digest.update((root / name).read_bytes())
    return digest.hexdigest()


def uv_environment(root: Path) -> dict[str, str]:
    """uv may neither bring a Python of its own nor write outside var/ where there is no home."""
    home = Path(os.environ.get("HOME") or "/nonexistent")
    cache = {} if os.access(home, os.W_OK) else {"UV_CACHE_DIR": str(root / "var/cache/uv")}
    outer = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    return {**outer, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", **cache}


def find_uv(root: Path) -> Path | None:
    """uv from PATH, or from var/tools, where pip puts it first. None if it cannot be had: that is not a failure."""
    tools = root / "var/tools"
    for candidate in (shutil.which("uv"), str(tools / "bin/uv")):
        if candidate and read_output([candidate, "--version"]) is not None:
            return Path(candidate)
    log = root / "var/log/environment.log"
    command, env = pip_command(root)
    try:
        run(
            [*command, "install", "-q", "--no-cache-dir", "--target", str(tools), "uv"],
            log=log,
            what="fetching uv",
            env=env,
        )
    except Trouble as trouble:
        say(f"   {trouble.cause}: going on with pip")
        return None
    return tools / "bin/uv" if read_output([str(tools / "bin/uv"), "--version"]) is not None else None


def pip_command(root: Path) -> tuple[list[str], dict[str, str]]:
    """How to call a pip, and its environment: this Python's own, or the wheel that Debian ships for its venv package."""
    if read_output([sys.executable, "-m", "pip", "--version"]) is not None:
        return [sys.executable, "-m", "pip"], dict(os.environ)
    instance = Instance(root, "live")
    wheels = unpacked.root_folder(instance) / "usr/share/python-wheels"
    if not list(wheels.glob("pip-*.whl")):
        say("   this Python has no pip: bringing Debian's")
        log = root / "var/log/environment.log"
        apt = unpacked.write_apt_options(instance)
        run(
            ["apt-get", *apt, "update"],
            log=log,
            what="reading the lists of packages",
            mend=_NETWORK,
            code=EXIT_MACHINE,
        )
        unpacked.download(
            instance, apt, ["python3-pip-whl"], log, "install python3-venv, then run this again"
        )
    found = sorted(wheels.glob("pip-*.whl"))
    if not found:
        raise Trouble(
            "there is no pip to make the environment with",
            "install python3-venv, then run this again",
            EXIT_MACHINE,
        )
    return [sys.executable, "-m", "pip"], {**os.environ, "PYTHONPATH": str(found[-1])}


def _make_with_uv(root: Path, uv: Path) -> bool:
    env, log = uv_environment(root), root / "var/log/environment.log"
    python = os.path.realpath(sys.executable)
    try:
        run(
            [str(uv), "venv", "-q", "--clear", "-p", python, "var/venv"],
            log=log,
            what="making var/venv",
            env=env,
            cwd=root,
        )
        sync = [str(uv), "pip", "sync", "-p", str(interpreter(root)), "--require-hashes", *PINS]
        run(sync, log=log, what="installing the pinned packages", env=env, cwd=root)
    except Trouble as trouble:
        say(f"   {trouble.cause}: going on with pip")
        return False
    return True


def _make_with_pip(root: Path) -> None:
    log = root / "var/log/environment.log"
    command, env = pip_command(root)
    plain = [sys.executable, "-m", "venv", "--clear", "--without-pip", "var/venv"]
    run(plain, log=log, what="making var/venv", cwd=root, code=EXIT_MACHINE)
    pins = [word for name in PINS for word in ("-r", name)]
    install = [*command, "--python", str(interpreter(root)), "install", "-q", "--require-hashes", *pins]
    run(
        install,
        log=log,
        what="installing the pinned packages with pip",
        env=env,
        cwd=root,
        mend=_NETWORK,
        code=EXIT_MACHINE,
    )


def check_python() -> None:
    """Refuse a Python that is too old, naming the mend."""
    if sys.version_info < OLDEST:
        version = ".".join(str(part) for part in sys.version_info[:2])
        raise Trouble(
            f"this is Python {version}; Penumbra needs 3.11 or later",
            "make PYTHON=python3.12 ...",
            EXIT_MACHINE,
        )


def command_of(root: Path, program: str, *words: str) -> Sequence[str]:
    """A program of the environment as a command."""
    return [str(root / "var/venv/bin" / program), *words]


def with_path(root: Path, env: Mapping[str, str]) -> dict[str, str]:
    """`env` with the environment's programs first on PATH."""
    return {
        **env,
        "PATH": f"{root / 'var/venv/bin'}:{env.get('PATH', os.defpath)}",
        "VIRTUAL_ENV": str(root / "var/venv"),
    }
