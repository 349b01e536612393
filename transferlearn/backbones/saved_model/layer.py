"""Wraps a SavedModel in a Keras layer, and copies its program into saves of the model."""

import contextlib
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras

from transferlearn.backbones.saved_model.programs import Program, read_program
from transferlearn.data import Characters
from transferlearn.json_fields import Json
from transferlearn.keras_internals import layers_within
from transferlearn.types import Tensor

FOLDER = "saved_models"
_HASH = re.compile("[0-9a-f]{64}")
# Hashes of programs; trust is for this process only, and never written down.
_trusted: set[str] = set()
_beside: list[Path] = []  # the folders of SavedModels in the saves that are being loaded


@keras.saving.register_keras_serializable("transferlearn")
class SavedModelLayer(keras.Layer):
    """Calls a SavedModel, whose variables are the layer's weights.

    Args:
        source: The folder of the SavedModel.
        program: SHA-256 of the program that is expected there; `None` accepts any program.
        batch_norm_moves: Whether training calls the module with `training=True`, its Dropout on.
            If not, training calls it as prediction does, since its BatchNorm cannot be fixed alone.

    Input shape: As the module takes it; one that takes strings gets them made of token ids.
    """

    def __init__(
        self,
        source: str,
        program: str | None = None,
        batch_norm_moves: bool = False,
        **kwargs: object,
    ) -> None:
        # The program takes the types that it was saved with, whatever the dtype policy is.
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
        self._files = _files(folder)
        self._module, self._function, self._takes_training = _module(folder)
        self._takes_text = found.input is not None and found.input[1] == "string"
        trained = {id(x) for x in _variables(self._module, self._function, "trainable_variables")}
        # Keras does not see a raw `tf.Variable`: it would train nothing, and say nothing.
        self.module_weights = [
            _as_keras(variable, trainable=id(variable) in trained)
            for variable in _variables(self._module, self._function, "variables")
        ]
        self.built = True

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Calls the module; a trainable layer also adds its regularization losses in training.

        The module gets `training=True` only if the layer is trainable and `batch_norm_moves`.
        """
        training = bool(training) and self.trainable
        module_inputs = _as_strings(inputs) if self._takes_text else inputs
        moves = training and self.batch_norm_moves
        settings = {"training": moves} if self._takes_training else {}
        outputs = self._function(module_inputs, **settings)
        if training:
            for loss in getattr(self._module, "regularization_losses", ()):
                self.add_loss(loss())
        return outputs

    @property
    def is_as_loaded(self) -> bool:
        """Returns whether the folder still holds the files that the layer was made from."""
        return self.folder.is_dir() and self._files == _files(self.folder)

    def get_config(self) -> Json:
        """Returns the arguments of the constructor: `source`, `program` and `batch_norm_moves`."""
        own = {name: getattr(self, name) for name in ("source", "program", "batch_norm_moves")}
        return {**super().get_config(), **own}


def trust(folder: Path) -> None:
    """Allows a program to run in this process, and prints what it can do besides computing."""
    program = read_program(folder)
    _trusted.add(program.sha256)
    if program.unsafe:
        print(
            f"Trusted in this process: {folder} may run {', '.join(program.unsafe)}, which do more "
            "than compute: with your rights they may read and write files, open connections or "
            "run Python.",
            file=sys.stderr,
        )


def copy_programs(model: keras.Model, folder: Path) -> None:
    """Copies the SavedModels that a model calls into a save's folder, each once."""
    for layer in layers_within(model):
        if isinstance(layer, SavedModelLayer):
            target = folder / FOLDER / layer.program
            if not layer.is_as_loaded:
                raise OSError(
                    f"The SavedModel at {layer.folder}, which the model was made of, was moved or "
                    "changed since, so it cannot be saved. Nothing was written; put it back there."
                )
            if not target.exists():
                shutil.copytree(layer.folder, target)


@contextlib.contextmanager
def looking_beside(folder: Path, *, trusted: bool) -> Iterator[frozenset[str]]:
    """Lets layers find their SavedModels in the save at `folder` while it is loaded.

    Yields the hashes of the programs that it holds, as the names of their folders say.

    Args:
        folder: The folder of the save.
        trusted: Whether all programs in it may run in this process, then and later.
    """
    inside = sorted((folder / FOLDER).glob("*"))
    if trusted:
        # By what is in the files: the folder's name is whatever the save's author wrote.
        for program in inside:
            trust(program)
    _beside.append(folder / FOLDER)
    try:
        # A name that is no hash would not be looked for here, see `_saved_beside`.
        yield frozenset(x.name for x in inside if x.is_dir() and _HASH.fullmatch(x.name))
    finally:
        _beside.pop()


def _saved_beside(program: str | None) -> Path | None:
    """Returns the folder of the program in a save that is being loaded; `None` if there is none."""
    if not (isinstance(program, str) and _HASH.fullmatch(program)):  # or else it is a path
        return None
    found = (folder / program for folder in _beside)
    return next((path for path in found if path.is_dir()), None)


def _check(folder: Path, found: Program, expected: str) -> None:
    """Raises `ValueError` for another program, one of TF1, or an unsafe one without trust."""
    if found.sha256 != expected:
        raise ValueError(f"{folder} holds another program than the one that was saved.")
    if not found.functions:
        raise ValueError(
            f"{folder} is a graph of TensorFlow 1, such as an Estimator wrote or hub.Module, which "
            "TensorFlow 2 can neither call nor train. Take the module's version for TF2, or export "
            "the network anew with tf.saved_model.save."
        )
    if found.unsafe and found.sha256 not in _trusted:
        raise ValueError(
            f"{folder} is a program that can do more than compute ({', '.join(found.unsafe)}): "
            "read or write files, open connections or run Python. If it comes from people whom you "
            f"trust, first tl.backbones.trust({str(folder)!r}); a save that holds it: "
            "tl.load(path, trusted=True)."
        )


def _module(folder: Path) -> tuple[Any, Callable[..., Any], bool]:
    """Loads the module; gives it, the function to call, and whether that takes `training`."""
    import tensorflow as tf

    try:
        module = tf.saved_model.load(str(folder))
    except Exception as error:
        raise OSError(
            f"{folder} cannot be loaded: a file of it is missing or damaged. TensorFlow says: "
            f"{error!s:.300}"
        ) from error
    # What Keras's `model.export` writes has no `__call__`, but `serve`.
    function = module.__call__ if callable(module) else getattr(module, "serve", None)
    if function is None:
        raise ValueError(
            f"{folder} has signatures only ({', '.join(module.signatures) or 'none'}), which can "
            "be asked for predictions but not trained. Export the network so that it can be "
            "called: tf.saved_model.save of a tf.Module with __call__(x, training), or Keras's "
            "model.export."
        )
    return module, function, "training" in function.function_type.parameters


def _files(folder: Path) -> list[tuple[str, int, int]]:
    """Lists all files in a folder, with their sizes and times of change."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(str(x.relative_to(folder)), x.stat().st_size, x.stat().st_mtime_ns) for x in files]


def _variables(module: object, function: object, name: str) -> list[Any]:
    """Returns the variables that the module lists as `name`, or else those of its functions."""
    listed = getattr(module, name, None)
    if listed is None:
        functions = getattr(function, "concrete_functions", ())
        listed = [variable for concrete in functions for variable in getattr(concrete, name)]
    return list({id(variable): variable for variable in listed}.values())


def _as_keras(variable: Any, *, trainable: bool) -> keras.Variable:
    """Wraps a variable of TensorFlow in one of Keras."""
    name = variable.name.split(":")[0].replace("/", "_")
    # Over the same storage, so that the module reads what an optimizer writes.
    return keras.Variable(variable, trainable=trainable, dtype=variable.dtype.name, name=name)


def _as_strings(token_ids: Tensor) -> Tensor:
    """Joins the characters whose numbers in Unicode the token ids are."""
    import tensorflow as tf

    rows = tf.RaggedTensor.from_tensor(token_ids, padding=Characters.padding)
    return tf.strings.unicode_encode(rows, "UTF-8")
