"""Room: config.local. The command line: `python3 -m config.local COMMAND`. `make` calls it; docs/operations.md explains it.

Exit codes: 0 done; 1 a step failed; 2 the command line is wrong; 3 this machine lacks something that could not be brought.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from . import checks, contract, down, environment, lock, up
from .instance import Instance
from .report import EXIT_FAILED, Trouble, say

ROOT = Path(__file__).resolve().parents[2]


def read_arguments(words: list[str]) -> argparse.Namespace:
    """The parsed command line. argparse itself leaves with code 2 on a wrong one."""
    parser = argparse.ArgumentParser(
        prog="python3 -m config.local", description="Penumbra on one Debian or Ubuntu machine."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    starting = commands.add_parser(
        "up", help="install what is missing, start everything, bring the first scenes through"
    )
    starting.add_argument(
        "--catalog", type=Path, help="a STAC catalogue to take instead of the invented country"
    )
    starting.add_argument("--labels", type=Path, help="the CSV of labelled cells that goes with it")
    starting.add_argument(
        "--imagery", type=Path, help="a folder that feeders may name files in; remembered for later calls"
    )
    commands.add_parser("down", help="stop what `up` started")
    commands.add_parser("clean-var", help="stop everything and remove var/, data included")
    servers = commands.add_parser(
        "servers", help="start PostgreSQL and Redis only, and make roles and databases"
    )
    _add_instance(servers, "live")
    showing = commands.add_parser(
        "env", help="print the environment as shell exports; starts the servers if need be"
    )
    _add_instance(showing, "test")
    showing.add_argument(
        "--role",
        choices=("owner", "web", "worker", "sealer"),
        default="owner",
        help="whom the process speaks as",
    )
    testing = commands.add_parser(
        "test", help="run pytest on private test servers; further words go to pytest"
    )
    testing.add_argument("--no-servers", action="store_true", help="for tests that need no database")
    testing.add_argument("words", nargs=argparse.REMAINDER)
    checking = commands.add_parser("check", help="lint, types, contracts, Django's own checks, fast tests")
    checking.add_argument("--no-tests", action="store_true", help="leave out the fast tests")
    commands.add_parser("lock", help="pin requirements*.in into requirements*.txt")
    running = commands.add_parser(
        "run", help="run a command in the environment, as the owner of the database"
    )
    _add_instance(running, "test")
    running.add_argument("--no-servers", action="store_true", help="do not start the servers")
    running.add_argument("words", nargs=argparse.REMAINDER)
    return parser.parse_args(words)


def _add_instance(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--instance", choices=("live", "test"), default=default, help=f"which servers (default: {default})"
    )


def carry_out(asked: argparse.Namespace) -> int:
    """Do what was asked; the exit code."""
    environment.check_python()
    if asked.command == "up":
        return up.bring_up(ROOT, asked.catalog, asked.labels, asked.imagery)
    if asked.command == "down":
        return down.take_down(ROOT)
    if asked.command == "clean-var":
        return down.clean(ROOT)
    if asked.command == "lock":
        return lock.lock(ROOT)
    if asked.command == "check":
        return checks.check(ROOT, with_tests=not asked.no_tests)
    if asked.command == "test":
        return checks.test(ROOT, asked.words, with_servers=not asked.no_servers)
    instance = Instance(ROOT, asked.instance)
    if asked.command == "servers":
        return checks.start_servers(instance)
    if asked.command == "env":
        return checks.print_environment(instance, asked.role)
    return checks.run_inside(instance, asked.words, with_servers=not asked.no_servers)


def main() -> int:
    """Carry out the command line; a trouble is told in two lines, cause and mend."""
    contract.forget_exports(os.environ)
    os.umask(0o022)  # var/ must stay open to the servers' users; what is private in it is closed one by one
    try:
        return carry_out(read_arguments(sys.argv[1:]))
    except Trouble as trouble:
        say(f"\nFAILED: {trouble.cause}\n  mend: {trouble.mend}")
        return trouble.code
    except KeyboardInterrupt:
        say("\ninterrupted; `make down` stops what runs")
        return EXIT_FAILED


if __name__ == "__main__":
    raise SystemExit(main())
