"""`verify_ledger` names what was changed in the database, also where an export could not show it; and its fellow commands.

Damage is done as the owner, with the triggers off, and undone: the database is the other tests' too.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command

from accounts.ledger.checking import Damage, check_log
from accounts.ledger.entry import Entry, Outcome, ReadingPage
from accounts.ledger.exporting import NoSuchStart, export_lines
from accounts.ledger.keyed import digest_cells
from accounts.ledger.proof.keyfile import read_keys, write_keys
from accounts.ledger.proof.note import ED25519
from accounts.ledger.sealing import read_newest
from accounts.ledger.writer import complete_entry, open_entry
from tests.ledger.conftest import Connection, connect
from tests.ledger.sealers import find_places, seal_all, sealing, wait_for_lock, write_lines
from tests.pure.ledger.invented_log import VERIFIER
from tests.pure.ledger.test_note import LOG, OTHER


@pytest.fixture
def disclosed(db: None) -> UUID:
    """An entry that disclosed three cells; it and all others are sealed."""
    ticket = open_entry(Entry(None, "read.activity", "/test", uuid4(), level=0))
    complete_entry(ticket, Outcome.ANSWERED, 3, b"answer", [70, 71, 90])
    with sealing() as sealer:
        seal_all(sealer)
    return ticket.entry_id


def check() -> list[Damage]:
    """What is found in the whole database."""
    with connect() as connection:
        return list(check_log(connection, [LOG.verifier], digest_cells).damages)


@contextmanager
def changed(owner: Connection, table: str, change: str, where: str, *values: object) -> Iterator[None]:
    """Rows as a thief with all rights would leave them; afterwards as they were."""
    triggers = (
        "ALTER TABLE ledger.{} {} TRIGGER ALL" if table == "none" else "ALTER TABLE ledger.{} {} TRIGGER USER"
    )
    owner.execute(triggers.format(table, "DISABLE"))
    owner.execute(f"CREATE TEMP TABLE kept AS SELECT * FROM ledger.{table} WHERE {where}", values)
    try:
        owner.execute(f"UPDATE ledger.{table} SET {change} WHERE {where}", values)
        yield
    finally:
        columns = owner.execute(
            "SELECT string_agg(format('%%1$I = k.%%1$I', attname), ', ') FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND attgenerated = ''",
            [f"ledger.{table}"],
        ).fetchone()
        key = {"entry": "id", "leaf": "index", "checkpoint": "size"}.get(table, "entry_id")
        same = "t.level = k.level AND t.place = k.place" if table == "node" else f"t.{key} = k.{key}"
        assert columns is not None
        owner.execute(f"UPDATE ledger.{table} t SET {columns[0]} FROM kept k WHERE {same}")
        owner.execute("DROP TABLE kept")
        owner.execute(triggers.format(table, "ENABLE"))


def test_an_untouched_ledger_is_sound(disclosed: UUID) -> None:
    assert check() == []


COLUMNS = {
    "actor": "gen_random_uuid()",
    "organisation": "gen_random_uuid()",
    "role": "'partner'",
    "purpose_code": "'field-visit'",
    "purpose_text": "'nothing'",
    "action": "'read.alerts'",
    "endpoint": "'/other'",
    "level": "2",
    "rule": "'coarse'",
    "policy_version": "'0'",
    "regions": "ARRAY[gen_random_uuid()]",
    "object_refs": "ARRAY['a']",
    "request_id": "gen_random_uuid()",
    "at": "at - interval '1 microsecond'",
    "nonce": "decode(repeat('cd', 16), 'hex')",
}


@pytest.mark.parametrize(("column", "value"), COLUMNS.items())
def test_a_changed_column_of_an_entry_is_named(
    owner: Connection, disclosed: UUID, column: str, value: str
) -> None:
    place = find_places(owner, [disclosed])[(disclosed, "entry")]
    with changed(owner, "entry", f"{column} = {value}", "id = %s", disclosed):
        assert [(damage.kind, damage.index) for damage in check()] == [("changed", place)]


@pytest.mark.parametrize("change", ["outcome = 'failed'", "quantity = 1", "answer_digest = ''", "at = now()"])
def test_a_changed_column_of_a_completion_is_named(owner: Connection, disclosed: UUID, change: str) -> None:
    place = find_places(owner, [disclosed])[(disclosed, "completion")]
    with changed(owner, "completion", change, "entry_id = %s", disclosed):
        assert [(damage.kind, damage.index) for damage in check()] == [("changed", place)]


def test_a_column_that_is_changed_together_with_its_bytes_is_named_all_the_same(
    owner: Connection, disclosed: UUID
) -> None:
    place = find_places(owner, [disclosed])[(disclosed, "entry")]
    empty, other = '"purpose_text":""', '"purpose_text":"x"'
    anew = f"convert_to(replace(convert_from(body, 'UTF8'), '{empty}', '{other}'), 'UTF8')"
    change = f"purpose_text = 'x', body = {anew}"
    with changed(owner, "entry", change, "id = %s", disclosed):
        found = check()
    assert [(damage.kind, damage.index) for damage in found] == [("changed", place)]
    assert "sealed bytes" in found[0].text


def test_a_changed_hash_of_a_leaf_a_subtree_or_a_head_is_named(owner: Connection, disclosed: UUID) -> None:
    place = find_places(owner, [disclosed])[(disclosed, "entry")]
    zeros = "decode(repeat('00', 32), 'hex')"
    with changed(owner, "leaf", f"hash = {zeros}", "index = %s", place):
        found = check()
        assert found[0].kind == "changed"
        assert found[0].index == place
    with changed(owner, "node", f"hash = {zeros}", "level = 1 AND place = 0"):
        assert [(damage.kind, damage.index) for damage in check()] == [("changed", 1)]
    newest = read_newest(owner)
    assert newest is not None
    for change in (f"root = {zeros}", "edge = edge[2:]"):
        with changed(owner, "checkpoint", change, "size = %s", newest.head.size):
            assert [(damage.kind, damage.index) for damage in check()] == [("changed", newest.head.size - 1)]
    with changed(
        owner,
        "checkpoint",
        "note = replace(note, E'\\n\\n', E'\\nmore\\n\\n')",
        "size = %s",
        newest.head.size,
    ):
        assert [damage.kind for damage in check()] == ["foreign-key"]


@pytest.mark.parametrize("cells", ["{70}", "{}", "{NULL,70}", "{{1},{2}}", "{90,71,70}"])
def test_disclosed_cells_that_are_changed_are_named_without_naming_a_cell(
    owner: Connection, disclosed: UUID, cells: str
) -> None:
    place = find_places(owner, [disclosed])[(disclosed, "completion")]
    with changed(owner, "disclosure", f"cells = '{cells}'", "entry_id = %s", disclosed):
        found = check()
    assert [(damage.kind, damage.index) for damage in found] == [("changed", place)]
    assert "70" not in found[0].text.replace(str(disclosed), "")


def test_the_sealed_part_of_an_empty_tile_cannot_go_unseen(owner: Connection, disclosed: UUID) -> None:
    """By it a reading begins and ends with its tiles, empty or not."""
    ticket = open_entry(Entry(None, "read.activity", "/test", uuid4(), level=0))
    complete_entry(ticket, Outcome.ANSWERED, 1, b"tile", page=ReadingPage(uuid4(), is_continued=True))
    with sealing() as sealer:
        seal_all(sealer)
    assert check() == []
    owner.execute("ALTER TABLE ledger.disclosure DISABLE TRIGGER USER")
    owner.execute("DELETE FROM ledger.disclosure WHERE entry_id = %s", [ticket.entry_id])
    found = check()
    owner.execute(
        "INSERT INTO ledger.disclosure (entry_id, cells, is_continued) VALUES (%s, '{}', true)",
        [ticket.entry_id],
    )
    owner.execute("ALTER TABLE ledger.disclosure ENABLE TRIGGER USER")
    place = find_places(owner, [ticket.entry_id])[(ticket.entry_id, "completion")]
    assert [(damage.kind, damage.index) for damage in found] == [("changed", place)]


@pytest.mark.parametrize("is_completed", [True, False])
def test_cells_that_an_entry_never_disclosed_are_named(owner: Connection, is_completed: bool) -> None:
    """Or somebody could be made to have seen a site: by an answer of blocks, or by one that was never completed."""
    ticket = open_entry(Entry(None, "read.activity", "/test", uuid4(), level=2))
    if is_completed:
        complete_entry(ticket, Outcome.ANSWERED, 3, b"answer")
    with sealing() as sealer:
        seal_all(sealer)
    owner.execute("INSERT INTO ledger.disclosure (entry_id, cells) VALUES (%s, '{70}')", [ticket.entry_id])
    try:
        assert [damage.kind for damage in check()] == ["changed"]
    finally:
        owner.execute("ALTER TABLE ledger.disclosure DISABLE TRIGGER USER")
        owner.execute("DELETE FROM ledger.disclosure WHERE entry_id = %s", [ticket.entry_id])
        owner.execute("ALTER TABLE ledger.disclosure ENABLE TRIGGER USER")
    assert check() == []


def test_a_line_that_vanished_from_its_table_is_named(owner: Connection, disclosed: UUID) -> None:
    place = find_places(owner, [disclosed])[(disclosed, "completion")]
    owner.execute("ALTER TABLE ledger.completion DISABLE TRIGGER USER")
    row = owner.execute("SELECT c::text FROM ledger.completion c WHERE entry_id = %s", [disclosed]).fetchone()
    assert row is not None
    try:
        owner.execute("DELETE FROM ledger.completion WHERE entry_id = %s", [disclosed])
        assert "deleted" in [damage.kind for damage in check() if damage.index == place]
    finally:
        owner.execute("INSERT INTO ledger.completion SELECT (%s::ledger.completion).*", row)
        owner.execute("ALTER TABLE ledger.completion ENABLE TRIGGER USER")
    assert check() == []


def test_a_line_without_a_place_is_named_once_its_time_is_up(owner: Connection, disclosed: UUID) -> None:
    (ticket,) = write_lines(1)
    assert check() == []
    identifier = uuid4()
    owner.execute(
        "INSERT INTO ledger.entry (id, nonce, role, action, endpoint, request_id, at) VALUES"
        " (%s, %s, 'auditor', 'read.test', '/', %s, now() - interval '61 seconds')",
        [identifier, uuid4().bytes, uuid4()],
    )
    found = check()
    assert [damage.kind for damage in found] == ["unsealed"]
    assert str(identifier) in found[0].text
    with sealing() as sealer:
        seal_all(sealer)
    assert check() == []
    assert find_places(owner, [ticket.entry_id])


def test_a_log_that_another_key_signed_is_named(disclosed: UUID) -> None:
    with connect() as connection:
        damages = check_log(connection, [OTHER.verifier]).damages
    assert {damage.kind for damage in damages} == {"foreign-key"}


# --- exports and proofs, checked by the stand-alone verifier --------------------------------------------------------


def verify(*words: object) -> subprocess.CompletedProcess[str]:
    """The stand-alone verifier as an auditor runs it."""
    return subprocess.run(
        [sys.executable, str(VERIFIER), *map(str, words)], capture_output=True, text=True, check=False
    )


def test_an_export_of_the_database_is_sound_for_the_verifier_from_any_checkpoint_on(
    owner: Connection, disclosed: UUID, tmp_path: Path
) -> None:
    newest = read_newest(owner)
    assert newest is not None
    sizes = [size for (size,) in owner.execute("SELECT size FROM ledger.checkpoint ORDER BY size").fetchall()]
    for start in (0, sizes[0], sizes[len(sizes) // 2], sizes[-1]):
        path = tmp_path / f"{start}.jsonl"
        with connect() as connection:
            connection.execute("SET ROLE penumbra_sealer")
            path.write_bytes(b"".join(export_lines(connection, start)))
        done = verify(path, "--key", LOG.verifier, "--json")
        told = json.loads(done.stdout)
        # nothing is wrong with a part; that it is one leaves a doubt
        assert (done.returncode, told["findings"]) == (3 if start else 0, []), done.stdout
        assert (told["proven"], len(told["doubts"])) == (newest.head.size - start, 1 if start else 0)
    with connect() as connection, pytest.raises(NoSuchStart):
        list(export_lines(connection, newest.head.size + 1))


def test_an_export_holds_no_cell_and_no_name(owner: Connection, disclosed: UUID) -> None:
    with connect() as connection:
        lines = b"".join(export_lines(connection)).splitlines()
    # of other tests' lines anything can be a purpose in somebody's words
    own = [line for line in lines if str(disclosed).encode() in line]
    assert own
    for forbidden in (b"[70,", b'cells":[', b"username", b"ticket"):
        assert not [line for line in own if forbidden in line]


@pytest.fixture
def own_key(settings: LazySettings, tmp_path: Path) -> Path:
    """A key file as `make up` makes it, with the tests' key."""
    settings.LEDGER_KEY_FILE = tmp_path / "ledger-key" / "key"
    settings.LEDGER_KEY_FILE.parent.mkdir()
    write_keys(settings.LEDGER_KEY_FILE, [LOG])
    path: Path = settings.LEDGER_KEY_FILE
    return path


def test_the_commands_seal_verify_export_and_prove(
    own_key: Path, disclosed: UUID, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lines(3)
    with connect() as connection:
        wait_for_lock(connection)
    call_command("seal_ledger")
    assert "checkpoints signed" in capsys.readouterr().out
    call_command("verify_ledger", "--cells", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["code"], told["damages"]) == (0, [])
    export, proof = tmp_path / "export.jsonl", tmp_path / "one.tlog-proof"
    call_command("export_ledger", str(export))
    assert verify(export, "--key", LOG.verifier).returncode == 0
    call_command("prove_entry", str(disclosed))
    proof.write_text(capsys.readouterr().out)
    done = verify("--proof", proof, "--key", LOG.verifier)
    assert done.returncode == 0, done.stdout + done.stderr
    proof.write_text(proof.read_text().replace("\nindex ", "\nindex 1", 1))
    assert verify("--proof", proof, "--key", LOG.verifier).returncode == 1
    with pytest.raises(CommandError, match="no place in the log"):
        call_command("prove_entry", str(uuid4()))


def test_a_damaged_ledger_ends_the_command_with_its_exit_code(
    own_key: Path, owner: Connection, disclosed: UUID, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        changed(owner, "entry", "role = 'partner'", "id = %s", disclosed),
        pytest.raises(SystemExit) as ended,
    ):
        call_command("verify_ledger")
    assert ended.value.code == 1
    told = capsys.readouterr().out
    assert told.startswith("DAMAGED")
    assert f"the entry of {disclosed}" in told


@pytest.mark.parametrize("has_own_key", [False, True])
def test_a_log_that_no_key_from_elsewhere_has_signed_is_not_called_sound_and_the_command_says_whom_it_believed(
    settings: LazySettings,
    disclosed: UUID,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    has_own_key: bool,
) -> None:
    settings.LEDGER_KEY_FILE = tmp_path / "own"
    if has_own_key:
        call_command("make_ledger_key", "penumbra.example/ledger")
    with connect() as connection:
        connection.execute(
            "INSERT INTO ledger.log_key (verifier) VALUES (%s) ON CONFLICT DO NOTHING", [str(LOG.verifier)]
        )
    with pytest.raises(SystemExit) as ended:
        call_command("verify_ledger")
    assert ended.value.code == 3
    assert str(LOG.verifier) in capsys.readouterr().out
    call_command("verify_ledger", key=[str(LOG.verifier)])


@pytest.mark.parametrize("content", [b"garbage", b"\xff\xfe\0", b""])
def test_a_damaged_memory_of_what_was_signed_last_stops_the_sealer_with_a_word(
    own_key: Path, db: None, content: bytes
) -> None:
    with connect() as connection:
        wait_for_lock(connection)
    own_key.with_name("last-signed").write_bytes(content)
    with pytest.raises(CommandError, match=r"what was signed last is damaged.*The sealer has stopped"):
        call_command("seal_ledger")


def test_a_key_is_made_once_added_and_taken_over(
    settings: LazySettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.LEDGER_KEY_FILE = tmp_path / "new" / "key"

    def make(*words: str) -> None:
        call_command("make_ledger_key", "penumbra.example/ledger", *words)

    make()
    (first,) = capsys.readouterr().out.split()
    make()
    assert capsys.readouterr().out.split() == [first]
    assert settings.LEDGER_KEY_FILE.stat().st_mode & 0o777 == 0o600
    make("--add")
    assert len(capsys.readouterr().out.split()) == 2
    old, new = read_keys(settings.LEDGER_KEY_FILE, ED25519)
    assert str(old.verifier) == first
    make("--drop-old")
    assert capsys.readouterr().out.split() == [str(new.verifier)]
    with pytest.raises(CommandError, match="keeps its name"):
        call_command("make_ledger_key", "another.example/ledger")
    settings.LEDGER_KEY_FILE.chmod(0o644)
    with pytest.raises(CommandError, match="open to others"):
        make()
    with pytest.raises(CommandError, match="open to others"):
        call_command("seal_ledger")
