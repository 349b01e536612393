"""What train and validation data must have in common, and what they must not."""

from collections import defaultdict

import numpy as np

from .dataset import Dataset
from .notices import listing, notice

_LISTED = 10


def check_classes(train: Dataset) -> None:
    """Refuse data that no classifier can learn from: one `ValueError` naming the classes."""
    names = train.class_names
    if len(names) < 2 and not train.multi_label:
        raise ValueError(f"One class only, {list(names)}: a classifier needs two or more.")
    if train.sample_weight is not None and not train.sample_weight.any():
        raise ValueError("All sample weights are 0, so there is nothing to learn from.")
    empty = _empty(train)
    if empty:
        raise ValueError(
            f"No {train.noun} of {_classes(empty)} to train on.{_left_out(train)} "
            f"Add {train.noun}s of each, or take the class out."
        )
    if train.size is not None and train.size < len(names):
        raise ValueError(f"Fewer {train.noun}s ({train.size}) than classes ({len(names)}).")


def check_validation(train: Dataset, validation: Dataset, *, split: bool = False) -> None:
    """Refuse validation data of other classes; name the items that are in both.

    Args:
        train: What is trained on.
        validation: What is validated on.
        split: Whether both are parts of one source: then a class that has one item only, and any
            class of multi-label data, may be missing from validation, and that is said.
    """
    if train.class_names != validation.class_names:
        raise ValueError(_difference(train.class_names, validation.class_names))
    empty = _empty(validation)
    if empty and not split and not validation.multi_label:
        raise ValueError(
            f"Classes differ between train and validation. Validation has no {train.noun} of "
            f"{_classes(empty)}.{_left_out(validation)} Add some, or take the class out."
        )
    if empty:
        notice(f"Validation has no {train.noun} of {_classes(empty)}: its numbers leave them out.")
    _say_shared(train, validation)


def _say_shared(train: Dataset, validation: Dataset) -> None:
    """Say which items, by content, are in both: validation flatters the model with them."""
    ours, theirs = train.content_hashes(), validation.content_hashes()
    if ours is None or theirs is None:
        return
    places = defaultdict(list)
    for i, content in enumerate(ours):
        places[content].append(i)
    pairs = [
        f"{_name(train, places[content][0])} = {_name(validation, j)}"
        + (f" (and {more} more of train)" if (more := len(places[content]) - 1) else "")
        for j, content in enumerate(theirs)
        if content in places
    ]
    if pairs:
        notice(
            f"The same {train.noun} is in train and validation {len(pairs)} times, which makes "
            f"validation look better than it is:{listing(pairs, _LISTED)}"
        )


def _empty(dataset: Dataset) -> list[str]:
    if dataset.labels is None:
        return []
    if dataset.labels.ndim == 1:
        counts = np.bincount(dataset.labels, minlength=len(dataset.class_names))
    else:
        counts = dataset.labels.sum(axis=0)
    return [name for name, count in zip(dataset.class_names, counts, strict=True) if not count]


def _classes(names: list[str]) -> str:
    listed = ", ".join(repr(name) for name in names[:_LISTED])
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ("class " if len(names) == 1 else "classes ") + listed + more


def _left_out(dataset: Dataset) -> str:
    files = [f"{path}: {reason}" for path, reason in dataset.skipped]
    return f" {len(files)} files were left out:{listing(files, _LISTED)}\n" if files else ""


def _difference(train: tuple[str, ...], validation: tuple[str, ...]) -> str:
    only_train = [name for name in train if name not in validation]
    only_validation = [name for name in validation if name not in train]
    if not only_train and not only_validation:
        return (
            "Train and validation have their classes in another order. Pass class_names to both. "
            f"Received: {list(train[:20])} and {list(validation[:20])}"
        )
    sides = ((only_train, "train"), (only_validation, "validation"))
    where = " ".join(f"Only in {side}: {_classes(names)}." for names, side in sides if names)
    if any(name.isdigit() for name in (*train, *validation)):
        return (
            f"Classes differ between train and validation. {where} Give both the same classes; "
            "class_names says what numeric labels are called."
        )
    return (
        f"Classes differ between train and validation. {where} Add them to the other, take them "
        "out, or leave validation_data out: then a part of each class is held out."
    )


def _name(dataset: Dataset, i: int) -> str:
    return dataset.names[i] if dataset.names else f"{dataset.noun} {i}"
