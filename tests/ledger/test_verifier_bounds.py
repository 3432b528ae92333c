"""The stand-alone verifier ends with a verdict, whatever whoever holds the log's key and database made of the lines."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

from accounts.ledger.proof.canonical import canonicalise
from accounts.ledger.proof.export import write_leaf_line
from tests.ledger.test_damaged_files import judge
from tests.pure.ledger.invented_log import InventedLog, make_log

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
