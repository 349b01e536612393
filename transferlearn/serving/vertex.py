"""Adds the routes that Vertex AI names."""

import os
from typing import Any

from transferlearn.json_fields import Json


def add_vertex(api: Any, server: Any, items: Json) -> tuple[str, ...]:
    """Adds the routes that Vertex AI names in `AIP_PREDICT_ROUTE` and `AIP_HEALTH_ROUTE`.

    Args:
        api: The FastAPI application.
        server: What answers.
        items: What OpenAPI says of a body that holds items.
    """
    from fastapi import Request

    predict, health = os.environ.get("AIP_PREDICT_ROUTE"), os.environ.get("AIP_HEALTH_ROUTE")

    async def vertex(request: Request, model: str | None = None) -> Any:
        return await server.predict(request, model)

    async def healthy() -> Any:
        return {}

    if predict and predict not in ("/predict", "/invocations"):
        api.add_api_route(predict, vertex, methods=["POST"], openapi_extra=items)
    if health and health not in ("/", "/ping"):
        api.add_api_route(health, healthy, methods=["GET"])
    return (health,) if health else ()
