"""Activations: one model acts for a sensor, whoever else activates another one at that moment."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from uuid import UUID, uuid4

from django.db import connection, transaction

from accounts.deciders import make_decider
from accounts.models import User
from accounts.roles import Role
from accounts.viewer import Viewer
from monitor.models import TrainedModel
from monitor.services.trained_models import activate_model, find_previous_model
from tests.builders import make_model
from tests.patience import PATIENCE_S
from tests.roles import as_role
from tests.services.conftest import start_apart

LOOKS = 10_000
"""So often it is asked whether somebody waits, before the test goes on without: then it shows nothing, and fails."""


def make_three() -> tuple[User, Viewer, list[UUID]]:
    """An analyst, and the models of a sensor: the first acts."""
    user = User.objects.create(username=f"anna-{uuid4().hex}", role=Role.ANALYST.value)
    sensor = uuid4().hex[:12]
    models = []
    for state in ("retired", "retired", "active"):
        models.append(make_model(user, sensor))
        TrainedModel.objects.filter(id=models[-1]).update(state=state)
    return user, make_decider(user), models[::-1]


def is_waited_for() -> bool:
    """Whether another session waits for a lock of this one, sooner or later."""
    with connection.cursor() as cursor:
        for _ in range(LOOKS):
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
            )
            if cursor.fetchone() == (True,):
                return True
    return False


def clear(user: User, models: list[UUID]) -> Callable[[], None]:
    """What takes them away again."""

    def work() -> None:
        with as_role("none"):  # to delete an account is nobody else's right
            TrainedModel.objects.filter(id__in=models).delete()
            user.delete()

    return work


def test_who_goes_back_again_and_again_comes_to_the_first_model_and_no_further() -> None:
    """Before, the second time led forward again, to the model that the first time had left."""
    user = User.objects.create(username="anna", role=Role.ANALYST.value)
    analyst, models = make_decider(user), list[UUID]()
    for _ in range(4):
        models.append(make_model(user, uuid4().hex[:12]))
        TrainedModel.objects.filter(id=models[-1]).update(state="trained", sensor="sentinel-2")
        assert activate_model(analyst, models[-1], "/test") == (models[-2] if models[1:] else None)

    def go_back() -> UUID | None:
        previous = find_previous_model("sentinel-2")
        if previous is not None:
            activate_model(analyst, previous, "/test", going_back=True)
        return previous

    assert [go_back() for _ in range(2)] == [models[2], models[1]]
    activate_model(analyst, models[3], "/test")
    assert [go_back() for _ in range(3)] == [models[1], models[0], None]
    assert TrainedModel.objects.get(state="active").id == models[0]


def test_of_two_models_that_are_activated_at_once_the_later_one_acts() -> None:
    is_active = Event()
    with ThreadPoolExecutor(2) as pool:
        user, analyst, models = start_apart(pool, make_three).result()

        def go_first() -> bool:
            with transaction.atomic():
                activate_model(analyst, models[1], "/test")
                is_active.set()
                return is_waited_for()

        def go_second() -> None:
            assert is_active.wait(PATIENCE_S)
            activate_model(analyst, models[2], "/test")

        try:
            first, second = start_apart(pool, go_first), start_apart(pool, go_second)
            assert first.result()
            second.result()
            states = dict(TrainedModel.objects.filter(id__in=models).values_list("id", "state"))
            assert [states[model] for model in models] == ["retired", "retired", "active"]
        finally:
            start_apart(pool, clear(user, models)).result()
