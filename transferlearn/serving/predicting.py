"""Predicts on what requests hold, and notes what came of it."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from transferlearn.edge.item_reader import ItemReader, Rows, Seen
from transferlearn.edge.runner import BrokenModelError
from transferlearn.monitoring import Measured
from transferlearn.serving.errors import RefusalError, bad
from transferlearn.serving.log import PredictionLog, Row
from transferlearn.serving.metrics import Metrics
from transferlearn.serving.models import Served
from transferlearn.serving.settings import Settings
from transferlearn.serving.tensors import of_base64


class Answer(NamedTuple):
    """Holds what a model says of the items of a request.

    Attributes:
        predictions: A prediction for each item, as JSON holds it.
        outputs: The outputs by name.
    """

    predictions: list[Any]
    outputs: dict[str, np.ndarray]


class Predictor:
    """Predicts, counts and logs.

    Args:
        metrics: The counters.
        log: The log, or `None`.
        settings: The limits.
    """

    def __init__(self, metrics: Metrics, log: PredictionLog | None, settings: Settings) -> None:
        self._metrics = metrics
        self._log = log
        self._keeps = settings.keep_photos
        self._most_rows = settings.most_rows
        self._most_pixels = settings.most_pixels

    def items(self, served: Served, items: Sequence[Any], request_id: str) -> Answer:
        """Predicts on items: the bytes of files or of texts, or arrays."""
        predictions, outputs = self._predicted(served, items, request_id)
        reader = served.runner.output_reader
        return Answer([_plain(reader.as_json(prediction)) for prediction in predictions], outputs)

    def picture(self, served: Served, items: Sequence[Any], request_id: str) -> bytes:
        """Predicts on one item, and gives the prediction as a PNG."""
        if len(items) != 1:
            raise RefusalError(406, f"A PNG is asked for, and there are {len(items)} items.")
        (prediction,), _ = self._predicted(served, items, request_id)
        content = served.runner.output_reader.as_png(prediction)
        if content is None:
            raise RefusalError(406, "A PNG is asked for, and this model gives no pictures.")
        return content

    def _predicted(
        self, served: Served, items: Sequence[Any], request_id: str
    ) -> tuple[list[Any], dict[str, np.ndarray]]:
        """Predicts on items, and notes what came of it; gives predictions, and outputs by name."""
        if not 0 < len(items) <= self._most_rows:
            raise bad(f"A request has 1 to {self._most_rows} items. Received: {len(items)}")
        started = time.perf_counter()
        runner = served.runner
        most = self._most_pixels // runner.output_reader.scale**2  # of an answer, which is larger
        try:
            _check(runner.item_reader, items, most)
            rows = runner.item_reader.read(items)
            outputs = runner.outputs(rows)
        except BrokenModelError as error:
            raise RefusalError(500, str(error)) from error
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            raise bad(" ".join(str(error).split())[:500]) from error
        reader = runner.output_reader
        predictions = reader.read(outputs, rows.seen)
        seconds = time.perf_counter() - started
        self._note(served, rows, outputs, request_id, seconds)
        if self._keeps and self._log is not None:
            self._log.sent(request_id, items, time.time())
        return predictions, outputs

    def explained(self, served: Served, items: Sequence[Any]) -> dict[str, Any]:
        """Says why a model answers as it does, for one photo or text."""
        explainer = served.runner.explainer
        if explainer is None:
            raise RefusalError(
                404, f"{served.name} says no reasons: serve the save, which Keras runs."
            )
        if len(items) != 1 or not isinstance(items[0], bytes):
            raise bad("One photo or one text is explained at a time.")
        try:
            _check(served.runner.item_reader, items, self._most_pixels)
            return explainer(items[0])
        except ValueError as error:
            raise bad(" ".join(str(error).split())[:500]) from error

    def arrays(
        self, served: Served, arrays: Mapping[str, np.ndarray], request_id: str
    ) -> dict[str, np.ndarray]:
        """Runs a model on arrays, or on items where there is one input of the datatype BYTES."""
        first = next(iter(arrays.values()))
        if len(arrays) == 1 and first.dtype == object:
            return self.items(served, list(first.ravel()), request_id).outputs
        if not first.ndim or not 0 < len(first) <= self._most_rows:
            raise bad(f"A request has 1 to {self._most_rows} items. Received: {first.shape}")
        for name, array in arrays.items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise bad(f"{name!r:.80} holds NaN or infinity.")
        started = time.perf_counter()
        try:
            outputs = served.runner.run(arrays)
        except BrokenModelError as error:
            raise RefusalError(500, str(error)) from error
        except ValueError as error:
            raise bad(" ".join(str(error).split())[:500]) from error
        rows = Rows(dict(arrays), np.arange(len(first)), [Seen()] * len(first))
        self._note(served, rows, outputs, request_id, time.perf_counter() - started)
        return outputs

    def _note(
        self,
        served: Served,
        rows: Rows,
        outputs: Mapping[str, np.ndarray],
        request_id: str,
        seconds: float,
    ) -> None:
        """Counts the items, and logs them."""
        count = len(rows.seen)
        self._metrics.items.labels(served.name).inc(count)
        reference = served.reference
        values = np.asarray(served.runner.output_reader.numbers(outputs), float)
        if len(rows.item_of) != count:
            return
        confidence = None if reference is None else reference.outputs.confidence(values)
        for one in () if confidence is None else confidence:
            self._metrics.confidence.labels(served.name).observe(float(one))
        if self._log is None:
            return
        signals, answers = self._signals(served, rows, values)
        now = time.time()
        self._log.predicted(
            [
                Row(
                    time=now,
                    request=request_id,
                    item=i,
                    model=served.name,
                    version=served.version,
                    hash=served.runner.description.model_hash,
                    outputs=json.dumps([float(f"{x:.9g}") for x in np.ravel(values[i])]),
                    signals=json.dumps(signals[i]),
                    answer=answers[i],
                    milliseconds=1e3 * seconds / count,
                )
                for i in range(count)
            ]
        )

    def _signals(
        self, served: Served, rows: Rows, values: np.ndarray
    ) -> tuple[list[dict[str, float]], list[int | None]]:
        """Gives what is watched of each item, and its answer; nothing without a reference."""
        if served.reference is None:
            return [{}] * len(values), [None] * len(values)
        traits = served.runner.item_reader.traits(rows.arrays)  # of a photo, some milliseconds
        found = served.reference.signals_of(Measured(None, values, traits))
        signals = [
            {name: float(f"{x:.9g}") for name, x in zip(found.names, row, strict=True)}
            for row in found.table
        ]
        known = found.answers
        return signals, [None if known is None else int(known[i]) for i in range(len(values))]


class Text(bytes):
    """Holds what a request has as a string, in UTF-8: no string, which might name a file here."""


def _check(reader: ItemReader, items: Sequence[Any], most: int) -> None:
    """Refuses texts where others are taken, and photos of too many pixels.

    Raises:
        ValueError: Some item is refused.
    """
    for item in items:
        if isinstance(item, Text) and reader.takes:
            raise ValueError(f"This model takes {reader.takes}. Received: a text")
        if isinstance(item, bytes):
            reader.check_size(item, most)


def item_of(given: Any) -> Any:
    """Makes an item of a value of JSON: `{"b64": ...}`, a text, or nested lists of numbers.

    What it gives is never a string, which a reader would take for the path of a file here.
    """
    if isinstance(given, dict):
        for key in ("b64", "text"):
            if set(given) == {key} and isinstance(given[key], str):
                return of_base64(given[key]) if key == "b64" else _as_bytes(given[key])
        if len(given) == 1:  # an input by its name, as Vertex and KServe send it
            return item_of(next(iter(given.values())))
        raise bad('An item is {"b64": ...}, a text or a list of numbers.')
    if isinstance(given, str):
        return _as_bytes(given)
    if not isinstance(given, list):
        raise bad('An item is {"b64": ...}, a text or a list of numbers.')
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise bad("A list of numbers has lists of one length only.") from error
    if array.dtype.kind not in "biuf":
        raise bad("An item as a list holds numbers only.")
    return array


def _as_bytes(text: str) -> Text:
    """Gives a text as UTF-8."""
    try:
        return Text(text.encode())
    except UnicodeEncodeError as error:
        raise bad("A text holds half of a surrogate pair.") from error


def _plain(told: dict[str, Any]) -> Any:
    """Gives what a prediction says in types that JSON has."""
    return json.loads(json.dumps(told, default=lambda x: np.asarray(x).tolist()))
