"""Runs a fitted model in Keras where the runner of an export is expected, as in a server."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from transferlearn.data import Corpus, Speech
from transferlearn.edge import ItemReader, Runner, TensorSpec
from transferlearn.edge.prompt_writer import Continues
from transferlearn.edge.runtimes import Runtime
from transferlearn.edge.transcripts import Transcript
from transferlearn.explaining import answers_of, explain
from transferlearn.explaining.explanations import has_explainer
from transferlearn.exporting.description import describe
from transferlearn.fitted import FittedModel, load
from transferlearn.fitted.generating import writing
from transferlearn.json_fields import Json
from transferlearn.tasks import WritingEncoding


class Keras(Runtime):
    """Runs a fitted model, one call at a time.

    Args:
        fitted: The model.
    """

    def __init__(self, fitted: FittedModel) -> None:
        self._answerer = fitted.answerer()
        self._inputs = tuple(fitted.kind.inputs())

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Runs the model, and turns its outputs into what they mean."""
        listed = [inputs[name] for name in self._inputs]
        return self._answerer.named(listed if len(listed) > 1 else listed[0])


class _Explaining:
    """Explains what a fitted model says of an item, one call at a time.

    Args:
        fitted: The model.
        reader: Reads the contents of files.
    """

    def __init__(self, fitted: FittedModel, reader: ItemReader) -> None:
        self._fitted = fitted
        self._reader = reader
        self._lock = threading.Lock()  # gradients make layers, by names that Keras counts

    def __call__(self, content: bytes) -> Json:
        """Explains the item in a file, or a text.

        Raises:
            ValueError: It cannot be read, or this model cannot be explained.
        """
        if self._fitted.kind.in_cells:
            given: Any = [content.decode()]
        else:
            given = next(iter(self._reader.read([content]).arrays.values()))
        with self._lock:
            found: Json = explain(self._fitted, given)[0].to_dict()
        return found


class _Transcribing:
    """Writes down recordings with a fitted model, one at a time.

    Args:
        fitted: The model.
    """

    def __init__(self, fitted: FittedModel) -> None:
        self._fitted = fitted
        self._lock = threading.Lock()
        encoding = fitted.encoding
        assert isinstance(encoding, WritingEncoding)
        self.language = encoding.known.language

    def __call__(self, item: object, **options: Any) -> Transcript:
        """Writes down a recording, such as a file's content."""
        with self._lock:
            found: Transcript = self._fitted.transcribe(item, **options)
        return found


def runner_of(fitted: FittedModel) -> Runner:
    """Returns a runner that predicts with a fitted model itself, five to ten times slower.

    When to use it: to serve a model that has no export, or without waiting for one.
    """
    inputs = {
        tensor.name: TensorSpec((None, *tensor.shape[1:]), str(tensor.dtype))
        for tensor in fitted.model.inputs
        if tensor.name not in fitted.encoding.inputs
    }
    described = describe(fitted, "keras", inputs, fitted.answerer().specs)
    readers = fitted.kind.reader_in_keras(), fitted.encoding.output_reader()
    runner = Runner.of(described, *readers, Keras(fitted))
    if answers_of(fitted.encoding) is not None and has_explainer(fitted.kind):
        runner.explainer = _Explaining(fitted, runner.item_reader)
    if isinstance(fitted.kind, Corpus):
        writes = writing(fitted)
        runner.writer = Continues(writes.writer, writes.begin)
    if isinstance(fitted.kind, Speech):
        runner.transcriber = _Transcribing(fitted)
    return runner


def runner_of_save(folder: Path, trusted: bool = False) -> Runner:
    """Returns a runner of the save in a folder."""
    return runner_of(load(folder, trusted=trusted))
