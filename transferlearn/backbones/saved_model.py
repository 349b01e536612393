"""TensorFlow SavedModels, such as TF-Hub's, as backbones that can be trained."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import keras

from transferlearn.backbones.base import Backbone, Facts, Weights, from_model
from transferlearn.backbones.blocks import Block
from transferlearn.backbones.programs import Program, read_program
from transferlearn.backbones.texts import Pooling, TextBackbone, TextSource
from transferlearn.data import Characters, Tokenizer

FOLDER = "saved_models"
_trusted: set[str] = set()  # hashes of programs
_beside: list[Path] = []  # folders of saves that are being loaded


class SavedModels(TextSource):
    """`saved_model:<folder>`, and `hub:<handle>` of a model on Kaggle, where TF-Hub's are now."""

    names = ("saved_model:", "hub:")

    def facts(self, name: str) -> Facts:
        """Gives what can be known without loading it."""
        if name.startswith("hub:"):
            return Facts(name=name, preprocessing="[0, 1]")
        size = _sides(read_program(_folder(name))) or (224, 224)
        return Facts(name=name, image_size=size, preprocessing="[0, 1]", offline=True)

    def load(self, name: str, *, weights: Weights, image_size: tuple[int, int]) -> Backbone:
        """Loads an image module: it takes pixels in [0, 1], by TF-Hub's convention."""
        _refuse_weights(weights, name)
        return from_saved_model(_folder(name), image_size=image_size)

    def load_text(self, name: str, *, pretrained: bool, pooling: Pooling) -> TextBackbone:
        """Loads a text module: it takes strings, and pools by itself."""
        _refuse_weights("imagenet" if pretrained else None, name)
        folder = _folder(name)
        _check_input(folder, "strings", lambda shape, dtype: dtype == "string")
        layer = SavedModelLayer(str(folder))
        token_ids = keras.Input((None,), dtype="int32", name="token_ids")
        backbone = from_model(
            keras.Model(token_ids, layer(token_ids)),
            blocks=_one_block,
            name=name,
            source=f"the SavedModel {folder}",
            raw="token_ids",
        )
        return TextBackbone(**vars(backbone) | {"tokenizer": self.load_tokenizer(name)})

    def load_tokenizer(self, name: str) -> Tokenizer:
        """Gives the characters: the module cuts texts up by itself."""
        return Characters()


def from_saved_model(
    folder: str | Path,
    *,
    image_size: tuple[int, int] | None = None,
    preprocessing: Callable[[Any], Any] | None = None,
    trusted: bool = False,
) -> Backbone:
    """Makes a backbone of an image module in a folder.

    A SavedModel is a program, which runs as it was written when the network is called. One that can
    write files, open connections or run Python is refused unless it is trusted.

    Args:
        folder: With `saved_model.pb` and `variables/`: a TF2 SavedModel that can be called, with
            `training` or without.
        image_size: `(height, width)` in pixels of the images that will go in; by default what the
            module says, or 224 x 224.
        preprocessing: Raw RGB pixels in [0, 255] to the module's input; by default to [0, 1].
        trusted: Whether to run a program that can do more than compute.

    Returns:
        A backbone of one layer, whose variables are trained or frozen together. It runs with
        `training=False`, unless it is trained by a builder with `batch_norm="train"`.

    Raises:
        ValueError: No module that takes images and gives one tensor, or a program that is not
            trusted and can do more than compute.
        OSError: There is no SavedModel.
    """
    folder = Path(folder).expanduser()
    program = read_program(folder)
    if trusted:
        _trusted.add(program.sha256)
    _check_input(folder, "images", lambda shape, dtype: len(shape) == 4 and dtype != "string")
    size = image_size or _sides(program) or (224, 224)
    layer = SavedModelLayer(str(folder))
    image = keras.Input((*size, 3), name="image")
    return from_model(
        keras.Model(image, layer(image)),
        preprocessing=preprocessing or keras.layers.Rescaling(1 / 255, dtype="float32"),
        blocks=_one_block,
        name=folder.name,
        source=f"the SavedModel {folder}",
    )


@keras.saving.register_keras_serializable("transferlearn")
class SavedModelLayer(keras.Layer):
    """Calls a SavedModel, whose variables are the layer's weights.

    Args:
        source: Its folder.
        program: SHA-256 of the program that is expected there.
        batch_norm_moves: Whether it is trained with `training=True`, its Dropout on, or as in
            prediction: its BatchNorm cannot be held alone.

    Input shape: What the module takes; token ids are made strings for a module of texts.
    """

    def __init__(
        self,
        source: str,
        program: str | None = None,
        batch_norm_moves: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"}, autocast=False)
        if keras.backend.backend() != "tensorflow":
            raise ValueError(
                "A SavedModel runs with TensorFlow only. Set KERAS_BACKEND=tensorflow. Received: "
                f"the backend {keras.backend.backend()!r}"
            )
        self.source = source
        self.batch_norm_moves = batch_norm_moves
        folder = _saved_beside(program) or Path(source)
        found = read_program(folder)
        self.program = program or found.sha256
        self.folder = folder
        _check(folder, found, self.program)
        self._module, self._function, self._takes_training = _module(folder)
        self._takes_text = found.input is not None and found.input[1] == "string"
        trained = {id(variable) for variable in getattr(self._module, "trainable_variables", ())}
        self.module_weights = [
            _as_keras(variable, trainable=id(variable) in trained)
            for variable in getattr(self._module, "variables", ())
        ]
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Runs the module; frozen, as in prediction."""
        training = bool(training) and self.trainable
        given = _as_strings(inputs) if self._takes_text else inputs
        moves = training and self.batch_norm_moves
        settings = {"training": moves} if self._takes_training else {}
        outputs = self._function(given, **settings)
        if training:
            for loss in getattr(self._module, "regularization_losses", ()):
                self.add_loss(loss())
        return outputs

    def get_config(self) -> dict[str, Any]:
        """Where it is, which program, and how it is trained."""
        own = {name: getattr(self, name) for name in ("source", "program", "batch_norm_moves")}
        return {**super().get_config(), **own}


def copy_programs(model: keras.Model, folder: Path) -> None:
    """Writes the SavedModels that a model calls below a folder."""
    for layer in model._flatten_layers():
        if isinstance(layer, SavedModelLayer):
            target = folder / FOLDER / layer.program
            if not layer.folder.is_dir() or read_program(layer.folder).sha256 != layer.program:
                raise OSError(
                    f"The SavedModel at {layer.folder}, which the model was made of, was moved or "
                    "changed since, so it cannot be saved. Nothing was written; put it back there."
                )
            if not target.exists():
                shutil.copytree(layer.folder, target)


@contextlib.contextmanager
def looking_beside(folder: Path, *, trusted: bool) -> Iterator[None]:
    """Looks for SavedModels in a save; what it holds may be `trusted`."""
    if trusted:
        _trusted.update(path.name for path in (folder / FOLDER).glob("*"))
    _beside.append(folder / FOLDER)
    try:
        yield
    finally:
        _beside.pop()


def _saved_beside(program: str | None) -> Path | None:
    found = (folder / program for folder in _beside if program)
    return next((path for path in found if path.is_dir()), None)


def _folder(name: str) -> Path:
    prefix, _, rest = name.partition(":")
    if prefix == "saved_model":
        return Path(rest).expanduser()
    try:
        kagglehub = import_module("kagglehub")
    except ImportError as error:
        raise ImportError(
            f"{name!r} needs a package more: pip install 'transferlearn[hub]'. Or download it "
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
    if weights != "imagenet":
        raise ValueError(f"A SavedModel has its weights in it. Received: {weights=} and {name!r}")


def _sides(program: Program) -> tuple[int, int] | None:
    shape = program.input[0] if program.input else ()
    height, width = shape[1:3] if len(shape) == 4 else (None, None)
    return (height, width) if height and width else None


def _check(folder: Path, found: Program, expected: str) -> None:
    if found.sha256 != expected:
        raise ValueError(f"{folder} holds another program than the one that was saved.")
    if not found.functions:
        raise ValueError(
            f"{folder} is a graph of TensorFlow 1, such as hub.Module or an Estimator wrote, which "
            "TensorFlow 2 can neither call nor train. Take the module's version for TF2, or export "
            "the network anew with tf.saved_model.save."
        )
    if found.unsafe and found.sha256 not in _trusted:
        raise ValueError(
            f"{folder} is a program that can do more than compute ({', '.join(found.unsafe)}): "
            "write files, open connections or run Python. If it comes from people whom you trust: "
            "tl.backbones.from_saved_model(folder, trusted=True), tl.load(path, trusted=True)."
        )


def _check_input(folder: Path, what: str, fits: Callable[[tuple[Any, ...], str], bool]) -> None:
    given = read_program(folder).input
    if given is not None and not fits(*given):
        raise ValueError(
            f"{folder} takes no {what}: its input has the shape {given[0]}, dtype {given[1]}."
        )


def _module(folder: Path) -> tuple[Any, Callable[..., Any], bool]:
    """The loaded module, what to call, and whether that takes `training`."""
    import tensorflow as tf

    try:
        module = tf.saved_model.load(str(folder))
    except Exception as error:
        raise OSError(
            f"{folder} cannot be loaded: a file of it is missing or damaged. TensorFlow says: "
            f"{error!s:.300}"
        ) from error
    function = module.__call__ if callable(module) else getattr(module, "serve", None)
    if function is None:
        raise ValueError(
            f"{folder} has signatures only ({', '.join(module.signatures) or 'none'}), which can "
            "be asked for predictions but not trained. Export the network so that it can be "
            "called: tf.saved_model.save of a tf.Module with __call__(x, training), or Keras's "
            "model.export."
        )
    return module, function, "training" in function.function_type.parameters


def _as_keras(variable: Any, *, trainable: bool) -> keras.Variable:
    name = variable.name.split(":")[0].replace("/", "_")
    return keras.Variable(variable, trainable=trainable, dtype=variable.dtype.name, name=name)


def _as_strings(token_ids: Any) -> Any:
    import tensorflow as tf

    rows = tf.RaggedTensor.from_tensor(token_ids, padding=Characters.padding)
    return tf.strings.unicode_encode(rows, "UTF-8")


def _one_block(model: keras.Model) -> tuple[Block, ...]:
    return (Block("module", tuple(range(len(model.layers)))),)
