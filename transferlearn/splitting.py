"""Finds the places where a network can be cut behind frozen layers, and cuts it there."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

import keras

from transferlearn.assembling import Network
from transferlearn.backbones.graph import Step, walk
from transferlearn.keras_internals import (
    draws_numbers,
    functional_of,
    layers_within,
    maker,
    takes_training,
)
from transferlearn.types import Tensor

# Packages whose frozen layers compute in training what they do in prediction.
_KNOWN = ("keras", "keras_hub", "transferlearn")
# Layers whose names begin like this may act otherwise in training, even if they are frozen.
_RANDOM = ("Random", "SpectralNormalization")


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Describes a place where a model can be cut in two.

    Attributes:
        tensors: All tensors that cross the place; inside residual and dense blocks there are
            several.
        operations: The floating-point operations that one item takes before the place, as counted
            from the layers' weights and outputs.
        in_head: Whether the place lies behind the backbone.
    """

    tensors: tuple[Tensor, ...]
    operations: float
    in_head: bool = False

    @property
    def name(self) -> str:
        """The names of the operations whose outputs cross the place, with commas between."""
        return ", ".join(maker(tensor).name for tensor in self.tensors)

    @property
    def has_one_size(self) -> bool:
        """Returns whether the same number of values crosses the place for each item."""
        return all(None not in tensor.shape[1:] for tensor in self.tensors)

    @property
    def values(self) -> int:
        """Counts the values that cross the place for one item, or for one token of any number."""
        return sum(prod(side or 1 for side in tensor.shape[1:]) for tensor in self.tensors)


@dataclass(frozen=True, kw_only=True)
class Split:
    """Holds the two parts of a model, which share its layers.

    Attributes:
        trunk: The model from raw items to the tensors at the cut; `None` where these are the items
            themselves.
        tail: The model from the tensors at the cut, and the inputs that come with the targets, to
            the outputs.
    """

    trunk: keras.Model | None
    tail: keras.Model


def split(network: Network, cut: Cut) -> Split:
    """Makes two models of a network: one up to the cut, and one from there on."""
    tensors, model = list(cut.tensors), network.model
    if not cut.operations:
        return Split(trunk=None, tail=model)
    items = network.items
    return Split(
        trunk=keras.Model(items[0] if len(items) == 1 else list(items), tensors),
        tail=keras.Model([*tensors, *network.further_inputs], model.output),
    )


def layers_before(network: Network, cut: Cut) -> tuple[str, ...]:
    """Returns the names of the backbone's layers that lie before a cut, in order."""
    before = {part.name for part in keras.Model(list(network.items), list(cut.tensors)).operations}
    return tuple(layer.name for layer in network.layers if layer.name in before)


def cuts(network: Network, mask: Sequence[bool]) -> list[Cut]:
    """Finds every place up to which a model gives the same for an item in each epoch.

    Everything before such a place is frozen or has no weights, and behaves in training as it does
    in prediction. If no layer is frozen, only the place before all layers is found.

    Args:
        network: The model and its parts.
        mask: Whether each of `network.layers` is frozen.

    Returns:
        The places in order, from the items themselves to the last one; those behind the backbone
        are at the end.
    """
    frozen = {id(layer): is_frozen for layer, is_frozen in zip(network.layers, mask, strict=True)}
    head = {id(operation) for operation in network.head}
    steps = list(walk(network.model))
    readers = Counter(id(tensor) for step in steps for tensor in {*_unique(step.inputs)})
    calls = Counter(id(step.operation) for step in steps)  # that are still to come
    made_by = {id(tensor): step for step in steps for tensor in step.outputs}
    crossing = {id(tensor): tensor for tensor in network.items}
    found = [Cut(tensors=tuple(crossing.values()), operations=0.0)]
    if not any(mask):
        return found
    reached, operations = set(crossing), 0.0
    for in_head in (False, True):
        for step in steps:
            if (id(step.operation) in head) != in_head or not _is_fixed(step, frozen, head):
                continue
            if not all(id(tensor) in reached for tensor in step.inputs):
                continue
            reached |= {id(tensor) for tensor in step.outputs}
            for tensor in _unique(step.inputs):
                readers[id(tensor)] -= 1
                if not readers[id(tensor)]:
                    del crossing[id(tensor)]
            crossing |= {id(tensor): tensor for tensor in step.outputs if readers[id(tensor)]}
            operations += _operations(step)
            calls[id(step.operation)] -= 1
            tensors = _to_store(crossing.values(), made_by)
            # Keras makes no model from a tensor on whose layer is called again behind it.
            if tensors and not any(calls[id(maker(tensor))] for tensor in tensors):
                found.append(Cut(tensors=tensors, operations=operations, in_head=in_head))
    return found


def _to_store(crossing: Iterable[Tensor], made_by: dict[int, Step]) -> tuple[Tensor, ...]:
    """Returns what is stored of the tensors at a place.

    The length of an item is the first axis of what is stored. A mask for attention, before whose
    length there is an axis of one, is made anew from the mask of padding that it comes from.
    """
    found = dict[int, Tensor]()
    for tensor in crossing:
        step = made_by.get(id(tensor))
        kept = step.inputs[0] if step is not None and _adds_axis(step) else tensor
        found[id(kept)] = kept
    return tuple(found.values())


def _adds_axis(step: Step) -> bool:
    """Returns whether all that an operation does is to put an axis of one before the others."""
    if isinstance(step.operation, keras.Layer) or len(step.inputs) != 1 or len(step.outputs) != 1:
        return False
    before, after = step.inputs[0].shape, step.outputs[0].shape
    return tuple(after) == (before[0], 1, *before[1:])


def boundary(network: Network, mask: Sequence[bool]) -> Cut:
    """Returns the last of the `cuts` within the backbone."""
    return [cut for cut in cuts(network, mask) if not cut.in_head][-1]


def _unique(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Leaves out repeated tensors."""
    return list({id(tensor): tensor for tensor in tensors}.values())


def _is_fixed(step: Step, frozen: dict[int, bool], head: set[int]) -> bool:
    """Returns whether an operation gives the same in each epoch if its inputs are the same."""
    operation = step.operation
    if not isinstance(operation, keras.Layer):
        return True
    is_free = not frozen.get(id(operation), id(operation) not in head)
    if is_free and (operation.weights or takes_training(operation)):
        return False
    return all(map(acts_alike, layers_within(operation)))


def acts_alike(layer: keras.Layer) -> bool:
    """Returns whether a frozen layer surely computes in training what it does in prediction."""
    layer_class = type(layer)
    package = layer_class.__module__.split(".")[0]
    known = package in _KNOWN and not layer_class.__name__.startswith(_RANDOM)
    plain = not (takes_training(layer) or draws_numbers(layer))
    return (known or plain) and layer.activity_regularizer is None


def count_operations(model: keras.Model) -> float:
    """Estimates the floating-point operations that a model takes for one item."""
    return sum(map(_operations, walk(model)))


def _operations(step: Step) -> float:
    """Estimates a step's operations: two per weight and output place, and one per output value."""
    # Cuts differ by factors of ten, so a count tells them apart; unlike a clock, it never varies.
    inner = functional_of(step.operation)
    if inner is not None:
        return count_operations(inner)
    outputs = sum(prod(filter(None, tensor.shape[1:])) for tensor in step.outputs)
    places = max(prod(filter(None, tensor.shape[1:-1])) for tensor in step.outputs)
    kernels = [w for w in getattr(step.operation, "weights", ()) if len(w.shape) > 1]
    return outputs + 2.0 * places * sum(prod(w.shape) for w in kernels)
