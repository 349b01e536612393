"""Makes the layers that heads of detectors share: a pyramid, towers, and one row for each query."""

from collections.abc import Mapping, Sequence

import keras

from transferlearn.heads.levels import enlarged, finest_first, normalised, rows_and_columns
from transferlearn.types import Tensor

BESIDE_CLASSES = 8  # numbers of a query: quality, four of its box, two of its point, its stride
_LARGEST = 6.0  # of the logarithm of a side in cells, so that no box becomes infinite


class Tower:
    """Puts some convolutions with GroupNorm and ReLU behind each level, the same for all levels.

    GroupNorm takes no part in which items are in a batch, and has no statistics of its own, which
    would be those of several levels.

    Args:
        width: The channels of each convolution.
        depth: How many convolutions there are.
        groups: The groups of channels of each GroupNorm.
        name: The name that the layers begin with.
    """

    def __init__(self, width: int, depth: int, groups: int, name: str) -> None:
        self._layers: list[keras.Layer] = []
        for number in range(1, depth + 1):
            self._layers += [
                keras.layers.Conv2D(
                    width,
                    3,
                    padding="same",
                    use_bias=False,
                    kernel_initializer="he_normal",
                    name=f"{name}_conv{number}",
                ),
                keras.layers.GroupNormalization(groups, name=f"{name}_norm{number}"),
                keras.layers.ReLU(name=f"{name}_relu{number}"),
            ]

    def __call__(self, x: Tensor) -> Tensor:
        """Applies the layers to a level `(batch, rows, columns, channels)`."""
        for layer in self._layers:
            x = layer(x)
        return x


def stride_of(name: str) -> int:
    """Returns the stride in pixels of a feature such as `"stride_8"`."""
    return int(name.removeprefix("stride_"))


def check_strides(names: Sequence[str]) -> None:
    """Refuses features whose names do not tell their stride, by which boxes find their level."""
    if not names or not all(name.removeprefix("stride_").isdecimal() for name in names):
        raise ValueError(
            'The features of a detector are levels of known stride, such as ("stride_8", '
            f'"stride_16"). Received: features={tuple(names)!r}'
        )


def feature_pyramid(
    features: Mapping[str, Tensor], names: Sequence[str], width: int
) -> list[tuple[int, Tensor]]:
    """Adds each level to the enlarged deeper one, and gives stride and map of each, finest first.

    Reference: [Feature Pyramid Networks](https://arxiv.org/abs/1612.03144).
    """
    found: list[tuple[int, Tensor]] = []
    deeper = None
    for name, tensor in reversed(finest_first(features, names)):
        # The levels of a network differ by factors of ten in size; so do their channels.
        x = keras.layers.Dense(width, name=f"{name}_projected")(
            normalised(tensor, f"{name}_scaled")
        )
        if deeper is not None:
            above = enlarged(deeper, rows_and_columns(x), f"{name}_from_deeper")
            x = keras.layers.Add(name=f"{name}_with_deeper")([x, above])
        deeper = x
        smooth = keras.layers.Conv2D(width, 3, padding="same", name=f"{name}_smooth")
        found.append((stride_of(name), smooth(x)))
    return found[::-1]


def boxes_around(distances: Tensor) -> Tensor:
    """Makes boxes of the distances from each cell's middle to the four sides.

    Args:
        distances: The logarithms of the distances to left, top, right and bottom in cells,
            `(batch, rows, columns, 4)`.

    Returns:
        Boxes `(x0, y0, x1, y1)` in shares of the image's width and height, of the same shape.
    """
    ops = keras.ops
    rows, columns = rows_and_columns(distances)
    cells = ops.exp(ops.minimum(ops.cast(distances, "float32"), _LARGEST))
    left, top, right, bottom = ops.split(cells, 4, axis=-1)
    x, y = _middles(left)
    return ops.concatenate(
        [x - left / columns, y - top / rows, x + right / columns, y + bottom / rows], axis=-1
    )


def as_queries(stride: int, logits: Tensor, quality: Tensor, boxes: Tensor) -> Tensor:
    """Makes a row for each cell of a level, `(batch, rows * columns, classes + 8)`, in float32.

    Args:
        stride: The stride of the level in pixels.
        logits: The logits of the classes, `(batch, rows, columns, classes)`.
        quality: The logit of how good the box is, `(batch, rows, columns, 1)`.
        boxes: The boxes, `(batch, rows, columns, 4)`.
    """
    ops = keras.ops
    rows, columns = rows_and_columns(boxes)
    x, y = _middles(boxes[..., :1])
    parts = [ops.cast(part, "float32") for part in (logits, quality)]
    joined = ops.concatenate([*parts, boxes, x, y, ops.zeros_like(x) + stride], axis=-1)
    return ops.reshape(joined, (-1, rows * columns, joined.shape[-1]))


def _middles(level: Tensor) -> tuple[Tensor, Tensor]:
    """Makes maps of the middle of each cell, x and y in shares of the image's width and height.

    They are counted, since Keras broadcasts constant arrays along other axes than NumPy does.

    Args:
        level: Any map of the level with one channel, float32 `(batch, rows, columns, 1)`.
    """
    ops = keras.ops
    rows, columns = rows_and_columns(level)
    ones = ops.ones_like(level)
    x, y = (ops.cumsum(ones, axis=axis) - 0.5 for axis in (2, 1))
    return x / columns, y / rows
