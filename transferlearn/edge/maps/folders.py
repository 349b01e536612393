"""Writes predictions that are pictures into a folder, under the names of their photos."""

import os
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Protocol

from PIL import Image

from transferlearn.edge.pictures import ENDINGS


class Saved(Protocol):
    """Stands for a prediction that can be written as a file."""

    @property
    def path(self) -> str | None:
        """The path of the photo's file, if it has one."""

    def save(self, path: str | Path) -> None:
        """Writes the file."""


def check_new(path: Path, count: int, advice: str) -> None:
    """Refuses a folder that has files already, since these might be photos.

    Args:
        path: The folder, or the `.png` file of a single picture.
        count: How many pictures there will be.
        advice: What to do instead, for the message.

    Raises:
        OSError: It has files, or is none.
        ValueError: It is called as a file for which there are several pictures, or as a file of
            another format.
    """
    ending = path.suffix.lower()
    if ending in ENDINGS and ending != ".png":
        raise ValueError(f"{path} is called as a file that is no PNG; {advice}")
    if ending == ".png" and count > 1:
        raise ValueError(f"{path} is called as one file, for {count} photos; {advice}")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise OSError(f"{path} is there already; {advice}")


def write_pngs(predictions: Sequence[Saved], path: Path, advice: str) -> None:
    """Writes a PNG for each photo into a new folder.

    Args:
        predictions: The predictions.
        path: The folder, which is made, or the `.png` file of a single one.
        advice: What to do where two photos would give files of one name, for the message.

    Raises:
        OSError: It cannot be written.
        ValueError: Two photos would give files of one name.
    """
    if path.suffix.lower() == ".png":
        (one,) = predictions
        path.parent.mkdir(parents=True, exist_ok=True)
        one.save(path)
        return
    files = [path / Path(name).with_suffix(".png") for name in names_of(predictions)]
    if twice := [file for i, file in enumerate(files) if file in files[:i]]:
        raise ValueError(f"Two photos would give {twice[0]}: {advice}")
    for file, one in zip(files, predictions, strict=True):
        file.parent.mkdir(parents=True, exist_ok=True)
        one.save(file)


def names_of(predictions: Sequence[Saved]) -> list[str]:
    """Returns each photo's path within the folder that all of them lie in."""
    paths = [one.path for one in predictions]
    if not paths or None in paths or len(paths) == 1:
        return [name_of(one, i) for i, one in enumerate(predictions)]
    # Links keep their own names; a `..` left in would lead out of the folder.
    absolute = [Path(os.path.abspath(path)) for path in paths if path is not None]  # noqa: PTH100
    folder = os.path.commonpath([path.parent for path in absolute])
    return [path.relative_to(folder).as_posix() for path in absolute]


def name_of(one: Saved, number: int) -> str:
    """Returns the name of a photo's file, or a number where it is no file."""
    return Path(one.path).name if one.path else f"{number}.png"


def png(image: object) -> bytes:
    """Returns one of Pillow's pictures as the content of a PNG."""
    assert isinstance(image, Image.Image)
    written = BytesIO()
    image.save(written, format="PNG", optimize=image.mode == "P")
    return written.getvalue()
