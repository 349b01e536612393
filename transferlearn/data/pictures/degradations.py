"""Makes worse pictures of good ones, from which a network learns to make them good again."""

import abc
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from transferlearn.checks import share, whole
from transferlearn.edge.named import Named
from transferlearn.edge.pictures import Resizing, resize_array

_LUMA = (0.299, 0.587, 0.114)  # of red, green and blue in brightness, as Pillow and JPEG have it
_SMALLEST, _LARGEST = 0.1, 0.4  # the sides of a hole, as shares of the picture's


class Degradation(Named):
    """Makes of a good picture the worse one that a network gets; subclasses are frozen dataclasses.

    The same picture must always become the same: what is stored of it would differ otherwise.

    Attributes:
        name: The word by which a save knows it.
        scale: How many times smaller the result is, in height and in width.

    Example:
        @dataclass(frozen=True)
        class Darker(tl.data.Degradation):
            name = "darker"
            factor: float = 0.3

            def __call__(self, picture):
                return (picture * self.factor).astype("uint8")

        builder = tl.ImageToImageBuilder("EfficientNetLite0", degradation=Darker())
    """

    @property
    def scale(self) -> int:
        """Returns how many times smaller the result is; by default it has the picture's size."""
        return 1

    @abc.abstractmethod
    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """Makes the worse picture.

        Args:
            picture: `(height, width, 3)` in [0, 255], uint8 or float32.

        Returns:
            An array `(height // scale, width // scale, 3)` in [0, 255], of the same dtype.
        """


def super_resolution(factor: int = 4) -> Degradation:
    """Returns the degradation by which a network learns to enlarge: shrunk by a bicubic filter.

    Args:
        factor: How many times smaller, in height and in width.
    """
    return Shrunk(factor)


def denoise(strength: float = 0.1, seed: int = 0) -> Degradation:
    """Returns the degradation by which a network learns to remove noise: with Gaussian noise.

    Args:
        strength: The standard deviation of the noise, as a share of white: 0.1 is 25.5 of 255.
        seed: Another seed makes other noise.
    """
    return Noisy(strength, seed)


def colourise() -> Degradation:
    """Returns the degradation by which a network learns to colour: the picture in grey."""
    return Grey()


def inpaint(
    covered: float = 0.2, colour: Sequence[int] = (255, 0, 255), seed: int = 0
) -> Degradation:
    """Returns the degradation by which a network learns to fill holes: rectangles painted over.

    Args:
        covered: The share of the picture that is painted over, or a little more.
        colour: The red, green and blue of the holes, each in [0, 255]. To have a part of a photo
            filled, paint it over in this colour.
        seed: Another seed makes other holes.
    """
    return Holes(covered, tuple(colour), seed)


def random_of(picture: np.ndarray, seed: int) -> np.random.Generator:
    """Makes the random numbers of a picture, which depend on nothing but its pixels and the seed.

    Args:
        picture: The picture.
        seed: Another seed gives other numbers.
    """
    content = hashlib.sha256(np.ascontiguousarray(picture).data).digest()
    return np.random.default_rng([seed, int.from_bytes(content[:16], "big")])


@dataclass(frozen=True)
class Shrunk(Degradation):
    """Shrinks a picture by a bicubic filter."""

    name = "super_resolution"

    factor: int

    def __post_init__(self) -> None:
        whole("factor", self.factor, least=2)

    @property
    def scale(self) -> int:
        """The factor."""
        return self.factor

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """Makes the small picture."""
        height, width = picture.shape[:2]
        size = (height // self.factor, width // self.factor)
        return resize_array(picture, size, Resizing("bicubic"))


@dataclass(frozen=True)
class Noisy(Degradation):
    """Adds Gaussian noise."""

    name = "denoise"

    strength: float
    seed: int

    def __post_init__(self) -> None:
        share("strength", self.strength)
        whole("seed", self.seed, least=0)

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """Makes the noisy picture."""
        noise = random_of(picture, self.seed).normal(0, 255 * self.strength, picture.shape)
        return _as_dtype(np.clip(picture + noise, 0, 255), picture.dtype)


@dataclass(frozen=True)
class Grey(Degradation):
    """Takes the colours away."""

    name = "colourise"

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """Makes the grey picture, of three equal channels."""
        grey = picture.astype(np.float32) @ np.array(_LUMA, np.float32)
        return _as_dtype(np.repeat(grey[..., None], 3, axis=-1), picture.dtype)


@dataclass(frozen=True)
class Holes(Degradation):
    """Paints rectangles over."""

    name = "inpaint"

    covered: float
    colour: tuple[int, ...]
    seed: int

    def __post_init__(self) -> None:
        share("covered", self.covered)
        whole("seed", self.seed, least=0)
        if len(self.colour) != 3 or not all(0 <= part <= 255 for part in self.colour):
            raise ValueError(
                "colour is red, green and blue, each in [0, 255], such as (255, 0, 255). "
                f"Received: colour={self.colour!r}"
            )

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """Makes the picture with holes."""
        random, size = random_of(picture, self.seed), np.array(picture.shape[:2])
        holes = np.zeros(picture.shape[:2], bool)
        while holes.mean() < self.covered:
            sides = np.maximum(size * random.uniform(_SMALLEST, _LARGEST, 2), 1).astype(int)
            top, left = random.integers(0, size - sides + 1)
            holes[top : top + sides[0], left : left + sides[1]] = True
        painted = picture.copy()
        painted[holes] = self.colour
        return painted


def _as_dtype(pixels: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Returns pixels in a dtype, rounded where that holds whole numbers only."""
    return (np.rint(pixels) if dtype.kind in "iu" else pixels).astype(dtype)
