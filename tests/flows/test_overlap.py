"""A model that is judged on cells it was trained on: counted through the vault, told, and never from the model file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import ProgrammingError, connection

from monitor.detection.modelfile import read_manifest
from tests.flows.commanding import QUICK_WORDS, Commands
from tests.flows.mined_land import MinedLand

pytestmark = pytest.mark.usefixtures("_readable_land")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def less_a_line(land: MinedLand, tmp_path: Path) -> Path:
    """The labels of the land without the last one."""
    file = tmp_path / "less.csv"
    file.write_text("\n".join(land.labels.read_text().splitlines()[:-1]) + "\n")
    return file


@pytest.mark.usefixtures("worker")
def test_labels_less_a_line_are_known_again(
    commands: Commands, land: MinedLand, less_a_line: Path, tmp_path: Path, vault_dir: Path
) -> None:
    commands.ask("ingest", land.catalog)
    trained = commands.ask("train_model", "--labels", land.labels, *QUICK_WORDS)
    where = ("--catalog", land.catalog, "--labels", less_a_line)
    commands.ask(
        "import_labels", less_a_line
    )  # takes the labels for its own batch; the cells of the other stay known
    judged = commands.ask("evaluate_model", "--model", trained["model"], *where)
    assert judged["judged_cells_in_training"] == judged["report"]["cells"] > 20
    assert "were among those that the model was trained on" in judged["report"]["warnings"][0]
    compared = commands.ask(
        "compare_models", "--before", trained["model"], "--after", trained["model"], *where
    )
    assert [text.split()[0] for text in compared["warnings"]] == ["Both", "The", "The"]
    (file,) = vault_dir.rglob(trained["file"])
    manifest = str(read_manifest(file.read_bytes()))
    assert not any(f"{row}, {col}" in manifest for row, col in land.mined)


@pytest.mark.usefixtures("worker")
def test_a_vault_that_does_not_know_the_labels_of_a_model_says_that_nobody_looked(
    commands: Commands, land: MinedLand, less_a_line: Path, model_file: Path
) -> None:
    words = ("evaluate_model", "--model", model_file, "--catalog", land.catalog, "--labels")
    judged = commands.ask(*words, less_a_line)
    assert judged["judged_cells_in_training"] is None
    assert not any("trained on" in text for text in judged["report"]["warnings"])
    whole = commands.ask(*words, land.labels)
    assert whole["judged_cells_in_training"] == whole["report"]["cells"]
    commands.ask("import_labels", land.labels)
    assert commands.ask(*words, less_a_line)["judged_cells_in_training"] == judged["report"]["cells"]


def test_without_a_database_a_model_file_is_judged_all_the_same(
    land: MinedLand, less_a_line: Path, model_file: Path, tmp_path: Path
) -> None:
    words = ("--model", model_file, "--catalog", land.catalog, "--labels", less_a_line)
    done = subprocess.run(
        [sys.executable, "manage.py", "evaluate_model", *map(str, words)],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": f"postgresql:///nothing?host={tmp_path}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert "was not looked for" in done.stdout


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("name", ["evaluate_model", "compare_models"])
def test_the_vault_is_asked_before_a_scene_is_scored(
    capsys: pytest.CaptureFixture[str], land: MinedLand, model_file: Path, name: str
) -> None:
    """What is wrong with a database shows in seconds, not after an hour of scoring."""
    models = (
        ("--model", model_file)
        if name == "evaluate_model"
        else ("--before", model_file, "--after", model_file)
    )
    words = (name, *models, "--catalog", land.catalog, "--labels", land.labels)
    call_command(*map(str, words))
    assert "score scenes" in capsys.readouterr().err
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE vault.batch_cell RENAME COLUMN batch TO elsewhere")
    with pytest.raises(ProgrammingError):
        call_command(*map(str, words))
    assert "score scenes" not in capsys.readouterr().err
