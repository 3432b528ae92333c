"""What happens to every request before and after its view: an id, and a problem document for whatever slipped through."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

from django.http import HttpRequest, HttpResponse

from monitor.api.problems import TITLES, Problem, make_problem

REQUEST_ID = "penumbra.request_id"
"""Under which the id of a request stands in its META."""


class ProblemMiddleware:
    """Gives each request an id and turns plain error pages (405 of a resolver, host errors) into problem details."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer one request."""
        request_id = request.META[REQUEST_ID] = uuid4()
        response = self.get_response(request)
        if response.status_code >= 400 and not isinstance(response, Problem):
            title = TITLES.get(response.status_code, "Not done")
            allowed = response.get("Allow")
            response = make_problem(response.status_code, f"{title}.", f"status-{response.status_code}")
            if allowed is not None:
                response["Allow"] = allowed
        if request.method == "HEAD" and not response.streaming:
            response.content = b""  # of every body that it has to drop, gunicorn writes a line into its log
        elif not response.streaming:
            # without it gunicorn sends a body in chunks, which cost both ends more to write and to read
            response["Content-Length"] = str(len(response.content))
        response["X-Request-Id"] = str(request_id)
        return response
