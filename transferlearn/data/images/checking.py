"""Read every file once before training, and report what is wrong in one go."""

import itertools
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from transferlearn.data.images.dataset import ImageDataset
from transferlearn.data.images.files import ImageFileError, decode, resize
from transferlearn.data.images.items import FileItems
from transferlearn.data.images.options import ImageOptions
from transferlearn.data.images.pixels import fingerprint
from transferlearn.data.items import decoding_pool
from transferlearn.data.listed import Listed
from transferlearn.data.messages import Skipped, indented, quiet, report_skipped
from transferlearn.progress import is_silent

_PATIENCE = 2.0  # seconds before progress is shown
KEPT_BYTES = 2**28  # of resized pixels, so that they need not be decoded in each epoch


class Check(NamedTuple):
    """The content hash of a good file, or what is wrong with a bad one."""

    content_hash: str
    reason: str


def check_files(
    paths: Sequence[str],
    *,
    any_name: bool = False,
    look: Callable[[str, Image.Image], None] = lambda path, image: None,
) -> list[Check]:
    """Decode and hash files in parallel, in order, with progress on stderr for long work.

    Args:
        paths: Of the files.
        any_name: Whether the ending may name another format than the content has.
        look: Shown each good picture.
    """

    def check(path: str) -> Check:
        try:
            image = decode(path, any_name=any_name)
        except ImageFileError as error:
            return Check("", str(error))
        look(path, image)
        return Check(fingerprint(np.asarray(image)), "")

    with quiet():
        return list(_with_progress(decoding_pool().map(check, paths), len(paths)))


def _with_progress(results: Iterable[Check], total: int) -> Iterator[Check]:
    start = shown = time.monotonic()
    terminal = sys.stderr.isatty()
    said = False
    for done, result in enumerate(results, 1):
        now = time.monotonic()
        if (
            not is_silent()
            and now - start > _PATIENCE
            and (now - shown > 0.5 if terminal else not said)
        ):
            shown, said = now, True
            text = f"Checking images: {done:,} of {total:,}"
            print(
                f"\r{text}" if terminal else text,
                end="" if terminal else "\n",
                file=sys.stderr,
                flush=True,
            )
        yield result
    if said and terminal:
        print(f"\rChecking images: {total:,} of {total:,}", file=sys.stderr)


class Files(NamedTuple):
    """The good ones of a list of files.

    Attributes:
        items: Reads them.
        names: Their paths.
        rows: Their places in the list.
        skipped: The others.
        ignored: Files that were not looked at, by kind.
    """

    items: FileItems
    names: list[str]
    rows: np.ndarray
    skipped: tuple[Skipped, ...]
    ignored: Mapping[str, int]


def open_files(
    listed: Listed, options: ImageOptions, *, on_error: str, share: float = 1.0
) -> Files:
    """Checks files and keeps the good ones.

    Args:
        listed: All files.
        options: Size and resize.
        on_error: What becomes of files that cannot be read: `"skip"` or `"raise"`.
        share: Which part of all files these are; they take this share of the memory for pixels.

    Raises:
        ValueError: Bad files with `on_error="raise"`, or no good file at all.
    """
    size, paths = options.size, listed.items
    kept: dict[str, np.ndarray] = {}
    numbers = itertools.count(1)  # threads keep: the length of `kept` may be that of a moment ago

    def keep(path: str, image: Image.Image) -> None:
        if next(numbers) * size[0] * size[1] * 3 <= KEPT_BYTES * share:
            kept[path] = np.array(resize(image, size, options.interpolation))

    checks = check_files(paths, look=keep)
    skipped = tuple(Skipped(p, c.reason) for p, c in zip(paths, checks, strict=True) if c.reason)
    report_skipped(
        listed.what,
        skipped,
        count=len(paths),
        noun="file",
        on_error=on_error,
        ignored=listed.ignored,
    )
    rows = [i for i, check in enumerate(checks) if not check.reason]
    names, hashes = [paths[i] for i in rows], [checks[i].content_hash for i in rows]
    items = FileItems(names, hashes, size, options.interpolation, kept)
    return Files(items, names, np.array(rows), skipped, +Counter(listed.ignored))


def refuse_bad(paths: Sequence[str]) -> list[str]:
    """Content hashes of files that somebody else is going to decode; bad ones are an error."""
    checks = check_files(paths, any_name=True)
    bad = [f"{path}: {c.reason}" for path, c in zip(paths, checks, strict=True) if c.reason]
    if bad:
        raise ValueError(
            f"The generator lists {len(bad)} files that cannot be read, and a generator cannot "
            "skip them. Remove them, or pass the folder itself, which skips them."
            f"{indented(bad, len(bad))}"
        )
    return [check.content_hash for check in checks]


def file_dataset(files: Files, options: ImageOptions, **learnt: Any) -> ImageDataset:
    """Makes a dataset of good files."""
    return ImageDataset(
        items=files.items,
        names=files.names,
        skipped=files.skipped,
        ignored=files.ignored,
        size=len(files.names),
        shape=(*options.size, 3),
        interpolation=options.interpolation,
        **learnt,
    )
