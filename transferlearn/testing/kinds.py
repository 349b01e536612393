"""Checks that a kind of data reads its items, always alike, and can be saved."""

import tempfile
from pathlib import Path

import keras
import numpy as np

from transferlearn.data import Dataset, Kind, Spec
from transferlearn.data.dataset import ItemDataset
from transferlearn.testing.requiring import require, require_object, require_settings, through_json

_ATTRIBUTES = ("name", "noun", "endings", "columns", "in_cells")


def check_kind(kind: Kind, source: object, item: object) -> None:
    """Checks a kind: what it reads, that it reads the same again, and that a save brings it back.

    Args:
        kind: The kind to check.
        source: Two items or more, as `fitted.predict` takes them: a folder, a list, an array.
        item: The first of these items alone, such as a path.

    Raises:
        AssertionError: Something is wrong; the message says what, and what was expected.

    Example:
        tl.testing.check_kind(Spectra(), np.zeros((4, 128)), np.zeros(128))
    """
    require_object(kind, Kind, "tl.data.Kind")
    require_settings(kind)
    missing = [name for name in _ATTRIBUTES if not hasattr(kind, name)]
    require(not missing, f"The class must define {', '.join(missing)}; see tl.data.Kind.")
    dataset = kind.unlabelled(source)
    require(isinstance(dataset, Dataset), f"unlabelled gives a Dataset. Received: {dataset!r}")
    batch = _first_batch(dataset)
    _check_inputs(kind.inputs(dataset.shape), batch)
    if isinstance(dataset, ItemDataset):
        _check_items(dataset, kind.unlabelled(source))
    _check_one(kind, item, batch)
    _check_save(kind.like(dataset))


def _first_batch(dataset: Dataset) -> tuple[np.ndarray, ...]:
    """Returns the first two items of a dataset without targets, as one array for each input."""
    first = next(iter(dataset.batches(batch_size=2)))
    require(
        isinstance(first, tuple) and len(first) == 1,
        "Batches of items without targets are tuples (x,).",
    )
    return tuple(np.asarray(part) for part in keras.tree.flatten(first[0]))


def _check_inputs(inputs: dict[str, Spec], batch: tuple[np.ndarray, ...]) -> None:
    """Checks that a batch has the shapes and types that `inputs` says, and finite numbers."""
    require(
        len(inputs) == len(batch),
        f"inputs names {len(inputs)} inputs of the network, and a batch has {len(batch)} arrays.",
    )
    for (name, spec), part in zip(inputs.items(), batch, strict=True):
        found = part.shape[1:]
        fits = len(spec.shape) == len(found) and all(
            wanted in (None, side) for wanted, side in zip(spec.shape, found, strict=True)
        )
        require(
            fits,
            f"inputs says that {name} has the shape {tuple(spec.shape)}, and items have {found}.",
        )
        same_kind_of_number = np.can_cast(part.dtype, spec.dtype, "same_kind")
        require(
            same_kind_of_number,
            f"inputs says that {name} is {spec.dtype}, and items are {part.dtype}.",
        )
        finite = part.dtype.kind != "f" or bool(np.isfinite(part).all())
        require(finite, f"Items have numbers in {name} that are not finite: leave such items out.")


def _check_items(dataset: ItemDataset, again: Dataset) -> None:
    """Checks that items have hashes, the same when read again, and can be taken by row."""
    hashes, count = dataset.content_hashes(), len(dataset.items)
    require(count > 1, "Give two items or more to check with.")
    require(
        len(hashes) == count and all(isinstance(text, str) for text in hashes),
        f"content_hashes gives a text for each of {count} items. Received: {len(hashes)}",
    )
    require(
        hashes == again.content_hashes(),
        "Read again, the items have other hashes: their stored features would never be found.",
    )
    looks = dataset.items.likenesses()
    require(
        looks is None or len(looks) == count,
        f"likenesses gives a number or None for each of {count} items. Received: {looks!r:.60}",
    )
    swapped = _first_batch(dataset.rows(np.array([1, 0])))
    straight = _first_batch(dataset)
    same = all(np.array_equal(a[::-1], b) for a, b in zip(swapped, straight, strict=True))
    require(same, "dataset.rows([1, 0]) must give the second item and then the first.")


def _check_one(kind: Kind, item: object, batch: tuple[np.ndarray, ...]) -> None:
    """Checks that a single item is known as one, and reads as it does among others."""
    require(
        kind.is_one(item),
        "is_one must be True for a single item: predict then gives one prediction, not a list.",
    )
    one = kind.one(item)
    if one is None:
        return  # the kind leaves single items to `unlabelled`
    parts = [np.asarray(part) for part in keras.tree.flatten(one.batch)]
    alike = all(_equal_beginnings(part, many) for part, many in zip(parts, batch, strict=True))
    require(alike, "one(item) must give a batch of one, equal to what unlabelled gives of it.")


def _equal_beginnings(one: np.ndarray, several: np.ndarray) -> bool:
    """Returns whether the first items are equal, over the length that both arrays have."""
    common = tuple(map(slice, map(min, one.shape, several.shape)))
    return bool(np.allclose(one[common], several[common]))


def _check_save(kind: Kind) -> None:
    """Checks that a kind equals the one that its save brings back."""
    written = through_json(kind.settings())
    with tempfile.TemporaryDirectory() as folder:
        kind.write(Path(folder))
        again = type(kind).load(written, Path(folder))
    require(
        again == kind,
        f"Saved and loaded, the kind is another one: {again!r}, where {kind!r} was expected. "
        "settings() must tell all that load needs.",
    )
