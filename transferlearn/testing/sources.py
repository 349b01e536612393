"""Checks that a source of backbones describes and loads them as training needs them."""

import keras
import numpy as np

from transferlearn.backbones import Backbone, BackboneSource, Facts
from transferlearn.testing.requiring import require, require_object


def check_source(
    source: BackboneSource, name: str | None = None, *, image_size: tuple[int, int] = (64, 64)
) -> None:
    """Checks a source of backbones for images, by loading one twice with random weights.

    Args:
        source: The source to check.
        name: The name of one of its backbones; by default the first of its `names`.
        image_size: The image size `(height, width)` in pixels to load the backbone for.

    Raises:
        AssertionError: Something is wrong; the message says what, and what was expected.

    Example:
        tl.testing.check_source(Tiny())
    """
    require_object(source, BackboneSource, "tl.backbones.BackboneSource")
    require(
        not isinstance(source.names, str) and bool(source.names),
        f"names is a tuple of names. Received: {source.names!r}",
    )
    name = source.names[0] if name is None else name
    facts = source.facts(name)
    require(
        isinstance(facts, Facts) and facts.name == name,
        f"facts({name!r}) gives Facts of that name. Received: {facts!r}",
    )
    first, second = (source.load(name, weights=None, image_size=image_size) for _ in range(2))
    for backbone in (first, second):
        _check_backbone(backbone, image_size)
    require(
        [layer.name for layer in first.model.layers]
        == [layer.name for layer in second.model.layers],
        "Loaded twice, the layers have different names, so weights would not be found again. Use "
        "tl.backbones.from_model, which gives them names of their own.",
    )


def _check_backbone(backbone: Backbone, image_size: tuple[int, int]) -> None:
    """Checks a backbone's blocks, and that it makes finite features of raw pixels."""
    require(
        isinstance(backbone, Backbone),
        f"load gives a tl.backbones.Backbone, as tl.backbones.from_model makes. Received: "
        f"{backbone!r}",
    )
    require(
        not backbone.pretrained,
        "With weights=None the backbone must say pretrained=False: then all of it is trained.",
    )
    members = sorted(place for block in backbone.blocks for place in block.layers)
    require(
        members == list(range(len(backbone.model.layers))),
        "Each layer must be in exactly one block. Use tl.backbones.from_model(blocks=...).",
    )
    image = keras.Input((*image_size, 3))
    prepared = backbone.prepare(image)
    features = keras.Model(image, backbone.model(*prepared))
    pixels = np.random.default_rng(0).integers(0, 256, (2, *image_size, 3)).astype("float32")
    values = features.predict(pixels, verbose=0)
    require(
        values.ndim in (2, 4),
        f"Features are a map (batch, height, width, channels) or a vector (batch, channels): leave "
        f"the head out. Received: shape={values.shape}",
    )
    require(bool(np.isfinite(values).all()), "The features of raw pixels are not finite.")
