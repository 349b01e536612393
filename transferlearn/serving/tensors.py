"""Reads tensors of the open inference protocol V2, as JSON and as bytes."""

import base64
import math
import struct
from typing import Any, NamedTuple

import numpy as np

from transferlearn.json_fields import Json
from transferlearn.serving.errors import bad
from transferlearn.serving.numbers import whole_number

_DEEPEST = 32  # lists and objects in each other
HEADER = "Inference-Header-Content-Length"
DTYPES = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}


class RequestedOutput(NamedTuple):
    """Describes how an output is wanted.

    Attributes:
        binary: Whether as bytes.
        classes: How many of its largest values are wanted, each with its class, as texts; 0: the
            tensor itself.
    """

    binary: bool
    classes: int = 0


class InferRequest(NamedTuple):
    """Holds a request of the protocol.

    Attributes:
        arrays: The inputs by name; of the datatype `BYTES`, an array of `bytes` objects.
        outputs: The outputs that are asked for, by name; `None`: all, as `binary` says.
        binary: Whether outputs are given as bytes where nothing is said of them.
        id: The id that is given back.
    """

    arrays: dict[str, np.ndarray]
    outputs: "dict[str, RequestedOutput] | None"
    binary: bool
    id: str | None


def datatype(dtype: str) -> str:
    """Returns the protocol's name of a dtype."""
    return _NAMES.get(dtype, dtype.upper())


def read_request(body: bytes, header: str | None) -> InferRequest:
    """Reads a request; with the header, tensors as bytes follow the JSON.

    Raises:
        RequestRefusedError: It is not as the protocol says.
    """
    length = len(body)
    if header is not None:
        said_length = whole_number(header)
        if said_length is None or said_length > len(body):
            raise bad(f"{HEADER} is the number of bytes of the JSON. Received: {header!r:.40}")
        length = said_length
    said = read_json(body[:length])
    inputs = said.get("inputs")
    if not isinstance(inputs, list) or not inputs:
        raise bad('The request has a list "inputs", with a name, datatype, shape and data each.')
    rest = memoryview(body)[length:]
    arrays: dict[str, np.ndarray] = {}
    for entry in inputs:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise bad("Each input is an object with a name.")
        size = _parameters(entry).get("binary_data_size")
        if size is None:
            arrays[entry["name"]] = _of_json(entry)
            continue
        if not _is_count(size) or size > len(rest):
            raise bad(
                f"{entry['name']!r:.80} has binary_data_size {size!r:.20}, more than there is."
            )
        arrays[entry["name"]] = _of_bytes(entry, rest[:size])
        rest = rest[size:]
    if len(rest):
        raise bad(f"{len(rest)} bytes follow the last tensor.")
    request_id = said.get("id")
    return InferRequest(
        arrays,
        _asked(said),
        bool(_parameters(said).get("binary_data_output", False)),
        request_id if isinstance(request_id, str) else None,
    )


def read_json(body: bytes) -> Json:
    """Reads an object of JSON, whose numbers are finite and whose texts are Unicode.

    It is nested a few times at most, so that whatever reads it may go down into it.
    """
    import orjson  # here, since whoever reads a log needs none

    try:
        said = orjson.loads(body)
    except ValueError as error:
        raise bad(f"The body is no JSON, which has no NaN either: {error!s:.120}.") from error
    if not isinstance(said, dict):
        raise bad("The body is an object of JSON, in braces.")
    if body.count(b"[") + body.count(b"{") > _DEEPEST:
        _check_depth(said)
    return said


def _check_depth(said: Json) -> None:
    """Refuses JSON that is nested too deep."""
    level: list[Any] = [said]
    for _ in range(_DEEPEST):
        inside = (one.values() if isinstance(one, dict) else one for one in level)
        level = [x for values in inside for x in values if isinstance(x, (list, dict))]
        if not level:
            return
    raise bad(f"The body is nested more than {_DEEPEST} times.")


def _parameters(entry: Json) -> Json:
    """Returns the parameters of a part of a request."""
    found = entry.get("parameters") or {}
    if not isinstance(found, dict):
        raise bad("parameters are an object.")
    return found


def _asked(said: Json) -> dict[str, RequestedOutput] | None:
    """Returns the outputs that are asked for, and how each is wanted."""
    outputs = said.get("outputs")
    if outputs is None:
        return None
    if not isinstance(outputs, list) or not all(
        isinstance(output, dict) and isinstance(output.get("name"), str) for output in outputs
    ):
        raise bad('"outputs" is a list of objects with a name.')
    binary = bool(_parameters(said).get("binary_data_output", False))
    found = {}
    for output in outputs:
        parameters = _parameters(output)
        classes = parameters.get("classification", 0)
        if not _is_count(classes):
            raise bad(f"classification is a number of classes. Received: {classes!r:.40}")
        found[output["name"]] = RequestedOutput(
            bool(parameters.get("binary_data", binary)), classes
        )
    return found or None


def _shape(entry: Json) -> tuple[int, ...]:
    """Returns the shape of a tensor."""
    shape = entry.get("shape")
    if not isinstance(shape, list) or not all(map(_is_count, shape)) or len(shape) > 8:
        raise bad(f"The shape is a list of whole numbers. Received: {shape!r:.80}")
    return tuple(shape)


def _is_count(value: object) -> bool:
    """Returns whether a value of JSON is a whole number of things."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**40


def _dtype(entry: Json) -> str:
    """Returns NumPy's name of a tensor's datatype."""
    name = entry.get("datatype")
    if not isinstance(name, str) or name not in DTYPES:
        raise bad(f"The datatype is BYTES or one of {', '.join(DTYPES)}. Received: {name!r:.40}")
    return DTYPES[name]


def _of_json(entry: Json) -> np.ndarray:
    """Reads a tensor whose numbers are in the JSON, flat or nested."""
    shape, data = _shape(entry), entry.get("data")
    if not isinstance(data, list):
        raise bad(f"{entry['name']!r:.80} has no data: a list of numbers.")
    if entry.get("datatype") == "BYTES":
        flat = _flat(data)
        if not all(isinstance(item, str) for item in flat):
            raise bad("Data of the datatype BYTES are strings.")
        found = _objects([item.encode() for item in flat])
    else:
        dtype = _dtype(entry)
        try:
            numbers = np.asarray(data)
            if numbers.dtype.kind not in "biuf" and numbers.size:
                raise ValueError("it holds something that is no number")
            found = numbers.ravel().astype(dtype)
            if np.dtype(dtype).kind in "iu" and not np.array_equal(found, numbers.ravel()):
                raise ValueError(f"it holds numbers that are no {dtype}")
        except (ValueError, TypeError, OverflowError) as error:
            raise bad(
                f"The data of {entry['name']!r:.80} cannot be read: {error!s:.100}."
            ) from error
    return _shaped(entry, found, shape)


def _of_bytes(entry: Json, data: memoryview) -> np.ndarray:
    """Reads a tensor whose numbers are bytes, little-endian."""
    shape = _shape(entry)
    if entry.get("datatype") == "BYTES":
        return _shaped(entry, _objects(_strings(bytes(data))), shape)
    dtype = np.dtype(_dtype(entry)).newbyteorder("<")
    if math.prod(shape) * dtype.itemsize != len(data):
        raise bad(f"{entry['name']!r:.80} has {len(data)} bytes, which are not of its shape.")
    return np.frombuffer(data, dtype).reshape(shape)


def _strings(data: bytes) -> list[bytes]:
    """Reads strings, before each of which its length stands in four bytes."""
    found, place = [], 0
    while place < len(data):
        if place + 4 > len(data):
            raise bad("A tensor of the datatype BYTES is cut off.")
        (length,) = struct.unpack_from("<I", data, place)
        place += 4
        if place + length > len(data):
            raise bad("A tensor of the datatype BYTES is cut off.")
        found.append(data[place : place + length])
        place += length
    return found


def _shaped(entry: Json, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Returns an array in its shape."""
    if math.prod(shape) != array.size:
        raise bad(f"{entry['name']!r:.80} has {array.size} numbers, which are not of its shape.")
    return array.reshape(shape)


def _flat(data: list[object]) -> list[Any]:
    """Returns a list without the lists in it."""
    return [x for item in data for x in (_flat(item) if isinstance(item, list) else [item])]


def _objects(items: list[bytes]) -> np.ndarray:
    """Returns an array of bytes objects."""
    found = np.empty(len(items), object)
    found[:] = items
    return found


def of_base64(text: str) -> bytes:
    """Reads base64.

    Raises:
        RequestRefusedError: It is none.
    """
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise bad('"b64" holds no base64.') from error
