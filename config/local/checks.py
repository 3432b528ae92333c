"""Room: config.local. Commands that run the project's tools inside its environment: tests, checks, one command."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from . import contract, environment, locks, processes, servers
from .instance import Instance
from .report import EXIT_FAILED, EXIT_USAGE, Trouble, say


def prepare(instance: Instance, *, with_servers: bool) -> servers.Ready:
    """Environment and, if wanted, running servers."""
    environment.provide(instance.root)
    return servers.start(instance) if with_servers else servers.describe(instance)


def child_environment(ready: servers.Ready, role: str) -> dict[str, str]:
    """What a command in the environment sees: the caller's variables, the contract, the environment's PATH."""
    ours = contract.write_environment(ready.instance, ready.keys, ready.servers, role)
    return environment.with_path(ready.instance.root, contract.with_caller(ours))


def start_servers(instance: Instance) -> int:
    """Servers only."""
    servers.start(instance)
    return 0


def print_environment(instance: Instance, role: str) -> int:
    """The contract as `export` lines on stdout, for `eval`."""
    ready = prepare(instance, with_servers=True)
    ours = contract.write_environment(instance, ready.keys, ready.servers, role)
    print(contract.write_exports(ours))
    return 0


def run_inside(instance: Instance, words: Sequence[str], *, with_servers: bool) -> int:
    """Run one command; its exit code.

    Servers that were started for it are stopped after it, unless another command uses them.
    """
    command = [word for number, word in enumerate(words) if number > 0 or word != "--"]
    if not command:
        raise Trouble("there is no command to run", "python3 -m config.local run -- COMMAND", EXIT_USAGE)
    with inside(instance, with_servers=with_servers) as env:
        return _call(command, instance.root, env)


@contextmanager
def inside(instance: Instance, *, with_servers: bool) -> Iterator[dict[str, str]]:
    """The environment of a command that speaks as the owner; servers started for it are stopped after it."""
    instance.make_folders()
    sharing = locks.Sharing(instance.run / "use.lock")
    ready = prepare(instance, with_servers=with_servers)
    try:
        yield child_environment(ready, "owner")
    finally:
        if ready.started and sharing.is_last():
            _stop(instance, ready.started)
        sharing.end()


def _stop(instance: Instance, names: Sequence[str]) -> None:
    for name in servers.ORDER:
        record = processes.read_record(instance, name) if name in names else None
        if record is not None:
            processes.stop(instance, record)


def test(root: Path, words: Sequence[str], *, with_servers: bool) -> int:
    """Run pytest; its exit code."""
    return run_inside(
        Instance(root, "test"),
        ["pytest", *(word for word in words if word != "--")],
        with_servers=with_servers,
    )


def check(root: Path, *, with_tests: bool = True) -> int:
    """Every check, also after one has failed; 1 if any has. with_tests: the fast ones too."""
    wanted = (*CHECKS, FAST_TESTS) if with_tests else CHECKS
    with inside(Instance(root, "test"), with_servers=True) as env:
        failed = [name for name, command, more in wanted if _announce(name, command, root, {**env, **more})]
    say(f"FAILED: {', '.join(failed)}" if failed else "all checks pass")
    return EXIT_FAILED if failed else 0


_PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "config.production",
    "PENUMBRA_ALLOWED_HOSTS": "penumbra.example.org",
}
_Check = tuple[str, Sequence[str], Mapping[str, str]]
CHECKS: tuple[_Check, ...] = (
    ("lint", ("ruff", "check", "."), {}),
    ("format", ("ruff", "format", "--check", "."), {}),
    ("types", ("mypy",), {}),
    ("import contracts", ("lint-imports", "--no-logo"), {}),
    (
        "production settings",
        ("python", "manage.py", "check", "--deploy", "--fail-level", "WARNING"),
        _PRODUCTION,
    ),
    ("migrations", ("python", "manage.py", "makemigrations", "--check", "--dry-run"), {}),
)
FAST_TESTS: _Check = ("fast tests", ("pytest", "-q", "-n", "0", "tests/pure", "tests/house"), {})


def _announce(name: str, command: Sequence[str], root: Path, env: Mapping[str, str]) -> bool:
    say(f"== {name}: {shlex.join(command)}")
    return _call(command, root, env) != 0


def _call(command: Sequence[str], root: Path, env: Mapping[str, str]) -> int:
    try:
        return subprocess.run(list(command), cwd=root, env=dict(env), check=False).returncode
    except FileNotFoundError as absent:
        raise Trouble(
            f"there is no program {command[0]}", "is it in requirements-dev.txt?", EXIT_USAGE
        ) from absent
