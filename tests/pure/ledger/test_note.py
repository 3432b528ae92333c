"""Signed notes, checkpoints, cosignatures and offline proofs: what was signed verifies, and nothing else does."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.ledger.proof.checkpoint import (
    CheckpointRefused,
    TreeHead,
    cosign,
    open_checkpoint,
    read_cosignatures,
    read_head,
    sign_head,
)
from accounts.ledger.proof.note import (
    COSIGNATURE,
    ED25519,
    Note,
    NoteRefused,
    SigningKey,
    make_key,
    parse_note,
    read_signing_key,
    read_verifier_key,
    sign_note,
    verify_note,
)
from accounts.ledger.proof.offline import OfflineProof, parse_proof
from accounts.ledger.proof.paths import ProofBroken, list_inclusion_ranges, make_proof
from accounts.ledger.proof.tree import Frontier, Node, hash_leaf


def seeded_key(name: str, number: int = 0, kind: int = ED25519) -> SigningKey:
    """The same key for the same name and number."""
    return SigningKey(name, kind, sha256(f"{name} {number}".encode()).digest())


LOG, OTHER = seeded_key("penumbra.example/ledger"), seeded_key("penumbra.example/ledger", 1)
WITNESS = seeded_key("witness.example/w1", 0, COSIGNATURE)
HEAD = TreeHead(LOG.name, 7, sha256(b"seven").digest())
CHECKPOINT = str(sign_head(HEAD, [LOG]))
TIME_S = 1_790_000_000


def test_a_key_is_read_back_from_what_was_written() -> None:
    for kind in (ED25519, COSIGNATURE):
        key = make_key("penumbra.example/ledger", kind)
        assert read_signing_key(key.write_secret() + "\n") == key
        assert read_verifier_key(str(key.verifier)) == key.verifier
    assert make_key("a") != make_key("a")


def test_a_private_key_is_not_shown_and_not_repeated_in_an_error() -> None:
    secret = LOG.write_secret()
    assert LOG.seed.hex() not in repr(LOG)
    assert repr(LOG.seed) not in repr(LOG)
    for damaged in (secret.replace("PRIVATE", "PUBLIC"), secret[:-3], secret.replace(secret[20:24], "zzzz")):
        with pytest.raises(NoteRefused) as refused:
            read_signing_key(damaged)
        assert secret[-20:] not in str(refused.value)


def test_the_id_binds_name_kind_and_key() -> None:
    ids = {LOG.verifier.id, OTHER.verifier.id, seeded_key("b").verifier.id}
    ids.add(SigningKey(LOG.name, COSIGNATURE, LOG.seed).verifier.id)
    assert len(ids) == 4


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\nb", "a\u2003b", "\t"])
def test_a_name_that_could_be_misread_is_refused(name: str) -> None:
    with pytest.raises(NoteRefused):
        make_key(name)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a+b",
        "a+00000000+AAAA",
        str(LOG.verifier)[:-1],
        str(LOG.verifier) + "x",
        "+" + str(LOG.verifier),
    ],
)
def test_a_public_key_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(NoteRefused):
        read_verifier_key(text)


def test_a_checkpoint_says_what_was_signed() -> None:
    head, note = open_checkpoint(CHECKPOINT, [LOG.verifier])
    assert head == HEAD
    assert str(note) == CHECKPOINT
    assert CHECKPOINT.startswith("penumbra.example/ledger\n7\n")


def test_a_checkpoint_of_another_key_is_not_believed() -> None:
    for keys in ([], [OTHER.verifier], [WITNESS.verifier]):
        with pytest.raises(NoteRefused, match="No known key"):
            open_checkpoint(CHECKPOINT, keys)


def test_two_keys_sign_while_one_takes_over_and_either_is_enough() -> None:
    both = str(sign_head(HEAD, [LOG, OTHER]))
    for keys in ([LOG.verifier], [OTHER.verifier]):
        assert open_checkpoint(both, keys)[0] == HEAD
    assert verify_note(parse_note(both), [OTHER.verifier, LOG.verifier]) == [LOG.verifier, OTHER.verifier]


@given(st.integers(0, len(CHECKPOINT.encode()) * 8 - 1))
def test_no_single_bit_of_a_checkpoint_can_be_turned(bit: int) -> None:
    content = bytearray(CHECKPOINT.encode())
    content[bit // 8] ^= 1 << bit % 8
    with pytest.raises((NoteRefused, UnicodeDecodeError)):
        open_checkpoint(bytes(content).decode(), [LOG.verifier])


def test_a_wrong_signature_of_a_known_key_spoils_a_note_that_another_has_signed() -> None:
    good, forged = sign_head(HEAD, [LOG]), sign_head(TreeHead(LOG.name, 8, HEAD.root), [OTHER])
    mixed = Note(good.text, [*good.signatures, *forged.signatures])
    with pytest.raises(NoteRefused, match="is wrong"):
        verify_note(mixed, [LOG.verifier, OTHER.verifier])
    assert verify_note(mixed, [LOG.verifier]) == [LOG.verifier]


@pytest.mark.parametrize(
    "text",
    [
        "log\n7\n",
        "log\n07\nAAAA\n",
        "log\n-7\nAAAA\n",
        "log\n7.0\nAAAA\n",
        "log\n٧\nAAAA\n",
        "log\n99999999999999999999\nAAAA\n",
        "log\n7\nAAAA\n",
        "log\n7\nnot base64\n",
        f"\n7\n{str(HEAD).splitlines()[2]}\n",
        f"log\n7\n{str(HEAD).splitlines()[2]}\n\nmore\n",
    ],
)
def test_a_signed_text_that_is_no_checkpoint_is_refused(text: str) -> None:
    note = sign_note(text, [LOG])
    with pytest.raises(NoteRefused):
        read_head(note)
    with pytest.raises((CheckpointRefused, NoteRefused)):
        open_checkpoint(str(note), [LOG.verifier])


def test_more_lines_after_the_root_are_allowed_and_signed() -> None:
    note = sign_note(f"{HEAD}more\n", [LOG])
    assert open_checkpoint(str(note), [LOG.verifier])[0] == HEAD
    with pytest.raises(NoteRefused):
        open_checkpoint(str(note).replace("more", "less"), [LOG.verifier])


def test_a_witness_signs_the_checkpoint_and_its_time() -> None:
    note = parse_note(CHECKPOINT)
    signed = Note(note.text, [*note.signatures, cosign(note, WITNESS, TIME_S)])
    assert [(each.key, each.time_s) for each in read_cosignatures(signed, [WITNESS.verifier])] == [
        (WITNESS.verifier, TIME_S)
    ]
    assert open_checkpoint(str(signed), [LOG.verifier])[0] == HEAD
    assert read_cosignatures(signed, [LOG.verifier]) == []
    assert read_cosignatures(note, [WITNESS.verifier]) == []


def test_a_cosignature_of_another_time_or_checkpoint_is_refused() -> None:
    note = parse_note(CHECKPOINT)
    line = cosign(note, WITNESS, TIME_S)
    for change in (
        line.content[:7] + b"\x00" + line.content[8:],
        line.content[:-1],
        b"\xff" + line.content[1:],
        line.content[:8] + LOG.sign(note.text.encode()),
    ):
        wrong = Note(note.text, [*note.signatures, type(line)(line.name, line.key_id, change)])
        with pytest.raises(NoteRefused):
            read_cosignatures(wrong, [WITNESS.verifier])
    other = sign_head(TreeHead(LOG.name, 8, HEAD.root), [LOG])
    with pytest.raises(NoteRefused):
        read_cosignatures(Note(other.text, [line]), [WITNESS.verifier])


def test_a_log_key_cannot_cosign() -> None:
    with pytest.raises(NoteRefused):
        cosign(parse_note(CHECKPOINT), LOG, TIME_S)


def make_offline_proof(size: int, index: int) -> OfflineProof:
    """A proof of one of `size` leaves."""
    nodes: dict[Node, bytes] = {}
    frontier = Frontier()
    for number in range(size):
        nodes |= frontier.append(hash_leaf(b"leaf %d" % number))
    checkpoint = str(sign_head(TreeHead(LOG.name, size, frontier.root()), [LOG]))
    return OfflineProof(
        b"leaf %d" % index, index, make_proof(list_inclusion_ranges(index, size), nodes), checkpoint
    )


@given(st.integers(1, 40), st.data())
def test_an_offline_proof_is_read_back_and_verifies(size: int, data: st.DataObject) -> None:
    proof = make_offline_proof(size, data.draw(st.integers(0, size - 1)))
    assert parse_proof(str(proof)) == proof
    assert proof.verify([LOG.verifier]).size == size
    with pytest.raises(NoteRefused):
        proof.verify([OTHER.verifier])


@given(st.integers(1, 40), st.data())
def test_an_offline_proof_of_another_leaf_does_not_verify(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = make_offline_proof(size, index)
    other = data.draw(st.integers(0, 50).filter(lambda number: number != index))
    for wrong in (
        OfflineProof(b"another", index, proof.path, proof.checkpoint),
        OfflineProof(proof.leaf, other, proof.path, proof.checkpoint),
        OfflineProof(proof.leaf, index, [*proof.path, HEAD.root], proof.checkpoint),
        OfflineProof(proof.leaf, index, proof.path, CHECKPOINT),
    ):
        with pytest.raises(ProofBroken):
            wrong.verify([LOG.verifier])


@pytest.mark.parametrize("text", ["", "c2sp.org/tlog-proof@v1\nindex 0\n\n" + CHECKPOINT, "index 0\n\n"])
def test_a_text_that_is_no_offline_proof_is_refused(text: str) -> None:
    with pytest.raises(NoteRefused):
        parse_proof(text)
