"""Read every file once before training, and report what is wrong in one go."""

import itertools
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from .dataset import ImageDataset, Skipped
from .images import ImageFileError, decode, resize
from .items import FileItems, decoding_pool
from .notices import counts, listing, notice, quiet
from .options import Options
from .pixels import fingerprint

_LISTED = 20
_PATIENCE = 2.0  # seconds before progress is shown
_KEPT_BYTES = 2**28  # of resized pixels, so that they need not be decoded in each epoch


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
        if now - start > _PATIENCE and (now - shown > 0.5 if terminal else not said):
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
    """The good ones of a list of files."""

    items: FileItems
    names: list[str]
    rows: np.ndarray  # their places in the list
    skipped: tuple[Skipped, ...]


def open_files(
    paths: Sequence[str],
    options: Options,
    what: str,
    ignored: Mapping[str, int] | None = None,
    *,
    share: float = 1.0,
) -> Files:
    """Check files and keep the good ones.

    Args:
        paths: All files.
        options: Size, resize, and what to do with bad files.
        what: The source, for messages.
        ignored: Files that were not looked at, by kind, for the summary.
        share: That these files are of all, and take of the memory for pixels.

    Raises:
        ValueError: Bad files with `on_error="raise"`, or no good file at all.
    """
    size = options.image_size or options.default_image_size
    kept: dict[str, np.ndarray] = {}
    numbers = itertools.count(1)  # threads keep: the length of `kept` may be that of a moment ago

    def keep(path: str, image: Image.Image) -> None:
        if next(numbers) * size[0] * size[1] * 3 <= _KEPT_BYTES * share:
            kept[path] = np.array(resize(image, size, options.interpolation))

    checks = check_files(paths, look=keep)
    skipped = tuple(Skipped(p, c.reason) for p, c in zip(paths, checks, strict=True) if c.reason)
    if skipped and len(paths) == 1:
        raise ValueError(f"{paths[0]} cannot be used: {skipped[0].reason}.")
    if skipped and options.on_error == "raise":
        raise ValueError(
            f"{what}: {_counted(skipped)} cannot be used. Repair or remove them, or pass "
            f'on_error="skip" to leave them out.{listing(_lines(skipped), len(skipped))}'
        )
    if len(skipped) == len(paths):
        raise ValueError(
            f"{what} holds no image that can be read.{listing(_lines(skipped), _LISTED)}"
        )
    _summarise(what, skipped, ignored or {})
    rows = [i for i, check in enumerate(checks) if not check.reason]
    names, hashes = [paths[i] for i in rows], [checks[i].content_hash for i in rows]
    items = FileItems(names, hashes, size, options.interpolation, kept)
    return Files(items, names, np.array(rows), skipped)


def _summarise(what: str, skipped: tuple[Skipped, ...], ignored: Mapping[str, int]) -> None:
    # Every folder on a Mac has a hidden file: alone it is worth a count, not a warning.
    if skipped or any(count for kind, count in ignored.items() if kind != "hidden"):
        parts = [f"skipped {_counted(skipped)} that cannot be used"] if skipped else []
        parts += [f"ignored {counts(ignored)}"] if any(ignored.values()) else []
        notice(f"{what}: {'; '.join(parts)}{listing(_lines(skipped), _LISTED)}")


def _lines(skipped: Iterable[Skipped]) -> list[str]:
    return [f"{path}: {reason}" for path, reason in skipped]


def _counted(skipped: Sequence[Skipped]) -> str:
    return f"{len(skipped)} file" + ("s" if len(skipped) != 1 else "")


def refuse_bad(paths: Sequence[str]) -> list[str]:
    """Content hashes of files that somebody else is going to decode; bad ones are an error."""
    checks = check_files(paths, any_name=True)
    bad = [f"{path}: {c.reason}" for path, c in zip(paths, checks, strict=True) if c.reason]
    if bad:
        raise ValueError(
            f"The generator lists {len(bad)} files that cannot be read, and a generator cannot "
            "skip them. Remove them, or pass the folder itself, which skips them."
            f"{listing(bad, len(bad))}"
        )
    return [check.content_hash for check in checks]


def file_dataset(files: Files, options: Options, **labels: object) -> ImageDataset:
    """The dataset over good files."""
    return ImageDataset(
        items=files.items,
        names=files.names,
        skipped=files.skipped,
        size=len(files.names),
        shape=(*(options.image_size or options.default_image_size), 3),
        interpolation=options.interpolation,
        multi_label=options.multi_label,
        **labels,  # type: ignore[arg-type]
    )
