"""Signs of life. Nothing is behind them: no viewer, no data, no label that could hold any."""

from __future__ import annotations

from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import View
from redis.exceptions import RedisError

from accounts.counting import check_counting
from accounts.ledger.connection import LedgerUnavailable, ledger_connection
from monitor.api.problems import make_problem


class HealthView(View):
    """`/healthz`: this process answers."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest) -> HttpResponse:
        """Always 200."""
        return JsonResponse({"status": "alive"})


class ReadyView(View):
    """`/readyz`: this process can answer questions: the database, the ledger and the counters of requests are there."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest) -> HttpResponse:
        """200, or 503 with what is missing."""
        try:
            check_counting()
        except RedisError:
            return make_problem(
                503, "Requests cannot be counted: Redis does not answer.", "limits-unavailable"
            )
        # of its own: making it is bounded in time, and no statement on one that a silent server holds would be
        fresh = connection.copy()
        try:
            with fresh.cursor() as cursor:
                cursor.execute("SELECT 1")
        except Error:
            return make_problem(503, "The database does not answer.", "database-unavailable")
        finally:
            fresh.close()
        try:
            with ledger_connection() as ledger:
                ledger.execute("SELECT 1")
        except LedgerUnavailable as error:
            return make_problem(503, str(error), "ledger-unavailable")
        return JsonResponse({"status": "ready"})
