"""Checks augmentations, which change training images at random, and makes their layers."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import keras

from transferlearn.checks import number, whole
from transferlearn.data import Mirrored, Transform, Warped
from transferlearn.types import Tensor

Augmentation: TypeAlias = str | keras.Layer | Sequence[keras.Layer] | Transform | None
"""The name of a preset, a layer or several, or a `Transform`; `None`: the schedule's."""

_MOST_VIEWS = 1000  # of one image; an epoch uses one, so more views than epochs are useless


def _light() -> list[keras.Layer]:
    # Mirroring gained a point on photos of solar cells, and lost two on digits (docs/recipes.md).
    return [keras.layers.RandomFlip("horizontal")]


def _strong() -> list[keras.Layer]:
    return [
        *_light(),
        # Shares of height and width; what is moved in from outside is mirrored.
        keras.layers.RandomTranslation(0.1, 0.1, fill_mode="reflect"),
        keras.layers.RandomZoom((-0.15, 0.05), fill_mode="reflect"),
        keras.layers.RandomRotation(0.04, fill_mode="reflect"),  # 14 degrees
        # An augmentation changes raw pixels, before any preprocessing.
        keras.layers.RandomBrightness(0.15, value_range=(0, 255)),
        keras.layers.RandomContrast(0.2, value_range=(0, 255)),
    ]


PRESETS: dict[str, Callable[[], list[keras.Layer]]] = {
    "none": list,
    "light": _light,
    "strong": _strong,
}


def check_variation(
    augmentation: Augmentation, views: int, mixup: float, named: Sequence[str]
) -> None:
    """Raises an error for an augmentation, views or mixup that cannot work.

    Args:
        augmentation: The builder's setting.
        views: The builder's setting.
        mixup: The builder's setting.
        named: The presets that the builder has.

    Raises:
        TypeError: The augmentation is no Keras layer and no list of them.
        ValueError: The augmentation is empty or no preset; `views` is below 1, too large, or above
            1 without an augmentation; `mixup` is negative.
    """
    if isinstance(augmentation, (list, tuple)) and not augmentation:
        raise ValueError("augmentation is empty. Give it a layer, or leave it out.")
    if isinstance(augmentation, str) and augmentation not in named:
        raise ValueError(
            f"augmentation by name is one of {', '.join(named)}. "
            f"Received: augmentation={augmentation!r}"
        )
    if isinstance(augmentation, Transform) and views > 1:
        raise ValueError(f"views goes into the augmentation itself. Received: {augmentation!r}")
    for layer in [] if isinstance(augmentation, str) else _layers(augmentation):
        if not isinstance(layer, keras.Layer):
            raise TypeError(
                "augmentation is a Keras layer such as keras.layers.RandomFlip('horizontal'), a "
                f"list of them, or a name such as 'light'. Received: augmentation={augmentation!r}"
            )
    if whole("views", views, least=1) > _MOST_VIEWS:
        raise ValueError(
            f"views is at most {_MOST_VIEWS}: an epoch uses one view of an image, and with "
            f"views=1 each epoch makes new ones. Received: views={views}"
        )
    if views > 1 and augmentation in (None, "none"):
        raise ValueError(
            "Without an augmentation all views of an image are the same. Give one, such as "
            f"keras.layers.RandomFlip('horizontal'), or leave views out. Received: views={views}"
        )
    number("mixup", mixup, hint=", such as 0.2")


class Mirror(keras.Layer):
    """Turns the left and the right side of images round: `(batch, height, width, channels)`."""

    def call(self, images: Tensor) -> Tensor:
        """Returns the images mirrored, all of them, in training or not."""
        return keras.ops.flip(images, axis=-2)


def copy_augmentation(augmentation: Augmentation, shape: tuple[int, ...]) -> keras.Layer | None:
    """Makes a new layer that does the whole augmentation; `None` if there is none.

    Raises:
        ValueError: It changes the shape of the images, or has weights to train.
    """
    copies = [type(x).from_config(x.get_config()) for x in _layers(augmentation)]
    if not copies:
        return None
    layer = copies[0] if len(copies) == 1 else keras.layers.Pipeline(copies)
    image = keras.Input(shape)
    before, after = image.shape[1:], layer(image).shape[1:]
    if any(b not in (None, a) for a, b in zip(before, after, strict=True)):
        raise ValueError(
            f"The augmentation turns images of shape {before} into ones of shape {after}: it must "
            "leave the shape as it is."
        )
    if layer.trainable_weights:
        raise ValueError(
            f"The augmentation has weights to train ({layer.trainable_weights[0].path}), but it is "
            "no part of the model. Put such layers into the head or the backbone."
        )
    return layer


def _layers(augmentation: Augmentation) -> list[keras.Layer]:
    """Returns the layers of an augmentation, of which a preset makes new ones."""
    if augmentation is None or isinstance(augmentation, Transform):
        return []
    if isinstance(augmentation, str):
        return PRESETS[augmentation]()
    return list(augmentation) if isinstance(augmentation, (list, tuple)) else [augmentation]


def transform_of(given: object, views: int, left: str, example: str) -> Transform | None:
    """Makes what changes images together with targets that lie in them.

    Args:
        given: The name of a preset, or a `Transform`.
        views: How many views of an image there are.
        left: What a layer of images alone leaves, for messages, such as `"masks as they were"`.
        example: A `Transform` as one writes it, for messages.

    Raises:
        ValueError: It changes images alone, or there are more views than it can make.
    """
    if isinstance(given, Transform):
        return given
    if not isinstance(given, str):
        raise ValueError(
            f"A layer that changes images alone would leave the {left}: "
            "augmentation is 'none', 'light', 'strong' or a tl.data.Transform, such as "
            f"{example}. Received: augmentation={given!r}"
        )
    if given == "light" and views > 2:
        raise ValueError(
            f"Of an image there are two views, one mirrored: leave views={views} out, or "
            "take augmentation='strong'."
        )
    return {"light": Mirrored(), "strong": Warped(views)}.get(given)
