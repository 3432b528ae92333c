"""A file that is under way ends where the right to read it ends: before the next chunk, visibly, and on record (P7)."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from gunicorn.config import Config
from gunicorn.http.wsgi import default_environ
from rest_framework.test import APIClient

from accounts.ledger.connection import LedgerUnavailable
from accounts.models import User
from accounts.tokens import revoke_tokens
from monitor.api.files.writing import CONNECTION
from monitor.api.problems import Problem
from monitor.errors import StreamCut
from monitor.models import Region
from monitor.privacy.door import exports
from monitor.privacy.scope import grant_region
from monitor.services.regions import create_region
from monitor.services.releases import publish_release
from monitor.vault.tickets import read_activity_chunk_with_ticket
from tests.api.answers import assert_problem, ledger_of
from tests.api.conftest import WebClient, as_web_role
from tests.builders import cell_at, put_cells
from tests.cast import Cast, Person, make_box
from tests.chance import leave_chance_out
from tests.rights import set_posture
from tests.roles import as_role

CELLS = [cell_at(20.005 + i / 100, 2.005) for i in range(10)]
STREAMED = pytest.mark.parametrize("file_format", ["geojson", "csv", "kml", "fgb"])


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch, cast: Cast, model: UUID) -> None:
    monkeypatch.setattr(exports, "CHUNK_CELLS", 4)
    put_cells(model, CELLS)


def begin(person: Person, file_format: str, **environ: Any) -> Any:
    """An answer whose body nobody has read yet. environ: what the web server adds."""
    client = APIClient()
    client.credentials(
        HTTP_AUTHORIZATION=person.headers["authorization"],
        HTTP_ACCESS_PURPOSE=person.headers["access-purpose"],
    )
    with as_web_role():
        return client.get(f"/export/activity.{file_format}", **environ)


def read_on(answer: Any) -> tuple[bytes, bool]:
    """What comes of a body, and whether it was cut."""
    received = b""
    parts = iter(answer.streaming_content)
    with as_web_role():
        try:
            for part in parts:
                received += part
        except StreamCut:
            return received, True
    return received, False


def revoke(user: User) -> None:
    """Take all regions away."""
    user.regionuserpermission_set.all().delete()


def close(user: User) -> None:
    """Close the account."""
    User.objects.filter(id=user.id).update(is_active=False)


def demote(user: User) -> None:
    """Another role, and superuser on top."""
    User.objects.filter(id=user.id).update(role="partner", is_superuser=True)


def sign_out(user: User) -> None:
    """Every token of the account."""
    revoke_tokens(user)


def guard(user: User) -> None:
    """The posture of every region of the mandate."""
    for held in user.regionuserpermission_set.all():
        set_posture(held.content_object_id, "guarded")


def guard_a_part(user: User) -> None:
    """Another region, which lies inside: its cells leave the answer without any right of the viewer's being touched."""
    set_posture(create_region("Aruwe Mission", make_box(20.0, 2.0, 20.05, 2.05)), "guarded")


@STREAMED
@pytest.mark.parametrize("change", [revoke, close, demote, sign_out, guard, guard_a_part])
def test_what_is_taken_away_ends_the_file_before_the_next_chunk(
    cast: Cast, file_format: str, change: Callable[[User], None]
) -> None:
    whole = read_on(begin(cast.rosa, file_format))
    answer = begin(cast.rosa, file_format)  # its first chunk of four is read
    change(cast.rosa.user)
    received, is_cut = read_on(answer)
    assert is_cut
    assert not whole[1]
    assert whole[0].startswith(received)
    assert len(received) < len(whole[0]) - 100
    assert [(line.action, line.outcome, line.quantity) for line in ledger_of(answer)] == [
        ("export.activity", "refused", 4),
        ("read.activity", "answered", 4),
        ("read.activity", "refused", 0),
    ]


@STREAMED
def test_little_of_a_file_waits_for_a_slow_reader(cast: Cast, file_format: str) -> None:
    """What waits was read, and arrives although the right to it has ended since."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect(server.getsockname())
        with server.accept()[0] as connection:
            connection.setblocking(False)
            answer = begin(cast.rosa, file_format, **{CONNECTION: connection})
            assert fill(connection) < 1_000_000
            answer.close()
            # the next answer of this connection
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == 0
            assert fill(connection) > 1_000_000


def test_the_web_server_tells_of_the_connection_that_a_request_came_by() -> None:
    """Without it files would wait in the kernel again, and nothing would say so."""
    request = SimpleNamespace(body=None, method="GET", query="", uri="/export/activity.csv", version=(1, 1))
    with socket.socket() as connection:
        assert default_environ(request, connection, Config())[CONNECTION] is connection


def fill(connection: socket.socket) -> int:
    """How many bytes a connection takes in of which nobody reads any."""
    taken = 0
    with suppress(BlockingIOError):
        while True:
            taken += connection.send(bytes(65_536))
    return taken


@STREAMED
def test_one_region_of_several_that_is_taken_away_ends_the_file_too(cast: Cast, file_format: str) -> None:
    answer = begin(cast.anna, file_format)
    cast.anna.user.regionuserpermission_set.filter(content_object_id=cast.west).delete()
    assert read_on(answer)[1]
    assert not read_on(begin(cast.anna, file_format))[1]


def test_a_cut_file_cannot_be_taken_for_a_whole_one(cast: Cast) -> None:
    for file_format, check in (("geojson", json.loads), ("kml", lambda text: text.index("</kml>"))):
        answer = begin(cast.rosa, file_format)
        revoke(cast.rosa.user)
        received, _ = read_on(answer)
        with pytest.raises(ValueError):  # noqa: PT011 - not JSON, or a substring that is not found
            check(received.decode())
        grant_region(cast.rosa.user, Region.objects.get(id=cast.east))


def test_a_geopackage_whose_right_ends_while_it_is_made_does_not_leave_at_all(
    web: WebClient, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []

    def read(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == 2:
            with as_role("none"):
                revoke(cast.rosa.user)
        return read_activity_chunk_with_ticket(*args)

    monkeypatch.setattr(exports, "read_activity_chunk_with_ticket", read)
    answer = web.as_(cast.rosa).get("/export/activity.gpkg")
    problem = assert_problem(answer, 404, "not-found")
    assert "Content-Disposition" not in answer
    assert "20.0" not in json.dumps(problem)
    assert ledger_of(answer)[0].outcome == "refused"


def test_a_right_that_ends_before_the_first_chunk_is_a_404(
    web: WebClient, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the regions are looked up, then the statement finds one less
    monkeypatch.setattr(exports, "list_exact_regions", lambda viewer, region: [cast.east, cast.west])
    for file_format in ("csv", "gpkg", "fgb"):
        assert_problem(web.as_(cast.rosa).get(f"/export/activity.{file_format}"), 404, "not-found")


def test_a_ledger_that_goes_away_in_between_ends_the_file(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = begin(cast.rosa, "csv")

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise LedgerUnavailable("The ledger cannot be written at the moment, so nothing is disclosed.")

    monkeypatch.setattr("monitor.privacy.door.disclosure.open_entry", refuse)
    received, is_cut = read_on(answer)
    assert is_cut
    assert received.count(b"\n") == 5
    assert [(line.action, line.outcome, line.quantity) for line in ledger_of(answer)] == [
        ("export.activity", "failed", 4),
        ("read.activity", "answered", 4),
    ]


@pytest.mark.parametrize("name", ["rosa", "pia"])
def test_without_a_ledger_there_is_no_file(
    web: WebClient, cast: Cast, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise LedgerUnavailable("The ledger cannot be written at the moment, so nothing is disclosed.")

    monkeypatch.setattr(exports, "open_entry", refuse)
    for file_format in ("csv", "gpkg", "fgb"):
        answer = web.as_(cast.everybody()[name]).get(f"/export/activity.{file_format}")
        assert_problem(answer, 503, "ledger-unavailable")


def test_a_client_that_goes_away_leaves_a_completed_entry(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = begin(cast.rosa, "csv")
    parts = iter(answer.streaming_content)
    next(parts)
    next(parts)
    # the end of a request would close the connection in the middle of the test's transaction
    monkeypatch.setattr(connection, "close_if_unusable_or_obsolete", lambda: None)
    with as_web_role():
        answer.close()
    assert [(line.action, line.outcome, line.quantity) for line in ledger_of(answer)] == [
        ("export.activity", "failed", 4),
        ("read.activity", "answered", 4),
    ]


def test_a_fault_on_the_way_is_a_cut_without_its_text(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answer = begin(cast.rosa, "csv")

    def fail(*args: Any) -> None:
        raise RuntimeError("cell 9200 20000 at 20.005, 2.005")

    monkeypatch.setattr(exports, "read_activity_chunk_with_ticket", fail)
    _, is_cut = read_on(answer)
    assert is_cut
    assert "RuntimeError" in caplog.text
    assert "9200" not in leave_chance_out(caplog.text)
    assert ledger_of(answer)[0].outcome == "failed"


def test_a_problem_is_never_streamed(cast: Cast) -> None:
    answer = begin(cast.ines, "csv")
    assert isinstance(answer, Problem)
    publish_release(date(2026, 11, 20))
    assert begin(cast.pia, "csv").streaming
