"""Images in, classes out."""

from dataclasses import dataclass, replace
from typing import Any

import keras

from transferlearn import backbones, data, objectives
from transferlearn.backbones import Backbone
from transferlearn.builders.augmentation import check_variation, copy_augmentation
from transferlearn.builders.base import Builder
from transferlearn.data.options import Options
from transferlearn.fitted import FittedModel, Outline
from transferlearn.schedules import Schedule


@dataclass(frozen=True)
class ImageClassifierBuilder(Builder):
    """Fine-tunes a pretrained network on one's own images.

    When to use it: with a few dozen to a few million labelled images. Images go in as they are, RGB
    pixels in [0, 255]; each network's own preprocessing is inside the model.

    Args:
        backbone: A name (`transferlearn backbones` lists them), a functional `keras.Model` without
            its head, or a `tl.backbones.Backbone`.
        weights: `"imagenet"`, the path of a weight file, or `None` for random weights.
        head: What goes behind the backbone.
        freeze: `"all"`, `"none"`, the name of a layer or block (up to and with it), a number of
            layers, a share in (0, 1) of those that have weights, or a `tl.freezing` strategy. By
            default the schedule chooses; `build` then freezes a pretrained backbone whole, and a
            random one not at all.
        batch_norm: `"frozen"` keeps the backbone's BatchNorm (gamma, beta, statistics) fixed in
            trained blocks too; `"train"` trains it there. With `weights=None` it trains.
        optimizer: Name or Keras optimizer, taken as a template.
        learning_rate: By default the optimizer's own.
        loss: By default the cross-entropy that fits the head's outputs. `"binary_crossentropy"`
            gives two classes one sigmoid output.
        metrics: By default accuracy (and AUC for yes-or-no outputs).
        multi_label: Whether an image can have several classes.
        batch_size: Images a step.
        precision: A Keras dtype policy: `"mixed_bfloat16"` or `"mixed_float16"` for GPUs.
        seed: Makes a run repeatable (it sets Python's, NumPy's and the backend's seeds).
        image_size: `(height, width)` in pixels; by default the data's own (arrays, streams) or the
            backbone's.
        value_range: `(0, 1)` for pixels already divided by 255, `(0, 255)` for raw ones; by default
            it is recognised by `fit`; `build` undoes `(0, 1)` inside the model.
        on_error: `"skip"` broken files (and say so) or `"raise"`.
        augmentation: `"none"`, `"light"` (mirrored) or `"strong"` (moved, turned, zoomed, lighter
            or darker besides); or a Keras layer, or a list of them, that changes raw pixels in
            [0, 255] at random, such as `keras.layers.RandomFlip("horizontal")`. It is a template,
            works in `fit` on the images to train on only, and is no part of the model. By default
            the schedule chooses: `"none"` for all but `"auto"`.
        views: How many augmented views of each image are made, once, so that frozen layers can be
            computed once as well; each epoch draws one of them for each image. 1: each epoch makes
            new ones, and frozen layers are computed in each.
        mixup: Alpha of [mixup](https://arxiv.org/abs/1710.09412), such as 0.2: pairs of items of a
            batch, images or stored features, and their labels are mixed; 0 for none.

    Example:
        head = tl.heads.FlattenDense(units=(128,))
        builder = tl.ImageClassifierBuilder("VGG16", head=head, freeze="all")
        fitted = builder.fit("train", validation_data="validation", epochs=10)
    """

    image_size: tuple[int, int] | None = None
    value_range: tuple[int, int] | None = None
    on_error: str = "skip"
    augmentation: Any = None
    views: int = 1
    mixup: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        backbones.check_weights(self.weights)
        given = Options(
            image_size=self.image_size, value_range=self.value_range, on_error=self.on_error
        )
        object.__setattr__(self, "image_size", given.image_size)
        if self.value_range is not None:
            object.__setattr__(self, "value_range", tuple(map(int, self.value_range)))
        check_variation(self.augmentation, self.views, self.mixup)
        if self.mixup and objectives.takes_ids(self.loss):
            raise ValueError(
                "mixup mixes labels, which class ids cannot be: leave out the loss, or take "
                f"'categorical_crossentropy'. Received: loss={self.loss!r}"
            )

    def _load(
        self, train: Any, validation_data: Any, validation_split: float, class_names: Any
    ) -> tuple[data.Dataset, data.Dataset | None]:
        return data.load_pair(
            train,
            validation_data,
            validation_split=validation_split,
            seed=self.seed,
            image_size=self.image_size,
            default_image_size=backbones.default_image_size(self.backbone),
            class_names=class_names,
            multi_label=self.multi_label,
            value_range=self.value_range,
            on_error=self.on_error,
        )

    def _variation(self, shape: tuple[int, ...], plan: Schedule) -> dict[str, Any]:
        given = self.augmentation is not None
        return {
            "augmentation": copy_augmentation(
                self.augmentation if given else plan.augmentation, shape
            ),
            "views": self.views if given else plan.views,
            "mixup": self.mixup,
        }

    def _shape(self) -> tuple[int, ...]:
        return (*(self.image_size or backbones.default_image_size(self.backbone)), 3)

    def _backbone(self, shape: tuple[Any, ...] | None) -> Backbone:
        height, width, _ = shape or self._shape()
        backbone = backbones.get(self.backbone, weights=self.weights, image_size=(height, width))
        if shape is None and self.value_range == (0, 1):
            return _from_unit_range(backbone)
        return backbone

    def _fitted(
        self, backbone: Backbone, train: data.Dataset, *, outline: Outline, **parts: Any
    ) -> FittedModel:
        seen = replace(
            outline,
            image_size=train.image_size,
            interpolation=train.interpolation,
            value_range=self.value_range,
        )
        return FittedModel(outline=seen, **parts)


def _from_unit_range(backbone: Backbone) -> Backbone:
    def prepare(pixels: Any) -> Any:
        return backbone.prepare(
            keras.layers.Rescaling(255.0, dtype="float32", name="to_255")(pixels)
        )

    return replace(backbone, preprocessing=prepare)
