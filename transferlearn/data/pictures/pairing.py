"""Pairs pictures by the names of their files, and compares the sizes of each pair."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from transferlearn.data.messages import indented, notice
from transferlearn.edge.pictures import ENDINGS, size_of, to_rgb
from transferlearn.wording import counted

ADVICE = (
    "To learn from good pictures alone, name what makes them worse: "
    "degradation=tl.data.super_resolution(4)."
)


def partners(inputs: Sequence[str], folder: Path, beside: Path) -> list[str | None]:
    """Finds the target of each picture: the file of the same name but for its ending.

    Args:
        inputs: The paths of the pictures that go in, all below `folder`.
        folder: Their folder.
        beside: The folder of the targets.

    Returns:
        The path of each target; `None` where there is none.

    Raises:
        ValueError: There is no folder of targets, or two targets have one name.
    """
    if not beside.is_dir():
        raise ValueError(
            f"There is no folder {beside}. The targets of {folder}/a.jpg and {folder}/b/c.jpg are "
            f"{beside}/a.png and {beside}/b/c.png. {ADVICE}"
        )
    found = defaultdict(list)
    for path in sorted(beside.rglob("*")):
        if path.suffix.lower() in ENDINGS and not path.name.startswith("."):
            found[path.relative_to(beside).with_suffix("")].append(str(path))
    if several := [" and ".join(paths) for paths in found.values() if len(paths) > 1]:
        raise ValueError(f"Two targets for one picture; keep one of them:{indented(several)}")
    stems = [Path(path).relative_to(folder).with_suffix("") for path in inputs]
    if lone := [paths[0] for stem, paths in found.items() if stem not in set(stems)]:
        notice(f"{counted(len(lone), 'target')} without an input, not used:{indented(lone)}")
    return [found[stem][0] if stem in found else None for stem in stems]


def size_before(item: Any) -> tuple[int, int] | None:
    """Returns the `(height, width)` in pixels of a picture, without decoding it.

    Args:
        item: The path of a file, a Pillow image, or an array.

    Returns:
        The size; `None` where it is no picture, which is reported where pictures are read.
    """
    if isinstance(item, str):
        try:
            return size_of(item)
        except (OSError, ValueError):
            return None
    if isinstance(item, Image.Image):
        item = np.asarray(to_rgb(item))
    shape = np.shape(item)
    return (shape[0], shape[1]) if len(shape) > 1 else None


def times_larger(size: tuple[int, int], target: tuple[int, int]) -> int:
    """Returns how many times larger a target is than its input; 0 if it is no whole multiple.

    Args:
        size: The `(height, width)` of the input.
        target: That of the target.
    """
    times = target[0] // size[0]
    return times if target == (size[0] * times, size[1] * times) else 0
