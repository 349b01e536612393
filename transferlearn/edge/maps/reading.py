"""Defines what makes predictions of maps, each in the size of its photo."""

import abc
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import numpy as np

from transferlearn.edge.description import TensorSpec
from transferlearn.edge.item_reader import Seen
from transferlearn.edge.maps.tiling import Strip, whole
from transferlearn.edge.output_reader import OutputReader, Prediction


class MapReader(OutputReader[Prediction]):
    """Makes predictions of maps, each in the size of its photo.

    Attributes:
        output: The name of the output, `(rows, height, width, channels)`.
    """

    output: ClassVar[str]

    def check_outputs(self, outputs: Mapping[str, TensorSpec]) -> None:
        """Compares the axes, too, which are those of pictures."""
        super().check_outputs(outputs)
        if len(shape := outputs[self.output].shape) != 4:
            raise ValueError(f"{self.output} are no maps, but of shape {shape}.")

    def read(self, outputs: Mapping[str, np.ndarray], seen: Sequence[Seen]) -> list[Prediction]:
        """Makes a prediction of each map; where no size is known, in the map's own."""
        found = []
        for values, one in zip(outputs[self.output], seen, strict=True):
            size = one.size or (values.shape[0] // self.scale, values.shape[1] // self.scale)
            strips = whole(values, size, self.scale)
            found.append(self.joined(strips, one._replace(size=size)))
        return found

    @abc.abstractmethod
    def joined(self, strips: Iterator[Strip], seen: Seen) -> Prediction:
        """Makes a prediction of a map in the size of its photo, which comes strip by strip."""
