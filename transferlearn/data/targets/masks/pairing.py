"""Pairs photos with masks by the names of their files, and compares their sizes."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from transferlearn.data.messages import indented, notice
from transferlearn.edge.pictures import ENDINGS, FORMATS, orientation_of, upright_size
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
        ValueError: There is no folder of masks, two masks have one name, or none has a photo's.
    """
    if not masks.is_dir():
        raise ValueError(
            f"There is no folder {masks}. The masks of {images}/a.jpg and {images}/b/c.jpg are "
            f"{masks}/a.png and {masks}/b/c.png; or, with a file for each class, "
            f"{masks}/<class>/a.png. Or {images.parent} holds a COCO file, such as labels.json."
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
    if one and stems and known.isdisjoint(one):
        raise ValueError(
            f"No mask is called as a photo: that of {photos[0]} would be {masks / stems[0]}.png. "
            f"Rename the masks:{indented(list(one.values()), 5)}"
        )
    _notice_lone([path for stem, path in one.items() if stem not in known])
    return Paired([one.get(stem) for stem in stems])


def _notice_lone(masks: list[str]) -> None:
    """Warns of masks without a photo."""
    if masks:
        notice(f"{counted(len(masks), 'mask')} without a photo, not used:{indented(masks)}")


class Compared(NamedTuple):
    """Describes how a photo fits its mask.

    Attributes:
        reason: How their sizes differ; empty if they do not.
        unclear: Whether EXIF turns the photo, and sizes are the same with and without that.
    """

    reason: str = ""
    unclear: bool = False


def compare(photo: Any, mask: tuple[int, int]) -> Compared:
    """Compares the size of a photo with that of its mask.

    Args:
        photo: The path of a file, a Pillow image, or an array.
        mask: The `(height, width)` of the mask.
    """
    orientation = None
    if isinstance(photo, str):
        try:
            with Image.open(photo, formats=FORMATS) as image:
                size, orientation = upright_size(image), orientation_of(image)
        except (OSError, ValueError):  # a broken photo is reported where photos are read
            return Compared()
    elif isinstance(photo, Image.Image):
        size, orientation = upright_size(photo), orientation_of(photo)
    else:
        shape = np.shape(photo)
        size = (shape[0], shape[1]) if len(shape) > 1 else mask
    if size == mask:
        # Half turns and mirrored photos keep their size, quarter turns that of a square.
        alike = orientation in (2, 3, 4) or size[0] == size[1]
        return Compared(unclear=orientation not in (None, 1) and alike)
    turned = "; a photo that EXIF turns needs a mask that is turned, too" * (size == mask[::-1])
    return Compared(
        f"the photo is {size[0]} x {size[1]} pixels high and wide, its mask "
        f"{mask[0]} x {mask[1]}{turned}"
    )


def notice_turned(photos: Sequence[str]) -> None:
    """Warns of photos of which it is unclear whether their masks are turned as they are."""
    if photos:
        notice(
            f"EXIF turns {counted(len(photos), 'photo')}, and neither sizes nor the EXIF of masks "
            "tell whether the masks are turned, too. They are taken as turned, since tools that "
            "show photos upright write them so. If they lie as the camera's pixels do, save each "
            "with its photo's EXIF, which is then obeyed: "
            f'mask.save("mask.png", exif=photo.getexif()).{indented(photos)}'
        )
