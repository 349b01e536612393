"""Photos and masks are turned, zoomed and moved alike, pixel by pixel."""

import numpy as np
import pytest

from tests.masks import scenes
from transferlearn.data import Encoded, Images, Masks, PixelIds, Warped, load
from transferlearn.data.batches import Request
from transferlearn.data.targets.moving import AsMaps
from transferlearn.data.transforms import OneView

pytestmark = pytest.mark.core
SHAPES = {"mirror": True, "turn": 40.0, "zoom": 0.3, "move": 0.2}
PLAIN = Warped(**SHAPES, light=0, contrast=0)


def alike(seed=0):
    """Photos that show their own masks, in one colour for each of three classes."""
    _, masks = scenes(12, seed=seed)
    return (100 * masks[..., None].repeat(3, axis=-1) + 20).astype("uint8"), masks


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_masks_go_where_their_photos_go(dtype):
    photos, masks = alike()
    photos = photos.astype(dtype)
    before = photos.copy(), masks.copy()
    keys, views = np.arange(12), np.arange(12) % 3
    seen = PLAIN.items(photos, keys, views)
    ids = masks.astype("int32")
    weights = 1 + masks.astype("float32")
    found = PLAIN.targets(Encoded(ids, weights, moves=AsMaps()), keys, views, (32, 32, 3))
    assert seen.dtype == dtype
    assert found.targets.dtype == np.int32
    assert set(np.unique(found.targets)) == {-1, 0, 1, 2}
    expected = np.where(found.targets < 0, 0, 100 * found.targets + 20)
    # Photos are smooth where the classes of neighbours differ, masks are not.
    same = np.ones_like(found.targets, bool)
    for step, axis in ((1, 1), (-1, 1), (1, 2), (-1, 2)):
        same &= found.targets == np.roll(found.targets, step, axis)
    same[:, [0, -1]] = same[:, :, [0, -1]] = False
    assert same.mean() > 0.5
    off = np.abs(seen[..., 0].astype(float) - expected)[same]
    assert (off > 1).mean() < 0.01
    np.testing.assert_array_equal(found.weights, np.where(found.targets < 0, 0, found.targets + 1))
    layers = PLAIN.targets(
        Encoded(np.stack([ids, ids], -1), moves=AsMaps()), keys, views, (32, 32, 3)
    ).targets
    np.testing.assert_array_equal(layers[..., 1], found.targets)
    assert len({view.tobytes() for view in seen}) == 12
    np.testing.assert_array_equal(photos, before[0])
    np.testing.assert_array_equal(masks, before[1])


def test_colours_of_photos_alone_change():
    photos, masks = alike()
    keys, views = np.arange(12), np.zeros(12, int)
    lit = Warped(mirror=False, turn=0, zoom=0, move=0)
    found = lit.targets(Encoded(masks.astype("int32"), moves=AsMaps()), keys, views, (32, 32, 3))
    np.testing.assert_array_equal(found.targets, masks)
    seen = lit.items(photos, keys, views).astype(float)
    assert (np.abs(seen.mean(axis=(1, 2)) - photos.mean(axis=(1, 2))).max(axis=1) > 1).all()
    nothing = Warped(mirror=False, turn=0, zoom=0, move=0, light=0, contrast=0)
    np.testing.assert_array_equal(nothing.items(photos, keys, views), photos)


def test_a_view_follows_from_the_photo_and_its_number():
    photos, _ = alike()
    keys, views = np.arange(12), np.arange(12)
    all_at_once = Warped().items(photos, keys, views)
    one = Warped().items(photos[5:6], keys[5:6], views[5:6])
    np.testing.assert_array_equal(one[0], all_at_once[5])
    other = Warped(seed=1).items(photos, keys, views)
    assert not np.array_equal(other, all_at_once)


@pytest.mark.parametrize("views", [1, 3])
def test_each_epoch_has_a_view_and_its_mask(views):
    photos, masks = alike()
    data = load((photos, masks), Images(), Masks())
    transform = Warped(views, **SHAPES, light=0, contrast=0)
    request = Request(5, PixelIds((0, 1, 2)), shuffle=True, seed=1, transform=transform)
    batches = data.requested(request)
    seen = {}
    for epoch in range(6):
        batches.epoch = epoch
        for index in range(len(batches)):
            x, y = batches[index]
            for row, photo, mask in zip(batches.rows(index), x, y, strict=True):
                seen.setdefault(row, set()).add(photo.tobytes())
                inside = mask >= 0
                wrong = np.abs(photo[..., 0][inside].astype(float) - 100 * mask[inside] - 20) > 60
                assert wrong.mean() < 0.1
    counts = [len(one) for one in seen.values()]
    assert max(counts) == (6 if views == 1 else views)
    first = OneView(data.items, transform, 0).start(np.arange(3))()
    if views > 1:
        assert all(first[i].tobytes() in seen[i] for i in range(3)) or min(counts) < views


def test_wrong_settings_are_refused():
    for wrong, said in (({"zoom": 1.0}, "zoom"), ({"turn": -1}, "turn"), ({"views": 0}, "views")):
        with pytest.raises(ValueError, match=said):
            Warped(**wrong)
