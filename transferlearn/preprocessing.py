"""Turns raw pixels into what a pretrained network takes, in plain Keras layers and ops.

Every function takes and gives a `KerasTensor` of shape `(batch, height, width, 3)`; the input holds
RGB pixels in [0, 255]. Everything runs in float32 whatever the precision of the network is, and
everything can be saved and loaded without this package.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import keras
import numpy as np

from transferlearn.types import Tensor

Preprocessing = Callable[[Tensor], Tensor]

# Means and standard deviations of ImageNet: of pixels in [0, 255], and of pixels in [0, 1].
_BGR_MEAN = (103.939, 116.779, 123.68)
_RGB_MEAN = (0.485, 0.456, 0.406)
_RGB_STD = (0.229, 0.224, 0.225)


def _rescale(scale: float | Sequence[float], offset: float | Sequence[float]) -> keras.Layer:
    """Makes the layer `preprocessing`, which computes `scale * pixels + offset`."""
    return keras.layers.Rescaling(scale, offset, dtype="float32", name="preprocessing")


def caffe(pixels: Tensor) -> Tensor:
    """Turns RGB into BGR, and subtracts the means of ImageNet (VGG, ResNet)."""
    return _rescale(1.0, [-mean for mean in _BGR_MEAN])(keras.ops.flip(pixels, axis=-1))


def torch(pixels: Tensor) -> Tensor:
    """Scales to [0, 1], and standardises by ImageNet's means and deviations (DenseNet)."""
    scale = [1 / (255 * std) for std in _RGB_STD]
    offset = [-mean / std for mean, std in zip(_RGB_MEAN, _RGB_STD, strict=True)]
    return _rescale(scale, offset)(pixels)


def tf(pixels: Tensor) -> Tensor:
    """Scales to [-1, 1] (Inception, MobileNet, NASNet, ResNetV2, Xception)."""
    return _rescale(1 / 127.5, -1.0)(pixels)


def none(pixels: Tensor) -> Tensor:
    """Changes nothing, for networks that prepare pixels (EfficientNet, ConvNeXt, MobileNetV3)."""
    return pixels


MODES: Mapping[str, Preprocessing] = MappingProxyType(
    {"caffe": caffe, "torch": torch, "tf": tf, "none": none}
)


def recognise(preprocess_input: Callable[[np.ndarray], np.ndarray]) -> str:
    """Names the one of `MODES` that a `preprocess_input` function does, by trying a few pixels.

    Args:
        preprocess_input: A function of float32 pixels `(batch, height, width, 3)` in [0, 255].

    Returns:
        The name of the mode.

    Raises:
        ValueError: The function does what none of the modes does.
    """
    pixels = np.linspace(0, 255, 24, dtype="float32").reshape(1, 2, 4, 3)
    prepared = preprocess_input(pixels.copy())
    for name, expected in _on_arrays(pixels).items():
        if np.allclose(prepared, expected, atol=1e-3):
            return name
    raise ValueError(
        f"{preprocess_input.__module__}.preprocess_input does none of {', '.join(MODES)}. "
        "Register a BackboneSource that gives the network its own preprocessing."
    )


def _on_arrays(pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Returns what each mode makes of pixels, computed by NumPy."""
    return {
        "caffe": pixels[..., ::-1] - np.array(_BGR_MEAN),
        "torch": (pixels / 255 - np.array(_RGB_MEAN)) / np.array(_RGB_STD),
        "tf": pixels / 127.5 - 1,
        "none": pixels,
    }
