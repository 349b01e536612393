"""Writes a SavedModel, for TensorFlow Serving and all that reads it."""

from pathlib import Path
from typing import ClassVar

import keras

from transferlearn.exporting.formats.base import Format, Samples
from transferlearn.exporting.network import ServedNetwork
from transferlearn.extras import FORMATS


class SavedModel(Format):
    """Writes a SavedModel, whose signature is called `serving_default`."""

    name: ClassVar[str] = "saved_model"
    model: ClassVar[str] = "saved_model"
    modules: ClassVar[tuple[str, ...]] = FORMATS["saved_model"]

    def write(
        self, network: ServedNetwork, folder: Path, quantize: str | None, samples: Samples
    ) -> None:
        """Writes the folder `saved_model`, with the metadata in `assets.extra`."""
        write_saved_model(network, folder / self.model)
        extra = folder / self.model / "assets.extra"
        extra.mkdir()
        for name, text in network.texts().items():
            (extra / name).write_text(text, "utf-8")


def write_saved_model(network: ServedNetwork, folder: Path) -> None:
    """Writes a network as a SavedModel."""
    import tensorflow as tf

    archive = keras.export.ExportArchive()
    # What the function uses is tracked anyway, but for tables, which are found in what is tracked.
    # The variables of a model that is tracked itself are written twice.
    holder = tf.Module()
    holder.model = network.model
    archive.track(holder)
    archive.add_endpoint("serve", network.function)
    archive.write_out(str(folder), verbose=False)
