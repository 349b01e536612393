"""Takes what reads texts token by token apart: what is read once of items, and one step."""

from collections.abc import Sequence

import keras

from transferlearn.edge.parts import CACHE, NEW
from transferlearn.edge.written import LOGITS
from transferlearn.generating.cached import Cached
from transferlearn.types import Tensor

_MEMORY, _BESIDE = "memory_", "beside_"  # begin the names of tensors


class Parts:
    """Holds the two functions by which texts are written with keys and values kept.

    The first reads items; the second reads tokens of each text, one or more, and is called again
    for each further token. All tensors have the rows as their first axis.

    Args:
        reading: Reads texts; both functions use its layers.
    """

    def __init__(self, reading: Cached) -> None:
        self._reading = reading
        self._across = [
            number > 0 for attention in reading.attention for number in range(len(attention.sizes))
        ]

    def read_items(self, *items: Tensor) -> dict[str, Tensor]:
        """Reads items.

        Returns:
            `memory_0`, ...: keys and values of what layers look at besides the texts,
            `(rows, 2, places, heads, width)`; `beside_0`, ...: what else is read beside the texts.
        """
        ops, reading = keras.ops, self._reading
        assert reading.before is not None
        beside = keras.tree.flatten(reading.before(list(items), training=False))
        rows = ops.shape(beside[0])[0]
        nothing = ops.zeros((rows,), "int32")
        places = ops.shape(next(x for x in beside if len(x.shape) == 3))[1]
        caches = reading.caches(rows, 1, places)
        _, made = reading.read(nothing[:, None], 0, nothing, caches, beside, first=True)
        memory = [x for x, across in zip(made, self._across, strict=True) if across]
        return _numbered(_MEMORY, memory) | _numbered(_BESIDE, beside)

    def read_tokens(self, given: dict[str, Tensor]) -> dict[str, Tensor]:
        """Reads tokens of each text.

        Args:
            given: What `read_items` returned, and `token_ids`, int32 `(rows, tokens)`; `index`, the
                place of the first of them, int32 `(rows,)`, the same for all; `begins`, the place
                where each text begins, int32 `(rows,)`; `cache_0`, ...: the keys and values of the
                texts so far, `(rows, 2, places, heads, width)`.

        Returns:
            `logits` behind the last token, `(rows, all tokens)`, and the new caches,
            `new_cache_0`, ...
        """
        own, memory, beside = (iter(_listed(given, name)) for name in (CACHE, _MEMORY, _BESIDE))
        caches = [next(memory if across else own) for across in self._across]
        logits, made = self._reading.read(
            given["token_ids"],
            given["index"][0],
            given["begins"],
            caches,
            list(beside),
            first=False,
        )
        kept = [x for x, across in zip(made, self._across, strict=True) if not across]
        return {LOGITS: logits} | _numbered(NEW + CACHE, kept)


def _numbered(name: str, tensors: Sequence[Tensor]) -> dict[str, Tensor]:
    """Returns tensors by a name with their number."""
    return {f"{name}{number}": tensor for number, tensor in enumerate(tensors)}


def _listed(tensors: dict[str, Tensor], name: str) -> list[Tensor]:
    """Returns the tensors of a name in the order of their numbers."""
    count = sum(key.startswith(name) for key in tensors)
    return [tensors[f"{name}{number}"] for number in range(count)]
