"""Describes the bodies of requests, and refusals, in the words of OpenAPI."""

from collections.abc import Iterable

from transferlearn.json_fields import Json
from transferlearn.serving.models import Served
from transferlearn.serving.tensors import DTYPES, HEADER

Schema = Json

_MEDIA = {
    "images": ("image/jpeg", "image/png"),
    "audio": ("audio/wav", "audio/flac", "audio/ogg", "audio/mpeg"),
}
_FILE = {"type": "string", "format": "binary"}
_TEXT = {"type": "string"}
_STATUSES = {
    400: "What was sent is wrong; the sentence says what.",
    401: "The API key is missing or wrong.",
    403: "This is not done by request.",
    404: "There is no such model, request or route.",
    406: "This model gives no such answer.",
    408: "The request did not arrive in time.",
    413: "The request is too large.",
    415: "The content type is not known.",
    500: "The server failed; its log says why.",
    503: "The server is busy: try again after the seconds in `Retry-After`.",
    504: "It took too long.",
}


def _object(**properties: Schema) -> Schema:
    """Describes an object with these properties, all of which are required."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(items: Schema, most: int | None = None) -> Schema:
    """Describes a list that is not empty."""
    return {"type": "array", "items": items, "minItems": 1, **({"maxItems": most} if most else {})}


REFUSALS: dict[int | str, Json] = {
    status: {
        "description": description,
        "content": {"application/json": {"schema": _object(error=_TEXT)}},
    }
    for status, description in _STATUSES.items()
}

PICTURE_OR_JSON: dict[int | str, Json] = {
    200: {"content": {"application/json": {}, "image/png": {}}, "description": "Predictions."}
}

TENSORS_OR_JSON: dict[int | str, Json] = {
    200: {
        "content": {"application/json": {}, "application/octet-stream": {}},
        "description": f"Outputs; as bytes, they follow the JSON, whose length is in {HEADER}.",
    }
}

OPENAI_REFUSALS: dict[int | str, Json] = {
    status: {
        "description": description,
        "content": {"application/json": {"schema": _object(error=_object(message=_TEXT))}},
    }
    for status, description in _STATUSES.items()
}


def _completion(**given: Schema) -> Json:
    """Describes a body of OpenAI's clients."""
    settings = {
        "model": _TEXT,
        "max_tokens": {"type": "integer", "minimum": 1},
        "temperature": {"type": "number", "minimum": 0, "maximum": 2},
        "top_p": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        "stop": {"anyOf": [_TEXT, _list(_TEXT)]},
        "seed": {"type": "integer"},
        "stream": {"type": "boolean"},
    }
    schema = _object(**given)
    schema["properties"] |= settings
    content = {"application/json": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}}


_MESSAGE = _object(role=_TEXT, content=_TEXT)
COMPLETION = {
    "prompt": _completion(prompt={"anyOf": [_TEXT, _list(_TEXT)]}),
    "messages": _completion(messages=_list(_MESSAGE)),
}

FEEDBACK = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": _object(
                    request_id={**_TEXT, "description": "What the answer had as `X-Request-Id`."},
                    labels={**_list({}), "description": "A label for each item of the request."},
                )
            }
        },
    }
}


def items_body(models: Iterable[Served], most: int) -> Json:
    """Describes a body that holds items of these models, at most so many."""
    read = {served.runner.item_reader.name for served in models}
    content: dict[str, Schema] = {}
    alone: list[Schema] = []  # items that may be a whole body
    if read - {"texts", "words", "arrays"}:
        alone.append(_object(b64={"type": "string", "format": "byte"}))
        files = _object(file=_list(_FILE, most))
        content["multipart/form-data"] = {"schema": files}
        for kind in (*_MEDIA.keys() & read, "application/octet-stream"):
            for media in _MEDIA.get(kind, (kind,)):
                content[media] = {"schema": _FILE}
    if read & {"texts", "words"}:
        alone.append(_object(text=_TEXT))
        content["text/plain"] = {"schema": _TEXT}
    listed: list[Schema] = [{**item, "additionalProperties": False} for item in alone]
    if "arrays" in read:
        numbers = "Numbers in nested lists, in the shape of an item."
        listed.append({"type": "array", "items": {}, "description": numbers})
    instances = _object(instances=_list({"anyOf": listed}, most))
    content["application/json"] = {"schema": {"anyOf": [*alone, instances]}}
    return {"requestBody": {"required": True, "content": content}}


_TENSOR = _object(
    name=_TEXT,
    datatype={"type": "string", "enum": ["BYTES", *DTYPES]},
    shape=_list({"type": "integer", "minimum": 1}),
)
_TENSOR["properties"] |= {
    "data": {"type": "array", "items": {}, "description": "Numbers or strings, flat or nested."},
    "parameters": {
        "type": "object",
        "properties": {"binary_data_size": {"type": "integer", "minimum": 0}},
    },
}
INFER = {
    "requestBody": {
        "required": True,
        "description": f"JSON; with {HEADER}, tensors as bytes follow it.",
        "content": {
            "application/json": {
                "schema": _object(inputs=_list(_TENSOR)),
            },
            "application/octet-stream": {"schema": _FILE},
        },
    }
}
