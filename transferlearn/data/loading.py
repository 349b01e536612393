"""Loads any source as a dataset, or as two: one to train on and one to validate on."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from transferlearn.data.checks import check_train, check_validation
from transferlearn.data.dataset import Dataset, ItemDataset
from transferlearn.data.images import Images
from transferlearn.data.kind import Kind
from transferlearn.data.listed import Listed
from transferlearn.data.messages import Skipped, check_on_error, notice, report_skipped
from transferlearn.data.sources.folders import split_folders
from transferlearn.data.sources.groups import Groups, as_groups, with_groups
from transferlearn.data.sources.listing import list_source
from transferlearn.data.targets import Classes, Target, Targets
from transferlearn.types import Source

IMAGES, CLASSES = Images(), Classes()


@dataclass(frozen=True)
class Reading:
    """Describes how a source is read; equal readings make equal datasets of a source.

    Args:
        kind: What the items are, such as images, and how they are read.
        target: What is to be learnt of each item.
        on_error: What is done about items that cannot be used: `"skip"` leaves them out with one
            `DataWarning`, `"raise"` lists them all in one `ValueError`.
        groups: Which items belong together, so that none is held out without the others, such as
            all photos of a patient: the name of a table's column; a function that gives the name of
            a group for a path; or for `(x, y)` a group for each item. Duplicates belong together
            anyway, see `ItemDataset.grouped`.
    """

    kind: Kind = IMAGES
    target: Target = CLASSES
    on_error: str = "skip"
    groups: Groups | None = None

    def __post_init__(self) -> None:
        check_on_error(self.on_error)
        object.__setattr__(self, "groups", as_groups(self.groups))


READING = Reading()


class LoadedData(NamedTuple):
    """Holds data to train on and data to validate on, loaded and checked."""

    train: Dataset
    validation: Dataset | None


def load(
    source: Source, kind: Kind = IMAGES, target: Target = CLASSES, *, on_error: str = "skip"
) -> Dataset:
    """Makes a dataset with targets from a source of any type.

    Use it for data to evaluate on; `load_pair` for data to train on, since it compares the two.
    Files are never written to. Each is decoded once here, in parallel, so that bad ones (empty,
    not an image, truncated, misnamed, oversized, unreadable) come up before training; how files
    become RGB is written at `transferlearn.edge.pictures.decode`.

    Args:
        source: One of
            - a folder of class folders, `photos/<class>/**/*.jpg` (also .jpeg, .jpe, .png, .gif,
              .bmp, .webp, .tif, .tiff; of texts .txt);
            - a .csv, .tsv or .parquet file or a DataFrame, with a column of paths (`path`,
              `filename`, `file`, `image`, or the first) or texts (`text`, ...), one or more of
              targets (see `Classes`, `Tags`, `Numbers`), maybe `sample_weight`;
            - `(x, y)` or `(x, y, sample_weight)`: x an array `(n, height, width, 3)`, with 1 or 4
              channels or none, or a list of arrays, Pillow images, paths or texts; y the targets;
            - a `tf.data.Dataset`, batched or not;
            - of images, an iterator of `ImageDataGenerator`, or any `keras.utils.PyDataset`.
        kind: What the items are, and how they are read.
        target: What is to be learnt of each item.
        on_error: `"skip"` leaves items out that cannot be used, with one `DataWarning`; `"raise"`
            lists them all in one `ValueError`.

    Returns:
        A `StreamDataset` of a stream of images, an `ItemDataset` of all else.

    Raises:
        ValueError: The data cannot be used; the message says why, and names the fix.
        TypeError: The source is of a type that is not in this list.
        FileNotFoundError: There is no such folder or table.

    Example:
    ```python
    data = tl.data.load("photos", tl.data.Images(image_size=(224, 224)))
    data.targets.class_names, data.size, data.skipped
    ```
    """
    return _load(source, Reading(kind, target, on_error))


def load_pair(
    train: Source,
    validation_data: Source | None = None,
    reading: Reading = READING,
    *,
    validation_split: float | None = 0.1,
    least_to_split: int = 0,
    seed: int | None = None,
) -> LoadedData:
    """Loads data to train on and to validate on, and checks that they belong together.

    Args:
        train: The source to train on: any that `load` takes, or a folder that holds `train/` and
            `validation/` (or `val/`, `valid/`); a `test/` in it is left alone.
        validation_data: The source to validate on, any that `load` takes. `None` takes the
            `validation/` folder, or else cuts off a part of `train`. A stream of images cannot be
            cut: then there is no validation, with a `DataWarning`.
        reading: How both sources are read.
        validation_split: The share of the items to validate on, between 0 and 1, the same for each
            class; 0 or `None` for no validation. What they hold decides which these are, see
            `ItemDataset.split`.
        least_to_split: Of fewer items none is held out.
        seed: Another seed gives other parts; `None` counts as 0.

    Returns:
        `(train, validation)`; the second is `None` where there is none.

    Raises:
        ValueError: As `load` raises it; also where nothing can be learnt from the targets, or
            where they differ between the two sources.

    Example:
    ```python
    train, validation = tl.data.load_pair("photos", validation_split=0.1, seed=0)
    ```
    """
    train, beside = parts_of(train, reading)
    first = _load(train, reading)
    if isinstance(first, ItemDataset):
        first = first.grouped()
    check_train(first)
    if isinstance(first, ItemDataset):
        names = [first.called(row) for row in range(len(first.items))]
        first.learnt.compare_copies(names, first.content_hashes())
    source = beside if validation_data is None else validation_data
    second: Dataset | None = None
    if source is not None:
        # A group for each item was given for the items to train on.
        groups = None if isinstance(reading.groups, tuple) else reading.groups
        target = reading.target.like(first.learnt)
        how = replace(reading, kind=reading.kind.like(first), target=target, groups=groups)
        second = _load(source, how)
        check_validation(first, second)
    elif not isinstance(first, ItemDataset):
        if validation_split:
            notice(
                "A stream cannot be split: there is no validation. Pass validation_data for one."
            )
    elif validation_split and len(first.first_rows) >= least_to_split:
        kept, held_out = first.split(validation_split, seed)
        if held_out.size:
            first, second = kept, held_out
            check_validation(first, second, split=True)
        else:
            noun = first.noun
            notice(
                f"No class has two {noun}s that can be parted, so none is held out: there is no "
                "validation."
            )
    parts = reading.kind.of_one_shape([first] if second is None else [first, second])
    return LoadedData(parts[0], parts[1] if second is not None else None)


def parts_of(source: Source, reading: Reading) -> tuple[Source, Source | None]:
    """Finds the data to train on and to validate on in a source that holds both."""
    if isinstance(source, (str, Path)):
        found = reading.target.parts(Path(source).expanduser())
        if found is not None:
            return found
    return split_folders(source)


def _load(source: Source, reading: Reading) -> Dataset:
    """Makes a dataset of a stream, or of all items of another source that have targets."""
    kind = reading.kind
    if kind.is_stream(source):
        if reading.groups is not None:
            raise ValueError(
                "A stream has no groups: it cannot be split. Leave groups out, or pass the folder, "
                f"the table or the arrays that it is made of. Received: {type(source).__name__}"
            )
        return kind.stream(source, reading.target, on_error=reading.on_error)
    listed, targets, without = _with_targets(source, reading)
    dataset = kind.open(listed, targets, on_error=reading.on_error)
    if listed.groups is not None and dataset.groups is None:
        raise ValueError(f"{type(kind).__name__}.open leaves out the groups of what is listed.")
    return replace(dataset, skipped=(*without, *dataset.skipped))


def listed_of(source: Source, reading: Reading) -> tuple[Listed, Targets]:
    """Lists the items that have targets, with these; refuses a stream."""
    if reading.kind.is_stream(source):
        raise ValueError(
            f"A stream does not give some of its {reading.kind.noun}s alone. Give the folder, the "
            f"table or the arrays that it is made of. Received: {type(source).__name__}"
        )
    listed, targets, _ = _with_targets(source, reading)
    return listed, targets


def _with_targets(source: Source, reading: Reading) -> tuple[Listed, Targets, list[Skipped]]:
    """Lists the items with groups and targets, and leaves out the items that have no target."""
    listed = with_groups(list_source(source, reading.kind, reading.target), reading.groups)
    targets = reading.target.gather(listed)
    if not targets.absent:
        return listed, targets, []
    skipped = [Skipped(listed.called(i), reason) for i, reason in sorted(targets.absent.items())]
    report_skipped(
        listed.what, skipped, count=len(listed), noun=listed.noun, on_error=reading.on_error
    )
    kept = np.array([i for i in range(len(listed)) if i not in targets.absent], int)
    return listed.take(kept), targets.take(kept), skipped
