"""Numbers of commands: what Python alone would take for one is refused."""

from __future__ import annotations

from argparse import ArgumentTypeError

import pytest

from monitor.management.arguments import read_block_deg, read_number, read_odds, read_share


@pytest.mark.parametrize("read", [read_number, read_share, read_odds, read_block_deg])
@pytest.mark.parametrize("text", ["0_1", "0.0_5", "\u0660.1", "", "half", "0,5"])
def test_a_number_that_a_person_would_not_write_is_refused(read: object, text: str) -> None:
    """Before, `0.0_5` was a share of 0.05."""
    assert callable(read)
    with pytest.raises(ArgumentTypeError, match="give a number"):
        read(text)


def test_numbers_are_read_as_they_are_written() -> None:
    assert [read_number(text) for text in ("-6.9", "0.05", "1e-3", " 2 ")] == [-6.9, 0.05, 0.001, 2]
    assert (read_share("1"), read_odds("0.01"), read_block_deg("0.1")) == (1, 0.01, 0.1)
