"""Whatever a STAC API answers, a search stays where it may go, tells what is wrong, and lets no box slip out."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from monitor.imagery import asking
from monitor.imagery.refusal import Cause, SceneRefused
from monitor.imagery.search import Found, Query, SearchFailed, search_items
from tests.oddserver import OddServer, Reply, free_port, serve

BOX = (20.123457, 2.234561, 20.345678, 2.456789)
SEARCH = "https://api.stacspec.org/v1.0.0/item-search"


@pytest.fixture
def api() -> Iterator[OddServer]:
    with serve() as server:
        server.say("/", Reply(landing(server)))
        server.say("/collections/one", Reply({"type": "Collection", "id": "one"}))
        yield server


def landing(server: OddServer, *, post: bool = True, **changes: Any) -> dict[str, Any]:
    links = [
        {"rel": "self", "href": server.address},
        {"rel": "data", "href": f"{server.address}/collections"},
        {
            "rel": "search",
            "href": f"{server.address}/search",
            "type": "application/geo+json",
            "method": "GET",
        },
    ]
    if post:
        links.append({**links[-1], "method": "POST"})
    fields = {"type": "Catalog", "id": "api", "stac_version": "1.0.0", "description": "-", "links": links}
    return {**fields, "conformsTo": ["https://api.stacspec.org/v1.0.0/core", SEARCH]} | changes


def item(name: str, date: str = "2024-01-01", **changes: Any) -> dict[str, Any]:
    assets = {"image": {"href": f"./{name}.tif", "bands": [{"eo:common_name": "red"}]}}
    fields: dict[str, Any] = {"type": "Feature", "stac_version": "1.1.0", "id": name, "collection": "one"}
    fields |= {"bbox": [20.0, 2.0, 20.1, 2.1], "geometry": None, "assets": assets, "links": []}
    return {**fields, "properties": {"datetime": f"{date}T00:00:00Z"}} | changes


def page(*features: Any, after: str | dict[str, Any] | None = None) -> Reply:
    link = {"rel": "next", "href": after} if isinstance(after, str) else after
    return Reply({"type": "FeatureCollection", "features": features, "links": [link] if link else []})


def look(server: OddServer, **more: Any) -> Found:
    return search_items(Query(server.address, **more), [server.host])


def fail(server: OddServer, **more: Any) -> str:
    with pytest.raises(SearchFailed) as caught:
        look(server, **{"bbox": BOX, **more})
    text = str(caught.value)
    assert 40 < len(text) < 300
    assert text.endswith(".")
    for number in BOX:
        assert str(number) not in text
    assert server.host not in text
    return text


# --- what is found -----------------------------------------------------------------------------------------------------


def test_items_of_all_pages_come_once_by_date_then_id(api: OddServer) -> None:
    api.say("/search", page(item("c"), item("a", "2024-03-01"), after=f"{api.address}/more"))
    api.say("/more", page(item("b"), item("c"), after="/last"))
    api.say("/last", page(item("d", "2023-01-01")))
    found = look(api)
    assert [entry.parse().item_id for entry in found.items] == ["d", "b", "c", "a"]
    assert not found.cut_off


def test_the_box_is_posted_where_the_api_takes_posts_and_stands_in_no_address(api: OddServer) -> None:
    after = {
        "rel": "next",
        "href": f"{api.address}/search",
        "method": "POST",
        "body": {"token": "x"},
        "merge": True,
    }
    api.say("/search", page(item("a"), after=after), page(item("b")))
    look(api, bbox=BOX, collections=("one",), when="2024-01/2024-02")
    first, second = (asked for asked in api.asked if asked.path == "/search")
    wanted = {"bbox": list(BOX), "collections": ["one"], "limit": 100}
    assert first.body == {**wanted, "datetime": "2024-01-01T00:00:00Z/2024-02-29T23:59:59Z"}
    assert second.body == {**first.body, "token": "x"}
    assert {asked.query for asked in api.asked} == {""}


def test_a_next_page_by_post_in_small_letters_keeps_its_body(api: OddServer) -> None:
    after = {"rel": "next", "href": "/search", "method": "post", "body": {"token": "x"}, "merge": True}
    api.say("/search", page(item("a"), after=after), page(item("b")))
    assert len(look(api, bbox=BOX).items) == 2
    first, second = (asked for asked in api.asked if asked.path == "/search")
    assert second.body == {**first.body, "token": "x"}


@pytest.mark.parametrize(
    ("said", "matched"),
    [
        ({"numberMatched": 7}, 7),
        ({"context": {"matched": 7}}, 7),
        ({}, None),
        ({"numberMatched": "many"}, None),
        ({"numberMatched": True}, None),
        ({"context": [7]}, None),
    ],
)
def test_how_many_items_the_api_says_there_are_is_told(
    api: OddServer, said: dict[str, Any], matched: int | None
) -> None:
    first = {
        "type": "FeatureCollection",
        "features": [item("a")],
        "links": [{"rel": "next", "href": "/more"}],
    }
    api.say("/search", Reply({**first, **said}))
    api.say("/more", page(item("b")))
    found = look(api)
    assert (len(found.items), found.matched) == (2, matched)


def test_an_api_that_takes_no_posts_is_asked_by_get(api: OddServer) -> None:
    api.say("/", Reply(landing(api, post=False)))
    api.say("/search", page(item("a")))
    assert len(look(api, bbox=BOX).items) == 1
    assert [asked.method for asked in api.asked] == ["GET", "GET"]
    assert "20.123457" in api.asked[1].query


@pytest.mark.parametrize("post", [True, False])
def test_a_next_page_is_as_seen_from_the_page_that_names_it(api: OddServer, post: bool) -> None:
    api.say("/", Reply(landing(api, post=post)))
    api.say("/search", page(item("a"), after="?token=x"), page(item("b"), after="more/2"))
    api.say("/more/2", page(item("c"), after="3"))
    api.say("/more/3", page(item("d")))
    assert len(look(api, bbox=BOX).items) == 4
    assert [asked.path for asked in api.asked[1:]] == ["/search", "/search", "/more/2", "/more/3"]
    assert api.asked[2].query == "token=x"


def test_an_empty_page_that_names_a_next_one_is_not_the_end(api: OddServer) -> None:
    api.say("/search", page(after="/more"))
    api.say("/more", page(item("a"), after="/gap"))
    api.say("/gap", page(after="/last"))
    api.say("/last", page(item("b"), after="/none"))
    api.say("/none", page(after="/none"))  # names itself for ever
    assert [entry.parse().item_id for entry in look(api).items] == ["a", "b"]
    assert len(api.asked) < 20


@pytest.mark.parametrize(
    ("most", "count", "cut_off"), [(1, 1, True), (2, 2, True), (3, 3, False), (9, 3, False)]
)
def test_a_search_brings_no_more_than_was_asked_for_and_says_so(
    api: OddServer, most: int, count: int, cut_off: bool
) -> None:
    api.say("/search", page(item("a"), item("b"), after="/more"))
    api.say("/more", page(item("c")))
    found = look(api, most=most)
    assert (len(found.items), found.cut_off) == (count, cut_off)


def test_what_is_no_item_is_refused_with_a_cause_and_the_rest_is_taken(api: OddServer) -> None:
    api.say(
        "/search",
        page(item("a"), 5, None, {"type": "Feature"}, {"type": "Feature", "id": "x"}, item("b", "-")),
    )
    causes = []
    for entry in look(api).items:
        try:
            entry.parse()
        except SceneRefused as refused:
            causes.append(refused.cause)
    assert sorted(causes) == sorted([Cause.MALFORMED_ITEM] * 3 + [Cause.NO_OBSERVATION_DATE] * 2)


@pytest.mark.parametrize(
    ("own", "href", "expected"),
    [
        ("{api}/collections/one/items/a", "./a.tif", "{api}/collections/one/items/a.tif"),
        ("/elsewhere/a.json", "../files/a.tif", "{api}/files/a.tif"),
        ("{api}/elsewhere/a.json", "/files/a.tif", "{api}/files/a.tif"),
        (None, "./a.tif", "{api}/collections/one/items/a.tif"),
        ("http://inner.example/a.json", "./a.tif", "{api}/collections/one/items/a.tif"),
        ("file:///srv/a.json", "./a.tif", "{api}/collections/one/items/a.tif"),
        ("{api}/a.json", "https://files.example/a.tif", "https://files.example/a.tif"),
        ("{api}/a.json", "s3://bucket/a.tif", "s3://bucket/a.tif"),
    ],
)
def test_hrefs_of_files_are_as_seen_from_the_item(
    api: OddServer, own: str | None, href: str, expected: str
) -> None:
    links = [{"rel": "self", "href": own.format(api=api.address)}] if own else []
    api.say("/search", page(item("a", links=links, assets={"image": {"href": href}})))
    (found,) = look(api).items
    assert found.parse().assets[0].href == expected.format(api=api.address)


def test_the_same_item_is_the_same_whatever_way_led_to_it(api: OddServer) -> None:
    def links(root: str) -> list[dict[str, str]]:
        own = {"rel": "self", "href": f"{api.address}/a.json"}
        return [own, {"rel": "root", "href": root}, {"rel": "derived_from", "href": "https://x.example/l1c"}]

    api.say("/search", page(item("a", links=links("/one"))), page(item("a", links=links("/two"))))
    (one,), (two,) = look(api).items, look(api).items
    assert (one.href, one.parse().document_sha256) == (two.href, two.parse().document_sha256)
    assert [link["rel"] for link in (one.document or {})["links"]] == ["derived_from"]


# --- what is wrong -----------------------------------------------------------------------------------------------------


def test_a_host_at_which_nobody_listens_is_said_to_be_out_of_reach() -> None:
    fail_text = fail(OddServer(free_port()))
    assert "cannot be reached" in fail_text


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply("<html>welcome</html>"), "no STAC API"),
        (Reply("[]"), "no STAC API"),
        (Reply({"hello": "world"}), "no STAC API"),
        (Reply({"type": "Feature", "id": "x", "stac_version": "1.0.0"}), "no STAC API"),
        (Reply("\udcff".encode("utf-8", "surrogateescape").decode("latin-1")), "no STAC API"),
        (Reply("[" * 100_000), "no STAC API"),
        (Reply(status=401), "without an account"),
        (Reply(status=404), "landing page"),
        (Reply(status=418), "HTTP 418"),
        (Reply(status=500), "fault of its own"),
        (Reply(status=302, headers={"Location": "/"}), "in a circle"),
        (Reply(silent=True), "in time"),
    ],
)
def test_what_is_no_api_is_told_as_what_it_is(
    api: OddServer, monkeypatch: pytest.MonkeyPatch, reply: Reply, said: str
) -> None:
    monkeypatch.setattr(asking, "READ_S", 1)
    api.say("/", reply)
    assert said in fail(api)


def test_a_static_catalogue_and_an_api_without_item_search_are_told_apart(api: OddServer) -> None:
    catalog = landing(api)
    del catalog["conformsTo"]
    api.say("/", Reply(catalog), Reply(landing(api, conformsTo=["https://api.stacspec.org/v1.0.0/core"])))
    assert "a catalogue of files" in fail(api)
    assert "does not offer item search" in fail(api)


def test_a_collection_that_is_not_there_is_named(api: OddServer) -> None:
    api.say("/search", page(item("a")))
    assert "no collection 'tw/o'" in fail(api, collections=("one", "tw/o"))
    assert api.asked[-1].path == "/collections/tw%2Fo"
    assert all(asked.path != "/search" for asked in api.asked)


@pytest.mark.parametrize("status", [400, 413, 422, 503])
def test_what_an_api_says_of_a_search_that_it_will_not_answer_is_not_repeated(
    api: OddServer, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(asking._RETRY, "backoff_factor", 0)
    api.say("/search", Reply({"detail": f"bbox {BOX} is not to my liking"}, status))
    assert f"HTTP {status}" in fail(api)


def test_an_api_that_stumbles_once_is_asked_again(api: OddServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking._RETRY, "backoff_factor", 0)
    api.say("/search", Reply(status=503), page(item("a")))
    assert len(look(api).items) == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply("[]"),
        Reply("nonsense"),
        Reply({"features": [item("a")], "links": [{"href": "x"}]}),
        Reply({"features": [item("a")], "links": [{"rel": "next"}]}),
        Reply({"features": [item("a")], "links": 5}),
        Reply({"code": "TooManyRequests", "description": "later"}),
        Reply({"features": None, "links": []}),
        Reply({"features": {"a": item("a")}, "links": []}),
    ],
)
def test_a_page_that_is_none_is_said_to_be_none_and_ends_no_search(api: OddServer, reply: Reply) -> None:
    api.say("/search", reply)
    assert "no page of STAC items" in fail(api)
    api.say("/search", page(item("before"), after="/more"))
    api.say("/more", reply)
    assert "no page of STAC items" in fail(api)


def test_pages_that_never_end_are_noticed(api: OddServer) -> None:
    api.say("/search", page(item("a"), item("b"), after="/search"))
    assert "again and again" in fail(api)


def test_an_answer_that_never_ends_is_cut(api: OddServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "MAX_ANSWER_BYTES", 5000)
    api.say("/search", page(*(item(f"i{number}") for number in range(100))))
    assert "far too large" in fail(api)


@pytest.mark.parametrize(
    ("bbox", "said"),
    [
        ((179.0, 0.0, -179.0, 1.0), "180 degrees"),
        ((0.0, 1.0, 1.0, 0.0), "not on earth"),
        ((0.0, 0.0, 200.0, 1.0), "not on earth"),
        ((float("nan"), 0.0, 1.0, 1.0), "not on earth"),
    ],
)
def test_a_box_that_is_none_is_never_sent(api: OddServer, bbox: Any, said: str) -> None:
    assert said in fail(api, bbox=bbox)
    assert not api.asked


@pytest.mark.parametrize("when", ["yesterday", "2024-13", "2024/2025/2026", "../..", "2024-02-30"])
def test_dates_that_are_none_are_told(api: OddServer, when: str) -> None:
    api.say("/search", page(item("a")))
    if when == "../..":
        api.say("/search", Reply(status=400))
        assert "HTTP 400" in fail(api, when=when)
    else:
        assert "dates cannot be read" in fail(api, when=when)


# --- where it goes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:1",
        "https://elsewhere.example/stac",
        "http://user:secret@{host}/",
        "http://{host}.elsewhere.example/",
        "ftp://{host}/",
        "file:///etc/hostname",
        "/etc/hostname",
        "stac",
        "http://[",
        "",
    ],
)
def test_only_an_allowed_host_is_asked(api: OddServer, address: str) -> None:
    with pytest.raises(SearchFailed):
        search_items(Query(address.format(host=api.host), bbox=BOX), [api.host])
    assert not api.asked


@pytest.mark.parametrize("way", ["landing", "collection", "search", "next", "post"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_and_no_link_leads_to_a_host_that_is_not_allowed(
    api: OddServer, way: str, status: int
) -> None:
    with serve() as inner:
        inner.say("/", Reply(landing(inner)))
        inner.say("/x", page(item("stolen")))
        away = Reply(status=status, headers={"Location": f"{inner.address}/x"})
        api.say("/search", page(item("a"), after="/more"))
        api.say("/more", page(item("b")))
        if way in ("next", "post"):
            after = {
                "rel": "next",
                "href": f"{inner.address}/x",
                "method": "POST" if way == "post" else "GET",
            }
            api.say("/search", page(item("a"), after=after))
        else:
            api.say({"landing": "/", "collection": "/collections/one", "search": "/search"}[way], away)
        assert "host that may not be asked" in fail(api, collections=("one",))
        assert not inner.asked


@pytest.mark.parametrize("href", ["file:///etc/hostname", "gopher://127.0.0.1/", "http://["])
def test_no_link_opens_anything_but_the_web(api: OddServer, href: str) -> None:
    api.say("/search", page(item("a"), after=href))
    fail(api)
    links = [{"rel": "search", "href": href, "type": "application/geo+json"}]
    api.say("/", Reply(landing(api, links=links)))
    fail(api)


def test_a_link_cannot_make_it_delete_anything(api: OddServer) -> None:
    api.say("/search", page(item("a"), after={"rel": "next", "href": "/more", "method": "DELETE"}))
    assert "was not sent" in fail(api)
    assert {asked.method for asked in api.asked} == {"GET", "POST"}


def test_a_redirect_within_the_host_is_followed_unless_it_would_lose_the_question(api: OddServer) -> None:
    api.say("/search", Reply(status=307, headers={"Location": "/moved"}))
    api.say("/moved", page(item("a")))
    assert len(look(api, bbox=BOX).items) == 1
    assert api.asked[-1].body["bbox"] == list(BOX)
    api.say("/search", Reply(status=302, headers={"Location": "/moved"}))
    assert "loses it" in fail(api)


def test_nothing_of_a_search_is_logged(api: OddServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    api.say("/", Reply(landing(api, post=False)))
    api.say("/search", page(item("a"), after="/more?bbox=20.123457,2.234561"), page(item("b")))
    api.say("/more", Reply(status=500))
    fail(api)
    with pytest.raises(SearchFailed):
        look(OddServer(free_port()), bbox=BOX)
    told = json.dumps([record.getMessage() for record in caplog.records])
    assert "20.12" not in told
    assert "bbox" not in told
