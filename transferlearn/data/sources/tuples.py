"""Lists items and targets that are passed as a tuple of arrays or lists."""

from pathlib import Path
from typing import Any

from transferlearn.data.kind import Kind
from transferlearn.data.listed import ByRow, Listed, sample_weights


def list_arrays(source: tuple[Any, ...], kind: Kind) -> Listed:
    """Lists what `(x, y)` or `(x, y, sample_weight)` holds.

    Raises:
        ValueError: The parts have different lengths, or there are not two or three of them.
        TypeError: A part is neither an array nor a list.
    """
    if len(source) not in (2, 3):
        raise ValueError(
            "Arrays go in as (x, y) or (x, y, sample_weight). "
            f"Received: a tuple of {len(source)} parts"
        )
    x, y = source[:2]
    for name, part in (("x", x), ("y", y)):
        if isinstance(part, (str, Path)) or not hasattr(part, "__len__"):
            raise TypeError(
                f"{name} of (x, y) must be an array or a list, one item for each {kind.noun}. "
                f"Received: {type(part).__name__}"
            )
    if len(x) != len(y):
        raise ValueError(f"x and y must have the same length. Received: {len(x)} and {len(y)}")
    weights = sample_weights(source[2], len(x)) if len(source) == 3 else None
    paths = kind.as_paths(x)
    return Listed(
        what=f"The list of {kind.noun}s" if paths is None else "The list of files",
        items=x if paths is None else paths,
        origin=ByRow(y),
        noun=kind.noun,
        in_files=paths is not None,
        sample_weight=weights,
    )
