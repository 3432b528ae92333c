"""Canaries: after people, machines and faults have done their work, no side door has received an exact place."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.db import connection

from tests.builders import make_model, put_cells
from tests.cast import make_cast
from tests.house.source import PACKAGES, ROOT, parse
from tests.privacy.canaries import find_canaries, write_canaries
from tests.privacy.leaks import LEAKY_BUILDS, LeakyBuild
from tests.privacy.working_day import CANARIES, SITE, watch_a_day
from tests.roles import read_rows

pytestmark = pytest.mark.django_db
BUILDS = [build for build in LEAKY_BUILDS if build.net == "canaries"]
MAIL_AND_THE_LIKE = (
    "django.core.mail",
    "smtplib",
    "urllib.request",
    "http.client",
    "import requests",
    "httpx",
)


def search(received: dict[str, list[bytes]]) -> list[str]:
    """What the canaries find in any of the sinks."""
    return [line for sink, contents in received.items() for line in find_canaries(CANARIES, sink, contents)]


def test_no_side_door_receives_an_exact_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    received = watch_a_day(monkeypatch, tmp_path)
    assert len([message for message in received["messages"] if b"tasks." in message]) == 2
    # nothing is left in temporary files; all other sinks have something to search
    assert [name for name, contents in received.items() if not any(contents)] == ["temporary files"]
    assert search(received) == []


@pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.name.replace(" ", "-"))
def test_a_leaky_side_door_is_caught(
    build: LeakyBuild, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with connection.cursor() as cursor:
        if build.statement is not None:
            cursor.execute(build.statement)
    build.break_code(monkeypatch)
    told = search(watch_a_day(monkeypatch, tmp_path, watched=["pia"]))
    assert any(line.startswith(f"{build.pair}:") for line in told), f"nobody noticed that {build.name}"


def test_every_sink_has_a_leaky_build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The positive control of each sink: a place that is put into it is found in it."""
    assert {build.pair for build in BUILDS} == set(watch_a_day(monkeypatch, tmp_path, watched=["pia"]))


NO_SINK = ("config/local/", "accounts/ledger/witnessing.py", "monitor/imagery/asking.py")
"""What starts the service and asks whether it is up; what shows witnesses a checkpoint, which is numbers and hashes; what
tells a STAC API the box that an operator types, and can know no other (see the next test)."""
MAY_SEARCH = {
    "monitor/imagery/search.py": {"monitor.imagery.asking"},
    "monitor/services/ingestion.py": {"monitor.imagery.search"},
    "monitor/management/commands/search_scenes.py": {"monitor.imagery.search"},
}


def test_there_is_no_outbox_webhook_mail_or_subscription() -> None:
    """So none of them is among the sinks. Whoever adds one adds it to tests/privacy/sinks.py, and its leaky build."""
    sources = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    sending = [
        path.relative_to(ROOT).as_posix()
        for path in sources
        if any(word in path.read_text(encoding="utf-8") for word in MAIL_AND_THE_LIKE)
    ]
    assert [path for path in sending if not path.startswith(NO_SINK)] == []
    tables = {
        name for (name,) in read_rows("SELECT tablename FROM pg_tables WHERE schemaname <> 'pg_catalog'")
    }
    assert not [name for name in tables if any(word in name for word in ("outbox", "webhook", "subscri"))]


def test_nothing_but_an_operators_command_can_search_a_stac_api() -> None:
    """A search tells another service where somebody looks, so no request, task or sweep may cause one."""
    asking, finding = {"monitor.imagery.asking", "monitor.imagery.search"}, {"find_scenes", "search_items"}
    found = {}
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        imports = [node for node in ast.walk(parse(path)) if isinstance(node, ast.ImportFrom)]
        used = {node.module for node in imports if node.module in asking}
        if used:
            found[path.relative_to(ROOT).as_posix()] = used
        if finding & {alias.name for node in imports for alias in node.names}:
            assert path.relative_to(ROOT).as_posix() in MAY_SEARCH
    assert found == MAY_SEARCH


def test_a_running_statement_shows_none_of_its_values(db: None) -> None:
    """What the server lists as running, or logs as slow, is the statement without what it asks for (LC-35)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT query, %s::integer FROM pg_stat_activity WHERE pid = pg_backend_pid()", [20007]
        )
        assert cursor.fetchone() == (
            "SELECT query, $1::integer FROM pg_stat_activity WHERE pid = pg_backend_pid()",
            20007,
        )


@pytest.mark.parametrize(
    "content",
    [
        b'{"row":9213,"col":20007}',
        b"(20007, 9213)",
        b"cell 331688007 failed",
        b"at 20.0712 east",
        b"[2.13,",
        b"POINT(20.075 0)",
        b"20075000",
        b"20\xc2\xb004'30",
        b"20 04 30",
        b"20d4.5m",
        b"tile 16/36422/32379",
        b'{"z":14,"x":9105,"y":8094}',
        b"quadkey 1222333003222132",
        b"geohash s2qk0u",
        b"AAAA\x33\x33\x33\x33\x33\x13\x34\x40",
        b"0101000020E61000003333333333133440",
        b"34N CH 9713 3601",
        b"easting 397137.15, northing 236013.68",
        b"886ab10a0dfffff",
        b"eyJsb24iOiAyMC4wNzUsICJsYXQiOiAyLjEzNX0=",
        rb"'\x" + b'{"canonical": "line", "row": 9213, "col": 20007}'.hex().encode(),
        b"{" + b"a ticket for cell 331688007".hex().encode() + b"}",
    ],
)
def test_the_search_finds_what_it_looks_for(content: bytes) -> None:
    assert find_canaries(write_canaries(9213, 20007), "test", [content])


@pytest.mark.parametrize(
    "content",
    [
        b"2026-11-20T09:45:20.073412Z",
        b"320.07",
        b"920007",
        b"9213",
        b'{"row":460,"col":1000}',
        b"[20,2,20.2,2.2]",
        b"20075000-4030-4f8c-a40e-35a7749f5942",
        b"{c893bb80b605f4388d07227b20075000a4030e4f}",
    ],
)
def test_the_search_is_silent_on_what_is_no_place(content: bytes) -> None:
    assert find_canaries(write_canaries(9213, 20007), "test", [content]) == []


def test_the_search_would_find_the_place_in_the_vault(db: None) -> None:
    """The positive control: what is searched for is there, behind the fence."""
    put_cells(make_model(make_cast().anna.user), SITE)
    rows = [text.encode() for (text,) in read_rows("SELECT row_to_json(s)::text FROM vault.cell_state s")]
    assert find_canaries(CANARIES, "vault", rows)
