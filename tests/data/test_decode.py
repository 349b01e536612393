import struct
import zlib

import numpy as np
import pytest
from conftest import picture, save
from PIL import Image

from transferlearn.data.images.pixels import raw_rgb
from transferlearn.data.messages import quiet
from transferlearn.edge.pictures import ImageFileError, Resizing, decode, resize_array, to_rgb


def pixels(image):
    assert image.mode == "RGB"
    return np.asarray(image)


def one(mode, value, size=(2, 3)):
    return Image.new(mode, size, value)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (one("L", 77), (77, 77, 77)),
        (one("1", 1), (255, 255, 255)),
        (one("1", 0), (0, 0, 0)),
        (one("RGB", (1, 2, 3)), (1, 2, 3)),
        (one("RGBA", (10, 20, 30, 0)), (255, 255, 255)),
        (one("RGBA", (10, 20, 30, 255)), (10, 20, 30)),
        (one("RGBA", (0, 100, 200, 51)), (204, 224, 244)),
        (one("LA", (0, 51)), (204, 204, 204)),
        (one("I;16", 65535), (255, 255, 255)),
        (one("I;16", 257 * 9), (9, 9, 9)),
        (one("I;16", 257 * 250), (250, 250, 250)),
        (one("I;16", 128), (0, 0, 0)),
        (one("I;16", 129), (1, 1, 1)),
        (one("I", 65535), (255, 255, 255)),
        (one("I", 70000), (255, 255, 255)),
        (one("F", 1.0), (255, 255, 255)),
        (one("F", 0.2), (51, 51, 51)),
        (one("F", 200.0), (200, 200, 200)),
        (one("CMYK", (0, 255, 0, 0)), (255, 0, 255)),
    ],
)
def test_each_mode_becomes_these_pixels(image, expected):
    assert pixels(to_rgb(image)).shape == (3, 2, 3)
    assert (pixels(to_rgb(image)) == expected).all()


def test_transparent_colours_are_white(tmp_path):
    palette = Image.new("P", (2, 2), 1)
    palette.putpalette([9, 9, 9, 10, 20, 30])
    assert (pixels(to_rgb(palette)) == (10, 20, 30)).all()
    path = save(tmp_path / "palette.png", palette, transparency=1)
    assert (pixels(decode(str(path))) == 255).all()
    path = save(tmp_path / "trns.png", one("RGB", (1, 2, 3)), transparency=(1, 2, 3))
    assert (pixels(decode(str(path))) == 255).all()
    grey16 = Image.fromarray(np.array([[0, 65535, 514]], np.uint16))
    path = save(tmp_path / "grey16.png", grey16, transparency=514)
    assert pixels(decode(str(path)))[0, :, 0].tolist() == [0, 255, 255]


@pytest.mark.parametrize("ending", ["png", "bmp", "tiff", "TIF", "PNG", "gif", "webp"])
def test_lossless_formats_give_the_pixels_back(tmp_path, ending):
    image = picture().quantize(16).convert("RGB")  # what GIF can hold
    how = {"lossless": True} if ending == "webp" else {}
    path = save(tmp_path / f"a.{ending}", image, **how)
    assert np.array_equal(pixels(decode(str(path))), np.asarray(image))


def test_jpeg_grey_and_cmyk(tmp_path):
    grey = save(tmp_path / "grey.jpg", one("L", 100, (16, 16)))
    assert (pixels(decode(str(grey))) == 100).all()
    cmyk = save(tmp_path / "cmyk.jpeg", one("CMYK", (0, 255, 255, 0), (16, 16)))
    assert np.abs(pixels(decode(str(cmyk))).astype(int) - (255, 0, 0)).max() <= 3


def test_first_frame(tmp_path):
    red, blue = one("RGB", (255, 0, 0)), one("RGB", (0, 0, 255))
    for ending in ("gif", "png", "tiff", "webp"):
        how = {"lossless": True} if ending == "webp" else {}
        path = save(tmp_path / f"a.{ending}", red, save_all=True, append_images=[blue], **how)
        assert (pixels(decode(str(path))) == (255, 0, 0)).all()


@pytest.mark.parametrize("ending", ["jpg", "png", "tiff", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path, ending, orientation):
    corners = np.zeros((32, 48, 3), np.uint8)
    corners[:16, :24] = 255  # white top left
    corners[:16, 24:] = (255, 0, 0)  # red top right
    upright = Image.fromarray(corners)
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / f"a.{ending}", stored, exif=exif)
    seen = pixels(decode(str(path))).astype(int)
    assert seen.shape == (32, 48, 3)
    for row, column in ((4, 4), (4, 40), (28, 4), (28, 40)):
        assert np.abs(seen[row, column] - corners[row, column].astype(int)).max() < 30


def test_broken_exif_is_no_reason_to_refuse(tmp_path):
    exif = b"Exif\0\0II*\0\x08\0\0\0\x02\0\x12\x01\x03\0\xff\xff"
    path = save(tmp_path / "a.jpg", picture(), exif=exif)
    with quiet():
        assert decode(str(path)).size == (12, 10)


def test_to_rgb_leaves_the_picture_alone():
    image = picture()
    image.getexif()[0x0112] = 6
    before = image.tobytes()
    assert to_rgb(image).size == (10, 12)
    assert image.size == (12, 10)
    assert image.tobytes() == before


def bomb(path):
    """A PNG header that promises 20000 x 20000 pixels, and next to nothing behind it."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 20000, 20000, 8, 2, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    return path


def test_what_is_wrong_with_a_file(tmp_path, monkeypatch):
    def reason(path):
        with quiet(), pytest.raises(ImageFileError) as caught:
            decode(str(path))
        return str(caught.value)

    (tmp_path / "empty.jpg").touch()
    assert reason(tmp_path / "empty.jpg").startswith("empty")
    (tmp_path / "text.jpg").write_text("not a picture")
    assert reason(tmp_path / "text.jpg").startswith("not an image")
    for ending in ("jpg", "png", "gif", "bmp", "webp", "tiff"):
        whole = save(tmp_path / f"whole.{ending}", picture(size=(64, 64))).read_bytes()
        half = tmp_path / f"half.{ending}"
        half.write_bytes(whole[: len(whole) // 2])
        assert "truncated or corrupt" in reason(half) or "cut off" in reason(half)
    save(tmp_path / "really.png").rename(tmp_path / "misnamed.jpg")
    assert reason(tmp_path / "misnamed.jpg") == (
        "misnamed: the content is PNG, the name ends in .jpg"
    )
    assert decode(str(tmp_path / "misnamed.jpg"), any_name=True).size == (12, 10)
    assert reason(bomb(tmp_path / "bomb.png")).startswith("oversized")
    assert reason(tmp_path / "gone.png").startswith("unreadable")
    assert reason(tmp_path).startswith("unreadable")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert reason(save(tmp_path / "large.png")).startswith("oversized: 12 x 10 pixels")


def test_an_oversized_file_is_not_decoded(tmp_path, monkeypatch):
    path = save(tmp_path / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("decoded"))
    with quiet(), pytest.raises(ImageFileError, match="oversized"):
        decode(str(path))


def test_eps_is_never_opened(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EOF\n")
    with pytest.raises(ImageFileError, match="not an image"):
        decode(str(tmp_path / "a.jpg"))


def test_mpo_in_jpg_is_a_jpeg(tmp_path):
    path = tmp_path / "a.jpg"
    picture().save(path, format="MPO", save_all=True, append_images=[picture(1)])
    with Image.open(path) as stored:
        assert stored.format == "MPO"
    assert decode(str(path)).size == (12, 10)


def test_transparency_of_arrays_is_that_of_files():
    colour, alpha = np.meshgrid(np.arange(256), np.arange(256))
    rgba = np.stack([colour, colour, colour, alpha], axis=-1).astype(np.uint8)
    expected = pixels(to_rgb(Image.fromarray(rgba)))
    assert np.array_equal(raw_rgb(rgba, divided=False), expected)
    floats = raw_rgb(rgba.astype(np.float32), divided=False)
    assert np.abs(floats - expected).max() <= 0.5


def test_resize_of_floats_agrees_with_that_of_bytes_and_stays_in_range():
    image = np.asarray(picture(size=(40, 30)))
    small = resize_array(image, (9, 7), Resizing())
    assert small.shape == (9, 7, 3)
    assert np.abs(resize_array(image.astype(np.float32), (9, 7), Resizing()) - small).max() < 1.01
    edges = np.repeat(np.float32([0, 0, 255, 255])[None, :, None], 4, axis=0).repeat(3, axis=2)
    large = resize_array(edges, (9, 9), Resizing("lanczos"))
    assert large.min() == 0
    assert large.max() == 255
