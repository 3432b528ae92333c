"""Labels come into the vault with where they come from; what repeats or contradicts is named and counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from monitor.detection.labels import CellLabel, digest_labels
from monitor.services.labels import find_trained_cells, gather_labels, import_labels
from monitor.vault.labels import find_batch_cells, label_alert_cells, load_labels_of_cells
from tests.builders import cell_at, make_alert, make_model, put_cells
from tests.cast import Cast
from tests.roles import as_role, read_rows

ROW, COL = cell_at(20.105, 2.105)
MINE = CellLabel(ROW, COL, 1, date(2025, 1, 1), date(2025, 3, 31), kind="pit", source="atlas/7")
DAY = date(2025, 5, 1)
FOREST = replace(MINE, col=COL + 1, label=0, kind="forest", source="survey/8")


def test_a_batch_is_known_by_the_digest_of_its_labels_and_says_what_was_left_out(cast: Cast) -> None:
    doubtful = replace(FOREST, label=1, source="atlas/9")
    imported = import_labels([MINE, MINE, FOREST, doubtful])
    assert (imported.stored, imported.against_vault) == (1, {})
    ((digest, count, left_out, sources),) = read_rows(
        "SELECT digest, labels, left_out, sources FROM vault.label_batch"
    )
    assert (digest, count) == (digest_labels([MINE, MINE, FOREST, doubtful]), 4)
    assert json.loads(left_out) == {"says what another label says": 1, "contradicts another label": 2}
    assert json.loads(sources) == {"atlas": 3, "survey": 1}
    assert read_rows("SELECT row, col, label, batch FROM vault.label") == [
        (ROW, COL, "artisanal", imported.digest)
    ]


def test_bringing_in_labels_is_an_entry_without_a_place_and_without_the_ledger_none_is_kept(
    cast: Cast, tmp_path: Path, lose_ledger: Callable[[], None]
) -> None:
    entries = "SELECT actor, endpoint, regions, object_refs FROM ledger.entry WHERE action = 'label.import'"
    before = len(read_rows(entries))
    import_labels([MINE])
    assert read_rows(entries)[before:] == [(None, "import_labels", [], [])]
    (tmp_path / "labels.csv").write_text(f"cell_row,cell_col,label\n{ROW},{COL + 1},none\n")
    lose_ledger()
    with pytest.raises(CommandError, match="ledger"):
        call_command("import_labels", tmp_path / "labels.csv")
    assert read_rows("SELECT count(*) FROM vault.label") == [(1,)]


def test_the_same_labels_again_change_nothing(cast: Cast) -> None:
    import_labels([MINE, FOREST])
    before = read_rows("SELECT * FROM vault.label_batch")
    assert import_labels([FOREST, MINE]).stored == 2
    assert read_rows("SELECT * FROM vault.label_batch") == before
    assert read_rows("SELECT count(*) FROM vault.label") == [(2,)]


def test_what_one_source_says_of_several_scenes_stands_side_by_side(cast: Cast) -> None:
    """Before, the last one took the place of the others, although all count in training."""
    said = [
        replace(MINE, item="s2/1", label=0),
        replace(MINE, item="s2/2"),
        replace(MINE, observed_from=date(2024, 1, 1), item="s2/3"),
    ]
    assert import_labels(said).stored == 3
    assert sorted(load_labels_of_cells([MINE]), key=lambda label: label.item) == said
    assert import_labels([replace(said[1], label=0)]).against_vault == {}
    assert [label.label for label in load_labels_of_cells([MINE]) if label.item == "s2/2"] == [0]


def test_labels_that_contradict_those_of_the_vault_are_counted_by_source(cast: Cast) -> None:
    import_labels([MINE, FOREST])
    imported = import_labels([replace(MINE, label=0, source="other/1"), replace(FOREST, source="other/2")])
    assert imported.against_vault == {"atlas": 1}
    assert read_rows("SELECT count(*) FROM vault.label") == [(4,)]


def teach(cast: Cast) -> CellLabel:
    """What an inspector's finding says of the cell of MINE; kept."""
    put_cells(make_model(cast.anna.user), [(ROW, COL)])
    finding = uuid4()
    assert label_alert_cells(make_alert(cast.east, [(ROW, COL)]).id, "none", DAY, finding) == 1
    return CellLabel(ROW, COL, 0, DAY, DAY, kind="finding", source=f"finding/{finding}")


def test_findings_are_gathered_with_the_labels_of_a_file(cast: Cast) -> None:
    taught = teach(cast)
    assert gather_labels([FOREST]) == [FOREST, taught]


def test_a_file_neither_passes_for_a_finding_nor_replaces_one(cast: Cast) -> None:
    """Before, a line of kind `finding` joined every later training, and one of a finding's source took its place."""
    taught = teach(cast)
    assert import_labels([replace(MINE, kind="finding")]).stored == 1
    assert (
        import_labels([replace(taught, label=1), replace(taught, label=1, kind="pit", col=COL + 1)]).stored
        == 1
    )
    assert gather_labels([]) == [taught]


def test_labels_keep_their_region_mineral_and_degree_of_formalisation(cast: Cast) -> None:
    full = replace(MINE, item="s2/7", region="east", mineral="gold", formalisation="informal")
    import_labels([full, FOREST])
    assert load_labels_of_cells([MINE, FOREST]) == [full, FOREST]
    again = replace(full, mineral="cobalt")
    import_labels([again])
    assert load_labels_of_cells([MINE]) == [again]


def test_labels_from_before_say_nothing_of_it(cast: Cast) -> None:
    import_labels([MINE])
    with as_role("none"), connection.cursor() as cursor:
        cursor.execute("UPDATE vault.label SET region = NULL, mineral = NULL, formalisation = NULL")
    assert load_labels_of_cells([MINE]) == [MINE]


def test_a_batch_keeps_its_cells_when_another_takes_its_labels(cast: Cast) -> None:
    import_labels([MINE, FOREST])
    import_labels([MINE])
    both, elsewhere = digest_labels([MINE, FOREST]), replace(MINE, row=ROW + 1)
    assert find_batch_cells(both, [MINE, FOREST, elsewhere]) == {(ROW, COL), (ROW, COL + 1)}
    assert find_batch_cells(both, [elsewhere]) == set()
    assert find_batch_cells(digest_labels([FOREST]), [MINE]) is None


@pytest.mark.parametrize("gone", ["TABLE vault.batch_cell RENAME TO", "SCHEMA vault RENAME TO"])
def test_a_database_without_its_tables_does_not_know_what_a_model_was_trained_on(
    cast: Cast, gone: str
) -> None:
    import_labels([MINE, FOREST])
    asked = digest_labels([MINE, FOREST]), [MINE]
    assert find_trained_cells(*asked) == {(ROW, COL)}
    with as_role("none"), connection.cursor() as cursor:
        cursor.execute(f"ALTER {gone} elsewhere")
    assert find_trained_cells(*asked) is None
    assert find_trained_cells(*asked) is None  # the transaction goes on


def test_the_command_names_lines_and_never_a_place(
    cast: Cast, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        f"{ROW},{COL},artisanal",
        f"{ROW},{COL + 1},none",
        f"{ROW},{COL},artisanal",
        f"{ROW},{COL + 1},artisanal",
    ]
    file = tmp_path / "labels.csv"
    file.write_text("\n".join(["cell_row,cell_col,label", *rows]) + "\n")
    call_command("import_labels", str(file))
    said = capsys.readouterr().out
    assert "repeated: lines 4 and 2" in said
    assert "contradicted: lines 3 and 5" in said
    assert str(COL) not in said
