"""Adds the routes of the open inference protocol V2."""

import time
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from transferlearn.edge import TensorSpec
from transferlearn.json_fields import Json
from transferlearn.serving.answers import write_answer
from transferlearn.serving.bodies import INFER, TENSORS_OR_JSON
from transferlearn.serving.errors import RequestRefusedError
from transferlearn.serving.models import Models, Served
from transferlearn.serving.tensors import HEADER, datatype, read_request

_BEGUN = int(time.time())
_EXTENSIONS = [
    "binary_tensor_data",
    "classification",
    "model_configuration",
    "model_repository",
    "statistics",
]


def add_protocol(api: Any, server: Any) -> None:
    """Adds the routes below `/v2` to a FastAPI application.

    Reference: [Open inference protocol](https://github.com/kserve/open-inference-protocol).
    """
    from fastapi import Request
    from fastapi.responses import Response

    @api.get("/v2")
    async def about() -> Any:
        version = metadata.version("transferlearn")
        return {"name": "transferlearn", "version": version, "extensions": _EXTENSIONS}

    @api.get("/v2/health/live")
    async def live() -> Any:
        return {"live": True}

    @api.get("/v2/health/ready")
    async def ready() -> Any:
        return {"ready": True}

    async def model_ready(name: str, version: str | None = None) -> Any:
        try:
            served = server.models.get(name, version)
        except RequestRefusedError as error:  # its sentence lists names, and no key was asked for
            raise RequestRefusedError(404, f"{name!r:.80} is not ready.") from error
        return {"name": served.name, "ready": True, **for_openai(served.name)}

    async def described(name: str, version: str | None = None) -> Any:
        return describe(server.models.get(name, version), server.models.versions(name))

    async def configured(name: str, version: str | None = None) -> Any:
        return configuration(server.models.get(name, version), server.settings.most_rows)

    async def counted(name: str | None = None, version: str | None = None) -> Any:
        names = server.models.names if name is None else [server.models.get(name, version).name]
        asked = [(one, v) for one in names for v in server.models.versions(one)]
        of = server.predictor.statistics.of
        return {"model_stats": [of(*one) for one in asked if version in (None, one[1])]}

    async def infer(request: Request, name: str, version: str | None = None) -> Response:
        served = server.models.get(name, version)
        body, length = await request.body(), request.headers.get(HEADER)
        request_id = request.scope["state"]["request_id"]

        def compute() -> tuple[bytes, dict[str, str]]:
            asked = read_request(body, length)
            outputs = server.predictor.arrays(served, asked.arrays, request_id)
            said = {"model_name": served.name, "model_version": served.version}
            names = getattr(served.runner.output_reader, "class_names", ())
            return write_answer({**said, "id": asked.id or request_id}, outputs, asked, names)

        content, headers = await server.work.do(compute)
        return Response(content, headers=headers)

    @api.get("/v1/models")
    async def listed() -> Any:
        names = server.models.names  # KServe's clients read these, OpenAI's what is below `data`
        return {"models": names, "object": "list", "data": [for_openai(name) for name in names]}

    api.add_api_route("/v1/models/{name}", model_ready, methods=["GET"])
    api.add_api_route("/v2/models/stats", counted, methods=["GET"])
    for place in ("/v2/models/{name}", "/v2/models/{name}/versions/{version}"):
        api.add_api_route(place, described, methods=["GET"])
        api.add_api_route(f"{place}/ready", model_ready, methods=["GET"])
        api.add_api_route(f"{place}/config", configured, methods=["GET"])
        api.add_api_route(f"{place}/stats", counted, methods=["GET"])
        api.add_api_route(
            f"{place}/infer",
            infer,
            methods=["POST"],
            openapi_extra=INFER,
            responses=TENSORS_OR_JSON,
        )

    @api.post("/v2/repository/index")
    async def index() -> Any:
        return [state for name in server.models.names for state in states(server.models, name)]

    @api.post("/v2/repository/models/{name}/load")
    async def load(name: str) -> Any:
        await server.work.do(lambda: server.models.load(name))
        return {}

    @api.post("/v2/repository/models/{name}/unload")
    async def unload(name: str) -> Any:
        raise RequestRefusedError(403, "Models are not unloaded by request: remove the folder.")


def for_openai(name: str) -> Json:
    """Describes a model as OpenAI's clients read it."""
    return {"id": name, "object": "model", "created": _BEGUN, "owned_by": "transferlearn"}


def states(models: Models, name: str) -> list[dict[str, str]]:
    """Returns whether each version of a model is served, and why not."""
    ready, broken = models.versions(name), models.broken(name)
    return [
        {
            "name": name,
            "version": version,
            "state": "READY" if version in ready else "UNAVAILABLE",
            "reason": broken.get(version, ""),
        }
        for version in dict.fromkeys([*ready, *broken])
    ]


def describe(served: Served, versions: list[str]) -> Json:
    """Describes a model as the protocol has it; -1 is any number."""
    exported = served.runner.description
    return {
        "name": served.name,
        "versions": versions,
        "platform": exported.format,
        "inputs": [_spec(name, spec) for name, spec in exported.inputs.items()],
        "outputs": [_spec(name, spec) for name, spec in exported.outputs.items()],
        "parameters": {
            "model_hash": exported.model_hash,
            "items": served.runner.item_reader.name,
            "explains": served.runner.explainer is not None,
        },
    }


def configuration(served: Served, most_rows: int) -> Json:
    """Describes a model as Triton's clients read it; the batch is none of the dimensions.

    Reference: [Model configuration extension](https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_model_configuration.md).
    """
    exported = served.runner.description

    def specs(of: Mapping[str, TensorSpec]) -> list[Json]:
        found = [_spec(name, spec) for name, spec in of.items()]
        return [
            {"name": f["name"], "data_type": f"TYPE_{f['datatype']}", "dims": f["shape"][1:]}
            for f in found
        ]

    return {
        "name": served.name,
        "platform": exported.format,
        "backend": exported.format,
        "max_batch_size": most_rows,
        "input": specs(exported.inputs),
        "output": specs(exported.outputs),
    }


def _spec(name: str, spec: TensorSpec) -> Json:
    """Describes an input or output."""
    shape = [-1 if side is None else side for side in spec.shape]
    return {"name": name, "datatype": datatype(spec.dtype), "shape": shape}
