"""The OpenAPI description: FastAPI's, with the one shape of problems, and an example for whatever a person did not write one for.

What belongs here: what is described alike for every route. What one route says is said beside it.
"""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from crm_pipeline.api import record_shapes
from crm_pipeline.api.methods import CALLBACK
from crm_pipeline.api.schemas import ProblemBody

DEEPEST = 6
NEEDLESS = ("HTTPValidationError", "ValidationError")
BY_FORMAT = {"uuid": "6b1f0a52-3c5e-4a8e-9a53-0d4f4c1f7f10", "date-time": "2026-11-24T15:50:00+00:00", "date": "2026-11-24"}
BY_TYPE: dict[str, Any] = {"string": "text", "integer": 1, "number": 1.5, "boolean": True, "null": None}
Schema = dict[str, Any]


def describe(app: FastAPI) -> None:
    """Let an app describe itself so."""

    def openapi() -> Schema:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def _described(app: FastAPI) -> Schema:
    found = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    shapes = found.setdefault("components", {}).setdefault("schemas", {})
    problem = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
    shapes.update(problem.pop("$defs", {}))
    shapes["ProblemBody"] = problem
    for entity, title in record_shapes.TITLES.items():  # FastAPI leaves out what is null, also of examples
        record = record_shapes.example(entity)
        shapes[title]["examples"] = [record]
        shapes[f"{title}Page"]["examples"] = [{"items": [record], "next_cursor": None}]
    for needless in NEEDLESS:
        shapes.pop(needless, None)
    found["paths"][CALLBACK]["get"]["security"].insert(0, {})  # a browser that comes back from a CRM has no token
    for item in found["paths"].values():
        for operation in item.values():
            _give_examples(operation, shapes)
    return found


def _give_examples(operation: Schema, shapes: Schema) -> None:
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path" and not has_example(parameter):
            parameter["example"] = example(parameter["schema"], shapes)
    for described in (operation.get("requestBody", {}), *operation["responses"].values()):
        for content in described.get("content", {}).values():
            if content.get("schema") and not has_example(content):
                content["example"] = example(content["schema"], shapes)


def has_example(described: Schema) -> bool:
    """Return whether a parameter or a content has an example of its own."""
    return "example" in described or bool(described.get("examples"))


def example(schema: Schema, shapes: Schema, depth: int = 0) -> Any:
    """Return what a schema looks like: its own example, else one made of its parts."""
    while "$ref" in schema:
        schema = shapes[schema["$ref"].rsplit("/", 1)[1]]
    if schema.get("examples"):
        return schema["examples"][0]
    for word in ("const", "default"):
        if schema.get(word) is not None:
            return schema[word]
    if schema.get("enum"):
        return schema["enum"][0]
    choices = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    if choices:
        return example(choices[0], shapes, depth)
    return _by_type(schema, shapes, depth)


def _by_type(schema: Schema, shapes: Schema, depth: int) -> Any:
    if schema.get("type") == "array":
        return [] if depth > DEEPEST or "items" not in schema else [example(schema["items"], shapes, depth + 1)]
    if schema.get("type") == "object" or "properties" in schema:
        parts = {} if depth > DEEPEST else schema.get("properties", {})
        return {name: example(part, shapes, depth + 1) for name, part in parts.items()}
    if schema.get("type") == "integer":
        return max(1, schema.get("minimum", 1))
    return BY_FORMAT.get(schema.get("format", ""), BY_TYPE.get(schema.get("type", "null")))
