"""The OpenAPI 3.1 document: the same for everybody, with no example taken from data (LC-30)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.views import SpectacularJSONAPIView


class SchemaView(SpectacularJSONAPIView):
    """`GET /api/v1/schema`."""

    http_method_names = ["get", "head"]
    authentication_classes = []
    throttle_classes = []


def write_nullable_as_type(result: dict[str, Any], generator: Any, **kwargs: Any) -> dict[str, Any]:
    """Replace OpenAPI 3.0's `nullable: true`, which the generator still writes, by 3.1's null type."""
    _rewrite(result)
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
