"""Computes what a network makes of items before its last layer, and lays it out in a plane."""

from typing import Literal

import keras
import numpy as np

from transferlearn import data
from transferlearn.data.dataset import Dataset
from transferlearn.data.iterating import without_retracing_advice
from transferlearn.fitted import FittedModel
from transferlearn.tasks.answering import item_features, of_items_alone
from transferlearn.types import Source


@without_retracing_advice()
def features(fitted: FittedModel, labelled: Source | Dataset) -> np.ndarray:
    """Returns the features that the last layer of a model reads, for each item.

    Args:
        fitted: The model.
        labelled: Whatever `evaluate` takes; the rows are in the order of its items.

    Returns:
        An array, float32 `(items, features)`.

    Raises:
        ValueError: The model does not know a target, or its last layer reads several tensors.
    """
    dataset = labelled
    if not isinstance(dataset, Dataset):
        dataset = data.load(labelled, fitted.kind, fitted.encoding.target)
    model = keras.Model(fitted.model.input, item_features(fitted.model, fitted.encoding))
    model = of_items_alone(model, fitted.encoding)
    made = np.asarray(dataset.run(model, batch_size=fitted.outline.batch_size))
    return dataset.of_items(made.reshape(len(made), -1).astype(np.float32))


def in_plane(features: np.ndarray, by: Literal["pca", "umap"] = "pca") -> np.ndarray:
    """Lays items out in a plane, so that items with similar features are near each other.

    Args:
        features: The features of each item, float `(items, features)`. Items whose features are not
            all finite get the place NaN.
        by: `"pca"`: the two directions in which the features vary most, in their own units.
            `"umap"`: neighbours are kept together, and distances between groups mean nothing
            (`pip install umap-learn`).

    Returns:
        The place of each item, float32 `(items, 2)`; the same for the same features.

    Raises:
        ImportError: `umap-learn` is not installed.
        ValueError: `by` is neither.

    References: [PCA](https://doi.org/10.1080/14786440109462720),
    [UMAP](https://arxiv.org/abs/1802.03426).
    """
    if by not in ("pca", "umap"):
        raise ValueError(f"by is 'pca' or 'umap'. Received: by={by!r}")
    features = np.asarray(features, np.float64)
    finite = np.isfinite(features).all(axis=1)
    places = np.full((len(features), 2), np.nan, np.float32)
    if finite.any():
        places[finite] = (_by_umap if by == "umap" else _by_pca)(features[finite])
    return places


def _by_pca(features: np.ndarray) -> np.ndarray:
    """Returns the first two principal components, `(items, 2)`; 0 where there are fewer."""
    centred = features - features.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    left, sizes = left[:, :2], sizes[:2]
    # The sign of a component is arbitrary: the largest item is on the positive side.
    signs = np.sign(left[np.abs(left).argmax(axis=0), np.arange(left.shape[1])])
    places = left * sizes * np.where(signs, signs, 1)
    return np.pad(places, ((0, 0), (0, 2 - places.shape[1])))


def _by_umap(features: np.ndarray) -> np.ndarray:
    """Returns the places that UMAP finds, with a fixed seed."""
    try:
        from umap import UMAP
    except ImportError as error:
        raise ImportError("by='umap' needs umap-learn: pip install umap-learn") from error
    if len(features) < 4:  # UMAP needs more items than dimensions
        return _by_pca(features)
    neighbours = min(15, len(features) - 1)
    return UMAP(n_components=2, n_neighbors=neighbours, random_state=0, n_jobs=1).fit_transform(
        features
    )
