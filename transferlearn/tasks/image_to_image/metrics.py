"""Defines the metrics of pictures that training shows: PSNR and SSIM, as means over pictures."""

from typing import Any

import keras

from transferlearn.tasks.image_to_image.figures import WHITE, WINDOW
from transferlearn.types import Tensor

_LEAST = 1e-10 * WHITE**2  # the mean square error of 100 dB
_GREY = 127.5  # taken away from pixels, since float32 loses digits of large squares
_C1, _C2 = (0.01 * WHITE) ** 2, (0.03 * WHITE) ** 2


@keras.saving.register_keras_serializable("transferlearn")
class PSNR(keras.metrics.Mean):
    """Measures the mean over pictures of the peak signal-to-noise ratio in dB, at most 100.

    Targets and outputs are pixels in [0, 255], `(batch, height, width, channels)`.
    """

    def __init__(self, name: str = "psnr", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> Any:
        """Adds the pictures of a batch."""
        ops = keras.ops
        change = ops.cast(y_true, "float32") - ops.cast(y_pred, "float32")
        error = ops.maximum(ops.mean(change**2, axis=(1, 2, 3)), _LEAST)
        return super().update_state(10 * ops.log10(WHITE**2 / error), sample_weight)


@keras.saving.register_keras_serializable("transferlearn")
class SSIM(keras.metrics.Mean):
    """Measures the mean over pictures of the structural similarity, as scikit-image defines it.

    Targets and outputs are pixels in [0, 255], `(batch, height, width, channels)`, of at least 7 x
    7 pixels.
    """

    def __init__(self, name: str = "ssim", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> Any:
        """Adds the pictures of a batch."""
        ops = keras.ops
        x, y = (ops.cast(part, "float32") - _GREY for part in (y_true, y_pred))
        parts = ops.concatenate([x, y, x * x, y * y, x * y], axis=-1)
        mean_x, mean_y, xx, yy, xy = ops.split(_window_means(parts), 5, axis=-1)
        unbiased = WINDOW**2 / (WINDOW**2 - 1)
        variances = unbiased * (xx - mean_x**2 + yy - mean_y**2)
        both = unbiased * (xy - mean_x * mean_y)
        mean_x, mean_y = mean_x + _GREY, mean_y + _GREY
        above = (2 * mean_x * mean_y + _C1) * (2 * both + _C2)
        below = (mean_x**2 + mean_y**2 + _C1) * (variances + _C2)
        return super().update_state(ops.mean(above / below, axis=(1, 2, 3)), sample_weight)


def _window_means(values: Tensor) -> Tensor:
    """Returns the mean of each window within each picture, channel by channel."""
    for shape in ((WINDOW, 1), (1, WINDOW)):
        kernel = keras.ops.full((*shape, values.shape[-1], 1), 1 / WINDOW)
        values = keras.ops.depthwise_conv(values, kernel, padding="valid")
    return values
