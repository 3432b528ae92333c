"""Questions generated from the OpenAPI document of the running code, so that a new endpoint is asked by itself.

Every operation, every parameter with its type, format, pattern, bounds and choices, every body with its fields: filled
with bait where it fits, and now and then with what does not fit.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from monitor.api.schema import write_document
from monitor.grid import cell_bounds
from tests.builders import make_stac_item
from tests.privacy.questions import LOOKUPS, Bait, Question
from tests.privacy.values import DATES, MOMENTS, TEXTS, draw_text, write_bbox

Schema = Mapping[str, Any]
WRONG = 0.08
"""Share of values that do not fit their schema."""
UNKNOWN = 0.08
"""Share of questions with one parameter more than the document knows."""
ODD: tuple[Any, ...] = (None, True, -1, 1e309, "", [], {}, "\u0000", "null", [1, 2], {"$gt": ""})


@dataclass(frozen=True)
class Operation:
    """One method of one route, with references resolved. body: by media type."""

    name: str
    method: str
    path: str
    parameters: Sequence[Schema]
    bodies: Mapping[str, Schema]


def read_operations(document: bytes | None = None) -> list[Operation]:
    """Every operation of the OpenAPI document, by default that of the running code."""
    whole = json.loads(write_document() if document is None else document)
    found = []
    for path, methods in whole["paths"].items():
        shared = methods.get("parameters", [])
        for method, operation in methods.items():
            if method == "parameters":
                continue
            operation = _resolve(operation, whole)
            bodies = operation.get("requestBody", {}).get("content", {})
            found.append(
                Operation(
                    operation["operationId"],
                    method.upper(),
                    path,
                    [*_resolve(shared, whole), *operation.get("parameters", [])],
                    {kind: content.get("schema", {}) for kind, content in bodies.items()},
                )
            )
    return found


def ask_operation(draw: random.Random, operation: Operation, bait: Bait) -> Question:
    """One question to an operation: parameters by their schemas, each optional one now and then."""
    path, query, headers = operation.path, {}, {}
    for parameter in operation.parameters:
        name, place = parameter["name"], parameter["in"]
        if place == "path":
            value = draw_value(draw, parameter["schema"], name, bait)
            path = path.replace(f"{{{name}}}", quote(_as_text(value), safe="") or "-")
        elif parameter.get("required") or draw.random() < 0.3:
            value = _as_text(draw_value(draw, parameter["schema"], name, bait))
            if place == "query":
                query[name] = value
            elif value.isascii() and value.isprintable():
                headers[name.lower()] = value
    if "/audit/" in path:
        query["since"] = "{since}"  # the ledger is never rolled back: without it another world would be read
    if draw.random() < UNKNOWN:
        query[draw.choice(bait.words) + draw.choice(LOOKUPS)] = _as_text(draw_text(draw, bait))
    body, kind = None, "application/json"
    if operation.method not in {"GET", "HEAD"}:
        kind = draw.choice(sorted(operation.bodies) or [kind])
        body = json.dumps(_draw_body(draw, operation.bodies.get(kind, {"type": "object"}), bait))
    method = "HEAD" if operation.method == "GET" and draw.random() < 0.1 else operation.method
    return Question(method, path, urlencode(query, safe="{}"), headers, body, kind)


def draw_value(draw: random.Random, schema: Schema, name: str, bait: Bait, depth: int = 0) -> Any:
    """A value that fits the schema and, if it can, hits something; or, seldom, one that does not fit."""
    if draw.random() < WRONG or depth > 4:
        return draw.choice(ODD) if draw.random() < 0.5 else draw_text(draw, bait)
    for word in ("oneOf", "anyOf"):
        if word in schema:
            return draw_value(draw, draw.choice(schema[word]), name, bait, depth + 1)
    if "allOf" in schema:
        merged = {key: value for part in schema["allOf"] for key, value in part.items()}
        return draw_value(draw, merged, name, bait, depth + 1)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return draw.choice(schema["enum"])
    kind = schema.get("type", "string")
    if isinstance(kind, list):
        kind = draw.choice(kind)
    return _DRAWN[kind](draw, schema, name, bait, depth)


def _draw_body(draw: random.Random, schema: Schema, bait: Bait) -> Any:
    if draw.random() < WRONG:
        return draw.choice(ODD)
    if not schema.get("properties") and draw.random() < 0.5:  # the document leaves this form to STAC
        west, south, east, north = cell_bounds(*draw.choice(bait.cells))
        return make_stac_item(bbox=[west, south, east, north], id=str(draw_text(draw, bait)))
    return draw_value(draw, schema, "body", bait)


def _draw_object(draw: random.Random, schema: Schema, name: str, bait: Bait, depth: int) -> Any:
    required = set(schema.get("required", ()))
    drawn = {
        field: draw_value(draw, inner, field, bait, depth + 1)
        for field, inner in schema.get("properties", {}).items()
        if (field in required and draw.random() > WRONG / 2)
        or (field not in required and draw.random() < 0.5)
    }
    if draw.random() < WRONG:
        west, south, east, north = cell_bounds(*draw.choice(bait.cells))
        drawn[draw.choice(bait.words)] = {
            "type": "Point",
            "coordinates": [(west + east) / 2, (south + north) / 2],
        }
    return drawn


def _draw_array(draw: random.Random, schema: Schema, name: str, bait: Bait, depth: int) -> Any:
    count = draw.randint(schema.get("minItems", 0), min(schema.get("maxItems", 4), 6))
    return [draw_value(draw, schema.get("items", {}), name, bait, depth + 1) for _ in range(count)]


def _draw_string(draw: random.Random, schema: Schema, name: str, bait: Bait, depth: int) -> Any:
    form = schema.get("format")
    if form == "uuid":
        return str(draw.choice(_ids_for(name, bait) if draw.random() < 0.8 else bait.ids))
    if form == "date":
        return draw.choice(DATES)
    if form == "date-time":
        return draw.choice(MOMENTS)
    if "pattern" in schema:
        pool = [
            *TEXTS,
            *(write_bbox(draw, bait) for _ in range(4)),
            *(str(draw_text(draw, bait)) for _ in range(4)),
        ]
        fitting = [text for text in pool if re.search(schema["pattern"], text)]
        return draw.choice(fitting or pool)
    return draw_text(draw, bait)


def _ids_for(name: str, bait: Bait) -> Sequence[Any]:
    """Ids of what a parameter seems to mean by its name, and the id of nothing."""
    kinds = {
        "request": bait.wishes,
        "grant": bait.wishes,
        "alert": bait.alerts,
        "inspection": bait.inspections,
        "finding": bait.findings,
    }
    found = next((ids for word, ids in kinds.items() if word in name), bait.findings if name == "id" else ())
    return [*found, bait.ids[-1]] if found else bait.others


def _draw_integer(draw: random.Random, schema: Schema, name: str, bait: Bait, depth: int) -> Any:
    least, most = schema.get("minimum", 0), schema.get("maximum", 100_000)
    row, col = draw.choice(bait.cells)
    choices = [least, least, least + 1, least + 2, 3, 7, most, schema.get("default", 5), row, col]
    return draw.choice(choices) if draw.random() > WRONG else draw.choice([least - 1, most + 1, 10**30])


def _draw_number(draw: random.Random, schema: Schema, name: str, bait: Bait, depth: int) -> Any:
    west, south, east, north = cell_bounds(*draw.choice(bait.cells))
    fitting = [0, 1, 0.5, 0.8321, schema.get("minimum", 0), schema.get("maximum", 1)]
    return draw.choice(fitting if draw.random() < 0.8 else [west, south, east, north, -0.1, "nan"])


def _draw_boolean(draw: random.Random, schema: Schema, name: str, bait: Bait, depth: int) -> Any:
    return draw.random() < 0.5


def _draw_null(draw: random.Random, schema: Schema, name: str, bait: Bait, depth: int) -> Any:
    return None


_DRAWN = {
    "object": _draw_object,
    "array": _draw_array,
    "string": _draw_string,
    "integer": _draw_integer,
    "number": _draw_number,
    "boolean": _draw_boolean,
    "null": _draw_null,
}


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _resolve(node: Any, whole: Schema) -> Any:
    """The node with what its references name in their place. The document's asks do not contain themselves."""
    if isinstance(node, list):
        return [_resolve(each, whole) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        found: Any = whole
        for word in node["$ref"].removeprefix("#/").split("/"):
            found = found[word]
        return _resolve(found, whole)
    return {key: _resolve(value, whole) for key, value in node.items() if key != "responses"}
