"""Finds blocks, which are the named parts of a network that people freeze and train."""

import re
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Literal, NamedTuple

import keras

from transferlearn.backbones.graph import walk


class Block(NamedTuple):
    """Holds the name of a part of a network, and its layers' positions in `model.layers`."""

    name: str
    layers: tuple[int, ...]


def blocks_by_name(
    *rules: tuple[str, str], unnamed: Literal["previous", "next"] = "previous"
) -> Callable[[keras.Model], tuple[Block, ...]]:
    r"""Makes a function that finds a model's blocks by the names of its layers.

    Args:
        rules: Pairs of a regular expression for the beginning of a layer's name and a template of
            the block's name: `(r"(block\d)", r"\1")`. The first rule that matches counts.
        unnamed: Whether a layer that no rule matches goes with the `"previous"` matched layer, or
            with the `"next"` one (for families that name the ends of their blocks).

    Returns:
        A function that takes the model and gives its blocks. A layer is never in an earlier block
        than a layer that it reads, so the first blocks together can always be frozen and cut off.
    """

    def find(model: keras.Model) -> tuple[Block, ...]:
        names = [_block_name(layer.name, rules) for layer in model.layers]
        order = list(dict.fromkeys(name for name in names if name))
        known = [order.index(name) if name else None for name in names]
        places = _fill(known) if unnamed == "previous" else _fill(known[::-1])[::-1]
        return _collect(_never_before_its_inputs(model, places), order.__getitem__)

    return find


def blocks_between_cuts(model: keras.Model) -> tuple[Block, ...]:
    """Finds blocks in the graph: each ends where all later layers depend on a single tensor.

    Layers without weights join the block before them; a block has the name of its last layer.
    """
    places: dict[int, int] = {}
    place, has_weights = 0, False
    for step, live in zip(walk(model), live_tensors(model), strict=True):
        places.setdefault(id(step.operation), place)  # of several calls, the first counts
        has_weights |= bool(getattr(step.operation, "weights", None))
        if live == 1 and has_weights:
            place, has_weights = place + 1, False
    last = place if has_weights else max(place - 1, 0)
    found = _never_before_its_inputs(
        model, [min(places.get(id(layer), 0), last) for layer in model.layers]
    )
    names = {p: layer.name for p, layer in zip(found, model.layers, strict=True)}
    return _collect(found, names.__getitem__)


def live_tensors(model: keras.Model) -> list[int]:
    """Counts, after each step of `walk(model)`, the tensors that later steps or the output need."""
    steps = list(walk(model))
    needed_until = {id(tensor): len(steps) for tensor in model.outputs}
    for position, step in enumerate(steps):
        for tensor in step.inputs:
            needed_until[id(tensor)] = max(needed_until.get(id(tensor), 0), position)
    made_at = {id(tensor): -1 for tensor in model.inputs}  # before the first step
    made_at |= {id(t): position for position, step in enumerate(steps) for t in step.outputs}
    return [
        sum(made_at[t] <= position < until for t, until in needed_until.items())
        for position in range(len(steps))
    ]


def _block_name(layer: str, rules: Sequence[tuple[str, str]]) -> str | None:
    """The block that the first matching rule makes of a layer's name; `None` if none does."""
    matches = ((re.match(pattern, layer), template) for pattern, template in rules)
    return next((match.expand(template) for match, template in matches if match), None)


def _fill(places: list[int | None]) -> list[int]:
    """Fills each `None` with the number before it; at the beginning, with the first number."""
    last = next(place for place in places if place is not None)
    return [last := last if place is None else place for place in places]


def _never_before_its_inputs(model: keras.Model, places: list[int]) -> list[int]:
    """Moves layers to later blocks until none is in an earlier block than one that it reads.

    Of a layer that is called again, such as an embedding that is tied to the output, the first call
    counts: with the last one, all layers in between would be in the last block.
    """
    position = {id(layer): i for i, layer in enumerate(model.layers)}
    moved, reached, called = list(places), dict[int, int](), set[int]()
    for step in walk(model):
        own = position.get(id(step.operation))
        place = max(
            [reached.get(id(t), 0) for t in step.inputs] + ([] if own is None else [moved[own]])
        )
        if own is not None and own not in called:
            moved[own] = place
            called.add(own)
        reached |= {id(tensor): place for tensor in step.outputs}
    return moved


def _collect(places: list[int], name: Callable[[int], str]) -> tuple[Block, ...]:
    """Makes the blocks of each layer's block number; `name` gives a number's block name."""
    ordered = sorted(range(len(places)), key=places.__getitem__)
    return tuple(
        Block(name(place), tuple(sorted(members)))
        for place, members in groupby(ordered, key=places.__getitem__)
    )
