"""`try_features`: labels judged on features that others computed; nothing is kept, and exact places stay the owner's."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command

from tests.flows.commanding import Commands

WORDS = ("--block-deg", "0.1")


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Labels of 120 cells in twelve blocks, and features of these and of ten more of which the first tells mines."""
    rng = np.random.default_rng(1)
    features, labels = tmp_path / "features.csv", tmp_path / "labels.csv"
    lines, said = ["lat,lon,X_0,X_1,X_2\n"], ["cell_row,cell_col,label,kind\n"]
    for at in range(130):
        row, col = 9500 + 10 * (at % 12), 20000 + at // 12
        is_mine = bool(rng.random() < 0.5)
        values = rng.normal(size=3) + np.array([2.0 * is_mine, 0, 0])
        place = f"{row / 100 - 90 + 0.005:.3f},{col / 100 - 180 + 0.005:.3f}"
        lines.append(f"{place},{','.join(f'{value:.6f}' for value in values)}\n")
        if at < 120:
            said.append(
                f"{row},{col},{'artisanal_mine' if is_mine else 'none'},{'pit' if is_mine else 'forest'}\n"
            )
    features.write_text("".join(lines))
    labels.write_text("".join(said))
    return features, labels


def test_labels_are_judged_on_a_table_and_every_cell_of_it_is_scored(
    commands: Commands, files: tuple[Path, Path], tmp_path: Path
) -> None:
    features, labels = files
    given = ("--features", features, "--labels", labels, *WORDS)
    written = ("--page", tmp_path / "page.html", "--scores", tmp_path / "scores.csv")
    answer = commands.ask("try_features", *given, *written)
    assert (answer["features"]["columns"], answer["features"]["cells"]) == (3, 130)
    assert answer["report"]["all"]["n"] == 120
    assert answer["report"]["all"]["auc"]["value"] > 0.8
    assert any("does not say when" in warning for warning in answer["headline"]["warnings"])
    assert "Reliability" in (tmp_path / "page.html").read_text()
    assert (tmp_path / "scores.csv").stat().st_mode & 0o777 == 0o600
    with (tmp_path / "scores.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 130
    told = [float(row["probability_artisanal"]) for row in rows]
    with labels.open(newline="") as stream:
        mines = np.array([row["label"] != "none" for row in csv.DictReader(stream)])
    assert np.mean(np.array(told[:120])[mines]) > np.mean(np.array(told[:120])[~mines]) + 0.3


def test_the_report_is_written_for_people_too(
    commands: Commands, files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("try_features", "--features", files[0], "--labels", files[1], *WORDS)
    told = capsys.readouterr().out
    assert "features read from a table" in told
    assert "WARNING: The features come from a table" in told


def test_what_cannot_be_used_is_refused_in_plain_words_and_nothing_is_left_behind(
    commands: Commands, files: tuple[Path, Path], tmp_path: Path
) -> None:
    features, labels = files
    scores = tmp_path / "scores.csv"
    given = ("--labels", labels, *WORDS, "--scores", scores)
    assert "A file cannot be read" in commands.refuse("try_features", "--features", "nowhere.csv", *given)
    assert "no file can be written" in commands.refuse(
        "try_features", "--features", features, "--labels", labels, "--scores", tmp_path
    )
    text = features.read_text()
    features.write_text(text.replace("lat,lon", "lon,lat"))
    assert "Exchange the names" in commands.refuse("try_features", "--features", features, *given)
    lines = text.splitlines()
    lines[-1] = lines[-1].rsplit(",", 1)[0] + ",nan"  # a cell without a label: met when all cells are scored
    features.write_text("\n".join(lines) + "\n")
    assert "Line 131: X_2" in commands.refuse("try_features", "--features", features, *given)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "features.csv",
        "labels.csv",
    ]
