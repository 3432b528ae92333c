"""Checkpoints reach witnesses; a witness keeps its word over restarts and between threads; a fork reaches nobody."""

from __future__ import annotations

import logging
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.ledger import witnessing
from accounts.ledger.proof import witness_server
from accounts.ledger.proof.checkpoint import TreeHead, read_cosignatures, sign_head
from accounts.ledger.proof.keyfile import write_keys
from accounts.ledger.proof.note import COSIGNATURE, Note, make_key, parse_note, parse_signature
from accounts.ledger.proof.tree import hash_leaf
from accounts.ledger.proof.witness import Submission
from accounts.ledger.proof.witness_server import MemoryDamaged, Witness, make_server
from accounts.ledger.proofs import NotSealed, read_signed
from accounts.ledger.sealing import read_newest
from accounts.ledger.witnessing import (
    FolderWitness,
    HttpWitness,
    Publisher,
    WitnessRefused,
    WitnessUnusable,
    parse_witness,
)
from tests.ledger.conftest import Connection
from tests.ledger.sealers import seal_all, sealing, write_lines
from tests.patience import PATIENCE_S
from tests.pure.ledger.test_note import LOG, OTHER, seeded_key
from tests.pure.ledger.test_witness import FORKED, HONEST

WITNESS = seeded_key("witness.example/w1", 0, COSIGNATURE)
LETTERS = 400
"""So many that whoever waits for the last waits twenty seconds; a bound of half a second is long over by then."""


@contextmanager
def serving(state: Path, number: int = 0) -> Iterator[HttpWitness]:
    """A real witness on a free port of this machine."""
    key = seeded_key(f"witness.example/{state.name}", number, COSIGNATURE)
    witness = Witness(key, [LOG.verifier], state, clock=lambda: 1_800_000_000)
    server: ThreadingHTTPServer = make_server(witness, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield HttpWitness(f"http://127.0.0.1:{server.server_port}", key.verifier)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def post(url: str, body: bytes, path: str = "/add-checkpoint") -> tuple[int, str]:
    """Status and body of a POST."""
    try:
        request = urllib.request.Request(url + path, body)  # noqa: S310 - our own server
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def seal_more(count: int = 2) -> None:
    """More lines, sealed."""
    write_lines(count)
    with sealing() as sealer:
        assert seal_all(sealer)


# --- the server -----------------------------------------------------------------------------------------------------


def test_a_witness_signs_what_continues_and_remembers_it_over_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path) as witness:
        assert post(witness.url, str(HONEST.submit(0, 5)).encode())[0] == 200
        assert post(witness.url, str(HONEST.submit(5, 9)).encode())[0] == 200
        assert post(witness.url, str(HONEST.submit(5, 9)).encode()) == (409, "9\n")
    with serving(tmp_path) as witness:
        assert post(witness.url, str(HONEST.submit(0, 5)).encode()) == (409, "9\n")
        assert post(witness.url, str(FORKED.submit(9, 12)).encode())[0] == 422
        assert post(witness.url, str(FORKED.submit(9, 9)).encode())[0] == 409
        assert post(witness.url, str(HONEST.submit(9, 12)).encode())[0] == 200


def test_of_two_histories_handed_in_at_once_only_one_is_signed(tmp_path: Path) -> None:
    bodies = [str(log.submit(0, 20)).encode() for log in (HONEST, FORKED) for _ in range(8)]
    with serving(tmp_path) as witness, ThreadPoolExecutor(16) as crowd:
        answers = list(crowd.map(lambda body: post(witness.url, body)[0], bodies))
    assert sorted(answers) == [200, *[409] * 15]
    remembered = parse_note(next(tmp_path.glob("*.checkpoint")).read_text())
    assert remembered.text in {str(HONEST.head(20)), str(FORKED.head(20))}


def test_two_witnesses_on_one_folder_sign_one_history(tmp_path: Path) -> None:
    """Somebody may start a second process by mistake."""
    one, other = (Witness(WITNESS, [LOG.verifier], tmp_path) for _ in range(2))
    assert one.add_checkpoint(str(HONEST.submit(0, 5))).status == 200
    assert other.add_checkpoint(str(FORKED.submit(0, 5))).status == 409
    assert other.add_checkpoint(str(HONEST.submit(5, 9))).status == 200
    assert one.add_checkpoint(str(FORKED.submit(5, 9))).status == 409


def test_a_witness_whose_clock_is_set_back_signs_no_earlier_time(tmp_path: Path) -> None:
    now = iter((1_800_000_060, 1_800_000_000, 1_800_000_061))
    witness = Witness(WITNESS, [LOG.verifier], tmp_path, clock=lambda: next(now))
    times = []
    for old, new in ((0, 5), (5, 9), (9, 12)):
        submission = HONEST.submit(old, new)
        note = parse_note(submission.checkpoint)
        signature = parse_signature(witness.add_checkpoint(str(submission)).body[:-1])
        (signed,) = read_cosignatures(Note(note.text, [*note.signatures, signature]), [WITNESS.verifier])
        times.append(signed.time_s)
    assert times == [1_800_000_060, 1_800_000_060, 1_800_000_061]


def test_a_witness_answers_nonsense_calmly(tmp_path: Path) -> None:
    with serving(tmp_path) as witness:
        assert post(witness.url, b"\xff")[0] == 400
        assert post(witness.url, b"")[0] == 400
        assert post(witness.url, b"x" * 100_001)[0] == 400
        assert post(witness.url, b"old 0\n\n", "/other")[0] == 404
        assert post(witness.url, str(HONEST.submit(0, 5)).encode())[0] == 200
    assert len(list(tmp_path.glob("*"))) == 1


def test_a_witness_that_cannot_remember_signs_nothing(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    with serving(state) as witness:
        state.rename(tmp_path / "gone")
        status, body = post(witness.url, str(HONEST.submit(0, 5)).encode())
    assert status == 500
    assert "signs nothing" in body


DAMAGED_STATES = {"words": b"garbage", "no text": b"\xff\xfe\0", "nothing": b"", "of another log": b""}


@pytest.mark.parametrize("damage", DAMAGED_STATES)
def test_a_witness_whose_memory_is_damaged_signs_nothing_and_says_which_file(
    tmp_path: Path, damage: str, capfd: pytest.CaptureFixture[str]
) -> None:
    content = DAMAGED_STATES[damage]
    if damage == "of another log":
        content = str(sign_head(TreeHead("another.example/ledger", 5, b"r" * 32), [OTHER])).encode()
    with serving(tmp_path) as witness:
        assert post(witness.url, str(HONEST.submit(0, 9)).encode())[0] == 200
        (file,) = tmp_path.glob("*.checkpoint")
        file.write_bytes(content)
        status, body = post(witness.url, str(HONEST.submit(9, 12)).encode())
        assert (status, "memory" in body, "signs nothing" in body) == (500, True, True)
        assert file.name not in body
    told = capfd.readouterr().err
    assert file.name in told
    assert "Traceback" not in told
    with pytest.raises(MemoryDamaged, match=rf"{file.name} in .* damaged.* restore"):
        Witness(WITNESS, [LOG.verifier], tmp_path)


def test_a_witness_whose_memory_was_taken_away_or_back_while_it_runs_signs_nothing(tmp_path: Path) -> None:
    witness = Witness(WITNESS, [LOG.verifier], tmp_path)
    assert witness.add_checkpoint(str(HONEST.submit(0, 5))).status == 200
    (file,) = tmp_path.glob("*.checkpoint")
    older = file.read_bytes()
    assert witness.add_checkpoint(str(HONEST.submit(5, 9))).status == 200
    newest = file.read_bytes()
    for content in (None, older):
        file.unlink(missing_ok=True)
        if content is not None:
            file.write_bytes(content)
        for submission in (HONEST.submit(0, 5), FORKED.submit(0, 12), HONEST.submit(5, 12)):
            with pytest.raises(MemoryDamaged, match="less than this process has signed"):
                witness.add_checkpoint(str(submission))
    file.write_bytes(newest)
    assert witness.add_checkpoint(str(HONEST.submit(9, 12))).status == 200


@pytest.mark.parametrize(
    "address", ["127.0.0.1:99999", "8090", "127.0.0.1:", ":8090", "127.0.0.1:-1", "127.0.0.1:web"]
)
def test_an_address_that_is_none_is_said_before_anything_is_served(tmp_path: Path, address: str) -> None:
    write_keys(tmp_path / "key", [WITNESS])
    words = ["--key-file", tmp_path / "key", "--log", LOG.verifier, "--state", tmp_path / "state"]
    with pytest.raises(CommandError, match=r"is no address with a port; write it as 0\.0\.0\.0:8090"):
        call_command("witness", *map(str, words), f"--listen={address}")


def send(witness: HttpWitness, content: bytes) -> bytes:
    """All that the server answers to these bytes."""
    address = urllib.parse.urlsplit(witness.url)
    with socket.create_connection(
        (str(address.hostname), int(address.port or 0)), timeout=PATIENCE_S
    ) as sender:
        sender.sendall(content)
        return b"".join(iter(lambda: sender.recv(1000), b""))


@pytest.mark.parametrize("length", [b"9" * 5000, b"1000000", b"-1", b"1e3", "\u0661".encode(), b""])
def test_a_length_that_is_none_is_refused(tmp_path: Path, length: bytes) -> None:
    """Of one with more than 4,300 digits the sender heard nothing, and the witness's log held a trace."""
    with serving(tmp_path) as witness:
        answer = send(
            witness, b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: %b\r\n\r\n" % length
        )
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_no_address_reaches_the_terminal_of_a_witness_as_a_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever sends one would write lines of their own into the log, or wipe it from the screen."""
    with serving(tmp_path) as witness:
        send(witness, b"GET /\x1b[2J\x07\x9b HTTP/1.0\r\n\r\n")
    told = capsys.readouterr().err
    assert r"/\x1b[2J\x07\x9b" in told
    assert "\x1b" not in told
    assert "\x9b" not in told


def test_a_body_that_does_not_come_is_the_senders_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witness_server, "TIMEOUT_S", 0.5)
    with serving(tmp_path) as witness:
        address = urllib.parse.urlsplit(witness.url)
        with socket.create_connection(
            (str(address.hostname), int(address.port or 0)), timeout=PATIENCE_S
        ) as sender:
            sender.sendall(b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 900\r\n\r\nold 0\n")
            answer = b"".join(iter(lambda: sender.recv(1000), b""))
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"remember" not in answer


@pytest.mark.parametrize(
    ("begins", "status"),
    [
        (b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 90000\r\n\r\nold 0\n", b"408"),
        (b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nX: ", b"400"),
        (b"POST /", b"400"),
        (b"\x16\x03\x01\x02\x00", b""),
    ],
    ids=["body", "head", "line", "TLS"],
)
def test_a_request_that_comes_letter_by_letter_has_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begins: bytes, status: bytes
) -> None:
    """Each letter comes in time, and the request would come in hours."""
    monkeypatch.setattr(witness_server, "TOTAL_S", 0.5)
    with serving(tmp_path) as witness:
        address = urllib.parse.urlsplit(witness.url)
        place = (str(address.hostname), int(address.port or 0))
        with socket.create_connection(place, timeout=0.05) as sender:
            sender.sendall(begins)
            answer, letters = b"", 0
            while not answer and letters < LETTERS:
                letters += 1
                try:
                    sender.sendall(b"x")
                    answer = sender.recv(1000) or b"closed"
                except TimeoutError:
                    continue
                except ConnectionError:
                    answer = b"closed"
    assert letters < LETTERS
    assert status in answer
    assert not list(tmp_path.glob("*"))


# --- showing --------------------------------------------------------------------------------------------------------


def test_a_checkpoint_is_signed_by_the_witness_and_the_signature_is_kept(
    owner: Connection, tmp_path: Path
) -> None:
    with serving(tmp_path) as witness:
        for _ in range(3):
            seal_more()
            newest = read_newest(owner)
            assert newest is not None
            owner.execute("SET ROLE penumbra_sealer")
            witness.show(owner, parse_note(newest.note))
            witness.show(owner, parse_note(newest.note))
            owner.execute("RESET ROLE")
            signed = read_signed(owner)
            assert [each.key for each in read_cosignatures(signed, [witness.key])] == [witness.key]
            assert read_cosignatures(read_signed(owner, newest.head.size), [witness.key])
    with pytest.raises(NotSealed):
        read_signed(owner, 10**9)


def test_a_log_that_forgot_what_the_witness_has_learns_it_and_goes_on(
    owner: Connection, tmp_path: Path
) -> None:
    with serving(tmp_path) as witness:
        seal_more()
        newest = read_newest(owner)
        assert newest is not None
        assert post(witness.url, str(Submission(0, [], newest.note)).encode())[0] == 200
        seal_more()
        later = read_newest(owner)
        assert later is not None
        witness.show(owner, parse_note(later.note))
        assert read_cosignatures(read_signed(owner), [witness.key])


def test_a_log_that_was_taken_back_is_told_so_by_its_witness(owner: Connection, tmp_path: Path) -> None:
    seal_more()
    newest = read_newest(owner)
    assert newest is not None
    longer = TreeHead(LOG.name, newest.head.size + 5, hash_leaf(b"longer"))
    other = TreeHead(LOG.name, newest.head.size, hash_leaf(b"other"))
    for number, (seen, told) in enumerate(((longer, "taken back"), (other, "409"))):
        state = tmp_path / str(number)
        state.mkdir()
        with serving(state) as witness:
            assert post(witness.url, str(Submission(0, [], str(sign_head(seen, [LOG])))).encode())[0] == 200
            with pytest.raises(WitnessRefused, match=told):
                witness.show(owner, parse_note(newest.note))


def test_a_signature_that_is_not_the_witness_own_is_not_kept(owner: Connection, tmp_path: Path) -> None:
    seal_more()
    newest = read_newest(owner)
    assert newest is not None
    with serving(tmp_path, number=1) as witness:
        impostor = HttpWitness(witness.url, WITNESS.verifier)
        with pytest.raises(WitnessRefused, match="no signature of its key"):
            impostor.show(owner, parse_note(newest.note))
    rows = owner.execute("SELECT 1 FROM ledger.cosignature WHERE witness = %s", [WITNESS.name]).fetchall()
    assert rows == []


def test_a_folder_keeps_every_checkpoint_that_it_is_shown(owner: Connection, tmp_path: Path) -> None:
    folder = FolderWitness(tmp_path)
    for _ in range(2):
        seal_more()
        newest = read_newest(owner)
        assert newest is not None
        folder.show(owner, parse_note(newest.note))
        folder.show(owner, parse_note(newest.note))
        assert sorted(tmp_path.iterdir())[-1].read_text() == newest.note
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_that_has_another_checkpoint_of_this_size_keeps_it_and_says_so(
    owner: Connection, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It was counted as shown, and a log that was taken back or forked was told nowhere."""
    seal_more()
    newest = read_newest(owner)
    assert newest is not None
    other = str(sign_head(TreeHead(newest.head.origin, newest.head.size, bytes(32)), [LOG]))
    file = tmp_path / f"{newest.head.size:015d}.checkpoint"
    file.write_text(other)
    with caplog.at_level(logging.ERROR):
        assert Publisher([FolderWitness(tmp_path)], 60).publish(owner) == 0
    assert "it has another checkpoint of this size" in caplog.text
    assert file.read_text() == other


def test_a_folder_takes_no_checkpoint_that_does_not_continue_the_greatest_it_has(
    owner: Connection, tmp_path: Path
) -> None:
    """It was asked about the same size only, and a log that was taken back went on in it as if nothing had been."""
    seal_more()
    newest = read_newest(owner)
    assert newest is not None
    size, name = newest.head.size, newest.head.origin
    elsewhere = make_key("elsewhere.example/ledger")
    for number, (kept, key, told) in enumerate(
        [
            (
                TreeHead(name, size + 5, bytes(32)),
                LOG,
                rf"size {size + 5} and this log has {size}.*taken back",
            ),
            (TreeHead(name, size - 1, bytes(32)), LOG, rf"does not continue the size {size - 1}"),
            (TreeHead(elsewhere.name, size - 1, bytes(32)), elsewhere, "a folder of its own"),
        ]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        file = folder / f"{kept.size:015d}.checkpoint"
        file.write_text(str(sign_head(kept, [key])))
        with pytest.raises(WitnessRefused, match=told):
            FolderWitness(folder).show(owner, parse_note(newest.note))
        assert list(folder.iterdir()) == [file]
    file.write_text("nonsense")
    with pytest.raises(WitnessRefused, match="damaged"):
        FolderWitness(folder).show(owner, parse_note(newest.note))


def test_a_witness_that_is_away_stops_nothing_and_is_told_later(
    owner: Connection, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seal_more()
    now = 0.0
    kept = tmp_path / "kept"
    absent = HttpWitness("http://127.0.0.1:9", WITNESS.verifier)
    publisher = Publisher([absent, FolderWitness(kept)], 60, clock=lambda: now)
    with caplog.at_level(logging.ERROR):
        assert publisher.publish(owner) == 0
    assert "cannot be reached" in caplog.text
    assert str(tmp_path) not in caplog.text
    kept.mkdir()
    assert publisher.publish(owner) == 0
    now = 61.0
    assert publisher.publish(owner) == 1


@contextmanager
def answering(answer: bytes) -> Iterator[HttpWitness]:
    """Something on a port of this machine that says the same to everybody."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    caller, _ = listening.accept()
                    with caller:
                        caller.recv(1 << 16)
                        caller.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield HttpWitness(f"http://127.0.0.1:{listening.getsockname()[1]}", WITNESS.verifier)
        listening.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"",
        b"HTTP/1.1 409 Conflict\r\n\r\n" + b"9" * 5_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
    ],
)
def test_whatever_a_witness_answers_the_others_are_shown_the_checkpoint(
    owner: Connection, tmp_path: Path, answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    seal_more()
    with answering(answer) as odd, caplog.at_level(logging.ERROR):
        assert Publisher([odd, FolderWitness(tmp_path)], 60).publish(owner) == 1
    assert "did not take the checkpoint" in caplog.text
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("scheme", "begins"),
    [
        ("http", b"HTTP/1.1 200 OK\r\nX: "),
        ("http", b"HTTP/1.1 200 OK\r\n\r\n"),
        ("https", b"\x16\x03\x03\x40\x00"),
    ],
    ids=["head", "body", "TLS"],
)
def test_a_witness_that_answers_letter_by_letter_does_not_keep_the_others_from_being_shown(
    owner: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, begins: bytes
) -> None:
    """Each letter comes in time, and the answer would come in hours."""
    monkeypatch.setattr(witnessing, "TOTAL_S", 0.5)
    seal_more()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            caller, _ = listening.accept()
            with caller, suppress(OSError):
                caller.recv(1 << 16)
                caller.sendall(begins)
                for _ in range(200):
                    time.sleep(0.05)
                    caller.sendall(b"x")

        threading.Thread(target=drip, daemon=True).start()
        slow = HttpWitness(f"{scheme}://127.0.0.1:{listening.getsockname()[1]}", WITNESS.verifier)
        began = time.monotonic()
        assert Publisher([slow, FolderWitness(tmp_path)], 60).publish(owner) == 1
        assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "word",
    [
        "relative/folder",
        "http://w.example",
        f"http://w.example#{LOG.verifier}",
        "https://w.example#nonsense",
        "",
    ],
)
def test_a_setting_that_names_no_witness_is_refused(word: str) -> None:
    with pytest.raises(WitnessUnusable):
        parse_witness(word)


def test_settings_name_witnesses() -> None:
    found = parse_witness(f"https://w.example/log#{WITNESS.verifier}")
    assert found == HttpWitness("https://w.example/log", WITNESS.verifier)
    assert parse_witness("/mnt/elsewhere") == FolderWitness(Path("/mnt/elsewhere"))
    assert OTHER.verifier != LOG.verifier
