"""What happens to every request before and after its view: an id, and a problem document for whatever slipped through."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

from django.http import HttpRequest, HttpResponse

from monitor.api.problems import CONTENT_TYPE, TITLES, make_problem


class ProblemMiddleware:
    """Gives each request an id and turns plain error pages (405 of a resolver, host errors) into problem details."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer one request."""
        request.request_id = uuid4()  # type: ignore[attr-defined]
        response = self.get_response(request)
        if response.status_code >= 400 and response.get("Content-Type", "") != CONTENT_TYPE:
            title = TITLES.get(response.status_code, "Not done")
            allowed = response.get("Allow")
            response = make_problem(response.status_code, f"{title}.", f"status-{response.status_code}")
            if allowed is not None:
                response["Allow"] = allowed
        response["X-Request-Id"] = str(request.request_id)  # type: ignore[attr-defined]
        return response
