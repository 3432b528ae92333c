"""Asking: HTTP to a STAC API, to the hosts that the installation allows and to no other.

Room `imagery`, pure. Every request passes one gate, whoever caused it: the search, a redirect, or a link of an answer.
A search holds a box that somebody looks at, so no error and no log of this file holds an address, a parameter or
anything that a server answered. Imports nothing of the project.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from pystac.link import HREF, Link
from pystac_client.stac_api_io import StacApiIO
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

CONNECT_S, READ_S = 10.0, 60.0
"""Seconds to wait for a connection, and for the next bytes of an answer."""
MAX_ANSWER_BYTES = 64 * 2**20
NO_ADDRESS = "What the API gives as an address is none. Tell its operator."
_RETRY = Retry(
    total=2,
    read=False,  # an answer that began is not waited for twice
    backoff_factor=0.5,
    status_forcelist=(429, 502, 503, 504),
    allowed_methods=None,  # a search changes nothing, so it may be asked twice by POST too
    raise_on_status=False,
    respect_retry_after_header=False,
)
_SAID = {
    400: "calls the search malformed. Check the collections, the box and the dates",
    401: "wants to know who asks. Searches are made without an account: choose an API that is open",
    403: "does not answer this machine. Searches are made without an account: choose an API that is open",
    404: "has nothing at that address. Give the address of its landing page",
    405: "does not answer this kind of question. Give the address of its landing page",
    413: "calls the search too large. Ask for fewer collections or a smaller box",
    429: "asks for patience: too many questions. Try again later",
}

# both write the address of a search, and so its box, at a level that a careful installation may still show
for _name in ("urllib3", "pystac_client"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


class SearchFailed(Exception):
    """A search brought nothing. The text names cause and mend, and neither address nor box: it is fit for a log.

    status: the HTTP status of the answer, where there was one.
    """

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


class ApiIO(StacApiIO):
    """How pystac-client speaks to one API: bounded in hosts, methods, time and size."""

    def __init__(self, address: str, hosts: Collection[str]) -> None:
        """address: of the landing page. hosts: names (with a port, where it is not the usual one) that may be asked."""
        super().__init__(max_retries=None)
        self._address = address
        self._answered = address
        self._limits = (CONNECT_S, READ_S)
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, _Gate(frozenset(host.lower() for host in hosts)))

    def read_text(self, source: HREF, *args: Any, **kwargs: Any) -> str:
        """The text at an address or link. Never a file of this machine, which the library would open.

        A relative link, such as `?token=...`, is as seen from the answer that came last, the page that it stands in.
        """
        if isinstance(source, Link):
            try:
                source.target = urljoin(self._answered, source.get_href(transform_href=False) or "")
            except ValueError:
                raise SearchFailed(NO_ADDRESS) from None
            text: str = super().read_text(source, *args, **kwargs)
            return text
        return self.request(str(source), *args, **kwargs)

    def request(
        self,
        href: str,
        method: str | None = None,
        headers: Mapping[str, str] | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> str:
        """The text of one answer. href: may be relative to the landing page. Raises SearchFailed.

        headers that a link of an answer asks for are not sent: one of them could lead the request elsewhere.
        """
        verb = (method or "GET").upper()
        if verb not in ("GET", "POST"):
            raise SearchFailed("The API asks for a request that could change something. It was not sent.")
        asked, body = (None, dict(parameters or {})) if verb == "POST" else (dict(parameters or {}), None)
        try:
            address = urljoin(self._address, href)
            with self.session.request(
                verb, address, params=asked, json=body, timeout=self._limits, stream=True
            ) as response:
                _check_answer(response, verb)
                self._answered = response.url
                return _read_bounded(response)
        except requests.exceptions.RequestException as error:
            raise SearchFailed(_explain(error)) from None
        except (ValueError, UnicodeError):
            raise SearchFailed(NO_ADDRESS) from None


class _Gate(HTTPAdapter):
    """Sends a request only where it may go."""

    def __init__(self, hosts: frozenset[str]) -> None:
        super().__init__(max_retries=_RETRY)
        self._hosts = hosts

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send, unless the host may not be asked: redirects come this way too. Raises SearchFailed."""
        check_host(request.url or "", self._hosts)
        return super().send(request, *args, **kwargs)


def check_host(address: str, hosts: Collection[str]) -> None:
    """Raises SearchFailed unless the address is http or https at one of the hosts, without a user or a password."""
    try:
        parts = urlsplit(address)
    except ValueError:
        raise SearchFailed("That is not an address. Give one that begins with https://.") from None
    if parts.scheme not in ("http", "https"):
        raise SearchFailed("That is not an address of an API. Give one that begins with https://.")
    if parts.netloc.lower() not in hosts:
        raise SearchFailed(
            "The API, or an address that it leads to, is on a host that may not be asked. Hosts are named in"
            " PENUMBRA_IMAGERY_HOSTS; name the port too where it is not the usual one."
        )


def _check_answer(response: requests.Response, verb: str) -> None:
    status = response.status_code
    if response.history and response.request.method != verb:
        raise SearchFailed(
            "The API redirects the search in a way that loses it. Give the address that it redirects to."
        )
    if status != 200:
        fault = "has a fault of its own. Try again later" if status >= 500 else "gives no answer to that"
        raise SearchFailed(f"The API {_SAID.get(status, fault)} (HTTP {status}).", status)


def _read_bounded(response: requests.Response) -> str:
    read = bytearray()
    for part in response.iter_content(2**16):
        read += part
        if len(read) > MAX_ANSWER_BYTES:
            raise SearchFailed("An answer of the API is far too large. Ask for smaller pages.")
    return read.decode("utf-8")


def _explain(error: requests.exceptions.RequestException) -> str:
    """The kind of failure in words; the error's own text holds the address and is dropped."""
    kinds = requests.exceptions
    if isinstance(error, kinds.Timeout):
        return "The API did not answer in time. Try again later, or ask for less."
    if isinstance(error, kinds.SSLError):
        return "The API's certificate cannot be trusted. Check the address, and the certificates of this machine."
    if isinstance(error, kinds.TooManyRedirects):
        return "The API redirects in a circle. Give the address of its landing page."
    if isinstance(error, kinds.ProxyError):
        return "The proxy on the way to the API cannot be reached. Check this machine's proxy settings."
    if isinstance(error, kinds.ChunkedEncodingError | kinds.ContentDecodingError):
        return "An answer of the API broke off. Try again."
    if isinstance(error, kinds.ConnectionError):
        return "The API cannot be reached. Check its address and this machine's network."
    return "What the API gives as an address is none. Check the address of its landing page."
