"""Defines how the answers to items come about: by default, in one forward pass of the network."""

import abc
import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

import keras
import numpy as np

from transferlearn.backbones.graph import before_last_layer
from transferlearn.backbones.pyramid import deepest_map
from transferlearn.data.dataset import Dataset
from transferlearn.data.iterating import iterate, without_retracing_advice
from transferlearn.data.kind import Spec
from transferlearn.edge import OutputReader, TensorSpec
from transferlearn.edge.filling import joined_rows
from transferlearn.heads import Output
from transferlearn.json_fields import Json
from transferlearn.progress import stage, working
from transferlearn.types import Tensor

# One prediction at a time: on JAX a running one holds the model's state, and TensorFlow then
# compiles only once.
_predicting = threading.Lock()


@without_retracing_advice()
def of_batch(model: keras.Model, batch: object) -> Any:
    """Returns a model's outputs for one batch, in the short way."""
    with _predicting:
        return model.predict_on_batch(batch)


@without_retracing_advice()
def of_rows(model: keras.Model, dataset: Dataset, batch_size: int) -> Any:
    """Returns a model's outputs for all rows of a dataset, in its order."""
    with _predicting:
        return dataset.run(model, batch_size=batch_size)


class Meaning(Protocol):
    """Has the parts of an `Encoding`, which explains them, that say what outputs mean."""

    @property
    def inputs(self) -> Mapping[str, Spec]: ...  # noqa: D102

    @property
    def outputs(self) -> Mapping[str, Output]: ...  # noqa: D102

    def meant(self, outputs: object) -> Json: ...  # noqa: D102

    def output_reader(self) -> OutputReader: ...  # noqa: D102


class Answerer(abc.ABC):
    """Answers batches of items; a fitted model, its server and its export all answer by it.

    When to use it: where an answer takes more than one forward pass, such as a text that is written
    token by token. `Encoding.answerer` makes one for a model.
    """

    @property
    @abc.abstractmethod
    def specs(self) -> Mapping[str, TensorSpec]:
        """The arrays that `named` returns, by name."""

    @abc.abstractmethod
    def named(self, x: object) -> dict[str, np.ndarray]:
        """Returns the answers to a batch by name, `(rows, ...)`, as an output reader takes them.

        Args:
            x: The items as the kind reads them: an array, or a sequence of several.
        """

    @abc.abstractmethod
    def __call__(self, x: object) -> np.ndarray:
        """Returns the answers to a batch as one array, as `OutputReader.as_values` makes it."""

    def of_rows(self, dataset: Dataset, batch_size: int) -> np.ndarray:
        """Returns the answers to all rows of a dataset, in its order."""
        found = []
        with working(), stage("predicting", dataset.size, dataset.noun, cost=1.0) as predicted:
            for x, *_ in iterate(dataset.batches(batch_size=batch_size)):
                found.append(self(x))
                predicted.advance(len(found[-1]))
        return joined_rows(found)

    def with_features(self, x: object) -> tuple[np.ndarray, np.ndarray]:
        """Returns the features of each row, float `(rows, features)`, and the answers to it.

        Raises:
            ValueError: It is not known where features are.
        """
        raise ValueError(f"{type(self).__name__} does not say what an item's features are.")


class OnePass(Answerer):
    """Answers by one forward pass, with defaults in the place of what targets would give.

    Args:
        meaning: The meaning of the outputs.
        model: The network, whose first inputs are the items.
    """

    def __init__(self, meaning: Meaning, model: keras.Model) -> None:
        self._meaning = meaning
        self._whole = model
        self.model = of_items_alone(model, meaning)

    @property
    def specs(self) -> Mapping[str, TensorSpec]:
        """The arrays that the network's outputs mean."""
        meant = self._meaning.meant(self.model.output)
        return {
            name: TensorSpec((None, *tensor.shape[1:]), str(tensor.dtype))
            for name, tensor in meant.items()
        }

    def named(self, x: object) -> dict[str, np.ndarray]:
        """Returns what the network's outputs mean, by name."""
        return named_of(self._meaning, of_batch(self.model, x))

    def __call__(self, x: object) -> np.ndarray:
        """Returns what the network's outputs mean."""
        return values_of(self._meaning, of_batch(self.model, x))

    def of_rows(self, dataset: Dataset, batch_size: int) -> np.ndarray:
        """Returns the answers to all rows.

        Where the network gives an item more than a row of numbers, its outputs become answers batch
        by batch: what a detector says of all places of thousands of photos fits into no memory.
        """
        if any(len(tensor.shape) > 2 for tensor in self.model.outputs):
            return super().of_rows(dataset, batch_size)
        return values_of(self._meaning, of_rows(self.model, dataset, batch_size))

    def with_features(self, x: object) -> tuple[np.ndarray, np.ndarray]:
        """Returns the features that `item_features` finds in the network, and the answers."""
        return parted(of_batch(self._probe, x), self._meaning)

    @cached_property
    def _probe(self) -> keras.Model:
        """The network with an item's features besides its outputs."""
        return of_items_alone(probe_of(self._whole, self._meaning), self._meaning)


def named_of(meaning: Meaning, outputs: object) -> dict[str, np.ndarray]:
    """Returns what a network's outputs mean, as arrays by name."""
    tensors = meaning.meant(outputs)
    return {name: keras.ops.convert_to_numpy(tensor) for name, tensor in tensors.items()}


def values_of(meaning: Meaning, outputs: object) -> np.ndarray:
    """Returns what a network's outputs mean, as the one array that figures are computed of."""
    return meaning.output_reader().as_values(named_of(meaning, outputs))


def item_features(model: keras.Model, meaning: Meaning) -> Tensor:
    """Returns the tensor of an item's features in a network, for monitors and pictures.

    It is what the last layer reads; of tokens, that of the first one; of cells and queries, the
    mean of the coarsest map over the photo, `(items, channels)`.

    Raises:
        ValueError: It is not known where they are.
    """
    per = {output.per for output in meaning.outputs.values()}
    if per & {"cell", "query"}:
        return keras.layers.GlobalAveragePooling2D()(deepest_map(model))
    features = before_last_layer(model)
    return features[:, 0] if "token" in per else features


def probe_of(model: keras.Model, meaning: Meaning) -> keras.Model:
    """Returns a model with the same layers that gives an item's features besides its output."""
    return keras.Model(model.input, [item_features(model, meaning), model.output])


def parted(made: Sequence[object], meaning: Meaning) -> tuple[np.ndarray, np.ndarray]:
    """Returns the features, one row an item, and the values in what `probe_of`'s model gave."""
    features, outputs = made
    features = np.asarray(features)
    return features.reshape(len(features), -1), values_of(meaning, outputs)


def of_items_alone(model: keras.Model, meaning: Meaning) -> keras.Model:
    """Returns a model of the items alone, whose further inputs always have their defaults.

    Args:
        model: A functional model, which is returned itself where it has no further inputs.
        meaning: Names the further inputs.
    """
    given = {name: spec.filled() for name, spec in meaning.inputs.items()}
    if not given:
        return model
    inputs = {
        tensor.name: keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name)
        for tensor in model.inputs
    }
    items = [tensor for name, tensor in inputs.items() if name not in given]
    nothing = keras.ops.zeros_like(items[0])  # how many items there are is known from them alone
    nothing = keras.ops.sum(nothing, axis=tuple(range(1, len(nothing.shape))))
    for name, row in given.items():
        zeros = keras.ops.reshape(keras.ops.cast(nothing, row.dtype.name), (-1, *[1] * row.ndim))
        inputs[name] = zeros + row[None]
    return keras.Model(items if len(items) > 1 else items[0], model(list(inputs.values())))
