"""Puts a server together: an ASGI application over exported models."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from transferlearn.extras import install_line
from transferlearn.serving.accepting import accepted
from transferlearn.serving.bodies import FEEDBACK, PICTURE_OR_JSON, REFUSALS, items_body
from transferlearn.serving.drifting import DriftGauges
from transferlearn.serving.errors import FAILED, RequestRefusedError, body_of
from transferlearn.serving.feedback import Feedback
from transferlearn.serving.guard import Guard, Message, Receive, Send
from transferlearn.serving.items import items_in
from transferlearn.serving.log import PredictionLog
from transferlearn.serving.metrics import Metrics
from transferlearn.serving.models import Models, Served
from transferlearn.serving.openai import add_openai
from transferlearn.serving.opening import Given
from transferlearn.serving.predicting import Predictor
from transferlearn.serving.protocol import add_protocol
from transferlearn.serving.settings import Settings
from transferlearn.serving.transcriptions import add_transcriptions
from transferlearn.serving.vertex import add_vertex
from transferlearn.serving.work import ThreadQueue
from transferlearn.serving.writing import TextWriting

_log = logging.getLogger("transferlearn.serving")
_PAGE = Path(__file__).with_name("page.html")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; img-src blob: data:; media-src blob:; connect-src 'self'",
    "X-Content-Type-Options": "nosniff",
}


class Server:
    """Holds the parts of a server.

    Args:
        models: The models, see `Models`.
        settings: The limits.
        threads: The number of threads that a model computes with.
        trusted: Whether the code in a save or a SavedModel may run.

    Attributes:
        look: Has folders looked at for new versions at once; a handler of signals may call it.
    """

    def __init__(
        self,
        models: Given | Sequence[Given] | Mapping[str, Given],
        settings: Settings,
        threads: int | None = None,
        trusted: bool = False,
    ) -> None:
        self.settings = settings
        self.models = Models(models, threads, trusted)
        self.metrics = Metrics()
        self.log = PredictionLog(settings.log, settings.log_bytes) if settings.log else None
        self.predictor = Predictor(self.metrics, self.log, settings)
        self.writing = TextWriting(self.predictor, self.metrics, settings)
        inside = self.metrics.inside
        self.work = ThreadQueue(settings.workers, settings.waiting, settings.timeout, inside.set)
        # Threads of its own: while another program locks the log, labels wait for it.
        labelling = ThreadQueue(
            settings.workers, settings.waiting, settings.timeout, lambda inside: None
        )
        self.feedback = Feedback(self.log, self.models, labelling)
        self.look: Callable[[], object] = lambda: None

    async def predict(self, request: Any, name: str | None, version: str | None = None) -> Any:
        """Answers a request of any form with predictions."""
        served = self.models.get(name, version)
        items = await items_in(request)
        request_id = request.scope["state"]["request_id"]
        kinds = accepted(request.headers.get("accept", "*/*"))
        answer = await self.work.do(
            lambda: self.predictor.answer(served, items(), request_id, kinds)
        )
        if isinstance(answer, bytes):
            from fastapi.responses import Response

            return Response(answer, media_type="image/png")
        return {
            "request_id": request_id,
            "model": served.name,
            "version": served.version,
            "predictions": answer.predictions,
        }

    async def explain(self, request: object, name: str | None) -> Any:
        """Explains why a model answers a request as it does."""
        served = self.models.get(name)
        items = await items_in(request)
        return await self.work.do(lambda: self.predictor.explained(served, items()))

    def measure(self) -> None:
        """Sets the gauges of the log."""
        if self.log is not None:
            self.metrics.lost.set(self.log.lost)
            self.metrics.log_failing.set(int(self.log.failing))

    async def watch_folders(self) -> None:
        """Looks for new versions, and at drift, until it is cancelled."""
        gauges = DriftGauges(self.log if self.settings.watch_drift else None, self.metrics)
        wake, loop = asyncio.Event(), asyncio.get_running_loop()
        self.look = lambda: loop.call_soon_threadsafe(wake.set)
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), self.settings.reload_seconds or 60)
            asked = wake.is_set()
            wake.clear()
            try:
                if asked or self.settings.reload_seconds:
                    await asyncio.to_thread(self.models.reload)
                self.measure()
                await asyncio.to_thread(gauges.update, self.newest())
            except Exception:  # whatever it is, the next look may find what is new
                _log.exception("not looked at")

    def newest(self) -> list[Served]:
        """Returns the newest version of each model."""
        return [self.models.get(name) for name in self.models.names]


def app(
    models: Given | Sequence[Given] | Mapping[str, Given],
    *,
    settings: Settings | None = None,
    threads: int | None = None,
    trusted: bool = False,
) -> Any:
    """Makes an ASGI application that serves exported models, for a server of one's own.

    Args:
        models: The folder of an export, or of a save, which Keras runs; a folder of versions (`1`,
            `2`, ...) of those; a `FittedModel`; several of these, or a mapping of names to them.
        settings: The limits; by default those of `Settings`.
        threads: The number of threads that a model computes with; `None`: one for each core.
        trusted: Whether the code in a save or a SavedModel may run.

    Raises:
        OSError: A folder is no export, and no save.
        ImportError: FastAPI is not installed (`pip install -e ".[serve]"`).

    Example:
        uvicorn.run(tl.serving.app("flowers-onnx"))
    """
    try:
        import orjson as orjson
        from fastapi import FastAPI, Request
        from fastapi.responses import HTMLResponse, JSONResponse, Response
        from starlette.exceptions import HTTPException
    except ImportError as error:
        raise ImportError(f"A server needs more: {install_line('serve')}") from error
    server = Server(models, settings or Settings(), threads, trusted)

    @contextlib.asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        watching = asyncio.create_task(server.watch_folders())
        yield
        watching.cancel()
        if server.log is not None:
            await asyncio.to_thread(server.log.close)

    # The pages of documentation would load scripts from elsewhere.
    api = FastAPI(
        title="transferlearn", docs_url=None, redoc_url=None, lifespan=lifespan, responses=REFUSALS
    )
    api.state.server = server
    items, one = (items_body(server.newest(), most) for most in (server.settings.most_rows, 1))

    @api.exception_handler(RequestRefusedError)
    async def refused(request: Request, refusal: RequestRefusedError) -> JSONResponse:
        content = body_of(refusal, request.url.path)
        return JSONResponse(content, refusal.status, headers=refusal.headers)

    @api.exception_handler(HTTPException)
    async def unknown(request: Request, error: HTTPException) -> JSONResponse:
        return await refused(request, of_http(request, error))

    @api.exception_handler(Exception)
    async def failed(request: Request, _: Exception) -> JSONResponse:
        return await refused(request, FAILED)  # the guard writes down what failed

    @api.get("/", response_class=HTMLResponse)
    async def page() -> HTMLResponse:
        return HTMLResponse(_PAGE.read_text("utf-8"), headers=_HEADERS)

    @api.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        server.measure()
        return Response(server.metrics.text(), media_type="text/plain; version=0.0.4")

    @api.post("/invocations", openapi_extra=items, responses=PICTURE_OR_JSON)
    @api.post("/predict", openapi_extra=items, responses=PICTURE_OR_JSON)
    async def predict(request: Request, model: str | None = None) -> Any:
        return await server.predict(request, model)

    @api.post("/explain", openapi_extra=one)
    async def explain(request: Request, model: str | None = None) -> Any:
        return await server.explain(request, model)

    @api.post("/feedback", openapi_extra=FEEDBACK)
    async def feedback(request: Request) -> Any:
        return {"labelled": await server.feedback.take(await request.body())}

    @api.get("/ping")
    async def ping() -> Any:
        return {}

    @api.post("/v1/models/{name}:predict", openapi_extra=items, responses=PICTURE_OR_JSON)
    async def kserve(request: Request, name: str) -> Any:
        return await server.predict(request, name)

    opened = add_vertex(api, server, items)
    add_protocol(api, server)
    add_openai(api, server)
    add_transcriptions(api, server)
    return Guarded(api, Guard(api, server.settings, server.metrics, server.log, opened))


class Guarded:
    """Is the application with its guard; `state` and the lifespan are those of FastAPI.

    Attributes:
        api: The FastAPI application, to which routes can be added.
    """

    def __init__(self, api: Any, guard: Guard) -> None:
        self.api = api
        self._guard = guard

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Handles one request."""
        await self._guard(scope, receive, send)


def of_http(request: Any, error: Any) -> RequestRefusedError:
    """Returns what the framework refuses in a sentence: no such route or method."""
    path = request.url.path[:80]
    sentences = {404: f"There is no route {path!r}.", 405: f"{path!r} takes no {request.method}."}
    sentence = sentences.get(error.status_code, f"{error.detail!s:.200}")
    return RequestRefusedError(error.status_code, sentence, error.headers)
