"""A multirange says the numbers that it was made from, in as few ranges as there can be."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.adapt import Transformer
from psycopg.postgres import types
from psycopg.pq import Format
from psycopg.types.multirange import Multirange
from psycopg.types.range import Range

from accounts.ledger.ranges import write_multirange

INT4MULTIRANGE = types["int4multirange"].oid


def read(written: bytes) -> Multirange[int]:
    """As the driver reads what a server sends."""
    loader = Transformer().get_loader(INT4MULTIRANGE, Format.BINARY)
    found: Multirange[int] = loader.load(written)
    return found


def test_no_number_is_the_empty_multirange() -> None:
    assert read(write_multirange([])) == Multirange([])


def test_neighbours_are_one_range() -> None:
    assert read(write_multirange([-7, 3, 4, 5, 9])) == Multirange([Range(-7, -6), Range(3, 6), Range(9, 10)])


@given(st.sets(st.integers(-(2**20), 2**31 - 2), max_size=60))
def test_it_holds_the_numbers_and_no_other(numbers: set[int]) -> None:
    ranges = [(each.lower or 0, each.upper or 0) for each in read(write_multirange(sorted(numbers)))]
    assert {number for low, high in ranges for number in range(low, high)} == numbers
    assert all(before[1] < after[0] for before, after in pairwise(ranges))


@pytest.mark.parametrize("number", [-(2**31) - 1, 2**31 - 1])
def test_a_number_that_is_too_large_is_refused(number: int) -> None:
    with pytest.raises(OverflowError):
        write_multirange([number])
