"""The commands behind `make up`, each by itself: help, one line of JSON, exit codes, and plain words for wrong input."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.models import Token
from accounts.tokens import find_holder
from monitor.detection.modelfile import read_manifest
from monitor.field.states import CellState
from monitor.models import Region, Scene, TrainedModel
from tests.cast import Cast
from tests.flows.commanding import QUICK_WORDS, Commands
from tests.flows.conftest import Ringing
from tests.flows.mined_land import OLD_MINE, MinedLand
from tests.flows.route import cells_in, walk

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = (
    "ingest",
    "train_model",
    "evaluate_model",
    "compare_models",
    "try_recipe",
    "try_features",
    "activate_model",
    "publish_release",
    "issue_token",
    "seed_demo",
)

pytestmark = pytest.mark.usefixtures("_readable_land")


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
    assert first["repeated_ids"] == 0
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
    rare = commands.ask("evaluate_model", *words, "--share-of-mines", "0.001")["report"]
    assert set(rare["share_learnt"].values()) == {0.001}
    assert rare["all"]["auc"]["value"] == pytest.approx(judged["report"]["all"]["auc"]["value"], abs=0.02)
    for after, before in zip(rare["kinds"], judged["report"]["kinds"], strict=True):
        assert after["mean_probability"] < before["mean_probability"]


@pytest.mark.usefixtures("worker")
def test_two_models_are_compared_on_the_same_labels_and_one_can_go_back(
    commands: Commands, land: MinedLand, cast: Cast, tmp_path: Path
) -> None:
    commands.ask("ingest", land.catalog)
    anna, page = cast.anna.user.username, tmp_path / "report.html"
    words = ("train_model", "--labels", land.labels, *QUICK_WORDS, "--activate-by", anna)
    first = commands.ask(*words, "--page", page)
    assert (page.stat().st_mode & 0o777, "<svg" in page.read_text()) == (0o600, True)
    second = commands.ask(*words, "--seed", "1", "--estimator", "logistic")
    assert first["sha256"] != second["sha256"]
    compared = commands.ask(
        "compare_models",
        *("--before", first["model"], "--after", "active"),
        *("--catalog", land.catalog, "--labels", land.labels),
    )
    assert compared["cells"] > 20
    assert set(compared["figures"]["auc"]) == {"before", "after", "difference", "low", "high"}
    assert len(compared["warnings"]) == 2  # both were trained on these labels
    same = commands.ask(
        "compare_models",
        *("--before", second["sha256"], "--after", "active"),
        *("--catalog", land.catalog, "--labels", land.labels),
    )
    assert same["warnings"][0].startswith("Both are the same model")
    assert same["called_differently"] == 0
    back = commands.ask("activate_model", "--back", "sentinel-2", "--by", anna)
    assert (back["model"], back["left"]) == (first["model"], second["model"])
    assert "before the one that acts" in commands.refuse(
        "activate_model", "--back", "sentinel-2", "--by", anna
    )
    assert TrainedModel.objects.get(state="active").sha256 == first["sha256"]
    commands.ask("activate_model", "--model", second["sha256"], "--by", anna)
    assert TrainedModel.objects.get(state="active").sha256 == second["sha256"]
    assert "No active analyst" in commands.refuse("activate_model", "--model", second["sha256"], "--by", "x")
    assert "no model of this" in commands.refuse("activate_model", "--model", "0" * 64, "--by", anna)
    assert "before the one that acts" in commands.refuse("activate_model", "--back", "landsat", "--by", anna)


def test_a_recipe_is_tried_over_several_seeds_and_nothing_is_kept(
    db: None, commands: Commands, land: MinedLand
) -> None:
    words = ("--catalog", land.catalog, "--labels", land.labels, *QUICK_WORDS)
    tried = commands.ask(
        "try_recipe", *words, "--seeds", "2", "--estimator", "ensemble", "ridge", "--normalise"
    )
    names = ["ensemble", "ridge", "ensemble, normalised", "ridge, normalised"]
    assert tried["seeds"] == 2
    assert list(tried["recipes"]) == [*names, *(f"{name} less ensemble" for name in names[1:])]
    for figures in tried["recipes"].values():
        for figure in figures.values():
            assert figure["least"] <= figure["median"] <= figure["greatest"]
    for name in names[:2]:
        assert tried["recipes"][name]["all: AUC"]["least"] > 0.9
    assert TrainedModel.objects.count() == 0
    assert "no such file" in commands.refuse("try_recipe", "--catalog", "nowhere", "--labels", land.labels)


def test_patches_of_several_sizes_or_of_normal_numbers_are_tried_and_trained(
    cast: Cast, commands: Commands, land: MinedLand, vault_dir: Path
) -> None:
    drawn = ("--patch-sizes", "2,4", "--pair-sizes", "2,3", "--drawing", "gaussian")
    words = ("--labels", land.labels, *QUICK_WORDS, *drawn)
    tried = commands.ask("try_recipe", "--catalog", land.catalog, *words, "--seeds", "1")
    plain = commands.ask("try_recipe", "--catalog", land.catalog, *words[:-6], "--seeds", "1")
    assert tried["recipes"] != plain["recipes"]
    walk(*land.items.values())
    trained = commands.ask("train_model", *words)
    manifest = read_manifest((vault_dir / "models" / trained["file"]).read_bytes())
    assert manifest["patches"] == {"2x2": 4, "4x4": 4}
    assert manifest["drawing"] == manifest["training"]["recipe"]["pair_drawing"] == "gaussian"
    assert manifest["training"]["recipe"]["pair_sizes"] == [2, 3]
    assert commands.ask("train_model", "--labels", land.labels, *QUICK_WORDS)["sha256"] != trained["sha256"]


def test_labels_in_doubt_are_a_list_for_the_owner_alone(
    db: None, commands: Commands, land: MinedLand, tmp_path: Path
) -> None:
    lines = land.labels.read_text().splitlines()
    turned = next(number for number, line in enumerate(lines) if ",artisanal" in line)
    lines[turned] = lines[turned].replace(",artisanal", ",none")
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
    words = ("--catalog", land.catalog, "--labels", tmp_path / "labels.csv", *QUICK_WORDS, "--deals", "1")
    reviewed = commands.ask("review_labels", *words, "--list", tmp_path / "doubts.csv")
    assert (tmp_path / "doubts.csv").stat().st_mode & 0o777 == 0o600
    with (tmp_path / "doubts.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == reviewed["in_doubt"] == sum(reviewed["by_class"].values())
    place = lines[turned].split(",")[:2]
    assert place in [[row["cell_row"], row["cell_col"]] for row in rows]


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
        *("probability_none", "probability_artisanal", "probability_industrial", "familiar"),
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


@pytest.mark.usefixtures("worker")
def test_a_token_is_printed_once_and_opens_the_account(commands: Commands, cast: Cast) -> None:
    answer = commands.ask("issue_token", "rosa", "--by", "adam")
    assert (answer["user"], answer["role"]) == ("rosa", "regulator")
    assert find_holder(answer["token"]) == cast.rosa.user
    cast.rosa.user.is_active = False
    cast.rosa.user.save()
    assert "is closed" in commands.refuse("issue_token", "rosa", "--by", "adam")


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
