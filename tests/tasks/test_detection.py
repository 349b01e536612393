"""Detectors: which query finds which object, what it costs, what is kept, and how it is scored."""

import contextlib
import io

import keras
import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from transferlearn import testing
from transferlearn.edge import BoxReader, Seen
from transferlearn.edge.boxes.suppression import best_of_tiles, ious
from transferlearn.edge.maps.tiling import Tiling
from transferlearn.heads import FCOSHead, Output
from transferlearn.tasks import BoxScoring
from transferlearn.tasks.detection import DetectionLoss, Queries, detections
from transferlearn.tasks.detection.assignment import assign
from transferlearn.tasks.detection.figures import best_thresholds, evaluation_of
from transferlearn.tasks.detection.losses import giou
from transferlearn.tasks.detection.suppression import kept

SIDE, CLASSES = 64, 3
PADDING = (0, 0, 1, 1, -1, SIDE * SIDE, 0)


def queries(batch=1, strides=(4, 8, 16)):
    """Makes a head's output that says nothing, on a grid for each stride."""
    points = []
    for stride in strides:
        middles = (np.arange(SIDE // stride) + 0.5) * stride / SIDE
        grid = np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2)
        cells = np.full((len(grid), 2), stride / SIDE)
        points.append(np.column_stack([grid, cells, np.full(len(grid), stride)]))
    packed = np.full((batch, sum(map(len, points)), CLASSES + 10), -4, "float32")
    packed[..., -5:] = np.concatenate(points)
    return packed


def objects(*rows):
    """Makes the targets of one photo of boxes in pixels, with their class and crowd."""
    found = [
        (*(side / SIDE for side in row[:4]), row[4], (row[2] - row[0]) * (row[3] - row[1]), row[5])
        for row in rows
    ]
    return np.array([[*found, PADDING]], "float32")


def assigned(targets, packed=None, size=(SIDE, SIDE)):
    packed = queries() if packed is None else packed
    found = assign(targets, Queries.of(packed), size)
    return packed[0], *(np.asarray(part)[0] for part in found)


def test_an_object_is_found_near_its_middle_on_the_level_of_its_size():
    targets = objects((8, 8, 24, 24, 1, 0), (0, 0, 64, 64, 2, 0))
    packed, found, rows, _ = assigned(targets)
    small = (found > 0) & (rows[:, 4] == 1)
    assert set(packed[small, -1]) == {4.0}  # no side is farther than 32 px
    assert (np.abs(packed[small, -5:-3] * SIDE - 16) < 6).all()  # 1.5 cells
    assert small.sum() == 4
    large = (found > 0) & (rows[:, 4] == 2)
    assert set(packed[large, -1]) == {8.0}  # 34 to 64 px
    assert (np.abs(packed[large, -5:-3] * SIDE - 32) < 12).all()


def test_of_two_objects_the_smaller_one_is_found_and_padding_and_crowds_are_not():
    inner, outer = (20, 20, 32, 32, 0, 0), (10, 10, 42, 42, 1, 0)
    _, found, rows, ignored = assigned(objects(outer, inner))
    packed = queries()[0]
    middle = (np.abs(packed[:, -5:-3] * SIDE - 26) < 3).all(axis=1) & (packed[:, -1] == 4)
    assert middle.any()
    assert (rows[middle, 4] == 0).all()
    assert not ignored.any()
    crowd = objects((0, 0, 40, 64, 1, 1), inner)
    packed, found, rows, ignored = assigned(crowd)
    assert set(rows[found > 0, 4]) == {0.0}
    inside = packed[:, -5] * SIDE < 40
    np.testing.assert_array_equal(ignored > 0, inside & (found == 0))


def test_assignment_in_parts_is_the_same(monkeypatch):
    random = np.random.default_rng(0)
    corners = np.sort(random.uniform(0, SIDE, (40, 2, 2)), axis=1).reshape(-1, 4)
    targets = objects(*([*box, i % 3, i % 7 == 0] for i, box in enumerate(corners)))
    whole = assigned(targets)
    monkeypatch.setattr("transferlearn.tasks.detection.assignment._PAIRS", 5 * 336)
    for one, other in zip(whole, assigned(targets), strict=True):
        np.testing.assert_array_equal(one, other)


def test_giou_is_that_of_the_paper():
    first = np.array([[0, 0, 2, 2], [0, 0, 1, 1], [0, 0, 1, 1]], "float32")
    second = np.array([[1, 0, 3, 2], [0, 0, 1, 1], [2, 0, 3, 1]], "float32")
    # A third is shared; the same box; apart, with a gap of a third of what surrounds both.
    np.testing.assert_allclose(np.asarray(giou(first, second)), [1 / 3, 1, -1 / 3], atol=1e-6)


def perfect(targets):
    """Makes a head's output that says all that it has to find, and is sure of it."""
    packed = queries(len(targets))
    found, rows, _ = (np.asarray(part) for part in assign(targets, Queries.of(packed), (64, 64)))
    packed[..., CLASSES] = 4.0
    packed[..., CLASSES + 1 : CLASSES + 5] = rows[..., :4]
    right = (found > 0)[..., None] & (rows[..., 4:5] == np.arange(CLASSES))
    packed[..., :CLASSES] = np.where(right, 8.0, -8.0)
    return packed


def test_the_loss_falls_to_that_of_centreness_where_all_is_right():
    targets = objects((8, 8, 24, 24, 1, 0), (30, 30, 60, 50, 2, 0))
    loss, packed = DetectionLoss((SIDE, SIDE)), perfect(targets)
    right = float(loss(targets, packed))
    for change in (
        {"class": slice(0, CLASSES)},
        {"box": slice(CLASSES + 3, CLASSES + 5)},
    ):
        ((_, part),) = change.items()
        wrong = packed.copy()
        wrong[..., part] = packed[..., part] * -1 if part.start == 0 else packed[..., part] + 0.2
        assert float(loss(targets, wrong)) > right + 0.1
    # An item of no weight does not count, and neither does what is said within a crowd.
    twice, weights = np.concatenate([targets, targets]), np.array([1.0, 0.0])
    spoilt = np.concatenate([packed, -packed])
    spoilt[1, :, -10:] = packed[0, :, -10:]
    assert float(loss(twice, spoilt, weights)) == pytest.approx(right, abs=1e-5)
    crowded = np.concatenate([targets, objects((0, 0, 64, 64, 0, 1))], axis=1)
    seen = packed.copy()
    background = seen[..., :CLASSES].max(axis=-1) < 0
    seen[..., 0] = np.where(background, 8.0, seen[..., 0])
    assert float(loss(crowded, seen)) == pytest.approx(right, abs=0.01)
    assert float(loss(targets, seen)) > right + 1


def test_a_loss_is_made_again_of_its_settings():
    loss = DetectionLoss((32, 48), alpha=0.3, gamma=1.0, boxes=2.0)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert again.get_config() == loss.get_config()
    assert again.size == (32, 48)


def greedy(boxes, ids):
    """Keeps boxes one by one, as textbooks have it."""
    chosen = []
    for i in range(len(boxes)):
        rivals = [j for j in chosen if ids[j] == ids[i]]
        if not (ious(boxes[i : i + 1], boxes[rivals]) > 0.6).any():
            chosen.append(i)
    return chosen


def test_suppression_is_greedy_suppression():
    random = np.random.default_rng(0)
    for _ in range(8):
        middles, sides = (
            random.uniform(0.2, 0.8, (5, 300, 2)),
            random.uniform(0.1, 0.4, (5, 300, 2)),
        )
        boxes = np.concatenate([middles - sides / 2, middles + sides / 2], axis=-1)
        ids = random.integers(2, size=(5, 300))
        marks = np.asarray(kept(boxes.astype("float32"), ids.astype("float32")))
        for mark, box, id_ in zip(marks, boxes.astype("float32"), ids, strict=True):
            assert np.flatnonzero(mark).tolist() == greedy(box, id_)


def test_detections_are_the_best_box_of_each_object_the_surest_first():
    targets = objects((8, 8, 24, 24, 1, 0), (30, 30, 60, 50, 2, 0))
    packed = perfect(targets)
    packed[..., 2] -= 2.0
    found = np.asarray(detections(packed))
    assert found.shape == (1, 100, 6)
    sure = found[0][found[0, :, 4] > 0.5]
    np.testing.assert_array_equal(sure[:, 5], [1, 2])
    np.testing.assert_allclose(sure[:, :4] * SIDE, [[8, 8, 24, 24], [30, 30, 60, 50]], atol=1e-3)
    assert (np.diff(found[0, :, 4]) <= 0).all()
    assert set(found[0, found[0, :, 4] == 0, 5]) <= {-1.0}


def random_scenes(seed, photos=40, side=300):
    """Makes objects with crowds and photos without any, and detections near them and elsewhere."""
    random = np.random.default_rng(seed)
    targets = np.tile(np.array([0, 0, 1, 1, -1, side * side, 0.0]), (photos, 12, 1))
    values = np.zeros((photos, 100, 6))
    values[..., 5] = -1
    for i in range(photos):
        for j in range(random.integers(1, 11) if i % 7 else 0):
            width, height = np.exp(random.uniform(np.log(10 / side), np.log(0.6), 2))
            x, y = random.uniform(0, 1 - width), random.uniform(0, 1 - height)
            area = width * height * side**2 * random.uniform(0.5, 1)
            box = (x, y, x + width, y + height)
            targets[i, j] = (*box, random.integers(CLASSES), area, random.random() < 0.15)
        for j in range(random.integers(50)):
            there = targets[i, targets[i, :, 4] >= 0]
            if len(there) and random.random() < 0.7:
                one = there[random.integers(len(there))]
                moved = one[:4] + random.normal(0, 0.08, 4) * np.tile(one[2:4] - one[:2], 2)
                box, id_ = np.sort(moved.reshape(2, 2), axis=0), one[4]
            else:
                box, id_ = np.sort(random.random((2, 2)), axis=0), random.integers(CLASSES)
            # Rounded, so that some scores are equal.
            score = round(random.uniform(0.01, 1), 2)
            values[i, j] = (*np.clip(box, 0, 1).ravel(), score, id_)
    return values, targets


def by_pycocotools(values, targets, side=300):
    """Computes the same figures by the reference implementation."""

    def box(row):
        x0, y0, x1, y1 = (row[:4] * side).tolist()
        return [x0, y0, x1 - x0, y1 - y0]

    truth = [
        {
            "id": 0,
            "image_id": i,
            "category_id": int(row[4]),
            "bbox": box(row),
            "area": float(row[5]),
            "iscrowd": int(row[6]),
        }
        for i, rows in enumerate(targets)
        for row in rows
        if row[4] >= 0
    ]
    said = [
        {"image_id": i, "category_id": int(row[5]), "bbox": box(row), "score": float(row[4])}
        for i, rows in enumerate(values)
        for row in rows
        if row[4] > 0
    ]
    coco = COCO()
    coco.dataset = {
        "images": [{"id": i} for i in range(len(values))],
        "categories": [{"id": i} for i in range(CLASSES)],
        "annotations": [{**one, "id": i} for i, one in enumerate(truth, start=1)],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        judge = COCOeval(coco, coco.loadRes(said), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    by_class = judge.eval["precision"][:, :, :, 0, 2].mean(axis=(0, 1))
    return judge.stats, by_class


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_figures_are_those_of_pycocotools(seed):
    values, targets = random_scenes(seed)
    names = ("a", "b", "c")
    found = evaluation_of(values, targets, names, (0.3,) * 3)
    expected, by_class = by_pycocotools(values, targets)
    figures = ("mean_average_precision", "map_50", "map_75", "map_small", "map_medium", "map_large")
    np.testing.assert_allclose([found[name] for name in figures], expected[:6], atol=1e-5)
    of_classes = [found[f"average_precision: {name}"] for name in names]
    np.testing.assert_allclose(of_classes, by_class, atol=1e-5)
    low, high = found.intervals["mean_average_precision"]
    assert low < found.mean_average_precision + 0.03
    assert 0.02 < high - low < 0.2


def test_two_detectors_are_compared_on_the_same_photos():
    values, targets = random_scenes(0, photos=60)
    names = ("a", "b", "c")
    worse = values.copy()
    worse[..., 4] *= np.random.default_rng(1).random(worse.shape[:2]) < 0.7  # some are not found
    scoring = BoxScoring(names, (0.3,) * 3)
    better, other = (scoring.measure(v, targets) for v in (values, worse))
    test = scoring.compare(other, better)
    difference = better.mean_average_precision - other.mean_average_precision
    assert test.difference == pytest.approx(difference)
    assert test.interval[0] < difference < test.interval[1]
    assert test.interval[0] > 0
    assert test.p_value < 0.05
    # Photo by photo, the same detectors differ by nothing, however much photos differ.
    same = scoring.compare(better, better)
    assert same.interval == (0, 0)
    assert same.p_value == 1
    one = scoring.measure(values[:1], targets[:1])
    assert scoring.compare(one, one) is None


def test_confusion_and_what_is_missed_count_every_object_once():
    targets = objects((8, 8, 24, 24, 1, 0), (30, 30, 60, 50, 2, 0), (0, 0, 6, 6, 0, 0))
    said = np.zeros((1, 100, 6))
    said[0, :3] = [
        (8 / 64, 8 / 64, 24 / 64, 24 / 64, 0.9, 1),
        (30 / 64, 30 / 64, 60 / 64, 50 / 64, 0.8, 0),
        (0.9, 0.9, 1, 1, 0.7, 2),
    ]
    said[0, 3] = (0, 0, 6 / 64, 6 / 64, 0.1, 0)  # below the threshold
    found = evaluation_of(said, targets, ("a", "b", "c"), (0.3,) * 3)
    np.testing.assert_array_equal(
        found.confusion, [[0, 0, 0, 1], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0]]
    )
    table = {row[0]: row[1:] for row in found.missed()}
    assert table["small objects"] == ["3", "1", "66.7%"]
    assert table["large objects"] == ["0", "0", "-"]
    assert table["objects at the border"] == ["1", "0", "100.0%"]
    assert table["b"] == ["1", "1", "0.0%"]
    (line,) = (line.split() for line in str(found).splitlines() if line.startswith("b "))
    assert line == ["b", "1", "1", "0.0000", "1.0000", "1.0000", "0.3000"]
    assert found.worst(3) == [(0, pytest.approx(2 * 1 / 6))]
    assert best_thresholds(found.matches, 0.3) == (0.05, 0.45, 0.3)


def test_nothing_found_and_nothing_there_are_figures_too():
    empty = np.zeros((2, 100, 6))
    found = evaluation_of(empty, objects((8, 8, 24, 24, 1, 0)).repeat(2, 0), ("a", "b"), (0.3, 0.3))
    assert found.mean_average_precision == 0
    assert np.isnan(found["average_precision: a"])
    assert str(found)


def test_whole_boxes_of_tiles_outdo_cut_ones():
    whole, cut = (10, 10, 50, 30, 0.6, 0), (10, 10, 32, 30, 0.9, 0)
    apart, other = (60, 10, 90, 30, 0.5, 0), (10, 10, 50, 30, 0.4, 1)
    rows = np.array([cut, whole, apart, other])
    kept_ones = best_of_tiles(rows, np.array([True, False, False, False]))
    assert kept_ones.tolist() == [1, 2, 3]


def test_detections_of_tiles_become_those_of_the_photo():
    reader = BoxReader(("a",), (0.3,), (32, 32))
    tiling = Tiling.of((32, 56), 32)
    made = np.zeros((2, 3, 6))
    made[..., 5] = -1
    # One object is cut in the first tile and whole in the second; one is in the second alone, and
    # one is not told, since its score is below the threshold.
    made[0, 0] = (26 / 32, 5 / 32, 1, 15 / 32, 0.9, 0)
    made[1, :3] = [
        (2 / 32, 5 / 32, 12 / 32, 15 / 32, 0.8, 0),
        (20 / 32, 20 / 32, 1, 1, 0.7, 0),
        (0, 0.5, 0.2, 0.7, 0.2, 0),
    ]
    found = reader.of_tiles(tiling, [made], Seen("photo.jpg"))
    np.testing.assert_allclose(found.boxes, [[26, 5, 36, 15], [44, 20, 56, 32]], atol=1e-4)
    assert (found.size, found.path) == ((32, 56), "photo.jpg")


def test_two_answers_are_compared_object_by_object():
    reader = BoxReader(("a", "b"), (0.3, 0.3), (32, 32))
    one = np.zeros((2, 3, 6))
    one[..., 5] = -1
    one[0, :2] = [(0.1, 0.1, 0.5, 0.5, 0.9, 0), (0.6, 0.6, 0.9, 0.9, 0.899999, 1)]
    turned = one[:, [1, 0, 2]]  # equal but for rounding, in another order
    assert reader.difference({"detections": one}, {"detections": turned}) == 0
    assert reader.same({"detections": one}, {"detections": turned}, 0.0).all()
    other = one.copy()
    other[0, 0, 5] = 1
    same = reader.same({"detections": one}, {"detections": other}, 0.0)
    np.testing.assert_array_equal(same, [False, True])


def test_the_head_is_one_and_counts_its_places():
    head = FCOSHead(width=16, features=("stride_8", "stride_16"))
    testing.check_decoder(head, outputs={"predictions": Output(CLASSES + 10, "query")})
    shapes = {"stride_8": (4, 6, 5), "stride_16": (2, 3, 7)}
    inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    model = keras.Model(inputs, head(inputs, {"p": Output(CLASSES + 10, "query")}))
    rows = {name: np.zeros((1, *shape), "float32") for name, shape in shapes.items()}
    parts = Queries.of(model.predict(rows, verbose=0)["p"])
    made = Queries(*map(np.asarray, parts))
    x, y = np.meshgrid((np.arange(6) + 0.5) / 6, (np.arange(4) + 0.5) / 4)
    np.testing.assert_allclose(made.points[0, :24], np.stack([x, y], -1).reshape(-1, 2), atol=1e-6)
    assert set(made.strides[0, :24]) == {8.0}
    assert set(made.strides[0, 24:]) == {16.0}
    np.testing.assert_allclose(  # a box begins around its place
        (made.boxes[..., :2] + made.boxes[..., 2:]) / 2, made.points, atol=1e-2
    )
    assert float(1 / (1 + np.exp(-made.logits.max()))) == pytest.approx(0.01, abs=0.002)


def test_levels_follow_the_sizes_of_objects():
    head = FCOSHead()
    assert head.for_sides(()).features == head.features
    assert head.for_sides((7, 20, 40, 80, 200)).features == head.features
    assert head.for_sides((10, 11, 40, 80, 200)).features == head.features
    assert head.for_sides((20, 50, 80, 90, 200)).features == head.features[1:]
    assert head.for_sides((10, 16, 22, 31, 44)).features == head.features[1:3]
    assert head.for_sides((3, 5, 6, 7, 64)).features == head.features[:3]
    assert head.for_sides((50, 90, 99, 120, 200)).features == head.features[2:]
    own = FCOSHead(features=("stride_8",))
    assert own.for_sides((50, 90, 99, 120, 200)) == own
    with pytest.raises(ValueError, match="levels of known stride"):
        FCOSHead(features=("last",))
