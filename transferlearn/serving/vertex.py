"""Adds the routes that Vertex AI names."""

import os
from typing import Any


def add_vertex(api: Any, server: Any) -> tuple[str, ...]:
    """Adds the routes that Vertex AI names in `AIP_PREDICT_ROUTE` and `AIP_HEALTH_ROUTE`."""
    from fastapi import Request

    predict, health = os.environ.get("AIP_PREDICT_ROUTE"), os.environ.get("AIP_HEALTH_ROUTE")

    async def vertex(request: Request) -> Any:
        return await server.predict(request, None)

    async def healthy() -> Any:
        return {}

    if predict and predict not in ("/predict", "/invocations"):
        api.add_api_route(predict, vertex, methods=["POST"])
    if health and health not in ("/", "/ping"):
        api.add_api_route(health, healthy, methods=["GET"])
    return (health,) if health else ()


def of_http(request: Any, error: Any) -> RefusalError:
    """Says in a sentence what the framework refuses: a route or a method that there is not."""
    path = request.url.path[:80]
    sentences = {404: f"There is no route {path!r}.", 405: f"{path!r} takes no {request.method}."}
    told = sentences.get(error.status_code, f"{error.detail!s:.200}")
    return RefusalError(error.status_code, told, error.headers)
