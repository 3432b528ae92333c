"""An array says the numbers that it was made from, in their order, as PostgreSQL's own form of it is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.adapt import Transformer
from psycopg.postgres import types
from psycopg.pq import Format

from accounts.ledger.numbers import write_numbers

INT4_ARRAY = types["int4"].array_oid


def read(written: bytes) -> list[int]:
    """As the driver reads what a server sends."""
    found: list[int] = Transformer().get_loader(INT4_ARRAY, Format.BINARY).load(written)
    return found


def test_no_number_is_the_empty_array_of_no_dimension() -> None:
    written = write_numbers([])
    assert read(written) == []
    assert written == bytes(11) + b"\x17"


def test_each_number_is_an_integer_of_the_database() -> None:
    # one dimension, no nulls, type 23, length, first index; then each with its own length
    assert write_numbers([7, -1]).hex(" ", 4) == (
        "00000001 00000000 00000017 00000002 00000001 00000004 00000007 00000004 ffffffff"
    )


@given(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=60))
def test_it_holds_the_numbers_in_their_order(numbers: list[int]) -> None:
    assert read(write_numbers(numbers)) == numbers


@pytest.mark.parametrize("number", [-(2**31) - 1, 2**31])
def test_a_number_that_is_too_large_is_refused(number: int) -> None:
    with pytest.raises(OverflowError):
        write_numbers([number])
