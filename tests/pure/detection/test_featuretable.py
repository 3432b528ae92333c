"""Tables of features: read in portions, placed on cells, and refused by line and column with the mend."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.detection import featuretable
from monitor.detection.featuretable import read_feature_table, scan_feature_table
from monitor.detection.featurizer import number_cells
from monitor.detection.tablehead import FeaturesRefused
from monitor.grid import COLS, ROWS, locate_cells

HEAD = "lat,lon,X_0,X_1,X_2\n"
LINE = "-4.975,-79.105,0.5,0.25,1e-3\n"
OTHER = "5.005,20.015,1,2,3\n"


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "features.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_table_is_placed_on_cells(tmp_path: Path) -> None:
    table = read_feature_table(write(tmp_path, HEAD + LINE + OTHER))
    rows, cols = locate_cells([-79.105, 20.015], [-4.975, 5.005])
    assert (table.rows.tolist(), table.cols.tolist()) == (rows.tolist(), cols.tolist())
    np.testing.assert_allclose(table.values, [[0.5, 0.25, 1e-3], [1.0, 2.0, 3.0]], rtol=1e-6)
    assert table.names == ("X_0", "X_1", "X_2")
    assert (table.lines, str(table.values.dtype), str(table.rows.dtype)) == (2, "float32", "int32")


@pytest.mark.parametrize(
    "text",
    [
        "Lat,Lon,X_0,X_1,X_2\n" + LINE,
        "latitude,longitude,x_0,x_1,x_2\n" + LINE,
        "\ufeff" + HEAD + LINE,
        HEAD.replace("\n", "\r\n") + LINE.replace("\n", "\r\n"),
        HEAD + LINE.rstrip() + "\n\n",
        HEAD + LINE.rstrip(),
        "Lat,Lon,X,X.1,X.2\n" + LINE,
        '"","Lat","Lon","X.0","X.1","X.2"\n"1",' + LINE,
        "Unnamed: 0,lat,lon,X_0,X_1,X_2\n0," + LINE,
        "X_2,lon,X_0,lat,X_1\n1e-3,-79.105,0.5,-4.975,0.25\n",
        'lat,lon,X_0,X_1,X_2\n"-4.975","-79.105","0.5","0.25","1e-3"\n',
        HEAD + "-4.9749999046,-79.1050033569,0.5,0.25,1e-3\n",
    ],
    ids=[
        "capitals",
        "long",
        "mark",
        "windows",
        "blank",
        "no end",
        "r",
        "r numbered",
        "pandas",
        "order",
        "quotes",
        "f32",
    ],
)
def test_the_ways_in_which_such_tables_are_saved_are_all_read_alike(tmp_path: Path, text: str) -> None:
    table = read_feature_table(write(tmp_path, text))
    assert (table.rows.tolist(), table.cols.tolist()) == ([8502], [10089])
    np.testing.assert_allclose(table.values, [[0.5, 0.25, 1e-3]], rtol=1e-6)


REFUSED = {
    "empty": ("", "no column lat"),
    "head alone": (HEAD, "no line but the first"),
    "no text": (b"\xff\xfe\x00\x01", "no CSV in UTF-8"),
    "no head": (LINE, "Column 1 is neither"),
    "no lat": ("lon,X_0\n1,2\n", "no column lat"),
    "no feature": ("lat,lon\n1,2\n", "no column X_0"),
    "gap": ("lat,lon,X_0,X_2\n1,2,3,4\n", "no column X_1"),
    "other column": ("lat,lon,X_0,population\n1,2,3,4\n", "Column 4 is neither"),
    "named twice": ("lat,lon,X_0,X_0\n1,2,3,4\n", "Column 4 has the name of one before"),
    "two latitudes": ("lat,latitude,lon,X_0\n1,2,3,4\n", "Column 2 has the name"),
    "cut off": (HEAD + LINE + "5.005,20.015,1\n", "Line 3 has 3 fields, the first line 5"),
    "comma": (HEAD + "5.005,20.015,1,5,2,3\n", "Line 2 has 6 fields"),
    "no latitude": (HEAD + "north,20.015,1,2,3\n", "Line 2: the latitude or longitude is no number"),
    "underscore": (HEAD + "5.005,20.015,1_0,2,3\n", "Line 2 holds an underscore"),
    "latitude missing": (HEAD + ",20.015,1,2,3\n", "Line 2: the latitude or longitude is no number"),
    "latitude nan": (HEAD + "nan,20.015,1,2,3\n", "Line 2: the place is not on earth"),
    "off the earth": (HEAD + LINE + "5.005,200.015,1,2,3\n", "Line 3: the place is not on earth"),
    "infinite": (HEAD + "inf,20.015,1,2,3\n", "not on earth"),
    "exchanged": (HEAD + "-120.005,5.005,1,2,3\n", "Exchange the names"),
    "corner": (HEAD + "5.00,20.01,1,2,3\n", "Line 2: the place is not the centre of a cell"),
    "other grid": (HEAD + LINE + "5.025,20.02,1,2,3\n", "Line 3: the place is not the centre"),
    "pole": (HEAD + "90,20.015,1,2,3\n", "not the centre"),
    "a little off": (HEAD + "5.0053,20.015,1,2,3\n", "not the centre"),
    "twice": (HEAD + LINE + OTHER + LINE, "Lines 2 and 4 are of the same cell"),
    "nan": (HEAD + LINE + "5.005,20.015,1,nan,3\n", "Line 3: X_1 is no finite number"),
    "missing": (HEAD + "5.005,20.015,1,,3\n", "Line 2: X_1 is no finite number"),
    "word": (HEAD + "5.005,20.015,1,2,NA\n", "Line 2: X_2 is no finite number"),
    "too large": (HEAD + "5.005,20.015,1e39,2,3\n", "Line 2: X_0 is no finite number"),
}


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_a_table_that_cannot_be_used_is_refused_with_the_mend_and_no_place(
    tmp_path: Path, text: str | bytes, said: str
) -> None:
    with pytest.raises(FeaturesRefused, match=said) as refused:
        read_feature_table(write(tmp_path, text))
    told = str(refused.value)
    assert refused.value.__cause__ is None
    assert not any(
        place in told for place in ("4.975", "79.105", "5.02", "20.0", "120", "200", str(tmp_path))
    )


def test_latitude_and_longitude_that_could_be_either_are_told_by_the_cells_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, "lon,lat,X_0\n5.005,20.015,1\n5.015,20.015,1\n")
    rows, cols = locate_cells([20.015, 20.015, 30.0], [5.005, 5.015, 30.0])
    with pytest.raises(FeaturesRefused, match="2 would be if latitude and longitude were exchanged"):
        read_feature_table(path, number_cells(rows, cols))
    assert len(read_feature_table(path).rows) == 2
    assert len(read_feature_table(path, number_cells([1], [1])).rows) == 0


def test_only_the_numbers_of_wanted_cells_are_read(tmp_path: Path) -> None:
    text = HEAD + LINE + "5.005,20.015,nan,,no\n"
    table = read_feature_table(write(tmp_path, text), number_cells([8502], [10089]))
    assert (len(table.rows), table.lines) == (1, 2)
    with pytest.raises(FeaturesRefused, match="Line 3"):
        read_feature_table(write(tmp_path, text))


def test_a_table_is_the_same_in_whatever_portions_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"{5.005 + 0.01 * at:.3f},20.015,{at},{at / 7},0\n" for at in range(50)]
    path = write(tmp_path, HEAD + "".join(lines))
    whole = read_feature_table(path)
    monkeypatch.setattr(featuretable, "PORTION", 60)
    told: list[tuple[int, int]] = []
    portions = list(scan_feature_table(path, None, lambda done, size: told.append((done, size))))
    assert len(portions) > 10
    assert told[-1] == (path.stat().st_size, path.stat().st_size)
    again = read_feature_table(path)
    np.testing.assert_array_equal(again.values, whole.values)
    np.testing.assert_array_equal(again.numbers, whole.numbers)
    assert (again.lines, whole.lines) == (50, 50)
    path.write_text(HEAD + "".join(lines) + lines[3])
    with pytest.raises(FeaturesRefused, match="Lines 5 and 52"):
        read_feature_table(path)


def test_memory_is_that_of_a_portion_and_not_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ",".join(f"X_{number}" for number in range(200))
    numbers = ",".join(["0.123456789"] * 200)
    with (tmp_path / "large.csv").open("w") as file:
        file.write(f"lat,lon,{names}\n")
        file.writelines(f"{5.005 + 0.01 * at:.3f},20.015,{numbers}\n" for at in range(4000))
    monkeypatch.setattr(featuretable, "PORTION", 2**18)
    wanted = number_cells(9500 + np.arange(10), np.full(10, 20001))
    tracemalloc.start()
    table = read_feature_table(tmp_path / "large.csv", wanted)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (len(table.rows), table.lines) == (10, 4000)
    assert peak < 3e6 < (tmp_path / "large.csv").stat().st_size


@settings(max_examples=60, deadline=None)
@given(st.integers(0, ROWS - 1), st.integers(0, COLS - 1), st.integers(3, 9))
def test_the_centre_of_every_cell_leads_to_the_cell(
    tmp_path_factory: pytest.TempPathFactory, row: int, col: int, digits: int
) -> None:
    lat, lon = (row + 0.5) / 100 - 90, (col + 0.5) / 100 - 180
    path = write(tmp_path_factory.mktemp("cell"), f"lat,lon,X_0\n{lat:.{digits}f},{lon:.{digits}f},1\n")
    table = read_feature_table(path)
    assert (table.rows.tolist(), table.cols.tolist()) == ([row], [col])
