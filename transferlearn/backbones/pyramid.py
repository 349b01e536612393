"""The feature maps of a network at each stride, found from its graph and never listed by hand."""

import math
from collections.abc import Sequence
from typing import Any

import keras

from transferlearn.backbones.blocks import Block
from transferlearn.backbones.graph import walk

STRIDES = (2, 4, 8, 16, 32)
_NOMINAL = 256  # pixels, where a network takes any size
# Padding and cropping move a map's edges, so it no longer lies over the image as its size says.
_MOVED = (keras.layers.ZeroPadding2D, keras.layers.Cropping2D)


def pyramid(model: keras.Model, blocks: Sequence[Block]) -> dict[int, Any]:
    """Finds the last map of each stride, from the image on.

    A map counts that goes on from its block to others; where no block ends at a stride, the last
    map inside a block. Sizes are rounded to the nearest stride, since networks without padding have
    odd ones; vectors of one place, such as squeeze-and-excitation's gates, are of no stride.

    Args:
        model: Takes images `(batch, height, width, channels)`.
        blocks: Of the model.

    Returns:
        From stride to `KerasTensor`, for those of 2, 4, 8, 16 and 32 that the network has.
    """
    block_of = {id(model.layers[i]): n for n, block in enumerate(blocks) for i in block.layers}
    maps: list[Any] = []
    made_in: dict[int, int] = {}
    goes_on = {id(model.outputs[0])}
    place = 0
    for step in walk(model):
        place = block_of.get(id(step.operation), place)
        goes_on |= {id(t) for t in step.inputs if made_in.get(id(t), place) != place}
        for tensor in step.outputs:
            made_in[id(tensor)] = place
            if len(tensor.shape) == 4 and not isinstance(step.operation, _MOVED):
                maps.append(tensor)
    strides = dict(zip(map(id, maps), _strides(model, maps), strict=True))
    found: dict[int, Any] = {}
    for stride in STRIDES:
        level = [tensor for tensor in maps if strides[id(tensor)] == stride]
        ends = [tensor for tensor in level if id(tensor) in goes_on]
        if level:
            found[stride] = (ends or level)[-1]
    return found


def _strides(model: keras.Model, maps: Sequence[Any]) -> list[int]:
    """Gives the stride of each map, a power of two; 0 for what has one place only."""
    if not maps:
        return []
    height = model.inputs[0].shape[1] or _NOMINAL
    width = model.inputs[0].shape[2] or _NOMINAL
    shape = (1, height, width, *model.inputs[0].shape[3:])
    sizes = [tensor.shape for tensor in maps]
    if any(None in size[1:3] for size in sizes):
        sizes = keras.Model(model.inputs, list(maps)).compute_output_shape(shape)
    return [_stride(height, width, size[1], size[2]) for size in sizes]


def _stride(height: int, width: int, rows: int, columns: int) -> int:
    if rows == columns == 1 and max(height, width) > STRIDES[-1]:
        return 0
    return 2 ** round(math.log2(max(height / rows, width / columns)))
