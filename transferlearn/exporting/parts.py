"""Makes of a model that writes texts the networks that are exported, and writes them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import keras

from transferlearn.data import Corpus
from transferlearn.data.texts import Tokenizer
from transferlearn.edge import TensorSpec
from transferlearn.edge.description import Part
from transferlearn.edge.parts import CACHE, DECODER, ENCODER
from transferlearn.edge.prompt_writer import PromptWriter
from transferlearn.edge.text_writer import TextWriter
from transferlearn.exporting.description import embedded
from transferlearn.exporting.formats import Format
from transferlearn.exporting.network import ServedNetwork
from transferlearn.fitted import FittedModel
from transferlearn.generating.cached import Cached
from transferlearn.generating.parts import Parts
from transferlearn.json_fields import Json
from transferlearn.tasks import WritingEncoding
from transferlearn.tasks.language.answering import Writing
from transferlearn.tasks.writing.answering import Writes
from transferlearn.types import Tensor

Function = Callable[[dict[str, Tensor]], dict[str, Tensor]]


def write_parts(
    fitted: FittedModel,
    writes: Writes | Writing,
    chosen: Format,
    folder: Path,
    quantize: str | None,
) -> dict[str, Part]:
    """Writes encoder and decoder, each into a folder of its own; language models have no encoder.

    Raises:
        ValueError: The network keeps no keys and values, so that it has no such parts.
    """
    parts = {}
    for name, network in _networks(fitted, writes).items():
        (folder / name).mkdir()
        chosen.write(network, folder / name, quantize, tuple)
        parts[name] = Part(f"{name}/{chosen.model}", network.inputs, network.outputs)
    return parts


def writer_of(fitted: FittedModel, writes: Writes | Writing) -> TextWriter | PromptWriter:
    """Returns what writes texts with the parts, without Keras.

    Raises:
        ValueError: The tokenizer needs Keras.
    """
    tokenizer = _tokenizer(fitted)
    if (for_edge := tokenizer.for_edge()) is None:
        raise ValueError(
            f"The tokenizer {type(tokenizer).__name__} runs where Keras is only, so no export can "
            "write texts. Serve the save itself: transferlearn serve FOLDER; or write "
            "Tokenizer.for_edge, see docs/exporting.md."
        )
    return replace(writes.writer, tokenizer=for_edge)


def _tokenizer(fitted: FittedModel) -> Tokenizer:
    """Returns the tokenizer of what is written."""
    if isinstance(fitted.kind, Corpus):
        return fitted.kind.tokenizer
    assert isinstance(fitted.encoding, WritingEncoding)
    return fitted.encoding.known.tokenizer


def _networks(fitted: FittedModel, writes: Writes | Writing) -> dict[str, ServedNetwork]:
    """Makes the functions of the parts, of which the encoder gives what the decoder reads."""
    reading = writes.reading
    if not isinstance(reading, Cached):
        raise ValueError(
            f"{fitted.outline.backbone} keeps no keys and values of what it has written, so it is "
            "not exported. Serve the save itself: transferlearn serve FOLDER"
        )
    parts = Parts(reading)
    caches = {
        f"{CACHE}{number}": TensorSpec((None, 2, None, *one.sizes[0]), one.dtype)
        for number, one in enumerate(reading.attention)
    }
    texts = {
        "token_ids": TensorSpec((None, None), "int32"),
        "index": TensorSpec((None,), "int32"),
        "begins": TensorSpec((None,), "int32"),
        **caches,
    }
    if reading.before is None:
        return {DECODER: _Traced(parts.read_tokens, texts).served(fitted)}
    items = {tensor.name: _spec(tensor) for tensor in reading.before.inputs}
    whole = _Traced(lambda given: parts.read_items(*given.values()), items)
    tokens = _Traced(parts.read_tokens, texts | whole.outputs)
    read = tokens.read()
    needed = {name: spec for name, spec in whole.outputs.items() if name in read}
    made = {
        ENCODER: _Traced(lambda given: _only(parts.read_items(*given.values()), needed), items),
        DECODER: _Traced(
            lambda given: parts.read_tokens(_with_blanks(given, whole.outputs)), texts | needed
        ),
    }
    return {name: traced.served(fitted) for name, traced in made.items()}


class _Traced:
    """Holds a function of tensors by name, as TensorFlow has traced it.

    Args:
        function: The function.
        inputs: What it takes.
    """

    def __init__(self, function: Function, inputs: Mapping[str, TensorSpec]) -> None:
        import tensorflow as tf

        def by_place(*tensors: object) -> Json:
            return function(dict(zip(inputs, tensors, strict=True)))

        signature = [tf.TensorSpec(spec.shape, spec.dtype, name) for name, spec in inputs.items()]
        self._function = tf.function(by_place, input_signature=signature, autograph=False)
        self._made = self._function.get_concrete_function()
        self.inputs = dict(inputs)
        self.outputs = {
            name: TensorSpec((None, *out.shape[1:]), out.dtype.name)
            for name, out in self._made.structured_outputs.items()
        }

    def read(self) -> set[str]:
        """Returns the names of the inputs on which an output depends."""
        waiting = [tensor.op for tensor in self._made.outputs]
        found = set[str]()
        while waiting:
            operation = waiting.pop()
            if operation.name not in found:
                found.add(operation.name)
                waiting += [tensor.op for tensor in operation.inputs]
        return found & self.inputs.keys()

    def served(self, fitted: FittedModel) -> ServedNetwork:
        """Returns the function as formats write it."""
        return ServedNetwork(
            model=fitted.model,
            function=self._function,
            inputs=self.inputs,
            outputs=self.outputs,
            metadata=embedded(fitted),
            labels=(),
        )


def _spec(tensor: Tensor) -> TensorSpec:
    """Returns the shape and the dtype of a model's input."""
    return TensorSpec((None, *tensor.shape[1:]), str(tensor.dtype))


def _only(tensors: dict[str, Tensor], names: Mapping[str, TensorSpec]) -> dict[str, Tensor]:
    """Returns some of the tensors."""
    return {name: tensors[name] for name in names}


def _with_blanks(tensors: dict[str, Tensor], specs: Mapping[str, TensorSpec]) -> dict[str, Tensor]:
    """Returns tensors with zeros in the place of those that are not there, and not read."""
    missing = {
        name: keras.ops.zeros([side or 1 for side in spec.shape], spec.dtype)
        for name, spec in specs.items()
        if name not in tensors
    }
    return tensors | missing
