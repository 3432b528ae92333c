"""monitor.management: tables and pages that commands write are whole, UTF-8, and their owner's alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.management.tables import write_table

ROOT = Path(__file__).resolve().parents[2]


def test_a_table_is_in_utf_8_whatever_the_terminal_speaks(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    words = (
        "from pathlib import Path; from monitor.management.tables import write_table;"
        f"write_table(Path({str(path)!r}), ('source',), [(chr(0xe9) + chr(0x4e00),), (None,)])"
    )
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run([sys.executable, "-c", words], cwd=ROOT, env=os.environ | plain, check=True)
    assert path.read_bytes().decode("utf-8") == 'source\r\n\u00e9\u4e00\r\n""\r\n'


def test_a_table_is_closed_to_others_where_an_open_file_was_left_beside_it(tmp_path: Path) -> None:
    left = tmp_path / "table.csv.partial"
    left.touch()
    left.chmod(0o666)
    write_table(tmp_path / "table.csv", ("cell_row",), [(1,)])
    assert (tmp_path / "table.csv").stat().st_mode & 0o777 == 0o600


def test_of_a_table_that_breaks_off_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        write_table(tmp_path / "table.csv", ("cell_row",), ((1 // each,) for each in (1, 0)))
    assert list(tmp_path.iterdir()) == []
