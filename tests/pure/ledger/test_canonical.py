"""Canonical JSON: one text for one value, the text of RFC 8785, and nothing that readers could read differently."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.ledger.proof.canonical import MAX_INTEGER, NotCanonical, canonicalise, parse_canonical

NUMBERS = Path(__file__).parents[2] / "data" / "numbers.txt"
texts = st.text(st.characters(exclude_categories=["Cs"]))
values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=20,
)


def test_numbers_are_written_as_ecmascript_writes_them() -> None:
    lines = [line.split() for line in NUMBERS.read_text(encoding="ascii").splitlines()]
    assert len(lines) > 1000
    wrong = [
        (bits, text)
        for bits, text in lines
        if canonicalise(struct.unpack(">d", bytes.fromhex(bits))[0]).decode() != text
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("bits", "text"),
    [
        ("0000000000000001", "5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("444b1ae4d6e2ef4f", "999999999999999900000"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555555", "333333333.3333333"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
        ("43143ff3c1cb0959", "1424953923781206.2"),
    ],
)
def test_the_numbers_of_the_standards_appendix_come_out_as_printed(bits: str, text: str) -> None:
    assert canonicalise(struct.unpack(">d", bytes.fromhex(bits))[0]).decode() == text


def test_escapes_are_the_shortest_and_all_else_stands_as_itself() -> None:
    assert canonicalise('€$\u000f\u000aA\'B"\\\\"/\x7f\u2028') == (
        '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/\x7f\u2028"'.encode()
    )
    assert canonicalise("\b\t\n\f\r\x00\x1f") == b'"\\b\\t\\n\\f\\r\\u0000\\u001f"'


def test_keys_are_ordered_by_their_utf_16_units_and_not_by_code_points() -> None:
    # section 3.2.3: a smiley is a surrogate pair, so it comes before a letter from the private-use end of the plane
    keys = ["€", "\r", "\ufb33", "1", "😀", "\u0080", "ö"]
    ordered = list(json.loads(canonicalise(dict.fromkeys(keys))))
    assert ordered == ["\r", "1", "\u0080", "ö", "€", "😀", "\ufb33"]
    assert ordered != sorted(keys)


@given(values)
def test_what_is_written_is_read_back_and_written_the_same(value: Any) -> None:
    content = canonicalise(value)
    assert parse_canonical(content) == value
    assert canonicalise(parse_canonical(content)) == content


@given(st.dictionaries(texts, st.integers(-9, 9), max_size=8), st.randoms())
def test_the_order_in_which_keys_came_does_not_matter(value: dict[str, int], random: Any) -> None:
    items = list(value.items())
    random.shuffle(items)
    assert canonicalise(dict(items)) == canonicalise(value)


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        -float("inf"),
        MAX_INTEGER + 1,
        -MAX_INTEGER - 1,
        "\ud800",
        {"a": "\udfff"},
        {"\ud800": 1},
        {1: "a"},
        b"bytes",
        {"set"},
        object(),
    ],
)
def test_what_two_readers_could_read_differently_is_refused(value: object) -> None:
    with pytest.raises(NotCanonical):
        canonicalise(value)


@pytest.mark.parametrize(
    "content",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'{"a":1}\n',
        b'{"a":1.0}',
        b'{"a":1e2}',
        b'{"a":-0}',
        b'{"a":9007199254740993}',
        b'{"a":NaN}',
        b'"\\u00e9"',
        b'"\\/"',
        b'"\\u000A"',
        b'"\\ud800"',
        b'\xef\xbb\xbf"a"',
        b'"\xff"',
        b"",
        b"[" * 100_000,
    ],
)
def test_another_spelling_of_a_value_is_no_canonical_json(content: bytes) -> None:
    with pytest.raises(NotCanonical):
        parse_canonical(content)
