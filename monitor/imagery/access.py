"""Access: which files and hosts an item may name, decided before GDAL sees a single byte of an address.

Room `imagery`, pure. An item may be handed in by a machine account, so its addresses are not trusted: GDAL would open
`/vsicurl/...`, `/vsizip/...` or any file of the server. May import `refusal` alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from string import hexdigits
from urllib.parse import SplitResult, unquote, urlsplit

from monitor.imagery.refusal import Cause, SceneRefused

_FUNCTIONS = {
    "d50110": "md5",
    "1114": "sha1",
    "1220": "sha256",
    "1340": "sha512",
    "1620": "sha3_256",
    "1440": "sha3_512",
}
"""Prefixes of multihashes, with the function's name; the last two digits are the digest's length in bytes."""
_BARE = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}
"""Functions by their number of hex digits, where an item states the digest alone."""


@dataclass(frozen=True, slots=True)
class AssetAccess:
    """Where the files of a scene may be.

    roots: local files are read below these folders only; None means the folder of the item itself, if that is local.
    hosts: network hosts that may be asked (exact names); none unless told. buckets: object-storage buckets likewise.
    A host that is allowed is trusted to redirect.
    """

    roots: tuple[Path, ...] | None = None
    hosts: frozenset[str] = frozenset()
    buckets: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Located:
    """An address that may be opened: its form for GDAL, and the file itself if it is a local one."""

    gdal_path: str
    local: Path | None


def locate_asset(href: str, base_href: str, access: AssetAccess) -> Located:
    """Turn the resolved address of an asset into one that GDAL may open.

    href: a local path, or a file, http, https or s3 address. base_href: where the item came from. Raises
    SceneRefused(ASSET_FORBIDDEN), or ASSET_MISSING for a local file that is not there.
    """
    parts = _split(href)
    if parts.scheme in ("http", "https"):
        # the name alone: no user, no password, no port that could reach another service of that host
        if parts.netloc.lower() not in access.hosts:
            raise _forbidden("its host is not among those that may be asked")
        return Located(f"/vsicurl/{href}", None)
    if parts.scheme == "s3":
        if parts.netloc not in access.buckets:
            raise _forbidden("its bucket is not among those that may be read")
        return Located(f"/vsis3/{parts.netloc}/{parts.path.lstrip('/')}", None)
    path = _local_path(href)
    if path is None:
        raise _forbidden("give a path, or a file, http, https or s3 address")
    return _locate_local(path, _choose_roots(base_href, access))


def verify_checksum(path: Path, stated: str) -> None:
    """Compare a local file with the multihash (hex) its item states, or with the digest alone, as some items have it.

    Raises SceneRefused(CHECKSUM_MISMATCH) where they differ, and where the statement cannot be verified.
    """
    digits = stated.lower()
    prefix = next((prefix for prefix in _FUNCTIONS if digits.startswith(prefix)), "")
    function = _FUNCTIONS.get(prefix, "")
    if not function or len(digits) != len(prefix) + 2 * int(prefix[-2:], 16):
        prefix, function = "", _BARE.get(len(digits), "")
    if not function or not set(digits) <= set(hexdigits):
        raise SceneRefused(
            Cause.CHECKSUM_MISMATCH,
            "An item states a checksum that cannot be verified; state it as a multihash in hex, such as sha2-256.",
        )
    with path.open("rb") as file:
        found = hashlib.file_digest(file, function).hexdigest()
    if found != digits.removeprefix(prefix):
        raise SceneRefused(
            Cause.CHECKSUM_MISMATCH,
            "A file differs from the checksum its item states; hand in the scene anew.",
        )


def _forbidden(reason: str) -> SceneRefused:
    return SceneRefused(
        Cause.ASSET_FORBIDDEN, f"The item names a file that this service may not open: {reason}."
    )


def _split(href: str) -> SplitResult:
    if "\x00" in href or "/vsi" in href.lower().replace("\\", "/"):
        raise _forbidden("virtual file systems are not for items")
    try:
        return urlsplit(href)
    except ValueError:
        raise _forbidden("it is not an address") from None


def _local_path(href: str) -> Path | None:
    """The path that a plain or file address means, None for any other scheme."""
    parts = urlsplit(href)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(unquote(parts.path))
    return Path(href) if parts.scheme == "" else None


def _choose_roots(base_href: str, access: AssetAccess) -> tuple[Path, ...]:
    if access.roots is not None:
        return access.roots
    base = _local_path(base_href) if base_href else None
    return () if base is None else (base.parent,)


def _locate_local(path: Path, roots: tuple[Path, ...]) -> Located:
    """The real file, links followed, if it lies below one of the roots. Absent and forbidden look alike outside."""
    try:
        real = path.resolve()
        inside = any(real.is_relative_to(root.resolve()) for root in roots)
        present = inside and real.is_file()
    except (OSError, RuntimeError, ValueError):  # a name too long for the system, or links in a circle
        raise _forbidden("it is not a file") from None
    if not inside:
        raise _forbidden(
            "it lies outside the folders that hold scenes (the operator names them in PENUMBRA_IMAGERY_ROOTS)"
        )
    if not present:
        raise SceneRefused(Cause.ASSET_MISSING, "A file that the item names is not there.")
    return Located(str(real), real)
