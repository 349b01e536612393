"""Adds the routes by which OpenAI's clients let language models write."""

import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from transferlearn.json_fields import Json
from transferlearn.serving.bodies import COMPLETION, OPENAI_REFUSALS
from transferlearn.serving.completions import Form, asked
from transferlearn.serving.errors import RequestRefusedError, of_openai
from transferlearn.serving.tensors import read_json
from transferlearn.serving.work import unless_gone


def add_openai(api: Any, server: Any) -> None:
    """Adds `/v1/completions` and `/v1/chat/completions` to a FastAPI application.

    Reference: [OpenAI's interface](https://platform.openai.com/docs/api-reference).
    """
    from fastapi import Request
    from fastapi.responses import StreamingResponse

    async def complete(request: Request, chat: bool) -> Any:
        found = asked(read_json(await request.body()), chat, server.models)
        request_id = request.scope["state"]["request_id"]
        form = Form(found, request_id, int(time.time()))

        steps = server.work.stream(lambda: server.writing.steps(found, request_id))
        if not found.streams:
            async with aclosing(steps):
                return await unless_gone(request.receive, _whole(form, steps))
        counts = await unless_gone(request.receive, anext(steps))  # what is wrong has a status
        return StreamingResponse(_events(form, counts, steps), media_type="text/event-stream")

    described: Json = {"responses": OPENAI_REFUSALS}

    @api.post("/v1/completions", openapi_extra=COMPLETION["prompt"], **described)
    async def completions(request: Request) -> Any:
        return await complete(request, chat=False)

    @api.post("/v1/chat/completions", openapi_extra=COMPLETION["messages"], **described)
    async def chat_completions(request: Request) -> Any:
        return await complete(request, chat=True)


async def _whole(form: Form, steps: AsyncIterator[Any]) -> Json:
    """Returns the whole answer."""
    chunks = list(form.begin(await anext(steps)))
    async for step in steps:
        chunks += form.take(step)
    return form.whole()


async def _events(form: Form, counts: Any, steps: Any) -> AsyncIterator[bytes]:
    """Yields the answer as server-sent events; an error comes as the last one."""
    async with aclosing(steps):
        try:
            for chunk in form.begin(counts):
                yield _event(chunk)
            async for step in steps:
                for chunk in form.take(step):
                    yield _event(chunk)
            for chunk in form.end():
                yield _event(chunk)
        except RequestRefusedError as refusal:
            yield _event(of_openai(refusal))
            return
        yield b"data: [DONE]\n\n"


def _event(content: Json) -> bytes:
    """Returns a server-sent event."""
    import orjson

    return b"data: " + orjson.dumps(content) + b"\n\n"
