"""Writes figures of matplotlib into files."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from transferlearn.atomic_files import written_whole
from transferlearn.extras import install_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_figure(path: str | Path, draw: Callable[["Figure"], object]) -> None:
    """Draws a figure and writes it, whole or not at all.

    Args:
        path: The path of the file; its ending names the format (`.png`, `.svg`, `.pdf`), and
            without an ending it is a PNG.
        draw: A function that draws into an empty `matplotlib.figure.Figure`. No window is opened,
            and `pyplot` is not touched.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: matplotlib knows no format with this ending.
        FileNotFoundError: There is no folder to write the file into.
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
    with written_whole(path) as draft:
        figure.savefig(draft, format=path.suffix[1:] or "png")
