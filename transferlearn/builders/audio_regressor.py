"""Defines the builder of networks that predict numbers of recordings."""

from dataclasses import dataclass

from transferlearn.builders.audio import AudioBuilder
from transferlearn.builders.regressor import Regressor
from transferlearn.tasks import NumberPrediction


@dataclass(frozen=True)
class AudioRegressorBuilder(AudioBuilder[NumberPrediction], Regressor):
    """Fine-tunes a pretrained network to predict one number or several of recordings.

    When to use it: for wear, speed or age by sound, with a hundred recordings or more whose numbers
    are known. Numbers come out in their own units.

    Args:
        backbone, weights, sample_rate, seconds, augmentation, views: See
            `tl.builders.AudioBuilder`.
        target_names, loss, metrics: See `tl.builders.Regressor`.
        head, freeze, batch_norm, optimizer, learning_rate, batch_size, precision, on_error, groups,
            seed: See `ImageClassifierBuilder`.

    Example:
        builder = tl.AudioRegressorBuilder("EfficientNetLite0", target_names="speed")
        fitted = builder.fit("motors.csv")  # columns path and speed
        fitted.predict("motor.wav").value
    """
