"""What is given to a builder, checked and in plain Python numbers."""

import math
import numbers
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from transferlearn.backbones import Backbone
from transferlearn.data import Dataset
from transferlearn.heads import Head


def whole(name: str, value: Any, *, least: int) -> int:
    """Gives the number as an `int` (JSON and Keras know no NumPy integers), or refuses it."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise ValueError(
            f"{name} is a whole number of at least {least}. Received: {name}={value!r}"
        )
    return int(value)


def check_parts(head: Any, backbone: Any) -> None:
    """Refuses what is no head and no backbone."""
    if not isinstance(head, Head):
        raise TypeError(
            f"head is an object such as tl.heads.PooledDense(). Received: head={head!r}"
        )
    if not isinstance(backbone, (str, keras.Model, Backbone)):
        raise TypeError(
            "backbone is a name such as 'VGG16', a functional keras.Model, or a Backbone. "
            f"Received: backbone={backbone!r}"
        )


def by_id(
    class_weight: Mapping[Any, float] | str | None, dataset: Dataset
) -> dict[int, float] | None:
    """Gives class weights by class id, or refuses classes and weights that cannot be."""
    if class_weight is None:
        return None
    if class_weight == "balanced":
        return _balanced(dataset)
    if not isinstance(class_weight, Mapping) or not all(
        isinstance(weight, numbers.Real) and 0 <= weight < math.inf
        for weight in class_weight.values()
    ):
        raise ValueError(
            "class_weight is 'balanced', or goes from class names or ids to weights of at least 0. "
            f"Received: class_weight={class_weight!r}"
        )
    class_names = dataset.class_names
    ids = {name: i for i, name in enumerate(class_names)} | {i: i for i in range(len(class_names))}
    unknown = [key for key in class_weight if key not in ids]
    if unknown:
        raise ValueError(
            f"class_weight names classes that are not in the data: {unknown}. "
            f"There are: {', '.join(class_names)}."
        )
    return {ids[key]: float(weight) for key, weight in class_weight.items()}


def _balanced(dataset: Dataset) -> dict[int, float]:
    """Weights that make all classes count alike, and the mean item as much as before."""
    classes, labels = len(dataset.class_names), dataset.labels
    if labels is None:
        raise ValueError(
            "class_weight='balanced' needs to know all labels beforehand, which this stream does "
            "not tell. Give a dict of weights, or class_names so that it is read."
        )
    rows = np.eye(classes)[labels] if labels.ndim == 1 else labels
    counts = rows.sum(0) if dataset.sample_weight is None else dataset.sample_weight @ rows
    return {i: float(counts.sum() / (classes * n)) for i, n in enumerate(counts) if n}
