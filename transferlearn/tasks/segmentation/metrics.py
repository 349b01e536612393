"""Defines the metrics of masks, which leave void pixels out."""

import keras

from transferlearn.edge.maps.layers import THRESHOLD
from transferlearn.json_fields import Json
from transferlearn.types import Tensor


@keras.saving.register_keras_serializable("transferlearn")
class MeanIoU(keras.metrics.Metric):
    """Measures the mean over classes of intersection over union, with void pixels left out.

    Pixels are summed over all batches first. A class that neither targets nor outputs have is not
    in the mean. `keras.metrics.MeanIoU` would take a void of -1 for an id of a class.

    Args:
        classes: How many classes there are.
    """

    def __init__(self, classes: int, name: str = "mean_iou", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.classes = classes
        shape = (classes, classes)
        self._pixels = self.add_weight(shape=shape, initializer="zeros", name="pixels")

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Counts a batch of class ids and probabilities; weights are not used."""
        ops, classes = keras.ops, self.classes
        ids = ops.reshape(ops.cast(y_true, "int32"), (-1,))
        said = ops.cast(ops.reshape(ops.argmax(y_pred, axis=-1), (-1,)), "int32")
        # Void pixels go into a bin of their own behind the others.
        pairs = ops.where(ids < 0, classes**2, ids * classes + said)
        # `ops.bincount` cannot be compiled on JAX.
        counts = ops.segment_sum(ops.ones_like(pairs), pairs, num_segments=classes**2 + 1)
        counts = ops.reshape(ops.cast(counts[: classes**2], self.dtype), (classes, classes))
        self._pixels.assign_add(counts)

    def result(self) -> Tensor:
        """Computes the mean IoU, a scalar from 0 to 1."""
        ops = keras.ops
        both = ops.diagonal(self._pixels)
        either = ops.sum(self._pixels, axis=0) + ops.sum(self._pixels, axis=1) - both
        seen = ops.cast(either > 0, self.dtype)
        return ops.sum(both / ops.maximum(either, 1.0)) / ops.maximum(ops.sum(seen), 1.0)

    def get_config(self) -> Json:
        """Returns the settings that `from_config` takes."""
        return {**super().get_config(), "classes": self.classes}


@keras.saving.register_keras_serializable("transferlearn")
class LayerMeanIoU(keras.metrics.Metric):
    """Measures the mean IoU of classes of which a pixel may have several, with void left out.

    A pixel is taken for each class with a probability of at least 0.5. Pixels are summed over all
    batches first. A class that neither targets nor outputs have is not in the mean.

    Args:
        classes: How many classes there are.
    """

    def __init__(self, classes: int, name: str = "mean_iou", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.classes = classes
        # Of each class the pixels that are of it and were taken for it, and those that are either.
        self._pixels = self.add_weight(shape=(2, classes), initializer="zeros", name="pixels")

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Counts a batch of marks 1, 0 or -1, and of probabilities; weights are not used."""
        ops = keras.ops
        marks = ops.cast(y_true, "int32")
        shown, said = marks > 0, ops.logical_and(marks >= 0, y_pred >= THRESHOLD)
        parts = [ops.logical_and(shown, said), ops.logical_or(shown, said)]
        counts = [ops.sum(ops.cast(part, self.dtype), axis=(0, 1, 2)) for part in parts]
        self._pixels.assign_add(ops.stack(counts))

    def result(self) -> Tensor:
        """Computes the mean IoU, a scalar from 0 to 1."""
        ops = keras.ops
        both, either = self._pixels[0], self._pixels[1]
        seen = ops.cast(either > 0, self.dtype)
        return ops.sum(both / ops.maximum(either, 1.0)) / ops.maximum(ops.sum(seen), 1.0)

    def get_config(self) -> Json:
        """Returns the settings that `from_config` takes."""
        return {**super().get_config(), "classes": self.classes}
