"""Finds a network's feature map at each stride from its graph; no map is listed by hand."""

import math
from collections.abc import Sequence

import keras

from transferlearn.backbones.blocks import Block, live_tensors
from transferlearn.backbones.graph import Step, walk
from transferlearn.types import Operation, Tensor

STRIDES = (2, 4, 8, 16, 32)
# Padding and cropping move a map's edges, so it no longer lies over the image as its size says.
_MOVED = (keras.layers.ZeroPadding2D, keras.layers.Cropping2D)


def pyramid(model: keras.Model, blocks: Sequence[Block]) -> dict[int, Tensor]:
    """Finds the feature map to read at each stride.

    Maps come into question where a single tensor is all that goes on, or where one goes on from its
    block to others. Of those at one stride the last counts for which the network has looked at
    neighbouring places anew, or which is no wider than the one before it: so what comes before the
    pooling of VGG and the transitions of DenseNet, but not the wide expansion of MobileNet's next
    block, which tells no more than the narrow map that it is made of.

    Args:
        model: A network that takes one batch of images `(batch, height, width, channels)`.
        blocks: The blocks of the model.

    Returns:
        The map, a `KerasTensor`, by its stride, for those of 2, 4, 8, 16 and 32 that there are.
    """
    ends = _ends_of_blocks(model, blocks)
    strides = {id(model.inputs[0]): 1}
    seen_anew: set[int] = set()
    found: dict[int, Tensor] = {}
    for step, live in zip(walk(model), live_tensors(model), strict=True):
        for tensor in step.outputs:
            stride = strides[id(tensor)] = _stride(model, step, tensor, strides)
            if _window(step.operation) > 1:
                seen_anew.add(stride)
            if stride not in STRIDES or isinstance(step.operation, _MOVED):
                continue
            narrow = stride not in found or tensor.shape[-1] <= found[stride].shape[-1]
            if (live == 1 or id(tensor) in ends) and (narrow or stride in seen_anew):
                found[stride] = tensor
                seen_anew.discard(stride)
    return found


def _ends_of_blocks(model: keras.Model, blocks: Sequence[Block]) -> set[int]:
    """Gives the ids of the tensors that a block makes and another one reads."""
    block_of = {id(model.layers[i]): n for n, block in enumerate(blocks) for i in block.layers}
    made_in: dict[int, int] = {}
    ends = {id(model.outputs[0])}
    place = 0
    for step in walk(model):
        place = block_of.get(id(step.operation), place)
        ends |= {id(tensor) for tensor in step.inputs if made_in.get(id(tensor), place) != place}
        made_in |= dict.fromkeys(map(id, step.outputs), place)
    return ends


def _stride(model: keras.Model, step: Step, tensor: Tensor, strides: dict[int, int]) -> int:
    """Gives the stride of a map, followed from layer to layer; 0 for what is no map.

    Sizes alone do not tell it: without padding InceptionV3 makes 3 places of 139 at stride 32.
    """
    if len(tensor.shape) != 4:
        return 0
    before = max(step.inputs, key=lambda t: strides.get(id(t), 0), default=model.inputs[0])
    if not strides.get(id(before)):  # tokens that become a map again
        return round(_ratio(model.inputs[0], tensor))
    if isinstance(step.operation, _MOVED):
        return strides[id(before)]
    own = getattr(step.operation, "strides", None)
    if own is None or isinstance(step.operation, keras.layers.Conv2DTranspose):
        return round(strides[id(before)] * _ratio(before, tensor))
    return strides[id(before)] * max(keras.tree.flatten(own))


def _ratio(before: Tensor, after: Tensor) -> float:
    """Gives how many times fewer rows there are, a power of two; 0 of one row, as in a gate."""
    rows, left = before.shape[1], after.shape[1]
    if rows == left:
        return 1
    if left == 1:
        return 0
    return 2 ** round(math.log2(rows / left)) if rows and left else 1


def _window(operation: Operation) -> int:
    """Gives how many places in a row an operation looks at for one of its output."""
    sizes = getattr(operation, "kernel_size", None) or getattr(operation, "pool_size", None) or 1
    return max(keras.tree.flatten(sizes))
