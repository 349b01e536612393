"""Goes on with prompts token by token, and tells how likely the tokens of texts are."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import keras
import numpy as np

from transferlearn.backbones.graph import of_any_length, walk
from transferlearn.data import Corpus, Dataset
from transferlearn.data.messages import notice
from transferlearn.data.sequences.corpus import MOST
from transferlearn.data.texts import Tokenizer
from transferlearn.edge import Sampling, TensorSpec, WrittenReader
from transferlearn.edge.generation import written
from transferlearn.edge.written import Piece, as_bytes
from transferlearn.generating import Reading, reading_of
from transferlearn.generating.attention import argument_names
from transferlearn.tasks.answering import Answerer, Meaning, OnePass, of_batch
from transferlearn.types import Tensor
from transferlearn.wording import counted

_PLACES = 2**14  # tokens, whose keys and values of all prompts of a batch are kept
_HALF = "\ufffd"  # what a tokenizer makes of a part of a character


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

    def with_features(self, x: Any) -> tuple[np.ndarray, np.ndarray]:
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
        sampling: Says how tokens are chosen.
    """

    def __init__(self, model: keras.Model, kind: Corpus, sampling: Sampling, end: int) -> None:
        if sampling.num_beams > 1:
            raise ValueError(
                "A language model writes token by token: leave num_beams out. Models that write a "
                f"text for each item search by beams. Received: num_beams={sampling.num_beams}"
            )
        self._model = model
        self._tokenizer = kind.tokenizer
        self.sampling = sampling
        self._end = end
        self._room = (kind.context or MOST) - sampling.max_new_tokens
        if self._room < 1:
            raise ValueError(
                f"The network reads {kind.context} tokens, a prompt and what is written behind it "
                f"together: pass max_new_tokens={max(1, (kind.context or MOST) // 2)}. Received: "
                f"max_new_tokens={sampling.max_new_tokens}"
            )

    @cached_property
    def _reading(self) -> Reading:
        """What reads prompts; it compiles, so that it waits for the first of them."""
        return reading_of(self._model)

    @property
    def specs(self) -> Mapping[str, TensorSpec]:
        """The bytes of the texts."""
        return {WrittenReader.output: TensorSpec((None, None), "uint8")}

    def named(self, x: Any) -> dict[str, np.ndarray]:
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
        return super().of_rows(dataset, max(batch_size, self.at_once(dataset.shape[0])))

    def at_once(self, tokens: int) -> int:
        """Returns for how many prompts of so many tokens there is room, at least one."""
        return max(1, _PLACES // (tokens + self.sampling.max_new_tokens))

    def pieces(self, x: np.ndarray) -> Iterator[list[Piece]]:
        """Yields what is new in each text, step by step: whole characters, none of a stop string.

        Args:
            x: The tokens of the prompts, int32 `(rows, tokens)`, filled up with -1.
        """
        if cut := sum(int((row >= 0).sum()) > self._room for row in np.asarray(x)):
            notice(
                f"{counted(cut, 'prompt')} of {len(x)} with more than {self._room} tokens: the end "
                "is read, since the network reads no more."
            )
        texts = [_Text(self._tokenizer, self.sampling.stop, self._end) for _ in x]
        prompts = [row[row >= 0][-self._room :] for row in np.asarray(x)]
        steps = written(
            self._reading.begin(), prompts, self.sampling, lambda i, ids: texts[i].ends_with(ids)
        )
        for _ in steps:
            yield [text.piece(text.new()) for text in texts]
        yield [text.piece(text.rest()) for text in texts]


class _Text:
    """Holds what is written behind one prompt, and gives the part of it that is sure.

    Args:
        tokenizer: The tokenizer.
        stop: The strings at which the text ends.
        end: The token at which it ends.
    """

    def __init__(self, tokenizer: Tokenizer, stop: tuple[str, ...], end: int) -> None:
        self._tokenizer = tokenizer
        self._stop = stop
        self._end = end
        self._text = ""
        self._given = 0  # characters
        self._tokens = 0
        self._over = False

    def ends_with(self, ids: Sequence[int]) -> bool:
        """Takes all tokens of the text so far; returns whether it ends with the last of them."""
        ended, self._tokens = ids[-1] == self._end, len(ids)
        self._text = self._tokenizer.text(ids[:-1] if ended else ids)
        places = [place for stop in self._stop if (place := self._text.find(stop)) >= 0]
        if places:
            self._text = self._text[: min(places)]
        self._over = ended or bool(places)
        return self._over

    def new(self) -> str:
        """Returns what is new and will stay: no half character, no beginning of a stop string."""
        if self._over:
            return self.rest()
        sure = len(self._text.rstrip(_HALF))
        for stop in self._stop:
            begun = (n for n in range(len(stop) - 1, 0, -1) if self._text.endswith(stop[:n]))
            sure = min(sure, len(self._text) - next(begun, 0))
        return self._up_to(sure)

    def piece(self, part: str) -> Piece:
        """Returns a part of the text with how far the text has come."""
        return Piece(part, self._tokens, self._over)

    def rest(self) -> str:
        """Returns what was not given yet."""
        return self._up_to(len(self._text))

    def _up_to(self, place: int) -> str:
        """Returns the part of the text that begins where the last one ended."""
        part = self._text[self._given : place]
        self._given = max(self._given, place)
        return part
