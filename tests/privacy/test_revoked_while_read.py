"""A token that is revoked after its request was let in, and before the statement that reads, gives nothing (P7).

Real connections and real commits: another connection revokes right before a statement of the reader's is sent. Published
blocks are read as exact cells are: a list or a tile is empty, a single thing or a file is not there.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from django.db import connection

from accounts.tokens import revoke_tokens
from monitor.services.releases import publish_release
from tests.builders import put_cells
from tests.cast import Person
from tests.patience import PATIENCE_S
from tests.privacy.committed import EASTERN, Committed, start
from tests.privacy.test_revocation import client_of

LIST, TILE = "/api/v1/activity", "/tiles/activity/7/71/63.mvt"
SUMMARY, SITE = "/api/v1/regions/{east}/summary", "/api/v1/alerts/{alert}/site"
RELEASES, CERTIFICATE = "/api/v1/releases", "/api/v1/releases/{batch}/certificate"
FILES = [f"/export/activity.{file_format}" for file_format in ("geojson", "csv", "gpkg", "kml", "fgb")]
READS_BLOCKS, READS_PARTS, READS_CELLS = (
    "FROM release.block b",
    "FROM release.batch_region",
    "LATERAL vault.exact_",
)


def find_urls(world: Committed) -> dict[str, str]:
    """What stands for the names in an address; publishes a batch."""
    put_cells(world.model, EASTERN)
    batch = publish_release(date(2026, 11, 20)).batch
    return {"east": str(world.cast.east), "alert": str(world.alert.id), "batch": str(batch)}


def ask(person: Person, url: str, reads: str, revoke_before: int | None = None) -> tuple[int, bytes, int]:
    """Status and body, and how many statements of a kind were sent. revoke_before: the number of the one before which the
    token is revoked, from the last (-1) of those that a request without it sends; None for no revocation."""
    sent = 0

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal sent
        if reads in sql:
            if sent == revoke_before:
                with ThreadPoolExecutor(1) as pool:
                    start(pool, lambda: revoke_tokens(person.user)).result(PATIENCE_S)
            sent += 1
        return execute(sql, params, many, context)

    def read() -> tuple[int, bytes, int]:
        with connection.execute_wrapper(watch):
            answer: Any = client_of(person).get(url)
            return answer.status_code, answer.getvalue(), sent

    with ThreadPoolExecutor(1) as pool:
        return start(pool, read, "web").result(PATIENCE_S)


@pytest.mark.parametrize("is_last", [False, True], ids=["before the first statement", "before the last"])
@pytest.mark.parametrize(
    ("name", "url", "reads", "status"),
    [
        ("pia", LIST, READS_BLOCKS, 200),
        ("pia", TILE, READS_BLOCKS, 200),
        ("pia", SUMMARY, READS_BLOCKS, 404),
        *(("pia", url, READS_BLOCKS, 404) for url in FILES),
        ("pia", RELEASES, READS_PARTS, 200),
        ("pia", CERTIFICATE, READS_PARTS, 200),
        ("rosa", LIST, READS_CELLS, 200),
        ("rosa", TILE, READS_CELLS, 200),
        ("rosa", SITE, READS_CELLS, 404),
        *(("rosa", url, READS_CELLS, 404) for url in FILES),
    ],
)
def test_a_token_revoked_right_before_the_reading_gives_nothing(
    committed: Committed, name: str, url: str, reads: str, status: int, is_last: bool
) -> None:
    with ThreadPoolExecutor(1) as pool:
        known = start(pool, lambda: find_urls(committed)).result(PATIENCE_S)
    person, nobody = committed.cast.everybody()[name], committed.cast.mallory
    address = url.format(**known)
    before, whole, count = ask(person, address, reads)
    assert before == 200
    assert count
    after, told, _ = ask(person, address, reads, count - 1 if is_last else 0)
    assert after == status
    assert told != whole
    if status == 200:  # as to somebody who holds nothing
        empty = ask(nobody, address, reads)[1] if name == "pia" else b""
        assert told == empty if name == "pia" else len(told) < len(whole) / 2
