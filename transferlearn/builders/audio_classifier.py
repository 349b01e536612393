"""Defines the builder of networks that classify recordings."""

from dataclasses import dataclass

from transferlearn.builders.audio import AudioBuilder
from transferlearn.builders.classifier import Classifier
from transferlearn.tasks import ClassPrediction


@dataclass(frozen=True)
class AudioClassifierBuilder(AudioBuilder[ClassPrediction], Classifier):
    """Fine-tunes a pretrained network to classify one's own recordings.

    When to use it: for words of a command, machines, birds, alarms, with a few dozen recordings of
    each class or more. Files go in as they are; the spectrogram is inside the model.

    Args:
        backbone, weights, sample_rate, seconds, augmentation, views: See
            `tl.builders.AudioBuilder`.
        head, freeze, batch_norm, optimizer, learning_rate, batch_size, precision, on_error, groups,
            seed: See `ImageClassifierBuilder`. With `groups`, all recordings of a speaker stay on
            one side.
        loss, metrics, multi_label, class_names, class_weight: See `tl.builders.Classifier`.

    Example:
        builder = tl.AudioClassifierBuilder("EfficientNetLite0")
        fitted = builder.fit("sounds")  # sounds/<class>/*.wav
        fitted.predict("door.wav").class_name
    """
