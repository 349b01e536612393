"""Tests that boxes are found in what is passed, checked, and put into the network's frame."""

import numpy as np
import pytest

import transferlearn as tl

FORMATS = {
    "xyxy": [4, 2, 16, 12],
    "yxyx": [2, 4, 12, 16],
    "xywh": [4, 2, 12, 10],
    "center_xywh": [10, 7, 12, 10],
    "center_yxhw": [7, 10, 10, 12],
    "rel_xyxy": [0.1, 0.1, 0.4, 0.6],
    "rel_yxyx": [0.1, 0.1, 0.6, 0.4],
    "rel_xywh": [0.1, 0.1, 0.3, 0.5],
    "rel_center_xywh": [0.25, 0.35, 0.3, 0.5],
}


def photos(count, height=20, width=40, seed=0):
    """Returns photos of noise, uint8 `(n, height, width, 3)`."""
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), np.uint8)


def loaded(boxes, labels, *, x=None, **settings):
    """Returns the targets of boxes that are passed as lists beside photos of 20 x 40 pixels."""
    x = photos(len(boxes)) if x is None else x
    given = (x, {"boxes": boxes, "labels": labels})
    return tl.data.load(given, target=tl.data.Boxes(**settings)).targets


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_that_keras_names_gives_the_same_boxes(name):
    targets = loaded([[FORMATS[name]], []], [["a"], []], bounding_box_format=name)
    rows = targets[np.arange(2)]
    assert rows.shape == (2, 2, 7)
    np.testing.assert_allclose(rows[0, 0], [0.1, 0.1, 0.4, 0.6, 0, 120, 0], rtol=1e-6)


def test_padding_rows_hold_the_photo_and_the_area_of_the_frame():
    targets = loaded([[[4, 2, 16, 12]], []], [["a"], []])
    np.testing.assert_array_equal(targets[np.array([1])][0], [[0, 0, 1, 1, -1, 800, 0]] * 2)
    boxed = targets.of_shape((64, 64, 3), letterboxed=True)[np.arange(2)]
    np.testing.assert_allclose(boxed[0, 0], [0.1, 0.3, 0.4, 0.55, 0, 120, 0], rtol=1e-6)
    np.testing.assert_allclose(boxed[1, 0], [0, 0.25, 1, 0.75, -1, 1600, 0], rtol=1e-6)


def test_padded_arrays_and_lists_give_the_same_boxes():
    boxes = np.full((2, 3, 4), -1.0)
    labels = np.full((2, 3), -1)
    boxes[0, 0], labels[0, 0] = [4, 2, 16, 12], 7
    boxes[1, :2], labels[1, :2] = [[0, 0, 8, 8], [2, 2, 40, 20]], [9, 7]
    padded = loaded(boxes, labels)
    lists = loaded([boxes[0, :1], boxes[1, :2]], [[7], [9, 7]])
    one_each = [{"boxes": boxes[i, :n], "labels": labels[i, :n]} for i, n in enumerate((1, 2))]
    each = tl.data.load((photos(2), one_each), target=tl.data.Boxes()).targets
    assert padded.class_names == lists.class_names == each.class_names == ("7", "9")
    for other in (lists, each):
        np.testing.assert_array_equal(padded[np.arange(2)], other[np.arange(2)])
    assert padded.summary() == "3 boxes of 2 classes (7 2, 9 1) in 2 photos"


def test_batches_hold_one_dense_array_of_boxes():
    x, given = photos(4), [[[1, 1, 9, 9]], [], [[0, 0, 5, 5], [3, 3, 30, 9]], []]
    data = tl.data.load(
        (x, {"boxes": given, "labels": [["a"], [], ["b", "a"], []]}), target=tl.data.Boxes()
    )
    images, boxes = data.batches(batch_size=3, encode=tl.data.BoxRows())[0]
    assert images.shape == (3, 20, 40, 3)
    assert boxes.shape == (3, 3, 7)
    assert boxes.dtype == np.float32
    assert boxes[:, :, 4].tolist() == [[0, -1, -1], [-1, -1, -1], [1, 0, -1]]


def test_a_split_holds_out_a_share_of_the_photos_of_each_class():
    boxes = [[[1, 1, 9, 9]]] * 40
    labels = [["rare" if i % 4 == 0 else "usual"] for i in range(40)]
    reading = tl.data.Reading(target=tl.data.Boxes())
    source = (photos(40), {"boxes": boxes, "labels": labels})
    train, validation = tl.data.load_pair(source, None, reading, validation_split=0.25)
    assert validation.targets.table() == [
        ["class", "boxes", "images"],
        ["rare", "2", "2"],
        ["usual", "8", "8"],
    ]
    assert train.targets.class_names == validation.targets.class_names


BAD = {
    "swapped": ([16, 2, 4, 12], "a box whose corners are swapped, from (16, 2) to (4, 12)"),
    "outside": ([50, 2, 60, 12], "outside the photo, which is 40 x 20 pixels wide and high"),
    "no number": ([4, 2, np.nan, 12], "a box of numbers that are not finite"),
    "infinite": ([4, 2, np.inf, 12], "a box of numbers that are not finite"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_box_is_named_and_its_photo_left_out(name):
    box, reason = BAD[name]
    boxes, labels = [[[1, 1, 9, 9], box], [[1, 1, 9, 9]]], [["a", "a"], ["a"]]
    given = (photos(2), {"boxes": boxes, "labels": labels})
    with pytest.warns(tl.data.DataWarning, match="skipped 1 of 2 images") as warned:
        data = tl.data.load(given, target=tl.data.Boxes())
    message = str(warned[0].message)
    assert "image 0: box 1: a box " in message
    assert reason in message
    assert data.size == 1
    with pytest.raises(ValueError, match="box 1: "):
        tl.data.load(given, target=tl.data.Boxes(), on_error="raise")


def test_an_unknown_class_is_named():
    with pytest.warns(tl.data.DataWarning, match="image 0: box 0: unknown class 'cat'"):
        loaded([[[1, 1, 9, 9]], [[1, 1, 9, 9]]], [["cat"], ["dog"]], class_names=["dog"])


def test_boxes_that_reach_beyond_the_photo_are_cut_and_named():
    with pytest.warns(tl.data.DataWarning, match="1 box beyond the photo, cut at its edge") as told:
        targets = loaded([[[-9, 2, 16, 12]]], [["a"]])
    assert "image 0, box 0" in str(told[0].message)
    np.testing.assert_allclose(targets[np.array([0])][0, 0, :4], [0, 0.1, 0.4, 0.6], rtol=1e-6)


def test_empty_boxes_and_duplicates_are_left_out_and_named():
    boxes = [[[4, 2, 4, 12], [1, 1, 9, 9], [1, 1, 9, 9], [1, 1, 9, 9]]]
    with pytest.warns(tl.data.DataWarning) as told:
        targets = loaded(boxes, [["a", "a", "a", "b"]])
    messages = [str(one.message) for one in told]
    assert any("of no area, left out:\n  image 0, box 0" in text for text in messages)
    assert any("given a second time, left out:\n  image 0, box 2" in text for text in messages)
    assert targets[np.array([0])][0, :, 4].tolist() == [0, 1, -1]


def test_boxes_that_are_nearly_equal_are_named_and_learnt():
    boxes = [[[0, 0, 40, 20], [0.5, 0, 40, 20], [0, 1, 40, 20], [0, 4, 40, 20]], [[0, 0, 9, 9]]]
    with pytest.warns(tl.data.DataWarning) as told:
        targets = loaded(boxes, [["a", "a", "b", "a"], ["a"]])
    (message,) = [str(one.message) for one in told]
    assert "1 box nearly as another of its class (IoU above 0.9), all learnt" in message
    assert "image 0, box 0 = box 1" in message
    assert targets.boxes_of_classes.tolist() == [4, 1]


def test_shares_of_sides_and_pixels_are_told_apart():
    with pytest.raises(ValueError, match="bounding_box_format='rel_xyxy'"):
        loaded([[[0.1, 0.1, 0.4, 0.6]]], [["a"]])
    with pytest.raises(ValueError, match="bounding_box_format='xywh'"):
        loaded([[[4, 2, 12, 10]]], [["a"]], bounding_box_format="rel_xywh")
    with pytest.raises(ValueError, match="must be one of 'xyxy'"):
        tl.data.Boxes(bounding_box_format="xxyy")


def test_widths_that_are_taken_for_corners_are_seen():
    boxes = [[[20, 10, 9, 9], [2, 2, 9, 9], [30, 12, 5, 5]], [[18, 4, 6, 6]]]
    with pytest.raises(ValueError, match=r"in 3 of these\. Perhaps they fit .*='xywh'"):
        loaded(boxes, [["a"] * 3, ["a"]])
    found = loaded(boxes, [["a"] * 3, ["a"]], bounding_box_format="xywh")
    assert found.summary() == "4 boxes of 1 class (a 4) in 2 photos"


def test_another_size_stays_letterboxed():
    given = (photos(6), {"boxes": [[[4, 2, 16, 12]]] * 6, "labels": [["a"]] * 6})
    kind = tl.data.Images(image_size=(32, 32), fit="letterbox")
    data = tl.data.load(given, kind, tl.data.Boxes())
    larger = data.resized((64, 64))
    first = np.array([0])
    np.testing.assert_allclose(larger.targets[first], data.targets[first], atol=1e-6)
    assert larger.targets.letterboxed


def test_of_too_many_boxes_the_largest_are_learnt():
    boxes = [[[0, 0, side, side] for side in (3, 9, 5, 7)]]
    with pytest.warns(tl.data.DataWarning, match="more than 2 boxes.*most=4 learns all") as told:
        targets = loaded(boxes, [["a"] * 4], most=2)
    assert "image 0: 4" in str(told[0].message)
    assert targets[np.array([0])][0, :, 5].tolist() == [81, 49, 800]


def test_what_is_no_boxes_is_refused():
    x = photos(2)
    for given in ([1, 2], {"boxes": [[], []]}, {"boxes": [[]], "labels": [[], []]}):
        with pytest.raises((TypeError, ValueError), match="labels"):
            tl.data.load((x, given), target=tl.data.Boxes())
    with pytest.raises(ValueError, match=r"photo 1 must be \(boxes, 4\) numbers"):
        loaded([[], [[1, 2, 3]]], [[], ["a"]])
    with pytest.raises(ValueError, match="none of 2 images has a box"):
        tl.data.load_pair(
            (x, {"boxes": [[], []], "labels": [[], []]}),
            None,
            tl.data.Reading(target=tl.data.Boxes()),
        )


def test_sides_are_those_in_the_frame():
    targets = loaded([[[4, 2, 16, 12]]], [["a"]]).of_shape((64, 64, 3), letterboxed=True)
    np.testing.assert_allclose(targets.sides(), [[16, 19.2]], rtol=1e-6)


def test_copies_of_a_photo_with_other_boxes_are_named():
    x = photos(5)
    x[3] = x[1]
    x[4] = x[0]
    boxes = [[[1, 1, 9, 9], [2, 2, 9, 9]], [[1, 1, 9, 9]], [[1, 1, 9, 9]], []]
    boxes.append(boxes[0][::-1])
    given = (x, {"boxes": boxes, "labels": [["a"] * len(some) for some in boxes]})
    reading = tl.data.Reading(target=tl.data.Boxes())
    with pytest.warns(
        tl.data.DataWarning, match="1 photo with the same content as another"
    ) as told:
        tl.data.load_pair(given, None, reading, validation_split=0)
    assert "image 1 = image 3" in str(told[0].message)
