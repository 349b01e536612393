"""Predicts on what requests hold, and notes what came of it."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from transferlearn.edge import OutputReader, TensorSpec
from transferlearn.edge.item_reader import ItemReader, Rows, Seen
from transferlearn.edge.runner import BrokenModelError
from transferlearn.json_fields import Json
from transferlearn.monitoring import Measured
from transferlearn.serving.accepting import Accepted
from transferlearn.serving.errors import WRONG, RequestRefusedError, bad, naming_item
from transferlearn.serving.items import Text
from transferlearn.serving.log import PredictionLog, Row
from transferlearn.serving.metrics import Metrics
from transferlearn.serving.models import Served
from transferlearn.serving.settings import Settings
from transferlearn.serving.statistics import Statistics


class Answer(NamedTuple):
    """Holds what a model says of the items of a request.

    Attributes:
        predictions: A prediction for each item, as JSON holds it.
        outputs: The outputs by name.
    """

    predictions: list[object]
    outputs: dict[str, np.ndarray]


class Predictor:
    """Predicts, counts and logs.

    Args:
        metrics: The counters.
        log: The log, or `None`.
        settings: The limits.

    Attributes:
        statistics: The counts of each version of a model.
    """

    def __init__(self, metrics: Metrics, log: PredictionLog | None, settings: Settings) -> None:
        self.statistics = Statistics()
        self._metrics = metrics
        self._log = log
        self._keeps = settings.keep_photos
        self._most_rows = settings.most_rows
        self._most_pixels = settings.most_pixels

    def items(self, served: Served, items: Sequence[object], request_id: str) -> Answer:
        """Predicts on items: the bytes of files or of texts, or arrays."""
        predictions, outputs = self._predicted(served, items, request_id)
        reader = served.runner.output_reader
        return Answer([_plain(reader.as_json(prediction)) for prediction in predictions], outputs)

    def answer(
        self, served: Served, items: Sequence[object], request_id: str, kinds: Accepted
    ) -> Answer | bytes:
        """Predicts on items; returns a PNG of the only one where the client would rather have it.

        Raises:
            RequestRefusedError: The client takes PNGs only, and there is none (406).
        """
        reader = served.runner.output_reader
        if kinds.png and len(items) == 1 and type(reader).as_png is not OutputReader.as_png:
            (prediction,), _ = self._predicted(served, items, request_id)
            content = reader.as_png(prediction, items[0])
            assert content is not None  # since this reader makes them
            return content
        if kinds.png and not kinds.json:
            why = (
                f"there are {len(items)} items"
                if len(items) != 1
                else "this model gives no pictures"
            )
            raise RequestRefusedError(406, f"A PNG is asked for, and {why}.")
        return self.items(served, items, request_id)

    def _predicted(
        self, served: Served, items: Sequence[object], request_id: str
    ) -> tuple[list[object], dict[str, np.ndarray]]:
        """Predicts on items, and notes what came of it; gives predictions, and outputs by name."""
        if not 0 < len(items) <= self._most_rows:
            raise bad(f"A request has 1 to {self._most_rows} items. Received: {len(items)}")
        with self.statistics.counted(served, len(items)):
            predictions, outputs = self._computed(served, items, request_id)
        self.keep(items, request_id)
        return predictions, outputs

    def _computed(
        self, served: Served, items: Sequence[object], request_id: str
    ) -> tuple[list[object], dict[str, np.ndarray]]:
        """Reads items, runs the model, and notes what came of it."""
        started = time.perf_counter()
        runner = served.runner
        most = self._most_pixels // runner.output_reader.scale**2  # of an answer, which is larger
        rows = read_items(runner.item_reader, items, most)
        try:
            outputs = runner.outputs(rows)
        except BrokenModelError as error:
            raise RequestRefusedError(500, str(error)) from error
        except WRONG as error:
            raise bad(" ".join(str(error).split())[:500]) from error
        predictions = runner.output_reader.read(outputs, rows.seen)
        seconds = time.perf_counter() - started
        self.note(served, rows, outputs, request_id, seconds)
        return predictions, outputs

    def keep(self, items: Sequence[object], request_id: str) -> None:
        """Keeps the items of a request in the log, where that is wished."""
        if self._keeps and self._log is not None:
            self._log.sent(request_id, items, time.time())

    def explained(self, served: Served, items: Sequence[object]) -> Json:
        """Explains why a model answers as it does, for one photo or text."""
        explainer = served.runner.explainer
        if explainer is None:
            raise RequestRefusedError(
                404, f"{served.name} says no reasons: serve the save, which Keras runs."
            )
        if len(items) != 1 or not isinstance(items[0], bytes):
            raise bad("One photo or one text is explained at a time.")
        try:
            _check(served.runner.item_reader, items[0], self._most_pixels)
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
        started = time.perf_counter()
        with self.statistics.counted(served, len(first)):
            for name, array in arrays.items():
                if (odd := _not_finite(array)) is not None:
                    refusal = bad(f"{name!r:.80} holds NaN or infinity.")
                    raise refusal.of_item(odd, len(array))
            wanted = _as_wanted(arrays, served.runner.description.inputs)
            try:
                outputs = served.runner.run(wanted)
            except BrokenModelError as error:
                raise RequestRefusedError(500, str(error)) from error
            except ValueError as error:
                raise bad(" ".join(str(error).split())[:500]) from error
            rows = Rows(wanted, np.arange(len(first)), [Seen()] * len(first))
            self.note(served, rows, outputs, request_id, time.perf_counter() - started)
        return outputs

    def note(
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
        """Returns what is watched of each item, and its answer; nothing without a reference."""
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


def read_items(reader: ItemReader, items: Sequence[Any], most: int) -> Rows:
    """Reads items, or names the first that is wrong.

    Raises:
        RequestRefusedError: An item is refused or cannot be read (400).
    """
    count = len(items)
    for i, item in enumerate(items):
        with naming_item(i, count):
            _check(reader, item, most)
    try:
        return reader.read(items)
    except WRONG as error:
        for i, item in enumerate(items):
            with naming_item(i, count):
                reader.read([item])
                if (shape := np.shape(item)) != (first := np.shape(items[0])):
                    raise bad(f"Its shape is {shape}, and that of the first {first}.") from error
        raise bad(" ".join(str(error).split())[:500]) from error


def _check(reader: ItemReader, item: Any, most: int) -> None:
    """Refuses a text where others are taken, and a photo of too many pixels.

    Raises:
        ValueError: The item is refused.
    """
    if isinstance(item, Text) and reader.takes:
        raise ValueError(f"This model takes {reader.takes}. Received: a text")
    if isinstance(item, bytes):
        reader.check_size(item, most)


def _not_finite(array: np.ndarray) -> int | None:
    """Returns the first row with NaN or infinity, or `None`."""
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return None
    return int(np.argmin(np.isfinite(array).reshape(len(array), -1).all(axis=1)))


def _as_wanted(
    arrays: Mapping[str, np.ndarray], wanted: Mapping[str, TensorSpec]
) -> dict[str, np.ndarray]:
    """Returns arrays in the dtypes that the model takes, where no number changes by it."""
    found = dict(arrays)
    for name, spec in wanted.items():
        if name in found and np.can_cast(found[name].dtype, spec.dtype, "safe"):
            found[name] = found[name].astype(spec.dtype, copy=False)
    return found


def _plain(recorded: Json) -> Any:
    """Returns what a prediction says in types that JSON has."""
    return json.loads(json.dumps(recorded, default=lambda x: np.asarray(x).tolist()))
