"""Reads the items that the body of a request holds: files, texts or numbers."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from transferlearn.serving.errors import RequestRefusedError, bad, naming_item
from transferlearn.serving.tensors import of_base64, read_json

_BYTES = ("application/octet-stream", "application/x-image", "application/x-npy")


class Text(bytes):
    """Holds what a request has as a string, in UTF-8: no string, which might name a file here."""


async def items_in(request: Any) -> Callable[[], Sequence[object]]:
    """Returns a function that reads the items of a request, which may take long."""
    body, content_type = await request.body(), request.headers.get("content-type", "")
    if content_type.startswith("multipart/form-data"):
        files = await _files(request)
        return lambda: files
    return lambda: items_of(body, content_type)


async def _files(request: Any) -> list[bytes]:
    """Returns the contents of the files in a form."""
    from starlette.exceptions import HTTPException

    try:
        async with request.form() as form:  # large files are on disk until it ends
            found = [part for _, part in form.multi_items() if not isinstance(part, str)]
            files = [await part.read() for part in found]
    except HTTPException as error:
        raise bad(f"The form cannot be read: {error.detail!s:.100}") from error
    if not files:
        raise bad("The form holds no file.")
    return files


def items_of(body: bytes, content_type: str) -> list[object]:
    """Returns the items of a body: JSON, a text, or the bytes of one file."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in ("application/json", ""):
        if not (kind.startswith(("image/", "audio/", "text/")) or kind in _BYTES):
            raise RequestRefusedError(
                415, f"The content type {kind!r:.60} is not known: send JSON or a file."
            )
        return [body]
    if not body.lstrip().startswith(b"{"):
        if kind or not body:
            raise bad('The body is JSON such as {"instances": [...]}.')
        return [body]
    said = read_json(body)
    given = said.get("instances", said.get("texts"))
    if given is None:
        return [item_of({k: v for k, v in said.items() if k in ("text", "b64")})]
    if not isinstance(given, list):
        raise bad('"instances" is a list of items.')
    items = []
    for i, one in enumerate(given):
        with naming_item(i, len(given)):
            items.append(item_of(one))
    return items


def item_of(given: object) -> object:
    """Makes an item of a value of JSON: `{"b64": ...}`, a text, or nested lists of numbers.

    What it gives is never a string, which a reader would take for the path of a file here.
    """
    if isinstance(given, dict):
        for key in ("b64", "text"):
            if set(given) == {key} and isinstance(given[key], str):
                return of_base64(given[key]) if key == "b64" else as_text(given[key])
        if len(given) == 1:  # an input by its name, as Vertex and KServe send it
            return item_of(next(iter(given.values())))
        raise bad('An item is {"b64": ...}, a text or a list of numbers.')
    if isinstance(given, str):
        return as_text(given)
    if not isinstance(given, list):
        raise bad('An item is {"b64": ...}, a text or a list of numbers.')
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise bad("A list of numbers has lists of one length only.") from error
    if array.dtype.kind not in "biuf":
        raise bad("An item as a list holds numbers only.")
    return array


def as_text(text: str) -> Text:
    """Returns a text as UTF-8."""
    try:
        return Text(text.encode())
    except UnicodeEncodeError as error:
        raise bad("A text holds half of a surrogate pair.") from error
