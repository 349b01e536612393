"""Computes where a photo lies in the frame that a network sees, and moves boxes between the two."""

from dataclasses import dataclass

import numpy as np

FITS = ("stretch", "letterbox")


@dataclass(frozen=True)
class Letterbox:
    """Describes a photo that is resized into a frame, and converts boxes between the two.

    A letterboxed photo keeps its shape and lies in the middle, between two bars. A stretched one
    fills the frame.

    Args:
        photo: The `(height, width)` of the photo in pixels.
        frame: The `(height, width)` of the frame in pixels.
        stretched: Whether the photo fills the frame, whatever its shape.

    Example:
        placed = Letterbox(photo=(100, 200), frame=(64, 64))
        placed.to_frame([[0, 0, 200, 100]])  # [[0, .25, 1, .75]]
    """

    photo: tuple[int, int]
    frame: tuple[int, int]
    stretched: bool = False

    @property
    def inner(self) -> tuple[int, int]:
        """Returns the `(height, width)` in pixels that the photo has in the frame."""
        if self.stretched:
            return self.frame
        scale = min(self.frame[0] / self.photo[0], self.frame[1] / self.photo[1])
        height, width = (max(1, round(side * scale)) for side in self.photo)
        return min(height, self.frame[0]), min(width, self.frame[1])

    @property
    def corner(self) -> tuple[int, int]:
        """Returns the `(top, left)` pixel of the frame at which the photo begins."""
        height, width = self.inner
        return (self.frame[0] - height) // 2, (self.frame[1] - width) // 2

    @property
    def frame_area(self) -> float:
        """Returns the area of the whole frame, its bars included, in pixels of the photo."""
        across, down = self._scale
        return self.frame[0] * self.frame[1] / (across * down)

    def to_frame(self, boxes: np.ndarray) -> np.ndarray:
        """Converts boxes in the photo's pixels into shares of the frame's sides.

        Args:
            boxes: Rows of x0, y0, x1, y1, `(n, 4)`.

        Returns:
            The boxes in the frame, whose sides are 1 long, float64 `(n, 4)`.
        """
        (top, left), (height, width) = self.corner, self.frame
        moved = np.asarray(boxes, float) * (self._scale * 2) + (left, top, left, top)
        return moved / (width, height, width, height)

    def to_photo(self, boxes: np.ndarray) -> np.ndarray:
        """Converts boxes in shares of the frame's sides into the photo's pixels, cut at its edges.

        Args:
            boxes: Rows of x0, y0, x1, y1, `(n, 4)`.

        Returns:
            The boxes in the photo's pixels, float64 `(n, 4)`.
        """
        (top, left), (height, width) = self.corner, self.frame
        pixels = np.asarray(boxes, float) * (width, height, width, height)
        found = (pixels - (left, top, left, top)) / (self._scale * 2)
        return np.clip(found, 0, (self.photo[1], self.photo[0]) * 2)

    @property
    def _scale(self) -> tuple[float, float]:
        """Returns how many pixels of the frame there are for one of the photo, across and down."""
        height, width = self.inner
        return width / self.photo[1], height / self.photo[0]
