"""Puts four photos into one view, with their boxes."""

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np
from PIL import Image

from transferlearn.checks import share, whole
from transferlearn.data.targets.base import Encoded
from transferlearn.data.targets.boxes.moving import AsBoxes
from transferlearn.data.targets.moving import Geometry, moved
from transferlearn.data.transforms import Transform

_MIDDLE = (0.35, 0.65)  # between which shares of the sides the four photos meet


@dataclass(frozen=True, eq=False)
class _Quarter(Geometry):
    """Shows a part of a photo in one quarter of the view.

    Attributes:
        scale: The pixels of the view for one of the photo.
        corner: The share of height and width of the view at which the photo begins.
        part: Where the quarter is: x0, y0, x1, y1 in shares of the view's sides.
        mirrored: Whether left and right are exchanged.
    """

    scale: float
    corner: tuple[float, float]
    part: tuple[float, float, float, float]
    mirrored: bool

    def matrix(self, height: int, width: int) -> tuple[float, ...]:
        """Returns the six numbers of the map."""
        step, (top, left) = 1 / self.scale, self.corner
        down = (0, step, -top * height * step)
        if self.mirrored:
            return -step, 0, width + left * width * step, *down
        return step, 0, -left * width * step, *down

    def window(self, height: int, width: int) -> tuple[float, float, float, float]:
        """Returns the quarter in pixels."""
        x0, y0, x1, y1 = self.part
        return round(x0 * width), round(y0 * height), round(x1 * width), round(y1 * height)


@dataclass(frozen=True)
class Mosaic(Transform):
    """Shows parts of four photos at once, with their boxes; the other three are drawn anew.

    When to use it: with few photos, since objects are seen in more places, sizes and company.

    Args:
        views: How many views of each photo are made and stored, of which each epoch draws one; with
            1 each epoch makes new ones, and frozen layers are computed in each.
        least: The least scale of the photos, as a share; the largest is 1.
        mirror: Whether left and right are exchanged in half of the photos.
        seed: Another seed gives other views.

    Reference: Bochkovskiy et al., YOLOv4, 2020, [arXiv:2004.10934](https://arxiv.org/abs/2004.10934).

    Example:
        builder = tl.ObjectDetectorBuilder("EfficientNetLite0", augmentation=tl.data.Mosaic())
    """

    others: ClassVar[int] = 3

    views: int = 1
    _: KW_ONLY
    least: float = 0.5
    mirror: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        whole("views", self.views, least=1)
        share("least", self.least)
        whole("seed", self.seed, least=0)

    @property
    def name(self) -> str:  # type: ignore[override]
        """All settings but the number of views, of which the first are the same."""
        return f"mosaic {(self.least, self.mirror, self.seed)}"

    def items(self, batch: np.ndarray, keys: np.ndarray, views: np.ndarray) -> np.ndarray:
        """Joins photos `(batch, 4, height, width, channels)` of pixels from 0 to 255."""
        changed = np.empty_like(batch[:, 0])
        height, width = batch.shape[2:4]
        for view, photos, key, number in zip(changed, batch, keys, views, strict=True):
            quarters = self._quarters(int(key), int(number))
            for photo, quarter in zip(photos, quarters, strict=True):
                x0, y0, x1, y1 = map(int, quarter.window(height, width))
                shown = moved(photo.astype(np.float32), quarter, Image.Resampling.BILINEAR, 0.0)
                part = np.clip(shown[y0:y1, x0:x1], 0, 255)
                view[y0:y1, x0:x1] = np.rint(part) if batch.dtype.kind in "iu" else part
        return changed

    def targets(
        self, encoded: Encoded, keys: np.ndarray, views: np.ndarray, shape: tuple[int, ...]
    ) -> Encoded:
        """Joins boxes `(batch, 4, most, columns)`; the weights are those of the first photo.

        Raises:
            ValueError: The targets are no boxes.
        """
        if not isinstance(encoded.moves, AsBoxes):
            raise ValueError(
                "A mosaic joins photos with boxes, and these have other targets: take "
                "tl.data.Warped() or another transform."
            )
        pairs = zip(keys, views, strict=True)
        quarters = [self._quarters(int(key), int(view)) for key, view in pairs]
        parts = [
            encoded.moves(encoded.targets[:, i], None, [four[i] for four in quarters], shape)[0]
            for i in range(1 + self.others)
        ]
        return encoded._replace(targets=np.concatenate(parts, axis=1))

    def _quarters(self, key: int, view: int) -> list[_Quarter]:
        """Draws where the four photos meet, and which part of each is seen."""
        draw = np.random.default_rng((self.seed, key, view))
        down, across = draw.uniform(*_MIDDLE, 2)
        quarters = []
        for top, bottom in ((0.0, down), (down, 1.0)):
            for left, right in ((0.0, across), (across, 1.0)):
                # No quarter reaches beyond its photo.
                scale = max(draw.uniform(self.least, 1), bottom - top, right - left)
                corner = (
                    float(draw.uniform(min(bottom - scale, top), top)),
                    float(draw.uniform(min(right - scale, left), left)),
                )
                mirrored = self.mirror and bool(draw.random() < 0.5)
                part = (left, top, right, bottom)
                quarters.append(_Quarter(float(scale), corner, part, mirrored))
        return quarters
