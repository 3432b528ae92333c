"""What the OpenAPI document says of a handler, in one decorator, so that asks and problems are never left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers

from accounts.purpose import MAX_TEXT, PurposeCode
from monitor.api.idempotency import MAX_KEY
from monitor.api.shapes import ProblemShape

Handler = TypeVar("Handler", bound=Callable[..., Any])
Shape = type[serializers.Serializer[Any]]

Purpose = Literal["never", "where exact", "always"]
"""When a handler asks why: the ledger holds the reason of every answer that can be exact."""
IDEMPOTENCY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": f"^[!-~]{{1,{MAX_KEY}}}$"},
    OpenApiParameter.HEADER,
    description="The same key again gets the first answer.",
)
GEOJSON = "application/geo+json"
PROBLEM = "application/problem+json"
_ALWAYS = (400, 401, 403, 405, 429, 503)


def describe(
    name: str,
    answer: Shape | OpenApiTypes,
    *,
    query: Shape | None = None,
    queries: tuple[Shape, ...] = (),
    body: Shape | dict[str, Any] | None = None,
    status: int = 200,
    also: tuple[int, ...] = (),
    page: bool = False,
    beside: dict[str, serializers.Field[Any, Any, Any, Any]] | None = None,
    geojson: bool = False,
    kind: str = "",
    purpose: Purpose = "never",
) -> Callable[[Handler], Handler]:
    """Describe one handler: its name, answer, parameters, body and the problems it can end in.

    beside: what a page says beside its items. kind: media type of an answer that is neither JSON nor, with `geojson`,
    GeoJSON.
    """
    shape = _page_of(answer, beside or {}) if page and not isinstance(answer, OpenApiTypes) else answer
    kind = kind or (GEOJSON if geojson else "application/json")
    responses: dict[Any, Any] = {}
    for code in (status, *(code for code in also if code < 400)):
        responses[(code, kind)] = OpenApiResponse(shape, description="The answer.")
    if page or geojson:
        also = (*also, 404)  # a cursor that belongs to another question
    for code in sorted(
        {*_ALWAYS, *(code for code in also if code >= 400), *((413, 415) if body is not None else ())}
    ):
        responses[(code, PROBLEM)] = OpenApiResponse(ProblemShape, description="A problem (RFC 9457).")
    parameters: list[Any] = [*([query] if query else []), *queries]
    if purpose != "never":
        parameters.append(_purpose_header(required=purpose == "always"))
    if body is not None:
        parameters.append(IDEMPOTENCY)
    request = {"application/json": body} if body is not None else None
    return extend_schema(operation_id=name, parameters=parameters, request=request, responses=responses)


def _purpose_header(required: bool) -> OpenApiParameter:
    return OpenApiParameter(
        "Access-Purpose",
        {"type": "string", "pattern": f"^({'|'.join(PurposeCode)})(; ?[!-~][ -~]{{0,{MAX_TEXT - 1}}})?$"},
        OpenApiParameter.HEADER,
        required=required,
        description="Why: `<code>[; text]`. Required whenever the answer can be exact.",
    )


def _page_of(shape: Shape, beside: dict[str, serializers.Field[Any, Any, Any, Any]]) -> Shape:
    name = shape.__name__.removesuffix("Shape") + "Page"
    fields = {"items": shape(many=True), "next": serializers.CharField(allow_null=True), **beside}
    return inline_serializer(name, fields)  # type: ignore[return-value]
