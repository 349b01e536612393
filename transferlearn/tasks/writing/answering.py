"""Writes a text for each item, and tells how likely the right ones are."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import keras
import numpy as np

from transferlearn.backbones.graph import made_of, of_any_length
from transferlearn.data import Dataset, WrittenTargets, WrittenTokens
from transferlearn.data.iterating import iterate
from transferlearn.data.sequences import Writer
from transferlearn.data.texts.tokenizer import TokenizerInKeras
from transferlearn.edge import Sampling, TensorSpec, WrittenReader
from transferlearn.edge.generation import NextLogits
from transferlearn.edge.written import as_bytes
from transferlearn.generating import Reading, reading_of
from transferlearn.progress import stage, working
from transferlearn.tasks.answering import Answerer, of_batch
from transferlearn.tasks.writing.figures import packed
from transferlearn.types import Tensor


class Writes(Answerer):
    """Writes texts; an answer is the bytes of the text, uint8 `(rows, bytes)`.

    Args:
        model: The network, which takes items and what is written of each.
        writer: Knows the tokens that it writes.
        sampling: Says how tokens are chosen.

    Attributes:
        known: Knows the tokens that are written.
        writer: Writes texts with what `begin` returns.
    """

    def __init__(self, model: keras.Model, writer: Writer, sampling: Sampling) -> None:
        self._model = model
        self.known = writer
        self.writer = writer.at_edge(TokenizerInKeras(writer.tokenizer), sampling)

    @cached_property
    def reading(self) -> Reading:
        """What reads token by token what is written; it compiles, so that it waits for an item."""
        return reading_of(as_any_length(self._model), written=len(self._model.inputs) - 1)

    @property
    def specs(self) -> Mapping[str, TensorSpec]:
        """The bytes of the texts."""
        return {WrittenReader.output: TensorSpec((None, None), "uint8")}

    def named(self, x: object) -> dict[str, np.ndarray]:
        """Returns the bytes of the texts by name."""
        return {WrittenReader.output: self(x)}

    def __call__(self, x: object) -> np.ndarray:
        """Returns the bytes of the text for each item."""
        return as_bytes(self.texts(x))

    def texts(self, x: Any) -> list[str]:
        """Returns the text for each item of a batch."""
        rows = len(keras.tree.flatten(x)[0])
        return [one.text for one in self.writer.wrote(self.begin(x), rows)]

    def begin(self, x: np.ndarray) -> NextLogits:
        """Returns what reads token by token what is written of a batch of items."""
        return self.reading.begin(*keras.tree.flatten(x))


class Judges(Answerer):
    """Writes texts, and tells how unlikely the right ones are: both as `packed` joins them.

    Args:
        model: The network.
        writes: Writes texts with it.
        writer: Knows the tokens.
    """

    def __init__(self, model: keras.Model, writes: Writes, writer: Writer) -> None:
        model = as_any_length(model)
        found = _Likelihood(name="likelihood_of_right")
        right = keras.Input((None,), dtype="int32", name="right_token_ids")
        self._model = keras.Model([*model.inputs, right], found(model.output, right))
        self._whole = model
        self._writes = writes
        self._writer = writer

    @cached_property
    def _states(self) -> keras.Model:
        """The model that gives the encoder's states."""
        items = self._whole.inputs[:-1]
        return keras.Model(items if len(items) > 1 else items[0], _states(self._whole))

    @property
    def specs(self) -> Mapping[str, TensorSpec]:
        """What `packed` gives."""
        return {"judged": TensorSpec((None, None), "float64")}

    def named(self, x: object) -> dict[str, np.ndarray]:
        """Returns what `packed` gives by name."""
        return {"judged": self(x)}

    def __call__(self, x: object) -> np.ndarray:
        """Returns the texts alone: how unlikely the right ones are is not known without them."""
        rows = self._writes.texts(x)
        return packed(rows, np.full(len(rows), np.nan), np.zeros(len(rows)))

    def with_features(self, x: Any) -> tuple[np.ndarray, np.ndarray]:
        """Returns the mean of the encoder's states of each item, and the texts as `packed` does.

        How unlikely each text is, is that of what was written itself: the right one is not known.
        """
        items = keras.tree.flatten(x)
        states = np.asarray(
            of_batch(self._states, items if len(items) > 1 else items[0]), "float32"
        )
        known = np.ones(states.shape[:2])
        if states.shape[1] == np.shape(items[0])[1]:  # of recordings, every place is one
            known = np.asarray(items[0]) != self._writer.tokenizer.padding
        features = (states * known[..., None]).sum(axis=1)
        features /= np.maximum(known.sum(axis=1, keepdims=True), 1)
        texts = self._writes.texts(x)
        nats, tokens = self._unlikely(items, texts)
        return features, packed(texts, nats, tokens)

    def _unlikely(self, items: Sequence[np.ndarray], texts: list[str]) -> tuple[np.ndarray, ...]:
        """Returns how unlikely texts are behind items, in nats, and how many tokens they have."""
        encode = WrittenTokens(self._writer, self._writer.length_for(texts))
        encoded = encode(np.array(texts, object))
        nats = of_batch(self._model, [*items, *encoded.inputs, encoded.targets])
        return np.asarray(nats, "float64"), (np.asarray(encoded.targets) >= 0).sum(axis=1)

    def of_rows(self, dataset: Dataset, batch_size: int) -> np.ndarray:
        """Returns the text for each row of a dataset, and how unlikely its right one is."""
        targets = dataset.learnt
        assert isinstance(targets, WrittenTargets)
        encode = WrittenTokens(self._writer, self._writer.length_for(targets.texts))
        texts, nats, tokens = list[str](), list[np.ndarray](), list[np.ndarray]()
        batches = dataset.batches(batch_size=batch_size, encode=encode)
        with working(), stage("predicting", dataset.size, dataset.noun, cost=1.0) as predicted:
            for (*x, read), y, *_ in iterate(batches):
                texts += self._writes.texts(x if len(x) > 1 else x[0])
                nats.append(np.asarray(of_batch(self._model, [*x, read, y]), "float64"))
                tokens.append((y >= 0).sum(axis=1))
                predicted.advance(len(y))
        return packed(texts, np.concatenate(nats), np.concatenate(tokens))


def _states(model: keras.Model) -> Tensor:
    """Returns the last states of the items themselves, `(rows, places, channels)`."""
    alone = made_of(model, model.inputs[:-1])
    learnt = [step for step in alone if getattr(step.operation, "weights", ())]
    states: Tensor = learnt[-1].outputs[0]
    return states


class _Likelihood(keras.layers.Layer):
    """Takes logits and the right tokens; gives the sum of their negative log-likelihoods."""

    # A layer, since operations of a model must have names that are not used in it.
    def call(self, logits: Tensor, right: Tensor) -> Tensor:
        """Returns nats `(rows,)`; tokens below 0 do not count."""
        losses = keras.ops.sparse_categorical_crossentropy(
            keras.ops.maximum(right, 0), logits, from_logits=True
        )
        return keras.ops.sum(losses * keras.ops.cast(right >= 0, losses.dtype), axis=1)


def as_any_length(model: keras.Model) -> keras.Model:
    """Returns a model that takes token ids of any length; one of recordings is as it was."""
    first = model.inputs[0]
    is_text = len(first.shape) == 2 and keras.backend.is_int_dtype(first.dtype)
    return of_any_length(model) if is_text and first.shape[1] is not None else model
