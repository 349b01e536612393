"""Check what can be learnt from, and what data to train and to validate on have in common."""

from collections import defaultdict

from transferlearn.data.dataset import Dataset
from transferlearn.data.messages import indented, notice

_LISTED = 10


def check_train(train: Dataset) -> None:
    """Raises `ValueError` for data that nothing can be learnt from, and names what is missing."""
    if train.sample_weight is not None and not train.sample_weight.any():
        raise ValueError("All sample weights are 0, so there is nothing to learn from.")
    train.learnt.check(train.noun, _left_out(train))


def check_validation(train: Dataset, validation: Dataset, *, split: bool = False) -> None:
    """Refuses targets to validate on that do not go with those to train on; names shared items.

    Args:
        train: What is trained on.
        validation: What is validated on.
        split: Whether both are parts of one source.

    Raises:
        ValueError: The targets of both differ.
    """
    left_out = _left_out(validation)
    train.learnt.check_pair(validation.learnt, train.noun, left_out, split=split)
    _say_shared(train, validation)


def _say_shared(train: Dataset, validation: Dataset) -> None:
    """Says which items, by content, are in both: validation flatters the model with them."""
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
            f"validation look better than it is:{indented(pairs, _LISTED)}"
        )


def _left_out(dataset: Dataset) -> str:
    files = [f"{path}: {reason}" for path, reason in dataset.skipped]
    return f" {len(files)} files were left out:{indented(files, _LISTED)}\n" if files else ""


def _name(dataset: Dataset, i: int) -> str:
    return dataset.names[i] if dataset.names else f"{dataset.noun} {i}"
