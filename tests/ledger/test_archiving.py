"""Archives of whole months: they verify alone and together with the rest, damage is found, and nothing is half done."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from accounts.ledger.archived import Archived, PeriodArchived, refuse_archived
from accounts.ledger.archiving import ArchiveRefused, archive_months, plan_archive
from accounts.ledger.checking import check_log
from accounts.ledger.exporting import NoSuchStart, export_lines
from accounts.ledger.proof.note import make_key
from accounts.ledger.proofs import prove_consistency, prove_line
from accounts.ledger.sealing import read_newest
from accounts.ledger.vouching import NotVouchedFor
from tests.ledger.months import (
    OwnDatabase,
    copy_database,
    drop_database,
    make_base,
    months_ago,
    read_tables,
)
from tests.pure.ledger.invented_log import VERIFIER
from tests.pure.ledger.test_note import LOG

Base = tuple[OwnDatabase, dict[str, list[str]]]
KEYS = [LOG.verifier]


@pytest.fixture(scope="module")
def base(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Base]:
    """Lines of four months, sealed."""
    folder = tmp_path_factory.mktemp("base")
    name = f"test_months_{uuid4().hex[:12]}"
    try:
        yield make_base(name, folder)
    finally:
        drop_database(name)


@pytest.fixture
def ledger(base: Base, tmp_path: Path) -> Iterator[OwnDatabase]:
    """A copy for one test."""
    name = f"test_archive_{uuid4().hex[:12]}"
    try:
        yield copy_database(base[0], name, tmp_path)
    finally:
        drop_database(name)


def archive(ledger: OwnDatabase, before: date, name: str = "archive.jsonl") -> Path:
    """Archive, and the file."""
    file = ledger.folder / name
    with ledger.connect() as connection:
        archive_months(connection, before, file, KEYS)
    return file


def verify(*words: object) -> dict[str, object]:
    """The verdict of the stand-alone verifier."""
    done = subprocess.run(
        [sys.executable, str(VERIFIER), "--key", str(LOG.verifier), "--json", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )
    verdict: dict[str, object] = json.loads(done.stdout)
    return verdict


def wait_for(file: Path) -> None:
    """Until it is there, half a minute at most."""
    until = time.monotonic() + 30
    while not file.exists() and time.monotonic() < until:
        time.sleep(0.01)


def check(ledger: OwnDatabase) -> list[str]:
    """The kinds of damage that the database shows."""
    with ledger.connect() as connection:
        return [damage.kind for damage in check_log(connection, KEYS).damages]


def test_lines_from_before_there_were_months_are_moved_to_theirs_to_the_letter(base: Base) -> None:
    database, held = base
    assert read_tables(database) == held
    with database.connect() as connection:
        rows = connection.execute(
            "SELECT DISTINCT tableoid::regclass::text FROM ledger.entry ORDER BY 1"
        ).fetchall()
    assert [name for (name,) in rows] == [f"ledger.entry_{months_ago(count):%Y_%m}" for count in (3, 2, 1, 0)]
    assert check(database) == []


def test_an_archive_verifies_alone_the_rest_alone_and_both_together_in_any_order(ledger: OwnDatabase) -> None:
    file = archive(ledger, months_ago(1))
    rest = ledger.export(ledger.folder / "rest.jsonl")
    with ledger.connect() as connection:
        newest = read_newest(connection)
    assert newest is not None
    for words in ([file], [file, rest], [rest, file]):
        verdict = verify(*words)
        assert (verdict["code"], verdict["findings"]) == (0, [])
    alone = verify(rest)  # whoever sees the rest alone has not seen the beginning
    assert (alone["code"], alone["findings"]) == (3, [])
    assert verify(rest, file)["proven"] == newest.head.size
    assert check(ledger) == []


def test_archive_after_archive_leaves_no_gap(ledger: OwnDatabase) -> None:
    ledger.seal()
    files = []
    for count in (2, 1, 0):
        ledger.write(datetime.now(UTC))
        ledger.seal()
        files.append(archive(ledger, months_ago(count), f"{count}.jsonl"))
    rest = ledger.export(ledger.folder / "rest.jsonl")
    assert verify(rest, *files)["code"] == 0
    assert verify(rest, files[0], files[2])["code"] == 1
    assert check(ledger) == []


def test_the_tables_hold_nothing_of_archived_months_and_the_tree_all_of_it(ledger: OwnDatabase) -> None:
    with ledger.connect() as connection:
        before = connection.execute("SELECT count(*) FROM ledger.leaf").fetchone()
        archive(ledger, months_ago(1))
        for table in ("entry", "completion"):
            query = f"SELECT min(at) FROM ledger.{table}"
            row = connection.execute(query).fetchone()
            assert row is not None
            assert row[0].astimezone(UTC).date() >= months_ago(1)
        assert connection.execute("SELECT count(*) FROM ledger.leaf").fetchone() == before


def test_proofs_and_consistency_of_later_lines_go_on(ledger: OwnDatabase) -> None:
    archive(ledger, months_ago(0))
    identifier = ledger.write(datetime.now(UTC))
    ledger.seal()
    with ledger.connect() as connection:
        proof = ledger.folder / "proof"
        proof.write_text(str(prove_line(connection, identifier)))
        newest = read_newest(connection)
        assert newest is not None
        assert prove_consistency(connection, 1, newest.head.size)
    assert verify("--proof", proof)["code"] == 0


def test_the_proof_of_an_archived_line_says_in_which_file_it_is(ledger: OwnDatabase) -> None:
    with ledger.connect() as connection:
        row = connection.execute("SELECT entry_id FROM ledger.leaf WHERE index = 0").fetchone()
        assert row is not None
        archive(ledger, months_ago(1))
        with pytest.raises(Archived, match=r"index 0 and was archived: archive\.jsonl, lines 0 to"):
            prove_line(connection, row[0])
        with pytest.raises(NoSuchStart, match="were archived"):
            list(export_lines(connection, 0))
    done = ledger.manage("sealer", "prove_entry", row[0])
    assert (done.returncode, "archive.jsonl" in done.stderr) == (1, True)


def test_disclosed_cells_stay_sealed_and_are_in_no_archive(ledger: OwnDatabase) -> None:
    identifier = ledger.write(datetime.combine(months_ago(1), datetime.min.time(), UTC))
    with ledger.connect() as connection:
        connection.execute("INSERT INTO ledger.disclosure VALUES (%s, '{123454321}')", [identifier])
        ledger.seal()
        file = archive(ledger, months_ago(0))
        assert connection.execute("SELECT count(*) FROM ledger.disclosure").fetchone() == (1,)
        found = check_log(connection, KEYS, lambda _entry, _cells: "another digest").damages
    assert b"123454321" not in file.read_bytes()
    assert found == []


DAMAGES: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "a changed line": lambda lines: [*lines[:-3], lines[-3].replace(b'"at":"2', b'"at":"3'), *lines[-2:]],
    "a missing line": lambda lines: [*lines[:-3], *lines[-2:]],
    "a cut end": lambda lines: lines[:-3],
    "two exchanged lines": lambda lines: [*lines[:-3], lines[-2], lines[-3], lines[-1]],
    "a changed checkpoint": lambda lines: [lines[0], lines[1].replace(b"\\n1", b"\\n2", 1), *lines[2:]],
    "nothing": lambda _lines: [],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_in_an_archive_is_found_by_the_command_and_by_the_verifier(
    ledger: OwnDatabase, damage: str
) -> None:
    file = archive(ledger, months_ago(1))
    done = ledger.manage("sealer", "verify_ledger", "--archive", file, "--json")
    assert (done.returncode, json.loads(done.stdout)["damages"]) == (0, [])
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(DAMAGES[damage](lines)))
    done = ledger.manage("sealer", "verify_ledger", "--archive", file, "--json")
    assert (done.returncode, len(json.loads(done.stdout)["damages"])) == (1, 1)
    if damage != "nothing":
        assert verify(file)["code"] == 1


def test_a_question_that_reaches_into_archived_months_is_refused_rather_than_answered_in_part(
    ledger: OwnDatabase,
) -> None:
    begins = datetime.combine(months_ago(1), datetime.min.time(), UTC)
    with ledger.connect() as connection:
        refuse_archived(connection, None)
        archive(ledger, months_ago(1))
        refuse_archived(connection, begins)
        for since in (None, begins - timedelta(microseconds=1)):
            with pytest.raises(PeriodArchived, match=f"since={begins:%Y-%m-%d}T00:00:00Z or later"):
                refuse_archived(connection, since)


def test_verify_ledger_names_archived_months_and_still_finds_what_is_missing(ledger: OwnDatabase) -> None:
    archive(ledger, months_ago(1))
    done = ledger.manage("sealer", "verify_ledger")
    months = f"{months_ago(3):%Y-%m}, {months_ago(2):%Y-%m}"
    assert done.returncode == 0
    assert f"archived, so that only their hashes were looked at: {months}" in done.stdout
    assert "in archive.jsonl, lines 0 to" in done.stdout
    table = f"ledger.entry_{months_ago(1):%Y_%m}"
    with ledger.connect() as connection:
        connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        connection.execute(f"DELETE FROM {table}")
    assert set(check(ledger)) == {"deleted"}


@pytest.mark.parametrize(("told", "kind"), [("entries - 1", "deleted"), ("entries + 1", "changed")])
def test_more_or_fewer_lines_gone_than_were_archived_are_damage(
    ledger: OwnDatabase, told: str, kind: str
) -> None:
    archive(ledger, months_ago(1))
    with ledger.connect() as connection:
        connection.execute("ALTER TABLE ledger.archived_month DISABLE TRIGGER USER")
        connection.execute(
            f"UPDATE ledger.archived_month SET entries = {told} WHERE month = %s", [months_ago(2)]
        )
    assert check(ledger) == [kind]


def test_a_line_of_an_archived_month_that_a_clock_set_back_writes_is_sealed_and_stays(
    ledger: OwnDatabase,
) -> None:
    archive(ledger, months_ago(1))
    ledger.write(datetime.combine(months_ago(2), datetime.min.time(), UTC))
    ledger.seal()
    assert check(ledger) == []
    with ledger.connect() as connection:
        assert connection.execute("SELECT count(*) FROM ledger.entry_other").fetchone() == (1,)
    file = archive(ledger, months_ago(0), "next.jsonl")
    assert verify(ledger.folder / "archive.jsonl", file)["code"] == 0
    assert check(ledger) == []


def test_an_archive_can_be_read_by_its_owner_alone(ledger: OwnDatabase) -> None:
    assert archive(ledger, months_ago(1)).stat().st_mode & 0o777 == 0o600


# --- refusals -------------------------------------------------------------------------------------------------------


def test_the_current_month_and_later_ones_are_refused(ledger: OwnDatabase) -> None:
    following = (months_ago(0) + timedelta(days=32)).replace(day=1)
    held = read_tables(ledger)
    with pytest.raises(ArchiveRefused, match="current month"):
        archive(ledger, following)
    assert read_tables(ledger) == held
    assert not (ledger.folder / "archive.jsonl").exists()


def test_a_month_with_a_line_that_has_no_place_is_refused_and_named(ledger: OwnDatabase) -> None:
    ledger.write(datetime.combine(months_ago(2), datetime.min.time(), UTC))
    with pytest.raises(
        ArchiveRefused, match=rf"{months_ago(2):%Y-%m} holds lines without a place in the log: 1"
    ):
        archive(ledger, months_ago(0))
    archive(ledger, months_ago(2))


def test_where_nothing_is_left_from_before_it_is_said(ledger: OwnDatabase) -> None:
    with pytest.raises(ArchiveRefused, match="nothing to archive"):
        archive(ledger, months_ago(3))
    archive(ledger, months_ago(0))
    with pytest.raises(ArchiveRefused, match="nothing to archive"):
        archive(ledger, months_ago(0), "again.jsonl")


def test_a_file_that_exists_is_never_written_over(ledger: OwnDatabase) -> None:
    (ledger.folder / "archive.jsonl").write_text("kept")
    with pytest.raises(ArchiveRefused, match="exists"):
        archive(ledger, months_ago(0))
    assert (ledger.folder / "archive.jsonl").read_text() == "kept"


def test_a_damaged_ledger_is_not_archived(ledger: OwnDatabase) -> None:
    held = read_tables(ledger)
    table = f"ledger.entry_{months_ago(2):%Y_%m}"
    with ledger.connect() as connection:
        connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        connection.execute(f"UPDATE {table} SET body = replace(body::text, '74657374', '74656e74')::bytea")
    done = ledger.manage(
        "owner", "archive_ledger", "--before", f"{months_ago(0):%Y-%m}", ledger.folder / "archive.jsonl"
    )
    assert done.returncode == 1
    assert "Nothing was archived" in done.stderr
    assert len(read_tables(ledger)["completion"]) >= len(held["completion"])
    assert not list(ledger.folder.glob("archive*"))


# --- the command, and its end at the worst moment -------------------------------------------------------------------


def test_the_command_archives_once_for_the_owner_and_puts_it_on_the_record(ledger: OwnDatabase) -> None:
    words = [
        "archive_ledger",
        "--before",
        f"{months_ago(1):%Y-%m}",
        "--json",
        ledger.folder / "archive.jsonl",
    ]
    done = ledger.manage("sealer", *words)
    assert (done.returncode, "Only the owner" in done.stderr) == (1, True)
    done = ledger.manage("owner", *words)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["months"] == [f"{months_ago(3):%Y-%m}", f"{months_ago(2):%Y-%m}"]
    with ledger.connect() as connection:
        assert connection.execute(
            "SELECT count(*) FROM ledger.entry e JOIN ledger.completion c ON c.entry_id = e.id"
            " WHERE action = 'ledger.archive' AND outcome = 'done'"
        ).fetchone() == (1,)
    assert ledger.manage("owner", "archive_ledger", "--before", "March", "x").returncode == 2
    assert ledger.manage("owner", "archive_ledger", "--help").returncode == 0


def test_keys_of_the_database_alone_do_not_vouch_for_what_leaves_its_tables(ledger: OwnDatabase) -> None:
    held = read_tables(ledger)
    file = ledger.folder / "archive.jsonl"
    words = ["archive_ledger", "--before", f"{months_ago(1):%Y-%m}", file]
    (ledger.folder / "key").unlink()
    for more in ([], ["--key", make_key(LOG.name).verifier]):
        done = ledger.manage("owner", *words, *more)
        assert (done.returncode, "keys from the database only" in done.stderr) == (1, True)
    assert not list(ledger.folder.glob("archive*"))
    assert set(held["entry"]) <= set(read_tables(ledger)["entry"])
    done = ledger.manage("owner", *words, "--key", LOG.verifier)
    assert done.returncode == 0, done.stderr


def test_a_checkpoint_that_the_newest_does_not_continue_is_not_archived(ledger: OwnDatabase) -> None:
    with ledger.connect() as connection:
        size = plan_archive(connection, months_ago(1)).size
        connection.execute("ALTER TABLE ledger.checkpoint DISABLE TRIGGER USER")
        connection.execute("UPDATE ledger.checkpoint SET root = sha256(root) WHERE size = %s", [size])
    with pytest.raises(NotVouchedFor, match=f"does not continue that of size {size}"):
        archive(ledger, months_ago(1))
    assert not list(ledger.folder.glob("archive*"))


def test_months_that_somebody_writes_to_meanwhile_stay_and_no_file_is_left(ledger: OwnDatabase) -> None:
    held = read_tables(ledger)
    with ledger.connect() as busy, busy.transaction():
        busy.execute("LOCK TABLE ledger.entry IN ROW EXCLUSIVE MODE")
        done = ledger.manage(
            "owner", "archive_ledger", "--before", f"{months_ago(1):%Y-%m}", ledger.folder / "archive.jsonl"
        )
    assert (done.returncode, "LockNotAvailable" in done.stderr) == (1, True)
    assert not list(ledger.folder.glob("archive*"))
    assert set(held["entry"]) <= set(read_tables(ledger)["entry"])


def test_a_month_that_gets_a_line_while_the_file_is_written_stays(ledger: OwnDatabase) -> None:
    file = ledger.folder / "archive.jsonl"
    words = ledger.command("archive_ledger", "--before", f"{months_ago(1):%Y-%m}", file)
    with ledger.connect() as busy:
        with busy.transaction():
            busy.execute("LOCK TABLE ledger.entry, ledger.completion IN ROW EXCLUSIVE MODE")
            begun = subprocess.Popen(words, **ledger.surroundings("owner"), text=True)  # type: ignore[call-overload]
            wait_for(file)
            late = ledger.write(datetime.combine(months_ago(2), datetime.min.time(), UTC), connection=busy)
        _, complaint = begun.communicate()
        assert (begun.returncode, f"A line of {months_ago(2):%Y-%m} came in meanwhile" in complaint) == (
            1,
            True,
        )
        assert busy.execute("SELECT count(*) FROM ledger.entry WHERE id = %s", [late]).fetchone() == (1,)
    assert not list(ledger.folder.glob("archive*"))
    ledger.seal()
    assert check(ledger) == []


def test_a_crash_between_writing_and_taking_leaves_all_lines_in_their_tables(ledger: OwnDatabase) -> None:
    held = read_tables(ledger)
    file = ledger.folder / "archive.jsonl"
    words = ledger.command("archive_ledger", "--before", f"{months_ago(1):%Y-%m}", file)
    with ledger.connect() as busy, busy.transaction():
        busy.execute("LOCK TABLE ledger.entry IN ROW EXCLUSIVE MODE")
        begun = subprocess.Popen(words, **ledger.surroundings("owner"))  # type: ignore[call-overload]
        wait_for(file)
        begun.kill()
        begun.communicate()
    assert file.exists()
    assert set(held["entry"]) <= set(read_tables(ledger)["entry"])
    assert check(ledger) == []
    with pytest.raises(ArchiveRefused, match="interrupted"):
        archive(ledger, months_ago(1))
    ledger.seal()
    archive(ledger, months_ago(1), "again.jsonl")
    assert check(ledger) == []


def test_of_two_that_archive_at_once_into_one_file_the_file_of_the_first_stays(ledger: OwnDatabase) -> None:
    file = ledger.folder / "archive.jsonl"
    words = ledger.command("archive_ledger", "--before", f"{months_ago(1):%Y-%m}", file)
    with ledger.connect() as busy, busy.transaction():
        # the first has seen that there is no file, and cannot write it before the second has come
        busy.execute("LOCK TABLE ledger.leaf IN ACCESS EXCLUSIVE MODE")
        begun = [subprocess.Popen(words, **ledger.surroundings("owner"), text=True) for _ in range(2)]  # type: ignore[call-overload]
        until = time.monotonic() + 30
        while time.monotonic() < until and [each.poll() for each in begun] == [None, None]:
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'ledger.leaf'::regclass"
            if busy.execute(waiting).fetchone() == (2,):
                break
            time.sleep(0.05)
    complaints = [each.communicate()[1] for each in begun]
    assert sorted(each.returncode for each in begun) == [0, 1], complaints
    assert "another archive is being made" in "".join(complaints)
    done = ledger.manage("sealer", "verify_ledger", "--archive", file, "--json")
    assert (done.returncode, json.loads(done.stdout)["damages"]) == (0, [])
    assert [each.name for each in ledger.folder.glob("archive*")] == ["archive.jsonl"]


def test_a_folder_that_is_not_there_is_named(ledger: OwnDatabase) -> None:
    file = ledger.folder / "nowhere" / "archive.jsonl"
    done = ledger.manage("owner", "archive_ledger", "--before", f"{months_ago(1):%Y-%m}", file)
    assert (done.returncode, f"{file} could not be written (No such file" in done.stderr) == (1, True)
    done = ledger.manage("sealer", "verify_ledger", "--archive", file)
    assert (done.returncode, f"archive {file} could not be read" in done.stderr) == (1, True)
