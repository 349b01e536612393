"""Detectors: from photos and boxes to a saved model."""

import itertools
import json
import subprocess
import sys
from dataclasses import replace
from itertools import chain

import keras
import numpy as np
import pytest
from PIL import Image

import transferlearn as tl
from tests.networks import small_backbone
from tests.objects import NAMES, rectangles
from transferlearn.cli import main
from transferlearn.tasks import BoxEncoding, answering, outputs_in_words
from transferlearn.training import limit

HEAD = tl.heads.FCOSHead(width=16, depth=1, groups=4, features=("stride_2", "stride_4"))


def builder(backbone, **settings):
    settings = {"head": HEAD, "seed": 0, "image_size": (32, 32), "class_names": NAMES, **settings}
    return tl.ObjectDetectorBuilder(backbone, **settings)


@pytest.fixture(scope="module")
def backbone():
    return small_backbone()


@pytest.fixture(scope="module")
def fitted(backbone):
    return builder(backbone).fit(
        rectangles(64), rectangles(30, seed=1), epochs=8, cache=True, verbose=0
    )


@pytest.mark.core
def test_it_learns(fitted):
    scores = fitted.evaluate(rectangles(30, seed=1))
    assert scores.map_50 > 0.5  # nothing learnt is 0
    history = fitted.history.history["val_mean_average_precision"]
    assert scores.mean_average_precision == pytest.approx(history[-1], abs=1e-4)
    assert fitted.known_score.interval == pytest.approx(
        scores.intervals["mean_average_precision"], abs=1e-3
    )
    assert fitted.phases[0].stored is not None
    assert scores.confusion.sum(axis=1)[:2].tolist() == [
        scores["objects: red"],
        scores["objects: blue"],
    ]
    # Held-out photos chose the thresholds, so few boxes are told that are not there.
    assert fitted.encoding.thresholds != (0.3, 0.3)
    assert scores.confusion[2, :2].sum() < scores.objects


@pytest.mark.core
def test_boxes_are_in_the_photos_own_pixels(fitted):
    photos, told = rectangles(30, seed=1)
    wide = np.full((64, 128, 3), 128, np.uint8)
    number = next(i for i, box in enumerate(told["boxes"]) if len(box) == 1)
    wide[:, 32:96] = photos[number].repeat(2, axis=0).repeat(2, axis=1)
    found = fitted.predict(Image.fromarray(wide))
    assert found.size == (64, 128)
    assert found.boxes.shape == (len(found), 4)
    assert (found.boxes >= 0).all()
    assert (found.boxes[:, 2] <= 128).all()
    single = fitted.predict(photos[number])
    assert single.labels[0] == told["labels"][number][0]
    np.testing.assert_allclose(single.boxes[0], told["boxes"][number][0], atol=5)


def test_a_save_predicts_the_same_and_loads_without_this_package(fitted, tmp_path):
    photos, _ = rectangles(4, seed=2)
    fitted.save(tmp_path / "save")
    again = tl.load(tmp_path / "save")
    assert isinstance(again.encoding, BoxEncoding)
    assert again.encoding == fitted.encoding
    for one, other in zip(fitted.predict(photos), again.predict(photos), strict=True):
        assert one.labels == other.labels
        np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-4)
    np.save(tmp_path / "photos.npy", photos)
    program = (
        "import sys, keras, numpy as np\n"
        "model = keras.models.load_model(sys.argv[1] + '/save/model.keras')\n"
        "made = model.predict(np.load(sys.argv[1] + '/photos.npy'), verbose=0)\n"
        "np.save(sys.argv[1] + '/made.npy', made)\n"
        "assert 'transferlearn' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, cwd=tmp_path)
    expected = fitted.model.predict(photos, verbose=0)
    np.testing.assert_allclose(np.load(tmp_path / "made.npy"), expected, atol=1e-5)


@pytest.mark.core
def test_large_photos_are_seen_in_tiles(fitted):
    photos, _ = rectangles(4, seed=1)
    large = np.full((72, 100, 3), 128, np.uint8)
    large[4:36, 2:34], large[36:68, 60:92] = photos[1], photos[2]
    found = fitted.predict(large, tile=32)
    assert found.size == (72, 100)
    assert (found.boxes[:, 2:] > 40).any()
    alone = fitted.predict(photos[1], tile=32)
    np.testing.assert_allclose(alone.boxes, fitted.predict(photos[1]).boxes, atol=1e-3)


@pytest.mark.core
def test_photos_are_scored_in_tiles(fitted, tmp_path):
    data = rectangles(12, seed=1)
    whole, tiled = fitted.evaluate(data), fitted.evaluate(data, tile=32)
    for name in ("mean_average_precision", "map_50", "average_precision: red", "objects"):
        assert tiled[name] == pytest.approx(whole[name], abs=1e-4)  # a photo is one tile
    np.testing.assert_array_equal(tiled.confusion, whole.confusion)
    # Four photos in one: the same objects in a photo of 64 x 64, half of them lost when it shrinks.
    photos, told = data
    rows = np.concatenate([photos[[1, 2]], photos[[3, 4]]], axis=1)
    large = np.concatenate(rows, axis=1)[None]
    corners = ((0, 0), (32, 0), (0, 32), (32, 32))
    moved = [told["boxes"][i + 1] + np.tile(corner, 2) for i, corner in enumerate(corners)]
    boxes = {"boxes": [np.concatenate(moved)], "labels": [[*chain(*told["labels"][1:5])]]}
    small = fitted.evaluate((large, boxes)).map_50
    found = fitted.evaluate((large, boxes), tile=32)
    assert found.map_50 > small + 0.2
    assert found.confusion.sum(axis=1)[:2].sum() == found.objects == sum(map(len, moved))


def test_outputs_of_all_photos_are_never_in_memory_at_once(fitted, monkeypatch):
    most = []
    values = answering.values_of

    def noted(meaning, outputs):
        most.append(len(outputs))
        return values(meaning, outputs)

    monkeypatch.setattr(answering, "values_of", noted)
    data = rectangles(20, seed=1)
    assert fitted.evaluate(data)["count"] == 20
    assert len(fitted.predict(data[0])) == 20
    assert most == [8, 8, 4, 8, 8, 4]


@pytest.mark.full
def test_detectors_are_compared_photo_by_photo(fitted, backbone):
    found = tl.compare(builder(backbone), fitted, rectangles(64), rectangles(30, seed=1))
    names = [one.name for one in found.contenders]
    assert names[0] == "finding nothing"
    assert names[-1] == "the model that was given"
    assert found.contenders[0].evaluation.mean_average_precision == 0
    assert all(one.against is not None for one in found.contenders[1:])
    low, high = found.contenders[1].against.interval
    assert low <= found.contenders[1].against.difference <= high


def test_a_monitor_watches_how_many_objects_of_each_class_there_are(fitted):
    reference = tl.make_reference(fitted, rectangles(100, seed=4))
    watched = {"output red", "output blue", "objects", "best score"}
    assert watched <= {*reference.signals.names}
    watching = replace(fitted, reference=reference)
    photos, _ = rectangles(60, seed=5)
    assert not tl.monitor(watching, photos).alarm
    empty = tl.monitor(watching, np.full_like(photos, 128) + photos // 32)
    assert "objects" in empty.drifted


@pytest.mark.parametrize("format", ["onnx", pytest.param("litert", marks=pytest.mark.full)])
def test_an_export_holds_suppression_and_is_checked_by_its_boxes(fitted, tmp_path, format):
    export = tl.export(fitted, tmp_path / "export", rectangles(12, seed=3), format=format)
    assert export.checked.equal == 1
    assert export.checked.keras_score == pytest.approx(export.checked.exported_score, abs=1e-3)
    photos, _ = rectangles(4, seed=2)
    runner = tl.edge.Runner(tmp_path / "export")
    assert runner.description.outputs["detections"].shape == (None, 100, 6)
    for one, other in zip(fitted.predict(photos), runner.predict(list(photos)), strict=True):
        assert one.labels == other.labels
        np.testing.assert_allclose(one.boxes, other.boxes, atol=0.05)
    told = runner.output_reader.as_json(runner.predict(photos[1]))
    assert set(told["objects"][0]) == {"label", "score", "box"}


def test_predictions_draw_themselves_and_are_written(fitted, tmp_path):
    photos, _ = rectangles(3, seed=2)
    files = []
    for i, photo in enumerate(photos):
        files.append(tmp_path / f"{i}.png")
        Image.fromarray(photo).save(files[-1])
    found = fitted.predict(files)
    reader = fitted.encoding.output_reader()
    reader.write_predictions(found, tmp_path / "drawn")
    assert {path.name for path in (tmp_path / "drawn").iterdir()} == {
        "0.png",
        "1.png",
        "2.png",
        "boxes.json",
    }
    written = json.loads((tmp_path / "drawn" / "boxes.json").read_text("utf-8"))
    assert len(written["annotations"]) == sum(map(len, found))
    assert {one["name"] for one in written["categories"]} == set(NAMES)
    number = next(i for i, one in enumerate(found) if len(one))
    with Image.open(tmp_path / "drawn" / f"{number}.png") as drawn:
        assert (np.asarray(drawn) != photos[number]).any()
    assert found[number].labels[0] in found[number]._repr_html_()
    with pytest.raises(ValueError, match="as a picture"):
        found[0].save(tmp_path / "boxes.txt")


def test_the_command_line_prints_boxes_and_scores(fitted, tmp_path, capsys):
    photos, _ = rectangles(2, seed=2)
    files = [tmp_path / "objects.png", tmp_path / "grey.png"]
    for file, photo in zip(files, (photos[1], np.full_like(photos[1], 128)), strict=True):
        Image.fromarray(photo).save(file)
    fitted.save(tmp_path / "save")
    asked = ["predict", str(tmp_path / "save"), *map(str, files)]
    assert main([*asked, "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    found = fitted.predict(files[0])
    assert len(found) > 0
    assert first.keys() == {"path", "objects", "size"}
    assert [one["label"] for one in first["objects"]] == list(found.labels)
    np.testing.assert_allclose([one["box"] for one in first["objects"]], found.boxes, atol=1e-3)
    np.testing.assert_allclose([one["score"] for one in first["objects"]], found.scores, atol=1e-5)
    assert second["objects"] == []
    assert main(asked) == 0
    assert capsys.readouterr().out.splitlines()[1] == f"{files[1]}\t-"


ANCHORS = tl.heads.RetinaNetHead(width=16, depth=1, groups=4, features=("stride_2", "stride_4"))


def test_anchors_are_those_of_the_data_and_learn_by_their_overlap(backbone):
    training = builder(backbone, head=ANCHORS).prepare(rectangles(16), rectangles(8, seed=1))
    assert isinstance(training.objective.loss, tl.tasks.AnchorLoss)
    encoding = training.encoding
    chosen = ANCHORS.for_boxes(encoding.sides, encoding.ratios)
    assert len(chosen.ratios) > 1  # rectangles are wide, square or high
    places = (15 * 15 + 7 * 7) * len(chosen.sizes) * len(chosen.ratios)
    assert training.network.model.output_shape == (None, places, 2 + 10)
    assert BoxEncoding.load(json.loads(json.dumps(encoding.settings()))) == encoding


@pytest.mark.full
def test_a_head_with_anchors_learns_and_is_exported(backbone, tmp_path):
    made = builder(backbone, head=ANCHORS).fit(
        rectangles(64), rectangles(30, seed=1), epochs=8, cache=True, verbose=0
    )
    assert made.evaluate(rectangles(30, seed=1)).map_50 > 0.5
    export = tl.export(made, tmp_path / "export", rectangles(12, seed=3), format="onnx")
    assert export.checked.equal == 1


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        pytest.param({"freeze": "all"}, {"cache": True}, id="stored", marks=pytest.mark.core),
        pytest.param({"freeze": "none", "head": ANCHORS}, {}, id="whole", marks=pytest.mark.full),
        pytest.param({"augmentation": "mosaic"}, {}, id="mosaic", marks=pytest.mark.full),
    ],
)
def test_a_run_that_is_killed_ends_with_the_same_weights(backbone, settings, options):
    options = {"epochs": 2, "validation_data": rectangles(4, seed=1), **options}
    tl.testing.check_resume(builder(backbone, **settings), rectangles(16), **options)


@pytest.mark.full
def test_a_run_whose_time_is_up_goes_on_to_the_same_weights(backbone, tmp_path, monkeypatch):
    seconds = itertools.count()  # one passes whenever the clock is read
    monkeypatch.setattr(limit, "monotonic", lambda: float(next(seconds)))

    def fit(folder, **options):
        options |= {"epochs": 4, "cache": True, "verbose": 0, "resume": folder}
        return builder(backbone).fit(rectangles(16), rectangles(4, seed=1), **options)

    part = fit(tmp_path / "part", time_limit=6)
    assert part.phases[-1].left_out
    whole, part = fit(tmp_path / "whole"), fit(tmp_path / "part")
    assert not part.phases[-1].left_out
    for one, other in zip(part.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert part.history.history == whole.history.history
    assert part.encoding == whole.encoding  # with the thresholds of each class


@pytest.mark.full
@pytest.mark.parametrize("varied", [{}, {"augmentation": "mosaic", "views": 3}])
def test_stored_features_train_the_same_weights(backbone, varied):
    weights = []
    for cache in (True, False):
        made = builder(backbone, freeze="all", **varied).fit(
            rectangles(16), rectangles(8, seed=1), epochs=2, cache=cache, verbose=0
        )
        assert (made.phases[0].stored is not None) == cache
        weights.append(made.model.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.core
def test_build_makes_a_plain_model(backbone):
    model = builder(backbone, freeze="all").build(2)
    assert model.output_shape == (None, 15 * 15 + 7 * 7, 2 + 10)
    assert isinstance(model, keras.Model)
    boxes = np.tile([0, 0, 1, 1, -1, 1024, 0], (4, 3, 1)).astype("float32")
    boxes[:, 0] = [0.2, 0.2, 0.6, 0.7, 1, 200, 0]
    photos, _ = rectangles(4)
    assert np.isfinite(model.fit(photos, boxes, verbose=0).history["loss"][0])


def test_what_cannot_work_is_refused(backbone):
    with pytest.raises(TypeError, match="head is a decoder"):
        builder(backbone, head=tl.heads.PooledDense())
    with pytest.raises(ValueError, match="leave mixup out"):
        builder(backbone, mixup=0.2)
    with pytest.raises(ValueError, match="leave the boxes where they were"):
        builder(backbone, augmentation=keras.layers.RandomFlip())
    with pytest.raises(ValueError, match="one of none, light, strong, mosaic"):
        builder(backbone, augmentation="mosaics")
    with pytest.raises(ValueError, match="one of none, light, strong\\. "):
        tl.ImageSegmenterBuilder(backbone, augmentation="mosaic")
    with pytest.raises(ValueError, match="12 numbers a query"):
        builder(backbone, head=Squashed()).build(2)


class Squashed(tl.heads.Decoder):
    """A head whose numbers are all between 0 and 1."""

    def __call__(self, features, outputs):
        rows = keras.layers.Reshape((-1, 16))(features["last"])
        return {name: keras.layers.Dense(10, "sigmoid")(rows) for name in outputs}


def test_what_is_found_is_drawn(fitted):
    data = rectangles(30, seed=1)
    scores = fitted.evaluate(data)
    worst = [one.item for one in tl.plotting.mistakes(scores, 3)]
    figure = tl.plotting.show_boxes(fitted, data, scores, count=3)
    assert len(figure.axes) == len(worst)
    names = fitted.encoding.class_names
    for photo, ax in zip(worst, figure.axes, strict=True):
        said = fitted.predict(data[0][photo])
        # A rectangle for each box that is there, dashed, and for each that is reported.
        assert len(ax.patches) == len(data[1]["boxes"][photo]) + len(said)
        # The names of what is reported have a score; those of what is missed have none.
        missed = [text.get_text() for text in ax.texts if text.get_text() in names]
        assert len(ax.texts) - len(missed) == len(said)
        assert len(missed) >= len(data[1]["boxes"][photo]) - len(said)
        assert "F1" in ax.get_xlabel()
        inside = ax.get_window_extent()
        for text in ax.texts:
            name = text.get_window_extent()
            assert inside.y0 - 1 <= name.y0
            assert name.y1 <= inside.y1 + 1
    assert set(tl.plotting.pictures(scores)) == {"Precision by recall", "Confusion of classes"}
    for draw in tl.plotting.pictures(scores).values():
        draw()


def test_a_crowd_is_drawn_and_never_said_to_be_missed(fitted, tmp_path):
    photos, targets = rectangles(2, seed=1)
    x0, y0, x1, y1 = map(float, targets["boxes"][1][0])
    Image.fromarray(photos[1]).save(tmp_path / "0.png")
    boxes = [[x0, y0, x1 - x0, y1 - y0], [0, 0, 32, 32]]
    rows = [
        {"id": i, "image_id": 1, "category_id": 1, "bbox": box, "iscrowd": i}
        for i, box in enumerate(boxes)
    ]
    content = {
        "images": [{"id": 1, "file_name": "0.png"}],
        "annotations": rows,
        "categories": [{"id": i, "name": name} for i, name in enumerate(NAMES)],
    }
    (tmp_path / "coco.json").write_text(json.dumps(content))
    silent = replace(fitted, encoding=replace(fitted.encoding, thresholds=(1.0, 1.0)))
    (ax,) = tl.plotting.show_boxes(silent, tmp_path / "coco.json").axes
    assert len(ax.patches) == 2
    assert sorted(patch.get_linestyle() for patch in ax.patches) == ["--", ":"]
    assert len(ax.texts) == 1  # the object alone is missed


def test_the_card_says_how_photos_are_fed_and_names_what_the_hub_knows(fitted, tmp_path):
    fitted.save(tmp_path / "saved")
    card = (tmp_path / "saved" / "README.md").read_text()
    assert "pipeline_tag: object-detection" in card
    assert "bars of grey \\(114\\)" in card
    assert "| red |" in card
    stretched = replace(fitted.encoding, letterboxed=False)
    assert "grey" not in outputs_in_words(stretched)
