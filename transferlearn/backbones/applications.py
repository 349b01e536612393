"""Loads the networks of `keras.applications`, all that the installed Keras has."""

import importlib
import inspect
import json
import math
from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from pathlib import Path

import keras

from transferlearn import preprocessing
from transferlearn.backbones.base import Backbone, BackboneSource, Facts, Weights, on_raw_pixels
from transferlearn.backbones.blocks import Block, blocks_between_cuts, blocks_by_name
from transferlearn.backbones.graph import canonical, copy_weights
from transferlearn.backbones.weights import check_weights, download_failed, find_file, load_file
from transferlearn.json_fields import Json
from transferlearn.untrusted import RefusalError

_EFFICIENTNET = blocks_by_name((r"(stem|block\d|top)", r"\1"))
_RESNET = blocks_by_name((r"(conv\d)", r"\1"))
# The keys are modules of `keras.applications`; of several rules the first that matches counts.
FIND_BLOCKS: Mapping[str, Callable[[keras.Model], tuple[Block, ...]]] = {
    "convnext": blocks_by_name((r"\w+?_(stem|stage_\d)", r"\1")),
    "densenet": blocks_by_name((r"(?:conv|pool)(\d)", r"conv\1")),
    "efficientnet": _EFFICIENTNET,
    "efficientnet_v2": _EFFICIENTNET,
    "inception_resnet_v2": blocks_by_name(
        (r"(mixed_\d[a-z]|block\d+|conv_7b)", r"\1"), unnamed="next"
    ),
    "inception_v3": blocks_by_name((r"(mixed\d+)$", r"\1"), unnamed="next"),
    "mobilenet": blocks_by_name((r"conv_[a-z]+_(\d+)", r"block_\1"), (r"(conv1)", r"\1")),
    "mobilenet_v2": blocks_by_name((r"(Conv1|expanded_conv|block_\d+|Conv_1)", r"\1")),
    "mobilenet_v3": blocks_by_name((r"(expanded_conv(?:_\d+)?|conv_1|conv)", r"\1")),
    "nasnet": blocks_by_name(
        (r"stem_(?:conv|bn)1", "stem"),
        (
            r"(?!activation|add|concatenate|cropping|zero_padding)\w+?_((?:stem|reduce)_\d+|\d+)$",
            r"cell_\1",
        ),
    ),
    "resnet": _RESNET,
    "resnet_v2": _RESNET,
    "vgg16": blocks_by_name((r"(block\d)", r"\1")),
    "vgg19": blocks_by_name((r"(block\d)", r"\1")),
    "xception": blocks_by_name((r"(block\d+)", r"\1")),
}


class Applications(BackboneSource):
    """Loads the networks of `keras.applications`, each with its own preprocessing and blocks."""

    names = tuple(name for name, _ in inspect.getmembers(keras.applications, inspect.isfunction))

    def facts(self, name: str) -> Facts:
        """Returns a network's published figures, and says whether its weights are here already.

        The figures are those of https://keras.io/api/applications, read in November 2026.
        """
        published = _published().get(name, {})
        size = published.get("image_size", 224)
        return Facts(
            name=name,
            image_size=(size, size),
            parameters=published.get("parameters"),
            preprocessing=_preprocessing(name),
            top1=published.get("top1"),
            licence=published.get("licence", "unknown"),
            offline=find_file(name, _official(name)) is not None,
        )

    def load(self, name: str, *, weights: Weights, image_size: tuple[int, int]) -> Backbone:
        """Builds the network without its top; for `"imagenet"` it downloads what is not here."""
        check_weights(weights)
        official, licence = _official(name), "unknown"
        path = find_file(name, official) if weights == "imagenet" else weights
        if path is not None:
            model = _build(name, None, image_size)
            _load_with_or_without_top(model, Path(path), name)
            source = str(path)
        elif weights is None:
            model, source = _build(name, None, image_size), "random weights"
        else:
            model, source = _download(name, official, image_size), "keras.applications, ImageNet"
            licence = self.facts(name).licence
        flat = canonical(model, after=_missing_rescaling if _lacks_rescaling(name, path) else None)
        return Backbone(
            model=flat,
            blocks=FIND_BLOCKS.get(_family(name), blocks_between_cuts)(flat),
            preprocessing=preprocessing.MODES[_preprocessing(name)],
            name=name,
            source=source,
            pretrained=weights is not None,
            licence=licence,
        )

    def load_classifier(self, name: str, *, weights: Weights) -> keras.Model:
        """Builds the network with its ImageNet top; Keras downloads the weights of `"imagenet"`."""
        check_weights(weights)
        build, path = _constructor(name), None if weights in (None, "imagenet") else weights
        try:
            model = build(weights="imagenet" if path is None else None)
        except Exception as error:
            raise download_failed(name, "its weight file with the top", error) from error
        if path is not None:
            load_file(model, Path(path), name)
        flat = canonical(model, after=_missing_rescaling if _lacks_rescaling(name, path) else None)
        return on_raw_pixels(flat, preprocessing.MODES[_preprocessing(name)])


def _constructor(name: str) -> Callable[..., keras.Model]:
    """Returns the function of `keras.applications` that builds the network."""
    return getattr(keras.applications, name)


def _family(name: str) -> str:
    """Returns the module of `keras.applications` that has the network, such as `"resnet"`."""
    return _constructor(name).__module__.rpartition(".")[2]


@cache
def _published() -> dict[str, Json]:
    """Reads the published figures and file names of all networks, by the name of the network."""
    text = resources.files(__package__).joinpath("applications.json").read_text("utf-8")
    return json.loads(text)


def _official(name: str) -> str:
    """Returns the name of the file in which Keras publishes the weights without the top."""
    return _published().get(name, {}).get("file", f"{name}.weights.h5")


@cache
def _preprocessing(name: str) -> str:
    """Returns the name of the network's preprocessing, such as `"caffe"`."""
    # Each family's module has a `preprocess_input` of its own.
    module = importlib.import_module(_constructor(name).__module__)
    return preprocessing.recognise(module.preprocess_input)


def _build(name: str, weights: str | None, image_size: tuple[int, int]) -> keras.Model:
    """Builds the network without its top; with `"imagenet"` Keras downloads the weights."""
    return _constructor(name)(weights=weights, include_top=False, input_shape=(*image_size, 3))


def _download(name: str, official: str, image_size: tuple[int, int]) -> keras.Model:
    """Builds the network with Keras's weights, or raises an error that says what else to do."""
    try:
        return _build(name, "imagenet", image_size)
    except Exception as error:
        _build(name, None, image_size)  # raises where it is the image size that is wrong
        raise download_failed(name, official, error) from error


def _load_with_or_without_top(model: keras.Model, path: Path, name: str) -> None:
    """Loads a weight file, which may also hold the top that the model does not have."""
    try:
        load_file(model, path, name)
    except RefusalError:
        raise
    except ValueError as error:
        whole = _constructor(name)(weights=None)
        try:
            load_file(whole, path, name)
            # The layers of the top come last, so the shorter list says where to stop.
            copy_weights(list(zip(whole.layers, model.layers, strict=False)))
        except ValueError:
            raise error from None


def _lacks_rescaling(name: str, path: Weights) -> bool:
    """Returns whether the weights need a rescaling that Keras builds only for `"imagenet"`."""
    return path is not None and _family(name) == "efficientnet"


def _missing_rescaling(layer: str) -> keras.Layer | None:
    """Returns the rescaling that belongs behind the layer `normalization`; `None` for others."""
    if layer != "normalization":
        return None
    # The square roots are Keras's own: the weights were trained with pixels scaled like this.
    deviations = (0.229, 0.224, 0.225)
    scale = [1 / math.sqrt(value) for value in deviations]
    return keras.layers.Rescaling(scale, name="rescaling_1")
