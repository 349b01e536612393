"""Checks that data can be learnt from, and that two datasets can train and validate one model."""

from collections import defaultdict

from transferlearn.data.dataset import Dataset, ItemDataset
from transferlearn.data.grouping import near_copies
from transferlearn.data.messages import indented, notice
from transferlearn.wording import counted


def check_train(train: Dataset) -> None:
    """Raises a `ValueError` that says why, where nothing can be learnt from the data."""
    if train.sample_weight is not None and not train.sample_weight.any():
        raise ValueError("All sample weights are 0, so there is nothing to learn from.")
    train.learnt.check(train.noun, _left_out(train))


def check_validation(train: Dataset, validation: Dataset, *, split: bool = False) -> None:
    """Refuses validation data whose targets do not fit; warns of items that both datasets hold.

    Args:
        train: The dataset to train on.
        validation: The dataset to validate on.
        split: Whether both are parts of one source.

    Raises:
        ValueError: The targets of the two datasets do not go together.
    """
    left_out = _left_out(validation)
    train.learnt.check_pair(validation.learnt, train.noun, left_out, split=split)
    _warn_of_shared(train, validation)
    _warn_of_shared_groups(train, validation)
    if not split:  # near copies are on one side of a split
        _warn_of_near_copies(train, validation)


def _warn_of_shared(train: Dataset, validation: Dataset) -> None:
    """Warns of items that are in both, as they make validation look better than it is."""
    hashes, others = train.content_hashes(), validation.content_hashes()
    if hashes is None or others is None:
        return
    places = defaultdict(list)  # rows of train, by content
    for i, content in enumerate(hashes):
        places[content].append(i)
    pairs = [
        f"{train.called(places[content][0])} = {validation.called(j)}"
        + (f" (and {more} more of train)" if (more := len(places[content]) - 1) else "")
        for j, content in enumerate(others)
        if content in places
    ]
    if pairs:
        notice(
            f"The same {train.noun} is in train and validation {len(pairs)} times, which makes "
            f"validation look better than it is:{indented(pairs)}"
        )


def _warn_of_near_copies(train: Dataset, validation: Dataset) -> None:
    """Warns of images in validation that look like some of train, such as another frame."""
    if not (isinstance(train, ItemDataset) and isinstance(validation, ItemDataset)):
        return
    looks, others = train.items.likenesses(), validation.items.likenesses()
    if looks is None or others is None:
        return
    same, hashes = set(train.content_hashes()), validation.content_hashes()
    pairs = [
        f"{train.called(i)} ~ {validation.called(j)}"
        for i, j in near_copies(looks, others)
        if hashes[j] not in same
    ]
    if pairs:
        notice(
            f"Nearly the same {train.noun} is in train and validation {len(pairs)} times, which "
            f"makes validation look better than it is:{indented(pairs)}"
        )


def _warn_of_shared_groups(train: Dataset, validation: Dataset) -> None:
    """Warns of given groups that are in both, such as a patient: validation is no test then."""
    if shared := sorted(set(train.groups or ()) & set(validation.groups or ())):
        notice(
            f"Train and validation have {counted(len(shared), 'group')} in common, which makes "
            f"validation look better than it is:{indented(shared)}"
        )


def _left_out(dataset: Dataset) -> str:
    """Lists the items that were left out, for the end of a message; empty if there are none."""
    lines = [f"{path}: {reason}" for path, reason in dataset.skipped]
    return f" Left out were {len(lines)}:{indented(lines)}\n" if lines else ""
