"""Makes trainable backbones of TensorFlow SavedModels, such as those of TF-Hub."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import keras

from transferlearn.backbones.base import Backbone, Facts, Weights, from_model
from transferlearn.backbones.blocks import Block
from transferlearn.backbones.saved_model.layer import SavedModelLayer
from transferlearn.backbones.saved_model.layer import trust as trust_program
from transferlearn.backbones.saved_model.programs import Program, read_program
from transferlearn.backbones.texts import Pooling, TextBackbone, TextSource
from transferlearn.data import Characters, Tokenizer
from transferlearn.extras import install_line
from transferlearn.types import Tensor


class SavedModels(TextSource):
    """Loads backbones named `saved_model:<folder>`, or `hub:<handle>` of a model on Kaggle."""

    names = ("saved_model:", "hub:")

    def facts(self, name: str) -> Facts:
        """Returns what the program's file tells, without running or downloading anything."""
        if name.startswith("hub:"):
            return Facts(name=name, preprocessing="[0, 1]")
        size = _sides(read_program(_found_folder(name))) or (224, 224)
        return Facts(name=name, image_size=size, preprocessing="[0, 1]", offline=True)

    def load(self, name: str, *, weights: Weights, image_size: tuple[int, int]) -> Backbone:
        """Loads an image module, which takes pixels in [0, 1] by TF-Hub's convention."""
        _refuse_weights(weights, name)
        return from_saved_model(_found_folder(name), image_size=image_size)

    def load_text(self, name: str, *, pretrained: bool, pooling: Pooling) -> TextBackbone:
        """Loads a text module, which takes strings and pools them itself; `pooling` is not used."""
        _refuse_weights("imagenet" if pretrained else None, name)
        folder = _found_folder(name)
        _check_input(folder, "batches of strings", ((None,), "string"))
        token_ids = keras.Input((None,), dtype="int32", name="token_ids")
        backbone = from_model(
            keras.Model(token_ids, _features(folder, token_ids)),
            blocks=_one_block,
            name=name,
            source=f"the SavedModel {folder}",
            raw="token_ids",
        )
        return TextBackbone(**vars(backbone) | {"tokenizer": self.load_tokenizer(name)})

    def load_tokenizer(self, name: str) -> Tokenizer:
        """Returns a tokenizer of single characters, since the module splits texts itself."""
        return Characters()


def from_saved_model(
    folder: str | Path,
    *,
    image_size: tuple[int, int] | None = None,
    preprocessing: Callable[[Tensor], Tensor] | None = None,
    trusted: bool = False,
) -> Backbone:
    """Makes a backbone of a SavedModel that takes images.

    A SavedModel is a program, which runs whenever the network is called. One that can do more than
    compute, such as read a file, is refused unless it is trusted.

    Args:
        folder: The folder of a TF2 SavedModel that can be called, with `training` or without; it
            holds `saved_model.pb` and `variables/`.
        image_size: `(height, width)` in pixels of the images that will go in; by default what the
            module takes, or 224 x 224.
        preprocessing: Turns raw RGB pixels in [0, 255] into the module's input; by default they are
            divided by 255.
        trusted: Whether to run a program that can do more than compute; what that is, is printed.

    Returns:
        A backbone of one layer, whose variables are trained or frozen together. It runs with
        `training=False`, unless it is trained by a builder with `batch_norm="train"`.

    Raises:
        ValueError: The module does not take images or give one tensor, or the program can do more
            than compute and is not trusted.
        OSError: There is no SavedModel in the folder.
    """
    folder = Path(folder).expanduser()
    program = read_program(folder)
    if trusted:
        trust_program(folder)
    sides = _sides(program)
    size = image_size or sides or (224, 224)
    _check_input(folder, "float32 images", ((None, *(sides or (None, None)), 3), "float32"))
    if sides not in (None, size):
        raise ValueError(
            f"{folder} takes images of one size. Pass image_size={sides}. "
            f"Received: images of {size}"
        )
    image = keras.Input((*size, 3), name="image")
    return from_model(
        keras.Model(image, _features(folder, image)),
        preprocessing=preprocessing or keras.layers.Rescaling(1 / 255, dtype="float32"),
        blocks=_one_block,
        name=folder.name,
        source=f"the SavedModel {folder}",
    )


def trust(name: str | Path) -> None:
    """Lets a SavedModel run in this process even if it can do more than compute.

    What it can do is printed. Use it for modules that are named, such as those of texts that read
    their vocabulary from a file; for a module of images there is also `from_saved_model`, for a
    save `tl.load(path, trusted=True)`. Trust is for this very program, and ends with the process.

    Args:
        name: `"hub:<handle>"`, `"saved_model:<folder>"`, or the folder.

    Raises:
        OSError: There is no SavedModel, or it cannot be downloaded.
        ValueError: Its file is no program of TensorFlow.

    Example:
        ```python
        tl.backbones.trust("hub:google/nnlm/tensorFlow2/en-dim50")
        builder = tl.TextClassifierBuilder("hub:google/nnlm/tensorFlow2/en-dim50")
        ```
    """
    is_named = str(name).startswith(SavedModels.names)
    trust_program(_found_folder(str(name)) if is_named else Path(name).expanduser())


def _found_folder(name: str) -> Path:
    """Returns the folder named after `saved_model:`, or downloads the model named after `hub:`."""
    prefix, _, rest = name.partition(":")
    if prefix == "saved_model":
        return Path(rest).expanduser()
    try:
        kagglehub = import_module("kagglehub")
    except ImportError as error:
        raise ImportError(
            f"{name!r} needs another package: {install_line('hub')}. Or download it "
            "from kaggle.com/models, and name its folder: 'saved_model:<folder>'."
        ) from error
    try:
        return Path(kagglehub.model_download(rest))
    except Exception as error:
        raise OSError(
            f"{name!r} could not be downloaded: {error!s:.300}. Where Kaggle cannot be reached, "
            "unpack it in ~/.cache/kagglehub/models/<handle>/<version>, with the empty file "
            "<version>.complete beside that, or anywhere, and name it: 'saved_model:<folder>'."
        ) from error


def _refuse_weights(weights: Weights, name: str) -> None:
    """Raises `ValueError` unless the weights are the default, which a SavedModel contains."""
    if weights != "imagenet":
        raise ValueError(f"A SavedModel has its weights in it. Received: {weights=} and {name!r}")


def _sides(program: Program) -> tuple[int, int] | None:
    """Returns the height and width of the images that a program takes; `None` if it takes any."""
    shape = program.input[0] if program.input else ()
    height, width = shape[1:3] if len(shape) == 4 else (None, None)
    return (height, width) if height and width else None


def _check_input(folder: Path, noun: str, wanted: tuple[tuple[int | None, ...], str]) -> None:
    """Raises `ValueError` if the program tells that its input has another shape or dtype."""
    shape, dtype = read_program(folder).input or wanted
    fits = len(shape) == len(wanted[0]) and dtype == wanted[1]
    if not fits or any(s not in (None, w) for s, w in zip(shape, wanted[0], strict=True)):
        raise ValueError(
            f"{folder} takes no {noun} of the shape {wanted[0]}: its input has the shape {shape}, "
            f"dtype {dtype}."
        )


def _features(folder: Path, inputs: Tensor) -> Tensor:
    """Calls the module on a `KerasTensor`, and gives its output, which must be features."""
    layer = SavedModelLayer(str(folder))
    try:
        outputs = keras.tree.flatten(layer(inputs))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{folder} cannot be called with inputs of the shape {inputs.shape}: {error!s:.300}"
        ) from error
    floats = [x for x in outputs if keras.backend.is_float_dtype(x.dtype) and len(x.shape) > 1]
    if len(outputs) != 1 or not floats:
        received = [(x.shape, keras.backend.standardize_dtype(x.dtype)) for x in outputs]
        raise ValueError(
            f"{folder} gives no features, which are one tensor of floats with an axis for the "
            f"batch and one or more others. Received: {received}"
        )
    return floats[0]


def _one_block(model: keras.Model) -> tuple[Block, ...]:
    """Puts all layers in one block: the module's variables can only be frozen together."""
    return (Block("module", tuple(range(len(model.layers)))),)
