"""Takes the labels of the items of earlier requests."""

import asyncio
import json
import sqlite3
import time

from transferlearn.serving.errors import RequestRefusedError, bad
from transferlearn.serving.log import PredictionLog
from transferlearn.serving.models import Models
from transferlearn.serving.tensors import read_json
from transferlearn.serving.work import ThreadQueue

_LISTED = 10  # names of classes in a message
_LOOKS = 5  # at the log, where another process may hold the rows of a request yet
_BETWEEN = 0.25  # seconds, which is more than rows wait
_NOT_NOW = RequestRefusedError(
    503, "The log of predictions cannot be written now: send labels later.", {"Retry-After": "60"}
)


class Feedback:
    """Writes labels into the log of predictions.

    Args:
        log: The log, or `None`.
        models: The models, which say what labels they have.
        work: Reads and writes in a thread.
    """

    def __init__(self, log: PredictionLog | None, models: Models, work: ThreadQueue) -> None:
        self._log = log
        self._models = models
        self._work = work

    async def take(self, body: bytes) -> int:
        """Writes the labels of a request's items, and returns how many there are.

        Raises:
            RequestRefusedError: They are wrong (400), there is no such request (404), or the log
                cannot be written now (503).
        """
        log = self._log
        if log is None:
            raise RequestRefusedError(
                404, "No predictions are logged: start with --log predictions.sqlite."
            )
        for look in range(_LOOKS):
            if look:
                await asyncio.sleep(_BETWEEN)
            try:
                written = await self._work.do(lambda: self._label(log, body))
            except RequestRefusedError as error:
                if error.status != 504:
                    raise
                raise _NOT_NOW from error  # labels that are written yet may be sent again
            if written is not None:
                return written
        request = read_json(body)["request_id"]
        raise RequestRefusedError(404, f"The log holds no request {request!r:.80}.")

    def _label(self, log: PredictionLog, body: bytes) -> int | None:
        """Writes labels, and returns how many there are; `None`: there is no such request yet."""
        said = read_json(body)
        of, labels = said.get("request_id"), said.get("labels")
        if not isinstance(of, str) or not isinstance(labels, list) or not labels:
            raise bad('Feedback is {"request_id": "...", "labels": [...]}, a label an item.')
        try:
            model, count = log.request(of)
            if model is None:
                if log.failing:
                    raise _NOT_NOW
                return None
            self._check(model, count, labels)
            log.labelled(of, labels, time.time())
        except sqlite3.Error as error:
            raise _NOT_NOW from error
        except ValueError as error:
            raise bad(str(error)) from error
        return len(labels)

    def _check(self, model: str, count: int, labels: list[object]) -> None:
        """Checks that there is a label for each item, and that the model knows it."""
        if len(labels) != count:
            raise bad(f"This request had {count} items. Received: {len(labels)} labels")
        reference = self._models.get(model).reference
        outputs = reference.outputs if reference is not None else None
        wrong = [label for label in labels if outputs and outputs.target(label) is None]
        if outputs and wrong:
            known = ", ".join(outputs.names[:_LISTED])
            raise bad(f"{json.dumps(wrong[0])[:80]} is no label of {model}, as these are: {known}.")
