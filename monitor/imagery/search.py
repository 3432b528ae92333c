"""Search: the items that a STAC API finds, as a walk through a catalogue would give them.

Room `imagery`, pure. What comes out is what `catalog.walk_items` gives: documents as they were found, in the order of
observation, and what is no item is one that is refused. The box of a search leaves in the request alone. May import
`asking`, `catalog`, `fields` and `refusal`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin

from pystac import Link, STACError
from pystac_client import Client, ItemSearch
from pystac_client.conformance import ConformanceClasses
from pystac_client.errors import ClientTypeError
from pystac_client.exceptions import APIError

from monitor.imagery.asking import ApiIO, SearchFailed, check_host
from monitor.imagery.catalog import CatalogItem
from monitor.imagery.fields import read_list, read_mapping, read_text

__all__ = ["MOST_ITEMS", "PAGE", "Found", "Query", "SearchFailed", "search_items"]

MOST_ITEMS = 10_000
PAGE = 100
"""Items asked for at once."""
MOST_EMPTY = 5
"""Empty pages in a row that are turned while they name a next one; some APIs name one for ever."""
_NAVIGATION = frozenset(
    ("self", "root", "parent", "collection", "child", "item", "items", "next", "prev", "previous")
)
"""Links by which a server finds its way: they change with the address and the question, the item does not."""
_MALFORMED = (
    STACError, APIError, ClientTypeError, KeyError, TypeError, ValueError, AttributeError, RecursionError,
)  # fmt: skip
"""What the libraries raise at an answer that is not as the specification has it."""

Progress = Callable[[int], None]
"""Called with how many items were found so far."""


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for.

    address: of the API's landing page. collections: their ids; none for all. bbox: west, south, east, north in
    degrees, an exact thing that stays in the request. when: a moment or an interval as STAC writes it, such as
    2024-03 or 2024-01-01/2024-06-30 or 2024-01-01/.. . most: items at most.
    """

    address: str
    collections: tuple[str, ...] = ()
    bbox: tuple[float, float, float, float] | None = None
    when: str | None = None
    most: int = MOST_ITEMS


@dataclass(frozen=True, slots=True)
class Found:
    """What a search brought: items by date, then id, and whether it was cut off at `Query.most`.

    matched: how many items the API says there are, None where it does not say; an API that ends early gives fewer.
    """

    items: tuple[CatalogItem, ...]
    cut_off: bool
    matched: int | None = None


def search_items(query: Query, hosts: Collection[str], progress: Progress | None = None) -> Found:
    """Ask an API page by page. hosts: that may be asked, exact names. Raises SearchFailed, whatever goes wrong."""
    names = frozenset(host.lower() for host in hosts)
    check_host(query.address, names)
    _check_box(query.bbox)
    io = ApiIO(query.address, names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what an API lacks is said below, or does not matter
        client = _open(query.address, io)
        _check_collections(client, io, query)
        items: dict[tuple[str, str], CatalogItem] = {}
        matched: int | None = None
        for page in _turn_pages(client, io, query):
            known = len(items)
            matched = page.matched if matched is None else matched
            for feature in page.features:
                item = _take_item(feature, query.address, names)
                items.setdefault(_identify(item, len(items)), item)
            if len(items) == known:
                raise SearchFailed("The API gives the same page again and again. Tell its operator.")
            if progress is not None:
                progress(min(len(items), query.most))
            if len(items) > query.most:
                break
    kept = list(items.values())[: query.most]
    return Found(tuple(sorted(kept, key=lambda item: item.sort_key)), len(items) > len(kept), matched)


def _check_box(bbox: tuple[float, float, float, float] | None) -> None:
    """The numbers are not repeated: whoever typed them knows them, and nobody else should."""
    if bbox is None:
        return
    west, south, east, north = bbox
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise SearchFailed("The box is not on earth. Give west, south, east, north in degrees.")
    if west > east:
        raise SearchFailed("The box crosses 180 degrees of longitude. Search each side by itself.")


def _open(address: str, io: ApiIO) -> Any:
    try:
        client = Client.open(address, stac_io=io)
        can_search = client.conforms_to(ConformanceClasses.ITEM_SEARCH)
        states_conformance = client.has_conforms_to()
    except _MALFORMED:
        raise SearchFailed(
            "What is at that address is no STAC API. Give the address of the API's landing page."
        ) from None
    if not states_conformance:
        raise SearchFailed(
            "That address is a catalogue of files, not an API. Copy it to this machine and give it to 'ingest'."
        )
    if not can_search:
        raise SearchFailed(
            "The API does not offer item search (its conformance says so). Choose another, or copy its"
            " catalogue to this machine and give it to 'ingest'."
        )
    return client


def _check_collections(client: Any, io: ApiIO, query: Query) -> None:
    """A search in a collection that is not there brings nothing, in silence; so it is asked for by name."""
    listing = next((link.href for link in client.links if link.rel == "data"), None)
    if not isinstance(listing, str):
        return  # an API without a list of collections cannot be asked
    for name in query.collections:
        address = f"{urljoin(query.address, listing).rstrip('/')}/{quote(name, safe='')}"
        try:
            io.request(address)
        except SearchFailed as error:
            if error.status != 404:
                raise
            raise SearchFailed(f"The API has no collection {name[:60]!r}. Check its name.", 404) from None


@dataclass(frozen=True, slots=True)
class _Page:
    """A page that has features. matched: of the whole search, as the page says, or None."""

    features: list[Any]
    matched: int | None


def _turn_pages(client: Any, io: ApiIO, query: Query) -> Iterator[_Page]:
    """Pages with features; by POST where it is offered, so that the box stands in no address that a proxy keeps."""
    methods = {str(link.extra_fields.get("method")).upper() for link in client.links if link.rel == "search"}
    try:
        search = client.search(
            method="POST" if "POST" in methods else "GET",
            collections=list(query.collections) or None,
            bbox=query.bbox,
            datetime=query.when,
            limit=min(PAGE, query.most + 1),
        )
    except Exception:  # noqa: BLE001 - the library raises bare ones, with the words that were typed
        raise SearchFailed(
            "The dates cannot be read. Give a moment or an interval, such as 2024-03 or 2024-01-01/2024-06-30."
        ) from None
    try:
        yield from _walk_pages(io, search)
    except _MALFORMED:
        raise SearchFailed("An answer of the API is no page of STAC items. Tell its operator.") from None


def _walk_pages(io: ApiIO, search: ItemSearch) -> Iterator[_Page]:
    """Each page that has features. Not the library's own walk, to which an answer without features is the end:
    a fault that came with status 200 as well. Raises one of _MALFORMED."""
    asked = search.get_parameters()
    page = io.read_json(search.url, method=search.method, parameters=asked)
    empty = 0
    while True:
        features = page["features"]
        if not isinstance(features, list):
            raise TypeError("a page without a list of features")
        if features:
            yield _Page(features, _read_matched(page))
        empty = 0 if features else empty + 1
        following = next((link for link in page.get("links", []) if link["rel"] == "next"), None)
        if following is None or empty == MOST_EMPTY:
            return
        if isinstance(method := following.get("method"), str):
            following = {**following, "method": method.upper()}  # the library drops the body of a `post`
        page = io.read_json(Link.from_dict(following), parameters=asked)


def _read_matched(page: Mapping[str, Any]) -> int | None:
    """`numberMatched` of a page, or what stood in its place in earlier versions."""
    told = page.get("numberMatched", read_mapping(page.get("context")).get("matched"))
    return told if isinstance(told, int) and not isinstance(told, bool) and told >= 0 else None


def _take_item(feature: Any, address: str, hosts: frozenset[str]) -> CatalogItem:
    """The item as it was found, but for the links that are the server's own. What is no object is refused later."""
    fields = read_mapping(feature)
    links = [
        link for link in read_list(fields.get("links")) if read_mapping(link).get("rel") not in _NAVIGATION
    ]
    document = {**fields, "links": links} if "links" in fields else dict(fields)
    return CatalogItem(_find_address(fields, address, hosts), document)


def _find_address(fields: Mapping[str, Any], address: str, hosts: frozenset[str]) -> str:
    """Where the item is, for its relative hrefs: its own word for it, if that is on a host that may be asked."""
    for entry in read_list(fields.get("links")):
        link = read_mapping(entry)
        href = read_text(link.get("href"))
        if link.get("rel") == "self" and href is not None:
            try:
                own = urljoin(address, href)
                check_host(own, hosts)
            except (SearchFailed, ValueError):
                break
            return own
    names = [quote(read_text(fields.get(key)) or "-", safe="") for key in ("collection", "id")]
    return f"{address.rstrip('/')}/collections/{names[0]}/items/{names[1]}"


def _identify(item: CatalogItem, position: int) -> tuple[str, str]:
    """By which an item is met once only; one without an id is like no other."""
    fields = read_mapping(item.document)
    name = read_text(fields.get("id"))
    return (read_text(fields.get("collection")) or "", name) if name else ("", f"\x00{position}")
