"""What the stand-alone verifier says of files that are not what they were named for, of checkpoints with odd numbers, and of
exports that begin late: a verdict or one of its exit codes in every case, and never a word too good.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from accounts.ledger.proof.canonical import canonicalise
from accounts.ledger.proof.checkpoint import TreeHead, cosign, sign_head
from accounts.ledger.proof.export import write_checkpoint_line
from accounts.ledger.proof.note import Note, encode_base64, sign_note
from accounts.ledger.proof.tree import hash_leaf
from tests.ledger.test_damaged_files import KEY, export, judge, log, verifier
from tests.pure.ledger.invented_log import BEGIN_S, WITNESS, InventedLog
from tests.pure.ledger.test_note import LOG

pytestmark = pytest.mark.no_database
Printed = pytest.CaptureFixture[str]
WITNESSED = ("--witness-key", WITNESS.verifier)


def put(folder: Path, name: str, content: str | bytes) -> Path:
    """A file."""
    file = folder / name
    file.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
    return file


def run(capsys: Printed, *words: object) -> tuple[int, str]:
    """The exit code, and all that was printed."""
    code = verifier.main([KEY, *map(str, words)])
    told = capsys.readouterr()
    return code, told.out + told.err


# --- exports that begin late ------------------------------------------------------------------------------------------


def test_an_export_that_begins_late_is_not_called_sound(capsys: Printed, tmp_path: Path) -> None:
    """Nor is one whose beginning was taken away and whose first line was written anew, for which no key is needed."""
    code, found, told = judge(
        capsys, tmp_path, b"".join(log().lines(200)), "--held", put(tmp_path, "kept", str(log().notes[400]))
    )
    assert (code, found) == (3, [])
    assert "entries 0 to 199 are not shown" in told
    first = put(tmp_path, "first.jsonl", b"".join(cut(log().lines(), 200)))
    assert judge(capsys, tmp_path, b"".join(log().lines(200)), first)[:2] == (0, [])


def cut(lines: Sequence[bytes], size: int) -> list[bytes]:
    """The export of a log when it had this size."""
    kept = []
    for line in lines:
        value = json.loads(line)
        told = (
            int(value["checkpoint"].split("\n")[1]) if "checkpoint" in value else value.get("index", -1) + 1
        )
        kept += [line] * (told <= size)
    return kept


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_an_empty_file_beside_others_is_told(capsys: Printed, tmp_path: Path, content: bytes) -> None:
    empty = put(tmp_path, "first.jsonl", content)
    code, _, told = judge(capsys, tmp_path, b"".join(log().lines(200)), empty)
    assert (code, "first.jsonl is empty" in told) == (2, True)


# --- what an export cannot say of itself ------------------------------------------------------------------------------


def test_a_receipt_in_the_export_itself_is_no_comparison(capsys: Printed, tmp_path: Path) -> None:
    receipt = encode_base64(hash_leaf(log().leaves[5]))
    line = canonicalise({"receipt": f"{receipt}; mmd=60"}) + b"\n"
    code, found, told = judge(capsys, tmp_path, b"".join([*export(), line]))
    assert (code, found) == (1, [("malformed", None)])
    assert json.loads(told)["compared"] is False


@pytest.mark.parametrize(
    "told",
    [
        {"origin": 5},
        {"origin": None},
        {"start": 2**70, "edge": [NO := encode_base64(bytes(32))]},
        {"more": 1},
    ],
)
def test_a_first_line_with_odd_values_is_malformed(
    capsys: Printed, tmp_path: Path, told: dict[str, object]
) -> None:
    lines = export()
    value = json.loads(lines[0])
    lines[0] = json.dumps({"export": value["export"] | told}, separators=(",", ":"), sort_keys=True).encode()
    code, found, _ = judge(capsys, tmp_path, lines[0] + b"\n" + b"".join(lines[1:]))
    assert (code, found[0][0]) == (1, "malformed")


# --- checkpoints with odd contents ------------------------------------------------------------------------------------


def with_note(note: Note | str) -> bytes:
    """The export with one checkpoint more."""
    return b"".join([*export(), write_checkpoint_line(str(note), [])])


def test_half_a_letter_in_a_checkpoint_is_malformed(capsys: Printed, tmp_path: Path) -> None:
    lines = export()
    lines[3] = lines[3].replace(rb"\n\n", rb"\n\ud800\n\n", 1)
    code, found, _ = judge(capsys, tmp_path, b"".join(lines))
    assert code == 1
    assert {kind for kind, _ in found} == {"malformed"}


def test_a_witness_that_signs_no_date_is_malformed(capsys: Printed, tmp_path: Path) -> None:
    note = log().notes[600]
    odd = Note(note.text, [note.signatures[0], cosign(note, WITNESS, 2**62)])
    for words in (WITNESSED, (*WITNESSED, "--witnesses", 1)):
        code, found, _ = judge(capsys, tmp_path, with_note(odd), *words)
        assert (code, {kind for kind, _ in found}) == (1, {"malformed"})


@pytest.mark.parametrize("where", ["in the export", "held"])
def test_a_checkpoint_over_more_than_there_can_be_is_judged_at_once(
    capsys: Printed, tmp_path: Path, where: str
) -> None:
    note = sign_head(TreeHead(LOG.name, 10**13, bytes(32)), [LOG])
    if where == "held":
        found = judge(capsys, tmp_path, b"".join(export()), "--held", put(tmp_path, "kept", str(note)))[1]
        assert found == [("rolled-back", 600)]
    else:
        assert ("truncated", 600) in judge(capsys, tmp_path, with_note(note))[1]


@pytest.mark.parametrize(("is_witnessed", "verdict"), [(True, 0), (False, 3)])
def test_a_proof_by_itself_without_the_witnesses_that_were_asked_for_is_not_called_sound(
    capsys: Printed, tmp_path: Path, is_witnessed: bool, verdict: int
) -> None:
    """The log may have signed this for whoever holds the receipt alone."""
    leaf = log().leaves[0]
    note = sign_head(TreeHead(LOG.name, 1, hash_leaf(leaf)), [LOG])
    if is_witnessed:
        note = Note(note.text, [*note.signatures, cosign(note, WITNESS, BEGIN_S)])
    text = f"c2sp.org/tlog-proof@v1\nextra {encode_base64(leaf)}\nindex 0\n\n{note}"
    proof = put(tmp_path, "one.tlog-proof", text)
    for words, expected in ((WITNESSED, 0), ((*WITNESSED, "--witnesses", 1), verdict)):
        code, told = run(capsys, "--proof", proof, *words)
        assert code == expected, told
        assert ("0 of 1 witnesses" in told) == (expected == 3)


def test_a_witness_whose_clock_was_set_back_makes_no_damage_of_a_sound_log(
    capsys: Printed, tmp_path: Path
) -> None:
    content = b"".join(export())
    early = put(
        tmp_path,
        "early",
        str(Note(log().notes[500].text, [LOG_SIGNED, cosign(log().notes[500], WITNESS, BEGIN_S)])),
    )
    code, found, told = judge(capsys, tmp_path, content, *WITNESSED, "--held", early)
    assert (code, found) == (3, [])
    assert "clock was set back" in told


LOG_SIGNED = log().notes[500].signatures[0]


def test_a_witness_that_signed_less_after_more_is_damage_where_the_entries_do_not_show_one_history(
    capsys: Printed, tmp_path: Path
) -> None:
    more = sign_head(TreeHead(LOG.name, 900, bytes(32)), [LOG])
    kept = put(tmp_path, "kept", str(Note(more.text, [*more.signatures, cosign(more, WITNESS, BEGIN_S - 9)])))
    _, found, told = judge(capsys, tmp_path, b"".join(export()), *WITNESSED, "--held", kept)
    assert [kind for kind, _ in found] == ["rolled-back", "rolled-back"], told
    assert "clock" not in told


def test_an_entry_behind_what_was_signed_is_not_called_as_it_was_signed(
    capsys: Printed, tmp_path: Path
) -> None:
    line = export()[-1].replace(b'"index":599', b'"index":600')
    line = line.replace(b'"hash":"', b'"hash":"AAAA', 1).replace(line.split(b'"hash":"')[1][39:43], b"", 1)
    _, found, told = judge(capsys, tmp_path, b"".join([*export(), line]))
    assert ("unsigned", 600) in found
    assert "as it was signed" not in told


# --- files that are not what they were named for ----------------------------------------------------------------------


def test_an_export_that_somebody_kept_is_compared_by_its_checkpoints(capsys: Printed, tmp_path: Path) -> None:
    kept = put(tmp_path, "last-month.jsonl", b"".join(cut(log().lines(), 400)))
    code, found, told = judge(capsys, tmp_path, b"".join(export()), "--held", kept)
    assert (code, found, json.loads(told)["compared"]) == (0, [], True)


@pytest.mark.parametrize("option", ["--held", "--proof", "--certificate"])
@pytest.mark.parametrize(
    "content",
    ["", "<html>\n\n</html>\n", '{"type":"about:blank","status":404}\n'],
    ids=["empty", "page", "problem"],
)
def test_a_file_that_does_not_hold_what_it_was_named_for_is_no_damage(
    capsys: Printed, tmp_path: Path, option: str, content: str
) -> None:
    code, _, told = judge(capsys, tmp_path, b"".join(export()), option, put(tmp_path, "kept", content))
    assert (code, "kept " in told) == (2, True), told


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--witnesses", 1), "--witness-key"),
        (("--witnesses", 1, "--witness-key", LOG.verifier), "this is a key of a log"),
        (("--key", WITNESS.verifier), "this is a key of a witness"),
    ],
)
def test_keys_that_are_missing_or_of_another_kind_are_wrong_usage(
    capsys: Printed, tmp_path: Path, words: tuple[object, ...], says: str
) -> None:
    code, _, told = judge(capsys, tmp_path, b"".join(export()), *words)
    assert (code, says in told) == (2, True), told


def certificate(text: str) -> str:
    """An answer whose certificate is this text, signed as a service signs what it reads from it."""
    value = json.loads(text)
    note = sign_note(canonicalise(value).decode() + "\n", [LOG])
    under = str(note).split("\n\n", 1)[1]
    return f'{{"certificate":{text},"signature":{json.dumps(under)}}}'


def test_a_certificate_in_which_a_name_stands_twice_is_malformed(capsys: Printed, tmp_path: Path) -> None:
    sound = put(tmp_path, "sound", certificate('{"k_eff":12}'))
    assert run(capsys, "--certificate", sound)[0] == 0
    for text in (
        certificate('{"k_eff":1000,"k_eff":12}'),
        certificate('{"k_eff":12}').replace(
            '{"certificate":', '{"certificate":{"k_eff":1000},"certificate":'
        ),
    ):
        code, told = run(capsys, "--certificate", put(tmp_path, "odd", text))
        assert (code, "malformed" in told) == (1, True)


def test_half_a_letter_in_a_certificate_is_malformed(capsys: Printed, tmp_path: Path) -> None:
    text = certificate('{"k_eff":12}').replace('"k_eff"', r'"\ud800"')
    code, told = run(capsys, "--certificate", put(tmp_path, "odd", text))
    assert (code, "malformed" in told) == (1, True)


# --- what the person in front of it is told ---------------------------------------------------------------------------


def test_no_text_from_a_file_reaches_the_terminal_as_a_command(capsys: Printed, tmp_path: Path) -> None:
    """Or a name with the codes that clear a screen would write another verdict in its place."""
    names = ("\x1b[2J\x1b[HSOUND: these are the entries that were signed.\n", "\x9b8m\u202e\u2066")
    for name in names:
        lines = log().lines()
        told = json.loads(lines[0])
        told["export"]["origin"] = name
        lines[0] = canonicalise(told) + b"\n"
        code, printed = run(capsys, put(tmp_path, "export.jsonl", b"".join(lines)))
        assert code == 1
        assert "the export says to be of the log" in printed
        assert all(char.isprintable() or char == "\n" for char in printed)
        assert not [line for line in printed.splitlines() if line.startswith("SOUND")]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--witnesses", 2, *WITNESSED), "2 witnesses are asked for, and keys of 1 are named"),
        (("--witnesses", 2, *WITNESSED, *WITNESSED), "2 witnesses are asked for, and keys of 1 are named"),
        (("--witnesses", 1, "--witness-key", "EMPTY"), "keys of 0 are named"),
        (("--receipt", "EMPTY"), "kept holds no receipt"),
        (("--held", "TWO"), "kept holds something else than one checkpoint"),
    ],
)
def test_what_cannot_be_checked_as_it_was_asked_is_wrong_usage_and_no_verdict(
    capsys: Printed, tmp_path: Path, words: tuple[object, ...], says: str
) -> None:
    contents = {"EMPTY": "\n", "TWO": f"{log().notes[300]}\n{log().notes[400]}"}
    named = [put(tmp_path, "kept", contents[word]) if word in contents else word for word in map(str, words)]
    code, _, told = judge(capsys, tmp_path, b"".join(export()), *named)
    assert (code, says in told) == (2, True), told


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\x1f\x8b\x08\x00rest", "compressed"),
        (b"PK\x03\x04rest", "compressed"),
        ("{}".encode("utf-16"), "UTF-16"),
        (
            b'{"type":"x","status":403,"detail":"Months were \\u001b archived."}\n',
            "Months were \\x1b archived.",
        ),
        (b"<html>\n</html>\n", "what the service said where it had none"),
    ],
)
def test_of_a_file_that_is_no_export_it_is_said_what_it_is(
    capsys: Printed, tmp_path: Path, content: bytes, says: str
) -> None:
    code, printed = run(capsys, put(tmp_path, "export.jsonl", content))
    assert (code, says in printed, "export.jsonl" in printed) == (2, True, True), printed
    code, printed = run(capsys, put(tmp_path, "sound.jsonl", b"".join(export())), tmp_path / "export.jsonl")
    assert (code, says in printed) == (2, True), printed


def test_files_that_show_the_same_lines_are_named_and_nobody_is_accused(
    capsys: Printed, tmp_path: Path
) -> None:
    """An export of last month beside that of this month; an archive named twice."""
    old, new = (
        put(tmp_path, "old.jsonl", b"".join(cut(log().lines(), 400))),
        put(tmp_path, "new.jsonl", b"".join(export())),
    )
    code, found, told = judge(capsys, tmp_path, old.read_bytes(), new)
    assert (code, found) == (1, [("inserted", 0)])
    assert "entries 0 to 399 stand 2 times" in told
    assert "new.jsonl and export.jsonl both show them" in told
    assert "--held" in told


def test_a_gap_between_two_files_says_that_an_archive_is_not_named(capsys: Printed, tmp_path: Path) -> None:
    first = put(tmp_path, "first.jsonl", b"".join(cut(log().lines(), 200)))
    code, found, told = judge(capsys, tmp_path, b"".join(log().lines(400)), first)
    assert (code, found) == (1, [("deleted", 200)])
    assert "first.jsonl ends before them and export.jsonl begins after them" in told
    assert "archive" in told


def test_damage_comes_with_what_to_do_and_open_changes_are_not_counted_as_shown(
    capsys: Printed, tmp_path: Path
) -> None:
    bodies = [
        b'{"action":"read.activity","at":"2026-09-01T00:00:00.000000Z","id":"1","kind":"entry"}',
        b'{"action":"grant.revoke","at":"2026-09-01T00:00:00.000000Z","id":"2","kind":"entry"}',
    ]
    grown = InventedLog()
    grown.grow(bodies)
    code, printed = run(capsys, put(tmp_path, "export.jsonl", b"".join(grown.lines())))
    assert code == 0
    assert "2 entries have no completion; count as full disclosure 1 of them" in printed
    assert "what to do" not in printed
    code, printed = run(capsys, put(tmp_path, "export.jsonl", b"".join(export()[:-1])))
    assert code == 1
    assert "what to do" in printed
    assert "What a failed check means" in printed
