"""Defines what reads texts token by token, and the way that any network allows: all anew."""

import abc

import keras
import numpy as np

from transferlearn.edge.generation import NextLogits, rounded
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
        last = keras.Input((), dtype="int32", name="last_token")
        logits = _Behind(name="logits_behind")(model.output, last)
        self._model = keras.Model([*model.inputs, last], logits)
        self._written = written

    def begin(self, *beside: np.ndarray) -> NextLogits:
        """Returns what reads a batch of texts."""
        return _ReadAnew(self._model, self._written, beside)


class _ReadAnew(NextLogits):
    """Holds the tokens of a batch, and reads them all for each further one."""

    def __init__(self, model: keras.Model, written: int, beside: tuple[np.ndarray, ...]) -> None:
        self._model = model
        self._written = written
        self._beside = beside

    def first(self, ids: np.ndarray, lengths: np.ndarray, room: int) -> np.ndarray:
        """Reads prompts."""
        self._ids = np.pad(ids, ((0, 0), (0, room)))
        self._beside = tuple(np.repeat(x, len(ids) // len(x), axis=0) for x in self._beside)
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
        inputs = list(self._beside)
        inputs.insert(self._written, self._ids[:, :length])
        last = self._lengths.astype("int32") - 1
        return np.asarray(self._model.predict_on_batch([*inputs, last]))


class _Behind(keras.layers.Layer):
    """Takes the logits of all tokens, and gives those of one token of each row."""

    # A layer, since operations of a model must have names that are not used in it.
    def call(self, logits: Tensor, place: Tensor) -> Tensor:
        """Returns the logits at a place of each row, `(rows, all tokens)`."""
        return keras.ops.take_along_axis(logits, place[:, None, None], axis=1)[:, 0]
