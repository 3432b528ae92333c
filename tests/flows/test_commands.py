"""The commands behind `make up`, each by itself: help, one line of JSON, exit codes, and plain words for wrong input."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

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
        [sys.executable, "manage.py", *words], cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
