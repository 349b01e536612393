"""Small files that are huge pictures, and pictures that are no plain ones."""

import resource
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from transferlearn.edge.pictures import ImageFileError, decode, to_rgb

pytestmark = pytest.mark.core


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, *extra):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes(min(height, 9) * (1 + 3 * width))))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + pixels + chunk(b"IEND", b"")


def tiff(side, tile):
    tags = [(256, side), (257, side), (258, 8), (259, 8), (262, 1), (277, 1), (322, tile)]
    tags += [(323, tile), (324, 150), (325, 99)]
    rows = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    header = b"II*\0" + struct.pack("<IH", 8, len(tags)) + rows
    return header.ljust(150, b"\0") + zlib.compress(bytes(1000)).ljust(200, b"\0")


HUGE = zlib.compress(bytes(2 * 10**8), 9)
BOMBS = {
    "pixels.png": (png(30_000, 30_000), "oversized"),
    "text.png": (png(8, 8, chunk(b"zTXt", b"x\0\0" + HUGE)), "(?i)too large"),
    "profile.png": (png(8, 8, chunk(b"iCCP", b"x\0\0" + HUGE)), "(?i)too large"),
    "many.png": (
        png(8, 8, *[chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(10**6)))] * 200),
        "Too much memory",
    ),
    "grey.bmp": (b"P6 30000 30000 255\n" + bytes(99), "oversized|misnamed"),
    "tile.tif": (tiff(8, 60_000), "corrupt"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_in_little_memory(tmp_path, name):
    content, message = BOMBS[name]
    (tmp_path / name).write_bytes(content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ImageFileError, match=message):
        decode(str(tmp_path / name))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**17  # kilobytes


def test_a_picture_with_transparency_is_composed_in_parts_to_the_same_pixels(monkeypatch):
    from transferlearn.edge import pictures as files

    random = np.random.default_rng(0)
    rgba = Image.fromarray(random.integers(0, 256, (37, 11, 4)).astype("uint8"))
    grey = Image.fromarray(random.integers(0, 256, (37, 11, 2)).astype("uint8"))
    palette = rgba.convert("RGB").quantize(16)
    palette.info["transparency"] = 3
    for image in (rgba, grey, palette):
        at_once = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        expected = np.asarray(Image.alpha_composite(white, at_once).convert("RGB"))
        monkeypatch.setattr(files, "_AT_ONCE", 50)
        np.testing.assert_array_equal(np.asarray(to_rgb(image)), expected)
