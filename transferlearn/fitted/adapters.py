"""Saves, loads and merges the low-rank updates of a fitted model."""

from pathlib import Path

import keras

from transferlearn.checks import refuse_address
from transferlearn.fitted.places import check_place, folder_written_whole
from transferlearn.fitted.trained import Trained
from transferlearn.freezing import merge_updates, read_updates, updates_of, write_updates
from transferlearn.freezing.peft import CONFIG, WEIGHTS

_CARD = "README.md"  # which PEFT writes beside


class Adapters:
    """Holds the low-rank updates of a fitted model, which `tl.freezing.LowRank` trains.

    Reached as `fitted.adapters`.

    Example:
        fitted = tl.CausalLMBuilder(backbone, freeze=tl.freezing.LowRank(8)).fit("letters")
        fitted.adapters.save("letters-adapters")
    """

    def __init__(self, fitted: Trained) -> None:
        self._fitted = fitted

    def __len__(self) -> int:
        """Counts the layers that are updated."""
        return len(updates_of(self._fitted.model.layers))

    def save(self, folder: str | Path) -> None:
        """Writes the updates alone, a few MB, as PEFT does; of networks like Llama it reads them.

        Args:
            folder: The folder, which is made; updates that are there are replaced.

        Raises:
            ValueError: The network has no updates.
            OSError: The folder holds something else, or cannot be written.
        """
        refuse_address("folder", folder)
        path, ours = Path(folder).resolve(), {CONFIG, WEIGHTS, _CARD}
        check_place(
            path,
            CONFIG,
            "a folder of adapters",
            lambda place: [x.name for x in place.iterdir() if x.name not in ours],
        )
        with folder_written_whole(path) as draft:
            write_updates(self._fitted.model.layers, draft, self._fitted.outline.backbone)

    def load(self, folder: str | Path) -> None:
        """Reads updates that were saved so, or that PEFT wrote, into the network.

        They take the place of those that it has.

        Raises:
            ValueError: They are of another network, or no plain low-rank updates.
            OSError: There is no such folder.
        """
        read_updates(self._fitted.model.layers, Path(folder))
        self._made_anew()

    def merge(self) -> None:
        """Adds the updates to the weights: the network answers alike, and has none any more."""
        merge_updates(self._fitted.model.layers)
        self._made_anew()

    def _made_anew(self) -> None:
        """Gives the fitted model a new `keras.Model`: what was compiled knows the old weights."""
        model = self._fitted.model
        self._fitted.model = keras.Model(model.input, model.output, name=model.name)
