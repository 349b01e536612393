"""Goes on with prompts token by token, and tells how likely the tokens of texts are."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import keras
import numpy as np

from transferlearn.backbones.graph import of_any_length, walk
from transferlearn.data import Corpus, Dataset
from transferlearn.data.messages import notice
from transferlearn.data.texts.tokenizer import TokenizerInKeras
from transferlearn.edge import Sampling, TensorSpec, WrittenReader
from transferlearn.edge.generation import NextLogits
from transferlearn.edge.prompt_writer import PromptWriter
from transferlearn.edge.written import Piece, as_bytes
from transferlearn.generating import Reading, reading_of
from transferlearn.generating.attention import argument_names
from transferlearn.tasks.answering import Answerer, Meaning, OnePass, of_batch
from transferlearn.types import Tensor
from transferlearn.wording import counted


class Likelihoods(OnePass):
    """Tells the logarithm of the probability of the token behind each token, `(rows, tokens)`."""

    def __init__(self, meaning: Meaning, model: keras.Model) -> None:
        if model.input.shape[1] is not None:  # a model that is being trained
            model = of_any_length(model)
        found = _OfNext(name="likelihoods_of_next")(model.input, model.output)
        super().__init__(meaning, keras.Model(model.input, found))
        self._states = _states(model)

    @cached_property
    def _with_states(self) -> keras.Model:
        """The model that gives the states of tokens, too."""
        return keras.Model(self.model.input, [self._states, self.model.output])

    def with_features(self, x: object) -> tuple[np.ndarray, np.ndarray]:
        """Returns the mean over tokens of what the last block gives, and the logarithms."""
        states, found = of_batch(self._with_states, x)
        known = (np.asarray(x) >= 0)[..., None]
        return (states * known).sum(axis=1) / np.maximum(known.sum(axis=1), 1), found


def _states(model: keras.Model) -> Tensor:
    """Returns what the embeddings make logits of, `(rows, tokens, channels)`."""
    steps = [step for step in walk(model) if "reverse" in argument_names(step.operation)]
    states: Tensor = steps[-1].inputs[0]
    return states


class _OfNext(keras.layers.Layer):
    """Takes token ids and logits; gives the log-probability of the token behind each."""

    # A layer, since operations of a model must have names that are not used in it.
    def call(self, ids: Tensor, logits: Tensor) -> Tensor:
        """Returns `(rows, tokens)`, of which the last column means nothing."""
        behind = keras.ops.pad(keras.ops.maximum(ids[:, 1:], 0), [[0, 0], [0, 1]])
        found = keras.ops.take_along_axis(logits, behind[..., None], axis=-1)[..., 0]
        return found - keras.ops.logsumexp(logits, axis=-1)


class Writing(Answerer):
    """Writes behind prompts; an answer is the bytes of the text, uint8 `(rows, bytes)`.

    Args:
        model: The network, which gives the logits of the next token of each token.
        kind: The kind that reads prompts, with the tokenizer.
        sampling: Says how tokens are chosen.
        end: The token that ends a text; -1: there is none.

    Attributes:
        writer: Writes with what `begin` returns.
    """

    def __init__(self, model: keras.Model, kind: Corpus, sampling: Sampling, end: int) -> None:
        self.writer = PromptWriter(
            tokenizer=TokenizerInKeras(kind.tokenizer),
            template=kind.tokenizer.chat_template,
            end=end,
            context=kind.context,
            sampling=sampling,
        )
        self._model = model

    @cached_property
    def reading(self) -> Reading:
        """Returns what reads prompts; it compiles, so that it waits for the first of them."""
        return reading_of(self._model)

    @property
    def specs(self) -> Mapping[str, TensorSpec]:
        """The bytes of the texts."""
        return {WrittenReader.output: TensorSpec((None, None), "uint8")}

    def named(self, x: object) -> dict[str, np.ndarray]:
        """Returns the bytes of the texts by name."""
        return {WrittenReader.output: self(x)}

    def __call__(self, x: Any) -> np.ndarray:
        """Returns the bytes of what is written behind prompts, int32 `(rows, tokens)`."""
        texts = [""] * len(x)
        for pieces in self.pieces(x):
            texts = [text + piece.text for text, piece in zip(texts, pieces, strict=True)]
        return as_bytes(texts)

    def of_rows(self, dataset: Dataset, batch_size: int) -> np.ndarray:
        """Returns what is written behind all prompts, as many at once as there is room for."""
        return super().of_rows(dataset, max(batch_size, self.writer.at_once(dataset.shape[0])))

    def begin(self, x: object = None) -> NextLogits:
        """Returns what reads prompts token by token."""
        return self.reading.begin()

    def pieces(self, x: np.ndarray) -> Iterator[list[Piece]]:
        """Yields what is new in each text, step by step: whole characters, none of a stop string.

        Args:
            x: The tokens of the prompts, int32 `(rows, tokens)`, filled up with -1.
        """
        room = self.writer.room
        if cut := sum(int((row >= 0).sum()) > room for row in np.asarray(x)):
            notice(
                f"{counted(cut, 'prompt')} of {len(x)} with more than {room} tokens: the end "
                "is read, since the network reads no more."
            )
        return self.writer.pieces(self.begin(), x)
