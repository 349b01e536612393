"""Turns, zooms, moves and lights photos at random, and moves their masks with them."""

from dataclasses import KW_ONLY, dataclass

import numpy as np
from PIL import Image

from transferlearn.checks import number, share, whole
from transferlearn.data.targets.moving import Geometry, moved
from transferlearn.data.transforms import Transform


@dataclass(frozen=True, eq=False)
class _Drawn(Geometry):
    """Holds what was drawn for one view: where each pixel comes from, and the colours.

    Attributes:
        angle: The angle in radians by which the photo is turned.
        scale: The pixels of the photo for one of the view.
        shift: The shares of height and width by which the view is moved.
        mirrored: Whether left and right are exchanged.
        gains: A factor for each channel.
        contrast: A factor for the distance from the mean.
    """

    angle: float
    scale: float
    shift: tuple[float, float]
    mirrored: bool
    gains: np.ndarray
    contrast: float

    def matrix(self, height: int, width: int) -> tuple[float, ...]:
        """Returns Pillow's six numbers, which turn a place in the view into one in the photo."""
        turned = self.scale * np.array(
            [[np.cos(self.angle), np.sin(self.angle)], [-np.sin(self.angle), np.cos(self.angle)]]
        )
        turned[:, 0] *= -1 if self.mirrored else 1
        middle = np.array([width, height]) / 2
        moved = middle + self.shift * np.array([width, height]) - turned @ middle
        return (*turned[0], moved[0], *turned[1], moved[1])


@dataclass(frozen=True)
class Warped(Transform):
    """Mirrors, turns, zooms, moves and lights photos at random, and moves masks with them.

    Masks take the value of the nearest pixel; what comes from outside the photo is void in the mask
    and black in the photo. Colours of photos alone are changed.

    Args:
        views: How many views of each photo are made and stored, of which each epoch draws one; with
            1 each epoch makes new ones, and frozen layers are computed in each.
        mirror: Whether left and right are exchanged in half of the views.
        turn: The largest angle in degrees, to either side.
        zoom: The largest share by which things become larger or smaller.
        move: The largest share of height and width by which things are moved.
        light: The largest share by which each colour becomes lighter or darker.
        contrast: The largest share by which contrast grows or falls.
        seed: Another seed gives other views.

    Example:
        far = tl.data.Warped(turn=180, move=0)  # seen from above, nothing is upright
        builder = tl.ImageSegmenterBuilder("EfficientNetLite0", augmentation=far)
    """

    views: int = 1
    _: KW_ONLY
    mirror: bool = True
    turn: float = 14.0
    zoom: float = 0.2
    move: float = 0.1
    light: float = 0.15
    contrast: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        whole("views", self.views, least=1)
        whole("seed", self.seed, least=0)
        number("turn", self.turn)
        for name in ("zoom", "move", "light", "contrast"):
            share(name, getattr(self, name))

    @property
    def name(self) -> str:  # type: ignore[override]
        """All settings but the number of views, of which the first are the same."""
        parts = (self.mirror, self.turn, self.zoom, self.move, self.light, self.contrast, self.seed)
        return f"warped {parts}"

    def items(self, batch: np.ndarray, keys: np.ndarray, views: np.ndarray) -> np.ndarray:
        """Changes photos `(batch, height, width, channels)` of pixels from 0 to 255."""
        changed = np.empty_like(batch)
        for i, (photo, key, view) in enumerate(zip(batch, keys, views, strict=True)):
            drawn = self._draw(int(key), int(view))
            turned = moved(photo.astype(np.float32), drawn, Image.Resampling.BILINEAR, 0.0)
            mean = turned.mean()
            lit = ((turned - mean) * drawn.contrast + mean) * drawn.gains[: turned.shape[-1]]
            lit = np.clip(lit, 0, 255)
            changed[i] = np.rint(lit) if batch.dtype.kind in "iu" else lit
        return changed

    def geometry(self, key: int, view: int) -> Geometry:
        """Returns where the places of a view come from."""
        return self._draw(key, view)

    def _draw(self, key: int, view: int) -> _Drawn:
        """Draws the same for the same item and view, whatever else is drawn."""
        draw = np.random.default_rng((self.seed, key, view))
        angle, vertical, horizontal, contrast = draw.uniform(-1, 1, 4)
        size, *gains = draw.uniform(-1, 1, 4)
        return _Drawn(
            angle=float(np.deg2rad(self.turn * angle)),
            scale=float((1 + self.zoom) ** size),
            shift=(self.move * horizontal, self.move * vertical),
            mirrored=self.mirror and bool(draw.random() < 0.5),
            gains=(1 + self.light * np.array(gains)).astype(np.float32),
            contrast=float(1 + self.contrast * contrast),
        )
