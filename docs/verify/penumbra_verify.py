#!/usr/bin/env python3
"""Checks a ledger of Penumbra without trusting whoever runs it. README.md beside this file says how to use it.

Takes an export (JSON Lines), the log's public key, and whatever else somebody kept: older checkpoints, receipts, proofs.
Says whether the entries are the ones that were signed, and if not, which entry is wrong and how. Needs Python 3.11 and
`cryptography`, no network and nothing of Penumbra: it says on purpose a second time what Penumbra's own code says.

Methods: RFC 9162, section 2.1 (Merkle tree); C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import io
import json
import os
import re
import sys
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SOUND, DAMAGED, UNREADABLE, UNDECIDED = 0, 1, 2, 3
"""Exit codes: as it was signed; not so; wrong usage or unreadable; nothing wrong, but not all could be checked."""

KINDS = {
    "changed": "an entry is not the one that was signed",
    "deleted": "an entry that was signed is missing",
    "inserted": "an entry is shown that was not signed",
    "reordered": "entries stand in another order than the one that was signed",
    "truncated": "the log ends before a size that was signed",
    "rolled-back": "the log was longer when somebody else saw it, or its checkpoints run backwards",
    "forked": "two checkpoints, both signed by the log, contradict each other",
    "foreign-key": "a checkpoint or a certificate is signed by another key than the log's",
    "bad-signature": "a signature under a checkpoint or a certificate, in the name of a known key, is not that key's",
    "unsigned": "no checkpoint vouches for these entries",
    "dropped": "a receipt was given for an entry that is not in the log",
    "malformed": "a line is not of the form that the log writes",
    "contradiction": "an entry says what no sound log would hold, for instance the end of something that never began",
    "unwitnessed": "no checkpoint has as many witnesses as were asked for",
    "inconsistent": "a proof of consistency does not lead from the one checkpoint to the other",
}
TREE_DAMAGES = frozenset(KINDS) - {
    "foreign-key",
    "bad-signature",
    "malformed",
    "contradiction",
    "unwitnessed",
    "inconsistent",
}
"""Damages after which it is open whether all checkpoints that are shown are of one history."""
LINE = re.compile(rb'\{"body":(\{.*\}),"hash":"([A-Za-z0-9+/]{43}=)","index":(0|[1-9][0-9]{0,17})\}\n?')
PROOF = "c2sp.org/tlog-proof@v1"
DECIMAL = re.compile(r"0|[1-9][0-9]{0,17}")
EMPTY_ROOT = sha256(b"").digest()
DASH = "\u2014 "
MAX_NUMBER = 10**18
"""Above all sizes and indexes that the log writes."""
MAX_TIME_S = 253_402_300_799
"""The last second of the year 9999: later ones are no dates."""
MAX_WINDOW = 1024
"""Entries between two checkpoints among which a single displaced one is still searched for by trying."""
MAX_HOLES = 5_000_000
"""Numbers without a line behind which lines are still looked into: a signed size can be any number, and memory cannot."""
MAX_SUSPECTS = 6
"""Damaged batches of the right length in which displaced entries are still searched for: trying takes seconds for each batch
and each pair of them, and of whoever wrote many anew it would find nothing."""


class Unfit(ValueError):
    """A text is not of the form that it should have."""


@dataclass(frozen=True)
class Finding:
    """One damage: its kind (see KINDS), what it means in words, and the indexes concerned, the last included."""

    kind: str
    text: str
    first: int | None = None
    last: int | None = None
    signers: str = ""
    """Of a checkpoint that none of the log's keys has signed: who has. As many as have the same are told together."""


# --- the tree --------------------------------------------------------------------------------------------------------


def hash_node(left: bytes, right: bytes) -> bytes:
    """The hash over two subtrees."""
    return sha256(b"\x01" + left + right).digest()


def fold(edge: Sequence[bytes]) -> bytes:
    """The root over the complete subtrees at the right edge of a tree, given from left to right."""
    if not edge:
        return EMPTY_ROOT
    joined = edge[-1]
    for left in edge[-2::-1]:
        joined = sha256(b"\x01" + left + joined).digest()
    return joined


def extend(size: int, edge: Sequence[bytes], leaves: Iterable[bytes]) -> list[bytes]:
    """The right edge after more leaves, given by their hashes, on a tree of `size` with the right edge `edge`."""
    grown = list(edge)
    for joined in leaves:
        count = size
        while count & 1:
            joined = sha256(b"\x01" + grown.pop() + joined).digest()
            count >>= 1
        grown.append(joined)
        size += 1
    return grown


def lead_to_root(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes | None:
    """The root to which a path leads from a leaf (RFC 9162, section 2.1.3.2), or None where the path does not fit."""
    place, last, joined = index, size - 1, leaf
    for hashed in path:
        if last == 0:
            return None
        if place & 1 or place == last:
            joined = hash_node(hashed, joined)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            joined = hash_node(joined, hashed)
        place, last = place >> 1, last >> 1
    return joined if last == 0 else None


def is_beginning(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether a path shows the tree of size `old` to be the beginning of that of size `new` (RFC 9162, section 2.1.4.2).

    Every tree begins with the empty one, and with itself: that needs no path, and has none.
    """
    if old in (0, new):
        return not path and (old < new or old_root == new_root) and (old > 0 or old_root == EMPTY_ROOT)
    # where the older tree is complete, its root is the first hash, and is left out
    hashes = list(path) if old & (old - 1) else [old_root, *path]
    if old > new or not hashes:
        return False
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    older = newer = hashes[0]
    for hashed in hashes[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            older, newer = hash_node(hashed, older), hash_node(hashed, newer)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            newer = hash_node(newer, hashed)
        place, last = place >> 1, last >> 1
    return last == 0 and older == old_root and newer == new_root


# --- signed notes ----------------------------------------------------------------------------------------------------


def decode_base64(text: str) -> bytes:
    """Bytes from standard base64 in its one proper spelling. Raises Unfit."""
    try:
        content = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise Unfit("this is not base64") from None
    if base64.b64encode(content).decode() != text:
        raise Unfit("this is base64 in an unusual spelling")
    return content


@dataclass(frozen=True)
class Key:
    """A public key: of a log (kind 1) or of a witness (kind 4)."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        """What binds name, kind and key."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def has_signed(self, message: bytes, signature: bytes) -> bool:
        """Whether the signature is this key's."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True


def read_key(text: str) -> Key:
    """A key from `name+id+base64`. Raises Unfit."""
    parts = text.strip().split("+", 2)
    if len(parts) != 3 or not parts[0]:
        raise Unfit("a key has the form name+id+base64")
    content = decode_base64(parts[2])
    if len(content) != 33 or content[0] not in (1, 4):
        raise Unfit("only Ed25519 keys of a log or a witness are known")
    key = Key(parts[0], content[0], content[1:])
    if key.id.hex() != parts[1]:
        raise Unfit("the id in the key is not the id of this key")
    return key


def split_note(text: str) -> tuple[str, list[tuple[str, bytes]]]:
    """The signed text, and name and content of each signature. Raises Unfit."""
    head, blank, tail = text.rpartition("\n\n")
    if not blank or not tail.endswith("\n") or any(ord(char) < 32 and char != "\n" for char in text):
        raise Unfit("this is no signed note")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Unfit("this is no text") from None
    signatures = []
    for line in tail[:-1].split("\n"):
        name, blank, encoded = line.removeprefix(DASH).partition(" ")
        content = decode_base64(encoded)
        if not line.startswith(DASH) or not blank or not name or len(content) < 5:
            raise Unfit("a line under the note is no signature")
        signatures.append((name, content))
    return head + "\n", signatures


@dataclass(frozen=True)
class Head:
    """A signed checkpoint. edge: the hashes that make up its root, where they were given and do. place: where it stood."""

    origin: str
    size: int
    root: bytes
    place: str
    held: bool
    edge: Sequence[bytes] | None = None
    witnessed: dict[str, int] = field(default_factory=dict)
    """Name and time (seconds since 1970) of each known witness that has signed."""
    signers: frozenset[bytes] = frozenset()
    """Ids of the keys of the log that have signed."""


@dataclass(frozen=True)
class Proof:
    """A proof of inclusion. head: its checkpoint, signed by the log. leaf: the hash that it proves, if it holds."""

    index: int
    leaf: bytes | None
    head: Head


@dataclass(frozen=True)
class Trust:
    """Whom to believe. self_told: the log's keys were taken from the export itself, where anybody could have put them."""

    logs: Sequence[Key]
    witnesses: Sequence[Key] = ()
    self_told: bool = False


def read_checkpoint(text: str, trust: Trust, place: str, held: bool) -> tuple[Head | None, list[Finding]]:
    """The head of a checkpoint that a known key has signed, and what is wrong with it. Raises Unfit."""
    body, signatures = split_note(text)
    lines = body[:-1].split("\n")
    if len(lines) < 3 or "" in lines or not DECIMAL.fullmatch(lines[1]):
        raise Unfit("this is no checkpoint")
    root = decode_base64(lines[2])
    if len(root) != 32:
        raise Unfit("the root of a checkpoint has 32 bytes")
    size, what = int(lines[1]), f"the checkpoint of size {lines[1]} ({place})"
    logs = {(key.name, key.id): key for key in trust.logs if key.kind == 1}
    witnesses = {(key.name, key.id): key for key in trust.witnesses if key.kind == 4}
    signers: set[bytes] = set()
    witnessed, findings = {}, []
    for name, content in signatures:
        if log := logs.get((name, content[:4])):
            if log.has_signed(body.encode(), content[4:]):
                signers.add(log.id)
            else:
                findings.append(Finding("bad-signature", f"the signature of {name} under {what} is wrong"))
        elif witness := witnesses.get((name, content[:4])):
            time_s = int.from_bytes(content[4:12])
            if witness.has_signed(f"cosignature/v1\ntime {time_s}\n{body}".encode(), content[12:]):
                if time_s > MAX_TIME_S:
                    raise Unfit(f"{name} has signed a time that is no date")
                witnessed[name] = time_s
            else:
                findings.append(Finding("bad-signature", f"the cosignature of {name} under {what} is wrong"))
    if not signers and not findings:
        names = ", ".join(f"{name} ({content[:4].hex()})" for name, content in signatures)
        # witnesses sign with the time besides, now these and now those
        plain = [f"{name} ({content[:4].hex()})" for name, content in signatures if len(content) == 68]
        findings.append(
            Finding(
                "foreign-key",
                f"{what} is signed by {names}, and by no key of the log that you named",
                signers=", ".join(sorted(plain)) or names,
            )
        )
    head = Head(lines[0], size, root, place, held, None, witnessed, frozenset(signers))
    return (head if signers else None), findings


# --- reading ---------------------------------------------------------------------------------------------------------


@dataclass
class Shown:
    """What the files hold. Entries are numbered by their position; hashes are computed from their bytes as they stand."""

    indexes: array[int] = field(default_factory=lambda: array("Q"))
    hashes: list[bytes] = field(default_factory=list)
    claimed: dict[int, bytes] = field(default_factory=dict)
    """By position: the hash that a line names, where it is not that of its bytes."""
    notes: list[tuple[str, str, bool, list[str] | None]] = field(default_factory=list)
    """Checkpoints as text, where they stood, whether somebody held them outside the export, and their edge."""
    receipts: list[tuple[bytes, datetime | None, str]] = field(default_factory=list)
    proofs: list[tuple[str, str]] = field(default_factory=list)
    consistency: list[tuple[str, str]] = field(default_factory=list)
    """Answers with a proof of consistency as text, and where they stood."""
    certificates: list[tuple[str, str]] = field(default_factory=list)
    """Answers about a certificate of a release as text, and where they stood."""
    told_keys: list[str] = field(default_factory=list)
    parts: list[tuple[str, int, int]] = field(default_factory=list)
    """The files with entries: name, position of the first, position after the last."""
    start: int = 0
    edge: list[bytes] = field(default_factory=list)
    has_start: bool = False
    """Whether a file has said where it begins."""
    origins: set[str] = field(default_factory=set)
    """The names of the log that files say to be of."""
    newest_at: str = ""
    """The latest time that an entry says of itself."""
    findings: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    opened: dict[str, bool] = field(default_factory=dict)
    """Entries without a completion so far: id, and whether their action discloses. At the end those count as disclosed."""


_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False).encode


def _refuse_float(text: str) -> float:
    raise ValueError(f"{text} is no integer")


def _refuse_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; whoever reads one with a name that stands twice may believe the other."""
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name stands twice")
    return value


_DECODE = json.JSONDecoder(parse_float=_refuse_float).decode


@dataclass
class Reading:
    """One file while it is read: what its lines say of the file itself, rather than of the log. held: somebody kept it, and
    only its checkpoints are taken."""

    name: str
    held: bool = False
    notes: set[str] = field(default_factory=set)
    """Checkpoints that stood in it."""
    converted: int = 0
    """Lines that end in CR LF."""
    first_converted: int = 0
    """The number of the first of them."""
    blank: int | None = None
    """The first blank line. Some at the end are in order."""
    has_blank: bool = False
    lacks_start: bool = False
    has_lines: bool = False
    is_export: bool = False
    """Whether some line has a word of an export; of a damaged one too."""
    entries: int = 0
    """Since the last line that said where an export begins."""


EXPORT_WORDS = (b'"body"', b'"checkpoint"', b'"export"')
"""One of them stands in each line of an export, or stood there before it was damaged."""


def tell_foreign(path: Path) -> str | None:
    """What a file is that is no export, if its first bytes say so. Raises OSError."""
    with path.open("rb") as stream:
        start = stream.read(1 << 16)
    if start.startswith((b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")):
        return "is compressed: unpack it first"
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "was converted to UTF-16 on its way: fetch it again"
    if any(word in start for word in EXPORT_WORDS):
        return None
    with suppress(ValueError, TypeError, KeyError, RecursionError):
        value = json.loads(start)
        return f"is what the service said where it had none: {value['detail']}"[:400]
    return None


def read_export(path: Path, shown: Shown, held: bool = False) -> None:
    """Take in a file of JSON Lines: entries, checkpoints, the head of an export. Raises Unfit for one that is empty or holds
    nothing of the kind, OSError.

    held: somebody kept it: of an export of earlier times, whose entries stand in the one that is checked, the checkpoints.
    """
    if foreign := tell_foreign(path):
        raise Unfit(f"{path.name} seems to hold no entry and no checkpoint: it {foreign}")
    file, before = Reading(path.name, held), len(shown.hashes)
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            place = f"{path.name}, line {number}"
            line = undo_conversion(line, number, file, shown)
            if not line.strip():
                file.blank = file.blank or number
                continue
            if file.blank and not file.has_blank:
                file.has_blank = True
                shown.findings.append(
                    Finding("malformed", f"a blank line stands among others ({path.name}, line {file.blank})")
                )
            match = LINE.fullmatch(line)
            file.lacks_start |= number == 1 and (match is not None or b'"export"' not in line)
            if match and not held:
                take_entry(match, shown)
                file.entries += 1
            elif not match:
                take_other(line, place, shown, file)
            file.has_lines = True
            file.is_export = file.is_export or any(word in line for word in EXPORT_WORDS)
    if not file.has_lines:
        raise Unfit(f"{path.name} is empty: fetch it again")
    if not file.is_export:
        text = "seems to hold no entry and no checkpoint: it may be what the service said where it had none"
        raise Unfit(f"{path.name} {text}; fetch it again")
    if before < len(shown.hashes):
        shown.parts.append((path.name, before, len(shown.hashes)))
    if file.converted:
        which = f"line {file.first_converted}"
        if file.converted > 1:
            which = f"{file.converted} lines, the first of them {which},"
        ends = "end" if file.converted > 1 else "ends"
        text = f"{which} of {path.name} {ends} in CR LF: the file was converted on its way"
        shown.findings.append(Finding("malformed", text))
    if file.lacks_start and file.entries and not shown.has_start:
        shown.findings.append(
            Finding("malformed", f"the first line of {path.name} is missing: it says where the export begins")
        )


def undo_conversion(line: bytes, number: int, file: Reading, shown: Shown) -> bytes:
    """The line without what a program put in that took the file for a text of its own kind; that is told."""
    if number == 1 and line.startswith(b"\xef\xbb\xbf"):
        text = f"a byte order mark stands before the first line ({file.name}, line 1): the file was converted on its way"
        shown.findings.append(Finding("malformed", text))
        line = line[3:]
    if line.endswith(b"\r\n"):
        file.converted += 1
        file.first_converted = file.first_converted or number
        line = line[:-2] + b"\n"
    return line


def take_entry(match: re.Match[bytes], shown: Shown) -> None:
    """One entry: its hash from its bytes, and whether its bytes say something that a log would write."""
    body, named, index = match.groups()
    hashed = sha256(b"\x00" + body).digest()
    if base64.b64encode(hashed) != named:
        shown.claimed[len(shown.hashes)] = base64.b64decode(named)
    shown.hashes.append(hashed)
    shown.indexes.append(int(index))
    try:
        text = body.decode()
        value = _DECODE(text)
        # keys of a log's entries are plain letters and its numbers are integers, so this is RFC 8785
        sound = _ENCODE(value) == text
    except (ValueError, RecursionError):
        value, sound = {}, False
    if not sound:
        shown.findings.append(
            Finding("malformed", f"entry {int(index)} is not canonical JSON", int(index), int(index))
        )
    take_meaning(value, int(index), shown)


def take_meaning(value: dict[str, Any], index: int, shown: Shown) -> None:
    """Count, and pair each completion with its entry."""
    kind = value.get("kind")
    shown.newest_at = max(shown.newest_at, str(value.get("at", "")))
    if kind == "entry":
        shown.counts["entries"] += 1
        shown.opened[str(value.get("id"))] = str(value.get("action")).startswith(("read.", "export."))
    elif kind == "completion":
        shown.counts["completions"] += 1
        entry = str(value.get("entry"))
        if shown.opened.pop(entry, None) is None and not shown.start:
            text = f"the completion {index} belongs to no earlier entry, or to one that was completed before"
            shown.findings.append(Finding("contradiction", text, index, index))
    else:
        shown.findings.append(Finding("malformed", f"entry {index} is of no known kind", index, index))


def take_other(line: bytes, place: str, shown: Shown, file: Reading) -> None:
    """A line that is no entry. file: what it stands in."""
    value: Any = None
    try:
        value = json.loads(line)
        if "body" in value:
            raise Unfit("an entry that is not as the log writes it")
        if "checkpoint" in value:
            take_checkpoint(value, line, place, shown, file)
        elif "export" in value:
            take_start(value, line, shown, file)
        else:
            raise Unfit("no entry and no checkpoint")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        where = find_index(line, value)
        after = f"a line after entry {shown.indexes[-1]}" if shown.indexes else "a line"
        name = after if where is None else f"entry {where}"
        shown.findings.append(
            Finding("malformed", f"{name} is not as the log writes it ({place})", where, where)
        )


def find_index(line: bytes, value: Any) -> int | None:
    """The number of a line that is no entry as the log writes it, where it still says one."""
    if isinstance(value, dict) and "body" in value:
        number = value.get("index")
        return number if type(number) is int and 0 <= number < 10**18 else None
    ending = re.search(rb'"index":\s*([0-9]{1,18})\s*\}?\s*$', line)
    return int(ending[1]) if ending else None


def is_canonical(value: Any, line: bytes) -> bool:
    """Whether a line is the one way in which the log writes this value."""
    text: str = _ENCODE(value)
    return text.encode("utf-8", "replace") == line.removesuffix(b"\n")


def take_checkpoint(value: dict[str, Any], line: bytes, place: str, shown: Shown, file: Reading) -> None:
    """A checkpoint, with the hashes beside it. It is believed for its signature, whatever else is wrong with its line."""
    text, edge = str(value["checkpoint"]), value.get("edge")
    proper = "edge" not in value or (isinstance(edge, list) and all(isinstance(each, str) for each in edge))
    if not proper or not value.keys() <= {"checkpoint", "edge"} or not is_canonical(value, line):
        shown.findings.append(
            Finding("malformed", f"a checkpoint's line is not as the log writes it ({place})")
        )
    if text in file.notes:
        shown.findings.append(Finding("malformed", f"a checkpoint stands twice ({place})"))
    file.notes.add(text)
    shown.notes.append((text, place, file.held, edge if proper else None))


def take_start(value: dict[str, Any], line: bytes, shown: Shown, file: Reading) -> None:
    """The head of an export. Files that follow upon each other count as one, which begins where the first begins.

    Within a file it stands first, or where the export before it ends.
    """
    told = value["export"]
    start, keys, origin = told["start"], told["keys"], told["origin"]
    if (
        (set(value), set(told)) != ({"export"}, {"edge", "keys", "origin", "start"})
        or (type(start), type(origin)) != (int, str)
        or not 0 <= start < MAX_NUMBER
        or not isinstance(keys, list)
        or not is_canonical(value, line)
    ):
        raise Unfit("no head of an export as the log writes it")
    if file.held:
        return
    edge = [decode_base64(text) for text in told["edge"]]
    for key in keys:
        read_key(key)
    if len(edge) != start.bit_count() or any(len(hashed) != 32 for hashed in edge):
        raise Unfit("the edge does not fit the start")
    if file.has_lines:
        if not file.entries or start != shown.indexes[-1] + 1:
            raise Unfit("the head of an export in its midst")
        file.entries = 0
        # the checkpoint at which one export ends begins the next
        file.notes.clear()
    shown.told_keys += [key for key in keys if key not in shown.told_keys]
    shown.origins |= {origin} - {""}
    if not shown.has_start or start < shown.start:
        shown.has_start, shown.start, shown.edge = True, start, edge


def order_exports(paths: Sequence[Path]) -> list[Path]:
    """Exports by where they begin, so that archives and the rest may be named in any order. Raises OSError.

    A file that does not say where it begins stays behind the one before it.
    """
    starts: list[int] = []
    for path in paths:
        with path.open("rb") as stream:
            try:
                starts.append(int(json.loads(stream.readline())["export"]["start"]))
            except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
                starts.append(starts[-1] if starts else 0)
    return [paths[at] for at in sorted(range(len(paths)), key=starts.__getitem__)]


def take_receipt(text: str, at: str | None, place: str, shown: Shown) -> None:
    """A receipt as it stood in the header `Access-Receipt`: the hash of a leaf, then `; mmd=` and seconds. Raises Unfit."""
    value, _, rest = re.sub(r"(?i)^\s*access-receipt:", "", text).partition(";")
    hashed = decode_base64(value.strip())
    mmd = re.search(r"mmd=([0-9]{1,6})", rest)
    if len(hashed) != 32:
        raise Unfit("a receipt begins with a hash of 32 bytes")
    due = read_time(at) if at else None
    with suppress(OverflowError):
        due = due and due + timedelta(seconds=int(mmd[1]) if mmd else 60)
    shown.receipts.append((hashed, due, place))


def read_time(text: str) -> datetime:
    """A moment (ISO 8601) in UTC. Raises Unfit."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        raise Unfit("the time beside the receipt is no date with a time (ISO 8601)") from None


# --- which entries are wrong -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Window:
    """The entries between two signed sizes, as they should be: `start` to `end`, what stands before, what comes out."""

    start: int
    end: int
    edge: Sequence[bytes]
    root: bytes

    def holds(self, leaves: Sequence[bytes | None]) -> list[bytes] | None:
        """The right edge after these leaves where they are the signed ones, else None."""
        if len(leaves) != self.end - self.start:
            return None
        known = [leaf for leaf in leaves if leaf is not None]
        if len(known) != len(leaves):
            return None
        grown = extend(self.start, self.edge, known)
        return grown if fold(grown) == self.root else None


class Slots:
    """Entries by the index that they claim, and what the claims alone give away: holes, doubles, another order."""

    def __init__(self, shown: Shown, newest: int) -> None:
        self.start = shown.start
        self.shown = shown
        self.findings: list[Finding] = []
        self.doubles: dict[int, list[int]] = {}
        self.holes: list[int] = []
        self.changed: set[int] = set()
        """Indexes of entries that lie in a window that does not hold."""
        count = len(shown.indexes)
        if shown.indexes == array("Q", range(self.start, self.start + count)):
            self.positions: list[int | None] = list(range(count))
        else:
            self._place(max(newest, self.start + count))

    def _place(self, limit: int) -> None:
        found: dict[int, list[int]] = {}
        for position, index in enumerate(self.shown.indexes):
            found.setdefault(index if self.start <= index < limit else -1, []).append(position)
        strays = found.pop(-1, [])
        far = self._leave_far(found)
        self.doubles = {index: places for index, places in found.items() if len(places) > 1}
        end = max(found, default=self.start - 1) + 1
        self.positions = [found[index][0] if index in found else None for index in range(self.start, end)]
        self.holes = [index for index in range(self.start, end) if index not in found]
        self._adopt(strays)
        self._name_displaced()
        if far:
            text = (
                f"{tell_range(end, far[0] - 1)} missing: {self._tell_around(end, far[0] - 1)}; so many are missing that the"
                f" {len(far)} numbers from {far[0]} on were not looked into"
            )
            self.findings.append(Finding("deleted", text, end, far[-1]))

    def _leave_far(self, found: dict[int, list[int]]) -> list[int]:
        """Take out the numbers that lie further behind the others than memory reaches, and return them."""
        reach = self.start + len(self.shown.indexes) + MAX_HOLES
        far = sorted(index for index in found if index >= reach)
        for index in far:
            del found[index]
        return far

    def _adopt(self, strays: list[int]) -> None:
        """A line that stands where a number is missing had its number changed, or is a copy put in that entry's place."""
        moved = {place for places in self.doubles.values() for place in places} | set(strays)
        for position in sorted(moved):
            before = self.shown.indexes[position - 1] if position else self.start - 1
            hole = before + 1
            slot = hole - self.start
            if 0 <= slot < len(self.positions) and self.positions[slot] is None:
                claims = self.shown.indexes[position]
                self.holes.remove(hole)
                strays[:] = [stray for stray in strays if stray != position]
                rest = [place for place in self.doubles.get(claims, ()) if place != position]
                if rest:
                    self.positions[claims - self.start] = rest[0]
                    self.doubles[claims] = rest
                if any(self.shown.hashes[place] == self.shown.hashes[position] for place in rest):
                    text = f"a copy of entry {claims} stands in the place of entry {hole}, which is missing"
                else:
                    self.positions[slot] = position
                    text = f"entry {hole} is numbered {claims}: its number was changed"
                self.findings.append(Finding("changed", text, hole, hole))
        self.doubles = {index: places for index, places in self.doubles.items() if len(places) > 1}
        for position in strays:
            index = self.shown.indexes[position]
            text = f"an entry is numbered {index}, beyond what was signed, and stands elsewhere"
            self.findings.append(Finding("inserted", text, index, index))

    def _name_displaced(self) -> None:
        slots = {position: index for index, position in enumerate(self.positions, self.start)}
        order = [index for position, index in enumerate(self.shown.indexes) if slots.get(position) == index]
        if moved := find_displaced(order):
            text = f"entries stand in another order than their numbers say: {tell_some(moved)}"
            self.findings.append(Finding("reordered", text, min(moved), max(moved)))

    def leaves(self, start: int, end: int) -> list[bytes | None]:
        """Hashes of the entries shown as start <= index < end; None for a hole."""
        low = max(start - self.start, 0)
        hashes = self.shown.hashes
        return [None if at is None else hashes[at] for at in self.positions[low : max(end - self.start, low)]]

    def end(self) -> int:
        """The index after the last entry."""
        return self.start + len(self.positions)

    def name_holes(self) -> list[Finding]:
        """One finding for each run of missing numbers; a line that cannot be read has its own."""
        told = {finding.first for finding in self.shown.findings}
        holes = [hole for hole in self.holes if hole not in told]
        return [
            Finding(
                "deleted", f"{tell_range(first, last)} missing: {self._tell_around(first, last)}", first, last
            )
            for first, last in list_runs(holes)
        ]

    def _tell_around(self, first: int, last: int) -> str:
        """Between which files a hole lies, if it does: most often an archive was not named."""
        indexes, parts = self.shown.indexes, self.shown.parts
        before = [name for name, _, end in parts if indexes[end - 1] == first - 1]
        after = [name for name, begin, _ in parts if indexes[begin] == last + 1]
        if not before or not after:
            return "the entries around are there"
        return f"{before[0]} ends before them and {after[0]} begins after them; if they were archived, name that archive too"

    def name_files(self, positions: Sequence[int]) -> list[str]:
        """The files in which these lines stand."""
        parts = [part for part in self.shown.parts if any(part[1] <= at < part[2] for at in positions)]
        return [name for name, _, _ in parts]

    def name_mislabelled(self, signed: int) -> list[Finding]:
        """Entries that are as they were signed beside a hash that is not theirs. signed: behind the last such entry."""
        if not self.shown.claimed:
            return []
        text = "the hash beside entry {} is not that of the entry, which itself is as it was signed"
        return [
            Finding("changed", text.format(index), index, index)
            for index, position in enumerate(self.positions, self.start)
            if index < signed and position in self.shown.claimed and index not in self.changed
        ]


def find_displaced(order: Sequence[int]) -> list[int]:
    """The numbers that must be moved so that all rise: two that changed places, or whatever no rising run holds."""
    wrong = [(shown, right) for shown, right in zip(order, sorted(order), strict=True) if shown != right]
    if len(wrong) <= 2:
        return [shown for shown, _ in wrong]
    # the longest rising run stays (patience sorting); the rest was moved
    tops: list[int] = []
    piles: list[int] = []
    before: dict[int, int | None] = {}
    for position, number in enumerate(order):
        low, high = 0, len(tops)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if tops[middle] < number else (low, middle)
        tops[low : low + 1] = [number]
        piles[low : low + 1] = [position]
        before[position] = piles[low - 1] if low else None
    kept, at = set(), piles[-1] if piles else None
    while at is not None:
        kept.add(order[at])
        at = before[at]
    return sorted(number for number in order if number not in kept)


def list_runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First and last of each run of neighbours."""
    first = None
    for number, following in pairwise([*numbers, None]):
        first = number if first is None else first
        if following is None or number is None or following != number + 1:
            yield int(first or 0), int(number or 0)
            first = None


def tell_range(first: int, last: int) -> str:
    """An entry or some entries, with the verb."""
    return f"entry {first} is" if first == last else f"entries {first} to {last} are"


def tell_some(numbers: Sequence[int]) -> str:
    """The first few of a list."""
    return ", ".join(map(str, numbers[:6])) + (f" and {len(numbers) - 6} more" if len(numbers) > 6 else "")


class Walk:
    """From one signed size to the next: each window holds, or is looked into until its damage has a name."""

    def __init__(self, slots: Slots, heads: Sequence[Head], rivals: Sequence[Head]) -> None:
        """heads: one for each size, by size. rivals: all others, which are equal to them or of another history."""
        self.slots = slots
        self.rivals = rivals
        self.heads = [head for head in heads if head.size >= slots.start]
        self.findings: list[Finding] = []
        self.proven = 0
        self.shift = 0
        self.size, self.edge = slots.start, list(slots.shown.edge)
        self.suspects: list[tuple[Window, int]] = []

    def run(self) -> None:
        """Walk to the newest checkpoint that the entries reach."""
        at = 0
        while at < len(self.heads):
            head = self.heads[at]
            window = Window(self.size, head.size, self.edge, head.root)
            leaves = self.slots.leaves(self.size + self.shift, head.size + self.shift)
            if (grown := window.holds(leaves)) is not None:
                self._go_on(window, grown)
                at += 1
            else:
                at = self._step_over(at, window, leaves)
        self._name_suspects()

    def _go_on(self, window: Window, grown: list[bytes]) -> None:
        self.proven += window.end - window.start
        self.size, self.edge = window.end, grown

    def _step_over(self, at: int, window: Window, leaves: list[bytes | None]) -> int:
        """Name what is wrong with a window, and return the next checkpoint to walk to."""
        for attempt in (self._try_claims, self._try_doubles, self._try_rivals):
            if (grown := attempt(window)) is not None:
                self._go_on(window, grown)
                return at + 1
        if (reached := self._try_without(at)) is not None:
            return reached
        if None in leaves and self.heads[at].edge is not None:
            # the holes are named already; what comes after them can be checked on its own
            if self.slots.end() < window.end + self.shift:
                self._is_cut(self.slots.end(), self.slots.end(), self.heads[-1])
            self.size, self.edge = window.end, list(self.heads[at].edge or ())
            return at + 1
        return self._find_again(at, window)

    def _try_claims(self, window: Window) -> list[bytes] | None:
        """With the hashes that the lines name, in place of those of their bytes: then exactly those bytes are changed."""
        shown, changed, leaves = self.slots.shown, [], []
        reached = min(window.end + self.shift, self.slots.end())
        self.slots.changed.update(range(window.start + self.shift, reached))
        for index in range(window.start + self.shift, window.end + self.shift):
            slot = index - self.slots.start
            position = self.slots.positions[slot] if 0 <= slot < len(self.slots.positions) else None
            if position is None:
                return None
            if position in shown.claimed:
                changed.append(index - self.shift)
            leaves.append(shown.claimed.get(position, shown.hashes[position]))
        grown = window.holds(leaves) if changed else None
        if grown is not None:
            self.findings += [
                Finding("changed", f"{tell_range(first, last)} not what was signed", first, last)
                for first, last in list_runs(changed)
            ]
        return grown

    def _try_doubles(self, window: Window) -> list[bytes] | None:
        """Where a number stands twice, with the other line in turn: the one that was signed shows the one that was not."""
        doubles = {
            index: places
            for index, places in self.slots.doubles.items()
            if window.start <= index < window.end
        }
        for index, places in doubles.items():
            for position in places[1:]:
                kept, self.slots.positions[index - self.slots.start] = (
                    self.slots.positions[index - self.slots.start],
                    position,
                )
                if (grown := window.holds(self.slots.leaves(window.start, window.end))) is not None:
                    return grown
                self.slots.positions[index - self.slots.start] = kept
        return None

    def _try_rivals(self, window: Window) -> list[bytes] | None:
        """Where a size was signed with two roots, which is named as a fork: with the other root."""
        leaves = self.slots.leaves(window.start + self.shift, window.end + self.shift)
        for rival in self.rivals:
            if rival.size == window.end:
                grown = Window(window.start, window.end, window.edge, rival.root).holds(leaves)
                if grown is not None:
                    return grown
        return None

    def _try_without(self, at: int) -> int | None:
        """Past checkpoints that the entries contradict and a later one does not: those are of another history."""
        for later in range(at + 1, min(at + 9, len(self.heads))):
            head = self.heads[later]
            window = Window(self.size, head.size, self.edge, head.root)
            grown = window.holds(self.slots.leaves(self.size + self.shift, head.size + self.shift))
            if grown is not None:
                for odd in self.heads[at:later]:
                    self._name_fork(odd, head)
                self._go_on(window, grown)
                return later + 1
        return None

    def _name_fork(self, odd: Head, against: Head) -> None:
        text = (
            f"the checkpoint of size {odd.size} ({odd.place}) is signed by the log over other entries than those that its"
            f" checkpoint of size {against.size} ({against.place}) signs"
        )
        self.findings.append(Finding("forked", text, None, odd.size - 1 if odd.size else None))

    def _find_again(self, at: int, window: Window) -> int:
        """Find where the entries are the signed ones again, numbered as they are or shifted, and name what lies between."""
        for reached in range(at, len(self.heads) - 1):
            head, following = self.heads[reached], self.heads[reached + 1]
            if head.edge is None:
                continue
            ahead = Window(head.size, following.size, head.edge, following.root)
            for shift in sorted(range(-64, 65), key=abs):
                low = head.size + self.shift + shift
                if ahead.holds(self.slots.leaves(low, following.size + self.shift + shift)) is not None:
                    self._name(Window(window.start, head.size, window.edge, head.root), shift)
                    self.shift += shift
                    self.size, self.edge = head.size, list(head.edge)
                    return reached + 1
        newest = self.heads[-1]
        rest = max(self.slots.end() - self.shift, window.start)
        if rest >= newest.size or not self._is_cut(window.start, rest, newest):
            self._name(Window(window.start, newest.size, window.edge, newest.root), rest - newest.size)
        self.shift += rest - newest.size
        self.size, self.edge = newest.size, list(newest.edge or ())
        return len(self.heads)

    def _is_cut(self, start: int, end: int, newest: Head) -> bool:
        """Whether the entries merely end too early: no checkpoint that they reach contradicts them."""
        if any(start < head.size <= end for head in self.heads):
            return False
        text = f"{tell_range(end, newest.size - 1)} missing: the log signed {newest.size} entries ({newest.place})"
        kind = "rolled-back" if newest.held else "truncated"
        self.findings.append(Finding(kind, text, end, newest.size - 1))
        return True

    def _name(self, window: Window, more: int) -> None:
        """Say what happened between two signed sizes, where `more` entries than signed are shown (or fewer)."""
        between = f"among entries {window.start} to {window.end - 1}"
        if more < 0:
            if not any(window.start <= hole < window.end for hole in self.slots.holes):
                text = (
                    f"{-more} missing {between}; which cannot be told, for all after them are numbered anew"
                )
                self.findings.append(Finding("deleted", text, window.start, window.end - 1))
            return
        low = window.start + self.shift
        leaves = self.slots.leaves(low, window.end + self.shift + more)
        if more == 0:
            self.suspects.append((window, low))
            return
        for first in range(len(leaves) - more + 1) if len(leaves) <= MAX_WINDOW else ():
            if window.holds([*leaves[:first], *leaves[first + more :]]) is not None:
                index = low + first
                text = f"{tell_range(index, index + more - 1)} not among those signed; without, the rest is as signed"
                self.findings.append(Finding("inserted", text, index, index + more - 1))
                return
        self.findings.append(
            Finding("inserted", f"{more} too many {between}", window.start, window.end - 1 + more)
        )

    def _name_suspects(self) -> None:
        """Windows that fail and hold once entries change places, in one of them or across two; all others were changed."""
        if len(self.suspects) > MAX_SUSPECTS:
            self._name_changed(
                "; so many batches are damaged that none was searched for entries that changed places"
            )
            return
        self.suspects = [suspect for suspect in self.suspects if not self._is_displaced(*suspect)]
        for one in list(self.suspects):
            for other in self.suspects[self.suspects.index(one) + 1 :] if one in self.suspects else ():
                if moved := self._find_across(one, other):
                    self.suspects.remove(one)
                    self.suspects.remove(other)
                    text = f"entries {moved[0]} and {moved[1]} have changed places"
                    self.findings.append(Finding("reordered", text, moved[0], moved[1]))
                    break
        self._name_changed("; its hash was written anew too, so that no more can be told")

    def _name_changed(self, more: str) -> None:
        for window, _ in self.suspects:
            text = (
                f"at least one of the entries {window.start} to {window.end - 1} is not what was signed{more}"
            )
            self.findings.append(Finding("changed", text, window.start, window.end - 1))

    def _is_displaced(self, window: Window, low: int) -> bool:
        """Whether a single displaced entry explains it, which is named then."""
        leaves = self.slots.leaves(low, low + window.end - window.start)
        moved = find_exchange(window, leaves) or find_move(window, leaves)
        if moved:
            text = f"entries {moved[0]} and {moved[1]} are not in the order in which they were signed"
            self.findings.append(Finding("reordered", text, min(moved), max(moved)))
        return moved is not None

    def _find_across(self, one: tuple[Window, int], other: tuple[Window, int]) -> tuple[int, int] | None:
        sides = []
        for window, low in (one, other):
            leaves = self.slots.leaves(low, low + window.end - window.start)
            sides.append((window, [leaf for leaf in leaves if leaf is not None]))
        (first, left), (second, right) = sides
        # where a line is missing, no exchange makes the rest whole
        is_whole = all(len(known) == window.end - window.start for window, known in sides)
        if not is_whole or len(left) * len(right) > MAX_WINDOW**2 // 4:
            return None
        try_left, try_right = make_trier(first, left), make_trier(second, right)
        for here in range(len(left)):
            for there in range(len(right)):
                if try_left({here: right[there]}) and try_right({there: left[here]}):
                    return first.start + here, second.start + there
        return None


def list_edge(window: Window) -> Iterator[tuple[int, int, bytes]]:
    """The complete subtrees before a window: the entries low <= index < high of each, and its hash."""
    low = 0
    for hashed, level in zip(
        window.edge, (bit for bit in range(64, -1, -1) if window.start >> bit & 1), strict=True
    ):
        yield low, low + (1 << level), hashed
        low += 1 << level


def make_trier(window: Window, leaves: Sequence[bytes]) -> Callable[[dict[int, bytes]], bool]:
    """A quick test whether the window holds once some of its leaves are replaced, by their places in it."""
    start, size = window.start, window.end
    edge_nodes = {(low, high): hashed for low, high, hashed in list_edge(window)}

    @cache
    def plain(low: int, high: int) -> bytes:
        if (low, high) in edge_nodes:
            return edge_nodes[(low, high)]
        if high - low == 1:
            return leaves[low - start]
        middle = low + (1 << ((high - low - 1).bit_length() - 1))
        return hash_node(plain(low, middle), plain(middle, high))

    def changed(low: int, high: int, places: list[int], by: dict[int, bytes]) -> bytes:
        inside = [place for place in places if low <= place < high]
        if not inside:
            return plain(low, high)
        if high - low == 1:
            return by[low - start]
        middle = low + (1 << ((high - low - 1).bit_length() - 1))
        return hash_node(changed(low, middle, inside, by), changed(middle, high, inside, by))

    def holds(by: dict[int, bytes]) -> bool:
        return changed(0, size, [start + place for place in by], by) == window.root

    return holds


def find_exchange(window: Window, leaves: Sequence[bytes | None]) -> tuple[int, int] | None:
    """The two entries of a window that have changed places, if that is what happened."""
    known = [leaf for leaf in leaves if leaf is not None]
    if len(known) != window.end - window.start or len(known) > MAX_WINDOW // 2:
        return None
    holds = make_trier(window, known)
    for one in range(len(known)):
        for other in range(one + 1, len(known)):
            if holds({one: known[other], other: known[one]}):
                return window.start + one, window.start + other
    return None


def find_move(window: Window, leaves: Sequence[bytes | None]) -> tuple[int, int] | None:
    """The entry of a window that was moved, and where it belongs, if that is what happened.

    Putting one entry back shifts those between by one place; the hashes of subtrees that are shifted as a whole are kept, so
    that each of the many attempts costs a few hashes.
    """
    known = [leaf for leaf in leaves if leaf is not None]
    if len(known) != window.end - window.start or len(known) > MAX_WINDOW // 2:
        return None
    nodes = {(low, high): hashed for low, high, hashed in list_edge(window)}

    @cache
    def plain(low: int, high: int, shift: int) -> bytes:
        if (low, high) in nodes:
            return nodes[low, high]
        if high - low == 1:
            return known[low + shift - window.start]
        middle = low + (1 << ((high - low - 1).bit_length() - 1))
        return hash_node(plain(low, middle, shift), plain(middle, high, shift))

    def moved(low: int, high: int, here: int, there: int) -> bytes:
        first, last = min(here, there), max(here, there)
        if last < low or high <= first:
            return plain(low, high, 0)
        if first <= low and high <= last + 1 and not low <= there < high:
            return plain(low, high, 1 if here < there else -1)
        if high - low == 1:
            return known[here - window.start]
        middle = low + (1 << ((high - low - 1).bit_length() - 1))
        return hash_node(moved(low, middle, here, there), moved(middle, high, here, there))

    for here in range(window.start, window.end):
        for there in range(window.start, window.end):
            if there != here and moved(0, window.end, here, there) == window.root:
                return here, there
    return None


# --- the verdict -----------------------------------------------------------------------------------------------------


@dataclass
class Report:
    """What was found, what was checked, and what could not be."""

    findings: list[Finding]
    doubts: list[str]
    counts: dict[str, int]
    compared: bool
    """Whether anything that somebody kept or saw elsewhere stands behind the entries, beside the log's own signature."""

    @property
    def code(self) -> int:
        """The exit code."""
        return DAMAGED if self.findings else UNDECIDED if self.doubts else SOUND


def verify(shown: Shown, trust: Trust, witnesses: int = 0) -> Report:
    """Everything that can be said about what is shown, believing nobody but `trust`."""
    heads, findings = collect_heads(shown, trust)
    proofs, more = check_proofs(shown, trust)
    signed = [*heads, *(proof.head for proof in proofs)]
    heads, beyond = split_reached(heads, proofs, shown)
    findings += more + shown.findings + check_order(signed)
    is_bare = is_without_export(shown)
    doubts = [] if is_bare else list(beyond)
    if trust.self_told:
        doubts.append(
            "the log's key was taken from the export itself: compare it with one that you have from elsewhere"
        )
    findings += check_origins(shown, signed) + check_keys(signed)
    more, unled = check_consistency(shown, signed)
    findings, doubts = findings + more, doubts + unled
    doubts += doubt_unled(shown, signed) if is_bare and (shown.consistency or shown.notes) else []
    # between checkpoints alone there is nothing to walk over
    chain = [] if is_bare else choose_chain(heads)[0]
    findings += choose_chain(signed)[1]
    newest = max((head.size for head in heads), default=0)
    slots = Slots(shown, newest)
    walk = Walk(slots, chain, [head for head in heads if head not in chain])
    walk.run()
    findings += (
        walk.findings
        + slots.findings
        + slots.name_holes()
        + slots.name_mislabelled(newest + walk.shift)
        + name_doubles(slots)
    )
    findings += name_uncovered(slots, newest, walk.shift, bool(heads))
    findings += check_others(heads, chain, slots, walk)
    doubts += doubt_earlier(heads, slots.start)
    findings += check_receipts(shown, heads, doubts) + compare_leaves(proofs, slots)
    is_one = not any(finding.kind in TREE_DAMAGES for finding in findings)
    findings += check_clocks(signed, newest if is_one else 0, doubts)
    findings += check_certificates(shown, trust, doubts)
    findings += check_witnesses(shown, heads, witnesses, doubts)
    doubts += doubt_unwitnessed([] if heads else proofs, witnesses)
    if shown.start:
        doubts.append(
            f"entries 0 to {shown.start - 1} are not shown: name the archives too, or say that nobody has looked at them"
        )
    if shown.hashes and not heads and not findings:
        doubts.append("there is no checkpoint to check anything against")
    counts = {
        "entries": len(shown.hashes),
        "proven": walk.proven,
        "checkpoints": len(heads),
        "size": newest,
        "start": slots.start,
        "receipts": len(shown.receipts),
        "proofs": len(shown.proofs),
        "consistency": len(shown.consistency),
        "certificates": len(shown.certificates),
        "open": len(shown.opened),
        "open_disclosing": sum(shown.opened.values()),
    }
    return Report(merge(findings), doubts, counts, is_compared(shown, heads, proofs))


def collect_heads(shown: Shown, trust: Trust) -> tuple[list[Head], list[Finding]]:
    """Every checkpoint that a known key of the log has signed, in the order in which they stood."""
    heads: list[Head] = []
    findings: list[Finding] = []
    for text, place, held, told in shown.notes:
        try:
            head, wrong = read_checkpoint(text, trust, place, held)
        except Unfit as error:
            findings.append(Finding("malformed", f"{place}: {error}"))
            continue
        findings += wrong
        if head is None:
            continue
        edge = read_edge(told, head)
        if told is not None and edge is None:
            findings.append(
                Finding("malformed", f"{place}: the hashes beside the checkpoint do not make up its root")
            )
        heads.append(replace(head, edge=edge))
    return heads, findings


def check_origins(shown: Shown, heads: Sequence[Head]) -> list[Finding]:
    """All is of one log: what the files say to be, and what the checkpoints say."""
    signed = {head.origin for head in heads}
    told = shown.origins - signed if signed else set()
    findings = []
    if len(signed) > 1:
        findings.append(Finding("contradiction", f"checkpoints of several logs: {', '.join(sorted(signed))}"))
    if told:
        text = (
            f"the export says to be of the log {', '.join(sorted(told))}, and its checkpoints are of another"
        )
        findings.append(Finding("contradiction", text))
    return findings


def read_edge(told: list[str] | None, head: Head) -> list[bytes] | None:
    """The hashes of a tree's right edge, where they make up the head's root."""
    try:
        edge = [decode_base64(str(text)) for text in told or ()]
    except Unfit:
        return None
    fits = len(edge) == head.size.bit_count() and all(len(hashed) == 32 for hashed in edge)
    return edge if fits and fold(edge) == head.root else None


def check_order(heads: Sequence[Head]) -> list[Finding]:
    """In an export sizes only grow."""
    findings = []
    for before, after in pairwise([head for head in heads if not head.held]):
        # a file may begin earlier than the one before it ends: then its entries stand twice, which is told
        is_one_file = before.place.rpartition(",")[0] == after.place.rpartition(",")[0]
        if after.size < before.size and is_one_file:
            text = (
                f"after the checkpoint of size {before.size} stands one of size {after.size} ({after.place})"
            )
            findings.append(Finding("rolled-back", text))
    return findings


def check_clocks(heads: Sequence[Head], proven: int, doubts: list[str]) -> list[Finding]:
    """What a witness signs only grows, in the order of time. proven: up to this size all heads are of one history.

    A witness signs nothing smaller than before; where both checkpoints are of the one history that is shown, its clock was
    set back, which says nothing of the log and leaves a doubt.
    """
    findings = []
    for name in sorted({name for head in heads for name in head.witnessed}):
        seen = sorted((head.witnessed[name], head.size) for head in heads if name in head.witnessed)
        for (_, before_size), (time_s, size) in pairwise(seen):
            if size < before_size:
                when = datetime.fromtimestamp(time_s, UTC).isoformat()
                text = f"{name} signed a checkpoint of size {size} at {when}, after one of size {before_size}"
                if before_size <= proven:
                    doubts.append(
                        f"{text}; both are of this log, so that its clock was set back: ask the witness"
                    )
                else:
                    findings.append(Finding("rolled-back", text))
    return findings


def check_keys(heads: Sequence[Head]) -> list[Finding]:
    """A key that a log has dropped, as larger checkpoints without it show, signs none any more."""
    findings = []
    active: defaultdict[str, set[bytes]] = defaultdict(set)
    dropped: defaultdict[str, set[bytes]] = defaultdict(set)
    for head in sorted(heads, key=lambda head: head.size):
        dropped[head.origin] |= active[head.origin] - head.signers
        active[head.origin] |= head.signers
        if again := dropped[head.origin] & head.signers:
            ids = ", ".join(sorted(key.hex() for key in again))
            text = f"the checkpoint of size {head.size} ({head.place}) is signed by a key that the log had dropped: {ids}"
            findings.append(Finding("foreign-key", text))
    return findings


def choose_chain(heads: Sequence[Head]) -> tuple[list[Head], list[Finding]]:
    """One checkpoint for each size, the export's own first, and every size that was signed with two roots."""
    chosen: dict[int, Head] = {}
    findings = []
    for head in sorted(heads, key=lambda head: (head.size, head.held, head.edge is None)):
        first = chosen.setdefault(head.size, head)
        if first.root != head.root:
            text = f"the log signed two different trees of size {head.size} ({first.place}; {head.place})"
            findings.append(Finding("forked", text, None, head.size - 1 if head.size else None))
    return list(chosen.values()), findings


def name_doubles(slots: Slots) -> list[Finding]:
    """Every number that stands twice, after it was found out which of the lines was signed. Neighbours are told together."""
    findings = []
    for count in sorted({len(places) for places in slots.doubles.values()}):
        indexes = sorted(index for index, places in slots.doubles.items() if len(places) == count)
        for first, last in list_runs(indexes):
            name = f"entry {first} stands" if first == last else f"entries {first} to {last} stand"
            text = f"{name} {count} times"
            files = [slots.name_files(slots.doubles[index]) for index in (first, last)]
            is_same = all(
                len({slots.shown.hashes[at] for at in slots.doubles[index]}) == 1 for index in (first, last)
            )
            if files[0] == files[1] and len(files[0]) > 1 and is_same:
                text += (
                    f"; {' and '.join(files[0])} {'both' if len(files[0]) == 2 else 'all'} show them: name each file once,"
                    " and an older export of the same lines with --held"
                )
            findings.append(Finding("inserted", text, first, last))
    return findings


def name_uncovered(slots: Slots, newest: int, shift: int, signed: bool) -> list[Finding]:
    """Entries after the newest checkpoint."""
    first, last = newest + shift, slots.end() - 1
    if not signed or last < first:
        return []
    text = f"no checkpoint covers {tell_range(first, last).rsplit(' ', 1)[0]}: put in, or their checkpoint is withheld"
    return [Finding("unsigned", text, first, last)]


def check_others(heads: Sequence[Head], chain: Sequence[Head], slots: Slots, walk: Walk) -> list[Finding]:
    """A checkpoint of somebody else over more entries than are shown, where the walk did not come to it."""
    own = max((head.size for head in heads if not head.held), default=0)
    beyond = [head for head in chain if head.held and head.size > max(own, slots.end())]
    if not beyond or any(finding.kind in {"rolled-back", "truncated"} for finding in walk.findings):
        return []
    head = beyond[-1]
    text = f"a checkpoint of size {head.size} is held elsewhere ({head.place}); the log shown has {slots.end()} entries"
    return [Finding("rolled-back", text, slots.end(), head.size - 1)]


def doubt_earlier(heads: Sequence[Head], start: int) -> list[str]:
    """A checkpoint of somebody else over fewer entries than lie before the export: nothing here can be held against it."""
    return [
        f"the checkpoint of size {head.size} ({head.place}) lies before the export's beginning, which is {start}; name the"
        " archives too"
        for head in heads
        if head.held and head.size < start
    ]


def check_receipts(shown: Shown, heads: Sequence[Head], doubts: list[str]) -> list[Finding]:
    """Every receipt's entry is in the log, unless the receipt is younger than all that was signed or is shown.

    How far that reaches is told by witnesses' times, where there are any, else by the entries themselves.
    """
    known = set(shown.hashes) if shown.receipts else set()
    signed_s = max((time_s for head in heads for time_s in head.witnessed.values()), default=None)
    reached = datetime.fromtimestamp(signed_s, UTC) if signed_s is not None else None
    if reached is None and shown.newest_at:
        with suppress(Unfit):
            reached = read_time(shown.newest_at)
    findings, is_bare = [], is_without_export(shown)
    for hashed, due, place in shown.receipts:
        if hashed in known:
            continue
        if is_bare:
            doubts.append(f"{place}: no export is named in which the receipt's entry could stand")
            continue
        if shown.start or (due and reached and due > reached):
            doubts.append(f"{place}: the receipt's entry may be older or younger than what is shown")
            continue
        text = f"{place}: a receipt was given for the entry {base64.b64encode(hashed).decode()}, which is not shown"
        if due is None:
            text += (
                "; if it was given less than a minute before the export, or after it, fetch the export anew"
            )
        findings.append(Finding("dropped", text))
    return findings


def check_proofs(shown: Shown, trust: Trust) -> tuple[list[Proof], list[Finding]]:
    """Every proof leads from its entry to the root of a checkpoint that the log has signed; and those checkpoints."""
    proofs, findings = [], []
    for text, place in shown.proofs:
        try:
            proof, wrong = check_proof(text, trust, place)
        except Unfit as error:
            findings.append(Finding("malformed", f"{place}: {error}"))
            continue
        findings += wrong
        if proof is not None:
            proofs.append(proof)
    return proofs, findings


def check_proof(text: str, trust: Trust, place: str) -> tuple[Proof | None, list[Finding]]:
    """A proof under a checkpoint that the log has signed, and what is wrong with it. Raises Unfit."""
    top, _, checkpoint = text.partition("\n\n")
    lines = top.split("\n")
    if len(lines) < 3 or lines[0] != PROOF or not lines[1].startswith("extra "):
        raise Unfit("this is no proof with its entry")
    number = lines[2].removeprefix("index ")
    if not DECIMAL.fullmatch(number):
        raise Unfit("the index of the proof is no number")
    leaf = sha256(b"\x00" + decode_base64(lines[1].removeprefix("extra "))).digest()
    path = [decode_base64(line) for line in lines[3:]]
    head, wrong = read_checkpoint(checkpoint, trust, place, held=True)
    if head is None:
        return None, wrong
    index = int(number)
    if index >= head.size or lead_to_root(index, head.size, leaf, path) != head.root:
        wrong.append(Finding("changed", f"{place}: the proof of entry {index} does not hold", index, index))
        return Proof(index, None, head), wrong
    return Proof(index, leaf, head), wrong


def split_reached(
    heads: Sequence[Head], proofs: Sequence[Proof], shown: Shown
) -> tuple[list[Head], list[str]]:
    """All heads, those of proofs among them that what is shown reaches: they count as held. And a doubt for each other."""
    reached = max([shown.start + len(shown.hashes), *(head.size for head in heads)])
    more = [proof.head for proof in proofs if proof.head.size <= reached]
    beyond = [proof.head for proof in proofs if proof.head.size > reached] if reached else []
    doubts = [
        f"the checkpoint of size {head.size} in the proof {head.place} is over more entries than are shown; fetch the export"
        " anew"
        for head in beyond
    ]
    return [*heads, *more], doubts


def compare_leaves(proofs: Sequence[Proof], slots: Slots) -> list[Finding]:
    """The entry of each proof is the one that is shown with its number."""
    findings = []
    for proof in proofs:
        index = proof.index
        if proof.leaf and any(each not in (proof.leaf, None) for each in slots.leaves(index, index + 1)):
            text = f"entry {index} is another than the one that the log has signed in the proof {proof.head.place}"
            findings.append(Finding("changed", text, index, index))
    return findings


def is_without_export(shown: Shown) -> bool:
    """Whether only proofs are named, and what somebody kept, and nothing that was exported."""
    return not (shown.has_start or shown.hashes) and all(held for _, _, held, _ in shown.notes)


def read_consistency(text: str) -> tuple[int, int, list[bytes]]:
    """Both sizes and the hashes, from an answer with a proof of consistency. Raises Unfit."""
    try:
        told = json.loads(text, parse_float=_refuse_float, object_pairs_hook=_refuse_twice)
        old, new, hashes = told["old"], told["new"], [decode_base64(each) for each in told["hashes"]]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Unfit("this is no answer with a proof of consistency") from None
    are_sizes = all(type(size) is int and 0 <= size < MAX_NUMBER for size in (old, new))
    if not are_sizes or old > new or any(len(hashed) != 32 for hashed in hashes):
        raise Unfit("this is no proof that leads from one size of the log to another")
    return old, new, hashes


def check_consistency(shown: Shown, heads: Sequence[Head]) -> tuple[list[Finding], list[str]]:
    """Every proof of consistency leads from each checkpoint of its older size to each of its newer one.

    One that does not is no proof that the log signed two histories; that it has no better one may be. A size of which no
    checkpoint is named leaves a doubt.
    """
    findings, doubts = [], []
    for text, place in shown.consistency:
        try:
            old, new, path = read_consistency(text)
        except Unfit as error:
            findings.append(Finding("malformed", f"{place}: {error}"))
            continue
        doubts += [
            f"{place}: no checkpoint of size {size} is named (--held), so that its proof of consistency says nothing"
            for size in sorted({old, new} - {head.size for head in heads})
        ]
        for older in heads:
            for newer in heads:
                if (older.size, newer.size) == (old, new) and not is_beginning(
                    old, older.root, new, newer.root, path
                ):
                    told = (
                        f"{place}: the proof does not lead from the checkpoint of size {old} ({older.place}) to that of size"
                        f" {new} ({newer.place}); fetch it anew, and if it stays so, the log has changed what it had signed"
                    )
                    findings.append(Finding("inconsistent", told))
    return findings, doubts


def doubt_unled(shown: Shown, heads: Sequence[Head]) -> list[str]:
    """A doubt for each checkpoint that no proof, or row of proofs, shows to be a beginning of the newest one.

    Two that begin alike may still go on differently, so it counts from the newest alone.
    """
    steps = []
    for text, _ in shown.consistency:
        with suppress(Unfit):
            steps.append(read_consistency(text)[:2])
    led = {max((head.size for head in heads), default=0)}
    for old, new in sorted(steps, key=lambda step: step[::-1], reverse=True):
        led |= {old} if new in led else set()
    unled = [head for head in heads if head.size not in led]
    if len(unled) > 6:
        sizes = tell_some(sorted(head.size for head in unled))
        return [f"no proof of consistency leads from the checkpoints of sizes {sizes} to the newest one"]
    return [
        f"no proof of consistency leads from the checkpoint of size {head.size} ({head.place}) to the newest one"
        for head in unled
    ]


def check_certificates(shown: Shown, trust: Trust, doubts: list[str]) -> list[Finding]:
    """Every certificate of a release is the one that the log's key has signed; one without a signature leaves a doubt."""
    logs = {(key.name, key.id): key for key in trust.logs if key.kind == 1}
    findings = []
    for text, place in shown.certificates:
        try:
            answer = json.loads(text, parse_float=_refuse_float, object_pairs_hook=_refuse_twice)
            signed, under = _ENCODE(answer["certificate"]), answer["signature"]
            if under is None:
                doubts.append(f"{place}: the certificate is not signed yet; fetch it again in a minute")
                continue
            body, signatures = split_note(f"{signed}\n\n{under}")  # Unfit is a ValueError
        except (ValueError, TypeError, KeyError, RecursionError):
            findings.append(Finding("malformed", f"{place}: this is no answer with a certificate"))
            continue
        known = [(logs[name, c[:4]], c[4:]) for name, c in signatures if (name, c[:4]) in logs]
        if not known:
            findings.append(
                Finding(
                    "foreign-key", f"{place}: no key of the log that you named has signed the certificate"
                )
            )
        elif not all(key.has_signed(body.encode(), content) for key, content in known):
            findings.append(
                Finding("bad-signature", f"{place}: the certificate is not the one that was signed")
            )
    return findings


def check_witnesses(shown: Shown, heads: Sequence[Head], wanted: int, doubts: list[str]) -> list[Finding]:
    """The newest checkpoint has enough witnesses. Where only an older one has, the lines after it leave a doubt.

    The log grows between two showings to a witness, so that its newest lines mostly have none yet. A log that shows its
    witnesses nothing any more looks alike: so it is told how many lines these are, and when witnesses have signed last.
    """
    if not wanted or not heads:
        return []
    newest = max(head.size for head in heads)
    signed: dict[int, dict[str, int]] = {}
    for head in heads:
        if head.size >= shown.start:
            signed[head.size] = head.witnessed | signed.get(head.size, {})
    enough = max((size for size, times in signed.items() if len(times) >= wanted), default=None)
    if enough is None:
        count = len(signed.get(newest, {}))
        text = f"{count} of {wanted} witnesses have signed the newest checkpoint, of size {newest}; enough signed none"
        return [Finding("unwitnessed", text, 0, newest - 1)]
    if enough < newest:
        when = datetime.fromtimestamp(sorted(signed[enough].values())[wanted - 1], UTC).isoformat()
        doubts.append(
            f"{newest - enough} lines, from {enough} on, have not as many witnesses as were asked for ({wanted}): the newest"
            f" checkpoint with so many is of size {enough}, signed by them at {when}"
        )
    return []


def doubt_unwitnessed(alone: Sequence[Proof], wanted: int) -> list[str]:
    """A doubt for each proof beside which nothing is shown and whose checkpoint has too few witnesses of its own.

    The log may have signed it for its holder alone.
    """
    return [
        f"{len(proof.head.witnessed)} of {wanted} witnesses have signed the checkpoint of size {proof.head.size} in the"
        f" proof {proof.head.place}; fetch the proof again some minutes later, or name an export beside it"
        for proof in alone
        if len(proof.head.witnessed) < wanted
    ]


def is_compared(shown: Shown, heads: Sequence[Head], proofs: Sequence[Proof]) -> bool:
    """Whether a checkpoint that was kept or witnessed, a receipt or a proof was held against the entries that are shown."""
    if any(head.size >= max(shown.start, 1) and (head.held or head.witnessed) for head in heads):
        return True
    kept = {hashed for hashed, _, _ in shown.receipts} | {proof.leaf for proof in proofs}
    return not kept.isdisjoint(shown.hashes)


def merge(findings: Iterable[Finding]) -> list[Finding]:
    """Each finding once, in the order of the log. Other damage explains the completion that lost its entry."""
    unique = tell_strangers_once(list(dict.fromkeys(findings)))
    if any(finding.kind != "contradiction" and finding.first is not None for finding in unique):
        unique = [finding for finding in unique if finding.kind != "contradiction" or finding.first is None]
    return sorted(unique, key=lambda finding: (finding.first is None, finding.first or 0))


def tell_strangers_once(findings: Sequence[Finding]) -> list[Finding]:
    """Checkpoints that only the same strangers have signed are one finding, in the place of the first.

    Most often an old key of the log was not named, which has signed thousands of them.
    """
    told: list[Finding] = []
    counts = Counter(finding.signers for finding in findings if finding.signers)
    for finding in findings:
        count = counts.pop(finding.signers, 0) if finding.signers else 1
        more = f"; so are {count - 1} more checkpoints" if count > 1 else ""
        if count and finding.signers:
            more += ". If it is an older or newer key of the log, of which you were told by hand, name it too"
        if count:
            told.append(replace(finding, text=finding.text + more))
    return told


# --- the command line ------------------------------------------------------------------------------------------------


def read_arguments(words: Sequence[str]) -> argparse.Namespace:
    """The parsed command line; argparse leaves with code 2 on a wrong one."""
    parser = argparse.ArgumentParser(
        prog="penumbra_verify.py",
        description="Check a ledger of Penumbra: are these the entries that were signed?",
        epilog="Exit codes: 0 sound; 1 damaged; 2 unreadable or wrong usage; 3 nothing wrong, but not all could be checked.",
    )
    parser.add_argument(
        "export",
        nargs="*",
        type=Path,
        help="files of JSON Lines: entries and checkpoints, archives among them",
    )
    parser.add_argument(
        "--key", action="append", default=[], help="public key of the log, or a file of such lines"
    )
    parser.add_argument(
        "--witness-key", action="append", default=[], help="public key of a witness, or a file"
    )
    parser.add_argument(
        "--witnesses",
        type=read_count,
        default=0,
        help="how many witnesses must have signed; lines after the newest checkpoint with so many are told",
    )
    parser.add_argument(
        "--held", action="append", default=[], type=Path, help="a checkpoint that you or a witness kept"
    )
    parser.add_argument(
        "--receipt", action="append", default=[], type=Path, help="receipts, one Access-Receipt a line"
    )
    parser.add_argument(
        "--proof", action="append", default=[], type=Path, help="a proof to keep (tlog-proof)"
    )
    parser.add_argument(
        "--consistency",
        action="append",
        default=[],
        type=Path,
        help="an answer with a proof of consistency, between two checkpoints that are named with --held",
    )
    parser.add_argument(
        "--certificate", action="append", default=[], type=Path, help="an answer with a release's certificate"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args(words)


def read_count(text: str) -> int:
    """How many. Raises ArgumentTypeError."""
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 on")
    return int(text)


def read_text(path: Path) -> str:
    """What a small file says. Raises Unfit, OSError."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Unfit(f"{path.name} is no text") from None


def read_keys(words: Iterable[str], kind: int) -> list[Key]:
    """Keys from the command line: each a key or the name of a file with one a line. kind: 1 of a log, 4 of a witness.

    Raises Unfit, OSError.
    """
    keys = []
    for word in words:
        path = Path(word)
        is_file = len(word) < 4096 and path.exists()
        for line in read_text(path).splitlines() if is_file else [word]:
            if line.strip() and not line.startswith("#"):
                try:
                    key = read_key(line)
                    if key.kind != kind:
                        raise Unfit(f"this is a key of a {'witness' if key.kind == 4 else 'log'}")
                    keys.append(key)
                except Unfit as error:
                    name = f"the file {path.name}" if is_file else f"{word[:60]!r}, which is no file"
                    raise Unfit(f"{name}: {error}") from None
    return keys


def gather(asked: argparse.Namespace) -> Shown:
    """Everything that the command line names. Raises Unfit, OSError."""
    shown = Shown()
    for path, count in Counter(path.resolve() for path in asked.export).items():
        if count > 1:
            raise Unfit(f"{path.name} is named {count} times: name each export and archive once")
    for path in order_exports(asked.export):
        read_export(path, shown)
    for path in asked.held:
        take_held(path, shown)
    for path in asked.receipt:
        text, before = read_text(path), len(shown.receipts)
        for number, line in enumerate(text.splitlines(), 1):
            at, _, rest = line.rpartition("\t")
            place = f"{path.name}, line {number}"
            if rest.strip():
                try:
                    take_receipt(rest, at.strip() or None, place, shown)
                except Unfit as error:
                    what = "give one receipt a line, as it stood behind Access-Receipt:"
                    raise Unfit(f"{place}: {error}; {what}") from None
        if len(shown.receipts) == before:
            raise Unfit(f"{path.name} holds no receipt")
    shown.proofs = [(read_part(path, PROOF, "proof"), path.name) for path in asked.proof]
    shown.consistency = [
        (read_part(path, '"hashes"', "answer with a proof of consistency"), path.name)
        for path in asked.consistency
    ]
    shown.certificates = [
        (read_part(path, '"certificate"', "answer with a certificate"), path.name)
        for path in asked.certificate
    ]
    return shown


def take_held(path: Path, shown: Shown) -> None:
    """A checkpoint that somebody kept, or a file of JSON Lines with some. Raises Unfit where it holds none, OSError."""
    text, before = read_text(path), len(shown.notes)
    if text.startswith("{"):
        read_export(path, shown, held=True)
    elif f"\n{DASH}" in text:
        # whoever kept it may have lost or added a line's end
        text = text.rstrip("\n") + "\n"
        try:
            is_one = "" not in split_note(text)[0][:-1].split("\n")
        except Unfit:
            is_one = False
        if not is_one:
            raise Unfit(
                f"{path.name} holds something else than one checkpoint: name each in a file of its own"
            )
        shown.notes.append((text, path.name, True, None))
    if len(shown.notes) == before:
        raise Unfit(f"{path.name} holds no checkpoint: it may be what the service said where it had none")


def read_part(path: Path, mark: str, what: str) -> str:
    """A file that was named as a `what`, which holds this mark. Raises Unfit, OSError."""
    text = read_text(path)
    if mark not in text:
        raise Unfit(f"{path.name} is no {what}: it may be what the service said where it had none")
    return text


def tell_why_nothing(
    asked: argparse.Namespace, keys: Sequence[Key], witnesses: Sequence[Key], shown: Shown
) -> str | None:
    """Why nothing can be checked, or not what was asked for, where that is so."""
    if asked.witnesses and not asked.witness_key:
        return "name the witnesses' keys (--witness-key) beside their number (--witnesses)"
    named = {key.name for key in witnesses}
    if asked.witnesses > len(named):
        return (
            f"{asked.witnesses} witnesses are asked for, and keys of {len(named)} are named (--witness-key)"
        )
    if not (asked.export or asked.held or asked.proof or asked.certificate):
        return "name an export, a proof, a certificate, or checkpoints and a proof of consistency"
    if not (shown.hashes or shown.notes or shown.proofs or shown.certificates):
        first = f": {shown.findings[0].text}" if shown.findings else ""
        return f"these files hold no entry and no checkpoint{first}"
    return None if keys else "name the log's public key (--key)"


def tell(report: Report) -> str:
    """The report for people."""
    counts = report.counts
    what = (
        "these are {}the entries that were signed"
        if counts["entries"]
        else "what was named is {}what was signed"
    )
    words = {
        SOUND: f"SOUND: {what.format('')}.",
        DAMAGED: f"DAMAGED: {what.format('not ')}.",
        UNDECIDED: "UNDECIDED: nothing wrong was found, but not all could be checked.",
    }
    begins = f" from index {counts['start']} on" if counts["start"] else ""
    lines = [
        words[report.code],
        f"  {counts['entries']} lines of the log{begins}, {counts['proven']} proven by {counts['checkpoints']} checkpoints"
        f" up to size {counts['size']}; {counts['receipts']} receipts, {counts['proofs']} proofs,"
        f" {counts['consistency']} proofs of consistency, {counts['certificates']} certificates",
        f"  {counts['open']} entries have no completion; count as full disclosure {counts['open_disclosing']} of them,"
        " whose action begins with read. or export.",
    ]
    if counts["entries"] and report.code != DAMAGED and not report.compared:
        lines.append(
            "  compared with nothing from elsewhere: a history that the key's holder wrote anew would pass"
        )
    # a text may hold the end of a line, and go on with a verdict of its own
    told = [f"{finding.kind}: {finding.text}" for finding in report.findings]
    told += [f"not checked: {doubt}" for doubt in report.doubts]
    lines += ["  " + text.replace("\n", "\\n") for text in told]
    if report.code == DAMAGED:
        lines.append(
            "  what to do: keep these files and words, fetch the files a second time (one that was cut on its way fails"
            " too), and read 'What a failed check means' in the audit guide"
        )
    return "\n".join(lines)


def main(words: Sequence[str] | None = None) -> int:
    """Check what the command line names, print the verdict, return the exit code."""
    asked = read_arguments(sys.argv[1:] if words is None else words)
    try:
        shown = gather(asked)
        keys = read_keys(asked.key or shown.told_keys, 1)
        trust = Trust(keys, read_keys(asked.witness_key, 4), self_told=not asked.key)
    except (Unfit, OSError) as error:
        print("cannot check: " + make_plain(str(error)).replace("\n", "\\n"), file=sys.stderr)
        return UNREADABLE
    if why := tell_why_nothing(asked, keys, trust.witnesses, shown):
        print("cannot check: " + make_plain(why).replace("\n", "\\n"), file=sys.stderr)
        return UNREADABLE
    report = verify(shown, trust, asked.witnesses)
    if asked.json:
        findings = [vars(finding) for finding in report.findings]
        told = {
            "code": report.code,
            "findings": findings,
            "doubts": report.doubts,
            "compared": report.compared,
        }
        say(json.dumps(told | report.counts))
    else:
        say(tell(report))
    return report.code


def run() -> int:
    """As a program: whatever the terminal can show, and whoever stops reading, the exit code is the verdict's."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    return main()


def make_plain(text: str) -> str:
    """The text with whatever is no visible letter as its code: names from a file must not move the cursor of a terminal."""
    return "".join(
        char if char == "\n" or char.isprintable() else ascii(char)[1:-1].replace("\\u00", "\\x")
        for char in text
    )


def say(text: str) -> None:
    """Print; whoever reads may have gone."""
    try:
        print(make_plain(text), flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(run())
