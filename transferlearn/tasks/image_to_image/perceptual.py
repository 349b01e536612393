"""Compares pictures by what a frozen backbone sees in them, which becomes a part of a loss."""

from collections.abc import Sequence

import keras

from transferlearn import backbones
from transferlearn.backbones import Weights
from transferlearn.backbones.graph import rewired
from transferlearn.checks import number
from transferlearn.json_fields import Json
from transferlearn.types import Tensor

_LEVELS = ("stride_2", "stride_4", "stride_8", "stride_16")
_LEAST = 1e-6  # of the length of a place's features, which may all be 0
_LOADED_AT = (224, 224)  # pixels; the maps are then made of pictures of any size


class Perceptual:
    """Compares pictures by the maps of a frozen backbone, whose weights never change.

    At each place of a map the features are divided by their length, so that no map and no channel
    counts for more since its numbers are larger, whatever the backbone is.

    Args:
        backbone: The name of the backbone.
        features: The names of its maps, as `Backbone.features` names them.
        weights: `"imagenet"`, or the path of a file.

    Raises:
        ValueError: The backbone is not known, or has no such maps.

    Reference: Johnson et al., [Perceptual losses](https://arxiv.org/abs/1603.08155); Zhang et al.,
    [LPIPS](https://arxiv.org/abs/1801.03924), for the division by the length.

    Example:
        seen = tl.tasks.Perceptual("EfficientNetLite0")
        seen.distance(pictures, others)  # 0 where they look alike
    """

    def __init__(
        self,
        backbone: str = "VGG16",
        *,
        features: Sequence[str] = _LEVELS,
        weights: Weights = "imagenet",
    ) -> None:
        loaded = backbones.get(backbone, weights=weights, image_size=_LOADED_AT).read_by(features)
        maps = keras.Model(loaded.model.inputs, list(loaded.features(features).values()))
        pixels = keras.Input((None, None, 3), name="image")
        made = keras.tree.flatten(rewired(maps, loaded.prepare(pixels)))
        self._model = keras.Model(pixels, made, name="perceptual")
        self._model.trainable = False

    def maps(self, pixels: Tensor) -> list[Tensor]:
        """Returns the backbone's maps of pictures `(batch, height, width, 3)` in [0, 255]."""
        floats = keras.ops.cast(pixels, "float32")
        return list(keras.tree.flatten(self._model(floats, training=False)))

    def distance(self, first: Tensor, second: Tensor) -> Tensor:
        """Returns how differently two pictures are seen, `(batch,)`: 0 for equal ones, at most 4.

        It is the squared distance of the features of length 1, averaged over places, then maps.
        """
        ops = keras.ops
        parts = [
            ops.mean(ops.sum((_of_length_1(a) - _of_length_1(b)) ** 2, axis=-1), axis=(1, 2))
            for a, b in zip(self.maps(first), self.maps(second), strict=True)
        ]
        return sum(parts) / len(parts)

    def style(self, pixels: Tensor) -> list[Tensor]:
        """Returns of each map which channels go together, `(batch, channels, channels)`.

        These are Gram matrices, divided by the number of places and channels: they say of what
        strokes and colours a picture is made, and not where.
        """
        ops, grams = keras.ops, []
        for tensor in self.maps(pixels):
            _, height, width, channels = ops.shape(tensor)
            flat = ops.reshape(tensor, (-1, height * width, channels))
            gram = ops.matmul(ops.transpose(flat, (0, 2, 1)), flat)
            grams.append(gram / ops.cast(height * width * channels, "float32"))
        return grams


@keras.saving.register_keras_serializable("transferlearn")
class PerceptualLoss(keras.losses.Loss):
    """Adds to the mean absolute error how differently a frozen backbone sees two pictures.

    The mean absolute error alone gives the mean of all answers that are possible, which is blurred;
    this one asks for textures as well, at the price of a lower PSNR.

    Args:
        backbone, features, weights: See `tl.tasks.Perceptual`.
        weight: How many values of 255 a distance of 1 counts for.

    Example:
        loss = tl.tasks.PerceptualLoss("EfficientNetLite0", weight=10)
        builder = tl.ImageToImageBuilder("EfficientNetLite0", loss=loss)
    """

    def __init__(
        self,
        backbone: str = "VGG16",
        *,
        features: Sequence[str] = _LEVELS,
        weights: Weights = "imagenet",
        weight: float = 10.0,
        name: str = "perceptual_loss",
        **options: object,
    ) -> None:
        super().__init__(name=name, **options)
        self.weight = number("weight", weight)
        self._settings = {
            "backbone": backbone,
            "features": list(features),
            "weights": None if weights is None else str(weights),
        }
        self._seen = Perceptual(backbone, features=features, weights=weights)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Computes the loss of each picture, `(batch,)`.

        Args:
            y_true: The pictures to learn, `(batch, height, width, 3)` in [0, 255].
            y_pred: The network's.
        """
        error = keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=(1, 2, 3))
        return error + self.weight * self._seen.distance(y_true, y_pred)

    def get_config(self) -> Json:
        """Returns the settings that `from_config` takes."""
        return {**super().get_config(), **self._settings, "weight": self.weight}


def _of_length_1(tensor: Tensor) -> Tensor:
    """Divides the features of each place by their length."""
    ops = keras.ops
    length = ops.sqrt(ops.sum(tensor**2, axis=-1, keepdims=True) + _LEAST)
    return tensor / length
