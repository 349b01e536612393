"""Figures as files."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transferlearn.extras import install_line


def write_figure(path: str | Path, draw: Callable[[Any], Any]) -> None:
    """Draws a figure and writes it, whole or not at all.

    Args:
        path: Of the file; its ending says what it is (`.png`, `.svg`, `.pdf`), without one a PNG.
        draw: Takes an empty `matplotlib.figure.Figure`. No window is opened, no `pyplot` touched.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: matplotlib knows no such ending.
        FileNotFoundError: There is no such folder.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(f"Plots need matplotlib: {install_line('plot')}") from error
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent} to write {path.name} into.")
    figure = Figure(figsize=(8, 4), layout="constrained")
    draw(figure)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        figure.savefig(draft, format=path.suffix[1:] or "png")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
