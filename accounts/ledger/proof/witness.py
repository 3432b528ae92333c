"""What a witness does (pure), after C2SP tlog-witness: it remembers one tree head per log and signs only what continues it.

That is the whole of it. A log that shows two people two different pasts must show one of them to the witness, or to
nobody; and what the witness has not signed is not believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from accounts.ledger.proof.checkpoint import DECIMAL, TreeHead, cosign, read_head
from accounts.ledger.proof.note import (
    Note,
    NoteRefused,
    SigningKey,
    VerifierKey,
    decode_base64,
    encode_base64,
    parse_note,
    verify_note,
)
from accounts.ledger.proof.paths import ProofBroken, verify_consistency

MAX_PROOF = 63


@dataclass(frozen=True, slots=True)
class Submission:
    """What a log hands in: the size that the witness last signed, the way from there, and the new checkpoint."""

    old_size: int
    proof: Sequence[bytes]
    checkpoint: str

    def __str__(self) -> str:
        lines = [f"old {self.old_size}", *map(encode_base64, self.proof), "", self.checkpoint]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The HTTP status and body that a submission gets, and the head to remember before it is sent."""

    status: int
    body: str
    remember: TreeHead | None = None


def parse_submission(text: str) -> Submission:
    """What the body of `add-checkpoint` holds. Raises NoteRefused for any other text."""
    head, blank, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    size = lines[0].removeprefix("old ")
    if not blank or not lines[0].startswith("old ") or not DECIMAL.fullmatch(size):
        raise NoteRefused("The body begins with `old`, a size, the proof, and a blank line.")
    if len(lines) - 1 > MAX_PROOF:
        raise NoteRefused("The proof is too long.")
    return Submission(int(size), [decode_base64(line) for line in lines[1:]], checkpoint)


def judge(
    text: str,
    logs: Mapping[str, Iterable[VerifierKey]],
    remembered: Mapping[str, TreeHead],
    key: SigningKey,
    time_s: int,
) -> Verdict:
    """What to answer to the body of `add-checkpoint`.

    logs: keys of each log by its origin. remembered: the head last signed for each origin. time_s: now, since 1970.
    """
    try:
        submission = parse_submission(text)
        note = parse_note(submission.checkpoint)
        head = read_head(note)
    except NoteRefused as error:
        return Verdict(400, f"{error}\n")
    if head.origin not in logs:
        return Verdict(404, "This witness does not know this log.\n")
    try:
        verify_note(note, logs[head.origin])
    except NoteRefused as error:
        return Verdict(403, f"{error}\n")
    if submission.old_size > head.size:
        return Verdict(400, "The old size is larger than the checkpoint's.\n")
    return _compare(submission, head, note, remembered.get(head.origin), key, time_s)


def _compare(
    submission: Submission, head: TreeHead, note: Note, before: TreeHead | None, key: SigningKey, time_s: int
) -> Verdict:
    known_size = before.size if before else 0
    if submission.old_size != known_size:
        return Verdict(409, f"{known_size}\n")
    if before and before.size == head.size and before.root != head.root:
        return Verdict(409, f"{known_size}\n")
    try:
        if before and before.size:
            verify_consistency(before.size, head.size, before.root, head.root, submission.proof)
        elif submission.proof:
            raise ProofBroken("From the empty tree there is nothing to prove.")
    except ProofBroken as error:
        return Verdict(422, f"{error}\n")
    return Verdict(200, str(cosign(note, key, time_s)), remember=head)
