"""Tests that boxes go where their photos go in mirrored, turned, zoomed and moved views."""

import numpy as np
import pytest

import transferlearn as tl
from transferlearn.data.batches import Request
from transferlearn.data.targets.boxes.moving import AsBoxes
from transferlearn.data.targets.moving import Geometry
from transferlearn.data.transforms import AnyView, keys_of

SIDE = (48, 64)  # height and width: boxes whose x and y are exchanged would be seen
BLACK = {"light": 0, "contrast": 0}


def scenes(count, seed=0):
    """Returns black photos, each with one filled box of full brightness, and these boxes."""
    draw = np.random.default_rng(seed)
    photos, boxes = np.zeros((count, *SIDE, 3), np.uint8), []
    for photo in photos:
        height, width = draw.integers(8, 20, 2)
        top, left = draw.integers(0, SIDE[0] - height), draw.integers(0, SIDE[1] - width)
        photo[top : top + height, left : left + width] = 255
        boxes.append([[left, top, left + width, top + height]])
    return photos, boxes


def seen(transform, count=30, epochs=4):
    """Yields each view of scenes, and its boxes in pixels with their classes."""
    photos, boxes = scenes(count)
    given = (photos, {"boxes": boxes, "labels": [["box"]] * count})
    data = tl.data.load(given, target=tl.data.Boxes())
    request = Request(8, tl.data.BoxRows(), shuffle=True, seed=1, transform=transform)
    batches = data.requested(request)
    for epoch in range(epochs):
        batches.epoch = epoch
        for index in range(len(batches)):
            x, y = batches[index]
            for photo, rows in zip(x, y, strict=True):
                np.testing.assert_allclose(rows[-1], [0, 0, 1, 1, -1, 48 * 64, 0])
                yield photo[..., 0], rows[0, :4] * ((SIDE[1], SIDE[0]) * 2), int(rows[0, 4])


def around(photo):
    """Returns the box around what is bright, as x0, y0, x1, y1, and how many pixels it is."""
    rows, columns = np.nonzero(photo > 127)
    if not len(rows):
        return np.zeros(4), 0
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]), len(rows)


@pytest.mark.parametrize(
    "transform",
    [
        tl.data.Mirrored(),
        tl.data.Warped(turn=0, zoom=0.6, move=0.3, **BLACK),
        tl.data.Warped(3, turn=40, zoom=0.3, move=0.1, **BLACK),
    ],
    ids=["mirrored", "zoomed", "turned"],
)
def test_boxes_enclose_what_they_enclosed(transform):
    checked = dropped = 0
    for photo, box, number in seen(transform):
        expected, pixels = around(photo)
        if number == 0:
            whole = (box[:2] > 0).all() and (box[2:] < (SIDE[1], SIDE[0])).all()
            if whole or not getattr(transform, "turn", 0):
                np.testing.assert_allclose(box, expected, atol=1.6)
            else:  # the corner that is cut off may have been the outermost
                assert (box[:2] < expected[:2] + 1.6).all()
                assert (box[2:] > expected[2:] - 1.6).all()
            checked += 1
        else:  # little of it is left
            assert pixels < 0.5 * 20 * 20 * 1.6**2
            dropped += 1
    assert checked > 80
    assert (dropped > 0) == isinstance(transform, tl.data.Warped)


def test_a_mosaic_holds_parts_of_four_photos_with_their_boxes():
    """Red tells the photo, green the object: so each box is found in the view."""
    photos, boxes = scenes(12)
    for i, photo in enumerate(photos):
        photo[..., 0] = 20 * i
    given = (photos, {"boxes": boxes, "labels": [[f"object {i:02}"] for i in range(12)]})
    data = tl.data.load(given, target=tl.data.Boxes())
    request = Request(5, tl.data.BoxRows(), shuffle=True, seed=1, transform=tl.data.Mosaic())
    batches, checked, companies = data.requested(request), 0, set()
    for epoch in range(4):
        batches.epoch = epoch
        for index in range(len(batches)):
            x, y = batches[index]
            assert y.shape[1:] == (4 * 2, 7)
            for row, view, rows in zip(batches.rows(index), x, y, strict=True):
                assert rows[-1, 4] == -1
                assert abs(int(view[1, 1, 0]) - 20 * row) < 3  # the view's own photo comes first
                companies.add(tuple(rows[:, 4]))
                seen_photos = np.rint(view[[1, 1, -2, -2], [1, -2, 1, -2], 0] / 20).tolist()
                for *box, number in rows[rows[:, 4] >= 0, :5]:
                    if seen_photos.count(number) > 1:
                        continue  # the parts of one photo may touch
                    box = np.array(box) * [64, 48, 64, 48]
                    left, top = np.maximum(box[:2] - 3, 0).astype(int)
                    right, bottom = (box[2:] + 4).astype(int)
                    near = view[top:bottom, left:right].astype(int)
                    shown = (near[..., 1] > 127) & (np.abs(near[..., 0] - 20 * number) < 3)
                    ys, xs = np.nonzero(shown)
                    ends = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
                    expected = np.add(ends, [left, top, left, top])
                    np.testing.assert_allclose(box, expected, atol=1.6)
                    checked += 1
    assert checked > 80
    assert len(companies) > 30
    again = data.requested(request)
    again.epoch = batches.epoch
    for part, other in zip(batches[0], again[0], strict=True):
        np.testing.assert_array_equal(part, other)


def test_stored_views_of_mosaics_are_those_that_are_made_live():
    """A view is made of the same four photos wherever it is read, and its hash names them all."""
    photos, boxes = scenes(10)
    given = (photos, {"boxes": boxes, "labels": [["box"]] * 10})
    data = tl.data.load(given, target=tl.data.Boxes())
    transform = tl.data.Mosaic(3)
    request = Request(4, tl.data.BoxRows(), shuffle=True, seed=1, transform=transform)
    live, contents = data.requested(request), data.contents(request)
    views = [contents.view(transform, number) for number in range(3)]
    hashes = [name for view in views for name in view.hashes]
    assert len(set(hashes)) == 30
    part = views[2].items.subset(np.array([7, 1]))
    assert part.content_hashes() == [views[2].hashes[7], views[2].hashes[1]]
    np.testing.assert_array_equal(
        part.start(np.array([0]))(), views[2].items.start(np.array([7]))()
    )
    keys = keys_of(contents.hashes)
    sources = [view.items for view in views]
    stored = AnyView(sources, transform, keys, data.shape, 1, contents.beside)
    stored = contents.batches(stored, seed=1)
    for epoch in range(2):
        live.epoch = stored.epoch = epoch
        for index in range(len(live)):
            for one, other in zip(live[index], stored[index], strict=True):
                np.testing.assert_array_equal(one, other)


def test_a_mosaic_of_other_targets_is_refused():
    data = tl.data.load((scenes(4)[0], ["a", "b", "a", "b"]))
    request = Request(2, tl.data.ClassIds(), transform=tl.data.Mosaic())
    with pytest.raises(ValueError, match="joins photos with boxes"):
        data.requested(request)[0]


def test_half_of_the_views_are_mirrored_exactly():
    _, boxes = scenes(1)
    rows = np.zeros((2, 3, 7), np.float32)
    rows[:, 1:, 4] = -1
    rows[:, 0, :4] = np.array(boxes[0][0]) / ((SIDE[1], SIDE[0]) * 2)
    encoded = tl.data.BoxRows()(rows)
    found = (
        tl.data.Mirrored().targets(encoded, np.zeros(2, int), np.array([0, 1]), (*SIDE, 3)).targets
    )
    np.testing.assert_array_equal(found[0], rows[0])
    x0, y0, x1, y1 = rows[0, 0, :4]
    np.testing.assert_allclose(found[1, 0, :4], [1 - x1, y0, 1 - x0, y1], atol=1e-6)
    np.testing.assert_array_equal(found[1, 1:], rows[1, 1:])


class Half(Geometry):
    """Shows the right half of a photo, twice as wide."""

    def matrix(self, height, width):
        return 0.5, 0, width / 2, 0, 1, 0


def test_a_box_is_cut_at_the_edge_and_dropped_where_little_is_left():
    rows = np.array(
        [
            [0.25, 0.1, 0.75, 0.5, 0, 99, 0],  # a half is seen
            [0.1, 0.1, 0.55, 0.5, 1, 99, 1],  # a ninth is seen
            [0, 0, 1, 1, -1, 7, 0],
        ],
        np.float32,
    )
    found, weights = AsBoxes()(rows[None], None, [Half()], (40, 40, 3))
    np.testing.assert_allclose(found[0, 0], [0, 0.1, 0.5, 0.5, 0, 99, 0], atol=1e-6)
    np.testing.assert_array_equal(found[0, 1], rows[2])
    np.testing.assert_array_equal(found[0, 2], rows[2])
    assert weights is None
    assert rows[1, 4] == 1  # what was given stays as it was


def test_nothing_is_inferred_from_the_number_of_axes():
    """Targets of another meaning in the shape of boxes or masks stay as they are."""
    padded = np.arange(24, dtype="float32").reshape(2, 3, 4)
    keys = views = np.ones(2, int)
    for transform in (tl.data.Mirrored(), tl.data.Warped()):
        found = transform.targets(tl.data.Encoded(padded, padded), keys, views, (8, 8, 3))
        np.testing.assert_array_equal(found.targets, padded)
        np.testing.assert_array_equal(found.weights, padded)
