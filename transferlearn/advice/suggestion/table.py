"""Holds suggestions, and shows them as a table or a picture."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transferlearn.builders import ImageBuilder
from transferlearn.plotting import write_figure
from transferlearn.tables import as_table
from transferlearn.types import Json

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """Names a network, an image size and a freezing, and says what to expect of them.

    Attributes:
        builder: The candidate's builder with `image_size` and `freeze` set, ready to `fit`.
        schedule: The schedule to fit it with: `"probe"` where all is frozen, else `"fine-tune"`.
        network: The name of the backbone, and of its weight file where one was passed.
        image_size: `(height, width)` in pixels.
        freeze: `"all"`, `"none"`, or the name of the block up to which the network is frozen.
        trained_blocks: How many blocks that leaves to train.
        score_name: The name of the figure in `score`: `"accuracy"` of classes, `"r2"` of numbers.
        score: The expected score; cross-validated, see `suggest`.
        interval: The 95% interval of `score`, by the number of images it was measured on.
        seconds_per_image: Seconds that a prediction takes, as measured.
        operations: Floating-point operations of a prediction.
        parameters: The number of weights of the network with its head.
        trained_parameters: How many of these weights are trained.
        megabytes: The size of the weights, in 10^6 bytes.
        training_seconds: The estimated seconds of training on all images: the frozen part once, the
            rest in each epoch; `None` where a stream does not tell how many images there are.
        cost: The price of `training_seconds` by `price_per_hour`, or `None`.
        top1: The published ImageNet top-1 accuracy of the network in percent, or `None`.
        published_place: The network's place among the candidates by `top1`, from 1, or `None`.
    """

    builder: ImageBuilder[Any]
    schedule: str
    network: str
    image_size: tuple[int, int]
    freeze: str
    trained_blocks: int
    score_name: str
    score: float
    interval: tuple[float, float]
    seconds_per_image: float
    operations: float
    parameters: int
    trained_parameters: int
    megabytes: float
    training_seconds: float | None
    cost: float | None = None
    top1: float | None = None
    published_place: int | None = None

    def facts(self) -> Json:
        """Gives all attributes but the builder, as values that JSON takes."""
        return {name: value for name, value in vars(self).items() if name != "builder"}


@dataclass(frozen=True)
class Suggestions:
    """Holds suggestions, the best first, like a sequence; printed, it is a table.

    Attributes:
        rows: The suggestions, the best first.
        images: The number of images that were looked at.
    """

    rows: tuple[Suggestion, ...]
    images: int

    def __getitem__(self, index: int) -> Suggestion:
        return self.rows[index]

    def __iter__(self) -> Iterator[Suggestion]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        name = self.rows[0].score_name
        lines = [[name if cell == "score" else cell for cell in _HEAD], *map(_cells, self.rows)]
        # A column without any value, such as the cost without a price, is left out.
        shown = [i for i in range(len(_HEAD)) if any(line[i] != "-" for line in lines[1:])]
        text = as_table([[line[i] for i in shown] for line in lines])
        return f"{text}\n{_LEGEND.format(score=name.capitalize(), images=self.images)}"

    __repr__ = __str__

    def plot(self, path: str | Path) -> None:
        """Draws each network's score, with its interval, against the number of trained blocks.

        Args:
            path: The file to write, such as `suggestions.png`.

        Raises:
            ImportError: matplotlib is not installed.
        """
        write_figure(path, self._draw)

    def _draw(self, figure: "Figure") -> None:
        axes: Any = figure.subplots()
        by_depth = sorted(self.rows, key=lambda row: row.trained_blocks)
        for title in dict.fromkeys(map(_title, self.rows)):
            rows = [row for row in by_depth if _title(row) == title]
            blocks = [row.trained_blocks for row in rows]
            axes.plot(blocks, [row.score for row in rows], "o-", label=title)
            axes.fill_between(blocks, *zip(*(row.interval for row in rows), strict=True), alpha=0.1)
        axes.set(xlabel="blocks that are trained", ylabel=f"expected {self.rows[0].score_name}")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend()


_HEAD = (
    "network",
    "image size",
    "frozen up to",
    "score",
    "95% interval",
    "ms an image",
    "parameters",
    "trained",
    "MB",
    "training, s",
    "cost",
    "published top-1",
)
_LEGEND = (
    "{score}: expected, cross-validated on {images:,} images. Training: estimated. Published: "
    "ImageNet top-1 accuracy in percent, and the network's place among these by it."
)


def _title(row: Suggestion) -> str:
    """Gives the label of a network in the picture: name, image size and speed."""
    return f"{row.network} {_size(row)}, {1000 * row.seconds_per_image:.1f} ms an image"


def _size(row: Suggestion) -> str:
    return "x".join(map(str, row.image_size))


def _cells(row: Suggestion) -> tuple[str, ...]:
    """Writes a suggestion as a row of the table, in the order of `_HEAD`."""
    low, high = row.interval
    return (
        row.network,
        _size(row),
        row.freeze,
        f"{row.score:.3f}",
        f"{low:.3f} to {high:.3f}",
        f"{1000 * row.seconds_per_image:.1f}",
        f"{row.parameters / 1e6:.2f}M",
        f"{row.trained_parameters / 1e6:.2f}M",
        f"{row.megabytes:.1f}",
        "-" if row.training_seconds is None else f"{row.training_seconds:.0f}",
        "-" if row.cost is None else f"{row.cost:.4f}",
        "-" if row.top1 is None else f"{row.top1:.1f} ({row.published_place}.)",
    )
