"""config.env: what the environment says is taken as it is meant, or refused with the variable's name."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.env import MOST_PROBES, read_folders, read_hosts, read_number, read_redis, read_secret

NAME = "PENUMBRA_TRIED"
ROOT = Path(__file__).resolve().parents[2]


def read_share(name: str) -> int:
    """A number that has a greatest and may be none."""
    return read_number(name, 90, least=0, most=100)


def read_days(name: str) -> int:
    """A number as most are."""
    return read_number(name, 90)


def read_counters(name: str) -> str:
    """A Redis on a network or a socket."""
    return read_redis(name, ("redis", "unix"))


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (read_days, "1", 1),
        (read_days, "2147483647", 2147483647),
        (read_share, "0", 0),
        (read_share, "100", 100),
        (read_folders, "/a:/b", [Path("/a"), Path("/b")]),
        (read_folders, "", []),
        (
            read_hosts,
            "Stac.Example.org, stac.example.org:8443, [::1]:8080",
            ["stac.example.org", "stac.example.org:8443", "[::1]:8080"],
        ),
        (read_counters, "unix:///run/redis.sock?db=0", "unix:///run/redis.sock?db=0"),
        (read_counters, "redis://:secret@[::1]:6379/0", "redis://:secret@[::1]:6379/0"),
    ],
)
def test_what_is_meant_is_taken(
    read: Callable[[str], Any], text: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NAME, text)
    assert read(NAME) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (read_days, "0"),
        (read_days, "-5"),
        (read_days, "2147483648"),
        (read_days, "9" * 5000),
        (read_days, "soon"),
        (read_share, "101"),
        (read_share, "-1"),
        (read_folders, "/a:scenes"),
        (read_hosts, "https://stac.example.org"),
        (read_hosts, "stac.example.org/v1"),
        (read_hosts, "*.example.org"),
        (read_hosts, "stac.example.org other.example.org"),
        (read_counters, "localhost:6379"),
        (read_counters, ""),
        (read_counters, "redis://localhost:sixty"),
        (read_counters, "redis://localhost:70000/0"),
        (read_counters, "redis://[::1/0"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(
    read: Callable[[str], Any], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NAME, text)
    with pytest.raises(ImproperlyConfigured, match=NAME):
        read(NAME)


def test_a_secret_that_is_no_text_is_refused_by_name_and_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"\xff\xfe")
    monkeypatch.setenv(f"{NAME}_FILE", str(file))
    with pytest.raises(ImproperlyConfigured, match=NAME) as caught:
        read_secret(NAME)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("command", "name", "text", "bounds"),
    [
        ("check", "PENUMBRA_TOKEN_DAYS", "0", "1 to 36500"),
        ("migrate", "PENUMBRA_TOKEN_DAYS", "0", "1 to 36500"),
        ("make_account", "PENUMBRA_TOKEN_DAYS", "0", "1 to 36500"),
        # with more no connection over a network is made
        ("check", "PENUMBRA_DB_TIMEOUT_S", "128", "1 to 127"),
        ("check", "PENUMBRA_LEDGER_TIMEOUT_S", "128", "1 to 127"),
    ],
)
def test_a_command_under_wrong_settings_names_the_variable_in_one_line(
    command: str, name: str, text: str, bounds: str
) -> None:
    run = subprocess.run(
        [sys.executable, ROOT / "manage.py", command],
        env=os.environ | {name: text},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == f"manage.py: error: {name} must be a whole number from {bounds}.\n"


def test_the_kernel_takes_the_greatest_bound_of_a_connection() -> None:
    with socket.socket() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, MOST_PROBES)
        with pytest.raises(OSError, match="Invalid"):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, MOST_PROBES + 1)
