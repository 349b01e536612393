"""Gives the logits of the next token of texts, by a network that takes all tokens at once."""

import keras
import numpy as np

from transferlearn.edge.generation import NextLogits
from transferlearn.types import Tensor

_STEP = 32  # tokens; texts are filled up to a multiple of it, so that few lengths are compiled


def next_logits(model: keras.Model) -> NextLogits:
    """Returns what reads texts token by token with a model."""
    return Recomputed(model)


class Recomputed(NextLogits):
    """Reads all of each text anew for each token, which any network can.

    Args:
        model: Token ids `(rows, tokens)` in, logits `(rows, tokens, all tokens)` out.
    """

    def __init__(self, model: keras.Model) -> None:
        last = keras.Input((), dtype="int32", name="last_token")
        logits = _Behind(name="logits_behind")(model.output, last)
        self._model = keras.Model([model.input, last], logits)

    def first(self, ids: np.ndarray, lengths: np.ndarray, room: int) -> np.ndarray:
        """Reads prompts."""
        self._ids = np.pad(ids, ((0, 0), (0, room)))
        self._lengths = lengths.copy()
        return self._read()

    def next(self, tokens: np.ndarray) -> np.ndarray:
        """Reads one more token of each text."""
        self._ids[np.arange(len(tokens)), self._lengths] = tokens
        self._lengths += 1
        return self._read()

    def _read(self) -> np.ndarray:
        """Returns the logits behind all texts."""
        length = -(-self._lengths.max() // _STEP) * _STEP
        ids = np.pad(self._ids, ((0, 0), (0, max(0, length - self._ids.shape[1]))))[:, :length]
        return np.asarray(self._model.predict_on_batch([ids, self._lengths.astype("int32") - 1]))


class _Behind(keras.layers.Layer):
    """Takes the logits of all tokens, and gives those of one token of each row."""

    # A layer, since operations of a model must have names that are not used in it.
    def call(self, logits: Tensor, place: Tensor) -> Tensor:
        """Returns the logits at a place of each row, `(rows, all tokens)`."""
        return keras.ops.take_along_axis(logits, place[:, None, None], axis=1)[:, 0]
