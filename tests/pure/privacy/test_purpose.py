"""The header that says why: a code of the list, a short text, nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.purpose import MAX_TEXT, Purpose, PurposeCode, PurposeUnknown, parse_purpose


@pytest.mark.parametrize("code", list(PurposeCode))
def test_every_code_of_the_list_is_known(code: PurposeCode) -> None:
    assert parse_purpose(code.value) == Purpose(code)
    assert parse_purpose(f" {code.value} ; week 7 ") == Purpose(code, "week 7")


def test_only_the_first_semicolon_divides() -> None:
    assert parse_purpose("field-visit; a; b").text == "a; b"


@pytest.mark.parametrize(
    "header",
    [
        "",
        ";",
        "; text",
        "curiosity",
        "FIELD-VISIT",
        "field visit",
        "field-visit,data-quality",
        "field-visit;\x00",
    ],
)
def test_anything_else_is_refused(header: str) -> None:
    with pytest.raises(PurposeUnknown):
        parse_purpose(header)


def test_a_refusal_names_the_codes_and_does_not_repeat_what_was_sent() -> None:
    with pytest.raises(PurposeUnknown) as caught:
        parse_purpose("at 20.105, 2.105")
    assert "20.105" not in str(caught.value)
    assert all(code.value in str(caught.value) for code in PurposeCode)


@pytest.mark.parametrize("length", [MAX_TEXT, MAX_TEXT + 1])
def test_the_text_is_at_most_two_hundred_characters(length: int) -> None:
    header = f"field-visit; {'x' * length}"
    if length <= MAX_TEXT:
        assert len(parse_purpose(header).text) == length
    else:
        with pytest.raises(PurposeUnknown):
            parse_purpose(header)


@given(st.text(max_size=300))
def test_no_header_breaks_the_reader_and_nothing_unprintable_gets_through(header: str) -> None:
    try:
        purpose = parse_purpose(header)
    except PurposeUnknown:
        return
    assert purpose.text.isprintable()
    assert len(purpose.text) <= MAX_TEXT
