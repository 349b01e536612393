"""Decodes every image file once before training, and reports all bad ones together."""

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Self

import numpy as np
from PIL import Image

from transferlearn.data.images.dataset import ImageDataset
from transferlearn.data.images.items import FileItems, Print
from transferlearn.data.images.likeness import likeness
from transferlearn.data.images.options import ImageOptions
from transferlearn.data.images.pixels import fingerprint
from transferlearn.data.items import decoding_pool
from transferlearn.data.listed import KnownFile, Listed
from transferlearn.data.messages import Skipped, indented, quiet, report_skipped
from transferlearn.data.sources.parquet import known_file
from transferlearn.edge.pictures import ImageFileError, decode, resize
from transferlearn.progress import stage, working

# Bytes of resized pixels that need not be decoded again in each epoch: 1,780 photos at 224 px.
KEPT_BYTES = 2**28


class Check(NamedTuple):
    """Holds the fingerprint of a good file, or the reason why a bad one cannot be used."""

    fingerprint: Print
    reason: str

    def known(self, size: int, mtime: int) -> KnownFile:
        """Returns what a manifest holds of the file, which has this size and time of change."""
        found = self.fingerprint
        return KnownFile(size, mtime, found.content_hash, found.likeness, *found.size, self.reason)

    @classmethod
    def of(cls, known: KnownFile) -> Self:
        """Returns the check of a file that a manifest knows."""
        size = known.height, known.width
        return cls(Print(known.content_hash, known.likeness, size), known.error)


def check_files(
    paths: Sequence[str],
    *,
    any_name: bool = False,
    look: Callable[[str, Image.Image], None] = lambda path, image: None,
    known: Sequence[KnownFile] | None = None,
) -> list[Check]:
    """Decodes and hashes files in parallel.

    Args:
        paths: The paths of the files.
        any_name: Whether a file's ending may name another format than its content has.
        look: Is called with the path and the picture of each file that is opened and good, in any
            of the threads.
        known: What a manifest says of each file; only those that have changed are opened.

    Returns:
        One check for each file, in the order of `paths`.
    """

    def check(path: str, before: KnownFile | None) -> Check:
        if unchanged := known_file(path, before):
            return Check.of(unchanged)
        try:
            image = decode(path, any_name=any_name)
        except ImageFileError as error:
            return Check(Print("", None), str(error))
        look(path, image)
        size = (image.height, image.width)
        return Check(Print(fingerprint(np.asarray(image)), likeness(image), size), "")

    checks = []
    with quiet(), working(), stage("checking", len(paths), "image") as checked:
        for found in decoding_pool().map(check, paths, known or itertools.repeat(None)):
            checks.append(found)
            checked.advance()
    return checks


class Files(NamedTuple):
    """Holds the good files of a list, and says which others were left out, and why.

    Attributes:
        items: The images of the good files, read when they are needed.
        names: The paths of the good files.
        rows: The places of the good files in the list, int64 `(n,)`.
        skipped: The bad files, each with what is wrong.
        ignored: How many files of a folder were not looked at: by ending, or `"hidden"`.
    """

    items: FileItems
    names: list[str]
    rows: np.ndarray
    skipped: tuple[Skipped, ...]
    ignored: Mapping[str, int]


def open_files(listed: Listed, options: ImageOptions, *, on_error: str) -> Files:
    """Decodes all files once, gives the good ones, and reports the others.

    Args:
        listed: The files, good and bad.
        options: Says to which size and how files are resized.
        on_error: What is done about bad files: `"skip"` leaves them out, `"raise"` raises.

    Raises:
        ValueError: A file is bad and `on_error` is `"raise"`, or no file is good.
    """
    size, paths = options.size, listed.items
    kept: dict[str, np.ndarray] = {}
    # `keep` runs in many threads: `len(kept)` would give several of them the same number.
    numbers = itertools.count(1)

    def keep(path: str, image: Image.Image) -> None:
        if next(numbers) * size[0] * size[1] * 3 <= KEPT_BYTES:
            kept[path] = np.array(resize(image, size, options.resizing))

    checks = check_files(paths, look=keep, known=listed.known)
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
    names, prints = [paths[i] for i in rows], [checks[i].fingerprint for i in rows]
    items = FileItems(names, prints, size, options.resizing, kept)
    return Files(items, names, np.array(rows), skipped, +Counter(listed.ignored))


def refuse_bad(paths: Sequence[str]) -> list[str]:
    """Returns the content hashes of files that a generator will decode, or refuses bad files."""
    checks = check_files(paths, any_name=True)
    bad = [f"{path}: {c.reason}" for path, c in zip(paths, checks, strict=True) if c.reason]
    if bad:
        raise ValueError(
            f"The generator lists {len(bad)} files that cannot be read, and a generator cannot "
            "skip them. Remove them, or pass the folder itself, which skips them."
            f"{indented(bad, len(bad))}"
        )
    return [check.fingerprint.content_hash for check in checks]


def file_dataset(files: Files, options: ImageOptions) -> ImageDataset:
    """Makes a dataset of the good files."""
    return ImageDataset(
        items=files.items,
        names=files.names,
        skipped=files.skipped,
        ignored=files.ignored,
        size=len(files.names),
        shape=(*options.size, 3),
        interpolation=options.interpolation,
    )
