"""Leaky builds of answers around their content: headers, caches, statuses, messages, schema, search, expansions, work."""

from __future__ import annotations

import dataclasses
import json
from typing import Any
from uuid import UUID

import pytest
from django.http import HttpResponse
from rest_framework.request import Request

from accounts.viewer import Viewer
from monitor.api import idempotency, schema, throttles
from monitor.api.rendering import ReleasedResponse
from monitor.api.view import DoorView
from monitor.errors import NotNow, NotYours
from monitor.models import Alert, Finding, HandledRequest, Inspection
from monitor.privacy.door import placeless
from monitor.privacy.released import PlacelessAlert
from monitor.services import alerts, inspections
from monitor.services.requests import KeptAnswer
from tests.privacy.leaks.build import (
    READ_THE_VAULT,
    LeakyBuild,
    ask_of_block,
    ask_vault,
    change_blocks,
    change_response,
)

COUNT = "SELECT count(*) FROM vault.cell_state WHERE state = 'active'"
STATE = "SELECT md5(string_agg(row::text || col || state, ',' ORDER BY row, col)) FROM vault.cell_state"
BEST_DAY = "SELECT observed_on FROM vault.cell_state WHERE state = 'active' ORDER BY probability DESC, row, col LIMIT 1"
TOLD_ELSEWHERE = (
    "SELECT bool_or(s.public_elsewhere <> '') FROM vault.alert_site meant JOIN vault.site_cell m USING (site_id)"
    " JOIN vault.cell_state s ON s.row = m.row AND s.col = m.col WHERE meant.alert_id = %s"
)
CHANGE_THE_VAULT = (
    f"{READ_THE_VAULT}; GRANT INSERT, UPDATE ON vault.cell_state TO penumbra_web;"
    " GRANT EXECUTE ON FUNCTION vault.feature_text TO penumbra_web"
)


def _tag_with_exact_state(patch: pytest.MonkeyPatch) -> None:
    def tag(view: DoorView, answer: Any) -> None:
        answer["ETag"] = f'"{ask_vault(STATE)}"'

    change_response(patch, tag)


def _date_the_last_scene(patch: pytest.MonkeyPatch) -> None:
    """`Last-Modified` is the day of the best observation."""

    def date_it(view: DoorView, answer: Any) -> None:
        answer["Last-Modified"] = str(ask_vault(BEST_DAY))

    change_response(patch, date_it)


def _share_the_cache(patch: pytest.MonkeyPatch) -> None:
    """Answers are kept by address, whoever asked."""
    honest, kept = DoorView.dispatch, dict[str, Any]()

    def dispatch(self: DoorView, request: Any, *args: Any, **kwargs: Any) -> Any:
        key = f"{request.method} {request.get_full_path()}"
        if key not in kept:
            answer = honest(self, request, *args, **kwargs)
            if answer.status_code != 200:
                return answer
            kept[key] = answer
        return kept[key]

    patch.setattr(DoorView, "dispatch", dispatch)


def _look_at_each_cell(patch: pytest.MonkeyPatch) -> None:
    """The answer is the same, but a statement is sent for every few cells of a block: time tells."""

    def look(blocks: Any, _: Any) -> Any:
        for block in blocks:
            for _ in range((ask_of_block("count(*)", block) or 0) // 5):
                ask_of_block("count(*)", block)
        return blocks

    change_blocks(patch, look)


def _open_the_vault_for_nothing(patch: pytest.MonkeyPatch) -> None:
    """One statement, always: its time depends on the rows that it finds."""

    def look(view: DoorView, answer: Any) -> None:
        ask_vault(COUNT)

    change_response(patch, look)


def _count_rows_for_the_limit(patch: pytest.MonkeyPatch) -> None:
    """The limit counts hidden rows: what is left of it tells how many there are."""
    left: dict[str, int] = {}

    def allow(self: throttles.RoleThrottle, request: Request, view: Any) -> bool:
        who = str(request.user)
        left[who] = left.get(who, 8_000) - int(ask_vault(COUNT))
        return left[who] > 0

    patch.setattr(throttles.RoleThrottle, "allow_request", allow)
    patch.setattr(throttles.RoleThrottle, "wait", lambda self: 60)


def _tell_hidden_from_absent(patch: pytest.MonkeyPatch) -> None:
    honest = placeless.read_alert

    def read(viewer: Viewer, alert_id: UUID, endpoint: str) -> PlacelessAlert:
        hidden = Alert.objects.filter(id=alert_id).exclude(id__in=placeless._alerts_of(viewer))
        if hidden.exists():
            raise NotYours("This alert belongs to another region.")
        return honest(viewer, alert_id, endpoint)

    patch.setattr("monitor.api.views.alerts.read_alert", read)


def _leave_a_tombstone(patch: pytest.MonkeyPatch) -> None:
    """What is over is gone (409 here, 410 elsewhere), what never was is absent."""
    honest = placeless.read_alert_history

    def read(viewer: Viewer, alert_id: UUID, endpoint: str) -> Any:
        over = Alert.objects.filter(id=alert_id).exclude(status="raised")
        if over.exclude(id__in=placeless._alerts_of(viewer)).exists():
            raise NotNow("This alert is over.")
        return honest(viewer, alert_id, endpoint)

    patch.setattr("monitor.api.views.alerts.read_alert_history", read)


def _let_alerts_say_who_agrees(patch: pytest.MonkeyPatch) -> None:
    """An alert without a place is surer where another system has told of its site: a public map says where."""
    honest = placeless._alert

    def write(alert: Alert) -> PlacelessAlert:
        told = ask_vault(TOLD_ELSEWHERE, alert.id)
        return dataclasses.replace(honest(alert), confidence="highest" if told else alert.confidence)

    patch.setattr(placeless, "_alert", write)


def _look_up_before_scoping(patch: pytest.MonkeyPatch) -> None:
    """A related object is looked up among all, and its state is told before its region is asked for."""
    honest = alerts.find_region_of_alert

    def find(viewer: Viewer, alert_id: UUID) -> UUID:
        if Inspection.objects.filter(alert_id=alert_id, status="accepted").exists():
            raise NotNow("This alert has an open inspection already.")
        return honest(viewer, alert_id)

    patch.setattr(alerts, "find_region_of_alert", find)
    patch.setattr(inspections, "find_region_of_alert", find)


def _tell_duplicates(patch: pytest.MonkeyPatch) -> None:
    """A report is linked at once to what is known: "somebody was there before you"."""
    honest = inspections.find_own_inspection

    def find(viewer: Viewer, inspection_id: UUID) -> Inspection:
        if Finding.objects.exclude(inspection__inspector_id=viewer.user_id).count() > 2:
            raise NotNow("A report of this place is known.")
        return honest(viewer, inspection_id)

    patch.setattr("monitor.services.findings.find_own_inspection", find)


def _share_the_keys(patch: pytest.MonkeyPatch) -> None:
    """Idempotency keys are looked up without the account."""

    def find(user_id: UUID, key: str) -> KeptAnswer | None:
        row = HandledRequest.objects.filter(key=key).first()
        return KeptAnswer(row.request_digest, row.status, row.body, row.location) if row else None

    patch.setattr(idempotency, "find_answer", find)


def _give_real_examples(patch: pytest.MonkeyPatch) -> None:
    """The schema's example is the newest row of the database."""
    honest = schema.write_document

    def write() -> bytes:
        document = json.loads(honest())
        newest = Alert.objects.order_by("-raised_at").first()
        document["components"]["schemas"].setdefault("Alert", {})["example"] = {
            "id": str(newest.id) if newest else None
        }
        return json.dumps(document).encode()

    patch.setattr(schema, "write_document", write)


def _list_choices(patch: pytest.MonkeyPatch) -> None:
    """OPTIONS lists what can be chosen, as the metadata of related fields does."""

    def options(self: DoorView, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        choices = [str(alert.id) for alert in Alert.objects.order_by("id")]
        return ReleasedResponse(json.dumps({"alert": choices}), content_type="application/json")

    patch.setattr(DoorView, "http_method_names", ["get", "head", "post", "options"])
    patch.setattr(DoorView, "options", options)
    honest = DoorView.initial

    def initial(self: DoorView, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method != "OPTIONS":
            honest(self, request, *args, **kwargs)

    patch.setattr(DoorView, "initial", initial)


def _take_any_parameter(name: str, statement: str) -> Any:
    """A parameter that serializers know, for everybody: what it names is looked up in the vault."""

    def break_code(patch: pytest.MonkeyPatch) -> None:
        honest = DoorView.read_query

        def read(self: DoorView, serializer: Any) -> dict[str, Any]:
            if name not in self.request.query_params:
                return honest(self, serializer)
            self.told = ask_vault(statement)  # type: ignore[attr-defined]
            return serializer(data={}).fields and {"limit": 1000}

        def tell(view: DoorView, answer: Any) -> None:
            if (told := getattr(view, "told", None)) is not None:
                answer["X-Found"] = str(told)

        patch.setattr(DoorView, "read_query", read)
        change_response(patch, tell)

    return break_code


def _write_back(patch: pytest.MonkeyPatch) -> None:
    """A coarse value is written over the exact one."""

    def write(blocks: Any, _: Any) -> Any:
        for block in blocks:
            ask_vault(
                "UPDATE vault.cell_state SET valid_share = valid_share WHERE row / 20 = %s AND col / 20 = %s"
                " RETURNING 1",
                block.row,
                block.col,
            )
        return blocks

    change_blocks(patch, write)


ANSWER_LEAKS = (
    LeakyBuild(
        "an entity tag changes with exact cells",
        "LC-22",
        "inside",
        None,
        _tag_with_exact_state,
        READ_THE_VAULT,
    ),
    LeakyBuild(
        "an answer is dated by the last scene",
        "LC-22",
        "inside",
        "mallory",
        _date_the_last_scene,
        READ_THE_VAULT,
    ),
    LeakyBuild(
        "answers are kept by address",
        "LC-23",
        "inside",
        "pia",
        _share_the_cache,
        exit="activity",
        focus="asked after others",
    ),
    LeakyBuild(
        "time depends on cells", "LC-24", "inside", "paul", _look_at_each_cell, READ_THE_VAULT, net="work"
    ),
    LeakyBuild(
        "every answer opens the vault",
        "LC-24",
        "inside",
        "pia",
        _open_the_vault_for_nothing,
        READ_THE_VAULT,
        net="vault",
    ),
    LeakyBuild(
        "an alert says that others told of its site",
        "LC-19",
        "finer",
        "rosa guarded",
        _let_alerts_say_who_agrees,
        "GRANT SELECT ON vault.cell_state, vault.alert_site, vault.site_cell TO penumbra_web",
        focus="known by id",
    ),
    LeakyBuild("hidden is 403 and absent 404", "LC-26", "elsewhere", "rosa", _tell_hidden_from_absent),
    LeakyBuild("what is over is not absent", "LC-43", "elsewhere", "rosa", _leave_a_tombstone),
    LeakyBuild(
        "related objects are looked up among all", "LC-27", "elsewhere", "rosa", _look_up_before_scoping
    ),
    LeakyBuild(
        "duplicates are told at once", "LC-28", "elsewhere", "ivo", _tell_duplicates, focus="report a finding"
    ),
    LeakyBuild(
        "keys are shared by all accounts",
        "LC-27",
        "elsewhere",
        "rosa",
        _share_the_keys,
        focus="keys of others",
    ),
    LeakyBuild(
        "the schema has real examples", "LC-30", "unseen", None, _give_real_examples, focus="addresses"
    ),
    LeakyBuild("OPTIONS lists choices", "LC-30", "unseen", "adam", _list_choices, focus="addresses"),
    LeakyBuild(
        "cells can be expanded",
        "LC-31",
        "inside",
        "pia",
        _take_any_parameter("expand", STATE),
        READ_THE_VAULT,
        focus="words",
    ),
    LeakyBuild(
        "a search goes over exact cells",
        "LC-32",
        "inside",
        "paul",
        _take_any_parameter("search", COUNT),
        READ_THE_VAULT,
        focus="words",
    ),
    LeakyBuild(
        "the limit counts hidden rows", "LC-55", "inside", "paul", _count_rows_for_the_limit, READ_THE_VAULT
    ),
    LeakyBuild(
        "a coarse value is written back",
        "LC-56",
        "inside",
        "pia",
        _write_back,
        CHANGE_THE_VAULT,
        "activity",
        "vault",
    ),
)
