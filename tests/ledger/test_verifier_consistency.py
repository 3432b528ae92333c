"""The stand-alone verifier and proofs of consistency: two kept checkpoints, what the service gives, and no export."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from accounts.ledger.proof.checkpoint import TreeHead, sign_head
from accounts.ledger.proof.note import Note, encode_base64
from accounts.ledger.proof.paths import list_consistency_ranges, make_proof
from accounts.ledger.proof.tree import hash_leaf
from tests.ledger.test_damaged_files import KEY, export, log, verifier
from tests.ledger.test_verifier_edges import Printed, put
from tests.pure.ledger import naive
from tests.pure.ledger.invented_log import make_log
from tests.pure.ledger.test_note import LOG

pytestmark = pytest.mark.no_database
LEAVES = [bytes([number]) for number in range(33)]
ROOTS = [naive.tree_hash(LEAVES[:size]) for size in range(34)]


def write_proof(old: int, new: int, /, **other: Any) -> str:
    """The answer of the service for the invented log."""
    path = make_proof(list_consistency_ranges(old, new), log().nodes) if old else []
    return json.dumps({"old": old, "new": new, "hashes": [encode_base64(each) for each in path]} | other)


def sign(size: int, root: bytes | None = None) -> Note:
    """A checkpoint of the invented log, or one of this size and another root that the log has signed too."""
    leaves = [hash_leaf(leaf) for leaf in log().leaves[:size]]
    grown = verifier.fold(verifier.extend(0, [], leaves))
    return sign_head(TreeHead(LOG.name, size, root or grown), [LOG])


def judge(
    capsys: Printed, folder: Path, proofs: Sequence[str], held: Sequence[Note], *words: object
) -> tuple[int, list[str], str]:
    """Exit code, kinds of damage, and what was printed."""
    named: list[object] = [KEY, "--json"]
    for number, text in enumerate(proofs):
        named += ["--consistency", put(folder, f"proof{number}.json", text)]
    for number, note in enumerate(held):
        named += ["--held", put(folder, f"held{number}", str(note))]
    code = verifier.main([*map(str, named), *map(str, words)])
    told = capsys.readouterr()
    if code == verifier.UNREADABLE:
        return code, [], told.err
    return code, [finding["kind"] for finding in json.loads(told.out)["findings"]], told.out


def test_every_proof_of_a_small_tree_holds_and_no_changed_one_does() -> None:
    for new in range(34):
        for old in range(new + 1):
            path = naive.consistency(old, LEAVES[:new]) if 0 < old < new else []
            assert verifier.is_beginning(old, ROOTS[old], new, ROOTS[new], path), (old, new)
            other = bytes(32)
            changed = [[*path[:at], other, *path[at + 1 :]] for at in range(len(path))]
            for wrong in [*changed, path[:-1] if path else [other], [*path, other]]:
                assert not verifier.is_beginning(old, ROOTS[old], new, ROOTS[new], wrong), (old, new)
            assert not verifier.is_beginning(old, other, new, ROOTS[new], path), (old, new)
            if old:
                assert not verifier.is_beginning(old, ROOTS[old], new, other, path), (old, new)
                assert not verifier.is_beginning(new + 1, ROOTS[old], new, ROOTS[new], path), (old, new)


@pytest.mark.parametrize("sizes", [(1, 500), (256, 500), (300, 500), (300, 300), (0, 500)])
def test_two_checkpoints_and_the_services_proof_need_no_export(
    capsys: Printed, tmp_path: Path, sizes: tuple[int, int]
) -> None:
    proof = write_proof(*sizes)
    assert judge(capsys, tmp_path, [proof], [sign(size) for size in sizes])[:2] == (0, [])
    assert judge(capsys, tmp_path, [proof], [sign(size) for size in reversed(sizes)])[:2] == (0, [])


def test_a_log_that_was_written_anew_has_no_proof(capsys: Printed, tmp_path: Path) -> None:
    other = make_log(500, 100, seed=5)
    code, found, told = judge(capsys, tmp_path, [write_proof(300, 500)], [sign(300), other.notes[500]])
    assert (code, found) == (1, ["inconsistent"])
    assert "from the checkpoint of size 300 (held0) to that of size 500 (held1)" in told
    assert judge(capsys, tmp_path, [write_proof(300, 500)], [sign(300, bytes(32)), sign(500)])[1] == [
        "inconsistent"
    ]


def test_two_trees_of_one_size_are_a_fork_beside_a_proof_too(capsys: Printed, tmp_path: Path) -> None:
    held = [sign(300), sign(300, bytes(32)), sign(500)]
    code, found, _ = judge(capsys, tmp_path, [write_proof(300, 500)], held)
    assert (code, sorted(found)) == (1, ["forked", "inconsistent"])


def test_proofs_lead_on_from_one_to_the_next_and_what_none_reaches_is_told(
    capsys: Printed, tmp_path: Path
) -> None:
    held = [sign(size) for size in (100, 300, 500)]
    row = [write_proof(100, 300), write_proof(300, 500)]
    assert judge(capsys, tmp_path, row, held)[0] == 0
    assert judge(capsys, tmp_path, row[::-1], held)[0] == 0
    code, found, told = judge(capsys, tmp_path, row[:1], held)
    assert (code, found) == (3, [])
    assert "from the checkpoint of size 300 (held1) to the newest one" in told
    assert "from the checkpoint of size 100 (held0) to the newest one" in told
    # both begin with the first, and may still differ
    assert judge(capsys, tmp_path, [write_proof(100, 300), write_proof(100, 500)], held)[0] == 3


def test_a_proof_between_checkpoints_that_are_not_named_says_nothing(capsys: Printed, tmp_path: Path) -> None:
    code, found, told = judge(capsys, tmp_path, [write_proof(100, 500)], [sign(500)])
    assert (code, found) == (3, [])
    assert "no checkpoint of size 100 is named" in told
    assert judge(capsys, tmp_path, [write_proof(100, 500)], [])[0] == 2


def test_beside_an_export_the_entries_are_checked_as_ever(capsys: Printed, tmp_path: Path) -> None:
    whole = put(tmp_path, "export.jsonl", b"".join(export()))
    size = max(log().notes)
    proof, held = write_proof(100, size), [sign(100)]
    assert judge(capsys, tmp_path, [proof], held, whole)[:2] == (0, [])
    cut = put(tmp_path, "cut.jsonl", b"".join(export()[:-1]))
    assert judge(capsys, tmp_path, [proof], held, cut)[:2] == (1, ["truncated"])


TWICE = write_proof(100, 500).replace('"old": 100', '"old": 1, "old": 100')


@pytest.mark.parametrize(
    "text",
    [
        TWICE,
        write_proof(100, 500, old=True),
        write_proof(100, 500, old=100.0),
        write_proof(100, 500, old=float("nan")),
        write_proof(100, 500, old=-100),
        write_proof(100, 500, new=10**18),
        write_proof(100, 500, new=99),
        write_proof(100, 500).replace("500", "7" * 5000),
        write_proof(100, 500, hashes=None),
        write_proof(100, 500, hashes=[7]),
        write_proof(100, 500, hashes=["AAAA"]),
        write_proof(100, 500, hashes={"é": 1}),
        '"hashes"',
        '["hashes"]',
        '{"hashes": ' + "[" * 100_000,
    ],
)
def test_an_answer_that_is_no_proof_is_malformed(capsys: Printed, tmp_path: Path, text: str) -> None:
    code, found, _ = judge(capsys, tmp_path, [text], [sign(100), sign(500)])
    assert (code, found) == (1, ["malformed"])


def test_what_the_service_says_in_place_of_a_proof_is_no_damage(capsys: Printed, tmp_path: Path) -> None:
    problem = '{"type":"about:blank","status":404}'
    code, _, told = judge(capsys, tmp_path, [problem], [sign(100), sign(500)])
    assert (code, "proof0.json is no answer with a proof of consistency" in told) == (2, True)
