"""Defines types that many modules share: what Keras hands us, and what users hand in."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias

import keras
import numpy as np
from typing_extensions import TypeVar  # comes with TensorFlow and with Keras's optree

Tensor: TypeAlias = keras.KerasTensor
Operation: TypeAlias = keras.Operation
Array: TypeAlias = np.ndarray
"""What a tensor of any backend becomes when it is converted to NumPy."""

Logs: TypeAlias = Mapping[str, float] | None
"""What Keras tells callbacks."""

Verbose: TypeAlias = int | Literal["auto"]
"""As for `model.fit`: 0 nothing, 1 a bar, 2 a line an epoch, `"auto"` what fits."""

Callbacks: TypeAlias = Sequence[keras.callbacks.Callback] | keras.callbacks.Callback | None
Optimizer: TypeAlias = str | keras.optimizers.Optimizer
LossFunction: TypeAlias = Callable[[Tensor, Tensor], Tensor]
Loss: TypeAlias = str | keras.losses.Loss | LossFunction
Metric: TypeAlias = str | keras.metrics.Metric | LossFunction
Metrics: TypeAlias = Sequence[Metric] | Mapping[str, Any]

Prediction = TypeVar("Prediction", default=Any)
"""What a model predicts for one item, such as `ClassPrediction`."""


class Table(Protocol):
    """Stands for a DataFrame of pandas, or for one that works alike."""

    @property
    def columns(self) -> Any:
        """The names of the columns."""

    def __getitem__(self, name: object) -> Any: ...

    def __len__(self) -> int: ...


class TfData(Protocol):
    """Stands for a `tf.data.Dataset`, so that types need no TensorFlow."""

    element_spec: Any

    def __iter__(self) -> Iterator[Any]:
        """Yields its elements as tensors."""

    def as_numpy_iterator(self) -> Iterator[Any]:
        """Returns its elements as arrays."""

    def cardinality(self) -> Any:
        """Counts its elements, or says that this is not known."""


Source: TypeAlias = (
    str | os.PathLike[str] | tuple[Any, ...] | Table | TfData | keras.utils.PyDataset
)
"""Items with what is to be learnt of them, see `tl.data.load`."""
