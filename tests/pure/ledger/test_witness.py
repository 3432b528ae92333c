"""A witness signs what continues the head it remembers, and refuses every other past, as C2SP tlog-witness says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.ledger.proof.checkpoint import TreeHead, read_cosignatures, sign_head
from accounts.ledger.proof.note import COSIGNATURE, Note, parse_note, parse_signature
from accounts.ledger.proof.paths import list_consistency_ranges, make_proof
from accounts.ledger.proof.tree import EMPTY_ROOT, Frontier, Node, hash_leaf
from accounts.ledger.proof.witness import Submission, Verdict, judge, parse_submission
from tests.pure.ledger.test_note import LOG, OTHER, TIME_S, seeded_key

WITNESS = seeded_key("witness.example/w1", 0, COSIGNATURE)
LOGS = {LOG.name: [LOG.verifier]}


class GrowingLog:
    """A log of `size` leaves whose first leaf may be of its own."""

    def __init__(self, size: int, first: bytes = b"leaf 0") -> None:
        self.nodes: dict[Node, bytes] = {}
        self.roots = [EMPTY_ROOT]
        frontier = Frontier()
        for leaf in [first, *(b"leaf %d" % number for number in range(1, size))][:size]:
            self.nodes |= frontier.append(hash_leaf(leaf))
            self.roots.append(frontier.root())

    def head(self, size: int) -> TreeHead:
        """The head at a size."""
        return TreeHead(LOG.name, size, self.roots[size])

    def submit(self, old: int, new: int) -> Submission:
        """What the log hands in to get from `old` to `new`."""
        proof = make_proof(list_consistency_ranges(old, new), self.nodes) if old else []
        return Submission(old, proof, str(sign_head(self.head(new), [LOG])))


HONEST, FORKED = GrowingLog(60), GrowingLog(60, b"another")


def ask(submission: object, before: TreeHead | None = None) -> Verdict:
    """What the witness says who remembers `before`."""
    return judge(str(submission), LOGS, {before.origin: before} if before else {}, WITNESS, TIME_S)


@given(st.integers(0, 60), st.integers(0, 60))
def test_what_continues_the_remembered_head_is_signed_and_remembered(one: int, other: int) -> None:
    old, new = sorted((one, other))
    submission = HONEST.submit(old, new)
    verdict = ask(submission, HONEST.head(old) if old else None)
    assert (verdict.status, verdict.remember) == (200, HONEST.head(new))
    note = parse_note(submission.checkpoint)
    signed = Note(note.text, [*note.signatures, parse_signature(verdict.body[:-1])])
    assert [each.time_s for each in read_cosignatures(signed, [WITNESS.verifier])] == [TIME_S]


@given(st.integers(1, 60), st.integers(1, 60))
def test_another_past_is_refused_and_not_remembered(one: int, other: int) -> None:
    old, new = sorted((one, other))
    verdict = ask(FORKED.submit(old, new), HONEST.head(old))
    assert (verdict.status, verdict.remember) == (409 if old == new else 422, None)


@given(st.integers(1, 60), st.integers(0, 59))
def test_a_log_that_goes_back_is_refused_and_told_the_size_that_is_remembered(size: int, back: int) -> None:
    smaller = back % size
    verdict = ask(HONEST.submit(smaller, smaller), HONEST.head(size))
    assert (verdict.status, verdict.body, verdict.remember) == (409, f"{size}\n", None)


def test_a_log_that_forgot_what_the_witness_has_is_told() -> None:
    assert ask(HONEST.submit(0, 9), HONEST.head(5)) == Verdict(409, "5\n")
    assert ask(HONEST.submit(5, 9)) == Verdict(409, "0\n")


def test_a_proof_of_nothing_is_refused() -> None:
    checkpoint = HONEST.submit(0, 9).checkpoint
    assert ask(Submission(0, [EMPTY_ROOT], checkpoint)).status == 422
    assert ask(Submission(10, [], checkpoint)).status == 400


def test_an_unknown_log_and_an_unknown_key_are_told_apart() -> None:
    stranger = seeded_key("another.example/log")
    head = TreeHead(stranger.name, 3, HONEST.roots[3])
    assert ask(Submission(0, [], str(sign_head(head, [stranger])))).status == 404
    assert ask(Submission(0, [], str(sign_head(HONEST.head(3), [OTHER])))).status == 403


def test_signatures_of_unknown_keys_beside_the_logs_are_skipped() -> None:
    both = str(sign_head(HONEST.head(3), [OTHER, LOG]))
    assert ask(Submission(0, [], both)).status == 200


@pytest.mark.parametrize(
    "body",
    [
        "",
        "old 0\n",
        "old -1\n\n",
        "old 01\n\n",
        "old 0\nnot base64\n\n",
        "new 0\n\n",
        "old 0\n\nno note",
        "old 0\n" + "AAAA\n" * 64 + "\n",
        "\x00",
        "old 0\n\n" + str(sign_head(HONEST.head(3), [LOG])).replace("\n3\n", "\n03\n"),
    ],
)
def test_a_body_that_is_no_submission_is_refused(body: str) -> None:
    verdict = ask(body)
    assert (verdict.status, verdict.remember) == (400, None)


@given(st.integers(0, 60), st.integers(0, 60))
def test_a_submission_is_read_back(one: int, other: int) -> None:
    submission = HONEST.submit(*sorted((one, other)))
    assert parse_submission(str(submission)) == submission
