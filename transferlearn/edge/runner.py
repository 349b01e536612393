"""Predicts with an exported folder, without TensorFlow and Keras."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from transferlearn.atomic_files import whole_place
from transferlearn.edge.audio_reader import AudioReader
from transferlearn.edge.description import FILE, Description
from transferlearn.edge.filling import joined_rows
from transferlearn.edge.item_reader import ItemReader, Rows, joined
from transferlearn.edge.maps.reading import predict_in_tiles
from transferlearn.edge.output_reader import OutputReader
from transferlearn.edge.parts import ContinuesInParts, HearsInParts, WritesInParts, opened
from transferlearn.edge.runtimes import Runtime
from transferlearn.edge.transcripts import Transcriber
from transferlearn.edge.windows import predict_in_windows
from transferlearn.edge.written import Writer
from transferlearn.json_fields import Json

_AT_ONCE = 32  # rows


class BrokenModelError(ValueError):
    """Is raised for a model whose outputs are no answer, whatever it was asked."""


class Runner:
    """Predicts with a folder that `tl.export` wrote; it needs no TensorFlow and no Keras.

    When to use it: on a small machine, in a service, wherever a prediction has to begin quickly.
    Several threads may use one runner.

    Args:
        folder: The folder.
        threads: The number of threads to compute with; `None`: one for each core.
        trusted: Whether a SavedModel may run, which is a program and could do more than compute.

    Attributes:
        description: What `export.json` says: inputs, outputs, hash of the model and more.
        item_reader: Makes the model's inputs of items.
        output_reader: Makes predictions of the model's outputs.
        explainer: Says why the model answers as it does, for one item as JSON can hold it; `None`
            for exports, since it takes Keras.
        writer: Writes behind prompts piece by piece; `None` for models of other tasks.
        transcriber: Writes down what is said in a recording; `None` for models of other tasks.

    Raises:
        OSError: There is no export in the folder.
        ValueError: A file is not what was exported.
        ImportError: The runtime is not installed; the message says what to install.

    Example:
        Runner("flowers-onnx").predict("photo.jpg").class_name
    """

    explainer: Callable[[bytes], Json] | None = None
    writer: Writer | None = None
    transcriber: Transcriber | None = None

    def __init__(
        self, folder: str | Path, *, threads: int | None = None, trusted: bool = False
    ) -> None:
        folder = whole_place(Path(folder), FILE)
        self.description = Description.read(folder)
        try:
            self.item_reader = ItemReader.named(dict(self.description.item_reader), folder)
            reader: OutputReader
            reader = OutputReader.named(dict(self.description.output_reader), folder)
            self.output_reader = reader
            self.item_reader.check_inputs(self.description.inputs)
            self.output_reader.check_outputs(self.description.outputs)
        except ValueError as error:
            raise ValueError(f"{folder / FILE} does not fit: {error}") from error
        self._runtime = opened(self.description, folder, threads, trusted)
        if isinstance(self._runtime, WritesInParts) and isinstance(self.item_reader, AudioReader):
            self.transcriber = HearsInParts(self._runtime, self.item_reader)
        if isinstance(self._runtime, ContinuesInParts):
            self.writer = self._runtime.continues

    def __repr__(self) -> str:
        about = self.description
        size = f", {about.quantize}" if about.quantize else ""
        return f"{type(self).__name__}({about.format}{size}, {', '.join(about.outputs)})"

    @classmethod
    def of(
        cls,
        description: Description,
        item_reader: ItemReader,
        output_reader: OutputReader,
        runtime: Runtime,
    ) -> Self:
        """Makes a runner of its parts, without a folder."""
        runner = cls.__new__(cls)
        vars(runner).update(
            description=description,
            item_reader=item_reader,
            output_reader=output_reader,
            _runtime=runtime,
        )
        return runner

    def predict(
        self,
        items: object,
        *,
        tile: int | tuple[int, int] | None = None,
        windows: float | None = None,
        hop: float | None = None,
    ) -> Any:
        """Predicts on one item or on several, as `FittedModel.predict` does.

        Args:
            items: Photos: a path, a folder, the bytes of a file, a Pillow picture, an array
                `(height, width, 3)` of raw pixels in [0, 255], or a list of those. Texts: a string,
                a `Path` of a file or a folder, or a list of those. Other kinds: arrays.
            tile: For masks of large photos, the side of overlapping tiles in pixels, see
                `FittedModel.predict`.
            windows: For long recordings, the length in seconds of overlapping windows, see
                `FittedModel.predict`.
            hop: The seconds from one window to the next; by default half a window.

        Returns:
            A prediction for one item, else a list of them, in order. With `windows`, a list of
            `tl.edge.Window` for each recording.

        Raises:
            ValueError: An item cannot be read.
            OSError: There is no such file.
        """
        single = self.item_reader.is_one(items)
        given = self.item_reader.listed(items)
        predictions = []
        if tile is not None:
            predictions = [self._in_tiles(item, tile) for item in given]
        elif windows is not None or hop is not None:
            readers = self.item_reader, self.output_reader
            predictions = [
                predict_in_windows(*readers, item, windows, hop, self._of_arrays) for item in given
            ]
        else:
            for begin in range(0, len(given), _AT_ONCE):
                predictions += self._of_some(given[begin : begin + _AT_ONCE])
        return predictions[0] if single else predictions

    def transcribe(self, recordings: object, **options: object) -> Any:
        """Writes down what is said in recordings of any length, as `FittedModel.transcribe` does.

        Args:
            recordings: A path, bytes, samples, or a list of those; or a folder.
            options: Settings of a `tl.edge.Sampling` that differ from the model's own.

        Returns:
            A `tl.edge.Transcript`, or a list of them.

        Raises:
            TypeError: The model writes nothing down.
            ValueError: A recording cannot be read.
        """
        if self.transcriber is None:
            raise TypeError("This model writes nothing down of recordings: predict(...) answers.")
        if self.item_reader.is_one(recordings):
            return self.transcriber(recordings, **options)
        return [self.transcriber(one, **options) for one in self.item_reader.listed(recordings)]

    def _of_some(self, items: Sequence[object]) -> list[Any]:
        """Predicts on items; of long recordings, some rows are read at a time."""
        # The outputs of all rows are kept, and not the rows.
        parts = [
            rows._replace(arrays=self._of_arrays(rows.arrays))
            for rows in self.item_reader.read_in_parts(items)
        ]
        rows = joined(parts)
        outputs = self.output_reader.of_items(rows.arrays, rows._replace(arrays={}))
        return self.output_reader.read(outputs, rows.seen)

    def _in_tiles(self, item: object, tile: int | tuple[int, int]) -> Any:
        """Predicts on one photo tile by tile."""
        (name,) = self.description.inputs

        def run(tiles: np.ndarray) -> np.ndarray:
            (maps,) = self._of_arrays({name: tiles}).values()
            return maps

        return predict_in_tiles(self.item_reader, self.output_reader, item, tile, run)

    def run(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Runs the model on arrays, and gives its outputs by name.

        Args:
            arrays: The inputs by name, `(batch, ...)`, as `description.inputs` says.

        Raises:
            ValueError: An input is missing, or has another shape or dtype.
            BrokenModelError: The model gives NaN or infinity, or other outputs than
                `description.outputs` says.
        """
        wanted = self.description.inputs
        if arrays.keys() != wanted.keys():
            raise ValueError(f"The inputs are {', '.join(wanted)}. Received: {', '.join(arrays)}")
        for name, spec in wanted.items():
            spec.check(name, arrays[name])
        outputs = self._runtime.run(arrays)
        if outputs.keys() != self.description.outputs.keys():
            raise BrokenModelError(
                f"The model gives {', '.join(outputs) or 'nothing'}, and {FILE} says "
                f"{', '.join(self.description.outputs)}."
            )
        for name, array in outputs.items():
            if not np.isfinite(array).all():
                rows = np.isfinite(array).reshape(len(array), -1).all(axis=1)
                raise BrokenModelError(
                    f"The model gives NaN or infinity as {name} for item {rows.argmin()} of "
                    f"{len(array)}. Its weights are spoilt, or what went in was."
                )
        return outputs

    def outputs(self, rows: Rows) -> dict[str, np.ndarray]:
        """Returns the outputs for items by name, made of those for their rows."""
        return self.output_reader.of_items(self._of_arrays(rows.arrays), rows)

    def _of_arrays(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns the outputs for rows of any number, in the dtypes that the model takes."""
        inputs = {
            name: as_dtype(arrays[name], spec.dtype)
            for name, spec in self.description.inputs.items()
        }
        rows = len(next(iter(inputs.values())))
        parts = [
            self.run({name: array[begin : begin + _AT_ONCE] for name, array in inputs.items()})
            for begin in range(0, rows, _AT_ONCE)
        ]
        return {name: joined_rows([part[name] for part in parts]) for name in parts[0]}


def as_dtype(array: np.ndarray, dtype: str) -> np.ndarray:
    """Returns an array in another dtype, rounded where that holds whole numbers only."""
    if array.dtype.kind == "f" and np.dtype(dtype).kind in "iu":
        array = np.rint(array)
    return array.astype(dtype, copy=False)
