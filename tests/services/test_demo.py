"""The people of the demonstration: what the ledger says of their tokens is so, whatever happens after."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Token
from accounts.tokens import find_holder
from monitor.services.demo import CAST, TOKEN_LABEL, seed_people
from tests.cast import Cast
from tests.roles import read_rows

ISSUED = """
    SELECT e.id FROM ledger.entry e JOIN ledger.completion c ON c.entry_id = e.id
    WHERE e.action = 'token.issue' AND c.outcome = 'done'
"""


def test_a_token_that_the_ledger_calls_issued_is_not_undone_by_what_fails_later(cast: Cast) -> None:
    before = len(read_rows(ISSUED))
    damaged: dict[str, Any] = {CAST[-1].key: 5}  # as in a demo.json that somebody wrote in
    with pytest.raises(AttributeError):
        seed_people([cast.west, cast.east], damaged)
    issued = len(read_rows(ISSUED)) - before
    assert issued == len(CAST) - 1
    assert Token.objects.filter(label=TOKEN_LABEL).count() == issued


def test_everybody_has_a_token_of_their_own_and_keeps_it(cast: Cast) -> None:
    first = seed_people([cast.west, cast.east], {})
    for person in first.values():
        holder = find_holder(person.token)
        assert holder is not None
        assert holder.username == person.username
    assert len({person.token for person in first.values()}) == len(CAST)
    again = seed_people([cast.west, cast.east], {key: person.token for key, person in first.items()})
    assert again == first
