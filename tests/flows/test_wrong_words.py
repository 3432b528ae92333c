"""Wrong input to a command: a sentence or two that name the cause and the mend, no traceback, and nothing changed."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from accounts.ledger.connection import close_ledger_connections
from accounts.models import Token
from monitor.models import Region, Scene, TrainedModel
from monitor.services.detections import model_path
from tests.cast import Cast
from tests.flows.commanding import QUICK_WORDS, Commands
from tests.flows.mined_land import MinedLand
from tests.flows.route import Trainee, let_act, walk

pytestmark = pytest.mark.usefixtures("_readable_land")


@pytest.fixture
def lose_ledger(settings: Settings) -> Iterator[Callable[[], None]]:
    """`lose_ledger()`: from now on nothing can be recorded."""

    def lose() -> None:
        settings.LEDGER_PASSWORD = "not the password"
        settings.LEDGER_TIMEOUT_S = 1
        close_ledger_connections()

    yield lose
    close_ledger_connections()


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


def test_a_model_whose_file_is_gone_or_damaged_does_not_act(
    cast: Cast, commands: Commands, trainee: Trainee, land: MinedLand
) -> None:
    """Before, it was activated, and from then on every scene failed."""
    let_act(trainee, cast.anna.user)
    sha256 = TrainedModel.objects.get().sha256
    TrainedModel.objects.update(state="retired")
    anna, file = cast.anna.user.username, model_path(sha256)
    packed = file.read_bytes()
    file.write_bytes(packed[:-1])
    for words in (("--model", sha256), ("--back", "sentinel-2")):
        assert "not the one that was registered" in commands.refuse("activate_model", *words, "--by", anna)
    file.unlink()
    assert "Put it back from a backup" in commands.refuse("activate_model", "--model", sha256, "--by", anna)
    judge = ("evaluate_model", "--model", sha256, "--catalog", land.catalog, "--labels", land.labels)
    assert "Put it back from a backup" in commands.refuse(*judge)
    assert not TrainedModel.objects.filter(state="active").exists()
    file.write_bytes(packed)
    commands.ask("activate_model", "--model", sha256, "--by", anna)


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
    (*TRAIN, "--patch-sizes", "0"),
    (*TRAIN, "--patch-sizes", "3,3"),
    (*TRAIN, "--patch-sizes", "4;6"),
    (*TRAIN, "--pair-sizes", "16"),
    (*TRAIN, "--drawing", "pencil"),
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
    (*JUDGE, "--share-of-mines", "0"),
    (*JUDGE, "--share-of-mines", "1"),
    (*JUDGE, "--scores", "FOLDER"),
    (*JUDGE, "--scores", "FOLDER/not/there.csv"),
    ("evaluate_model", "--model", "nobody", "--catalog", "CATALOG", "--labels", "LABELS"),
    ("evaluate_model", "--model", "0" * 64, "--catalog", "CATALOG", "--labels", "LABELS"),
    ("evaluate_model", "--model", "LABELS", "--catalog", "CATALOG", "--labels", "LABELS"),
    ("evaluate_model", "--model", "active", "--catalog", "nowhere.json", "--labels", "LABELS"),
    ("evaluate_model", "--model", "active", "--catalog", "CATALOG", "--labels", "nowhere.csv"),
    ("issue_token", "nobody"),
    ("issue_token", ""),
    ("issue_token", "rosa"),
    ("issue_token", "rosa", "--label", "x" * 81, "--by", "adam"),
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


@pytest.mark.parametrize(
    "words",
    [
        ("publish_release",),
        ("issue_token", "rosa", "--by", "adam"),
        ("train_model", "--labels", "LABELS", *QUICK_WORDS, "--activate-by", "anna"),
    ],
    ids=lambda words: words[0],
)
def test_what_cannot_be_recorded_is_not_done(
    cast: Cast, commands: Commands, land: MinedLand, lose_ledger: Callable[[], None], words: tuple[str, ...]
) -> None:
    if words[0] == "train_model":
        walk(*land.items.values())
    lose_ledger()
    before = Token.objects.count()
    assert "ledger" in commands.refuse(*(str(land.labels) if word == "LABELS" else word for word in words))
    assert (Token.objects.count(), TrainedModel.objects.filter(state="active").count()) == (before, 0)


def test_a_model_that_the_vault_cannot_keep_is_said_to_be_lost_and_leaves_nothing(
    db: None, commands: Commands, land: MinedLand, vault_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    walk(*land.items.values())
    monkeypatch.setattr(os, "replace", refuse)
    said = commands.refuse("train_model", "--labels", land.labels, *QUICK_WORDS)
    assert "could not be kept in the vault: No space left" in said
    assert (TrainedModel.objects.count(), list((vault_dir / "models").iterdir())) == (0, [])
