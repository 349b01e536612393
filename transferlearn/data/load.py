"""Any source -> Dataset: the entrances."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .arrays import as_paths, pixel_dataset
from .dataset import Dataset, ImageDataset
from .folders import files_below, list_folder
from .image_kind import IMAGES
from .kinds import Kind
from .listing import Listing, list_arrays
from .options import Options
from .tables import list_csv, list_frame
from .verify import file_dataset, open_files

_TABLES = (".csv", ".tsv")


def load(
    source: Any,
    *,
    image_size: tuple[int, int] | None = None,
    default_image_size: tuple[int, int] = (224, 224),
    class_names: Sequence[str] | None = None,
    multi_label: bool = False,
    value_range: tuple[int, int] | None = None,
    interpolation: str = "bilinear",
    on_error: str = "skip",
) -> Dataset:
    """Make a labelled `Dataset` of a source, whatever it is.

    Use it for data to evaluate on; `load_pair` for data to train on, since it compares the two.
    Files are never written to. Each is decoded once here, in parallel, so that bad ones (empty,
    not an image, truncated, misnamed, oversized, unreadable) come up before training; how files
    become RGB is written at `transferlearn.data.images.decode`.

    Args:
        source: One of
            - a folder of class folders, `photos/<class>/**/*.jpg` (also .jpeg, .jpe, .png, .gif,
              .bmp, .webp, .tif, .tiff);
            - a .csv or .tsv file or a DataFrame, with a column of paths (`path`, `filename`,
              `file`, `image`, or the first), one of labels (`label`, `class`, `category`, or the
              second; `"a|b"` for several with `multi_label`), maybe `sample_weight`;
            - `(x, y)` or `(x, y, sample_weight)`: x an array `(n, height, width, 3)`, with 1 or 4
              channels or none, or a list of arrays, Pillow images or paths; y ids, names, one-hot
              rows, probabilities, or 0/1 rows with `multi_label`;
            - a `tf.data.Dataset`, batched or not;
            - an iterator of `ImageDataGenerator`, or any `keras.utils.PyDataset`.
        image_size: (height, width) in pixels to resize to. `None`: arrays and streams keep theirs,
            files get `default_image_size`.
        default_image_size: (height, width) in pixels.
        class_names: The order of the classes, or names for numeric labels. Numbers are positions
            in it, but where all names are whole numbers, such as `("1", "2")`, they are the
            numbers themselves.
        multi_label: Whether an image has any number of classes.
        value_range: Of floats: `(0, 255)` raw, `(0, 1)` divided by 255, which is undone. `None`
            recognises it and says so. Files and integers are raw.
        interpolation: Pillow's name of a resize.
        on_error: `"skip"` leaves bad files out with one `DataWarning`, `"raise"` lists them all in
            one `ValueError`.

    Returns:
        An `ItemDataset` for files and arrays, a `StreamDataset` for the others.

    Raises:
        ValueError: Data that cannot be used; the message names it and the fix.
        TypeError: A source of another kind.
        FileNotFoundError: No such folder or table.

    Example:
    ```python
    data = tl.data.load("photos", image_size=(224, 224))
    data.class_names, data.size, data.skipped
    ```
    """
    options = Options(
        image_size=image_size,
        default_image_size=default_image_size,
        class_names=class_names,
        multi_label=multi_label,
        value_range=value_range,
        interpolation=interpolation,
        on_error=on_error,
    )
    return load_with(source, options, IMAGES)


def load_with(source: Any, options: Options, kind: Kind) -> Dataset:
    """`load` of any kind of data, with its options checked."""
    if kind.is_stream(source):
        return kind.stream(source, options)
    return list_with(source, options, kind).open(options)


def list_with(source: Any, options: Options, kind: Kind) -> Listing:
    """Lists what a source holds, without opening it."""
    if isinstance(source, (str, Path)):
        return _list_path(Path(source).expanduser(), options, kind)
    if hasattr(source, "columns"):
        return list_frame(source, options, kind)
    if isinstance(source, tuple):
        return list_arrays(source, options, kind)
    raise TypeError(
        "Labelled data is a folder, a CSV file, a DataFrame, (x, y), a tf.data.Dataset or a "
        f"keras.utils.PyDataset; x and y go in together, as one tuple. "
        f"Received: {type(source).__name__}"
    )


def _list_path(path: Path, options: Options, kind: Kind) -> Listing:
    if path.is_dir():
        return list_folder(path, options, kind)
    expected = f"Expected a folder {kind.noun}s/<class>/*{kind.endings[0]}, or a .csv or .tsv file"
    if not path.exists():
        raise FileNotFoundError(
            f"No such folder or file: {path!s:.200} (from {Path.cwd()}). {expected}."
        )
    if path.suffix.lower() not in _TABLES:
        raise ValueError(
            f"{path} is neither a folder nor a table. {expected} of {kind.columns[0]}s and labels."
        )
    return list_csv(path, options, kind)


def load_images(
    source: Any,
    *,
    image_size: tuple[int, int],
    interpolation: str = "bilinear",
    value_range: tuple[int, int] | None = None,
    on_error: str = "skip",
) -> Dataset:
    """Make a `Dataset` without labels, to predict on.

    Args:
        source: A path, a list of paths, of folders too (all images below), a Pillow image or a list
            of them, an array `(height, width, channels)` or `(n, height, width, channels)`, a
            list of arrays, a `tf.data.Dataset` or a `keras.utils.PyDataset`, of which labels are
            left aside.
        image_size: (height, width) in pixels to resize to.
        interpolation: As the training data had it.
        value_range: As in `load`.
        on_error: As in `load`.

    Returns:
        A `Dataset` with `labels` `None`, and the paths as `names` where there are any.

    Raises:
        ValueError: As `load`; also where no file at all can be read.
        FileNotFoundError: No such file or folder.

    Example:
    ```python
    data = tl.data.load_images("new_photos", image_size=(224, 224))
    model.predict(data.batches(batch_size=32))
    ```
    """
    settings = Options(
        image_size=image_size,
        interpolation=interpolation,
        value_range=value_range,
        on_error=on_error,
    )
    if IMAGES.is_stream(source):
        return IMAGES.stream(source, settings, labelled=False)
    if isinstance(source, (str, Path)):
        return _load_files([str(source)], settings)
    if is_one_image(source):
        source = [source] if isinstance(source, Image.Image) else np.asarray(source)[None]
    elif not isinstance(source, (list, tuple)):
        source = np.asarray(source)
        if not source.ndim:
            raise TypeError(
                "Images are a path, a folder, a Pillow image, an array, a list of those, a "
                "tf.data.Dataset or a keras.utils.PyDataset (of a Python generator make a list). "
                f"Received: {source.dtype.name} {source!s:.80}"
            )
    paths = as_paths(source)
    if paths is not None:
        return _load_files(paths, settings)
    return pixel_dataset(source, settings)


def is_one_image(source: Any) -> bool:
    """Whether `load_images` takes it for a single image: a file, a Pillow image or one array."""
    if isinstance(source, (str, Path)):
        return not Path(source).expanduser().is_dir()
    shape: tuple[int, ...] = getattr(source, "shape", ())
    is_one_array = len(shape) == 2 or (len(shape) == 3 and shape[-1] in (1, 3, 4))
    return isinstance(source, Image.Image) or is_one_array


def _load_files(given: list[str], options: Options) -> ImageDataset:
    """Files, and all images below folders."""
    ignored: Counter[str] = Counter()
    paths: list[str] = []
    for path in (Path(name).expanduser() for name in given):
        if len(given) == 1 and not path.exists():
            raise FileNotFoundError(f"No such file or folder: {path} (from {Path.cwd()}).")
        found = files_below(path, IMAGES, ignored) if path.is_dir() else [str(path)]
        if not found:
            raise ValueError(f"No image in {path} or below.")
        paths += found
    what = given[0] if len(given) == 1 else "The list of files"
    return file_dataset(open_files(paths, options, what, ignored), options, ignored=+ignored)
