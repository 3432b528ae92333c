"""How a web worker ends while completions wait: asked to, it writes them; killed, it leaves open entries and no damage.

gunicorn with the words of `make up` over a database of its own, asked over HTTP.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from accounts.ledger.proof.keyfile import write_keys
from config.local.daemons import HOST, WEB_WORDS
from monitor.grid import cell_number
from tests.flows.workers import wait_until
from tests.ledger.months import OwnDatabase, drop_database, make_database
from tests.patience import PATIENCE_S
from tests.pure.ledger.test_note import LOG

pytestmark = pytest.mark.live
ASKED = 12
PAGE = "/api/v1/activity"
TILE = "/tiles/activity/8/142/126.mvt"
POPULATE = """
import json
from datetime import date
from monitor.services.releases import publish_release
from tests.builders import cell_at, make_model, put_cells
from tests.cast import make_cast
cast = make_cast()
put_cells(make_model(cast.anna.user), [cell_at(20.005 + i / 100, 2.005 + j / 100) for i in range(4) for j in range(6)])
publish_release(date(2026, 11, 20))
print(json.dumps({"east": str(cast.east), "headers": {name: who.headers for name, who in cast.everybody().items()}}))
"""
_OPEN = """
    SELECT count(*) FILTER (WHERE c.entry_id IS NULL), count(*) FROM ledger.entry e
    LEFT JOIN ledger.completion c ON c.entry_id = e.id WHERE e.request_id::text = ANY (%s)
"""


@dataclass(frozen=True)
class Answer:
    """What came back. request: the id that its lines in the ledger have."""

    status: int
    content: bytes
    request: str


@dataclass(frozen=True)
class Service:
    """A database of its own with the cast in it, and how it is asked."""

    database: OwnDatabase
    east: str
    headers: dict[str, dict[str, str]]

    def count_open(self, answers: Sequence[Answer]) -> tuple[int, int]:
        """Entries without a completion behind these answers, and all of them."""
        with self.database.connect() as owner:
            ((waiting, whole),) = owner.execute(_OPEN, [[answer.request for answer in answers]]).fetchall()
        return waiting, whole

    def assert_sound(self) -> int:
        """Seal, and let the stored log be checked: how many lines it has."""
        self.database.seal()
        done = self.database.manage("sealer", "verify_ledger", "--json")
        verdict = json.loads(done.stdout)
        assert (done.returncode, verdict["damages"]) == (0, [])
        return int(verdict["lines"])


class Web:
    """gunicorn over this database."""

    def __init__(self, service: Service, port: int, process: subprocess.Popen[bytes]) -> None:
        self.service, self.port, self.process = service, port, process

    def ask(self, name: str, path: str) -> Answer:
        """One question by a member of the cast."""
        client = http.client.HTTPConnection(HOST, self.port, timeout=PATIENCE_S)
        client.request("GET", path, headers=self.service.headers[name])
        answer = client.getresponse()
        content = answer.read()
        client.close()
        return Answer(answer.status, content, answer.headers["X-Request-Id"])

    def answers(self) -> bool:
        """Whether it listens."""
        try:
            return self.ask("pia", "/healthz").status == 200
        except OSError:
            return False

    def workers(self) -> list[int]:
        """Process ids."""
        first = self.process.pid
        return [int(pid) for pid in Path(f"/proc/{first}/task/{first}/children").read_text().split()]

    def end(self) -> None:
        """As `make down` does, and gone."""
        self.process.terminate()
        assert self.process.wait(60) == 0


@pytest.fixture(scope="module")
def service(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    database = OwnDatabase(f"test_web_ends_{uuid4().hex[:12]}", folder)
    write_keys(folder / "key", [LOG])
    try:
        make_database(database.name)
        for words in (("migrate", "--no-input", "-v", "0"), ("shell", "-v", "0", "-c", POPULATE)):
            done = database.manage("owner", *words)
            assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        yield Service(database, told["east"], told["headers"])
    finally:
        drop_database(database.name)


@contextmanager
def serving(service: Service, wait_ms: int) -> Iterator[Web]:
    """A web server whose completions wait for so long."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    words = ["-m", "gunicorn", "config.wsgi:application", "--bind", f"{HOST}:{port}", *WEB_WORDS]
    surroundings = service.database.surroundings("web")
    told = {
        "PENUMBRA_LEDGER_COMPLETIONS_WAIT_MS": str(wait_ms),
        "PENUMBRA_LEDGER_TIMEOUT_S": "20",
        "PENUMBRA_REQUESTS_PER_MINUTE": "1000000",
    }
    process = subprocess.Popen(
        [sys.executable, *words],
        cwd=str(surroundings["cwd"]),
        env={**os.environ, **surroundings["env"], **told},  # type: ignore[dict-item]
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    web = Web(service, port, process)
    try:
        wait_until(web.answers, "the web server answers")
        yield web
    finally:
        process.kill()
        process.wait()


def test_a_worker_that_is_asked_to_end_writes_what_waits(service: Service) -> None:
    with serving(service, 600_000) as web:
        exact = web.ask("rosa", PAGE)
        assert service.count_open([exact]) == (0, 1)  # complete before the body came
        answers = [web.ask("pia", path) for path in (PAGE, TILE) * (ASKED // 2)]
        assert {answer.status for answer in (exact, *answers)} == {200}
        assert service.count_open(answers) == (ASKED, ASKED)
        web.end()
    assert service.count_open(answers) == (0, ASKED)
    service.assert_sound()


def test_a_worker_that_is_killed_leaves_open_entries_and_no_damage(service: Service) -> None:
    with serving(service, 600_000) as web:
        answers = [web.ask("pia", PAGE) for _ in range(ASKED)]
        before = set(web.workers())
        assert service.count_open(answers) == (ASKED, ASKED)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not before & set(web.workers()) and web.answers(), "other workers answer")
        later = [web.ask("pia", PAGE) for _ in range(ASKED)]
        told = json.loads(web.ask("aldo", "/api/v1/audit/entries?outcome=open&limit=1000").content)
        assert {row["request_id"] for row in told["items"]} >= {answer.request for answer in answers}
        web.end()
    # they count as full disclosure, and for ever
    assert service.count_open(answers) == (ASKED, ASKED)
    assert service.count_open(later) == (0, ASKED)
    service.assert_sound()


def test_over_a_mixed_load_every_answer_is_completed_with_what_left(service: Service) -> None:
    draw = random.Random(20261201)
    alert = uuid4()
    questions = draw.choices(
        [
            ("pia", PAGE),
            ("pia", f"{PAGE}?limit=1"),
            ("pia", TILE),
            ("pia", f"/api/v1/regions/{service.east}/summary"),
            ("pia", f"/api/v1/alerts/{alert}/site"),
            ("pia", "/export/activity.csv"),
            ("rosa", f"{PAGE}?limit=7"),
            ("rosa", "/export/activity.geojson"),
            ("mallory", PAGE),
        ],
        k=200,
    )
    with serving(service, 50) as web, ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda question: web.ask(*question), questions))
        wait_until(lambda: service.count_open(answers)[0] == 0, "all is completed without anybody's help")
        web.end()
    assert {answer.status for answer in answers} == {200, 403}
    with service.database.connect() as owner:
        rows = owner.execute(
            "SELECT e.request_id::text, e.action, c.quantity, d.cells FROM ledger.entry e"
            " JOIN ledger.completion c ON c.entry_id = e.id LEFT JOIN ledger.disclosure d ON d.entry_id = e.id"
            " WHERE e.request_id::text = ANY (%s)",
            [[answer.request for answer in answers]],
        ).fetchall()
    counted: dict[str, int] = defaultdict(int)
    held: dict[str, set[int]] = defaultdict(set)
    for request, action, quantity, cells in rows:
        counted[request] += 0 if action == "export.activity" else quantity
        held[request].update(cells or ())
    for (name, path), answer in zip(questions, answers, strict=True):
        if answer.status == 200 and (path.startswith(PAGE) or path.endswith("geojson")):
            shown = [feature["properties"] for feature in json.loads(answer.content)["features"]]
            assert counted[answer.request] == len(shown)
            cells = {cell_number(row["row"], row["col"]) for row in shown} if name == "rosa" else set()
            assert held[answer.request] == cells
    assert len({request for request, *_ in rows}) == len(questions)
    service.assert_sound()
