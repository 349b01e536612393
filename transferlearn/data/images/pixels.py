"""Checks arrays of pixels, finds out their range, and turns them into raw RGB of one size."""

import hashlib

import numpy as np

from transferlearn.data.images.options import ImageOptions
from transferlearn.data.messages import notice
from transferlearn.edge.pictures import Resizing, resize_array

_ROUNDING = 1e-3  # how far values may lie outside their range, by rounding
_NEARLY = 1e-4  # how far from a whole number a value is still taken for one


def is_divided(pixels: np.ndarray, options: ImageOptions, what: str) -> bool:
    """Checks pixel values, and says whether they were divided by 255.

    Integers are always taken as raw: `value_range` is about floats only.

    Args:
        pixels: An array of any shape, of integers or floats.
        options: Holds the `value_range`, which decides; where it is `None`, the range is
            recognised.
        what: How messages call the pixels, such as `"x"`.

    Raises:
        ValueError: The pixels are no numbers, NaN, infinite, or outside the range.
    """
    check_numbers(pixels, what)
    if pixels.dtype.kind != "f":
        check_range(pixels, what)
        return False
    low, high = float(pixels.min()), float(pixels.max())
    looks_divided = low >= -_ROUNDING and high <= 1 + _ROUNDING
    if options.value_range == (0, 1):
        if not looks_divided:
            raise ValueError(
                f"value_range=(0, 1) was given, but {what} holds values in [{low:g}, {high:g}]. "
                "Leave value_range out, or pass value_range=(0, 255)."
            )
        return True
    check_range(pixels, what)
    if looks_divided and options.value_range is None:
        notice(
            f"All values of {what} are within [0, 1]: taken as pixels divided by 255, and brought "
            "back to 0..255, which is what the model expects. Give the builder value_range=(0, 1) "
            "to say so, or value_range=(0, 255) if they are raw."
        )
        return True
    return False


def check_numbers(pixels: np.ndarray, what: str) -> None:
    """Refuses an array of pixels that is empty, or holds anything but finite numbers."""
    if pixels.dtype.kind not in "iuf":
        raise ValueError(
            f"{what} must hold pixels as uint8 or float32, 0..255. Received: dtype={pixels.dtype}. "
            "Pictures of different sizes go in as a list of arrays."
        )
    if not pixels.size:
        raise ValueError(f"{what} is empty. Received: shape={pixels.shape}")
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise ValueError(f"{what} holds NaN or infinite values; repair or leave out those images.")


def check_range(pixels: np.ndarray, what: str) -> None:
    """Refuses pixels outside 0..255."""
    low, high = pixels.min(), pixels.max()
    if low < -_ROUNDING or high > 255 + _ROUNDING:
        raise ValueError(
            f"{what} must hold raw pixels, 0..255. Received values in [{low:g}, {high:g}]. The "
            "model does the preprocessing of its backbone itself: leave out preprocess_input, "
            "centring and other scaling."
        )


def check_shape(images: np.ndarray, what: str = "images") -> None:
    """Refuses an array that is no batch of images."""
    if images.ndim != 4 or images.shape[-1] not in (1, 3, 4):
        raise ValueError(
            f"A batch of {what} must have shape (batch, height, width, 3), with 1 or 4 "
            f"channels. Received: shape={images.shape}"
        )


def undo_rescale(pixels: np.ndarray, rescale: float) -> np.ndarray:
    """Turns `raw * rescale` back into `raw`, float32, exactly where `raw` was a whole number.

    Dividing by the float32 `rescale` alone leaves a rounding error in 1 of the 256 values if they
    were made by `raw * rescale`, and in 120 if they were made by `raw / 255`. Rounding what is
    nearly whole removes both.
    """
    raw = pixels.astype(np.float32) / np.float32(rescale)
    whole = np.rint(raw)
    return np.where(np.abs(raw - whole) < _NEARLY, whole, raw)


def raw_rgb(pixels: np.ndarray, *, divided: bool) -> np.ndarray:
    """Turns checked pixels of 1, 3 or 4 channels into raw RGB, without resizing them.

    Args:
        pixels: An array `(..., height, width, channels)` of 1, 3 or 4 channels; a fourth is alpha.
        divided: Whether the pixels were divided by 255.

    Returns:
        An array `(..., height, width, 3)` in [0, 255]: uint8 from integers, float32 from floats.
    """
    if pixels.dtype.kind != "f":
        pixels = pixels.astype(np.uint8, copy=False)
    else:
        pixels = undo_rescale(pixels, 1 / 255) if divided else pixels.astype(np.float32, copy=False)
    if pixels.shape[-1] == 1:
        return np.repeat(pixels, 3, axis=-1)
    return _on_white(pixels) if pixels.shape[-1] == 4 else pixels


def _on_white(rgba: np.ndarray) -> np.ndarray:
    """Puts RGB with alpha on a white background; uint8 stays uint8."""
    colour, alpha = rgba[..., :3].astype(np.float32), rgba[..., 3:].astype(np.float32)
    rgb = (255 * 255 - (255 - colour) * alpha) / 255
    return np.floor(rgb + 0.5).astype(np.uint8) if rgba.dtype == np.uint8 else rgb


def fit_size(pixels: np.ndarray, size: tuple[int, int], how: Resizing) -> np.ndarray:
    """Resizes a batch `(batch, height, width, 3)` unless it has that size already."""
    if pixels.shape[1:3] == size:
        return pixels
    return np.stack([resize_array(image, size, how) for image in pixels])


def fingerprint(pixels: np.ndarray) -> str:
    """Returns the SHA-256 of one RGB image, the same for equal pixels in integers and floats."""
    if pixels.dtype != np.uint8 and (pixels == np.rint(pixels)).all():
        pixels = pixels.astype(np.uint8)
    digest = hashlib.sha256(f"{pixels.shape}{pixels.dtype}".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()
