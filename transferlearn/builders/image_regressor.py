"""Defines the builder of networks that predict numbers of images."""

from dataclasses import dataclass

from transferlearn.builders.images import ImageBuilder
from transferlearn.builders.regressor import Regressor
from transferlearn.tasks import NumberPrediction


@dataclass(frozen=True)
class ImageRegressorBuilder(ImageBuilder[NumberPrediction], Regressor):
    """Fine-tunes a pretrained network to predict one number or several of one's own images.

    When to use it: for ages, prices, counts, angles or scores, with a few dozen to a few million
    images whose numbers are known. Images go in as they are; numbers come out in their own units,
    and the saved `.keras` model gives them in these units too.

    Args:
        backbone, weights, head, freeze, batch_norm, optimizer, learning_rate, batch_size,
            precision, on_error, groups, seed: See `ImageClassifierBuilder`.
        target_names, loss, metrics: See `tl.builders.Regressor`.
        image_size, value_range, augmentation, views, mixup: See `tl.builders.ImageBuilder`.

    Example:
        builder = tl.ImageRegressorBuilder("EfficientNetLite0", target_names="price", seed=0)
        fitted = builder.fit("houses.csv")
        fitted.predict("house.jpg").value
    """
