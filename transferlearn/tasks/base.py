"""Defines the base class of tasks, which learn encodings of targets."""

import abc
from typing import Any, Generic

import keras

from transferlearn.data import Target, Targets
from transferlearn.tasks.encoding import PREDICTIONS as PREDICTIONS
from transferlearn.tasks.encoding import Encoding as Encoding
from transferlearn.tasks.encoding import Prediction


class Task(abc.ABC, Generic[Prediction]):
    """Describes what is to be learnt, before any data is seen.

    Subclasses are frozen dataclasses of settings.

    Attributes:
        target: The target that is looked for in the data, where `fit` says nothing more of it.
    """

    target: Target

    @abc.abstractmethod
    def learn(self, targets: Targets) -> Encoding[Prediction]:
        """Learns from the training targets what an encoding has to know.

        Raises:
            ValueError: The targets are not of the form that this task learns.
        """


def in_numpy(outputs: object) -> Any:
    """Turns a network's outputs, of whatever structure, into NumPy arrays."""
    return keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)
