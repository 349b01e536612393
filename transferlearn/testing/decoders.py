"""Checks that a decoder gives the outputs that were asked for, and new layers at each call."""

from collections.abc import Mapping

import keras
import numpy as np

from transferlearn.heads import BESIDE_CLASSES, Decoder, Output
from transferlearn.testing.requiring import require, require_object, require_settings, requiring

_SIDE = 64  # of the image, in pixels
_OUTPUTS = {"predictions": Output(3, "cell")}
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
    rows = [random.normal(size=(8, *shape)).astype("float32") for shape in shapes.values()]
    packed = _model(head, shapes, outputs).predict(rows, verbose=0)["predictions"]
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
        return (_SIDE, _SIDE, 3)
    stride = int(name.removeprefix("stride_")) if name.startswith("stride_") else 32
    return (_SIDE // stride, _SIDE // stride, 4 + stride // 4)


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
