"""The published vectors of RFC 6962 proofs, signed notes and checkpoints, where the data set is beside the project."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from accounts.ledger.proof.checkpoint import open_checkpoint, read_head
from accounts.ledger.proof.note import NoteRefused, parse_note, read_verifier_key, verify_note
from accounts.ledger.proof.paths import ProofBroken, verify_consistency, verify_inclusion
from accounts.ledger.proof.tree import Frontier, hash_leaf
from tests.pure.ledger.invented_log import load_verifier

pytestmark = pytest.mark.shared_data


@pytest.fixture
def vectors(shared_data: Path) -> Path:
    """The folder of vectors."""
    return shared_data / "ct-vectors"


def read_all(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    """Every vector of a folder by its path."""
    files = sorted(folder.rglob("*.json"))
    assert len(files) == 98
    return [(str(file.relative_to(folder)), json.loads(file.read_text())) for file in files]


@contextmanager
def refusing(error: type[Exception], name: str) -> Iterator[None]:
    """Fail, naming the vector, unless what happens inside is refused."""
    try:
        yield
    except error:
        return
    pytest.fail(f"{name} must be refused")


def unpack(text: str | None) -> bytes:
    """Bytes from base64; a missing text is empty."""
    return base64.b64decode(text or "")


def test_all_98_inclusion_proofs_are_judged_as_published(vectors: Path) -> None:
    refused = 0
    for name, case in read_all(vectors / "inclusion"):
        proof = [unpack(hashed) for hashed in case["proof"] or []]
        question = case["leafIdx"], case["treeSize"], unpack(case["leafHash"]), proof, unpack(case["root"])
        if case["wantErr"]:
            refused += 1
            with refusing(ProofBroken, name):
                verify_inclusion(*question)
        else:
            verify_inclusion(*question)
    assert refused == 92


def test_all_98_consistency_proofs_are_judged_as_published(vectors: Path) -> None:
    refused = 0
    for name, case in read_all(vectors / "consistency"):
        proof = [unpack(hashed) for hashed in case["proof"] or []]
        question = case["size1"], case["size2"], unpack(case["root1"]), unpack(case["root2"]), proof
        if case["wantErr"]:
            refused += 1
            with refusing(ProofBroken, name):
                verify_consistency(*question)
        else:
            verify_consistency(*question)
    assert refused == 92


def test_the_verifier_judges_the_consistency_proofs_as_published_but_for_the_empty_tree(
    vectors: Path,
) -> None:
    """Every tree begins with the empty one; the published vectors refuse to be asked."""
    is_beginning, otherwise = load_verifier().is_beginning, []
    for name, case in read_all(vectors / "consistency"):
        proof = [unpack(hashed) for hashed in case["proof"] or []]
        question = case["size1"], unpack(case["root1"]), case["size2"], unpack(case["root2"]), proof
        if is_beginning(*question) == case["wantErr"]:
            otherwise.append(name)
    assert otherwise == ["additional/size1-is-zero-and-size2-is-not-zero.json"]


def test_every_signed_note_verifies_with_the_keys_that_signed_it(vectors: Path) -> None:
    told = json.loads((vectors / "signed-notes.json").read_text())
    keys = {name: read_verifier_key(text) for name, text in told["verifier_keys"].items()}
    for case in told["notes"]:
        note = parse_note(case["note"])
        assert str(note) == case["note"]
        if case["verifies_with"]:
            assert verify_note(note, keys.values()) == [keys[name] for name in case["verifies_with"]]
            for name in case["verifies_with"]:
                assert verify_note(note, [keys[name]]) == [keys[name]]
        else:
            with pytest.raises(NoteRefused):
                verify_note(note, keys.values())


def test_every_malformed_note_and_key_is_refused(vectors: Path) -> None:
    told = json.loads((vectors / "signed-notes.json").read_text())
    assert len(told["malformed"]) >= 7
    for case in told["malformed"]:
        with refusing(NoteRefused, case["why"]):
            parse_note(case["note"])
    for text in told["bad_verifier_keys"]:
        with pytest.raises(NoteRefused):
            read_verifier_key(text)


def test_the_examples_of_the_specifications_have_the_form_of_notes(vectors: Path) -> None:
    examples = json.loads((vectors / "signed-notes.json").read_text())["specification_examples"]
    assert str(parse_note(examples["signed_note"])) == examples["signed_note"]
    head = read_head(parse_note(examples["checkpoint"]))
    assert (head.origin, head.size) == ("example.com/behind-the-sofa", 20852163)


def test_another_logs_checkpoints_recompute_from_its_leaves_at_every_size(vectors: Path) -> None:
    log = json.loads((vectors / "log-checkpoints.json").read_text())
    key = read_verifier_key(log["verifier_key"])
    frontier, roots = Frontier(), [Frontier().root()]
    for leaf, told in zip(log["leaves"], log["leaf_hashes"], strict=True):
        hashed = hash_leaf(leaf.encode())
        assert hashed == unpack(told)
        frontier.append(hashed)
        roots.append(frontier.root())
    assert len(log["checkpoints"]) == 16
    for case in log["checkpoints"]:
        head, note = open_checkpoint(case["note"], [key])
        assert (head.origin, head.size, head.root) == (key.name, case["size"], roots[case["size"]])
        assert str(note) == case["note"]
