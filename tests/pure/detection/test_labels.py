"""Labels from a file, and the scene that each speaks of."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from monitor.detection.labels import (
    CLASSES,
    CellLabel,
    LabelsRefused,
    choose_scene,
    digest_labels,
    list_scenes,
    number_labels,
    read_labels,
)

HEADER = "cell_row,cell_col,lon,lat,observed_from,observed_to,label,kind,source,item_t1,item_t0\n"


@pytest.mark.parametrize("label", [-1, 3, 0.5])
def test_a_class_that_there_is_none_of_is_refused(label: int) -> None:
    with pytest.raises(ValueError, match="a position in none, artisanal, industrial"):
        CellLabel(9000, 18000, label)


@pytest.mark.parametrize(("row", "col"), [(-1, 18000), (18000, 18000), (9000, 36000), (9000, -1)])
def test_a_cell_that_there_is_none_of_is_refused(row: int, col: int) -> None:
    # the number of (9000, 36000) is that of (9001, 0)
    with pytest.raises(ValueError, match="not on the lattice"):
        CellLabel(row, col, 0)


def write(folder: Path, *lines: str, header: str = HEADER) -> Path:
    path = folder / "labels.csv"
    path.write_text(header + "".join(f"{line}\n" for line in lines))
    return path


def test_labels_are_read_with_the_words_of_older_sets(tmp_path: Path) -> None:
    labels = read_labels(
        write(
            tmp_path,
            "9212,20032,20.3,2.1,2021-01-01,2021-12-31,artisanal_mine,pit,set/a_1,late,early",
            "9213,20033,20.3,2.1,2021-01-01T00:00:00Z,,none,river_bank,set/b_2,,",
            "9214,20034,20.3,2.1,,,industrial,,,,",
        )
    )
    assert [CLASSES[label.label] for label in labels] == ["artisanal", "none", "industrial"]
    assert labels[0] == CellLabel(
        9212, 20032, 1, date(2021, 1, 1), date(2021, 12, 31), "pit", "set/a_1", item="late"
    )
    assert [label.period for label in labels] == ["2021-01-01/2021-12-31", "2021-01-01/", ""]
    assert number_labels(labels)[0] == 9212 * 36_000 + 20032


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("9212,20032,,,,,gold,,,,", "Line 2: the label must be one of none, artisanal"),
        ("9212.5,20032,,,,,none,,,,", "Line 2: cell_row and cell_col must be whole numbers"),
        ("9212,20032,,,spring,,none,,,,", "dates must be like 2021-12-31"),
        ("9212,40000,,,,,none,,,,", "not on the lattice"),
        ("9212", "Line 2: the label must be"),
        ("9212,20032,,,2021-12-31,2021-01-01,none,,,,", "Line 2: observed_from lies after observed_to"),
        ("9212,20032,,,,,none,,set\0/a,,", "Line 2: a text holds a null character"),
        ("9_212,20032,,,,,none,,,,", "Line 2: cell_row and cell_col must be whole numbers"),
        ("9212,٢٠٠٣٢,,,,,none,,,,", "Line 2: cell_row and cell_col must be whole numbers"),
    ],
)
def test_a_bad_line_is_named_without_its_place(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(LabelsRefused, match=words) as refused:
        read_labels(write(tmp_path, line))
    assert "9212" not in str(refused.value)
    assert "20032" not in str(refused.value)
    assert str(tmp_path) not in str(refused.value)


def test_missing_columns_and_empty_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelsRefused, match="no column cell_col, label"):
        read_labels(write(tmp_path, "1,2", header="cell_row,other\n"))
    with pytest.raises(LabelsRefused, match="holds no labels"):
        read_labels(write(tmp_path))


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ("label", "column 4 has the name of one before it"),
        ("kind,lon,lat,kind", "column 7 has the name of one before it"),
        ("seen_by,seen_by", "column 5 has the name of one before it"),
        ("observed_form", "column 4 looks like observed_from misspelt"),
        ("Observed_From", "column 4 looks like observed_from misspelt"),
        (" observed_to", "column 4 looks like observed_to misspelt"),
        ("kind,regoin", "column 5 looks like region misspelt"),
        ("formalization", "column 4 looks like formalisation misspelt"),
        ("item_t2", "column 4 looks like item_t1 misspelt"),
    ],
)
def test_names_of_columns_by_which_a_label_would_be_read_wrongly_are_refused(
    tmp_path: Path, names: str, words: str
) -> None:
    with pytest.raises(LabelsRefused, match=f"^Line 1: {words}"):
        read_labels(write(tmp_path, "9212,20032,none", header=f"cell_row,cell_col,label,{names}\n"))


@pytest.mark.parametrize(
    "names",
    [
        "lon,lat,item_t0",
        "source_id,region_id,labeller",
        "kind,kinds,item_t1,item_t2,lables",
        "date,year,mine",
        ",,",
    ],
)
def test_what_else_a_set_of_labels_tells_is_passed_over(tmp_path: Path, names: str) -> None:
    labels = read_labels(write(tmp_path, "9212,20032,none", header=f"cell_row,cell_col,label,{names}\n"))
    assert labels == (CellLabel(9212, 20032, 0),)


@pytest.mark.shared_data
def test_the_real_labels_are_read(shared_data: Path) -> None:
    labels = read_labels(shared_data / "amazon-pairs/labels.csv")
    assert len({(label.row, label.col) for label in labels}) > 300
    assert all(label.observed_from and label.observed_to and label.item for label in labels)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"\xff\xfec\x00", 1),
        (b"cell_row,cell_col,label,kind\n1,2,none,for\xeat\n", 1),
        (b"cell_row,cell_col,label\n1,2,none\n1,2," + b"x" * 200_000 + b"\n", 3),
        (b"x" * 200_000 + b"\n1,2,none\n", 1),
        (b'cell_row,cell_col,label,kind\n1,2,none,a\n1,3,none,"b\n1,4,none,c\n', 3),
    ],
    ids=["UTF-16", "Latin-1", "a huge field", "a huge name", "a quote that is never closed"],
)
def test_what_is_no_csv_in_utf_8_is_refused(tmp_path: Path, content: bytes, line: int) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(content)
    with pytest.raises(LabelsRefused, match=f"line {line} or one after it is no CSV in UTF-8"):
        read_labels(path)


def test_a_period_of_one_day_is_one(tmp_path: Path) -> None:
    (label,) = read_labels(write(tmp_path, "9212,20032,,,2021-01-01,2021-01-01,none,,,,"))
    assert label.period == "2021-01-01/2021-01-01"


def test_a_line_with_too_many_fields_is_read_as_far_as_it_is_named(tmp_path: Path) -> None:
    labels = read_labels(write(tmp_path, "9212,20032,,,,,none,forest,,,,extra,more"))
    assert labels[0].kind == "forest"


def test_the_digest_does_not_depend_on_the_order_of_lines() -> None:
    one, other = CellLabel(1, 2, 0), CellLabel(1, 3, 1)
    assert digest_labels([one, other]) == digest_labels([other, one])
    assert digest_labels([one, other]) != digest_labels([one, CellLabel(1, 3, 2)])


def scene(position: int, item_id: str, begins: str, ends: str) -> tuple[int, str, datetime, datetime]:
    first, last = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (begins, ends))
    return position, item_id, first, last


SCENES = [
    scene(0, "early", "2019-01-01", "2019-12-31"),
    scene(1, "late", "2021-01-01", "2021-12-31"),
    scene(2, "latest", "2022-03-01", "2022-03-01"),
]


def test_a_label_speaks_of_the_scene_it_names_and_of_no_other() -> None:
    assert list_scenes(CellLabel(1, 2, 0, item="late"), SCENES) == [1]
    assert list_scenes(CellLabel(1, 2, 0, item="absent"), SCENES) == []


def test_a_label_without_a_scene_speaks_of_those_of_its_period_the_latest_first() -> None:
    assert list_scenes(CellLabel(1, 2, 0, date(2019, 6, 1), date(2021, 6, 30)), SCENES) == [1, 0]
    assert list_scenes(CellLabel(1, 2, 0, observed_to=date(2020, 1, 1)), SCENES) == [0]
    assert list_scenes(CellLabel(1, 2, 0, observed_from=date(2023, 1, 1)), SCENES) == []
    assert list_scenes(CellLabel(1, 2, 0), SCENES) == [2, 1, 0]


def test_the_latest_scene_that_shows_enough_counts_and_where_none_does_the_latest() -> None:
    assert choose_scene([2, 1, 0], seen={0, 1}) == 1
    assert choose_scene([2, 1, 0], seen={0, 1, 2}) == 2
    assert choose_scene([2, 1, 0], seen=set()) == 2
    assert choose_scene([1], seen={0}) == 1
    assert choose_scene([], seen={0}) is None
