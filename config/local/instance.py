"""Room: config.local. Where things lie: the folders of the live and of the test instance, and who owns the servers' folders.

Two instances share one checkout and one environment: `live` (make up) under var/, `test` (make test) under var/test/.
Names no port: servers listen on Unix sockets only.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .report import EXIT_MACHINE, Trouble, say

SOCKET_PATH_LIMIT = 100  # bytes; the kernel's limit is 107 and clients append a suffix to lock files
SYSTEM_FOLDER = Path("/var/lib")  # root's servers go here when the checkout is closed to their user


@dataclass(frozen=True)
class Instance:
    """One set of servers. `root`: the checkout. `name`: live or test."""

    root: Path
    name: str

    @property
    def var(self) -> Path:
        return self.root / "var"

    @property
    def folder(self) -> Path:
        return self.var if self.name == "live" else self.var / self.name

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def mark(self) -> str:
        """Eight characters that tell this checkout from any other on the machine."""
        return hashlib.sha256(str(self.root.resolve()).encode()).hexdigest()[:8]

    @property
    def system_folder(self) -> Path:
        return SYSTEM_FOLDER / f"penumbra-{self.mark}"

    def make_folders(self) -> None:
        """var/ may be entered by the servers' users; what lies in it is closed to others."""
        self.var.mkdir(exist_ok=True)
        self.folder.mkdir(exist_ok=True)
        for folder in (
            self.log,
            self.run,
            self.folder / "vault",
            self.folder / "scenes",
            self.folder / "reports",
        ):
            folder.mkdir(exist_ok=True, mode=0o700)


@dataclass(frozen=True)
class ServerUser:
    """The unprivileged user that root lends to a server."""

    name: str
    uid: int
    gid: int

    @property
    def prefix(self) -> list[str]:
        """Words before a command that make it run as this user."""
        return ["setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups"]


def choose_server_user(wanted: str) -> ServerUser | None:
    """Root runs a server as `wanted` if that user exists, else as nobody. Everybody else runs it as himself: None."""
    if os.geteuid() != 0:
        return None
    for name in (wanted, "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(name, entry.pw_uid, entry.pw_gid)
    raise Trouble(
        f"neither user {wanted} nor user nobody exists", f"make one: useradd --system {wanted}", EXIT_MACHINE
    )


def find_owner(folder: Path) -> ServerUser | None:
    """The user whose server root must go on running in `folder`. For everybody else he is himself: None."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwuid(folder.stat().st_uid)
    return ServerUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


def can_enter(folder: Path, user: ServerUser) -> bool:
    """Whether `user` may pass through `folder` and all that leads to it."""
    return (
        subprocess.run([*user.prefix, "test", "-x", str(folder)], capture_output=True, check=False).returncode
        == 0
    )


def make_server_folder(instance: Instance, server: str, user: ServerUser | None) -> Path:
    """The folder of one server, owned by its user and closed to all others (0700).

    Lies in var/; or, when root's server user cannot reach var/ (a clone under a closed home), in the system folder.
    """
    folder = instance.folder / server
    if user is not None and not can_enter(instance.folder, user):
        folder = instance.system_folder / instance.name / server
        if not folder.exists():
            say(f"   user {user.name} cannot reach {instance.folder}: {server} lives in {folder}")
    folder.mkdir(parents=True, exist_ok=True)
    _close(folder, user)
    return folder


def make_socket_folder(
    instance: Instance, server: str, folder: Path, socket: str, user: ServerUser | None
) -> Path:
    """The folder of a server's Unix socket: beside its data, or a short one if the path would be too long for a socket."""
    short = _runtime_folder() / f"penumbra-{instance.mark}-{instance.name}-{server}"
    chosen = choose_socket_folder(folder / "socket", short, socket)
    chosen.mkdir(exist_ok=True, mode=0o700)
    _refuse_stranger(chosen, user)
    _close(chosen, user)
    return chosen


def choose_socket_folder(preferred: Path, short: Path, socket: str, limit: int = SOCKET_PATH_LIMIT) -> Path:
    """`preferred` unless preferred/socket is longer than `limit` bytes."""
    return preferred if len(os.fsencode(preferred / socket)) <= limit else short


def remove_folders(instance: Instance) -> list[Path]:
    """Remove var/ and every folder this checkout made outside of it. Returns what was removed."""
    strays = sorted(_runtime_folder().glob(f"penumbra-{instance.mark}-*"))
    removed = [folder for folder in (instance.var, instance.system_folder, *strays) if folder.exists()]
    for folder in removed:
        shutil.rmtree(folder)
    return removed


def _runtime_folder() -> Path:
    if os.geteuid() == 0:
        return Path("/run")
    own = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}")
    return own if own.is_dir() and os.access(own, os.W_OK) else Path(tempfile.gettempdir())


def give(path: Path, user: ServerUser) -> None:
    """Hand a file to a server's user, closed to all others."""
    os.chown(path, user.uid, user.gid)
    path.chmod(0o600)


def _close(folder: Path, user: ServerUser | None) -> None:
    if user is not None:
        os.chown(folder, user.uid, user.gid)
    folder.chmod(0o700)


def _refuse_stranger(folder: Path, user: ServerUser | None) -> None:
    """A folder of a foreseeable name in a shared place may have been put there by somebody else."""
    status = folder.lstat()
    if folder.is_symlink() or status.st_uid not in {os.geteuid(), user.uid if user else os.geteuid()}:
        raise Trouble(
            f"{folder} belongs to somebody else", "remove it, or clone into a shorter path", EXIT_MACHINE
        )
