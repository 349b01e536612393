"""Pairs photos with masks by the names of their files, and compares their sizes."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from transferlearn.data.messages import indented, notice
from transferlearn.edge.pictures import ENDINGS, size_of, to_rgb
from transferlearn.wording import counted


class Paired(NamedTuple):
    """Holds the files of the masks of photos.

    Attributes:
        files: For each photo the path of its mask, or `None`.
        by_class: For each photo the path of the mask of each class, by the name of the class, where
            each class has a folder; else `None`.
        classes: The names of these folders, in alphabetical order.
    """

    files: list[str | None]
    by_class: list[dict[str, str]] | None = None
    classes: tuple[str, ...] = ()


def pair_masks(photos: Sequence[str], images: Path, masks: Path) -> Paired:
    """Finds the mask of each photo: the file of the same name but for its ending.

    Where no mask has a photo's name, but those below the folders in `masks` do, each of these
    folders is a class.

    Args:
        photos: The paths of the photos, all below `images`.
        images: The folder of the photos.
        masks: The folder of the masks.

    Raises:
        ValueError: There is no folder of masks, or two masks have one name.
    """
    if not masks.is_dir():
        raise ValueError(
            f"There is no folder {masks}. The masks of {images}/a.jpg and {images}/b/c.jpg are "
            f"{masks}/a.png and {masks}/b/c.png; or, with a file for each class, "
            f"{masks}/<class>/a.png."
        )
    found = defaultdict(list)
    for path in sorted(masks.rglob("*")):
        if path.suffix.lower() in ENDINGS and not path.name.startswith("."):
            found[path.relative_to(masks).with_suffix("")].append(str(path))
    if several := [" and ".join(paths) for paths in found.values() if len(paths) > 1]:
        raise ValueError(f"Two masks for one photo; keep one of them:{indented(several)}")
    stems = [Path(photo).relative_to(images).with_suffix("") for photo in photos]
    one = {stem: paths[0] for stem, paths in found.items()}
    classes = sorted({stem.parts[0] for stem in one if len(stem.parts) > 1})
    by_class = [
        {name: one[name / stem] for name in classes if name / stem in one} for stem in stems
    ]
    if any(by_class) and not any(stem in one for stem in stems):
        used = {name / stem for stem in stems for name in classes}
        _notice_lone([path for stem, path in one.items() if stem not in used])
        return Paired([None] * len(stems), by_class, tuple(classes))
    known = set(stems)
    _notice_lone([path for stem, path in one.items() if stem not in known])
    return Paired([one.get(stem) for stem in stems])


def _notice_lone(masks: list[str]) -> None:
    """Warns of masks without a photo."""
    if masks:
        notice(f"{counted(len(masks), 'mask')} without a photo, not used:{indented(masks)}")


def size_differs(photo: Any, mask: tuple[int, int]) -> str:
    """Says how the size of a photo differs from that of its mask; empty if it does not.

    Args:
        photo: The path of a file, a Pillow image, or an array.
        mask: The `(height, width)` of the mask.
    """
    if isinstance(photo, str):
        try:
            size = size_of(photo)
        except (OSError, ValueError):  # a broken photo is reported where photos are read
            return ""
    elif isinstance(photo, Image.Image):
        upright = to_rgb(photo)
        size = (upright.height, upright.width)
    else:
        shape = np.shape(photo)
        size = (shape[0], shape[1]) if len(shape) > 1 else mask
    if size == mask:
        return ""
    turned = "; a photo that EXIF turns needs a mask that is turned, too" * (size == mask[::-1])
    return (
        f"the photo is {size[0]} x {size[1]} pixels high and wide, its mask "
        f"{mask[0]} x {mask[1]}{turned}"
    )
