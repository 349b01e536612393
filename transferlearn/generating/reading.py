"""Defines what reads texts token by token, and the way that any network allows: all anew."""

import abc
from collections.abc import Callable

import keras
import numpy as np

from transferlearn.backbones.graph import walk
from transferlearn.edge.generation import NextLogits, rounded
from transferlearn.generating.compiling import compiled_model
from transferlearn.types import Tensor


class Reading(abc.ABC):
    """Reads texts with one network; it is made once for a network, and read with often."""

    @abc.abstractmethod
    def begin(self, *beside: np.ndarray) -> NextLogits:
        """Returns what reads a batch of texts.

        Args:
            beside: The values of the network's other inputs, `(rows, ...)`, in their order.
        """


class Anew(Reading):
    """Reads all of each text anew for each token.

    Args:
        model: Gives logits `(rows, tokens, all tokens)` of token ids `(rows, tokens)`.
        written: The number of the input that takes these ids.
    """

    def __init__(self, model: keras.Model, written: int) -> None:
        last, ids = keras.Input((), dtype="int32", name="last_token"), model.inputs[written]
        beside = beside_ids(model, ids)
        others = [tensor for tensor in model.inputs if tensor is not ids]
        self._before = compiled_model(keras.Model(others, beside)) if beside else None
        logits = _Behind(name="logits_behind")(model.output, last)
        self._read = compiled_model(keras.Model([ids, *beside, last], logits))

    def begin(self, *beside: np.ndarray) -> NextLogits:
        """Returns what reads a batch of texts."""
        made = [] if self._before is None else self._before(*beside)
        return _ReadAnew(self._read, [keras.ops.convert_to_numpy(x) for x in made])


class _ReadAnew(NextLogits):
    """Holds the tokens of a batch, and reads them all for each further one.

    Args:
        read: Takes the tokens, what is read beside them, and the place of each last token.
        beside: What is read beside the tokens, `(rows, ...)`.
    """

    def __init__(self, read: Callable[..., list[Tensor]], beside: list[np.ndarray]) -> None:
        self._behind = read
        self._beside = beside

    def first(self, ids: np.ndarray, lengths: np.ndarray, room: int) -> np.ndarray:
        """Reads prompts."""
        self._ids = np.pad(ids, ((0, 0), (0, room)))
        self._beside = [np.repeat(x, len(ids) // len(x), axis=0) for x in self._beside]
        self._lengths = lengths.copy()
        return self._read()

    def next(self, tokens: np.ndarray) -> np.ndarray:
        """Reads one more token of each text."""
        self._ids[np.arange(len(tokens)), self._lengths] = tokens
        self._lengths += 1
        return self._read()

    def reorder(self, rows: np.ndarray) -> None:
        """Puts these texts in the place of all."""
        self._ids, self._lengths = self._ids[rows], self._lengths[rows]

    def _read(self) -> np.ndarray:
        """Returns the logits behind all texts."""
        length = min(rounded(int(self._lengths.max())), self._ids.shape[1])
        last = self._lengths.astype("int32") - 1
        given = [self._ids[:, :length], *self._beside, last]
        (logits,) = self._behind(*given)
        return np.asarray(keras.ops.convert_to_numpy(logits))


class _Behind(keras.layers.Layer):
    """Takes the logits of all tokens, and gives those of one token of each row."""

    # A layer, since operations of a model must have names that are not used in it.
    def call(self, logits: Tensor, place: Tensor) -> Tensor:
        """Returns the logits at a place of each row, `(rows, all tokens)`."""
        return keras.ops.take_along_axis(logits, place[:, None, None], axis=1)[:, 0]


def beside_ids(model: keras.Model, ids: Tensor) -> list[Tensor]:
    """Returns the tensors that do not depend on the ids, and are read with what does."""
    depending, found = {id(ids)}, dict[int, Tensor]()
    for step in walk(model):
        if any(id(tensor) in depending for tensor in step.inputs):
            depending |= {id(tensor) for tensor in step.outputs}
            found |= {id(x): x for x in step.inputs if id(x) not in depending}
    return list(found.values())
