"""Defines backbones, and the sources that load them by name."""

import abc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import keras

from transferlearn.backbones.blocks import Block, blocks_between_cuts
from transferlearn.backbones.graph import canonical, copy_operation, copy_weights
from transferlearn.backbones.pyramid import pyramid
from transferlearn.types import Tensor

Weights = str | Path | None


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """Holds a network without its head, its blocks, and the preprocessing of its input.

    Attributes:
        model: A flat `Functional` with canonical layer names and one output. Its input is images
            `(batch, height, width, 3)`, or token ids, int32 `(batch, tokens)`; it may have several.
        blocks: The network's blocks from input to output; each layer is in exactly one.
        preprocessing: A plain Keras layer, or a function of plain layers and ops. It takes the
            `KerasTensor` of raw RGB pixels in [0, 255] (or token ids), or a mapping of several
            tensors by name, and gives the model's inputs.
        name: The name by which it is loaded.
        source: Where the weights came from, in words.
        pretrained: Whether the weights are trained; if not, BatchNorm is always trained.
        raw: The name of what the preprocessing takes: `"image"`, `"token_ids"`, or another kind's
            name for its input.
        licence: The licence of the weights, where it is certain.
        maps: Features that were found before the model was cut short, by name, see `read_by`.
        further: The names of the model's last inputs, which no preprocessing gives: inputs of the
            task that come with the targets, such as a decoder's token ids.
    """

    model: keras.Model
    blocks: tuple[Block, ...]
    preprocessing: Callable[[Tensor], Tensor]
    name: str
    source: str
    pretrained: bool = True
    raw: str = "image"
    licence: str = "unknown"
    maps: Mapping[str, Tensor] = field(default_factory=dict, repr=False)
    further: tuple[str, ...] = ()

    @property
    def known(self) -> tuple[str, ...]:
        """The names of all features that a head can read, see `features`."""
        levels = () if self.maps or self.raw != "image" else pyramid(self.model, self.blocks)
        return ("last", *self.maps, *(f"stride_{stride}" for stride in levels))

    def features(self, names: Sequence[str] = ("last",)) -> dict[str, Tensor]:
        """Returns the tensors of `model` that a head reads: its output, or feature maps by stride.

        Args:
            names: `"last"` is the model's output. A network for images also has `"stride_2"` to
                `"stride_32"`, the maps that `pyramid.pyramid` finds, for the strides it has.

        Raises:
            ValueError: The network has no such features.
        """
        if isinstance(names, str):
            names = (names,)
        found = {"last": self.model.outputs[0], **self.maps}
        if self.raw == "image" and any(name not in found for name in names):
            levels = pyramid(self.model, self.blocks)
            found |= {f"stride_{stride}": tensor for stride, tensor in levels.items()}
        if unknown := [name for name in names if name not in found]:
            raise ValueError(
                f"{self.name} has the features {', '.join(found)}: name some of these as the "
                f"decoder's features. Received: {', '.join(unknown)}"
            )
        return {name: found[name] for name in names}

    def read_by(self, names: Sequence[str]) -> "Backbone":
        """Returns this backbone without the layers that none of these features needs.

        A decoder of a pyramid does not read the last layers: they would be frozen, trained, counted
        and saved for nothing.

        Args:
            names: The names of the features, as `features` takes them.
        """
        maps = self.features(names)
        if "last" in maps:
            return self
        tensors = list(maps.values())
        model = keras.Model(self.model.inputs, tensors, name=self.model.name)
        places = {id(layer): place for place, layer in enumerate(model.layers)}
        blocks = (
            Block(name, tuple(places[i] for i in map(id, layers) if i in places))
            for name, layers in (
                (block.name, [self.model.layers[place] for place in block.layers])
                for block in self.blocks
            )
        )
        left = tuple(block for block in blocks if block.layers)
        return replace(self, model=model, blocks=left, maps=maps)

    def prepare(self, items: Tensor | Mapping[str, Tensor]) -> list[Tensor]:
        """Calls the preprocessing on raw items; a layer is copied, so that each model has its own.

        Args:
            items: A `KerasTensor`, or a mapping of several by name.

        Returns:
            The inputs of `model` for items, in their order.
        """
        if not isinstance(self.preprocessing, keras.Layer):
            return keras.tree.flatten(self.preprocessing(items))
        own = copy_operation(self.preprocessing, name="preprocessing")
        prepared = own(items)
        copy_weights([(self.preprocessing, own)])  # such as what a Normalization was adapted to
        return keras.tree.flatten(prepared)

    def read_inside(self, beside: Mapping[str, Tensor]) -> list[Tensor]:
        """Returns the inputs that the backbone reads besides the items, see `further`.

        Raises:
            ValueError: The task has no such input.
        """
        if missing := [name for name in self.further if name not in beside]:
            raise ValueError(
                f"The backbone {self.name!r} reads {', '.join(missing)} besides the items, and the "
                f"task's inputs are: {', '.join(beside) or 'none'}. Take a task that has such "
                "inputs."
            )
        return [beside[name] for name in self.further]


def from_model(
    model: keras.Model,
    *,
    preprocessing: Callable[[Tensor], Tensor] | None = None,
    blocks: Callable[[keras.Model], tuple[Block, ...]] = blocks_between_cuts,
    name: str | None = None,
    source: str = "the model that was passed",
    pretrained: bool = True,
    raw: str = "image",
    further: tuple[str, ...] = (),
) -> Backbone:
    """Makes a backbone of a copy of a functional model; models inside it are opened.

    Args:
        model: A functional or Sequential model without its head: one image in, and what `further`
            names behind it; one tensor out. It is copied, weights included, and never changed.
        preprocessing: Turns raw RGB pixels in [0, 255] into the model's input: a plain Keras layer
            (`keras.layers.Rescaling(1 / 255)`) or a function of plain layers and ops. By default
            the model takes raw pixels.
        blocks: A function that finds the blocks of the copied model; by default
            `blocks_between_cuts`.
        name: The backbone's name; by default the model's own.
        source: Where the weights came from, in words.
        pretrained: Whether the weights are trained.
        raw: The name of what the preprocessing takes, see `Backbone.raw`.
        further: The names of the model's other inputs, see `Backbone.further`.

    Returns:
        A `Backbone`.

    Raises:
        TypeError: It is no model, is subclassed, or has a layer that its config cannot copy.
        ValueError: It has no input shape yet, or other inputs than these, or several outputs.

    Example:
        backbone = tl.backbones.from_model(mine, preprocessing=keras.layers.Rescaling(1 / 255))
        builder = tl.ImageClassifierBuilder(backbone)
    """
    copy = canonical(model, raw=(raw, *further))
    return Backbone(
        model=copy,
        blocks=blocks(copy),
        preprocessing=preprocessing or (lambda pixels: pixels),
        name=name or model.name,
        source=source,
        pretrained=pretrained,
        raw=raw,
        further=further,
    )


def on_raw_pixels(model: keras.Model, preprocessing: Callable[[Tensor], Tensor]) -> keras.Model:
    """Puts the preprocessing before a whole network; the model takes raw RGB pixels."""
    image = keras.Input(model.inputs[0].shape[1:], name="image")
    return keras.Model(image, model(preprocessing(image)), name=model.name)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Holds what is known of a backbone before it is loaded.

    Attributes:
        name: The name by which it is loaded.
        image_size: The default `(height, width)` in pixels.
        parameters: Millions of parameters, with the ImageNet top, as published.
        preprocessing: What is done to raw pixels, in a word or two: `caffe`, `torch` and `tf` are
            modes of `keras.applications`; `none`: nothing, or the network itself does it.
        top1: Published ImageNet top-1 accuracy in percent.
        licence: The licence of the weights.
        offline: Whether no download is needed: the weights come with a Python package, or are in a
            folder that the name or `TRANSFERLEARN_WEIGHTS` gives.
    """

    name: str
    image_size: tuple[int, int] = (224, 224)
    parameters: float | None = None
    preprocessing: str = "none"
    top1: float | None = None
    licence: str = "unknown"
    offline: bool = False


class BackboneSource(abc.ABC):
    """Loads backbones by name, once it is registered with `tl.backbones.register`.

    Attributes:
        names: The names of its backbones; one that ends with a colon, such as `"keras_hub:"`,
            stands for all names that begin with it.

    Example:
        class Tiny(tl.backbones.BackboneSource):
            names = ("Tiny",)

            def load(self, name, *, weights, image_size):
                model = keras.models.load_model("tiny.keras")
                return tl.backbones.from_model(model, name=name)

        tl.backbones.register(Tiny())
    """

    names: Sequence[str]

    @abc.abstractmethod
    def load(self, name: str, *, weights: Weights, image_size: tuple[int, int]) -> Backbone:
        """Loads the backbone with this name, for images of this size.

        Args:
            name: One of `names`, or a name that begins with one that ends with a colon.
            weights: `"imagenet"`, the path of a file, or `None` for random weights.
            image_size: `(height, width)` in pixels of the images that will go in.
        """

    def load_classifier(self, name: str, *, weights: Weights) -> keras.Model:
        """Loads the network with its ImageNet top; it takes raw RGB pixels in [0, 255].

        Args:
            name: The name of the network.
            weights: `"imagenet"`, or the path of a file with the weights of the whole network.

        Raises:
            ValueError: The source has no such top.
        """
        raise ValueError(f"There is no ImageNet classifier for {name!r}: pass a keras.Model.")

    def facts(self, name: str) -> Facts:
        """Returns what is known of a backbone before it is loaded; by default only its name."""
        return Facts(name=name)


@dataclass(frozen=True, kw_only=True)
class AudioBackbone(Backbone):
    """Holds a network that takes samples of one rate, as many as it can hear at once.

    Attributes:
        sample_rate: The rate in Hz.
        most_seconds: The length of the longest row that it takes.
    """

    sample_rate: int
    most_seconds: float
    raw: str = "audio"

    def check(self, samples: int, sample_rate: int) -> None:
        """Raises `ValueError` for rows of another rate, or of more samples than it takes."""
        if sample_rate != self.sample_rate:
            raise ValueError(
                f"{self.name} hears {self.sample_rate:,} Hz: pass sample_rate={self.sample_rate}. "
                f"Received: sample_rate={sample_rate}"
            )
        if samples > self.most_seconds * self.sample_rate:
            raise ValueError(
                f"{self.name} hears {self.most_seconds:g} seconds at once: pass "
                f"seconds={self.most_seconds:g}. Received: seconds={samples / sample_rate:g}"
            )
