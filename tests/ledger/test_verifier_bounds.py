"""The stand-alone verifier ends with a verdict, whatever whoever holds the log's key and database made of the lines."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

from accounts.ledger.proof.canonical import canonicalise
from accounts.ledger.proof.checkpoint import TreeHead, sign_head
from accounts.ledger.proof.export import write_leaf_line
from tests.ledger.test_damaged_files import KEY, judge
from tests.pure.ledger.invented_log import VERIFIER, InventedLog, make_log
from tests.pure.ledger.test_note import LOG

pytestmark = pytest.mark.no_database
Printed = pytest.CaptureFixture[str]
BATCH = 10


@cache
def log() -> InventedLog:
    """A sound log of many small batches."""
    return make_log(140, BATCH)


def write(leaves: Iterable[bytes]) -> list[bytes]:
    """The lines of these leaves, numbers and hashes written anew."""
    return [write_leaf_line(leaf, index) for index, leaf in enumerate(leaves)]


def rewrite(batches: Iterable[int]) -> list[bytes]:
    """The log's leaves, in each of these batches one that was changed."""
    leaves = list(log().leaves)
    for batch in batches:
        leaves[batch * BATCH + 3] = leaves[batch * BATCH + 3].replace(b'"nonce":"', b'"nonce":"0')
    return leaves


@pytest.mark.parametrize(
    ("changed", "kinds"),
    [
        (0, [("reordered", 5)]),
        (4, [("reordered", 5), ("changed", 20), ("changed", 40)]),
        (5, [("changed", 0), ("changed", 20), ("changed", 40)]),
    ],
)
def test_of_many_batches_that_were_written_anew_none_is_searched_for_what_changed_places(
    capsys: Printed, tmp_path: Path, changed: int, kinds: list[tuple[str, int]]
) -> None:
    """Each pair of batches took seconds: of a log of which a month was written anew there was no verdict in days."""
    leaves = rewrite(range(2, 2 + 2 * changed, 2))
    leaves[5], leaves[135] = leaves[135], leaves[5]
    content = b"".join([log().lines()[0], *log().checkpoint_lines(), *write(leaves)])
    code, found, told = judge(capsys, tmp_path, content)
    assert (code, found[: len(kinds)]) == (1, kinds)
    assert ("none was searched" in told) == (kinds[0][0] == "changed")
    assert len(found) == (changed + 1 if kinds[0][0] == "reordered" else changed + 2)


def test_a_missing_line_beside_two_that_changed_places_is_no_fault_of_the_verifier(
    capsys: Printed, tmp_path: Path
) -> None:
    leaves = list(log().leaves)
    leaves[5], leaves[132] = leaves[132], leaves[5]
    lines = write(leaves)
    notes = log().checkpoint_lines()
    newest = json.loads(notes[-1])
    del newest["edge"]
    notes[-1] = canonicalise(newest) + b"\n"
    content = b"".join([log().lines()[0], *notes, *lines[:134], *lines[135:]])
    code, found, _ = judge(capsys, tmp_path, content)
    assert (code, ("deleted", 134) in found, ("changed", 0) in found) == (1, True, True)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory cannot be bounded")
def test_a_line_far_behind_all_others_under_a_signed_size_takes_no_memory_without_end(tmp_path: Path) -> None:
    """Whoever holds the key could sign any size, and one line with a number below it was enough."""
    size = 10**17
    note = canonicalise({"checkpoint": str(sign_head(TreeHead(LOG.name, size, bytes(32)), [LOG]))}) + b"\n"
    first, *rest = log().lines()
    content = b"".join([first, *rest, note, write_leaf_line(log().leaves[0], size - 5)])
    file = tmp_path / "export.jsonl"
    file.write_bytes(content)
    ended = subprocess.run(
        [sys.executable, VERIFIER, KEY, "--json", file],
        capture_output=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30)),
    )
    assert (ended.returncode, ended.stderr) == (1, b"")
    found = json.loads(ended.stdout)["findings"]
    kinds = [(each["kind"], each["first"], each["last"]) for each in found]
    assert ("deleted", 140, size - 5) in kinds
