"""What a training leaves on the ledger: the labels that were brought in, the candidate that was kept; or nothing kept."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.ledger.connection import LedgerUnavailable, close_ledger_connections
from accounts.ledger.keyed import keyed_reference
from monitor.detection.labels import read_labels
from monitor.models import TrainedModel
from monitor.services.training import train_on_vault
from tests.flows.commanding import QUICK_WORDS, Commands
from tests.flows.mined_land import MinedLand
from tests.flows.route import QUICK, say_nothing
from tests.roles import read_rows

pytestmark = pytest.mark.usefixtures("_readable_land", "worker")

LINES = """
    SELECT e.action, e.actor, e.endpoint, c.outcome, e.object_refs FROM ledger.entry e
    LEFT JOIN ledger.completion c ON c.entry_id = e.id
    WHERE e.endpoint = 'train_model' AND e.action IN ('label.import', 'model.train') ORDER BY e.at
"""


def test_the_labels_of_a_training_and_the_model_that_it_keeps_are_on_the_ledger(
    commands: Commands, land: MinedLand
) -> None:
    commands.ask("ingest", land.catalog)
    before = len(read_rows(LINES))
    words = ("train_model", "--labels", land.labels, *QUICK_WORDS)
    trained = commands.ask(*words)
    brought: tuple[object, ...] = ("label.import", None, "train_model", "done", [])
    kept = ("model.train", None, "train_model", "done", [keyed_reference(UUID(trained["model"]))])
    assert read_rows(LINES)[before:] == [brought, kept]
    assert commands.ask(*words)["reused"]
    assert read_rows(LINES)[before + 2 :] == [brought]  # no model was kept again


def test_without_a_ledger_no_model_is_kept(
    commands: Commands, land: MinedLand, settings: Settings, vault_dir: Path
) -> None:
    commands.ask("ingest", land.catalog)
    settings.LEDGER_PASSWORD, settings.LEDGER_TIMEOUT_S = "not the password", 1
    close_ledger_connections()
    try:
        with pytest.raises(LedgerUnavailable):
            train_on_vault(read_labels(land.labels), QUICK, timezone.now(), say_nothing)
        refused = commands.refuse("train_model", "--labels", land.labels, *QUICK_WORDS)
    finally:
        close_ledger_connections()
    assert "ledger" in refused
    assert (TrainedModel.objects.count(), list(vault_dir.glob("models/*"))) == (0, [])
