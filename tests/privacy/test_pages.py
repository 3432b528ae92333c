"""Pages: a cursor belongs to one viewer and question, tells nothing, and opens nothing that has been shut since."""

from __future__ import annotations

import base64
from datetime import date
from typing import Any

import pytest

from monitor.models import RegionUserPermission
from monitor.services.releases import publish_release
from tests.api.conftest import WebClient
from tests.builders import Cell, make_model, put_cells
from tests.cast import Cast, make_cast
from tests.privacy.canaries import find_canaries, write_canaries

URL = "/api/v1/activity"
TODAY = date(2026, 11, 20)
CELLS: list[Cell] = [(9213, 20007), (9213, 20027), (9233, 20007), (9233, 20027)]
"""One in each block of the east."""


@pytest.fixture
def cast(db: None) -> Cast:
    """Everybody, and a release with a row for each block of the east."""
    cast = make_cast()
    put_cells(make_model(cast.anna.user), CELLS)
    publish_release(TODAY)
    return cast


def begin(cast: Cast, name: str, query: str = "limit=1") -> tuple[WebClient, dict[str, Any]]:
    """The first page of one cell or block."""
    client = WebClient().as_(cast.everybody()[name])
    page = client.get(f"{URL}?{query}").json()
    assert len(page["features"]) == 1
    return client, page


def code_of(answer: Any) -> str:
    """The problem's code, "" for an answer."""
    return str(answer.json().get("code", ""))


def test_a_page_begun_before_a_new_batch_is_read_to_its_end_in_the_old_one(cast: Cast) -> None:
    client, page = begin(cast, "pia")
    publish_release(TODAY)
    seen = 1
    while page["next"]:
        following = client.get(page["next"]).json()
        assert following["release"] == page["release"]
        seen += len(following["features"])
        page = following
    assert seen == len(CELLS)


def test_after_the_second_batch_the_old_one_cannot_be_read_any_more(cast: Cast) -> None:
    client, page = begin(cast, "pia")
    publish_release(TODAY)
    publish_release(TODAY)
    assert code_of(client.get(page["next"])) == "cursor-unusable"


@pytest.mark.parametrize(("name", "thief"), [("pia", "paul"), ("rosa", "anna"), ("anna", "rosa")])
def test_a_cursor_is_worth_nothing_to_anybody_else(cast: Cast, name: str, thief: str) -> None:
    _, page = begin(cast, name)
    assert code_of(WebClient().as_(cast.everybody()[thief]).get(page["next"])) == "cursor-unusable"


@pytest.mark.parametrize(
    ("name", "query"),
    [("pia", "bbox=20,2,20.2,2.2"), ("pia", "period=2026-09"), ("pia", "level=L3"), ("rosa", "bbox=20,2,20.2,2.2"),
     ("rosa", "state=quiet"), ("rosa", "class=artisanal"), ("rosa", "since=2026-01-01"), ("rosa", "min_probability=0.1")],
)  # fmt: skip
def test_a_cursor_is_worth_nothing_for_another_question(cast: Cast, name: str, query: str) -> None:
    client, page = begin(cast, name)
    assert code_of(client.get(f"{page['next']}&{query}")) == "cursor-unusable"


@pytest.mark.parametrize("position", [0, 7, 20])
def test_a_changed_cursor_is_refused(cast: Cast, position: int) -> None:
    client, page = begin(cast, "rosa")
    head, _, cursor = page["next"].partition("cursor=")
    changed = list(cursor)
    changed[position] = "A" if changed[position] != "A" else "B"
    assert code_of(client.get(f"{head}cursor={''.join(changed)}")) == "cursor-unusable"


@pytest.mark.parametrize("name", ["rosa", "pia"])
def test_a_cursor_is_written_in_one_way_only(cast: Cast, name: str) -> None:
    """The last letter of Base64 can hold bits that nothing reads."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    client, page = begin(cast, name)
    address, last = page["next"][:-1], page["next"][-1]
    answers = {letter: client.get(address + letter).status_code for letter in letters}
    assert [letter for letter, status in answers.items() if status == 200] == [last]


def test_an_exact_cursor_does_not_tell_the_cell_it_stands_at(cast: Cast) -> None:
    _, page = begin(cast, "rosa")
    cursor = page["next"].partition("cursor=")[2]
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    canaries = [canary for cell in CELLS for canary in write_canaries(*cell)]
    assert find_canaries(canaries, "cursor", [cursor.encode(), raw]) == []


@pytest.mark.parametrize("name", ["pia", "rosa"])
def test_what_was_revoked_between_two_pages_is_not_on_the_second(cast: Cast, name: str) -> None:
    client, page = begin(cast, name)
    RegionUserPermission.objects.filter(user=cast.everybody()[name].user).delete()
    following = client.get(page["next"])
    assert (following.status_code, following.json()["features"]) == (200, [])
