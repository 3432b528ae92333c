"""A model whose file the vault has lost: the same training brings it back under its record, or says why not."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from accounts.ledger.keyed import keyed_reference
from monitor.models import TrainedModel
from monitor.services.detections import load_active_model
from tests.cast import Cast
from tests.flows.commanding import QUICK_WORDS, Commands
from tests.flows.mined_land import MinedLand
from tests.roles import read_rows

pytestmark = pytest.mark.usefixtures("_readable_land", "worker")

TRAININGS = """
    SELECT c.outcome, e.object_refs FROM ledger.entry e LEFT JOIN ledger.completion c ON c.entry_id = e.id
    WHERE e.action = 'model.train' ORDER BY e.at
"""


def test_the_file_of_a_model_comes_back_under_its_record_and_acts_on(
    commands: Commands, land: MinedLand, vault_dir: Path, cast: Cast
) -> None:
    commands.ask("ingest", land.catalog)
    words = ("train_model", "--labels", land.labels, *QUICK_WORDS)
    first = commands.ask(*words, "--activate-by", cast.anna.user.username)
    activated_at = TrainedModel.objects.get().activated_at
    (vault_dir / "models" / first["file"]).unlink()
    before = len(read_rows(TRAININGS))
    again = commands.ask(*words)
    assert (again["model"], again["reused"]) == (first["model"], False)
    assert again["report"] == first["report"]
    record = TrainedModel.objects.get()
    assert (str(record.id), record.state, record.activated_at) == (first["model"], "active", activated_at)
    assert record.sha256 == again["sha256"]
    assert load_active_model(record.sha256).featurizer.digest == record.featurizer
    assert read_rows(TRAININGS)[before:] == [("done", [keyed_reference(UUID(first["model"]))])]
    assert commands.ask(*words)["reused"]


def test_another_model_does_not_take_the_record_of_one_whose_file_is_gone(
    commands: Commands, land: MinedLand, vault_dir: Path
) -> None:
    commands.ask("ingest", land.catalog)
    words = ("train_model", "--labels", land.labels, *QUICK_WORDS)
    first = commands.ask(*words)
    (vault_dir / "models" / first["file"]).unlink()
    # as if other versions of libraries had judged it
    TrainedModel.objects.update(metrics=first["report"] | {"cells": 0})
    before = len(read_rows(TRAININGS))
    refused = commands.refuse(*words)
    assert first["model"] in refused
    assert "from a backup, or train with another --seed" in refused
    assert TrainedModel.objects.get().sha256 == first["sha256"]
    assert list(vault_dir.glob("models/*")) == []
    assert len(read_rows(TRAININGS)) == before  # nothing was kept
    assert commands.ask(*words, "--seed", "1")["model"] != first["model"]
