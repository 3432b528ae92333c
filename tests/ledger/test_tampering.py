"""Every way of damaging a log of 10,000 entries is found by the stand-alone verifier, and named: which entry, and how.

Two attackers: one who edits the export, and one who then also writes all numbers and hashes anew, so that only the signed
checkpoints contradict. The second can hide *which* entry of a batch was changed or left out, and nothing more.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from accounts.ledger.proof.canonical import canonicalise
from accounts.ledger.proof.checkpoint import TreeHead, sign_head
from accounts.ledger.proof.export import write_leaf_line
from accounts.ledger.proof.note import encode_base64
from accounts.ledger.proof.offline import OfflineProof
from accounts.ledger.proof.paths import list_inclusion_ranges, make_proof
from accounts.ledger.proof.tree import hash_leaf
from tests.pure.ledger.invented_log import (
    BEGIN_S,
    VERIFIER,
    WITNESS,
    InventedLog,
    load_verifier,
    make_log,
)
from tests.pure.ledger.test_note import LOG, OTHER, seeded_key

pytestmark = pytest.mark.no_database
verifier = load_verifier()
NEXT = seeded_key(LOG.name, 7)
COUNT, BATCH = 10_000, 256
PLACES = (0, 1, 255, 256, 257, 4711, 5119, 5120, 9983, 9984, 9998, 9999)
LAST_BATCH = range(9984, 10_000)


@cache
def log() -> InventedLog:
    """The sound log: 39 batches of 256, and one of 16."""
    return make_log(COUNT, BATCH)


def show(export: Iterable[bytes], **more: Any) -> Any:
    """What the verifier is shown. held: texts of checkpoints that somebody else kept; receipts: hashes."""
    shown, file = verifier.Shown(), verifier.Reading("an export")
    for number, line in enumerate(export, 1):
        match = verifier.LINE.fullmatch(line)
        if match:
            verifier.take_entry(match, shown)
        else:
            verifier.take_other(line, f"line {number}", shown, file)
    shown.notes += [(text, "held", True, None) for text in more.get("held", ())]
    shown.receipts += [(receipt, None, "a receipt") for receipt in more.get("receipts", ())]
    return shown


def judge(
    leaf_lines: Iterable[bytes], checkpoint_lines: Iterable[bytes] | None = None, **more: Any
) -> list[Any]:
    """What the verifier finds in an export of these lines. held: texts of checkpoints that somebody else kept."""
    shown = show([*(checkpoint_lines or log().checkpoint_lines()), *leaf_lines], **more)
    keys = more.get("keys", [verifier.read_key(str(LOG.verifier))])
    trust = verifier.Trust(keys, [verifier.read_key(str(WITNESS.verifier))])
    findings: list[Any] = verifier.verify(shown, trust, more.get("witnesses", 0)).findings
    return findings


def lines() -> list[bytes]:
    """The leaves of the sound export."""
    return log().leaf_lines()


def rewrite(leaves: list[bytes]) -> list[bytes]:
    """Lines of these leaves with numbers and hashes that fit."""
    return [write_leaf_line(leaf, index) for index, leaf in enumerate(leaves)]


def alter(line: bytes, put_in: dict[str, Any], left_out: str | None = None) -> bytes:
    """A line with another body, canonical too, while hash and number stay."""
    match = verifier.LINE.fullmatch(line)
    body = {name: value for name, value in json.loads(match[1]).items() if name != left_out} | put_in
    return line.replace(match[1], canonicalise(body), 1)


def assert_named(findings: list[Any], kind: str, first: int, last: int | None = None) -> None:
    """Exactly one finding, of this kind, about exactly these entries."""
    assert [(each.kind, each.first, each.last) for each in findings] == [
        (kind, first, first if last is None else last)
    ], findings


def forge(index: int) -> bytes:
    """An entry that was never signed, well formed."""
    body = json.loads(log().leaves[0]) | {"kind": "entry", "id": f"00000000-0000-4000-8000-{index:012d}"}
    return canonicalise(body)


def test_the_sound_log_is_sound() -> None:
    assert judge(lines()) == []


# --- who edits the export -------------------------------------------------------------------------------------------


@cache
def list_fields() -> list[tuple[int, str]]:
    """Each field of an entry and of a completion, at two places of the log."""
    found = []
    for kind in ("entry", "completion"):
        here = [at for at, leaf in enumerate(log().leaves) if json.loads(leaf)["kind"] == kind]
        for at in (here[len(here) // 3], here[-1]):
            found += [(at, name) for name in json.loads(log().leaves[at])]
    return found


def change_value(value: Any) -> Any:
    """Another value of the same kind, as little different as can be."""
    if isinstance(value, int):
        return value + 1
    if isinstance(value, list):
        return [*value, "00000000-0000-4000-8000-000000000000"]
    if value is None:
        return 0
    return f"{value[:-1]}{'b' if value.endswith('a') else 'a'}" if value else "a"


def test_every_field_that_is_changed_is_found_and_its_entry_named() -> None:
    fields = list_fields()
    assert len({name for _, name in fields}) == 22
    for at, name in fields:
        changed = lines()
        value = json.loads(log().leaves[at])[name]
        changed[at] = alter(changed[at], {name: change_value(value)})
        found = [each for each in judge(changed) if each.kind not in {"malformed", "contradiction"}]
        assert_named(found, "changed", at)


def test_every_field_that_is_left_out_or_put_in_is_found() -> None:
    for at, name in list_fields()[::4]:
        for put_in, left_out in (({}, name), ({f"{name}_": 1}, None)):
            changed = lines()
            changed[at] = alter(changed[at], put_in, left_out)
            assert_named([each for each in judge(changed) if each.kind == "changed"], "changed", at)


def test_all_ten_thousand_entries_are_named_when_all_are_changed() -> None:
    changed = [
        re.sub(rb'"nonce":"(.)', lambda match: b'"nonce":"' + (b"0" if match[1] != b"0" else b"1"), line)
        for line in lines()
    ]
    found = {
        index
        for each in judge(changed)
        if each.kind == "changed"
        for index in range(each.first, each.last + 1)
    }
    assert found == set(range(COUNT))


def test_every_second_entry_is_named_when_every_second_is_deleted() -> None:
    for odd in (0, 1):
        found = judge(line for index, line in enumerate(lines()) if index % 2 == odd)
        gone = {each.first for each in found if each.kind in {"deleted", "truncated"}}
        assert gone == set(range(1 - odd, COUNT, 2))


@pytest.mark.parametrize("at", PLACES)
def test_a_single_byte_anywhere_in_a_line_is_found(at: int) -> None:
    draw = random.Random(at)
    line = lines()[at]
    for _ in range(6):
        changed, place = lines(), draw.randrange(len(line) - 1)
        other = draw.choice([byte for byte in b'0aZ "}\\' if byte != line[place]])
        changed[at] = line[:place] + bytes([other]) + line[place + 1 :]
        found = judge(changed)
        assert found
        assert all(
            each.first in (at, None) or each.kind == "inserted" or at == COUNT - 1 for each in found
        ), found


def test_another_number_or_hash_beside_a_sound_entry_is_found() -> None:
    for at in (0, 255, 4711, 5120, 9999):
        for old, new in (
            (b'"index":%d' % at, b'"index":%d' % (at + 3)),
            (b'"index":%d' % at, b'"index":123456'),
        ):
            changed = lines()
            changed[at] = changed[at].replace(old, new)
            found = judge(changed)
            assert found
            assert {each.kind for each in found} <= {"changed", "truncated", "inserted", "unsigned"}, found
            assert any(each.first == at for each in found), found
        changed = lines()
        changed[at] = re.sub(
            rb'"hash":"(.)', lambda match: b'"hash":"' + (b"A" if match[1] != b"A" else b"B"), changed[at]
        )
        assert_named(judge(changed), "changed", at)


@pytest.mark.parametrize("at", PLACES)
def test_a_deleted_entry_is_named(at: int) -> None:
    changed = lines()
    del changed[at]
    found = judge(changed)
    assert_named(found, "truncated" if at == COUNT - 1 else "deleted", at)


def test_several_deleted_runs_are_named_each() -> None:
    gone = [*range(300, 310), 5000, *range(7000, 7900)]
    found = judge(line for index, line in enumerate(lines()) if index not in set(gone))
    assert [(each.kind, each.first, each.last) for each in found] == [
        ("deleted", 300, 309),
        ("deleted", 5000, 5000),
        ("deleted", 7000, 7899),
    ]


@pytest.mark.parametrize("at", PLACES)
def test_an_entry_that_stands_twice_or_beside_a_forged_one_is_named(at: int) -> None:
    for extra in (lines()[at], write_leaf_line(forge(at), at)):
        for place in (at, at + 1, 40):
            changed = lines()
            changed.insert(place, extra)
            found = [each for each in judge(changed) if each.kind not in {"contradiction", "reordered"}]
            assert_named(found, "inserted", at)


@pytest.mark.parametrize("at", PLACES[:-1])
@pytest.mark.parametrize("other", [1, -1, 700, -700])
def test_an_entry_in_whose_place_stands_a_copy_of_another_is_named_once(at: int, other: int) -> None:
    """In the place of the last it is a log that ends early, with a line too many."""
    changed, copied = lines(), (at + other) % len(lines())
    changed[at] = changed[copied]
    found = judge(changed)
    assert_named(found, "changed", at)
    assert f"a copy of entry {copied} stands in the place of entry {at}," in found[0].text


@pytest.mark.parametrize(("one", "other"), [(0, 1), (255, 256), (10, 9000), (9998, 9999), (0, 9999)])
def test_entries_that_changed_places_are_named(one: int, other: int) -> None:
    changed = lines()
    changed[one], changed[other] = changed[other], changed[one]
    assert_named(judge(changed), "reordered", one, other)


@pytest.mark.parametrize(("here", "there"), [(5, 4000), (4000, 5), (9999, 0), (300, 303)])
def test_an_entry_that_was_moved_is_named(here: int, there: int) -> None:
    changed = lines()
    changed.insert(there, changed.pop(here))
    assert_named(judge(changed), "reordered", here)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 9983, 9984, 9999])
def test_a_log_that_ends_early_is_named(size: int) -> None:
    assert_named(judge(lines()[:size]), "truncated", size, COUNT - 1)


def test_entries_that_no_checkpoint_covers_are_named() -> None:
    extra = [write_leaf_line(forge(COUNT + number), COUNT + number) for number in range(3)]
    assert_named(judge([*lines(), *extra]), "unsigned", COUNT, COUNT + 2)


# --- who writes numbers and hashes anew -----------------------------------------------------------------------------


def batch_of(at: int) -> tuple[int, int]:
    """First and last entry between the checkpoints around an entry."""
    first = at // BATCH * BATCH
    return first, min(first + BATCH, COUNT) - 1


@pytest.mark.parametrize("at", PLACES)
def test_a_changed_entry_is_named_to_its_batch_when_all_hashes_fit(at: int) -> None:
    leaves = list(log().leaves)
    leaves[at] = forge(at)
    found = [each for each in judge(rewrite(leaves)) if each.kind != "contradiction"]
    assert_named(found, "changed", *batch_of(at))


@pytest.mark.parametrize("at", PLACES)
def test_a_deleted_entry_is_named_to_its_batch_when_all_are_numbered_anew(at: int) -> None:
    leaves = list(log().leaves)
    del leaves[at]
    found = [each for each in judge(rewrite(leaves)) if each.kind != "contradiction"]
    if at in LAST_BATCH:
        # without a later checkpoint to meet again, an entry missing inside looks like one missing at the end
        assert_named(found, "truncated", COUNT - 1)
    else:
        assert_named(found, "deleted", *batch_of(at))


@pytest.mark.parametrize("count", [1, 2, 40])
@pytest.mark.parametrize("at", PLACES)
def test_inserted_entries_are_named_exactly_when_all_are_numbered_anew(at: int, count: int) -> None:
    leaves = list(log().leaves)
    leaves[at:at] = [forge(number) for number in range(count)]
    found = [each for each in judge(rewrite(leaves)) if each.kind != "contradiction"]
    assert_named(found, "inserted", at, at + count - 1)


@pytest.mark.parametrize(
    ("one", "other"), [(0, 1), (3, 250), (255, 256), (10, 9000), (9998, 9999), (5000, 5119)]
)
def test_exchanged_entries_are_named_exactly_when_all_are_numbered_anew(one: int, other: int) -> None:
    leaves = list(log().leaves)
    leaves[one], leaves[other] = leaves[other], leaves[one]
    assert_named(judge(rewrite(leaves)), "reordered", one, other)


def test_several_damages_are_named_each_when_all_are_numbered_anew() -> None:
    leaves = list(log().leaves)
    leaves[9000] = forge(1)
    leaves.insert(6000, forge(2))
    del leaves[3000]
    leaves[100], leaves[101] = leaves[101], leaves[100]
    found = [each for each in judge(rewrite(leaves)) if each.kind != "contradiction"]
    assert [(each.kind, each.first, each.last) for each in found] == [
        ("reordered", 100, 101),
        ("deleted", *batch_of(3000)),
        ("inserted", 5999, 5999),
        ("changed", *batch_of(9000)),
    ]


def test_whole_batches_that_are_missing_are_named() -> None:
    leaves = list(log().leaves)
    del leaves[512:768]
    found = [each for each in judge(rewrite(leaves)) if each.kind != "contradiction"]
    assert len(found) == 1
    assert found[0].kind == "deleted"
    assert found[0].first <= 512
    assert found[0].last >= 767


# --- who holds a key, or plays with checkpoints ---------------------------------------------------------------------


def make_fork(size: int, batch: int = BATCH) -> InventedLog:
    """A log that is the sound one up to `size` and then another, signed with the log's own key."""
    fork = InventedLog()
    fork.grow(log().leaves[:size], batch)
    fork.grow([forge(number) for number in range(size, COUNT)], batch)
    return fork


def test_a_history_written_anew_is_found_by_whoever_kept_one_checkpoint() -> None:
    fork = make_fork(5120)
    assert judge(fork.leaf_lines(), fork.checkpoint_lines()) == []
    for size in (5376, 8192, COUNT):
        found = judge(fork.leaf_lines(), fork.checkpoint_lines(), held=[str(log().notes[size])])
        assert [each.kind for each in found] == ["forked"], found
    assert judge(fork.leaf_lines(), fork.checkpoint_lines(), held=[str(log().notes[5120])]) == []


def test_a_held_checkpoint_between_the_sizes_of_the_export_finds_a_fork_too() -> None:
    fork = make_fork(5120, batch=1000)
    found = judge(fork.leaf_lines(), fork.checkpoint_lines(), held=[str(log().notes[5376])])
    assert [each.kind for each in found] == ["forked"]


def examine(export: Iterable[bytes], **more: Any) -> Any:
    """The verifier's report on an export with its first line. held, proofs: texts; receipts: hashes; witnesses: how many."""
    shown = show(export, **more)
    shown.proofs = [(text, "a proof") for text in more.get("proofs", ())]
    trust = verifier.Trust([verifier.read_key(str(LOG.verifier))], [verifier.read_key(str(WITNESS.verifier))])
    return verifier.verify(shown, trust, more.get("witnesses", 0))


def test_a_held_checkpoint_from_before_the_exports_beginning_leaves_a_doubt() -> None:
    one, other = make_log(60, 10), make_log(60, 10, seed=5)
    held = [str(one.notes[10])]
    assert [each.kind for each in examine(other.lines(), held=held).findings] == ["forked"]
    for history in (one, other):
        report = examine(history.lines(20), held=held)
        assert (report.code, report.findings) == (verifier.UNDECIDED, [])
        assert ["size 10" in doubt and "name the archives too" in doubt for doubt in report.doubts] == [
            True,
            False,
        ]
    report = examine(other.lines(20), held=[str(other.notes[20])])
    assert (report.code, report.counts["start"]) == (verifier.UNDECIDED, 20)
    assert [doubt.split(":")[0] for doubt in report.doubts] == ["entries 0 to 19 are not shown"]


def prove(history: InventedLog, index: int, size: int) -> OfflineProof:
    """The proof that a log gives of one of its entries."""
    path = make_proof(list_inclusion_ranges(index, size), history.nodes)
    return OfflineProof(history.leaves[index], index, path, str(history.notes[size]))


@pytest.mark.parametrize(("size", "batch"), [(20, 10), (20, 15), (60, 10)])
def test_a_proof_from_another_history_than_the_export_is_a_fork(size: int, batch: int) -> None:
    one, other = make_log(60, 10), make_log(60, batch, seed=5)
    proof = str(prove(one, 3, size))
    assert examine(one.lines(), proofs=[proof]).code == verifier.SOUND
    report = examine(other.lines(), proofs=[proof])
    assert [(each.kind, each.first) for each in report.findings] == [("changed", 3), ("forked", None)]


def test_a_proof_over_more_or_fewer_entries_than_are_shown_leaves_a_doubt() -> None:
    short, long, other = InventedLog(), make_log(60, 10), make_log(30, 10, seed=5)
    short.grow(long.leaves[:30], 10)
    late, early = str(prove(long, 3, 60)), str(prove(long, 3, 10))
    report = examine(short.lines(), proofs=[late])
    assert (report.code, report.findings) == (verifier.UNDECIDED, [])
    assert "size 60" in report.doubts[0]
    assert "more entries than are shown" in report.doubts[0]
    # no checkpoint of that size is shown; the entry is
    assert [(each.kind, each.first) for each in examine(other.lines(), proofs=[late]).findings] == [
        ("changed", 3)
    ]
    report = examine(long.lines(20), proofs=[early])
    assert (report.code, report.findings) == (verifier.UNDECIDED, [])
    assert "before the export's beginning" in report.doubts[0]
    # by itself a proof says all that it can
    report = examine([], proofs=[early, late])
    assert report.code == verifier.SOUND
    assert verifier.tell(report).startswith("SOUND: what was named is what was signed.")


def test_without_an_export_nothing_is_missed_in_it() -> None:
    history = make_log(60, 10)
    kept, later = str(history.notes[30]), str(prove(history, 3, 60))
    report = examine([], held=[kept])
    assert (report.code, report.doubts) == (verifier.SOUND, [])
    report = examine([], held=[kept], proofs=[later])
    unled = "no proof of consistency leads from the checkpoint of size 30 (held) to the newest one"
    assert (report.code, report.doubts) == (verifier.UNDECIDED, [unled])
    report = examine([], held=[str(note) for note in history.notes.values()])
    assert len(report.doubts) == len(history.notes) - 1 <= 6
    many = make_log(100, 10)
    report = examine([], held=[str(note) for note in many.notes.values()])
    assert (report.code, len(report.doubts)) == (verifier.UNDECIDED, 1)
    assert "sizes 10, 20, 30, 40, 50, 60 and 3 more to" in report.doubts[0]
    report = examine([], held=[kept], receipts=[hash_leaf(history.leaves[3])])
    assert (report.code, len(report.doubts)) == (verifier.UNDECIDED, 1)
    assert "no export is named" in report.doubts[0]
    # a file of checkpoints alone is one from which the entries were taken
    report = examine(history.checkpoint_lines())
    assert [each.kind for each in report.findings] == ["truncated"]
    assert verifier.tell(report).startswith("DAMAGED: what was named is not what was signed.")


def test_two_proofs_contradict_each_other_without_any_export() -> None:
    one, other = make_log(60, 10), make_log(60, 10, seed=5)
    report = examine([], proofs=[str(prove(one, 3, 20)), str(prove(other, 4, 20))])
    assert [each.kind for each in report.findings] == ["forked"]


def test_a_wrong_signature_under_a_proof_is_told_although_another_is_good() -> None:
    history = make_log(60, 10, witnessed=True)
    sound, strange = prove(history, 3, 60), prove(make_log(60, 10, witnessed=True, seed=5), 3, 60)
    log_line, witness_line = strange.checkpoint.splitlines(keepends=True)[-2:]
    good, cosignature = sound.checkpoint.splitlines(keepends=True)[-2:]
    for old, new in ((cosignature, witness_line), (good, good + log_line)):
        text = str(sound).replace(old, new)
        assert [each.kind for each in examine(history.lines(), proofs=[text]).findings] == ["bad-signature"]
    foreign = make_log(60, 10)
    foreign.seal(OTHER)
    found = examine(history.lines(), proofs=[str(prove(foreign, 3, 60))]).findings
    assert [each.kind for each in found] == ["foreign-key"]


def test_a_proof_that_does_not_hold_is_not_taken_for_a_fork() -> None:
    history = make_log(60, 10)
    text = str(prove(history, 3, 60)).replace("\nindex 3\n", "\nindex 4\n")
    found = examine(history.lines(), proofs=[text]).findings
    assert [(each.kind, "does not hold" in each.text) for each in found] == [("changed", True)]


def test_checkpoints_of_two_histories_in_one_export_are_a_fork() -> None:
    fork = make_fork(5120)
    both = sorted(
        {*log().checkpoint_lines(), *fork.checkpoint_lines()}, key=lambda line: int(line.split(b"\\n")[1])
    )
    assert {each.kind for each in judge(lines(), both)} == {"forked"}
    assert {each.kind for each in judge(fork.leaf_lines(), both)} == {"forked"}


def test_a_log_signed_anew_with_another_key_is_named() -> None:
    forged = InventedLog()
    forged.grow(list(log().leaves), BATCH, key=OTHER)
    found = judge(forged.leaf_lines(), forged.checkpoint_lines())
    # once for the key, however many checkpoints it has signed
    assert [(each.kind, "so are 39 more checkpoints" in each.text) for each in found] == [
        ("foreign-key", True)
    ]
    one = [*log().checkpoint_lines()[:-1], forged.checkpoint_lines()[-1]]
    assert [each.kind for each in judge(lines(), one)] == ["unsigned", "foreign-key"]


def test_a_key_that_was_dropped_signs_nothing_later() -> None:
    rotated = InventedLog()
    for part, keys in enumerate(([LOG], [LOG, NEXT], [NEXT], [NEXT])):
        rotated.grow(log().leaves[part * 100 : part * 100 + 100], 100, key=keys[0])
        size = len(rotated.leaves)
        rotated.notes[size] = sign_head(TreeHead(LOG.name, size, rotated.frontier.root()), keys)
    both = [verifier.read_key(str(key.verifier)) for key in (LOG, NEXT)]
    assert judge(rotated.leaf_lines(), rotated.checkpoint_lines(), keys=both) == []
    rotated.notes[400] = sign_head(TreeHead(LOG.name, 400, rotated.frontier.root()), [LOG])
    found = judge(rotated.leaf_lines(), rotated.checkpoint_lines(), keys=both)
    assert [(each.kind, "had dropped" in each.text) for each in found] == [("foreign-key", True)]
    # who does not know the old key is told so of each checkpoint that it alone has signed
    found = judge(rotated.leaf_lines(), rotated.checkpoint_lines(), keys=both[1:])
    assert {each.kind for each in found} == {"foreign-key", "unsigned"}


def test_a_key_of_one_log_is_not_told_as_dropped_by_another() -> None:
    def signed(origin: str, size: int, signer: bytes) -> Any:
        return verifier.Head(origin, size, bytes(32), "kept", True, signers=frozenset([signer]))

    heads = [signed("one", 1, b"a"), signed("two", 2, b"b"), signed("one", 3, b"a")]
    assert verifier.check_keys(heads) == []
    assert len(verifier.check_keys([*heads, signed("one", 4, b"b"), signed("one", 5, b"a")])) == 1


def test_a_log_taken_back_is_found_by_whoever_kept_a_newer_checkpoint() -> None:
    shorter = InventedLog()
    shorter.grow(log().leaves[:8192], BATCH)
    assert judge(shorter.leaf_lines(), shorter.checkpoint_lines()) == []
    found = judge(shorter.leaf_lines(), shorter.checkpoint_lines(), held=[str(log().notes[COUNT])])
    assert_named(found, "rolled-back", 8192, COUNT - 1)


def test_checkpoints_that_run_backwards_are_named() -> None:
    checkpoints = log().checkpoint_lines()
    checkpoints.append(checkpoints[3])
    assert {each.kind for each in judge(lines(), checkpoints)} == {"rolled-back", "malformed"}


def test_a_checkpoint_without_its_witnesses_is_named_when_they_are_asked_for() -> None:
    assert [each.kind for each in judge(lines(), witnesses=1)] == ["unwitnessed"]


def grow_beyond_witnesses(witnesses_at: int, count: int) -> InventedLog:
    """A log of `count` lines whose witness was last shown the checkpoint of size `witnesses_at`."""
    history, leaves = InventedLog(), log().leaves[:count]
    history.grow(leaves[:witnesses_at], 10, witnessed=True)
    history.grow(leaves[witnesses_at:], 10)
    return history


def test_newest_lines_that_no_witness_was_shown_yet_are_counted_and_no_damage() -> None:
    report = examine(grow_beyond_witnesses(50, 60).lines(), witnesses=1)
    assert (report.code, report.findings) == (verifier.UNDECIDED, [])
    when = datetime.fromtimestamp(BEGIN_S + 50, UTC).isoformat()
    assert [("10 lines, from 50 on" in doubt, when in doubt) for doubt in report.doubts] == [(True, True)]
    # how many are told, so that a log that shows its witnesses nothing any more is seen
    assert "990 lines, from 10 on" in examine(grow_beyond_witnesses(10, 1000).lines(), witnesses=1).doubts[0]
    assert examine(grow_beyond_witnesses(60, 60).lines(), witnesses=1).code == verifier.SOUND
    assert examine(grow_beyond_witnesses(50, 60).lines(), witnesses=0).code == verifier.SOUND


def test_witnesses_of_what_is_not_shown_and_too_few_of_them_are_not_enough() -> None:
    history = grow_beyond_witnesses(50, 80)
    assert [each.kind for each in examine(history.lines(), witnesses=2).findings] == ["unwitnessed"]
    assert examine(history.lines(50), witnesses=1).findings == []
    held = [str(history.notes[50])]
    found = examine(history.lines(60), witnesses=1, held=held).findings
    assert [each.kind for each in found] == ["unwitnessed"]


def test_every_damaged_checkpoint_is_found() -> None:
    draw = random.Random(9)
    for number, line in enumerate(log().checkpoint_lines()[::8]):
        note = json.loads(line)
        for _ in range(8):
            place = draw.randrange(len(note["checkpoint"]) - 1)
            text = note["checkpoint"][:place] + draw.choice("AZ9\n") + note["checkpoint"][place + 1 :]
            if text == note["checkpoint"]:
                continue
            checkpoints = log().checkpoint_lines()
            checkpoints[number * 8] = canonicalise({"checkpoint": text, "edge": note["edge"]}) + b"\n"
            found = judge(lines(), checkpoints)
            assert found
            assert {each.kind for each in found} <= {
                "malformed",
                "bad-signature",
                "foreign-key",
                "unsigned",
            }, text


def test_damaged_hashes_beside_a_checkpoint_are_found_and_mislead_nobody() -> None:
    checkpoints = log().checkpoint_lines()
    value = json.loads(checkpoints[5])
    value["edge"][0] = encode_base64(hash_leaf(b"another"))
    checkpoints[5] = canonicalise(value) + b"\n"
    assert [each.kind for each in judge(lines(), checkpoints)] == ["malformed"]


def test_without_any_checkpoint_nothing_is_proven() -> None:
    shown = verifier.Shown()
    for line in lines()[:10]:
        verifier.take_entry(verifier.LINE.fullmatch(line), shown)
    report = verifier.verify(shown, verifier.Trust([verifier.read_key(str(LOG.verifier))]))
    assert (report.code, report.counts["proven"]) == (verifier.UNDECIDED, 0)


# --- receipts, parts, the command line ------------------------------------------------------------------------------


def test_a_receipt_for_an_entry_that_was_dropped_before_sealing_is_named() -> None:
    kept = [hash_leaf(log().leaves[at]) for at in PLACES]
    assert judge(lines(), receipts=kept) == []
    assert [each.kind for each in judge(lines(), receipts=[*kept, hash_leaf(forge(1))])] == ["dropped"]


def test_a_part_of_the_log_is_checked_from_any_checkpoint_on() -> None:
    for start in (256, 5120, 9984):
        shown = show(log().lines(start))
        report = verifier.verify(shown, verifier.Trust([verifier.read_key(str(LOG.verifier))]))
        assert (report.code, report.counts["proven"]) == (verifier.UNDECIDED, COUNT - start)
        assert report.doubts == [
            f"entries 0 to {start - 1} are not shown: name the archives too, or say that nobody has looked at them"
        ]
        shown.edge[0] = hash_leaf(b"another")
        assert (
            verifier.verify(shown, verifier.Trust([verifier.read_key(str(LOG.verifier))])).code
            == verifier.DAMAGED
        )


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """A small sound export on disk."""
    path = tmp_path / "export.jsonl"
    path.write_bytes(b"".join(make_log(600, 100, witnessed=True).lines()))
    return path


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    """The verifier's exit code and what it printed."""
    code = verifier.main([str(word) for word in words])
    told = capsys.readouterr()
    return code, told.out + told.err


def test_the_exit_code_says_what_was_found(
    export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = f"--key={LOG.verifier}"
    code, told = run(capsys, export, key)
    assert (code, told.splitlines()[0]) == (0, "SOUND: these are the entries that were signed.")
    assert "compared with nothing from elsewhere" in told
    code, told = run(capsys, export)
    assert code == 3
    assert "taken from the export itself" in told
    damaged = tmp_path / "damaged.jsonl"
    damaged.write_bytes(export.read_bytes().replace(b'"quantity":', b'"quantity":1', 1))
    code, told = run(capsys, damaged, key)
    assert code == 1
    assert "changed: entry" in told
    for words in ([], [tmp_path / "absent", key], [export, "--key=nonsense"], [damaged / "x", key]):
        assert run(capsys, *words)[0] == 2


def test_the_report_says_where_an_export_begins_that_is_not_the_whole_log(
    export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, rest = f"--key={LOG.verifier}", tmp_path / "rest.jsonl"
    rest.write_bytes(b"".join(make_log(600, 100).lines(200)))
    assert "400 lines of the log from index 200 on, 400 proven" in run(capsys, rest, key)[1]
    assert "600 lines of the log, 600 proven" in run(capsys, export, key)[1]


def test_keys_witnesses_and_held_checkpoints_come_from_files_too(
    export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys, kept, receipts = tmp_path / "keys", tmp_path / "kept", tmp_path / "receipts"
    keys.write_text(f"# the log\n{LOG.verifier}\n")
    longer = make_log(900, 100)
    kept.write_text(str(longer.notes[900]))
    receipts.write_text(f"{encode_base64(hash_leaf(longer.leaves[5]))}; mmd=60\n")
    words = [
        export,
        "--key",
        keys,
        "--witness-key",
        WITNESS.verifier,
        "--witnesses",
        1,
        "--receipt",
        receipts,
    ]
    code, told = run(capsys, *words, "--json")
    assert code == 0
    assert json.loads(told)["receipts"] == 1
    assert json.loads(told)["compared"]
    assert "from elsewhere" not in run(capsys, *words)[1]
    code, told = run(capsys, *words, "--held", kept, "--json")
    assert code == 1
    assert next(each["kind"] for each in json.loads(told)["findings"]) == "rolled-back"


def test_a_history_that_was_compared_with_nothing_from_elsewhere_is_sound_and_the_report_says_so() -> None:
    history, other, shorter = make_log(60, 10, witnessed=True), make_log(60, 10, seed=5), InventedLog()
    shorter.grow(other.leaves[:30], 10)
    assert (examine(other.lines()).code, examine(other.lines()).compared) == (verifier.SOUND, False)
    # what lies before the beginning, or is not in the export, compares nothing
    assert not examine(other.lines(20), held=[str(other.notes[10])]).compared
    assert not examine(other.lines(20), proofs=[str(prove(other, 3, 10))]).compared
    assert examine(history.lines()).compared
    assert examine(other.lines(), held=[str(other.notes[10])]).compared
    assert examine(other.lines(), proofs=[str(prove(other, 3, 20))]).compared
    # of a proof over more entries than are shown, its entry at least
    assert examine(shorter.lines(), proofs=[str(prove(other, 3, 60))]).compared
    assert not examine(shorter.lines(), proofs=[str(prove(other, 40, 60))]).compared
    assert examine(other.lines(), receipts=[hash_leaf(other.leaves[5])]).compared
    assert not examine(other.lines(), receipts=[hash_leaf(forge(1))]).compared


def test_every_kind_of_damage_is_explained() -> None:
    text = (VERIFIER.parent / "README.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE))
    assert told == set(verifier.KINDS)
