"""Checks that a decoder gives the outputs that were asked for, and new layers at each call."""

from collections.abc import Mapping, Sequence

import keras
import numpy as np

from transferlearn.heads import BESIDE_CLASSES, Decoder, Output
from transferlearn.testing.requiring import require, require_object, require_settings, requiring

_SIZE = (128, 192)  # of the image, its height and width in pixels
_OUTPUTS = {"predictions": Output(3, "cell")}
# Features of pretrained networks have about that standard deviation, or less.
_LOUD = 10.0
_CHANCE = 0.3  # that a query is of a class, before training
_UNEVEN = 0.35  # of a stride, by which maps that are cut at their border differ
_AXES = {"item": 2, "token": 3, "query": 3, "cell": 4}  # of an output, by what it is per


def check_detector_head(
    head: Decoder, *, features: Mapping[str, tuple[int, ...]] | None = None
) -> None:
    """Checks a decoder that finds objects: all of `check_decoder`, and what each query says.

    Args:
        head: The head to check.
        features: See `check_decoder`.

    Raises:
        AssertionError: Something is wrong; the message says what, and what was expected.

    Example:
        tl.testing.check_detector_head(tl.heads.RetinaNetHead(width=32))
    """
    outputs = {"predictions": Output(3 + BESIDE_CLASSES, "query")}
    check_decoder(head, features=features, outputs=outputs)
    shapes = _shapes(head, features)
    random = np.random.default_rng(0)
    rows = [random.normal(0, _LOUD, (4, *shape)).astype("float32") for shape in shapes.values()]
    model = _model(head, shapes, outputs)
    packed = _answers(model, rows)
    _check_rows(packed)
    _check_places(model, shapes, rows, packed)


def _check_rows(packed: np.ndarray) -> None:
    """Requires of each query's numbers that they mean what they should, and begin so."""
    boxes, anchors, strides = packed[..., 4:8], packed[..., 8:12], packed[..., 12]
    require(
        bool((boxes[..., 2:] > boxes[..., :2]).all()),
        "A query's numbers 1 to 4 behind the quality are its box x0, y0, x1, y1, and some end "
        "before they begin.",
    )
    middles = anchors[..., :2]
    require(
        bool((middles > 0).all() and (middles < 1).all() and (anchors[..., 2:] > 0).all()),
        "A query's numbers 5 to 8 behind the quality are its anchor or cell: x and y of the "
        "middle, width and height, in shares of the image's sides. Middles lie within (0, 1), and "
        "sides are above 0: tl.heads.cells_of makes such.",
    )
    require(
        bool((strides > 0).all() and (strides == strides[:1]).all()),
        "A query's last number is the stride of its level in pixels, the same for each image.",
    )
    require(bool((anchors == anchors[:1]).all()), "Anchors or cells are the same for each image.")
    chance = float(0.5 + 0.5 * np.tanh(np.quantile(packed[..., :3], 0.95) / 2))
    require(
        chance <= _CHANCE,
        "Before training, no query may be sure of a class, since almost all find nothing. Here one "
        f"in twenty gives a class a probability of {chance:.2f} or more, and it is at most "
        f"{_CHANCE} where the last layer begins with a bias "
        "of -4.6 and weights near 0, behind a BatchNormalization of the features:\n"
        "keras.layers.Dense(classes, kernel_initializer=keras.initializers.RandomNormal("
        "stddev=0.01), bias_initializer=keras.initializers.Constant(-4.6))",
    )


def _check_places(
    model: keras.Model,
    shapes: Mapping[str, tuple[int, ...]],
    rows: Sequence[np.ndarray],
    packed: np.ndarray,
) -> None:
    """Requires that queries say what is near their middle, and know the pixels between them."""
    middles, strides = packed[0, :, 8:10], packed[0, :, 12]
    sizes = [(stride * shape[0], stride * shape[1]) for stride, shape in _strided(shapes)]
    if not sizes:
        return
    height, width = np.max(sizes, axis=0)
    for stride in np.unique(strides):
        for axis, side in enumerate((width, height)):
            apart = np.diff(np.unique(middles[strides == stride, axis].round(5)))
            require(
                bool(np.allclose(apart * side, stride, rtol=_UNEVEN)),
                f"The middles of queries of stride {stride:g} are that many pixels apart. "
                f"Received: {np.median(apart) * side if len(apart) else 0:.1f} pixels "
                f"{('across', 'down')[axis]}",
            )
    changed = [row.copy() for row in rows]
    for row in (row for row in changed if row.ndim == 4):  # a corner of the image is different
        row[:, : max(1, row.shape[1] // 4), -max(1, row.shape[2] // 4) :] *= -1
    far = np.abs(_answers(model, changed) - packed)[..., :3].sum(axis=(0, 2))
    mean = (far[:, None] * middles).sum(axis=0) / max(far.sum(), 1e-9)
    require(
        bool(mean[0] > 0.5 > mean[1]),
        "Where the features of the upper right corner change, the logits of queries whose middles "
        f"are there change most. Here these middles are at x={mean[0]:.2f}, y={mean[1]:.2f}: "
        "logits and anchors must have the same order.",
    )


def _strided(shapes: Mapping[str, tuple[int, ...]]) -> list[tuple[int, tuple[int, ...]]]:
    """Returns the stride and the shape of each feature whose name tells its stride."""
    strides = {name: _stride_of(name) for name in shapes}
    return [(stride, shapes[name]) for name, stride in strides.items() if stride]


def _answers(model: keras.Model, rows: Sequence[np.ndarray]) -> np.ndarray:
    """Returns what a head says as in training, where BatchNorm makes features of one size."""
    made = model([keras.ops.convert_to_tensor(row) for row in rows], training=True)
    return np.asarray(keras.ops.convert_to_numpy(made["predictions"]))


def check_decoder(
    decoder: Decoder,
    *,
    features: Mapping[str, tuple[int, ...]] | None = None,
    outputs: Mapping[str, Output] = _OUTPUTS,
) -> None:
    """Checks a decoder: its outputs' names and shapes, and that it keeps no layers.

    Args:
        decoder: The decoder to check.
        features: The shape of one item's features, by name, with those that come with the targets;
            by default small maps of the strides that `decoder.features` names.
        outputs: The outputs that its task needs; by default three classes for each pixel.

    Raises:
        AssertionError: Something is wrong; the message says what, and what was expected.

    Example:
        tl.testing.check_decoder(tl.heads.SegFormerDecoder(width=32))
    """
    require_object(decoder, Decoder, "tl.heads.Decoder")
    require_settings(decoder)
    shapes = _shapes(decoder, features)
    first, second = (_model(decoder, shapes, outputs) for _ in range(2))
    require(bool(first.trainable_weights), "The decoder has nothing that can be trained.")
    shared = {id(w) for w in first.weights} & {id(w) for w in second.weights}
    require(
        not shared,
        "Called twice, the decoder gives the same weights: it must make its layers where it is "
        "called, so that one decoder can be given to several builders.",
    )
    random = np.random.default_rng(0)
    rows = [random.normal(size=(2, *shape)).astype("float32") for shape in shapes.values()]
    values = first.predict(rows, verbose=0)
    with requiring("The decoder cannot be saved and loaded"):
        again = keras.models.model_from_json(first.to_json())
        again.set_weights(first.get_weights())
        values_again = again.predict(rows, verbose=0)
    pairs = zip(keras.tree.flatten(values), keras.tree.flatten(values_again), strict=True)
    for one, other in pairs:
        require(bool(np.isfinite(one).all()), "The outputs are not finite.")
        require(
            bool(np.allclose(one, other, atol=1e-5)),
            "Saved and loaded, the decoder gives something else: get_config of its layers must "
            "hold all that they were made with.",
        )


def _shapes(
    decoder: Decoder, given: Mapping[str, tuple[int, ...]] | None
) -> Mapping[str, tuple[int, ...]]:
    """Returns the shapes of features that were given, or those of small maps."""
    return {name: _map_of(name) for name in decoder.features} if given is None else given


def _map_of(name: str) -> tuple[int, ...]:
    """Returns the shape of a small map, by the name of its feature; of an image, pixels."""
    if name == "image":
        return (*_SIZE, 3)
    stride = _stride_of(name) or 32
    return (_SIZE[0] // stride, _SIZE[1] // stride, 4 + stride // 4)


def _stride_of(name: str) -> int | None:
    """Returns the stride that a feature's name tells, if it does."""
    return int(name.removeprefix("stride_")) if name.startswith("stride_") else None


def _model(
    decoder: Decoder, shapes: Mapping[str, tuple[int, ...]], outputs: Mapping[str, Output]
) -> keras.Model:
    """Makes a model of the decoder alone, and checks the names and shapes of its outputs."""
    inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    with requiring(
        f"The decoder cannot be called on {dict(shapes)}. If it takes others, pass their shapes: "
        'features={"stride_4": (16, 16, 32)}'
    ):
        made = decoder(inputs, outputs)
    require(
        isinstance(made, Mapping) and made.keys() == outputs.keys(),
        f"A decoder gives its outputs by name: {', '.join(outputs)}. Received: {made!r:.200}",
    )
    for name, output in outputs.items():
        tensor = made[name]
        require(
            keras.utils.is_keras_tensor(tensor)
            and len(tensor.shape) == _AXES[output.per]
            and tensor.shape[-1] == output.units,
            f"The output {name!r} must have a row of {output.units} numbers for each {output.per}. "
            f"Received: {tensor!r:.200}",
        )
    return keras.Model(list(inputs.values()), dict(made))
