"""Makes the layers that heads of detectors share: a pyramid, towers, and one row for each query."""

from collections.abc import Mapping, Sequence

import keras

from transferlearn.checks import share, whole
from transferlearn.heads.levels import LEVELS, enlarged, finest_first, normalised, rows_and_columns
from transferlearn.types import Tensor

# Numbers of a query: quality, four of its box, four of its anchor, and the stride of its level.
BESIDE_CLASSES = 10
# A level is left out if 95% of the objects are larger than the first number of pixels, and 75% than
# the second. On scenes of objects of 10 to 44 pixels, the head alone had a mAP of .29 with strides
# 8 and 16, .25 with 32 besides, which has no object of its own, and .26 with 4 at half the width.
_TOO_FINE = (("stride_4", (8, 12)), ("stride_8", (32, 64)))
_TOO_SMALL = 64  # pixels: if 95% of the objects are smaller, stride 32 is left out
_LARGEST = 4.0  # of the logarithm of a box's side in those of its anchor


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


def check_towers(width: int, depth: int, groups: int, prior: float) -> None:
    """Refuses settings of towers that cannot be built."""
    whole("width", width, least=1)
    whole("depth", depth, least=0)
    whole("groups", groups, least=1)
    if width % groups:
        raise ValueError(
            f"width must be a multiple of groups. Received: width={width}, groups={groups}"
        )
    share("prior", prior)


def levels_for(sides: Sequence[float]) -> tuple[str, ...]:
    """Returns the names of the levels that objects of these sizes need.

    Args:
        sides: The sides in pixels below which 5%, 25%, 50%, 75% and 95% of the objects are.
    """
    too_fine = [name for name, least in _TOO_FINE if sides[0] > least[0] and sides[1] > least[1]]
    needed = LEVELS[len(too_fine) :]
    return needed[:-1] if sides[-1] <= _TOO_SMALL else needed


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


def last_layer(units: int, name: str, bias: float = 0.0) -> keras.Layer:
    """Makes the last convolution of a tower, which all levels share."""
    return keras.layers.Conv2D(
        units,
        3,
        padding="same",
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        bias_initializer=keras.initializers.Constant(bias),
        name=f"to_{name}",
    )


def cells_of(level: Tensor) -> Tensor:
    """Makes a map of the cells of a level: `(x, y)` of the middle, width and height, in shares.

    They are counted, since Keras broadcasts constant arrays along other axes than NumPy does.

    Args:
        level: Any map of the level with one channel, float32 `(batch, rows, columns, 1)`.

    Returns:
        Shares of the image's width and height, `(batch, rows, columns, 4)`.
    """
    ops = keras.ops
    rows, columns = rows_and_columns(level)
    ones = ops.ones_like(level)
    x, y = (ops.cumsum(ones, axis=axis) - 0.5 for axis in (2, 1))
    return ops.concatenate([x / columns, y / rows, ones / columns, ones / rows], axis=-1)


def corrected(anchors: Tensor, offsets: Tensor) -> Tensor:
    """Moves and scales anchors or cells, and returns the boxes `(x0, y0, x1, y1)`.

    Args:
        anchors: The anchors, `(..., 4)`, as `cells_of` makes them.
        offsets: How far the middle moves in widths and heights, and the logarithms of the factors
            by which these grow, `(..., 4)`.
    """
    ops = keras.ops
    offsets = ops.cast(offsets, "float32")
    middles = anchors[..., :2] + offsets[..., :2] * anchors[..., 2:]
    halves = anchors[..., 2:] * ops.exp(ops.clip(offsets[..., 2:], -_LARGEST, _LARGEST)) / 2
    return ops.concatenate([middles - halves, middles + halves], axis=-1)


def as_queries(
    stride: int, logits: Tensor, quality: Tensor, boxes: Tensor, anchors: Tensor
) -> Tensor:
    """Makes a row for each place of a map, `(batch, rows * columns, classes + 10)`, in float32.

    Args:
        stride: The stride of the level in pixels.
        logits: The logits of the classes, `(batch, rows, columns, classes)`.
        quality: The logit of how good the box is, `(batch, rows, columns, 1)`.
        boxes: The boxes, `(batch, rows, columns, 4)`.
        anchors: The anchors, or the cells where there are none, as `cells_of` makes them.
    """
    ops = keras.ops
    rows, columns = rows_and_columns(boxes)
    parts = [ops.cast(part, "float32") for part in (logits, quality)]
    strides = ops.zeros_like(boxes[..., :1]) + stride
    joined = ops.concatenate([*parts, boxes, anchors, strides], axis=-1)
    return ops.reshape(joined, (-1, rows * columns, joined.shape[-1]))
