"""Detectors with anchors: which anchor finds which object, what it costs, and which there are."""

from dataclasses import dataclass

import keras
import numpy as np
import pytest

from transferlearn import testing
from transferlearn.heads import Output, RetinaNetHead, as_queries, cells_of, corrected
from transferlearn.tasks import AnchorLoss, Queries

SIDE, CLASSES = 64, 2
PADDING = (0, 0, 1, 1, -1, SIDE * SIDE, 0)


def objects(*rows):
    """Makes the targets of one photo of boxes in pixels, with their class and crowd."""
    found = [(*(side / SIDE for side in row[:4]), row[4], 1.0, row[5]) for row in rows]
    return np.array([[*found, PADDING]], "float32")


def answers(*anchors):
    """Makes a head's output for anchors x0, y0, x1, y1 in pixels, whose boxes are the anchors."""
    corners = np.array(anchors, "float32") / SIDE
    middles, sides = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]
    rows = np.column_stack([corners, middles, sides, np.full(len(corners), 8)])
    said = np.zeros((len(rows), CLASSES + 1))
    return np.concatenate([said, rows], axis=1)[None].astype("float32")


def assigned(targets, packed, **settings):
    found = AnchorLoss((SIDE, SIDE), **settings).assign(targets, Queries.of(packed))
    return tuple(np.asarray(part)[0] for part in found)


def test_anchors_find_the_object_that_they_overlap_with():
    # IoU with the first object: 1, .75 and .45; the fourth one is nowhere near.
    packed = answers((0, 0, 20, 20), (0, 0, 20, 15), (0, 0, 20, 9), (40, 40, 60, 60))
    found, rows, ignored = assigned(objects((0, 0, 20, 20, 1, 0)), packed)
    assert found.tolist() == [1, 1, 0, 0]
    assert ignored.tolist() == [0, 0, 1, 0]  # .45 is neither clearly an object nor clearly none
    assert rows[:2, 4].tolist() == [1, 1]
    # Of two objects each anchor takes the one that it overlaps with more.
    both = objects((0, 0, 20, 20, 1, 0), (0, 0, 20, 14, 0, 0))
    _, rows, _ = assigned(both, packed)
    assert rows[:3, 4].tolist() == [1, 0, 0]
    found, _, ignored = assigned(both, packed, positive=0.99, negative=0.99)
    assert found.tolist() == [1, 1, 0, 0]
    assert not ignored.any()


def test_the_best_anchor_of_an_object_finds_it_in_any_case():
    packed = answers((0, 0, 20, 20), (0, 0, 30, 30), (40, 40, 60, 60))
    # The small object overlaps with the first anchor by .04, but with no other one by more; the
    # large object, with which that anchor overlaps by .64, has a better one.
    targets = objects((2, 2, 6, 6, 0, 0), (0, 0, 25, 25, 1, 0))
    found, rows, _ = assigned(targets, packed)
    assert found.tolist() == [1, 1, 0]
    assert rows[:2, 4].tolist() == [0, 1]


def test_padding_and_crowds_are_not_found_and_anchors_in_a_crowd_are_not_learnt():
    packed = answers((0, 0, 20, 20), (0, 0, 64, 64), (50, 50, 64, 64))
    found, _, ignored = assigned(objects((0, 0, 32.5, 32.5, 1, 1)), packed)
    assert found.tolist() == [0, 0, 0]
    assert ignored.tolist() == [1, 1, 0]


def test_assignment_in_parts_is_the_same(monkeypatch):
    random = np.random.default_rng(0)
    corners = np.sort(random.uniform(0, SIDE, (90, 2, 2)), axis=1).reshape(-1, 4)
    targets = objects(*([*box, i % 2, i % 7 == 0] for i, box in enumerate(corners[:30])))
    packed = answers(*corners[30:])
    whole = assigned(targets, packed)
    monkeypatch.setattr("transferlearn.tasks.detection.assignment._PAIRS", 7 * 60)
    for one, other in zip(whole, assigned(targets, packed), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("box_loss", ["giou", "smooth_l1"])
def test_the_loss_is_least_where_classes_boxes_and_overlaps_are_right(box_loss):
    loss = AnchorLoss((SIDE, SIDE), box_loss=box_loss)
    targets = objects((4, 4, 24, 24, 1, 0))
    packed = answers((0, 0, 20, 20), (0, 0, 22, 22), (40, 40, 60, 60))
    packed[0, :, :CLASSES] = [[-9, 9], [-9, 9], [-9, -9]]
    packed[0, :, CLASSES] = 9
    packed[0, :2, CLASSES + 1 : CLASSES + 5] = targets[0, 0, :4]
    right = float(loss(targets, packed))
    assert right == pytest.approx(0, abs=1e-3)
    moved = packed.copy()
    moved[0, :2, CLASSES + 1] += 2 / SIDE
    moved[0, :2, CLASSES] = np.log(18 / 2)  # the logit of the IoU that is left, 18 / 20
    # 1 - 18/20 by GIoU. Of offsets, the middle is off by 1 px of 20 or 22, and the width is 18 px.
    bent = [
        ((1 / side) ** 2 / 0.2 + np.log(20 / 18) - 0.05 if box_loss == "smooth_l1" else 0.1)
        for side in (20, 22)
    ]
    of_overlap = -(0.9 * np.log(0.9) + 0.1 * np.log(0.1))
    assert float(loss(targets, moved)) == pytest.approx(np.mean(bent) + of_overlap, abs=2e-3)
    sure = packed.copy()
    sure[0, 2, 0] = 9
    assert float(loss(targets, sure)) > right + 1
    nothing = float(loss(objects(), packed))
    assert np.isfinite(nothing)


def test_the_loss_is_made_again_of_its_settings_and_refuses_wrong_ones():
    loss = AnchorLoss((32, 48), positive=0.6, negative=0.3, box_loss="smooth_l1", gamma=1.0)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert isinstance(again, AnchorLoss)
    assert again.get_config() == loss.get_config()
    with pytest.raises(ValueError, match="negative is at most positive"):
        AnchorLoss((32, 32), positive=0.3)
    with pytest.raises(ValueError, match='box_loss is "giou" or "smooth_l1"'):
        AnchorLoss((32, 32), box_loss="l2")


def test_the_head_corrects_anchors_of_each_size_and_shape():
    head = RetinaNetHead(
        width=16, sizes=(2.0, 3.0), ratios=(1.0, 4.0), features=("stride_8", "stride_16")
    )
    testing.check_detector_head(head)
    shapes = {"stride_8": (4, 6, 5), "stride_16": (2, 3, 7)}
    inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    model = keras.Model(inputs, head(inputs, {"p": Output(CLASSES + 10, "query")}))
    rows = {name: np.zeros((1, *shape), "float32") for name, shape in shapes.items()}
    made = Queries(*map(np.asarray, Queries.of(model.predict(rows, verbose=0)["p"])))
    assert made.boxes.shape == (1, 4 * (4 * 6 + 2 * 3), 4)
    x, y = np.meshgrid((np.arange(6) + 0.5) / 6, (np.arange(4) + 0.5) / 4)
    middles = np.stack([x, y], -1).reshape(-1, 2).repeat(4, axis=0)
    np.testing.assert_allclose(made.points[0, :96], middles, atol=1e-6)
    # 2 and 3 cells, square and four times as high as wide, in pixels of a photo of 32 x 48.
    sides = made.anchors[0, :, 2:] * (48, 32)
    np.testing.assert_allclose(sides[:4], [[16, 16], [8, 32], [24, 24], [12, 48]], atol=1e-4)
    np.testing.assert_allclose(sides[96:100], 2 * sides[:4], atol=1e-4)
    assert made.strides[0, [0, 95, 96]].tolist() == [8, 8, 16]
    corners = np.concatenate(
        [made.points - made.anchors[..., 2:] / 2, made.points + made.anchors[..., 2:] / 2], axis=-1
    )
    np.testing.assert_allclose(made.boxes, corners, atol=1e-2)  # a box begins as its anchor
    assert float(1 / (1 + np.exp(-made.logits.max()))) == pytest.approx(0.01, abs=0.002)


def test_levels_sizes_and_ratios_of_anchors_are_those_of_the_objects():
    head = RetinaNetHead()
    assert head.for_boxes((), ()) == head
    small = head.for_boxes((8, 20, 40, 80, 200), (0.3, 1.0, 1.2))
    assert small.features == head.features
    assert small.ratios == (0.3, 1.0)  # 1.2 is much like 1
    large = head.for_boxes((50, 90, 99, 120, 200), (0.9, 1.0, 1.1))
    assert large.features == ("stride_16", "stride_32")
    assert large.ratios == (1.0,)
    # Between the middle of the sizes and that of the anchors there is less than half an octave.
    strides = [int(name.removeprefix("stride_")) for name in large.features]
    sides = [size * stride for size in large.sizes for stride in strides]
    assert abs(np.log2(sides).mean() - np.log2([50, 200]).mean()) < 0.5
    own = RetinaNetHead(sizes=(4,), ratios=(2,), features=("stride_8",))
    assert own.for_boxes((50, 90, 99, 120, 200), (0.9, 1.0, 1.1)) == own
    with pytest.raises(ValueError, match="sizes is a number above 0"):
        RetinaNetHead(sizes=(0,))


class Turned(RetinaNetHead):
    """Exchanges the corners of its boxes, which the check must find."""

    def __call__(self, features, outputs):
        ((name, packed),) = super().__call__(features, outputs).items()
        low, high = packed[..., 4:6], packed[..., 6:8]
        parts = [packed[..., :4], high, low, packed[..., 8:]]
        return {name: keras.ops.concatenate(parts, axis=-1)}


def test_a_head_with_wrong_rows_does_not_pass_the_check():
    with pytest.raises(AssertionError, match="some end before they begin"):
        testing.check_detector_head(Turned(width=8, depth=0, features=("stride_32",)))


@dataclass(frozen=True)
class Wrong(RetinaNetHead):
    """Has something wrong that costs average precision, and nothing else."""

    what: str = ""

    def __call__(self, features, outputs):
        if self.what == "sure":
            features = {name: 50 * x for name, x in features.items()}
            ((name, output),) = outputs.items()
            x = features["stride_16"]
            logits = keras.layers.Dense(output.units - 10, bias_initializer="zeros")(x) - 4.6
            rest = keras.layers.Dense(5)(x)
            cells = cells_of(rest[..., :1])
            boxes = corrected(cells, rest[..., 1:] / 1e3)
            return {name: as_queries(16, logits, rest[..., :1], boxes, cells)}
        ((name, packed),) = super().__call__(features, outputs).items()
        logits, places, strides = packed[..., :4], packed[..., 4:-1], packed[..., -1:]
        if self.what == "order":
            logits = keras.ops.flip(logits, axis=1)
        if self.what == "stride":
            strides = strides / 16
        return {name: keras.ops.concatenate([logits, places, strides], axis=-1)}


@pytest.mark.parametrize(
    ("what", "found"),
    [
        pytest.param("sure", "no query may be sure of a class(?s:.*)RandomNormal", id="sure"),
        pytest.param("order", "logits and anchors must have the same order", id="order"),
        pytest.param("stride", "apart. Received: 16.0 pixels across", id="stride"),
    ],
)
def test_the_check_finds_what_keeps_a_head_from_learning(what, found):
    sizes = {"sizes": (2.0,), "ratios": (1.0,), "features": ("stride_16",)}
    with pytest.raises(AssertionError, match=found):
        testing.check_detector_head(Wrong(width=8, depth=1, what=what, **sizes))
