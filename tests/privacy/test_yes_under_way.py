"""A yes or a wish that is under way while the mandate of whoever gives it ends does not outlive it.

Real connections and real commits: one is held before its commit until the other waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event
from time import monotonic, sleep

import pytest
from django.db import transaction

from accounts.models import User
from monitor.models import AccessApproval, Region, RegionPosture
from monitor.privacy.scope import grant_region, withdraw_region
from tests.patience import PATIENCE_S
from tests.privacy.committed import Committed, start
from tests.rights import move, say_yes, secret_of, set_posture, wish
from tests.roles import read_rows

WAITING = """SELECT FROM pg_locks held JOIN pg_stat_activity session ON session.pid = held.pid
    WHERE NOT held.granted AND session.datname = current_database()"""


def _say_yes(world: Committed) -> Callable[[], str]:
    _, request = wish(secret_of(world.cast.rosa), world.cast.east)
    return partial(say_yes, secret_of(world.cast.otis), request)


def _wish_for_less(world: Committed) -> Callable[[], str]:
    return partial(move, secret_of(world.cast.otis), world.cast.east, "sealed", "guarded", "ask")


@pytest.mark.parametrize(
    ("prepare", "word"), [(_say_yes, "approved"), (_wish_for_less, "done")], ids=["a yes", "a wish"]
)
def test_what_is_under_way_ends_with_the_mandate_that_ends_meanwhile(
    committed: Committed, prepare: Callable[[Committed], Callable[[], str]], word: str
) -> None:
    otis, given = committed.cast.otis.user, Event()

    def set_up() -> Callable[[], str]:
        grant_region(otis, Region.objects.get(id=committed.cast.east))
        set_posture(committed.cast.east, "sealed")
        return prepare(committed)

    def hold(give: Callable[[], str]) -> str:
        with transaction.atomic():
            told = give()
            given.set()
            until = monotonic() + PATIENCE_S
            while not read_rows(WAITING) and monotonic() < until:
                sleep(0.01)
        return told

    def end() -> None:
        assert given.wait(PATIENCE_S)
        withdraw_region(User.objects.get(id=otis.id), Region.objects.get(id=committed.cast.east))

    def count_left() -> int:
        yeses = AccessApproval.objects.filter(approver=otis).count()
        return yeses + RegionPosture.objects.filter(asked_by=otis).count()

    with ThreadPoolExecutor(2) as pool:
        give = start(pool, set_up).result(PATIENCE_S)
        holding, ending = start(pool, partial(hold, give), "web"), start(pool, end, "worker")
        assert holding.result(2 * PATIENCE_S) == word
        ending.result(PATIENCE_S)
        assert start(pool, count_left).result(PATIENCE_S) == 0
