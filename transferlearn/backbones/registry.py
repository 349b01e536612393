"""Registers the sources of backbones, and loads backbones by their names."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import keras

from transferlearn.backbone_names import unknown_backbone
from transferlearn.backbones.applications import Applications
from transferlearn.backbones.base import Backbone, BackboneSource, Facts, Weights, from_model
from transferlearn.backbones.embedded import Embedded
from transferlearn.backbones.keras_hub import KerasHub
from transferlearn.backbones.recordings import SpeechBackbone, Spoken
from transferlearn.backbones.saved_model import SavedModels
from transferlearn.backbones.texts import Pooling, TextBackbone, TextSource
from transferlearn.backbones.weights import check_weights, load_file
from transferlearn.data import Tokenizer
from transferlearn.tables import as_html, as_paragraph, as_table

_sources: dict[str, BackboneSource] = {}


def register(source: BackboneSource) -> None:
    """Registers a source, so that its backbones can be loaded by their names.

    Raises:
        ValueError: A name is taken already; nothing is registered then.
        TypeError: It is no `BackboneSource` object, or its `names` are one string.
    """
    if not isinstance(source, BackboneSource):
        raise TypeError(f"Expected a BackboneSource object. Received: {source!r}")
    if isinstance(source.names, str):
        raise TypeError(f"Expected a tuple of names. Write: names = ({source.names!r},)")
    taken = [name for name in source.names if name in _sources]
    if taken:
        raise ValueError(f"Already registered: {', '.join(taken)}. Give the backbone another name.")
    _sources.update(dict.fromkeys(source.names, source))


register(Embedded())
register(Applications())
register(KerasHub())
register(SavedModels())


def names() -> tuple[str, ...]:
    """Returns all registered names of single backbones, so no prefixes such as `keras_hub:`."""
    return tuple(name for name in _sources if not name.endswith(":"))


def facts(name: str) -> Facts:
    """Returns what is known of a backbone before it is loaded.

    Raises:
        ValueError: There is no such backbone; the message says which names are closest.
    """
    return _source(name).facts(name)


def check_name(name: str, *, texts: bool = False) -> None:
    """Refuses a name of no backbone, or of none for texts, before anything is loaded.

    Raises:
        ValueError: There is no such backbone; the message says which names are closest.
    """
    if texts:
        _text_source(name)
    else:
        _source(name)


def default_image_size(backbone: str | keras.Model | Backbone) -> tuple[int, int]:
    """Returns a backbone's default `(height, width)` in pixels; 224 where it takes any."""
    if isinstance(backbone, str):
        return facts(backbone).image_size
    model = backbone.model if isinstance(backbone, Backbone) else backbone
    shape = tuple(model.inputs[0].shape) if model.inputs else ()
    height, width = shape[1:3] if len(shape) == 4 else (None, None)
    return (height or 224, width or 224)  # as most networks of `keras.applications` have it


def get(
    backbone: str | keras.Model | Backbone,
    *,
    weights: Weights = "imagenet",
    image_size: tuple[int, int] | None = None,
) -> Backbone:
    """Loads a backbone by its name, or makes one of a model; gives a `Backbone` as it is.

    Args:
        backbone: A registered name (`transferlearn backbones` lists them), a functional model
            without its head (it is copied, and takes raw pixels), or a `Backbone`.
        weights: `"imagenet"`, the path of a weight file, or `None` for random weights. A folder
            named by the environment variable `TRANSFERLEARN_WEIGHTS` is looked at before any
            download. A model that is passed keeps its own weights unless this is a path.
        image_size: `(height, width)` in pixels, for a backbone that is named; by default its own
            default.

    Raises:
        ValueError: The name is unknown, the weight file is of another network, or the images are
            too small for this one.
        TypeError: The model is subclassed.
        OSError: A weight file is missing, or could not be downloaded.
        ImportError: A package that carries the weights is not installed.
    """
    if isinstance(backbone, Backbone):
        if weights not in (None, "imagenet"):
            raise ValueError(
                f"A Backbone has its weights already. Received: weights={str(weights)!r} and "
                f"{backbone.name!r}. Load them into its model, or pass the model itself."
            )
        return backbone
    if isinstance(backbone, str):
        size = image_size or facts(backbone).image_size
        loaded = _source(backbone).load(backbone, weights=weights, image_size=size)
        if not isinstance(loaded, Backbone):
            raise TypeError(
                f"{type(_source(backbone)).__name__}.load gave no Backbone, such as "
                f"tl.backbones.from_model makes. Received: {loaded!r}"
            )
        return replace(loaded, name=backbone)
    check_weights(weights)
    loaded = from_model(backbone, pretrained=weights is not None)
    if weights is not None and weights != "imagenet":
        load_file(loaded.model, Path(weights), loaded.name)
    return loaded


def get_classifier(name: str, *, weights: Weights = "imagenet") -> keras.Model:
    """Loads a network with its ImageNet top, which takes raw RGB pixels in [0, 255].

    Args:
        name: A registered name.
        weights: `"imagenet"`, or the path of a file with the weights of the whole network.

    Raises:
        ValueError: The name is unknown, the network has no top, or the weight file is of another.
        OSError: A weight file is missing, or could not be downloaded.
        ImportError: A package that carries the weights is not installed.
    """
    if weights is None:
        raise ValueError("Random weights classify nothing: pass weights='imagenet' or a file.")
    return _source(name).load_classifier(name, weights=weights)


def get_text(
    backbone: str | TextBackbone, *, pretrained: bool = True, pooling: Pooling = "mean"
) -> TextBackbone:
    """Loads a backbone for texts by its name; gives a `TextBackbone` as it is.

    Args:
        backbone: A name such as `"keras_hub:bert_base_en"` or `"keras_hub:path/to/folder"`, or a
            `TextBackbone`, which is taken as it is.
        pretrained: Whether to load its weights; otherwise they are random.
        pooling: How the vectors of all tokens become one for the text, see `from_encoder`.

    Raises:
        TypeError: It is neither a name nor a `TextBackbone`.
        ValueError: The name is unknown, or that of a backbone for images.
        OSError: The backbone could not be downloaded.
        ImportError: A package that the backbone needs is not installed.
    """
    if isinstance(backbone, TextBackbone):
        return backbone
    loaded = _text_source(backbone).load_text(backbone, pretrained=pretrained, pooling=pooling)
    return replace(loaded, name=backbone)


def get_tokenizer(backbone: str | TextBackbone) -> Tokenizer:
    """Loads a text backbone's tokenizer alone; raises what `get_text` does."""
    if isinstance(backbone, TextBackbone):
        return backbone.tokenizer
    return _text_source(backbone).load_tokenizer(backbone)


def get_speech(
    backbone: str | SpeechBackbone,
    *,
    pretrained: bool = True,
    language: str | None = None,
    translate: bool = False,
) -> SpeechBackbone:
    """Loads a network that writes down what is said; gives a `SpeechBackbone` as it is.

    Args:
        backbone: `"keras_hub:<folder>"` of a Whisper of Hugging Face or CTranslate2, of a Moonshine
            of Hugging Face, or a `SpeechBackbone`.
        pretrained: Whether to load its weights; otherwise they are random.
        language: The code of the language that is spoken; `None`: the network finds it, where it
            knows several.
        translate: Whether what is said is written in English.

    Raises:
        ValueError: It is the name of another network, or the language is not known.
        OSError: The files cannot be read.
    """
    if isinstance(backbone, SpeechBackbone):
        return backbone
    loaded = KerasHub().load_speech(backbone, Spoken(language, translate), pretrained=pretrained)
    return replace(loaded, name=backbone)


def _text_source(name: str) -> TextSource:
    """Returns the source that loads this text backbone; another name raises an error."""
    if not isinstance(name, str):
        raise TypeError(
            "A backbone for texts is a name such as 'keras_hub:bert_base_en', or "
            "tl.backbones.from_encoder(model, tokenizer). "
            f"Received: {type(name).__name__} {getattr(name, 'name', '')!r}"
        )
    source = _source(name)
    if not isinstance(source, TextSource):
        raise ValueError(
            f"{name!r} is a backbone for images. Backbones for texts are called "
            "'keras_hub:<preset or folder>' or 'saved_model:<folder>'."
        )
    return source


def _source(name: str) -> BackboneSource:
    """Returns the source that loads this backbone; an unknown name raises `ValueError`."""
    prefix, colon, _ = name.partition(":")
    if f"{prefix}:" in _sources and colon:
        return _sources[f"{prefix}:"]
    if name not in _sources:
        raise unknown_backbone(name, _sources)
    return _sources[name]


@dataclass(frozen=True)
class BackboneTable:
    """Holds the facts of all registered backbones, and prints as a table."""

    rows: tuple[Facts, ...]

    def __iter__(self) -> Iterator[Facts]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        return f"{as_table([_HEAD, *map(_cells, self.rows)])}\n{_LEGEND}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Returns the table for notebooks."""
        return as_html([_HEAD, *map(_cells, self.rows)]) + as_paragraph(_LEGEND)


_HEAD = ("name", "parameters", "image size", "preprocessing", "top-1", "licence")
_LEGEND = (
    "Parameters (with the ImageNet top) and top-1 accuracy as published: "
    "keras.io/api/applications; EfficientNetLite0: tensorflow/tpu, efficientnet/lite. "
    "Whatever the preprocessing is, the built models have it inside: they take raw pixels. Besides "
    "these: keras_hub:<preset or folder> (the extra 'hub'), saved_model:<folder>, hub:<handle on "
    "Kaggle>, for images and texts."
)


def _cells(facts: Facts) -> tuple[str, ...]:
    """Returns the cells of a backbone's row in the table."""
    return (
        facts.name,
        "-" if facts.parameters is None else f"{facts.parameters:.1f}M",
        "x".join(map(str, facts.image_size)),
        facts.preprocessing,
        "-" if facts.top1 is None else f"{facts.top1:.1f}",
        facts.licence + (" (works offline)" if facts.offline else ""),
    )


def table() -> BackboneTable:
    """Returns a table of what is known of every registered backbone."""
    return BackboneTable(tuple(facts(name) for name in names()))
