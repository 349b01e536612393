"""Finds the feature map to read at each stride of a network, from its graph alone."""

import math
from collections.abc import Sequence

import keras

from transferlearn.backbones.blocks import Block, live_tensors
from transferlearn.backbones.graph import Step, walk
from transferlearn.types import Operation, Tensor

STRIDES = (2, 4, 8, 16, 32)
_NOMINAL = 256  # rows and columns, for a network that takes any size
# Padding and cropping move a map's edges, so it no longer lies over the image as its size says.
_MOVED = (keras.layers.ZeroPadding2D, keras.layers.Cropping2D)


def pyramid(model: keras.Model, blocks: Sequence[Block]) -> dict[int, Tensor]:
    """Finds the feature map to read at each stride, the image's pixels for one step in a map.

    A map can be chosen if all later layers depend on it alone, or if it leaves its block. One map
    at a stride gives way to a later one that has no more channels, or that is made with a window
    (of a convolution or pooling) wider than one place. So the map before the pooling is chosen in
    VGG and in DenseNet's transitions, but not the wide expansion in MobileNet's next block, which
    tells no more than the narrow map that it is made of.

    Args:
        model: A network that takes one batch of images `(batch, height, width, channels)`.
        blocks: The blocks of the model.

    Returns:
        The maps, `KerasTensor`s, by stride: 2, 4, 8, 16 and 32, as far as there are any.
    """
    ends = _ends_of_blocks(model, blocks)
    image, rows = model.inputs[0], _rows(model)
    strides = {id(image): 1}
    seen_anew: set[int] = set()
    found: dict[int, Tensor] = {}
    for step, live in zip(walk(model), live_tensors(model), strict=True):
        for tensor in step.outputs:
            stride = strides[id(tensor)] = _stride(image, step, tensor, strides, rows)
            if _window(step.operation) > 1:
                seen_anew.add(stride)
            if stride not in STRIDES or isinstance(step.operation, _MOVED):
                continue
            narrow = stride not in found or tensor.shape[-1] <= found[stride].shape[-1]
            if (live == 1 or id(tensor) in ends) and (narrow or stride in seen_anew):
                found[stride] = tensor
                seen_anew.discard(stride)
    return found


def last_map(model: keras.Model) -> Tensor | None:
    """Finds the last feature map of a network that still tells places in the image apart.

    It is the last map of more than one place that all later layers depend on, before pooling, and
    behind a layer with weights: of VGG the one before its last pooling, not what pooling makes.

    Args:
        model: A network that takes one batch of images, its head included or not.

    Returns:
        A `KerasTensor` `(batch, rows, columns, channels)`; `None` where there is no such map.
    """
    found, has_weights = None, False
    for step, live in zip(walk(model), live_tensors(model), strict=True):
        operation, (tensor, *_) = step.operation, step.outputs
        has_weights |= bool(getattr(operation, "weights", None))
        if live != 1 or not has_weights or len(tensor.shape) != 4 or _pools(operation):
            continue
        if (tensor.shape[1] or 2) * (tensor.shape[2] or 2) > 1:
            found = tensor
    return found


def deepest_map(model: keras.Model) -> Tensor:
    """Finds what a network with a decoder makes of the coarsest map, before it is enlarged.

    Args:
        model: A network, or its part behind stored feature maps.

    Raises:
        ValueError: No map has more than one place.
    """
    maps = [*model.inputs, *(tensor for step in walk(model) for tensor in step.outputs)]
    places = [
        (tensor.shape[1] or 1) * (tensor.shape[2] or 1) if len(tensor.shape) == 4 else 1
        for tensor in maps
    ]
    if max(places) < 2:
        raise ValueError(f"{model.name} has no feature map.")
    least = min(count for count in places if count > 1)
    # The last one of that size: also found where the part before the decoder is stored.
    return [tensor for tensor, count in zip(maps, places, strict=True) if count == least][-1]


def _pools(operation: Operation) -> bool:
    """Returns whether an operation makes one place of several without weights."""
    return hasattr(operation, "pool_size")


def _ends_of_blocks(model: keras.Model, blocks: Sequence[Block]) -> set[int]:
    """Returns the ids of the model's output and of tensors that go from one block to another."""
    block_of = {id(model.layers[i]): n for n, block in enumerate(blocks) for i in block.layers}
    made_in: dict[int, int] = {}
    ends = {id(model.outputs[0])}
    place = 0
    for step in walk(model):
        place = block_of.get(id(step.operation), place)
        ends |= {id(tensor) for tensor in step.inputs if made_in.get(id(tensor), place) != place}
        made_in |= dict.fromkeys(map(id, step.outputs), place)
    return ends


def _rows(model: keras.Model) -> dict[int, int]:
    """The number of rows of each map, by the tensor's id; at 256 rows where any size goes."""
    maps = [t for step in walk(model) for t in step.outputs if len(t.shape) == 4]
    image, *sizes = (tensor.shape for tensor in (model.inputs[0], *maps))
    if maps and None in image[1:3]:
        image = (1, image[1] or _NOMINAL, image[2] or _NOMINAL, *image[3:])
        sizes = keras.Model(model.inputs, maps).compute_output_shape(image)
    found = {id(tensor): size[1] for tensor, size in zip(maps, sizes, strict=True)}
    return {**found, id(model.inputs[0]): image[1]}


def _stride(
    image: Tensor, step: Step, tensor: Tensor, strides: dict[int, int], rows: dict[int, int]
) -> int:
    """Returns the stride of a tensor from the strides of its inputs; 0 if it is no map.

    Sizes alone do not tell it: without padding InceptionV3 makes 3 rows of 139 at stride 32.
    """
    if id(tensor) not in rows:
        return 0
    before = max(step.inputs, key=lambda t: strides.get(id(t), 0))
    if not strides.get(id(before)):  # a gate, or tokens that become a map again
        return round(_ratio(rows[id(image)], rows[id(tensor)]))
    if isinstance(step.operation, _MOVED):
        return strides[id(before)]
    own = getattr(step.operation, "strides", None)
    if own is None or isinstance(step.operation, keras.layers.Conv2DTranspose):
        return round(strides[id(before)] * _ratio(rows[id(before)], rows[id(tensor)]))
    return strides[id(before)] * max(keras.tree.flatten(own))


def _ratio(rows: int, left: int) -> float:
    """Returns how many times fewer rows are left, as a power of two; 0 if it is down to one."""
    return 1 if rows == left else 0 if left == 1 else 2 ** round(math.log2(rows / left))


def _window(operation: Operation) -> int:
    """Returns the longest side of an operation's kernel or pooling window; 1 if it has none."""
    sizes = getattr(operation, "kernel_size", None) or getattr(operation, "pool_size", None) or 1
    return max(keras.tree.flatten(sizes))
