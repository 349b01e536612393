"""Chooses the items by which the ranges of a network's layers are measured for int8."""

from collections.abc import Iterator

import numpy as np

from transferlearn import data
from transferlearn.data.dataset import ItemDataset
from transferlearn.data.iterating import iterate
from transferlearn.edge.runner import as_dtype
from transferlearn.exporting.formats import Samples
from transferlearn.exporting.network import ServedNetwork
from transferlearn.fitted import FittedModel
from transferlearn.types import Source

ITEMS = 100


def samples_of(fitted: FittedModel, network: ServedNetwork, source: Source | None) -> Samples:
    """Returns the function that gives items to calibrate on: of each class in proportion, shuffled.

    In the order of their folders, a converter that stops early would have seen one class only.

    Raises:
        ValueError: There is no source, or it is a stream, whose items cannot be chosen.
    """
    dataset = None if source is None else data.load(source, fitted.kind, fitted.encoding.target)
    if not isinstance(dataset, ItemDataset):
        raise ValueError(
            "int8 is calibrated on files, arrays or texts that the model was trained on: "
            "tl.export(..., quantize='int8', calibration_data='photos/train')"
        )
    few = dataset.at_most(ITEMS)

    def samples() -> Iterator[dict[str, np.ndarray]]:
        batches = few.batches(batch_size=1, shuffle=True, seed=0)
        for x, *_ in iterate(batches):
            arrays = x if isinstance(x, (tuple, list)) else (x,)
            yield {
                name: as_dtype(np.asarray(array), spec.dtype)
                for (name, spec), array in zip(network.inputs.items(), arrays, strict=True)
            }

    return samples
