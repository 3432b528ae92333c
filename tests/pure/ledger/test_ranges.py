"""The text of a multirange says the numbers that it was made from, in as few ranges as there can be."""

from __future__ import annotations

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from accounts.ledger.ranges import write_multirange


def test_no_number_is_the_empty_multirange() -> None:
    assert write_multirange([]) == "{}"


def test_neighbours_are_one_range() -> None:
    assert write_multirange([3, 4, 5, 9, -7]) == "{[3,6),[9,10),[-7,-6)}"


@given(st.sets(st.integers(-(2**20), 2**31 - 2), max_size=60))
def test_it_holds_the_numbers_and_no_other(numbers: set[int]) -> None:
    text = write_multirange(sorted(numbers))
    ranges = [(int(low), int(high)) for low, high in re.findall(r"\[(-?\d+),(-?\d+)\)", text)]
    assert {number for low, high in ranges for number in range(low, high)} == numbers
    assert all(before[1] < after[0] for before, after in pairwise(ranges))
