"""Reads each token of texts once, since it keeps the keys and values of attention."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import keras
import numpy as np

from transferlearn.backbones.graph import walk
from transferlearn.edge.generation import NextLogits, RightAligned
from transferlearn.generating.attention import Attention, argument_names
from transferlearn.generating.compiling import compiled, compiled_model
from transferlearn.generating.reading import Reading, beside_ids
from transferlearn.keras_internals import run_through
from transferlearn.types import Operation, Tensor


class Cached(Reading):
    """Reads by the caches that layers of KerasHub take.

    Texts are moved to the right end of their batch, so that all of them go on at one place.

    Args:
        model: Gives logits `(rows, tokens, all tokens)` of token ids `(rows, tokens)`.
        written: The number of the input that takes these ids.

    Attributes:
        attention: How each layer keeps keys and values, in their order.
        before: Gives what is read beside the tokens of the other inputs; `None`: there is nothing.

    Raises:
        ValueError: No layer keeps keys and values, or what lies behind the last that does reads
            something else, too.
    """

    def __init__(self, model: keras.Model, written: int) -> None:
        found = [(step, Attention.of(step.operation, *step.arguments)) for step in walk(model)]
        kept = [(step, attention) for step, attention in found if attention is not None]
        if not kept:
            raise ValueError(f"{model.name} has no layer that keeps keys and values.")
        self.attention = [attention for _, attention in kept]
        states = kept[-1][0].outputs[0]
        ids = model.inputs[written]
        others = [tensor for tensor in model.inputs if tensor is not ids]
        beside = beside_ids(model, ids)
        self.before = keras.Model(others, beside) if beside else None
        self._begun = None if self.before is None else compiled_model(self.before)
        self._body = keras.Model([ids, *beside], states)
        self._head = keras.Model(states, model.output)
        specs = self._specs(beside)
        variables = [*self._body.variables, *self._head.variables]
        self.read_first, self.read_next = (
            compiled(partial(self.read, first=first), specs, variables) for first in (True, False)
        )
        if not any(attention.across for attention in self.attention):
            self.read_next = self.read_first  # it reads the same, and is compiled once

    def begin(self, *beside: np.ndarray) -> NextLogits:
        """Returns what reads a batch of texts."""
        return _ReadOnce(self, [] if self._begun is None else list(self._begun(*beside)))

    def caches(self, rows: int, places: int, beside: int) -> list[Tensor]:
        """Returns empty caches, with so many places for tokens of the texts, and beside them."""
        return [
            keras.ops.zeros((rows, 2, length, *size), dtype=attention.dtype)
            for attention in self.attention
            for size, length in zip(attention.sizes, (places, beside), strict=False)
        ]

    def _specs(self, beside: Sequence[Tensor]) -> list[Any]:
        """Returns the shapes and dtypes of what `read` takes."""
        caches = [
            keras.KerasTensor((None, 2, None, *size), attention.dtype)
            for attention in self.attention
            for size in attention.sizes
        ]
        return [
            keras.KerasTensor((None, None), "int32"),
            keras.KerasTensor((), "int32"),
            keras.KerasTensor((None,), "int32"),
            caches,
            [keras.KerasTensor(tensor.shape, tensor.dtype) for tensor in beside],
        ]

    def read(
        self,
        ids: Tensor,
        index: Tensor,
        begins: Tensor,
        caches: list[Tensor],
        beside: list[Tensor],
        first: bool,
    ) -> tuple[Tensor, list[Tensor]]:
        """Reads tokens of each text.

        Args:
            ids: The tokens, `(rows, tokens)`.
            index: The place of the first of them.
            begins: The place where each text begins, `(rows,)`.
            caches: The caches.
            beside: What is read beside the tokens.
            first: Whether they are the first tokens.

        Returns:
            The logits behind the last token, `(rows, all tokens)`, and the new caches.
        """
        ops = keras.ops
        places = ops.arange(ops.shape(caches[0])[2], dtype="int32")
        shown = ops.cast(places >= begins[:, None], "int32")
        place = ops.arange(ops.shape(ids)[1], dtype="int32") + index - begins[:, None]
        attention, left, made = iter(self.attention), list(caches), []

        def call(operation: Operation, *args: object, **kwargs: object) -> Tensor:
            if "positions" in argument_names(operation):
                kwargs["positions"] = ops.maximum(place, 0)
            if Attention.of(operation, args, kwargs) is None:
                return operation(*args, **kwargs)
            one = next(attention)
            own = [left.pop(0) for _ in one.sizes]
            states, *new = operation(*args, **(kwargs | one.kept(own, index, shown, first)))
            made.extend(new)
            return states

        states = run_through(self._body, [ids, *beside], lambda operation: operation, call)
        return self._head(states[:, -1:])[:, 0], made


class _ReadOnce(RightAligned):
    """Holds the caches of a batch of texts.

    Args:
        reading: Reads tokens.
        beside: What is read beside them.
    """

    def __init__(self, reading: Cached, beside: list[Tensor]) -> None:
        self._reading = reading
        self._beside = beside

    def keep(self, rows: int, places: int) -> None:
        """Makes empty caches."""
        beside = max((tensor.shape[1] for tensor in self._beside), default=0)
        self._caches = self._reading.caches(rows, places, beside)
        self._beside = [keras.ops.repeat(x, rows // x.shape[0], axis=0) for x in self._beside]

    def reorder(self, rows: np.ndarray) -> None:
        """Puts the keys and values of these texts in the place of all."""
        self._caches = [keras.ops.take(cache, rows, axis=0) for cache in self._caches]

    def read(self, ids: np.ndarray, index: int, begins: np.ndarray) -> np.ndarray:
        """Reads tokens of each text."""
        read = self._reading.read_next if index else self._reading.read_first
        given = [keras.ops.convert_to_tensor(x, "int32") for x in (ids, index, begins)]
        logits, self._caches = read(*given, self._caches, self._beside)
        return keras.ops.convert_to_numpy(logits)
