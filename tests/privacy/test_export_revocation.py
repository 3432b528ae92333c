"""A file that is under way ends at its next chunk (P7): real connections, real commits, in every streamed format.

A reader takes the file part by part as the web role; another connection takes something away in the middle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier, Event
from time import monotonic
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.tokens import revoke_tokens
from monitor.errors import StreamCut
from monitor.grid import Level
from monitor.models import AccessGrant, Agreement, Region
from monitor.privacy.door import exports
from monitor.services.agreements import end_agreement, make_agreement
from monitor.services.releases import publish_release
from tests.builders import cell_at, put_cells
from tests.cast import Person
from tests.patience import PATIENCE_S
from tests.privacy.committed import EASTERN, Committed, start
from tests.privacy.test_revocation import OF_REGULATORS, Change, _let_tokens_end, client_of
from tests.rights import give_grant, limit_quota, set_posture


def _take_regions(world: Committed) -> None:
    world.cast.pia.user.regionuserpermission_set.all().delete()


def _close_account(world: Committed) -> None:
    User.objects.filter(username="pia").update(is_active=False)


def _change_role(world: Committed) -> None:
    User.objects.filter(username="pia").update(role="auditor")


def _revoke_tokens(world: Committed) -> None:
    revoke_tokens(world.cast.pia.user)


def _seal(world: Committed) -> None:
    set_posture(world.cast.east, "sealed")


def _end_agreement(world: Committed) -> None:
    cast = world.cast
    end_agreement(cast.rosa.user, cast.pia.user, Region.objects.get(id=cast.east))


def _let_agreement_end(world: Committed) -> None:
    now = timezone.now()
    Agreement.objects.update(agreed_at=now - timedelta(days=2), expires_at=now)


def _agree_on_l3(world: Committed) -> None:
    cast = world.cast
    make_agreement(cast.adam.user, cast.pia.user, Region.objects.get(id=cast.east), Level.L3)


def _revoke_grants(world: Committed) -> None:
    AccessGrant.objects.update(revoked_at=timezone.now())


def _let_grants_end(world: Committed) -> None:
    AccessGrant.objects.update(expires_at=timezone.now())


OF_PARTNERS = [_take_regions, _close_account, _change_role, _revoke_tokens, _let_tokens_end, _seal]
OF_AGREEMENTS = [_end_agreement, _let_agreement_end, _agree_on_l3]
STREAMED = ("geojson", "csv", "kml", "fgb")
CELLS_A_CHUNK = 3


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "CHUNK_CELLS", CELLS_A_CHUNK)
    monkeypatch.setattr(exports, "PAGE_BLOCKS", 1)


def read_parts(person: Person, file_format: str, query: str = "") -> Iterator[bytes]:
    """The parts of a file as they are sent; nothing for a refusal. Raises StreamCut."""
    answer: Any = client_of(person).get(f"/export/activity.{file_format}{query}")
    if answer.status_code == 200:
        yield from answer.streaming_content


def take_parts(person: Person, file_format: str, between: Callable[[int], None]) -> tuple[list[bytes], bool]:
    """All parts that come, and whether the file was cut."""
    taken: list[bytes] = []
    try:
        for part in read_parts(person, file_format):
            taken.append(part)
            between(len(taken))
    except StreamCut:
        return taken, True
    return taken, False


def read_with_a_change(
    world: Committed, person: Person, file_format: str, change: Callable[[], Any]
) -> tuple[list[bytes], list[bytes], bool]:
    """Parts of the untouched file; parts that came of one in which something changed after three; whether it was cut."""
    meet = Barrier(2)

    def between(number: int) -> None:
        if number == 3:
            meet.wait(PATIENCE_S)
            meet.wait(PATIENCE_S)  # the change is committed

    def take_away() -> None:
        meet.wait(PATIENCE_S)
        with transaction.atomic():
            change()
        meet.wait(PATIENCE_S)

    with ThreadPoolExecutor(2) as pool:
        whole, was_cut = start(pool, lambda: take_parts(person, file_format, lambda _: None), "web").result(
            30
        )
        assert not was_cut
        reader = start(pool, lambda: take_parts(person, file_format, between), "web")
        start(pool, take_away).result(PATIENCE_S)
        taken, is_cut = reader.result(PATIENCE_S)
    return whole, taken, is_cut


@pytest.mark.parametrize("file_format", STREAMED)
@pytest.mark.parametrize("change", OF_REGULATORS)
def test_an_exact_file_ends_at_its_next_chunk(committed: Committed, change: Change, file_format: str) -> None:
    whole, taken, is_cut = read_with_a_change(
        committed, committed.cast.rosa, file_format, lambda: change(committed)
    )
    assert is_cut
    assert b"".join(whole).startswith(b"".join(taken))
    assert len(taken) < len(whole)


def _publish(world: Committed) -> None:
    for month in (6, 7, 8):
        put_cells(world.model, [*EASTERN, cell_at(20.305, 2.305)], observed_on=date(2026, month, 15))
    publish_release(date(2026, 11, 20))


@pytest.mark.parametrize("change", OF_AGREEMENTS)
@pytest.mark.parametrize("file_format", STREAMED)
def test_a_file_of_finer_blocks_ends_where_what_was_agreed_does(
    committed: Committed, change: Change, file_format: str
) -> None:
    """Nor does it go on at the level that is left: blocks of two levels in one file would overlap."""

    def agree() -> None:
        _publish(committed)
        cast = committed.cast
        region, until = Region.objects.get(id=cast.east), timezone.now() + timedelta(days=1)
        terms: dict[str, Any] = {"seconded_by": cast.adam.user, "reference": "MoU 2026/14", "until": until}
        make_agreement(cast.rosa.user, cast.pia.user, region, Level.L1, **terms)

    with ThreadPoolExecutor(1) as pool:
        start(pool, agree).result(PATIENCE_S)
    whole, taken, is_cut = read_with_a_change(
        committed, committed.cast.pia, file_format, lambda: change(committed)
    )
    assert is_cut
    assert b"".join(whole).startswith(b"".join(taken))
    assert len(taken) < len(whole)


@pytest.mark.parametrize("change", OF_PARTNERS)
@pytest.mark.parametrize("file_format", STREAMED)
def test_a_file_of_blocks_ends_at_its_next_page(
    committed: Committed, change: Change, file_format: str
) -> None:
    with ThreadPoolExecutor(1) as pool:
        start(pool, lambda: _publish(committed)).result(PATIENCE_S)
    whole, taken, is_cut = read_with_a_change(
        committed, committed.cast.pia, file_format, lambda: change(committed)
    )
    assert is_cut
    assert b"".join(whole).startswith(b"".join(taken))
    assert len(taken) < len(whole)


@pytest.mark.parametrize("change", [_revoke_grants, _let_grants_end])
def test_what_a_grant_opened_ends_with_it(committed: Committed, change: Change) -> None:
    def give() -> None:
        set_posture(committed.cast.east, "sealed")
        give_grant(committed.cast.rosa, committed.cast.east, 0, committed.cast.otis, committed.cast.adam)

    with ThreadPoolExecutor(1) as pool:
        start(pool, give).result(PATIENCE_S)
    whole, taken, is_cut = read_with_a_change(
        committed, committed.cast.rosa, "csv", lambda: change(committed)
    )
    assert is_cut
    assert len(taken) < len(whole)


@pytest.mark.parametrize("change", OF_REGULATORS)
def test_no_chunk_that_begins_after_the_commit_has_a_cell(committed: Committed, change: Change) -> None:
    """No meeting point: readers take files at full speed, whatever the interleaving."""
    is_over, readings = Event(), []

    def read() -> None:
        while not is_over.is_set():
            asked_at = monotonic()
            try:
                for number, part in enumerate(read_parts(committed.cast.rosa, "csv")):
                    readings.append((asked_at, part.count(b",active,")))
                    if number:  # the first chunk was read before the head was sent
                        asked_at = monotonic()
            except StreamCut:
                readings.append((asked_at, 0))
            readings.append((asked_at, 0))

    def take_away() -> float:
        while sum(cells > 0 for _, cells in list(readings)) < 8:
            assert not is_over.wait(0.005)
        with transaction.atomic():
            change(committed)
        committed_at = monotonic()
        while sum(asked_at > committed_at for asked_at, _ in list(readings)) < 5:
            assert not is_over.wait(0.005)
        is_over.set()
        return committed_at

    with ThreadPoolExecutor(3) as pool:
        readers = [start(pool, read, "web") for _ in range(2)]
        committed_at = start(pool, take_away).result(PATIENCE_S)
        for reader in readers:
            reader.result(PATIENCE_S)
    assert any(cells for asked_at, cells in readings if asked_at < committed_at)
    assert not any(cells for asked_at, cells in readings if asked_at > committed_at)


def test_files_at_once_do_not_share_the_last_cells_of_a_quota(committed: Committed) -> None:
    with ThreadPoolExecutor(1) as pool:
        start(pool, lambda: limit_quota(5)).result(PATIENCE_S)
    meet = Barrier(4)

    def read() -> tuple[set[bytes], bool]:
        meet.wait(PATIENCE_S)
        taken, is_cut = take_parts(committed.cast.rosa, "csv", lambda _: None)
        return {line for part in taken for line in part.splitlines() if b",active," in line}, is_cut

    with ThreadPoolExecutor(4) as pool:
        files = [file.result(PATIENCE_S) for file in [start(pool, read, "web") for _ in range(4)]]
    told = set().union(*(lines for lines, _ in files))
    assert len(told) == 5 < len(EASTERN)
    assert all(is_cut for lines, is_cut in files if lines)
