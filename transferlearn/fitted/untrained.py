"""Finds the pretrained network of a model that was trained, and scores it on the same items."""

from typing import TypeVar

import keras

from transferlearn import backbones
from transferlearn.backbones.texts import Pooling
from transferlearn.data.dataset import Dataset
from transferlearn.data.messages import notice
from transferlearn.fitted.outputs import with_targets
from transferlearn.fitted.trained import Trained
from transferlearn.tasks import Evaluation, scorer

Figures = TypeVar("Figures", bound=Evaluation)


def untrained(fitted: Trained) -> keras.Model | None:
    """Returns the network as it was before the training, loaded anew; `None`: it answers nothing.

    Raises:
        ValueError, OSError, ImportError: It cannot be loaded.
    """
    outline = fitted.outline
    if not fitted.encoding.answers_untrained or outline.settings.get("weights", "") is None:
        return None
    given = getattr(fitted.builder, "backbone", None) or outline.backbone
    pooling: Pooling = "written" if fitted.encoding.inputs else "next"
    return backbones.get_text(given, pooling=pooling).model


def beside_untrained(fitted: Trained, dataset: Dataset, figures: Figures) -> Figures:
    """Returns figures beside those of the pretrained network, where it answers such items.

    Args:
        fitted: The trained model.
        dataset: The items.
        figures: What `evaluated` gave for them.
    """
    try:
        network = untrained(fitted)
    except (ValueError, OSError, ImportError) as error:
        notice(
            f"The pretrained network {fitted.outline.backbone} cannot be loaded here, so its "
            f"figures do not stand beside these: {error}"
        )
        return figures
    if network is None:
        return figures
    encoding = fitted.encoding
    answers, targets = with_targets(fitted, dataset, scorer(encoding, network, fitted.kind))
    return figures.beside(encoding.scoring.measure(dataset.of_items(answers), targets))
