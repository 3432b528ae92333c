"""Files of commands about the ledger appear whole or not at all: on a full disk, and where the same command runs twice."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command

from accounts.ledger.proof.files import written_whole
from accounts.ledger.proof.keyfile import read_keys
from accounts.ledger.proof.note import ED25519
from tests.ledger.sealers import seal_all, sealing, write_lines
from tests.ledger.small_disk import SmallDisk, mounted

ROOT = Path(__file__).resolve().parents[2]


def test_on_a_full_disk_an_export_says_so_and_leaves_nothing(db: None) -> None:
    write_lines(50)
    with sealing() as sealer:
        seal_all(sealer)
    with mounted(8192, os.getuid()) as folder:
        kept = folder / "kept.jsonl"
        kept.write_text("of last month")
        for words in ([], ["--format", "ocsf"]):
            with pytest.raises(
                CommandError, match=r"kept\.jsonl could not be written \(No space left on device\)"
            ):
                call_command("export_ledger", str(kept), *words)
        assert [(file.name, file.read_text()) for file in folder.iterdir()] == [
            ("kept.jsonl", "of last month")
        ]


@pytest.mark.no_database
def test_on_a_full_disk_no_key_is_made_and_the_old_ones_stay() -> None:
    with mounted(8192, os.getuid()) as folder:
        file = folder / "key"
        call_command("make_ledger_key", "penumbra.example/ledger", "--file", str(file))
        (key,) = read_keys(file, ED25519)
        SmallDisk(folder).fill()
        with pytest.raises(CommandError, match=r"key could not be written \(No space left on device\)"):
            call_command("make_ledger_key", "penumbra.example/ledger", "--file", str(file), "--add")
        assert read_keys(file, ED25519) == [key]
        assert sorted(each.name for each in folder.iterdir()) == ["filler", "key"]


@pytest.mark.no_database
@pytest.mark.parametrize("words", [[], ["--add"]])
def test_of_keys_made_at_once_none_is_lost(tmp_path: Path, settings: LazySettings, words: list[str]) -> None:
    """A public key that was printed, and that somebody now holds for the log's, is in the file."""
    file = tmp_path / "key"
    command = [
        sys.executable,
        str(ROOT / "manage.py"),
        "make_ledger_key",
        "penumbra.example/ledger",
        "--file",
        str(file),
    ]
    if words:
        subprocess.run(command, check=True, capture_output=True)
    begun = [subprocess.Popen([*command, *words], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    printed = {key for each in begun for key in each.communicate()[0].split()}
    assert printed == {str(key.verifier) for key in read_keys(file, ED25519)}
    assert len(printed) == (5 if words else 1)


@pytest.mark.no_database
def test_what_a_killed_command_left_of_private_keys_goes_with_the_next_change(tmp_path: Path) -> None:
    """A key that was dropped, because others may have read it, does not stay beside the file."""
    file = tmp_path / "key"
    call_command("make_ledger_key", "penumbra.example/ledger", "--file", str(file))
    (old,) = read_keys(file, ED25519)
    for name in ("key.ab12cd34.partial", "key.partial", "last-signed.ab12cd34.partial"):
        (tmp_path / name).write_text(old.write_secret())
    call_command("make_ledger_key", "penumbra.example/ledger", "--file", str(file), "--add")
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "key",
        "key.partial",
        "last-signed.ab12cd34.partial",
    ]


@pytest.mark.no_database
def test_two_that_write_one_file_do_not_mix(tmp_path: Path) -> None:
    file, contents = tmp_path / "file", [bytes([letter]) * 100_000 for letter in b"ab"]
    both = threading.Barrier(2)

    def write(content: bytes) -> None:
        with written_whole(file) as stream:
            for first in range(0, len(content), 10_000):
                both.wait(10)
                stream.write(content[first : first + 10_000])
                stream.flush()

    threads = [threading.Thread(target=write, args=[content]) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert file.read_bytes() in contents
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert file.stat().st_mode & 0o777 == 0o600
