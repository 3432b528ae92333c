"""The OpenAPI 3.1 document: the same for everybody, with no example taken from data (LC-30)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views import View
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer

from monitor.api.problems import make_problem

REQUEST_SUFFIX = "Request"
"""How the generator ends the names of what is sent."""
CONDITIONS: dict[str, dict[str, Any]] = {
    "TriageAskRequest": {
        "oneOf": [
            {"properties": {"decision": {"const": "confirm"}, "reason": False}},
            {"properties": {"decision": {"const": "dismiss"}}, "required": ["reason"]},
        ]
    },
}
"""What a list of fields cannot say of an ask, by its name in the document."""


class SchemaView(View):
    """`GET /api/v1/schema`."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest) -> HttpResponse:
        """The document. It takes no parameter, so it has one form."""
        if request.GET:
            return make_problem(400, "The schema takes no parameter.", "invalid")
        return HttpResponse(write_document(), content_type=OpenApiJsonRenderer.media_type)


@lru_cache(maxsize=1)
def write_document() -> bytes:
    """The document as JSON, made once in a process: nothing in it depends on who asks or on what is stored."""
    document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return bytes(OpenApiJsonRenderer().render(document))


def write_nullable_as_type(result: dict[str, Any], generator: Any, **kwargs: Any) -> dict[str, Any]:
    """Replace OpenAPI 3.0's `nullable: true`, which the generator still writes, by 3.1's null type."""
    _rewrite(result)
    return result


def write_asks_as_closed(result: dict[str, Any], generator: Any, **kwargs: Any) -> dict[str, Any]:
    """Say of every ask that it has no other fields, and what goes with what."""
    for name, schema in result["components"]["schemas"].items():
        if name.endswith(REQUEST_SUFFIX):
            schema["additionalProperties"] = False
            schema.update(CONDITIONS.get(name, {}))
    return result


def _rewrite(node: Any) -> None:
    if isinstance(node, list):
        for value in node:
            _rewrite(value)
    if not isinstance(node, dict):
        return
    for value in list(node.values()):
        _rewrite(value)
    if node.pop("nullable", False):
        if isinstance(node.get("type"), str):
            node["type"] = [node["type"], "null"]
        elif not isinstance(node.get("type"), list):
            inner = dict(node)
            node.clear()
            node["oneOf"] = [inner, {"type": "null"}]
