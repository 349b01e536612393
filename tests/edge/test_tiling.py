"""Photos in tiles: where tiles lie, and that their maps are put together without seams."""

import numpy as np
import pytest

from transferlearn.edge import MaskReader, Seen
from transferlearn.edge.maps.tiling import Strip, Tiling, whole

pytestmark = pytest.mark.core


def joined(strips, channels):
    rows = [np.stack(list(strip.channels), axis=-1) for strip in strips]
    assert all(part.shape[-1] == channels for part in rows)
    return np.concatenate(rows)


@pytest.mark.parametrize("size", [(100, 130), (64, 64), (32, 300), (65, 64), (600, 90)])
def test_tiles_cover_the_photo_and_maps_add_up_to_it(size):
    photo = np.random.default_rng(0).random((*size, 3)).astype("float32")
    tiling = Tiling.of(size, 64)
    rows = list(tiling.rows())
    assert all(
        part.stop <= side
        for row in rows
        for box in row
        for part, side in zip(box, size, strict=True)
    )
    maps = (np.stack([photo[box] for box in row]) for row in rows)
    np.testing.assert_allclose(joined(tiling.blended(maps), 3), photo, atol=1e-6)


def test_what_a_network_sees_near_the_edge_of_a_tile_does_not_count():
    tiling = Tiling.of((160, 160), 64)
    tops = [row[0][0].start for row in tiling.rows()]
    assert tops == [0, 48, 96]

    def maps():
        for row in tiling.rows():
            made = np.ones((len(row), 64, 64, 1), "float32")
            for one, (down, across) in zip(made, row, strict=True):
                # Padding misleads a network in the outermost cells, unless the photo ends there.
                for part, axis in ((down, 0), (across, 1)):
                    turned = np.moveaxis(one, axis, 0)
                    turned[: 4 if part.start else 0] = 9
                    turned[60 if part.stop < 160 else 64 :] = 9
            yield made

    np.testing.assert_allclose(joined(tiling.blended(maps()), 1), 1, atol=1e-6)


def test_a_map_is_enlarged_alike_whole_and_in_strips():
    from PIL import Image

    values = np.random.default_rng(0).random((20, 16, 2)).astype("float32")
    found = joined(whole(values, (1300, 40)), 2)
    for i in range(2):
        image = Image.fromarray(values[..., i])
        expected = np.asarray(image.resize((40, 1300), Image.Resampling.BILINEAR))
        np.testing.assert_allclose(found[..., i], expected, atol=1e-5)


def test_masks_take_the_likeliest_class_of_each_pixel_of_each_strip():
    shares = np.random.default_rng(0).random((7, 5, 3)).astype("float32")
    strips = (
        Strip(rows, (shares[rows, :, i] for i in range(3))) for rows in (slice(0, 4), slice(4, 7))
    )
    found = MaskReader(("a", "b", "c"), (0, 1, 2)).joined(strips, Seen("x.jpg", (7, 5)))
    np.testing.assert_array_equal(found.mask, shares.argmax(axis=-1))


@pytest.mark.parametrize("tile", [0, 31, 2.5, (64,), (64, 8), "64", (64, 64, 3)])
def test_a_tile_that_cannot_be_is_refused(tile):
    with pytest.raises(ValueError, match=r"such as tile=512.*Received"):
        Tiling.of((100, 100), tile)
