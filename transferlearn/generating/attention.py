"""Finds how layers of KerasHub keep keys and values, from the names of their arguments."""

from inspect import signature
from typing import Any, NamedTuple

import keras

from transferlearn.json_fields import Json
from transferlearn.keras_internals import layers_within
from transferlearn.types import Operation, Tensor

_KEYS = ("key", "key_dense")  # KerasHub's names of what makes keys
_OTHER = ("encoder", "cross")  # arguments about another sequence begin like this


class Attention(NamedTuple):
    """Says by which arguments a layer keeps keys and values.

    Attributes:
        cache: The argument for the cache; `<cache>_update_index` says where it is written.
        mask: The argument for the mask of padding; `""`: there is none.
        across: Whether it also keeps those of another sequence, which it looks at.
        sizes: Number and width of the heads, of each of its caches.
        dtype: The dtype of its caches.
    """

    cache: str
    mask: str
    across: bool
    sizes: tuple[tuple[int, int], ...]
    dtype: str

    @classmethod
    def of(cls, operation: Operation, args: Any, kwargs: Any) -> "Attention | None":
        """Describes a layer that is called so; returns `None` if it keeps nothing."""
        own = [name for name in argument_names(operation) if not name.startswith(_OTHER)]
        if "rotary_embedding" in own:  # Moonshine's places come from outside, as those of all
            return None
        caches = [name for name in own if f"{name}_update_index" in own]
        # Gemma 3 has two arrays as a cache, and also an argument that no other has.
        if len(caches) != 1 or f"{caches[0]}_update_mask" in own:
            return None
        if args and isinstance(args[0], (tuple, list)):  # T5Gemma keeps both sequences' in one
            return None
        bound = signature(operation.call).bind(*args, **kwargs)
        across = bound.arguments.get("encoder_sequence") is not None
        parts = layers_within(operation)
        keys = [part for part in parts if hasattr(part, "kernel") and part.name in _KEYS]
        if len(keys) != 1 + across:
            return None
        mask = next((name for name in own if name.endswith("padding_mask")), "")
        sizes = tuple(tuple(part.partial_output_shape[-2:]) for part in keys)
        return cls(caches[0], mask, across, sizes, operation.compute_dtype)

    def kept(self, caches: list[Tensor], index: Tensor, shown: Tensor, first: bool) -> Json:
        """Returns further arguments of a call, which keep keys and values.

        Args:
            caches: The layer's caches, each `(rows, 2, places, heads, width)`.
            index: The place of the first token.
            shown: Whether each place holds a token, `(rows, places)`.
            first: Whether the keys of the other sequence are still to be made.
        """
        further = {self.cache: caches[0], f"{self.cache}_update_index": index}
        if self.mask:
            further[self.mask] = shown
        if self.across:
            further["cross_attention_cache"] = caches[1]
            further["cross_attention_cache_update_index"] = 0 if first else None
        return further


def argument_names(operation: Operation) -> tuple[str, ...]:
    """Returns the names of the arguments that a layer's call takes; none of plain operations."""
    is_layer = isinstance(operation, keras.Layer)
    return tuple(signature(operation.call).parameters) if is_layer else ()
