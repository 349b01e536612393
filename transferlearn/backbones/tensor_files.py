"""Reads settings and tensors that Hugging Face wrote, of networks that KerasHub cannot read."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np

from transferlearn.json_fields import Json
from transferlearn.untrusted import RefusalError, check_finite

State = Mapping[str, np.ndarray]  # tensors by Hugging Face's names, without "model." before them
CONFIG = "config.json"


def config_in(folder: Path) -> Json:
    """Reads the settings of a folder; what is no object of JSON's has none."""
    file = folder / CONFIG
    try:
        found = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} is damaged: {error}") from error
    return found if isinstance(found, dict) else {}


def tensors_in(folder: Path) -> State:
    """Reads all tensors of a folder's `.safetensors` files."""
    files = sorted(folder.glob("*.safetensors"))
    state = {name: x for file in files for name, x in _safe_tensors(file).items()}
    return {name.removeprefix("model."): x for name, x in state.items()}


def _safe_tensors(file: Path) -> dict[str, np.ndarray]:
    """Reads all tensors of a `.safetensors` file."""
    import safetensors.numpy

    try:
        return safetensors.numpy.load_file(file)
    except (safetensors.SafetensorError, TypeError) as error:
        raise ValueError(f"{file.name} is damaged: {error}") from error


def count_layers(state: State, part: str, within: str) -> int:
    """Counts the layers of the encoder or decoder that have a tensor of this name."""
    count = 0
    while f"{part}.layers.{count}.{within}" in state:
        count += 1
    return count


def fill(weights: list[keras.Variable], state: State, places: Mapping[str, str]) -> None:
    """Sets weights to the tensors of a state.

    Args:
        weights: The weights of a network.
        state: The tensors.
        places: What Hugging Face calls a layer, by the path of the layer in Keras.
    """
    for weight in weights:
        place, _, what = weight.path.rpartition("/")
        name = f"{places[place]}.{'bias' if what in ('bias', 'beta') else 'weight'}"
        weight.assign(_value(name, state[name], weight, turned=what == "kernel"))


def _value(name: str, tensor: np.ndarray, weight: keras.Variable, *, turned: bool) -> np.ndarray:
    """Returns a tensor in the shape of a weight; kernels have their axes the other way round."""
    check_finite(tensor, name)
    if tensor.size != np.prod(weight.shape):
        raise ValueError(f"{name} has the shape {tensor.shape}, which does not fit the others")
    return np.float32(tensor.T if turned else tensor).reshape(weight.shape)


@contextmanager
def read_as(folder: Path, network: str) -> Iterator[None]:
    """Says of what goes wrong within that a folder cannot be read as such a network.

    Raises:
        ValueError: A file is damaged, or a tensor is missing or has another shape.
    """
    try:
        yield
    except KeyError as error:
        raise ValueError(
            f"{folder} has no tensor {error.args[0]}, which a {network} has"
        ) from error
    except RefusalError as error:
        raise RefusalError(f"{folder} is refused: {error}") from error
    except (ValueError, TypeError, IndexError) as error:
        raise ValueError(f"{folder} cannot be read as a {network}: {error}") from error
