"""Computes the figures of pictures, item by item, as scikit-image does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from transferlearn.data import Pixels, Targets
from transferlearn.edge import PicturePrediction
from transferlearn.edge.pictures import Resizing, resize_array
from transferlearn.monitoring import MeanColours
from transferlearn.tasks.figures import Evaluation, Tally
from transferlearn.tasks.image_to_image.denoising import non_local_means
from transferlearn.tasks.intervals import bootstrap, group_sums
from transferlearn.tasks.pairs import PairedTest, paired_bootstrap
from transferlearn.tasks.scoring import Scoring

WHITE = 255.0
WINDOW = 7  # pixels; the side of the window of SSIM, scikit-image's default
_C1, _C2 = (0.01 * WHITE) ** 2, (0.03 * WHITE) ** 2
_MOST_PSNR = 100.0  # dB, for two equal pictures, whose own would be infinite
_NAMES = ("psnr", "ssim", "mae", "mae_of_worst_tenth")
CLASSICAL = "non-local means"
_LEAST_GAINED = 0.1  # dB, by which non-local means must be better than what went in
_DENOISED = 2_000_000  # pixels; 14 to 52 seconds of non-local means
_WORST = 0.1  # of the windows of an input, by how much they differ from the target


@dataclass(frozen=True, eq=False, repr=False)
class PictureEvaluation(Evaluation):
    """Holds the figures of pictures: the means over pictures of `psnr`, `ssim` and `mae`.

    `psnr` is in dB, at most 100; `mae` is the mean absolute error in values from 0 to 255. Where
    what went in is known, its own figures are the part `"input"`, and `psnr_gained` and
    `ssim_gained` say how much better the answers are. `mae_of_worst_tenth` is the mean absolute
    error in that tenth of the windows of 7 x 7 pixels where input and target differ most: a clean
    white ground does not hide there that nothing else was learnt.

    Where non-local means, which learn nothing, make what went in better, their figures are the part
    `"non-local means"`, of `count` pictures where these are not all. Its `psnr_gained` says how
    much better the answers are than these.

    Attributes:
        by_item: The figures of each picture, float64 `(items, 4)`: PSNR, SSIM, MAE, and the
            MAE of the worst tenth, NaN where no input is known.
    """

    by_item: np.ndarray | None = None

    def beside(self, unchanged: Evaluation, classical: Tally | None = None) -> Self:
        """Adds the figures of what went in and of non-local means, and how much is gained."""
        assert isinstance(unchanged, PictureEvaluation)
        gained = [f"{name}_gained" for name in _NAMES[:2]]
        sums = group_sums(_change(unchanged, self))

        def means(drawn: np.ndarray) -> Mapping[str, np.ndarray]:
            return {name: drawn[..., i] / drawn[..., -1] for i, name in enumerate(gained)}

        intervals = bootstrap(sums, means)
        figures = {name: float(value) for name, value in means(sums.sum(axis=0)).items()}
        of_input = {f"{name}: input": unchanged[name] for name in _NAMES if name in unchanged}
        return replace(
            self,
            figures={**self.figures, **figures, **of_input, **self._of(classical, unchanged)},
            intervals={**self.intervals, **intervals},
            interval_methods={**self.interval_methods, **dict.fromkeys(intervals, "bootstrap")},
            unchanged=unchanged,
        )

    def remark(self) -> str:
        """Returns by how much non-local means are better than the network, if they are."""
        gained = self.get(f"psnr_gained: {CLASSICAL}", 0.0)
        if gained >= 0:
            return ""
        return (
            f"By PSNR, {CLASSICAL} are better by {-gained:.2g} dB, and need no network: "
            "compare by eye."
        )

    def _of(self, classical: Tally | None, unchanged: "PictureEvaluation") -> dict[str, float]:
        """Returns the figures of non-local means, if these are better than what went in."""
        if classical is None:
            return {}
        assert isinstance(classical, PictureTally)
        done = np.isfinite(classical.by_item[:, 0])
        rows = classical.by_item[done]
        if not len(rows) or _change(unchanged, classical)[done, 0].mean() < _LEAST_GAINED:
            return {}
        figures = dict(zip(_NAMES, rows.mean(axis=0), strict=True))
        figures["psnr_gained"] = -_change(self, classical)[done, 0].mean()
        if len(rows) < len(done):
            figures["count"] = len(rows)
        return {f"{name}: {CLASSICAL}": float(value) for name, value in figures.items()}


@dataclass(frozen=True, eq=False)
class PictureTally(Tally):
    """Holds the figures of some pictures, as `PictureEvaluation` has them by item."""

    by_item: np.ndarray

    @classmethod
    def of(
        cls,
        pictures: Sequence[np.ndarray],
        targets: Sequence[np.ndarray],
        inputs: Sequence[np.ndarray] | None = None,
    ) -> Self:
        """Compares pictures with their targets, each `(height, width, 3)` in [0, 255].

        Args:
            pictures: The answers.
            targets: The pictures that should have been the answers.
            inputs: What went in, as large as the answers, or `None`.
        """
        given = [None] * len(pictures) if inputs is None else inputs
        rows = [
            (psnr(target, picture), ssim(target, picture), *_maes(target, picture, before))
            for picture, target, before in zip(pictures, targets, given, strict=True)
        ]
        return cls(np.array(rows, float).reshape(-1, len(_NAMES)))

    @classmethod
    def joined(cls, tallies: Sequence[Self]) -> Self:
        """Puts the figures of several batches together."""
        return cls(np.concatenate([one.by_item for one in tallies]))

    def evaluation(self) -> PictureEvaluation:
        """Computes the means, with the intervals that resampling pictures gives."""
        count = len(self.by_item)
        sums = group_sums(np.column_stack([self.by_item, np.ones(count)]))
        intervals = bootstrap(sums, _means)
        return PictureEvaluation(
            {"count": count, **{n: float(v) for n, v in _means(sums.sum(axis=0)).items()}},
            intervals,
            interval_methods=dict.fromkeys(intervals, "bootstrap"),
            by_item=self.by_item,
        )


@dataclass(frozen=True)
class PictureScoring(Scoring[Targets, PictureEvaluation, PicturePrediction]):
    """Scores pictures, pixels in [0, 255].

    Attributes:
        scale: How many times larger the pictures are than what goes in.
        size: The `(height, width)` in pixels of the pictures that the network gives.
    """

    by_batch: ClassVar[bool] = True

    scale: int
    size: tuple[int, int]

    @property
    def raw(self) -> Pixels:
        """The encoder that leaves pictures as they were read, which `measure` takes."""
        return Pixels()

    @property
    def signals(self) -> MeanColours:
        """Returns what a monitor watches: the mean colour of each picture."""
        return MeanColours()

    def measure(self, values: np.ndarray, targets: np.ndarray) -> PictureEvaluation:
        """Returns PSNR, SSIM and mean absolute error, at the size of the network's pictures."""
        return self.tally(values, targets).evaluation()

    def errors(self, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Returns 1 minus the SSIM of each picture."""
        return 1 - self.tally(values, targets).by_item[:, 1]

    def tally(
        self, values: np.ndarray, targets: np.ndarray, unchanged: np.ndarray | None = None
    ) -> PictureTally:
        """Compares each picture of a batch with its target."""
        given = None if unchanged is None else list(unchanged)
        return PictureTally.of(list(values), list(targets), given)

    def tally_of(
        self, prediction: PicturePrediction, target: np.ndarray, unchanged: np.ndarray | None = None
    ) -> PictureTally:
        """Compares a picture in its own size with its target."""
        given = None if unchanged is None else [unchanged]
        return PictureTally.of([prediction.pixels], [target], given)

    def unchanged(self, items: np.ndarray) -> np.ndarray:
        """Returns what goes in, enlarged by a bicubic filter if need be."""
        rows, times = np.asarray(items), self.scale
        size = (rows.shape[1] * times, rows.shape[2] * times)
        return np.stack([resize_array(row, size, Resizing("bicubic")) for row in rows])

    def classical(
        self, unchanged: np.ndarray, targets: np.ndarray, *, before: int, of: int | None
    ) -> Tally | None:
        """Counts what non-local means add, where pictures keep their size; others stay NaN.

        They are made of all pictures up to two million pixels, and else of every so many-th; of a
        stream of unknown length, of the first ones.
        """
        if self.scale > 1:
            return None
        most = max(1, _DENOISED // (self.size[0] * self.size[1]))  # pictures
        places = np.arange(before, before + len(targets))
        chosen = places < most if of is None else places % -(-of // most) == 0
        rows = np.full((len(targets), len(_NAMES)), np.nan)
        if chosen.any():
            made = np.stack([non_local_means(one) for one in unchanged[chosen]])
            rows[chosen] = self.tally(made, targets[chosen], unchanged[chosen]).by_item
        return PictureTally(rows)

    def compare(self, first: PictureEvaluation, second: PictureEvaluation) -> PairedTest | None:
        """Tests by how much the second SSIM is the better one, by drawing pictures."""
        sums = group_sums(_change(first, second))
        return paired_bootstrap(sums, lambda drawn: drawn[..., 1] / drawn[..., -1])


def _change(first: PictureEvaluation, second: PictureEvaluation | PictureTally) -> np.ndarray:
    """Returns how much larger the second PSNR and SSIM of each picture are, and 1, `(items, 3)`."""
    assert first.by_item is not None
    assert second.by_item is not None
    change = second.by_item[:, :2] - first.by_item[:, :2]
    return np.column_stack([change, np.ones(len(change))])


def psnr(first: np.ndarray, second: np.ndarray) -> float:
    """Returns the peak signal-to-noise ratio of two pictures in dB, at most 100.

    Args:
        first: A picture in [0, 255], of any shape.
        second: Another of the same shape.
    """
    error = np.mean((first.astype(float) - second.astype(float)) ** 2)
    return min(_MOST_PSNR, float(10 * np.log10(WHITE**2 / error))) if error else _MOST_PSNR


def ssim(first: np.ndarray, second: np.ndarray) -> float:
    """Returns the mean structural similarity of two pictures, 1 for equal ones.

    It is that of scikit-image's `structural_similarity`, for channels that are the last axis and
    values from 0 to 255: windows of 7 x 7 pixels that weigh alike, and sample covariances.

    Args:
        first: A picture `(height, width, channels)` in [0, 255], of at least 7 x 7 pixels.
        second: Another of the same shape.

    Reference: Wang et al., [Image quality assessment](https://doi.org/10.1109/TIP.2003.819861).
    """
    x, y = first.astype(float), second.astype(float)
    mean_x, mean_y = _window_means(x), _window_means(y)
    unbiased = WINDOW**2 / (WINDOW**2 - 1)
    var_x = unbiased * (_window_means(x * x) - mean_x**2)
    var_y = unbiased * (_window_means(y * y) - mean_y**2)
    both = unbiased * (_window_means(x * y) - mean_x * mean_y)
    above = (2 * mean_x * mean_y + _C1) * (2 * both + _C2)
    below = (mean_x**2 + mean_y**2 + _C1) * (var_x + var_y + _C2)
    return float(np.mean(above / below))


def _window_means(values: np.ndarray) -> np.ndarray:
    """Returns the mean of each window that lies within a picture, channel by channel."""
    for axis in (0, 1):
        left = values.shape[axis] - WINDOW + 1
        parts = [np.take(values, range(i, i + left), axis) for i in range(WINDOW)]
        values = np.mean(parts, axis=0)
    return values


def _maes(
    target: np.ndarray, picture: np.ndarray, before: np.ndarray | None
) -> tuple[float, float]:
    """Returns a picture's mean absolute error, and that of the tenth that was worst before."""
    error = np.abs(target.astype(float) - picture)
    if before is None:
        return float(error.mean()), np.nan
    # Means of windows, since noise differs from pixel to pixel by chance.
    change = _window_means(np.abs(target.astype(float) - before)).mean(axis=-1)
    worst = change >= np.quantile(change, 1 - _WORST)
    return float(error.mean()), float(_window_means(error).mean(axis=-1)[worst].mean())


def _means(sums: np.ndarray) -> Mapping[str, np.ndarray]:
    """Returns the means over pictures, of sums of their figures and of their number."""
    means = {name: sums[..., i] / sums[..., -1] for i, name in enumerate(_NAMES)}
    return {name: mean for name, mean in means.items() if not np.isnan(mean).any()}
