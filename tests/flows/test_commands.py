"""The commands behind `make up`, each by itself: help, one line of JSON, exit codes, and plain words for wrong input."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from accounts.ledger.connection import close_ledger_connections
from accounts.models import Token
from accounts.tokens import find_holder
from monitor.field.states import CellState
from monitor.models import Region, Scene, TrainedModel
from monitor.services.training import keep_model_file
from tests.cast import Cast
from tests.flows.conftest import Ringing
from tests.flows.mined_land import OLD_MINE, MinedLand
from tests.flows.route import Trainee, as_worker, cells_in, let_act, walk

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ("ingest", "train_model", "evaluate_model", "publish_release", "issue_token", "seed_demo")
QUICK_WORDS = ("--patches", "8", "--block-deg", "0.05")


@pytest.fixture(autouse=True)
def _where(settings: Settings, land: MinedLand, tmp_path: Path) -> None:
    settings.STATE_DIR = tmp_path / "state"
    settings.IMAGERY_ROOTS = [land.folder]


@pytest.fixture
def lose_ledger(settings: Settings) -> Iterator[Callable[[], None]]:
    """`lose_ledger()`: from now on nothing can be recorded."""

    def lose() -> None:
        settings.LEDGER_PASSWORD = "not the password"
        settings.LEDGER_TIMEOUT_S = 1
        close_ledger_connections()

    yield lose
    close_ledger_connections()


@pytest.fixture
def worker(cast: Cast) -> Iterator[None]:
    """Commands do the worker's work and have its rights."""
    with as_worker():
        yield


class Commands:
    """Runs commands in this process and reads what they print."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def ask(self, *words: object) -> Any:
        """The answer of a command that is asked for JSON: one line on stdout, nothing else there."""
        self._capsys.readouterr()
        call_command(*map(str, words), "--json")
        (line,) = self._capsys.readouterr().out.splitlines()
        return json.loads(line)

    def refuse(self, *words: object) -> str:
        """What a command says when it refuses: one sentence or two, no traceback, nothing on stdout."""
        self._capsys.readouterr()
        with pytest.raises(CommandError) as caught:
            call_command(*map(str, words), "--json")
        assert self._capsys.readouterr().out == ""
        assert 15 < len(str(caught.value)) < 300
        return str(caught.value)


@pytest.fixture
def commands(capsys: pytest.CaptureFixture[str]) -> Commands:
    """Commands."""
    return Commands(capsys)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_it_does_and_what_it_takes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        call_command(name, "--help")
    told = capsys.readouterr().out
    assert left.value.code == 0
    assert "--json" in told
    assert len(told.split("usage")[1].split("\n\n")[1]) > 40


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("ingest", "nowhere.json"), 1, "no such file"),
        (("ingest",), 2, "CATALOG"),
        (("train_model", "--labels", "nowhere.csv"), 1, "cannot be read"),
        (("publish_release", "--nonsense"), 2, "unrecognized"),
    ],
)
def test_a_real_process_ends_with_a_code_that_means_something_and_no_traceback(
    words: tuple[str, ...], code: int, said: str
) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("worker")
def test_ingest_says_what_came_of_every_item_and_twice_changes_nothing(
    commands: Commands, land: MinedLand, ringing: Ringing
) -> None:
    with ringing():
        first = commands.ask("ingest", land.catalog)
    assert (first["items"], first["received"], first["new"], first["refused_at_the_desk"]) == (2, 2, 2, {})
    again = commands.ask("ingest", land.catalog, "--wait", "--timeout", "5")
    assert (again["received"], again["new"], again["scenes"]) == (2, 0, {"waiting": 2})
    assert Scene.objects.count() == 2


@pytest.mark.usefixtures("worker")
def test_ingest_goes_on_where_an_item_is_broken_and_names_the_cause(
    commands: Commands, land: MinedLand, tmp_path: Path
) -> None:
    (tmp_path / "broken.json").write_text("{")
    links = [
        {"rel": "item", "href": str(href)}
        for href in ("./broken.json", "./gone.json", land.folder / "t0.json")
    ]
    (tmp_path / "catalog.json").write_text(json.dumps({"type": "Catalog", "links": links}))
    answer = commands.ask("ingest", tmp_path / "catalog.json")
    assert answer["refused_at_the_desk"] == {"malformed_item": 1, "asset_missing": 1}
    assert answer["scenes"] == {"received": 1}


@pytest.mark.usefixtures("worker")
def test_ingest_does_not_wait_for_ever_where_no_worker_runs(commands: Commands, land: MinedLand) -> None:
    assert "Is a worker running?" in commands.refuse("ingest", land.catalog, "--wait", "--timeout", "1")


@pytest.mark.parametrize(
    ("name", "content"), [("empty.json", "{}"), ("nothing.json", '{"type": "Catalog", "links": []}')]
)
def test_ingest_of_what_holds_no_item_is_an_error(
    db: None, commands: Commands, tmp_path: Path, name: str, content: str
) -> None:
    (tmp_path / name).write_text(content)
    assert "no STAC item" in commands.refuse("ingest", tmp_path / name)


@pytest.mark.parametrize("content", ["{", "[]", "row,col\n", "", '{"type": "Feature"}'])
def test_ingest_of_what_is_no_catalogue_is_an_error_that_names_the_cause(
    db: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    (tmp_path / "catalog.json").write_text(content)
    with pytest.raises(CommandError, match="causes stand above"):
        call_command("ingest", str(tmp_path / "catalog.json"), "--json")
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["refused_at_the_desk"] == {"malformed_item": 1}


@pytest.mark.usefixtures("worker")
def test_a_model_is_trained_activated_and_judged_by_commands_alone(
    commands: Commands, land: MinedLand, tmp_path: Path, ringing: Ringing
) -> None:
    with ringing():
        commands.ask("ingest", land.catalog)
    with ringing():
        trained = commands.ask("train_model", "--labels", land.labels, *QUICK_WORDS, "--activate-by", "anna")
    assert (trained["reused"], trained["activated_by"], trained["refused"]) == (False, "anna", {})
    assert trained["report"]["all"]["auc"]["value"] > 0.9
    assert cells_in("active") - OLD_MINE == land.mined
    again = commands.ask("train_model", "--labels", land.labels, *QUICK_WORDS)
    assert (again["reused"], again["model"], TrainedModel.objects.count()) == (True, trained["model"], 1)
    for name in ("active", trained["model"], trained["sha256"]):
        words = ("--model", name, "--catalog", land.catalog, "--labels", land.labels)
        judged = commands.ask("evaluate_model", *words, "--scores", tmp_path / "scores.csv")
        assert (judged["scenes"], judged["refused"]) == (2, {})
        assert judged["report"]["all"]["auc"]["value"] > 0.9


@pytest.fixture
def model_file(trainee: Trainee, vault_dir: Path) -> Path:
    """The file of a trained model."""
    return vault_dir / "models" / f"{keep_model_file(trainee.model, trainee.report, timezone.now())}.penumbra"


def test_the_scores_of_an_evaluation_are_a_table_of_exact_cells_for_the_owner_alone(
    db: None, commands: Commands, land: MinedLand, model_file: Path, tmp_path: Path
) -> None:
    table = tmp_path / "scores.csv"
    words = ("--model", model_file, "--catalog", land.catalog, "--labels", land.labels)
    commands.ask("evaluate_model", *words, "--scores", table)
    assert table.stat().st_mode & 0o777 == 0o600
    with table.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == [
        *("cell_row", "cell_col", "item", "valid_share", "state"),
        *("probability_none", "probability_artisanal", "probability_industrial"),
    ]
    places = [(row["cell_row"], row["cell_col"], row["item"]) for row in rows]
    assert len(set(places)) == len(places) == 2 * 250
    after = {(int(row["cell_row"]), int(row["cell_col"])): row for row in rows if row["item"] == "land-t1"}
    assert {cell for cell, row in after.items() if row["state"] == "active"} - OLD_MINE == land.mined
    for row in rows:
        assert row["state"] in set(CellState)
        told = [row[f"probability_{name}"] for name in ("none", "artisanal", "industrial")]
        if "" in told:
            assert (set(told), row["state"]) == ({""}, "not_observed")
        else:
            assert sum(map(float, told)) == pytest.approx(1, abs=1e-5)
            assert 0 < float(row["valid_share"]) <= 1
    assert (Scene.objects.count(), cells_in("active")) == (0, set())


def test_a_model_file_that_was_changed_is_not_used(
    db: None, commands: Commands, land: MinedLand, model_file: Path
) -> None:
    packed = bytearray(model_file.read_bytes())
    words = ("evaluate_model", "--model", model_file, "--catalog", land.catalog, "--labels", land.labels)
    for at in (0, len(packed) // 2, len(packed) - 1):
        changed = bytearray(packed)
        changed[at] ^= 1
        model_file.write_bytes(changed)
        assert "model file" in commands.refuse(*words)
    model_file.write_bytes(packed[:-1])
    assert "cut off" in commands.refuse(*words)


HEAD = "cell_row,cell_col,label\n"
BAD_LABELS = {
    "no columns": ("row,col,class\n1,2,none\n", "no column cell_row, cell_col, label"),
    "empty": ("", "no column"),
    "head alone": (HEAD, "no labels"),
    "unknown label": (f"{HEAD}1,2,gold\n", "Line 2"),
    "no whole number": (f"{HEAD}1.5,2,none\n", "Line 2"),
    "off the lattice": (f"{HEAD}1,2,none\n99999,2,none\n", "Line 3"),
    "no date": ("cell_row,cell_col,label,observed_to\n1,2,none,soon\n", "Line 2"),
    "no text": (b"\xff\xfe\x00\x01", "UTF-8"),
    "huge field": (f'{HEAD}1,2,"{"x" * 200_000}"\n', "no CSV"),
    "no scenes": (f"{HEAD}1,2,none\n1,3,artisanal\n", "Ingest the catalogue first"),
    "one class": (f"{HEAD}9213,20005,artisanal\n9213,20006,artisanal\n", "artisanal only"),
}


@pytest.mark.parametrize(("content", "said"), BAD_LABELS.values(), ids=BAD_LABELS.keys())
def test_labels_that_cannot_be_used_are_refused_with_the_line_or_the_mend(
    cast: Cast, commands: Commands, land: MinedLand, tmp_path: Path, content: str | bytes, said: str
) -> None:
    if said == "artisanal only":
        walk(*land.items.values())
    file = tmp_path / "labels.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert said in commands.refuse("train_model", "--labels", file, *QUICK_WORDS)
    assert TrainedModel.objects.count() == 0


TRAIN = ("train_model", "--labels", "LABELS")
JUDGE = ("evaluate_model", "--model", "active", "--catalog", "CATALOG", "--labels", "LABELS")
WRONG_WORDS = [
    (*TRAIN, "--patches", "0"),
    (*TRAIN, "--patches", "-3"),
    (*TRAIN, "--patches", "many"),
    (*TRAIN, "--seed", "-1"),
    (*TRAIN, "--seed", "4294967296"),
    (*TRAIN, "--block-deg", "0.013"),
    (*TRAIN, "--block-deg", "0"),
    (*TRAIN, "--block-deg", "nan"),
    (*TRAIN, "--block-deg", "wide"),
    (*TRAIN, "--min-valid-share", "1.5"),
    (*TRAIN, "--min-valid-share", "nan"),
    (*TRAIN, "--sensor", "camera"),
    (*TRAIN, "--activate-by", "nobody"),
    (*TRAIN, "--activate-by", "rosa"),
    ("train_model", "--labels", "nowhere.csv"),
    ("train_model", "--labels", "FOLDER"),
    (*JUDGE, "--min-valid-share", "-0.1"),
    (*JUDGE, "--scores", "FOLDER"),
    (*JUDGE, "--scores", "FOLDER/not/there.csv"),
    ("evaluate_model", "--model", "nobody", "--catalog", "CATALOG", "--labels", "LABELS"),
    ("evaluate_model", "--model", "0" * 64, "--catalog", "CATALOG", "--labels", "LABELS"),
    ("evaluate_model", "--model", "LABELS", "--catalog", "CATALOG", "--labels", "LABELS"),
    ("evaluate_model", "--model", "active", "--catalog", "nowhere.json", "--labels", "LABELS"),
    ("evaluate_model", "--model", "active", "--catalog", "CATALOG", "--labels", "nowhere.csv"),
    ("issue_token", "nobody"),
    ("issue_token", ""),
    ("issue_token", "rosa", "--label", "x" * 81),
    ("seed_demo", "--catalog", "nowhere.json"),
    ("seed_demo", "--catalog", "LABELS"),
    ("ingest", "nowhere.json"),
    ("ingest", "FOLDER"),
    ("ingest", "CATALOG", "--timeout", "0"),
]


@pytest.mark.parametrize("words", WRONG_WORDS, ids=lambda words: " ".join(words)[:60])
def test_wrong_words_are_answered_with_plain_ones_and_nothing_is_changed(
    cast: Cast, commands: Commands, land: MinedLand, trainee: Trainee, tmp_path: Path, words: tuple[str, ...]
) -> None:
    let_act(trainee, cast.anna.user)
    before = (
        Scene.objects.count(),
        TrainedModel.objects.count(),
        Token.objects.count(),
        Region.objects.count(),
    )
    names = {"LABELS": str(land.labels), "CATALOG": str(land.catalog), "FOLDER": str(tmp_path)}
    given = [names.get(word, word).replace("FOLDER", str(tmp_path)) for word in words]
    commands.refuse(*given)
    assert before == (
        *(Scene.objects.count(), TrainedModel.objects.count()),
        *(Token.objects.count(), Region.objects.count()),
    )


@pytest.mark.usefixtures("worker")
def test_a_token_is_printed_once_and_opens_the_account(commands: Commands, cast: Cast) -> None:
    answer = commands.ask("issue_token", "rosa")
    assert (answer["user"], answer["role"]) == ("rosa", "regulator")
    assert find_holder(answer["token"]) == cast.rosa.user
    cast.rosa.user.is_active = False
    cast.rosa.user.save()
    assert "No active account" in commands.refuse("issue_token", "rosa")


@pytest.mark.usefixtures("worker")
def test_a_release_is_published_as_often_as_asked_or_only_where_something_changed(commands: Commands) -> None:
    first, second = commands.ask("publish_release"), commands.ask("publish_release")
    assert (first["new"], second["new"], first["batch"] == second["batch"]) == (True, True, False)
    unchanged = commands.ask("publish_release", "--if-changed")
    assert (unchanged["new"], unchanged["batch"]) == (False, second["batch"])


@pytest.mark.usefixtures("worker")
def test_seeding_twice_keeps_people_regions_and_tokens_and_shows_them_to_the_owner_alone(
    commands: Commands, land: MinedLand, settings: Settings
) -> None:
    first = commands.ask("seed_demo", "--catalog", land.catalog)
    file = Path(settings.STATE_DIR) / "demo.json"
    told, counts = file.read_text(), (Token.objects.count(), Region.objects.count())
    assert file.stat().st_mode & 0o777 == 0o600
    assert first == commands.ask("seed_demo", "--catalog", land.catalog)
    assert (file.read_text(), Token.objects.count(), Region.objects.count()) == (told, *counts)
    roles = json.loads(told)["roles"]
    assert {"regulator", "inspector", "partner", "auditor", "analyst", "administrator", "feeder"} <= set(
        roles
    )
    for person in roles.values():
        holder = find_holder(person["token"])
        assert holder is not None
        assert holder.username == person["user"]
    Token.objects.filter(user__username="finn").delete()
    commands.ask("seed_demo", "--catalog", land.catalog)
    renewed = json.loads(file.read_text())["roles"]
    assert renewed["feeder"] != roles["feeder"]
    assert renewed["regulator"] == roles["regulator"]


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    "words",
    [
        ("publish_release",),
        ("issue_token", "rosa"),
        ("train_model", "--labels", "LABELS", *QUICK_WORDS, "--activate-by", "anna"),
    ],
    ids=lambda words: words[0],
)
def test_what_cannot_be_recorded_is_not_done(
    commands: Commands, land: MinedLand, lose_ledger: Callable[[], None], words: tuple[str, ...]
) -> None:
    if words[0] == "train_model":
        walk(*land.items.values())
    lose_ledger()
    before = Token.objects.count()
    assert "ledger" in commands.refuse(*(str(land.labels) if word == "LABELS" else word for word in words))
    assert (Token.objects.count(), TrainedModel.objects.filter(state="active").count()) == (before, 0)
