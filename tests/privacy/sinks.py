"""Side doors: everything that receives bytes while people work, read whole for the search for canaries.

A sink is a name and a way to read it. What has no sink yet does not exist: there is no outbox, no webhook, no mail and no
subscription (`test_canaries.py` holds that; whoever adds one adds its sink here).
"""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import redis

from tests.roles import read_rows

SEALED = ("ledger.ticket", "ledger.disclosure")
"""Tables outside the vault that may hold or open places: no role can read them."""
_ALL_ROWS = "SELECT row_to_json(t)::text FROM {} AS t"


def read_open_tables() -> list[bytes]:
    """Every row of every table that is not behind the fence, and of what auditors and partners may read."""
    names = read_rows(
        "SELECT oid::regclass::text FROM pg_class c WHERE relkind IN ('r', 'p', 'm')"
        " AND relnamespace::regnamespace::text IN ('public', 'release', 'ledger', 'access')"
        " AND oid::regclass::text <> ALL (%s)"
        " AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND deptype = 'e')",
        list(SEALED),
    )
    rows = []
    for (name,) in names:
        rows += [f"{name} {text}".encode() for (text,) in read_rows(_ALL_ROWS.format(name))]
    return rows


def read_redis(door: redis.Redis, pattern: str = "*") -> list[bytes]:
    """Every key that fits the pattern with all that it holds."""
    found = []
    for key in door.scan_iter(pattern, count=1000):
        found += [bytes(key), *_read_key(door, key)]
    return found


def _read_key(door: redis.Redis, key: bytes) -> list[bytes]:
    kind = bytes(door.type(key)).decode()  # type: ignore[arg-type]
    held: Any
    match kind:
        case "string":
            held = [door.get(key)]
        case "list":
            held = door.lrange(key, 0, -1)
        case "set":
            held = door.smembers(key)
        case "zset":
            held = door.zrange(key, 0, -1)
        case "hash":
            held = [part for pair in door.hgetall(key).items() for part in pair]
        case _:
            raise AssertionError(f"a key of a kind that nobody reads: {kind}")
    return [part if isinstance(part, bytes) else str(part).encode() for part in held]


@contextmanager
def all_logs() -> Iterator[StringIO]:
    """Whatever any logger says at any level, formatted as in production, and traces with it."""
    heard = StringIO()
    handler = logging.StreamHandler(heard)
    handler.setFormatter(logging.Formatter("{asctime} {levelname} {name} {message}", style="{"))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield heard
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


def read_files(folder: Path) -> list[bytes]:
    """Names and contents of every file below a folder."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [str(path.relative_to(folder)).encode() + b"\n" + path.read_bytes() for path in files]


def read_process(pid: int) -> list[bytes]:
    """Arguments and environment of a process, as others on the machine or its own user can read them."""
    folder = Path(f"/proc/{pid}")
    return [(folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()]


def dump_schemas(program: Path, database: Mapping[str, Any], *schemas: str) -> bytes:
    """What pg_dump writes of these schemas, data included. Sealed tables are left out."""

    words = [str(program), "--no-owner", "--inserts", "-U", database["USER"], "-d", database["NAME"]]
    words += [f"--schema={schema}" for schema in schemas] + [f"--exclude-table={name}" for name in SEALED]
    words += ["-h", database["HOST"]] + (["-p", str(database["PORT"])] if database["PORT"] else [])
    done = subprocess.run(
        words, env=os.environ | {"PGPASSWORD": database["PASSWORD"]}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout
