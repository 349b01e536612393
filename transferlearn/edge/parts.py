"""Writes texts with a network that was exported in parts: an encoder, if any, and a decoder."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from transferlearn.edge.audio_reader import AudioReader
from transferlearn.edge.description import FILE, Description, TensorSpec
from transferlearn.edge.generation import NextLogits, RightAligned
from transferlearn.edge.prompt_writer import Continues, PromptWriter
from transferlearn.edge.runtimes import Runtime, check_listed, open_runtime
from transferlearn.edge.speech import Hears, transcript_of
from transferlearn.edge.text_writer import TextWriter
from transferlearn.edge.transcripts import Transcript
from transferlearn.edge.written import LOGITS, WrittenReader, as_bytes

ENCODER, DECODER = "encoder", "decoder"  # the names of the parts
CACHE = "cache_"  # begins the names of the keys and values of what is written
NEW = "new_"  # goes before them where the decoder gives them
PROMPTS = {"token_ids": TensorSpec((None, None), "int32")}  # what goes in where nothing is encoded

_LARGEST = 2**20  # heads times their width


class WritesInParts(Runtime):
    """Writes a text for each item: one part reads the items once, the other token by token.

    Args:
        encoder: Runs the part that reads items.
        decoder: Runs the part that reads some tokens of each text.
        inputs: What the decoder takes, by name.
        writer: Writes texts.
    """

    def __init__(
        self,
        encoder: Runtime,
        decoder: Runtime,
        inputs: Mapping[str, TensorSpec],
        writer: TextWriter,
    ) -> None:
        self._encoder = encoder
        self._decoder = decoder
        self._caches = {name: _heads(spec) for name, spec in inputs.items() if CACHE in name}
        self.writer = writer

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns the bytes of the texts by name, uint8 `(rows, bytes)`."""
        rows = len(next(iter(inputs.values())))
        texts = [one.text for one in self.writer.wrote(self.begin(inputs), rows)]
        return {WrittenReader.output: as_bytes(texts)}

    def begin(self, inputs: Mapping[str, np.ndarray]) -> NextLogits:
        """Returns what reads token by token what is written of a batch of items."""
        return _Steps(self._decoder, self._caches, self._encoder.run(inputs))


class ContinuesInParts(Runtime):
    """Goes on with prompts, which one part reads token by token.

    Args:
        decoder: Runs the part that reads some tokens of each text.
        inputs: What it takes, by name.
        writer: Goes on with prompts.

    Attributes:
        continues: Goes on with prompts by these.
    """

    def __init__(
        self, decoder: Runtime, inputs: Mapping[str, TensorSpec], writer: PromptWriter
    ) -> None:
        self._decoder = decoder
        self._caches = {name: _heads(spec) for name, spec in inputs.items() if CACHE in name}
        self.continues = Continues(writer, self.begin)

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns the bytes of the texts by name, uint8 `(rows, bytes)`."""
        (prompts,) = inputs.values()
        return {WrittenReader.output: as_bytes(self.continues.texts(prompts))}

    def begin(self, inputs: object = None) -> NextLogits:
        """Returns what reads a batch of texts token by token."""
        return _Steps(self._decoder, self._caches, {})


class _Steps(RightAligned):
    """Holds the keys and values of a batch of texts.

    Args:
        decoder: Reads tokens.
        sizes: The number and the width of the heads of each cache, and its dtype, by its name.
        memory: What was read of the items.
    """

    def __init__(
        self,
        decoder: Runtime,
        sizes: Mapping[str, tuple[int, int, str]],
        memory: Mapping[str, np.ndarray],
    ) -> None:
        self._decoder = decoder
        self._memory = memory
        self._sizes = sizes
        self._caches: dict[str, np.ndarray] = {}

    def keep(self, rows: int, places: int) -> None:
        """Makes empty caches."""
        self._caches = {
            name: np.zeros((rows, 2, places, heads, width), dtype)
            for name, (heads, width, dtype) in self._sizes.items()
        }
        self._memory = {n: np.repeat(x, rows // len(x), axis=0) for n, x in self._memory.items()}

    def reorder(self, rows: np.ndarray) -> None:
        """Puts the keys and values of these texts in the place of all."""
        self._caches = {name: cache[rows] for name, cache in self._caches.items()}

    def read(self, ids: np.ndarray, index: int, begins: np.ndarray) -> np.ndarray:
        """Reads tokens of each text."""
        at = np.full(len(ids), index, np.int32)
        given = {"token_ids": ids, "index": at, "begins": begins}
        made = self._decoder.run({**given, **self._caches, **self._memory})
        logits = made.pop(LOGITS)
        self._caches = {name.removeprefix(NEW): array for name, array in made.items()}
        return logits


def _heads(spec: TensorSpec) -> tuple[int, int, str]:
    """Returns the number and the width of the heads in a cache, and its dtype.

    Raises:
        ValueError: It is no cache.
    """
    match spec.shape:
        case (None, 2, None, int(heads), int(width)) if heads * width <= _LARGEST:
            return heads, width, spec.dtype
    raise ValueError(
        f"The decoder keeps keys and values of the shape {spec.shape}, which none are."
    )


class HearsInParts:
    """Writes down recordings of any length with a network in parts.

    Args:
        runtime: Writes texts for rows of samples.
        reader: Reads recordings.
    """

    def __init__(self, runtime: WritesInParts, reader: AudioReader) -> None:
        self._runtime = runtime
        self._reader = reader
        self.language = runtime.writer.language

    def __call__(self, item: object, **options: object) -> Transcript:
        """Writes down one recording, by other settings of a `Sampling` where options say so."""
        writer = self._runtime.writer
        writer = replace(writer, sampling=writer.sampling.changed(options))
        hears = Hears(lambda x: self._runtime.begin({self._reader.input: x}), writer)
        return transcript_of(hears, self._reader, item)


def opened(description: Description, folder: Path, threads: int | None, trusted: bool) -> Runtime:
    """Opens the network of an export, which may have parts.

    Args:
        description: What `export.json` says.
        folder: The folder of the export.
        threads: The number of threads to compute with; `None`: one for each core.
        trusted: Whether a file may run that is a program, and could do more than compute.

    Raises:
        ValueError: A file is damaged or not trusted, or the parts do not fit together.
    """
    listed = [folder / name for name in description.files]
    format, parts = description.format, description.parts

    def run(model: str) -> Runtime:
        check_listed(format, folder / model, listed)
        return open_runtime(format, folder / model, threads, trusted)

    if not parts:
        return run(description.model)
    if parts.keys() == {DECODER}:
        prompts = PromptWriter.named(dict(description.writer), folder)
        part = parts[DECODER]
        return ContinuesInParts(run(part.model), part.inputs, prompts)
    if parts.keys() != {ENCODER, DECODER}:
        raise ValueError(f"{folder / FILE} names the parts {sorted(parts)}, and not two.")
    writer = TextWriter.named(dict(description.writer), folder)
    encoder, decoder = (run(parts[name].model) for name in (ENCODER, DECODER))
    return WritesInParts(encoder, decoder, parts[DECODER].inputs, writer)
