"""Writes tensors of the open inference protocol V2, as JSON and as bytes."""

import struct
from collections.abc import Sequence

import numpy as np

from transferlearn.json_fields import Json
from transferlearn.serving.errors import bad
from transferlearn.serving.tensors import HEADER, InferRequest, RequestedOutput, datatype


def write_answer(
    said: Json,
    outputs: dict[str, np.ndarray],
    request: InferRequest,
    class_names: Sequence[str] = (),
) -> tuple[bytes, dict[str, str]]:
    """Writes an answer, and gives it with its headers.

    Args:
        said: What the answer says besides, such as the name of the model.
        outputs: The outputs by name.
        request: Says which outputs are wanted, and how.
        class_names: The names of the classes, where there are any.

    Raises:
        RequestRefusedError: There is no such output.
    """
    import orjson

    wanted = request.outputs or dict.fromkeys(outputs, RequestedOutput(request.binary))
    if missing := [name for name in wanted if name not in outputs]:
        raise bad(f"There is no output {missing[0]!r:.80}; there are {', '.join(outputs)}.")
    described_outputs, tail = [], []
    for name, (binary, classes) in wanted.items():
        array = np.ascontiguousarray(outputs[name])
        if classes:
            array = _largest(array, classes, class_names)
        described: Json = {
            "name": name,
            "datatype": "BYTES" if classes else datatype(array.dtype.name),
            "shape": list(array.shape),
        }
        if binary:
            tail.append(_as_bytes(array))
            described["parameters"] = {"binary_data_size": len(tail[-1])}
        else:
            described["data"] = array.ravel().tolist()
        described_outputs.append(described)
    head = orjson.dumps({**said, "outputs": described_outputs})
    if not tail:
        return head, {"Content-Type": "application/json"}
    headers = {"Content-Type": "application/octet-stream", HEADER: str(len(head))}
    return b"".join([head, *tail]), headers


def _largest(array: np.ndarray, count: int, names: Sequence[str]) -> np.ndarray:
    """Returns the largest values of each row as texts `value:index[:name]`, `(rows, count)`."""
    flat = array.reshape(len(array), -1)
    order = np.argsort(-flat.astype(float), axis=1, kind="stable")[:, :count]
    known = names if len(names) == flat.shape[1] else ()
    texts = [
        [f"{row[i]:f}:{i}" + (f":{known[i]}" if known else "") for i in best]
        for row, best in zip(flat, order, strict=True)
    ]
    return np.array(texts, object).reshape(order.shape)


def _as_bytes(array: np.ndarray) -> bytes:
    """Returns an array as little-endian bytes; before each text stands its length."""
    if array.dtype != object:
        return array.tobytes()
    texts = [text.encode() for text in array.ravel()]
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)
