"""Makes figures to draw in, and writes them into files."""

import math
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import ScaledTranslation

from transferlearn.atomic_files import written_whole
from transferlearn.extras import install_line
from transferlearn.json_fields import Json
from transferlearn.plotting.labels import fonts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Of text, axes and all that has no meaning by its colour. Its contrast is above 4 on white and on
# black; whoever embeds an SVG may replace it by the colour of the page's own text.
INK = "#777777"
# Of the colours of Okabe and Ito (jfly.uni-koeln.de/color) those whose contrast is above 3 on both;
# the blue is lighter than theirs, which is lost on black.
COLOURS = ("#2A87C8", "#D55E00", "#009E73", "#CC79A7")
LINES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
SCALE = "cividis"  # of amounts: even in lightness, and the same to those who see no red or no green
_DPI = 120
_BELOW = 0.5  # inches from axes to their legend, where ticks and label are


class Picture(Figure):
    """Is a figure that notebooks show, although `pyplot` knows nothing of it."""

    def _repr_png_(self) -> bytes:
        """Returns the figure as a PNG; notebooks ask for it."""
        written = BytesIO()
        self.savefig(written, format="png", dpi=_DPI)
        return written.getvalue()


def canvas(ax: Axes | None, width: float = 5.0, height: float = 4.0, **settings: object) -> Axes:
    """Returns the axes to draw in: those that were passed, or the only ones of a new figure.

    Args:
        ax: The axes that were passed, or `None`.
        width: The width of a new figure in inches.
        height: Its height in inches.
        settings: What `Axes.set` takes, such as `xlabel`.
    """
    (found,) = canvases(None if ax is None else [ax], 1, 1, width, height)
    found.set(**settings)
    return found


def canvases(
    axes: Sequence[Axes] | None, count: int, columns: int, width: float, height: float
) -> list[Axes]:
    """Returns axes to draw in: those that were passed, or those of a new figure in rows.

    Args:
        axes: The axes that were passed, or `None`.
        count: How many axes are needed.
        columns: How many axes there are side by side.
        width: The width of one of them in inches.
        height: Its height in inches.

    Raises:
        ValueError: Other axes were passed than are needed.
    """
    if axes is None:
        columns = min(count, columns)
        rows = math.ceil(count / columns)
        size = (columns * width, rows * height)
        figure = Picture(figsize=size, layout="constrained", facecolor="none")
        made = list(figure.subplots(rows, columns, squeeze=False).ravel())
        for unused in made[count:]:
            unused.remove()
        axes = made[:count]
    found = list(getattr(axes, "flat", axes))
    if len(found) < count:
        raise ValueError(f"This picture needs {count} axes. Received: {len(found)}")
    for ax in found[:count]:
        _dress(ax)
    return found[:count]


def finished(*axes: Axes) -> Figure:
    """Returns the figure of axes that are drawn, with fonts that have all of their letters."""
    for ax in axes:
        for text in ax.findobj(Text):
            if families := fonts(text.get_text()):
                text.set_fontfamily(families)
    figure = axes[0].get_figure(root=True)
    assert figure is not None  # only axes that were removed have none
    return figure


def legend(ax: Axes, **settings: object) -> None:
    """Adds a legend in the colours of the axes, by default below them, where it hides nothing.

    Faint points are shown in their full colour.
    """
    if not ax.get_legend_handles_labels()[1]:  # Matplotlib warns of a legend without entries
        return
    below = ax.transAxes + ScaledTranslation(0, -_BELOW, finished(ax).dpi_scale_trans)
    place = {"loc": "upper center", "bbox_to_anchor": (0.5, 0), "bbox_transform": below, "ncols": 2}
    made = ax.legend(frameon=False, labelcolor=INK, fontsize="small", **(settings or place))
    for handle in made.legend_handles:
        if isinstance(handle, Line2D):
            handle.set_alpha(1.0)


def scale(ax: Axes, drawn: ScalarMappable, title: str) -> None:
    """Adds a bar beside axes that says which colour of `SCALE` stands for how much."""
    bar = finished(ax).colorbar(drawn, ax=ax, shrink=0.7, label=title)
    bar.ax.tick_params(colors=INK, labelsize="small")
    bar.ax.yaxis.label.set_color(INK)
    bar.outline.set_visible(False)


def faintness(count: int) -> float:
    """Returns the alpha of points, less where there are so many that they lie over each other."""
    return min(0.9, max(0.4, 300 / max(1, count)))


def bare(ax: Axes) -> None:
    """Takes frame and ticks away, for images and texts."""
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)


def styles() -> Iterator[Json]:
    """Yields colours, each time with a kind of line, so that no two of the first 16 look alike.

    The first four differ in both.
    """
    for i in count():
        line = LINES[(i + i // len(COLOURS)) % len(LINES)]
        yield {"color": COLOURS[i % len(COLOURS)], "linestyle": line}


def on(ax: Axes, x: float, y: float, text: str, shade: float, **settings: Any) -> None:
    """Writes a text on a field of `SCALE` with a shade in [0, 1], in black or white."""
    colour = "black" if shade > 0.55 else "white"
    ax.text(x, y, text, ha="center", va="center", color=colour, **settings)


def _dress(ax: Axes) -> None:
    """Sets our colours for axes, and no background."""
    ax.set_facecolor("none")
    ax.tick_params(colors=INK, which="both")
    for part in (ax.xaxis.label, ax.yaxis.label, ax.title):
        part.set_color(INK)
    for side, spine in ax.spines.items():
        spine.set_color(INK)
        spine.set_visible(side in ("left", "bottom"))


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
