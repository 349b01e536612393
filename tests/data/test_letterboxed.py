"""Tests that letterboxed photos keep their shape, wherever they are read."""

import numpy as np
import pytest
from PIL import Image

import transferlearn as tl
from transferlearn.edge import ImageReader

FRAME = (32, 32)
LETTERBOXED = tl.data.Images(image_size=FRAME, fit="letterbox")


def wide(seed=0):
    """Returns a photo of 20 x 40 pixels, uint8."""
    return np.random.default_rng(seed).integers(0, 256, (20, 40, 3), np.uint8)


def expected(photo):
    """Returns what a photo of 20 x 40 pixels is in a frame of 32 x 32: 16 rows between bars."""
    frame = np.full((*FRAME, 3), 114, np.uint8)
    small = Image.fromarray(photo).resize((32, 16), Image.Resampling.BILINEAR)
    frame[8:24] = np.asarray(small)
    return frame


def test_arrays_files_lists_and_single_photos_are_letterboxed_alike(tmp_path):
    photos = [wide(i) for i in range(3)]
    for i, photo in enumerate(photos):
        Image.fromarray(photo).save(tmp_path / f"{i}.png")
    right = np.stack([expected(photo) for photo in photos])
    paths = [str(tmp_path / f"{i}.png") for i in range(3)]
    for given in (np.stack(photos), paths, [Image.fromarray(photo) for photo in photos]):
        data = LETTERBOXED.unlabelled(given)
        np.testing.assert_array_equal(data.batches(batch_size=3)[0][0], right)
    for item in (paths[0], photos[0]):
        np.testing.assert_array_equal(LETTERBOXED.one(item).batch[0], right[0])
        np.testing.assert_array_equal(
            LETTERBOXED.item_reader().read([item]).arrays["image"][0], right[0]
        )
    # Read again after training, and floats, which are resized channel by channel.
    again = LETTERBOXED.unlabelled(paths).resized((64, 64)).resized(FRAME)
    np.testing.assert_array_equal(again.batches(batch_size=3)[0][0], right)
    floats = LETTERBOXED.unlabelled(np.stack(photos).astype("float32"))
    np.testing.assert_allclose(floats.batches(batch_size=3)[0][0], right, atol=1.01)


def test_photos_of_different_shapes_are_letterboxed_each():
    tall, broad = wide().transpose(1, 0, 2), wide(1)
    batch = LETTERBOXED.unlabelled([tall, broad]).batches(batch_size=2)[0][0]
    assert (batch[0, :, :8] == 114).all()
    assert (batch[0, :, 24:] == 114).all()
    np.testing.assert_array_equal(batch[1], expected(broad))


def test_streams_are_letterboxed():
    import tensorflow as tf

    stream = tf.data.Dataset.from_tensors(np.stack([wide()]))
    batch = next(iter(LETTERBOXED.unlabelled(stream).batches(batch_size=1)))[0]
    np.testing.assert_array_equal(batch[0], expected(wide()))


def test_a_save_and_an_export_know_the_fit():
    assert tl.data.Images.load(LETTERBOXED.settings(), None) == LETTERBOXED
    assert LETTERBOXED.item_reader().settings()["fit"] == "letterbox"
    assert ImageReader(**LETTERBOXED.item_reader().settings()) == LETTERBOXED.item_reader()
    stretched = tl.data.Images(image_size=FRAME)
    data, other = (kind.unlabelled([wide()]).items.reading for kind in (LETTERBOXED, stretched))
    assert data != other  # stored features of the one are never taken for the other's


def test_masks_are_not_letterboxed():
    masks = np.zeros((2, 20, 40), np.uint8)
    masks[:, 10:] = 1
    with pytest.raises(ValueError, match='fit="stretch"'):
        tl.data.load((np.stack([wide(), wide(1)]), masks), LETTERBOXED, tl.data.Masks())


def test_another_fit_is_refused():
    with pytest.raises(ValueError, match="fit must be 'stretch' or 'letterbox'"):
        tl.data.Images(fit="crop")
    with pytest.raises(ValueError, match="fit must be"):
        ImageReader(FRAME, fit="crop")
