"""Ids of entries rise with time, and are no less random than they need to be to stand once."""

from __future__ import annotations

import time
from uuid import RFC_4122

from accounts.ledger.ids import make_entry_id


def test_they_are_uuids_of_version_seven_with_the_time_in_front() -> None:
    before = time.time_ns() // 1_000_000
    made = make_entry_id()
    assert (made.version, made.variant) == (7, RFC_4122)
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000


def test_those_made_later_are_larger() -> None:
    first = make_entry_id()
    time.sleep(0.002)
    assert first < make_entry_id()


def test_none_is_made_twice_and_every_bit_but_those_of_time_version_and_variant_is_random() -> None:
    made = [make_entry_id().int for _ in range(10_000)]
    assert len(set(made)) == len(made)
    random_bits = ((1 << 76) - 1) & ~(0b11 << 62)
    ever_one = ever_zero = 0
    for number in made:
        ever_one |= number
        ever_zero |= ~number
    assert ever_one & ever_zero & random_bits == random_bits
