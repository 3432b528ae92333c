"""Files that were damaged, converted or mixed up on their way to the stand-alone verifier: it says what and where, in every
case with one of its exit codes, and never ends in a fault of its own.
"""

from __future__ import annotations

import base64
import json
import random
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from accounts.ledger.proof.export import write_leaf_line
from accounts.ledger.proof.note import encode_base64
from accounts.ledger.proof.tree import hash_leaf
from tests.pure.ledger.invented_log import VERIFIER, WITNESS, InventedLog, load_verifier, make_log
from tests.pure.ledger.test_note import LOG

pytestmark = pytest.mark.no_database
verifier = load_verifier()
KEY = f"--key={LOG.verifier}"
COUNT, FIRST = 600, 7
"""Lines of the log, and the line of the file (from 0) in which the first of them stands."""
AT = 150
Lines = list[bytes]
NOWHERE = base64.b64encode(bytes(32)).decode()


@cache
def log() -> InventedLog:
    """A sound log with six checkpoints."""
    return make_log(COUNT, 100, witnessed=True)


def export() -> Lines:
    """Its export."""
    return log().lines()


def change(at: int, old: bytes, new: bytes) -> Lines:
    """The export with another text in one line of the file."""
    lines = export()
    assert re.search(old, lines[at])
    lines[at] = re.sub(old, lambda _: new, lines[at], count=1)
    return lines


def judge(
    capsys: pytest.CaptureFixture[str], folder: Path, content: bytes, *words: object
) -> tuple[int, list[tuple[str, int | None]], str]:
    """The exit code, kind and first entry of each finding, and all that was printed."""
    file = folder / "export.jsonl"
    file.write_bytes(content)
    code = verifier.main([KEY, "--json", *map(str, words), str(file)])
    told = capsys.readouterr()
    findings = json.loads(told.out)["findings"] if told.out else []
    return code, [(each["kind"], each["first"]) for each in findings], told.out + told.err


LINE_OF_AN_ENTRY = FIRST + AT
ENTRY: dict[str, tuple[bytes, bytes]] = {
    "a blank in the body": (rb'"kind":', b'"kind": '),
    "a blank beside the body": (rb',"hash":', b', "hash":'),
    "a blank at the end": (rb"\}\n", b"} \n"),
    "a letter escaped": (rb'"kind"', b'"k\\u0069nd"'),
    "a letter that looks alike": (rb'"at":"', '"\u0430t":"'.encode()),
    "a letter that is not seen": (rb'"nonce":"', '"nonce":"\u200b'.encode()),
    "half of a letter": (rb'"nonce":"', b'"nonce":"\\ud800'),
    "no letter": (rb'"nonce":"', b'"nonce":"\xff'),
    "a key twice": (rb'"kind":', b'"kind":"x","kind":'),
    "a body twice": (rb'^\{"body":', b'{"body":{},"body":'),
    "one thing more in front": (rb"^\{", b'{"a":1,'),
    "one thing more at the end": (rb"\}\n", b',"note":1}\n'),
    "another hash": (rb'"hash":"...', b'"hash":"AAA'),
    "a checkpoint in it": (rb"\}\n", b',"checkpoint":"x"}\n'),
    "a number of another kind in the body": (rb'"kind":', b'"kind":1e400,"kind":'),
}


@pytest.mark.parametrize("damage", ENTRY)
def test_an_entry_that_was_written_otherwise_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, damage: str
) -> None:
    content = b"".join(change(LINE_OF_AN_ENTRY, *ENTRY[damage]))
    code, found, told = judge(capsys, tmp_path, content)
    assert code == 1
    assert {first for kind, first in found if kind != "contradiction"} == {AT}, told
    assert {kind for kind, _ in found} <= {"malformed", "changed", "contradiction"}


def test_the_keys_of_a_line_in_another_order_are_named_by_its_number(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lines = export()
    value = json.loads(lines[LINE_OF_AN_ENTRY])
    turned = json.dumps(dict(reversed(value.items())), ensure_ascii=False, separators=(",", ":"))
    lines[LINE_OF_AN_ENTRY] = f"{turned}\n".encode()
    code, found, _ = judge(capsys, tmp_path, b"".join(lines))
    assert (code, found) == (1, [("malformed", AT)])


UNREADABLE = (
    b"[1,2]\n",
    b"x\n",
    b"[" * 100_000 + b"\n",
    b'{"body":{"a":NaN}}\n',
    b'{"checkpoint":5}\n',
    b'{"receipt":"%s","at":"9999-12-31T23:59:59Z"}\n' % NOWHERE.encode(),
    b'{"receipt":"%s","at":"0001-01-01T00:00:00+14:00"}\n' % NOWHERE.encode(),
    b'{"receipt":"%s","at":5}\n' % NOWHERE.encode(),
    b'{"export":5}\n',
)


@pytest.mark.parametrize("line", UNREADABLE, ids=lambda line: line[:30].decode())
def test_whatever_stands_in_place_of_an_entry_the_entry_is_missed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, line: bytes
) -> None:
    lines = export()
    lines[LINE_OF_AN_ENTRY] = line
    code, found, told = judge(capsys, tmp_path, b"".join(lines))
    assert code == 1
    assert ("deleted", AT) in found
    assert "contradiction" in told or "receipt" in told or f"after entry {AT - 1}" in told or "note" in told


CHECKPOINT: dict[str, tuple[bytes, bytes]] = {
    "a blank at the end": (rb"\}\n", b"}\t\n"),
    "a letter escaped": ("\u2014".encode(), b"\\u2014"),
    "no hashes": (rb'"edge":\[.*\]', b'"edge":null'),
    "hashes that are a number": (rb'"edge":\[.*\]', b'"edge":5'),
    "hashes that are a word": (rb'"edge":\[.*\]', b'"edge":"x"'),
    "hashes that are numbers": (rb'"edge":\[.*\]', b'"edge":[5]'),
    "other hashes": (rb'"edge":\["...', b'"edge":["AAA'),
    "one thing more": (rb"^\{", b'{"edge":[],'),
}


@pytest.mark.parametrize("damage", CHECKPOINT)
def test_a_checkpoint_whose_line_was_written_otherwise_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, damage: str
) -> None:
    code, found, told = judge(capsys, tmp_path, b"".join(change(2, *CHECKPOINT[damage])))
    assert (code, found) == (1, [("malformed", None)])
    assert "export.jsonl, line 3" in told


FIRST_LINE: dict[str, tuple[bytes, bytes]] = {
    "a negative start": (rb'"start":0', b'"start":-1'),
    "half a start": (rb'"start":0', b'"start":0.5'),
    "a start without end": (rb'"start":0', b'"start":1e400'),
    "a start that is a word": (rb'"start":0', b'"start":false'),
    "a later start": (rb'"start":0', b'"start":4'),
    "no list of keys": (rb'"keys":\[.*?\]', b'"keys":"abc"'),
    "a key that is none": (rb'"keys":\[.*?\]', b'"keys":["abc"]'),
    "a changed key": (rb"\+..", b"+AA"),
}


@pytest.mark.parametrize("damage", FIRST_LINE)
def test_a_first_line_that_was_changed_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, damage: str
) -> None:
    code, found, told = judge(capsys, tmp_path, b"".join(change(0, *FIRST_LINE[damage])))
    assert (code, found[0][0]) == (1, "malformed")
    assert "export.jsonl, line 1" in told


def test_an_export_in_the_name_of_another_log_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lines = change(0, rb'"origin":"', b'"origin":"x')
    assert judge(capsys, tmp_path, b"".join(lines))[:2] == (1, [("contradiction", None)])


FILES: dict[str, tuple[Callable[[Lines], bytes], str]] = {
    "lines that end as Windows has it": (
        lambda lines: b"".join(lines).replace(b"\n", b"\r\n"),
        "607 lines, the first of them line 1,",
    ),
    "one line that ends so": (
        lambda lines: b"".join([*lines[:AT], lines[AT][:-1] + b"\r\n", *lines[AT + 1 :]]),
        f"line {AT + 1} of export.jsonl ends in CR LF",
    ),
    "a byte order mark": (lambda lines: b"\xef\xbb\xbf" + b"".join(lines), "byte order mark"),
    "blank lines": (lambda lines: b"\n".join(lines), "blank line"),
    "no first line": (lambda lines: b"".join(lines[1:]), "the first line of export.jsonl is missing"),
    "the first line at the end": (lambda lines: b"".join([*lines[1:], lines[0]]), "line 607"),
    "the first line twice": (lambda lines: b"".join([lines[0], *lines]), "line 2"),
    "a checkpoint twice": (lambda lines: b"".join([*lines[:3], *lines[2:]]), "stands twice"),
    "all twice": (lambda lines: b"".join(lines * 2), f"entries 0 to {COUNT - 1} stand 2 times"),
    "a cut in the midst of a line": (lambda lines: b"".join(lines)[:-9], f"entry {COUNT - 1} is missing"),
    "a cut at half": (
        lambda lines: b"".join(lines)[: len(b"".join(lines)) // 2],
        f"to {COUNT - 1} are missing",
    ),
}


@pytest.mark.parametrize("damage", FILES)
def test_a_file_that_was_converted_cut_or_put_together_is_told_in_few_words(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, damage: str
) -> None:
    make, words = FILES[damage]
    code, found, told = judge(capsys, tmp_path, make(export()))
    assert code == 1
    assert 1 <= len(found) <= 10, told
    assert words in told


def test_a_last_line_without_its_end_or_with_blank_ones_after_it_is_in_order(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for content in (b"".join(export())[:-1], b"".join(export()) + b"\n\n"):
        assert judge(capsys, tmp_path, content)[:2] == (0, [])


def test_an_archive_and_the_rest_may_stand_in_one_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    whole, rest = export(), log().lines(300)
    archive = [*whole[:4], *whole[FIRST : FIRST + 300]]
    assert judge(capsys, tmp_path, b"".join([*archive, *rest]))[:2] == (0, [])


@pytest.mark.parametrize(
    "content", [b"", b"\x1f\x8b\x08\x00", b"<html>\n</html>\n", b'{"status":401}\n', b"\xff\xfe{\x00"]
)
def test_a_file_that_is_no_export_cannot_be_checked_and_the_message_says_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes
) -> None:
    code, _, told = judge(capsys, tmp_path, content)
    assert code == 2
    assert ("hold no entry and no checkpoint" if content else "export.jsonl is empty") in told


def test_a_single_byte_anywhere_in_the_file_is_found(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    draw, content = random.Random(11), b"".join(export())
    for _ in range(60):
        place = draw.randrange(len(content) - 1)
        changed = bytes([*content[:place], content[place] ^ (1 << draw.randrange(8)), *content[place + 1 :]])
        code, found, told = judge(capsys, tmp_path, changed)
        assert code == 1, (place, told)
        assert found


def test_an_entry_moved_within_its_batch_or_to_the_next_is_named_when_all_are_numbered_anew() -> None:
    batches = make_log(240, 80)
    for here, there in ((0, 79), (70, 10), (81, 120), (79, 81), (20, 110), (110, 20)):
        leaves = list(batches.leaves)
        leaves.insert(there, leaves.pop(here))
        shown, file = verifier.Shown(), verifier.Reading("here")
        for line in [
            *batches.checkpoint_lines(),
            *(write_leaf_line(leaf, at) for at, leaf in enumerate(leaves)),
        ]:
            match = verifier.LINE.fullmatch(line)
            verifier.take_entry(match, shown) if match else verifier.take_other(line, "here", shown, file)
        report = verifier.verify(shown, verifier.Trust([verifier.read_key(str(LOG.verifier))]))
        found = [each for each in report.findings if each.kind != "contradiction"]
        named = [(each.kind, each.first, each.last) for each in found]
        assert named == [("reordered", min(here, there), max(here, there))], named


# --- what is named beside the export --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("{receipt}; mmd=60\n", 0, ""),
        ("Access-Receipt: {receipt}; mmd=60\r\n", 0, ""),
        ("\ufeff{receipt}; mmd=60\n", 0, ""),
        ("2026-09-01T08:00:00\t{receipt}\n", 0, ""),
        ("yesterday\t{receipt}\n", 2, "receipts, line 1: the time beside the receipt"),
        ("hello\n", 2, "receipts, line 1"),
        ("AAAA; mmd=60\n", 2, "32 bytes"),
        (f"{NOWHERE}; mmd=60\n", 1, "dropped"),
        (f"2026-09-01T08:00:00Z\t{NOWHERE}; mmd=60\n", 1, "dropped"),
        (f"9999-12-31T23:59:59Z\t{NOWHERE}; mmd=60\n", 3, "older or younger"),
    ],
)
def test_receipts_are_taken_as_people_keep_them_and_named_by_their_lines(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, code: int, words: str
) -> None:
    receipts = tmp_path / "receipts"
    receipts.write_text(text.format(receipt=encode_base64(hash_leaf(log().leaves[5]))), encoding="utf-8")
    told = judge(capsys, tmp_path, b"".join(export()), "--receipt", receipts)
    assert told[0] == code, told
    assert words in told[2]


def test_a_receipt_younger_than_all_that_is_shown_is_no_damage_although_there_is_no_witness(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    receipts, content = tmp_path / "receipts", b"".join(make_log(100, 50).lines())
    receipts.write_text(f"2026-09-30T08:00:00Z\t{NOWHERE}; mmd=60\n")
    assert judge(capsys, tmp_path, content, "--receipt", receipts)[0] == 3
    receipts.write_text(f"2026-09-01T07:00:00Z\t{NOWHERE}; mmd=60\n")
    assert judge(capsys, tmp_path, content, "--receipt", receipts)[0] == 1


def test_a_checkpoint_that_somebody_kept_may_have_lost_its_last_line_end(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    kept, text = tmp_path / "kept", str(log().notes[300])
    for written in (text, text[:-1], f"{text}\n", f"\ufeff{text}", text.replace("\n", "\r\n")):
        kept.write_text(written, encoding="utf-8", newline="")
        assert judge(capsys, tmp_path, b"".join(export()), "--held", kept)[:2] == (0, [])
    kept.write_text(text.replace("\n300\n", "\n301\n"), encoding="utf-8")
    assert judge(capsys, tmp_path, b"".join(export()), "--held", kept)[1] == [("bad-signature", None)]


@pytest.mark.parametrize(
    "option", ["--held", "--receipt", "--proof", "--certificate", "--key", "--witness-key"]
)
def test_a_file_that_is_no_text_cannot_be_read_whatever_it_was_named_for(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, option: str
) -> None:
    odd = tmp_path / "odd"
    odd.write_bytes(b"\xff\x00")
    code, _, told = judge(capsys, tmp_path, b"".join(export()), option, odd)
    assert (code, "odd is no text" in told) == (2, True)


def test_a_certificate_without_end_is_no_certificate(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    deep = tmp_path / "deep"
    deep.write_text('{"certificate":' + "[" * 100_000)
    code, found, _ = judge(capsys, tmp_path, b"".join(export()), "--certificate", deep)
    assert (code, found) == (1, [("malformed", None)])


def test_a_wrong_command_line_says_which_word_is_wrong(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    content = b"".join(export())
    code, _, told = judge(capsys, tmp_path, content, "--witness-key", "nofile.key")
    assert (code, "'nofile.key', which is no file" in told) == (2, True)
    for count in ("-1", "many"):
        with pytest.raises(SystemExit, match="2"):
            judge(capsys, tmp_path, content, f"--witnesses={count}")
    words = ("--witness-key", WITNESS.verifier, "--witnesses", 1)
    assert judge(capsys, tmp_path, content, *words)[0] == 0


def test_the_exit_code_is_the_verdict_although_nobody_reads_it_or_the_terminal_knows_no_letters(
    tmp_path: Path,
) -> None:
    file = tmp_path / "\u00e9t\u00e9.jsonl"
    file.write_bytes(b"".join(export()[1:]))
    words = [sys.executable, str(VERIFIER), KEY, str(file)]
    begun = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert begun.stdout is not None
    begun.stdout.close()
    _, complaint = begun.communicate()
    assert (begun.returncode, complaint) == (1, b"")
    done = subprocess.run(words, env={"PYTHONIOENCODING": "ascii"}, capture_output=True, check=False)
    assert (done.returncode, done.stderr, b"\\xe9t\\xe9.jsonl" in done.stdout) == (1, b"", True)
