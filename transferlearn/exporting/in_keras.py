"""Runs a fitted model in Keras where the runner of an export is expected, as in a server."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from transferlearn.edge import Runner, TensorSpec
from transferlearn.edge.runtimes import Runtime
from transferlearn.exporting.description import describe
from transferlearn.fitted import FittedModel, load
from transferlearn.fitted.outputs import of_batch
from transferlearn.tasks.base import in_numpy


class Keras(Runtime):
    """Runs a fitted model, one call at a time.

    Args:
        fitted: The model.
    """

    def __init__(self, fitted: FittedModel[Any]) -> None:
        self._fitted = fitted

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Runs the model, and turns its outputs into what they mean."""
        listed = [inputs[tensor.name] for tensor in self._fitted.model.inputs]
        outputs = of_batch(self._fitted.model, listed if len(listed) > 1 else listed[0])
        meant = self._fitted.encoding.meant(keras.tree.map_structure(_as_tensor, outputs))
        return {name: in_numpy(tensor) for name, tensor in meant.items()}


def runner_of(fitted: FittedModel[Any]) -> Runner:
    """Gives a runner that predicts with a fitted model itself, five to ten times slower.

    When to use it: to serve a model that has no export, or without waiting for one.
    """
    inputs = {
        tensor.name: TensorSpec((None, *tensor.shape[1:]), str(tensor.dtype))
        for tensor in fitted.model.inputs
    }
    meant = fitted.encoding.meant(fitted.model.output)
    outputs = {
        name: TensorSpec((None, *tensor.shape[1:]), str(tensor.dtype))
        for name, tensor in meant.items()
    }
    described = describe(fitted, "keras", inputs, outputs)
    readers = fitted.kind.reader_in_keras(), fitted.encoding.output_reader()
    return Runner.of(described, *readers, Keras(fitted))


def runner_of_save(folder: Path, trusted: bool = False) -> Runner:
    """Gives a runner of the save in a folder."""
    return runner_of(load(folder, trusted=trusted))


def _as_tensor(array: Any) -> Any:
    """Gives an output as a tensor of the backend."""
    return keras.ops.convert_to_tensor(array)
