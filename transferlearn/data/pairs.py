"""Data to train on and to validate on, loaded together."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .checks import check_classes, check_validation
from .dataset import Dataset, ItemDataset
from .excerpt import Excerpt, Sample, take_sample
from .folders import split_folders
from .image_kind import IMAGES
from .kinds import Kind
from .labels import hold_out
from .listing import Listing
from .load import list_with, load_with
from .notices import notice
from .options import Options


@dataclass(frozen=True, eq=False)
class LoadedOnce:
    """Data for several trainings: `load_pair` loads and checks it once for each way to read it.

    Attributes:
        train: As `load_pair` takes it.
        validation_data: Likewise.
        pairs: What was loaded.
    """

    train: Any
    validation_data: Any = None
    pairs: dict[Any, tuple[Dataset, Dataset | None]] = field(default_factory=dict)


def load_pair(
    train: Any,
    validation_data: Any = None,
    *,
    validation_split: float | None = 0.1,
    seed: int | None = None,
    kind: Kind = IMAGES,
    **options: Any,
) -> tuple[Dataset, Dataset | None]:
    """Load data to train and to validate on, and check that they belong together.

    Args:
        train: Any source that `load` takes; or a folder of `train/` and `validation/` (`val`,
            `valid`), each of class folders, where `test/` is left alone; or a `LoadedOnce` of both.
        validation_data: Likewise, or `None`: that `validation/`, else a part of `train`. A stream
            cannot be cut: then there is none, with a `DataWarning`.
        validation_split: Share of the items to validate on, between 0 and 1, the same for each
            class; 0 or `None` for no validation.
        seed: The same seed gives the same parts.
        kind: Of data.
        **options: Of `load`.

    Returns:
        `(train, validation)`; the second is `None` where there is none.

    Raises:
        ValueError: Besides those of `load`: one class only, a class without an item, fewer
            items than classes, or classes that differ between the two.

    Example:
    ```python
    train, validation = tl.data.load_pair("photos", validation_split=0.1, seed=0)
    ```
    """
    settings = Options(**options)
    if isinstance(train, LoadedOnce):
        how = (validation_split, seed, kind, settings)
        if how not in train.pairs:
            train.pairs[how] = load_pair(
                train.train,
                train.validation_data,
                validation_split=validation_split,
                seed=seed,
                kind=kind,
                **options,
            )
        return train.pairs[how]
    if isinstance(train, Excerpt):
        train.pair = train.pair or _excerpt_pair(train, validation_split, seed, settings, kind)
        return train.pair
    train, beside = split_folders(train)
    first = load_with(train, settings, kind)
    check_classes(first)
    source = beside if validation_data is None else validation_data
    if source is not None:
        second = load_with(source, kind.like(first, settings), kind)
        check_validation(first, second)
        return first, second
    if not validation_split:
        return first, None
    if not isinstance(first, ItemDataset):
        notice("A stream cannot be split: there is no validation. Pass validation_data for one.")
        return first, None
    kept, held_out = first.split(validation_split, seed)
    if not held_out.size:
        notice(f"No class has two {kind.noun}s, so none is held out: there is no validation.")
        return first, None
    check_validation(kept, held_out, split=True)
    return kept, held_out


def _excerpt_pair(
    excerpt: Excerpt,
    validation_split: float | None,
    seed: int | None,
    options: Options,
    kind: Kind,
) -> tuple[Sample, Sample | None]:
    """`load_pair`, with a few items opened only."""
    source, beside = split_folders(excerpt.train)
    listing = second = _list(source, options, kind)
    held_out = np.zeros(len(listing), bool)
    other = beside if excerpt.validation_data is None else excerpt.validation_data
    if other is None and validation_split:
        labels = listing.labels
        held_out = hold_out(labels, len(labels), validation_split, seed, options.multi_label)
    rows, other_rows = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    if other is not None:
        second = _list(other, options, kind)
        other_rows = np.arange(len(second))
    share, observer = excerpt.share(len(rows) + len(other_rows)), excerpt.observer
    train = take_sample(listing, rows, options, training=True, share=share, observer=observer)
    check_classes(train)
    if not len(other_rows):
        return train, None
    options = kind.like(train, options)
    validation = take_sample(
        second, other_rows, options, training=False, share=share, observer=observer
    )
    check_validation(train, validation, split=other is None)
    return train, validation


def _list(source: Any, options: Options, kind: Kind) -> Listing:
    if kind.is_stream(source):
        raise ValueError(
            f"A stream does not give some of its {kind.noun}s alone. Give the folder, the table "
            f"or the arrays that it is made of. Received: {type(source).__name__}"
        )
    return list_with(source, options, kind)
