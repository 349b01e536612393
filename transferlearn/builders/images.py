"""Defines what all builders for images share, classifiers as well as regressors."""

from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

import keras

from transferlearn import backbones
from transferlearn.backbones import Backbone
from transferlearn.builders.augmentation import (
    PRESETS,
    Augmentation,
    Mirror,
    check_variation,
    copy_augmentation,
)
from transferlearn.builders.base import Builder
from transferlearn.data import Images, Transform
from transferlearn.json_fields import Json
from transferlearn.schedules import Schedule
from transferlearn.types import Prediction, Tensor


@dataclass(frozen=True)
class ImageBuilder(Builder[Prediction]):
    """Builds and trains networks for images, classifiers as well as regressors.

    Args:
        backbone: A name (`transferlearn backbones` lists them), a functional `keras.Model` without
            its head, or a `tl.backbones.Backbone`.
        image_size: `(height, width)` in pixels; by default the data's own (arrays, streams) or the
            backbone's.
        value_range: `(0, 1)` for pixels already divided by 255, `(0, 255)` for raw ones; by default
            `fit` recognises it; `build` undoes `(0, 1)` inside the model.
        augmentation: `"none"`, `"light"` (mirrored) or `"strong"` (also moved, turned, zoomed,
            lighter or darker); or a Keras layer, or a list of them, that changes raw pixels in
            [0, 255] at random, such as `keras.layers.RandomFlip("horizontal")`. It is a template,
            works in `fit` on the images to train on only, and is no part of the model. By default
            the schedule chooses: `"light"` with 2 views for `"auto"` on classes, else `"none"`.
        views: How many augmented views of each image are made. They are made once, so frozen layers
            can be computed once as well; each epoch draws one view of each image. With 1, each
            epoch makes new views, and frozen layers are computed in each.
        mixup: Alpha of [mixup](https://arxiv.org/abs/1710.09412), such as 0.2: the items of a batch
            (images or stored features) and their targets are mixed in pairs; 0 for no mixup.
    """

    backbone: str | keras.Model | Backbone
    _: KW_ONLY
    image_size: tuple[int, int] | None = None
    value_range: tuple[int, int] | None = None
    augmentation: Augmentation = None
    views: int = 1
    mixup: float = 0.0

    _named: ClassVar[tuple[str, ...]] = tuple(PRESETS)  # augmentations

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.backbone, str):
            backbones.check_name(self.backbone)
        backbones.check_weights(self.weights)
        checked = Images(image_size=self.image_size, value_range=self.value_range)
        object.__setattr__(self, "image_size", checked.image_size)
        object.__setattr__(self, "value_range", checked.value_range)
        check_variation(self.augmentation, self.views, self.mixup, self._named)

    @property
    def kind(self) -> Images:
        """The settings to read images by; without an `image_size`, the backbone's counts."""
        return Images(
            image_size=self.image_size,
            default_image_size=backbones.default_image_size(self.backbone),
            value_range=self.value_range,
        )

    def _variation(self, shape: tuple[int, ...], plan: Schedule) -> Json:
        """Returns the builder's augmentation, or else the schedule's, with its views."""
        given = self.augmentation is not None
        if isinstance(self.augmentation, Transform):
            return {"transform": self.augmentation, "mixup": self.mixup}
        return {
            "augmentation": copy_augmentation(
                self.augmentation if given else plan.augmentation, shape
            ),
            "mirror": Mirror() if not given and plan.augmentation == "light" else None,
            "views": self.views if given else plan.views,
            "mixup": self.mixup,
        }

    def load_backbone(self, shape: tuple[int, ...] | None) -> Backbone:
        """Loads the backbone for images of this shape; `None` stands for the builder's own size."""
        size = self.kind.size if shape is None else (shape[0], shape[1])
        backbone = backbones.get(self.backbone, weights=self.weights, image_size=size)
        if isinstance(backbone, backbones.AudioBackbone):
            raise ValueError(
                f"{backbone.name!r} takes no images. For recordings: tl.AudioClassifierBuilder."
            )
        # `fit` turns all images into raw pixels; a model of `build` gets them as the user has them.
        if shape is None and self.value_range == (0, 1):
            return _from_unit_range(backbone)
        return backbone


def _from_unit_range(backbone: Backbone) -> Backbone:
    """Returns the backbone with a preprocessing that takes pixels in [0, 1]."""

    def prepare(pixels: Tensor) -> list[Tensor]:
        raw = keras.layers.Rescaling(255.0, dtype="float32", name="to_255")(pixels)
        return backbone.prepare(raw)

    return replace(backbone, preprocessing=prepare)
